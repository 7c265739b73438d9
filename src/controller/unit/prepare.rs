//! From a custom resource and its source to what is wanted: the chart and its values, or the manifests of a folder.

use super::Unit;
use super::render::Turn;
use super::run::surroundings;
use super::spec::{BundleSpec, ReleaseSpec, Spec, clean};
use crate::api::Reason;
use crate::api::helm::{ActionStrategy, DriftMode, ReconcileStrategy, RemediationStrategy};
use crate::cluster::{ApiError, Cluster};
use crate::controller::context::Context;
use crate::controller::source::State;
use crate::object::{Json, ObjectId};
use crate::release::{Attempt, Failure, Remedy, RemedyStrategy, Strategy, UnitKey, Want};
use crate::render::target::{Target, digest};
use crate::render::{chart, values};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// What is wanted of a unit, with all that is needed to bring it about.
#[derive(Debug)]
pub struct Prepared {
    /// For the state machine.
    pub want: Want,
    /// The custom resource.
    pub spec: Spec,
    /// The cluster, with the rights that the unit has.
    pub(super) cluster: Cluster,
    pub(super) what: What,
    source: Option<State>,
    /// What whoever wrote the objects should know, a sentence each.
    pub(super) notes: Vec<String>,
}

/// The content that is wanted.
#[derive(Debug)]
pub(super) enum What {
    /// A chart and the values for it.
    Chart { chart: Arc<chart::Loaded>, values: Json },
    /// Objects as they are in the source.
    Objects(Arc<Target>),
    /// Nothing: the unit is being removed.
    Removal,
}

/// What keeps a unit from knowing what is wanted.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) reason: Reason,
    pub(super) message: String,
    /// Objects whose arrival ends it.
    pub(super) awaits: HashSet<ObjectId>,
    /// Whether only time can tell when it ends.
    pub(super) stumbled: bool,
    /// Whether nobody need be told: this process has not looked yet, and what was true before it began still is.
    pub(super) quiet: bool,
}

impl Problem {
    fn waiting(reason: Reason, message: String) -> Self {
        Self { reason, message, awaits: HashSet::new(), stumbled: false, quiet: false }
    }

    fn stumbled(reason: Reason, message: String) -> Self {
        Self { reason, message, awaits: HashSet::new(), stumbled: true, quiet: false }
    }
}

/// A unit that is being removed wants nothing; its policy still counts.
///
/// # Errors
/// Where the identity to act as is not complete.
pub(super) async fn for_removal(ctx: &Context, spec: &Spec) -> Result<Prepared, ApiError> {
    let want = Want {
        attempt: Attempt::default(),
        strategy: Strategy::default(),
        install: Remedy::DEFAULT,
        upgrade: Remedy::DEFAULT,
        correct_drift: false,
        tests: false,
    };
    Ok(Prepared { want, spec: spec.clone(), cluster: spec.act(ctx).await?, what: What::Removal, source: None, notes: Vec::new() })
}

/// Finds out what is wanted.
pub(super) async fn prepare(ctx: &Context, key: &UnitKey, unit: &Unit, spec: &Spec, due: bool) -> Result<Prepared, Problem> {
    if let Spec::Release(release) = spec {
        let own = &release.object.metadata.namespace;
        for namespace in [spec.target_namespace(), spec.storage_namespace()] {
            ctx.tenancy.may_target(own, namespace).map_err(|e| Problem::waiting(Reason::AccessDenied, e))?;
        }
    }
    super::depend::ready(ctx, unit, spec).await?;
    let state = source(ctx, spec)?;
    let snapshot = state.snapshot.clone().expect("source() checked it");
    // Values may live in Secrets and ConfigMaps that changed without a word: they are read again at the interval.
    let _ = due;
    match spec {
        Spec::Release(release) => prepare_release(ctx, key, unit, spec, release, state, &snapshot).await,
        Spec::Bundle(bundle) => prepare_bundle(ctx, unit, spec, bundle, state, &snapshot).await,
    }
}

/// The cluster with the rights of the unit; a Secret that is missing or refused is awaited, since its change wakes the unit.
async fn act(ctx: &Context, spec: &Spec) -> Result<Cluster, Problem> {
    let reason = if spec.is_elsewhere() { Reason::RESTClientError } else { Reason::AccessDenied };
    spec.act(ctx).await.map_err(|e| Problem::waiting(reason, e.to_string()))
}

