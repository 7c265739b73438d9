//! StatefulSets.

use super::Health;
use super::condition::{count, number, text, wanted};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    if text(live, "/spec/updateStrategy/type") == "OnDelete" {
        // Pods are replaced when somebody deletes them; there is nothing to wait for.
        return Health { reason: "OnDelete".into(), ..Health::current("pods are replaced when they are deleted") };
    }
    let want = wanted(live);
    let [all, ready, current, updated] =
        ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"].map(|field| count(live, &format!("/status/{field}")));
    if want > all {
        return Health::in_progress("LessReplicas", format!("{all}/{want} pods made"));
    }
    if want > ready {
        return Health::in_progress("LessReady", format!("{ready}/{want} ready"));
    }
    if all > want {
        return Health::in_progress("ExtraPods", format!("{} pods too many still there", all - want));
    }
    if let Some(partition) = number(live, "/spec/updateStrategy/rollingUpdate/partition").filter(|partition| *partition > 0) {
        let due = (want - partition).max(0);
        return if updated < due {
            Health::in_progress("PartitionRollout", format!("{updated}/{due} updated (partition {partition})"))
        } else {
            Health::current(format!("{ready}/{want} ready, partitioned rollout: {updated} updated (partition {partition})"))
        };
    }
    if want > current && want > updated {
        return Health::in_progress("LessCurrent", format!("{updated}/{want} updated"));
    }
    if text(live, "/status/currentRevision") != text(live, "/status/updateRevision") {
        return Health::in_progress("RevisionMismatch", format!("{updated}/{want} updated"));
    }
    Health::current(format!("{ready}/{want} ready"))
}
