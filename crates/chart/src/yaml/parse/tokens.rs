//! From characters to tokens.

use super::cursor::Cursor;
use super::{Mark, scanner_error};
use crate::yaml::{Error, MAX_DEPTH};
use std::borrow::Cow;
use std::collections::VecDeque;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind<'a> {
    StreamStart,
    StreamEnd,
    VersionDirective { major: u8, minor: u8 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { text: Cow<'a, str>, plain: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// A place where a key without `?` may have begun, one per flow level.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    queue: VecDeque<Token<'a>>,
    /// Tokens handed out; token numbers count on from here.
    taken: usize,
    available: bool,
    started: bool,
    pub(super) flow_level: usize,
    /// The column of the block that is open, -1 for none.
    pub(super) indent: isize,
    indents: Vec<isize>,
    pub(super) simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    /// For each token from `taken` on, the flow level whose simple key begins there.
    key_at: VecDeque<Option<usize>>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner {
            cursor: Cursor::new(text),
            queue: VecDeque::new(),
            taken: 0,
            available: false,
            started: false,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            key_at: VecDeque::new(),
        }
    }

    /// The next token, left in the queue.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, Error> {
        if !self.available {
            self.fill()?;
        }
        Ok(&self.queue[0])
    }

    fn fill(&mut self) -> Result<(), Error> {
        while !self.available {
            self.available = match self.key_at.front().copied().flatten() {
                _ if self.queue.is_empty() => false,
                // The token in front may yet turn out to be a key.
                Some(level) => !self.is_valid(level)?,
                None => true,
            };
            if !self.available {
                self.fetch()?;
                if let Some(refused) = &self.cursor.refused {
                    return Err(refused.clone());
                }
            }
        }
        Ok(())
    }

    /// Takes the token that [`Scanner::peek`] has shown.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        self.available = false;
        self.taken += 1;
        self.key_at.pop_front();
        self.queue.pop_front()
    }

    pub(super) fn error(&self, problem: &str) -> Error {
        self.cursor.refused.clone().unwrap_or_else(|| scanner_error(problem, self.cursor.mark))
    }

    fn fetch(&mut self) -> Result<(), Error> {
        if !self.started {
            self.started = true;
            self.cursor.byte(0);
            self.push(TokenKind::StreamStart, self.cursor.mark);
            return Ok(());
        }
        self.skip_to_token();
        self.unroll_indent(self.cursor.mark.column as isize);
        let in_flow = self.flow_level > 0;
        let block_context = |scanner: &mut Self| in_flow || scanner.cursor.is_blankz(1);
        match self.cursor.byte(0) {
            0 => self.stream_end(),
            b'%' if self.cursor.mark.column == 0 => self.directive(),
            b'-' if self.cursor.is_document_mark(b'-') => self.document_mark(TokenKind::DocumentStart),
            b'.' if self.cursor.is_document_mark(b'.') => self.document_mark(TokenKind::DocumentEnd),
            b'[' => self.flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.flow_start(TokenKind::FlowMappingStart),
            b']' => self.flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(TokenKind::FlowEntry);
                Ok(())
            }
            b'-' if self.cursor.is_blankz(1) => self.block_entry(),
            b'?' if block_context(self) => self.key(),
            b':' if block_context(self) => self.value(),
            b'*' => self.anchor(TokenKind::Alias),
            b'&' => self.anchor(TokenKind::Anchor),
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_tag()?;
                self.queue.push_back(token);
                Ok(())
            }
            style @ (b'|' | b'>') if !in_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let token = self.scan_block_scalar(style == b'|')?;
                self.queue.push_back(token);
                Ok(())
            }
            quote @ (b'\'' | b'"') => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_quoted_scalar(quote)?;
                self.queue.push_back(token);
                Ok(())
            }
            b'\t' | b' ' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => Err(self.error("found character that cannot start any token")),
            _ => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_plain_scalar()?;
                self.queue.push_back(token);
                Ok(())
            }
        }
    }

    fn push(&mut self, kind: TokenKind<'a>, at: Mark) {
        self.queue.push_back(Token { kind, start: at, end: at });
    }

    /// Appends a token of one character.
    fn indicator(&mut self, kind: TokenKind<'a>) {
        let start = self.cursor.mark;
        self.cursor.skip();
        self.queue.push_back(Token { kind, start, end: self.cursor.mark });
    }

    /// Inserts a token before the one with this number, or at the end if that is gone.
    fn insert(&mut self, number: usize, kind: TokenKind<'a>, at: Mark) {
        match number.checked_sub(self.taken) {
            Some(i) => self.queue.insert(i.min(self.queue.len()), Token { kind, start: at, end: at }),
            None => self.push(kind, at),
        }
    }

    /// A key must be on one line and within 1024 characters.
    fn is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let (key, here) = (self.simple_keys[level], self.cursor.mark);
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < here.line || key.mark.index + 1024 < here.index {
            if key.required {
                return Err(self.error("could not find expected ':'"));
            }
            self.simple_keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn save_simple_key(&mut self) -> Result<(), Error> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let required = self.flow_level == 0 && self.indent == self.cursor.mark.column as isize;
        self.remove_simple_key()?;
        let (level, ahead) = (self.flow_level, self.queue.len());
        self.simple_keys[level] = SimpleKey { possible: true, required, token: self.taken + ahead, mark: self.cursor.mark };
        if self.key_at.len() <= ahead {
            self.key_at.resize(ahead + 1, None);
        }
        self.key_at[ahead] = Some(level);
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<(), Error> {
        let key = self.simple_keys[self.flow_level];
        if key.possible {
            if key.required {
                return Err(self.error("could not find expected ':'"));
            }
            self.simple_keys[self.flow_level].possible = false;
            self.forget(key.token);
        }
        Ok(())
    }

    fn forget(&mut self, token: usize) {
        if let Some(slot) = token.checked_sub(self.taken).and_then(|i| self.key_at.get_mut(i)) {
            *slot = None;
        }
    }

    fn roll_indent(&mut self, column: usize, number: Option<usize>, kind: TokenKind<'a>, at: Mark) -> Result<(), Error> {
        let column = column as isize;
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return Err(self.error(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        match number {
            Some(number) => self.insert(number, kind, at),
            None => self.push(kind, at),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        while self.flow_level == 0 && self.indent > column {
            self.push(TokenKind::BlockEnd, self.cursor.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn stream_end(&mut self) -> Result<(), Error> {
        if let Some(refused) = &self.cursor.refused {
            return Err(refused.clone());
        }
        if self.cursor.mark.column != 0 {
            self.cursor.mark.column = 0;
            self.cursor.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(TokenKind::StreamEnd, self.cursor.mark);
        Ok(())
    }

    fn directive(&mut self) -> Result<(), Error> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let token = self.scan_directive()?;
        self.queue.push_back(token);
        Ok(())
    }

    fn document_mark(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        (0..3).for_each(|_| self.cursor.skip());
        self.queue.push_back(Token { kind, start, end: self.cursor.mark });
        Ok(())
    }

    fn flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey { possible: false, required: false, token: self.taken + self.queue.len(), mark: self.cursor.mark });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return Err(self.error(&format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.simple_key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            // goyaml forgets the key by its token number, which for an empty collection is the number of the collection itself.
            if let Some(key) = self.simple_keys.pop() {
                self.forget(key.token);
            }
        }
        self.simple_key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error("block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.cursor.mark.column, None, TokenKind::BlockSequenceStart, self.cursor.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error("mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.cursor.mark.column, None, TokenKind::BlockMappingStart, self.cursor.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(TokenKind::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Error> {
        if self.is_valid(self.flow_level)? {
            let key = self.simple_keys[self.flow_level];
            self.insert(key.token, TokenKind::Key, key.mark);
            self.roll_indent(key.mark.column, Some(key.token), TokenKind::BlockMappingStart, key.mark)?;
            self.simple_keys[self.flow_level].possible = false;
            self.forget(key.token);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.error("mapping values are not allowed in this context"));
                }
                self.roll_indent(self.cursor.mark.column, None, TokenKind::BlockMappingStart, self.cursor.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(TokenKind::Value);
        Ok(())
    }

    fn anchor(&mut self, kind: fn(String) -> TokenKind<'a>) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        self.cursor.skip();
        let mut name = String::new();
        while self.cursor.is_word() {
            self.cursor.read(&mut name);
        }
        let ended = self.cursor.is_blankz(0) || matches!(self.cursor.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ended {
            return Err(self.error("did not find expected alphabetic or numeric character"));
        }
        self.queue.push_back(Token { kind: kind(name), start, end: self.cursor.mark });
        Ok(())
    }

    /// Tabs count as blanks except where a block key may start.
    fn skip_to_token(&mut self) {
        loop {
            self.cursor.skip_spaces(usize::MAX);
            while self.cursor.at(b' ') || (self.flow_level > 0 || !self.simple_key_allowed) && self.cursor.at(b'\t') {
                self.cursor.skip();
            }
            self.cursor.skip_comment();
            if !self.cursor.is_break() {
                break;
            }
            self.cursor.skip_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }
}
