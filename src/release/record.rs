//! What is remembered of a unit. Every type here is stored, so fields are added with defaults and never change meaning.

use crate::object::ObjectId;
use crate::plan::{Approval, Held};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// The two kinds of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UnitKind {
    /// A `HelmRelease`.
    Release,
    /// A `Kustomization`.
    Bundle,
}

impl UnitKind {
    /// The kind of the custom resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "HelmRelease",
            Self::Bundle => "Kustomization",
        }
    }
}

/// Which custom resource a unit is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitKey {
    /// Kind of the custom resource.
    pub kind: UnitKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}

/// What one pass tries to bring about: the identity of its content and of its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Revision of the source, such as `main@sha1:…`. Shown, never compared: a commit elsewhere in the repository changes nothing.
    pub source_revision: String,
    /// Chart version (with its `+commit` suffix under `reconcileStrategy: Revision`); the source revision for bundles.
    pub version: String,
    /// Digest of the content: the chart's tree, or the tree under the bundle's path.
    pub content: String,
    /// Digest of the composed values.
    pub config: String,
    /// Digest of those fields of the spec that shape the objects (target namespace, common metadata and the like).
    pub shape: String,
}

/// When a changed chart is a new release (`spec.chart.spec.reconcileStrategy`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Only when its version changes.
    #[default]
    ChartVersion,
    /// Whenever its content changes.
    Revision,
}

/// What failed attempts are answered with, as the object says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// Attempts after the first; `-1` for endless. `None` where the object names no remediation: then a failed upgrade is
    /// rolled back and quarantined, and a failed install is kept and repaired.
    pub retries: Option<i32>,
    /// Whether the last failure is remedied too.
    pub remedy_last: bool,
    /// How a failed upgrade is undone.
    pub strategy: RemedyStrategy,
    /// Whether a failed test is no failure.
    pub ignore_tests: bool,
    /// Whether a failure is not undone but tried again, and after how long (Flux's `RetryOnFailure`).
    #[serde(default)]
    pub retry: Option<SignedDuration>,
}

/// How a failed upgrade is undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemedyStrategy {
    /// Back to the last good revision.
    #[default]
    Rollback,
    /// Uninstall (Flux's `strategy: uninstall`).
    Uninstall,
}

impl Remedy {
    /// What holds where the object says nothing.
    pub const DEFAULT: Self =
        Self { retries: None, remedy_last: true, strategy: RemedyStrategy::Rollback, ignore_tests: false, retry: None };
}

/// What the unit's object asks for, as far as the state machine needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What to bring about.
    pub attempt: Attempt,
    /// When a changed chart is a new release.
    pub strategy: Strategy,
    /// Answer to a failed install.
    pub install: Remedy,
    /// Answer to a failed upgrade.
    pub upgrade: Remedy,
    /// Whether drift is put right.
    pub correct_drift: bool,
    /// Whether what is deployed is tested.
    pub tests: bool,
}

/// Status of a revision, in Helm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionStatus {
    /// Being installed.
    PendingInstall,
    /// Being upgraded to.
    PendingUpgrade,
    /// Being rolled back to.
    PendingRollback,
    /// In the cluster and, where asked for, healthy.
    Deployed,
    /// Was deployed before.
    Superseded,
    /// Failed.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Removed.
    Uninstalled,
}

impl RevisionStatus {
    /// The word that Helm stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
        }
    }

    /// Whether Helm calls it pending: an operation that has not ended.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback | Self::Uninstalling)
    }
}

