//! From what was, what is desired and what is known of the cluster to a [`Plan`]. Same input, same bytes.

use super::diff::diff;
use super::drift::quiet;
use super::hook::{self, DeletePolicy, Event, Hook};
use super::inventory::{PrunePolicy, prune};
use super::order;
use super::ownership::{ListKeys, Ownership};
use super::{Action, Change, ChangeOp, Held, Hold, Input, Op, Plan, Reason, Stage, StageKind};
use crate::object::{Json, Manifest, ObjectId, Redactor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Run {
    /// A release is installed.
    Install,
    /// A release gets new content.
    Upgrade,
    /// A release goes back to older content.
    Rollback,
    /// A release goes.
    Uninstall,
    /// Drift is corrected: no hooks, no new revision.
    Correct,
    /// Plain manifests are applied or, with nothing desired, deleted.
    Bundle,
}

impl Run {
    fn events(self) -> (Option<Event>, Option<Event>) {
        match self {
            Self::Install => (Some(Event::PreInstall), Some(Event::PostInstall)),
            Self::Upgrade => (Some(Event::PreUpgrade), Some(Event::PostUpgrade)),
            Self::Rollback => (Some(Event::PreRollback), Some(Event::PostRollback)),
            Self::Uninstall => (Some(Event::PreDelete), Some(Event::PostDelete)),
            Self::Correct | Self::Bundle => (None, None),
        }
    }
}

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What is to be done.
    pub run: Run,
    /// The release or bundle that is recorded.
    pub subject: &'a ObjectId,
    /// What was applied and verified last.
    pub previous: &'a [Manifest],
    /// Objects that are ours according to an inventory, whether or not their manifests are still known.
    pub inventory: &'a BTreeSet<ObjectId>,
    /// What is desired now, with hooks taken out, ignored fields taken out and namespaces filled in.
    pub desired: &'a [Manifest],
    /// CRDs of the chart's `crds/` folder.
    pub crds: &'a [Manifest],
    /// Hooks of the release.
    pub hooks: &'a [Hook],
    /// What is known of live objects. An object that is not in the map is unknown.
    pub live: &'a BTreeMap<ObjectId, Live>,
}

/// What is known of one live object.
#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// It is not there.
    Absent,
    /// Its resourceVersion is the one that was verified last.
    AsVerified,
    /// It was read.
    Seen {
        /// As it is.
        live: Json,
        /// The API server's answer to a dry-run apply, where one could be made.
        dry_run: Option<Json>,
        /// Whether it belongs to the release or bundle already.
        ours: bool,
    },
}

/// What a plan may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The target namespace, where it is to be made if it is absent.
    pub create_namespace: Option<String>,
    /// CRDs of the `crds/` folder.
    pub crds: CrdPolicy,
    /// Hooks do not run.
    pub disable_hooks: bool,
    /// Health is waited for at the end.
    pub wait: bool,
    /// What may be deleted.
    pub prune: PrunePolicy,
}

/// What happens with CRDs of the `crds/` folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrdPolicy {
    /// Nothing.
    #[default]
    Skip,
    /// Absent ones are made.
    Create,
    /// Absent ones are made, others are changed.
    CreateReplace,
}

/// Makes the plan. Only objects that differ are sent; everything else is in the plan as unchanged.
#[must_use]
pub fn plan(inputs: &Inputs<'_>, policy: &Policy, redactor: &Redactor) -> Plan {
    let previous = inputs.previous.iter().map(|manifest| (&manifest.id, manifest)).collect();
    let mut build = Build { inputs, policy, redactor, previous, plan: Plan::default() };
    let (before, after) = inputs.run.events();
    if inputs.run != Run::Uninstall {
        build.namespace();
    }
    build.record(StageKind::RecordIntent);
    if !matches!(inputs.run, Run::Uninstall | Run::Correct) {
        build.crds();
    }
    build.hooks(before);
    build.apply();
    build.delete();
    if policy.wait {
        build.wait();
    }
    build.hooks(after);
    build.record(StageKind::Record);
    build.plan
}

struct Build<'a> {
    inputs: &'a Inputs<'a>,
    policy: &'a Policy,
    redactor: &'a Redactor,
    previous: BTreeMap<&'a ObjectId, &'a Manifest>,
    plan: Plan,
}

