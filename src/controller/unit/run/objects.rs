//! Steps that apply, delete and wait for objects.

use super::super::{Spec, Unit, live, publish, record};
use super::{Done, PATIENCE, Scene, StepResult, content, failure};
use crate::api::Reason;
use crate::cluster::{ApiError, Done as Outcome, Job, Prior, StageOptions};
use crate::controller::context::Context;
use crate::health::Verdict;
use crate::object::{Manifest, ObjectId};
use crate::release::{RunAction, UnitKind};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Objects of one stage that are applied at the same time.
const CONCURRENCY: usize = 16;

impl Scene<'_> {
    /// Helm's record of the new revision, pending; before it the namespace, where it is to be made.
    pub(super) async fn pending(&self, unit: &mut Unit) -> StepResult {
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

    /// Applies those objects of a stage that differ.
    pub(super) async fn apply(&self, unit: &mut Unit, members: &[usize]) -> StepResult {
        let mut jobs = Vec::new();
        let mut sent: Vec<&Manifest> = Vec::new();
        let autoscaled = live::autoscaled(self.ctx, self.target, self.prepared);
        for manifest in members.iter().map(|&i| &self.target.manifests[i]) {
            let known = unit.record().inventory.get(&manifest.id.inventory_id());
            if known.is_some_and(|known| live::as_verified(self.ctx, self.prepared, manifest, known)) {
                continue;
            }
            let prior = match known {
                // Without a uid it was never verified by us: Helm may have made it, or somebody else may own it by now.
                Some(known) if !known.uid.is_empty() => Prior::Ours { resource_version: known.resource_version.clone() },
                _ => Prior::Unknown,
            };
            let recreate = self.prepared.spec.recreates(manifest, self.run.action);
            let body = live::sendable(self.prepared, manifest, &autoscaled).await.map_err(|e| failure(&e))?;
            jobs.push(Job::Apply { manifest: Arc::new(body), prior, recreate });
            sent.push(manifest);
        }
        let outcomes = self.prepared.cluster.run_stage(jobs, &options(self.ctx, &self.prepared.spec)).await;
        let mut first: Option<(ApiError, &Manifest)> = None;
        for (manifest, outcome) in sent.into_iter().zip(outcomes) {
            let id = &manifest.id;
            for warning in &outcome.warnings {
                // Such as a field that the kind does not have: the server drops it, and nobody would ever know.
                let message = format!("{id} ({}): {warning}", manifest.origin);
                tracing::warn!(unit = %self.key, "{message}");
                publish::event(self.ctx, self.key, unit, true, Reason::UnsupportedField, &message);
            }
            match outcome.result {
                Outcome::Refused(error) if error.is_content() && self.prepared.spec.skips_refused() => {
                    let message = format!("{error} ({})", manifest.origin);
                    publish::event(self.ctx, self.key, unit, true, Reason::Failed, &message);
                    if let Some(run) = unit.record_mut().run.as_mut() {
                        run.refused.insert(id.inventory_id());
                    }
                    unit.refused.insert(id.clone(), message);
                }
                // A verdict on the content counts more than a failure of the surroundings beside it.
                Outcome::Refused(error) => {
                    if first.as_ref().is_none_or(|(first, _)| !first.is_content() && error.is_content()) {
                        first = Some((error, manifest));
                    }
                }
                _ => {
                    unit.suspects.remove(id);
                    unit.refused.remove(id);
                    unit.drift.remove(id);
                    let applied = live::applied(manifest, outcome.uid, outcome.resource_version);
                    unit.record_mut().inventory.insert(id.inventory_id(), applied);
                }
            }
        }
        let Some((error, manifest)) = first else { return Ok(Done::Yes) };
        let mut failure = failure(&error);
        if error.is_content() {
            // Whoever wrote it looks for the line.
            failure.message = format!("{} ({})", failure.message, manifest.origin);
        }
        Err(failure)
    }

    /// Waits for health; the verdict is the pure core's.
    pub(super) async fn healthy(&self, unit: &mut Unit) -> StepResult {
        let now = Timestamp::now();
        let since = self.run.waiting_since.unwrap_or(now);
        let policy = self.prepared.spec.policy(self.run.action);
        let mut ids = self.prepared.spec.waits_for(&self.target.manifests, self.run.action);
        ids.retain(|id| !self.run.refused.contains(&id.inventory_id()));
        let left_out = self.pending_before(unit).await;
        ids.retain(|id| !left_out.contains(id));
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
                // No event comes from another cluster.
                let until = if self.prepared.cluster.is_remote() { until.min(now + PATIENCE) } else { until };
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

    /// Load balancers that have no address and had none before either: where nothing assigns any, they were good enough until now. A
    /// rollback waits for none at all, because what it goes back to was good.
    async fn pending_before(&self, unit: &mut Unit) -> BTreeSet<ObjectId> {
        let balances =
            |m: &&Manifest| m.id.kind == "Service" && m.id.group.is_empty() && m.body.pointer("/spec/type") == Some(&"LoadBalancer".into());
        let now: BTreeSet<ObjectId> = self.target.manifests.iter().filter(balances).map(|m| m.id.clone()).collect();
        if now.is_empty() || self.run.action == RunAction::Rollback {
            return now;
        }
        let Some(good) = unit.record().last_good().map(|r| r.number) else { return BTreeSet::new() };
        let before = match &unit.deployed {
            Some((number, target)) if *number == good => Arc::clone(target),
            _ => match super::super::rebuild::target(self.ctx, unit.record(), self.prepared, good).await {
                Ok(target) => target,
                Err(_) => return BTreeSet::new(),
            },
        };
        unit.deployed = Some((good, Arc::clone(&before)));
        let then: BTreeSet<&ObjectId> = before.manifests.iter().filter(balances).map(|m| &m.id).collect();
        now.into_iter().filter(|id| then.contains(id)).collect()
    }

    pub(super) async fn finish(&self, unit: &mut Unit) -> StepResult {
        if self.key.kind == UnitKind::Release {
            record::finish(self.ctx, self.key, unit, self.prepared, self.target, self.run).await.map_err(|e| failure(&e))?;
        }
        Ok(Done::Yes)
    }
}

/// How objects are applied and deleted for a unit.
pub(super) fn options(ctx: &Context, spec: &Spec) -> StageOptions {
    StageOptions { owner: spec.owner(), adopt: spec.adopts(), apply: spec.applies(ctx), concurrency: CONCURRENCY }
}
