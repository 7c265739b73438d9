//! Types and kinds.

use super::{FuncDef, Ty, func, text};
use crate::template::value::{Value, deep_equal};

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("typeOf", &[Any], |_, args| Ok(Value::from(args[0].type_name()))),
    func("typeIs", &[Str, Any], |_, args| Ok(Value::Bool(*text(&args[0]) == args[1].type_name()))),
    func("typeIsLike", &[Str, Any], |_, args| {
        let (target, name) = (text(&args[0]), args[1].type_name());
        Ok(Value::Bool(*target == name || name.strip_prefix('*') == Some(&*target)))
    }),
    func("kindOf", &[Any], |_, args| Ok(Value::str(args[0].kind_name()))),
    func("kindIs", &[Str, Any], |_, args| Ok(Value::Bool(*text(&args[0]) == *args[1].kind_name()))),
    func("deepEqual", &[Any, Any], |_, args| Ok(Value::Bool(deep_equal(&args[0], &args[1])))),
];
