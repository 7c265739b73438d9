//! The `path=value` grammar of `--set`, which `targetPath` uses too: `a.b=1`, `list[2].name=x`, `key\.with\.dots=y`,
//! `names={a,b}`, and several assignments with commas between them.

use crate::object::Json;
use serde_json::{Map, json};
use std::iter::Peekable;
use std::str::Chars;

/// How the text of a value becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// `true`, `false`, `null` and whole numbers become what they look like, as for `--set`.
    Guess,
    /// Everything stays text, as for `--set-string`.
    Text,
    /// Every value is JSON, as for `--set-json`.
    Json,
}

/// Why an assignment cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A path without a value.
    #[error("`{0}` has no value; write {0}=VALUE, and put a backslash before commas that belong to a value")]
    NoValue(String),
    /// A list without its end.
    #[error("a list has no closing brace; write {{a,b}}, or put a backslash before a brace that belongs to a value")]
    OpenList,
    /// Text in brackets that is no index.
    #[error("`[{0}]` is no list index; write a number from 0 to {MAX_INDEX}")]
    Index(String),
    /// Text after an index.
    #[error("`{0}` stands after a list index; write a dot, a bracket or an equals sign there")]
    AfterIndex(String),
    /// The path goes through something that is not there to go through.
    #[error("`{key}` is {found}, and the path needs {wanted}; correct the path or the values below it")]
    Shape {
        /// The key.
        key: String,
        /// What is there.
        found: &'static str,
        /// What is needed.
        wanted: &'static str,
    },
    /// A value that is no JSON where it must be.
    #[error("the value at `{0}` is no JSON; write a text in double quotes")]
    NoJson(String),
    /// More levels than allowed.
    #[error("the path has more than {MAX_DEPTH} levels; shorten it")]
    Depth,
    /// Lists that would be too long together.
    #[error("the lists would have more than {MAX_ITEMS} items together; use smaller indexes")]
    Items,
}

const MAX_INDEX: usize = 65_536;
const MAX_DEPTH: usize = 30;
/// A short line could otherwise ask for lists without end.
const MAX_ITEMS: usize = 262_144;

/// Makes the assignments of a line in a tree.
///
/// # Errors
/// Where the line does not follow the grammar, or the path meets something of another shape. The tree may then be half changed.
pub fn apply(tree: &mut Map<String, Json>, line: &str, typing: Typing) -> Result<(), SetError> {
    let mut parser = Parser { input: line.chars().peekable(), typing, made: 0 };
    while parser.input.peek().is_some() {
        parser.key(tree, 0)?;
    }
    Ok(())
}

/// Sets one text at a path, whatever characters it has.
///
/// # Errors
/// As [`apply`].
pub fn apply_literal(tree: &mut Map<String, Json>, path: &str, text: &str) -> Result<(), SetError> {
    let mut line = String::with_capacity(path.len() + text.len() + 8);
    line.push_str(path);
    line.push('=');
    for c in text.chars() {
        if matches!(c, '\\' | ',' | '[' | ']' | '{' | '}') {
            line.push('\\');
        }
        line.push(c);
    }
    apply(tree, &line, Typing::Text)
}

struct Parser<'a> {
    input: Peekable<Chars<'a>>,
    typing: Typing,
    /// List items made so far.
    made: usize,
}

