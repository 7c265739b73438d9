//! The root values of each template: `.Values`, `.Chart`, `.Files`, `.Release`, `.Capabilities`, `.Subcharts`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::{Input, RenderError};
use crate::chart::{Chart, paths};
use crate::template::{Engine, Map, MapType, Parsed, Str, Value};
use crate::values::tree::{MapRef, Node};
use crate::values::{Family, Unit};

/// One template file of the chart or of a sub-chart.
pub(super) struct File {
    /// `parent/charts/child/templates/x.yaml`
    pub(super) path: String,
    /// `parent/charts/child/templates`
    base: String,
    chart: Chart,
    /// Which of the chart's templates.
    index: usize,
}

/// A file with the values that it sees.
pub(super) struct Template {
    pub(super) file: File,
    scope: Value,
}

impl File {
    /// Partials are parsed for their definitions only.
    pub(super) fn is_partial(&self) -> bool {
        paths::base(&self.path).starts_with('_')
    }

    /// Parses the file, or takes what an earlier render has parsed.
    pub(super) fn parse(&self, engine: &Engine) -> Result<Arc<Parsed>, RenderError> {
        let text = crate::chart::lossy(self.data());
        engine.parse(&self.path, &text).map_err(|error| RenderError::Template { file: self.path.clone(), error })
    }

    /// Its bytes.
    pub(super) fn data(&self) -> &Bytes {
        &self.chart.templates()[self.index].data
    }
}

impl Template {
    /// The dot of this file. Helm writes `.Template` into the map that all files of the chart share.
    pub(super) fn enter(&self) -> Value {
        let here = [("Name", &self.file.path), ("BasePath", &self.file.base)];
        let here = here.into_iter().map(|(k, v)| (Str::from(k), Value::str(v.as_str()))).collect();
        if let Some(map) = self.scope.as_map() {
            map.insert("Template".into(), Value::typed_map(MapType::Values, here));
        }
        self.scope.retyped(MapType::Values)
    }
}

/// The dot of the chart itself, and the templates in the order in which Helm parses and executes them.
pub(super) fn templates(family: &Family, values: &MapRef, input: &Input<'_>) -> (Value, Vec<Template>) {
    let release = &input.release;
    let entries: [(&str, Value); 6] = [
        ("Name", Value::str(release.name.as_str())),
        ("Namespace", Value::str(release.namespace.as_str())),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("IsInstall", Value::Bool(release.is_install)),
        ("Revision", Value::Int(release.revision)),
        ("Service", Value::str(release.service.as_str())),
    ];
    let release = Value::map(entries.into_iter().map(|(k, v)| (Str::from(k), v)).collect());
    let mut scopes = Scopes { release, capabilities: input.capabilities.to_value(), found: BTreeMap::new() };
    let values = Sharing::default().map(values).retyped(MapType::Values);
    let root = scopes.unit(&family.root, values);
    let mut out: Vec<Template> = scopes.found.into_values().collect();
    out.sort_by_cached_key(|template| place(&template.file));
    (root, out)
}

/// The template files of the chart and of its sub-charts, in that order.
pub(super) fn files(family: &Family) -> Vec<File> {
    let mut found = BTreeMap::new();
    family.root.visit(&mut |unit| found.extend(files_of(unit).map(|file| (file.path.clone(), file))));
    let mut out: Vec<File> = found.into_values().collect();
    out.sort_by_cached_key(place);
    out
}

/// Deepest path first, then backwards by name: Helm's `sortTemplates` (engine/engine.go).
fn place(file: &File) -> Reverse<(usize, String)> {
    Reverse((file.path.matches('/').count(), file.path.clone()))
}

fn files_of(unit: &Unit) -> impl Iterator<Item = File> {
    let chart = unit.chart();
    let library = chart.metadata().chart_type.eq_ignore_ascii_case("library");
    let root = unit.full_path();
    let base = paths::clean(&format!("{root}/templates"));
    let files = chart.templates().iter().enumerate();
    files.filter(move |(_, file)| !library || paths::base(&file.name).starts_with('_')).map(move |(index, file)| File {
        path: paths::clean(&format!("{root}/{}", file.name)),
        base: base.clone(),
        chart: chart.clone(),
        index,
    })
}

struct Scopes {
    release: Value,
    capabilities: Value,
    found: BTreeMap<String, Template>,
}

impl Scopes {
    fn unit(&mut self, unit: &Rc<Unit>, values: Value) -> Value {
        let chart = unit.chart();
        let subcharts = Map::new(MapType::Any, BTreeMap::new());
        let entries: [(&str, Value); 6] = [
            ("Chart", Value::chart(&metadata(unit), unit.is_root())),
            ("Files", Value::files(chart.file_map().iter().map(|(name, data)| (name.clone(), data.clone())))),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", values.clone()),
            ("Subcharts", Value::Map(subcharts.clone())),
        ];
        let scope = Value::map(entries.into_iter().map(|(k, v)| (Str::from(k), v)).collect());
        for sub in unit.deps() {
            let name = sub.name();
            let below = self.unit(&sub, sub_values(&values, &name));
            subcharts.insert(name.into(), below);
        }
        self.found.extend(files_of(unit).map(|file| (file.path.clone(), Template { file, scope: scope.clone() })));
        scope
    }
}

/// The values of a sub-chart are the parent's table of that name: the same map, not a copy.
fn sub_values(values: &Value, name: &str) -> Value {
    let found = name.split('.').try_fold(values.clone(), |table, part| table.get(part).filter(|v| v.as_map().is_some()));
    found.unwrap_or_else(|| Value::map(BTreeMap::new())).retyped(MapType::Values)
}

fn metadata(unit: &Unit) -> crate::Json {
    let mut json = serde_json::to_value(unit.chart().metadata()).unwrap_or_default();
    json["name"] = json!(unit.name());
    let left: Vec<_> = unit.requirements().iter().flatten().map(|r| json!(*r.borrow())).collect();
    if left.is_empty() {
        json.as_object_mut().map(|map| map.remove("dependencies"));
    } else {
        json["dependencies"] = left.into();
    }
    json
}

/// Turns values into the engine's, keeping what was shared shared.
#[derive(Default)]
struct Sharing {
    seen: HashMap<*const std::cell::RefCell<BTreeMap<String, Node>>, Value>,
}

impl Sharing {
    fn map(&mut self, map: &MapRef) -> Value {
        if let Some(value) = self.seen.get(&Rc::as_ptr(map)) {
            return value.clone();
        }
        let entries = map.borrow().iter().map(|(k, v)| (Str::from(k.as_str()), self.value(v))).collect();
        let value = Value::map(entries);
        self.seen.insert(Rc::as_ptr(map), value.clone());
        value
    }

    fn value(&mut self, node: &Node) -> Value {
        match node {
            Node::Null => Value::Nil,
            Node::Bool(b) => Value::Bool(*b),
            Node::Int(i) => Value::Int64(*i),
            Node::Float(f) => Value::Float(*f),
            Node::Text(s) => Value::str(&**s),
            Node::List(items) => Value::list(items.borrow().iter().map(|item| self.value(item)).collect()),
            Node::Map(map) => self.map(map),
        }
    }
}
