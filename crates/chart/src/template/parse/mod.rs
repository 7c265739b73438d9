//! Tokens to a tree, with Go's grammar and error texts.

mod pipeline;

use std::collections::HashMap;
use std::sync::Arc;

use memchr::memchr;

use super::ast::{Arg, Branch, Call, Command, List, Node, Parsed, Pipe, Tree};
use super::error::{Error, ErrorKind, Location};
use super::lex::{Item, Lexer, Tok};
use super::value::Str;
use crate::go::quote::{quote, unquote};

type Result<T> = std::result::Result<T, Error>;

/// Operands of one file: each takes far more room than the byte or two that it is written in.
const MAX_OPERANDS: usize = 300_000;

/// The longest chain of `else if`.
const MAX_ARMS: usize = 1_000;

/// Parses one file. `nesting` bounds blocks and parentheses within each other.
pub(crate) fn parse(name: &str, text: &str, nesting: u32) -> Result<Parsed> {
    let lexer = Lexer::new(text);
    let none = Item { tok: Tok::Eof, start: 0, end: 0, line: 0 };
    let mut parser = Parser {
        name: name.into(),
        text,
        lexer,
        tokens: [none; 3],
        peeked: 0,
        trees: Vec::new(),
        names: HashMap::new(),
        nodes: Vec::new(),
        commands: Vec::new(),
        args: Vec::new(),
        operands: 0,
        scope: Scope::new(),
        nesting,
        depth: 0,
    };
    parser.file()?;
    let Parser { name, trees, .. } = parser;
    Ok(Parsed { name, text: text.into(), trees })
}

struct Parser<'s> {
    name: Arc<str>,
    text: &'s str,
    lexer: Lexer<'s>,
    /// Three tokens of look-ahead; the newest is the first.
    tokens: [Item; 3],
    peeked: usize,
    trees: Vec<Tree>,
    /// Where the tree of a name stands.
    names: HashMap<Arc<str>, usize>,
    /// The open lists, pipelines and commands, one behind the other. A tree has many of them, each with few parts: each gets the
    /// room that it needs when it is complete.
    nodes: Vec<Node>,
    commands: Vec<Command>,
    args: Vec<Arg>,
    operands: usize,
    scope: Scope<'s>,
    nesting: u32,
    depth: u32,
}

/// What one template knows while it is parsed.
struct Scope<'s> {
    vars: Vec<Var<'s>>,
    /// How often a name is among them, and where those stand that are in reach, innermost last.
    known: HashMap<&'s str, Known>,
    /// Slots in use here, and the most that were.
    height: u32,
    slots: u32,
    ranges: usize,
    action_line: u32,
}

/// A variable name that has been seen. Go's parser only asks whether a name was seen; which variable is meant is
/// decided when the template runs. `slot` is that decision, made here.
struct Var<'s> {
    name: &'s str,
    slot: Option<u32>,
}

#[derive(Default)]
struct Known {
    count: usize,
    in_reach: Vec<usize>,
}

enum Element {
    Node(Node),
    End,
    Else { pos: u32 },
}

/// A pipeline of a control structure, what it guards, and what came behind.
struct Arm {
    pipe: Pipe,
    list: List,
    end: Element,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    With,
    Range,
}

impl<'s> Scope<'s> {
    fn new() -> Scope<'s> {
        let mut scope = Scope { vars: Vec::new(), known: HashMap::new(), height: 1, slots: 1, ranges: 0, action_line: 0 };
        scope.declare("$");
        scope.give(0, 0);
        scope
    }

    fn seen(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.count > 0)
    }

    fn resolve(&self, name: &str) -> Option<u32> {
        self.known.get(name)?.in_reach.last().and_then(|at| self.vars[*at].slot)
    }

    /// Notes a name; it comes into reach once it is given a slot.
    fn declare(&mut self, name: &'s str) -> usize {
        self.known.entry(name).or_default().count += 1;
        self.vars.push(Var { name, slot: None });
        self.vars.len() - 1
    }

    fn give(&mut self, var: usize, slot: u32) {
        self.vars[var].slot = Some(slot);
        self.known.entry(self.vars[var].name).or_default().in_reach.push(var);
    }

    /// What was declared from here on is out of reach, yet the names count as seen.
    fn close(&mut self, from: usize) {
        for var in &mut self.vars[from..] {
            if var.slot.take().is_some()
                && let Some(known) = self.known.get_mut(var.name)
            {
                while known.in_reach.pop_if(|at| *at >= from).is_some() {}
            }
        }
    }

    /// Forgets what was declared from here on.
    fn forget(&mut self, from: usize) {
        self.close(from);
        for var in self.vars.drain(from..) {
            if let Some(known) = self.known.get_mut(var.name) {
                known.count -= 1;
            }
        }
    }

    fn new_slot(&mut self) -> u32 {
        let slot = self.height;
        self.height += 1;
        self.slots = self.slots.max(self.height);
        slot
    }
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        }
    }
}

impl<'s> Parser<'s> {
    // tokens

    fn next(&mut self) -> Item {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.next_item();
        }
        self.tokens[self.peeked]
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn backup2(&mut self, first: Item) {
        self.tokens[1] = first;
        self.peeked = 2;
    }

