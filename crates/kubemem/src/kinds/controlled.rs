//! The rules of Deployments, StatefulSets, DaemonSets and ReplicaSets.

use serde_json::Value;

use super::at::At;
use super::internal;
use super::pod::validate_template;
use crate::status::{Cause, CauseType};
use crate::store::labels_match;

/// The rules of a kind that has a selector and a template.
pub(crate) fn validate(kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let spec = &At::new(&new["spec"], "spec");
    let mut out = Vec::new();
    if kind == "StatefulSet" {
        stateful_set(spec, &mut out);
    }
    out.extend(spec.get("replicas").not_negative());
    if matches!(kind, "StatefulSet" | "ReplicaSet") {
        out.extend(spec.get("minReadySeconds").not_negative());
    }
    if let Some(service) = spec.value["serviceName"].as_str().filter(|s| s.len() > 63) {
        out.push(Cause::invalid("spec.serviceName", &service.into(), "must be no more than 63 characters"));
    }
    if let Some(old) = old.filter(|_| kind == "DaemonSet") {
        immutable(kind, new, old, &mut out);
    }
    if selector(kind, spec, &mut out) {
        template(kind, spec, &mut out);
    }
    match kind {
        "Deployment" => deployment(spec, &mut out),
        "DaemonSet" => daemon_set(spec, &mut out),
        _ => {}
    }
    if let Some(old) = old.filter(|_| kind != "DaemonSet") {
        immutable(kind, new, old, &mut out);
    }
    out
}

/// Whether the selector can be used: what is refused is told.
fn selector(kind: &str, spec: &At<'_>, out: &mut Vec<Cause>) -> bool {
    let selector = spec.get("selector");
    if !selector.value.is_object() {
        out.push(selector.required(""));
        return true;
    }
    let problems = selector.selector();
    let usable = problems.is_empty();
    out.extend(problems);
    let shown = internal::selector(selector.value);
    if shown == "{}" {
        let kind = if kind == "ReplicaSet" { "Deployment" } else { kind };
        out.push(selector.invalid(&format!("empty selector is invalid for {}", kind.to_lowercase())));
    }
    if !usable {
        out.push(Cause::invalid_as(&selector.path, &shown, if kind == "StatefulSet" { "" } else { "invalid label selector" }));
    }
    usable
}

