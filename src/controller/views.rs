//! Read-only views for the page and the API: the newest report of each unit and source, and a stream of what changed.
//!
//! Controllers publish, the page reads; nobody waits for the other. Readers get `Arc`s, so a page never blocks a pass.

use crate::release::UnitKey;
use crate::release::report::{Report, SourceReport};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::broadcast;

/// How many changes a slow reader may fall behind before it must read everything again.
const BACKLOG: usize = 4096;

/// The views. Clones share them.
#[derive(Debug, Clone)]
pub struct Views {
    inner: Arc<RwLock<Inner>>,
    changes: broadcast::Sender<Change>,
}

#[derive(Debug, Default)]
struct Inner {
    sequence: u64,
    units: BTreeMap<UnitKey, Arc<Report>>,
    sources: BTreeMap<String, Arc<SourceReport>>,
    daemon: DaemonReport,
}

/// What is shown of the daemon itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DaemonReport {
    /// Name of the cluster, as the kubeconfig calls it.
    pub cluster: String,
    /// Version of the API server.
    pub server_version: String,
    /// Whether this daemon writes; else who does, in words.
    pub leading: Option<String>,
    /// Set where the API is the simulated one of the demo.
    pub simulated: bool,
}

/// One change; its number grows by one with each.
#[derive(Debug, Clone)]
pub struct Change {
    /// Number of the change.
    pub sequence: u64,
    /// What changed.
    pub what: Changed,
}

/// What changed, by name: thousands of changes are remembered, and what is the case now is read when it is shown.
#[derive(Debug, Clone)]
pub enum Changed {
    /// A unit's report, or it is gone.
    Unit(UnitKey),
    /// A source's report, or it is gone.
    Source,
    /// The daemon itself.
    Daemon,
}

impl Default for Views {
    fn default() -> Self {
        Self { inner: Arc::default(), changes: broadcast::channel(BACKLOG).0 }
    }
}

impl Views {
    fn publish(&self, what: Changed, apply: impl FnOnce(&mut Inner)) {
        let sequence = {
            let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            inner.sequence += 1;
            apply(&mut inner);
            inner.sequence
        };
        // No reader is no error.
        let _ = self.changes.send(Change { sequence, what });
    }

    fn read<T>(&self, f: impl FnOnce(&Inner) -> T) -> T {
        f(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes a unit's report, unless it says what is already known.
    pub fn put_unit(&self, report: Report) {
        let key = report.key.clone();
        if self.unit(&key).is_some_and(|old| *old == report) {
            return;
        }
        self.publish(Changed::Unit(key.clone()), |inner| drop(inner.units.insert(key, Arc::new(report))));
    }

    /// Forgets a unit.
    pub fn remove_unit(&self, key: &UnitKey) {
        if self.unit(key).is_some() {
            self.publish(Changed::Unit(key.clone()), |inner| drop(inner.units.remove(key)));
        }
    }

    /// Publishes a source's report.
    pub fn put_source(&self, report: SourceReport) {
        let name = format!("{}/{}", report.info.namespace, report.info.name);
        if self.read(|inner| inner.sources.get(&name).is_some_and(|old| **old == report)) {
            return;
        }
        let report = Arc::new(report);
        self.publish(Changed::Source, |inner| drop(inner.sources.insert(name, report)));
    }

    /// Forgets a source, `namespace/name`.
    pub fn remove_source(&self, name: &str) {
        self.publish(Changed::Source, |inner| drop(inner.sources.remove(name)));
    }

    /// Publishes what is shown of the daemon.
    pub fn put_daemon(&self, report: DaemonReport) {
        if self.daemon() != report {
            self.publish(Changed::Daemon, |inner| inner.daemon = report);
        }
    }

    /// One unit.
    #[must_use]
    pub fn unit(&self, key: &UnitKey) -> Option<Arc<Report>> {
        self.read(|inner| inner.units.get(key).cloned())
    }

    /// All units, by kind, namespace and name.
    #[must_use]
    pub fn units(&self) -> Vec<Arc<Report>> {
        self.read(|inner| inner.units.values().cloned().collect())
    }

    /// All sources, by namespace and name.
    #[must_use]
    pub fn sources(&self) -> Vec<Arc<SourceReport>> {
        self.read(|inner| inner.sources.values().cloned().collect())
    }

    /// The daemon.
    #[must_use]
    pub fn daemon(&self) -> DaemonReport {
        self.read(|inner| inner.daemon.clone())
    }

    /// Number of the newest change.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.read(|inner| inner.sequence)
    }

    /// Changes from now on. A reader that falls behind is told so and reads everything again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

/// What a person asks for on the page or through its API. The controllers carry it out through the custom resource, so that
/// `kubectl` sees it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Look again now; with `source`, read the source first.
    Reconcile {
        /// The unit.
        key: UnitKey,
        /// Whether the source is read first.
        source: bool,
    },
    /// Suspend.
    Suspend {
        /// The unit.
        key: UnitKey,
        /// Why, in the person's words.
        reason: String,
    },
    /// Resume.
    Resume {
        /// The unit.
        key: UnitKey,
    },
    /// Roll back to a revision, or to the one before with `None`.
    Rollback {
        /// The unit.
        key: UnitKey,
        /// The revision.
        to: Option<u32>,
    },
}

/// Carries requests out. The sender waits for the answer: an error is shown as it is.
pub type Requests = tokio::sync::mpsc::Sender<(Request, tokio::sync::oneshot::Sender<Result<String, String>>)>;
