//! What functions do to the origins of their arguments.

use std::collections::HashSet;

use super::rope::{append, slice, without};
use super::{CONSTANT, MAX_VALUES, NO_FRAME, Origin, Reach, Seg, Step, Trace, UNKNOWN, children, container};
use crate::template::print;
use crate::template::value::{Str, Value, is_empty};
use crate::yaml;

/// Elements of a container that are looked at for their origins.
const MAX_GATHERED: usize = 2_000;
/// Nesting of containers that is looked at.
const MAX_DEPTH: usize = 60;

impl Trace {
    /// The origin of what a function answered.
    pub(crate) fn answer(&mut self, name: &str, args: &[Value], origins: &[Origin], answer: &Value) -> Origin {
        let finished = self.finished.take();
        match answer {
            Value::Nil | Value::Struct(_) => CONSTANT,
            Value::Str(text) => {
                let there = self.origin(answer, UNKNOWN);
                if there != UNKNOWN {
                    return there;
                }
                // handed through: the same text may be handed through elsewhere, too
                let same = |arg: &Value| matches!(arg, Value::Str(arg) if super::address(arg) == super::address(text));
                if let Some(i) = args.iter().position(same) {
                    return origins.get(i).copied().unwrap_or(UNKNOWN);
                }
                let segs = match (name, finished) {
                    ("include" | "tpl", Some(segs)) => segs,
                    _ => self.text_of(name, args, origins, text),
                };
                let origin = self.rope(segs);
                self.name(text, origin);
                origin
            }
            Value::Map(_) | Value::List(_) => {
                self.made(name, args, origins, answer);
                self.origin(answer, UNKNOWN)
            }
            scalar => self.scalar(name, args, origins, scalar),
        }
    }

    // numbers and booleans

    fn scalar(&mut self, name: &str, args: &[Value], origins: &[Origin], answer: &Value) -> Origin {
        let carried = |i: usize| origins.get(i).copied().unwrap_or(UNKNOWN);
        match name {
            "default" => match args.get(1) {
                Some(given) if !is_empty(given) => carried(1),
                _ => carried(0),
            },
            "coalesce" => args.iter().position(|arg| !is_empty(arg)).map_or(CONSTANT, carried),
            "ternary" => carried(if matches!(args.get(2), Some(Value::Bool(true))) { 0 } else { 1 }),
            "required" => carried(1),
            "index" | "get" => self.walk(args),
            "int" | "int64" | "float64" if args.first().is_some_and(|arg| print::to_bytes(arg) == print::to_bytes(answer)) => carried(0),
            _ => {
                let seg = self.direct(args, origins);
                self.rope(vec![seg])
            }
        }
    }

    /// As [`Trace::mixed`], without a look into containers: the values of `hasKey .Values "x"` are nobody's question.
    fn direct(&mut self, args: &[Value], origins: &[Origin]) -> Seg {
        let (mut sets, mut known) = (Vec::new(), true);
        for (i, arg) in args.iter().enumerate() {
            let origin = self.origin(arg, origins.get(i).copied().unwrap_or(UNKNOWN));
            for seg in self.ropes[origin as usize].iter() {
                sets.push(seg.set);
                known &= seg.known;
            }
        }
        let set = self.join_all(&sets);
        Seg { known, set: self.inexact(set), ..self.here(1) }
    }

    /// `index` and `get`: from container to element.
    fn walk(&mut self, args: &[Value]) -> Origin {
        let Some((first, steps)) = args.split_first() else { return UNKNOWN };
        let (mut here, mut origin) = (first.clone(), UNKNOWN);
        for step in steps {
            let next = match (&here, step) {
                (Value::Map(map), Value::Str(key)) => map.get(key).map(|value| (Step::Key(key.clone()), value)),
                (Value::List(list), Value::Int(i) | Value::Int64(i)) => {
                    usize::try_from(*i).ok().and_then(|i| Some((Step::Index(i), list.items().get(i)?.clone())))
                }
                _ => None,
            };
            let Some((step, value)) = next else { return UNKNOWN };
            origin = self.part(&here, step, &value);
            here = value;
        }
        origin
    }

    // containers

