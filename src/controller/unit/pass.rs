//! The loop of a pass: gather, observe, decide, act, until there is nothing to do now.

use super::{Inbox, Spec, Unit, depend, live, place, prepare, publish, rebuild, run, uninstall};
use crate::api::Reason;
use crate::controller::context::Context;
use crate::release::{
    Action, Decision, Facts, Failure, Fault, Outcome, Quarantine, Rejected, RevisionStatus, RunAction, State, UnitKey, UnitKind, decide,
    observe, record::backoff, same,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// One pass over a unit: takes it out, works on it, puts it back, and sets the time of the next.
pub async fn pass(ctx: Arc<Context>, key: UnitKey) {
    let started = std::time::Instant::now();
    let (mut unit, inbox, epoch) = ctx.units.take(&key);
    let keep = work(&ctx, &key, &mut unit, inbox).await;
    if keep && unit.stale {
        // What the store has of it is as old as what is in memory.
        tracing::warn!(unit = %key, "somebody else went on with the release; what is remembered of it is read from the cluster again");
        ctx.forget(&key).await;
        ctx.units.await_objects(&key, &mut unit, Default::default());
        ctx.units.take_from(&key, &mut unit, Default::default());
        ctx.units.wake(&key);
    } else if keep {
        ctx.units.put(&key, unit, epoch);
    } else {
        ctx.units.await_objects(&key, &mut unit, Default::default());
        ctx.units.take_from(&key, &mut unit, Default::default());
        ctx.views.remove_unit(&key);
    }
    ctx.metrics.reconciled(key.kind.as_str(), &key.namespace, &key.name, started.elapsed());
}

/// What a pass came to: the outcome to show, and when to look again without an event.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) again: Option<SignedDuration>,
    /// Whether the status stays as it is: nothing is known that was not known before.
    pub(super) quiet: bool,
}

impl Ending {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self { outcome, again: None, quiet: false }
    }

    pub(super) fn again(self, after: SignedDuration) -> Self {
        Self { again: Some(after), ..self }
    }
}

/// Whether the unit is still there.
async fn work(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, inbox: Inbox) -> bool {
    let Some(object) = ctx.objects.get(key) else {
        // Gone without a finalizer of ours, or never there: nothing of it is ours to remove.
        ctx.forget(key).await;
        return false;
    };
    let now = Timestamp::now();
    let spec = match &unit.read_from {
        Some((same, spec)) if Arc::ptr_eq(same, &object) => spec.clone(),
        _ => match Spec::parse(key.kind, &object) {
            Ok(spec) => spec,
            Err(error) => {
                publish::invalid(ctx, key, unit, &object, error.reason, &error.message).await;
                return true;
            }
        },
    };
    unit.read_from = Some((Arc::clone(&object), spec.clone()));
    if unit.record.is_none()
        && spec.is_elsewhere()
        && !spec.is_deleting()
        && let Err(error) = spec.act(ctx).await
    {
        let inputs = spec.inputs();
        ctx.watch_inputs(&inputs);
        ctx.units.take_from(key, unit, inputs);
        ctx.units.queue.add_after(key.clone(), std(SignedDuration::from_secs(30)));
        publish::unreachable(ctx, key, unit, &object, &error.to_string()).await;
        return true;
    }
    if unit.record.is_none() {
        match rebuild::load(ctx, key, &spec).await {
            Ok((record, episodes)) => {
                unit.record = Some(record);
                unit.episodes = episodes;
            }
            // Nothing will be removed, so nothing need be known.
            Err(_) if spec.is_deleting() && powerless(ctx, &spec).await.is_some() => unit.record = Some(Default::default()),
            Err(error) => {
                unit.stumbles += 1;
                ctx.units.queue.add_after(key.clone(), std(backoff(unit.stumbles)));
                tracing::warn!(unit = %key, error = %error, "what is remembered cannot be read; trying again");
                // Once is a hiccup.
                if unit.stumbles > 1 {
                    publish::unreadable(ctx, key, unit, &object, &error).await;
                }
                return true;
            }
        }
    }
    for (id, from, to) in inbox.moves {
        if let Some(known) = unit.record_mut().inventory.get_mut(&id.inventory_id()).filter(|known| known.resource_version == from) {
            known.resource_version = to;
        }
    }
    unit.suspects.extend(inbox.objects);
    let wanted = spec.place();
    let moved = place::elsewhere(unit.record_mut(), &spec);
    // Until it has moved, all that is done is done where it is.
    let spec = moved.as_ref().map_or_else(|| spec.clone(), |old| spec.at(old));
    if !ctx.leader.may_write() {
        publish::watching(ctx, key, unit, &spec);
        return true;
    }
    if spec.is_deleting() {
        return remove(ctx, key, unit, &spec).await;
    }
    if let Some(words) = spec.blocked() {
        // Doing the rest would bring about something else than was asked for.
        publish::publish(ctx, key, unit, &spec, &Outcome::Stalled(Reason::UnsupportedField, words)).await;
        return true;
    }
    if spec.suspended() {
        live::look(ctx, unit, &spec).await;
        publish::suspended(ctx, key, unit, &spec).await;
        return true;
    }
    if moved.is_some() {
        place::relocate(ctx, key, unit, &spec, &wanted).await;
        return true;
    }
    let due = unit.next_full.is_none_or(|at| at <= now);
    let full = inbox.full || due || unit.prepared.is_none();
    let ending = reconcile(ctx, key, unit, &spec, full, due).await;
    let ending = follow(ctx, key, unit, &spec, ending).await;
    let interval = spec.interval();
    if full {
        unit.next_full = Some(now + ctx.jitter(interval));
    }
    let until_full = unit.next_full.map_or(interval, |at| at.duration_since(now)).max(SignedDuration::from_millis(10));
    let again = ending.again.map_or(until_full, |a| a.min(until_full));
    ctx.units.queue.clear_timer(key);
    ctx.units.queue.add_after(key.clone(), std(again));
    if ending.quiet {
        publish::watching(ctx, key, unit, &spec);
    } else {
        publish::publish(ctx, key, unit, &spec, &ending.outcome).await;
    }
    true
}

