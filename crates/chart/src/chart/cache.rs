//! What is computed once per loaded chart and used by every render of it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Chart;
use crate::render::Head;
use crate::template::ParseCache;
use crate::values::schema::Compiled;

/// How many documents' heads are kept.
const HEADS: usize = 8_192;

/// Parsed templates for renders that bring no cache, the compiled schema, and the heads of documents.
#[derive(Default)]
pub(crate) struct Cache {
    templates: OnceLock<Arc<ParseCache>>,
    /// By length and hash of the document, with a secret of this cache: to learn a kind, the whole document must be read.
    heads: Mutex<HashMap<(usize, u64), Arc<Head>>>,
    hasher: RandomState,
    schema: OnceLock<Result<Compiled, String>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}

impl Chart {
    /// What renders of this chart have parsed, where they bring no cache of their own.
    pub(crate) fn parse_cache(&self) -> Arc<ParseCache> {
        Arc::clone(self.data().cache.templates.get_or_init(Arc::default))
    }

    /// What a rendered document says of itself; an unchanged document is read once.
    pub(crate) fn head(&self, text: &str) -> Result<Arc<Head>, String> {
        let heads = || self.data().cache.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = (text.len(), self.data().cache.hasher.hash_one(text));
        if let Some(found) = heads().get(&digest) {
            return Ok(Arc::clone(found));
        }
        let head = Arc::new(Head::read(text)?);
        if !head.is_small() {
            return Ok(head);
        }
        let mut heads = heads();
        if heads.len() >= HEADS {
            heads.clear();
        }
        heads.insert(digest, Arc::clone(&head));
        Ok(head)
    }

    /// The compiled schema of this chart, if it has one.
    pub(crate) fn compiled_schema(&self) -> Option<&Result<Compiled, String>> {
        let schema = self.schema()?;
        Some(self.data().cache.schema.get_or_init(|| Compiled::new(schema)))
    }
}
