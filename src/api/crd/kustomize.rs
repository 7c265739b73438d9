//! Kustomization.

use super::schema::{Schema, boolean, enumeration, int64, list, object, string, time};
use super::shared::{
    common_metadata, dependencies, duration, health_check_exprs, ignore_rules, images, inventory, kind_ref, kube_config, local_ref,
    namespace_name, object_name, patches, status, strings, values_kind,
};
use super::{AGE, Column, Definition, READY, STATUS};
use crate::api::names::KUSTOMIZE_GROUP;

pub(super) fn kinds() -> Vec<Definition> {
    vec![Definition {
        group: KUSTOMIZE_GROUP,
        version: "v1",
        kind: "Kustomization",
        plural: "kustomizations",
        short_name: Some("ks"),
        category: "fluxcd-appliers",
        about: "A directory of manifests to apply.",
        columns: vec![AGE, READY, STATUS, Column::text("Revision", ".status.lastAppliedRevision")],
        spec: spec(),
        status: Some(seen()),
    }]
}

fn spec() -> Schema {
    object([
        ("buildMetadata", list(enumeration(["originAnnotations", "transformerAnnotations"]))),
        ("commonMetadata", common_metadata()),
        ("components", list(string())),
        (
            "decryption",
            object([("provider", enumeration(["sops"])), ("secretRef", local_ref()), ("serviceAccountName", string())])
                .required(["provider"]),
        ),
        ("deletionPolicy", enumeration(["MirrorPrune", "Delete", "WaitForTermination", "Orphan"])),
        ("dependsOn", dependencies()),
        ("force", boolean().default(false)),
        ("healthCheckExprs", health_check_exprs()),
        ("healthChecks", list(kind_ref(string()))),
        ("ignore", ignore_rules()),
        ("ignoreMissingComponents", boolean()),
        ("images", images()),
        ("interval", duration()),
        ("kubeConfig", kube_config()),
        ("namePrefix", string().length(1, 200)),
        ("nameSuffix", string().length(1, 200)),
        ("patches", patches()),
        ("path", string()),
        ("postBuild", post_build()),
        ("prune", boolean()),
        ("retryInterval", duration()),
        ("serviceAccountName", string()),
        ("sourceRef", kind_ref(enumeration(["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"]))),
        ("suspend", boolean()),
        ("targetNamespace", namespace_name()),
        ("timeout", duration()),
        ("wait", boolean()),
    ])
    .required(["interval", "prune", "sourceRef"])
}

fn post_build() -> Schema {
    let from = object([("kind", values_kind()), ("name", object_name()), ("optional", boolean().default(false))]);
    object([
        ("substitute", strings()),
        ("substituteFrom", list(from.required(["kind", "name"]))),
        ("substituteStrategy", enumeration(["WithVariables", "Always"])),
    ])
}

fn seen() -> Schema {
    let attempt = object([
        ("digest", string()),
        ("firstReconciled", time()),
        ("lastReconciled", time()),
        ("lastReconciledDuration", string()),
        ("lastReconciledStatus", string()),
        ("metadata", strings()),
        ("totalReconciliations", int64()),
    ])
    .required([
        "digest",
        "firstReconciled",
        "lastReconciled",
        "lastReconciledDuration",
        "lastReconciledStatus",
        "totalReconciliations",
    ]);
    status([
        ("history", list(attempt)),
        ("inventory", inventory()),
        ("lastAppliedOriginRevision", string()),
        ("lastAppliedRevision", string()),
        ("lastAttemptedRevision", string()),
    ])
}
