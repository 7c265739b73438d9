//! The annotations of our own, read with one grammar in one place.

use super::names;
use crate::object::ObjectId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the annotations of an object ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Objects of any kind that must be ready first.
    pub depends_on: Vec<ObjectId>,
    /// Objects outside of the release that must be healthy too.
    pub health_checks: Vec<ObjectId>,
    /// Whether objects of others are taken over.
    pub adopt: bool,
    /// The commit whose deletions are approved, or the reinstallation that is.
    pub approve: Option<String>,
    /// How much one commit may delete.
    pub deletion_budget: Option<Budget>,
    /// Whether a rollback also takes CRDs back.
    pub crd_rollback: bool,
    /// Whether objects with changed immutable fields are recreated.
    pub recreate: bool,
    /// The revision that a person asks to go back to.
    pub rollback_to: Option<u64>,
    /// Whether pods are restarted when what they read changes; `None` where nothing is said.
    pub restart: Option<bool>,
    /// Whether its health is waited for; `None` where nothing is said.
    pub wait: Option<bool>,
    /// Whether a release record is stored without chart files where it would be too large.
    pub trim_record: bool,
    /// Whether fields that a kind does not have are dropped.
    pub drop_unknown_fields: bool,
    /// Whether the rest goes on where the API refuses an object.
    pub skip_refused: bool,
    /// Kinds that are protected from pruning and may be pruned all the same.
    pub prune: Vec<Protected>,
}

/// A kind whose objects hold what a commit must not be able to delete by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protected {
    /// With it go all objects of its kind.
    CustomResourceDefinition,
    /// With it goes its volume.
    PersistentVolumeClaim,
    /// With it goes all that is in it.
    Namespace,
}

impl Protected {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CustomResourceDefinition, Self::PersistentVolumeClaim, Self::Namespace];

    /// The kind's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomResourceDefinition => "CustomResourceDefinition",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Namespace => "Namespace",
        }
    }

    /// The kind of an object, where it is protected.
    #[must_use]
    pub fn of(id: &ObjectId) -> Option<Self> {
        let group = |kind: Self| if kind == Self::CustomResourceDefinition { "apiextensions.k8s.io" } else { "" };
        Self::ALL.into_iter().find(|kind| kind.as_str() == id.kind && group(*kind) == id.group)
    }
}

/// How much one commit may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// So many objects.
    Objects(u64),
    /// So many of a hundred.
    Percent(u8),
}

impl Budget {
    /// Whether deleting `gone` of `all` objects is within the budget.
    #[must_use]
    pub fn allows(self, gone: u64, all: u64) -> bool {
        match self {
            Self::Objects(most) => gone <= most,
            Self::Percent(most) => u128::from(gone) * 100 <= u128::from(all) * u128::from(most),
        }
    }
}

/// The annotations, the grammar of their values, and what they do: the table of the reference documentation.
pub const TABLE: &[(&str, &str, &str)] = &[
    (
        names::DEPENDS_ON,
        "group/Kind/namespace/name[,…]",
        "objects of any kind that must be ready first; the core group is `core`, a cluster-scoped object has an empty namespace",
    ),
    (
        names::HEALTH_CHECKS,
        "group/Kind/namespace/name[,…]",
        "objects outside of a HelmRelease whose health counts as its own: it waits for them, and goes back where they do not become healthy",
    ),
    (names::ADOPT, "enabled | disabled", "takes over objects that someone else owns"),
    (
        names::APPROVE,
        "a commit's id | namespace/name@storage | chart:name",
        "approves the deletions of that commit, or that the release is installed anew at that place or from that chart",
    ),
    (
        names::DELETION_BUDGET,
        "a number | a percentage such as 50%",
        "how many objects one commit may delete before it waits for an approval",
    ),
    (names::CRD_ROLLBACK, "enabled | disabled", "lets a rollback take CRDs back too"),
    (names::RECREATE, "enabled | disabled", "deletes and recreates objects whose immutable fields changed"),
    (
        names::RESTART,
        "enabled | disabled",
        "restarts pods when a Secret or ConfigMap that they read and that the release does not bring changes; on a release for all its workloads, on a workload for itself",
    ),
    (names::WAIT, "enabled | disabled", "on any object of a release: whether its health is waited for"),
    (names::ROLLBACK_TO, "a revision's number", "goes back to that revision"),
    (names::TRIM_RECORD, "enabled | disabled", "stores a release record without chart files where it would be over the size limit"),
    (names::UNKNOWN_FIELDS, "refuse | drop", "drops fields that a kind does not have, instead of having the object refused"),
    (names::ON_REFUSAL, "rollback | skip", "leaves an object that the API refuses as it is, and goes on with the rest"),
    (
        names::PRUNE,
        "all | CustomResourceDefinition | PersistentVolumeClaim | Namespace, separated by commas",
        "kinds that are pruned although they are protected; on a protected object itself: `enabled`",
    ),
];

