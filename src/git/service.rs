//! The asynchronous face of Git: a bounded number of blocking operations, one fetch per mirror at a time.

use super::{
    GitError, GitErrorClass, Remote,
    http::{self, Link},
    local,
    mirror::Mirror,
    session::Session,
};
use crate::source::{GitRef, Resolved, Revision, Snapshot, TreeMemo};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{runtime::Handle, sync::Semaphore};

/// Settings for all repositories.
#[derive(Debug, Clone, Copy)]
pub struct GitOptions {
    /// Operations that run at the same time.
    pub concurrency: usize,
    /// Packs in a mirror before it is fetched anew.
    pub max_packs: usize,
    /// Bytes that one operation may receive.
    pub max_bytes: u64,
}

impl Default for GitOptions {
    fn default() -> Self {
        Self { concurrency: 8, max_packs: 24, max_bytes: 2 << 30 }
    }
}

/// All mirrors of a daemon. Cheap to clone.
#[derive(Clone)]
pub struct Git {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    options: GitOptions,
    runtime: Handle,
    permits: Arc<Semaphore>,
    mirrors: Mutex<HashMap<String, Arc<Shared>>>,
    /// The client of all remotes without certificates or a proxy of their own.
    plain: Mutex<Option<reqwest::Client>>,
}

/// What all users of one repository share.
struct Shared {
    mirror: Mirror,
    memo: Arc<TreeMemo>,
    fetching: Mutex<()>,
}

/// One repository, ready to be asked.
#[derive(Clone)]
pub struct GitMirror {
    git: Git,
    remote: Arc<Remote>,
    client: Option<reqwest::Client>,
    shared: Arc<Shared>,
}

/// What an update found.
#[derive(Debug)]
pub enum Update {
    /// The commit is the one that the caller has.
    Unchanged(Resolved),
    /// Another commit.
    New(Resolved, Snapshot),
}

impl Git {
    /// Mirrors below `dir`. To be called inside the runtime.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, options: GitOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.concurrency.max(1)));
        let (mirrors, plain) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { dir: dir.into(), options, runtime: Handle::current(), permits, mirrors, plain }) }
    }

    /// A repository. Nothing is asked yet.
    ///
    /// # Errors
    /// The certificates or the proxy cannot be used.
    pub fn mirror(&self, remote: Remote) -> Result<GitMirror, GitError> {
        let client = if remote.url.local_path().is_some() {
            None
        } else if remote.tls.ca.is_none() && remote.tls.identity.is_none() && remote.proxy.is_none() {
            let mut plain = self.inner.plain.lock().unwrap_or_else(PoisonError::into_inner);
            if plain.is_none() {
                *plain = Some(http::client(&remote)?);
            }
            plain.clone()
        } else {
            Some(http::client(&remote).map_err(|err| err.at(&remote.url.to_string()))?)
        };
        let key = remote.key();
        let mut mirrors = self.inner.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = mirrors.entry(key.clone()).or_insert_with(|| {
            let mirror = Mirror::new(self.inner.dir.join(&key), self.inner.options.max_packs);
            Arc::new(Shared { mirror, memo: Arc::default(), fetching: Mutex::default() })
        });
        Ok(GitMirror { git: self.clone(), remote: Arc::new(remote), client, shared: shared.clone() })
    }

    /// Deletes the mirror of a repository that nobody follows any more. Snapshots stay readable.
    pub async fn forget(&self, remote: &Remote) {
        let shared = self.inner.mirrors.lock().unwrap_or_else(PoisonError::into_inner).remove(&remote.key());
        if let Some(shared) = shared {
            let _ = self.inner.runtime.spawn_blocking(move || shared.mirror.forget()).await;
        }
    }

    /// Deletes every mirror on disk but those of `keep`; for the start, when nobody reads yet.
    pub async fn prune(&self, keep: impl IntoIterator<Item = &Remote>) {
        let keep: HashSet<String> = keep.into_iter().map(Remote::key).collect();
        let dir = self.inner.dir.clone();
        let sweep = move || {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                if !keep.contains(&*entry.file_name().to_string_lossy()) {
                    let _ = std::fs::remove_dir_all(entry.path());
                }
            }
        };
        let _ = self.inner.runtime.spawn_blocking(sweep).await;
    }

    /// Runs blocking work within the bound; the work is told when the caller is gone.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&AtomicBool) -> Result<T, GitError> + Send + 'static) -> Result<T, GitError> {
        let cancelled = || GitError::new(GitErrorClass::Cancelled, "the operation was cancelled");
        let permit = self.inner.permits.clone().acquire_owned().await.map_err(|_| cancelled())?;
        let interrupt = Arc::new(AtomicBool::new(false));
        let guard = Interrupt(interrupt.clone());
        let done = self.inner.runtime.spawn_blocking(move || {
            let result = work(&interrupt);
            drop(permit);
            result
        });
        let result = done.await.unwrap_or_else(|err| Err(GitError::local("a Git operation ended without an answer", err)));
        drop(guard);
        result
    }
}

