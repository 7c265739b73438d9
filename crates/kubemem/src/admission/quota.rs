//! ResourceQuotas: what the objects of a namespace use, and what they may.

use std::sync::Arc;

use serde_json::Value;

use super::limits::{Amounts, amounts, of_pod, silent};
use super::{Attempt, Write};
use crate::kinds::qos;
use crate::resource::{Resource, TableKey};
use crate::schema::Quantity;
use crate::verb::Call;

/// The quotas of a namespace.
pub(crate) fn quotas(call: &Call<'_>, namespace: &str) -> Vec<Arc<Value>> {
    call.store.list(&TableKey::new("", "resourcequotas"), namespace)
}

/// Whether an object stays within the quotas of its namespace; else the reason.
pub(super) fn check(call: &Call<'_>, attempt: &Attempt<'_>, object: &Value) -> Result<(), String> {
    let resource = &attempt.target.resource;
    let is_pod = resource.is("", "Pod");
    // what a pod asks for does not change
    if is_pod && attempt.write != Write::Create {
        return Ok(());
    }
    for quota in quotas(call, &attempt.target.namespace) {
        if is_pod && !in_scope(&quota, object) {
            continue;
        }
        let name = quota["metadata"]["name"].as_str().unwrap_or_default();
        let hard = amounts(&quota["spec"]["hard"]);
        if is_pod {
            let missing: Vec<String> = hard.keys().filter_map(|key| unspecified(object, key)).collect();
            if !missing.is_empty() {
                return Err(format!("failed quota: {name}: must specify {}", missing.join("; ")));
            }
        }
        let before = attempt.old.map(|old| usage(resource, old)).unwrap_or_default();
        let asked: Amounts = usage(resource, object)
            .into_iter()
            .map(|(key, amount)| (key.clone(), before.get(&key).map_or(amount, |old| amount.minus(old))))
            .filter(|(key, amount)| hard.contains_key(key) && amount.is_positive())
            .collect();
        if asked.is_empty() {
            continue;
        }
        let used = usage_of(call, &quota);
        let over: Vec<&String> = asked
            .iter()
            .filter(|(key, amount)| used.get(*key).is_some_and(|used| used.plus(amount).cmp_value(&hard[*key]).is_gt()))
            .map(|(key, _)| key)
            .collect();
        if !over.is_empty() {
            let show = |amounts: &Amounts| over.iter().map(|key| format!("{key}={}", amounts[*key])).collect::<Vec<_>>().join(",");
            return Err(format!("exceeded quota: {name}, requested: {}, used: {}, limited: {}", show(&asked), show(&used), show(&hard)));
        }
    }
    Ok(())
}

/// What a quota counts, of what there is.
pub(crate) fn usage_of(call: &Call<'_>, quota: &Value) -> Amounts {
    let namespace = quota["metadata"]["namespace"].as_str().unwrap_or_default();
    let hard = amounts(&quota["spec"]["hard"]);
    let mut out: Amounts = hard.keys().map(|key| (key.clone(), Quantity::ZERO)).collect();
    for table in tables(hard.keys()) {
        let Some(resource) = call.store.registry.any_version(&table) else { continue };
        for object in call.store.list(&table, namespace) {
            if resource.is("", "Pod") && !in_scope(quota, &object) {
                continue;
            }
            for (key, amount) in usage(&resource, &object) {
                if let Some(sum) = out.get_mut(&key) {
                    *sum = sum.plus(&amount);
                }
            }
        }
    }
    out
}

/// The kinds that quantities of a quota are about.
fn tables<'a>(keys: impl Iterator<Item = &'a String>) -> std::collections::BTreeSet<TableKey> {
    keys.map(|key| match key.strip_prefix("count/") {
        Some(counted) => {
            let (plural, group) = counted.split_once('.').unwrap_or((counted, ""));
            TableKey::new(group, plural)
        }
        None if key.starts_with("services.") => TableKey::new("", "services"),
        None if key == "requests.storage" || key.contains(CLASS) => TableKey::new("", "persistentvolumeclaims"),
        None if COUNTED.contains(&key.as_str()) => TableKey::new("", key),
        None => TableKey::new("", "pods"),
    })
    .collect()
}

