//! Semantic versions.

use super::version::{Constraint, Version};
use super::{FuncDef, Ty, func, text};
use crate::template::error::Fail;
use crate::template::methods::{Method, method};
use crate::template::value::{Field, StructType, Value};

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("semver", &[Str], |_, args| Version::parse(&text(&args[0])).map(value).map_err(Fail::Text)),
    func("semverCompare", &[Str, Str], |_, args| {
        let constraint = Constraint::parse(&text(&args[0]))?;
        let version = Version::parse(&text(&args[1]))?;
        Ok(Value::Bool(constraint.check(&version)))
    }),
];

const fn field(name: &'static str) -> Field {
    Field { name, json: name, omit_empty: false, embedded: false }
}

/// `semver.Version`, whose fields templates cannot name; the last is its text.
static VERSION: StructType = StructType {
    name: "semver.Version",
    fields: &[field("major"), field("minor"), field("patch"), field("pre"), field("metadata"), field("original"), field("text")],
    prints_as: Some(6),
    json_as: Some(6),
};

fn value(version: Version) -> Value {
    let text = version.to_string();
    let Version { major, minor, patch, pre, metadata, original } = version;
    let numbers = [major, minor, patch].map(Value::Uint64);
    let texts = [pre, metadata, original, text].map(Value::from);
    Value::structure(&VERSION, true, numbers.into_iter().chain(texts).collect())
}

fn part(value: &Value, field: usize) -> Value {
    match value {
        Value::Struct(object) => object.fields.get(field).cloned().unwrap_or_default(),
        _ => Value::Nil,
    }
}

/// The version behind a receiver or argument of `*semver.Version`.
fn version(value: &Value) -> Result<Version, Fail> {
    match value {
        Value::Struct(object) if object.ty.name == VERSION.name => Version::parse(&text(&part(value, 6))).map_err(Fail::Text),
        other => Err(Fail::Text(format!("wrong type for value; expected *semver.Version; got {}", other.type_name()))),
    }
}

fn compare(receiver: &Value, args: &[Value]) -> Result<std::cmp::Ordering, Fail> {
    Ok(version(receiver)?.compare(&version(&args[0])?))
}

fn bumped(receiver: &Value, bump: fn(&mut Version)) -> Result<Value, Fail> {
    let mut version = version(receiver)?;
    bump(&mut version);
    let v = if text(&part(receiver, 5)).starts_with('v') { "v" } else { "" };
    version.original = format!("{v}{version}");
    Ok(value(version))
}

pub(crate) static METHODS: &[Method] = &[
    method("Major", &[], |_, receiver, _| Ok(part(receiver, 0))),
    method("Minor", &[], |_, receiver, _| Ok(part(receiver, 1))),
    method("Patch", &[], |_, receiver, _| Ok(part(receiver, 2))),
    method("Prerelease", &[], |_, receiver, _| Ok(part(receiver, 3))),
    method("Metadata", &[], |_, receiver, _| Ok(part(receiver, 4))),
    method("Original", &[], |_, receiver, _| Ok(part(receiver, 5))),
    method("String", &[], |_, receiver, _| Ok(part(receiver, 6))),
    method("Compare", &[Any], |_, receiver, args| Ok(Value::Int(compare(receiver, args)? as i64))),
    method("Equal", &[Any], |_, receiver, args| Ok(Value::Bool(compare(receiver, args)?.is_eq()))),
    method("LessThan", &[Any], |_, receiver, args| Ok(Value::Bool(compare(receiver, args)?.is_lt()))),
    method("LessThanEqual", &[Any], |_, receiver, args| Ok(Value::Bool(compare(receiver, args)?.is_le()))),
    method("GreaterThan", &[Any], |_, receiver, args| Ok(Value::Bool(compare(receiver, args)?.is_gt()))),
    method("GreaterThanEqual", &[Any], |_, receiver, args| Ok(Value::Bool(compare(receiver, args)?.is_ge()))),
    method("IncMajor", &[], |_, receiver, _| bumped(receiver, |v| *v = Version { major: v.major + 1, ..Version::default() })),
    method("IncMinor", &[], |_, receiver, _| {
        bumped(receiver, |v| *v = Version { major: v.major, minor: v.minor + 1, ..Version::default() })
    }),
    method("IncPatch", &[], |_, receiver, _| {
        bumped(receiver, |v| {
            v.patch += u64::from(v.pre.is_empty());
            v.pre.clear();
            v.metadata.clear();
        })
    }),
];
