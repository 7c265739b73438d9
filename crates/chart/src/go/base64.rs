//! Go's `encoding/base64`.

/// Go's standard decoder: line breaks are skipped, padding is asked for, trailing bits are not checked. The error is
/// the position of the first byte that does not fit.
pub(crate) fn decode(input: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(input.len() / 4 * 3);
    let mut quad = [0u8; 4];
    let mut have = 0;
    let mut at = 0;
    while at < input.len() {
        let byte = input[at];
        at += 1;
        let digit = match byte {
            b'\n' | b'\r' => continue,
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => return padding(input, at, &quad, have, out),
            _ => return Err(at - 1),
        };
        quad[have] = digit;
        have += 1;
        if have == 4 {
            out.extend_from_slice(&[quad[0] << 2 | quad[1] >> 4, quad[1] << 4 | quad[2] >> 2, quad[2] << 6 | quad[3]]);
            have = 0;
        }
    }
    if have == 0 { Ok(out) } else { Err(at - have) }
}

/// The first `=` has been read, at `at - 1`.
fn padding(input: &[u8], mut at: usize, quad: &[u8; 4], have: usize, mut out: Vec<u8>) -> Result<Vec<u8>, usize> {
    let skip = |mut at: usize| {
        while matches!(input.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    match have {
        0 | 1 => return Err(at - 1),
        2 => {
            at = skip(at);
            match input.get(at) {
                None => return Err(input.len()),
                Some(b'=') => at += 1,
                Some(_) => return Err(at - 1),
            }
            out.push(quad[0] << 2 | quad[1] >> 4);
        }
        _ => out.extend_from_slice(&[quad[0] << 2 | quad[1] >> 4, quad[1] << 4 | quad[2] >> 2]),
    }
    at = skip(at);
    if at < input.len() { Err(at) } else { Ok(out) }
}
