//! One live object as the watch hub keeps it: trimmed, with its field managers in a compact form.

use super::{Resource, read::typed};
use crate::object::{Json, ObjectId};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::{Deserialize, Deserializer};
use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// How much of each object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// Only `metadata`; the server sends no more.
    Metadata,
    /// What health needs: no pod templates, no schemas, no data of ConfigMaps and Secrets.
    Health,
    /// All, for custom resources that are served.
    Full,
}

/// A live object.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Identity.
    pub id: ObjectId,
    /// Resource version.
    pub resource_version: String,
    /// Unique id.
    pub uid: String,
    /// The object without `metadata.managedFields`, as deep as its watch asked for.
    pub body: Arc<Json>,
    /// Who owns which fields.
    pub managers: Vec<FieldManager>,
}

/// One entry of `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldManager {
    /// Name, such as `helmward` or `kubectl-edit`.
    pub manager: Arc<str>,
    /// `Apply` or `Update`.
    pub operation: Arc<str>,
    /// Such as `status` or `scale`; empty for the object itself.
    pub subresource: Arc<str>,
    /// Version that the fields are written in.
    pub api_version: Arc<str>,
    /// When it last changed a field, with one second of resolution.
    pub time: String,
    /// The set of fields (`fieldsV1`) as JSON text; equal sets of many objects share one text.
    pub fields: Arc<str>,
}

impl Live {
    /// `metadata.managedFields` as the server writes it.
    #[must_use]
    pub fn managed_fields(&self) -> Json {
        self.managers.iter().map(FieldManager::to_json).collect()
    }

    /// The object with `metadata.managedFields`.
    #[must_use]
    pub fn object(&self) -> Json {
        let mut body = Json::clone(&self.body);
        if !self.managers.is_empty()
            && let Some(metadata) = body.get_mut("metadata").and_then(Json::as_object_mut)
        {
            metadata.insert("managedFields".into(), self.managed_fields());
        }
        body
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

    /// Whether the object is being deleted.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.body.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
    }
}

impl FieldManager {
    fn to_json(&self) -> Json {
        let mut entry = serde_json::json!({
            "manager": &*self.manager,
            "operation": &*self.operation,
            "apiVersion": &*self.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": serde_json::from_str::<Json>(&self.fields).unwrap_or_default(),
        });
        if !self.time.is_empty() {
            entry["time"] = Json::String(self.time.clone());
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = Json::String(self.subresource.to_string());
        }
        entry
    }
}

/// Texts that many objects have in common, such as the field sets of a thousand releases of one chart.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    texts: HashSet<Arc<str>>,
    /// Clean up when there are this many.
    limit: usize,
}

impl Texts {
    fn share(&self, text: &str) -> Arc<str> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.texts.get(text) {
            return found.clone();
        }
        if known.texts.len() >= known.limit {
            known.texts.retain(|text| Arc::strong_count(text) > 1);
            known.limit = (known.texts.len() * 2).max(1024);
        }
        let text: Arc<str> = text.into();
        known.texts.insert(text.clone());
        text
    }
}

/// An object as it comes from a list or a watch. Any JSON is taken, so that one odd object does not stop the others.
#[derive(Debug, Clone)]
pub(super) struct Raw<const METADATA: bool> {
    meta: ObjectMeta,
    body: Json,
}

impl<'de, const METADATA: bool> Deserialize<'de> for Raw<METADATA> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Json::deserialize(deserializer)?;
        let text = |key: &str| body.get("metadata").and_then(|m| m.get(key)).and_then(Json::as_str).map(str::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, body })
    }
}

impl<const METADATA: bool> kube::Resource for Raw<METADATA> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        METADATA
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

