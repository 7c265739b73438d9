//! Rules that are the same everywhere, as tables: fields that have one of a few words, and numbers that are not too small.

use serde_json::Value;

use crate::status::{Cause, CauseType};

/// Kinds, path (`*` is every item of a list), words in the order in which they are told.
type Words = (&'static [&'static str], &'static str, &'static [&'static str]);
/// Kinds, path, the smallest number.
type Least = (&'static [&'static str], &'static str, i64);

const WORDS: &[Words] = &[
    (&["PersistentVolumeClaim"], "spec.volumeMode", &["Block", "Filesystem"]),
    (&["PersistentVolume", "PersistentVolumeClaim"], "spec.accessModes.*", MODES),
    (&["PersistentVolume"], "spec.persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"]),
    (&["StorageClass"], "reclaimPolicy", &["Delete", "Retain"]),
    (&["PriorityClass"], "preemptionPolicy", &["PreemptLowerPriority", "Never"]),
    (&["StorageClass"], "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    (&["PodDisruptionBudget"], "spec.unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"]),
    (&["HorizontalPodAutoscaler"], "spec.metrics.*.type", &["ContainerResource", "External", "Object", "Pods", "Resource"]),
    (&["Service"], "spec.sessionAffinity", &["ClientIP", "None"]),
    (&["Service"], "spec.internalTrafficPolicy", &["Cluster", "Local"]),
    (&["Service"], "spec.trafficDistribution", &["PreferClose", "PreferSameZone", "PreferSameNode"]),
    (&["EndpointSlice"], "ports.*.protocol", &["SCTP", "TCP", "UDP"]),
    (&["Service"], "spec.ports.*.protocol", &["SCTP", "TCP", "UDP"]),
    (&["Ingress"], "spec.rules.*.http.paths.*.pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    (&["NetworkPolicy"], "spec.policyTypes.*", &["Ingress", "Egress"]),
    (&["NetworkPolicy"], "spec.ingress.*.ports.*.protocol", &["TCP", "UDP", "SCTP"]),
    (&["NetworkPolicy"], "spec.egress.*.ports.*.protocol", &["TCP", "UDP", "SCTP"]),
    (&["RoleBinding", "ClusterRoleBinding"], "subjects.*.kind", &["ServiceAccount", "User", "Group"]),
    (&["RoleBinding", "ClusterRoleBinding"], "roleRef.apiGroup", &["rbac.authorization.k8s.io"]),
    (&["HorizontalPodAutoscaler"], "spec.behavior.scaleUp.policies.*.type", &["Percent", "Pods"]),
    (&["HorizontalPodAutoscaler"], "spec.behavior.scaleDown.policies.*.type", &["Percent", "Pods"]),
    (&["HorizontalPodAutoscaler"], "spec.behavior.scaleUp.selectPolicy", &["Disabled", "Max", "Min"]),
    (&["HorizontalPodAutoscaler"], "spec.behavior.scaleDown.selectPolicy", &["Disabled", "Max", "Min"]),
    (&["EndpointSlice"], "addressType", &["FQDN", "IPv4", "IPv6"]),
];

const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

const LEAST: &[Least] = &[
    (&["PodDisruptionBudget"], "spec.minAvailable", 0),
    (&["PodDisruptionBudget"], "spec.maxUnavailable", 0),
    (&["Lease"], "spec.leaseDurationSeconds", 1),
    (&["Lease"], "spec.leaseTransitions", 0),
];

/// What the tables refuse in an object.
pub(super) fn validate(kind: &str, new: &Value, out: &mut Vec<Cause>) {
    for (_, path, words) in WORDS.iter().filter(|(kinds, ..)| kinds.contains(&kind)) {
        each(new, path, "", &mut |at, value| {
            if let Some(word) = value.as_str().filter(|word| !word.is_empty() && !words.contains(word)) {
                // access modes are a set: no single one is pointed at
                let at = if *words == MODES { at.trim_end_matches(|c: char| c != '[').trim_end_matches('[') } else { at };
                out.push(unlisted(at, word, words));
            }
        });
    }
    for (_, path, least) in LEAST.iter().filter(|(kinds, ..)| kinds.contains(&kind)) {
        each(new, path, "", &mut |at, value| {
            if value.as_i64().is_some_and(|n| n < *least) {
                let detail = if *least > 0 { "must be greater than 0" } else { "must be greater than or equal to 0" };
                out.push(Cause::invalid(at, value, detail));
            }
        });
    }
}

/// A word that is none of those, which are told in their order.
pub(super) fn unlisted(at: impl Into<String>, word: &str, words: &[&str]) -> Cause {
    let listed: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    Cause::new(CauseType::NotSupported, at, format!("Unsupported value: \"{word}\": supported values: {}", listed.join(", ")))
}

/// Every value at a path, with its name.
pub(super) fn each(value: &Value, path: &str, at: &str, found: &mut dyn FnMut(&str, &Value)) {
    if path.is_empty() {
        return found(at, value);
    }
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    if part == "*" {
        for (i, item) in value.as_array().into_iter().flatten().enumerate() {
            each(item, rest, &format!("{at}[{i}]"), found);
        }
    } else if let Some(inner) = value.get(part) {
        let dot = if at.is_empty() { "" } else { "." };
        each(inner, rest, &format!("{at}{dot}{part}"), found);
    }
}
