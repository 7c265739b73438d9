//! What has to be done so that the cluster is as desired. Plans never talk to a cluster; live objects are arguments.
//!
//! - [`build`]: the entry point, [`build::plan`]: manifests, hooks, facts and policy in, a [`Plan`] out
//! - [`order`], [`inventory`], [`hook`]: in which order, what is pruned, what Helm hooks ask for
//! - [`diff`]: field-level differences of two trees; [`drift`]: of the cluster and what we want of it
//! - [`fight`]: when corrections are undone again and again
//! - [`prepare`]: from a rendered manifest to what is sent; [`mend`]: what the server refuses as it is written, and takes mended
//! - [`ownership`], [`takeover`], [`ignore`], [`replicas`]: whose field it is, taking it over, leaving it alone

pub mod build;
pub mod diff;
pub mod drift;
pub mod fight;
pub mod hook;
pub mod ignore;
pub mod inventory;
pub mod mend;
pub mod order;
pub mod ownership;
pub mod prepare;
pub mod references;
pub mod replicas;
pub mod selector;
pub mod takeover;
mod text;

pub use diff::{Change, ChangeOp};
pub use drift::{Drift, DriftOp, DriftPolicy};
pub use ownership::{Actor, Operation, Owner};

use crate::object::ObjectId;
use serde::{Deserialize, Serialize};

/// Stages of operations, done one after the other. Holds no secret and no manifest: it can be printed and stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// In the order in which they run. A stage begins when every operation of the one before has ended well.
    pub stages: Vec<Stage>,
    /// Where set, nothing of the plan may run before a person approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Objects that are left as they are on purpose, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// Operations that belong together; one journal record names them before the first is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// What the stage is for.
    pub kind: StageKind,
    /// Sorted. Operations of one `batch` may run at the same time; batches run one after the other.
    pub ops: Vec<Op>,
}

/// What a stage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StageKind {
    /// The release record or inventory is written before the first write (`pending`).
    RecordIntent,
    /// Namespaces and CustomResourceDefinitions.
    Foundations,
    /// Waits until the CustomResourceDefinitions of the stage before are served.
    WaitFoundations,
    /// One hook, and what its delete policy asks for before and after it.
    Hook(hook::Event),
    /// Cluster-scoped classes and policy.
    ClusterScoped,
    /// Everything namespaced that Kubernetes itself knows, in Helm's install order.
    Workloads,
    /// Objects of kinds that Kubernetes itself does not know.
    CustomResources,
    /// Waits until the endpoints of webhooks and API services are ready (or their patience ends).
    WaitEndpoints,
    /// Webhook configurations and APIServices.
    Webhooks,
    /// Objects that are no longer desired.
    Prune,
    /// Waits for the health of the whole.
    WaitHealthy,
    /// The release record or inventory is written after the last write.
    Record,
}

/// One operation on one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Op {
    /// The object.
    pub id: ObjectId,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Where the manifest of the object is found among the inputs of the plan.
    pub input: Input,
    /// Operations of a stage with equal numbers may run at the same time.
    pub batch: usize,
    /// What becomes different, field by field. Empty where live state was not known beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Applied; it is not there yet.
    Create,
    /// Applied over what is there.
    Change,
    /// Deleted.
    Delete,
    /// Nothing: it is as desired.
    Unchanged,
    /// A hook's object is made and waited for until it has run.
    Hook,
    /// Nothing is written; its health is waited for.
    Wait,
    /// The release record or inventory is written.
    Record,
}

/// Why an operation is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It is not in the cluster.
    NotThere,
    /// What is desired differs from what was applied last.
    Edited,
    /// Desired as before, but the live object differs.
    Drifted,
    /// Desired as before, and nobody knows the live object: it is applied to be sure.
    Unverified,
    /// It is live and not yet ours.
    Adopted,
    /// Desired as before, and live as we last verified it.
    AsVerified,
    /// No longer desired.
    NoLongerDesired,
    /// A hook of this event.
    HookEvent,
    /// A hook's delete policy.
    HookDeletePolicy,
    /// Must be ready before the next stage.
    NeededNext,
    /// Part of the health of the whole.
    Health,
    /// Kept so that a restart, `helm` or a rollback finds it.
    Bookkeeping,
}

/// Where the manifest of an operation is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// `desired[n]`.
    Desired(usize),
    /// `crds[n]`.
    Crd(usize),
    /// `hooks[n]`.
    Hook(usize),
    /// The target namespace, made from its name alone and never pruned.
    Namespace,
    /// None is needed.
    None,
}

/// A plan that deletes more than its budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// How many objects it would delete.
    pub deletions: usize,
    /// Of how many that there are.
    pub of: usize,
    /// How many it may delete without asking.
    pub budget: usize,
}

/// An object that is left as it is on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The object.
    pub id: ObjectId,
    /// Why.
    pub why: Hold,
    /// What would have changed, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// More about it in words; empty where there is no more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Held {
    /// An object that is left as it is, of which nothing more is said.
    #[must_use]
    pub fn new(id: ObjectId, why: Hold) -> Self {
        Self { id, why, changes: Vec::new(), detail: String::new() }
    }
}

/// Why an object is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hold {
    /// Its kind is not pruned without opt-in (CRD, PersistentVolumeClaim, Namespace).
    ProtectedKind,
    /// `helm.sh/resource-policy: keep`.
    HelmKeep,
    /// `kustomize.toolkit.fluxcd.io/prune: disabled`.
    FluxPruneDisabled,
    /// Pruning is off.
    PruneOff,
    /// A CRD of the chart's `crds/` folder is absent or differs, and the policy is to leave it.
    CrdSkipped,
    /// `kustomize.toolkit.fluxcd.io/reconcile: disabled`, or `ssa: Ignore`.
    ReconcileDisabled,
    /// `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent`, and it is there.
    OnlyIfNotPresent,
}
