//! A YAML parser with libyaml's tolerance and goyaml's error texts.
//!
//! libyaml accepts texts that the specification does not and the other way round; charts depend on where exactly. Error texts
//! reach users through `fromYaml`. So the rules, look-ahead limits and order of checks here are those of goyaml v2:
//! [`cursor`] reads characters, [`tokens`] and [`scalars`] make tokens with libyaml's simple-key bookkeeping, and [`tree`] makes nodes.

mod cursor;
mod scalars;
mod tokens;
mod tree;

pub(super) use tree::{Node, NodeKind, Tree};

use super::Error;

/// A place in the text. Lines and columns are counted from 0, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A problem of the scanner. goyaml names the line after the mark's, or none on the first line.
fn scanner_error(problem: &str, at: Mark) -> Error {
    if at.line == 0 { Error::yaml(problem) } else { Error::yaml_at(at.line + 1, problem) }
}

/// A problem of the parser. goyaml names the line before the one at fault, else that before the context's, else none.
fn parser_error(problem: &str, at: Mark, context: Option<Mark>) -> Error {
    match (at.line, context.map_or(0, |c| c.line)) {
        (0, 0) => Error::yaml(problem),
        (0, line) | (line, _) => Error::yaml_at(line, problem),
    }
}