    fn made(&mut self, name: &str, args: &[Value], origins: &[Origin], answer: &Value) {
        match name {
            "set" => {
                if let ([of, Value::Str(key), value], [_, _, origin]) = (args, origins) {
                    self.slot(of, Step::Key(key.clone()), value.clone(), *origin);
                }
                return;
            }
            "merge" | "mustMerge" => return self.adopt(answer, args, 0),
            "mergeOverwrite" | "mustMergeOverwrite" => {
                let back: Vec<Value> = args.iter().rev().cloned().collect();
                return self.adopt(answer, &back, 0);
            }
            _ => {}
        }
        if container(answer).is_some_and(|at| self.containers.contains_key(&at)) {
            return;
        }
        // These are made of parts that are known one by one, and often hold the whole scope.
        match name {
            "dict" => {
                self.contain(answer, UNKNOWN, UNKNOWN);
                for (pair, origins) in args.chunks(2).zip(origins.chunks(2)) {
                    if let ([Value::Str(key), value], [of_key, origin]) = (pair, origins) {
                        let step = Step::Key(key.clone());
                        if let Some(key) = map_key(answer, &step) {
                            self.name(&key, *of_key);
                        }
                        self.slot(answer, step, value.clone(), *origin);
                    }
                }
                return;
            }
            "list" | "tuple" => {
                self.contain(answer, UNKNOWN, UNKNOWN);
                for (i, (value, origin)) in args.iter().zip(origins).enumerate() {
                    self.slot(answer, Step::Index(i), value.clone(), *origin);
                }
                return;
            }
            _ => {}
        }
        let segs = self.mixed(args, origins, 1);
        let whole = self.rope(segs);
        match name {
            "deepCopy" | "mustDeepCopy" | "pick" | "omit" => {
                self.contain(answer, whole, whole);
                self.adopt(answer, &args[..1], 0);
            }
            "fromYaml" | "fromYamlArray" => {
                self.contain(answer, whole, whole);
                if let (Some(Value::Str(text)), Some(origin)) = (args.first(), origins.first()) {
                    self.read(text, *origin, answer);
                }
            }
            _ => {
                self.contain(answer, whole, whole);
            }
        }
    }

    /// Gives the slots of a container what the first of these containers with the same value in that place knows.
    fn adopt(&mut self, into: &Value, sources: &[Value], depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let Value::Map(_) = into else { return };
        self.contain(into, UNKNOWN, UNKNOWN);
        for (step, value) in children(into) {
            let Step::Key(key) = &step else { continue };
            let there: Vec<(Value, Value)> = sources.iter().filter_map(|source| Some((source.clone(), source.get(key)?))).collect();
            match &value {
                Value::Str(_) | Value::Nil => {}
                Value::Map(_) => {
                    let below: Vec<Value> = there.into_iter().map(|(_, child)| child).collect();
                    // a shared map has its slots already
                    if !below.iter().all(|child| container(child) == container(&value)) {
                        self.adopt(&value, &below, depth + 1);
                    }
                }
                Value::List(_) => {
                    if let Some((_, list)) = there.iter().find(|(_, child)| matches!(child, Value::List(_))) {
                        self.adopt_list(&value, list, depth + 1);
                    }
                }
                scalar => {
                    let origin = there.iter().filter(|(_, child)| super::same_scalar(child, scalar)).find_map(|(source, child)| {
                        let origin = self.part(source, step.clone(), child);
                        (origin != UNKNOWN).then_some(origin)
                    });
                    if let Some(origin) = origin {
                        self.slot(into, step.clone(), value.clone(), origin);
                    }
                }
            }
        }
    }

    fn adopt_list(&mut self, into: &Value, from: &Value, depth: usize) {
        if depth > MAX_DEPTH || container(into) == container(from) {
            return;
        }
        let whole = self.origin(from, UNKNOWN);
        self.contain(into, whole, UNKNOWN);
        for ((step, value), (_, old)) in children(into).into_iter().zip(children(from)) {
            match (&value, &old) {
                (Value::Map(_), Value::Map(_)) => self.adopt(&value, &[old], depth + 1),
                (Value::List(_), Value::List(_)) => self.adopt_list(&value, &old, depth + 1),
                (a, b) if super::same_scalar(a, b) => {
                    let origin = self.part(from, step.clone(), &old);
                    self.slot(into, step, value, origin);
                }
                _ => {}
            }
        }
    }

