//! Drift: what in the cluster is not as we applied it, field by field, with who and since when.

use super::diff::{RawChange, diff, item_matches, same};
use super::ignore::Rules;
use super::ownership::{Actor, Cover, ListKeys, Owner, Ownership};
use crate::object::{Gvk, Json, ObjectId, Path, Pointer, Redactor, Shown, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One field of one live object that differs from what is desired, as it may be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The object.
    pub object: ObjectId,
    /// For people: `.spec.template.spec.containers[name=app].image`; `.` where the whole object is meant.
    pub path: String,
    /// For machines: RFC 6901, into the live tree where the field is there, else into the desired one.
    pub pointer: Pointer,
    /// What happened to the field.
    pub op: DriftOp,
    /// The value that is desired; absent for extra fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Shown>,
    /// The value that is there; absent for removed fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Shown>,
    /// Who owns the field, the latest writer first. Where the field was taken away nobody owns it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// The last writer of the object other than us, where no owner is known: a guess, and shown as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Owner>,
    /// When this difference was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// The revision that the desired value is of.
    pub desired_revision: String,
    /// What is done about it.
    pub policy: DriftPolicy,
    /// When it is corrected or looked at next, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// What happened to a field of a live object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftOp {
    /// It has another value than the desired one.
    Changed,
    /// It is gone (or the whole object is).
    Removed,
    /// It is there and not desired.
    Extra,
}

/// What is done about a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// Set back.
    Correct,
    /// Told in a condition and an event.
    Warn,
    /// Shown on the page only.
    Show,
    /// Not drift: a rule or an annotation says so, in these words.
    Ignored(String),
    /// Not drift: set by others where we have no opinion.
    NotOurs,
}

impl Drift {
    /// Whether this counts as drift; extra fields of others and ignored ones are shown, and do not.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self.policy, DriftPolicy::Correct | DriftPolicy::Warn | DriftPolicy::Show)
    }

    /// Since when the field is so, as the API server tells it: an upper bound, with one second of resolution.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.owners.first().or(self.suspect.as_ref()).and_then(|owner| owner.time)
    }
}

/// One object, as everyone sees it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// What is desired, ignored fields included.
    pub desired: &'a Json,
    /// What we send: `desired` without ignored fields (and without replicas that an autoscaler sets).
    pub applied: &'a Json,
    /// The live object; `None` where it is not there.
    pub live: Option<&'a Json>,
    /// What the API server answered to a dry-run apply of `applied`; `None` where it could not be made. Without it
    /// nothing but extra and ignored fields can be told.
    pub dry_run: Option<&'a Json>,
}

/// What drift is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The present.
    pub now: Timestamp,
    /// The revision that `desired` is of.
    pub revision: &'a str,
    /// What is done about drift.
    pub mode: Mode,
    /// When that is, or when the object is looked at next.
    pub next: Option<Timestamp>,
    /// Rules of the release or bundle.
    pub rules: &'a Rules,
    /// What may be shown.
    pub redactor: &'a Redactor,
}

/// `spec.driftDetection.mode`; Kustomizations are always corrected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Corrected.
    Enabled,
    /// Told.
    Warn,
    /// Shown on the page.
    #[default]
    Disabled,
}

/// Judges one object: fields that we own or want and that are otherwise, fields that are ignored and are otherwise,
/// and fields that others added. Sorted by place, drift first.
#[must_use]
pub fn drift(seen: &Observed<'_>, terms: &Terms<'_>) -> Vec<Drift> {
    if terms.rules.excludes(seen.desired) || seen.live.is_some_and(super::ignore::is_excluded) {
        return Vec::new();
    }
    let Some(live) = seen.live else {
        let gone = RawChange { path: Path::default(), pointer: Pointer::root(), desired: None, live: None };
        return vec![Judge::new(seen, &Json::Null, terms).drift(&gone, DriftOp::Removed, terms.mode.policy())];
    };
    let judge = Judge::new(seen, live, terms);
    let mut found = judge.drifted();
    let ignored = judge.ignored(&found);
    found.extend(ignored);
    let extra = judge.extra(&found);
    found.extend(extra);
    found
}

