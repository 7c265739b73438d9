//! kubectl's JSONPath templates: text, `{.a.b}`, `[*]`, `[1:3]`, `['a','b']`, `..`, filters, `{range …}{end}`.
//!
//! Libraries for JSONPath speak RFC 9535, which has no templates, no `range` and other filters, so that this is of our own.
//! What is printed, and what is refused, is what kubectl v1.36 prints and refuses.

mod eval;
mod parse;

use crate::object::Json;

/// A template that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Node>);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, and at which character.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse::template(text).map(Self)
    }

    /// What the template prints of an object.
    ///
    /// # Errors
    /// Where an index is out of bounds, or things are compared that cannot be.
    pub(super) fn print(&self, object: &Json) -> Result<String, String> {
        let mut out = String::new();
        eval::print(&self.0, object, object, &mut out)?;
        Ok(out)
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    /// Prints all that it finds, with blanks between.
    Path(Path),
    /// Prints its body once for all that the path finds.
    Range(Path, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
struct Path {
    /// `$`: from the whole object, wherever the path stands.
    rooted: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    /// Each of these, one after the other.
    Union(Vec<Vec<Step>>),
    All,
    /// Everything below that holds something, and the value itself.
    Deep,
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: Option<i64>,
    },
    Filter(Filter),
}

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    left: Operand,
    /// Without a comparison, what is there passes.
    than: Option<(Operator, Operand)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Path(Path),
    Value(Json),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[cfg(test)]
mod tests;
