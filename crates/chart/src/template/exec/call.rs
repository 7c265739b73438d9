//! Calls of functions and methods: arguments evaluated and held against the parameter types.

use super::super::ast::{Arg, At};
use super::super::error::Error;
use super::super::funcs::{FuncDef, Special, Ty};
use super::super::methods::Method;
use super::super::trace::CONSTANT;
use super::super::value::{ListType, MapType, Value, truth};
use super::{Rv, State, weigh};

/// What is called.
pub(super) enum Callee {
    Func(&'static FuncDef),
    Method(&'static Method, Value),
}

impl Callee {
    fn signature(&self) -> (&'static str, &'static [Ty], Option<Ty>) {
        match self {
            Callee::Func(def) => (def.name, def.params, def.variadic),
            Callee::Method(method, _) => (method.name, method.params, method.variadic),
        }
    }
}

impl<'t> State<'t, '_, '_> {
    pub(super) fn call(&mut self, dot: &Rv, callee: Callee, node: At<'t>, args: &'t [Arg], last: Option<Rv>) -> Result<Rv, Error> {
        let (name, params, variadic) = callee.signature();
        let count = args.len() + usize::from(last.is_some());
        match variadic {
            Some(_) if count < params.len() => {
                let (want, got) = (params.len(), args.len());
                return Err(self.error(format!("wrong number of args for {name}: want at least {want} got {got}")));
            }
            None if count != params.len() => {
                return Err(self.error(format!("wrong number of args for {name}: want {} got {count}", params.len())));
            }
            _ => {}
        }
        let special = match &callee {
            Callee::Func(def) => def.special,
            Callee::Method(..) => Special::None,
        };
        match special {
            Special::None => {}
            Special::And => return self.short_circuit(dot, args, last, false),
            Special::Or => return self.short_circuit(dot, args, last, true),
            Special::Len => return self.length(dot, node, args, last),
            Special::Call => return self.call_value(dot, node, args, last),
            Special::Index if count == 1 => {
                let item = match (args, last) {
                    ([arg, ..], _) => self.reflect_argument(dot, arg)?,
                    ([], last) => last.unwrap_or_default(),
                };
                self.step()?;
                if item.v.is_nil() {
                    self.at = node;
                    return Err(self.error("error calling index: index of untyped nil"));
                }
                // Without an index it is the value itself, where it is: a struct that prints by its pointer still does.
                return Ok(Rv { iface: false, ..item });
            }
            Special::Index => {}
        }
        let ty = |i: usize| params.get(i).copied().or(variadic).unwrap_or(Ty::Any);
        let mut values = self.ctx.spare.pop().unwrap_or_default();
        // empty, and no allocation, unless origins are recorded
        let mut origins = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            let value = self.argument(dot, ty(i), arg)?;
            if let Some(trace) = &mut self.ctx.world.trace {
                origins.push(trace.origin(&value, trace.last));
            }
            values.push(value);
        }
        if let Some(last) = last {
            let value = self.validate(last, ty(args.len()))?;
            if let Some(trace) = &mut self.ctx.world.trace {
                origins.push(trace.origin(&value, trace.last));
            }
            values.push(value);
        }
        self.step()?;
        if let Some(trace) = &mut self.ctx.world.trace {
            trace.calling(node.pos(), origins.first().copied().unwrap_or(0));
        }
        let budget = &mut self.ctx.world.budget;
        let weighed = match &callee {
            Callee::Func(_) => weigh::arguments(budget, name, &values),
            Callee::Method(_, receiver) => weigh::receiver(budget, name, receiver).and_then(|()| weigh::arguments(budget, name, &values)),
        };
        let answer = weighed.and_then(|()| match &callee {
            Callee::Func(def) => (def.run)(self.ctx, &values),
            Callee::Method(method, receiver) => (method.run)(self.ctx, receiver, &values),
        });
        let answer = answer.and_then(|value| weigh::made(&mut self.ctx.world.budget, value));
        let origin = match (&mut self.ctx.world.trace, &answer) {
            (Some(trace), Ok(answer)) => {
                // a template that was called has had calls of its own
                trace.calling(node.pos(), origins.first().copied().unwrap_or(0));
                trace.answer(name, &values, &origins, answer)
            }
            _ => 0,
        };
        values.clear();
        self.ctx.spare.push(values);
        match answer {
            Ok(value) => Ok(Rv { origin, ..Rv::plain(value) }),
            Err(fail) => {
                self.at = node;
                Err(self.failed(&format!("error calling {name}: "), fail))
            }
        }
    }

    fn short_circuit(&mut self, dot: &Rv, args: &'t [Arg], last: Option<Rv>, stop_at: bool) -> Result<Rv, Error> {
        let mut value = Rv::default();
        for arg in args {
            value = self.reflect_argument(dot, arg)?;
            if truth(&value.v) == stop_at {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn length(&mut self, dot: &Rv, node: At<'t>, args: &'t [Arg], last: Option<Rv>) -> Result<Rv, Error> {
        let item = match (args, last) {
            ([arg, ..], _) => self.reflect_argument(dot, arg)?,
            ([], last) => last.unwrap_or_default(),
        };
        self.step()?;
        if let Some(len) = item.v.len() {
            return Ok(Rv::plain(Value::Int(len as i64)));
        }
        self.at = node;
        Err(self.error(match &item.v {
            Value::Nil if item.iface => "error calling len: len of nil pointer".to_owned(),
            Value::Nil => "error calling len: reflect: call of reflect.Value.Type on zero Value".to_owned(),
            Value::Struct(object) => format!("error calling len: len of type {}", object.ty.name),
            other => format!("error calling len: len of type {}", other.type_name()),
        }))
    }

    /// `call`: no value of a chart is a function, so this ends with Go's words for that.
    fn call_value(&mut self, dot: &Rv, node: At<'t>, args: &'t [Arg], last: Option<Rv>) -> Result<Rv, Error> {
        let shown = args.first().map(|arg| self.parsed.context(At::Arg(arg)));
        let mut first = None;
        for arg in args {
            let value = self.reflect_argument(dot, arg)?;
            first.get_or_insert(value);
        }
        let function = first.or(last).unwrap_or_default();
        // What comes through a pipe is shown as reflection prints it.
        let shown = shown.unwrap_or_else(|| match function.v.string_bytes() {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => format!("<{} Value>", function.v.type_name()),
        });
        self.at = node;
        Err(self.error(match &function.v {
            Value::Nil => "error calling call: call of nil".to_owned(),
            other => format!("error calling call: non-function {shown} of type {}", other.type_name()),
        }))
    }

    /// An argument whose interface is to be kept, for builtins that look at it themselves.
    fn reflect_argument(&mut self, dot: &Rv, arg: &'t Arg) -> Result<Rv, Error> {
        self.at = At::Arg(arg);
        match arg {
            Arg::Dot(_) => Ok(dot.clone()),
            Arg::Nil(_) => Ok(Rv::default()),
            other => self.operand(dot, other),
        }
    }

    /// An operand in argument position, of whatever type it has.
    fn operand(&mut self, dot: &Rv, arg: &'t Arg) -> Result<Rv, Error> {
        self.at = At::Arg(arg);
        match arg {
            Arg::Dot(_) => Ok(dot.clone()),
            Arg::Field { names, .. } => self.field_chain(dot, dot.clone(), At::Arg(arg), names, &[], None),
            Arg::Var { .. } => self.variable(dot, arg, &[], None, None),
            Arg::Pipe(pipe) => self.nested_pipeline(dot, pipe),
            Arg::Func { def, .. } => self.call(dot, Callee::Func(def), At::Arg(arg), &[], None),
            Arg::Chain { .. } => self.chain(dot, arg, &[], None),
            constant => self.constant(constant),
        }
    }

    fn argument(&mut self, dot: &Rv, ty: Ty, arg: &'t Arg) -> Result<Value, Error> {
        self.at = At::Arg(arg);
        match arg {
            Arg::Nil(_) => match ty.zero() {
                Some(zero) => {
                    if let Some(trace) = &mut self.ctx.world.trace {
                        trace.last = CONSTANT;
                    }
                    Ok(zero)
                }
                None => Err(self.error(format!("cannot assign nil to {}", ty.go_name()))),
            },
            Arg::Bool(..) | Arg::Number(_) | Arg::Text { .. } => {
                let value = self.literal(ty, arg)?;
                if let Some(trace) = &mut self.ctx.world.trace {
                    trace.literal(&value);
                }
                Ok(value)
            }
            operand => {
                let value = self.operand(dot, operand)?;
                self.validate(value, ty)
            }
        }
    }

    /// A literal as an argument: the parameter decides how it is read.
    fn literal(&mut self, ty: Ty, arg: &'t Arg) -> Result<Value, Error> {
        let found = match (ty, arg) {
            (Ty::Any, _) => return self.constant(arg).map(|rv| rv.v),
            (Ty::Str, Arg::Text { value, .. }) => return Ok(Value::Str(value.clone())),
            (Ty::Bool, Arg::Bool(_, value)) => return Ok(Value::Bool(*value)),
            (Ty::Int | Ty::Float | Ty::Uint32, Arg::Number(number)) => match ty {
                Ty::Int => number.int.map(Value::Int),
                Ty::Uint32 => number.uint.map(|u| Value::Uint64(u & 0xffff_ffff)),
                _ => number.float.map(Value::Float),
            },
            _ => None,
        };
        if let Some(value) = found {
            return Ok(value);
        }
        let shown = self.parsed.context(At::Arg(arg));
        Err(self.error(match ty {
            Ty::Str => format!("expected string; found {shown}"),
            Ty::Bool => format!("expected bool; found {shown}"),
            Ty::Int => format!("expected integer; found {shown}"),
            Ty::Uint32 => format!("expected unsigned integer; found {shown}"),
            Ty::Float => format!("expected float; found {shown}"),
            other => format!("can't handle {shown} for arg of type {}", other.go_name()),
        }))
    }

    /// Go's `validateType`: the value must be assignable to the parameter.
    fn validate(&mut self, value: Rv, ty: Ty) -> Result<Value, Error> {
        if let Some(trace) = &mut self.ctx.world.trace {
            trace.last = value.origin;
        }
        if value.v.is_nil() {
            return match ty.zero() {
                Some(zero) if !value.iface || ty == Ty::Any => Ok(zero),
                None if !value.iface => Err(self.error(format!("invalid value; expected {}", ty.go_name()))),
                _ => Err(self.error(format!("wrong type for value; expected {}; got interface {{}}", ty.go_name()))),
            };
        }
        if ty.takes(&value.v) {
            // A named map type is converted by being assigned.
            return Ok(if ty == Ty::Map { value.v.retyped(MapType::Any) } else { value.v });
        }
        Err(self.error(format!("wrong type for value; expected {}; got {}", ty.go_name(), value.v.type_name())))
    }
}

impl Ty {
    /// The zero value, of the types that nil is a value of.
    fn zero(self) -> Option<Value> {
        match self {
            Ty::Any => Some(Value::Nil),
            Ty::Map => Some(Value::nil_map(MapType::Any)),
            Ty::List => Some(Value::nil_list(ListType::Any)),
            _ => None,
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Ty::Any => true,
            Ty::Str => matches!(value, Value::Str(_) | Value::Raw(_)),
            Ty::Bool => matches!(value, Value::Bool(_)),
            Ty::Int => matches!(value, Value::Int(_)),
            Ty::Uint32 => false,
            Ty::Float => matches!(value, Value::Float(_)),
            Ty::Map => matches!(value, Value::Map(map) if matches!(map.ty, MapType::Any | MapType::Values)),
            Ty::List => matches!(value, Value::List(list) if list.ty == ListType::Any),
            Ty::Time => matches!(value, Value::Time(_)),
            Ty::Cert => matches!(value, Value::Struct(object) if object.ty.name == Ty::Cert.go_name()),
        }
    }

    fn go_name(self) -> &'static str {
        match self {
            Ty::Any => "interface {}",
            Ty::Str => "string",
            Ty::Bool => "bool",
            Ty::Int => "int",
            Ty::Uint32 => "uint32",
            Ty::Float => "float64",
            Ty::Map => "map[string]interface {}",
            Ty::List => "[]interface {}",
            Ty::Time => "time.Time",
            Ty::Cert => "sprig.certificate",
        }
    }
}
