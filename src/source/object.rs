//! Content-addressed trees: ids, entries, and the seam behind which the bytes live.

use bytes::Bytes;
use std::fmt;

/// Where trees and blobs are read from. Implementations are cheap to call often and safe to call from any thread.
pub trait Objects: fmt::Debug + Send + Sync {
    /// The entries of a directory, in any order.
    ///
    /// # Errors
    /// The object is missing, unreadable or no tree.
    fn tree(&self, id: &Oid) -> Result<Vec<Entry>, ObjectError>;

    /// The content of a file or the target of a link.
    ///
    /// # Errors
    /// The object is missing, unreadable or no blob.
    fn blob(&self, id: &Oid) -> Result<Bytes, ObjectError>;

    /// The size of a blob, asked before it is read so that budgets hold.
    ///
    /// # Errors
    /// The object is missing or unreadable.
    fn blob_len(&self, id: &Oid) -> Result<u64, ObjectError>;
}

/// An object that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read object {id}: {why}")]
pub struct ObjectError {
    /// The object.
    pub id: String,
    /// What went wrong.
    pub why: String,
}

/// The id of an object: a SHA-1 or a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid {
    len: u8,
    bytes: [u8; 32],
}

impl Oid {
    /// An id from 20 or 32 bytes.
    #[must_use]
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        let len = match raw.len() {
            20 => 20,
            32 => 32,
            _ => return None,
        };
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { len, bytes })
    }

    /// An id from 40 or 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if !matches!(text.len(), 40 | 64) {
            return None;
        }
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let raw: Option<Vec<u8>> = text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
        Self::from_bytes(&raw?)
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// `sha1` or `sha256`, as revision strings name it.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        if self.len == 20 { "sha1" } else { "sha256" }
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name, without slashes.
    pub name: String,
    /// What stands under the name.
    pub kind: EntryKind,
    /// The tree, blob or commit.
    pub id: Oid,
}

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A directory.
    Dir,
    /// A file, executable or not.
    File,
    /// A symbolic link; its blob holds the target.
    Link,
    /// A commit of another repository; read as an empty directory.
    Submodule,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_and_print() {
        let hex = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let id = Oid::from_hex(hex).unwrap();
        assert_eq!((id.to_string().as_str(), id.algorithm(), id.as_bytes().len()), (hex, "sha1", 20));
        assert_eq!(Oid::from_hex(&"ab".repeat(32)).unwrap().algorithm(), "sha256");
        for bad in ["", "4b825d", &"g".repeat(40), &"é".repeat(20)] {
            assert_eq!(Oid::from_hex(bad), None, "{bad:?}");
        }
    }
}
