//! One desired object, with the place it came from.

use super::{Gvk, Json, ObjectId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a manifest came from: a file of the source or a template of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Path of the file or template.
    pub file: String,
    /// First line of the document, from 1; 0 where unknown.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// A desired object. Holding one proves that apiVersion, kind and metadata.name are there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Identity. The namespace is empty for cluster-scoped kinds and where the document names none;
    /// whoever knows the kind's scope fills it in with [`Manifest::set_namespace`].
    pub id: ObjectId,
    /// API version as written, such as `apps/v1`.
    pub api_version: String,
    /// The whole document.
    pub body: Json,
    /// Where it came from.
    pub origin: Origin,
}

/// Why a document is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The document is a scalar or a list.
    #[error("{0}: the document is not a mapping; a manifest needs apiVersion, kind and metadata.name")]
    NotAMapping(Origin),
    /// A required field is absent or no string.
    #[error("{0}: the document has no {1}; add it")]
    Missing(Origin, &'static str),
}

impl Manifest {
    /// Checks a document and takes it in.
    ///
    /// # Errors
    /// Where apiVersion, kind or metadata.name is absent or no string.
    pub fn new(body: Json, origin: Origin) -> Result<Self, ManifestError> {
        if !body.is_object() {
            return Err(ManifestError::NotAMapping(origin));
        }
        let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
        let Some(api_version) = text("/apiVersion") else { return Err(ManifestError::Missing(origin, "apiVersion")) };
        let Some(kind) = text("/kind") else { return Err(ManifestError::Missing(origin, "kind")) };
        let Some(name) = text("/metadata/name") else { return Err(ManifestError::Missing(origin, "metadata.name")) };
        let namespace = text("/metadata/namespace").unwrap_or_default();
        let group = Gvk::new(&api_version, &kind).group;
        Ok(Self { id: ObjectId { group, kind, namespace, name }, api_version, body, origin })
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.api_version, &self.id.kind)
    }

    /// Sets or removes (empty) the namespace, in the identity and in the document.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.id.namespace = namespace.to_owned();
        if let Some(metadata) = self.body.get_mut("metadata").and_then(Json::as_object_mut) {
            if namespace.is_empty() {
                metadata.remove("namespace");
            } else {
                metadata.insert("namespace".into(), Json::String(namespace.into()));
            }
        }
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.body.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_what_is_missing_and_where() {
        let at = Origin { file: "apps/web.yaml".into(), line: 12 };
        let error = Manifest::new(json!({"apiVersion": "v1", "kind": "Service"}), at).expect_err("has no name");
        assert_eq!(error.to_string(), "apps/web.yaml:12: the document has no metadata.name; add it");
    }
}
