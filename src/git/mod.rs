//! Git sources by gix: bare shallow mirrors, cheap reference polling, blobs from the object database. Edge.
//!
//! [`Git`] holds the mirrors; [`Git::mirror`] gives a repository that can be asked which commit a reference means
//! ([`GitMirror::resolve`]) and for its [`Snapshot`](crate::source::Snapshot) ([`GitMirror::fetch`]). Nothing is checked
//! out, no program is started, no configuration outside the repository is read.

pub mod commit;
mod error;
mod http;
mod local;
mod mirror;
mod objects;
mod remote;
mod service;
mod session;
pub mod watch;

pub use error::{GitError, GitErrorClass};
pub use remote::{Credentials, GitUrl, Proxy, Remote, Tls};
pub use service::{Git, GitMirror, GitOptions, Update};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod testserver;