/// Restarts pods whose Secrets and ConfigMaps changed, once nothing else is under way.
async fn follow(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, ending: Ending) -> Ending {
    let rests = matches!(ending.outcome, Outcome::Settled | Outcome::Quarantined(_) | Outcome::Pinned(_));
    let Some(prepared) = unit.prepared.clone().filter(|_| rests) else { return ending };
    match super::restart::follow(ctx, key, unit, spec, &prepared).await {
        Ok(()) => ending,
        Err(error) => {
            tracing::warn!(unit = %key, %error, "pods cannot be restarted now; trying again");
            unit.stumbles += 1;
            let pause = backoff(unit.stumbles);
            let sooner = ending.again.map_or(pause, |again| again.min(pause));
            ending.again(sooner)
        }
    }
}

async fn reconcile(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, full: bool, due: bool) -> Ending {
    if let Err(error) = ctx.ensure_finalizer(key, spec).await {
        return stumble(unit, Reason::Failed, error.to_string());
    }
    if full {
        // What the API refused may be taken by now: its kind may have changed, or what it refers to.
        unit.suspects.extend(unit.refused.keys().cloned().collect::<Vec<_>>());
        let mut inputs = spec.inputs();
        inputs.extend(unit.read.keys().cloned());
        ctx.watch_inputs(&inputs);
        ctx.units.take_from(key, unit, inputs);
        depend::follow(ctx, unit, spec);
        match prepare::prepare(ctx, key, unit, spec, due).await {
            Ok(prepared) => {
                let notes: Vec<String> = prepared.notes.iter().filter(|note| unit.noted.insert((*note).clone())).cloned().collect();
                if due && prepared.cluster.is_remote() {
                    // No watch tells of drift there.
                    unit.compared = false;
                }
                unit.prepared = Some(Arc::new(prepared));
                for note in notes {
                    tracing::warn!(unit = %key, "{note}");
                    publish::event(ctx, key, unit, true, Reason::UnsupportedField, &note);
                }
                ctx.units.await_objects(key, unit, Default::default());
                unit.stumbles = 0;
            }
            Err(problem) => {
                // What waits for a missing input still finishes the run under way: its target is known.
                if unit.record().run.is_none() || unit.prepared.is_none() {
                    ctx.units.await_objects(key, unit, problem.awaits);
                    return if problem.stumbled {
                        stumble(unit, problem.reason, problem.message)
                    } else {
                        Ending { quiet: problem.quiet, ..Ending::new(Outcome::Waiting(problem.reason, problem.message)) }
                    };
                }
            }
        }
    }
    let Some(prepared) = unit.prepared.clone() else {
        return Ending::new(Outcome::Waiting(Reason::Progressing, "what is wanted is not known yet".into()));
    };
    let requested = spec.requested(unit.record().handled.as_deref());
    let renewed = unit.record().tried.is_some_and(|tried| tried != spec.generation());
    if requested.is_some() || renewed {
        // A person asks, or wants something else of it: earlier verdicts do not count.
        unit.record_mut().failures = 0;
    }
    unit.record_mut().tried = Some(spec.generation());
    if let Some(ending) = place::other_chart(ctx, key, unit, spec, &prepared).await {
        return ending;
    }
    if let Some(ending) = by_hand(ctx, key, unit, spec, &prepared).await {
        return ending;
    }
    // What was refused for want of a permission is tried again when the object gives it.
    let leave = unit.record().leave.as_ref().is_some_and(|leave| *leave != spec.leave());
    let mut asked = requested.is_some() || renewed || leave;
    let mut done: Vec<Action> = Vec::new();
    let ending = loop {
        let now = Timestamp::now();
        let drifted = unit.compared.then(|| unit.drifted()).filter(|_| unit.suspects.is_empty());
        let facts = Facts { record: unit.record(), drifted, requested: asked, forced: asked && requested.is_some() && spec.forced(), now };
        let state = observe(&prepared.want, &facts);
        let decision = decide(&state, &prepared.want, unit.record(), &done);
        tracing::debug!(unit = %key, ?state, ?decision, "decided");
        let action = match decision {
            Decision::Finish => {
                learn(unit, &prepared);
                let mut leaving = false;
                if state == State::Settled && (full || !unit.awaits.is_empty()) {
                    match run::late(ctx, key, unit, &prepared).await {
                        Ok(pending) => leaving = pending,
                        Err(failure) => break stumble(unit, Reason::PruneFailed, failure.message),
                    }
                }
                if unit.record_mut().approval.take().is_some() {
                    ctx.save(key, unit, false).await;
                }
                let held = matches!(state, State::Held).then(|| prepared.want.attempt.clone());
                if unit.record().held != held {
                    unit.record_mut().held = held;
                    ctx.save(key, unit, false).await;
                }
                let ending = Ending::new(settled(key, unit));
                break if leaving { ending.again(SignedDuration::from_secs(5)) } else { ending };
            }
            Decision::Hold(why) => {
                break match state {
                    State::Quarantined(_) => Ending::new(Outcome::Quarantined(why)),
                    State::Pinned(revision) => Ending::new(Outcome::Pinned(revision)),
                    _ => Ending::new(Outcome::Running(why)).again(SignedDuration::from_millis(200)),
                };
            }
            Decision::Stall(why) => break stall(unit, why),
            Decision::Compare => match live::compare(ctx, unit, &prepared).await {
                live::Compared::All => continue,
                live::Compared::Waiting => break Ending::new(resting(unit, &prepared)),
                live::Compared::Unknown(why) => {
                    tracing::warn!(unit = %key, %why, "drift cannot be seen");
                    break Ending::new(resting(unit, &prepared));
                }
                live::Compared::Failed(error) => break stumble(unit, Reason::ClusterUnavailable, error),
            },
            Decision::Act(action) => action,
        };
        if let Some(ending) = too_soon(unit, &prepared, &state, &action, asked, now) {
            break ending;
        }
        // What the unit writes wakes it, too: a pause is a pause, unless a person asks, or something newer is wanted.
        let rest = unit.rest.take().filter(|(until, ..)| action == Action::Resume && !asked && now < *until);
        if let Some((until, reason, message)) = rest.clone() {
            unit.rest = rest;
            break Ending::new(Outcome::Retrying(reason, message)).again(until.duration_since(now));
        }
        done.push(action.clone());
        let began = match &action {
            Action::Install => run::begin(ctx, key, unit, &prepared, RunAction::Install).await,
            Action::Upgrade(_) => run::begin(ctx, key, unit, &prepared, RunAction::Upgrade).await,
            Action::RollBack { to } => run::begin_rollback(ctx, key, unit, &prepared, *to).await,
            Action::Uninstall => run::begin_uninstall(ctx, key, unit, &prepared).await,
            Action::Supersede => run::supersede(ctx, key, unit, &prepared).await,
            Action::Unlock(revision) => run::unlock(ctx, key, unit, &prepared, *revision).await,
            Action::Correct => live::correct(ctx, key, unit, &prepared).await,
            Action::Test => run::begin_test(ctx, key, unit).await,
            Action::Resume => Ok(()),
        };
        asked = false;
        match began {
            Ok(()) => {}
            Err(failure) if failure.fault == Fault::Surroundings => break stumble(unit, failure_reason(unit), failure.message),
            Err(failure) => {
                refuse(ctx, key, unit, &prepared, failure).await;
                continue;
            }
        }
        if let Some(deletions) = unit.record().approval.as_ref().filter(|_| unit.record().run.is_none()) {
            break Ending::new(Outcome::Waiting(Reason::DeletionBudgetExceeded, deletions.words()));
        }
        // A run that began, or that was found, goes on until it waits or ends.
        if unit.record().run.is_some() {
            match run::advance(ctx, key, unit, &prepared).await {
                run::Progress::Ended(result) => {
                    if let Err(failure) = run::end(ctx, key, unit, &prepared, result).await {
                        break stumble(unit, failure_reason(unit), failure.message);
                    }
                }
                run::Progress::Waiting { until, what } => {
                    let run = unit.record().run.as_ref().expect("a waiting run is there");
                    let words = crate::release::summary::progress(run, &what);
                    break Ending::new(Outcome::Running(words))
                        .again(until.duration_since(Timestamp::now()).max(SignedDuration::from_millis(5)));
                }
                run::Progress::Stumbled(failure) => {
                    let run = unit.record().run.as_ref();
                    let pause = backoff(run.map_or(1, |r| r.stumbles));
                    // What made it go back is not hidden by what keeps it from going back.
                    let message = match run.filter(|r| r.action == RunAction::Rollback).and_then(|r| r.why.as_deref()) {
                        Some(why) => format!("{why}; rolling back fails too: {}", failure.message),
                        None => failure.message,
                    };
                    unit.rest = Some((Timestamp::now() + pause, failure_reason(unit), message.clone()));
                    break Ending::new(Outcome::Retrying(failure_reason(unit), message)).again(pause);
                }
            }
        }
    };
    if renewed {
        ctx.save(key, unit, false).await;
    }
    if let Some(token) = requested {
        unit.record_mut().handled = Some(token);
        ctx.save(key, unit, false).await;
    }
    ending
}

