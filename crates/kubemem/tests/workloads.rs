//! Workloads under paused time: what becomes of them is what their annotations and images say.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use kubemem::{Options, Server};
use serde_json::{Value, json};

fn api(server: &Server, version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::default_namespaced_with(Client::new(server.router(), "default"), &resource)
}

async fn apply(server: &Server, object: Value) -> Value {
    let api = api(server, object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let name = object["metadata"]["name"].as_str().unwrap();
    let params = PatchParams { force: true, ..PatchParams::apply("test") };
    serde_json::to_value(api.patch(name, &params, &Patch::Apply(&object)).await.unwrap()).unwrap()
}

async fn get(server: &Server, version: &str, kind: &str, name: &str) -> Value {
    serde_json::to_value(api(server, version, kind).get(name).await.unwrap()).unwrap()
}

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn deployment(image: &str, annotations: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "progressDeadlineSeconds": 4,
        "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}, "annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": image, "ports": [{"containerPort": 80}]}]}}}})
}

fn condition(object: &Value, kind: &str) -> (String, String) {
    let found = object["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind).cloned().unwrap_or_default();
    (found["status"].as_str().unwrap_or_default().to_owned(), found["reason"].as_str().unwrap_or_default().to_owned())
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[tokio::test(start_paused = true)]
async fn deployment_becomes_ready() {
    let server = Server::start();
    apply(&server, deployment("app:1", json!({"sim.test/ready-after": "3s"}))).await;
    sleep(1).await;
    let early = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(condition(&early, "Available"), pair("False", "MinimumReplicasUnavailable"));
    sleep(3).await;
    let live = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(live["status"]["readyReplicas"], 2);
    assert_eq!(live["status"]["observedGeneration"], live["metadata"]["generation"]);
    assert_eq!(condition(&live, "Available"), pair("True", "MinimumReplicasAvailable"));
    assert_eq!(condition(&live, "Progressing"), pair("True", "NewReplicaSetAvailable"));
    assert_eq!(live["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
}

#[tokio::test(start_paused = true)]
async fn broken_update_misses_its_deadline_and_is_undone() {
    let server = Server::start();
    apply(&server, deployment("app:1", json!({}))).await;
    sleep(1).await;
    for (image, reason) in
        [("app:2-unready", None), ("app:2-crashloop", Some("CrashLoopBackOff")), ("app:2-imagepull", Some("ImagePullBackOff"))]
    {
        apply(&server, deployment(image, json!({}))).await;
        sleep(6).await;
        let live = get(&server, "apps/v1", "Deployment", "web").await;
        assert_eq!(condition(&live, "Progressing"), pair("False", "ProgressDeadlineExceeded"), "{image}");
        assert_eq!(condition(&live, "Available"), pair("True", "MinimumReplicasAvailable"), "old pods stay");
        let pods = server.objects("", "pods", "default");
        let new: Vec<&Value> = pods.iter().filter(|p| p["spec"]["containers"][0]["image"] == image).collect();
        assert_eq!(new.len(), 1, "one pod over the wanted number");
        let waiting = new[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str();
        assert_eq!(waiting, reason);
    }
    apply(&server, deployment("app:1", json!({}))).await;
    sleep(2).await;
    let live = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(condition(&live, "Progressing"), pair("True", "NewReplicaSetAvailable"));
    assert!(server.objects("", "pods", "default").iter().all(|p| p["spec"]["containers"][0]["image"] == "app:1"));
}

#[tokio::test(start_paused = true)]
async fn degrades_after_a_good_rollout() {
    let server = Server::start();
    apply(&server, deployment("app:1", json!({"sim.test/outcome": "degrade", "sim.test/degrade-after": "10s"}))).await;
    sleep(5).await;
    let live = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(condition(&live, "Available").0, "True");
    sleep(10).await;
    let live = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(condition(&live, "Available").0, "False");
    assert_eq!(condition(&live, "Progressing"), pair("True", "NewReplicaSetAvailable"), "the rollout had succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_live_pod_flips() {
    let server = Server::start();
    apply(&server, deployment("app:1", json!({}))).await;
    sleep(1).await;
    let pod = server.objects("", "pods", "default")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let pods = api(&server, "v1", "Pod");
    for (outcome, expect) in [("unready", 1), ("ready", 2)] {
        let patch = json!({"metadata": {"annotations": {"sim.test/outcome": outcome}}});
        pods.patch(&pod, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        sleep(1).await;
        assert_eq!(get(&server, "apps/v1", "Deployment", "web").await["status"]["readyReplicas"], expect);
    }
}

#[tokio::test(start_paused = true)]
async fn endpoints_follow_readiness() {
    let server = Server::start();
    apply(&server, json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})).await;
    apply(&server, deployment("app:1", json!({}))).await;
    sleep(1).await;
    let slices = server.objects("discovery.k8s.io", "endpointslices", "default");
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0]["endpoints"].as_array().map(Vec::len), Some(2));
    assert_eq!(slices[0]["endpoints"][0]["conditions"]["ready"], true);
    assert_eq!(get(&server, "v1", "Endpoints", "web").await["subsets"][0]["addresses"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn jobs_complete_or_fail() {
    let server = Server::start();
    let job = |name: &str, image: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 1,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}}}})
    };
    apply(&server, job("good", "x:1")).await;
    apply(&server, job("bad", "x:1-fail")).await;
    sleep(2).await;
    let good = get(&server, "batch/v1", "Job", "good").await;
    assert_eq!(condition(&good, "Complete"), pair("True", "CompletionsReached"));
    assert_eq!(good["status"]["succeeded"], 1);
    sleep(20).await;
    let bad = get(&server, "batch/v1", "Job", "bad").await;
    assert_eq!(condition(&bad, "Failed"), pair("True", "BackoffLimitExceeded"));
    assert_eq!(bad["status"]["failed"], 2);
}

#[tokio::test(start_paused = true)]
async fn stateful_sets_go_in_order() {
    let server = Server::start();
    let set = |image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"replicas": 2, "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}, "annotations": {"sim.test/ready-after": "2s"}},
                "spec": {"containers": [{"name": "a", "image": image}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}})
    };
    apply(&server, set("x:1")).await;
    sleep(1).await;
    assert_eq!(server.objects("", "pods", "default").len(), 1);
    sleep(5).await;
    let live = get(&server, "apps/v1", "StatefulSet", "db").await;
    assert_eq!((&live["status"]["readyReplicas"], &live["status"]["currentRevision"]), (&json!(2), &live["status"]["updateRevision"]));
    let claims = server.objects("", "persistentvolumeclaims", "default");
    assert_eq!(claims.iter().filter(|c| c["status"]["phase"] == "Bound").count(), 2);
    apply(&server, set("x:2")).await;
    sleep(1).await;
    let live = get(&server, "apps/v1", "StatefulSet", "db").await;
    assert_ne!(live["status"]["currentRevision"], live["status"]["updateRevision"]);
    sleep(10).await;
    let live = get(&server, "apps/v1", "StatefulSet", "db").await;
    assert_eq!((&live["status"]["updatedReplicas"], &live["status"]["currentRevision"]), (&json!(2), &live["status"]["updateRevision"]));
}

