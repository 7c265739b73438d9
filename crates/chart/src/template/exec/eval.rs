//! Variables, pipelines, commands and constants.

use super::super::ast::{Arg, At, Command, Pipe};
use super::super::error::Error;
use super::super::trace::CONSTANT;
use super::super::value::Value;
use super::{Rv, State, call};

impl<'t> State<'t, '_, '_> {
    pub(super) fn set_var(&mut self, slot: Option<u32>, name: &str, value: Rv) -> Result<(), Error> {
        match slot {
            Some(slot) => {
                self.vars[slot as usize] = value;
                Ok(())
            }
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    pub(super) fn var(&self, slot: Option<u32>, name: &str) -> Result<&Rv, Error> {
        match slot {
            Some(slot) => Ok(&self.vars[slot as usize]),
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    // pipelines

    pub(super) fn pipeline(&mut self, dot: &Rv, pipe: &'t Pipe) -> Result<Rv, Error> {
        self.at = At::Pipe(pipe);
        let mut value: Option<Rv> = None;
        for command in &pipe.cmds {
            value = Some(self.command(dot, command, value)?.unboxed());
        }
        let value = value.unwrap_or_default();
        for decl in &pipe.decl {
            self.set_var(decl.slot, &decl.name, value.clone())?;
        }
        Ok(value)
    }

    pub(super) fn nested_pipeline(&mut self, dot: &Rv, pipe: &'t Pipe) -> Result<Rv, Error> {
        self.enter()?;
        let value = self.pipeline(dot, pipe)?;
        self.leave();
        Ok(value)
    }

    pub(super) fn command(&mut self, dot: &Rv, command: &'t Command, last: Option<Rv>) -> Result<Rv, Error> {
        let first = &command.args[0];
        match first {
            Arg::Field { names, .. } => {
                self.at = At::Arg(first);
                self.field_chain(dot, dot.clone(), At::Arg(first), names, &command.args[1..], last)
            }
            Arg::Chain { .. } => self.chain(dot, first, &command.args[1..], last),
            Arg::Func { def, .. } => {
                self.at = At::Arg(first);
                self.call(dot, call::Callee::Func(def), At::Command(command), &command.args[1..], last)
            }
            Arg::Pipe(pipe) => {
                self.no_arguments(command, &last)?;
                self.nested_pipeline(dot, pipe)
            }
            Arg::Var { .. } => self.variable(dot, first, &command.args[1..], last, Some(command)),
            other => {
                self.at = At::Arg(other);
                self.no_arguments(command, &last)?;
                match other {
                    Arg::Dot(_) => Ok(dot.clone()),
                    Arg::Nil(_) => Err(self.error("nil is not a command")),
                    constant => self.constant(constant),
                }
            }
        }
    }

    pub(super) fn no_arguments(&self, command: &Command, last: &Option<Rv>) -> Result<(), Error> {
        if command.args.len() > 1 || last.is_some() {
            let shown = self.parsed.context(At::Arg(&command.args[0]));
            return Err(self.error(format!("can't give argument to non-function {shown}")));
        }
        Ok(())
    }

    /// A literal on its own: the way it is written decides its type.
    pub(super) fn constant(&mut self, arg: &'t Arg) -> Result<Rv, Error> {
        self.at = At::Arg(arg);
        let value = match arg {
            Arg::Bool(_, value) => Value::Bool(*value),
            Arg::Text { value, .. } => Value::Str(value.clone()),
            Arg::Number(number) => {
                let text = &number.text;
                let lower = text.as_bytes();
                if text.ends_with('i') {
                    return Err(self.error(format!("complex constants are not supported: {text}")));
                }
                let hex = lower.len() > 2 && lower[0] == b'0' && matches!(lower[1], b'x' | b'X') && !text.contains(['p', 'P']);
                match (number.float, number.int) {
                    (Some(float), _) if !hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']) => Value::Float(float),
                    (_, Some(int)) => Value::Int(int),
                    _ => return Err(self.error(format!("{text} overflows int"))),
                }
            }
            _ => Value::Nil,
        };
        if let Some(trace) = &mut self.ctx.world.trace {
            trace.literal(&value);
        }
        Ok(Rv { origin: CONSTANT, ..Rv::plain(value) })
    }

    pub(super) fn chain(&mut self, dot: &Rv, arg: &'t Arg, args: &'t [Arg], last: Option<Rv>) -> Result<Rv, Error> {
        let Arg::Chain { base, names, .. } = arg else {
            return Ok(Rv::default());
        };
        self.at = At::Arg(arg);
        let receiver = match &**base {
            Arg::Nil(_) => {
                let shown = self.parsed.context(At::Arg(arg));
                return Err(self.error(format!("indirection through explicit nil in {shown}")));
            }
            Arg::Pipe(pipe) => {
                self.at = At::Arg(base);
                self.nested_pipeline(dot, pipe)?
            }
            Arg::Func { def, .. } => {
                self.at = At::Arg(base);
                let result = self.call(dot, call::Callee::Func(def), At::Arg(base), &[], None)?;
                // Without parentheses the result stays an interface, of which a nil one has no fields.
                Rv { iface: result.iface || result.v.is_nil(), ..result }
            }
            _ => Rv::default(),
        };
        self.field_chain(dot, receiver, At::Arg(arg), names, args, last)
    }

    pub(super) fn variable(
        &mut self,
        dot: &Rv,
        arg: &'t Arg,
        args: &'t [Arg],
        last: Option<Rv>,
        command: Option<&'t Command>,
    ) -> Result<Rv, Error> {
        let Arg::Var { name, slot, names, .. } = arg else {
            return Ok(Rv::default());
        };
        self.at = At::Arg(arg);
        let value = self.var(*slot, name)?.clone();
        if names.is_empty() {
            if let Some(command) = command {
                self.no_arguments(command, &last)?;
            }
            return Ok(value);
        }
        self.field_chain(dot, value, At::Arg(arg), names, args, last)
    }
}
