//! Watching local repositories, so that a commit is seen at once and not at the next interval.

use super::{GitError, local};
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::{path::Path, time::Duration};
use tokio::sync::mpsc;

/// Events about one repository. Dropping it ends the watching.
#[derive(Debug)]
pub struct LocalWatch {
    _watcher: RecommendedWatcher,
    events: mpsc::Receiver<()>,
    debounce: Duration,
}

/// How long to wait for a burst to end: a push moves several references one after the other.
pub const DEBOUNCE: Duration = Duration::from_millis(30);

impl LocalWatch {
    /// Watches the references of a repository: bare, with a work tree, or a work tree whose `.git` is a file.
    ///
    /// # Errors
    /// There is no repository, or the system gives no more watches.
    pub fn new(repository: &Path, debounce: Duration) -> Result<Self, GitError> {
        let opened = local::open(repository)?;
        let git_dir = opened.git_dir().to_owned();
        let common = opened.common_dir().to_owned();
        let failed = |err: notify::Error| {
            GitError::local(format!("cannot watch {}", repository.display()), err)
                .hint("the repository is still read at every interval; on Linux, fs.inotify.max_user_watches may be too low")
        };
        // one event waiting is enough to say that something changed
        let (sender, events) = mpsc::channel(1);
        let tell = move |event: notify::Result<notify::Event>| {
            // lost events count as changes
            if event.as_ref().map_or(true, matters) {
                let _ = sender.try_send(());
            }
        };
        let mut watcher = RecommendedWatcher::new(tell, Config::default()).map_err(failed)?;
        // HEAD and packed-refs are replaced by renaming, so their directory is watched, not they
        watcher.watch(&common, RecursiveMode::NonRecursive).map_err(failed)?;
        watcher.watch(&common.join("refs"), RecursiveMode::Recursive).map_err(failed)?;
        if git_dir != common {
            watcher.watch(&git_dir, RecursiveMode::NonRecursive).map_err(failed)?;
        }
        Ok(Self { _watcher: watcher, events, debounce })
    }

    /// Waits until references may have changed. `None` when the watcher has died; then the interval has to do.
    pub async fn changed(&mut self) -> Option<()> {
        self.events.recv().await?;
        tokio::time::sleep(self.debounce).await;
        while self.events.try_recv().is_ok() {}
        Some(())
    }
}

/// Whether an event can mean that a reference points elsewhere now.
fn matters(event: &notify::Event) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    event.need_rescan() || event.paths.iter().any(|path| is_reference(path))
}

fn is_reference(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let below_refs = path.components().any(|part| part.as_os_str() == "refs");
    // locks come and go with every change; the rename that ends them is an event of its own
    !name.ends_with(".lock") && (matches!(name, "HEAD" | "packed-refs") || below_refs)
}

#[cfg(test)]
mod tests {
    use super::super::commit::{self, Author};
    use super::*;
    use std::{path::PathBuf, process::Command};

    const ADA: Author<'_> = Author { name: "Ada", email: "ada@example.com", seconds: 1_700_000_000 };

    async fn sees(watch: &mut LocalWatch) -> bool {
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.is_ok_and(|changed| changed.is_some())
    }

    async fn is_quiet(watch: &mut LocalWatch) -> bool {
        tokio::time::timeout(Duration::from_millis(200), watch.changed()).await.is_err()
    }

    #[expect(clippy::disallowed_methods, reason = "tests compare with git itself")]
    fn git(dir: &PathBuf, arguments: &[&str]) -> bool {
        let mut command = Command::new("git");
        command.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]).args(arguments);
        command.output().is_ok_and(|output| output.status.success())
    }

    #[tokio::test]
    async fn commits_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let bare = dir.path().join("r.git");
        commit::init_bare(&bare, "main").unwrap();
        let mut watch = LocalWatch::new(&bare, DEBOUNCE).unwrap();
        assert!(is_quiet(&mut watch).await);
        let id = commit::commit(&bare, "main", [("a", "1")], ADA, "first").unwrap();
        assert!(sees(&mut watch).await && is_quiet(&mut watch).await, "one event for one commit");
        commit::commit(&bare, "feature/deep/branch", [("a", "1")], ADA, "branch").unwrap();
        assert!(sees(&mut watch).await);
        commit::commit(&bare, "feature/deep/branch", [("a", "2")], ADA, "again").unwrap();
        assert!(sees(&mut watch).await, "directories that came later are watched too");
        commit::tag(&bare, "v1", &id).unwrap();
        assert!(sees(&mut watch).await);
        std::fs::write(bare.join("description"), "x").unwrap();
        assert!(is_quiet(&mut watch).await);
        assert!(LocalWatch::new(dir.path(), DEBOUNCE).is_err());
    }

    #[tokio::test]
    async fn work_trees_and_pushes_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (main, linked, bare) = (dir.path().join("main"), dir.path().join("linked"), dir.path().join("bare.git"));
        std::fs::create_dir(&main).unwrap();
        if !git(&main, &["init", "-q"]) {
            return;
        }
        assert!(git(&main, &["commit", "-qm", "first", "--allow-empty"]) && git(&main, &["worktree", "add", "-q", "../linked"]));
        for (path, branch) in [(&main, "main"), (&linked, "linked")] {
            let mut watch = LocalWatch::new(path, DEBOUNCE).unwrap();
            assert!(git(path, &["commit", "-qm", "next", "--allow-empty"]), "{branch}");
            assert!(sees(&mut watch).await, "{branch}");
        }
        assert!(git(&main, &["clone", "-q", "--bare", ".", "../bare.git"]));
        let mut watch = LocalWatch::new(&bare, DEBOUNCE).unwrap();
        assert!(git(&main, &["commit", "-qm", "next", "--allow-empty"]) && is_quiet(&mut watch).await);
        assert!(git(&main, &["push", "-q", "../bare.git", "main"]) && sees(&mut watch).await);
        assert!(git(&bare, &["pack-refs", "--all"]) && sees(&mut watch).await);
    }
}
