//! `helmward run`: the daemon.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::logging::{self, LogFormat};
use crate::api;
use crate::cluster::{Cluster, Connected};
use crate::git::{Credentials, GitUrl};
use clap::Args;
use pending::{Bootstrap, Settings};
use std::fs;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

#[derive(Args)]
pub(super) struct RunArgs {
    /// Where the daemon keeps its state; one daemon per directory
    #[arg(long, value_name = "DIR", default_value = "./state", env = "HELMWARD_STATE_DIR")]
    state_dir: PathBuf,
    /// Where the page and its API listen; loopback only, because there is no login yet
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9080")]
    listen: SocketAddr,
    /// Where /healthz and /readyz listen; empty for nowhere
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9440", value_parser = optional_address)]
    health_listen: Optional,
    /// Where /metrics listens; empty for nowhere
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = optional_address)]
    metrics_listen: Optional,
    /// Bootstrap from this repository: https, http or file URL, or a local path. Credentials in the URL are kept apart
    #[arg(long, value_name = "URL", env = "HELMWARD_GIT", hide_env_values = true)]
    git: Option<String>,
    /// Branch of --git
    #[arg(long, default_value = "main", requires = "git")]
    branch: String,
    /// Directory in --git with this cluster's manifests, such as clusters/prod
    #[arg(long, value_name = "DIR", requires = "git")]
    path: Option<String>,
    /// How often the repository is asked for something new
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "git")]
    git_interval: api::Duration,
    /// File with the key of the store [default: made once, beside the state directory]
    #[arg(long, value_name = "FILE", env = "HELMWARD_STORE_KEY_FILE")]
    store_key_file: Option<PathBuf>,
    /// Releases and kustomizations that are worked on at the same time
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,
    /// Who holds the Lease [default: the host's name and something random, kept in the state directory]
    #[arg(long, value_name = "NAME", env = "HELMWARD_IDENTITY")]
    identity: Option<String>,
    /// How to log
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT", env = "HELMWARD_LOG_FORMAT")]
    log_format: LogFormat,
    /// What to log: error, warn, info, debug, trace, or a list as info,helmward::git=debug
    #[arg(long, default_value = "info", value_name = "LEVEL", env = "HELMWARD_LOG_LEVEL")]
    log_level: String,
}

/// An address, or nowhere.
#[derive(Debug, Clone, Copy)]
struct Optional(Option<SocketAddr>);

fn optional_address(text: &str) -> Result<Optional, String> {
    match text.trim() {
        "" | "none" => Ok(Optional(None)),
        text => text.parse().map(|address| Optional(Some(address))).map_err(|e: std::net::AddrParseError| e.to_string()),
    }
}

/// Runs the daemon until SIGTERM or an interrupt.
pub(super) async fn start_daemon(args: RunArgs, globals: &Globals) -> Result<Exit, Failure> {
    let color = globals.console().err;
    logging::start(args.log_format, &args.log_level, color.0 && std::io::stderr().is_terminal())?;
    let bootstrap = args.git.as_deref().map(|git| bootstrap(git, &args)).transpose()?;
    let agent = concat!("helmward/", env!("CARGO_PKG_VERSION"));
    let shutdown = CancellationToken::new();
    let interrupted = stop_on_signals(shutdown.clone())?;
    let access = globals.daemon_access();
    let Connected { cluster, version, name, .. } = tokio::select! {
        connected = Cluster::connect_by(&access, agent) => connected?,
        () = shutdown.cancelled() => return Err(Failure::new(Exit::Interrupted, "stopped before the cluster answered")),
    };
    let identity = match args.identity.clone() {
        Some(identity) => identity,
        None => identity_in(&args.state_dir)?,
    };
    let settings = Settings {
        machine_key_file: args.state_dir.with_extension("key"),
        state_dir: args.state_dir,
        store_key_file: args.store_key_file,
        listen: args.listen,
        health_listen: args.health_listen.0,
        metrics_listen: args.metrics_listen.0,
        workers: args.workers.into(),
        namespace: globals.home().to_owned(),
        identity,
        bootstrap,
        cluster_name: name,
        simulated: false,
    };
    pending::run(cluster, version.git_version, settings, shutdown).await.map_err(|e| Failure::error(e.to_string()))?;
    Ok(if interrupted.is_cancelled() { Exit::Interrupted } else { Exit::Ok })
}

