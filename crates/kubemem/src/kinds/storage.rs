//! Volumes, claims and storage classes.

use serde_json::{Value, json};

use super::set;
use crate::resource::TableKey;
use crate::schema::Quantity;
use crate::status::Cause;
use crate::verb::Call;

pub(crate) fn default_claim(object: &mut Value) {
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    set(&mut object["spec"], "volumeMode", "Filesystem".into());
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    set(&mut object["status"], "phase", "Pending".into());
}

/// Keeps a volume or a claim while it is used.
pub(crate) fn protect(object: &mut Value, finalizer: &str) {
    let mut finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !finalizers.iter().any(|f| f == finalizer) {
        finalizers.push(finalizer.into());
    }
    object["metadata"]["finalizers"] = finalizers.into();
}

/// The default storage class, where the claim names none.
pub(crate) fn choose_class(call: &Call<'_>, object: &mut Value) {
    if !object["spec"]["storageClassName"].is_null() {
        return;
    }
    let classes = call.store.list(&TableKey::new("storage.k8s.io", "storageclasses"), "");
    let default = classes.iter().find(|c| c["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true");
    if let Some(class) = default {
        object["spec"]["storageClassName"] = class["metadata"]["name"].clone();
    }
}

pub(crate) fn validate_claim(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        out.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].as_str().and_then(Quantity::parse);
    if size(new).is_none() {
        out.push(Cause::required("spec.resources[storage]", ""));
    }
    if let Some(old) = old {
        let fixed = |claim: &Value| {
            let mut spec = claim["spec"].clone();
            if let Some(map) = spec.as_object_mut() {
                map.retain(|name, _| !matches!(name.as_str(), "resources" | "volumeName" | "volumeAttributesClassName"));
            }
            spec
        };
        let bound = old["spec"]["volumeName"].is_string();
        let grows = !bound && new["spec"]["resources"] != old["spec"]["resources"];
        if fixed(new) != fixed(old) || grows || bound && new["spec"]["volumeName"] != old["spec"]["volumeName"] {
            out.push(Cause::forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
            ));
        } else if let (Some(new_size), Some(old_size)) = (size(new), size(old))
            && new_size.cmp_value(&old_size).is_lt()
        {
            out.push(Cause::forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
        }
    }
    out
}

pub(crate) fn default_volume(object: &mut Value) {
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    set(&mut object["spec"], "persistentVolumeReclaimPolicy", "Retain".into());
    set(&mut object["spec"], "volumeMode", "Filesystem".into());
    if object["spec"]["hostPath"].is_object() {
        set(&mut object["spec"]["hostPath"], "type", "".into());
    }
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    set(&mut object["status"], "phase", "Pending".into());
}

pub(crate) fn validate_class(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    if let Some(old) = old {
        for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
            if new[field] != old[field] {
                let detail = if field == "reclaimPolicy" || field == "volumeBindingMode" {
                    "field is immutable"
                } else {
                    "updates to parameters are forbidden."
                };
                let detail = if field == "provisioner" { "updates to provisioner are forbidden." } else { detail };
                out.push(match field {
                    "parameters" | "provisioner" => Cause::forbidden(field, detail),
                    _ => Cause::invalid(field, &new[field], detail),
                });
            }
        }
    }
    out
}
