//! What an expression may cost. Loops are paid for before they run, by the length of what they go over and the size of what they do for
//! each of it; values that an expression makes are paid for by their size. What cannot be paid for beforehand is not offered: functions
//! whose result may be much larger than what they are given, and patterns that are known only when they run.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, DeclarationError, ExecutionError, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What failures to pay are reported under.
pub(super) const NAME: &str = "budget";
/// Steps that one evaluation may take over a small object.
const STEPS: u64 = 500_000;
/// Each step over an object that is so many bytes larger costs one more.
const GRAIN: usize = 256 << 10;
/// How deep an expression may be nested: the interpreter goes as deep on its stack.
const DEPTH: usize = 64;
/// A pattern costs as many steps as it takes to compile.
const PATTERN: u64 = 1000;
/// What a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 256 << 10;

/// Calls on which the work is put that pays for a loop, and for a value.
const LOOP: &str = "helmward_loop";
const MADE: &str = "helmward_made";

/// What is offered: operators, macros (already expanded), and functions whose result is not larger than what they are given.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "type",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "lowerAscii",
    "upperAscii",
    "trim",
    "split",
    "substring",
    "indexOf",
    "lastIndexOf",
    "charAt",
    "of",
    "ofNonZeroValue",
    "none",
    "hasValue",
    "value",
    "or",
    "orValue",
    "optional.of",
    "optional.none",
    "optional.ofNonZeroValue",
];

/// An expression that pays for what it does.
#[derive(Debug)]
pub(super) struct Bounded {
    tree: IdedExpr,
    free: Vec<String>,
    /// How deep it is nested.
    pub(super) depth: usize,
}

impl Bounded {
    /// Takes a parsed expression.
    ///
    /// # Errors
    /// What of it is not offered, or that it is too deep.
    pub(super) fn new(tree: &IdedExpr) -> Result<Self, String> {
        let mut free = BTreeSet::new();
        let depth = look(tree, &mut Vec::new(), 0, &mut free)?;
        let mut tree = tree.clone();
        pay(&mut tree);
        Ok(Self { tree, free: free.into_iter().collect(), depth })
    }

    /// Names that no macro of the expression itself binds.
    pub(super) fn free_names(&self) -> &[String] {
        &self.free
    }

    /// Gives a context what one evaluation over `size` bytes of data may spend.
    pub(super) fn provision(&self, context: &mut Context<'_, '_>, size: usize) -> Result<(), DeclarationError> {
        let purse = Arc::new(AtomicU64::new(STEPS / (1 + (size / GRAIN) as u64)));
        let spend = move |cost: u64| {
            let paid = purse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
            // Whoever could not pay once is broke: an `all` goes on after an error.
            paid.map(|_| ()).map_err(|_| {
                purse.store(0, Ordering::Relaxed);
                ExecutionError::function_error(NAME, "it takes too many steps over this object")
            })
        };
        let for_values = spend.clone();
        context.add_function(LOOP, move |range: Value, weight: i64| -> Result<Value, ExecutionError> {
            let length = match &range {
                Value::List(items) => items.len(),
                Value::Map(map) => map.map.len(),
                _ => 0,
            };
            spend(1 + (length as u64).saturating_mul(weight.unsigned_abs()))?;
            Ok(range)
        })?;
        context.add_function(MADE, move |value: Value| -> Result<Value, ExecutionError> {
            for_values(size_of(&value))?;
            Ok(value)
        })
    }

    pub(super) fn execute(&self, context: &Context<'_, '_>) -> Result<Value, ExecutionError> {
        Value::resolve(&self.tree, context)
    }
}

fn size_of(value: &Value) -> u64 {
    match value {
        Value::List(items) => 1 + items.iter().map(size_of).sum::<u64>(),
        Value::Map(map) => 1 + map.map.values().map(|inner| 1 + size_of(inner)).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 64,
        Value::Bytes(bytes) => 1 + bytes.len() as u64 / 64,
        _ => 1,
    }
}

/// Everything directly below an expression.
fn below(expr: &Expr) -> Vec<&IdedExpr> {
    match expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::StructField(field) => vec![&field.value],
                EntryExpr::MapEntry(pair) => vec![&pair.key, &pair.value],
            })
            .collect(),
        Expr::Select(select) => vec![select.operand.as_ref()],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Vec::new(),
    }
}

