//! What a release Secret says beyond Helm's record, so that the loss of the store loses no run, no verdict and no identity: what the
//! revision was to bring about, and what it was made for. It is kept as an annotation, which another tool's write takes away.

use super::decide::quarantines;
use super::record::{Attempt, Quarantine, Remedy, RevisionMeta, RevisionStatus, Run, RunAction, UnitRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The note on one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// What made the revision.
    pub action: RunAction,
    /// What it brings about.
    pub attempt: Attempt,
    /// Digest of the rendered objects.
    #[serde(default)]
    pub digest: String,
    /// Author and subject of the commit.
    #[serde(default)]
    pub commit: String,
    /// For a rollback: the revision whose target is restored.
    #[serde(default)]
    pub to: Option<u32>,
    /// For a rollback: why.
    #[serde(default)]
    pub why: Option<String>,
    /// Failed attempts before it.
    #[serde(default)]
    pub failures: u32,
    /// For a rollback: whether what failed before it is not tried again.
    #[serde(default)]
    pub quarantines: bool,
    /// For a rollback: whether a person asked for it.
    #[serde(default)]
    pub pinned: bool,
}

impl Note {
    /// The note on the revision of a run. `upgrade` is the answer to failed upgrades that the object asks for.
    #[must_use]
    pub fn of(meta: &RevisionMeta, run: &Run, record: &UnitRecord, upgrade: &Remedy) -> Self {
        let back = meta.action == RunAction::Rollback;
        Self {
            action: meta.action,
            attempt: meta.attempt.clone(),
            digest: meta.digest.clone(),
            commit: meta.commit.clone(),
            to: run.to,
            why: run.why.clone(),
            failures: record.failures,
            quarantines: back && quarantines(upgrade, record.failures),
            pinned: back && record.pinned.is_some(),
        }
    }

    /// As it is stored.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From what is stored; what cannot be read says nothing.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Fills in what Helm's record does not say of the revision.
    pub fn fill(&self, meta: &mut RevisionMeta) {
        meta.action = self.action;
        meta.attempt.clone_from(&self.attempt);
        meta.digest.clone_from(&self.digest);
        meta.commit.clone_from(&self.commit);
    }
}

/// Takes up what the newest revision of a rebuilt record was in the middle of, or what it came to. A newest revision without a note says
/// nothing: another tool made it.
pub fn conclude(record: &mut UnitRecord, notes: &BTreeMap<u32, Note>) {
    let Some(last) = record.history.last().cloned() else { return };
    let Some(note) = notes.get(&last.number) else { return };
    let failed = record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback).cloned();
    let quarantine = |failed: Option<RevisionMeta>, also: &str, restored| {
        failed.map(|failed| Quarantine {
            message: format!("{}{also}", failed.description),
            attempt: failed.attempt,
            since: last.started,
            restored,
        })
    };
    record.pinned = note.to.filter(|_| note.pinned);
    match (last.status, note.action) {
        (status, action) if status.is_pending() && status != RevisionStatus::Uninstalling => {
            record.failures = note.failures;
            record.run = Some(Run { to: note.to, why: note.why.clone(), ..Run::new(last.number, action, last.attempt, last.started) });
        }
        (RevisionStatus::Failed, RunAction::Rollback) => {
            record.failures = note.failures;
            let again = record.history.iter().rev().take_while(|r| r.status == RevisionStatus::Failed && r.action == RunAction::Rollback);
            record.rollback_failures = u32::try_from(again.count()).unwrap_or(u32::MAX);
            if !note.pinned {
                let verdict = quarantine(failed, &format!("; rolling back failed too: {}", last.description), None);
                record.quarantine = verdict.or(record.quarantine.take());
            }
        }
        (RevisionStatus::Failed, _) => record.failures = note.failures + 1,
        (RevisionStatus::Deployed, RunAction::Rollback) => {
            record.failures = note.failures;
            if note.quarantines && !note.pinned {
                record.quarantine = quarantine(failed, "", Some(last.number)).or(record.quarantine.take());
            }
        }
        (RevisionStatus::Deployed, _) => {
            record.failures = 0;
            // A status from before this revision tells of an older verdict.
            if record.quarantine.as_ref().is_some_and(|q| q.since <= last.started) {
                record.quarantine = None;
            }
        }
        _ => {}
    }
}
