//! What the API server knows of an object's shape: types, list keys, defaults, and how zero values are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

mod builtin;
mod cel;
mod check;
mod custom;
mod decode;
mod format;
mod go;
mod quantity;
mod rules;

pub(crate) use builtin::{document as builtin_types, gvk_name, gvk_schema, object_meta};
pub(crate) use cel::{evaluate, problem as rule_problem};
pub(crate) use custom::{Structural, from_crd, problems_of_default, structural_problems};
pub(crate) use decode::{decode, json_type};
pub(crate) use quantity::Quantity;
pub(crate) use rules::{Rules, validate};

/// The schema of one value.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) kind: Kind,
    pub(crate) default: Option<Value>,
    pub(crate) zero: Zero,
    pub(crate) patch: Patch,
    pub(crate) nullable: bool,
    pub(crate) rules: Option<Box<Rules>>,
}

/// What a value is.
#[derive(Debug, Default)]
pub(crate) enum Kind {
    /// Anything: its shape is deduced from the value.
    #[default]
    Any,
    Scalar(Scalar),
    List {
        item: Arc<Schema>,
        relation: Relation,
    },
    Map(MapKind),
    /// A type of the built-in table, by its position: types may be recursive.
    Ref(usize),
}

/// An object: named fields, others, or both.
#[derive(Debug, Default)]
pub(crate) struct MapKind {
    pub(crate) fields: BTreeMap<String, Arc<Schema>>,
    pub(crate) rest: Rest,
    pub(crate) atomic: bool,
    /// Whether it is an object of Kubernetes inside another.
    pub(crate) embedded: bool,
}

/// Fields of an object that have no name in the schema.
#[derive(Debug, Default)]
pub(crate) enum Rest {
    /// Unknown: dropped, or refused.
    #[default]
    None,
    Typed(Arc<Schema>),
    /// Kept as they are.
    Any,
}

/// How the items of a list relate to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Atomic,
    Set,
    Map(Vec<String>),
}

/// The type of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    String,
    Bytes,
    Time,
    Int32,
    Int64,
    Number,
    Bool,
    IntOrString,
    Quantity,
}

/// How a zero value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zero {
    /// As given.
    #[default]
    Keep,
    /// Left out.
    Omit,
    /// An empty object is written where none was given.
    Struct,
    /// The zero of its type is written where none was given.
    Write,
}

/// How strategic merge patches treat the field.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    pub(crate) merge: bool,
    pub(crate) key: Option<String>,
}

impl Schema {
    /// Follows references.
    pub(crate) fn resolve(&self) -> &Schema {
        match self.kind {
            Kind::Ref(index) => builtin::at(index),
            _ => self,
        }
    }

    /// The schema of a field of an object of this schema.
    pub(crate) fn field(&self, name: &str) -> Option<&Schema> {
        match &self.resolve().kind {
            Kind::Map(map) => match map.fields.get(name) {
                Some(schema) => Some(schema),
                None => match &map.rest {
                    Rest::None => None,
                    Rest::Typed(schema) => Some(schema),
                    Rest::Any => Some(any()),
                },
            },
            Kind::Any => Some(any()),
            _ => None,
        }
    }

    /// Whether the field is one of those with a name of their own.
    pub(crate) fn names(&self, field: &str) -> bool {
        matches!(&self.resolve().kind, Kind::Map(map) if map.fields.contains_key(field))
    }
}

/// The schema that accepts everything.
pub(crate) fn any() -> &'static Schema {
    static ANY: Schema =
        Schema { kind: Kind::Any, default: None, zero: Zero::Keep, patch: Patch { merge: false, key: None }, nullable: true, rules: None };
    &ANY
}

/// An empty list that is always written comes back from the store as none.
pub(crate) fn forget_empty_lists(value: &mut Value, schema: &Schema) {
    let schema = schema.resolve();
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => {
            for (name, inner) in object.iter_mut() {
                match map.fields.get(name) {
                    Some(field) if field.zero == Zero::Write && inner.as_array().is_some_and(Vec::is_empty) => *inner = Value::Null,
                    Some(field) => forget_empty_lists(inner, field),
                    None => {}
                }
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => items.iter_mut().for_each(|value| forget_empty_lists(value, item)),
        _ => {}
    }
}

/// Writes the fields that a server writes even when they are empty, in objects that are there.
pub(crate) fn write_zeros(value: &mut Value, schema: &Schema) {
    let schema = schema.resolve();
    match (&schema.kind, value) {
        (Kind::Map(map), Value::Object(object)) => {
            for (name, field) in &map.fields {
                match field.zero {
                    Zero::Struct => {
                        if !object.contains_key(name) {
                            object.insert(name.clone(), Value::Object(Default::default()));
                        }
                        write_zeros(&mut object[name], field);
                    }
                    Zero::Write if !object.contains_key(name) => {
                        let zero = match field.resolve().kind {
                            Kind::Scalar(Scalar::String | Scalar::Bytes) => Value::from(""),
                            Kind::Scalar(Scalar::Bool) => Value::from(false),
                            Kind::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Number | Scalar::IntOrString) => Value::from(0),
                            Kind::Scalar(Scalar::Quantity) => Value::from("0"),
                            _ => Value::Null,
                        };
                        object.insert(name.clone(), zero);
                    }
                    Zero::Write | Zero::Keep | Zero::Omit => {}
                }
            }
            for (name, inner) in object.iter_mut() {
                match map.fields.get(name) {
                    Some(field) if field.zero == Zero::Struct => {}
                    Some(field) => write_zeros(inner, field),
                    None => {
                        if let Rest::Typed(schema) = &map.rest {
                            write_zeros(inner, schema);
                        }
                    }
                }
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => items.iter_mut().for_each(|value| write_zeros(value, item)),
        _ => {}
    }
}
