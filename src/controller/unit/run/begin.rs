//! How a run begins, and how one is given up.

use super::super::render::Turn;
use super::super::{Prepared, Unit, publish, record};
use super::{failure, surroundings};
use crate::api::Reason;
use crate::controller::context::Context;
use crate::release::{Attempt, Failure, Fault, RevisionMeta, RevisionStatus, Run, RunAction, UnitKey, same};
use crate::render::target::Target;
use jiff::Timestamp;
use std::sync::Arc;

/// Begins a first deployment or an upgrade: renders, checks what can be checked, and stores the run. Nothing is written yet. Where the target
/// deletes more than it may without an approval, no run begins.
pub(in super::super) async fn begin(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    action: RunAction,
) -> Result<(), Failure> {
    // What was installed by Helm, and is a failed or no first install of ours, is upgraded.
    let action = if action == RunAction::Upgrade && unit.record().last_good().is_none() && unit.record().history.len() <= 1 {
        RunAction::Install
    } else {
        action
    };
    let number = unit.record().next_number();
    let failed = unit.record().history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback);
    let refused = unit.record().quarantine.as_ref().map(|q| &q.attempt);
    if failed.map(|f| &f.attempt).or(refused).is_some_and(|before| !same(before, &prepared.want.attempt)) {
        // Something else is tried than what failed: its failures are counted anew.
        unit.record_mut().failures = 0;
    }
    let before = drawn_before(ctx, unit, prepared).await?;
    let (target, drawn) = prepared.render(ctx, key, Turn { action, number, before: before.as_deref() }).await?;
    let target = Arc::new(target);
    unit.record_mut().drawn |= drawn;
    super::crds::reachable(prepared, action, &target).await?;
    if super::prune::needs_approval(ctx, key, unit, prepared, &target) {
        ctx.save(key, unit, false).await;
        return Ok(());
    }
    start(
        ctx,
        key,
        unit,
        prepared,
        Start {
            action,
            number,
            attempt: prepared.want.attempt.clone(),
            chart_name: prepared.chart_name(),
            app_version: prepared.app_version(),
            target,
            to: None,
            why: None,
            since: None,
        },
    )
    .await
}

