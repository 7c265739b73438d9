//! Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs.

use serde_json::{Value, json};

use super::pod::default_spec;
use super::{each, set};

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
    let per_index = !spec["backoffLimitPerIndex"].is_null();
    set(spec, "backoffLimit", if per_index { i32::MAX } else { 6 }.into());
    set(spec, "completionMode", "NonIndexed".into());
    set(spec, "suspend", false.into());
    set(spec, "manualSelector", false.into());
    let failure_policy = spec["podFailurePolicy"].is_object();
    if failure_policy {
        each(&mut spec["podFailurePolicy"]["rules"], |rule| {
            each(&mut rule["onPodConditions"], |condition| set(condition, "status", "True".into()));
        });
    }
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
    object["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] = uid.into();
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