    /// `fromYaml`: each value comes from the line that it was read from.
    fn read(&mut self, text: &Str, origin: Origin, answer: &Value) {
        let Ok(spanned) = yaml::from_str_spanned(text) else { return };
        let starts = line_starts(text);
        let segs = self.ropes[self.origin(&Value::Str(text.clone()), origin) as usize].clone();
        let lines: HashSet<u32> = spanned.positions.iter().map(|position| position.line).collect();
        for position in &spanned.positions {
            let Some((of, step, value)) = find(answer, &position.pointer) else { continue };
            if matches!(value, Value::Map(_) | Value::List(_)) {
                continue;
            }
            // up to the next line with a value of its own
            let first = position.line as usize - 1;
            let mut last = first + 1;
            while last < starts.len() && !lines.contains(&(last as u32 + 1)) {
                last += 1;
            }
            let (Some(from), to) = (starts.get(first), starts.get(last).map_or(text.len(), |at| *at)) else { continue };
            let mut line = slice(&segs, *from as u32, to as u32);
            for seg in &mut line {
                seg.set = self.without_keys(seg.set);
            }
            let mut seg = self.blend(&line, to - *from);
            seg.end = u32::MAX;
            let line = self.rope(vec![seg]);
            match &value {
                Value::Str(text) => self.name(text, line),
                _ => self.slot(&of, step, value, line),
            }
        }
    }

    fn without_keys(&mut self, set: u32) -> u32 {
        let nodes = &self.record.nodes;
        let all = &self.record.sets[set as usize];
        let values: Vec<Reach> = all.iter().copied().filter(|(node, _)| !nodes[*node as usize].is_key).collect();
        if values.len() == all.len() { set } else { self.set(values) }
    }

    // texts

    fn text_of(&mut self, name: &str, args: &[Value], origins: &[Origin], text: &str) -> Vec<Seg> {
        let carried = |i: usize| origins.get(i).copied().unwrap_or(UNKNOWN);
        let found = match (name, args) {
            ("indent" | "nindent", [Value::Int(width), Value::Str(of)]) => {
                Some(self.indented(*width as usize, name == "nindent", of, carried(1)))
            }
            ("trim" | "trimSuffix" | "trimPrefix" | "trimAll" | "trimall" | "trunc" | "substr" | "toString", [.., of]) => {
                self.sub_text(of, carried(args.len() - 1), text)
            }
            ("toYaml" | "mustToYaml" | "toYamlPretty", [value]) => Some(self.yaml(value, carried(0), text)),
            ("quote" | "squote" | "print" | "cat" | "println", _) => self.pieces(args, origins, text),
            ("printf", [_, rest @ ..]) => self.pieces(rest, origins.get(1..).unwrap_or_default(), text),
            ("join", [_, list]) => {
                let items: Vec<(Step, Value)> = children(list);
                let origins: Vec<Origin> = items.iter().map(|(step, item)| self.part(list, step.clone(), item)).collect();
                let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
                self.pieces(&items, &origins, text)
            }
            _ => None,
        };
        match found {
            Some(segs) => segs,
            None => self.by_lines(args, origins, text).unwrap_or_else(|| self.mixed(args, origins, text.len())),
        }
    }

    fn segs(&self, value: &Value, carried: Origin, len: usize) -> Vec<Seg> {
        let mut out = Vec::new();
        append(&mut out, &self.ropes[self.origin(value, carried) as usize], len as u32);
        out
    }

    /// What a call writes itself.
    fn here(&self, len: usize) -> Seg {
        Seg { end: len as u32, frame: self.current, pos: self.call.0, linear: false, known: true, filler: false, set: 0 }
    }

    fn indented(&mut self, width: usize, new_line: bool, of: &Str, carried: Origin) -> Vec<Seg> {
        let segs = self.segs(&Value::Str(of.clone()), carried, of.len());
        let filler = Seg { filler: true, ..self.here(0) };
        let mut out = Vec::new();
        append(&mut out, &[filler], u32::from(new_line));
        let mut from = 0;
        for line in of.split_inclusive('\n') {
            append(&mut out, &[filler], width as u32);
            append(&mut out, &slice(&segs, from, from + line.len() as u32), line.len() as u32);
            from += line.len() as u32;
        }
        if of.is_empty() || of.ends_with('\n') {
            append(&mut out, &[filler], width as u32);
        }
        out
    }

    /// The result is a part of the text.
    fn sub_text(&mut self, of: &Value, carried: Origin, text: &str) -> Option<Vec<Seg>> {
        let Value::Str(whole) = of else {
            return (print::to_bytes(of) == text.as_bytes()).then(|| self.segs(of, carried, text.len()));
        };
        let at = if whole.starts_with(text) { 0 } else { whole.find(text)? };
        let segs = self.segs(of, carried, whole.len());
        let mut cut = slice(&segs, at as u32, (at + text.len()) as u32);
        if whole.trim() != text {
            // what was cut off cannot be told from the text
            for seg in &mut cut {
                seg.set = self.inexact(seg.set);
            }
        }
        Some(cut)
    }

