//! Tables, keys and atomic batches.

use super::{StoreError, seal::Sealer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// What a record is about. The number is its place on disk and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// About the store itself.
    Meta = 0,
    /// State of each unit (release, Kustomization).
    Units = 1,
    /// The journal: what is being written, and what came of it.
    Runs = 2,
    /// Revisions.
    Revisions = 3,
    /// What was last applied, per object.
    Applied = 4,
    /// Drift episodes.
    Drift = 5,
    /// State of sources.
    Sources = 6,
    /// Bytes by their address; not written directly.
    Content = 7,
}

impl Table {
    /// Every table that holds records.
    pub(super) const RECORDS: [Self; 7] = [Self::Meta, Self::Units, Self::Runs, Self::Revisions, Self::Applied, Self::Drift, Self::Sources];

    /// The key of a record in the database.
    pub(super) fn place(self, key: &[u8]) -> Vec<u8> {
        [&[self as u8], key].concat()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Units => "units",
            Self::Runs => "runs",
            Self::Revisions => "revisions",
            Self::Applied => "applied",
            Self::Drift => "drift",
            Self::Sources => "sources",
            Self::Content => "content",
        })
    }
}

/// The version of the envelope around every record. Records grow by optional fields; a change that older code would
/// misread raises the schema of the whole store instead.
const RECORD: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    r: T,
}

pub(super) fn encode<T: Serialize>(sealer: &Sealer, table: Table, key: &str, record: &T) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let fail = |why: String| StoreError::Unwritable { table, key: key.into(), why };
    let place = table.place(key.as_bytes());
    let text = serde_json::to_vec(&Envelope { v: RECORD, r: record }).map_err(|err| fail(err.to_string()))?;
    let sealed = sealer.seal(&place, &text).map_err(fail)?;
    Ok((place, sealed))
}

pub(super) fn decode<T: DeserializeOwned>(sealer: &Sealer, table: Table, key: &str, sealed: &[u8]) -> Result<T, StoreError> {
    let fail = |why: String| StoreError::Unreadable { table, key: key.into(), why };
    let text = sealer.open(&table.place(key.as_bytes()), sealed).map_err(fail)?;
    let envelope: Envelope<T> = serde_json::from_slice(&text).map_err(|err| fail(err.to_string()))?;
    if envelope.v == RECORD { Ok(envelope.r) } else { Err(fail(format!("it has version {}", envelope.v))) }
}

/// Changes that happen together or not at all.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Change {
    table: Table,
    key: String,
    /// `None` deletes.
    record: Option<serde_json::Value>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a record.
    ///
    /// # Errors
    /// The record cannot be serialised.
    pub fn put<T: Serialize>(&mut self, table: Table, key: &str, record: &T) -> Result<&mut Self, StoreError> {
        let record = serde_json::to_value(record);
        let record = record.map_err(|err| StoreError::Unwritable { table, key: key.into(), why: err.to_string() })?;
        self.changes.push(Change { table, key: key.into(), record: Some(record) });
        Ok(self)
    }

    /// Deletes a record.
    pub fn delete(&mut self, table: Table, key: &str) -> &mut Self {
        self.changes.push(Change { table, key: key.into(), record: None });
        self
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn seal(&self, sealer: &Sealer) -> Result<sled::Batch, StoreError> {
        let mut batch = sled::Batch::default();
        for change in &self.changes {
            match &change.record {
                Some(record) => {
                    let (place, sealed) = encode(sealer, change.table, &change.key, record)?;
                    batch.insert(place, sealed);
                }
                None => batch.remove(change.table.place(change.key.as_bytes())),
            }
        }
        Ok(batch)
    }
}
