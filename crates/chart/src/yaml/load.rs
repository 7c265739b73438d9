//! From the events of the YAML parser to a JSON tree.

use super::Error;
use super::parse::{Node, NodeKind, Tree};
use super::resolve::{Flavour, Resolved, resolve_tagged};
use crate::Json;
use crate::go::{json, num, quote};
use base64::Engine as _;
use serde_json::{Map, Number};
use std::collections::{HashMap, HashSet};

/// Levels of nesting that are read. goyaml stops at 10,000 (`max_flow_level` and `max_indents` in scannerc.go); this keeps
/// recursion over the tree within a small stack.
pub const MAX_DEPTH: usize = 500;

/// Reads the first document. Integers stay integers, all other numbers are floats, and the last of equal keys wins. `YAMLToJSON`
/// of sigs.k8s.io/yaml (yaml.go), over goyaml v2's `resolve` (resolve.go).
///
/// # Errors
/// Where the text is no YAML, has no form in JSON, or breaks a limit.
pub fn from_str(text: &str) -> Result<Json, Error> {
    Ok(decode(text, false, false)?.value)
}

/// As [`from_str`], but a repeated key is an error: `YAMLToJSONStrict` of sigs.k8s.io/yaml (yaml.go).
///
/// # Errors
/// As for [`from_str`], and where a key is repeated.
pub fn from_str_strict(text: &str) -> Result<Json, Error> {
    Ok(decode(text, true, false)?.value)
}

/// Reads a document that must be a mapping; an empty one gives an empty map. Helm's `fromYAML` (engine/funcs.go) reads so.
///
/// # Errors
/// As for [`from_str`], and where the document is no mapping.
pub fn map_from_str(text: &str) -> Result<Map<String, Json>, Error> {
    match from_str(text)? {
        Json::Object(map) => Ok(map),
        Json::Null => Ok(Map::new()),
        other => Err(wrong_kind(&other, "map[string]interface {}")),
    }
}

/// Reads a document that must be a list; an empty one gives an empty list. Helm's `fromYAMLArray` (engine/funcs.go) reads so.
///
/// # Errors
/// As for [`from_str`], and where the document is no list.
pub fn array_from_str(text: &str) -> Result<Vec<Json>, Error> {
    match from_str(text)? {
        Json::Array(items) => Ok(items),
        Json::Null => Ok(Vec::new()),
        other => Err(wrong_kind(&other, "[]interface {}")),
    }
}

fn wrong_kind(value: &Json, target: &str) -> Error {
    Error::WrongKind(format!("json: cannot unmarshal {} into Go value of type {target}", json::kind(value)))
}

/// A document and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned {
    /// The document.
    pub value: Json,
    /// One entry per key and list item, in document order. A repeated key is listed again; the last one holds.
    pub positions: Vec<Position>,
}

/// Where a value stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The line of its key or list item, counted from 1.
    pub line: u32,
}

/// Reads the first document as [`from_str`] does, with the line of every value in it. Values that come through an alias or a
/// merge key have the line of their anchor's text.
///
/// # Errors
/// As for [`from_str`].
pub fn from_str_spanned(text: &str) -> Result<Spanned, Error> {
    decode(text, false, true)
}

/// As [`from_str`], but entries of the root mapping that are not wanted may be left out. Their text is parsed all the
/// same; they are only left out where making values of them could not fail.
pub(crate) fn from_str_picked(text: &str, wanted: fn(&str) -> bool) -> Result<Json, Error> {
    let mut tree = Tree::parse(text)?;
    if let Some(root) = tree.root
        && let NodeKind::Mapping(children) = &tree.nodes[root].kind
        && !tree.nodes.iter().any(|node| matches!(node.kind, NodeKind::Alias { .. }))
    {
        // Nodes stand in the order of the text, so an entry is what stands before the next one.
        let ends = children.iter().copied().skip(2).step_by(2).chain([tree.nodes.len()]);
        let needed = children.chunks_exact(2).zip(ends).filter(|(pair, end)| {
            let skipped = matches!(&tree.nodes[pair[0]].kind, NodeKind::Scalar { text, .. } if !wanted(text));
            !(skipped && is_plain_key(&tree.nodes[pair[0]]) && (pair[1]..*end).all(|index| is_plain(&tree, index)))
        });
        let needed = needed.flat_map(|(pair, _)| pair).copied().collect();
        tree.nodes[root].kind = NodeKind::Mapping(needed);
    }
    Ok(decode_tree(&tree, false, false)?.value)
}

