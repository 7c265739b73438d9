//! Autoscalers and disruption budgets.

use serde_json::Value;

use super::check::{items, required, selector, share, text};
use super::words::unlisted;
use crate::status::Cause;
use crate::validation::segment_problem;

/// The types of metrics, and the fields in which they are told.
const METRICS: &[(&str, &str)] = &[
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

pub(super) fn validate(spec: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    let least = spec["minReplicas"].as_i64().unwrap_or(1);
    let most = spec["maxReplicas"].as_i64().unwrap_or(0);
    if least < 1 {
        out.push(Cause::invalid("spec.minReplicas", &least.into(), "must be greater than or equal to 1"));
    }
    if most < 1 {
        out.push(Cause::required("spec.maxReplicas", "must be set and greater than 0"));
    }
    if most < least {
        out.push(Cause::invalid("spec.maxReplicas", &most.into(), "must be greater than or equal to `minReplicas`"));
    }
    target(&spec["scaleTargetRef"], &mut out);
    let metrics = items(&spec["metrics"]);
    if least == 0 && !metrics.iter().any(|metric| matches!(text(&metric["type"]), "Object" | "External")) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        out.push(Cause::forbidden("spec.metrics", detail));
    }
    metrics.iter().enumerate().for_each(|(i, one)| metric(&format!("spec.metrics[{i}]"), one, &mut out));
    for side in ["scaleUp", "scaleDown"] {
        rules(&format!("spec.behavior.{side}"), &spec["behavior"][side], &mut out);
    }
    out
}

fn target(target: &Value, out: &mut Vec<Cause>) {
    for field in ["kind", "name"] {
        let at = format!("spec.scaleTargetRef.{field}");
        if required(&at, &target[field], out) {
            out.extend(segment_problem(text(&target[field])).map(|problem| Cause::invalid(&at, &target[field], problem)));
        }
    }
    let version = text(&target["apiVersion"]);
    let problem = match version.matches('/').count() {
        0 if target["kind"] != "ReplicationController" => "apiVersion must specify API group".to_owned(),
        0 | 1 => return,
        _ => format!("unexpected GroupVersion string: {version}"),
    };
    out.push(Cause::invalid("spec.scaleTargetRef.apiVersion", &version.into(), &problem));
}

fn metric(at: &str, metric: &Value, out: &mut Vec<Cause>) {
    let Some((_, expected)) = METRICS.iter().find(|(kind, _)| metric["type"] == *kind) else {
        if text(&metric["type"]).is_empty() {
            out.push(Cause::required(format!("{at}.type"), "must specify a metric source type"));
        }
        return;
    };
    if metric[*expected].is_null() {
        out.push(Cause::required(format!("{at}.{expected}"), "must populate information for the given metric source"));
    }
    for (_, other) in METRICS.iter().filter(|(_, field)| field != expected && !metric[*field].is_null()) {
        out.push(Cause::forbidden(format!("{at}.{other}"), "must populate the given metric source only"));
    }
    if matches!(*expected, "resource" | "containerResource") && metric[*expected].is_object() {
        resource(&format!("{at}.{expected}"), &metric[*expected], out);
    }
}

fn resource(at: &str, source: &Value, out: &mut Vec<Cause>) {
    if text(&source["name"]).is_empty() {
        out.push(Cause::required(format!("{at}.name"), "must specify a resource name"));
    }
    let target = &source["target"];
    let (share, amount) = (&target["averageUtilization"], &target["averageValue"]);
    if share.as_i64().is_some_and(|n| n < 1) {
        out.push(Cause::invalid(format!("{at}.target.averageUtilization"), share, "must be greater than 0"));
    }
    if share.is_null() && amount.is_null() {
        let detail = "must set either a target raw value or a target utilization";
        out.push(Cause::required(format!("{at}.target.averageUtilization"), detail));
    }
    if !share.is_null() && !amount.is_null() {
        let detail = "may not set both a target raw value and a target utilization";
        out.push(Cause::forbidden(format!("{at}.target.averageValue"), detail));
    }
}

fn rules(at: &str, rules: &Value, out: &mut Vec<Cause>) {
    if !rules.is_object() {
        return;
    }
    at_most(&format!("{at}.stabilizationWindowSeconds"), &rules["stabilizationWindowSeconds"], 3600, out);
    if rules["stabilizationWindowSeconds"].as_i64().is_some_and(|n| n < 0) {
        let detail = "must be greater than or equal to zero";
        out.push(Cause::invalid(format!("{at}.stabilizationWindowSeconds"), &rules["stabilizationWindowSeconds"], detail));
    }
    let policies = items(&rules["policies"]);
    if policies.is_empty() {
        out.push(Cause::required(format!("{at}.policies"), "must specify at least one Policy"));
    }
    for (i, policy) in policies.iter().enumerate() {
        let at = format!("{at}.policies[{i}]");
        for field in ["value", "periodSeconds"] {
            if policy[field].as_i64().unwrap_or(0) <= 0 {
                out.push(Cause::invalid(format!("{at}.{field}"), &policy[field], "must be greater than zero"));
            }
        }
        at_most(&format!("{at}.periodSeconds"), &policy["periodSeconds"], 1800, out);
        if text(&policy["type"]).is_empty() {
            out.push(unlisted(format!("{at}.type"), "", &["Percent", "Pods"]));
        }
    }
}

fn at_most(at: &str, value: &Value, most: i64, out: &mut Vec<Cause>) {
    if value.as_i64().is_some_and(|n| n > most) {
        out.push(Cause::invalid(at, value, &format!("must be less than or equal to {most}")));
    }
}

pub(super) fn validate_budget(spec: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    let (least, most) = (&spec["minAvailable"], &spec["maxUnavailable"]);
    if !least.is_null() && !most.is_null() {
        let shown = format!(
            "{{\"MinAvailable\":{least},\"Selector\":{},\"MaxUnavailable\":{most},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["selector"], spec["unhealthyPodEvictionPolicy"]
        );
        out.push(Cause::invalid_as("spec", &shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    share("spec.minAvailable", least, &mut out);
    share("spec.maxUnavailable", most, &mut out);
    selector("spec.selector", &spec["selector"], &mut out);
    out
}
