//! Who owns and who wrote which field: a walk over `metadata.managedFields`, without any schema.

use crate::object::{Json, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Our field manager.
pub const MANAGER: &str = "helmward";
/// The manager of the one annotation by which pods are restarted: an apply of the release neither sees nor drops it.
pub const RESTARTER: &str = "helmward-restart";

/// One field manager's entry: who, how, and when it last wrote anything through it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Name of the manager, such as `kubectl-edit`.
    pub manager: String,
    /// Applied or updated.
    pub operation: Operation,
    /// `status`, `scale` …; empty for the object itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// What kind of actor the name stands for.
    pub class: Actor,
    /// When the manager last wrote: an upper bound for each of its fields, with one second of resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// How a manager writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Operation {
    /// Server-side apply: the manager has an opinion and keeps it.
    Apply,
    /// Anything else.
    Update,
}

/// What kind of actor a manager's name stands for. The order is the one in which a page lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// Somebody with a terminal or a dashboard.
    Person,
    /// Another tool that deploys.
    Tool,
    /// A controller or operator.
    Controller,
    /// Helmward.
    Us,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person => "person",
            Self::Tool => "tool",
            Self::Controller => "controller",
            Self::Us => "us",
        })
    }
}

/// Managers that are people's hands. `*` at the end stands for anything.
const PEOPLE: &[&str] = &[
    "kubectl*",
    "k9s*",
    "lens*",
    "openlens*",
    "freelens*",
    "headlamp*",
    "kubernetes-dashboard*",
    "dashboard*",
    "rancher-ui*",
    "node-fetch",
    "mozilla*",
    "curl*",
    "octant*",
    "kubenav*",
    "okteto*",
    "k8slens*",
    "oc",
    "oc-*",
    "kubebuilder-cli*",
    "seabird*",
    "aptakube*",
    "before-first-apply",
];

/// Managers that are tools which deploy.
const TOOLS: &[&str] = &[
    "helm",
    "helm-*",
    "helm3",
    "kustomize-controller",
    "source-controller",
    "flux*",
    "gotk-*",
    "notification-controller",
    "image-automation-controller",
    "argocd*",
    "argo-cd*",
    "fleet*",
    "fleetagent*",
    "terraform*",
    "hashicorp*",
    "pulumi*",
    "ansible*",
    "openapi-generator",
    "skaffold*",
    "tilt*",
    "nelm*",
    "werf*",
    "kapp*",
    "kluctl*",
    "timoni*",
    "spinnaker*",
    "cdk8s*",
    "sveltos*",
    "crossplane*",
];

impl Actor {
    /// Judges a manager by its name. Who is neither known as a person nor as a tool is taken for a controller.
    #[must_use]
    pub fn of(manager: &str) -> Self {
        let name = manager.to_lowercase();
        let any = |patterns: &[&str]| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == *pattern,
            })
        };
        if name == MANAGER || name == RESTARTER {
            Self::Us
        } else if any(PEOPLE) {
            Self::Person
        } else if any(TOOLS) {
            Self::Tool
        } else {
            Self::Controller
        }
    }
}

/// `kubectl-edit (person)`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.manager, self.class)
    }
}

/// The managed fields of one object, read once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ownership {
    entries: Vec<(Owner, Json)>,
}

/// How far a manager's set covers a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cover {
    /// Not at all.
    None,
    /// It owns something inside, not the place itself.
    Inside,
    /// It owns the place, or an atomic value around it.
    Whole,
}

impl Ownership {
    /// Reads `metadata.managedFields`; entries that cannot be read are passed over.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        let list = object.pointer("/metadata/managedFields").and_then(Json::as_array);
        Self { entries: list.into_iter().flatten().filter_map(entry).collect() }
    }

    /// All managers with their sets (`fieldsV1`).
    pub fn entries(&self) -> impl Iterator<Item = (&Owner, &Json)> {
        self.entries.iter().map(|(owner, fields)| (owner, fields))
    }

    /// Who owns this place, something in it, or an atomic value around it; the latest writer first.
    #[must_use]
    pub fn owners(&self, path: &[Step]) -> Vec<Owner> {
        self.owners_where(path, Cover::Inside)
    }

    /// Who owns this very place or an atomic value around it; the latest writer first.
    #[must_use]
    pub fn holders(&self, path: &[Step]) -> Vec<Owner> {
        self.owners_where(path, Cover::Whole)
    }

    fn owners_where(&self, path: &[Step], at_least: Cover) -> Vec<Owner> {
        let found = self.entries.iter().filter(|(_, fields)| cover(fields, path) >= at_least);
        let mut owners: Vec<Owner> = found.map(|(owner, _)| owner.clone()).collect();
        // Where times are equal (they have seconds), an update came over an apply: an apply would have taken it back.
        owners.sort_by(|a, b| (b.time.cmp(&a.time)).then_with(|| b.operation.cmp(&a.operation)).then_with(|| a.cmp(b)));
        owners
    }

    /// Whoever among the owners of a place wrote last.
    #[must_use]
    pub fn latest_writer(&self, path: &[Step]) -> Option<Owner> {
        self.owners(path).into_iter().next()
    }

    /// Whether our manager's apply owns this very place.
    #[must_use]
    pub fn is_ours(&self, path: &[Step]) -> bool {
        self.entries.iter().any(|(owner, fields)| owner.is_our_apply() && cover(fields, path) == Cover::Whole)
    }

    /// The last writer of the object other than us, status writes aside. Where a field was taken away no entry names it,
    /// so this is the best guess at who did.
    #[must_use]
    pub fn last_foreign_writer(&self) -> Option<Owner> {
        let foreign = self.entries.iter().map(|(owner, _)| owner).filter(|owner| owner.class != Actor::Us && owner.subresource != "status");
        foreign.max_by(|a, b| a.time.cmp(&b.time).then_with(|| b.cmp(a))).cloned()
    }

    /// How the lists of the object are keyed, as all managers' sets tell.
    #[must_use]
    pub fn list_keys(&self) -> ListKeys {
        let mut keys = ListKeys::default();
        self.entries.iter().for_each(|(_, fields)| keys.learn(fields, &mut Vec::new()));
        keys
    }
}