/// Whether a node of a tree without aliases has a value for sure, its children aside.
fn is_plain(tree: &Tree<'_>, index: usize) -> bool {
    match &tree.nodes[index].kind {
        NodeKind::Scalar { text, tag, implicit } => tag.is_empty() && (!implicit || is_plain_text(text)),
        NodeKind::Sequence(_) => true,
        NodeKind::Mapping(children) => children.iter().step_by(2).all(|key| is_plain_key(&tree.nodes[*key])),
        NodeKind::Alias { .. } => false,
    }
}

/// Not infinity, not a number, and no integer beyond 63 bits.
fn is_plain_text(text: &str) -> bool {
    match text.as_bytes() {
        [b'.', ..] | [b'+' | b'-', b'.', ..] => false,
        [b'+' | b'-' | b'0'..=b'9', rest @ ..] => {
            rest.len() < 15 || rest.iter().any(|b| !(b.is_ascii_hexdigit() || matches!(b, b'x' | b'X' | b'o' | b'O' | b'_')))
        }
        _ => true,
    }
}

/// Whether a node can be the key of an entry for sure.
fn is_plain_key(node: &Node<'_>) -> bool {
    match &node.kind {
        NodeKind::Scalar { text, tag, implicit } => {
            tag.is_empty() && (!implicit || !matches!(&**text, "" | "~" | "null" | "Null" | "NULL" | "<<") && is_plain_text(text))
        }
        _ => false,
    }
}

fn decode(text: &str, strict: bool, spans: bool) -> Result<Spanned, Error> {
    decode_tree(&Tree::parse(text)?, strict, spans)
}

fn decode_tree(tree: &Tree<'_>, strict: bool, spans: bool) -> Result<Spanned, Error> {
    let mut decoder = Decoder {
        tree,
        strict,
        repeated: Vec::new(),
        open_aliases: HashSet::new(),
        decoded: 0,
        through_alias: 0,
        alias_depth: 0,
        trouble: None,
        spans: spans.then(Spans::default),
        copied: 0,
    };
    let value = match tree.root {
        Some(root) => decoder.value(root)?,
        None => Json::Null,
    };
    if !decoder.repeated.is_empty() {
        let line = decoder.repeated.first().map(|(line, _)| *line);
        let list: Vec<String> =
            decoder.repeated.iter().map(|(line, key)| format!("\n  line {line}: key {key} already set in map")).collect();
        return Err(Error::Yaml { message: format!("unmarshal errors:{}", list.concat()), line });
    }
    match decoder.trouble {
        Some(trouble) => Err(trouble),
        None => Ok(Spanned { value, positions: decoder.spans.map(|s| s.found).unwrap_or_default() }),
    }
}

/// A mapping key before it becomes a string: equal only if of one type.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(u64),
    Str(String),
}

impl Key {
    /// `%#v` of the key.
    fn go_syntax(&self) -> String {
        match self {
            Key::Null => "<nil>".to_owned(),
            Key::Bool(b) => b.to_string(),
            Key::Int(n) => n.to_string(),
            Key::Uint(n) => format!("{n:#x}"),
            Key::Float(bits) => num::float(f64::from_bits(*bits)),
            Key::Str(s) => quote::quote(s),
        }
    }

    /// The key as a JSON key. The float form is rounded to 32 bits, as sigs.k8s.io/yaml does it.
    fn into_json(self) -> Option<String> {
        match self {
            Key::Null | Key::Uint(_) => None,
            Key::Bool(b) => Some(b.to_string()),
            Key::Int(n) => Some(n.to_string()),
            Key::Float(bits) => Some(match num::float32(f64::from_bits(bits)).as_str() {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                "NaN" => ".nan".to_owned(),
                text => text.to_owned(),
            }),
            Key::Str(s) => Some(s),
        }
    }
}

