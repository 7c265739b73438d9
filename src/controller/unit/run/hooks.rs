//! Hooks.

use super::super::Unit;
use super::{Done, PATIENCE, Scene, StepResult, content, failure, surroundings};
use crate::cluster::{Apply, Delete};
use crate::health::{self, HealthState};
use crate::object::{Json, Manifest};
use crate::plan::hook::{DeletePolicy, Event, Hook, sequence};
use crate::release::{Failure, RunAction};
use jiff::{SignedDuration, Timestamp};

/// Which run made a hook's object: one that the same run made is not made again.
const RUN: &str = "helmward.dev/run";

/// The indexes of the hooks that run before or after an action.
pub(super) fn of(all: &[Hook], action: RunAction, before: bool, enabled: bool) -> Vec<usize> {
    let event = match (action, before) {
        (RunAction::Install, true) => Event::PreInstall,
        (RunAction::Install, false) => Event::PostInstall,
        (RunAction::Upgrade, true) => Event::PreUpgrade,
        (RunAction::Upgrade, false) => Event::PostUpgrade,
        (RunAction::Rollback, true) => Event::PreRollback,
        (RunAction::Rollback, false) => Event::PostRollback,
        (RunAction::Uninstall, true) => Event::PreDelete,
        (RunAction::Uninstall, false) => Event::PostDelete,
        (RunAction::Test, _) => return Vec::new(),
    };
    if enabled { sequence(all, event) } else { Vec::new() }
}

impl Scene<'_> {
    /// Runs one hook within the time that the action has.
    pub(super) async fn hook(&self, unit: &mut Unit, index: usize) -> StepResult {
        let list = [&self.shape.before, &self.shape.after].into_iter().find(|list| list.contains(&index));
        self.run_hook(unit, index, "hook", self.prepared.spec.policy(self.run.action).timeout, list.map_or(&[], Vec::as_slice)).await
    }

    /// Runs one hook: what an earlier run left goes first, then it is made, then waited for.
    pub(super) async fn run_hook(&self, unit: &mut Unit, index: usize, word: &str, timeout: SignedDuration, list: &[usize]) -> StepResult {
        let hook = &self.target.hooks[index];
        let id = &hook.manifest.id;
        let token = format!("{}.{}", self.run.revision, self.run.started.as_millisecond());
        let runs = matches!(id.kind.as_str(), "Job" | "Pod");
        if runs && !self.prepared.cluster.is_remote() {
            // Their end is told by an event, and some are gone right after it.
            self.ctx.watch_objects(self.key.kind, std::slice::from_ref(&hook.manifest), self.prepared.spec.exprs());
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
                    Some(health) => Err(content(format!("{word} {id} failed: {}", health.message))),
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
        let health = health::check(Some(&live));
        if id.kind == "CustomResourceDefinition" {
            // What comes after it may be of its kind.
            return self.established(std::iter::once(&hook.manifest)).await;
        }
        if !runs || (health.state == HealthState::Current && has_run(&live)) {
            self.ctx.units.await_objects(self.key, unit, Default::default());
            return Ok(Done::Yes);
        }
        if health.state == HealthState::Failed || now.duration_since(since) >= timeout {
            let last_words = self.last_words(id, &live).await;
            if hook.deletes(DeletePolicy::HookFailed) {
                self.prepared.cluster.delete_by_id(id, &Delete::default()).await.map_err(|e| failure(&e))?;
            }
            // Those that succeeded before it go as they would have.
            let earlier: Vec<usize> = list.iter().copied().take_while(|i| *i != index).collect();
            self.clean_hooks(&earlier).await?;
            let why =
                if health.state == HealthState::Failed { health.message } else { format!("not within {timeout:#}: {}", health.message) };
            return Err(content(format!("{word} {id} failed: {why}{last_words}")));
        }
        self.ctx.units.await_objects(self.key, unit, [id.clone()].into());
        // From another cluster no event comes.
        let look = if self.prepared.cluster.is_remote() { PATIENCE } else { SignedDuration::from_secs(30) };
        Ok(Done::Wait { until: (since + timeout).min(now + look), what: format!("waiting for {word} {id}") })
    }

    /// Of hooks that succeeded, those that ask for it are deleted.
    pub(super) async fn clean_hooks(&self, list: &[usize]) -> Result<(), Failure> {
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
