//! Jobs. Unlike a running server, a Job is what it should be only when it has ended.

use super::Health;
use super::condition::{condition, count, text};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    for kind in ["Failed", "FailureTarget"] {
        if let Some(condition) = condition(live, kind).filter(super::condition::Condition::is_true) {
            let reason = condition.reason_or("JobFailed");
            return Health::failed(reason, condition.says()).since(condition.since);
        }
    }
    if condition(live, "Complete").is_some_and(|condition| condition.is_true()) {
        return Health::current("completed");
    }
    if live.pointer("/spec/suspend").and_then(Json::as_bool) == Some(true) {
        return Health { reason: "Suspended".into(), ..Health::current("suspended") };
    }
    if text(live, "/status/startTime").is_empty() {
        return Health::in_progress("JobNotStarted", "not started yet");
    }
    let want = live.pointer("/spec/completions").and_then(Json::as_i64).unwrap_or(1);
    let [done, failed] = ["succeeded", "failed"].map(|field| count(live, &format!("/status/{field}")));
    let failures = if failed > 0 { format!(", {failed} attempts failed") } else { String::new() };
    Health::in_progress("JobInProgress", format!("{done}/{want} completed{failures}"))
}
