//! Pods. A crash loop or a missing image is a cause, judged with patience; a pod by itself is not failed by it.

use super::Health;
use super::condition::{condition, text};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    match text(live, "/status/phase") {
        "Succeeded" => Health::current("completed"),
        "Failed" => {
            let (reason, message) = (text(live, "/status/reason"), text(live, "/status/message"));
            Health::failed(
                if reason.is_empty() { "PodFailed" } else { reason },
                if message.is_empty() { "a container failed" } else { message },
            )
        }
        "Running" => match condition(live, "Ready") {
            Some(ready) if ready.is_true() => Health::current("ready"),
            Some(ready) => Health::in_progress("NotReady", "running and not ready").since(ready.since),
            None => Health::in_progress("NotReady", "running and not ready"),
        },
        "Pending" => match condition(live, "PodScheduled").filter(|scheduled| scheduled.status == "False") {
            Some(scheduled) => Health::in_progress(scheduled.reason_or("NotScheduled"), scheduled.says()).since(scheduled.since),
            None => Health::in_progress("Pending", "containers are being made"),
        },
        "Unknown" => Health::new(super::HealthState::Unknown, "NodeLost", "its node does not answer"),
        _ => Health::in_progress("Pending", "not seen by a node yet"),
    }
}
