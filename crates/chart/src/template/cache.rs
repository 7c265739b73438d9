//! What parsing gives, kept between renders.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use regex_automata::meta::Regex;

use super::ast::Parsed;

/// Bytes of compiled patterns that are kept, and up to which size one is.
const REGEXES: usize = 8 << 20;
const REGEX_KEPT: usize = 128 << 10;
/// What a parsed template is taken to need beside its text, for each byte of text: an estimate.
const TREE_PER_BYTE: usize = 8;
/// What the smallest template takes.
const TREE_LEAST: usize = 1_024;

/// Parsed templates by content, the texts of `tpl` calls among them, and compiled patterns. The caller makes one and
/// gives it to the renders of as many releases as it likes, on as many threads; a template that is the same in two
/// charts, or in two versions of one, is parsed once. What has not been used for long goes first.
#[derive(Debug)]
pub struct ParseCache {
    /// Keys are hashes with a secret of this cache, and what is found is compared with what was asked for.
    hasher: RandomState,
    templates: Mutex<Generations<Arc<Parsed>>>,
    regexes: Mutex<Generations<(Box<str>, bool, Compiled)>>,
    parsed: AtomicU64,
    compiled: AtomicU64,
}

/// What a [`ParseCache`] did and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseCounts {
    /// Templates and `tpl` texts parsed since the cache was made.
    pub parsed: u64,
    /// Patterns compiled since the cache was made.
    pub compiled: u64,
    /// Templates and `tpl` texts held.
    pub templates: usize,
    /// Patterns held.
    pub regexes: usize,
    /// The estimated bytes of the templates held.
    pub bytes: usize,
}

/// A pattern ready for use.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) regex: Arc<Regex>,
    /// It takes no more bytes than this.
    pub(super) size: usize,
    /// It was compiled for this call.
    pub(super) fresh: bool,
}

impl Default for ParseCache {
    /// 64 MiB: the templates of some fifty large charts.
    fn default() -> ParseCache {
        ParseCache::new(64 << 20)
    }
}

impl ParseCache {
    /// A cache that holds about so many bytes of parsed templates at most.
    pub fn new(bytes: usize) -> ParseCache {
        ParseCache {
            hasher: RandomState::new(),
            templates: Mutex::new(Generations::new(bytes)),
            regexes: Mutex::new(Generations::new(REGEXES)),
            parsed: AtomicU64::new(0),
            compiled: AtomicU64::new(0),
        }
    }

    /// What it did and holds.
    pub fn counts(&self) -> ParseCounts {
        let (templates, regexes) = (lock(&self.templates), lock(&self.regexes));
        ParseCounts {
            parsed: self.parsed.load(Ordering::Relaxed),
            compiled: self.compiled.load(Ordering::Relaxed),
            templates: templates.young.len() + templates.old.len(),
            regexes: regexes.young.len() + regexes.old.len(),
            bytes: templates.young_weight + templates.old_weight,
        }
    }

    /// The template of this name and text under this limit on nesting; parsed by `parse` if it is not there.
    pub(super) fn template<E>(
        &self,
        name: &str,
        text: &str,
        nesting: u32,
        parse: impl FnOnce() -> Result<Parsed, E>,
    ) -> Result<Arc<Parsed>, E> {
        let key = self.hasher.hash_one((name, text, nesting));
        let same = |parsed: &Arc<Parsed>| *parsed.name == *name && *parsed.text == *text;
        if let Some(parsed) = lock(&self.templates).get(key, same) {
            return Ok(parsed);
        }
        self.parsed.fetch_add(1, Ordering::Relaxed);
        let parsed = Arc::new(parse()?);
        lock(&self.templates).put(key, Arc::clone(&parsed), text.len().saturating_mul(TREE_PER_BYTE).saturating_add(TREE_LEAST));
        Ok(parsed)
    }

    /// A compiled pattern, for ASCII alone or for all text; made by `compile`, which tells its size too, if it is not there.
    pub(super) fn regex<E>(
        &self,
        pattern: &str,
        ascii: bool,
        compile: impl FnOnce() -> Result<(Arc<Regex>, usize), E>,
    ) -> Result<Compiled, E> {
        let key = self.hasher.hash_one((pattern, ascii));
        let same = |(known, of, _): &(Box<str>, bool, Compiled)| **known == *pattern && *of == ascii;
        if let Some((.., compiled)) = lock(&self.regexes).get(key, same) {
            return Ok(compiled);
        }
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let (regex, size) = compile()?;
        let compiled = Compiled { regex, size, fresh: false };
        if size <= REGEX_KEPT {
            lock(&self.regexes).put(key, (pattern.into(), ascii, compiled.clone()), size + pattern.len());
        }
        Ok(Compiled { fresh: true, ..compiled })
    }
}

/// A panic elsewhere leaves a cache as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries in two generations: what is used moves to the young one; when that has half of the room, it becomes the old
/// one, and what nobody used since the last time is dropped.
#[derive(Debug)]
struct Generations<V> {
    young: HashMap<u64, (V, usize)>,
    old: HashMap<u64, (V, usize)>,
    young_weight: usize,
    old_weight: usize,
    half: usize,
}

impl<V: Clone> Generations<V> {
    fn new(room: usize) -> Generations<V> {
        Generations { young: HashMap::new(), old: HashMap::new(), young_weight: 0, old_weight: 0, half: room / 2 }
    }

    fn get(&mut self, key: u64, same: impl Fn(&V) -> bool) -> Option<V> {
        if let Some((value, _)) = self.young.get(&key) {
            return same(value).then(|| value.clone());
        }
        let (value, weight) = self.old.remove(&key)?;
        self.old_weight -= weight;
        let found = same(&value).then(|| value.clone());
        self.put(key, value, weight);
        found
    }

    /// What is heavier than a generation is not kept.
    fn put(&mut self, key: u64, value: V, weight: usize) {
        if weight > self.half {
            return;
        }
        if self.young_weight + weight > self.half {
            self.old = std::mem::take(&mut self.young);
            self.old_weight = std::mem::take(&mut self.young_weight);
        }
        self.young_weight += weight;
        if let Some((_, before)) = self.young.insert(key, (value, weight)) {
            self.young_weight -= before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let mut kept: Generations<u64> = Generations::new(20);
        for key in 0..1_000 {
            assert_eq!(kept.get(key, |_| true), None);
            kept.put(key, key, 1);
            assert_eq!(kept.get(0, |value| *value == 0), Some(0), "the entry in use is dropped after {key} others");
            assert!(kept.young_weight + kept.old_weight <= 20);
            assert_eq!(kept.young_weight, kept.young.len());
            assert_eq!(kept.old_weight, kept.old.len());
        }
        assert_eq!(kept.get(500, |_| true), None, "an entry out of use is kept");
    }

    #[test]
    fn an_entry_of_the_same_hash_is_no_answer() {
        let mut kept: Generations<&str> = Generations::new(20);
        kept.put(1, "one", 1);
        assert_eq!(kept.get(1, |value| *value == "other"), None);
        kept.put(1, "other", 1);
        assert_eq!(kept.get(1, |value| *value == "other"), Some("other"));
        assert_eq!(kept.young_weight, 1);
    }

    #[test]
    fn what_is_too_heavy_is_not_kept() {
        let mut kept: Generations<&str> = Generations::new(20);
        kept.put(1, "heavy", 11);
        assert_eq!(kept.get(1, |_| true), None);
    }
}
