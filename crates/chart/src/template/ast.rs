//! The parsed template: immutable, shareable between threads, with byte positions on every node.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::error::Location;
use super::funcs::FuncDef;
use super::value::Str;
use crate::go::quote::quote;

/// One parsed template file: its own body and the templates that it defines. What Go's `parse.Parse` (text/template/parse/parse.go)
/// answers.
pub struct Parsed {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
    /// The defined templates, in order of definition, the body of the file last.
    pub(crate) trees: Vec<Tree>,
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parsed({}: {:?})", self.name, self.defines().collect::<Vec<_>>())
    }
}

/// One template: a name and a body.
pub(crate) struct Tree {
    pub(crate) name: Arc<str>,
    pub(crate) root: List,
    /// Variables that its execution needs room for, `$` included.
    pub(crate) slots: usize,
    /// Nothing but space and comments.
    pub(crate) empty: bool,
}

/// A sequence of nodes.
#[derive(Default)]
pub(crate) struct List {
    pub(crate) pos: u32,
    pub(crate) nodes: Vec<Node>,
}

/// An element of a body.
pub(crate) enum Node {
    Text { start: u32, end: u32 },
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<Call>),
    Break(u32),
    Continue(u32),
}

/// The common form of `if`, `with` and `range`.
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) otherwise: Option<List>,
}

/// `{{template "name" pipeline}}`
pub(crate) struct Call {
    pub(crate) pos: u32,
    pub(crate) name: Arc<str>,
    pub(crate) pipe: Option<Pipe>,
}

/// A pipeline with its declarations.
pub(crate) struct Pipe {
    pub(crate) pos: u32,
    pub(crate) assign: bool,
    pub(crate) decl: Vec<Decl>,
    pub(crate) cmds: Vec<Command>,
}

/// A declared or assigned variable.
pub(crate) struct Decl {
    pub(crate) name: Str,
    /// None where nothing of that name is in reach: an error when executed.
    pub(crate) slot: Option<u32>,
}

/// One stage of a pipeline.
pub(crate) struct Command {
    pub(crate) pos: u32,
    pub(crate) args: Vec<Arg>,
}

