//! Durations as Go writes them: `5m0s`, `1h30m`, `1.5h`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A signed duration in nanoseconds that parses and prints as Go's `time.Duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Duration(i64);

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration; write a number with a unit, such as 30s, 5m or 1h30m")]
pub struct DurationError(String);

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // micro sign
    ("μs", 1_000), // Greek mu
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From whole seconds; values beyond what Go can hold are clamped.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// From milliseconds; values beyond what Go can hold are clamped.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// As the standard library's type; a negative duration becomes zero.
    #[must_use]
    pub const fn as_std(self) -> std::time::Duration {
        if self.0 <= 0 { std::time::Duration::ZERO } else { std::time::Duration::from_nanos(self.0.unsigned_abs()) }
    }

    /// The difference, clamped.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<std::time::Duration> for Duration {
    fn from(value: std::time::Duration) -> Self {
        Self(i64::try_from(value.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = || DurationError(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(error());
        }
        // One more than i64::MAX is allowed for a negative value, as in Go.
        let limit = i64::MAX.unsigned_abs() + u64::from(negative);
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (whole, after) = take_digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => take_digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(error());
            }
            let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let unit = UNITS.iter().find(|(unit, _)| *unit == name).ok_or_else(error)?.1;
            let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
            let part = whole.checked_mul(unit).and_then(|v| v.checked_add(fraction_of(fraction, unit))).ok_or_else(error)?;
            total = total.checked_add(part).filter(|v| *v <= limit).ok_or_else(error)?;
            rest = after;
        }
        let value = i64::try_from(total).unwrap_or(i64::MIN);
        Ok(Self(if negative { value.wrapping_neg() } else { value }))
    }
}

fn take_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// The fraction's digits times the unit, cut off below a nanosecond.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut value = 0;
    let mut scale = u128::from(unit) * 1_000_000_000_000;
    for digit in digits.bytes() {
        scale /= 10;
        value += u128::from(digit - b'0') * scale;
    }
    u64::try_from(value / 1_000_000_000_000).unwrap_or(u64::MAX)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, scale) = match nanos {
                0..=999 => ("ns", 1),
                1_000..=999_999 => ("µs", 1_000),
                _ => ("ms", 1_000_000),
            };
            return write!(f, "{sign}{}{unit}", decimal(nanos, scale));
        }
        let (hours, rest) = (nanos / 3_600_000_000_000, nanos % 3_600_000_000_000);
        let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
        let seconds = decimal(rest, 1_000_000_000);
        match (hours, minutes) {
            (0, 0) => write!(f, "{sign}{seconds}s"),
            (0, m) => write!(f, "{sign}{m}m{seconds}s"),
            (h, m) => write!(f, "{sign}{h}h{m}m{seconds}s"),
        }
    }
}

/// `value / scale` with as many decimals as it needs; `scale` is a power of ten.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_as_go() {
        for (text, printed) in [
            ("5m", "5m0s"),
            ("5m0s", "5m0s"),
            ("1h30m", "1h30m0s"),
            ("1.5h", "1h30m0s"),
            ("90s", "1m30s"),
            ("0", "0s"),
            ("0s", "0s"),
            ("1h", "1h0m0s"),
            ("100ms", "100ms"),
            ("1500ms", "1.5s"),
            ("1.0001s", "1.0001s"),
            ("1us", "1µs"),
            ("1.5µs", "1.5µs"),
            ("2μs", "2µs"),
            ("17ns", "17ns"),
            ("-1.5h", "-1h30m0s"),
            ("+3s", "3s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("1h1h", "2h0m0s"),
            ("60s", "1m0s"),
            ("2562047h47m16.854775807s", "2562047h47m16.854775807s"),
            ("-2562047h47m16.854775808s", "-2562047h47m16.854775808s"),
        ] {
            let value: Duration = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(value.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in ["", "5", "m", "5x", "1d", "-", "+", ".", ".s", "5 m", "1h-3m", "9223372036854775808ns", "3000000h", "5m "] {
            let error = text.parse::<Duration>().expect_err(text);
            assert!(error.to_string().contains("is no duration"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanos in proptest::prelude::any::<i64>()) {
            let value = Duration(nanos);
            proptest::prop_assert_eq!(value.to_string().parse::<Duration>(), Ok(value));
        }

        #[test]
        fn no_text_brings_it_down(text in "[-+0-9.a-zµ]{0,24}") {
            let _ = text.parse::<Duration>();
        }
    }
}
