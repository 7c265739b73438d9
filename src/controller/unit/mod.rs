//! Units: HelmReleases and Kustomizations. One pass at a time per unit; nothing waits inside a pass.
//!
//! A pass gathers facts, asks [`crate::release::observe`] and [`crate::release::decide()`], performs what they say, and publishes
//! a status and a report. What a unit waits for (health, a hook, a dependency, a time) wakes it by an event.
//!
//! - `pass`: the loop
//! - `spec`: the custom resource, and what follows from it alone
//! - `place`: where a release is, and moving it
//! - `prepare`: from the custom resource and its source to what is wanted
//! - `depend`: what it waits for before it begins, and before it goes
//! - `restart`: of pods whose Secrets and ConfigMaps changed
//! - `run`: the steps of a run
//! - `uninstall`: the run that removes, gone on with
//! - `live`: comparing with the cluster, drift and its correction
//! - `rebuild`: what is remembered, from the cluster where the store does not know
//! - `record`: Helm's release Secrets
//! - `publish`: status, events, report

mod depend;
mod live;
mod pass;
mod place;
mod prepare;
mod publish;
mod rebuild;
mod record;
mod render;
mod restart;
mod run;
mod spec;
mod uninstall;

pub use pass::pass;
pub use prepare::Prepared;
pub use spec::Spec;

use crate::cluster::Live;
use crate::health::{self, Health, HealthState, Verdict};
use crate::object::{Json, ObjectId};
use crate::plan::Drift;
use crate::release::report::{DriftEpisode, EventLine, Pill};
use crate::release::{UnitKey, UnitRecord};
use crate::render::target::Target;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::Queue;

/// Ends of Jobs and Pods that are remembered: those of hooks under way, and some to spare.
const ENDS: usize = 256;

/// For how long what happens among pods is gathered.
const STIR: std::time::Duration = std::time::Duration::from_secs(1);

/// All units, and what woke them.
#[derive(Default)]
pub struct Units {
    /// Units that are due.
    pub queue: Queue<UnitKey>,
    cells: Mutex<HashMap<UnitKey, Unit>>,
    inbox: Mutex<HashMap<UnitKey, Inbox>>,
    awaited: Mutex<HashMap<ObjectId, HashSet<UnitKey>>>,
    /// Secrets and ConfigMaps that values come from.
    inputs: Mutex<HashMap<ObjectId, HashSet<UnitKey>>>,
    /// How Jobs and Pods that are waited for ended, by uid: some are deleted as soon as they have.
    ends: Mutex<VecDeque<(String, Health)>>,
    /// Counts the times at which all that is remembered became void: another daemon wrote in between.
    epoch: AtomicU64,
    /// Units that wait for health, by namespace.
    waiting: Mutex<HashMap<String, HashSet<UnitKey>>>,
}

/// What woke a unit since its last pass.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Its custom resource, its source, a dependency or the time: everything is looked at again.
    pub full: bool,
    /// Live objects that changed.
    pub objects: BTreeSet<ObjectId>,
    /// Live objects of which only the status moved: from which resource version to which, in order.
    pub moves: Vec<(ObjectId, String, String)>,
}

