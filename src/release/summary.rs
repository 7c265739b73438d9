//! The one place where conditions and statuses are computed. Nothing else in the daemon writes a condition of a unit.

use super::held;
use super::record::{Deletions, RevisionMeta, RevisionStatus, Run, RunAction, TestPhase, TestRun, UnitRecord};
use crate::api::condition::{self, Condition, ConditionStatus, ConditionType};
use crate::api::helm::{AttemptedAction, Snapshot, TestHookStatus};
use crate::api::reason::Reason;
use crate::api::{HelmReleaseStatus, Inventory, InventoryEntry, KustomizationStatus};
use jiff::Timestamp;

/// How a pass ended, as the state machine and the shell know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What is wanted is deployed (and healthy, where that was asked for).
    Settled,
    /// A run is under way; what it waits for.
    Running(String),
    /// Something it needs is not there yet; it goes on by itself.
    Waiting(Reason, String),
    /// A failure of the surroundings; tried again at this time.
    Retrying(Reason, String),
    /// Nothing more happens until the object, its source or its values change.
    Stalled(Reason, String),
    /// The failed target is not tried again; the cluster runs the last good revision.
    Quarantined(String),
    /// Rolled back by request.
    Pinned(u32),
}

/// All that a status is computed from, besides the record.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What is remembered.
    pub record: &'a UnitRecord,
    /// How the pass ended.
    pub outcome: &'a Outcome,
    /// `metadata.generation` of the object that was looked at.
    pub generation: i64,
    /// `namespace/name` of the Helm release; the object's own for bundles.
    pub release: (&'a str, &'a str),
    /// Namespace of the release Secrets.
    pub storage_namespace: &'a str,
    /// Drift, one sentence; `None` where there is none.
    pub drift: Option<&'a str>,
    /// Whether drift detection was asked for, so that its absence is worth a condition.
    pub drift_detection: bool,
    /// Whether what is deployed is tested.
    pub tests: bool,
    /// Fields of the spec that are not honoured yet, by name.
    pub unsupported: &'a [String],
    /// Revision of the source that was looked at.
    pub source_revision: &'a str,
    /// Version that was attempted last: the chart's, or the source's for bundles.
    pub attempted: Option<&'a super::Attempt>,
    /// The time of the pass.
    pub now: Timestamp,
}

/// The status of a `HelmRelease`.
#[must_use]
pub fn helm_release(old: &HelmReleaseStatus, scene: &Scene<'_>) -> HelmReleaseStatus {
    let mut status = old.clone();
    let record = scene.record;
    status.storage_namespace = Some(scene.storage_namespace.to_owned());
    status.helm_chart = None;
    status.history = snapshots(scene);
    status.inventory = inventory(record);
    status.last_handled_reconcile_at.clone_from(&record.handled);
    if let Some(attempt) = scene.attempted {
        status.last_attempted_revision = Some(attempt.version.clone());
        status.last_attempted_revision_digest = Some(attempt.content.clone()).filter(|c| !c.is_empty());
        status.last_attempted_config_digest = Some(attempt.config.clone());
        status.last_attempted_generation = Some(scene.generation);
    }
    if let Some(last) = record.history.iter().rev().find(|r| matches!(r.action, RunAction::Install | RunAction::Upgrade)) {
        let install = last.action == RunAction::Install;
        status.last_attempted_release_action = Some(if install { AttemptedAction::Install } else { AttemptedAction::Upgrade });
        status.failures = i64::from(record.failures);
        status.install_failures = if install { i64::from(record.failures) } else { 0 };
        status.upgrade_failures = if install { 0 } else { i64::from(record.failures) };
    }
    released(&mut status.conditions, scene);
    common(&mut status.conditions, scene);
    // As Flux does, the generation counts as observed once the pass came to an end.
    if !matches!(scene.outcome, Outcome::Running(_)) {
        status.observed_generation = Some(scene.generation);
    }
    status
}

