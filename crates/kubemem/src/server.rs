//! The server: options, the router, the handle for faults and the log, background tasks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::admission::Webhook;
use crate::auth::User;
use crate::clock::Clock;
use crate::controller;
use crate::endpoint::Endpoint;
use crate::fault::{Fault, Faults};
use crate::fields::show;
use crate::http;
use crate::journal::{Journal, Saved};
use crate::log::{Logged, Request};
use crate::resource::TableKey;
use crate::status::ApiError;
use crate::store::{Noticed, Store};
use crate::verb::{Call, Part, Target, WriteOptions};

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time from the creation of a CRD until it is established.
    pub crd_delay: Duration,
    /// Time from the deletion of a namespace until its contents go.
    pub namespace_delay: Duration,
    /// Changes kept per kind for watches; older watches are told that their version expired.
    pub watch_window: usize,
    /// Time between bookmarks.
    pub bookmark_interval: Duration,
    /// Whether pods run and workloads progress. Without, objects only lie there.
    pub simulate_workloads: bool,
    /// Longest time a deleted pod stays, whatever its grace period.
    pub pod_grace_limit: Duration,
    /// The seed of uids and generated names; the same seed gives the same.
    pub seed: u64,
    /// The time at start; passes with the tokio clock.
    pub start_time: Timestamp,
    /// Whether time passes only by [`Server::advance`]. Else it passes with the tokio clock, which a test may pause, too.
    pub manual_clock: bool,
    /// The version that the server says it has, as `v1.36.3`.
    pub version: String,
    /// Requests kept in the log; the oldest go first.
    pub request_log: usize,
    /// Name of the one node.
    pub node: String,
    /// Who sends the requests that come without credentials.
    pub without_credentials: User,
    /// Bearer tokens, and whose they are; those of service accounts are made on request.
    pub tokens: Vec<(String, User)>,
}

impl Default for Options {
    fn default() -> Options {
        use std::hash::{BuildHasher, RandomState};
        Options {
            crd_delay: Duration::ZERO,
            namespace_delay: Duration::ZERO,
            watch_window: 10_000,
            bookmark_interval: Duration::from_secs(60),
            simulate_workloads: true,
            pod_grace_limit: Duration::ZERO,
            seed: RandomState::new().hash_one("kubemem"),
            start_time: Timestamp::now(),
            manual_clock: false,
            version: "v1.36.3".into(),
            request_log: 100_000,
            node: "kubemem-0".into(),
            without_credentials: User::admin(),
            tokens: Vec::new(),
        }
    }
}

/// A Kubernetes API in memory. Clones are the same server; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Server {
    core: Arc<Core>,
    _tasks: Arc<Tasks>,
}

/// What requests and controllers work on.
#[derive(Debug)]
pub(crate) struct Core {
    store: Mutex<Store>,
    pub(crate) clock: Clock,
    pub(crate) options: Options,
    faults: Mutex<Faults>,
    webhooks: Mutex<Arc<Vec<Webhook>>>,
    log: Mutex<VecDeque<Logged>>,
    requests: std::sync::atomic::AtomicU64,
}

