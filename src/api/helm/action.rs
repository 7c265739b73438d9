//! How a release is installed, upgraded, tested, rolled back and uninstalled.

use crate::api::duration::Duration;
use crate::api::strings::{is_false, words};
use serde::{Deserialize, Serialize};

/// How to install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Install {
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What to do after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ActionStrategy>,
    /// How to put a failure right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<InstallRemediation>,
    /// Whether objects of others are refused.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_take_ownership: bool,
    /// Whether health is not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Whether Jobs are not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// Whether hooks do not run.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Whether objects are not checked against the cluster's schema.
    #[serde(rename = "disableOpenAPIValidation", skip_serializing_if = "is_false")]
    pub disable_openapi_validation: bool,
    /// Whether values are not checked against the chart's schema.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_schema_validation: bool,
    /// Whether the name of a deleted release may be used again.
    #[serde(skip_serializing_if = "is_false")]
    pub replace: bool,
    /// Whether CRDs are left out; the older spelling of `crds: Skip`.
    #[serde(rename = "skipCRDs", skip_serializing_if = "is_false")]
    pub skip_crds: bool,
    /// What to do with the chart's CRDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// Whether the namespace is made.
    #[serde(skip_serializing_if = "is_false")]
    pub create_namespace: bool,
    /// Whether objects are applied by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<bool>,
}

impl Install {
    /// What to do with the chart's CRDs: `Create` where nothing is said.
    #[must_use]
    pub fn crds(&self) -> CrdsPolicy {
        if self.skip_crds { CrdsPolicy::Skip } else { self.crds.unwrap_or(CrdsPolicy::Create) }
    }

    /// How to put a failure right; `None` where the object says nothing, so that our own default holds.
    #[must_use]
    pub fn remediation(&self, test: &Test) -> Option<Remediation> {
        let given = self.remediation.as_ref()?;
        Some(Remediation {
            retries: given.retries,
            ignore_test_failures: given.ignore_test_failures.unwrap_or(test.ignore_failures),
            remediate_last_failure: given.remediate_last_failure.unwrap_or(false),
            strategy: RemediationStrategy::Uninstall,
        })
    }
}

/// How to upgrade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Upgrade {
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What to do after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ActionStrategy>,
    /// How to put a failure right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<UpgradeRemediation>,
    /// Whether objects of others are refused.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_take_ownership: bool,
    /// Whether health is not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Whether Jobs are not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// Whether hooks do not run.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Whether objects are not checked against the cluster's schema.
    #[serde(rename = "disableOpenAPIValidation", skip_serializing_if = "is_false")]
    pub disable_openapi_validation: bool,
    /// Whether values are not checked against the chart's schema.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_schema_validation: bool,
    /// Whether objects are replaced instead of patched.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// Whether the last release's values are kept.
    #[serde(skip_serializing_if = "is_false")]
    pub preserve_values: bool,
    /// Whether new objects are deleted after a failure.
    #[serde(skip_serializing_if = "is_false")]
    pub cleanup_on_fail: bool,
    /// What to do with the chart's CRDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// Whether objects are applied by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApplyMode>,
    /// What to do where the chart has another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_name_change_strategy: Option<ChartNameChangeStrategy>,
}

impl Upgrade {
    /// What to do with the chart's CRDs: `Skip` where nothing is said.
    #[must_use]
    pub fn crds(&self) -> CrdsPolicy {
        self.crds.unwrap_or(CrdsPolicy::Skip)
    }

    /// How to put a failure right; `None` where the object says nothing, so that our own default (roll back, quarantine) holds.
    #[must_use]
    pub fn remediation(&self, test: &Test) -> Option<Remediation> {
        let given = self.remediation.as_ref()?;
        Some(Remediation {
            retries: given.retries,
            ignore_test_failures: given.ignore_test_failures.unwrap_or(test.ignore_failures),
            remediate_last_failure: given.remediate_last_failure.unwrap_or(given.retries > 0),
            strategy: given.strategy.unwrap_or(RemediationStrategy::Rollback),
        })
    }
}

/// How to put a failed install or upgrade right, with all defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remediation {
    /// How often to try again; negative is without end.
    pub retries: i64,
    /// Whether failed tests are no failure.
    pub ignore_test_failures: bool,
    /// Whether the last failure is put right too.
    pub remediate_last_failure: bool,
    /// How.
    pub strategy: RemediationStrategy,
}

impl Remediation {
    /// Whether no attempt is left after this many failures.
    #[must_use]
    pub fn is_exhausted(&self, failures: i64) -> bool {
        self.retries >= 0 && failures > self.retries
    }
}

/// How to put a failed install right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstallRemediation {
    /// How often to try again; negative is without end.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
    /// Whether failed tests are no failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Whether the last failure is put right too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
}

/// How to put a failed upgrade right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpgradeRemediation {
    /// How often to try again; negative is without end.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
    /// Whether failed tests are no failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Whether the last failure is put right too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
    /// By rollback or uninstall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RemediationStrategy>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

words! {
    /// How a failure is put right.
    pub enum RemediationStrategy {
        /// Back to the last good revision.
        Rollback = "rollback",
        /// By uninstalling.
        Uninstall = "uninstall",
    }
}

/// What to do after a failed install or upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionStrategy {
    /// Put it right, or only try again.
    pub name: ActionStrategyName,
    /// How soon to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<Duration>,
}