/// A unit in memory. All of it but `record` can be found out again.
#[derive(Default)]
pub struct Unit {
    /// What is remembered; `None` until it was loaded.
    pub record: Option<UnitRecord>,
    /// The custom resource as it was last read, and as it is in the watch.
    pub read_from: Option<(Arc<Json>, Spec)>,
    /// What is wanted, as of the last full pass.
    pub prepared: Option<Arc<Prepared>>,
    /// The target of the deployed revision, with its number.
    pub deployed: Option<(u32, Arc<Target>)>,
    /// The target of the run under way, with its revision.
    pub running: Option<(u32, Arc<Target>)>,
    /// Objects that may differ from what was applied.
    pub suspects: BTreeSet<ObjectId>,
    /// Whether every object was compared since the start of the daemon.
    pub compared: bool,
    /// Differences, by object.
    pub drift: BTreeMap<ObjectId, Vec<Drift>>,
    /// Objects that the API refuses to take, with its words.
    pub refused: BTreeMap<ObjectId, String>,
    /// Differences that ended, newest first.
    pub episodes: VecDeque<DriftEpisode>,
    /// When drift of an object was corrected lately.
    pub corrections: HashMap<ObjectId, VecDeque<Timestamp>>,
    /// What happened lately, newest first.
    pub events: VecDeque<EventLine>,
    /// When everything is looked at again without an event.
    pub next_full: Option<Timestamp>,
    /// The pill, and since when.
    pub pill: Option<(Pill, Timestamp)>,
    /// Consecutive failures of the surroundings outside a run.
    pub stumbles: u32,
    /// What it awaits, to be taken back when it does not any more.
    pub awaits: HashSet<ObjectId>,
    /// Secrets and ConfigMaps that its values come from.
    pub inputs: HashSet<ObjectId>,
    /// The last verdict on its health that pods were looked at for, and when.
    pub judged: Option<(Timestamp, Verdict)>,
    /// When its status was written last.
    pub told: Option<Timestamp>,
    /// Versions of the external Secrets and ConfigMaps that its pods read, as they were last looked at.
    pub read: BTreeMap<ObjectId, String>,
    /// Somebody else went on with the release: what is remembered is void.
    pub stale: bool,
    /// Until when a run that met a failure of the surroundings rests, and which: its own writes wake the unit, too.
    pub rest: Option<(Timestamp, crate::api::Reason, String)>,
    /// Watches of objects outside of it that it depends on, or whose health counts.
    pub foreign: HashMap<ObjectId, crate::cluster::WatchHandle>,
    /// Objects that had failed before the run that is under way wrote anything of theirs, with the resource version that said so.
    pub failed_before: HashMap<ObjectId, String>,
    /// Watches of pods and warnings, held while health is waited for.
    pub workloads: Vec<crate::cluster::WatchHandle>,
    /// What was said to whoever wrote its objects.
    pub noted: BTreeSet<String>,
    /// When the commit that a run deploys was seen first, for the lead time.
    pub seen: Option<Timestamp>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Units {
    /// Wakes a unit to look at everything again.
    pub fn wake(&self, key: &UnitKey) {
        lock(&self.inbox).entry(key.clone()).or_default().full = true;
        self.queue.add(key.clone());
    }

    /// Wakes a unit because a live object of it changed.
    pub fn touch(&self, key: &UnitKey, object: ObjectId) {
        lock(&self.inbox).entry(key.clone()).or_default().objects.insert(object);
        self.queue.add(key.clone());
    }

    /// Wakes a unit because the status of a live object of it moved, and nothing else: what was verified of it still holds.
    pub fn moved(&self, key: &UnitKey, object: ObjectId, from: &str, to: &str) {
        lock(&self.inbox).entry(key.clone()).or_default().moves.push((object, from.to_owned(), to.to_owned()));
        self.queue.add(key.clone());
    }

    /// Wakes whoever awaits an object, or takes values from it.
    pub fn arrived(&self, object: &ObjectId) {
        for index in [&self.awaited, &self.inputs] {
            let keys: Vec<UnitKey> = lock(index).get(object).into_iter().flatten().cloned().collect();
            for key in keys {
                self.wake(&key);
            }
        }
    }

    /// Notes how a Job or Pod that somebody waits for is, once it has come to its end.
    pub fn note_end(&self, live: &Live) {
        if !matches!(live.id.kind.as_str(), "Job" | "Pod") || !lock(&self.awaited).contains_key(&live.id) {
            return;
        }
        let health = health::check(Some(&live.body));
        if health.state == HealthState::Failed {
            let mut ends = lock(&self.ends);
            ends.push_front((live.uid.clone(), health));
            ends.truncate(ENDS);
        }
    }

    /// How a Job or Pod that was waited for failed, where it did.
    #[must_use]
    pub fn ended(&self, uid: &str) -> Option<Health> {
        lock(&self.ends).iter().find(|(of, _)| of == uid).map(|(_, health)| health.clone())
    }

    /// Makes a unit await exactly these objects.
    pub fn await_objects(&self, key: &UnitKey, unit: &mut Unit, objects: HashSet<ObjectId>) {
        exchange(&self.awaited, key, &unit.awaits, &objects);
        unit.awaits = objects;
    }

    /// Makes a unit be woken whenever one of exactly these Secrets and ConfigMaps changes.
    pub fn take_from(&self, key: &UnitKey, unit: &mut Unit, objects: HashSet<ObjectId>) {
        exchange(&self.inputs, key, &unit.inputs, &objects);
        unit.inputs = objects;
    }

    /// Another daemon wrote: what is remembered in memory is void, and is read again.
    pub fn void(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        lock(&self.cells).clear();
    }

    /// Makes a unit be woken by what happens to the pods of exactly these namespaces.
    pub fn wait_in(&self, key: &UnitKey, namespaces: &HashSet<String>) {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|namespace, keys| {
            if !namespaces.contains(namespace) {
                keys.remove(key);
            }
            !keys.is_empty()
        });
        for namespace in namespaces {
            waiting.entry(namespace.clone()).or_default().insert(key.clone());
        }
    }