    /// The texts of the arguments in their order, with something of the call's own between them.
    fn pieces(&mut self, args: &[Value], origins: &[Origin], text: &str) -> Option<Vec<Seg>> {
        let mut out = Vec::new();
        let mut from = 0;
        for (arg, origin) in args.iter().zip(origins) {
            let piece = match arg {
                Value::Nil => continue,
                Value::Map(_) | Value::List(_) | Value::Struct(_) => return None,
                other => print::to_string(other),
            };
            let at = from + text.get(from..)?.find(&piece)?;
            append(&mut out, &[self.here(0)], (at - from) as u32);
            append(&mut out, &self.segs(arg, *origin, piece.len()), piece.len() as u32);
            from = at + piece.len();
        }
        append(&mut out, &[self.here(0)], (text.len() - from) as u32);
        Some(out)
    }

    /// `toYaml`: each line comes from the value that stands on it.
    fn yaml(&mut self, value: &Value, carried: Origin, text: &str) -> Vec<Seg> {
        let positions = match value {
            Value::Map(_) | Value::List(_) => yaml::from_str_spanned(text).map(|spanned| spanned.positions).unwrap_or_default(),
            _ => Vec::new(),
        };
        let mut by_line: Vec<Option<&str>> = vec![None; text.matches('\n').count() + 2];
        for position in &positions {
            if let Some(slot) = by_line.get_mut(position.line as usize) {
                *slot = Some(&position.pointer);
            }
        }
        if positions.is_empty() {
            let mut segs = self.segs(value, carried, text.len());
            if print::to_bytes(value) != text.as_bytes() {
                segs = vec![self.blend(&segs, text.len())];
            }
            return segs;
        }
        let mut out = Vec::new();
        let mut owner = None;
        for (i, line) in text.split_inclusive('\n').enumerate() {
            owner = by_line[i + 1].or(owner);
            let seg = match owner.and_then(|pointer| find(value, pointer)) {
                Some((of, step, leaf)) => {
                    let origin = self.part(&of, step.clone(), &leaf);
                    let segs = self.segs(&leaf, origin, line.len());
                    let empty = matches!(&leaf, Value::Map(_) | Value::List(_)) && children(&leaf).is_empty();
                    let mut seg = match (&segs[..], &leaf) {
                        (_, Value::Map(_) | Value::List(_)) if !empty => self.here(0),
                        ([one], _) => *one,
                        _ => self.blend(&segs, line.len()),
                    };
                    if let Step::Key(_) = step {
                        let key = map_key(&of, &step).map_or(CONSTANT, |key| self.key(&of, &key));
                        let key = self.segs(&Value::Nil, key, 1);
                        if let [key] = &key[..] {
                            seg.set = self.join(&[seg.set, key.set]);
                            seg.known &= key.known;
                        }
                    }
                    seg
                }
                None => Seg { known: false, ..self.here(0) },
            };
            let mut seg = Seg { linear: false, ..seg };
            if seg.frame == NO_FRAME {
                (seg.frame, seg.pos) = (self.current, self.call.0);
            }
            append(&mut out, &[seg], line.len() as u32);
        }
        out
    }

