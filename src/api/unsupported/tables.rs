//! What is honoured, one table per kind. To honour a field, add its line here.

use crate::object::Json;

/// One line of a table: a path without list indexes (`dependsOn[].name`), and what holds for it and all below it.
pub(super) type Row = (&'static str, Honour);

/// What holds for a field.
#[derive(Clone, Copy)]
pub(super) enum Honour {
    /// It is honoured.
    Yes,
    /// It is honoured; the text says how, where that is not what its name says.
    Noted(&'static str),
    /// It is honoured where the value passes, and nothing may be applied where it does not; the text says why.
    If(fn(&Json) -> bool, &'static str),
    /// It is honoured where the value passes, and can be done without; the text says why.
    Rather(fn(&Json) -> bool, &'static str),
    /// It is not honoured, and nothing may be applied without it; the text says why.
    Blocks(&'static str),
    /// It is not honoured and can be done without; the text says why.
    Named(&'static str),
}
use Honour::{Blocks, If, Named, Noted, Rather, Yes};

const KUSTOMIZE: &str = "builds as kustomize makes them are not served yet";
const CLOUD: &str = "identities of cloud providers are not served yet";
const SERVER_SIDE: &str = "objects are always applied by the server, which knows every manager of a field";
const CONFIG_MAP: &str = "kubeconfigs without a Secret need identities of cloud providers, which are not served yet; use secretRef";
const MOVE: &str = "a change moves the release: it is uninstalled at its old place and installed at its new one, and waits for an approval";
const OWNERSHIP: &str = "objects of others are never taken over unless helmward.dev/adopt asks for it";
const VALIDATION: &str = "the server validates what it is sent; nothing is checked beforehand that could be switched off";
const FORCE: &str = "objects whose immutable fields changed are deleted and made again; definitions, namespaces and claims never are";

const GIT_ONLY: &str = "only GitRepository is served yet";

fn is_git(value: &Json) -> bool {
    value == "GitRepository"
}

pub(super) const GIT_REPOSITORY: &[Row] = &[
    ("ignore", Yes),
    ("include", Blocks("several sources in one are not served yet")),
    ("interval", Yes),
    ("provider", If(|v| v == "generic", "only generic is served yet")),
    ("proxySecretRef", Named("proxies are not served yet")),
    ("recurseSubmodules", Blocks("submodules are not fetched yet")),
    ("ref", Yes),
    ("secretRef", Yes),
    ("serviceAccountName", Named(CLOUD)),
    ("sparseCheckout", Named("the whole tree is there")),
    ("suspend", Yes),
    ("timeout", Yes),
    ("url", If(|v| v.as_str().is_none_or(|url| !url.starts_with("ssh://")), "ssh is not served yet")),
    ("verify", Blocks("signatures are not checked yet")),
];

pub(super) const KUSTOMIZATION: &[Row] = &[
    ("buildMetadata", Named("where an object comes from is on the page")),
    ("commonMetadata", Yes),
    ("components", Blocks(KUSTOMIZE)),
    ("decryption", Blocks("decryption is not served yet")),
    ("deletionPolicy", Rather(|v| v != "WaitForTermination", "WaitForTermination is not served yet")),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("dependsOn[].readyExpr", Yes),
    ("force", Named("the annotation kustomize.toolkit.fluxcd.io/force on an object is served")),
    ("healthCheckExprs", Yes),
    ("healthChecks", Yes),
    ("ignore", Blocks("rules for fields that others own are not served yet")),
    ("ignoreMissingComponents", Named(KUSTOMIZE)),
    ("images", Blocks(KUSTOMIZE)),
    ("interval", Yes),
    ("kubeConfig.configMapRef", Blocks(CONFIG_MAP)),
    ("kubeConfig.secretRef", Yes),
    ("namePrefix", Blocks(KUSTOMIZE)),
    ("nameSuffix", Blocks(KUSTOMIZE)),
    ("patches", Blocks(KUSTOMIZE)),
    ("path", Yes),
    ("postBuild", Blocks(KUSTOMIZE)),
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
    ("chart.metadata", Noted("no HelmChart is made, so there is nothing to carry them")),
    ("chart.spec.chart", Yes),
    ("chart.spec.ignoreMissingValuesFiles", Yes),
    ("chart.spec.interval", Yes),
    ("chart.spec.reconcileStrategy", Yes),
    ("chart.spec.sourceRef.apiVersion", Yes),
    ("chart.spec.sourceRef.kind", If(is_git, GIT_ONLY)),
    ("chart.spec.sourceRef.name", Yes),
    ("chart.spec.sourceRef.namespace", Yes),
    ("chart.spec.valuesFiles", Yes),
    ("chart.spec.verify", Blocks("signatures are not checked yet")),
    ("chart.spec.version", Yes),
    ("chartRef", Blocks("OCIRepository, HelmChart and ExternalArtifact are not served yet; use spec.chart with a GitRepository")),
    ("commonMetadata", Yes),
    ("dependsOn[].name", Yes),
    ("dependsOn[].namespace", Yes),
    ("dependsOn[].readyExpr", Yes),
    ("driftDetection", Yes),
    ("healthCheckExprs", Yes),
    ("install.crds", Yes),
    ("install.createNamespace", Yes),
    ("install.disableHooks", Yes),
    ("install.disableSchemaValidation", Yes),
    ("install.disableOpenAPIValidation", Noted(VALIDATION)),
    ("install.disableTakeOwnership", Noted(OWNERSHIP)),
    ("install.disableWait", Yes),
    ("install.disableWaitForJobs", Yes),
    ("install.remediation", Yes),
    ("install.replace", Noted("a name whose release was uninstalled, or failed, can always be used again")),
    ("install.serverSideApply", If(|v| v == true, SERVER_SIDE)),
    ("install.skipCRDs", Yes),
    ("install.strategy", Yes),
    ("install.timeout", Yes),
    ("interval", Yes),
    ("kubeConfig.configMapRef", Blocks(CONFIG_MAP)),
    ("kubeConfig.secretRef", Noted("kubeconfigs that run programs, name files or do not check certificates are refused")),
    ("maxHistory", Yes),
    ("persistentClient", Noted("one client serves all")),
    ("postRenderStrategy", Yes),
    ("postRenderers", Yes),
    ("releaseName", Noted(MOVE)),
    ("rollback.cleanupOnFail", Yes),
    ("rollback.disableHooks", Yes),
    ("rollback.disableWait", Yes),
    ("rollback.disableWaitForJobs", Yes),
    ("rollback.force", Noted(FORCE)),
    ("rollback.recreate", Noted("without effect, as in Flux")),
    ("rollback.serverSideApply", If(|v| v != "disabled", SERVER_SIDE)),
    ("rollback.timeout", Yes),
    ("serviceAccountName", Yes),
    ("storageNamespace", Noted(MOVE)),
    ("suspend", Yes),
    ("targetNamespace", Noted(MOVE)),
    ("test", Yes),
    ("timeout", Yes),
    ("uninstall.deletionPropagation", Yes),
    ("uninstall.disableHooks", Yes),
    ("uninstall.disableWait", Yes),
    ("uninstall.keepHistory", Yes),
    ("uninstall.timeout", Yes),
    ("upgrade.chartNameChangeStrategy", Noted("a reinstallation waits for an approval")),
    ("upgrade.cleanupOnFail", Yes),
    ("upgrade.crds", Yes),
    ("upgrade.disableHooks", Yes),
    ("upgrade.disableSchemaValidation", Yes),
    ("upgrade.disableOpenAPIValidation", Noted(VALIDATION)),
    ("upgrade.disableTakeOwnership", Noted(OWNERSHIP)),
    ("upgrade.disableWait", Yes),
    ("upgrade.disableWaitForJobs", Yes),
    ("upgrade.force", Noted(FORCE)),
    (
        "upgrade.preserveValues",
        Blocks("the outcome would depend on what was released before, and not on Git alone; write the values into spec.values"),
    ),
    ("upgrade.remediation", Yes),
    ("upgrade.serverSideApply", If(|v| v != "disabled", SERVER_SIDE)),
    ("upgrade.strategy", Yes),
    ("upgrade.timeout", Yes),
    ("values", Yes),
    ("valuesFrom", Yes),
    ("waitStrategy.name", Rather(|v| v == "poller", "readiness is always judged as kstatus does")),
];
