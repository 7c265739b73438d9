//! Kustomization: a directory of manifests to apply.

use super::condition::Condition;
use super::duration::Duration;
use super::meta::{Object, Resource};
use super::names::KUSTOMIZE_V1;
use super::reference::{
    CommonMetadata, Dependency, HealthCheckExpr, Inventory, KubeConfig, LocalRef, NamespacedKindRef, Patch, PatchImage, Selector,
    SubstituteRef,
};
use super::strings::{is_false, words};
use super::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A directory of manifests to apply.
pub type Kustomization = Object<KustomizationSpec>;

/// What is wanted of a directory of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KustomizationSpec {
    /// Labels and annotations for every object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Kustomizations that must be ready first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// How to decrypt files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// How often to reconcile.
    pub interval: Duration,
    /// How soon to try again after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<Duration>,
    /// Another cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfig>,
    /// The directory in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Variables in the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    /// Whether objects that left the source are deleted.
    pub prune: bool,
    /// What becomes of the objects when the Kustomization goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Objects that must be healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<NamespacedKindRef>,
    /// Before every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// After every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<String>,
    /// Patches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Image overrides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PatchImage>,
    /// The account to act as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The source.
    pub source_ref: NamespacedKindRef,
    /// Whether to stop reconciling.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// The namespace of every namespaced object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// How long apply and health may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether objects with changed immutable fields are recreated.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// Whether to wait for every object.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wait: bool,
    /// Annotations about the origin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_metadata: Vec<BuildMetadata>,
    /// Kustomize components.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Whether absent components are left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_missing_components: bool,
    /// Health of custom kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<HealthCheckExpr>,
    /// Fields that are left to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
}

impl Resource for KustomizationSpec {
    const API_VERSION: &'static str = KUSTOMIZE_V1;
    const KIND: &'static str = "Kustomization";
    type Status = KustomizationStatus;
}

impl KustomizationSpec {
    /// How long apply and health may take: at least 30 s; where absent, the interval less 30 s.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        let least = Duration::from_secs(30);
        self.timeout.unwrap_or(self.interval.saturating_sub(least)).max(least)
    }

    /// How soon to try again after a failure.
    #[must_use]
    pub fn retry_interval(&self) -> Duration {
        self.retry_interval.unwrap_or(self.interval)
    }

    /// The directory below the source's root, without leading `./` or slashes; empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        let mut path = self.path.as_deref().unwrap_or_default();
        while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix('/')) {
            path = rest;
        }
        let path = path.trim_end_matches('/');
        if path == "." { "" } else { path }
    }

    /// What becomes of the objects when the Kustomization goes.
    #[must_use]
    pub fn deletion_policy(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or(DeletionPolicy::MirrorPrune)
    }

    /// Whether the objects are deleted with the Kustomization.
    #[must_use]
    pub fn deletes_on_removal(&self) -> bool {
        match self.deletion_policy() {
            DeletionPolicy::MirrorPrune => self.prune,
            DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
            DeletionPolicy::Orphan => false,
        }
    }
}

words! {
    /// What becomes of the objects when the Kustomization goes.
    pub enum DeletionPolicy {
        /// As `spec.prune` says.
        MirrorPrune = "MirrorPrune",
        /// They are deleted.
        Delete = "Delete",
        /// They are deleted, and their end is waited for.
        WaitForTermination = "WaitForTermination",
        /// They stay.
        Orphan = "Orphan",
    }
}

words! {
    /// Annotations about the origin.
    pub enum BuildMetadata {
        /// The file that an object came from.
        OriginAnnotations = "originAnnotations",
        /// The transformers that changed it.
        TransformerAnnotations = "transformerAnnotations",
    }
}

words! {
    /// When variables are replaced.
    pub enum SubstituteStrategy {
        /// Only where variables are given.
        WithVariables = "WithVariables",
        /// Always.
        Always = "Always",
    }
}

/// How to decrypt files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decryption {
    /// The tool; `sops` is the only one.
    pub provider: String,
    /// Secret with the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// Account for a key service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
}

/// Variables in the manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostBuild {
    /// Variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitute: BTreeMap<String, String>,
    /// Objects whose keys are variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub substitute_from: Vec<SubstituteRef>,
    /// When they are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_strategy: Option<SubstituteStrategy>,
}

/// Fields that are left to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreRule {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// The objects; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// What was seen of a directory of manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizationStatus {
    /// The generation that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The last revision that was applied and became healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// The revision of the source that an artifact was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_origin_revision: Option<String>,
    /// The last revision that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// What was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The last attempts, one entry per digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Attempt>,
    /// The last request that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// The attempts at one digest of the built manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Digest of the built manifests.
    pub digest: String,
    /// When it was first reconciled.
    pub first_reconciled: Time,
    /// When it was last reconciled.
    pub last_reconciled: Time,
    /// How long that took.
    pub last_reconciled_duration: Duration,
    /// How that ended.
    pub last_reconciled_status: String,
    /// How often it was reconciled.
    pub total_reconciliations: i64,
    /// Further facts, such as the revision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(extra: serde_json::Value) -> KustomizationSpec {
        let mut base = json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "r"}});
        let map = base.as_object_mut().expect("a map");
        map.extend(extra.as_object().expect("a map").clone());
        serde_json::from_value(base).expect("a spec")
    }

    #[test]
    fn timeouts_and_retries_fall_back_to_the_interval() {
        for (extra, timeout, retry) in [
            (json!({}), "9m30s", "10m0s"),
            (json!({"interval": "20s"}), "30s", "20s"),
            (json!({"timeout": "5s"}), "30s", "10m0s"),
            (json!({"timeout": "2m", "retryInterval": "15s"}), "2m0s", "15s"),
        ] {
            let spec = spec(extra);
            assert_eq!((spec.timeout().to_string().as_str(), spec.retry_interval().to_string().as_str()), (timeout, retry));
        }
    }

    #[test]
    fn paths_are_relative_to_the_root() {
        for (path, expect) in
            [("./", ""), (".", ""), ("/", ""), ("./apps", "apps"), ("/apps/x/", "apps/x"), (".//apps", "apps"), (".hidden", ".hidden")]
        {
            assert_eq!(spec(json!({"path": path})).path(), expect, "{path}");
        }
        assert_eq!(spec(json!({})).path(), "");
    }

    #[test]
    fn deletion_follows_the_policy() {
        for (policy, prune, expect) in [
            (json!({}), true, true),
            (json!({}), false, false),
            (json!({"deletionPolicy": "Delete"}), false, true),
            (json!({"deletionPolicy": "Orphan"}), true, false),
        ] {
            let mut spec = spec(policy);
            spec.prune = prune;
            assert_eq!(spec.deletes_on_removal(), expect);
        }
    }
}
