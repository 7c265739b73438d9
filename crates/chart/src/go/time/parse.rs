//! Reading a time by a layout.

use super::layout::{self, Field};
use super::{Civil, MONTHS, Time, WEEKDAYS, Zone, days_in, is_leap};
use crate::go::GoError;
use std::fmt::Write as _;

/// Why an element of the layout does not fit.
enum Bad {
    Form,
    Range(&'static str),
}

/// What the elements have said so far.
#[derive(Default)]
struct Parsed {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: String,
}

pub(super) fn parse(layout: &str, value: &str, default: &Zone) -> Result<Time, GoError> {
    let fail = |element: &str, at: &str| {
        GoError::new(format!("parsing time {} as {}: cannot parse {} as {}", quote(value), quote(layout), quote(at), quote(element)))
    };
    let wrong = |what: &str| GoError::new(format!("parsing time {}: {what}", quote(value)));
    let mut parsed = Parsed::default();
    let (mut rest_layout, mut rest) = (layout, value);
    loop {
        let (prefix, element, suffix) = layout::next(rest_layout);
        rest = skip(rest, prefix).map_err(|at| fail(prefix, at))?;
        let Some((field, text)) = element else {
            break;
        };
        rest_layout = suffix;
        let hold = rest;
        parsed.take(field, &mut rest, suffix).map_err(|bad| match bad {
            Bad::Form => fail(text, hold),
            Bad::Range(what) => wrong(&format!("{what} out of range")),
        })?;
    }
    if !rest.is_empty() {
        return Err(wrong(&format!("extra text: {}", quote(rest))));
    }
    parsed.finish(default).map_err(wrong)
}

/// Go's own quoting for these messages.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='\u{7f}' => out.push(c),
            _ => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| {
                let _ = write!(out, "\\x{b:02x}");
            }),
        }
    }
    out.push('"');
    out
}

/// Steps over literal text, in which a run of blanks stands for any run of blanks.
fn skip<'v>(mut value: &'v str, mut prefix: &str) -> Result<&'v str, &'v str> {
    while let Some(c) = prefix.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(value);
            }
            prefix = prefix.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c).ok_or(value)?;
        prefix = &prefix[c.len_utf8()..];
    }
    Ok(value)
}

/// One or two digits; two if `fixed`.
fn number(rest: &mut &str, fixed: bool) -> Result<u32, Bad> {
    let len = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if len == 0 || fixed && len < 2 {
        return Err(Bad::Form);
    }
    digits(rest, len)
}

fn digits(rest: &mut &str, len: usize) -> Result<u32, Bad> {
    let text = rest.get(..len).filter(|t| t.bytes().all(|b| b.is_ascii_digit())).ok_or(Bad::Form)?;
    *rest = &rest[len..];
    text.parse().map_err(|_| Bad::Form)
}

fn below(rest: &mut &str, fixed: bool, limit: u32, what: &'static str) -> Result<u32, Bad> {
    let n = number(rest, fixed)?;
    if n < limit { Ok(n) } else { Err(Bad::Range(what)) }
}

/// The index of the name that the text begins with, in any case.
fn lookup<'n>(rest: &mut &str, names: impl Iterator<Item = &'n str>) -> Result<u32, Bad> {
    for (i, name) in (0..).zip(names) {
        if rest.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return Ok(i);
        }
    }
    Err(Bad::Form)
}

/// A fraction of so many bytes with its separator, as nanoseconds.
fn nanos(rest: &mut &str, len: usize) -> Result<u32, Bad> {
    let text = rest.get(..len).ok_or(Bad::Form)?;
    let digits = text.strip_prefix(['.', ',']).ok_or(Bad::Form)?;
    let kept = &digits[..digits.len().min(9)];
    if kept.is_empty() || !kept.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Bad::Form);
    }
    *rest = &rest[len..];
    format!("{kept:0<9}").parse().map_err(|_| Bad::Form)
}

fn fraction_len(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['.', ','])?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(digits + 1)
}

