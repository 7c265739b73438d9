//! JSON patch as the API server's library does it, which is laxer than the RFC: a `replace` adds what is not there,
//! and an operation without a value sets null.

use serde_json::{Map, Value};

/// Applies the operations in turn. `None` means that one of them cannot be applied.
pub(crate) fn json_patch(target: &mut Value, operations: &[Value]) -> Option<()> {
    operations.iter().try_for_each(|operation| apply(target, operation))
}

fn apply(target: &mut Value, operation: &Value) -> Option<()> {
    let text = |field: &str| operation[field].as_str();
    let value = || operation["value"].clone();
    let path = pointer(text("path")?)?;
    match text("op")? {
        "add" => add(target, &path, value()),
        "remove" => remove(target, &path).map(|_| ()),
        "replace" => {
            if let Some(place) = find(target, &path) {
                *place = value();
                return Some(());
            }
            let (_, parent) = path.split_last()?;
            find(target, parent)?.is_object().then(|| add(target, &path, value()))?
        }
        "move" => {
            let moved = remove(target, &pointer(text("from")?)?)?;
            add(target, &path, moved)
        }
        "copy" => {
            // the library takes a field that is not there for null, but not one in something that is not there
            let from = pointer(text("from")?)?;
            let copied = match find(target, &from) {
                Some(found) => found.clone(),
                None => find(target, from.split_last()?.1)?.is_object().then_some(Value::Null)?,
            };
            add(target, &path, copied)
        }
        "test" => match find(target, &path) {
            Some(found) => crate::fields::equal(found, &operation["value"]).then_some(()),
            None => operation["value"].is_null().then_some(()),
        },
        _ => None,
    }
}

fn pointer(text: &str) -> Option<Vec<String>> {
    let rest = text.strip_prefix('/')?;
    Some(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

fn find<'a>(target: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(target, |at, part| match at {
        Value::Object(map) => map.get_mut(part),
        Value::Array(items) => {
            let at = index(part, items.len())?;
            items.get_mut(at)
        }
        _ => None,
    })
}

/// The position that a part of a path means; negative ones count from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    let n: i64 = part.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if n < 0 { n + length } else { n }).ok()
}

fn add(target: &mut Value, path: &[String], value: Value) -> Option<()> {
    let (last, parent) = path.split_last()?;
    match find(target, parent)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(last, items.len() + 1).filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parent) = path.split_last()?;
    match find(target, parent)? {
        Value::Object(map) => Map::remove(map, last),
        Value::Array(items) => {
            let at = index(last, items.len()).filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}
