//! Values as refusals quote them: the server's own structs, whose fields are in their order and none is left out.

use serde_json::{Map, Value, json};
use similar::TextDiff;

use super::structs::STRUCTS;

/// The value as a struct of that name, in JSON.
pub(crate) fn shown(name: &str, value: &Value) -> String {
    let value = &regrouped(name, value);
    let Some((_, fields)) = STRUCTS.iter().find(|(struct_name, _)| *struct_name == name) else { return value.to_string() };
    let fields: Vec<String> = fields.split_whitespace().map(|field| shown_field(field, value)).collect();
    format!("{{{}}}", fields.join(","))
}

/// What differs of two structs, as a diff of their JSON.
pub(crate) fn diff(name: &str, old: &Value, new: &Value) -> String {
    let (old, new) = (indented(&shown(name, old)), indented(&shown(name, new)));
    TextDiff::from_lines(&old, &new).unified_diff().context_radius(3).to_string()
}

/// What a pod's spec says of its host is a part of the security context there.
fn regrouped(name: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if name == "PodSpec" {
        for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
            let given = value[field].take();
            if value["securityContext"].is_null() {
                value["securityContext"] = json!({});
            }
            value["securityContext"][field] = given;
        }
    }
    value
}

/// JSON with a line for each value; an empty list or struct stays on its line.
fn indented(json: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        let empty = matches!((c, chars.peek()), ('{', Some('}')) | ('[', Some(']')));
        match c {
            _ if in_text => {
                in_text = escaped || c != '"';
                escaped = c == '\\' && !escaped;
                out.push(c);
            }
            '{' | '[' if empty => {
                out.push(c);
                out.extend(chars.next());
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth));
}

/// A selector of labels: an empty list and an empty map are as good as none.
pub(crate) fn selector(selector: &Value) -> String {
    let mut selector = selector.clone();
    for expression in selector["matchExpressions"].as_array_mut().into_iter().flatten() {
        drop_empty(expression);
    }
    drop_empty(&mut selector);
    selector.to_string()
}

fn drop_empty(value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, inner| !matches!(inner, Value::Null) && *inner != Value::Array(Vec::new()) && *inner != Value::Object(Map::new()));
    }
}

fn shown_field(field: &str, value: &Value) -> String {
    const KINDS: [char; 6] = [':', '!', '[', '"', '?', '#'];
    let (names, kind) = field.split_at(field.find(KINDS).unwrap_or(field.len()));
    let (go, json) = match names.split_once('=') {
        Some((go, json)) => (go, json.to_owned()),
        None => (names, names[..1].to_lowercase() + &names[1..]),
    };
    let given = &value[json.as_str()];
    let (kind, inner) = kind.split_at(kind.len().min(1));
    let shown = match (kind, given) {
        ("\"", Value::Null) => "\"\"".to_owned(),
        ("?", Value::Null) => "false".to_owned(),
        ("#", Value::Null) => "0".to_owned(),
        (":", Value::Object(_)) => shown(inner, given),
        ("!", given) => shown(inner, given),
        ("[", Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| shown(inner, item)).collect();
            format!("[{}]", items.join(","))
        }
        _ => given.to_string(),
    };
    format!("\"{go}\":{shown}")
}
