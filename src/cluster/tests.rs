//! Requests as they go over the wire, and the same on a real server.

use super::testing::{Script, not_found, real, small_discovery};
use super::*;
use crate::object::{Gvk, Json, Manifest, ObjectId, Origin};
use serde_json::json;
use std::path::Path;

fn manifest(body: Json) -> Manifest {
    Manifest::new(body, Origin::default()).expect("a manifest")
}

fn config_map(name: &str, value: &str) -> Manifest {
    manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"k": value}}))
}

#[tokio::test]
async fn apply_is_one_patch() {
    let script = Script::default();
    let cluster = script.cluster(|seen| match small_discovery(&seen.uri) {
        Some(answer) => answer,
        None => (201, json!({"metadata": {"resourceVersion": "7", "uid": "u"}})),
    });
    let answer = cluster.apply(&config_map("a", "1"), &Apply::default()).await.expect("applied");
    assert!(answer.created);
    assert_eq!((answer.resource_version(), answer.uid()), ("7", "u"));
    cluster.apply(&config_map("a", "1"), &Apply::dry_run()).await.expect("applied");
    let uris = script.uris();
    let base = "PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=helmward&force=true&fieldValidation=Warn";
    assert_eq!(uris[2..], [base.to_owned(), format!("{base}&dryRun=All")]);
    let seen = script.seen.lock().expect("free")[2].clone();
    assert_eq!(seen.headers["content-type"], "application/apply-patch+yaml");
    assert_eq!(seen.body["data"]["k"], "1");
    let patches: u64 = cluster.request_counts().iter().filter(|c| c.method == "PATCH" && c.code == "201").map(|c| c.count).sum();
    assert_eq!(patches, 2);
}

#[tokio::test]
async fn an_unknown_kind_names_the_object_and_the_way_out() {
    let cluster = Script::default().cluster(|seen| small_discovery(&seen.uri).unwrap_or_else(not_found));
    let thing = manifest(json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}}));
    let error = cluster.apply(&thing, &Apply::default()).await.expect_err("is unknown");
    assert_eq!((error.kind, error.fault), (Kind::KindMissing, Fault::Surroundings));
    assert_eq!(
        error.to_string(),
        "apply Thing/shop/t: the cluster does not know example.com/v1 Thing; \
         install the CustomResourceDefinition of this kind, or wait until it is there"
    );
}

#[tokio::test]
async fn a_closed_gate_stops_writes_only() {
    let script = Script::default();
    let cluster =
        script.cluster(|seen| small_discovery(&seen.uri).unwrap_or((200, json!({"metadata": {}})))).with_gate(WriteGate::new(|| None));
    let error = cluster.apply(&config_map("a", "1"), &Apply::default()).await.expect_err("is closed");
    assert_eq!((error.kind, error.class), (Kind::NotLeader, Retry::Never));
    cluster.apply(&config_map("a", "1"), &Apply::dry_run()).await.expect("a dry-run stores nothing");
    cluster.get(&config_map("a", "1").id).await.expect("a read");
    assert!(script.uris().iter().all(|uri| !uri.starts_with("PATCH") || uri.contains("dryRun")));
}

