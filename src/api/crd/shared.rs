//! Pieces of schema that several kinds share, each written once.

use super::schema::{Schema, boolean, enumeration, int64, integer, list, map, object, string, time};
use serde_json::json;

/// Go durations with hours.
const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";
/// Go durations up to minutes, for timeouts of sources and providers.
const SHORT_DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";

pub(super) fn duration() -> Schema {
    string().pattern(DURATION)
}

pub(super) fn short_duration() -> Schema {
    string().pattern(SHORT_DURATION)
}

/// `{name}`.
pub(super) fn local_ref() -> Schema {
    object([("name", string())]).required(["name"])
}

/// Names of objects.
pub(super) fn object_name() -> Schema {
    string().length(1, 253)
}

/// Names of namespaces.
pub(super) fn namespace_name() -> Schema {
    string().length(1, 63)
}

pub(super) fn strings() -> Schema {
    map(string())
}

/// A source or another object, by kind; names without bounds.
pub(super) fn kind_ref(kind: Schema) -> Schema {
    object([("apiVersion", string()), ("kind", kind), ("name", string()), ("namespace", string())]).required(["kind", "name"])
}

pub(super) fn common_metadata() -> Schema {
    object([("annotations", strings()), ("labels", strings())])
}

/// A dependency on an object of the same kind.
pub(super) fn dependencies() -> Schema {
    list(object([("name", string()), ("namespace", string()), ("readyExpr", string())]).required(["name"]))
}

pub(super) fn kube_config() -> Schema {
    let message = "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified";
    object([("configMapRef", local_ref()), ("secretRef", object([("key", string()), ("name", string())]).required(["name"]))])
        .rule("has(self.configMapRef) || has(self.secretRef)", message)
        .rule("!has(self.configMapRef) || !has(self.secretRef)", message)
}

/// Which objects a patch or rule is for.
pub(super) fn selector() -> Schema {
    object(["annotationSelector", "group", "kind", "labelSelector", "name", "namespace", "version"].map(|name| (name, string())))
}

/// JSON pointers and the objects that they are for.
pub(super) fn ignore_rules() -> Schema {
    list(object([("paths", list(string())), ("target", selector())]).required(["paths"]))
}

pub(super) fn health_check_exprs() -> Schema {
    list(object(["apiVersion", "current", "failed", "inProgress", "kind"].map(|name| (name, string()))).required(["apiVersion", "current"]))
}

pub(super) fn patches() -> Schema {
    list(object([("patch", string()), ("target", selector())]).required(["patch"]))
}

pub(super) fn images() -> Schema {
    list(object(["digest", "name", "newName", "newTag"].map(|name| (name, string()))).required(["name"]))
}

/// Kinds that values and variables are read from.
pub(super) fn values_kind() -> Schema {
    enumeration(["Secret", "ConfigMap"])
}

/// Signature checks of charts and artifacts; `more` are fields that only one kind has.
pub(super) fn verification<const N: usize>(more: [(&'static str, Schema); N]) -> Schema {
    let mut fields = vec![("provider", enumeration(["cosign", "notation"]).default("cosign")), ("secretRef", local_ref())];
    fields.extend(more);
    object(fields).required(["provider"])
}

/// Identities that a keyless signature may have.
pub(super) fn oidc_identities() -> Schema {
    list(object([("issuer", string()), ("subject", string())]).required(["issuer", "subject"]))
}

pub(super) fn artifact() -> Schema {
    object([
        ("digest", string().pattern("^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$")),
        ("lastUpdateTime", time()),
        ("metadata", strings()),
        ("path", string()),
        ("revision", string()),
        ("size", int64()),
        ("url", string()),
    ])
    .required(["digest", "lastUpdateTime", "path", "revision", "url"])
}

pub(super) fn inventory() -> Schema {
    object([("entries", list(object([("id", string()), ("v", string())]).required(["id", "v"])))]).required(["entries"])
}

pub(super) fn conditions() -> Schema {
    let word = "[A-Za-z0-9]";
    let dns = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    list(
        object([
            ("lastTransitionTime", time()),
            ("message", string().max_length(32_768)),
            ("observedGeneration", int64().minimum(0)),
            ("reason", string().length(1, 1024).pattern("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")),
            ("status", enumeration(["True", "False", "Unknown"])),
            ("type", string().max_length(316).pattern(&format!(r"^({dns}(\.{dns})*/)?(({word}[-A-Za-z0-9_.]*)?{word})$"))),
        ])
        .required(["lastTransitionTime", "message", "reason", "status", "type"]),
    )
}

/// A status: conditions, the generation, the last request, and what the kind adds. New objects show generation -1.
pub(super) fn status(more: impl IntoIterator<Item = (&'static str, Schema)>) -> Schema {
    let mut fields = vec![("conditions", conditions()), ("lastHandledReconcileAt", string()), ("observedGeneration", int64())];
    fields.extend(more);
    object(fields).default(json!({"observedGeneration": -1}))
}

/// Switches, each true or false.
pub(super) fn switches<const N: usize>(names: [&'static str; N]) -> [(&'static str, Schema); N] {
    names.map(|name| (name, boolean()))
}

/// `retries` and the two switches that every remediation has.
pub(super) fn remediation<const N: usize>(more: [(&'static str, Schema); N]) -> Schema {
    let mut fields = vec![("retries", integer())];
    fields.extend(switches(["ignoreTestFailures", "remediateLastFailure"]));
    fields.extend(more);
    object(fields)
}
