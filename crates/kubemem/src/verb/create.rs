//! Creating objects.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call, Target, WriteOptions, present};
use crate::admission::{self, Attempt, Write};
use crate::auth::check_escalation;
use crate::fields::{Managers, Operation, update};
use crate::kinds;
use crate::resource::TableKey;
use crate::schema::write_zeros;
use crate::status::{ApiError, Cause, CauseType};
use crate::validation;

impl Call<'_> {
    /// POST: creates the object of the request.
    pub(crate) fn create(&mut self, target: &Target, value: Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let (object, warnings) = self.read_object(target, value, options)?;
        self.create_read(target, object, warnings.clone(), options).map_err(|error| error.warned(warnings))
    }

    fn create_read(
        &mut self,
        target: &Target,
        mut object: Value,
        warnings: Vec<String>,
        options: &WriteOptions,
    ) -> Result<Answer, ApiError> {
        let mut target = target.clone();
        self.place_object(&mut target, &mut object)?;
        kinds::drop_status(&target.resource, &mut object);
        let mut blank = json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": {}});
        if target.resource.custom.is_none() {
            write_zeros(&mut blank, &target.resource.schema);
        }
        let given = match object["metadata"]["managedFields"].as_array() {
            Some(list) if !list.is_empty() && list[0] != json!({}) => Managers::of(&object),
            _ => Managers::default(),
        };
        let entry = self.entry(&target, options, Operation::Update);
        let managers = update(&blank, &object, &target.resource.schema, entry, Some(given));
        managers.write(&mut object);
        let attempt = Attempt { write: Write::Create, target: &target, old: None, dry_run: options.dry_run };
        let mut warnings = warnings;
        warnings.extend(admission::mutate(self, &attempt, &mut object)?);
        kinds::prepare_create(self, &target.resource, &mut object);
        self.insert(&target, object, warnings, options)
    }

    /// Checks the namespace and the name of a new object, and generates a name where asked to.
    pub(super) fn place_object(&mut self, target: &mut Target, object: &mut Value) -> Result<(), ApiError> {
        let resource = target.resource.clone();
        let given = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        if !given.is_empty() && given != target.namespace && resource.namespaced {
            return Err(ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
        }
        let meta = meta(object);
        for gone in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            meta.remove(gone);
        }
        if resource.namespaced {
            meta.insert("namespace".into(), target.namespace.as_str().into());
        } else {
            meta.remove("namespace");
        }
        if meta.get("name").is_none_or(Value::is_null)
            && let Some(prefix) = meta.get("generateName").and_then(Value::as_str)
        {
            let prefix: String = prefix.chars().take(58).collect();
            let name = format!("{prefix}{}", self.store.suffix(5));
            meta.insert("name".into(), name.into());
        }
        target.name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Gives a new object its identity, validates it and stores it.
    pub(super) fn insert(
        &mut self,
        target: &Target,
        mut object: Value,
        warnings: Vec<String>,
        options: &WriteOptions,
    ) -> Result<Answer, ApiError> {
        let resource = target.resource.clone();
        if resource.namespaced {
            self.check_namespace(target)?;
        }
        if let Some(user) = &options.user {
            check_escalation(self, user, target, None, &object)?;
        }
        kinds::admit_create(self, &resource, &object)?;
        if let Some(rv) = object["metadata"]["resourceVersion"].as_str()
            && !rv.is_empty()
        {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(ApiError { reason: "", ..ApiError::internal(why) });
        }
        let uid = self.store.uid();
        let now = self.clock.text();
        let generation = kinds::has_generation(&resource);
        kinds::identify(&resource, &mut object, &uid);
        let meta = meta(&mut object);
        meta.insert("uid".into(), uid.into());
        meta.insert("creationTimestamp".into(), now.into());
        if generation {
            meta.insert("generation".into(), 1.into());
        }
        let mut causes = validation::metadata(&object, &resource);
        let (own, told) = validation::object(self, &resource, &object, None);
        causes.extend(own);
        if !causes.is_empty() {
            return Err(ApiError::invalid(&resource, &target.name, &causes));
        }
        let mut warnings = warnings;
        warnings.extend(told);
        warnings.extend(validation::metadata_warnings(&object, None, &resource));
        let attempt = Attempt { write: Write::Create, target, old: None, dry_run: options.dry_run };
        warnings.extend(admission::validate(self, &attempt, &object)?);
        let place = target.place();
        if let Some(existing) = self.store.at(&place) {
            let error = ApiError::already_exists(&resource, &target.name);
            let dying = existing["metadata"]["deletionTimestamp"].is_string();
            return Err(if dying { ApiError { message: format!("object is being deleted: {}", error.message), ..error } } else { error });
        }
        self.check_size(&object)?;
        let object = if options.dry_run {
            Arc::new(object)
        } else {
            let stored = self.store.put(&place, kinds::stored(&resource, object));
            present(&resource, &stored)
        };
        Ok(Answer { code: StatusCode::CREATED, object, warnings })
    }

    fn check_namespace(&self, target: &Target) -> Result<(), ApiError> {
        let namespaces = TableKey::new("", "namespaces");
        let Some(namespace) = self.store.get(&namespaces, "", &target.namespace) else {
            return match self.store.registry.any_version(&namespaces) {
                Some(resource) => Err(ApiError::not_found(&resource, &target.namespace)),
                None => Err(ApiError::no_such_path()),
            };
        };
        if namespace["metadata"]["deletionTimestamp"].is_string() {
            let why = format!("unable to create new content in namespace {} because it is being terminated", target.namespace);
            let cause = Cause::new(
                CauseType::NamespaceTerminating,
                "metadata.namespace",
                format!("namespace {} is being terminated", target.namespace),
            );
            return Err(ApiError::forbidden(&target.resource, &target.name, &why).with_causes(&[cause]));
        }
        Ok(())
    }
}

/// The metadata of an object, made if it is not there.
pub(super) fn meta(object: &mut Value) -> &mut serde_json::Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().expect("made above")
}
