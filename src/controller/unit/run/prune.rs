//! Deleting what is no longer wanted; what is kept of it, and what waits for an approval.

use super::super::{Prepared, Unit, depend, publish};
use super::{Done, PATIENCE, Scene, StepResult, crds, failure, objects};
use crate::api::Reason;
use crate::api::extras::Protected;
use crate::cluster::{ApiError, Cluster, Done as Outcome, Job, Keep, ListOptions, Outcome as Result_};
use crate::controller::context::Context;
use crate::object::{Json, ObjectId};
use crate::plan::inventory::{self, PrunePolicy};
use crate::plan::{Approval, Held, Hold, StageKind, order};
use crate::release::stages::sort_for_deletion;
use crate::release::{Deletions, Failure, RunAction, UnitKey, UnitKind};
use crate::render::target::Target;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Objects that an approval names in words.
const NAMED: usize = 3;

impl Scene<'_> {
    /// Deletes what the inventory has and the target has not. An entry leaves only when its deletion was confirmed, or when it is not ours
    /// to delete; what is kept because its kind is protected stays in the inventory, so that it can be allowed later.
    pub(super) async fn prune(&self, unit: &mut Unit) -> StepResult {
        let uninstall = self.run.action == RunAction::Uninstall;
        let wanted: BTreeSet<String> =
            if uninstall { BTreeSet::new() } else { self.target.manifests.iter().map(|m| m.id.inventory_id()).collect() };
        let policy = self.prepared.spec.policy(self.run.action);
        if !policy.prune {
            let record = unit.record_mut();
            record.inventory.retain(|id, _| wanted.contains(id));
            record.holds.retain(|held| held.why == Hold::CrdSkipped);
            return Ok(Done::Yes);
        }
        // Whoever does not wait at an uninstall does not wait for the order either.
        let together = uninstall && !policy.wait && self.key.kind == UnitKind::Release;
        let (outcomes, last) = delete(self.ctx, unit, self.prepared, &wanted, policy.propagation, together).await;
        let mut waiting = BTreeSet::new();
        let mut first: Option<ApiError> = None;
        let mut kept = Vec::new();
        for outcome in outcomes {
            let id = outcome.id;
            match outcome.result {
                Outcome::Deleted | Outcome::Gone => drop(unit.record_mut().inventory.remove(&id.inventory_id())),
                Outcome::Kept(Keep::Held(Hold::ProtectedKind)) if !uninstall => kept.push(id),
                Outcome::Kept(why) => {
                    if uninstall {
                        let message = format!("{id} stays: {why}");
                        publish::event(self.ctx, self.key, unit, false, Reason::PruneProtected, &message);
                    }
                    tracing::info!(unit = %self.key, object = %id, "not deleted: {why}");
                    unit.record_mut().inventory.remove(&id.inventory_id());
                }
                Outcome::Deleting => drop(waiting.insert(id)),
                Outcome::Refused(error) => first = first.or(Some(error)),
                _ => {}
            }
        }
        keep(self.ctx, self.key, unit, self.prepared, kept).await;
        if let Some(error) = first {
            return Err(failure(&error));
        }
        if waiting.is_empty() || together {
            return Ok(Done::Yes);
        }
        let blocked = self.blocked(&waiting).await;
        // An upgrade does not wait for ever for an object with a finalizer; it stays in the inventory, and is asked for again. What serves
        // it stays with it, and is worth a longer wait.
        let limit = if last { SignedDuration::from_secs(30) } else { policy.timeout.max(SignedDuration::from_secs(30)) };
        if !uninstall && self.waited() > limit {
            let message = blocked.unwrap_or_else(|| format!("{} are still being deleted", names_of(waiting.iter())));
            publish::event(self.ctx, self.key, unit, true, Reason::PruneFailed, &message);
            return Ok(Done::Yes);
        }
        let what = match blocked {
            Some(blocked) => blocked,
            None => format!("{} to be gone", names_of(waiting.iter())),
        };
        self.ctx.units.await_objects(self.key, unit, waiting.into_iter().collect());
        Ok(Done::Wait { until: Timestamp::now() + PATIENCE, what })
    }

    /// Who keeps an object from going: the finalizers that nobody has taken off after a while.
    async fn blocked(&self, waiting: &BTreeSet<ObjectId>) -> Option<String> {
        if self.waited() < PATIENCE {
            return None;
        }
        for id in waiting {
            let object = match self.ctx.hub.get(id).filter(|_| !self.prepared.cluster.is_remote()) {
                Some(live) => live.body.clone(),
                None => Arc::new(self.prepared.cluster.get(id).await.ok().flatten()?),
            };
            let list = object.pointer("/metadata/finalizers").and_then(Json::as_array).cloned().unwrap_or_default();
            let names: Vec<&str> = list.iter().filter_map(Json::as_str).filter(|name| !name.starts_with("foregroundDeletion")).collect();
            if !names.is_empty() {
                let more = if waiting.len() > 1 { format!(", and {} more", waiting.len() - 1) } else { String::new() };
                return Some(format!(
                    "blocked by {} on {id}{more}; nothing is forced: bring back what serves it, or take the finalizer off",
                    names.join(", ")
                ));
            }
        }
        None
    }

    pub(super) fn waited(&self) -> SignedDuration {
        self.run.waiting_since.map_or(SignedDuration::ZERO, |since| Timestamp::now().duration_since(since))
    }
}

