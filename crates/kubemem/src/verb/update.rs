//! Replacing objects; patches and applies end here too.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::create::meta;
use super::{Answer, Call, Part, Target, WriteOptions, present};
use crate::admission::{self, Attempt, Write};
use crate::auth::check_escalation;
use crate::fields::{Managers, Operation, update};
use crate::kinds;
use crate::status::ApiError;
use crate::validation;

impl Call<'_> {
    /// PUT: replaces an object, or the part of it that a subresource covers.
    pub(crate) fn update(&mut self, target: &Target, value: Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let (mut object, warnings) = self.read_object(target, value, options)?;
        let resource = &target.resource;
        self.check_identity(target, &mut object)?;
        let Some(old) = self.store.at(&target.place()).cloned() else {
            if kinds::create_on_update(resource) && target.part == Part::Whole {
                let mut object = object;
                meta(&mut object).remove("resourceVersion");
                return self.create(target, object, options);
            }
            return Err(ApiError::not_found(resource, &target.name));
        };
        let old = present(resource, &old);
        let answer = self.replace(target, &old, object, options, None).map_err(|error| error.warned(warnings.clone()))?;
        Ok(answer.warned_first(warnings))
    }

    /// Whether an object is the one that the path names.
    pub(super) fn check_identity(&self, target: &Target, object: &mut Value) -> Result<(), ApiError> {
        let url = &target.name;
        match object["metadata"]["name"].as_str().unwrap_or_default() {
            name if name == url => {}
            "" => {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({url} based on URL) was undeterminable: name must be provided"
                )));
            }
            name => {
                return Err(ApiError::bad_request(format!("the name of the object ({name}) does not match the name on the URL ({url})")));
            }
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        if target.resource.namespaced && !namespace.is_empty() && namespace != target.namespace {
            return Err(ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
        }
        Ok(())
    }

    /// Writes `new` over `old`: checks its version, keeps what clients cannot change, tracks owners, validates, stores.
    /// `managers` is given where the caller has worked them out (server-side apply).
    pub(super) fn replace(
        &mut self,
        target: &Target,
        old: &Arc<Value>,
        mut new: Value,
        options: &WriteOptions,
        managers: Option<Managers>,
    ) -> Result<Answer, ApiError> {
        let resource = target.resource.clone();
        self.check_version(target, old, &new, options.by_patch || managers.is_some())?;
        let own = |object: &Value| match object["metadata"]["managedFields"].as_array() {
            Some(list) if list.len() == 1 && list[0] == json!({}) => Some(Managers::default()),
            // a list that cannot be read is as good as none
            Some(list) if !list.is_empty() && target.part == Part::Whole => {
                list.iter().all(|entry| entry["operation"].is_string()).then(|| Managers::of(object))
            }
            _ => None,
        };
        let given = own(&new);
        let moved = moved_deletion(old, &new);
        self.keep(target, old, &mut new);
        let managers = match managers {
            Some(managers) => managers,
            // an object whose owners were wiped out is not tracked until somebody applies it
            None if given.is_none() && old["metadata"]["managedFields"].is_null() => Managers::default(),
            None if !kinds::conversion::is_known_to_managers(&resource, old, &new) => Managers::default(),
            None => {
                let entry = self.entry(target, options, Operation::Update);
                update(old, &new, &resource.schema, entry, given)
            }
        };
        managers.write(&mut new);
        let attempt = Attempt { write: Write::Update, target, old: Some(old), dry_run: options.dry_run };
        let mut warned = admission::mutate(self, &attempt, &mut new)?;
        if target.part == Part::Whole {
            kinds::prepare_update(self, &resource, old, &mut new);
        }
        if target.part != Part::Status && kinds::has_generation(&resource) && kinds::desired_changed(&resource, old, &new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            meta(&mut new).insert("generation".into(), generation.into());
        }
        if let Some(user) = &options.user {
            check_escalation(self, user, target, Some(old), &new)?;
        }
        let mut causes = validation::metadata_update(&new, old, &resource);
        let (own, told) = validation::object(self, &resource, &new, Some(old));
        causes.extend(own);
        causes.extend(moved);
        if !causes.is_empty() {
            return Err(ApiError::invalid(&resource, &target.name, &causes));
        }
        kinds::admit_update(self, &resource, old, &new)?;
        warned.extend(admission::validate(self, &attempt, &new)?);
        warned.extend(validation::metadata_warnings(&new, Some(old), &resource));
        warned.extend(told);
        let warnings = warned;
        if same_but_times(old, &new) {
            return Ok(Answer::ok(present(&resource, old)));
        }
        self.check_size(&new)?;
        if options.dry_run {
            return Ok(Answer { warnings, ..Answer::ok(Arc::new(new)) });
        }
        let place = target.place();
        let done = new["metadata"]["deletionTimestamp"].is_string()
            && new["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
            && new["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
            && !kinds::holds_deletion(&resource, &new);
        let mut stored = kinds::stored(&resource, new);
        if done {
            // what removes the last finalizer is no change of its own: watchers see the object as it was before
            let Some(last) = self.store.remove(&place) else { return Err(ApiError::not_found(&resource, &target.name)) };
            kinds::deleted(self, &resource, &last);
            stored["metadata"]["resourceVersion"] = last["metadata"]["resourceVersion"].clone();
            return Ok(Answer { warnings, ..Answer::ok(present(&resource, &Arc::new(stored))) });
        }
        let stored = self.store.put(&place, stored);
        kinds::updated(self, &resource, old, &stored);
        Ok(Answer { warnings, ..Answer::ok(present(&resource, &stored)) })
    }

    fn check_version(&self, target: &Target, old: &Value, new: &Value, by_patch: bool) -> Result<(), ApiError> {
        let resource = &target.resource;
        let given = new["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !given.is_empty() && given.parse::<u64>().is_err() {
            return Err(ApiError {
                reason: "",
                ..ApiError::internal(format!("strconv.ParseUint: parsing {}: invalid syntax", Value::from(given)))
            });
        }
        let current = old["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if let Some(uid) = new["metadata"]["uid"].as_str()
            && !uid.is_empty()
            && old["metadata"]["uid"] != uid
        {
            if by_patch {
                let cause = crate::status::Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
                return Err(ApiError::invalid(resource, &target.name, &[cause]));
            }
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                resource.plural,
                target.namespace,
                target.name,
                old["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(ApiError::conflict(resource, &target.name, &why));
        }
        if !given.is_empty() && given != "0" && given != current {
            return Err(ApiError::modified(resource, &target.name));
        }
        if given.is_empty() && kinds::needs_version(resource) {
            let cause = crate::status::Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
            let error = ApiError::invalid(resource, &target.name, &[cause]);
            let mut details = error.details.unwrap_or_default();
            details["kind"] = resource.plural.as_str().into();
            let message = format!(
                "{} \"{}\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
                resource.qualified(),
                target.name
            );
            return Err(ApiError { message, details: Some(details), ..error });
        }
        Ok(())
    }

    /// Puts back what the client cannot change through this endpoint.
    fn keep(&self, target: &Target, old: &Value, new: &mut Value) {
        let resource = &target.resource;
        match target.part {
            Part::Status => {
                let mut kept = copy_without(old, "status");
                if let Some(status) = new.get_mut("status").map(Value::take).filter(|status| !status.is_null()) {
                    kept["status"] = status;
                }
                if resource.custom.is_none() {
                    // built-in kinds let a status write change annotations and finalizers, too, and most let it change labels
                    let labels = !resource.is("apps", "Deployment") && resource.group != "apiextensions.k8s.io";
                    let fields = ["annotations", "finalizers", "labels"];
                    for field in fields.into_iter().take(if labels { 3 } else { 2 }) {
                        let value = new["metadata"][field].take();
                        let meta = meta(&mut kept);
                        if value.is_null() {
                            meta.remove(field);
                        } else {
                            meta.insert(field.into(), value);
                        }
                    }
                }
                *new = kept;
            }
            Part::Whole | Part::Other | Part::Scale => {
                if resource.has_status() {
                    match old.get("status") {
                        Some(status) => new["status"] = status.clone(),
                        None => {
                            if let Some(map) = new.as_object_mut() {
                                map.remove("status");
                            }
                        }
                    }
                }
            }
        }
        let system = [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "namespace",
            "name",
            "generateName",
            "selfLink",
        ];
        let meta = meta(new);
        for field in system {
            match old["metadata"].get(field) {
                Some(value) => {
                    meta.insert(field.into(), value.clone());
                }
                None => {
                    meta.remove(field);
                }
            }
        }
    }
}

/// A client cannot say when an object goes.
fn moved_deletion(old: &Value, new: &Value) -> Option<crate::status::Cause> {
    let given = &new["metadata"]["deletionTimestamp"];
    let moved = !given.is_null() && *given != old["metadata"]["deletionTimestamp"];
    moved.then(|| crate::status::Cause::invalid("metadata.deletionTimestamp", given, "field is immutable"))
}

fn copy_without(object: &Value, field: &str) -> Value {
    let fields = object.as_object().into_iter().flatten().filter(|(name, _)| *name != field);
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Whether two objects differ in nothing but the times of their managers.
fn same_but_times(old: &Value, new: &Value) -> bool {
    let entry = |old: &Value, new: &Value| same_but(old, new, "time", |_, _| true);
    let entries = |old: &Value, new: &Value| match (old.as_array(), new.as_array()) {
        (Some(old), Some(new)) => old.len() == new.len() && old.iter().zip(new).all(|(old, new)| entry(old, new)),
        _ => old == new,
    };
    same_but(old, new, "metadata", |old, new| same_but(old, new, "managedFields", entries))
}

/// Whether two maps have the same fields, one of which is compared in a way of its own.
pub(crate) fn same_but(old: &Value, new: &Value, special: &str, same: impl Fn(&Value, &Value) -> bool) -> bool {
    let (Some(old_map), Some(new_map)) = (old.as_object(), new.as_object()) else { return old == new };
    let others = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key(special));
    others(old_map) == others(new_map)
        && new_map.iter().all(|(name, value)| name == special || old_map.get(name) == Some(value))
        && same(&old[special], &new[special])
}
