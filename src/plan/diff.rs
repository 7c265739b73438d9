//! Field-level differences of two trees: list items are matched by their keys, numbers by value, null is absent.
//!
//! [`diff`] works on raw values and answers [`RawChange`]s, which cannot be printed or stored; [`RawChange::shown`]
//! makes them [`Change`]s, in which secrets are already gone.

use super::ownership::{ListKeys, ListKind, key_text};
use crate::object::{Json, Path, Pointer, Redactor, Shown, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One field that a plan would change, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// For people: `.spec.template.spec.containers[name=app].image`.
    pub path: String,
    /// For machines: RFC 6901, into the live tree where the field is there, else into the desired one.
    pub pointer: Pointer,
    /// What applying does to the field.
    pub op: ChangeOp,
    /// The value that is desired; absent where the field goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Shown>,
    /// The value that is there; absent where the field comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Shown>,
}

/// What applying does to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeOp {
    /// It gets another value.
    Changed,
    /// It comes: only the desired tree has it.
    Added,
    /// It goes: only the live tree has it.
    Removed,
}

/// `~ .spec.replicas: 5 -> 3`, `+ .data.a: x`, `- .data.b: y`; a secret as `changed (12 B -> 16 B, #a1f3)`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.live, &self.desired) {
            (Some(Shown::Hidden(from)), Some(Shown::Hidden(to))) => {
                write!(f, "~ {}: changed ({} B -> {} B, #{})", self.path, from.bytes, to.bytes, to.fingerprint)
            }
            (Some(from), Some(to)) => write!(f, "~ {}: {} -> {}", self.path, line(from), line(to)),
            (None, Some(to)) => write!(f, "+ {}: {}", self.path, line(to)),
            (Some(from), None) => write!(f, "- {}: {}", self.path, line(from)),
            (None, None) => write!(f, "  {}", self.path),
        }
    }
}

/// A value on one line, shortened: plans are read by people, the whole value is in the data.
fn line(value: &Shown) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    let lines = text.lines().count();
    if lines > 1 {
        return format!("({lines} lines)");
    }
    let text = if text.is_empty() { "\"\"".to_owned() } else { text.trim_end_matches('\n').to_owned() };
    if text.chars().count() > LONGEST { text.chars().take(LONGEST).chain(['…']).collect() } else { text }
}

/// One field that differs, with its values. Neither serialises nor prints them: it may hold secrets.
#[derive(Clone, PartialEq)]
pub struct RawChange {
    /// The place for people.
    pub path: Path,
    /// The place for machines, into the live tree where the field is there, else into the desired one.
    pub pointer: Pointer,
    /// The desired value.
    pub desired: Option<Json>,
    /// The live value.
    pub live: Option<Json>,
}

impl fmt::Debug for RawChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawChange({} {:?})", self.path, self.op())
    }
}

impl RawChange {
    /// What applying the desired tree does to the field.
    #[must_use]
    pub fn op(&self) -> ChangeOp {
        match (&self.live, &self.desired) {
            (None, _) => ChangeOp::Added,
            (_, None) => ChangeOp::Removed,
            _ => ChangeOp::Changed,
        }
    }

    /// As it may be shown. `object` is the object that the field is of: it tells whether the field is secret.
    #[must_use]
    pub fn shown(&self, object: &Json, redactor: &Redactor) -> Change {
        let show = |value: &Option<Json>| value.as_ref().map(|value| redactor.value(object, &self.pointer, value));
        Change {
            path: self.path.to_string(),
            pointer: self.pointer.clone(),
            op: self.op(),
            desired: show(&self.desired),
            live: show(&self.live),
        }
    }
}

/// What applying `desired` over `live` would change, sorted by place. Lists are matched as `keys` tells, else by
/// the fields that Kubernetes lists are mostly keyed by, else by index.
#[must_use]
pub fn diff(live: &Json, desired: &Json, keys: &ListKeys) -> Vec<RawChange> {
    let mut walk = Walk { keys, path: Vec::new(), pointer: Vec::new(), found: Vec::new() };
    walk.values(live, desired);
    walk.found
}

/// Whether two values are the same to Kubernetes: `1` is `1.0`, and null is absent.
#[must_use]
pub fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => x == y || (x.as_f64() == y.as_f64() && (x.is_f64() || y.is_f64())),
        (Json::Array(x), Json::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Json::Object(x), Json::Object(y)) => {
            x.iter().all(|(key, value)| y.get(key).map_or(value.is_null(), |other| same(value, other)))
                && y.iter().all(|(key, value)| value.is_null() || x.contains_key(key))
        }
        _ => a == b,
    }
}

struct Walk<'a> {
    keys: &'a ListKeys,
    path: Vec<Step>,
    pointer: Vec<String>,
    found: Vec<RawChange>,
}