fn source(ctx: &Context, spec: &Spec) -> Result<State, Problem> {
    let key = spec.source();
    let kind = match spec {
        Spec::Release(r) => match &r.object.spec.chart {
            Some(chart) => chart.spec.source_ref.kind.clone(),
            None => {
                let kind = r.object.spec.chart_ref.as_ref().map_or_else(String::new, |c| c.kind.clone());
                return Err(Problem::waiting(
                    Reason::NotSupported,
                    format!("spec.chartRef ({kind}) is not served yet; use spec.chart with a GitRepository"),
                ));
            }
        },
        Spec::Bundle(b) => b.object.spec.source_ref.kind.clone(),
    };
    if kind != "GitRepository" {
        return Err(Problem::waiting(Reason::NotSupported, format!("sources of kind {kind} are not served yet; use a GitRepository")));
    }
    ctx.tenancy
        .may_refer(&spec.key().namespace, &kind, &key.namespace, &key.name)
        .map_err(|e| Problem::waiting(Reason::AccessDenied, e))?;
    let id = key.id();
    let wait = |message: String| {
        let mut problem = Problem::waiting(Reason::ArtifactFailed, message);
        problem.awaits.insert(id.clone());
        problem
    };
    match ctx.sources.get(&key) {
        Some(state) if state.snapshot.is_some() => Ok(state),
        Some(state) => Err(wait(format!("{key} cannot be read: {}", state.error.unwrap_or_default()))),
        None if ctx.objects.source(&key).is_none() => Err(wait(format!("{key} does not exist"))),
        None => Err(Problem { quiet: true, ..wait(format!("{key} has not been read yet")) }),
    }
}

async fn prepare_release(
    ctx: &Context,
    key: &UnitKey,
    unit: &Unit,
    spec: &Spec,
    release: &ReleaseSpec,
    state: State,
    snapshot: &crate::source::Snapshot,
) -> Result<Prepared, Problem> {
    let object = &release.object.spec;
    let chart_spec = &object.chart.as_ref().expect("source() checked it").spec;
    let path = clean(&chart_spec.chart);
    let files: Vec<String> = chart_spec.values_files.iter().map(|f| clean(f).to_owned()).collect();
    let artifact = |e: String| Problem::waiting(Reason::ArtifactFailed, e);
    let source = spec.source();
    let mut load = chart::Load { path, files: &files, ignore_missing: chart_spec.ignore_missing_values_files, suffix: None };
    let content =
        chart::content_id(snapshot, &load).map_err(|e| artifact(format!("chart ./{path} of {source} at {}: {e}", state.info.revision)))?;
    let strategy = match chart_spec.reconcile_strategy() {
        ReconcileStrategy::ChartVersion => Strategy::ChartVersion,
        ReconcileStrategy::Revision => Strategy::Revision,
    };
    // The suffix is the commit in which this chart's content was last seen to change.
    let last = unit.record().history.iter().rev().find(|r| r.attempt.content == content);
    let suffix = (strategy == Strategy::Revision).then(|| {
        let known = last.and_then(|r| r.attempt.version.split_once('+')).map(|(_, suffix)| suffix.to_owned());
        known.unwrap_or_else(|| state.info.revision.rsplit(':').next().unwrap_or_default().chars().take(12).collect())
    });
    load.suffix = suffix.as_deref();
    let chart = ctx
        .charts
        .get(&content, suffix.as_deref(), || chart::load(snapshot, &load))
        .map_err(|e| artifact(format!("chart ./{path} of {source} at {}: {e}", state.info.revision)))?;
    let values = ctx.values(&key.namespace, object).await.map_err(|e| match e {
        crate::controller::context::ValuesTrouble::Values(e) => Problem::stumbled(Reason::ValuesError, e),
        crate::controller::context::ValuesTrouble::Cluster(e) => Problem::stumbled(Reason::ClusterUnavailable, e),
    })?;
    let test = object.test();
    let remedy = |given: Option<crate::api::helm::Remediation>, strategy: Option<ActionStrategy>| {
        let retry = strategy.and_then(|s| s.retry_after()).and_then(|d| SignedDuration::try_from(d.as_std()).ok());
        given.map_or(Remedy { retry, ignore_tests: test.ignore_failures, ..Remedy::DEFAULT }, |r| Remedy {
            retry,
            retries: Some(i32::try_from(r.retries).unwrap_or(i32::MAX)),
            remedy_last: r.remediate_last_failure,
            strategy: match r.strategy {
                RemediationStrategy::Rollback => RemedyStrategy::Rollback,
                RemediationStrategy::Uninstall => RemedyStrategy::Uninstall,
            },
            ignore_tests: r.ignore_test_failures,
        })
    };
    let mut shape =
        vec![json!(object.target_namespace), json!(object.storage_namespace), json!(release.name), json!(object.common_metadata)];
    if !release.post.is_empty() {
        shape.extend([json!(object.post_renderers), json!(object.post_render_strategy)]);
    }
    let shape = spec.shape(&shape);
    let want = Want {
        attempt: Attempt {
            source_revision: state.info.revision.clone(),
            version: chart.version().to_owned(),
            content,
            config: values::digest(&values),
            shape: digest(&shape),
        },
        strategy,
        install: remedy(object.install().remediation(&test), object.install().strategy),
        upgrade: remedy(object.upgrade().remediation(&test), object.upgrade().strategy),
        correct_drift: object.drift_mode() == DriftMode::Enabled,
        tests: test.enable,
    };
    let cluster = act(ctx, spec).await?;
    Ok(Prepared { want, spec: spec.clone(), cluster, what: What::Chart { chart, values }, source: Some(state), notes: Vec::new() })
}

