//! Files to a chart, as Helm's loader sorts them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Map;

use super::archive::load_archive_within;
use super::metadata::{LOCK, METADATA};
use super::{Chart, ChartData, File, IgnoreRules, LoadError, Lock, Metadata, shape};
use crate::Json;
use crate::go::quote::quote;
use crate::yaml;

/// Caps on what loading may take: archives inside archives count together. Helm's `MaxDecompressedChartSize` and
/// `MaxDecompressedFileSize` (loader/archive.go), and more.
#[derive(Debug, Clone)]
pub struct LoadLimits {
    /// Bytes of one file (Helm: 5 MiB).
    pub max_file: u64,
    /// Bytes of all files, unpacked (Helm: 100 MiB for each archive).
    pub max_total: u64,
    /// Number of files, those of sub-charts included.
    pub max_files: usize,
    /// Unpacked bytes for each packed one, above the first MiB.
    pub max_ratio: u64,
    /// Charts inside charts: the one that is loaded is at 0.
    pub max_depth: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { max_file: 5 << 20, max_total: 100 << 20, max_files: 20_000, max_ratio: 200, max_depth: 32 }
    }
}

/// What is left of the caps.
pub(super) struct Budget<'a> {
    pub(super) limits: &'a LoadLimits,
    bytes: u64,
    files: usize,
}

impl<'a> Budget<'a> {
    pub(super) fn new(limits: &'a LoadLimits) -> Self {
        Self { limits, bytes: 0, files: 0 }
    }

    /// How much an archive of this size may unpack to.
    pub(super) fn unpacked_left(&self, packed: usize) -> u64 {
        let by_ratio = (packed as u64).saturating_mul(self.limits.max_ratio).max(1 << 20);
        self.limits.max_total.saturating_sub(self.bytes).min(by_ratio)
    }

    pub(super) fn count_unpacked(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn count_file(&mut self) -> Result<(), LoadError> {
        self.files += 1;
        if self.files > self.limits.max_files {
            return Err(LoadError::TooLarge(format!("chart has more than {} files", self.limits.max_files)));
        }
        Ok(())
    }

    pub(super) fn too_large(&self) -> LoadError {
        LoadError::TooLarge(format!("decompressed chart is larger than the maximum file size {}", self.limits.max_total))
    }
}

/// Bytes of ignore rules times bytes of file names, all of which are held against each other.
const MAX_IGNORE_WORK: usize = 1 << 30;

/// Loads a chart from a directory tree, of which it is given paths (relative, with `/`) and contents: `.helmignore` and the
/// order of a directory walk apply. Helm's `loader.LoadDir` (loader/directory.go).
///
/// # Errors
/// Where a file is wrong or a cap is exceeded.
pub fn load_tree(tree: impl IntoIterator<Item = (String, Bytes)>, limits: &LoadLimits) -> Result<Chart, LoadError> {
    let mut tree: Vec<(String, Bytes)> = tree.into_iter().collect();
    tree.sort_by(|a, b| a.0.split('/').cmp(b.0.split('/')));
    let rules = tree.iter().find(|(name, _)| name == ".helmignore").map(|(_, data)| String::from_utf8_lossy(data));
    let names: usize = tree.iter().map(|(name, _)| name.len() + 1).sum();
    if rules.as_ref().is_some_and(|text| text.len().saturating_mul(names) > MAX_IGNORE_WORK) {
        return Err(LoadError::TooLarge(format!("chart file \".helmignore\" is too large for {} files", tree.len())));
    }
    let rules = IgnoreRules::parse(rules.as_deref().unwrap_or_default())?;
    let mut budget = Budget::new(limits);
    let mut files = Vec::new();
    for (name, data) in tree {
        if rules.ignores_file(&name) {
            continue;
        }
        if data.len() as u64 > limits.max_file {
            return Err(LoadError::TooLarge(format!(
                "chart file {} is larger than the maximum file size {}",
                quote(name.rsplit('/').next().unwrap_or(&name)),
                limits.max_file
            )));
        }
        budget.count_file()?;
        budget.count_unpacked(data.len() as u64);
        if budget.bytes > limits.max_total {
            return Err(budget.too_large());
        }
        let data = data.slice(data.len() - strip_bom(&data).len()..);
        files.push(File { name, data });
    }
    load_files_within(files, &mut budget, 0)
}

/// Loads a chart from files that are already chosen and in order, such as those of an unpacked archive. Helm's
/// `loader.LoadFiles` (loader/load.go).
///
/// # Errors
/// Where a file is wrong or a cap is exceeded.
pub fn load_files(files: Vec<File>, limits: &LoadLimits) -> Result<Chart, LoadError> {
    load_files_within(files, &mut Budget::new(limits), 0)
}

pub(super) fn strip_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)
}

