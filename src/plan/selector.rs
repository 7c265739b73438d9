//! Which objects a rule is for: anchored regular expressions and selectors in Kubernetes' syntax.

use crate::object::{Gvk, Json};
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A target as Flux's objects write it; an absent or empty field matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Target {
    /// Regular expression on the API group.
    pub group: Option<String>,
    /// Regular expression on the version.
    pub version: Option<String>,
    /// Regular expression on the kind.
    pub kind: Option<String>,
    /// Regular expression on the name.
    pub name: Option<String>,
    /// Regular expression on the namespace.
    pub namespace: Option<String>,
    /// Label selector.
    pub label_selector: Option<String>,
    /// Selector on annotations, in the same syntax.
    pub annotation_selector: Option<String>,
}

/// Why a target cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A field is no regular expression.
    #[error("target.{field}: `{text}` is no regular expression: {why}")]
    Regex {
        /// The field.
        field: &'static str,
        /// What it holds.
        text: String,
        /// What the parser said.
        why: String,
    },
    /// A selector does not follow Kubernetes' grammar.
    #[error("target.{field}: `{text}` is no selector: {why}; write for example `app=web,tier in (a,b),!legacy`")]
    Selector {
        /// The field.
        field: &'static str,
        /// What it holds.
        text: String,
        /// What is wrong.
        why: String,
    },
}

/// A target made ready for matching.
#[derive(Debug, Clone)]
pub struct Matcher {
    regexes: Vec<(Part, Regex)>,
    labels: Requirements,
    annotations: Requirements,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Group,
    Version,
    Kind,
    Name,
    Namespace,
}

impl Matcher {
    /// Compiles a target. Expressions are anchored as `^(?:…)$`, so that `A|B` matches `A` and `B` and nothing else.
    ///
    /// # Errors
    /// Where an expression or a selector cannot be read.
    pub fn compile(target: &Target) -> Result<Self, SelectorError> {
        let mut regexes = Vec::new();
        for (part, field, text) in [
            (Part::Group, "group", &target.group),
            (Part::Version, "version", &target.version),
            (Part::Kind, "kind", &target.kind),
            (Part::Name, "name", &target.name),
            (Part::Namespace, "namespace", &target.namespace),
        ] {
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                let regex = Regex::new(&format!("^(?:{text})$"));
                let regex = regex.map_err(|error| SelectorError::Regex { field, text: text.clone(), why: error.to_string() })?;
                regexes.push((part, regex));
            }
        }
        let requirements = |field, text: &Option<String>| {
            let text = text.clone().unwrap_or_default();
            Requirements::parse(&text).map_err(|why| SelectorError::Selector { field, text, why })
        };
        Ok(Self {
            regexes,
            labels: requirements("labelSelector", &target.label_selector)?,
            annotations: requirements("annotationSelector", &target.annotation_selector)?,
        })
    }

    /// Whether the target selects this object.
    #[must_use]
    pub fn matches(&self, object: &Json) -> bool {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let gvk = Gvk::new(text("/apiVersion"), text("/kind"));
        let fits = |(part, regex): &(Part, Regex)| {
            regex.is_match(match part {
                Part::Group => &gvk.group,
                Part::Version => &gvk.version,
                Part::Kind => &gvk.kind,
                Part::Name => text("/metadata/name"),
                Part::Namespace => text("/metadata/namespace"),
            })
        };
        self.regexes.iter().all(fits)
            && self.labels.matches(object.pointer("/metadata/labels"))
            && self.annotations.matches(object.pointer("/metadata/annotations"))
    }
}

/// A selector: all of its requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Greater(String, i64),
    Less(String, i64),
}

impl Requirements {
    /// Reads a selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, `a<1`, joined by commas.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut list = Vec::new();
        while !rest.is_empty() {
            let (requirement, tail) = one(rest)?;
            list.push(requirement);
            rest = match tail.trim_start().strip_prefix(',') {
                Some(tail) if !tail.trim().is_empty() => tail.trim_start(),
                Some(_) => return Err("it ends with a comma".into()),
                None if tail.trim().is_empty() => "",
                None => return Err(format!("expected a comma before `{}`", tail.trim())),
            };
        }
        Ok(Self(list))
    }

    /// Whether a map of labels (or annotations) fulfils every requirement. `!=` and `notin` hold where the key is absent.
    #[must_use]
    pub fn matches(&self, map: Option<&Json>) -> bool {
        let get = |key: &str| map.and_then(|map| map.get(key)).and_then(Json::as_str);
        let number = |key: &str| get(key).and_then(|text| text.parse::<i64>().ok());
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => get(key).is_some(),
            Requirement::Absent(key) => get(key).is_none(),
            Requirement::In(key, values) => get(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Requirement::NotIn(key, values) => get(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Requirement::Greater(key, bound) => number(key).is_some_and(|value| value > *bound),
            Requirement::Less(key, bound) => number(key).is_some_and(|value| value < *bound),
        })
    }
}

