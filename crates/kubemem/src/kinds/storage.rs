//! Volumes, claims and storage classes.

use serde_json::{Value, json};

use super::check::{items, required, subdomain, text};
use super::set;
use crate::resource::TableKey;
use crate::schema::Quantity;
use crate::status::{Cause, CauseType};
use crate::validation::key_problems;
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

/// What is asked of the modes of a volume or a claim, beyond their words.
fn modes(spec: &Value, detail: &str, out: &mut Vec<Cause>) {
    let modes = items(&spec["accessModes"]);
    if modes.is_empty() {
        out.push(Cause::required("spec.accessModes", detail));
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        out.push(Cause::forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes"));
    }
}

fn positive(at: &str, value: &Value, out: &mut Vec<Cause>) {
    if value.as_str().and_then(Quantity::parse).is_some_and(|amount| !amount.is_positive()) {
        out.push(Cause::invalid(at, value, "must be greater than zero"));
    }
}

/// A claim may only copy from another claim or from a snapshot by the older of the two fields.
pub(crate) fn normalize_sources(object: &mut Value) {
    let spec = &mut object["spec"];
    let source = &spec["dataSource"];
    let known = match text(&source["apiGroup"]) {
        "" => source["kind"] == "PersistentVolumeClaim",
        group => group == "snapshot.storage.k8s.io" && source["kind"] == "VolumeSnapshot",
    };
    if source.is_object() && spec["dataSourceRef"].is_null() {
        if known {
            spec["dataSourceRef"] = spec["dataSource"].clone();
        } else {
            spec["dataSource"] = Value::Null;
        }
    } else if spec["dataSourceRef"].is_object() && spec["dataSource"].is_null() && text(&spec["dataSourceRef"]["namespace"]).is_empty() {
        spec["dataSource"] = spec["dataSourceRef"].clone();
    }
}

/// The sources of a volume, in the order of the type.
const SOURCES: &[&str] = &[
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "flexVolume",
    "cinder",
    "cephfs",
    "fc",
    "flocker",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

pub(crate) fn validate_volume(new: &Value, _old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    modes(spec, "", &mut out);
    let capacity = &spec["capacity"];
    if capacity.is_null() {
        out.push(Cause::required("spec.capacity", ""));
    }
    if capacity.as_object().is_none_or(|map| map.len() > 1 || !map.contains_key("storage")) {
        let message = format!("Unsupported value: {capacity}: supported values: \"storage\"");
        out.push(Cause::new(CauseType::NotSupported, "spec.capacity", message));
    }
    positive("spec.capacity[storage]", &capacity["storage"], &mut out);
    let mut given = SOURCES.iter().filter(|source| spec[**source].is_object());
    if given.next().is_none() {
        out.push(Cause::required("spec", "must specify a volume type"));
    }
    for source in given {
        out.push(Cause::forbidden(format!("spec.{source}"), "may not specify more than 1 volume type"));
    }
    if spec["hostPath"].is_object() && required("spec.hostPath.path", &spec["hostPath"]["path"], &mut out) {
        let path = &spec["hostPath"]["path"];
        if text(path).split('/').any(|part| part == "..") {
            out.push(Cause::invalid("spec.hostPath.path", path, "must not contain '..'"));
        }
    }
    subdomain("spec.storageClassName", &spec["storageClassName"], &mut out);
    out
}

pub(crate) fn validate_claim(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    modes(spec, "at least 1 access mode is required", &mut out);
    let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].as_str().and_then(Quantity::parse);
    if size(new).is_none() {
        out.push(Cause::required("spec.resources[storage]", ""));
    }
    positive("spec.resources[storage]", &spec["resources"]["requests"]["storage"], &mut out);
    if !text(&spec["storageClassName"]).is_empty() {
        subdomain("spec.storageClassName", &spec["storageClassName"], &mut out);
    }
    for source in ["dataSource", "dataSourceRef"].into_iter().filter(|source| spec[*source].is_object()) {
        for field in ["kind", "name"] {
            required(&format!("spec.{source}.{field}"), &spec[source][field], &mut out);
        }
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
                out.push(Cause::invalid(field, &new[field], "field is immutable"));
            }
        }
    } else if required("provisioner", &new["provisioner"], &mut out) {
        let name = text(&new["provisioner"]).to_lowercase();
        out.extend(key_problems(&name).iter().map(|problem| Cause::invalid("provisioner", &name.as_str().into(), problem)));
    }
    out
}
