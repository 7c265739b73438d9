//! What bodies may be, and what may be asked for: protobuf, unknown forms, sizes.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use http_body_util::BodyExt as _;
use kubemem::Server;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn post(server: &Server, content_type: &str, accept: &str, path: &str, body: Vec<u8>) -> (u16, Value) {
    let request = http::Request::post(path).header("content-type", content_type).header("accept", accept).body(Body::from(body)).unwrap();
    let answer = server.router().oneshot(request).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A field of a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn body(kind: &str, object: &[u8]) -> Vec<u8> {
    let about = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &about), field(2, object)].concat()
}

#[tokio::test]
async fn protobuf_is_read() {
    let server = Server::start();
    let (form, both) = ("application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json");
    // metadata: name; data: an entry
    let map = [field(1, &field(1, b"a")), field(2, &[field(1, b"k"), field(2, b"v")].concat())].concat();
    let (code, made) = post(&server, form, both, MAPS, body("ConfigMap", &map)).await;
    assert_eq!((code, &made["kind"], &made["data"]), (201, &json!("ConfigMap"), &json!({"k": "v"})));
    assert_eq!(post(&server, form, both, MAPS, b"k8s\0\x0a\xff".to_vec()).await.0, 400, "cut off");
    let (code, unknown) = post(&server, form, both, MAPS, body("Nothing", &map)).await;
    assert_eq!((code, &unknown["message"]), (400, &json!("no kind \"Nothing\" is registered for version \"v1\"")));
    // answers are JSON: who reads nothing else than protobuf is told so
    let (code, refused) = post(&server, form, form, MAPS, body("ConfigMap", &map)).await;
    assert_eq!((code, &refused["reason"]), (406, &json!("NotAcceptable")));
    assert_eq!(post(&server, "application/foo", "*/*", MAPS, b"{}".to_vec()).await.0, 415);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let server = Server::start();
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "bigs.acme.io"},
        "spec": {"group": "acme.io", "scope": "Namespaced", "names": {"plural": "bigs", "kind": "Big"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    server.apply("test", crd).unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let big = |size: usize| {
        json!({"apiVersion": "acme.io/v1", "kind": "Big", "metadata": {"name": "b"}, "text": "x".repeat(size)}).to_string().into_bytes()
    };
    let path = "/apis/acme.io/v1/namespaces/default/bigs";
    for (size, code, message) in [
        (1_600_000, 500, json!("etcdserver: request is too large")),
        (3_200_000, 413, json!("Request entity too large: limit is 3145728")),
        (1_500_000, 201, Value::Null),
    ] {
        let (seen, answer) = post(&server, "application/json", "*/*", path, big(size)).await;
        assert_eq!((seen, &answer["message"]), (code, &message), "{size}");
    }
}
