//! Finalizers, added and removed by name without touching those of others.

use super::{
    Cluster, Patch, Resource,
    error::{ApiError, Kind, Step},
    write::Answer,
};
use crate::object::{Json, ObjectId};
use serde_json::json;

/// How often a write is repeated that met somebody else's.
const TRIES: usize = 5;

impl Cluster {
    /// Adds a finalizer; `None` where it is there already. `seen` is the object as last read, and is read again only on conflict.
    ///
    /// # Errors
    /// Where the object is gone or being deleted, or the server refuses or cannot be asked.
    pub async fn add_finalizer(&self, resource: &Resource, id: &ObjectId, seen: &Json, name: &str) -> Result<Option<Answer>, ApiError> {
        let change = |mut list: Vec<String>| {
            let absent = !list.iter().any(|f| f == name);
            list.push(name.to_owned());
            absent.then_some(list)
        };
        self.change_finalizers(resource, id, seen, change).await
    }

    /// Removes a finalizer; `None` where it was not there, or where the object is gone.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn remove_finalizer(&self, resource: &Resource, id: &ObjectId, seen: &Json, name: &str) -> Result<Option<Answer>, ApiError> {
        let change = |list: Vec<String>| {
            let rest: Vec<String> = list.iter().filter(|f| *f != name).cloned().collect();
            (rest.len() != list.len()).then_some(rest)
        };
        match self.change_finalizers(resource, id, seen, change).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other,
        }
    }

    async fn change_finalizers(
        &self,
        resource: &Resource,
        id: &ObjectId,
        seen: &Json,
        change: impl Fn(Vec<String>) -> Option<Vec<String>>,
    ) -> Result<Option<Answer>, ApiError> {
        let mut seen = seen.clone();
        for _ in 0..TRIES {
            let Some(next) = change(finalizers(&seen)) else { return Ok(None) };
            // a merge patch replaces the whole list, so that it must be the one that we read
            let body = json!({ "metadata": { "finalizers": next, "resourceVersion": seen.pointer("/metadata/resourceVersion") } });
            match self.patch(resource, id, &Patch::Merge(body)).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if error.kind == Kind::Conflict => {
                    let gone = || ApiError::local(Step::Patch, id, Kind::NotFound, "the object is gone");
                    seen = self.get_metadata(resource, id).await?.ok_or_else(gone)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(ApiError::local(Step::Patch, id, Kind::Conflict, "others write the object faster than its finalizers can be changed"))
    }
}

fn finalizers(object: &Json) -> Vec<String> {
    let list = object.pointer("/metadata/finalizers").and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::real;
    use super::*;
    use crate::{
        cluster::Delete,
        object::{Gvk, Json},
    };

    /// The server refuses the short name of Flux's on its own kinds.
    const OURS: &str = "finalizers.helmward.dev/test";

    #[tokio::test]
    async fn a_real_server_keeps_the_finalizers_of_others() {
        let Some(cluster) = real("finalizers::a_real_server_keeps_the_finalizers_of_others").await else { return };
        let resource = cluster.resource(&Gvk::new("v1", "ConfigMap")).await.expect("is served");
        let id = ObjectId::new("", "ConfigMap", "default", "helmward-finalizers");
        let strip = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let _ = cluster.patch(&resource, &id, &strip).await;
        cluster.delete(&resource, &id, &Delete::default()).await.expect("deletes");
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": id.name, "finalizers": ["example.com/other"]}});
        let stale = cluster.create(&resource, &id, &body).await.expect("creates").object;
        cluster.patch(&resource, &id, &Patch::Merge(json!({"data": {"a": "b"}}))).await.expect("changes");
        let added = cluster.add_finalizer(&resource, &id, &stale, OURS).await.expect("adds").expect("was not there");
        assert_eq!(added.object["metadata"]["finalizers"], json!(["example.com/other", OURS]));
        assert_eq!(cluster.add_finalizer(&resource, &id, &added.object, OURS).await.expect("fine"), None);
        let removed = cluster.remove_finalizer(&resource, &id, &added.object, OURS).await.expect("removes").expect("was there");
        assert_eq!(removed.object["metadata"]["finalizers"], json!(["example.com/other"]));
        let last =
            cluster.remove_finalizer(&resource, &id, &removed.object, "example.com/other").await.expect("removes").expect("was there");
        cluster.delete(&resource, &id, &Delete::default()).await.expect("deletes");
        let mut old: Json = last.object;
        old["metadata"]["finalizers"] = json!([OURS]);
        assert_eq!(cluster.remove_finalizer(&resource, &id, &old, OURS).await.expect("gone is fine"), None);
    }
}