/// One revision of a unit. Its objects lie in the store's content under [`RevisionMeta::target`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionMeta {
    /// Number, from 1; Helm's version of the release.
    pub number: u32,
    /// How it ended.
    pub status: RevisionStatus,
    /// What made it.
    pub action: RunAction,
    /// What it brought about.
    pub attempt: Attempt,
    /// Chart name; empty for bundles.
    #[serde(default)]
    pub chart_name: String,
    /// Application version of the chart.
    #[serde(default)]
    pub app_version: String,
    /// Content id of the rendered target, where the store has it.
    #[serde(default)]
    pub target: Option<String>,
    /// Content id of the chart as Helm records it, where the target is of one.
    #[serde(default)]
    pub chart: Option<String>,
    /// Digest of the rendered objects.
    #[serde(default)]
    pub digest: String,
    /// When the release was first deployed.
    pub first_deployed: Timestamp,
    /// When this revision began.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// One sentence on how it ended, with the cause of a failure.
    #[serde(default)]
    pub description: String,
    /// Author and subject of the commit, as `author: subject`.
    #[serde(default)]
    pub commit: String,
    /// Its tests by name; `None` where it was not tested, empty where it was and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<BTreeMap<String, TestRun>>,
}

/// What was seen of one test of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// How far it came; `None` where it was left out or not reached.
    pub phase: Option<TestPhase>,
    /// How it failed; empty where it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How far a test came, in Helm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestPhase {
    /// It runs.
    Running,
    /// It passed.
    Succeeded,
    /// It failed.
    Failed,
}

impl TestPhase {
    /// The word that Helm records and Flux shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|phase| phase.as_str() == text)
    }
}

impl RevisionMeta {
    /// Whether a test of it failed.
    #[must_use]
    pub fn failed_test(&self) -> bool {
        self.tests.iter().flatten().any(|(_, test)| test.phase == Some(TestPhase::Failed))
    }
}

/// An attempt that was refused before its first write: nothing was changed, and no revision was made. It is part of the history all the
/// same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// What was refused.
    pub attempt: Attempt,
    /// What it would have been.
    pub action: RunAction,
    /// Chart name; empty for bundles.
    #[serde(default)]
    pub chart_name: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub message: String,
    /// Author and subject of the commit, as `author: subject`.
    #[serde(default)]
    pub commit: String,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunAction {
    /// First deployment.
    Install,
    /// To a newer target.
    Upgrade,
    /// Back to an earlier revision's target.
    Rollback,
    /// Removal.
    Uninstall,
    /// The tests of a revision that is deployed already.
    Test,
}

impl RunAction {
    /// The word that Flux's history shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Uninstall => "uninstall",
            Self::Test => "test",
        }
    }
}

/// A run under way. It is stored before its first write and after each step; whoever finds one goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Number of the revision that it makes.
    pub revision: u32,
    /// What it does.
    pub action: RunAction,
    /// What it brings about.
    pub attempt: Attempt,
    /// Index of the next step in [`super::steps()`].
    pub cursor: usize,
    /// Steps in all; a resumed run whose steps are others starts from the first.
    pub length: usize,
    /// When the run began.
    pub started: Timestamp,
    /// When the step at the cursor began to wait (hook or health); `None` while nothing waits.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// Unique id of the object that the hook at the cursor made: where it is gone, it is known to have been there.
    #[serde(default)]
    pub made: Option<String>,
    /// For a rollback: the revision whose target is restored.
    #[serde(default)]
    pub to: Option<u32>,
    /// For a rollback: why.
    #[serde(default)]
    pub why: Option<String>,
    /// Failures of the surroundings since the last step that succeeded.
    #[serde(default)]
    pub stumbles: u32,
    /// Objects (inventory ids) that the API refused, and that are left as they are because the object says so.
    #[serde(default)]
    pub refused: BTreeSet<String>,
}

impl Run {
    /// A run that is about to begin.
    #[must_use]
    pub fn new(revision: u32, action: RunAction, attempt: Attempt, started: Timestamp) -> Self {
        Self {
            revision,
            action,
            attempt,
            cursor: 0,
            length: 0,
            started,
            waiting_since: None,
            made: None,
            to: None,
            why: None,
            stumbles: 0,
            refused: BTreeSet::new(),
        }
    }
}

/// Whose fault a failure is: it decides between quarantine and retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// The content: refused by schema or immutability, unhealthy, a failed Job or test. Not tried again unchanged.
    Content,
    /// What surrounds it: API down, forbidden, quota, missing kind or Secret. Tried again with backoff.
    Surroundings,
}

