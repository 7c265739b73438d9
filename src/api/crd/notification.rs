//! The kinds of `notification.toolkit.fluxcd.io`.

use super::schema::{Schema, boolean, enumeration, list, object, string};
use super::shared::{duration, local_ref, object_name, short_duration, status, strings};
use super::{AGE, Definition, READY, STATUS};
use crate::api::names::NOTIFICATION_GROUP;

pub(super) fn kinds() -> Vec<Definition> {
    vec![receiver(), alert(), provider()]
}

fn define(kind: &'static str, plural: &'static str, version: &'static str, about: &'static str) -> Definition {
    Definition {
        group: NOTIFICATION_GROUP,
        version,
        kind,
        plural,
        short_name: None,
        category: "fluxcd-notifications",
        about,
        columns: vec![AGE],
        spec: object([]),
        status: None,
    }
}

/// An object that events come from, or that a webhook wakes; `more` is what only one of them has.
fn target<const N: usize>(more: [(&'static str, Schema); N]) -> Schema {
    let kinds = enumeration([
        "Bucket",
        "GitRepository",
        "Kustomization",
        "HelmRelease",
        "HelmChart",
        "HelmRepository",
        "ImageRepository",
        "ImagePolicy",
        "ImageUpdateAutomation",
        "OCIRepository",
        "ArtifactGenerator",
        "ExternalArtifact",
    ]);
    let mut fields =
        vec![("apiVersion", string()), ("kind", kinds), ("matchLabels", strings()), ("name", object_name()), ("namespace", object_name())];
    fields.extend(more);
    object(fields).required(["kind", "name"])
}

fn receiver() -> Definition {
    let oidc = object([
        ("audience", string()),
        ("issuerURL", string().pattern("^https?://")),
        ("validations", list(object([("expression", string()), ("message", string())]).required(["expression", "message"])).min_items(1)),
        ("variables", list(object([("expression", string()), ("name", string())]).required(["expression", "name"]))),
    ])
    .required(["issuerURL", "validations"]);
    let types = enumeration([
        "generic",
        "generic-hmac",
        "generic-oidc",
        "github",
        "gitlab",
        "bitbucket",
        "harbor",
        "dockerhub",
        "quay",
        "gcr",
        "nexus",
        "acr",
        "cdevents",
    ]);
    let spec = object([
        ("events", list(string())),
        ("interval", duration().default("10m")),
        ("oidcProviders", list(oidc).keyed_by("issuerURL")),
        ("resourceFilter", string()),
        ("resources", list(target([("filter", string())]))),
        ("secretRef", local_ref()),
        ("suspend", boolean()),
        ("type", types),
    ])
    .required(["resources", "type"])
    .rule(
        "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
        "generic-oidc receivers must define at least one oidcProvider",
    )
    .rule(
        "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
        "oidcProviders can only be set when type is generic-oidc",
    )
    .rule("self.type != 'generic-oidc' || !has(self.secretRef)", "secretRef cannot be set when type is generic-oidc")
    .rule("self.type == 'generic-oidc' || has(self.secretRef)", "secretRef is required when type is not generic-oidc");
    Definition {
        columns: vec![AGE, READY, STATUS],
        spec,
        status: Some(status([("webhookPath", string())])),
        ..define("Receiver", "receivers", "v1", "A webhook that wakes other objects.")
    }
}

fn alert() -> Definition {
    let spec = object([
        ("eventMetadata", strings()),
        ("eventSeverity", enumeration(["info", "error"]).default("info")),
        ("eventSources", list(target([]))),
        ("exclusionList", list(string())),
        ("inclusionList", list(string())),
        ("providerRef", local_ref()),
        ("summary", string().max_length(255)),
        ("suspend", boolean()),
    ])
    .required(["eventSources", "providerRef"]);
    Definition { spec, ..define("Alert", "alerts", "v1beta3", "Which events go to which provider.") }
}

fn provider() -> Definition {
    let text = || string().max_length(2048);
    let types = enumeration([
        "slack",
        "discord",
        "msteams",
        "rocket",
        "generic",
        "generic-hmac",
        "github",
        "gitlab",
        "gitea",
        "giteapullrequestcomment",
        "bitbucketserver",
        "bitbucket",
        "azuredevops",
        "googlechat",
        "googlepubsub",
        "webex",
        "sentry",
        "azureeventhub",
        "telegram",
        "lark",
        "matrix",
        "opsgenie",
        "alertmanager",
        "grafana",
        "githubdispatch",
        "githubpullrequestcomment",
        "gitlabmergerequestcomment",
        "pagerduty",
        "datadog",
        "nats",
        "zulip",
        "otel",
        "zoom",
        "incident.io",
    ]);
    let forges = ["github", "gitlab", "gitea", "bitbucketserver", "bitbucket", "azuredevops"];
    let is_forge = forges.map(|name| format!("self.type == '{name}'")).join(" || ");
    let named = forges.map(|name| format!("'{name}'")).join(", ");
    let spec = object([
        ("address", text()),
        ("certSecretRef", local_ref()),
        ("channel", text()),
        ("commitStatusExpr", string()),
        ("interval", duration()),
        ("proxy", text().pattern("^(http|https)://.*$")),
        ("proxySecretRef", local_ref()),
        ("secretRef", local_ref()),
        ("serviceAccountName", string()),
        ("suspend", boolean()),
        ("timeout", short_duration()),
        ("type", types),
        ("username", text()),
    ])
    .required(["type"])
    .rule(
        &format!("{is_forge} || !has(self.commitStatusExpr)"),
        &format!("spec.commitStatusExpr is only supported for the {named} provider types"),
    );
    Definition { spec, ..define("Provider", "providers", "v1beta3", "Where events go.") }
}
