//! Values from and to JSON trees.

use std::collections::HashSet;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as JsonMap, Number};

use super::{ListType, Map, MapType, Struct, Value};
use crate::Json;
use crate::go::json;

/// Go's encoder gives up on cycles after this many levels.
const MAX_DEPTH: usize = 1_000;

impl Value {
    /// A value from JSON as Helm reads values, which is Go's `json.Unmarshal`: every number becomes a `float64`.
    pub fn from_json(json: &Json) -> Value {
        from(json, false)
    }

    /// A value from JSON with integers kept as `int64`, as objects of the cluster have them: Kubernetes'
    /// `unstructured.Unstructured`.
    pub fn from_json_with_integers(json: &Json) -> Value {
        from(json, true)
    }

    /// The root values of a chart from JSON: as [`Value::from_json`], of type `chartutil.Values`. Anything but a map is an empty one.
    pub fn values_from_json(json: &Json) -> Value {
        match json {
            Json::Object(map) => Value::Map(Map::new(MapType::Values, entries(map, false))),
            _ => Value::typed_map(MapType::Values, Default::default()),
        }
    }

    /// This value as JSON, as Go's `json.Marshal` sees it. Integers stay integers.
    ///
    /// # Errors
    /// On values that contain themselves, and on floats that JSON has no form for.
    pub fn to_json(&self) -> Result<Json, ToJsonError> {
        to(self, 0)
    }
}

/// Why a value has no JSON form: Go's `json.UnsupportedValueError` (encoding/json/encode.go).
#[derive(Debug, thiserror::Error)]
pub enum ToJsonError {
    /// The value is cyclic or nested beyond reason.
    #[error("json: unsupported value: encountered a cycle via {0}")]
    Depth(String),
    /// NaN and the infinities are no JSON.
    #[error("json: unsupported value: {0}")]
    Float(&'static str),
}

/// How JSON text is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `json.Marshal`
    Html,
    /// Without escapes for `<`, `>` and `&`
    Raw,
    /// `json.MarshalIndent` with two spaces
    Pretty,
}

/// The JSON text of a value, with the fields of structs in their order.
pub(crate) fn json_text(value: &Value, layout: Layout) -> Result<String, ToJsonError> {
    let mut writer = Writer { out: String::new(), layout };
    writer.value(value, 0, 0)?;
    Ok(writer.out)
}

/// The type of the first container that is met within itself, where a value is so deep that Go's encoder begins to look for one.
pub(super) fn cycle_at(value: &Value, depth: usize) -> Option<String> {
    match depth {
        // Once for what lies below, which is then known to end.
        MAX_DEPTH => Walk::default().cycle(value),
        _ => (depth > 3 * MAX_DEPTH).then(|| value.type_name()),
    }
}

/// The containers on the way here, and those that hold no cycle.
#[derive(Default)]
struct Walk {
    way: Vec<*const ()>,
    done: HashSet<*const ()>,
}

impl Walk {
    fn cycle(&mut self, value: &Value) -> Option<String> {
        let place: *const () = match value {
            Value::List(list) => Rc::as_ptr(list).cast(),
            Value::Map(map) => map.downgrade().as_ptr().cast(),
            Value::Struct(object) => return object.fields.iter().find_map(|field| self.cycle(field)),
            _ => return None,
        };
        if self.done.contains(&place) {
            return None;
        }
        if self.way.contains(&place) || self.way.len() > MAX_DEPTH {
            return Some(value.type_name());
        }
        self.way.push(place);
        let found = match value {
            Value::List(list) => list.items.iter().find_map(|item| self.cycle(item)),
            Value::Map(map) => map.borrow().values().find_map(|item| self.cycle(item)),
            _ => None,
        };
        self.way.pop();
        self.done.insert(place);
        found
    }
}

