//! What all controllers share: the edges, the registries, and the few calls that need several of them.

use super::objects::{Objects, above, unit_id, units_of};
use super::remote::Remotes;
use super::source::{SourceKey, Sources};
use super::tenancy::Tenancy;
use super::unit::{Unit, Units};
use super::views::Views;
use crate::api::helm::{HelmRelease, HelmReleaseSpec};
use crate::api::{Condition, ConditionStatus, ConditionType, Kustomization, ObjectMeta, Reason, ValuesKind, condition, names};
use crate::cluster::{
    ApiError, Cluster, Depth, Elector, EventRecorder, FLUX_FINALIZER, HELM_NAME_LABEL, KUSTOMIZE_NAME_LABEL, ListOptions, Live, Note,
    Served, Severity, WatchHandle, WatchHub, WatchSpec,
};
use crate::git::{Credentials, Git};
use crate::health::Exprs;
use crate::object::{Gvk, Json, Manifest, ObjectId, Redactor};
use crate::release::report::DriftEpisode;
use crate::release::{RunAction, UnitKey, UnitKind, UnitRecord};
use crate::render::chart::Cache;
use crate::render::metadata::{self, Scope, Scopes};
use crate::render::plain;
use crate::render::target::Target;
use crate::render::values;
use crate::source::Snapshot;
use crate::store::{Store, Table};
use crate::telemetry::Metrics;
use base64::Engine as _;
use helmward_chart::template::ParseCache;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Owners between a pod and the object of a release, or an Event and it, at most.
const OWNERS: usize = 4;

/// Group and kind of what sets the replicas of others.
const AUTOSCALER: (&str, &str) = ("autoscaling", "HorizontalPodAutoscaler");

/// Newest revision and status of each Helm release, by storage namespace and name.
pub type HelmHeads = HashMap<(String, String), (u32, String)>;

/// Where the store has a target.
#[derive(Debug, Clone)]
pub struct KeptTarget {
    /// Content id of the target.
    pub target: String,
    /// Content id of its chart.
    pub chart: Option<String>,
}

/// What all controllers share.
pub struct Context {
    /// The cluster; its writes pass the Lease's gate.
    pub cluster: Cluster,
    /// With whose rights units act.
    pub tenancy: Tenancy,
    /// Whether fields that a kind does not have are dropped where the object says nothing.
    pub drop_unknown_fields: bool,
    /// Watches.
    pub hub: WatchHub,
    /// Custom resources.
    pub objects: Objects,
    /// The Lease.
    pub leader: Leader,
    /// The store.
    pub store: Store,
    /// Sources.
    pub sources: Sources,
    /// Units.
    pub units: Units,
    /// Loaded charts.
    pub charts: Cache,
    /// What the page shows.
    pub views: Views,
    /// Metrics.
    pub metrics: Metrics,
    /// Kubernetes Events.
    pub events: EventRecorder,
    /// Hides secrets in what is shown.
    pub redactor: Redactor,
    /// Mirrors of Git repositories.
    pub git: Git,
    /// URL before the paths of artifacts.
    pub artifact_base: String,
    /// From which random functions of charts derive.
    pub secret: [u8; 32],
    /// Templates parsed for any release: versions of a chart, and charts with the same library, share most of theirs.
    pub parsed: Arc<ParseCache>,
    /// Whether `readyExpr` is asked beside the Ready condition of a dependency, and not in its place.
    pub additive_ready_expr: bool,
    /// Credentials of `--git`, and the URL that they belong to.
    pub bootstrap: Option<(String, Credentials)>,
    /// Watches of managed kinds, kept while the daemon runs.
    pub managed: Mutex<HashMap<(UnitKind, Gvk), WatchHandle>>,
    /// The watch of all autoscalers, likewise.
    pub autoscalers: Mutex<Option<WatchHandle>>,
    /// Watches of the Secrets and ConfigMaps of namespaces where values come from them, likewise.
    pub inputs: Mutex<HashMap<(String, String), WatchHandle>>,
    /// The newest revision of each Helm release when the Lease became ours, with its status, by namespace and name; `None` where it
    /// cannot be listed. What the store has is believed only as far as it agrees.
    pub helm: Mutex<Option<HelmHeads>>,
    /// Other clusters, each as long as its Secret has this version.
    pub remotes: Remotes,
}

/// Who may write.
pub struct Leader {
    /// The election; `None` where there is none, as for the one-shot commands of the CLI.
    pub elector: Option<Elector>,
}

