//! Points in time as Kubernetes writes them: UTC, whole seconds.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A point in time, cut to the second. The core never asks the clock: whoever needs "now" takes it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(i64);

impl Time {
    /// From seconds since the epoch.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// As a timestamp; a value out of its range becomes the epoch.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Seconds from `self` to `later`; zero where `later` is earlier.
    #[must_use]
    pub fn seconds_until(self, later: Self) -> u64 {
        u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0)
    }
}

impl From<Timestamp> for Time {
    fn from(value: Timestamp) -> Self {
        Self(value.as_second())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_in_utc() {
        let time: Time = serde_json::from_str("\"2026-03-01T10:00:00.75+02:00\"").expect("a time");
        assert_eq!(serde_json::to_string(&time).expect("prints"), "\"2026-03-01T08:00:00Z\"");
        assert_eq!(time.seconds_until(Time::from_unix(time.unix() + 90)), 90);
        assert_eq!(time.seconds_until(Time::from_unix(time.unix() - 90)), 0);
    }
}