/// What an expression refers to, as far as it can be offered, and how deep it is.
fn look(at: &IdedExpr, bound: &mut Vec<String>, depth: usize, free: &mut BTreeSet<String>) -> Result<usize, String> {
    if depth > DEPTH {
        return Err(format!("it is nested deeper than {DEPTH} levels"));
    }
    let mut deepest = depth;
    match &at.expr {
        Expr::Ident(name) if !name.starts_with('@') && !bound.contains(name) => drop(free.insert(name.clone())),
        Expr::Struct(made) => return Err(format!("`{}` is no type that could be made", made.type_name)),
        Expr::Unspecified => return Err("a part of it is missing".into()),
        Expr::Call(call) => {
            offered(call)?;
            // `optional.of(x)`: a name before a function is no variable.
            let target = call.target.iter().filter(|target| !matches!(&target.expr, Expr::Ident(name) if name == "optional"));
            for part in target.map(AsRef::as_ref).chain(&call.args) {
                deepest = deepest.max(look(part, bound, depth + 1, free)?);
            }
            return Ok(deepest);
        }
        Expr::Comprehension(c) => {
            deepest = deepest.max(look(&c.iter_range, bound, depth + 1, free)?);
            deepest = deepest.max(look(&c.accu_init, bound, depth + 1, free)?);
            let before = bound.len();
            bound.extend([c.iter_var.clone(), c.accu_var.clone()].into_iter().chain(c.iter_var2.clone()));
            for part in [&c.loop_cond, &c.loop_step, &c.result] {
                deepest = deepest.max(look(part, bound, depth + 1, free)?);
            }
            bound.truncate(before);
            return Ok(deepest);
        }
        _ => {}
    }
    for part in below(&at.expr) {
        deepest = deepest.max(look(part, bound, depth + 1, free)?);
    }
    Ok(deepest)
}

fn offered(call: &CallExpr) -> Result<(), String> {
    let name = call.func_name.as_str();
    // Operators are no names: `_+_`, `!_`, `@in`.
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_name && !FUNCTIONS.contains(&name) {
        return Err(format!("the function `{name}` is not offered"));
    }
    if name == "matches" {
        let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.last().map(|arg| &arg.expr) else {
            return Err("the pattern of `matches` must be written as text".into());
        };
        let compiled = regex::RegexBuilder::new(pattern.inner()).size_limit(PATTERN_SIZE).build();
        compiled.map_err(|e| format!("the pattern of `matches` cannot be used: {}", e.to_string().replace('\n', " ")))?;
    }
    Ok(())
}

/// How much work an expression is, loops within it paid for apart.
fn weight(at: &IdedExpr) -> u64 {
    let own = match &at.expr {
        Expr::Call(call) if call.func_name == "matches" => PATTERN,
        _ => 1,
    };
    own + below(&at.expr).into_iter().map(weight).sum::<u64>()
}

fn call(function: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr { func_name: function.into(), target: None, args })
}

/// Puts an expression into a call that pays for its value.
fn made(at: &mut IdedExpr) {
    let inner = std::mem::take(at);
    *at = IdedExpr { id: inner.id, expr: call(MADE, vec![inner]) };
}

/// Lets every loop, and every value that an expression makes, be paid for.
fn pay(at: &mut IdedExpr) {
    let mut makes = false;
    match &mut at.expr {
        Expr::Comprehension(c) => {
            let weight = i64::try_from(weight(&c.loop_step)).unwrap_or(i64::MAX);
            pay(&mut c.iter_range);
            pay(&mut c.accu_init);
            step(&mut c.loop_step, &c.accu_var);
            let range = std::mem::take(&mut c.iter_range);
            let weight = IdedExpr { id: range.id, expr: Expr::Literal(LiteralValue::Int(weight.into())) };
            c.iter_range = IdedExpr { id: range.id, expr: call(LOOP, vec![range, weight]) };
        }
        Expr::Call(call) => {
            makes = call.func_name == operators::ADD;
            call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).for_each(pay);
        }
        Expr::List(list) => {
            makes = list.elements.iter().any(|element| !matches!(element.expr, Expr::Literal(_)));
            list.elements.iter_mut().for_each(pay);
        }
        Expr::Map(map) => {
            makes = true;
            for entry in &mut map.entries {
                match &mut entry.expr {
                    EntryExpr::StructField(field) => pay(&mut field.value),
                    EntryExpr::MapEntry(pair) => {
                        pay(&mut pair.key);
                        pay(&mut pair.value);
                    }
                }
            }
        }
        Expr::Select(select) => pay(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
    if makes {
        made(at);
    }
}

/// The step of a loop that a macro made: `@result + [x]`, `c ? step : @result`, `@result && x`. The interpreter knows these forms by
/// sight and runs them without a copy for each element, so that only what the user wrote into them is touched.
fn step(at: &mut IdedExpr, accu: &str) {
    let is_accu = |expr: &IdedExpr| matches!(&expr.expr, Expr::Ident(name) if name == accu);
    match &mut at.expr {
        Expr::Call(call) if call.args.first().is_some_and(is_accu) => match call.args.get_mut(1).map(|arg| &mut arg.expr) {
            Some(Expr::List(list)) => list.elements.iter_mut().for_each(|element| {
                pay(element);
                // An element is kept as a copy.
                if !matches!(element.expr, Expr::Literal(_)) {
                    made(element);
                }
            }),
            Some(_) => pay(&mut call.args[1]),
            None => {}
        },
        Expr::Call(call) if call.func_name == operators::CONDITIONAL && call.args.len() == 3 => {
            pay(&mut call.args[0]);
            step(&mut call.args[1], accu);
            step(&mut call.args[2], accu);
        }
        _ => pay(at),
    }
}
