use super::super::testing::{Script, not_found, real, small_discovery};
use super::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(start_paused = true)]
async fn two_requests_and_then_none() {
    let script = Script::default();
    let cluster = script.cluster(|seen| small_discovery(&seen.uri).unwrap_or_else(not_found));
    let kind = Gvk::new("apps/v1", "Deployment");
    let (a, b) = tokio::join!(cluster.discovery().resource(&kind), cluster.discovery().resource(&kind));
    let found = a.expect("answers").expect("is served");
    assert_eq!(b.expect("answers").expect("is served"), found);
    assert_eq!((found.plural.as_str(), found.namespaced, found.has_subresource("status")), ("deployments", true, true));
    assert!(cluster.discovery().resource(&Gvk::new("v1", "Namespace")).await.expect("answers").is_some_and(|r| !r.namespaced));
    assert_eq!(script.uris().len(), 2, "{:?}", script.uris());
    let served = cluster.discovery().cached().expect("filled");
    for version in ["v1", "apps/v1", "v1/ConfigMap", "apps/v1/Deployment"] {
        assert!(served.api_versions().iter().any(|v| v == version), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kind_asks_once_per_second_and_is_found_when_it_appears() {
    let script = Script::default();
    let present = Arc::new(AtomicUsize::new(0));
    let flag = present.clone();
    let cluster = script.cluster(move |seen| match seen.uri.as_str() {
        "/apis" if flag.load(Ordering::SeqCst) == 1 => (
            200,
            json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": "example.com"}, "versions": [
                {"version": "v1", "resources": [{"resource": "things", "responseKind": {"kind": "Thing"}, "scope": "Namespaced"}]}]}]}),
        ),
        uri => small_discovery(uri).unwrap_or_else(not_found),
    });
    let kind = Gvk::new("example.com/v1", "Thing");
    let mut changes = cluster.discovery().changes();
    for _ in 0..5 {
        tokio::time::advance(SHORTEST_INTERVAL / 10).await;
        assert!(cluster.discovery().resource(&kind).await.expect("answers").is_none());
    }
    assert_eq!(script.uris().len(), 2, "the fill counts as the first refresh");
    tokio::time::advance(SHORTEST_INTERVAL).await;
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(cluster.discovery().resource(&kind).await.expect("answers").is_none());
    assert_eq!(script.uris().len(), 4);
    changes.mark_unchanged();
    present.store(1, Ordering::SeqCst);
    cluster.discovery().wait_for(std::slice::from_ref(&kind), Duration::from_secs(5)).await.expect("appears");
    assert!(changes.has_changed().expect("the cache lives"));
    assert!(cluster.discovery().resource(&kind).await.expect("answers").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_plain_form_works_too() {
    let script = Script::default();
    let cluster = script.cluster(|seen| match seen.uri.as_str() {
        "/api" => (200, json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => (
            200,
            json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
            {"name": "down.example.com", "versions": [{"groupVersion": "down.example.com/v1", "version": "v1"}]}]}),
        ),
        "/api/v1" => (
            200,
            json!({"kind": "APIResourceList", "resources": [
            {"name": "pods", "namespaced": true, "kind": "Pod", "verbs": ["list", "watch"]},
            {"name": "pods/eviction", "namespaced": true, "kind": "Eviction", "verbs": ["create"]}]}),
        ),
        "/apis/apps/v1" => (
            200,
            json!({"kind": "APIResourceList", "resources": [
            {"name": "deployments", "namespaced": true, "kind": "Deployment", "verbs": ["list"]},
            {"name": "deployments/status", "namespaced": true, "kind": "Deployment", "verbs": ["patch"]}]}),
        ),
        _ => (503, json!({"kind": "Status", "message": "down"})),
    });
    let served = cluster.discovery().served().await.expect("one group that is down hides no other");
    assert!(served.resource(&Gvk::new("apps/v1", "Deployment")).is_some_and(|r| r.has_subresource("status")));
    assert!(served.resource(&Gvk::new("v1", "Pod")).is_some_and(|r| r.watchable()));
    assert!(served.api_versions().iter().any(|v| v == "v1/Eviction"));
    assert!(served.stale().contains("down.example.com/v1"));
}

#[tokio::test]
async fn a_real_server() {
    let Some(cluster) = real("discovery::a_real_server").await else { return };
    let before: u64 = cluster.request_counts().iter().map(|c| c.count).sum();
    let served = cluster.discovery().served().await.expect("answers");
    let after: u64 = cluster.request_counts().iter().map(|c| c.count).sum();
    assert_eq!(after - before, 2);
    assert!(served.resource(&Gvk::new("apps/v1", "Deployment")).is_some_and(|r| r.has_subresource("scale") && r.watchable()));
    for version in ["v1", "apps/v1/Deployment", "networking.k8s.io/v1/Ingress", "v1/Eviction", "policy/v1"] {
        assert!(served.api_versions().iter().any(|v| v == version), "{version} is not in {:?}", served.api_versions());
    }
}
