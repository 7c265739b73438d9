//! Lists. None of these changes its argument.

use super::math::to_int;
use super::{Answer, FuncDef, Ty, func, many, slice};
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::print;
use crate::template::value::{List, ListType, Value, deep_equal};

use Ty::{Any, Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    many("list", &[], Any, list),
    many("tuple", &[], Any, list),
    func("append", &[Any, Any], push),
    func("push", &[Any, Any], push),
    func("mustAppend", &[Any, Any], push),
    func("mustPush", &[Any, Any], push),
    func("prepend", &[Any, Any], prepend),
    func("mustPrepend", &[Any, Any], prepend),
    func("first", &[Any], |_, args| Ok(slice(&args[0], "Cannot find first on type")?.first().cloned().unwrap_or_default())),
    func("mustFirst", &[Any], |_, args| Ok(slice(&args[0], "Cannot find first on type")?.first().cloned().unwrap_or_default())),
    func("last", &[Any], |_, args| Ok(slice(&args[0], "Cannot find last on type")?.last().cloned().unwrap_or_default())),
    func("mustLast", &[Any], |_, args| Ok(slice(&args[0], "Cannot find last on type")?.last().cloned().unwrap_or_default())),
    func("rest", &[Any], |ctx, args| part(ctx, slice(&args[0], "Cannot find rest on type")?.get(1..))),
    func("mustRest", &[Any], |ctx, args| part(ctx, slice(&args[0], "Cannot find rest on type")?.get(1..))),
    func("initial", &[Any], |ctx, args| part(ctx, slice(&args[0], "Cannot find initial on type")?.split_last().map(|(_, init)| init))),
    func("mustInitial", &[Any], |ctx, args| part(ctx, slice(&args[0], "Cannot find initial on type")?.split_last().map(|(_, init)| init))),
    func("reverse", &[Any], reverse),
    func("mustReverse", &[Any], reverse),
    func("uniq", &[Any], uniq),
    func("mustUniq", &[Any], uniq),
    many("without", &[Any], Any, without),
    many("mustWithout", &[Any], Any, without),
    func("has", &[Any, Any], has),
    func("mustHas", &[Any, Any], has),
    many("slice", &[Any], Any, slice_of),
    many("mustSlice", &[Any], Any, slice_of),
    many("concat", &[], Any, concat),
    func("chunk", &[Int, Any], chunk),
    func("mustChunk", &[Int, Any], chunk),
    func("sortAlpha", &[Any], sort_alpha),
    func("join", &[Str, Any], join),
    func("toStrings", &[Any], |_, args| Ok(string_list(&args[0], strings(&args[0])))),
];

fn list(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.world.budget.list(args.len() + 2)?;
    Ok(Value::list(args.to_vec()))
}

fn push(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let list = slice(&args[0], "Cannot push on type")?;
    ctx.world.budget.list(list.len() + 1)?;
    let mut items = list.to_vec();
    items.push(args[1].clone());
    Ok(Value::list(items))
}

fn prepend(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[0], "Cannot prepend on type")?;
    ctx.world.budget.list(items.len() + 1)?;
    Ok(Value::list(std::iter::once(&args[1]).chain(items.iter()).cloned().collect()))
}

fn part(ctx: &mut Ctx<'_>, items: Option<&[Value]>) -> Answer {
    ctx.world.budget.list(items.map_or(0, <[Value]>::len))?;
    Ok(items.map_or_else(|| Value::nil_list(ListType::Any), |items| Value::list(items.to_vec())))
}

fn reverse(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[0], "Cannot find reverse on type")?;
    ctx.world.budget.list(items.len())?;
    Ok(Value::list(items.iter().rev().cloned().collect()))
}

fn uniq(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[0], "Cannot find uniq on type")?;
    let mut out: Vec<Value> = Vec::new();
    for item in items.iter() {
        ctx.world.budget.steps(out.len() / 16)?;
        if !out.iter().any(|seen| deep_equal(seen, item)) {
            out.push(item.clone());
        }
    }
    Ok(Value::list(out))
}

