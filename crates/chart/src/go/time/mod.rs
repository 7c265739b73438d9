//! Go's `time` (time.go, format.go, zoneinfo.go): points in time with a zone, layouts, durations.
//!
//! `Local` is UTC: what a chart renders must not depend on the machine. Other zones come from the tz database that is built in.

mod duration;
mod layout;
mod parse;

pub use duration::Duration;

use super::GoError;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;
use std::sync::LazyLock;

/// Seconds from 1970 back to Go's zero time, the start of the year 1 in UTC.
pub const ZERO_SECONDS: i64 = -62_135_596_800;

/// RFC 3339 with nanoseconds where there are any: `time.RFC3339Nano`.
pub const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// A time zone: Go's `time.Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// UTC, which `Local` is too.
    Utc,
    /// A fixed offset in seconds east of UTC with a name that may be empty.
    Fixed {
        /// The abbreviation.
        name: String,
        /// Seconds east of UTC.
        offset: i32,
    },
    /// A zone of the tz database.
    Named(TimeZone),
}

impl Zone {
    /// `time.LoadLocation`. The empty name and `Local` are UTC.
    ///
    /// # Errors
    /// Where the tz database has no zone of that name.
    pub fn load(name: &str) -> Result<Zone, GoError> {
        static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Zone::Utc);
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return Err(GoError::new("time: invalid location name"));
        }
        match ZONES.get(name) {
            // Go's zone names are file names, so their case counts.
            Ok(zone) if zone.iana_name() == Some(name) => Ok(Zone::Named(zone)),
            _ => Err(GoError::new(format!("unknown time zone {name}"))),
        }
    }

    /// The abbreviation and the offset in seconds east of UTC that hold at this second since 1970, as `time.Time.Zone` answers.
    pub fn at(&self, seconds: i64) -> (String, i32) {
        match self {
            Zone::Utc => ("UTC".to_owned(), 0),
            Zone::Fixed { name, offset } => (name.clone(), *offset),
            Zone::Named(zone) => {
                let clamped = seconds.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
                let stamp = jiff::Timestamp::from_second(clamped).unwrap_or_default();
                let info = zone.to_offset_info(stamp);
                (info.abbreviation().to_owned(), info.offset().seconds())
            }
        }
    }
}

/// A point in time to the nanosecond and the zone that it is shown in: Go's `time.Time`. Its text is that of `Time.String`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    seconds: i64,
    nanos: u32,
    zone: Zone,
}

/// A date and a time of day as a calendar and a clock show them: what `time.Time.Date` and `time.Time.Clock` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Civil {
    /// Year, which may be negative.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
}

