//! Numbers as Go's `strconv` (number.go, and ftoa.go, atof.go, atoi.go, atob.go of internal/strconv) reads and
//! writes them. Errors have the text of its `NumError`.

use super::{GoError, hexfloat};

/// `strconv.FormatFloat(v, 'g', -1, 64)`, which is also how `%v` prints a float64: `100000`, `1e+06`, `1.5e-05`, `+Inf`, `NaN`.
pub fn float(v: f64) -> String {
    special(v).map_or_else(|| shortest(v).general(6), str::to_owned)
}

/// `strconv.FormatFloat(v, 'g', -1, 32)`: the shortest digits that give the same float32.
pub fn float32(v: f64) -> String {
    let narrow = v as f32;
    special(f64::from(narrow)).map_or_else(|| Decimal::read(zmij::Buffer::new().format_finite(narrow)).general(6), str::to_owned)
}

/// A float64 as Go's `floatEncoder` (encoding/json/encode.go) writes it; `None` for infinities and NaN, which JSON lacks.
pub fn json_float(v: f64) -> Option<String> {
    if !v.is_finite() {
        return None;
    }
    let size = v.abs();
    let decimal = shortest(v);
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(decimal.plain());
    }
    // JSON's exponent has no leading zero.
    Some(decimal.scientific(1))
}

/// `strconv.FormatFloat` with a verb of `b e E f F g G x X` and a precision (`None` is Go's -1: the shortest that reads back equal).
pub fn format_float(v: f64, verb: char, precision: Option<usize>) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    let text = match (verb.to_ascii_lowercase(), precision) {
        ('b', _) => hexfloat::binary(v),
        ('x', precision) => hexfloat::hexadecimal(v, precision),
        ('f', None) => shortest(v).plain(),
        ('f', Some(p)) => format!("{v:.p$}"),
        ('e', None) => shortest(v).scientific(2),
        ('e', Some(p)) => {
            let exact = format!("{v:.p$e}");
            let (mantissa, exp) = split_exp(&exact);
            format!("{mantissa}e{}", exponent(exp, 2))
        }
        (_, None) => shortest(v).general(6),
        (_, Some(p)) => {
            let p = p.max(1);
            let decimal = Decimal::read(&format!("{v:.*e}", p - 1));
            let len = decimal.digits.len();
            let threshold = if p > len && len as i32 > decimal.exp { len } else { p };
            decimal.general(threshold as i32)
        }
    };
    match verb {
        'X' => text.to_ascii_uppercase(),
        verb if verb.is_ascii_uppercase() => text.replace('e', "E"),
        _ => text,
    }
}

/// `math.Pow(10, n)`: by squares of the mantissa, whose last bit is not always the nearest.
pub(crate) fn power_of_ten(n: i64) -> f64 {
    let (mut mantissa, mut exponent) = (1.0, 0i64);
    let (mut square, mut doubled) = (0.625, 4i64);
    let mut left = n.unsigned_abs();
    while left != 0 {
        if doubled > 1 << 12 {
            // infinite, or nothing
            exponent += doubled;
            break;
        }
        if left & 1 == 1 {
            mantissa *= square;
            exponent += doubled;
        }
        square *= square;
        doubled *= 2;
        if square < 0.5 {
            square += square;
            doubled -= 1;
        }
        left >>= 1;
    }
    if n < 0 {
        (mantissa, exponent) = (1.0 / mantissa, -exponent);
    }
    // In two steps, since a half of the exponent always has a form.
    let half = exponent.clamp(-4_000, 4_000) as i32 / 2;
    let rest = exponent.clamp(-4_000, 4_000) as i32 - half;
    mantissa * 2f64.powi(half) * 2f64.powi(rest)
}

fn special(v: f64) -> Option<&'static str> {
    match v {
        _ if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

fn split_exp(text: &str) -> (&str, i32) {
    let (mantissa, exp) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exp.parse().unwrap_or(0))
}

fn exponent(exp: i32, width: usize) -> String {
    format!("{}{:0width$}", if exp < 0 { '-' } else { '+' }, exp.abs())
}