/// A failure, with the object that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault.
    pub fault: Fault,
    /// A sentence with object, cause and what to do. Scrubbed of secrets.
    pub message: String,
}

/// A failed attempt that is not repeated until something changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// What failed.
    pub attempt: Attempt,
    /// How.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// The revision that the cluster was brought back to; `None` where nothing could be restored.
    #[serde(default)]
    pub restored: Option<u32>,
}

/// A target that deletes more than its budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletions {
    /// The target, as it was held first: its commit may be approved as well as the newest that wants the same.
    pub attempt: Attempt,
    /// How many objects, of how many, and how many it may.
    pub size: Approval,
    /// Some of them, in words.
    pub some: String,
}

impl Deletions {
    /// The commit or digest that an approval names, of a source revision such as `main@sha1:0123…`.
    #[must_use]
    pub fn commit(revision: &str) -> &str {
        revision.rsplit(':').next().unwrap_or_default()
    }

    /// What is held, and what to do about it.
    #[must_use]
    pub fn words(&self) -> String {
        let Approval { deletions, of, budget } = self.size;
        let commit = Self::commit(&self.attempt.source_revision);
        format!(
            "{} would delete {deletions} of {of} objects ({}), more than its budget of {budget}; nothing was changed. To approve, set the annotation \
             {}: {commit}",
            super::summary::short(&self.attempt.source_revision),
            self.some,
            crate::api::names::APPROVE,
        )
    }
}

/// How an object was when we last wrote or verified it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// UID; another one means that it was made anew.
    pub uid: String,
    /// Resource version that we wrote or verified.
    pub resource_version: String,
    /// Digest of the configuration that we applied.
    pub digest: String,
    /// API version it was applied in, such as `apps/v1`.
    #[serde(default)]
    pub api_version: String,
}

/// All that is remembered of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// Revisions, oldest first.
    pub history: Vec<RevisionMeta>,
    /// The run under way.
    pub run: Option<Run>,
    /// What is not tried again.
    pub quarantine: Option<Quarantine>,
    /// Failed attempts at the present target since it last changed.
    pub failures: u32,
    /// Objects believed to exist because of this unit, by inventory id. An entry leaves only when its deletion was confirmed.
    pub inventory: BTreeMap<String, Applied>,
    /// The last `reconcile.fluxcd.io/requestedAt` that was obeyed.
    #[serde(default)]
    pub handled: Option<String>,
    /// The attempt whose chart changed under an unchanged version, where one is held.
    #[serde(default)]
    pub held: Option<Attempt>,
    /// Name under which Helm knows the release, and where its Secrets are: `namespace/name`.
    #[serde(default)]
    pub storage: Option<String>,
    /// Generation of the custom resource at the last attempt. Another one is tried anew, as Flux does: what failed may go now (a longer
    /// timeout, force).
    #[serde(default)]
    pub tried: Option<i64>,
    /// The namespace that the release was deployed into.
    #[serde(default)]
    pub namespace: Option<String>,
    /// A rollback that a person asked for: held until resumed.
    #[serde(default)]
    pub pinned: Option<u32>,
    /// What the pods of each workload read that the release does not bring, as of when they were started, by inventory id: the external
    /// object's id to the keyed digest of what is read of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<String, BTreeMap<String, String>>,
    /// Rollbacks that failed one after the other.
    #[serde(default)]
    pub rollback_failures: u32,
    /// Whether it holds what another tool has drawn by chance, such as passwords: then that is kept from revision to revision.
    #[serde(default)]
    pub drawn: bool,
    /// Attempts that were refused before their first write, oldest first; the last few.
    #[serde(default)]
    pub rejected: VecDeque<Rejected>,
    /// Objects that are left as they are on purpose, since the run that found them so.
    #[serde(default)]
    pub holds: Vec<Held>,
    /// A target that is not begun before a person approves what it deletes.
    #[serde(default)]
    pub approval: Option<Deletions>,
    /// What the annotations allowed when a target was last begun or refused: where they allow something else, it is tried again.
    #[serde(default)]
    pub leave: Option<String>,
    /// By revision: the content id of the CRDs that it replaced and the objects of their kinds, as they were before it.
    #[serde(default)]
    pub backups: BTreeMap<u32, String>,
}

