//! Dictionaries. `set` and `unset` change the caller's map.

use std::collections::BTreeMap;

use super::{Answer, FuncDef, Ty, func, many, map, text};
use crate::template::error::Fail;
use crate::template::exec::{Ctx, may_cycle};
use crate::template::print;
use crate::template::value::{List, Map, MapType, Str as Key, Struct, Value};

use Ty::{Any, Map as Dict, Str};

/// Nesting at which a copy gives up: only cyclic values are deeper.
const MAX_DEPTH: usize = 500;

pub(super) static FUNCS: &[FuncDef] = &[
    many("dict", &[], Any, dict),
    func("get", &[Dict, Str], |_, args| Ok(map(&args[0])?.get(&text(&args[1])).unwrap_or_else(|| Value::str("")))),
    func("set", &[Dict, Str, Any], set),
    func("unset", &[Dict, Str], |_, args| {
        map(&args[0])?.remove(&text(&args[1]));
        Ok(args[0].clone())
    }),
    func("hasKey", &[Dict, Str], |_, args| Ok(Value::Bool(map(&args[0])?.borrow().contains_key(&*text(&args[1]))))),
    many("pluck", &[Str], Dict, |ctx, args| {
        ctx.world.budget.list(args.len())?;
        let key = text(&args[0]);
        Ok(Value::list(args[1..].iter().filter_map(|dict| dict.get(&key)).collect()))
    }),
    many("keys", &[], Dict, |ctx, args| {
        let mut keys: Vec<Key> = Vec::new();
        for dict in args {
            ctx.world.budget.list(map(dict)?.len())?;
            keys.extend(map(dict)?.borrow().keys().cloned());
        }
        Ok(Value::strings(keys))
    }),
    func("values", &[Dict], |ctx, args| {
        ctx.world.budget.list(map(&args[0])?.len())?;
        Ok(Value::list(map(&args[0])?.borrow().values().cloned().collect()))
    }),
    many("pick", &[Dict], Str, |ctx, args| {
        ctx.world.budget.map(args.len())?;
        let dict = map(&args[0])?.borrow();
        let picked = args[1..].iter().filter_map(|key| dict.get_key_value(&*text(key)));
        Ok(Value::map(picked.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }),
    many("omit", &[Dict], Str, |ctx, args| {
        ctx.world.budget.map(map(&args[0])?.len())?;
        let mut dict = map(&args[0])?.borrow().clone();
        for key in &args[1..] {
            dict.remove(&*text(key));
        }
        Ok(Value::map(dict))
    }),
    many("dig", &[], Any, dig),
    func("deepCopy", &[Any], deep_copy),
    func("mustDeepCopy", &[Any], deep_copy),
];

fn key(value: &Value) -> Key {
    match value {
        Value::Str(key) => key.clone(),
        other => print::strval_text(other).into(),
    }
}

fn dict(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    ctx.world.budget.map(args.len() / 2 + 1)?;
    let mut entries = BTreeMap::new();
    for pair in args.chunks(2) {
        entries.insert(key(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| Value::str("")));
    }
    Ok(Value::map(entries))
}

fn set(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let dict = map(&args[0])?;
    if dict.nil {
        return Err("assignment to entry in nil map".into());
    }
    ctx.world.budget.bytes(64)?;
    if may_cycle(&args[2]) {
        ctx.world.note_mutation(dict);
    }
    dict.insert(key(&args[1]), args[2].clone());
    Ok(args[0].clone())
}

fn dig(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let [path @ .., default, dict] = args else {
        return Err("dig needs at least three arguments".into());
    };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let conversion = |value: &Value, want: &str| {
        let got = if value.is_nil() { "nil".to_owned() } else { value.type_name() };
        Fail::Text(format!("interface conversion: interface {{}} is {got}, not {want}"))
    };
    let as_dict = |value: &Value| match value {
        Value::Map(map) if map.ty == MapType::Any => Ok(map.clone()),
        other => Err(conversion(other, "map[string]interface {}")),
    };
    let mut at = as_dict(dict)?;
    if let Some(bad) = path.iter().find(|key| key.string_bytes().is_none()) {
        return Err(conversion(bad, "string"));
    }
    for (i, name) in path.iter().enumerate() {
        let Some(step) = at.get(&text(name)) else {
            return Ok(default.clone());
        };
        if i + 1 == path.len() {
            return Ok(step);
        }
        at = as_dict(&step)?;
    }
    Ok(default.clone())
}

fn deep_copy(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    if args[0].is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    copy(ctx, &args[0], 0)
}

/// A copy that shares no map with the original.
pub(super) fn copy(ctx: &mut Ctx<'_>, value: &Value, depth: usize) -> Answer {
    if depth > MAX_DEPTH {
        return Err("deepCopy error: value is nested too deeply or contains itself".into());
    }
    Ok(match value {
        Value::Map(map) => {
            ctx.world.budget.map(map.len() + 1)?;
            let mut entries = BTreeMap::new();
            for (key, value) in map.borrow().iter() {
                entries.insert(key.clone(), copy(ctx, value, depth + 1)?);
            }
            if map.nil { Value::nil_map(map.ty) } else { Value::Map(Map::new(map.ty, entries)) }
        }
        Value::List(list) => {
            ctx.world.budget.list(list.items.len() + 2)?;
            let items = list.items.iter().map(|item| copy(ctx, item, depth + 1)).collect::<Result<_, _>>()?;
            Value::List(std::rc::Rc::new(List { ty: list.ty, nil: list.nil, items }))
        }
        // Go cannot copy fields that are not exported: the copy is the version 0.0.0.
        Value::Struct(object) if object.ty.name == super::semver::NAME => super::semver::zero(),
        Value::Struct(object) => {
            let fields = object.fields.iter().map(|field| copy(ctx, field, depth + 1)).collect::<Result<_, _>>()?;
            Value::Struct(std::rc::Rc::new(Struct { ty: object.ty, pointer: object.pointer, fields }))
        }
        other => other.clone(),
    })
}
