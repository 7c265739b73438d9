//! `helmward version`: of this program, the API server and the daemon.

use super::daemon::DaemonArgs;
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Console, Format};
use super::session::Session;
use super::status::text;
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct VersionArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Ask neither the API server nor the daemon
    #[arg(long)]
    client: bool,
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) async fn version(args: VersionArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let mut document = json!({"client": env!("CARGO_PKG_VERSION")});
    if !args.client {
        match Session::open(globals).await {
            Ok(session) => document["server"] = json!(session.version.git_version),
            Err(failure) => console.note(&format!("{} {}", console.err.dim("no server version:"), failure.message)),
        }
        match args.daemon.daemon().about().await {
            Some(about) => document["daemon"] = json!(text(&about, "/version")),
            None => console.note(&console.err.dim("no daemon version: none answers; name its address with --server")),
        }
    }
    match args.output {
        Format::Json | Format::Yaml => console.document(&document, args.output)?,
        _ => {
            let lines = ["client", "server", "daemon"].iter().filter_map(|&key| Some(format!("{key}: {}\n", document.get(key)?.as_str()?)));
            console.data(&lines.collect::<String>())?;
        }
    }
    Ok(Exit::Ok)
}
