//! Time as the server sees it: a start, plus what has passed since on the tokio clock, so that paused tokio time works;
//! or, where [`Options::manual_clock`](crate::Options::manual_clock) is set, plus what it was advanced by.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// The server's clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    base: Timestamp,
    start: Instant,
    manual: Option<Arc<Manual>>,
}

/// A clock that goes only when told to. The controllers move it: from one planned piece of work to the next, so that
/// each happens at its own time, until it has come as far as is wanted.
#[derive(Debug)]
struct Manual {
    now: watch::Sender<Duration>,
    goal: watch::Sender<Duration>,
}

impl Clock {
    pub(crate) fn starting_at(base: Timestamp, manual: bool) -> Clock {
        let clock = || watch::Sender::new(Duration::ZERO);
        Clock { base, start: Instant::now(), manual: manual.then(|| Arc::new(Manual { now: clock(), goal: clock() })) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.elapsed()).unwrap_or_default();
        self.base.checked_add(elapsed).unwrap_or(self.base)
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        match &self.manual {
            Some(manual) => *manual.now.borrow(),
            None => self.start.elapsed(),
        }
    }

    /// As `metav1.Time` is written: seconds, UTC.
    pub(crate) fn text(&self) -> String {
        seconds(self.now())
    }

    /// For idle controllers: waits until a time that may be far, or for ever.
    pub(crate) async fn idle_until(&self, time: Option<Duration>) {
        let Some(manual) = &self.manual else {
            return match time {
                Some(time) => tokio::time::sleep_until(self.start + time).await,
                None => std::future::pending().await,
            };
        };
        let mut goals = manual.goal.subscribe();
        loop {
            let goal = *goals.borrow_and_update();
            if let Some(time) = time.filter(|time| *time <= goal) {
                manual.now.send_if_modified(|now| std::mem::replace(now, time.max(*now)) < time);
                return;
            }
            manual.now.send_if_modified(|now| std::mem::replace(now, goal.max(*now)) < goal);
            if goals.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Moves a manual clock, and waits until all that was planned for this time is done.
    pub(crate) async fn advance(&self, by: Duration) {
        let Some(manual) = &self.manual else { return };
        let mut now = manual.now.subscribe();
        let mut goal = Duration::ZERO;
        manual.goal.send_modify(|old| {
            *old += by;
            goal = *old;
        });
        let _ = now.wait_for(|now| *now >= goal).await;
    }
}

/// RFC 3339 with whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
