//! The engine, and the set of templates that see each other.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use super::ast::{Parsed, Tree};
use super::budget::Limits;
use super::error::{Error, ErrorKind, Location};
use super::exec::Ctx;
use super::parse;
use super::value::{Str, Value};
use super::world::World;

/// How many `tpl` texts are kept parsed.
const TPL_CACHE: usize = 4_096;

/// Parses templates and keeps what can be kept between renders. Shareable between threads.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    texts: Mutex<HashMap<u64, Vec<Arc<Parsed>>>>,
}

/// The templates of one render: those of all files, as they see each other.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    engine: Arc<Engine>,
    defs: HashMap<Str, Def>,
}

/// One template of a parsed file.
#[derive(Clone)]
pub(crate) struct Def {
    pub(crate) parsed: Arc<Parsed>,
    pub(crate) tree: usize,
}

impl Def {
    pub(crate) fn tree(&self) -> &Tree {
        &self.parsed.trees[self.tree]
    }
}

impl std::fmt::Debug for Def {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.tree().name, self.parsed.name)
    }
}

impl Engine {
    /// An engine with these limits.
    pub fn new(limits: Limits) -> Engine {
        Engine { limits, texts: Mutex::default() }
    }

    /// The limits of parsing and of renders that ask for no others.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Parses one file. The result is immutable: keep it by the digest of name and content.
    pub fn parse(&self, name: &str, text: &str) -> Result<Arc<Parsed>, Error> {
        if text.len() > self.limits.source {
            let message = format!("template: {name}:1: file has {} bytes, over the limit of {}", text.len(), self.limits.source);
            let at = Location { file: name.into(), line: 1, column: None };
            return Err(Error::new(ErrorKind::Budget, message, Some(at)));
        }
        parse::parse(name, text, self.limits.nesting).map(Arc::new)
    }

    /// Parses the text of a `tpl` call; the same text is parsed once.
    pub(crate) fn parse_text(&self, text: &str) -> Result<Arc<Parsed>, Error> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let key = hasher.finish();
        // a poisoned cache is only a cache
        let cached = |found: &HashMap<u64, Vec<Arc<Parsed>>>| found.get(&key)?.iter().find(|parsed| &*parsed.text == text).cloned();
        if let Some(parsed) = self.texts.lock().ok().and_then(|texts| cached(&texts)) {
            return Ok(parsed);
        }
        let parsed = self.parse("gotpl", text)?;
        if let Ok(mut texts) = self.texts.lock() {
            if texts.len() >= TPL_CACHE {
                texts.clear();
            }
            texts.entry(key).or_default().push(parsed.clone());
        }
        Ok(parsed)
    }
}

impl TemplateSet {
    /// An empty set.
    pub fn new(engine: &Arc<Engine>) -> TemplateSet {
        TemplateSet { engine: engine.clone(), defs: HashMap::new() }
    }

    /// Adds the templates of a file. Later files replace earlier definitions of the same name, unless theirs are
    /// empty: add files in Helm's order, deepest path first.
    pub fn add(&mut self, parsed: Arc<Parsed>) {
        for (i, tree) in parsed.trees.iter().enumerate() {
            if !tree.empty || !self.defs.contains_key(&tree.name) {
                self.defs.insert(tree.name.clone(), Def { parsed: parsed.clone(), tree: i });
            }
        }
    }

    /// Renders the template of this name with `root` as dot, as Helm renders one file.
    ///
    /// Deep charts need a deep native stack: call this on a thread made by [`super::with_stack`].
    pub fn render(&self, name: &str, root: &Value, world: &mut World) -> Result<String, Error> {
        world.start_file(&name.into());
        let mut out = Vec::new();
        Ctx::new(self, world).execute_named(name, root.clone(), &mut out)?;
        let text = String::from_utf8(out).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned());
        if let Some(trace) = &mut world.trace {
            trace.file(name, &text);
        }
        Ok(without_no_value(text))
    }

    /// The engine that this set belongs to.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The names in the set, unsorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.defs.keys().map(|name| &**name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Def> {
        self.defs.get(name)
    }
}

/// Helm takes Go's mark for "no value" out of each rendered text.
pub(crate) fn without_no_value(text: String) -> String {
    if text.contains("<no value>") { text.replace("<no value>", "") } else { text }
}