    /// A function that keeps lines: each from its own, but changed.
    fn by_lines(&mut self, args: &[Value], origins: &[Origin], text: &str) -> Option<Vec<Seg>> {
        let breaks = text.matches('\n').count();
        let multi = |arg: &Value| matches!(arg, Value::Str(of) if of.contains('\n'));
        let at = args.iter().position(multi)?;
        let Value::Str(of) = &args[at] else { return None };
        if breaks == 0 || args.iter().filter(|arg| multi(arg)).count() > 1 || of.matches('\n').count() != breaks {
            return None;
        }
        let segs = self.segs(&args[at], origins.get(at).copied().unwrap_or(UNKNOWN), of.len());
        let others: Vec<Value> = args.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, arg)| arg.clone()).collect();
        let carried: Vec<Origin> = origins.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, origin)| *origin).collect();
        let beside = self.mixed(&others, &carried, 1)[0];
        let mut out = Vec::new();
        let mut from = 0;
        for (old, new) in of.split_inclusive('\n').zip(text.split_inclusive('\n')) {
            let mut seg = self.blend(&slice(&segs, from, from + old.len() as u32), new.len());
            seg.set = self.join(&[seg.set, beside.set]);
            seg.known &= beside.known;
            append(&mut out, &[seg], new.len() as u32);
            from += old.len() as u32;
        }
        Some(out)
    }

    /// One segment for a text made of these: the values of all of them, none of them as it is unless it is alone.
    fn blend(&mut self, segs: &[Seg], len: usize) -> Seg {
        let telling: Vec<Seg> = segs.iter().filter(|seg| !seg.filler).copied().collect();
        let first = telling.iter().find(|seg| seg.frame != NO_FRAME).or(telling.first()).or(segs.first()).copied();
        let mut seg = first.unwrap_or_else(|| self.here(len));
        let sets: Vec<u32> = telling.iter().map(|seg| seg.set).collect();
        let set = self.join_all(&sets);
        let single = self.record.sets[set as usize].len() <= 1;
        seg.set = if single { set } else { self.inexact(set) };
        seg.known = telling.iter().all(|seg| seg.known);
        (seg.end, seg.linear, seg.filler) = (len as u32, false, false);
        seg
    }

    fn join_all(&mut self, sets: &[u32]) -> u32 {
        let mut distinct: Vec<u32> = sets.iter().copied().filter(|set| *set != 0).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() { 0 } else { self.join(&distinct) }
    }

    /// Any other function: made at the call, of the values of its arguments, none of them as it is.
    fn mixed(&mut self, args: &[Value], origins: &[Origin], len: usize) -> Vec<Seg> {
        let mut gathered = Gathered { values: Vec::new(), known: true, left: MAX_GATHERED, seen: HashSet::new() };
        for (i, arg) in args.iter().enumerate() {
            self.gather(arg, origins.get(i).copied().unwrap_or(UNKNOWN), &mut gathered, 0);
        }
        let mut values = gathered.values;
        values.sort_unstable();
        values.dedup();
        let known = gathered.known && values.len() <= MAX_VALUES;
        values.truncate(MAX_VALUES);
        let set = self.set(values);
        vec![Seg { known, set, ..self.here(len) }]
    }

    fn gather(&mut self, value: &Value, carried: Origin, into: &mut Gathered, depth: usize) {
        if into.left == 0 || depth > MAX_DEPTH {
            into.known = false;
            return;
        }
        into.left -= 1;
        if let (Value::Map(_) | Value::List(_), Some(at)) = (value, container(value)) {
            // Once is enough, and a map may contain itself. The values of a whole chart are named by nobody.
            if !into.seen.insert(at) {
                return;
            }
            let found = children(value);
            if !found.is_empty() {
                for (step, child) in found {
                    let origin = self.part(value, step, &child);
                    self.gather(&child, origin, into, depth + 1);
                }
                return;
            }
        }
        let origin = self.origin(value, carried) as usize;
        for seg in self.ropes[origin].iter() {
            into.values.extend(self.record.sets[seg.set as usize].iter().map(|(node, _)| (*node, false)));
            into.known &= seg.known;
        }
        if into.values.len() > 8 * MAX_VALUES {
            into.values.sort_unstable();
            into.values.dedup();
        }
    }

    /// The rope of a rendered `tpl` text.
    pub(crate) fn without_no_value(&mut self, text: &str) {
        if let Some(segs) = self.finished.take() {
            self.finished = Some(without(&segs, text, "<no value>"));
        }
    }
}

struct Gathered {
    values: Vec<Reach>,
    known: bool,
    left: usize,
    seen: HashSet<usize>,
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The container, step and value that a JSON pointer names.
fn find(root: &Value, pointer: &str) -> Option<(Value, Step, Value)> {
    let (mut of, mut step, mut here) = (Value::Nil, Step::Index(0), root.clone());
    for part in pointer.split('/').skip(1) {
        let (next_step, next) = match &here {
            Value::Map(map) => {
                let key = part.replace("~1", "/").replace("~0", "~");
                let value = map.get(&key)?;
                (Step::Key(key.into()), value)
            }
            Value::List(list) => {
                let i: usize = part.parse().ok()?;
                (Step::Index(i), list.items().get(i)?.clone())
            }
            _ => return None,
        };
        of = std::mem::replace(&mut here, next);
        step = next_step;
    }
    Some((of, step, here))
}

/// The key of a map as the map itself holds it.
fn map_key(of: &Value, step: &Step) -> Option<Str> {
    let (Value::Map(map), Step::Key(key)) = (of, step) else { return None };
    map.borrow().get_key_value(key).map(|(key, _)| key.clone())
}
