//! What is computed once per loaded chart and used by every render of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use super::Chart;
use crate::render::Head;
use crate::template::{Engine, Error, Limits, Parsed};
use crate::values::schema::Compiled;

/// How many documents' heads are kept.
const HEADS: usize = 8_192;

/// Parsed templates, the compiled schema, the heads of documents, and the engine with its parsed `tpl` texts.
#[derive(Default)]
pub(crate) struct Cache {
    engine: OnceLock<Arc<Engine>>,
    /// By path below the root chart, since it is part of error texts.
    parsed: Mutex<HashMap<String, Arc<Parsed>>>,
    /// By digest of the document: to learn a kind, the whole document must be read.
    heads: Mutex<HashMap<[u8; 32], Arc<Head>>>,
    schema: OnceLock<Result<Compiled, String>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}

impl Chart {
    /// The engine for renders of this chart. The limits on parsing are those of the first render.
    pub(crate) fn engine(&self, limits: &Limits) -> Arc<Engine> {
        Arc::clone(self.data().cache.engine.get_or_init(|| Arc::new(Engine::new(limits.clone()))))
    }

    /// A parsed template of this chart under this path.
    pub(crate) fn parsed(&self, path: &str, parse: impl FnOnce() -> Result<Arc<Parsed>, Error>) -> Result<Arc<Parsed>, Error> {
        let cache = || self.data().cache.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache().get(path) {
            return Ok(Arc::clone(found));
        }
        let parsed = parse()?;
        cache().insert(path.to_owned(), Arc::clone(&parsed));
        Ok(parsed)
    }

    /// What a rendered document says of itself; an unchanged document is read once.
    pub(crate) fn head(&self, text: &str) -> Result<Arc<Head>, String> {
        let heads = || self.data().cache.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
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
