//! The Kubernetes API: discovery, server-side apply, watches, the Lease, events, release Secrets. Edge.
//!
//! The only module that names kube. Objects go in and out as JSON trees; identities are [`crate::object::ObjectId`].
//!
//! - [`Cluster`]: a cheap handle on one cluster. [`Cluster::connect`] (a kubeconfig, or in-cluster) or
//!   [`Cluster::from_client`] (anything that kube takes as a service); reads ([`Cluster::get`], [`Cluster::list`]),
//!   writes ([`Cluster::apply`], [`Cluster::patch`], [`Cluster::delete`] …), whole stages ([`Cluster::run_stage`]), CRDs
//!   ([`Cluster::install_crds`]).
//! - [`Discovery`]: which kinds the server knows, cached; asked for again when an unknown kind is met or a CRD changes.
//! - [`WatchHub`]: one watch per kind and selector, a store of live objects, and one channel of changes.
//! - [`Elector`]: the one writer per cluster, its [`WriteGate`], and [`Cluster::foreign_leases`] of Flux controllers.
//! - [`EventRecorder`]: Kubernetes Events that never delay a release. [`ReleaseSecret`]: Helm's records.
//! - [`ApiError`]: the step, the object, whose fault it is and when to try again.

mod apply;
mod connect;
mod crds;
mod discovery;
mod error;
mod events;
mod finalizers;
mod lease;
mod live;
mod logs;
mod lookup;
mod read;
mod redact;
mod releases;
mod remote;
mod request;
mod wait;
mod watch;
mod write;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use crate::api::names::{FINALIZER as FLUX_FINALIZER, HELM_NAME as HELM_NAME_LABEL, KUSTOMIZE_NAME as KUSTOMIZE_NAME_LABEL};
pub use crate::release::Fault;
pub use apply::{Done, Job, Keep, Outcome, Owner, Prior, StageOptions};
pub use connect::{Access, ConnectError, Connected};
pub use crds::CrdOutcome;
pub use discovery::{Discovery, Resource, Served, ServerVersion};
pub use error::{ApiError, Cause, Kind, Retry, Step, Subject};
pub use events::{EventRecorder, Note, Severity};
pub use lease::{Elector, ForeignLease, Leadership, LeaseConfig};
pub use live::{Depth, FieldManager, Live};
pub use logs::LogOptions;
pub use lookup::Lookups;
pub use read::{List, ListOptions};
pub use releases::{LARGEST_PAYLOAD, ReleaseHead, ReleaseSecret, ReleaseWrite, secret_name, surplus};
pub use request::{Cluster, RequestCount, WriteGate};
pub use watch::{Change, LiveEvent, Phase, WatchHandle, WatchHub, WatchSpec, WatchState, WatchStatus};
pub use write::{Answer, Apply, Delete, MANAGER, Patch, Propagation, Validation};
