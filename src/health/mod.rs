//! Is it healthy, and if not, why. Health never talks to a cluster; live objects, pods and events are arguments.
//!
//! - [`Health`]: the health of one live object, by the rules of its kind
//! - [`Verdict`]: on a whole release, with the deepest cause of what is not healthy

use serde::{Deserialize, Serialize};
use std::fmt;

/// Health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// One word, such as `ProgressDeadlineExceeded`.
    pub reason: String,
    /// One sentence, lower case, such as `2/3 replicas are ready`.
    pub message: String,
}

/// State of one object or of a whole. The order is from good to bad: a whole is as bad as its worst part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HealthState {
    /// The object has reached what its spec asks for.
    Current,
    /// It is on its way.
    InProgress,
    /// It is being deleted.
    Terminating,
    /// It is not in the cluster.
    NotFound,
    /// Nobody can tell.
    Unknown,
    /// It will not get there by itself.
    Failed,
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Health {
    /// Builds a health.
    #[must_use]
    pub fn new(state: HealthState, reason: &str, message: impl Into<String>) -> Self {
        Self { state, reason: reason.into(), message: message.into() }
    }
}

/// What is known about a whole release or bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Every object is current.
    Healthy,
    /// Not yet; look again on the next event, at `until` at the latest.
    Waiting {
        /// What it is waiting for, the worst first.
        on: Vec<Finding>,
        /// When the verdict becomes final if nothing changes.
        until: jiff::Timestamp,
    },
    /// Final: it will not become healthy.
    Failed {
        /// Why, the deepest cause first.
        because: Vec<Finding>,
    },
}

/// One object that is not current, and the deepest cause known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The object of the release.
    pub object: crate::object::ObjectId,
    /// Its health.
    pub health: Health,
    /// What kind of cause was found.
    pub cause: CauseKind,
    /// One sentence: `Deployment/api 0/3 ready: pod api-7f: ImagePullBackOff app:1.8.0`.
    pub sentence: String,
}

/// Kinds of causes; they differ in when they are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CauseKind {
    /// The object itself says that it failed (Job, ProgressDeadlineExceeded): final at once.
    Terminal,
    /// An image cannot be pulled: final after the grace.
    ImagePull,
    /// A container crashes again and again: final after the grace.
    CrashLoop,
    /// A container cannot be made from its spec (missing ConfigMap or Secret, bad command): at the timeout.
    ContainerConfig,
    /// A pod cannot be scheduled: at the timeout.
    Unschedulable,
    /// Pods cannot be made (quota, admission): at the timeout.
    CreateRefused,
    /// Containers run and are not ready: at the timeout.
    NotReady,
    /// Nothing deeper than the object's own status is known: at the timeout.
    Unexplained,
}

/// Whether an object of this kind needs time to become current, so that it is worth waiting for. Configuration,
/// secrets, accounts and rights are what they should be as soon as they are there.
#[must_use]
pub fn takes_time(id: &crate::object::ObjectId) -> bool {
    match id.group.as_str() {
        "" => matches!(
            id.kind.as_str(),
            "Pod" | "Service" | "PersistentVolumeClaim" | "ReplicationController" | "Namespace" | "PersistentVolume"
        ),
        "rbac.authorization.k8s.io"
        | "scheduling.k8s.io"
        | "node.k8s.io"
        | "storage.k8s.io"
        | "coordination.k8s.io"
        | "admissionregistration.k8s.io" => false,
        "networking.k8s.io" | "policy" => matches!(id.kind.as_str(), "PodDisruptionBudget"),
        "batch" => id.kind != "CronJob",
        _ => true,
    }
}