impl Build<'_> {
    fn push(&mut self, kind: StageKind, ops: Vec<Op>) {
        if !ops.is_empty() {
            self.plan.stages.push(Stage { kind, ops });
        }
    }

    /// A correction makes no revision, so it is not recorded; everything else is, before and after.
    fn record(&mut self, kind: StageKind) {
        if self.inputs.run != Run::Correct {
            self.push(kind, vec![op(self.inputs.subject.clone(), Action::Record, Reason::Bookkeeping, Input::None)]);
        }
    }

    fn namespace(&mut self) {
        let Some(name) = &self.policy.create_namespace else { return };
        let id = ObjectId::new("", "Namespace", "", name);
        let desired = self.inputs.desired.iter().any(|manifest| manifest.id == id);
        let there = matches!(self.inputs.live.get(&id), Some(Live::AsVerified | Live::Seen { .. }));
        if !there && !desired {
            self.push(StageKind::Foundations, vec![op(id, Action::Create, Reason::NotThere, Input::Namespace)]);
        }
    }

    fn crds(&mut self) {
        let mut ops = Vec::new();
        for (n, crd) in self.inputs.crds.iter().enumerate() {
            let mut op = self.judge(crd, Input::Crd(n));
            let allowed = match self.policy.crds {
                CrdPolicy::Skip => false,
                CrdPolicy::Create => op.action == Action::Create,
                CrdPolicy::CreateReplace => true,
            };
            // What cannot be known without a look at the cluster is tried: an apply of what is there changes nothing.
            if allowed || op.action == Action::Unchanged {
                op.batch = 0;
                ops.push(op);
            } else {
                self.plan.held.push(Held { changes: op.changes, ..Held::new(op.id, Hold::CrdSkipped) });
            }
        }
        ops.sort_by(|a, b| a.id.cmp(&b.id));
        self.foundations(ops);
    }

    fn foundations(&mut self, ops: Vec<Op>) {
        let sent = |op: &&Op| op.id.kind == "CustomResourceDefinition" && matches!(op.action, Action::Create | Action::Change);
        let waits: Vec<Op> =
            ops.iter().filter(sent).map(|op| self::op(op.id.clone(), Action::Wait, Reason::NeededNext, op.input)).collect();
        self.push(StageKind::Foundations, ops);
        self.push(StageKind::WaitFoundations, waits);
    }

    fn hooks(&mut self, event: Option<Event>) {
        let Some(event) = event.filter(|_| !self.policy.disable_hooks) else { return };
        let sequence = hook::sequence(self.inputs.hooks, event);
        for n in &sequence {
            let (hook, input) = (&self.inputs.hooks[*n], Input::Hook(*n));
            let id = &hook.manifest.id;
            let mut ops = Vec::new();
            if hook.deletes(DeletePolicy::BeforeHookCreation) {
                ops.push(op(id.clone(), Action::Delete, Reason::HookDeletePolicy, input));
            }
            ops.push(op(id.clone(), Action::Hook, Reason::HookEvent, input));
            // Only what runs to an end can be waited for; a ConfigMap has run when it is there.
            if matches!((id.group.as_str(), id.kind.as_str()), ("batch", "Job") | ("", "Pod")) {
                ops.push(op(id.clone(), Action::Wait, Reason::HookEvent, input));
            }
            ops.iter_mut().enumerate().for_each(|(batch, op)| op.batch = batch);
            self.push(StageKind::Hook(event), ops);
        }
        // Helm deletes only after all hooks of the event have succeeded, the last one first.
        let deletes = sequence.iter().rev().filter(|n| self.inputs.hooks[**n].deletes(DeletePolicy::HookSucceeded));
        let deletes =
            deletes.map(|n| op(self.inputs.hooks[*n].manifest.id.clone(), Action::Delete, Reason::HookDeletePolicy, Input::Hook(*n)));
        let ops = deletes.enumerate().map(|(batch, op)| Op { batch, ..op }).collect();
        self.push(StageKind::Hook(event), ops);
    }

    fn apply(&mut self) {
        if self.inputs.run == Run::Uninstall {
            return;
        }
        let mut stages: BTreeMap<StageKind, Vec<Op>> = BTreeMap::new();
        for (n, manifest) in self.inputs.desired.iter().enumerate() {
            let op = self.judge(manifest, Input::Desired(n));
            if let Some(why) = left_alone(manifest, &op) {
                self.plan.held.push(Held { changes: op.changes, ..Held::new(op.id, why) });
            } else {
                stages.entry(order::stage_of(&manifest.id)).or_default().push(op);
            }
        }
        for (kind, mut ops) in stages {
            ops.sort_by(|a, b| order::apply_key(&a.id).cmp(&order::apply_key(&b.id)).then(a.input.cmp(&b.input)));
            number(&mut ops);
            match kind {
                StageKind::Foundations => self.foundations(ops),
                StageKind::Webhooks => {
                    let waits = self.endpoints(&ops);
                    self.push(StageKind::WaitEndpoints, waits);
                    self.push(kind, ops);
                }
                _ => self.push(kind, ops),
            }
        }
    }

    /// The Services of this plan that webhooks and API services are served by.
    fn endpoints(&self, ops: &[Op]) -> Vec<Op> {
        let desired: BTreeSet<&ObjectId> = self.inputs.desired.iter().map(|manifest| &manifest.id).collect();
        let mut services = BTreeSet::new();
        for op in ops.iter().filter(|op| op.action != Action::Unchanged) {
            if let Input::Desired(n) = op.input {
                services.extend(services_of(&self.inputs.desired[n].body));
            }
        }
        let known = services.into_iter().filter(|id| desired.contains(id));
        known.map(|id| op(id, Action::Wait, Reason::NeededNext, Input::None)).collect()
    }

    fn judge(&self, manifest: &Manifest, input: Input) -> Op {
        let previous = self.previous.get(&manifest.id);
        let edited = |changes: &mut Vec<Change>| {
            let old = previous.filter(|old| !super::diff::same(&old.body, &manifest.body));
            *changes = old.map(|old| self.changes(&old.body, &manifest.body, &ListKeys::default())).unwrap_or_default();
            old.is_some()
        };
        let mut changes = Vec::new();
        let (action, reason) = match self.inputs.live.get(&manifest.id) {
            Some(Live::Absent) => (Action::Create, Reason::NotThere),
            Some(Live::AsVerified) if edited(&mut changes) => (Action::Change, Reason::Edited),
            Some(Live::AsVerified) if previous.is_some() => (Action::Unchanged, Reason::AsVerified),
            Some(Live::AsVerified) => (Action::Change, Reason::Unverified),
            Some(Live::Seen { live, dry_run, ours }) => {
                let was_edited = edited(&mut changes);
                changes = self.seen(live, dry_run.as_ref(), &manifest.body);
                match (ours, dry_run.is_some() && changes.is_empty()) {
                    (false, _) => (Action::Change, Reason::Adopted),
                    (true, true) => (Action::Unchanged, Reason::AsVerified),
                    (true, false) if was_edited => (Action::Change, Reason::Edited),
                    (true, false) => (Action::Change, if dry_run.is_some() { Reason::Drifted } else { Reason::Unverified }),
                }
            }
            None if edited(&mut changes) => (Action::Change, Reason::Edited),
            None if previous.is_some() => (Action::Change, Reason::Unverified),
            None => (Action::Create, Reason::Unverified),
        };
        Op { changes, ..op(manifest.id.clone(), action, reason, input) }
    }

    fn seen(&self, live: &Json, dry_run: Option<&Json>, desired: &Json) -> Vec<Change> {
        let mut keys = Ownership::of(live).list_keys();
        if let Some(answer) = dry_run {
            keys.merge(Ownership::of(answer).list_keys());
            return self.changes(&quiet(live), &quiet(answer), &keys);
        }
        // Without the server's answer nobody can tell what of the live object is default, so nothing is said to go.
        let mut changes = self.changes(&quiet(live), &quiet(desired), &keys);
        changes.retain(|change| change.op != ChangeOp::Removed);
        changes
    }

    fn changes(&self, from: &Json, to: &Json, keys: &ListKeys) -> Vec<Change> {
        diff(from, to, keys).iter().map(|change| change.shown(to, self.redactor)).collect()
    }

    fn delete(&mut self) {
        if self.inputs.run == Run::Correct {
            return;
        }
        let old: BTreeSet<ObjectId> =
            self.inputs.previous.iter().map(|manifest| manifest.id.clone()).chain(self.inputs.inventory.iter().cloned()).collect();
        let uninstall = self.inputs.run == Run::Uninstall;
        let desired = if uninstall { BTreeSet::new() } else { self.inputs.desired.iter().map(|manifest| manifest.id.clone()).collect() };
        let seen = |id: &ObjectId| -> Vec<&Json> {
            let last = self.previous.get(id).map(|manifest| &manifest.body);
            let live = self.inputs.live.get(id).and_then(|live| if let Live::Seen { live, .. } = live { Some(live) } else { None });
            last.into_iter().chain(live).collect()
        };
        // Who asks for an uninstall has approved of it; the protected kinds stay protected.
        let policy = PrunePolicy { approved: self.policy.prune.approved || uninstall, ..self.policy.prune.clone() };
        let pruned = prune(&old, &desired, seen, &policy);
        self.plan.held.extend(pruned.held);
        self.plan.approval = pruned.approval;
        let gone = |id: &ObjectId| matches!(self.inputs.live.get(id), Some(Live::Absent));
        let mut ids: Vec<ObjectId> = pruned.delete.into_iter().filter(|id| !gone(id)).collect();
        ids.sort_by(|a, b| order::delete_key(a).cmp(&order::delete_key(b)));
        let mut ops: Vec<Op> = ids.into_iter().map(|id| op(id, Action::Delete, Reason::NoLongerDesired, Input::None)).collect();
        number(&mut ops);
        self.push(StageKind::Prune, ops);
    }

    fn wait(&mut self) {
        let uninstall = self.inputs.run == Run::Uninstall;
        let all = self.inputs.desired.iter().enumerate().filter(|(_, manifest)| !uninstall && crate::health::takes_time(&manifest.id));
        let held: BTreeSet<&ObjectId> = self.plan.held.iter().map(|held| &held.id).collect();
        let mut ops: Vec<Op> = all
            .filter(|(_, manifest)| !held.contains(&manifest.id))
            .map(|(n, manifest)| op(manifest.id.clone(), Action::Wait, Reason::Health, Input::Desired(n)))
            .collect();
        ops.sort_by(|a, b| order::apply_key(&a.id).cmp(&order::apply_key(&b.id)).then(a.input.cmp(&b.input)));
        self.push(StageKind::WaitHealthy, ops);
    }
}

