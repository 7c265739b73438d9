//! Go's `encoding/json` (encode.go, decode.go, scanner.go) over [`Json`] trees.

use super::{GoError, num, quote};
use crate::Json;
use serde_json::{Map, Number};
use std::fmt::Write as _;

/// Levels of nesting that the decoder takes. Go stops at 10,000 (`maxNestingDepth` in scanner.go); this keeps recursion over the
/// tree within a small stack.
pub const MAX_DEPTH: usize = 500;

/// `json.Marshal`, as Helm's `toJSON` (engine/funcs.go) calls it: keys sorted, `<`, `>` and `&` escaped.
pub fn to_string(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, true, None);
    out
}

/// `json.Encoder` with `SetEscapeHTML(false)`, as sprig's `toRawJson` (defaults.go) calls it; without its final line break.
pub fn to_string_raw(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, false, None);
    out
}

/// `json.MarshalIndent(v, "", "  ")`, as sprig's `toPrettyJson` (defaults.go) calls it.
pub fn to_string_pretty(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, true, Some(0));
    out
}

/// A JSON string literal of the text as Go's `appendString` (encode.go) writes it; `escape_html` is for `<`, `>` and `&`.
pub(crate) fn quote_string(text: &str, escape_html: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text, escape_html);
    out
}

/// The text of a number as `json.Marshal` writes it: integers as they are, floats by [`num::json_float`].
pub fn number(n: &Number) -> String {
    if n.is_i64() || n.is_u64() {
        return n.to_string();
    }
    n.as_f64().and_then(num::json_float).unwrap_or_else(|| "null".to_owned())
}

/// The entries of a map in the order of their keys' bytes, as `json.Marshal` writes them, whatever order the map keeps.
pub fn sorted(map: &Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut entries: Vec<_> = map.iter().collect();
    if !entries.is_sorted_by(|a, b| a.0 <= b.0) {
        entries.sort_by(|a, b| a.0.cmp(b.0));
    }
    entries
}

fn write(out: &mut String, value: &Json, escape_html: bool, indent: Option<usize>) {
    let break_line = |out: &mut String, level: usize| {
        if indent.is_some() {
            out.push('\n');
            (0..level).for_each(|_| out.push_str("  "));
        }
    };
    let level = indent.unwrap_or(0);
    let inner = indent.map(|level| level + 1);
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Json::Number(n) => out.push_str(&number(n)),
        Json::String(s) => write_string(out, s, escape_html),
        Json::Array(items) if items.is_empty() => out.push_str("[]"),
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                out.push(if i == 0 { '[' } else { ',' });
                break_line(out, level + 1);
                write(out, item, escape_html, inner);
            }
            break_line(out, level);
            out.push(']');
        }
        Json::Object(map) if map.is_empty() => out.push_str("{}"),
        Json::Object(map) => {
            for (i, (key, item)) in sorted(map).into_iter().enumerate() {
                out.push(if i == 0 { '{' } else { ',' });
                break_line(out, level + 1);
                write_string(out, key, escape_html);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(out, item, escape_html, inner);
            }
            break_line(out, level);
            out.push('}');
        }
    }
}

