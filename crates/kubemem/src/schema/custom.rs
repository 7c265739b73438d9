//! Schemas of custom resources: from the `openAPIV3Schema` of a CRD; pruning and defaulting by them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::builtin::relation;
use super::{Kind, MapKind, Patch, Relation, Rest, Rules, Scalar, Schema, Zero, object_meta};
use crate::status::Cause;

/// The structural schema of one version of a custom resource.
#[derive(Clone, Debug)]
pub(crate) struct Structural {
    pub(crate) schema: Arc<Schema>,
    /// Whether there are CEL rules.
    pub(crate) has_rules: bool,
}

/// Reads the schema of a CRD's version. Without one, everything is kept.
pub(crate) fn from_crd(json: Option<&Value>) -> Structural {
    let mut root = match json {
        Some(json) => parse(json),
        None => Schema { kind: Kind::Map(MapKind { rest: Rest::Any, ..MapKind::default() }), ..Schema::default() },
    };
    if let Kind::Map(map) = &mut root.kind {
        for name in ["apiVersion", "kind"] {
            map.fields.insert(name.into(), Arc::new(Schema { kind: Kind::Scalar(Scalar::String), ..Schema::default() }));
        }
        map.fields.insert("metadata".into(), object_meta());
    }
    let has_rules = json.is_some_and(|json| json.to_string().contains("\"x-kubernetes-validations\""));
    Structural { schema: Arc::new(root), has_rules }
}

pub(super) fn parse(json: &Value) -> Schema {
    let preserve = json["x-kubernetes-preserve-unknown-fields"] == true;
    let kind = if json["x-kubernetes-int-or-string"] == true {
        Kind::Scalar(Scalar::IntOrString)
    } else {
        match json["type"].as_str() {
            Some("string") => Kind::Scalar(Scalar::String),
            Some("integer") => Kind::Scalar(Scalar::Int64),
            Some("number") => Kind::Scalar(Scalar::Number),
            Some("boolean") => Kind::Scalar(Scalar::Bool),
            Some("array") => Kind::List {
                item: Arc::new(json.get("items").map(parse).unwrap_or_default()),
                relation: match relation(json) {
                    Relation::Map(keys) if keys.is_empty() => Relation::Atomic,
                    other => other,
                },
            },
            Some("object") => object(json, preserve),
            _ if json.get("properties").is_none() && json.get("required").is_none() => Kind::Any,
            _ => object(json, preserve),
        }
    };
    Schema {
        kind,
        default: json.get("default").cloned(),
        zero: Zero::Keep,
        patch: Patch::default(),
        nullable: json["nullable"] == true,
        rules: Rules::from_json(json).map(Box::new),
    }
}

fn object(json: &Value, preserve: bool) -> Kind {
    let mut fields: BTreeMap<String, Arc<Schema>> =
        json["properties"].as_object().into_iter().flatten().map(|(name, field)| (name.clone(), Arc::new(parse(field)))).collect();
    if json["x-kubernetes-embedded-resource"] == true {
        for name in ["apiVersion", "kind"] {
            fields.entry(name.into()).or_insert_with(|| Arc::new(Schema { kind: Kind::Scalar(Scalar::String), ..Schema::default() }));
        }
        fields.insert("metadata".into(), Arc::new(Schema { zero: Zero::Keep, ..untyped(&object_meta()) }));
    }
    let rest = match json.get("additionalProperties") {
        Some(schema @ Value::Object(_)) => Rest::Typed(Arc::new(parse(schema))),
        Some(Value::Bool(true)) => Rest::Any,
        _ if preserve => Rest::Any,
        _ => Rest::None,
    };
    let embedded = json["x-kubernetes-embedded-resource"] == true;
    Kind::Map(MapKind { fields, rest, atomic: json["x-kubernetes-map-type"] == "atomic", embedded })
}

fn untyped(schema: &Schema) -> Schema {
    match schema.kind {
        Kind::Ref(index) => Schema { kind: Kind::Ref(index), ..Schema::default() },
        _ => Schema::default(),
    }
}

impl Structural {
    /// Drops what the schema does not have; answers the dropped paths.
    pub(crate) fn prune(&self, value: &mut Value) -> Vec<String> {
        let mut dropped = Vec::new();
        prune(value, &self.schema, &mut String::new(), &mut dropped);
        dropped.sort();
        dropped
    }

    /// Whether pruning and defaulting would leave an object as it is.
    pub(crate) fn is_settled(&self, value: &Value) -> bool {
        is_settled(&self.schema, value, true)
    }

    /// Fills in defaults; a null where the schema does not allow one, but has a default, counts as absent.
    pub(crate) fn default(&self, value: &mut Value) {
        self.fill(value, true);
    }

    /// Fills in defaults of what an apply made: nulls without a default stay, and are refused where they are not allowed.
    pub(crate) fn default_applied(&self, value: &mut Value) {
        self.fill(value, false);
    }

    fn fill(&self, value: &mut Value, drop_nulls: bool) {
        if let (Kind::Map(map), Value::Object(object)) = (&self.schema.kind, value) {
            fill(map, object, true, drop_nulls);
        }
    }
}

