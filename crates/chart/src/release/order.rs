//! The text of a record, byte for byte as Go's encoder writes Helm's structs: fields in their order, those that are
//! marked `omitempty` left out when empty, maps by key.

use crate::Json;
use crate::go::json;

/// What stands at a place of a record.
enum Shape {
    Any,
    List(&'static Shape),
    /// Names in order; with a question mark behind, empty ones are left out.
    Struct(&'static [(&'static str, Shape)]),
}

use Shape::{Any, List, Struct};

/// `release.Release`
const RELEASE: Shape = Struct(&[
    ("name?", Any),
    ("info?", INFO),
    ("chart?", CHART),
    ("config?", Any),
    ("manifest?", Any),
    ("hooks?", List(&HOOK)),
    ("version?", Any),
    ("namespace?", Any),
]);

/// `release.Info`
const INFO: Shape = Struct(&[
    ("first_deployed", Any),
    ("last_deployed", Any),
    ("deleted", Any),
    ("description?", Any),
    ("status?", Any),
    ("notes?", Any),
    ("resources?", Any),
]);

/// `chart.Chart`
const CHART: Shape =
    Struct(&[("metadata", METADATA), ("lock", LOCK), ("templates", List(&FILE)), ("values", Any), ("schema", Any), ("files", List(&FILE))]);

/// `chart.Metadata`
const METADATA: Shape = Struct(&[
    ("name?", Any),
    ("home?", Any),
    ("sources?", Any),
    ("version?", Any),
    ("description?", Any),
    ("keywords?", Any),
    ("maintainers?", List(&Struct(&[("name?", Any), ("email?", Any), ("url?", Any)]))),
    ("icon?", Any),
    ("apiVersion?", Any),
    ("condition?", Any),
    ("tags?", Any),
    ("appVersion?", Any),
    ("deprecated?", Any),
    ("annotations?", Any),
    ("kubeVersion?", Any),
    ("dependencies?", List(&DEPENDENCY)),
    ("type?", Any),
]);

/// `chart.Dependency`
const DEPENDENCY: Shape = Struct(&[
    ("name", Any),
    ("version?", Any),
    ("repository", Any),
    ("condition?", Any),
    ("tags?", Any),
    ("enabled?", Any),
    ("import-values?", Any),
    ("alias?", Any),
]);

/// `chart.Lock`
const LOCK: Shape = Struct(&[("generated", Any), ("digest", Any), ("dependencies", List(&DEPENDENCY))]);

/// `chart.File`
const FILE: Shape = Struct(&[("name", Any), ("data", Any)]);

/// `release.Hook`
const HOOK: Shape = Struct(&[
    ("name?", Any),
    ("kind?", Any),
    ("path?", Any),
    ("manifest?", Any),
    ("events?", Any),
    ("last_run?", Struct(&[("started_at", Any), ("completed_at", Any), ("phase", Any)])),
    ("weight?", Any),
    ("delete_policies?", Any),
    ("output_log_policies?", Any),
]);

/// The text of a whole record.
pub(super) fn text(record: &Json) -> String {
    let mut out = String::new();
    write(&mut out, record, &RELEASE);
    out
}

fn write(out: &mut String, value: &Json, shape: &Shape) {
    match (shape, value) {
        (List(each), Json::Array(items)) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write(out, item, each);
            }
            out.push(']');
        }
        (Struct(fields), Json::Object(map)) => {
            out.push('{');
            let mut first = true;
            let mut put = |name: &str, value: &Json, shape: &Shape| {
                out.push_str(if std::mem::take(&mut first) { "" } else { "," });
                out.push_str(&json::quote_string(name, true));
                out.push(':');
                write(out, value, shape);
            };
            for (field, shape) in *fields {
                let name = field.trim_end_matches('?');
                let omit = |value: &Json| name.len() < field.len() && is_empty(value, shape);
                if let Some(value) = map.get(name).filter(|value| !omit(value)) {
                    put(name, value, shape);
                }
            }
            // What newer versions of Helm may have added.
            for (name, value) in json::sorted(map) {
                if !fields.iter().any(|(field, _)| field.trim_end_matches('?') == name) {
                    put(name, value, &Any);
                }
            }
            out.push('}');
        }
        (_, other) => out.push_str(&json::to_string(other)),
    }
}

/// What `omitempty` leaves out: a struct never, unless it is a nil pointer.
fn is_empty(value: &Json, shape: &Shape) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(yes) => !yes,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty() && !matches!(shape, Struct(_)),
    }
}
