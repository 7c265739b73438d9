//! What the schema, and the rules between fields, say about a spec.

use super::crd::schema::{Mismatch, check};
use super::crd::schema_of;
use super::names::{HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP};
use crate::object::{Gvk, Json};

/// One thing that is wrong.
pub(super) type Violation = Mismatch;

/// Everything that is wrong with the spec of an object of one of our kinds.
pub(super) fn spec(object: &Json) -> Vec<Violation> {
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    let gvk = Gvk::new(text("apiVersion"), text("kind"));
    let mut out = Vec::new();
    let Some(schema) = schema_of(&gvk.group, &gvk.kind) else { return out };
    let empty = Json::Object(serde_json::Map::new());
    let spec = object.get("spec").unwrap_or(&empty);
    check(&schema["properties"]["spec"], spec, "spec", &mut out);
    if (gvk.group.as_str(), gvk.kind.as_str()) == (SOURCE_GROUP, "GitRepository") {
        // A local repository is fine here; whether the API server takes it is up to the definition that is installed.
        let local = spec.get("url").and_then(Json::as_str).is_some_and(|url| url.starts_with("file://"));
        out.retain(|v| !(local && v.path == "spec.url"));
    }
    for rule in RULES.iter().filter(|r| r.group == gvk.group && r.kind == gvk.kind) {
        if !(rule.holds)(spec) {
            let path = if rule.path.is_empty() { "spec".to_owned() } else { format!("spec.{}", rule.path) };
            out.push(Violation { path, problem: rule.problem.into(), advice: rule.advice.into() });
        }
    }
    out
}

/// A rule between fields. The API server holds the same ones as CEL; objects that come from Git have not passed it yet.
struct Rule {
    group: &'static str,
    kind: &'static str,
    path: &'static str,
    holds: fn(&Json) -> bool,
    problem: &'static str,
    advice: &'static str,
}

fn has(spec: &Json, pointer: &str) -> bool {
    spec.pointer(pointer).is_some_and(|v| !v.is_null())
}

fn one_kubeconfig(spec: &Json) -> bool {
    !has(spec, "/kubeConfig") || has(spec, "/kubeConfig/configMapRef") != has(spec, "/kubeConfig/secretRef")
}

fn retry_interval_fits(spec: &Json, action: &str) -> bool {
    let name = spec.pointer(&format!("/{action}/strategy/name")).and_then(Json::as_str);
    !has(spec, &format!("/{action}/strategy/retryInterval")) || name == Some("RetryOnFailure")
}

const RULES: &[Rule] = &[
    Rule {
        group: HELM_GROUP,
        kind: "HelmRelease",
        path: "",
        holds: |spec| has(spec, "/chart") != has(spec, "/chartRef"),
        problem: "has both chart and chartRef, or neither",
        advice: "give exactly one of them",
    },
    Rule {
        group: HELM_GROUP,
        kind: "HelmRelease",
        path: "kubeConfig",
        holds: one_kubeconfig,
        problem: "has both configMapRef and secretRef, or neither",
        advice: "give exactly one of them",
    },
    Rule {
        group: HELM_GROUP,
        kind: "HelmRelease",
        path: "install.strategy.retryInterval",
        holds: |spec| retry_interval_fits(spec, "install"),
        problem: "is given where the strategy does not retry",
        advice: "set install.strategy.name to RetryOnFailure or remove it",
    },
    Rule {
        group: HELM_GROUP,
        kind: "HelmRelease",
        path: "upgrade.strategy.retryInterval",
        holds: |spec| retry_interval_fits(spec, "upgrade"),
        problem: "is given where the strategy does not retry",
        advice: "set upgrade.strategy.name to RetryOnFailure or remove it",
    },
    Rule {
        group: HELM_GROUP,
        kind: "HelmRelease",
        path: "values",
        holds: |spec| spec.get("values").is_none_or(|v| v.is_object() || v.is_null()),
        problem: "is no mapping",
        advice: "write values as keys and values",
    },
    Rule {
        group: KUSTOMIZE_GROUP,
        kind: "Kustomization",
        path: "kubeConfig",
        holds: one_kubeconfig,
        problem: "has both configMapRef and secretRef, or neither",
        advice: "give exactly one of them",
    },
    Rule {
        group: SOURCE_GROUP,
        kind: "GitRepository",
        path: "serviceAccountName",
        holds: |spec| {
            let provider = spec.get("provider").and_then(Json::as_str);
            !has(spec, "/serviceAccountName") || matches!(provider, Some("azure" | "aws"))
        },
        problem: "is given where the provider has no use for it",
        advice: "set provider to azure or aws, or remove it",
    },
];

#[cfg(test)]
mod tests {
    use crate::api::{parse_git_repository, parse_helm_release, parse_kustomization, violations};
    use crate::object::Json;
    use serde_json::json;

