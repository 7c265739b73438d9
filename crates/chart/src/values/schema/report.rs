//! A flat list of validation errors as the tree that Helm prints.
//!
//! Helm's validator stops a schema at its first wrong type, constant, enum or format, else collects all that is
//! wrong in a fixed order of keywords; more than one error below one schema is put under a heading. The place of
//! each error in the schema tells which errors belong together.

use std::fmt::Write as _;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;

use super::words::{leaf_text, quoted};
use crate::Json;

/// One line of the report and what is below it.
struct Line {
    at: String,
    text: String,
    below: Vec<Line>,
    /// Only a heading for what is below.
    heading: bool,
}

/// A heading that would stand alone at the top is left out.
fn at_top(mut lines: Vec<Line>) -> Vec<Line> {
    match lines.pop() {
        Some(only) if lines.is_empty() && only.heading => only.below,
        last => {
            lines.extend(last);
            lines
        }
    }
}

/// An error, its place in the schema and in the values.
struct Found {
    keys: Vec<String>,
    at: Vec<String>,
    instance: Json,
    kind: Kind,
    /// The keyword's place in the schema's text, where the other is the way that led there.
    keyword: String,
}

/// The report, each line starting with `- at `; None where there are no errors. `depth` is how many steps of the schema's
/// path lead to the schema that was asked.
pub(super) fn report(schema: &Json, errors: Vec<ValidationError<'_>>, depth: usize, ref_hides: bool) -> Option<String> {
    let found: Vec<Found> = errors.into_iter().map(Found::new).collect();
    let lines = at_top(Schema { schema, ref_hides }.lines(found, depth, 0));
    let mut out = String::new();
    for line in &lines {
        line.print(0, &mut out);
    }
    (!out.is_empty()).then(|| out.trim_start_matches('\n').to_owned())
}

impl Line {
    fn print(&self, depth: usize, out: &mut String) {
        let _ = write!(out, "\n{}- at {}: {}", "  ".repeat(depth), quoted(&self.at), self.text);
        for below in &self.below {
            below.print(depth + 1, out);
        }
    }
}

impl Found {
    fn new(error: ValidationError<'_>) -> Self {
        let parts = error.into_parts();
        Self {
            keys: tokens(parts.evaluation_path.as_str()),
            at: tokens(parts.instance_path.as_str()),
            instance: parts.instance.into_owned(),
            kind: parts.kind,
            keyword: parts.schema_path.as_str().to_owned(),
        }
    }

    fn key(&self, depth: usize) -> &str {
        self.keys.get(depth).map_or("", String::as_str)
    }

    fn pointer(&self, depth: usize) -> String {
        pointer(&self.at[..depth.min(self.at.len())])
    }
}

fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|t| t.replace("~1", "/").replace("~0", "~")).collect()
}

fn pointer(tokens: &[String]) -> String {
    tokens.iter().fold(String::new(), |out, t| out + "/" + &t.replace('~', "~0").replace('/', "~1"))
}

/// Sorts the errors of one schema.
#[derive(Clone, Copy)]
struct Schema<'a> {
    schema: &'a Json,
    ref_hides: bool,
}

