//! Where rendered text comes from, recorded while templates run, if asked for.
//!
//! A text made by templates has a [`Rope`] beside it: byte ranges with the place in a template that wrote them and the values
//! that reached them. Strings and containers are told apart by address (the recorder keeps them alive), so what hands a value
//! on unchanged (variables, `default`, `dict`, `merge` …) needs no help; `flow` knows what functions do to texts.
//! Numbers and booleans have no address: [`Rv`](super::exec::Rv) carries their origin, and containers have slots for them.
//! A slot holds for the value it was made with only: what changed a container behind the recorder's back ends as unknown.

mod flow;
mod rope;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::ast::Parsed;
use super::value::{Map, Str, Value};

pub(crate) use rope::{NO_FRAME, Rope, Seg, at};

/// The index of a rope; what an executed value carries.
pub(crate) type Origin = u32;

/// Nothing is known of where it comes from.
pub(crate) const UNKNOWN: Origin = 0;
/// Written in a template, or given by Helm: no value of the values files is in it.
pub(crate) const CONSTANT: Origin = 1;

/// Values that one piece of text may name; beyond that it counts as unknown.
const MAX_VALUES: usize = 64;

/// One execution of a template.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The frame of its call; [`NO_FRAME`] for a file.
    pub(crate) parent: u32,
    /// The byte of the call in the parent's file.
    pub(crate) pos: u32,
    /// The file, an index of [`Record::files`].
    pub(crate) file: u32,
    /// For the text of a `tpl` call: where that text comes from.
    pub(crate) source: Option<Origin>,
}

/// A value of the values tree: a key or index below another.
#[derive(Clone, Debug)]
pub(crate) struct ValueNode {
    pub(crate) parent: u32,
    pub(crate) step: Step,
    /// The text of the key, not the value below it.
    pub(crate) is_key: bool,
}

/// A key or an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(Arc<str>),
    Index(usize),
}

/// A value that reached a text, and whether it stands there as it is.
pub(crate) type Reach = (u32, bool);

/// What is left of a recording once the render is over.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The templates that ran.
    pub(crate) files: Vec<Arc<Parsed>>,
    pub(crate) frames: Vec<Frame>,
    /// Values, by the indices that [`Record::sets`] has.
    pub(crate) nodes: Vec<ValueNode>,
    /// Sets of values, by the indices that segments have.
    pub(crate) sets: Vec<Vec<Reach>>,
    /// The texts of `tpl` calls, by [`Frame::source`].
    pub(crate) sources: HashMap<Origin, Vec<Seg>>,
    /// Each rendered file's text and segments.
    pub(crate) rendered: BTreeMap<String, (String, Vec<Seg>)>,
}

struct Container {
    /// Keeps the address from being used again.
    _keep: Value,
    /// The origin of the whole.
    whole: Origin,
    /// The origin of elements that have neither an address nor a slot.
    rest: Origin,
    slots: HashMap<Step, (Value, Origin)>,
}

/// The recorder of one render.
pub(crate) struct Trace {
    record: Record,
    file_ids: HashMap<usize, u32>,
    current: u32,
    /// The ropes of the outputs being written, innermost last.
    buffers: Vec<Vec<Seg>>,
    ropes: Vec<Rope>,
    strings: HashMap<usize, (Str, Origin)>,
    containers: HashMap<usize, Container>,
    set_ids: HashMap<Vec<Reach>, u32>,
    /// The origin of the argument that was evaluated last.
    pub(crate) last: Origin,
    /// The rope of the template that ended last.
    finished: Option<Vec<Seg>>,
    /// The call that is running: its byte, and the origin of its first argument.
    call: (u32, Origin),
}

