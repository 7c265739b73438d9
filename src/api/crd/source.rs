//! The kinds of `source.toolkit.fluxcd.io`.

use super::schema::{Schema, boolean, enumeration, list, object, string};
use super::shared::{artifact, conditions, duration, kind_ref, local_ref, oidc_identities, short_duration, status, strings, verification};
use super::{AGE, Column, Definition, READY, STATUS};
use crate::api::names::SOURCE_GROUP;

/// The URLs that Flux's schema takes.
const GIT_URL: &str = "^(http|https|ssh)://.*$";
/// The same and local repositories.
pub(super) const GIT_OR_FILE_URL: &str = "^(http|https|ssh|file)://.*$";
const HTTP_URL: &str = "^(http|https)://.*$";

const REVISION: Column = Column::text("Revision", ".status.artifact.revision");
const URL: Column = Column::text("URL", ".spec.url");

pub(super) fn kinds() -> Vec<Definition> {
    vec![git_repository(), helm_repository(), helm_chart(), oci_repository(), bucket(), external_artifact()]
}

/// What all source kinds have in common.
fn define(kind: &'static str, plural: &'static str, short_name: Option<&'static str>, about: &'static str) -> Definition {
    Definition {
        group: SOURCE_GROUP,
        version: "v1",
        kind,
        plural,
        short_name,
        category: "fluxcd-sources",
        about,
        columns: vec![URL, AGE, READY, STATUS, REVISION],
        spec: object([]),
        status: None,
    }
}

fn git_repository() -> Definition {
    let include = || list(object([("fromPath", string()), ("repository", local_ref()), ("toPath", string())]).required(["repository"]));
    let spec = object([
        ("ignore", string()),
        ("include", include()),
        ("interval", duration()),
        ("provider", enumeration(["generic", "aws", "azure", "github"])),
        ("proxySecretRef", local_ref()),
        ("recurseSubmodules", boolean()),
        ("ref", object(["branch", "commit", "name", "semver", "tag"].map(|name| (name, string())))),
        ("secretRef", local_ref()),
        ("serviceAccountName", string()),
        ("sparseCheckout", list(string())),
        ("suspend", boolean()),
        ("timeout", short_duration().default("60s")),
        ("url", string().pattern(GIT_URL)),
        (
            "verify",
            object([("mode", enumeration(["head", "HEAD", "Tag", "TagAndHEAD"]).default("HEAD")), ("secretRef", local_ref())])
                .required(["secretRef"]),
        ),
    ])
    .required(["interval", "url"])
    .rule(
        "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))",
        "serviceAccountName can only be set when provider is 'azure' or 'aws'",
    );
    let seen = status([
        ("artifact", artifact()),
        ("includedArtifacts", list(artifact())),
        ("observedIgnore", string()),
        ("observedInclude", include()),
        ("observedRecurseSubmodules", boolean()),
        ("observedSparseCheckout", list(string())),
        ("sourceVerificationMode", string()),
    ]);
    Definition { spec, status: Some(seen), ..define("GitRepository", "gitrepositories", Some("gitrepo"), "A Git repository to follow.") }
}

fn helm_repository() -> Definition {
    let spec = object([
        ("accessFrom", object([("namespaceSelectors", list(object([("matchLabels", strings())])))]).required(["namespaceSelectors"])),
        ("certSecretRef", local_ref()),
        ("insecure", boolean()),
        ("interval", duration()),
        ("passCredentials", boolean()),
        ("provider", cloud()),
        ("secretRef", local_ref()),
        ("suspend", boolean()),
        ("timeout", short_duration()),
        ("type", enumeration(["default", "oci"])),
        ("url", string().pattern("^(http|https|oci)://.*$")),
    ])
    .required(["url"]);
    let seen = status([("artifact", artifact()), ("url", string())]);
    Definition { spec, status: Some(seen), ..define("HelmRepository", "helmrepositories", Some("helmrepo"), "A Helm chart repository.") }
}

fn helm_chart() -> Definition {
    let spec = object([
        ("chart", string()),
        ("ignoreMissingValuesFiles", boolean()),
        ("interval", duration()),
        ("reconcileStrategy", reconcile_strategy()),
        ("sourceRef", object([("apiVersion", string()), ("kind", chart_source()), ("name", string())]).required(["kind", "name"])),
        ("suspend", boolean()),
        ("valuesFiles", list(string())),
        ("verify", verification([("matchOIDCIdentity", oidc_identities())])),
        ("version", string().default("*")),
    ])
    .required(["chart", "interval", "sourceRef"])
    .rule(
        "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
        "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
    );
    let seen = status([
        ("artifact", artifact()),
        ("observedChartName", string()),
        ("observedSourceArtifactRevision", string()),
        ("observedValuesFiles", list(string())),
        ("url", string()),
    ]);
    let columns = vec![
        Column::text("Chart", ".spec.chart"),
        Column::text("Version", ".spec.version"),
        Column::text("Source Kind", ".spec.sourceRef.kind"),
        Column::text("Source Name", ".spec.sourceRef.name"),
        AGE,
        READY,
        STATUS,
        REVISION,
    ];
    Definition { columns, spec, status: Some(seen), ..define("HelmChart", "helmcharts", Some("hc"), "One chart of a source.") }
}