    fn object(kind: &str, spec: Json) -> Json {
        let api_version = match kind {
            "GitRepository" => "source.toolkit.fluxcd.io/v1",
            "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
            _ => "kustomize.toolkit.fluxcd.io/v1",
        };
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "apps"}, "spec": spec})
    }

    fn error(kind: &str, spec: Json) -> String {
        let object = object(kind, spec);
        match kind {
            "GitRepository" => parse_git_repository(&object).map(|_| ()),
            "HelmRelease" => parse_helm_release(&object).map(|_| ()),
            _ => parse_kustomization(&object).map(|_| ()),
        }
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default()
    }

    fn chart(kind: &str) -> Json {
        json!({"spec": {"chart": "./charts/web", "sourceRef": {"kind": kind, "name": "repo"}}})
    }

    #[test]
    fn errors_name_the_field_and_what_to_do() {
        for (kind, spec, expect) in [
            ("GitRepository", json!({"interval": "1m"}), "GitRepository apps/web: spec.url is missing; add it"),
            ("GitRepository", json!({"url": "https://h/r", "interval": "1 minute"}), "spec.interval is `1 minute`"),
            ("GitRepository", json!({"url": "git@h:r", "interval": "1m"}), "spec.url is `git@h:r`"),
            ("GitRepository", json!({"url": "https://h/r", "interval": "1m", "suspend": "no"}), "spec.suspend is `no` where true or false"),
            (
                "GitRepository",
                json!({"url": "https://h/r", "interval": "1m", "serviceAccountName": "x"}),
                "spec.serviceAccountName is given",
            ),
            ("HelmRelease", json!({"interval": "1m"}), "spec has both chart and chartRef, or neither; give exactly one"),
            (
                "HelmRelease",
                json!({"interval": "1m", "chart": chart("GitRepo")}),
                "spec.chart.spec.sourceRef.kind is `GitRepo`, which is no value of it; write one of HelmRepository, GitRepository, Bucket",
            ),
            ("HelmRelease", json!({"interval": "1m", "chart": {"spec": {"chart": "x"}}}), "spec.chart.spec.sourceRef is missing"),
            (
                "HelmRelease",
                json!({"interval": "1m", "chart": chart("GitRepository"), "valuesFrom": [{"kind": "Secret", "name": "a"}, {"kind": "Secret"}]}),
                "spec.valuesFrom[1].name is missing",
            ),
            ("HelmRelease", json!({"interval": "1m", "chart": chart("GitRepository"), "values": [1]}), "spec.values is no mapping"),
            (
                "HelmRelease",
                json!({"interval": "1m", "chart": chart("GitRepository"), "releaseName": "a".repeat(54)}),
                "spec.releaseName has 54 characters; shorten it to 53",
            ),
            (
                "HelmRelease",
                json!({"interval": "1m", "chart": chart("GitRepository"), "maxHistory": "5"}),
                "spec.maxHistory is `5` where a whole number is expected",
            ),
            (
                "HelmRelease",
                json!({"interval": "1m", "chart": chart("GitRepository"), "install": {"strategy": {"name": "RemediateOnFailure", "retryInterval": "1m"}}}),
                "spec.install.strategy.retryInterval",
            ),
            ("Kustomization", json!({"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": "r"}}), "spec.prune is missing"),
            (
                "Kustomization",
                json!({"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "r"}, "kubeConfig": {}}),
                "spec.kubeConfig has both",
            ),
            (
                "Kustomization",
                json!({"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "r"}, "commonMetadata": {"labels": {"a/b": 1}}}),
                "spec.commonMetadata.labels[a/b] is 1 where text",
            ),
        ] {
            let message = error(kind, spec);
            assert!(message.contains(expect), "{message}\n  lacks {expect}");
        }
    }

    #[test]
    fn takes_what_is_valid() {
        for (kind, spec) in [
            ("GitRepository", json!({"url": "file:///srv/repo.git", "interval": "1m0s", "timeout": null})),
            ("GitRepository", json!({"url": "https://h/r", "interval": "1m", "ref": {"branch": "main"}, "unheardOf": 1})),
            ("HelmRelease", json!({"interval": "1h", "chart": chart("GitRepository"), "values": {"a": null}, "install": null})),
            ("HelmRelease", json!({"interval": "1h", "chart": chart("GitRepository"), "values": null, "chartRef": null})),
            ("Kustomization", json!({"interval": "1m", "prune": false, "sourceRef": {"kind": "GitRepository", "name": "r"}})),
        ] {
            assert_eq!(error(kind, spec), "");
        }
    }

    #[test]
    fn all_violations_are_listed() {
        let object = object("GitRepository", json!({"timeout": "1h", "ref": {"branch": 1}}));
        let found: Vec<_> = violations(&object).into_iter().map(|v| v.path).collect();
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(violations(&json!({"apiVersion": "v1", "kind": "Secret"})).is_empty());
    }

    #[test]
    fn nulls_in_values_stay() {
        let release =
            object("HelmRelease", json!({"interval": "1h", "chart": chart("GitRepository"), "values": {"a": null, "b": {"c": null}}}));
        let release = parse_helm_release(&release).expect("a release");
        assert_eq!(release.spec.values, Some(json!({"a": null, "b": {"c": null}})));
    }

    #[test]
    fn a_broken_status_costs_only_its_broken_part() {
        let mut release = object("HelmRelease", json!({"interval": "1h", "chart": chart("GitRepository")}));
        release["status"] =
            json!({"history": "nonsense", "failures": 3, "conditions": [{"type": "Ready"}], "lastAttemptedRevision": "1.0.0"});
        let release = parse_helm_release(&release).expect("a release");
        assert_eq!((release.status.failures, release.status.last_attempted_revision.as_deref()), (3, Some("1.0.0")));
        assert!(release.status.history.is_empty() && release.status.conditions.is_empty());
    }

    #[test]
    fn objects_round_trip() {
        let json = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 2, "labels": {"a": "b"}},
            "spec": {"interval": "10m0s", "prune": true, "wait": true, "path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "r"},
                "dependsOn": [{"name": "infra"}], "commonMetadata": {"labels": {"x": "y"}}},
            "status": {"observedGeneration": 2, "inventory": {"entries": [{"id": "_x__Namespace", "v": "v1"}]}}});
        assert_eq!(parse_kustomization(&json).expect("a kustomization").to_json(), json);
    }
}
