//! The release state machine. Pure: it fetches nothing, writes nothing and asks no clock; facts and `now` are arguments.
//!
//! - [`record`]: what is remembered of a unit: its revisions, the run under way, the inventory, the quarantine
//! - [`state`]: [`observe`]: facts to a [`State`]
//! - [`decide`](mod@decide): a state to the next [`Decision`]
//! - [`note`]: what our release Secrets say beyond Helm's record
//! - [`summary`]: the one place where statuses and conditions are computed
//! - [`report`]: what is shown of a unit
//! - [`mod@steps`]: the steps of a run, in order, and which of them a resumed run repeats
//!
//! A *unit* is a `HelmRelease` or a `Kustomization`. The shell (`controller::unit`) gathers facts, asks, records its intent,
//! performs one step, records the result, and asks again. A process killed anywhere finds the run in its record and goes on.

pub mod decide;
pub mod held;
pub mod note;
pub mod record;
pub mod report;
pub mod stages;
pub mod state;
pub mod steps;
pub mod summary;

pub use decide::{Action, Decision, decide};
pub use record::{
    Applied, Attempt, Deletions, Failure, Fault, Quarantine, Rejected, Remedy, RemedyStrategy, RevisionMeta, RevisionStatus, Run,
    RunAction, Strategy, TestPhase, TestRun, UnitKey, UnitKind, UnitRecord, Want,
};
pub use state::{Cause, Facts, State, observe, same};
pub use steps::{Step, steps};
pub use summary::{Outcome, Scene};

#[cfg(test)]
mod tests;
