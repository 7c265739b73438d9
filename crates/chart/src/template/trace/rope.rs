//! Ropes: what each byte range of a text comes from.

use std::rc::Rc;

/// No template wrote it: it comes out of a value, and whoever prints it writes it.
pub(crate) const NO_FRAME: u32 = u32::MAX;

/// The segments of one text. A single segment is for the whole text, however long that is.
pub(crate) type Rope = Rc<[Seg]>;

/// A byte range of a text, from the end of the segment before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seg {
    /// The byte after its last.
    pub(crate) end: u32,
    /// The execution that wrote it.
    pub(crate) frame: u32,
    /// The byte of the template that wrote its first byte.
    pub(crate) pos: u32,
    /// Text of the template itself: the n-th byte was written by byte `pos + n`.
    pub(crate) linear: bool,
    /// All values that reached it are in `set`.
    pub(crate) known: bool,
    /// White space of `indent`.
    pub(crate) filler: bool,
    /// The values that reached it.
    pub(crate) set: u32,
}

/// Puts the rope of a text of this length at the end of another.
pub(super) fn append(to: &mut Vec<Seg>, segs: &[Seg], len: u32) {
    let base = to.last().map_or(0, |seg| seg.end);
    if len == 0 {
        return;
    }
    if let [seg] = segs {
        return to.push(Seg { end: base + len, ..*seg });
    }
    let mut start = 0;
    for seg in segs {
        if start >= len {
            break;
        }
        to.push(Seg { end: base + seg.end.min(len), ..*seg });
        start = seg.end;
    }
}

/// The rope of a part of a text.
pub(super) fn slice(segs: &[Seg], from: u32, to: u32) -> Vec<Seg> {
    let mut out = Vec::new();
    let mut start = 0;
    for seg in segs {
        let (begin, end) = (from.max(start), to.min(seg.end));
        if begin < end {
            let pos = if seg.linear { seg.pos + (begin - start) } else { seg.pos };
            out.push(Seg { end: end - from, pos, ..*seg });
        }
        start = seg.end;
    }
    out
}

/// The segment of a byte, as if it began there.
pub(crate) fn at(segs: &[Seg], pos: u32) -> Option<Seg> {
    slice(segs, pos, pos.saturating_add(1)).first().copied()
}

/// The rope of a text after a mark was taken out of it everywhere.
pub(super) fn without(segs: &[Seg], text: &str, mark: &str) -> Vec<Seg> {
    let mut out = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(mark) {
        append(&mut out, &slice(segs, from, at as u32), at as u32 - from);
        from = (at + mark.len()) as u32;
    }
    if from == 0 {
        return segs.to_vec();
    }
    append(&mut out, &slice(segs, from, text.len() as u32), text.len() as u32 - from);
    out
}
