//! Defaults and emptiness.

use super::{FuncDef, Items, Ty, func, many, slice};
use crate::template::value::{Value, is_empty};

use Ty::{Any, Bool};

pub(super) static FUNCS: &[FuncDef] = &[
    many("default", &[Any], Any, |_, args| {
        Ok(match args.get(1) {
            Some(given) if !is_empty(given) => given.clone(),
            _ => args[0].clone(),
        })
    }),
    func("empty", &[Any], |_, args| Ok(Value::Bool(is_empty(&args[0])))),
    many("coalesce", &[], Any, |_, args| Ok(args.iter().find(|arg| !is_empty(arg)).cloned().unwrap_or_default())),
    many("all", &[], Any, |_, args| Ok(Value::Bool(!args.iter().any(is_empty)))),
    many("any", &[], Any, |_, args| Ok(Value::Bool(args.iter().any(|arg| !is_empty(arg))))),
    func("compact", &[Any], |_, args| compact(&args[0])),
    func("mustCompact", &[Any], |_, args| compact(&args[0])),
    func("ternary", &[Any, Any, Bool], |_, args| Ok(if matches!(args[2], Value::Bool(true)) { args[0].clone() } else { args[1].clone() })),
];

fn compact(list: &Value) -> super::Answer {
    let items: Items = slice(list, "Cannot compact on type")?;
    Ok(Value::list(items.iter().filter(|item| !is_empty(item)).cloned().collect()))
}
