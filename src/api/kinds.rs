//! The kinds that we install: which of them are served, and how they are named.

use super::names::{HELM_GROUP, KUSTOMIZE_GROUP, NOTIFICATION_GROUP, SOURCE_GROUP};
use crate::object::Gvk;

/// One kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// API group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name in URLs.
    pub plural: &'static str,
    /// Whether there is a status subresource to write conditions to.
    pub has_status: bool,
    /// Whether a controller of ours reconciles it. The others say `Ready=False`, reason `NotSupported`.
    pub served: bool,
}

const fn kind(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { group, version, kind, plural, has_status: true, served: false }
}

/// Every kind that we install.
pub const ALL: [Kind; 11] = [
    Kind { served: true, ..kind(SOURCE_GROUP, "v1", "GitRepository", "gitrepositories") },
    kind(SOURCE_GROUP, "v1", "HelmRepository", "helmrepositories"),
    kind(SOURCE_GROUP, "v1", "HelmChart", "helmcharts"),
    kind(SOURCE_GROUP, "v1", "OCIRepository", "ocirepositories"),
    kind(SOURCE_GROUP, "v1", "Bucket", "buckets"),
    kind(SOURCE_GROUP, "v1", "ExternalArtifact", "externalartifacts"),
    Kind { served: true, ..kind(HELM_GROUP, "v2", "HelmRelease", "helmreleases") },
    Kind { served: true, ..kind(KUSTOMIZE_GROUP, "v1", "Kustomization", "kustomizations") },
    kind(NOTIFICATION_GROUP, "v1", "Receiver", "receivers"),
    Kind { has_status: false, ..kind(NOTIFICATION_GROUP, "v1beta3", "Alert", "alerts") },
    Kind { has_status: false, ..kind(NOTIFICATION_GROUP, "v1beta3", "Provider", "providers") },
];

impl Kind {
    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk { group: self.group.into(), version: self.version.into(), kind: self.kind.into() }
    }

    /// The kind of a group and name; `None` where it is not ours.
    #[must_use]
    pub fn find(group: &str, kind: &str) -> Option<&'static Self> {
        static KINDS: [Kind; 11] = ALL;
        KINDS.iter().find(|k| k.group == group && k.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd;

    #[test]
    fn the_table_is_that_of_the_definitions() {
        let definitions = crd::all();
        assert_eq!(definitions.len(), ALL.len());
        for definition in definitions {
            let spec = &definition["spec"];
            let text = |pointer: &str| spec.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default();
            let kind = Kind::find(text("/group"), text("/names/kind")).expect("in the table");
            assert_eq!((kind.plural, kind.version), (text("/names/plural"), text("/versions/0/name")));
            assert_eq!(kind.has_status, spec.pointer("/versions/0/subresources/status").is_some(), "{}", kind.kind);
        }
    }
}
