//! Logs of the daemon: JSON lines, or text for people, to stderr.

use super::failure::Failure;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// One JSON object to a line
    Json,
}

/// Starts logging. `level` is a word such as `debug`, or a list as `info,helmward::git=debug`.
pub(super) fn start(format: LogFormat, level: &str, color: bool) -> Result<(), Failure> {
    let wrong = |why: &str| {
        Failure::error(format!("--log-level {level}: {why}"))
            .hint("write error, warn, info, debug or trace, or a list as info,helmward::git=debug")
    };
    let listed = level.contains(['=', ',']);
    if !listed && level.parse::<tracing::Level>().is_err() && level != "off" {
        return Err(wrong("it is no level"));
    }
    // a word is for all but kube's client, whose errors are told by whoever asked
    let directives = if listed { level.to_owned() } else { format!("{level},kube_client=off") };
    let filter = EnvFilter::try_new(directives).map_err(|e| wrong(&e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Text => builder.with_ansi(color).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    done.map_err(|e| Failure::error(format!("cannot start logging: {e}")))
}
