//! Watches: the changes of a kind as a stream of events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::answer::{Shape, respond};
use super::query::Query;
use super::seconds;
use crate::fault::Effect;
use crate::fields::Shown;
use crate::server::Core;
use crate::status::ApiError;
use crate::store::{Change, ChangeKind};
use crate::verb::{ListOptions, Target, present, unreadable_version};

struct Watch {
    core: Arc<Core>,
    target: Target,
    options: ListOptions,
    shape: Shape,
    revision: u64,
    pending: VecDeque<Bytes>,
    news: tokio::sync::watch::Receiver<u64>,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Option<Instant>,
    /// events until an injected end, and whether that is an expiry
    fuse: Option<(usize, bool)>,
    over: bool,
    columns_told: bool,
}

/// Starts a watch.
pub(super) fn start(
    core: &Arc<Core>,
    target: &Target,
    options: ListOptions,
    query: &Query,
    shape: &Shape,
    effect: Option<&Effect>,
) -> Result<Response, ApiError> {
    let initial = query.one("sendInitialEvents").map(|v| v != "false" && v != "0");
    let bookmarks = query.flag("allowWatchBookmarks");
    let now = Instant::now();
    let key = target.resource.table();
    let given = options.resource_version.as_str();
    let from_start = match initial {
        Some(initial) => initial,
        None => given.is_empty() || given == "0",
    };
    let (items, current, news) = core.call(|call| -> Result<_, ApiError> {
        call.store.ensure_table(&key);
        let news = call.store.table(&key).map(|table| table.subscribe()).ok_or_else(ApiError::no_such_path)?;
        // a watch that goes on from a version reads no object, but its selectors are checked
        let found = call.matching(target, &options, None)?;
        let items: Vec<_> = if from_start { found.map(|object| present(&target.resource, object)).collect() } else { Vec::new() };
        Ok((items, call.store.revision(), news))
    })?;
    let revision = match given {
        "" | "0" => current,
        text if from_start => {
            let _ = text;
            current
        }
        text => {
            text.parse::<u64>().map_err(|_| ApiError { reason: "", ..ApiError::internal(unreadable_version(text).unwrap_or_default()) })?
        }
    };
    let mut watch = Watch {
        core: core.clone(),
        target: target.clone(),
        options,
        shape: shape.clone(),
        revision,
        pending: VecDeque::new(),
        news,
        bookmarks,
        next_bookmark: now + core.options.bookmark_interval,
        end: seconds(query, "timeoutSeconds").map(|time| now + time),
        fuse: match effect {
            Some(Effect::EndWatch(n)) => Some((*n, false)),
            Some(Effect::ExpireWatch(n)) => Some((*n, true)),
            _ => None,
        },
        over: false,
        columns_told: false,
    };
    if from_start {
        for item in &items {
            let item = watch.shape.item(&target.resource, item);
            watch.push("ADDED", &item);
        }
        if initial == Some(true) && bookmarks {
            let mut bookmark = watch.bookmark(current);
            bookmark["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
            watch.push("BOOKMARK", &bookmark);
        }
    }
    let stream =
        futures::stream::unfold(watch, |mut watch| async move { watch.next().await.map(|bytes| (Ok::<_, std::io::Error>(bytes), watch)) });
    Ok(respond(StatusCode::OK, "application/json", Body::from_stream(stream)))
}

impl Watch {
    /// Writes an event; of tables only the first has columns.
    fn push(&mut self, kind: &str, object: &Value) {
        if object["kind"] == "Table" && std::mem::replace(&mut self.columns_told, true) {
            let mut rest = object.clone();
            rest["columnDefinitions"] = Value::Null;
            self.pending.push_back(line(kind, &rest));
            return;
        }
        self.pending.push_back(line(kind, object));
    }

    fn bookmark(&self, revision: u64) -> Value {
        let (kind, version) = match self.shape {
            Shape::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
            _ => (self.target.resource.kind.clone(), self.target.resource.api_version()),
        };
        json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": revision.to_string()}})
    }

    fn expire(&mut self, message: &str) {
        self.push("ERROR", &ApiError::expired(message).body());
        self.over = true;
    }

    /// Reads the changes since the last look.
    fn catch_up(&mut self) {
        let core = self.core.clone();
        let key = self.target.resource.table();
        let namespace = self.target.namespace.clone();
        let found: Option<Vec<Arc<Change>>> = core.call(|call| {
            let table = call.store.table(&key)?;
            Some(table.since(self.revision)?.filter(|c| namespace.is_empty() || c.name.namespace == namespace).cloned().collect())
        });
        let Some(changes) = found else {
            let current = core.call(|call| call.store.revision());
            self.expire(&format!("too old resource version: {} ({current})", self.revision));
            return;
        };
        for change in changes {
            self.revision = change.revision;
            self.follow(&change);
        }
    }

    /// Writes the event that a change is to this watch's selectors.
    fn follow(&mut self, change: &Change) {
        let was = change.previous.as_ref().is_some_and(|old| self.options.selects(old));
        let is = change.kind != ChangeKind::Deleted && self.options.selects(&change.object);
        let kind = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        let usual = match change.kind {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        };
        if kind == usual && matches!(self.shape, Shape::Whole) {
            let shown = present(&self.target.resource, &change.object);
            if Arc::ptr_eq(&shown, &change.object) {
                let line = change.line.get_or_init(|| line(kind, &shown)).clone();
                self.pending.push_back(line);
                return;
            }
        }
        let object = match &change.previous {
            Some(_) if change.kind == ChangeKind::Deleted => change.object.clone(),
            // an object that leaves the selection is shown as it last was in it, under the new version
            Some(previous) if !is => {
                let mut last = (**previous).clone();
                last["metadata"]["resourceVersion"] = change.object["metadata"]["resourceVersion"].clone();
                Arc::new(last)
            }
            _ => change.object.clone(),
        };
        let object = present(&self.target.resource, &object);
        let object = self.shape.item(&self.target.resource, &object);
        self.push(kind, &object);
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some((left, expire)) = self.fuse
                && left == 0
                && !self.over
            {
                self.pending.clear();
                if !expire {
                    return None;
                }
                self.expire("too old resource version: injected fault");
            }
            if let Some(line) = self.pending.pop_front() {
                if let Some((left, _)) = &mut self.fuse {
                    *left = left.saturating_sub(1);
                }
                return Some(line);
            }
            if self.over {
                return None;
            }
            self.news.borrow_and_update();
            self.catch_up();
            if !self.pending.is_empty() {
                continue;
            }
            let far = Instant::now() + Duration::from_secs(86_400 * 30);
            let end = self.end.unwrap_or(far);
            tokio::select! {
                changed = self.news.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + self.core.options.bookmark_interval;
                    let revision = self.core.call(|call| call.store.revision());
                    self.catch_up();
                    if !self.over {
                        self.revision = self.revision.max(revision);
                        let bookmark = self.bookmark(revision);
                        self.push("BOOKMARK", &bookmark);
                    }
                }
                () = sleep_until(end), if self.end.is_some() => return None,
            }
        }
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut line = Vec::with_capacity(512);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    let _ = serde_json::to_writer(&mut line, &Shown(object));
    line.extend_from_slice(b"}\n");
    line.into()
}
