//! Revision strings as Flux writes them, and what a commit says about itself.

use super::Oid;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// `main@sha1:<hex>`, `v1.2.3@sha1:<hex>`, `sha1:<hex>`: a name, where there is one, and a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision {
    /// Branch, tag, reference or version; `None` for a bare commit.
    pub name: Option<String>,
    /// Digest algorithm, such as `sha1` or `sha256`.
    pub algorithm: String,
    /// Digest in hexadecimal.
    pub hex: String,
}

impl Revision {
    /// The revision of a commit under a name.
    #[must_use]
    pub fn new(name: Option<&str>, id: &Oid) -> Self {
        Self { name: name.map(Into::into), algorithm: id.algorithm().into(), hex: id.to_string() }
    }

    /// `sha1:<hex>`.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{}:{}", self.algorithm, self.hex)
    }

    /// The name and the first seven digits, for people: `main@1234567`.
    #[must_use]
    pub fn short(&self) -> String {
        let hex = &self.hex[..self.hex.len().min(7)];
        self.name.as_ref().map_or_else(|| hex.to_owned(), |name| format!("{name}@{hex}"))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}@")?;
        }
        write!(f, "{}:{}", self.algorithm, self.hex)
    }
}

/// A text that is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no revision; expected NAME@ALGORITHM:HEX or ALGORITHM:HEX")]
pub struct RevisionError(String);

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        // branch names may hold an @, digests never do
        let (name, digest) = text.rsplit_once('@').map_or((None, text), |(name, digest)| (Some(name), digest));
        let bad = || RevisionError(text.into());
        let (algorithm, hex) = digest.split_once(':').ok_or_else(bad)?;
        let sound = !algorithm.is_empty() && !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()) && name != Some("");
        sound.then(|| Self { name: name.map(Into::into), algorithm: algorithm.into(), hex: hex.into() }).ok_or_else(bad)
    }
}

impl TryFrom<String> for Revision {
    type Error = RevisionError;

    fn try_from(text: String) -> Result<Self, RevisionError> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

/// What a commit says about itself, for pages, events and messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    /// Commit id in hexadecimal.
    pub id: String,
    /// Who wrote the change.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// First line of the message.
    pub subject: String,
    /// The whole message.
    pub message: String,
    /// Ids of the parents.
    pub parents: Vec<String>,
}

/// A name, an address and a time in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Offset of the writer's clock from UTC, in seconds.
    pub offset: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_round_trip() {
        let hex = "8a1e3b0c".repeat(5);
        for (text, name, short) in [
            (format!("main@sha1:{hex}"), Some("main"), "main@8a1e3b0"),
            (format!("feat/a@b@sha1:{hex}"), Some("feat/a@b"), "feat/a@b@8a1e3b0"),
            (format!("refs/pull/1/head@sha1:{hex}"), Some("refs/pull/1/head"), "refs/pull/1/head@8a1e3b0"),
            (format!("sha1:{hex}"), None, "8a1e3b0"),
        ] {
            let revision: Revision = text.parse().unwrap();
            assert_eq!((revision.name.as_deref(), revision.to_string(), revision.short().as_str()), (name, text.clone(), short));
            assert_eq!(serde_json::to_string(&revision).unwrap(), format!("{text:?}"));
        }
        assert_eq!(Revision::new(Some("main"), &Oid::from_hex(&hex).unwrap()).to_string(), format!("main@sha1:{hex}"));
        for bad in ["", "main", "main@", "main@sha1:", "@sha1:ab", "main@sha1:xyz", ":ab"] {
            assert!(bad.parse::<Revision>().is_err(), "{bad:?}");
        }
    }
}