impl Leader {
    /// Whether writing is allowed at this moment.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.elector.as_ref().is_none_or(Elector::may_write)
    }
}

/// What is kept of a unit in the store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The record.
    pub record: UnitRecord,
    /// Differences that ended.
    #[serde(default)]
    pub episodes: VecDeque<DriftEpisode>,
}

/// Why values are not known.
#[derive(Debug)]
pub enum ValuesTrouble {
    /// They cannot be put together.
    Values(String),
    /// The cluster did not answer.
    Cluster(String),
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of an object is watched. Kinds that expressions of a user judge are watched as a whole: such an expression may look at any field.
#[must_use]
pub fn depth(id: &ObjectId, exprs: &Exprs) -> Depth {
    if exprs.cover(&id.group, &id.kind) {
        Depth::Full
    } else if crate::health::takes_time(id) {
        Depth::Health
    } else {
        Depth::Metadata
    }
}

impl Context {
    /// An interval with a tenth of jitter, so that a thousand units do not come at once.
    #[must_use]
    pub fn jitter(&self, interval: SignedDuration) -> SignedDuration {
        let mut byte = [0_u8; 1];
        let part = getrandom::fill(&mut byte).map_or(128, |()| i64::from(byte[0]));
        let tenth = interval.as_millis() / 10;
        let offset = i64::try_from(tenth).unwrap_or(0) * part / 255 - i64::try_from(tenth).unwrap_or(0) / 2;
        interval.saturating_add(SignedDuration::from_millis(offset))
    }

    // --- the store

