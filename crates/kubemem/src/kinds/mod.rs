//! What is particular to each built-in kind: defaults, allocation, validation, deletion.

pub(crate) mod event;

use serde_json::{Value, json};

use crate::resource::Resource;
use crate::status::{ApiError, Cause};
use crate::verb::{Call, Propagation};

/// Fills in what Kubernetes defaults.
pub(crate) fn default(_resource: &Resource, _object: &mut Value) {}

/// Sets what the server decides on creation.
pub(crate) fn prepare_create(_call: &mut Call<'_>, resource: &Resource, object: &mut Value, _dry_run: bool) {
    if resource.has_status()
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
        if resource.custom.is_none() && resource.schema.field("status").is_some_and(|f| f.zero == crate::schema::Zero::Struct) {
            map.insert("status".into(), json!({}));
        }
    }
}

/// Sets what the server decides on a change.
pub(crate) fn prepare_update(_call: &mut Call<'_>, _resource: &Resource, _old: &Value, _new: &mut Value) {}

/// The rules of a kind.
pub(crate) fn validate(_call: &Call<'_>, _resource: &Resource, _new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    Vec::new()
}

/// Whether the kind counts generations.
pub(crate) fn has_generation(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    matches!(
        (resource.group.as_str(), resource.kind.as_str()),
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
    let rest = |object: &Value| {
        let mut out = object.clone();
        if let Some(map) = out.as_object_mut() {
            map.remove("metadata");
            map.remove("apiVersion");
            if resource.custom.is_none() || resource.has_status() {
                map.remove("status");
            }
        }
        out
    };
    rest(old) != rest(new)
}

/// Kinds whose PUT creates what is not there.
pub(crate) fn create_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        ("", "Service" | "Endpoints" | "Event" | "LimitRange")
            | ("coordination.k8s.io", "Lease")
            | ("events.k8s.io", _)
            | ("rbac.authorization.k8s.io", _)
    )
}

/// Kinds whose PUT must name the version that it replaces.
pub(crate) fn needs_version(resource: &Resource) -> bool {
    resource.custom.is_some() || matches!(resource.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io")
}

/// Whether something beyond finalizers keeps a deleted object: the contents of a namespace.
pub(crate) fn holds_deletion(resource: &Resource, object: &Value) -> bool {
    resource.is("", "Namespace") && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
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
pub(crate) fn dying(resource: &Resource, object: &mut Value) {
    if resource.is("", "Namespace") {
        object["status"]["phase"] = "Terminating".into();
    }
}

/// Refusals of creation that are not about the object's form.
pub(crate) fn admit_create(_call: &Call<'_>, _resource: &Resource, _object: &Value) -> Result<(), ApiError> {
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

/// After an object was stored for the first time.
pub(crate) fn created(_call: &mut Call<'_>, _resource: &Resource, _object: &Value) {}

/// After an object was changed.
pub(crate) fn updated(_call: &mut Call<'_>, _resource: &Resource, _old: &Value, _new: &Value) {}

/// After an object is gone.
pub(crate) fn deleted(_call: &mut Call<'_>, _resource: &Resource, _last: &Value) {}
