//! The root values of each template: `.Values`, `.Chart`, `.Files`, `.Release`, `.Capabilities`, `.Subcharts`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::{Input, RenderError};
use crate::chart::{Chart, paths};
use crate::template::{Engine, Map, MapType, Parsed, Str, Value};
use crate::values::tree::{MapRef, Node};
use crate::values::{Family, Unit};

/// One template file of the chart or of a sub-chart.
pub(super) struct Template {
    /// `parent/charts/child/templates/x.yaml`
    pub(super) path: String,
    /// `parent/charts/child/templates`
    base: String,
    chart: Chart,
    /// Which of the chart's templates.
    index: usize,
    scope: Value,
}

impl Template {
    /// Partials are parsed for their definitions only.
    pub(super) fn is_partial(&self) -> bool {
        paths::base(&self.path).starts_with('_')
    }

    /// Parses the file, or takes what an earlier render has parsed.
    pub(super) fn parse(&self, engine: &Engine) -> Result<Arc<Parsed>, RenderError> {
        let file = &self.chart.templates()[self.index];
        let text = crate::chart::lossy(&file.data);
        engine.parse(&self.path, &text).map_err(|error| RenderError::Template { file: self.path.clone(), error })
    }

    /// The dot of this file. Helm writes `.Template` into the map that all files of the chart share.
    pub(super) fn enter(&self) -> Value {
        let here = [("Name", &self.path), ("BasePath", &self.base)];
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
    let depth = |t: &Template| t.path.matches('/').count();
    out.sort_by(|a, b| depth(b).cmp(&depth(a)).then_with(|| b.path.cmp(&a.path)));
    (root, out)
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
        let library = chart.metadata().chart_type.eq_ignore_ascii_case("library");
        let root = unit.full_path();
        for (index, file) in chart.templates().iter().enumerate() {
            if library && !paths::base(&file.name).starts_with('_') {
                continue;
            }
            let path = paths::clean(&format!("{root}/{}", file.name));
            let base = paths::clean(&format!("{root}/templates"));
            self.found.insert(path.clone(), Template { path, base, chart: chart.clone(), index, scope: scope.clone() });
        }
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
