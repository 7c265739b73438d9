//! The scale subresource.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::refusal;
use super::{Answer, Call, Part, PatchKind, Target, WriteOptions, present};
use crate::fields::{Operation, apply};
use crate::patch::{json_patch, merge_patch};
use crate::resource::Resource;
use crate::status::ApiError;

/// Where a kind keeps its scale: replicas wanted, replicas seen, selector.
fn paths(resource: &Resource) -> Option<(String, String, Option<String>)> {
    match &resource.custom {
        Some(custom) => {
            let scale = custom.scale.as_ref()?;
            Some((scale.spec.clone(), scale.status.clone(), scale.selector.clone()))
        }
        None => Some((".spec.replicas".into(), ".status.replicas".into(), None)),
    }
}

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

impl Call<'_> {
    pub(crate) fn get_scale(&self, target: &Target) -> Result<Arc<Value>, ApiError> {
        let object = self.get(target)?;
        if let (Some(_), Some((spec, ..))) = (&target.resource.custom, paths(&target.resource))
            && object.pointer(&pointer(&spec)).is_none()
        {
            let why = format!("the spec replicas field \"{spec}\" does not exist");
            let details = Some(json!({"causes": [{"message": why}]}));
            return Err(ApiError { details, ..ApiError::internal(format!("Internal error occurred: {why}")) });
        }
        Ok(Arc::new(scale_of(&target.resource, &object)?))
    }

    pub(crate) fn put_scale(&mut self, target: &Target, scale: &Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let resource = &target.resource;
        let Some((spec, ..)) = paths(resource) else { return Err(ApiError::no_such_path()) };
        let stored = self.store.at(&target.place()).cloned().ok_or_else(|| ApiError::not_found(resource, &target.name))?;
        let old = present(resource, &stored);
        let mut new = (*old).clone();
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let cause = crate::status::Cause::invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
            return Err(ApiError::invalid(resource, &target.name, &[cause]));
        }
        match new.pointer_mut(&pointer(&spec)) {
            Some(value) => *value = replicas.into(),
            None => {
                let (parent, field) = spec.rsplit_once('.').unwrap_or(("", "replicas"));
                let parent = pointer(parent);
                if let Some(parent) = new.pointer_mut(&parent) {
                    parent[field] = replicas.into();
                }
            }
        }
        if let Some(version) = scale["metadata"]["resourceVersion"].as_str()
            && !version.is_empty()
        {
            new["metadata"]["resourceVersion"] = version.into();
        }
        let target = Target { part: Part::Scale, ..target.clone() };
        let answer = self.replace(&target, &old, new, options, None)?;
        Ok(Answer::ok(Arc::new(scale_of(resource, &answer.object)?)))
    }

    pub(crate) fn patch_scale(
        &mut self,
        target: &Target,
        kind: PatchKind,
        patch: &Value,
        options: &WriteOptions,
    ) -> Result<Answer, ApiError> {
        let mut scale = scale_of(&target.resource, &*self.get(target)?)?;
        match kind {
            PatchKind::Json => {
                json_patch(&mut scale, super::patch::operations(patch)?).ok_or_else(super::patch::rejected)?;
            }
            PatchKind::Apply => return self.apply_scale(target, patch, options),
            _ => merge_patch(&mut scale, patch),
        }
        if patch["metadata"]["resourceVersion"].is_null() {
            scale["metadata"]["resourceVersion"] = "".into();
        }
        self.put_scale(target, &scale, options)
    }
}

impl Call<'_> {
    /// An apply of a scale is an apply of the replicas in the object.
    fn apply_scale(&mut self, target: &Target, scale: &Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let resource = &target.resource;
        let Some((spec, ..)) = paths(resource) else { return Err(ApiError::no_such_path()) };
        let old = self.get(target)?;
        let applied = spec
            .split('.')
            .filter(|part| !part.is_empty())
            .rev()
            .fold(scale["spec"]["replicas"].clone(), |inner, part| json!({part: inner}));
        let mut config = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"name": target.name}});
        merge_patch(&mut config, &applied);
        let target = Target { part: Part::Scale, ..target.clone() };
        let entry = self.entry(&target, options, Operation::Apply);
        let mut live = (*old).clone();
        let (parent, field) = spec.rsplit_once('.').unwrap_or(("", &spec));
        if let Some(Value::Object(parent)) = live.pointer_mut(&pointer(parent))
            && parent.get(field).is_some_and(|replicas| *replicas == 0)
        {
            // a scale of none is written without replicas: to apply them is a change
            parent.remove(field);
        }
        let outcome = apply(&live, &config, &resource.schema, entry, &|_| {}, options.force).map_err(|conflicts| refusal(&conflicts))?;
        let answer = self.replace(&target, &old, outcome.object, options, Some(outcome.managers))?;
        Ok(Answer::ok(Arc::new(scale_of(resource, &answer.object)?)))
    }
}

fn scale_of(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let Some((spec, status, selector)) = paths(resource) else { return Err(ApiError::no_such_path()) };
    let number = |path: &str| object.pointer(&pointer(path)).and_then(Value::as_i64).unwrap_or(0);
    let meta = &object["metadata"];
    let mut out = json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"]},
        "spec": {}, "status": {"replicas": number(&status)}});
    if number(&spec) != 0 {
        out["spec"]["replicas"] = number(&spec).into();
    }
    let text = match selector {
        Some(path) => object.pointer(&pointer(&path)).and_then(Value::as_str).map(str::to_owned),
        None => object["spec"]["selector"]["matchLabels"]
            .as_object()
            .map(|labels| labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect::<Vec<_>>().join(",")),
    };
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        out["status"]["selector"] = text.into();
    }
    Ok(out)
}
