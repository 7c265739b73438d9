//! Field ownership: sets of paths, values read by their schema, and who manages what.

mod apply;
mod managed;
mod set;
mod typed;

pub(crate) use apply::{Conflict, Outcome, apply, update};
pub(crate) use managed::{Entry, Managers, Operation};
pub(crate) use set::{FieldSet, display, field};
pub(crate) use typed::validate_typed;
