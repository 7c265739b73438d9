//! Kubernetes Events, written by a task of its own so that they never delay a release.
//!
//! Repetitions are dropped, bursts are slowed down, and what does not fit in the queue is counted and lost: an Event is
//! a courtesy, the truth is in status.

use super::{Cluster, error::Kind};
use crate::object::{Gvk, ObjectId};
use jiff::Timestamp;
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

/// Events that may wait.
const QUEUE: usize = 2048;
/// The same event of the same object is written once in this time.
const WINDOW: Duration = Duration::from_secs(300);
/// Writes at once, and per second after that.
const BURST: u32 = 100;
const PER_SECOND: u32 = 50;
/// Longest message that every server takes.
const LONGEST_MESSAGE: usize = 1024;

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// An event about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The object.
    pub about: ObjectId,
    /// Its API version.
    pub api_version: String,
    /// Its uid; may be empty.
    pub uid: String,
    /// Its resource version; may be empty.
    pub resource_version: String,
    /// How serious.
    pub severity: Severity,
    /// One word, such as `UpgradeSucceeded`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Such as `helm.toolkit.fluxcd.io/revision`.
    pub annotations: BTreeMap<String, String>,
}

/// Takes events without waiting.
#[derive(Debug, Clone)]
pub struct EventRecorder {
    queue: mpsc::Sender<Note>,
    lost: Arc<AtomicU64>,
}

impl EventRecorder {
    /// Starts the task that writes. It ends, after what is queued, when the last recorder is dropped.
    #[must_use]
    pub fn start(cluster: Cluster) -> (Self, JoinHandle<()>) {
        let (queue, notes) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(write_all(cluster, notes));
        (Self { queue, lost }, task)
    }

    /// Queues an event; where the queue is full, it is lost and counted.
    pub fn record(&self, note: Note) {
        if self.queue.try_send(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events did not fit.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

async fn write_all(cluster: Cluster, mut notes: mpsc::Receiver<Note>) {
    let mut recent = Recent::default();
    let mut pace = Pace { tokens: BURST, filled: Instant::now() };
    while let Some(note) = notes.recv().await {
        if recent.seen(&note) {
            continue;
        }
        pace.wait().await;
        write(&cluster, &note).await;
    }
}

async fn write(cluster: &Cluster, note: &Note) {
    let now = Timestamp::now();
    let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let namespace = if note.about.namespace.is_empty() { "default" } else { &note.about.namespace };
    let stem: String = note.about.name.chars().take(200).collect();
    let id = ObjectId::new("", "Event", namespace, &format!("{stem}.{:x}", now.as_nanosecond()));
    let body = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": id.name, "namespace": id.namespace, "annotations": note.annotations },
        "involvedObject": {
            "apiVersion": note.api_version,
            "kind": note.about.kind,
            "namespace": note.about.namespace,
            "name": note.about.name,
            "uid": note.uid,
            "resourceVersion": note.resource_version,
        },
        "type": note.severity.as_str(),
        "reason": note.reason,
        "message": shorten(&note.message),
        "source": { "component": super::MANAGER },
        "reportingComponent": super::MANAGER,
        "reportingInstance": "",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    });
    let written = match cluster.resource(&Gvk::new("v1", "Event")).await {
        Ok(resource) => cluster.create(&resource, &id, &body).await.map(|_| ()),
        Err(error) => Err(error),
    };
    match written {
        Ok(()) => {}
        // another daemon writes now, and says so itself
        Err(error) if error.kind == Kind::NotLeader => {}
        Err(error) => tracing::debug!(%error, "an Event is lost"),
    }
}

/// Cuts at a character, with an ellipsis.
fn shorten(message: &str) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let end = message.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_MESSAGE - '…'.len_utf8()).last().unwrap_or(0);
    format!("{}…", &message[..end])
}

/// What was written lately.
#[derive(Default)]
struct Recent {
    seen: HashMap<(ObjectId, Severity, String, String), Instant>,
}