impl Schema<'_> {
    /// The errors of the schema at `depth` of the schema path, for the value at `at` of the values path.
    fn lines(self, errors: Vec<Found>, depth: usize, at: usize) -> Vec<Line> {
        let mut errors = errors;
        let first = |key: &str, errors: &[Found]| errors.iter().any(|e| e.key(depth) == key && e.keys.len() == depth + 1);
        for stop in ["type", "const", "enum", "format"] {
            if first(stop, &errors) {
                errors.retain(|e| e.key(depth) == stop);
                break;
            }
        }
        if self.ref_hides && errors.iter().any(|e| e.key(depth) == "$ref") {
            errors.retain(|e| e.key(depth) == "$ref");
        }
        // Errors that share a step belong together; the steps follow Helm's order, names the alphabet.
        let mut steps: Vec<(Step, Vec<Found>)> = Vec::new();
        for error in errors {
            let step = Step::of(&error, depth, at);
            match steps.iter_mut().find(|(s, _)| *s == step) {
                Some((_, list)) => list.push(error),
                None => steps.push((step, vec![error])),
            }
        }
        steps.sort_by(|a, b| a.0.rank.cmp(&b.0.rank).then_with(|| a.0.name.cmp(&b.0.name)));
        let mut out = Vec::new();
        for (step, errors) in steps {
            self.step(&step, errors, depth, at, &mut out);
        }
        out
    }

    fn step(self, step: &Step, errors: Vec<Found>, depth: usize, at: usize, out: &mut Vec<Line>) {
        if step.into_schema > 0 {
            let here = errors[0].pointer(at + step.into_value);
            let mut lines = self.lines(errors, depth + step.into_schema, at + step.into_value);
            // What a reference leads to has a heading of its own, which stays and takes the place of one from below.
            let reference = step.key.starts_with('$');
            if let [only] = lines.as_mut_slice()
                && reference
                && only.heading
            {
                only.at.clone_from(&here);
                only.heading = false;
            }
            out.extend(grouped(lines, &here, !reference));
            return;
        }
        if step.key == "allOf" {
            let here = errors[0].pointer(at);
            let below = self.branches(errors, depth + 1, at);
            out.push(Line { at: here, text: "'allOf' failed".to_owned(), below, heading: false });
            return;
        }
        if step.key == "required" {
            out.push(required(&errors, at));
            return;
        }
        if step.key == "dependentRequired" || step.key == "dependencies" {
            self.dependent(&errors[0], at, out);
            return;
        }
        for error in errors {
            self.leaf(error, depth, at, out);
        }
    }

    /// The lists of properties that others ask for: the errors do not say which other one it was.
    fn dependent(self, error: &Found, at: usize, out: &mut Vec<Line>) {
        let lists = self.schema.pointer(&error.keyword).and_then(Json::as_object);
        for (trigger, list) in lists.into_iter().flatten() {
            let missing = |name: &&Json| name.as_str().is_some_and(|n| error.instance.get(n).is_none());
            let missing: Vec<String> = list.as_array().into_iter().flatten().filter(missing).filter_map(Json::as_str).map(quoted).collect();
            if error.instance.get(trigger).is_some() && !missing.is_empty() {
                let text = format!("properties {} required, if {} exists", missing.join(", "), quoted(trigger));
                out.push(Line { at: error.pointer(at), text, below: Vec::new(), heading: false });
            }
        }
    }

    /// The errors below each numbered branch of `allOf`.
    fn branches(self, errors: Vec<Found>, depth: usize, at: usize) -> Vec<Line> {
        let mut branches: Vec<(usize, Vec<Found>)> = Vec::new();
        for error in errors {
            let index = error.key(depth).parse().unwrap_or(0);
            match branches.iter_mut().find(|(i, _)| *i == index) {
                Some((_, list)) => list.push(error),
                None => branches.push((index, vec![error])),
            }
        }
        branches.sort_by_key(|(i, _)| *i);
        let mut out = Vec::new();
        for (_, errors) in branches {
            let here = errors[0].pointer(at);
            out.extend(grouped(self.lines(errors, depth + 1, at), &here, true));
        }
        out
    }

    fn alternatives(self, context: Vec<Vec<ValidationError<'static>>>, here: &str, depth: usize, at: usize) -> Vec<Line> {
        let mut out = Vec::new();
        for branch in context {
            let found = branch.into_iter().map(Found::new).collect();
            out.extend(grouped(self.lines(found, depth + 2, at), here, true));
        }
        out
    }

    fn leaf(self, error: Found, depth: usize, at: usize, out: &mut Vec<Line>) {
        let here = pointer(&error.at);
        let mut push = |text: String, below: Vec<Line>| out.push(Line { at: here.clone(), text, below, heading: false });
        match error.kind {
            Kind::AnyOf { context } => push("'anyOf' failed".to_owned(), self.alternatives(context, &here, depth, at)),
            Kind::OneOfNotValid { context } => {
                push("'oneOf' failed, none matched".to_owned(), self.alternatives(context, &here, depth, at));
            }
            Kind::OneOfMultipleValid { context } => {
                let valid: Vec<usize> = context.iter().enumerate().filter(|(_, e)| e.is_empty()).map(|(i, _)| i).collect();
                let (a, b) = (valid.first().copied().unwrap_or(0), valid.get(1).copied().unwrap_or(1));
                push(format!("'oneOf' failed, subschemas {a}, {b} matched"), Vec::new());
            }
            Kind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default().to_owned();
                let skip = tokens(inner.evaluation_path().as_str()).len().min(depth + 1);
                let at_root = Found { at: Vec::new(), ..Found::new(*inner) };
                push(format!("invalid propertyName {}", quoted(&name)), at_top(self.lines(vec![at_root], skip, 0)));
            }
            Kind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    let at = format!("{here}{}", pointer(&[name]));
                    out.push(Line { at, text: "false schema".to_owned(), below: Vec::new(), heading: false });
                }
            }
            kind => push(leaf_text(&kind, &error.instance), Vec::new()),
        }
    }
}