    /// Something happened among the pods of a namespace. Whether an object is healthy its own event tells, at once; pods only tell why it
    /// is not, and there are many of them: they are looked at together.
    pub fn stirred(&self, namespace: &str) {
        let keys: Vec<UnitKey> = lock(&self.waiting).get(namespace).into_iter().flatten().cloned().collect();
        for key in keys {
            self.queue.add_after(key, STIR);
        }
    }

    /// Something happened among the pods of one unit.
    pub fn stirred_by(&self, key: &UnitKey, namespace: &str) {
        if lock(&self.waiting).get(namespace).is_some_and(|keys| keys.contains(key)) {
            self.queue.add_after(key.clone(), STIR);
        }
    }

    fn take(&self, key: &UnitKey) -> (Unit, Inbox, u64) {
        let epoch = self.epoch.load(Ordering::SeqCst);
        let unit = lock(&self.cells).remove(key).unwrap_or_default();
        let inbox = lock(&self.inbox).remove(key).unwrap_or_default();
        (unit, inbox, epoch)
    }

    fn put(&self, key: &UnitKey, unit: Unit, epoch: u64) {
        let mut cells = lock(&self.cells);
        if self.epoch.load(Ordering::SeqCst) == epoch {
            cells.insert(key.clone(), unit);
        } else {
            drop(cells);
            self.wake(key);
        }
    }
}

/// Takes a key from the old objects of an index to the new.
fn exchange(index: &Mutex<HashMap<ObjectId, HashSet<UnitKey>>>, key: &UnitKey, old: &HashSet<ObjectId>, new: &HashSet<ObjectId>) {
    if old == new {
        return;
    }
    let mut index = lock(index);
    for gone in old.difference(new) {
        if let Some(keys) = index.get_mut(gone) {
            keys.remove(key);
            if keys.is_empty() {
                index.remove(gone);
            }
        }
    }
    for object in new.difference(old) {
        index.entry(object.clone()).or_default().insert(key.clone());
    }
}

impl Unit {
    /// The record; loaded before anything else is done.
    fn record(&self) -> &UnitRecord {
        self.record.as_ref().expect("a pass loads the record first")
    }

    fn record_mut(&mut self) -> &mut UnitRecord {
        self.record.as_mut().expect("a pass loads the record first")
    }

    /// Fields that differ and count.
    fn drifted(&self) -> usize {
        self.drift.values().flatten().filter(|d| d.counts()).count()
    }
}
