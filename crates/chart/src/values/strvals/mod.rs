//! The grammars of `--set` and its relatives, as Helm's `strvals` (parser.go, literal_parser.go) reads them: `a.b=1`,
//! `list[2].name=x`, `key\.with\.dots=y`, `names={a,b}`, and several assignments with commas between them.
//!
//! Each function makes its assignments in a tree. Where the line breaks the grammar or a limit it answers an error, and the tree
//! may be half changed, as in Helm.

use crate::Json;
use crate::go::{GoError, json, num, quote, unicode};
use serde_json::Map;

/// The highest list index: Helm's `MaxIndex` (strvals/parser.go).
pub const MAX_INDEX: i64 = 65_536;
/// The deepest path, in keys: Helm's `MaxNestedNameLevel` (strvals/parser.go).
pub const MAX_LEVELS: usize = 30;
/// List items that one line may make. Helm has no such limit, and a short line can ask for lists without end.
pub const MAX_ITEMS: usize = 262_144;

type Tree = Map<String, Json>;

/// `--set`: `true`, `false`, `null` and whole numbers are what they look like. Helm's `ParseInto` (strvals/parser.go).
pub fn set(tree: &mut Tree, line: &str) -> Result<(), GoError> {
    Parser::new(line, Values::Guessed).run(tree)
}

/// `--set-string`: every value is text. Helm's `ParseIntoString` (strvals/parser.go).
pub fn set_string(tree: &mut Tree, line: &str) -> Result<(), GoError> {
    Parser::new(line, Values::Text).run(tree)
}

/// `--set-file`: every value is the path of a file, and the caller reads it. Helm's `ParseIntoFile` (strvals/parser.go).
pub fn set_file(tree: &mut Tree, line: &str, read: &mut dyn FnMut(&str) -> Result<Json, GoError>) -> Result<(), GoError> {
    Parser::new(line, Values::Read(read)).run(tree)
}

/// `--set-literal`: the rest of the line is the value, whatever characters it has. Helm's `ParseLiteralInto`
/// (strvals/literal_parser.go).
pub fn set_literal(tree: &mut Tree, line: &str) -> Result<(), GoError> {
    Parser::new(line, Values::Literal).run(tree)
}

/// `--set-json`: every value is JSON; its numbers are floats. Helm's `ParseJSON` (strvals/parser.go).
pub fn set_json(tree: &mut Tree, line: &str) -> Result<(), GoError> {
    Parser::new(line, Values::Json).run(tree)
}

/// How the text of a value becomes a value.
enum Values<'r> {
    Guessed,
    Text,
    Json,
    Literal,
    Read(&'r mut dyn FnMut(&str) -> Result<Json, GoError>),
}

/// Why reading stops. The end of the line is no error at many places where it ends an assignment early.
enum Stop {
    End,
    Error(String),
}

type Step<T> = Result<T, Stop>;

fn error<T>(text: impl Into<String>) -> Step<T> {
    Err(Stop::Error(text.into()))
}

struct Parser<'l, 'r> {
    rest: &'l str,
    values: Values<'r>,
    made: usize,
}

impl<'l, 'r> Parser<'l, 'r> {
    fn new(line: &'l str, values: Values<'r>) -> Self {
        Parser { rest: line, values, made: 0 }
    }

    fn run(mut self, tree: &mut Tree) -> Result<(), GoError> {
        loop {
            match self.key(tree, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Error(text)) => return Err(GoError::new(text)),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// The text before one of the stops, which is taken too; none at the end of the line. A backslash makes the next character plain.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let literal = matches!(self.values, Values::Literal);
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if stops.contains(&c) => return (text, Some(c)),
                '\\' if !literal => match self.next() {
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        (text, None)
    }

    /// One assignment below a map.
    fn key(&mut self, map: &mut Tree, level: usize) -> Step<()> {
        let stops: &[char] = if matches!(self.values, Values::Literal) { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => error(format!("key {} has no value", quote::quote(&key))),
            Some('[') => {
                let index = self.index()?;
                let mut list = match map.get_mut(&key) {
                    None => Vec::new(),
                    Some(Json::Array(list)) => std::mem::take(list),
                    Some(other) => return mismatch(other, "[]interface {}"),
                };
                let done = self.item(&mut list, index, level);
                assign(map, key, Json::Array(list));
                done
            }
            Some('=') => {
                let (value, done) = self.value()?;
                assign(map, key, value);
                done
            }
            Some(',') => {
                let text = format!("key {} has no value (cannot end with ,)", quote::quote(&key));
                assign(map, key, Json::from(""));
                error(text)
            }
            Some(_) => {
                let level = level + 1;
                if level > MAX_LEVELS {
                    return error(format!("value name nested level is greater than maximum supported nested level of {MAX_LEVELS}"));
                }
                let mut inner = match map.get_mut(&key) {
                    None => Tree::new(),
                    Some(Json::Object(inner)) => std::mem::take(inner),
                    Some(other) => return mismatch(other, "map[string]interface {}"),
                };
                let done = self.key(&mut inner, level);
                if done.is_ok() && inner.is_empty() {
                    return error(format!("key map {} has no value", quote::quote(&key)));
                }
                // An empty map is put back only where it has been one.
                if !inner.is_empty() || map.contains_key(&key) {
                    assign(map, key, Json::Object(inner));
                }
                done
            }
        }
    }

    /// The number in brackets; its opening bracket has been read.
    fn index(&mut self) -> Step<i64> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return error("error parsing index: EOF");
        }
        num::atoi(&text).or_else(|e| error(format!("error parsing index: {e}")))
    }