#[tokio::test]
async fn acting_as_somebody_needs_somebody() {
    let script = Script::default();
    let cluster = script.cluster(|seen| small_discovery(&seen.uri).unwrap_or_else(not_found));
    assert!(cluster.as_service_account("shop", "").is_err());
    assert!(cluster.as_service_account("", "deployer").is_err());
    let tenant = cluster.as_service_account("shop", "deployer").expect("has both");
    assert_eq!(tenant.get(&config_map("a", "1").id).await.expect("a read"), None);
    let seen = script.seen.lock().expect("free").last().expect("one").clone();
    assert_eq!(seen.headers["impersonate-user"], "system:serviceaccount:shop:deployer");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_sent_again_and_a_dead_read_once() {
    let script = Script::default();
    let tries = script.seen.clone();
    let cluster = script.cluster(move |seen| match small_discovery(&seen.uri) {
        Some(answer) => answer,
        None if tries.lock().expect("free").len() < 4 => {
            (429, json!({"kind": "Status", "reason": "TooManyRequests", "message": "slow", "details": {"retryAfterSeconds": 2}}))
        }
        None => (200, json!({"metadata": {}})),
    });
    let before = tokio::time::Instant::now();
    cluster.apply(&config_map("a", "1"), &Apply::default()).await.expect("the third passes");
    assert_eq!(before.elapsed().as_secs(), 4);
    assert_eq!(script.uris().len(), 5);
}

#[tokio::test]
async fn lists_follow_pages() {
    let script = Script::default();
    let cluster = script.cluster(|seen| match small_discovery(&seen.uri) {
        Some(answer) => answer,
        None if seen.uri.contains("continue=more") => {
            (200, json!({"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "b"}}]}))
        }
        None => (200, json!({"metadata": {"continue": "more", "resourceVersion": "9"}, "items": [{"metadata": {"name": "a"}}]})),
    });
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await.expect("is served");
    let list = cluster.list(&resource, &ListOptions::labels("shop", "owner=helm,name=web")).await.expect("lists");
    assert_eq!(list.items.len(), 2);
    assert_eq!(list.items[1]["kind"], "ConfigMap");
    assert_eq!(list.resource_version, "9");
    assert_eq!(script.uris()[2], "GET /api/v1/namespaces/shop/configmaps?limit=500&labelSelector=owner%3Dhelm%2Cname%3Dweb");
}

#[tokio::test]
async fn deleting_what_is_gone_is_no_error() {
    let script = Script::default();
    let cluster = script.cluster(|seen| small_discovery(&seen.uri).unwrap_or_else(not_found));
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await.expect("is served");
    let how = Delete { uid: Some("u".into()), ..Delete::default() };
    assert_eq!(cluster.delete(&resource, &config_map("a", "1").id, &how).await.expect("fine"), None);
    let seen = script.seen.lock().expect("free").last().expect("one").clone();
    assert_eq!((seen.body["preconditions"]["uid"].as_str(), seen.body["propagationPolicy"].as_str()), (Some("u"), Some("Background")));
}

#[tokio::test]
async fn bad_kubeconfigs_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let connect = async |path: &Path| Cluster::connect(Some(path), "helmward/test").await.expect_err("cannot work").to_string();
    let missing = folder.path().join("none");
    let error = connect(&missing).await;
    assert!(error.starts_with(&format!("read kubeconfig {}: No such file", missing.display())), "{error}");
    let config = |name: &str, server: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        )
    };
    for (content, words) in [
        ("{ this is: [no yaml".to_owned(), "failed to parse kubeconfig YAML"),
        ("apiVersion: v1\nkind: Config\n".to_owned(), "it names no current-context"),
        (config("other", "http://127.0.0.1:1"), "it has no context \"other\"; it has c"),
        (config("c", "http://127.0.0.1:1"), "does not answer"),
    ] {
        let path = folder.path().join("config");
        std::fs::write(&path, content).expect("writes");
        let error = connect(&path).await;
        assert!(error.contains(words) && error.contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn several_kubeconfigs_are_merged_and_a_context_is_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |file: &str, name: &str, namespace: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters: [{{name: {name}, cluster: {{server: \"http://{name}\"}}}}]\n\
             contexts: [{{name: {name}, context: {{cluster: {name}, user: u, namespace: {namespace}}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        );
        std::fs::write(folder.path().join(file), text).expect("writes");
    };
    write("one", "a", "shop");
    write("two", "b", "ops");
    let namespace = async |files: &[&str], context: Option<&str>| {
        let files = files.iter().map(|file| folder.path().join(file)).collect();
        Cluster::namespace_of(&Access { files, context: context.map(str::to_owned), act_as: None }).await
    };
    assert_eq!(namespace(&["none", "one", "two"], None).await.as_deref(), Some("shop"));
    assert_eq!(namespace(&["one", "two"], Some("b")).await.as_deref(), Some("ops"));
    assert_eq!(namespace(&["one"], Some("b")).await, None);
    assert_eq!(namespace(&[], None).await, None);
    let files = vec![folder.path().join("none"), folder.path().join("nothing")];
    let error = Cluster::connect_by(&Access { files, ..Access::default() }, "helmward/test").await.expect_err("cannot work").to_string();
    assert!(error.contains("none: entity not found") || error.contains("none: No such file"), "{error}");
}

#[tokio::test]
async fn a_real_server_answers_every_verb() {
    let Some(cluster) = real("cluster::a_real_server_answers_every_verb").await else { return };
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await.expect("is served");
    let wanted = config_map("helmward-verbs", "1");
    cluster.delete(&resource, &wanted.id, &Delete::default()).await.expect("deletes");
    assert_eq!(cluster.get(&wanted.id).await.expect("reads"), None);
    let made = cluster.apply(&wanted, &Apply::default()).await.expect("applies");
    assert!(made.created);
    let same = cluster.apply(&wanted, &Apply::default()).await.expect("applies");
    assert_eq!((same.created, same.resource_version()), (false, made.resource_version()));
    let dry = cluster.apply(&config_map("helmward-verbs", "2"), &Apply::dry_run()).await.expect("dry-runs");
    assert_eq!(dry.object["data"]["k"], "2");
    let patched = cluster.patch(&resource, &wanted.id, &Patch::Merge(json!({"data": {"more": "x"}}))).await.expect("patches");
    assert_eq!(patched.object["data"], json!({"k": "1", "more": "x"}));
    let operations = json!([{"op": "test", "path": "/data/k", "value": "other"}, {"op": "remove", "path": "/data/k"}]);
    let error = cluster.patch(&resource, &wanted.id, &Patch::Operations(operations)).await.expect_err("the test fails");
    assert!(!error.is_not_found(), "{error}");
    let error = cluster.create(&resource, &wanted.id, &wanted.body).await.expect_err("exists");
    assert_eq!(error.kind, Kind::AlreadyExists);
    let mut stale = made.object.clone();
    stale["data"]["k"] = json!("3");
    let error = cluster.replace(&resource, &wanted.id, &stale).await.expect_err("is stale");
    assert_eq!(error.kind, Kind::Conflict, "{error}");
    let named = ListOptions { fields: "metadata.name=helmward-verbs".into(), metadata_only: true, ..ListOptions::default() };
    let list = cluster.list(&resource, &named).await.expect("lists");
    assert_eq!((list.items.len(), list.items[0].get("data")), (1, None));
    let how = Delete { uid: Some("another".into()), ..Delete::default() };
    assert_eq!(cluster.delete(&resource, &wanted.id, &how).await.expect_err("another uid").kind, Kind::Conflict);
    let how = Delete { uid: Some(made.uid().into()), ..Delete::default() };
    assert!(cluster.delete(&resource, &wanted.id, &how).await.expect("deletes").is_some());
}

#[tokio::test]
async fn a_real_server_refuses_as_we_read_it() {
    let Some(cluster) = real("cluster::a_real_server_refuses_as_we_read_it").await else { return };
    let apply = async |body: Json| cluster.apply(&manifest(body), &Apply::dry_run()).await.expect_err("is refused");
    let deployment = |replicas: Json| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
               "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    };
    for (body, kind, fault) in [
        (deployment(json!(-1)), Kind::Invalid, Fault::Content),
        (deployment(json!("many")), Kind::Invalid, Fault::Content),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "nowhere"}}),
            Kind::NamespaceMissing,
            Fault::Surroundings,
        ),
        (json!({"apiVersion": "nope.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}), Kind::KindMissing, Fault::Surroundings),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "No_Name", "namespace": "default"}}),
            Kind::Invalid,
            Fault::Content,
        ),
    ] {
        let error = apply(body.clone()).await;
        assert_eq!((error.kind, error.fault), (kind, fault), "{error} for {body}");
    }
    let error = apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "data": {"k": "not base64: canary-one"}})).await;
    assert_eq!(error.fault, Fault::Content, "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    let mut strict = Apply::dry_run();
    strict.validation = Validation::Strict;
    let typo = manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "dota": {}}));
    assert_eq!(cluster.apply(&typo, &strict).await.expect_err("is strict").fault, Fault::Content);
    let warned = cluster.apply(&typo, &Apply::dry_run()).await;
    assert!(warned.is_err() || warned.is_ok_and(|a| !a.warnings.is_empty()), "a typo is refused or warned of");
    let tenant = cluster.as_service_account("default", "nobody-special").expect("has both");
    let error = tenant.get(&ObjectId::new("", "ConfigMap", "default", "a")).await.expect_err("has no rights");
    assert_eq!((error.kind, error.fault), (Kind::Forbidden, Fault::Surroundings));
}
