//! TOML as BurntSushi/toml writes and reads it.

use super::helm::error_dict;
use super::{Answer, FuncDef, Ty, func, text};
use crate::go::num;
use crate::go::time::{Civil, Time, Zone};
use crate::template::exec::Ctx;
use crate::template::value::{Struct, Value};

use Ty::{Any, Str};

/// Nesting at which writing gives up: only cyclic values are deeper.
const MAX_DEPTH: usize = 500;

pub(super) static FUNCS: &[FuncDef] = &[
    func("toToml", &[Any], to_toml),
    func("fromToml", &[Str], |ctx, args| {
        ctx.world.budget.decode(super::bytes(&args[0]).len())?;
        Ok(match text(&args[0]).parse::<::toml::Table>() {
            Ok(table) => from_table(&table),
            Err(err) => error_dict(format!("toml: {}", err.message())),
        })
    }),
];

fn to_toml(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args[0].is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    let mut writer = Writer { out: String::new() };
    let done = writer.encode(&mut Vec::new(), &args[0], 0);
    ctx.world.budget.bytes(writer.out.len())?;
    match done {
        Ok(()) => Ok(Value::from(writer.out)),
        Err(message) => Ok(Value::from(message)),
    }
}

struct Writer {
    out: String,
}

/// What decides where a value may stand.
#[derive(PartialEq, Eq)]
enum Form {
    Plain,
    Table,
    Tables,
}

impl Writer {
    fn encode(&mut self, key: &mut Vec<String>, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("toml: value is nested too deeply".to_owned());
        }
        match form(value)? {
            // A nil list is left out of tables, and is a list on its own.
            Form::Plain if missing(value) && !matches!(value, Value::List(_)) => {}
            Form::Plain => self.key_value(key, value, false, depth)?,
            Form::Table => {
                if key.len() == 1 {
                    self.newline();
                }
                if !key.is_empty() {
                    let header = format!("{}[{}]", indent(key), dotted(key));
                    self.out.push_str(&header);
                    self.newline();
                }
                self.table(key, value, depth)?;
            }
            Form::Tables => {
                if key.is_empty() {
                    return Err("toml: top-level values must be Go maps or structs".to_owned());
                }
                for item in elements(value) {
                    self.newline();
                    let header = format!("{}[[{}]]", indent(key), dotted(key));
                    self.out.push_str(&header);
                    self.newline();
                    self.table(key, item, depth)?;
                }
            }
        }
        Ok(())
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// The entries of a table: plain ones first, since what follows a sub-table belongs to it.
    fn table(&mut self, key: &mut Vec<String>, value: &Value, depth: usize) -> Result<(), String> {
        let entries = entries(value);
        for tables in [false, true] {
            for (name, value) in &entries {
                if (form(value)? != Form::Plain) == tables && !missing(value) {
                    key.push(name.clone());
                    self.encode(key, value, depth + 1)?;
                    key.pop();
                }
            }
        }
        Ok(())
    }

    fn inline_table(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        let mut plain = Vec::new();
        let mut nested = Vec::new();
        for (name, value) in entries(value) {
            if form(&value)? == Form::Plain { plain.push((name, value)) } else { nested.push((name, value)) }
        }
        self.out.push('{');
        let (count, more) = (plain.len(), !nested.is_empty());
        for (i, (name, value)) in plain.into_iter().enumerate() {
            if !missing(&value) {
                self.key_value(&[name], &value, true, depth)?;
                self.out.push_str(if more || i + 1 != count { ", " } else { "" });
            }
        }
        let count = nested.len();
        for (i, (name, value)) in nested.into_iter().enumerate() {
            self.key_value(&[name], &value, true, depth)?;
            self.out.push_str(if i + 1 != count { ", " } else { "" });
        }
        self.out.push('}');
        Ok(())
    }

