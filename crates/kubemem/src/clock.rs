//! Time as the server sees it: a start, plus what the tokio clock says has passed since, so that paused time works.

use jiff::Timestamp;
use tokio::time::Instant;

/// The server's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: Timestamp,
    start: Instant,
}

impl Clock {
    pub(crate) fn starting_at(base: Timestamp) -> Clock {
        Clock { base, start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.start.elapsed()).unwrap_or_default();
        self.base.checked_add(elapsed).unwrap_or(self.base)
    }

    /// As `metav1.Time` is written: seconds, UTC.
    pub(crate) fn text(&self) -> String {
        seconds(self.now())
    }
}

/// RFC 3339 with whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
