//! What is particular to each built-in kind: defaults, allocation, validation, deletion.

mod access;
mod at;
mod bounds;
mod check;
pub(crate) mod config;
mod controlled;
pub(crate) mod conversion;
pub(crate) mod crd;
mod cron_job;
mod definition;
mod endpoints;
pub(crate) mod event;
mod internal;
mod job;
mod network;
mod other;
mod pod;
mod scaling;
mod service;
mod storage;
mod structs;
mod words;
mod workload;

pub(crate) use other::qos;
use serde_json::{Value, json};

use crate::resource::{Resource, TableKey};
use crate::schema::{Zero, forget_empty_lists};
use crate::status::{ApiError, Cause};
use crate::verb::{Call, Propagation};

/// Group and kind, to match on.
fn id(resource: &Resource) -> (&str, &str) {
    (resource.group.as_str(), resource.kind.as_str())
}

/// Sets a field that is not there, or is an empty text.
fn set(object: &mut Value, field: &str, value: Value) {
    if !object.is_object() {
        *object = json!({});
    }
    if object[field].is_null() || object[field] == "" {
        object[field] = value;
    }
}

/// Does something with each item of a list, if it is one.
fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

/// Removes the nulls that looking at absent fields leaves.
pub(crate) fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

/// Fills in what Kubernetes defaults.
pub(crate) fn default(resource: &Resource, object: &mut Value) {
    match id(resource) {
        ("", "Pod") => pod::default_pod(object),
        ("", "Namespace") => {
            if let Some(name) = object["metadata"]["name"].as_str().map(str::to_owned) {
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            }
        }
        ("apps", "Deployment") => workload::default_deployment(object),
        ("apps", "StatefulSet") => workload::default_stateful_set(object),
        ("apps", "DaemonSet") => workload::default_daemon_set(object),
        ("apps", "ReplicaSet") => workload::default_replica_set(object),
        ("batch", "Job") => workload::default_job(object),
        ("batch", "CronJob") => workload::default_cron_job(object),
        ("", "Service") => service::default_service(object),
        ("", "Secret") => config::default_secret(object),
        ("", "PersistentVolumeClaim") => storage::default_claim(object),
        ("", "PersistentVolume") => storage::default_volume(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => return crd::default(object),
        ("networking.k8s.io", kind) => network::default(kind, object),
        ("", kind @ "Endpoints") | ("discovery.k8s.io", kind) => endpoints::default(kind, object),
        _ => other::default(&resource.group, &resource.kind, object),
    }
    strip_nulls(object);
}

/// Takes away the status that a client gave: only the subresource writes it.
pub(crate) fn drop_status(resource: &Resource, object: &mut Value) {
    if resource.has_status()
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
        if resource.custom.is_none() && resource.schema.field("status").is_some_and(|f| f.zero == Zero::Struct) {
            let mut status = json!({});
            if let Some(schema) = resource.schema.field("status") {
                crate::schema::write_zeros(&mut status, schema);
            }
            map.insert("status".into(), status);
        }
    }
}

/// The form in which an object is kept.
pub(crate) fn stored(resource: &Resource, mut object: Value) -> Value {
    if let Some(custom) = &resource.custom {
        return conversion::stored(resource, custom, object);
    }
    if resource.group != "apiextensions.k8s.io" {
        forget_empty_lists(&mut object, &resource.schema);
    }
    if resource.group == "events.k8s.io" { event::to_core(object) } else { object }
}

