//! What the page, the JSON API and the CLI show of a unit: plain data, computed once per pass, free of secrets.

use super::record::{Rejected, RevisionMeta, UnitKey};
use crate::api::Condition;
use crate::health::Health;
use crate::object::ObjectId;
use crate::plan::{Drift, Held};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that is shown of one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Which one.
    pub key: UnitKey,
    /// The status in one word.
    pub pill: Pill,
    /// What is, and what comes next, in one sentence.
    pub message: String,
    /// Since when the pill is what it is.
    pub since: Timestamp,
    /// Whether reconciliation is suspended; then who, why and until when are in [`Report::message`].
    pub suspended: bool,
    /// Chart name, version, and application version; absent for bundles.
    pub chart: Option<ChartInfo>,
    /// Where it comes from.
    pub source: Option<SourceInfo>,
    /// Path of the chart or of the manifests in the source.
    pub path: String,
    /// Name of the Helm release; the unit's own name for bundles.
    pub release_name: String,
    /// Namespace that the objects go to.
    pub target_namespace: String,
    /// Number of the deployed revision; 0 while there is none.
    pub revision: u32,
    /// Version that was attempted last, where it is not the deployed one.
    pub attempted: Option<String>,
    /// `enabled`, `warn` or `disabled`.
    pub drift_mode: String,
    /// Fields that differ now.
    pub drift: Vec<Drift>,
    /// Differences that were seen before, newest first: corrected, accepted or gone.
    pub drift_history: Vec<DriftEpisode>,
    /// Objects of the unit, the unhealthy first.
    pub objects: Vec<ObjectReport>,
    /// Revisions, newest first.
    pub history: Vec<RevisionMeta>,
    /// Attempts that were refused before their first write, newest first; they have no number.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
    /// Conditions of the custom resource.
    pub conditions: Vec<Condition>,
    /// What happened lately, newest first.
    pub events: Vec<EventLine>,
    /// Units and other objects that it waits for or that wait for it: `kind/namespace/name`.
    pub depends_on: Vec<String>,
    /// When it is looked at next without an event.
    pub next_check: Option<Timestamp>,
    /// Fields of the spec that are not honoured yet.
    pub unsupported: Vec<String>,
    /// Objects that are left as they are on purpose, each with what would change.
    #[serde(default)]
    pub held: Vec<Held>,
}

/// The status of a unit in one word. The order is the order on the page: the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pill {
    /// Something is wrong and does not go on by itself.
    Failed,
    /// The cluster runs an older revision than Git asks for, on purpose.
    RolledBack,
    /// Live objects differ from what was applied.
    Drifted,
    /// Something is under way.
    Progressing,
    /// Reconciliation is suspended.
    Suspended,
    /// Not looked at yet.
    Unknown,
    /// All is as wanted.
    Ready,
}

impl Pill {
    /// All, in their order.
    pub const ALL: [Self; 7] =
        [Self::Failed, Self::RolledBack, Self::Drifted, Self::Progressing, Self::Suspended, Self::Unknown, Self::Ready];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::RolledBack => "RolledBack",
            Self::Drifted => "Drifted",
            Self::Progressing => "Progressing",
            Self::Suspended => "Suspended",
            Self::Unknown => "Unknown",
            Self::Ready => "Ready",
        }
    }
}

/// The chart of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartInfo {
    /// Name.
    pub name: String,
    /// Version that is deployed.
    pub version: String,
    /// Application version.
    pub app_version: String,
}

/// The source of a unit, at the revision that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceInfo {
    /// Kind, such as `GitRepository`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// URL without credentials.
    pub url: String,
    /// Revision, such as `main@sha1:…`.
    pub revision: String,
    /// First line of the commit message.
    pub subject: String,
    /// Who wrote the commit.
    pub author: String,
    /// When it was committed.
    pub committed: Option<Timestamp>,
    /// Why the source cannot be read, where it cannot.
    pub error: Option<String>,
}

/// A difference that was seen and is no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftEpisode {
    /// The difference as it was.
    #[serde(flatten)]
    pub drift: Drift,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub end: EpisodeEnd,
}

/// How a difference ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EpisodeEnd {
    /// We set the field back.
    Corrected,
    /// Somebody else did, or the desired state came to agree.
    Gone,
}

/// One object of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReport {
    /// The object.
    pub id: ObjectId,
    /// API version.
    pub api_version: String,
    /// Its health; `None` for kinds that have none.
    pub health: Option<Health>,
    /// The object that owns it, within the unit's tree (a Deployment's ReplicaSet and pods); `None` at the top.
    pub owner: Option<ObjectId>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLine {
    /// When.
    pub time: Timestamp,
    /// Whether it is bad news.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// Words.
    pub message: String,
}

/// What is shown of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// The source.
    pub info: SourceInfo,
    /// Whether it was read at its present revision.
    pub ready: bool,
    /// Suspended.
    pub suspended: bool,
    /// When it was last read, whatever the outcome.
    pub checked: Option<Timestamp>,
    /// How many units come from it.
    pub units: usize,
}
