//! The custom resources that the daemon reads and writes, as plain data: specs, statuses, conditions, reasons, names.
//!
//! Pure: no client, clock or file. The shape on the wire is Flux's, so that repositories made for Flux need no change.
//!
//! - [`parse_git_repository`], [`parse_helm_release`], [`parse_kustomization`]: a JSON object to a typed one, or an
//!   [`ApiError`] that names the field and what to do
//! - [`condition`], [`reason`], [`names`]: condition rules, the words used in them, annotations, labels, finalizers
//! - [`unsupported`]: fields that are present and not honoured yet, and fields that do not exist
//! - [`extras`]: the annotations of our own and their grammar
//! - [`kinds`]: every kind, and which are served
//! - [`convert`]: older versions of HelmRelease, as they still stand in Git repositories, to the current one
//! - [`crd`]: the CustomResourceDefinitions, built from a compact description

mod checks;
pub mod condition;
pub mod convert;
pub mod crd;
mod duration;
mod error;
pub mod extras;
pub mod helm;
pub mod kinds;
pub mod kustomization;
mod meta;
pub mod names;
mod parse;
pub mod reason;
mod reference;
pub mod source;
mod strings;
mod time;
pub mod unsupported;

pub use condition::{Condition, ConditionStatus, ConditionType};
pub use duration::{Duration, DurationError};
pub use error::ApiError;
pub use helm::{HelmRelease, HelmReleaseSpec, HelmReleaseStatus};
pub use kustomization::{Kustomization, KustomizationSpec, KustomizationStatus};
pub use meta::{Object, ObjectMeta, Resource};
pub use parse::{parse_git_repository, parse_helm_release, parse_kustomization, violations};
pub use reason::Reason;
pub use reference::{
    CommonMetadata, Dependency, HealthCheckExpr, Inventory, InventoryEntry, KubeConfig, LocalRef, NamespacedKindRef, Patch, PatchImage,
    SecretKeyRef, Selector, SubstituteRef, ValuesKind,
};
pub use source::{Artifact, GitRef, GitRepository, GitRepositorySpec, GitRepositoryStatus};
pub use time::Time;
