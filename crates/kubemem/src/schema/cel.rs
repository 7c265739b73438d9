//! CEL rules of custom resources (`x-kubernetes-validations`), with the `cel` crate as interpreter.
//!
//! Beforehand only that is checked by type which `check.rs` can tell; the rest fails when it runs.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use cel::extractors::This;
use cel::objects::OptionalValue;
use cel::{Context, Env, ExecutionError, Program, Value as Cel};
use regex::Regex;
use serde_json::Value;

use super::{Kind, MapKind, Quantity, Relation, Rest, Scalar, Schema};
use crate::fields::equal;
use crate::status::{Cause, CauseType};

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    text: String,
    program: Program,
    message: Option<String>,
    message_program: Option<Program>,
    reason: CauseType,
    path: String,
    /// Whether it looks at the value before the change.
    transition: bool,
    /// Whether it runs where there was no such value.
    optional_old: bool,
}

/// What the rules say of an object.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) causes: Vec<Cause>,
    /// Violations by values that did not change: these are only told.
    pub(crate) warnings: Vec<Cause>,
}

/// Reads the rules of a schema; those that cannot be compiled are refused with the CRD.
pub(super) fn read(json: &Value) -> Vec<Rule> {
    let rules = json["x-kubernetes-validations"].as_array();
    rules
        .into_iter()
        .flatten()
        .filter_map(|rule| {
            let text = rule["rule"].as_str()?.trim().to_owned();
            let text_of = |field: &str| rule[field].as_str().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
            Some(Rule {
                program: compile(&text).ok()?,
                message: text_of("message"),
                message_program: text_of("messageExpression").and_then(|t| compile(&t).ok()),
                reason: match rule["reason"].as_str() {
                    Some("FieldValueForbidden") => CauseType::Forbidden,
                    Some("FieldValueRequired") => CauseType::Required,
                    Some("FieldValueDuplicate") => CauseType::Duplicate,
                    _ => CauseType::Invalid,
                },
                path: text_of("fieldPath").unwrap_or_default(),
                transition: text.contains("oldSelf"),
                optional_old: rule["optionalOldSelf"] == true,
                text,
            })
        })
        .collect()
}

/// Why a rule for values of a schema is refused.
pub(crate) fn problem(text: &str, schema: &Value, root: bool) -> Option<String> {
    match compile(text) {
        Ok(program) => super::check::problem(&program, text, schema, root),
        // Go's CEL sets its quotation of the rule in by a space
        Err(why) => Some(format!("compilation failed: {}", why.replace("\n|", "\n |"))),
    }
}

fn compile(text: &str) -> Result<Program, String> {
    environment().compile(text).map_err(|e| e.to_string())
}

fn environment() -> &'static Arc<Env> {
    static ENV: OnceLock<Arc<Env>> = OnceLock::new();
    ENV.get_or_init(|| {
        let mut env = Env::stdlib();
        // they are part of the crate: that they clash cannot be
        let _ = env.add_extension(cel::extensions::strings);
        let _ = env.add_extension(cel::extensions::lists);
        Arc::new(env)
    })
}

/// Runs all rules of an object, or of a change of `old`.
pub(crate) fn evaluate(new: &Value, old: Option<&Value>, schema: &Schema) -> Verdict {
    let mut out = Verdict::default();
    let shown = |object: &Value| {
        let mut object = object.clone();
        if let Some(meta) = object["metadata"].as_object_mut() {
            meta.retain(|name, _| name == "name" || name == "generateName");
        }
        object
    };
    walk(&shown(new), old.map(shown).as_ref(), schema, "", &mut out);
    out
}

fn walk(new: &Value, old: Option<&Value>, schema: &Schema, path: &str, out: &mut Verdict) {
    if new.is_null() {
        return;
    }
    if let Some(rules) = &schema.rules {
        for rule in &rules.cel {
            let Some(cause) = rule.judge(new, old, schema, path) else { continue };
            let unchanged = !rule.transition && old.is_some_and(|old| equal(old, new));
            if unchanged { out.warnings.push(cause) } else { out.causes.push(cause) }
        }
    }
    match (&schema.kind, new) {
        (Kind::Map(map), Value::Object(object)) => {
            for (name, inner) in object {
                let (field, at) = match (map.fields.get(name), &map.rest) {
                    (Some(field), _) if path.is_empty() => (field, name.clone()),
                    (Some(field), _) => (field, format!("{path}.{name}")),
                    (None, Rest::Typed(field)) => (field, format!("{path}[{name}]")),
                    _ => continue,
                };
                walk(inner, old.and_then(|old| old.get(name)), field, &at, out);
            }
        }
        (Kind::List { item, relation }, Value::Array(items)) => {
            for (i, inner) in items.iter().enumerate() {
                let before = match relation {
                    Relation::Map(keys) => old
                        .and_then(Value::as_array)
                        .and_then(|old| old.iter().find(|before| keys.iter().all(|key| before.get(key) == inner.get(key)))),
                    _ => None,
                };
                walk(inner, before, item, &format!("{path}[{i}]"), out);
            }
        }
        _ => {}
    }
}

