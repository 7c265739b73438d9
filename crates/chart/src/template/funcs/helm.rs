//! Helm's own functions: include, tpl, required, fail, lookup, and YAML and JSON.

use std::borrow::Cow;

use super::{Answer, FuncDef, Ty, func, text};
use crate::go::json;
use crate::go::quote::{quote, quote_bytes};
use crate::template::error::{Fail, WARN_END, WARN_START};
use crate::template::exec::Ctx;
use crate::template::set::{NO_VALUE, without_no_value};
use crate::template::value::{Layout, ListType, MapType, Value, json_text, yaml_pretty};
use crate::template::world::LookupQuery;
use crate::yaml;

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("include", &[Str, Any], include),
    func("tpl", &[Str, Any], tpl),
    func("required", &[Str, Any], required),
    func("fail", &[Str], fail),
    func("lookup", &[Str, Str, Str, Str], lookup),
    func("getHostByName", &[Str], |_, _| Ok(Value::str(""))),
    func("toYaml", &[Any], |ctx, args| to_yaml(ctx, &args[0])),
    func("mustToYaml", &[Any], |ctx, args| {
        args[0].to_json().map_err(|err| format!("error marshaling into JSON: {err}"))?;
        to_yaml(ctx, &args[0])
    }),
    func("toYamlPretty", &[Any], |ctx, args| {
        let Ok(text) = yaml_pretty(&args[0]) else { return Ok(Value::str("")) };
        trimmed(ctx, text)
    }),
    func("fromYaml", &[Str], |ctx, args| {
        ctx.world.budget.decode(super::bytes(&args[0]).len())?;
        if let Some(message) = unreadable(&args[0]) {
            return Ok(error_dict(message));
        }
        Ok(match yaml::map_from_str(&yaml_source(&args[0])) {
            Ok(map) => Value::from_json(&crate::Json::Object(map)),
            Err(err) => error_dict(err.to_string()),
        })
    }),
    func("fromYamlArray", &[Str], |ctx, args| {
        ctx.world.budget.decode(super::bytes(&args[0]).len())?;
        if let Some(message) = unreadable(&args[0]) {
            return Ok(Value::list(vec![Value::from(message)]));
        }
        Ok(match yaml::array_from_str(&yaml_source(&args[0])) {
            Ok(items) => Value::from_json(&crate::Json::Array(items)),
            Err(err) => Value::list(vec![Value::from(err.to_string())]),
        })
    }),
    func("toJson", &[Any], |ctx, args| {
        let Ok(text) = json_text(&args[0], Layout::Html) else { return Ok(Value::str("")) };
        ctx.world.budget.bytes(text.len())?;
        Ok(Value::from(text))
    }),
    func("fromJson", &[Str], |ctx, args| {
        ctx.world.budget.decode(super::bytes(&args[0]).len())?;
        Ok(match json::map_from_str(&text(&args[0])) {
            Ok(map) if map.is_empty() && text(&args[0]).trim() == "null" => Value::nil_map(MapType::Any),
            Ok(map) => Value::from_json(&crate::Json::Object(map)),
            Err(err) => error_dict(json::error_of_bytes(&err, super::bytes(&args[0])).to_string()),
        })
    }),
    func("fromJsonArray", &[Str], |ctx, args| {
        ctx.world.budget.decode(super::bytes(&args[0]).len())?;
        Ok(match json::array_from_str(&text(&args[0])) {
            Ok(items) if items.is_empty() && text(&args[0]).trim() == "null" => Value::nil_list(ListType::Any),
            Ok(items) => Value::from_json(&crate::Json::Array(items)),
            Err(err) => Value::list(vec![Value::from(json::error_of_bytes(&err, super::bytes(&args[0])).to_string())]),
        })
    }),
];

fn include(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let Value::Str(name) = &args[0] else {
        let name = quote_bytes(super::bytes(&args[0]));
        return Err(Fail::Text(format!("template: no template {name} associated with template \"gotpl\"")));
    };
    let limit = ctx.world.budget.limits().includes;
    let nested = ctx.world.includes.entry(name.clone()).or_insert(0);
    if *nested > limit {
        return Err(Fail::Text(format!("rendering template has a nested reference name: {name}: unable to execute template")));
    }
    *nested += 1;
    ctx.world.budget.enter()?;
    let mut out = Vec::new();
    let done = ctx.execute_named(name, args[1].clone(), &mut out);
    ctx.world.budget.leave();
    if let Some(nested) = ctx.world.includes.get_mut(name) {
        *nested -= 1;
    }
    done?;
    Ok(Value::bytes_as_string(out))
}

