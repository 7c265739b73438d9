//! crypto

use super::FuncDef;

pub(super) static FUNCS: &[FuncDef] = &[];
