//! Reading an object of a client: unknown fields, types, canonical quantities, dropped zero values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Kind, Quantity, Rest, Scalar, Schema, Zero, builtin, go};

/// An object as the server understands it.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) value: Value,
    /// Paths of the fields that the schema does not have, as `spec.foo[0].bar`.
    pub(crate) unknown: Vec<String>,
    /// The first value of a wrong type, as Go's JSON decoder says it.
    pub(crate) error: Option<String>,
}

/// Reads `value`; fields that the schema does not know are dropped.
pub(crate) fn decode(value: Value, schema: &Schema, type_name: &str) -> Decoded {
    let mut out = Decoded::default();
    let value = walk(value, schema, &mut Cursor { path: Vec::new(), owner: type_name.to_owned() }, &mut out);
    out.value = value.unwrap_or(Value::Null);
    out
}

struct Cursor {
    path: Vec<String>,
    /// The innermost Go struct around the value.
    owner: String,
}

impl Cursor {
    fn dotted(&self) -> String {
        let mut out = String::new();
        for part in &self.path {
            if !part.starts_with('[') && !out.is_empty() {
                out.push('.');
            }
            out.push_str(part.trim_start_matches('\0'));
        }
        out
    }

    fn go_path(&self) -> String {
        self.path.iter().filter(|p| !p.starts_with(['[', '\0'])).cloned().collect::<Vec<_>>().join(".")
    }
}

fn walk(value: Value, schema: &Schema, at: &mut Cursor, out: &mut Decoded) -> Option<Value> {
    let zero = schema.zero;
    let named = schema;
    let schema = schema.resolve();
    if value.is_null() {
        return None;
    }
    let result = match (&schema.kind, value) {
        (Kind::Any | Kind::Ref(_), value) => value,
        (Kind::Scalar(Scalar::Quantity), Value::String(text)) => match Quantity::read(&text) {
            Ok(quantity) => quantity.to_string().into(),
            Err(problem) => {
                out.error.get_or_insert_with(|| problem.to_owned());
                return None;
            }
        },
        (Kind::Scalar(scalar), value) => match convert(*scalar, value) {
            Ok(value) => match unreadable(*scalar, &value) {
                None => value,
                Some(problem) => {
                    out.error.get_or_insert(problem);
                    return None;
                }
            },
            Err((Value::String(text), "resource.Quantity")) => {
                out.error.get_or_insert_with(|| go::quantity_problem(&text).to_owned());
                return None;
            }
            Err((value, go)) => {
                mismatch(&value, go, at, out);
                return None;
            }
        },
        (Kind::List { item, .. }, Value::Array(items)) => {
            let mut kept = Vec::with_capacity(items.len());
            for (i, value) in items.into_iter().enumerate() {
                at.path.push(format!("[{i}]"));
                kept.push(walk(value, item, at, out).unwrap_or_else(|| empty_item(item)));
                at.path.pop();
            }
            Value::Array(kept)
        }
        (Kind::Map(map), Value::Object(object)) => {
            let mut kept = Map::new();
            let outer = match named.kind {
                Kind::Ref(index) => Some(std::mem::replace(&mut at.owner, builtin::short_name(index).to_owned())),
                _ => None,
            };
            for (name, value) in object {
                let field = match (map.fields.get(&name), &map.rest) {
                    (Some(field), _) | (None, Rest::Typed(field)) => field,
                    (None, Rest::Any) => {
                        kept.insert(name, value);
                        continue;
                    }
                    (None, Rest::None) => {
                        at.path.push(name);
                        out.unknown.push(at.dotted());
                        at.path.pop();
                        continue;
                    }
                };
                // Go's errors do not name the keys of maps
                at.path.push(if map.fields.contains_key(&name) { name.clone() } else { format!("\0{name}") });
                // a null in a map of texts is an empty text in Go, not an absent one
                let named = map.fields.contains_key(&name);
                let null_text = value.is_null() && !named && matches!(field.resolve().kind, Kind::Scalar(Scalar::String));
                if let Some(value) = walk(if null_text { "".into() } else { value }, field, at, out) {
                    kept.insert(name, value);
                }
                at.path.pop();
            }
            at.owner = outer.unwrap_or(std::mem::take(&mut at.owner));
            Value::Object(kept)
        }
        (_, value) => {
            mismatch(&value, &go_type(named), at, out);
            return None;
        }
    };
    let dropped = zero == Zero::Omit
        && match &result {
            Value::Bool(b) => !b,
            Value::Number(n) => n.as_f64() == Some(0.0),
            Value::String(s) => s.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Null => true,
        };
    (!dropped).then_some(result)
}

