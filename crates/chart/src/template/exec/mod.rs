//! The executor: walks a parsed template with Go's semantics.
//!
//! Go tells an interface that holds a value from the value itself; templates notice where they ask for a field of
//! nil and in the texts of errors. [`Rv`] carries that difference.

mod call;
mod eval;
mod field;
mod weigh;

pub(crate) use field::zero;

use std::collections::HashMap;
use std::sync::Arc;

use super::ast::{At, Branch, Call, List, Node, Parsed, Tree};
use super::error::{Error, ErrorKind, Fail};
use super::print;
use super::printf::Printer;
use super::set::{Def, TemplateSet};
use super::trace::{CONSTANT, Origin, Step};
use super::value::{Str, Value, truth};
use super::world::World;
use crate::go::quote::quote;

/// The depth at which Go's own executor stops a template that calls itself. The budget's depth stops it before.
const GO_MAX_DEPTH: u32 = 100_000;

/// Text at which an error stops growing with each level that it passes: each copies it, and thousands may be nested.
pub(crate) const MAX_ERROR: usize = 512 << 10;

/// A value as the executor holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rv {
    pub(crate) v: Value,
    /// The value sits in an interface: an element of a map or list of anything, not yet taken out of it.
    pub(crate) iface: bool,
    /// The value is part of something behind a pointer, and so prints by the methods of its own pointer.
    pub(crate) addr: bool,
    /// Where the value comes from, if that is recorded.
    pub(crate) origin: Origin,
}

impl Rv {
    pub(crate) fn plain(v: Value) -> Rv {
        Rv { v, iface: false, addr: false, origin: 0 }
    }

    fn unboxed(mut self) -> Rv {
        self.iface = false;
        self
    }

    fn type_name(&self) -> String {
        if self.iface { "interface {}".to_owned() } else { self.v.type_name() }
    }
}

/// What functions reach of the running render.
pub(crate) struct Ctx<'a> {
    pub(crate) set: &'a TemplateSet,
    pub(crate) world: &'a mut World,
    /// Templates defined by the texts of running `tpl` calls, innermost last.
    scopes: Vec<HashMap<Str, Def>>,
    /// Argument lists to be used again.
    spare: Vec<Vec<Value>>,
}

impl<'a> Ctx<'a> {
    pub(crate) fn new(set: &'a TemplateSet, world: &'a mut World) -> Ctx<'a> {
        Ctx { set, world, scopes: Vec::new(), spare: Vec::new() }
    }

    fn template(&self, name: &str) -> Option<Def> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).or_else(|| self.set.get(name)).cloned()
    }

    /// `ExecuteTemplate`: runs a template of this name into `out`.
    pub(crate) fn execute_named(&mut self, name: &str, data: Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(def) = self.template(name) else {
            let text = format!("template: no template {} associated with template \"gotpl\"", quote(name));
            return Err(Error::new(ErrorKind::NoTemplate, text, None));
        };
        self.execute(&def, Rv::plain(data), out, false)
    }

    fn execute(&mut self, def: &Def, data: Rv, out: &mut Vec<u8>, is_text: bool) -> Result<(), Error> {
        let tree = def.tree();
        let before = self.world.trace.as_mut().map(|trace| trace.enter(&def.parsed, is_text, true));
        let mut state =
            State { parsed: &def.parsed, tree, at: At::List(&tree.root), vars: vec![Rv::default(); tree.slots], calls: 0, ctx: self, out };
        state.vars[0] = data.clone();
        state.list(&data, &tree.root)?;
        if let (Some(before), Some(trace)) = (before, &mut self.world.trace) {
            trace.leave(before, true);
        }
        Ok(())
    }

    /// Runs the text of a `tpl` call: its own definitions are in reach of it and of what it calls, and only then.
    pub(crate) fn execute_text(&mut self, parsed: &Arc<Parsed>, data: Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let main = parsed.trees.len() - 1;
        let own = main > 0;
        if own {
            let mut scope = HashMap::new();
            for (i, tree) in parsed.trees[..main].iter().enumerate() {
                if !tree.empty || self.template(&tree.name).is_none() {
                    scope.insert(tree.name.clone(), Def { parsed: parsed.clone(), tree: i });
                }
            }
            self.scopes.push(scope);
        }
        let done = self.execute(&Def { parsed: parsed.clone(), tree: main }, Rv::plain(data), out, true);
        if own {
            self.scopes.pop();
        }
        done
    }
}

/// How a walk of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// The execution of one template.
pub(crate) struct State<'t, 'c, 'a> {
    parsed: &'t Parsed,
    tree: &'t Tree,
    /// The node that execution is at, which errors name.
    at: At<'t>,
    vars: Vec<Rv>,
    calls: u32,
    pub(crate) ctx: &'c mut Ctx<'a>,
    out: &'c mut Vec<u8>,
}

