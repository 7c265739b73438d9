//! Number constants, kept under every type that can hold them.

use super::ast::Number;
use super::lex::Tok;
use crate::go::num;
use crate::go::quote::{quote, unquote_char};

/// Parses a number token. The error is Go's message.
pub(crate) fn parse(pos: u32, text: &str, tok: Tok) -> Result<Number, String> {
    let mut number = Number { pos, text: text.into(), int: None, uint: None, float: None };
    if tok == Tok::CharConstant {
        let (unit, rest) = unquote_char(&text[1..], '\'').map_err(|err| err.to_string())?;
        if rest != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = unit.as_rune();
        number.int = Some(code);
        number.uint = u64::try_from(code).ok();
        number.float = Some(code as f64);
        return Ok(number);
    }
    if let Some(body) = text.strip_suffix('i') {
        // The sign between the two parts; not one of an exponent.
        let split = (1..body.len())
            .rev()
            .find(|i| matches!(body.as_bytes()[*i], b'+' | b'-') && !matches!(body.as_bytes()[i - 1], b'e' | b'E' | b'p' | b'P'));
        let (real, imaginary) = match split {
            Some(at) if tok == Tok::Complex => body.split_at(at),
            _ => ("0", body),
        };
        let (Ok(real), Ok(imaginary)) = (num::parse_float(real), num::parse_float(imaginary)) else {
            return Err(format!("illegal number syntax: {}", quote(text)));
        };
        if imaginary == 0.0 {
            number.float = Some(real);
            number.int = Some(real as i64).filter(|i| *i as f64 == real);
            number.uint = Some(real as u64).filter(|u| *u as f64 == real);
        }
        return Ok(number);
    }
    number.uint = num::parse_uint(text, 0).ok();
    number.int = num::parse_int(text, 0).ok();
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else if let Ok(float) = num::parse_float(text) {
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
