use super::super::testing::{Script, not_found, real, small_discovery};
use super::*;
use crate::object::Origin;

fn owner() -> Owner {
    Owner::Kustomization { namespace: "flux-system".into(), name: "apps".into() }
}

fn options() -> StageOptions {
    StageOptions { owner: owner(), adopt: false, apply: Apply::default(), concurrency: 4 }
}

fn manifest(body: Json) -> Manifest {
    Manifest::new(body, Origin::default()).expect("a manifest")
}

fn config_map(name: &str, data: Json) -> Manifest {
    manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}))
}

fn delete(manifest: &Manifest) -> Job {
    Job::Delete {
        id: manifest.id.clone(),
        api_version: manifest.api_version.clone(),
        protect: Some(inventory::PrunePolicy::default()),
        propagation: Propagation::default(),
    }
}

fn results(outcomes: &[Outcome]) -> Vec<String> {
    outcomes.iter().map(|outcome| format!("{} {}", outcome.id.name, outcome.result)).collect()
}

#[tokio::test]
async fn known_objects_cost_one_request_and_one_failure_stops_no_other() {
    let script = Script::default();
    let cluster = script.cluster(|seen| match small_discovery(&seen.uri) {
        Some(answer) => answer,
        None if seen.uri.contains("/bad") => (422, json!({"kind": "Status", "reason": "Invalid", "message": "bad is bad"})),
        None => (200, json!({"metadata": {"resourceVersion": "7", "uid": "u"}})),
    });
    let ours = |name: &str, version: &str| Job::Apply {
        manifest: Arc::new(config_map(name, json!({}))),
        prior: Prior::Ours { resource_version: version.into() },
        recreate: false,
    };
    let outcomes = cluster.run_stage(vec![ours("same", "7"), ours("bad", "7"), ours("changed", "6")], &options()).await;
    assert_eq!(results(&outcomes), ["same unchanged", "bad refused: apply ConfigMap/default/bad: bad is bad", "changed configured"]);
    assert!(outcomes[1].error().is_some_and(ApiError::is_content));
    assert_eq!(script.uris().len(), 2 + 3);
}

#[tokio::test]
async fn no_more_at_a_time_than_allowed() {
    let script = Script::default();
    let cluster = script.cluster(|seen| small_discovery(&seen.uri).unwrap_or_else(not_found));
    let jobs: Vec<Job> = (0..20).map(|i| delete(&config_map(&format!("n{i}"), json!({})))).collect();
    let outcomes = cluster.run_stage(jobs, &StageOptions { concurrency: 1, ..options() }).await;
    assert!(outcomes.iter().all(|outcome| outcome.result == Done::Gone));
    let gets: Vec<String> = script.uris().into_iter().filter(|uri| uri.contains("configmaps/")).collect();
    let wanted: Vec<String> = (0..20).map(|i| format!("GET /api/v1/namespaces/default/configmaps/n{i}")).collect();
    assert_eq!(gets, wanted, "one at a time, in order");
}

