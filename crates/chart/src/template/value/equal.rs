//! Truth, emptiness and deep equality.

use std::rc::Rc;

use super::Value;

/// Nesting at which equality gives up: only cyclic or hostile values reach it.
const MAX_DEPTH: usize = 2_000;

/// What `if`, `and`, `or` and `not` take for true.
pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(b) => *b,
        Value::Int(i) | Value::Int64(i) | Value::Named(_, i) => *i != 0,
        Value::Uint8(u) => *u != 0,
        Value::Uint64(u) => *u != 0,
        Value::Float(f) => *f != 0.0,
        Value::Struct(_) | Value::Time(_) => true,
        other => other.len().is_some_and(|len| len > 0),
    }
}

/// What sprig's `default` and `empty` take for empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    !truth(value)
}

/// Go's `reflect.DeepEqual`: types must agree.
pub(crate) fn deep_equal(a: &Value, b: &Value) -> bool {
    equal_at(a, b, 0)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint8(a), Value::Uint8(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Named(ta, a), Value::Named(tb, b)) => ta == tb && a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Raw(a), Value::Raw(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.ty == b.ty
                && a.nil == b.nil
                && (Rc::ptr_eq(a, b)
                    || a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| equal_at(a, b, depth + 1)))
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.ty != b.ty || a.nil != b.nil {
                return false;
            }
            if a.same(b) {
                return true;
            }
            let (a, b) = (a.borrow(), b.borrow());
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((ka, va), (kb, vb))| ka == kb && equal_at(va, vb, depth + 1))
        }
        (Value::Struct(a), Value::Struct(b)) => {
            std::ptr::eq(a.ty, b.ty) && a.pointer == b.pointer && a.fields.iter().zip(&b.fields).all(|(a, b)| equal_at(a, b, depth + 1))
        }
        _ => false,
    }
}
