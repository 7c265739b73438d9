//! The CustomResourceDefinitions of every kind, built from a compact description.
//!
//! They accept exactly what Flux's accept; a test compares them field by field. Printer columns are Flux's and a few more.

mod helm;
mod kustomize;
mod notification;
pub(crate) mod schema;
mod shared;
mod source;

use super::names::{CRD_VERSION, KUSTOMIZE_SUBSTITUTE};
use crate::object::Json;
use schema::Schema;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Every CustomResourceDefinition that we install where it is absent, ordered by name.
#[must_use]
pub fn all() -> Vec<Json> {
    let mut all: Vec<Json> = [source::kinds(), helm::kinds(), kustomize::kinds(), notification::kinds()]
        .into_iter()
        .flatten()
        .map(Definition::into_json)
        .collect();
    all.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    all
}

/// Lets GitRepository take `file://` URLs too. Flux's schema refuses them, so this is done only to CRDs that we install
/// ourselves and where a local repository is asked for.
pub fn allow_file_urls(definition: &mut Json) {
    if name_of(definition) != "gitrepositories.source.toolkit.fluxcd.io" {
        return;
    }
    for version in definition.pointer_mut("/spec/versions").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(pattern) = version.pointer_mut("/schema/openAPIV3Schema/properties/spec/properties/url/pattern") {
            *pattern = json!(source::GIT_OR_FILE_URL);
        }
    }
    stamp(definition);
}

/// The schema of a kind's stored version; `None` for kinds that are not ours.
#[must_use]
pub fn schema_of(group: &str, kind: &str) -> Option<&'static Json> {
    static SCHEMAS: std::sync::LazyLock<std::collections::BTreeMap<(String, String), Json>> = std::sync::LazyLock::new(|| {
        all()
            .into_iter()
            .filter_map(|mut definition| {
                let text = |pointer: &str| definition.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
                let key = (text("/spec/group")?, text("/spec/names/kind")?);
                Some((key, definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema")?.take()))
            })
            .collect()
    });
    SCHEMAS.get(&(group.to_owned(), kind.to_owned()))
}

fn name_of(definition: &Json) -> &str {
    definition.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default()
}

/// One kind, with the one version that is served and stored.
struct Definition {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short_name: Option<&'static str>,
    category: &'static str,
    about: &'static str,
    columns: Vec<Column>,
    spec: Schema,
    /// Kinds without a status have no status subresource either.
    status: Option<Schema>,
}

impl Definition {
    fn into_json(self) -> Json {
        let mut fields =
            vec![("apiVersion", schema::string()), ("kind", schema::string()), ("metadata", schema::object([])), ("spec", self.spec)];
        let subresources = if self.status.is_some() { json!({"status": {}}) } else { json!({}) };
        fields.extend(self.status.map(|status| ("status", status)));
        let mut names = json!({
            "categories": ["all", "fluxcd", self.category],
            "kind": self.kind,
            "listKind": format!("{}List", self.kind),
            "plural": self.plural,
            "singular": self.kind.to_lowercase(),
        });
        if let Some(short) = self.short_name {
            names["shortNames"] = json!([short]);
        }
        let mut definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{}.{}", self.plural, self.group),
                "annotations": {KUSTOMIZE_SUBSTITUTE: "disabled"},
            },
            "spec": {
                "group": self.group,
                "names": names,
                "scope": "Namespaced",
                "versions": [{
                    "name": self.version,
                    "served": true,
                    "storage": true,
                    "additionalPrinterColumns": self.columns.into_iter().map(Column::into_json).collect::<Vec<_>>(),
                    "schema": {"openAPIV3Schema": schema::object(fields).about(self.about).into_json()},
                    "subresources": subresources,
                }],
            },
        });
        stamp(&mut definition);
        definition
    }
}

/// Notes a digest of the spec on the definition, so that a definition of ours can be told from others and from older ones.
fn stamp(definition: &mut Json) {
    let digest = Sha256::digest(definition["spec"].to_string().as_bytes());
    let mut text = String::new();
    for byte in &digest[..8] {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    definition["metadata"]["annotations"][CRD_VERSION] = json!(text);
}

/// One column of `kubectl get`.
struct Column {
    name: &'static str,
    kind: &'static str,
    path: &'static str,
}

impl Column {
    const fn text(name: &'static str, path: &'static str) -> Self {
        Self { name, kind: "string", path }
    }

    fn into_json(self) -> Json {
        let mut map = Map::new();
        map.insert("name".into(), self.name.into());
        map.insert("type".into(), self.kind.into());
        map.insert("jsonPath".into(), self.path.into());
        Json::Object(map)
    }
}

const AGE: Column = Column { name: "Age", kind: "date", path: ".metadata.creationTimestamp" };
const READY: Column = Column::text("Ready", ".status.conditions[?(@.type==\"Ready\")].status");
const STATUS: Column = Column::text("Status", ".status.conditions[?(@.type==\"Ready\")].message");

#[cfg(test)]
mod tests;
