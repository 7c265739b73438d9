//! Server-sent events: one stream per tab, which sends those fragments of its page that changed.
//!
//! The ring remembers which views the last changes concern. A stream that comes back with the number of its last event goes on
//! from there; where the ring no longer reaches, or the daemon is another one, it gets one `reset` and fetches its page anew.

use super::State;
use super::data::Data;
use super::page::layout;
use super::view::{Fragment, View, row_id};
use crate::controller::views::{Change, Changed, Views};
use crate::release::UnitKey;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap, VecDeque, hash_map::DefaultHasher};
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// At most four flushes a second.
const FLUSH: Duration = Duration::from_millis(250);
/// A comment keeps proxies and the page's own watch content.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes remembered.
const MOST: usize = 8192;

/// The last changes, for streams to catch up with.
#[derive(Debug)]
pub(super) struct Ring {
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// All changes after this number are remembered.
    floor: u64,
    /// All changes up to this number came in. Publishers may overtake each other between counting and sending.
    complete: u64,
    /// Numbers that came in early.
    early: BTreeSet<u64>,
    /// Changes were lost: the next one is where counting begins again.
    lost: bool,
    changes: VecDeque<(u64, Changed)>,
}

impl Ring {
    /// Begins to remember. It ends with the last holder of the ring.
    pub(super) fn follow(views: &Views) -> Arc<Self> {
        let mut changes = views.subscribe();
        let floor = views.sequence();
        let ring =
            Arc::new(Self { inner: Mutex::new(Inner { floor, complete: floor, ..Inner::default() }), newest: watch::Sender::new(floor) });
        let held: Weak<Self> = Arc::downgrade(&ring);
        tokio::spawn(async move {
            loop {
                let change = changes.recv().await;
                let Some(ring) = held.upgrade() else { return };
                match change {
                    Ok(change) => ring.push(change),
                    Err(broadcast::error::RecvError::Lagged(_)) => ring.lose(),
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        ring
    }

    fn push(&self, change: Change) {
        let complete = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.push(change);
            inner.complete
        };
        self.newest.send_if_modified(|newest| {
            let more = *newest < complete;
            *newest = complete.max(*newest);
            more
        });
    }

    fn lose(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.changes.clear();
        inner.early.clear();
        inner.lost = true;
    }

    /// What changed after a number; `None` where it no longer knows.
    fn since(&self, sequence: u64) -> Option<Vec<Changed>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if sequence < inner.floor || inner.lost {
            return None;
        }
        Some(inner.changes.iter().filter(|(s, _)| *s > sequence).map(|(_, what)| what.clone()).collect())
    }
}

impl Inner {
    fn push(&mut self, change: Change) {
        if self.lost {
            (self.lost, self.floor, self.complete) = (false, change.sequence, change.sequence);
        }
        if change.sequence > self.complete {
            self.early.insert(change.sequence);
        }
        while self.early.first() == Some(&(self.complete + 1)) {
            self.early.pop_first();
            self.complete += 1;
        }
        if self.changes.len() == MOST
            && let Some((oldest, _)) = self.changes.pop_front()
        {
            self.floor = self.floor.max(oldest);
        }
        self.changes.push_back((change.sequence, change.what));
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Ask {
    view: String,
    #[serde(default)]
    since: String,
}

/// `/events/stream?view=…&since=…`
pub(super) async fn stream(Shared(state): Shared<State>, Query(ask): Query<Ask>, headers: HeaderMap) -> Response {
    let Some(view) = View::parse(&ask.view) else {
        return (StatusCode::NOT_FOUND, "there is no such view\n").into_response();
    };
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty()).unwrap_or(&ask.since);
    let tail = Tail::new(state.clone(), view, state.event_number(last));
    let events = futures::stream::unfold(tail, |mut tail| async move { tail.next().await.map(|event| (Ok::<_, Infallible>(event), tail)) });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here"));
    ([(HeaderName::from_static("x-accel-buffering"), "no")], sse).into_response()
}

/// One stream. Each of its events has data: browsers dispatch nothing without.
struct Tail {
    state: State,
    view: View,
    /// The number up to which the page knows; `None` where it must start anew.
    seen: Option<u64>,
    begun: bool,
    over: bool,
    newest: watch::Receiver<u64>,
    /// Hashes of what the page shows, as of `epoch`.
    shown: Shown,
    /// Ages are counted to this time where fragments are compared, so that a page does not change by growing older.
    epoch: jiff::Timestamp,
    /// Counts this stream while it lives.
    _client: super::Client,
}

#[derive(Debug, Default)]
struct Shown {
    whole: HashMap<&'static str, u64>,
    rows: HashMap<&'static str, HashMap<String, u64>>,
    orders: HashMap<&'static str, Vec<String>>,
}

impl Tail {
    fn new(state: State, view: View, seen: Option<u64>) -> Self {
        let newest = state.ring.newest.subscribe();
        let client = state.client();
        let epoch = state.now();
        let mut tail = Self { state, view, seen, begun: false, over: false, newest, shown: Shown::default(), epoch, _client: client };
        tail.shown = tail.baseline();
        tail
    }

    /// What the page shows, if nothing happened since it was rendered; else nothing is taken for known but the rows, and those
    /// that changed are sent in any case.
    fn baseline(&self) -> Shown {
        let mut shown = Shown::default();
        let data = self.read(self.epoch);
        let Some(fragments) = self.fragments(&data) else { return shown };
        let current = self.seen == Some(data.sequence) && self.state.views.sequence() == data.sequence;
        for fragment in &fragments {
            match fragment {
                Fragment::Fixed(_) => {}
                Fragment::Whole { id, html } if current => drop(shown.whole.insert(id, hash(&html.0))),
                Fragment::Whole { .. } => {}
                Fragment::Table { id, rows, .. } => {
                    shown.rows.insert(id, rows.iter().map(|row| (row.id.clone(), hash(&row.html.0))).collect());
                    if current {
                        shown.orders.insert(id, rows.iter().map(|row| row.id.clone()).collect());
                    }
                }
            }
        }
        shown
    }

    fn read(&self, now: jiff::Timestamp) -> Data {
        Data::read(&self.state.views, now)
    }

    fn fragments(&self, data: &Data) -> Option<Vec<Fragment>> {
        let mut fragments = self.view.fragments(data)?;
        fragments.push(layout::notice_fragment(&data.daemon));
        Some(fragments)
    }

    async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(match self.seen.filter(|seen| self.state.ring.since(*seen).is_some()) {
                Some(seen) => Event::default().event("hello").id(self.state.event_id(seen)).data("{}"),
                None => self.reset(),
            });
        }
        let stop = self.state.stop.clone();
        loop {
            let seen = self.seen?;
            tokio::select! {
                () = stop.cancelled() => return None,
                changed = self.newest.wait_for(|newest| *newest > seen) => drop(changed.ok()?),
            }
            // What comes in meanwhile goes along.
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(FLUSH) => {}
            }
            let newest = *self.newest.borrow_and_update();
            let Some(changes) = self.state.ring.since(seen) else { return Some(self.reset()) };
            self.seen = Some(newest);
            let concerned: Vec<&Changed> = changes.iter().filter(|c| self.view.concerns(c)).collect();
            if !concerned.is_empty()
                && let Some(event) = self.flush(&concerned, newest)
            {
                return Some(event);
            }
        }
    }

