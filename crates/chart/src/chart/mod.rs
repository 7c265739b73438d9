//! Loading a chart from a tree of files: metadata, dependencies, ignore rules. Helm's packages `chart`, `loader` and `ignore`.
//!
//! - `load`: files to a [`Chart`]
//! - `archive`: packed charts (`.tgz`) to files
//! - `cache`: what is computed once per loaded chart
//! - `ignore`: `.helmignore`
//! - `metadata`: `Chart.yaml` and `Chart.lock`, and their checks
//! - `paths`: Go's path functions
//! - `shape`: how Go's JSON decoder fits a tree into a typed struct
//! - `tar`: the few tar features that chart archives use

mod archive;
mod cache;
mod error;
mod ignore;
mod load;
mod metadata;
pub(crate) mod paths;
pub(crate) mod shape;
mod tar;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

pub use archive::load_archive;
pub use error::LoadError;
pub use ignore::IgnoreRules;
pub(crate) use load::yaml_tree;
pub use load::{LoadLimits, load_files, load_tree};
pub(crate) use metadata::chartfile_fields;
pub use metadata::{Dependency, Lock, Maintainer, Metadata};

use crate::Json;

/// A loaded chart with its sub-charts. Immutable; a clone shares everything. Helm's `chart.Chart` (chart/chart.go).
#[derive(Debug, Clone)]
pub struct Chart {
    inner: Arc<ChartData>,
}

/// What a [`Chart`] holds.
#[derive(Debug)]
pub(crate) struct ChartData {
    pub(crate) metadata: Metadata,
    pub(crate) lock: Option<Lock>,
    pub(crate) values: Option<serde_json::Map<String, Json>>,
    pub(crate) schema: Option<Bytes>,
    pub(crate) templates: Vec<File>,
    pub(crate) files: Vec<File>,
    pub(crate) file_map: Arc<BTreeMap<String, Bytes>>,
    pub(crate) raw: Vec<File>,
    pub(crate) dependencies: Vec<Chart>,
    pub(crate) warnings: Vec<String>,
    pub(crate) cache: cache::Cache,
}

/// One file of a chart: its path relative to the chart's root, and its bytes without a byte order mark. Helm's
/// `loader.BufferedFile` (loader/load.go) and `chart.File` (chart/file.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path relative to the chart's root, `/` between its parts.
    pub name: String,
    /// Content; any bytes.
    pub data: Bytes,
}

impl Chart {
    pub(crate) fn new(data: ChartData) -> Self {
        Self { inner: Arc::new(data) }
    }

    pub(crate) fn data(&self) -> &ChartData {
        &self.inner
    }

    /// The chart's name: Helm's `Chart.Name` (chart/chart.go).
    pub fn name(&self) -> &str {
        &self.inner.metadata.name
    }

    /// What `Chart.yaml` says.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// What `Chart.lock` (or `requirements.lock`) says; None without one. Of two, the one that was read last.
    pub fn lock(&self) -> Option<&Lock> {
        self.inner.lock.as_ref()
    }

    /// The chart's default values: numbers are floats, as Go reads them. None without a `values.yaml`.
    pub fn values(&self) -> Option<&serde_json::Map<String, Json>> {
        self.inner.values.as_ref()
    }

    /// The bytes of `values.schema.json`, as they were read; None without one.
    pub fn schema(&self) -> Option<&[u8]> {
        self.inner.schema.as_deref()
    }

    /// The files of `templates/`, in the order in which they were read.
    pub fn templates(&self) -> &[File] {
        &self.inner.templates
    }

    /// The files that templates see as `.Files`, in the order in which they were read: those that Helm's `LoadFiles`
    /// (loader/load.go) has no other place for, the ones in `crds/` among them.
    pub fn files(&self) -> &[File] {
        &self.inner.files
    }

    /// The files that templates see as `.Files`, by name.
    pub(crate) fn file_map(&self) -> &Arc<BTreeMap<String, Bytes>> {
        &self.inner.file_map
    }

    /// Every file of the chart, those of sub-charts included: Helm's `Chart.Raw` (chart/chart.go).
    pub fn raw(&self) -> &[File] {
        &self.inner.raw
    }

    /// The charts in `charts/`, by the name of their folder or file, before any condition, tag or alias was looked at: Helm's
    /// `Chart.Dependencies` (chart/chart.go), whose order differs from load to load.
    pub fn dependencies(&self) -> &[Chart] {
        &self.inner.dependencies
    }

    /// What was odd while loading, in the words that Helm's `LoadFiles` (loader/load.go) logs; sub-charts included.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.inner.warnings.clone();
        for dep in self.dependencies() {
            all.extend(dep.warnings());
        }
        all
    }

    /// Whether two handles are the same loaded chart.
    pub fn same(&self, other: &Chart) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// An error naming each declared dependency that `charts/` lacks, in the words of `helm template`: Helm's
    /// `CheckDependencies` (action/install.go).
    pub fn check_dependencies(&self) -> Result<(), LoadError> {
        let missing: Vec<&str> = self
            .metadata()
            .dependencies
            .iter()
            .flatten()
            .map(|d| d.name.as_str())
            .filter(|name| !self.dependencies().iter().any(|c| c.name() == *name))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(LoadError::MissingDependencies(missing.join(", "))) }
    }

    /// An error unless the chart is of a type that can be installed: Helm's `checkIfInstallable` (cmd/helm/install.go).
    pub fn check_installable(&self) -> Result<(), LoadError> {
        match self.metadata().chart_type.as_str() {
            "" | "application" => Ok(()),
            other => Err(LoadError::NotInstallable(other.to_owned())),
        }
    }

    /// The chart's name and version with `-` between them, as `helm history` shows it: Helm's `formatChartName` (cmd/helm/history.go).
    pub fn label(&self) -> String {
        format!("{}-{}", self.name(), self.metadata().version)
    }
}

/// The text of bytes. Nearly all are UTF-8, which is checked much faster than the standard library's lossy way does it.
pub(crate) fn lossy(data: &[u8]) -> std::borrow::Cow<'_, str> {
    std::str::from_utf8(data).map_or_else(|_| String::from_utf8_lossy(data), std::borrow::Cow::Borrowed)
}

/// Whether a file of `crds/` counts as a manifest, by its extension.
pub(crate) fn is_manifest(name: &str) -> bool {
    let ext = name.rsplit('/').next().unwrap_or(name).rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase());
    matches!(ext.as_deref(), Some("yaml" | "yml" | "json"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
