//! Reads: one object, or all of a kind.

use super::{
    Cluster, Resource,
    error::{ApiError, Kind, Step, Subject},
    request::{Call, path},
};
use crate::object::{Gvk, Json, Manifest, ObjectId};
use serde::Deserialize;
use std::sync::Arc;

/// Objects per page of a list.
const PAGE: u32 = 500;

/// Which objects to list; empty strings mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListOptions {
    /// Namespace; all where empty.
    pub namespace: String,
    /// Label selector, such as `owner=helm,name=web`.
    pub labels: String,
    /// Field selector, such as `metadata.name=web`.
    pub fields: String,
    /// Only `metadata` of each object.
    pub metadata_only: bool,
}

impl ListOptions {
    /// All objects with these labels in a namespace.
    #[must_use]
    pub fn labels(namespace: &str, labels: &str) -> Self {
        Self { namespace: namespace.into(), labels: labels.into(), ..Self::default() }
    }
}

/// A whole list.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// The objects, each with its apiVersion and kind.
    pub items: Vec<Json>,
    /// Where a watch may go on from.
    pub resource_version: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(default)]
    items: Option<Vec<Json>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

const METADATA_ONE: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

impl Cluster {
    /// The kind that the server serves under exactly this group and version.
    ///
    /// # Errors
    /// [`Kind::KindMissing`] where it does not, or where the server cannot be asked.
    pub async fn resource(&self, gvk: &Gvk) -> Result<Arc<Resource>, ApiError> {
        self.discovery().resource(gvk).await?.ok_or_else(|| {
            let message = format!("the cluster does not know {} {}", gvk.api_version(), gvk.kind);
            ApiError::local(Step::Discover, Subject::Other(gvk.to_string()), Kind::KindMissing, message)
        })
    }

    /// One object, in the server's preferred version; `None` where it is not there.
    ///
    /// # Errors
    /// Where the kind is missing, or where the server cannot be asked.
    pub async fn get(&self, id: &ObjectId) -> Result<Option<Json>, ApiError> {
        let resource = self.discovery().preferred(&id.group, &id.kind).await?.ok_or_else(|| {
            let message = format!("the cluster does not know the kind {}", full_kind(id));
            ApiError::local(Step::Get, id, Kind::KindMissing, message)
        })?;
        self.get_as(&resource, id).await
    }

    /// The live form of a manifest's object, in the manifest's own version; `None` where it is not there.
    ///
    /// # Errors
    /// Where the kind is missing, or where the server cannot be asked.
    pub async fn get_live(&self, manifest: &Manifest) -> Result<Option<Json>, ApiError> {
        let resource = self.resource(&manifest.gvk()).await?;
        self.get_as(&resource, &manifest.id).await
    }

    /// One object, in the given version; `None` where it is not there.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn get_as(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Json>, ApiError> {
        self.get_with(resource, id, "application/json").await
    }

    /// The metadata of one object; `None` where it is not there.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn get_metadata(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Json>, ApiError> {
        let found = self.get_with(resource, id, METADATA_ONE).await?;
        Ok(found.map(|object| typed(object, resource)))
    }

    async fn get_with(&self, resource: &Resource, id: &ObjectId, accept: &'static str) -> Result<Option<Json>, ApiError> {
        let path = path(resource, &id.namespace, Some(&id.name), None, Step::Get, &id.into())?;
        let mut call = Call::get(Step::Get, id, path);
        call.accept = accept;
        match self.send(call).await {
            Ok(reply) => reply.json(Step::Get, id).map(Some),
            Err(error) if error.is_not_found() || error.kind == Kind::NamespaceMissing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind, page by page.
    ///
    /// # Errors
    /// Where the server cannot be asked, or where the list grew so slowly that its snapshot expired.
    pub async fn list(&self, resource: &Resource, options: &ListOptions) -> Result<List, ApiError> {
        let subject = Subject::Other(list_words(resource, options));
        let path = path(resource, &options.namespace, None, None, Step::List, &subject)?;
        let mut list = List::default();
        let mut next = String::new();
        loop {
            let mut call = Call::get(Step::List, subject.clone(), path.clone());
            call.accept = if options.metadata_only { METADATA_LIST } else { "application/json" };
            call.query.push(("limit", PAGE.to_string()));
            for (key, value) in [("labelSelector", &options.labels), ("fieldSelector", &options.fields), ("continue", &next)] {
                if !value.is_empty() {
                    call.query.push((key, value.clone()));
                }
            }
            let page: Page = self.send(call).await?.json(Step::List, subject.clone())?;
            list.items.extend(page.items.unwrap_or_default().into_iter().map(|item| typed(item, resource)));
            list.resource_version = page.metadata.resource_version;
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(list);
            }
        }
    }
}

/// Items of a list and bare metadata come without their own apiVersion and kind.
pub(super) fn typed(mut object: Json, resource: &Resource) -> Json {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), Json::String(resource.api_version()));
        map.insert("kind".into(), Json::String(resource.kind.clone()));
    }
    object
}

fn full_kind(id: &ObjectId) -> String {
    if id.group.is_empty() { id.kind.clone() } else { format!("{}.{}", id.kind, id.group) }
}

fn list_words(resource: &Resource, options: &ListOptions) -> String {
    let mut words = format!("{} ({})", resource.plural, resource.api_version());
    if !options.namespace.is_empty() {
        words.push_str(&format!(" in namespace {}", options.namespace));
    }
    if !options.labels.is_empty() {
        words.push_str(&format!(" with {}", options.labels));
    }
    words
}
