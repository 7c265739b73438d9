//! From a custom resource and its source to what is wanted: the chart and its values, or the manifests of a folder.

use super::Unit;
use super::run::surroundings;
use crate::api::helm::{CrdsPolicy, DeletionPropagation, DriftMode, ReconcileStrategy, RemediationStrategy};
use crate::api::unsupported::Unsupported;
use crate::api::{self, Condition, HelmRelease, Kustomization, ObjectMeta, Reason, names};
use crate::cluster::{ApiError, Cluster, Owner, Propagation};
use crate::controller::context::Context;
use crate::controller::source::{SourceKey, State};
use crate::object::{Json, Manifest, ObjectId};
use crate::plan::{drift, ignore::Rules};
use crate::release::{Attempt, Failure, Remedy, RemedyStrategy, RunAction, Strategy, UnitKey, UnitKind, Want};
use crate::render::target::{Target, digest};
use crate::render::{chart, values};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// A unit's custom resource, read.
#[derive(Debug, Clone)]
pub enum Spec {
    /// A `HelmRelease`.
    Release(Box<ReleaseSpec>),
    /// A `Kustomization`.
    Bundle(Box<BundleSpec>),
}

/// A read `HelmRelease`, with what is derived from it once.
#[derive(Debug, Clone)]
pub struct ReleaseSpec {
    pub(super) object: HelmRelease,
    pub(super) name: String,
    rules: Rules,
    unsupported: Vec<Unsupported>,
}

/// A read `Kustomization`, likewise.
#[derive(Debug, Clone)]
pub struct BundleSpec {
    pub(super) object: Kustomization,
    unsupported: Vec<Unsupported>,
}

/// What a run may do, as the spec says for its action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// How long health and each hook may take.
    pub timeout: SignedDuration,
    /// Whether health is waited for.
    pub wait: bool,
    /// Whether Jobs are waited for.
    pub wait_for_jobs: bool,
    /// Whether hooks run.
    pub hooks: bool,
    /// What becomes of the CRDs in `crds/`.
    pub crds: CrdsPolicy,
    /// Whether objects that are no longer wanted are deleted.
    pub prune: bool,
    /// What becomes of the dependents of deleted objects.
    pub propagation: Propagation,
}