/// Attempts that the object grants after a failure come with growing pauses.
fn too_soon(unit: &Unit, prepared: &super::Prepared, state: &State, action: &Action, asked: bool, now: Timestamp) -> Option<Ending> {
    let record = unit.record();
    // A rollback that failed is tried again, and no faster than this.
    if let (Action::RollBack { to }, State::Failed { action: RunAction::Rollback, message }) = (action, state) {
        let left = (record.last()?.ended? + backoff(record.rollback_failures + 3)).duration_since(now);
        let message = format!("{message}; going back to revision {to} is tried again after a pause");
        return (left.is_positive() && !asked).then(|| Ending::new(Outcome::Retrying(Reason::RollbackFailed, message)).again(left));
    }
    if asked || record.failures == 0 || !matches!(action, Action::Install | Action::Upgrade(_)) {
        return None;
    }
    let failed = record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && same(&r.attempt, &prepared.want.attempt))?;
    let first = record.last_good().is_none();
    let remedy = if first { prepared.want.install } else { prepared.want.upgrade };
    let pause = remedy.retry.unwrap_or_else(|| backoff(record.failures));
    let left = (failed.ended? + pause).duration_since(now);
    let message = format!("{}; tried again {pause:#} after it failed ({} failures so far)", failed.description, record.failures);
    let reason = if first { Reason::InstallFailed } else { Reason::UpgradeFailed };
    left.is_positive().then(|| Ending::new(Outcome::Retrying(reason, message)).again(left))
}