/// An operand.
pub(crate) enum Arg {
    Field { pos: u32, names: Box<[Str]> },
    Chain { pos: u32, base: Box<Arg>, names: Vec<Str> },
    Func { pos: u32, def: &'static FuncDef },
    Pipe(Box<Pipe>),
    Var { pos: u32, name: Str, slot: Option<u32>, names: Box<[Str]> },
    Dot(u32),
    Nil(u32),
    Bool(u32, bool),
    Number(Box<Number>),
    Text { pos: u32, quoted: (u32, u32), value: Str },
}

/// A number under every type that can hold it.
pub(crate) struct Number {
    pub(crate) pos: u32,
    pub(crate) text: Str,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
}

/// A node that execution is at, for error texts.
#[derive(Clone, Copy)]
pub(crate) enum At<'t> {
    List(&'t List),
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Arg(&'t Arg),
    Call(&'t Call),
}

impl Parsed {
    /// The name under which the file was parsed.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The names of the templates that the file defines, its own name last.
    pub fn defines(&self) -> impl Iterator<Item = &str> {
        self.trees.iter().map(|tree| &*tree.name)
    }

    /// Where a byte position is.
    pub(crate) fn location(&self, pos: u32) -> Location {
        let before = &self.text.as_bytes()[..(pos as usize).min(self.text.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        Location { file: self.name.clone(), line, column: Some(before.len() - line_start) }
    }

    /// The source form of a node, as Go prints it.
    pub(crate) fn context(&self, at: At<'_>) -> String {
        let mut out = String::new();
        let mut writer = Writer { parsed: self, out: &mut out };
        // writing into a String does not fail
        let _ = writer.at(at);
        out
    }
}

impl Arg {
    pub(crate) fn pos(&self) -> u32 {
        match self {
            Arg::Field { pos, .. } | Arg::Chain { pos, .. } | Arg::Func { pos, .. } => *pos,
            Arg::Var { pos, .. } | Arg::Text { pos, .. } => *pos,
            Arg::Dot(pos) | Arg::Nil(pos) | Arg::Bool(pos, _) => *pos,
            Arg::Pipe(pipe) => pipe.pos,
            Arg::Number(number) => number.pos,
        }
    }
}

impl At<'_> {
    pub(crate) fn pos(self) -> u32 {
        match self {
            At::List(list) => list.pos,
            At::Node(node) => match node {
                Node::Text { start, .. } => *start,
                Node::Action(pipe) => pipe.pos,
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => branch.pipe.pos,
                Node::Template(call) => call.pos,
                Node::Break(pos) | Node::Continue(pos) => *pos,
            },
            At::Pipe(pipe) => pipe.pos,
            At::Command(command) => command.pos,
            At::Arg(arg) => arg.pos(),
            At::Call(call) => call.pos,
        }
    }
}

struct Writer<'a> {
    parsed: &'a Parsed,
    out: &'a mut String,
}

impl Writer<'_> {
    fn at(&mut self, at: At<'_>) -> fmt::Result {
        match at {
            At::List(list) => self.list(list),
            At::Node(node) => self.node(node),
            At::Pipe(pipe) => self.pipe(pipe),
            At::Command(command) => self.command(command),
            At::Arg(arg) => self.arg(arg),
            At::Call(call) => self.call(call),
        }
    }

    fn list(&mut self, list: &List) -> fmt::Result {
        list.nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> fmt::Result {
        match node {
            Node::Text { start, end } => self.out.write_str(&self.parsed.text[*start as usize..*end as usize]),
            Node::Action(pipe) => {
                self.out.write_str("{{")?;
                self.pipe(pipe)?;
                self.out.write_str("}}")
            }
            Node::If(branch) => self.branch("if", branch),
            Node::With(branch) => self.branch("with", branch),
            Node::Range(branch) => self.branch("range", branch),
            Node::Template(call) => self.call(call),
            Node::Break(_) => self.out.write_str("{{break}}"),
            Node::Continue(_) => self.out.write_str("{{continue}}"),
        }
    }

    fn branch(&mut self, word: &str, branch: &Branch) -> fmt::Result {
        write!(self.out, "{{{{{word} ")?;
        self.pipe(&branch.pipe)?;
        self.out.write_str("}}")?;
        self.list(&branch.list)?;
        if let Some(otherwise) = &branch.otherwise {
            self.out.write_str("{{else}}")?;
            self.list(otherwise)?;
        }
        self.out.write_str("{{end}}")
    }

    fn call(&mut self, call: &Call) -> fmt::Result {
        write!(self.out, "{{{{template {}", quote(&call.name))?;
        if let Some(pipe) = &call.pipe {
            self.out.write_char(' ')?;
            self.pipe(pipe)?;
        }
        self.out.write_str("}}")
    }

    fn pipe(&mut self, pipe: &Pipe) -> fmt::Result {
        for (i, decl) in pipe.decl.iter().enumerate() {
            self.out.write_str(if i > 0 { ", " } else { "" })?;
            self.out.write_str(&decl.name)?;
        }
        if !pipe.decl.is_empty() {
            self.out.write_str(if pipe.assign { " = " } else { " := " })?;
        }
        for (i, command) in pipe.cmds.iter().enumerate() {
            self.out.write_str(if i > 0 { " | " } else { "" })?;
            self.command(command)?;
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> fmt::Result {
        for (i, arg) in command.args.iter().enumerate() {
            self.out.write_str(if i > 0 { " " } else { "" })?;
            self.operand(arg)?;
        }
        Ok(())
    }

    /// An operand within a command or chain: a pipeline stands in parentheses there.
    fn operand(&mut self, arg: &Arg) -> fmt::Result {
        match arg {
            Arg::Pipe(pipe) => {
                self.out.write_char('(')?;
                self.pipe(pipe)?;
                self.out.write_char(')')
            }
            other => self.arg(other),
        }
    }

    fn arg(&mut self, arg: &Arg) -> fmt::Result {
        match arg {
            Arg::Field { names, .. } => self.names(names),
            Arg::Chain { base, names, .. } => {
                self.operand(base)?;
                self.names(names)
            }
            Arg::Func { def, .. } => self.out.write_str(def.name),
            Arg::Pipe(pipe) => self.pipe(pipe),
            Arg::Var { name, names, .. } => {
                self.out.write_str(name)?;
                self.names(names)
            }
            Arg::Dot(_) => self.out.write_char('.'),
            Arg::Nil(_) => self.out.write_str("nil"),
            Arg::Bool(_, value) => write!(self.out, "{value}"),
            Arg::Number(number) => self.out.write_str(&number.text),
            Arg::Text { quoted: (start, end), .. } => self.out.write_str(&self.parsed.text[*start as usize..*end as usize]),
        }
    }

    fn names(&mut self, names: &[Str]) -> fmt::Result {
        names.iter().try_for_each(|name| write!(self.out, ".{name}"))
    }
}