const CLASS: &str = ".storageclass.storage.k8s.io/";

/// Kinds that are counted under their own name.
const COUNTED: [&str; 7] =
    ["pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims"];

/// What one object uses, under all the names that a quota may call it.
fn usage(resource: &Resource, object: &Value) -> Amounts {
    let mut out = Amounts::new();
    out.insert(format!("count/{}", resource.qualified()), Quantity::whole(1));
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if resource.group.is_empty() && COUNTED.contains(&resource.plural.as_str()) && resource.plural != "pods" {
        out.insert(resource.plural.clone(), Quantity::whole(1));
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") if !matches!(text("/status/phase"), "Succeeded" | "Failed") => {
            out.insert("pods".into(), Quantity::whole(1));
            for (name, amount) in of_pod(object, "requests") {
                out.insert(format!("requests.{name}"), amount);
                out.insert(name, amount);
            }
            for (name, amount) in of_pod(object, "limits") {
                out.insert(format!("limits.{name}"), amount);
            }
        }
        ("", "Service") => {
            let ports = object["spec"]["ports"].as_array().map_or(0, Vec::len);
            let balanced = text("/spec/type") == "LoadBalancer";
            out.insert("services.loadbalancers".into(), Quantity::whole(usize::from(balanced)));
            if balanced || text("/spec/type") == "NodePort" {
                out.insert("services.nodeports".into(), Quantity::whole(ports));
            }
        }
        ("", "PersistentVolumeClaim") => {
            let storage = Quantity::parse(text("/spec/resources/requests/storage")).unwrap_or(Quantity::ZERO);
            out.insert("requests.storage".into(), storage);
            let class = text("/spec/storageClassName");
            if !class.is_empty() {
                out.insert(format!("{class}{CLASS}requests.storage"), storage);
                out.insert(format!("{class}{CLASS}persistentvolumeclaims"), Quantity::whole(1));
            }
        }
        _ => {}
    }
    out
}

/// The containers that keep silent about an amount that a quota counts.
fn unspecified(pod: &Value, key: &str) -> Option<String> {
    let (side, resource) = match key.split_once('.') {
        Some(("requests", resource)) => ("requests", resource),
        Some(("limits", resource)) => ("limits", resource),
        _ => ("requests", key),
    };
    if !matches!(resource, "cpu" | "memory") {
        return None;
    }
    let containers = silent(pod, side, resource);
    (!containers.is_empty()).then(|| format!("{key} for: {}", containers.into_iter().collect::<Vec<_>>().join(",")))
}

/// Whether a quota is about a pod.
fn in_scope(quota: &Value, pod: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let holds = |scope: &str| match scope {
        "BestEffort" => qos(&pod["spec"]) == "BestEffort",
        "NotBestEffort" => qos(&pod["spec"]) != "BestEffort",
        "Terminating" => pod["spec"]["activeDeadlineSeconds"].is_number(),
        "NotTerminating" => !pod["spec"]["activeDeadlineSeconds"].is_number(),
        _ => true,
    };
    let scopes = list(&quota["spec"]["scopes"]);
    let selected = list(&quota["spec"]["scopeSelector"]["matchExpressions"]);
    scopes.iter().filter_map(Value::as_str).all(holds)
        && selected.iter().all(|expression| {
            let class = &pod["spec"]["priorityClassName"];
            let among = list(&expression["values"]).contains(class);
            match (expression["scopeName"].as_str(), expression["operator"].as_str()) {
                (Some("PriorityClass"), Some("In")) => among,
                (Some("PriorityClass"), Some("NotIn")) => !among,
                (Some("PriorityClass"), Some("Exists")) => class.is_string(),
                (Some("PriorityClass"), Some("DoesNotExist")) => !class.is_string(),
                (Some(scope), _) => holds(scope),
                (None, _) => true,
            }
        })
}
