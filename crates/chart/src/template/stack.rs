//! Room for deep recursion.

use std::cell::Cell;

/// The bytes of native stack that a render within the default limits can need at most. It is reserved, not used: pages are
/// taken only as deep charts touch them.
pub const STACK_SIZE: usize = 256 << 20;

thread_local! {
    /// Whether this is a thread of [`with_stack`].
    static DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a thread with a stack deep enough for every chart within the default limits. What is called so from within
/// `work`, before any recursion, runs in place. Go's stacks grow by themselves.
///
/// # Errors
/// Where the system gives no thread.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    if DEEP.get() {
        return Ok(work());
    }
    let work = || {
        DEEP.set(true);
        work()
    };
    std::thread::scope(|scope| {
        let handle = std::thread::Builder::new().name("render".to_owned()).stack_size(STACK_SIZE).spawn_scoped(scope, work)?;
        match handle.join() {
            Ok(answer) => Ok(answer),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
