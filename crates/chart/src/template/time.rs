//! A point in time with its zone, as `time.Time`.

/// A point in time and the zone that it is shown in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Time {
    pub(crate) fn rfc3339_nano(&self) -> String {
        String::new()
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)
    }
}
