//! The types that Kubernetes publishes, read once from `data/types.json`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::{Kind, MapKind, Patch, Relation, Rest, Scalar, Schema, Zero};

struct Table {
    document: Map<String, Value>,
    types: Vec<Arc<Schema>>,
    by_gvk: HashMap<(String, String, String), usize>,
    meta: usize,
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let document: Map<String, Value> =
            serde_json::from_str(include_str!("../../data/types.json")).expect("the embedded types are valid JSON");
        let index: BTreeMap<&str, usize> = document.keys().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let mut by_gvk = HashMap::new();
        let mut types = Vec::with_capacity(document.len());
        for (i, (name, json)) in document.iter().enumerate() {
            for gvk in json["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
                let part = |key: &str| gvk[key].as_str().unwrap_or_default().to_owned();
                by_gvk.insert((part("group"), part("version"), part("kind")), i);
            }
            types.push(Arc::new(parse(json, &index, name)));
        }
        let meta = index[META];
        Table { types, by_gvk, meta, document }
    })
}

pub(super) fn at(index: usize) -> &'static Schema {
    &table().types[index]
}

/// The Go name of a type of the table.
pub(super) fn short_name(index: usize) -> &'static str {
    table().document.keys().nth(index).and_then(|name| name.rsplit('.').next()).unwrap_or_default()
}

/// The schema of a built-in kind.
pub(crate) fn gvk_schema(group: &str, version: &str, kind: &str) -> Option<Arc<Schema>> {
    let table = table();
    let index = table.by_gvk.get(&(group.to_owned(), version.to_owned(), kind.to_owned()))?;
    Some(table.types[*index].clone())
}

/// The name of the type of a built-in kind; options and subresources are kinds, too.
pub(crate) fn gvk_name(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    let table = table();
    let index = table.by_gvk.get(&(group.to_owned(), version.to_owned(), kind.to_owned()))?;
    table.document.keys().nth(*index).map(String::as_str)
}

/// The schema of `metadata`.
pub(crate) fn object_meta() -> Arc<Schema> {
    Arc::new(Schema { kind: Kind::Ref(table().meta), zero: Zero::Struct, ..Schema::default() })
}

/// The table as it is embedded: OpenAPI schemas by name.
pub(crate) fn document() -> &'static Map<String, Value> {
    &table().document
}

fn parse(json: &Value, index: &BTreeMap<&str, usize>, name: &str) -> Schema {
    let kind = if let Some(target) = json["$ref"].as_str() {
        Kind::Ref(index[target])
    } else if json["format"] == "int-or-string" {
        Kind::Scalar(Scalar::IntOrString)
    } else if name.ends_with("resource.Quantity") {
        Kind::Scalar(Scalar::Quantity)
    } else {
        match json["type"].as_str() {
            Some("string") => Kind::Scalar(match json["format"].as_str() {
                Some("date-time") => Scalar::Time,
                Some("byte") => Scalar::Bytes,
                _ => Scalar::String,
            }),
            Some("integer") if json["format"] == "int32" => Kind::Scalar(Scalar::Int32),
            Some("integer") => Kind::Scalar(Scalar::Int64),
            Some("number") => Kind::Scalar(Scalar::Number),
            Some("boolean") => Kind::Scalar(Scalar::Bool),
            Some("array") => Kind::List { item: Arc::new(parse(&json["items"], index, "")), relation: relation(json) },
            Some("object") => object(json, index),
            _ => Kind::Any,
        }
    };
    let strategy = json["x-kubernetes-patch-strategy"].as_str().unwrap_or_default();
    Schema {
        kind,
        default: json.get("default").cloned(),
        zero: match json["z"].as_str() {
            Some("o") => Zero::Omit,
            Some("s") => Zero::Struct,
            Some("n") => Zero::Write,
            _ => Zero::Keep,
        },
        patch: Patch {
            merge: strategy.split(',').any(|s| s == "merge"),
            key: json["x-kubernetes-patch-merge-key"].as_str().map(str::to_owned),
        },
        nullable: false,
        rules: None,
    }
}

fn object(json: &Value, index: &BTreeMap<&str, usize>) -> Kind {
    let fields: BTreeMap<String, Arc<Schema>> = json["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.clone(), Arc::new(parse(field, index, ""))))
        .collect();
    let rest = match json.get("additionalProperties") {
        Some(schema @ Value::Object(_)) => Rest::Typed(Arc::new(parse(schema, index, ""))),
        _ => Rest::None,
    };
    if fields.is_empty() && matches!(rest, Rest::None) {
        return Kind::Any;
    }
    Kind::Map(MapKind { fields, rest, atomic: json["x-kubernetes-map-type"] == "atomic", embedded: false })
}

pub(super) fn relation(json: &Value) -> Relation {
    match json["x-kubernetes-list-type"].as_str() {
        Some("set") => Relation::Set,
        Some("map") => Relation::Map(
            json["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(|k| k.as_str().map(str::to_owned)).collect(),
        ),
        _ => Relation::Atomic,
    }
}