impl Rule {
    /// The violation, if there is one.
    fn judge(&self, new: &Value, old: Option<&Value>, schema: &Schema, path: &str) -> Option<Cause> {
        if self.transition && old.is_none() && !self.optional_old {
            return None;
        }
        let mut context = Context::with_env(environment().clone());
        functions(&mut context);
        context.add_variable_from_value("self", convert(new, schema));
        if self.optional_old {
            let old = old.map_or_else(OptionalValue::none, |old| OptionalValue::of(convert(old, schema)));
            context.add_variable_from_value("oldSelf", Cel::Opaque(Arc::new(old)));
        } else if let Some(old) = old {
            context.add_variable_from_value("oldSelf", convert(old, schema));
        }
        let at = match (path, self.path.as_str()) {
            ("", "") => "<nil>".to_owned(),
            ("", inner) => inner.trim_start_matches('.').to_owned(),
            (path, inner) => format!("{path}{inner}"),
        };
        match self.program.execute(&context) {
            Ok(Cel::Bool(true)) => None,
            Ok(_) => Some(self.violation(&context, new, at)),
            Err(error) => {
                let shown = Value::from(super::rules::type_name(new));
                let detail = format!("{} evaluating rule: {}", told(&error), self.text);
                Some(Cause::invalid(at, &shown, &detail))
            }
        }
    }

