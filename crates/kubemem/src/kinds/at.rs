//! A value of an object together with its path: what rules look at, and what their refusals name.

use serde_json::Value;

use crate::status::{Cause, CauseType};
use crate::validation;

/// A value, which may be absent, and its path.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

impl<'a> At<'a> {
    pub(crate) fn new(value: &'a Value, path: &str) -> At<'a> {
        At { value, path: path.to_owned() }
    }

    /// A field; what is not there is null.
    pub(crate) fn get(&self, field: &str) -> At<'a> {
        At { value: &self.value[field], path: format!("{}.{field}", self.path) }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<At<'a>> {
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().enumerate().map(|(i, value)| At { value, path: format!("{}[{i}]", self.path) }).collect()
    }

    /// The entries of a map.
    pub(crate) fn entries(&self) -> Vec<(&'a str, At<'a>)> {
        let entry = |(key, value): (&'a String, &'a Value)| (key.as_str(), At { value, path: format!("{}[{key}]", self.path) });
        self.value.as_object().into_iter().flatten().map(entry).collect()
    }

    pub(crate) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    pub(crate) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(crate) fn required(&self, detail: &str) -> Cause {
        Cause::required(&self.path, detail)
    }

    pub(crate) fn invalid(&self, detail: &str) -> Cause {
        Cause::invalid(&self.path, self.value, detail)
    }

    pub(crate) fn forbidden(&self, detail: &str) -> Cause {
        Cause::forbidden(&self.path, detail)
    }

    pub(crate) fn duplicate(&self) -> Cause {
        Cause::new(CauseType::Duplicate, &self.path, format!("Duplicate value: {}", self.value))
    }

    pub(crate) fn not_found(&self) -> Cause {
        Cause::new(CauseType::NotFound, &self.path, format!("Not found: \"{}\"", self.text()))
    }

    /// A refusal of a text that is not there.
    pub(crate) fn need(&self) -> Option<Cause> {
        self.text().is_empty().then(|| self.required(""))
    }

    /// A refusal of a text that is none of the words; that it is there is another rule.
    pub(crate) fn one_of(&self, words: &[&str]) -> Option<Cause> {
        (!self.text().is_empty() && !words.contains(&self.text())).then(|| self.unsupported(words))
    }

    pub(crate) fn unsupported(&self, words: &[&str]) -> Cause {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let value = if self.value.is_null() { &Value::String(String::new()) } else { self.value };
        let message = format!("Unsupported value: {value}: supported values: {}", words.join(", "));
        Cause::new(CauseType::NotSupported, &self.path, message)
    }

    /// A refusal of a number below zero.
    pub(crate) fn not_negative(&self) -> Option<Cause> {
        self.number().is_some_and(|n| n < 0).then(|| self.invalid("must be greater than or equal to 0"))
    }

    /// A refusal of a number outside of a range.
    pub(crate) fn within(&self, least: i64, most: i64) -> Option<Cause> {
        let outside = self.number().is_some_and(|n| !(least..=most).contains(&n));
        outside.then(|| self.invalid(&format!("must be between {least} and {most}, inclusive")))
    }

    /// Refusals of a qualified name: the key of a label.
    pub(crate) fn label_key(&self) -> Vec<Cause> {
        let text = Value::from(self.text());
        validation::key_problems(self.text()).iter().map(|problem| Cause::invalid(&self.path, &text, problem)).collect()
    }

    /// A refusal of a name that is not a DNS label.
    pub(crate) fn dns_label(&self) -> Option<Cause> {
        (!validation::is_label(self.text())).then(|| self.invalid(validation::LABEL))
    }

    /// A refusal of a name that is not a DNS subdomain.
    pub(crate) fn dns_subdomain(&self) -> Option<Cause> {
        (!validation::is_subdomain(self.text())).then(|| self.invalid(validation::SUBDOMAIN))
    }

    /// Refusals of the number or the name of a port.
    pub(crate) fn port(&self) -> Vec<Cause> {
        match self.number() {
            Some(_) => self.within(1, 65535).into_iter().collect(),
            None => self.port_name(),
        }
    }

    /// Refusals of the name of a port.
    pub(crate) fn port_name(&self) -> Vec<Cause> {
        let name = self.text();
        let mut problems = Vec::new();
        if name.len() > 15 {
            problems.push("must be no more than 15 characters");
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        }
        if !name.contains(|c: char| c.is_ascii_lowercase()) {
            problems.push("must contain at least one letter (a-z)");
        }
        if name.contains("--") {
            problems.push("must not contain consecutive hyphens");
        }
        if name.starts_with('-') || name.ends_with('-') {
            problems.push("must not begin or end with a hyphen");
        }
        problems.into_iter().map(|problem| self.invalid(problem)).collect()
    }

    /// Refusals of the selector of labels.
    pub(crate) fn selector(&self) -> Vec<Cause> {
        let mut out = validation::labels(self.get("matchLabels").value, &self.get("matchLabels").path);
        for expression in self.get("matchExpressions").items() {
            let (operator, values) = (expression.get("operator"), expression.get("values"));
            let empty = values.value.as_array().is_none_or(Vec::is_empty);
            match operator.text() {
                "In" | "NotIn" if empty => out.push(values.required("must be specified when `operator` is 'In' or 'NotIn'")),
                "In" | "NotIn" => {}
                "Exists" | "DoesNotExist" if empty => {}
                "Exists" | "DoesNotExist" => {
                    out.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
                }
                _ => out.push(operator.invalid("not a valid selector operator")),
            }
            out.extend(expression.get("key").label_key());
            out.extend(
                values
                    .items()
                    .iter()
                    .filter_map(|value| validation::label_value_problem(value.text()).map(|problem| value.invalid(problem))),
            );
        }
        out
    }
}