fn empty_item(schema: &Schema) -> Value {
    match schema.resolve().kind {
        Kind::Scalar(Scalar::String) => Value::from(""),
        Kind::Map(_) => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

/// What Go calls the type of a JSON value.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The Go type of a field.
fn go_type(schema: &Schema) -> String {
    match &schema.kind {
        Kind::Ref(index) => match &schema.resolve().kind {
            Kind::Scalar(scalar) => go_scalar(*scalar).to_owned(),
            _ => format!("v1.{}", builtin::short_name(*index)),
        },
        Kind::Scalar(scalar) => go_scalar(*scalar).to_owned(),
        Kind::List { item, .. } => format!("[]{}", go_type(item)),
        Kind::Map(map) => match &map.rest {
            Rest::Typed(inner) => format!("map[string]{}", go_type(inner)),
            _ => "struct".to_owned(),
        },
        Kind::Any => "interface {}".to_owned(),
    }
}

fn go_scalar(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::String | Scalar::Time => "string",
        Scalar::Bytes => "[]uint8",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Number => "float64",
        Scalar::Bool => "bool",
        Scalar::IntOrString => "intstr.IntOrString",
        Scalar::Quantity => "resource.Quantity",
    }
}

fn mismatch(value: &Value, go: &str, at: &Cursor, out: &mut Decoded) {
    let was = json_type(value);
    let was = match value {
        Value::Number(n) if go.starts_with("int") => format!("{was} {n}"),
        _ => was.to_owned(),
    };
    out.error
        .get_or_insert_with(|| format!("json: cannot unmarshal {was} into Go struct field {}.{} of type {go}", at.owner, at.go_path()));
}

fn convert(scalar: Scalar, value: Value) -> Result<Value, (Value, &'static str)> {
    match (scalar, &value) {
        (Scalar::String | Scalar::Time | Scalar::Bytes, Value::String(_)) | (Scalar::Bool, Value::Bool(_)) => Ok(value),
        (Scalar::Number, Value::Number(_)) => Ok(value),
        (Scalar::Int32, Value::Number(n)) => match whole(n).filter(|n| i32::try_from(*n).is_ok()) {
            Some(n) => Ok(n.into()),
            None => Err((value, "int32")),
        },
        (Scalar::Int64, Value::Number(n)) => match whole(n) {
            Some(n) => Ok(n.into()),
            None => Err((value, "int64")),
        },
        (Scalar::IntOrString, Value::String(_)) => Ok(value),
        (Scalar::IntOrString, Value::Number(n)) => match whole(n) {
            Some(n) => Ok(n.into()),
            None => Err((value, "int32")),
        },
        (Scalar::Quantity, Value::Number(n)) => match Quantity::parse(&n.to_string()) {
            Some(quantity) => Ok(quantity.to_string().into()),
            None => Err((value, "resource.Quantity")),
        },
        _ => Err((value, go_scalar(scalar))),
    }
}

/// Why a text of the right type is not what it should be.
fn unreadable(scalar: Scalar, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    match scalar {
        Scalar::Bytes => STANDARD.decode(text).err().map(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) => at,
                _ => text.len() - text.len() % 4,
            };
            format!("illegal base64 data at input byte {at}")
        }),
        Scalar::Time => go::time_problem(text),
        _ => None,
    }
}

fn whole(n: &serde_json::Number) -> Option<i64> {
    n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_as_go_does() {
        let schema = super::super::gvk_schema("apps", "v1", "Deployment").expect("built in");
        let decoded = decode(
            json!({"spec": {"minReadySeconds": 0, "replicas": 0, "foo": 1, "paused": false, "template": {"spec": {"containers": [
                {"name": "a", "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}, "x": 1}]}}}}),
            &schema,
            "Deployment",
        );
        assert_eq!(decoded.unknown, ["spec.foo", "spec.template.spec.containers[0].x"]);
        assert_eq!(decoded.error, None);
        assert_eq!(
            decoded.value,
            json!({"spec": {"replicas": 0, "template": {"spec": {"containers": [
                {"name": "a", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}]}}}})
        );
        let wrong = decode(json!({"spec": {"replicas": "x"}}), &schema, "Deployment");
        assert_eq!(
            wrong.error.as_deref(),
            Some("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")
        );
    }
}
