//! Work for two threads, one from each end of a list: templates to parse while the values are made ready, documents to read.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, JoinHandle};

use super::{Input, scope};
use crate::template::{Engine, STACK_SIZE};
use crate::values::Family;

/// Fewer bytes than this are worked off sooner than a thread is started.
const WORTH_A_THREAD: usize = 32 << 10;

/// The templates of a render on their way into the cache. A second thread parses from the last one on; [`Ahead::finish`] parses
/// from the first one on. What does not parse is left for the render to find again, and to report.
pub(super) struct Ahead {
    work: Arc<Work>,
    /// Taken when it is joined.
    thread: Option<JoinHandle<()>>,
}

struct Work {
    files: Vec<scope::File>,
    engine: Engine,
    left: Ends,
}

impl Ahead {
    /// None where it is not worth a thread, or there is none to be had: the render does it all then.
    pub(super) fn start(family: &Family, input: &Input<'_>) -> Option<Self> {
        let files = scope::files(family);
        if files.iter().map(|file| file.data().len()).sum::<usize>() < WORTH_A_THREAD {
            return None;
        }
        let engine = Engine::with_cache(input.limits.clone(), input.parse_cache());
        let work = Arc::new(Work { left: Ends::new(files.len()), files, engine });
        let shared = Arc::clone(&work);
        let thread = Builder::new().name("parse".to_owned()).stack_size(STACK_SIZE).spawn(move || shared.parse_by(Ends::last)).ok()?;
        Some(Self { work, thread: Some(thread) })
    }

    /// Parses what is left.
    pub(super) fn finish(self) {
        self.work.parse_by(Ends::first);
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.work.left.close();
        if let Some(thread) = self.thread.take() {
            // what it could not do, the render does
            let _ = thread.join();
        }
    }
}

impl Work {
    fn parse_by(&self, next: fn(&Ends) -> Option<usize>) {
        self.left.work_off(next, |at| drop(self.files[at].parse(&self.engine)));
    }
}

/// Does `work` on all items, on two threads if together they have so many bytes that it is worth one.
pub(super) fn on_two_threads<T: Sync>(items: &[T], bytes: impl Fn(&T) -> usize, work: impl Fn(&T) + Sync) {
    if items.iter().map(bytes).sum::<usize>() < WORTH_A_THREAD {
        return items.iter().for_each(work);
    }
    let left = Ends::new(items.len());
    let work_by = |next| left.work_off(next, |at| work(&items[at]));
    thread::scope(|threads| {
        let _ = Builder::new().name("second".to_owned()).stack_size(STACK_SIZE).spawn_scoped(threads, || work_by(Ends::last));
        work_by(Ends::first);
    });
}

/// What nobody has taken yet of a list.
struct Ends(Mutex<Range<usize>>);

impl Ends {
    fn new(len: usize) -> Self {
        Self(Mutex::new(0..len))
    }

    fn work_off(&self, next: fn(&Self) -> Option<usize>, work: impl Fn(usize)) {
        while let Some(at) = next(self) {
            work(at);
        }
    }

    fn first(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn last(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_back()
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = 0..0;
    }
}
