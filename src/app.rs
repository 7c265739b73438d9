//! Composition root: opens the edges, starts the controllers, owns shutdown and readiness.

use crate::api::crd;
use crate::cluster::{ApiError, Cluster, ConnectError, Elector, EventRecorder, Kind, Leadership, LeaseConfig, LiveEvent, Retry, WatchHub};
use crate::controller::context::{Context, Leader};
use crate::controller::objects::{self, Objects};
use crate::controller::source::{self, Sources};
use crate::controller::tenancy::Tenancy;
use crate::controller::unit::{self, Units};
use crate::controller::views::{DaemonReport, Views};
use crate::controller::{bootstrap, requests};
use crate::git::{Git, GitOptions};
use crate::object::{ObjectId, Redactor};
use crate::store::{Store, StoreKey};
use crate::telemetry::{self, BuildInfo, Metrics, Readiness};
use crate::web;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often what the store needs no more is deleted from it.
const TIDY: Duration = Duration::from_secs(3600);

/// How the daemon runs. Every default is the CLI's.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the state is.
    pub state_dir: PathBuf,
    /// File with the store's key; else a Secret or a file beside the state directory.
    pub store_key_file: Option<PathBuf>,
    /// File with the key of this machine, made where it is absent; outside the state directory.
    pub machine_key_file: PathBuf,
    /// Where the page listens; loopback only, as long as there is no login.
    pub listen: SocketAddr,
    /// Where `/healthz` and `/readyz` listen.
    pub health_listen: Option<SocketAddr>,
    /// Where `/metrics` listens.
    pub metrics_listen: Option<SocketAddr>,
    /// Units that are worked on at the same time.
    pub workers: usize,
    /// Namespace of the Lease and of what the daemon keeps in the cluster.
    pub namespace: String,
    /// Who holds the Lease. Where it is empty, the one kept in the state directory (made there the first time): a daemon that is
    /// started again on its own state takes its own Lease back at once.
    pub identity: String,
    /// What to bootstrap from.
    pub bootstrap: Option<bootstrap::Bootstrap>,
    /// Name of the cluster for the page.
    pub cluster_name: String,
    /// With whose rights units act, and what they may refer to.
    pub tenancy: Tenancy,
    /// Whether fields that a kind does not have are dropped where the object says nothing.
    pub drop_unknown_fields: bool,
    /// Whether `readyExpr` is asked beside the Ready condition of a dependency, and not in its place.
    pub additive_ready_expr: bool,
    /// Whether the API is the simulated one of the demo.
    pub simulated: bool,
}

/// Why the daemon does not start. Each names the thing and the next step.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A port is taken, or may not be used.
    #[error("cannot listen on {address} for the {what}: {error}; stop what listens there, or choose another address with {flag}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// For what.
        what: &'static str,
        /// Which flag chooses it.
        flag: &'static str,
        /// Why not.
        error: std::io::Error,
    },
    /// The page would be open to others.
    #[error(
        "--listen {0} is not a loopback address, and the page has no login yet; listen on 127.0.0.1 and forward the port (kubectl port-forward)"
    )]
    NotLoopback(SocketAddr),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The identity cannot be kept.
    #[error("the identity file {}: {error}; check the rights on the state directory", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The cluster refused what the daemon needs to run.
    #[error("{0}")]
    Cluster(String),
    /// What `--git` names cannot be bootstrapped from.
    #[error("{0}")]
    Bootstrap(String),
}

