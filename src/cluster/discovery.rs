//! Which kinds the server knows: one cache per cluster, filled by two requests (aggregated discovery).
//!
//! An unknown kind asks the server once more; at most one refresh runs at a time and callers that come meanwhile
//! share its answer. Whoever waits for a kind subscribes with [`Discovery::changes`] instead of polling.

use super::{
    error::{ApiError, Step, Subject},
    request::{Call, Wire},
};
use crate::object::{Gvk, Json};
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

mod wire;

/// Accepts the aggregated form; a server without it answers in the plain form.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// An unknown kind does not make the server be asked more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// One kind that the server serves, in one version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural name, as in paths.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs that are served.
    pub verbs: Vec<String>,
    /// Names of subresources, such as `status` and `scale`.
    pub subresources: Vec<String>,
}

impl Resource {
    /// `apiVersion` as manifests write it.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() }
    }

    /// Whether a subresource such as `status` is served.
    #[must_use]
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources.iter().any(|s| s == name)
    }

    /// Whether the kind can be listed and watched.
    #[must_use]
    pub fn watchable(&self) -> bool {
        ["list", "watch"].iter().all(|verb| self.verbs.iter().any(|v| v == verb))
    }

    pub(super) fn base_path(&self) -> String {
        if self.group.is_empty() { format!("/api/{}", self.version) } else { format!("/apis/{}/{}", self.group, self.version) }
    }
}

/// All that the server serves, at one moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Served {
    resources: HashMap<Gvk, Arc<Resource>>,
    /// Versions of each group and kind, the preferred first.
    preferred: HashMap<(String, String), Vec<Arc<Resource>>>,
    api_versions: Vec<String>,
    /// Group and version whose own server did not answer the aggregator.
    stale: BTreeSet<String>,
}

impl Served {
    /// The kind in exactly this version.
    #[must_use]
    pub fn resource(&self, gvk: &Gvk) -> Option<Arc<Resource>> {
        self.resources.get(gvk).cloned()
    }

    /// The kind in the version that the server prefers.
    #[must_use]
    pub fn preferred(&self, group: &str, kind: &str) -> Option<Arc<Resource>> {
        self.preferred.get(&(group.to_owned(), kind.to_owned()))?.first().cloned()
    }

    /// Every kind in every version.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// What charts see as `.Capabilities.APIVersions`: each `group/version` and each `group/version/Kind`, sorted.
    #[must_use]
    pub fn api_versions(&self) -> &[String] {
        &self.api_versions
    }

    /// Group versions whose kinds may be out of date, because an aggregated API server does not answer.
    #[must_use]
    pub fn stale(&self) -> &BTreeSet<String> {
        &self.stale
    }
}

/// The cached discovery of one cluster. Cloning shares the cache.
#[derive(Clone)]
pub struct Discovery {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    served: RwLock<Option<Arc<Served>>>,
    /// Counts the changes of `served`.
    changes: watch::Sender<u64>,
    /// Held over the requests of a refresh, so that only one runs; says when the last one began.
    refreshing: tokio::sync::Mutex<Refreshes>,
}

#[derive(Default)]
struct Refreshes {
    began: Option<Instant>,
}

