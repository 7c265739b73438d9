//! A tree of files in memory: unpacked archives, and tests.

use super::{Entry, EntryKind, ObjectError, Objects, Oid};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Files in memory, content-addressed by SHA-256 the way Git does it.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    trees: HashMap<Oid, Vec<Entry>>,
    blobs: HashMap<Oid, Bytes>,
}

/// A directory while it is put together.
#[derive(Default)]
struct Dir {
    dirs: BTreeMap<String, Dir>,
    files: BTreeMap<String, (EntryKind, Bytes)>,
}

impl MemoryObjects {
    /// Builds the tree of `files` (path and content); answers the objects and the root's id. A later file wins over an
    /// earlier one of the same path.
    pub fn build<P: AsRef<str>, B: Into<Bytes>>(files: impl IntoIterator<Item = (P, B)>) -> (Self, Oid) {
        Self::build_kinds(files.into_iter().map(|(path, bytes)| (path, EntryKind::File, bytes)))
    }

    /// Like [`MemoryObjects::build`], with links: their content is the target.
    pub fn build_kinds<P: AsRef<str>, B: Into<Bytes>>(files: impl IntoIterator<Item = (P, EntryKind, B)>) -> (Self, Oid) {
        let mut root = Dir::default();
        for (path, kind, bytes) in files {
            let mut parts = path.as_ref().split('/').filter(|part| !part.is_empty()).peekable();
            let mut dir = &mut root;
            while let Some(part) = parts.next() {
                if parts.peek().is_some() {
                    dir = dir.dirs.entry(part.into()).or_default();
                } else {
                    dir.files.insert(part.into(), (kind, bytes.into()));
                    break;
                }
            }
        }
        let mut objects = Self::default();
        let id = objects.insert(root);
        (objects, id)
    }

    fn insert(&mut self, dir: Dir) -> Oid {
        let mut entries = Vec::new();
        for (name, child) in dir.dirs {
            entries.push(Entry { id: self.insert(child), kind: EntryKind::Dir, name });
        }
        for (name, (kind, bytes)) in dir.files {
            let id = hash("blob", &bytes);
            self.blobs.insert(id, bytes);
            entries.push(Entry { id, kind, name });
        }
        let mut text = Vec::new();
        for entry in &entries {
            text.extend_from_slice(format!("{:?} {}\0", entry.kind, entry.name).as_bytes());
            text.extend_from_slice(entry.id.as_bytes());
        }
        let id = hash("tree", &text);
        self.trees.insert(id, entries);
        id
    }
}

fn hash(kind: &str, content: &[u8]) -> Oid {
    let sum = Sha256::new().chain_update(format!("{kind} {}\0", content.len())).chain_update(content).finalize();
    Oid::from_bytes(&sum).expect("a SHA-256 has 32 bytes")
}

impl Objects for MemoryObjects {
    fn tree(&self, id: &Oid) -> Result<Vec<Entry>, ObjectError> {
        self.trees.get(id).cloned().ok_or_else(|| ObjectError { id: id.to_string(), why: "no such tree".into() })
    }

    fn blob(&self, id: &Oid) -> Result<Bytes, ObjectError> {
        self.blobs.get(id).cloned().ok_or_else(|| ObjectError { id: id.to_string(), why: "no such blob".into() })
    }

    fn blob_len(&self, id: &Oid) -> Result<u64, ObjectError> {
        Ok(self.blob(id)?.len() as u64)
    }
}
