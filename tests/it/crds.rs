//! The comparison with Flux's published CustomResourceDefinitions, where a directory with them is given.

use helmward::api::crd::all;
use helmward::object::Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// `HELMWARD_FLUX_CRDS`, or `shared/api/flux-crds` beside the checkout.
fn directory() -> Option<PathBuf> {
    let given = std::env::var_os("HELMWARD_FLUX_CRDS").map(PathBuf::from);
    if let Some(given) = &given {
        assert!(given.is_dir(), "HELMWARD_FLUX_CRDS names no directory: {}", given.display());
    }
    given.or_else(|| Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/api/flux-crds")).filter(|d| d.is_dir()))
}

fn published() -> Option<Vec<Json>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(directory()?).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            for document in serde_yaml::Deserializer::from_str(&text) {
                out.push(serde::Deserialize::deserialize(document).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
            }
        }
    }
    Some(out)
}

fn name_of(definition: &Json) -> &str {
    definition["metadata"]["name"].as_str().unwrap_or_default()
}

/// Lists every difference between two trees; order does not matter in the lists named here.
fn differences(path: &str, theirs: &Json, ours: &Json, out: &mut Vec<String>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let below = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    // A description is a text; a property of that name would be a mapping.
                    (a, b) if key == "description" && a.or(b).is_some_and(Json::is_string) => {}
                    (Some(a), Some(b)) => differences(&below, a, b, out),
                    (Some(a), None) => out.push(format!("{below}: missing {a}")),
                    (None, b) => out.push(format!("{below}: added {}", b.expect("in one of both"))),
                }
            }
        }
        (Json::Array(a), Json::Array(b)) if path.ends_with(".required") => {
            let set = |list: &[Json]| list.iter().map(Json::to_string).collect::<BTreeSet<_>>();
            if set(a) != set(b) {
                out.push(format!("{path}: {theirs} and not {ours}"));
            }
        }
        (Json::Array(a), Json::Array(b)) if path.ends_with("additionalPrinterColumns") => {
            let named = |list: &[Json]| list.iter().map(|c| (c["name"].to_string(), c.clone())).collect::<BTreeMap<_, _>>();
            let ours = named(b);
            for (name, column) in named(a) {
                match ours.get(&name) {
                    Some(ours) => differences(&format!("{path}.{name}"), &column, ours, out),
                    None => out.push(format!("{path}: missing column {name}")),
                }
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: {a} and not {b}")),
    }
}

#[test]
fn accept_what_flux_accepts() {
    let Some(published) = published() else {
        eprintln!("skipped: no published definitions; set HELMWARD_FLUX_CRDS to their directory");
        return;
    };
    let ours: BTreeMap<String, Json> = all().into_iter().map(|d| (name_of(&d).to_owned(), d)).collect();
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for theirs in &published {
        let name = name_of(theirs).to_owned();
        match ours.get(&name) {
            Some(ours) => differences(&name, &theirs["spec"], &ours["spec"], &mut found),
            None => found.push(format!("{name}: missing")),
        }
        names.insert(name);
    }
    found.extend(ours.keys().filter(|name| !names.contains(*name)).map(|name| format!("{name}: not published")));
    assert!(names.len() >= 11, "only {} definitions were found", names.len());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_comparison_sees_differences() {
    use serde_json::json;
    let theirs = json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "description": "x"}, "b": {"enum": ["x"]}}});
    let cases = [
        (json!({"type": "object", "required": ["b", "a"], "properties": {"a": {"type": "string"}, "b": {"enum": ["x"]}}}), 0),
        (json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"enum": ["x"]}}}), 1),
        (json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}, "b": {"enum": ["y"]}}}), 2),
        (json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}}}), 1),
        (
            json!({"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "minLength": 1}, "b": {"enum": ["x", "y"]}}}),
            2,
        ),
    ];
    for (ours, count) in cases {
        let mut out = Vec::new();
        differences("", &theirs, &ours, &mut out);
        assert_eq!(out.len(), count, "{out:?}");
    }
}

/// The chart brings the same definitions as the daemon: one file for each, named after it. `HELMWARD_WRITE=1` writes them.
#[test]
fn the_chart_has_the_daemons_definitions() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("charts/helmward/crds");
    let mut wanted = BTreeSet::new();
    for definition in all() {
        let path = directory.join(format!("{}.yaml", name_of(&definition)));
        let text = helmward_chart::yaml::to_string(&definition);
        if std::env::var_os("HELMWARD_WRITE").is_some() {
            std::fs::create_dir_all(&directory).expect("a writable directory");
            std::fs::write(&path, &text).expect("a writable file");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{}: HELMWARD_WRITE=1 renews it", path.display());
        wanted.insert(path);
    }
    let there: BTreeSet<PathBuf> =
        std::fs::read_dir(&directory).expect("a readable directory").map(|e| e.expect("an entry").path()).collect();
    assert_eq!(there, wanted, "a file too many");
}