impl Trace {
    /// A recorder of renders with these values.
    pub(crate) fn new() -> Trace {
        let mut record = Record::default();
        record.sets.push(Vec::new());
        record.nodes.push(ValueNode { parent: 0, step: Step::Index(0), is_key: false });
        let plain =
            |known| -> Rope { Rc::from([Seg { end: u32::MAX, frame: NO_FRAME, pos: 0, linear: false, known, filler: false, set: 0 }]) };
        Trace {
            record,
            file_ids: HashMap::new(),
            current: NO_FRAME,
            buffers: Vec::new(),
            ropes: vec![plain(false), plain(true)],
            strings: HashMap::new(),
            containers: HashMap::new(),
            set_ids: HashMap::from([(Vec::new(), 0)]),
            last: UNKNOWN,
            finished: None,
            call: (0, UNKNOWN),
        }
    }

    /// What was recorded.
    pub(crate) fn finish(mut self: Box<Self>) -> Record {
        let mut record = std::mem::take(&mut self.record);
        for frame in &record.frames {
            if let Some(source) = frame.source {
                record.sources.entry(source).or_insert_with(|| self.ropes[source as usize].to_vec());
            }
        }
        record
    }

    // what is there before the first template runs

    /// The dot of a file: what is below `Values` is values, all else is Helm's.
    pub(crate) fn scope(&mut self, scope: &Value, is_root: bool) {
        let Value::Map(map) = scope else { return };
        let entries: Vec<(Str, Value)> = map.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (key, value) in &entries {
            match &**key {
                "Values" if is_root => self.values(value, 0),
                "Values" => {}
                "Subcharts" => {
                    self.built_in(value, false);
                    let Value::Map(subcharts) = value else { continue };
                    let below: Vec<(Str, Value)> = subcharts.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                    for (_, scope) in below {
                        self.scope(&scope, false);
                    }
                }
                _ => self.built_in(value, true),
            }
        }
        self.built_in(scope, false);
    }

    fn built_in(&mut self, value: &Value, deep: bool) {
        match value {
            Value::Str(text) => self.name(text, CONSTANT),
            Value::Struct(object) => object.fields.iter().for_each(|field| self.built_in(field, true)),
            Value::Map(_) | Value::List(_) => {
                let is_new = self.contain(value, CONSTANT, CONSTANT);
                let below = if is_new && deep { children(value) } else { Vec::new() };
                below.iter().for_each(|(_, child)| self.built_in(child, true));
            }
            _ => {}
        }
    }

    fn values(&mut self, value: &Value, node: u32) {
        let whole = self.leaf(node);
        if !self.contain(value, whole, UNKNOWN) {
            return;
        }
        let keys: Vec<Str> = match value {
            Value::Map(map) => map.borrow().keys().cloned().collect(),
            _ => Vec::new(),
        };
        for (i, (step, child)) in children(value).into_iter().enumerate() {
            let id = self.record.nodes.len() as u32;
            self.record.nodes.push(ValueNode { parent: node, step: step.clone(), is_key: false });
            let leaf = self.leaf(id);
            if let Some(key) = keys.get(i) {
                let of_key = self.record.nodes.len() as u32;
                self.record.nodes.push(ValueNode { parent: node, step: step.clone(), is_key: true });
                let leaf = self.leaf(of_key);
                self.name(key, leaf);
            }
            match &child {
                Value::Str(text) => self.name(text, leaf),
                Value::Map(_) | Value::List(_) => self.values(&child, id),
                _ => self.slot(value, step, child, leaf),
            }
        }
    }

    fn leaf(&mut self, node: u32) -> Origin {
        let set = self.set(vec![(node, true)]);
        self.rope(vec![Seg { end: u32::MAX, frame: NO_FRAME, pos: 0, linear: false, known: true, filler: false, set }])
    }

    // tables

    fn set(&mut self, mut values: Vec<Reach>) -> u32 {
        values.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        // exact comes first, and is what stays
        values.dedup_by_key(|reach| reach.0);
        if let Some(id) = self.set_ids.get(&values) {
            return *id;
        }
        let id = self.record.sets.len() as u32;
        self.record.sets.push(values.clone());
        self.set_ids.insert(values, id);
        id
    }

