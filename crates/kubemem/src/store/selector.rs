//! Label and field selectors.

use serde_json::Value;

use super::labels;

/// A parsed label selector.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
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
        labels::parse(text).map(LabelSelector)
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

fn own_fields(group: &str, kind: &str) -> &'static [&'static str] {
    match (group, kind) {
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
    }
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

    /// Whether a kind has fields of its own to select by.
    pub(crate) fn has_own(group: &str, kind: &str) -> bool {
        !own_fields(group, kind).is_empty()
    }

    /// The first path that a kind does not support.
    pub(crate) fn unsupported(&self, group: &str, kind: &str, extra: &[String]) -> Option<&str> {
        let known = own_fields(group, kind);
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
