//! Operations on values under a schema: the set of their fields, the difference and the merge of two, and removal.
//!
//! Atomic lists and maps count as one value; items of associative lists are found by their keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::set::{FieldSet, Path, display, field, key_element};
use crate::schema::{Kind, MapKind, Relation, Rest, Schema, any};

/// What to do with a value.
enum Shape<'a> {
    Leaf,
    Map(Option<&'a MapKind>),
    List(&'a Schema, &'a Relation),
}

/// The shape under which a value is treated; unknown values are deduced: maps are granular, lists atomic.
fn shape<'a>(schema: &'a Schema, value: Option<&Value>) -> Shape<'a> {
    match &schema.resolve().kind {
        Kind::Any => match value {
            Some(Value::Object(_)) => Shape::Map(None),
            _ => Shape::Leaf,
        },
        Kind::Map(map) if map.atomic => Shape::Leaf,
        Kind::Map(map) => Shape::Map(Some(map)),
        Kind::List { relation: Relation::Atomic, .. } => Shape::Leaf,
        Kind::List { item, relation } => Shape::List(item, relation),
        Kind::Scalar(_) | Kind::Ref(_) => Shape::Leaf,
    }
}

fn child_schema<'a>(map: Option<&'a MapKind>, name: &str) -> &'a Schema {
    let Some(map) = map else { return any() };
    match (map.fields.get(name), &map.rest) {
        (Some(schema), _) | (None, Rest::Typed(schema)) => schema,
        _ => any(),
    }
}

fn object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a key of a list item is where it is not given. Go's own types have a zero where they are always written.
fn key_default(schema: &Schema) -> Option<&Value> {
    static EMPTY: Value = Value::String(String::new());
    let text = matches!(schema.resolve().kind, Kind::Scalar(crate::schema::Scalar::String));
    schema.default.as_ref().or_else(|| (text && schema.zero == crate::schema::Zero::Write).then_some(&EMPTY))
}

/// The path element of a list item, or what it lacks.
fn item_element(item: &Value, schema: &Schema, relation: &Relation) -> Result<String, String> {
    match relation {
        Relation::Map(keys) => {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let value = item.get(key).or_else(|| schema.field(key).and_then(key_default));
                found.extend(value.map(|value| (key.as_str(), value)));
            }
            if found.is_empty() {
                let keys: Vec<String> = keys.iter().map(|k| format!("\"{k}\"")).collect();
                return Err(format!(
                    "element {{position}}: associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                    keys.join(" ")
                ));
            }
            Ok(key_element(found.into_iter()))
        }
        _ => Ok(format!("v:{item}")),
    }
}

/// Items by path element; the same element may come more than once.
fn by_element<'a>(items: &'a [Value], schema: &Schema, relation: &Relation) -> (Vec<String>, BTreeMap<String, Vec<&'a Value>>) {
    let mut order = Vec::with_capacity(items.len());
    let mut found: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        let element = item_element(item, schema, relation).unwrap_or_else(|_| format!("i:{i}"));
        order.push(element.clone());
        found.entry(element).or_default().push(item);
    }
    (order, found)
}

/// The set of fields of a configuration.
pub(super) fn to_set(value: &Value, schema: &Schema) -> FieldSet {
    let mut node = FieldSet::default();
    match shape(schema, Some(value)) {
        Shape::Leaf => node.member = true,
        Shape::Map(map) => {
            for (name, inner) in object(Some(value)).into_iter().flatten() {
                let mut child = to_set(inner, child_schema(map, name));
                let empty = inner.is_null() || inner.as_object().is_some_and(Map::is_empty);
                child.member |= empty || !map.is_some_and(|m| m.fields.contains_key(name));
                node.children.insert(field(name), child);
            }
        }
        Shape::List(item, relation) => {
            for (element, found) in by_element(array(Some(value)), item, relation).1 {
                let mut child = match found.as_slice() {
                    [one] => to_set(one, item),
                    _ => FieldSet::default(),
                };
                child.member = true;
                node.children.insert(element, child);
            }
        }
    }
    node
}

/// The difference of two values.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

/// Which paths came, changed and went from `old` to `new`; who owns them is not looked at.
pub(super) fn compare(old: &Value, new: &Value, schema: &Schema) -> Comparison {
    let mut out = Comparison::default();
    compare_at(Some(old), Some(new), schema, &mut Vec::new(), &mut out);
    out
}

