//! Post-renderers: changes to a chart's objects after rendering, as kustomize makes them (`spec.postRenderers[].kustomize`).
//!
//! - `strategic`: strategic merge patches, with the merge keys of `keys`
//! - `images`: image overrides

mod images;
mod keys;
mod strategic;

use crate::api::Selector;
use crate::api::helm::{PostRenderStrategy, PostRenderer};
use crate::object::{Json, Manifest};
use crate::plan::selector::{Matcher, Target};
use crate::render::metadata::{self, Scope};
use helmward_chart::yaml;
use images::Override;
use serde_json::json;

/// Why post-renderers cannot be used, or do not fit the objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct PostError {
    /// The field of the object, such as `spec.postRenderers[0].kustomize.patches[1]`.
    pub field: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl PostError {
    fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// The post-renderers of a release, read.
#[derive(Debug, Clone, Default)]
pub struct PostRenderers {
    renderers: Vec<Renderer>,
    strategy: Option<PostRenderStrategy>,
}

#[derive(Debug, Clone)]
struct Renderer {
    patches: Vec<Patch>,
    images: Vec<Override>,
}

#[derive(Debug, Clone)]
struct Patch {
    /// Where it is written.
    field: String,
    target: Option<Matcher>,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    /// RFC 6902.
    Operations(json_patch::Patch),
    /// Strategic merge; several are for the objects that they name.
    Merge(Vec<Json>),
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changed {
    /// The objects.
    pub objects: Vec<Manifest>,
    /// The hooks; where hooks were looked at together with the objects, those are all among the objects.
    pub hooks: Vec<Manifest>,
    /// What was asked for and met nothing.
    pub notes: Vec<String>,
}

/// An object under way. Targets match the name that it came with, and the one that it has now.
struct Item {
    manifest: Manifest,
    came_as: (String, String),
}

impl PostRenderers {
    /// Reads the post-renderers.
    ///
    /// # Errors
    /// Names the field that cannot be read.
    pub fn compile(list: &[PostRenderer], strategy: Option<PostRenderStrategy>) -> Result<Self, PostError> {
        let mut renderers = Vec::new();
        for (index, renderer) in list.iter().enumerate() {
            let Some(kustomize) = &renderer.kustomize else { continue };
            let at = format!("spec.postRenderers[{index}].kustomize");
            let patches = kustomize.patches.iter().enumerate().map(|(i, patch)| Patch::compile(patch, format!("{at}.patches[{i}]")));
            let images = kustomize.images.iter().enumerate().map(|(i, image)| Override::compile(image, &format!("{at}.images[{i}]")));
            renderers.push(Renderer { patches: patches.collect::<Result<_, _>>()?, images: images.collect::<Result<_, _>>()? });
        }
        Ok(Self { renderers, strategy })
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.renderers.is_empty()
    }

    /// Changes the objects, and the hooks as the strategy says: together with the objects (`combined`, the default), on their own
    /// (`separate`), or not (`nohooks`).
    ///
    /// # Errors
    /// Names the patch that does not fit, and the object.
    pub fn apply(&self, objects: Vec<Manifest>, hooks: Vec<Manifest>) -> Result<Changed, PostError> {
        let mut notes = Vec::new();
        let (objects, hooks) = match self.strategy.unwrap_or(PostRenderStrategy::Combined) {
            PostRenderStrategy::NoHooks => (self.run(objects, &mut notes)?, hooks),
            PostRenderStrategy::Separate if hooks.is_empty() => (self.run(objects, &mut notes)?, hooks),
            PostRenderStrategy::Separate => {
                let hooks = self.run(hooks, &mut Vec::new())?;
                (self.run(objects, &mut notes)?, hooks)
            }
            PostRenderStrategy::Combined => (self.run(objects.into_iter().chain(hooks).collect(), &mut notes)?, Vec::new()),
        };
        Ok(Changed { objects, hooks, notes })
    }

    fn run(&self, manifests: Vec<Manifest>, notes: &mut Vec<String>) -> Result<Vec<Manifest>, PostError> {
        let mut manifests = manifests;
        for renderer in &self.renderers {
            let mut items: Vec<Item> = manifests.into_iter().map(Item::new).collect();
            for patch in &renderer.patches {
                items = patch.apply(items, notes)?;
            }
            manifests = items.into_iter().map(|item| item.manifest).collect();
            for image in &renderer.images {
                manifests.iter_mut().for_each(|manifest| image.apply(&mut manifest.body));
            }
        }
        Ok(manifests)
    }
}

impl Item {
    fn new(manifest: Manifest) -> Self {
        Self { came_as: (manifest.id.namespace.clone(), manifest.id.name.clone()), manifest }
    }

    /// The namespace by which kustomize selects: objects without one are in `default`.
    fn namespace<'a>(&self, namespace: &'a str) -> &'a str {
        let id = &self.manifest.id;
        match metadata::builtin(&id.group, &id.kind) {
            Some(Scope::Cluster) => "_non_namespaceable_",
            _ if namespace.is_empty() => "default",
            _ => namespace,
        }
    }

    fn is_selected(&self, target: &Matcher) -> bool {
        let at = |(namespace, name): (&str, &str)| {
            let metadata = self.manifest.body.get("metadata");
            let part = |key: &str| metadata.and_then(|m| m.get(key)).cloned().unwrap_or_default();
            target.matches(&json!({"apiVersion": self.manifest.api_version, "kind": self.manifest.id.kind, "metadata":
                {"namespace": self.namespace(namespace), "name": name, "labels": part("labels"), "annotations": part("annotations")}}))
        };
        let id = &self.manifest.id;
        at((&self.came_as.0, &self.came_as.1)) || at((&id.namespace, &id.name))
    }
}

