//! Deleting objects: preconditions, finalizers, grace, and what happens to dependents.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::create::meta;
use super::{Answer, Call, ListOptions, Page, Target, present};
use crate::admission::{self, Attempt, Write};
use crate::kinds;
use crate::status::{ApiError, Cause, CauseType, deleted, invalid_options, unregistered};
use crate::store::Place;

/// What becomes of the objects that name the deleted one as their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// The body of a delete.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

impl DeleteOptions {
    pub(crate) fn read(body: &Value) -> Result<DeleteOptions, ApiError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(kind) = body["kind"].as_str().filter(|kind| !kind.is_empty() && *kind != "DeleteOptions") {
            let version = body["apiVersion"].as_str().unwrap_or_default();
            return Err(ApiError::bad_request(unregistered(kind, version)));
        }
        let dry_run = body["dryRun"].as_array().map_or(&[][..], Vec::as_slice);
        if dry_run.iter().any(|v| *v != "All") {
            let detail = format!("Unsupported value: {}: supported values: \"All\"", Value::from(dry_run));
            return Err(invalid_options("DeleteOptions", &[Cause::new(CauseType::NotSupported, "dryRun", detail)]));
        }
        if body["orphanDependents"].is_boolean() && body["propagationPolicy"].is_string() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            return Err(invalid_options("DeleteOptions", &[Cause::invalid("propagationPolicy", &body["propagationPolicy"], detail)]));
        }
        let propagation = match body["propagationPolicy"].as_str() {
            None => match body["orphanDependents"].as_bool() {
                Some(true) => Some(Propagation::Orphan),
                Some(false) => Some(Propagation::Background),
                None => None,
            },
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let detail =
                    format!("Unsupported value: \"{other}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
                return Err(invalid_options("DeleteOptions", &[Cause::new(CauseType::NotSupported, "propagationPolicy", detail)]));
            }
        };
        Ok(DeleteOptions {
            grace: body["gracePeriodSeconds"].as_i64(),
            propagation,
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            dry_run: !dry_run.is_empty(),
        })
    }
}

impl Call<'_> {
    /// DELETE of one object.
    pub(crate) fn delete(&mut self, target: &Target, options: &DeleteOptions) -> Result<Answer, ApiError> {
        let resource = target.resource.clone();
        let place = target.place();
        let object = self.store.at(&place).cloned().ok_or_else(|| ApiError::not_found(&resource, &target.name))?;
        for (given, field, label) in [(&options.uid, "uid", "UID"), (&options.resource_version, "resourceVersion", "ResourceVersion")] {
            let actual = object["metadata"][field].as_str().unwrap_or_default();
            if let Some(given) = given
                && given != actual
            {
                let happened = if field == "uid" { "deleted and then recreated" } else { "modified" };
                let message = format!(
                    "Operation cannot be fulfilled on {} \"{}\": the {label} in the precondition ({given}) does not match the {label} in record ({actual}). The object might have been {happened}",
                    resource.kind, target.name
                );
                let error = ApiError::conflict(&resource, &target.name, "");
                let mut details = error.details.unwrap_or_default();
                details["kind"] = resource.kind.as_str().into();
                return Err(ApiError { message, details: Some(details), ..error });
            }
        }
        kinds::admit_delete(&resource, &object)?;
        let attempt = Attempt { write: Write::Delete, target, old: Some(&object), dry_run: options.dry_run };
        admission::validate(self, &attempt, &object)?;
        let mut new = (*object).clone();
        let dying = object["metadata"]["deletionTimestamp"].is_string();
        let mut finalizers: Vec<Value> = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let before = finalizers.clone();
        let propagation = options.propagation.or_else(|| kinds::default_propagation(&resource));
        if let Some(propagation) = propagation {
            finalizers.retain(|f| f != ORPHAN && f != FOREGROUND);
            match propagation {
                Propagation::Orphan => finalizers.push(ORPHAN.into()),
                Propagation::Foreground => finalizers.push(FOREGROUND.into()),
                Propagation::Background => {}
            }
        }
        if !dying
            && let Some(own) = kinds::deletion_finalizer(&resource)
            && !finalizers.iter().any(|f| f == own)
        {
            finalizers.push(own.into());
        }
        let grace = kinds::grace_seconds(&resource, &object, options.grace);
        let held = kinds::holds_deletion(&resource, &object);
        if finalizers.is_empty() && grace == 0 && !held {
            if !options.dry_run {
                self.finish(&place);
            }
            if kinds::returns_deleted(&resource) {
                if resource.is("", "Pod") {
                    let meta = meta(&mut new);
                    meta.insert("deletionTimestamp".into(), self.clock.text().into());
                    meta.insert("deletionGracePeriodSeconds".into(), 0.into());
                    if !dying {
                        let next = meta.get("generation").and_then(Value::as_i64).unwrap_or(0) + 1;
                        meta.insert("generation".into(), next.into());
                    }
                }
                return Ok(Answer::ok(present(&resource, &Arc::new(new))));
            }
            return Ok(Answer::ok(Arc::new(deleted(&resource, &target.name, &object["metadata"]["uid"]))));
        }
        let left = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(i64::MAX);
        if dying && finalizers == before && grace >= left {
            return Ok(Answer::ok(present(&resource, &object)));
        }
        let now = self.clock.now();
        let due = now.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(now);
        // namespaces and definitions are marked by code of their own
        let own_deletion = matches!(resource.kind.as_str(), "Namespace" | "CustomResourceDefinition") && resource.custom.is_none();
        let generation = kinds::has_generation(&resource) && !dying && !own_deletion;
        let meta = meta(&mut new);
        if finalizers.is_empty() {
            meta.remove("finalizers");
        } else {
            meta.insert("finalizers".into(), finalizers.into());
        }
        if !dying || grace < left {
            meta.insert("deletionTimestamp".into(), crate::clock::seconds(due).into());
            if !own_deletion {
                meta.insert("deletionGracePeriodSeconds".into(), grace.into());
            }
        }
        if generation {
            let next = meta.get("generation").and_then(Value::as_i64).unwrap_or(0) + 1;
            meta.insert("generation".into(), next.into());
        }
        kinds::dying(self, &resource, &mut new);
        let stored = if options.dry_run { Arc::new(new) } else { self.store.put(&place, new) };
        if !options.dry_run {
            kinds::updated(self, &resource, &object, &stored);
        }
        Ok(Answer::ok(present(&resource, &stored)))
    }

    /// DELETE of a collection: everything that the selectors match; answers what that was.
    pub(crate) fn delete_collection(&mut self, target: &Target, list: &ListOptions, options: &DeleteOptions) -> Result<Page, ApiError> {
        let page = self.list(target, &ListOptions { limit: 0, ..list.clone() })?;
        let names: Vec<(String, String)> = page
            .items
            .iter()
            .map(|object| {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
                (text("namespace"), text("name"))
            })
            .collect();
        for (namespace, name) in names {
            let one = Target { namespace, name, ..target.clone() };
            match self.delete(&one, options) {
                Ok(_) => {}
                Err(error) if error.code == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// Removes an object for good.
    pub(crate) fn finish(&mut self, place: &Place) {
        let resource = self.store.registry.any_version(&place.table);
        if let (Some(last), Some(resource)) = (self.store.remove(place), resource) {
            kinds::deleted(self, &resource, &last);
        }
    }
}
