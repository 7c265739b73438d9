//! Semantic versions.

use super::FuncDef;
use crate::template::methods::Method;
use crate::template::value::{Field, StructType};

pub(super) static FUNCS: &[FuncDef] = &[];

const fn field(name: &'static str) -> Field {
    Field { name, json: name, omit_empty: false, embedded: false }
}

/// `semver.Version`: its last field is its text.
pub(crate) static VERSION: StructType = StructType {
    name: "semver.Version",
    fields: &[field("major"), field("minor"), field("patch"), field("pre"), field("metadata"), field("original"), field("text")],
    prints_as: Some(6),
};

pub(crate) static METHODS: &[Method] = &[];
