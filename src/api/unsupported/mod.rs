//! Fields that are present in an object and not honoured yet, and fields that do not exist.
//!
//! What is honoured is one table per kind. Every field of the schema that is neither in it nor harmless is named here, so
//! that a condition can name it: nothing is ignored in silence.

mod compatibility;
mod tables;

use super::crd::schema::join;
use super::crd::schema_of;
use super::names::{HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP};
use crate::object::{Gvk, Json};
pub use compatibility::{compatibility, lacking};
use tables::Honour::{Blocks, If, Named, Noted, Rather, Yes};
use tables::{GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Row};

/// A field that is present and not honoured yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The field, such as `spec.postRenderers`.
    pub path: String,
    /// Whether going on without it would do something else than was asked for: another cluster, another account,
    /// other objects. Then nothing may be applied.
    pub blocking: bool,
    /// What of it is not honoured, where a part is; empty otherwise.
    pub note: &'static str,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.note.is_empty() { f.write_str(&self.path) } else { write!(f, "{} ({})", self.path, self.note) }
    }
}

/// The fields of an object that are present and not honoured yet, in the words of a condition's message.
#[must_use]
pub fn unsupported(object: &Json) -> Vec<String> {
    unsupported_fields(object).iter().map(ToString::to_string).collect()
}

/// The fields of an object that are present and not honoured yet. Values that change nothing (absent, `false`, empty, or what
/// the API server fills in) are not named.
#[must_use]
pub fn unsupported_fields(object: &Json) -> Vec<Unsupported> {
    let mut out = Vec::new();
    if let Some((table, schema)) = table_of(object)
        && let Some(spec) = object.get("spec")
    {
        let walk = Walk { table };
        walk.visit(schema, spec, "", "spec", &mut out);
    }
    out
}

/// Fields that the kind does not have, with the most similar name that it has.
#[must_use]
pub fn unknown_fields(object: &Json) -> Vec<String> {
    let mut out = Vec::new();
    if let Some((_, schema)) = table_of(object)
        && let Some(spec) = object.get("spec")
    {
        unknown(schema, spec, "spec", &mut out);
    }
    out
}

fn table_of(object: &Json) -> Option<(&'static [Row], &'static Json)> {
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    let gvk = Gvk::new(text("apiVersion"), text("kind"));
    let table = match (gvk.group.as_str(), gvk.kind.as_str()) {
        (SOURCE_GROUP, "GitRepository") => GIT_REPOSITORY,
        (HELM_GROUP, "HelmRelease") => HELM_RELEASE,
        (KUSTOMIZE_GROUP, "Kustomization") => KUSTOMIZATION,
        _ => return None,
    };
    Some((table, &schema_of(&gvk.group, &gvk.kind)?["properties"]["spec"]))
}

struct Walk {
    table: &'static [Row],
}

impl Walk {
    /// `path` is the path in the table, `shown` the same with the indexes of the object.
    fn visit(&self, schema: &Json, value: &Json, path: &str, shown: &str, out: &mut Vec<Unsupported>) {
        let row = self.table.iter().find(|(row, _)| *row == path).map(|(_, honour)| *honour);
        let mut report = |blocking, note| out.push(Unsupported { path: shown.into(), blocking, note });
        match row {
            _ if value.is_null() => return,
            Some(Yes | Noted(_)) => return,
            // Looked at before harmless values are let through: for some switches `false` says something.
            Some(If(passes, note)) => {
                return if passes(value) {
                } else {
                    report(true, note)
                };
            }
            Some(Rather(passes, note)) => {
                return if passes(value) {
                } else {
                    report(false, note)
                };
            }
            Some(Blocks(note)) => {
                return if is_harmless(schema, value) {
                } else {
                    report(true, note)
                };
            }
            Some(Named(note)) => {
                return if is_harmless(schema, value) {
                } else {
                    report(false, note)
                };
            }
            None => {}
        }
        let goes_on = self
            .table
            .iter()
            .any(|(row, _)| path.is_empty() || row.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('[')));
        match value {
            Json::Object(map) if goes_on => {
                for (key, below) in map {
                    // Names that the kind does not have are for `unknown_fields`.
                    if let Some(schema) = schema.get("properties").and_then(|p| p.get(key)) {
                        self.visit(schema, below, &join(path, key), &join(shown, key), out);
                    }
                }
            }
            Json::Array(items) if goes_on => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(&schema["items"], item, &format!("{path}[]"), &format!("{shown}[{index}]"), out);
                }
            }
            _ if is_harmless(schema, value) => {}
            _ => out.push(Unsupported { path: shown.into(), blocking: false, note: "" }),
        }
    }
}

/// Values that say nothing: absent, off, empty, or the default.
fn is_harmless(schema: &Json, value: &Json) -> bool {
    let empty = match value {
        Json::Null => true,
        Json::Bool(on) => !on,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map
            .iter()
            .all(|(key, below)| schema.get("properties").and_then(|p| p.get(key)).is_some_and(|schema| is_harmless(schema, below))),
        Json::Number(_) => false,
    };
    empty || schema.get("default") == Some(value)
}

fn unknown(schema: &Json, value: &Json, shown: &str, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
            for (key, below) in map {
                let path = join(shown, key);
                match properties.get(key) {
                    Some(schema) => unknown(schema, below, &path, out),
                    None => match nearest(key, properties.keys()) {
                        Some(near) => out.push(format!("{path} (did you mean {near}?)")),
                        None => out.push(path),
                    },
                }
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unknown(&schema["items"], item, &format!("{shown}[{index}]"), out);
            }
        }
        _ => {}
    }
}

/// The name that differs least, where it differs by a third of its letters at most.
fn nearest<'a>(key: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let limit = key.len() / 3;
    names
        .map(|name| (distance(&key.to_lowercase(), &name.to_lowercase()), name.as_str()))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, n)| n)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = cost.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