fn oci_repository() -> Definition {
    let layer = || object([("mediaType", string()), ("operation", enumeration(["extract", "copy"]))]);
    let spec = object([
        ("certSecretRef", local_ref()),
        ("ignore", string()),
        ("insecure", boolean()),
        ("interval", duration()),
        ("layerSelector", layer()),
        ("provider", cloud()),
        ("proxySecretRef", local_ref()),
        ("ref", object(["digest", "semver", "semverFilter", "tag"].map(|name| (name, string())))),
        ("secretRef", local_ref()),
        ("serviceAccountName", string()),
        ("suspend", boolean()),
        ("timeout", short_duration().default("60s")),
        ("url", string().pattern("^oci://.*$")),
        ("verify", verification([("matchOIDCIdentity", oidc_identities()), ("trustedRootSecretRef", local_ref())])),
    ])
    .required(["interval", "url"]);
    let seen = status([("artifact", artifact()), ("observedIgnore", string()), ("observedLayerSelector", layer()), ("url", string())]);
    Definition {
        columns: vec![URL, READY, STATUS, AGE, REVISION],
        spec,
        status: Some(seen),
        ..define("OCIRepository", "ocirepositories", Some("ocirepo"), "An artifact in an OCI registry.")
    }
}

fn bucket() -> Definition {
    let sts = object([
        ("certSecretRef", local_ref()),
        ("endpoint", string().pattern(HTTP_URL)),
        ("provider", enumeration(["aws", "ldap"])),
        ("secretRef", local_ref()),
    ])
    .required(["endpoint", "provider"]);
    let spec = object([
        ("bucketName", string()),
        ("certSecretRef", local_ref()),
        ("endpoint", string()),
        ("ignore", string()),
        ("insecure", boolean()),
        ("interval", duration()),
        ("prefix", string()),
        ("provider", enumeration(["generic", "aws", "gcp", "azure"]).default("generic")),
        ("proxySecretRef", local_ref()),
        ("region", string()),
        ("secretRef", local_ref()),
        ("serviceAccountName", string()),
        ("sts", sts),
        ("suspend", boolean()),
        ("timeout", short_duration().default("60s")),
    ])
    .required(["bucketName", "endpoint", "interval"])
    .rule(
        "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
        "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
    )
    .rule(
        "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
        "'aws' is the only supported STS provider for the 'aws' Bucket provider",
    )
    .rule(
        "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
        "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
    )
    .rule(
        "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
        "spec.sts.secretRef is not required for the 'aws' STS provider",
    )
    .rule(
        "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
        "spec.sts.certSecretRef is not required for the 'aws' STS provider",
    )
    .rule(
        "self.provider != 'generic' || !has(self.serviceAccountName)",
        "ServiceAccountName is not supported for the 'generic' Bucket provider",
    )
    .rule("!has(self.secretRef) || !has(self.serviceAccountName)", "cannot set both .spec.secretRef and .spec.serviceAccountName");
    let seen = status([("artifact", artifact()), ("observedIgnore", string()), ("url", string())]);
    let columns = vec![Column::text("Endpoint", ".spec.endpoint"), AGE, READY, STATUS, REVISION];
    Definition { columns, spec, status: Some(seen), ..define("Bucket", "buckets", None, "An object store bucket to follow.") }
}

fn external_artifact() -> Definition {
    let spec = object([("sourceRef", kind_ref(string()))]);
    let seen = object([("artifact", artifact()), ("conditions", conditions())]);
    let columns = vec![AGE, READY, STATUS, Column::text("Source", ".spec.sourceRef.name"), REVISION];
    let about = "An artifact that another program provides.";
    Definition { columns, spec, status: Some(seen), ..define("ExternalArtifact", "externalartifacts", Some("ea"), about) }
}

fn cloud() -> Schema {
    enumeration(["generic", "aws", "azure", "gcp"]).default("generic")
}

pub(super) fn reconcile_strategy() -> Schema {
    enumeration(["ChartVersion", "Revision"]).default("ChartVersion")
}

pub(super) fn chart_source() -> Schema {
    enumeration(["HelmRepository", "GitRepository", "Bucket"])
}
