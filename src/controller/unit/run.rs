//! The steps of a run. The run is stored before its first write and after each step; each step finds out what of it was done already,
//! so that a run that was cut off anywhere is simply gone on with.

use super::{Prepared, Unit, live, publish, record};
use crate::api::Reason;
use crate::api::helm::CrdsPolicy;
use crate::cluster::{ApiError, Apply, Delete, Done as Outcome, Job, Prior, StageOptions};
use crate::controller::context::Context;
use crate::health::{self, HealthState, Verdict};
use crate::object::{Gvk, Json, Manifest, ObjectId};
use crate::plan::hook::{DeletePolicy, Event, Hook, sequence};
use crate::plan::inventory::PrunePolicy;
use crate::release::decide::quarantines;
use crate::release::stages::{sort_for_deletion, stages};
use crate::release::steps::{Shape, Step, steps};
use crate::release::{Attempt, Failure, Fault, Quarantine, RevisionMeta, RevisionStatus, Run, RunAction, UnitKey, UnitKind};
use crate::render::target::Target;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Objects of one stage that are applied at the same time.
const CONCURRENCY: usize = 16;
/// How long a CRD may take to be established, and a removed object to be gone, before it is looked at again without an event.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);
/// Which run made a hook's object: one that the same run made is not made again.
const RUN: &str = "helmward.dev/run";

/// How far a run came.
pub(super) enum Progress {
    /// To its end: all done, or a verdict on the content.
    Ended(Result<(), Failure>),
    /// It waits; an event wakes it, or this time.
    Waiting {
        /// When to look again without an event.
        until: Timestamp,
        /// What for, in words.
        what: String,
    },
    /// A failure of the surroundings; the same step is tried again.
    Stumbled(Failure),
}

/// How a step ended.
enum Done {
    Yes,
    Wait { until: Timestamp, what: String },
}

/// Begins a first deployment or an upgrade: renders, checks what can be checked, and stores the run. Nothing is written yet.
pub(super) async fn begin(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, action: RunAction) -> Result<(), Failure> {
    // What was installed by Helm, and is a failed or no first install of ours, is upgraded.
    let action = if action == RunAction::Upgrade && unit.record().last_good().is_none() && unit.record().history.len() <= 1 {
        RunAction::Install
    } else {
        action
    };
    let number = unit.record().next_number();
    let target = Arc::new(prepared.render(ctx, key, action, number).await?);
    reachable(ctx, &target).await?;
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
        },
    )
    .await
}

/// Begins a rollback to the target of an earlier revision, from the store or from Helm's record of it.
pub(super) async fn begin_rollback(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, to: u32) -> Result<(), Failure> {
    let number = unit.record().next_number();
    let target = super::rebuild::target(ctx, unit.record(), prepared, to).await?;
    let good = unit.record().revision(to).cloned();
    let (chart_name, app_version) = good.as_ref().map(|g| (g.chart_name.clone(), g.app_version.clone())).unwrap_or_default();
    let attempt = good.map(|g| g.attempt).unwrap_or_default();
    let why = unit.record().last().map(|r| r.description.clone());
    let message = format!("rolling back to revision {to}: {}", why.as_deref().unwrap_or("asked for"));
    publish::event(ctx, key, unit, true, Reason::RolledBack, &message);
    start(
        ctx,
        key,
        unit,
        prepared,
        Start { action: RunAction::Rollback, number, attempt, chart_name, app_version, target, to: Some(to), why },
    )
    .await
}

/// Begins a removal.
pub(super) async fn begin_uninstall(ctx: &Context, key: &UnitKey, unit: &mut Unit) -> Result<(), Failure> {
    let last = unit.record().last().cloned();
    let target = match (&unit.deployed, &last) {
        (Some((_, target)), _) => Arc::clone(target),
        (None, Some(last)) => super::rebuild::stored_target(ctx, last).await.unwrap_or_default(),
        (None, None) => Arc::default(),
    };
    let number = last.as_ref().map_or(0, |r| r.number);
    let now = Timestamp::now();
    unit.running = Some((number, target));
    unit.record_mut().run = Some(Run {
        revision: number,
        action: RunAction::Uninstall,
        attempt: last.map(|r| r.attempt).unwrap_or_default(),
        cursor: 0,
        length: 0,
        started: now,
        waiting_since: None,
        made: None,
        to: None,
        why: None,
        stumbles: 0,
    });
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
}

