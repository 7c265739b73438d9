//! The embedded revision store on sled: journal, revisions, content, drift episodes. Edge.
//!
//! A [`Store`] is a handle that is cheap to clone. Writes are visible at once and survive the death of the process after
//! [`Store::flush`], the loss of power after [`Store::sync`]. Everything but the keys of records is encrypted.
//!
//! Losing the store loses nothing that matters, so a store that cannot be read is moved aside and begun anew.

mod content;
mod error;
mod failpoint;
mod flush;
mod key;
mod lock;
mod seal;
mod table;

pub use content::{Collected, ContentId};
pub use error::StoreError;
pub use key::{KeyOrigin, StoreKey};
pub use table::{Batch, Table};

use failpoint::Failpoint;
use flush::{Depth, Flusher};
use lock::DirLock;
use seal::Sealer;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::HashSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// The layout of the database; raised when older code would misread it.
const SCHEMA: u32 = 1;

/// Plain records: without them nobody could tell a wrong key from a broken store.
const SCHEMA_KEY: &[u8] = b"\0schema";
const CHECK_KEY: &[u8] = b"\0key-check";

/// How the database says that another one has its file open.
const IN_USE: &str = "could not acquire lock";

/// Bytes of pages kept in memory.
const CACHE: u64 = 16 << 20;

/// The store of one daemon.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: sled::Db,
    key: StoreKey,
    sealer: Sealer,
    /// Addresses of contents put since the last collection.
    young: Mutex<HashSet<String>>,
    failpoint: Arc<Failpoint>,
    // the flusher ends before the lock is let go
    flusher: Flusher,
    _lock: Option<DirLock>,
}

/// A store, and what had to be put away to open it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// An unreadable store that was moved aside.
    pub broken: Option<Broken>,
}

/// An unreadable store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where it is now.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub why: String,
}

impl Store {
    /// Opens the store in `state_dir`, which this process then owns. `now` (seconds since the epoch) names what is moved
    /// aside. Blocks for as long as the database needs to recover.
    ///
    /// # Errors
    /// Another process owns the directory, it cannot be written, or the store is of a newer version.
    pub fn open(state_dir: &Path, key: &StoreKey, now: i64) -> Result<Opened, StoreError> {
        let lock = DirLock::acquire(state_dir)?;
        let path = state_dir.join("store");
        let (db, broken) = match open_db(&path, key) {
            Ok(db) => (db, None),
            Err(Refused::Fatal(err)) => return Err(err),
            Err(Refused::Broken(why)) => {
                let aside = state_dir.join(format!("store.broken-{now}"));
                std::fs::rename(&path, &aside).map_err(StoreError::io("move aside", &path))?;
                let db = open_db(&path, key).map_err(|refused| match refused {
                    Refused::Fatal(err) => err,
                    Refused::Broken(why) => StoreError::Database(sled::Error::Unsupported(why)),
                })?;
                (db, Some(Broken { path: aside, why }))
            }
        };
        let files = vec![path.join("db"), path.join("blobs"), path];
        Ok(Opened { store: Self::assemble(db, key, files, Failpoint::new(Some(state_dir)), Some(lock))?, broken })
    }

    /// A store in a temporary place that goes with it, for tests and simulations.
    ///
    /// # Errors
    /// The database cannot be made.
    pub fn temporary(key: &StoreKey) -> Result<Self, StoreError> {
        let db = sled::Config::new().temporary(true).cache_capacity(CACHE).flush_every_ms(None).open()?;
        Self::assemble(db, key, Vec::new(), Failpoint::new(None), None)
    }

