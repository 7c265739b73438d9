//! Plans as text.

use super::hook::Event;
use super::{Action, Approval, Hold, Plan, Reason, StageKind};
use std::fmt;

/// How many objects a plan touches, by action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made.
    pub create: usize,
    /// Changed.
    pub change: usize,
    /// Deleted, hooks aside.
    pub delete: usize,
    /// As desired already.
    pub unchanged: usize,
    /// Hooks that run.
    pub hooks: usize,
}

impl Plan {
    /// Counts operations by action.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for op in self.stages.iter().flat_map(|stage| &stage.ops) {
            match op.action {
                Action::Create => counts.create += 1,
                Action::Change => counts.change += 1,
                Action::Delete if op.reason == Reason::NoLongerDesired => counts.delete += 1,
                Action::Unchanged => counts.unchanged += 1,
                Action::Hook => counts.hooks += 1,
                Action::Delete | Action::Wait | Action::Record => {}
            }
        }
        counts
    }

    /// Whether no object would be written: nothing to make, change, delete or run.
    #[must_use]
    pub fn writes_nothing(&self) -> bool {
        let counts = self.counts();
        counts.create + counts.change + counts.delete + counts.hooks == 0
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { create, change, delete, unchanged, hooks } = self.counts();
        writeln!(f, "plan: {create} to create, {change} to change, {delete} to delete, {unchanged} unchanged, {hooks} hooks to run")?;
        if let Some(approval) = &self.approval {
            writeln!(f, "{approval}")?;
        }
        for (n, stage) in self.stages.iter().enumerate() {
            writeln!(f, "{}. {}", n + 1, stage.kind)?;
            for op in &stage.ops {
                writeln!(f, "   {} {} ({})", op.action.sign(), op.id, op.reason)?;
                for change in &op.changes {
                    writeln!(f, "       {change}")?;
                }
            }
        }
        for held in &self.held {
            writeln!(f, "left alone: {} ({})", held.id, held.why)?;
            for change in &held.changes {
                writeln!(f, "       {change}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deletions, of, budget } = self;
        write!(f, "needs approval: would delete {deletions} of {of} objects, the budget is {budget}")
    }
}

impl Action {
    fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Change => "~",
            Self::Delete => "-",
            Self::Unchanged => "=",
            Self::Hook => ">",
            Self::Wait => "…",
            Self::Record => "#",
        }
    }
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = |event: &Event| format!("{event} hook");
        f.write_str(match self {
            Self::RecordIntent => "record what is about to be done",
            Self::Foundations => "namespaces and definitions",
            Self::WaitFoundations => "wait until definitions are served",
            Self::Hook(event) => return f.write_str(&hook(event)),
            Self::ClusterScoped => "cluster-wide classes and policy",
            Self::Workloads => "objects",
            Self::CustomResources => "custom resources",
            Self::WaitEndpoints => "wait until webhooks can answer",
            Self::Webhooks => "webhooks and API services",
            Self::Prune => "delete what is no longer desired",
            Self::WaitHealthy => "wait until healthy",
            Self::Record => "record the result",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "not there",
            Self::Edited => "edited in the source",
            Self::Drifted => "drifted in the cluster",
            Self::Unverified => "live state unknown",
            Self::Adopted => "adopted",
            Self::AsVerified => "as desired",
            Self::NoLongerDesired => "no longer desired",
            Self::HookEvent => "hook",
            Self::HookDeletePolicy => "hook's delete policy",
            Self::NeededNext => "needed next",
            Self::Health => "health",
            Self::Bookkeeping => "record",
        })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProtectedKind => "its kind is not pruned without opt-in",
            Self::HelmKeep => "helm.sh/resource-policy: keep",
            Self::FluxPruneDisabled => "kustomize.toolkit.fluxcd.io/prune: disabled",
            Self::PruneOff => "pruning is off",
            Self::CrdSkipped => "CRDs of this chart are left as they are",
            Self::ReconcileDisabled => "reconciliation disabled by annotation",
            Self::OnlyIfNotPresent => "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent",
        })
    }
}
