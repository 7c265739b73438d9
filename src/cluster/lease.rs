//! One writer per cluster: a Lease that is renewed, waited for, and given back.
//!
//! Writing stops before the Lease expires, measured on the monotonic clock from the moment at which the last successful
//! renewal was *sent*. Expiry of another holder is measured from when its last change was *seen*, so that clocks of two
//! machines are never compared.

use super::{
    Cluster, Resource, WriteGate,
    error::{ApiError, Kind},
    read::ListOptions,
};
use crate::object::{Gvk, Json, ObjectId};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

mod foreign;

pub use foreign::ForeignLease;

/// Which Lease, whose, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Namespace of the Lease; it must exist.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are: the pod's name, or host and process, with something random. A daemon that is the only user of a state
    /// directory may keep the identity there: started again after a crash, it takes its own Lease back without waiting.
    pub identity: String,
    /// How long the Lease is valid after a renewal.
    pub duration: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// How long before expiry writing stops.
    pub margin: Duration,
}

impl LeaseConfig {
    /// The Lease `helmward`: valid for 15 s, renewed every 5 s, no writes in its last 5 s.
    #[must_use]
    pub fn new(namespace: &str, identity: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: "helmward".into(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renew: Duration::from_secs(5),
            margin: Duration::from_secs(5),
        }
    }
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// Not we.
    Waiting {
        /// The other holder, where one is known.
        holder: Option<String>,
        /// Why the Lease could not be asked for, where that failed.
        trouble: Option<String>,
    },
    /// We. Ask the gate before each write all the same: it closes earlier than this changes.
    Leading,
    /// We no longer take part.
    Ended,
}

/// Takes part in the election until it is told to stop.
#[derive(Debug)]
pub struct Elector {
    leadership: watch::Receiver<Leadership>,
    until: watch::Receiver<Option<Instant>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Elector {
    /// Starts to take part.
    #[must_use]
    pub fn start(cluster: &Cluster, config: LeaseConfig) -> Self {
        let (leadership, seen) = watch::channel(Leadership::Waiting { holder: None, trouble: None });
        let (until, seen_until) = watch::channel(None);
        let stop = CancellationToken::new();
        let candidate = Candidate { cluster: cluster.clone(), config, leadership, until, known: None };
        let task = tokio::spawn(candidate.run(stop.clone()));
        Self { leadership: seen, until: seen_until, stop, task }
    }

    /// Who writes, and its changes.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Whether writing is allowed at this moment.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.gate().until().is_some()
    }

    /// The guard for [`Cluster::with_gate`].
    #[must_use]
    pub fn gate(&self) -> WriteGate {
        let until = self.until.clone();
        WriteGate::new(move || *until.borrow())
    }

    /// Waits until the Lease is ours, or the election ended.
    pub async fn won(&self) -> bool {
        let mut leadership = self.leadership();
        leadership.wait_for(|l| !matches!(l, Leadership::Waiting { .. })).await.is_ok_and(|l| *l == Leadership::Leading)
    }

    /// Closes the gate, gives the Lease back and ends. Call it after the last writer has ended.
    pub async fn step_down(self) {
        self.stop.cancel();
        // a candidate that panicked holds no Lease for longer than its duration
        let _ = self.task.await;
    }
}

struct Candidate {
    cluster: Cluster,
    config: LeaseConfig,
    leadership: watch::Sender<Leadership>,
    until: watch::Sender<Option<Instant>>,
    /// The Lease as last read or written, and when.
    known: Option<(Json, Instant)>,
}

/// What an attempt came to.
enum Attempt {
    Held,
    /// Held by another, as the known Lease says.
    Taken,
}

/// After a failure while we do not lead.
const RETRY: Duration = Duration::from_secs(2);

