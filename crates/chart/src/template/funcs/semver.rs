//! Semantic versions.

use super::{FuncDef, Ty, func, text};
use crate::go::semver::{self, Version};
use crate::template::error::Fail;
use crate::template::methods::{Method, method};
use crate::template::value::{Field, StructType, Value};

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("semver", &[Str], |_, args| Ok(value(Version::parse(&text(&args[0]))?))),
    func("semverCompare", &[Str, Str], |_, args| Ok(Value::Bool(semver::compare(&text(&args[0]), &text(&args[1]))?))),
];

const fn field(name: &'static str) -> Field {
    Field { name, json: name, omit_empty: false, embedded: false }
}

/// The type of versions.
pub(super) const NAME: &str = "semver.Version";

/// `semver.Version`, whose fields templates cannot name; the last is its text.
static VERSION: StructType = StructType {
    name: NAME,
    fields: &[field("major"), field("minor"), field("patch"), field("pre"), field("metadata"), field("original"), field("text")],
    prints_as: Some(6),
    json_as: Some(6),
};

fn value(version: Version) -> Value {
    let text = version.to_string();
    let Version { major, minor, patch, prerelease, metadata, original } = version;
    let numbers = [major, minor, patch].map(Value::Uint64);
    let texts = [prerelease, metadata, original, text].map(Value::from);
    Value::structure(&VERSION, true, numbers.into_iter().chain(texts).collect())
}

/// Go's zero value.
pub(super) fn zero() -> Value {
    let empty = String::new();
    value(Version { major: 0, minor: 0, patch: 0, prerelease: empty.clone(), metadata: empty.clone(), original: empty })
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
        Value::Struct(object) if object.ty.name == NAME => {
            let number = |field| super::int(&part(value, field)) as u64;
            let text = |field| text(&part(value, field)).into_owned();
            Ok(Version { major: number(0), minor: number(1), patch: number(2), prerelease: text(3), metadata: text(4), original: text(5) })
        }
        other => Err(Fail::Text(format!("wrong type for value; expected *semver.Version; got {}", other.type_name()))),
    }
}

fn compare(receiver: &Value, args: &[Value]) -> Result<std::cmp::Ordering, Fail> {
    Ok(version(receiver)?.compare(&version(&args[0])?))
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
    method("IncMajor", &[], |_, receiver, _| Ok(value(version(receiver)?.inc_major()))),
    method("IncMinor", &[], |_, receiver, _| Ok(value(version(receiver)?.inc_minor()))),
    method("IncPatch", &[], |_, receiver, _| Ok(value(version(receiver)?.inc_patch()))),
    method("SetPrerelease", &[Str], |_, receiver, args| Ok(value(version(receiver)?.with_prerelease(&text(&args[0]))?))),
    method("SetMetadata", &[Str], |_, receiver, args| Ok(value(version(receiver)?.with_metadata(&text(&args[0]))?))),
];