/// Whether a dry-run could find drift: something that we send is otherwise in the live object, or we own something that
/// we no longer send. Costs no request; `false` is certain but for defaults, `true` may turn out to be another spelling.
#[must_use]
pub fn may_have_drifted(applied: &Json, live: &Json) -> bool {
    let ownership = Ownership::of(live);
    let changes = diff(&quiet(live), &quiet(applied), &ownership.list_keys());
    changes.iter().any(|change| change.desired.is_some() || leftovers(change, &ownership))
}

fn leftovers(change: &RawChange, ownership: &Ownership) -> bool {
    ownership.entries().any(|(owner, fields)| owner.is_our_apply() && super::ownership::cover(fields, &change.path.0) > Cover::None)
}

/// Keeps `first_seen` of differences that were there before: same object, place and operation.
#[must_use]
pub fn carry_on(before: &[Drift], mut now: Vec<Drift>) -> Vec<Drift> {
    let known: BTreeMap<_, _> = before.iter().map(|drift| ((&drift.object, &drift.pointer, drift.op), drift.first_seen)).collect();
    for drift in &mut now {
        if let Some(first) = known.get(&(&drift.object, &drift.pointer, drift.op)) {
            drift.first_seen = *first;
        }
    }
    now
}

impl Mode {
    fn policy(self) -> DriftPolicy {
        match self {
            Self::Enabled => DriftPolicy::Correct,
            Self::Warn => DriftPolicy::Warn,
            Self::Disabled => DriftPolicy::Show,
        }
    }
}

struct Judge<'a> {
    seen: Observed<'a>,
    terms: &'a Terms<'a>,
    id: ObjectId,
    live: Json,
    ownership: Ownership,
    planned: Ownership,
    keys: ListKeys,
}

impl<'a> Judge<'a> {
    fn new(seen: &Observed<'a>, live: &Json, terms: &'a Terms<'a>) -> Self {
        let ownership = Ownership::of(live);
        let planned = seen.dry_run.map(Ownership::of).unwrap_or_default();
        let mut keys = ownership.list_keys();
        keys.merge(planned.list_keys());
        let text = |pointer: &str| seen.desired.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let gvk = Gvk::new(text("/apiVersion"), text("/kind"));
        let id = ObjectId::new(&gvk.group, &gvk.kind, text("/metadata/namespace"), text("/metadata/name"));
        Self { seen: *seen, terms, id, live: quiet(live), ownership, planned, keys }
    }

    /// Fields that applying would change and that we own, want, or would own by applying.
    fn drifted(&self) -> Vec<Drift> {
        let Some(dry_run) = self.seen.dry_run else { return Vec::new() };
        let changes = diff(&self.live, &quiet(dry_run), &self.keys);
        let ours = |change: &RawChange| {
            resolve(self.seen.applied, &change.path.0).is_some() || leftovers(change, &self.ownership) || leftovers(change, &self.planned)
        };
        let judged = changes.iter().filter(|change| ours(change)).map(|change| {
            let op = match (&change.desired, &change.live) {
                (None, _) => DriftOp::Extra,
                (_, None) => DriftOp::Removed,
                _ => DriftOp::Changed,
            };
            self.drift(change, op, self.terms.mode.policy())
        });
        judged.collect()
    }

    /// Fields that differ and are ignored by a rule.
    fn ignored(&self, found: &[Drift]) -> Vec<Drift> {
        let mut list = Vec::new();
        let changes = diff(&self.live, &quiet(self.seen.desired), &self.keys);
        for ignored in self.terms.rules.of(self.seen.desired) {
            for change in changes.iter().filter(|change| change.desired.is_some()) {
                let told = found.iter().chain(&list).any(|drift: &Drift| drift.pointer == change.pointer);
                if change.pointer.starts_with(&ignored.pointer) && !told {
                    let op = if change.live.is_none() { DriftOp::Removed } else { DriftOp::Changed };
                    list.push(self.drift(change, op, DriftPolicy::Ignored(ignored.rule.clone())));
                }
            }
        }
        list
    }

