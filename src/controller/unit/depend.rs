//! What a unit waits for before it begins, and what it waits for before it goes: dependencies of all sorts, their circles, their order.

use super::prepare::Problem;
use super::{Spec, Unit};
use crate::api::{Reason, extras, names};
use crate::cluster::{ApiError, Kind, Phase, WatchSpec};
use crate::controller::context::{Context, depth};
use crate::controller::objects::unit_id;
use crate::health::HealthState;
use crate::object::{Gvk, Json, ObjectId};
use crate::release::{UnitKey, UnitKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Objects that are deleted together are not deleted at one moment: so long one that others depend on waits for them to be deleted too.
const TOGETHER: SignedDuration = SignedDuration::from_secs(2);

/// The unit that an object is the custom resource of.
pub(super) fn unit_of(id: &ObjectId) -> Option<UnitKey> {
    let kind = match (id.group.as_str(), id.kind.as_str()) {
        (names::HELM_GROUP, "HelmRelease") => UnitKind::Release,
        (names::KUSTOMIZE_GROUP, "Kustomization") => UnitKind::Bundle,
        _ => return None,
    };
    Some(UnitKey { kind, namespace: id.namespace.clone(), name: id.name.clone() })
}

/// Watches the objects outside of the unit that it depends on, or whose health counts, each by its name: their events wake it.
pub(super) fn follow(ctx: &Context, unit: &mut Unit, spec: &Spec) {
    // In another cluster nothing is watched: it is asked again and again.
    let all = spec.depends_on_any().iter().chain(spec.health_checks()).filter(|_| !spec.is_elsewhere());
    let wanted: HashSet<&ObjectId> = all.filter(|id| unit_of(id).is_none()).collect();
    unit.foreign.retain(|id, _| wanted.contains(id));
    for id in wanted {
        let depth = depth(id, spec.exprs());
        if unit.foreign.get(id).is_none_or(|watch| watch.spec().depth < depth) {
            // The version is the one that the server prefers.
            let gvk = Gvk { group: id.group.clone(), version: String::new(), kind: id.kind.clone() };
            let watch = WatchSpec { fields: format!("metadata.name={}", id.name), ..WatchSpec::namespaced(gvk, &id.namespace, depth) };
            unit.foreign.insert(id.clone(), ctx.hub.ensure(watch));
        }
    }
}

/// Whether everything that the unit depends on is ready.
pub(super) async fn ready(ctx: &Context, unit: &Unit, spec: &Spec) -> Result<(), Problem> {
    let own = spec.key();
    if let Some(circle) = circle(ctx, &own) {
        let names: Vec<String> = circle.iter().chain(circle.first()).map(ToString::to_string).collect();
        let message = format!("dependencies go in a circle: {}; break it, nothing of it is applied before", names.join(" -> "));
        return Err(waiting(message, circle.iter().map(unit_id).collect()));
    }
    for (dependency, expression) in spec.depends_on().into_iter().zip(spec.ready_exprs()) {
        let wait = |why: &str| {
            let message = format!("dependency '{}/{}' {why}", dependency.namespace, dependency.name);
            Err(waiting(message, HashSet::from([unit_id(&dependency)])))
        };
        let Some(object) = ctx.objects.get(&dependency) else { return wait("does not exist") };
        if let Some(expression) = expression {
            let this = ctx.objects.get(&own);
            let value = |name: &str| match name {
                "dep" => Some(&*object),
                "self" => this.as_deref(),
                _ => None,
            };
            match expression.holds(value) {
                Ok(true) => {}
                Ok(false) => return wait("is not ready according to its readyExpr"),
                Err(why) => return wait(&format!("is not ready: its readyExpr cannot be evaluated: {why}")),
            }
            if !ctx.additive_ready_expr {
                continue;
            }
        }
        if let Some(why) = unready(ctx, spec, &dependency, &object) {
            return wait(&why);
        }
    }
    for id in spec.depends_on_any() {
        let wait = |why: String| {
            let waits = waiting(format!("dependency {id} {why}"), HashSet::from([id.clone()]));
            Err(Problem { stumbled: spec.is_elsewhere() && unit_of(id).is_none(), ..waits })
        };
        if let Some(dependency) = unit_of(id) {
            match ctx.objects.get(&dependency) {
                None => return wait("does not exist".into()),
                Some(object) => {
                    if let Some(why) = unready(ctx, spec, &dependency, &object) {
                        return wait(why);
                    }
                }
            }
            continue;
        }
        match look(ctx, unit, spec, id).await {
            Ok(Found::There(object)) => {
                if let Some(why) = unhealthy(spec, id, &object) {
                    return wait(format!("is not ready: {why}"));
                }
            }
            Ok(Found::Missing(why)) => return wait(format!("does not exist{why}")),
            Err(error) => {
                let mut problem = waiting(format!("dependency {id} cannot be looked at: {error}"), HashSet::from([id.clone()]));
                problem.stumbled = true;
                return Err(problem);
            }
        }
    }
    Ok(())
}

fn waiting(message: String, awaits: HashSet<ObjectId>) -> Problem {
    Problem { reason: Reason::DependencyNotReady, message, awaits, stumbled: false, quiet: false }
}

/// Why a unit is not ready for those that depend on it. A bundle waits for a dependency of the same source to come to the same
/// revision, as Flux has it.
fn unready(ctx: &Context, spec: &Spec, key: &UnitKey, object: &Json) -> Option<String> {
    let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
    let observed = object.pointer("/status/observedGeneration").and_then(Json::as_i64);
    if !is_ready(object) || generation != observed {
        return Some("is not ready".into());
    }
    if spec.kind() != UnitKind::Bundle || key.kind != UnitKind::Bundle {
        return None;
    }
    let reference = object.pointer("/spec/sourceRef")?;
    let text = |field: &str| reference.get(field).and_then(Json::as_str).unwrap_or_default();
    let source = spec.source();
    let namespace = if text("namespace").is_empty() { key.namespace.as_str() } else { text("namespace") };
    if text("name") != source.name || namespace != source.namespace {
        return None;
    }
    let wanted = ctx.sources.get(&source)?.info.revision;
    let applied = object.pointer("/status/lastAppliedRevision").and_then(Json::as_str);
    (applied != Some(wanted.as_str())).then(|| format!("is not at the revision {wanted} of their source yet"))
}

fn is_ready(object: &Json) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
    conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

fn unhealthy(spec: &Spec, id: &ObjectId, object: &Json) -> Option<String> {
    let health = spec.exprs().check(Some(object));
    if health.state != HealthState::Current {
        return Some(health.message);
    }
    // Objects of Flux say when they are ready; what says nothing yet is not.
    (id.group.ends_with(".toolkit.fluxcd.io") && !is_ready(object)).then(|| "its Ready condition is not True".into())
}

/// An object, looked for.
pub(super) enum Found {
    There(Arc<Json>),
    /// Why it is not there, where more is known than that.
    Missing(String),
}

/// Looks for an object with the rights of the unit; in its watch, where nothing but the daemon's own rights are in play.
pub(super) async fn look(ctx: &Context, unit: &Unit, spec: &Spec, id: &ObjectId) -> Result<Found, ApiError> {
    let cluster = spec.act(ctx).await?;
    let ours = !cluster.is_impersonating() && !cluster.is_remote();
    let watch = unit.foreign.get(id).filter(|watch| ours && watch.state().phase == Phase::Synced);
    if let Some(live) = watch.and_then(|watch| watch.get(id)) {
        return Ok(Found::There(Arc::clone(&live.body)));
    }
    match cluster.get(id).await {
        Ok(Some(object)) => Ok(Found::There(Arc::new(object))),
        Ok(None) => Ok(Found::Missing(no_namespace(&cluster, id).await.map(|why| format!(": {why}")).unwrap_or_default())),
        Err(error) if error.kind == Kind::KindMissing => Ok(Found::Missing(": the cluster does not know its kind".into())),
        Err(error) => Err(error),
    }
}

/// That an object is missing because its namespace is.
pub(super) async fn no_namespace(cluster: &crate::cluster::Cluster, id: &ObjectId) -> Option<String> {
    if id.namespace.is_empty() {
        return None;
    }
    // Who may not look at namespaces is not told of them.
    let namespace = cluster.get(&ObjectId::new("", "Namespace", "", &id.namespace)).await.ok()?;
    namespace.is_none().then(|| format!("namespace {} does not exist", id.namespace))
}

/// The units that a unit depends on, by `spec.dependsOn` and by annotation.
fn edges(object: &Json, key: &UnitKey) -> Vec<UnitKey> {
    let list = object.pointer("/spec/dependsOn").and_then(Json::as_array);
    let of_spec = list.into_iter().flatten().filter_map(|dependency| {
        let namespace = dependency.get("namespace").and_then(Json::as_str).filter(|n| !n.is_empty()).unwrap_or(&key.namespace);
        Some(UnitKey { kind: key.kind, namespace: namespace.to_owned(), name: dependency.get("name")?.as_str()?.to_owned() })
    });
    of_spec.chain(by_annotation(object).iter().filter_map(unit_of)).collect()
}

/// The objects of any kind that a custom resource depends on.
fn by_annotation(object: &Json) -> Vec<ObjectId> {
    let value = object.pointer("/metadata/annotations").and_then(|a| a.get(names::DEPENDS_ON)).and_then(Json::as_str);
    let Some(value) = value else { return Vec::new() };
    extras::parse(&BTreeMap::from([(names::DEPENDS_ON.to_owned(), value.to_owned())])).0.depends_on
}

/// The circle of dependencies that a unit is part of.
fn circle(ctx: &Context, start: &UnitKey) -> Option<Vec<UnitKey>> {
    fn walk(ctx: &Context, start: &UnitKey, path: &mut Vec<UnitKey>, seen: &mut HashSet<UnitKey>) -> bool {
        let at = path.last().expect("it begins with one").clone();
        let Some(object) = ctx.objects.get(&at) else { return false };
        for next in edges(&object, &at) {
            if next == *start {
                return true;
            }
            if seen.insert(next.clone()) {
                path.push(next);
                if walk(ctx, start, path, seen) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }
    let mut path = vec![start.clone()];
    walk(ctx, start, &mut path, &mut HashSet::new()).then_some(path)
}

/// Who goes before a unit that is being deleted.
pub(super) struct Before {
    /// In words.
    pub(super) message: String,
    /// Objects whose going ends the wait.
    pub(super) awaits: HashSet<ObjectId>,
    /// When to look again without an event.
    pub(super) again: SignedDuration,
}

/// What depends on a unit that is being deleted, and is being deleted too, goes first: the other way round its finalizers would be
/// served by nobody. What depends on it and stays is no reason to wait, once it is clear that it stays.
pub(super) fn before_removal(ctx: &Context, unit: &Unit, spec: &Spec) -> Option<Before> {
    let own = spec.key();
    let object = ctx.objects.get(&own)?;
    let since: Timestamp = object.pointer("/metadata/deletionTimestamp").and_then(Json::as_str)?.parse().ok()?;
    let together = (since + TOGETHER).duration_since(Timestamp::now());
    let depends = |key: &UnitKey, other: &Json| {
        let owned = |id: &ObjectId| unit.record().inventory.contains_key(&id.inventory_id());
        *key != own && (edges(other, key).contains(&own) || by_annotation(other).iter().any(owned))
    };
    let mut dependants: Vec<(UnitKey, bool)> = ctx
        .objects
        .units()
        .into_iter()
        .filter(|(key, live)| depends(key, &live.body))
        .map(|(key, live)| (key, live.is_deleting()))
        .collect();
    // In a circle nobody could go first.
    if dependants.is_empty() || circle(ctx, &own).is_some() {
        return None;
    }
    dependants.retain(|(_, deleting)| *deleting || together.is_positive());
    dependants.sort_by(|a, b| (!a.1, &a.0).cmp(&(!b.1, &b.0)));
    let (first, deleting) = dependants.first()?;
    let message = format!("removed after {first}, which depends on it");
    let again = if *deleting { SignedDuration::from_secs(10) } else { together.min(SignedDuration::from_millis(500)) };
    Some(Before { message, awaits: dependants.iter().map(|(key, _)| unit_id(key)).collect(), again })
}

/// Puts custom resources of units that are deleted together in the order in which their deletion is asked for: dependants first.
pub(super) fn dependants_first(ctx: &Context, ids: Vec<ObjectId>) -> Vec<Vec<ObjectId>> {
    let mut left = ids;
    let mut out = Vec::new();
    while !left.is_empty() {
        let needed: HashSet<UnitKey> = left
            .iter()
            .filter_map(unit_of)
            .flat_map(|key| {
                ctx.objects.get(&key).map(|object| edges(&object, &key)).unwrap_or_default().into_iter().filter(move |to| *to != key)
            })
            .collect();
        let (later, now): (Vec<ObjectId>, Vec<ObjectId>) =
            left.iter().cloned().partition(|id| unit_of(id).is_some_and(|key| needed.contains(&key)));
        if now.is_empty() {
            // A circle.
            out.push(later);
            break;
        }
        out.push(now);
        left = later;
    }
    out
}
