//! What a render takes from outside: the time, randomness, and objects of the cluster.

use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::budget::{Budget, Limits};
use super::error::Fail;
use super::trace::Trace;
use super::value::{Entries, Map, Str, Value};
use crate::Json;
use crate::go::time::Time;

/// The outside of one render: answers given by the caller, and what the templates asked for.
///
/// One `World` serves all files of a render, since Helm's budgets and shared maps span them too: its `render`
/// (engine/engine.go). Dropping it breaks the cycles that templates made in shared maps, so values must not be used after it is gone.
pub struct World {
    pub(crate) now: Time,
    pub(crate) entropy: Rc<dyn Entropy>,
    pub(crate) lookup: Rc<dyn Lookup>,
    pub(crate) strict: bool,
    pub(crate) lint: bool,
    pub(crate) budget: Budget,
    pub(crate) includes: HashMap<Str, u32>,
    queries: Vec<LookupQuery>,
    mutated: Vec<Weak<Entries>>,
    calls: u64,
    file: Arc<str>,
    /// Where texts come from, if that is to be recorded.
    pub(crate) trace: Option<Box<Trace>>,
    log: Vec<String>,
}

/// Random bytes, from the system or derived from a key and the place of the call. sprig takes Go's `crypto/rand` and
/// `math/rand`.
pub trait Entropy {
    /// Fills `out`. The same place may ask several times; `site.number` tells the calls apart.
    fn fill(&self, site: &CallSite, out: &mut [u8]);
}

/// The place of a call that needs random bytes or certificates.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CallSite {
    /// The file that is being rendered.
    pub template: Arc<str>,
    /// The function, by its name in templates.
    pub function: &'static str,
    /// Counts such calls within the file, from 0.
    pub number: u64,
}

/// Objects of the cluster for `lookup`: Helm's `ClientProvider` (engine/lookup_func.go).
pub trait Lookup {
    /// The object or list asked for, as JSON; None where there is none, for which templates see an empty map. An error ends the
    /// render.
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String>;
}

/// One question asked by `lookup`: the arguments of Helm's `lookupFunc` (engine/lookup_func.go).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LookupQuery {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty for cluster-scoped objects and for lists over all namespaces.
    pub namespace: String,
    /// The name; empty for a list.
    pub name: String,
}

/// No cluster: every lookup finds nothing, as in `helm template`: Helm's `funcMap` (engine/funcs.go).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn get(&self, _: &LookupQuery) -> Result<Option<Json>, String> {
        Ok(None)
    }
}

impl Lookup for HashMap<LookupQuery, Json> {
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String> {
        Ok(HashMap::get(self, query).cloned())
    }
}

impl Lookup for std::collections::BTreeMap<LookupQuery, Json> {
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String> {
        Ok(std::collections::BTreeMap::get(self, query).cloned())
    }
}

/// Every random byte is zero: for tests and for templates known to ask for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &CallSite, out: &mut [u8]) {
        out.fill(0);
    }
}

impl World {
    /// A world at this time, which `now` says and certificates begin at, with these sources.
    pub fn new(now: Time, entropy: Rc<dyn Entropy>, lookup: Rc<dyn Lookup>, limits: Limits) -> World {
        World {
            now,
            entropy,
            lookup,
            strict: false,
            lint: false,
            budget: Budget::new(limits),
            includes: HashMap::new(),
            queries: Vec::new(),
            mutated: Vec::new(),
            calls: 0,
            file: "".into(),
            trace: None,
            log: Vec::new(),
        }
    }

    /// Whether a missing map key is an error: Helm's `Engine.Strict` (engine/engine.go), which none of its commands sets.
    pub fn strict(mut self, strict: bool) -> World {
        self.strict = strict;
        self
    }

    /// Whether `fail` and `required` leave a word in the log and do not fail: Helm's `Engine.LintMode` (engine/engine.go), as in
    /// `helm lint`.
    pub fn lint(mut self, lint: bool) -> World {
        self.lint = lint;
        self
    }

    /// The questions that `lookup` met so far, each once, in order of first appearance.
    pub fn lookups(&self) -> &[LookupQuery] {
        &self.queries
    }

    /// What a lint render was told instead of failing, in Helm's words, since this was last asked.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    pub(crate) fn note(&mut self, line: String) {
        self.log.push(line);
    }

    pub(crate) fn start_file(&mut self, name: &Arc<str>) {
        self.file = name.clone();
        self.calls = 0;
        self.budget.start_file();
    }

    pub(crate) fn lookup(&mut self, query: LookupQuery) -> Result<Value, Fail> {
        let answer = self.lookup.get(&query).map_err(Fail::Text)?;
        if !self.queries.contains(&query) {
            self.queries.push(query);
        }
        Ok(answer.map_or_else(|| Value::map(Default::default()), |json| Value::from_json_with_integers(&json)))
    }

    /// The site of the next random call of this function.
    pub(crate) fn site(&mut self, function: &'static str) -> CallSite {
        let number = self.calls;
        self.calls += 1;
        CallSite { template: self.file.clone(), function, number }
    }

    /// Notes a map that was given a container, and so may be part of a cycle.
    pub(crate) fn note_mutation(&mut self, map: &Map) {
        self.mutated.push(map.downgrade());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for map in self.mutated.drain(..) {
            if let Some(entries) = map.upgrade() {
                entries.clear();
            }
        }
    }
}