fn prune(value: &mut Value, schema: &Schema, path: &mut String, dropped: &mut Vec<String>) {
    let schema = schema.resolve();
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => {
            object.retain(|name, inner| {
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                let keep = match (map.fields.get(name), &map.rest) {
                    (Some(field), _) | (None, Rest::Typed(field)) => {
                        if !(length == 0 && name == "metadata") {
                            prune(inner, field, path, dropped);
                        }
                        true
                    }
                    (None, Rest::Any) => true,
                    (None, Rest::None) => {
                        dropped.push(path.clone());
                        false
                    }
                };
                path.truncate(length);
                keep
            });
        }
        (Kind::List { item, .. }, Value::Array(items)) => {
            for (i, inner) in items.iter_mut().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{i}]"));
                prune(inner, item, path, dropped);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

fn fill(map: &MapKind, object: &mut Map<String, Value>, root: bool, drop_nulls: bool) {
    for (name, field) in &map.fields {
        if root && name == "metadata" {
            continue;
        }
        if let Some(default) = &field.default {
            let absent = match object.get(name) {
                None => true,
                Some(Value::Null) => !field.nullable,
                Some(_) => false,
            };
            if absent {
                object.insert(name.clone(), default.clone());
            }
        } else if drop_nulls && object.get(name).is_some_and(Value::is_null) && !field.nullable {
            object.remove(name);
        }
    }
    for (name, inner) in object.iter_mut() {
        if root && name == "metadata" {
            continue;
        }
        match (map.fields.get(name), &map.rest) {
            (Some(field), _) | (None, Rest::Typed(field)) => descend(field, inner, drop_nulls),
            _ => {}
        }
    }
}

fn is_settled(schema: &Schema, value: &Value, root: bool) -> bool {
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => {
            let filled = |(name, field): (&String, &Arc<Schema>)| {
                field.default.is_none() || object.get(name).is_some_and(|value| field.nullable || !value.is_null())
            };
            map.fields.iter().all(filled)
                && object.iter().all(|(name, inner)| match (map.fields.get(name), &map.rest) {
                    _ if root && name == "metadata" => true,
                    (Some(field), _) | (None, Rest::Typed(field)) => is_settled(field, inner, false),
                    (None, Rest::Any) => true,
                    (None, Rest::None) => false,
                })
        }
        (Kind::List { item, .. }, Value::Array(items)) => items.iter().all(|inner| is_settled(item, inner, false)),
        _ => true,
    }
}

fn descend(schema: &Schema, value: &mut Value, drop_nulls: bool) {
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => fill(map, object, false, drop_nulls),
        (Kind::List { item, .. }, Value::Array(items)) => items.iter_mut().for_each(|inner| descend(item, inner, drop_nulls)),
        _ => {}
    }
}

/// Why the default of a schema is refused: it must be a value that the schema accepts.
pub(crate) fn problems_of_default(default: &Value, json: &Value, at: &str) -> Vec<Cause> {
    let schema = parse(json);
    let mut dropped = Vec::new();
    prune(&mut default.clone(), &schema, &mut String::new(), &mut dropped);
    if !dropped.is_empty() {
        return vec![Cause::invalid(at, default, "must not have unknown fields")];
    }
    let inside = |field: &str| if matches!(field, "" | "<nil>") { at.to_owned() } else { format!("{at}.{field}") };
    super::validate(default, None, &schema).into_iter().map(|cause| Cause { field: inside(&cause.field), ..cause }).collect()
}

/// Why a schema is not structural, as conditions of a CRD say it: path and reason.
pub(crate) fn structural_problems(json: &Value, path: &str) -> Vec<String> {
    structural(json, path, "at the root")
}

fn structural(json: &Value, path: &str, place: &str) -> Vec<String> {
    let mut out = Vec::new();
    let typed =
        json["type"].is_string() || json["x-kubernetes-int-or-string"] == true || json["x-kubernetes-preserve-unknown-fields"] == true;
    if !typed {
        let shown = if path.is_empty() { "type".to_owned() } else { format!("{path}.type") };
        out.push(format!("{shown}: Required value: must not be empty {place}"));
    }
    for (name, field) in json["properties"].as_object().into_iter().flatten() {
        out.extend(structural(field, &format!("{path}.properties[{name}]"), "for specified object fields"));
    }
    if json["items"].is_object() {
        out.extend(structural(&json["items"], &format!("{path}.items"), "for specified array items"));
    }
    if json["additionalProperties"].is_object() {
        out.extend(structural(&json["additionalProperties"], &format!("{path}.additionalProperties"), "for specified object fields"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prunes_and_fills() {
        let structural = from_crd(Some(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "a": {"type": "string", "default": "x"},
            "n": {"type": "string"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"b": {"type": "integer", "default": 1}}}}
        }}}})));
        let mut value = json!({"metadata": {"name": "x", "labels": {"a": "b"}}, "top": 1,
            "spec": {"n": null, "zz": 1, "free": {"q": [1]}, "m": {"k": {"c": 2}}}});
        assert_eq!(structural.prune(&mut value), ["spec.m.k.c", "spec.zz", "top"]);
        structural.default(&mut value);
        assert_eq!(
            value,
            json!({"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"a": "x", "free": {"q": [1]}, "m": {"k": {"b": 1}}}})
        );
    }
}