    /// The page fetches itself anew and opens a new stream.
    fn reset(&mut self) -> Event {
        self.over = true;
        Event::default().event("reset").id(self.state.event_id(self.state.views.sequence())).data("{}")
    }

    fn flush(&mut self, changes: &[&Changed], newest: u64) -> Option<Event> {
        let then = self.read(self.epoch);
        // A unit that is gone has no fragments: its page must say so.
        let Some(fragments) = self.fragments(&then) else { return Some(self.reset()) };
        let touched: BTreeSet<&UnitKey> = changes
            .iter()
            .filter_map(|change| match change {
                Changed::Unit(key) => Some(key),
                _ => None,
            })
            .collect();
        let mut stale = Stale::default();
        for fragment in &fragments {
            match fragment {
                Fragment::Fixed(_) => {}
                Fragment::Whole { id, html } => {
                    let now = hash(&html.0);
                    if self.shown.whole.insert(id, now) != Some(now) {
                        stale.whole.insert(*id);
                    }
                }
                Fragment::Table { id, rows, .. } => {
                    let known = self.shown.rows.entry(id).or_default();
                    let forced: BTreeSet<String> = touched.iter().map(|key| row_id(id, key)).collect();
                    let rows: Vec<(String, u64)> = rows.iter().map(|row| (row.id.clone(), hash(&row.html.0))).collect();
                    let changed = rows.iter().filter(|(row, hash)| known.get(row) != Some(hash) || forced.contains(row));
                    stale.rows.insert(*id, changed.map(|(row, _)| row.clone()).collect());
                    let order: Vec<String> = rows.iter().map(|(row, _)| row.clone()).collect();
                    if self.shown.orders.get(id) != Some(&order) {
                        stale.orders.insert(*id);
                        self.shown.orders.insert(id, order);
                    }
                    *known = rows.into_iter().collect();
                }
            }
        }
        if stale.is_empty() {
            return None;
        }
        // Rendered once more, with ages as they are now.
        let now = self.state.now();
        let data = Data { now, ..then };
        let patch = stale.patch(&self.fragments(&data)?, now);
        Some(Event::default().event("patch").id(self.state.event_id(newest)).data(patch.to_string()))
    }
}

