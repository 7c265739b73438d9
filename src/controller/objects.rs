//! The custom resources that the daemon serves, as the watch hub knows them, and who must be woken when one changes.

use super::context::Context;
use super::source::SourceKey;
use super::unit::Units;
use crate::api::names;
use crate::cluster::{Change, Depth, Live, LiveEvent, WatchHandle, WatchHub, WatchSpec};
use crate::object::{Gvk, Json, ObjectId};
use crate::release::{UnitKey, UnitKind};
use std::sync::Arc;

/// Kinds whose CRDs are installed but that nothing serves yet: their objects are told so.
pub const NOT_SERVED: &[(&str, &str)] = &[
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmChart"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "Bucket"),
    ("source.toolkit.fluxcd.io/v1", "ExternalArtifact"),
    ("notification.toolkit.fluxcd.io/v1", "Receiver"),
    ("notification.toolkit.fluxcd.io/v1beta3", "Alert"),
    ("notification.toolkit.fluxcd.io/v1beta3", "Provider"),
];

/// The watches of custom resources. They end with the last clone.
#[derive(Clone)]
pub struct Objects {
    hub: WatchHub,
    /// HelmReleases, Kustomizations, GitRepositories.
    served: Arc<[WatchHandle; 3]>,
    _others: Arc<Vec<WatchHandle>>,
}

impl Objects {
    /// Starts to watch.
    #[must_use]
    pub fn new(hub: &WatchHub) -> Self {
        let all = |api_version: &str, kind: &str| hub.ensure(WatchSpec::all(Gvk::new(api_version, kind), Depth::Full));
        let served = [
            all(names::HELM_V2, UnitKind::Release.as_str()),
            all(names::KUSTOMIZE_V1, UnitKind::Bundle.as_str()),
            all(names::SOURCE_V1, "GitRepository"),
        ];
        let others = NOT_SERVED.iter().map(|(api_version, kind)| all(api_version, kind)).collect();
        Self { hub: hub.clone(), served: Arc::new(served), _others: Arc::new(others) }
    }

    /// Waits until all served custom resources are known.
    pub async fn settled(&self) {
        for handle in self.served.iter() {
            handle.settled().await;
        }
    }

    /// A unit's custom resource.
    #[must_use]
    pub fn get(&self, key: &UnitKey) -> Option<Arc<Json>> {
        self.hub.get(&unit_id(key)).map(|live| Arc::clone(&live.body))
    }

    /// A source's custom resource.
    #[must_use]
    pub fn source(&self, key: &SourceKey) -> Option<Arc<Json>> {
        self.hub.get(&key.id()).map(|live| Arc::clone(&live.body))
    }

    /// All units there are.
    #[must_use]
    pub fn units(&self) -> Vec<(UnitKey, Arc<Live>)> {
        let of = |kind: UnitKind, handle: &WatchHandle| {
            handle
                .list()
                .into_iter()
                .map(move |l| (UnitKey { kind, namespace: l.id.namespace.clone(), name: l.id.name.clone() }, l))
                .collect::<Vec<_>>()
        };
        let mut all = of(UnitKind::Release, &self.served[0]);
        all.extend(of(UnitKind::Bundle, &self.served[1]));
        all
    }

    /// All sources there are.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceKey> {
        self.served[2].list().into_iter().map(|l| SourceKey { namespace: l.id.namespace.clone(), name: l.id.name.clone() }).collect()
    }
}

/// The identity of a unit's custom resource.
#[must_use]
pub fn unit_id(key: &UnitKey) -> ObjectId {
    let group = match key.kind {
        UnitKind::Release => names::HELM_GROUP,
        UnitKind::Bundle => names::KUSTOMIZE_GROUP,
    };
    ObjectId::new(group, key.kind.as_str(), &key.namespace, &key.name)
}

