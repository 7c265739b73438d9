//! `as=Table`: the columns that every kind has.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::resource::Resource;

/// A table of objects: name and creation time, and the columns that a CRD adds.
pub(super) fn write(resource: &Resource, items: &[Arc<Value>], meta: &Value, with_columns: bool) -> Value {
    let custom: &[Value] = resource.custom.as_ref().map_or(&[], |c| c.columns.as_slice());
    let mut columns = vec![json!({"name": "Name", "type": "string", "format": "name", "description": "Name of the object", "priority": 0})];
    for column in custom {
        columns.push(json!({"name": column["name"], "type": column["type"], "format": column["format"].as_str().unwrap_or_default(),
            "description": column["description"].as_str().unwrap_or_default(), "priority": column["priority"].as_i64().unwrap_or(0)}));
    }
    if custom.is_empty() {
        columns.push(json!({"name": "Created At", "type": "date", "format": "", "description": "Time of creation", "priority": 0}));
    }
    let rows: Vec<Value> = items
        .iter()
        .map(|object| {
            let mut cells = vec![object["metadata"]["name"].clone()];
            for column in custom {
                cells.push(look_up(object, column["jsonPath"].as_str().unwrap_or_default()));
            }
            if custom.is_empty() {
                cells.push(object["metadata"]["creationTimestamp"].clone());
            }
            json!({"cells": cells, "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]}})
        })
        .collect();
    let mut out = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "rows": rows});
    if with_columns {
        out["columnDefinitions"] = columns.into();
    }
    out
}

/// The simple JSON paths that printer columns use: fields, and `[?(@.type=="X")]`.
fn look_up(object: &Value, path: &str) -> Value {
    let mut at = object.clone();
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let Some((condition, after)) = filter.split_once(")]") else { return Value::Null };
            let Some((field, wanted)) = condition.split_once("==") else { return Value::Null };
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            at = at.as_array().into_iter().flatten().find(|item| item[field.trim()] == wanted).cloned().unwrap_or_default();
            rest = after.trim_start_matches('.');
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        at = at[&rest[..end]].take();
        rest = rest[end..].trim_start_matches('.');
        if rest.starts_with('[') && !rest.starts_with("[?") {
            let Some((index, after)) = rest[1..].split_once(']') else { return Value::Null };
            at = index.parse::<usize>().map(|i| at[i].take()).unwrap_or_default();
            rest = after.trim_start_matches('.');
        }
    }
    at
}
