//! The few tar features that chart archives use: plain files, long names (GNU and pax), sizes.

use std::borrow::Cow;

const BLOCK: usize = 512;

/// One entry of an archive.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The size that the header states.
    pub(super) size: u64,
    pub(super) data: &'a [u8],
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// Anything that is neither a directory nor an extension header: links count, with no content, as in Helm.
    File,
    /// A global pax header, which is skipped.
    Global,
}

/// Reads the entries of an unpacked archive.
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    done: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, done: false }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let padded = len.checked_add(BLOCK - 1)? / BLOCK * BLOCK;
        let data = self.rest.get(..len)?;
        self.rest = self.rest.get(padded..).unwrap_or_default();
        Some(data)
    }

    fn read(&mut self) -> Result<Option<Entry<'a>>, String> {
        let (mut long_name, mut long_size) = (None, None);
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let header = self.take(BLOCK).ok_or("unexpected EOF")?;
            if header.iter().all(|b| *b == 0) {
                return Ok(None);
            }
            if !checksum_holds(header) {
                return Err("archive/tar: invalid tar header".to_owned());
            }
            let size = number(&header[124..136]).ok_or("archive/tar: invalid tar header")?;
            let flag = header[156];
            let has_data = !matches!(flag, b'1'..=b'6');
            let stated = long_size.unwrap_or(size);
            let len = match flag {
                b'x' | b'g' | b'L' | b'K' => size,
                _ if has_data => stated,
                _ => 0,
            };
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let data = self.take(len).ok_or("unexpected EOF")?;
            match flag {
                b'x' => {
                    for (key, value) in pax(data)? {
                        match key.as_ref() {
                            "path" => long_name = Some(value.into_owned()),
                            "size" => long_size = value.parse().ok(),
                            _ => {}
                        }
                    }
                }
                b'L' => long_name = Some(text(data)),
                b'K' => {}
                b'g' => return Ok(Some(Entry { name: name(header), kind: Kind::Global, size: 0, data: &[] })),
                _ => {
                    let name = long_name.unwrap_or_else(|| name(header));
                    let dir = flag == b'5' || (matches!(flag, 0 | b'0') && name.ends_with('/'));
                    let kind = if dir { Kind::Directory } else { Kind::File };
                    return Ok(Some(Entry { name, kind, size: if has_data { stated } else { 0 }, data }));
                }
            }
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn name(header: &[u8]) -> String {
    let short = text(&header[..100]);
    let ustar = &header[257..263] == b"ustar\0";
    let prefix = if ustar { text(&header[345..500]) } else { String::new() };
    if prefix.is_empty() { short } else { format!("{prefix}/{short}") }
}

/// An octal number, or a binary one where the highest bit of the field is set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut out = u64::from(field[0] & 0x7f);
        for b in &field[1..] {
            out = out.checked_mul(256)?.checked_add(u64::from(*b))?;
        }
        return Some(out);
    }
    let digits = text(field);
    let digits = digits.trim_matches(' ');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn checksum_holds(header: &[u8]) -> bool {
    let blank = |i: usize| (148..156).contains(&i);
    let unsigned: i64 = header.iter().enumerate().map(|(i, b)| if blank(i) { 32 } else { i64::from(*b) }).sum();
    let signed: i64 = header.iter().enumerate().map(|(i, b)| if blank(i) { 32 } else { i64::from(b.cast_signed()) }).sum();
    number(&header[148..156]).and_then(|n| i64::try_from(n).ok()).is_some_and(|n| n == unsigned || n == signed)
}

/// Key and value of a pax header.
type Record<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The records of a pax header: `LENGTH KEY=VALUE\n` each.
fn pax(mut data: &[u8]) -> Result<Vec<Record<'_>>, String> {
    let bad = || "archive/tar: invalid tar header".to_owned();
    let mut out = Vec::new();
    while !data.is_empty() {
        let space = data.iter().position(|b| *b == b' ').ok_or_else(bad)?;
        let len: usize = std::str::from_utf8(&data[..space]).ok().and_then(|s| s.parse().ok()).ok_or_else(bad)?;
        let record = data.get(space + 1..len).and_then(|r| r.strip_suffix(b"\n")).ok_or_else(bad)?;
        let eq = record.iter().position(|b| *b == b'=').ok_or_else(bad)?;
        out.push((String::from_utf8_lossy(&record[..eq]), String::from_utf8_lossy(&record[eq + 1..])));
        data = &data[len..];
    }
    Ok(out)
}
