//! Restart of pods when a Secret or ConfigMap changes that they read and that the release does not bring.
//!
//! Asked for by an annotation (`helmward.dev/restart`), because there are pods that see a change by themselves and others that nobody wants
//! restarted unasked. What was read is remembered as keyed digests, object by object. A change is written into the pod template by a field
//! manager of its own, so that it is neither drift nor undone by the next upgrade.

use super::{Prepared, Spec, Unit, publish};
use crate::api::{Reason, extras, names};
use crate::cluster::{ApiError, Apply};
use crate::controller::context::Context;
use crate::object::{Json, Manifest, ObjectId};
use crate::plan::ownership::RESTARTER;
use crate::plan::references::{self, Reference};
use crate::release::UnitKey;
use crate::render::target::Target;
use hmac::{Hmac, KeyInit as _, Mac};
use serde_json::json;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Looks at what the pods of the deployed revision read, and restarts those for which it changed. Costs nothing while no version moved.
///
/// # Errors
/// Where the cluster refuses or cannot be asked; what was not done is done at the next call.
pub(super) async fn follow(ctx: &Context, key: &UnitKey, unit: &mut Unit, spec: &Spec, prepared: &Prepared) -> Result<(), ApiError> {
    let target = match &unit.deployed {
        Some((number, target)) if unit.record().deployed().is_some_and(|r| r.number == *number) => std::sync::Arc::clone(target),
        _ => return Ok(()),
    };
    let readers = readers(spec, &target.manifests);
    let external: BTreeSet<ObjectId> = readers.iter().flat_map(|(_, refs)| refs).map(|r| r.id.clone()).collect();
    let mut inputs = spec.inputs();
    inputs.extend(external.iter().cloned());
    ctx.watch_inputs(&inputs);
    ctx.units.take_from(key, unit, inputs);
    let version = |id: &ObjectId| ctx.hub.get(id).map_or_else(String::new, |live| live.resource_version.clone());
    let seen: BTreeMap<ObjectId, String> = external.iter().map(|id| (id.clone(), version(id))).collect();
    let known = |unit: &Unit| readers.iter().all(|(workload, _)| unit.record().read.contains_key(&workload.id.inventory_id()));
    // In another cluster nothing is watched: there they are read each time.
    if !prepared.cluster.is_remote() && seen == unit.read && known(unit) && unit.record().read.len() == readers.len() {
        return Ok(());
    }
    let mut objects: HashMap<ObjectId, Option<Json>> = HashMap::new();
    for id in &external {
        objects.insert(id.clone(), prepared.cluster.get(id).await?);
    }
    let before = unit.record().read.clone();
    let mut now: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (workload, references) in &readers {
        let id = workload.id.inventory_id();
        let old = before.get(&id);
        let mut read = BTreeMap::new();
        let mut changed = Vec::new();
        for reference in references {
            let name = label(reference);
            let was = old.and_then(|old| old.get(&name));
            // What is gone is no reason to restart: pods that run go on, new ones would not start.
            match objects.get(&reference.id).and_then(Option::as_ref).map(|object| digest(&ctx.secret, reference, object)) {
                Some(is) => {
                    if was.is_some_and(|was| *was != is) {
                        changed.push(reference.id.clone());
                    }
                    read.insert(name, is);
                }
                None => read.extend(was.map(|was| (name, was.clone()))),
            }
        }
        if !changed.is_empty() {
            restart(ctx, key, unit, prepared, workload, &read, &changed).await?;
        }
        now.insert(id.clone(), read);
        // Each on its own: those that were restarted are not again, where a later one is refused.
        unit.record_mut().read.insert(id.clone(), now[&id].clone());
    }
    unit.record_mut().read = now;
    unit.read = seen;
    if unit.record().read != before {
        ctx.save(key, unit, true).await;
    }
    Ok(())
}

/// Notes what pods that are about to start will read, before they do: what changes while they become healthy has changed since. What was
/// noted before stays.
///
/// # Errors
/// Where the cluster cannot be asked.
pub(super) async fn first_sight(ctx: &Context, unit: &mut Unit, prepared: &Prepared, target: &Target) -> Result<(), ApiError> {
    for (workload, references) in readers(&prepared.spec, &target.manifests) {
        let id = workload.id.inventory_id();
        for reference in references {
            let name = label(&reference);
            if unit.record().read.get(&id).is_some_and(|read| read.contains_key(&name)) {
                continue;
            }
            if let Some(object) = prepared.cluster.get(&reference.id).await? {
                let digest = digest(&ctx.secret, &reference, &object);
                unit.record_mut().read.entry(id.clone()).or_default().insert(name, digest);
            }
        }
    }
    Ok(())
}

