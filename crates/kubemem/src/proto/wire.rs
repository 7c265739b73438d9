//! The wire format: numbered fields.

/// What a field holds, as far as the wire says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content<'a> {
    Number(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

/// The fields of a message, with their numbers, in the order in which they come.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u64, Content<'_>), String>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = field(&mut rest);
        if read.is_none() {
            rest = &[];
        }
        Some(read.ok_or_else(|| "unexpected end of the protobuf message, or a field of an unknown form".to_owned()))
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Content<'a>)> {
    let key = number(rest)?;
    let content = match key & 7 {
        0 => Content::Number(number(rest)?),
        1 => Content::Fixed64(take(rest, 8)?.try_into().ok()?),
        2 => {
            let length = usize::try_from(number(rest)?).ok()?;
            Content::Bytes(take(rest, length)?)
        }
        _ => return None,
    };
    Some((key >> 3, content))
}

/// A number of variable length, least significant bits first.
pub(super) fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut out = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        out |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(out);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_order() {
        let read: Result<Vec<_>, String> = fields(&[0x08, 0xac, 0x02, 0x12, 0x02, b'h', b'i']).collect();
        assert_eq!(read, Ok(vec![(1, Content::Number(300)), (2, Content::Bytes(b"hi"))]));
    }

    #[test]
    fn a_cut_message_is_refused_once() {
        let read: Vec<_> = fields(&[0x08, 0x01, 0x12, 0x05, b'h']).collect();
        assert_eq!(read.len(), 2);
        assert!(read[1].is_err());
    }
}