impl Patch {
    fn compile(patch: &crate::api::Patch, field: String) -> Result<Self, PostError> {
        let fail = |why: String| PostError::new(field.clone(), why);
        let target = match &patch.target {
            Some(selector) => Some(Matcher::compile(&target(selector)).map_err(|e| fail(e.to_string()))?),
            None => None,
        };
        let documents = yaml::from_str_all(&patch.patch).map_err(|e| fail(format!("the patch is no YAML: {e}")))?;
        let documents: Vec<Json> = documents.into_iter().map(|(_, body)| body).filter(|body| !body.is_null()).collect();
        let change = match documents.as_slice() {
            [] => return Err(fail("the patch is empty; write it, or remove its entry".into())),
            [operations @ Json::Array(_)] => {
                if target.is_none() {
                    return Err(fail("a list of JSON 6902 operations needs a target".into()));
                }
                let operations = serde_json::from_value(operations.clone());
                Change::Operations(operations.map_err(|e| fail(format!("the patch is no list of JSON 6902 operations: {e}")))?)
            }
            many if many.iter().any(|body| !body.is_object()) => {
                return Err(fail("the patch is neither an object (strategic merge) nor a list of operations (JSON 6902)".into()));
            }
            [_, _, ..] if target.is_some() => {
                return Err(fail("several strategic merge patches in one entry cannot have a target; write an entry for each".into()));
            }
            many => {
                if target.is_none() {
                    for body in many {
                        Manifest::new(body.clone(), Default::default())
                            .map_err(|_| fail("without a target the patch must have apiVersion, kind and metadata.name".into()))?;
                    }
                }
                Change::Merge(many.to_vec())
            }
        };
        Ok(Self { field, target, change })
    }

