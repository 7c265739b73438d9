//! The objects of one watch, with an index from an owner to what is made for it or told about it.

use super::Live;
use crate::object::{Json, ObjectId};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Objects by identity, and the identities of those that name a uid as their owner or, for Events, as what they are about.
#[derive(Default)]
pub(super) struct Store {
    objects: HashMap<ObjectId, Arc<Live>>,
    related: HashMap<String, HashSet<ObjectId>>,
}

impl Store {
    pub(super) fn get(&self, id: &ObjectId) -> Option<&Arc<Live>> {
        self.objects.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Arc<Live>)> {
        self.objects.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Objects that name a uid.
    pub(super) fn related(&self, uid: &str) -> impl Iterator<Item = &Arc<Live>> {
        self.related.get(uid).into_iter().flatten().filter_map(|id| self.objects.get(id))
    }

    pub(super) fn insert(&mut self, live: Arc<Live>) -> Option<Arc<Live>> {
        let before = self.remove(&live.id);
        for uid in named(&live.body) {
            self.related.entry(uid.to_owned()).or_default().insert(live.id.clone());
        }
        self.objects.insert(live.id.clone(), live);
        before
    }

    pub(super) fn remove(&mut self, id: &ObjectId) -> Option<Arc<Live>> {
        let last = self.objects.remove(id)?;
        for uid in named(&last.body) {
            if let Some(ids) = self.related.get_mut(uid) {
                ids.remove(id);
                if ids.is_empty() {
                    self.related.remove(uid);
                }
            }
        }
        Some(last)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The uids of an object's owners, and of what an Event is about.
fn named(body: &Json) -> impl Iterator<Item = &str> {
    let owners = body.pointer("/metadata/ownerReferences").and_then(Json::as_array).into_iter().flatten();
    let about = body.get("involvedObject").or_else(|| body.get("regarding"));
    owners.chain(about).filter_map(|target| target.get("uid")?.as_str()).filter(|uid| !uid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(name: &str, owner: &str) -> Arc<Live> {
        let body = json!({"metadata": {"name": name, "ownerReferences": [{"uid": owner}]}});
        let id = ObjectId::new("", "Pod", "shop", name);
        Arc::new(Live { id, resource_version: "1".into(), uid: name.into(), body: body.into(), managers: Vec::new() })
    }

    #[test]
    fn follows_owners_as_they_change() {
        let names = |store: &Store, uid: &str| {
            let mut names: Vec<String> = store.related(uid).map(|live| live.id.name.clone()).collect();
            names.sort();
            names
        };
        let mut store = Store::default();
        store.insert(live("a", "one"));
        store.insert(live("b", "one"));
        assert_eq!(names(&store, "one"), ["a", "b"]);
        assert!(store.insert(live("a", "two")).is_some(), "the object before is given back");
        assert_eq!((names(&store, "one"), names(&store, "two")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        store.remove(&live("a", "two").id);
        assert_eq!((names(&store, "two").len(), store.related.len(), store.len()), (0, 1, 1));
        let event = json!({"metadata": {"name": "e"}, "involvedObject": {"uid": "a"}});
        store.insert(Arc::new(Live { body: event.into(), ..(*live("e", "")).clone() }));
        assert_eq!(names(&store, "a"), ["e"]);
    }
}
