//! Go's quoting of strings.

/// `strconv.Quote`
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        escape(c, '"', &mut out);
    }
    out.push('"');
    out
}

/// `strconv.Quote` of bytes that need not be UTF-8: wrong bytes become `\x` escapes.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(c, '"', &mut out));
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    out.push('"');
    out
}

/// `strconv.QuoteRune`
pub(crate) fn quote_rune(c: char) -> String {
    let mut out = String::from("'");
    escape(c, '\'', &mut out);
    out.push('\'');
    out
}

fn escape(c: char, quote: char, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if is_print(c) => out.push(c),
        c if u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// `%#U`: the code point, and the character where it prints.
pub(crate) fn unicode_point(c: char) -> String {
    let code = u32::from(c);
    if is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}

/// Go's `unicode.IsPrint`, as far as the standard library tells.
pub(crate) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // Debug escapes what is not printable; spaces other than U+0020 are not printable for Go.
    !c.is_whitespace() && c.escape_debug().len() == 1 && c != '\u{ad}'
}

/// Go's `unicode.IsDigit` for what is not ASCII.
pub(crate) fn is_digit(c: char) -> bool {
    c.is_numeric() && !c.is_alphabetic()
}

/// `strconv.Unquote` of a double-quoted or raw string. None: invalid syntax.
pub(crate) fn unquote(quoted: &str) -> Option<String> {
    if let Some(raw) = quoted.strip_prefix('`') {
        return Some(raw.strip_suffix('`')?.replace('\r', ""));
    }
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.contains('\\') {
        return Some(rest.to_owned());
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        if rest.starts_with("\\x") || matches!(rest.as_bytes(), [b'\\', b'0'..=b'7', ..]) {
            let (byte, after) = unquote_byte(rest)?;
            bytes.push(byte);
            rest = after;
        } else {
            let (c, after) = unquote_char(rest, '"')?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
        }
    }
    Some(String::from_utf8(bytes).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned()))
}

fn unquote_byte(text: &str) -> Option<(u8, &str)> {
    if let Some(hex) = text.strip_prefix("\\x") {
        let digits = hex.get(..2)?;
        return Some((u8::from_str_radix(digits, 16).ok()?, &hex[2..]));
    }
    let digits = text.get(1..4)?;
    Some((u8::try_from(u32::from_str_radix(digits, 8).ok()?).ok()?, &text[4..]))
}

/// `strconv.UnquoteChar`: the first character and what follows it.
pub(crate) fn unquote_char(text: &str, quote: char) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((first, chars.as_str()));
    }
    let kind = chars.next()?;
    let after = chars.as_str();
    let simple = match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '\'' | '"' if kind == quote => kind,
        'x' | '0'..='7' => {
            let (byte, after) = unquote_byte(text)?;
            return Some((char::from(byte), after));
        }
        'u' | 'U' => {
            let count = if kind == 'u' { 4 } else { 8 };
            let digits = after.get(..count)?;
            return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, &after[count..]));
        }
        _ => return None,
    };
    Some((simple, after))
}
