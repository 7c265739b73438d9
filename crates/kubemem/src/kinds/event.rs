//! Events: one kind in two groups, stored as the core group writes it.

use serde_json::{Map, Value};

/// Fields by their names in both groups: core, `events.k8s.io`.
const FIELDS: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
];

/// As `events.k8s.io/v1` shows it.
pub(crate) fn to_events_group(object: &Value) -> Value {
    rename(object, "events.k8s.io/v1", |name| {
        if name == "reportingComponent" {
            return "reportingController";
        }
        FIELDS.iter().find(|(core, _)| *core == name).map_or(name, |(_, other)| other)
    })
}

/// As it is stored.
pub(crate) fn to_core(object: Value) -> Value {
    rename(&object, "v1", |name| {
        if name == "reportingController" {
            return "reportingComponent";
        }
        FIELDS.iter().find(|(_, other)| *other == name).map_or(name, |(core, _)| core)
    })
}

fn rename(object: &Value, api_version: &str, to: impl Fn(&str) -> &str) -> Value {
    let mut out: Map<String, Value> =
        object.as_object().into_iter().flatten().map(|(name, value)| (to(name).to_owned(), value.clone())).collect();
    out.insert("apiVersion".into(), api_version.into());
    Value::Object(out)
}
