//! Validation of custom resources: types, required fields, enums, patterns, bounds, and their logical combinations.

use regex::Regex;
use serde_json::Value;

use super::custom;
use super::{Kind, Relation, Rest, Scalar, Schema};
use crate::status::{Cause, CauseType};

/// What a value must fulfil beyond its type.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    required: Vec<String>,
    allowed: Vec<Value>,
    pattern: Option<Regex>,
    format: Option<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    exclusive_minimum: bool,
    exclusive_maximum: bool,
    multiple_of: Option<f64>,
    lengths: Bounds,
    items: Bounds,
    properties: Bounds,
    all_of: Vec<Schema>,
    any_of: Vec<Schema>,
    one_of: Vec<Schema>,
    not: Option<Box<Schema>>,
    pub(super) cel: Vec<super::cel::Rule>,
}

#[derive(Debug, Default)]
struct Bounds {
    min: Option<u64>,
    max: Option<u64>,
}

impl Rules {
    pub(crate) fn from_json(json: &Value) -> Option<Rules> {
        const KEYS: [&str; 19] = [
            "x-kubernetes-validations",
            "required",
            "enum",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "uniqueItems",
        ];
        if !KEYS.iter().any(|key| json.get(*key).is_some()) {
            return None;
        }
        let bounds = |what: &str| Bounds { min: json[format!("min{what}")].as_u64(), max: json[format!("max{what}")].as_u64() };
        let schemas = |key: &str| json[key].as_array().into_iter().flatten().map(custom::parse).collect();
        Some(Rules {
            required: json["required"].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
            allowed: json["enum"].as_array().cloned().unwrap_or_default(),
            pattern: json["pattern"].as_str().and_then(|p| Regex::new(p).ok()),
            format: json["format"].as_str().map(str::to_owned),
            minimum: json["minimum"].as_f64(),
            maximum: json["maximum"].as_f64(),
            exclusive_minimum: json["exclusiveMinimum"] == true,
            exclusive_maximum: json["exclusiveMaximum"] == true,
            multiple_of: json["multipleOf"].as_f64(),
            lengths: bounds("Length"),
            items: bounds("Items"),
            properties: bounds("Properties"),
            all_of: schemas("allOf"),
            any_of: schemas("anyOf"),
            one_of: schemas("oneOf"),
            not: json.get("not").map(|not| Box::new(custom::parse(not))),
            cel: super::cel::read(json),
        })
    }
}

impl Rules {
    pub(super) fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }
}

/// Every violation in `value`.
pub(crate) fn validate(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    let mut out = Vec::new();
    walk(value, old, schema, &mut String::new(), &mut out);
    out
}

fn walk(value: &Value, old: Option<&Value>, schema: &Schema, path: &mut String, out: &mut Vec<Cause>) {
    // what did not change is not asked about again
    if old.is_some_and(|old| crate::fields::equal(old, value)) {
        return;
    }
    if path == "metadata" || (value.is_null() && (schema.nullable || path.is_empty())) {
        return;
    }
    let schema = schema.resolve();
    if let Some(expected) = wrong_type(value, &schema.kind) {
        let shown = type_name(value);
        let cause = invalid(path, Value::from(shown), format!("{path} in body must be of type {expected}: {}", Value::from(shown)));
        out.push(Cause { kind: CauseType::TypeInvalid, ..cause });
        if let (Kind::Scalar(scalar), Value::Number(n)) = (&schema.kind, value) {
            out.extend(out_of_range(*scalar, n, schema.rules.as_ref().and_then(|rules| rules.format.as_deref()), path));
        }
        return;
    }
    if let (Kind::Scalar(scalar), Value::Number(n)) = (&schema.kind, value) {
        out.extend(out_of_range(*scalar, n, schema.rules.as_ref().and_then(|rules| rules.format.as_deref()), path));
    }
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => {
            if map.embedded {
                identity(object, path, out);
            }
            for (name, inner) in object {
                if let (Some(field), _) | (None, Rest::Typed(field)) = (map.fields.get(name), &map.rest) {
                    let length = path.len();
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                    walk(inner, old.and_then(|old| old.get(name)), field, path, out);
                    path.truncate(length);
                }
            }
        }
        (Kind::List { item, relation }, Value::Array(items)) => {
            duplicates(items, item, relation, path, out);
            for (i, inner) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{i}]"));
                walk(inner, None, item, path, out);
                path.truncate(length);
            }
        }
        _ => {}
    }
    if let Some(rules) = &schema.rules {
        check(value, rules, path, out);
    }
}