/// Tells the work that its caller is gone.
struct Interrupt(Arc<AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl GitMirror {
    /// The repository.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Asks which commit a reference means now: one advertisement, nothing is fetched.
    ///
    /// # Errors
    /// The repository cannot be reached or has no such reference.
    pub async fn resolve(&self, wanted: &GitRef) -> Result<Resolved, GitError> {
        let (this, wanted) = (self.clone(), wanted.clone());
        self.named(self.git.run(move |_| this.resolve_blocking(&wanted, &mut None)).await)
    }

    /// The snapshot of a resolved commit; fetched only if it is not here. `ignore` is the `spec.ignore` of the source.
    ///
    /// # Errors
    /// The commit cannot be fetched or read.
    pub async fn fetch(&self, resolved: &Resolved, ignore: Option<&str>) -> Result<Snapshot, GitError> {
        let (this, resolved, ignore) = (self.clone(), resolved.clone(), ignore.map(ToOwned::to_owned));
        // always first a permit, then a turn: the other order could wait for itself
        let work = move |interrupt: &AtomicBool| {
            let _turn = this.shared.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            this.fetch_blocking(&resolved, ignore.as_deref(), &mut None, interrupt)
        };
        self.named(self.git.run(work).await)
    }

    /// Resolves and, where the revision is not the one that the caller has, fetches, in one conversation.
    ///
    /// # Errors
    /// As [`GitMirror::resolve`] and [`GitMirror::fetch`].
    pub async fn update(&self, wanted: &GitRef, ignore: Option<&str>, have: Option<&Revision>) -> Result<Update, GitError> {
        let (this, wanted) = (self.clone(), wanted.clone());
        let (ignore, have) = (ignore.map(ToOwned::to_owned), have.cloned());
        let work = move |interrupt: &AtomicBool| {
            let mut session = None;
            let resolved = this.resolve_blocking(&wanted, &mut session)?;
            if have.as_ref() == Some(&resolved.revision) {
                return Ok(Update::Unchanged(resolved));
            }
            let _turn = this.shared.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            let snapshot = this.fetch_blocking(&resolved, ignore.as_deref(), &mut session, interrupt)?;
            Ok(Update::New(resolved, snapshot))
        };
        self.named(self.git.run(work).await)
    }

    /// Puts the repository into an error.
    fn named<T>(&self, result: Result<T, GitError>) -> Result<T, GitError> {
        result.map_err(|err| err.at(&self.remote.url.to_string()))
    }

    fn session(&self) -> Result<Session, GitError> {
        let inner = &self.git.inner;
        let client = self.client.clone().ok_or_else(|| GitError::new(GitErrorClass::InvalidUrl, "not an http URL"))?;
        let link = Link::new(client, inner.runtime.clone(), &self.remote, inner.options.max_bytes)?;
        Session::open(link, &self.remote)
    }

    fn resolve_blocking(&self, wanted: &GitRef, session: &mut Option<Session>) -> Result<Resolved, GitError> {
        let prefixes = wanted.prefixes();
        if prefixes.is_empty() {
            return Ok(wanted.select(&[])?);
        }
        if let Some(path) = self.remote.url.local_path() {
            let repository = local::open(path)?;
            return match wanted.select(&local::ls_refs(&repository, &prefixes)?) {
                Ok(resolved) => Ok(resolved),
                Err(_) => Err(missing(wanted, &local::ls_refs(&repository, &wanted.neighbours())?)),
            };
        }
        let open = session.insert(self.session()?);
        match wanted.select(&open.ls_refs(&prefixes)?) {
            Ok(resolved) => Ok(resolved),
            Err(_) => Err(missing(wanted, &open.ls_refs(&wanted.neighbours())?)),
        }
    }

    fn fetch_blocking(
        &self,
        resolved: &Resolved,
        ignore: Option<&str>,
        session: &mut Option<Session>,
        interrupt: &AtomicBool,
    ) -> Result<Snapshot, GitError> {
        if let Some(path) = self.remote.url.local_path() {
            return local::snapshot(&local::open(path)?, resolved, ignore, self.shared.memo.clone());
        }
        let mut open = || session.take().map_or_else(|| self.session(), Ok);
        self.shared.mirror.fetch(&mut open, resolved, ignore, interrupt)
    }
}

fn missing(wanted: &GitRef, neighbours: &[crate::source::RemoteRef]) -> GitError {
    if neighbours.is_empty() {
        return GitError::new(GitErrorClass::RefNotFound, format!("{wanted} does not exist")).hint("push a first commit");
    }
    GitError::from(wanted.not_found(neighbours)).hint("check spec.ref")
}

impl fmt::Debug for Git {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Git({})", self.inner.dir.display())
    }
}

impl fmt::Debug for GitMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitMirror({})", self.remote.url)
    }
}
