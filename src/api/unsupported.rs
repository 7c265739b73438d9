//! Fields that are present in an object and not honoured yet, and fields that do not exist.
//!
//! What is honoured is one table per kind. Every field of the schema that is neither in it nor harmless is named here, so
//! that a condition can name it: nothing is ignored in silence.

use super::crd::schema::join;
use super::crd::schema_of;
use super::names::{HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP};
use crate::object::{Gvk, Json};

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

/// One line of a table: a path without list indexes (`dependsOn[].name`), and what holds for it and all below it.
type Row = (&'static str, Honour);

/// What holds for a field.
#[derive(Clone, Copy)]
enum Honour {
    /// It is honoured.
    Yes,
    /// It is honoured where the value passes, and nothing may be applied where it does not; the text says why.
    If(fn(&Json) -> bool, &'static str),
    /// It is honoured where the value passes, and can be done without; the text says why.
    Rather(fn(&Json) -> bool, &'static str),
    /// It is not honoured, and nothing may be applied without it.
    Blocks,
}
use Honour::{Blocks, If, Rather, Yes};

const GIT_ONLY: &str = "only GitRepository is served yet";

fn is_git(value: &Json) -> bool {
    value == "GitRepository"
}

const GIT_REPOSITORY: &[Row] = &[
    ("ignore", Yes),
    ("include", Blocks),
    ("interval", Yes),
    ("provider", If(|v| v == "generic", "only generic is served yet")),
    ("recurseSubmodules", Blocks),
    ("ref", Yes),
    ("secretRef", Yes),
    ("suspend", Yes),
    ("timeout", Yes),
    ("url", If(|v| v.as_str().is_none_or(|url| !url.starts_with("ssh://")), "ssh is not served yet")),
    ("verify", Blocks),
];

const KUSTOMIZATION: &[Row] = &[
    ("commonMetadata", Yes),
    ("components", Blocks),
    ("decryption", Blocks),
    ("deletionPolicy", Rather(|v| v != "WaitForTermination", "WaitForTermination is not served yet")),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("healthChecks", Yes),
    ("ignore", Blocks),
    ("images", Blocks),
    ("interval", Yes),
    ("kubeConfig", Blocks),
    ("namePrefix", Blocks),
    ("nameSuffix", Blocks),
    ("patches", Blocks),
    ("path", Yes),
    ("postBuild", Blocks),
    ("prune", Yes),
    ("retryInterval", Yes),
    ("serviceAccountName", Blocks),
    ("sourceRef.apiVersion", Yes),
    ("sourceRef.kind", If(is_git, GIT_ONLY)),
    ("sourceRef.name", Yes),
    ("sourceRef.namespace", Yes),
    ("suspend", Yes),
    ("targetNamespace", Yes),
    ("timeout", Yes),
    ("wait", Yes),
];

const HELM_RELEASE: &[Row] = &[
    ("chart.spec.chart", Yes),
    ("chart.spec.ignoreMissingValuesFiles", Yes),
    ("chart.spec.interval", Yes),
    ("chart.spec.reconcileStrategy", Yes),
    ("chart.spec.sourceRef.apiVersion", Yes),
    ("chart.spec.sourceRef.kind", If(is_git, GIT_ONLY)),
    ("chart.spec.sourceRef.name", Yes),
    ("chart.spec.sourceRef.namespace", Yes),
    ("chart.spec.valuesFiles", Yes),
    ("chart.spec.verify", Blocks),
    ("chart.spec.version", Yes),
    ("chartRef", Blocks),
    ("commonMetadata", Yes),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("driftDetection", Yes),
    ("install.crds", Yes),
    ("install.createNamespace", Yes),
    ("install.disableHooks", Yes),
    ("install.disableSchemaValidation", Yes),
    // Objects of others are never taken over unless asked for.
    ("install.disableTakeOwnership", Yes),
    ("install.disableWait", Yes),
    ("install.disableWaitForJobs", Yes),
    ("install.remediation", Yes),
    ("install.serverSideApply", Rather(|v| v == true, "objects are always applied by the server")),
    ("install.skipCRDs", Yes),
    ("install.timeout", Yes),
    ("interval", Yes),
    ("kubeConfig", Blocks),
    ("maxHistory", Yes),
    // How many clients there are is our own affair.
    ("persistentClient", Yes),
    ("postRenderers", Blocks),
    ("releaseName", Yes),
    ("rollback.cleanupOnFail", Yes),
    ("rollback.disableHooks", Yes),
    ("rollback.disableWait", Yes),
    ("rollback.disableWaitForJobs", Yes),
    // Flux ignores it too.
    ("rollback.recreate", Yes),
    ("rollback.serverSideApply", Rather(|v| v != "disabled", "objects are always applied by the server")),
    ("rollback.timeout", Yes),
    ("serviceAccountName", Blocks),
    ("storageNamespace", Yes),
    ("suspend", Yes),
    ("targetNamespace", Yes),
    ("timeout", Yes),
    ("uninstall.deletionPropagation", Yes),
    ("uninstall.disableHooks", Yes),
    ("uninstall.keepHistory", Yes),
    ("uninstall.timeout", Yes),
    ("upgrade.cleanupOnFail", Yes),
    ("upgrade.crds", Yes),
    ("upgrade.disableHooks", Yes),
    ("upgrade.disableSchemaValidation", Yes),
    ("upgrade.disableTakeOwnership", Yes),
    ("upgrade.disableWait", Yes),
    ("upgrade.disableWaitForJobs", Yes),
    ("upgrade.preserveValues", Blocks),
    ("upgrade.remediation", Yes),
    ("upgrade.serverSideApply", Rather(|v| v != "disabled", "objects are always applied by the server")),
    ("upgrade.timeout", Yes),
    ("values", Yes),
    ("valuesFrom", Yes),
    ("waitStrategy.name", Rather(|v| v == "poller", "readiness is always judged as kstatus does")),
];

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
            Some(Yes) => return,
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
            Some(Blocks) => {
                return if is_harmless(schema, value) {
                } else {
                    report(true, "")
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
mod tests {
    use super::*;
    use serde_json::{Map, json};

    const KINDS: [(&str, &str, &[Row]); 3] = [
        ("source.toolkit.fluxcd.io/v1", "GitRepository", GIT_REPOSITORY),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", HELM_RELEASE),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", KUSTOMIZATION),
    ];

    fn schema(api_version: &str, kind: &str) -> &'static Json {
        &schema_of(&Gvk::new(api_version, kind).group, kind).expect("a kind of ours")["properties"]["spec"]
    }

    /// A value that says something for every field, as unusual as the schema allows.
    fn full(schema: &Json) -> Json {
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().rev().find(|w| schema.get("default") != Some(w)).expect("two words").clone();
        }
        match schema["type"].as_str() {
            Some("string") => json!("ssh://x"),
            Some("boolean") => json!(true),
            Some("integer") => json!(7),
            Some("array") => json!([full(&schema["items"])]),
            Some("object") => match schema["properties"].as_object() {
                Some(properties) => properties.iter().map(|(k, s)| (k.clone(), full(s))).collect::<Map<_, _>>().into(),
                None => json!({"k": "v"}),
            },
            _ => json!({"k": "v"}),
        }
    }

    fn leaves(value: &Json, shown: &str, path: &str, out: &mut Vec<(String, String)>) {
        match value {
            Json::Object(map) => map.iter().for_each(|(k, v)| leaves(v, &join(shown, k), &join(path, k), out)),
            Json::Array(items) => leaves(&items[0], &format!("{shown}[0]"), &format!("{path}[]"), out),
            _ => out.push((shown.to_owned(), path.to_owned())),
        }
    }

    fn covers(row: &str, path: &str) -> bool {
        path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with(['.', '[']))
    }

    #[test]
    fn every_field_is_honoured_or_named() {
        for (api_version, kind, table) in KINDS {
            let spec = full(schema(api_version, kind));
            let named = unsupported_fields(&json!({"apiVersion": api_version, "kind": kind, "spec": spec}));
            let mut all = Vec::new();
            leaves(&spec, "spec", "", &mut all);
            assert!(all.len() > 20, "{kind}");
            for (shown, path) in all {
                let row = table.iter().find(|(row, _)| covers(row, &path)).map(|(_, honour)| honour);
                let is_named = named.iter().any(|n| covers(&n.path, &shown));
                // Whether a conditional row is named is up to the value; the table below tests those.
                let right = matches!(row, Some(If(..) | Rather(..))) || is_named != matches!(row, Some(Yes));
                assert!(right, "{kind} {shown}: named {is_named}");
            }
        }
    }

    #[test]
    fn every_row_is_a_field() {
        for (api_version, kind, table) in KINDS {
            for (row, _) in table {
                let mut at = schema(api_version, kind);
                for part in row.split('.') {
                    let name = part.trim_end_matches("[]");
                    at = &at["properties"][name];
                    if part.ends_with("[]") {
                        at = &at["items"];
                    }
                    assert!(at.is_object(), "{kind} has no {row}");
                }
            }
        }
    }

    #[test]
    fn names_what_is_not_honoured_and_only_that() {
        let chart = json!({"spec": {"chart": "web", "version": "*", "sourceRef": {"kind": "GitRepository", "name": "r"}}});
        for (kind, spec, expect) in [
            (1, json!({"interval": "1m", "chart": chart}), vec![]),
            (1, json!({"test": {"enable": false}, "install": {"replace": false, "remediation": {"retries": 3}}}), vec![]),
            (1, json!({"test": {"enable": true}, "upgrade": {"force": true}}), vec!["spec.test", "spec.upgrade.force"]),
            (
                1,
                json!({"install": {"serverSideApply": false}}),
                vec!["spec.install.serverSideApply (objects are always applied by the server)"],
            ),
            (1, json!({"dependsOn": [{"name": "a"}, {"name": "b", "readyExpr": "true"}]}), vec!["spec.dependsOn[1].readyExpr"]),
            (
                1,
                json!({"chart": {"metadata": {"labels": {"a": "b"}}, "spec": {"sourceRef": {"kind": "Bucket"}}}}),
                vec!["spec.chart.metadata", "spec.chart.spec.sourceRef.kind (only GitRepository is served yet)"],
            ),
            (2, json!({"force": false, "prune": true, "deletionPolicy": "Orphan"}), vec![]),
            (
                2,
                json!({"force": true, "deletionPolicy": "WaitForTermination"}),
                vec!["spec.deletionPolicy (WaitForTermination is not served yet)", "spec.force"],
            ),
            (
                0,
                json!({"url": "ssh://git@h/r", "timeout": "60s", "recurseSubmodules": true, "include": []}),
                vec!["spec.recurseSubmodules", "spec.url (ssh is not served yet)"],
            ),
            (0, json!({"url": "https://h/r", "provider": "generic", "ref": {"semver": ">=1"}}), vec![]),
        ] {
            let (api_version, kind, _) = KINDS[kind];
            let mut named = unsupported(&json!({"apiVersion": api_version, "kind": kind, "spec": spec}));
            named.sort();
            assert_eq!(named, expect, "{spec}");
        }
    }

    #[test]
    fn what_would_do_something_else_blocks() {
        let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "spec": {"force": true, "kubeConfig": {"secretRef": {"name": "x"}}}});
        let blocking: Vec<_> = unsupported_fields(&object).into_iter().map(|u| (u.path, u.blocking)).collect();
        assert_eq!(blocking, [("spec.force".to_owned(), false), ("spec.kubeConfig".to_owned(), true)]);
    }

    #[test]
    fn unknown_fields_are_named_with_a_guess() {
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "spec": {"intervall": "1m", "values": {"anything": 1}, "zzz": 1, "valuesFrom": [{"kind": "Secret", "valueKey": "a"}]}});
        let mut found = unknown_fields(&object);
        found.sort();
        assert_eq!(found, ["spec.intervall (did you mean interval?)", "spec.valuesFrom[0].valueKey (did you mean valuesKey?)", "spec.zzz"]);
    }
}
