//! Errors of the store.

use super::Table;
use std::path::PathBuf;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes to the directory.
    #[error("state directory {} is in use by process {holder}; stop it, or give this one a --state-dir of its own", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Process id as the lock file has it.
        holder: String,
    },
    /// Reading or writing files failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(#[from] sled::Error),
    /// The store was written by a newer version.
    #[error("the store in {} has schema {found}, this version reads up to {known}; use the newer version, or move the directory away", dir.display())]
    TooNew {
        /// The directory.
        dir: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A record cannot be read.
    #[error("record {key:?} of {table} cannot be read: {why}")]
    Unreadable {
        /// The table.
        table: Table,
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// A record cannot be written.
    #[error("record {key:?} of {table} cannot be written: {why}")]
    Unwritable {
        /// The table.
        table: Table,
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// Content that a record names is gone.
    #[error("content {0} is not in the store")]
    NoContent(String),
    /// The key cannot be used.
    #[error("store key {}: {why}", path.display())]
    Key {
        /// The file, or what stands for it.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