    /// Fields that somebody else added where we have no opinion.
    fn extra(&self, found: &[Drift]) -> Vec<Drift> {
        let mut list = Vec::new();
        for change in diff(&self.live, &quiet(self.seen.desired), &self.keys) {
            if let (Some(live), None) = (&change.live, &change.desired) {
                self.refine(&change.path, &change.pointer, live, &mut list);
            }
        }
        list.retain(|extra| !found.iter().any(|drift| extra.pointer.starts_with(&drift.pointer)));
        list
    }

    /// Maps are told field by field, list items and everything else as one.
    fn refine(&self, path: &Path, pointer: &Pointer, live: &Json, list: &mut Vec<Drift>) {
        if pointer.tokens().last().is_some_and(|last| last == crate::api::names::RESTARTED_FOR) {
            return; // by which we restart pods
        }
        match live {
            Json::Object(map) if !map.is_empty() && !matches!(path.0.last(), Some(Step::Keys(_))) => {
                for (name, value) in map {
                    self.refine(&path.field(name), &pointer.child(name), value, list);
                }
            }
            Json::Array(items) if !items.is_empty() && self.keys.get(&path.0).is_some() => {
                for change in diff(&Json::Array(items.clone()), &Json::Array(Vec::new()), &self.keys.below(&path.0)) {
                    let steps = path.0.iter().chain(&change.path.0).cloned().collect();
                    let tokens = pointer.tokens().iter().chain(change.pointer.tokens()).cloned();
                    if let Some(item) = &change.live {
                        self.leaf(&Path(steps), &Pointer::from_tokens(tokens), item, list);
                    }
                }
            }
            value => self.leaf(path, pointer, value, list),
        }
    }

    fn leaf(&self, path: &Path, pointer: &Pointer, live: &Json, list: &mut Vec<Drift>) {
        let change = RawChange { path: path.clone(), pointer: pointer.clone(), desired: None, live: Some(live.clone()) };
        let drift = self.drift(&change, DriftOp::Extra, DriftPolicy::NotOurs);
        // Nobody owns defaults, and what a status write puts elsewhere (revision annotations) is the controller's own book-keeping.
        if drift.owners.iter().any(|owner| owner.class != Actor::Us && owner.subresource != "status") {
            list.push(drift);
        }
    }

    fn drift(&self, change: &RawChange, op: DriftOp, policy: DriftPolicy) -> Drift {
        let mut owners = self.ownership.owners(&change.path.0);
        owners.sort_by_key(|owner| owner.class == Actor::Us);
        let foreign = owners.iter().any(|owner| owner.class != Actor::Us);
        let show = |value: &Option<Json>| value.as_ref().map(|value| self.terms.redactor.value(self.seen.desired, &change.pointer, value));
        Drift {
            object: self.id.clone(),
            path: change.path.to_string(),
            pointer: change.pointer.clone(),
            op,
            desired: show(&change.desired),
            live: show(&change.live),
            suspect: if foreign { None } else { self.ownership.last_foreign_writer() },
            owners,
            first_seen: self.terms.now,
            last_seen: self.terms.now,
            desired_revision: self.terms.revision.to_owned(),
            policy,
            next: self.terms.next,
        }
    }
}

/// What the system writes by itself and nobody desires.
const NOISE: &[&str] = &[
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// An object without status and without what the system writes by itself.
#[must_use]
pub fn quiet(object: &Json) -> Json {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Json::as_object_mut) {
            NOISE.iter().for_each(|noise| _ = metadata.remove(*noise));
        }
    }
    object
}

/// The value at a path, list items by their keys.
fn resolve<'a>(tree: &'a Json, path: &[Step]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |node, step| match step {
        Step::Field(name) => node.get(name),
        Step::Index(at) => node.get(at),
        Step::Keys(keys) => node.as_array()?.iter().find(|item| item_matches(item, keys)),
        Step::Value(value) => node.as_array()?.iter().find(|item| same(item, &Json::from(value.as_str())) || item.to_string() == *value),
    })
}

#[cfg(test)]
mod tests;
