//! The functions of text/template itself.

use super::{Answer, FuncDef, Special, Ty, func, many};
use crate::go::unicode;
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::exec::zero;
use crate::template::print;
use crate::template::printf;
use crate::template::value::{Value, truth};

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    special("and", &[Any], Some(Any), Special::And),
    special("or", &[Any], Some(Any), Special::Or),
    special("len", &[Any], None, Special::Len),
    special("call", &[Any], Some(Any), Special::Call),
    func("not", &[Any], |_, args| Ok(Value::Bool(!truth(&args[0])))),
    FuncDef { name: "index", params: &[Any], variadic: Some(Any), special: Special::Index, run: index },
    many("print", &[], Any, |ctx, args| made(ctx, print::sprint(args))),
    many("println", &[], Any, |ctx, args| made(ctx, print::sprintln(args))),
    many("printf", &[Str], Any, |ctx, args| made(ctx, printf::sprintf(super::bytes(&args[0]), &args[1..]))),
    many("html", &[], Any, |ctx, args| made(ctx, html(&joined(args)))),
    many("js", &[], Any, |ctx, args| made(ctx, js(&joined(args)))),
    many("urlquery", &[], Any, |ctx, args| made(ctx, super::url::query_escape(&joined(args)).into_bytes())),
    many("eq", &[Any], Any, eq),
    func("ne", &[Any, Any], |_, args| Ok(Value::Bool(!equal(&args[0], &args[1])?))),
    func("lt", &[Any, Any], |_, args| Ok(Value::Bool(less(&args[0], &args[1])?))),
    func("le", &[Any, Any], |_, args| Ok(Value::Bool(less_or_equal(&args[0], &args[1])?))),
    func("gt", &[Any, Any], |_, args| Ok(Value::Bool(!less_or_equal(&args[0], &args[1])?))),
    func("ge", &[Any, Any], |_, args| Ok(Value::Bool(!less(&args[0], &args[1])?))),
];

const fn special(name: &'static str, params: &'static [Ty], variadic: Option<Ty>, special: Special) -> FuncDef {
    FuncDef { name, params, variadic, special, run: |_, _| Ok(Value::Nil) }
}

/// A string that a function made, paid for.
fn made(ctx: &mut Ctx<'_>, bytes: Vec<u8>) -> Answer {
    ctx.world.budget.bytes(bytes.len())?;
    Ok(Value::bytes_as_string(bytes))
}

fn joined(args: &[Value]) -> Vec<u8> {
    match args {
        [Value::Str(text)] => text.as_bytes().to_vec(),
        _ => {
            let mut out = Vec::new();
            let mut after_string = true;
            for arg in args {
                let string = arg.is_nil() || arg.string_bytes().is_some();
                // As `print` does, but what is not a string may print as one.
                out.extend_from_slice(if string || after_string { b"" } else { b" " });
                match arg {
                    // nil prints as an action prints it, unlike in `print`
                    Value::Nil => out.extend_from_slice(b"<no value>"),
                    Value::Struct(object) if object.pointer => print::action(arg, true, &mut out),
                    other => out.extend_from_slice(&print::to_bytes(other)),
                }
                after_string = string;
            }
            out
        }
    }
}

// comparison

#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Invalid,
    Bool,
    Int,
    Float,
    Str,
    Uint,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) | Value::Named(..) => Basic::Int,
        Value::Uint8(_) | Value::Uint64(_) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Str(_) | Value::Raw(_) => Basic::Str,
        _ => Basic::Invalid,
    }
}

fn signed(value: &Value) -> i64 {
    match value {
        Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => *i,
        _ => 0,
    }
}

fn unsigned(value: &Value) -> u64 {
    match value {
        Value::Uint8(u) => u64::from(*u),
        Value::Uint64(u) => *u,
        _ => 0,
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float(f) => *f,
        _ => 0.0,
    }
}