/// Takes one requirement off the front of a text.
fn one(text: &str) -> Result<(Requirement, &str), String> {
    if let Some(rest) = text.strip_prefix('!') {
        let (key, tail) = word(rest.trim_start())?;
        return Ok((Requirement::Absent(key), tail));
    }
    let (key, tail) = word(text)?;
    let after = tail.trim_start();
    if after.is_empty() || after.starts_with(',') {
        return Ok((Requirement::Exists(key), after));
    }
    for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some(rest) = after.strip_prefix(sign) {
            let (value, tail) = value(rest);
            return Ok((if negated { Requirement::NotIn(key, vec![value]) } else { Requirement::In(key, vec![value]) }, tail));
        }
    }
    for (sign, greater) in [(">", true), ("<", false)] {
        if let Some(rest) = after.strip_prefix(sign) {
            let (bound, tail) = value(rest);
            let bound = bound.parse().map_err(|_| format!("`{bound}` after `{sign}` is no whole number"))?;
            return Ok((if greater { Requirement::Greater(key, bound) } else { Requirement::Less(key, bound) }, tail));
        }
    }
    let (operator, tail) = word(after)?;
    let values = tail.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let Some((values, tail)) = values else { return Err(format!("expected an operator and values after `{key}`")) };
    let values = values.split(',').map(|value| value.trim().to_owned()).collect();
    match operator.as_str() {
        "in" => Ok((Requirement::In(key, values), tail)),
        "notin" => Ok((Requirement::NotIn(key, values), tail)),
        other => Err(format!("`{other}` is no operator")),
    }
}

fn word(text: &str) -> Result<(String, &str), String> {
    let end = text.find(|c: char| c.is_whitespace() || "=!,()<>".contains(c)).unwrap_or(text.len());
    if end == 0 { Err(format!("expected a key before `{text}`")) } else { Ok((text[..end].to_owned(), &text[end..])) }
}

fn value(text: &str) -> (String, &str) {
    let end = text.find(',').unwrap_or(text.len());
    (text[..end].trim().to_owned(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_follow_kubernetes() {
        let labels = json!({"app": "web", "tier": "front", "empty": "", "n": "5"});
        for (text, want) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("app=web", true),
            ("app == web", true),
            ("app=db", false),
            ("app!=db", true),
            ("other!=db", true),
            ("other=db", false),
            ("empty=", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("other notin (x)", true),
            ("tier in (front),app=web,!legacy", true),
            ("tier in (front),app=web,!app", false),
            ("n>4,n<6", true),
            ("n>5", false),
            ("app>1", false),
        ] {
            assert_eq!(Requirements::parse(text).map(|r| r.matches(Some(&labels))), Ok(want), "{text}");
        }
        for bad in ["=x", "app is (x)", "app in x", "app in (x", "a=b,", "a b", "n>x"] {
            assert!(Requirements::parse(bad).is_err(), "{bad}");
        }
        assert!(Requirements::parse("!a").is_ok_and(|r| r.matches(None)));
    }

    #[test]
    fn targets_are_anchored() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"x/y": "z"}}});
        let text = |text: &str| Some(text.to_owned());
        for (target, want) in [
            (Target::default(), true),
            (Target { kind: text("Deployment"), ..Target::default() }, true),
            (Target { kind: text("Deploy"), ..Target::default() }, false),
            (Target { kind: text("Deploy|Stateful"), ..Target::default() }, false),
            (Target { kind: text("Deployment|StatefulSet"), ..Target::default() }, true),
            (Target { name: text("w.*"), namespace: text("shop"), group: text("apps"), version: text("v1"), ..Target::default() }, true),
            (Target { group: text(""), ..Target::default() }, true),
            (Target { group: text("batch"), ..Target::default() }, false),
            (Target { label_selector: text("a=b"), annotation_selector: text("x/y in (z)"), ..Target::default() }, true),
            (Target { annotation_selector: text("x/y=a"), ..Target::default() }, false),
        ] {
            assert_eq!(Matcher::compile(&target).map(|m| m.matches(&object)), Ok(want), "{target:?}");
        }
        let error = Matcher::compile(&Target { name: text("("), ..Target::default() }).expect_err("no expression");
        assert!(error.to_string().starts_with("target.name: `(` is no regular expression"), "{error}");
        let error = Matcher::compile(&Target { label_selector: text("a b"), ..Target::default() }).expect_err("no selector");
        assert!(error.to_string().starts_with("target.labelSelector: `a b` is no selector"), "{error}");
    }
}
