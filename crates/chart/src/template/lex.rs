//! Text to tokens, by Go's rules for delimiters, trimming, comments and constants.

use memchr::{memchr, memchr_iter};

use super::print::unicode_point;
use crate::go::quote::quote;

/// The kinds of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tok {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Tok {
    fn is_keyword(self) -> bool {
        use Tok::*;
        matches!(self, Block | Break | Continue | Dot | Define | Else | End | If | Nil | Range | Template | With)
    }
}

/// A token: its kind, its bytes and its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) tok: Tok,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) line: u32,
}

/// The scanner. Hands out one token per call.
pub(crate) struct Lexer<'s> {
    text: &'s str,
    /// What is scanned: the whole text, or nothing after an error.
    bytes: &'s [u8],
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    inside: bool,
    pub(crate) error: String,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
const LEFT: &str = "{{";
const RIGHT: &str = "}}";

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii() && (crate::go::unicode::is_letter(c) || crate::go::unicode::is_digit(c))
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(text: &'s str) -> Lexer<'s> {
        Lexer { text, bytes: text.as_bytes(), pos: 0, start: 0, line: 1, start_line: 1, parens: 0, inside: false, error: String::new() }
    }

    pub(crate) fn next_item(&mut self) -> Item {
        if self.inside { self.action() } else { self.text() }
    }

    /// How Go names a token in its messages.
    pub(crate) fn describe(&self, item: Item) -> String {
        let text = self.slice(item);
        match item.tok {
            Tok::Eof => "EOF".to_owned(),
            Tok::Error => self.error.clone(),
            tok if tok.is_keyword() => format!("<{text}>"),
            _ if text.len() > 10 => format!("{}...", quote(&text.chars().take(10).collect::<String>())),
            _ => quote(text),
        }
    }

    /// The text of a token.
    pub(crate) fn slice(&self, item: Item) -> &'s str {
        &self.text[item.start as usize..item.end as usize]
    }

    fn rest(&self) -> &'s str {
        &self.text[self.pos..self.bytes.len()]
    }

    fn peek(&self) -> Option<char> {
        match self.bytes.get(self.pos) {
            Some(b) if b.is_ascii() => Some(char::from(*b)),
            Some(_) => self.rest().chars().next(),
            None => None,
        }
    }

    /// The bytes from here on.
    fn ahead(&self) -> &'s [u8] {
        &self.bytes[self.pos..]
    }

    /// Steps over letters, digits and underscores.
    fn skip_word(&mut self) {
        loop {
            self.pos += self.ahead().iter().take_while(|b| **b == b'_' || b.is_ascii_alphanumeric()).count();
            match self.peek() {
                Some(c) if !c.is_ascii() && is_alphanumeric(c) => self.pos += c.len_utf8(),
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        match self.peek() {
            Some(c) if valid.contains(c) => {
                self.next();
                true
            }
            _ => false,
        }
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn emit(&mut self, tok: Tok) -> Item {
        let item = self.item(tok, self.pos);
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    /// The pending token, up to `end`. Templates are far smaller than four gigabytes.
    fn item(&self, tok: Tok, end: usize) -> Item {
        Item { tok, start: self.start as u32, end: end as u32, line: self.start_line as u32 }
    }

    /// The line ends in what is pending.
    fn lines(&self) -> usize {
        memchr_iter(b'\n', &self.bytes[self.start..self.pos]).count()
    }

    /// Skips what is pending, counting its lines.
    fn ignore(&mut self) {
        self.line += self.lines();
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn fail(&mut self, message: impl Into<String>) -> Item {
        self.error = message.into();
        let item = self.item(Tok::Error, self.start);
        self.bytes = &[];
        self.pos = 0;
        self.start = 0;
        item
    }

    fn text(&mut self) -> Item {
        loop {
            let Some(at) = find_left(self.ahead()) else {
                if self.pos < self.bytes.len() {
                    self.pos = self.bytes.len();
                    self.line += self.lines();
                    return self.emit(Tok::Text);
                }
                return self.emit(Tok::Eof);
            };
            if at > 0 {
                let delim = self.pos + at;
                let mut end = delim;
                if has_left_trim(&self.bytes[delim + LEFT.len()..]) {
                    end = self.start + self.text[self.start..delim].trim_end_matches(SPACES).len();
                }
                self.pos = end;
                self.line += self.lines();
                let item = self.emit(Tok::Text);
                self.pos = delim;
                self.ignore();
                if item.end > item.start {
                    return item;
                }
            }
            match self.left_delim() {
                Some(item) => return item,
                None => continue,
            }
        }
    }

    /// At `{{`: a token, or None after a comment, which leaves us in text.
    fn left_delim(&mut self) -> Option<Item> {
        self.pos += LEFT.len();
        let marker = if has_left_trim(self.ahead()) { 2 } else { 0 };
        if self.bytes[self.pos + marker..].starts_with(b"/*") {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let item = self.emit(Tok::LeftDelim);
        self.inside = true;
        self.pos += marker;
        self.ignore();
        self.parens = 0;
        Some(item)
    }

    fn comment(&mut self) -> Option<Item> {
        self.pos += 2;
        let Some(at) = self.rest().find("*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += at + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.line += self.lines();
        self.emit(Tok::Space);
        self.pos += if trim { 2 } else { 0 } + RIGHT.len();
        if trim {
            self.skip_spaces();
        }
        self.ignore();
        None
    }

    fn skip_spaces(&mut self) {
        self.pos += self.ahead().iter().take_while(|b| is_space(**b)).count();
    }

    /// Some(trim) at a right delimiter.
    fn at_right_delim(&self) -> Option<bool> {
        match self.ahead() {
            [b'}', b'}', ..] => Some(false),
            [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(true),
            _ => None,
        }
    }

    fn right_delim(&mut self) -> Item {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let item = self.emit(Tok::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore();
        }
        self.inside = false;
        item
    }

    fn action(&mut self) -> Item {
        if self.at_right_delim().is_some() {
            return if self.parens == 0 { self.right_delim() } else { self.fail("unclosed left paren") };
        }
        let Some(first) = self.bytes.get(self.pos) else {
            return self.fail("unclosed action");
        };
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => self.space(),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => self.identifier(),
            b'=' => self.single(Tok::Assign),
            b':' => {
                self.pos += 1;
                if self.next() == Some('=') { self.emit(Tok::Declare) } else { self.fail("expected :=") }
            }
            b'|' => self.single(Tok::Pipe),
            b'"' => self.quoted(b'"', Tok::String, "unterminated quoted string"),
            b'\'' => self.quoted(b'\'', Tok::CharConstant, "unterminated character constant"),
            b'`' => self.raw_quoted(),
            b'$' => {
                self.pos += 1;
                if self.at_terminator() { self.emit(Tok::Variable) } else { self.field_or_variable(Tok::Variable) }
            }
            b'.' if self.bytes.get(self.pos + 1).is_some_and(|b| !b.is_ascii_digit()) => {
                self.pos += 1;
                self.field_or_variable(Tok::Field)
            }
            b'.' | b'+' | b'-' | b'0'..=b'9' => self.number(),
            b'(' => {
                self.parens += 1;
                self.single(Tok::LeftParen)
            }
            b')' => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    self.single(Tok::RightParen)
                }
                None => self.fail("unexpected right paren"),
            },
            b' '..=b'~' => self.single(Tok::Char),
            _ => match self.peek() {
                Some(c) if is_alphanumeric(c) => self.identifier(),
                c => self.fail(format!("unrecognized character in action: {}", c.map_or_else(String::new, unicode_point))),
            },
        }
    }

    /// A token of one byte.
    fn single(&mut self, tok: Tok) -> Item {
        self.pos += 1;
        self.emit(tok)
    }

    fn space(&mut self) -> Item {
        while let Some(b) = self.bytes.get(self.pos).filter(|b| is_space(**b)) {
            self.line += usize::from(*b == b'\n');
            self.pos += 1;
        }
        let count = self.pos - self.start;
        // the last of the spaces may belong to a trimming right delimiter
        if let [last, b'-', b'}', b'}', ..] = &self.bytes[self.pos - 1..] {
            self.pos -= 1;
            self.line -= usize::from(*last == b'\n');
            if count == 1 {
                return self.right_delim();
            }
        }
        self.emit(Tok::Space)
    }

    fn identifier(&mut self) -> Item {
        self.skip_word();
        let word = &self.text[self.start..self.pos];
        if !self.at_terminator() {
            return self.bad_character();
        }
        let tok = match word {
            "block" => Tok::Block,
            "break" => Tok::Break,
            "continue" => Tok::Continue,
            "define" => Tok::Define,
            "else" => Tok::Else,
            "end" => Tok::End,
            "if" => Tok::If,
            "nil" => Tok::Nil,
            "range" => Tok::Range,
            "template" => Tok::Template,
            "with" => Tok::With,
            "true" | "false" => Tok::Bool,
            _ => Tok::Identifier,
        };
        self.emit(tok)
    }

    fn field_or_variable(&mut self, tok: Tok) -> Item {
        if self.at_terminator() {
            return self.emit(if tok == Tok::Variable { Tok::Variable } else { Tok::Dot });
        }
        self.skip_word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(tok)
    }

    fn bad_character(&mut self) -> Item {
        let shown = self.peek().map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), unicode_point);
        self.fail(format!("bad character {shown}"))
    }

    fn at_terminator(&self) -> bool {
        match self.ahead() {
            [] | [b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            rest => rest.starts_with(RIGHT.as_bytes()),
        }
    }

    fn quoted(&mut self, end: u8, tok: Tok, message: &str) -> Item {
        self.pos += 1;
        loop {
            self.pos += self.ahead().iter().take_while(|b| **b != end && !matches!(b, b'\\' | b'\n')).count();
            match self.ahead() {
                [b'\\', escaped, ..] if *escaped != b'\n' => self.pos += 2,
                [b, ..] if *b == end => return self.single(tok),
                _ => return self.fail(message),
            }
        }
    }

    fn raw_quoted(&mut self) -> Item {
        self.pos += 1;
        match memchr(b'`', self.ahead()) {
            None => self.fail("unterminated raw quoted string"),
            Some(len) => {
                self.pos += len + 1;
                self.line += self.lines();
                self.emit(Tok::RawString)
            }
        }
    }

    fn number(&mut self) -> Item {
        let mut tok = Tok::Number;
        let mut good = self.scan_number();
        if good && matches!(self.peek(), Some('+' | '-')) {
            good = self.scan_number() && self.text[..self.pos].ends_with('i');
            tok = Tok::Complex;
        }
        if good {
            return self.emit(tok);
        }
        let message = format!("bad number syntax: {}", quote(&self.text[self.start..self.pos]));
        self.fail(message)
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if digits.len() == 11 && self.accept("eE") || digits.len() == 23 && self.accept("pP") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

fn find_left(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr(b'{', &text[from..])?;
        if text.get(at + 1) == Some(&b'{') {
            return Some(at);
        }
        from = at + 1;
    }
}

fn has_left_trim(text: &[u8]) -> bool {
    matches!(text, [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}
