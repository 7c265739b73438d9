//! The Go types of values: names as `%T` prints them, kinds as `kindOf` does.

use super::Value;
use crate::go::time::{Duration, MONTHS, WEEKDAYS};

/// The type of a slice, of those that reach templates in Helm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListType {
    /// `[]interface {}`
    Any,
    /// `[]string`
    Str,
    /// `[]int`
    Int,
    /// `[][]interface {}`
    Lists,
    /// `[]uint8` that is nil; others are [`Value::Bytes`]
    Bytes,
    /// `chartutil.VersionSet` (chartutil/capabilities.go), a slice of strings with a method
    VersionSet,
    /// `[]*chart.Maintainer`
    Maintainers,
    /// `[]*chart.Dependency`
    Dependencies,
}

/// The type of a map, of those that reach templates in Helm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapType {
    /// `map[string]interface {}`
    Any,
    /// `chartutil.Values` (chartutil/values.go), with a few methods
    Values,
    /// `map[string]string`
    Strings,
    /// `engine.files` (engine/files.go): the files of a chart, as `[]byte`, with methods
    Files,
}

/// A named integer type of Go's `time` that prints itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamedInt {
    /// `time.Duration`, in nanoseconds
    Duration,
    /// `time.Month`, from 1
    Month,
    /// `time.Weekday`, from Sunday = 0
    Weekday,
}

/// The type of a struct of Go: what `reflect.Type` knows of it and its JSON tags say.
pub(crate) struct StructType {
    /// The name as `%T` prints it.
    pub(crate) name: &'static str,
    /// The fields in order.
    pub(crate) fields: &'static [Field],
    /// The field that the struct prints as, where a pointer to it has a `String` method.
    pub(crate) prints_as: Option<usize>,
    /// The field that stands for the struct in JSON, where it has a form of its own.
    pub(crate) json_as: Option<usize>,
}

/// A field of a struct: Go's `reflect.StructField`.
pub(crate) struct Field {
    /// The name in templates.
    pub(crate) name: &'static str,
    /// The name in JSON.
    pub(crate) json: &'static str,
    /// Left out of JSON when empty.
    pub(crate) omit_empty: bool,
    /// An embedded struct, whose fields are reachable without its name.
    pub(crate) embedded: bool,
}

/// Go's reflection kinds, as far as values have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Invalid,
    Bool,
    Int,
    Int64,
    Uint8,
    Uint64,
    Float64,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Int64 => "int64",
            Kind::Uint8 => "uint8",
            Kind::Uint64 => "uint64",
            Kind::Float64 => "float64",
            Kind::String => "string",
            Kind::Slice => "slice",
            Kind::Map => "map",
            Kind::Struct => "struct",
            Kind::Ptr => "ptr",
        }
    }
}

impl Field {
    /// Whether Go lets other packages see it.
    pub(crate) fn is_exported(&self) -> bool {
        self.name.starts_with(|c: char| c.is_ascii_uppercase())
    }
}

impl ListType {
    pub(crate) fn go_name(self) -> &'static str {
        match self {
            ListType::Any => "[]interface {}",
            ListType::Str => "[]string",
            ListType::Int => "[]int",
            ListType::Lists => "[][]interface {}",
            ListType::Bytes => "[]uint8",
            ListType::VersionSet => "chartutil.VersionSet",
            ListType::Maintainers => "[]*chart.Maintainer",
            ListType::Dependencies => "[]*chart.Dependency",
        }
    }
}

impl MapType {
    pub(crate) fn go_name(self) -> &'static str {
        match self {
            MapType::Any => "map[string]interface {}",
            MapType::Values => "chartutil.Values",
            MapType::Strings => "map[string]string",
            MapType::Files => "engine.files",
        }
    }
}

impl MapType {
    /// The type of the values.
    pub(crate) fn element(self) -> &'static str {
        match self {
            MapType::Any | MapType::Values => "interface {}",
            MapType::Strings => "string",
            MapType::Files => "[]uint8",
        }
    }
}

impl NamedInt {
    pub(crate) fn go_name(self) -> &'static str {
        match self {
            NamedInt::Duration => "time.Duration",
            NamedInt::Month => "time.Month",
            NamedInt::Weekday => "time.Weekday",
        }
    }

    /// goyaml v3 knows durations; other named integers are integers to it.
    pub(crate) fn prints_in_yaml(self) -> bool {
        self == NamedInt::Duration
    }

    /// What the `String` method answers.
    pub(crate) fn text(self, n: i64) -> String {
        let name = |names: &[&str], at: i64| usize::try_from(at).ok().and_then(|at| names.get(at)).map(|name| (*name).to_owned());
        match self {
            NamedInt::Duration => Duration(n).to_string(),
            NamedInt::Month => name(&MONTHS, n - 1).unwrap_or_else(|| format!("%!Month({n})")),
            NamedInt::Weekday => name(&WEEKDAYS, n).unwrap_or_else(|| format!("%!Weekday({n})")),
        }
    }
}

impl Value {
    /// The Go type, as `%T` prints it.
    pub fn type_name(&self) -> String {
        match self {
            Value::Struct(object) if object.pointer => format!("*{}", object.ty.name),
            other => other.static_type_name().to_owned(),
        }
    }

    fn static_type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Uint8(_) => "uint8",
            Value::Uint64(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Named(named, _) => named.go_name(),
            Value::Str(_) | Value::Raw(_) => "string",
            Value::Bytes(_) => "[]uint8",
            Value::List(list) => list.ty.go_name(),
            Value::Map(map) => map.ty.go_name(),
            Value::Struct(object) => object.ty.name,
            Value::Time(_) => "time.Time",
        }
    }

    /// The Go kind, as sprig's `kindOf` (reflect.go) names it.
    pub fn kind_name(&self) -> &'static str {
        self.kind().name()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Value::Nil => Kind::Invalid,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Named(NamedInt::Month | NamedInt::Weekday, _) => Kind::Int,
            Value::Int64(_) | Value::Named(NamedInt::Duration, _) => Kind::Int64,
            Value::Uint8(_) => Kind::Uint8,
            Value::Uint64(_) => Kind::Uint64,
            Value::Float(_) => Kind::Float64,
            Value::Str(_) | Value::Raw(_) => Kind::String,
            Value::Bytes(_) | Value::List(_) => Kind::Slice,
            Value::Map(_) => Kind::Map,
            Value::Struct(object) if object.pointer => Kind::Ptr,
            Value::Struct(_) | Value::Time(_) => Kind::Struct,
        }
    }
}
