//! Tables of templates and their true outcomes.
//!
//! `golden.jsonl` holds templates (`t`) with what Helm v3.22.0 renders (`out`) or prints as its error (`err`), given
//! `data.json` as values and the chart that [`root`] describes.

#![allow(clippy::unwrap_used)]

mod budgets;
mod shared;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::Json;

/// What the templates of the tables see.
fn root() -> Value {
    let values: Json = serde_json::from_str(include_str!("data.json")).unwrap();
    let chart = json!({
        "name": "c", "version": "1.2.3", "apiVersion": "v2", "appVersion": "4.5",
        "annotations": {"k": "v"}, "maintainers": [{"name": "m"}]
    });
    let files: [(&str, &'static [u8]); 3] = [("a.txt", b"alpha\nbeta\n"), ("d/b.txt", b"x: <y>"), ("d/e/c.bin", &[0, 255, 1])];
    let capabilities = Capabilities {
        kube_version: "v1.20.0".into(),
        kube_major: "1".into(),
        kube_minor: "20".into(),
        api_versions: vec!["v1".into(), "apps/v1".into()],
        helm_version: HelmVersion {
            version: "v3.22".into(),
            git_commit: String::new(),
            git_tree_state: String::new(),
            go_version: "go1.26".into(),
            kube_client_version: String::new(),
        },
    };
    let release = Value::from_json(&json!({"Name": "rel", "Namespace": "ns", "IsUpgrade": false, "IsInstall": true, "Service": "Helm"}));
    release.as_map().unwrap().insert("Revision".into(), Value::Int(1));
    let root = Value::values_from_json(&json!({}));
    for (name, value) in [
        ("Values", Value::values_from_json(&values)),
        ("Chart", Value::chart(&chart, true)),
        ("Files", Value::files(files.map(|(path, content)| (path.to_owned(), Bytes::from_static(content))))),
        ("Capabilities", capabilities.to_value()),
        ("Subcharts", Value::map(Default::default())),
        ("Release", release),
        ("Template", Value::values_from_json(&json!({"Name": "c/t", "BasePath": "c/templates"}))),
    ] {
        root.as_map().unwrap().insert(name.into(), value);
    }
    root
}

fn world(limits: Limits) -> World {
    World::new(Time::unix(0, 0), Rc::new(NoEntropy), Rc::new(NoLookup), limits)
}

fn render(template: &str) -> Result<String, Error> {
    render_within(template, Limits::default())
}

fn render_within(template: &str, limits: Limits) -> Result<String, Error> {
    let engine = Arc::new(Engine::new(limits.clone()));
    let mut set = TemplateSet::new(&engine);
    set.add(engine.parse("c/t", template)?);
    set.render("c/t", &root(), &mut world(limits))
}

#[test]
fn as_helm() {
    with_stack(|| {
        let mut wrong = Vec::new();
        for line in include_str!("golden.jsonl").lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            let template = case["t"].as_str().unwrap();
            let expect = case["out"].as_str().ok_or(case["err"].as_str().unwrap_or_default());
            let got = render(template).map_err(|err| err.helm_text("c/t"));
            if got.as_deref().map_err(String::as_str) != expect {
                wrong.push(format!("{template}\n  helm {expect:?}\n  ours {got:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    })
    .unwrap();
}

#[test]
fn every_function_of_helm_is_there() {
    let names: std::collections::BTreeSet<_> = super::funcs::names().collect();
    for name in include_str!("functions.txt").split_whitespace() {
        assert!(names.contains(name), "{name}");
    }
}
