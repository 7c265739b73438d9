//! Room for deep recursion.

/// The native stack that a render within the default limits can need at most. It is reserved, not used: pages are
/// taken only as deep charts touch them.
pub const STACK_SIZE: usize = 256 << 20;

/// Runs `work` on a thread with a stack deep enough for every chart within the default limits.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let handle = std::thread::Builder::new().name("render".to_owned()).stack_size(STACK_SIZE).spawn_scoped(scope, work)?;
        match handle.join() {
            Ok(answer) => Ok(answer),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