/// All is done, but for what the API refuses.
fn settled(key: &UnitKey, unit: &Unit) -> Outcome {
    let Some(first) = unit.refused.values().next() else { return Outcome::Settled };
    let more = if unit.refused.len() > 1 { format!(" (and {} more)", unit.refused.len() - 1) } else { String::new() };
    let reason = if key.kind == UnitKind::Release { Reason::UpgradeFailed } else { Reason::ReconciliationFailed };
    Outcome::Stalled(reason, format!("applied but for what the API refuses: {first}{more}"))
}

/// What to show of a unit whose objects cannot be compared now: what it is otherwise.
fn resting(unit: &Unit, prepared: &super::Prepared) -> Outcome {
    let facts = Facts { record: unit.record(), drifted: Some(0), requested: false, forced: false, now: Timestamp::now() };
    match observe(&prepared.want, &facts) {
        State::Quarantined(quarantine) => Outcome::Quarantined(quarantine.message),
        State::Pinned(revision) => Outcome::Pinned(revision),
        _ => Outcome::Settled,
    }
}

/// A rollback that a person asked for by annotation: begun once, and held until the annotation goes.
async fn by_hand(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, prepared: &super::Prepared) -> Option<Ending> {
    let wanted = spec.rollback_to();
    if wanted == unit.record().pinned || unit.record().run.is_some() {
        return None;
    }
    let Some(to) = wanted else {
        unit.record_mut().pinned = None;
        ctx.save(key, unit, false).await;
        return None;
    };
    unit.record_mut().pinned = Some(to);
    let record = unit.record();
    let current = record.deployed().is_some_and(|r| r.number == to);
    if current {
        return None;
    }
    let refused = match record.revision(to).map(|r| r.status) {
        None => Some(format!("revision {to} is not in the history any more")),
        Some(RevisionStatus::Deployed | RevisionStatus::Superseded) => None,
        Some(_) => Some(format!("revision {to} never was good: {}", record.revision(to).map_or("", |r| &r.description))),
    };
    if let Some(why) = refused {
        unit.record_mut().pinned = None;
        let good: Vec<String> = unit.record().good_numbers().map(|n| n.to_string()).collect();
        let message = format!("cannot roll back: {why}; good ones are: {}", good.join(", "));
        return Some(Ending::new(Outcome::Stalled(Reason::MissingRollbackTarget, message)));
    }
    match run::begin_rollback(ctx, key, unit, prepared, to).await {
        Ok(()) => None,
        Err(failure) if failure.fault == Fault::Surroundings => {
            unit.record_mut().pinned = None;
            Some(stumble(unit, Reason::RollbackFailed, failure.message))
        }
        // Nothing was rolled back, so nothing is held; it is said until another revision is named, or none.
        Err(failure) => {
            unit.record_mut().pinned = None;
            Some(Ending::new(Outcome::Stalled(Reason::MissingRollbackTarget, failure.message)))
        }
    }
}

