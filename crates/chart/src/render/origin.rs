//! Which file a value comes from: the sources are walked in order of precedence when somebody asks.
//!
//! The order is that of Helm's coalescing: what the user gives (the last wins), then `values.yaml` of the chart, then those of
//! the sub-charts on the way to the value; globals of a parent before those of its sub-charts; imported values last. The first
//! source that has the path must have the very value that templates saw, else the origin is unknown.

use std::collections::HashMap;

use serde_json::Map;

use crate::Json;
use crate::chart::Chart;
use crate::template::trace::Step;
use crate::values::{self, Unit};
use crate::yaml;

/// Values that the user gave; a later one wins, as in Helm's `MergeValues` (cli/values/options.go).
#[derive(Debug, Clone)]
pub enum ValuesSource {
    /// `-f`
    File {
        /// Its path.
        name: String,
        /// Its content.
        text: String,
    },
    /// `--set` and the like; see [`crate::values::strvals`].
    Set {
        /// The flag as it was written.
        name: String,
        /// What it sets.
        values: Map<String, Json>,
    },
}

/// Where a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A values file as the user named it, `CHART/values.yaml` of a chart, or a flag.
    pub source: String,
    /// The line of its key or item, from 1. None for flags.
    pub line: Option<u32>,
}

/// A chart that took part, with what decides the origin of its values.
#[derive(Debug)]
pub(super) struct Member {
    name: String,
    path: String,
    chart: Chart,
    /// Paths below the sub-chart's values, and where they are put.
    imports: Vec<(Vec<String>, Vec<String>)>,
    below: Vec<Member>,
}

impl Member {
    pub(super) fn of(unit: &Unit) -> Member {
        let mut imports = Vec::new();
        for requirement in unit.requirements().iter().flatten() {
            let requirement = requirement.borrow();
            for entry in &requirement.import_values {
                let part = |key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
                let dotted = |path: &str| -> Vec<String> { path.split('.').filter(|p| !p.is_empty()).map(str::to_owned).collect() };
                let mut child = vec![requirement.name.clone()];
                child.extend(dotted(&part("child")));
                imports.push((child, dotted(&part("parent"))));
            }
        }
        let below = unit.deps().iter().map(|dep| Member::of(dep)).collect();
        Member { name: unit.name(), path: unit.full_path(), chart: unit.chart().clone(), imports, below }
    }

    fn values_text(&self) -> Option<String> {
        let file = self.chart.raw().iter().find(|file| file.name == "values.yaml")?;
        Some(String::from_utf8_lossy(&file.data).into_owned())
    }
}

struct Given<'a> {
    name: &'a str,
    values: Map<String, Json>,
    text: Option<&'a str>,
}

/// Finds origins; keeps what it has read.
pub(super) struct Origins<'a> {
    root: &'a Member,
    seen: &'a Map<String, Json>,
    given: Vec<Given<'a>>,
    lines: HashMap<String, HashMap<String, u32>>,
}

enum Candidate<'a> {
    Given(usize),
    Default(&'a Member),
}

