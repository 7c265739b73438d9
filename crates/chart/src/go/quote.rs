//! Go's `strconv.Quote` and its inverse (strconv/quote.go).

use super::{GoError, unicode};
use std::fmt::Write as _;

/// `strconv.Quote`: a Go string literal in double quotes, as sprig's `quote` (strings.go) and `%q` print it.
pub fn quote(s: &str) -> String {
    quote_with(s, '"', false)
}

/// `strconv.QuoteToASCII`, as `%+q` prints it.
pub fn quote_ascii(s: &str) -> String {
    quote_with(s, '"', true)
}

/// `strconv.Quote` of a string that need not be UTF-8: invalid bytes become `\x..`.
pub fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        push_escaped(&mut out, chunk.valid(), '"', false);
        for b in chunk.invalid() {
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out.push('"');
    out
}

/// `strconv.QuoteRune`, as `%q` of an integer prints it.
pub fn quote_char(c: char) -> String {
    quote_with(c.encode_utf8(&mut [0; 4]), '\'', false)
}

/// `strconv.QuoteRuneToASCII`, as `%+q` of an integer prints it.
pub(crate) fn quote_char_ascii(c: char) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c.encode_utf8(&mut [0; 4]), '\'', true);
    out + "'"
}

/// `strconv.CanBackquote`: whether the string can stand in a raw literal; `%#q` asks this.
pub fn can_backquote(s: &str) -> bool {
    s.chars().all(|c| c != '\u{feff}' && c != '`' && c != '\u{7f}' && (c >= ' ' || c == '\t'))
}

fn quote_with(s: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push(mark);
    push_escaped(&mut out, s, mark, ascii);
    out.push(mark);
    out
}

fn push_escaped(out: &mut String, s: &str, mark: char, ascii: bool) {
    for c in s.chars() {
        if c == mark || c == '\\' {
            out.push('\\');
            out.push(c);
            continue;
        }
        if (!ascii || c.is_ascii()) && unicode::is_print(c) {
            out.push(c);
            continue;
        }
        let escape = match c {
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{b}' => "\\v",
            _ => "",
        };
        let _ = match c as u32 {
            _ if !escape.is_empty() => out.write_str(escape),
            n if n < 0x20 || n == 0x7f => write!(out, "\\x{n:02x}"),
            n if n < 0x10000 => write!(out, "\\u{n:04x}"),
            n => write!(out, "\\U{n:08x}"),
        };
    }
}

/// `strconv.Unquote` for double-quoted, back-quoted and character literals: the bytes that the literal stands for.
///
/// # Errors
/// `invalid syntax`, as Go's `ErrSyntax` says.
pub fn unquote(literal: &str) -> Result<Vec<u8>, GoError> {
    let invalid = || GoError::new("invalid syntax");
    let mark = literal.chars().next().ok_or_else(invalid)?;
    if literal.len() < 2 || !literal.ends_with(mark) {
        return Err(invalid());
    }
    let body = &literal[1..literal.len() - 1];
    match mark {
        '`' if body.contains('`') => Err(invalid()),
        '`' => Ok(body.bytes().filter(|&b| b != b'\r').collect()),
        '"' | '\'' => {
            let mut out = Vec::with_capacity(body.len());
            let mut rest = body;
            let mut units = 0;
            while !rest.is_empty() {
                let (unit, tail) = unquote_char(rest, mark)?;
                unit.push_to(&mut out);
                rest = tail;
                units += 1;
            }
            if mark == '\'' && units != 1 { Err(invalid()) } else { Ok(out) }
        }
        _ => Err(invalid()),
    }
}

/// What one escape or character of a literal stands for: what `strconv.UnquoteChar` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A character.
    Char(char),
    /// A single byte from `\x..` or an octal escape.
    Byte(u8),
}

impl Unit {
    /// Appends the unit in the form that a Go string holds it.
    pub(crate) fn push_to(self, out: &mut Vec<u8>) {
        match self {
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(b) => out.push(b),
        }
    }

    /// The value as Go's `rune`, as a character constant has it.
    pub(crate) fn as_rune(self) -> i64 {
        match self {
            Unit::Char(c) => i64::from(c as u32),
            Unit::Byte(b) => i64::from(b),
        }
    }
}

/// `strconv.UnquoteChar`: the first unit of a literal's body that is delimited by `mark`, and what follows it.
///
/// # Errors
/// `invalid syntax`, as Go's `ErrSyntax` says.
pub(crate) fn unquote_char(body: &str, mark: char) -> Result<(Unit, &str), GoError> {
    let invalid = || GoError::new("invalid syntax");
    let mut chars = body.chars();
    let first = chars.next().ok_or_else(invalid)?;
    if first == mark || first == '\n' {
        return Err(invalid());
    }
    if first != '\\' {
        return Ok((Unit::Char(first), chars.as_str()));
    }
    let kind = chars.next().ok_or_else(invalid)?;
    let rest = chars.as_str();
    let simple = |c| Ok((Unit::Char(c), rest));
    let digits = |from: &'_ str, n: usize, radix: u32| -> Result<u32, GoError> {
        let text = from.get(..n).filter(|t| t.bytes().all(|b| (b as char).is_digit(radix))).ok_or_else(invalid)?;
        u32::from_str_radix(text, radix).map_err(|_| invalid())
    };
    match kind {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        '\'' | '"' if kind == mark => simple(kind),
        'x' => Ok((Unit::Byte(digits(rest, 2, 16)? as u8), &rest[2..])),
        'u' | 'U' => {
            let n = if kind == 'u' { 4 } else { 8 };
            let c = char::from_u32(digits(rest, n, 16)?).ok_or_else(invalid)?;
            Ok((Unit::Char(c), &rest[n..]))
        }
        '0'..='7' => {
            let tail = &body[1..];
            let value = u8::try_from(digits(tail, 3, 8)?).map_err(|_| invalid())?;
            Ok((Unit::Byte(value), &tail[3..]))
        }
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go() {
        for (input, expect) in [
            ("", r#""""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("tab\tnl\nbell\u{7}vt\u{b}", r#""tab\tnl\nbell\avt\v""#),
            ("\u{0}\u{7f}\u{1b}", r#""\x00\x7f\x1b""#),
            ("é😀\u{a0}\u{ad}\u{feff}\u{e0001}", "\"é😀\\u00a0\\u00ad\\ufeff\\U000e0001\""),
            ("<&>'", r#""<&>'""#),
        ] {
            assert_eq!(quote(input), expect);
            assert_eq!(unquote(expect).unwrap(), input.as_bytes());
        }
        assert_eq!(quote_bytes(b"a\xffb"), r#""a\xffb""#);
        assert_eq!(quote_ascii("é😀"), r#""\u00e9\U0001f600""#);
        assert_eq!(quote_char('\''), r"'\''");
    }

    #[test]
    fn unquotes_as_go() {
        for (literal, expect) in [
            ("`a\\n`", Some("a\\n")),
            ("'a'", Some("a")),
            ("'ab'", None),
            (r"'\''", Some("'")),
            (r#""\'""#, None),
            (r#""\101\x41\u0041""#, Some("AAA")),
            (r#""\400""#, None),
            (r#""\ud800""#, None),
            ("\"a\nb\"", None),
            ("\"", None),
            ("abc", None),
        ] {
            assert_eq!(unquote(literal).ok(), expect.map(|s| s.as_bytes().to_vec()), "{literal}");
        }
    }
}
