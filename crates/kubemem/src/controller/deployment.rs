//! Deployments: a new ReplicaSet per template, rolled out, watched against a deadline.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::bootstrap::create;
use super::event::{Severity, emit};
use super::replica_set::counted;
use super::{MANAGER, Memory, pods};
use crate::resource::TableKey;
use crate::store::{Place, controller_reference};
use crate::verb::{Call, Part, same_but};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const HASH: &str = "pod-template-hash";

fn sets() -> TableKey {
    TableKey::new("apps", "replicasets")
}

fn count(set: &Value, field: &str) -> i64 {
    set["status"][field].as_i64().unwrap_or(0)
}

fn wanted(set: &Value) -> i64 {
    set["spec"]["replicas"].as_i64().unwrap_or(0)
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let deployment = call.store.at(place)?.clone();
    if pods::is_dying(&deployment) {
        return None;
    }
    if deployment["status"]["observedGeneration"].is_null() {
        pods::adopt(call, &deployment, &sets());
    }
    let all = pods::controlled(call, &deployment, &sets());
    let current = newest(&deployment, &all);
    let paused = deployment["spec"]["paused"] == true;
    let replicas = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let strategy = &deployment["spec"]["strategy"];
    let rolling = strategy["type"] != "Recreate";
    let mut surge = if rolling { pods::share(&strategy["rollingUpdate"]["maxSurge"], replicas, true) } else { 0 };
    let mut unavailable = if rolling { pods::share(&strategy["rollingUpdate"]["maxUnavailable"], replicas, false) } else { replicas };
    if rolling && surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    if !rolling {
        surge = 0;
    }
    let old: Vec<Arc<Value>> =
        all.iter().filter(|set| current.as_ref().is_none_or(|c| c["metadata"]["uid"] != set["metadata"]["uid"])).cloned().collect();
    let mut created = None;
    if !paused {
        match &current {
            // what is recreated begins when the last old pod is gone
            None if !rolling && old.iter().any(|s| wanted(s) > 0 || count(s, "replicas") + count(s, "terminatingReplicas") > 0) => {
                for set in old.iter().filter(|s| wanted(s) > 0) {
                    scale(call, &deployment, set, 0, surge);
                }
            }
            None => created = new_set(call, &deployment, &all, replicas, surge, rolling),
            Some(set) => note_revision(call, place, &deployment, set, &all),
        }
        let current = current.clone().or_else(|| created.clone());
        if let Some(current) = &current {
            roll(call, &deployment, current, &old, replicas, surge, unavailable, rolling);
        }
        clean_up(call, &deployment, &old);
    } else if let Some(set) = &current
        && wanted(set) != replicas
        && old.is_empty()
    {
        scale(call, &deployment, set, replicas, surge);
    }
    status(call, place, memory, created.is_some())
}

/// The ReplicaSet of the wanted template.
fn newest(deployment: &Value, all: &[Arc<Value>]) -> Option<Arc<Value>> {
    let template = &deployment["spec"]["template"];
    let same = |set: &&Arc<Value>| {
        same_but(&set["spec"]["template"], template, "metadata", |found, wanted| {
            same_but(found, wanted, "labels", |found, wanted| same_but(found, wanted, HASH, |_, _| true))
        })
    };
    all.iter().find(same).cloned()
}

fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|r| r.parse().ok()).unwrap_or(0)
}

fn new_set(call: &mut Call<'_>, deployment: &Value, all: &[Arc<Value>], replicas: i64, surge: i64, rolling: bool) -> Option<Arc<Value>> {
    let hash = pods::hash(&deployment["spec"]["template"]);
    let meta = &deployment["metadata"];
    let name = format!("{}-{hash}", meta["name"].as_str().unwrap_or_default());
    let others: i64 = all.iter().map(|s| wanted(s)).sum();
    let count = if rolling {
        (replicas + surge - others).clamp(0, replicas)
    } else if others == 0 {
        replicas
    } else {
        0
    };
    let number = all.iter().map(|s| revision(s)).max().unwrap_or(0) + 1;
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"][HASH] = hash.as_str().into();
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = hash.as_str().into();
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": meta["namespace"],
        "labels": template["metadata"]["labels"], "ownerReferences": [controller_reference(deployment)],
        "annotations": {REVISION: number.to_string(), "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
            "deployment.kubernetes.io/max-replicas": (replicas + surge).to_string()}},
        "spec": {"replicas": count, "selector": selector, "template": template, "minReadySeconds": deployment["spec"]["minReadySeconds"]}});
    match create(call, set, MANAGER) {
        Ok(made) => {
            if count > 0 {
                let message = format!("Scaled up replica set {name} from 0 to {count}");
                emit(call, deployment, Severity::Normal, "ScalingReplicaSet", &message, "deployment-controller");
            }
            let place = pods::place_of(&TableKey::new("apps", "deployments"), deployment);
            annotate(call, &place, number);
            Some(Arc::new(made))
        }
        Err(_) => None,
    }
}