    /// What follows a closing bracket.
    fn item(&mut self, list: &mut Vec<Json>, index: i64, level: usize) -> Step<()> {
        if index < 0 {
            return error(format!("negative {index} index not allowed"));
        }
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            // Go prints a list of characters here.
            let shown: Vec<String> = text.chars().map(quote::quote_char).collect();
            return error(format!("unexpected data at end of array index: [{}]", shown.join(" ")));
        }
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let (value, done) = self.value()?;
                match done {
                    // Only JSON and the end of the line leave something to say after the value is set.
                    Err(Stop::Error(text)) if !matches!(self.values, Values::Json) => return error(text),
                    _ => {}
                }
                self.put(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(at) {
                    None | Some(Json::Null) => Vec::new(),
                    Some(Json::Array(inner)) => std::mem::take(inner),
                    Some(other) => return mismatch(other, "[]interface {}"),
                };
                let existed = at < list.len();
                let done = self.item(&mut inner, next, level);
                if done.is_err() {
                    if existed && list[at].is_array() {
                        list[at] = Json::Array(inner);
                    }
                    return done;
                }
                self.put(list, index, Json::Array(inner))
            }
            Some(_) => {
                let mut inner = match list.get_mut(at) {
                    Some(Json::Object(inner)) => std::mem::take(inner),
                    _ => Tree::new(),
                };
                let done = self.key(&mut inner, level);
                if done.is_err() {
                    if at < list.len() {
                        list[at] = Json::Object(inner);
                    }
                    return done;
                }
                self.put(list, index, Json::Object(inner))
            }
        }
    }

    fn put(&mut self, list: &mut Vec<Json>, index: i64, value: Json) -> Step<()> {
        if index > MAX_INDEX {
            return error(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}"));
        }
        let at = usize::try_from(index).unwrap_or_default();
        if at >= list.len() {
            self.made += at + 1 - list.len();
            if self.made > MAX_ITEMS {
                return error(format!("the lists would have more than {MAX_ITEMS} items together"));
            }
            list.resize(at + 1, Json::Null);
        }
        list[at] = value;
        Ok(())
    }

    /// The value after `=`, and how to go on once it is set.
    fn value(&mut self) -> Step<(Json, Step<()>)> {
        match self.values {
            Values::Literal => {
                let text = std::mem::take(&mut self.rest);
                return Ok((Json::from(text), Ok(())));
            }
            Values::Json => return self.json_value().map(|value| (value, Ok(()))),
            _ => {}
        }
        match self.rest.strip_prefix('{') {
            Some(rest) => {
                self.rest = rest;
                self.list_value()
            }
            None if self.rest.is_empty() => Ok((Json::from(""), Err(Stop::End))),
            None => {
                let (text, _) = self.until(&[',']);
                Ok(self.read(&text))
            }
        }
    }

    fn read(&mut self, text: &str) -> (Json, Step<()>) {
        match &mut self.values {
            Values::Guessed => (guess(text), Ok(())),
            Values::Read(read) => match read(text) {
                Ok(value) => (value, Ok(())),
                Err(e) => (Json::Null, error(e.to_string())),
            },
            Values::Text | Values::Json | Values::Literal => (Json::from(text), Ok(())),
        }
    }

    /// `a,b}` of a list in braces.
    fn list_value(&mut self) -> Step<(Json, Step<()>)> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return error("list must terminate with '}'");
            }
            if stop == Some('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
            }
            let (value, done) = self.read(&text);
            done?;
            items.push(value);
            if stop == Some('}') {
                return Ok((Json::Array(items), Ok(())));
            }
        }
    }

    fn json_value(&mut self) -> Step<Json> {
        if self.skip_to_value() {
            return Ok(Json::Null);
        }
        let (value, len) = json::prefix_from_str(self.rest).or_else(|e| error(e.to_string()))?;
        self.rest = &self.rest[len..];
        self.skip_to_value();
        Ok(value)
    }

    /// Steps over blanks and a comma after them; whether there was no value before that comma or the end.
    fn skip_to_value(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches(unicode::is_space);
        match self.rest.strip_prefix(',') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => self.rest.is_empty(),
        }
    }
}

fn assign(map: &mut Tree, key: String, value: Json) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

fn mismatch<T>(found: &Json, wanted: &str) -> Step<T> {
    let kind = match found {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(n) if n.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    };
    error(format!("unable to parse key: interface conversion: interface {{}} is {kind}, not {wanted}"))
}

fn guess(text: &str) -> Json {
    if text.eq_ignore_ascii_case("true") {
        return Json::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Json::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Json::Null;
    }
    // A number with a leading zero stays text; zero itself does not.
    if text == "0" || !text.starts_with('0') {
        return num::parse_int(text, 10).map_or_else(|_| Json::from(text), Json::from);
    }
    Json::from(text)
}
