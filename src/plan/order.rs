//! In which order objects are applied and deleted.

use super::StageKind;
use crate::object::{ObjectId, is_builtin_group};

/// Place of a kind in Helm's install order; unknown kinds share the place after the last.
#[must_use]
pub fn helm_install_rank(kind: &str) -> usize {
    helmward_chart::render::install_order(kind).0
}

/// Cluster-scoped kinds that later objects refer to by name: classes, storage and admission policy.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("storage.k8s.io", &["StorageClass", "CSIDriver", "VolumeAttributesClass"]),
    ("snapshot.storage.k8s.io", &["VolumeSnapshotClass"]),
    ("networking.k8s.io", &["IngressClass", "IPAddress", "ServiceCIDR"]),
    ("gateway.networking.k8s.io", &["GatewayClass"]),
    ("resource.k8s.io", &["DeviceClass"]),
    ("policy", &["PodSecurityPolicy"]),
    (
        "admissionregistration.k8s.io",
        &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"],
    ),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("", &["PersistentVolume"]),
];

/// The stage in which an object is applied.
#[must_use]
pub fn stage_of(id: &ObjectId) -> StageKind {
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition") => StageKind::Foundations,
        ("apiregistration.k8s.io", "APIService") => StageKind::Webhooks,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => StageKind::Webhooks,
        (group, kind) if CLUSTER_SCOPED.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind)) => StageKind::ClusterScoped,
        (group, _) if is_builtin_group(group) => StageKind::Workloads,
        _ => StageKind::CustomResources,
    }
}

/// What objects are sorted by for applying: stage, Helm's install order, kind, namespace, name. Total, so that one
/// set of objects has one order, whatever the order it came in.
#[must_use]
pub fn apply_key(id: &ObjectId) -> impl Ord + '_ {
    (stage_of(id), batch_rank(id), id.kind.as_str(), id.group.as_str(), id.namespace.as_str(), id.name.as_str())
}

/// Objects of a stage with equal ranks need not wait for one another.
#[must_use]
pub fn batch_rank(id: &ObjectId) -> usize {
    match stage_of(id) {
        // Helm's list is by kind alone; a custom resource that happens to be called Service or Job is none of it.
        StageKind::CustomResources => 0,
        // A namespace may be asked for by nothing in a CRD, but a conversion webhook's CRD names one.
        StageKind::Foundations => usize::from(id.kind != "Namespace"),
        _ => helm_install_rank(&id.kind),
    }
}

/// What objects are sorted by for deleting: applying, reversed.
#[must_use]
pub fn delete_key(id: &ObjectId) -> impl Ord + '_ {
    std::cmp::Reverse(apply_key(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ObjectId {
        let (group, rest) = text.split_once('/').expect("group/Kind/name");
        let (kind, name) = rest.split_once('/').expect("Kind/name");
        ObjectId::new(group, kind, "", name)
    }

    const APPLIED: &[&str] = &[
        "/Namespace/a",
        "/Namespace/b",
        "apiextensions.k8s.io/CustomResourceDefinition/x",
        "scheduling.k8s.io/PriorityClass/p",
        "storage.k8s.io/StorageClass/s",
        "/PersistentVolume/v",
        "rbac.authorization.k8s.io/ClusterRole/r",
        "rbac.authorization.k8s.io/ClusterRoleBinding/r",
        "networking.k8s.io/IngressClass/nginx",
        "admissionregistration.k8s.io/ValidatingAdmissionPolicy/p",
        "networking.k8s.io/NetworkPolicy/n",
        "/ResourceQuota/q",
        "/ServiceAccount/a",
        "/Secret/a",
        "/ConfigMap/a",
        "/PersistentVolumeClaim/c",
        "rbac.authorization.k8s.io/RoleBinding/a",
        "/Service/a",
        "apps/DaemonSet/a",
        "apps/Deployment/a",
        "autoscaling/HorizontalPodAutoscaler/a",
        "apps/StatefulSet/a",
        "batch/Job/a",
        "batch/CronJob/a",
        "networking.k8s.io/Ingress/a",
        "coordination.k8s.io/Lease/a",
        "cert-manager.io/Certificate/a",
        "serving.knative.dev/Service/a",
        "apiregistration.k8s.io/APIService/a",
        "admissionregistration.k8s.io/MutatingWebhookConfiguration/a",
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration/a",
    ];

    #[test]
    fn objects_are_applied_in_order_and_deleted_in_reverse() {
        let want: Vec<_> = APPLIED.iter().map(|text| id(text)).collect();
        let mut got = want.clone();
        got.rotate_left(13);
        got.reverse();
        got.sort_by(|a, b| apply_key(a).cmp(&apply_key(b)));
        assert_eq!(got, want);
        got.sort_by(|a, b| delete_key(a).cmp(&delete_key(b)));
        assert_eq!(got, want.into_iter().rev().collect::<Vec<_>>());
    }
}
