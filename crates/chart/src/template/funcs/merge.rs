//! `merge` and `mergeOverwrite`, with mergo's idea of what is empty and what is shared.

use super::{Answer, FuncDef, Ty, many, map};
use crate::template::error::Fail;
use crate::template::exec::{Ctx, may_cycle};
use crate::template::value::{Map as MapValue, MapType, Value, is_empty};

use Ty::Map;

/// Nesting at which a merge gives up: only cyclic maps are deeper.
const MAX_DEPTH: usize = 500;

const NOT_ALIKE: &str = "src and dst must be of same type";

pub(super) static FUNCS: &[FuncDef] = &[
    many("merge", &[Map], Map, |ctx, args| match merge(ctx, args, false) {
        // An error of mergo, where others are panics.
        Err(Fail::Text(message)) if message == NOT_ALIKE => Ok(Value::str("")),
        answer => answer,
    }),
    many("mustMerge", &[Map], Map, |ctx, args| merge(ctx, args, false)),
    many("mergeOverwrite", &[Map], Map, |ctx, args| merge(ctx, args, true)),
    many("mustMergeOverwrite", &[Map], Map, |ctx, args| merge(ctx, args, true)),
];

fn merge(ctx: &mut Ctx<'_>, args: &[Value], overwrite: bool) -> Answer {
    let mut into = map(&args[0])?.clone();
    if into.nil && args[1..].iter().any(|source| matches!(source, Value::Map(map) if !map.nil)) {
        into = MapValue::new(MapType::Any, Default::default());
    }
    for source in &args[1..] {
        deep_merge(ctx, &into, map(source)?, overwrite, 0)?;
    }
    Ok(Value::Map(into))
}

fn deep_merge(ctx: &mut Ctx<'_>, into: &MapValue, source: &MapValue, overwrite: bool, depth: usize) -> Result<(), Fail> {
    if depth > MAX_DEPTH {
        return Err("maps to merge are nested too deeply or contain themselves".into());
    }
    if into.same(source) {
        return Ok(());
    }
    ctx.world.budget.steps(1 + source.len() / 4)?;
    // The entries are taken out first: a source may share maps with what it is merged into.
    let entries: Vec<_> = source.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    ctx.world.budget.bytes(64 * entries.len())?;
    let mut noted = false;
    for (key, value) in entries {
        let old = into.get(&key);
        if let (MapType::Strings, Value::List(list)) = (into.ty, &value) {
            // mergo makes a slice in place of what is not there, and asks what is there whether it is nil.
            let of = list.ty.go_name();
            return Err(Fail::Text(match old {
                Some(_) => "reflect: call of reflect.Value.IsNil on string Value".into(),
                None => format!("reflect.Value.SetMapIndex: value of type {of} is not assignable to type string"),
            }));
        }
        let store = match (&old, &value) {
            (_, Value::Nil) => overwrite,
            (Some(Value::Map(old)), Value::Map(new)) => {
                deep_merge(ctx, old, new, overwrite, depth + 1)?;
                // What is empty even now is replaced by the source's map, which is then shared.
                old.is_empty()
            }
            // mergo looks for the fields of the struct in the map.
            (Some(Value::Struct(old)), Value::Map(_)) if !old.pointer => {
                return Err("reflect: call of reflect.Value.Field on map Value".into());
            }
            (Some(Value::Struct(_)), Value::Map(_)) if !overwrite => return Err(NOT_ALIKE.into()),
            (Some(old), _) => overwrite || is_empty(old),
            (None, _) => true,
        };
        if store && matches!(into.ty, MapType::Files | MapType::Strings) && source.ty != into.ty {
            let (of, to) = (source.ty.element(), into.ty.element());
            return Err(Fail::Text(format!("reflect.Value.SetMapIndex: value of type {of} is not assignable to type {to}")));
        }
        if store && !into.nil {
            if !noted && may_cycle(&value) {
                ctx.world.note_mutation(into);
                noted = true;
            }
            into.insert(key, value);
        }
    }
    Ok(())
}
