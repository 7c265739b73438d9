//! Values as templates see them: Go's types, with maps that are shared and can be changed in place.

mod equal;
mod json;
mod pretty;
mod types;

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use equal::{deep_equal, is_empty, truth};
pub use json::ToJsonError;
pub(crate) use json::{Layout, json_text};
pub(crate) use pretty::yaml_pretty;
pub(crate) use types::{Field, Kind, StructType};
pub use types::{ListType, MapType, NamedInt};

use crate::go::time::Time;

/// The text of a string value and of a map key: cheap to clone, shared with the parsed template.
pub type Str = Arc<str>;

/// One value of a template: of a Go type that templates and their functions can tell apart.
///
/// Not `Send`: maps are reference-counted and change in place, so a render stays on its thread.
#[derive(Clone, Default)]
pub enum Value {
    /// No value: Go's nil.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`: literals, `int`, `len`, `until`
    Int(i64),
    /// `int64`: `int64`, `add` and the other integer arithmetic
    Int64(i64),
    /// `uint8`: a byte of an indexed string
    Uint8(u8),
    /// `uint64`: parts of a semantic version
    Uint64(u64),
    /// `float64`: every number that came from YAML or JSON
    Float(f64),
    /// An integer of a named type that prints itself, such as `time.Duration`
    Named(NamedInt, i64),
    /// `string`
    Str(Str),
    /// `string` whose bytes are not UTF-8, as `trunc` or `b64dec` can make
    Raw(Rc<[u8]>),
    /// `[]byte`
    Bytes(Rc<Bytes>),
    /// A slice
    List(Rc<List>),
    /// A map with string keys
    Map(Map),
    /// A struct, or a pointer to one
    Struct(Rc<Struct>),
    /// `time.Time`
    Time(Rc<Time>),
}

/// A Go slice. Never changed in place: no function of Helm writes through a slice.
pub struct List {
    pub(crate) ty: ListType,
    pub(crate) nil: bool,
    pub(crate) items: Vec<Value>,
}

/// A Go map with string keys, which is a reference. Every holder of a clone sees what is changed through one, whatever map type
/// it sees the entries under.
#[derive(Clone)]
pub struct Map {
    pub(crate) ty: MapType,
    pub(crate) nil: bool,
    entries: Rc<Entries>,
}

/// The entries of a map, which its references share.
#[derive(Default)]
pub(crate) struct Entries(RefCell<BTreeMap<Str, Value>>);

/// A Go struct with its fields in the order of its type, or a pointer to one.
pub struct Struct {
    pub(crate) ty: &'static StructType,
    pub(crate) pointer: bool,
    pub(crate) fields: Vec<Value>,
}

impl Value {
    /// A string.
    pub fn str(text: impl Into<Str>) -> Value {
        Value::Str(text.into())
    }

    /// A string of any bytes: kept as they are where they are not UTF-8.
    pub fn bytes_as_string(bytes: Vec<u8>) -> Value {
        match String::from_utf8(bytes) {
            Ok(text) => Value::Str(text.into()),
            Err(err) => Value::Raw(err.into_bytes().into()),
        }
    }

    /// A `[]byte`.
    pub fn bytes(bytes: Bytes) -> Value {
        Value::Bytes(Rc::new(bytes))
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Value {
        Value::typed_list(ListType::Any, items)
    }

    /// A slice of the given type.
    pub fn typed_list(ty: ListType, items: Vec<Value>) -> Value {
        Value::List(Rc::new(List { ty, nil: false, items }))
    }

    /// A nil slice of the given type: empty, but `null` in JSON.
    pub fn nil_list(ty: ListType) -> Value {
        Value::List(Rc::new(List { ty, nil: true, items: Vec::new() }))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Value {
        Value::typed_list(ListType::Str, items.into_iter().map(|s| Value::Str(s.into())).collect())
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: BTreeMap<Str, Value>) -> Value {
        Value::typed_map(MapType::Any, entries)
    }

    /// A map of the given type.
    pub fn typed_map(ty: MapType, entries: BTreeMap<Str, Value>) -> Value {
        Value::Map(Map::new(ty, entries))
    }

    /// A nil map of the given type: empty, but `null` in JSON, and not to be written to.
    pub fn nil_map(ty: MapType) -> Value {
        Value::Map(Map { ty, nil: true, entries: Rc::default() })
    }

    /// A struct, or a pointer to one, of a type that this crate knows.
    pub(crate) fn structure(ty: &'static StructType, pointer: bool, fields: Vec<Value>) -> Value {
        debug_assert_eq!(ty.fields.len(), fields.len());
        Value::Struct(Rc::new(Struct { ty, pointer, fields }))
    }

    /// The same map under another type: a change through either is seen through both. Other values stay as they are.
    pub fn retyped(&self, ty: MapType) -> Value {
        match self {
            Value::Map(map) => Value::Map(Map { ty, ..map.clone() }),
            other => other.clone(),
        }
    }

    /// A `time.Time`.
    pub fn time(time: Time) -> Value {
        Value::Time(Rc::new(time))
    }

    /// True for nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// The map behind this value, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text of a string value. None for other types and for strings that are not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a string value of any content.
    pub(crate) fn string_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Str(text) => Some(text.as_bytes()),
            Value::Raw(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The entry of a map, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.as_map()?.get(key)
    }

    /// The length of anything that has one.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Value::Str(text) => Some(text.len()),
            Value::Raw(bytes) => Some(bytes.len()),
            Value::Bytes(bytes) => Some(bytes.len()),
            Value::List(list) => Some(list.items.len()),
            Value::Map(map) => Some(map.len()),
            _ => None,
        }
    }
}

