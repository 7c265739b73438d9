//! Writing YAML as goyaml does: v2 for `toYaml`, v3 for `toYamlPretty`.

use super::resolve::{Flavour, Resolved, is_base60, is_old_bool, resolve};
use super::{Error, from_str, order};
use crate::Json;
use crate::go::{json, num};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number};
use std::fmt::Write as _;

/// Helm's `toYAML` (engine/funcs.go), with the final line break that it cuts off: `Marshal` of sigs.k8s.io/yaml (yaml.go). What
/// cannot be written gives an empty text, as there.
pub fn to_string(value: &Json) -> String {
    try_to_string(value).unwrap_or_default()
}

/// As [`to_string`], with the reason why a value cannot be written: sigs.k8s.io/yaml goes through JSON text, which goyaml
/// refuses where it holds control characters or very long keys.
///
/// # Errors
/// That of goyaml's reader.
pub fn try_to_string(value: &Json) -> Result<String, Error> {
    if survives_json(value) {
        return Ok(emit(value, Flavour::V2));
    }
    Ok(emit(&from_str(&json::to_string(value))?, Flavour::V2))
}

/// Helm's `toYAMLPretty` (engine/funcs.go), with the final line break that it cuts off: goyaml v3's `Encoder` with two blanks.
/// List items are indented, long lines are not folded.
pub fn to_string_pretty(value: &Json) -> String {
    emit(value, Flavour::V3)
}

/// What goyaml v3 writes and JSON does not know. In a tree [`stand_in`] takes its place.
pub(crate) enum Extra {
    /// A scalar that needs no quotes: a time, or a float that is no number.
    Plain(String),
    /// Text that is no UTF-8
    Binary(Vec<u8>),
    /// A struct, with its fields in their order
    Fields(Vec<(String, Json)>),
    /// Text that looks like a stand-in
    Text(String),
}

/// Begins a stand-in: no character that texts use.
const STAND_IN: char = '\u{10ffff}';

/// Takes the place of the extra at this index.
pub(crate) fn stand_in(index: usize) -> Json {
    Json::String(format!("{STAND_IN}{index}"))
}

/// Whether a text must be an [`Extra::Text`].
pub(crate) fn looks_like_stand_in(text: &str) -> bool {
    text.starts_with(STAND_IN)
}

/// As [`to_string_pretty`], of a tree with stand-ins.
pub(crate) fn to_string_with_extras(value: &Json, extras: &[Extra]) -> String {
    let mut emitter = Emitter::new(Flavour::V3);
    emitter.extras = extras;
    emitter.finish(value)
}

/// As [`to_string`], with keys in the order of their bytes instead of the natural one of goyaml's `keyList` (sorter.go): the
/// form that Flux takes digests of.
pub fn to_string_by_bytes(value: &Json) -> String {
    let mut emitter = Emitter::new(Flavour::V2);
    emitter.by_bytes = true;
    emitter.finish(value)
}

fn emit(value: &Json, flavour: Flavour) -> String {
    Emitter::new(flavour).finish(value)
}

/// Base64 as goyaml lays it out: lines of 70, each with its end if there are several.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let mut text = STANDARD.encode(bytes);
    if text.len() >= LINE {
        for at in (0..=text.len() / LINE).rev() {
            text.insert(((at + 1) * LINE).min(text.len()), '\n');
        }
    }
    text
}