/// Sends one live event to whom it concerns.
pub fn dispatch(ctx: &Arc<Context>, event: &LiveEvent) {
    let (live, deleted) = match &event.change {
        Change::Applied { object, before } => {
            if only_ours_moved(object, before.as_deref()) {
                // An expression, or the revision of a source, may be what others wait for in it.
                ctx.units.arrived(&object.id);
                return;
            }
            (object, false)
        }
        Change::Deleted(live) => (live, true),
        Change::Synced | Change::Missing => {
            // Units that wait for this watch cannot know which one it is.
            if !event.watch.labels.is_empty() {
                wake_uncompared(&ctx.units, ctx);
            }
            return;
        }
    };
    let id = &live.id;
    let key = |kind| UnitKey { kind, namespace: id.namespace.clone(), name: id.name.clone() };
    if event.watch.labels.is_empty() && event.watch.namespace.is_empty() {
        match (id.group.as_str(), id.kind.as_str()) {
            (names::HELM_GROUP, "HelmRelease") => ctx.unit_changed(&key(UnitKind::Release)),
            (names::KUSTOMIZE_GROUP, "Kustomization") => ctx.unit_changed(&key(UnitKind::Bundle)),
            (names::SOURCE_GROUP, "GitRepository") => {
                ctx.sources.queue.add(SourceKey { namespace: id.namespace.clone(), name: id.name.clone() });
            }
            (_, kind) if NOT_SERVED.iter().any(|(_, k)| *k == kind) && !deleted => ctx.not_served(live),
            _ => {}
        }
    }
    ctx.units.note_end(live);
    ctx.units.arrived(id);
    for key in units_of(live) {
        match &event.change {
            Change::Applied { before: Some(before), .. } if only_status_moved(live, before) => {
                ctx.units.moved(&key, id.clone(), &before.resource_version, &live.resource_version);
            }
            _ => ctx.units.touch(&key, id.clone()),
        }
    }
    if !event.watch.namespace.is_empty() {
        // Pods, ReplicaSets and warnings of a namespace where something is being waited for.
        ctx.workloads_changed(live);
    }
}

/// The units that an object's labels name.
pub fn units_of(live: &Live) -> impl Iterator<Item = UnitKey> {
    let named = |name: &str, namespace: &str, kind| {
        Some(UnitKey { kind, namespace: live.label(namespace)?.to_owned(), name: live.label(name)?.to_owned() })
    };
    [
        named(names::HELM_NAME, names::HELM_NAMESPACE, UnitKind::Release),
        named(names::KUSTOMIZE_NAME, names::KUSTOMIZE_NAMESPACE, UnitKind::Bundle),
    ]
    .into_iter()
    .flatten()
}

/// What an object was made for, or what an Event is about.
#[must_use]
pub fn above(live: &Live) -> Option<ObjectId> {
    let owners = live.body.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let target = match owners.into_iter().flatten().find(|owner| owner["controller"] == true) {
        Some(owner) => owner,
        None => live.body.get("involvedObject")?,
    };
    let text = |key: &str| target.get(key).and_then(Json::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    Some(ObjectId::new(group, text("kind"), &live.id.namespace, text("name")))
}

/// Whether nothing but the status of an object changed: whoever takes a field from us shows up among its managers.
fn only_status_moved(now: &Live, before: &Live) -> bool {
    let same = |pointer: &str| now.body.pointer(pointer) == before.body.pointer(pointer);
    let spec = |live: &Live| live.managers.iter().filter(|m| &*m.subresource != "status").cloned().collect::<Vec<_>>();
    now.uid == before.uid
        && same("/metadata/generation")
        && same("/metadata/labels")
        && same("/metadata/deletionTimestamp")
        && !now.managers.is_empty()
        && spec(now) == spec(before)
}

/// A status that we wrote ourselves wakes nobody: generation, annotations, labels, finalizers and deletion are as before.
fn only_ours_moved(now: &Live, before: Option<&Live>) -> bool {
    let served = matches!(now.id.kind.as_str(), "HelmRelease" | "Kustomization" | "GitRepository") && now.id.group.ends_with(".fluxcd.io");
    let Some(before) = before.filter(|_| served) else { return false };
    let same = |pointer: &str| now.body.pointer(pointer) == before.body.pointer(pointer);
    // A dependency's Ready is what others wait for.
    let ready = |live: &Live| {
        let conditions = live.body.pointer("/status/conditions").and_then(Json::as_array);
        conditions.and_then(|c| c.iter().find(|c| c["type"] == "Ready")).map(|c| (c["status"].clone(), c["observedGeneration"].clone()))
    };
    same("/metadata/generation")
        && same("/metadata/annotations")
        && same("/metadata/labels")
        && same("/metadata/finalizers")
        && same("/metadata/deletionTimestamp")
        && same("/status/observedGeneration")
        && ready(now) == ready(before)
}

fn wake_uncompared(units: &Units, ctx: &Context) {
    for (key, _) in ctx.objects.units() {
        units.queue.add(key);
    }
}
