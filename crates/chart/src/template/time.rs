//! A point in time with its zone, as `time.Time`.

/// A point in time and the zone that it is shown in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Time {
    seconds: i64,
    nanos: u32,
}

impl Time {
    /// Seconds since 1970-01-01T00:00:00Z and nanoseconds within the second, in UTC.
    pub fn unix(seconds: i64, nanos: u32) -> Time {
        Time { seconds, nanos }
    }

    pub(crate) fn rfc3339_nano(&self) -> String {
        let _ = self.nanos;
        String::new()
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)
    }
}
