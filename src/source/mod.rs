//! Reference grammar, semver tag selection, snapshots and ignore rules. Pure.
//!
//! A [`Snapshot`] is what every source hands on: one immutable tree of files with a digest. Where the bytes live is
//! behind [`Objects`]: the Git edge reads them from an object database, [`MemoryObjects`] holds unpacked archives and tests.

mod ignore;
mod memory;
mod object;
mod reference;
mod revision;
mod snapshot;
mod version;
mod walk;

pub use ignore::IgnoreRules;
pub use memory::MemoryObjects;
pub use object::{Entry, EntryKind, ObjectError, Objects, Oid};
pub use reference::{GitRef, RefError, RefFields, RemoteRef, Resolved};
pub use revision::{CommitInfo, Person, Revision, RevisionError};
pub use snapshot::{Limits, Snapshot, SnapshotError};
pub use version::{VersionRange, VersionRangeError};
pub use walk::TreeMemo;