    fn backup3(&mut self, first: Item, second: Item) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Item {
        if self.peeked == 0 {
            self.peeked = 1;
            self.tokens[0] = self.lexer.next_item();
        }
        self.tokens[self.peeked - 1]
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let item = self.next();
            if item.tok != Tok::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        let item = self.next_non_space();
        self.backup();
        item
    }

    fn slice(&self, item: Item) -> &'s str {
        &self.text[item.start as usize..item.end as usize]
    }

    // errors

    fn error(&self, message: impl AsRef<str>) -> Error {
        let line = self.tokens[0].line as usize;
        let at = Location { file: self.name.clone(), line, column: None };
        Error::new(ErrorKind::Parse, format!("template: {}:{line}: {}", self.name, message.as_ref()), Some(at))
    }

    fn unexpected(&self, item: Item, context: &str) -> Error {
        let shown = self.lexer.describe(item);
        if item.tok == Tok::Error {
            let started = self.scope.action_line;
            if started != 0 && started != item.line {
                let action = if shown.ends_with(" action") { "" } else { " in action" };
                return self.error(format!("{shown}{action} started at {}:{started}", self.name));
            }
            return self.error(shown);
        }
        self.error(format!("unexpected {shown} in {context}"))
    }

    fn expect(&mut self, tok: Tok, context: &str) -> Result<Item> {
        let item = self.next_non_space();
        if item.tok == tok { Ok(item) } else { Err(self.unexpected(item, context)) }
    }

    fn enter(&mut self) -> Result<()> {
        if self.depth >= self.nesting {
            return Err(self.error("max expression depth exceeded"));
        }
        self.depth += 1;
        Ok(())
    }

    // structure

    fn file(&mut self) -> Result<()> {
        let mut root = List { pos: self.peek().start, nodes: Vec::new() };
        loop {
            let item = self.peek();
            if item.tok == Tok::Eof {
                break;
            }
            if item.tok == Tok::LeftDelim {
                let delim = self.next();
                if self.next_non_space().tok == Tok::Define {
                    self.definition()?;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Element::Node(node) => root.nodes.push(node),
                Element::End => return Err(self.error("unexpected {{end}}")),
                Element::Else { .. } => return Err(self.error("unexpected {{else}}")),
            }
        }
        let slots = self.scope.slots;
        self.add(self.name.clone(), root, slots)
    }

    fn definition(&mut self) -> Result<()> {
        let context = "define clause";
        let item = self.next_non_space();
        if !matches!(item.tok, Tok::String | Tok::RawString) {
            return Err(self.unexpected(item, context));
        }
        let name = self.unquote(item)?;
        self.expect(Tok::RightDelim, context)?;
        self.body(name, context)
    }

    /// The body of a `define` or `block`, up to its end.
    fn body(&mut self, name: Str, context: &str) -> Result<()> {
        let outer = std::mem::replace(&mut self.scope, Scope::new());
        let opened = self.tokens[0].line;
        let (list, end) = self.item_list()?;
        if !matches!(end, Element::End) {
            // Go parses the body of a block with a parser of its own, and complains with the one that read its head.
            if context == "block clause" {
                self.tokens[0].line = opened;
            }
            return Err(self.error(format!("unexpected {{{{else}}}} in {context}")));
        }
        let slots = self.scope.slots;
        self.add(name, list, slots)?;
        self.scope = outer;
        Ok(())
    }

    fn add(&mut self, name: Arc<str>, root: List, slots: u32) -> Result<()> {
        let empty = root.nodes.iter().all(|node| match node {
            Node::Text { start, end } => self.text[*start as usize..*end as usize].trim().is_empty(),
            _ => false,
        });
        let tree = Tree { name, root, slots: slots as usize, empty };
        let old = self.names.get(&tree.name).copied();
        match old.and_then(|at| self.trees.get_mut(at)) {
            None => {
                self.names.insert(tree.name.clone(), self.trees.len());
                self.trees.push(tree);
            }
            Some(old) if old.empty => *old = tree,
            Some(_) if empty => {}
            Some(old) => {
                let name = old.name.clone();
                return Err(self.error(format!("template: multiple definition of template {}", quote(&name))));
            }
        }
        Ok(())
    }

    fn item_list(&mut self) -> Result<(List, Element)> {
        let pos = self.peek_non_space().start;
        let first = self.nodes.len();
        while self.peek_non_space().tok != Tok::Eof {
            match self.text_or_action()? {
                Element::Node(node) => self.nodes.push(node),
                end => return Ok((List { pos, nodes: self.nodes.drain(first..).collect() }, end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Element> {
        let item = self.next_non_space();
        match item.tok {
            Tok::Text => Ok(Element::Node(Node::Text { start: item.start, end: item.end })),
            Tok::LeftDelim => {
                self.scope.action_line = item.line;
                let element = self.action();
                if element.is_ok() {
                    self.scope.action_line = 0;
                }
                element
            }
            _ => Err(self.unexpected(item, "input")),
        }
    }

    fn action(&mut self) -> Result<Element> {
        let item = self.next_non_space();
        let node = match item.tok {
            Tok::Block => self.block()?,
            Tok::Break => self.jump(item, "break")?,
            Tok::Continue => self.jump(item, "continue")?,
            Tok::Else => return self.otherwise(),
            Tok::End => {
                self.expect(Tok::RightDelim, "end")?;
                return Ok(Element::End);
            }
            Tok::If => self.control(Control::If)?,
            Tok::Range => self.control(Control::Range)?,
            Tok::Template => self.template()?,
            Tok::With => self.control(Control::With)?,
            _ => {
                self.backup();
                Node::Action(self.pipeline("command", Tok::RightDelim)?)
            }
        };
        Ok(Element::Node(node))
    }

    fn jump(&mut self, word: Item, name: &str) -> Result<Node> {
        let item = self.next_non_space();
        if item.tok != Tok::RightDelim {
            return Err(self.unexpected(item, &format!("{{{{{name}}}}}")));
        }
        if self.scope.ranges == 0 {
            return Err(self.error(format!("{{{{{name}}}}} outside {{{{range}}}}")));
        }
        let pos = word.start;
        Ok(if name == "break" { Node::Break(pos) } else { Node::Continue(pos) })
    }

    fn otherwise(&mut self) -> Result<Element> {
        let next = self.peek_non_space();
        if !matches!(next.tok, Tok::If | Tok::With) {
            self.expect(Tok::RightDelim, "else")?;
        }
        Ok(Element::Else { pos: next.start })
    }

    fn control(&mut self, kind: Control) -> Result<Node> {
        self.enter()?;
        let (vars, height) = (self.scope.vars.len(), self.scope.height);
        let mut arms = vec![self.arm(kind)?];
        let mut otherwise = None;
        while let Some(Arm { end: Element::Else { pos }, .. }) = arms.last() {
            let pos = *pos;
            // `else if` stands for an `if` within the `else`, whose end is left out
            if matches!((kind, self.peek().tok), (Control::If, Tok::If) | (Control::With, Tok::With)) {
                if arms.len() >= MAX_ARMS {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.next();
                arms.push(self.arm(kind)?);
                continue;
            }
            let (list, end) = self.item_list()?;
            if !matches!(end, Element::End) {
                return Err(self.error("expected end; found {{else}}"));
            }
            otherwise = Some(List { pos, ..list });
            break;
        }
        self.scope.forget(vars);
        self.scope.height = height;
        self.depth -= 1;
        let mut node = None;
        for arm in arms.into_iter().rev() {
            if let (Element::Else { pos }, Some(inner)) = (&arm.end, node.take()) {
                otherwise = Some(List { pos: *pos, nodes: vec![inner] });
            }
            let branch = Box::new(Branch { pipe: arm.pipe, list: arm.list, otherwise: otherwise.take() });
            node = Some(match kind {
                Control::If => Node::If(branch),
                Control::With => Node::With(branch),
                Control::Range => Node::Range(branch),
            });
        }
        node.ok_or_else(|| self.error("unexpected EOF"))
    }

    /// One pipeline and the list that it guards, up to the `else` or `end` behind it.
    fn arm(&mut self, kind: Control) -> Result<Arm> {
        let pipe = self.pipeline(kind.word(), Tok::RightDelim)?;
        let (vars, height) = (self.scope.vars.len(), self.scope.height);
        let range = usize::from(kind == Control::Range);
        self.scope.ranges += range;
        let (list, end) = self.item_list()?;
        self.scope.ranges -= range;
        self.scope.close(vars);
        self.scope.height = height;
        Ok(Arm { pipe, list, end })
    }

    fn block(&mut self) -> Result<Node> {
        let context = "block clause";
        let (pos, name) = self.template_name(context)?;
        let pipe = self.pipeline(context, Tok::RightDelim)?;
        self.enter()?;
        self.body(name.clone(), context)?;
        self.depth -= 1;
        Ok(Node::Template(Box::new(Call { pos, name, pipe: Some(pipe) })))
    }

    fn template(&mut self) -> Result<Node> {
        let context = "template clause";
        let (pos, name) = self.template_name(context)?;
        let mut pipe = None;
        if self.next_non_space().tok != Tok::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(context, Tok::RightDelim)?);
        }
        Ok(Node::Template(Box::new(Call { pos, name, pipe })))
    }

    fn template_name(&mut self, context: &str) -> Result<(u32, Str)> {
        let item = self.next_non_space();
        if !matches!(item.tok, Tok::String | Tok::RawString) {
            return Err(self.unexpected(item, context));
        }
        Ok((item.start, self.unquote(item)?))
    }

    fn unquote(&self, item: Item) -> Result<Str> {
        let text = self.slice(item);
        let body = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        let plain = match item.tok {
            Tok::RawString => memchr(b'\r', body.as_bytes()).is_none(),
            Tok::String => memchr(b'\\', body.as_bytes()).is_none(),
            _ => false,
        };
        if plain {
            return Ok(body.into());
        }
        let bytes = unquote(text).map_err(|err| self.error(err.to_string()))?;
        Ok(super::print::lossy(bytes).into())
    }
}
