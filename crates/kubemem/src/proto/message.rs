//! Messages by name: their fields from `data/protos.json`, and the few whose JSON looks otherwise than their fields.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::wire::{Content, fields, number, text};

#[derive(Debug)]
struct Field {
    /// empty where the fields of the message stand among those of its parent
    name: String,
    shape: Shape,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    One,
    List,
    Map,
}

#[derive(Debug)]
enum Kind {
    Text,
    Bytes,
    Bool,
    Integer,
    Double,
    Message(String),
}

type Messages = HashMap<String, HashMap<u64, Field>>;

fn messages() -> &'static Messages {
    static MESSAGES: OnceLock<Messages> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let table: HashMap<String, Vec<(u64, String, String)>> =
            serde_json::from_str(include_str!("../../data/protos.json")).expect("the embedded messages are valid JSON");
        let fields = |list: Vec<(u64, String, String)>| list.into_iter().map(|(number, name, kind)| (number, parse(name, &kind))).collect();
        table.into_iter().map(|(name, list)| (name, fields(list))).collect()
    })
}

fn parse(name: String, kind: &str) -> Field {
    let (shape, kind) = match (kind.strip_prefix('*'), kind.strip_prefix('>')) {
        (Some(kind), _) => (Shape::List, kind),
        (_, Some(kind)) => (Shape::Map, kind),
        _ => (Shape::One, kind),
    };
    let kind = match kind {
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "bool" => Kind::Bool,
        "int32" | "int64" => Kind::Integer,
        "double" => Kind::Double,
        message => Kind::Message(message.to_owned()),
    };
    Field { name, shape, kind }
}

/// Reads a message as JSON.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let out = plain(name, bytes)?;
    let short = name.rsplit('.').next().unwrap_or(name);
    Ok(match short {
        "Time" | "MicroTime" => time(&out, short == "MicroTime"),
        "Quantity" => out["string"].clone(),
        "IntOrString" if out["type"] == 1 => json!(out["strVal"].as_str().unwrap_or_default()),
        "IntOrString" => json!(out["intVal"].as_i64().unwrap_or(0)),
        "RawExtension" | "FieldsV1" | "JSON" => embedded(&out)?,
        "ExtraValue" => out.get("items").cloned().unwrap_or_else(|| json!([])),
        "JSONSchemaPropsOrBool" => either(&out, &["schema"]).unwrap_or_else(|| json!(out["allows"] == true)),
        "JSONSchemaPropsOrArray" => either(&out, &["schema", "jSONSchemas"]).unwrap_or_default(),
        "JSONSchemaPropsOrStringArray" => either(&out, &["schema", "property"]).unwrap_or_default(),
        _ => out,
    })
}

fn either(out: &Value, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| out.get(name)).cloned()
}

/// A message as an object of its fields.
fn plain(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let known = messages().get(name).ok_or_else(|| format!("no protobuf message {name} is known"))?;
    let mut out = Map::new();
    for read in fields(bytes) {
        let (number, content) = read?;
        let Some(field) = known.get(&number) else { continue };
        match field.shape {
            Shape::One => {
                let value = one(&field.kind, content)?;
                match value {
                    Value::Object(inner) if field.name.is_empty() => out.extend(inner),
                    value => drop(out.insert(field.name.clone(), value)),
                }
            }
            Shape::List => {
                let list = out.entry(field.name.clone()).or_insert_with(|| json!([]));
                let Some(list) = list.as_array_mut() else { continue };
                match (&field.kind, content) {
                    (Kind::Integer | Kind::Bool, Content::Bytes(mut packed)) => {
                        while !packed.is_empty() {
                            let item = self::number(&mut packed).ok_or("a packed list is cut off")?;
                            list.push(one(&field.kind, Content::Number(item))?);
                        }
                    }
                    (kind, content) => list.push(one(kind, content)?),
                }
            }
            Shape::Map => {
                let Content::Bytes(entry) = content else { return Err(format!("{}: not a map", field.name)) };
                let (mut key, mut value) = (String::new(), None);
                for part in fields(entry) {
                    match part? {
                        (1, Content::Bytes(name)) => key = text(name)?,
                        (2, content) => value = Some(one(&field.kind, content)?),
                        _ => {}
                    }
                }
                let value = match value {
                    Some(value) => value,
                    None => one(&field.kind, Content::Bytes(&[]))?,
                };
                out.entry(field.name.clone()).or_insert_with(|| json!({}))[key] = value;
            }
        }
    }
    Ok(Value::Object(out))
}

