//! Regular expressions.

use std::sync::Arc;

use regex_automata::meta::Regex;
use regex_automata::util::interpolate;

use super::{Answer, FuncDef, Ty, bytes, func, int, text};
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::value::{ListType, Value};

use Ty::{Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("regexMatch", &[Str, Str], |ctx, args| match compile(ctx, &args[0], &args[1], plain) {
        Ok(regex) => Ok(Value::Bool(regex.is_match(&*text(&args[1])))),
        Err(Fail::Text(_)) => Ok(Value::Bool(false)),
        Err(other) => Err(other),
    }),
    func("mustRegexMatch", &[Str, Str], |ctx, args| Ok(Value::Bool(compile(ctx, &args[0], &args[1], plain)?.is_match(&*text(&args[1]))))),
    func("regexFind", &[Str, Str], |ctx, args| find(ctx, args, panicking)),
    func("mustRegexFind", &[Str, Str], |ctx, args| find(ctx, args, plain)),
    func("regexFindAll", &[Str, Str, Int], |ctx, args| find_all(ctx, args, panicking)),
    func("mustRegexFindAll", &[Str, Str, Int], |ctx, args| find_all(ctx, args, plain)),
    func("regexReplaceAll", &[Str, Str, Str], |ctx, args| replace(ctx, args, panicking, false)),
    func("mustRegexReplaceAll", &[Str, Str, Str], |ctx, args| replace(ctx, args, plain, false)),
    func("regexReplaceAllLiteral", &[Str, Str, Str], |ctx, args| replace(ctx, args, panicking, true)),
    func("mustRegexReplaceAllLiteral", &[Str, Str, Str], |ctx, args| replace(ctx, args, plain, true)),
    func("regexSplit", &[Str, Str, Int], |ctx, args| split(ctx, args, panicking)),
    func("mustRegexSplit", &[Str, Str, Int], |ctx, args| split(ctx, args, plain)),
    func("regexQuoteMeta", &[Str], |_, args| Ok(Value::bytes_as_string(quote_meta(bytes(&args[0]))))),
];

/// The compiled pattern, with what one search of the subject can take counted as steps.
fn compile(ctx: &mut Ctx<'_>, pattern: &Value, subject: &Value, on_error: OnError) -> Result<Arc<Regex>, Fail> {
    if let Value::Raw(raw) = pattern {
        let valid = raw.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        return Err(on_error(pattern, format!("error parsing regexp: invalid UTF-8: `{}`", String::from_utf8_lossy(&raw[valid..]))));
    }
    let compiled =
        super::re2::compile(&text(pattern), bytes(subject), ctx.set.engine().cache()).map_err(|message| on_error(pattern, message))?;
    if compiled.fresh {
        ctx.world.budget.steps(compiled.size / 64)?;
    }
    ctx.world.budget.steps(bytes(subject).len().saturating_mul(compiled.size / 32) / WORK)?;
    Ok(compiled.regex)
}

/// One more match was found: a search may have read the rest of the subject to find it.
fn next_match(ctx: &mut Ctx<'_>, rest: usize) -> Result<(), Fail> {
    ctx.world.budget.steps(1 + rest / 256)
}

/// How many states an automaton may visit for one step.
const WORK: usize = 256;

/// What `MustCompile` panics with.
fn panicking(pattern: &Value, message: String) -> Fail {
    Fail::Text(format!(
        "regexp: Compile({}): {message}",
        match pattern {
            Value::Raw(raw) => crate::go::quote::quote_bytes(raw),
            other => quoted(&text(other)),
        }
    ))
}

fn plain(_: &Value, message: String) -> Fail {
    Fail::Text(message)
}

/// Go's panic shows the pattern in back quotes where it can.
fn quoted(pattern: &str) -> String {
    if crate::go::quote::can_backquote(pattern) { format!("`{pattern}`") } else { crate::go::quote::quote(pattern) }
}

type OnError = fn(&Value, String) -> Fail;

fn find(ctx: &mut Ctx<'_>, args: &[Value], on_error: OnError) -> Answer {
    let regex = compile(ctx, &args[0], &args[1], on_error)?;
    let subject = text(&args[1]);
    Ok(Value::str(regex.find(&*subject).map_or("", |found| &subject[found.range()])))
}

fn find_all(ctx: &mut Ctx<'_>, args: &[Value], on_error: OnError) -> Answer {
    let regex = compile(ctx, &args[0], &args[1], on_error)?;
    let limit = usize::try_from(int(&args[2])).unwrap_or(usize::MAX);
    let subject = text(&args[1]);
    let mut found = Vec::new();
    for part in regex.find_iter(&*subject).take(limit) {
        next_match(ctx, subject.len() - part.end())?;
        ctx.world.budget.bytes(64 + part.len())?;
        found.push(Value::str(&subject[part.range()]));
    }
    Ok(if found.is_empty() { Value::nil_list(ListType::Str) } else { Value::typed_list(ListType::Str, found) })
}

fn replace(ctx: &mut Ctx<'_>, args: &[Value], on_error: OnError, literal: bool) -> Answer {
    let regex = compile(ctx, &args[0], &args[1], on_error)?;
    let (subject, with) = (text(&args[1]), text(&args[2]));
    let mut out = String::with_capacity(subject.len());
    let mut at = 0;
    for found in regex.captures_iter(&*subject) {
        let Some(whole) = found.get_match() else { continue };
        next_match(ctx, subject.len() - whole.end())?;
        let before = out.len();
        out.push_str(&subject[at..whole.start()]);
        if literal {
            out.push_str(&with)
        } else {
            let group = |index: usize, out: &mut String| out.push_str(found.get_group(index).map_or("", |span| &subject[span.range()]));
            let number = |name: &str| found.group_info().to_index(whole.pattern(), name);
            interpolate::string(&with, group, number, &mut out);
        }
        at = whole.end();
        ctx.world.budget.bytes(out.len() - before)?;
    }
    if at == 0 && out.is_empty() {
        // Nothing was found: the text stays as it is, UTF-8 or not.
        return Ok(args[1].clone());
    }
    out.push_str(&subject[at..]);
    ctx.world.budget.bytes(out.len())?;
    Ok(Value::from(out))
}

/// Go's `Split`, with its own idea of empty matches at the ends.
fn split(ctx: &mut Ctx<'_>, args: &[Value], on_error: OnError) -> Answer {
    let regex = compile(ctx, &args[0], &args[1], on_error)?;
    let subject = text(&args[1]);
    let count = int(&args[2]);
    if count == 0 {
        return Ok(Value::nil_list(ListType::Str));
    }
    if subject.is_empty() && !text(&args[0]).is_empty() {
        return Ok(Value::strings([""]));
    }
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    let mut parts: Vec<Value> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(&*subject).take(limit) {
        if parts.len() + 1 >= limit {
            break;
        }
        next_match(ctx, subject.len() - found.end())?;
        ctx.world.budget.bytes(64)?;
        end = found.start();
        if found.end() != 0 {
            parts.push(Value::str(&subject[begin..end]));
        }
        begin = found.end();
    }
    if end != subject.len() {
        parts.push(Value::str(&subject[begin..]));
    }
    Ok(Value::typed_list(ListType::Str, parts))
}

/// `regexp.QuoteMeta`
fn quote_meta(literal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(literal.len());
    for byte in literal {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
