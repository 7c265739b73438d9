//! The steps of a run. The run is stored before its first write and after each step; each step finds out what of it was done already,
//! so that a run that was cut off anywhere is simply gone on with.
mod backup;
mod begin;
mod crds;
mod end;
mod hooks;
mod logs;
mod objects;
mod prune;
mod testing;

use super::{Prepared, Unit};
use crate::cluster::ApiError;
use crate::controller::context::Context;
use crate::release::stages::stages;
use crate::release::steps::{Shape, Step, steps};
use crate::release::{Failure, Fault, Run, RunAction, UnitKey};
use crate::render::target::Target;
pub(super) use begin::{begin, begin_rollback, begin_test, begin_uninstall, supersede, unlock};
pub(super) use end::end;
use jiff::{SignedDuration, Timestamp};
pub(super) use prune::late;
use std::sync::Arc;

/// How long a CRD may take to be established, and a removed object to be gone, before it is looked at again without an event.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

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
/// Goes on with the run: step by step, until it waits, stumbles or ends.
pub(super) async fn advance(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Progress {
    let run = unit.record().run.clone().expect("advance is called for a run");
    let target = match &unit.running {
        Some((revision, target)) if *revision == run.revision => Arc::clone(target),
        _ => {
            let loaded = if run.action == RunAction::Uninstall {
                match unit.record().revision(run.revision).cloned() {
                    Some(last) => super::rebuild::last_target(ctx, prepared, &last).await,
                    None => Ok(Arc::default()),
                }
            } else {
                super::rebuild::target(ctx, unit.record(), prepared, run.revision).await
            };
            match loaded {
                Ok(target) => {
                    keep(ctx, unit, run.revision, &target).await;
                    unit.running = Some((run.revision, Arc::clone(&target)));
                    target
                }
                Err(failure) => return Progress::Stumbled(failure),
            }
        }
    };
    // From before the first write on, so that nobody has to ask how it goes.
    if !prepared.cluster.is_remote() {
        ctx.watch_objects(key.kind, &target.manifests, prepared.spec.exprs());
    }
    let stages = stages(&target.manifests);
    let policy = &prepared.spec.policy(run.action);
    let shape = Shape {
        stages: stages.iter().map(|s| s.established).collect(),
        before: hooks::of(&target.hooks, run.action, true, policy.hooks),
        after: hooks::of(&target.hooks, run.action, false, policy.hooks),
        tests: prepared.spec.tests().map(|filters| testing::chosen(&target.hooks, filters)),
        crds: crds::concerned(unit, prepared, &target, &run),
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
            Step::Crds => scene.crds(unit).await,
            Step::Hook(index) => scene.hook(unit, index).await,
            Step::CleanHooks { before } => scene.clean_hooks(if before { &shape.before } else { &shape.after }).await.map(|()| Done::Yes),
            Step::Apply(index) => scene.apply(unit, &stages[index].members).await,
            Step::Established(index) => scene.established(stages[index].members.iter().map(|&i| &target.manifests[i])).await,
            Step::Prune => scene.prune(unit).await,
            Step::Healthy => scene.healthy(unit).await,
            Step::Test(index) => scene.test(unit, index).await,
            Step::CleanTests => scene.tested(unit).await,
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
/// The target of a run that was found in the cluster is kept, so that a later rollback finds it.
async fn keep(ctx: &Context, unit: &mut Unit, revision: u32, target: &Target) {
    let Some(meta) = unit.record_mut().revision_mut(revision).filter(|m| m.target.is_none() && m.status.is_pending()) else { return };
    match ctx.put_target(target).await {
        Ok(kept) => {
            (meta.target, meta.chart) = (Some(kept.target), kept.chart);
            meta.digest = target.digest();
        }
        Err(error) => tracing::warn!(revision, %error, "the target of the run cannot be kept; Helm's record has it"),
    }
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