struct Decoder<'a> {
    tree: &'a Tree<'a>,
    strict: bool,
    /// Lines and keys that a strict reader refuses.
    repeated: Vec<(u32, String)>,
    open_aliases: HashSet<usize>,
    decoded: u64,
    through_alias: u64,
    alias_depth: u32,
    /// The first value that JSON cannot hold; goyaml's own errors go before it.
    trouble: Option<Error>,
    spans: Option<Spans>,
    /// Bytes of text that came through aliases.
    copied: usize,
}

/// Bytes of text that aliases may copy: goyaml counts nodes only, since its copies share their text.
const MAX_COPIED: usize = 32 << 20;
/// Bytes of pointers that are recorded; what stands further down has no position.
const MAX_POINTERS: usize = 64 << 20;

#[derive(Default)]
struct Spans {
    path: String,
    recorded: usize,
    found: Vec<Position>,
}

impl Decoder<'_> {
    /// goyaml's guard against alias bombs: the share of decoding that comes through aliases, from 99 % down to 10 % for large documents.
    fn count(&mut self) -> Result<(), Error> {
        const LOW: f64 = 400_000.0;
        const HIGH: f64 = 4_000_000.0;
        self.decoded += 1;
        self.through_alias += u64::from(self.alias_depth > 0);
        let total = self.decoded as f64;
        let allowed = 0.99 - 0.89 * ((total - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
        if self.through_alias > 100 && self.decoded > 1000 && self.through_alias as f64 / total > allowed {
            return Err(Error::yaml("document contains excessive aliasing"));
        }
        Ok(())
    }

    /// A text is about to be copied.
    fn copy(&mut self, text: &str) -> Result<(), Error> {
        self.copied += if self.alias_depth > 0 { text.len() } else { 0 };
        if self.copied > MAX_COPIED { Err(Error::yaml("document contains excessive aliasing")) } else { Ok(()) }
    }

    fn value(&mut self, index: usize) -> Result<Json, Error> {
        self.count()?;
        let tree = self.tree;
        let node = &tree.nodes[index];
        match &node.kind {
            NodeKind::Scalar { text, tag, implicit } => {
                self.copy(text)?;
                let key = scalar(tag, text, *implicit)?;
                Ok(self.scalar_json(key))
            }
            NodeKind::Sequence(children) => {
                let mut items = Vec::with_capacity(children.len());
                for (i, child) in children.iter().enumerate() {
                    let back = if self.spans.is_some() { self.enter(&i.to_string(), tree.nodes[*child].line) } else { None };
                    items.push(self.value(*child)?);
                    self.leave(back);
                }
                Ok(Json::Array(items))
            }
            NodeKind::Mapping(_) => {
                let mut entries = Entries::default();
                self.mapping(index, &mut entries)?;
                Ok(self.finish(entries))
            }
            NodeKind::Alias { anchor, target } => self.through(index, anchor, |decoder| decoder.value(*target)),
        }
    }

    fn through<T>(&mut self, alias: usize, anchor: &str, decode: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let NodeKind::Alias { target, .. } = self.tree.nodes[alias].kind else {
            return decode(self);
        };
        if !self.open_aliases.insert(target) || self.open_aliases.len() > MAX_DEPTH {
            return Err(Error::yaml(format!("anchor '{anchor}' value contains itself")));
        }
        self.alias_depth += 1;
        let decoded = decode(self)?;
        self.alias_depth -= 1;
        self.open_aliases.remove(&target);
        Ok(decoded)
    }

    fn scalar_json(&mut self, key: Key) -> Json {
        match key {
            Key::Null => Json::Null,
            Key::Bool(b) => Json::Bool(b),
            Key::Int(n) => Json::from(n),
            Key::Uint(n) => Json::from(n),
            Key::Str(s) => Json::String(s),
            Key::Float(bits) => {
                let v = f64::from_bits(bits);
                match Number::from_f64(v) {
                    Some(n) => Json::Number(n),
                    None => {
                        let text = num::float(v);
                        self.trouble.get_or_insert_with(|| Error::NotJson(format!("json: unsupported value: {text}")));
                        Json::Null
                    }
                }
            }
        }
    }

    fn mapping(&mut self, index: usize, into: &mut Entries) -> Result<(), Error> {
        let tree = self.tree;
        let NodeKind::Mapping(children) = &tree.nodes[index].kind else {
            return Err(want_map());
        };
        for pair in children.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            if is_merge(&tree.nodes[key]) {
                self.merge(value, into)?;
                continue;
            }
            let name = self.key(key)?;
            let back = match self.spans.is_some().then(|| name.clone().into_json()).flatten() {
                Some(text) => self.enter(&text, tree.nodes[key].line),
                None => None,
            };
            let decoded = self.value(value)?;
            self.leave(back);
            if self.strict && into.holds(&name) {
                self.repeated.push((tree.nodes[value].line, name.go_syntax()));
            } else {
                into.set(name, decoded);
            }
        }
        Ok(())
    }

    /// Merged keys are set where the merge key stands: they replace keys before it and are replaced by keys after it.
    fn merge(&mut self, index: usize, into: &mut Entries) -> Result<(), Error> {
        let tree = self.tree;
        match &tree.nodes[index].kind {
            NodeKind::Mapping(_) => self.merge_one(index, into),
            NodeKind::Alias { .. } => self.merge_one(index, into),
            NodeKind::Sequence(children) => children.iter().rev().try_for_each(|child| self.merge_one(*child, into)),
            NodeKind::Scalar { .. } => Err(want_map()),
        }
    }

    fn merge_one(&mut self, index: usize, into: &mut Entries) -> Result<(), Error> {
        let tree = self.tree;
        match &tree.nodes[index].kind {
            NodeKind::Mapping(_) => {
                self.count()?;
                self.mapping(index, into)
            }
            NodeKind::Alias { anchor, target } if matches!(tree.nodes[*target].kind, NodeKind::Mapping(_)) => {
                self.count()?;
                self.through(index, anchor, |decoder| {
                    decoder.count()?;
                    decoder.mapping(*target, into)
                })
            }
            _ => Err(want_map()),
        }
    }

    fn key(&mut self, index: usize) -> Result<Key, Error> {
        let tree = self.tree;
        let node = &tree.nodes[index];
        match &node.kind {
            NodeKind::Scalar { text, tag, implicit } => {
                self.count()?;
                self.copy(text)?;
                scalar(tag, text, *implicit)
            }
            NodeKind::Alias { anchor, target } => {
                self.count()?;
                self.through(index, anchor, |decoder| decoder.key(*target))
            }
            NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
                let value = self.value(index)?;
                Err(Error::yaml(format!("invalid map key: {}", go_syntax(&value))))
            }
        }
    }

    fn finish(&mut self, entries: Entries) -> Json {
        if entries.list.iter().all(|(key, _)| matches!(key, Key::Str(_))) {
            return Json::Object(entries.list.into_iter().filter_map(|(key, value)| Some((key.into_json()?, value))).collect());
        }
        let mut map = Map::new();
        for (key, value) in entries.list {
            let (kind, shown) = match &key {
                Key::Uint(_) => ("uint64", key.go_syntax()),
                _ => ("%!s(<nil>)", key.go_syntax()),
            };
            match key.into_json() {
                Some(name) => {
                    map.insert(name, value);
                }
                None => {
                    let value = if value.is_null() { "<nil>".to_owned() } else { go_syntax(&value) };
                    let text = format!("unsupported map key of type: {kind}, key: {shown}, value: {value}");
                    // goyaml has read the whole text by then, and the conversion meets bad keys before bad numbers.
                    if !matches!(&self.trouble, Some(Error::NotJson(first)) if first.starts_with("unsupported map key")) {
                        self.trouble = Some(Error::NotJson(text));
                    }
                }
            }
        }
        Json::Object(map)
    }

    fn enter(&mut self, step: &str, line: u32) -> Option<usize> {
        let spans = self.spans.as_mut()?;
        let back = spans.path.len();
        spans.path.push('/');
        spans.path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        spans.recorded += spans.path.len() + size_of::<Position>();
        if spans.recorded <= MAX_POINTERS {
            spans.found.push(Position { pointer: spans.path.clone(), line });
        }
        Some(back)
    }

    fn leave(&mut self, back: Option<usize>) {
        if let (Some(spans), Some(back)) = (&mut self.spans, back) {
            spans.path.truncate(back);
        }
    }
}

