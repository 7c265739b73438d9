//! A state to the next decision. `decide` chooses; it performs, logs and marks nothing.

use super::record::{Remedy, RemedyStrategy, RunAction, UnitRecord, Want};
use super::state::{Cause, State};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// All is done for this pass.
    Finish,
    /// Do this, then observe again.
    Act(Action),
    /// Compare every object with the cluster, then observe again.
    Compare,
    /// Nothing to do until something changes; the reason is shown.
    Hold(String),
    /// Given up until the object, its source or its values change.
    Stall(String),
}

/// An action of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Begin a first deployment.
    Install,
    /// Begin an upgrade.
    Upgrade(Cause),
    /// Go on with the run under way.
    Resume,
    /// Give up the run under way in favour of what is wanted now.
    Supersede,
    /// Begin a rollback to a revision.
    RollBack {
        /// The revision to restore.
        to: u32,
    },
    /// Remove what a failed attempt left, then try again.
    Uninstall,
    /// Mark a pending revision that nobody works on as failed.
    Unlock(u32),
    /// Put drifted fields right.
    Correct,
    /// Test what is deployed.
    Test,
}

impl Action {
    /// The kind, of which each is done at most once in a pass.
    fn kind(&self) -> u8 {
        match self {
            Self::Install => 0,
            Self::Upgrade(_) => 1,
            Self::Resume => 2,
            Self::Supersede => 3,
            Self::RollBack { .. } => 4,
            Self::Uninstall => 5,
            Self::Unlock(_) => 6,
            Self::Correct => 7,
            Self::Test => 8,
        }
    }
}

/// The next decision. `done` is what this pass has already done: an action of one kind is done at most once, so that a pass ends.
#[must_use]
pub fn decide(state: &State, want: &Want, record: &UnitRecord, done: &[Action]) -> Decision {
    let decision = choose(state, want, record);
    match &decision {
        Decision::Act(action) if done.iter().any(|d| d.kind() == action.kind()) => Decision::Hold("the next pass goes on".into()),
        Decision::Compare if done.len() > 8 => Decision::Hold("the next pass goes on".into()),
        _ => decision,
    }
}

fn choose(state: &State, want: &Want, record: &UnitRecord) -> Decision {
    match state {
        State::Absent => Decision::Act(Action::Install),
        State::Running { superseded: true } => Decision::Act(Action::Supersede),
        State::Running { superseded: false } => Decision::Act(Action::Resume),
        State::Locked { revision } => Decision::Act(Action::Unlock(*revision)),
        State::Outdated(cause) => Decision::Act(Action::Upgrade(*cause)),
        State::Held => Decision::Finish,
        State::Quarantined(q) => Decision::Hold(q.message.clone()),
        State::Failed { action, message } => after_failure(*action, message, want, record),
        State::NeedsLive => Decision::Compare,
        State::Untested => Decision::Act(Action::Test),
        State::Drifted(_) if want.correct_drift => Decision::Act(Action::Correct),
        State::Drifted(_) | State::Settled => Decision::Finish,
        State::Pinned(revision) => Decision::Hold(format!("rolled back to revision {revision} by request; resume to follow Git again")),
    }
}

/// After a failed attempt at what is still wanted. The failed revision is the newest one.
fn after_failure(action: RunAction, message: &str, want: &Want, record: &UnitRecord) -> Decision {
    let first = record.last_good().is_none();
    let remedy = if first { want.install } else { want.upgrade };
    let good = record.rollback_target(remedy.ignore_tests).map(|r| r.number);
    match remedy.retries {
        // The shell leaves a pause that grows before it begins.
        _ if action == RunAction::Rollback => roll_back(match record.pinned {
            Some(pinned) => record.good_numbers().find(|n| *n == pinned),
            None => good,
        }),
        _ if remedy.retry.is_some() => Decision::Act(Action::Upgrade(Cause::Retried)),
        // Nothing was ever good: keep what is there, so that the next commit repairs it. Removing it is never a surprise of ours.
        None if first => Decision::Stall(message.to_owned()),
        None => roll_back(good),
        Some(retries) => {
            let exhausted = retries >= 0 && record.failures > retries.unsigned_abs();
            if exhausted && !remedy.remedy_last {
                Decision::Stall(format!("retries exhausted after {} failures: {message}", record.failures))
            } else if first {
                Decision::Act(Action::Uninstall)
            } else {
                remedial(&remedy, good)
            }
        }
    }
}

fn remedial(remedy: &Remedy, good: Option<u32>) -> Decision {
    match remedy.strategy {
        RemedyStrategy::Rollback => roll_back(good),
        RemedyStrategy::Uninstall => Decision::Act(Action::Uninstall),
    }
}

fn roll_back(good: Option<u32>) -> Decision {
    match good {
        Some(to) => Decision::Act(Action::RollBack { to }),
        None => Decision::Stall("there is no good revision to go back to".into()),
    }
}

/// Whether a failed attempt is quarantined once it has been remedied: always, unless the object grants retries that are left.
#[must_use]
pub fn quarantines(remedy: &Remedy, failures: u32) -> bool {
    match remedy.retries {
        None => true,
        Some(retries) => retries >= 0 && failures > retries.unsigned_abs(),
    }
}