fn template(kind: &str, spec: &At<'_>, out: &mut Vec<Cause>) {
    let (selector, template) = (spec.get("selector").value, spec.get("template"));
    let labels = &template.value["metadata"]["labels"];
    let empty = internal::selector(selector) == "{}";
    if !selector.is_object() || !empty && !labels_match(selector, labels) {
        out.push(Cause::invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
    }
    let claims: Vec<&str> =
        spec.get("volumeClaimTemplates").value.as_array().into_iter().flatten().filter_map(|c| c["metadata"]["name"].as_str()).collect();
    validate_template(template.value, &template.path, &claims, out);
    let pod = template.get("spec");
    out.extend(pod.get("restartPolicy").one_of(&["Always"]));
    let deadline = pod.get("activeDeadlineSeconds");
    if deadline.is_set() {
        let kind = if kind == "Deployment" { "ReplicaSet" } else { kind };
        out.push(deadline.forbidden(&format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
}

/// How a deployment replaces its pods.
fn deployment(spec: &At<'_>, out: &mut Vec<Cause>) {
    let strategy = spec.get("strategy");
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "Recreate" if rolling.is_set() => {
            out.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            out.extend(count_or_percent(&unavailable).into_iter().chain(count_or_percent(&surge)));
            if amount(&unavailable) == 0 && amount(&surge) == 0 {
                out.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
            out.extend(not_above_all(&unavailable));
        }
        _ => out.push(unknown_strategy(&strategy, &["Recreate", "RollingUpdate"])),
    }
    out.extend(["minReadySeconds", "revisionHistoryLimit"].iter().filter_map(|field| spec.get(field).not_negative()));
    let deadline = spec.get("progressDeadlineSeconds");
    out.extend(deadline.not_negative());
    if deadline.number().is_some_and(|seconds| seconds <= spec.get("minReadySeconds").number().unwrap_or(0)) {
        out.push(deadline.invalid("must be greater than minReadySeconds"));
    }
}

fn daemon_set(spec: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(spec.get("minReadySeconds").not_negative());
    let strategy = spec.get("updateStrategy");
    match strategy.get("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => {
            let [unavailable, surge] = ["maxUnavailable", "maxSurge"].map(|field| strategy.get("rollingUpdate").get(field));
            out.extend([&unavailable, &surge].into_iter().filter_map(count_or_percent));
            out.extend([&unavailable, &surge].into_iter().filter_map(not_above_all));
            match (amount(&unavailable), amount(&surge)) {
                (0, 0) => out.push(unavailable.required("cannot be 0 when maxSurge is 0")),
                (0, _) | (_, 0) => {}
                _ => out.push(surge.invalid("may not be set when maxUnavailable is non-zero")),
            }
        }
        _ => out.push(unknown_strategy(&strategy, &["RollingUpdate", "OnDelete"])),
    }
    out.extend(spec.get("revisionHistoryLimit").not_negative());
}

fn stateful_set(spec: &At<'_>, out: &mut Vec<Cause>) {
    let policy = spec.get("podManagementPolicy");
    if !["OrderedReady", "Parallel"].contains(&policy.text()) {
        out.push(policy.need().unwrap_or_else(|| policy.invalid("must be 'OrderedReady' or 'Parallel'")));
    }
    let strategy = spec.get("updateStrategy");
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "" => out.push(strategy.required("")),
        "OnDelete" if rolling.is_set() => out.push(rolling.invalid("only allowed for updateStrategy 'RollingUpdate'")),
        "OnDelete" => {}
        "RollingUpdate" => {
            out.extend(rolling.get("partition").not_negative());
            let unavailable = rolling.get("maxUnavailable");
            if unavailable.is_set() {
                out.extend(count_or_percent(&unavailable));
                out.extend((amount(&unavailable) == 0).then(|| unavailable.invalid("cannot be 0")));
                out.extend(not_above_all(&unavailable));
            }
        }
        _ => {
            let shown = internal::shown("Strategy", strategy.value);
            out.push(Cause::invalid_as(&strategy.path, &shown, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
    for field in ["whenDeleted", "whenScaled"] {
        out.extend(spec.get("persistentVolumeClaimRetentionPolicy").get(field).one_of(&["Retain", "Delete"]));
    }
}

fn unknown_strategy(strategy: &At<'_>, words: &[&str]) -> Cause {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let shown = internal::shown("Strategy", strategy.value);
    let message = format!("Unsupported value: {shown}: supported values: {}", words.join(", "));
    Cause::new(CauseType::NotSupported, &strategy.path, message)
}

fn percent(value: &At<'_>) -> Option<i64> {
    let digits = value.text().strip_suffix('%').filter(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))?;
    digits.parse().ok()
}

/// The number of a count or of a percentage; what is neither counts as none.
fn amount(value: &At<'_>) -> i64 {
    value.number().or_else(|| percent(value)).unwrap_or(0)
}

fn count_or_percent(value: &At<'_>) -> Option<Cause> {
    const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    let no_percent = value.value.is_string() && percent(value).is_none();
    if no_percent { Some(value.invalid(PERCENT)) } else { value.not_negative() }
}

fn not_above_all(value: &At<'_>) -> Option<Cause> {
    percent(value).is_some_and(|percent| percent > 100).then(|| value.invalid("must not be greater than 100%"))
}

fn immutable(kind: &str, new: &Value, old: &Value, out: &mut Vec<Cause>) {
    let (new, old) = (&new["spec"], &old["spec"]);
    if kind == "StatefulSet" {
        const MUTABLE: [&str; 9] = [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
            "podManagementPolicy",
            "serviceName",
        ];
        let fixed = |spec: &Value| {
            let mut spec = spec.clone();
            if let Some(map) = spec.as_object_mut() {
                map.retain(|name, _| !MUTABLE[..7].contains(&name.as_str()));
            }
            spec
        };
        if fixed(new) != fixed(old) {
            out.push(Cause::forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            ));
        }
    } else if new["selector"] != old["selector"] {
        out.push(Cause::invalid("spec.selector", &new["selector"], "field is immutable"));
    }
}