impl Owner {
    /// Whether this is the entry of our own apply.
    #[must_use]
    pub fn is_our_apply(&self) -> bool {
        self.manager == MANAGER && self.operation == Operation::Apply && self.subresource.is_empty()
    }
}

fn entry(raw: &Json) -> Option<(Owner, Json)> {
    let text = |field: &str| raw.get(field).and_then(Json::as_str).unwrap_or_default().to_owned();
    let manager = text("manager");
    let operation = if text("operation") == "Apply" { Operation::Apply } else { Operation::Update };
    let owner = Owner { class: Actor::of(&manager), manager, operation, subresource: text("subresource"), time: text("time").parse().ok() };
    raw.get("fieldsV1").map(|fields| (owner, fields.clone()))
}

/// How far a `fieldsV1` set covers a place.
#[must_use]
pub fn cover(fields: &Json, path: &[Step]) -> Cover {
    let mut node = fields;
    for (depth, step) in path.iter().enumerate() {
        // A set with nothing below it is a leaf: the value there is owned as one, with all that is in it.
        if depth > 0 && node.as_object().is_some_and(serde_json::Map::is_empty) {
            return Cover::Whole;
        }
        let Some(next) = child(node, step) else { return Cover::None };
        node = next;
    }
    let Some(map) = node.as_object() else { return Cover::None };
    if path.is_empty() {
        return if map.is_empty() { Cover::None } else { Cover::Inside };
    }
    if map.is_empty() || map.contains_key(".") { Cover::Whole } else { Cover::Inside }
}

fn child<'a>(node: &'a Json, step: &Step) -> Option<&'a Json> {
    let map = node.as_object()?;
    match step {
        Step::Field(name) => map.get(&format!("f:{name}")),
        Step::Index(at) => map.get(&format!("i:{at}")),
        Step::Value(value) => {
            map.iter().find(|(key, _)| key.strip_prefix("v:").is_some_and(|raw| plain(raw) == *value)).map(|(_, node)| node)
        }
        Step::Keys(keys) => {
            let found = map.iter().find(|(key, _)| key.strip_prefix("k:").and_then(key_fields).is_some_and(|fields| fields == *keys));
            found.map(|(_, node)| node)
        }
    }
}

/// The fields of a `k:{…}` token, in the order of their names.
pub(crate) fn key_fields(raw: &str) -> Option<Vec<(String, String)>> {
    let parsed: BTreeMap<String, Json> = serde_json::from_str(raw).ok()?;
    Some(parsed.iter().map(|(key, value)| (key.clone(), key_text(value))).collect())
}

/// A key's or set item's value as a path shows it.
pub(crate) fn key_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn plain(raw: &str) -> String {
    serde_json::from_str::<Json>(raw).map_or_else(|_| raw.to_owned(), |value| key_text(&value))
}

fn fields_of(path: &[Step]) -> Vec<String> {
    path.iter().filter_map(|step| if let Step::Field(name) = step { Some(name.clone()) } else { None }).collect()
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// By these fields, sorted.
    Keyed(Vec<String>),
    /// By their value.
    Set,
}

/// Which lists of an object are associative, and by which keys. Places are fields only, list items do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListKeys(BTreeMap<Vec<String>, ListKind>);

impl ListKeys {
    /// How the list at this place is keyed, if any manager's set told.
    #[must_use]
    pub fn get(&self, path: &[Step]) -> Option<&ListKind> {
        let fields: Vec<String> =
            path.iter().filter_map(|step| if let Step::Field(name) = step { Some(name.clone()) } else { None }).collect();
        self.0.get(&fields)
    }

    /// The lists inside this place, as seen from there.
    #[must_use]
    pub fn below(&self, path: &[Step]) -> Self {
        let start = fields_of(path);
        let inside = self.0.iter().filter_map(|(place, kind)| Some((place.strip_prefix(start.as_slice())?.to_vec(), kind.clone())));
        Self(inside.collect())
    }

    /// Adds what another object of the same kind (a dry-run's answer) tells.
    pub fn merge(&mut self, other: Self) {
        for (place, kind) in other.0 {
            self.0.entry(place).or_insert(kind);
        }
    }

    fn learn(&mut self, node: &Json, place: &mut Vec<String>) {
        for (key, below) in node.as_object().into_iter().flatten() {
            if let Some(name) = key.strip_prefix("f:") {
                place.push(name.to_owned());
                self.learn(below, place);
                place.pop();
            } else if let Some(raw) = key.strip_prefix("k:") {
                if let Some(fields) = key_fields(raw) {
                    let names = fields.into_iter().map(|(name, _)| name).collect();
                    self.0.entry(place.clone()).or_insert(ListKind::Keyed(names));
                }
                self.learn(below, place);
            } else if key.starts_with("v:") {
                self.0.entry(place.clone()).or_insert(ListKind::Set);
            }
        }
    }
}

#[cfg(test)]
mod tests;
