//! Rules that are the same everywhere, as tables: fields that have one of a few words, and numbers that are not too small.

use serde_json::Value;

use super::pod::unsupported;
use crate::status::Cause;

/// Kinds, path (`*` is every item of a list), words.
type Words = (&'static [&'static str], &'static str, &'static [&'static str]);
/// Kinds, path, the smallest number.
type Least = (&'static [&'static str], &'static str, i64);

const WORDS: &[Words] = &[
    (&["CronJob"], "spec.concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    (&["Job"], "spec.completionMode", &["NonIndexed", "Indexed"]),
    (&["StatefulSet"], "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", &["Retain", "Delete"]),
    (&["StatefulSet"], "spec.persistentVolumeClaimRetentionPolicy.whenScaled", &["Retain", "Delete"]),
    (&["PersistentVolumeClaim"], "spec.volumeMode", &["Block", "Filesystem"]),
    (&["PersistentVolume"], "spec.persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"]),
    (&["StorageClass"], "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    (&["PodDisruptionBudget"], "spec.unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"]),
    (&["HorizontalPodAutoscaler"], "spec.metrics.*.type", &["ContainerResource", "External", "Object", "Pods", "Resource"]),
    (&["Service"], "spec.sessionAffinity", &["ClientIP", "None"]),
    (&["Service"], "spec.internalTrafficPolicy", &["Cluster", "Local"]),
    (&["Service"], "spec.trafficDistribution", &["PreferClose", "PreferSameZone", "PreferSameNode"]),
    (&["Service"], "spec.ports.*.protocol", &["SCTP", "TCP", "UDP"]),
    (&["Ingress"], "spec.rules.*.http.paths.*.pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    (&["NetworkPolicy"], "spec.policyTypes.*", &["Ingress", "Egress"]),
    (&["NetworkPolicy"], "spec.ingress.*.ports.*.protocol", &["TCP", "UDP", "SCTP"]),
    (&["NetworkPolicy"], "spec.egress.*.ports.*.protocol", &["TCP", "UDP", "SCTP"]),
    (&["RoleBinding", "ClusterRoleBinding"], "subjects.*.kind", &["ServiceAccount", "User", "Group"]),
    (&["ClusterRoleBinding"], "roleRef.kind", &["ClusterRole"]),
    (&["EndpointSlice"], "addressType", &["FQDN", "IPv4", "IPv6"]),
];

/// The same of a pod's spec.
const POD_WORDS: &[(&str, &[&str])] = &[
    ("dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]),
    ("tolerations.*.operator", &["Equal", "Exists"]),
    ("tolerations.*.effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ("securityContext.seccompProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("containers.*.terminationMessagePolicy", &["File", "FallbackToLogsOnError"]),
    ("containers.*.ports.*.protocol", &["SCTP", "TCP", "UDP"]),
    ("containers.*.readinessProbe.httpGet.scheme", &["HTTP", "HTTPS"]),
    ("containers.*.livenessProbe.httpGet.scheme", &["HTTP", "HTTPS"]),
];

const LEAST: &[Least] = &[
    (&["Deployment"], "spec.minReadySeconds", 0),
    (&["Deployment"], "spec.revisionHistoryLimit", 0),
    (&["StatefulSet"], "spec.updateStrategy.rollingUpdate.partition", 0),
    (&["CronJob"], "spec.startingDeadlineSeconds", 0),
    (&["CronJob"], "spec.successfulJobsHistoryLimit", 0),
    (&["CronJob"], "spec.failedJobsHistoryLimit", 0),
    (&["Job"], "spec.parallelism", 0),
    (&["Job"], "spec.completions", 0),
    (&["Job"], "spec.backoffLimit", 0),
    (&["Job"], "spec.activeDeadlineSeconds", 0),
    (&["Job"], "spec.ttlSecondsAfterFinished", 0),
    (&["PodDisruptionBudget"], "spec.minAvailable", 0),
    (&["PodDisruptionBudget"], "spec.maxUnavailable", 0),
    (&["Lease"], "spec.leaseDurationSeconds", 1),
    (&["Lease"], "spec.leaseTransitions", 0),
];

/// Where the kind has the spec of a pod.
fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("spec"),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => Some("spec.template.spec"),
        "CronJob" => Some("spec.jobTemplate.spec.template.spec"),
        _ => None,
    }
}

/// What the tables refuse in an object.
pub(super) fn validate(kind: &str, new: &Value, out: &mut Vec<Cause>) {
    let own = WORDS.iter().filter(|(kinds, ..)| kinds.contains(&kind)).map(|(_, path, words)| ((*path).to_owned(), *words));
    let base = pod_spec(kind);
    let pods = base.into_iter().flat_map(|base| POD_WORDS.iter().map(move |(path, words)| (format!("{base}.{path}"), *words)));
    for (path, words) in own.chain(pods) {
        each(new, &path, "", &mut |at, value| {
            if let Some(word) = value.as_str().filter(|word| !word.is_empty() && !words.contains(word)) {
                out.push(unsupported(at.to_owned(), word, words));
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

/// Every value at a path, with its name.
fn each(value: &Value, path: &str, at: &str, found: &mut dyn FnMut(&str, &Value)) {
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
