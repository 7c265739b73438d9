//! Server-side apply.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call, Part, Target, WriteOptions, present};
use crate::admission::{self, Attempt, Write};
use crate::fields::{Conflict, FieldSet, Operation, apply, display, validate_typed};
use crate::kinds;
use crate::schema::{decode, json_type};
use crate::status::{ApiError, Cause, CauseType};

impl Call<'_> {
    /// PATCH with an apply configuration: creates the object or merges into it.
    pub(crate) fn apply(&mut self, target: &Target, config: Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let resource = &target.resource;
        let config = self.read_configuration(target, config)?;
        let old = self.store.at(&target.place()).map(|object| present(resource, object));
        if old.is_none() && target.part != Part::Whole {
            return Err(ApiError::not_found(resource, &target.name));
        }
        if old.is_none() && config["metadata"]["uid"].as_str().is_some_and(|uid| !uid.is_empty()) {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was found",
                config["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(ApiError::conflict(resource, &target.name, &why));
        }
        let blank = Arc::new(json!({"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {}}));
        let live = old.as_ref().unwrap_or(&blank);
        let entry = self.entry(target, options, Operation::Apply);
        let part = target.part;
        let splits_status = resource.has_status();
        let ignored = move |set: &mut FieldSet| match part {
            Part::Status => {
                let status = set.children.remove("f:status");
                set.children.clear();
                set.children.extend(status.map(|s| ("f:status".to_owned(), s)));
            }
            _ if splits_status => set.remove_tree(&["f:status"]),
            _ => {}
        };
        let config = match part {
            Part::Status => json!({"apiVersion": config["apiVersion"], "kind": config["kind"],
                "metadata": {"name": config["metadata"]["name"], "namespace": config["metadata"]["namespace"]}, "status": config["status"]}),
            _ => config,
        };
        let outcome = apply(live, &config, &resource.schema, entry, &ignored, options.force).map_err(|conflicts| refusal(&conflicts))?;
        let mut merged = outcome.object;
        let (mut object, warnings) = match &resource.custom {
            Some(custom) => {
                drop_nulls(&mut merged);
                custom.structural.default_applied(&mut merged);
                (merged, Vec::new())
            }
            None => self.read_object(target, merged, options)?,
        };
        match old {
            None => {
                let mut target = target.clone();
                self.place_object(&mut target, &mut object)?;
                kinds::drop_status(&target.resource, &mut object);
                outcome.managers.write(&mut object);
                let attempt = Attempt { write: Write::Create, target: &target, old: None, dry_run: options.dry_run };
                let mut warnings = warnings;
                warnings.extend(admission::mutate(self, &attempt, &mut object)?);
                kinds::prepare_create(self, &target.resource, &mut object);
                self.insert(&target, object, warnings, options)
            }
            Some(old) => {
                if object["metadata"]["resourceVersion"].is_null() {
                    object["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
                }
                let answer = self.replace(target, &old, object, options, Some(outcome.managers))?;
                Ok(Answer { code: StatusCode::OK, ..answer.warned_first(warnings) })
            }
        }
    }

    fn read_configuration(&self, target: &Target, mut config: Value) -> Result<Value, ApiError> {
        let resource = &target.resource;
        if !config.is_object() {
            return Err(ApiError::bad_request(format!(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                json_type(&config)
            )));
        }
        let own = resource.api_version();
        let version = config["apiVersion"].as_str().unwrap_or_default();
        let kind = config["kind"].as_str().unwrap_or_default();
        if version != own || kind != resource.kind {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            return Err(ApiError::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
        }
        if config["metadata"]["managedFields"].is_array() {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        if !config["metadata"].is_object() {
            config["metadata"] = json!({});
        }
        let text = |field: &str| config["metadata"][field].as_str().unwrap_or_default();
        let place = format!("{}/{}", text("namespace"), text("name"));
        match config["metadata"]["name"].as_str() {
            Some(name) if name != target.name => {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({name}) does not match the name on the URL ({})",
                    target.name
                )));
            }
            Some(_) => {}
            None => config["metadata"]["name"] = target.name.as_str().into(),
        }
        let namespace = config["metadata"]["namespace"].as_str().unwrap_or_default();
        if resource.namespaced && !namespace.is_empty() && namespace != target.namespace {
            return Err(ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
        }
        if resource.namespaced {
            config["metadata"]["namespace"] = target.namespace.as_str().into();
        } else if let Some(meta) = config["metadata"].as_object_mut() {
            meta.remove("namespace");
        }
        let problems = validate_typed(&config, &resource.schema);
        if !problems.is_empty() {
            let list = match problems.as_slice() {
                [one] => one.clone(),
                many => format!("errors:\n{}", many.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n")),
            };
            return Err(ApiError {
                reason: "",
                ..ApiError::internal(format!("failed to create typed patch object ({place}; {}): {list}", resource.gvk()))
            });
        }
        if resource.custom.is_none() {
            // the spelling of quantities and the like; zero values stay, for they are owned
            let strict = decode(config.clone(), &resource.schema, &resource.kind);
            if let Some(error) = strict.error {
                return Err(ApiError::bad_request(error));
            }
        }
        Ok(config)
    }
}

/// Empty values that a removal left behind.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(map) = value
        && let Some(Value::Object(meta)) = map.get_mut("metadata")
    {
        meta.retain(|_, v| !v.is_null());
    }
}

pub(super) fn refusal(conflicts: &[Conflict]) -> ApiError {
    let mut by_owner: Vec<(String, Vec<String>)> = Vec::new();
    let mut causes = Vec::new();
    for conflict in conflicts {
        let owner = conflict.owner.describe();
        let path = display(&conflict.path);
        causes.push(Cause::new(CauseType::Conflict, path.clone(), format!("conflict with {owner}")));
        match by_owner.iter_mut().find(|(name, _)| *name == owner) {
            Some((_, paths)) => paths.push(path),
            None => by_owner.push((owner, vec![path])),
        }
    }
    by_owner.sort();
    let message = match (conflicts.len(), by_owner.as_slice()) {
        (1, [(owner, paths)]) => format!("Apply failed with 1 conflict: conflict with {owner}: {}", paths[0]),
        (n, owners) => {
            let list: Vec<String> = owners
                .iter()
                .map(|(owner, paths)| {
                    let word = if n == 1 { "conflict" } else { "conflicts" };
                    format!("{word} with {owner}:\n{}", paths.iter().map(|p| format!("- {p}")).collect::<Vec<_>>().join("\n"))
                })
                .collect();
            format!("Apply failed with {n} conflicts: {}", list.join("\n"))
        }
    };
    ApiError::apply_conflict(&causes, message)
}
