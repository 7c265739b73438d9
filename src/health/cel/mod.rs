//! CEL expressions over JSON objects, as Flux lets users write them. What such an expression may cost is bounded: its text, its depth,
//! and what it does (`budget`). It cannot stop the daemon: a panic inside of the interpreter is an error of that expression.

mod budget;
#[cfg(test)]
mod tests;

use crate::object::Json;
use budget::Bounded;
use cel::{Context, Env, ExecutionError, Value};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// An expression is not longer than this, in bytes.
const LONGEST: usize = 4096;
/// Room for the parser, which goes as deep as its text is long, and for what is nested deeply. Only what is used costs memory.
const STACK: usize = 64 << 20;
/// An expression that is nested no deeper is evaluated on the stack of whoever asks.
const SHALLOW: usize = 10;
/// Expressions that are kept in their parsed form, whoever wrote them.
const KEPT: usize = 4096;

/// A parsed expression.
#[derive(Debug)]
pub struct Expression {
    bounded: Bounded,
    /// Names that it refers to: the variables, and those that its own macros bind.
    names: Vec<String>,
}

type Parsed = Result<Arc<Expression>, String>;

impl Expression {
    /// Reads an expression. Where `variables` are given, it may refer to no other; where not, to any field of the object that it judges.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, variables: Option<&[&str]>) -> Parsed {
        static CACHE: LazyLock<Mutex<HashMap<String, Parsed>>> = LazyLock::new(Mutex::default);
        let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(text).cloned();
        let parsed = known.unwrap_or_else(|| {
            let parsed = read(text).map(Arc::new);
            let mut cache = lock();
            if cache.len() >= KEPT {
                cache.clear();
            }
            cache.insert(text.to_owned(), parsed.clone());
            parsed
        })?;
        if let Some(variables) = variables {
            let free = parsed.bounded.free_names();
            if let Some(stranger) = free.iter().find(|name| !variables.contains(&name.as_str())) {
                return Err(format!("it refers to `{stranger}`, and there is only {}", variables.join(", ")));
            }
        }
        Ok(parsed)
    }

    /// Whether it holds, with these values for its variables.
    ///
    /// # Errors
    /// Why it cannot be said: a field that is not there, another type than a boolean, too much work. No values are named.
    pub fn holds<'a>(&self, value: impl Fn(&str) -> Option<&'a Json>) -> Result<bool, String> {
        let given: Vec<(&str, &Json)> = self.names.iter().filter_map(|name| Some((name.as_str(), value(name)?))).collect();
        let size = given.iter().map(|(_, json)| weigh(json)).sum();
        let run = || {
            let mut context = Context::with_env(Arc::clone(environment()));
            let _ = self.bounded.provision(&mut context, size);
            for (name, json) in given {
                context.add_variable_from_value(name, convert(json));
            }
            self.bounded.execute(&context)
        };
        let run = || match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(Value::Bool(holds))) => Ok(holds),
            Ok(Ok(_)) => Err("its result is neither true nor false".to_owned()),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err("the interpreter failed at it".to_owned()),
        };
        if self.bounded.depth <= SHALLOW {
            return run();
        }
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("cel".into()).stack_size(STACK).spawn_scoped(scope, run);
            let thread = thread.map_err(|e| format!("there is no thread to evaluate it: {e}"))?;
            thread.join().unwrap_or_else(|_| Err("the interpreter failed at it".into()))
        })
    }
}

fn read(text: &str) -> Result<Expression, String> {
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    if text.len() > LONGEST {
        return Err(format!("it has {} bytes, and {LONGEST} is the most", text.len()));
    }
    let parse = {
        let text = text.to_owned();
        move || {
            let program = environment().compile(&text).map_err(|e| in_one_line(&e.to_string()))?;
            let bounded = Bounded::new(program.expression())?;
            let mut names: Vec<String> = program.references().variables().iter().map(|n| (*n).to_owned()).collect();
            names.sort();
            Ok(Expression { bounded, names })
        }
    };
    let thread = std::thread::Builder::new().name("cel".into()).stack_size(STACK).spawn(parse);
    let thread = thread.map_err(|e| format!("there is no thread to read it: {e}"))?;
    thread.join().unwrap_or_else(|_| Err("the parser failed at it".into()))
}

fn environment() -> &'static Arc<Env> {
    static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::stdlib();
        // It is part of the crate, so that it clashes with nothing.
        let _ = env.add_extension(cel::extensions::strings);
        Arc::new(env)
    });
    &ENV
}

/// The parser's report, without the drawing of where it is.
fn in_one_line(report: &str) -> String {
    let lines: Vec<&str> = report.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('|')).collect();
    let text = lines.join("; ");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Why an evaluation failed. The crate's own words may quote values, which may be secret.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no field `{key}`"),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds".into(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".into(),
        ExecutionError::Overflow(..) => "a number is too large".into(),
        ExecutionError::FunctionError { function, message } if function == budget::NAME => message.clone(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` fails"),
        _ => "a value is of another type than it expects".into(),
    }
}

/// How large a tree is, about, in bytes.
fn weigh(json: &Json) -> usize {
    match json {
        Json::String(text) => 16 + text.len(),
        Json::Array(items) => 16 + items.iter().map(weigh).sum::<usize>(),
        Json::Object(map) => 16 + map.iter().map(|(key, inner)| 16 + key.len() + weigh(inner)).sum::<usize>(),
        _ => 16,
    }
}

/// A tree as CEL has it: whole numbers are `int`, whatever their size allows.
fn convert(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(on) => Value::Bool(*on),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => items.iter().map(convert).collect::<Vec<_>>().into(),
        Json::Object(map) => map.iter().map(|(key, inner)| (key.clone(), convert(inner))).collect::<HashMap<String, Value>>().into(),
    }
}
