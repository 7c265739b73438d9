//! Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs.

use serde_json::{Value, json};

use super::pod::{default_spec, validate_spec, validate_spec_with};
use super::{each, set};
use crate::status::Cause;
use crate::store::labels_match;
use crate::validation;

pub(crate) fn default_deployment(object: &mut Value) {
    let spec = spec(object);
    set(spec, "replicas", 1.into());
    if !spec["strategy"].is_object() {
        spec["strategy"] = json!({});
    }
    let strategy = &mut spec["strategy"];
    set(strategy, "type", "RollingUpdate".into());
    if strategy["type"] == "RollingUpdate" {
        if !strategy["rollingUpdate"].is_object() {
            strategy["rollingUpdate"] = json!({});
        }
        set(&mut strategy["rollingUpdate"], "maxUnavailable", "25%".into());
        set(&mut strategy["rollingUpdate"], "maxSurge", "25%".into());
    }
    set(spec, "revisionHistoryLimit", 10.into());
    set(spec, "progressDeadlineSeconds", 600.into());
    template(spec);
}

pub(crate) fn default_stateful_set(object: &mut Value) {
    let spec = spec(object);
    set(spec, "podManagementPolicy", "OrderedReady".into());
    if !spec["updateStrategy"].is_object() {
        spec["updateStrategy"] = json!({});
    }
    let strategy = &mut spec["updateStrategy"];
    if strategy["type"].is_null() {
        strategy["type"] = "RollingUpdate".into();
        set(strategy, "rollingUpdate", json!({}));
    }
    if strategy["type"] == "RollingUpdate" && strategy["rollingUpdate"].is_object() {
        set(&mut strategy["rollingUpdate"], "partition", 0.into());
    }
    if !spec["persistentVolumeClaimRetentionPolicy"].is_object() {
        spec["persistentVolumeClaimRetentionPolicy"] = json!({});
    }
    let retention = &mut spec["persistentVolumeClaimRetentionPolicy"];
    set(retention, "whenDeleted", "Retain".into());
    set(retention, "whenScaled", "Retain".into());
    set(spec, "replicas", 1.into());
    set(spec, "revisionHistoryLimit", 10.into());
    each(&mut spec["volumeClaimTemplates"], |claim| {
        set(claim, "apiVersion", "v1".into());
        set(claim, "kind", "PersistentVolumeClaim".into());
        set(&mut claim["spec"], "volumeMode", "Filesystem".into());
        set(&mut claim["status"], "phase", "Pending".into());
    });
    template(spec);
}

pub(crate) fn default_daemon_set(object: &mut Value) {
    set(&mut object["metadata"]["annotations"], TEMPLATE_GENERATION, "0".into());
    let spec = spec(object);
    if !spec["updateStrategy"].is_object() {
        spec["updateStrategy"] = json!({});
    }
    let strategy = &mut spec["updateStrategy"];
    set(strategy, "type", "RollingUpdate".into());
    if strategy["type"] == "RollingUpdate" {
        if !strategy["rollingUpdate"].is_object() {
            strategy["rollingUpdate"] = json!({});
        }
        set(&mut strategy["rollingUpdate"], "maxUnavailable", 1.into());
        set(&mut strategy["rollingUpdate"], "maxSurge", 0.into());
    }
    set(spec, "revisionHistoryLimit", 10.into());
    template(spec);
}

