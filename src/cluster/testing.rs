//! What the tests of this module share: a scripted API server in process, and a real one where it is given.

use super::Cluster;
use crate::object::Json;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::json;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tower::service_fn;

/// One request that the fake server saw.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Json,
}

/// A server that answers by a function and notes what it was asked.
#[derive(Clone, Default)]
pub(super) struct Script {
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    /// A cluster whose requests `answer` answers with a status and a body.
    pub(super) fn cluster(&self, answer: impl Fn(&Seen) -> (u16, Json) + Send + Sync + 'static) -> Cluster {
        let (seen, answer) = (self.seen.clone(), Arc::new(answer));
        let service = service_fn(move |request: Request<Body>| {
            let (seen, answer) = (seen.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let one = Seen {
                    method: parts.method.to_string(),
                    uri: parts.uri.to_string(),
                    headers: parts.headers,
                    body: serde_json::from_slice(&body).unwrap_or(Json::Null),
                };
                let (code, body) = answer(&one);
                seen.lock().expect("no test panics while it holds this").push(one);
                let status = StatusCode::from_u16(code).expect("a status");
                Ok::<_, kube::Error>(
                    Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).expect("a response"),
                )
            }
        });
        Cluster::from_client(kube::Client::new(service, "default"))
    }

    pub(super) fn uris(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics while it holds this").iter().map(|s| format!("{} {}", s.method, s.uri)).collect()
    }
}

pub(super) fn not_found() -> (u16, Json) {
    (404, json!({"kind": "Status", "reason": "NotFound", "message": "not found", "code": 404}))
}

/// Discovery with ConfigMaps, Namespaces and Deployments, in the aggregated form.
pub(super) fn small_discovery(uri: &str) -> Option<(u16, Json)> {
    let entry = |resource: &str, kind: &str, scope: &str| {
        json!({"resource": resource, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get", "list", "watch", "patch"],
               "subresources": [{"subresource": "status", "responseKind": {"kind": kind}}]})
    };
    let list = |group: &str, resources: Json| {
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
               "items": [{"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources, "freshness": "Current"}]}]})
    };
    match uri {
        "/api" => Some((
            200,
            list(
                "",
                json!([
                    entry("configmaps", "ConfigMap", "Namespaced"),
                    entry("namespaces", "Namespace", "Cluster"),
                    entry("secrets", "Secret", "Namespaced")
                ]),
            ),
        )),
        "/apis" => Some((200, list("apps", json!([entry("deployments", "Deployment", "Namespaced")])))),
        _ => None,
    }
}

/// A real API server, where `HELMWARD_TEST_KUBECONFIG` names its kubeconfig; else the test says that it is skipped.
pub(super) async fn real(test: &str) -> Option<Cluster> {
    let Some(path) = std::env::var_os("HELMWARD_TEST_KUBECONFIG").map(PathBuf::from) else {
        eprintln!("{test}: skipped, set HELMWARD_TEST_KUBECONFIG to run it on a real API server");
        return None;
    };
    Some(Cluster::connect(Some(&path), "helmward/test").await.expect("the API server of HELMWARD_TEST_KUBECONFIG answers").0)
}