impl Parser<'_> {
    /// Reads up to one of the stops, which is taken too; a backslash makes the next character plain.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.input.next() {
            if stops.contains(&c) {
                return (text, Some(c));
            }
            match c {
                '\\' => text.extend(self.input.next()),
                c => text.push(c),
            }
        }
        (text, None)
    }

    /// One `key…=value` in a mapping.
    fn key(&mut self, map: &mut Map<String, Json>, depth: usize) -> Result<(), SetError> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        match stop {
            Some('=') => {
                let value = self.value()?;
                put(map, key, value);
                Ok(())
            }
            Some('[') => {
                let index = self.index()?;
                let mut list = match map.remove(&key) {
                    None => Vec::new(),
                    Some(Json::Array(list)) => list,
                    Some(other) => return Err(shape(&key, &other, "a list")),
                };
                self.item(&key, &mut list, index, depth)?;
                put(map, key, Json::Array(list));
                Ok(())
            }
            Some('.') => {
                if depth >= MAX_DEPTH {
                    return Err(SetError::Depth);
                }
                let mut inner = match map.remove(&key) {
                    None => Map::new(),
                    Some(Json::Object(inner)) => inner,
                    Some(other) => return Err(shape(&key, &other, "a mapping")),
                };
                self.key(&mut inner, depth + 1)?;
                if inner.is_empty() {
                    return Err(SetError::NoValue(key));
                }
                put(map, key, Json::Object(inner));
                Ok(())
            }
            // A comma, or the end.
            _ => Err(SetError::NoValue(key)),
        }
    }

    /// What follows `key[index]`.
    fn item(&mut self, key: &str, list: &mut Vec<Json>, index: usize, depth: usize) -> Result<(), SetError> {
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            return Err(SetError::AfterIndex(text));
        }
        let there = list.get_mut(index).map(Json::take).unwrap_or_default();
        let value = match stop {
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                let mut inner = match there {
                    Json::Null => Vec::new(),
                    Json::Array(inner) => inner,
                    other => return Err(shape(&format!("{key}[{index}]"), &other, "a list")),
                };
                if depth >= MAX_DEPTH {
                    return Err(SetError::Depth);
                }
                self.item(&format!("{key}[{index}]"), &mut inner, next, depth + 1)?;
                Json::Array(inner)
            }
            Some(_) => {
                // Helm starts anew here where something else than a mapping is in the way.
                let mut inner = if let Json::Object(inner) = there { inner } else { Map::new() };
                self.key(&mut inner, depth)?;
                Json::Object(inner)
            }
            None => return Err(SetError::NoValue(format!("{key}[{index}]"))),
        };
        if list.len() <= index {
            self.made += index + 1 - list.len();
            if self.made > MAX_ITEMS {
                return Err(SetError::Items);
            }
            list.resize(index + 1, Json::Null);
        }
        list[index] = value;
        Ok(())
    }

    fn index(&mut self) -> Result<usize, SetError> {
        let (text, stop) = self.until(&[']']);
        let index = text.parse().ok().filter(|index| stop.is_some() && *index <= MAX_INDEX);
        index.ok_or(SetError::Index(text))
    }

    /// The value and the comma after it.
    fn value(&mut self) -> Result<Json, SetError> {
        if self.typing == Typing::Json {
            return self.json();
        }
        if self.input.next_if_eq(&'{').is_none() {
            let (text, _) = self.until(&[',']);
            return Ok(self.typed(text));
        }
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                Some(',') => list.push(self.typed(text)),
                Some(_) => {
                    list.push(self.typed(text));
                    self.input.next_if_eq(&',');
                    return Ok(Json::Array(list));
                }
                None => return Err(SetError::OpenList),
            }
        }
    }

    /// One JSON value and the comma after it. Its numbers are floats, as Go reads them.
    fn json(&mut self) -> Result<Json, SetError> {
        let rest: String = self.input.clone().collect();
        let mut values = serde_json::Deserializer::from_str(&rest).into_iter::<Json>();
        let no_json = || SetError::NoJson(rest.chars().take(40).collect());
        let value = values.next().and_then(Result::ok).ok_or_else(no_json)?;
        let taken = rest[..values.byte_offset()].chars().count();
        self.input.by_ref().take(taken).for_each(drop);
        while self.input.next_if(|c| c.is_whitespace()).is_some() {}
        match self.input.next() {
            None | Some(',') => Ok(helmward_chart::values::with_floats(value)),
            Some(_) => Err(no_json()),
        }
    }

    fn typed(&self, text: String) -> Json {
        if self.typing == Typing::Text {
            return Json::String(text);
        }
        match text.to_ascii_lowercase().as_str() {
            "true" => json!(true),
            "false" => json!(false),
            "null" => Json::Null,
            "0" => json!(0),
            // A leading zero is taken as part of a text, such as a phone number or a short commit id.
            _ if text.starts_with('0') => Json::String(text),
            _ => text.parse::<i64>().map_or(Json::String(text), |number| json!(number)),
        }
    }
}

/// An empty key is not set, as in Helm.
fn put(map: &mut Map<String, Json>, key: String, value: Json) {
    if !key.is_empty() {
        map.insert(key, value);
    }
}

