//! What is compared of an object: everything but what is random or a time.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

/// The facts about an object, by what it is called.
pub(crate) fn of(object: &Value) -> (String, Value) {
    let name = format!("{} {}", object["kind"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap_or_default());
    let meta = &object["metadata"];
    let mut facts = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        facts.insert(field.into(), meta[field].clone());
    }
    let owners = meta["ownerReferences"].as_array().into_iter().flatten();
    let owners: Vec<Value> = owners
        .map(|o| {
            format!("{} {} {}", o["kind"].as_str().unwrap_or_default(), o["name"].as_str().unwrap_or_default(), o["controller"]).into()
        })
        .collect();
    facts.insert("owners".into(), owners.into());
    facts.insert("deleting".into(), meta["deletionTimestamp"].is_string().then_some(true).into());
    for field in ["status", "subsets", "endpoints", "ports"] {
        facts.insert(field.into(), object[field].clone());
    }
    for field in
        ["replicas", "nodeName", "volumeName", "storageClassName", "volumeMode", "schedulingGates", "finalizers", "claimRef", "suspend"]
    {
        facts.insert(format!("spec.{field}"), object["spec"][field].clone());
    }
    (mask(&name), scrub(Value::Object(facts)))
}

/// The facts about an event; `None` for those of two components that got in each other's way.
pub(crate) fn of_event(event: &Value) -> Option<String> {
    let about = &event["involvedObject"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if text(&event["message"]).contains("the object has been modified") || event["reason"] == "ClaimLost" {
        return None;
    }
    Some(mask(&format!(
        "{} {}: {} {} {} ({})",
        text(&about["kind"]),
        text(&about["name"]),
        text(&event["type"]),
        text(&event["reason"]),
        text(&event["message"]),
        text(&event["reportingComponent"])
    )))
}

/// Masks every string, orders lists whose order means nothing, and leaves out what is empty.
fn scrub(value: Value) -> Value {
    match value {
        Value::String(text) => mask(&text).into(),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(scrub).collect();
            list.sort_by_cached_key(Value::to_string);
            list.into()
        }
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| !matches!(key.as_str(), "resourceVersion" | "managedFields"));
            let kept = kept.map(|(key, value)| (mask(&key), scrub(value)));
            Value::Object(kept.filter(|(_, v)| !v.is_null() && *v != json!([]) && *v != json!({})).collect())
        }
        other => other,
    }
}

/// Replaces what differs from run to run.
fn mask(text: &str) -> String {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"\b\d+\.\d+\.\d+\.\d+\b", "IP"),
            (r"\bsim-[a-z0-9-]+-[0-9]+x\b", "NAMESPACE"),
            (r"^[bcdfghjklmnpqrstvwxz2456789]{7,10}$", "HASH"),
            (r"-[bcdfghjklmnpqrstvwxz2456789]{7,10}\b", "-HASH"),
            (r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-ID"),
            (r"-[0-9]{8}\b", "-MINUTE"),
        ]
        .into_iter()
        .map(|(pattern, mask)| (Regex::new(pattern).unwrap(), mask))
        .collect()
    });
    MASKS.iter().fold(text.to_owned(), |text, (pattern, mask)| pattern.replace_all(&text, *mask).into_owned())
}
