//! Values: coalescing as Helm does it (chartutil/coalesce.go, dependencies.go), `--set` paths, schema validation.
//!
//! Numbers matter to templates: an integer in a [`Json`] tree is Go's int64 (only `--set` makes those), a float
//! is Go's float64 (all numbers read from YAML or JSON). [`from_yaml`] and [`with_floats`] give the latter.
//!
//! - `tree`: values as Go has them, maps shared by reference
//! - `coalesce`: user values over chart values, globals, nulls
//! - `dependency`: conditions, tags, aliases, version ranges
//! - `import`: `import-values`
//! - [`schema`]: checks by `values.schema.json`
//! - [`strvals`]: the grammars of `--set` and its relatives

mod coalesce;
mod dependency;
mod import;
pub mod schema;
pub mod strvals;
pub(crate) mod tree;
mod work;

use serde_json::{Map, Number};

use crate::Json;
use crate::chart::{shape, yaml_tree};
use crate::template::Limits;

pub(crate) use coalesce::coalesce_values;
pub(crate) use dependency::{Family, Unit, in_range, process_dependencies};
pub(crate) use work::Work;

/// Values cannot be used as they are; the text is Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValuesError(pub String);

/// Bytes of one values document: each copy that a render makes is as large.
pub const MAX_TEXT: usize = 32 << 20;

/// Reads one values document, as `-f` does: empty text is an empty mapping, anything but a mapping an error.
///
/// Helm's `MergeValues` (cli/values/options.go) takes texts of any size; here [`MAX_TEXT`] is the limit.
///
/// # Errors
/// Where the text is too large, no YAML or no mapping.
pub fn from_yaml(text: &[u8]) -> Result<Map<String, Json>, ValuesError> {
    if text.len() > MAX_TEXT {
        return Err(ValuesError(format!("values are too large: {} bytes are over the limit of {MAX_TEXT}", text.len())));
    }
    let tree = yaml_tree(text).map_err(ValuesError)?;
    let map = shape::fit_map(tree).map_err(ValuesError)?;
    Ok(map.into_iter().map(|(k, v)| (k, with_floats(v))).collect())
}

/// Merges a values document over another, as several `-f` are: mappings merge, all else is replaced, null stays. Helm's
/// `mergeMaps` (cli/values/options.go).
pub fn merge(base: &mut Map<String, Json>, over: Map<String, Json>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Json::Object(below)), Json::Object(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The user's values with those of a chart below them, as `chartutil.CoalesceTables` puts them: a null takes a key away.
pub(crate) fn tables_over(user: &Map<String, Json>, below: &Map<String, Json>, log: &mut Vec<String>) -> Map<String, Json> {
    let dest = tree::from_json_map(user);
    coalesce::tables(&dest, &tree::from_json_map(below), coalesce::Nulls::Delete, &mut Work::new(&Limits::default()), log);
    tree::to_json_map(&dest)
}

/// Makes every number the float64 that Go's `json.Unmarshal` makes of it.
pub fn with_floats(mut tree: Json) -> Json {
    walk_numbers(&mut tree, &|n| n.as_f64().and_then(Number::from_f64));
    tree
}

/// Makes every float that is a whole number of at most 2^53 an integer again, as Go's `json.Marshal` prints it.
pub fn plain(mut tree: Json) -> Json {
    walk_numbers(&mut tree, &|n| {
        let f = n.as_f64().filter(|_| n.is_f64())?;
        let whole = f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0;
        #[allow(clippy::cast_possible_truncation)]
        whole.then(|| Number::from(f as i64))
    });
    tree
}

fn walk_numbers(tree: &mut Json, change: &impl Fn(&Number) -> Option<Number>) {
    match tree {
        Json::Number(n) => {
            if let Some(new) = change(n) {
                *n = new;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| walk_numbers(item, change)),
        Json::Object(map) => map.values_mut().for_each(|item| walk_numbers(item, change)),
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