fn shape(key: &str, found: &Json, wanted: &'static str) -> SetError {
    let found = match found {
        Json::Null => "null",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
        _ => "a single value",
    };
    SetError::Shape { key: key.to_owned(), found, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: Json) -> Map<String, Json> {
        json.as_object().expect("a mapping").clone()
    }

    #[test]
    fn assigns_as_helm_does() {
        for (before, line, after) in [
            (json!({}), "outer.inner=value", json!({"outer": {"inner": "value"}})),
            (json!({}), "name={a,b,c}", json!({"name": ["a", "b", "c"]})),
            (json!({}), "name={1,true,x},b=2", json!({"name": [1, true, "x"], "b": 2})),
            (json!({}), r"name=value1\,value2", json!({"name": "value1,value2"})),
            (json!({}), "at[2]=value", json!({"at": [null, null, "value"]})),
            (json!({}), r"nodeSelector.kubernetes\.io/role=master", json!({"nodeSelector": {"kubernetes.io/role": "master"}})),
            (json!({"a": {"b": 1, "c": 2}}), "a.b=3,a.d=4", json!({"a": {"b": 3, "c": 2, "d": 4}})),
            (json!({"l": [{"n": 1}, {"n": 2}]}), "l[1].n=x", json!({"l": [{"n": 1}, {"n": "x"}]})),
            (json!({"l": [1]}), "l[0].n=x", json!({"l": [{"n": "x"}]})),
            (json!({}), "l[0][1]=x", json!({"l": [[null, "x"]]})),
            (json!({"l": [[1, 2], 3]}), "l[0][1]=x", json!({"l": [[1, "x"], 3]})),
            (json!({}), "a=", json!({"a": ""})),
            (
                json!({}),
                "a=0,b=00,c=07,d=-5,e=+5,f=1.5,g=9223372036854775808",
                json!({"a": 0, "b": "00", "c": "07", "d": -5, "e": 5, "f": "1.5", "g": "9223372036854775808"}),
            ),
            (json!({}), "a=TRUE,b=Null,c=null", json!({"a": true, "b": null, "c": null})),
            (json!({}), "a=b=c", json!({"a": "b=c"})),
            (json!({"a": 1}), "=x", json!({"a": 1})),
            (json!({}), "a={}", json!({"a": [""]})),
        ] {
            let mut map = tree(before);
            apply(&mut map, line, Typing::Guess).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(Json::Object(map), after, "{line}");
        }
        let mut map = Map::new();
        apply(&mut map, "a=true,b=1,c={2}", Typing::Text).expect("a line");
        assert_eq!(Json::Object(map), json!({"a": "true", "b": "1", "c": ["2"]}));
    }

    #[test]
    fn refuses_what_helm_refuses() {
        for (before, line, expect) in [
            (json!({}), "a", "`a` has no value"),
            (json!({}), "a,b=1", "`a` has no value"),
            (json!({}), "brokers=a:1,b:2,c:3", "`b:2` has no value"),
            (json!({}), "a={b", "no closing brace"),
            (json!({}), "a[x]=1", "`[x]` is no list index"),
            (json!({}), "a[-1]=1", "`[-1]` is no list index"),
            (json!({}), "a[65537]=1", "is no list index"),
            (json!({}), "a[1", "is no list index"),
            (json!({}), "a[1]b=1", "`b` stands after a list index"),
            (json!({"a": 1}), "a.b=1", "`a` is a single value, and the path needs a mapping"),
            (json!({"a": {}}), "a[0]=1", "`a` is a mapping, and the path needs a list"),
            (json!({"a": [1]}), "a[0][0]=1", "`a[0]` is a single value"),
            (json!({}), &(vec!["a"; 40].join(".") + "=1"), "more than 30 levels"),
            (json!({}), &("a".to_owned() + &"[0]".repeat(100_000) + "=1"), "more than 30 levels"),
            (json!({}), "a[65536]=1,b[65536]=1,c[65536]=1,d[65536]=1", "more than 262144 items together"),
        ] {
            let error = apply(&mut tree(before), line, Typing::Guess).expect_err(line);
            assert!(error.to_string().contains(expect), "{line}: {error}");
        }
    }

    #[test]
    fn literal_text_stays_as_it_is() {
        for text in ["a,b,c", "{a,b}", "x=y", r"a\,b\", "[1, 2]", "true", "", "server:\n  include: [ \"a\" ]\n"] {
            let mut map = Map::new();
            apply_literal(&mut map, r"files.app\.yml[1]", text).expect("a path");
            assert_eq!(Json::Object(map), json!({"files": {"app.yml": [null, text]}}));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_brings_it_down(line in r"[a-c.\[\]{},=\\0-9]{0,40}") {
            let mut map = tree(json!({"a": {"b": [1, {"c": 2}]}, "b": "x"}));
            let _ = apply(&mut map, &line, Typing::Guess);
        }

        #[test]
        fn literal_text_is_kept_whatever_it_is(text in proptest::prelude::any::<String>()) {
            let mut map = Map::new();
            apply_literal(&mut map, "a.b", &text).expect("a path");
            proptest::prop_assert_eq!(&map["a"]["b"], &json!(text));
        }
    }
}
