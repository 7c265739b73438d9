//! Repositories on this machine, opened where they are: nothing is copied, no program is started.

use super::{GitError, GitErrorClass, objects::GitObjects};
use crate::source::{Oid, RemoteRef, Resolved, Snapshot, TreeMemo};
use std::{path::Path, sync::Arc};

/// Opens a repository, bare or not, following `.git` files of work trees. Only its own configuration is read.
pub(super) fn open(path: &Path) -> Result<gix::Repository, GitError> {
    if !path.exists() {
        return Err(GitError::new(GitErrorClass::NotFound, "there is no such directory").hint("check the path"));
    }
    let opened = gix::open::Options::isolated().open(path);
    let repository = opened.map_err(|err| {
        GitError::new(GitErrorClass::NotFound, format!("not a Git repository that can be opened: {}", super::error::chain(&err)))
            .hint("give the directory that holds .git, or a bare repository")
    })?;
    Ok(repository.to_thread_local())
}

/// The references with one of the prefixes, tags peeled.
pub(super) fn ls_refs(repository: &gix::Repository, prefixes: &[String]) -> Result<Vec<RemoteRef>, GitError> {
    let failed = |err: gix::Error| GitError::local("cannot read the references", super::error::chain(&err));
    let mut found = Vec::new();
    for prefix in prefixes {
        if prefix.ends_with('/') {
            let platform = repository.references().map_err(failed)?;
            let all = platform.all().map_err(failed)?;
            // a single damaged reference must not hide the others
            found.extend(all.flatten().filter(|r| r.name().as_bstr().starts_with(prefix.as_bytes())).filter_map(remote_ref));
        } else if let Some(reference) = repository.try_find_reference(prefix.as_str()).map_err(failed)? {
            found.extend(remote_ref(reference));
        }
    }
    Ok(found)
}

fn remote_ref(mut reference: gix::Reference<'_>) -> Option<RemoteRef> {
    let name = reference.name().as_bstr().to_string();
    let target = reference.target().try_name().map(|name| name.as_bstr().to_string());
    let id = Oid::from_bytes(reference.peel_to_id().ok()?.as_bytes())?;
    Some(RemoteRef { name, id, target })
}

/// Reads a commit.
pub(super) fn snapshot(
    repository: &gix::Repository,
    resolved: &Resolved,
    ignore: Option<&str>,
    memo: Arc<TreeMemo>,
) -> Result<Snapshot, GitError> {
    let objects = Arc::new(GitObjects::new(repository.objects.store(), memo, None));
    if !objects.has(&resolved.commit) {
        return Err(GitError::new(GitErrorClass::RefNotFound, format!("commit {} is not in the repository", resolved.commit)));
    }
    objects.snapshot(&resolved.commit, resolved.revision.clone(), ignore)
}
