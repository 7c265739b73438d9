//! Values as goyaml v3 looks at them for `toYamlPretty`: not by way of JSON, but by their Go types.

use super::json::cycle_at;
use super::{Struct, ToJsonError, Value};
use crate::Json;
use crate::yaml::{Extra, looks_like_stand_in, stand_in, to_string_with_extras};

/// The YAML of a value. Fails on values that contain themselves.
pub(crate) fn yaml_pretty(value: &Value) -> Result<String, ToJsonError> {
    let mut extras = Vec::new();
    let tree = tree(value, &mut extras, 0)?;
    Ok(to_string_with_extras(&tree, &extras))
}

fn put(extras: &mut Vec<Extra>, extra: Extra) -> Json {
    extras.push(extra);
    stand_in(extras.len() - 1)
}

fn tree(value: &Value, extras: &mut Vec<Extra>, depth: usize) -> Result<Json, ToJsonError> {
    if let Some(via) = cycle_at(value, depth) {
        return Err(ToJsonError::Depth(via));
    }
    Ok(match value {
        Value::Float(f) if f.is_nan() => put(extras, Extra::Plain(".nan".to_owned())),
        Value::Float(f) if f.is_infinite() => put(extras, Extra::Plain(if *f > 0.0 { ".inf" } else { "-.inf" }.to_owned())),
        Value::Str(text) if looks_like_stand_in(text) => put(extras, Extra::Text(text.to_string())),
        Value::Raw(bytes) => put(extras, Extra::Binary(bytes.to_vec())),
        Value::Bytes(bytes) => Json::from(bytes.to_vec()),
        Value::Time(time) => put(extras, Extra::Plain(time.rfc3339_nano())),
        Value::Named(named, n) if named.prints_in_yaml() => Json::from(named.text(*n)),
        // Nil ones too are written as what they are.
        Value::List(list) => Json::Array(list.items.iter().map(|item| tree(item, extras, depth + 1)).collect::<Result<_, _>>()?),
        Value::Map(map) => {
            let mut out = serde_json::Map::new();
            for (key, value) in map.borrow().iter() {
                out.insert(key.to_string(), tree(value, extras, depth + 1)?);
            }
            Json::Object(out)
        }
        Value::Struct(object) if object.ty.json_as.is_none() => {
            let fields = fields(object, extras, depth)?;
            put(extras, Extra::Fields(fields))
        }
        plain => plain.to_json()?,
    })
}

/// The exported fields under their names in lower case; one without a name of its own has that of its type.
fn fields(object: &Struct, extras: &mut Vec<Extra>, depth: usize) -> Result<Vec<(String, Json)>, ToJsonError> {
    let named = object.ty.fields.iter().zip(&object.fields);
    let exported = named.filter(|(field, _)| field.is_exported());
    exported.map(|(field, value)| Ok((field.name.to_lowercase(), tree(value, extras, depth + 1)?))).collect()
}
