//! Identities and manifests of Kubernetes objects. Pure: nothing here talks to a cluster.

mod id;
mod manifest;

pub use id::{Gvk, ObjectId};
pub use manifest::{Manifest, ManifestError, Origin};

/// A JSON tree, the form in which every manifest and live object is held.
pub type Json = serde_json::Value;
