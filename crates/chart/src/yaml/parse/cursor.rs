//! Reading characters, and refusing those that YAML does not allow.

use memchr::memchr2;

use super::Mark;
use crate::yaml::Error;

/// goyaml checks characters in pieces of this many bytes, just before it needs them; so an error before the piece is reported first.
const PIECE: usize = 512;

pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) pos: usize,
    /// Up to here the characters have been checked.
    checked: usize,
    pub(super) mark: Mark,
    /// A forbidden character: the text ends before its piece.
    pub(super) refused: Option<Error>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // One byte order mark says what the encoding is, and a second one is taken for a mark at the start of a line.
        let skipped = |text: &'a str| text.strip_prefix('\u{feff}').unwrap_or(text);
        Cursor { text: skipped(skipped(text)), pos: 0, checked: 0, mark: Mark::default(), refused: None }
    }

    /// The byte so many bytes ahead, 0 at the end.
    #[inline]
    pub(super) fn byte(&mut self, ahead: usize) -> u8 {
        let at = self.pos + ahead;
        if at < self.checked { self.text.as_bytes()[at] } else { self.byte_of_next_piece(at) }
    }

    #[cold]
    fn byte_of_next_piece(&mut self, at: usize) -> u8 {
        while at >= self.checked {
            if !self.check_piece() {
                return 0;
            }
        }
        self.text.as_bytes()[at]
    }

    fn check_piece(&mut self) -> bool {
        if self.checked >= self.text.len() || self.refused.is_some() {
            return false;
        }
        let mut end = (self.checked + PIECE).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        let piece = &self.text[self.checked..end];
        let usual = |b: u8| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        // without a way out in between, so that many bytes are looked at in one step
        let all_usual = piece.bytes().fold(true, |so_far, b| so_far & usual(b));
        if !all_usual && !piece.chars().all(allowed) {
            self.refused = Some(Error::yaml("control characters are not allowed"));
            return false;
        }
        self.checked = end;
        true
    }

    pub(super) fn at(&mut self, expect: u8) -> bool {
        self.byte(0) == expect
    }

    pub(super) fn is_end(&mut self) -> bool {
        self.byte(0) == 0
    }

    pub(super) fn is_blank(&mut self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// The length in bytes of the line break so many bytes ahead, 0 if there is none. CR LF counts as CR here.
    pub(super) fn break_len(&mut self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\r' | b'\n' => 1,
            0xc2 if self.byte(ahead + 1) == 0x85 => 2,
            0xe2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    pub(super) fn is_break(&mut self) -> bool {
        self.break_len(0) > 0
    }

    /// A blank, a line break or the end.
    pub(super) fn is_blankz(&mut self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t' | 0) || self.break_len(ahead) > 0
    }

    pub(super) fn is_breakz(&mut self) -> bool {
        self.is_end() || self.is_break()
    }

    /// What goyaml allows in anchors and tag handles.
    pub(super) fn is_word(&mut self) -> bool {
        matches!(self.byte(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    /// `---` or `...` at the start of a line, followed by a blank.
    pub(super) fn is_document_mark(&mut self, mark: u8) -> bool {
        self.mark.column == 0 && (0..3).all(|i| self.byte(i) == mark) && self.is_blankz(3)
    }

    /// Steps over one character that is no line break.
    pub(super) fn skip(&mut self) {
        self.pos += char_len(self.byte(0));
        self.mark.index += 1;
        self.mark.column += 1;
    }

    /// Takes one character.
    pub(super) fn read(&mut self, into: &mut String) {
        let start = self.pos;
        self.skip();
        into.push_str(&self.text[start..self.pos]);
    }

    /// Steps over characters up to one that `stops` names or the end, and gives them. The break characters that are not
    /// ASCII always stop.
    pub(super) fn run(&mut self, stops: &Stops) -> &'a str {
        let start = self.pos;
        while self.byte(0) != 0 {
            let window = &self.text.as_bytes()[self.pos..self.checked];
            let len = window.iter().position(|b| stops.0[*b as usize]).unwrap_or(window.len());
            let chars = window[..len].iter().filter(|b| **b & 0xc0 != 0x80).count();
            let more = len == window.len();
            self.pos += len;
            self.mark.index += chars;
            self.mark.column += chars;
            if more {
                continue;
            }
            if self.text.as_bytes()[self.pos] < 0x80 || self.is_break() {
                break;
            }
            self.skip();
        }
        &self.text[start..self.pos]
    }

    /// The text between two positions.
    pub(super) fn between(&self, start: usize, end: usize) -> &'a str {
        &self.text[start..end]
    }

    /// Takes characters as [`Cursor::run`] does.
    pub(super) fn read_run(&mut self, into: &mut String, stops: &Stops) {
        into.push_str(self.run(stops));
    }

    /// Steps over at most so many spaces.
    pub(super) fn skip_spaces(&mut self, most: usize) {
        let mut left = most;
        while left > 0 && self.byte(0) == b' ' {
            let window = &self.text.as_bytes()[self.pos..self.checked];
            let len = window.iter().take(left).position(|b| *b != b' ').unwrap_or(window.len().min(left));
            self.pos += len;
            self.mark.index += len;
            self.mark.column += len;
            left -= len;
        }
    }

    /// The text up to this quote, if it comes on this line with nothing special before it; the quote is stepped over.
    pub(super) fn run_to_quote(&mut self, quote: u8) -> Option<&'a str> {
        self.byte(0);
        let window = &self.text.as_bytes()[self.pos..self.checked.max(self.pos)];
        let special = |b: &u8| *b == quote || matches!(b, b'\\' | b'\r' | b'\n' | 0x80..);
        let len = window.iter().position(special).filter(|at| window[*at] == quote)?;
        if quote == b'\'' && self.byte(len + 1) == quote {
            return None;
        }
        let text = &self.text[self.pos..self.pos + len];
        self.pos += len + 1;
        self.mark.index += len + 1;
        self.mark.column += len + 1;
        Some(text)
    }

    /// Takes a line break: all but LS and PS become LF.
    pub(super) fn read_break(&mut self, into: &mut String) {
        let (start, len) = (self.pos, self.break_len(0));
        self.skip_break();
        match len {
            0 => {}
            3 => into.push_str(&self.text[start..start + 3]),
            _ => into.push('\n'),
        }
    }

    pub(super) fn skip_break(&mut self) {
        let len = self.break_len(0);
        if len == 0 {
            return;
        }
        let crlf = self.byte(0) == b'\r' && self.byte(1) == b'\n';
        self.pos += len + usize::from(crlf);
        self.mark.index += 1 + usize::from(crlf);
        self.mark.column = 0;
        self.mark.line += 1;
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if !self.at(b'#') {
            return;
        }
        // most comments are of ASCII
        let window = &self.text.as_bytes()[self.pos..self.checked];
        let len = memchr2(b'\n', b'\r', window).unwrap_or(window.len());
        if window[..len].is_ascii() {
            self.pos += len;
            self.mark.index += len;
            self.mark.column += len;
        }
        self.run(&LINE);
    }
}

/// Bytes at which a run of characters stops.
pub(super) struct Stops([bool; 256]);

/// The end of a line.
pub(super) static LINE: Stops = Stops::new(b"");
/// What may end a plain scalar, outside and inside of brackets.
pub(super) static PLAIN: Stops = Stops::new(b" \t:");
pub(super) static PLAIN_IN_FLOW: Stops = Stops::new(b" \t:,?[]{}");
/// What is special in quotes.
pub(super) static QUOTED: Stops = Stops::new(b" \t'\"\\");

impl Stops {
    /// These bytes, ASCII breaks, and the first bytes of the other breaks.
    const fn new(bytes: &[u8]) -> Stops {
        let mut stops = [false; 256];
        let mut i = 0;
        while i < bytes.len() {
            stops[bytes[i] as usize] = true;
            i += 1;
        }
        stops[b'\r' as usize] = true;
        stops[b'\n' as usize] = true;
        stops[0xc2] = true;
        stops[0xe2] = true;
        Stops(stops)
    }
}

fn char_len(lead: u8) -> usize {
    match lead {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}