impl<'t> State<'t, '_, '_> {
    pub(crate) fn error(&self, message: impl AsRef<str>) -> Error {
        self.error_of(ErrorKind::Exec, message.as_ref())
    }

    fn error_of(&self, kind: ErrorKind, message: &str) -> Error {
        let location = self.parsed.location(self.at.pos());
        let context = self.parsed.context(self.at);
        let text = format!("template: {location}: executing {} at <{context}>: {message}", quote(&self.tree.name));
        Error::new(kind, text, Some(location))
    }

    /// The error of something that failed at this node, with words before its own text.
    fn failed(&self, before: &str, fail: Fail) -> Error {
        let long = matches!(&fail, Fail::Inner(inner, _) if inner.text().len() > MAX_ERROR);
        let text = if long { String::new() } else { format!("{before}{}", fail.text()) };
        match fail {
            Fail::Text(_) => self.error(text),
            Fail::Marked(_) => self.error_of(ErrorKind::Failed, &text),
            Fail::Budget(_) => self.error_of(ErrorKind::Budget, &text),
            Fail::Inner(inner, _) if inner.text().len() > MAX_ERROR => inner.seen_from(self.parsed.location(self.at.pos())),
            Fail::Inner(inner, _) => {
                let here = self.error(&text);
                let location = self.parsed.location(self.at.pos());
                inner.wrap(here.text().to_owned(), location)
            }
        }
    }

    fn step(&mut self) -> Result<(), Error> {
        self.ctx.world.budget.step().map_err(|fail| self.failed("", fail))
    }

    fn enter(&mut self) -> Result<(), Error> {
        self.ctx.world.budget.enter().map_err(|fail| self.failed("", fail))
    }