fn one(kind: &Kind, content: Content<'_>) -> Result<Value, String> {
    Ok(match (kind, content) {
        (Kind::Text, Content::Bytes(bytes)) => text(bytes)?.into(),
        (Kind::Bytes, Content::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Kind::Bool, Content::Number(n)) => (n != 0).into(),
        (Kind::Integer, Content::Number(n)) => n.cast_signed().into(),
        (Kind::Double, Content::Fixed64(bytes)) => f64::from_le_bytes(bytes).into(),
        (Kind::Message(name), Content::Bytes(bytes)) => decode(name, bytes)?,
        (kind, content) => return Err(format!("{content:?} where {kind:?} was expected")),
    })
}

fn time(parts: &Value, micro: bool) -> Value {
    let part = |name: &str| parts[name].as_i64();
    let (seconds, nanos) = (part("seconds"), part("nanos").and_then(|n| i32::try_from(n).ok()).unwrap_or(0));
    let Some(time) = seconds.and_then(|s| Timestamp::new(s, nanos).ok()) else { return Value::Null };
    if micro { time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string().into() } else { crate::clock::seconds(time).into() }
}

/// JSON that a message carries as bytes.
fn embedded(out: &Value) -> Result<Value, String> {
    let raw = ["raw", "Raw"].iter().find_map(|name| out[*name].as_str()).unwrap_or_default();
    let bytes = STANDARD.decode(raw).map_err(|error| error.to_string())?;
    if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes).map_err(|error| error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_whose_json_looks_otherwise() {
        let meta = "io.k8s.apimachinery.pkg.";
        for (name, bytes, want) in [
            ("apis.meta.v1.Time", &[0x08, 0x80, 0xda, 0xcf, 0xcf, 0x06][..], json!("2026-05-01T00:00:00Z")),
            ("apis.meta.v1.Time", &[], Value::Null),
            ("api.resource.Quantity", &[0x0a, 0x02, b'1', b'G'], json!("1G")),
            ("util.intstr.IntOrString", &[0x08, 0x00, 0x10, 80, 0x1a, 0], json!(80)),
            ("util.intstr.IntOrString", &[0x08, 0x01, 0x10, 0, 0x1a, 3, b'5', b'0', b'%'], json!("50%")),
            ("runtime.RawExtension", b"\x0a\x07{\"a\":1}", json!({"a": 1})),
        ] {
            assert_eq!(decode(&format!("{meta}{name}"), bytes), Ok(want), "{name}");
        }
    }

    #[test]
    fn maps_lists_and_inlined_fields() {
        // Volume: name, and its source inlined: emptyDir with a medium
        let volume = decode("io.k8s.api.core.v1.Volume", b"\x0a\x01v\x12\x0a\x12\x08\x0a\x06Memory");
        assert_eq!(volume, Ok(json!({"name": "v", "emptyDir": {"medium": "Memory"}})));
        let map = decode("io.k8s.api.core.v1.ConfigMap", b"\x12\x06\x0a\x01k\x12\x01v\x12\x03\x0a\x01e\x1a\x07\x0a\x01b\x12\x02hi");
        assert_eq!(map, Ok(json!({"data": {"k": "v", "e": ""}, "binaryData": {"b": "aGk="}})));
    }

    #[test]
    fn every_message_that_a_field_names_is_there() {
        for (name, fields) in messages() {
            for field in fields.values() {
                if let Kind::Message(inner) = &field.kind {
                    assert!(messages().contains_key(inner), "{name}.{} is a {inner}", field.name);
                }
            }
        }
    }
}
