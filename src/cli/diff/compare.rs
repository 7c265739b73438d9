//! Each wanted object against the live one, by server-side dry-run.

use super::Wanted;
use super::desired::is_left_alone;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cluster::{ApiError, Apply, Kind, ListOptions};
use crate::object::{Gvk, Json, Manifest, ObjectId};
use crate::plan::diff::{RawChange, diff};
use crate::plan::drift::quiet;
use crate::plan::ignore::Rules;
use crate::plan::inventory::{PrunePolicy, protection};
use crate::plan::ownership::Ownership;
use crate::plan::prepare::prepare;
use crate::plan::replicas::Autoscaled;
use crate::plan::{Hold, order};
use futures::{StreamExt, stream};
use std::collections::BTreeSet;

/// Requests at the same time.
const CONCURRENCY: usize = 16;

/// One object, compared.
pub(super) struct Item {
    pub(super) id: ObjectId,
    pub(super) change: What,
    /// Without status and what the system writes.
    pub(super) live: Option<Json>,
    /// As the server would store it.
    pub(super) desired: Option<Json>,
    pub(super) fields: Vec<RawChange>,
    /// What a person should know of it.
    pub(super) note: Option<String>,
}

/// What would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Create,
    Change,
    Delete,
    Unchanged,
    /// It cannot be known beforehand.
    Unknown,
}

/// All objects, compared.
pub(super) struct Compared {
    pub(super) items: Vec<Item>,
    pub(super) refused: Vec<ApiError>,
    pub(super) warnings: Vec<String>,
}

pub(super) async fn compare(session: &Session, wanted: &Wanted) -> Result<Compared, Failure> {
    let autoscaled = autoscaled(session, &wanted.manifests).await;
    let promised = Promised::by(&wanted.manifests);
    let context = Context { session, autoscaled: &autoscaled, promised: &promised };
    let compared: Vec<Result<(Item, Vec<String>), ApiError>> =
        stream::iter(wanted.manifests.iter().map(|manifest| context.one(manifest))).buffered(CONCURRENCY).collect().await;
    let mut out = Compared { items: Vec::new(), refused: Vec::new(), warnings: Vec::new() };
    for result in compared {
        match result {
            Ok((item, warnings)) => {
                out.warnings.extend(warnings.into_iter().map(|words| format!("{}: {words}", item.id)));
                out.items.push(item);
            }
            Err(error) if matches!(error.kind, Kind::Unreachable | Kind::Unauthorized) => return Err(error.into()),
            Err(error) => out.refused.push(error),
        }
    }
    let ids: BTreeSet<&ObjectId> = wanted.manifests.iter().map(|manifest| &manifest.id).collect();
    for id in wanted.owned.iter().filter(|id| !ids.contains(id)) {
        if let Some(item) = deleted(session, id).await? {
            out.items.push(item);
        }
    }
    out.items.sort_by(|a, b| order::apply_key(&a.id).cmp(&order::apply_key(&b.id)));
    Ok(out)
}

/// What the objects themselves bring along, so that others need not find it in the cluster yet.
struct Promised {
    kinds: BTreeSet<(String, String)>,
    namespaces: BTreeSet<String>,
}

impl Promised {
    fn by(manifests: &[Manifest]) -> Self {
        let text = |body: &Json, pointer: &str| body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let kinds = manifests.iter().filter(|m| m.id.kind == "CustomResourceDefinition");
        let namespaces = manifests.iter().filter(|m| m.id.group.is_empty() && m.id.kind == "Namespace");
        Self {
            kinds: kinds.map(|m| (text(&m.body, "/spec/group"), text(&m.body, "/spec/names/kind"))).collect(),
            namespaces: namespaces.map(|m| m.id.name.clone()).collect(),
        }
    }
}

struct Context<'a> {
    session: &'a Session,
    autoscaled: &'a Autoscaled,
    promised: &'a Promised,
}