impl Map {
    /// A map with these entries.
    pub fn new(ty: MapType, entries: BTreeMap<Str, Value>) -> Map {
        Map { ty, nil: false, entries: Rc::new(Entries(RefCell::new(entries))) }
    }

    /// True where both refer to one map.
    pub fn same(&self, other: &Map) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }

    /// A copy of the entry under this key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.borrow().get(key).cloned()
    }

    /// Sets an entry in place: every holder of this map sees it.
    pub fn insert(&self, key: Str, value: Value) {
        let old = self.entries.0.borrow_mut().insert(key, value);
        // dropped only now: what it held may refer to this map
        drop(old);
    }

    /// Removes an entry in place.
    pub fn remove(&self, key: &str) {
        let old = self.entries.0.borrow_mut().remove(key);
        drop(old);
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.borrow().len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.borrow().is_empty()
    }

    /// The entries, sorted by key, for reading. Not to be held while a template runs.
    pub fn borrow(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.entries.0.borrow()
    }

    /// The shared part, for those who must not keep it alive.
    pub(crate) fn downgrade(&self) -> Weak<Entries> {
        Rc::downgrade(&self.entries)
    }
}

impl Entries {
    /// Takes all entries out.
    pub(crate) fn clear(&self) {
        let entries = self.0.take();
        drop(entries);
    }
}

impl List {
    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Struct {
    /// The field of this name; embedded structs lend theirs.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        for (field, value) in self.ty.fields.iter().zip(&self.fields) {
            if field.name == name {
                return Some(value);
            }
        }
        self.ty.fields.iter().zip(&self.fields).filter(|(field, _)| field.embedded).find_map(|(_, value)| match value {
            Value::Struct(inner) => inner.field(name),
            _ => None,
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.type_name(), super::print::to_string(self))
    }
}

// Values nest as deep as a template likes to build them, deeper than a recursive drop could follow: containers hand
// their children to a list of their own.
impl Drop for Entries {
    fn drop(&mut self) {
        let entries = std::mem::take(self.0.get_mut());
        if entries.values().any(is_container) {
            drop_flat(entries.into_values().filter(is_container).collect());
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if self.items.iter().any(is_container) {
            drop_flat(std::mem::take(&mut self.items));
        }
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Struct(_))
}

fn drop_flat(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::Map(map) => {
                if let Some(mut inner) = Rc::into_inner(map.entries) {
                    let entries = std::mem::take(inner.0.get_mut());
                    pending.extend(entries.into_values().filter(is_container));
                }
            }
            Value::List(list) => {
                if let Some(mut list) = Rc::into_inner(list) {
                    pending.extend(std::mem::take(&mut list.items).into_iter().filter(is_container));
                }
            }
            Value::Struct(object) => {
                if let Some(object) = Rc::into_inner(object) {
                    pending.extend(object.fields.into_iter().filter(is_container));
                }
            }
            _ => {}
        }
    }
}

macro_rules! from {
    ($($ty:ty => $variant:expr),+ $(,)?) => {$(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Value {
                $variant(value)
            }
        }
    )+};
}

from! {
    bool => Value::Bool,
    f64 => Value::Float,
    Str => Value::Str,
    &str => |s: &str| Value::Str(s.into()),
    String => |s: String| Value::Str(s.into()),
    BTreeMap<Str, Value> => Value::map,
    Vec<Value> => Value::list,
}
