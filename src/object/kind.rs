//! What is known of kinds without asking a cluster.

/// Groups that Kubernetes itself serves. A kind of any other group is a custom resource, or behaves as one.
#[must_use]
pub fn is_builtin_group(group: &str) -> bool {
    matches!(
        group,
        "" | "apps"
            | "batch"
            | "autoscaling"
            | "policy"
            | "extensions"
            | "networking.k8s.io"
            | "rbac.authorization.k8s.io"
            | "storage.k8s.io"
            | "scheduling.k8s.io"
            | "node.k8s.io"
            | "coordination.k8s.io"
            | "discovery.k8s.io"
            | "certificates.k8s.io"
            | "admissionregistration.k8s.io"
            | "apiextensions.k8s.io"
            | "apiregistration.k8s.io"
            | "flowcontrol.apiserver.k8s.io"
            | "authentication.k8s.io"
            | "authorization.k8s.io"
            | "events.k8s.io"
            | "resource.k8s.io"
            | "internal.apiserver.k8s.io"
            | "storagemigration.k8s.io"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_kubernetes_are_told_from_others() {
        for (group, want) in [
            ("", true),
            ("apps", true),
            ("networking.k8s.io", true),
            ("gateway.networking.k8s.io", false),
            ("metrics.k8s.io", false),
            ("cert-manager.io", false),
        ] {
            assert_eq!(is_builtin_group(group), want, "{group}");
        }
    }
}