/// Runs the daemon until `shutdown`. Everything it opens is closed when it returns.
///
/// # Errors
/// Where it cannot start. Once it runs, nothing but `shutdown` ends it.
pub async fn run(cluster: Cluster, server_version: String, mut settings: Settings, shutdown: CancellationToken) -> Result<(), StartError> {
    if !settings.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(settings.listen));
    }
    let page = listen(settings.listen, "page", "--listen").await?;
    let health = optional(settings.health_listen, "health checks", "--health-listen").await?;
    let metrics_listener = optional(settings.metrics_listen, "metrics", "--metrics-listen").await?;
    let (key, origin) = StoreKey::load(settings.store_key_file.as_deref(), None, &settings.machine_key_file, &settings.state_dir)?;
    let (secret, redaction) = (key.derive("templates"), key.derive("redaction"));
    let opened = Store::open(&settings.state_dir, &key, jiff::Timestamp::now().as_second())?;
    if let Some(broken) = &opened.broken {
        tracing::error!(moved_to = %broken.path.display(), why = %broken.why, "the store could not be read; everything is rebuilt from the cluster");
    }
    let store = opened.store;
    tracing::debug!(?origin, "store opened");
    // Only now: the store's lock says that nobody else uses this directory, so nobody else has this identity.
    if settings.identity.is_empty() {
        settings.identity = identity(&settings.state_dir)?;
    }

    let metrics =
        Metrics::new(BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: option_env!("HELMWARD_REVISION").unwrap_or_default() });
    let readiness = Readiness::new();
    let ready = readiness.handle("caches");
    let views = Views::default();
    let mut tasks: JoinSet<()> = JoinSet::new();
    if let Some(listener) = health {
        tasks.spawn(serve(listener, telemetry::health_router(readiness.clone()), "health listener", shutdown.clone()));
    }
    if let Some(listener) = metrics_listener {
        let counted = cluster.clone();
        let router = telemetry::metrics_router(metrics.clone(), move || (counted.request_counts(), counted.requests_in_flight()));
        tasks.spawn(serve(listener, router, "metrics listener", shutdown.clone()));
    }
    let (requests, incoming) = mpsc::channel(64);
    let (web_views, web_metrics, web_stop) = (views.clone(), metrics.clone(), shutdown.clone());
    tasks.spawn(async move {
        let clients: web::Clients = Arc::new(move |open| web_metrics.sse_clients(open));
        if let Err(error) = web::serve(page, web_views, requests, clients, web_stop).await {
            tracing::error!(%error, "the page ended");
        }
    });

    let daemon = DaemonReport { cluster: settings.cluster_name.clone(), server_version, leading: None, simulated: settings.simulated };
    views.put_daemon(DaemonReport { leading: Some("waiting for the Lease".into()), ..daemon.clone() });
    tracing::info!(page = %settings.listen, state = %settings.state_dir.display(), "started");

    // Nothing below may write before the Lease is ours and no Flux controller is at work.
    let elector = elect(&cluster, &settings, &views, &daemon, &shutdown).await?;
    let Some(elector) = elector else {
        while tasks.join_next().await.is_some() {}
        return Ok(());
    };
    metrics.leading(true);
    views.put_daemon(DaemonReport { leading: None, ..daemon.clone() });
    let cluster = cluster.with_gate(elector.gate());

    let crds = || install_crds(&cluster);
    let installed = while_leading(&elector, crds).await;
    installed.map_err(|e| StartError::Cluster(format!("the CustomResourceDefinitions cannot be installed: {e}")))?;
    let (hub, events) = WatchHub::new(cluster.clone());
    let objects = Objects::new(&hub);
    let (recorder, recording) = EventRecorder::start(cluster.clone());
    let ctx = Arc::new(Context {
        tenancy: settings.tenancy.clone(),
        drop_unknown_fields: settings.drop_unknown_fields,
        hub: hub.clone(),
        objects,
        leader: Leader { elector: Some(elector) },
        store,
        sources: Sources::default(),
        units: Units::default(),
        charts: Default::default(),
        views,
        metrics,
        events: recorder,
        redactor: Redactor::new(&redaction),
        git: Git::new(settings.state_dir.join("mirrors"), GitOptions::default()),
        artifact_base: format!("http://{}", settings.listen),
        secret,
        parsed: Arc::default(),
        additive_ready_expr: settings.additive_ready_expr,
        bootstrap: settings.bootstrap.as_ref().map(|b| (b.url.clone(), b.credentials.clone())),
        managed: Default::default(),
        autoscalers: Default::default(),
        inputs: Default::default(),
        helm: Default::default(),
        remotes: Default::default(),
        cluster,
    });
    let work = shutdown.child_token();
    // Read from here on: watches pause when nobody takes what they tell, and then they are never settled.
    tasks.spawn(dispatch(Arc::clone(&ctx), events, work.clone()));
    // No decision before every custom resource is known: an empty cache is never an empty desired state.
    tokio::select! {
        () = ctx.objects.settled() => {}
        () = shutdown.cancelled() => {}
    }
    ctx.watch_autoscalers().await;
    ctx.learn_helm().await;
    if let Some(bootstrap) = settings.bootstrap.clone() {
        let made = match &ctx.leader.elector {
            Some(elector) => while_leading(elector, || bootstrap::apply(&ctx, &bootstrap)).await,
            None => bootstrap::apply(&ctx, &bootstrap).await,
        };
        made.map_err(|e| StartError::Bootstrap(e.to_string()))?;
    }
    drop(ready);
    tracing::info!(units = ctx.objects.units().len(), sources = ctx.objects.sources().len(), "ready");

    for key in ctx.objects.sources() {
        ctx.sources.queue.add(key);
    }
    for (key, _) in ctx.objects.units() {
        ctx.units.wake(&key);
    }
    {
        let (ctx, stop) = (Arc::clone(&ctx), work.clone());
        tasks.spawn(async move {
            let shared = Arc::clone(&ctx);
            ctx.sources.queue.run(8, stop, move |key| source::pass(Arc::clone(&shared), key)).await;
        });
    }
    {
        let (ctx, stop, workers) = (Arc::clone(&ctx), work.clone(), settings.workers);
        tasks.spawn(async move {
            let shared = Arc::clone(&ctx);
            ctx.units.queue.run(workers, stop, move |key| unit::pass(Arc::clone(&shared), key)).await;
        });
    }
    tasks.spawn(requests::serve(Arc::clone(&ctx), incoming, work.clone()));
    tasks.spawn(tidy(Arc::clone(&ctx), work.clone()));
    tasks.spawn(follow_lease(Arc::clone(&ctx), daemon, work));

    shutdown.cancelled().await;
    tracing::info!("stopping: what is under way is finished");
    while tasks.join_next().await.is_some() {}
    hub.shutdown().await;
    if let Err(error) = ctx.store.sync().await {
        tracing::error!(%error, "the store cannot be synced");
    }
    // The Lease goes last: whoever takes it over finds nothing of ours under way.
    if let Ok(ctx) = Arc::try_unwrap(ctx) {
        if let Some(elector) = ctx.leader.elector {
            elector.step_down().await;
        }
        drop(ctx.events);
        let _ = tokio::time::timeout(Duration::from_secs(2), recording).await;
    }
    Ok(())
}