fn annotate(call: &mut Call<'_>, place: &Place, number: i64) {
    let _ = call.edit(place, MANAGER, Part::Status, |d| d["metadata"]["annotations"][REVISION] = number.to_string().into());
}

/// A template that came back is the newest revision again.
fn note_revision(call: &mut Call<'_>, place: &Place, deployment: &Value, current: &Value, all: &[Arc<Value>]) {
    let newest = all.iter().filter(|s| s["metadata"]["uid"] != current["metadata"]["uid"]).map(|s| revision(s)).max().unwrap_or(0);
    let mut number = revision(current);
    if number <= newest {
        number = newest + 1;
        let set = pods::place_of(&sets(), current);
        let _ = call.edit(&set, MANAGER, Part::Whole, |s| {
            let annotations = &mut s["metadata"]["annotations"];
            let before = annotations[REVISION].as_str().unwrap_or_default().to_owned();
            let history = annotations[HISTORY].as_str().map_or_else(|| before.clone(), |older| format!("{older},{before}"));
            annotations[HISTORY] = history.into();
            annotations[REVISION] = number.to_string().into();
        });
    }
    if deployment["metadata"]["annotations"][REVISION] != number.to_string().as_str() {
        annotate(call, place, number);
    }
}

fn scale(call: &mut Call<'_>, deployment: &Value, set: &Value, to: i64, surge: i64) {
    let from = wanted(set);
    let desired = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let place = pods::place_of(&sets(), set);
    let _ = call.edit(&place, MANAGER, Part::Whole, |s| {
        s["spec"]["replicas"] = to.into();
        s["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = desired.to_string().into();
        s["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] = (desired + surge).to_string().into();
    });
    if from != to {
        let direction = if to > from { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {from} to {to}", place.name.name);
        emit(call, deployment, Severity::Normal, "ScalingReplicaSet", &message, "deployment-controller");
    }
}

#[allow(clippy::too_many_arguments)]
fn roll(
    call: &mut Call<'_>,
    deployment: &Value,
    current: &Value,
    old: &[Arc<Value>],
    replicas: i64,
    surge: i64,
    unavailable: i64,
    rolling: bool,
) {
    let old: Vec<&Arc<Value>> = old.iter().filter(|s| wanted(s) > 0 || count(s, "replicas") > 0).collect();
    if !rolling {
        for set in old.iter().filter(|s| wanted(s) > 0) {
            scale(call, deployment, set, 0, surge);
        }
        let left: i64 = old.iter().map(|s| count(s, "replicas") + count(s, "terminatingReplicas")).sum();
        if left == 0 && wanted(current) != replicas {
            scale(call, deployment, current, replicas, surge);
        }
        return;
    }
    let old_wanted: i64 = old.iter().map(|s| wanted(s)).sum();
    let target = (replicas + surge - old_wanted).clamp(wanted(current).min(replicas), replicas);
    if wanted(current) != target {
        scale(call, deployment, current, target, surge);
        return;
    }
    // old pods go as far as enough of them all are available; those that never became ready go first
    let min_available = replicas - unavailable;
    let new_unavailable = wanted(current) - count(current, "availableReplicas");
    let total: i64 = old_wanted + wanted(current);
    let mut spare = total - min_available - new_unavailable;
    for set in &old {
        let unhealthy = (wanted(set) - count(set, "availableReplicas")).min(spare).max(0);
        if unhealthy > 0 {
            scale(call, deployment, set, wanted(set) - unhealthy, surge);
            return;
        }
    }
    let available: i64 = old.iter().map(|s| count(s, "availableReplicas")).sum::<i64>() + count(current, "availableReplicas");
    spare = spare.min(available - min_available);
    for set in &old {
        let down = wanted(set).min(spare).max(0);
        if down > 0 {
            scale(call, deployment, set, wanted(set) - down, surge);
            spare -= down;
        }
    }
}

/// Removes old empty ReplicaSets beyond the history that is kept.
fn clean_up(call: &mut Call<'_>, deployment: &Value, old: &[Arc<Value>]) {
    let limit = usize::try_from(deployment["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10)).unwrap_or(10);
    let mut empty: Vec<&Arc<Value>> = old.iter().filter(|s| wanted(s) == 0 && count(s, "replicas") == 0 && !pods::is_dying(s)).collect();
    if empty.len() <= limit {
        return;
    }
    empty.sort_by_key(|s| revision(s));
    for set in &empty[..empty.len() - limit] {
        pods::delete(call, &sets(), set, None);
    }
}

fn status(call: &mut Call<'_>, place: &Place, memory: &mut Memory, created: bool) -> Option<Duration> {
    let deployment = call.store.at(place)?.clone();
    let all = pods::controlled(call, &deployment, &sets());
    let newest = newest(&deployment, &all);
    let replicas = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    let sum = |field: &str| all.iter().map(|s| count(s, field)).sum::<i64>();
    let (total, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let updated = newest.as_ref().map_or(0, |s| count(s, "replicas"));
    let strategy = &deployment["spec"]["strategy"];
    let min_available = if strategy["type"] == "Recreate" {
        replicas
    } else {
        replicas - pods::share(&strategy["rollingUpdate"]["maxUnavailable"], replicas, false)
    };
    let complete = updated == replicas && total == replicas && available == replicas;
    let uid = deployment["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let set_uid = newest.as_ref().and_then(|s| s["metadata"]["uid"].as_str()).unwrap_or_default();
    let before = pods::condition(&deployment, "Progressing").cloned().unwrap_or_default();
    let moved = count(&deployment, "updatedReplicas") < updated
        || count(&deployment, "readyReplicas") < ready
        || count(&deployment, "availableReplicas") < available
        || count(&deployment, "replicas") - count(&deployment, "updatedReplicas") > total - updated;
    // every step forward starts the deadline anew
    if moved || created {
        memory.stages.remove(&uid);
    }
    let deadline = Duration::from_secs(deployment["spec"]["progressDeadlineSeconds"].as_u64().unwrap_or(600));
    let waited = memory.in_stage(&uid, set_uid);
    let name = newest.as_ref().and_then(|s| s["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
    let settled = before["reason"] == "NewReplicaSetAvailable" && total == updated && !created;
    let mut again = None;
    let progressing = if deployment["spec"]["paused"] == true {
        Some(("Unknown", "DeploymentPaused", "Deployment is paused".to_owned()))
    } else if settled {
        None
    } else if created {
        Some(("True", "NewReplicaSetCreated", format!("Created new replica set \"{name}\"")))
    } else if complete {
        Some(("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed.")))
    } else if moved {
        Some(("True", "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing.")))
    } else if waited >= deadline {
        Some(("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{name}\" has timed out progressing.")))
    } else if before.is_null() && newest.is_some() {
        Some(("True", "FoundNewReplicaSet", format!("Found new replica set \"{name}\"")))
    } else {
        None
    };
    if !settled && !complete && waited < deadline {
        again = Some(deadline - waited);
    }
    let failure = newest.as_ref().and_then(|s| pods::condition(s, "ReplicaFailure")).cloned();
    let now = call.clock.text();
    call.edit_status(place, MANAGER, |old, d| {
        let conditions = d["status"]["conditions"].take();
        let n = |v: i64| usize::try_from(v).unwrap_or(0);
        d["status"] = counted(&[
            ("replicas", n(total), false),
            ("updatedReplicas", n(updated), false),
            ("readyReplicas", n(ready), false),
            ("availableReplicas", n(available), false),
            ("unavailableReplicas", n((all.iter().map(|s| wanted(s)).sum::<i64>() - available).max(0)), false),
            ("terminatingReplicas", n(sum("terminatingReplicas")), true),
        ]);
        d["status"]["observedGeneration"] = old["metadata"]["generation"].clone();
        if conditions.is_array() {
            d["status"]["conditions"] = conditions;
        }
        if let Some((status, reason @ "DeploymentPaused", message)) = &progressing {
            pods::set_condition(d, &now, true, "Progressing", status, reason, message);
        }
        if available >= min_available {
            pods::set_condition(d, &now, true, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.");
        } else {
            pods::set_condition(
                d,
                &now,
                true,
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            );
        }
        if let Some((status, reason, message)) = &progressing {
            pods::set_condition(d, &now, true, "Progressing", status, reason, message);
        }
        match &failure {
            Some(f) => {
                let text = |field: &str| f[field].as_str().unwrap_or_default();
                pods::set_condition(d, &now, true, "ReplicaFailure", "True", text("reason"), text("message"));
            }
            None => {
                if let Some(list) = d["status"]["conditions"].as_array_mut() {
                    list.retain(|c| c["type"] != "ReplicaFailure");
                }
            }
        }
    });
    again
}