    /// A comma follows each field but the one whose index in the struct is the last: with an embedded struct that is another.
    fn inline_struct(&mut self, object: &Struct, depth: usize) -> Result<(), String> {
        let all = fields(object);
        self.out.push('{');
        for tables in [false, true] {
            for (at, name, value) in &all {
                if (form(value)? != Form::Plain) == tables && !missing(value) {
                    self.key_value(&[(*name).to_owned()], value, true, depth)?;
                    self.out.push_str(if at + 1 == all.len() { "" } else { ", " });
                }
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn key_value(&mut self, key: &[String], value: &Value, inline: bool, depth: usize) -> Result<(), String> {
        let Some(last) = key.last() else {
            return self.element(value, depth);
        };
        let start = format!("{}{} = ", indent(key), maybe_quoted(last));
        self.out.push_str(&start);
        self.element(value, depth)?;
        if !inline {
            self.newline();
        }
        Ok(())
    }

    fn element(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("toml: value is nested too deeply".to_owned());
        }
        let plain = match value {
            Value::Bool(b) => b.to_string(),
            Value::Int(i) | Value::Int64(i) => i.to_string(),
            Value::Uint8(u) => u.to_string(),
            Value::Uint64(u) => u.to_string(),
            Value::Float(f) if f.is_nan() => "nan".to_owned(),
            Value::Float(f) if f.is_infinite() => if *f > 0.0 { "inf" } else { "-inf" }.to_owned(),
            Value::Float(f) => {
                let text = num::float(*f);
                if text.contains(['e', '.']) { text } else { text + ".0" }
            }
            Value::Str(text) => quoted(text),
            Value::Raw(bytes) => quoted(&String::from_utf8_lossy(bytes)),
            Value::Named(named, n) => quoted(&named.text(*n)),
            Value::Time(time) => date_text(time),
            Value::Struct(object) => match object.ty.json_as.and_then(|at| object.fields.get(at)) {
                Some(text) => return self.element(text, depth + 1),
                None => return self.inline_struct(object, depth + 1),
            },
            Value::Map(_) => return self.inline_table(value, depth + 1),
            Value::List(_) | Value::Bytes(_) => {
                let bytes: Vec<Value>;
                let items: &[Value] = match value {
                    Value::List(list) => &list.items,
                    Value::Bytes(content) => {
                        bytes = content.iter().map(|b| Value::Uint8(*b)).collect();
                        &bytes
                    }
                    _ => &[],
                };
                self.out.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.out.push_str(if i > 0 { ", " } else { "" });
                    self.element(item, depth + 1)?;
                }
                self.out.push(']');
                return Ok(());
            }
            Value::Nil => return Err("toml: cannot encode array with nil element".to_owned()),
        };
        self.out.push_str(&plain);
        Ok(())
    }
}

fn form(value: &Value) -> Result<Form, String> {
    Ok(match value {
        Value::Map(map) if !map.nil => Form::Table,
        Value::Struct(object) if object.ty.json_as.is_none() => Form::Table,
        Value::List(list) if !list.items.is_empty() => {
            let mut tables = true;
            for item in &list.items {
                if missing(item) {
                    return Err("toml: cannot encode array with nil element".to_owned());
                }
                tables &= form(item)? == Form::Table;
            }
            if tables { Form::Tables } else { Form::Plain }
        }
        _ => Form::Plain,
    })
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => &list.items,
        _ => &[],
    }
}

fn entries(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Map(map) => map.borrow().iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        Value::Struct(object) => fields(object).into_iter().map(|(_, name, value)| (name.to_owned(), value.clone())).collect(),
        _ => Vec::new(),
    }
}

/// The exported fields of a struct, each with its index; those of an embedded struct have its index.
fn fields(object: &Struct) -> Vec<(usize, &'static str, &Value)> {
    let mut out = Vec::new();
    for (at, (field, value)) in object.ty.fields.iter().zip(&object.fields).enumerate() {
        match value {
            Value::Struct(inner) if field.embedded => out.extend(fields(inner).into_iter().map(|(_, name, value)| (at, name, value))),
            value if field.is_exported() => out.push((at, field.name, value)),
            _ => {}
        }
    }
    out
}

/// Go's nil in any form: left out of a table.
fn missing(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.nil,
        Value::Map(map) => map.nil,
        _ => false,
    }
}

fn indent(key: &[String]) -> String {
    "  ".repeat(key.len().saturating_sub(1))
}

fn dotted(key: &[String]) -> String {
    key.iter().map(|part| maybe_quoted(part)).collect::<Vec<_>>().join(".")
}

fn maybe_quoted(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The zones in which BurntSushi/toml keeps dates without one, with how it writes them back.
const LOCAL: [(&str, &str); 3] =
    [("datetime-local", "2006-01-02T15:04:05.999999999"), ("date-local", "2006-01-02"), ("time-local", "15:04:05.999999999")];

fn date_text(time: &Time) -> String {
    let layout = match time.zone() {
        Zone::Fixed { name, .. } => LOCAL.iter().find(|(local, _)| name == local).map(|(_, layout)| layout),
        _ => None,
    };
    layout.map_or_else(|| time.rfc3339_nano(), |layout| time.format(layout))
}

/// A date as Go has it: what is missing is the start of the year 0.
fn date(parts: &::toml::value::Datetime) -> Time {
    let offset = parts.offset.map(|offset| match offset {
        ::toml::value::Offset::Z => 0,
        ::toml::value::Offset::Custom { minutes } => i32::from(minutes) * 60,
    });
    let local = match (parts.date, parts.time) {
        (Some(_), Some(_)) => 0,
        (Some(_), None) => 1,
        _ => 2,
    };
    let zone = match offset {
        Some(0) => Zone::Utc,
        Some(offset) => Zone::Fixed { name: String::new(), offset },
        None => Zone::Fixed { name: LOCAL[local].0.to_owned(), offset: 0 },
    };
    let (year, month, day) = parts.date.map_or((0, 1, 1), |date| (i64::from(date.year), u32::from(date.month), u32::from(date.day)));
    let (hour, minute, second) =
        parts.time.map_or((0, 0, 0), |time| (u32::from(time.hour), u32::from(time.minute), u32::from(time.second.unwrap_or_default())));
    let nanos = parts.time.and_then(|time| time.nanosecond).unwrap_or_default();
    Time::date(Civil { year, month, day, hour, minute, second }, nanos, zone)
}

fn from_table(table: &::toml::Table) -> Value {
    Value::map(table.iter().map(|(key, value)| (key.as_str().into(), from(value))).collect())
}

fn from(value: &::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => Value::str(text.as_str()),
        ::toml::Value::Integer(i) => Value::Int64(*i),
        ::toml::Value::Float(f) => Value::Float(*f),
        ::toml::Value::Boolean(b) => Value::Bool(*b),
        ::toml::Value::Datetime(parts) => Value::time(date(parts)),
        ::toml::Value::Array(items) => Value::list(items.iter().map(from).collect()),
        ::toml::Value::Table(table) => from_table(table),
    }
}