    /// What is kept of a unit. What cannot be read is as good as lost: it is rebuilt.
    pub async fn load(&self, key: &UnitKey) -> Option<Kept> {
        match self.store.get(Table::Units, &key.to_string()).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(unit = %key, %error, "what is stored of the unit cannot be read; it is rebuilt from the cluster");
                None
            }
        }
    }

    /// Keeps a unit. `durable` waits until a killed process would find it.
    pub async fn save(&self, key: &UnitKey, unit: &Unit, durable: bool) {
        let kept = Kept { record: unit.record.clone().unwrap_or_default(), episodes: unit.episodes.clone() };
        let stored = async {
            self.store.put(Table::Units, &key.to_string(), &kept).await?;
            if durable { self.store.flush().await } else { Ok(()) }
        };
        if let Err(error) = stored.await {
            // The store is not the only truth: the run goes on, and a restart rebuilds from the cluster.
            tracing::error!(unit = %key, %error, "the store cannot be written");
        }
    }

    /// Keeps a unit whose run has ended: old revisions go, and what is settled is on the disk.
    pub async fn settle(&self, key: &UnitKey, unit: &mut Unit, max_history: u32) {
        if let Some(record) = unit.record.as_mut() {
            let surplus = record.surplus(max_history, None);
            record.history.retain(|r| !surplus.contains(&r.number));
        }
        self.save(key, unit, true).await;
        if let Err(error) = self.store.sync().await {
            tracing::error!(unit = %key, %error, "the store cannot be synced");
        }
    }

    /// Forgets a unit that is no more.
    pub async fn forget(&self, key: &UnitKey) {
        if let Err(error) = self.store.delete(Table::Units, &key.to_string()).await {
            tracing::warn!(unit = %key, %error, "the store cannot be written");
        }
        self.metrics.forget(key.kind.as_str(), &key.namespace, &key.name);
    }

    /// Keeps a target, and once for all its releases the chart. Targets hold Secrets, so they are encrypted.
    ///
    /// # Errors
    /// Where the store refuses.
    pub async fn put_target(&self, target: &Target) -> Result<KeptTarget, String> {
        let chart = match &target.release {
            Some(payload) => Some(self.put_json(&*payload.chart).await?),
            None => None,
        };
        Ok(KeptTarget { target: self.put_json(target).await?, chart })
    }

    /// A kept target, with its chart.
    pub async fn get_target(&self, id: &str, chart: Option<&str>) -> Option<Target> {
        let mut target: Target = self.get_json(id).await?;
        if let Some(payload) = &mut target.release {
            payload.chart = Arc::new(self.get_json(chart?).await?);
        }
        Some(target)
    }

    /// Keeps bytes of any shape, encrypted; the answer is their address.
    ///
    /// # Errors
    /// Where the store refuses.
    pub async fn put_json(&self, value: &impl Serialize) -> Result<String, String> {
        let bytes = serde_json::to_vec(value).map_err(|e| e.to_string())?;
        Ok(self.store.content_put(bytes).await.map_err(|e| e.to_string())?.to_string())
    }

    /// What is kept under an address.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, id: &str) -> Option<T> {
        let bytes = self.store.content_get(&serde_json::from_value(json!(id)).ok()?).await.ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    // --- watches

    /// Watches the kinds of these objects by the label that a unit's objects carry.
    pub fn watch_objects(&self, kind: UnitKind, manifests: &[Manifest], exprs: &Exprs) {
        let label = match kind {
            UnitKind::Release => HELM_NAME_LABEL,
            UnitKind::Bundle => KUSTOMIZE_NAME_LABEL,
        };
        let mut managed = lock(&self.managed);
        for manifest in manifests {
            let gvk = manifest.gvk();
            let depth = depth(&manifest.id, exprs);
            if managed.get(&(kind, gvk.clone())).is_none_or(|watch| watch.spec().depth < depth) {
                managed.insert((kind, gvk.clone()), self.hub.ensure(WatchSpec::labelled(gvk, label, depth)));
            }
        }
    }

    /// Watches all autoscalers, whoever made them. Waits a little for the first list: before it, what they do looks like drift.
    pub async fn watch_autoscalers(&self) {
        let watch = self.hub.ensure(WatchSpec::all(Gvk::new("autoscaling/v2", AUTOSCALER.1), Depth::Health));
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), watch.settled()).await;
        *lock(&self.autoscalers) = Some(watch);
    }

    /// All autoscalers there are.
    #[must_use]
    pub fn autoscalers(&self) -> Vec<Arc<Live>> {
        self.hub.list(AUTOSCALER.0, AUTOSCALER.1)
    }

    /// Watches, without their content, the Secrets and ConfigMaps that values come from.
    pub fn watch_inputs(&self, objects: &HashSet<ObjectId>) {
        let mut inputs = lock(&self.inputs);
        for id in objects {
            inputs.entry((id.kind.clone(), id.namespace.clone())).or_insert_with(|| {
                let spec = WatchSpec::namespaced(Gvk::new("v1", &id.kind), &id.namespace, Depth::Metadata);
                // Release records come and go with every upgrade, and nobody takes values from them.
                let fields = if id.kind == "Secret" { "type!=helm.sh/release.v1" } else { "" };
                self.hub.ensure(WatchSpec { fields: fields.into(), ..spec })
            });
        }
    }

    /// Lists the newest revision of each Helm release.
    pub async fn learn_helm(&self) {
        let found = async {
            let secrets = self.cluster.resource(&Gvk::new("v1", "Secret")).await?;
            let options = ListOptions { metadata_only: true, ..ListOptions::labels("", "owner=helm") };
            self.cluster.list(&secrets, &options).await
        };
        let newest = match found.await {
            Ok(list) => {
                let mut newest: HashMap<(String, String), (u32, String)> = HashMap::new();
                for secret in &list.items {
                    let text = |pointer: &str| secret.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
                    let Ok(version) = text("/metadata/labels/version").parse() else { continue };
                    let entry = newest.entry((text("/metadata/namespace"), text("/metadata/labels/name"))).or_default();
                    if version >= entry.0 {
                        *entry = (version, text("/metadata/labels/status"));
                    }
                }
                Some(newest)
            }
            Err(error) => {
                tracing::warn!(%error, "Helm's records cannot be listed; what the store has is believed");
                None
            }
        };
        *lock(&self.helm) = newest;
    }

    /// Whether what is remembered of a release is what Helm's records say of it.
    #[must_use]
    pub fn agrees_with_helm(&self, storage: &str, record: &UnitRecord) -> bool {
        let known = lock(&self.helm);
        let (Some(known), Some((namespace, name))) = (&*known, storage.split_once('/')) else { return true };
        let newest = known.get(&(namespace.to_owned(), name.to_owned()));
        let number = newest.map_or(0, |n| n.0);
        match (&record.run, record.last()) {
            // The record of a run may be stored already, or not yet.
            (Some(run), _) if matches!(run.action, RunAction::Install | RunAction::Upgrade | RunAction::Rollback) => {
                // Another daemon may have gone on with the very same revision, and brought it to its end.
                number < run.revision || number == run.revision && newest.is_some_and(|n| n.1.starts_with("pending-"))
            }
            (Some(run), _) => number <= run.revision,
            (None, Some(last)) => number == last.number && newest.is_some_and(|n| n.1 == last.status.as_str()),
            (None, None) => number == 0,
        }
    }

    /// Whether the watches of these kinds hold all objects.
    #[must_use]
    pub fn watches_synced(&self, kind: UnitKind, manifests: &[Manifest]) -> bool {
        let managed = lock(&self.managed);
        manifests.iter().all(|m| managed.get(&(kind, m.gvk())).is_some_and(|h| h.state().phase != crate::cluster::Phase::Starting))
    }

    /// Something moved among the workloads of a namespace: the release that it belongs to looks again, if it waits for health; where that
    /// is not known (yet), all that wait in the namespace.
    pub fn workloads_changed(&self, live: &Live) {
        let mut owner = above(live).and_then(|id| self.hub.get(&id));
        for _ in 0..OWNERS {
            let Some(at) = owner else { break };
            if let Some(key) = units_of(&at).next() {
                self.units.stirred_by(&key, &live.id.namespace);
                return;
            }
            owner = above(&at).and_then(|id| self.hub.get(&id));
        }
        self.units.stirred(&live.id.namespace);
    }

    /// ReplicaSets, pods and warnings around objects that are waited for.
    #[must_use]
    pub fn workloads(&self, objects: &[&Json]) -> (Vec<Json>, Vec<Json>, Vec<Json>) {
        let related = |group: &str, kind: &str, of: &[&Json]| -> Vec<Json> {
            let uids = of.iter().filter_map(|object| object.pointer("/metadata/uid")?.as_str());
            uids.flat_map(|uid| self.hub.related(group, kind, uid)).map(|live| Json::clone(&live.body)).collect()
        };
        let sets = related("apps", "ReplicaSet", objects);
        let owners: Vec<&Json> = objects.iter().copied().chain(&sets).collect();
        let pods = related("", "Pod", &owners);
        let all: Vec<&Json> = owners.into_iter().chain(&pods).collect();
        let events = related("", "Event", &all);
        (sets, pods, events)
    }

    // --- who is woken

    /// A unit's custom resource changed; those that depend on it look again.
    pub fn unit_changed(&self, key: &UnitKey) {
        self.units.wake(key);
    }

    /// A source moved: its units look again.
    pub fn source_moved(&self, source: &SourceKey) {
        for (key, live) in self.objects.units() {
            let reference = match key.kind {
                UnitKind::Release => live.body.pointer("/spec/chart/spec/sourceRef"),
                UnitKind::Bundle => live.body.pointer("/spec/sourceRef"),
            };
            let Some(reference) = reference else { continue };
            let namespace = reference.get("namespace").and_then(Json::as_str).filter(|n| !n.is_empty()).unwrap_or(&key.namespace);
            if reference["name"] == source.name.as_str() && namespace == source.namespace {
                self.units.wake(&key);
            }
        }
    }

    // --- custom resources

    /// Writes a unit's status.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn write_status(&self, key: &UnitKey, old: &Json, new: &Json) -> Result<(), ApiError> {
        let api_version = match key.kind {
            UnitKind::Release => names::HELM_V2,
            UnitKind::Bundle => names::KUSTOMIZE_V1,
        };
        self.write_status_of(&unit_id(key), api_version, old, new).await
    }

    /// Writes the status of any custom resource, as the smallest merge patch.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn write_status_of(&self, id: &ObjectId, api_version: &str, old: &Json, new: &Json) -> Result<(), ApiError> {
        let resource = self.cluster.resource(&Gvk::new(api_version, &id.kind)).await?;
        match self.cluster.patch_status(&resource, id, &merge_patch(old, new), None).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts our finalizer on a unit.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn ensure_finalizer(&self, key: &UnitKey, spec: &super::unit::Spec) -> Result<(), ApiError> {
        if spec.has_finalizer() {
            return Ok(());
        }
        let Some(object) = self.objects.get(key) else { return Ok(()) };
        self.finalizer(&unit_id(key), &object, true).await
    }

    /// Takes our finalizer off a unit.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn remove_finalizer(&self, key: &UnitKey) -> Result<(), ApiError> {
        let Some(object) = self.objects.get(key) else { return Ok(()) };
        self.finalizer(&unit_id(key), &object, false).await
    }

    /// Puts our finalizer on a source.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn ensure_finalizer_of(&self, key: &SourceKey, metadata: &ObjectMeta) -> Result<(), ApiError> {
        match self.objects.source(key) {
            Some(object) if !metadata.has_finalizer() => self.finalizer(&key.id(), &object, true).await,
            _ => Ok(()),
        }
    }

    /// Takes our finalizer off a source.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn remove_finalizer_of(&self, key: &SourceKey, metadata: &ObjectMeta) -> Result<(), ApiError> {
        match self.objects.source(key) {
            Some(object) if metadata.has_finalizer() => self.finalizer(&key.id(), &object, false).await,
            _ => Ok(()),
        }
    }

    async fn finalizer(&self, id: &ObjectId, object: &Json, add: bool) -> Result<(), ApiError> {
        let api_version = object.get("apiVersion").and_then(Json::as_str).unwrap_or_default();
        let resource = self.cluster.resource(&Gvk::new(api_version, &id.kind)).await?;
        if add {
            self.cluster.add_finalizer(&resource, id, object, FLUX_FINALIZER).await?;
        } else {
            self.cluster.remove_finalizer(&resource, id, object, FLUX_FINALIZER).await?;
        }
        Ok(())
    }

    /// Tells an object that its kind is not served yet.
    pub fn not_served(self: &Arc<Self>, live: &Arc<Live>) {
        let (ctx, live) = (Arc::clone(self), Arc::clone(live));
        let told = live.body.pointer("/status/conditions").and_then(Json::as_array);
        if told.is_some_and(|c| c.iter().any(|c| c["reason"] == Reason::NotSupported.as_str())) || !self.leader.may_write() {
            return;
        }
        tokio::spawn(async move {
            let generation = live.body.pointer("/metadata/generation").and_then(Json::as_i64).unwrap_or_default();
            let message = format!("{} is not served by this version of Helmward; nothing is done with this object", live.id.kind);
            let mut conditions = Vec::new();
            let ready = Condition::new(ConditionType::Ready, ConditionStatus::False, Reason::NotSupported, message).observed(generation);
            condition::set(&mut conditions, ready, Timestamp::now().into());
            let api_version = live.body.get("apiVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
            let new = json!({"conditions": conditions, "observedGeneration": generation});
            if let Err(error) = ctx.write_status_of(&live.id, &api_version, &json!({}), &new).await {
                tracing::debug!(object = %live.id, %error, "cannot be told that its kind is not served");
            }
        });
    }

    /// Records a Kubernetes Event about a unit.
    pub fn publish_event(&self, key: &UnitKey, warning: bool, reason: Reason, message: &str, revision: &str) {
        let (api_version, group) = match key.kind {
            UnitKind::Release => (names::HELM_V2, names::HELM_GROUP),
            UnitKind::Bundle => (names::KUSTOMIZE_V1, names::KUSTOMIZE_GROUP),
        };
        let object = self.objects.get(key);
        let text = |pointer: &str| object.as_ref().and_then(|o| o.pointer(pointer)).and_then(Json::as_str).unwrap_or_default().to_owned();
        self.events.record(Note {
            about: unit_id(key),
            api_version: api_version.into(),
            uid: text("/metadata/uid"),
            resource_version: text("/metadata/resourceVersion"),
            severity: if warning { Severity::Warning } else { Severity::Normal },
            reason: reason.as_str().into(),
            message: message.into(),
            annotations: BTreeMap::from([(format!("{group}/revision"), revision.to_owned())]),
        });
    }

    // --- inputs

    /// The values of a release, put together.
    ///
    /// # Errors
    /// Where something is missing or no values, or the cluster does not answer.
    pub async fn values(&self, namespace: &str, spec: &HelmReleaseSpec) -> Result<Json, ValuesTrouble> {
        let mut found: HashMap<(ValuesKind, String), values::Data> = HashMap::new();
        for reference in &spec.values_from {
            let id = ObjectId::new("", reference.kind.as_str(), namespace, &reference.name);
            let object = self.cluster.get(&id).await.map_err(|e| ValuesTrouble::Cluster(e.to_string()))?;
            if let Some(object) = object {
                found.insert((reference.kind, reference.name.clone()), data_of(&object, reference.kind));
            }
        }
        values::compose(namespace, &spec.values_from, |kind, name| found.get(&(kind, name.to_owned())), spec.values.as_ref())
            .map_err(|e| ValuesTrouble::Values(e.to_string()))
    }

    /// Credentials of `--git`, for the sources that share its URL and name no Secret of their own.
    #[must_use]
    pub fn bootstrap_credentials(&self, key: &SourceKey, url: &str) -> Option<Credentials> {
        let (bound, credentials) = self.bootstrap.as_ref()?;
        (bound == url && key.namespace == super::bootstrap::NAME && credentials.is_some()).then(|| credentials.clone())
    }

    /// Builds a folder of manifests and fills in namespaces and ownership metadata.
    ///
    /// # Errors
    /// Where the cluster cannot be asked for its kinds, or a file or document cannot be used.
    pub async fn build_bundle(&self, cluster: &Cluster, object: &Kustomization, snapshot: &Snapshot) -> Result<plain::Built, String> {
        let served = cluster.discovery().served().await.map_err(|e| e.to_string())?;
        let lookup = scope_in(&served);
        let spec = &object.spec;
        let mut built = plain::build(snapshot, spec.path(), spec.target_namespace.as_deref(), &lookup).map_err(|e| e.to_string())?;
        let mut scopes = Scopes::new(&lookup);
        scopes.declare(&built.manifests);
        metadata::require_namespace(&mut built.manifests, &scopes).map_err(|e| e.to_string())?;
        if let Some(common) = &spec.common_metadata {
            metadata::common(&mut built.manifests, common);
        }
        metadata::own_by_kustomization(&mut built.manifests, &object.metadata.name, &object.metadata.namespace);
        Ok(built)
    }

    /// Fills in namespaces and ownership metadata of a release's objects and hooks.
    ///
    /// # Errors
    /// Where the cluster cannot be asked for its kinds.
    pub async fn place_release(&self, cluster: &Cluster, object: &HelmRelease, target: &mut Target) -> Result<(), ApiError> {
        let served = cluster.discovery().served().await?;
        let lookup = scope_in(&served);
        let mut scopes = Scopes::new(&lookup);
        scopes.declare(target.crds.iter().chain(&target.manifests));
        let (namespace, release) = (object.release_namespace(), object.release_name());
        let mut hooks: Vec<Manifest> = target.hooks.iter().map(|h| h.manifest.clone()).collect();
        for manifests in [&mut target.manifests, &mut hooks] {
            metadata::default_namespace(manifests, namespace, &scopes);
            metadata::own_by_helm(manifests, &release, namespace);
            metadata::own_by_helm_release(manifests, &object.metadata.name, &object.metadata.namespace);
            if let Some(common) = &object.spec.common_metadata {
                metadata::common(manifests, common);
            }
        }
        for (hook, manifest) in target.hooks.iter_mut().zip(hooks) {
            hook.manifest = manifest;
        }
        Ok(())
    }
}

