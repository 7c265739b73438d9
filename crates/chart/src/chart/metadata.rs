//! `Chart.yaml` and `Chart.lock`, and the checks that Helm makes of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shape::{Shape, Struct};
use super::{LoadError, paths};
use crate::Json;
use crate::go::quote::quote;
use crate::go::{semver, unicode};

/// What `Chart.yaml` says: Helm's `chart.Metadata` (chart/metadata.go), with its names in JSON. Templates see Go's names, such
/// as `.Chart.AppVersion`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// The chart's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The project's home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    /// Where its source is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The chart's version, as [`crate::go::semver::Version::parse`] takes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Who keeps it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    /// Address of an icon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// `v1` or `v2`.
    #[serde(rename = "apiVersion", skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// A condition (of no effect at this place).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags (of no effect at this place).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// Version of what the chart installs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Whether it should no longer be used.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Free text by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Versions of Kubernetes that it supports: a range, as [`crate::go::semver::Constraints`] takes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// Declared dependencies; none and an empty list are not the same to Helm.
    #[serde(skip_serializing_if = "no_dependencies")]
    pub dependencies: Option<Vec<Dependency>>,
    /// `application` (or empty) or `library`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub chart_type: String,
}

/// Who keeps a chart: Helm's `chart.Maintainer` (chart/metadata.go).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Mail address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A declared dependency: Helm's `chart.Dependency` (chart/dependency.go).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Name of the chart.
    pub name: String,
    /// Version or range.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it was fetched from.
    pub repository: String,
    /// Paths into the values, separated by commas; the first that leads to a boolean decides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Tags, looked up in the values' `tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether the dependency takes part, as the text has it. A render works it out anew, by conditions and tags.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// Values taken over from the sub-chart: a name below its `exports`, or `{child, parent}`.
    #[serde(rename = "import-values", skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<Json>,
    /// The name under which it takes part.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// What `Chart.lock` says: Helm's `chart.Lock` (chart/dependency.go).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// When it was made, as written.
    pub generated: String,
    /// Digest of the dependencies in `Chart.yaml`.
    pub digest: String,
    /// The versions taken.
    pub dependencies: Vec<Dependency>,
}

const TEXTS: Shape = Shape::List(&Shape::Text);

const MAINTAINER: Struct =
    Struct { name: "Maintainer", full: "chart.Maintainer", fields: &[("name", Shape::Text), ("email", Shape::Text), ("url", Shape::Text)] };

const DEPENDENCY: Struct = Struct {
    name: "Dependency",
    full: "chart.Dependency",
    fields: &[
        ("name", Shape::Text),
        ("version", Shape::Text),
        ("repository", Shape::Text),
        ("condition", Shape::Text),
        ("tags", TEXTS),
        ("enabled", Shape::Bool),
        ("import-values", Shape::List(&Shape::Any)),
        ("alias", Shape::Text),
    ],
};

pub(super) static METADATA: Struct = Struct {
    name: "Metadata",
    full: "chart.Metadata",
    fields: &[
        ("name", Shape::Text),
        ("home", Shape::Text),
        ("sources", TEXTS),
        ("version", Shape::Text),
        ("description", Shape::Text),
        ("keywords", TEXTS),
        ("maintainers", Shape::List(&Shape::Struct(&MAINTAINER))),
        ("icon", Shape::Text),
        ("apiVersion", Shape::Text),
        ("condition", Shape::Text),
        ("tags", Shape::Text),
        ("appVersion", Shape::Text),
        ("deprecated", Shape::Bool),
        ("annotations", Shape::Map(&Shape::Text)),
        ("kubeVersion", Shape::Text),
        ("dependencies", Shape::List(&Shape::Struct(&DEPENDENCY))),
        ("type", Shape::Text),
    ],
};

pub(super) static LOCK: Struct = Struct {
    name: "Lock",
    full: "chart.Lock",
    fields: &[("generated", Shape::Text), ("digest", Shape::Text), ("dependencies", Shape::List(&Shape::Struct(&DEPENDENCY)))],
};

/// The fields of `Chart.yaml` as Helm's struct takes them (`chartutil.LoadChartfile`).
pub(crate) fn chartfile_fields(tree: Json) -> Result<serde_json::Map<String, Json>, String> {
    super::shape::fit(tree, &METADATA)
}

fn no_dependencies(list: &Option<Vec<Dependency>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

fn invalid<T>(text: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError::Validation(text.into()))
}

impl Metadata {
    /// Cleans the texts and checks the rules, in Helm's order.
    pub(super) fn validate(&mut self) -> Result<(), LoadError> {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        if self.api_version.is_empty() {
            return invalid("chart.metadata.apiVersion is required");
        }
        if self.name.is_empty() {
            return invalid("chart.metadata.name is required");
        }
        if self.name == "." || self.name == ".." {
            return invalid(format!("chart.metadata.name {} is not allowed", quote(&self.name)));
        }
        if self.name != paths::base(&self.name) {
            return invalid(format!("chart.metadata.name {} is invalid", quote(&self.name)));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required");
        }
        if semver::Version::parse(&self.version).is_err() {
            return invalid(format!("chart.metadata.version {} is invalid", quote(&self.version)));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library");
        }
        for m in &mut self.maintainers {
            [&mut m.name, &mut m.email, &mut m.url].into_iter().for_each(sanitize);
        }
        let mut seen = Vec::new();
        for dep in self.dependencies.iter_mut().flatten() {
            dep.validate()?;
            let key = if dep.alias.is_empty() { &dep.name } else { &dep.alias };
            if seen.contains(key) {
                return invalid(format!("more than one dependency with name or alias {}", quote(key)));
            }
            seen.push(key.clone());
        }
        Ok(())
    }
}

impl Dependency {
    fn validate(&mut self) -> Result<(), LoadError> {
        let texts = [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition];
        texts.into_iter().chain(&mut self.tags).for_each(sanitize);
        if self.alias.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            Ok(())
        } else {
            invalid(format!("dependency {} has disallowed characters in the alias", quote(&self.name)))
        }
    }
}

/// White space becomes a plain space, what cannot be printed goes.
fn sanitize(text: &mut String) {
    let keep = |c: &char| *c == ' ' || unicode::is_print(*c);
    if text.chars().all(|c| keep(&c)) {
        return;
    }
    *text = text.chars().map(|c| if unicode::is_space(c) { ' ' } else { c }).filter(keep).collect();
}
