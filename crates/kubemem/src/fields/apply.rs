//! Server-side apply and the tracking of ordinary updates.

use serde_json::Value;

use super::managed::{Entry, Managers, Operation};
use super::set::{FieldSet, Path};
use super::typed::{Comparison, compare, equal, merge, remove, to_set, with_named_parents};
use crate::schema::Schema;

/// A field that an apply would take from somebody.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    pub(crate) owner: Entry,
    pub(crate) path: Path,
}

/// The object that an apply makes, and its managers.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) object: Value,
    pub(crate) managers: Managers,
}

/// Fields that nobody owns: the server's own.
const SERVER_FIELDS: [&[&str]; 11] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:resourceVersion"],
    &["f:metadata", "f:managedFields"],
];

fn strip(set: &mut FieldSet) {
    for path in SERVER_FIELDS {
        set.unmark(path);
    }
}

fn without_managed_fields(object: &Value) -> Value {
    let mut out = object.clone();
    if let Some(meta) = out.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
    }
    out
}

/// Applies `config` as the manager of `entry` (its set is ignored). `ignored` are fields this endpoint never writes.
pub(crate) fn apply(
    live: &Value,
    config: &Value,
    schema: &Schema,
    entry: Entry,
    ignored: &dyn Fn(&mut FieldSet),
    force: bool,
) -> Result<Outcome, Vec<Conflict>> {
    let mut managers = Managers::of(live);
    if managers.entries.is_empty() && live.get("metadata").is_some_and(|m| m.get("uid").is_some()) {
        managers.entries.push(before_first_apply(live, schema, &entry));
    }
    let live = without_managed_fields(live);
    let config = without_managed_fields(config);
    let merged = merge(Some(&live), Some(&config), schema).unwrap_or(Value::Null);
    let mut set = to_set(&config, schema);
    ignored(&mut set);
    strip(&mut set);
    let position = managers.position(&entry);
    let last = position.map(|i| managers.entries[i].set.clone());
    let at = position.unwrap_or_else(|| {
        managers.entries.push(Entry { time: None, ..entry.clone() });
        managers.entries.len() - 1
    });
    managers.entries[at].set = set;
    managers.entries[at].api_version = entry.api_version.clone();
    let object = match last.filter(|last| !last.is_empty()) {
        Some(last) => prune(&merged, &managers, &last, schema),
        None => merged,
    };
    take(&live, &object, schema, &mut managers, Some(at), ignored, force)?;
    // an apply that changes nothing leaves the time as it was, even if that is none
    if !equal(&live, &object)
        && let Some(at) = managers.position(&entry)
    {
        managers.entries[at].time = entry.time;
    }
    Ok(Outcome { object, managers })
}

/// The managers after an ordinary write from `old` to `new`, by the manager of `entry`; those of `old` if none are given.
pub(crate) fn update(old: &Value, new: &Value, schema: &Schema, entry: Entry, given: Option<Managers>) -> Managers {
    let comparison = changes(old, new, schema);
    let mut set = comparison.modified.union(&comparison.added);
    let mut managers = given.unwrap_or_else(|| {
        // only those with a field at the top that changed can lose one
        let tops: Vec<String> = set.children.keys().chain(comparison.removed.children.keys()).map(|top| format!("\"{top}\"")).collect();
        Managers::reading(old, |other| {
            other.same_manager(&entry) || other.text.as_ref().is_some_and(|text| tops.iter().any(|top| text.contains(top)))
        })
    });
    disown(&mut managers, None, &set, &comparison.removed);
    strip(&mut set);
    if !set.is_empty() {
        match managers.position(&entry) {
            Some(at) => {
                managers.entries[at].set.add(&set);
                managers.entries[at].time = entry.time;
            }
            None => managers.entries.push(Entry { set, ..entry }),
        }
    }
    managers.entries.retain(|entry| !entry.is_empty());
    managers
}

/// Objects from before ownership was tracked belong to a manager of this name.
fn before_first_apply(live: &Value, schema: &Schema, entry: &Entry) -> Entry {
    let mut set = compare(&Value::Object(Default::default()), live, schema).added;
    strip(&mut set);
    set.member = false;
    Entry {
        manager: "before-first-apply".into(),
        operation: Operation::Update,
        subresource: String::new(),
        time: entry.time.clone(),
        set,
        ..entry.clone()
    }
}

/// Takes the fields that changed from their owners; without `force`, owners other than `acting` are conflicts.
fn take(
    old: &Value,
    new: &Value,
    schema: &Schema,
    managers: &mut Managers,
    acting: Option<usize>,
    ignored: &dyn Fn(&mut FieldSet),
    force: bool,
) -> Result<(), Vec<Conflict>> {
    let mut comparison = changes(old, new, schema);
    for set in [&mut comparison.added, &mut comparison.modified, &mut comparison.removed] {
        ignored(set);
    }
    let touched = comparison.modified.union(&comparison.added);
    if !force {
        let mut conflicts = Vec::new();
        for (_, entry) in managers.entries.iter().enumerate().filter(|(i, _)| Some(*i) != acting) {
            let taken = entry.set.intersection(&touched);
            conflicts.extend(taken.paths().into_iter().map(|path| Conflict { owner: entry.clone(), path }));
        }
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
    }
    disown(managers, acting, &touched, &comparison.removed);
    Ok(())
}

