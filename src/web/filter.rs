//! The filter of the list: `status:drifted ns:team-a -kind:Job free text`.
//!
//! Terms are all required; a key given twice, or with commas, asks for any of its values; a minus turns a term round; quotes keep
//! words together; `*` stands for anything. What cannot be understood is told, never dropped in silence.

use crate::release::UnitKind;
use crate::release::report::{Pill, Report};

/// A filter as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    terms: Vec<Term>,
    /// What was not understood, in sentences.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: Key,
    negated: bool,
    /// In lower case; any of them suffices.
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Status,
    Namespace,
    Name,
    Kind,
    Chart,
    Version,
    Source,
    Revision,
    Author,
    Has,
    Text,
}

/// Every key with its aliases and what it looks at; the help page prints it.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("status:", "failed, rolledback, drifted, progressing, suspended, unknown or ready"),
    ("ns:", "namespace of the object, or the one that it deploys to"),
    ("name:", "part of the name"),
    ("kind:", "HelmRelease (hr), Kustomization (ks), or the kind of an object in it, such as Job"),
    ("chart:", "name of the chart"),
    ("version:", "chart version"),
    ("source:", "name, or namespace/name, of the source"),
    ("rev:", "part of the source's revision, such as the start of a commit id"),
    ("author:", "part of the commit's author"),
    ("has:", "drift, or unsupported (fields of the spec that are not honoured yet)"),
];

impl Key {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "status" | "is" => Self::Status,
            "ns" | "namespace" => Self::Namespace,
            "name" => Self::Name,
            "kind" => Self::Kind,
            "chart" => Self::Chart,
            "version" => Self::Version,
            "source" => Self::Source,
            "rev" | "revision" | "commit" => Self::Revision,
            "author" => Self::Author,
            "has" => Self::Has,
            _ => return None,
        })
    }
}

impl Filter {
    /// Reads the text of a search box.
    pub(super) fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for word in words(text) {
            let (negated, rest) = match word.text.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word.text.as_str()),
            };
            let keyed = rest.split_once(':').filter(|(key, _)| !key.is_empty() && key.len() < word.plain);
            match keyed.map(|(key, values)| (Key::of(&key.to_lowercase()), key, values)) {
                Some((Some(key), name, values)) => filter.keyed(key, name, values, negated),
                Some((None, name, _)) => {
                    filter.problems.push(format!("`{name}:` is no key; the keys are {}", key_list()));
                    filter.push(Key::Text, negated, vec![rest.to_lowercase()]);
                }
                None => filter.push(Key::Text, negated, vec![rest.to_lowercase()]),
            }
        }
        filter
    }

    fn keyed(&mut self, key: Key, name: &str, values: &str, negated: bool) {
        let values: Vec<String> = values.split(',').map(|v| v.trim().to_lowercase()).filter(|v| !v.is_empty()).collect();
        if values.is_empty() {
            self.problems.push(format!("`{name}:` needs a value"));
            return;
        }
        for value in &values {
            match key {
                Key::Status if pill_of(value).is_none() => {
                    let all: Vec<String> = Pill::ALL.iter().map(|p| p.as_str().to_lowercase()).collect();
                    self.problems.push(format!("`{value}` is no status; they are {}", all.join(", ")));
                }
                Key::Has if !matches!(value.as_str(), "drift" | "unsupported") => {
                    self.problems.push(format!("`has:{value}` is unknown; there are has:drift and has:unsupported"));
                }
                _ => {}
            }
        }
        self.push(key, negated, values);
    }

    fn push(&mut self, key: Key, negated: bool, values: Vec<String>) {
        let same = self.terms.iter_mut().find(|t| t.key == key && !t.negated && !negated && key != Key::Text);
        match same {
            Some(term) => term.values.extend(values),
            None => self.terms.push(Term { key, negated, values }),
        }
    }

    /// Whether a unit passes.
    pub(super) fn matches(&self, report: &Report) -> bool {
        self.terms.iter().all(|term| term.values.iter().any(|value| one(term.key, value, report)) != term.negated)
    }
}

fn key_list() -> String {
    KEYS.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(" ")
}

fn pill_of(word: &str) -> Option<Pill> {
    let plain: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Pill::ALL.into_iter().find(|p| p.as_str().eq_ignore_ascii_case(&plain))
}

fn one(key: Key, value: &str, report: &Report) -> bool {
    match key {
        Key::Status => pill_of(value) == Some(report.pill),
        Key::Namespace => glob(value, &report.key.namespace) || glob(value, &report.target_namespace),
        Key::Name => part(value, &report.key.name),
        Key::Kind => kind(value, report),
        Key::Chart => report.chart.as_ref().is_some_and(|c| glob(value, &c.name)),
        Key::Version => report.chart.as_ref().is_some_and(|c| glob(value, &c.version)),
        Key::Source => report.source.as_ref().is_some_and(|s| match value.contains('/') {
            true => glob(value, &format!("{}/{}", s.namespace, s.name)),
            false => glob(value, &s.name),
        }),
        Key::Revision => report.source.as_ref().is_some_and(|s| part(value, &s.revision)),
        Key::Author => report.source.as_ref().is_some_and(|s| part(value, &s.author)),
        Key::Has if value == "drift" => report.drift.iter().any(crate::plan::Drift::counts),
        Key::Has => value == "unsupported" && !report.unsupported.is_empty(),
        Key::Text => {
            let source = report.source.as_ref();
            let chart = report.chart.as_ref();
            part(value, &format!("{}/{}", report.key.namespace, report.key.name))
                || part(value, &report.message)
                || chart.is_some_and(|c| part(value, &format!("{} {}", c.name, c.version)))
                || source.is_some_and(|s| [&s.name, &s.revision, &s.subject, &s.author].into_iter().any(|text| part(value, text)))
        }
    }
}

