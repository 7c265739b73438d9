//! DaemonSets: one pod on the one node.

use std::time::Duration;

use serde_json::json;

use super::replica_set::counted;
use super::{MANAGER, pods, stateful_set};
use crate::resource::TableKey;
use crate::store::Place;
use crate::verb::Call;

const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let set = call.store.at(place)?.clone();
    if pods::is_dying(&set) {
        return None;
    }
    let hash = pods::hash(&set["spec"]["template"]);
    stateful_set::record(call, &set, &format!("{}-{hash}", place.name.name), &json!({"spec": {"template": set["spec"]["template"]}}));
    let node = call.options.node.clone();
    let wanted = call.store.get(&TableKey::new("", "nodes"), "", &node).is_some_and(|node| {
        let labels = &node["metadata"]["labels"];
        set["spec"]["template"]["spec"]["nodeSelector"].as_object().into_iter().flatten().all(|(k, v)| labels[k] == *v)
    });
    let mut again = None;
    let all = pods::controlled(call, &set, &pods::table());
    let mut kept = 0;
    for pod in all.iter().filter(|p| !pods::is_dying(p)) {
        let old = pod["metadata"]["labels"][REVISION] != hash.as_str() && set["spec"]["updateStrategy"]["type"] != "OnDelete";
        if !wanted || old || kept > 0 || pods::is_over(pod) {
            pods::dismiss(call, &set, pod);
        } else {
            kept += 1;
        }
    }
    // the next one starts when the last is gone
    if wanted && kept == 0 && pods::controlled(call, &set, &pods::table()).is_empty() {
        let made = pods::spawn(call, &set, &set["spec"]["template"], |pod| {
            pod["metadata"]["labels"][REVISION] = hash.as_str().into();
            let generation = &set["metadata"]["annotations"]["deprecated.daemonset.template.generation"];
            if !generation.is_null() {
                pod["metadata"]["labels"]["pod-template-generation"] = generation.clone();
            }
            let tolerations = json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}]);
            let mut all = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
            all.extend(tolerations.as_array().cloned().unwrap_or_default());
            pod["spec"]["tolerations"] = all.into();
        });
        if made.is_err() {
            again = Some(Duration::from_secs(5));
        }
    }
    let min_ready = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
    let active: Vec<_> = pods::controlled(call, &set, &pods::table()).into_iter().filter(|p| !pods::is_dying(p)).collect();
    let desired = usize::from(wanted);
    let ready = active.iter().filter(|p| pods::is_ready(p)).count();
    let mut available = 0;
    for pod in &active {
        match pods::available(call, pod, min_ready) {
            Ok(()) => available += 1,
            Err(wait) => again = again.or(wait),
        }
    }
    let updated = active.iter().filter(|p| p["metadata"]["labels"][REVISION] == hash.as_str()).count();
    call.edit_status(place, MANAGER, |old, set| {
        set["status"] = counted(&[
            ("currentNumberScheduled", active.len().min(desired), true),
            ("numberMisscheduled", 0, true),
            ("desiredNumberScheduled", desired, true),
            ("numberReady", ready, true),
            ("updatedNumberScheduled", updated, false),
            ("numberAvailable", available, false),
            ("numberUnavailable", desired.saturating_sub(available), false),
        ]);
        set["status"]["observedGeneration"] = old["metadata"]["generation"].clone();
    });
    again
}