impl<const METADATA: bool> Raw<METADATA> {
    /// The object's name; empty where it has none.
    pub(super) fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }

    /// The object as it came.
    pub(super) fn into_body(self) -> Json {
        self.body
    }

    /// Takes the object in; `None` where it has no name.
    pub(super) fn into_live(self, resource: &Resource, depth: Depth, texts: &Texts) -> Option<Live> {
        let mut body = typed(self.body, resource);
        let text = |pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let name = self.meta.name.filter(|name| !name.is_empty())?;
        let namespace = self.meta.namespace.unwrap_or_default();
        let (resource_version, uid) = (self.meta.resource_version.unwrap_or_default(), text("/metadata/uid"));
        let id = ObjectId { group: resource.group.clone(), kind: resource.kind.clone(), namespace, name };
        let mut managers = Vec::new();
        if let Some(metadata) = body.get_mut("metadata").and_then(Json::as_object_mut) {
            if let Some(Json::Array(entries)) = metadata.remove("managedFields") {
                managers = entries.iter().map(|entry| field_manager(entry, texts)).collect();
            }
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
        }
        if depth == Depth::Health {
            trim(&mut body, &id);
        }
        Some(Live { id, resource_version, uid, body: Arc::new(body), managers })
    }
}

fn field_manager(entry: &Json, texts: &Texts) -> FieldManager {
    let text = |key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default();
    FieldManager {
        manager: texts.share(text("manager")),
        operation: texts.share(text("operation")),
        subresource: texts.share(text("subresource")),
        api_version: texts.share(text("apiVersion")),
        time: text("time").to_owned(),
        fields: texts.share(&entry.get("fieldsV1").map(Json::to_string).unwrap_or_default()),
    }
}

/// Drops what no health rule reads.
fn trim(body: &mut Json, id: &ObjectId) {
    if let Some(object) = body.as_object_mut() {
        for bulky in ["data", "binaryData", "stringData"] {
            object.remove(bulky);
        }
    }
    let Some(spec) = body.get_mut("spec").and_then(Json::as_object_mut) else { return };
    for bulky in ["template", "volumeClaimTemplates", "jobTemplate", "volumes", "affinity", "tolerations"] {
        spec.remove(bulky);
    }
    if id.kind == "Pod" && id.group.is_empty() {
        for list in ["containers", "initContainers"] {
            let Some(containers) = spec.get_mut(list).and_then(Json::as_array_mut) else { continue };
            for container in containers.iter_mut().filter_map(Json::as_object_mut) {
                container.retain(|key, _| matches!(key.as_str(), "name" | "image" | "restartPolicy"));
            }
        }
    }
    if id.kind == "CustomResourceDefinition" {
        let versions = spec.get_mut("versions").and_then(Json::as_array_mut);
        for version in versions.into_iter().flatten().filter_map(Json::as_object_mut) {
            version.remove("schema");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods() -> Resource {
        Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "Pod".into(),
            plural: "pods".into(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn trims_and_gives_managed_fields_back() {
        let managed = json!([{"manager": "helmward", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                              "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:x": {}}}},
                             {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "subresource": "status",
                              "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}}]);
        let pod = json!({"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "5", "uid": "u", "managedFields": managed,
                                      "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "x"}},
                         "spec": {"nodeName": "n", "volumes": [1], "containers": [{"name": "c", "image": "i", "env": [1]}]},
                         "status": {"phase": "Running"}});
        let texts = Texts::default();
        let take = |depth| {
            serde_json::from_value::<Raw<false>>(pod.clone()).expect("any JSON").into_live(&pods(), depth, &texts).expect("has a name")
        };
        let live = take(Depth::Health);
        assert_eq!(live.id.to_string(), "Pod/shop/a");
        assert_eq!((live.resource_version.as_str(), live.uid.as_str(), live.annotation("keep")), ("5", "u", Some("x")));
        assert_eq!(live.body["spec"], json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}));
        assert_eq!(live.body["kind"], "Pod");
        assert_eq!(live.managed_fields(), managed);
        assert_eq!(live.object()["metadata"]["managedFields"], managed);
        let full = take(Depth::Full);
        assert_eq!(full.body["spec"]["volumes"], json!([1]));
        assert!(Arc::ptr_eq(&full.managers[0].fields, &live.managers[0].fields), "equal texts are one");
    }

    #[test]
    fn odd_objects_are_left_out() {
        let raw: Raw<false> = serde_json::from_value(json!({"metadata": {"name": 5}})).expect("any JSON");
        assert_eq!(raw.into_live(&pods(), Depth::Full, &Texts::default()), None);
    }
}
