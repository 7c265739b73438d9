//! Facts to a state: what is the matter with this unit, in one word.

use super::record::{Attempt, Quarantine, RevisionStatus, RunAction, Strategy, UnitRecord, Want};
use jiff::Timestamp;

/// All that [`observe`] looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What is remembered.
    pub record: &'a UnitRecord,
    /// Fields that differ in the cluster from what was applied; `None` where not every object has been compared yet.
    pub drifted: Option<usize>,
    /// Whether a person asked for this pass (`requestedAt` that was not obeyed yet).
    pub requested: bool,
    /// Whether a person asked to force it (`forceAt`).
    pub forced: bool,
    /// The time of this pass.
    pub now: Timestamp,
}

/// Why the wanted target is another one than the deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The chart's version, or the content where that decides.
    Content,
    /// The values.
    Values,
    /// Fields of the spec that shape the objects.
    Spec,
    /// A person asked.
    Requested,
    /// It failed, and the object asks to try again.
    Retried,
}

/// The state of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing of it was ever deployed.
    Absent,
    /// A run is under way, ours or one that was cut off: the same thing.
    Running {
        /// Whether something newer is wanted than what the run brings about.
        superseded: bool,
    },
    /// An operation of another tool never ended (a pending release without a run of ours).
    Locked {
        /// The pending revision.
        revision: u32,
    },
    /// The wanted target is another one than the deployed.
    Outdated(Cause),
    /// The chart changed, but its version did not, and only a new version counts.
    Held,
    /// The wanted target has failed before and is not tried again as it is.
    Quarantined(Quarantine),
    /// The last attempt at the wanted target failed.
    Failed {
        /// What it was.
        action: RunAction,
        /// How it ended.
        message: String,
    },
    /// Not every object has been compared with the cluster yet.
    NeedsLive,
    /// Fields in the cluster differ.
    Drifted(usize),
    /// What is deployed has not been tested, and should be.
    Untested,
    /// A person rolled back to a revision and has not resumed since.
    Pinned(u32),
    /// All is as wanted.
    Settled,
}

/// What is the matter with a unit. Looks at stored facts first; the live objects come last.
#[must_use]
pub fn observe(want: &Want, facts: &Facts<'_>) -> State {
    let record = facts.record;
    if let Some(run) = &record.run {
        let superseded = run.action != RunAction::Uninstall && change(want, &run.attempt, Strategy::Revision).is_some();
        // A rollback is finished even when something newer came: half of two targets is worse than either.
        return State::Running { superseded: superseded && run.action != RunAction::Rollback };
    }
    // What was put back on purpose is guarded like anything else that is deployed.
    let guarded = |rests: State| match facts.drifted {
        _ if record.last().is_none_or(|r| r.status != RevisionStatus::Deployed) => rests,
        None => State::NeedsLive,
        Some(fields) if fields > 0 && want.correct_drift => State::Drifted(fields),
        Some(_) => rests,
    };
    if let Some(last) = record.last().filter(|last| last.status.is_pending()) {
        // Before all else: Helm itself refuses to touch a release as long as one is pending.
        return State::Locked { revision: last.number };
    }
    // Neither forward nor back: the rollback is tried again.
    let stranded = record.last().filter(|r| r.action == RunAction::Rollback && r.status == RevisionStatus::Failed);
    let again = |message: &str| State::Failed { action: RunAction::Rollback, message: message.to_owned() };
    if let (Some(_), Some(last)) = (record.pinned, stranded) {
        return again(&last.description);
    }
    if let Some(revision) = record.pinned {
        return guarded(State::Pinned(revision));
    }
    let asked = facts.requested || facts.forced;
    if let Some(quarantine) = record.quarantine.as_ref().filter(|_| !asked)
        && change(want, &quarantine.attempt, Strategy::Revision).is_none()
    {
        return match stranded {
            Some(_) => again(&quarantine.message),
            None => guarded(State::Quarantined(quarantine.clone())),
        };
    }
    let Some(last) = record.last() else { return State::Absent };
    match last.status {
        RevisionStatus::Uninstalled => return State::Absent,
        RevisionStatus::Failed => {
            return match change(want, &last.attempt, Strategy::Revision) {
                Some(cause) => State::Outdated(cause),
                None if asked => State::Outdated(Cause::Requested),
                None => State::Failed { action: last.action, message: last.description.clone() },
            };
        }
        _ => {}
    }
    // The last revision is deployed. After a rollback what it holds is not what is wanted, so its attempt differs and it is outdated,
    // unless the quarantine above said otherwise.
    if let Some(cause) = change(want, &last.attempt, want.strategy) {
        return State::Outdated(cause);
    }
    if facts.forced {
        return State::Outdated(Cause::Requested);
    }
    let remedy = if last.action == RunAction::Install { want.install } else { want.upgrade };
    let tested = last.tests.is_some() && (remedy.ignore_tests || !last.failed_test());
    if want.tests && !tested && last.action != RunAction::Rollback {
        return State::Untested;
    }
    match facts.drifted {
        None => State::NeedsLive,
        Some(0)
            if want.strategy == Strategy::ChartVersion
                && !last.attempt.content.is_empty()
                && last.attempt.content != want.attempt.content =>
        {
            State::Held
        }
        Some(0) => State::Settled,
        Some(fields) => State::Drifted(fields),
    }
}

/// Whether two attempts bring about the same. The source's revision is no part of that: commits elsewhere in a repository change nothing.
#[must_use]
pub fn same(one: &Attempt, other: &Attempt) -> bool {
    one.version == other.version && one.content == other.content && one.config == other.config && one.shape == other.shape
}

/// What differs between the wanted and another attempt.
fn change(want: &Want, other: &Attempt, strategy: Strategy) -> Option<Cause> {
    let content = match strategy {
        Strategy::ChartVersion => want.attempt.version != other.version,
        // An attempt rebuilt from a status may lack the digest: then the version decides.
        Strategy::Revision if other.content.is_empty() => want.attempt.version != other.version,
        Strategy::Revision => want.attempt.content != other.content,
    };
    if content {
        Some(Cause::Content)
    } else if want.attempt.config != other.config {
        Some(Cause::Values)
    } else if !other.shape.is_empty() && want.attempt.shape != other.shape {
        Some(Cause::Spec)
    } else {
        None
    }
}