/// The identity that the state directory keeps.
fn identity(state_dir: &Path) -> Result<String, StartError> {
    let path = state_dir.join("identity");
    let trouble = |error| StartError::Identity { path: path.clone(), error };
    match std::fs::read_to_string(&path) {
        Ok(kept) if !kept.trim().is_empty() => return Ok(kept.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(trouble(error)),
    }
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random).map_err(|e| trouble(std::io::Error::other(e)))?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "helmward" } else { host.trim() };
    let made = format!("{host}_{:08x}", u32::from_be_bytes(random));
    // Complete or absent: a half-written identity would be another one at the next start.
    let part = state_dir.join("identity.part");
    std::fs::write(&part, &made).and_then(|()| std::fs::rename(&part, &path)).map_err(trouble)?;
    Ok(made)
}

async fn serve(listener: TcpListener, router: axum::Router, what: &'static str, stop: CancellationToken) {
    if let Err(error) = telemetry::serve(listener, router, stop).await {
        tracing::error!(%error, "the {what} ended");
    }
}

async fn listen(address: SocketAddr, what: &'static str, flag: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, what, flag, error })
}

async fn optional(address: Option<SocketAddr>, what: &'static str, flag: &'static str) -> Result<Option<TcpListener>, StartError> {
    match address {
        Some(address) => listen(address, what, flag).await.map(Some),
        None => Ok(None),
    }
}

