//! From files and objects to desired objects. Pure: callers bring the bytes.
//!
//! - [`values`]: the values of a release, put together from ConfigMaps, Secrets, files and the object itself
//! - [`drawn`]: what another tool has drawn by chance, kept as it is
//! - [`plain`]: a directory of plain manifests
//! - [`metadata`]: namespaces, ownership labels and annotations, common metadata
//! - [`post`]: post-renderers: patches and images, as kustomize applies them

pub mod chart;
pub mod drawn;
pub mod metadata;
pub mod plain;
pub mod post;
pub mod target;
pub mod values;

pub use metadata::Scope;
