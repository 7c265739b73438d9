//! Names that are contracts with others: API groups, annotations, labels, finalizers. One file, so that each has one spelling.

/// API group and version of the source kinds.
pub const SOURCE_V1: &str = "source.toolkit.fluxcd.io/v1";
/// API group and version of HelmRelease.
pub const HELM_V2: &str = "helm.toolkit.fluxcd.io/v2";
/// API group and version of Kustomization.
pub const KUSTOMIZE_V1: &str = "kustomize.toolkit.fluxcd.io/v1";
/// API group of the source kinds.
pub const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";
/// API group of HelmRelease.
pub const HELM_GROUP: &str = "helm.toolkit.fluxcd.io";
/// API group of Kustomization.
pub const KUSTOMIZE_GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// API group of Alert, Provider and Receiver.
pub const NOTIFICATION_GROUP: &str = "notification.toolkit.fluxcd.io";

/// The finalizer of every reconciled object; Flux's, so that objects can move between the two.
pub const FINALIZER: &str = "finalizers.fluxcd.io";

/// Asks for a reconciliation now; any change of the value counts.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Asks for one install or upgrade even where nothing changed; counts only when equal to [`REQUESTED_AT`].
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
/// Asks for the failure counters to be reset; counts only when equal to [`REQUESTED_AT`].
pub const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
/// Label on a ConfigMap or Secret whose change should be acted on at once.
pub const WATCH: &str = "reconcile.fluxcd.io/watch";

/// Label: the HelmRelease that an object belongs to.
pub const HELM_NAME: &str = "helm.toolkit.fluxcd.io/name";
/// Label: the namespace of the HelmRelease that an object belongs to.
pub const HELM_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
/// Label or annotation: `disabled` leaves an object out of drift detection.
pub const HELM_DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// Label: the Kustomization that an object belongs to.
pub const KUSTOMIZE_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Label: the namespace of the Kustomization that an object belongs to.
pub const KUSTOMIZE_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// Annotation or label: `disabled` leaves an object out of reconciliation.
pub const KUSTOMIZE_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Annotation or label: `disabled` keeps an object when it disappears from the source.
pub const KUSTOMIZE_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// Annotation: how an object is applied: `Override`, `Merge`, `IfNotPresent` or `Ignore`.
pub const KUSTOMIZE_SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// Annotation: `enabled` recreates an object whose immutable fields changed.
pub const KUSTOMIZE_FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// Annotation or label: `disabled` leaves an object out of variable substitution.
pub const KUSTOMIZE_SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Annotation: the Helm release that owns an object.
pub const HELM_RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// Annotation: the namespace of the Helm release that owns an object.
pub const HELM_RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// Annotation of Helm: `keep` leaves an object in place when it leaves the chart or the release is uninstalled.
pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";
/// Label: who manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`] on objects of a Helm release.
pub const MANAGED_BY_HELM: &str = "Helm";
/// Label: the application that an object is part of; `flux` marks Flux's own controllers.
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// Prefix of the annotations of our own.
pub const PREFIX: &str = "helmward.dev/";
/// Objects of any kind that must be ready first: `group/Kind/namespace/name[,…]`; the core group is written `core`,
/// a cluster-scoped object has an empty namespace.
pub const DEPENDS_ON: &str = "helmward.dev/depends-on";
/// Objects outside of a HelmRelease whose health counts as its own, in the same grammar.
pub const HEALTH_CHECKS: &str = "helmward.dev/health-checks";
/// `enabled` takes over objects that someone else owns.
pub const ADOPT: &str = "helmward.dev/adopt";
/// Approves the deletions of one commit: its full id.
pub const APPROVE: &str = "helmward.dev/approve";
/// How many objects one commit may delete: a number, or a percentage such as `50%`.
pub const DELETION_BUDGET: &str = "helmward.dev/deletion-budget";
/// `true` lets a rollback also take CRDs back.
pub const CRD_ROLLBACK: &str = "helmward.dev/crd-rollback";
/// `true` deletes and recreates an object whose immutable fields changed.
pub const RECREATE: &str = "helmward.dev/recreate";
/// `drop` sends objects without the fields that their kind does not have, which the API refuses otherwise.
pub const UNKNOWN_FIELDS: &str = "helmward.dev/unknown-fields";
/// `skip` leaves an object that the API refuses as it is and goes on with the rest; else all of it is rolled back.
pub const ON_REFUSAL: &str = "helmward.dev/on-refusal";
/// The revision that a person asks to go back to: its number.
pub const ROLLBACK_TO: &str = "helmward.dev/rollback-to";
/// The words of whoever suspended an object.
pub const SUSPEND_REASON: &str = "helmward.dev/suspend-reason";
/// On a HelmRelease or Kustomization: protected kinds that it may prune; on a protected object: `enabled`.
pub const PRUNE: &str = "helmward.dev/prune";
/// `true` stores a release record without chart files where it would be over the size limit.
pub const TRIM_RECORD: &str = "helmward.dev/trim-record";
/// `enabled` restarts pods when a Secret or ConfigMap that they read and that the release does not bring changes. On a release or bundle for
/// all its workloads, on a workload for itself (where `disabled` is an exception).
pub const RESTART: &str = "helmward.dev/restart";
/// On a pod template: for which content of which Secrets and ConfigMaps its pods were restarted last, as keyed digests.
pub const RESTARTED_FOR: &str = "helmward.dev/restarted-for";
/// On any object: `disabled` leaves it out of what a deployment waits for.
pub const WAIT: &str = "helmward.dev/wait";
/// On a release Secret that we made: what the revision was to bring about, so that a run goes on without the store.
pub const REVISION: &str = "helmward.dev/revision";
/// On a CustomResourceDefinition that we installed: the version of the schemas.
pub const CRD_VERSION: &str = "helmward.dev/crd-version";
/// Label on everything that the daemon stores in the cluster for itself.
pub const OWNED: &str = "helmward.dev/owned";