#[tokio::test]
async fn a_real_server_sees_a_whole_life() {
    let Some(cluster) = real("apply::a_real_server_sees_a_whole_life").await else { return };
    let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await.expect("is served");
    let names = ["life-a", "life-b", "life-helm", "life-stranger", "life-kept"];
    for name in names {
        cluster.delete(&resource, &config_map(name, json!({})).id, &Delete::default()).await.expect("deletes");
    }
    let jobs =
        |value: &str| vec![Job::apply(config_map("life-a", json!({"k": value}))), Job::apply(config_map("life-b", json!({"k": "1"})))];
    assert_eq!(results(&cluster.run_stage(jobs("1"), &options()).await), ["life-a created", "life-b created"]);
    assert_eq!(results(&cluster.run_stage(jobs("2"), &options()).await), ["life-a configured", "life-b unchanged"]);

    // what helm applied goes when it is no longer in the manifest, because its fields were taken over
    let helm = Apply { manager: "helm".into(), ..Apply::default() };
    cluster.apply(&config_map("life-helm", json!({"old": "x", "k": "1"})), &helm).await.expect("applies");
    let taken = cluster.run_stage(vec![Job::apply(config_map("life-helm", json!({"k": "1"})))], &options()).await;
    assert_eq!(results(&taken), ["life-helm configured"]);
    let live = cluster.get(&taken[0].id).await.expect("reads").expect("is there");
    assert_eq!(live["data"], json!({"k": "1"}));
    assert_eq!(
        (taken[0].resource_version.as_str(), taken[0].uid.is_empty()),
        (live["metadata"]["resourceVersion"].as_str().expect("has one"), false)
    );

    let mut stranger = config_map("life-stranger", json!({}));
    stranger.body["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "shop"});
    cluster.apply(&stranger, &Apply { manager: "helm".into(), ..Apply::default() }).await.expect("applies");
    let job = || vec![Job::apply(config_map("life-stranger", json!({"k": "1"})))];
    let refused = cluster.run_stage(job(), &options()).await;
    let words = refused[0].error().expect("is refused").to_string();
    assert_eq!(
        words,
        "apply ConfigMap/default/life-stranger: it belongs to the Helm release shop/other; \
         remove it there, or set the annotation helmward.dev/adopt: enabled"
    );
    assert_eq!(
        results(&cluster.run_stage(vec![delete(&stranger)], &options()).await),
        ["life-stranger kept: it belongs to the Helm release shop/other now"]
    );
    let adopted = cluster.run_stage(job(), &StageOptions { adopt: true, ..options() }).await;
    assert_eq!(results(&adopted), ["life-stranger configured"]);

    let mut kept = config_map("life-kept", json!({}));
    kept.body["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/prune": "disabled"});
    cluster.apply(&kept, &Apply::default()).await.expect("applies");
    let jobs = vec![delete(&kept), delete(&config_map("life-a", json!({}))), delete(&config_map("life-none", json!({})))];
    let outcomes = results(&cluster.run_stage(jobs, &options()).await);
    assert!(outcomes[0].starts_with("life-kept kept: "), "{outcomes:?}");
    assert_eq!(outcomes[1..], ["life-a deleted", "life-none already gone"]);
    for name in names {
        cluster.delete(&resource, &config_map(name, json!({})).id, &Delete::default()).await.expect("deletes");
    }
}

#[tokio::test]
async fn a_real_server_replaces_what_cannot_be_changed() {
    let Some(cluster) = real("apply::a_real_server_replaces_what_cannot_be_changed").await else { return };
    let job = |image: &str, recreate: bool| {
        let body = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "life-job", "namespace": "default"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image}]}}}});
        vec![Job::Apply { manifest: Arc::new(manifest(body)), prior: Prior::Unknown, recreate }]
    };
    let resource = cluster.resource(&Gvk::new("batch/v1", "Job")).await.expect("is served");
    let id = ObjectId::new("batch", "Job", "default", "life-job");
    cluster.delete(&resource, &id, &Delete::default()).await.expect("deletes");
    cluster.wait_until(&resource, &id, GONE_WITHIN, |object| object.is_none()).await.expect("goes");
    assert_eq!(results(&cluster.run_stage(job("a", false), &options()).await), ["life-job created"]);
    let refused = cluster.run_stage(job("b", false), &options()).await;
    assert!(refused[0].error().is_some_and(|e| e.is_immutable() && e.is_content()), "{refused:?}");
    assert_eq!(results(&cluster.run_stage(job("b", true), &options()).await), ["life-job recreated"]);
    cluster.delete(&resource, &id, &Delete::default()).await.expect("deletes");
}

#[tokio::test]
async fn a_real_server_makes_a_namespace_once() {
    let Some(cluster) = real("apply::a_real_server_makes_a_namespace_once").await else { return };
    cluster.ensure_namespace("helmward-once", &json!({"a": "b"})).await.expect("makes");
    assert!(!cluster.ensure_namespace("helmward-once", &json!({})).await.expect("is there"));
}
