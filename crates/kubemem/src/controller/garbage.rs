//! Garbage collection: objects whose owners are gone, owners that wait for their dependents or let go of them.

use std::time::Duration;

use serde_json::Value;

use super::MANAGER;
use crate::store::{Place, owners};
use crate::verb::{Call, DeleteOptions, Part, Propagation, Target};

/// Deletes an object none of whose owners is left, and drops references to those that are gone.
pub(super) fn collect(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let object = call.store.at(place)?.clone();
    let all = owners(&object);
    let waiting_owner = |uid: &String| {
        call.store.by_uid(uid).and_then(|owner| call.store.at(owner)).is_some_and(|owner| has_finalizer(owner, "foregroundDeletion"))
    };
    let (alive, gone): (Vec<String>, Vec<String>) = all.iter().cloned().partition(|uid| call.store.by_uid(uid).is_some());
    if all.is_empty() || gone.is_empty() && !alive.iter().any(waiting_owner) {
        return None;
    }
    let solid: Vec<&String> = alive.iter().filter(|uid| !waiting_owner(uid)).collect();
    if !solid.is_empty() {
        let _ = call.edit(place, MANAGER, Part::Whole, |object| {
            keep_owners(object, |owner| owner["uid"].as_str().is_some_and(|uid| !gone.iter().any(|g| g == uid)));
        });
        return None;
    }
    if object["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let resource = call.store.registry.any_version(&place.table)?;
    let target = Target { resource, namespace: place.name.namespace.clone(), name: place.name.name.clone(), part: Part::Whole };
    let has_own = object["metadata"]["uid"].as_str().is_some_and(|uid| !call.store.dependents(uid).is_empty());
    let foreground = alive.iter().any(waiting_owner) && has_own;
    let propagation = if foreground { Propagation::Foreground } else { Propagation::Background };
    let _ = call.delete(&target, &DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() });
    None
}

/// Takes owners away; an object without any has no list of them.
fn keep_owners(object: &mut Value, keep: impl Fn(&Value) -> bool) {
    let Some(list) = object["metadata"]["ownerReferences"].as_array_mut() else { return };
    list.retain(keep);
    if list.is_empty() {
        object["metadata"]["ownerReferences"] = Value::Null;
    }
}

/// Works off the `orphan` and `foregroundDeletion` finalizers of a dying object.
pub(super) fn dying(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let object = call.store.at(place)?.clone();
    if !object["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let uid = object["metadata"]["uid"].as_str()?.to_owned();
    if has_finalizer(&object, "orphan") {
        for dependent in call.store.dependents(&uid) {
            let _ = call.edit(&dependent, MANAGER, Part::Whole, |object| {
                keep_owners(object, |owner| owner["uid"] != uid.as_str());
            });
        }
        drop_finalizer(call, place, "orphan");
    } else if has_finalizer(&object, "foregroundDeletion") {
        let dependents = call.store.dependents(&uid);
        for dependent in &dependents {
            collect(call, dependent);
        }
        let blocking = call.store.dependents(&uid).iter().any(|dependent| {
            call.store.at(dependent).is_some_and(|object| {
                object["metadata"]["ownerReferences"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|owner| owner["uid"] == uid.as_str() && owner["blockOwnerDeletion"] == true)
            })
        });
        if !blocking {
            drop_finalizer(call, place, "foregroundDeletion");
        }
    }
    None
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().any(|f| f == name)
}

/// Takes a finalizer off an object, which may be its end.
pub(super) fn drop_finalizer(call: &mut Call<'_>, place: &Place, name: &str) {
    let _ = call.edit(place, MANAGER, Part::Whole, |object| {
        if let Some(list) = object["metadata"]["finalizers"].as_array_mut() {
            list.retain(|f| f != name);
        }
    });
}
