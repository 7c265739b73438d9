//! The objects of a new cluster.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{aggregate, node};
use crate::journal::Saved;
use crate::kinds::crd;
use crate::resource::TableKey;
use crate::server::split_version;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part, Target, WriteOptions};

const RBAC: &str = "rbac.authorization.k8s.io";

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
    roles(call);
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
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "kwok-volume",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "kwok.x-k8s.io/volume", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        );
    }
}

/// Puts back what was saved: kinds before their objects. Controllers look at everything anew.
pub(crate) fn restore(call: &mut Call<'_>, saved: Saved) {
    call.store.resume(saved.counters);
    let (crds, others): (Vec<_>, Vec<_>) =
        saved.objects.into_iter().partition(|(place, _)| place.table.plural == "customresourcedefinitions");
    for (place, object) in crds {
        call.store.put_back(&place, object.clone());
        if crd::is_established(&object) {
            crd::register(call, &object);
        }
    }
    for (place, object) in others {
        call.store.put_back(&place, object);
    }
    call.store.compact();
}

/// Makes the roles and bindings that every cluster has. They are many and always the same: only a process's first server makes them the long way.
fn roles(call: &mut Call<'_>) {
    static MADE: OnceLock<Vec<(Place, Value)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let roles: Vec<Value> = serde_json::from_str(include_str!("../../data/roles.json")).expect("the embedded roles are valid JSON");
        for role in roles {
            make(call, role);
        }
        aggregate::all(call);
        let tables = ["clusterroles", "clusterrolebindings", "roles", "rolebindings"].map(|plural| TableKey::new(RBAC, plural));
        let objects =
            tables.into_iter().flat_map(|table| call.store.list(&table, "").into_iter().map(move |object| (table.clone(), object)));
        objects.map(|(table, object)| (Place { name: ObjectName::of(&object), table }, (*object).clone())).collect()
    });
    let now = call.clock.text();
    for (place, object) in made {
        if call.store.at(place).is_some() {
            continue;
        }
        let mut object = object.clone();
        object["metadata"]["uid"] = call.store.uid().into();
        object["metadata"]["creationTimestamp"] = now.as_str().into();
        for entry in object["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            entry["time"] = now.as_str().into();
        }
        call.store.put(place, object);
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