/// The page of the reference documentation, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Annotations\n\n<!-- Made from src/api/extras.rs: `helmward reference annotations > docs/reference/annotations.md`. -->\n\n\
         On HelmReleases and Kustomizations, where Flux has no field for it; some also on the objects that they bring, as said below. What cannot be\n\
         read is left out and named in the condition `UnsupportedFields`.\n\n| annotation | value | what it does |\n|---|---|---|\n",
    );
    for (name, grammar, meaning) in TABLE {
        page.push_str(&format!("| `{name}` | {} | {meaning} |\n", grammar.replace('|', "or")));
    }
    page
}

/// Annotations under our prefix that the daemon itself writes.
const OURS: [&str; 4] = [names::CRD_VERSION, names::OWNED, names::RESTARTED_FOR, names::SUSPEND_REASON];

/// Reads our annotations. What cannot be read is left at its default and named in the second part, with what to write instead:
/// one bad annotation never makes an object unusable.
#[must_use]
pub fn parse(annotations: &BTreeMap<String, String>) -> (Extras, Vec<String>) {
    let mut extras = Extras::default();
    let mut problems = Vec::new();
    for (name, value) in annotations.iter().filter(|(name, _)| name.starts_with(names::PREFIX)) {
        let value = value.trim();
        let understood = match name.as_str() {
            names::DEPENDS_ON => dependencies(value).map(|list| extras.depends_on = list),
            names::HEALTH_CHECKS => dependencies(value).map(|list| extras.health_checks = list),
            names::ADOPT => enabled(value).map(|on| extras.adopt = on),
            names::APPROVE => commit(value).or_else(|| reinstallation(value)).map(|id| extras.approve = Some(id)),
            names::DELETION_BUDGET => budget(value).map(|budget| extras.deletion_budget = Some(budget)),
            names::CRD_ROLLBACK => enabled(value).map(|on| extras.crd_rollback = on),
            names::RECREATE => enabled(value).map(|on| extras.recreate = on),
            names::ROLLBACK_TO => value.parse().ok().filter(|n| *n > 0).map(|number| extras.rollback_to = Some(number)),
            names::RESTART => enabled(value).map(|on| extras.restart = Some(on)),
            names::WAIT => enabled(value).map(|on| extras.wait = Some(on)),
            names::TRIM_RECORD => enabled(value).map(|on| extras.trim_record = on),
            names::PRUNE => kinds(value).map(|kinds| extras.prune = kinds),
            names::UNKNOWN_FIELDS => either(value, "refuse", "drop").map(|drop| extras.drop_unknown_fields = drop),
            names::ON_REFUSAL => either(value, "rollback", "skip").map(|skip| extras.skip_refused = skip),
            other if OURS.contains(&other) => Some(()),
            other => {
                problems.push(format!("annotation {other} is not known; remove it or correct its name"));
                continue;
            }
        };
        if understood.is_none() {
            let grammar = TABLE.iter().find(|(known, ..)| known == name).map_or("another value", |(_, grammar, _)| grammar);
            problems.push(format!("annotation {name}: `{value}` cannot be read; write {grammar}"));
        }
    }
    (extras, problems)
}

/// Whether it is the second of two words.
fn either(value: &str, first: &str, second: &str) -> Option<bool> {
    (value == first || value == second).then_some(value == second)
}

/// As Flux writes its annotations; ours are read in both spellings.
#[must_use]
pub fn enabled(value: &str) -> Option<bool> {
    match value {
        "enabled" | "true" => Some(true),
        "disabled" | "false" => Some(false),
        _ => None,
    }
}

