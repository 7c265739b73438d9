//! What `helm template` assumes of a cluster.

use crate::go::quote::quote;
use crate::template::{Capabilities, HelmVersion};

/// The version of Helm whose behaviour this crate has, as its source says it (internal/version/version.go): a release names its
/// patch version too.
pub const HELM_VERSION: &str = "v3.22";
/// The version of Helm 4 that a render with its rules names, as its source says it (internal/version/version.go).
pub const HELM4_VERSION: &str = "v4.2";

/// The group versions that Helm knows without a cluster, in its order.
const API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// The capabilities that `helm template` renders with: no cluster, Kubernetes v1.37.0. Helm's `DefaultCapabilities`
/// (chartutil/capabilities.go), with the version of Kubernetes that a release of Helm is built with.
pub fn helm_template_capabilities() -> Capabilities {
    Capabilities {
        kube_version: "v1.37.0".to_owned(),
        kube_major: "1".to_owned(),
        kube_minor: "37".to_owned(),
        api_versions: API_VERSIONS.iter().map(|v| (*v).to_owned()).collect(),
        helm_version: HelmVersion {
            version: HELM_VERSION.to_owned(),
            git_commit: String::new(),
            git_tree_state: String::new(),
            go_version: "go1.26.8".to_owned(),
            kube_client_version: String::new(),
        },
    }
}

/// As [`helm_template_capabilities`], and what Helm 4 says of itself and of Kubernetes (v4.2.4, built with Kubernetes v1.36).
pub fn helm4_template_capabilities() -> Capabilities {
    let mut capabilities = helm_template_capabilities();
    capabilities.kube_version = "v1.36.0".to_owned();
    capabilities.kube_minor = "36".to_owned();
    capabilities.helm_version.version = HELM4_VERSION.to_owned();
    capabilities.helm_version.kube_client_version = "v1.36".to_owned();
    capabilities
}

/// Sets the version of Kubernetes from a text such as `1.31` or `v1.31.2-gke.1`, as `--kube-version` does: Helm's
/// `ParseKubeVersion` (chartutil/capabilities.go), which keeps the numbers only.
///
/// # Errors
/// Where the text is no version; the capabilities stay as they are.
pub fn parse_kube_version(capabilities: &mut Capabilities, text: &str) -> Result<(), String> {
    let fail = |why: String| Err(format!("invalid kube version '{text}': {why}"));
    let bare = text.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    let bare = bare.strip_prefix('v').unwrap_or(bare);
    let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
    let numbers = bare[..end].trim_end_matches('.');
    let parts: Vec<&str> = numbers.split('.').take_while(|p| !p.is_empty()).collect();
    if parts.is_empty() {
        return fail(format!("could not parse {} as version", quote(text)));
    }
    if parts.len() < 2 {
        return fail(format!("illegal version string {}", quote(text)));
    }
    if parts[0].starts_with('0') && parts[0] != "0" {
        return fail(format!("illegal zero-prefixed version component {} in {}", quote(parts[0]), quote(text)));
    }
    let mut values = Vec::new();
    for part in &parts {
        match part.parse::<u64>() {
            Ok(value) => values.push(value.to_string()),
            Err(_) => return fail(format!("illegal non-numeric version component {} in {}", quote(part), quote(text))),
        }
    }
    capabilities.kube_version = format!("v{}", values.join("."));
    capabilities.kube_major.clone_from(&values[0]);
    capabilities.kube_minor.clone_from(&values[1]);
    Ok(())
}