fn without(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[0], "Cannot find without on type")?;
    ctx.world.budget.steps(items.len() * args.len() / 16)?;
    Ok(Value::list(items.iter().filter(|item| !args[1..].iter().any(|omit| deep_equal(omit, item))).cloned().collect()))
}

fn has(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = slice(&args[1], "Cannot find has on type")?;
    ctx.world.budget.steps(items.len() / 16)?;
    Ok(Value::Bool(items.iter().any(|item| deep_equal(&args[0], item))))
}

fn slice_of(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[0], "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(items.len() as i64, to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok()).filter(|(start, end)| start <= end);
    let Some(part) = range.and_then(|(start, end)| items.get(start..end)) else {
        return Err("reflect.Value.Slice: slice index out of bounds".into());
    };
    ctx.world.budget.list(part.len())?;
    Ok(match &args[0] {
        Value::Bytes(bytes) => Value::bytes(bytes.slice(start as usize..end as usize)),
        Value::List(list) => Value::typed_list(list.ty, part.to_vec()),
        _ => Value::list(part.to_vec()),
    })
}

fn concat(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut out = Vec::new();
    for list in args {
        match list {
            Value::List(_) | Value::Bytes(_) => {
                let items = slice(list, "")?;
                ctx.world.budget.list(items.len())?;
                out.extend(items.iter().cloned());
            }
            Value::Nil => return Err(super::NIL_POINTER.into()),
            other => return Err(Fail::Text(format!("Cannot concat type {} as list", other.kind_name()))),
        }
    }
    Ok(if out.is_empty() { Value::nil_list(ListType::Any) } else { Value::list(out) })
}

fn chunk(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let items = slice(&args[1], "Cannot chunk type")?;
    let size = super::int(&args[0]);
    let parts = match usize::try_from(size) {
        Ok(size) if size > 0 => items.chunks(size).map(|part| Value::list(part.to_vec())).collect(),
        // sprig computes with floats, and some negative sizes come out as lengths that can be made.
        _ => match items.len() as u64 {
            1 if size < -1 => vec![Value::list(items.to_vec())],
            2.. if size < 0 && items.len() as u64 - 1 <= size.unsigned_abs() => Vec::new(),
            _ => return Err("runtime error: makeslice: len out of range".into()),
        },
    };
    Ok(Value::typed_list(ListType::Lists, parts))
}

/// sprig's reading of anything as a list of strings; nil elements are left out.
pub(super) fn strings(value: &Value) -> Vec<Value> {
    match value {
        Value::List(list) => texts(list),
        Value::Bytes(bytes) => bytes.iter().map(|b| Value::from(b.to_string())).collect(),
        Value::Nil => Vec::new(),
        other => vec![print::strval(other)],
    }
}

fn texts(list: &List) -> Vec<Value> {
    list.items.iter().filter(|item| !item.is_nil()).map(print::strval).collect()
}

fn sort_alpha(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut items = match &args[0] {
        list @ (Value::List(_) | Value::Bytes(_)) => strings(list),
        other => vec![print::strval(other)],
    };
    ctx.world.budget.steps(items.len())?;
    items.sort_by(|a, b| super::bytes(a).cmp(super::bytes(b)));
    Ok(string_list(&args[0], items))
}

/// A list of strings made of a value: nil where that is such a list, and nil.
fn string_list(of: &Value, items: Vec<Value>) -> Value {
    match of {
        Value::List(list) if list.nil && list.ty == ListType::Str => of.clone(),
        _ => Value::typed_list(ListType::Str, items),
    }
}

fn join(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let separator = super::bytes(&args[0]);
    let mut out = Vec::new();
    for (i, item) in strings(&args[1]).iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(super::bytes(item));
    }
    ctx.world.budget.bytes(out.len())?;
    Ok(Value::bytes_as_string(out))
}