    fn assemble(
        db: sled::Db,
        key: &StoreKey,
        files: Vec<PathBuf>,
        failpoint: Failpoint,
        lock: Option<DirLock>,
    ) -> Result<Self, StoreError> {
        let failpoint = Arc::new(failpoint);
        let flusher = Flusher::start(db.clone(), files, Arc::clone(&failpoint))?;
        let inner = Inner { db, sealer: Sealer::new(key), key: key.clone(), young: Mutex::default(), failpoint, flusher, _lock: lock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// The record cannot be serialised, or the database fails.
    pub async fn put<T: Serialize>(&self, table: Table, key: &str, record: &T) -> Result<(), StoreError> {
        let (place, sealed) = table::encode(&self.inner.sealer, table, key, record)?;
        self.blocking(move |inner| Ok(inner.failpoint.around(|| inner.db.insert(place, sealed)).map(drop)?)).await
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The record cannot be read, or the database fails.
    pub async fn get<T: DeserializeOwned + Send + 'static>(&self, table: Table, key: &str) -> Result<Option<T>, StoreError> {
        let key = key.to_owned();
        self.blocking(move |inner| match inner.db.get(table.place(key.as_bytes()))? {
            Some(sealed) => table::decode(&inner.sealer, table, &key, &sealed).map(Some),
            None => Ok(None),
        })
        .await
    }

    /// Deletes a record; one that is absent is no error.
    ///
    /// # Errors
    /// The database fails.
    pub async fn delete(&self, table: Table, key: &str) -> Result<(), StoreError> {
        let place = table.place(key.as_bytes());
        self.blocking(move |inner| Ok(inner.failpoint.around(|| inner.db.remove(place)).map(drop)?)).await
    }

    /// Every record whose key begins with `prefix`, in the order of keys. A record that cannot be read is left out and
    /// logged: it must not hide the others.
    ///
    /// # Errors
    /// The database fails.
    pub async fn scan<T: DeserializeOwned + Send + 'static>(&self, table: Table, prefix: &str) -> Result<Vec<(String, T)>, StoreError> {
        let prefix = table.place(prefix.as_bytes());
        self.blocking(move |inner| {
            let mut records = Vec::new();
            for found in inner.db.scan_prefix(prefix) {
                let (place, sealed) = found?;
                if is_plain(&place) {
                    continue;
                }
                let key = String::from_utf8_lossy(&place[1..]).into_owned();
                match table::decode(&inner.sealer, table, &key, &sealed) {
                    Ok(record) => records.push((key, record)),
                    Err(err) => tracing::error!(error = %err, "a record is left out"),
                }
            }
            Ok(records)
        })
        .await
    }

    /// The keys that begin with `prefix`, in order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn keys(&self, table: Table, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = table.place(prefix.as_bytes());
        self.blocking(move |inner| {
            let keys = inner.db.scan_prefix(prefix).keys();
            let keys = keys.filter(|place| !place.as_ref().is_ok_and(|place| is_plain(place)));
            keys.map(|place| Ok(String::from_utf8_lossy(&place?[1..]).into_owned())).collect()
        })
        .await
    }

    /// Does all of a batch or nothing of it.
    ///
    /// # Errors
    /// A record cannot be serialised, or the database fails.
    pub async fn batch(&self, batch: Batch) -> Result<(), StoreError> {
        self.blocking(move |inner| {
            let batch = batch.seal(&inner.sealer)?;
            Ok(inner.failpoint.around(|| inner.db.apply_batch(batch))?)
        })
        .await
    }

    /// Adds a record to the list under `list`, keeping the newest `keep`. Answers its key.
    ///
    /// # Errors
    /// The record cannot be serialised, or the database fails.
    pub async fn append<T: Serialize>(&self, table: Table, list: &str, record: &T, keep: usize) -> Result<String, StoreError> {
        let record = serde_json::to_value(record);
        let record = record.map_err(|err| StoreError::Unwritable { table, key: list.into(), why: err.to_string() })?;
        let list = list.to_owned();
        self.blocking(move |inner| {
            // ids only grow, also over restarts, so the order of keys is the order of time
            let key = format!("{list}/{:020}", inner.db.generate_id()?);
            let mut batch = sled::Batch::default();
            let (place, sealed) = table::encode(&inner.sealer, table, &key, &record)?;
            batch.insert(place, sealed);
            let old: Result<Vec<_>, _> = inner.db.scan_prefix(table.place(format!("{list}/").as_bytes())).keys().collect();
            let old = old?;
            let surplus = (old.len() + 1).saturating_sub(keep.max(1));
            old.into_iter().take(surplus).for_each(|place| batch.remove(place));
            inner.failpoint.around(|| inner.db.apply_batch(batch))?;
            Ok(key)
        })
        .await
    }