async fn start(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, begin: Start) -> Result<(), Failure> {
    let now = Timestamp::now();
    let kept = ctx.put_target(&begin.target).await.map_err(|e| surroundings(format!("the target cannot be stored: {e}")))?;
    let first_deployed = unit.record().history.first().map_or(now, |r| r.first_deployed);
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
        started: now,
        ended: None,
        description: String::new(),
        commit: prepared.commit(),
    });
    record.run = Some(Run {
        revision: begin.number,
        action: begin.action,
        attempt: begin.attempt,
        cursor: 0,
        length: 0,
        started: now,
        waiting_since: None,
        made: None,
        to: begin.to,
        why: begin.why,
        stumbles: 0,
    });
    // Kept until the new revision is good: the quarantine of another target is void, and so is its hold.
    record.held = None;
    unit.running = Some((begin.number, begin.target));
    unit.seen = unit.seen.or(prepared.source_seen());
    ctx.save(key, unit, true).await;
    tracing::info!(unit = %key, revision = begin.number, action = begin.action.as_str(), "run begins");
    Ok(())
}

/// Gives a running wait up for something newer. What it wrote stays; the newer run starts from there.
pub(super) async fn supersede(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Result<(), Failure> {
    let Some(run) = unit.record_mut().run.take() else { return Ok(()) };
    let why = format!("superseded by {} before it became healthy", prepared.want.attempt.version);
    if let Err(error) = mark(key, unit, prepared, run.revision, RevisionStatus::Failed, &why).await {
        unit.record_mut().run = Some(run);
        return Err(failure(&error));
    }
    unit.running = None;
    publish::event(ctx, key, unit, false, Reason::Superseded, &why);
    ctx.save(key, unit, true).await;
    Ok(())
}

/// Marks a pending revision that nobody works on as failed: an operation of another tool, or of ours with the journal lost.
pub(super) async fn unlock(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, revision: u32) -> Result<(), Failure> {
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

/// Goes on with the run: step by step, until it waits, stumbles or ends.
pub(super) async fn advance(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Progress {
    let run = unit.record().run.clone().expect("advance is called for a run");
    let target = match &unit.running {
        Some((revision, target)) if *revision == run.revision => Arc::clone(target),
        _ => {
            let loaded = if run.action == RunAction::Uninstall {
                match unit.record().revision(run.revision).cloned() {
                    Some(last) => Ok(super::rebuild::stored_target(ctx, &last).await.unwrap_or_default()),
                    None => Ok(Arc::default()),
                }
            } else {
                super::rebuild::target(ctx, unit.record(), prepared, run.revision).await
            };
            match loaded {
                Ok(target) => {
                    unit.running = Some((run.revision, Arc::clone(&target)));
                    target
                }
                Err(failure) => return Progress::Stumbled(failure),
            }
        }
    };
    // From before the first write on, so that nobody has to ask how it goes.
    ctx.watch_objects(key.kind, &target.manifests);
    let stages = stages(&target.manifests);
    let policy = &prepared.spec.policy(run.action);
    let shape = Shape {
        stages: stages.iter().map(|s| s.established).collect(),
        before: hooks(&target.hooks, run.action, true, policy.hooks),
        after: hooks(&target.hooks, run.action, false, policy.hooks),
        crds: !target.crds.is_empty() && policy.crds != CrdsPolicy::Skip,
        wait: policy.wait,
    };
    let shape = if run.action == RunAction::Uninstall { Shape { stages: Vec::new(), crds: false, wait: false, ..shape } } else { shape };
    let list = steps(run.action, &shape);
    if run.length != list.len() {
        // First pass, or the policy changed while the run was cut off: all steps are idempotent.
        let run = unit.record_mut().run.as_mut().expect("it is there");
        (run.cursor, run.length, run.waiting_since) = (0, list.len(), None);
    }
    loop {
        let run = unit.record().run.clone().expect("it is there until it ends");
        let Some(step) = list.get(run.cursor).copied() else { return Progress::Ended(Ok(())) };
        let scene = Scene { ctx, key, prepared, target: &target, run: &run, shape: &shape };
        let result = match step {
            Step::Begin => scene.pending(unit).await,
            Step::Crds => scene.crds().await,
            Step::Hook(index) => scene.hook(unit, index).await,
            Step::CleanHooks { before } => scene.clean_hooks(if before { &shape.before } else { &shape.after }).await.map(|()| Done::Yes),
            Step::Apply(index) => scene.apply(unit, &stages[index].members).await,
            Step::Established(index) => scene.established(stages[index].members.iter().map(|&i| &target.manifests[i])).await,
            Step::Prune => scene.prune(unit).await,
            Step::Healthy => scene.healthy(unit).await,
            Step::Finish => scene.finish(unit).await,
        };
        let run = unit.record_mut().run.as_mut().expect("it is there until it ends");
        match result {
            Ok(Done::Yes) => {
                run.cursor += 1;
                run.waiting_since = None;
                run.made = None;
                run.stumbles = 0;
                let writes = list.get(run.cursor).is_some_and(|next| next.writes());
                ctx.save(key, unit, writes).await;
            }
            Ok(Done::Wait { until, what }) => {
                if run.waiting_since.is_none() {
                    run.waiting_since = Some(Timestamp::now());
                    ctx.save(key, unit, false).await;
                }
                return Progress::Waiting { until, what };
            }
            Err(failure) if failure.fault == Fault::Surroundings => {
                run.stumbles += 1;
                tracing::warn!(unit = %key, step = ?step, error = %failure.message, "failure of the surroundings; trying again");
                ctx.save(key, unit, false).await;
                return Progress::Stumbled(failure);
            }
            Err(failure) => return Progress::Ended(Err(failure)),
        }
    }
}

/// Writes the end of a run into the record (and a failed status into Helm's, before anything else: where that cannot be written, the
/// run has not ended).
pub(super) async fn end(
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
                    (RunAction::Rollback, Some(to)) => {
                        format!("rolled back to revision {to} ({version}): {}", run.why.as_deref().unwrap_or("asked for"))
                    }
                    (action, _) => format!("{} of {version} complete", action.as_str()),
                };
            }
            // The chart in Helm's record is large, and the store has it.
            unit.deployed = target.map(|(number, target)| (number, Arc::new(Target { release: None, ..Arc::unwrap_or_clone(target) })));
            unit.compared = false;
            let (warning, reason) = match run.action {
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
            let message = unit.record().revision(run.revision).map(|r| r.description.clone()).unwrap_or_default();
            publish::event(ctx, key, unit, warning, reason, &message);
        }
        Err(failure) => {
            let record = unit.record_mut();
            record.failures += 1;
            if run.action == RunAction::Rollback && record.pinned.is_none() {
                // Neither forward nor back: the failed target is not tried again all the same, or the two would follow each other for ever.
                let failed = record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback);
                record.quarantine = failed.cloned().map(|failed| Quarantine {
                    message: format!("{}; rolling back failed too: {}", failed.description, failure.message),
                    attempt: failed.attempt,
                    since: now,
                    restored: None,
                });
            }
            let reason = match (key.kind, run.action) {
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

/// Sets a revision's status in the record and in Helm's.
async fn mark(
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

/// The indexes of the hooks that run before or after an action.
fn hooks(all: &[Hook], action: RunAction, before: bool, enabled: bool) -> Vec<usize> {
    let event = match (action, before) {
        (RunAction::Install, true) => Event::PreInstall,
        (RunAction::Install, false) => Event::PostInstall,
        (RunAction::Upgrade, true) => Event::PreUpgrade,
        (RunAction::Upgrade, false) => Event::PostUpgrade,
        (RunAction::Rollback, true) => Event::PreRollback,
        (RunAction::Rollback, false) => Event::PostRollback,
        (RunAction::Uninstall, true) => Event::PreDelete,
        (RunAction::Uninstall, false) => Event::PostDelete,
    };
    if enabled { sequence(all, event) } else { Vec::new() }
}

/// What every step looks at.
struct Scene<'a> {
    ctx: &'a Arc<Context>,
    key: &'a UnitKey,
    prepared: &'a Prepared,
    target: &'a Target,
    run: &'a Run,
    shape: &'a Shape,
}

type StepResult = Result<Done, Failure>;

impl Scene<'_> {
    /// Helm's record of the new revision, pending; before it the namespace, where it is to be made.
    async fn pending(&self, unit: &mut Unit) -> StepResult {
        if self.run.action == RunAction::Install
            && let Some(namespace) = self.prepared.spec.create_namespace()
        {
            self.prepared.cluster.ensure_namespace(namespace, &self.prepared.spec.namespace_labels()).await.map_err(|e| failure(&e))?;
        }
        if self.key.kind == UnitKind::Release && self.run.action != RunAction::Uninstall {
            record::write_pending(self.key, unit, self.prepared, self.target, self.run).await.map_err(|e| failure(&e))?;
        }
        Ok(Done::Yes)
    }

    /// Brings the CRDs of `crds/` in: absent ones are made, present ones replaced only where the policy says so.
    async fn crds(&self) -> StepResult {
        let replace = self.prepared.spec.policy(self.run.action).crds == CrdsPolicy::CreateReplace;
        for crd in &self.target.crds {
            if replace || self.prepared.cluster.get(&crd.id).await.map_err(|e| failure(&e))?.is_none() {
                self.prepared.cluster.apply(crd, &Apply::default()).await.map_err(|e| failure(&e))?;
            }
        }
        self.established(self.target.crds.iter()).await
    }

    fn options(&self) -> StageOptions {
        let spec = &self.prepared.spec;
        StageOptions { owner: spec.owner(), adopt: spec.adopts(), apply: Apply::default(), concurrency: CONCURRENCY }
    }

    /// Applies those objects of a stage that differ.
    async fn apply(&self, unit: &mut Unit, members: &[usize]) -> StepResult {
        let mut jobs = Vec::new();
        let mut sent: Vec<&Manifest> = Vec::new();
        for manifest in members.iter().map(|&i| &self.target.manifests[i]) {
            let known = unit.record().inventory.get(&manifest.id.inventory_id());
            if known.is_some_and(|known| live::as_verified(self.ctx, manifest, known)) {
                continue;
            }
            let prior = match known {
                // Without a uid it was never verified by us: Helm may have made it, or somebody else may own it by now.
                Some(known) if !known.uid.is_empty() => Prior::Ours { resource_version: known.resource_version.clone() },
                _ => Prior::Unknown,
            };
            let recreate = self.prepared.spec.recreates(manifest);
            jobs.push(Job::Apply { manifest: Arc::new(self.prepared.spec.without_ignored(manifest)), prior, recreate });
            sent.push(manifest);
        }
        let outcomes = self.prepared.cluster.run_stage(jobs, &self.options()).await;
        let mut first: Option<ApiError> = None;
        for (manifest, outcome) in sent.into_iter().zip(outcomes) {
            let id = &manifest.id;
            for warning in &outcome.warnings {
                // Such as a field that the kind does not have: the server drops it, and nobody would ever know.
                let message = format!("{id} ({}): {warning}", manifest.origin);
                tracing::warn!(unit = %self.key, "{message}");
                publish::event(self.ctx, self.key, unit, true, Reason::UnsupportedField, &message);
            }
            match outcome.result {
                // A verdict on the content counts more than a failure of the surroundings beside it.
                Outcome::Refused(error) => {
                    if first.as_ref().is_none_or(|first| !first.is_content() && error.is_content()) {
                        first = Some(error);
                    }
                }
                _ => {
                    unit.suspects.remove(id);
                    unit.drift.remove(id);
                    let applied = live::applied(manifest, outcome.uid, outcome.resource_version);
                    unit.record_mut().inventory.insert(id.inventory_id(), applied);
                }
            }
        }
        first.map_or(Ok(Done::Yes), |error| Err(failure(&error)))
    }

    /// Waits until CRDs are served.
    async fn established(&self, crds: impl Iterator<Item = &Manifest>) -> StepResult {
        let crds: Vec<&Manifest> = crds.filter(|m| m.id.kind == "CustomResourceDefinition").collect();
        let names: Vec<String> = crds.iter().map(|m| m.id.name.clone()).collect();
        let kinds: Vec<Gvk> = crds.into_iter().flat_map(kinds_of).collect();
        let limit = std::time::Duration::from_secs(20);
        self.prepared.cluster.wait_established(&names, limit).await.map_err(|e| failure(&e))?;
        self.prepared.cluster.discovery().wait_for(&kinds, limit).await.map_err(|e| failure(&e))?;
        Ok(Done::Yes)
    }

    /// Deletes what the inventory has and the target has not. An entry leaves only when its deletion was confirmed.
    async fn prune(&self, unit: &mut Unit) -> StepResult {
        let uninstall = self.run.action == RunAction::Uninstall;
        let wanted: BTreeSet<String> =
            if uninstall { BTreeSet::new() } else { self.target.manifests.iter().map(|m| m.id.inventory_id()).collect() };
        let policy = self.prepared.spec.policy(self.run.action);
        if !policy.prune {
            unit.record_mut().inventory.retain(|id, _| wanted.contains(id));
            return Ok(Done::Yes);
        }
        let mut gone: Vec<ObjectId> = unit.record().objects().map(|(id, _)| id).filter(|id| !wanted.contains(&id.inventory_id())).collect();
        sort_for_deletion(&mut gone);
        let job = |id: ObjectId| {
            let api_version = unit.record().inventory.get(&id.inventory_id()).map(|a| a.api_version.clone()).unwrap_or_default();
            // CRDs, claims and namespaces stay, with their release too: a commit must not be able to delete data. Nothing opts out yet.
            Job::Delete { id, api_version, protect: Some(PrunePolicy::default()), propagation: policy.propagation }
        };
        let outcomes = self.prepared.cluster.run_stage(gone.into_iter().map(job).collect(), &self.options()).await;
        let mut waiting = BTreeSet::new();
        let mut first: Option<ApiError> = None;
        for outcome in outcomes {
            match outcome.result {
                Outcome::Deleted | Outcome::Gone => drop(unit.record_mut().inventory.remove(&outcome.id.inventory_id())),
                Outcome::Kept(why) => {
                    tracing::info!(unit = %self.key, object = %outcome.id, "not deleted: {why}");
                    unit.record_mut().inventory.remove(&outcome.id.inventory_id());
                }
                Outcome::Deleting => drop(waiting.insert(outcome.id)),
                Outcome::Refused(error) => first = first.or(Some(error)),
                _ => {}
            }
        }
        if let Some(error) = first {
            return Err(failure(&error));
        }
        // An upgrade does not wait for ever for an object with a finalizer; it stays in the inventory, and the next run asks again.
        if waiting.is_empty() || (!uninstall && self.waited() > SignedDuration::from_secs(30)) {
            return Ok(Done::Yes);
        }
        let what = format!("{} to be gone", names_of(waiting.iter()));
        self.ctx.units.await_objects(self.key, unit, waiting.into_iter().collect());
        Ok(Done::Wait { until: Timestamp::now() + PATIENCE, what })
    }

    fn waited(&self) -> SignedDuration {
        self.run.waiting_since.map_or(SignedDuration::ZERO, |since| Timestamp::now().duration_since(since))
    }

    /// Waits for health; the verdict is the pure core's.
    async fn healthy(&self, unit: &mut Unit) -> StepResult {
        let now = Timestamp::now();
        let since = self.run.waiting_since.unwrap_or(now);
        let policy = self.prepared.spec.policy(self.run.action);
        let ids = self.prepared.spec.waits_for(&self.target.manifests, self.run.action);
        match live::verdict(self.ctx, self.prepared, self.key, unit, &ids, since, now, policy.timeout).await {
            Verdict::Healthy => {
                self.ctx.units.await_objects(self.key, unit, Default::default());
                self.ctx.units.wait_in(self.key, &Default::default());
                unit.workloads.clear();
                Ok(Done::Yes)
            }
            Verdict::Waiting { on, until } => {
                let what = on.first().map_or_else(|| "health".to_owned(), |f| f.sentence.clone());
                self.ctx.units.await_objects(self.key, unit, ids.into_iter().collect());
                Ok(Done::Wait { until, what: format!("waiting for {what}") })
            }
            Verdict::Failed { because, .. } => {
                self.ctx.units.wait_in(self.key, &Default::default());
                unit.workloads.clear();
                let sentences: Vec<&str> = because.iter().map(|f| f.sentence.as_str()).take(3).collect();
                Err(content(format!("not healthy: {}", sentences.join("; "))))
            }
        }
    }

    async fn finish(&self, unit: &mut Unit) -> StepResult {
        if self.key.kind == UnitKind::Release {
            record::finish(self.ctx, self.key, unit, self.prepared, self.target, self.run).await.map_err(|e| failure(&e))?;
        }
        Ok(Done::Yes)
    }

    /// Runs one hook: what an earlier run left goes first, then it is made, then waited for.
    async fn hook(&self, unit: &mut Unit, index: usize) -> StepResult {
        let hook = &self.target.hooks[index];
        let id = &hook.manifest.id;
        let token = format!("{}.{}", self.run.revision, self.run.started.as_millisecond());
        let runs = matches!(id.kind.as_str(), "Job" | "Pod");
        if runs {
            // Their end is told by an event, and some are gone right after it.
            self.ctx.watch_objects(self.key.kind, std::slice::from_ref(&hook.manifest));
            self.ctx.units.await_objects(self.key, unit, [id.clone()].into());
        }
        let live = self.prepared.cluster.get(id).await.map_err(|e| failure(&e))?;
        let mine = |live: &Json| live.pointer("/metadata/annotations").and_then(|a| a.get(RUN)).and_then(Json::as_str) == Some(&token);
        let live = match live {
            Some(live) if mine(&live) => live,
            None if self.run.made.is_some() => {
                // Made by this run and gone since (`ttlSecondsAfterFinished`): as Helm sees it, it has run, unless it was seen to fail.
                let failed = self.run.made.as_deref().and_then(|uid| self.ctx.units.ended(uid)).filter(|h| h.state == HealthState::Failed);
                self.ctx.units.await_objects(self.key, unit, Default::default());
                return match failed {
                    Some(health) => Err(content(format!("hook {id} failed: {}", health.message))),
                    None => Ok(Done::Yes),
                };
            }
            Some(live) if live.pointer("/metadata/deletionTimestamp").is_some() => {
                self.ctx.units.await_objects(self.key, unit, [id.clone()].into());
                return Ok(Done::Wait { until: Timestamp::now() + PATIENCE, what: format!("{id} of an earlier run to be gone") });
            }
            Some(live) if hook.deletes(DeletePolicy::BeforeHookCreation) => {
                let uid = live.pointer("/metadata/uid").and_then(Json::as_str).map(str::to_owned);
                self.prepared.cluster.delete_by_id(id, &Delete { uid, ..Delete::default() }).await.map_err(|e| failure(&e))?;
                return Ok(Done::Wait {
                    until: Timestamp::now() + SignedDuration::from_millis(100),
                    what: format!("{id} of an earlier run to be gone"),
                });
            }
            other => {
                let mut manifest = hook.manifest.clone();
                annotate(&mut manifest, RUN, &token);
                if other.is_none() || !hook.deletes(DeletePolicy::BeforeHookCreation) {
                    let made = self.prepared.cluster.apply(&manifest, &Apply::default()).await.map_err(|e| failure(&e))?;
                    if runs && let Some(run) = unit.record_mut().run.as_mut() {
                        run.made = Some(made.uid().to_owned());
                        self.ctx.save(self.key, unit, true).await;
                    }
                    made.object
                } else {
                    return Err(surroundings(format!("{id} is in the way")));
                }
            }
        };
        let now = Timestamp::now();
        let since = self.run.waiting_since.unwrap_or(now);
        let timeout = self.prepared.spec.policy(self.run.action).timeout;
        let health = health::check(Some(&live));
        if !runs || (health.state == HealthState::Current && has_run(&live)) {
            self.ctx.units.await_objects(self.key, unit, Default::default());
            return Ok(Done::Yes);
        }
        if health.state == HealthState::Failed || now.duration_since(since) >= timeout {
            if hook.deletes(DeletePolicy::HookFailed) {
                self.prepared.cluster.delete_by_id(id, &Delete::default()).await.map_err(|e| failure(&e))?;
            }
            // Those that succeeded before it go as they would have.
            if let Some(list) = [&self.shape.before, &self.shape.after].into_iter().find(|list| list.contains(&index)) {
                let earlier: Vec<usize> = list.iter().copied().take_while(|i| *i != index).collect();
                self.clean_hooks(&earlier).await?;
            }
            let why =
                if health.state == HealthState::Failed { health.message } else { format!("not within {timeout:#}: {}", health.message) };
            return Err(content(format!("hook {id} failed: {why}")));
        }
        self.ctx.units.await_objects(self.key, unit, [id.clone()].into());
        Ok(Done::Wait { until: (since + timeout).min(now + SignedDuration::from_secs(30)), what: format!("waiting for hook {id}") })
    }

    /// Of hooks that succeeded, those that ask for it are deleted.
    async fn clean_hooks(&self, list: &[usize]) -> Result<(), Failure> {
        for hook in list.iter().map(|&i| &self.target.hooks[i]).filter(|h| h.deletes(DeletePolicy::HookSucceeded)) {
            self.prepared.cluster.delete_by_id(&hook.manifest.id, &Delete::default()).await.map_err(|e| failure(&e))?;
        }
        Ok(())
    }
}

/// A Job or Pod that has come to its end; a Pod that merely runs has not.
fn has_run(live: &Json) -> bool {
    match live.get("kind").and_then(Json::as_str) {
        Some("Pod") => live.pointer("/status/phase").and_then(Json::as_str) == Some("Succeeded"),
        Some("Job") => live
            .pointer("/status/conditions")
            .and_then(Json::as_array)
            .is_some_and(|c| c.iter().any(|c| c["type"] == "Complete" && c["status"] == "True")),
        _ => true,
    }
}

fn annotate(manifest: &mut Manifest, key: &str, value: &str) {
    if let Some(metadata) = manifest.body.get_mut("metadata").and_then(Json::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Json::Object(Default::default()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(key.into(), Json::String(value.into()));
        }
    }
}

/// Every kind of the target is served, or its CRD comes with it; checked before the first write.
async fn reachable(ctx: &Context, target: &Target) -> Result<(), Failure> {
    let coming: BTreeSet<(String, String)> = target
        .crds
        .iter()
        .chain(target.manifests.iter().filter(|m| m.id.kind == "CustomResourceDefinition"))
        .flat_map(kinds_of)
        .map(|gvk| (gvk.group, gvk.kind))
        .collect();
    let mut missing = BTreeMap::new();
    for manifest in &target.manifests {
        let gvk = manifest.gvk();
        if coming.contains(&(gvk.group.clone(), gvk.kind.clone())) {
            continue;
        }
        match ctx.cluster.discovery().resource(&gvk).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(missing.insert(gvk.to_string(), manifest.origin.to_string())),
            Err(error) => return Err(failure(&error)),
        }
    }
    match missing.iter().next() {
        None => Ok(()),
        Some((kind, origin)) => Err(surroundings(format!(
            "the cluster does not know {kind} ({origin}); nothing was written, it goes on when the CustomResourceDefinition is there"
        ))),
    }
}

/// The kinds that a CRD serves.
fn kinds_of(crd: &Manifest) -> Vec<Gvk> {
    let text = |pointer: &str| crd.body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let versions = crd.body.pointer("/spec/versions").and_then(Json::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|v| v["served"] == true)
        .filter_map(|v| v["name"].as_str())
        .map(|version| Gvk { group: text("/spec/group"), version: version.into(), kind: text("/spec/names/kind") })
        .collect()
}

fn names_of<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> String {
    let names: Vec<String> = ids.map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}

pub(super) fn failure(error: &ApiError) -> Failure {
    let fault = if error.is_content() { Fault::Content } else { Fault::Surroundings };
    Failure { fault, message: error.to_string() }
}

pub(super) fn surroundings(message: String) -> Failure {
    Failure { fault: Fault::Surroundings, message }
}

pub(super) fn content(message: String) -> Failure {
    Failure { fault: Fault::Content, message }
}