impl Default for Time {
    /// Go's zero time.
    fn default() -> Self {
        Time::unix(ZERO_SECONDS, 0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

impl Time {
    /// `time.Unix`: seconds since 1970-01-01T00:00:00Z and nanoseconds within the second, shown in UTC.
    pub fn unix(seconds: i64, nanos: u32) -> Time {
        Time { seconds, nanos: nanos % 1_000_000_000, zone: Zone::Utc }
    }

    /// `time.Date`: what this civil time means in the zone. Values beyond their range carry over.
    pub fn date(civil: Civil, nanos: u32, zone: Zone) -> Time {
        let local = seconds_of(civil);
        let (_, offset) = zone.at(local);
        let (_, offset) = zone.at(local - i64::from(offset));
        Time { seconds: local - i64::from(offset), nanos, zone }
    }

    /// `time.Time.In`: the same point in time, shown in another zone.
    pub fn in_zone(&self, zone: &Zone) -> Time {
        Time { zone: zone.clone(), ..self.clone() }
    }

    /// `time.Time.Unix`: seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// `time.Time.Nanosecond`: nanoseconds within the second.
    pub fn nanos(&self) -> u32 {
        self.nanos
    }

    /// `time.Time.Location`: the zone that the time is shown in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// `time.Time.IsZero`: whether this is Go's zero time.
    pub fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }

    /// `time.Time.Add`: later by the duration, in the same zone.
    #[must_use]
    pub fn add(&self, by: Duration) -> Time {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos) + i128::from(by.0);
        let seconds = total.div_euclid(1_000_000_000).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Time { seconds: seconds as i64, nanos: total.rem_euclid(1_000_000_000) as u32, zone: self.zone.clone() }
    }

    /// `time.Time.AddDate`: what is beyond the end of a month carries over.
    #[must_use]
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Time {
        let civil = self.civil();
        let months = i64::from(civil.month) - 1 + months;
        let first = Civil { year: civil.year + years + months.div_euclid(12), month: months.rem_euclid(12) as u32 + 1, day: 1, ..civil };
        let local = seconds_of(first) + (i64::from(civil.day) - 1 + days) * 86_400;
        Time::date(civil_of(local), self.nanos, self.zone.clone())
    }

    /// `time.Time.Sub`: from the other time to this one, at most as long as a duration can be.
    pub fn sub(&self, other: &Time) -> Duration {
        // Go counts from the year 1, and over the end of its integers.
        let nanos = |t: &Time| i128::from(t.seconds.wrapping_sub(ZERO_SECONDS)) * 1_000_000_000 + i128::from(t.nanos);
        Duration((nanos(self) - nanos(other)).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// `time.Time.Date` and `time.Time.Clock`: the calendar and the clock in the time's zone.
    pub fn civil(&self) -> Civil {
        civil_of(self.local())
    }

    /// `time.Time.Weekday`: 0 for Sunday.
    pub fn weekday(&self) -> u32 {
        (self.local().div_euclid(86_400) + 4).rem_euclid(7) as u32
    }

    /// `time.Time.YearDay`: 1 for the first of January.
    pub fn year_day(&self) -> u32 {
        let civil = self.civil();
        (days_of(civil.year, civil.month, civil.day) - days_of(civil.year, 1, 1) + 1) as u32
    }

    fn local(&self) -> i64 {
        self.seconds.wrapping_add(i64::from(self.zone.at(self.seconds).1))
    }

    /// `time.Time.Format`.
    pub fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }

    /// The form in which a time stands in JSON, without its quotes: `time.Time.MarshalJSON`.
    pub fn rfc3339_nano(&self) -> String {
        self.format(RFC3339_NANO)
    }

    /// `time.ParseInLocation`: the zone is that of times whose text names none.
    ///
    /// # Errors
    /// Where the text does not fit the layout or a number is beyond its range: the text of Go's `ParseError`.
    pub fn parse_in(layout: &str, value: &str, zone: &Zone) -> Result<Time, GoError> {
        parse::parse(layout, value, zone)
    }
}

/// Names of the months, from January, as `time.Month.String` answers.
pub(crate) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Names of the days of the week, from Sunday, as `time.Weekday.String` answers.
pub(crate) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(month: u32, year: i64) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap(year)),
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar without end in either direction.
fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    // The year is counted from March, so that the leap day is its last.
    let day_of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn seconds_of(c: Civil) -> i64 {
    days_of(c.year, c.month, c.day) * 86_400 + i64::from(c.hour) * 3_600 + i64::from(c.minute) * 60 + i64::from(c.second)
}

/// Eras of 400 years from Go's first year to the year 0.
const ERAS: i64 = 730_692_556;
/// Days from the start of Go's first year, on the first of March, to 1970.
const FIRST: i64 = ERAS * 146_097 + 719_468;

/// Before Go's first year its count of seconds starts again at the end.
fn civil_of(seconds: i64) -> Civil {
    let seconds = (seconds as u64).wrapping_add(FIRST as u64 * 86_400);
    let days = (seconds / 86_400) as i64;
    let clock = (seconds % 86_400) as u32;
    let era = days / 146_097 - ERAS;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day, hour: clock / 3_600, minute: clock / 60 % 60, second: clock % 60 }
}
