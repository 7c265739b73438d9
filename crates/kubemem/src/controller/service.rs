//! Services: the endpoints of their pods.

use std::time::Duration;

use serde_json::{Value, json};

use super::bootstrap::create;
use super::{MANAGER, pods};
use crate::resource::TableKey;
use crate::store::{Place, controller_reference};
use crate::verb::{Call, Part};

const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

/// The services of a namespace that select a pod, as it is or as it was.
pub(super) fn selecting(call: &Call<'_>, namespace: &str, pod: &Value, before: Option<&Value>) -> Vec<Place> {
    let table = TableKey::new("", "services");
    let selected = |selector: &Value, pod: &Value| {
        let labels = &pod["metadata"]["labels"];
        selector.as_object().is_some_and(|s| !s.is_empty() && s.iter().all(|(k, v)| labels[k] == *v))
    };
    call.store
        .list(&table, namespace)
        .iter()
        .filter(|service| {
            let selector = &service["spec"]["selector"];
            selected(selector, pod) || before.is_some_and(|old| selected(selector, old))
        })
        .map(|service| pods::place_of(&table, service))
        .collect()
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let Some(service) = call.store.at(place).cloned() else {
        forget(call, place);
        return None;
    };
    let selector = service["spec"]["selector"].as_object().cloned().unwrap_or_default();
    if selector.is_empty() || service["spec"]["type"] == "ExternalName" || pods::is_dying(&service) {
        return None;
    }
    let (namespace, name) = (place.name.namespace.clone(), place.name.name.clone());
    let mut selected: Vec<_> = call
        .store
        .list(&pods::table(), &namespace)
        .into_iter()
        .filter(|pod| selector.iter().all(|(k, v)| pod["metadata"]["labels"][k] == *v))
        .filter(|pod| !pods::is_over(pod) && pod["status"]["podIP"].is_string())
        .collect();
    selected.sort_by_key(|pod| pod["metadata"]["name"].as_str().map(str::to_owned));
    let unready_too = service["spec"]["publishNotReadyAddresses"] == true;
    let ready = |pod: &Value| (pods::is_ready(pod) || unready_too) && !pods::is_dying(pod);
    let target =
        |pod: &Value| json!({"kind": "Pod", "name": pod["metadata"]["name"], "namespace": namespace, "uid": pod["metadata"]["uid"]});
    let ports = if selected.is_empty() { Vec::new() } else { ports(&service, selected.first().map(|p| &**p)) };
    let now: Value = call.clock.text().into();
    let changed = if selected.is_empty() { Value::Null } else { now.clone() };
    let endpoints: Vec<Value> = selected
        .iter()
        .map(|pod| {
            json!({"addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod),
                "conditions": {"ready": ready(pod), "serving": pods::is_ready(pod), "terminating": pods::is_dying(pod)}})
        })
        .collect();
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("kubernetes.io/service-name".into(), name.as_str().into());
    labels.insert("endpointslice.kubernetes.io/managed-by".into(), "endpointslice-controller.k8s.io".into());
    if service["spec"]["clusterIP"] == "None" {
        labels.insert("service.kubernetes.io/headless".into(), "".into());
    }
    let slices = TableKey::new("discovery.k8s.io", "endpointslices");
    match pods::controlled(call, &service, &slices).first() {
        Some(slice) => {
            let at = pods::place_of(&slices, slice);
            let _ = call.edit(&at, MANAGER, Part::Whole, |slice| {
                note_change(slice, &changed, slice["endpoints"] != Value::Array(endpoints.clone()));
                slice["endpoints"] = endpoints.into();
                slice["ports"] = ports.clone().into();
                slice["metadata"]["labels"] = Value::Object(labels);
            });
        }
        None => {
            let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"generateName": format!("{name}-"), "namespace": namespace, "labels": labels, "annotations": {CHANGED: now},
                    "ownerReferences": [controller_reference(&service)]},
                "endpoints": endpoints, "ports": ports});
            let _ = create(call, slice, MANAGER);
        }
    }
    old_endpoints(call, &service, &selected, &ports, &ready, &changed);
    None
}

