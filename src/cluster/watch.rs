//! The watch hub: one watch per kind and selector, shared by all who ask for it, and one channel for what changes.
//!
//! Each watch is a task of its own. It survives an API outage (it goes on where it was, or lists again and reports only
//! the differences), a kind that is not there yet (it waits for discovery to change, without asking) and a kind that
//! goes away. Its objects are kept while it lives, so that readers ask the hub and not the server.

use super::{
    Cluster, Resource,
    error::ApiError,
    live::{Depth, Live, Raw, Texts},
    wait::kube_resource,
};
use crate::object::{Gvk, ObjectId};
use futures::{Stream, StreamExt};
use kube::{
    Api,
    runtime::watcher::{self, Event},
};
use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

mod crds;
mod spec;
mod store;

pub use spec::{Change, LiveEvent, Phase, WatchSpec, WatchState, WatchStatus};
use store::Store;

/// Events that may wait for the reader before watches pause; nothing is lost then, only later.
const CHANNEL: usize = 4096;
/// How long a watch that nobody wants any more goes on, for the next release in the same namespace.
const LINGER: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// All watches of one cluster. Cloning shares them.
///
/// The watches end by [`WatchHub::shutdown`], or when the last clone is dropped.
#[derive(Clone)]
pub struct WatchHub {
    shared: Arc<Hub>,
    _last: Arc<DropGuard>,
}

struct Hub {
    cluster: Cluster,
    events: mpsc::Sender<LiveEvent>,
    entries: Mutex<HashMap<Arc<WatchSpec>, Arc<Entry>>>,
    texts: Texts,
    /// Cleared where the server refuses to stream the first list.
    streaming: AtomicBool,
    /// Rings when a watch hears from the server again, so that the others need not sleep on.
    alive: Notify,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Entry {
    spec: Arc<WatchSpec>,
    users: watch::Sender<usize>,
    state: watch::Sender<WatchState>,
    store: RwLock<Store>,
}

/// The wish to keep a watch. The watch ends some time after the last handle is dropped.
#[must_use = "the watch ends when its last handle is dropped"]
pub struct WatchHandle {
    entry: Arc<Entry>,
}

impl WatchHub {
    /// A hub and the one channel on which it reports. It watches CRDs by itself, to learn of kinds that appear.
    #[must_use]
    pub fn new(cluster: Cluster) -> (Self, mpsc::Receiver<LiveEvent>) {
        let (events, receiver) = mpsc::channel(CHANNEL);
        let shared = Hub {
            cluster,
            events,
            entries: Mutex::default(),
            texts: Texts::default(),
            streaming: AtomicBool::new(true),
            alive: Notify::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let last = Arc::new(shared.stop.clone().drop_guard());
        let hub = Self { shared: Arc::new(shared), _last: last };
        crds::follow(&hub.shared);
        (hub, receiver)
    }

    /// Starts a watch, or joins the one that is there.
    pub fn ensure(&self, spec: WatchSpec) -> WatchHandle {
        let mut entries = self.shared.entries();
        if let Some(entry) = entries.get(&spec) {
            entry.users.send_modify(|n| *n += 1);
            return WatchHandle { entry: entry.clone() };
        }
        let spec = Arc::new(spec);
        let entry = Arc::new(Entry {
            spec: spec.clone(),
            users: watch::Sender::new(1),
            state: watch::Sender::new(WatchState { phase: Phase::Starting, trouble: None }),
            store: RwLock::default(),
        });
        entries.insert(spec, entry.clone());
        drop(entries);
        self.shared.tasks.spawn(run(self.shared.clone(), entry.clone()));
        WatchHandle { entry }
    }

    /// Watches what tells why workloads of a namespace do not become ready: pods, ReplicaSets, warnings.
    pub fn ensure_workloads(&self, namespace: &str) -> Vec<WatchHandle> {
        let pods = WatchSpec::namespaced(Gvk::new("v1", "Pod"), namespace, Depth::Health);
        let sets = WatchSpec::namespaced(Gvk::new("apps/v1", "ReplicaSet"), namespace, Depth::Health);
        let warnings =
            WatchSpec { fields: "type=Warning".into(), ..WatchSpec::namespaced(Gvk::new("v1", "Event"), namespace, Depth::Full) };
        [pods, sets, warnings].into_iter().map(|spec| self.ensure(spec)).collect()
    }

    /// An object, from whichever watch has it in the greatest depth.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<Arc<Live>> {
        let entries: Vec<Arc<Entry>> = self.entries_of(&id.group, &id.kind);
        entries.iter().filter_map(|entry| Some((entry.spec.depth, entry.get(id)?))).max_by_key(|(depth, _)| *depth).map(|(_, live)| live)
    }

