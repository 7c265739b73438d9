//! Errors of parsing and execution, with the texts that Go and Helm print.

use std::fmt;
use std::sync::Arc;

/// Marks a message of `fail` or `required`, so that it is found again inside the chain of wrapping texts.
pub(crate) const WARN_START: &str = "HELM_ERR_START";
/// The end of such a message.
pub(crate) const WARN_END: &str = "HELM_ERR_END";

/// Why a template could not be parsed or executed: what Go's `Tree.errorf` (text/template/parse/parse.go) and `ExecError`
/// (text/template/exec.go) say.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    trace: Vec<Location>,
}

/// What went wrong, for those who must tell cases apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The text is no template, or calls a function that there is not.
    Parse,
    /// An action failed.
    Exec,
    /// `fail` or `required` was called with a message of the chart's author: Helm's `warnWrap` (engine/engine.go) marks it.
    Failed,
    /// There is no template of that name.
    NoTemplate,
    /// A budget of [`super::Limits`] is used up.
    Budget,
}

/// A place in a template file: Go's `ErrorContext` (text/template/parse/parse.go).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The name under which the file was parsed.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 0 as Go counts it; None for parse errors, which know only the line.
    pub column: Option<usize>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: String, at: Option<Location>) -> Error {
        Error(Box::new(Inner { kind, text, trace: at.into_iter().collect() }))
    }

    /// This error seen from one level further out: `text` already contains the inner text.
    pub(crate) fn wrap(mut self, text: String, at: Location) -> Error {
        self.0.text = text;
        self.0.trace.insert(0, at);
        self
    }

    /// This error seen from one level further out, without words for that level.
    pub(crate) fn seen_from(mut self, at: Location) -> Error {
        self.0.trace.insert(0, at);
        self
    }

    /// This error in a text of bearable length: its outermost place and its innermost words.
    pub(crate) fn bearable(mut self, longest: usize) -> Error {
        const KEPT: usize = 16 << 10;
        if self.0.text.len() > longest
            && let Some(at) = self.0.trace.first()
        {
            let mut from = self.0.text.len() - KEPT;
            while !self.0.text.is_char_boundary(from) {
                from += 1;
            }
            self.0.text = format!("template: {at}: {from} bytes of nested errors are left out: {}", &self.0.text[from..]);
        }
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The whole text, as Go's template package prints it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The places passed, from the rendered file inwards to the action that failed.
    pub fn trace(&self) -> &[Location] {
        &self.0.trace
    }

    /// The action that failed, the last of [`Error::trace`].
    pub fn location(&self) -> Option<&Location> {
        self.0.trace.last()
    }

    /// The message given to `fail` or `required`, if that is what ended the render.
    pub fn message(&self) -> Option<&str> {
        let start = self.0.text.find(WARN_START)? + WARN_START.len();
        let end = self.0.text.rfind(WARN_END)?;
        self.0.text.get(start..end)
    }

    /// The text as `helm template` prints it for this file: Helm's `cleanupParseError` and `cleanupExecError` (engine/engine.go).
    pub fn helm_text(&self, file: &str) -> String {
        let text = &self.0.text;
        match self.0.kind {
            ErrorKind::NoTemplate if self.0.trace.is_empty() => text.clone(),
            ErrorKind::Parse if !self.is_exec() => {
                let mut tokens = text.split(": ");
                match (tokens.next(), tokens.next()) {
                    (Some(_), Some(at)) => {
                        format!("parse error at ({at}): {}", text.rsplit(": ").next().unwrap_or_default())
                    }
                    _ => format!("parse error in ({file}): {text}"),
                }
            }
            _ => {
                let mut tokens = text.splitn(3, ": ");
                match (tokens.next(), tokens.next(), tokens.next()) {
                    (Some(_), Some(at), Some(_)) => match self.message() {
                        Some(message) => format!("execution error at ({at}): {message}"),
                        None => text.clone(),
                    },
                    _ => format!("execution error in ({file}): {text}"),
                }
            }
        }
    }

    // A parse error inside `tpl` has been wrapped by the action that called it, which knows its column.
    fn is_exec(&self) -> bool {
        self.0.trace.first().is_some_and(|at| at.column.is_some())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// Why a function failed, before it is known where it was called.
#[derive(Debug)]
pub(crate) enum Fail {
    /// A plain message.
    Text(String),
    /// The message of `fail` or `required`, already marked.
    Marked(String),
    /// A budget is used up.
    Budget(String),
    /// A template that the function ran failed, possibly with words put before its text.
    Inner(Error, String),
}

impl Fail {
    pub(crate) fn text(&self) -> String {
        match self {
            Fail::Text(text) | Fail::Marked(text) | Fail::Budget(text) => text.clone(),
            Fail::Inner(error, before) => format!("{before}{}", error.text()),
        }
    }
}

impl From<String> for Fail {
    fn from(text: String) -> Fail {
        Fail::Text(text)
    }
}

impl From<&str> for Fail {
    fn from(text: &str) -> Fail {
        Fail::Text(text.to_owned())
    }
}

impl From<crate::go::GoError> for Fail {
    fn from(error: crate::go::GoError) -> Fail {
        Fail::Text(error.to_string())
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Fail {
        Fail::Inner(error, String::new())
    }
}
