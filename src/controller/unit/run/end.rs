//! How a run ends.

use super::super::{Prepared, Unit, publish, record};
use super::failure;
use crate::api::Reason;
use crate::cluster::ApiError;
use crate::controller::context::Context;
use crate::release::decide::quarantines;
use crate::release::summary::test_sentence;
use crate::release::{Failure, Quarantine, RevisionMeta, RevisionStatus, RunAction, UnitKey, UnitKind, UnitRecord, Want};
use crate::render::target::Target;
use jiff::Timestamp;
use std::sync::Arc;

/// Writes the end of a run into the record (and a failed status into Helm's, before anything else: where that cannot be written, the
/// run has not ended).
pub(in super::super) async fn end(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    result: Result<(), Failure>,
) -> Result<(), Failure> {
    let now = Timestamp::now();
    if let (Err(why), Some(run)) = (&result, &unit.record().run) {
        let number = run.revision;
        tracing::warn!(unit = %key, revision = number, error = %why.message, "run failed");
        mark(key, unit, prepared, number, RevisionStatus::Failed, &why.message).await.map_err(|e| failure(&e))?;
    }
    let Some(run) = unit.record_mut().run.take() else { return Ok(()) };
    let target = unit.running.take();
    let version = run.attempt.version.clone();
    match result {
        Ok(()) if run.action == RunAction::Uninstall => {
            let record = unit.record_mut();
            give_up_uninstalled(record, &prepared.want, now);
            // After a failed first attempt the next one begins anew; its failures are remembered.
            record.history.clear();
            record.inventory.clear();
            unit.deployed = None;
            unit.drift.clear();
            publish::event(ctx, key, unit, false, Reason::UninstallSucceeded, &format!("{key} uninstalled"));
        }
        Ok(()) => {
            let record = unit.record_mut();
            for revision in &mut record.history {
                if revision.status == RevisionStatus::Deployed {
                    revision.status = RevisionStatus::Superseded;
                }
            }
            let failed = record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed).cloned();
            if let Some(revision) = record.revision_mut(run.revision) {
                revision.status = RevisionStatus::Deployed;
                revision.ended = Some(now);
                revision.description = match (run.action, run.to) {
                    (RunAction::Test, _) => std::mem::take(&mut revision.description),
                    (RunAction::Rollback, Some(to)) => {
                        format!("rolled back to revision {to} ({version}): {}", run.why.as_deref().unwrap_or("asked for"))
                    }
                    (action, _) => format!("{} of {version} complete", action.as_str()),
                };
            }
            // The chart in Helm's record is large, and the store has it.
            unit.deployed = target.map(|(number, target)| (number, Arc::new(Target { release: None, ..Arc::unwrap_or_clone(target) })));
            unit.compared &= run.action == RunAction::Test;
            unit.record_mut().rollback_failures = 0;
            let (warning, reason) = match run.action {
                RunAction::Test => (false, Reason::TestSucceeded),
                RunAction::Install if key.kind == UnitKind::Release => (false, Reason::InstallSucceeded),
                RunAction::Rollback => (true, if key.kind == UnitKind::Release { Reason::RollbackSucceeded } else { Reason::RolledBack }),
                _ if key.kind == UnitKind::Release => (false, Reason::UpgradeSucceeded),
                _ => (false, Reason::ReconciliationSucceeded),
            };
            if run.action == RunAction::Rollback {
                let remedy = prepared.want.upgrade;
                let record = unit.record_mut();
                if let Some(failed) = failed.filter(|_| record.pinned.is_none() && quarantines(&remedy, record.failures)) {
                    record.quarantine = Some(Quarantine {
                        message: failed.description.clone(),
                        attempt: failed.attempt,
                        since: now,
                        restored: Some(run.revision),
                    });
                }
                let asked = unit.record().pinned.is_some();
                ctx.metrics.rolled_back(if asked { "manual" } else { "health" });
            } else {
                let record = unit.record_mut();
                record.failures = 0;
                record.quarantine = None;
                if let Some(seen) = unit.seen.take() {
                    ctx.metrics.commit_to_ready(now.duration_since(seen));
                }
            }
            let revision = unit.record().revision(run.revision).cloned();
            if run.action != RunAction::Test {
                let message = revision.as_ref().map(|r| r.description.clone()).unwrap_or_default();
                publish::event(ctx, key, unit, warning, reason, &message);
            }
            if let Some(revision) = revision.filter(|r| r.tests.is_some() && run.action != RunAction::Rollback) {
                let (failed, message) = test_sentence(prepared.spec.release(), &revision);
                let reason = if failed { Reason::TestFailed } else { Reason::TestSucceeded };
                publish::event(ctx, key, unit, failed, reason, &message);
            }
        }
        Err(failure) => {
            let record = unit.record_mut();
            record.failures += u32::from(run.action != RunAction::Rollback);
            if run.action == RunAction::Rollback {
                record.rollback_failures += 1;
                ctx.metrics.rolled_back("failed");
            }
            let record = unit.record_mut();
            if run.action == RunAction::Rollback && record.pinned.is_none() {
                // Neither forward nor back: the failed target is not tried again all the same, or the two would follow each other for ever.
                let failed = record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback);
                // After many rollbacks the failed revision is no longer in the history: then the verdict stands as it is.
                let verdict = failed.cloned().map(|failed| Quarantine {
                    message: format!("{}; rolling back failed too: {}", failed.description, failure.message),
                    attempt: failed.attempt,
                    since: now,
                    restored: None,
                });
                record.quarantine = verdict.or(record.quarantine.take());
            }
            let tested = unit.record().revision(run.revision).is_some_and(RevisionMeta::failed_test);
            let reason = match (key.kind, run.action) {
                (UnitKind::Release, RunAction::Install | RunAction::Upgrade | RunAction::Test) if tested => Reason::TestFailed,
                (UnitKind::Bundle, _) => Reason::HealthCheckFailed,
                (_, RunAction::Install) => Reason::InstallFailed,
                (_, RunAction::Rollback) => Reason::RollbackFailed,
                _ => Reason::UpgradeFailed,
            };
            publish::event(ctx, key, unit, true, reason, &failure.message);
        }
    }
    ctx.settle(key, unit, prepared.spec.max_history()).await;
    Ok(())
}

/// What was removed because it failed is not installed again as it is once the retries that the object grants are used up. After a failed
/// upgrade the same target is installed, and its failures are counted as those of an install, as Flux does.
fn give_up_uninstalled(record: &mut UnitRecord, want: &Want, now: Timestamp) {
    let Some(failed) = record.last().filter(|last| last.status == RevisionStatus::Failed).cloned() else { return };
    // An older verdict, on something else, is of no use any more; beside it these failures would not be counted.
    record.quarantine = None;
    if record.last_good().is_some() {
        record.failures = 0;
    } else if quarantines(&want.install, record.failures) {
        let (attempt, message) = (failed.attempt, failed.description);
        record.quarantine = Some(Quarantine { attempt, message, since: now, restored: None });
    }
}

/// Sets a revision's status in the record and in Helm's.
pub(super) async fn mark(
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    revision: u32,
    status: RevisionStatus,
    why: &str,
) -> Result<(), ApiError> {
    if prepared.spec.kind() == UnitKind::Release {
        record::set_status(prepared, key, unit, revision, status, why).await?;
    }
    if let Some(found) = unit.record_mut().revision_mut(revision) {
        found.status = status;
        found.description = why.to_owned();
        found.ended = Some(Timestamp::now());
    }
    Ok(())
}
