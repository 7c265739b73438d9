//! Integers and floats.

use super::super::print::unicode_point;
use super::super::value::Value;
use super::printer::{LOWER, Printer, UPPER};
use crate::go::{num, quote};

impl Printer<'_> {
    pub(super) fn integer(&mut self, value: &Value, size: u64, negative: bool, signed: bool, verb: char) {
        match verb {
            'v' if self.flags.sharp_v && !signed => self.put(&format!("0x{size:x}")),
            'v' | 'd' => self.number(size, 10, negative, verb, LOWER),
            'b' => self.number(size, 2, negative, verb, LOWER),
            'o' | 'O' => self.number(size, 8, negative, verb, LOWER),
            'x' => self.number(size, 16, negative, verb, LOWER),
            'X' => self.number(size, 16, negative, verb, UPPER),
            'c' | 'q' | 'U' => {
                let code = if negative { None } else { u32::try_from(size).ok() };
                let c = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
                match verb {
                    'c' => self.pad(c.to_string().as_bytes()),
                    'q' if self.flags.plus => self.pad(quote::quote_char_ascii(c).as_bytes()),
                    'q' => self.pad(quote::quote_char(c).as_bytes()),
                    _ => self.unicode(if negative { size.wrapping_neg() } else { size }),
                }
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn unicode(&mut self, code: u64) {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0digits$X}");
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some((_, shown)) = c.map(unicode_point).as_deref().and_then(|point| point.split_once(' '))
            && self.flags.sharp
        {
            text = format!("{text} {shown}");
        }
        self.pad_without_zeros(text.as_bytes());
    }

    pub(super) fn number(&mut self, size: u64, base: u64, negative: bool, verb: char, digits: &[u8; 17]) {
        let mut least = 0;
        if let Some(precision) = self.flags.precision {
            least = precision;
            if precision == 0 && size == 0 {
                let zero = std::mem::take(&mut self.flags.zero);
                self.padding(self.flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if let (true, false, Some(width)) = (self.flags.zero, self.flags.minus, self.flags.width) {
            least = width.saturating_sub(usize::from(negative || self.flags.plus || self.flags.space));
        }
        // written backwards
        let mut text = Vec::with_capacity(24);
        let mut rest = size;
        loop {
            text.push(digits[(rest % base) as usize]);
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        while text.len() < least {
            text.push(b'0');
        }
        if self.flags.sharp {
            match base {
                2 => text.extend_from_slice(b"b0"),
                8 if text.last() != Some(&b'0') => text.push(b'0'),
                16 => text.extend_from_slice(&[digits[16], b'0']),
                _ => {}
            }
        }
        if verb == 'O' {
            text.extend_from_slice(b"o0");
        }
        if negative {
            text.push(b'-');
        } else if self.flags.plus {
            text.push(b'+');
        } else if self.flags.space {
            text.push(b' ');
        }
        text.reverse();
        self.pad_without_zeros(&text);
    }

    pub(super) fn float(&mut self, value: &Value, f: f64, verb: char) {
        let (verb, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        let mut text = num::format_float(f, verb, precision);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && text.starts_with('+') && !self.flags.plus {
            text.replace_range(..1, " ");
        }
        if !f.is_finite() {
            let text = if f.is_nan() && !self.flags.space && !self.flags.plus { &text[1..] } else { &text };
            return self.pad_without_zeros(text.as_bytes());
        }
        if self.flags.sharp && verb != 'b' {
            text = with_point(&text, verb, precision);
        }
        if !self.flags.plus && text.starts_with('+') {
            return self.pad(&text.as_bytes()[1..]);
        }
        match self.flags.width {
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                self.put(&text[..1]);
                self.padding(width - text.len());
                self.put(&text[1..]);
            }
            _ => self.pad(text.as_bytes()),
        }
    }
}

/// The `#` flag of floats: always a decimal point, and trailing zeros kept.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let (mut body, tail) = match text.find(if matches!(verb, 'x' | 'X') { ['p', 'P'] } else { ['e', 'E'] }) {
        Some(at) => (text[..at].to_owned(), &text[at..]),
        None => (text.to_owned(), ""),
    };
    let mut digits = if matches!(verb, 'g' | 'G' | 'x') { precision.unwrap_or(6) as i64 } else { 0 };
    let mut seen = false;
    for c in body[1..].chars().filter(|c| *c != '.') {
        seen |= c != '0';
        digits -= i64::from(seen);
    }
    if !body.contains('.') {
        if body.len() == 2 && &body[1..] == "0" {
            digits -= 1;
        }
        body.push('.');
    }
    body.extend(std::iter::repeat_n('0', usize::try_from(digits).unwrap_or(0)));
    body + tail
}