impl Recent {
    fn seen(&mut self, note: &Note) -> bool {
        let now = Instant::now();
        self.seen.retain(|_, at| now.duration_since(*at) < WINDOW);
        let key = (note.about.clone(), note.severity, note.reason.clone(), note.message.clone());
        if self.seen.contains_key(&key) {
            return true;
        }
        self.seen.insert(key, now);
        false
    }
}

/// A bucket of writes.
struct Pace {
    tokens: u32,
    filled: Instant,
}

impl Pace {
    async fn wait(&mut self) {
        let each = Duration::from_secs(1) / PER_SECOND;
        loop {
            let new = u32::try_from(self.filled.elapsed().as_nanos() / each.as_nanos()).unwrap_or(BURST).min(BURST);
            if new > 0 {
                self.tokens = (self.tokens + new).min(BURST);
                self.filled += each * new;
                if self.tokens == BURST {
                    self.filled = Instant::now();
                }
            }
            if self.tokens > 0 {
                self.tokens -= 1;
                return;
            }
            tokio::time::sleep_until(self.filled + each).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, not_found, real};
    use super::*;
    use crate::cluster::ListOptions;
    use serde_json::Value;

    fn note(message: &str) -> Note {
        Note {
            about: ObjectId::new("helm.toolkit.fluxcd.io", "HelmRelease", "default", "web"),
            api_version: "helm.toolkit.fluxcd.io/v2".into(),
            uid: "u-1".into(),
            resource_version: "5".into(),
            severity: Severity::Warning,
            reason: "UpgradeFailed".into(),
            message: message.into(),
            annotations: BTreeMap::from([("helm.toolkit.fluxcd.io/revision".to_owned(), "1.2.3".to_owned())]),
        }
    }

    fn events(uri: &str) -> Option<(u16, Value)> {
        let entry = json!({"resource": "events", "responseKind": {"kind": "Event"}, "scope": "Namespaced", "verbs": []});
        let list = |items: Value| (200, json!({"kind": "APIGroupDiscoveryList", "items": items}));
        match uri {
            "/api" => Some(list(json!([{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [entry]}]}]))),
            "/apis" => Some(list(json!([]))),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn repetitions_are_dropped_for_a_while_and_bursts_slowed() {
        let script = Script::default();
        let cluster =
            script.cluster(|seen| events(&seen.uri).unwrap_or(if seen.method == "POST" { (201, json!({})) } else { not_found() }));
        let (recorder, task) = EventRecorder::start(cluster);
        let posts = || script.uris().iter().filter(|uri| uri.starts_with("POST")).count();
        for _ in 0..5 {
            recorder.record(note("same"));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(posts(), 1);
        tokio::time::sleep(WINDOW).await;
        recorder.record(note("same"));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(posts(), 2);
        for i in 0..300 {
            recorder.record(note(&format!("another {i}")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!((100..110).contains(&posts()), "{}", posts());
        drop(recorder);
        let before = Instant::now();
        task.await.expect("ends after what is queued");
        assert_eq!(posts(), 302);
        assert!(before.elapsed() >= Duration::from_millis(3900), "{:?}", before.elapsed());
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let long = "ä".repeat(2000);
        let short = shorten(&long);
        assert!(short.len() <= LONGEST_MESSAGE && short.ends_with("ä…"), "{}", short.len());
    }

    #[tokio::test]
    async fn a_real_server_takes_events() {
        let Some(cluster) = real("events::a_real_server_takes_events").await else { return };
        let (recorder, task) = EventRecorder::start(cluster.clone());
        let message = format!("seen at {}", Timestamp::now());
        recorder.record(note(&message));
        drop(recorder);
        task.await.expect("ends");
        let resource = cluster.resource(&Gvk::new("v1", "Event")).await.expect("is served");
        let options = ListOptions { fields: "involvedObject.name=web,reason=UpgradeFailed".into(), ..ListOptions::labels("default", "") };
        let list = cluster.list(&resource, &options).await.expect("lists");
        let found = list.items.iter().find(|event| event["message"] == message.as_str()).expect("was written");
        assert_eq!(found["metadata"]["annotations"]["helm.toolkit.fluxcd.io/revision"], "1.2.3");
        assert_eq!((found["source"]["component"].as_str(), found["count"].as_u64()), (Some("helmward"), Some(1)));
    }
}
