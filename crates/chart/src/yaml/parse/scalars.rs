//! The longer tokens: scalars, tags and directives.

use super::cursor::{LINE, PLAIN, PLAIN_IN_FLOW, QUOTED};
use super::tokens::{Scanner, Token, TokenKind};
use crate::yaml::Error;
use std::borrow::Cow;

impl<'a> Scanner<'a> {
    /// `|` and `>`.
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<Token<'a>, Error> {
        let start = self.cursor.mark;
        self.cursor.skip();
        let (keep, step) = self.block_header()?;
        self.cursor.skip_blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_breakz() {
            return Err(self.error("did not find expected comment or line break"));
        }
        self.cursor.skip_break();

        let mut indent = step.map_or(0, |step| self.indent.max(0) as usize + step);
        let (mut text, mut line_break, mut more_breaks) = (String::new(), String::new(), String::new());
        let mut after_blank = false;
        let mut end = self.cursor.mark;
        self.block_breaks(&mut indent, &mut more_breaks, &mut end)?;
        while self.cursor.mark.column == indent && !self.cursor.is_end() {
            let before_blank = self.cursor.is_blank(0);
            // In a folded scalar a single break between lines that do not begin with a blank is a space.
            if !literal && !after_blank && !before_blank && line_break.starts_with('\n') {
                if more_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&line_break);
            }
            line_break.clear();
            text.push_str(&more_breaks);
            more_breaks.clear();
            after_blank = before_blank;
            self.cursor.read_run(&mut text, &LINE);
            self.cursor.read_break(&mut line_break);
            self.block_breaks(&mut indent, &mut more_breaks, &mut end)?;
        }
        if keep != Keep::None {
            text.push_str(&line_break);
        }
        if keep == Keep::All {
            text.push_str(&more_breaks);
        }
        Ok(Token { kind: TokenKind::Scalar { text: Cow::Owned(text), plain: false }, start, end })
    }

    /// The indicators after `|` or `>`, in either order.
    fn block_header(&mut self) -> Result<(Keep, Option<usize>), Error> {
        let (mut keep, mut step) = (None, None);
        for _ in 0..2 {
            match self.cursor.byte(0) {
                b'+' if keep.is_none() => keep = Some(Keep::All),
                b'-' if keep.is_none() => keep = Some(Keep::None),
                b'0' if step.is_none() => return Err(self.error("found an indentation indicator equal to 0")),
                digit @ b'1'..=b'9' if step.is_none() => step = Some(usize::from(digit - b'0')),
                _ => break,
            }
            self.cursor.skip();
        }
        Ok((keep.unwrap_or(Keep::One), step))
    }

    /// Indentation and empty lines of a block scalar; finds the indentation where it is not yet known.
    fn block_breaks(&mut self, indent: &mut usize, breaks: &mut String, end: &mut super::Mark) -> Result<(), Error> {
        *end = self.cursor.mark;
        let mut widest = 0;
        loop {
            let most = if *indent == 0 { usize::MAX } else { indent.saturating_sub(self.cursor.mark.column) };
            self.cursor.skip_spaces(most);
            widest = widest.max(self.cursor.mark.column);
            if (*indent == 0 || self.cursor.mark.column < *indent) && self.cursor.at(b'\t') {
                return Err(self.error("found a tab character where an indentation space is expected"));
            }
            if !self.cursor.is_break() {
                break;
            }
            self.cursor.read_break(breaks);
            *end = self.cursor.mark;
        }
        if *indent == 0 {
            *indent = widest.max((self.indent + 1) as usize).max(1);
        }
        Ok(())
    }

    pub(super) fn scan_quoted_scalar(&mut self, quote: u8) -> Result<Token<'a>, Error> {
        let start = self.cursor.mark;
        self.cursor.skip();
        if let Some(text) = self.cursor.run_to_quote(quote) {
            return Ok(Token { kind: TokenKind::Scalar { text: Cow::Borrowed(text), plain: false }, start, end: self.cursor.mark });
        }
        let mut text = String::new();
        let mut fold = Fold::default();
        loop {
            if self.cursor.is_document_mark(b'-') || self.cursor.is_document_mark(b'.') {
                return Err(self.error("found unexpected document indicator"));
            }
            if self.cursor.is_end() {
                return Err(self.error("found unexpected end of stream"));
            }
            fold.broken = false;
            while !self.cursor.is_blankz(0) {
                match self.cursor.byte(0) {
                    b'\'' if quote == b'\'' && self.cursor.byte(1) == b'\'' => {
                        text.push('\'');
                        self.cursor.skip();
                        self.cursor.skip();
                    }
                    b if b == quote => break,
                    b'\\' if quote == b'"' && self.cursor.break_len(1) > 0 => {
                        self.cursor.skip();
                        self.cursor.skip_break();
                        fold.broken = true;
                        break;
                    }
                    b'\\' if quote == b'"' => self.escape(&mut text)?,
                    _ => {
                        let before = self.cursor.pos;
                        self.cursor.read_run(&mut text, &QUOTED);
                        if self.cursor.pos == before {
                            self.cursor.read(&mut text);
                        }
                    }
                }
            }
            if self.cursor.at(quote) {
                break;
            }
            self.white_space(&mut fold, None)?;
            fold.flush(&mut text);
        }
        self.cursor.skip();
        Ok(Token { kind: TokenKind::Scalar { text: Cow::Owned(text), plain: false }, start, end: self.cursor.mark })
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Error> {
        let simple = match self.cursor.byte(1) {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{b}',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b @ (b' ' | b'"' | b'\'' | b'\\') => b as char,
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.hex_escape(2, text),
            b'u' => return self.hex_escape(4, text),
            b'U' => return self.hex_escape(8, text),
            _ => return Err(self.error("found unknown escape character")),
        };
        self.cursor.skip();
        self.cursor.skip();
        text.push(simple);
        Ok(())
    }

    fn hex_escape(&mut self, len: usize, text: &mut String) -> Result<(), Error> {
        self.cursor.skip();
        self.cursor.skip();
        let mut value = 0_u32;
        for i in 0..len {
            let digit = (self.cursor.byte(i) as char).to_digit(16);
            value = value << 4 | digit.ok_or_else(|| self.error("did not find expected hexdecimal number"))?;
        }
        text.push(char::from_u32(value).ok_or_else(|| self.error("found invalid Unicode character escape code"))?);
        (0..len).for_each(|_| self.cursor.skip());
        Ok(())
    }

    pub(super) fn scan_plain_scalar(&mut self) -> Result<Token<'a>, Error> {
        let start = self.cursor.mark;
        let mut end = start;
        let indent = (self.indent + 1) as usize;
        let in_flow = self.flow_level > 0;
        let stops = if in_flow { &PLAIN_IN_FLOW } else { &PLAIN };
        // As long as nothing is folded, the text is a piece of the source.
        let (from, mut till) = (self.cursor.pos, self.cursor.pos);
        let mut folded: Option<String> = None;
        let mut fold = Fold::default();
        loop {
            if self.cursor.is_document_mark(b'-') || self.cursor.is_document_mark(b'.') || self.cursor.at(b'#') {
                break;
            }
            while !self.cursor.is_blankz(0) {
                let b = self.cursor.byte(0);
                if b == b':' && self.cursor.is_blankz(1) || in_flow && matches!(b, b',' | b'?' | b'[' | b']' | b'{' | b'}') {
                    break;
                }
                if fold.broken && folded.is_none() {
                    folded = Some(self.cursor.between(from, till).to_owned());
                }
                match &mut folded {
                    Some(text) => fold.flush(text),
                    None => fold.blanks.clear(),
                }
                let piece = self.cursor.pos;
                if b == b':' {
                    self.cursor.skip();
                } else {
                    self.cursor.run(stops);
                }
                till = self.cursor.pos;
                if let Some(text) = &mut folded {
                    text.push_str(self.cursor.between(piece, till));
                }
                end = self.cursor.mark;
            }
            if !(self.cursor.is_blank(0) || self.cursor.is_break()) {
                break;
            }
            self.white_space(&mut fold, Some(indent))?;
            if !in_flow && self.cursor.mark.column < indent {
                break;
            }
        }
        if fold.broken {
            self.simple_key_allowed = true;
        }
        let text = folded.map_or_else(|| Cow::Borrowed(self.cursor.between(from, till)), Cow::Owned);
        Ok(Token { kind: TokenKind::Scalar { text, plain: true }, start, end })
    }

    /// Blanks and breaks inside a flow scalar. In a plain one a tab must not stand in the indentation.
    fn white_space(&mut self, fold: &mut Fold, plain_indent: Option<usize>) -> Result<(), Error> {
        loop {
            if self.cursor.is_blank(0) {
                if fold.broken && plain_indent.is_some_and(|indent| self.cursor.mark.column < indent) && self.cursor.at(b'\t') {
                    return Err(self.error("found a tab character that violates indentation"));
                }
                if fold.broken {
                    self.cursor.skip();
                } else {
                    self.cursor.read(&mut fold.blanks);
                }
            } else if !self.cursor.is_break() {
                return Ok(());
            } else if fold.broken {
                self.cursor.read_break(&mut fold.more_breaks);
            } else {
                fold.blanks.clear();
                self.cursor.read_break(&mut fold.line_break);
                fold.broken = true;
            }
        }
    }

    pub(super) fn scan_tag(&mut self) -> Result<Token<'a>, Error> {
        let start = self.cursor.mark;
        let (handle, suffix);
        if self.cursor.byte(1) == b'<' {
            self.cursor.skip();
            self.cursor.skip();
            (handle, suffix) = (String::new(), self.scan_tag_uri(None)?);
            if !self.cursor.at(b'>') {
                return Err(self.error("did not find the expected '>'"));
            }
            self.cursor.skip();
        } else {
            let head = self.scan_tag_handle(false)?;
            (handle, suffix) = if head.len() > 1 && head.ends_with('!') {
                (head, self.scan_tag_uri(None)?)
            } else {
                match self.scan_tag_uri(Some(&head))? {
                    suffix if suffix.is_empty() => (suffix, "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            };
        }
        if !self.cursor.is_blankz(0) {
            return Err(self.error("did not find expected whitespace or line break"));
        }
        Ok(Token { kind: TokenKind::Tag { handle, suffix }, start, end: self.cursor.mark })
    }

    fn scan_tag_handle(&mut self, directive: bool) -> Result<String, Error> {
        if !self.cursor.at(b'!') {
            return Err(self.error("did not find expected '!'"));
        }
        let mut handle = String::new();
        self.cursor.read(&mut handle);
        while self.cursor.is_word() {
            self.cursor.read(&mut handle);
        }
        if self.cursor.at(b'!') {
            self.cursor.read(&mut handle);
        } else if directive && handle != "!" {
            return Err(self.error("did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The rest of a tag; `head` is what was first taken for its handle.
    fn scan_tag_uri(&mut self, head: Option<&str>) -> Result<String, Error> {
        let mut uri = head.map_or(Vec::new(), |head| head.as_bytes()[1..].to_vec());
        let mut found = head.is_some();
        loop {
            let b = self.cursor.byte(0);
            if b == b'%' {
                self.scan_uri_escapes(&mut uri)?;
            } else if self.cursor.is_word() || b";/?:@&=+$,.!~*'()[]".contains(&b) {
                uri.push(b);
                self.cursor.skip();
            } else {
                break;
            }
            found = true;
        }
        if found { Ok(String::from_utf8_lossy(&uri).into_owned()) } else { Err(self.error("did not find expected tag URI")) }
    }

    /// One character as `%xx` octets.
    fn scan_uri_escapes(&mut self, uri: &mut Vec<u8>) -> Result<(), Error> {
        let mut left = None;
        while left != Some(0) {
            let digit = |b: u8| (b as char).to_digit(16);
            let octet = match (self.cursor.byte(0), digit(self.cursor.byte(1)), digit(self.cursor.byte(2))) {
                (b'%', Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err(self.error("did not find URI escaped octet")),
            };
            left = Some(match left {
                Some(left) if octet & 0xc0 == 0x80 => left - 1,
                Some(_) => return Err(self.error("found an incorrect trailing UTF-8 octet")),
                None => match octet {
                    0..0x80 => 0,
                    0xc0..0xe0 => 1,
                    0xe0..0xf0 => 2,
                    0xf0..0xf8 => 3,
                    _ => return Err(self.error("found an incorrect leading UTF-8 octet")),
                },
            });
            uri.push(octet);
            (0..3).for_each(|_| self.cursor.skip());
        }
        Ok(())
    }

    pub(super) fn scan_directive(&mut self) -> Result<Token<'a>, Error> {
        let start = self.cursor.mark;
        self.cursor.skip();
        let mut name = String::new();
        while self.cursor.is_word() {
            self.cursor.read(&mut name);
        }
        if name.is_empty() {
            return Err(self.error("could not find expected directive name"));
        }
        if !self.cursor.is_blankz(0) {
            return Err(self.error("found unexpected non-alphabetical character"));
        }
        let kind = match name.as_str() {
            "YAML" => {
                self.cursor.skip_blanks();
                let major = self.version_number()?;
                if !self.cursor.at(b'.') {
                    return Err(self.error("did not find expected digit or '.' character"));
                }
                self.cursor.skip();
                TokenKind::VersionDirective { major, minor: self.version_number()? }
            }
            "TAG" => {
                self.cursor.skip_blanks();
                let handle = self.scan_tag_handle(true)?;
                if !self.cursor.is_blank(0) {
                    return Err(self.error("did not find expected whitespace"));
                }
                self.cursor.skip_blanks();
                let prefix = self.scan_tag_uri(None)?;
                if !self.cursor.is_blankz(0) {
                    return Err(self.error("did not find expected whitespace or line break"));
                }
                TokenKind::TagDirective { handle, prefix }
            }
            _ => return Err(self.error("found unknown directive name")),
        };
        let end = self.cursor.mark;
        self.cursor.skip_blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_breakz() {
            return Err(self.error("did not find expected comment or line break"));
        }
        self.cursor.skip_break();
        Ok(Token { kind, start, end })
    }

    fn version_number(&mut self) -> Result<u8, Error> {
        let (mut value, mut len) = (0_u8, 0);
        while let digit @ b'0'..=b'9' = self.cursor.byte(0) {
            len += 1;
            if len > 2 {
                return Err(self.error("found extremely long version number"));
            }
            value = value * 10 + (digit - b'0');
            self.cursor.skip();
        }
        if len == 0 { Err(self.error("did not find expected version number")) } else { Ok(value) }
    }
}

/// Which final line breaks of a block scalar stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    None,
    One,
    All,
}

/// White space met inside a flow scalar and not yet written.
#[derive(Default)]
struct Fold {
    blanks: String,
    line_break: String,
    more_breaks: String,
    /// A line break has been met: blanks no longer count.
    broken: bool,
}

impl Fold {
    fn flush(&mut self, text: &mut String) {
        if !self.broken {
            text.push_str(&self.blanks);
        } else if !self.line_break.starts_with('\n') {
            text.push_str(&self.line_break);
            text.push_str(&self.more_breaks);
        } else if self.more_breaks.is_empty() {
            text.push(' ');
        } else {
            text.push_str(&self.more_breaks);
        }
        self.blanks.clear();
        self.line_break.clear();
        self.more_breaks.clear();
        self.broken = false;
    }
}