/// The objects that hold what another tool has drawn by chance: those of a revision that is not ours, and, once something of them was kept,
/// of each that came after. Our own chance gives the same each time.
async fn drawn_before(ctx: &Context, unit: &Unit, prepared: &Prepared) -> Result<Option<Arc<Target>>, Failure> {
    let record = unit.record();
    let Some(good) = record.last_good().filter(|r| !r.chart_name.is_empty() && (r.target.is_none() || record.drawn)) else {
        return Ok(None);
    };
    match super::super::rebuild::target(ctx, record, prepared, good.number).await {
        Ok(target) => Ok(Some(target)),
        Err(failure) if failure.fault == Fault::Content => {
            tracing::warn!(revision = good.number, error = %failure.message, "what was drawn by chance before is not known");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Begins a rollback to the target of an earlier revision, from the store or from Helm's record of it.
pub(in super::super) async fn begin_rollback(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    to: u32,
) -> Result<(), Failure> {
    let target = super::super::rebuild::target(ctx, unit.record(), prepared, to).await?;
    // One that failed is tried again under its number: a cluster that refuses it for a day must not fill the history with it.
    let failed = |r: &&RevisionMeta| r.status == RevisionStatus::Failed;
    let before = unit.record().last().filter(failed).filter(|r| r.action == RunAction::Rollback).map(|r| (r.number, r.started));
    let why = unit.record().history.iter().rev().find(|r| r.action != RunAction::Rollback).map(|r| r.description.clone());
    if before.is_some() {
        unit.record_mut().history.pop();
    }
    let number = before.map_or_else(|| unit.record().next_number(), |(number, _)| number);
    let good = unit.record().revision(to).cloned();
    let (chart_name, app_version) = good.as_ref().map(|g| (g.chart_name.clone(), g.app_version.clone())).unwrap_or_default();
    let attempt = good.map(|g| g.attempt).unwrap_or_default();
    let why = why.filter(|_| unit.record().pinned.is_none());
    let message = format!("rolling back to revision {to}: {}", why.as_deref().unwrap_or("asked for"));
    publish::event(ctx, key, unit, true, Reason::RolledBack, &message);
    start(
        ctx,
        key,
        unit,
        prepared,
        Start {
            action: RunAction::Rollback,
            number,
            attempt,
            chart_name,
            app_version,
            target,
            to: Some(to),
            why,
            since: before.map(|b| b.1),
        },
    )
    .await
}

/// Begins a removal.
pub(in super::super) async fn begin_uninstall(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Result<(), Failure> {
    let last = unit.record().last().cloned();
    let target = match (&unit.deployed, &last) {
        (Some((_, target)), _) => Arc::clone(target),
        (None, Some(last)) => super::super::rebuild::last_target(ctx, prepared, last).await?,
        (None, None) => Arc::default(),
    };
    let number = last.as_ref().map_or(0, |r| r.number);
    // The moment at which the deletion was asked for stays the same when the store is lost: hooks that have run are known by it.
    let now = prepared.spec.deleted_at().unwrap_or_else(Timestamp::now);
    unit.running = Some((number, target));
    let attempt = last.map(|r| r.attempt).unwrap_or_default();
    unit.record_mut().run = Some(Run::new(number, RunAction::Uninstall, attempt, now));
    ctx.save(key, unit, true).await;
    Ok(())
}

/// Begins to test what is deployed: tests were switched on after it, or their failures are not ignored any more.
pub(in super::super) async fn begin_test(ctx: &Context, key: &UnitKey, unit: &mut Unit) -> Result<(), Failure> {
    let record = unit.record_mut();
    let Some(number) = record.deployed().map(|r| r.number) else { return Ok(()) };
    let Some(revision) = record.revision_mut(number) else { return Ok(()) };
    revision.tests = None;
    let attempt = revision.attempt.clone();
    record.run = Some(Run::new(number, RunAction::Test, attempt, Timestamp::now()));
    unit.running = None;
    ctx.save(key, unit, true).await;
    Ok(())
}

struct Start {
    action: RunAction,
    number: u32,
    attempt: Attempt,
    chart_name: String,
    app_version: String,
    target: Arc<Target>,
    to: Option<u32>,
    why: Option<String>,
    /// When the revision began, where it is tried again.
    since: Option<Timestamp>,
}

async fn start(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, begin: Start) -> Result<(), Failure> {
    let now = Timestamp::now();
    let kept = ctx.put_target(&begin.target).await.map_err(|e| surroundings(format!("the target cannot be stored: {e}")))?;
    let first_deployed = unit.record().history.first().map_or(now, |r| r.first_deployed);
    super::super::restart::first_sight(ctx, unit, prepared, &begin.target).await.map_err(|e| failure(&e))?;
    let record = unit.record_mut();
    record.history.push(RevisionMeta {
        number: begin.number,
        status: match begin.action {
            RunAction::Install => RevisionStatus::PendingInstall,
            RunAction::Rollback => RevisionStatus::PendingRollback,
            _ => RevisionStatus::PendingUpgrade,
        },
        action: begin.action,
        attempt: begin.attempt.clone(),
        chart_name: begin.chart_name,
        app_version: begin.app_version,
        digest: begin.target.digest(),
        target: Some(kept.target),
        chart: kept.chart,
        first_deployed,
        started: begin.since.unwrap_or(now),
        ended: None,
        description: String::new(),
        commit: prepared.commit(),
        tests: None,
    });
    record.run = Some(Run { to: begin.to, why: begin.why, ..Run::new(begin.number, begin.action, begin.attempt, now) });
    // Kept until the new revision is good: the quarantine of another target is void, and so is its hold.
    record.held = None;
    record.approval = None;
    record.leave = Some(prepared.spec.leave());
    unit.running = Some((begin.number, begin.target));
    unit.seen = unit.seen.or(prepared.source_seen());
    ctx.save(key, unit, true).await;
    tracing::info!(unit = %key, revision = begin.number, action = begin.action.as_str(), "run begins");
    Ok(())
}

/// Gives a running wait up for something newer. What it wrote stays; the newer run starts from there.
pub(in super::super) async fn supersede(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Result<(), Failure> {
    let Some(run) = unit.record_mut().run.take() else { return Ok(()) };
    if run.action == RunAction::Test {
        // What is deployed stays as good as it was, and untested.
        if let Some(revision) = unit.record_mut().revision_mut(run.revision) {
            revision.tests = None;
        }
        unit.running = None;
        ctx.save(key, unit, true).await;
        return Ok(());
    }
    let why = format!("superseded by {} before it became healthy", prepared.want.attempt.version);
    if let Err(error) = super::end::mark(key, unit, prepared, run.revision, RevisionStatus::Failed, &why).await {
        unit.record_mut().run = Some(run);
        return Err(failure(&error));
    }
    unit.running = None;
    publish::event(ctx, key, unit, false, Reason::Superseded, &why);
    ctx.save(key, unit, true).await;
    Ok(())
}

/// Marks a pending revision that nobody works on as failed: an operation of another tool, or of ours with the journal lost.
pub(in super::super) async fn unlock(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    revision: u32,
) -> Result<(), Failure> {
    let why = "never ended: marked as failed so that the release goes on";
    record::set_status(prepared, key, unit, revision, RevisionStatus::Failed, why).await.map_err(|e| failure(&e))?;
    // What it tried is not held against what is wanted now: it may be what was cut off by a crash.
    if let Some(found) = unit.record_mut().revision_mut(revision) {
        (found.status, found.description) = (RevisionStatus::Failed, why.into());
        found.attempt = Attempt::default();
        found.ended = Some(Timestamp::now());
    }
    ctx.save(key, unit, true).await;
    Ok(())
}
