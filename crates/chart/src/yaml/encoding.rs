//! Bytes that are no UTF-8, in goyaml's words.

/// What goyaml's reader says of the first part that is no UTF-8; None where it takes the text for UTF-16, or all is well.
pub(crate) fn encoding_problem(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return None;
    }
    let valid = bytes.utf8_chunks().next()?.valid().len();
    let rest = bytes.get(valid..)?;
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