impl Spec {
    /// Reads a custom resource.
    pub(super) fn parse(kind: UnitKind, object: &Json) -> Result<Self, String> {
        let unsupported = api::unsupported::unsupported_fields(object);
        match kind {
            UnitKind::Release => {
                let object = api::parse_helm_release(object).map_err(|e| e.to_string())?;
                let rules: Vec<crate::plan::ignore::Rule> = serde_json::from_value(json!(object.spec.drift_ignore())).unwrap_or_default();
                let rules = Rules::compile(&rules).map_err(|e| format!("spec.driftDetection.{e}"))?;
                Ok(Self::Release(Box::new(ReleaseSpec { name: object.release_name(), object, rules, unsupported })))
            }
            UnitKind::Bundle => {
                let object = api::parse_kustomization(object).map_err(|e| e.to_string())?;
                Ok(Self::Bundle(Box::new(BundleSpec { object, unsupported })))
            }
        }
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Release(r) => &r.object.metadata,
            Self::Bundle(b) => &b.object.metadata,
        }
    }

    pub(super) fn kind(&self) -> UnitKind {
        match self {
            Self::Release(_) => UnitKind::Release,
            Self::Bundle(_) => UnitKind::Bundle,
        }
    }

    pub(super) fn key(&self) -> UnitKey {
        UnitKey { kind: self.kind(), namespace: self.metadata().namespace.clone(), name: self.metadata().name.clone() }
    }

    pub(super) fn generation(&self) -> i64 {
        self.metadata().generation.unwrap_or_default()
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata().annotation(key)
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.metadata().is_deleting()
    }

    /// Whether our finalizer is on it.
    pub fn has_finalizer(&self) -> bool {
        self.metadata().has_finalizer()
    }

    fn unsupported_fields(&self) -> &[Unsupported] {
        match self {
            Self::Release(r) => &r.unsupported,
            Self::Bundle(b) => &b.unsupported,
        }
    }

    /// Fields of the spec that are not honoured yet, in words.
    pub(super) fn unsupported(&self) -> Vec<String> {
        self.unsupported_fields().iter().map(ToString::to_string).collect()
    }

    /// Why nothing of it may be applied: fields without which something else would be brought about.
    pub(super) fn blocked(&self) -> Option<String> {
        let fields: Vec<String> = self.unsupported_fields().iter().filter(|u| u.blocking).map(ToString::to_string).collect();
        (!fields.is_empty()).then(|| format!("not honoured yet, so nothing is applied: {}; take it out of the object", fields.join(", ")))
    }

    /// Secrets and ConfigMaps that values come from.
    pub(super) fn inputs(&self) -> HashSet<ObjectId> {
        match self {
            Self::Release(r) => {
                let own = &r.object.metadata.namespace;
                r.object.spec.values_from.iter().map(|v| ObjectId::new("", v.kind.as_str(), own, &v.name)).collect()
            }
            Self::Bundle(_) => HashSet::new(),
        }
    }

    pub(super) fn conditions(&self) -> &[Condition] {
        match self {
            Self::Release(r) => &r.object.status.conditions,
            Self::Bundle(b) => &b.object.status.conditions,
        }
    }

    pub(super) fn suspended(&self) -> bool {
        match self {
            Self::Release(r) => r.object.spec.suspend,
            Self::Bundle(b) => b.object.spec.suspend,
        }
    }

    pub(super) fn interval(&self) -> SignedDuration {
        signed(match self {
            Self::Release(r) => r.object.spec.interval,
            Self::Bundle(b) => b.object.spec.interval,
        })
    }

    /// A request of a person that was not obeyed yet.
    pub(super) fn requested(&self, handled: Option<&str>) -> Option<String> {
        self.metadata().requested_at().filter(|r| !r.is_empty() && Some(*r) != handled).map(str::to_owned)
    }

    /// As Flux: a force counts only together with a request of the same value.
    pub(super) fn forced(&self) -> bool {
        self.annotation(names::FORCE_AT).is_some_and(|f| Some(f) == self.metadata().requested_at())
    }

    pub(super) fn adopts(&self) -> bool {
        self.annotation(names::ADOPT).is_some_and(|v| matches!(v, "enabled" | "true"))
    }

    /// The revision that a person wants to go back to.
    pub(super) fn rollback_to(&self) -> Option<u32> {
        self.annotation(names::ROLLBACK_TO)?.parse().ok()
    }

    /// The service account that it names.
    fn service_account(&self) -> Option<&str> {
        match self {
            Self::Release(r) => r.object.spec.service_account_name.as_deref(),
            Self::Bundle(b) => b.object.spec.service_account_name.as_deref(),
        }
    }

    /// The account that it acts as, if not as the daemon.
    pub(super) fn account(&self, ctx: &Context) -> Option<ObjectId> {
        let name = ctx.tenancy.account(self.service_account())?;
        Some(ObjectId::new("", "ServiceAccount", &self.metadata().namespace, name))
    }

    /// The cluster with the rights that it has.
    ///
    /// # Errors
    /// Where the identity to act as is not complete.
    pub(super) fn act(&self, ctx: &Context) -> Result<Cluster, ApiError> {
        ctx.tenancy.act(&ctx.cluster, &self.metadata().namespace, self.service_account())
    }

    pub(super) fn source(&self) -> SourceKey {
        let (reference, own) = match self {
            Self::Release(r) => (r.object.spec.chart.as_ref().map(|c| &c.spec.source_ref), &r.object.metadata.namespace),
            Self::Bundle(b) => (Some(&b.object.spec.source_ref), &b.object.metadata.namespace),
        };
        match reference {
            Some(reference) => SourceKey { namespace: reference.namespace_or(own).to_owned(), name: reference.name.clone() },
            None => SourceKey { namespace: own.clone(), name: String::new() },
        }
    }

    pub(super) fn path(&self) -> &str {
        match self {
            Self::Release(r) => r.object.spec.chart.as_ref().map_or("", |c| clean(&c.spec.chart)),
            Self::Bundle(b) => b.object.spec.path(),
        }
    }

    /// Namespace and name of the Helm release; the unit's own for bundles.
    pub(super) fn release(&self) -> (&str, &str) {
        match self {
            Self::Release(r) => (r.object.release_namespace(), &r.name),
            Self::Bundle(b) => (&b.object.metadata.namespace, &b.object.metadata.name),
        }
    }

    pub(super) fn storage_namespace(&self) -> &str {
        match self {
            Self::Release(r) => r.object.storage_namespace(),
            Self::Bundle(b) => &b.object.metadata.namespace,
        }
    }

    pub(super) fn target_namespace(&self) -> &str {
        match self {
            Self::Release(r) => r.object.release_namespace(),
            Self::Bundle(b) => b.object.spec.target_namespace.as_deref().unwrap_or_default(),
        }
    }

    pub(super) fn create_namespace(&self) -> Option<&str> {
        match self {
            Self::Release(r) if r.object.spec.install().create_namespace => Some(r.object.release_namespace()),
            _ => None,
        }
    }

    pub(super) fn max_history(&self) -> u32 {
        match self {
            Self::Release(r) => u32::try_from(r.object.spec.max_history()).unwrap_or(0),
            Self::Bundle(_) => 5,
        }
    }

    pub(super) fn depends_on(&self) -> Vec<UnitKey> {
        let (list, own) = match self {
            Self::Release(r) => (&r.object.spec.depends_on, &r.object.metadata.namespace),
            Self::Bundle(b) => (&b.object.spec.depends_on, &b.object.metadata.namespace),
        };
        list.iter().map(|d| UnitKey { kind: self.kind(), namespace: d.namespace_or(own).to_owned(), name: d.name.clone() }).collect()
    }

    pub(super) fn drift_mode(&self) -> drift::Mode {
        match self {
            Self::Release(r) => match r.object.spec.drift_mode() {
                DriftMode::Enabled => drift::Mode::Enabled,
                DriftMode::Warn => drift::Mode::Warn,
                DriftMode::Disabled => drift::Mode::Disabled,
            },
            Self::Bundle(_) => drift::Mode::Enabled,
        }
    }

    /// The word that the spec has for it.
    pub(super) fn drift_word(&self) -> &'static str {
        match self.drift_mode() {
            drift::Mode::Enabled => "enabled",
            drift::Mode::Warn => "warn",
            drift::Mode::Disabled => "disabled",
        }
    }

    /// Whether drift is worth a condition.
    pub(super) fn detects_drift(&self) -> bool {
        self.drift_mode() != drift::Mode::Disabled
    }

    pub(super) fn rules(&self) -> &Rules {
        static NONE: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(Rules::default);
        match self {
            Self::Release(r) => &r.rules,
            Self::Bundle(_) => &NONE,
        }
    }

    /// The manifest without the fields that rules leave to others.
    pub(super) fn without_ignored(&self, manifest: &Manifest) -> Manifest {
        let mut manifest = manifest.clone();
        self.rules().strip(&mut manifest.body);
        manifest
    }

    /// Whether a deletion of the custom resource takes its objects along.
    pub(super) fn deletes_objects(&self) -> bool {
        match self {
            Self::Release(_) => true,
            Self::Bundle(b) => b.object.spec.deletes_on_removal(),
        }
    }

    /// Whether the revisions of an uninstalled release are kept.
    pub(super) fn keeps_history(&self) -> bool {
        matches!(self, Self::Release(r) if r.object.spec.uninstall().keep_history)
    }

    /// For whom objects are applied.
    pub(super) fn owner(&self) -> Owner {
        let UnitKey { namespace, name, .. } = self.key();
        let (release_namespace, release_name) = self.release();
        match self {
            Self::Release(_) => Owner::HelmRelease {
                release_namespace: release_namespace.to_owned(),
                release_name: release_name.to_owned(),
                namespace,
                name,
            },
            Self::Bundle(_) => Owner::Kustomization { namespace, name },
        }
    }

    /// Whether an object whose immutable field changed may be deleted and made again.
    pub(super) fn recreates(&self, manifest: &Manifest) -> bool {
        let says = |value: Option<&str>| value.is_some_and(|v| matches!(v.to_lowercase().as_str(), "enabled" | "true"));
        says(manifest.annotation(names::KUSTOMIZE_FORCE)) || says(self.annotation(names::RECREATE))
    }

    /// Labels of a namespace that is made for the release, as Flux sets them.
    pub(super) fn namespace_labels(&self) -> Json {
        json!({names::HELM_NAME: self.key().name, names::HELM_NAMESPACE: self.key().namespace})
    }

    pub(super) fn policy(&self, action: RunAction) -> Policy {
        match self {
            Self::Release(r) => release_policy(&r.object, action),
            Self::Bundle(b) => {
                let spec = &b.object.spec;
                Policy {
                    timeout: signed(spec.timeout()),
                    wait: spec.wait || !spec.health_checks.is_empty(),
                    wait_for_jobs: true,
                    hooks: false,
                    crds: CrdsPolicy::Create,
                    prune: if action == RunAction::Uninstall { spec.deletes_on_removal() } else { spec.prune },
                    propagation: Propagation::Background,
                }
            }
        }
    }

    /// The objects whose health is waited for.
    pub(super) fn waits_for(&self, manifests: &[Manifest], action: RunAction) -> Vec<ObjectId> {
        let jobs = self.policy(action).wait_for_jobs;
        let all = || manifests.iter().filter(|m| jobs || m.id.kind != "Job").map(|m| m.id.clone());
        match self {
            Self::Release(_) => all().collect(),
            Self::Bundle(b) if b.object.spec.wait => all().collect(),
            Self::Bundle(b) => {
                let own = &b.object.metadata.namespace;
                let checks = b.object.spec.health_checks.iter();
                checks
                    .map(|c| {
                        let group = c.api_version.as_deref().and_then(|v| v.split_once('/')).map_or("", |(group, _)| group);
                        ObjectId::new(group, &c.kind, c.namespace_or(own), &c.name)
                    })
                    .collect()
            }
        }
    }
}