#[derive(Debug)]
struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Core {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs something on the state, under its lock.
    pub(crate) fn call<T>(&self, work: impl FnOnce(&mut Call<'_>) -> T) -> T {
        let webhooks = self.webhooks().clone();
        let mut store = self.store();
        work(&mut Call { store: &mut store, clock: &self.clock, options: &self.options, webhooks: &webhooks })
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, VecDeque<Logged>> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The number of the next request; numbers go on when the log is emptied.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }

    fn request_count(&self) -> u64 {
        self.requests.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn webhooks(&self) -> MutexGuard<'_, Arc<Vec<Webhook>>> {
        self.webhooks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Server {
    /// A server with default options. Must be called within a tokio runtime.
    pub fn start() -> Server {
        Server::new(Options::default())
    }

    /// A server. Must be called within a tokio runtime, on which its controllers run.
    pub fn new(options: Options) -> Server {
        Server::begin(options, None, None)
    }

    /// A server that goes on with the state in a file and keeps its own there. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn open(options: Options, state: &Path) -> std::io::Result<Server> {
        let (journal, saved) = Journal::open(state, options.seed)?;
        let seed = saved.as_ref().map_or(options.seed, |saved| saved.seed);
        Ok(Server::begin(Options { seed, ..options }, Some(journal), saved))
    }

    fn begin(options: Options, journal: Option<Journal>, saved: Option<Saved>) -> Server {
        let (changes, noticed) = tokio::sync::mpsc::unbounded_channel::<Noticed>();
        let store = Store::new(options.seed, options.watch_window, changes);
        let clock = Clock::starting_at(options.start_time, options.manual_clock);
        let core = Arc::new(Core {
            store: Mutex::new(store),
            clock,
            options,
            faults: Mutex::default(),
            webhooks: Mutex::default(),
            log: Mutex::default(),
            requests: Default::default(),
        });
        core.call(|call| {
            let new = saved.is_none();
            if let Some(saved) = saved {
                controller::restore(call, saved);
            }
            call.store.keep_in(journal);
            controller::bootstrap(call);
            if new {
                // nobody can have a version from before there was a server
                call.store.compact();
            }
        });
        let task = tokio::spawn(controller::run(Arc::downgrade(&core), noticed));
        Server { core, _tasks: Arc::new(Tasks(vec![task])) }
    }

    /// The API as a service: `kube::Client::new(server.router(), "default")` takes it in process.
    pub fn router(&self) -> Router {
        http::router(self.core.clone())
    }

    /// Serves the API on a listener until the returned handle is aborted or the runtime ends.
    pub fn serve<L>(&self, listener: L) -> JoinHandle<std::io::Result<()>>
    where
        L: Listener,
        L::Addr: std::fmt::Debug,
    {
        let (router, keep) = (self.router(), self.clone());
        tokio::spawn(async move {
            let _keep = keep;
            axum::serve(listener, router).await
        })
    }

    /// A kubeconfig for a server that listens at `address`, without encryption and without credentials.
    pub fn kubeconfig(&self, address: SocketAddr) -> String {
        Endpoint::plain(address).kubeconfig()
    }

    /// Lets time pass on a manual clock, and waits until all is done that was planned for it: minutes of rollouts,
    /// deadlines and schedules take milliseconds. Faults and bookmarks stay on the tokio clock.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let server = kubemem::Server::new(kubemem::Options { manual_clock: true, ..Default::default() });
    /// let pod = |annotation| serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "annotations": {"sim.test/ready-after": annotation}},
    ///     "spec": {"containers": [{"name": "a", "image": "app:1"}]}});
    /// server.apply("test", pod("10m")).unwrap();
    /// server.advance(std::time::Duration::from_secs(599)).await;
    /// assert_eq!(server.object("", "pods", "default", "a").unwrap()["status"]["phase"], "Pending");
    /// server.advance(std::time::Duration::from_secs(2)).await;
    /// assert_eq!(server.object("", "pods", "default", "a").unwrap()["status"]["phase"], "Running");
    /// # }
    /// ```
    pub async fn advance(&self, by: Duration) {
        self.core.clock.advance(by).await;
    }

    /// Adds a fault.
    pub fn inject(&self, fault: Fault) {
        self.core.faults().add(fault);
    }

    /// Adds the faults of a script.
    pub fn inject_all(&self, faults: Faults) {
        faults.into_iter().for_each(|fault| self.inject(fault));
    }

    /// The faults that have hit no request: what a test that injects them did not test.
    pub fn unhit(&self) -> Vec<Fault> {
        self.core.faults().unhit()
    }

    /// Has an admission webhook asked about writes from now on; webhooks are asked in the order in which they came.
    pub fn install(&self, webhook: Webhook) {
        Arc::make_mut(&mut self.core.webhooks()).push(webhook);
    }

    /// Removes all admission webhooks.
    pub fn clear_webhooks(&self) {
        *self.core.webhooks() = Arc::default();
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        *self.core.faults() = Faults::default();
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.core.log().iter().map(Logged::read).collect()
    }

    /// The requests since the last call, which are taken out of the log.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.core.log()).iter().map(Logged::read).collect()
    }

    /// The requests that a fault hit, in the order in which they came. One that hangs after it was done has its code by then.
    pub fn struck(&self) -> Vec<Request> {
        self.core.log().iter().filter(|logged| logged.request.fault.is_some()).map(Logged::read).collect()
    }

    /// How many requests were answered or hang, whoever sent them; goes on when the log is emptied.
    pub fn request_count(&self) -> u64 {
        self.core.request_count()
    }

    /// Forgets the history of changes: watches from older versions get 410 Expired.
    pub fn compact(&self) {
        self.core.call(|call| call.store.compact());
    }

    /// An object as it is stored, for assertions without a request. `group` is empty for the core group.
    pub fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.core.call(|call| call.store.get(&TableKey::new(group, plural), namespace, name).map(|object| show((**object).clone())))
    }

    /// All objects of a resource in a namespace, or in all where it is empty.
    pub fn objects(&self, group: &str, plural: &str, namespace: &str) -> Vec<Value> {
        self.core
            .call(|call| call.store.list(&TableKey::new(group, plural), namespace).iter().map(|object| show((**object).clone())).collect())
    }

    /// Creates or replaces the parts that `object` names, as `kubectl apply --server-side --force-conflicts` by `manager`.
    ///
    /// # Errors
    /// The answer of the API, as text.
    pub fn apply(&self, manager: &str, object: Value) -> Result<Value, String> {
        self.core.call(|call| {
            let (group, version) = split_version(object["apiVersion"].as_str().unwrap_or_default());
            let kind = object["kind"].as_str().unwrap_or_default();
            let Some(resource) = call.store.registry.by_kind(group, version, kind) else {
                return Err(format!("no kind {kind} in {group}/{version}"));
            };
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            let namespace = match (resource.namespaced, text("namespace")) {
                (true, empty) if empty.is_empty() => "default".to_owned(),
                (true, namespace) => namespace,
                (false, _) => String::new(),
            };
            let target = Target { resource, namespace, name: text("name"), part: Part::Whole };
            let options = WriteOptions { force: true, ..WriteOptions::by(manager) };
            call.apply(&target, object, &options).map(|answer| show((*answer.object).clone())).map_err(|error: ApiError| error.message)
        })
    }
}

/// `apps/v1` → (`apps`, `v1`); `v1` → (``, `v1`).
pub(crate) fn split_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
