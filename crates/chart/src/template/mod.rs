//! Go's text/template as Helm's engine (engine/engine.go) uses it, with the functions of sprig (functions.go) and Helm
//! (engine/funcs.go).
//!
//! ```
//! use std::rc::Rc;
//! use std::sync::Arc;
//! use helmward_chart::template::{Engine, Limits, NoEntropy, NoLookup, TemplateSet, Time, Value, World};
//!
//! let engine = Arc::new(Engine::new(Limits::default()));
//! let mut set = TemplateSet::new(&engine);
//! set.add(engine.parse("c/templates/x.yaml", "name: {{ .name | upper }}")?);
//! let root = Value::from_json(&serde_json::json!({"name": "web"}));
//! let mut world = World::new(Time::unix(0, 0), Rc::new(NoEntropy), Rc::new(NoLookup), Limits::default());
//! assert_eq!(set.render("c/templates/x.yaml", &root, &mut world)?, "name: WEB");
//! # Ok::<(), helmward_chart::template::Error>(())
//! ```
//!
//! - value/: values of Go's types; objects.rs, methods.rs: `.Chart`, `.Capabilities`, `.Files`
//! - lex.rs, parse/, number.rs, ast.rs: text to an immutable, shareable tree
//! - exec/: the tree walker; set.rs: engine and template set; cache.rs: what is kept parsed; world.rs, keyed.rs, budget.rs, stop.rs: what it
//!   takes from outside, and how much
//! - print.rs, printf/: Go's fmt
//! - trace/: where rendered text comes from, recorded if asked for
//! - funcs/: the functions, a file per topic

mod ast;
mod budget;
mod cache;
mod error;
mod exec;
mod funcs;
mod glob;
mod keyed;
mod lex;
mod methods;
mod number;
mod objects;
mod parse;
mod print;
mod printf;
mod set;
mod stack;
mod stop;
pub(crate) mod trace;
mod value;
mod world;

#[cfg(test)]
mod tests;

pub use crate::go::time::Time;
pub use ast::Parsed;
pub use budget::Limits;
pub(crate) use budget::STOPPED;
pub use cache::{ParseCache, ParseCounts};
pub use error::{Error, ErrorKind, Location};
pub(crate) use funcs::re2_syntax;
pub use keyed::{Keyed, Place};
pub use objects::{Capabilities, HelmVersion};
pub use set::{Engine, TemplateSet};
pub use stack::{STACK_SIZE, with_stack};
pub use stop::Stop;
pub use value::{List, ListType, Map, MapType, NamedInt, Str, Struct, ToJsonError, Value};
pub use world::{CallSite, Entropy, Lookup, LookupQuery, NoEntropy, NoLookup, World};