fn changes(old: &Value, new: &Value, schema: &Schema) -> Comparison {
    let mut comparison = compare(old, new, schema);
    for set in [&mut comparison.added, &mut comparison.modified, &mut comparison.removed] {
        set.member = false;
    }
    comparison
}

/// Takes fields from all managers but the acting one.
fn disown(managers: &mut Managers, acting: Option<usize>, touched: &FieldSet, removed: &FieldSet) {
    for (_, entry) in managers.entries.iter_mut().enumerate().filter(|(i, _)| Some(*i) != acting) {
        entry.set.subtract(touched);
        entry.set.subtract(removed);
    }
    managers.entries.retain(|entry| !entry.is_empty());
}

/// Removes what the manager applied before and does not apply any more, unless somebody else owns it.
fn prune(merged: &Value, managers: &Managers, last: &FieldSet, schema: &Schema) -> Value {
    let parents = |set: &FieldSet| with_named_parents(set, schema);
    let last = parents(last);
    let merged_set = parents(&to_set(merged, schema));
    let pruned = remove(merged, &last, schema).unwrap_or(Value::Null);
    let managed = managers.entries.iter().fold(FieldSet::default(), |all, entry| all.union(&entry.set));
    let kept = parents(&to_set(&pruned, schema)).union(&parents(&managed));
    let pruned = remove(merged, &merged_set.difference(&kept), schema).unwrap_or(Value::Null);
    let pruned_set = parents(&to_set(&pruned, schema));
    remove(merged, &merged_set.difference(&pruned_set).intersection(&last), schema).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::gvk_schema;
    use serde_json::json;

    fn entry(manager: &str, operation: Operation) -> Entry {
        Entry {
            manager: manager.into(),
            operation,
            api_version: "v1".into(),
            subresource: String::new(),
            time: Some("2026-01-01T00:00:00Z".into()),
            ..Entry::default()
        }
    }

    fn run(live: &Value, config: &Value, manager: &str, force: bool) -> Result<Value, Vec<String>> {
        let schema = gvk_schema("", "v1", "ConfigMap").expect("built in");
        apply(live, config, &schema, entry(manager, Operation::Apply), &|_| {}, force)
            .map(|outcome| {
                let mut object = outcome.object;
                outcome.managers.write(&mut object);
                object
            })
            .map_err(|conflicts| conflicts.iter().map(|c| format!("{} {}", c.owner.manager, super::super::display(&c.path))).collect())
    }

    #[test]
    fn fields_that_are_not_applied_any_more_go() {
        let empty = json!({});
        let config = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data});
        let live = run(&empty, &config(json!({"a": "1", "b": "2"})), "one", false).expect("no conflict");
        assert_eq!(live["metadata"]["managedFields"][0]["fieldsV1"], "{\"f:data\":{\"f:a\":{},\"f:b\":{}}}");
        let shared = run(&live, &config(json!({"a": "1"})), "two", false).expect("the same value is no conflict");
        assert_eq!(shared["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
        assert_eq!(run(&live, &config(json!({"a": "3"})), "two", false), Err(vec!["one .data.a".to_owned()]));
        let forced = run(&live, &config(json!({"a": "3"})), "two", true).expect("forced");
        assert_eq!(forced["data"], json!({"a": "3", "b": "2"}));
        let gone = run(&shared, &config(json!({})), "one", false).expect("no conflict");
        assert_eq!(gone["data"], json!({"a": "1"}), "a is still owned by two, b by nobody");
        let last = run(&live, &config(json!({"b": "2"})), "one", false).expect("no conflict");
        assert_eq!(last["data"], json!({"b": "2"}));
    }

    #[test]
    fn updates_take_ownership() {
        let schema = gvk_schema("", "v1", "ConfigMap").expect("built in");
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}});
        let live = run(&json!({}), &config, "one", false).expect("no conflict");
        let mut new = live.clone();
        new["data"]["a"] = "9".into();
        let managers = update(&live, &new, &schema, entry("kubectl", Operation::Update), None);
        let mut written = new.clone();
        managers.write(&mut written);
        let sets: Vec<_> = Managers::of(&written).entries.into_iter().map(|e| (e.manager, e.set.to_json())).collect();
        assert_eq!(sets, [("one".to_owned(), json!({"f:data": {"f:b": {}}})), ("kubectl".to_owned(), json!({"f:data": {"f:a": {}}}))]);
    }
}
