//! Number constants, kept under every type that can hold them.

use super::ast::Number;
use super::lex::Tok;
use super::quote::{quote, unquote_char};

/// Parses a number token. The error is Go's message.
pub(crate) fn parse(pos: u32, text: &str, tok: Tok) -> Result<Number, String> {
    let mut number = Number { pos, text: text.into(), int: None, uint: None, float: None };
    match tok {
        Tok::CharConstant => {
            let Some((c, rest)) = unquote_char(&text[1..], '\'') else {
                return Err("invalid syntax".to_owned());
            };
            if rest != "'" {
                return Err(format!("malformed character constant: {text}"));
            }
            let code = u32::from(c);
            number.int = Some(i64::from(code));
            number.uint = Some(u64::from(code));
            number.float = Some(f64::from(code));
            return Ok(number);
        }
        Tok::Complex => return Err(format!("complex constants are not supported: {}", quote(text))),
        _ => {}
    }
    if text.ends_with('i') {
        return Err(format!("complex constants are not supported: {}", quote(text)));
    }
    number.uint = parse_uint(text);
    number.int = parse_int(text);
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Some(float) = parse_float(text) {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote(text)));
        }
        number.float = Some(float);
        if (float as i64) as f64 == float && float.abs() < 9.2e18 {
            number.int = Some(float as i64);
        }
        if float >= 0.0 && (float as u64) as f64 == float && float < 1.8e19 {
            number.uint = Some(float as u64);
        }
    }
    if number.float.is_none() {
        return Err(format!("illegal number syntax: {}", quote(text)));
    }
    Ok(number)
}

/// `strconv.ParseInt(text, 0, 64)`; also what casting a string to an integer uses.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_uint(digits)?;
    if negative {
        if magnitude <= 1 << 63 { Some((magnitude as i64).wrapping_neg()) } else { None }
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// `strconv.ParseUint(text, 0, 64)`: the prefix decides the base, underscores may separate digits.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let (base, digits, prefixed) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..], true),
        [b'0', b'o' | b'O', ..] => (8, &text[2..], true),
        [b'0', b'b' | b'B', ..] => (2, &text[2..], true),
        [b'0', _, ..] => (8, &text[1..], true),
        _ => (10, text, false),
    };
    let digits = strip_underscores(digits, prefixed)?;
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits, base).ok()
}

/// `strconv.ParseFloat(text, 64)` for what the lexer and string casts bring.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    if let Some(hex) = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        return parse_hex_float(hex).map(|value| sign * value);
    }
    match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if !body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-' | b'_')) {
        return None;
    }
    let digits = strip_underscores(body, false)?;
    let value: f64 = digits.parse().ok()?;
    if value.is_infinite() { None } else { Some(sign * value) }
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let at = text.find(['p', 'P'])?;
    let exponent: i32 = text[at + 1..].parse().ok()?;
    let (whole, fraction) = text[..at].split_once('.').unwrap_or((&text[..at], ""));
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()).filter(|c| *c != '_') {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(4 * fraction.chars().filter(|c| *c != '_').count() as i32)?;
    Some(value * f64::powi(2.0, shift))
}

/// Underscores must stand between digits, or after a base prefix.
fn strip_underscores(digits: &str, prefixed: bool) -> Option<std::borrow::Cow<'_, str>> {
    if !digits.contains('_') {
        return Some(digits.into());
    }
    let bad = digits.ends_with('_') || digits.contains("__") || (!prefixed && digits.starts_with('_'));
    if bad { None } else { Some(digits.replace('_', "").into()) }
}
