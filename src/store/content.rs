//! Bytes by their address: manifests, values, answers to lookups. The same bytes are kept once.

use super::{Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, fmt, sync::PoisonError};

/// The address of bytes in the store. It is a keyed digest, so it tells nothing about a short secret to those without the key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentId(String);

/// How an address begins, so that it can be found in records.
const PREFIX: &str = "content:";

impl ContentId {
    fn new(mac: &[u8; 32]) -> Self {
        Self(mac.iter().fold(PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}")))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn place(&self) -> Vec<u8> {
        Table::Content.place(self.0.as_bytes())
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a collection did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Contents that are named by a record, or new.
    pub kept: usize,
    /// Contents that were deleted.
    pub deleted: usize,
}

impl Store {
    /// Keeps bytes, compressed and encrypted; bytes that are there already cost a look-up.
    ///
    /// # Errors
    /// The database fails.
    pub async fn content_put(&self, bytes: impl Into<bytes::Bytes>) -> Result<ContentId, StoreError> {
        let bytes = bytes.into();
        self.blocking(move |inner| {
            let id = ContentId::new(&inner.key.mac(&[b"content\0", &bytes]));
            let place = id.place();
            // held over the insert, so that a collection sees the bytes as new or not at all
            let mut young = inner.young.lock().unwrap_or_else(PoisonError::into_inner);
            young.insert(id.0.clone());
            if !inner.db.contains_key(&place)? {
                let fail = |why| StoreError::Unwritable { table: Table::Content, key: id.0.clone(), why };
                let sealed = inner.sealer.seal(&place, &bytes).map_err(fail)?;
                inner.failpoint.around(|| inner.db.insert(place, sealed))?;
            }
            Ok(id)
        })
        .await
    }

    /// The bytes at an address.
    ///
    /// # Errors
    /// They are not there, or cannot be read.
    pub async fn content_get(&self, id: &ContentId) -> Result<bytes::Bytes, StoreError> {
        let id = id.clone();
        self.blocking(move |inner| {
            let place = id.place();
            let sealed = inner.db.get(&place)?.ok_or_else(|| StoreError::NoContent(id.0.clone()))?;
            let fail = |why| StoreError::Unreadable { table: Table::Content, key: id.0.clone(), why };
            inner.sealer.open(&place, &sealed).map(Into::into).map_err(fail)
        })
        .await
    }

    /// Deletes contents that no record names. What was put since the collection before is kept: its record may come yet.
    ///
    /// # Errors
    /// The database fails, or a record cannot be read: then nothing is deleted, for it may name anything.
    pub async fn content_collect(&self) -> Result<Collected, StoreError> {
        self.blocking(|inner| {
            let spared = std::mem::take(&mut *inner.young.lock().unwrap_or_else(PoisonError::into_inner));
            let mut live = HashSet::new();
            for table in Table::RECORDS {
                for found in inner.db.scan_prefix([table as u8]) {
                    let (place, sealed) = found?;
                    let key = || String::from_utf8_lossy(&place[1..]).into_owned();
                    if table == Table::Meta && super::is_plain(&place) {
                        continue;
                    }
                    let fail = |why| StoreError::Unreadable { table, key: key(), why };
                    named(&inner.sealer.open(&place, &sealed).map_err(fail)?, &mut live);
                }
            }
            let mut done = Collected::default();
            for found in inner.db.scan_prefix([Table::Content as u8]).keys() {
                let place = found?;
                let id = String::from_utf8_lossy(&place[1..]).into_owned();
                let young = inner.young.lock().unwrap_or_else(PoisonError::into_inner);
                if live.contains(&id) || spared.contains(&id) || young.contains(&id) {
                    done.kept += 1;
                } else {
                    inner.db.remove(place)?;
                    done.deleted += 1;
                }
            }
            Ok(done)
        })
        .await
    }
}

/// Finds the addresses in a record's text.
fn named(text: &[u8], live: &mut HashSet<String>) {
    let text = String::from_utf8_lossy(text);
    for (at, _) in text.match_indices(PREFIX) {
        if let Some(id) = text.get(at..at + PREFIX.len() + 64) {
            live.insert(id.to_owned());
        }
    }
}
