//! User values over chart values, globals from above, null deletes: Helm's CoalesceValues and MergeValues.

use std::rc::Rc;

use super::ValuesError;
use super::dependency::Unit;
use super::tree::{self, MapRef, Node, entries, get, new_map, put, shallow_copy};
use super::work::Work;

const GLOBAL: &str = "global";

/// Whether null values survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Merge: they do.
    Keep,
    /// Coalesce: a null over a value deletes both.
    Delete,
}

/// The final values of a chart and its sub-charts.
pub(crate) fn coalesce_values(
    unit: &Rc<Unit>,
    values: &MapRef,
    work: &mut Work,
    warnings: &mut Vec<String>,
) -> Result<MapRef, ValuesError> {
    combine(unit, values, Nulls::Delete, work, warnings)
}

pub(super) fn combine(
    unit: &Rc<Unit>,
    values: &MapRef,
    nulls: Nulls,
    work: &mut Work,
    warnings: &mut Vec<String>,
) -> Result<MapRef, ValuesError> {
    work.take(values)?;
    let dest = tree::deep_copy(values);
    Coalescer { warnings, work }.unit(unit, &dest, "", nulls)?;
    work.take(&dest)?;
    Ok(dest)
}

/// Fills `dst` from `src`: what `dst` has, wins.
pub(super) fn tables(dst: &MapRef, src: &MapRef, nulls: Nulls, work: &mut Work, warnings: &mut Vec<String>) {
    Coalescer { warnings, work }.tables(dst, src, "", nulls);
}

struct Coalescer<'a> {
    work: &'a mut Work,
    warnings: &'a mut Vec<String>,
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

impl Coalescer<'_> {
    fn warn(&mut self, text: String) {
        if self.work.warns(&text) {
            self.warnings.push(text);
        }
    }

    fn unit(&mut self, unit: &Rc<Unit>, dest: &MapRef, prefix: &str, nulls: Nulls) -> Result<(), ValuesError> {
        if let Some(defaults) = unit.values() {
            self.work.take(&defaults)?;
        }
        self.own_values(unit, dest, prefix, nulls);
        self.sub_charts(unit, dest, prefix, nulls)
    }

    fn sub_charts(&mut self, unit: &Rc<Unit>, dest: &MapRef, prefix: &str, nulls: Nulls) -> Result<(), ValuesError> {
        for sub in unit.deps() {
            let name = sub.name();
            let below = match get(dest, &name) {
                None => {
                    let fresh = new_map();
                    put(dest, &name, Node::Map(Rc::clone(&fresh)));
                    fresh
                }
                Some(Node::Map(map)) => map,
                Some(other) => return Err(ValuesError(format!("type mismatch on {name}: {}", verb_t(&other)))),
            };
            let prefix = join(prefix, &unit.name());
            self.globals(&below, dest, &prefix);
            self.unit(&sub, &below, &prefix, nulls)?;
        }
        Ok(())
    }

    fn globals(&mut self, dest: &MapRef, src: &MapRef, prefix: &str) {
        let to = match get(dest, GLOBAL) {
            None => new_map(),
            Some(Node::Map(map)) => map,
            Some(_) => return self.warn(format!("warning: skipping globals because destination {GLOBAL} is not a table.")),
        };
        let from = match get(src, GLOBAL) {
            None => new_map(),
            Some(Node::Map(map)) => map,
            Some(_) => return self.warn(format!("warning: skipping globals because source {GLOBAL} is not a table.")),
        };
        for (key, value) in entries(&from) {
            match (value, get(&to, &key)) {
                (Node::Map(map), None) => put(&to, &key, Node::Map(shallow_copy(&map))),
                (Node::Map(map), Some(Node::Map(below))) => {
                    let copy = shallow_copy(&map);
                    self.tables(&copy, &below, &join(prefix, &key), Nulls::Keep);
                    put(&to, &key, Node::Map(copy));
                }
                (Node::Map(_), Some(_)) => {
                    self.warn(format!("Conflict: cannot merge map onto non-map for {}. Skipping.", crate::go::quote::quote(&key)));
                }
                (_, Some(Node::Map(_))) => self.warn(format!("key {key} is table. Skipping")),
                (value, _) => put(&to, &key, value),
            }
        }
        put(dest, GLOBAL, Node::Map(to));
    }

    fn own_values(&mut self, unit: &Rc<Unit>, dest: &MapRef, prefix: &str, nulls: Nulls) {
        let prefix = join(prefix, &unit.name());
        let Some(defaults) = unit.values() else { return };
        for (key, default) in entries(&tree::deep_copy(&defaults)) {
            match get(dest, &key) {
                None => put(dest, &key, default),
                Some(Node::Null) if nulls == Nulls::Delete => {
                    dest.borrow_mut().remove(&key);
                }
                Some(Node::Map(table)) => match default {
                    Node::Map(default) => {
                        // The values of a sub-chart keep their nulls until the sub-chart's own turn.
                        let nulls = if unit.deps().iter().any(|d| d.name() == key) { Nulls::Keep } else { nulls };
                        self.tables(&table, &default, &join(&prefix, &key), nulls);
                    }
                    Node::Null => {}
                    _ => self.warn(format!("warning: skipped value for {prefix}.{key}: Not a table.")),
                },
                Some(_) => {}
            }
        }
    }

    fn tables(&mut self, dst: &MapRef, src: &MapRef, prefix: &str, nulls: Nulls) {
        let had: Vec<String> = entries(src).into_iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
        for (key, value) in entries(dst) {
            if value.is_null() {
                put(src, &key, Node::Null);
            }
        }
        for (key, value) in entries(src) {
            let there = get(dst, &key);
            match (there, value) {
                (Some(Node::Null), _) if nulls == Nulls::Delete && had.contains(&key) => {
                    dst.borrow_mut().remove(&key);
                }
                (None, value) => put(dst, &key, value),
                (Some(Node::Map(dst)), Node::Map(src)) => self.tables(&dst, &src, &join(prefix, &key), nulls),
                (Some(_), table @ Node::Map(_)) => {
                    let text = table.go_text();
                    self.warn(format!("warning: cannot overwrite table with non table for {} ({text})", join(prefix, &key)));
                }
                (Some(Node::Map(_)), value) if !value.is_null() => {
                    let text = value.go_text();
                    self.warn(format!("warning: destination for {} is a table. Ignoring non-table value ({text})", join(prefix, &key)));
                }
                _ => {}
            }
        }
    }
}

/// Go's `%t` of a value, which is what Helm prints here.
fn verb_t(value: &Node) -> String {
    match value {
        Node::Bool(b) => b.to_string(),
        Node::Null => "%!t(<nil>)".to_owned(),
        Node::Int(i) => format!("%!t(int64={i})"),
        Node::Float(_) => format!("%!t(float64={})", value.go_text()),
        Node::Text(s) => format!("%!t(string={s})"),
        Node::List(items) => {
            let parts: Vec<String> = items.borrow().iter().map(verb_t).collect();
            format!("[{}]", parts.join(" "))
        }
        Node::Map(map) => {
            let text = |k: &String| format!("%!t(string={k})");
            let parts: Vec<String> = map.borrow().iter().map(|(k, v)| format!("{}:{}", text(k), verb_t(v))).collect();
            format!("map[{}]", parts.join(" "))
        }
    }
}
