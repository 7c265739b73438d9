//! Namespaces: what each gets, and how one goes with all that is in it.

use std::time::Duration;

use serde_json::json;

use super::bootstrap::make;
use super::{MANAGER, Memory};
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, DeleteOptions, Part, Propagation, Target};

/// Where a namespace is.
pub(super) fn place(name: &str) -> Place {
    Place { table: TableKey::new("", "namespaces"), name: ObjectName::new("", name) }
}

/// Gives a namespace its service account and the root certificate.
pub(super) fn defaults(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let namespace = call.store.at(place)?;
    if namespace["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let name = place.name.name.clone();
    if call.store.get(&TableKey::new("", "serviceaccounts"), &name, "default").is_none() {
        make(call, json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}));
    }
    if call.store.get(&TableKey::new("", "configmaps"), &name, "kube-root-ca.crt").is_none() {
        make(
            call,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": name,
                "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
                "data": {"ca.crt": "no certificate: connections are not encrypted\n"}}),
        );
    }
    None
}

/// Empties a dying namespace, then lets it go.
pub(super) fn contents(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let namespace = call.store.at(place)?.clone();
    if !namespace["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let uid = namespace["metadata"]["uid"].as_str().unwrap_or_default();
    if let Some(left) = memory.left(uid, "terminating", call.options.namespace_delay) {
        return Some(left);
    }
    let name = place.name.name.clone();
    let tables: Vec<TableKey> = call.store.keys().cloned().collect();
    let mut remaining = 0;
    for table in tables {
        let Some(resource) = call.store.registry.any_version(&table).filter(|r| r.namespaced) else { continue };
        for object in call.store.list(&table, &name) {
            if !object["metadata"]["deletionTimestamp"].is_string() {
                let object_name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let target = Target { resource: resource.clone(), namespace: name.clone(), name: object_name, part: Part::Whole };
                let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
                let _ = call.delete(&target, &options);
            }
        }
        remaining += call.store.list(&table, &name).len();
    }
    let now = call.clock.text();
    if remaining > 0 {
        let _ = call.edit(place, MANAGER, Part::Status, |namespace| {
            let message = format!("Some resources are remaining: {remaining} resource instances");
            namespace["status"]["conditions"] = json!([{"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
                "message": message, "lastTransitionTime": now}]);
        });
        return None;
    }
    let empty = |finalizers: &serde_json::Value| finalizers.as_array().is_none_or(Vec::is_empty);
    if empty(&namespace["metadata"]["finalizers"]) {
        call.finish(place);
    } else {
        let _ = call.edit(place, MANAGER, Part::Other, |namespace| {
            if let Some(spec) = namespace["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
        });
    }
    None
}