    /// All objects of a kind that any watch has, once each, in the greatest depth.
    #[must_use]
    pub fn list(&self, group: &str, kind: &str) -> Vec<Arc<Live>> {
        let mut entries = self.entries_of(group, kind);
        entries.sort_by_key(|entry| entry.spec.depth);
        let mut all = HashMap::new();
        for entry in entries {
            all.extend(entry.store().iter().map(|(id, live)| (id.clone(), live.clone())));
        }
        all.into_values().collect()
    }

    /// Objects of a kind that name a uid as their owner, or are Events about it.
    #[must_use]
    pub fn related(&self, group: &str, kind: &str, uid: &str) -> Vec<Arc<Live>> {
        let entries = self.entries_of(group, kind);
        let all: HashMap<ObjectId, Arc<Live>> =
            entries.iter().flat_map(|e| e.store().related(uid).map(|l| (l.id.clone(), l.clone())).collect::<Vec<_>>()).collect();
        all.into_values().collect()
    }

    /// State of each watch.
    #[must_use]
    pub fn status(&self) -> Vec<WatchStatus> {
        let entries: Vec<Arc<Entry>> = self.shared.entries().values().cloned().collect();
        entries
            .iter()
            .map(|entry| WatchStatus { spec: entry.spec.clone(), state: entry.state.borrow().clone(), objects: entry.store().len() })
            .collect()
    }

    /// Ends all watches and waits for their tasks.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn entries_of(&self, group: &str, kind: &str) -> Vec<Arc<Entry>> {
        let entries = self.shared.entries();
        entries.values().filter(|e| e.spec.gvk.kind == kind && e.spec.gvk.group == group).cloned().collect()
    }
}

impl WatchHandle {
    /// What is watched.
    #[must_use]
    pub fn spec(&self) -> &Arc<WatchSpec> {
        &self.entry.spec
    }

    /// State of the watch.
    #[must_use]
    pub fn state(&self) -> WatchState {
        self.entry.state.borrow().clone()
    }

    /// Whether the store holds all objects.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.entry.state.borrow().phase == Phase::Synced
    }

    /// Waits for the first full list, or for the word that the kind is missing. Set a limit around it: an API outage has none.
    pub async fn settled(&self) -> Phase {
        let mut state = self.entry.state.subscribe();
        // the sender lives in the entry that this handle holds
        state.wait_for(|state| state.phase != Phase::Starting).await.map_or(Phase::Missing, |state| state.phase)
    }

    /// An object of this watch.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<Arc<Live>> {
        self.entry.get(id)
    }

    /// All objects of this watch.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Live>> {
        self.entry.store().iter().map(|(_, live)| live.clone()).collect()
    }
}

impl Clone for WatchHandle {
    fn clone(&self) -> Self {
        self.entry.users.send_modify(|n| *n += 1);
        Self { entry: self.entry.clone() }
    }
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.entry.users.send_modify(|n| *n -= 1);
    }
}

impl Hub {
    fn entries(&self) -> MutexGuard<'_, HashMap<Arc<WatchSpec>, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the reader has room. Where the reader is gone, nobody minds.
    async fn publish(&self, entry: &Entry, change: Change) {
        let _ = self.events.send(LiveEvent { watch: entry.spec.clone(), change }).await;
    }

    async fn pause(&self, attempt: u32, spec: &WatchSpec) {
        tokio::select! {
            () = tokio::time::sleep(backoff(attempt, spec)) => {}
            () = self.alive.notified() => {}
        }
    }
}

/// Doubling pauses; the spec's hash spreads watches that failed together.
fn backoff(attempt: u32, spec: &WatchSpec) -> Duration {
    let mut hasher = DefaultHasher::new();
    (spec, attempt).hash(&mut hasher);
    let whole = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(attempt.min(10))).min(LONGEST_BACKOFF);
    let spread = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    whole / 2 + whole * spread / 2000
}