/// The fewest digits that read back as the same number; between two equally near ones, Go and this crate take the even one.
fn shortest(v: f64) -> Decimal {
    Decimal::read(zmij::Buffer::new().format_finite(v))
}

/// `d.ddd * 10^exp`.
struct Decimal {
    negative: bool,
    /// Without leading and trailing zeros, but at least one.
    digits: String,
    exp: i32,
}

impl Decimal {
    fn read(text: &str) -> Decimal {
        let (mantissa, mut exp) = split_exp(text);
        let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        exp += whole.len() as i32 - 1 - leading as i32;
        match all.trim_matches('0') {
            "" => Decimal { negative, digits: "0".to_owned(), exp: 0 },
            digits => Decimal { negative, digits: digits.to_owned(), exp },
        }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn scientific(&self, exp_width: usize) -> String {
        let (head, tail) = self.digits.split_at(1);
        let point = if tail.is_empty() { "" } else { "." };
        format!("{}{head}{point}{tail}e{}", self.sign(), exponent(self.exp, exp_width))
    }

    fn plain(&self) -> String {
        let (sign, digits) = (self.sign(), &self.digits);
        let Ok(point) = usize::try_from(self.exp + 1) else {
            return format!("{sign}0.{}{digits}", "0".repeat((-self.exp - 1) as usize));
        };
        match point {
            0 => format!("{sign}0.{digits}"),
            _ if digits.len() <= point => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
            _ => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        }
    }

    /// `%g`: scientific below 1e-4 and from 10 to the threshold on.
    fn general(&self, threshold: i32) -> String {
        if self.exp < -4 || self.exp >= threshold { self.scientific(2) } else { self.plain() }
    }
}

/// `strconv.ParseInt` with base 0 (prefixes and underscores), 2, 8, 10 or 16, for 64 bits.
pub fn parse_int(text: &str, base: u32) -> Result<i64, GoError> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let out_of_range = || num_error("ParseInt", text, RANGE);
    match magnitude(rest, base, text) {
        Ok(n) if negative && n == 1 << 63 => Ok(i64::MIN),
        Ok(n) => i64::try_from(n).map(|n| if negative { -n } else { n }).map_err(|_| out_of_range()),
        Err(reason) => Err(num_error("ParseInt", text, reason)),
    }
}

/// `strconv.ParseUint` with base 0, 2, 8, 10 or 16, for 64 bits.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, GoError> {
    magnitude(text, base, text).map_err(|reason| num_error("ParseUint", text, reason))
}

/// `strconv.Atoi`: a decimal number with or without a sign.
pub fn atoi(text: &str) -> Result<i64, GoError> {
    parse_int(text, 10).map_err(|e| GoError::new(e.to_string().replacen("ParseInt", "Atoi", 1)))
}

/// The number that `strconv.ParseInt` gives beside its error, where a caller drops that: the nearest one, or 0 for no number.
pub(crate) fn nearest_int(text: &str) -> i64 {
    parse_int(text, 10).unwrap_or_else(|err| match err.to_string().ends_with("value out of range") {
        true if text.starts_with('-') => i64::MIN,
        true => i64::MAX,
        false => 0,
    })
}

/// `strconv.ParseBool`: `1`, `t`, `true` and their opposites, in the cases that Go knows.
pub fn parse_bool(text: &str) -> Result<bool, GoError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(num_error("ParseBool", text, SYNTAX)),
    }
}

/// `strconv.ParseFloat(text, 64)`: decimal, hexadecimal, `inf` and `nan` forms, underscores where Go's literals allow them.
pub fn parse_float(text: &str) -> Result<f64, GoError> {
    let syntax = || num_error("ParseFloat", text, SYNTAX);
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = |v: f64| if negative { -v } else { v };
    if rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
        return Ok(signed(f64::INFINITY));
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let hex = rest.len() > 2 && (rest.starts_with("0x") || rest.starts_with("0X"));
    let plain = rest.replace('_', "");
    let value = if hex { hex_float(&plain[2..]) } else { decimal_float(&plain) }.ok_or_else(syntax)?;
    if plain.len() != rest.len() && !underscores_ok(rest) {
        return Err(syntax());
    }
    if value.is_infinite() { Err(num_error("ParseFloat", text, RANGE)) } else { Ok(signed(value)) }
}

