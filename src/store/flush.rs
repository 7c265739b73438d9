//! One thread makes everything durable: whoever waits when it begins is served by the same flush.

use super::{StoreError, failpoint::Failpoint};
use std::{
    fs::File,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// How durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Survives the death of the process.
    Process,
    /// Survives the loss of power.
    Disk,
}

struct Request {
    depth: Depth,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// The thread. Dropping it flushes once more.
pub(super) struct Flusher {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// `files` are synchronised for [`Depth::Disk`].
    pub(super) fn start(db: sled::Db, files: Vec<PathBuf>, failpoint: Arc<Failpoint>) -> Result<Self, StoreError> {
        let (requests, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("store-flush".into())
            .spawn(move || run(&db, &files, &failpoint, &waiting))
            .map_err(StoreError::io("start a thread for", "the store"))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    pub(super) async fn flush(&self, depth: Depth) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        requests.send(Request { depth, done }).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(db: &sled::Db, files: &[PathBuf], failpoint: &Failpoint, waiting: &Receiver<Request>) {
    while let Ok(first) = waiting.recv() {
        let group: Vec<Request> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let disk = group.iter().any(|request| request.depth == Depth::Disk);
        let result = failpoint.around(|| flush(db, files, disk));
        for request in group {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(err) => Err(StoreError::Database(sled::Error::Unsupported(err.to_string()))),
            };
            let _ = request.done.send(answer);
        }
    }
    if let Err(err) = db.flush() {
        tracing::error!(error = %err, "the store cannot be flushed at the end");
    }
}

fn flush(db: &sled::Db, files: &[PathBuf], disk: bool) -> Result<(), StoreError> {
    db.flush()?;
    if disk {
        for path in files {
            match File::open(path) {
                Ok(file) => file.sync_all().map_err(StoreError::io("synchronise", path))?,
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
                Err(err) => return Err(StoreError::io("open", path)(err)),
            }
        }
    }
    Ok(())
}