pub(super) fn load_files_within(files: Vec<File>, budget: &mut Budget<'_>, depth: usize) -> Result<Chart, LoadError> {
    if depth > budget.limits.max_depth {
        return Err(LoadError::TooLarge(format!("charts are nested deeper than {}", budget.limits.max_depth)));
    }
    let mut parts = Parts::default();
    for file in files.iter().filter(|f| f.name == "Chart.yaml") {
        let fields = typed(file, &METADATA)?;
        merge_fields(parts.metadata.get_or_insert_default(), fields);
        if let Some(Json::Object(meta)) = parts.metadata.as_mut()
            && meta.get("apiVersion").is_none_or(|v| v.as_str() == Some(""))
        {
            meta.insert("apiVersion".to_owned(), Json::String("v1".to_owned()));
        }
    }
    for file in &files {
        parts.sort(file)?;
    }
    let metadata = parts.metadata.take().ok_or(LoadError::NoChartYaml)?;
    let mut metadata = read_metadata(metadata)?;
    metadata.validate()?;
    let dependencies = parts.load_subcharts(&metadata.name, budget, depth)?;
    let file_map = parts.files.iter().map(|f| (f.name.clone(), f.data.clone())).collect();
    Ok(Chart::new(ChartData {
        metadata,
        lock: parts.lock,
        values: parts.values,
        schema: parts.schema,
        templates: parts.templates,
        files: parts.files,
        file_map: Arc::new(file_map),
        raw: files,
        dependencies,
        warnings: parts.warnings,
        cache: super::cache::Cache::default(),
    }))
}

/// A chart's files, sorted by what they are.
#[derive(Default)]
struct Parts {
    metadata: Option<Json>,
    lock: Option<Lock>,
    values: Option<Map<String, Json>>,
    schema: Option<Bytes>,
    templates: Vec<File>,
    files: Vec<File>,
    subcharts: BTreeMap<String, Vec<File>>,
    warnings: Vec<String>,
}

