//! Limit ranges, quotas and webhooks. The wording of quotas and limit ranges was seen on a kube-apiserver 1.36; that of webhooks was not.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, ResourceQuota};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use kubemem::{Response, Server, Webhook, Write};
use serde_json::{Value, json};

fn client(server: &Server) -> Client {
    Client::new(server.router(), "default")
}

fn pod(name: &str, resources: &[Value]) -> Pod {
    let containers: Vec<Value> =
        resources.iter().zip('c'..).map(|(r, name)| json!({"name": name.to_string(), "image": "i", "resources": r})).collect();
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"containers": containers}})).unwrap()
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

fn quota(server: &Server, name: &str, hard: Value) {
    let meta = json!({"name": name, "namespace": "default"});
    server.apply("test", json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}})).unwrap();
}

fn message<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> String {
    match result {
        Err(kube::Error::Api(status)) => status.message,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn quotas_count_objects() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    quota(&server, "counts", json!({"configmaps": "2", "count/deployments.apps": "1"}));
    maps.create(&PostParams::default(), &map("a")).await.unwrap();
    assert_eq!(
        message(maps.create(&PostParams::default(), &map("b")).await),
        "configmaps \"b\" is forbidden: exceeded quota: counts, requested: configmaps=1, used: configmaps=2, limited: configmaps=2"
    );
    let quotas: Api<ResourceQuota> = Api::default_namespaced(client(&server));
    let used = |name: &str, q: &ResourceQuota| q.status.as_ref()?.used.as_ref()?.get(name).map(|amount| amount.0.clone());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let seen = quotas.get("counts").await.unwrap();
    assert_eq!((used("configmaps", &seen), used("count/deployments.apps", &seen)), (Some("2".into()), Some("0".into())));
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    maps.create(&PostParams::default(), &map("b")).await.unwrap();
}

#[tokio::test]
async fn quotas_add_up_what_pods_ask_for() {
    let server = Server::start();
    let pods: Api<Pod> = Api::default_namespaced(client(&server));
    quota(&server, "compute", json!({"requests.cpu": "1", "limits.memory": "1Gi", "memory": "512Mi"}));
    assert_eq!(
        message(pods.create(&PostParams::default(), &pod("a", &[json!({"requests": {"cpu": "100m"}}), json!({})])).await),
        "pods \"a\" is forbidden: failed quota: compute: must specify limits.memory for: c,d; memory for: c,d; requests.cpu for: d"
    );
    let asks = |cpu: &str, request: &str, limit: &str| json!({"requests": {"cpu": cpu, "memory": request}, "limits": {"memory": limit}});
    assert_eq!(
        message(pods.create(&PostParams::default(), &pod("a", &[asks("2", "1Gi", "2Gi")])).await),
        "pods \"a\" is forbidden: exceeded quota: compute, requested: limits.memory=2Gi,memory=1Gi,requests.cpu=2, used: limits.memory=0,memory=0,requests.cpu=0, limited: limits.memory=1Gi,memory=512Mi,requests.cpu=1"
    );
    pods.create(&PostParams::default(), &pod("a", &[asks("600m", "100Mi", "200Mi")])).await.unwrap();
    assert_eq!(
        message(pods.create(&PostParams::default(), &pod("b", &[asks("600m", "100Mi", "200Mi")])).await),
        "pods \"b\" is forbidden: exceeded quota: compute, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
}

#[tokio::test]
async fn limit_ranges_fill_in_and_bound() {
    let server = Server::start();
    let limits = json!([{"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"},
        "max": {"cpu": "1", "memory": "1Gi"}, "min": {"cpu": "50m"}, "maxLimitRequestRatio": {"cpu": "10"}},
        {"type": "Pod", "max": {"cpu": "1"}}]);
    let meta = json!({"name": "lr", "namespace": "default"});
    server.apply("test", json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": meta, "spec": {"limits": limits}})).unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&server));
    let made = pods.create(&PostParams::default(), &pod("a", &[json!({})])).await.unwrap();
    let resources = serde_json::to_value(made.spec.unwrap().containers[0].resources.clone()).unwrap();
    assert_eq!(resources, json!({"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "64Mi"}}));
    let notes: BTreeMap<String, String> = made.metadata.annotations.unwrap();
    assert_eq!(
        notes["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
    );
    let limited = |cpu: &str| json!({"limits": {"cpu": cpu}});
    for (resources, why) in [
        (vec![limited("800m"), limited("800m")], "maximum cpu usage per Pod is 1, but limit is 1600m"),
        (
            vec![json!({"limits": {"cpu": "800m"}, "requests": {"cpu": "60m"}})],
            "cpu max limit to request ratio per Container is 10, but provided ratio is 13.333333",
        ),
    ] {
        let refused = message(pods.create(&PostParams::default(), &pod("b", &resources)).await);
        assert_eq!(refused, format!("pods \"b\" is forbidden: {why}"));
    }
}

#[tokio::test]
async fn webhooks_answer_as_they_are_told() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    server.install(Webhook::named("no.example.com").on(Write::Create).kind("ConfigMap").object("a").denies("not today"));
    server.install(
        Webhook::named("label.example.com")
            .on(Write::Create)
            .on(Write::Update)
            .kind("ConfigMap")
            .patches(json!([{"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}}])),
    );
    server.install(Webhook::named("keep.example.com").on(Write::Delete).kind("ConfigMap").denies("it stays"));
    let refused = maps.create(&PostParams::default(), &map("a")).await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!((status.code, status.message.as_str()), (403, "admission webhook \"no.example.com\" denied the request: not today"));
    let made = maps.create(&PostParams::default(), &map("b")).await.unwrap();
    assert_eq!(made.metadata.labels.unwrap()["seen"], "yes");
    assert!(made.metadata.managed_fields.unwrap_or_default().iter().all(|entry| !json!(entry.fields_v1).to_string().contains("f:seen")));
    let applied = maps.patch("c", &PatchParams::apply("test"), &Patch::Apply(map("c"))).await.unwrap();
    assert_eq!(applied.metadata.labels.unwrap()["seen"], "yes", "an apply that creates is a create");
    assert_eq!(
        message(maps.delete("b", &DeleteParams::default()).await),
        "admission webhook \"keep.example.com\" denied the request: it stays"
    );
    server.clear_webhooks();
    server.install(Webhook::named("far.example.com").answers(Response::Unreachable("connection refused".into())));
    let refused = maps.delete("b", &DeleteParams::default()).await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!(
        (status.code, status.message.as_str()),
        (500, "Internal error occurred: failed calling webhook \"far.example.com\": failed to call webhook: connection refused")
    );
    server.clear_webhooks();
    server.install(Webhook::named("writes.example.com").side_effects().warns("seen"));
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    assert_eq!(message(maps.create(&dry, &map("d")).await), "admission webhook \"writes.example.com\" does not support dry run");
    maps.create(&PostParams::default(), &map("d")).await.unwrap();
}
