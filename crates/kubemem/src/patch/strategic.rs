//! Strategic merge patch: lists merged by key, `$patch` and `$retainKeys` directives.

use serde_json::{Map, Value};

use crate::fields::go_value;
use crate::schema::{Kind, Schema, any};

/// Lays a patch over a value. `None` means that the value goes.
pub(crate) fn strategic(target: Option<&Value>, patch: &Value, schema: &Schema) -> Result<Option<Value>, String> {
    match patch {
        Value::Null => Ok(None),
        Value::Object(fields) => object(target.and_then(Value::as_object), fields, schema).map(Some),
        other => Ok(Some(other.clone())),
    }
}

fn item_schema(schema: &Schema) -> &Schema {
    match &schema.resolve().kind {
        Kind::List { item, .. } => item,
        _ => any(),
    }
}

fn object(target: Option<&Map<String, Value>>, patch: &Map<String, Value>, schema: &Schema) -> Result<Value, String> {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => return Ok(Value::Object(without_directives(patch))),
        Some("delete") => return Ok(Value::Object(Map::new())),
        Some("merge") | None => {}
        Some(other) => return Err(format!("unknown patch type: {other} in map: {}", go_value(&Value::Object(patch.clone())))),
    }
    let mut out = target.cloned().unwrap_or_default();
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        out.retain(|name, _| keep.iter().any(|k| k == name.as_str()));
    }
    for (name, value) in patch {
        if name == "$patch" || name == "$retainKeys" || name.starts_with("$setElementOrder/") {
            continue;
        }
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(items)), Value::Array(gone)) = (out.get_mut(list), value) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        let field = schema.field(name).unwrap_or_else(|| any());
        let old = out.get(name).cloned();
        let new = match value {
            Value::Array(items) => Some(list(old.as_ref().and_then(Value::as_array), items, field)?),
            other => strategic(old.as_ref(), other, field)?,
        };
        match new {
            Some(new) => {
                out.insert(name.clone(), new);
            }
            None => {
                out.remove(name);
            }
        }
    }
    for (name, order) in patch {
        if let (Some(list), Value::Array(order)) = (name.strip_prefix("$setElementOrder/"), order) {
            let key = schema.field(list).and_then(|f| f.patch.key.clone());
            let live = target.and_then(|t| t.get(list)).and_then(Value::as_array).cloned().unwrap_or_default();
            if let Some(Value::Array(patched)) = patch.get(list) {
                check_order(patched, order, key.as_deref())?;
            }
            if let Some(Value::Array(items)) = out.get_mut(list) {
                *items = arrange(std::mem::take(items), order, &live, key.as_deref());
            }
        }
    }
    Ok(Value::Object(out))
}

/// The items of a patch must come in the order that it gives.
fn check_order(patched: &[Value], order: &[Value], key: Option<&str>) -> Result<(), String> {
    let id = |item: &Value| key.map_or_else(|| item.clone(), |key| item[key].clone());
    let mut rest = order.iter();
    let kept = patched.iter().filter(|item| item["$patch"] != "delete");
    if kept.into_iter().all(|item| rest.any(|other| id(other) == id(item))) {
        return Ok(());
    }
    let shown = |items: &[Value]| go_value(&Value::from(items.to_vec()));
    Err(format!("The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n", shown(patched), shown(order)))
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(name, _)| !name.starts_with('$')).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// A new item without directives and nulls.
fn without_nested(item: &Value) -> Value {
    match item {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, value)| !name.starts_with('$') && !value.is_null());
            kept.map(|(name, value)| (name.clone(), without_nested(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nested).collect(),
        other => other.clone(),
    }
}

fn list(target: Option<&Vec<Value>>, patch: &[Value], schema: &Schema) -> Result<Value, String> {
    let replace = patch.iter().any(|item| item["$patch"] == "replace");
    if replace || !schema.patch.merge {
        return Ok(patch.iter().filter(|item| item.get("$patch").is_none()).cloned().collect());
    }
    let mut out = target.cloned().unwrap_or_default();
    let Some(key) = &schema.patch.key else {
        let live = out.clone();
        for item in patch {
            if !out.contains(item) {
                out.push(item.clone());
            }
        }
        return Ok(arrange(out, patch, &live, None).into());
    };
    for item in patch {
        let Some(id) = item.get(key) else {
            if item["$patch"].is_string() {
                continue;
            }
            return Err(format!("map: {} does not contain declared merge key: {key}", go_value(item)));
        };
        let position = out.iter().position(|old| old.get(key) == Some(id));
        if item["$patch"] == "delete" {
            out.retain(|old| old.get(key) != Some(id));
            continue;
        }
        match position {
            Some(at) => {
                if let Some(new) = strategic(Some(&out[at]), item, item_schema(schema))? {
                    out[at] = new;
                }
            }
            // what is new is taken as it is, even if its own lists repeat a key
            None => out.push(without_nested(item)),
        }
    }
    let live = target.cloned().unwrap_or_default();
    Ok(arrange(out, patch, &live, Some(key)).into())
}

/// Puts the items that `order` names in that order, and the others among them as they were in the live list.
fn arrange(items: Vec<Value>, order: &[Value], live: &[Value], key: Option<&str>) -> Vec<Value> {
    let id = |item: &Value| key.map_or_else(|| item.clone(), |key| item[key].clone());
    let rank = |list: &[Value], item: &Value| list.iter().position(|other| id(other) == id(item));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) = items.into_iter().partition(|item| rank(order, item).is_some());
    named.sort_by_key(|item| rank(order, item));
    others.sort_by_key(|item| rank(live, item));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return out,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(next)) => matches!((rank(live, other), rank(live, next)), (Some(a), Some(b)) if a < b),
        };
        out.extend(if other_first { others.next() } else { named.next() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::gvk_schema;
    use serde_json::json;

    fn check(live: Value, patch: Value, expect: Value) {
        let schema = gvk_schema("", "v1", "Pod").expect("built in");
        assert_eq!(strategic(Some(&live), &patch, &schema), Ok(Some(expect)), "{patch}");
    }

    #[test]
    fn merges_lists_by_key() {
        let live =
            json!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}], "tolerations": [{"key": "q"}]}});
        check(
            live.clone(),
            json!({"spec": {"containers": [{"name": "b", "image": "z"}, {"name": "c"}], "tolerations": [{"key": "r"}]}}),
            json!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "z"}, {"name": "c"}], "tolerations": [{"key": "r"}]}}),
        );
        check(
            live.clone(),
            json!({"spec": {"containers": [{"name": "new"}]}}),
            json!({"spec": {"containers": [{"name": "new"}, {"name": "a", "image": "x"}, {"name": "b", "image": "y"}], "tolerations": [{"key": "q"}]}}),
        );
        check(
            live.clone(),
            json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}),
            json!({"spec": {"containers": [{"name": "b", "image": "y"}], "tolerations": [{"key": "q"}]}}),
        );
        check(
            live,
            json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a", "image": null}]}}),
            json!({"spec": {"containers": [{"name": "b", "image": "y"}, {"name": "a"}], "tolerations": [{"key": "q"}]}}),
        );
    }
}
