//! A moment of an action, and how the daemon is stopped exactly there.

use crate::world::World;
use kubemem::{Fault, Request};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the daemon names itself to the API server.
pub const AGENT: &str = "helmward/";

/// Where the daemon dies, and what it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub place: Place,
    /// Whether the state directory is gone before the restart.
    pub lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At the nth request since the action began, before the server sees it, or after it was done and before the answer.
    Api { nth: u64, after: bool },
    /// At the nth moment of the store: each write and each flush has one before and one after it.
    Store { nth: u64 },
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Api { nth, after } => write!(f, "api {nth} {}", if after { "after" } else { "before" })?,
            Place::Store { nth } => write!(f, "store {nth}")?,
        }
        f.write_str(if self.lost { "/state lost" } else { "/state kept" })
    }
}

/// All moments of an action that makes so many requests and passes so many moments of the store.
pub fn all(requests: u64, store: u64) -> Vec<Moment> {
    let api = (1..=requests).flat_map(|nth| [false, true].map(|after| Place::Api { nth, after }));
    let places = api.chain((1..=store).map(|nth| Place::Store { nth }));
    places.flat_map(|place| [false, true].map(|lost| Moment { place, lost })).collect()
}

/// A trap that is set before an action begins.
pub struct Trap<'a> {
    world: &'a World,
    place: Place,
}

impl<'a> Trap<'a> {
    pub fn set(world: &'a World, place: Place) -> Self {
        clear(world);
        memory(world).take_requests();
        match place {
            Place::Api { nth, after } => {
                let fault = Fault::any().user_agent(AGENT).nth(nth);
                memory(world).inject(if after { fault.hang_after_commit() } else { fault.hang() });
            }
            Place::Store { nth } => set_failpoint(world, nth),
        }
        Self { world, place }
    }

    /// What the daemon hangs in, once it does.
    pub fn sprung(&self) -> Option<String> {
        match self.place {
            Place::Api { after, .. } => {
                let struck = memory(self.world).struck();
                let hit = struck.iter().find(|r| !after || r.code != 0)?;
                Some(name(hit))
            }
            Place::Store { nth } => (store_moments(self.world) >= nth).then(|| "a write of the store".to_owned()),
        }
    }
}

impl Drop for Trap<'_> {
    fn drop(&mut self) {
        clear(self.world);
    }
}

/// The cluster, which is kubemem here.
pub fn memory(world: &World) -> &kubemem::Server {
    world.memory().expect("this test is about kubemem")
}

fn clear(world: &World) {
    memory(world).clear_faults();
    let _ = std::fs::remove_file(failpoint(world, ""));
    let _ = std::fs::remove_file(failpoint(world, ".seen"));
}

/// Counts the moments of the store from now on.
pub fn count_store(world: &World) {
    clear(world);
    memory(world).take_requests();
    set_failpoint(world, u64::MAX);
}

fn set_failpoint(world: &World, nth: u64) {
    static TIMES: AtomicU64 = AtomicU64::new(0);
    let text = format!("{nth} time-{}", TIMES.fetch_add(1, Ordering::Relaxed));
    std::fs::write(failpoint(world, ".set"), text).unwrap();
    std::fs::rename(failpoint(world, ".set"), failpoint(world, "")).unwrap();
}

/// Moments of the store since the action began.
pub fn store_moments(world: &World) -> u64 {
    std::fs::read_to_string(failpoint(world, ".seen")).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn failpoint(world: &World, suffix: &str) -> PathBuf {
    world.state_dir().join(format!("failpoint{suffix}"))
}

/// A request in a few words.
pub fn name(request: &Request) -> String {
    let dry = if request.dry_run { " (dry run)" } else { "" };
    let what = if request.resource.is_empty() { &request.path } else { &request.resource };
    format!("{:?}{dry} {what} {}/{}", request.verb, request.namespace, request.name)
}
