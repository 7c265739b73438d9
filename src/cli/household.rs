//! A release or kustomization with all that came of it: its objects as they live, and the ReplicaSets, Jobs, pods and events below.

use super::failure::Failure;
use super::session::Session;
use super::status::text;
use crate::api::kinds::Kind;
use crate::cluster::ListOptions;
use crate::health::cause::{Family, Finding, find};
use crate::health::{self, Health, HealthState};
use crate::object::{Gvk, Json, ObjectId};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::BTreeSet;

/// Requests at the same time.
const CONCURRENCY: usize = 16;
/// Kustomizations in Kustomizations: more than anybody has, and an end where they apply each other.
const DEEPEST: usize = 8;

/// A unit with what came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Household {
    /// The custom resource.
    pub(super) unit: Json,
    /// The objects of its inventory.
    pub(super) objects: Vec<Member>,
    /// ReplicaSets and Jobs in the namespaces of the objects.
    pub(super) owners: Vec<Json>,
    pub(super) pods: Vec<Json>,
    pub(super) events: Vec<Json>,
    /// What could not be read, each with its reason.
    pub(super) gaps: Vec<String>,
}

/// An object of the inventory.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: ObjectId,
    /// As it lives; `None` where it is not in the cluster; the reason where it could not be read.
    pub(super) live: Result<Option<Json>, String>,
    /// What came of it, where it is a release or kustomization itself.
    pub(super) household: Option<Box<Household>>,
}

impl Member {
    pub(super) fn health(&self) -> Health {
        match &self.live {
            Ok(live) => health::check(live.as_ref()),
            Err(why) => Health::new(HealthState::Unknown, "Unreadable", why),
        }
    }
}

impl Household {
    /// Reads all of it. `with_inner`: of releases and kustomizations among the objects too.
    pub(super) async fn read(session: &Session, unit: Json, with_inner: bool) -> Self {
        Self::at_depth(session, unit, if with_inner { DEEPEST } else { 0 }).await
    }

    fn at_depth(session: &Session, unit: Json, depth: usize) -> BoxFuture<'_, Self> {
        async move {
            let ids = inventory(&unit);
            let objects: Vec<Member> = stream::iter(ids).map(|id| member(session, id, depth)).buffered(CONCURRENCY).collect().await;
            let mut house = Self { unit, objects, ..Self::default() };
            for namespace in house.namespaces() {
                house.owners.extend(list(session, "apps/v1", "ReplicaSet", &namespace, &mut house.gaps).await);
                house.owners.extend(list(session, "batch/v1", "Job", &namespace, &mut house.gaps).await);
                house.pods.extend(list(session, "v1", "Pod", &namespace, &mut house.gaps).await);
            }
            let mut events_in: BTreeSet<String> = house.objects.iter().map(|member| member.id.namespace.clone()).collect();
            events_in.insert(text(&house.unit, "/metadata/namespace").to_owned());
            for namespace in events_in.iter().filter(|namespace| !namespace.is_empty()) {
                house.events.extend(list(session, "v1", "Event", namespace, &mut house.gaps).await);
            }
            house
        }
        .boxed()
    }

    /// Where pods of the objects may be.
    fn namespaces(&self) -> BTreeSet<String> {
        const WORKLOADS: [&str; 7] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"];
        let workloads =
            self.objects.iter().filter(|m| WORKLOADS.contains(&m.id.kind.as_str()) || !m.id.group.is_empty() && !is_plain(&m.id));
        workloads.map(|member| member.id.namespace.clone()).filter(|namespace| !namespace.is_empty()).collect()
    }

    /// What explains the health of the objects.
    pub(super) fn family(&self) -> Family<'_> {
        Family { owners: &self.owners, pods: &self.pods, events: &self.events }
    }

    /// Objects that are not current, the deepest cause first.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let family = self.family();
        let unhealthy = self.objects.iter().filter_map(|member| {
            let health = member.health();
            let live = member.live.as_ref().ok().and_then(Option::as_ref);
            (health.state != HealthState::Current).then(|| find(&member.id, live, &health, &family))
        });
        let mut findings: Vec<Finding> = unhealthy.collect();
        findings.sort_by(|a, b| (a.cause, &a.object).cmp(&(b.cause, &b.object)));
        findings
    }

    /// Those of `children` that name `parent` as an owner.
    pub(super) fn owned<'a>(children: &'a [Json], parent: &Json) -> Vec<&'a Json> {
        let uid = text(parent, "/metadata/uid");
        let owners = |child: &Json| child.pointer("/metadata/ownerReferences").and_then(Json::as_array).cloned().unwrap_or_default();
        let mut out: Vec<&Json> =
            children.iter().filter(|child| !uid.is_empty() && owners(child).iter().any(|owner| text(owner, "/uid") == uid)).collect();
        out.sort_by_key(|child| text(child, "/metadata/name"));
        out
    }

    /// The pods of the objects, whoever stands between.
    pub(super) fn members_pods(&self) -> Vec<&Json> {
        let mut out = Vec::new();
        for member in &self.objects {
            if let Ok(Some(live)) = &member.live {
                if member.id.group.is_empty() && member.id.kind == "Pod" {
                    out.push(live);
                }
                out.extend(self.pods_of(live, DEEPEST));
            }
            if let Some(inner) = &member.household {
                out.extend(inner.members_pods());
            }
        }
        out
    }

    fn pods_of(&self, parent: &Json, depth: usize) -> Vec<&Json> {
        let mut out = Self::owned(&self.pods, parent);
        if depth > 0 {
            out.extend(Self::owned(&self.owners, parent).into_iter().flat_map(|owner| self.pods_of(owner, depth - 1)));
        }
        out
    }
}

/// Built-in kinds that never have pods.
fn is_plain(id: &ObjectId) -> bool {
    crate::object::is_builtin_group(&id.group) || Kind::find(&id.group, &id.kind).is_some()
}

/// The ids of `status.inventory`, in their order.
pub(super) fn inventory(unit: &Json) -> Vec<ObjectId> {
    let entries = unit.pointer("/status/inventory/entries").and_then(Json::as_array).into_iter().flatten();
    entries.filter_map(|entry| ObjectId::from_inventory_id(text(entry, "/id"))).collect()
}

async fn member(session: &Session, id: ObjectId, depth: usize) -> Member {
    let live = session.cluster.get(&id).await.map_err(|error| error.to_string());
    let is_unit = matches!(id.kind.as_str(), "HelmRelease" | "Kustomization") && Kind::find(&id.group, &id.kind).is_some();
    let household = match &live {
        Ok(Some(unit)) if is_unit && depth > 0 => Some(Box::new(Household::at_depth(session, unit.clone(), depth - 1).await)),
        _ => None,
    };
    Member { id, live, household }
}

/// All of a kind in a namespace; without the right to read them there is less to tell, which is noted.
async fn list(session: &Session, api_version: &str, kind: &str, namespace: &str, gaps: &mut Vec<String>) -> Vec<Json> {
    let listed: Result<_, Failure> = async {
        let resource = session.cluster.resource(&Gvk::new(api_version, kind)).await?;
        Ok(session.cluster.list(&resource, &ListOptions::labels(namespace, "")).await?.items)
    }
    .await;
    listed.unwrap_or_else(|failure| {
        gaps.push(failure.message);
        Vec::new()
    })
}