/// Cancels `shutdown` at SIGTERM or an interrupt; the answer is cancelled at an interrupt. A second signal ends the process.
fn stop_on_signals(shutdown: CancellationToken) -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = CancellationToken::new();
    let listen = |kind| signal(kind).map_err(|e| Failure::error(format!("cannot listen for signals: {e}")));
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let told = interrupted.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => told.cancel(),
        }
        tracing::info!("stopping; a second signal stops at once");
        shutdown.cancel();
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(interrupted)
}

fn bootstrap(git: &str, args: &RunArgs) -> Result<Bootstrap, Failure> {
    let local = Path::new(git);
    let url = if !git.contains("://") && local.is_dir() {
        let full = fs::canonicalize(local).map_err(|e| Failure::error(format!("--git {git}: {e}")))?;
        format!("file://{}", full.display())
    } else {
        git.trim().to_owned()
    };
    let (_, credentials) = GitUrl::parse(&url).map_err(|e| {
        let failure = Failure::error(format!("--git: {}", e.message));
        match e.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let url = if credentials.is_some() { without_userinfo(&url) } else { url };
    let Some(path) = &args.path else {
        return Err(
            Failure::error("--git needs --path").hint("name the directory of this cluster in the repository, such as --path clusters/prod")
        );
    };
    Ok(Bootstrap { url, credentials, branch: args.branch.clone(), path: path.clone(), interval: args.git_interval.to_string() })
}

/// The URL as it was written, but for the user and the password: objects in the repository name it so too.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// The identity in the state directory: a daemon that is started again after a crash takes its own Lease back at once.
fn identity_in(state_dir: &Path) -> Result<String, Failure> {
    let file = state_dir.join("identity");
    let known = fs::read_to_string(&file).unwrap_or_default();
    if !known.trim().is_empty() {
        return Ok(known.trim().to_owned());
    }
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| fs::read_to_string(path).ok());
    let host = host.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "helmward".into());
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| Failure::error(format!("the system gives no random bytes: {e}")))?;
    let identity = format!("{host}_{}", random.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let unusable = |e: std::io::Error| {
        Failure::error(format!("state directory {}: {e}", state_dir.display()))
            .hint("make it writable for this user, or choose another one with --state-dir")
    };
    fs::create_dir_all(state_dir).map_err(unusable)?;
    fs::write(&file, &identity).map_err(unusable)?;
    Ok(identity)
}

/// Stands in for `crate::app` until both are on one branch: same names, same fields, same call.
mod pending {
    use super::{Cluster, Credentials, PathBuf, SocketAddr};
    use tokio_util::sync::CancellationToken;

    /// How the daemon runs.
    #[derive(Debug, Clone)]
    #[expect(dead_code, reason = "read by the composition root")]
    pub(super) struct Settings {
        pub(super) state_dir: PathBuf,
        pub(super) store_key_file: Option<PathBuf>,
        pub(super) machine_key_file: PathBuf,
        pub(super) listen: SocketAddr,
        pub(super) health_listen: Option<SocketAddr>,
        pub(super) metrics_listen: Option<SocketAddr>,
        pub(super) workers: usize,
        pub(super) namespace: String,
        pub(super) identity: String,
        pub(super) bootstrap: Option<Bootstrap>,
        pub(super) cluster_name: String,
        pub(super) simulated: bool,
    }

    /// What to bootstrap from.
    #[derive(Debug, Clone)]
    #[expect(dead_code, reason = "read by the composition root")]
    pub(super) struct Bootstrap {
        pub(super) url: String,
        pub(super) credentials: Credentials,
        pub(super) branch: String,
        pub(super) path: String,
        pub(super) interval: String,
    }

    /// Runs until shutdown.
    pub(super) async fn run(_: Cluster, _: String, settings: Settings, shutdown: CancellationToken) -> Result<(), String> {
        tracing::info!(?settings, "the composition root is not on this branch");
        shutdown.cancelled().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url_and_nothing_else_does() {
        for (url, want) in [
            ("https://user:p%40ss@git.example/a/b.git", "https://git.example/a/b.git"),
            ("https://token@git.example", "https://git.example"),
            ("https://git.example/a@b", "https://git.example/a@b"),
            ("http://u:p@127.0.0.1:8080/x?y#z", "http://127.0.0.1:8080/x?y#z"),
        ] {
            assert_eq!(without_userinfo(url), want);
        }
    }

    #[test]
    fn an_identity_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let first = identity_in(&state).unwrap();
        assert!(first.contains('_'), "{first}");
        assert_eq!(identity_in(&state).unwrap(), first);
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(identity_in(&file).unwrap_err().hint.unwrap().contains("--state-dir"));
    }
}
