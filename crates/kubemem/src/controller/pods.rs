//! What several controllers ask about pods, and how they make them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::MANAGER;
use super::bootstrap::create;
use super::event::{Severity, emit};
use crate::resource::TableKey;
use crate::store::{ObjectName, Place, controller_of, controller_reference, labels_match};
use crate::verb::{Call, DeleteOptions, Part, Target};

pub(super) fn table() -> TableKey {
    TableKey::new("", "pods")
}

pub(super) fn place_of(table: &TableKey, object: &Value) -> Place {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    Place { table: table.clone(), name: ObjectName::new(text("namespace"), text("name")) }
}

pub(super) fn is_dying(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|c| c["status"] == "True")
}

pub(super) fn phase(pod: &Value) -> &str {
    pod["status"]["phase"].as_str().unwrap_or_default()
}

/// Whether a pod has ended.
pub(super) fn is_over(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// The pods (or replica sets) that an object controls.
pub(super) fn controlled(call: &Call<'_>, owner: &Value, table: &TableKey) -> Vec<Arc<Value>> {
    let Some(uid) = owner["metadata"]["uid"].as_str() else { return Vec::new() };
    call.store
        .dependents(uid)
        .into_iter()
        .filter(|place| place.table == *table)
        .filter_map(|place| call.store.at(&place).cloned())
        .filter(|object| controller_of(object) == Some(uid))
        .collect()
}

/// Whether a ready pod has been so for long enough; if not, when it will.
pub(super) fn available(call: &Call<'_>, pod: &Value, min_ready: i64) -> Result<(), Option<Duration>> {
    let Some(ready) = condition(pod, "Ready").filter(|c| c["status"] == "True") else { return Err(None) };
    if min_ready == 0 {
        return Ok(());
    }
    let since = ready["lastTransitionTime"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok()).unwrap_or_else(|| call.clock.now());
    let waited = call.clock.now().duration_since(since).as_secs();
    if waited >= min_ready { Ok(()) } else { Err(Some(Duration::from_secs(u64::try_from(min_ready - waited).unwrap_or(1)))) }
}

/// Creates a pod from a template.
pub(super) fn spawn(call: &mut Call<'_>, owner: &Value, template: &Value, change: impl FnOnce(&mut Value)) -> Result<Value, String> {
    let prefix = format!("{}-", owner["metadata"]["name"].as_str().unwrap_or_default());
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": prefix, "namespace": owner["metadata"]["namespace"],
        "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
        "ownerReferences": [controller_reference(owner)]}, "spec": template["spec"]});
    if let Some(finalizers) = template["metadata"].get("finalizers") {
        pod["metadata"]["finalizers"] = finalizers.clone();
    }
    change(&mut pod);
    let name = pod["metadata"]["name"].clone();
    let component = format!("{}-controller", owner["kind"].as_str().unwrap_or_default().to_lowercase());
    match create(call, pod, MANAGER) {
        Ok(made) => {
            let message = done(owner, "Create", &made["metadata"]["name"]);
            emit(call, owner, Severity::Normal, "SuccessfulCreate", &message, &component);
            Ok(made)
        }
        Err(why) => {
            let message = match owner["kind"] == "StatefulSet" {
                true => format!("{} failed error: {why}", in_set(owner, "Create", &name)),
                false => format!("Error creating: {why}"),
            };
            emit(call, owner, Severity::Warning, "FailedCreate", &message, &component);
            Err(why)
        }
    }
}

/// Makes an object without a controller the owner's; answers whether there was one to take.
pub(super) fn adopt(call: &mut Call<'_>, owner: &Value, table: &TableKey) -> bool {
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default();
    let selected = |object: &Arc<Value>| !is_dying(object) && labels_match(&owner["spec"]["selector"], &object["metadata"]["labels"]);
    let orphans: Vec<_> = call.store.orphans(table, namespace).into_iter().filter(selected).collect();
    for orphan in &orphans {
        let _ = call.edit(&place_of(table, orphan), MANAGER, Part::Whole, |object| {
            let mut owners = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
            owners.push(controller_reference(owner));
            object["metadata"]["ownerReferences"] = owners.into();
        });
    }
    !orphans.is_empty()
}