fn compare_at(old: Option<&Value>, new: Option<&Value>, schema: &Schema, path: &mut Path, out: &mut Comparison) {
    // most of two versions of an object is the same
    if old == new {
        return;
    }
    let mut leaf = false;
    let shapes: &[Option<&Value>] = match (old, new) {
        (Some(o), Some(n)) if matches!(schema.resolve().kind, Kind::Any) && o.is_object() != n.is_object() => &[old, new],
        (Some(_), Some(_)) | (None, Some(_)) => &[new],
        _ => &[old],
    };
    for of in shapes {
        match shape(schema, *of) {
            Shape::Leaf => leaf = leaf_at(old, new, path, out, leaf),
            Shape::Map(map) => {
                let (o, n) = (object(old), object(new));
                if o.is_none_or(Map::is_empty) && n.is_none_or(Map::is_empty) {
                    leaf = leaf_at(old, new, path, out, leaf);
                    continue;
                }
                let names: BTreeSet<&String> = o.into_iter().chain(n).flat_map(Map::keys).collect();
                for name in names {
                    let owners = name == "managedFields" && path.len() == 1 && path[0] == "f:metadata";
                    if owners || o.and_then(|m| m.get(name)) == n.and_then(|m| m.get(name)) {
                        continue;
                    }
                    path.push(field(name));
                    compare_at(o.and_then(|m| m.get(name)), n.and_then(|m| m.get(name)), child_schema(map, name), path, out);
                    path.pop();
                }
            }
            Shape::List(item, relation) => {
                let (o, n) = (array(old), array(new));
                if o.is_empty() && n.is_empty() {
                    leaf = leaf_at(old, new, path, out, leaf);
                    continue;
                }
                let (o, n) = (by_element(o, item, relation).1, by_element(n, item, relation).1);
                let elements: BTreeSet<&String> = o.keys().chain(n.keys()).collect();
                for element in elements {
                    let (left, right) = (o.get(element), n.get(element));
                    path.push(element.clone());
                    match (left.map(Vec::as_slice), right.map(Vec::as_slice)) {
                        (None | Some([_]), None | Some([_])) => {
                            compare_at(left.map(|l| l[0]), right.map(|r| r[0]), item, path, out);
                        }
                        (None, _) => out.added.insert(path),
                        (_, None) => out.removed.insert(path),
                        (left, right) => {
                            if left != right {
                                out.modified.insert(path);
                            }
                        }
                    }
                    path.pop();
                }
            }
        }
    }
    if !leaf {
        if old.is_none() {
            out.added.insert(path);
        } else if new.is_none() {
            out.removed.insert(path);
        }
    }
}

fn leaf_at(old: Option<&Value>, new: Option<&Value>, path: &Path, out: &mut Comparison, seen: bool) -> bool {
    if !seen {
        match (old, new) {
            (None, _) => out.added.insert(path),
            (_, None) => out.removed.insert(path),
            (Some(o), Some(n)) if !equal(o, n) => out.modified.insert(path),
            _ => {}
        }
    }
    true
}

/// Equality of values, `1` and `1.0` being the same.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| equal(v, w))),
        _ => a == b,
    }
}

/// Lays a configuration over a live value.
pub(super) fn merge(live: Option<&Value>, config: Option<&Value>, schema: &Schema) -> Option<Value> {
    let (Some(l), Some(c)) = (live, config) else { return config.or(live).cloned() };
    match shape(schema, Some(c)) {
        Shape::Leaf => Some(c.clone()),
        Shape::Map(map) => {
            let (lm, cm) = (object(live), object(config));
            if lm.is_none_or(Map::is_empty) && cm.is_none_or(Map::is_empty) {
                return Some(c.clone());
            }
            let mut out = Map::new();
            for (name, value) in lm.into_iter().flatten() {
                let merged = merge(Some(value), cm.and_then(|m| m.get(name)), child_schema(map, name));
                out.extend(merged.map(|v| (name.clone(), v)));
            }
            for (name, value) in cm.into_iter().flatten() {
                if !out.contains_key(name) {
                    out.insert(name.clone(), value.clone());
                }
            }
            Some(Value::Object(out))
        }
        Shape::List(item, relation) => {
            let (la, ca) = (array(Some(l)), array(Some(c)));
            if la.is_empty() && ca.is_empty() {
                return Some(c.clone());
            }
            Some(Value::Array(merge_lists(la, ca, item, relation)))
        }
    }
}

