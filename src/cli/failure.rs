//! How a command ends: an exit code, and where it failed, words and the next step.

use super::place::Place;
use crate::cluster::{ApiError, ConnectError, Kind};
use std::process::ExitCode;

/// Exit codes, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// All is as it should be.
    Ok,
    /// Differences were found, or a condition does not hold.
    Differs,
    /// Wrong usage, or an error.
    Error,
    /// A `--timeout` ran out.
    Timeout,
    /// A person stopped it.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Differs => 1,
            Exit::Error => 2,
            Exit::Timeout => 3,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command failed, and what to do next.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Where in a file, if it is about one.
    pub(super) place: Option<Box<Place>>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, place: None }
    }

    /// An error, exit code 2.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::new(Exit::Error, message)
    }

    /// With the lines of a file that it is about, where they are known.
    pub(super) fn at(mut self, place: Option<Place>) -> Self {
        self.place = place.map(Box::new);
        self
    }

    /// With the next step.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = if error.kind == Kind::TimedOut { Exit::Timeout } else { Exit::Error };
        let hint = match error.kind {
            Kind::Forbidden => Some("ask for the permission, or use another user with --context; `helmward check` lists what is missing"),
            Kind::Unreachable => Some("check that the API server runs and that --context is the right one"),
            _ => None,
        };
        Self { exit, message: error.to_string(), hint: hint.map(str::to_owned), place: None }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::error(error.to_string())
    }
}
