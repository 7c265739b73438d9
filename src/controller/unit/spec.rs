//! A unit's custom resource, and what follows from it alone.

use crate::api::extras::{self, Extras};
use crate::api::helm::{CrdsPolicy, DeletionPropagation, DriftMode};
use crate::api::unsupported::Unsupported;
use crate::api::{self, Condition, Dependency, HelmRelease, KubeConfig, Kustomization, ObjectMeta, Reason, names};
use crate::cluster::{ApiError, Apply, Cluster, Owner, Propagation};
use crate::controller::context::Context;
use crate::controller::remote::secret_of;
use crate::controller::source::SourceKey;
use crate::health::{Exprs, cel::Expression};
use crate::object::{Json, Manifest, ObjectId};
use crate::plan::inventory::{PrunePolicy, protection};
use crate::plan::{drift, ignore::Rules};
use crate::release::{RunAction, UnitKey, UnitKind};
use crate::render::post::PostRenderers;
use jiff::SignedDuration;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// A unit's custom resource, read. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Spec {
    /// A `HelmRelease`.
    Release(Arc<ReleaseSpec>),
    /// A `Kustomization`.
    Bundle(Arc<BundleSpec>),
}

/// A read `HelmRelease`, with what is derived from it once.
#[derive(Debug, Clone)]
pub struct ReleaseSpec {
    pub(super) object: HelmRelease,
    pub(super) name: String,
    /// Changes after rendering.
    pub(super) post: PostRenderers,
    rules: Rules,
    unsupported: Vec<Unsupported>,
    asks: Asks,
}

/// A read `Kustomization`, likewise.
#[derive(Debug, Clone)]
pub struct BundleSpec {
    pub(super) object: Kustomization,
    unsupported: Vec<Unsupported>,
    asks: Asks,
}

/// What a unit asks for by expressions and by annotations of ours.
#[derive(Debug, Clone, Default)]
struct Asks {
    health: Exprs,
    /// For each entry of `spec.dependsOn`, the expression that judges it.
    ready: Vec<Option<Arc<Expression>>>,
    extras: Extras,
    /// What of the annotations cannot be read.
    problems: Vec<String>,
}

impl Asks {
    fn read(health: &[api::HealthCheckExpr], depends_on: &[Dependency], metadata: &ObjectMeta) -> Result<Self, Invalid> {
        let wrong = |message: String| Invalid { reason: Reason::InvalidCELExpression, message };
        let ready = depends_on.iter().enumerate().map(|(index, dependency)| {
            let Some(text) = dependency.ready_expr.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
            let read = Expression::parse(text, Some(&["dep", "self"])).map(Some);
            read.map_err(|why| wrong(format!("spec.dependsOn[{index}].readyExpr cannot be used: {why}; correct the expression")))
        });
        let (extras, problems) = extras::parse(&metadata.annotations);
        for problem in &problems {
            tracing::debug!(namespace = %metadata.namespace, name = %metadata.name, "{problem}");
        }
        // What cannot be read of these would be waited for in vain, or not at all.
        let misread = |name: &str| metadata.annotation(name).is_some_and(|value| !value.trim().is_empty());
        for (name, list) in [(names::DEPENDS_ON, &extras.depends_on), (names::HEALTH_CHECKS, &extras.health_checks)] {
            if misread(name) && list.is_empty() {
                let message =
                    format!("annotation {name} cannot be read; write group/Kind/namespace/name, several with commas between them");
                return Err(Invalid { reason: Reason::InvalidSpec, message });
            }
        }
        Ok(Self { health: Exprs::compile(health).map_err(wrong)?, ready: ready.collect::<Result<_, _>>()?, extras, problems })
    }
}

/// Why a custom resource cannot be read.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Invalid {
    fn of(self, metadata: &ObjectMeta, kind: UnitKind) -> Self {
        Self { message: format!("{} {}/{}: {}", kind.as_str(), metadata.namespace, metadata.name, self.message), ..self }
    }
}