/// The workloads that are to follow what they read, with what of it the release does not bring itself.
fn readers<'m>(spec: &Spec, manifests: &'m [Manifest]) -> Vec<(&'m Manifest, Vec<Reference>)> {
    let all = spec.annotation(names::RESTART).and_then(extras::enabled).unwrap_or(false);
    let own: BTreeSet<&ObjectId> = manifests.iter().map(|m| &m.id).collect();
    let follows = |m: &&Manifest| {
        let kind = m.id.group == "apps" && matches!(m.id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet");
        kind && m.annotation(names::RESTART).and_then(extras::enabled).unwrap_or(all)
    };
    let reads = |m: &'m Manifest| {
        let pod = m.body.pointer("/spec/template/spec")?;
        let references: Vec<Reference> = references::of_pod(pod, &m.id.namespace).into_iter().filter(|r| !own.contains(&r.id)).collect();
        (!references.is_empty()).then_some((m, references))
    };
    manifests.iter().filter(follows).filter_map(reads).collect()
}

/// What is read of an object: all of it, or these keys.
fn label(reference: &Reference) -> String {
    let keys = reference.keys.as_ref().map(|keys| format!("[{}]", keys.iter().map(String::as_str).collect::<Vec<_>>().join(",")));
    format!("{}/{}{}", reference.id.kind, reference.id.name, keys.unwrap_or_default())
}

/// Keyed, so that nobody can try out values; over what is read alone, so that labels and other keys do not count.
fn digest(key: &[u8; 32], reference: &Reference, object: &Json) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let mut feed = |part: &str| {
        mac.update(&part.len().to_le_bytes());
        mac.update(part.as_bytes());
    };
    feed("restart");
    feed(&label(reference));
    for field in ["data", "binaryData"] {
        let map = object.get(field).and_then(Json::as_object).into_iter().flatten();
        let mut read: Vec<_> = map.filter(|(name, _)| reference.keys.as_ref().is_none_or(|keys| keys.contains(*name))).collect();
        read.sort_by_key(|(name, _)| *name);
        for (name, value) in read {
            feed(name);
            feed(value.as_str().unwrap_or_default());
        }
    }
    mac.finalize().into_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn restart(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    workload: &Manifest,
    read: &BTreeMap<String, String>,
    changed: &[ObjectId],
) -> Result<(), ApiError> {
    let Some(live) = prepared.cluster.get_live(workload).await? else { return Ok(()) };
    let value = read.iter().map(|(name, digest)| format!("{name}={digest}")).collect::<Vec<_>>().join(" ");
    // With the uid, it can only change what is there, and never make something new.
    let body = json!({
        "apiVersion": workload.api_version,
        "kind": workload.id.kind,
        "metadata": {"name": workload.id.name, "namespace": workload.id.namespace, "uid": live["metadata"]["uid"]},
        "spec": {"template": {"metadata": {"annotations": {names::RESTARTED_FOR: value}}}},
    });
    let Ok(manifest) = Manifest::new(body, workload.origin.clone()) else { return Ok(()) };
    let how = Apply { manager: RESTARTER.into(), ..Apply::default() };
    prepared.cluster.apply(&manifest, &how).await?;
    let what: Vec<String> = changed.iter().map(ToString::to_string).collect();
    let message = format!("{} restarts its pods: {} changed", workload.id, what.join(", "));
    publish::event(ctx, key, unit, false, Reason::Restarted, &message);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_counts() {
        let all = Reference { id: ObjectId::new("", "Secret", "shop", "env"), keys: None };
        let one = Reference { keys: Some(["a".to_owned()].into()), ..all.clone() };
        let object = |a: &str, b: &str, label: &str| json!({"metadata": {"labels": {"x": label}}, "data": {"a": a, "b": b}});
        let of = |reference: &Reference, object: &Json| digest(&[7; 32], reference, object);
        let first = object("1", "2", "old");
        assert_eq!(of(&all, &first), of(&all, &object("1", "2", "new")), "a label is nothing that a pod reads");
        assert_ne!(of(&all, &first), of(&all, &object("1", "3", "old")));
        assert_eq!(of(&one, &first), of(&one, &object("1", "3", "old")), "another key is not read");
        assert_ne!(of(&one, &first), of(&one, &object("2", "2", "old")));
        assert_ne!(of(&all, &first), digest(&[8; 32], &all, &first), "keyed");
    }
}