    fn violation(&self, context: &Context<'_, '_>, value: &Value, at: String) -> Cause {
        let expressed = self.message_program.as_ref().and_then(|program| match program.execute(context) {
            Ok(Cel::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        });
        let message = expressed.or_else(|| self.message.clone()).unwrap_or_else(|| format!("failed rule: {}", self.text));
        match self.reason {
            CauseType::Forbidden => Cause::forbidden(at, &message),
            CauseType::Required => Cause::required(at, &message),
            CauseType::Duplicate => Cause::new(CauseType::Duplicate, at, format!("Duplicate value: {value}")),
            // only plain values are shown
            _ if value.is_object() || value.is_array() => Cause::new(CauseType::Invalid, at, format!("Invalid value: {message}")),
            _ => Cause::invalid(at, value, &message),
        }
    }
}

/// An error of evaluation in Go's words.
fn told(error: &ExecutionError) -> String {
    match error {
        ExecutionError::IndexOutOfBounds(Cel::Int(at)) => format!("index out of bounds: {at}"),
        ExecutionError::DivisionByZero(_) => "division by zero".into(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".into(),
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// A JSON value as its schema makes it a CEL value.
fn convert(value: &Value, schema: &Schema) -> Cel {
    let schema = schema.resolve();
    let text = |text: &str| Cel::String(Arc::new(text.to_owned()));
    match (value, &schema.kind) {
        (Value::Null, _) => Cel::Null,
        (Value::Bool(b), _) => Cel::Bool(*b),
        (Value::Number(n), Kind::Scalar(Scalar::Number)) => Cel::Float(n.as_f64().unwrap_or_default()),
        (Value::Number(n), _) => n.as_i64().map_or_else(|| Cel::Float(n.as_f64().unwrap_or_default()), Cel::Int),
        (Value::String(s), _) => match schema.rules.as_ref().and_then(|rules| rules.format()) {
            Some("date-time") => run("timestamp(v)", text(s)).unwrap_or_else(|| text(s)),
            Some("duration") => run("duration(v)", text(s)).unwrap_or_else(|| text(s)),
            _ => text(s),
        },
        (Value::Array(items), Kind::List { item, .. }) => items.iter().map(|inner| convert(inner, item)).collect::<Vec<_>>().into(),
        (Value::Array(items), _) => items.iter().map(|inner| convert(inner, super::any())).collect::<Vec<_>>().into(),
        (Value::Object(object), kind) => {
            let map = if let Kind::Map(map) = kind { Some(map) } else { None };
            let fields = object.iter().filter_map(|(name, inner)| field(name, inner, map));
            fields.collect::<HashMap<String, Cel>>().into()
        }
    }
}

/// A field as rules see it: by its escaped name, and not at all where it is null.
fn field(name: &str, inner: &Value, map: Option<&MapKind>) -> Option<(String, Cel)> {
    match map.map(|map| (map.fields.get(name), &map.rest)) {
        Some((Some(schema), _)) if inner.is_null() && !schema.nullable => None,
        Some((Some(schema), _)) => Some((escaped(name), convert(inner, schema))),
        Some((None, Rest::Typed(schema))) => Some((name.to_owned(), convert(inner, schema))),
        Some((None, Rest::None)) => None,
        _ => Some((name.to_owned(), convert(inner, super::any()))),
    }
}

fn escaped(name: &str) -> String {
    const RESERVED: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__").replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

fn run(text: &str, value: Cel) -> Option<Cel> {
    let mut context = Context::with_env(environment().clone());
    context.add_variable_from_value("v", value);
    compile(text).ok()?.execute(&context).ok()
}

type Text = Arc<String>;
type List = Arc<Vec<Cel>>;

/// What Kubernetes adds to CEL and the crate does not have.
fn functions(context: &mut Context<'_, '_>) {
    let number = |text: &str| Quantity::parse(text).map(|q| q.as_f64());
    let quantity = move |text: Text| number(&text).ok_or_else(|| failed("quantities must match the regular expression"));
    // a name that the crate takes for itself one day is then its own
    let _ = context.add_function("quantity", quantity);
    let _ = context.add_function("isQuantity", move |text: Text| number(&text).is_some());
    let _ = context.add_function("isGreaterThan", |This(a): This<f64>, b: f64| a > b);
    let _ = context.add_function("isLessThan", |This(a): This<f64>, b: f64| a < b);
    let _ = context.add_function("asApproximateFloat", |This(a): This<f64>| a);
    let _ = context.add_function("isURL", |text: Text| url(&text).is_some());
    let _ = context.add_function("url", |text: Text| -> Result<Cel, ExecutionError> {
        url(&text).map(|_| Cel::String(text.clone())).ok_or_else(|| failed("URL parse error"))
    });
    let _ = context.add_function("getScheme", |This(text): This<Text>| url(&text).unwrap_or_default().0);
    let _ = context.add_function("getHost", |This(text): This<Text>| url(&text).unwrap_or_default().1);
    let _ = context.add_function("getHostname", |This(text): This<Text>| {
        url(&text).unwrap_or_default().1.split(':').next().unwrap_or_default().to_owned()
    });
    let _ = context.add_function("getEscapedPath", |This(text): This<Text>| url(&text).unwrap_or_default().2);
    let text = |m: regex::Match<'_>| Cel::String(Arc::new(m.as_str().to_owned()));
    let find = move |This(from): This<Text>, pattern: Text| -> Result<Cel, ExecutionError> {
        let regex = Regex::new(&pattern).map_err(|e| failed(&e.to_string()))?;
        Ok(regex.find(&from).map_or_else(|| Cel::String(Arc::default()), text))
    };
    let find_all = move |This(from): This<Text>, pattern: Text| -> Result<Cel, ExecutionError> {
        let regex = Regex::new(&pattern).map_err(|e| failed(&e.to_string()))?;
        Ok(Cel::List(Arc::new(regex.find_iter(&from).map(text).collect())))
    };
    let _ = context.add_function("find", find);
    let _ = context.add_function("findAll", find_all);
    let _ = context.add_function("isSorted", |This(list): This<List>| {
        list.windows(2).all(|pair| pair[0].partial_cmp(&pair[1]).is_some_and(std::cmp::Ordering::is_le))
    });
    let _ = context.add_function("sum", |This(list): This<List>| {
        let whole: Option<i64> = list.iter().map(|v| if let Cel::Int(n) = v { Some(*n) } else { None }).sum();
        whole.map_or_else(|| Cel::Float(list.iter().map(|v| if let Cel::Float(n) = v { *n } else { 0.0 }).sum()), Cel::Int)
    });
}

fn failed(why: &str) -> ExecutionError {
    ExecutionError::function_error("", why)
}

/// Scheme, host and path of an absolute URL.
fn url(text: &str) -> Option<(String, String, String)> {
    if let Some(path) = text.starts_with('/').then_some(text) {
        return Some((String::new(), String::new(), path.to_owned()));
    }
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    (!scheme.is_empty() && !host.contains(' ')).then(|| (scheme.to_owned(), host.to_owned(), path))
}
