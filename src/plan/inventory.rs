//! Which objects are ours to delete: Flux's inventory entries, the prune set and what protects from it.

use super::{Approval, Held, Hold};
use crate::api::extras::{Budget, Protected};
use crate::api::names;
use crate::object::{Json, Manifest, ObjectId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One entry of `status.inventory.entries`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// `<namespace>_<name>_<group>_<kind>`.
    pub id: String,
    /// API version without the group.
    pub v: String,
}

/// The inventory of these manifests, sorted and without repetitions.
#[must_use]
pub fn entries<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> Vec<Entry> {
    let set: BTreeSet<Entry> = manifests.into_iter().map(|m| Entry { id: m.id.inventory_id(), v: m.gvk().version }).collect();
    set.into_iter().collect()
}

/// The identities of an inventory; an entry that cannot be read is answered as it is, so that it can be told and kept.
///
/// # Errors
/// The ids of the entries that cannot be read.
pub fn ids(entries: &[Entry]) -> Result<BTreeSet<ObjectId>, Vec<String>> {
    let (mut good, mut bad) = (BTreeSet::new(), Vec::new());
    for entry in entries {
        match ObjectId::from_inventory_id(&entry.id) {
            Some(id) => _ = good.insert(id),
            None => bad.push(entry.id.clone()),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// What may be pruned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunePolicy {
    /// Nothing is deleted at all.
    pub off: bool,
    /// Protected kinds that may be deleted too.
    pub also: Vec<Protected>,
    /// Deletions that need no approval, whatever the size of the unit; `None` is the default of
    /// [`DEFAULT_BUDGET`] or half of the unit, whichever is more.
    pub budget: Option<usize>,
    /// A person approved more.
    pub approved: bool,
}

/// So many objects may always be deleted without asking.
pub const DEFAULT_BUDGET: usize = 20;

/// How many of a unit's `all` objects one commit may delete, where the annotation says `given`.
#[must_use]
pub fn budget(given: Option<Budget>, all: usize) -> usize {
    match given {
        None => DEFAULT_BUDGET.max(all / 2),
        Some(Budget::Objects(most)) => usize::try_from(most).unwrap_or(usize::MAX),
        Some(Budget::Percent(most)) => all.saturating_mul(usize::from(most)) / 100,
    }
}

/// The annotation by which charts keep objects from deletion.
pub const HELM_KEEP: &str = "helm.sh/resource-policy";
/// The annotation or label by which Flux's users do.
pub const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

/// What protects an object from being pruned. `seen` are its last applied and its live form, as far as known:
/// an annotation on either counts, so that a person can protect a live object by hand.
#[must_use]
pub fn protection<'a>(id: &ObjectId, seen: impl IntoIterator<Item = &'a Json>, policy: &PrunePolicy) -> Option<Hold> {
    if policy.off {
        return Some(Hold::PruneOff);
    }
    let mut allowed = false;
    for object in seen {
        if let Some(hold) = asked(object) {
            return Some(hold);
        }
        let own = object.pointer("/metadata/annotations").and_then(|all| all.get(names::PRUNE)).and_then(Json::as_str);
        allowed |= own.is_some_and(|text| matches!(text.trim(), "enabled" | "true"));
    }
    let protected = Protected::of(id).is_some_and(|kind| !policy.also.contains(&kind));
    (protected && !allowed).then_some(Hold::ProtectedKind)
}

fn asked(object: &Json) -> Option<Hold> {
    let text = |place: &str, key: &str| object.get("metadata")?.get(place)?.get(key)?.as_str().map(|text| text.trim().to_lowercase());
    if text("annotations", HELM_KEEP).as_deref() == Some("keep") {
        return Some(Hold::HelmKeep);
    }
    let disabled = |place: &str| text(place, FLUX_PRUNE).as_deref() == Some("disabled");
    (disabled("annotations") || disabled("labels")).then_some(Hold::FluxPruneDisabled)
}

/// What is deleted and what is kept of the objects that are no longer desired.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prune {
    /// Deleted.
    pub delete: BTreeSet<ObjectId>,
    /// Kept, and why.
    pub held: Vec<Held>,
    /// Set where the deletions are more than the budget and nobody approved.
    pub approval: Option<Approval>,
}

/// Judges every object of `old` that is not in `desired`. `seen` answers the known forms of an object.
pub fn prune<'a>(
    old: &BTreeSet<ObjectId>,
    desired: &BTreeSet<ObjectId>,
    seen: impl Fn(&ObjectId) -> Vec<&'a Json>,
    policy: &PrunePolicy,
) -> Prune {
    let mut result = Prune::default();
    for id in old.difference(desired) {
        match protection(id, seen(id), policy) {
            Some(why) => result.held.push(Held::new(id.clone(), why)),
            None => _ = result.delete.insert(id.clone()),
        }
    }
    let budget = policy.budget.unwrap_or_else(|| budget(None, old.len()));
    if result.delete.len() > budget && !policy.approved {
        result.approval = Some(Approval { deletions: result.delete.len(), of: old.len(), budget });
    }
    result
}

