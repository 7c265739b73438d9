//! Sequences that a seeded generator makes: several managers apply, change and delete parts of one object.

use super::sequence::Sequence;

pub(crate) fn sequences() -> Vec<Sequence> {
    Vec::new()
}
