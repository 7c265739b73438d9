//! Source maps, to be tried and measured:
//! `explain RELEASE CHART QUERY [-n NS] [-f FILE]…` prints what made a line or an object;
//! `explain --corpus DIR [--sample N]` renders every case of a corpus with and without tracing, says how many lines and values
//! have a known origin, changes claimed values and templates to see the lines change, and compares the times.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::render::{
    ExplainedLine, Input, Query, ReleaseInfo, Rendered, TemplateOptions, Traced, ValuesSource, explain, explain_all,
    helm_template_capabilities, render, to_template_output, trace,
};
use helmward_chart::template::{NoEntropy, Time};
use helmward_chart::{Json, values};
use serde_json::Map;

type Tree = Vec<(String, Bytes)>;

fn walk(root: &Path, prefix: &str, out: &mut Tree) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if fs::metadata(entry.path()).unwrap().is_dir() {
            walk(&entry.path(), &format!("{name}/"), out);
        } else {
            out.push((name, fs::read(entry.path()).unwrap().into()));
        }
    }
}

/// A chart and the values of a user, ready to be changed and rendered again.
#[derive(Clone)]
struct Case {
    tree: Tree,
    sources: Vec<ValuesSource>,
    release: String,
    namespace: String,
    skip_schema: bool,
}

impl Case {
    fn chart(&self) -> Option<Chart> {
        load_tree(self.tree.clone(), &LoadLimits::default()).ok()
    }

    fn with<T>(&self, chart: &Chart, run: impl FnOnce(&Input<'_>) -> T) -> T {
        let mut user = Map::new();
        for source in &self.sources {
            if let ValuesSource::File { text, .. } = source {
                values::merge(&mut user, values::from_yaml(text.as_bytes()).unwrap_or_default());
            }
        }
        let capabilities = helm_template_capabilities();
        let release = ReleaseInfo::install(self.release.as_str(), self.namespace.as_str());
        let mut input = Input::new(chart, &user, release, &capabilities, Time::unix(1_700_000_000, 0), Arc::new(NoEntropy));
        input.options.skip_schema = self.skip_schema;
        run(&input)
    }

    fn render(&self) -> Option<Rendered> {
        self.with(&self.chart()?, |input| render(input).ok())
    }

    fn text(&self) -> Option<String> {
        to_template_output(&self.render()?, &TemplateOptions::default()).ok()
    }
}

fn show(lines: &[ExplainedLine]) {
    for line in lines {
        println!("{:>5} {}", line.number, line.text);
        let places: Vec<String> = line.places().iter().map(ToString::to_string).collect();
        if !places.is_empty() {
            println!("      template {}", places.join(" < "));
        }
        for value in line.values() {
            let origin = value.origin.as_ref().map_or("unknown".to_owned(), |origin| match origin.line {
                Some(line) => format!("{}:{line}", origin.source),
                None => origin.source.clone(),
            });
            println!(
                "      {} {} {origin}",
                if value.is_key {
                    "key  "
                } else if value.exact {
                    "value"
                } else {
                    "from "
                },
                value.path
            );
        }
        if !line.complete() {
            println!("      and possibly values that are not known");
        }
    }
}

fn one(args: &[String]) -> Result<(), String> {
    let (mut names, mut namespace, mut sources) = (Vec::new(), "default".to_owned(), Vec::new());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-n" => namespace = rest.next().ok_or("-n takes a namespace")?.clone(),
            "-f" => {
                let name = rest.next().ok_or("-f takes a file")?.clone();
                let text = fs::read_to_string(&name).map_err(|e| format!("{name}: {e}"))?;
                sources.push(ValuesSource::File { name, text });
            }
            _ => names.push(arg.clone()),
        }
    }
    let [release, path, query] = names.as_slice() else { return Err("expected a release name, a chart and a query".to_owned()) };
    let mut tree = Vec::new();
    walk(Path::new(path), "", &mut tree);
    let case = Case { tree, sources, release: release.clone(), namespace, skip_schema: false };
    let query: Query = query.parse().map_err(|e| format!("{e}"))?;
    let chart = load_tree(case.tree.clone(), &LoadLimits::default()).map_err(|e| e.to_string())?;
    let traced = case.with(&chart, |input| trace(input).map_err(|e| e.to_string()))?;
    show(&explain(&traced, &TemplateOptions::default(), &case.sources, &query).map_err(|e| e.to_string())?);
    Ok(())
}

