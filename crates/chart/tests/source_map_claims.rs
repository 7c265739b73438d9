//! Every claim of a source map can be put to the test: change what it names, render again, and the line is another one.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helmward_chart::Json;
use helmward_chart::chart::{LoadLimits, load_tree};
use helmward_chart::render::{
    Input, ReleaseInfo, TemplateOptions, Traced, explain_all, helm_template_capabilities, to_template_output, trace,
};
use helmward_chart::template::{NoEntropy, Time};
use serde_json::Map;

type Tree = Vec<(String, Bytes)>;

fn walk(dir: &Path, prefix: &str, out: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{name}/"), out);
        } else {
            out.push((name, fs::read(entry.path()).unwrap().into()));
        }
    }
}

fn render(tree: &Tree) -> Option<(Traced, String)> {
    let chart = load_tree(tree.clone(), &LoadLimits::default()).ok()?;
    let (user, capabilities) = (Map::new(), helm_template_capabilities());
    let release = ReleaseInfo::install("rel", "ns");
    let mut input = Input::new(&chart, &user, release, &capabilities, Time::unix(0, 0), Arc::new(NoEntropy));
    input.options.skip_schema = true;
    let traced = trace(&input).ok()?;
    let text = to_template_output(&traced.rendered, &TemplateOptions::default()).ok()?;
    Some((traced, text))
}

/// The tree with one line of a file changed; None where the line does not have the text.
fn changed(tree: &Tree, file: &str, line: usize, old: &str, new: &str) -> Option<Tree> {
    let (_, path) = file.split_once('/')?;
    let mut tree = tree.clone();
    let (_, data) = tree.iter_mut().find(|(name, _)| name == path)?;
    let mut lines: Vec<String> = std::str::from_utf8(data).ok()?.split('\n').map(str::to_owned).collect();
    let slot = lines.get_mut(line - 1)?;
    let at = slot.rfind(old)?;
    slot.replace_range(at..at + old.len(), new);
    *data = lines.join("\n").into();
    Some(tree)
}

fn count(text: &str, line: &str) -> usize {
    text.lines().filter(|there| *there == line).count()
}

fn find<'j>(values: &'j Map<String, Json>, steps: &[String]) -> Option<&'j Json> {
    let (first, rest) = steps.split_first()?;
    rest.iter().try_fold(values.get(first)?, |here, step| match here {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

/// How many values and how many places in templates were put to the test.
fn check(chart: &str) -> (usize, usize) {
    let mut tree = Tree::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(chart), "", &mut tree);
    let (traced, before) = render(&tree).unwrap();
    let lines = explain_all(&traced, &TemplateOptions::default(), &[]).unwrap();
    let (mut values, mut places) = (0, 0);
    for line in &lines {
        let of_helm = line.text == "---" || line.text.starts_with("# Source: ") || line.text.trim().is_empty();
        assert!(of_helm || line.place().is_some(), "{}: no template wrote {:?}", line.number, line.text);
        for value in line.values().into_iter().filter(|value| value.exact && !value.is_key) {
            let origin = value.origin.as_ref().unwrap_or_else(|| panic!("{} has no origin", value.path));
            let (old, new) = match find(&traced.rendered.values, &value.steps).unwrap() {
                Json::String(text) if !text.is_empty() && !text.contains('\n') => (text.clone(), format!("{text}qz")),
                Json::Number(n) => (n.as_f64().unwrap().to_string(), (n.as_f64().unwrap() + 1.0).to_string()),
                Json::Bool(b) => (b.to_string(), (!b).to_string()),
                _ => continue,
            };
            let Some(tree) = changed(&tree, &origin.source, origin.line.unwrap() as usize, &old, &new) else { continue };
            let Some((_, after)) = render(&tree) else { continue };
            values += 1;
            assert!(count(&after, &line.text) < count(&before, &line.text), "{} at {origin:?} is not in {:?}", value.path, line.text);
        }
        for part in line.parts.iter().filter(|part| part.values.is_empty() && part.text.chars().any(char::is_alphabetic)) {
            let word = part.text.trim().trim_end_matches(':');
            let place = &part.places[0];
            let Some(tree) = changed(&tree, &place.file, place.line, word, &format!("{word}qz")) else { continue };
            let Some((_, after)) = render(&tree) else { continue };
            places += 1;
            assert!(count(&after, &line.text) < count(&before, &line.text), "{place} did not write {:?}", line.text);
        }
    }
    (values, places)
}

#[test]
fn claims_about_the_chart_of_the_demo_hold() {
    let (values, places) = check("examples/repos/web/01-install/charts/web");
    assert!(values >= 5 && places >= 20, "{values} {places}");
}

#[test]
fn claims_about_the_chart_of_the_daemon_hold() {
    let (values, places) = check("charts/helmward");
    assert!(values >= 10 && places >= 50, "{values} {places}");
}
