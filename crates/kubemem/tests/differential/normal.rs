//! What is compared of an answer: everything but what differs each time, such as times, uids and versions.

use regex::Regex;
use serde_json::Value;

/// Takes away what is different each time.
pub(crate) struct Normal {
    masks: Vec<(Regex, &'static str)>,
}

impl Normal {
    pub(crate) fn new() -> Normal {
        let mask = |text: &str, word| (Regex::new(text).unwrap(), word);
        Normal {
            masks: vec![
                mask(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
                mask("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
                mask(r"^\d+s$", "AGE"),
                mask(r"record \(\d+\)", "record (RV)"),
                mask(r"resource version: 1 \(\d+\)", "resource version: 1 (RV)"),
                mask(r"\b(a\.b\.c-|z-|Bad_)[a-z0-9]{5}\b", "${1}SUFFIX"),
                mask("kube-api-access-[a-z0-9]{5}", "kube-api-access-SUFFIX"),
                mask(r"10\.96\.\d+\.\d+", "IP"),
            ],
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let text = &in_one_order(text);
        self.masks.iter().fold(text.to_owned(), |text, (mask, word)| mask.replace_all(&text, *word).into_owned())
    }

    /// A value without what changes each time, and with the lists sorted that have no order.
    pub(crate) fn value(&self, value: &Value, name: &str) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(k, v)| (self.text(k), self.value(v, k))).collect(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value(item, name)).collect();
                if matches!(name, "managedFields" | "causes") {
                    items.sort_by_key(|item| format!("{}{}{}{item}", item["manager"], item["operation"], item["subresource"]));
                    // metadata is validated by several layers of a real server, each adds the same causes again
                    items.dedup();
                }
                items.into()
            }
            Value::String(text) if name == "resourceVersion" && !text.is_empty() => "RV".into(),
            Value::String(text) if name == "continue" && !text.is_empty() => "TOKEN".into(),
            // the causes are compared one by one
            Value::String(text) if name == "message" && text.contains(" is invalid: [") => {
                self.text(text.split(" is invalid: [").next().unwrap_or_default()).into()
            }
            Value::String(text) => self.text(text).into(),
            Value::Number(_) if name == "nodePort" => "PORT".into(),
            other => other.clone(),
        }
    }
}

/// An object that a message quotes, with its keys in the order of the alphabet and without its version.
fn in_one_order(text: &str) -> String {
    const START: &str = "patch: Invalid value: \"{";
    let Some(at) = text.find(START).map(|at| at + START.len() - 2).or_else(|| text.starts_with(&START[7..]).then_some(START.len() - 9))
    else {
        return text.to_owned();
    };
    let mut quoted = serde_json::Deserializer::from_str(&text[at..]).into_iter::<String>();
    let Some(Ok(object)) = quoted.next() else { return text.to_owned() };
    let rest = at + quoted.byte_offset();
    let Ok(mut object) = serde_json::from_str::<Value>(&object) else { return text.to_owned() };
    if object["metadata"]["resourceVersion"].is_string() {
        object["metadata"]["resourceVersion"] = "RV".into();
    }
    format!("{}{}{}", &text[..at], Value::from(object.to_string()), &text[rest..])
}

/// Where two values differ, one line each.
pub(crate) fn differences(real: &Value, ours: &Value, path: &str, out: &mut Vec<String>) {
    match (real, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b, &format!("{path}.{key}"), out),
                    (Some(a), None) => out.push(format!("{path}.{key} is missing: {a}")),
                    (_, b) => out.push(format!("{path}.{key} should not be there: {}", b.unwrap_or(&Value::Null))),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}[{i}]"), out);
            }
        }
        (a, b) if a != b => out.push(format!("{path}\n    real {a}\n    ours {b}")),
        _ => {}
    }
}
