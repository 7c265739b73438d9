//! Searching in strings whose bytes need not be UTF-8.

use memchr::memmem;

/// The bytes without any occurrence of a part.
pub(crate) fn without(whole: &[u8], part: &[u8]) -> Vec<u8> {
    split(whole, part, usize::MAX).concat()
}

/// `strings.SplitN`: at most `limit` parts. Without a separator a part per character; a byte that is no UTF-8 is one.
pub(super) fn split<'w>(whole: &'w [u8], separator: &[u8], limit: usize) -> Vec<&'w [u8]> {
    let mut parts = Vec::new();
    let mut rest = whole;
    while parts.len() + 1 < limit {
        let Some((head, tail)) = cut(rest, separator) else { break };
        parts.push(head);
        rest = tail;
    }
    if !(separator.is_empty() && rest.is_empty()) {
        parts.push(rest);
    }
    parts
}

/// What is before the first separator and what is behind it.
fn cut<'w>(whole: &'w [u8], separator: &[u8]) -> Option<(&'w [u8], &'w [u8])> {
    if !separator.is_empty() {
        return memmem::find(whole, separator).map(|at| (&whole[..at], &whole[at + separator.len()..]));
    }
    // no character is longer than this, and looking further for each part would take the square of the length
    let start = &whole[..whole.len().min(4)];
    let chunk = start.utf8_chunks().next()?;
    let first = chunk.valid().chars().next().map_or(1, char::len_utf8);
    Some(whole.split_at(first))
}