/// Deletes all of the inventory that is not wanted, as far as nothing protects it. What others are served by goes only when those are
/// gone, unless all are to go `together`; says whether nothing is left for later.
async fn delete(
    ctx: &Context,
    unit: &Unit,
    prepared: &Prepared,
    wanted: &BTreeSet<String>,
    propagation: crate::cluster::Propagation,
    together: bool,
) -> (Vec<Result_>, bool) {
    let mut gone: Vec<ObjectId> = unit.record().objects().map(|(id, _)| id).filter(|id| !wanted.contains(&id.inventory_id())).collect();
    sort_for_deletion(&mut gone);
    let protect = prepared.spec.prune_policy();
    let job = |id: ObjectId| {
        let api_version = unit.record().inventory.get(&id.inventory_id()).map(|a| a.api_version.clone()).unwrap_or_default();
        Job::Delete { id, api_version, protect: Some(protect.clone()), propagation }
    };
    let mut waves: [Vec<ObjectId>; 3] = Default::default();
    for id in gone {
        waves[wave(&id)].push(id);
    }
    let options = objects::options(ctx, &prepared.spec);
    let mut outcomes = Vec::new();
    for index in 0..waves.len() {
        let before = outcomes.len();
        for ids in depend::dependants_first(ctx, std::mem::take(&mut waves[index])) {
            outcomes.extend(prepared.cluster.run_stage(ids.into_iter().map(job).collect(), &options).await);
        }
        let stays = |outcome: &Result_| matches!(outcome.result, Outcome::Deleting | Outcome::Refused(_));
        if !together && outcomes[before..].iter().any(stays) {
            return (outcomes, waves[index + 1..].iter().all(Vec::is_empty));
        }
    }
    (outcomes, true)
}

/// When an object is deleted among those that go together: custom resources while their operators run, then the releases that may be
/// operators, then all that is left, sources of releases among it. Webhooks of operators that go must not refuse what their objects need.
fn wave(id: &ObjectId) -> usize {
    match order::stage_of(id) {
        StageKind::Webhooks if id.kind != "APIService" => 0,
        StageKind::CustomResources if depend::unit_of(id).is_some() => 1,
        StageKind::CustomResources if !id.group.ends_with(".toolkit.fluxcd.io") => 0,
        _ => 2,
    }
}

/// Notes what is kept because its kind is protected, and says what its deletion would take along. What was known before is not asked again.
async fn keep(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, kept: Vec<ObjectId>) {
    let (mut holds, known): (Vec<Held>, Vec<Held>) =
        std::mem::take(&mut unit.record_mut().holds).into_iter().partition(|h| h.why == Hold::CrdSkipped);
    for id in kept {
        if let Some(old) = known.iter().find(|held| held.id == id) {
            holds.push(old.clone());
            continue;
        }
        let detail = at_stake(&prepared.cluster, &id).await;
        let held = Held { detail, ..Held::new(id, Hold::ProtectedKind) };
        publish::event(ctx, key, unit, true, Reason::PruneProtected, &crate::release::held::words(&held));
        holds.push(held);
    }
    unit.record_mut().holds = holds;
}

/// What would go with an object.
async fn at_stake(cluster: &Cluster, id: &ObjectId) -> String {
    let what = match Protected::of(id) {
        Some(Protected::CustomResourceDefinition) => match count(cluster, id).await {
            Ok(1) => "1 object would be deleted".to_owned(),
            Ok(count) => format!("{count} objects would be deleted"),
            Err(error) => {
                tracing::debug!(object = %id, %error, "its objects cannot be counted");
                "all objects of its kind would be deleted".to_owned()
            }
        },
        Some(Protected::Namespace) => "all that is in it would be deleted".to_owned(),
        _ => "its volume would be deleted".to_owned(),
    };
    format!("protected: {what}")
}

