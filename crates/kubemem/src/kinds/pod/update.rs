//! The rules of pods: a pod's spec hardly changes.

use serde_json::Value;

use super::spec::validate_spec;
use crate::kinds::at::At;
use crate::kinds::{each, internal};
use crate::status::Cause;

/// The rules of a new pod, or of a change of `old`.
pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = At::new(&new["spec"], "spec");
    validate_spec(&new["spec"], "spec", &[], &mut out);
    match old {
        Some(old) => change(&spec, &old["spec"], &mut out),
        None => creation(&spec, &mut out),
    }
    out
}

fn creation(spec: &At<'_>, out: &mut Vec<Cause>) {
    let ephemeral = spec.get("ephemeralContainers");
    if !ephemeral.items().is_empty() {
        out.push(ephemeral.forbidden("cannot be set on create"));
    }
    let node = spec.get("nodeName");
    if !node.text().is_empty() && !spec.get("schedulingGates").items().is_empty() {
        out.push(node.forbidden("cannot be set until all schedulingGates have been cleared"));
    }
}

fn change(spec: &At<'_>, old: &Value, out: &mut Vec<Cause>) {
    for list in ["containers", "initContainers"].map(|list| spec.get(list)) {
        let name = list.path.trim_start_matches("spec.");
        if list.items().len() != old[name].as_array().map_or(0, Vec::len) {
            return out.push(list.forbidden("pod updates may not add or remove containers"));
        }
    }
    let (deadline, before) = (spec.get("activeDeadlineSeconds"), old["activeDeadlineSeconds"].as_i64());
    match (deadline.number(), before) {
        (Some(seconds), Some(before)) if before < seconds => {
            return out.push(deadline.invalid("must be less than or equal to previous value"));
        }
        (None, Some(_)) => out.push(deadline.invalid("must not update from a positive integer to nil value")),
        _ => {}
    }
    let munged = munged(spec.value, old);
    if munged != *old {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        out.push(spec.forbidden(&format!("{detail}\n{}", internal::diff("PodSpec", old, &munged))));
    }
}

/// The new spec with all that may change as it was.
fn munged(new: &Value, old: &Value) -> Value {
    let mut spec = new.clone();
    for list in ["containers", "initContainers"] {
        let mut images = old[list].as_array().into_iter().flatten().map(|container| container["image"].clone());
        if spec.get(list).is_some() {
            each(&mut spec[list], |container| container["image"] = images.next().unwrap_or_default());
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"] {
        keep(&mut spec, old, field);
    }
    let before = old["terminationGracePeriodSeconds"].as_i64().unwrap_or(0);
    if before < 0 && spec["terminationGracePeriodSeconds"] == 1 {
        keep(&mut spec, old, "terminationGracePeriodSeconds");
    }
    spec
}

fn keep(spec: &mut Value, old: &Value, field: &str) {
    match (spec.as_object_mut(), old.get(field)) {
        (Some(spec), Some(value)) => drop(spec.insert(field.to_owned(), value.clone())),
        (Some(spec), None) => drop(spec.remove(field)),
        (None, _) => {}
    }
}