/// The status of a `Kustomization`.
#[must_use]
pub fn kustomization(old: &KustomizationStatus, scene: &Scene<'_>) -> KustomizationStatus {
    let mut status = old.clone();
    let record = scene.record;
    status.inventory = inventory(record);
    status.last_handled_reconcile_at.clone_from(&record.handled);
    if !scene.source_revision.is_empty() {
        status.last_attempted_revision = Some(scene.source_revision.to_owned());
    }
    if *scene.outcome == Outcome::Settled {
        status.last_applied_revision = status.last_attempted_revision.clone();
    } else if let Some(deployed) = record.deployed() {
        status.last_applied_revision = Some(deployed.attempt.source_revision.clone());
    }
    if *scene.outcome == Outcome::Settled {
        set(&mut status.conditions, scene, ConditionType::Healthy, true, Reason::Succeeded, "all objects that are waited for are healthy");
    } else if matches!(scene.outcome, Outcome::Quarantined(_)) {
        let message = failure_message(record);
        set(&mut status.conditions, scene, ConditionType::Healthy, false, Reason::HealthCheckFailed, &message);
    }
    common(&mut status.conditions, scene);
    if !matches!(scene.outcome, Outcome::Running(_)) {
        status.observed_generation = Some(scene.generation);
    }
    status
}

/// One sentence for people: what is, and what comes next.
#[must_use]
pub fn sentence(scene: &Scene<'_>) -> String {
    ready(scene).2
}

fn released(conditions: &mut Vec<Condition>, scene: &Scene<'_>) {
    let record = scene.record;
    let Some(attempt) = record.history.iter().rev().find(|r| r.action != RunAction::Rollback && !r.status.is_pending()) else { return };
    let (ok, failed) = match attempt.action {
        RunAction::Install => (Reason::InstallSucceeded, Reason::InstallFailed),
        _ => (Reason::UpgradeSucceeded, Reason::UpgradeFailed),
    };
    // As Flux tells it: a release whose test failed was released, and its test failed.
    let good = attempt.status != RevisionStatus::Failed || attempt.failed_test();
    let message = if good { success(scene, attempt) } else { attempt.description.clone() };
    set(conditions, scene, ConditionType::Released, good, if good { ok } else { failed }, &message);
    match attempt.tests.as_ref().filter(|_| scene.tests) {
        Some(_) => {
            let (failed, message) = test_sentence(scene.release, attempt);
            let reason = if failed { Reason::TestFailed } else { Reason::TestSucceeded };
            set(conditions, scene, ConditionType::TestSuccess, !failed, reason, &message);
        }
        None => drop(condition::remove(conditions, ConditionType::TestSuccess)),
    }
    match record.last() {
        Some(last) if last.action == RunAction::Rollback && !last.status.is_pending() => {
            let good = last.status != RevisionStatus::Failed;
            let reason = if good { Reason::RollbackSucceeded } else { Reason::RollbackFailed };
            set(conditions, scene, ConditionType::Remediated, good, reason, &last.description);
        }
        _ => drop(condition::remove(conditions, ConditionType::Remediated)),
    }
}

fn common(conditions: &mut Vec<Condition>, scene: &Scene<'_>) {
    let (status, reason, message) = ready(scene);
    put(conditions, scene, ConditionType::Ready, status, reason, &message);
    present(
        conditions,
        scene,
        ConditionType::Reconciling,
        match scene.outcome {
            Outcome::Running(what) => Some((Reason::Progressing, what.as_str())),
            Outcome::Retrying(_, why) => Some((Reason::ProgressingWithRetry, why.as_str())),
            _ => None,
        },
    );
    present(
        conditions,
        scene,
        ConditionType::Stalled,
        match scene.outcome {
            Outcome::Stalled(reason, why) => Some((*reason, why.as_str())),
            _ => None,
        },
    );
    let quarantine = scene.record.quarantine.as_ref().filter(|_| matches!(scene.outcome, Outcome::Quarantined(_)));
    let restored = quarantine.and_then(|q| q.restored);
    let pinned = matches!(scene.outcome, Outcome::Pinned(_)).then_some(());
    let back = restored.map(drop).or(pinned);
    present(conditions, scene, ConditionType::RolledBack, back.map(|()| (Reason::RolledBack, message.as_str())));
    present(conditions, scene, ConditionType::Quarantined, quarantine.map(|q| (Reason::Quarantined, q.message.as_str())));
    let unsupported = (!scene.unsupported.is_empty()).then(|| format!("not honoured yet: {}", scene.unsupported.join(", ")));
    present(conditions, scene, ConditionType::UnsupportedFields, unsupported.as_deref().map(|m| (Reason::UnsupportedField, m)));
    let holds = &scene.record.holds;
    let held = held::reason(holds).zip(held::all(holds));
    present(conditions, scene, ConditionType::Held, held.as_ref().map(|(reason, words)| (*reason, words.as_str())));
    let approval = scene.record.approval.as_ref().map(Deletions::words);
    present(conditions, scene, ConditionType::ApprovalRequired, approval.as_deref().map(|m| (Reason::DeletionBudgetExceeded, m)));
    match scene.drift {
        Some(drift) => set(conditions, scene, ConditionType::Drifted, true, Reason::DriftDetected, drift),
        None if scene.drift_detection && condition::find(conditions, ConditionType::Drifted).is_some() => {
            set(conditions, scene, ConditionType::Drifted, false, Reason::NoDriftDetected, "the cluster is as applied");
        }
        None => drop(condition::remove(conditions, ConditionType::Drifted)),
    }
}

