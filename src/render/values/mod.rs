//! The values of a release, put together as Flux does: ConfigMaps and Secrets in order, then the object's own values,
//! then those at a `targetPath`.

use crate::api::ValuesKind;
use crate::api::helm::ValuesReference;
use crate::object::Json;
use helmward_chart::go::GoError;
use helmward_chart::values::strvals;
use helmward_chart::yaml;
use serde_json::{Map, Number};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Why values cannot be put together. Content of a Secret is never part of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// A referenced object is not there.
    #[error("{reference} does not exist; create it, or set optional: true there")]
    NoObject {
        /// Which one, and which entry names it.
        reference: Box<Reference>,
    },
    /// A referenced object lacks the key.
    #[error("{reference} has no key `{key}`; add it, correct valuesKey, or set optional: true there")]
    NoKey {
        /// Which one, and which entry names it.
        reference: Box<Reference>,
        /// The key.
        key: String,
    },
    /// The content is no values document.
    #[error("{reference}: key `{key}` is no YAML mapping ({problem}); correct it, or give it a targetPath")]
    NotValues {
        /// Which one, and which entry names it.
        reference: Box<Reference>,
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// The content cannot be put at its path.
    #[error("{reference}: key `{key}` cannot be put at `{path}`: {problem}; set literal: true where it is plain text")]
    Target {
        /// Which one, and which entry names it.
        reference: Box<Reference>,
        /// The key.
        key: String,
        /// The path.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A values file is not in the source.
    #[error(
        "values file `{0}` is not in the source; correct the path, which begins at the source's root, or set ignoreMissingValuesFiles: true"
    )]
    NoFile(String),
    /// A values file's path leaves the source.
    #[error("values file `{0}` lies outside of the source; name a path inside of it")]
    Outside(String),
    /// A values file is no values document.
    #[error("values file `{file}` is no YAML mapping: {problem}; correct it")]
    BadFile {
        /// The path.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The object's own values are no mapping.
    #[error("spec.values is no mapping; write keys and values")]
    Inline,
}

impl ValuesError {
    /// Whether something is not there that may come: worth waiting for, and no verdict on the content.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NoObject { .. } | Self::NoKey { .. })
    }

    /// The object that the error is about.
    #[must_use]
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::NoObject { reference }
            | Self::NoKey { reference, .. }
            | Self::NotValues { reference, .. }
            | Self::Target { reference, .. } => Some(reference),
            _ => None,
        }
    }
}

/// A ConfigMap or Secret, and the entry of `valuesFrom` that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Kind.
    pub kind: ValuesKind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Index in `valuesFrom`.
    pub index: usize,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{} of spec.valuesFrom[{}]", self.kind, self.namespace, self.name, self.index)
    }
}

/// The keys of a ConfigMap (`data`) or Secret (`data`, decoded).
pub type Data = BTreeMap<String, Vec<u8>>;

/// Puts the values of a release together. `find` gives the data of an object of the release's namespace, `None` where it is not there.
///
/// # Errors
/// Where something that is not optional is absent, or content is not what its entry needs.
pub fn compose<'a>(
    namespace: &str,
    references: &[ValuesReference],
    find: impl Fn(ValuesKind, &str) -> Option<&'a Data>,
    inline: Option<&Json>,
) -> Result<Json, ValuesError> {
    let mut values = Map::new();
    let mut targeted = Vec::new();
    for (index, entry) in references.iter().enumerate() {
        let reference = Box::new(Reference { kind: entry.kind, namespace: namespace.to_owned(), name: entry.name.clone(), index });
        let Some(data) = find(entry.kind, &entry.name) else {
            if entry.optional {
                continue;
            }
            return Err(ValuesError::NoObject { reference });
        };
        let key = entry.key();
        let Some(content) = data.get(key) else {
            if entry.optional {
                continue;
            }
            return Err(ValuesError::NoKey { reference, key: key.to_owned() });
        };
        match entry.target_path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => targeted.push((reference, entry, path, content)),
            None => {
                let hidden = entry.kind == ValuesKind::Secret;
                let document =
                    parse(content).map_err(|e| ValuesError::NotValues { reference, key: key.to_owned(), problem: e.shown(hidden) })?;
                merge(&mut values, document);
            }
        }
    }
    match inline {
        None | Some(Json::Null) => {}
        Some(Json::Object(map)) => {
            let Json::Object(map) = with_floats(Json::Object(map.clone())) else { return Err(ValuesError::Inline) };
            merge(&mut values, map);
        }
        Some(_) => return Err(ValuesError::Inline),
    }
    for (reference, entry, path, content) in targeted {
        let hidden = entry.kind == ValuesKind::Secret;
        put_at(&mut values, path, content, entry.literal).map_err(|e| ValuesError::Target {
            reference,
            key: entry.key().to_owned(),
            path: path.to_owned(),
            problem: match e {
                TargetError::NotText => "it is not UTF-8 text".to_owned(),
                TargetError::Set(_) if hidden => {
                    "it does not follow the grammar of --set, or the path meets something of another shape".to_owned()
                }
                TargetError::Set(e) => e.to_string(),
            },
        })?;
    }
    Ok(Json::Object(values))
}