/// Items of the configuration keep their order; items only the live list has stay near where they were.
fn merge_lists(live: &[Value], config: &[Value], schema: &Schema, relation: &Relation) -> Vec<Value> {
    let (live_order, live_items) = by_element(live, schema, relation);
    let (config_order, config_items) = by_element(config, schema, relation);
    let single = |items: &BTreeMap<String, Vec<&Value>>, element: &String| match items.get(element).map(Vec::as_slice) {
        Some([one]) => Some((*one).clone()),
        _ => None,
    };
    let mut shared = config_order.iter().filter(|e| live_items.contains_key(*e)).peekable();
    let mut next = shared.next();
    let mut done: BTreeSet<&String> = BTreeSet::new();
    let mut out = Vec::new();
    let (mut l, mut c) = (0, 0);
    while l < live_order.len() || c < config_order.len() {
        if l < live_order.len() && c < config_order.len() {
            let element = &live_order[l];
            if *element == config_order[c] {
                done.insert(&config_order[c]);
                out.extend(merge(single(&live_items, element).as_ref(), single(&config_items, element).as_ref(), schema));
                l += 1;
                c += 1;
                next = shared.next();
                continue;
            }
            if config_items.contains_key(element) && next.is_some_and(|n| n != element) {
                l += 1;
                continue;
            }
        }
        if l < live_order.len() {
            let element = &live_order[l];
            if !config_items.contains_key(element) {
                out.push(live[l].clone());
                l += 1;
                continue;
            } else if done.contains(element) {
                l += 1;
            }
        }
        if c < config_order.len() {
            let element = &config_order[c];
            done.insert(element);
            out.extend(merge(single(&live_items, element).as_ref(), single(&config_items, element).as_ref(), schema));
            c += 1;
            if next == Some(element) {
                next = shared.next();
            }
        }
    }
    out
}