/// A whole id, with or without the algorithm before it: a shortened one could come to mean another commit.
fn commit(value: &str) -> Option<String> {
    let id = value.rsplit_once(':').map_or(value, |(_, id)| id);
    (matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

/// What a release that would be installed anew names.
fn reinstallation(value: &str) -> Option<String> {
    (value.starts_with("chart:") || value.contains('@')).then(|| value.to_owned())
}

fn kinds(value: &str) -> Option<Vec<Protected>> {
    let words: Vec<&str> = value.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    if words == ["all"] {
        return Some(Protected::ALL.to_vec());
    }
    words.iter().map(|word| Protected::ALL.into_iter().find(|kind| kind.as_str() == *word)).collect()
}

fn budget(value: &str) -> Option<Budget> {
    match value.strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().filter(|p| *p <= 100).map(Budget::Percent),
        None => value.parse().ok().map(Budget::Objects),
    }
}

fn dependencies(value: &str) -> Option<Vec<ObjectId>> {
    let one = |text: &str| {
        let parts: Vec<&str> = text.split('/').collect();
        let [group, kind, namespace, name] = parts[..] else { return None };
        let group = if group == "core" { "" } else { group };
        (!kind.is_empty() && !name.is_empty()).then(|| ObjectId::new(group, kind, namespace, name))
    };
    value.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> (Extras, Vec<String>) {
        parse(&BTreeMap::from([(name.to_owned(), value.to_owned()), ("other.dev/x".to_owned(), "y".to_owned())]))
    }

    #[test]
    fn every_annotation_of_the_table_is_read() {
        for (name, value) in [
            (names::DEPENDS_ON, "core/Secret/shop/token, apps/Deployment/shop/db,"),
            (names::HEALTH_CHECKS, "core/ConfigMap/asya/asya-runtime"),
            (names::ADOPT, "true"),
            (names::APPROVE, "sha1:0123456789ABCDEF0123456789abcdef01234567"),
            (names::DELETION_BUDGET, "50%"),
            (names::CRD_ROLLBACK, "true"),
            (names::RECREATE, " true "),
            (names::ROLLBACK_TO, "7"),
            (names::RESTART, "enabled"),
            (names::WAIT, "disabled"),
            (names::TRIM_RECORD, "enabled"),
            (names::PRUNE, "Namespace, PersistentVolumeClaim"),
            (names::UNKNOWN_FIELDS, "drop"),
            (names::ON_REFUSAL, "skip"),
        ] {
            let (extras, problems) = read(name, value);
            assert!(problems.is_empty(), "{problems:?}");
            assert_ne!(extras, Extras::default(), "{name}");
        }
        assert_eq!(read(names::PRUNE, "all").0.prune, Protected::ALL);
        let (extras, _) = read(names::DEPENDS_ON, "core/Secret/shop/token,rbac.authorization.k8s.io/ClusterRole//admin");
        assert_eq!(
            extras.depends_on,
            [ObjectId::new("", "Secret", "shop", "token"), ObjectId::new("rbac.authorization.k8s.io", "ClusterRole", "", "admin")]
        );
    }

    #[test]
    fn bad_values_are_named_and_change_nothing() {
        for (name, value) in [
            (names::DEPENDS_ON, "Deployment/web"),
            (names::DEPENDS_ON, "apps//x/y"),
            (names::ADOPT, "yes"),
            (names::APPROVE, "abc123"),
            (names::DELETION_BUDGET, "150%"),
            (names::DELETION_BUDGET, "-1"),
            (names::PRUNE, "Secret"),
            (names::ROLLBACK_TO, "0"),
            (names::ON_REFUSAL, "true"),
            (names::ROLLBACK_TO, "latest"),
            ("helmward.dev/adpot", "true"),
        ] {
            let (extras, problems) = read(name, value);
            assert_eq!(extras, Extras::default(), "{name}={value}");
            assert!(problems.len() == 1 && problems[0].contains(name), "{problems:?}");
        }
    }

    #[test]
    fn budgets_count_objects_or_shares() {
        for (budget, gone, all, expect) in [
            (Budget::Objects(3), 3, 4, true),
            (Budget::Objects(3), 4, 400, false),
            (Budget::Percent(50), 2, 4, true),
            (Budget::Percent(50), 3, 5, false),
            (Budget::Percent(0), 0, 0, true),
            (Budget::Percent(100), u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(budget.allows(gone, all), expect, "{budget:?} {gone} {all}");
        }
    }
}
