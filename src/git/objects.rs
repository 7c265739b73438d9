//! Trees, blobs and commits from an object database, for as long as somebody holds them.

use super::{GitError, GitErrorClass};
use crate::source::{CommitInfo, Entry, EntryKind, ObjectError, Objects, Oid, Person, Revision, Snapshot, TreeMemo};
use bytes::Bytes;
use gix::{
    ObjectId,
    objs::{CommitRef, Find, FindHeader, Kind, TreeRefIter, tree::EntryKind as Mode},
    odb::{Cache, Store, pack::cache::lru::StaticLinkedList, store::Handle},
};
use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

type OdbHandle = Cache<Handle<Arc<Store>>>;

/// Handles kept for reuse; each has its own cache of delta bases.
const MAX_IDLE_HANDLES: usize = 4;

/// Objects larger than this are not even unpacked.
const MAX_OBJECT: u64 = 1 << 30;

/// An object database, and whatever keeps its files from being deleted.
pub(super) struct GitObjects {
    store: Arc<Store>,
    idle: Mutex<Vec<OdbHandle>>,
    memo: Arc<TreeMemo>,
    /// The mirror's directory, deleted when the last one who reads from it is gone.
    _keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for GitObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitObjects({})", self.store.path().display())
    }
}

impl GitObjects {
    pub(super) fn new(store: Arc<Store>, memo: Arc<TreeMemo>, keep: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        Self { store, idle: Mutex::default(), memo, _keep: keep }
    }

    fn with<T>(&self, work: impl FnOnce(&OdbHandle) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let handle = idle.unwrap_or_else(|| self.store.to_cache_arc().with_pack_cache(|| Box::new(StaticLinkedList::<64>::default())));
        let out = work(&handle);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_HANDLES {
            idle.push(handle);
        }
        out
    }

    /// Reads an object of a kind; annotated tags are followed to a commit.
    fn read<T>(&self, id: &Oid, want: Kind, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, ObjectError> {
        let fail = |why: String| ObjectError { id: id.to_string(), why };
        if self.len(id)? > MAX_OBJECT {
            return Err(fail(format!("it has more than {} MiB", MAX_OBJECT >> 20)));
        }
        let oid = ObjectId::try_from(id.as_bytes()).map_err(|err| fail(err.to_string()))?;
        self.with(|handle| {
            let mut buffer = Vec::new();
            let data = handle.try_find(&oid, &mut buffer).map_err(|err| fail(err.to_string()))?;
            let data = data.ok_or_else(|| fail("it is missing".into()))?;
            if data.kind != want {
                return Err(fail(format!("it is a {}, not a {want}", data.kind)));
            }
            parse(data.data).map_err(fail)
        })
    }

    fn len(&self, id: &Oid) -> Result<u64, ObjectError> {
        let fail = |why: String| ObjectError { id: id.to_string(), why };
        let oid = ObjectId::try_from(id.as_bytes()).map_err(|err| fail(err.to_string()))?;
        let header = self.with(|handle| handle.try_header(&oid)).map_err(|err| fail(err.to_string()))?;
        header.map(|header| header.size).ok_or_else(|| fail("it is missing".into()))
    }

    /// Whether an object is there.
    pub(super) fn has(&self, id: &Oid) -> bool {
        self.len(id).is_ok()
    }

    /// What a commit says, and its tree.
    pub(super) fn commit(&self, id: &Oid) -> Result<(CommitInfo, Oid), ObjectError> {
        self.read(id, Kind::Commit, |data| {
            let text = |err: gix::Error| err.to_string();
            let commit = CommitRef::from_bytes(data, gix::hash::Kind::Sha1).map_err(text)?;
            let tree = Oid::from_bytes(commit.tree().as_bytes()).ok_or("its tree has no usable id")?;
            let message = String::from_utf8_lossy(commit.message).into_owned();
            let info = CommitInfo {
                id: id.to_string(),
                author: person(commit.author().map_err(text)?),
                committer: person(commit.committer().map_err(text)?),
                subject: message.lines().next().unwrap_or_default().trim().into(),
                message,
                parents: commit.parents().map(|parent| parent.to_string()).collect(),
            };
            Ok((info, tree))
        })
    }

    /// The snapshot of a commit.
    pub(super) fn snapshot(self: &Arc<Self>, commit: &Oid, revision: Revision, ignore: Option<&str>) -> Result<Snapshot, GitError> {
        let (info, tree) = self.commit(commit)?;
        let objects: Arc<dyn Objects> = self.clone();
        objects.tree(&tree)?;
        Ok(Snapshot::new(objects, tree, revision, Some(info), ignore, self.memo.clone())?)
    }
}

impl Objects for GitObjects {
    fn tree(&self, id: &Oid) -> Result<Vec<Entry>, ObjectError> {
        self.read(id, Kind::Tree, |data| {
            let entry = |entry: gix::Result<gix::objs::tree::EntryRef<'_>>| {
                let entry = entry.map_err(|err| err.to_string())?;
                let kind = match entry.mode.kind() {
                    Mode::Tree => EntryKind::Dir,
                    Mode::Blob | Mode::BlobExecutable => EntryKind::File,
                    Mode::Link => EntryKind::Link,
                    Mode::Commit => EntryKind::Submodule,
                };
                let id = Oid::from_bytes(entry.oid.as_bytes()).ok_or("an entry has no usable id")?;
                Ok(Entry { name: String::from_utf8_lossy(entry.filename).into_owned(), kind, id })
            };
            TreeRefIter::from_bytes(data, gix::hash::Kind::Sha1).map(entry).collect()
        })
    }

    fn blob(&self, id: &Oid) -> Result<Bytes, ObjectError> {
        self.read(id, Kind::Blob, |data| Ok(Bytes::copy_from_slice(data)))
    }

    fn blob_len(&self, id: &Oid) -> Result<u64, ObjectError> {
        self.len(id)
    }
}

fn person(signature: gix::actor::SignatureRef<'_>) -> Person {
    let time = signature.time().unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Person { name: text(signature.name), email: text(signature.email), seconds: time.seconds, offset: time.offset }
}

/// A corrupt object database shows as unreadable objects.
pub(super) fn is_corruption(err: &GitError) -> bool {
    err.class == GitErrorClass::Local
}
