//! What a template finds in an object.

use super::{Filter, Node, Operand, Operator, Path, Step};
use crate::object::Json;
use helmward_chart::go;
use std::cmp::Ordering;

/// Prints nodes; `at` is what `@` and relative paths mean, `root` what `$` means.
pub(super) fn print(nodes: &[Node], at: &Json, root: &Json, out: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Path(path) => {
                let found: Vec<String> = find(path, at, root)?.into_iter().map(text).collect();
                out.push_str(&found.join(" "));
            }
            Node::Range(path, body) => {
                for item in find(path, at, root)? {
                    print(body, item, root, out)?;
                }
            }
        }
    }
    Ok(())
}

/// A value as Go prints it.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "<nil>".into(),
        other => go::json::to_string(other),
    }
}

fn find<'a>(path: &Path, at: &'a Json, root: &'a Json) -> Result<Vec<&'a Json>, String> {
    walk(&path.steps, vec![if path.rooted { root } else { at }], root)
}

fn walk<'a>(steps: &[Step], mut found: Vec<&'a Json>, root: &'a Json) -> Result<Vec<&'a Json>, String> {
    for step in steps {
        let mut next = Vec::new();
        if let Step::Union(parts) = step {
            for part in parts {
                next.extend(walk(part, found.clone(), root)?);
            }
        } else {
            for value in found {
                take(step, value, root, &mut next)?;
            }
        }
        found = next;
    }
    Ok(found)
}

fn take<'a>(step: &Step, value: &'a Json, root: &'a Json, out: &mut Vec<&'a Json>) -> Result<(), String> {
    match step {
        Step::Field(name) => out.extend(value.as_object().and_then(|map| map.get(name))),
        Step::All => out.extend(children(value)),
        Step::Deep => deep(value, out),
        Step::Index(_) if value.is_null() => {}
        Step::Index(index) => {
            let list = list(value)?;
            out.push(place(*index, list.len()).and_then(|place| list.get(place)).ok_or_else(|| beyond(*index, list.len()))?);
        }
        Step::Union(_) => {}
        Step::Slice { start, end, step } => out.extend(slice(list(value)?, (*start, *end, *step))?),
        Step::Filter(filter) => {
            for item in list(value)? {
                if passes(filter, item, root)? {
                    out.push(item);
                }
            }
        }
    }
    Ok(())
}

fn children(value: &Json) -> Vec<&Json> {
    match value {
        Json::Array(items) => items.iter().collect(),
        Json::Object(map) => go::json::sorted(map).into_iter().map(|(_, item)| item).collect(),
        _ => Vec::new(),
    }
}

fn deep<'a>(value: &'a Json, out: &mut Vec<&'a Json>) {
    let children = children(value);
    if !children.is_empty() {
        out.push(value);
        children.into_iter().for_each(|child| deep(child, out));
    }
}

fn list(value: &Json) -> Result<&[Json], String> {
    let kind = match value {
        Json::Array(items) => return Ok(items),
        // what is not there has no items
        Json::Null => return Ok(&[]),
        Json::Object(_) => "a mapping",
        Json::String(_) => "a text",
        Json::Number(_) => "a number",
        Json::Bool(_) => "true or false",
    };
    Err(format!("{kind} is no list, and [ ] takes items of a list"))
}

/// The place of an index; negative ones count from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn beyond(index: i64, length: usize) -> String {
    format!("index {index} is out of bounds: the list has {length} items")
}

fn slice(items: &[Json], (start, end, step): (Option<i64>, Option<i64>, Option<i64>)) -> Result<Vec<&Json>, String> {
    let length = items.len();
    let bound = |given: i64| place(given, length).ok_or_else(|| beyond(given, length));
    let first = start.map_or(Ok(0), bound)?;
    let last = end.map_or(Ok(length), bound)?;
    let step = match step.unwrap_or(1) {
        step @ 1.. => usize::try_from(step).unwrap_or(usize::MAX),
        step => return Err(format!("a step must be above 0, not {step}")),
    };
    if first == last {
        return Ok(Vec::new());
    }
    if first >= length {
        return Err(beyond(start.unwrap_or_default(), length));
    }
    if last > length {
        return Err(beyond(end.unwrap_or_default() - 1, length));
    }
    if first > last {
        return Err(format!("the first index {first} is greater than the last {last}"));
    }
    Ok(items[first..last].iter().step_by(step).collect())
}

fn passes(filter: &Filter, item: &Json, root: &Json) -> Result<bool, String> {
    let left = operand(&filter.left, item, root)?;
    let Some((operator, right)) = &filter.than else { return Ok(!left.is_empty()) };
    let right = operand(right, item, root)?;
    match (&left[..], &right[..]) {
        ([], _) | (_, []) => Ok(false),
        ([left], [right]) => compare(left, *operator, right),
        _ => Err("a filter compares one value with one value, and here are several".into()),
    }
}

fn operand<'a>(operand: &'a Operand, item: &'a Json, root: &'a Json) -> Result<Vec<&'a Json>, String> {
    match operand {
        Operand::Value(value) => Ok(vec![value]),
        Operand::Path(path) => find(path, item, root),
    }
}

fn compare(left: &Json, operator: Operator, right: &Json) -> Result<bool, String> {
    let order = match (left, right) {
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Bool(a), Json::Bool(b)) if matches!(operator, Operator::Equal | Operator::Unequal) => a.cmp(b),
        // whole numbers and fractions are different kinds
        (Json::Number(a), Json::Number(b)) if a.is_f64() == b.is_f64() => number(a).total_cmp(&number(b)),
        _ => return Err(format!("{} and {} cannot be compared; texts stand in quotes, numbers do not", text(left), text(right))),
    };
    Ok(match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::Unequal => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
    })
}

fn number(number: &serde_json::Number) -> f64 {
    number.as_f64().unwrap_or_default()
}
