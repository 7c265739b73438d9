//! Pipelines: declarations, commands, operands and terms.

use super::super::ast::{Arg, At, Command, Decl, Parsed, Pipe};
use super::super::lex::Tok;
use super::super::value::Str;
use super::super::{funcs, number};
use super::{Error, ErrorKind, Location, MAX_OPERANDS, Parser, Result};
use crate::go::quote::quote;

impl<'s> Parser<'s> {
    pub(super) fn pipeline(&mut self, context: &str, end: Tok) -> Result<Pipe> {
        let pos = self.peek_non_space().start;
        let mut pipe = Pipe { pos, assign: false, decl: Vec::new(), cmds: Vec::new() };
        let declared = self.declarations(&mut pipe, context)?;
        let first = self.commands.len();
        loop {
            let item = self.next_non_space();
            match item.tok {
                tok if tok == end => break,
                Tok::Bool
                | Tok::CharConstant
                | Tok::Complex
                | Tok::Dot
                | Tok::Field
                | Tok::Identifier
                | Tok::Number
                | Tok::Nil
                | Tok::RawString
                | Tok::String
                | Tok::Variable
                | Tok::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    self.commands.push(command);
                }
                _ => return Err(self.unexpected(item, context)),
            }
        }
        pipe.cmds = self.commands.drain(first..).collect();
        if pipe.cmds.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (i, command) in pipe.cmds.iter().enumerate().skip(1) {
            if matches!(command.args[0], Arg::Bool(..) | Arg::Dot(_) | Arg::Nil(_) | Arg::Number(_) | Arg::Text { .. }) {
                return Err(self.error(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        // A declaration comes into reach after the pipeline that gives it its value.
        for (decl, var) in pipe.decl.iter_mut().zip(declared) {
            if !pipe.assign {
                let slot = self.scope.new_slot();
                self.scope.give(var, slot);
                decl.slot = Some(slot);
            }
        }
        Ok(pipe)
    }

    /// The declarations at the start of a pipeline; answers where their names stand among the seen ones.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<Vec<usize>> {
        let mut declared = Vec::new();
        loop {
            let var = self.peek_non_space();
            if var.tok != Tok::Variable {
                return Ok(declared);
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            let comma = next.tok == Tok::Char && self.slice(next) == ",";
            if matches!(next.tok, Tok::Assign | Tok::Declare) || comma {
                if !comma {
                    pipe.assign = next.tok == Tok::Assign;
                }
                self.next_non_space();
                let name = self.slice(var);
                let slot = self.scope.resolve(name);
                pipe.decl.push(Decl { name: name.into(), slot });
                declared.push(self.scope.declare(name));
                if !comma {
                    return Ok(declared);
                }
                if context == "range" && pipe.decl.len() < 2 {
                    match self.peek_non_space().tok {
                        Tok::Variable | Tok::RightDelim | Tok::RightParen => continue,
                        _ => return Err(self.error("range can only initialize variables")),
                    }
                }
                return Err(self.error(format!("too many declarations in {context}")));
            }
            if after.tok == Tok::Space {
                self.backup3(var, after);
            } else {
                self.backup2(var);
            }
            return Ok(declared);
        }
    }

    fn command(&mut self) -> Result<Command> {
        let mut command = Command { pos: self.peek_non_space().start, args: Vec::new() };
        let first = self.args.len();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.args.push(operand);
            }
            let item = self.next();
            match item.tok {
                Tok::Space => continue,
                Tok::RightDelim | Tok::RightParen => self.backup(),
                Tok::Pipe => {}
                _ => return Err(self.unexpected(item, "operand")),
            }
            break;
        }
        command.args = self.args.drain(first..).collect();
        if command.args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Arg>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.tok != Tok::Field {
            return Ok(Some(term));
        }
        let mut names = Vec::new();
        while self.peek().tok == Tok::Field {
            let item = self.next();
            names.push(Str::from(&self.slice(item)[1..]));
        }
        let pos = first.start;
        Ok(Some(match term {
            Arg::Field { names: before, .. } => Arg::Field { pos, names: before.into_vec().into_iter().chain(names).collect() },
            Arg::Var { name, slot, .. } => Arg::Var { pos, name, slot, names: names.into() },
            Arg::Bool(..) | Arg::Text { .. } | Arg::Number(_) | Arg::Nil(_) | Arg::Dot(_) => {
                let parsed = Parsed { name: self.name.clone(), text: self.text.into(), trees: Vec::new() };
                let shown = parsed.context(At::Arg(&term));
                return Err(self.error(format!("unexpected . after term {}", quote(&shown))));
            }
            base => Arg::Chain { pos, base: Box::new(base), names },
        }))
    }

    fn term(&mut self) -> Result<Option<Arg>> {
        let item = self.next_non_space();
        self.operands += 1;
        if self.operands > MAX_OPERANDS {
            let at = Location { file: self.name.clone(), line: item.line as usize, column: None };
            let text = format!("template: {}:{}: file has more than {MAX_OPERANDS} operands", self.name, item.line);
            return Err(Error::new(ErrorKind::Budget, text, Some(at)));
        }
        let pos = item.start;
        let text = self.slice(item);
        Ok(Some(match item.tok {
            Tok::Identifier => match funcs::find(text) {
                Some(def) => Arg::Func { pos, def },
                None => return Err(self.error(format!("function {} not defined", quote(text)))),
            },
            Tok::Dot => Arg::Dot(pos),
            Tok::Nil => Arg::Nil(pos),
            Tok::Variable => {
                if !self.scope.seen(text) {
                    return Err(self.error(format!("undefined variable {}", quote(text))));
                }
                Arg::Var { pos, name: text.into(), slot: self.scope.resolve(text), names: Box::default() }
            }
            Tok::Field => Arg::Field { pos, names: Box::new([text[1..].into()]) },
            Tok::Bool => Arg::Bool(pos, text == "true"),
            Tok::CharConstant | Tok::Complex | Tok::Number => {
                let number = number::parse(pos, text, item.tok).map_err(|message| self.error(message))?;
                Arg::Number(Box::new(number))
            }
            Tok::LeftParen => {
                self.enter()?;
                let pipe = self.pipeline("parenthesized pipeline", Tok::RightParen)?;
                self.depth -= 1;
                Arg::Pipe(Box::new(pipe))
            }
            Tok::String | Tok::RawString => {
                let value = self.unquote(item)?;
                Arg::Text { pos, quoted: (item.start, item.end), value }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }
}
