//! ReplicaSets: as many pods as wanted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{MANAGER, Memory, pods};
use crate::store::Place;
use crate::verb::Call;

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, _memory: &mut Memory) -> Option<Duration> {
    let set = call.store.at(place)?.clone();
    if set["status"]["observedGeneration"].is_null() && !pods::is_dying(&set) {
        pods::adopt(call, &set, &pods::table());
    }
    let all = pods::controlled(call, &set, &pods::table());
    let active: Vec<_> = all.iter().filter(|p| !pods::is_dying(p) && !pods::is_over(p)).cloned().collect();
    let terminating = all.iter().filter(|p| pods::is_dying(p)).count();
    let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let mut failure = None;
    if !pods::is_dying(&set) {
        for _ in active.len()..wanted {
            if let Err(why) = pods::spawn(call, &set, &set["spec"]["template"], |_| {}) {
                failure = Some(why);
                break;
            }
        }
        if active.len() > wanted {
            let mut order = active.clone();
            order.sort_by_key(|pod| {
                (pods::is_ready(pod), std::cmp::Reverse(pod["metadata"]["creationTimestamp"].as_str().map(str::to_owned)))
            });
            for pod in order.iter().take(active.len() - wanted) {
                pods::dismiss(call, &set, pod);
            }
        }
    }
    let now = pods::controlled(call, &set, &pods::table());
    let active: Vec<_> = now.iter().filter(|p| !pods::is_dying(p) && !pods::is_over(p)).collect();
    let min_ready = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
    let mut again: Option<Duration> = None;
    let mut available = 0;
    for pod in &active {
        match pods::available(call, pod, min_ready) {
            Ok(()) => available += 1,
            Err(Some(wait)) => again = Some(again.map_or(wait, |a| a.min(wait))),
            Err(None) => {}
        }
    }
    let ready = active.iter().filter(|p| pods::is_ready(p)).count();
    let template_labels = set["spec"]["template"]["metadata"]["labels"].clone();
    let labelled =
        active.iter().filter(|p| template_labels.as_object().into_iter().flatten().all(|(k, v)| p["metadata"]["labels"][k] == *v)).count();
    let time = call.clock.text();
    call.edit_status(place, MANAGER, |old, set| {
        let conditions = set["status"]["conditions"].take();
        set["status"] = counted(&[
            ("replicas", active.len(), true),
            ("fullyLabeledReplicas", labelled, false),
            ("readyReplicas", ready, false),
            ("availableReplicas", available, false),
            ("terminatingReplicas", terminating, true),
        ]);
        set["status"]["observedGeneration"] = old["metadata"]["generation"].clone();
        if conditions.is_array() {
            set["status"]["conditions"] = conditions;
        }
        match &failure {
            // as on a real server its message, which names a pod that never was, stays that of the first refusal
            Some(_) if set["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == "ReplicaFailure") => {}
            Some(why) => pods::set_condition(set, &time, false, "ReplicaFailure", "True", "FailedCreate", why),
            None => {
                if let Some(list) = set["status"]["conditions"].as_array_mut() {
                    list.retain(|c| c["type"] != "ReplicaFailure");
                }
            }
        }
        if set["status"]["conditions"].as_array().is_some_and(Vec::is_empty)
            && let Some(map) = set["status"].as_object_mut()
        {
            map.remove("conditions");
        }
    });
    if failure.is_some() {
        return Some(Duration::from_secs(5));
    }
    again
}

/// Counts as a status writes them: zeros only where the field is always there.
pub(super) fn counted(fields: &[(&str, usize, bool)]) -> Value {
    let mut out = json!({});
    for (name, count, always) in fields {
        if *always || *count > 0 {
            out[*name] = (*count).into();
        }
    }
    out
}
