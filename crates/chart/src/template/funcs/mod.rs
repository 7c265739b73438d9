//! The functions that templates can call: Go's builtins, sprig's and Helm's, found by name while parsing.

mod builtin;
mod bytewise;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod helm;
mod lists;
mod math;
mod merge;
mod random;
pub(crate) mod re2;
pub(crate) mod re2_syntax;
mod reflect;
mod regex;
mod semver;
mod strings;
mod toml;
mod url;

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::error::Fail;
use super::exec::Ctx;
use super::value::{List, Map, Value};

pub(crate) use bytewise::without as bytes_without;
pub(crate) use dates::{DURATION_METHODS, NAMED_METHODS, TIME_METHODS};
pub(crate) use helm::{to_yaml, yaml_text};
pub(crate) use semver::METHODS as SEMVER_METHODS;
pub(crate) use url::base as base_name;

/// What a function answers.
pub(crate) type Answer = Result<Value, Fail>;

/// The body of a function. The arguments have been held against its parameter types.
pub(crate) type Run = fn(&mut Ctx<'_>, &[Value]) -> Answer;

/// A function: its name, its Go signature and its body.
pub(crate) struct FuncDef {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Ty],
    pub(crate) variadic: Option<Ty>,
    pub(crate) special: Special,
    pub(crate) run: Run,
}

/// The type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ty {
    Any,
    Str,
    Bool,
    Int,
    Uint32,
    Float,
    Map,
    List,
    Time,
    Cert,
}

/// Functions that the executor runs itself, because they look at arguments in a way of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Special {
    None,
    And,
    Or,
    Len,
    Call,
    Index,
}

const fn func(name: &'static str, params: &'static [Ty], run: Run) -> FuncDef {
    FuncDef { name, params, variadic: None, special: Special::None, run }
}

const fn many(name: &'static str, params: &'static [Ty], variadic: Ty, run: Run) -> FuncDef {
    FuncDef { name, params, variadic: Some(variadic), special: Special::None, run }
}

static TABLES: &[&[FuncDef]] = &[
    builtin::FUNCS,
    crypto::FUNCS,
    dates::FUNCS,
    defaults::FUNCS,
    dicts::FUNCS,
    encoding::FUNCS,
    helm::FUNCS,
    lists::FUNCS,
    math::FUNCS,
    merge::FUNCS,
    random::FUNCS,
    reflect::FUNCS,
    regex::FUNCS,
    semver::FUNCS,
    strings::FUNCS,
    toml::FUNCS,
    url::FUNCS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static FuncDef, FixedState>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.iter()).map(|def| (def.name, def)).collect());

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static FuncDef> {
    BY_NAME.get(name).copied()
}

/// The names of all functions, unsorted.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BY_NAME.keys().copied()
}

// Arguments. Their types hold by the signature; the fallbacks are never taken.

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Str(text) => Cow::Borrowed(text),
        Value::Raw(bytes) => String::from_utf8_lossy(bytes),
        _ => Cow::Borrowed(""),
    }
}

fn bytes(value: &Value) -> &[u8] {
    value.string_bytes().unwrap_or_default()
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i,
        Value::Uint64(u) => *u as i64,
        _ => 0,
    }
}

fn map(value: &Value) -> Result<&Map, Fail> {
    value.as_map().ok_or_else(|| Fail::from("value is not a map"))
}

/// Go's panic for reflection on nil, which sprig's list functions run into.
const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

/// The elements of anything that is a slice; else the text of sprig's error, which begins with `verb`.
fn slice(value: &Value, verb: &str) -> Result<Items, Fail> {
    match value {
        Value::List(list) => Ok(Items::List(list.clone())),
        Value::Bytes(bytes) => Ok(Items::Bytes(bytes.iter().map(|b| Value::Uint8(*b)).collect())),
        Value::Nil => Err(NIL_POINTER.into()),
        other => Err(Fail::Text(format!("{verb} {}", other.kind_name()))),
    }
}

/// The elements of a slice argument.
enum Items {
    List(Rc<List>),
    Bytes(Vec<Value>),
}

impl std::ops::Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        match self {
            Items::List(list) => &list.items,
            Items::Bytes(items) => items,
        }
    }
}