/// A revision that was rebuilt from the cluster lacks the digests of its content; once it is known to be what is wanted, they are known.
fn learn(unit: &mut Unit, prepared: &super::Prepared) {
    let want = &prepared.want.attempt;
    if let Some(last) = unit.record_mut().history.last_mut()
        && last.attempt.version == want.version
        && last.attempt.config == want.config
    {
        if last.attempt.content.is_empty() {
            last.attempt.content.clone_from(&want.content);
        }
        if last.attempt.shape.is_empty() {
            last.attempt.shape.clone_from(&want.shape);
        }
    }
}

/// The target cannot even be begun (it does not render, or is refused before the first write): nothing was written, the revision
/// before stays, and it is not tried again as it is.
async fn refuse(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &super::Prepared, failure: Failure) {
    let now = Timestamp::now();
    let record = unit.record_mut();
    record.failures += 1;
    record.leave = Some(prepared.spec.leave());
    tracing::warn!(unit = %key, error = %failure.message, "refused before the first write");
    let first = record.last_good().is_none();
    let event = if first { Reason::InstallFailed } else { Reason::UpgradeFailed };
    record.reject(Rejected {
        attempt: prepared.want.attempt.clone(),
        action: if first { RunAction::Install } else { RunAction::Upgrade },
        chart_name: prepared.chart_name(),
        at: now,
        message: failure.message.clone(),
        commit: prepared.commit(),
    });
    // Not even retries that the object grants would change this: the same input is refused the same way.
    record.quarantine =
        Some(Quarantine { attempt: prepared.want.attempt.clone(), message: failure.message.clone(), since: now, restored: None });
    publish::event(
        ctx,
        key,
        unit,
        true,
        if key.kind == UnitKind::Release { event } else { Reason::ReconciliationFailed },
        &failure.message,
    );
    ctx.save(key, unit, true).await;
}

