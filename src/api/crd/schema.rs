//! A compact way to write structural schemas, and a check of values against them.

use crate::object::Json;
use serde_json::{Map, json};

/// A schema under construction.
#[derive(Debug, Clone)]
pub(crate) struct Schema(Map<String, Json>);

fn of_type(name: &str) -> Schema {
    Schema(Map::from_iter([("type".to_owned(), json!(name))]))
}

/// Text.
pub(super) fn string() -> Schema {
    of_type("string")
}

/// True or false.
pub(super) fn boolean() -> Schema {
    of_type("boolean")
}

/// A whole number.
pub(super) fn integer() -> Schema {
    of_type("integer")
}

/// A whole number of 64 bits.
pub(super) fn int64() -> Schema {
    integer().with("format", json!("int64"))
}

/// A point in time.
pub(super) fn time() -> Schema {
    string().with("format", json!("date-time"))
}

/// One of these words.
pub(super) fn enumeration<const N: usize>(words: [&str; N]) -> Schema {
    string().with("enum", json!(words.as_slice()))
}

/// A mapping with these fields.
pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Schema)>) -> Schema {
    let properties: Map<String, Json> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema.into_json())).collect();
    let schema = of_type("object");
    if properties.is_empty() { schema } else { schema.with("properties", Json::Object(properties)) }
}

/// A list.
pub(super) fn list(items: Schema) -> Schema {
    of_type("array").with("items", items.into_json())
}

/// A mapping with any keys.
pub(super) fn map(values: Schema) -> Schema {
    of_type("object").with("additionalProperties", values.into_json())
}

/// Anything.
pub(super) fn anything() -> Schema {
    Schema(Map::new()).with("x-kubernetes-preserve-unknown-fields", json!(true))
}

impl Schema {
    fn with(mut self, key: &str, value: Json) -> Self {
        self.0.insert(key.into(), value);
        self
    }

    /// Fields that must be given.
    pub(super) fn required<const N: usize>(self, names: [&str; N]) -> Self {
        self.with("required", json!(names.as_slice()))
    }

    /// A regular expression.
    pub(super) fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", json!(pattern))
    }

    /// Bounds of the length, in characters.
    pub(super) fn length(self, least: u32, most: u32) -> Self {
        self.with("minLength", json!(least)).max_length(most)
    }

    /// The greatest length, in characters.
    pub(super) fn max_length(self, most: u32) -> Self {
        self.with("maxLength", json!(most))
    }

    /// The least number of items.
    pub(super) fn min_items(self, least: u32) -> Self {
        self.with("minItems", json!(least))
    }

    /// The least value.
    pub(super) fn minimum(self, least: i64) -> Self {
        self.with("minimum", json!(least))
    }

    /// What the API server fills in.
    pub(super) fn default(self, value: impl Into<Json>) -> Self {
        self.with("default", value.into())
    }

    /// The list is a mapping by this field.
    pub(super) fn keyed_by(self, key: &str) -> Self {
        self.with("x-kubernetes-list-type", json!("map")).with("x-kubernetes-list-map-keys", json!([key]))
    }

    /// A CEL rule and what to say where it does not hold.
    pub(super) fn rule(mut self, rule: &str, message: &str) -> Self {
        let rules = self.0.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        rules.as_array_mut().expect("made as a list above").push(json!({"rule": rule, "message": message}));
        self
    }

    /// A description.
    pub(super) fn about(self, text: &str) -> Self {
        self.with("description", json!(text))
    }

    /// As JSON.
    pub(super) fn into_json(self) -> Json {
        Json::Object(self.0)
    }
}

/// What is wrong with a value: path, problem, advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The field.
    pub(crate) path: String,
    /// What is wrong, as the rest of a sentence that begins with the path.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) advice: String,
}

