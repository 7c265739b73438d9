//! Bare, shallow mirrors of remote repositories on disk.
//!
//! A mirror is a directory of generations, `<n>.git` each. Every fetch adds a pack, and nothing collects garbage, so after
//! some packs a new generation is fetched beside the old one, which is deleted when nobody reads from it any more.

use super::{
    GitError, GitErrorClass,
    objects::{GitObjects, is_corruption},
    session::{ObjectDir, Session, Target},
};
use crate::source::{Oid, Resolved, Snapshot, TreeMemo};
use gix::odb::store::init::{Options as StoreOptions, Slots};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The mirror of one repository. Fetches into it are serialised by the caller; snapshots are read at any time.
pub(super) struct Mirror {
    root: PathBuf,
    max_packs: usize,
    memo: Arc<TreeMemo>,
    current: Mutex<Option<Arc<Generation>>>,
}

/// One repository on disk.
struct Generation {
    dir: Arc<Dir>,
    objects: Arc<GitObjects>,
    store: Arc<gix::odb::Store>,
}

/// A directory that deletes itself, once it is doomed, with its last user.
#[derive(Debug)]
struct Dir {
    path: PathBuf,
    doomed: AtomicBool,
}

impl Drop for Dir {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Relaxed)
            && let Err(err) = fs::remove_dir_all(&self.path)
            && err.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), error = %err, "cannot delete an old mirror");
        }
    }
}

impl Mirror {
    pub(super) fn new(root: PathBuf, max_packs: usize) -> Self {
        Self { root, max_packs, memo: Arc::default(), current: Mutex::default() }
    }

    /// The snapshot of a commit that is already here.
    pub(super) fn snapshot(&self, resolved: &Resolved, ignore: Option<&str>) -> Result<Option<Snapshot>, GitError> {
        let Some(generation) = self.generation()? else { return Ok(None) };
        self.read(&generation, resolved, ignore)
    }

    /// Reads a commit; a mirror that cannot be read is moved aside.
    fn read(&self, generation: &Arc<Generation>, resolved: &Resolved, ignore: Option<&str>) -> Result<Option<Snapshot>, GitError> {
        if !generation.knows(&resolved.commit) {
            return Ok(None);
        }
        match generation.objects.snapshot(&resolved.commit, resolved.revision.clone(), ignore) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(err) if is_corruption(&err) => {
                self.move_aside(generation, &err);
                Ok(None)
            }
            Err(err) => Err(err),
        }
    }

    /// Fetches a commit, if it is not here, and reads it.
    pub(super) fn fetch(
        &self,
        session: &mut dyn FnMut() -> Result<Session, GitError>,
        resolved: &Resolved,
        ignore: Option<&str>,
        interrupt: &AtomicBool,
    ) -> Result<Snapshot, GitError> {
        if let Some(snapshot) = self.snapshot(resolved, ignore)? {
            return Ok(snapshot);
        }
        if let Some(generation) = self.generation()?.filter(|generation| generation.packs() < self.max_packs) {
            let fetched = generation.fetch(&mut session()?, &resolved.commit, interrupt);
            match fetched {
                Ok(()) => {
                    if let Some(snapshot) = self.read(&generation, resolved, ignore)? {
                        return Ok(snapshot);
                    }
                }
                // a damaged base of a thin pack looks like a protocol error: start anew rather than fail for ever
                Err(err) if matches!(err.class, GitErrorClass::Local | GitErrorClass::Protocol) => {
                    tracing::warn!(mirror = %self.root.display(), error = %err, "fetching the whole commit anew");
                }
                Err(err) => return Err(err),
            }
        }
        let generation = self.renew(&mut session()?, &resolved.commit, interrupt)?;
        let unreadable = || GitError::new(GitErrorClass::Local, format!("commit {} cannot be read after it was fetched", resolved.commit));
        self.read(&generation, resolved, ignore)?.ok_or_else(unreadable)
    }

    /// Deletes the mirror, as soon as nobody reads from it.
    pub(super) fn forget(&self) {
        if let Some(generation) = self.lock().take() {
            generation.dir.doomed.store(true, Ordering::Relaxed);
        }
        // fails while snapshots are held; the rest goes when the daemon starts next
        let _ = fs::remove_dir(&self.root);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Generation>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current generation; found on disk the first time.
    fn generation(&self) -> Result<Option<Arc<Generation>>, GitError> {
        let mut current = self.lock();
        if current.is_none() {
            let numbers = self.numbers()?;
            if let Some(newest) = numbers.last() {
                for old in &numbers[..numbers.len() - 1] {
                    let _ = fs::remove_dir_all(self.path(*old));
                }
                match Generation::open(self.path(*newest), self.memo.clone()) {
                    Ok(generation) => *current = Some(Arc::new(generation)),
                    Err(err) => {
                        tracing::warn!(mirror = %self.root.display(), error = %err, "the mirror cannot be opened and is moved aside");
                        self.rename_broken(&self.path(*newest));
                    }
                }
            }
        }
        Ok(current.clone())
    }

    /// The generations on disk, in order. Leftovers of an interrupted fetch are deleted.
    fn numbers(&self) -> Result<Vec<u64>, GitError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(err) => return Err(GitError::local(format!("cannot read {}", self.root.display()), err)),
        };
        let mut numbers = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(number) = name.strip_suffix(".git").and_then(|number| number.parse().ok()) {
                numbers.push(number);
            } else if name.ends_with(".tmp") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.root.join(format!("{number}.git"))
    }

    /// Fetches a commit into a new generation beside the current one.
    fn renew(&self, session: &mut Session, want: &Oid, interrupt: &AtomicBool) -> Result<Arc<Generation>, GitError> {
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let (path, draft) = (self.path(number), self.root.join(format!("{number}.tmp")));
        let _ = fs::remove_dir_all(&draft);
        lay_out(&draft).map_err(|err| GitError::local(format!("cannot create {}", draft.display()), err))?;
        let fetched = Generation::open(draft.clone(), self.memo.clone()).and_then(|new| new.fetch(session, want, interrupt));
        let moved = fetched
            .and_then(|()| fs::rename(&draft, &path).map_err(|err| GitError::local(format!("cannot create {}", path.display()), err)));
        if let Err(err) = moved {
            let _ = fs::remove_dir_all(&draft);
            return Err(err);
        }
        let generation = Arc::new(Generation::open(path, self.memo.clone())?);
        if let Some(old) = self.lock().replace(generation.clone()) {
            old.dir.doomed.store(true, Ordering::Relaxed);
        }
        Ok(generation)
    }

    fn move_aside(&self, generation: &Arc<Generation>, err: &GitError) {
        tracing::warn!(mirror = %self.root.display(), error = %err, "the mirror is damaged and is moved aside");
        let mut current = self.lock();
        if current.as_ref().is_some_and(|now| Arc::ptr_eq(now, generation)) {
            *current = None;
            self.rename_broken(&generation.dir.path);
        }
    }

    /// Keeps the newest damaged mirror for whoever wants to look at it.
    fn rename_broken(&self, path: &Path) {
        let broken = self.root.join("broken");
        let _ = fs::remove_dir_all(&broken);
        if fs::rename(path, &broken).is_err() {
            let _ = fs::remove_dir_all(path);
        }
    }
}

