//! Fields, map entries and methods: `.a.b`.

use super::super::ast::{Arg, At};
use super::super::error::Error;
use super::super::methods;
use super::super::trace::CONSTANT;
use super::super::value::{ListType, MapType, Str, Value};
use super::call::Callee;
use super::{Rv, State};
use crate::go::quote::quote;

/// True where the values of a map are of an interface type.
pub(super) fn holds_interfaces(ty: MapType) -> bool {
    matches!(ty, MapType::Any | MapType::Values)
}

/// What a key that is not there gives: the zero value of the map's element type.
pub(crate) fn zero(ty: MapType) -> Value {
    match ty {
        MapType::Any | MapType::Values => Value::Nil,
        MapType::Strings => Value::str(""),
        MapType::Files => Value::nil_list(ListType::Bytes),
    }
}

impl<'t> State<'t, '_, '_> {
    pub(super) fn field_chain(
        &mut self,
        dot: &Rv,
        mut receiver: Rv,
        node: At<'t>,
        names: &'t [Str],
        args: &'t [Arg],
        last: Option<Rv>,
    ) -> Result<Rv, Error> {
        let Some((final_name, before)) = names.split_last() else {
            return Ok(receiver);
        };
        for name in before {
            receiver = self.field(dot, name, node, &[], None, receiver)?;
        }
        self.field(dot, final_name, node, args, last, receiver)
    }

    fn field(&mut self, dot: &Rv, name: &Str, node: At<'t>, args: &'t [Arg], last: Option<Rv>, receiver: Rv) -> Result<Rv, Error> {
        if receiver.v.is_nil() {
            if receiver.iface {
                return Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")));
            }
            if self.ctx.world.strict {
                return Err(self.error(format!("nil data; no entry for key {}", quote(name))));
            }
            return Ok(Rv::default());
        }
        if let Some(method) = methods::find(&receiver.v, name) {
            return self.call(dot, Callee::Method(method, receiver.v), node, args, last);
        }
        let has_args = !args.is_empty() || last.is_some();
        match &receiver.v {
            Value::Map(map) => {
                if has_args {
                    return Err(self.error(format!("{name} is not a method but has arguments")));
                }
                if let Some(value) = map.borrow().get(name) {
                    let origin = self.ctx.world.trace.as_mut().map_or(0, |trace| trace.entry(&receiver.v, name, value));
                    return Ok(Rv { v: value.clone(), iface: holds_interfaces(map.ty), addr: false, origin });
                }
                if self.ctx.world.strict {
                    return Err(self.error(format!("map has no entry for key {}", quote(name))));
                }
                return Ok(Rv { v: zero(map.ty), iface: holds_interfaces(map.ty), addr: false, origin: 0 });
            }
            Value::Struct(object) => {
                if let Some(value) = object.field(name) {
                    if has_args {
                        return Err(self.error(format!("{name} has arguments but cannot be invoked as function")));
                    }
                    return Ok(Rv { v: value.clone(), iface: false, addr: object.pointer || receiver.addr, origin: CONSTANT });
                }
            }
            _ => {}
        }
        Err(self.error(format!("can't evaluate field {name} in type {}", receiver.type_name())))
    }
}
