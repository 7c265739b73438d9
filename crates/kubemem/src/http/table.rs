//! `as=Table`: the columns of built-in kinds, those that a CRD adds, and those that every other kind has.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Included;
use super::columns;
use crate::fields::show;
use crate::resource::Resource;

/// A table of objects.
pub(super) fn write(resource: &Resource, items: &[Arc<Value>], meta: &Value, now: Timestamp, include: Included) -> Value {
    let own = columns::of(&resource.group, &resource.kind);
    let (definitions, cells) = match own {
        Some(own) => built_in(own, resource, items, now),
        None => other(resource, items, now),
    };
    let rows: Vec<Value> = items.iter().zip(cells).map(|(object, cells)| row(resource, object, cells, include)).collect();
    let rows = if rows.is_empty() && own.is_none() && resource.custom.is_none() { Value::Null } else { rows.into() };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": definitions, "rows": rows})
}

fn built_in(own: &[columns::Column], resource: &Resource, items: &[Arc<Value>], now: Timestamp) -> (Vec<Value>, Vec<Vec<Value>>) {
    let definitions = own.iter().map(|(name, kind, priority)| {
        let format = if name == "Name" { "name" } else { "" };
        json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
    });
    (definitions.collect(), items.iter().map(|object| columns::cells(&resource.kind, object, now)).collect())
}

fn row(resource: &Resource, object: &Value, cells: Vec<Value>, include: Included) -> Value {
    let carried = match include {
        Included::Metadata => {
            show(json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]}))
        }
        Included::Object => show(object.clone()),
        Included::Nothing => Value::Null,
    };
    let mut row = json!({"cells": cells, "object": carried});
    let ended = match object["status"]["phase"].as_str() {
        Some("Succeeded") => "The pod has completed successfully.",
        Some("Failed") => "The pod failed.",
        _ => return row,
    };
    if resource.is("", "Pod") {
        let reason = &object["status"]["phase"];
        row["conditions"] = json!([{"type": "Completed", "status": "True", "reason": reason, "message": ended}]);
    }
    row
}

/// Name and creation time, or the columns that a CRD adds.
fn other(resource: &Resource, items: &[Arc<Value>], now: Timestamp) -> (Vec<Value>, Vec<Vec<Value>>) {
    let custom: &[Value] = resource.custom.as_ref().map_or(&[], |c| c.columns.as_slice());
    let mut columns = vec![json!({"name": "Name", "type": "string", "format": "name", "description": "Name of the object", "priority": 0})];
    for column in custom {
        columns.push(json!({"name": column["name"], "type": column["type"], "format": column["format"].as_str().unwrap_or_default(),
            "description": column["description"].as_str().unwrap_or_default(), "priority": column["priority"].as_i64().unwrap_or(0)}));
    }
    if custom.is_empty() {
        // built-in kinds without columns of their own show the time itself
        let name = if resource.custom.is_some() { "Age" } else { "Created At" };
        columns.push(json!({"name": name, "type": "date", "format": "", "description": "", "priority": 0}));
    }
    let rows = items
        .iter()
        .map(|object| {
            let mut cells = vec![object["metadata"]["name"].clone()];
            cells.extend(custom.iter().map(|column| cell(object, column, now)));
            if custom.is_empty() {
                let created = &object["metadata"]["creationTimestamp"];
                cells.push(if resource.custom.is_some() { json!(columns::age(created, now)) } else { created.clone() });
            }
            cells
        })
        .collect();
    (columns, rows)
}

/// The cell of a column: the first value that its path finds, if that is of the column's type.
fn cell(object: &Value, column: &Value, now: Timestamp) -> Value {
    let Some(found) = look_up(object, column["jsonPath"].as_str().unwrap_or_default()) else { return Value::Null };
    match column["type"].as_str().unwrap_or_default() {
        "date" => json!(columns::age(found, now)),
        "integer" => found.as_i64().or_else(|| found.as_f64().map(|n| n as i64)).map_or(Value::Null, Value::from),
        "number" if found.is_number() => found.clone(),
        "boolean" if found.is_boolean() => found.clone(),
        "string" => found.as_str().map_or_else(|| found.to_string(), str::to_owned).into(),
        _ => Value::Null,
    }
}

/// The simple JSON paths that printer columns use: fields, `[0]`, `[*]` (its first), and `[?(@.type=="X")]`.
fn look_up<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let (condition, after) = filter.split_once(")]")?;
            let (field, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            at = at.as_array()?.iter().find(|item| item[field.trim()] == wanted)?;
            rest = after.trim_start_matches('.');
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']')?;
            let at_key = index.strip_prefix(['\'', '"']).map(|key| key.trim_end_matches(['\'', '"']));
            at = match (index, at_key) {
                (_, Some(key)) => at.get(key)?,
                ("*", _) => at.get(0)?,
                _ => at.get(index.parse::<usize>().ok()?)?,
            };
            rest = after.trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            at = at.get(&rest[..end])?;
            rest = rest[end..].trim_start_matches('.');
        }
    }
    Some(at)
}
