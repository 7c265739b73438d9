//! Kinds that appear and go: CRDs are watched, and discovery is asked again when one changes.

use super::{Change, Depth, Hub, LiveEvent, WatchSpec};
use crate::object::Gvk;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// Changes of CRDs come in bursts; and a CRD that is established is served a moment later.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(15),
];

/// Starts the watch and the task that reads it. Both end with the hub.
pub(super) fn follow(hub: &Arc<Hub>) {
    let (events, receiver) = mpsc::channel(64);
    let spec = WatchSpec::all(Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition"), Depth::Metadata);
    let entry = Arc::new(super::Entry {
        spec: Arc::new(spec),
        users: watch::Sender::new(1),
        state: watch::Sender::new(super::WatchState { phase: super::Phase::Starting, trouble: None }),
        store: std::sync::RwLock::default(),
    });
    // it reports to a channel of its own: the controllers' channel may be full while they wait for a kind
    let private = Arc::new(Hub {
        cluster: hub.cluster.clone(),
        events,
        entries: std::sync::Mutex::default(),
        texts: super::Texts::default(),
        streaming: std::sync::atomic::AtomicBool::new(true),
        alive: tokio::sync::Notify::new(),
        tasks: hub.tasks.clone(),
        stop: hub.stop.clone(),
    });
    hub.tasks.spawn(super::run(private, entry));
    let (cluster, stop) = (hub.cluster.clone(), hub.stop.clone());
    hub.tasks.spawn(async move {
        stop.run_until_cancelled(refresh_on_change(cluster, receiver)).await;
    });
}

async fn refresh_on_change(cluster: crate::cluster::Cluster, mut events: mpsc::Receiver<LiveEvent>) {
    let mut synced = false;
    // name of each CRD that changed, and whether it is there now
    let mut awaited: HashMap<String, bool> = HashMap::new();
    let mut round = 0;
    loop {
        let event = if round == 0 {
            events.recv().await
        } else {
            match tokio::time::timeout(PAUSES[round - 1], events.recv()).await {
                Ok(event) => event,
                Err(_) => {
                    let served = cluster.discovery().refresh().await;
                    if let Ok(served) = served {
                        awaited.retain(|name, there| served.resources().any(|r| format!("{}.{}", r.plural, r.group) == *name) != *there);
                    }
                    // the second look finds a new version of a kind that was there before
                    let done = (awaited.is_empty() && round > 1) || round == PAUSES.len();
                    round = if done { 0 } else { round + 1 };
                    continue;
                }
            }
        };
        let Some(event) = event else { return };
        match event.change {
            Change::Synced => synced = true,
            // the first list says nothing new: discovery was asked at about the same time
            Change::Applied { .. } if !synced => {}
            Change::Applied { object, .. } => {
                awaited.insert(object.id.name.clone(), true);
                round = 1;
            }
            Change::Deleted(object) => {
                awaited.insert(object.id.name.clone(), false);
                round = 1;
            }
            Change::Missing => synced = false,
        }
    }
}
