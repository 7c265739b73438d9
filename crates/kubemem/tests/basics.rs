//! Objects through `kube::Client` in process: writing, reading, watching, ownership.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use kubemem::{Server, Verb};
use serde_json::{Value, json};

fn client(server: &Server) -> Client {
    Client::new(server.router(), "default")
}

fn map(name: &str, data: &[(&str, &str)]) -> ConfigMap {
    let data: BTreeMap<&str, &str> = data.iter().copied().collect();
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})).unwrap()
}

#[tokio::test]
async fn create_read_update_delete() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let made = maps.create(&PostParams::default(), &map("a", &[("k", "v")])).await.unwrap();
    assert!(made.metadata.uid.is_some() && made.metadata.resource_version.is_some() && made.metadata.creation_timestamp.is_some());
    let again = maps.create(&PostParams::default(), &map("a", &[])).await.unwrap_err();
    let kube::Error::Api(status) = again else { panic!("{again}") };
    assert_eq!((status.code, status.reason.as_str(), status.message.as_str()), (409, "AlreadyExists", "configmaps \"a\" already exists"));

    let mut stale = made.clone();
    stale.data = Some([("k".to_owned(), "w".to_owned())].into());
    maps.replace("a", &PostParams::default(), &stale).await.unwrap();
    let conflict = maps.replace("a", &PostParams::default(), &stale).await.unwrap_err();
    assert!(conflict.to_string().contains("the object has been modified"), "{conflict}");

    assert_eq!(
        maps.list(&ListParams::default()).await.unwrap().items.iter().filter(|m| m.metadata.name.as_deref() == Some("a")).count(),
        1
    );
    maps.delete("a", &DeleteParams::default()).await.unwrap().right().expect("a status");
    assert!(maps.get_opt("a").await.unwrap().is_none());
    assert!(server.requests().iter().any(|r| r.verb == Verb::Delete && r.name == "a" && r.code == 200));
}

#[tokio::test]
async fn namespaces_must_exist() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::namespaced(client(&server), "nope");
    let error = maps.create(&PostParams::default(), &map("a", &[])).await.unwrap_err();
    assert!(error.to_string().contains("namespaces \"nope\" not found"), "{error}");
}

#[tokio::test]
async fn apply_tracks_owners() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let apply = |manager: &'static str, force: bool| PatchParams { force, ..PatchParams::apply(manager) };
    let first = maps.patch("a", &apply("one", false), &Patch::Apply(map("a", &[("x", "1"), ("y", "2")]))).await.unwrap();
    let same = maps.patch("a", &apply("one", false), &Patch::Apply(map("a", &[("x", "1"), ("y", "2")]))).await.unwrap();
    assert_eq!(first.metadata.resource_version, same.metadata.resource_version, "nothing changed");
    let refused = maps.patch("a", &apply("two", false), &Patch::Apply(map("a", &[("x", "9")]))).await.unwrap_err();
    assert!(refused.to_string().contains("Apply failed with 1 conflict: conflict with \"one\": .data.x"), "{refused}");
    let forced = maps.patch("a", &apply("two", true), &Patch::Apply(map("a", &[("x", "9")]))).await.unwrap();
    assert_eq!(forced.data.as_ref().unwrap()["x"], "9");
    let dry = PatchParams { dry_run: true, ..apply("one", true) };
    let shown = maps.patch("a", &dry, &Patch::Apply(map("a", &[("x", "7")]))).await.unwrap();
    assert_eq!(shown.data.as_ref().unwrap().get("x").map(String::as_str), Some("7"));
    assert_eq!(maps.get("a").await.unwrap().data.unwrap()["x"], "9", "a dry run leaves no trace");
    let left = maps.patch("a", &apply("one", true), &Patch::Apply(map("a", &[]))).await.unwrap();
    assert_eq!(left.data.unwrap(), [("x".to_owned(), "9".to_owned())].into());
}