fn check(value: &Value, rules: &Rules, path: &str, out: &mut Vec<Cause>) {
    let at = path;
    if let Value::Object(object) = value {
        for name in rules.required.iter().filter(|name| !object.contains_key(*name)) {
            let field = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            out.push(Cause::new(CauseType::Required, field, "Required value"));
        }
        let n = object.len() as u64;
        if rules.properties.min.is_some_and(|min| n < min) {
            let min = rules.properties.min.unwrap_or_default();
            out.push(invalid(at, n.into(), format!("{at} in body should have at least {min} properties")));
        }
        if let Some(max) = rules.properties.max.filter(|max| n > *max) {
            out.push(Cause::new(CauseType::TooMany, at, format!("Too many: {n}: must have at most {max} items")));
        }
    }
    if !rules.allowed.is_empty() && !rules.allowed.contains(value) {
        let list: Vec<String> =
            rules.allowed.iter().map(|v| v.as_str().map_or_else(|| format!("\"{v}\""), |s| format!("\"{s}\""))).collect();
        out.push(Cause::new(CauseType::NotSupported, at, format!("Unsupported value: {value}: supported values: {}", list.join(", "))));
    }
    match value {
        Value::String(s) => {
            let n = s.chars().count() as u64;
            if let Some(min) = rules.lengths.min.filter(|min| n < *min) {
                out.push(invalid(at, value.clone(), format!("{at} in body should be at least {min} chars long")));
            }
            // strings have one problem at a time
            else if let Some(max) = rules.lengths.max.filter(|max| n > *max) {
                out.push(Cause::new(
                    CauseType::TooLong,
                    at,
                    format!("Too long: may not be more than {max} {}", if max == 1 { "byte" } else { "bytes" }),
                ));
            } else if let Some(pattern) = rules.pattern.as_ref().filter(|p| !p.is_match(s)) {
                out.push(invalid(at, value.clone(), format!("{at} in body should match '{}'", pattern.as_str())));
            }
            if let Some(format) = rules.format.as_deref().filter(|format| !super::format::fits(format, s)) {
                let cause = invalid(at, value.clone(), format!("{at} in body must be of type {format}: {value}"));
                out.push(Cause { kind: CauseType::TypeInvalid, ..cause });
            }
        }
        Value::Number(number) => {
            let n = number.as_f64().unwrap_or_default();
            if let Some(min) = rules.minimum
                && (n < min || rules.exclusive_minimum && n <= min)
            {
                let or = if rules.exclusive_minimum { "" } else { " or equal to" };
                out.push(invalid(at, value.clone(), format!("{at} in body should be greater than{or} {min}")));
            }
            if let Some(max) = rules.maximum
                && (n > max || rules.exclusive_maximum && n >= max)
            {
                let or = if rules.exclusive_maximum { "" } else { " or equal to" };
                out.push(invalid(at, value.clone(), format!("{at} in body should be less than{or} {max}")));
            }
            if let Some(step) = rules.multiple_of.filter(|step| *step != 0.0 && (n / step).fract() != 0.0) {
                out.push(invalid(at, value.clone(), format!("{at} in body should be a multiple of {step}")));
            }
        }
        Value::Array(items) => {
            let n = items.len() as u64;
            if let Some(min) = rules.items.min.filter(|min| n < *min) {
                out.push(invalid(at, n.into(), format!("{at} in body should have at least {min} items")));
            }
            if let Some(max) = rules.items.max.filter(|max| n > *max) {
                out.push(Cause::new(CauseType::TooMany, at, format!("Too many: {n}: must have at most {max} items")));
            }
        }
        _ => {}
    }
    combined(value, rules, path, out);
}

