//! The teaching charts render to what Helm prints for them, byte for byte.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::render::{Input, ReleaseInfo, TemplateOptions, helm_template_capabilities, render, to_template_output};
use helmward_chart::template::{NoEntropy, Time};
use helmward_chart::values;
use serde_json::Map;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read_tree(dir: &Path, prefix: &str, out: &mut Vec<(String, Bytes)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            read_tree(&entry.path(), &format!("{name}/"), out);
        } else {
            out.push((name, fs::read(entry.path()).unwrap().into()));
        }
    }
}

fn load(chart: &str) -> Chart {
    let mut tree = Vec::new();
    read_tree(&fixtures().join(chart), "", &mut tree);
    load_tree(tree, &LoadLimits::default()).unwrap()
}

fn template(chart: &Chart, values: Option<&str>) -> Result<String, String> {
    let mut user = Map::new();
    if let Some(file) = values {
        values::merge(&mut user, values::from_yaml(&fs::read(fixtures().join("values").join(file)).unwrap()).unwrap());
    }
    let capabilities = helm_template_capabilities();
    let release = ReleaseInfo::install("rel", "ns");
    let input = Input::new(chart, &user, release, &capabilities, Time::unix(0, 0), Arc::new(NoEntropy));
    let rendered = render(&input).map_err(|e| e.to_template_output())?;
    let options = TemplateOptions { include_crds: true, ..TemplateOptions::default() };
    to_template_output(&rendered, &options).map_err(|e| e.to_template_output())
}

#[test]
fn the_teaching_charts_render_as_helm_renders_them() {
    let mut seen = 0;
    for golden in fs::read_dir(fixtures().join("golden")).unwrap() {
        let path = golden.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let [chart, case, kind] = name.split('.').collect::<Vec<_>>()[..] else { panic!("{name} is not CHART.CASE.KIND") };
        let chart = load(chart);
        let values = (case != "default").then(|| format!("{}.{case}.yaml", chart.name()));
        let want = fs::read_to_string(&path).unwrap();
        // Twice: the second render takes parsed templates and the compiled schema from the chart.
        for _ in 0..2 {
            match (template(&chart, values.as_deref()), kind) {
                (Ok(text), "yaml") | (Err(text), "err") => assert_eq!(text, want, "{name}"),
                (other, _) => panic!("{name}: {other:?}"),
            }
        }
        seen += 1;
    }
    assert!(seen >= 7, "golden/ has {seen} cases");
}

#[test]
fn only_the_templates_asked_for_are_shown() {
    let chart = load("greeter");
    let capabilities = helm_template_capabilities();
    let user = Map::new();
    let input = Input::new(&chart, &user, ReleaseInfo::install("rel", "ns"), &capabilities, Time::unix(0, 0), Arc::new(NoEntropy));
    let rendered = render(&input).unwrap();
    let show = |options: TemplateOptions| {
        let text = to_template_output(&rendered, &options).map_err(|e| e.to_string())?;
        let sources: Vec<String> = text.lines().filter_map(|l| l.strip_prefix("# Source: greeter/templates/")).map(str::to_owned).collect();
        Ok::<_, String>(sources.join(" "))
    };
    let only = |pattern: &str| show(TemplateOptions { show_only: vec![pattern.to_owned()], ..TemplateOptions::default() });
    assert_eq!(only("templates/workload.yaml").unwrap(), "workload.yaml workload.yaml");
    assert_eq!(only("templates/*/*.yaml").unwrap(), "tests/says-hello.yaml");
    assert_eq!(only("templates/none.yaml").unwrap_err(), "could not find template templates/none.yaml in chart");
    let all = "config.yaml workload.yaml workload.yaml config.yaml config.yaml";
    assert_eq!(show(TemplateOptions { no_hooks: true, ..TemplateOptions::default() }).unwrap(), all);
    let untested = show(TemplateOptions { skip_tests: true, ..TemplateOptions::default() }).unwrap();
    assert_eq!(untested, format!("{all} hooks.yaml hooks.yaml"));
}
