//! The command line: one file per command, thin.
//!
//! - [`main`]: parses, runs, maps the outcome to an exit code and a hint
//! - `globals`, `session`, `target`: options that all commands share, the connection, which objects are meant
//! - `output`, `failure`, `place`: data to stdout, words to stderr, exit codes, lines of files that are wrong
//! - `get`, `standing` (`status`), `tree`, `events`, `logs`, `history`, `drift`, `diff`, `template`, `lint`, `version`, `check`: look
//! - `household`, `explain`, `wait`: a unit with all that came of it, why it fails, waiting for it; `wait_for`: `wait` as a command
//! - `helm`: what `template` and `lint` share; `validate`: `template --validate`
//! - `jsonpath`: kubectl's templates; `completion`, `manual`: for shells and readers
//! - `reconcile`, `suspend`, `resume`, `rollback`, `install`, `uninstall`: ask for something, by way of the API server
//! - `run`: the daemon itself; `demo`: the daemon, a simulated API server and a repository in one process

mod age;
mod chart;
mod check;
mod completion;
mod daemon;
mod demo;
mod diff;
mod drift;
mod events;
mod explain;
mod explain_template;
mod failure;
mod get;
mod globals;
mod helm;
mod history;
mod household;
mod install;
mod jsonpath;
mod lint;
mod local;
mod logging;
mod logs;
mod manual;
mod output;
mod place;
mod reconcile;
mod resume;
mod rollback;
mod run;
mod session;
mod standing;
mod status;
mod suspend;
mod target;
mod template;
mod tree;
mod uninstall;
mod validate;
mod version;
mod wait;
mod wait_for;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::{Exit, Failure};
use globals::Globals;
use output::Console;
use std::ffi::OsString;
use std::process::ExitCode;
use tokio::runtime::Builder;

const EXIT_CODES: &str = "\
Exit codes: 0 as it should be, 1 differences found or not ready, 2 usage or error, 3 --timeout ran out, 130 interrupted.";

const EXIT_CODES_OF_HELM: &str = "Exit codes: 0 as it should be, 1 usage or error, as Helm has it.";

/// A GitOps daemon: commit to Git, and it is deployed; break it, and it is rolled back; touch it, and drift is shown.
#[derive(Parser)]
#[command(name = "helmward", version, subcommand_required = true, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon: follow sources, deploy, roll back, watch for drift
    #[command(after_help = EXIT_CODES)]
    Run(run::RunArgs),
    /// Show the whole story in one process: no cluster, no account
    #[command(after_help = EXIT_CODES)]
    Demo(demo::DemoArgs),
    /// Show releases, kustomizations and sources, and whether they are ready
    #[command(after_help = EXIT_CODES)]
    Get(get::GetArgs),
    /// Show how things stand, what is wrong and what to do
    #[command(after_help = EXIT_CODES)]
    Status(standing::StatusArgs),
    /// Wait until something is ready, at a revision, or gone
    #[command(after_help = EXIT_CODES)]
    Wait(wait_for::WaitForArgs),
    /// Show what came of a release or kustomization, down to its pods
    #[command(after_help = EXIT_CODES)]
    Tree(tree::TreeArgs),
    /// Show what happened to a release or kustomization and its objects
    #[command(after_help = EXIT_CODES)]
    Events(events::EventsArgs),
    /// Show what the pods of a release or kustomization write
    #[command(after_help = EXIT_CODES)]
    Logs(logs::LogsArgs),
    /// Show what a local directory would change in the cluster, field by field
    #[command(after_help = EXIT_CODES)]
    Diff(diff::DiffArgs),
    /// Show which live fields differ from what was applied, who changed them, and since when
    #[command(after_help = EXIT_CODES)]
    Drift(drift::DriftArgs),
    /// Ask for a reconciliation now
    #[command(after_help = EXIT_CODES)]
    Reconcile(reconcile::ReconcileArgs),
    /// Stop following Git for one object
    #[command(after_help = EXIT_CODES)]
    Suspend(suspend::SuspendArgs),
    /// Follow Git again
    #[command(after_help = EXIT_CODES)]
    Resume(resume::ResumeArgs),
    /// Go back to an earlier revision of a release, and stay there until it is resumed
    #[command(after_help = EXIT_CODES)]
    Rollback(rollback::RollbackArgs),
    /// Show the revisions of a release
    #[command(after_help = EXIT_CODES)]
    History(history::HistoryArgs),
    /// Render a local chart, as `helm template` does
    #[command(after_help = EXIT_CODES_OF_HELM)]
    Template(Box<template::TemplateArgs>),
    /// Look for mistakes in a local chart, as `helm lint` does
    #[command(after_help = EXIT_CODES_OF_HELM)]
    Lint(lint::LintArgs),
    /// Install the daemon and its definitions in a cluster
    #[command(after_help = EXIT_CODES)]
    Install(install::InstallArgs),
    /// Remove the daemon from a cluster; workloads stay
    #[command(after_help = EXIT_CODES)]
    Uninstall(uninstall::UninstallArgs),
    /// Check that a cluster has what the daemon needs
    #[command(after_help = EXIT_CODES)]
    Check(check::CheckArgs),
    /// Show the versions of this program, the API server and the daemon
    #[command(after_help = EXIT_CODES)]
    Version(version::VersionArgs),
    /// Print the completion script of a shell
    #[command(after_help = EXIT_CODES, after_long_help = format!("{}\n\n{EXIT_CODES}", completion::HOW))]
    Completion(completion::CompletionArgs),
    /// Write the manual pages
    #[command(hide = true)]
    Man(manual::ManArgs),
    /// Print a reference page of the documentation
    #[command(hide = true)]
    Reference(manual::ReferenceArgs),
}

