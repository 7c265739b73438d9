//! The work queue: each piece once, now or at a time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::Work;

/// Work to do.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Work>,
    queued: HashSet<Work>,
    timed: BTreeMap<(Duration, u64), Work>,
    times: HashMap<Work, (Duration, u64)>,
    counter: u64,
}

impl Queue {
    pub(super) fn now(&mut self, work: Work) {
        if self.queued.insert(work.clone()) {
            self.ready.push_back(work);
        }
    }

    /// Plans work; an earlier plan for the same work stays.
    pub(super) fn later(&mut self, work: Work, time: Duration) {
        if let Some(planned) = self.times.get(&work) {
            if planned.0 <= time {
                return;
            }
            self.timed.remove(planned);
        }
        self.counter += 1;
        let key = (time, self.counter);
        self.times.insert(work.clone(), key);
        self.timed.insert(key, work);
    }

    /// Makes planned work ready whose time has come.
    pub(super) fn ripen(&mut self, now: Duration) {
        while let Some(entry) = self.timed.first_entry()
            && entry.key().0 <= now
        {
            let work = entry.remove();
            self.times.remove(&work);
            self.now(work);
        }
    }

    pub(super) fn next(&mut self) -> Option<Work> {
        let work = self.ready.pop_front()?;
        self.queued.remove(&work);
        Some(work)
    }

    pub(super) fn next_time(&self) -> Option<Duration> {
        self.timed.keys().next().map(|(time, _)| *time)
    }
}