fn op(id: ObjectId, action: Action, reason: Reason, input: Input) -> Op {
    Op { id, action, reason, input, batch: 0, changes: Vec::new() }
}

/// Gives each run of equal ranks its number.
fn number(ops: &mut [Op]) {
    let (mut batch, mut last) = (0, None);
    for op in ops {
        let rank = (order::stage_of(&op.id), order::batch_rank(&op.id));
        if last.is_some_and(|last| last != rank) {
            batch += 1;
        }
        last = Some(rank);
        op.batch = batch;
    }
}

fn left_alone(manifest: &Manifest, op: &Op) -> Option<Hold> {
    let asks = |key: &str| manifest.annotation(key).or_else(|| manifest.label(key)).map(str::to_lowercase).unwrap_or_default();
    if asks("kustomize.toolkit.fluxcd.io/reconcile") == "disabled" {
        return Some(Hold::ReconcileDisabled);
    }
    match asks("kustomize.toolkit.fluxcd.io/ssa").as_str() {
        "ignore" => Some(Hold::ReconcileDisabled),
        "ifnotpresent" if op.action != Action::Create => Some(Hold::OnlyIfNotPresent),
        _ => None,
    }
}

fn services_of(object: &Json) -> BTreeSet<ObjectId> {
    let webhooks =
        object.get("webhooks").and_then(Json::as_array).into_iter().flatten().filter_map(|hook| hook.pointer("/clientConfig/service"));
    let refs = webhooks.chain(object.pointer("/spec/service"));
    let text = |value: &Json, field: &str| value.get(field).and_then(Json::as_str).map(str::to_owned);
    refs.filter_map(|service| Some(ObjectId::new("", "Service", &text(service, "namespace")?, &text(service, "name")?))).collect()
}

#[cfg(test)]
mod tests;
