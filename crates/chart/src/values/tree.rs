//! Values as Go has them: maps and lists are references. Helm's merging shares sub-maps between charts and
//! changes them in place, and templates see the result, so the sharing is part of the behaviour.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Number};

use crate::Json;

/// A map that its holders share.
pub(crate) type MapRef = Rc<RefCell<BTreeMap<String, Node>>>;

/// One value.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<RefCell<Vec<Node>>>),
    Map(MapRef),
}

/// A new, empty map.
pub(crate) fn new_map() -> MapRef {
    Rc::new(RefCell::new(BTreeMap::new()))
}

/// The value of a key.
pub(crate) fn get(map: &MapRef, key: &str) -> Option<Node> {
    map.borrow().get(key).cloned()
}

/// Sets a key.
pub(crate) fn put(map: &MapRef, key: &str, value: Node) {
    map.borrow_mut().insert(key.to_owned(), value);
}

/// The keys and values at this moment.
pub(crate) fn entries(map: &MapRef) -> Vec<(String, Node)> {
    map.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// A copy that shares nothing.
pub(crate) fn deep_copy(map: &MapRef) -> MapRef {
    Rc::new(RefCell::new(map.borrow().iter().map(|(k, v)| (k.clone(), v.deep_copy())).collect()))
}

/// A copy of the map alone: what is in it stays shared.
pub(crate) fn shallow_copy(map: &MapRef) -> MapRef {
    Rc::new(RefCell::new(map.borrow().clone()))
}

/// A tree of its own from a JSON mapping.
pub(crate) fn from_json_map(map: &Map<String, Json>) -> MapRef {
    Rc::new(RefCell::new(map.iter().map(|(k, v)| (k.clone(), Node::from_json(v))).collect()))
}

/// The JSON mapping of a tree.
pub(crate) fn to_json_map(map: &MapRef) -> Map<String, Json> {
    map.borrow().iter().map(|(k, v)| (k.clone(), v.to_json())).collect()
}

/// The table at a dotted path; the error names the part that is none.
pub(crate) fn table(map: &MapRef, path: &str) -> Result<MapRef, String> {
    let mut here = Rc::clone(map);
    for part in path.split('.') {
        let next = match here.borrow().get(part) {
            Some(Node::Map(next)) => Rc::clone(next),
            _ => return Err(format!("{} is not a table", crate::go::quote::quote(part))),
        };
        here = next;
    }
    Ok(here)
}

/// The value at a dotted path that is no table.
pub(crate) fn path_value(map: &MapRef, path: &str) -> Option<Node> {
    let (holder, key) = match path.rsplit_once('.') {
        Some((tables, key)) => (table(map, tables).ok()?, key),
        None => (Rc::clone(map), path),
    };
    get(&holder, key).filter(|v| !v.is_map())
}

impl Node {
    /// Whether it is a map.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    fn deep_copy(&self) -> Self {
        match self {
            Self::List(items) => Self::List(Rc::new(RefCell::new(items.borrow().iter().map(Self::deep_copy).collect()))),
            Self::Map(map) => Self::Map(deep_copy(map)),
            plain => plain.clone(),
        }
    }

    /// A tree of its own.
    pub(crate) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => n.as_i64().map_or_else(|| Self::Float(n.as_f64().unwrap_or_default()), Self::Int),
            Json::String(s) => Self::Text(Rc::from(s.as_str())),
            Json::Array(items) => Self::List(Rc::new(RefCell::new(items.iter().map(Self::from_json).collect()))),
            Json::Object(map) => Self::Map(from_json_map(map)),
        }
    }

    /// The JSON of the tree.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Int(i) => Json::from(*i),
            Self::Float(f) => Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Self::Text(s) => Json::String(s.to_string()),
            Self::List(items) => Json::Array(items.borrow().iter().map(Self::to_json).collect()),
            Self::Map(map) => Json::Object(to_json_map(map)),
        }
    }

    /// The Go type, as `%T` prints it.
    pub(crate) fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
    }

    /// The value as Go's `%v` prints it, for warnings.
    pub(crate) fn go_text(&self) -> String {
        match self {
            Self::Null => "<nil>".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => crate::go::num::float(*f),
            Self::Text(s) => s.to_string(),
            Self::List(items) => {
                let parts: Vec<String> = items.borrow().iter().map(Self::go_text).collect();
                format!("[{}]", parts.join(" "))
            }
            Self::Map(map) => {
                let parts: Vec<String> = map.borrow().iter().map(|(k, v)| format!("{k}:{}", v.go_text())).collect();
                format!("map[{}]", parts.join(" "))
            }
        }
    }
}