impl Parsed {
    fn take(&mut self, field: Field, rest: &mut &str, suffix: &str) -> Result<(), Bad> {
        match field {
            Field::Year => {
                // Go's number takes a sign here.
                let sign = if rest.starts_with('-') { -1 } else { 1 };
                let signed = rest.starts_with(['+', '-']);
                *rest = if signed { &rest[1..] } else { rest };
                let year = sign * i64::from(digits(rest, if signed { 1 } else { 2 })?);
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Field::LongYear => self.year = i64::from(digits(rest, 4)?),
            Field::Month => self.month = Some(lookup(rest, MONTHS.iter().map(|m| &m[..3]))? + 1),
            Field::LongMonth => self.month = Some(lookup(rest, MONTHS.into_iter())? + 1),
            Field::NumMonth | Field::ZeroMonth => {
                let month = number(rest, field == Field::ZeroMonth)?;
                self.month = Some(if (1..=12).contains(&month) { month } else { return Err(Bad::Range("month")) });
            }
            Field::Weekday => drop(lookup(rest, WEEKDAYS.iter().map(|d| &d[..3]))?),
            Field::LongWeekday => drop(lookup(rest, WEEKDAYS.into_iter())?),
            Field::Day | Field::UnderDay | Field::ZeroDay => {
                if field == Field::UnderDay {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                self.day = Some(number(rest, field == Field::ZeroDay)?);
            }
            Field::UnderYearDay | Field::ZeroYearDay => {
                if field == Field::UnderYearDay {
                    (0..2).for_each(|_| *rest = rest.strip_prefix(' ').unwrap_or(rest));
                }
                let len = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                if len == 0 || field == Field::ZeroYearDay && len < 3 {
                    return Err(Bad::Form);
                }
                self.year_day = Some(digits(rest, len)?);
            }
            Field::Hour => self.hour = below(rest, false, 24, "hour")?,
            Field::Hour12 | Field::ZeroHour12 => self.hour = below(rest, field == Field::ZeroHour12, 13, "hour")?,
            Field::Minute | Field::ZeroMinute => self.minute = below(rest, field == Field::ZeroMinute, 60, "minute")?,
            Field::Second | Field::ZeroSecond => {
                self.second = below(rest, field == Field::ZeroSecond, 60, "second")?;
                // A fraction may follow even where the layout has none.
                let expected = matches!(layout::next(suffix).1, Some((Field::Fraction { .. }, _)));
                if let Some(len) = fraction_len(rest).filter(|_| !expected) {
                    self.nanos = nanos(rest, len)?;
                }
            }
            Field::Noon | Field::LowerNoon => {
                let (am, pm) = if field == Field::Noon { ("AM", "PM") } else { ("am", "pm") };
                self.afternoon = Some(rest.starts_with(pm));
                *rest = rest.strip_prefix(pm).or_else(|| rest.strip_prefix(am)).ok_or(Bad::Form)?;
            }
            Field::ZoneName => {
                if let Some(tail) = rest.strip_prefix("UTC") {
                    (self.utc, *rest) = (true, tail);
                } else {
                    let len = zone_name_len(rest).ok_or(Bad::Form)?;
                    self.zone_name = rest[..len].to_owned();
                    *rest = &rest[len..];
                }
            }
            Field::Offset { utc_z, colon, parts } => match rest.strip_prefix('Z') {
                Some(tail) if utc_z => (self.utc, *rest) = (true, tail),
                _ => self.offset = Some(offset(rest, colon, parts)?),
            },
            Field::Fraction { trim: false, digits, .. } => self.nanos = nanos(rest, digits + 1)?,
            Field::Fraction { .. } => {
                if let Some(len) = fraction_len(rest) {
                    self.nanos = nanos(rest, len)?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, default: &Zone) -> Result<Time, &'static str> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        if let Some(year_day) = self.year_day {
            if year_day < 1 || year_day > 365 + u32::from(is_leap(self.year)) {
                return Err("day-of-year out of range");
            }
            let (mut month, mut day) = (1, year_day);
            while day > days_in(month, self.year) {
                day -= days_in(month, self.year);
                month += 1;
            }
            if self.month.is_some_and(|m| m != month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|d| d != day) {
                return Err("day-of-year does not match day");
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let civil = Civil { year: self.year, month, day, hour: self.hour, minute: self.minute, second: self.second };
        let zone = match self.offset {
            _ if self.utc => Zone::Utc,
            // The local zone is UTC.
            Some(0) if self.zone_name.is_empty() => Zone::Utc,
            Some(offset) => Zone::Fixed { name: self.zone_name, offset },
            None if self.zone_name.is_empty() => default.clone(),
            None => {
                let hours = self.zone_name.strip_prefix("GMT").and_then(|h| h.parse::<i32>().ok()).unwrap_or(0);
                // An unknown name does not move the time.
                let time = Time::date(civil, self.nanos, Zone::Utc);
                return Ok(time.in_zone(&Zone::Fixed { name: self.zone_name, offset: hours * 3_600 }));
            }
        };
        Ok(Time::date(civil, self.nanos, zone))
    }
}

fn offset(rest: &mut &str, colon: bool, parts: usize) -> Result<i32, Bad> {
    let separators = if colon { parts - 1 } else { 0 };
    let text = rest.get(..1 + parts * 2 + separators).ok_or(Bad::Form)?;
    let (sign, body) = text.split_at(1);
    let mut numbers = [0_u32; 3];
    let mut at = body;
    let mut form = true;
    for (i, slot) in numbers.iter_mut().take(parts).enumerate() {
        if colon && i > 0 {
            at = at.strip_prefix(':').ok_or(Bad::Form)?;
        }
        match number(&mut at, true) {
            Ok(n) => *slot = n,
            Err(_) => {
                form = false;
                break;
            }
        }
    }
    // Go looks at the ranges before it looks at the form.
    for (n, limit, what) in [
        (numbers[0], 24, "time zone offset hour"),
        (numbers[1], 60, "time zone offset minute"),
        (numbers[2], 60, "time zone offset second"),
    ] {
        if n > limit {
            return Err(Bad::Range(what));
        }
    }
    if !form {
        return Err(Bad::Form);
    }
    let seconds = ((numbers[0] * 60 + numbers[1]) * 60 + numbers[2]) as i32;
    let signed = match sign {
        "+" => seconds,
        "-" => -seconds,
        _ => return Err(Bad::Form),
    };
    *rest = &rest[text.len()..];
    Ok(signed)
}

/// The length of what looks like the abbreviation of a zone.
fn zone_name_len(value: &str) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with("ChST") || value.starts_with("MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix("GMT") {
        return Some(3 + signed_hours_len(rest));
    }
    if value.starts_with(['+', '-']) {
        return Some(signed_hours_len(value)).filter(|len| *len > 0);
    }
    let upper = value.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match upper {
        3 => Some(3),
        4 if value.as_bytes()[3] == b'T' || value.starts_with("WITA") => Some(4),
        5 if value.as_bytes()[4] == b'T' => Some(5),
        _ => None,
    }
}

fn signed_hours_len(value: &str) -> usize {
    let Some(digits) = value.strip_prefix(['+', '-']) else {
        return 0;
    };
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    if digits[..len].parse::<u64>().is_ok_and(|hours| hours <= 23) { len + 1 } else { 0 }
}