/// The logical combinations; of several that fail, the first one's problems are told, too.
fn combined(value: &Value, rules: &Rules, path: &str, out: &mut Vec<Cause>) {
    let problems = |schema: &Schema| {
        let mut found = Vec::new();
        walk(value, None, schema, &mut path.to_owned(), &mut found);
        found
    };
    let name = quoted(path);
    let failed = |why: &str| Cause::new(CauseType::Invalid, "<nil>", format!("Invalid value: \"\": {name} must {why}"));
    if !rules.any_of.is_empty() {
        let mut found = rules.any_of.iter().map(problems).collect::<Vec<_>>();
        if !found.iter().any(Vec::is_empty) {
            out.push(failed("validate at least one schema (anyOf)"));
            out.append(&mut found[0]);
        }
    }
    if !rules.one_of.is_empty() {
        let mut found = rules.one_of.iter().map(problems).collect::<Vec<_>>();
        let valid = found.iter().filter(|f| f.is_empty()).count();
        if valid == 0 {
            out.push(failed("validate one and only one schema (oneOf). Found none valid"));
            out.append(&mut found[0]);
        } else if valid > 1 {
            out.push(failed(&format!("validate one and only one schema (oneOf). Found {valid} valid alternatives")));
        }
    }
    if !rules.all_of.is_empty() {
        let mut found = rules.all_of.iter().map(problems).collect::<Vec<_>>();
        let valid = found.iter().filter(|f| f.is_empty()).count();
        if valid < found.len() {
            out.push(failed(&format!("validate all the schemas (allOf){}", if valid == 0 { ". None validated" } else { "" })));
            found.iter_mut().for_each(|f| out.append(f));
        }
    }
    if rules.not.as_ref().is_some_and(|schema| problems(schema).is_empty()) {
        out.push(failed("not validate the schema (not)"));
    }
}

/// A number that its type and format cannot hold.
fn out_of_range(scalar: Scalar, n: &serde_json::Number, format: Option<&str>, path: &str) -> Option<Cause> {
    let fits = match (scalar, format) {
        (Scalar::Int64 | Scalar::Int32, Some("int32")) => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        (Scalar::Int64 | Scalar::Int32, _) => n.as_i64().is_some(),
        _ => true,
    };
    let format = format.map_or_else(|| "(default format)".to_owned(), |format| format!("with format {format}"));
    let detail = format!("Checked value must be of type integer {format} in {path}");
    (!fits).then(|| Cause::invalid("<nil>", &"".into(), &detail))
}

/// An object inside another says what it is.
fn identity(object: &serde_json::Map<String, Value>, path: &str, out: &mut Vec<Cause>) {
    for name in ["apiVersion", "kind"] {
        match object.get(name) {
            None => out.push(Cause::required(format!("{path}.{name}"), "")),
            Some(value) if value == "" => out.push(Cause::invalid(format!("{path}.{name}"), value, "must not be empty")),
            Some(_) => {}
        }
    }
}

fn quoted(path: &str) -> String {
    format!("\"{path}\"")
}

fn invalid(path: &str, value: Value, detail: String) -> Cause {
    let path = if path.is_empty() { "<nil>" } else { path };
    Cause::new(CauseType::Invalid, path, format!("Invalid value: {value}: {detail}"))
}

/// Items of sets and of lists with keys that come again.
fn duplicates(items: &[Value], item: &Schema, relation: &Relation, path: &str, out: &mut Vec<Cause>) {
    let id = |value: &Value| match relation {
        Relation::Atomic => None,
        Relation::Set => Some(value.clone()),
        Relation::Map(keys) => {
            let default = |key: &str| item.field(key).and_then(|field| field.default.clone()).unwrap_or_default();
            Some(keys.iter().map(|key| (key.clone(), value.get(key).cloned().unwrap_or_else(|| default(key)))).collect())
        }
    };
    let ids: Vec<Option<Value>> = items.iter().map(id).collect();
    for (i, own) in ids.iter().enumerate() {
        if let Some(own) = own.as_ref().filter(|_| ids[..i].contains(own)) {
            out.push(Cause::new(CauseType::Duplicate, format!("{path}[{i}]"), format!("Duplicate value: {own}")));
        }
    }
}

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(value: &Value, kind: &Kind) -> Option<&'static str> {
    let (ok, name) = match kind {
        Kind::Any | Kind::Ref(_) => (true, ""),
        Kind::List { .. } => (value.is_array(), "array"),
        Kind::Map(_) => (value.is_object(), "object"),
        Kind::Scalar(scalar) => match scalar {
            Scalar::String | Scalar::Bytes | Scalar::Time => (value.is_string(), "string"),
            Scalar::Int32 | Scalar::Int64 => (value.as_f64().is_some_and(|f| f.fract() == 0.0), "integer"),
            Scalar::Number => (value.is_number(), "number"),
            Scalar::Bool => (value.is_boolean(), "boolean"),
            Scalar::IntOrString => (value.is_string() || value.as_i64().is_some(), "integer,string"),
            Scalar::Quantity => (value.is_string() || value.is_number(), "string"),
        },
    };
    (!ok).then_some(name)
}
