//! PodDisruptionBudgets: how many of their pods may go.

use std::time::Duration;

use serde_json::{Value, json};

use super::{MANAGER, pods};
use crate::resource::TableKey;
use crate::store::{Place, labels_match};
use crate::verb::Call;

/// The budgets that a pod counts for.
pub(super) fn selecting(call: &Call<'_>, namespace: &str, pod: &Value) -> Vec<Place> {
    let table = TableKey::new("policy", "poddisruptionbudgets");
    let budgets = call.store.list(&table, namespace);
    budgets.iter().filter(|b| labels_match(&b["spec"]["selector"], &pod["metadata"]["labels"])).map(|b| pods::place_of(&table, b)).collect()
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let budget = call.store.at(place)?.clone();
    let selected: Vec<_> = call
        .store
        .list(&pods::table(), &place.name.namespace)
        .into_iter()
        .filter(|pod| labels_match(&budget["spec"]["selector"], &pod["metadata"]["labels"]) && !pods::is_over(pod))
        .collect();
    let expected = i64::try_from(selected.len()).unwrap_or(i64::MAX);
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