impl ActionStrategy {
    /// How long after a failure it is tried again without being put right: five minutes where nothing is said, `None` where it is put right.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.name == ActionStrategyName::RetryOnFailure).then(|| self.retry_interval.unwrap_or(Duration::from_secs(300)))
    }
}

words! {
    /// What to do after a failed install or upgrade.
    pub enum ActionStrategyName {
        /// Put it right as `remediation` says.
        RemediateOnFailure = "RemediateOnFailure",
        /// Try again.
        RetryOnFailure = "RetryOnFailure",
    }
}

words! {
    /// What to do with the CRDs of a chart's `crds/` directory.
    pub enum CrdsPolicy {
        /// Leave them.
        Skip = "Skip",
        /// Make the absent ones.
        Create = "Create",
        /// Make the absent ones, replace the others.
        CreateReplace = "CreateReplace",
    }
}

words! {
    /// Whether objects are applied by the server.
    pub enum ServerSideApplyMode {
        /// They are.
        Enabled = "enabled",
        /// They are not.
        Disabled = "disabled",
        /// As the last release did.
        Auto = "auto",
    }
}

words! {
    /// What to do where the chart has another name.
    pub enum ChartNameChangeStrategy {
        /// Upgrade.
        InPlaceUpdate = "InPlaceUpdate",
        /// Uninstall and install.
        Reinstall = "Reinstall",
    }
}

/// How to test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Test {
    /// Whether tests run.
    #[serde(skip_serializing_if = "is_false")]
    pub enable: bool,
    /// How long they may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether failed tests are no failure.
    #[serde(skip_serializing_if = "is_false")]
    pub ignore_failures: bool,
    /// Which tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<TestFilter>,
}

/// Which tests run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFilter {
    /// Name of a test.
    pub name: String,
    /// Whether it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude: bool,
}

/// How to roll back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollback {
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether health is not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// Whether Jobs are not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait_for_jobs: bool,
    /// Whether hooks do not run.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Of no meaning any more.
    #[serde(skip_serializing_if = "is_false")]
    pub recreate: bool,
    /// Whether objects are replaced instead of patched.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// Whether new objects are deleted after a failure.
    #[serde(skip_serializing_if = "is_false")]
    pub cleanup_on_fail: bool,
    /// Whether objects are applied by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApplyMode>,
}

/// How to uninstall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Uninstall {
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether hooks do not run.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_hooks: bool,
    /// Whether Helm's release Secrets stay.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_history: bool,
    /// Whether the end of the objects is not waited for.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_wait: bool,
    /// What becomes of dependents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_propagation: Option<DeletionPropagation>,
}

impl Uninstall {
    /// What becomes of dependents: deleted in the background where nothing is said.
    #[must_use]
    pub fn deletion_propagation(&self) -> DeletionPropagation {
        self.deletion_propagation.unwrap_or(DeletionPropagation::Background)
    }
}

words! {
    /// What becomes of dependents of a deleted object.
    pub enum DeletionPropagation {
        /// Deleted after it.
        Background = "background",
        /// Deleted before it.
        Foreground = "foreground",
        /// Kept.
        Orphan = "orphan",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn remediation_defaults_differ_for_install_and_upgrade() {
        for (retries, install_last, upgrade_last) in [(0, false, false), (3, false, true), (-1, false, false)] {
            let install: Install = serde_json::from_value(json!({"remediation": {"retries": retries}})).expect("an install");
            let upgrade: Upgrade = serde_json::from_value(json!({"remediation": {"retries": retries}})).expect("an upgrade");
            let (i, u) = (install.remediation(&Test::default()), upgrade.remediation(&Test::default()));
            let (i, u) = (i.expect("given"), u.expect("given"));
            assert_eq!((i.strategy, u.strategy), (RemediationStrategy::Uninstall, RemediationStrategy::Rollback));
            assert_eq!((i.remediate_last_failure, u.remediate_last_failure), (install_last, upgrade_last), "{retries}");
        }
        assert_eq!(Upgrade::default().remediation(&Test::default()), None);
        let ignoring = Test { ignore_failures: true, ..Test::default() };
        let upgrade: Upgrade = serde_json::from_value(json!({"remediation": {}})).expect("an upgrade");
        assert!(upgrade.remediation(&ignoring).expect("given").ignore_test_failures);
    }

    #[test]
    fn retries_run_out() {
        let remediation = |retries| Remediation {
            retries,
            ignore_test_failures: false,
            remediate_last_failure: false,
            strategy: RemediationStrategy::Rollback,
        };
        for (retries, failures, expect) in [(0, 0, false), (0, 1, true), (2, 2, false), (2, 3, true), (-1, 99, false)] {
            assert_eq!(remediation(retries).is_exhausted(failures), expect, "{retries} {failures}");
        }
    }

    #[test]
    fn crds_policies_have_the_defaults_of_helm() {
        assert_eq!(Install::default().crds(), CrdsPolicy::Create);
        assert_eq!(Upgrade::default().crds(), CrdsPolicy::Skip);
        let install: Install = serde_json::from_value(json!({"skipCRDs": true, "crds": "Create"})).expect("an install");
        assert_eq!(install.crds(), CrdsPolicy::Skip);
    }
}
