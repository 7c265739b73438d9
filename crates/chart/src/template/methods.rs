//! Methods of values: `.Files.Get`, `.Capabilities.APIVersions.Has` and the like, callable wherever the value is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Fail;
use super::exec::Ctx;
use super::funcs::{Ty, base_name, to_yaml, yaml_text};
use super::value::{ListType, Map, MapType, NamedInt, Value};

/// The body of a method: the receiver, then the arguments.
pub(crate) type Run = fn(&mut Ctx<'_>, &Value, &[Value]) -> Result<Value, Fail>;

/// A method: its name, its signature without the receiver, and its body.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Ty],
    pub(crate) variadic: Option<Ty>,
    pub(crate) run: Run,
}

pub(crate) const fn method(name: &'static str, params: &'static [Ty], run: Run) -> Method {
    Method { name, params, variadic: None, run }
}

/// The method of this name of a value's type.
pub(crate) fn find(value: &Value, name: &str) -> Option<&'static Method> {
    let table: &'static [Method] = match value {
        Value::Map(map) => match map.ty {
            MapType::Any | MapType::Strings => return None,
            MapType::Values => VALUES,
            MapType::Files => FILES,
        },
        Value::List(list) if list.ty == ListType::VersionSet => VERSION_SET,
        Value::Struct(object) => match object.ty.name {
            "chartutil.KubeVersion" => KUBE_VERSION,
            "semver.Version" => super::funcs::SEMVER_METHODS,
            _ => return None,
        },
        Value::Time(_) => super::funcs::TIME_METHODS,
        Value::Named(NamedInt::Duration, _) => super::funcs::DURATION_METHODS,
        Value::Named(..) => super::funcs::NAMED_METHODS,
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

static VERSION_SET: &[Method] = &[method("Has", &[Ty::Str], |_, receiver, args| {
    let wanted = args[0].as_str();
    Ok(Value::Bool(matches!(receiver, Value::List(list) if list.items.iter().any(|item| item.as_str() == wanted))))
})];

static KUBE_VERSION: &[Method] = &[method("String", &[], kube_version), method("GitVersion", &[], kube_version)];

fn kube_version(_: &mut Ctx<'_>, receiver: &Value, _: &[Value]) -> Result<Value, Fail> {
    Ok(match receiver {
        Value::Struct(object) => object.fields.first().cloned().unwrap_or_default(),
        _ => Value::Nil,
    })
}

// chartutil.Values

static VALUES: &[Method] = &[
    method("AsMap", &[], |_, receiver, _| Ok(receiver.retyped(MapType::Any))),
    method("YAML", &[], |_, receiver, _| {
        receiver.to_json().map_err(|err| format!("error marshaling into JSON: {err}"))?;
        Ok(Value::from(yaml_text(receiver).unwrap_or_default()))
    }),
    method("Table", &[Ty::Str], |_, receiver, args| {
        let path = args[0].as_str().unwrap_or_default();
        table(receiver, path.split('.'))
    }),
    method("PathValue", &[Ty::Str], path_value),
];

fn table<'p>(value: &Value, path: impl Iterator<Item = &'p str>) -> Result<Value, Fail> {
    let mut at = value.clone();
    for name in path {
        at = match at.get(name) {
            Some(next @ Value::Map(_)) => next,
            _ => return Err(Fail::Text(format!("\"{name}\" is not a table"))),
        };
    }
    Ok(at.retyped(MapType::Values))
}

fn path_value(_: &mut Ctx<'_>, receiver: &Value, args: &[Value]) -> Result<Value, Fail> {
    let path = args[0].as_str().unwrap_or_default();
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (before, key) = match path.rsplit_once('.') {
        Some((before, key)) => (Some(before), key),
        None => (None, path),
    };
    let no_value = || Fail::Text(format!("\"{key}\" is not a value"));
    let holder = match before {
        Some(before) => table(receiver, before.split('.')).map_err(|_| no_value())?,
        None => receiver.clone(),
    };
    match holder.get(key) {
        Some(Value::Map(_)) | None => Err(no_value()),
        Some(value) => Ok(value),
    }
}

// engine.files

static FILES: &[Method] = &[
    method("Get", &[Ty::Str], |_, receiver, args| Ok(Value::bytes_as_string(content(receiver, &args[0]).to_vec()))),
    method("GetBytes", &[Ty::Str], |_, receiver, args| Ok(Value::bytes(content(receiver, &args[0])))),
    method("Glob", &[Ty::Str], glob),
    method("AsConfig", &[], |ctx, receiver, _| flattened(ctx, receiver, |bytes| Value::bytes_as_string(bytes.to_vec()))),
    method("AsSecrets", &[], |ctx, receiver, _| flattened(ctx, receiver, |bytes| Value::from(STANDARD.encode(bytes)))),
    method("Lines", &[Ty::Str], |ctx, receiver, args| {
        let content = content(receiver, &args[0]);
        if content.is_empty() {
            return Ok(Value::typed_list(ListType::Str, Vec::new()));
        }
        let content = content.strip_suffix(b"\n").unwrap_or(&content);
        ctx.world.budget.list(content.iter().filter(|byte| **byte == b'\n').count() + 1)?;
        let lines: Vec<Value> = content.split(|byte| *byte == b'\n').map(|line| Value::bytes_as_string(line.to_vec())).collect();
        Ok(Value::typed_list(ListType::Str, lines))
    }),
];

fn files(receiver: &Value) -> Option<&Map> {
    receiver.as_map()
}

fn content(receiver: &Value, path: &Value) -> bytes::Bytes {
    let path = path.as_str().unwrap_or_default();
    match files(receiver).and_then(|files| files.get(path)) {
        Some(Value::Bytes(bytes)) => (*bytes).clone(),
        _ => bytes::Bytes::new(),
    }
}

fn glob(ctx: &mut Ctx<'_>, receiver: &Value, args: &[Value]) -> Result<Value, Fail> {
    let pattern = args[0].as_str().unwrap_or_default();
    let matcher = super::glob::Glob::new(pattern);
    let mut found = BTreeMap::new();
    if let Some(files) = files(receiver) {
        ctx.world.budget.map(files.len())?;
        for (path, content) in files.borrow().iter().filter(|(path, _)| matcher.matches(path)) {
            found.insert(path.clone(), content.clone());
        }
    }
    Ok(Value::typed_map(MapType::Files, found))
}

/// File names without their directories, and their contents in one form, as YAML.
fn flattened(ctx: &mut Ctx<'_>, receiver: &Value, form: fn(&[u8]) -> Value) -> Result<Value, Fail> {
    let mut entries = BTreeMap::new();
    if let Some(files) = files(receiver) {
        for (path, content) in files.borrow().iter() {
            if let Value::Bytes(bytes) = content {
                ctx.world.budget.bytes(bytes.len().saturating_mul(2))?;
                entries.insert(base_name(path).into(), form(bytes));
            }
        }
    }
    to_yaml(ctx, &Value::typed_map(MapType::Strings, entries))
}
