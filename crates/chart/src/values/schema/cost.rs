//! How much work a schema asks for, looked at before the work is begun: references may go round in circles, and
//! a few of them may branch into more subschemas than there is time for.

use std::collections::HashMap;

use super::Json;
use crate::go::quote;

/// Subschemas held against values.
const MAX_VISITS: usize = 1_000_000;
/// Subschemas within subschemas.
const MAX_DEPTH: usize = 2_000;

/// An error where checking the values against the schema would take too long, or never end.
pub(super) fn check(schema: &Json, values: &Json) -> Result<(), String> {
    let mut walk = Walk { root: schema, named: HashMap::new(), left: MAX_VISITS, here: Vec::new() };
    walk.collect_names(schema);
    walk.visit(schema, values, &mut String::new(), 0)
}

struct Walk<'s> {
    root: &'s Json,
    /// Subschemas by `$id` and `$anchor`.
    named: HashMap<&'s str, &'s Json>,
    left: usize,
    /// The subschemas that hold the same value at this moment, each with where it stands.
    here: Vec<(*const Json, String)>,
}

impl<'s> Walk<'s> {
    fn collect_names(&mut self, schema: &'s Json) {
        match schema {
            Json::Object(map) => {
                for key in ["$id", "id", "$anchor", "$dynamicAnchor"] {
                    if let Some(Json::String(name)) = map.get(key) {
                        self.named.insert(name.trim_start_matches('#'), schema);
                    }
                }
                map.values().for_each(|value| self.collect_names(value));
            }
            Json::Array(items) => items.iter().for_each(|item| self.collect_names(item)),
            _ => {}
        }
    }

    fn resolve(&self, reference: &str) -> Option<&'s Json> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = match base {
            "" => self.root,
            base => *self.named.get(base)?,
        };
        if fragment.is_empty() {
            return Some(root);
        }
        if !fragment.starts_with('/') {
            return self.named.get(fragment).copied();
        }
        root.pointer(&fragment.replace("%25", "%").replace("%24", "$"))
    }

    fn visit(&mut self, schema: &'s Json, value: &Json, path: &mut String, depth: usize) -> Result<(), String> {
        let too_much = || format!("- at '': checking the values takes more than {MAX_VISITS} steps\n");
        let Json::Object(map) = schema else { return Ok(()) };
        self.left = self.left.checked_sub(1 + map.len() / 4).ok_or_else(too_much)?;
        if depth > MAX_DEPTH {
            return Err(format!("- at '': the schema is nested more than {MAX_DEPTH} levels deep\n"));
        }
        if let Some((_, first)) = self.here.iter().find(|(seen, _)| std::ptr::eq(*seen, schema)) {
            let url = quote::quote("file:///values.schema.json#");
            return Err(format!("- at '': both {path} and {first} resolve to {url} causing reference cycle\n"));
        }
        self.here.push((schema, path.clone()));
        let back = path.len();
        for (key, sub) in map {
            path.push('/');
            path.push_str(key);
            self.keyword(key, sub, value, path, depth)?;
            path.truncate(back);
        }
        self.here.pop();
        Ok(())
    }

    fn keyword(&mut self, key: &str, sub: &'s Json, value: &Json, path: &mut String, depth: usize) -> Result<(), String> {
        let depth = depth + 1;
        match (key, sub) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Json::String(reference)) => match self.resolve(reference) {
                Some(target) => self.visit(target, value, path, depth),
                None => Ok(()),
            },
            ("allOf" | "anyOf" | "oneOf", Json::Array(all)) => all.iter().try_for_each(|one| self.visit(one, value, path, depth)),
            ("not" | "if" | "then" | "else", one) => self.visit(one, value, path, depth),
            ("dependentSchemas" | "dependencies", Json::Object(all)) => {
                all.values().try_for_each(|one| self.visit(one, value, path, depth))
            }
            _ => {
                // What follows is about other values, which may meet the same subschemas again.
                let here = std::mem::take(&mut self.here);
                let done = self.below(key, sub, value, path, depth);
                self.here = here;
                done
            }
        }
    }

    fn below(&mut self, key: &str, sub: &'s Json, value: &Json, path: &mut String, depth: usize) -> Result<(), String> {
        match (key, sub, value) {
            ("properties", Json::Object(all), Json::Object(values)) => {
                all.iter().filter_map(|(name, one)| Some((one, values.get(name)?))).try_for_each(|(one, v)| self.visit(one, v, path, depth))
            }
            ("patternProperties", Json::Object(all), Json::Object(values)) => {
                all.values().try_for_each(|one| values.values().try_for_each(|v| self.visit(one, v, path, depth)))
            }
            ("additionalProperties" | "unevaluatedProperties", one, Json::Object(values)) => {
                values.values().try_for_each(|v| self.visit(one, v, path, depth))
            }
            ("items" | "prefixItems", Json::Array(all), Json::Array(values)) => {
                all.iter().zip(values).try_for_each(|(one, v)| self.visit(one, v, path, depth))
            }
            ("items" | "additionalItems" | "contains" | "unevaluatedItems", one, Json::Array(values)) => {
                values.iter().try_for_each(|v| self.visit(one, v, path, depth))
            }
            _ => Ok(()),
        }
    }
}
