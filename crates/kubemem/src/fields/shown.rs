//! Objects as clients see them: what is stored as text in `managedFields` is a map again.

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Writes an object for a client.
pub(crate) struct Shown<'a>(pub(crate) &'a Value);

/// The same without kind and API version, as items of lists are.
pub(crate) struct Bare<'a>(pub(crate) &'a Value);

/// The parts on the way to the text.
#[derive(Clone, Copy)]
enum Level {
    Object,
    Item,
    Metadata,
    Entry,
}

struct Part<'a>(Level, &'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part(Level::Object, self.0).serialize(serializer)
    }
}

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Part(Level::Item, self.0).serialize(serializer)
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Part(level, Value::Object(fields)) = self else { return self.1.serialize(serializer) };
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in fields {
            match (level, name.as_str(), value) {
                (Level::Item, "kind" | "apiVersion", _) => {}
                (Level::Object | Level::Item, "metadata", _) => map.serialize_entry(name, &Part(Level::Metadata, value))?,
                (Level::Metadata, "managedFields", Value::Array(entries)) => map.serialize_entry(name, &Entries(entries))?,
                (Level::Entry, "fieldsV1", Value::String(text)) => {
                    let raw: &RawValue = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
                    map.serialize_entry(name, raw)?;
                }
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

struct Entries<'a>(&'a [Value]);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for entry in self.0 {
            list.serialize_element(&Part(Level::Entry, entry))?;
        }
        list.end()
    }
}

/// The same for an object that is read or changed as a value.
pub(crate) fn show(mut object: Value) -> Value {
    for entry in object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Ok(fields)) = entry["fieldsV1"].as_str().map(serde_json::from_str) {
            entry["fieldsV1"] = fields;
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stored_text_is_shown_as_a_map() {
        let object =
            |fields: Value| json!({"metadata": {"managedFields": [{"manager": "a", "fieldsV1": fields}], "name": "x"}, "spec": {"a": [1]}});
        let (stored, seen) = (object("{\"f:spec\":{}}".into()), object(json!({"f:spec": {}})));
        assert_eq!(serde_json::to_string(&Shown(&stored)).expect("JSON"), seen.to_string());
        assert_eq!(show(stored), seen);
        assert_eq!(show(seen.clone()), seen);
    }
}