fn release_policy(object: &HelmRelease, action: RunAction) -> Policy {
    let spec = &object.spec;
    let (install, upgrade, rollback, uninstall) = (spec.install(), spec.upgrade(), spec.rollback(), spec.uninstall());
    let (timeout, wait, jobs, hooks, crds) = match action {
        RunAction::Install => {
            (install.timeout, !install.disable_wait, !install.disable_wait_for_jobs, !install.disable_hooks, install.crds())
        }
        RunAction::Rollback => {
            (rollback.timeout, !rollback.disable_wait, !rollback.disable_wait_for_jobs, !rollback.disable_hooks, CrdsPolicy::Skip)
        }
        RunAction::Uninstall => (uninstall.timeout, !uninstall.disable_wait, false, !uninstall.disable_hooks, CrdsPolicy::Skip),
        RunAction::Upgrade => {
            (upgrade.timeout, !upgrade.disable_wait, !upgrade.disable_wait_for_jobs, !upgrade.disable_hooks, upgrade.crds())
        }
    };
    Policy {
        timeout: signed(timeout.unwrap_or(spec.timeout())),
        wait,
        wait_for_jobs: jobs,
        hooks,
        crds,
        prune: true,
        propagation: match uninstall.deletion_propagation() {
            DeletionPropagation::Background => Propagation::Background,
            DeletionPropagation::Foreground => Propagation::Foreground,
            DeletionPropagation::Orphan => Propagation::Orphan,
        },
    }
}

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
}