    /// Adds a drift episode of a unit; the newest 200 are kept.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub async fn append_drift<T: Serialize>(&self, unit: &str, episode: &T) -> Result<String, StoreError> {
        self.append(Table::Drift, unit, episode, 200).await
    }

    /// Waits until everything written so far survives the death of this process.
    ///
    /// # Errors
    /// The database fails.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.inner.flusher.flush(Depth::Process).await
    }

    /// Waits until everything written so far survives the loss of power; once per settled revision is enough.
    ///
    /// # Errors
    /// The database or the file system fails.
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.inner.flusher.flush(Depth::Disk).await
    }

    /// A key derived for another purpose, such as keyed randomness in templates.
    #[must_use]
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.inner.key.derive(purpose)
    }

    /// Bytes that the database takes on disk.
    ///
    /// # Errors
    /// The files cannot be looked at.
    pub async fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.blocking(|inner| Ok(inner.db.size_on_disk()?)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.inner.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Why a database was not opened.
enum Refused {
    /// It cannot be read: begin anew.
    Broken(String),
    /// Beginning anew would be wrong.
    Fatal(StoreError),
}

fn open_db(path: &Path, key: &StoreKey) -> Result<sled::Db, Refused> {
    let existed = path.join("db").metadata().is_ok_and(|file| file.len() > 0);
    let config = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None);
    // a child of this process that is just being started may hold a copy of a file that was closed a moment ago
    let give_up = Instant::now() + Duration::from_secs(5);
    let db = loop {
        // damaged files can make the database panic
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => break db,
            Ok(Err(err)) if err.to_string().contains(IN_USE) => {
                if Instant::now() > give_up {
                    return Err(Refused::Fatal(StoreError::Locked { dir: path.into(), holder: "unknown".into() }));
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            Ok(Err(sled::Error::Io(source))) if source.kind() != std::io::ErrorKind::UnexpectedEof && !is_damage(&source) => {
                return Err(Refused::Fatal(StoreError::Io { what: "open the store", path: path.into(), source }));
            }
            Ok(Err(err)) => return Err(Refused::Broken(err.to_string())),
            Err(_) => return Err(Refused::Broken("the database cannot recover it".into())),
        }
    };
    check(&db, path, key, existed)?;
    Ok(db)
}

/// Compares schema and key, or writes them into a new database.
fn check(db: &sled::Db, path: &Path, key: &StoreKey, existed: bool) -> Result<(), Refused> {
    let broken = |err: sled::Error| Refused::Broken(err.to_string());
    let place = |key: &[u8]| Table::Meta.place(key);
    let mac = key.mac(&[b"check\0"]);
    let schema = db.get(place(SCHEMA_KEY)).map_err(broken)?;
    let Some(schema) = schema else {
        // damage can look like an empty database
        if existed || !db.is_empty() {
            return Err(Refused::Broken("it has no schema".into()));
        }
        let mut batch = sled::Batch::default();
        batch.insert(place(SCHEMA_KEY), &SCHEMA.to_be_bytes()[..]);
        batch.insert(place(CHECK_KEY), &mac[..]);
        db.apply_batch(batch).and_then(|()| db.flush()).map_err(broken)?;
        return Ok(());
    };
    let found = <[u8; 4]>::try_from(&*schema).map(u32::from_be_bytes);
    let found = found.map_err(|_| Refused::Broken("its schema cannot be read".into()))?;
    if found > SCHEMA {
        return Err(Refused::Fatal(StoreError::TooNew { dir: path.into(), found, known: SCHEMA }));
    }
    if db.get(place(CHECK_KEY)).map_err(broken)?.is_none_or(|check| *check != mac) {
        return Err(Refused::Broken("it was written with another key".into()));
    }
    Ok(())
}

/// Errors of reading that come from what is in the files, not from the file system.
fn is_damage(err: &std::io::Error) -> bool {
    matches!(err.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Other)
}

/// Whether a place holds one of the plain records.
fn is_plain(place: &[u8]) -> bool {
    place.first() == Some(&(Table::Meta as u8)) && place.get(1) == Some(&0)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

#[cfg(test)]
mod tests;
