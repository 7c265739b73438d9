//! Source maps: which line of which template wrote a line of the output, and which values reached it.
//!
//! ```no_run
//! # use helmward_chart::render::{Input, TemplateOptions, Query, explain, trace};
//! # fn example(input: &Input<'_>) -> Result<(), Box<dyn std::error::Error>> {
//! let traced = trace(input)?;
//! for line in explain(&traced, &TemplateOptions::default(), &[], &"Deployment/web.spec.replicas".parse()?)? {
//!     println!("{}: {:?} {:?}", line.number, line.place(), line.values());
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::fmt;

use super::origin::{Member, Origin, Origins, ValuesSource};
use super::output::{TemplateOptions, to_template_output};
use super::query::{ExplainError, Query, find};
use super::{Doc, Input, RenderError, Rendered, Shared, check_release_name, render_here};
use crate::chart::paths;
use crate::template::trace::{NO_FRAME, Record, Seg, Step, Trace, at};
use crate::template::with_stack;
use crate::values::Family;

/// A rendered chart with the record of what made it.
#[derive(Debug)]
pub struct Traced {
    /// The chart as [`super::render`] renders it, byte for byte.
    pub rendered: Rendered,
    recorded: Recorded,
}

/// What a traced render leaves behind.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    record: Record,
    root: Option<Member>,
}

impl Recorded {
    pub(super) fn fill(&mut self, family: &Family, trace: Box<Trace>) {
        self.record = trace.finish();
        self.root = Some(Member::of(&family.root));
    }
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePlace {
    /// `CHART/templates/x.yaml`
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for TemplatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value that reached a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The path below `.Values` of the chart that is rendered, such as `redis.master.ports[0]`.
    pub path: String,
    /// Its keys and indices.
    pub steps: Vec<String>,
    /// Where it is written; None where that is not certain.
    pub origin: Option<Origin>,
    /// The value stands in the text as it is. Else the text was computed of it.
    pub exact: bool,
    /// It is the key that is in the text, as of a map that is ranged over, and not the value below it.
    pub is_key: bool,
}

/// A part of a line that came one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Where it was written, and the calls from there outwards; the last one is in the file that is rendered.
    pub places: Vec<TemplatePlace>,
    /// The values that reached it.
    pub values: Vec<Reached>,
    /// Whether no other value did. False where a function lost the trace.
    pub complete: bool,
}

/// A line of the output and what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedLine {
    /// The line in the output of `helm template`, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// What it is made of, in order. Empty for lines that Helm adds, and for those of CRDs.
    pub parts: Vec<Part>,
}

impl ExplainedLine {
    /// The part that wrote the first visible character.
    fn first(&self) -> Option<&Part> {
        self.parts.iter().find(|part| !part.text.trim().is_empty()).or(self.parts.first())
    }

    /// Where the line was written; None for lines that no template wrote.
    pub fn place(&self) -> Option<&TemplatePlace> {
        self.first()?.places.first()
    }

    /// Where the line was written, and the calls from there outwards.
    pub fn places(&self) -> &[TemplatePlace] {
        self.first().map_or(&[], |part| &part.places)
    }

    /// The values that reached the line, each once; keys only where their values are not there too.
    pub fn values(&self) -> Vec<&Reached> {
        let mut out: Vec<&Reached> = Vec::new();
        for value in self.parts.iter().flat_map(|part| &part.values) {
            match out.iter_mut().find(|there| there.steps == value.steps) {
                Some(there) if (there.is_key, !there.exact) > (value.is_key, !value.exact) => *there = value,
                Some(_) => {}
                None => out.push(value),
            }
        }
        out
    }

    /// Whether no other values did.
    pub fn complete(&self) -> bool {
        self.parts.iter().all(|part| part.complete)
    }
}

/// Renders a chart as [`super::render`] does, and records what made each line. Helm has nothing like it.
///
/// # Errors
/// As for [`super::render`].
pub fn trace(input: &Input<'_>) -> Result<Traced, RenderError> {
    trace_with_log(input, &mut Vec::new())
}

/// As [`trace`], and what Helm would warn of is in `log` even where the render fails.
///
/// # Errors
/// As for [`super::render`].
pub fn trace_with_log(input: &Input<'_>, log: &mut Vec<String>) -> Result<Traced, RenderError> {
    check_release_name(&input.release.name)?;
    let input = Shared(input);
    let mut recorded = Recorded::default();
    let rendered = with_stack(|| render_here(input.get(), log, Some(&mut recorded))).map_err(|e| RenderError::Stack(e.to_string()))??;
    Ok(Traced { rendered, recorded })
}