const SYNTAX: &str = "invalid syntax";
const RANGE: &str = "value out of range";

fn num_error(function: &str, text: &str, reason: &str) -> GoError {
    GoError::new(format!("strconv.{function}: parsing {}: {reason}", super::quote::quote(text)))
}

fn magnitude(text: &str, base: u32, whole: &str) -> Result<u64, &'static str> {
    if text.is_empty() {
        return Err(SYNTAX);
    }
    let mut digits = text;
    let mut radix = base;
    if base == 0 {
        radix = 10;
        if let Some(rest) = text.strip_prefix('0') {
            let prefixed = if rest.len() > 1 { &rest[..rest.chars().next().map_or(0, char::len_utf8)] } else { "" };
            (radix, digits) = match prefixed {
                "b" | "B" => (2, &rest[1..]),
                "o" | "O" => (8, &rest[1..]),
                "x" | "X" => (16, &rest[1..]),
                _ => (8, rest),
            };
        }
    }
    let mut value = Some(0_u64);
    let mut underscores = false;
    for b in digits.bytes() {
        if b == b'_' && base == 0 {
            underscores = true;
            continue;
        }
        let digit = (b as char).to_digit(radix).ok_or(SYNTAX)?;
        value = value.and_then(|v| v.checked_mul(u64::from(radix))?.checked_add(u64::from(digit)));
        if value.is_none() && base != 0 && digits.bytes().any(|b| !(b as char).is_digit(radix)) {
            // Go stops at the overflow, before it would see a later wrong character.
            return Err(RANGE);
        }
    }
    if underscores && value.is_some() && !underscores_ok(whole) {
        return Err(SYNTAX);
    }
    value.ok_or(RANGE)
}

/// Go's literal syntax: an underscore only between digits, or between a base prefix and a digit.
fn underscores_ok(text: &str) -> bool {
    #[derive(PartialEq)]
    enum Saw {
        Nothing,
        Digit,
        Underscore,
        Other,
    }
    let text = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let prefixed = text.len() >= 2 && text[0] == b'0' && matches!(text[1].to_ascii_lowercase(), b'b' | b'o' | b'x');
    let hex = prefixed && text[1].eq_ignore_ascii_case(&b'x');
    let mut saw = if prefixed { Saw::Digit } else { Saw::Nothing };
    for &b in &text[if prefixed { 2 } else { 0 }..] {
        saw = match b {
            _ if b.is_ascii_digit() || hex && b.is_ascii_hexdigit() => Saw::Digit,
            b'_' if saw != Saw::Digit => return false,
            b'_' => Saw::Underscore,
            _ if saw == Saw::Underscore => return false,
            _ => Saw::Other,
        };
    }
    saw != Saw::Underscore
}

fn decimal_float(text: &str) -> Option<f64> {
    // Rust takes the same decimal grammar, and the words that the caller has already handled.
    let shaped = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) && !text.starts_with(['+', '-']);
    if shaped { text.parse().ok() } else { None }
}

fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exp) = text.split_once(['p', 'P'])?;
    let exp_digits = exp.strip_prefix(['+', '-']).unwrap_or(exp);
    if exp_digits.is_empty() || !exp_digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut exp: i64 = exp_digits.bytes().take(6).fold(0, |n, b| n * 10 + i64::from(b - b'0')) * if exp.starts_with('-') { -1 } else { 1 };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    // 60 bits of mantissa and a sticky bit are enough to round once to 53.
    let mut value = 0_u64;
    for (i, b) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let digit = u64::from((b as char).to_digit(16)?);
        if value >> 56 == 0 {
            value = value << 4 | digit;
            exp -= if i >= whole.len() { 4 } else { 0 };
        } else {
            value |= u64::from(digit != 0);
            exp += if i < whole.len() { 4 } else { 0 };
        }
    }
    Some(scale(value, exp))
}

