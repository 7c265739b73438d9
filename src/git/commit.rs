//! Making repositories and commits without any `git` program: the demo and the tests write their history with this.

use super::{GitError, error::chain, local};
use crate::source::Oid;
use gix::{
    ObjectId,
    objs::tree::EntryKind,
    refs::{
        Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
};
use std::path::Path;

/// Who makes a commit, and when.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// Name.
    pub name: &'a str,
    /// Mail address.
    pub email: &'a str,
    /// Seconds since the epoch.
    pub seconds: i64,
}

/// Makes an empty bare repository whose HEAD is `branch`; one that is there already is left as it is.
///
/// # Errors
/// The directory cannot be written.
pub fn init_bare(path: &Path, branch: &str) -> Result<(), GitError> {
    if path.join("HEAD").exists() {
        return Ok(());
    }
    let lay_out = || {
        for dir in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
            std::fs::create_dir_all(path.join(dir))?;
        }
        std::fs::write(path.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        std::fs::write(path.join("HEAD"), format!("ref: refs/heads/{branch}\n"))
    };
    lay_out().map_err(|err| GitError::local(format!("cannot create {}", path.display()), err))
}

/// Commits exactly these files (path and content) onto a branch and moves the branch. What the branch held before and is
/// not among `files` is gone, as in a checkout that was replaced.
///
/// # Errors
/// The repository cannot be written, or the branch was moved meanwhile.
pub fn commit<P: AsRef<str>, B: AsRef<[u8]>>(
    repository: &Path,
    branch: &str,
    files: impl IntoIterator<Item = (P, B)>,
    author: Author<'_>,
    message: &str,
) -> Result<Oid, GitError> {
    write(repository, None, branch, files.into_iter().map(|(path, bytes)| (path, Some(bytes))), author, message)
}

/// Commits changes onto what the branch holds: a content replaces or adds a file, `None` removes it.
///
/// # Errors
/// As [`commit`].
pub fn amend_files<P: AsRef<str>, B: AsRef<[u8]>>(
    repository: &Path,
    branch: &str,
    changes: impl IntoIterator<Item = (P, Option<B>)>,
    author: Author<'_>,
    message: &str,
) -> Result<Oid, GitError> {
    write(repository, Some(branch), branch, changes, author, message)
}

fn write<P: AsRef<str>, B: AsRef<[u8]>>(
    path: &Path,
    base: Option<&str>,
    branch: &str,
    files: impl IntoIterator<Item = (P, Option<B>)>,
    author: Author<'_>,
    message: &str,
) -> Result<Oid, GitError> {
    let failed = |err: gix::Error| GitError::local(format!("cannot commit to {}", path.display()), chain(&err));
    let repository = local::open(path)?;
    let name = format!("refs/heads/{branch}");
    let parent = match repository.try_find_reference(name.as_str()).map_err(failed)? {
        Some(mut reference) => Some(reference.peel_to_id().map_err(failed)?.detach()),
        None => None,
    };
    let start = match parent.filter(|_| base.is_some()) {
        Some(parent) => repository.find_commit(parent).and_then(|commit| Ok(commit.tree_id()?.detach())).map_err(failed)?,
        None => ObjectId::empty_tree(gix::hash::Kind::Sha1),
    };
    let mut editor = repository.edit_tree(start).map_err(failed)?;
    for (file, content) in files {
        let file = file.as_ref();
        match content {
            Some(content) => {
                let blob = repository.write_blob(content).map_err(failed)?;
                editor.upsert(file, EntryKind::Blob, blob).map_err(failed)?;
            }
            None => {
                editor.remove(file).map_err(failed)?;
            }
        }
    }
    let tree = editor.write().map_err(failed)?.detach();
    let signature = gix::actor::Signature {
        name: author.name.into(),
        email: author.email.into(),
        time: gix::date::Time { seconds: author.seconds, offset: 0 },
    };
    let commit = gix::objs::Commit {
        tree,
        parents: parent.into_iter().collect(),
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    let id = repository.write_object(&commit).map_err(failed)?.detach();
    point(&repository, &name, id, parent.map_or(PreviousValue::MustNotExist, |id| PreviousValue::MustExistAndMatch(Target::Object(id))))
        .map_err(failed)?;
    Oid::from_bytes(id.as_bytes()).ok_or_else(|| GitError::local("cannot commit", "the id has no usable length"))
}

/// Makes or moves a lightweight tag.
///
/// # Errors
/// The repository cannot be written.
pub fn tag(repository: &Path, name: &str, commit: &Oid) -> Result<(), GitError> {
    let opened = local::open(repository)?;
    let failed = |err: gix::Error| GitError::local(format!("cannot tag in {}", repository.display()), chain(&err));
    let id = ObjectId::try_from(commit.as_bytes()).map_err(|err| GitError::local("cannot tag", err))?;
    point(&opened, &format!("refs/tags/{name}"), id, PreviousValue::Any).map_err(failed)
}

fn point(repository: &gix::Repository, name: &str, id: ObjectId, expected: PreviousValue) -> gix::Result<()> {
    let log = LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: "".into() };
    let change = Change::Update { log, expected, new: Target::Object(id) };
    let name = gix::refs::FullName::try_from(name).map_err(gix::Error::from_error)?;
    repository.edit_reference(RefEdit { change, name, deref: false })?;
    Ok(())
}
