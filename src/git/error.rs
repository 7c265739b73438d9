//! Errors of Git sources: a class to act on, a message that names the thing, and the next step.

use crate::source::{ObjectError, RefError, SnapshotError};
use std::fmt;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GitErrorClass {
    /// The URL cannot be used: the object has to change.
    InvalidUrl,
    /// Credentials are missing, refused or of no use here.
    Auth,
    /// There is no repository at the URL.
    NotFound,
    /// The repository has no such branch, tag or commit.
    RefNotFound,
    /// The server cannot be reached, or answered that it cannot answer now.
    Network,
    /// The time given for the operation is over.
    Timeout,
    /// The server's certificate is not trusted, or ours is not accepted.
    Tls,
    /// The server answered something that is not Git.
    Protocol,
    /// The snapshot breaks a rule or a limit.
    Content,
    /// Reading or writing on this machine failed.
    Local,
    /// The caller went away.
    Cancelled,
}

impl GitErrorClass {
    /// The reason that Flux writes into the `FetchFailed` condition.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::InvalidUrl => "URLInvalid",
            Self::Auth => "AuthenticationFailed",
            _ => "GitOperationFailed",
        }
    }

    /// Whether the same attempt may succeed later without anybody changing anything here.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        !matches!(self, Self::InvalidUrl)
    }
}

/// A Git operation that failed. The message never holds credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitError {
    /// What to do about it.
    pub class: GitErrorClass,
    /// What happened, naming the repository.
    pub message: String,
    /// The next step, where we know one.
    pub hint: Option<String>,
}

impl GitError {
    /// An error without a hint.
    pub fn new(class: GitErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts the repository before the message.
    #[must_use]
    pub(super) fn at(mut self, repository: &str) -> Self {
        if !self.message.starts_with(repository) {
            self.message = format!("{repository}: {}", self.message);
        }
        self
    }

    pub(super) fn local(what: impl fmt::Display, err: impl fmt::Display) -> Self {
        Self::new(GitErrorClass::Local, format!("{what}: {err}"))
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for GitError {}

impl From<RefError> for GitError {
    fn from(err: RefError) -> Self {
        let class = match err {
            RefError::BadName { .. } | RefError::BadCommit(_) | RefError::BadRange(_) => GitErrorClass::InvalidUrl,
            RefError::NotFound { .. } | RefError::Empty => GitErrorClass::RefNotFound,
        };
        Self::new(class, err.to_string())
    }
}

impl From<SnapshotError> for GitError {
    fn from(err: SnapshotError) -> Self {
        match err {
            SnapshotError::Object(err) => err.into(),
            other => Self::new(GitErrorClass::Content, other.to_string()),
        }
    }
}

impl From<ObjectError> for GitError {
    fn from(err: ObjectError) -> Self {
        Self::new(GitErrorClass::Local, err.to_string())
    }
}

/// Every cause of an error in one line.
pub(super) fn chain(err: &(dyn std::error::Error + 'static)) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
