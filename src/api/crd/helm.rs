//! HelmRelease.

use super::schema::{Schema, anything, boolean, enumeration, int64, integer, list, map, object, string, time};
use super::shared::{
    common_metadata, dependencies, duration, health_check_exprs, ignore_rules, images, inventory, kube_config, namespace_name, object_name,
    patches, remediation, status, switches, values_kind, verification,
};
use super::source::{chart_source, reconcile_strategy};
use super::{AGE, Column, Definition, READY, STATUS};
use crate::api::names::HELM_GROUP;

pub(super) fn kinds() -> Vec<Definition> {
    vec![Definition {
        group: HELM_GROUP,
        version: "v2",
        kind: "HelmRelease",
        plural: "helmreleases",
        short_name: Some("hr"),
        category: "fluxcd-appliers",
        about: "A chart, values and how to release them.",
        columns: vec![
            AGE,
            READY,
            STATUS,
            Column::text("Revision", ".status.lastAttemptedRevision"),
            Column::text("Drift", ".status.conditions[?(@.type==\"Drifted\")].status"),
        ],
        spec: spec(),
        status: Some(seen()),
    }]
}

fn spec() -> Schema {
    object([
        ("chart", object([("metadata", common_metadata()), ("spec", chart())]).required(["spec"])),
        ("chartRef", source_ref(enumeration(["OCIRepository", "HelmChart", "ExternalArtifact"]))),
        ("commonMetadata", common_metadata()),
        ("dependsOn", dependencies()),
        ("driftDetection", object([("ignore", ignore_rules()), ("mode", enumeration(["enabled", "warn", "disabled"]))])),
        ("healthCheckExprs", health_check_exprs()),
        ("install", install()),
        ("interval", duration()),
        ("kubeConfig", kube_config()),
        ("maxHistory", integer()),
        ("persistentClient", boolean()),
        ("postRenderStrategy", enumeration(["nohooks", "combined", "separate"])),
        ("postRenderers", list(object([("kustomize", object([("images", images()), ("patches", patches())]))]))),
        ("releaseName", string().length(1, 53)),
        ("rollback", rollback()),
        ("serviceAccountName", object_name()),
        ("storageNamespace", namespace_name()),
        ("suspend", boolean()),
        ("targetNamespace", namespace_name()),
        ("test", test()),
        ("timeout", duration()),
        ("uninstall", uninstall()),
        ("upgrade", upgrade()),
        ("values", anything()),
        ("valuesFrom", list(values_from())),
        ("waitStrategy", object([("name", enumeration(["poller", "legacy"]))]).required(["name"])),
    ])
    .required(["interval"])
    .rule("(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))", "either chart or chartRef must be set")
}

/// A source by kind, with bounds on the names.
fn source_ref(kind: Schema) -> Schema {
    object([("apiVersion", string()), ("kind", kind), ("name", object_name()), ("namespace", namespace_name())]).required(["kind", "name"])
}

fn chart() -> Schema {
    object([
        ("chart", string().length(1, 2048)),
        ("ignoreMissingValuesFiles", boolean()),
        ("interval", duration()),
        ("reconcileStrategy", reconcile_strategy()),
        ("sourceRef", source_ref(chart_source())),
        ("valuesFiles", list(string())),
        ("verify", verification([])),
        ("version", string().default("*")),
    ])
    .required(["chart", "sourceRef"])
}

/// The switches that install and upgrade share.
const SWITCHES: [&str; 6] =
    ["disableHooks", "disableOpenAPIValidation", "disableSchemaValidation", "disableTakeOwnership", "disableWait", "disableWaitForJobs"];

fn install() -> Schema {
    let mut fields = vec![
        ("crds", crds_policy()),
        ("remediation", remediation([])),
        (
            "strategy",
            strategy().rule(
                "!has(self.retryInterval) || self.name != 'RemediateOnFailure'",
                ".retryInterval cannot be set when .name is 'RemediateOnFailure'",
            ),
        ),
        ("timeout", duration()),
    ];
    fields.extend(switches(SWITCHES));
    fields.extend(switches(["createNamespace", "replace", "serverSideApply", "skipCRDs"]));
    object(fields)
}

