//! What an unquoted scalar means: goyaml's reading of YAML 1.1.

use crate::go::num;

/// The meaning of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// Looks like a timestamp; still a string for whoever reads it untyped.
    Timestamp,
    Str,
}

impl Resolved {
    /// The short tag that goyaml's errors print.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Resolved::Null => "!!null",
            Resolved::Bool(_) => "!!bool",
            Resolved::Int(_) | Resolved::Uint(_) => "!!int",
            Resolved::Float(_) => "!!float",
            Resolved::Timestamp => "!!timestamp",
            Resolved::Str => "!!str",
        }
    }
}

/// Which major version of goyaml decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    V2,
    V3,
}

/// Resolves an untagged plain scalar.
pub(super) fn resolve(text: &str, flavour: Flavour) -> Resolved {
    resolve_tagged(text, flavour, true)
}

/// As [`resolve`]; timestamps are tried only where no other tag was given.
pub(super) fn resolve_tagged(text: &str, flavour: Flavour, timestamps: bool) -> Resolved {
    let Some(&first) = text.as_bytes().first() else {
        return Resolved::Null;
    };
    match first {
        b'+' | b'-' | b'0'..=b'9' => infinity(text).unwrap_or_else(|| number(text, flavour, timestamps)),
        b'.' => infinity(text).unwrap_or_else(|| num::parse_float(text).map_or(Resolved::Str, Resolved::Float)),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text, flavour),
        _ => Resolved::Str,
    }
}

/// A word of YAML 1.1 for a boolean that goyaml v3 reads as a string but still quotes.
pub(super) fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// Base 60 notation such as `1:30`: read as a string, but quoted when written.
pub(super) fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut groups = whole.split(':');
    let first = groups.next().unwrap_or_default();
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixty = |s: &str| matches!(s.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    first.starts_with(|c: char| c.is_ascii_digit()) && digits(first) && digits(fraction) && whole.contains(':') && groups.all(sixty)
}

fn word(text: &str, flavour: Flavour) -> Resolved {
    match text {
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        _ if flavour == Flavour::V3 => Resolved::Str,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        _ => Resolved::Str,
    }
}

fn infinity(text: &str) -> Option<Resolved> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(Resolved::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(Resolved::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Resolved::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

fn number(text: &str, flavour: Flavour, timestamps: bool) -> Resolved {
    if timestamps && is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let without;
    let plain = if text.contains('_') {
        without = text.replace('_', "");
        without.as_str()
    } else {
        text
    };
    if let Some(found) = integer(plain, 0) {
        return found;
    }
    if looks_like_float(plain)
        && let Ok(v) = num::parse_float(plain)
    {
        return Resolved::Float(v);
    }
    // Go's base 0 has taken the usual forms already; what is left are doubled signs such as `0b-1`.
    let radix = if plain.starts_with("0b") || plain.starts_with("-0b") {
        2
    } else if flavour == Flavour::V3 && (plain.starts_with("0o") || plain.starts_with("-0o")) {
        8
    } else {
        return Resolved::Str;
    };
    match plain.strip_prefix('-') {
        Some(rest) => num::parse_int(&format!("-{}", &rest[2..]), radix).map_or(Resolved::Str, Resolved::Int),
        None => integer(&plain[2..], radix).unwrap_or(Resolved::Str),
    }
}

fn integer(text: &str, base: u32) -> Option<Resolved> {
    num::parse_int(text, base).map(Resolved::Int).or_else(|_| num::parse_uint(text, base).map(Resolved::Uint)).ok()
}

fn looks_like_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exp) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exp)) => (mantissa, Some(exp.strip_prefix(['+', '-']).unwrap_or(exp))),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_fits && exp.is_none_or(|exp| !exp.is_empty() && digits(exp))
}

/// The four layouts that goyaml tries: a date, or a date and a time with or without a zone.
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    stamp(text).is_some_and(|(year, month, day)| day >= 1 && day <= days_in(month, year))
}

fn stamp(text: &str) -> Option<(u32, u32, u32)> {
    let mut rest = &text[4..];
    let year = text[..4].parse().ok()?;
    let month = field(&mut rest, '-', 12)?;
    let day = field(&mut rest, '-', 31)?;
    if rest.is_empty() {
        return (month >= 1).then_some((year, month, day));
    }
    let zoned = match rest.chars().next()? {
        'T' | 't' => true,
        ' ' => false,
        _ => return None,
    };
    rest = &rest[1..];
    // A layout with a blank takes any number of blanks.
    if !zoned {
        rest = rest.trim_start_matches(' ');
    }
    one_or_two(&mut rest, 23)?;
    field(&mut rest, ':', 59)?;
    field(&mut rest, ':', 59)?;
    if rest.len() >= 2 && rest.starts_with(['.', ',']) && rest.as_bytes()[1].is_ascii_digit() {
        rest = rest[1..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let complete = if !zoned {
        rest.is_empty()
    } else if let Some(offset) = rest.strip_prefix(['+', '-']) {
        let two = |s: &str, max: u32| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit()) && s.parse().is_ok_and(|n: u32| n <= max);
        offset.split_once(':').is_some_and(|(h, m)| two(h, 24) && two(m, 60))
    } else {
        rest == "Z"
    };
    (complete && month >= 1).then_some((year, month, day))
}

fn field(rest: &mut &str, separator: char, max: u32) -> Option<u32> {
    *rest = rest.strip_prefix(separator)?;
    one_or_two(rest, max)
}

fn one_or_two(rest: &mut &str, max: u32) -> Option<u32> {
    let len = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = rest[..len].parse().ok()?;
    *rest = &rest[len..];
    (value <= max).then_some(value)
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