#[tokio::test(start_paused = true)]
async fn daemon_sets_have_one_pod() {
    let server = Server::start();
    let set = |image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "a", "image": image}]}}}})
    };
    for image in ["x:1", "x:2"] {
        apply(&server, set(image)).await;
        sleep(2).await;
        let live = get(&server, "apps/v1", "DaemonSet", "agent").await;
        assert_eq!((&live["status"]["numberAvailable"], &live["status"]["updatedNumberScheduled"]), (&json!(1), &json!(1)));
        let pods = server.objects("", "pods", "default");
        assert_eq!(pods.len(), 1);
        assert_eq!(pods[0]["spec"]["containers"][0]["image"], image);
    }
}

#[tokio::test(start_paused = true)]
async fn dependents_go_with_their_owner() {
    let server = Server::start();
    let deployments = api(&server, "apps/v1", "Deployment");
    for (policy, left) in [(PropagationPolicy::Background, 0), (PropagationPolicy::Foreground, 0), (PropagationPolicy::Orphan, 1)] {
        apply(&server, deployment("app:1", json!({}))).await;
        sleep(1).await;
        assert_eq!(server.objects("apps", "replicasets", "default").len(), 1, "{policy:?}");
        deployments.delete("web", &DeleteParams { propagation_policy: Some(policy.clone()), ..DeleteParams::default() }).await.unwrap();
        sleep(1).await;
        assert!(deployments.get_opt("web").await.unwrap().is_none());
        assert_eq!(server.objects("apps", "replicasets", "default").len(), left, "{policy:?}");
        assert_eq!(server.objects("", "pods", "default").len(), left * 2, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn namespaces_go_with_their_contents() {
    let server = Server::start();
    let client = Client::new(server.router(), "default");
    let namespaces: Api<DynamicObject> = Api::all_with(client, &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace")));
    server.apply("test", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})).unwrap();
    let mut web = deployment("app:1", json!({}));
    web["metadata"]["namespace"] = "x".into();
    server.apply("test", web).unwrap();
    sleep(1).await;
    assert_eq!(server.objects("", "pods", "x").len(), 2);
    assert!(server.object("", "serviceaccounts", "x", "default").is_some());
    let answer = namespaces.delete("x", &DeleteParams::default()).await.unwrap().left().expect("it takes a while");
    assert_eq!(answer.data["status"]["phase"], "Terminating");
    sleep(1).await;
    assert!(namespaces.get_opt("x").await.unwrap().is_none());
    assert_eq!(server.objects("", "pods", "x").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn missing_service_account_fails_the_deployment() {
    let server = Server::start();
    let mut web = deployment("app:1", json!({}));
    web["spec"]["template"]["spec"]["serviceAccountName"] = "nobody".into();
    apply(&server, web).await;
    sleep(6).await;
    let live = get(&server, "apps/v1", "Deployment", "web").await;
    assert_eq!(condition(&live, "ReplicaFailure"), pair("True", "FailedCreate"));
    assert_eq!(condition(&live, "Progressing"), pair("False", "ProgressDeadlineExceeded"));
    assert!(server.objects("", "events", "default").iter().any(|e| e["reason"] == "FailedCreate"));
}

#[tokio::test]
async fn objects_only_lie_there_without_simulation() {
    let server = Server::new(Options { simulate_workloads: false, ..Options::default() });
    apply(&server, deployment("app:1", json!({}))).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(server.objects("apps", "replicasets", "default").is_empty());
    assert!(api(&server, "v1", "Node").list(&ListParams::default()).await.is_err(), "nodes have no namespace");
}

#[tokio::test(start_paused = true)]
async fn many_releases() {
    let server = Server::start();
    let start = std::time::Instant::now();
    for i in 0..200 {
        let mut web = deployment("app:1", json!({}));
        web["metadata"]["name"] = format!("web-{i}").into();
        web["metadata"]["namespace"] = "default".into();
        web["spec"]["selector"]["matchLabels"]["app"] = format!("web-{i}").into();
        web["spec"]["template"]["metadata"]["labels"]["app"] = format!("web-{i}").into();
        server.apply("test", web).unwrap();
        if i % 100 == 99 {
            sleep(1).await;
        }
    }
    sleep(5).await;
    let ready = server.objects("apps", "deployments", "default").iter().filter(|d| d["status"]["readyReplicas"] == 2).count();
    assert_eq!(ready, 200);
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_manual_clock_goes_only_when_moved() {
    let start = "2026-01-01T00:00:30Z";
    let server = Server::new(Options { manual_clock: true, start_time: start.parse().unwrap(), ..Options::default() });
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "x:1"}]}}}});
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": job}});
    server.apply("test", cron).unwrap();
    server.advance(Duration::from_secs(269)).await;
    assert!(server.objects("batch", "jobs", "default").is_empty());
    server.advance(Duration::from_secs(3600)).await;
    let cron = server.object("batch", "cronjobs", "default", "tick").unwrap();
    assert_eq!(cron["status"]["lastScheduleTime"], "2026-01-01T01:00:00Z");
    assert_eq!(cron["status"]["lastSuccessfulTime"], "2026-01-01T01:00:00Z");
    assert_eq!(server.objects("batch", "jobs", "default").len(), 3, "the history that is kept");
    let created = server.objects("", "events", "default").iter().filter(|e| e["reason"] == "SawCompletedJob").count();
    assert!(created > 3);
}