/// How many objects there are of the kind that a CRD defines.
async fn count(cluster: &Cluster, crd: &ObjectId) -> Result<usize, ApiError> {
    let Some(live) = cluster.get(crd).await? else { return Ok(0) };
    Ok(crds::objects_of(cluster, &live, &ListOptions { metadata_only: true, ..ListOptions::default() }).await?.len())
}

/// What a run left on purpose, looked at again outside of one: kinds that may be pruned by now, CRDs that may be changed by now. Says
/// whether something is still on its way out.
pub(in super::super) async fn late(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Result<bool, Failure> {
    let Some((number, target)) = unit.deployed.clone() else { return Ok(false) };
    let mut leaving = HashSet::new();
    let before = (unit.record().inventory.len(), unit.record().holds.clone());
    crds::late(ctx, key, unit, prepared, number, &target).await?;
    let wanted: BTreeSet<String> = target.manifests.iter().map(|m| m.id.inventory_id()).collect();
    let policy = prepared.spec.policy(RunAction::Upgrade);
    if policy.prune && unit.record().inventory.keys().any(|id| !wanted.contains(id)) {
        let mut kept = Vec::new();
        for outcome in delete(ctx, unit, prepared, &wanted, policy.propagation, false).await.0 {
            let id = outcome.id;
            match outcome.result {
                Outcome::Kept(Keep::Held(Hold::ProtectedKind)) => kept.push(id),
                Outcome::Deleting => drop(leaving.insert(id)),
                Outcome::Refused(error) => return Err(failure(&error)),
                result => {
                    unit.record_mut().inventory.remove(&id.inventory_id());
                    if result == Outcome::Deleted {
                        let message = format!("{id} is no longer in Git and was deleted");
                        publish::event(ctx, key, unit, false, Reason::ReconciliationSucceeded, &message);
                    }
                }
            }
        }
        keep(ctx, key, unit, prepared, kept).await;
    } else {
        unit.record_mut().holds.retain(|held| held.why == Hold::CrdSkipped);
    }
    if before != (unit.record().inventory.len(), unit.record().holds.clone()) {
        ctx.save(key, unit, false).await;
    }
    let pending = !leaving.is_empty();
    ctx.units.await_objects(key, unit, leaving);
    Ok(pending)
}

/// Notes that a target deletes more than it may without an approval; says whether it does. Nothing of it was written.
pub(super) fn needs_approval(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, target: &Target) -> bool {
    let attempt = &prepared.want.attempt;
    let first = unit.record_mut().approval.take().filter(|old| {
        let of = |a: &crate::release::Attempt| (a.content.clone(), a.config.clone(), a.shape.clone());
        of(&old.attempt) == of(attempt)
    });
    let spec = &prepared.spec;
    if !spec.policy(RunAction::Upgrade).prune {
        return false;
    }
    let policy = spec.prune_policy();
    let gone = deletions(unit, target, &policy);
    let of = unit.record().inventory.len();
    let extras = spec.extras();
    let budget = inventory::budget(extras.deletion_budget, of);
    let approved = |revision: &str| extras.approve.as_deref() == Some(&Deletions::commit(revision).to_lowercase());
    if gone.len() <= budget || approved(&attempt.source_revision) || first.as_ref().is_some_and(|f| approved(&f.attempt.source_revision)) {
        return false;
    }
    let known = first.is_some();
    let named: Vec<String> = gone.iter().take(NAMED).map(ToString::to_string).collect();
    let some = if gone.len() > NAMED { format!("{} and {} more", named.join(", "), gone.len() - NAMED) } else { named.join(", ") };
    let attempt = first.map_or_else(|| attempt.clone(), |first| first.attempt);
    let held = Deletions { attempt, size: Approval { deletions: gone.len(), of, budget }, some };
    if !known {
        publish::event(ctx, key, unit, true, Reason::DeletionBudgetExceeded, &held.words());
    }
    unit.record_mut().approval = Some(held);
    true
}

/// What a target would delete. What its last manifest protects is not counted.
fn deletions(unit: &Unit, target: &Target, policy: &PrunePolicy) -> Vec<ObjectId> {
    let wanted: BTreeSet<&ObjectId> = target.manifests.iter().map(|m| &m.id).collect();
    let last = |id: &ObjectId| {
        let (_, deployed) = unit.deployed.as_ref()?;
        deployed.manifests.iter().find(|m| m.id == *id).map(|m| &m.body)
    };
    let gone = unit.record().objects().map(|(id, _)| id).filter(|id| !wanted.contains(id));
    gone.filter(|id| inventory::protection(id, last(id), policy).is_none()).collect()
}

fn names_of<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> String {
    let names: Vec<String> = ids.map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}