/// The entries of one mapping in the order in which their keys first came.
#[derive(Default)]
struct Entries {
    list: Vec<(Key, Json)>,
    /// Places in the list; empty while the list is short enough to be looked through.
    index: HashMap<Key, usize>,
}

/// From this many entries on they are found by hash.
const MANY: usize = 16;

impl Entries {
    fn place(&self, key: &Key) -> Option<usize> {
        if self.index.is_empty() { self.list.iter().position(|(known, _)| known == key) } else { self.index.get(key).copied() }
    }

    fn holds(&self, key: &Key) -> bool {
        self.place(key).is_some()
    }

    fn set(&mut self, key: Key, value: Json) {
        if let Some(at) = self.place(&key) {
            self.list[at].1 = value;
            return;
        }
        if self.list.len() == MANY {
            self.index = self.list.iter().enumerate().map(|(at, (known, _))| (known.clone(), at)).collect();
        }
        if self.list.len() >= MANY {
            self.index.insert(key.clone(), self.list.len());
        }
        self.list.push((key, value));
    }
}

fn want_map() -> Error {
    Error::yaml("map merge requires map or sequence of maps as the value")
}

fn is_merge(node: &Node<'_>) -> bool {
    matches!(&node.kind, NodeKind::Scalar { text, tag, implicit } if text == "<<" && (*implicit || short_tag(tag) == "!!merge"))
}

