//! Sets of field paths, as `fieldsV1` of `metadata.managedFields` writes them.

use std::collections::BTreeMap;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A set of paths, as a tree. The edges are path elements in their serialized form: `f:name`, `k:{"name":"x"}`,
/// `v:"item"`; the paths of the set are the nodes marked as members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<String, FieldSet>,
}

/// A path: serialized elements from the root.
pub(crate) type Path = Vec<String>;

/// The path element of a named field.
pub(crate) fn field(name: &str) -> String {
    format!("f:{name}")
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(FieldSet::is_empty)
    }

    pub(crate) fn insert(&mut self, path: &[String]) {
        let mut node = self;
        for element in path {
            node = node.children.entry(element.clone()).or_default();
        }
        node.member = true;
    }

    #[cfg(test)]
    pub(crate) fn has(&self, path: &[&str]) -> bool {
        let mut node = self;
        for element in path {
            match node.children.get(*element) {
                Some(child) => node = child,
                None => return false,
            }
        }
        node.member
    }

    pub(crate) fn union(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.clone();
        out.add(other);
        out
    }

    pub(crate) fn add(&mut self, other: &FieldSet) {
        self.member |= other.member;
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().add(child);
        }
    }

    pub(crate) fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet { member: self.member && other.member, ..FieldSet::default() };
        for (element, child) in &self.children {
            if let Some(theirs) = other.children.get(element) {
                let both = child.intersection(theirs);
                if !both.is_empty() {
                    out.children.insert(element.clone(), both);
                }
            }
        }
        out
    }

    /// The paths of `self` that are not in `other`.
    pub(crate) fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet { member: self.member && !other.member, ..FieldSet::default() };
        for (element, child) in &self.children {
            let rest = match other.children.get(element) {
                Some(theirs) => child.difference(theirs),
                None => child.clone(),
            };
            if !rest.is_empty() {
                out.children.insert(element.clone(), rest);
            }
        }
        out
    }

    /// Takes the paths of `other` out.
    pub(crate) fn subtract(&mut self, other: &FieldSet) {
        self.member &= !other.member;
        for (element, theirs) in &other.children {
            if let Some(child) = self.children.get_mut(element) {
                child.subtract(theirs);
                if child.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// Removes the paths at and under `path`.
    pub(crate) fn remove_tree(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.children.remove(*last);
            }
            [first, rest @ ..] => {
                if let Some(child) = self.children.get_mut(*first) {
                    child.remove_tree(rest);
                    if child.is_empty() {
                        self.children.remove(*first);
                    }
                }
            }
        }
    }

    /// Unmarks one path, keeping what is under it.
    pub(crate) fn unmark(&mut self, path: &[&str]) {
        match path {
            [] => self.member = false,
            [first, rest @ ..] => {
                if let Some(child) = self.children.get_mut(*first) {
                    child.unmark(rest);
                    if child.is_empty() {
                        self.children.remove(*first);
                    }
                }
            }
        }
    }

    /// Every path, in order.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        if self.member {
            out.push(Vec::new());
        }
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Path, out: &mut Vec<Path>) {
        // first what ends here, then what goes on, as Go's sets are walked
        for (element, child) in &self.children {
            if child.member {
                prefix.push(element.clone());
                out.push(prefix.clone());
                prefix.pop();
            }
        }
        for (element, child) in &self.children {
            prefix.push(element.clone());
            child.collect(prefix, out);
            prefix.pop();
        }
    }

    #[cfg(test)]
    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(FieldSet { member: false, ..self.clone() }).expect("a map")
    }

    /// Reads `fieldsV1`: a map as clients send it, or its text as it is stored.
    pub(crate) fn read(fields: &Value) -> FieldSet {
        let mut set: FieldSet = match fields {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            map => FieldSet::deserialize(map).map(FieldSet::canonical).unwrap_or_default(),
        };
        set.member = false;
        set
    }

    /// With elements in the one spelling that this module produces.
    fn canonical(self) -> FieldSet {
        let children = self.children.into_iter().map(|(element, child)| (canonical(&element), child.canonical()));
        FieldSet { member: self.member, children: children.collect() }
    }
}

impl Serialize for FieldSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let children = || self.children.iter().filter(|(_, child)| !child.is_empty());
        let mut map = serializer.serialize_map(None)?;
        if self.member && children().next().is_some() {
            map.serialize_entry(".", &Map::new())?;
        }
        for (element, child) in children() {
            map.serialize_entry(element, child)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FieldSet, D::Error> {
        struct Nodes;
        impl<'de> Visitor<'de> for Nodes {
            type Value = FieldSet;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of path elements")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldSet, A::Error> {
                let mut out = FieldSet::default();
                while let Some(element) = map.next_key::<String>()? {
                    let child = map.next_value::<FieldSet>()?;
                    if element == "." {
                        out.member = true;
                    } else {
                        out.children.insert(element, child);
                    }
                }
                out.member |= out.children.is_empty();
                Ok(out)
            }
        }
        deserializer.deserialize_map(Nodes)
    }
}

/// Rewrites `k:` and `v:` elements in the one spelling that this module produces.
fn canonical(element: &str) -> String {
    let Some((kind @ ("k" | "v"), json)) = element.split_once(':') else { return element.to_owned() };
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(map)) if kind == "k" => key_element(map.iter().map(|(k, v)| (k.as_str(), v))),
        Ok(value) => format!("{kind}:{value}"),
        Err(_) => element.to_owned(),
    }
}

/// The path element of an item of an associative list: its key fields, sorted.
pub(crate) fn key_element<'a>(keys: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by_key(|(name, _)| *name);
    let inner: Vec<String> = keys.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
    format!("k:{{{}}}", inner.join(","))
}

/// A path as messages show it: `.spec.containers[name="app"].image`.
pub(crate) fn display(path: &[String]) -> String {
    let mut out = String::new();
    for element in path {
        match element.split_once(':') {
            Some(("f", name)) => {
                out.push('.');
                out.push_str(name);
            }
            Some(("k", json)) => {
                let keys: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
                let mut keys: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                keys.sort();
                out.push_str(&format!("[{}]", keys.join(",")));
            }
            Some(("v", json)) => out.push_str(&format!("[={json}]")),
            _ => out.push_str(&format!("[{element}]")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_round_trip() {
        let set = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {"v:\"a\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}});
        let parsed = FieldSet::read(&set);
        assert!(parsed.has(&["f:metadata", "f:labels"]));
        assert!(!parsed.has(&["f:metadata"]));
        assert_eq!(parsed.to_json(), set);
        assert_eq!(display(&parsed.paths()[4]), ".spec.ports[port=80,protocol=\"TCP\"].port");
    }

    #[test]
    fn algebra() {
        let a = FieldSet::read(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let b = FieldSet::read(&json!({"f:a": {"f:b": {}}}));
        assert_eq!(a.difference(&b).to_json(), json!({"f:a": {}, "f:c": {}}));
        assert_eq!(a.intersection(&b).to_json(), json!({"f:a": {"f:b": {}}}));
        assert_eq!(b.union(&a), a);
    }
}
