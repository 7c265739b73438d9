//! The objects of a new cluster.

use serde_json::{Value, json};

use super::{aggregate, node};
use crate::server::split_version;
use crate::verb::{Call, Part, Target, WriteOptions};

/// Makes what a cluster has before anybody uses it.
pub(crate) fn bootstrap(call: &mut Call<'_>) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        make(call, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        super::namespace::defaults(call, &super::namespace::place(name));
    }
    let system = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
    for (name, value) in system {
        make(call, json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}));
    }
    let roles: Vec<Value> = serde_json::from_str(include_str!("../../data/roles.json")).expect("the embedded roles are valid JSON");
    for role in roles {
        make(call, role);
    }
    aggregate::all(call);
    make(
        call,
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}]}}),
    );
    if call.options.simulate_workloads {
        node::bootstrap(call);
        make(
            call,
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "simulated/volume", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        );
    }
}

/// Creates an object; a cluster that has it already keeps it.
pub(super) fn make(call: &mut Call<'_>, object: Value) -> bool {
    create(call, object, "kube-apiserver").is_ok()
}

/// Creates an object as a component of the control plane.
pub(super) fn create(call: &mut Call<'_>, object: Value, manager: &str) -> Result<Value, String> {
    let (group, version) = split_version(object["apiVersion"].as_str().unwrap_or_default());
    let kind = object["kind"].as_str().unwrap_or_default();
    let Some(resource) = call.store.registry.by_kind(group, version, kind) else { return Err(format!("no kind {kind}")) };
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let target = Target { resource, namespace: text("namespace"), name: text("name"), part: Part::Whole };
    call.create(&target, object, &WriteOptions::by(manager)).map(|answer| (*answer.object).clone()).map_err(|error| error.message)
}