fn kind(value: &str, report: &Report) -> bool {
    let alias = match value {
        "hr" | "release" | "releases" | "helmreleases" => "helmrelease",
        "ks" | "bundle" | "kustomizations" => "kustomization",
        other => other,
    };
    let own = match report.key.kind {
        UnitKind::Release => "helmrelease",
        UnitKind::Bundle => "kustomization",
    };
    glob(alias, own) || report.objects.iter().any(|object| glob(alias, &object.id.kind))
}

/// Whether the text holds the value, which is in lower case.
fn part(value: &str, text: &str) -> bool {
    if value.contains('*') { glob(&format!("*{value}*"), text) } else { contains(text, value) }
}

/// `text.to_lowercase().contains(value)` without the copy where it is ASCII: it runs over thousands of units at each key press.
fn contains(text: &str, value: &str) -> bool {
    if text.is_ascii() {
        value.is_empty() || text.as_bytes().windows(value.len()).any(|window| window.eq_ignore_ascii_case(value.as_bytes()))
    } else {
        text.to_lowercase().contains(value)
    }
}

/// Whether the whole text is the pattern, in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    let Some((first, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

struct Word {
    text: String,
    /// How long it was before the first quote: a colon inside quotes makes no key.
    plain: usize,
}

/// Splits at white space; double quotes keep words together.
fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let (mut word, mut quoted, mut plain) = (String::new(), false, None);
    for c in text.chars().chain([' ']) {
        match c {
            '"' => {
                plain = plain.or(Some(word.len()));
                quoted = !quoted;
            }
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    out.push(Word { plain: plain.unwrap_or(usize::MAX), text: std::mem::take(&mut word) });
                }
                plain = None;
            }
            c => word.push(c),
        }
    }
    // A quote that is still open holds the rest.
    if !word.trim().is_empty() {
        out.push(Word { plain: plain.unwrap_or(usize::MAX), text: word.trim_end().to_owned() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fake;

    #[test]
    fn the_grammar() {
        let drifted = fake::report("team-a", "cart", Pill::Drifted);
        let failed = fake::report("team-b", "checkout", Pill::Failed);
        let bundle = fake::bundle("flux-system", "apps", Pill::Ready);
        let all = [&drifted, &failed, &bundle];
        for (text, want) in [
            ("", vec!["cart", "checkout", "apps"]),
            ("status:drifted", vec!["cart"]),
            ("STATUS:Drifted", vec!["cart"]),
            ("status:drifted,failed", vec!["cart", "checkout"]),
            ("status:drifted status:failed", vec!["cart", "checkout"]),
            ("-status:ready", vec!["cart", "checkout"]),
            ("ns:team-a", vec!["cart"]),
            ("ns:team", vec![]),
            ("ns:team-*", vec!["cart", "checkout"]),
            ("ns:team-* -ns:team-b", vec!["cart"]),
            ("kind:Deployment", vec!["cart", "checkout", "apps"]),
            ("-kind:Job", vec!["cart", "checkout", "apps"]),
            ("kind:hr", vec!["cart", "checkout"]),
            ("kind:Kustomization", vec!["apps"]),
            ("name:che", vec!["checkout"]),
            ("che", vec!["checkout"]),
            ("TEAM-A/CART", vec!["cart"]),
            ("chart:cart", vec!["cart"]),
            ("source:shop", vec!["cart", "checkout", "apps"]),
            ("source:flux-system/shop", vec!["cart", "checkout", "apps"]),
            ("source:other/shop", vec![]),
            ("rev:9f3c1a2", vec!["cart", "checkout", "apps"]),
            ("has:drift", vec!["cart"]),
            ("-has:drift status:failed", vec!["checkout"]),
            ("\"not ready\"", vec!["checkout"]),
            ("not -ready", vec![]),
            ("author:bob", vec!["cart", "checkout", "apps"]),
            ("kind:nothing", vec![]),
            ("-", vec!["cart", "checkout", "apps"]),
        ] {
            let filter = Filter::parse(text);
            let found: Vec<&str> = all.iter().filter(|r| filter.matches(r)).map(|r| r.key.name.as_str()).collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (text, want) in
            [("status:broken", "is no status"), ("colour:red", "is no key"), ("ns:", "needs a value"), ("has:bugs", "is unknown")]
        {
            let problems = Filter::parse(text).problems;
            assert!(problems.len() == 1 && problems[0].contains(want), "{text}: {problems:?}");
        }
        for fine in ["a \"b:c\" d", "status:rolled-back", "\"open quote"] {
            assert_eq!(Filter::parse(fine).problems, Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, want) in [
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("ab*ba", "aba", false),
            ("x", "X", true),
        ] {
            assert_eq!(glob(pattern, text), want, "{pattern} {text}");
        }
    }
}
