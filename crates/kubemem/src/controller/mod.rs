//! The control plane's own work: it follows every change and brings the rest of the state in line with it.

use std::sync::Weak;

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::server::Core;
use crate::store::Noticed;
use crate::verb::{Call, Part, Target, WriteOptions};

/// The objects of a new cluster.
pub(crate) fn bootstrap(call: &mut Call<'_>) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        if let Some(resource) = call.store.registry.find("", "v1", "namespaces") {
            let target = Target { resource, namespace: String::new(), name: name.into(), part: Part::Whole };
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let _ = call.create(&target, object, &WriteOptions::by("kube-apiserver"));
        }
    }
}

/// Follows changes until the server is gone.
pub(crate) async fn run(core: Weak<Core>, mut noticed: UnboundedReceiver<Noticed>) {
    while let Some(_change) = noticed.recv().await {
        if core.strong_count() == 0 {
            return;
        }
    }
}
