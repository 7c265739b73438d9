//! Is it healthy, and if not, why. Health never talks to a cluster; live objects, pods and events are arguments.
//!
//! - [`check`]: the health of one live object, by the rules of its kind (one file per kind)
//! - [`Exprs`]: the same by the expressions of a user, written in CEL ([`cel`])
//! - [`verdict::judge`]: the verdict on a whole release, from its objects, the time and one's [`verdict::Patience`]
//! - [`cause`]: the deepest cause of what is not healthy, down to the pod

pub mod cause;
pub mod cel;
mod condition;
mod daemonset;
mod definition;
mod deployment;
pub mod expr;
mod generic;
mod job;
mod namespace;
mod pod;
mod replicaset;
mod service;
mod statefulset;
pub mod verdict;
mod volume;

pub use cause::{CauseKind, Finding};
pub use expr::Exprs;
pub use verdict::{Patience, Verdict, judge, judge_by};

use crate::object::{Gvk, Json, ObjectId, is_builtin_group};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The health of a live object; `None` is an object that is not in the cluster.
#[must_use]
pub fn check(live: Option<&Json>) -> Health {
    let Some(live) = live else { return Health::new(HealthState::NotFound, "NotFound", "not in the cluster") };
    if let Some(health) = generic::before_all(live) {
        return health;
    }
    let text = |field: &str| live.get(field).and_then(Json::as_str).unwrap_or_default();
    let gvk = Gvk::new(text("apiVersion"), text("kind"));
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => deployment::check(live),
        ("apps", "StatefulSet") => statefulset::check(live),
        ("apps", "DaemonSet") => daemonset::check(live),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replicaset::check(live),
        ("batch", "Job") => job::check(live),
        ("", "Pod") => pod::check(live),
        ("", "PersistentVolumeClaim") => volume::check_claim(live),
        ("", "PersistentVolume") => volume::check_volume(live),
        ("", "Service") => service::check(live),
        ("", "Namespace") => namespace::check(live),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::check_crd(live),
        ("apiregistration.k8s.io", "APIService") => definition::check_api_service(live),
        ("autoscaling", "HorizontalPodAutoscaler") => generic::check_autoscaler(live),
        (group, _) if is_builtin_group(group) => Health::current("it is there"),
        _ => generic::check(live),
    }
}

/// The health of a whole: as bad as its worst part, and current where there are no parts.
#[must_use]
pub fn aggregate<'a>(parts: impl IntoIterator<Item = &'a Health>) -> HealthState {
    parts.into_iter().map(|health| health.state).max().unwrap_or(HealthState::Current)
}

/// Health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// One word, such as `ProgressDeadlineExceeded`.
    pub reason: String,
    /// One sentence, lower case, such as `2/3 ready`.
    pub message: String,
    /// Since when, where the object tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
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
        Self { state, reason: reason.into(), message: message.into(), since: None }
    }

    pub(crate) fn current(message: impl Into<String>) -> Self {
        Self::new(HealthState::Current, "Current", message)
    }

    pub(crate) fn in_progress(reason: &str, message: impl Into<String>) -> Self {
        Self::new(HealthState::InProgress, reason, message)
    }

    pub(crate) fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self::new(HealthState::Failed, reason, message)
    }

    pub(crate) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }
}

/// Whether an object of this kind needs time to become current, so that it is worth waiting for. Configuration,
/// secrets, accounts and rights are what they should be as soon as they are there.
#[must_use]
pub fn takes_time(id: &ObjectId) -> bool {
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

#[cfg(test)]
mod tests;