/// The scope of a kind, as discovery has it.
fn scope_in(served: &Served) -> impl Fn(&Gvk) -> Option<Scope> + '_ {
    |gvk| {
        let resource = served.resource(gvk).or_else(|| served.preferred(&gvk.group, &gvk.kind))?;
        Some(if resource.namespaced { Scope::Namespaced } else { Scope::Cluster })
    }
}

/// The keys of a ConfigMap or Secret.
pub(super) fn data_of(object: &Json, kind: ValuesKind) -> values::Data {
    let mut out = values::Data::new();
    for (key, value) in object.get("data").and_then(Json::as_object).into_iter().flatten() {
        let Some(text) = value.as_str() else { continue };
        let bytes = match kind {
            ValuesKind::ConfigMap => text.as_bytes().to_vec(),
            ValuesKind::Secret => match base64::engine::general_purpose::STANDARD.decode(text) {
                Ok(bytes) => bytes,
                Err(_) => continue,
            },
        };
        out.insert(key.clone(), bytes);
    }
    out
}

/// The smallest merge patch (RFC 7386) from one tree to another.
fn merge_patch(old: &Json, new: &Json) -> Json {
    match (old, new) {
        (Json::Object(from), Json::Object(to)) => {
            let mut patch = serde_json::Map::new();
            for (key, value) in to {
                match from.get(key) {
                    Some(before) if before == value => {}
                    Some(before) => drop(patch.insert(key.clone(), merge_patch(before, value))),
                    None => drop(patch.insert(key.clone(), value.clone())),
                }
            }
            for key in from.keys().filter(|k| !to.contains_key(*k)) {
                patch.insert(key.clone(), Json::Null);
            }
            Json::Object(patch)
        }
        (_, new) => new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patches_are_small_and_right() {
        let (old, new) = (json!({"a": 1, "b": {"x": 1, "y": 2}, "c": [1]}), json!({"a": 1, "b": {"x": 1, "z": 3}, "c": [2]}));
        assert_eq!(merge_patch(&old, &new), json!({"b": {"y": null, "z": 3}, "c": [2]}));
        assert_eq!(merge_patch(&old, &old), json!({}));
    }
}
