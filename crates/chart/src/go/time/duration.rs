//! Durations such as `1h15m30.918s`.

use super::parse::quote;
use crate::go::GoError;
use std::fmt;

/// Nanoseconds, as Go's `time.Duration`. Its text is that of `Duration.String`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub i64);

const LIMIT: u64 = 1 << 63;

impl Duration {
    /// One second: `time.Second`.
    pub const SECOND: Duration = Duration(1_000_000_000);

    /// So many seconds; beyond the range it wraps, as Go's multiplication does.
    pub fn from_seconds(seconds: i64) -> Duration {
        Duration(seconds.wrapping_mul(Self::SECOND.0))
    }

    /// `time.ParseDuration`.
    ///
    /// # Errors
    /// Where the text is no duration, lacks a unit or is beyond the range.
    pub fn parse(text: &str) -> Result<Duration, GoError> {
        let fail = |problem: &str| GoError::new(format!("time: {problem} {}", quote(text)));
        let invalid = || fail("invalid duration");
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
        if rest == "0" {
            return Ok(Duration(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let split = |s: &'_ str| s.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, tail) = rest.split_at(split(rest));
            let (fraction, tail) = tail.strip_prefix('.').map_or(("", tail), |t| t.split_at(split(t)));
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let value = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok().filter(|n| *n <= LIMIT).ok_or_else(invalid)? };
            let len = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(len);
            rest = tail;
            let nanos: u64 = match unit {
                "" => return Err(fail("missing unit in duration")),
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return Err(fail(&format!("unknown unit {} in duration", quote(unit)))),
            };
            if value > LIMIT / nanos {
                return Err(invalid());
            }
            let mut part = value * nanos;
            if let Some((digits, scale)) = leading_fraction(fraction) {
                part += (digits as f64 * (nanos as f64 / scale)) as u64;
            }
            total = total.checked_add(part).filter(|n| part <= LIMIT && *n <= LIMIT).ok_or_else(invalid)?;
        }
        match i64::try_from(total) {
            Ok(n) => Ok(Duration(if negative { -n } else { n })),
            Err(_) if negative => Ok(Duration(i64::MIN)),
            Err(_) => Err(invalid()),
        }
    }

    /// `time.Duration.Round`: to a multiple of `to`; halves go away from zero.
    #[must_use]
    pub fn round(self, to: Duration) -> Duration {
        if to.0 <= 0 {
            return self;
        }
        let rest = i128::from(self.0 % to.0);
        let (value, step) = (i128::from(self.0), i128::from(to.0));
        let down = value - rest;
        let rounded = if rest.abs() * 2 < step { down } else { down + step * rest.signum() };
        Duration(rounded.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// `time.Duration.Truncate`: to a multiple of `to`, towards zero.
    #[must_use]
    pub fn truncate(self, to: Duration) -> Duration {
        if to.0 <= 0 { self } else { Duration(self.0 - self.0 % to.0) }
    }

    /// `time.Duration.Seconds`.
    pub fn seconds(self) -> f64 {
        self.fraction_of(1_000_000_000)
    }

    /// `time.Duration.Minutes`.
    pub fn minutes(self) -> f64 {
        self.fraction_of(60_000_000_000)
    }

    /// `time.Duration.Hours`.
    pub fn hours(self) -> f64 {
        self.fraction_of(3_600_000_000_000)
    }

    fn fraction_of(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// sprig's `durationRound` (date.go): the largest unit only, such as `2h`, `3d` or `5mo`, without a sign.
    pub fn largest_unit(self) -> String {
        const HOUR: u64 = 3_600_000_000_000;
        let size = self.0.unsigned_abs();
        let units = [(HOUR * 24 * 365, "y"), (HOUR * 24 * 30, "mo"), (HOUR * 24, "d"), (HOUR, "h"), (HOUR / 60, "m"), (HOUR / 3600, "s")];
        units.into_iter().find(|(unit, _)| size > *unit).map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match size {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{size}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(size, 3)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", decimal(size, 6)),
            _ => {
                let minutes = size / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(size % 60_000_000_000, 9))
            }
        }
    }
}

/// `value / 10^places` without zeros at the end.
fn decimal(value: u64, places: u32) -> String {
    let unit = 10_u64.pow(places);
    let fraction = format!("{:0width$}", value % unit, width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        digits => format!("{}.{digits}", value / unit),
    }
}

/// The digits that fit and the power of ten that they are to be divided by.
fn leading_fraction(digits: &str) -> Option<(u64, f64)> {
    let (mut value, mut scale) = (0_u64, 1.0);
    for b in digits.bytes() {
        if value > (LIMIT - 1) / 10 {
            break;
        }
        let next = value * 10 + u64::from(b - b'0');
        if next > LIMIT {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value > 0).then_some((value, scale))
}