impl Entry {
    fn store(&self) -> std::sync::RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &ObjectId) -> Option<Arc<Live>> {
        self.store().get(id).cloned()
    }

    fn insert(&self, live: Arc<Live>) -> Option<Arc<Live>> {
        self.store.write().unwrap_or_else(PoisonError::into_inner).insert(live)
    }

    fn remove(&self, id: &ObjectId) -> Option<Arc<Live>> {
        self.store.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    fn set(&self, phase: Phase, trouble: Option<String>) {
        self.state.send_if_modified(|state| {
            let next = WatchState { phase, trouble };
            let changed = *state != next;
            *state = next;
            changed
        });
    }

    fn trouble(&self, words: String) {
        let phase = self.state.borrow().phase;
        self.set(phase, Some(words));
    }

    /// Returns when nobody has wanted the watch for a while.
    async fn abandoned(&self) {
        let mut users = self.users.subscribe();
        loop {
            // the sender lives in the entry that is borrowed here
            let _ = users.wait_for(|n| *n == 0).await;
            if tokio::time::timeout(LINGER, users.wait_for(|n| *n > 0)).await.is_err() {
                return;
            }
        }
    }
}

/// One watch from its first handle to some time after its last.
async fn run(hub: Arc<Hub>, entry: Arc<Entry>) {
    loop {
        tokio::select! {
            () = hub.stop.cancelled() => return,
            () = entry.abandoned() => {}
            () = serve(&hub, &entry) => {}
        }
        let mut entries = hub.entries();
        // a handle may have been given out between the end of the wait and this lock
        if *entry.users.borrow() == 0 {
            entries.remove(&entry.spec);
            return;
        }
    }
}

/// Finds the kind and follows it, again and again.
async fn serve(hub: &Hub, entry: &Entry) {
    let mut attempt = 0;
    loop {
        let mut changes = hub.cluster.discovery().changes();
        match find(hub, &entry.spec.gvk).await {
            Ok(Some(resource)) => {
                let heard = follow(hub, entry, &resource).await;
                attempt = if heard { 0 } else { attempt + 1 };
                // the server does not serve what discovery promised: believe the server
                if hub.cluster.discovery().refresh().await.is_ok_and(|served| served.resource(&resource.gvk()).is_none()) {
                    lose(hub, entry).await;
                } else {
                    hub.pause(attempt, &entry.spec).await;
                }
            }
            Ok(None) => {
                lose(hub, entry).await;
                // the sender lives in the discovery that the hub holds
                let _ = changes.changed().await;
                attempt = 0;
            }
            Err(error) => {
                entry.trouble(error.to_string());
                hub.pause(attempt, &entry.spec).await;
                attempt += 1;
            }
        }
    }
}

async fn find(hub: &Hub, gvk: &Gvk) -> Result<Option<Arc<Resource>>, ApiError> {
    let discovery = hub.cluster.discovery();
    let found = if gvk.version.is_empty() { discovery.preferred(&gvk.group, &gvk.kind).await? } else { discovery.resource(gvk).await? };
    Ok(found.filter(|resource| resource.watchable()))
}

/// The kind is not served: forget its objects.
async fn lose(hub: &Hub, entry: &Entry) {
    entry.store.write().unwrap_or_else(PoisonError::into_inner).clear();
    if entry.state.borrow().phase != Phase::Missing {
        tracing::debug!(watch = %entry.spec, "the server does not serve this kind now");
        entry.set(Phase::Missing, None);
        hub.publish(entry, Change::Missing).await;
    }
}

/// Follows a kind until the server no longer serves it; says whether the server said anything.
async fn follow(hub: &Hub, entry: &Entry, resource: &Resource) -> bool {
    entry.set(if entry.state.borrow().phase == Phase::Synced { Phase::Synced } else { Phase::Starting }, None);
    if entry.spec.depth == Depth::Metadata {
        follow_as::<true>(hub, entry, resource).await
    } else {
        follow_as::<false>(hub, entry, resource).await
    }
}