/// More than one error below one schema gets a heading.
fn grouped(mut lines: Vec<Line>, at: &str, heading: bool) -> Option<Line> {
    match lines.len() {
        0 => None,
        1 => lines.pop(),
        _ => Some(Line { at: at.to_owned(), text: "validation failed".to_owned(), below: lines, heading }),
    }
}

/// One step from a schema to the errors of one of its keywords, or into a schema below it.
#[derive(PartialEq, Eq)]
struct Step {
    rank: u8,
    key: String,
    name: String,
    into_schema: usize,
    into_value: usize,
}

impl Step {
    fn of(error: &Found, depth: usize, at: usize) -> Self {
        let key = error.key(depth).to_owned();
        let more = error.keys.len() > depth + 1;
        let value = error.at.get(at).cloned().unwrap_or_default();
        let index = value.parse::<usize>().map_or_else(|_| value.clone(), |i| format!("{i:010}"));
        let (rank, name, into_schema, into_value) = match key.as_str() {
            "$ref" if more => (0, String::new(), 1, 0),
            "dependencies" | "dependentSchemas" if error.keys.len() > depth + 2 => (4, error.key(depth + 1).to_owned(), 2, 0),
            "properties" | "patternProperties" => (5, value, 2, 1),
            "additionalProperties" if more => (5, value, 1, 1),
            "items" if more && error.key(depth + 1).parse::<usize>().is_ok() && error.keys.len() > depth + 1 => (13, index, 2, 1),
            "prefixItems" => (13, index, 2, 1),
            "items" | "additionalItems" if more || matches!(error.kind, Kind::FalseSchema) => (13, index, 1, 1),
            "$dynamicRef" | "$recursiveRef" if more => (30, String::new(), 1, 0),
            "then" | "else" => (35, String::new(), 1, 0),
            "unevaluatedProperties" | "unevaluatedItems" if more => (36, index, 1, 1),
            "" => (0, String::new(), 0, 0),
            other => (rank(other), String::new(), 0, 0),
        };
        Self { rank, key, name, into_schema, into_value }
    }
}

fn rank(key: &str) -> u8 {
    const ORDER: &[&str] = &[
        "minProperties",
        "maxProperties",
        "required",
        "dependencies",
        "",
        "additionalProperties",
        "propertyNames",
        "dependentSchemas",
        "dependentRequired",
        "minItems",
        "maxItems",
        "uniqueItems",
        "",
        "additionalItems",
        "contains",
        "minContains",
        "maxContains",
        "minLength",
        "maxLength",
        "pattern",
        "contentEncoding",
        "contentMediaType",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "",
        "",
        "",
        "not",
        "allOf",
        "anyOf",
        "oneOf",
    ];
    ORDER.iter().position(|k| *k == key).and_then(|i| u8::try_from(i + 1).ok()).unwrap_or(40)
}

/// Missing properties are one line.
fn required(errors: &[Found], at: usize) -> Line {
    let missing: Vec<String> = errors
        .iter()
        .filter_map(|e| match &e.kind {
            Kind::Required { property } => property.as_str().map(quoted),
            _ => None,
        })
        .collect();
    let noun = if missing.len() == 1 { "property" } else { "properties" };
    Line { at: errors[0].pointer(at), text: format!("missing {noun} {}", missing.join(", ")), below: Vec::new(), heading: false }
}
