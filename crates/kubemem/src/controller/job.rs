//! Jobs: pods until enough of them succeeded or too many failed.

use std::time::Duration;

use serde_json::json;

use super::event::{Severity, emit};
use super::{MANAGER, Memory, pods};
use crate::resource::TableKey;
use crate::store::Place;
use crate::verb::{Call, Part};

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let job = call.store.at(place)?.clone();
    if pods::is_dying(&job) {
        return None;
    }
    let uid = job["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let finished = ["Complete", "Failed"].iter().any(|c| pods::condition(&job, c).is_some_and(|c| c["status"] == "True"));
    if finished {
        let ttl = Duration::from_secs(job["spec"]["ttlSecondsAfterFinished"].as_u64()?);
        if let Some(left) = memory.left(&uid, "finished", ttl) {
            return Some(left);
        }
        pods::delete(call, &TableKey::new("batch", "jobs"), &job, None);
        return None;
    }
    let all = pods::controlled(call, &job, &pods::table());
    let succeeded = all.iter().filter(|p| pods::phase(p) == "Succeeded").count();
    let failed = all.iter().filter(|p| pods::phase(p) == "Failed").count();
    let active: Vec<_> = all.iter().filter(|p| !pods::is_over(p) && !pods::is_dying(p)).cloned().collect();
    let number = |field: &str| job["spec"][field].as_u64().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let completions = number("completions");
    let parallelism = number("parallelism").unwrap_or(1);
    let backoff = number("backoffLimit").unwrap_or(6);
    let now = call.clock.text();
    let suspended = job["spec"]["suspend"] == true;
    if suspended {
        for pod in &active {
            pods::dismiss(call, &job, pod);
        }
        let _ = call.edit(place, MANAGER, Part::Status, |job| {
            pods::set_condition(job, &now, false, "Suspended", "True", "JobSuspended", "Job suspended");
            for condition in job["status"]["conditions"].as_array_mut().into_iter().flatten() {
                if condition["lastProbeTime"].is_null() {
                    condition["lastProbeTime"] = now.as_str().into();
                }
            }
            job["status"]["ready"] = 0.into();
            job["status"]["terminating"] = 0.into();
            job["status"]["uncountedTerminatedPods"] = json!({});
        });
        return None;
    }
    let done = match completions {
        Some(n) => succeeded >= n,
        None => succeeded > 0 && active.is_empty(),
    };
    let late = job["spec"]["activeDeadlineSeconds"].as_u64().map(|seconds| {
        let running = memory.in_stage(&format!("{uid} deadline"), "active");
        Duration::from_secs(seconds).saturating_sub(running)
    });
    let verdict = if done {
        Some(("Complete", "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"))
    } else if failed > backoff {
        Some(("Failed", "FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    } else if late == Some(Duration::ZERO) {
        Some(("Failed", "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"))
    } else {
        None
    };
    let mut again = late;
    let mut running = active.clone();
    if verdict.is_some() {
        for pod in &active {
            pods::dismiss(call, &job, pod);
        }
        running.clear();
    } else {
        let wanted = completions.map_or(parallelism, |n| parallelism.min(n - succeeded.min(n)));
        if running.len() < wanted {
            // each failure doubles the pause before the next try
            let pause =
                if failed == 0 { Duration::ZERO } else { Duration::from_secs(10u64.saturating_mul(1 << (failed - 1).min(6)).min(600)) };
            match memory.left(&uid, &format!("{failed} failed"), pause) {
                Some(left) => again = Some(again.map_or(left, |a| a.min(left))),
                None => {
                    for _ in running.len()..wanted {
                        if pods::spawn(call, &job, &job["spec"]["template"], |_| {}).is_err() {
                            again = Some(Duration::from_secs(5));
                            break;
                        }
                    }
                }
            }
        }
        running = pods::controlled(call, &job, &pods::table()).into_iter().filter(|p| !pods::is_over(p) && !pods::is_dying(p)).collect();
    }
    let ready = running.iter().filter(|p| pods::is_ready(p)).count();
    let _ = call.edit(place, MANAGER, Part::Status, |job| {
        let status = &mut job["status"];
        for (field, count) in [("active", running.len()), ("succeeded", succeeded), ("failed", failed)] {
            if count > 0 {
                status[field] = count.into();
            } else if let Some(map) = status.as_object_mut() {
                map.remove(field);
            }
        }
        status["ready"] = ready.into();
        status["terminating"] = 0.into();
        status["uncountedTerminatedPods"] = json!({});
        if status["startTime"].is_null() {
            status["startTime"] = now.as_str().into();
        }
        if let Some((kind, target, reason, message)) = verdict {
            if kind == "Complete" {
                status["completionTime"] = now.as_str().into();
            }
            pods::set_condition(job, &now, false, target, "True", reason, message);
            pods::set_condition(job, &now, false, kind, "True", reason, message);
            for condition in job["status"]["conditions"].as_array_mut().into_iter().flatten() {
                condition["lastProbeTime"] = now.as_str().into();
            }
        }
    });
    match verdict {
        Some(("Complete", ..)) => emit(call, &job, Severity::Normal, "Completed", "Job completed", "job-controller"),
        Some((_, _, reason, message)) => emit(call, &job, Severity::Warning, reason, message, "job-controller"),
        None => {}
    }
    if verdict.is_some() { Some(Duration::from_millis(1)) } else { again }
}
