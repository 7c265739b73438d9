//! The one node.

use serde_json::json;

use super::bootstrap::make;
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part};

pub(super) fn bootstrap(call: &mut Call<'_>) {
    let name = call.options.node.clone();
    let made = make(
        call,
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}}),
    );
    if !made {
        return;
    }
    let now = call.clock.text();
    let version = call.options.version.clone();
    let resources = json!({"cpu": "64", "memory": "256Gi", "pods": "1000"});
    let place = Place { table: TableKey::new("", "nodes"), name: ObjectName::new("", &name) };
    let _ = call.edit(&place, "kubelet", Part::Status, |node| {
        node["status"] = json!({"allocatable": resources, "capacity": resources, "phase": "Running",
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                "lastHeartbeatTime": now, "lastTransitionTime": now}],
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": version, "kubeProxyVersion": version,
                "containerRuntimeVersion": "simulated", "osImage": "simulated", "kernelVersion": "", "machineID": "", "systemUUID": "", "bootID": ""}});
    });
}
