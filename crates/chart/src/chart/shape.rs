//! How Go's JSON decoder, behind its YAML reader, fits a tree into a typed struct: numbers and booleans
//! become text where text is wanted, field names match in any case, null leaves a field as it was, and
//! what does not fit is an error that names the field.

use serde_json::Map;

use crate::Json;
use crate::go::num;

/// The type that a tree shall have.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Go's string.
    Text,
    /// Go's bool.
    Bool,
    /// Anything.
    Any,
    /// Go's slice; pointers keep a null element, the rest make it an empty one.
    List(&'static Shape),
    /// Go's `map[string]T`.
    Map(&'static Shape),
    /// Go's struct, or a pointer to one.
    Struct(&'static Struct),
}

/// A struct: its Go name and its fields by JSON name.
#[derive(Debug)]
pub(crate) struct Struct {
    /// The name in errors (`Metadata`); empty for an anonymous one.
    pub(crate) name: &'static str,
    /// The name with its package (`chart.Metadata`), or the whole definition of an anonymous one.
    pub(crate) full: &'static str,
    /// Fields.
    pub(crate) fields: &'static [(&'static str, Shape)],
}

impl Shape {
    fn go_name(&self, pointer: bool) -> String {
        match self {
            Self::Text => "string".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Any => "interface {}".to_owned(),
            Self::List(of) => format!("[]{}", of.go_name(true)),
            Self::Map(of) => format!("map[string]{}", of.go_name(true)),
            Self::Struct(s) if pointer => format!("*{}", s.full),
            Self::Struct(s) => s.full.to_owned(),
        }
    }
}

/// Where in the target the decoder is.
#[derive(Clone)]
struct At<'a> {
    owner: Option<&'a str>,
    path: String,
}

/// Fits a tree into a struct. The error is Go's, from `json: cannot unmarshal` on.
pub(crate) fn fit(tree: Json, to: &'static Struct) -> Result<Map<String, Json>, String> {
    let mut first_error = None;
    let out = fit_struct(tree, to, &At { owner: None, path: String::new() }, &mut first_error);
    match first_error {
        Some(e) => Err(format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {e}")),
        None => Ok(match out {
            Some(Json::Object(map)) => map,
            _ => Map::new(),
        }),
    }
}

/// The tree of a whole document that must be a mapping, such as values: null is an empty one.
pub(crate) fn fit_map(tree: Json) -> Result<Map<String, Json>, String> {
    match tree {
        Json::Object(map) => Ok(map),
        Json::Null => Ok(Map::new()),
        other => Err(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            go_kind(&other)
        )),
    }
}

fn go_kind(tree: &Json) -> &'static str {
    match tree {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The text that a scalar becomes where text is wanted.
fn as_text(tree: Json) -> Json {
    match tree {
        Json::Bool(b) => Json::String(b.to_string()),
        Json::Number(n) => Json::String(if let Some(i) = n.as_i64() {
            i.to_string()
        } else if let Some(u) = n.as_u64() {
            u.to_string()
        } else {
            num::float32(n.as_f64().unwrap_or_default())
        }),
        other => other,
    }
}

fn mismatch(tree: &Json, shape: &Shape, at: &At<'_>) -> String {
    let value = go_kind(tree);
    let ty = shape.go_name(false);
    match at.owner {
        None => format!("{value} into Go value of type {ty}"),
        Some(owner) => format!("{value} into Go struct field {owner}.{} of type {ty}", at.path),
    }
}

fn fit_shape(tree: Json, shape: &'static Shape, at: &At<'_>, err: &mut Option<String>) -> Option<Json> {
    let tree = if matches!(shape, Shape::Text) { as_text(tree) } else { tree };
    match (shape, tree) {
        (Shape::Any, tree) => Some(tree),
        (_, Json::Null) => None,
        (Shape::Text, tree @ Json::String(_)) | (Shape::Bool, tree @ Json::Bool(_)) => Some(tree),
        (Shape::List(of), Json::Array(items)) => {
            let fitted = items.into_iter().map(|item| fit_shape(item, of, at, err).unwrap_or(empty(of)));
            Some(Json::Array(fitted.collect()))
        }
        (Shape::Map(of), Json::Object(map)) => {
            let fitted = map.into_iter().map(|(k, v)| (k, fit_shape(v, of, at, err).unwrap_or(empty(of))));
            Some(Json::Object(fitted.collect()))
        }
        (Shape::Struct(s), tree) => fit_struct(tree, s, at, err),
        (shape, tree) => {
            err.get_or_insert(mismatch(&tree, shape, at));
            None
        }
    }
}

/// What a null element of a list or map is.
fn empty(of: &Shape) -> Json {
    match of {
        Shape::Text => Json::String(String::new()),
        Shape::Bool => Json::Bool(false),
        _ => Json::Null,
    }
}

fn fit_struct(tree: Json, to: &'static Struct, at: &At<'_>, err: &mut Option<String>) -> Option<Json> {
    let Json::Object(map) = tree else {
        if !tree.is_null() {
            err.get_or_insert(mismatch(&tree, &Shape::Struct(to), at));
        }
        return None;
    };
    let mut out = Map::new();
    let mut keys: Vec<(String, Json)> = map.into_iter().collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in keys {
        let exact = to.fields.iter().find(|(name, _)| *name == key);
        let Some((name, shape)) = exact.or_else(|| to.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key))) else {
            continue;
        };
        let path = if at.path.is_empty() { (*name).to_owned() } else { format!("{}.{name}", at.path) };
        if let Some(fitted) = fit_shape(value, shape, &At { owner: Some(to.name), path }, err) {
            out.insert((*name).to_owned(), fitted);
        }
    }
    Some(Json::Object(out))
}