    fn apply(&self, items: Vec<Item>, notes: &mut Vec<String>) -> Result<Vec<Item>, PostError> {
        let mut met = vec![false; if let (Change::Merge(patches), None) = (&self.change, &self.target) { patches.len() } else { 1 }];
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let mut item = Some(item);
            match (&self.change, &self.target) {
                (_, Some(target)) if !item.as_ref().is_some_and(|item| item.is_selected(target)) => {}
                (Change::Operations(operations), _) => {
                    met[0] = true;
                    item = item.map(|item| self.operate(item, operations)).transpose()?;
                }
                (Change::Merge(patches), Some(_)) => {
                    met[0] = true;
                    item = item.map(|item| self.merge(item, &patches[0])).transpose()?.flatten();
                }
                (Change::Merge(patches), None) => {
                    for (patch, met) in patches.iter().zip(&mut met) {
                        if item.as_ref().is_some_and(|item| names(patch, item)) {
                            *met = true;
                            item = item.map(|item| self.merge(item, patch)).transpose()?.flatten();
                        }
                    }
                }
            }
            out.extend(item);
        }
        match (&self.change, &self.target, met.iter().position(|met| !met)) {
            (Change::Merge(patches), None, Some(missed)) => {
                let text = |pointer: &str| patches[missed].pointer(pointer).and_then(Json::as_str).unwrap_or_default();
                Err(PostError::new(
                    &self.field,
                    format!(
                        "no object of the chart is {} {} {}; correct the patch, or give it a target",
                        text("/apiVersion"),
                        text("/kind"),
                        text("/metadata/name")
                    ),
                ))
            }
            (_, Some(_), Some(_)) => {
                notes.push(format!("{}: its target matches no object", self.field));
                Ok(out)
            }
            _ => Ok(out),
        }
    }

    fn operate(&self, item: Item, operations: &json_patch::Patch) -> Result<Item, PostError> {
        let mut body = item.manifest.body.clone();
        json_patch::patch(&mut body, operations).map_err(|e| self.unfit(&item, &e.to_string()))?;
        let manifest = Manifest::new(body, item.manifest.origin.clone()).map_err(|e| self.unfit(&item, &e.to_string()))?;
        Ok(Item { manifest, came_as: item.came_as })
    }

    /// What identifies the object stays, whatever the patch says; `None` where the patch deletes it.
    fn merge(&self, item: Item, patch: &Json) -> Result<Option<Item>, PostError> {
        let id = &item.manifest.id;
        let merged = strategic::merge(keys::of(&id.group, &id.kind), item.manifest.body.clone(), &anonymous(patch));
        let Some(body) = merged.map_err(|why| self.unfit(&item, &why))? else { return Ok(None) };
        let mut manifest = Manifest::new(body, item.manifest.origin.clone()).map_err(|e| self.unfit(&item, &e.to_string()))?;
        manifest.set_namespace(&item.manifest.id.namespace);
        Ok(Some(Item { manifest, came_as: item.came_as }))
    }

    fn unfit(&self, item: &Item, why: &str) -> PostError {
        PostError::new(&self.field, format!("it does not fit {} ({}): {why}", item.manifest.id, item.manifest.origin))
    }
}

/// A patch without what identifies an object.
fn anonymous(patch: &Json) -> Json {
    let mut patch = patch.clone();
    if let Some(map) = patch.as_object_mut() {
        map.remove("apiVersion");
        map.remove("kind");
        if let Some(metadata) = map.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.remove("name");
            metadata.remove("namespace");
        }
    }
    patch
}

/// Whether a patch without a target is for this object.
fn names(patch: &Json, item: &Item) -> bool {
    let text = |pointer: &str| patch.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let id = &item.manifest.id;
    text("/apiVersion") == item.manifest.api_version
        && text("/kind") == id.kind
        && text("/metadata/name") == item.came_as.1
        && item.namespace(text("/metadata/namespace")) == item.namespace(&item.came_as.0)
}

fn target(selector: &Selector) -> Target {
    let Selector { group, version, kind, name, namespace, label_selector, annotation_selector } = selector.clone();
    Target { group, version, kind, name, namespace, label_selector, annotation_selector }
}

#[cfg(test)]
mod tests;