fn upgrade() -> Schema {
    let mut fields = vec![
        ("chartNameChangeStrategy", enumeration(["InPlaceUpdate", "Reinstall"])),
        ("crds", crds_policy()),
        ("remediation", remediation([("strategy", enumeration(["rollback", "uninstall"]))])),
        ("serverSideApply", apply_mode()),
        (
            "strategy",
            strategy().rule(
                "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
                ".retryInterval can only be set when .name is 'RetryOnFailure'",
            ),
        ),
        ("timeout", duration()),
    ];
    fields.extend(switches(SWITCHES));
    fields.extend(switches(["cleanupOnFail", "force", "preserveValues"]));
    object(fields)
}

fn strategy() -> Schema {
    object([("name", enumeration(["RemediateOnFailure", "RetryOnFailure"])), ("retryInterval", duration())]).required(["name"])
}

fn crds_policy() -> Schema {
    enumeration(["Skip", "Create", "CreateReplace"])
}

fn apply_mode() -> Schema {
    enumeration(["enabled", "disabled", "auto"])
}

fn test() -> Schema {
    let filter = object([("exclude", boolean()), ("name", object_name())]).required(["name"]);
    let mut fields = vec![("filters", list(filter)), ("timeout", duration())];
    fields.extend(switches(["enable", "ignoreFailures"]));
    object(fields)
}

fn rollback() -> Schema {
    let mut fields = vec![("serverSideApply", apply_mode()), ("timeout", duration())];
    fields.extend(switches(["cleanupOnFail", "disableHooks", "disableWait", "disableWaitForJobs", "force", "recreate"]));
    object(fields)
}

fn uninstall() -> Schema {
    let propagation = enumeration(["background", "foreground", "orphan"]).default("background");
    let mut fields = vec![("deletionPropagation", propagation), ("timeout", duration())];
    fields.extend(switches(["disableHooks", "disableWait", "keepHistory"]));
    object(fields)
}

fn values_from() -> Schema {
    object([
        ("kind", values_kind()),
        ("literal", boolean()),
        ("name", object_name()),
        ("optional", boolean()),
        ("targetPath", string().max_length(250).pattern(r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$")),
        ("valuesKey", string().max_length(253).pattern(r"^[\-._a-zA-Z0-9]+$")),
    ])
    .required(["kind", "name"])
}

fn seen() -> Schema {
    let texts = [
        "helmChart",
        "lastAttemptedConfigDigest",
        "lastAttemptedReleaseActionDuration",
        "lastAttemptedRevision",
        "lastAttemptedRevisionDigest",
        "lastAttemptedValuesChecksum",
        "lastHandledForceAt",
        "lastHandledResetAt",
        "observedCommonMetadataDigest",
        "observedPostRenderersDigest",
    ]
    .map(|name| (name, string()));
    let numbers = ["failures", "installFailures", "lastAttemptedGeneration", "upgradeFailures"].map(|name| (name, int64()));
    let rest = [
        ("history", list(snapshot())),
        ("inventory", inventory()),
        ("lastAttemptedReleaseAction", enumeration(["install", "upgrade"])),
        ("lastReleaseRevision", integer()),
        ("storageNamespace", namespace_name()),
    ];
    status(texts.into_iter().chain(numbers).chain(rest))
}

fn snapshot() -> Schema {
    let texts = [
        "action",
        "apiVersion",
        "appVersion",
        "chartName",
        "chartVersion",
        "configDigest",
        "digest",
        "name",
        "namespace",
        "ociDigest",
        "status",
    ];
    let mut fields: Vec<_> = texts.map(|name| (name, string())).into();
    fields.extend(["deleted", "firstDeployed", "lastDeployed"].map(|name| (name, time())));
    fields.push(("testHooks", map(object([("lastCompleted", time()), ("lastStarted", time()), ("phase", string())]))));
    fields.push(("version", integer()));
    object(fields).required([
        "chartName",
        "chartVersion",
        "configDigest",
        "digest",
        "firstDeployed",
        "lastDeployed",
        "name",
        "namespace",
        "status",
        "version",
    ])
}
