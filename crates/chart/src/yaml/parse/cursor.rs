//! Reading characters, and refusing those that YAML does not allow.

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
    pub(super) fn byte(&mut self, ahead: usize) -> u8 {
        while self.pos + ahead >= self.checked {
            if !self.check_piece() {
                return 0;
            }
        }
        self.text.as_bytes()[self.pos + ahead]
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
        if !self.text[self.checked..end].chars().all(allowed) {
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

    /// Takes characters up to a blank, a line break or the end, or one that `stop` names.
    pub(super) fn read_run(&mut self, into: &mut String, stop: &[u8]) {
        let start = self.pos;
        loop {
            let b = self.byte(0);
            if b == 0 || b == b' ' || b == b'\t' || b == b'\r' || b == b'\n' || stop.contains(&b) || b >= 0x80 && self.is_break() {
                break;
            }
            self.skip();
        }
        into.push_str(&self.text[start..self.pos]);
    }

    /// Takes a line break: all but LS and PS become LF.
    pub(super) fn read_break(&mut self, into: &mut String) {
        let (start, len) = (self.pos, self.break_len(0));
        if len == 0 {
            return;
        }
        let crlf = self.byte(0) == b'\r' && self.byte(1) == b'\n';
        self.pos += len + usize::from(crlf);
        self.mark.index += 1 + usize::from(crlf);
        self.mark.column = 0;
        self.mark.line += 1;
        into.push_str(if len == 3 { &self.text[start..start + 3] } else { "\n" });
    }

    pub(super) fn skip_break(&mut self) {
        self.read_break(&mut String::new());
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.at(b'#') {
            while !self.is_breakz() {
                self.skip();
            }
        }
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
