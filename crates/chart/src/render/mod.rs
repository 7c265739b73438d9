//! A chart, values, a release and capabilities to manifests, hooks, CRDs and notes.
//!
//! - `ahead`: work for two threads
//! - `capabilities`: what `helm template` assumes of a cluster
//! - `scope`: the root values of each template
//! - `manifest`: rendered files to documents and hooks, in Helm's order
//! - `compat`: where Helm 3 and Helm 4 differ
//! - `lint`: the rendered files as `helm lint` wants them
//! - `name`: release names and their templates
//! - `output`: the text that `helm template` prints
//! - `error`: what can go wrong, in Helm's words
//! - `trace`: which line of which template, and which values, made a line of the output; `origin`: which values file a value is from;
//!   `query`: what is asked for

mod ahead;
mod capabilities;
mod compat;
mod error;
mod lint;
mod manifest;
mod name;
mod origin;
mod output;
mod query;
mod scope;
mod trace;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Map;

pub use capabilities::{HELM_VERSION, HELM4_VERSION, helm_template_capabilities, helm4_template_capabilities, parse_kube_version};
pub use compat::{Compat, helm4_text};
pub use error::RenderError;
pub(crate) use lint::lint_files;
pub use manifest::{Doc, Hook, HookEvent, install_order};
pub use name::{check_release_name, release_name_from};
pub use origin::{Origin, ValuesSource};
pub use output::{TemplateOptions, files_of_failure, show_only, to_template_output, to_template_pieces};
pub use query::{ExplainError, Query};
pub use trace::{ExplainedLine, Part, Reached, TemplatePlace, Traced, explain, explain_all, trace, trace_with_log};

pub(crate) use manifest::Head;

use ahead::Ahead;

use crate::Json;
use crate::chart::Chart;
use crate::template::{
    Capabilities, Engine, Entropy, Limits, Lookup, LookupQuery, NoLookup, ParseCache, Stop, TemplateSet, Time, Value, World, trace::Trace,
    with_stack,
};
use crate::values::{self, Family, tree};

/// All that a render depends on. Nothing is read from elsewhere.
pub struct Input<'a> {
    /// The chart.
    pub chart: &'a Chart,
    /// The user's values, over those of the chart. Integers are Go's int64; see [`crate::values`].
    pub values: &'a Map<String, Json>,
    /// What `.Release` says.
    pub release: ReleaseInfo,
    /// What `.Capabilities` says.
    pub capabilities: &'a Capabilities,
    /// Answers to `lookup`.
    pub lookup: Arc<dyn Lookup + Send + Sync>,
    /// What `now` says, and when certificates begin.
    pub now: Time,
    /// Random bytes for passwords, certificates and the like.
    pub entropy: Arc<dyn Entropy + Send + Sync>,
    /// What the render may use.
    pub limits: Limits,
    /// Switches.
    pub options: Options,
    /// What other renders have parsed. None: renders of this loaded [`Chart`] share one that the chart holds.
    pub cache: Option<Arc<ParseCache>>,
}

