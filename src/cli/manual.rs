//! Pages made from the definitions of the commands: manual pages (`helmward man DIR`) and the reference in docs
//! (`helmward reference PAGE`).

use super::EXIT_CODES;
use super::failure::{Exit, Failure};
use super::output::Console;
use clap::{Arg, Args, Command, ValueEnum};
use std::fmt::Write as _;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct ManArgs {
    /// Where the pages are written to
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes `helmward.1` and a page for each command.
pub(super) fn man(args: &ManArgs, command: Command, console: &Console) -> Result<Exit, Failure> {
    let directory = args.directory.display();
    std::fs::create_dir_all(&args.directory).map_err(|e| Failure::error(format!("make {directory}: {e}")).hint("check the path"))?;
    clap_mangen::generate_to(command, &args.directory).map_err(|e| Failure::error(format!("write to {directory}: {e}")))?;
    console.done(&format!("the manual pages are in {directory}"), &format!("`man {directory}/helmward.1`"));
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(super) struct ReferenceArgs {
    /// Which page
    #[arg(value_name = "PAGE", value_enum, default_value_t = Page::Cli)]
    page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    /// The commands and their options
    Cli,
    /// The fields of Flux's objects
    Compatibility,
    /// Our annotations
    Annotations,
}

/// Prints a reference page.
pub(super) fn reference(args: &ReferenceArgs, mut command: Command, console: &Console) -> Result<Exit, Failure> {
    let made = match args.page {
        Page::Cli => None,
        Page::Compatibility => Some(crate::api::unsupported::compatibility()),
        Page::Annotations => Some(crate::api::extras::page()),
    };
    if let Some(page) = made {
        console.data(&page)?;
        return Ok(Exit::Ok);
    }
    command.build();
    let mut page = String::from(
        "# Command line\n\n<!-- Made from the definitions of the commands: `helmward reference > docs/reference/cli.md`. -->\n\n",
    );
    if let Some(about) = command.get_about() {
        let _ = writeln!(page, "{about}\n");
    }
    let _ = writeln!(
        page,
        "{EXIT_CODES}\n\nData goes to stdout, everything else to stderr. A link named `kubectl-helmward` to the binary, in a directory of"
    );
    page.push_str("`PATH`, makes every command one of kubectl's: `ln -s \"$(command -v helmward)\" /usr/local/bin/kubectl-helmward`, then\n`kubectl helmward get`.\n");
    page.push_str("\n| command | |\n|---|---|\n");
    let shown = || command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    for sub in shown() {
        let _ = writeln!(page, "| [`{0}`](#{0}) | {1} |", sub.get_name(), sub.get_about().map(ToString::to_string).unwrap_or_default());
    }
    page.push_str("\n## Options of every command\n\n");
    options(&command, |arg| arg.is_global_set(), &mut page);
    for sub in shown() {
        let _ = write!(page, "\n## {}\n\n{}.\n\n", sub.get_name(), sub.get_about().map(ToString::to_string).unwrap_or_default());
        let usage = sub.clone().render_usage().to_string();
        let _ = write!(page, "```\n{}\n```\n\n", usage.trim_start_matches("Usage: ").replace("\n       ", "\n"));
        options(sub, |arg| !arg.is_global_set(), &mut page);
        if let Some(more) = sub.get_after_long_help() {
            let more = more.to_string();
            let _ = write!(page, "\n```\n{}\n```\n", more.trim_end_matches(EXIT_CODES).trim_end());
        }
    }
    console.data(&page)?;
    Ok(Exit::Ok)
}

fn options(command: &Command, wanted: impl Fn(&Arg) -> bool, page: &mut String) {
    let of_help = |arg: &Arg| matches!(arg.get_id().as_str(), "help" | "version");
    let args: Vec<&Arg> = command.get_arguments().filter(|arg| wanted(arg) && !arg.is_hide_set() && !of_help(arg)).collect();
    if args.is_empty() {
        return;
    }
    page.push_str("| option | meaning |\n|---|---|\n");
    for arg in args {
        let _ = writeln!(page, "| {} | {} |", name(arg), meaning(arg).replace('|', "\\|"));
    }
}

/// `-o`, `--output FORMAT`
fn name(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let values = if arg.get_action().takes_values() { values.join(" ") } else { String::new() };
    if arg.is_positional() {
        return format!("`{values}`");
    }
    let long = arg.get_long().map(|long| format!("--{long} {values}").trim_end().to_owned());
    let names = arg.get_short().map(|short| format!("-{short}")).into_iter().chain(long);
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn meaning(arg: &Arg) -> String {
    let mut out = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if arg.get_action().takes_values() && !choices.is_empty() {
        let _ = write!(out, ": {}", choices.join(", "));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|v| format!("`{}`", v.to_string_lossy())).collect();
    if arg.get_action().takes_values() && defaults.iter().any(|d| d != "``") {
        let _ = write!(out, " (default {})", defaults.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(out, " (variable `{}`)", variable.to_string_lossy());
    }
    out
}
