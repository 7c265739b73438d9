//! What is asked for: a line of the output, or a field of an object.

use std::fmt;
use std::str::FromStr;

use super::{Doc, Hook, RenderError};
use crate::yaml;

/// What to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A line of the output of `helm template`, from 1.
    Line(usize),
    /// An object, or what stands at a path in it.
    Object {
        /// `kind`; upper and lower case are the same.
        kind: String,
        /// `metadata.name`
        name: String,
        /// Keys and indices; empty for the whole object.
        path: Vec<String>,
    },
}

/// Why there is nothing to explain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExplainError {
    /// The query is none.
    #[error("`{0}` is neither a line nor an object; write 12, Deployment/web or Deployment/web.spec.replicas")]
    Query(String),
    /// The output is shorter.
    #[error("there is no line {line}: the output has {lines}")]
    NoLine {
        /// The line asked for.
        line: usize,
        /// The lines that there are.
        lines: usize,
    },
    /// No such object was rendered: the one asked for, and those that there are.
    #[error("the chart renders no {0}; it renders {1}")]
    NoObject(String, String),
    /// The object has nothing there.
    #[error("{object} has no {path}; {there}")]
    NoField {
        /// The object.
        object: String,
        /// The path asked for.
        path: String,
        /// What there is.
        there: String,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl FromStr for Query {
    type Err = ExplainError;

    /// `12`, `KIND/NAME`, `KIND/NAME.spec.containers[0].image`, `KIND/NAME.metadata.annotations["a.b/c"]`.
    ///
    /// Names of objects may have dots, too: what is read as the beginning of the path here is taken for a part of the name where
    /// there is an object of that name.
    fn from_str(text: &str) -> Result<Query, ExplainError> {
        let wrong = || ExplainError::Query(text.to_owned());
        if let Ok(line) = text.parse() {
            return Ok(Query::Line(line));
        }
        let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
        let cut = rest.find(['.', '[']).unwrap_or(rest.len());
        if kind.is_empty() || cut == 0 {
            return Err(wrong());
        }
        let path = steps(&rest[cut..]).ok_or_else(wrong)?;
        Ok(Query::Object { kind: kind.to_owned(), name: rest[..cut].to_owned(), path })
    }
}

fn steps(mut rest: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (step, left) = after.split_at(end);
            if step.is_empty() {
                return None;
            }
            out.push(step.to_owned());
            rest = left;
        } else {
            let inside = rest.strip_prefix('[')?;
            let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (step, left) = match quote {
                Some(quote) => inside[1..].split_once(&format!("{quote}]"))?,
                None => inside.split_once(']')?,
            };
            out.push(step.to_owned());
            rest = left;
        }
    }
    Some(out)
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Query::Line(line) => write!(f, "line {line}"),
            Query::Object { kind, name, path } if path.is_empty() => write!(f, "{kind}/{name}"),
            Query::Object { kind, name, path } => write!(f, "{kind}/{name}.{}", path.join(".")),
        }
    }
}

/// The document that a query names, and the lines of its text (from 0, the end excluded) that it asks for.
pub(super) fn find<'a>(
    manifests: &'a [Doc],
    hooks: &'a [Hook],
    kind: &str,
    name: &str,
    path: &[String],
) -> Result<(&'a Doc, std::ops::Range<usize>), ExplainError> {
    let all = || manifests.iter().chain(hooks.iter().map(|hook| &hook.doc)).filter(|doc| !doc.kind.is_empty());
    let named = |name: &str| all().find(|doc| doc.kind.eq_ignore_ascii_case(kind) && doc.name == name);
    // a name may have dots: the longest one that is there
    let candidates = (0..=path.len()).rev().map(|n| ([&[name.to_owned()], &path[..n]].concat().join("."), &path[n..]));
    let Some((doc, path)) = candidates.into_iter().find_map(|(name, rest)| Some((named(&name)?, rest))) else {
        let there: Vec<String> = all().map(|doc| format!("{}/{}", doc.kind, doc.name)).collect();
        return Err(ExplainError::NoObject(format!("{kind}/{name}"), there.join(", ")));
    };
    let lines = doc.text.matches('\n').count() + 1;
    if path.is_empty() {
        return Ok((doc, 0..lines));
    }
    let pointer: String = path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
    let positions = yaml::from_str_spanned(&doc.text).map(|spanned| spanned.positions).unwrap_or_default();
    // of a repeated key, the last one holds
    let Some(at) = positions.iter().rposition(|position| position.pointer == pointer) else {
        let object = format!("{}/{}", doc.kind, doc.name);
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let prefix = format!("{parent}/");
        let beside: Vec<&str> =
            positions.iter().filter_map(|p| p.pointer.strip_prefix(&prefix)).filter(|step| !step.contains('/')).collect();
        let there = if beside.is_empty() { "look at the object itself".to_owned() } else { format!("there is {}", beside.join(", ")) };
        return Err(ExplainError::NoField { object, path: path.join("."), there });
    };
    let first = positions[at].line as usize - 1;
    let below = format!("{pointer}/");
    let next = positions[at + 1..].iter().find(|p| !p.pointer.starts_with(&below)).map(|p| p.line as usize - 1);
    Ok((doc, first..next.unwrap_or(lines).max(first + 1)))
}
