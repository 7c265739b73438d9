//! Values as Go's fmt prints them with `%v`, and `print` and `println`.

use super::printf::Printer;
use super::value::{ListType, Value};
use crate::go::unicode;

/// Appends what `{{ value }}` writes: a pointer stands for what it points to, and an addressable struct prints by its
/// pointer's String method.
pub(crate) fn action(value: &Value, addressable: bool, out: &mut Vec<u8>) {
    match value {
        Value::Struct(object) if object.pointer || addressable => match object.ty.prints_as.and_then(|at| object.fields.get(at)) {
            Some(text) => Printer::new(out).value(text),
            None => Printer::new(out).pointed_to(object),
        },
        other => Printer::new(out).value(other),
    }
}

/// `fmt.Sprint` of one value.
pub(crate) fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    Printer::new(&mut out).value(value);
    out
}

/// `fmt.Sprint` of one value, with bytes that are not UTF-8 replaced.
pub(crate) fn to_string(value: &Value) -> String {
    lossy(to_bytes(value))
}

/// `print`: a space only between two operands of which neither is a string.
pub(crate) fn sprint(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut after_string = false;
    for (i, arg) in args.iter().enumerate() {
        let string = arg.string_bytes().is_some();
        if i > 0 && !string && !after_string {
            out.push(b' ');
        }
        Printer::new(&mut out).value(arg);
        after_string = string;
    }
    out
}

/// `println`: spaces between all operands, and a newline.
pub(crate) fn sprintln(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        Printer::new(&mut out).value(arg);
    }
    out.push(b'\n');
    out
}

/// sprig's `toString`: strings and bytes as they are, everything else by `%v`.
pub(crate) fn strval(value: &Value) -> Value {
    match value {
        Value::Str(_) | Value::Raw(_) => value.clone(),
        Value::Bytes(bytes) => Value::bytes_as_string(bytes.to_vec()),
        Value::List(list) if list.ty == ListType::Bytes => Value::str(""),
        other => Value::bytes_as_string(to_bytes(other)),
    }
}

/// The text of [`strval`], with bytes that are not UTF-8 replaced.
pub(crate) fn strval_text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::List(list) if list.ty == ListType::Bytes => String::new(),
        other => to_string(other),
    }
}

pub(crate) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
}

/// `%#U`: the code point, and the character where it prints.
pub(crate) fn unicode_point(c: char) -> String {
    let code = u32::from(c);
    if unicode::is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}
