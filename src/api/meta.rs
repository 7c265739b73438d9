//! The envelope of every custom resource.

use super::names::{FINALIZER, REQUESTED_AT};
use super::time::Time;
use crate::object::{Json, ObjectId};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// The part of an object's metadata that we need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Name.
    pub name: String,
    /// Namespace; empty where the document names none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The API server's identity of this object; a recreated object has another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Version of the whole object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Version of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the object was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Time>,
    /// When the deletion of the object was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Time>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What must be done before the object goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

impl ObjectMeta {
    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// The token of the last request for a reconciliation.
    #[must_use]
    pub fn requested_at(&self) -> Option<&str> {
        self.annotation(REQUESTED_AT)
    }

    /// Whether the object is on its way out.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Whether our finalizer is on it.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.finalizers.iter().any(|f| f == FINALIZER)
    }
}

/// A spec that belongs to one kind.
pub trait Resource {
    /// Group and version.
    const API_VERSION: &'static str;
    /// Kind.
    const KIND: &'static str;
    /// The status beside this spec.
    type Status: Clone + Default + PartialEq + std::fmt::Debug;
}

/// A custom resource: metadata, spec, status. `apiVersion` and `kind` follow from the type of the spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S: Resource> {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: S,
    /// What was seen.
    pub status: S::Status,
}

impl<S: Resource> Object<S> {
    /// The identity.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let group = S::API_VERSION.split_once('/').map_or("", |(group, _)| group);
        ObjectId::new(group, S::KIND, &self.metadata.namespace, &self.metadata.name)
    }

    /// `namespace/name`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

impl<S: Resource + Serialize> Object<S>
where
    S::Status: Serialize,
{
    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).expect("plain data with string keys")
    }
}

impl<S: Resource + Serialize> Serialize for Object<S>
where
    S::Status: Serialize,
{
    fn serialize<W: Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        let mut out = serializer.serialize_struct("Object", 5)?;
        out.serialize_field("apiVersion", S::API_VERSION)?;
        out.serialize_field("kind", S::KIND)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.serialize_field("spec", &self.spec)?;
        out.serialize_field("status", &self.status)?;
        out.end()
    }
}