/// Explains a line or an object of the output that these options give. `sources` are the user's values in their order, as
/// they were combined for the render; what is not in them or in the charts has an unknown origin.
///
/// # Errors
/// Where the output has no such line, object or field.
pub fn explain(
    traced: &Traced,
    options: &TemplateOptions,
    sources: &[ValuesSource],
    query: &Query,
) -> Result<Vec<ExplainedLine>, ExplainError> {
    let rendered = &traced.rendered;
    let lines = lines(rendered, options)?;
    let wanted = match query {
        Query::Line(line) if (1..=lines.len()).contains(line) => *line - 1..*line,
        Query::Line(line) => return Err(ExplainError::NoLine { line: *line, lines: lines.len() }),
        Query::Object { kind, name, path } => {
            let (doc, range) = find(&rendered.manifests, &rendered.hooks, kind, name, path)?;
            let of = |line: &Line<'_>, at: usize| line.doc.is_some_and(|(there, i)| std::ptr::eq(there, doc) && i == at);
            match lines.iter().position(|line| of(line, range.start)) {
                Some(first) => first..(first + range.len()).min(lines.len()),
                None => return Err(ExplainError::NoObject(query.to_string(), "it, but not with these flags".to_owned())),
            }
        }
    };
    let mut explainer = Explainer::new(traced, sources);
    Ok(wanted.map(|i| explainer.line(i + 1, &lines[i])).collect())
}

/// Explains every line of the output, as [`explain`] does one.
///
/// # Errors
/// Where `show_only` names a file that rendered nothing.
pub fn explain_all(traced: &Traced, options: &TemplateOptions, sources: &[ValuesSource]) -> Result<Vec<ExplainedLine>, ExplainError> {
    let lines = lines(&traced.rendered, options)?;
    let mut explainer = Explainer::new(traced, sources);
    Ok(lines.iter().enumerate().map(|(i, line)| explainer.line(i + 1, line)).collect())
}

/// A line of the output: of which document it is which line, if it is of a template.
struct Line<'a> {
    text: String,
    doc: Option<(&'a Doc, usize)>,
}

/// The lines of [`to_template_output`]: a header of two lines, and the document.
fn lines<'a>(rendered: &'a Rendered, options: &TemplateOptions) -> Result<Vec<Line<'a>>, RenderError> {
    let output = to_template_output(rendered, options)?;
    let mut docs: Vec<&Doc> = rendered.manifests.iter().collect();
    docs.extend(rendered.hooks.iter().map(|hook| &hook.doc));
    let mut out: Vec<Line<'a>> = output.lines().map(|text| Line { text: text.to_owned(), doc: None }).collect();
    if !options.show_only.is_empty() {
        docs = options
            .show_only
            .iter()
            .flat_map(|pattern| {
                let shown = |doc: &&Doc| doc.path.split_once('/').is_some_and(|(_, path)| paths::matches(pattern, path).unwrap_or(false));
                docs.iter().copied().filter(shown).collect::<Vec<_>>()
            })
            .collect();
    }
    // The documents come in this order, with files of crds/ before them and hooks left out by some options.
    let mut from = 0;
    for doc in docs {
        let text: Vec<&str> = doc.text.lines().collect();
        let header = format!("# Source: {}", doc.path);
        let fits = |at: usize| {
            out[at].text == "---"
                && out.get(at + 1).is_some_and(|line| line.text == header)
                && text.iter().enumerate().all(|(i, line)| out.get(at + 2 + i).is_some_and(|there| there.text == *line))
        };
        let Some(at) = (from..out.len()).find(|at| fits(*at)) else { continue };
        for i in 0..text.len() {
            out[at + 2 + i].doc = Some((doc, i));
        }
        from = at + 2 + text.len();
    }
    Ok(out)
}