/// Whether goyaml reads the JSON text of this value back as it is.
fn survives_json(value: &Json) -> bool {
    let plain = |s: &str| {
        s.is_ascii() && !s.contains('\u{7f}') || s.chars().all(|c| !matches!(c, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
    };
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::String(s) => plain(s),
        Json::Array(items) => items.iter().all(survives_json),
        // Six bytes is the longest escape of one byte; goyaml's limit for a key is 1024.
        Json::Object(map) => map.iter().all(|(k, v)| k.len() < 1000 / 6 && plain(k) && survives_json(v)),
    }
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    SimpleKey,
    /// A long key after `?`, or a mapping's value.
    Entry,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

struct Emitter<'e> {
    extras: &'e [Extra],
    out: String,
    /// In characters.
    column: usize,
    indent: i32,
    /// The last thing written was white space, so that no blank is needed.
    whitespace: bool,
    /// Only indentation and `-`, `?` or `:` so far on this line.
    indention: bool,
    flavour: Flavour,
    /// Keys in the order of their bytes.
    by_bytes: bool,
}

const INDENT: i32 = 2;

impl<'e> Emitter<'e> {
    fn new(flavour: Flavour) -> Self {
        Self { extras: &[], out: String::new(), column: 0, indent: -1, whitespace: true, indention: true, flavour, by_bytes: false }
    }

    fn finish(mut self, value: &Json) -> String {
        self.node(value, Context::Root);
        self.write_indent();
        self.out
    }

    fn node(&mut self, value: &Json, context: Context) {
        match value {
            Json::Null => self.scalar("null", Style::Plain, context),
            Json::Bool(b) => self.scalar(if *b { "true" } else { "false" }, Style::Plain, context),
            Json::Number(n) => self.scalar(&number(n, self.flavour), Style::Plain, context),
            Json::String(s) => match s.strip_prefix(STAND_IN).and_then(|index| self.extras.get(index.parse::<usize>().ok()?)) {
                Some(extra) => self.extra(extra, context),
                None => self.string(s, context),
            },
            Json::Array(items) if items.is_empty() => self.empty("[", "]"),
            Json::Array(items) => self.sequence(items, context),
            Json::Object(map) if map.is_empty() => self.empty("{", "}"),
            Json::Object(map) => self.mapping(map),
        }
    }

    fn extra(&mut self, extra: &'e Extra, context: Context) {
        match extra {
            Extra::Plain(text) => self.scalar(text, Style::Plain, context),
            Extra::Text(text) => self.string(text, context),
            Extra::Fields(fields) if fields.is_empty() => self.empty("{", "}"),
            Extra::Fields(fields) => self.entries(fields.iter().map(|(key, value)| (key, value))),
            Extra::Binary(bytes) => {
                let text = base64_lines(bytes);
                self.indicator("!!binary", true, false, false);
                self.scalar(&text, if text.contains('\n') { Style::Literal } else { Style::Plain }, context);
            }
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn sequence(&mut self, items: &[Json], context: Context) {
        let back = self.indent;
        // v2 lets the items of a list under a key start at the key's column.
        let flush = self.flavour == Flavour::V2 && context == Context::Entry && !self.indention;
        self.increase_indent(false, flush);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Context::Item);
        }
        self.indent = back;
    }

    fn mapping(&mut self, map: &Map<String, Json>) {
        let entries = if self.by_bytes { json::sorted(map) } else { order::entries(map, self.flavour) };
        self.entries(entries.into_iter());
    }

    fn entries<'j>(&mut self, entries: impl Iterator<Item = (&'j String, &'j Json)>) {
        let back = self.indent;
        self.increase_indent(false, false);
        for (key, value) in entries {
            self.write_indent();
            if key.len() <= 128 && !key.chars().any(is_break) {
                self.string(key, Context::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(key, Context::Entry);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Context::Entry);
        }
        self.indent = back;
    }

    fn increase_indent(&mut self, flow: bool, flush: bool) {
        if self.indent < 0 {
            self.indent = if flow { INDENT } else { 0 };
        } else if !flush {
            self.indent += INDENT;
        }
    }

    fn string(&mut self, text: &str, context: Context) {
        let style = if text.contains('\n') {
            Style::Literal
        } else if resolve(text, self.flavour) == Resolved::Str && !is_base60(text) && !(self.flavour == Flavour::V3 && is_old_bool(text)) {
            Style::Plain
        } else {
            Style::Double
        };
        self.scalar(text, style, context);
    }

    fn scalar(&mut self, text: &str, wanted: Style, context: Context) {
        let allowed = Allowed::analyse(text, self.flavour);
        let simple_key = context == Context::SimpleKey;
        let mut style = wanted;
        if simple_key && allowed.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!allowed.plain || text.is_empty() && simple_key) {
            style = Style::Single;
        }
        if style == Style::Single && !allowed.single {
            style = Style::Double;
        }
        if style == Style::Literal && (!allowed.block || simple_key) {
            style = Style::Double;
        }
        let back = self.indent;
        self.increase_indent(true, false);
        let fold = !simple_key && self.flavour == Flavour::V2;
        match style {
            Style::Plain => self.plain(text, fold),
            Style::Single => self.single_quoted(text, fold),
            Style::Double => self.double_quoted(text, fold),
            Style::Literal => self.literal(text),
        }
        self.indent = back;
    }

    fn too_wide(&self) -> bool {
        self.column > 80
    }

    fn plain(&mut self, text: &str, fold: bool) {
        if !self.whitespace && (self.flavour == Flavour::V2 || !text.is_empty()) {
            self.put(' ');
        }
        self.flowing(text, fold, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false, false);
        self.flowing(text, fold, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The body of a plain or single-quoted scalar.
    fn flowing(&mut self, text: &str, fold: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next_is_space = chars.peek().is_some_and(|(_, n)| *n == ' ');
            if c == ' ' {
                let inner = !quoted || i > 0 && i < text.len() - 1;
                if fold && !spaces && self.too_wide() && inner && !next_is_space {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        // goyaml looks for a byte order mark at the start of the text whenever it means to look at the current character.
        let escape_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        self.indicator("\"", true, false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if escape_all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if fold && !spaces && self.too_wide() && i > 0 && i < text.len() - 1 {
                    self.write_indent();
                    if chars.peek().is_some_and(|(_, n)| *n == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let start = self.out.len();
                let _ = match c as u32 {
                    n if n <= 0xff => write!(self.out, "\\x{n:02X}"),
                    n if n <= 0xffff => write!(self.out, "\\u{n:04X}"),
                    n => write!(self.out, "\\U{n:08X}"),
                };
                self.column += self.out.len() - start;
                return;
            }
        };
        self.put('\\');
        self.put(short);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut back = text.chars().rev();
        match back.next() {
            Some(last) if is_break(last) => {
                if back.next().is_none_or(is_break) {
                    self.indicator("+", false, false, false);
                }
            }
            _ => self.indicator("-", false, false, false),
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention |= self.flavour == Flavour::V3;
    }

    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention |= self.flavour == Flavour::V2;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.chars().count();
        self.whitespace = is_space;
        self.indention &= is_indention;
    }
}

/// v2 sees numbers as their JSON text, v3 sees Go's own values.
fn number(n: &Number, flavour: Flavour) -> String {
    let float = |v: f64| match num::float(v).as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        text => text.to_owned(),
    };
    if n.is_i64() || n.is_u64() {
        return n.to_string();
    }
    let text = json::number(n);
    match (flavour, resolve(&text, Flavour::V2)) {
        (Flavour::V3, _) => float(n.as_f64().unwrap_or_default()),
        (_, Resolved::Int(n)) => n.to_string(),
        (_, Resolved::Uint(n)) => n.to_string(),
        (_, Resolved::Float(v)) => float(v),
        _ => text,
    }
}

/// The styles in which a text can be written.
struct Allowed {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Allowed {
    fn analyse(text: &str, flavour: Flavour) -> Allowed {
        if text.is_empty() {
            return Allowed { multiline: false, plain: true, single: true, block: false };
        }
        let (mut indicators, mut breaks, mut special, mut tabs) = (text.starts_with("---") || text.starts_with("..."), false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break) = (false, false);
        let mut after_blank = true;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|n| matches!(n, ' ' | '\t'));
            indicators |= match c {
                '#' => first || after_blank,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => first,
                '?' | '-' => first && before_blank,
                ':' => before_blank,
                _ => false,
            };
            if flavour == Flavour::V3 && c == '\t' {
                tabs = true;
            } else {
                special |= !is_printable(c);
            }
            let (space, line_break) = (c == ' ', is_break(c));
            break_space |= space && previous_break;
            space_break |= line_break && previous_space;
            breaks |= line_break;
            (previous_space, previous_break) = (space, line_break);
            after_blank = space || line_break || c == '\t' || c == '\0';
            first = false;
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let plain = !(edge(text.chars().next())
            || edge(text.chars().next_back())
            || break_space
            || space_break
            || special
            || tabs
            || breaks
            || indicators);
        let single = !(break_space || space_break || special || tabs);
        let block = !(text.ends_with(' ') || space_break || special);
        Allowed { multiline: breaks, plain, single, block }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}