    fn rope(&mut self, segs: Vec<Seg>) -> Origin {
        if segs.is_empty() {
            return CONSTANT;
        }
        self.ropes.push(segs.into());
        (self.ropes.len() - 1) as Origin
    }

    /// Says where a string comes from, unless that is known.
    fn name(&mut self, text: &Str, origin: Origin) {
        self.strings.entry(address(text)).or_insert_with(|| (text.clone(), origin));
    }

    /// Says where a container comes from; false where that is known.
    fn contain(&mut self, value: &Value, whole: Origin, rest: Origin) -> bool {
        let Some(at) = container(value) else { return false };
        if self.containers.contains_key(&at) {
            return false;
        }
        self.containers.insert(at, Container { _keep: value.clone(), whole, rest, slots: HashMap::new() });
        true
    }

    fn slot(&mut self, of: &Value, step: Step, value: Value, origin: Origin) {
        if let Some(found) = container(of).and_then(|at| self.containers.get_mut(&at)) {
            found.slots.insert(step, (value, origin));
        }
    }

    /// The origin of a value that carries this one.
    pub(crate) fn origin(&self, value: &Value, carried: Origin) -> Origin {
        match value {
            _ if carried != UNKNOWN => carried,
            Value::Nil | Value::Struct(_) => CONSTANT,
            Value::Str(text) => self.strings.get(&address(text)).map_or(UNKNOWN, |(_, origin)| *origin),
            other => container(other).and_then(|at| self.containers.get(&at)).map_or(UNKNOWN, |found| found.whole),
        }
    }

    /// The origin of an element taken out of a container.
    pub(crate) fn part(&mut self, of: &Value, step: Step, value: &Value) -> Origin {
        let own = self.origin(value, UNKNOWN);
        if own != UNKNOWN {
            return own;
        }
        let Some(found) = container(of).and_then(|at| self.containers.get(&at)) else { return UNKNOWN };
        let rest = found.rest;
        match found.slots.get(&step) {
            Some((then, origin)) if same_scalar(then, value) => return *origin,
            Some(_) => return UNKNOWN,
            None => {}
        }
        if matches!(value, Value::Map(_) | Value::List(_)) && rest != UNKNOWN {
            self.contain(value, rest, rest);
        }
        rest
    }

    /// As [`Trace::part`], by key.
    pub(crate) fn entry(&mut self, of: &Value, key: &Str, value: &Value) -> Origin {
        self.part(of, Step::Key(key.clone()), value)
    }

    /// The origin of the key of an entry.
    pub(crate) fn key(&mut self, of: &Value, key: &Str) -> Origin {
        match self.strings.get(&address(key)) {
            Some((_, origin)) => *origin,
            None => container(of).and_then(|at| self.containers.get(&at)).map_or(UNKNOWN, |found| found.rest),
        }
    }

    /// A literal that is about to be used.
    pub(crate) fn literal(&mut self, value: &Value) {
        if let Value::Str(text) = value {
            self.name(text, CONSTANT);
        }
        self.last = CONSTANT;
    }

    // execution

    /// A call begins: its byte in the current file, and the origin of its first argument.
    pub(crate) fn calling(&mut self, pos: u32, first: Origin) {
        self.call = (pos, first);
    }

    /// A template begins, with an output of its own or within its caller's. Paired with [`Trace::leave`].
    pub(crate) fn enter(&mut self, parsed: &Arc<Parsed>, is_text: bool, own_output: bool) -> u32 {
        let key = Arc::as_ptr(parsed) as usize;
        let files = &mut self.record.files;
        let file = *self.file_ids.entry(key).or_insert_with(|| {
            files.push(parsed.clone());
            (files.len() - 1) as u32
        });
        let source = is_text.then_some(self.call.1);
        self.record.frames.push(Frame { parent: self.current, pos: self.call.0, file, source });
        if own_output {
            self.buffers.push(Vec::new());
        }
        std::mem::replace(&mut self.current, (self.record.frames.len() - 1) as u32)
    }

