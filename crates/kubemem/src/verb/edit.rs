//! What components of the control plane write: no request, no options, and nothing where nothing changes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Part, Target, WriteOptions};
use crate::fields::{Operation, update};
use crate::kinds;
use crate::schema::write_zeros;
use crate::status::ApiError;
use crate::store::Place;

impl Call<'_> {
    /// Changes an object in place for a component of the control plane; what is not changed is not written.
    pub(crate) fn edit(&mut self, place: &Place, manager: &str, part: Part, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
        let Some(resource) = self.store.registry.any_version(&place.table) else { return Ok(()) };
        let Some(old) = self.store.at(place).cloned() else { return Ok(()) };
        let mut new = (*old).clone();
        change(&mut new);
        if resource.custom.is_none() && !resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            kinds::strip_nulls(&mut new);
            write_zeros(&mut new, &resource.schema);
        }
        if new == *old {
            return Ok(());
        }
        let target = Target { resource, namespace: place.name.namespace.clone(), name: place.name.name.clone(), part };
        self.replace(&target, &old, new, &WriteOptions::by(manager), None)?;
        Ok(())
    }

    /// Changes the status of an object of a built-in kind: most writes of a cluster are such, so only the status is
    /// copied, compared and attributed. The object is given as it is, and `{"status": …}` to change.
    pub(crate) fn edit_status(&mut self, place: &Place, manager: &str, change: impl FnOnce(&Value, &mut Value)) {
        let Some(resource) = self.store.registry.any_version(&place.table) else { return };
        let Some(old) = self.store.at(place).cloned() else { return };
        let part = || json!({"status": old["status"], "metadata": {"managedFields": old["metadata"]["managedFields"]}});
        let mut new = part();
        change(&old, &mut new);
        kinds::strip_nulls(&mut new["status"]);
        if let Some(schema) = resource.schema.field("status") {
            write_zeros(&mut new["status"], schema);
        }
        if new["status"] == old["status"] {
            return;
        }
        let target = Target { resource, namespace: String::new(), name: String::new(), part: Part::Status };
        let entry = self.entry(&target, &WriteOptions::by(manager), Operation::Update);
        if !old["metadata"]["managedFields"].is_null() {
            update(&part(), &new, &target.resource.schema, entry, None).write(&mut new);
        }
        let mut object = (*old).clone();
        object["status"] = new["status"].take();
        object["metadata"]["managedFields"] = new["metadata"]["managedFields"].take();
        self.store.put(place, object);
    }

    /// Gives a pod its node, which nobody is said to own.
    pub(crate) fn bind(&mut self, place: &Place, change: impl FnOnce(&mut Value)) {
        if let Some(mut pod) = self.store.at(place).cloned() {
            change(Arc::make_mut(&mut pod));
            self.store.put(place, Arc::unwrap_or_clone(pod));
        }
    }
}