impl<'a> Origins<'a> {
    /// `seen` are the values as templates saw them at first.
    pub(super) fn new(root: &'a Member, seen: &'a Map<String, Json>, sources: &'a [ValuesSource]) -> Origins<'a> {
        let given = sources
            .iter()
            .map(|source| match source {
                ValuesSource::File { name, text } => {
                    Given { name, values: values::from_yaml(text.as_bytes()).unwrap_or_default(), text: Some(text) }
                }
                ValuesSource::Set { name, values } => Given { name, values: values.clone(), text: None },
            })
            .collect();
        Origins { root, seen, given, lines: HashMap::new() }
    }

    /// Where the value at this path of the root chart's values is written, if that is certain.
    pub(super) fn find(&mut self, path: &[Step]) -> Option<Origin> {
        let want = look(self.seen, path)?.clone();
        let mut candidates = Vec::new();
        self.candidates(path, &mut candidates, 0);
        let mut found = None;
        for (candidate, path) in candidates {
            let (there, is_flag) = match &candidate {
                Candidate::Given(i) => (look(&self.given[*i].values, &path), self.given[*i].text.is_none()),
                Candidate::Default(member) => (member.chart.values().and_then(|values| look(values, &path)), false),
            };
            let Some(there) = there else { continue };
            let same = match (there, &want) {
                (Json::Object(_), Json::Object(_)) => true,
                (Json::Array(_), Json::Array(_)) if is_flag => true,
                (a, b) => a == b,
            };
            if !same {
                // a flag that sets one item of a list leaves null for those before it
                if there.is_null() {
                    continue;
                }
                return found;
            }
            if found.is_some() {
                // a mapping of several sources is of none of them
                return None;
            }
            found = Some(self.origin(&candidate, &path));
            if !want.is_object() {
                return found;
            }
        }
        found
    }

    fn origin(&mut self, candidate: &Candidate<'_>, path: &[Step]) -> Origin {
        let (source, text) = match candidate {
            Candidate::Given(i) => (self.given[*i].name.to_owned(), self.given[*i].text.map(str::to_owned)),
            Candidate::Default(member) => (format!("{}/values.yaml", member.path), member.values_text()),
        };
        let key = match candidate {
            Candidate::Given(i) => format!("{i}"),
            Candidate::Default(_) => source.clone(),
        };
        let lines = self.lines.entry(key).or_insert_with(|| {
            let positions = text.and_then(|text| yaml::from_str_spanned(&text).ok()).map(|s| s.positions).unwrap_or_default();
            positions.into_iter().map(|position| (position.pointer, position.line)).collect()
        });
        Origin { source, line: lines.get(&pointer(path)).copied() }
    }

    /// The sources that may have this path, best first.
    fn candidates(&self, path: &[Step], out: &mut Vec<(Candidate<'a>, Vec<Step>)>, depth: usize) {
        if depth > 8 {
            return;
        }
        // the charts on the way
        let mut chain = vec![(self.root, 0)];
        while let Some((member, at)) = chain.last().copied() {
            let Some(Step::Key(key)) = path.get(at) else { break };
            let Some(next) = member.below.iter().find(|below| *below.name == **key) else { break };
            chain.push((next, at + 1));
        }
        let last = chain.last().map_or(0, |(_, at)| *at);
        let is_global = matches!(path.get(last), Some(Step::Key(key)) if &**key == "global");
        let levels: Vec<usize> = if is_global { (0..chain.len()).collect() } else { vec![chain.len() - 1] };
        for level in levels {
            let own = [&path[..chain[level].1], &path[last..]].concat();
            out.extend((0..self.given.len()).rev().map(|i| (Candidate::Given(i), own.clone())));
            for (member, at) in &chain[..=level] {
                out.push((Candidate::Default(member), own[*at..].to_vec()));
            }
        }
        for (member, at) in &chain {
            for (child, parent) in &member.imports {
                let below = &path[*at..];
                let fits = below.len() >= parent.len()
                    && below.iter().zip(parent).all(|(step, part)| matches!(step, Step::Key(key) if **key == **part));
                if fits {
                    let mut from = path[..*at].to_vec();
                    from.extend(child.iter().map(|part| Step::Key(part.as_str().into())));
                    from.extend_from_slice(&below[parent.len()..]);
                    self.candidates(&from, out, depth + 1);
                }
            }
        }
    }
}

fn look<'j>(map: &'j Map<String, Json>, path: &[Step]) -> Option<&'j Json> {
    let (first, rest) = path.split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(map.get(&**key)?, |here, step| match step {
        Step::Key(key) => here.get(&**key),
        Step::Index(i) => here.get(i),
    })
}

fn pointer(path: &[Step]) -> String {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Index(i) => format!("/{i}"),
        })
        .collect()
}
