//! A keyed work queue: a key waits in it once, is worked on by one worker at a time, and may be due later.
//!
//! Owned by whoever runs it; [`Queue::add`] never waits, so watches and other controllers can call it from anywhere.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A queue of keys. Clones share it.
#[derive(Debug)]
pub struct Queue<K> {
    inner: Arc<Mutex<Inner<K>>>,
    changed: Arc<Notify>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), changed: Arc::clone(&self.changed) }
    }
}

#[derive(Debug)]
struct Inner<K> {
    ready: VecDeque<K>,
    waiting: HashSet<K>,
    busy: HashSet<K>,
    /// Keys that were added while they were worked on.
    again: HashSet<K>,
    timers: BinaryHeap<Reverse<(Instant, u64)>>,
    /// The instant at which a key is due, and the number of its timer; older timers of the key are void.
    due: HashMap<K, (Instant, u64)>,
    keys: HashMap<u64, K>,
    next: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        let inner = Inner {
            ready: VecDeque::new(),
            waiting: HashSet::new(),
            busy: HashSet::new(),
            again: HashSet::new(),
            timers: BinaryHeap::new(),
            due: HashMap::new(),
            keys: HashMap::new(),
            next: 0,
        };
        Self { inner: Arc::new(Mutex::new(inner)), changed: Arc::new(Notify::new()) }
    }
}

impl<K: Clone + Eq + Hash> Inner<K> {
    fn add(&mut self, key: K) {
        if self.busy.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Moves what is due into the ready list; the next instant to look again.
    fn ripen(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&Reverse((at, number))) = self.timers.peek() {
            let Some(key) = self.keys.get(&number).cloned() else {
                self.timers.pop();
                continue;
            };
            if at > now {
                return Some(at);
            }
            self.timers.pop();
            self.keys.remove(&number);
            self.due.remove(&key);
            self.add(key);
        }
        None
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    fn with<T>(&self, f: impl FnOnce(&mut Inner<K>) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a key due now. A key that waits already is not added twice; one that is worked on comes again afterwards.
    pub fn add(&self, key: K) {
        self.with(|inner| inner.add(key));
        self.changed.notify_one();
    }

    /// Makes a key due later. Of several times the earliest counts.
    pub fn add_after(&self, key: K, delay: Duration) {
        let at = Instant::now() + delay;
        self.with(|inner| {
            if let Some(&(due, number)) = inner.due.get(&key) {
                if due <= at {
                    return;
                }
                inner.keys.remove(&number);
            }
            inner.next += 1;
            let number = inner.next;
            inner.due.insert(key.clone(), (at, number));
            inner.keys.insert(number, key);
            inner.timers.push(Reverse((at, number)));
        });
        self.changed.notify_one();
    }

    /// Takes a key's timer back, before a pass that sets its own.
    pub fn clear_timer(&self, key: &K) {
        self.with(|inner| {
            if let Some((_, number)) = inner.due.remove(key) {
                inner.keys.remove(&number);
            }
        });
    }

    /// Keys that wait or are worked on now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.with(|inner| inner.ready.len() + inner.busy.len())
    }

    async fn next(&self) -> K {
        loop {
            let changed = self.changed.notified();
            let (key, until) = self.with(|inner| {
                let until = inner.ripen(Instant::now());
                let key = inner.ready.pop_front();
                if let Some(key) = &key {
                    inner.waiting.remove(key);
                    inner.busy.insert(key.clone());
                }
                (key, until)
            });
            match (key, until) {
                (Some(key), _) => return key,
                (None, Some(at)) => tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} },
                (None, None) => changed.await,
            }
        }
    }

    fn done(&self, key: &K) {
        let again = self.with(|inner| {
            inner.busy.remove(key);
            let again = inner.again.remove(key);
            if again {
                inner.add(key.clone());
            }
            again
        });
        if again {
            self.changed.notify_one();
        }
    }

    /// Works keys off, at most `workers` at a time, until `shutdown`; then waits for those under way.
    /// A pass that panics ends alone: its key comes again with its next event.
    pub async fn run<F, Fut>(&self, workers: usize, shutdown: CancellationToken, pass: F)
    where
        K: Send + 'static,
        F: Fn(K) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut tasks: JoinSet<()> = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                key = self.next(), if tasks.len() < workers => {
                    let work = pass(key.clone());
                    let guard = DoneGuard { queue: self.clone(), key };
                    tasks.spawn(async move {
                        let _guard = guard;
                        work.await;
                    });
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Gives the key back even when its pass panics.
struct DoneGuard<K: Clone + Eq + Hash> {
    queue: Queue<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Drop for DoneGuard<K> {
    fn drop(&mut self) {
        self.queue.done(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_key_added_while_busy_comes_once_more() {
        let queue: Queue<&'static str> = Queue::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        queue.add("a");
        let worker = {
            let (queue, runs, stop) = (queue.clone(), Arc::clone(&runs), stop.clone());
            tokio::spawn(async move {
                let inner = queue.clone();
                queue
                    .run(4, stop, move |key| {
                        let (queue, runs) = (inner.clone(), Arc::clone(&runs));
                        async move {
                            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                                queue.add(key);
                                queue.add(key);
                            }
                        }
                    })
                    .await;
            })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        queue.add_after("a", Duration::from_secs(60));
        queue.add_after("a", Duration::from_secs(30));
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3, "the earliest time counts");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3, "the later timer is void");
        stop.cancel();
        worker.await.expect("the worker ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_gives_the_key_back() {
        let queue: Queue<u8> = Queue::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let worker = {
            let (queue, runs, stop) = (queue.clone(), Arc::clone(&runs), stop.clone());
            tokio::spawn(async move {
                queue
                    .run(1, stop, move |_| {
                        let runs = Arc::clone(&runs);
                        async move {
                            assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "first pass panics");
                        }
                    })
                    .await;
            })
        };
        queue.add(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
        queue.add(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        stop.cancel();
        worker.await.expect("the worker ends");
    }
}