impl Discovery {
    pub(super) fn new(wire: Wire) -> Self {
        let shared = Shared { wire, served: RwLock::default(), changes: watch::Sender::new(0), refreshing: tokio::sync::Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The cache, filled first where it is empty.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn served(&self) -> Result<Arc<Served>, ApiError> {
        match self.cached() {
            Some(served) => Ok(served),
            None => self.refresh_since(None).await,
        }
    }

    /// The cache as it is, without asking the server.
    #[must_use]
    pub fn cached(&self) -> Option<Arc<Served>> {
        self.shared.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A kind; where the cache does not know it, the server is asked once more, but not more often than each second.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn resource(&self, gvk: &Gvk) -> Result<Option<Arc<Resource>>, ApiError> {
        if let Some(found) = self.served().await?.resource(gvk) {
            return Ok(Some(found));
        }
        // the interval is measured between refreshes, so that a burst of unknown kinds costs one
        let horizon = Instant::now().checked_sub(SHORTEST_INTERVAL);
        Ok(self.refresh_since(horizon).await?.resource(gvk))
    }

    /// A kind in the server's preferred version, as [`Discovery::resource`].
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn preferred(&self, group: &str, kind: &str) -> Result<Option<Arc<Resource>>, ApiError> {
        if let Some(found) = self.served().await?.preferred(group, kind) {
            return Ok(Some(found));
        }
        let horizon = Instant::now().checked_sub(SHORTEST_INTERVAL);
        Ok(self.refresh_since(horizon).await?.preferred(group, kind))
    }

    /// Asks the server now.
    ///
    /// # Errors
    /// Where the server cannot be asked; the cache stays as it was.
    pub async fn refresh(&self) -> Result<Arc<Served>, ApiError> {
        self.refresh_since(Some(Instant::now())).await
    }

    /// Asks the server with growing pauses until it serves all of these kinds: a CRD shows some time after it is established.
    ///
    /// # Errors
    /// Where a kind is not served within the time, named; or where the server cannot be asked.
    pub async fn wait_for(&self, kinds: &[Gvk], limit: Duration) -> Result<Arc<Served>, ApiError> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_millis(25);
        loop {
            let served = self.refresh().await?;
            let Some(missing) = kinds.iter().find(|gvk| served.resource(gvk).is_none()) else { return Ok(served) };
            if Instant::now() + pause > deadline {
                let words = format!("not served within {} s of its CustomResourceDefinition", limit.as_secs());
                return Err(ApiError::local(Step::Discover, Subject::Other(missing.to_string()), super::Kind::KindMissing, words));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Changes whenever a refresh found another set of kinds.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// The server's version, such as `v1.36.3`.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn server_version(&self) -> Result<ServerVersion, ApiError> {
        let subject = || Subject::Other("the server's version".into());
        self.shared.wire.send(Call::get(Step::Discover, subject(), "/version".into())).await?.json(Step::Discover, subject())
    }

    /// Refreshes unless a refresh that began after `horizon` is in the cache already.
    async fn refresh_since(&self, horizon: Option<Instant>) -> Result<Arc<Served>, ApiError> {
        // an async mutex on purpose: it is the queue of those who share one refresh
        let mut refreshes = self.shared.refreshing.lock().await;
        if let (Some(served), Some(began)) = (self.cached(), refreshes.began)
            && horizon.is_none_or(|horizon| began >= horizon)
        {
            return Ok(served);
        }
        let began = Instant::now();
        let fresh = self.ask().await?;
        refreshes.began = Some(began);
        Ok(self.store(fresh))
    }

    fn store(&self, mut fresh: Served) -> Arc<Served> {
        let mut slot = self.shared.served.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = slot.as_ref() {
            fresh.keep_stale(before);
            if **before == fresh {
                return before.clone();
            }
        }
        let fresh = Arc::new(fresh);
        *slot = Some(fresh.clone());
        drop(slot);
        self.shared.changes.send_modify(|n| *n += 1);
        fresh
    }

    async fn ask(&self) -> Result<Served, ApiError> {
        let (core, groups) = futures::try_join!(self.ask_root("/api"), self.ask_root("/apis"))?;
        let mut served = Served::default();
        for version in core.into_iter().chain(groups) {
            served.add(version);
        }
        served.finish();
        Ok(served)
    }

    async fn ask_root(&self, path: &'static str) -> Result<Vec<GroupVersion>, ApiError> {
        let subject = || Subject::Other(format!("the kinds under {path}"));
        let mut call = Call::get(Step::Discover, subject(), path.to_owned());
        call.accept = AGGREGATED;
        let answer: Json = self.shared.wire.send(call).await?.json(Step::Discover, subject())?;
        if answer.get("kind").and_then(Json::as_str) == Some("APIGroupDiscoveryList") {
            let list: wire::GroupList = serde_json::from_value(answer)
                .map_err(|e| ApiError::local(Step::Discover, subject(), super::Kind::Garbled, format!("aggregated discovery: {e}")))?;
            return Ok(list.items.into_iter().flat_map(wire::Group::versions).collect());
        }
        self.ask_each(path, &answer).await
    }

    /// The plain form: one request per group version.
    async fn ask_each(&self, root: &str, answer: &Json) -> Result<Vec<GroupVersion>, ApiError> {
        let mut wanted = Vec::new();
        if root == "/api" {
            let versions = answer.get("versions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            wanted.extend(versions.iter().filter_map(Json::as_str).map(str::to_owned));
        } else {
            let groups = answer.get("groups").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            for group in groups {
                let versions = group.get("versions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
                wanted.extend(versions.iter().filter_map(|v| v.get("groupVersion")?.as_str()).map(str::to_owned));
            }
        }
        let each = wanted.into_iter().map(|version| async move {
            let subject = || Subject::Other(format!("the kinds of {version}"));
            let reply = self.shared.wire.send(Call::get(Step::Discover, subject(), format!("{root}/{version}"))).await;
            match reply {
                Ok(reply) => Ok(reply.json::<wire::PlainList>(Step::Discover, subject())?.into_version(&version)),
                // an aggregated API server that is down must not hide the others
                Err(error) if error.code >= 500 || error.code == 404 => Ok(GroupVersion { stale: true, ..GroupVersion::empty(&version) }),
                Err(error) => Err(error),
            }
        });
        futures::future::try_join_all(each).await
    }
}

/// The server's version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVersion {
    /// Major, such as `1`.
    pub major: String,
    /// Minor, such as `36` or `36+`.
    pub minor: String,
    /// Whole, such as `v1.36.3`.
    pub git_version: String,
}

/// What one group version serves.
struct GroupVersion {
    group: String,
    version: String,
    stale: bool,
    resources: Vec<Resource>,
    /// Kinds that only subresources answer with; charts see them in `.Capabilities.APIVersions`.
    other_kinds: Vec<String>,
}

impl GroupVersion {
    fn empty(api_version: &str) -> Self {
        let gvk = Gvk::new(api_version, "");
        Self { group: gvk.group, version: gvk.version, stale: false, resources: Vec::new(), other_kinds: Vec::new() }
    }
}

impl Served {
    fn add(&mut self, version: GroupVersion) {
        let gvk = Gvk { group: version.group.clone(), version: version.version.clone(), kind: String::new() };
        let api_version = gvk.api_version();
        if version.stale {
            self.stale.insert(api_version.clone());
        }
        for kind in version.other_kinds {
            self.api_versions.push(format!("{api_version}/{kind}"));
        }
        for resource in version.resources {
            self.api_versions.push(format!("{api_version}/{}", resource.kind));
            let resource = Arc::new(resource);
            let key = (resource.group.clone(), resource.kind.clone());
            self.preferred.entry(key).or_default().push(resource.clone());
            // the first plural of a kind is the one to use; others are virtual ones
            self.resources.entry(resource.gvk()).or_insert(resource);
        }
        self.api_versions.push(api_version);
    }

    fn finish(&mut self) {
        self.api_versions.sort();
        self.api_versions.dedup();
    }

    /// Keeps what was known of group versions that are stale and came empty.
    fn keep_stale(&mut self, before: &Self) {
        let lost: Vec<Arc<Resource>> = before
            .resources
            .values()
            .filter(|r| self.stale.contains(&r.api_version()) && !self.resources.contains_key(&r.gvk()))
            .cloned()
            .collect();
        for resource in lost {
            self.api_versions.push(format!("{}/{}", resource.api_version(), resource.kind));
            self.preferred.entry((resource.group.clone(), resource.kind.clone())).or_default().push(resource.clone());
            self.resources.insert(resource.gvk(), resource);
        }
        self.finish();
    }
}

#[cfg(test)]
mod tests;