/// Status, reason and message of `Ready`. What is left as it is on purpose is said there too: nobody reads the other conditions of what is
/// ready.
fn ready(scene: &Scene<'_>) -> (ConditionStatus, Reason, String) {
    let (status, reason, mut message) = verdict(scene);
    if *scene.outcome == Outcome::Settled
        && let Some(words) = held::short(&scene.record.holds)
    {
        message.push_str("; ");
        message.push_str(&words);
    }
    (status, reason, message)
}

fn verdict(scene: &Scene<'_>) -> (ConditionStatus, Reason, String) {
    let record = scene.record;
    match scene.outcome {
        Outcome::Settled => match record.last() {
            Some(last) if !last.chart_name.is_empty() => {
                let reason = match last.action {
                    RunAction::Install => Reason::InstallSucceeded,
                    RunAction::Rollback => Reason::RollbackSucceeded,
                    _ => Reason::UpgradeSucceeded,
                };
                let mut message = success(scene, last);
                if let Some(held) = &record.held {
                    message.push_str(&format!(
                        "; held: the chart changed in {} under the same version {}, bump it or set reconcileStrategy: Revision",
                        short(&held.source_revision),
                        held.version
                    ));
                }
                // The newest word counts, as in Flux; a failed test that is ignored says nothing about readiness.
                if scene.tests && last.tests.is_some() && !last.failed_test() && record.held.is_none() {
                    return (ConditionStatus::True, Reason::TestSucceeded, test_sentence(scene.release, last).1);
                }
                (ConditionStatus::True, reason, message)
            }
            _ => (ConditionStatus::True, Reason::ReconciliationSucceeded, format!("Applied revision: {}", scene.source_revision)),
        },
        // What is deployed stays Ready while something newer is brought in only if it is not being replaced; a run replaces it.
        Outcome::Running(what) => (ConditionStatus::Unknown, Reason::Progressing, what.clone()),
        Outcome::Waiting(reason, why) | Outcome::Retrying(reason, why) | Outcome::Stalled(reason, why) => {
            (ConditionStatus::False, *reason, why.clone())
        }
        Outcome::Quarantined(_) => quarantined(scene),
        Outcome::Pinned(revision) => (
            ConditionStatus::False,
            Reason::RollbackSucceeded,
            format!("rolled back to revision {revision} by request; resume the object to follow Git again"),
        ),
    }
}

fn quarantined(scene: &Scene<'_>) -> (ConditionStatus, Reason, String) {
    let record = scene.record;
    let Some(quarantine) = &record.quarantine else { return (ConditionStatus::False, Reason::Quarantined, String::new()) };
    // Only releases have values; one that was refused before its first revision has no history to tell by.
    let helm = !quarantine.attempt.config.is_empty() || record.last().is_some_and(|r| !r.chart_name.is_empty());
    let next = "tried again when Git, the chart, the values or a referenced Secret or ConfigMap change, or on request";
    match quarantine.restored.and_then(|n| record.revision(n)) {
        Some(good) => (
            ConditionStatus::False,
            if helm { Reason::RollbackSucceeded } else { Reason::RolledBack },
            format!("{} failed: {}; rolled back to {}; {next}", quarantine.attempt.version, quarantine.message, good.attempt.version),
        ),
        None => {
            let reason = if !helm {
                Reason::ReconciliationFailed
            } else if record.last_good().is_some() {
                Reason::UpgradeFailed
            } else {
                Reason::InstallFailed
            };
            (ConditionStatus::False, reason, format!("{} failed: {}; {next}", quarantine.attempt.version, quarantine.message))
        }
    }
}

fn failure_message(record: &UnitRecord) -> String {
    record.quarantine.as_ref().map_or_else(String::new, |q| q.message.clone())
}

fn success(scene: &Scene<'_>, revision: &RevisionMeta) -> String {
    let (namespace, name) = scene.release;
    let what = match revision.action {
        RunAction::Install => "install",
        RunAction::Rollback => "rollback",
        _ => "upgrade",
    };
    format!(
        "Helm {what} succeeded for release {namespace}/{name}.v{} with chart {}@{}",
        revision.number, revision.chart_name, revision.attempt.version
    )
}

