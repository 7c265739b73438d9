//! The command line: one file per command, thin.

/// Parses the arguments, runs the command and returns its exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