fn incompatible(a: &Value, b: &Value) -> Fail {
    Fail::Text(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
}

fn eq(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args.len() < 2 {
        return Err("missing argument for comparison".into());
    }
    for other in &args[1..] {
        if equal(&args[0], other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equal(a: &Value, b: &Value) -> Result<bool, Fail> {
    let (ka, kb) = (basic(a), basic(b));
    if ka != kb {
        return match (ka, kb) {
            (Basic::Int, Basic::Uint) => Ok(u64::try_from(signed(a)).is_ok_and(|a| a == unsigned(b))),
            (Basic::Uint, Basic::Int) => Ok(u64::try_from(signed(b)).is_ok_and(|b| b == unsigned(a))),
            _ if a.is_nil() || b.is_nil() => Ok(false),
            _ => Err(incompatible(a, b)),
        };
    }
    Ok(match ka {
        Basic::Bool => matches!((a, b), (Value::Bool(a), Value::Bool(b)) if a == b),
        Basic::Int => signed(a) == signed(b),
        Basic::Uint => unsigned(a) == unsigned(b),
        Basic::Float => float(a) == float(b),
        Basic::Str => super::bytes(a) == super::bytes(b),
        Basic::Invalid => return equal_others(a, b),
    })
}

/// Values that are no basic kind: nil of some form, maps, slices, structs.
fn equal_others(a: &Value, b: &Value) -> Result<bool, Fail> {
    let nil = |value: &Value| match value {
        Value::Nil => true,
        Value::Map(map) => map.nil,
        Value::List(list) => list.nil,
        _ => false,
    };
    if !a.is_nil() && !b.is_nil() && a.kind() != b.kind() {
        let (shown_a, shown_b) = (print::lossy(printf::sprintf(b"%s", std::slice::from_ref(a))), print::to_string(b));
        return Err(Fail::Text(format!("non-comparable types {shown_a}: {}, {}: {shown_b}", a.type_name(), b.type_name())));
    }
    if nil(a) || nil(b) {
        return Ok(nil(a) == nil(b));
    }
    match (a, b) {
        (Value::Struct(a), Value::Struct(b)) if a.pointer && b.pointer => Ok(std::rc::Rc::ptr_eq(a, b)),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => {
            let shown = print::lossy(printf::sprintf(b"%s", std::slice::from_ref(b)));
            Err(Fail::Text(format!("non-comparable type {shown}: {}", b.type_name())))
        }
    }
}

fn less(a: &Value, b: &Value) -> Result<bool, Fail> {
    let (ka, kb) = (basic(a), basic(b));
    if ka == Basic::Invalid || kb == Basic::Invalid {
        return Err("invalid type for comparison".into());
    }
    if ka != kb {
        return match (ka, kb) {
            (Basic::Int, Basic::Uint) => Ok(u64::try_from(signed(a)).map_or(true, |a| a < unsigned(b))),
            (Basic::Uint, Basic::Int) => Ok(u64::try_from(signed(b)).is_ok_and(|b| unsigned(a) < b)),
            _ => Err(incompatible(a, b)),
        };
    }
    match ka {
        Basic::Int => Ok(signed(a) < signed(b)),
        Basic::Uint => Ok(unsigned(a) < unsigned(b)),
        Basic::Float => Ok(float(a) < float(b)),
        Basic::Str => Ok(super::bytes(a) < super::bytes(b)),
        Basic::Bool | Basic::Invalid => Err("invalid type for comparison".into()),
    }
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, Fail> {
    Ok(less(a, b)? || equal(a, b)?)
}

// index

fn index(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut item = args[0].clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for index in &args[1..] {
        item = match &item {
            Value::Nil => return Err("index of nil pointer".into()),
            Value::List(list) => list.items[position(index, list.items.len(), "slice")?].clone(),
            Value::Bytes(bytes) => Value::Uint8(bytes[position(index, bytes.len(), "slice")?]),
            Value::Str(_) | Value::Raw(_) => {
                let bytes = super::bytes(&item);
                Value::Uint8(bytes[position(index, bytes.len(), "string")?])
            }
            Value::Map(map) => match index {
                Value::Str(key) => map.get(key).unwrap_or_else(|| zero(map.ty)),
                Value::Raw(_) => zero(map.ty),
                Value::Nil => return Err("value is nil; should be of type string".into()),
                other => return Err(Fail::Text(format!("value has type {}; should be string", other.type_name()))),
            },
            Value::Struct(object) => return Err(Fail::Text(format!("can't index item of type {}", object.ty.name))),
            other => return Err(Fail::Text(format!("can't index item of type {}", other.type_name()))),
        };
    }
    Ok(item)
}

fn position(index: &Value, len: usize, kind: &str) -> Result<usize, Fail> {
    let at = match index {
        Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => *i,
        Value::Uint8(u) => i64::from(*u),
        Value::Uint64(u) => *u as i64,
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        other => return Err(Fail::Text(format!("cannot index slice/array with type {}", other.type_name()))),
    };
    match usize::try_from(at) {
        Ok(at) if at < len => Ok(at),
        // Go lets the length itself pass here and panics one step later.
        Ok(at) if at == len => Err(Fail::Text(format!("reflect: {kind} index out of range"))),
        _ => Err(Fail::Text(format!("index out of range: {at}"))),
    }
}

// escaping

fn html(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    for byte in input {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    out
}

/// Bytes that are no UTF-8 stay as they are.
fn js(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    for chunk in input.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\'' => out.extend_from_slice(b"\\'"),
                '"' => out.extend_from_slice(b"\\\""),
                c if !"<>&=".contains(c) && c >= ' ' && (c.is_ascii() || unicode::is_print(c)) => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}
