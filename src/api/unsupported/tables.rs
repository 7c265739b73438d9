//! What is honoured, one table per kind. To honour a field, add its line here.

use crate::object::Json;

/// One line of a table: a path without list indexes (`dependsOn[].name`), and what holds for it and all below it.
pub(super) type Row = (&'static str, Honour);

/// What holds for a field.
#[derive(Clone, Copy)]
pub(super) enum Honour {
    /// It is honoured.
    Yes,
    /// It is honoured where the value passes, and nothing may be applied where it does not; the text says why.
    If(fn(&Json) -> bool, &'static str),
    /// It is honoured where the value passes, and can be done without; the text says why.
    Rather(fn(&Json) -> bool, &'static str),
    /// It is not honoured, and nothing may be applied without it.
    Blocks,
}
use Honour::{Blocks, If, Rather, Yes};

const GIT_ONLY: &str = "only GitRepository is served yet";

fn is_git(value: &Json) -> bool {
    value == "GitRepository"
}

pub(super) const GIT_REPOSITORY: &[Row] = &[
    ("ignore", Yes),
    ("include", Blocks),
    ("interval", Yes),
    ("provider", If(|v| v == "generic", "only generic is served yet")),
    ("recurseSubmodules", Blocks),
    ("ref", Yes),
    ("secretRef", Yes),
    ("suspend", Yes),
    ("timeout", Yes),
    ("url", If(|v| v.as_str().is_none_or(|url| !url.starts_with("ssh://")), "ssh is not served yet")),
    ("verify", Blocks),
];

pub(super) const KUSTOMIZATION: &[Row] = &[
    ("commonMetadata", Yes),
    ("components", Blocks),
    ("decryption", Blocks),
    ("deletionPolicy", Rather(|v| v != "WaitForTermination", "WaitForTermination is not served yet")),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("healthChecks", Yes),
    ("ignore", Blocks),
    ("images", Blocks),
    ("interval", Yes),
    ("kubeConfig", Blocks),
    ("namePrefix", Blocks),
    ("nameSuffix", Blocks),
    ("patches", Blocks),
    ("path", Yes),
    ("postBuild", Blocks),
    ("prune", Yes),
    ("retryInterval", Yes),
    ("serviceAccountName", Yes),
    ("sourceRef.apiVersion", Yes),
    ("sourceRef.kind", If(is_git, GIT_ONLY)),
    ("sourceRef.name", Yes),
    ("sourceRef.namespace", Yes),
    ("suspend", Yes),
    ("targetNamespace", Yes),
    ("timeout", Yes),
    ("wait", Yes),
];

pub(super) const HELM_RELEASE: &[Row] = &[
    ("chart.spec.chart", Yes),
    ("chart.spec.ignoreMissingValuesFiles", Yes),
    ("chart.spec.interval", Yes),
    ("chart.spec.reconcileStrategy", Yes),
    ("chart.spec.sourceRef.apiVersion", Yes),
    ("chart.spec.sourceRef.kind", If(is_git, GIT_ONLY)),
    ("chart.spec.sourceRef.name", Yes),
    ("chart.spec.sourceRef.namespace", Yes),
    ("chart.spec.valuesFiles", Yes),
    ("chart.spec.verify", Blocks),
    ("chart.spec.version", Yes),
    ("chartRef", Blocks),
    ("commonMetadata", Yes),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("driftDetection", Yes),
    ("install.crds", Yes),
    ("install.createNamespace", Yes),
    ("install.disableHooks", Yes),
    ("install.disableSchemaValidation", Yes),
    // Objects of others are never taken over unless asked for.
    ("install.disableTakeOwnership", Yes),
    ("install.disableWait", Yes),
    ("install.disableWaitForJobs", Yes),
    ("install.remediation", Yes),
    ("install.serverSideApply", Rather(|v| v == true, "objects are always applied by the server")),
    ("install.skipCRDs", Yes),
    ("install.timeout", Yes),
    ("interval", Yes),
    ("kubeConfig", Blocks),
    ("maxHistory", Yes),
    // How many clients there are is our own affair.
    ("persistentClient", Yes),
    ("postRenderStrategy", Yes),
    ("postRenderers", Yes),
    ("releaseName", Yes),
    ("rollback.cleanupOnFail", Yes),
    ("rollback.disableHooks", Yes),
    ("rollback.disableWait", Yes),
    ("rollback.disableWaitForJobs", Yes),
    // Flux ignores it too.
    ("rollback.recreate", Yes),
    ("rollback.serverSideApply", Rather(|v| v != "disabled", "objects are always applied by the server")),
    ("rollback.timeout", Yes),
    ("serviceAccountName", Yes),
    ("storageNamespace", Yes),
    ("suspend", Yes),
    ("targetNamespace", Yes),
    ("test", Yes),
    ("timeout", Yes),
    ("uninstall.deletionPropagation", Yes),
    ("uninstall.disableHooks", Yes),
    ("uninstall.keepHistory", Yes),
    ("uninstall.timeout", Yes),
    ("upgrade.cleanupOnFail", Yes),
    ("upgrade.crds", Yes),
    ("upgrade.disableHooks", Yes),
    ("upgrade.disableSchemaValidation", Yes),
    ("upgrade.disableTakeOwnership", Yes),
    ("upgrade.disableWait", Yes),
    ("upgrade.disableWaitForJobs", Yes),
    ("upgrade.preserveValues", Blocks),
    ("upgrade.remediation", Yes),
    ("upgrade.serverSideApply", Rather(|v| v != "disabled", "objects are always applied by the server")),
    ("upgrade.timeout", Yes),
    ("values", Yes),
    ("valuesFrom", Yes),
    ("waitStrategy.name", Rather(|v| v == "poller", "readiness is always judged as kstatus does")),
];
