//! Waiting for one object to be as wished, by a watch on it alone.

use super::{
    Cluster, Resource,
    error::{ApiError, Kind, Step},
    live::Raw,
};
use crate::object::{Json, ObjectId};
use futures::StreamExt;
use kube::{
    Api,
    core::ApiResource,
    runtime::watcher::{self, Event},
};
use std::time::Duration;
use tokio::time::Instant;

/// After an interruption of the watch.
const PAUSE: Duration = Duration::from_millis(500);

impl Cluster {
    /// Waits until `done` says so of the object (`None`: it is not there), and returns the object as it is then.
    ///
    /// # Errors
    /// Where it is not so in time; or where the server does not serve the kind.
    pub async fn wait_until(
        &self,
        resource: &Resource,
        id: &ObjectId,
        limit: Duration,
        mut done: impl FnMut(Option<&Json>) -> bool + Send,
    ) -> Result<Option<Json>, ApiError> {
        let deadline = Instant::now() + limit;
        let mut stream = std::pin::pin!(self.watch_one(resource, id));
        let mut listed = None;
        loop {
            let late = || {
                let words = format!("not as wished within {} s", limit.as_secs());
                ApiError::local(Step::Watch, id, Kind::TimedOut, words)
            };
            let event = tokio::time::timeout_at(deadline, stream.next()).await.map_err(|_| late())?.ok_or_else(late)?;
            let seen = match event {
                Ok(Event::Init) => {
                    listed = None;
                    continue;
                }
                Ok(Event::InitApply(raw)) => {
                    if raw.name() == id.name {
                        listed = Some(raw.into_body());
                    }
                    continue;
                }
                Ok(Event::InitDone) => listed.take(),
                Ok(Event::Apply(raw)) if raw.name() == id.name => Some(raw.into_body()),
                Ok(Event::Delete(raw)) if raw.name() == id.name => None,
                Ok(_) => continue,
                Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => {
                    return Err(ApiError::local(Step::Watch, id, Kind::KindMissing, "the cluster does not know the kind"));
                }
                Err(_) => {
                    tokio::time::sleep_until((Instant::now() + PAUSE).min(deadline)).await;
                    continue;
                }
            };
            if done(seen.as_ref()) {
                return Ok(seen.map(|object| super::read::typed(object, resource)));
            }
        }
    }

    /// Events of one object.
    pub(super) fn watch_one(
        &self,
        resource: &Resource,
        id: &ObjectId,
    ) -> impl futures::Stream<Item = watcher::Result<Event<Raw<false>>>> + Send + use<> {
        let of = kube_resource(resource);
        let api: Api<Raw<false>> =
            if resource.namespaced { Api::namespaced_with(self.client(), &id.namespace, &of) } else { Api::all_with(self.client(), &of) };
        watcher::watcher(api, watcher::Config::default().fields(&format!("metadata.name={}", id.name)))
    }
}

/// The kind in kube's own form.
pub(super) fn kube_resource(resource: &Resource) -> ApiResource {
    ApiResource {
        group: resource.group.clone(),
        version: resource.version.clone(),
        api_version: resource.api_version(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
    }
}