/// Waits until the Lease is ours and no Flux controller is at work; `None` where the daemon is stopped before.
async fn elect(
    cluster: &Cluster,
    settings: &Settings,
    views: &Views,
    daemon: &DaemonReport,
    shutdown: &CancellationToken,
) -> Result<Option<Elector>, StartError> {
    // The Lease needs its namespace; who may not make it finds it made by whoever installed the daemon.
    let namespace = ObjectId::new("", "Namespace", "", &settings.namespace);
    if !cluster.get(&namespace).await.is_ok_and(|found| found.is_some()) {
        cluster.ensure_namespace(&settings.namespace, &serde_json::json!({})).await.map_err(|e| {
            StartError::Cluster(format!("the namespace {} of the Lease is not there and cannot be made: {e}", settings.namespace))
        })?;
    }
    let mut told = String::new();
    loop {
        let foreign = match cluster.foreign_leases().await {
            Ok(foreign) => foreign,
            Err(error) if error.class == Retry::Never => return Err(StartError::Cluster(error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "Leases cannot be listed; trying again");
                Vec::new()
            }
        };
        let Some(lease) = foreign.first() else { break };
        let words = format!(
            "{lease} is live: a Flux controller manages this cluster, so nothing is written; scale it down (kubectl -n {} scale deployment {} --replicas=0), and this goes on by itself",
            lease.namespace, lease.name
        );
        if told != words {
            tracing::error!("{words}");
            views.put_daemon(DaemonReport { leading: Some(words.clone()), ..daemon.clone() });
            told = words;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            () = shutdown.cancelled() => return Ok(None),
        }
    }
    let elector = Elector::start(cluster, LeaseConfig::new(&settings.namespace, &settings.identity));
    let mut leadership = elector.leadership();
    loop {
        let now = leadership.borrow_and_update().clone();
        match now {
            Leadership::Leading => return Ok(Some(elector)),
            Leadership::Ended => return Ok(None),
            Leadership::Waiting { holder, trouble } => {
                let words = match (holder, trouble) {
                    (_, Some(trouble)) => format!("the Lease cannot be asked for: {trouble}"),
                    (Some(holder), None) => format!("{holder} holds the Lease and writes; this daemon waits"),
                    (None, None) => "waiting for the Lease".to_owned(),
                };
                if told != words {
                    tracing::info!("{words}");
                    views.put_daemon(DaemonReport { leading: Some(words.clone()), ..daemon.clone() });
                    told = words;
                }
            }
        }
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return Ok(None) },
            () = shutdown.cancelled() => {
                elector.step_down().await;
                return Ok(None);
            }
        }
    }
}

/// A Lease that is lost is waited for again. Whoever had it in between may have written, so nothing that is remembered counts then.
async fn follow_lease(ctx: Arc<Context>, daemon: DaemonReport, stop: CancellationToken) {
    let Some(mut leadership) = ctx.leader.elector.as_ref().map(Elector::leadership) else { return };
    let mut leading = true;
    loop {
        let now = leadership.borrow_and_update().clone();
        match now {
            Leadership::Leading if !leading => {
                leading = true;
                ctx.learn_helm().await;
                ctx.units.void();
                for key in ctx.objects.sources() {
                    ctx.sources.queue.add(key);
                }
                for (key, _) in ctx.objects.units() {
                    ctx.units.wake(&key);
                }
                ctx.views.put_daemon(daemon.clone());
            }
            Leadership::Waiting { holder, .. } => {
                leading = false;
                let words =
                    holder.map_or_else(|| "the Lease is lost; waiting for it".to_owned(), |h| format!("{h} holds the Lease and writes"));
                ctx.views.put_daemon(DaemonReport { leading: Some(words), ..daemon.clone() });
            }
            _ => {}
        }
        ctx.metrics.leading(leading);
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

/// Does what writes; again where the Lease was lost on the way, once it is held again.
async fn while_leading<F: Future<Output = Result<(), ApiError>>>(elector: &Elector, attempt: impl Fn() -> F) -> Result<(), ApiError> {
    loop {
        match attempt().await {
            Err(error) if error.kind == Kind::NotLeader => {
                tracing::warn!(%error, "the start waits for the Lease");
                // The gate closes a little before the loss is told.
                tokio::time::sleep(Duration::from_secs(1)).await;
                if !elector.won().await {
                    return Err(error);
                }
            }
            done => return done,
        }
    }
}

async fn install_crds(cluster: &Cluster) -> Result<(), ApiError> {
    let mut crds = crd::all();
    for crd in &mut crds {
        if crd["spec"]["names"]["kind"] == "GitRepository" {
            crd::allow_file_urls(crd);
        }
    }
    for (name, outcome) in cluster.install_crds(&crds, Duration::from_secs(30)).await? {
        tracing::debug!(crd = name, ?outcome, "custom resource definition");
    }
    Ok(())
}

/// Deletes from the store, now and then, what no revision names any more.
async fn tidy(ctx: Arc<Context>, stop: CancellationToken) {
    let mut hours = tokio::time::interval(TIDY);
    while stop.run_until_cancelled(hours.tick()).await.is_some() {
        match ctx.store.content_collect().await {
            Ok(done) => tracing::debug!(kept = done.kept, deleted = done.deleted, "store tidied"),
            Err(error) => tracing::warn!(%error, "the store cannot be tidied"),
        }
    }
}

/// Sends live events to whom they concern.
async fn dispatch(ctx: Arc<Context>, mut events: mpsc::Receiver<LiveEvent>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Some(event) => objects::dispatch(&ctx, &event),
                None => return,
            },
        }
    }
}