pub(crate) fn default_replica_set(object: &mut Value) {
    let spec = spec(object);
    set(spec, "replicas", 1.into());
    template(spec);
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Counts the templates of a DaemonSet, which an old annotation shows.
pub(crate) fn count_template(new: &mut Value, old: Option<&Value>) {
    let number =
        |set: &Value| set["metadata"]["annotations"][TEMPLATE_GENERATION].as_str().and_then(|n| n.parse::<i64>().ok()).unwrap_or(0);
    let count = match old {
        None => number(new).max(1),
        Some(old) if old["spec"]["template"] != new["spec"]["template"] => number(old) + 1,
        Some(old) => number(old),
    };
    new["metadata"]["annotations"][TEMPLATE_GENERATION] = count.to_string().into();
}

pub(crate) fn default_job(object: &mut Value) {
    let labels = object["spec"]["template"]["metadata"]["labels"].clone();
    if labels.as_object().is_some_and(|l| !l.is_empty()) && object["metadata"]["labels"].as_object().is_none_or(|l| l.is_empty()) {
        object["metadata"]["labels"] = labels;
    }
    default_job_spec(spec(object));
}

fn default_job_spec(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = 1.into();
    }
    set(spec, "parallelism", 1.into());
    set(spec, "backoffLimit", 6.into());
    set(spec, "completionMode", "NonIndexed".into());
    set(spec, "suspend", false.into());
    set(spec, "manualSelector", false.into());
    let failure_policy = spec["podFailurePolicy"].is_object();
    set(spec, "podReplacementPolicy", if failure_policy { "Failed" } else { "TerminatingOrFailed" }.into());
    template(spec);
}

pub(crate) fn default_cron_job(object: &mut Value) {
    let spec = spec(object);
    set(spec, "concurrencyPolicy", "Allow".into());
    set(spec, "suspend", false.into());
    set(spec, "successfulJobsHistoryLimit", 3.into());
    set(spec, "failedJobsHistoryLimit", 1.into());
    if spec["jobTemplate"]["spec"].is_object() {
        let job = &mut spec["jobTemplate"]["spec"];
        // only what a template has: its Jobs get the rest when they are made
        let pod = &mut job["template"]["spec"];
        if pod.is_object() {
            default_spec(pod);
        }
    }
}

/// The selector and the labels that tie a Job's pods to it.
pub(crate) fn prepare_job(object: &mut Value, uid: &str) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let name = object["metadata"]["name"].clone();
    let labels = &mut object["spec"]["template"]["metadata"]["labels"];
    if !labels.is_object() {
        *labels = json!({});
    }
    labels["controller-uid"] = uid.into();
    labels["batch.kubernetes.io/controller-uid"] = uid.into();
    labels["job-name"] = name.clone();
    labels["batch.kubernetes.io/job-name"] = name;
    if object["metadata"]["labels"].as_object().is_none_or(|l| l.is_empty()) {
        object["metadata"]["labels"] = object["spec"]["template"]["metadata"]["labels"].clone();
    }
    let selector = &mut object["spec"]["selector"]["matchLabels"];
    *selector = json!({"batch.kubernetes.io/controller-uid": uid});
}

fn spec(object: &mut Value) -> &mut Value {
    let spec = &mut object["spec"];
    if !spec.is_object() {
        *spec = json!({});
    }
    spec
}

fn template(spec: &mut Value) {
    if !spec["template"].is_object() {
        spec["template"] = json!({});
    }
    default_spec(&mut spec["template"]["spec"]);
}

