//! OpenAPI v2 in protobuf, the only form in which kubectl reads it: what it checks manifests against where v3 does not say.

use serde_json::Value;

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Message {
        self.number(field << 3 | 2);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, value: &Value) -> Message {
        match value.as_str() {
            Some(text) => self.bytes(field, text.as_bytes()),
            None => self,
        }
    }

    fn message(self, field: u64, inner: &Message) -> Message {
        self.bytes(field, &inner.0)
    }

    fn each<'a>(self, list: impl IntoIterator<Item = &'a Value>, write: impl Fn(Message, &Value) -> Message) -> Message {
        list.into_iter().fold(self, write)
    }
}

/// The whole document.
pub(crate) fn encode(document: &Value) -> Vec<u8> {
    let info = Message::default().text(1, &document["info"]["title"]).text(2, &document["info"]["version"]);
    let definitions = named(&document["definitions"]);
    Message::default().text(1, &document["swagger"]).message(2, &info).message(8, &Message::default()).message(9, &definitions).0
}

/// Schemas by name.
fn named(schemas: &Value) -> Message {
    schemas.as_object().into_iter().flatten().fold(Message::default(), |out, (name, value)| {
        let entry = Message::default().bytes(1, name.as_bytes()).message(2, &schema(value));
        out.message(1, &entry)
    })
}

/// Any value, as the text that is also YAML.
fn any(value: &Value) -> Message {
    Message::default().bytes(2, value.to_string().as_bytes())
}

fn schema(value: &Value) -> Message {
    let list = |field: &str| value[field].as_array().into_iter().flatten();
    let mut out = Message::default().text(1, &value["$ref"]).text(2, &value["format"]).text(4, &value["description"]);
    if let Some(default) = value.get("default") {
        out = out.message(5, &any(default));
    }
    out = out.each(list("required"), |out, name| out.text(19, name));
    out = match &value["additionalProperties"] {
        Value::Null => out,
        Value::Bool(allowed) => out.bytes(21, &[2 << 3, u8::from(*allowed)]),
        inner => out.message(21, &Message::default().message(1, &schema(inner))),
    };
    if value["type"].is_string() {
        out = out.message(22, &Message::default().text(1, &value["type"]));
    }
    if value["items"].is_object() {
        out = out.message(23, &Message::default().message(1, &schema(&value["items"])));
    }
    out = out.each(list("allOf"), |out, inner| out.message(24, &schema(inner)));
    if value["properties"].is_object() {
        out = out.message(25, &named(&value["properties"]));
    }
    let extensions = value.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
    extensions.fold(out, |out, (name, value)| {
        let extension = Message::default().bytes(1, name.as_bytes()).message(2, &any(value));
        out.message(31, &extension)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::{Content, fields};
    use super::*;

    #[test]
    fn fields_stand_under_their_numbers() {
        let document = json!({"swagger": "2.0", "info": {"title": "t", "version": "v"},
            "definitions": {"a": {"type": "object", "properties": {"b": {"$ref": "#/definitions/c"}}, "x-y": [1]}}});
        let bytes = encode(&document);
        let inner = |bytes: &[u8], wanted: u64| {
            let found = fields(bytes).find_map(|field| match field {
                Ok((number, Content::Bytes(bytes))) if number == wanted => Some(bytes.to_vec()),
                _ => None,
            });
            found.unwrap_or_else(|| panic!("no field {wanted}"))
        };
        let a = inner(&inner(&bytes, 9), 1);
        assert_eq!(inner(&a, 1), b"a");
        let schema = inner(&a, 2);
        assert_eq!(inner(&inner(&schema, 22), 1), b"object");
        assert_eq!(inner(&inner(&inner(&inner(&schema, 25), 1), 2), 1), b"#/definitions/c");
        assert_eq!(inner(&inner(&inner(&schema, 31), 2), 2), b"[1]");
    }
}
