//! Sequences of requests, and the short form in which they are written in `cases/`.
//!
//! A step is `VERB[:WORD] RESOURCE[.GROUP][@VERSION][/NAME[/SUBRESOURCE]][?QUERY]`, with the body as its value. In bodies and
//! queries `{ns}` and `{id}` are the names of the run, `{rv}`, `{uid}` and `{continue}` come from the last answer
//! that had them (`{rv:2}`: from that of step 2).

use serde_json::{Map, Value, json};

/// Requests that belong together; they get a namespace of their own.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One request, or something to wait for.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) verb: Verb,
    /// What follows the colon: a manager (`!` at its end forces), or how an answer is asked for.
    pub(crate) word: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Put,
    Apply,
    Merge,
    Strategic,
    Json,
    Delete,
    /// GET, a merge patch of the answer on this side, and PUT.
    Edit,
    /// Creates the CRD of the sequence and waits until it is served.
    Crd,
    /// Waits until there is no such object.
    Gone,
    /// Waits for what the server does later: milliseconds.
    Pause,
}

impl Step {
    /// Reads `verb:word path` and a body.
    pub(crate) fn read(text: &str, body: Value) -> Step {
        let (head, path) = text.split_once(' ').unwrap_or((text, ""));
        let (verb, word) = head.split_once(':').unwrap_or((head, ""));
        let verb = match verb {
            "get" => Verb::Get,
            "list" => Verb::List,
            "watch" => Verb::Watch,
            "create" => Verb::Create,
            "put" => Verb::Put,
            "apply" => Verb::Apply,
            "merge" => Verb::Merge,
            "strategic" => Verb::Strategic,
            "json" => Verb::Json,
            "delete" => Verb::Delete,
            "edit" => Verb::Edit,
            "crd" => Verb::Crd,
            "gone" => Verb::Gone,
            "pause" => Verb::Pause,
            other => panic!("no verb {other} in {text}"),
        };
        Step { verb, word: word.to_owned(), path: path.to_owned(), body }
    }
}

impl Sequence {
    /// Reads a file of cases: a mapping from names to lists of steps.
    pub(crate) fn read_all(group: &str, text: &str) -> Vec<Sequence> {
        let file: Map<String, Value> = serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{group}: {e}"));
        let steps = |steps: &Value| -> Vec<Step> {
            let read = |step: &Value| match step {
                Value::String(text) => vec![Step::read(text, Value::Null)],
                Value::Object(map) => map.iter().map(|(text, body)| Step::read(text, body.clone())).collect(),
                other => panic!("{group}: {other} is no step"),
            };
            steps.as_array().unwrap_or_else(|| panic!("{group}: steps are a list")).iter().flat_map(read).collect()
        };
        file.iter().map(|(name, list)| Sequence { group: group.to_owned(), name: name.clone(), steps: steps(list) }).collect()
    }
}

/// A resource as a step names it.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
}

/// `configmaps`, `events.events.k8s.io`, `widgets@v2`; anything unknown is the sequence's own custom resource.
pub(crate) fn kind_of(resource: &str, id: &str) -> (String, Kind) {
    let (resource, version) = resource.split_once('@').unwrap_or((resource, ""));
    let (plural, group) = resource.split_once('.').map_or((resource, None), |(p, g)| (p, Some(g)));
    let groups: Value = serde_json::from_str(include_str!("../../data/resources.json")).unwrap();
    for entry in groups.as_array().unwrap() {
        let fits = group.is_none_or(|g| entry["group"] == g) && (entry["version"] == version || version.is_empty());
        let found = entry["resources"].as_array().unwrap().iter().find(|r| r["name"] == plural);
        if let (true, Some(found)) = (fits, found) {
            let api_version = match entry["group"].as_str().unwrap() {
                "" => entry["version"].as_str().unwrap().to_owned(),
                group => format!("{group}/{}", entry["version"].as_str().unwrap()),
            };
            let kind = Kind { api_version, kind: found["kind"].as_str().unwrap().into(), namespaced: found["namespaced"] == true };
            return (plural.to_owned(), kind);
        }
    }
    let version = if version.is_empty() { "v1" } else { version };
    (plural.to_owned(), Kind { api_version: format!("{id}.example.com/{version}"), kind: "Widget".into(), namespaced: plural != "globals" })
}

/// The CRD of a sequence. Of `short`, `props` are the properties of the schema, `schema` is merged into it, and the rest into the version.
pub(crate) fn crd(short: &Value, id: &str) -> Value {
    let plain = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |name: &str, short: &Value| {
        let mut version = json!({"name": name, "served": true, "storage": name == "v1",
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": plain, "status": plain}}}});
        for (key, value) in short.as_object().into_iter().flatten() {
            let schema = &mut version["schema"]["openAPIV3Schema"];
            match key.as_str() {
                "props" => schema["properties"] = value.clone(),
                "spec" => schema["properties"]["spec"] = json!({"type": "object", "properties": value}),
                "schema" => merge(schema, value),
                "also" | "names" | "scope" | "top" => {}
                _ => version[key.as_str()] = value.clone(),
            }
        }
        version
    };
    let mut versions = vec![version("v1", short)];
    for (name, short) in short["also"].as_object().into_iter().flatten() {
        versions.push(version(name, short));
    }
    let plural = if short["scope"] == "Cluster" { "globals" } else { "widgets" };
    let mut out = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{id}.example.com")},
        "spec": {"group": format!("{id}.example.com"), "scope": short["scope"].as_str().unwrap_or("Namespaced"),
            "names": {"plural": plural, "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}, "versions": versions}});
    merge(&mut out["spec"]["names"], &short["names"]);
    merge(&mut out, &short["top"]);
    out
}

/// A JSON merge patch.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    match patch {
        Value::Object(patch) => {
            if !value.is_object() {
                *value = json!({});
            }
            for (name, inner) in patch {
                if inner.is_null() {
                    value.as_object_mut().unwrap().remove(name);
                } else {
                    merge(&mut value[name.as_str()], inner);
                }
            }
        }
        Value::Null => {}
        other => *value = other.clone(),
    }
}
