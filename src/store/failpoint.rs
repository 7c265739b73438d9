//! Where a test stops the process between two writes of the store.
//!
//! Off unless the environment has `HELMWARD_STORE_FAILPOINT`; then a file `failpoint` in the state directory turns it on: it holds the number of the moment to stop at, and a word that begins the
//! counting anew where it is another one than before. Each write and each flush has
//! two, one before and one after it. The moments passed are counted in `failpoint.seen`; at the one that was asked for, and from then
//! on, whoever writes waits for ever, for the test to kill the process.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The moments of one store.
#[derive(Debug)]
pub(super) struct Failpoint {
    dir: Option<PathBuf>,
    /// The text of the file, and how many moments have passed since it says so.
    passed: Mutex<(String, u64)>,
}

impl Failpoint {
    /// `dir` is the state directory; a store without one never stops.
    pub(super) fn new(dir: Option<&Path>) -> Self {
        let asked = std::env::var_os("HELMWARD_STORE_FAILPOINT").is_some();
        Self { dir: dir.filter(|_| asked).map(Path::to_owned), passed: Mutex::default() }
    }

    /// Does a write, with a moment before it and one after it.
    pub(super) fn around<T>(&self, write: impl FnOnce() -> T) -> T {
        self.pass();
        let done = write();
        self.pass();
        done
    }

    fn pass(&self) {
        let Some(dir) = &self.dir else { return };
        // Held while it waits: nobody else gets past a process that is as good as dead.
        let mut passed = self.passed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = std::fs::read_to_string(dir.join("failpoint")).unwrap_or_default();
        let Some(stop) = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()) else { return };
        if passed.0 != text {
            *passed = (text, 0);
        }
        passed.1 += 1;
        // Written aside and renamed, so that it is never read half.
        let _ = std::fs::write(dir.join("failpoint.new"), passed.1.to_string())
            .and_then(|()| std::fs::rename(dir.join("failpoint.new"), dir.join("failpoint.seen")));
        if passed.1 >= stop {
            loop {
                std::thread::park();
            }
        }
    }
}