/// Takes the members of `set` out of a value; nothing is left of a container that becomes empty.
pub(super) fn remove(value: &Value, set: &FieldSet, schema: &Schema) -> Option<Value> {
    match shape(schema, Some(value)) {
        Shape::Leaf => Some(value.clone()),
        Shape::Map(map) => {
            let mut out = Map::new();
            for (name, inner) in object(Some(value)).into_iter().flatten() {
                match set.children.get(&field(name)) {
                    Some(child) if child.member => {}
                    Some(child) if !child.is_empty() => {
                        // what is emptied stays as a null, which tells it from what was removed itself
                        let left = remove(inner, child, child_schema(map, name)).unwrap_or(Value::Null);
                        out.insert(name.clone(), left);
                    }
                    _ => {
                        out.insert(name.clone(), inner.clone());
                    }
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        Shape::List(item, relation) => {
            let mut out = Vec::new();
            for (i, inner) in array(Some(value)).iter().enumerate() {
                let element = item_element(inner, item, relation).unwrap_or_else(|_| format!("i:{i}"));
                match set.children.get(&element) {
                    Some(child) if child.member => {}
                    Some(child) if !child.is_empty() => out.extend(remove(inner, child, item)),
                    _ => out.push(inner.clone()),
                }
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
    }
}

/// Marks the named fields on the way to every member as members too.
pub(super) fn with_named_parents(set: &FieldSet, schema: &Schema) -> FieldSet {
    let mut out = FieldSet { member: set.member, ..FieldSet::default() };
    for (element, child) in &set.children {
        let (inner, named) = match element.split_once(':') {
            Some(("f", name)) => (schema.field(name).unwrap_or_else(|| any()), schema.names(name)),
            _ => match &schema.resolve().kind {
                Kind::List { item, .. } => (&**item, false),
                _ => (any(), false),
            },
        };
        let mut marked = with_named_parents(child, inner);
        marked.member |= named && !child.children.is_empty();
        out.children.insert(element.clone(), marked);
    }
    out
}

/// Checks a configuration against the schema, as server-side apply does before it merges.
pub(crate) fn validate_typed(value: &Value, schema: &Schema) -> Vec<String> {
    let mut out = Vec::new();
    check(value, schema, &mut Vec::new(), &mut out);
    out
}

fn check(value: &Value, schema: &Schema, path: &mut Path, out: &mut Vec<String>) {
    let resolved = schema.resolve();
    if value.is_null() {
        return;
    }
    match (&resolved.kind, value) {
        (Kind::Any | Kind::Ref(_), _) => {}
        (Kind::Scalar(scalar), value) => {
            use crate::schema::Scalar;
            let (ok, expected) = match scalar {
                Scalar::String | Scalar::Bytes | Scalar::Time => (value.is_string(), "string"),
                Scalar::Bool => (value.is_boolean(), "boolean"),
                Scalar::Int32 | Scalar::Int64 | Scalar::Number => (value.is_number(), "numeric (int or float)"),
                Scalar::IntOrString | Scalar::Quantity => (!value.is_object() && !value.is_array(), "scalar"),
            };
            if !ok {
                let number = matches!(scalar, Scalar::Int32 | Scalar::Int64 | Scalar::Number);
                let got = match scalar {
                    _ if number => crate::schema::json_type(value).to_owned(),
                    Scalar::Bool => format!("&{{{}}}", go_value(value)),
                    _ => format!("&value.valueUnstructured{{Value:{value}}}"),
                };
                out.push(format!("{}: expected {expected}, got {got}", display(path)));
            }
        }
        (Kind::Map(map), Value::Object(object)) => {
            // one undeclared field hides what else is wrong with its object
            if matches!(map.rest, Rest::None)
                && let Some(name) = object.keys().find(|name| !map.fields.contains_key(*name))
            {
                path.push(field(name));
                out.push(format!("{}: field not declared in schema", display(path)));
                path.pop();
                return;
            }
            for (name, inner) in object {
                if let (Some(schema), _) | (None, Rest::Typed(schema)) = (map.fields.get(name), &map.rest) {
                    path.push(field(name));
                    check(inner, schema, path, out);
                    path.pop();
                }
            }
        }
        (Kind::List { item, relation }, Value::Array(items)) => {
            let mut seen = BTreeSet::new();
            for (i, inner) in items.iter().enumerate() {
                let element = match relation {
                    Relation::Atomic => format!("i:{i}"),
                    _ => match item_element(inner, item, relation) {
                        Ok(element) => {
                            if !seen.insert(element.clone()) {
                                let shown = display(std::slice::from_ref(&element));
                                out.push(format!("{}: duplicate entries for key {shown}", display(path)));
                            }
                            element
                        }
                        Err(why) => {
                            out.push(format!("{}: {}", display(path), why.replace("{position}", &i.to_string())));
                            continue;
                        }
                    },
                };
                path.push(match relation {
                    Relation::Atomic => i.to_string(),
                    _ => element,
                });
                check(inner, item, path, out);
                path.pop();
            }
        }
        (Kind::Map(_), other) => out.push(format!("{}: expected map, got &{{{}}}", display(path), go_value(other))),
        (Kind::List { .. }, other) => out.push(format!("{}: expected list, got &{{{}}}", display(path), go_value(other))),
    }
}

/// A value as Go prints what holds it.
/// A value as Go prints it.
pub(crate) fn go_value(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_value(v))).collect();
            format!("map[{}]", fields.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::gvk_schema;
    use serde_json::json;

    fn deployment() -> std::sync::Arc<Schema> {
        gvk_schema("apps", "v1", "Deployment").expect("built in")
    }

    #[test]
    fn set_of_a_deployment() {
        let value = json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["x/y"]}, "spec": {"replicas": 1,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}], "args": ["-v"], "resources": {}}]}}}});
        assert_eq!(
            to_set(&value, &deployment()).to_json(),
            json!({"f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x/y\"": {}}}, "f:spec": {"f:replicas": {}, "f:selector": {},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:args": {}, "f:resources": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}})
        );
    }

    #[test]
    fn comparison_marks_containers() {
        let c = compare(&json!({}), &json!({"metadata": {"annotations": {"a": "b"}}}), &deployment());
        assert_eq!(c.added.to_json(), json!({"f:metadata": {".": {}, "f:annotations": {".": {}, "f:a": {}}}}));
        let c = compare(&json!({"spec": {"replicas": 1}}), &json!({"spec": {"replicas": 2}}), &deployment());
        assert_eq!(c.modified.to_json(), json!({"f:spec": {"f:replicas": {}}}));
        let c = compare(&json!({"spec": {"selector": {"matchLabels": {"a": "b"}}}}), &json!({"spec": {}}), &deployment());
        assert_eq!(c.removed.to_json(), json!({"f:spec": {"f:selector": {}}}));
    }

    #[test]
    fn list_order() {
        let schema = deployment();
        let wrap = |names: &[&str]| {
            let items: Vec<Value> = names.iter().map(|n| json!({"name": n})).collect();
            json!({"spec": {"template": {"spec": {"containers": items}}}})
        };
        for (live, config, expect) in [
            (vec!["a", "b"], vec!["b", "a"], vec!["b", "a"]),
            (vec!["a", "x", "b"], vec!["a", "b"], vec!["a", "x", "b"]),
            (vec!["x", "a"], vec!["a"], vec!["x", "a"]),
            (vec!["a"], vec!["a", "b"], vec!["a", "b"]),
            (vec!["a", "b", "c"], vec!["c", "d", "a"], vec!["b", "c", "d", "a"]),
        ] {
            let merged = merge(Some(&wrap(&live)), Some(&wrap(&config)), &schema).expect("some");
            assert_eq!(merged, wrap(&expect), "{live:?} + {config:?}");
        }
    }

    #[test]
    fn typed_errors() {
        let undeclared = json!({"spec": {"foo": 1, "replicas": "x"}});
        assert_eq!(validate_typed(&undeclared, &deployment()), [".spec.foo: field not declared in schema"]);
        let wrong =
            json!({"spec": {"replicas": "x", "template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}, {"image": "b"}]}}}});
        assert_eq!(
            validate_typed(&wrong, &deployment()),
            [
                ".spec.replicas: expected numeric (int or float), got string",
                ".spec.template.spec.containers: duplicate entries for key [name=\"a\"]",
            ]
        );
    }
}
