//! PodDisruptionBudgets: how many of their pods may go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Severity, emit};
use super::{MANAGER, pods};
use crate::resource::TableKey;
use crate::store::{Place, controller_of, labels_match};
use crate::verb::Call;

/// The budgets that a pod counts for.
pub(super) fn selecting(call: &Call<'_>, namespace: &str, pod: &Value) -> Vec<Place> {
    let table = TableKey::new("policy", "poddisruptionbudgets");
    let budgets = call.store.list(&table, namespace);
    budgets.iter().filter(|b| labels_match(&b["spec"]["selector"], &pod["metadata"]["labels"])).map(|b| pods::place_of(&table, b)).collect()
}

const COMPONENT: &str = "controllermanager";

/// How many pods the controllers of these pods want.
fn scale_of(call: &mut Call<'_>, budget: &Value, selected: &[Arc<Value>]) -> i64 {
    let mut controllers = BTreeMap::new();
    let mut unmanaged = false;
    for pod in selected {
        let owner = |object: &Value| controller_of(object).and_then(|uid| call.store.by_uid(uid)).and_then(|at| call.store.at(at)).cloned();
        let Some(first) = owner(pod) else {
            unmanaged = true;
            continue;
        };
        let top = owner(&first).filter(|top| top["spec"]["replicas"].is_number()).unwrap_or(first);
        controllers.insert(top["metadata"]["uid"].to_string(), top["spec"]["replicas"].as_i64().unwrap_or(0));
    }
    if unmanaged {
        let labels = budget["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
        let labels: String = labels.map(|(k, v)| format!("{k}: {},", v.as_str().unwrap_or_default())).collect();
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."
        );
        emit(call, budget, Severity::Warning, "UnmanagedPods", &message, COMPONENT);
    }
    controllers.values().sum()
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let budget = call.store.at(place)?.clone();
    let selected: Vec<_> = call
        .store
        .list(&pods::table(), &place.name.namespace)
        .into_iter()
        .filter(|pod| labels_match(&budget["spec"]["selector"], &pod["metadata"]["labels"]) && !pods::is_over(pod))
        .collect();
    if selected.is_empty() {
        emit(call, &budget, Severity::Normal, "NoPods", "No matching pods found", COMPONENT);
    }
    let spec = &budget["spec"];
    let of_controllers = !spec["maxUnavailable"].is_null() || spec["minAvailable"].is_string();
    let expected = if of_controllers { scale_of(call, &budget, &selected) } else { i64::try_from(selected.len()).unwrap_or(i64::MAX) };
    let healthy = i64::try_from(selected.iter().filter(|p| pods::is_ready(p) && !pods::is_dying(p)).count()).unwrap_or(0);
    let desired = if budget["spec"]["maxUnavailable"].is_null() {
        let least = &budget["spec"]["minAvailable"];
        if least.is_null() { 1 } else { pods::share(least, expected, true) }
    } else {
        (expected - pods::share(&budget["spec"]["maxUnavailable"], expected, true)).max(0)
    };
    let allowed = if expected == 0 { 0 } else { (healthy - desired).max(0) };
    let now = call.clock.text();
    call.edit_status(place, MANAGER, |old, budget| {
        let conditions = budget["status"]["conditions"].take();
        let generation = old["metadata"]["generation"].clone();
        budget["status"] = json!({"currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed, "expectedPods": expected,
            "observedGeneration": generation, "conditions": conditions});
        let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        pods::set_condition(budget, &now, false, "DisruptionAllowed", status, reason, "");
        for condition in budget["status"]["conditions"].as_array_mut().into_iter().flatten() {
            condition["observedGeneration"] = generation.clone();
        }
    });
    None
}
