//! Strings. Lengths and positions count bytes, as in Go.

use std::collections::BTreeMap;

use memchr::memmem;

use super::{Answer, FuncDef, Ty, bytes, bytewise, func, int, many, text};
use crate::go::quote::{quote, quote_bytes};
use crate::go::{strings, unicode};
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::print;
use crate::template::value::{ListType, MapType, Value};

use Ty::{Any, Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("hello", &[], |_, _| Ok(Value::str("Hello!"))),
    func("trim", &[Str], |_, args| keep(&args[0], |s| s.trim())),
    func("upper", &[Str], |_, args| Ok(mapped(&args[0], unicode::to_upper))),
    func("lower", &[Str], |_, args| Ok(mapped(&args[0], unicode::to_lower))),
    func("title", &[Str], |_, args| Ok(Value::from(strings::title(&text(&args[0]))))),
    func("untitle", &[Str], |_, args| Ok(Value::from(strings::untitle(&text(&args[0]))))),
    func("swapcase", &[Str], |_, args| Ok(Value::from(strings::swap_case(&text(&args[0]))))),
    func("snakecase", &[Str], |_, args| Ok(Value::from(strings::snake_case(&text(&args[0]))))),
    func("camelcase", &[Str], |_, args| Ok(Value::from(strings::camel_case(&text(&args[0]))))),
    func("kebabcase", &[Str], |_, args| Ok(Value::from(strings::kebab_case(&text(&args[0]))))),
    func("initials", &[Str], |_, args| Ok(Value::from(strings::initials(bytes(&args[0]))))),
    func("nospace", &[Str], |_, args| Ok(Value::bytes_as_string(strings::no_space(bytes(&args[0]))))),
    func("abbrev", &[Int, Str], |_, args| Ok(Value::bytes_as_string(strings::abbrev(int(&args[0]), bytes(&args[1]))))),
    func("abbrevboth", &[Int, Int, Str], |_, args| {
        Ok(Value::bytes_as_string(strings::abbrev_both(int(&args[0]), int(&args[1]), bytes(&args[2]))))
    }),
    func("wrap", &[Int, Str], |ctx, args| {
        ctx.world.budget.bytes(2 * bytes(&args[1]).len())?;
        Ok(Value::bytes_as_string(strings::wrap(int(&args[0]), bytes(&args[1]))))
    }),
    func("wrapWith", &[Int, Str, Str], |ctx, args| {
        ctx.world.budget.bytes(bytes(&args[2]).len().saturating_mul(bytes(&args[1]).len() + 1))?;
        Ok(Value::bytes_as_string(strings::wrap_with(int(&args[0]), bytes(&args[1]), bytes(&args[2]))))
    }),
    func("trimAll", &[Str, Str], |_, args| trim_all(args)),
    func("trimall", &[Str, Str], |_, args| trim_all(args)),
    func("trimSuffix", &[Str, Str], |_, args| Ok(rest_or_all(&args[1], bytes(&args[1]).strip_suffix(bytes(&args[0]))))),
    func("trimPrefix", &[Str, Str], |_, args| Ok(rest_or_all(&args[1], bytes(&args[1]).strip_prefix(bytes(&args[0]))))),
    func("contains", &[Str, Str], |_, args| Ok(Value::Bool(memmem::find(bytes(&args[1]), bytes(&args[0])).is_some()))),
    func("hasPrefix", &[Str, Str], |_, args| Ok(Value::Bool(bytes(&args[1]).starts_with(bytes(&args[0]))))),
    func("hasSuffix", &[Str, Str], |_, args| Ok(Value::Bool(bytes(&args[1]).ends_with(bytes(&args[0]))))),
    func("replace", &[Str, Str, Str], replace),
    func("repeat", &[Int, Str], repeat),
    func("trunc", &[Int, Str], |_, args| Ok(trunc(int(&args[0]), &args[1]))),
    func("substr", &[Int, Int, Str], substr),
    func("indent", &[Int, Str], |ctx, args| indent(ctx, args, false)),
    func("nindent", &[Int, Str], |ctx, args| indent(ctx, args, true)),
    func("plural", &[Str, Str, Int], |_, args| Ok(if int(&args[2]) == 1 { args[0].clone() } else { args[1].clone() })),
    func("toString", &[Any], |_, args| Ok(print::strval(&args[0]))),
    many("quote", &[], Any, |_, args| Ok(Value::bytes_as_string(listed(args, |value| quoted(value).into_bytes())))),
    many("squote", &[], Any, |_, args| Ok(Value::bytes_as_string(listed(args, |value| [b"'", &*print::to_bytes(value), b"'"].concat())))),
    many("cat", &[], Any, |_, args| Ok(Value::bytes_as_string(listed(args, print::to_bytes)))),
    func("split", &[Str, Str], |ctx, args| {
        ctx.world.budget.map(most_parts(&args[0], &args[1], -1))?;
        Ok(numbered(split(&args[0], &args[1], -1)))
    }),
    func("splitn", &[Str, Int, Str], |ctx, args| {
        ctx.world.budget.map(most_parts(&args[0], &args[2], int(&args[1])))?;
        Ok(numbered(split(&args[0], &args[2], int(&args[1]))))
    }),
    func("splitList", &[Str, Str], |ctx, args| {
        ctx.world.budget.list(most_parts(&args[0], &args[1], -1))?;
        Ok(Value::typed_list(ListType::Str, split(&args[0], &args[1], -1)))
    }),
];

