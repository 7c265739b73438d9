//! Templates parsed on a second thread while the first is busy with values.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use super::{Input, scope};
use crate::template::{Engine, STACK_SIZE};
use crate::values::Family;

/// Fewer bytes of templates than this are parsed sooner than a thread is started.
const WORTH_IT: usize = 32 << 10;

/// The thread. It goes from the last template towards the first, while the render goes from the first towards the last; each
/// takes from the shared cache what the other has parsed, and where they meet it ends. What does not parse is left for the
/// render to find and to report.
pub(super) struct Ahead {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    pub(super) fn start(family: &Family, input: &Input<'_>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let files = scope::files(family);
        if files.iter().map(|file| file.data().len()).sum::<usize>() < WORTH_IT {
            return Self { stop, thread: None };
        }
        let engine = Engine::with_cache(input.limits.clone(), input.parse_cache());
        let told = Arc::clone(&stop);
        let work = move || {
            for file in files.iter().rev() {
                if told.load(Ordering::Relaxed) || file.is_parsed_or_parse(&engine) {
                    break;
                }
            }
        };
        // without a second thread the first does it all
        let thread = Builder::new().name("parse".to_owned()).stack_size(STACK_SIZE).spawn(work).ok();
        Self { stop, thread }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // what it could not do, the render did
            let _ = thread.join();
        }
    }
}
