//! Quotas and limit ranges.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::check::{items, text};
use super::{each, set};
use crate::schema::Quantity;
use crate::status::{Cause, CauseType};
use crate::validation::key_problems;

/// What is counted one by one.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const IN_CONTAINERS: &[&str] = &["cpu", "memory", "ephemeral-storage"];
const SUMMED: &[&str] = &[
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "requests.storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
];
const COMPUTED: &[&str] = &["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

pub(super) fn default_limits(object: &mut Value) {
    each(&mut object["spec"]["limits"], |limit| {
        if limit["type"] != "Container" {
            return;
        }
        let max = limit["max"].clone();
        for (name, value) in max.as_object().into_iter().flatten() {
            set(&mut limit["default"], name, value.clone());
        }
        for source in ["default", "min"] {
            let values = limit[source].clone();
            for (name, value) in values.as_object().into_iter().flatten() {
                set(&mut limit["defaultRequest"], name, value.clone());
            }
        }
    });
}

/// The name of a resource: a standard one, or one with a domain.
fn resource(at: &str, name: &str, own: &[&[&str]], what: &str, out: &mut Vec<Cause>) {
    out.extend(key_problems(name).iter().map(|problem| Cause::invalid(at, &name.into(), problem)));
    let standard = [COUNTED, IN_CONTAINERS, SUMMED].iter().any(|names| names.contains(&name));
    if name.contains('/') || name.starts_with("hugepages-") {
        return;
    }
    if !standard {
        out.push(Cause::invalid(at, &name.into(), "must be a standard resource type or fully qualified"));
    }
    if !own.iter().any(|names| names.contains(&name)) {
        out.push(Cause::invalid(at, &name.into(), what));
    }
}

pub(super) fn validate_quota(new: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    let empty = Map::new();
    let hard = spec["hard"].as_object().unwrap_or(&empty);
    for (name, value) in hard {
        let at = format!("spec.hard[{name}]");
        resource(&at, name, &[COUNTED, IN_CONTAINERS, &SUMMED[..7]], "must be a standard resource for quota", &mut out);
        let Some(amount) = value.as_str().and_then(Quantity::parse) else { continue };
        if !amount.is_zero() && !amount.is_positive() {
            out.push(Cause::invalid(&at, value, "must be greater than or equal to 0"));
        }
        if COUNTED.contains(&name.as_str()) && amount.as_f64().fract() != 0.0 {
            out.push(Cause::invalid(&at, value, "must be an integer"));
        }
    }
    let scopes: Vec<&str> = items(&spec["scopes"]).iter().map(text).collect();
    let mut refuse = |why| out.push(Cause::invalid("spec.scopes", &spec["scopes"], why));
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            refuse("unsupported scope");
        }
        let counts = |name: &str| match *scope {
            "BestEffort" => name == "pods",
            "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
            _ => name == "pods" || COMPUTED.contains(&name),
        };
        let standard = |name: &str| [COUNTED, IN_CONTAINERS, SUMMED].iter().any(|names| names.contains(&name));
        if SCOPES.contains(scope) && hard.keys().any(|name| standard(name) && !counts(name)) {
            refuse("unsupported scope applied to resource");
        }
    }
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            refuse("conflicting scopes");
        }
    }
    out
}

pub(super) fn validate_limits(new: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    let limits = items(&new["spec"]["limits"]);
    for (i, limit) in limits.iter().enumerate() {
        let at = format!("spec.limits[{i}]");
        let kind = text(&limit["type"]);
        out.extend(key_problems(kind).iter().map(|problem| Cause::invalid(format!("{at}.type"), &limit["type"], problem)));
        if !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
            out.push(Cause::invalid(format!("{at}.type"), &limit["type"], "must be a standard limit type or fully qualified"));
        }
        if limits[..i].iter().any(|other| other["type"] == limit["type"]) {
            out.push(Cause::new(CauseType::Duplicate, format!("{at}.type"), format!("Duplicate value: {}", limit["type"])));
        }
        let given = |field: &str| limit[field].as_object().is_some_and(|map| !map.is_empty());
        for field in ["default", "defaultRequest"].into_iter().filter(|field| kind == "Pod" && given(field)) {
            out.push(Cause::forbidden(format!("{at}.{field}"), "may not be specified when `type` is 'Pod'"));
        }
        if kind == "PersistentVolumeClaim" && limit["min"]["storage"].is_null() && limit["max"]["storage"].is_null() {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            out.push(Cause::required(format!("{at}.limits"), detail));
        }
        for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
            for name in limit[field].as_object().into_iter().flat_map(Map::keys).filter(|_| kind == "Container") {
                resource(&format!("{at}.{field}[{name}]"), name, &[IN_CONTAINERS], "must be a standard resource for containers", &mut out);
            }
        }
        amounts(&at, limit, &mut out);
    }
    out
}

/// Pairs of amounts of which the first may not be above the second: what they are called, and which of them is shown where.
const ORDER: &[(&str, &str, &str, &str, &str)] = &[
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
];

fn amounts(at: &str, limit: &Value, out: &mut Vec<Cause>) {
    let amount = |field: &str, name: &str| limit[field][name].as_str().and_then(Quantity::parse);
    for (low, high, place, shown, words) in ORDER {
        for name in limit[*low].as_object().into_iter().flat_map(Map::keys) {
            let (Some(a), Some(b)) = (amount(low, name), amount(high, name)) else { continue };
            if a.cmp_value(&b) == Ordering::Greater {
                let detail = words.replacen("{}", text(&limit[*low][name]), 1).replacen("{}", text(&limit[*high][name]), 1);
                out.push(Cause::invalid(format!("{at}.{place}[{name}]"), &limit[*shown][name], &detail));
            }
        }
    }
    for (name, ratio) in limit["maxLimitRequestRatio"].as_object().into_iter().flatten() {
        if amount("maxLimitRequestRatio", name).is_some_and(|r| r.cmp_value(&Quantity::whole(1)).is_lt()) {
            let detail = format!("ratio {} is less than 1", text(ratio));
            out.push(Cause::invalid(format!("{at}.maxLimitRequestRatio[{name}]"), ratio, &detail));
        }
    }
}
