//! What Go's JSON reader says of a text that is not JSON.

/// Why a text is no JSON; `None` where it is.
pub(crate) fn json_problem(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { text, at: 0 };
    let ended = scanner.value().and_then(|()| match scanner.next() {
        None => Ok(()),
        Some(c) => Err(wrong(c, "after top-level value")),
    });
    ended.err()
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

fn wrong(c: u8, place: &str) -> String {
    let shown = match char::from(c) {
        '\'' => "\\'".to_owned(),
        '"' => "\"".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_ascii() && c.is_control() => format!("\\x{:02x}", u32::from(c)),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("invalid character '{shown}' {place}")
}

fn ended() -> String {
    "unexpected end of JSON input".to_owned()
}

impl Scanner<'_> {
    fn byte(&mut self) -> Result<u8, String> {
        let byte = self.text.get(self.at).copied().ok_or_else(ended)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is no space, which stays unread.
    fn next(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(|c| b" \t\r\n".contains(c)) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// The next byte that is no space.
    fn token(&mut self) -> Result<u8, String> {
        self.next().ok_or_else(ended)?;
        self.byte()
    }

    fn value(&mut self) -> Result<(), String> {
        match self.token()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            c @ (b'-' | b'0'..=b'9') => self.number(c),
            c => Err(wrong(c, "looking for beginning of value")),
        }
    }

    fn object(&mut self) -> Result<(), String> {
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            match self.token()? {
                b'"' => self.string()?,
                c => return Err(wrong(c, "looking for beginning of object key string")),
            }
            match self.token()? {
                b':' => self.value()?,
                c => return Err(wrong(c, "after object key")),
            }
            match self.token()? {
                b',' => {}
                b'}' => return Ok(()),
                c => return Err(wrong(c, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<(), String> {
        if self.next() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value()?;
            match self.token()? {
                b',' => {}
                b']' => return Ok(()),
                c => return Err(wrong(c, "after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        loop {
            match self.byte()? {
                b'"' => return Ok(()),
                b'\\' => match self.byte()? {
                    b'u' => {
                        for _ in 0..4 {
                            let c = self.byte()?;
                            if !c.is_ascii_hexdigit() {
                                return Err(wrong(c, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    c if b"bfnrt\\/\"".contains(&c) => {}
                    c => return Err(wrong(c, "in string escape code")),
                },
                c if c < 0x20 => return Err(wrong(c, "in string literal")),
                _ => {}
            }
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes().skip(1) {
            let c = self.byte()?;
            if c != expected {
                return Err(wrong(c, &format!("in literal {word} (expecting '{}')", char::from(expected))));
            }
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn digit(&mut self, place: &str) -> Result<u8, String> {
        let c = self.byte()?;
        if c.is_ascii_digit() { Ok(c) } else { Err(wrong(c, place)) }
    }

    fn number(&mut self, first: u8) -> Result<(), String> {
        let first = if first == b'-' { self.digit("in numeric literal")? } else { first };
        if first != b'0' {
            self.digits();
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::json_problem;

    #[test]
    fn says_what_go_says() {
        let cases: [(&[u8], &str); 7] = [
            (b"nonsense", "invalid character 'o' in literal null (expecting 'u')"),
            (b"{", "unexpected end of JSON input"),
            (b"{a", "invalid character 'a' looking for beginning of object key string"),
            (b"[1 2]", "invalid character '2' after array element"),
            (b"{\"a\" 1}", "invalid character '1' after object key"),
            (b"{} x", "invalid character 'x' after top-level value"),
            (b"\x9e\x89", "invalid character '\\u009e' looking for beginning of value"),
        ];
        for (text, expected) in cases {
            assert_eq!(json_problem(text).as_deref(), Some(expected));
        }
        assert_eq!(json_problem(b" {\"a\": [1.5e3, -0, true, \"\\u00e9\"]} "), None);
    }
}