impl Generation {
    fn open(path: PathBuf, memo: Arc<TreeMemo>) -> Result<Self, GitError> {
        sweep(&path);
        let options = StoreOptions { slots: Slots::Given(256), alloc_limit_bytes: Some(1 << 30), ..StoreOptions::default() };
        let objects = path.join("objects");
        let store = gix::odb::Store::at_opts(objects, gix::hash::Kind::Sha1, &mut std::iter::empty(), options);
        let store = Arc::new(store.map_err(|err| GitError::local(format!("cannot open {}", path.display()), err))?);
        let dir = Arc::new(Dir { path, doomed: AtomicBool::new(false) });
        let objects = Arc::new(GitObjects::new(store.clone(), memo, Some(dir.clone())));
        Ok(Self { dir, objects, store })
    }

    /// Whether a commit was fetched here.
    fn knows(&self, commit: &Oid) -> bool {
        self.dir.path.join(FETCHED).join(commit.to_string()).exists()
    }

    fn commits(&self) -> Vec<Oid> {
        let entries = fs::read_dir(self.dir.path.join(FETCHED)).into_iter().flatten().flatten();
        entries.filter_map(|entry| Oid::from_hex(&entry.file_name().to_string_lossy())).filter(|id| self.objects.has(id)).collect()
    }

    fn packs(&self) -> usize {
        let entries = fs::read_dir(self.dir.path.join("objects/pack")).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count()
    }

    fn fetch(&self, session: &mut Session, want: &Oid, interrupt: &AtomicBool) -> Result<(), GitError> {
        let path = &self.dir.path;
        let shallow_file = path.join("shallow");
        session.fetch(&Target { objects: ObjectDir(self.store.clone()), shallow_file: &shallow_file }, want, &self.commits(), interrupt)?;
        // the reference comes last: a commit that has one is complete
        let reference = path.join(FETCHED).join(want.to_string());
        fs::write(&reference, format!("{want}\n")).map_err(|err| GitError::local(format!("cannot write {}", reference.display()), err))
    }
}

/// A reference per fetched commit, so that `git` can be pointed at a mirror to look into it.
const FETCHED: &str = "refs/helmward";

/// An empty bare repository, without hooks.
fn lay_out(path: &Path) -> io::Result<()> {
    for dir in ["objects/pack", "objects/info", "refs/heads", FETCHED] {
        fs::create_dir_all(path.join(dir))?;
    }
    fs::write(path.join("HEAD"), "ref: refs/heads/main\n")?;
    fs::write(path.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
}

/// Deletes what a killed process left behind: locks and unfinished packs.
fn sweep(path: &Path) {
    let _ = fs::remove_file(path.join("shallow.lock"));
    for entry in fs::read_dir(path.join("objects/pack")).into_iter().flatten().flatten() {
        let path = entry.path();
        let finished = path.extension().is_some_and(|extension| extension == "pack" || extension == "idx");
        if !finished {
            let _ = fs::remove_file(path);
        }
    }
}