async fn follow_as<const METADATA: bool>(hub: &Hub, entry: &Entry, resource: &Resource) -> bool {
    let mut stream = Box::pin(open::<METADATA>(hub, &entry.spec, resource));
    let mut listed = HashSet::new();
    let mut attempt = 0;
    let mut heard = false;
    loop {
        let event = match stream.next().await {
            Some(Ok(event)) => event,
            Some(Err(error)) => match judge(&error) {
                Trouble::Gone => return heard,
                Trouble::NoStreaming if hub.streaming.swap(false, Ordering::Relaxed) => {
                    stream = Box::pin(open::<METADATA>(hub, &entry.spec, resource));
                    continue;
                }
                // the server is there and only wants a new list: the pauses of the outage before are over
                Trouble::Expired => {
                    attempt = 0;
                    hub.alive.notify_waiters();
                    hub.pause(0, &entry.spec).await;
                    // anew, because kube's own watcher goes on with the old version where the refusal came as a status code
                    stream = Box::pin(open::<METADATA>(hub, &entry.spec, resource));
                    continue;
                }
                Trouble::NoStreaming | Trouble::Passing => {
                    tracing::debug!(watch = %entry.spec, error = &error as &dyn std::error::Error, "the watch was interrupted");
                    entry.trouble(super::request::chain(&error));
                    hub.pause(attempt, &entry.spec).await;
                    attempt += 1;
                    continue;
                }
            },
            None => return heard,
        };
        // the beginning of a list is announced before the server is asked, so that it proves nothing
        if !matches!(event, Event::Init) {
            heard = true;
            if attempt > 0 {
                attempt = 0;
                hub.alive.notify_waiters();
            }
            let phase = entry.state.borrow().phase;
            entry.set(phase, None);
        }
        let take = |raw: Raw<METADATA>| raw.into_live(resource, entry.spec.depth, &hub.texts).map(Arc::new);
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(raw) => {
                if let Some(live) = take(raw) {
                    listed.insert(live.id.clone());
                    apply(hub, entry, live).await;
                }
            }
            Event::InitDone => {
                let vanished: Vec<ObjectId> = entry.store().iter().map(|(id, _)| id).filter(|id| !listed.contains(*id)).cloned().collect();
                for id in vanished {
                    if let Some(last) = entry.remove(&id) {
                        hub.publish(entry, Change::Deleted(last)).await;
                    }
                }
                listed = HashSet::new();
                entry.set(Phase::Synced, None);
                hub.publish(entry, Change::Synced).await;
            }
            Event::Apply(raw) => {
                if let Some(live) = take(raw) {
                    apply(hub, entry, live).await;
                }
            }
            Event::Delete(raw) => {
                if let Some(last) = take(raw) {
                    entry.remove(&last.id);
                    hub.publish(entry, Change::Deleted(last)).await;
                }
            }
        }
    }
}

async fn apply(hub: &Hub, entry: &Entry, object: Arc<Live>) {
    let before = entry.insert(object.clone());
    if before.as_ref().is_none_or(|before| before.resource_version != object.resource_version || before.uid != object.uid) {
        hub.publish(entry, Change::Applied { object, before }).await;
    }
}

fn open<const METADATA: bool>(
    hub: &Hub,
    spec: &WatchSpec,
    resource: &Resource,
) -> impl Stream<Item = watcher::Result<Event<Raw<METADATA>>>> + Send + use<METADATA> {
    let of = kube_resource(resource);
    let client = hub.cluster.client();
    let api: Api<Raw<METADATA>> = if spec.namespace.is_empty() || !resource.namespaced {
        Api::all_with(client, &of)
    } else {
        Api::namespaced_with(client, &spec.namespace, &of)
    };
    let mut config = watcher::Config::default();
    if hub.streaming.load(Ordering::Relaxed) {
        config = config.streaming_lists();
    }
    if !spec.labels.is_empty() {
        config = config.labels(&spec.labels);
    }
    if !spec.fields.is_empty() {
        config = config.fields(&spec.fields);
    }
    watcher::watcher(api, config)
}

enum Trouble {
    /// The server does not serve the kind.
    Gone,
    /// The server does not stream the first list.
    NoStreaming,
    /// What was missed is no longer known: list again.
    Expired,
    /// Try again.
    Passing,
}

fn judge(error: &watcher::Error) -> Trouble {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            status.code
        }
        watcher::Error::WatchError(status) => status.code,
        _ => 0,
    };
    match (code, error) {
        (404 | 405, _) => Trouble::Gone,
        (410, _) => Trouble::Expired,
        (400 | 415 | 422, watcher::Error::WatchStartFailed(_)) => Trouble::NoStreaming,
        _ => Trouble::Passing,
    }
}

#[cfg(test)]
mod tests;