/// The rules of Deployment, StatefulSet, DaemonSet and ReplicaSet.
/// How a deployment replaces its pods.
fn strategy(spec: &Value, out: &mut Vec<Cause>) {
    let (strategy, rolling) = (&spec["strategy"], &spec["strategy"]["rollingUpdate"]);
    let zero = |value: &Value| value.as_i64() == Some(0) || value == "0%";
    if strategy["type"] == "Recreate" && rolling.is_object() {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        out.push(Cause::forbidden("spec.strategy.rollingUpdate", detail));
    } else if strategy["type"] == "RollingUpdate" && zero(&rolling["maxSurge"]) && zero(&rolling["maxUnavailable"]) {
        let field = "spec.strategy.rollingUpdate.maxUnavailable";
        out.push(Cause::invalid(field, &rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0"));
    }
    let (ready, deadline) = (spec["minReadySeconds"].as_i64().unwrap_or(0), spec["progressDeadlineSeconds"].as_i64());
    if deadline.is_some_and(|deadline| deadline <= ready) {
        let detail = "must be greater than minReadySeconds";
        out.push(Cause::invalid("spec.progressDeadlineSeconds", &spec["progressDeadlineSeconds"], detail));
    }
}

pub(crate) fn validate(kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let spec = &new["spec"];
    let mut out = Vec::new();
    if let Some(replicas) = spec["replicas"].as_i64()
        && replicas < 0
    {
        out.push(Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0"));
    }
    if let Some(old) = old.filter(|_| kind == "DaemonSet") {
        immutable(kind, new, old, &mut out);
    }
    if kind == "Deployment" {
        strategy(spec, &mut out);
    }
    let selector = &spec["selector"];
    let empty = selector["matchLabels"].as_object().is_none_or(|m| m.is_empty())
        && selector["matchExpressions"].as_array().is_none_or(|m| m.is_empty());
    if !selector.is_object() {
        out.push(Cause::required("spec.selector", ""));
    } else if empty {
        out.push(Cause::invalid("spec.selector", &json!({}), &format!("empty selector is invalid for {}", kind.to_lowercase())));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    out.extend(validation::labels(labels, "spec.template.labels"));
    if !selector.is_object() || !empty && !labels_match(selector, labels) {
        out.push(Cause::invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
    }
    if let Some(service) = spec["serviceName"].as_str().filter(|s| s.len() > 63) {
        out.push(Cause::invalid("spec.serviceName", &service.into(), "must be no more than 63 characters"));
    }
    let claims: Vec<&str> =
        spec["volumeClaimTemplates"].as_array().into_iter().flatten().filter_map(|c| c["metadata"]["name"].as_str()).collect();
    validate_spec_with(&spec["template"]["spec"], "spec.template.spec", &claims, &mut out);
    let policy = spec["template"]["spec"]["restartPolicy"].as_str().unwrap_or_default();
    if policy != "Always" && matches!(policy, "OnFailure" | "Never") {
        out.push(super::pod::unsupported("spec.template.spec.restartPolicy".into(), policy, &["Always"]));
    }
    if let Some(old) = old.filter(|_| kind != "DaemonSet") {
        immutable(kind, new, old, &mut out);
    }
    out
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

/// The rules of Jobs.
pub(crate) fn validate_job(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    if let Some(old) = old {
        for field in [
            "completions",
            "selector",
            "template",
            "completionMode",
            "podFailurePolicy",
            "backoffLimitPerIndex",
            "managedBy",
            "successPolicy",
        ] {
            // a Job that has not started may still be placed elsewhere
            let suspended = old["spec"]["suspend"] == true && old["status"]["startTime"].is_null();
            let fixed = |job: &Value| {
                let mut value = job["spec"][field].clone();
                if field == "template" && suspended {
                    for place in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
                        value["spec"][place] = Value::Null;
                    }
                    value["metadata"] = Value::Null;
                }
                value
            };
            if fixed(new) != fixed(old) {
                let (at, value) = match field {
                    "template" => ("spec.template.spec".to_owned(), &spec["template"]["spec"]),
                    _ => (format!("spec.{field}"), &spec[field]),
                };
                out.push(Cause::invalid(at, value, "field is immutable"));
            }
        }
    }
    validate_spec(&spec["template"]["spec"], "spec.template.spec", &mut out);
    let policy = spec["template"]["spec"]["restartPolicy"].as_str().unwrap_or_default();
    if policy == "Always" {
        let detail = format!("Required value: valid values: {}", "\"OnFailure\", \"Never\"");
        out.push(Cause::new(crate::status::CauseType::Required, "spec.template.spec.restartPolicy", detail));
    }
    out
}

/// The rules of CronJobs.
pub(crate) fn validate_cron_job(new: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    let schedule = new["spec"]["schedule"].as_str().unwrap_or_default();
    if schedule.is_empty() {
        out.push(Cause::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') && schedule.split_whitespace().count() != 5 {
        let found = schedule.split_whitespace().count();
        out.push(Cause::invalid("spec.schedule", &schedule.into(), &format!("expected exactly 5 fields, found {found}: [{schedule}]")));
    }
    validate_spec(&new["spec"]["jobTemplate"]["spec"]["template"]["spec"], "spec.jobTemplate.spec.template.spec", &mut out);
    out
}
