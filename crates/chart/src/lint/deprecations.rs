//! Kinds that Kubernetes gives up (`rules.validateNoDeprecations`; the table is what the types of its Go client say).

/// API version, kinds (with a plus where the kind's list is meant, too), the minor versions of Kubernetes 1 in which they are
/// given up and gone (0 where that is open), and the version to use instead (with a kind where that is another one).
const TABLE: &[(&str, &str, u32, u32, &str)] = &[
    ("admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicyBinding+ MutatingAdmissionPolicy+", 35, 38, ""),
    ("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicyBinding+ ValidatingAdmissionPolicy+", 29, 32, ""),
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingAdmissionPolicyBinding+ MutatingAdmissionPolicy+",
        37,
        40,
        "admissionregistration.k8s.io/v1",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingWebhookConfiguration+ ValidatingWebhookConfiguration+",
        16,
        22,
        "admissionregistration.k8s.io/v1",
    ),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicyBinding+ ValidatingAdmissionPolicy+", 31, 34, ""),
    ("apps/v1beta1", "ControllerRevision+ DeploymentRollback Deployment+ StatefulSet+", 8, 16, "apps/v1"),
    ("apps/v1beta1", "Scale", 8, 16, "autoscaling/v1"),
    ("apps/v1beta2", "ControllerRevision+ DaemonSet+ Deployment+ ReplicaSet+ StatefulSet+", 9, 16, "apps/v1"),
    ("apps/v1beta2", "Scale", 9, 16, "autoscaling/v1"),
    ("authentication.k8s.io/v1alpha1", "SelfSubjectReview", 29, 32, ""),
    ("authentication.k8s.io/v1beta1", "SelfSubjectReview", 30, 33, ""),
    ("authentication.k8s.io/v1beta1", "TokenReview", 19, 22, "authentication.k8s.io/v1"),
    (
        "authorization.k8s.io/v1beta1",
        "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
        19,
        22,
        "authorization.k8s.io/v1",
    ),
    ("batch/v1beta1", "CronJob+", 21, 25, "batch/v1"),
    ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle+", 34, 37, ""),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest+", 19, 22, "certificates.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", "ClusterTrustBundle+ PodCertificateRequest+", 37, 40, "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1alpha2", "LeaseCandidate+", 35, 38, ""),
    ("coordination.k8s.io/v1beta1", "LeaseCandidate+", 36, 39, ""),
    ("coordination.k8s.io/v1beta1", "Lease+", 19, 22, "coordination.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", "EndpointSliceList", 21, 25, "discovery.k8s.io/v1 EndpointSlice"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", 21, 25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event+", 22, 25, ""),
    ("extensions/v1beta1", "DaemonSet+ Deployment+ ReplicaSet+", 8, 16, "apps/v1"),
    ("extensions/v1beta1", "DeploymentRollback", 8, 16, ""),
    ("extensions/v1beta1", "Ingress+", 14, 22, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "NetworkPolicy+", 9, 16, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "Scale", 2, 16, ""),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema+ PriorityLevelConfiguration+", 23, 26, "flowcontrol.apiserver.k8s.io/v1beta3"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema+ PriorityLevelConfiguration+", 26, 29, "flowcontrol.apiserver.k8s.io/v1beta3"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema+ PriorityLevelConfiguration+", 29, 32, "flowcontrol.apiserver.k8s.io/v1"),
    ("lifecycle.k8s.io/v1alpha1", "EvictionRequest+ Eviction+", 40, 43, ""),
    ("networking.k8s.io/v1beta1", "IPAddress+ ServiceCIDR+", 34, 37, ""),
    ("networking.k8s.io/v1beta1", "IngressClassList Ingress+", 19, 22, "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IngressClass", 19, 22, "networking.k8s.io/v1 IngressClassList"),
    ("node.k8s.io/v1beta1", "RuntimeClass+", 22, 25, ""),
    ("policy/v1beta1", "Eviction", 22, 25, ""),
    ("policy/v1beta1", "PodDisruptionBudget+", 21, 25, "policy/v1"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding+ ClusterRole+ RoleBinding+ Role+", 17, 22, "rbac.authorization.k8s.io/v1"),
    ("resource.k8s.io/v1alpha3", "DeviceTaintRule+", 36, 39, ""),
    ("resource.k8s.io/v1alpha3", "ResourcePoolStatusRequest+", 39, 42, ""),
    ("resource.k8s.io/v1beta1", "DeviceClass+ ResourceClaimTemplate+ ResourceClaim+ ResourceSlice+", 35, 38, ""),
    ("resource.k8s.io/v1beta2", "DeviceClass+ ResourceClaimTemplate+ ResourceClaim+ ResourceSlice+", 36, 39, ""),
    ("resource.k8s.io/v1beta2", "DeviceTaintRule+", 39, 42, ""),
    ("scheduling.k8s.io/v1beta1", "PodGroup+ Workload+", 40, 43, ""),
    ("scheduling.k8s.io/v1beta1", "PriorityClass+", 14, 22, "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1alpha1", "CSIStorageCapacity+", 21, 24, "storage.k8s.io/v1beta1"),
    ("storage.k8s.io/v1alpha1", "VolumeAttachment+", 21, 24, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1alpha1", "VolumeAttributesClass+", 32, 35, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIDriver+ StorageClass+ VolumeAttachment+", 19, 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSINodeList", 17, 22, "storage.k8s.io/v1 CSINode"),
    ("storage.k8s.io/v1beta1", "CSINode", 17, 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity+", 24, 27, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass+", 34, 37, "storage.k8s.io/v1"),
    ("storagemigration.k8s.io/v1beta1", "StorageVersionMigration+", 37, 40, "storagemigration.k8s.io/v1"),
    ("v1", "ComponentStatus+", 19, 0, ""),
    ("v1", "EndpointsList", 33, 0, "discovery.k8s.io/v1 EndpointSliceList"),
    ("v1", "Endpoints", 33, 0, "discovery.k8s.io/v1 EndpointSlice"),
];

/// Whether Kubernetes of this version warns of the kind.
pub(super) fn check(api_version: &str, kind: &str, version: (u32, u32)) -> Result<(), String> {
    let is = |listed: &str| match listed.strip_suffix('+') {
        Some(one) => kind.strip_suffix("List").unwrap_or(kind) == one,
        None => kind == listed,
    };
    let row = TABLE.iter().find(|(version, kinds, ..)| *version == api_version && kinds.split(' ').any(is));
    let Some((_, _, deprecated, removed, instead)) = row.filter(|row| version >= (1, row.2)) else { return Ok(()) };
    let removed = if *removed > 0 { format!(", unavailable in v1.{removed}+") } else { String::new() };
    let instead = match *instead {
        "" => String::new(),
        whole if whole.contains(' ') => format!("; use {whole}"),
        other => format!("; use {other} {kind}"),
    };
    Err(format!("{api_version} {kind} is deprecated in v1.{deprecated}+{removed}{instead}"))
}