/// Deletes a pod for its controller.
pub(super) fn dismiss(call: &mut Call<'_>, owner: &Value, pod: &Value) {
    delete(call, &table(), pod, None);
    let component = format!("{}-controller", owner["kind"].as_str().unwrap_or_default().to_lowercase());
    let message = done(owner, "Delete", &pod["metadata"]["name"]);
    emit(call, owner, Severity::Normal, "SuccessfulDelete", &message, &component);
}

/// What a controller says when it has made or taken away a pod.
fn done(owner: &Value, verb: &str, pod: &Value) -> String {
    match owner["kind"] == "StatefulSet" {
        true => format!("{} successful", in_set(owner, verb, pod)),
        false => format!("{verb}d pod: {}", pod.as_str().unwrap_or_default()),
    }
}

fn in_set(set: &Value, verb: &str, pod: &Value) -> String {
    format!("{verb} Pod {} in StatefulSet {}", pod.as_str().unwrap_or_default(), set["metadata"]["name"].as_str().unwrap_or_default())
}

/// Deletes any object, in the background.
pub(super) fn delete(call: &mut Call<'_>, table: &TableKey, object: &Value, grace: Option<i64>) {
    let Some(resource) = call.store.registry.any_version(table) else { return };
    let place = place_of(table, object);
    let target = Target { resource, namespace: place.name.namespace, name: place.name.name, part: Part::Whole };
    let options = DeleteOptions { propagation: Some(crate::verb::Propagation::Background), grace, ..DeleteOptions::default() };
    let _ = call.delete(&target, &options);
}

/// A short name for a template's content.
pub(super) fn hash(value: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = canonical(value).bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut out = String::new();
    for _ in 0..10 {
        out.push(char::from(LETTERS[(hash % LETTERS.len() as u64) as usize]));
        hash /= LETTERS.len() as u64;
    }
    out
}

/// JSON with sorted keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let inner: Vec<String> = keys.into_iter().map(|k| format!("{k:?}:{}", canonical(&map[k]))).collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Pods without a node that mount a claim.
pub(super) fn waiting_for_claim(call: &Call<'_>, namespace: &str, claim: &str) -> Vec<Place> {
    let table = table();
    call.store
        .list(&table, namespace)
        .iter()
        .filter(|pod| pod["spec"]["nodeName"].is_null())
        .filter(|pod| pod["spec"]["volumes"].as_array().into_iter().flatten().any(|v| v["persistentVolumeClaim"]["claimName"] == claim))
        .map(|pod| place_of(&table, pod))
        .collect()
}

/// Sets a condition; its times change only where it does.
pub(super) fn set_condition(object: &mut Value, now: &str, with_update_time: bool, kind: &str, status: &str, reason: &str, message: &str) {
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(list) = object["status"]["conditions"].as_array_mut() else { return };
    let old = list.iter().position(|c| c["type"] == kind);
    let mut entry = json!({"type": kind, "status": status, "lastTransitionTime": now});
    if !reason.is_empty() {
        entry["reason"] = reason.into();
    }
    if !message.is_empty() {
        entry["message"] = message.into();
    }
    if with_update_time {
        entry["lastUpdateTime"] = now.into();
    }
    match old {
        Some(at) => {
            let same = &list[at];
            if same["status"] == status {
                entry["lastTransitionTime"] = same["lastTransitionTime"].clone();
                if same["reason"] == entry["reason"] && same["message"] == entry["message"] {
                    return;
                }
            }
            list[at] = entry;
        }
        None => list.push(entry),
    }
}

/// An int-or-percent of a whole, rounded up or down.
pub(super) fn share(value: &Value, whole: i64, round_up: bool) -> i64 {
    match value {
        Value::String(text) => {
            let percent = text.trim_end_matches('%').parse::<i64>().unwrap_or(0);
            if round_up { (percent * whole + 99) / 100 } else { percent * whole / 100 }
        }
        other => other.as_i64().unwrap_or(0),
    }
}