impl Problem {
    fn waiting(reason: Reason, message: String) -> Self {
        Self { reason, message, awaits: HashSet::new(), stumbled: false }
    }

    fn stumbled(reason: Reason, message: String) -> Self {
        Self { reason, message, awaits: HashSet::new(), stumbled: true }
    }
}

/// A unit that is being removed wants nothing; its policy still counts.
///
/// # Errors
/// Where the identity to act as is not complete.
pub(super) fn for_removal(ctx: &Context, spec: &Spec) -> Result<Prepared, ApiError> {
    let want = Want {
        attempt: Attempt::default(),
        strategy: Strategy::default(),
        install: Remedy::DEFAULT,
        upgrade: Remedy::DEFAULT,
        correct_drift: false,
    };
    Ok(Prepared { want, spec: spec.clone(), cluster: spec.act(ctx)?, what: What::Removal, source: None })
}

/// Finds out what is wanted.
pub(super) async fn prepare(ctx: &Context, key: &UnitKey, unit: &Unit, spec: &Spec, due: bool) -> Result<Prepared, Problem> {
    dependencies(ctx, spec)?;
    let state = source(ctx, spec)?;
    let snapshot = state.snapshot.clone().expect("source() checked it");
    // Values may live in Secrets and ConfigMaps that changed without a word: they are read again at the interval.
    let _ = due;
    match spec {
        Spec::Release(release) => prepare_release(ctx, key, unit, spec, release, state, &snapshot).await,
        Spec::Bundle(bundle) => prepare_bundle(ctx, unit, spec, bundle, state, &snapshot).await,
    }
}

