//! What functions read and make, counted for all of them in one place.
//!
//! A list that holds the same list twice, and so on for forty levels, is small in memory and has 2^40 elements for
//! whoever walks it. So values are walked once, at the price of steps, before a function may walk them unwatched.

use super::super::budget::Budget;
use super::super::error::Fail;
use super::super::value::Value;
use std::sync::Arc;

/// Nesting at which the walk stops: what is deeper is an error, or cut off, in each of the functions.
const MAX_DEPTH: usize = 1_000;
/// Bytes of text that count as one step.
const TEXT: usize = 64;

/// Counts what a function is about to read.
pub(super) fn arguments(budget: &mut Budget, name: &str, args: &[Value]) -> Result<(), Fail> {
    let mut texts = 0;
    for arg in args {
        match arg {
            Value::Str(text) => texts += text.len(),
            Value::Raw(bytes) => texts += bytes.len(),
            Value::List(_) | Value::Map(_) | Value::Struct(_) if walks(name) => value(budget, arg)?,
            _ => {}
        }
    }
    if texts >= TEXT { budget.steps(texts / TEXT) } else { Ok(()) }
}

/// Counts what a method is about to read of its receiver.
pub(super) fn receiver(budget: &mut Budget, name: &str, receiver: &Value) -> Result<(), Fail> {
    if name == "YAML" { value(budget, receiver) } else { Ok(()) }
}

/// Counts a string that a function has made. One that others hold, too, was there before.
pub(super) fn made(budget: &mut Budget, value: Value) -> Result<Value, Fail> {
    match &value {
        Value::Str(text) if Arc::strong_count(text) == 1 => budget.bytes(text.len())?,
        Value::Raw(bytes) => budget.bytes(bytes.len())?,
        _ => {}
    }
    Ok(value)
}

/// Counts all that is in a value, as often as it is in there.
pub(super) fn value(budget: &mut Budget, value: &Value) -> Result<(), Fail> {
    walk(budget, value, 0).map(|_| ())
}

/// False where the value is too deep for anything to be made of it.
fn walk(budget: &mut Budget, value: &Value, depth: usize) -> Result<bool, Fail> {
    if depth > MAX_DEPTH {
        return Ok(false);
    }
    let each = |budget: &mut Budget, item: &Value| match item {
        Value::Str(text) if text.len() < TEXT => Ok(true),
        Value::Str(text) => budget.steps(text.len() / TEXT).map(|()| true),
        Value::List(_) | Value::Map(_) | Value::Struct(_) => walk(budget, item, depth + 1),
        _ => Ok(true),
    };
    match value {
        Value::List(list) => {
            budget.steps(1 + list.items.len() / 4)?;
            for item in &list.items {
                if !each(budget, item)? {
                    return Ok(false);
                }
            }
        }
        Value::Map(map) => {
            budget.steps(1 + map.len() / 2)?;
            for item in map.borrow().values() {
                if !each(budget, item)? {
                    return Ok(false);
                }
            }
        }
        Value::Struct(object) => {
            budget.steps(1)?;
            for item in &object.fields {
                if !each(budget, item)? {
                    return Ok(false);
                }
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Functions that go through all of a list or map, down to the last element.
fn walks(name: &str) -> bool {
    const PRINT: [&str; 14] = [
        "cat",
        "html",
        "join",
        "js",
        "print",
        "printf",
        "println",
        "quote",
        "sortAlpha",
        "squote",
        "toDecimal",
        "toString",
        "toStrings",
        "urlquery",
    ];
    const WRITE: [&str; 11] = [
        "mustToJson",
        "mustToPrettyJson",
        "mustToRawJson",
        "mustToToml",
        "mustToYaml",
        "toJson",
        "toPrettyJson",
        "toRawJson",
        "toToml",
        "toYaml",
        "toYamlPretty",
    ];
    const COMPARE: [&str; 7] = ["deepEqual", "has", "mustHas", "mustUniq", "mustWithout", "uniq", "without"];
    PRINT.contains(&name) || WRITE.contains(&name) || COMPARE.contains(&name)
}
