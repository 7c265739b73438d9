//! The command line: one file per command, thin. (Stopgap.)

mod demo;

use crate::app;
use crate::controller::bootstrap::Bootstrap;
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Stopgap.
#[derive(Debug, Parser)]
struct Args {
    command: String,
    #[arg(long)]
    script: bool,
    #[arg(long)]
    exit: bool,
    #[arg(long, default_value_t = 0)]
    releases: usize,
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    #[arg(long, default_value = "state")]
    state_dir: PathBuf,
    #[arg(long, default_value = "127.0.0.1:9080")]
    listen: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:9440")]
    health_listen: SocketAddr,
    #[arg(long, default_value = "127.0.0.1:8080")]
    metrics_listen: SocketAddr,
    #[arg(long)]
    git: Option<String>,
    #[arg(long, default_value = "main")]
    branch: String,
    #[arg(long, default_value = ".")]
    path: String,
    #[arg(long, default_value = "1m")]
    git_interval: String,
    #[arg(long)]
    store_key_file: Option<PathBuf>,
    #[arg(long, default_value = "text")]
    log_format: String,
}

/// Parses the arguments, runs the command and returns its exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt().with_env_filter("info,kube_client=off,helmward=debug").init();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result: Result<(), String> = runtime.block_on(async {
        if args.command == "demo" {
            return demo::run(demo::DemoArgs { script: args.script, exit: args.exit, releases: args.releases, listen: args.listen }).await;
        }
        let (cluster, version) =
            crate::cluster::Cluster::connect(args.kubeconfig.as_deref(), "helmward/0.1.0").await.map_err(|e| e.to_string())?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            let _ = tokio::signal::ctrl_c().await;
            stop.cancel();
        });
        let bootstrap = match args.git {
            None => None,
            Some(url) => Some(Bootstrap::new(&url, &args.branch, &args.path, &args.git_interval)?),
        };
        let settings = app::Settings {
            machine_key_file: args.state_dir.with_extension("key"),
            state_dir: args.state_dir,
            store_key_file: args.store_key_file,
            listen: args.listen,
            health_listen: Some(args.health_listen),
            metrics_listen: Some(args.metrics_listen),
            workers: 20,
            namespace: "flux-system".into(),
            identity: String::new(),
            bootstrap,
            cluster_name: "test".into(),
            simulated: false,
        };
        app::run(cluster, version.git_version, settings, shutdown).await.map_err(|e| e.to_string())
    });
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
