//! ResourceQuotas tell what is used.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::MANAGER;
use crate::admission::{quotas, usage_of};
use crate::resource::TableKey;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part};

/// The quotas that a change in a namespace may concern.
pub(super) fn of_namespace(call: &Call<'_>, namespace: &str) -> Vec<Place> {
    if namespace.is_empty() {
        return Vec::new();
    }
    let table = TableKey::new("", "resourcequotas");
    quotas(call, namespace).iter().map(|quota| Place { table: table.clone(), name: ObjectName::of(quota) }).collect()
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let quota = call.store.at(place)?.clone();
    let used: Map<String, Value> = usage_of(call, &quota).into_iter().map(|(name, amount)| (name, amount.to_string().into())).collect();
    let _ = call.edit(place, MANAGER, Part::Status, |quota| {
        quota["status"] = json!({"hard": quota["spec"]["hard"], "used": used});
    });
    None
}
