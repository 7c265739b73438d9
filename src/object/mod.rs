//! Identities and manifests of Kubernetes objects. Pure: nothing here talks to a cluster.

mod id;
mod kind;
mod manifest;
pub mod pointer;
pub mod redact;

pub use id::{Gvk, ObjectId};
pub use kind::is_builtin_group;
pub use manifest::{Manifest, ManifestError, Origin};
pub use pointer::{Path, Pointer, Step};
pub use redact::{Redactor, Shown};

/// A JSON tree, the form in which every manifest and live object is held.
pub type Json = serde_json::Value;