impl Context<'_> {
    async fn one(&self, manifest: &Manifest) -> Result<(Item, Vec<String>), ApiError> {
        let cluster = &self.session.cluster;
        let id = &manifest.id;
        let item =
            |change| Item { id: id.clone(), change, live: None, desired: Some(quiet(&manifest.body)), fields: Vec::new(), note: None };
        let resource = match cluster.resource(&manifest.gvk()).await {
            Ok(resource) => resource,
            Err(error) if error.kind == Kind::KindMissing && self.promised.kinds.contains(&(id.group.clone(), id.kind.clone())) => {
                return Ok((Item { note: Some("its definition comes with this change".into()), ..item(What::Create) }, Vec::new()));
            }
            Err(error) => return Err(ApiError { subject: id.into(), ..error }),
        };
        let live = cluster.get_as(&resource, id).await?;
        if is_left_alone(manifest) {
            let note = Some("it is excluded from reconciliation".into());
            return Ok((Item { live: live.as_ref().map(quiet), note, ..item(What::Unchanged) }, Vec::new()));
        }
        let prepared = prepare(manifest, live.as_ref(), &Rules::default(), self.autoscaled);
        let answer = match cluster.apply_as(&resource, id, &prepared.applied, &Apply::dry_run()).await {
            Ok(answer) => answer,
            Err(error) => return self.unanswered(error, item, live.as_ref()),
        };
        let desired = quiet(&answer.object);
        let Some(live) = live else { return Ok((Item { desired: Some(desired), ..item(What::Create) }, answer.warnings)) };
        let mut keys = Ownership::of(&answer.object).list_keys();
        keys.merge(Ownership::of(&live).list_keys());
        let live = quiet(&live);
        let fields = diff(&live, &desired, &keys);
        let change = if fields.is_empty() { What::Unchanged } else { What::Change };
        let note = prepared.replicas_left_out.then(|| "its replicas are left to its autoscaler".into());
        Ok((Item { live: Some(live), desired: Some(desired), fields, note, ..item(change) }, answer.warnings))
    }

    /// Some objects cannot be tried beforehand, which is no fault of theirs.
    fn unanswered(&self, error: ApiError, item: impl Fn(What) -> Item, live: Option<&Json>) -> Result<(Item, Vec<String>), ApiError> {
        let known = match error.kind {
            Kind::NamespaceMissing | Kind::NotFound if self.comes(&item(What::Create).id.namespace) => {
                (What::Create, "its namespace comes with this change")
            }
            Kind::NamespaceMissing => (What::Create, "its namespace is not there yet"),
            Kind::DryRunUnsupported => (What::Unknown, "a webhook with side effects does not allow a dry-run"),
            Kind::WebhookUnreachable => (What::Unknown, "an admission webhook cannot be asked"),
            Kind::Immutable => {
                let note = format!("a field that may not change would change: {}", error.message);
                return Ok((Item { live: live.map(quiet), note: Some(note), ..item(What::Unknown) }, Vec::new()));
            }
            _ => return Err(error),
        };
        Ok((Item { live: live.map(quiet), note: Some(known.1.into()), ..item(known.0) }, Vec::new()))
    }

    fn comes(&self, namespace: &str) -> bool {
        self.promised.namespaces.contains(namespace)
    }
}

/// An object of ours that is not wanted any more; `None` where it is gone already.
async fn deleted(session: &Session, id: &ObjectId) -> Result<Option<Item>, Failure> {
    let live = match session.cluster.get(id).await {
        Ok(live) => live,
        // with its kind, the object is gone too
        Err(error) if error.kind == Kind::KindMissing => None,
        Err(error) => return Err(error.into()),
    };
    let Some(live) = live else { return Ok(None) };
    let kept = protection(id, [&live], &PrunePolicy::default());
    let (change, note) = match kept {
        None => (What::Delete, None),
        Some(Hold::HelmKeep) => (What::Unchanged, Some("no longer wanted, but kept: helm.sh/resource-policy".into())),
        Some(Hold::FluxPruneDisabled) => (What::Unchanged, Some("no longer wanted, but kept: its pruning is disabled".into())),
        Some(_) => (What::Unchanged, Some("no longer wanted, but kept: its kind is not pruned without opt-in".into())),
    };
    Ok(Some(Item { id: id.clone(), change, live: Some(quiet(&live)), desired: None, fields: Vec::new(), note }))
}

/// Autoscalers among the objects and in the namespaces of the workloads; whoever may not list them goes without.
async fn autoscaled(session: &Session, manifests: &[Manifest]) -> Autoscaled {
    let mut found: Vec<Json> = manifests.iter().map(|manifest| manifest.body.clone()).collect();
    let workloads = manifests.iter().filter(|m| m.body.pointer("/spec/replicas").is_some());
    let namespaces: BTreeSet<&str> = workloads.map(|m| m.id.namespace.as_str()).collect();
    if let Ok(resource) = session.cluster.resource(&Gvk::new("autoscaling/v2", "HorizontalPodAutoscaler")).await {
        for namespace in namespaces {
            if let Ok(list) = session.cluster.list(&resource, &ListOptions::labels(namespace, "")).await {
                found.extend(list.items);
            }
        }
    }
    Autoscaled::by(&found)
}
