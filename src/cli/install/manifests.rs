//! The objects that make up an installation.

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cluster::Resource;
use crate::object::{Gvk, Json, ObjectId};
use serde_json::json;
use std::sync::Arc;

/// Name of everything that is installed. It ends in `-controller`, as dashboards for Flux expect.
pub(crate) const NAME: &str = "helmward-controller";

/// The namespace, then the rest in the order in which it is applied.
pub(super) fn all(namespace: &str, image: &str) -> Vec<Json> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": namespace_labels()}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(namespace)}),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME, "labels": labels()},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        }),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(namespace),
            "spec": {
                "type": "ClusterIP",
                "selector": {"app": NAME},
                "ports": [
                    {"name": "http-prom", "port": 8080, "targetPort": "http-prom", "protocol": "TCP"},
                    {"name": "healthz", "port": 9440, "targetPort": "healthz", "protocol": "TCP"},
                ],
            },
        }),
        deployment(namespace, image),
    ]
}

/// What `uninstall` removes: all but the namespace, the last first.
pub(crate) fn ids(namespace: &str) -> Vec<(Gvk, ObjectId)> {
    let in_reverse = all(namespace, "").into_iter().skip(1).rev();
    in_reverse
        .map(|object| {
            let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
            let gvk = Gvk::new(&text("/apiVersion"), &text("/kind"));
            let id = ObjectId::new(&gvk.group, &gvk.kind, &text("/metadata/namespace"), NAME);
            (gvk, id)
        })
        .collect()
}

fn labels() -> Json {
    json!({"app": NAME, "app.kubernetes.io/name": "helmward", "app.kubernetes.io/component": "controller"})
}

fn namespace_labels() -> Json {
    json!({"pod-security.kubernetes.io/warn": "restricted"})
}

fn metadata(namespace: &str) -> Json {
    json!({"name": NAME, "namespace": namespace, "labels": labels()})
}

fn deployment(namespace: &str, image: &str) -> Json {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "healthz"}});
    let container = json!({
        "name": "manager",
        "image": image,
        "args": [
            "run",
            "--state-dir=/data/state",
            "--namespace=$(NAMESPACE)",
            // the page has no login yet: it is reached by port-forwarding, which ends on the pod's loopback
            "--listen=127.0.0.1:9080",
            "--health-listen=0.0.0.0:9440",
            "--metrics-listen=0.0.0.0:8080",
            "--log-format=json",
        ],
        "env": [
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "HELMWARD_IDENTITY", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [
            {"name": "http", "containerPort": 9080, "protocol": "TCP"},
            {"name": "http-prom", "containerPort": 8080, "protocol": "TCP"},
            {"name": "healthz", "containerPort": 9440, "protocol": "TCP"},
        ],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(namespace),
        "spec": {
            "replicas": 1,
            // two at once would only wait for each other's Lease
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {
                    "labels": labels(),
                    "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
                },
                "spec": {
                    "serviceAccountName": NAME,
                    "terminationGracePeriodSeconds": 60,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "fsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    // what is lost with the pod is rebuilt from the cluster
                    "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    })
}

pub(super) async fn deployment_id(session: &Session, namespace: &str) -> Result<(Arc<Resource>, ObjectId), Failure> {
    let resource = session.cluster.resource(&Gvk::new("apps/v1", "Deployment")).await?;
    Ok((resource, ObjectId::new("apps", "Deployment", namespace, NAME)))
}

/// Whether the newest form of a Deployment runs.
pub(super) fn is_available(deployment: &Json) -> bool {
    let number = |pointer: &str| deployment.pointer(pointer).and_then(Json::as_i64).unwrap_or_default();
    number("/status/observedGeneration") >= number("/metadata/generation")
        && number("/status/updatedReplicas") >= number("/spec/replicas")
        && number("/status/availableReplicas") >= number("/spec/replicas")
}
