//! Bytes that are no UTF-8, as goyaml's reader takes them.

/// The text of what begins with a mark of UTF-16.
pub(crate) fn utf16_text(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        b"\xff\xfe" => u16::from_le_bytes,
        b"\xfe\xff" => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&units))
}

/// What goyaml's reader says of the first part that is no UTF-8; None where it takes the text for UTF-16, or all is well.
pub(crate) fn encoding_problem(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return None;
    }
    let valid = bytes.utf8_chunks().next()?.valid();
    if valid.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) {
        // Which is met first, and told of by the parser.
        return None;
    }
    let rest = bytes.get(valid.len()..)?;
    let width = match rest.first()? {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return Some("invalid leading UTF-8 octet"),
    };
    match rest.get(1..width) {
        None => Some("incomplete UTF-8 octet sequence"),
        Some(tail) if tail.iter().any(|byte| byte & 0xc0 != 0x80) => Some("invalid trailing UTF-8 octet"),
        // too long for what it says, or half of a pair
        Some(_) if matches!(rest[..2], [0xed, 0xa0..=0xff] | [0xf4, 0x90..=0xff] | [0xf5..=0xff, _]) => Some("invalid Unicode character"),
        Some(_) => Some("invalid length of a UTF-8 sequence"),
    }
}