/// Checks a value against a schema: types, required fields, enums, patterns, bounds. Unknown fields pass, and so does `null`,
/// which the API server takes as absent. CEL rules are not looked at.
pub(crate) fn check(schema: &Json, value: &Json, path: &str, out: &mut Vec<Mismatch>) {
    let mut fail = |path: &str, problem: String, advice: String| out.push(Mismatch { path: path.into(), problem, advice });
    let word = |key: &str| schema.get(key).and_then(Json::as_str);
    let number = |key: &str| schema.get(key).and_then(Json::as_u64);
    if value.is_null() {
        return;
    }
    if let Some(expected) = word("type")
        && !has_type(value, expected)
    {
        return fail(
            path,
            format!("is {} where {} is expected", describe(value), article(expected)),
            format!("write {}", article(expected)),
        );
    }
    if let Some(words) = schema.get("enum").and_then(Json::as_array)
        && !words.contains(value)
    {
        let words: Vec<_> = words.iter().filter_map(Json::as_str).collect();
        fail(path, format!("is {}, which is no value of it", describe(value)), format!("write one of {}", words.join(", ")));
    }
    match value {
        Json::String(text) => {
            let length = text.chars().count() as u64;
            if number("minLength").is_some_and(|least| length < least) {
                fail(path, "is empty".into(), "fill it in or leave the field out".into());
            } else if let Some(most) = number("maxLength").filter(|most| length > *most) {
                fail(path, format!("has {length} characters"), format!("shorten it to {most}"));
            }
            if let Some(pattern) = word("pattern")
                && !matches_pattern(pattern, text)
            {
                fail(path, format!("is `{text}`, which does not have the form {pattern}"), advice_for(pattern).into());
            }
        }
        Json::Number(n) => {
            if let (Some(least), Some(n)) = (schema.get("minimum").and_then(Json::as_f64), n.as_f64())
                && n < least
            {
                fail(path, format!("is {n}"), format!("write at least {least}"));
            }
        }
        Json::Array(items) => {
            if number("minItems").is_some_and(|least| (items.len() as u64) < least) {
                fail(path, "has too few items".into(), "add one".into());
            }
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    check(schema, item, &format!("{path}[{index}]"), out);
                }
            }
        }
        Json::Object(map) => {
            for name in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
                let defaulted = schema["properties"][name].get("default").is_some();
                if map.get(name).is_none_or(Json::is_null) && !defaulted {
                    fail(&join(path, name), "is missing".into(), "add it".into());
                }
            }
            for (key, item) in map {
                let below = schema.get("properties").and_then(|p| p.get(key)).or_else(|| schema.get("additionalProperties"));
                if let Some(below) = below {
                    check(below, item, &join(path, key), out);
                }
            }
        }
        Json::Bool(_) | Json::Null => {}
    }
}

/// `a.b`; a key with a dot is put in brackets.
pub(crate) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (_, true) => format!("{path}[{key}]"),
        (true, _) => key.to_owned(),
        (false, _) => format!("{path}.{key}"),
    }
}

fn has_type(value: &Json, expected: &str) -> bool {
    match expected {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn article(name: &str) -> &str {
    match name {
        "string" => "text (put it in quotes)",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "array" => "a list",
        "object" => "a mapping",
        other => other,
    }
}

fn describe(value: &Json) -> String {
    match value {
        Json::String(text) => format!("`{text}`"),
        Json::Array(_) => "a list".into(),
        Json::Object(_) => "a mapping".into(),
        other => other.to_string(),
    }
}

fn advice_for(pattern: &str) -> &'static str {
    if pattern.contains("(ms|s|m") {
        "write a number with a unit, such as 30s, 5m or 1h"
    } else if pattern.contains("://") {
        "write a full URL with one of these schemes"
    } else {
        "write it in that form"
    }
}

/// Whether the pattern is found in the text, as JSON schema has it. Compiled patterns are kept: there are a dozen of them.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    use regex::Regex;
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};
    static CACHE: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if !cache.contains_key(pattern) {
        cache.insert(pattern.to_owned(), Regex::new(pattern).ok());
    }
    cache.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
}