/// So many refused attempts are remembered.
const REJECTED: usize = 20;

impl UnitRecord {
    /// The newest revision.
    #[must_use]
    pub fn last(&self) -> Option<&RevisionMeta> {
        self.history.last()
    }

    /// The newest revision that is deployed now.
    #[must_use]
    pub fn deployed(&self) -> Option<&RevisionMeta> {
        self.history.iter().rev().find(|r| r.status == RevisionStatus::Deployed)
    }

    /// The revision to go back to: the newest that ended deployed, whether it still is or was superseded since.
    #[must_use]
    pub fn last_good(&self) -> Option<&RevisionMeta> {
        self.history.iter().rev().find(|r| matches!(r.status, RevisionStatus::Deployed | RevisionStatus::Superseded))
    }

    /// The revision that a failed upgrade goes back to: as [`UnitRecord::last_good`], and no test of it failed unless that is ignored.
    #[must_use]
    pub fn rollback_target(&self, ignore_tests: bool) -> Option<&RevisionMeta> {
        let good = |r: &&RevisionMeta| matches!(r.status, RevisionStatus::Deployed | RevisionStatus::Superseded);
        self.history.iter().rev().filter(good).find(|r| ignore_tests || !r.failed_test())
    }

    /// Numbers of the revisions that a person may go back to, oldest first.
    pub fn good_numbers(&self) -> impl Iterator<Item = u32> {
        let good = |r: &&RevisionMeta| matches!(r.status, RevisionStatus::Deployed | RevisionStatus::Superseded);
        self.history.iter().filter(good).map(|r| r.number)
    }

    /// A revision by its number.
    #[must_use]
    pub fn revision(&self, number: u32) -> Option<&RevisionMeta> {
        self.history.iter().rev().find(|r| r.number == number)
    }

    /// A revision by its number, to change.
    pub fn revision_mut(&mut self, number: u32) -> Option<&mut RevisionMeta> {
        self.history.iter_mut().rev().find(|r| r.number == number)
    }

    /// Numbers of the revisions that are too many: the oldest, but never the newest good one. `keep` 0 keeps all, and two are always
    /// kept. `coming` is the revision that is good in a moment.
    #[must_use]
    pub fn surplus(&self, keep: u32, coming: Option<u32>) -> Vec<u32> {
        let keep = if keep == 0 { usize::MAX } else { (keep as usize).max(2) };
        let good = coming.or_else(|| self.last_good().map(|r| r.number));
        let numbers = self.history.iter().map(|r| r.number).filter(|n| Some(*n) != good);
        numbers.take(self.history.len().saturating_sub(keep)).collect()
    }

    /// Notes a refused attempt. The same one refused again in the same words takes the place of the one before.
    pub fn reject(&mut self, rejected: Rejected) {
        self.rejected.retain(|r| (&r.attempt, &r.message) != (&rejected.attempt, &rejected.message));
        self.rejected.push_back(rejected);
        if self.rejected.len() > REJECTED {
            self.rejected.pop_front();
        }
    }

    /// The number of the next revision.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.history.iter().map(|r| r.number).max().unwrap_or(0) + 1
    }

    /// Ids of the inventory that can be read.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, &Applied)> {
        self.inventory.iter().filter_map(|(id, applied)| Some((ObjectId::from_inventory_id(id)?, applied)))
    }
}

/// Backoff after the nth failure of the surroundings: 1 s doubled each time, at most 5 minutes.
#[must_use]
pub fn backoff(stumbles: u32) -> SignedDuration {
    SignedDuration::from_secs(1_i64.checked_shl(stumbles.saturating_sub(1).min(10)).unwrap_or(300).min(300))
}
