//! Cluster roles whose rules are those of others, chosen by label.

use std::time::Duration;

use serde_json::Value;

use super::MANAGER;
use crate::resource::TableKey;
use crate::store::{ObjectName, Place, labels_match};
use crate::verb::{Call, Part};

fn table() -> TableKey {
    TableKey::new("rbac.authorization.k8s.io", "clusterroles")
}

fn selects(role: &Value, other: &Value) -> bool {
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
    selectors.into_iter().flatten().any(|selector| labels_match(selector, &other["metadata"]["labels"]))
}

fn place_of(role: &Value) -> Place {
    Place { table: table(), name: ObjectName::of(role) }
}

/// The roles whose rules may follow from a changed one, itself among them.
pub(super) fn selecting(call: &Call<'_>, role: &Value, previous: Option<&Value>) -> Vec<Place> {
    let aggregated = call.store.list(&table(), "");
    let concerned = |other: &&std::sync::Arc<Value>| {
        other["aggregationRule"].is_object()
            && (other["metadata"]["name"] == role["metadata"]["name"]
                || selects(other, role)
                || previous.is_some_and(|old| selects(other, old)))
    };
    aggregated.iter().filter(concerned).map(|other| place_of(other)).collect()
}

/// Brings every aggregated role up to date.
pub(super) fn all(call: &mut Call<'_>) {
    // those that are aggregated may be aggregated themselves: as often as one can hold another
    for _ in 0..3 {
        for role in call.store.list(&table(), "") {
            reconcile(call, &place_of(&role));
        }
    }
}

/// Gives a role the rules of those that it selects, in the order of their names.
pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let role = call.store.at(place)?.clone();
    if !role["aggregationRule"].is_object() {
        return None;
    }
    let mut rules: Vec<Value> = Vec::new();
    for other in call.store.list(&table(), "") {
        if other["metadata"]["name"] == role["metadata"]["name"] || !selects(&role, &other) {
            continue;
        }
        for rule in other["rules"].as_array().into_iter().flatten() {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    let _ = call.edit(place, MANAGER, Part::Whole, |role| role["rules"] = rules.into());
    None
}
