//! Label and field selectors.

use serde_json::Value;

/// A parsed label selector.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Missing,
    Greater,
    Less,
}

impl LabelSelector {
    /// Reads `a=b,c in (d,e),!f,g`.
    pub(crate) fn parse(text: &str) -> Result<LabelSelector, String> {
        let mut out = Vec::new();
        for part in split(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            out.push(requirement(part).ok_or_else(|| format!("unable to parse requirement: {part}"))?);
        }
        Ok(LabelSelector(out))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.0.iter().all(|r| r.matches(labels[&r.key].as_str()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.iter().any(|w| w == v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.iter().any(|w| w == v)),
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::Greater | Operator::Less => {
                let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
                match (number(value), number(self.values.first().map(String::as_str))) {
                    (Some(v), Some(w)) if self.operator == Operator::Greater => v > w,
                    (Some(v), Some(w)) => v < w,
                    _ => false,
                }
            }
        }
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn requirement(part: &str) -> Option<Requirement> {
    let make = |key: &str, operator, values: Vec<&str>| {
        let key = key.trim();
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        (!key.is_empty() && key.chars().all(sound) && values.iter().all(|v| v.chars().all(sound))).then(|| Requirement {
            key: key.to_owned(),
            operator,
            values: values.into_iter().map(str::to_owned).collect(),
        })
    };
    if let Some(key) = part.strip_prefix('!') {
        return make(key, Operator::Missing, Vec::new());
    }
    if let Some((key, list)) = part.strip_suffix(')').and_then(|p| p.split_once('(')) {
        let values = list.split(',').map(str::trim).collect();
        let (key, word) = key.trim_end().rsplit_once(char::is_whitespace)?;
        return match word {
            "in" => make(key, Operator::In, values),
            "notin" => make(key, Operator::NotIn, values),
            _ => None,
        };
    }
    for (sign, operator) in
        [("!=", Operator::NotIn), ("==", Operator::In), ("=", Operator::In), (">", Operator::Greater), ("<", Operator::Less)]
    {
        if let Some((key, value)) = part.split_once(sign) {
            return make(key, operator, vec![value.trim()]);
        }
    }
    make(part, Operator::Exists, Vec::new())
}

/// Whether labels fulfil a `LabelSelector` object (matchLabels and matchExpressions).
pub(crate) fn labels_match(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten().all(|(k, v)| labels[k] == *v);
    equal
        && selector["matchExpressions"].as_array().into_iter().flatten().all(|e| {
            let value = labels[e["key"].as_str().unwrap_or_default()].as_str();
            let within = || value.is_some_and(|v| e["values"].as_array().into_iter().flatten().any(|w| w == v));
            match e["operator"].as_str() {
                Some("In") => within(),
                Some("NotIn") => !within(),
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                _ => false,
            }
        })
}

/// A parsed field selector: `path=value`, `path!=value`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    pub(crate) fn parse(text: &str) -> Result<FieldSelector, String> {
        let mut out = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (path, wanted, value) = if let Some((path, value)) = part.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (path, true, value)
            } else {
                return Err(format!("invalid selector: '{part}'; can't understand '{part}'"));
            };
            out.push((path.to_owned(), wanted, value.to_owned()));
        }
        Ok(FieldSelector(out))
    }

    /// The first path that a kind does not support.
    pub(crate) fn unsupported(&self, group: &str, kind: &str, extra: &[String]) -> Option<&str> {
        let known: &[&str] = match (group, kind) {
            ("", "Pod") => {
                &["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP"]
            }
            ("", "Secret") => &["type"],
            ("", "Namespace") => &["status.phase"],
            ("", "Node") => &["spec.unschedulable"],
            ("", "Service") => &["spec.clusterIP", "spec.type"],
            ("batch", "Job") => &["status.successful"],
            ("apps", "ReplicaSet") => &["status.replicas"],
            ("", "Event") | ("events.k8s.io", "Event") => &[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "involvedObject.apiVersion",
                "involvedObject.resourceVersion",
                "involvedObject.fieldPath",
                "regarding.kind",
                "regarding.namespace",
                "regarding.name",
                "regarding.uid",
                "reason",
                "reportingComponent",
                "reportingController",
                "source",
                "type",
            ],
            _ => &[],
        };
        let ok =
            |path: &str| matches!(path, "metadata.name" | "metadata.namespace") || known.contains(&path) || extra.iter().any(|e| e == path);
        self.0.iter().map(|(path, _, _)| path.as_str()).find(|path| !ok(path))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, wanted, value)| {
            let path = match path.as_str() {
                "source" => "source.component",
                "reportingController" => "reportingComponent",
                other => other,
            };
            let path = path.replacen("regarding.", "involvedObject.", 1);
            let found = path.split('.').fold(object, |at, part| &at[part]);
            let text = match found {
                Value::String(s) => s.clone(),
                Value::Null if path == "spec.unschedulable" => "false".into(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            (text == *value) == *wanted
        })
    }

    /// The name that the selector pins, if it does.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors() {
        let object = json!({"metadata": {"labels": {"app": "web", "n": "5", "empty": ""}}});
        for (text, expect) in [
            ("app=web", true),
            ("app==web,n", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("!app", false),
            ("!other", true),
            ("n>4", true),
            ("n<4", false),
            ("empty=", true),
            ("", true),
        ] {
            assert_eq!(LabelSelector::parse(text).map(|s| s.matches(&object)), Ok(expect), "{text}");
        }
        assert!(LabelSelector::parse("a===b").is_err());
        assert!(LabelSelector::parse("a b").is_err());
    }

    #[test]
    fn field_selectors() {
        let object = json!({"metadata": {"name": "x", "namespace": "ns"}, "type": "Opaque", "involvedObject": {"kind": "Pod"}});
        for (text, expect) in [
            ("metadata.name=x", true),
            ("metadata.name!=x", false),
            ("type==Opaque,metadata.namespace=ns", true),
            ("regarding.kind=Pod", true),
        ] {
            assert_eq!(FieldSelector::parse(text).map(|s| s.matches(&object)), Ok(expect), "{text}");
        }
        let selector = FieldSelector::parse("data.a=b").expect("it parses");
        assert_eq!(selector.unsupported("", "ConfigMap", &[]), Some("data.a"));
    }
}