impl Candidate {
    async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.campaign()).await;
        let held = *self.leadership.borrow() == Leadership::Leading;
        self.until.send_replace(None);
        self.leadership.send_replace(Leadership::Ended);
        if held && tokio::time::timeout(self.config.margin, self.give_back()).await.is_err() {
            tracing::warn!("the Lease could not be given back in time; it expires by itself");
        }
    }

    async fn campaign(&mut self) {
        loop {
            let sent = Instant::now();
            // a renewal that hangs must leave time for another
            let attempt = tokio::time::timeout(self.config.renew, self.attempt()).await;
            match attempt {
                Ok(Ok(Attempt::Held)) => {
                    self.until.send_replace(Some(sent + self.config.duration.saturating_sub(self.config.margin)));
                    if *self.leadership.borrow() != Leadership::Leading {
                        tracing::info!(lease = %self.config.name, identity = %self.config.identity, "this daemon writes");
                        self.leadership.send_replace(Leadership::Leading);
                    }
                    tokio::time::sleep_until(sent + self.config.renew).await;
                }
                Ok(Ok(Attempt::Taken)) => {
                    let holder = self.known.as_ref().and_then(|(lease, _)| holder(lease)).map(str::to_owned);
                    self.lose(holder, None);
                    self.wait_for_expiry().await;
                }
                Ok(Err(error)) => self.fail(error.to_string()).await,
                Err(_) => self.fail("the API server does not answer".into()).await,
            }
        }
    }

    async fn fail(&mut self, words: String) {
        let writing = self.until.borrow().is_some_and(|until| until > Instant::now());
        if !writing {
            self.lose(None, Some(words));
        }
        tokio::time::sleep(if writing { RETRY / 2 } else { RETRY }).await;
    }

    fn lose(&mut self, holder: Option<String>, trouble: Option<String>) {
        let next = Leadership::Waiting { holder, trouble };
        self.until.send_replace(None);
        if *self.leadership.borrow() != next {
            if *self.leadership.borrow() == Leadership::Leading {
                tracing::warn!(lease = %self.config.name, "the Lease is lost; nothing is written until it is held again");
            }
            self.leadership.send_replace(next);
        }
    }

    /// Renews the Lease with one request where it is known to be ours, else reads it first.
    async fn attempt(&mut self) -> Result<Attempt, ApiError> {
        let resource = self.resource().await?;
        let ours = self.known.as_ref().is_some_and(|(lease, _)| holder(lease) == Some(&self.config.identity));
        if !ours {
            let seen = self.cluster.get_as(&resource, &self.id()).await?;
            self.learn(seen);
        }
        let lease = match &self.known {
            None => self.body(None),
            Some((lease, since)) if !ours && !self.free(lease, *since) => return Ok(Attempt::Taken),
            Some((lease, _)) => self.body(Some(lease)),
        };
        let written = if self.known.is_none() {
            self.cluster.create(&resource, &self.id(), &lease).await
        } else {
            self.cluster.replace(&resource, &self.id(), &lease).await
        };
        match written {
            Ok(answer) => {
                self.known = Some((answer.object, Instant::now()));
                Ok(Attempt::Held)
            }
            // somebody else was faster, or our knowledge was old: read again, at once
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::AlreadyExists | Kind::NotFound) => {
                self.known = None;
                let seen = self.cluster.get_as(&resource, &self.id()).await?;
                self.learn(seen);
                match &self.known {
                    Some((lease, _)) if holder(lease).is_some_and(|h| h != self.config.identity) => Ok(Attempt::Taken),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Notes what was read; the time of an unchanged Lease stays that of the first sight.
    fn learn(&mut self, seen: Option<Json>) {
        match (seen, &self.known) {
            (Some(lease), Some((known, _))) if lease.get("spec") == known.get("spec") => {
                let since = self.known.as_ref().map_or_else(Instant::now, |(_, since)| *since);
                self.known = Some((lease, since));
            }
            (Some(lease), _) => self.known = Some((lease, Instant::now())),
            (None, _) => self.known = None,
        }
    }

    fn free(&self, lease: &Json, since: Instant) -> bool {
        holder(lease).is_none_or(|h| h == self.config.identity) || Instant::now() >= since + duration(lease)
    }

    /// Waits, by a watch on the one Lease, until its holder lets it go or lets it expire.
    async fn wait_for_expiry(&mut self) {
        let Ok(resource) = self.resource().await else {
            return tokio::time::sleep(RETRY).await;
        };
        let mut stream = std::pin::pin!(self.cluster.watch_one(&resource, &self.id()));
        loop {
            let Some((lease, since)) = &self.known else { return };
            if self.free(lease, *since) {
                return;
            }
            let expiry = *since + duration(lease);
            let event = match tokio::time::timeout_at(expiry, stream.next()).await {
                Err(_) | Ok(None) => return,
                Ok(Some(event)) => event,
            };
            match event {
                Ok(Event::Apply(raw) | Event::InitApply(raw)) if raw.name() == self.config.name => self.learn(Some(raw.into_body())),
                Ok(Event::Delete(raw)) if raw.name() == self.config.name => self.learn(None),
                Ok(_) => {}
                // a pause, so that an outage is no busy loop; the expiry goes on
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    async fn give_back(&mut self) {
        let Ok(resource) = self.resource().await else { return };
        // twice, because a renewal that was cut off may have been stored all the same
        for _ in 0..2 {
            let Some((lease, _)) = self.known.clone().filter(|(lease, _)| holder(lease) == Some(&self.config.identity)) else { return };
            let mut body = self.body(Some(&lease));
            body["spec"]["holderIdentity"] = json!("");
            body["spec"]["leaseDurationSeconds"] = json!(1);
            match self.cluster.replace(&resource, &self.id(), &body).await {
                Ok(_) => return tracing::info!(lease = %self.config.name, "the Lease is given back"),
                Err(error) if error.kind == Kind::Conflict => {
                    let seen = self.cluster.get_as(&resource, &self.id()).await.unwrap_or(None);
                    self.learn(seen);
                }
                Err(error) => return tracing::warn!(%error, "the Lease could not be given back; it expires by itself"),
            }
        }
    }

    fn body(&self, before: Option<&Json>) -> Json {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let old = |key: &str| before.and_then(|lease| lease.get("spec")?.get(key).cloned());
        let ours = before.is_some_and(|lease| holder(lease) == Some(&self.config.identity));
        let transitions = old("leaseTransitions").and_then(|n| n.as_i64()).unwrap_or(0);
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self.config.name,
                "namespace": self.config.namespace,
                "resourceVersion": before.and_then(|lease| lease.pointer("/metadata/resourceVersion").cloned()),
            },
            "spec": {
                "holderIdentity": self.config.identity,
                "leaseDurationSeconds": self.config.duration.as_secs().max(1),
                "acquireTime": if ours { old("acquireTime").unwrap_or_else(|| json!(now)) } else { json!(now) },
                "renewTime": now,
                "leaseTransitions": if ours || before.is_none() { transitions } else { transitions + 1 },
            },
        })
    }

    fn id(&self) -> ObjectId {
        ObjectId::new("coordination.k8s.io", "Lease", &self.config.namespace, &self.config.name)
    }

    async fn resource(&self) -> Result<Arc<Resource>, ApiError> {
        self.cluster.resource(&lease_kind()).await
    }
}

fn lease_kind() -> Gvk {
    Gvk::new("coordination.k8s.io/v1", "Lease")
}

fn holder(lease: &Json) -> Option<&str> {
    lease.pointer("/spec/holderIdentity").and_then(Json::as_str).filter(|holder| !holder.is_empty())
}

fn duration(lease: &Json) -> Duration {
    Duration::from_secs(lease.pointer("/spec/leaseDurationSeconds").and_then(Json::as_u64).unwrap_or(15))
}

#[cfg(test)]
mod tests;