    /// The template ended; `before` is what [`Trace::enter`] gave.
    pub(crate) fn leave(&mut self, before: u32, own_output: bool) {
        self.current = before;
        if own_output {
            self.finished = self.buffers.pop();
        }
    }

    /// Text of the template was written.
    pub(crate) fn text(&mut self, start: u32, end: u32) {
        let here = Seg { end: end - start, frame: self.current, pos: start, linear: true, known: true, filler: false, set: 0 };
        let source = self.record.frames.get(self.current as usize).and_then(|frame| frame.source);
        let segs = match source {
            None => vec![here],
            Some(source) => rope::slice(&self.ropes[source as usize], start, end)
                .into_iter()
                .map(|seg| match seg.frame {
                    NO_FRAME => Seg { frame: self.current, pos: start, ..seg },
                    _ => seg,
                })
                .collect(),
        };
        self.write(&segs, end - start);
    }

    /// The value of an action at this byte was written, as this many bytes.
    pub(crate) fn print(&mut self, value: &Value, carried: Origin, pos: u32, len: usize) {
        let origin = self.origin(value, carried);
        let here = self.current;
        let behind = self.behind(here, pos);
        let mut segs = self.ropes[origin as usize].to_vec();
        for seg in &mut segs {
            if seg.frame == NO_FRAME {
                (seg.frame, seg.pos, seg.linear) = (here, pos, false);
            }
            if let Some((set, known)) = behind {
                (seg.set, seg.known) = (self.join(&[seg.set, set]), seg.known && known);
            }
        }
        self.write(&segs, len as u32);
    }

    /// What reached the text of an action that itself came out of a value.
    fn behind(&mut self, frame: u32, pos: u32) -> Option<(u32, bool)> {
        let source = self.record.frames.get(frame as usize)?.source?;
        let seg = rope::at(&self.ropes[source as usize], pos)?;
        Some((self.inexact(seg.set), seg.known))
    }

    fn write(&mut self, segs: &[Seg], len: u32) {
        if let Some(buffer) = self.buffers.last_mut() {
            rope::append(buffer, segs, len);
        }
    }

    /// A file was rendered: `text` before Helm takes `<no value>` out of it.
    pub(crate) fn file(&mut self, name: &str, text: &str) {
        let segs = self.finished.take().unwrap_or_default();
        let segs = rope::without(&segs, text, "<no value>");
        self.record.rendered.insert(name.to_owned(), (text.replace("<no value>", ""), segs));
    }

    // sets

    fn join(&mut self, sets: &[u32]) -> u32 {
        match sets {
            [one] => *one,
            [0, one] | [one, 0] => *one,
            many => {
                let all = many.iter().flat_map(|set| self.record.sets[*set as usize].iter().copied()).collect();
                self.set(all)
            }
        }
    }

    fn inexact(&mut self, set: u32) -> u32 {
        if set == 0 {
            return 0;
        }
        let all = self.record.sets[set as usize].iter().map(|(node, _)| (*node, false)).collect();
        self.set(all)
    }
}

fn address(text: &Str) -> usize {
    Arc::as_ptr(text).cast::<u8>() as usize
}

fn container(value: &Value) -> Option<usize> {
    match value {
        Value::Map(map) => Some(map_address(map)),
        Value::List(list) => Some(Rc::as_ptr(list) as usize),
        _ => None,
    }
}

fn map_address(map: &Map) -> usize {
    map.downgrade().as_ptr() as usize
}

/// The elements of a container.
fn children(value: &Value) -> Vec<(Step, Value)> {
    match value {
        Value::Map(map) => map.borrow().iter().map(|(key, value)| (Step::Key(key.clone()), value.clone())).collect(),
        Value::List(list) => list.items().iter().enumerate().map(|(i, value)| (Step::Index(i), value.clone())).collect(),
        _ => Vec::new(),
    }
}

fn same_scalar(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        _ => false,
    }
}