struct Writer {
    out: String,
    layout: Layout,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.push_str(&json::quote_string(text, self.layout != Layout::Raw));
    }

    /// A string that is not UTF-8: each byte that does not fit is the escape of U+FFFD.
    fn bytes(&mut self, bytes: &[u8]) {
        self.out.push('"');
        for chunk in bytes.utf8_chunks() {
            let quoted = json::quote_string(chunk.valid(), self.layout != Layout::Raw);
            self.out.push_str(&quoted[1..quoted.len() - 1]);
            self.out.extend(chunk.invalid().iter().map(|_| "\\ufffd"));
        }
        self.out.push('"');
    }

    fn value(&mut self, value: &Value, depth: usize, indent: usize) -> Result<(), ToJsonError> {
        // sprig hands this encoder a pointer to the value, which counts.
        if let Some(via) = cycle_at(value, depth + usize::from(self.layout == Layout::Raw)) {
            return Err(ToJsonError::Depth(via));
        }
        match value {
            Value::Str(text) => self.text(text),
            Value::Raw(bytes) => self.bytes(bytes),
            Value::List(list) if !list.nil => {
                self.out.push('[');
                for (i, item) in list.items.iter().enumerate() {
                    self.separate(i, indent + 1);
                    self.value(item, depth + 1, indent + 1)?;
                }
                self.close(list.items.is_empty(), indent, ']');
            }
            Value::Map(map) if !map.nil => {
                self.out.push('{');
                for (i, (key, value)) in map.borrow().iter().enumerate() {
                    self.entry(i, key, value, depth, indent)?;
                }
                self.close(map.is_empty(), indent, '}');
            }
            Value::Struct(object) if object.ty.json_as.is_none() => {
                self.out.push('{');
                let mut count = 0;
                self.fields(object, &mut count, depth, indent)?;
                self.close(count == 0, indent, '}');
            }
            plain => match to(plain, depth)? {
                Json::String(text) => self.text(&text),
                Json::Number(number) => self.out.push_str(&json::number(&number)),
                other => self.out.push_str(&other.to_string()),
            },
        }
        Ok(())
    }

    fn fields(&mut self, object: &Struct, count: &mut usize, depth: usize, indent: usize) -> Result<(), ToJsonError> {
        for (field, value) in object.ty.fields.iter().zip(&object.fields) {
            match value {
                Value::Struct(inner) if field.embedded => self.fields(inner, count, depth, indent)?,
                value if field.omit_empty && super::is_empty(value) => {}
                value => {
                    self.entry(*count, field.json, value, depth, indent)?;
                    *count += 1;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, i: usize, key: &str, value: &Value, depth: usize, indent: usize) -> Result<(), ToJsonError> {
        self.separate(i, indent + 1);
        self.text(key);
        self.out.push_str(if self.layout == Layout::Pretty { ": " } else { ":" });
        self.value(value, depth + 1, indent + 1)
    }

    fn separate(&mut self, i: usize, indent: usize) {
        if i > 0 {
            self.out.push(',');
        }
        self.line(indent);
    }

    fn close(&mut self, empty: bool, indent: usize, bracket: char) {
        if !empty {
            self.line(indent);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, indent: usize) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", indent));
        }
    }
}

fn from(json: &Json, integers: bool) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(i) if integers => Value::Int64(i),
            _ => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(s) => Value::Str(s.as_str().into()),
        Json::Array(items) => Value::list(items.iter().map(|item| from(item, integers)).collect()),
        Json::Object(map) => Value::map(entries(map, integers)),
    }
}

fn entries(map: &JsonMap<String, Json>, integers: bool) -> std::collections::BTreeMap<super::Str, Value> {
    map.iter().map(|(key, value)| (key.as_str().into(), from(value, integers))).collect()
}

fn to(value: &Value, depth: usize) -> Result<Json, ToJsonError> {
    if let Some(via) = cycle_at(value, depth) {
        return Err(ToJsonError::Depth(via));
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => Json::from(*i),
        Value::Uint8(u) => Json::from(*u),
        Value::Uint64(u) => Json::from(*u),
        Value::Float(f) => Json::Number(Number::from_f64(*f).ok_or(ToJsonError::Float(match *f {
            f if f.is_nan() => "NaN",
            f if f > 0.0 => "+Inf",
            _ => "-Inf",
        }))?),
        Value::Str(s) => Json::String(s.to_string()),
        Value::Raw(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes.as_ref())),
        Value::List(list) if list.nil => Json::Null,
        Value::List(list) => Json::Array(list.items.iter().map(|item| to(item, depth + 1)).collect::<Result<_, _>>()?),
        Value::Map(map) if map.nil => Json::Null,
        Value::Map(map) => {
            let mut out = JsonMap::new();
            for (key, value) in map.borrow().iter() {
                out.insert(key.to_string(), to(value, depth + 1)?);
            }
            Json::Object(out)
        }
        Value::Struct(object) if object.ty.json_as.is_some() => {
            object.ty.json_as.and_then(|field| object.fields.get(field)).map_or(Ok(Json::Null), |field| to(field, depth + 1))?
        }
        Value::Struct(object) => {
            let mut out = JsonMap::new();
            fields(object, &mut out, depth)?;
            Json::Object(out)
        }
        Value::Time(time) => Json::String(time.rfc3339_nano()),
    })
}

fn fields(object: &Struct, out: &mut JsonMap<String, Json>, depth: usize) -> Result<(), ToJsonError> {
    for (field, value) in object.ty.fields.iter().zip(&object.fields) {
        match value {
            Value::Struct(inner) if field.embedded => fields(inner, out, depth)?,
            value if field.omit_empty && super::is_empty(value) => {}
            value => {
                out.insert(field.json.to_owned(), to(value, depth + 1)?);
            }
        }
    }
    Ok(())
}

impl ListType {
    /// True where the elements are of an interface type, so that a missing one is nil.
    pub(crate) fn holds_interfaces(self) -> bool {
        self == ListType::Any
    }
}