enum TargetError {
    NotText,
    Set(GoError),
}

/// Sets content at a path. Text in quotes stays text, as Flux has it; other text is taken for what it looks like.
fn put_at(values: &mut Map<String, Json>, path: &str, content: &[u8], literal: bool) -> Result<(), TargetError> {
    let text = std::str::from_utf8(content).map_err(|_| TargetError::NotText)?;
    let quoted = |quote: char| text.starts_with(quote) && text.ends_with(quote);
    let result = if literal {
        // the path keeps its escapes, which the grammar of --set-literal does not know
        let text = text.chars().flat_map(|c| matches!(c, '\\' | ',' | '{' | '}').then_some('\\').into_iter().chain([c]));
        strvals::set_string(values, &format!("{path}={}", text.collect::<String>()))
    } else if quoted('\'') || quoted('"') {
        strvals::set_string(values, &format!("{path}={}", text.trim_matches(['\'', '"'])))
    } else {
        strvals::set(values, &format!("{path}={text}"))
    };
    result.map_err(TargetError::Set)
}

/// The values that take the place of a chart's own `values.yaml`: `None` where no files are named. Paths begin at the source's
/// root; `read` gives a file's bytes, `None` where there is none.
///
/// # Errors
/// Where a file is absent (unless that is to be ignored), outside of the source, or no values document.
pub fn from_files(files: &[String], ignore_missing: bool, read: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Option<Json>, ValuesError> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut values = Map::new();
    for file in files {
        let path = inside(file).ok_or_else(|| ValuesError::Outside(file.clone()))?;
        match read(&path) {
            Some(content) => {
                let document = parse(&content).map_err(|e| ValuesError::BadFile { file: path, problem: e.shown(false) })?;
                merge(&mut values, document);
            }
            None if ignore_missing => {}
            None => return Err(ValuesError::NoFile(path)),
        }
    }
    Ok(Some(Json::Object(values)))
}

/// A path from the root without `.` and `..`; `None` where it leaves the root.
pub(super) fn inside(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The digest of values in the form that Flux writes to `lastAttemptedConfigDigest`: SHA-256 of the YAML with sorted keys;
/// no values have the digest of nothing.
#[must_use]
pub fn digest(values: &Json) -> String {
    let mut hash = Sha256::new();
    if values.as_object().is_some_and(|map| !map.is_empty()) {
        hash.update(yaml::to_string_by_bytes(&with_integers(values.clone())).as_bytes());
    }
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

struct ParseError {
    problem: String,
    line: Option<u32>,
}

impl ParseError {
    /// Parsers quote what they choke on; of a Secret only the line is told.
    fn shown(self, hidden: bool) -> String {
        match (hidden, self.line) {
            (false, _) => self.problem,
            (true, Some(line)) => format!("see its line {line}"),
            (true, None) => "its content is not shown".to_owned(),
        }
    }
}

fn parse(content: &[u8]) -> Result<Map<String, Json>, ParseError> {
    let text = std::str::from_utf8(content).map_err(|_| ParseError { problem: "it is not UTF-8 text".to_owned(), line: None })?;
    match yaml::from_str(text).map_err(|e| ParseError { line: e.line(), problem: e.to_string() })? {
        Json::Null => Ok(Map::new()),
        Json::Object(map) => match with_floats(Json::Object(map)) {
            Json::Object(map) => Ok(map),
            _ => Ok(Map::new()),
        },
        Json::Array(_) => Err(ParseError { problem: "it is a list".to_owned(), line: None }),
        _ => Err(ParseError { problem: "it is a single value".to_owned(), line: None }),
    }
}

/// Mappings merge, all else is replaced; a `null` stays, so that it can delete a default of the chart.
fn merge(base: &mut Map<String, Json>, over: Map<String, Json>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Json::Object(below)), Json::Object(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Numbers of values documents are floats to templates, as in Helm; only `--set` makes integers.
fn with_floats(mut tree: Json) -> Json {
    change_numbers(&mut tree, &|n| if n.is_f64() { None } else { n.as_f64().and_then(Number::from_f64) });
    tree
}

/// Whole floats as integers, as they are written.
fn with_integers(mut tree: Json) -> Json {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ranges are checked")]
    change_numbers(&mut tree, &|n| {
        let float = n.as_f64().filter(|f| n.is_f64() && f.fract() == 0.0)?;
        if (-TWO_TO_63..TWO_TO_63).contains(&float) {
            Some(Number::from(float as i64))
        } else if (0.0..2.0 * TWO_TO_63).contains(&float) {
            Some(Number::from(float as u64))
        } else {
            None
        }
    });
    tree
}

fn change_numbers(tree: &mut Json, change: &impl Fn(&Number) -> Option<Number>) {
    match tree {
        Json::Number(n) => {
            if let Some(new) = change(n) {
                *n = new;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| change_numbers(item, change)),
        Json::Object(map) => map.values_mut().for_each(|item| change_numbers(item, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