#[derive(Default, Debug)]
struct Tally {
    cases: usize,
    differ: usize,
    lines: usize,
    placed: usize,
    complete: usize,
    with_values: usize,
    reached: usize,
    found: usize,
    exact: usize,
    parts: usize,
    parts_complete: usize,
    value_tried: usize,
    value_changed: usize,
    inexact_tried: usize,
    inexact_changed: usize,
    value_refused: usize,
    template_tried: usize,
    template_changed: usize,
    template_refused: usize,
    off: Duration,
    on: Duration,
}

fn counts(text: &str) -> HashMap<&str, usize> {
    let mut out = HashMap::new();
    text.lines().for_each(|line| *out.entry(line).or_default() += 1);
    out
}

/// The text with this line of it changed.
fn with_line(text: &str, line: usize, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let slot = lines.get_mut(line - 1)?;
    *slot = change(slot)?;
    Some(lines.join("\n"))
}

/// A value of the same type, and how both are written.
fn other(value: &Json) -> Option<(String, String)> {
    match value {
        Json::String(s) if !s.is_empty() && !s.contains(['\n', '"', '\'', '\\']) => Some((s.clone(), format!("{s}qz"))),
        Json::Bool(b) => Some((b.to_string(), (!b).to_string())),
        Json::Number(n) if n.as_f64()?.fract() == 0.0 => {
            let n = n.as_f64()? as i64;
            Some((n.to_string(), (n + 1).to_string()))
        }
        _ => None,
    }
}

fn replace_last(line: &str, old: &str, new: &str) -> Option<String> {
    let code = line.split(" #").next()?;
    let at = code.rfind(old)?;
    Some(format!("{}{new}{}", &line[..at], &line[at + old.len()..]))
}

