//! The engine, and the set of templates that see each other.

use std::collections::HashMap;
use std::sync::Arc;

use super::ast::{Parsed, Tree};
use super::budget::Limits;
use super::cache::ParseCache;
use super::error::{Error, ErrorKind, Fail, Location};
use super::exec::{Ctx, MAX_ERROR};
use super::funcs::bytes_without;
use super::parse;
use super::value::{Str, Value};
use super::world::World;

/// Up to which length the texts of `tpl` calls are kept parsed: what is kept outlives the render.
const TPL_KEPT: usize = 16 << 10;

/// Parses templates and keeps what can be kept between renders. Shareable between threads. Helm's `engine.Engine`
/// (engine/engine.go) keeps nothing.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    cache: Arc<ParseCache>,
}

/// The templates of one render: those of all files, as they see each other. Go's `template.Template` with its associated ones
/// (text/template/template.go).
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
    /// An engine with these limits and a cache of its own.
    pub fn new(limits: Limits) -> Engine {
        Engine::with_cache(limits, Arc::default())
    }

    /// An engine that keeps what it parses in this cache, where other engines find it.
    pub fn with_cache(limits: Limits, cache: Arc<ParseCache>) -> Engine {
        Engine { limits, cache }
    }

    /// What it keeps parsed.
    pub fn cache(&self) -> &ParseCache {
        &self.cache
    }

    /// The limits of parsing and of renders that ask for no others.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Parses one file, or takes what was parsed of the same name and content before. Go's `Template.Parse`
    /// (text/template/template.go).
    ///
    /// # Errors
    /// Where the text is no template, or too large or too deep for the limits.
    pub fn parse(&self, name: &str, text: &str) -> Result<Arc<Parsed>, Error> {
        self.check_size(name, text)?;
        self.cache.template(name, text, self.limits.nesting, || parse::parse(name, text, self.limits.nesting))
    }

    fn check_size(&self, name: &str, text: &str) -> Result<(), Error> {
        if text.len() <= self.limits.source {
            return Ok(());
        }
        let message = format!("template: {name}:1: file has {} bytes, over the limit of {}", text.len(), self.limits.source);
        Err(Error::new(ErrorKind::Budget, message, Some(Location { file: name.into(), line: 1, column: None })))
    }

    /// Parses the text of a `tpl` call; the same text is parsed once. `fresh` is asked before a text is parsed.
    pub(crate) fn parse_text(&self, text: &str, fresh: impl FnOnce() -> Result<(), Fail>) -> Result<Arc<Parsed>, Fail> {
        let (name, nesting) = ("gotpl", self.limits.nesting);
        self.check_size(name, text)?;
        let parse = || {
            fresh()?;
            Ok(parse::parse(name, text, nesting)?)
        };
        if text.len() > TPL_KEPT { parse().map(Arc::new) } else { self.cache.template(name, text, nesting, parse) }
    }
}

impl TemplateSet {
    /// An empty set.
    pub fn new(engine: &Arc<Engine>) -> TemplateSet {
        TemplateSet { engine: engine.clone(), defs: HashMap::new() }
    }

    /// Adds the templates of a file. Later files replace earlier definitions of the same name, unless theirs are
    /// empty (Go's `Template.associate`, text/template/template.go): add files in the order of Helm's `sortTemplates`
    /// (engine/engine.go), deepest path first.
    pub fn add(&mut self, parsed: Arc<Parsed>) {
        for (i, tree) in parsed.trees.iter().enumerate() {
            if !tree.empty || !self.defs.contains_key(&tree.name) {
                self.defs.insert(tree.name.clone(), Def { parsed: parsed.clone(), tree: i });
            }
        }
    }

    /// Renders the template of this name with `root` as dot, as Helm's `render` (engine/engine.go) does one file.
    ///
    /// Deep charts need a deep native stack: call this on a thread made by [`super::with_stack`].
    ///
    /// # Errors
    /// Where there is no such template, an action fails, or a budget is used up.
    pub fn render(&self, name: &str, root: &Value, world: &mut World) -> Result<String, Error> {
        world.start_file(&name.into());
        let mut out = Vec::new();
        Ctx::new(self, world).execute_named(name, root.clone(), &mut out).map_err(|error| error.bearable(MAX_ERROR))?;
        // What was no UTF-8 may be once the mark is out.
        let without = |bytes: &[u8]| String::from_utf8_lossy(&bytes_without(bytes, NO_VALUE.as_bytes())).into_owned();
        let text = String::from_utf8(out).unwrap_or_else(|err| without(err.as_bytes()));
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

/// Go's mark for a value that is not there.
pub(crate) const NO_VALUE: &str = "<no value>";

/// Helm takes the mark out of each rendered text.
pub(crate) fn without_no_value(text: String) -> String {
    if text.contains(NO_VALUE) { text.replace(NO_VALUE, "") } else { text }
}
