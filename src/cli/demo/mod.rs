//! `helmward demo`: the whole story in one process, without a cluster: a simulated Kubernetes API, a local Git repository made from
//! `examples/repos/web`, the daemon and its page.

mod fleet;
mod repository;
mod story;

use crate::app::{self, Settings};
use crate::cluster::Cluster;
use crate::controller::bootstrap::Bootstrap;
use kubemem::Server;
use repository::Repository;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use story::{Step, Story};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Shows the whole story in one process: no cluster, no account.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DemoArgs {
    /// Play all steps by themselves instead of waiting for keys.
    #[arg(long)]
    pub script: bool,
    /// End after the script; the exit code is 0 only if each step really happened.
    #[arg(long, requires = "script")]
    pub exit: bool,
    /// Fill the cluster with this many more releases.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub releases: usize,
    /// Where the page listens.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9080")]
    pub listen: SocketAddr,
}

/// What the demo prints to; a closed pipe ends it quietly.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Runs the demo until the script ends or a key says so.
///
/// # Errors
/// Where something cannot be started, or a step did not happen.
pub(super) async fn run(args: DemoArgs) -> Result<(), String> {
    let dir = tempfile::Builder::new().prefix("helmward-demo-").tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
    let server = Server::start();
    let kubeconfig = serve(&server, dir.path()).await?;
    let repository = Repository::create(dir.path(), args.releases)?;
    let client = kube::Client::new(server.router(), "default");
    let shutdown = CancellationToken::new();
    let daemon = {
        let settings = settings(&args, dir.path(), &repository)?;
        let (cluster, shutdown) = (Cluster::from_client(client.clone()), shutdown.clone());
        tokio::spawn(async move { app::run(cluster, "v1.36 (simulated)".into(), settings, shutdown).await })
    };
    let mut intro = String::new();
    let _ = writeln!(intro, "Helmward demo: everything runs in this process, on a simulated API server.");
    let _ = writeln!(intro, "  page        http://{}/", args.listen);
    let _ = writeln!(intro, "  repository  {}", repository.path().display());
    let _ = write!(intro, "  kubectl     kubectl --kubeconfig {} get helmreleases -A", kubeconfig.display());
    say(&intro);

    let story = Story::new(Cluster::from_client(client), repository);
    let result = tokio::select! {
        ended = wait(daemon) => Err(ended),
        result = play(&args, &story) => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    shutdown.cancel();
    // The daemon finishes what is under way; nothing of the demo outlives its directory.
    tokio::time::sleep(Duration::from_millis(50)).await;
    result
}

async fn wait(daemon: tokio::task::JoinHandle<Result<(), app::StartError>>) -> String {
    match daemon.await {
        Ok(Ok(())) => "the daemon ended".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => format!("the daemon failed: {error}"),
    }
}

/// Serves the API on a free port for `kubectl`; the path of the kubeconfig.
async fn serve(server: &Server, dir: &Path) -> Result<std::path::PathBuf, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| format!("no port on 127.0.0.1: {e}"))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let path = dir.join("kubeconfig");
    std::fs::write(&path, server.kubeconfig(address)).map_err(|e| format!("{}: {e}", path.display()))?;
    drop(server.serve(listener));
    Ok(path)
}

fn settings(args: &DemoArgs, dir: &Path, repository: &Repository) -> Result<Settings, String> {
    Ok(Settings {
        state_dir: dir.join("state"),
        store_key_file: None,
        machine_key_file: dir.join("store.key"),
        listen: args.listen,
        health_listen: None,
        metrics_listen: None,
        workers: 20,
        namespace: "flux-system".into(),
        identity: "demo".into(),
        bootstrap: Some(Bootstrap::new(&repository.path().display().to_string(), "main", "clusters/demo", "1m")?),
        tenancy: Default::default(),
        drop_unknown_fields: false,
        cluster_name: "demo".into(),
        additive_ready_expr: false,
        simulated: true,
    })
}

async fn play(args: &DemoArgs, story: &Story) -> Result<(), String> {
    story.run(Step::Deploy).await?;
    if args.releases > 0 {
        story.fleet(args.releases).await?;
    }
    if args.script {
        for step in [Step::Good, Step::Broken, Step::Drift, Step::Suspend] {
            story.run(step).await?;
        }
        say("Every step happened.");
        if args.exit {
            return Ok(());
        }
        say("Press Ctrl-C to end.");
        return std::future::pending().await;
    }
    keys(story).await
}

/// A key and Enter for each step, in any order.
async fn keys(story: &Story) -> Result<(), String> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        say(
            "\n  1 commit a good change   2 commit a broken one   3 change a field by hand   4 suspend, commit, resume   q quit\n  (a number and Enter)",
        );
        let Ok(Some(line)) = lines.next_line().await else { return Ok(()) };
        let step = match line.trim() {
            "1" => Step::Good,
            "2" => Step::Broken,
            "3" => Step::Drift,
            "4" => Step::Suspend,
            "q" | "Q" => return Ok(()),
            other => {
                say(&format!("  `{other}` is none of 1, 2, 3, 4, q"));
                continue;
            }
        };
        if let Err(error) = story.run(step).await {
            say(&format!("  did not happen: {error}"));
        }
    }
}