struct Explainer<'a> {
    record: &'a Record,
    origins: Option<Origins<'a>>,
    found: HashMap<u32, (Vec<String>, String, Option<Origin>)>,
    /// Where the lines of each file start, by name of the file.
    starts: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Explainer<'a> {
    fn new(traced: &'a Traced, sources: &'a [ValuesSource]) -> Explainer<'a> {
        let origins = traced.recorded.root.as_ref().map(|root| Origins::new(root, &traced.rendered.values, sources));
        Explainer { record: &traced.recorded.record, origins, found: HashMap::new(), starts: HashMap::new() }
    }

    fn line(&mut self, number: usize, line: &Line<'_>) -> ExplainedLine {
        let parts = line.doc.map(|(doc, i)| self.parts(&doc.path, doc.first_line + i)).unwrap_or_default();
        ExplainedLine { number, text: line.text.clone(), parts }
    }

    fn parts(&mut self, path: &str, line: usize) -> Vec<Part> {
        let record = self.record;
        let Some((name, (text, segs))) = record.rendered.get_key_value(path) else { return Vec::new() };
        let starts =
            self.starts.entry(name).or_insert_with(|| std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect());
        let Some(&from) = starts.get(line) else { return Vec::new() };
        let to = starts.get(line + 1).map_or(text.len(), |next| next - 1);
        let mut out: Vec<Part> = Vec::new();
        let first = segs.partition_point(|seg| seg.end as usize <= from);
        let mut start = if first == 0 { 0 } else { segs[first - 1].end as usize };
        for seg in &segs[first..] {
            if start >= to {
                break;
            }
            let (begin, end) = (start.max(from), (seg.end as usize).min(to));
            // bytes that are not UTF-8 were replaced, and took the places of those after them along
            let shown = text.get(begin..end).unwrap_or_default();
            let visible = shown.len() - shown.trim_start().len();
            let pos = if seg.linear { seg.pos + (begin - start + visible) as u32 } else { seg.pos };
            start = seg.end as usize;
            if !seg.filler {
                let places = self.places(seg.frame, pos);
                let values = record.sets[seg.set as usize].iter().map(|(node, exact)| self.reached(*node, *exact)).collect();
                let part = Part { text: shown.to_owned(), places, values, complete: seg.known };
                match out.last_mut() {
                    Some(last) if last.places == part.places && last.values == part.values && last.complete == part.complete => {
                        last.text.push_str(&part.text);
                    }
                    _ => out.push(part),
                }
            }
        }
        out
    }

    /// From the innermost place outwards.
    fn places(&self, mut frame: u32, mut pos: u32) -> Vec<TemplatePlace> {
        let record = self.record;
        let mut out = Vec::new();
        while let Some(here) = record.frames.get(frame as usize) {
            match here.source {
                // the text of a `tpl` call has no file of its own; what of it was written in a template has
                Some(source) => {
                    let written: Option<Seg> = record.sources.get(&source).and_then(|segs| at(segs, pos));
                    if let Some(seg) = written.filter(|seg| seg.frame != NO_FRAME && out.is_empty()) {
                        out.extend(self.places(seg.frame, seg.pos).into_iter().take(1));
                    }
                }
                None => {
                    let location = record.files[here.file as usize].location(pos);
                    let place = TemplatePlace { file: location.file.to_string(), line: location.line };
                    if out.last() != Some(&place) {
                        out.push(place);
                    }
                }
            }
            (frame, pos) = (here.parent, here.pos);
        }
        out
    }

    fn reached(&mut self, node: u32, exact: bool) -> Reached {
        let origins = &mut self.origins;
        let record = self.record;
        let (steps, path, origin) = self.found.entry(node).or_insert_with(|| {
            let path = path_of(record, node);
            let origin = origins.as_mut().and_then(|origins| origins.find(&path));
            let steps = path.iter().map(|step| match step {
                Step::Key(key) => key.to_string(),
                Step::Index(i) => i.to_string(),
            });
            (steps.collect(), dotted(&path), origin)
        });
        let is_key = self.record.nodes[node as usize].is_key;
        Reached { path: path.clone(), steps: steps.clone(), origin: origin.clone(), exact, is_key }
    }
}

fn path_of(record: &Record, mut node: u32) -> Vec<Step> {
    let mut path = Vec::new();
    while node != 0 {
        let here = &record.nodes[node as usize];
        path.push(here.step.clone());
        node = here.parent;
    }
    path.reverse();
    path
}

fn dotted(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Index(i) => out.push_str(&format!("[{i}]")),
            Step::Key(key) if key.contains('.') => out.push_str(&format!("[{}]", crate::go::quote::quote(key))),
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
        }
    }
    out
}