fn dependencies(ctx: &Context, spec: &Spec) -> Result<(), Problem> {
    let own = spec.key();
    for dependency in spec.depends_on() {
        let id = crate::controller::objects::unit_id(&dependency);
        let wait = |why: String| {
            let mut problem = Problem::waiting(Reason::DependencyNotReady, why);
            problem.awaits.insert(id.clone());
            Err(problem)
        };
        if dependency == own {
            return Err(Problem::waiting(Reason::DependencyNotReady, format!("{own} depends on itself; take it out of spec.dependsOn")));
        }
        if let Some(cycle) = ctx.dependency_cycle(&own) {
            return Err(Problem::waiting(Reason::DependencyNotReady, format!("dependencies go in a circle: {cycle}; break it")));
        }
        let Some(object) = ctx.objects.get(&dependency) else {
            return wait(format!("dependency '{}/{}' does not exist", dependency.namespace, dependency.name));
        };
        let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
        let observed = object.pointer("/status/observedGeneration").and_then(Json::as_i64);
        let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
        let ready = conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"));
        if !ready || generation != observed {
            return wait(format!("dependency '{}/{}' is not ready", dependency.namespace, dependency.name));
        }
        // A bundle waits until its dependency is at the same revision of the same source, as Flux does.
    }
    Ok(())
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
        None => Err(wait(format!("{key} has not been read yet"))),
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
    let remedy = |given: Option<crate::api::helm::Remediation>| {
        given.map_or(Remedy::DEFAULT, |r| Remedy {
            retries: Some(i32::try_from(r.retries).unwrap_or(i32::MAX)),
            remedy_last: r.remediate_last_failure,
            strategy: match r.strategy {
                RemediationStrategy::Rollback => RemedyStrategy::Rollback,
                RemediationStrategy::Uninstall => RemedyStrategy::Uninstall,
            },
        })
    };
    let test = object.test();
    let shape = json!([object.target_namespace, object.storage_namespace, release.name, object.common_metadata]);
    let want = Want {
        attempt: Attempt {
            source_revision: state.info.revision.clone(),
            version: chart.version().to_owned(),
            content,
            config: values::digest(&values),
            shape: digest(&shape),
        },
        strategy,
        install: remedy(object.install().remediation(&test)),
        upgrade: remedy(object.upgrade().remediation(&test)),
        correct_drift: object.drift_mode() == DriftMode::Enabled,
    };
    let cluster = spec.act(ctx).map_err(|e| Problem::waiting(Reason::AccessDenied, e.to_string()))?;
    Ok(Prepared { want, spec: spec.clone(), cluster, what: What::Chart { chart, values }, source: Some(state) })
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
    let path = object.path();
    let shape = json!([object.target_namespace, object.common_metadata, path]);
    let shape = digest(&shape);
    // The same tree under the same spec is not built again.
    let before =
        unit.prepared.as_ref().filter(|p| p.want.attempt.shape == shape && p.snapshot_digest().as_deref() == Some(&snapshot.digest()));
    let target = match before.map(|p| &p.what) {
        Some(What::Objects(target)) => Arc::clone(target),
        _ => {
            let built = ctx.build_bundle(&bundle.object, snapshot).await.map_err(|e| {
                Problem::stumbled(
                    Reason::BuildFailed,
                    format!("./{path} of {} at {}: {e}", spec.source(), crate::release::summary::short(&state.info.revision)),
                )
            })?;
            for skipped in &built.skipped {
                tracing::info!(unit = %spec.key(), object = %skipped.id, origin = %skipped.origin, "skipped: it belongs to Flux's own controllers");
            }
            for note in &built.notes {
                tracing::warn!(unit = %spec.key(), "{note}");
            }
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
    };
    let cluster = spec.act(ctx).map_err(|e| Problem::waiting(Reason::AccessDenied, e.to_string()))?;
    Ok(Prepared { want, spec: spec.clone(), cluster, what: What::Objects(target), source: Some(state) })
}

impl Prepared {
    /// Renders the target. Costs nothing where it was built to find out what is wanted.
    pub(super) async fn render(&self, ctx: &Context, key: &UnitKey, action: RunAction, number: u32) -> Result<Target, Failure> {
        match &self.what {
            What::Removal => Err(surroundings("the unit is being removed".into())),
            What::Objects(target) => Ok(Target::clone(target)),
            What::Chart { chart, values } => {
                let Spec::Release(release) = &self.spec else { return Err(surroundings("a chart belongs to a HelmRelease".into())) };
                super::render::render(ctx, &self.cluster, key, release, chart, values, action, number).await
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

/// A path below the source's root, without `./` and slashes around it.
fn clean(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix('/')) {
        path = rest;
    }
    let path = path.trim_end_matches('/');
    if path == "." { "" } else { path }
}

fn signed(duration: api::Duration) -> SignedDuration {
    SignedDuration::try_from(duration.as_std()).unwrap_or(SignedDuration::MAX)
}
