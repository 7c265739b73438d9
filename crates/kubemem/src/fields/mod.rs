//! Field ownership: sets of paths, values read by their schema, and who manages what.

mod apply;
mod managed;
mod set;
mod shown;
mod typed;

pub(crate) use apply::{Conflict, apply, update};
pub(crate) use managed::{Entry, Managers, Operation};
pub(crate) use set::{FieldSet, display};
pub(crate) use shown::{Bare, Shown, show};
pub(crate) use typed::{equal, go_value, validate_typed};
