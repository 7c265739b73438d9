//! Custom resources between their versions, without conversion: the name of the version changes, and what the schema of
//! the other version does not have goes.

use std::sync::Arc;

use serde_json::Value;

use crate::resource::{Custom, Resource};
use crate::schema::Structural;
use crate::server::split_version;

fn version_of(object: &Value) -> &str {
    split_version(object["apiVersion"].as_str().unwrap_or_default()).1
}

/// A stored object in the version that is asked for. Defaults that its schema got after it was written are filled in.
pub(crate) fn read(resource: &Resource, custom: &Custom, object: &Arc<Value>) -> Arc<Value> {
    let written = custom.versions.get(version_of(object));
    let same = version_of(object) == resource.version;
    if same && written.is_none_or(|written| written.is_settled(object)) {
        return object.clone();
    }
    let mut out = (**object).clone();
    if let Some(written) = written {
        written.prune(&mut out);
        written.default_applied(&mut out);
    }
    if !same {
        out["apiVersion"] = resource.api_version().into();
        custom.structural.prune(&mut out);
    }
    Arc::new(out)
}

/// An object as it is stored: in the one version that the definition names for that.
pub(super) fn stored(resource: &Resource, custom: &Custom, mut object: Value) -> Value {
    if resource.version != custom.storage_version
        && let Some(storage) = custom.versions.get(&custom.storage_version)
    {
        object["apiVersion"] = format!("{}/{}", resource.group, custom.storage_version).into();
        storage.prune(&mut object);
    }
    object
}

/// Whether all versions that managers of `old` wrote in have every field of both objects: without, no owner can be told.
pub(crate) fn is_known_to_managers(resource: &Resource, old: &Value, new: &Value) -> bool {
    let Some(custom) = &resource.custom else { return true };
    let knows = |version: &Structural, object: &Value| version.prune(&mut object.clone()).is_empty();
    let entries = old["metadata"]["managedFields"].as_array().into_iter().flatten();
    let versions = entries.map(version_of).filter(|version| *version != resource.version);
    versions.filter_map(|version| custom.versions.get(version)).all(|version| knows(version, old) && knows(version, new))
}
