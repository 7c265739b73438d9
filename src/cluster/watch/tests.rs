use super::super::testing::{Script, not_found, real, small_discovery};
use super::super::{Apply, Cluster, Delete};
use super::*;
use crate::object::{Json, Manifest, Origin};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(15);

/// The next event of a watch that `pick` takes.
async fn next<T>(events: &mut mpsc::Receiver<LiveEvent>, pick: impl Fn(&LiveEvent) -> Option<T>) -> T {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let event = events.recv().await.expect("the hub lives");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    })
    .await
    .expect("the event comes")
}

fn applied(event: &LiveEvent) -> Option<Arc<Live>> {
    if let Change::Applied { object, .. } = &event.change { Some(object.clone()) } else { None }
}

fn deleted(event: &LiveEvent) -> Option<Arc<Live>> {
    if let Change::Deleted(object) = &event.change { Some(object.clone()) } else { None }
}

fn manifest(body: Json) -> Manifest {
    Manifest::new(body, Origin::default()).expect("a manifest")
}

fn config_map(name: &str, test: &str, value: &str) -> Manifest {
    manifest(json!({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": name, "namespace": "default", "labels": {"test": test}}, "data": {"k": value}}))
}

async fn remove(cluster: &Cluster, manifest: &Manifest) {
    let resource = cluster.resource(&manifest.gvk()).await.expect("is served");
    cluster.delete(&resource, &manifest.id, &Delete::default()).await.expect("deletes");
}

#[test]
fn backoff_grows_and_is_spread() {
    let of = |kind: &str| WatchSpec::all(Gvk::new("v1", kind), Depth::Full);
    for attempt in 0..40 {
        let pause = backoff(attempt, &of("Pod"));
        assert!(pause <= LONGEST_BACKOFF && pause >= FIRST_BACKOFF / 2, "{pause:?}");
    }
    assert!(backoff(20, &of("Pod")) >= LONGEST_BACKOFF / 2);
    assert_ne!(backoff(20, &of("Pod")), backoff(20, &of("Secret")));
}

/// A server that is down, then answers lists, refuses streaming, and keeps no watch open.
#[tokio::test(start_paused = true)]
async fn an_outage_and_an_old_server_are_survived() {
    let script = Script::default();
    let seen = script.seen.clone();
    let cluster = script.cluster(move |request| {
        let lists = seen.lock().expect("free").iter().filter(|s| s.uri.contains("/configmaps")).count();
        match request.uri.as_str() {
            uri if !uri.contains("/configmaps") => small_discovery(uri).unwrap_or_else(not_found),
            _ if lists < 3 => (503, json!({"kind": "Status", "code": 503, "message": "starting"})),
            uri if uri.contains("sendInitialEvents") => {
                (422, json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": "sendInitialEvents is forbidden"}))
            }
            uri if uri.contains("watch=true") => (410, json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})),
            // each new list has one object more and one less
            _ => (
                200,
                json!({"metadata": {"resourceVersion": "5"}, "items": [
                {"metadata": {"name": format!("a{lists}"), "namespace": "x", "resourceVersion": "4"}},
                {"metadata": {"name": "stays", "namespace": "x", "resourceVersion": "4"}}]}),
            ),
        }
    });
    let (hub, mut events) = WatchHub::new(cluster);
    let handle = hub.ensure(WatchSpec::all(Gvk::new("v1", "ConfigMap"), Depth::Full));
    assert_eq!(handle.state().phase, Phase::Starting);
    let first = next(&mut events, applied).await;
    let second = next(&mut events, applied).await;
    assert_eq!((second.id.name.as_str(), second.body["kind"].as_str()), ("stays", Some("ConfigMap")));
    next(&mut events, |e| matches!(e.change, Change::Synced).then_some(())).await;
    assert!(handle.synced());
    assert_eq!(hub.get(&first.id), Some(first.clone()));
    assert_eq!(hub.list("", "ConfigMap").len(), 2);
    hub.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_some_time_after_its_last_handle() {
    let cluster = Script::default().cluster(|seen| small_discovery(&seen.uri).unwrap_or((503, json!({"kind": "Status", "code": 503}))));
    let (hub, _events) = WatchHub::new(cluster);
    let spec = WatchSpec::all(Gvk::new("v1", "ConfigMap"), Depth::Full);
    let one = hub.ensure(spec.clone());
    let two = hub.ensure(spec.clone());
    drop(one);
    tokio::time::sleep(LINGER * 2).await;
    assert_eq!(hub.status().len(), 1);
    drop(two);
    tokio::time::sleep(LINGER / 2).await;
    let again = hub.ensure(spec.clone());
    tokio::time::sleep(LINGER * 2).await;
    assert_eq!(hub.status().len(), 1, "asked for again in time");
    drop(again);
    tokio::time::sleep(LINGER * 2).await;
    assert_eq!(hub.status().len(), 0);
    let _last = hub.ensure(spec);
    tokio::time::sleep(LINGER).await;
    assert!(hub.status()[0].state.trouble.is_some(), "{:?}", hub.status());
    hub.shutdown().await;
}

#[tokio::test]
async fn a_real_server_reports_changes_once() {
    let Some(cluster) = real("watch::a_real_server_reports_changes_once").await else { return };
    let wanted = |value: &str| config_map("helmward-watch", "hub", value);
    remove(&cluster, &wanted("1")).await;
    cluster.apply(&wanted("1"), &Apply::default()).await.expect("applies");
    let (hub, mut events) = WatchHub::new(cluster.clone());
    let full = hub.ensure(WatchSpec::labelled(Gvk::new("v1", "ConfigMap"), "test=hub", Depth::Full));
    assert_eq!(full.settled().await, Phase::Synced);
    let first = next(&mut events, applied).await;
    assert_eq!((first.body["data"]["k"].as_str(), &*first.managers[0].manager), (Some("1"), "helmward"));
    let meta = hub.ensure(WatchSpec::labelled(Gvk::new("v1", "ConfigMap"), "test=hub", Depth::Metadata));
    assert_eq!(meta.settled().await, Phase::Synced);
    assert_eq!(meta.get(&first.id).expect("is there").body.get("data"), None);
    assert_eq!(hub.get(&first.id).expect("is there").body["data"]["k"], "1", "the deeper one is taken");
    cluster.apply(&wanted("2"), &Apply::default()).await.expect("applies");
    let (object, before) = next(&mut events, |event| match &event.change {
        Change::Applied { object, before: Some(before) } if event.watch.depth == Depth::Full => Some((object.clone(), before.clone())),
        _ => None,
    })
    .await;
    assert_eq!((object.body["data"]["k"].as_str(), before.body["data"]["k"].as_str()), (Some("2"), Some("1")));
    remove(&cluster, &wanted("1")).await;
    let gone = next(&mut events, deleted).await;
    assert_eq!(gone.id.name, "helmward-watch");
    hub.shutdown().await;
}

#[tokio::test]
async fn a_real_server_serves_a_kind_late_and_takes_it_away() {
    let Some(cluster) = real("watch::a_real_server_serves_a_kind_late_and_takes_it_away").await else { return };
    let crd = manifest(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "lates.watch.helmward.dev"},
        "spec": {"group": "watch.helmward.dev", "scope": "Namespaced", "names": {"kind": "Late", "plural": "lates"},
                 "versions": [{"name": "v1", "served": true, "storage": true,
                               "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}));
    remove(&cluster, &crd).await;
    let (hub, mut events) = WatchHub::new(cluster.clone());
    let late = hub.ensure(WatchSpec::all(Gvk::new("watch.helmward.dev/v1", "Late"), Depth::Full));
    assert_eq!(late.settled().await, Phase::Missing);
    cluster.apply(&crd, &Apply::default()).await.expect("applies");
    next(&mut events, |e| matches!(e.change, Change::Synced).then_some(())).await;
    let one = manifest(json!({"apiVersion": "watch.helmward.dev/v1", "kind": "Late", "metadata": {"name": "one", "namespace": "default"}}));
    cluster.apply(&one, &Apply::default()).await.expect("applies");
    assert_eq!(next(&mut events, applied).await.id, one.id);
    remove(&cluster, &crd).await;
    next(&mut events, |e| matches!(e.change, Change::Missing).then_some(())).await;
    assert_eq!(hub.get(&one.id), None);
    hub.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_lists_again_at_once_and_reports_only_differences() {
    let script = Script::default();
    let seen = script.seen.clone();
    let cluster = script.cluster(move |request| {
        let before =
            |words: &str| seen.lock().expect("free").iter().filter(|s| s.uri.contains("/configmaps") && s.uri.contains(words)).count();
        let object = |name: &str, version: &str| json!({"metadata": {"name": name, "namespace": "x", "resourceVersion": version}});
        match request.uri.as_str() {
            uri if !uri.contains("/configmaps") => small_discovery(uri).unwrap_or_else(not_found),
            uri if uri.contains("sendInitialEvents") => (422, json!({"kind": "Status", "code": 422, "message": "no"})),
            // an outage of many tries, and then a resource version that is too old
            uri if uri.contains("watch=true") && before("watch=true") < 10 => {
                (503, json!({"kind": "Status", "code": 503, "message": "down"}))
            }
            uri if uri.contains("watch=true") => (410, json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})),
            _ if before("limit=") == 0 => {
                (200, json!({"metadata": {"resourceVersion": "5"}, "items": [object("a", "1"), object("b", "1"), object("c", "1")]}))
            }
            _ => (200, json!({"metadata": {"resourceVersion": "9"}, "items": [object("a", "1"), object("b", "8"), object("d", "7")]})),
        }
    });
    let (hub, mut events) = WatchHub::new(cluster);
    let _handle = hub.ensure(WatchSpec::all(Gvk::new("v1", "ConfigMap"), Depth::Full));
    let mut told = Vec::new();
    for _ in 0..8 {
        let event = tokio::time::timeout(Duration::from_secs(120), events.recv()).await.expect("comes").expect("the hub lives");
        told.push(match event.change {
            Change::Applied { object, before } => format!("{}{}", if before.is_some() { "~" } else { "+" }, object.id.name),
            Change::Deleted(object) => format!("-{}", object.id.name),
            Change::Synced => "synced".into(),
            Change::Missing => "missing".into(),
        });
    }
    assert_eq!(told, ["+a", "+b", "+c", "synced", "~b", "+d", "-c", "synced"]);
    hub.shutdown().await;
}
