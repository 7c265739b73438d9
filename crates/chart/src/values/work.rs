//! How much merging of values one render may ask for.

use super::ValuesError;
use super::tree::{MapRef, Node};
use crate::template::{STOPPED, Stop};

/// Values that may be copied while those of all charts are merged: each chart copies what its parents have.
const MAX_COPIES: usize = 40_000_000;
/// How many values a tree may have. Sharing keeps trees small in memory; copies and JSON write each use out.
const MAX_VALUES: usize = 4_000_000;
/// How deep it may be: `import-values` nests without end what each file nests within limits.
const MAX_DEPTH: usize = 2_000;
/// Bytes of warnings: they show whole tables.
const MAX_WARNINGS: usize = 16 << 20;

/// What is left for one render.
pub(crate) struct Work {
    copies: usize,
    warnings: usize,
    stop: Stop,
}

impl Work {
    pub(crate) fn new(stop: &Stop) -> Work {
        Work { copies: MAX_COPIES, warnings: MAX_WARNINGS, stop: stop.clone() }
    }

    /// A tree is about to be copied, or was made: an error where that is too much.
    pub(super) fn take(&mut self, map: &MapRef) -> Result<(), ValuesError> {
        if self.stop.is_set() {
            return Err(ValuesError(STOPPED.to_owned()));
        }
        let mut left = MAX_VALUES;
        count(map, &mut left, 0)?;
        match self.copies.checked_sub(MAX_VALUES - left) {
            Some(copies) => {
                self.copies = copies;
                Ok(())
            }
            None => Err(ValuesError(format!("values are too large: merging those of all charts copies more than {MAX_COPIES} of them"))),
        }
    }

    /// Whether there is room for one more warning.
    pub(super) fn warns(&mut self, text: &str) -> bool {
        match self.warnings.checked_sub(text.len()) {
            Some(left) => self.warnings = left,
            None => return false,
        }
        true
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::new(&Stop::default())
    }
}

fn count(map: &MapRef, left: &mut usize, depth: usize) -> Result<(), ValuesError> {
    if depth > MAX_DEPTH {
        return Err(ValuesError(format!("values are too large: nested more than {MAX_DEPTH} levels deep")));
    }
    map.borrow().values().try_for_each(|value| count_node(value, left, depth))
}

fn count_node(node: &Node, left: &mut usize, depth: usize) -> Result<(), ValuesError> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| ValuesError(format!("values are too large: more than {MAX_VALUES} of them after merging those of all charts")))?;
    match node {
        Node::Map(map) => count(map, left, depth + 1),
        // Lists come from files, whose nesting is limited.
        Node::List(items) => items.borrow().iter().try_for_each(|item| count_node(item, left, depth + 1)),
        _ => Ok(()),
    }
}
