//! HelmRelease: a chart, values and how to release them.

mod action;
mod status;

pub use action::{
    ActionStrategy, ActionStrategyName, ChartNameChangeStrategy, CrdsPolicy, DeletionPropagation, Install, InstallRemediation, Remediation,
    RemediationStrategy, Rollback, ServerSideApplyMode, Test, TestFilter, Uninstall, Upgrade, UpgradeRemediation,
};
pub use status::{AttemptedAction, HelmReleaseStatus, ReleaseAction, Snapshot, TestHookStatus};

use super::duration::Duration;
use super::meta::{Object, Resource};
use super::names::HELM_V2;
use super::reference::{
    CommonMetadata, Dependency, HealthCheckExpr, KubeConfig, LocalRef, NamespacedKindRef, Patch, PatchImage, Selector, ValuesKind,
};
use super::strings::{is_false, words};
use crate::object::Json;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A chart, values and how to release them.
pub type HelmRelease = Object<HelmReleaseSpec>;

/// What is wanted of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmReleaseSpec {
    /// The chart, by source and path or name. Exclusive with `chart_ref`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartTemplate>,
    /// The chart, as a source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_ref: Option<NamespacedKindRef>,
    /// How often to reconcile.
    pub interval: Duration,
    /// Another cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfig>,
    /// Whether to stop reconciling.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// The Helm release's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,
    /// Where the objects go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// Where Helm's release Secrets go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_namespace: Option<String>,
    /// HelmReleases that must be ready first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// How long each action may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How many Helm revisions are kept; 0 is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_history: Option<i64>,
    /// The account to act as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Whether one client serves all steps; of no meaning here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_client: Option<bool>,
    /// What to do about drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_detection: Option<DriftDetection>,
    /// How to install.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// How to upgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// How to test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// How to roll back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// How to uninstall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uninstall: Option<Uninstall>,
    /// ConfigMaps and Secrets with values, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<ValuesReference>,
    /// Values; `null`s in them delete defaults of the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Json>,
    /// Labels and annotations for every object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Changes after rendering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_renderers: Vec<PostRenderer>,
    /// Whether hooks pass through the post-renderers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_render_strategy: Option<PostRenderStrategy>,
    /// How readiness is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_strategy: Option<WaitStrategy>,
    /// Health of custom kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<HealthCheckExpr>,
}

impl Resource for HelmReleaseSpec {
    const API_VERSION: &'static str = HELM_V2;
    const KIND: &'static str = "HelmRelease";
    type Status = HelmReleaseStatus;
}

impl HelmRelease {
    /// The Helm release's name: as given, else `[targetNamespace-]name`; shortened to 53 characters with a hash.
    #[must_use]
    pub fn release_name(&self) -> String {
        let full = match (&self.spec.release_name, &self.spec.target_namespace) {
            (Some(name), _) if !name.is_empty() => name.clone(),
            (_, Some(namespace)) if !namespace.is_empty() => format!("{namespace}-{}", self.metadata.name),
            _ => self.metadata.name.clone(),
        };
        shorten(&full)
    }

    /// Where the objects go.
    #[must_use]
    pub fn release_namespace(&self) -> &str {
        self.spec.target_namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&self.metadata.namespace)
    }

    /// Where Helm's release Secrets go.
    #[must_use]
    pub fn storage_namespace(&self) -> &str {
        self.spec.storage_namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&self.metadata.namespace)
    }
}

impl HelmReleaseSpec {
    /// How long each action may take: five minutes where absent.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(300))
    }

    /// How many Helm revisions are kept: five where absent, all where zero.
    #[must_use]
    pub fn max_history(&self) -> i64 {
        self.max_history.unwrap_or(5)
    }

    /// What to do about drift.
    #[must_use]
    pub fn drift_mode(&self) -> DriftMode {
        self.drift_detection.as_ref().and_then(|d| d.mode).unwrap_or(DriftMode::Disabled)
    }

    /// What drift to ignore.
    #[must_use]
    pub fn drift_ignore(&self) -> &[DriftIgnore] {
        self.drift_detection.as_ref().map_or(&[], |d| &d.ignore)
    }

    /// How to install.
    #[must_use]
    pub fn install(&self) -> Install {
        self.install.clone().unwrap_or_default()
    }

    /// How to upgrade.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        self.upgrade.clone().unwrap_or_default()
    }

    /// How to test.
    #[must_use]
    pub fn test(&self) -> Test {
        self.test.clone().unwrap_or_default()
    }

    /// How to roll back.
    #[must_use]
    pub fn rollback(&self) -> Rollback {
        self.rollback.clone().unwrap_or_default()
    }

    /// How to uninstall.
    #[must_use]
    pub fn uninstall(&self) -> Uninstall {
        self.uninstall.clone().unwrap_or_default()
    }
}

/// The limit of Helm on a release's name.
const NAME_LIMIT: usize = 53;

