//! Jobs: pods until enough of them succeeded or too many failed.

use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Severity, emit};
use super::{MANAGER, Memory, garbage, pods};
use crate::resource::TableKey;
use crate::store::Place;
use crate::verb::Call;

const COMPONENT: &str = "job-controller";
/// Keeps a pod until it is counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let job = call.store.at(place)?.clone();
    if pods::is_dying(&job) {
        return None;
    }
    let uid = job["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let finished = ["Complete", "Failed"].iter().any(|c| pods::condition(&job, c).is_some_and(|c| c["status"] == "True"));
    if finished {
        for pod in pods::controlled(call, &job, &pods::table()) {
            untrack(call, &pod);
        }
        let ttl = Duration::from_secs(job["spec"]["ttlSecondsAfterFinished"].as_u64()?);
        if let Some(left) = memory.left(&uid, "finished", ttl) {
            return Some(left);
        }
        pods::delete(call, &TableKey::new("batch", "jobs"), &job, None);
        return None;
    }
    let all = pods::controlled(call, &job, &pods::table());
    for pod in all.iter().filter(|pod| pods::is_over(pod)) {
        untrack(call, pod);
    }
    let succeeded = all.iter().filter(|p| pods::phase(p) == "Succeeded").count();
    let failed = all.iter().filter(|p| pods::phase(p) == "Failed").count();
    let active: Vec<_> = all.iter().filter(|p| !pods::is_over(p) && !pods::is_dying(p)).cloned().collect();
    let number = |field: &str| job["spec"][field].as_u64().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let completions = number("completions");
    let parallelism = number("parallelism").unwrap_or(1);
    let backoff = number("backoffLimit").unwrap_or(6);
    let now = call.clock.text();
    let suspended = job["spec"]["suspend"] == true;
    let was_suspended = pods::condition(&job, "Suspended").is_some_and(|c| c["status"] == "True");
    if suspended {
        for pod in &active {
            pods::dismiss(call, &job, pod);
        }
        if !was_suspended {
            emit(call, &job, Severity::Normal, "Suspended", "Job suspended", COMPONENT);
        }
        call.edit_status(place, MANAGER, |_, job| {
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
    if was_suspended {
        emit(call, &job, Severity::Normal, "Resumed", "Job resumed", COMPONENT);
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
    let indexed = job["spec"]["completionMode"] == "Indexed";
    // what is stopped for a failure has failed, too
    let failed = if matches!(verdict, Some(("Failed", ..))) { failed + active.len() } else { failed };
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
                    let taken: Vec<usize> = all.iter().filter(|p| pods::phase(p) != "Failed").filter_map(|p| index(p)).collect();
                    let mut free = (0..completions.unwrap_or(0)).filter(|i| !taken.contains(i));
                    for _ in running.len()..wanted {
                        let index = if indexed { free.next() } else { None };
                        if pods::spawn(call, &job, &job["spec"]["template"], |pod| prepare(pod, &place.name.name, index)).is_err() {
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
    let completed = indexed.then(|| {
        let mut done: Vec<usize> = all.iter().filter(|p| pods::phase(p) == "Succeeded").filter_map(|p| index(p)).collect();
        done.sort_unstable();
        done.dedup();
        ranges(&done)
    });
    call.edit_status(place, MANAGER, |_, job| {
        if was_suspended {
            pods::set_condition(job, &now, false, "Suspended", "False", "JobResumed", "Job resumed");
        }
        let status = &mut job["status"];
        if let Some(completed) = completed.filter(|text| !text.is_empty()) {
            status["completedIndexes"] = completed.into();
        }
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
        Some(("Complete", ..)) => emit(call, &job, Severity::Normal, "Completed", "Job completed", COMPONENT),
        Some((_, _, reason, message)) => emit(call, &job, Severity::Warning, reason, message, COMPONENT),
        None => {}
    }
    if verdict.is_some() { Some(Duration::from_millis(1)) } else { again }
}

fn prepare(pod: &mut Value, job: &str, index: Option<usize>) {
    let mut finalizers = pod["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    finalizers.push(TRACKING.into());
    pod["metadata"]["finalizers"] = finalizers.into();
    if let Some(index) = index {
        pod["metadata"]["generateName"] = format!("{job}-{index}-").into();
        pod["metadata"]["annotations"][INDEX] = index.to_string().into();
        pod["metadata"]["labels"][INDEX] = index.to_string().into();
        pod["spec"]["hostname"] = format!("{job}-{index}").into();
    }
}

fn index(pod: &Value) -> Option<usize> {
    pod["metadata"]["annotations"][INDEX].as_str()?.parse().ok()
}

/// `[0, 1, 2, 4]` as `0-2,4`; two in a row are no range.
fn ranges(sorted: &[usize]) -> String {
    let mut out: Vec<String> = Vec::new();
    for run in sorted.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [first, .., last] if run.len() > 2 => out.push(format!("{first}-{last}")),
            few => out.extend(few.iter().map(usize::to_string)),
        }
    }
    out.join(",")
}

/// Lets a pod go that is counted, or that nobody counts any more.
pub(super) fn untrack(call: &mut Call<'_>, pod: &Value) {
    if pod["metadata"]["finalizers"].as_array().is_some_and(|list| list.iter().any(|f| f == TRACKING)) {
        garbage::drop_finalizer(call, &pods::place_of(&pods::table(), pod), TRACKING);
    }
}
