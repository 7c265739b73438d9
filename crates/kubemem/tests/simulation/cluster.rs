//! Playing a scenario on a cluster, be it real or in memory, and looking at what became of it.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::scenarios::{Scenario, Step};
use crate::{Story, facts};

/// The kinds that are looked at.
const KINDS: [(&str, &str); 14] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ResourceQuota"),
    ("v1", "Endpoints"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
];

/// A client of the cluster of a kubeconfig.
pub(crate) async fn connect(kubeconfig: &str) -> Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn api(client: &Client, namespace: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match kind {
        "Namespace" | "PersistentVolume" => Api::all_with(client.clone(), &resource),
        "Endpoints" => Api::namespaced_with(client.clone(), namespace, &ApiResource { plural: "endpoints".into(), ..resource }),
        _ => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}

/// Plays the steps in a new namespace.
pub(crate) async fn play(client: &Client, scenario: &Scenario) -> Story {
    let number = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let namespace = format!("sim-{}-{number}x", scenario.name);
    apply(client, "", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await;
    let accounts = api(client, &namespace, "v1", "ServiceAccount");
    while accounts.get_opt("default").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut story = Story::new();
    let mut looks = 0;
    for step in &scenario.steps {
        match step {
            Step::Apply(object) => apply(client, &namespace, object.clone()).await,
            Step::Merge(version, kind, name, patch) => {
                api(client, &namespace, version, kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
            }
            Step::Flip(outcome) => {
                let pods = api(client, &namespace, "v1", "Pod");
                let first = pods.list(&ListParams::default()).await.unwrap().items.remove(0).metadata.name.unwrap();
                let patch = json!({"metadata": {"annotations": {"sim.test/outcome": outcome}}});
                pods.patch(&first, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
            }
            Step::Delete(version, kind, name, policy) => {
                let params = DeleteParams { propagation_policy: policy.clone(), ..DeleteParams::default() };
                api(client, &namespace, version, kind).delete(name, &params).await.unwrap();
            }
            Step::Look(seconds) => {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                looks += 1;
                story.insert(format!("look {looks}"), look(client, &namespace).await);
            }
        }
    }
    let events = api(client, &namespace, "v1", "Event").list(&ListParams::default()).await.unwrap();
    let events: BTreeSet<String> = events.iter().filter_map(|e| facts::of_event(&serde_json::to_value(e).unwrap())).collect();
    story.insert("events".into(), events.into_iter().collect());
    let params = DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    let _ = api(client, "", "v1", "Namespace").delete(&namespace, &params).await;
    story
}

async fn apply(client: &Client, namespace: &str, object: Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let api = api(client, namespace, &text(&object["apiVersion"]), &text(&object["kind"]));
    let params = PatchParams { force: true, ..PatchParams::apply("test") };
    api.patch(&text(&object["metadata"]["name"]), &params, &Patch::Apply(&object)).await.unwrap();
}

async fn look(client: &Client, namespace: &str) -> Value {
    let mut seen = serde_json::Map::new();
    let mut add = |object: &DynamicObject, version: &str, kind: &str| {
        let mut object = serde_json::to_value(object).unwrap();
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        let (name, facts) = facts::of(&object);
        let list = seen.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap();
        list.push(facts);
        list.sort_by_cached_key(Value::to_string);
    };
    for (version, kind) in KINDS {
        for object in api(client, namespace, version, kind).list(&ListParams::default()).await.unwrap() {
            add(&object, version, kind);
        }
    }
    for volume in api(client, namespace, "v1", "PersistentVolume").list(&ListParams::default()).await.unwrap() {
        if volume.data["spec"]["claimRef"]["namespace"] == namespace {
            add(&volume, "v1", "PersistentVolume");
        }
    }
    Value::Object(seen)
}