/// What `.Release` says: Helm's `ReleaseOptions` and `ToRenderValuesWithSchemaValidation` (chartutil/values.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// `.Release.Name`
    pub name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`, from 1
    pub revision: i64,
    /// `.Release.IsInstall`; the opposite of `.Release.IsUpgrade`.
    pub is_install: bool,
    /// `.Release.IsUpgrade`
    pub is_upgrade: bool,
    /// `.Release.Service`, which is `Helm` there
    pub service: String,
}

/// Switches of a render: fields of Helm's `Install` (action/install.go).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Do not check `values.schema.json`: `--skip-schema-validation`.
    pub skip_schema: bool,
    /// Put the notes of sub-charts into the notes: `--render-subchart-notes`.
    pub sub_notes: bool,
    /// Whose rules hold where Helm 3 and Helm 4 differ.
    pub compat: Compat,
    /// Let a second thread begin from the other end where much is to be parsed or read: for a program that renders one chart and
    /// ends.
    pub two_threads: bool,
}

/// A rendered chart: what Helm's `renderResources` (action/action.go) answers, and more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendered {
    /// The documents that are no hooks, in [`install_order`].
    pub manifests: Vec<Doc>,
    /// The hooks, in [`install_order`] of their kinds; within an event they run by weight, as Helm's `execHook`
    /// (action/hooks.go) does.
    pub hooks: Vec<Hook>,
    /// The files of `crds/`, parents first: Helm's `CRDObjects` (chart/chart.go).
    pub crds: Vec<Crd>,
    /// The text of `NOTES.txt`; empty without one.
    pub notes: String,
    /// What the templates asked `lookup` for, in order of first appearance.
    pub lookups: Vec<LookupQuery>,
    /// The values of the chart and the user as the templates saw them at first: Helm's `CoalesceValues` (chartutil/coalesce.go).
    pub values: Map<String, Json>,
    /// What Helm would warn of, a line each.
    pub warnings: Vec<String>,
}

/// A file of `crds/` with the extension of a manifest: Helm's `chart.CRD` (chart/chart.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// `parent/charts/child/crds/x.yaml`
    pub path: String,
    /// Its bytes: those of the chart, not a copy.
    pub data: Bytes,
}

impl Crd {
    /// Its text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        crate::chart::lossy(&self.data)
    }
}

impl ReleaseInfo {
    /// A first install, as `helm template` renders it: Helm's `RunWithContext` (action/install.go).
    pub fn install(name: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.into(),
            revision: 1,
            is_install: true,
            is_upgrade: false,
            service: "Helm".to_owned(),
        }
    }

    /// An upgrade to this revision: Helm's `prepareUpgrade` (action/upgrade.go).
    pub fn upgrade(name: impl Into<String>, namespace: impl Into<String>, revision: i64) -> Self {
        Self { revision, is_install: false, is_upgrade: true, ..Self::install(name, namespace) }
    }
}

impl<'a> Input<'a> {
    /// An input without answers to `lookup` and with default limits.
    pub fn new(
        chart: &'a Chart,
        values: &'a Map<String, Json>,
        release: ReleaseInfo,
        capabilities: &'a Capabilities,
        now: Time,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Self {
        let (lookup, limits, options) = (Arc::new(NoLookup), Limits::default(), Options::default());
        Self { chart, values, release, capabilities, lookup, now, entropy, limits, options, cache: None }
    }

    fn parse_cache(&self) -> Arc<ParseCache> {
        self.cache.clone().unwrap_or_else(|| self.chart.parse_cache())
    }
}

/// Renders a chart: dependencies, values, schema, templates, hooks, notes. Helm's `renderResources` (action/action.go).
///
/// Nothing but the input decides the result.
///
/// # Errors
/// Where Helm ends with one, a limit is reached, or the caller stops the render.
pub fn render(input: &Input<'_>) -> Result<Rendered, RenderError> {
    render_with_log(input, &mut Vec::new())
}

/// As [`render`], and what Helm would warn of is in `log` even where the render fails.
///
/// # Errors
/// As for [`render`].
pub fn render_with_log(input: &Input<'_>, log: &mut Vec<String>) -> Result<Rendered, RenderError> {
    check_release_name(&input.release.name)?;
    let input = Shared(input);
    with_stack(|| render_here(input.get(), log, None)).map_err(|e| RenderError::Stack(e.to_string()))?
}

/// All fields of an input may be read from the render thread.
#[derive(Clone, Copy)]
struct Shared<'a>(&'a Input<'a>);

impl<'a> Shared<'a> {
    fn get(self) -> &'a Input<'a> {
        self.0
    }
}

fn render_here(input: &Input<'_>, warnings: &mut Vec<String>, record: Option<&mut trace::Recorded>) -> Result<Rendered, RenderError> {
    warnings.extend(input.chart.warnings());
    let user = tree::from_json_map(input.values);
    let mut work = values::Work::new(&input.limits);
    let family = values::process_dependencies(input.chart, &user, &mut work, warnings)?;
    let ahead = if input.options.two_threads { Ahead::start(&family, input) } else { None };
    let values = values::coalesce_values(&family.root, &user, &mut work, warnings)?;
    if !input.options.skip_schema {
        values::schema::validate_all(&family.root, &values)?;
    }
    let final_values = tree::to_json_map(&values);
    check_kube_version(input)?;
    let (root, templates) = scope::templates(&family, &values, input);
    if let Some(ahead) = ahead {
        ahead.finish();
    }
    let how = if record.is_some() { How::Traced } else { How::Plain };
    let (mut files, lookups, trace) = execute(input, &root, templates, how, &mut Vec::new())?;
    if let (Some(record), Some(trace)) = (record, trace) {
        record.fill(&family, trace);
    }
    let notes = take_notes(&mut files, input);
    let (manifests, hooks) = manifest::sort(input, &files, warnings)?;
    Ok(Rendered { manifests, hooks, crds: crds(&family), notes, lookups, values: final_values, warnings: warnings.clone() })
}

/// The rendered files, what was looked up, and the recording if there is one.
type Executed = (BTreeMap<String, String>, Vec<LookupQuery>, Option<Box<Trace>>);

/// What is wanted beside the rendered files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Plain,
    /// Where each text comes from.
    Traced,
    /// `fail` and `required` only leave a word.
    Lint,
}

/// Parses and executes the templates in Helm's order: deepest path first, then backwards by name.
fn execute(
    input: &Input<'_>,
    root: &Value,
    templates: Vec<scope::Template>,
    how: How,
    log: &mut Vec<String>,
) -> Result<Executed, RenderError> {
    let engine = Arc::new(Engine::with_cache(input.limits.clone(), input.parse_cache()));
    let mut set = TemplateSet::new(&engine);
    for template in &templates {
        go_on(&input.limits.stop)?;
        set.add(template.file.parse(&engine)?);
    }
    let mut world = World::new(
        input.now.clone(),
        Rc::new(Outside(Arc::clone(&input.entropy))),
        Rc::new(Outside(Arc::clone(&input.lookup))),
        input.limits.clone(),
    )
    .lint(how == How::Lint);
    if how == How::Traced {
        let mut trace = Trace::new();
        trace.scope(root, true);
        world.trace = Some(Box::new(trace));
    }
    let mut files = BTreeMap::new();
    for template in templates.iter().filter(|t| !t.file.is_partial()) {
        let dot = template.enter();
        if let Some(trace) = &mut world.trace {
            trace.scope(&dot, false);
        }
        let text = set.render(&template.file.path, &dot, &mut world);
        log.extend(world.take_log());
        let text = text.map_err(|error| RenderError::Template { file: template.file.path.clone(), error })?;
        files.insert(template.file.path.clone(), text);
    }
    let lookups = world.lookups().to_vec();
    Ok((files, lookups, world.trace.take()))
}

/// An error once the caller wants the render to end.
fn go_on(stop: &Stop) -> Result<(), RenderError> {
    if stop.is_set() { Err(RenderError::Stopped) } else { Ok(()) }
}

/// What a render takes from outside, shared with other threads.
struct Outside<T: ?Sized>(Arc<T>);

impl<T: Entropy + ?Sized> Entropy for Outside<T> {
    fn fill(&self, site: &crate::template::CallSite, out: &mut [u8]) {
        self.0.fill(site, out);
    }
}

impl<T: Lookup + ?Sized> Lookup for Outside<T> {
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String> {
        self.0.get(query)
    }
}

fn take_notes(files: &mut BTreeMap<String, String>, input: &Input<'_>) -> String {
    let own = format!("{}/templates/NOTES.txt", input.chart.name());
    let mut notes = String::new();
    files.retain(|path, text| {
        if !path.ends_with("NOTES.txt") {
            return true;
        }
        if input.options.sub_notes || *path == own {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(text);
        }
        false
    });
    notes
}

fn crds(family: &Family) -> Vec<Crd> {
    let mut out = Vec::new();
    family.root.visit(&mut |unit| {
        for file in unit.chart().files().iter().filter(|f| f.name.starts_with("crds/") && crate::chart::is_manifest(&f.name)) {
            let path = crate::chart::paths::clean(&format!("{}/{}", unit.full_path(), file.name));
            out.push(Crd { path, data: file.data.clone() });
        }
    });
    out
}

fn check_kube_version(input: &Input<'_>) -> Result<(), RenderError> {
    let (wanted, have) = (&input.chart.metadata().kube_version, &input.capabilities.kube_version);
    if wanted.is_empty() || values::in_range(wanted, have) {
        return Ok(());
    }
    Err(RenderError::KubeVersion { wanted: wanted.clone(), have: have.clone() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
