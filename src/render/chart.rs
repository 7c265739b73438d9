//! Charts out of a source: what identifies their content, loading them, and a bounded cache of loaded ones.

use super::values;
use crate::object::Json;
use crate::source::{Snapshot, SnapshotError};
use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadError, LoadLimits, load_tree};
use helmward_chart::yaml;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Loaded charts that are kept.
const KEPT: usize = 128;

/// A loaded chart, with the form in which Helm records it.
#[derive(Debug)]
pub struct Loaded {
    /// The chart.
    pub chart: Chart,
    /// The chart as Helm's release record has it.
    pub record: Arc<Json>,
}

impl Loaded {
    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.chart.metadata().name
    }

    /// Version, with the commit behind it where the strategy asks for that.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.chart.metadata().version
    }

    /// Application version.
    #[must_use]
    pub fn app_version(&self) -> &str {
        &self.chart.metadata().app_version
    }
}

/// Why a chart cannot be had from a source.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The path is not there, or holds what must not be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The files are no chart.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// A values file cannot be used.
    #[error(transparent)]
    Values(#[from] values::ValuesError),
    /// The chart's metadata cannot be read.
    #[error("Chart.yaml: {0}")]
    Metadata(String),
}

/// What to load.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Path of the chart in the source.
    pub path: &'a str,
    /// Values files, from the source's root, that take the place of the chart's own.
    pub files: &'a [String],
    /// Whether values files may be absent.
    pub ignore_missing: bool,
    /// What is put behind the version after a `+`.
    pub suffix: Option<&'a str>,
}

/// What identifies a chart's content: the id of its tree, with the values files that take the place of its own.
///
/// # Errors
/// Where the path or a values file is not there.
pub fn content_id(snapshot: &Snapshot, load: &Load<'_>) -> Result<String, ChartError> {
    let tree = snapshot.tree_id(load.path)?;
    if load.files.is_empty() {
        return Ok(tree);
    }
    let mut hash = Sha256::new();
    hash.update(tree.as_bytes());
    for file in load.files {
        let path = values::inside(file).unwrap_or_default();
        hash.update([0]);
        if snapshot.is_file(&path) {
            hash.update(snapshot.read(&path)?);
        } else if !load.ignore_missing {
            return Err(values::ValuesError::NoFile(path).into());
        }
    }
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

/// Loads a chart.
///
/// # Errors
/// Where files cannot be read, or are no chart.
pub fn load(snapshot: &Snapshot, load: &Load<'_>) -> Result<Loaded, ChartError> {
    let mut files = snapshot.files(load.path)?;
    let read = |path: &str| snapshot.is_file(path).then(|| snapshot.read(path).ok().map(|b| b.to_vec())).flatten();
    if let Some(own) = values::from_files(load.files, load.ignore_missing, read)? {
        replace(&mut files, "values.yaml", yaml::to_string(&own));
    }
    if let Some(suffix) = load.suffix
        && let Some((_, bytes)) = files.iter().find(|(name, _)| name == "Chart.yaml")
    {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut metadata = yaml::from_str(&text).map_err(|e| ChartError::Metadata(e.to_string()))?;
        let version = metadata["version"].as_str().unwrap_or_default().split('+').next().unwrap_or_default().to_owned();
        metadata["version"] = json!(format!("{version}+{suffix}"));
        replace(&mut files, "Chart.yaml", yaml::to_string(&metadata));
    }
    let chart = load_tree(files, &LoadLimits::default())?;
    let record = helmward_chart::release::chart_record(&chart);
    Ok(Loaded { chart, record: Arc::new(record) })
}

fn replace(files: &mut Vec<(String, Bytes)>, name: &str, text: String) {
    files.retain(|(n, _)| n != name);
    files.push((name.to_owned(), Bytes::from(text)));
}

/// A slot of the cache: what it is for, and the chart.
type Slot = (String, Option<String>, Arc<Loaded>);

/// Loaded charts by content, the most recently used first. A thousand releases of one chart load it once.
#[derive(Debug, Default)]
pub struct Cache(Mutex<VecDeque<Slot>>);

impl Cache {
    /// The chart with this content and suffix; loaded where it is not here.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn get(
        &self,
        content: &str,
        suffix: Option<&str>,
        load: impl FnOnce() -> Result<Loaded, ChartError>,
    ) -> Result<Arc<Loaded>, ChartError> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = slots.iter().position(|(c, s, _)| c == content && s.as_deref() == suffix)
            && let Some(slot) = slots.remove(at)
        {
            let chart = Arc::clone(&slot.2);
            slots.push_front(slot);
            return Ok(chart);
        }
        // Loading under the lock: when a commit wakes a thousand releases, one loads and the others find it.
        let chart = Arc::new(load()?);
        slots.push_front((content.to_owned(), suffix.map(str::to_owned), Arc::clone(&chart)));
        slots.truncate(KEPT);
        Ok(chart)
    }
}