fn write_string(out: &mut String, text: &str, escape_html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            '<' | '>' | '&' if escape_html => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `json.Unmarshal` into an untyped value: every number is a float64, the last of equal keys wins.
///
/// # Errors
/// Where the text is no JSON, or a number is beyond a float64.
pub fn from_str(text: &str) -> Result<Json, GoError> {
    let mut decoder = Decoder { text, bytes: text.as_bytes(), at: 0, unfit: None };
    decoder.space();
    let value = decoder.value(0)?;
    decoder.space();
    if decoder.at < decoder.bytes.len() {
        return Err(decoder.unexpected("after top-level value"));
    }
    decoder.unfit.map_or(Ok(value), Err)
}

/// `json.Decoder.Decode`: the first value in the text, and the byte after it.
///
/// # Errors
/// As for [`from_str`]; `EOF` where the text is blank, `unexpected EOF` where it ends too early.
pub(crate) fn prefix_from_str(text: &str) -> Result<(Json, usize), GoError> {
    let mut decoder = Decoder { text, bytes: text.as_bytes(), at: 0, unfit: None };
    decoder.space();
    match decoder.value(0) {
        Ok(value) => decoder.unfit.map_or(Ok((value, decoder.at)), Err),
        Err(_) if decoder.at >= text.len() => Err(GoError::new(if text.trim_ascii().is_empty() { "EOF" } else { "unexpected EOF" })),
        Err(e) => Err(e),
    }
}

/// `json.SyntaxError.Offset` of the first value in a text: how many bytes were read when it was found wrong. None where it is
/// right, or only not finished.
pub(crate) fn syntax_offset(text: &str) -> Option<usize> {
    let mut decoder = Decoder { text, bytes: text.as_bytes(), at: 0, unfit: None };
    decoder.space();
    (decoder.value(0).is_err() && decoder.at < text.len()).then_some(decoder.at + 1)
}

/// `json.Unmarshal` into a map, as Helm's `fromJSON` (engine/funcs.go) calls it; `null` gives an empty map.
///
/// # Errors
/// As for [`from_str`], and where the value is no map.
pub fn map_from_str(text: &str) -> Result<Map<String, Json>, GoError> {
    match from_str(text).or_else(|e| whole_before_parts(text, '{', e))? {
        Json::Object(map) => Ok(map),
        Json::Null => Ok(Map::new()),
        other => Err(GoError::new(format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", kind(&other)))),
    }
}

/// `json.Unmarshal` into a list, as Helm's `fromJSONArray` (engine/funcs.go) calls it; `null` gives an empty list.
///
/// # Errors
/// As for [`from_str`], and where the value is no list.
pub fn array_from_str(text: &str) -> Result<Vec<Json>, GoError> {
    match from_str(text).or_else(|e| whole_before_parts(text, '[', e))? {
        Json::Array(items) => Ok(items),
        Json::Null => Ok(Vec::new()),
        other => Err(GoError::new(format!("json: cannot unmarshal {} into Go value of type []interface {{}}", kind(&other)))),
    }
}

/// Go meets a whole of the wrong kind before a number in it that is too large: then a stand-in of that kind is as good.
fn whole_before_parts(text: &str, wanted: char, error: GoError) -> Result<Json, GoError> {
    let first = text.trim_start().chars().next().unwrap_or(wanted);
    if first == wanted || !error.to_string().starts_with("json: cannot unmarshal number") {
        return Err(error);
    }
    Ok(match first {
        '{' => Json::Object(Map::new()),
        '[' => Json::Array(Vec::new()),
        _ => Json::from(0),
    })
}

/// The word that `encoding/json` uses for a kind of value in its errors.
pub(crate) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The error of a text in which U+FFFD stands for bytes that are no UTF-8: Go names the byte itself, of which the first is taken.
pub(crate) fn error_of_bytes(error: &GoError, bytes: &[u8]) -> GoError {
    match bytes.utf8_chunks().find_map(|chunk| chunk.invalid().first()) {
        // the first byte of U+FFFD
        Some(byte) => GoError::new(error.to_string().replace("character '\u{ef}'", &format!("character '{}'", escaped(*byte)))),
        None => error.clone(),
    }
}

/// A byte as it stands between single quotes.
fn escaped(byte: u8) -> String {
    let quoted = quote::quote(&char::from(byte).to_string());
    quoted[1..quoted.len() - 1].to_owned()
}

struct Decoder<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The first value that does not fit its type: reported only if the syntax is right to the end.
    unfit: Option<GoError>,
}

impl Decoder<'_> {
    fn unexpected(&self, context: &str) -> GoError {
        let Some(&b) = self.bytes.get(self.at) else {
            // At the end Go feeds its scanner a blank, and only where a blank would do it says that the input has ended.
            let blank_fits = !context.starts_with("in ") && !context.starts_with("after decimal") || context == "in string literal";
            return GoError::new(if blank_fits {
                "unexpected end of JSON input".to_owned()
            } else {
                format!("invalid character ' ' {context}")
            });
        };
        let shown = match b {
            b'\'' => r"'\''".to_owned(),
            b'"' => r#"'"'"#.to_owned(),
            _ => format!("'{}'", escaped(b)),
        };
        GoError::new(format!("invalid character {shown} {context}"))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, GoError> {
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(self.unexpected("exceeded max depth")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, GoError> {
        for expect in word.chars() {
            if self.peek() != Some(expect as u8) {
                return Err(self.unexpected(&format!("in literal {word} (expecting '{expect}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, GoError> {
        let mut map = Map::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            map.insert(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break self.at += 1,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
        Ok(Json::Object(map))
    }

    fn array(&mut self, depth: usize) -> Result<Json, GoError> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break self.at += 1,
                _ => return Err(self.unexpected("after array element")),
            }
        }
        Ok(Json::Array(items))
    }

    fn string(&mut self) -> Result<String, GoError> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b >= 0x20 && b != b'"' && b != b'\\') {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.escape(&mut out)?,
                _ => return Err(self.unexpected("in string literal")),
            }
        }
        Ok(out)
    }

    fn escape(&mut self, out: &mut String) -> Result<(), GoError> {
        self.at += 1;
        let c = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => b as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let first = self.hex4()?;
                let mut c = char::from_u32(first);
                if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
                    let back = self.at;
                    self.at += 2;
                    let second = self.hex4()?;
                    if (0xdc00..0xe000).contains(&second) {
                        c = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                    } else {
                        self.at = back;
                    }
                }
                out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        out.push(c);
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, GoError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| (b as char).to_digit(16));
            value = value * 16 + digit.ok_or_else(|| self.unexpected("in \\u hexadecimal character escape"))?;
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), GoError> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.unexpected(context));
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, GoError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let literal = &self.text[start..self.at];
        let parsed = literal.parse::<f64>().ok().and_then(Number::from_f64);
        if parsed.is_none() && self.unfit.is_none() {
            self.unfit = Some(GoError::new(format!("json: cannot unmarshal number {literal} into Go value of type float64")));
        }
        Ok(parsed.map_or(Json::Null, Json::Number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_as_go() {
        let value = json!({"b": [1, 2.5, 1e21, 1e-7, 1000000.0], "a": "<a href=\"x\">&\u{2028}\u{7f}\u{1}\t", "e": {}, "l": [], "n": null});
        assert_eq!(
            to_string(&value),
            r#"{"a":"\u003ca href=\"x\"\u003e\u0026\u2028"#.to_owned()
                + "\u{7f}"
                + r#"\u0001\t","b":[1,2.5,1e+21,1e-7,1000000],"e":{},"l":[],"n":null}"#
        );
        assert_eq!(to_string_raw(&json!({"a": "<&>"})), r#"{"a":"<&>"}"#);
        assert_eq!(to_string_pretty(&json!({"a": [1, {}], "b": []})), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    }

    #[test]
    fn reads_as_go() {
        assert_eq!(from_str(r#" {"a":1,"a":2,"s":"\ud83d\ude00\ud800x\/"} "#).unwrap(), json!({"a": 2.0, "s": "😀\u{fffd}x/"}));
        assert!(from_str("1").unwrap().is_f64());
        for (text, error) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("1 x", "invalid character 'x' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-", "invalid character ' ' in numeric literal"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("9.", "invalid character ' ' after decimal point in numeric literal"),
            ("nul!", "invalid character '!' in literal null (expecting 'l')"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("é", "invalid character 'Ã' looking for beginning of value"),
            ("'", "invalid character '\\'' looking for beginning of value"),
            ("1e400", "json: cannot unmarshal number 1e400 into Go value of type float64"),
        ] {
            assert_eq!(from_str(text).unwrap_err().to_string(), error, "{text}");
        }
        assert_eq!(
            map_from_str("[1]").unwrap_err().to_string(),
            "json: cannot unmarshal array into Go value of type map[string]interface {}"
        );
        assert_eq!(from_str(&"[".repeat(MAX_DEPTH + 1)).unwrap_err().to_string(), "invalid character '[' exceeded max depth");
    }
}