/// What must be sent.
#[derive(Debug, Default)]
struct Stale {
    whole: BTreeSet<&'static str>,
    rows: HashMap<&'static str, BTreeSet<String>>,
    orders: BTreeSet<&'static str>,
}

impl Stale {
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.orders.is_empty() && self.rows.values().all(BTreeSet::is_empty)
    }

    /// `{"at": …, "html": {id: element}, "rows": {table: {"set": {row: element}, "order": [row …]}}}`
    fn patch(&self, fragments: &[Fragment], now: jiff::Timestamp) -> Value {
        let (mut html, mut tables) = (Map::new(), Map::new());
        for fragment in fragments {
            match fragment {
                Fragment::Whole { id, html: element } if self.whole.contains(id) => {
                    html.insert((*id).to_owned(), json!(element.0));
                }
                Fragment::Table { id, rows, .. } => {
                    let wanted = self.rows.get(id);
                    let set: Map<String, Value> = rows
                        .iter()
                        .filter(|row| wanted.is_some_and(|wanted| wanted.contains(&row.id)))
                        .map(|row| (row.id.clone(), json!(row.html.0)))
                        .collect();
                    let order = self.orders.contains(id);
                    if order || !set.is_empty() {
                        let mut table = json!({ "set": set });
                        if order {
                            table["order"] = rows.iter().map(|row| json!(row.id)).collect();
                        }
                        tables.insert((*id).to_owned(), table);
                    }
                }
                _ => {}
            }
        }
        json!({"at": super::when::stamp(now), "html": html, "rows": tables})
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_was_overtaken_is_not_lost() {
        let ring = Ring { inner: Mutex::default(), newest: watch::Sender::new(0) };
        let push = |sequence| ring.push(Change { sequence, what: Changed::Daemon });
        let newest = || *ring.newest.borrow();
        push(1);
        push(3);
        assert_eq!(newest(), 1, "2 is still under way");
        push(2);
        assert_eq!((newest(), ring.since(1).map(|c| c.len())), (3, Some(2)));
        ring.lose();
        assert!(ring.since(3).is_none());
        push(9);
        push(10);
        assert_eq!((newest(), ring.since(8).is_none(), ring.since(9).map(|c| c.len())), (10, true, Some(1)));
    }
}
