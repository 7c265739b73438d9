//! Deployments.

use super::Health;
use super::condition::{condition, count, wanted};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    let progressing = condition(live, "Progressing");
    if let Some(condition) = progressing.filter(|condition| condition.reason == "ProgressDeadlineExceeded") {
        return Health::failed("ProgressDeadlineExceeded", condition.says()).since(condition.since);
    }
    if live.pointer("/spec/paused").and_then(Json::as_bool) == Some(true) {
        // Somebody wants it so; waiting for a paused rollout would be waiting for that person.
        return Health { reason: "Paused".into(), ..Health::current("the rollout is paused") };
    }
    let want = wanted(live);
    let [all, updated, ready, available] =
        ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].map(|field| count(live, &format!("/status/{field}")));
    if want > all {
        return Health::in_progress("LessReplicas", format!("{all}/{want} pods made"));
    }
    if want > updated {
        return Health::in_progress("LessUpdated", format!("{updated}/{want} updated"));
    }
    if all > want {
        return Health::in_progress("ExtraPods", format!("{} old pods still there", all - want));
    }
    if updated > available {
        return Health::in_progress("LessAvailable", format!("{available}/{updated} available"));
    }
    if want > ready {
        return Health::in_progress("LessReady", format!("{ready}/{want} ready"));
    }
    // Without a deadline the controller keeps no such condition.
    let deadline =
        live.pointer("/spec/progressDeadlineSeconds").and_then(Json::as_i64).is_some_and(|seconds| seconds < i64::from(i32::MAX));
    if deadline && !progressing.is_some_and(|condition| condition.is_true() && condition.reason == "NewReplicaSetAvailable") {
        return Health::in_progress("ReplicaSetNotAvailable", "the new ReplicaSet is not available yet");
    }
    if !condition(live, "Available").is_some_and(|condition| condition.is_true()) {
        return Health::in_progress("DeploymentNotAvailable", "not available yet");
    }
    Health::current(format!("{ready}/{want} ready"))
}