impl From<String> for Invalid {
    fn from(message: String) -> Self {
        Self { reason: Reason::InvalidSpec, message }
    }
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
    pub(super) fn parse(kind: UnitKind, object: &Json) -> Result<Self, Invalid> {
        let unsupported = api::unsupported::unsupported_fields(object);
        match kind {
            UnitKind::Release => {
                let object = api::parse_helm_release(object).map_err(|e| e.to_string())?;
                let rules: Vec<crate::plan::ignore::Rule> = serde_json::from_value(json!(object.spec.drift_ignore())).unwrap_or_default();
                let rules = Rules::compile(&rules).map_err(|e| format!("spec.driftDetection.{e}"))?;
                let post =
                    PostRenderers::compile(&object.spec.post_renderers, object.spec.post_render_strategy).map_err(|e| e.to_string())?;
                let asks = Asks::read(&object.spec.health_check_exprs, &object.spec.depends_on, &object.metadata)
                    .map_err(|e| e.of(&object.metadata, kind))?;
                Ok(Self::Release(Arc::new(ReleaseSpec { name: object.release_name(), object, post, rules, unsupported, asks })))
            }
            UnitKind::Bundle => {
                let object = api::parse_kustomization(object).map_err(|e| e.to_string())?;
                let asks = Asks::read(&object.spec.health_check_exprs, &object.spec.depends_on, &object.metadata)
                    .map_err(|e| e.of(&object.metadata, kind))?;
                Ok(Self::Bundle(Arc::new(BundleSpec { object, unsupported, asks })))
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

    /// When its deletion was asked for.
    pub(super) fn deleted_at(&self) -> Option<jiff::Timestamp> {
        self.metadata().deletion_timestamp.as_ref().map(|at| at.timestamp())
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
        self.unsupported_fields().iter().map(ToString::to_string).chain(self.asks().problems.iter().cloned()).collect()
    }

    /// What our own annotations ask for.
    pub(super) fn extras(&self) -> &Extras {
        &self.asks().extras
    }

    /// What decides, besides the target, whether a refused target would be refused again.
    pub(super) fn leave(&self) -> String {
        let extras = self.extras();
        let crds = [RunAction::Install, RunAction::Upgrade].map(|action| self.policy(action).crds);
        format!("adopt={} recreate={} crds={crds:?}", extras.adopt, extras.recreate)
    }

    /// Why nothing of it may be applied: fields without which something else would be brought about.
    pub(super) fn blocked(&self) -> Option<String> {
        let fields: Vec<String> = self.unsupported_fields().iter().filter(|u| u.blocking).map(ToString::to_string).collect();
        (!fields.is_empty()).then(|| format!("not honoured yet, so nothing is applied: {}; take it out of the object", fields.join(", ")))
    }

    /// Secrets and ConfigMaps that values come from, and the kubeconfig.
    pub(super) fn inputs(&self) -> HashSet<ObjectId> {
        let values: HashSet<ObjectId> = match self {
            Self::Release(r) => {
                let own = &r.object.metadata.namespace;
                r.object.spec.values_from.iter().map(|v| ObjectId::new("", v.kind.as_str(), own, &v.name)).collect()
            }
            Self::Bundle(_) => HashSet::new(),
        };
        values.into_iter().chain(self.kube_config_secret()).collect()
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
        self.extras().adopt
    }

    /// Whether the rest goes on where the API refuses an object.
    pub(super) fn skips_refused(&self) -> bool {
        self.annotation(names::ON_REFUSAL) == Some("skip")
    }

    /// What shapes the objects, besides content and values: these fields, and the annotations by which what was refused may be taken.
    pub(super) fn shape(&self, fields: &[Json]) -> Json {
        let annotations = [names::UNKNOWN_FIELDS, names::ON_REFUSAL, names::TRIM_RECORD];
        let given = annotations.iter().filter_map(|name| self.annotation(name).map(|value| json!({*name: value})));
        Json::Array(fields.iter().cloned().chain(given).collect())
    }

    /// How its objects are applied.
    pub(super) fn applies(&self, ctx: &Context) -> Apply {
        let drop_unknown = match self.annotation(names::UNKNOWN_FIELDS) {
            Some(word) => word == "drop",
            None => ctx.drop_unknown_fields,
        };
        Apply { drop_unknown, ..Apply::default() }
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
    /// Where the identity to act as is not complete, or the kubeconfig cannot be used.
    pub(super) async fn act(&self, ctx: &Context) -> Result<Cluster, ApiError> {
        let namespace = &self.metadata().namespace;
        let cluster = match self.kube_config() {
            Some(kube_config) => ctx.remotes.get(&ctx.cluster, kube_config, namespace).await?,
            None => ctx.cluster.clone(),
        };
        ctx.tenancy.act(&cluster, namespace, self.service_account())
    }

    fn kube_config(&self) -> Option<&KubeConfig> {
        match self {
            Self::Release(r) => r.object.spec.kube_config.as_ref(),
            Self::Bundle(b) => b.object.spec.kube_config.as_ref(),
        }
    }

    /// Whether its objects are in another cluster.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.kube_config().is_some()
    }

    /// The Secret with the kubeconfig of another cluster.
    pub(super) fn kube_config_secret(&self) -> Option<ObjectId> {
        secret_of(self.kube_config(), &self.metadata().namespace)
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

    fn asks(&self) -> &Asks {
        match self {
            Self::Release(r) => &r.asks,
            Self::Bundle(b) => &b.asks,
        }
    }

    /// For each of [`Spec::depends_on`], the expression that judges it in place of its Ready condition.
    pub(super) fn ready_exprs(&self) -> &[Option<Arc<Expression>>] {
        &self.asks().ready
    }

    /// Objects of any kind that must be ready first, by annotation.
    pub(super) fn depends_on_any(&self) -> &[ObjectId] {
        &self.asks().extras.depends_on
    }

    /// Objects outside of it whose health counts as its own.
    pub(super) fn health_checks(&self) -> &[ObjectId] {
        match self {
            Self::Release(r) => &r.asks.extras.health_checks,
            Self::Bundle(_) => &[],
        }
    }

    /// How the kinds with an expression are judged.
    pub(super) fn exprs(&self) -> &Exprs {
        &self.asks().health
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
    pub(super) fn recreates(&self, manifest: &Manifest, action: RunAction) -> bool {
        // What is protected from pruning holds data, or is held by others: deleting it is never a way to change it.
        if protection(&manifest.id, [&manifest.body], &PrunePolicy::default()).is_some() {
            return false;
        }
        let forced = match (self, action) {
            (Self::Release(r), RunAction::Upgrade) => r.object.spec.upgrade().force,
            (Self::Release(r), RunAction::Rollback) => r.object.spec.rollback().force,
            _ => false,
        };
        if forced {
            return true;
        }
        let says = |value: Option<&str>| value.is_some_and(|v| matches!(v.to_lowercase().as_str(), "enabled" | "true"));
        says(manifest.annotation(names::KUSTOMIZE_FORCE)) || self.extras().recreate
    }

    /// What may be deleted.
    pub(super) fn prune_policy(&self) -> PrunePolicy {
        PrunePolicy { also: self.extras().prune.clone(), ..PrunePolicy::default() }
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

    /// The names of tests that are left out, or of those that alone are run; `None` where nothing is tested.
    pub(super) fn tests(&self) -> Option<&[crate::api::helm::TestFilter]> {
        match self {
            Self::Release(r) => r.object.spec.test.as_ref().filter(|test| test.enable).map(|test| test.filters.as_slice()),
            Self::Bundle(_) => None,
        }
    }

    /// The objects whose health is waited for.
    pub(super) fn waits_for(&self, manifests: &[Manifest], action: RunAction) -> Vec<ObjectId> {
        let jobs = self.policy(action).wait_for_jobs;
        let waited = |m: &&Manifest| m.annotation(names::WAIT).and_then(extras::enabled) != Some(false);
        let all = || manifests.iter().filter(|m| jobs || m.id.kind != "Job").filter(waited).map(|m| m.id.clone());
        match self {
            // What a rollback restores did without what it lacks now.
            Self::Release(_) if action == RunAction::Rollback => all().collect(),
            Self::Release(_) => all().chain(self.health_checks().iter().cloned()).collect(),
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
        RunAction::Test => (spec.test().timeout, false, false, false, CrdsPolicy::Skip),
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
/// A path below the source's root, without `./` and slashes around it.
pub(super) fn clean(path: &str) -> &str {
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
