//! Drift: what in the cluster is not as we applied it, field by field, with who and since when.

use super::ownership::Owner;
use crate::object::{ObjectId, Pointer, Shown};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One field of one live object that differs from what is desired, as it may be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The object.
    pub object: ObjectId,
    /// For people: `.spec.template.spec.containers[name=app].image`; `.` where the whole object is meant.
    pub path: String,
    /// For machines: RFC 6901, into the live tree where the field is there, else into the desired one.
    pub pointer: Pointer,
    /// What happened to the field.
    pub op: DriftOp,
    /// The value that is desired; absent for extra fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Shown>,
    /// The value that is there; absent for removed fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Shown>,
    /// Who owns the field, the latest writer first. Where the field was taken away nobody owns it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// The last writer of the object other than us, where no owner is known: a guess, and shown as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Owner>,
    /// When this difference was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// The revision that the desired value is of.
    pub desired_revision: String,
    /// What is done about it.
    pub policy: DriftPolicy,
    /// When it is corrected or looked at next, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// What happened to a field of a live object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftOp {
    /// It has another value than the desired one.
    Changed,
    /// It is gone (or the whole object is).
    Removed,
    /// It is there and not desired.
    Extra,
}

/// What is done about a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// Set back.
    Correct,
    /// Told in a condition and an event.
    Warn,
    /// Shown on the page only.
    Show,
    /// Not drift: a rule or an annotation says so, in these words.
    Ignored(String),
    /// Not drift: set by others where we have no opinion.
    NotOurs,
}

impl Drift {
    /// Whether this counts as drift; extra fields of others and ignored ones are shown, and do not.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self.policy, DriftPolicy::Correct | DriftPolicy::Warn | DriftPolicy::Show)
    }

    /// Since when the field is so, as the API server tells it: an upper bound, with one second of resolution.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.owners.first().or(self.suspect.as_ref()).and_then(|owner| owner.time)
    }
}
