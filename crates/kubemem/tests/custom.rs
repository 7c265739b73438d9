//! Custom resources, from their definition to their end.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};
use kubemem::{Options, Server};
use serde_json::{Value, json};

fn definition() -> CustomResourceDefinition {
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 1}, "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
        "status": {"type": "object", "default": {"ready": false}, "properties": {"ready": {"type": "boolean"}}}}}});
    serde_json::from_value(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [
            {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}}, "schema": schema},
            {"name": "v1beta1", "served": true, "storage": false, "schema": schema}]}}))
    .unwrap()
}

fn things(server: &Server, version: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("example.com", version, "Thing"), "things");
    Api::default_namespaced_with(Client::new(server.router(), "default"), &resource)
}

fn thing(version: &str, name: &str, spec: Value) -> DynamicObject {
    serde_json::from_value(
        json!({"apiVersion": format!("example.com/{version}"), "kind": "Thing", "metadata": {"name": name}, "spec": spec}),
    )
    .unwrap()
}

async fn define(server: &Server) -> Api<CustomResourceDefinition> {
    let definitions: Api<CustomResourceDefinition> = Api::all(Client::new(server.router(), "default"));
    definitions.create(&PostParams::default(), &definition()).await.unwrap();
    await_condition(definitions.clone(), "things.example.com", conditions::is_crd_established()).await.unwrap();
    definitions
}

#[tokio::test(start_paused = true)]
async fn establishing_takes_its_time() {
    let server = Server::new(Options { crd_delay: Duration::from_secs(3), ..Options::default() });
    let start = tokio::time::Instant::now();
    let api = things(&server, "v1");
    assert!(api.list(&ListParams::default()).await.is_err());
    define(&server).await;
    assert!(start.elapsed() >= Duration::from_secs(3));
    assert!(api.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn versions_show_the_same_object() {
    let server = Server::start();
    define(&server).await;
    things(&server, "v1beta1")
        .create(&PostParams::default(), &thing("v1beta1", "a", json!({"extra": {"any": [1]}, "gone": 1})))
        .await
        .unwrap();
    let seen = things(&server, "v1").get("a").await.unwrap();
    assert_eq!(seen.types.unwrap().api_version, "example.com/v1");
    assert_eq!(seen.data["spec"], json!({"size": 1, "extra": {"any": [1]}}));
}

#[tokio::test(start_paused = true)]
async fn status_and_scale_are_apart() {
    let server = Server::start();
    define(&server).await;
    let api = things(&server, "v1");
    let made = api.create(&PostParams::default(), &thing("v1", "a", json!({"size": 2}))).await.unwrap();
    let patch = json!({"status": {"ready": true}, "spec": {"size": 9}});
    let seen = api.patch_status("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((&seen.data["status"]["ready"], &seen.data["spec"]["size"]), (&json!(true), &json!(2)));
    assert_eq!(seen.metadata.generation, made.metadata.generation);
    let patch = json!({"status": {"ready": false}, "spec": {"size": 3}});
    let seen = api.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((&seen.data["status"]["ready"], &seen.data["spec"]["size"]), (&json!(true), &json!(3)));
    assert_eq!(seen.metadata.generation, Some(2));
    let scaled = api.patch_scale("a", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 7}}))).await.unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(7));
    assert_eq!(api.get("a").await.unwrap().data["spec"]["size"], 7);
}

#[tokio::test(start_paused = true)]
async fn objects_go_with_their_definition() {
    let server = Server::start();
    let definitions = define(&server).await;
    let api = things(&server, "v1");
    let mut held = thing("v1", "a", json!({}));
    held.metadata.finalizers = Some(vec!["example.com/hold".into()]);
    api.create(&PostParams::default(), &held).await.unwrap();
    definitions.delete("things.example.com", &DeleteParams::default()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(definitions.get_opt("things.example.com").await.unwrap().is_some(), "an object is left");
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}}))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(definitions.get_opt("things.example.com").await.unwrap().is_none());
    assert!(api.list(&ListParams::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_defaulted_status_belongs_to_nobody() {
    let server = Server::start();
    define(&server).await;
    let api = things(&server, "v1");
    let mut thing = thing("v1", "a", json!({"size": 2}));
    thing.metadata.finalizers = Some(vec!["finalizers.example.com".into()]);
    let made = api.patch("a", &PatchParams::apply("me"), &Patch::Apply(&thing)).await.unwrap();
    assert_eq!(made.data["status"], json!({"ready": false}));
    let owned = serde_json::to_value(&made.metadata.managed_fields.unwrap()[0].fields_v1).unwrap();
    assert_eq!(owned, json!({"f:metadata": {"f:finalizers": {"v:\"finalizers.example.com\"": {}}}, "f:spec": {"f:size": {}}}));
}
