//! The embedded revision store on sled: journal, revisions, content, drift episodes. Edge.
//! (Stopgap until the full store lands: same calls.)

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Tables.
#[derive(Debug, Clone, Copy)]
pub enum Table {
    /// Units.
    Units,
}
/// Whether content is secret.
#[derive(Debug, Clone, Copy)]
pub enum Secrecy {
    /// Yes.
    Secret,
}
/// Errors.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled.
    #[error("store: {0}")]
    Sled(#[from] sled::Error),
    /// json.
    #[error("store: {0}")]
    Json(#[from] serde_json::Error),
    /// io.
    #[error("store: {0}")]
    Io(#[from] std::io::Error),
}
/// Key.
#[derive(Clone)]
pub struct StoreKey([u8; 32]);
impl StoreKey {
    /// Loads.
    ///
    /// # Errors
    /// io.
    pub fn load(_file: Option<&Path>, _dir: &Path) -> Result<Self, StoreError> {
        Ok(Self([7; 32]))
    }
    /// Derives.
    #[must_use]
    pub fn derive(&self, what: &str) -> [u8; 32] {
        let mut h = Sha256::new();
        h.update(self.0);
        h.update(what);
        h.finalize().into()
    }
}
/// Content id.
#[derive(Debug, Clone)]
pub struct ContentId(String);
impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for ContentId {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Ok(Self(s.into()))
    }
}
/// Store.
#[derive(Clone)]
pub struct Store(sled::Db);
impl Store {
    /// Opens.
    ///
    /// # Errors
    /// sled.
    pub async fn open(dir: &Path, _key: StoreKey) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir)?;
        Ok(Self(sled::Config::new().path(dir.join("revisions.db")).flush_every_ms(None).cache_capacity(8 << 20).open()?))
    }
    /// Gets.
    ///
    /// # Errors
    /// sled.
    pub async fn get<T: DeserializeOwned>(&self, _t: Table, key: &str) -> Result<Option<T>, StoreError> {
        Ok(self.0.get(key)?.map(|v| serde_json::from_slice(&v)).transpose()?)
    }
    /// Puts.
    ///
    /// # Errors
    /// sled.
    pub async fn put<T: Serialize>(&self, _t: Table, key: &str, v: &T) -> Result<(), StoreError> {
        self.0.insert(key, serde_json::to_vec(v)?)?;
        Ok(())
    }
    /// Deletes.
    ///
    /// # Errors
    /// sled.
    pub async fn delete(&self, _t: Table, key: &str) -> Result<(), StoreError> {
        self.0.remove(key)?;
        Ok(())
    }
    /// Flushes.
    ///
    /// # Errors
    /// sled.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.0.flush_async().await?;
        Ok(())
    }
    /// Syncs.
    ///
    /// # Errors
    /// sled.
    pub async fn sync(&self) -> Result<(), StoreError> {
        self.flush().await
    }
    /// Content.
    ///
    /// # Errors
    /// sled.
    pub async fn content_put(&self, bytes: Vec<u8>, _s: Secrecy) -> Result<ContentId, StoreError> {
        let id = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
        self.0.open_tree("content")?.insert(id.as_bytes(), bytes)?;
        Ok(ContentId(id))
    }
    /// Content.
    ///
    /// # Errors
    /// sled.
    pub async fn content_get(&self, id: &ContentId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.open_tree("content")?.get(id.0.as_bytes())?.map(|v| v.to_vec()))
    }
}
