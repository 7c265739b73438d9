//! Patches of JSON values.

mod json;
mod strategic;

use serde_json::{Map, Value};

pub(crate) use json::json_patch;
pub(crate) use strategic::strategic;

/// RFC 7386.
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (name, value) in fields {
        if value.is_null() {
            map.remove(name);
        } else {
            merge_patch(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merges() {
        let mut value = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge_patch(&mut value, &json!({"a": {"b": null, "c": [3], "e": {"f": null, "g": 1}}, "d": 2}));
        assert_eq!(value, json!({"a": {"c": [3], "e": {"g": 1}}, "d": 2}));
    }
}