fn tpl(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let source = text(&args[0]);
    if !source.contains("{{") {
        ctx.world.budget.bytes(source.len())?;
        return Ok(if source.contains("<no value>") { Value::from(source.replace("<no value>", "")) } else { args[0].clone() });
    }
    let budget = &mut ctx.world.budget;
    let fresh = || budget.steps(source.len() / 8).and_then(|()| budget.decode(source.len()));
    let parsed = ctx.set.engine().parse_text(&source, fresh).map_err(|fail| match fail {
        Fail::Inner(err, _) => Fail::Inner(err, format!("cannot parse template {}: ", shown(&source))),
        other => other,
    })?;
    ctx.world.budget.enter()?;
    let mut out = Vec::new();
    let done = ctx.execute_text(&parsed, args[1].clone(), &mut out);
    ctx.world.budget.leave();
    done.map_err(|err| Fail::Inner(err, format!("error during tpl function execution for {}: ", shown(&source))))?;
    Ok(match Value::bytes_as_string(out) {
        Value::Str(text) if text.contains("<no value>") => {
            if let Some(trace) = &mut ctx.world.trace {
                trace.without_no_value(&text);
            }
            Value::from(without_no_value(text.to_string()))
        }
        Value::Raw(bytes) => Value::bytes_as_string(super::bytes_without(&bytes, NO_VALUE.as_bytes())),
        other => other,
    })
}

/// The text in an error, as Helm quotes it; only the start of one that no one would read.
fn shown(source: &str) -> String {
    const LONGEST: usize = 64 << 10;
    if source.len() <= LONGEST {
        return quote(source);
    }
    let start: String = source.chars().take(1_000).collect();
    format!("{} (and {} more bytes)", quote(&start), source.len() - start.len())
}

fn marked(message: &str) -> Fail {
    Fail::Marked(format!("{WARN_START}{message}{WARN_END}"))
}

fn fail(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if ctx.world.lint {
        ctx.world.note(format!("[INFO] Fail: {}", text(&args[0])));
        return Ok(Value::str(""));
    }
    Err(marked(&text(&args[0])))
}

fn required(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let missing = match &args[1] {
        Value::Nil => true,
        Value::Str(given) => given.is_empty(),
        _ => false,
    };
    match (missing, ctx.world.lint) {
        (false, _) => Ok(args[1].clone()),
        (true, true) => {
            ctx.world.note(format!("[INFO] Missing required value: {}", text(&args[0])));
            Ok(Value::str(""))
        }
        (true, false) => Err(marked(&text(&args[0]))),
    }
}

fn lookup(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let part = |i: usize| text(&args[i]).into_owned();
    ctx.world.lookup(LookupQuery { api_version: part(0), kind: part(1), namespace: part(2), name: part(3) })
}

/// `toYaml`: the empty string where the value cannot be written.
pub(crate) fn to_yaml(ctx: &mut Ctx<'_>, value: &Value) -> Answer {
    match yaml_text(value) {
        Some(text) => trimmed(ctx, text),
        None => Ok(Value::str("")),
    }
}

/// The YAML of a value with its final line break, if it has a YAML form.
pub(crate) fn yaml_text(value: &Value) -> Option<String> {
    yaml::try_to_string(&value.to_json().ok()?).ok()
}

fn yaml_source(value: &Value) -> Cow<'_, str> {
    yaml::utf16_text(super::bytes(value)).map_or_else(|| text(value), Cow::Owned)
}

/// Why a string that is no UTF-8 is no YAML.
fn unreadable(value: &Value) -> Option<String> {
    match value {
        Value::Raw(bytes) => yaml::encoding_problem(bytes).map(|problem| format!("error converting YAML to JSON: yaml: {problem}")),
        _ => None,
    }
}

fn trimmed(ctx: &mut Ctx<'_>, mut text: String) -> Answer {
    ctx.world.budget.bytes(text.len())?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Value::from(text))
}

pub(super) fn error_dict(message: String) -> Value {
    Value::map([("Error".into(), Value::from(message))].into_iter().collect())
}
