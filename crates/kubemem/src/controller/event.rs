//! Events about objects.

use serde_json::{Value, json};

use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::Call;

/// Whether an event tells of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Normal,
    Warning,
}

const FIELDS: &str = r#"{"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:source":{"f:component":{}},"f:type":{}}"#;
/// The scheduler writes the newer kind of events.
const SCHEDULER_FIELDS: &str = r#"{"f:action":{},"f:eventTime":{},"f:note":{},"f:reason":{},"f:regarding":{},"f:reportingController":{},"f:reportingInstance":{},"f:type":{}}"#;

/// From so many messages about one object for one reason on, they are combined.
const SIMILAR: usize = 10;
const COMBINED: &str = "(combined from similar events): ";

/// Records an event; the same one again only counts up. It is stored as it is: nothing about it is a client's choice.
pub(super) fn emit(call: &mut Call<'_>, object: &Value, severity: Severity, reason: &str, message: &str, component: &str) {
    let meta = &object["metadata"];
    let (name, namespace) = (meta["name"].as_str().unwrap_or_default(), meta["namespace"].as_str().unwrap_or("default"));
    let open = call.store.at(&super::namespace::place(namespace)).is_some_and(|ns| !super::pods::is_dying(ns));
    if !open {
        return;
    }
    let now = call.clock.text();
    let table = TableKey::new("", "events");
    let prefix = format!("{name}.");
    let known = call.store.table(&table).and_then(|t| {
        t.objects
            .range(ObjectName::new(namespace, &prefix)..)
            .take_while(|(at, _)| at.namespace == namespace && at.name.starts_with(&prefix))
            .find(|(_, e)| e["reason"] == reason && e["message"] == message && e["involvedObject"]["uid"] == meta["uid"])
            .map(|(at, event)| (at.clone(), event.clone()))
    });
    // what says the same in many words is told once, by its latest words
    let similar = || {
        let events = call.store.table(&table).into_iter().flat_map(|t| t.objects.range(ObjectName::new(namespace, &prefix)..));
        events
            .take_while(|(at, _)| at.namespace == namespace && at.name.starts_with(&prefix))
            .filter(|(_, e)| e["reason"] == reason && e["involvedObject"]["uid"] == meta["uid"])
    };
    let scheduler = component == "default-scheduler";
    let combined = known.is_none() && !scheduler && similar().count() + 1 >= SIMILAR;
    let (known, message) = if combined {
        let told = similar().find(|(_, e)| e["message"].as_str().is_some_and(|m| m.starts_with(COMBINED)));
        (told.map(|(at, event)| (at.clone(), event.clone())), &*format!("{COMBINED}{message}"))
    } else {
        (known, message)
    };
    if let Some((name, event)) = known {
        // its series begin later than any test looks
        if !scheduler {
            let mut event = (*event).clone();
            event["count"] = (event["count"].as_i64().unwrap_or(1) + 1).into();
            event["lastTimestamp"] = now.into();
            event["message"] = message.into();
            call.store.put(&Place { table, name }, event);
        }
        return;
    }
    let uid = call.store.uid();
    // As on a real server the name grows with time; where time stands still, with each change.
    let event_name = format!("{prefix}{:x}", call.clock.now().as_nanosecond() + i128::from(call.store.revision()));
    let kind = match severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    let mut event = json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": event_name, "namespace": namespace, "uid": uid, "creationTimestamp": now,
            "managedFields": [{"manager": component, "operation": "Update", "apiVersion": "v1", "time": now, "fieldsType": "FieldsV1", "fieldsV1": FIELDS}]},
        "involvedObject": {"apiVersion": object["apiVersion"], "kind": object["kind"], "name": name, "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"]},
        "reason": reason, "message": message, "type": kind, "count": 1, "eventTime": null, "firstTimestamp": now, "lastTimestamp": now,
        "source": {"component": component}, "reportingComponent": component, "reportingInstance": ""});
    if combined {
        event["reportingComponent"] = "".into();
    }
    if meta["namespace"].is_string() {
        event["involvedObject"]["namespace"] = namespace.into();
    }
    if scheduler {
        let owner = &mut event["metadata"]["managedFields"][0];
        owner["apiVersion"] = "events.k8s.io/v1".into();
        owner["fieldsV1"] = SCHEDULER_FIELDS.into();
        event["eventTime"] = call.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into();
        event["action"] = if severity == Severity::Normal { "Binding" } else { "Scheduling" }.into();
        event["reportingInstance"] = format!("{component}-0").into();
        event["source"] = json!({});
        event["firstTimestamp"] = Value::Null;
        event["lastTimestamp"] = Value::Null;
        if let Some(fields) = event.as_object_mut() {
            fields.remove("count");
        }
    }
    call.store.put(&Place { table, name: ObjectName::new(namespace, &event_name) }, event);
}
