//! Persistent volume claims: bound to volumes made up for them.

use std::time::Duration;

use serde_json::{Value, json};

use super::bootstrap::create;
use super::event::{Severity, emit};
use super::{MANAGER, garbage, pods};
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part};

const COMPONENT: &str = "persistentvolume-controller";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

fn class(call: &Call<'_>, claim: &Value) -> Option<std::sync::Arc<Value>> {
    let name = claim["spec"]["storageClassName"].as_str().filter(|n| !n.is_empty())?;
    call.store.get(&TableKey::new("storage.k8s.io", "storageclasses"), "", name).cloned()
}

/// Whether a claim is bound only when a pod needs it.
pub(super) fn waits_for_pod(call: &Call<'_>, claim: &Value) -> bool {
    class(call, claim).is_some_and(|c| c["volumeBindingMode"] == "WaitForFirstConsumer")
}

/// A claim that is going looks again while pods keep it.
fn mounted_again(call: &Call<'_>, place: &Place) -> Option<Duration> {
    call.store.at(place).map(|_| Duration::from_secs(1))
}

/// The volume of a claim that is gone goes too, or is kept as released.
fn release(call: &mut Call<'_>, volume: &str) {
    let place = Place { table: TableKey::new("", "persistentvolumes"), name: ObjectName::new("", volume) };
    let Some(object) = call.store.at(&place).cloned() else { return };
    if object["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
        pods::delete(call, &place.table, &object, None);
    } else {
        let _ = call.edit(&place, MANAGER, Part::Status, |v| v["status"]["phase"] = "Released".into());
    }
}

/// Volumes are free until a claim takes them, and go when nothing holds them.
pub(super) fn volume(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let object = call.store.at(place)?.clone();
    if pods::is_dying(&object) {
        garbage::drop_finalizer(call, place, "kubernetes.io/pv-protection");
        return None;
    }
    if object["spec"]["claimRef"].is_null() && object["status"]["phase"] == "Pending" {
        let _ = call.edit(place, MANAGER, Part::Status, |v| v["status"]["phase"] = "Available".into());
    }
    None
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let claim = call.store.at(place)?.clone();
    let (namespace, name) = (place.name.namespace.clone(), place.name.name.clone());
    let mounted = || {
        call.store.list(&pods::table(), &namespace).iter().any(|pod| {
            !pods::is_over(pod)
                && pod["spec"]["volumes"].as_array().into_iter().flatten().any(|v| v["persistentVolumeClaim"]["claimName"] == name.as_str())
        })
    };
    if pods::is_dying(&claim) {
        if !mounted() {
            if let Some(volume) = claim["spec"]["volumeName"].as_str() {
                release(call, volume);
            }
            garbage::drop_finalizer(call, place, "kubernetes.io/pvc-protection");
        }
        return mounted_again(call, place);
    }
    if claim["status"]["phase"] == "Bound" {
        return None;
    }
    let Some(class) = class(call, &claim) else {
        if let Some(wanted) = claim["spec"]["storageClassName"].as_str().filter(|n| !n.is_empty()) {
            let message = format!("storageclass.storage.k8s.io \"{wanted}\" not found");
            emit(call, &claim, Severity::Warning, "ProvisioningFailed", &message, COMPONENT);
        } else {
            let message = "no persistent volumes available for this claim and no storage class is set";
            emit(call, &claim, Severity::Normal, "FailedBinding", message, COMPONENT);
        }
        return None;
    };
    if class["volumeBindingMode"] == "WaitForFirstConsumer" && !mounted() {
        return Some(Duration::from_secs(1));
    }
    // first it is asked for, then somebody makes it
    let provisioner = class["provisioner"].as_str().unwrap_or_default();
    if claim["metadata"]["annotations"][PROVISIONER].is_null() {
        let _ = call.edit(place, MANAGER, Part::Whole, |claim| {
            for name in [PROVISIONER, "volume.beta.kubernetes.io/storage-provisioner"] {
                claim["metadata"]["annotations"][name] = provisioner.into();
            }
        });
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        );
        emit(call, &claim, Severity::Normal, "ExternalProvisioning", &message, COMPONENT);
        return Some(Duration::from_millis(20));
    }
    let uid = claim["metadata"]["uid"].as_str().unwrap_or_default();
    let volume = format!("pvc-{uid}");
    let size = claim["spec"]["resources"]["requests"]["storage"].clone();
    let modes = claim["spec"]["accessModes"].clone();
    let made = create(
        call,
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume,
            "annotations": {"pv.kubernetes.io/provisioned-by": class["provisioner"]}},
            "spec": {"capacity": {"storage": size}, "accessModes": modes, "persistentVolumeReclaimPolicy": class["reclaimPolicy"],
                "storageClassName": class["metadata"]["name"], "volumeMode": claim["spec"]["volumeMode"],
                "hostPath": {"path": format!("/simulated/{volume}")},
                "claimRef": {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": namespace, "name": name, "uid": uid}}}),
        MANAGER,
    );
    if made.is_ok() {
        let place = Place { table: TableKey::new("", "persistentvolumes"), name: ObjectName::new("", &volume) };
        let _ = call.edit(&place, MANAGER, Part::Status, |v| v["status"]["phase"] = "Bound".into());
    }
    let _ = call.edit(place, MANAGER, Part::Whole, |claim| {
        claim["spec"]["volumeName"] = volume.as_str().into();
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes".into();
        claim["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = "yes".into();
    });
    let _ = call.edit(place, MANAGER, Part::Status, |claim| {
        claim["status"]["phase"] = "Bound".into();
        claim["status"]["accessModes"] = modes;
        claim["status"]["capacity"] = json!({"storage": size});
    });
    None
}
