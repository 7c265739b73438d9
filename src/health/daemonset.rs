//! DaemonSets.

use super::Health;
use super::condition::{count, number, text};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    // A DaemonSet that its controller has not seen wants no pods yet, which is not the same as having them all.
    if number(live, "/status/observedGeneration").is_none() {
        return Health::in_progress("NotObserved", "its controller has not seen it yet");
    }
    let Some(want) = number(live, "/status/desiredNumberScheduled") else {
        return Health::in_progress("NoDesiredNumber", "the number of nodes is not known yet");
    };
    let [scheduled, updated, available, ready] = ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"]
        .map(|field| count(live, &format!("/status/{field}")));
    if want > scheduled {
        return Health::in_progress("LessCurrent", format!("{scheduled}/{want} scheduled"));
    }
    if text(live, "/spec/updateStrategy/type") != "OnDelete" && want > updated {
        return Health::in_progress("LessUpdated", format!("{updated}/{want} updated"));
    }
    if want > available {
        return Health::in_progress("LessAvailable", format!("{available}/{want} available"));
    }
    if want > ready {
        return Health::in_progress("LessReady", format!("{ready}/{want} ready"));
    }
    Health::current(format!("{ready}/{want} ready"))
}