async fn prepare_bundle(
    ctx: &Context,
    unit: &Unit,
    spec: &Spec,
    bundle: &BundleSpec,
    state: State,
    snapshot: &crate::source::Snapshot,
) -> Result<Prepared, Problem> {
    let object = &bundle.object.spec;
    let cluster = act(ctx, spec).await?;
    let path = object.path();
    let shape = digest(&spec.shape(&[json!(object.target_namespace), json!(object.common_metadata), json!(path)]));
    // The same tree under the same spec is not built again.
    let before =
        unit.prepared.as_ref().filter(|p| p.want.attempt.shape == shape && p.snapshot_digest().as_deref() == Some(&snapshot.digest()));
    let mut notes = Vec::new();
    let target = match before.map(|p| &p.what) {
        Some(What::Objects(target)) => Arc::clone(target),
        _ => {
            let built = ctx.build_bundle(&cluster, &bundle.object, snapshot).await.map_err(|e| {
                Problem::stumbled(
                    Reason::BuildFailed,
                    format!("./{path} of {} at {}: {e}", spec.source(), crate::release::summary::short(&state.info.revision)),
                )
            })?;
            for skipped in &built.skipped {
                tracing::info!(unit = %spec.key(), object = %skipped.id, origin = %skipped.origin, "skipped: it belongs to Flux's own controllers");
            }
            notes = built.notes;
            let manifests = built.manifests;
            Arc::new(Target { manifests, ..Target::default() })
        }
    };
    if target.manifests.is_empty() && unit.record().inventory.len() > 1 && object.prune {
        // An empty folder is more often a mistake than a wish; a source error can never look like this, a wrong path can.
        tracing::warn!(unit = %spec.key(), path, "the folder holds no objects");
    }
    let want = Want {
        attempt: Attempt {
            source_revision: state.info.revision.clone(),
            version: state.info.revision.clone(),
            content: target.digest(),
            config: String::new(),
            shape,
        },
        strategy: Strategy::Revision,
        install: Remedy::DEFAULT,
        upgrade: Remedy::DEFAULT,
        correct_drift: true,
        tests: false,
    };
    Ok(Prepared { want, spec: spec.clone(), cluster, what: What::Objects(target), source: Some(state), notes })
}

impl Prepared {
    /// Renders the target. Costs nothing where it was built to find out what is wanted.
    /// Where objects are given, what they hold that is drawn by chance is kept; the second answer says whether anything is drawn then.
    pub(super) async fn render(&self, ctx: &Context, key: &UnitKey, turn: Turn<'_>) -> Result<(Target, bool), Failure> {
        match &self.what {
            What::Removal => Err(surroundings("the unit is being removed".into())),
            What::Objects(target) => Ok((Target::clone(target), false)),
            What::Chart { chart, values } => {
                let Spec::Release(release) = &self.spec else { return Err(surroundings("a chart belongs to a HelmRelease".into())) };
                super::render::render(ctx, &self.cluster, key, release, chart, values, turn).await
            }
        }
    }

    pub(super) fn chart_name(&self) -> String {
        match &self.what {
            What::Chart { chart, .. } => chart.name().to_owned(),
            _ => String::new(),
        }
    }

    pub(super) fn app_version(&self) -> String {
        match &self.what {
            What::Chart { chart, .. } => chart.app_version().to_owned(),
            _ => String::new(),
        }
    }

    /// Author and subject of the commit.
    pub(super) fn commit(&self) -> String {
        let Some(info) = self.source.as_ref().map(|s| &s.info) else { return String::new() };
        if info.author.is_empty() { info.subject.clone() } else { format!("{}: {}", info.author, info.subject) }
    }

    /// When the commit was seen first.
    pub(super) fn source_seen(&self) -> Option<Timestamp> {
        self.source.as_ref().map(|s| s.seen)
    }

    fn snapshot_digest(&self) -> Option<String> {
        self.source.as_ref().and_then(|s| s.snapshot.as_ref()).map(|s| s.digest())
    }
}