/// `mantissa * 2^exp`, rounded once, half to even.
fn scale(mantissa: u64, exp: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let top = 64 - i64::from(mantissa.leading_zeros()) + exp;
    if top > 1024 {
        return f64::INFINITY;
    }
    let lowest = (top - 53).max(-1074);
    let shift = lowest - exp;
    let rounded = if shift <= 0 {
        (mantissa << (-shift).min(63)) as u128
    } else if shift > 64 {
        0
    } else {
        let wide = u128::from(mantissa);
        let (kept, half) = (wide >> shift, 1_u128 << (shift - 1));
        let lost = wide & ((1_u128 << shift) - 1);
        kept + u128::from(lost > half || lost == half && kept & 1 == 1)
    };
    // At most 54 bits are left, so both factors are exact.
    let steps = lowest.clamp(-1074, 1023);
    rounded as f64 * 2_f64.powi((steps / 2) as i32) * 2_f64.powi((steps - steps / 2) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_go() {
        for (v, g, json) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (100_000.0, "100000", "100000"),
            (1e6, "1e+06", "1000000"),
            (1_234_567.0, "1.234567e+06", "1234567"),
            (12_345_678_901_234_567_890.0, "1.2345678901234567e+19", "12345678901234567000"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (123_456.7, "123456.7", "123456.7"),
            (2_100_000.5, "2.1000005e+06", "2100000.5"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (1.5e300, "1.5e+300", "1.5e+300"),
            (-2.5, "-2.5", "-2.5"),
        ] {
            assert_eq!(float(v), g);
            assert_eq!(json_float(v).as_deref(), Some(json));
        }
        assert_eq!((float(f64::NAN), float(f64::NEG_INFINITY), json_float(f64::INFINITY)), ("NaN".into(), "-Inf".into(), None));
        assert_eq!(float32(1.1), "1.1");
        assert_eq!(float32(std::f64::consts::PI), "3.1415927");
    }

    #[test]
    fn formats_as_go() {
        for (v, verb, precision, expect) in [
            (100.0, 'g', Some(3), "100"),
            (1000.0, 'g', Some(3), "1e+03"),
            (123_456.0, 'g', Some(20), "123456"),
            (0.1, 'g', Some(20), "0.10000000000000000555"),
            (1.5, 'e', None, "1.5e+00"),
            (1.5, 'E', Some(3), "1.500E+00"),
            (2.5, 'f', Some(0), "2"),
            (1e21, 'f', None, "1000000000000000000000"),
            (0.0, 'g', Some(4), "0"),
        ] {
            assert_eq!(format_float(v, verb, precision), expect, "{v} {verb} {precision:?}");
        }
    }

    #[test]
    fn parses_as_go() {
        for (text, base, expect) in [
            ("08", 0, Err("strconv.ParseInt: parsing \"08\": invalid syntax")),
            ("0x1F", 0, Ok(31)),
            ("0o17", 0, Ok(15)),
            ("0b11", 0, Ok(3)),
            ("017", 0, Ok(15)),
            ("0", 0, Ok(0)),
            ("1_000", 0, Ok(1000)),
            ("1__0", 0, Err("strconv.ParseInt: parsing \"1__0\": invalid syntax")),
            ("0_7", 0, Ok(7)),
            ("-9223372036854775808", 10, Ok(i64::MIN)),
            ("9223372036854775808", 10, Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range")),
            ("", 10, Err("strconv.ParseInt: parsing \"\": invalid syntax")),
            ("+5", 10, Ok(5)),
            ("0x", 0, Err("strconv.ParseInt: parsing \"0x\": invalid syntax")),
        ] {
            assert_eq!(parse_int(text, base).map_err(|e| e.to_string()), expect.map_err(str::to_owned), "{text}");
        }
        for (text, expect) in [
            ("1.5", Some(1.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e400", None),
            ("0x1p-2", Some(0.25)),
            ("0x1.8p1", Some(3.0)),
            ("1_0", Some(10.0)),
            ("_1", None),
            ("-Inf", Some(f64::NEG_INFINITY)),
            ("1e", None),
            ("", None),
            (".", None),
            ("0x1", None),
            ("1 ", None),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.fffffffffffffp1023", Some(f64::MAX)),
        ] {
            assert_eq!(parse_float(text).ok(), expect, "{text}");
        }
    }
}
