//! Custom resource definitions: accepting names, establishing, and cleaning up.

use std::time::Duration;

use serde_json::json;

use super::{Memory, garbage};

use crate::kinds::crd::{FINALIZER, condition, is_established, register};
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, DeleteOptions, Part, Target};

/// CRDs are looked after by the API server itself.
const MANAGER: &str = "kube-apiserver";

/// The CRD that a table belongs to.
pub(super) fn of_table(call: &Call<'_>, table: &TableKey) -> Option<Place> {
    let place = Place {
        table: TableKey::new("apiextensions.k8s.io", "customresourcedefinitions"),
        name: ObjectName::new("", &format!("{}.{}", table.plural, table.group)),
    };
    call.store.at(&place).is_some().then_some(place)
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let object = call.store.at(place)?.clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let uid = text(&object["metadata"]["uid"]);
    let names = object["spec"]["names"].clone();
    let table = TableKey::new(&text(&object["spec"]["group"]), &text(&names["plural"]));
    if object["metadata"]["deletionTimestamp"].is_string() {
        if let Some(resource) = call.store.registry.any_version(&table) {
            for instance in call.store.list(&table, "") {
                if !instance["metadata"]["deletionTimestamp"].is_string() {
                    let target = Target {
                        resource: resource.clone(),
                        namespace: text(&instance["metadata"]["namespace"]),
                        name: text(&instance["metadata"]["name"]),
                        part: Part::Whole,
                    };
                    let _ = call.delete(&target, &DeleteOptions::default());
                }
            }
        }
        if call.store.list(&table, "").is_empty() {
            garbage::drop_finalizer(call, place, FINALIZER);
        }
        return None;
    }
    let now = call.clock.text();
    let taken = call
        .store
        .registry
        .groups()
        .iter()
        .flat_map(|(_, rs)| rs)
        .any(|r| r.group == table.group && r.plural != table.plural && r.kind == text(&names["kind"]));
    if taken {
        let message = format!("\"{}\" is already in use", text(&names["kind"]));
        let _ = call.edit(place, MANAGER, Part::Status, |crd| {
            condition(crd, &now, "NamesAccepted", "False", "KindConflict", &message);
            condition(crd, &now, "Established", "False", "NotAccepted", "not all names are accepted");
        });
        return None;
    }
    if is_established(&object) {
        return None;
    }
    let _ = call.edit(place, MANAGER, Part::Status, |crd| {
        condition(crd, &now, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
        let mut accepted = names.clone();
        if let Some(map) = accepted.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
        crd["status"]["acceptedNames"] = accepted;
    });
    if let Some(left) = memory.left(&uid, "names accepted", call.options.crd_delay) {
        return Some(left);
    }
    let _ = call.edit(place, MANAGER, Part::Status, |crd| {
        condition(crd, &now, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted");
        if !crd["status"]["storedVersions"].is_array() {
            crd["status"]["storedVersions"] = json!([]);
        }
    });
    if let Some(object) = call.store.at(place).cloned() {
        register(call, &object);
    }
    None
}
