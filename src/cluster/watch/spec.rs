//! What is watched, and what a watch says.

use crate::{
    cluster::{Depth, Live},
    object::Gvk,
};
use std::{fmt, sync::Arc};

/// What to watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WatchSpec {
    /// Group and kind, with the version; where the version is empty, the one that the server prefers.
    pub gvk: Gvk,
    /// Namespace; all where empty.
    pub namespace: String,
    /// Label selector; all where empty.
    pub labels: String,
    /// Field selector; all where empty.
    pub fields: String,
    /// How much of each object to keep.
    pub depth: Depth,
}

impl WatchSpec {
    /// All objects of a kind.
    #[must_use]
    pub fn all(gvk: Gvk, depth: Depth) -> Self {
        Self { gvk, namespace: String::new(), labels: String::new(), fields: String::new(), depth }
    }

    /// Objects with a label selector, in all namespaces.
    #[must_use]
    pub fn labelled(gvk: Gvk, labels: &str, depth: Depth) -> Self {
        Self { labels: labels.into(), ..Self::all(gvk, depth) }
    }

    /// All objects of a kind in a namespace.
    #[must_use]
    pub fn namespaced(gvk: Gvk, namespace: &str, depth: Depth) -> Self {
        Self { namespace: namespace.into(), ..Self::all(gvk, depth) }
    }
}

impl fmt::Display for WatchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.gvk.kind)?;
        if !self.gvk.group.is_empty() {
            write!(f, ".{}", self.gvk.group)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in {}", self.namespace)?;
        }
        for selector in [&self.labels, &self.fields] {
            if !selector.is_empty() {
                write!(f, " with {selector}")?;
            }
        }
        Ok(())
    }
}

/// Something happened to a watched object, or to a watch.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// The watch.
    pub watch: Arc<WatchSpec>,
    /// What happened.
    pub change: Change,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Change {
    /// An object is new or changed. After a reconnect only objects whose resource version differs are reported.
    Applied {
        /// As it is now.
        object: Arc<Live>,
        /// As it was known before.
        before: Option<Arc<Live>>,
    },
    /// An object left the watch: it is deleted, or no longer matches the selector. The last known form.
    Deleted(Arc<Live>),
    /// The first full list, or one after a gap, is complete.
    Synced,
    /// The server does not serve the kind now; its objects are gone from the store without `Deleted`.
    Missing,
}

/// How far a watch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The first list is not complete.
    Starting,
    /// The store holds all objects.
    Synced,
    /// The server does not know the kind.
    Missing,
}

/// State of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchState {
    /// How far it is.
    pub phase: Phase,
    /// The last failure since the last word from the server.
    pub trouble: Option<String>,
}

/// One line about a watch, for `/debug` and metrics.
#[derive(Debug, Clone)]
pub struct WatchStatus {
    /// What is watched.
    pub spec: Arc<WatchSpec>,
    /// Its state.
    pub state: WatchState,
    /// How many objects it holds.
    pub objects: usize,
}
