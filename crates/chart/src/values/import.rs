//! `import-values`: values of a sub-chart that its parent takes over.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::json;

use super::coalesce::{Nulls, combine, tables};
use super::dependency::Unit;
use super::tree::{self, MapRef, Node, deep_copy, new_map};
use super::{ValuesError, Work};
use crate::Json;
use crate::chart::Dependency;

/// Imports from the deepest charts up. Nulls are kept, as `helm template`, `install` and `upgrade` keep them.
pub(super) fn process(unit: &Rc<Unit>, work: &mut Work, warnings: &mut Vec<String>) -> Result<(), ValuesError> {
    walk(unit, &mut HashSet::new(), work, warnings)
}

/// Parts of a dotted path, each of which becomes a table within the one before.
const MAX_PARTS: usize = 500;

/// Requirements that were looked at, by address.
type Seen = HashSet<*const RefCell<Dependency>>;

fn walk(unit: &Rc<Unit>, seen: &mut Seen, work: &mut Work, warnings: &mut Vec<String>) -> Result<(), ValuesError> {
    for sub in unit.deps() {
        walk(&sub, seen, work, warnings)?;
    }
    import_into(unit, seen, work, warnings)
}

fn import_into(unit: &Rc<Unit>, seen: &mut Seen, work: &mut Work, warnings: &mut Vec<String>) -> Result<(), ValuesError> {
    let Some(requirements) = unit.requirements().clone() else { return Ok(()) };
    let own = combine(unit, &new_map(), Nulls::Keep, work, warnings)?;
    let imported = new_map();
    for req in requirements {
        let first_time = seen.insert(Rc::as_ptr(&req));
        let mut req = req.borrow_mut();
        if !first_time {
            // A chart used under two aliases shares its requirements, and Helm reads each of them once only.
            req.import_values.clear();
        }
        let mut done = Vec::new();
        for entry in std::mem::take(&mut req.import_values) {
            let (child, parent, from) = match &entry {
                Json::Object(map) => (text(map.get("child")), text(map.get("parent")), format!(" from chart {}", req.name)),
                Json::String(name) => (format!("exports.{name}"), ".".to_owned(), String::new()),
                _ => continue,
            };
            done.push(json!({"child": child, "parent": parent}));
            if parent.matches('.').count() > MAX_PARTS {
                return Err(ValuesError(format!("import-values of {}: the parent's path has more than {MAX_PARTS} parts", req.name)));
            }
            match tree::table(&own, &format!("{}.{child}", req.name)) {
                Ok(found) => tables(&imported, &nest(&parent, found), Nulls::Keep, work, warnings),
                Err(e) => warnings.push(format!("Warning: ImportValues missing table{from}: {e}")),
            }
        }
        req.import_values = done;
    }
    // What the parent says itself wins over what it imports.
    let own = deep_copy(&own);
    tables(&own, &imported, Nulls::Keep, work, warnings);
    unit.set_values(own);
    Ok(())
}

fn text(value: Option<&Json>) -> String {
    Node::from_json(value.unwrap_or(&Json::Null)).go_text()
}

/// The table below the dotted path.
fn nest(path: &str, table: MapRef) -> MapRef {
    if path == "." {
        // An empty table is replaced by a fresh one, so that nothing is shared with it.
        return if table.borrow().is_empty() { new_map() } else { table };
    }
    path.rsplit('.').fold(table, |below, part| {
        let map = new_map();
        tree::put(&map, part, Node::Map(below));
        map
    })
}
