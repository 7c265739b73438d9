//! The rules of Jobs.

use serde_json::{Value, json};

use super::at::At;
use super::pod::validate_template;
use super::{each, internal};
use crate::status::Cause;
use crate::store::labels_match;

/// The rules of Jobs.
pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &At::new(&new["spec"], "spec");
    let selector = spec.get("selector");
    generated_selector(new, &selector, &mut out);
    validate_spec(spec, &mut out);
    out.extend(selector.selector());
    let labels = spec.get("template").get("metadata").get("labels");
    if !labels_match(selector.value, labels.value) {
        let labels_as_map = if labels.is_set() { labels.value.clone() } else { Value::Null };
        out.push(Cause::invalid(&labels.path, &labels_as_map, "`selector` does not match template `labels`"));
    }
    if let Some(old) = old {
        immutable(spec, old, &mut out);
    }
    out
}

/// A selector that the server made finds the pods that the server labels.
fn generated_selector(job: &Value, selector: &At<'_>, out: &mut Vec<Cause>) {
    if job["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (&job["metadata"]["uid"], &job["metadata"]["name"]);
    let expected = json!({"controller-uid": uid, "batch.kubernetes.io/controller-uid": uid,
        "job-name": name, "batch.kubernetes.io/job-name": name});
    if !labels_match(selector.value, &expected) {
        out.push(Cause::invalid_as(&selector.path, &internal::selector(selector.value), "`selector` not auto-generated"));
    }
}

/// The rules of a Job's spec, in a Job or in the template of a CronJob.
pub(super) fn validate_spec(spec: &At<'_>, out: &mut Vec<Cause>) {
    const LEAST_ZERO: [&str; 7] = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    out.extend(LEAST_ZERO.iter().filter_map(|field| spec.get(field).not_negative()));
    let [mode, per_index, failed] = ["completionMode", "backoffLimitPerIndex", "maxFailedIndexes"].map(|field| spec.get(field));
    if failed.is_set() && !per_index.is_set() {
        out.push(per_index.required("when maxFailedIndexes is specified"));
    }
    out.extend(mode.one_of(&["NonIndexed", "Indexed"]));
    if mode.text() == "Indexed" {
        let completions = spec.get("completions");
        if !completions.is_set() {
            out.push(completions.required("when completion mode is Indexed"));
        }
        if completions.number().zip(failed.number()).is_some_and(|(all, failed)| failed > all) {
            out.push(failed.invalid("must be less than or equal to completions"));
        }
    } else if matches!(mode.text(), "" | "NonIndexed") {
        let indexed = [&per_index, &failed].into_iter().filter(|field| field.is_set());
        out.extend(indexed.map(|field| field.invalid("requires indexed completion mode")));
    }
    let replacement = spec.get("podReplacementPolicy");
    let with_policy = spec.get("podFailurePolicy").is_set();
    out.extend(replacement.one_of(if with_policy { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] }));
    let template = spec.get("template");
    validate_template(template.value, &template.path, &[], out);
    let restart = template.get("spec").get("restartPolicy");
    match restart.text() {
        "Always" | "" => out.push(restart.required("valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if with_policy => out.push(restart.invalid("only \"Never\" is supported when podFailurePolicy is specified")),
        "OnFailure" | "Never" => {}
        _ => out.push(restart.unsupported(&["OnFailure", "Never"])),
    }
}

fn immutable(spec: &At<'_>, old: &Value, out: &mut Vec<Cause>) {
    // a Job that has not started may still be placed elsewhere
    let suspended = old["spec"]["suspend"] == true && old["status"]["startTime"].is_null();
    let fixed = |spec: &Value, field: &str| {
        let mut value = spec[field].clone();
        if field == "template" && suspended {
            for place in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
                value["spec"][place] = Value::Null;
            }
            value["metadata"] = Value::Null;
            for list in ["containers", "initContainers"] {
                each(&mut value["spec"][list], |container| container["resources"] = Value::Null);
            }
        }
        value
    };
    let fields =
        ["completions", "selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"];
    for field in fields {
        if fixed(spec.value, field) == fixed(&old["spec"], field) {
            continue;
        }
        let at = spec.get(field);
        out.push(match field {
            "completions" if spec.value["completionMode"] == "Indexed" => {
                if spec.value["completions"] == spec.value["parallelism"] {
                    continue;
                }
                at.invalid("can only be modified in tandem with spec.parallelism")
            }
            "selector" => Cause::invalid_as(&at.path, &internal::selector(at.value), "field is immutable"),
            "template" if old["spec"]["suspend"] == true => {
                Cause::invalid_as("spec.template.spec", &internal::shown("PodSpec", at.get("spec").value), "field is immutable")
            }
            "template" => Cause::invalid_as(&at.path, &internal::shown("PodTemplateSpec", at.value), "field is immutable"),
            _ => at.invalid("field is immutable"),
        });
    }
}