fn short_tag(tag: &str) -> String {
    tag.strip_prefix("tag:yaml.org,2002:").map_or_else(|| tag.to_owned(), |rest| format!("!!{rest}"))
}

fn scalar(tag: &str, text: &str, implicit: bool) -> Result<Key, Error> {
    if tag.is_empty() {
        let resolved = if implicit { resolve_tagged(text, Flavour::V2, true) } else { Resolved::Str };
        return Ok(key_of(resolved, text));
    }
    let short = short_tag(tag);
    match short.as_str() {
        "!!str" => return Ok(Key::Str(text.to_owned())),
        "!!binary" => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text.replace(['\r', '\n'], ""))
                .map_err(|_| Error::yaml("!!binary value contains invalid base64 data"))?;
            return Ok(Key::Str(String::from_utf8_lossy(&bytes).into_owned()));
        }
        "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp" => {}
        _ => return Ok(Key::Str(text.to_owned())),
    }
    let resolved = resolve_tagged(text, Flavour::V2, short == "!!timestamp");
    match resolved {
        Resolved::Int(n) if short == "!!float" => Ok(Key::Float((n as f64).to_bits())),
        _ if resolved.tag() == short => Ok(key_of(resolved, text)),
        _ => Err(Error::yaml(format!("cannot decode {} `{text}` as a {short}", resolved.tag()))),
    }
}

fn key_of(resolved: Resolved, text: &str) -> Key {
    match resolved {
        Resolved::Null => Key::Null,
        Resolved::Bool(b) => Key::Bool(b),
        Resolved::Int(n) => Key::Int(n),
        Resolved::Uint(n) => Key::Uint(n),
        Resolved::Float(v) => Key::Float(v.to_bits()),
        Resolved::Timestamp | Resolved::Str => Key::Str(text.to_owned()),
    }
}

/// `%#v` of what goyaml has decoded.
fn go_syntax(value: &Json) -> String {
    match value {
        Json::Null => "interface {}(nil)".to_owned(),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) if n.is_i64() => n.to_string(),
        Json::Number(n) => n.as_u64().map_or_else(|| num::float(n.as_f64().unwrap_or_default()), |n| format!("{n:#x}")),
        Json::String(s) => quote::quote(s),
        Json::Array(items) => format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let entries: Vec<String> =
                json::sorted(map).into_iter().map(|(k, v)| format!("{}:{}", quote::quote(k), go_syntax(v))).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}