/// The inventory after a run: what is desired, and every entry whose deletion was not confirmed. Entries that were
/// held on purpose are let go, as Flux does with objects whose pruning is disabled.
#[must_use]
pub fn after(desired: Vec<Entry>, old: &[Entry], unconfirmed: &BTreeSet<ObjectId>) -> Vec<Entry> {
    let known: BTreeSet<String> = desired.iter().map(|entry| entry.id.clone()).collect();
    let keep =
        |entry: &&Entry| !known.contains(&entry.id) && ObjectId::from_inventory_id(&entry.id).is_none_or(|id| unconfirmed.contains(&id));
    let kept: Vec<Entry> = old.iter().filter(keep).cloned().collect();
    let set: BTreeSet<Entry> = desired.into_iter().chain(kept).collect();
    set.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Origin;
    use serde_json::json;

    fn id(kind: &str, name: &str) -> ObjectId {
        let group = if kind == "CustomResourceDefinition" { "apiextensions.k8s.io" } else { "" };
        ObjectId::new(group, kind, "", name)
    }

    #[test]
    fn inventories_round_trip() {
        let manifest = |body: Json| Manifest::new(body, Origin::default()).expect("complete");
        let list = [
            manifest(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}})),
            manifest(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})),
        ];
        let got = entries(list.iter().chain(&list));
        assert_eq!(
            serde_json::to_value(&got).expect("json"),
            json!([{"id": "_shop__Namespace", "v": "v1"}, {"id": "shop_web_apps_Deployment", "v": "v1"}])
        );
        assert_eq!(ids(&got), Ok(list.iter().map(|m| m.id.clone()).collect()));
        assert_eq!(ids(&[Entry { id: "x".into(), v: "v1".into() }]), Err(vec!["x".into()]));
    }

    #[test]
    fn what_is_protected_stays() {
        let all = PrunePolicy { also: Protected::ALL.to_vec(), ..PrunePolicy::default() };
        let own = json!({"metadata": {"annotations": {names::PRUNE: "enabled"}}});
        let claims = PrunePolicy { also: vec![Protected::PersistentVolumeClaim], ..PrunePolicy::default() };
        let off = PrunePolicy { off: true, ..PrunePolicy::default() };
        let keep = json!({"metadata": {"annotations": {HELM_KEEP: "keep"}}});
        let flux = json!({"metadata": {"annotations": {FLUX_PRUNE: "Disabled"}}});
        let label = json!({"metadata": {"labels": {FLUX_PRUNE: "disabled"}}});
        let plain = json!({"metadata": {}});
        for (kind, object, policy, want) in [
            ("ConfigMap", &plain, &PrunePolicy::default(), None),
            ("ConfigMap", &plain, &off, Some(Hold::PruneOff)),
            ("ConfigMap", &keep, &all, Some(Hold::HelmKeep)),
            ("ConfigMap", &flux, &all, Some(Hold::FluxPruneDisabled)),
            ("ConfigMap", &label, &all, Some(Hold::FluxPruneDisabled)),
            ("Namespace", &plain, &PrunePolicy::default(), Some(Hold::ProtectedKind)),
            ("PersistentVolumeClaim", &plain, &PrunePolicy::default(), Some(Hold::ProtectedKind)),
            ("CustomResourceDefinition", &plain, &PrunePolicy::default(), Some(Hold::ProtectedKind)),
            ("CustomResourceDefinition", &plain, &all, None),
            ("CustomResourceDefinition", &own, &PrunePolicy::default(), None),
            ("CustomResourceDefinition", &plain, &claims, Some(Hold::ProtectedKind)),
            ("PersistentVolumeClaim", &plain, &claims, None),
        ] {
            assert_eq!(protection(&id(kind, "x"), [&plain, object], policy), want, "{kind} {object}");
        }
    }

    #[test]
    fn large_deletions_ask() {
        let set = |n: usize| (0..n).map(|n| id("ConfigMap", &format!("c{n:03}"))).collect::<BTreeSet<_>>();
        let policy = |budget, approved| PrunePolicy { budget, approved, ..PrunePolicy::default() };
        for (old, kept, policy, want) in [
            (20, 0, policy(None, false), None),
            (21, 0, policy(None, false), Some((21, 21, 20))),
            (21, 0, policy(None, true), None),
            (100, 50, policy(None, false), None),
            (100, 49, policy(None, false), Some((51, 100, 50))),
            (3, 0, policy(Some(2), false), Some((3, 3, 2))),
            (100, 0, policy(Some(100), false), None),
        ] {
            let got = prune(&set(old), &set(kept), |_| vec![], &policy);
            assert_eq!(got.approval.map(|a| (a.deletions, a.of, a.budget)), want, "{old} {kept}");
            assert_eq!(got.delete.len(), old - kept);
        }
    }

    #[test]
    fn unconfirmed_deletions_stay_in_the_inventory() {
        let entry = |id: &ObjectId| Entry { id: id.inventory_id(), v: "v1".into() };
        let (new, gone, stuck) = (id("ConfigMap", "new"), id("ConfigMap", "gone"), id("ConfigMap", "stuck"));
        let unreadable = Entry { id: "x".into(), v: "v1".into() };
        let got = after(vec![entry(&new)], &[entry(&new), entry(&gone), entry(&stuck), unreadable.clone()], &[stuck.clone()].into());
        assert_eq!(got, [entry(&new), entry(&stuck), unreadable]);
    }
}
