//! What was seen of a release.

use crate::api::condition::Condition;
use crate::api::reference::Inventory;
use crate::api::strings::words;
use crate::api::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was seen of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmReleaseStatus {
    /// The generation that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Digest of the post-renderers of the last release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_post_renderers_digest: Option<String>,
    /// Digest of the common metadata of the last release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_common_metadata_digest: Option<String>,
    /// The generation of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_generation: Option<i64>,
    /// Conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// `namespace/name` of an intermediate HelmChart, left by Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_chart: Option<String>,
    /// Where Helm's release Secrets are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_namespace: Option<String>,
    /// The last releases, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
    /// What was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The last action that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_release_action: Option<AttemptedAction>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_release_action_duration: Option<String>,
    /// Failures since the last change.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: i64,
    /// Failed installs since the last change.
    #[serde(skip_serializing_if = "is_zero")]
    pub install_failures: i64,
    /// Failed upgrades since the last change.
    #[serde(skip_serializing_if = "is_zero")]
    pub upgrade_failures: i64,
    /// The chart version of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The digest of the source of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision_digest: Option<String>,
    /// The older form of `last_attempted_config_digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_values_checksum: Option<String>,
    /// The Helm revision of the last release, left by older versions.
    #[serde(skip_serializing_if = "is_zero")]
    pub last_release_revision: i64,
    /// The digest of the values of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_config_digest: Option<String>,
    /// The last request that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The last request for a forced release that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,
    /// The last request for a reset that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reset_at: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

words! {
    /// The actions that count as attempts.
    pub enum AttemptedAction {
        /// Install.
        Install = "install",
        /// Upgrade.
        Upgrade = "upgrade",
    }
}

words! {
    /// The actions that make a snapshot.
    pub enum ReleaseAction {
        /// Install.
        Install = "install",
        /// Upgrade.
        Upgrade = "upgrade",
        /// Rollback.
        Rollback = "rollback",
        /// Uninstall.
        Uninstall = "uninstall",
        /// Uninstall, to put a failure right.
        UninstallRemediation = "uninstall-remediation",
    }
}

/// One release, as Flux keeps it in the status: digests only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Version of the way in which `digest` is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Digest of the stored release.
    pub digest: String,
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Helm revision.
    pub version: i64,
    /// Helm's status word.
    pub status: String,
    /// The action that made it; text, because newer writers may know more words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Chart name.
    pub chart_name: String,
    /// Chart version.
    pub chart_version: String,
    /// Version of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// Digest of the values.
    pub config_digest: String,
    /// When the release was first deployed.
    pub first_deployed: Time,
    /// When this revision was deployed.
    pub last_deployed: Time,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Time>,
    /// Tests by name. Present and empty: tests ran, and the chart has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_hooks: Option<BTreeMap<String, TestHookStatus>>,
    /// Digest of the OCI artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_digest: Option<String>,
}

impl Snapshot {
    /// Whether a rollback may go to it: deployed or superseded, and no test of it failed unless those are ignored.
    #[must_use]
    pub fn is_good(&self, ignore_tests: bool) -> bool {
        let failed = self.test_hooks.iter().flatten().any(|(_, hook)| hook.phase.as_deref() == Some("Failed"));
        matches!(self.status.as_str(), "deployed" | "superseded") && (ignore_tests || !failed)
    }
}

/// What was seen of a test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestHookStatus {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_started: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_completed: Option<Time>,
    /// `Unknown`, `Running`, `Succeeded` or `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

impl HelmReleaseStatus {
    /// The newest snapshot.
    #[must_use]
    pub fn latest(&self) -> Option<&Snapshot> {
        self.history.iter().max_by_key(|s| s.version)
    }

    /// The newest snapshot before the latest that a rollback may go to.
    #[must_use]
    pub fn previous_good(&self, ignore_tests: bool) -> Option<&Snapshot> {
        let latest = self.latest()?.version;
        self.history.iter().filter(|s| s.version < latest && s.is_good(ignore_tests)).max_by_key(|s| s.version)
    }

    /// Puts a snapshot in (in place of one of the same version) and drops what is older than the one to roll back to;
    /// five are kept where there is none.
    pub fn record(&mut self, snapshot: Snapshot, ignore_tests: bool) {
        self.history.retain(|s| s.version != snapshot.version || s.name != snapshot.name || s.namespace != snapshot.namespace);
        self.history.push(snapshot);
        self.history.sort_by_key(|s| std::cmp::Reverse(s.version));
        let keep = self.history.iter().skip(1).position(|s| s.is_good(ignore_tests)).map_or(5, |at| at + 2);
        self.history.truncate(keep);
    }

    /// Forgets failures, as after a change of spec, chart or values.
    pub fn clear_failures(&mut self) {
        (self.failures, self.install_failures, self.upgrade_failures) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot(version: i64, status: &str) -> Snapshot {
        serde_json::from_value(json!({"digest": "sha256:0", "name": "web", "namespace": "apps", "version": version, "status": status,
            "chartName": "web", "chartVersion": "1.0.0", "configDigest": "sha256:0",
            "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z"}))
        .expect("a snapshot")
    }

    #[test]
    fn history_keeps_back_to_the_rollback_target() {
        for (before, add, expect) in [
            (vec![], (1, "deployed"), vec![1]),
            (vec![(1, "superseded")], (2, "deployed"), vec![2, 1]),
            (vec![(1, "superseded"), (2, "superseded")], (3, "failed"), vec![3, 2]),
            (vec![(1, "superseded"), (2, "failed")], (3, "failed"), vec![3, 2, 1]),
            ((1..=7).map(|v| (v, "failed")).collect(), (8, "failed"), vec![8, 7, 6, 5, 4]),
            (vec![(2, "pending-upgrade"), (1, "deployed")], (2, "deployed"), vec![2, 1]),
        ] {
            let history = before.iter().map(|(v, s)| snapshot(*v, s)).collect();
            let mut status = HelmReleaseStatus { history, ..HelmReleaseStatus::default() };
            status.record(snapshot(add.0, add.1), false);
            assert_eq!(status.history.iter().map(|s| s.version).collect::<Vec<_>>(), expect, "{before:?}");
        }
    }

    #[test]
    fn a_release_with_a_failed_test_is_no_target() {
        let mut tested = snapshot(1, "superseded");
        let hook = TestHookStatus { phase: Some("Failed".into()), ..TestHookStatus::default() };
        tested.test_hooks = Some([("t".to_owned(), hook)].into());
        let status = HelmReleaseStatus { history: vec![snapshot(2, "failed"), tested], ..HelmReleaseStatus::default() };
        assert_eq!(status.previous_good(false), None);
        assert_eq!(status.previous_good(true).map(|s| s.version), Some(1));
    }
}