    fn leave(&mut self) {
        self.ctx.world.budget.leave();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.ctx.world.budget.bytes(bytes.len()).map_err(|fail| self.failed("", fail))?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn list(&mut self, dot: &Rv, list: &'t List) -> Result<Flow, Error> {
        self.at = At::List(list);
        for node in &list.nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Rv, node: &'t Node) -> Result<Flow, Error> {
        match node {
            Node::Text { start, end } => {
                let text = &self.parsed.text.as_bytes()[*start as usize..*end as usize];
                self.at = At::Node(node);
                self.write(text)?;
                if let Some(trace) = &mut self.ctx.world.trace {
                    trace.text(*start, *end);
                }
            }
            Node::Action(pipe) => {
                self.at = At::Node(node);
                self.step()?;
                let value = self.pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.at = At::Node(node);
                    self.print(&value)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false),
            Node::With(branch) => return self.branch(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch, node),
            Node::Template(call) => self.call_template(dot, call)?,
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Rv) -> Result<(), Error> {
        let before = self.out.len();
        self.write_value(value)?;
        if let Some(trace) = &mut self.ctx.world.trace {
            trace.print(&value.v, value.origin, self.at.pos(), self.out.len() - before);
        }
        Ok(())
    }

    fn write_value(&mut self, value: &Rv) -> Result<(), Error> {
        match &value.v {
            Value::Nil => self.write(b"<no value>"),
            Value::Str(text) => self.write(text.as_bytes()),
            other => {
                weigh::value(&mut self.ctx.world.budget, other).map_err(|fail| self.failed("", fail))?;
                let before = self.out.len();
                print::action(other, value.addr, self.out);
                let written = self.out.len() - before;
                self.ctx.world.budget.bytes(written).map_err(|fail| self.failed("", fail))
            }
        }
    }

    fn branch(&mut self, dot: &Rv, branch: &'t Branch, with: bool) -> Result<Flow, Error> {
        self.enter()?;
        self.step()?;
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if truth(&value.v) {
            self.list(if with { &value } else { dot }, &branch.list)
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)
        } else {
            Ok(Flow::Next)
        };
        self.leave();
        flow
    }

    fn range(&mut self, dot: &Rv, branch: &'t Branch, node: &'t Node) -> Result<Flow, Error> {
        self.at = At::Node(node);
        self.enter()?;
        let value = self.pipeline(dot, &branch.pipe)?.v;
        let decls = branch.pipe.decl.len();
        let mut ran = false;
        match &value {
            Value::Int(_) | Value::Int64(_) | Value::Uint8(_) | Value::Uint64(_) | Value::Named(..) => {
                if decls > 1 {
                    let shown = print::to_string(&value);
                    return Err(self.error(format!("can't use {shown} to iterate over more than one variable")));
                }
                let (count, of): (i64, fn(i64) -> Value) = match &value {
                    Value::Int(n) => (*n, Value::Int),
                    Value::Int64(n) | Value::Named(_, n) => (*n, Value::Int64),
                    Value::Uint8(n) => (i64::from(*n), |i| Value::Uint8(i as u8)),
                    Value::Uint64(n) => (i64::try_from(*n).unwrap_or(i64::MAX), |i| Value::Uint64(i as u64)),
                    _ => (0, Value::Int),
                };
                let budget = u64::try_from(count).unwrap_or(0);
                self.ctx.world.budget.items(budget).map_err(|fail| self.failed("", fail))?;
                for i in 0..count {
                    ran = true;
                    if self.iteration(branch, Rv::default(), Rv { origin: CONSTANT, ..Rv::plain(of(i)) })? == Flow::Break {
                        break;
                    }
                }
            }
            Value::List(list) => {
                let boxed = list.ty.holds_interfaces();
                for (i, item) in list.items.iter().enumerate() {
                    ran = true;
                    let origin = self.ctx.world.trace.as_mut().map_or(0, |trace| trace.part(&value, Step::Index(i), item));
                    let item = Rv { v: item.clone(), iface: boxed, addr: false, origin };
                    if self.iteration(branch, Rv { origin: CONSTANT, ..Rv::plain(Value::Int(i as i64)) }, item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (i, byte) in bytes.iter().enumerate() {
                    ran = true;
                    if self.iteration(branch, Rv::plain(Value::Int(i as i64)), Rv::plain(Value::Uint8(*byte)))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let boxed = field::holds_interfaces(map.ty);
                self.ctx.world.budget.steps(map.len() / 8).map_err(|fail| self.failed("", fail))?;
                let entries: Vec<_> = map.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                for (key, element) in entries {
                    ran = true;
                    let trace = self.ctx.world.trace.as_mut();
                    let (of_key, origin) = trace.map_or((0, 0), |trace| (trace.key(&value, &key), trace.entry(&value, &key, &element)));
                    let key = Rv { origin: of_key, ..Rv::plain(Value::Str(key)) };
                    if self.iteration(branch, key, Rv { v: element, iface: boxed, addr: false, origin })? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => {
                let mut shown = Vec::new();
                match other {
                    // What a pointer points to, where only the pointer would print as a text.
                    Value::Struct(object) if object.pointer && object.ty.json_as.is_none() => Printer::new(&mut shown).pointed_to(object),
                    other => Printer::new(&mut shown).value(other),
                }
                let shown = print::lossy(shown);
                return Err(self.error(format!("range can't iterate over {shown}")));
            }
        }
        let flow = match &branch.otherwise {
            Some(otherwise) if !ran => self.list(dot, otherwise)?,
            _ => Flow::Next,
        };
        self.leave();
        Ok(flow)
    }

    fn iteration(&mut self, branch: &'t Branch, index: Rv, element: Rv) -> Result<Flow, Error> {
        self.step()?;
        let decl = &branch.pipe.decl;
        match decl.len() {
            0 => {}
            1 => self.set_var(decl[0].slot, &decl[0].name, element.clone())?,
            _ => {
                self.set_var(decl[0].slot, &decl[0].name, index)?;
                self.set_var(decl[1].slot, &decl[1].name, element.clone())?;
            }
        }
        self.list(&element, &branch.list)
    }

    fn call_template(&mut self, dot: &Rv, call: &'t Call) -> Result<(), Error> {
        self.at = At::Call(call);
        self.step()?;
        let Some(def) = self.ctx.template(&call.name) else {
            return Err(self.error(format!("template {} not defined", quote(&call.name))));
        };
        if self.calls == GO_MAX_DEPTH {
            return Err(self.error(format!("exceeded maximum template depth ({GO_MAX_DEPTH})")));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Rv::default(),
        };
        if self.ctx.world.budget.enter().is_err() {
            self.at = At::Call(call);
            let depth = self.ctx.world.budget.limits().depth;
            return Err(self.error_of(ErrorKind::Budget, &format!("exceeded maximum template depth ({depth})")));
        }
        let tree = def.tree();
        let before = self.ctx.world.trace.as_mut().map(|trace| {
            trace.calling(call.pos, 0);
            trace.enter(&def.parsed, false, false)
        });
        let mut inner = State {
            parsed: &def.parsed,
            tree,
            at: At::List(&tree.root),
            vars: vec![Rv::default(); tree.slots],
            calls: self.calls + 1,
            ctx: &mut *self.ctx,
            out: &mut *self.out,
        };
        inner.vars[0] = dot.clone();
        inner.list(&dot, &tree.root)?;
        if let (Some(before), Some(trace)) = (before, &mut self.ctx.world.trace) {
            trace.leave(before, false);
        }
        self.leave();
        Ok(())
    }
}

/// Whether a map that this value is stored in could come to contain itself.
pub(crate) fn may_cycle(value: &Value) -> bool {
    matches!(value, Value::Map(_) | Value::List(_) | Value::Struct(_))
}