impl Walk<'_> {
    fn values(&mut self, live: &Json, desired: &Json) {
        match (live, desired) {
            (Json::Object(from), Json::Object(to)) => {
                let names: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
                for name in names {
                    let present = |value: Option<&Json>| value.filter(|value| !value.is_null()).cloned();
                    self.step(Step::Field(name.clone()), name.clone(), |walk| match (from.get(name), to.get(name)) {
                        (Some(from), Some(to)) if !from.is_null() && !to.is_null() => walk.values(from, to),
                        (from, to) => walk.report(present(from), present(to)),
                    });
                }
            }
            (Json::Array(from), Json::Array(to)) => self.lists(from, to),
            (from, to) if same(from, to) => {}
            (from, to) => self.report(Some(from.clone()), Some(to.clone())),
        }
    }

    fn step(&mut self, step: Step, token: String, then: impl FnOnce(&mut Self)) {
        self.path.push(step);
        self.pointer.push(token);
        then(self);
        self.path.pop();
        self.pointer.pop();
    }

    fn report(&mut self, live: Option<Json>, desired: Option<Json>) {
        if live.is_some() || desired.is_some() {
            self.found.push(RawChange {
                path: Path(self.path.clone()),
                pointer: Pointer::from_tokens(self.pointer.clone()),
                desired,
                live,
            });
        }
    }

    fn lists(&mut self, live: &[Json], desired: &[Json]) {
        match self.keys.get(&self.path) {
            Some(ListKind::Set) => self.sets(live, desired),
            Some(ListKind::Keyed(names)) => {
                let names = names.clone();
                if !self.keyed(live, desired, &names) {
                    self.by_index(live, desired);
                }
            }
            None => {
                let guess = GUESSES.iter().find(|names| can_key(live, names) && can_key(desired, names));
                let names: Vec<String> = guess.into_iter().flat_map(|names| names.iter().map(|name| (*name).to_owned())).collect();
                let before = self.found.len();
                if guess.is_none() || !self.keyed(live, desired, &names) {
                    self.by_index(live, desired);
                } else if self.found.len() == before && !same_order(live, desired) {
                    // Nobody said that this list is a map, so its order may matter.
                    self.report(Some(live.to_vec().into()), Some(desired.to_vec().into()));
                }
            }
        }
    }

    /// Answers false, having reported nothing, where the keys do not tell the items apart.
    fn keyed(&mut self, live: &[Json], desired: &[Json], names: &[String]) -> bool {
        let (Some(from), Some(to)) = (index_by(live, names), index_by(desired, names)) else { return false };
        let all: std::collections::BTreeSet<&Key> = from.keys().chain(to.keys()).collect();
        for key in all {
            let token = from.get(key).or_else(|| to.get(key)).map(ToString::to_string).unwrap_or_default();
            let (item, wanted) = (from.get(key).map(|at| &live[*at]), to.get(key).map(|at| &desired[*at]));
            self.step(Step::Keys(key.clone()), token, |walk| match (item, wanted) {
                (Some(item), Some(wanted)) => walk.values(item, wanted),
                (item, wanted) => walk.report(item.cloned(), wanted.cloned()),
            });
        }
        true
    }

    fn sets(&mut self, live: &[Json], desired: &[Json]) {
        let missing = |items: &[Json], item: &Json| !items.iter().any(|other| same(other, item));
        for (at, item) in live.iter().enumerate().filter(|(_, item)| missing(desired, item)) {
            self.step(Step::Value(key_text(item)), at.to_string(), |walk| walk.report(Some(item.clone()), None));
        }
        for (at, item) in desired.iter().enumerate().filter(|(_, item)| missing(live, item)) {
            self.step(Step::Value(key_text(item)), at.to_string(), |walk| walk.report(None, Some(item.clone())));
        }
    }

    /// Lists of one length item by item; else the list as one, because an inserted item would make all others differ.
    fn by_index(&mut self, live: &[Json], desired: &[Json]) {
        if live.len() != desired.len() {
            self.report(Some(live.to_vec().into()), Some(desired.to_vec().into()));
            return;
        }
        for (at, (from, to)) in live.iter().zip(desired).enumerate() {
            self.step(Step::Index(at), at.to_string(), |walk| walk.values(from, to));
        }
    }
}

/// What lists of objects are mostly keyed by, for objects whose managed fields are unknown.
const GUESSES: &[&[&str]] = &[
    &["name"],
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["mountPath"],
    &["devicePath"],
    &["topologyKey", "whenUnsatisfiable"],
    &["key"],
    &["ip"],
    &["type"],
];

type Key = Vec<(String, String)>;

fn can_key(items: &[Json], names: &[&str]) -> bool {
    items.iter().all(|item| names.iter().all(|name| key_value(item, name).is_some()))
}

/// The value of a key field. `protocol` is the one key that Kubernetes defaults, and manifests mostly leave it out.
fn key_value(item: &Json, name: &str) -> Option<String> {
    match item.get(name) {
        Some(value @ (Json::String(_) | Json::Number(_) | Json::Bool(_))) => Some(key_text(value)),
        None if name == "protocol" && item.is_object() => Some("TCP".into()),
        _ => None,
    }
}

/// Whether a list item has these keys.
pub(crate) fn item_matches(item: &Json, keys: &[(String, String)]) -> bool {
    keys.iter().all(|(name, value)| key_value(item, name).as_ref() == Some(value))
}

fn index_by(items: &[Json], names: &[String]) -> Option<BTreeMap<Key, usize>> {
    let mut map = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        if !item.is_object() {
            return None;
        }
        let key = names.iter().filter_map(|name| Some((name.clone(), key_value(item, name)?))).collect();
        if map.insert(key, at).is_some() {
            return None;
        }
    }
    Some(map)
}

fn same_order(a: &[Json], b: &[Json]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

#[cfg(test)]
mod tests;
