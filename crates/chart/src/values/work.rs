//! How much merging of values one render may ask for.

use super::ValuesError;
use super::tree::{MapRef, Node};
use crate::template::{Limits, STOPPED, Stop};

/// How often as many values may be copied while those of all charts are merged: each chart copies what its parents have.
const COPIES: usize = 20;
/// A map takes as much room as so many numbers.
const MAP: usize = 8;
/// How deep it may be: `import-values` nests without end what each file nests within limits.
const MAX_DEPTH: usize = 2_000;
/// Bytes of warnings: they show whole tables.
const MAX_WARNINGS: usize = 16 << 20;

/// What is left for one render.
pub(crate) struct Work {
    copies: usize,
    /// How many values a tree may have. Sharing keeps trees small in memory; copies and JSON write each use out.
    values: usize,
    warnings: usize,
    stop: Stop,
}

impl Work {
    pub(crate) fn new(limits: &Limits) -> Work {
        let values = limits.values;
        Work { copies: values.saturating_mul(COPIES), values, warnings: MAX_WARNINGS, stop: limits.stop.clone() }
    }

    /// A tree is about to be copied, or was made: an error where that is too much.
    pub(super) fn take(&mut self, map: &MapRef) -> Result<(), ValuesError> {
        if self.stop.is_set() {
            return Err(ValuesError(STOPPED.to_owned()));
        }
        let mut left = self.values;
        if !count(map, &mut left, 0)? {
            let most = self.values;
            return Err(ValuesError(format!("values are too large: more than {most} of them after merging those of all charts")));
        }
        match self.copies.checked_sub(self.values - left) {
            Some(copies) => {
                self.copies = copies;
                Ok(())
            }
            None => Err(ValuesError(format!(
                "values are too large: merging those of all charts copies more than {} of them",
                self.values.saturating_mul(COPIES)
            ))),
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
        Self::new(&Limits::default())
    }
}

/// False once nothing is left.
fn count(map: &MapRef, left: &mut usize, depth: usize) -> Result<bool, ValuesError> {
    if depth > MAX_DEPTH {
        return Err(ValuesError(format!("values are too large: nested more than {MAX_DEPTH} levels deep")));
    }
    *left = left.saturating_sub(MAP);
    for value in map.borrow().values() {
        if !count_node(value, left, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn count_node(node: &Node, left: &mut usize, depth: usize) -> Result<bool, ValuesError> {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return Ok(false);
    }
    match node {
        Node::Map(map) => count(map, left, depth + 1),
        Node::List(items) => {
            for item in items.borrow().iter() {
                if !count_node(item, left, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(true),
    }
}
