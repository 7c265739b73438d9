//! The objects of one kind, and the changes that watches read.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectName {
    pub(crate) fn new(namespace: &str, name: &str) -> ObjectName {
        ObjectName { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(crate) fn of(object: &Value) -> ObjectName {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        ObjectName::new(text("namespace"), text("name"))
    }
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change, kept for watches.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) kind: ChangeKind,
    pub(crate) name: ObjectName,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
    /// the event as most watches want it, written by the first of them
    pub(crate) line: OnceLock<Bytes>,
}

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) objects: BTreeMap<ObjectName, Arc<Value>>,
    changes: VecDeque<Arc<Change>>,
    /// the revision up to which changes are forgotten
    forgotten: u64,
    news: watch::Sender<u64>,
}

impl Default for Table {
    fn default() -> Table {
        Table::starting_at(0)
    }
}

impl Table {
    pub(crate) fn starting_at(revision: u64) -> Table {
        Table { objects: BTreeMap::new(), changes: VecDeque::new(), forgotten: revision, news: watch::Sender::new(0) }
    }

    pub(super) fn record(&mut self, change: Change, window: usize) {
        let revision = change.revision;
        self.changes.push_back(Arc::new(change));
        while self.changes.len() > window {
            if let Some(old) = self.changes.pop_front() {
                self.forgotten = old.revision;
            }
        }
        self.news.send_replace(revision);
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.changes.clear();
        self.forgotten = revision;
        self.news.send_replace(revision);
    }

    /// The changes after a revision; `None` when some of them are forgotten.
    pub(crate) fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Arc<Change>>> {
        if revision < self.forgotten {
            return None;
        }
        let start = self.changes.partition_point(|change| change.revision <= revision);
        Some(self.changes.range(start..))
    }

    /// The objects of a namespace, or of all, as they were at a revision; `None` when that is forgotten.
    pub(crate) fn as_it_was(&self, namespace: &str, revision: u64) -> Option<BTreeMap<ObjectName, Arc<Value>>> {
        let changes: Vec<_> = self.since(revision)?.filter(|change| namespace.is_empty() || change.name.namespace == namespace).collect();
        let mut objects: BTreeMap<_, _> = self.list(namespace).map(|(name, object)| (name.clone(), object.clone())).collect();
        for change in changes.into_iter().rev() {
            match &change.previous {
                Some(previous) => objects.insert(change.name.clone(), previous.clone()),
                None => objects.remove(&change.name),
            };
        }
        Some(objects)
    }

    /// Wakes up at every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Objects in the order of their names.
    pub(crate) fn list<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a ObjectName, &'a Arc<Value>)> {
        self.list_after(namespace, None)
    }

    /// Those after a name.
    pub(crate) fn list_after<'a>(
        &'a self,
        namespace: &'a str,
        after: Option<ObjectName>,
    ) -> impl Iterator<Item = (&'a ObjectName, &'a Arc<Value>)> {
        let start = after.map_or_else(|| Bound::Included(ObjectName::new(namespace, "")), Bound::Excluded);
        self.objects.range((start, Bound::Unbounded)).take_while(move |(name, _)| namespace.is_empty() || name.namespace == namespace)
    }
}
