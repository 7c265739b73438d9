//! What the schema and the rules between fields say about a spec.

use crate::object::Json;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// The field.
    pub(super) path: String,
    /// What is wrong.
    pub(super) problem: String,
    /// What to do.
    pub(super) advice: String,
}

/// Everything that is wrong with the spec of an object.
pub(super) fn spec(_object: &Json) -> Vec<Violation> {
    Vec::new()
}