impl Parts {
    fn sort(&mut self, file: &File) -> Result<(), LoadError> {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(read_lock(file)?),
            "values.yaml" => self.values = Some(read_values(file)?),
            "values.schema.json" => self.schema = Some(file.data.clone()),
            "requirements.yaml" => {
                if !self.is_v1() {
                    self.warn("Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.");
                }
                let fields = typed(file, &METADATA)?;
                merge_fields(self.metadata.get_or_insert_default(), fields);
                self.keep_if_v1(file);
            }
            "requirements.lock" => {
                self.lock = Some(read_lock(file)?);
                self.metadata.get_or_insert_default();
                if !self.is_v1() {
                    self.warn("Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.");
                }
                self.keep_if_v1(file);
            }
            name if name.starts_with("templates/") => self.templates.push(file.clone()),
            name => match name.strip_prefix("charts/") {
                Some(below) if !name.ends_with(".prov") => {
                    let folder = below.split('/').next().unwrap_or(below).to_owned();
                    self.subcharts.entry(folder).or_default().push(File { name: below.to_owned(), data: file.data.clone() });
                }
                _ => self.files.push(file.clone()),
            },
        }
        Ok(())
    }

    fn is_v1(&self) -> bool {
        self.metadata.as_ref().and_then(|m| m.get("apiVersion")).and_then(Json::as_str) == Some("v1")
    }

    fn keep_if_v1(&mut self, file: &File) {
        if self.is_v1() {
            self.files.push(file.clone());
        }
    }

    fn warn(&mut self, text: &str) {
        self.warnings.push(format!("Warning: {text}"));
    }

    fn load_subcharts(&mut self, parent: &str, budget: &mut Budget<'_>, depth: usize) -> Result<Vec<Chart>, LoadError> {
        let mut out = Vec::new();
        for (name, files) in std::mem::take(&mut self.subcharts) {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let loaded = if name.ends_with(".tgz") {
                let file = &files[0];
                if file.name != name {
                    return Err(LoadError::SubchartTar { parent: parent.to_owned(), want: name, got: file.name.clone() });
                }
                load_archive_within(&file.data, budget, depth + 1)
            } else {
                // A lone file in charts/ is no chart; as in Helm it leads to "Chart.yaml file is missing".
                let below = files.into_iter().filter_map(|f| {
                    let (_, rest) = f.name.split_once('/')?;
                    Some(File { name: rest.to_owned(), data: f.data })
                });
                load_files_within(below.collect(), budget, depth + 1)
            };
            let chart = loaded.map_err(|e| LoadError::Subchart { name, parent: parent.to_owned(), source: Box::new(e) })?;
            out.push(chart);
        }
        Ok(out)
    }
}

fn bad(file: &File, why: String) -> LoadError {
    LoadError::Yaml { file: file.name.clone(), why }
}

fn tree(file: &File) -> Result<Json, LoadError> {
    yaml_tree(&file.data).map_err(|why| bad(file, why))
}

fn typed(file: &File, to: &'static shape::Struct) -> Result<Map<String, Json>, LoadError> {
    shape::fit(tree(file)?, to).map_err(|why| bad(file, why))
}

fn read_values(file: &File) -> Result<Map<String, Json>, LoadError> {
    let map = shape::fit_map(tree(file)?).map_err(|why| bad(file, why))?;
    Ok(map.into_iter().map(|(k, v)| (k, crate::values::with_floats(v))).collect())
}

fn read_lock(file: &File) -> Result<Lock, LoadError> {
    let mut fields = typed(file, &LOCK)?;
    drop_null_items(&mut fields, "dependencies");
    serde_json::from_value(Json::Object(fields)).map_err(|e| bad(file, e.to_string()))
}

fn read_metadata(mut fields: Json) -> Result<Metadata, LoadError> {
    for (list, text) in [("maintainers", "maintainers"), ("dependencies", "dependencies")] {
        if fields.get(list).and_then(Json::as_array).is_some_and(|items| items.iter().any(Json::is_null)) {
            // The name and version come first in Helm's checks; a null in a list is found after them.
            let mut rest = fields.clone();
            if let Json::Object(map) = &mut rest {
                drop_null_items(map, list);
            }
            read_metadata(rest)?.validate()?;
            return Err(LoadError::Validation(format!("{text} must not contain empty or null nodes")));
        }
    }
    serde_json::from_value(fields.take()).map_err(|e| LoadError::Yaml { file: "Chart.yaml".to_owned(), why: e.to_string() })
}

fn drop_null_items(fields: &mut Map<String, Json>, list: &str) {
    if let Some(Json::Array(items)) = fields.get_mut(list) {
        items.retain(|item| !item.is_null());
    }
}

/// Decoding into a struct that is already filled replaces the fields that the text has.
fn merge_fields(into: &mut Json, fields: Map<String, Json>) {
    if !into.is_object() {
        *into = Json::Object(Map::new());
    }
    if let Json::Object(map) = into {
        map.extend(fields);
    }
}

/// The first document of a YAML file as Helm reads it.
pub(crate) fn yaml_tree(data: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(data).map_err(|_| "error converting YAML to JSON: yaml: invalid UTF-8".to_owned())?;
    yaml::from_str(text).map_err(|e| e.to_string())
}
