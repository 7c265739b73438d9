//! ReplicaSets, and ReplicationControllers before them.

use super::Health;
use super::condition::{condition, count, wanted};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    if let Some(condition) = condition(live, "ReplicaFailure").filter(super::condition::Condition::is_true) {
        return Health::in_progress("ReplicaFailure", condition.says()).since(condition.since);
    }
    let want = wanted(live);
    let [all, labelled, ready, available] =
        ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"].map(|field| count(live, &format!("/status/{field}")));
    if want > labelled {
        return Health::in_progress("LessLabelled", format!("{labelled}/{want} pods made"));
    }
    if want > available {
        return Health::in_progress("LessAvailable", format!("{available}/{want} available"));
    }
    if want > ready {
        return Health::in_progress("LessReady", format!("{ready}/{want} ready"));
    }
    if all > want {
        return Health::in_progress("ExtraPods", format!("{} pods too many still there", all - want));
    }
    Health::current(format!("{ready}/{want} ready"))
}