#[tokio::test]
async fn watches_follow_changes() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let list = maps.list(&ListParams::default()).await.unwrap();
    let mut stream = maps.watch(&WatchParams::default(), &list.metadata.resource_version.unwrap()).await.unwrap().boxed();
    maps.create(&PostParams::default(), &map("a", &[])).await.unwrap();
    maps.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "v"}}))).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match stream.try_next().await.unwrap().expect("an event") {
            WatchEvent::Added(m) => seen.push(format!("added {}", m.metadata.name.unwrap())),
            WatchEvent::Modified(m) => seen.push(format!("modified {:?}", m.data.unwrap().get("k").unwrap())),
            WatchEvent::Deleted(m) => seen.push(format!("deleted {}", m.metadata.name.unwrap())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["added a", "modified \"v\"", "deleted a"]);
}

#[tokio::test]
async fn streaming_lists() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    maps.create(&PostParams::default(), &map("a", &[])).await.unwrap();
    let config = watcher::Config::default().fields("metadata.name!=kube-root-ca.crt").streaming_lists();
    let mut events = watcher(maps.clone(), config).boxed();
    let mut names = Vec::new();
    while let Some(event) = events.try_next().await.unwrap() {
        match event {
            watcher::Event::Init => {}
            watcher::Event::InitApply(m) => names.push(m.metadata.name.unwrap()),
            watcher::Event::InitDone => {
                names.push("done".into());
                maps.create(&PostParams::default(), &map("b", &[])).await.unwrap();
            }
            watcher::Event::Apply(m) => {
                names.push(m.metadata.name.unwrap());
                break;
            }
            watcher::Event::Delete(_) => unreachable!(),
        }
    }
    assert_eq!(names, ["a", "done", "b"]);
}

#[tokio::test]
async fn old_watches_expire() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    maps.create(&PostParams::default(), &map("a", &[])).await.unwrap();
    server.compact();
    let mut stream = maps.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    match stream.try_next().await.unwrap() {
        Some(WatchEvent::Error(status)) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn discovery_names_kinds() {
    let server = Server::start();
    let client = client(&server);
    let discovery = kube::discovery::Discovery::new(client.clone()).run_aggregated().await.unwrap();
    let gvk = kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment");
    let (resource, capabilities) = discovery.resolve_gvk(&gvk).expect("deployments");
    assert_eq!(resource.plural, "deployments");
    assert!(capabilities.supports_operation("patch"));
    let plain = kube::discovery::Discovery::new(client.clone()).run().await.unwrap();
    assert!(plain.resolve_gvk(&gvk).is_some());
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.36.3");
}

#[tokio::test]
async fn metadata_only() {
    let server = Server::start();
    let client = client(&server);
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(&PostParams::default(), &map("a", &[("k", "v")])).await.unwrap();
    let list = maps.list_metadata(&ListParams::default().fields("metadata.name=a")).await.unwrap();
    assert_eq!(list.items.len(), 1);
    assert_eq!(maps.get_metadata("a").await.unwrap().metadata.name.as_deref(), Some("a"));
}

#[tokio::test]
async fn pages() {
    let server = Server::start();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &map(name, &[])).await.unwrap();
    }
    let mut params = ListParams::default().fields("metadata.name!=kube-root-ca.crt").limit(2);
    let page = maps.list(&params).await.unwrap();
    assert_eq!(page.items.len(), 2);
    params.continue_token = page.metadata.continue_;
    let page = maps.list(&params).await.unwrap();
    assert_eq!(page.items.iter().map(|m| m.metadata.name.as_deref().unwrap()).collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn unknown_fields() {
    let server = Server::start();
    let deployments: Api<Deployment> = Api::default_namespaced(client(&server));
    let config: Value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"foo": 1}});
    let error = deployments.patch("d", &PatchParams::apply("x"), &Patch::Apply(&config)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema"),
        "{error}"
    );
}

#[tokio::test]
async fn terminating_namespace_refuses() {
    let server = Server::start();
    let namespaces: Api<Namespace> = Api::all(client(&server));
    let ns: Namespace = serde_json::from_value(json!({"metadata": {"name": "x", "finalizers": ["a.b/c"]}})).unwrap();
    namespaces.create(&PostParams::default(), &ns).await.unwrap();
    namespaces.delete("x", &DeleteParams::default()).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client(&server), "x");
    let error = maps.create(&PostParams::default(), &map("a", &[])).await.unwrap_err();
    assert!(error.to_string().contains("because it is being terminated"), "{error}");
}
