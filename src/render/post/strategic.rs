//! Strategic merge patches, as kustomize applies them: maps merge, `null` removes, lists of Kubernetes' own kinds merge by their keys,
//! all other lists are replaced.

use super::keys::{List, Type, field};
use crate::object::Json;
use serde_json::Map;

/// What a patch asks for besides its fields.
const DIRECTIVE: &str = "$patch";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges a patch into an object. `None` where the patch deletes it.
///
/// # Errors
/// One sentence: the field, and what is wrong with the patch there.
pub(super) fn merge(of: Type, object: Json, patch: &Json) -> Result<Option<Json>, String> {
    value(of, List::Replaced, Some(object), patch, "")
}

/// Merges a patch's value into what is there.
fn value(of: Type, list: List, there: Option<Json>, patch: &Json, path: &str) -> Result<Option<Json>, String> {
    // A null in an object is as good as absent.
    let there = there.filter(|v| !v.is_null());
    match (there, patch) {
        (_, Json::Null) => Ok(None),
        (Some(Json::Object(there)), Json::Object(patch)) => map(of, there, patch, path),
        (None, Json::Object(patch)) => match directive(patch, path)? {
            Directive::Delete => Ok(None),
            _ => map(of, Map::new(), patch, path),
        },
        (Some(Json::Array(there)), Json::Array(patch)) => items(of, list, there, patch, path),
        (None, Json::Array(patch)) => items(of, list, Vec::new(), patch, path),
        (Some(Json::Object(_)), _) => Err(mismatch(path, "a map", patch)),
        (Some(Json::Array(_)), _) => Err(mismatch(path, "a list", patch)),
        (Some(_), Json::Object(_) | Json::Array(_)) => Err(mismatch(path, "a plain value", patch)),
        (_, plain) => Ok(Some(plain.clone())),
    }
}

fn mismatch(path: &str, there: &str, patch: &Json) -> String {
    let what = match patch {
        Json::Object(_) => "a map",
        Json::Array(_) => "a list",
        _ => "a plain value",
    };
    format!("{} is {there}, and the patch has {what} for it", if path.is_empty() { "the object" } else { path })
}

fn map(of: Type, mut there: Map<String, Json>, patch: &Map<String, Json>, path: &str) -> Result<Option<Json>, String> {
    match directive(patch, path)? {
        Directive::Delete => return Ok(None),
        Directive::Replace => there.clear(),
        Directive::Merge => {}
    }
    for (key, wanted) in patch.iter().filter(|(key, _)| *key != DIRECTIVE) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if key.starts_with("$setElementOrder/") || key.starts_with("$deleteFromPrimitiveList/") || key == "$retainKeys" {
            return Err(format!("{path}: kustomize does not know this directive; take it out of the patch"));
        }
        let (of, list) = field(of, key);
        match value(of, list, there.remove(key), wanted, &path)? {
            Some(merged) => drop(there.insert(key.clone(), merged)),
            None => drop(there.remove(key)),
        }
    }
    Ok(Some(Json::Object(there)))
}

fn directive(patch: &Map<String, Json>, path: &str) -> Result<Directive, String> {
    match patch.get(DIRECTIVE) {
        None => Ok(Directive::Merge),
        Some(word) => match word.as_str() {
            Some("merge") => Ok(Directive::Merge),
            Some("replace") => Ok(Directive::Replace),
            Some("delete") => Ok(Directive::Delete),
            _ => Err(format!("{}$patch is {word}; it can be merge, replace or delete", if path.is_empty() { "" } else { path })),
        },
    }
}

fn items(of: Type, list: List, there: Vec<Json>, patch: &[Json], path: &str) -> Result<Option<Json>, String> {
    let merged = match list {
        List::Replaced => patch.to_vec(),
        // What the patch brings comes first, as in kustomize.
        List::Set => {
            let mut out: Vec<Json> = Vec::new();
            for item in patch.iter().chain(&there) {
                if !out.contains(item) {
                    out.push(item.clone());
                }
            }
            out
        }
        List::Keyed(keys) => {
            let alone = |item: &&Json| item.as_object().is_some_and(|map| map.len() == 1 && map.contains_key(DIRECTIVE));
            let whole = patch.iter().find(alone).and_then(Json::as_object).map(|map| directive(map, path)).transpose()?;
            let patch: Vec<&Json> = patch.iter().filter(|item| !alone(item)).collect();
            match whole {
                Some(Directive::Delete) => return Ok(None),
                Some(Directive::Replace) => keyed(of, keys, Vec::new(), &patch, path)?,
                _ => keyed(of, keys, there, &patch, path)?,
            }
        }
    };
    Ok(Some(Json::Array(merged)))
}

fn keyed(of: Type, keys: &[&str], there: Vec<Json>, patch: &[&Json], path: &str) -> Result<Vec<Json>, String> {
    // Keys that nothing has do not count.
    let used: Vec<&str> =
        keys.iter().copied().filter(|key| there.iter().chain(patch.iter().copied()).any(|item| key_of(item, key).is_some())).collect();
    let mut there: Vec<Option<Json>> = there.into_iter().map(Some).collect();
    // At which place of the list that is there an item of the patch belongs.
    let mut placed: Vec<(Option<usize>, Option<Json>)> = Vec::new();
    for (index, wanted) in patch.iter().enumerate() {
        let here = format!("{path}[{index}]");
        if !used.iter().any(|key| key_of(wanted, key).is_some()) {
            return Err(format!("{here} has no {}, by which this list is merged", keys.join(" or ")));
        }
        let at = there.iter().position(|item| item.as_ref().is_some_and(|item| same(item, wanted, &used)));
        let old = at.and_then(|at| there[at].take());
        let lost = old.clone();
        let mut new = value(of, List::Replaced, old, wanted, &here)?.filter(|v| v.as_object().is_none_or(|map| !map.is_empty()));
        // A key that only the other had is one of both.
        if let (Some(Json::Object(new)), Some(lost)) = (&mut new, &lost) {
            for key in &used {
                if let (false, Some(value)) = (new.contains_key(*key), lost.get(*key)) {
                    new.insert((*key).to_owned(), value.clone());
                }
            }
        }
        placed.push((at, new));
    }
    // With one key the patch's items come first, in its order; with several only those that are new do, as in kustomize.
    let (mut first, mut rest): (Vec<Json>, Vec<Option<Json>>) = (Vec::new(), there);
    for (at, new) in placed {
        match at {
            Some(at) if used.len() > 1 => rest[at] = new,
            _ => first.extend(new),
        }
    }
    first.extend(rest.into_iter().flatten());
    Ok(first)
}

fn key_of<'a>(item: &'a Json, key: &str) -> Option<&'a Json> {
    item.get(key).filter(|v| !v.is_null() && **v != "")
}

/// Whether two items are one: at least one key is the same, and none differs.
fn same(a: &Json, b: &Json, keys: &[&str]) -> bool {
    let mut common = false;
    for key in keys {
        match (key_of(a, key), key_of(b, key)) {
            (Some(a), Some(b)) if text(a) == text(b) => common = true,
            (Some(_), Some(_)) => return false,
            _ => {}
        }
    }
    common
}

/// Keys are compared as they are written: 80 and "80" are one.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
