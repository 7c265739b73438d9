//! What `template` and `lint` share, so that they can stand in for Helm's commands of the same names.
//!
//! - `flags`: arguments as pflag reads them, with its words for what is wrong
//! - `chart`: a chart given by path, and why it cannot be had
//! - `values`: `-f` and the kinds of `--set`
//! - `ignored`: flags of Helm's that mean nothing here, and those that cannot be obeyed
//! - `log`: warnings as Helm logs them

mod chart;
mod flags;
mod ignored;
mod log;
mod values;

use super::failure::{Exit, Failure};
use super::output::Console;
use clap::ValueEnum;
use helmward_chart::template::with_stack;

pub(super) use chart::{Found, find};
pub(super) use flags::canonical;
pub(super) use ignored::IgnoredFlags;
pub(super) use log::logged;
pub(super) use values::ValuesArgs;

/// The Helm whose rules hold where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum Compat {
    /// Helm 3
    #[default]
    #[value(name = "3")]
    Helm3,
    /// Helm 4
    #[value(name = "4")]
    Helm4,
}

impl From<Compat> for helmward_chart::render::Compat {
    fn from(compat: Compat) -> Self {
        match compat {
            Compat::Helm3 => Self::Helm3,
            Compat::Helm4 => Self::Helm4,
        }
    }
}

/// A failure in Helm's words.
pub(super) fn failed(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Differs, message)
}

/// Runs a command of Helm's, all on the one thread that has room for a render, and ends as Helm does: `Error: …` and exit
/// code 1. On a terminal the lines of the file are shown instead.
pub(super) fn run(command: impl FnOnce() -> Result<Exit, Failure> + Send, console: &Console) -> Exit {
    let result = with_stack(command).unwrap_or_else(|e| Err(failed(format!("cannot start: {e}"))));
    result.unwrap_or_else(|failure| {
        if console.err.0 {
            console.failure(&failure)
        } else {
            console.detail(&format!("Error: {}", failure.message))
        }
        Exit::Differs
    })
}
