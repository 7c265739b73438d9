//! A moment of an action, and how the daemon is stopped exactly there.

use super::stand::Stand;
use super::wire::Cut;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

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
    Api(Cut),
    /// At the nth moment of the store: each write and each flush has one before and one after it.
    Store { nth: u64 },
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Api(cut) => write!(f, "api {} {}", cut.nth, if cut.after { "after" } else { "before" })?,
            Place::Store { nth } => write!(f, "store {nth}")?,
        }
        f.write_str(if self.lost { "/state lost" } else { "/state kept" })
    }
}

/// All moments of an action that makes so many requests and passes so many moments of the store.
pub fn all(requests: usize, store: u64) -> Vec<Moment> {
    let api = (1..=requests).flat_map(|nth| [false, true].map(|after| Place::Api(Cut { nth, after })));
    let places = api.chain((1..=store).map(|nth| Place::Store { nth }));
    places.flat_map(|place| [false, true].map(|lost| Moment { place, lost })).collect()
}

/// Sets a trap before an action begins. Without a place, nothing is stopped; requests and moments of the store are counted all the same.
pub fn set(stand: &Stand, place: Option<Place>) {
    let (cut, nth) = match place {
        Some(Place::Api(cut)) => (Some(cut), u64::MAX),
        Some(Place::Store { nth }) => (None, nth),
        None => (None, u64::MAX),
    };
    stand.wire.reset(cut);
    set_failpoint(stand, nth);
}

/// What the daemon hangs in, once it does.
pub fn sprung(stand: &Stand, place: Option<Place>) -> Option<String> {
    match place? {
        Place::Api(_) => Some(stand.wire.struck()?.to_string()),
        Place::Store { nth } => (store_moments(stand) >= nth).then(|| "a write of the store".to_owned()),
    }
}

/// Lets the next daemon pass.
pub fn lift(stand: &Stand) {
    stand.wire.mend();
    let _ = std::fs::remove_file(failpoint(stand, ""));
}

fn set_failpoint(stand: &Stand, nth: u64) {
    static TIMES: AtomicU64 = AtomicU64::new(0);
    let _ = std::fs::remove_file(failpoint(stand, ".seen"));
    let text = format!("{nth} time-{}", TIMES.fetch_add(1, Ordering::Relaxed));
    std::fs::write(failpoint(stand, ".set"), text).unwrap();
    std::fs::rename(failpoint(stand, ".set"), failpoint(stand, "")).unwrap();
}

/// Moments of the store since the trap was set.
pub fn store_moments(stand: &Stand) -> u64 {
    std::fs::read_to_string(failpoint(stand, ".seen")).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn failpoint(stand: &Stand, suffix: &str) -> PathBuf {
    stand.world.state_dir().join(format!("failpoint{suffix}"))
}