/// Parses the arguments, runs the command and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let alone = args.get(1).is_some_and(|name| name == "template");
    let command = if alone { template_alone() } else { command() };
    let args = match as_helm_reads(&command, &args) {
        Ok(read) => read.unwrap_or(args),
        Err(wrong) => {
            Console::plain().detail(&format!("Error: {wrong}"));
            return Exit::Differs.into();
        }
    };
    let command = if alone && args.iter().any(|arg| arg == "--help") { self::command() } else { command };
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return refuse(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let console = cli.globals.console();
    let result = run(cli, &console);
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console.failure(&failure);
            failure.exit.into()
        }
    }
}

/// The arguments of a command that stands in for one of Helm's, in a form that clap reads alike.
fn as_helm_reads(command: &clap::Command, args: &[OsString]) -> Result<Option<Vec<OsString>>, String> {
    let Some(args) = args.iter().map(|arg| arg.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let read = helm::canonical(command, &args, &["template", "lint"])?;
    Ok(read.map(|args| args.into_iter().map(OsString::from).collect()))
}

/// What reads the arguments of `template`, for which the definitions of all other commands would be made in vain: a small chart
/// is rendered in a few times as long. Help is for the whole to give.
fn template_alone() -> clap::Command {
    let template = template::TemplateArgs::augment_args(clap::Command::new("template"));
    Globals::augment_args(clap::Command::new("helmward").disable_help_subcommand(true)).subcommand(template)
}

/// kubectl finds plugins by their file name, and calls this one `kubectl helmward`.
fn command() -> clap::Command {
    let command = Cli::command();
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let plugin = called.is_some_and(|path| path.file_stem().is_some_and(|stem| stem == "kubectl-helmward"));
    if plugin { command.bin_name("kubectl helmward") } else { command }
}

/// Help and version go to stdout with exit code 0, usage errors to stderr with 2.
fn refuse(error: &clap::Error) -> ExitCode {
    // nothing can be done where the words cannot be printed
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(Exit::Error.into(), ExitCode::from)
}

fn run(cli: Cli, console: &Console) -> Result<Exit, Failure> {
    let globals = &cli.globals;
    match cli.command {
        Command::Template(args) => Ok(helm::run(|| template::template(*args, globals, console), console)),
        Command::Lint(args) => Ok(helm::run(|| lint::lint(&args, globals, console), console)),
        Command::Completion(args) => completion::completion(&args, Cli::command(), console),
        Command::Man(args) => manual::man(&args, Cli::command(), console),
        Command::Reference(args) => manual::reference(&args, Cli::command(), console),
        Command::Run(args) => on_runtime(Builder::new_multi_thread(), run::start_daemon(args, globals)),
        Command::Demo(args) => on_runtime(Builder::new_multi_thread(), async {
            logging::start(logging::LogFormat::Text, "warn", false)?;
            demo::run(args).await.map(|()| Exit::Ok).map_err(Failure::error)
        }),
        Command::Get(args) => online(get::get(args, globals, console)),
        Command::Diff(args) => online(diff::diff(args, globals, console)),
        Command::Drift(args) => online(drift::drift(args, globals, console)),
        Command::Reconcile(args) => online(reconcile::reconcile(args, globals, console)),
        Command::Suspend(args) => online(suspend::suspend(args, globals, console)),
        Command::Resume(args) => online(resume::resume(args, globals, console)),
        Command::Rollback(args) => online(rollback::rollback(args, globals, console)),
        Command::History(args) => online(history::history(args, globals, console)),
        Command::Install(args) => online(install::install(args, globals, console)),
        Command::Uninstall(args) => online(uninstall::uninstall(args, globals, console)),
        Command::Check(args) => online(check::check(args, globals, console)),
        Command::Version(args) => online(version::version(args, globals, console)),
        Command::Status(args) => online(standing::status(args, globals, console)),
        Command::Wait(args) => online(wait_for::wait_for(args, globals, console)),
        Command::Tree(args) => online(tree::tree(args, globals, console)),
        Command::Events(args) => online(events::events(args, globals, console)),
        Command::Logs(args) => online(logs::logs(args, globals, console)),
    }
}

/// Runs what asks or tells the API server something.
fn online(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    on_runtime(Builder::new_current_thread(), async {
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted; what was asked for goes on in the cluster")),
        }
    })
}

fn on_runtime(mut builder: Builder, work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    // the process has several TLS users; the first to come installs the one provider that is compiled in
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = builder.enable_all().build().map_err(|e| Failure::error(format!("cannot start: {e}")))?;
    let exit = runtime.block_on(work);
    // what still blocks on a file or a name look-up must not keep the process
    runtime.shutdown_background();
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }
}
