//! How a caller ends a render from outside: this crate has no clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asked every few hundred steps of a render: true ends it with an error.
///
/// Helm has no such thing: a render there ends when it ends. The caller has the clock, so a deadline is a closure that looks at it, and a cancellation is a flag.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Stop {
    /// Stops as soon as this says so. It is called often, and should be cheap.
    pub fn when(asked: impl Fn() -> bool + Send + Sync + 'static) -> Stop {
        Stop(Some(Arc::new(asked)))
    }

    /// Stops as soon as this flag is set.
    pub fn flag(flag: Arc<AtomicBool>) -> Stop {
        Stop::when(move || flag.load(Ordering::Relaxed))
    }

    /// Whether to stop now.
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked())
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Stop(asks)" } else { "Stop(never)" })
    }
}