/// Sets what the server decides on creation.
pub(crate) fn prepare_create(call: &mut Call<'_>, resource: &Resource, object: &mut Value) {
    if let Some(custom) = &resource.custom {
        // a status that the schema defaults is there from the start, though nobody owns it
        custom.structural.default(object);
    }
    match id(resource) {
        ("", "Namespace") => {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        ("", "Pod") => {
            object["status"] = json!({"phase": "Pending", "qosClass": other::qos(&object["spec"])});
            let suffix = call.store.suffix(5);
            let automount = automounts(call, object);
            other::admit_pod(object, automount.then_some(suffix.as_str()));
        }
        ("", "Service") => {
            service::allocate(call, object, None);
            strip_nulls(object);
        }
        ("", "PersistentVolumeClaim") => {
            object["status"] = json!({"phase": "Pending"});
            storage::choose_class(call, object);
            storage::normalize_sources(object);
            strip_nulls(object);
            storage::protect(object, "kubernetes.io/pvc-protection");
        }
        ("", "PersistentVolume") => {
            object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": call.clock.text()});
            storage::protect(object, "kubernetes.io/pv-protection");
        }
        ("apps", "DaemonSet") => workload::count_template(object, None),
        ("coordination.k8s.io", "Lease") => other::drop_election(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::prepare_create(object),
        _ => {}
    }
}

/// Whether a pod gets the token of its service account.
fn automounts(call: &Call<'_>, pod: &Value) -> bool {
    let account = pod["spec"]["serviceAccountName"].as_str().filter(|a| !a.is_empty()).unwrap_or("default");
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let account = call.store.get(&TableKey::new("", "serviceaccounts"), namespace, account);
    match pod["spec"]["automountServiceAccountToken"].as_bool() {
        Some(wanted) => wanted,
        None => account.is_none_or(|a| a["automountServiceAccountToken"] != false),
    }
}

/// Sets what the server decides on a change.
pub(crate) fn prepare_update(call: &mut Call<'_>, resource: &Resource, old: &Value, new: &mut Value) {
    match id(resource) {
        ("", "Service") => {
            service::allocate(call, new, Some(old));
            service::forget_balancer(new);
            // a condition may have a null in it
            strip_nulls(&mut new["spec"]);
        }
        ("", "Namespace") => {
            // only the finalize subresource changes them
            new["spec"] = old["spec"].clone();
        }
        ("", "Pod") => other::admit_tolerations(&mut new["spec"]),
        ("", "ServiceAccount") => {
            if new.get("secrets").is_none()
                && let Some(secrets) = old.get("secrets")
            {
                new["secrets"] = secrets.clone();
            }
        }
        ("apps", "DaemonSet") => workload::count_template(new, Some(old)),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::note_storage(new),
        ("coordination.k8s.io", "Lease") => other::drop_election(new),
        ("batch", "Job") => {
            // what the server made is not taken away by a client that does not know it
            if new["spec"]["selector"].is_null() && !old["spec"]["selector"].is_null() {
                new["spec"]["selector"] = old["spec"]["selector"].clone();
            }
            if let Some(uid) = old["metadata"]["uid"].as_str()
                && new["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/controller-uid"].is_null()
                && old["spec"]["manualSelector"] != true
            {
                workload::prepare_job(new, uid);
            }
            strip_nulls(new);
        }
        _ => {}
    }
}

/// Sets what depends on the uid of a new object.
pub(crate) fn identify(resource: &Resource, object: &mut Value, uid: &str) {
    if resource.is("batch", "Job") {
        workload::prepare_job(object, uid);
    }
}

/// The rules of a kind.
pub(crate) fn validate(_call: &Call<'_>, resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = own_rules(resource, new, old);
    let mut known = Vec::new();
    words::validate(&resource.kind, new, &mut known);
    // what a kind says of a field of its own goes before the tables
    known.retain(|cause| !causes.iter().any(|other| other.field == cause.field));
    causes.append(&mut known);
    causes
}

/// What a kind only tells of a new or changed object.
pub(crate) fn warnings(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<String> {
    match id(resource) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::warnings(new, old),
        ("discovery.k8s.io", "EndpointSlice") => endpoints::warnings(new, old).into_iter().collect(),
        _ => pod::warnings(resource, new, old),
    }
}

fn own_rules(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    match id(resource) {
        ("", "Pod") => pod::validate(new, old),
        ("apps", kind @ ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")) => controlled::validate(kind, new, old),
        ("batch", "Job") => job::validate(new, old),
        ("batch", "CronJob") => cron_job::validate(new, old),
        ("", "Service") => service::validate(new, old),
        ("", kind @ ("ConfigMap" | "Secret")) => config::validate(kind, new, old),
        ("", "PersistentVolumeClaim") => storage::validate_claim(new, old),
        ("", "PersistentVolume") => storage::validate_volume(new, old),
        ("storage.k8s.io", "StorageClass") => storage::validate_class(new, old),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd::validate(new, old),
        ("networking.k8s.io", kind) => network::validate(kind, new, old),
        (group, kind) => other::validate(group, kind, new, old),
    }
}

/// Whether the kind counts generations.
pub(crate) fn has_generation(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    matches!(
        id(resource),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job" | "CronJob")
            | ("networking.k8s.io", "Ingress" | "NetworkPolicy" | "IngressClass")
            | ("policy", "PodDisruptionBudget")
            | ("apiextensions.k8s.io", _)
            | ("admissionregistration.k8s.io", _)
            | ("flowcontrol.apiserver.k8s.io", _)
            | ("discovery.k8s.io", "EndpointSlice")
            | ("scheduling.k8s.io", "PriorityClass")
            | ("", "ReplicationController" | "Pod")
            | ("resource.k8s.io", "ResourceSlice")
    )
}

/// Whether a change is one of what is wanted, not of metadata or status.
pub(crate) fn desired_changed(resource: &Resource, old: &Value, new: &Value) -> bool {
    if resource.is("scheduling.k8s.io", "PriorityClass") {
        // it has a generation, which nothing changes
        return false;
    }
    let with_status = resource.custom.is_some() && !resource.has_status();
    let counts = |name: &str| !matches!(name, "metadata" | "apiVersion") && (with_status || name != "status");
    let all_in =
        |a: &Value, b: &Value| a.as_object().into_iter().flatten().all(|(name, value)| !counts(name) || b.get(name) == Some(value));
    let annotated = resource.is("apps", "Deployment") && old["metadata"]["annotations"] != new["metadata"]["annotations"];
    annotated || !all_in(old, new) || !all_in(new, old)
}

/// Kinds whose PUT creates what is not there.
pub(crate) fn create_on_update(resource: &Resource) -> bool {
    matches!(
        id(resource),
        ("", "Service" | "Endpoints" | "Event" | "LimitRange")
            | ("coordination.k8s.io", "Lease")
            | ("events.k8s.io", _)
            | ("rbac.authorization.k8s.io", _)
    )
}

/// Kinds whose PUT must name the version that it replaces.
pub(crate) fn needs_version(resource: &Resource) -> bool {
    resource.custom.is_some()
        || matches!(resource.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io" | "coordination.k8s.io")
}

/// Kinds whose delete answers the object and not a status.
pub(crate) fn returns_deleted(resource: &Resource) -> bool {
    match id(resource) {
        ("", kind) => {
            matches!(
                kind,
                "Pod" | "PodTemplate" | "Service" | "ServiceAccount" | "ResourceQuota" | "PersistentVolume" | "PersistentVolumeClaim"
            )
        }
        ("storage.k8s.io", kind) => matches!(kind, "StorageClass" | "VolumeAttachment" | "CSINode" | "CSIDriver"),
        _ => false,
    }
}

/// Whether something beyond finalizers keeps a deleted object: the contents of a namespace.
pub(crate) fn holds_deletion(resource: &Resource, object: &Value) -> bool {
    resource.is("", "Namespace") && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// Finalizers that a kind gets when it is deleted.
pub(crate) fn deletion_finalizer(resource: &Resource) -> Option<&'static str> {
    resource.is("apiextensions.k8s.io", "CustomResourceDefinition").then_some(crd::FINALIZER)
}

/// Seconds between the delete and the end of the object.
pub(crate) fn grace_seconds(resource: &Resource, object: &Value, asked: Option<i64>) -> i64 {
    if !resource.is("", "Pod") {
        return 0;
    }
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    let scheduled = object["spec"]["nodeName"].as_str().is_some_and(|n| !n.is_empty());
    if !scheduled || matches!(phase, "Failed" | "Succeeded") {
        return 0;
    }
    asked.or(object["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(30)
}

/// What happens to dependents where the delete does not say.
pub(crate) fn default_propagation(resource: &Resource) -> Option<Propagation> {
    (resource.is("batch", "Job") || resource.is("", "ReplicationController")).then_some(Propagation::Orphan)
}

/// Marks of deletion that a kind shows.
pub(crate) fn dying(call: &Call<'_>, resource: &Resource, object: &mut Value) {
    match id(resource) {
        ("", "Namespace") => object["status"]["phase"] = "Terminating".into(),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let now = call.clock.text();
            crd::condition(
                object,
                &now,
                "Terminating",
                "True",
                "InstanceDeletionPending",
                "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            );
        }
        _ => {}
    }
}

/// Refusals of creation that are not about the object's form.
pub(crate) fn admit_create(call: &Call<'_>, resource: &Resource, object: &Value) -> Result<(), ApiError> {
    if !resource.is("", "Pod") {
        return Ok(());
    }
    let meta = &object["metadata"];
    let named = |field: &str| object["spec"][field].as_str().filter(|name| !name.is_empty());
    // admission comes before a name is generated
    let name = [&meta["generateName"], &meta["name"]].into_iter().find_map(Value::as_str).unwrap_or_default();
    let namespace = meta["namespace"].as_str().unwrap_or_default();
    let account = named("serviceAccountName").unwrap_or("default");
    if call.store.get(&TableKey::new("", "serviceaccounts"), namespace, account).is_none() {
        let why = format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found");
        return Err(ApiError::forbidden(resource, name, &why));
    }
    let classes = TableKey::new("scheduling.k8s.io", "priorityclasses");
    // those of the system are always there
    if let Some(class) = named("priorityClassName").filter(|class| !class.starts_with("system-"))
        && call.store.get(&classes, "", class).is_none()
    {
        return Err(ApiError::forbidden(resource, name, &format!("no PriorityClass with name {class} was found")));
    }
    Ok(())
}

/// Refusals of a change that are not about the object's form.
pub(crate) fn admit_update(_call: &Call<'_>, _resource: &Resource, _old: &Value, _new: &Value) -> Result<(), ApiError> {
    Ok(())
}

/// Refusals of deletion.
pub(crate) fn admit_delete(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if resource.is("", "Namespace") && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(ApiError::forbidden(resource, name, "this namespace may not be deleted"));
    }
    Ok(())
}

/// After an object was changed: a CRD's versions and schemas take effect at once.
pub(crate) fn updated(call: &mut Call<'_>, resource: &Resource, _old: &Value, new: &Value) {
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") && crd::is_established(new) {
        crd::register(call, new);
    }
}

/// After an object is gone.
pub(crate) fn deleted(call: &mut Call<'_>, resource: &Resource, last: &Value) {
    if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        crd::unregister(call, last);
    }
}
