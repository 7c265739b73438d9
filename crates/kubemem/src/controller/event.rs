//! Events about objects.

use serde_json::{Value, json};

use super::bootstrap::create;
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part};

/// Whether an event tells of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Normal,
    Warning,
}

/// Records an event; the same one again only counts up.
pub(super) fn emit(call: &mut Call<'_>, object: &Value, severity: Severity, reason: &str, message: &str, component: &str) {
    let meta = &object["metadata"];
    let (name, namespace) = (meta["name"].as_str().unwrap_or_default(), meta["namespace"].as_str().unwrap_or("default"));
    let now = call.clock.text();
    let table = TableKey::new("", "events");
    let first = ObjectName::new(namespace, &format!("{name}."));
    let known = call.store.table(&table).and_then(|t| {
        t.objects
            .range(first..)
            .take_while(|(at, _)| at.namespace == namespace && at.name.starts_with(&format!("{name}.")))
            .find(|(_, e)| e["reason"] == reason && e["message"] == message && e["involvedObject"]["uid"] == meta["uid"])
            .map(|(at, _)| at.clone())
    });
    if let Some(at) = known {
        let _ = call.edit(&Place { table, name: at }, component, Part::Whole, |event| {
            event["count"] = (event["count"].as_i64().unwrap_or(1) + 1).into();
            event["lastTimestamp"] = now.into();
        });
        return;
    }
    let suffix = call.store.uid().replace('-', "");
    let kind = match severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{name}.{}", &suffix[..16]), "namespace": namespace},
        "involvedObject": {"apiVersion": object["apiVersion"], "kind": object["kind"], "name": name, "namespace": namespace, "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"]},
        "reason": reason, "message": message, "type": kind, "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        "source": {"component": component}, "reportingComponent": component, "reportingInstance": ""});
    let _ = create(call, event, component);
}