/// What is left of a string, if something was taken off; else the string itself.
fn rest_or_all(whole: &Value, rest: Option<&[u8]>) -> Value {
    rest.map_or_else(|| whole.clone(), |rest| Value::bytes_as_string(rest.to_vec()))
}

/// A part of a string; the string itself where nothing is cut off.
fn keep(value: &Value, part: impl Fn(&str) -> &str) -> Answer {
    let whole = text(value);
    let kept = part(&whole);
    Ok(if kept.len() == whole.len() { value.clone() } else { Value::str(kept) })
}

fn mapped(value: &Value, map: fn(char) -> char) -> Value {
    let text = text(value);
    Value::from(text.chars().map(map).collect::<String>())
}

fn trim_all(args: &[Value]) -> Answer {
    let cut = text(&args[0]);
    keep(&args[1], |s| s.trim_matches(|c| cut.contains(c)))
}

fn replace(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args.iter().any(|arg| matches!(arg, Value::Raw(_))) {
        let (old, new, whole) = (bytes(&args[0]), bytes(&args[1]), bytes(&args[2]));
        let mut parts = bytewise::split(whole, old, usize::MAX);
        if old.is_empty() {
            // Between all characters, and around them.
            parts.insert(0, b"");
            parts.push(b"");
        }
        ctx.world.budget.bytes(whole.len() + parts.len().saturating_mul(new.len()))?;
        return Ok(Value::bytes_as_string(parts.join(new)));
    }
    let (old, new, whole) = (text(&args[0]), text(&args[1]), text(&args[2]));
    if !whole.contains(&*old) {
        return Ok(args[2].clone());
    }
    if new.len() > old.len() {
        let count = if old.is_empty() { whole.len() + 1 } else { whole.len() / old.len() };
        ctx.world.budget.bytes(count.saturating_mul(new.len() - old.len()))?;
    }
    Ok(Value::from(whole.replace(&*old, &new)))
}

fn repeat(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let count = usize::try_from(int(&args[0])).map_err(|_| Fail::from("strings: negative Repeat count"))?;
    let unit = bytes(&args[1]);
    ctx.world.budget.bytes(unit.len().saturating_mul(count))?;
    Ok(Value::bytes_as_string(unit.repeat(count)))
}

fn trunc(count: i64, value: &Value) -> Value {
    let whole = bytes(value);
    let len = whole.len() as i64;
    if count < 0 && len + count > 0 {
        return Value::bytes_as_string(whole[(len + count) as usize..].to_vec());
    }
    if count >= 0 && len > count {
        return Value::bytes_as_string(whole[..count as usize].to_vec());
    }
    value.clone()
}

fn substr(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (start, end, whole) = (int(&args[0]), int(&args[1]), bytes(&args[2]));
    let len = whole.len() as i64;
    let out_of_range = |text: String| Fail::Text(format!("runtime error: slice bounds out of range {text}"));
    let (from, to) = if start < 0 {
        if !(0..=len).contains(&end) {
            let tail = if end < 0 { format!("[:{end}]") } else { format!("[:{end}] with length {len}") };
            return Err(out_of_range(tail));
        }
        (0, end)
    } else if end < 0 || end > len {
        (start, len)
    } else {
        (start, end)
    };
    if from > to {
        return Err(out_of_range(format!("[{from}:{to}]")));
    }
    Ok(Value::bytes_as_string(whole[from as usize..to as usize].to_vec()))
}

fn indent(ctx: &mut Ctx<'_>, args: &[Value], new_line: bool) -> Answer {
    let width = usize::try_from(int(&args[0])).map_err(|_| Fail::from("strings: negative Repeat count"))?;
    let whole = bytes(&args[1]);
    let lines = 1 + whole.iter().filter(|b| **b == b'\n').count();
    let size = lines.saturating_mul(width).saturating_add(whole.len() + 1);
    ctx.world.budget.bytes(size)?;
    let mut out = Vec::with_capacity(size);
    if new_line {
        out.push(b'\n');
    }
    for (i, line) in whole.split(|b| *b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + width, b' ');
        out.extend_from_slice(line);
    }
    Ok(Value::bytes_as_string(out))
}

fn quoted(value: &Value) -> String {
    match print::strval(value) {
        Value::Str(text) => quote(&text),
        other => quote_bytes(bytes(&other)),
    }
}

/// The values that are not nil, each in its form, with spaces between.
fn listed(args: &[Value], form: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    args.iter().filter(|arg| !arg.is_nil()).map(form).collect::<Vec<_>>().join(&b' ')
}

/// `strings.SplitN`; a negative count is no limit.
fn split(separator: &Value, whole: &Value, count: i64) -> Vec<Value> {
    if count == 0 {
        return Vec::new();
    }
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    match (separator, whole) {
        (Value::Str(separator), Value::Str(whole)) if !separator.is_empty() => whole.splitn(limit, &**separator).map(Value::str).collect(),
        (separator, whole) => {
            let parts = bytewise::split(bytes(whole), bytes(separator), limit);
            parts.into_iter().map(|part| Value::bytes_as_string(part.to_vec())).collect()
        }
    }
}

/// At most so many parts come of a split: counted before they are made.
fn most_parts(separator: &Value, whole: &Value, count: i64) -> usize {
    let (separator, whole) = (text(separator), text(whole));
    let all = if separator.is_empty() { whole.len() } else { whole.matches(&*separator).count() + 1 };
    usize::try_from(count).map_or(all, |count| all.min(count))
}

fn numbered(parts: Vec<Value>) -> Value {
    let entries: BTreeMap<_, _> = parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}").into(), part)).collect();
    Value::typed_map(MapType::Strings, entries)
}