/// Shortens a release's name as Flux does: the first 40 bytes, a hyphen, 12 digits of the whole name's SHA-256.
#[must_use]
pub fn shorten(name: &str) -> String {
    if name.len() <= NAME_LIMIT {
        return name.to_owned();
    }
    let mut hash = String::with_capacity(12);
    for byte in &Sha256::digest(name.as_bytes())[..6] {
        hash.push_str(&format!("{byte:02x}"));
    }
    let mut end = NAME_LIMIT - 13;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", &name[..end])
}

/// The chart, by source and path or name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartTemplate {
    /// Labels and annotations of the intermediate HelmChart; of no meaning here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ChartTemplateMetadata>,
    /// Which chart.
    pub spec: ChartTemplateSpec,
}

/// Labels and annotations of the intermediate HelmChart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartTemplateMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Which chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartTemplateSpec {
    /// Name in a Helm repository, or path in a Git repository or bucket.
    pub chart: String,
    /// A range of versions; of no meaning for a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The source.
    pub source_ref: NamespacedKindRef,
    /// How often to look for a new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// When a changed chart is a new release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconcile_strategy: Option<ReconcileStrategy>,
    /// Files with values, merged in order, in place of the chart's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<String>,
    /// Whether absent files are left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_missing_values_files: bool,
    /// Which signatures to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<ChartVerification>,
}

impl ChartTemplateSpec {
    /// When a changed chart is a new release.
    #[must_use]
    pub fn reconcile_strategy(&self) -> ReconcileStrategy {
        self.reconcile_strategy.unwrap_or(ReconcileStrategy::ChartVersion)
    }
}

words! {
    /// When a changed chart is a new release.
    pub enum ReconcileStrategy {
        /// When its version changed.
        ChartVersion = "ChartVersion",
        /// When its files changed.
        Revision = "Revision",
    }
}

/// Which signatures of a chart to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartVerification {
    /// `cosign` or `notation`.
    #[serde(default = "cosign")]
    pub provider: String,
    /// Secret with the trusted keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

fn cosign() -> String {
    "cosign".into()
}

/// What to do about drift.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftDetection {
    /// Show, warn or correct.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DriftMode>,
    /// What to ignore.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<DriftIgnore>,
}

words! {
    /// What to do about drift.
    pub enum DriftMode {
        /// Put it right.
        Enabled = "enabled",
        /// Say so.
        Warn = "warn",
        /// Show it on the page only.
        Disabled = "disabled",
    }
}

/// Drift to ignore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftIgnore {
    /// JSON pointers; the empty one is the whole object.
    pub paths: Vec<String>,
    /// The objects; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// A ConfigMap or Secret with values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValuesReference {
    /// Kind.
    pub kind: ValuesKind,
    /// Name.
    pub name: String,
    /// Key; `values.yaml` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_key: Option<String>,
    /// The path that the content is one value of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_path: Option<String>,
    /// Whether absence is ignored.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// Whether the content is plain text, whatever it looks like.
    #[serde(default, skip_serializing_if = "is_false")]
    pub literal: bool,
}

impl ValuesReference {
    /// The key, `values.yaml` where absent.
    #[must_use]
    pub fn key(&self) -> &str {
        self.values_key.as_deref().filter(|k| !k.is_empty()).unwrap_or("values.yaml")
    }
}

/// A change after rendering.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostRenderer {
    /// By kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeRenderer>,
}

/// Patches and images, as kustomize has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KustomizeRenderer {
    /// Patches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Image overrides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PatchImage>,
}

words! {
    /// Whether hooks pass through the post-renderers.
    pub enum PostRenderStrategy {
        /// They do not.
        NoHooks = "nohooks",
        /// They do, with the rest.
        Combined = "combined",
        /// They do, on their own.
        Separate = "separate",
    }
}

/// How readiness is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitStrategy {
    /// By what.
    pub name: WaitStrategyName,
}

words! {
    /// How readiness is judged.
    pub enum WaitStrategyName {
        /// By kstatus.
        Poller = "poller",
        /// As older Helm versions did.
        Legacy = "legacy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectMeta;
    use serde_json::json;

    #[test]
    fn names_and_namespaces_follow_the_target() {
        let long = "a".repeat(60);
        for (extra, release, namespace, storage) in [
            (json!({}), "web".to_owned(), "apps", "apps"),
            (json!({"targetNamespace": "shop"}), "shop-web".to_owned(), "shop", "apps"),
            (json!({"targetNamespace": "shop", "releaseName": "front"}), "front".to_owned(), "shop", "apps"),
            (json!({"storageNamespace": "store", "releaseName": ""}), "web".to_owned(), "apps", "store"),
            (json!({"releaseName": long}), format!("{}-11ee391211c6", "a".repeat(40)), "apps", "apps"),
        ] {
            let mut spec = json!({"interval": "1m"});
            spec.as_object_mut().expect("a map").extend(extra.as_object().expect("a map").clone());
            let release_object = HelmRelease {
                metadata: ObjectMeta { name: "web".into(), namespace: "apps".into(), ..ObjectMeta::default() },
                spec: serde_json::from_value(spec).expect("a spec"),
                status: HelmReleaseStatus::default(),
            };
            assert_eq!(release_object.release_name(), release);
            assert_eq!(release_object.release_namespace(), namespace);
            assert_eq!(release_object.storage_namespace(), storage);
        }
    }
}
