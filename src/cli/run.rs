//! `helmward run`: the daemon.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::logging::{self, LogFormat};
use crate::api;
use crate::app::{self, Settings};
use crate::cluster::{Cluster, Connected};
use crate::controller::bootstrap::Bootstrap;
use crate::controller::tenancy::Tenancy;
use crate::git::GitUrl;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
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
    /// Service account, in flux-system, as which the Kustomization of --git acts [default: that of --default-service-account, else the
    /// daemon's own rights]
    #[arg(long, value_name = "NAME", requires = "git", value_parser = NonEmptyStringValueParser::new())]
    git_service_account: Option<String>,
    /// Service account, in its own namespace, as which an object acts that has no spec.serviceAccountName [default: the daemon's rights]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    default_service_account: Option<String>,
    /// Refuse sources of other namespaces than the object's own
    #[arg(long)]
    no_cross_namespace_refs: bool,
    /// Namespaces that HelmReleases may deploy to, separated by commas: names, with a * for any text, and . for the object's own [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    target_namespaces: Vec<String>,
    /// What becomes of fields that a kind does not have: the API refuses the object, or they are dropped and that is said
    #[arg(long, value_enum, default_value = "refuse", value_name = "WHAT")]
    unknown_fields: UnknownFields,
    /// Feature gates as Flux has them, such as AdditiveCELDependencyCheck=true: a readyExpr is asked beside the Ready condition of a
    /// dependency, and not in its place
    #[arg(long, value_name = "NAME=BOOL", value_delimiter = ',', value_parser = feature_gate)]
    feature_gates: Vec<FeatureGate>,
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

/// What becomes of fields that a kind does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum UnknownFields {
    Refuse,
    Drop,
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
    let Connected { cluster, version, name, .. } = Cluster::connect_by(&globals.daemon_access(), agent).await?;
    let settings = Settings {
        machine_key_file: machine_key(&args.state_dir)?,
        state_dir: args.state_dir,
        store_key_file: args.store_key_file,
        listen: args.listen,
        health_listen: args.health_listen.0,
        metrics_listen: args.metrics_listen.0,
        workers: args.workers.into(),
        namespace: globals.home().to_owned(),
        identity: args.identity.unwrap_or_default(),
        bootstrap,
        tenancy: Tenancy {
            default_service_account: args.default_service_account,
            no_cross_namespace_refs: args.no_cross_namespace_refs,
            target_namespaces: args.target_namespaces,
        },
        drop_unknown_fields: args.unknown_fields == UnknownFields::Drop,
        additive_ready_expr: args.feature_gates.last().is_some_and(|FeatureGate::AdditiveCelDependencyCheck(on)| *on),
        cluster_name: name,
        simulated: false,
    };
    let shutdown = CancellationToken::new();
    let interrupted = stop_on_signals(shutdown.clone())?;
    app::run(cluster, version.git_version, settings, shutdown).await.map_err(|e| Failure::error(e.to_string()))?;
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
    Ok(Bootstrap {
        url,
        credentials,
        branch: args.branch.clone(),
        path: path.clone(),
        interval: args.git_interval.to_string(),
        service_account: args.git_service_account.clone(),
    })
}

/// The store's key of this machine lies beside the state directory, not inside: whoever takes that away must not have the key too.
fn machine_key(state_dir: &Path) -> Result<PathBuf, Failure> {
    let full = std::path::absolute(state_dir).map_err(|e| Failure::error(format!("--state-dir {}: {e}", state_dir.display())))?;
    let mut name = full.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    Ok(full.with_file_name(name))
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

/// A switch that Flux has by the same name.
#[derive(Debug, Clone, Copy)]
enum FeatureGate {
    /// `readyExpr` is asked beside the Ready condition, and not in its place.
    AdditiveCelDependencyCheck(bool),
}

fn feature_gate(text: &str) -> Result<FeatureGate, String> {
    match text.trim().split_once('=') {
        Some(("AdditiveCELDependencyCheck", on)) => {
            on.parse().map(FeatureGate::AdditiveCelDependencyCheck).map_err(|_| format!("`{on}` is neither true nor false"))
        }
        _ => Err("there is only AdditiveCELDependencyCheck=true or =false".into()),
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
}