/// The object is being deleted: what it brought goes first, then the finalizer.
async fn remove(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec) -> bool {
    // What was never served (for another cluster, say) left nothing here that could be removed.
    let never_served = spec.blocked().is_some() && unit.record().inventory.values().all(|a| a.uid.is_empty());
    let keeps = spec.suspended() || !spec.deletes_objects() || never_served;
    let powerless = if keeps { None } else { powerless(ctx, spec).await };
    if let Some(what) = powerless {
        let message = format!("the {what} does not exist any more, so nothing can be removed: the objects stay");
        publish::event(ctx, key, unit, true, Reason::UninstallFailed, &message);
    }
    let keeps = keeps || powerless.is_some();
    if !keeps && (unit.record().last().is_some_and(|r| r.status != RevisionStatus::Uninstalled) || !unit.record().inventory.is_empty()) {
        if !uninstall::is_under_way(unit)
            && let Some(before) = depend::before_removal(ctx, unit, spec)
        {
            ctx.units.await_objects(key, unit, before.awaits);
            publish::publish(ctx, key, unit, spec, &Outcome::Waiting(Reason::DependencyNotReady, before.message)).await;
            ctx.units.queue.add_after(key.clone(), std(before.again));
            return true;
        }
        let prepared = match prepare::for_removal(ctx, spec).await {
            Ok(prepared) => prepared,
            Err(error) => {
                publish::publish(ctx, key, unit, spec, &Outcome::Stalled(Reason::AccessDenied, error.to_string())).await;
                return true;
            }
        };
        if let Some(ending) = uninstall::uninstall(ctx, key, unit, &prepared, "uninstalling").await {
            ctx.units.queue.add_after(key.clone(), std(ending.again.unwrap_or_default()));
            publish::publish(ctx, key, unit, spec, &ending.outcome).await;
            return true;
        }
    }
    if let Err(error) = ctx.remove_finalizer(key).await {
        tracing::warn!(unit = %key, %error, "the finalizer cannot be removed; trying again");
        ctx.units.queue.add_after(key.clone(), std::time::Duration::from_secs(1));
        return true;
    }
    ctx.forget(key).await;
    false
}

/// What is gone of that by which the objects would be removed, as it is when a namespace is deleted as a whole: the service account, or
/// the kubeconfig of another cluster. Nobody else's rights are used instead: then the objects stay, and that is said.
async fn powerless(ctx: &Arc<Context>, spec: &Spec) -> Option<&'static str> {
    let (id, what) = match (spec.kube_config_secret(), spec.account(ctx)) {
        (Some(secret), _) => (secret, "Secret with the kubeconfig of its cluster"),
        (None, Some(account)) => (account, "service account that it acts as"),
        (None, None) => return None,
    };
    matches!(ctx.cluster.get(&id).await, Ok(None)).then_some(what)
}

fn stumble(unit: &mut Unit, reason: Reason, message: String) -> Ending {
    unit.stumbles += 1;
    Ending::new(Outcome::Retrying(reason, message)).again(backoff(unit.stumbles))
}

fn stall(unit: &Unit, why: String) -> Ending {
    let reason = match unit.record().last() {
        Some(last) if last.action == RunAction::Rollback => Reason::RollbackFailed,
        Some(last) if last.action == RunAction::Install && !last.chart_name.is_empty() => Reason::InstallFailed,
        Some(last) if !last.chart_name.is_empty() => Reason::UpgradeFailed,
        _ => Reason::ReconciliationFailed,
    };
    Ending::new(Outcome::Stalled(reason, why))
}

fn failure_reason(unit: &Unit) -> Reason {
    match unit.record().run.as_ref().map(|r| r.action) {
        Some(RunAction::Install) => Reason::InstallFailed,
        Some(RunAction::Rollback) => Reason::RollbackFailed,
        Some(RunAction::Uninstall) => Reason::UninstallFailed,
        Some(RunAction::Test) => Reason::TestFailed,
        Some(_) => Reason::UpgradeFailed,
        None => Reason::Failed,
    }
}

fn std(duration: SignedDuration) -> std::time::Duration {
    std::time::Duration::try_from(duration).unwrap_or_default()
}
