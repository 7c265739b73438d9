//! dates

use super::FuncDef;
use crate::template::methods::Method;

pub(super) static FUNCS: &[FuncDef] = &[];

pub(crate) static TIME_METHODS: &[Method] = &[];
pub(crate) static NAMED_METHODS: &[Method] = &[];