/// Whether a test of a revision failed, and what is told of its tests, in Flux's words.
#[must_use]
pub fn test_sentence((namespace, name): (&str, &str), revision: &RevisionMeta) -> (bool, String) {
    let tests = revision.tests.iter().flatten();
    let of = format!("release {namespace}/{name}.v{} with chart {}@{}", revision.number, revision.chart_name, revision.attempt.version);
    let failed = |(name, test): (&String, &TestRun)| {
        let told = if test.message.is_empty() { format!("test {name} failed") } else { test.message.clone() };
        (test.phase == Some(TestPhase::Failed)).then_some(told)
    };
    let failed: Vec<String> = tests.clone().filter_map(failed).collect();
    if !failed.is_empty() {
        return (true, format!("Helm test failed for {of}: {}", failed.join("; ")));
    }
    let passed = tests.filter(|(_, t)| t.phase == Some(TestPhase::Succeeded)).count();
    let what = match passed {
        0 => "no test hooks".to_owned(),
        1 => "1 test hook completed successfully".to_owned(),
        n => format!("{n} test hooks completed successfully"),
    };
    (false, format!("Helm test succeeded for {of}: {what}"))
}

/// `main@sha1:0123456789…` as `main@0123456`.
#[must_use]
pub fn short(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((name, hex)) if hex.len() > 7 => {
            let name = name.trim_end_matches("sha1").trim_end_matches("sha256").trim_end_matches('@');
            if name.is_empty() { hex[..7].to_owned() } else { format!("{name}@{}", &hex[..7]) }
        }
        _ => revision.to_owned(),
    }
}

/// What a run does now, in words.
#[must_use]
pub fn progress(run: &Run, step: &str) -> String {
    let what = match run.action {
        RunAction::Install => "installing",
        RunAction::Upgrade => "upgrading to",
        RunAction::Rollback => "rolling back to",
        RunAction::Uninstall => "uninstalling",
        RunAction::Test => "testing",
    };
    format!("{what} {}: {step}", run.attempt.version)
}

fn snapshots(scene: &Scene<'_>) -> Vec<Snapshot> {
    let (namespace, name) = scene.release;
    let of = |revision: &RevisionMeta| Snapshot {
        api_version: Some("v2".into()),
        digest: revision.digest.clone(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        version: i64::from(revision.number),
        status: revision.status.as_str().into(),
        action: Some(revision.action.as_str().into()),
        chart_name: revision.chart_name.clone(),
        chart_version: revision.attempt.version.clone(),
        app_version: Some(revision.app_version.clone()).filter(|v| !v.is_empty()),
        config_digest: revision.attempt.config.clone(),
        first_deployed: revision.first_deployed.into(),
        last_deployed: revision.started.into(),
        deleted: None,
        test_hooks: revision.tests.as_ref().map(|tests| tests.iter().map(|(name, test)| (name.clone(), test_status(test))).collect()),
        oci_digest: None,
    };
    scene.record.history.iter().rev().take(5).map(of).collect()
}

fn test_status(test: &TestRun) -> TestHookStatus {
    TestHookStatus {
        last_started: test.started.map(Into::into),
        last_completed: test.completed.map(Into::into),
        phase: test.phase.map(|p| p.as_str().to_owned()),
    }
}

fn inventory(record: &UnitRecord) -> Option<Inventory> {
    let version = |api_version: &str| api_version.rsplit('/').next().unwrap_or_default().to_owned();
    let entries: Vec<InventoryEntry> =
        record.inventory.iter().map(|(id, a)| InventoryEntry { id: id.clone(), v: version(&a.api_version) }).collect();
    (!entries.is_empty()).then_some(Inventory { entries })
}

fn set(conditions: &mut Vec<Condition>, scene: &Scene<'_>, kind: ConditionType, good: bool, reason: Reason, message: &str) {
    put(conditions, scene, kind, if good { ConditionStatus::True } else { ConditionStatus::False }, reason, message);
}

fn put(conditions: &mut Vec<Condition>, scene: &Scene<'_>, kind: ConditionType, status: ConditionStatus, reason: Reason, message: &str) {
    condition::set(conditions, Condition::new(kind, status, reason, message).observed(scene.generation), scene.now.into());
}

fn present(conditions: &mut Vec<Condition>, scene: &Scene<'_>, kind: ConditionType, given: Option<(Reason, &str)>) {
    match given {
        Some((reason, message)) => put(conditions, scene, kind, ConditionStatus::True, reason, message),
        None => drop(condition::remove(conditions, kind)),
    }
}