/// The case with the file of a chart changed; `path` begins with the chart's name.
fn with_file(case: &Case, path: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<Case> {
    let (_, path) = path.split_once('/')?;
    let mut case = case.clone();
    let file = case.tree.iter_mut().find(|(name, _)| name == path)?;
    file.1 = change(std::str::from_utf8(&file.1).ok()?)?.into();
    Some(case)
}

fn look<'j>(values: &'j Map<String, Json>, steps: &[String]) -> Option<&'j Json> {
    let (first, rest) = steps.split_first()?;
    rest.iter().try_fold(values.get(first)?, |here, step| match here {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

/// Every n-th of them, so that this many are taken.
fn sample<T>(all: Vec<T>, count: usize, seed: usize) -> Vec<T> {
    let step = (all.len() / count.max(1)).max(1);
    all.into_iter().skip(seed % step).step_by(step).take(count).collect()
}

fn check_values(case: &Case, traced: &Traced, lines: &[ExplainedLine], before: &str, count: usize, tally: &mut Tally) {
    let had = counts(before);
    let claims: Vec<_> = lines.iter().flat_map(|line| line.values().into_iter().map(move |value| (line, value))).collect();
    for exact in [true, false] {
        let some: Vec<_> = claims.iter().copied().filter(|(_, v)| v.exact == exact && v.origin.is_some()).collect();
        for (line, value) in sample(some, count, tally.cases) {
            let origin = value.origin.as_ref().unwrap();
            let (Some(at), Some(now)) = (origin.line, look(&traced.rendered.values, &value.steps)) else { continue };
            let written = match (value.is_key, value.steps.last()) {
                (true, Some(key)) => Some((format!("{key}:"), format!("{key}qz:"))),
                _ => other(now),
            };
            let Some((old, new)) = written else { continue };
            let change = |text: &str| with_line(text, at as usize, |line| replace_last(line, &old, &new));
            let mut changed = case.clone();
            let user = changed.sources.iter_mut().find_map(|source| match source {
                ValuesSource::File { name, text } if *name == origin.source => Some(text),
                _ => None,
            });
            let changed = match user {
                Some(text) => change(text).map(|new| *text = new).map(|()| changed),
                None => with_file(case, &origin.source, change),
            };
            // the value is not written on the line of its key, or the chart is packed
            let Some(changed) = changed else { continue };
            let Some(after) = changed.text() else {
                tally.value_refused += 1;
                continue;
            };
            let moved = counts(&after).get(line.text.as_str()).copied().unwrap_or(0) < had[line.text.as_str()];
            if exact {
                tally.value_tried += 1;
                tally.value_changed += usize::from(moved);
            } else {
                tally.inexact_tried += 1;
                tally.inexact_changed += usize::from(moved);
            }
            if exact && !moved {
                println!("  value not seen: {}:{at} {} -> {:?} ({old} to {new})", origin.source, value.path, line.text);
            }
        }
    }
}

fn check_templates(case: &Case, lines: &[ExplainedLine], before: &str, count: usize, tally: &mut Tally) {
    let had = counts(before);
    let claims = lines.iter().flat_map(|line| line.parts.iter().map(move |part| (line, part)));
    let claims = claims.filter(|(_, part)| part.values.is_empty() && part.text.chars().any(char::is_alphabetic)).collect();
    for (line, part) in sample(claims, count, tally.cases) {
        let Some(place) = part.places.first() else { continue };
        let word = part.text.trim().trim_end_matches(':');
        // a computed constant is not in the template's text
        let change =
            |text: &str| with_line(text, place.line, |line| line.contains(word).then(|| line.replacen(word, &format!("{word}qz"), 1)));
        let Some(changed) = with_file(case, &place.file, change) else { continue };
        let Some(after) = changed.text() else {
            tally.template_refused += 1;
            continue;
        };
        tally.template_tried += 1;
        if counts(&after).get(line.text.as_str()).copied().unwrap_or(0) < had[line.text.as_str()] {
            tally.template_changed += 1;
        } else {
            println!("  template not seen: {place} {:?}", line.text);
        }
    }
}

fn best(runs: usize, mut run: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn measure(case: &Case, count: usize, tally: &mut Tally) {
    let Some(chart) = case.chart() else { return };
    let Some(plain) = case.with(&chart, |input| render(input).ok()) else { return };
    let traced = case.with(&chart, trace).unwrap();
    tally.cases += 1;
    let options = TemplateOptions::default();
    let (before, with) = (to_template_output(&plain, &options).unwrap(), to_template_output(&traced.rendered, &options).unwrap());
    if before != with || plain != traced.rendered {
        tally.differ += 1;
        println!("  tracing changes the output");
    }
    let lines = explain_all(&traced, &options, &case.sources).unwrap();
    for line in lines.iter().filter(|line| line.text != "---" && !line.text.starts_with("# Source: ") && !line.text.trim().is_empty()) {
        tally.lines += 1;
        tally.placed += usize::from(line.place().is_some());
        tally.complete += usize::from(line.complete());
        let values = line.values();
        tally.with_values += usize::from(!values.is_empty());
        tally.reached += values.len();
        tally.found += values.iter().filter(|value| value.origin.is_some()).count();
        tally.exact += values.iter().filter(|value| value.exact).count();
        tally.parts += line.parts.len();
        tally.parts_complete += line.parts.iter().filter(|part| part.complete).count();
    }
    tally.off += best(5, || drop(case.with(&chart, render)));
    tally.on += best(5, || drop(case.with(&chart, trace)));
    check_values(case, &traced, &lines, &before, count, tally);
    check_templates(case, &lines, &before, count, tally);
}

fn corpus(root: &Path, count: usize) {
    let mut files = Tree::new();
    walk(&root.join("cases"), "", &mut files);
    let mut tally = Tally::default();
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with("cmd.json")) {
        let command: Json = serde_json::from_slice(text).unwrap();
        let field = |key: &str| command[key].as_str().map(str::to_owned);
        let Some(chart) = field("chart") else { continue };
        let mut tree = Tree::new();
        let path: PathBuf = root.join(chart);
        if !path.is_dir() {
            continue;
        }
        walk(&path, "", &mut tree);
        let sources = field("values").and_then(|name| {
            let text = fs::read_to_string(root.join(&name)).ok()?;
            Some(ValuesSource::File { name, text })
        });
        let case = Case {
            tree,
            sources: sources.into_iter().collect(),
            release: field("release").unwrap_or_else(|| "rel".to_owned()),
            namespace: field("namespace").or(field("ns")).unwrap_or_else(|| "ns".to_owned()),
            skip_schema: true,
        };
        println!("{name}");
        measure(&case, count, &mut tally);
    }
    println!("{tally:#?}");
    println!("tracing on / off: {:.2}", tally.on.as_secs_f64() / tally.off.as_secs_f64());
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [flag, root, rest @ ..] if flag == "--corpus" => {
            let count = rest.get(1).and_then(|count| count.parse().ok()).unwrap_or(4);
            corpus(Path::new(root), count);
        }
        args => {
            if let Err(why) = one(args) {
                eprintln!("Error: {why}");
                std::process::exit(1);
            }
        }
    }
}
