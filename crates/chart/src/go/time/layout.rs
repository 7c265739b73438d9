//! Layouts such as `Mon Jan 2 15:04:05 2006`.

use super::{MONTHS, Time, WEEKDAYS};
use std::fmt::Write as _;

/// One element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    LongYear,
    Year,
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    Noon,
    LowerNoon,
    ZoneName,
    /// `utc_z`: `Z` stands for UTC.
    Offset {
        utc_z: bool,
        colon: bool,
        parts: usize,
    },
    /// `.000` or `.999`, the latter without zeros at the end.
    Fraction {
        digits: usize,
        trim: bool,
        separator: char,
    },
}

/// The text before the first element, the element with its text, and what follows.
pub(super) fn next(layout: &str) -> (&str, Option<(Field, &str)>, &str) {
    for (i, _) in layout.char_indices() {
        let rest = &layout[i..];
        if let Some((skip, field, len)) = element(rest) {
            let start = i + skip;
            return (&layout[..start], Some((field, &layout[start..start + len])), &layout[start + len..]);
        }
    }
    (layout, None, "")
}

/// Literal bytes before the element, the element and its length, if the text begins with one.
fn element(text: &str) -> Option<(usize, Field, usize)> {
    let found = |field, len| Some((0, field, len));
    let lower_follows = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_lowercase);
    let bytes = text.as_bytes();
    match bytes[0] {
        b'J' if text.starts_with("January") => found(Field::LongMonth, 7),
        b'J' if text.starts_with("Jan") && !lower_follows(3) => found(Field::Month, 3),
        b'M' if text.starts_with("Monday") => found(Field::LongWeekday, 6),
        b'M' if text.starts_with("Mon") && !lower_follows(3) => found(Field::Weekday, 3),
        b'M' if text.starts_with("MST") => found(Field::ZoneName, 3),
        b'0' => match bytes.get(1)? {
            b'1' => found(Field::ZeroMonth, 2),
            b'2' => found(Field::ZeroDay, 2),
            b'3' => found(Field::ZeroHour12, 2),
            b'4' => found(Field::ZeroMinute, 2),
            b'5' => found(Field::ZeroSecond, 2),
            b'6' => found(Field::Year, 2),
            b'0' if bytes.get(2) == Some(&b'2') => found(Field::ZeroYearDay, 3),
            _ => None,
        },
        b'1' if bytes.get(1) == Some(&b'5') => found(Field::Hour, 2),
        b'1' => found(Field::NumMonth, 1),
        b'2' if text.starts_with("2006") => found(Field::LongYear, 4),
        b'2' => found(Field::Day, 1),
        b'_' if text.starts_with("_2006") => Some((1, Field::LongYear, 4)),
        b'_' if text.starts_with("_2") => found(Field::UnderDay, 2),
        b'_' if text.starts_with("__2") => found(Field::UnderYearDay, 3),
        b'3' => found(Field::Hour12, 1),
        b'4' => found(Field::Minute, 1),
        b'5' => found(Field::Second, 1),
        b'P' if text.starts_with("PM") => found(Field::Noon, 2),
        b'p' if text.starts_with("pm") => found(Field::LowerNoon, 2),
        sign @ (b'-' | b'Z') => {
            let forms = [("070000", false, 3), ("07:00:00", true, 3), ("0700", false, 2), ("07:00", true, 2), ("07", false, 1)];
            let (form, colon, parts) = forms.into_iter().find(|(form, ..)| text[1..].starts_with(form))?;
            found(Field::Offset { utc_z: sign == b'Z', colon, parts }, 1 + form.len())
        }
        separator @ (b'.' | b',') => {
            let digit = *bytes.get(1).filter(|b| matches!(b, b'0' | b'9'))?;
            let digits = bytes[1..].iter().take_while(|b| **b == digit).count();
            let ends = !bytes.get(1 + digits).is_some_and(u8::is_ascii_digit);
            if ends { found(Field::Fraction { digits, trim: digit == b'9', separator: separator.into() }, 1 + digits) } else { None }
        }
        _ => None,
    }
}

pub(super) fn format(time: &Time, layout: &str) -> String {
    let civil = time.civil();
    let (name, offset) = time.zone().at(time.seconds());
    let mut out = String::with_capacity(layout.len() + 10);
    let mut rest = layout;
    loop {
        let (prefix, field, tail) = next(rest);
        out.push_str(prefix);
        let Some((field, _)) = field else {
            return out;
        };
        rest = tail;
        let month = MONTHS[civil.month as usize - 1];
        let weekday = WEEKDAYS[time.weekday() as usize];
        let hour12 = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
        let _ = match field {
            Field::LongYear if civil.year < 0 => write!(out, "-{:04}", -civil.year),
            Field::LongYear => write!(out, "{:04}", civil.year),
            Field::Year => write!(out, "{:02}", civil.year.abs() % 100),
            Field::LongMonth => out.write_str(month),
            Field::Month => out.write_str(&month[..3]),
            Field::NumMonth => write!(out, "{}", civil.month),
            Field::ZeroMonth => write!(out, "{:02}", civil.month),
            Field::LongWeekday => out.write_str(weekday),
            Field::Weekday => out.write_str(&weekday[..3]),
            Field::Day => write!(out, "{}", civil.day),
            Field::UnderDay => write!(out, "{:2}", civil.day),
            Field::ZeroDay => write!(out, "{:02}", civil.day),
            Field::UnderYearDay => write!(out, "{:3}", time.year_day()),
            Field::ZeroYearDay => write!(out, "{:03}", time.year_day()),
            Field::Hour => write!(out, "{:02}", civil.hour),
            Field::Hour12 => write!(out, "{hour12}"),
            Field::ZeroHour12 => write!(out, "{hour12:02}"),
            Field::Minute => write!(out, "{}", civil.minute),
            Field::ZeroMinute => write!(out, "{:02}", civil.minute),
            Field::Second => write!(out, "{}", civil.second),
            Field::ZeroSecond => write!(out, "{:02}", civil.second),
            Field::Noon => out.write_str(if civil.hour >= 12 { "PM" } else { "AM" }),
            Field::LowerNoon => out.write_str(if civil.hour >= 12 { "pm" } else { "am" }),
            Field::ZoneName if !name.is_empty() => out.write_str(&name),
            Field::ZoneName => {
                let minutes = (offset / 60).abs();
                write!(out, "{}{:02}{:02}", if offset / 60 < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
            }
            Field::Offset { utc_z: true, .. } if offset == 0 => out.write_str("Z"),
            Field::Offset { colon, parts, .. } => {
                let (minutes, seconds) = ((offset / 60).abs(), offset.abs() % 60);
                out.push(if offset / 60 < 0 { '-' } else { '+' });
                let numbers: Vec<String> = [minutes / 60, minutes % 60, seconds].iter().take(parts).map(|n| format!("{n:02}")).collect();
                out.write_str(&numbers.join(if colon { ":" } else { "" }))
            }
            Field::Fraction { digits, trim, separator } => {
                let all = format!("{:09}", time.nanos());
                let kept = &all[..digits.min(9)];
                let kept = if trim { kept.trim_end_matches('0') } else { kept };
                match kept {
                    "" => Ok(()),
                    kept => write!(out, "{separator}{kept}"),
                }
            }
        };
    }
}