/// When the pods of a service last changed, or the service was made; nothing when they are gone.
fn note_change(object: &mut Value, time: &Value, differs: bool) {
    if differs {
        object["metadata"]["annotations"][CHANGED] = time.clone();
    }
}

/// The endpoints of a service that is gone go by its name.
fn forget(call: &mut Call<'_>, service: &Place) {
    let table = TableKey::new("", "endpoints");
    let at = Place { table: table.clone(), name: service.name.clone() };
    if let Some(object) = call.store.at(&at).filter(|o| o["metadata"]["labels"][MANAGED_BY].is_string()).cloned() {
        pods::delete(call, &table, &object, None);
    }
}

/// The older `Endpoints` object, which goes with the service by name.
fn old_endpoints(
    call: &mut Call<'_>,
    service: &Value,
    selected: &[std::sync::Arc<Value>],
    ports: &[Value],
    ready: &dyn Fn(&Value) -> bool,
    changed: &Value,
) {
    let address = |pod: &Value| {
        json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"],
            "namespace": pod["metadata"]["namespace"], "uid": pod["metadata"]["uid"]}})
    };
    let (up, down): (Vec<_>, Vec<_>) = selected.iter().filter(|p| !pods::is_dying(p)).partition(|pod| ready(pod));
    let list = |pods: &[&std::sync::Arc<Value>]| pods.iter().map(|pod| address(pod)).collect::<Vec<_>>();
    let mut subset = json!({});
    for (field, pods) in [("addresses", list(&up)), ("notReadyAddresses", list(&down))] {
        if !pods.is_empty() {
            subset[field] = pods.into();
        }
    }
    let subsets = if up.is_empty() && down.is_empty() {
        Vec::new()
    } else {
        if !ports.is_empty() {
            subset["ports"] = ports
                .iter()
                .map(|p| {
                    let mut p = p.clone();
                    if p["name"] == ""
                        && let Some(map) = p.as_object_mut()
                    {
                        map.remove("name");
                    }
                    p
                })
                .collect();
        }
        vec![subset]
    };
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert(MANAGED_BY.into(), "endpoint-controller".into());
    if service["spec"]["clusterIP"] == "None" {
        labels.insert("service.kubernetes.io/headless".into(), "".into());
    }
    let place = pods::place_of(&TableKey::new("", "endpoints"), service);
    if call.store.at(&place).is_none() {
        let object = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": place.name.name, "namespace": place.name.namespace,
            "labels": labels, "annotations": {CHANGED: call.clock.text()}}, "subsets": subsets});
        let _ = create(call, object, MANAGER);
        return;
    }
    let _ = call.edit(&place, MANAGER, Part::Whole, |object| {
        note_change(object, changed, object["subsets"] != Value::Array(subsets.clone()));
        object["metadata"]["labels"] = Value::Object(labels);
        if subsets.is_empty() {
            if let Some(map) = object.as_object_mut() {
                map.remove("subsets");
            }
        } else {
            object["subsets"] = subsets.into();
        }
    });
}

/// The ports behind a service; names are looked up in a pod.
fn ports(service: &Value, pod: Option<&Value>) -> Vec<Value> {
    service["spec"]["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|port| {
            let number = match &port["targetPort"] {
                Value::String(name) => pod?["spec"]["containers"]
                    .as_array()?
                    .iter()
                    .flat_map(|c| c["ports"].as_array().into_iter().flatten())
                    .find(|p| p["name"] == name.as_str())?["containerPort"]
                    .clone(),
                other => other.clone(),
            };
            Some(json!({"name": port["name"].as_str().unwrap_or_default(), "port": number, "protocol": port["protocol"]}))
        })
        .collect()
}
