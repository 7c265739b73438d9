use super::schema::check;
use super::*;

/// A value for the stored version of a kind, whether it is taken, and a word of what is said otherwise.
fn verdict(kind: &str, object: &Json) -> String {
    let definition = all().into_iter().find(|d| d["spec"]["names"]["kind"] == kind).expect("a kind of ours");
    let mut out = Vec::new();
    check(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], object, "", &mut out);
    out.iter().map(|m| format!("{} {}", m.path, m.problem)).collect::<Vec<_>>().join("; ")
}

#[test]
fn objects_are_taken_or_refused() {
    let source = json!({"kind": "GitRepository", "name": "r"});
    for (kind, spec, expect) in [
        ("GitRepository", json!({"url": "https://h/r", "interval": "1h30m"}), ""),
        ("GitRepository", json!({"url": "https://h/r", "interval": "1h30m", "timeout": "1h"}), "spec.timeout"),
        ("GitRepository", json!({"url": "file:///r", "interval": "1m"}), "spec.url"),
        ("GitRepository", json!({"url": "https://h/r", "interval": "1m", "verify": {"mode": "HEAD"}}), "spec.verify.secretRef is missing"),
        ("GitRepository", json!({"url": "https://h/r", "interval": "1m", "verify": {"secretRef": {"name": "x"}}}), ""),
        ("HelmRepository", json!({"url": "oci://h/r", "type": "oci"}), ""),
        ("HelmRepository", json!({"url": "ftp://h/r"}), "spec.url"),
        ("HelmChart", json!({"chart": "web", "interval": "1m", "sourceRef": source}), ""),
        (
            "HelmChart",
            json!({"chart": "web", "interval": "1m", "sourceRef": {"kind": "OCIRepository", "name": "r"}}),
            "spec.sourceRef.kind",
        ),
        ("OCIRepository", json!({"url": "oci://h/r", "interval": "1m", "verify": {}}), ""),
        ("OCIRepository", json!({"url": "https://h/r", "interval": "1m"}), "spec.url"),
        (
            "Bucket",
            json!({"bucketName": "b", "endpoint": "h", "interval": "1m", "sts": {"endpoint": "h", "provider": "aws"}}),
            "spec.sts.endpoint",
        ),
        ("ExternalArtifact", json!({"sourceRef": {"kind": "X", "name": "y"}}), ""),
        ("HelmRelease", json!({"interval": "1m", "chart": {"spec": {"chart": "", "sourceRef": source}}}), "spec.chart.spec.chart is empty"),
        (
            "HelmRelease",
            json!({"interval": "1m", "values": {"any": [1, null]}, "valuesFrom": [{"kind": "Secret", "name": "s", "targetPath": "a\\.b[0].c"}]}),
            "",
        ),
        (
            "HelmRelease",
            json!({"interval": "1m", "valuesFrom": [{"kind": "Secret", "name": "s", "targetPath": "a b"}]}),
            "spec.valuesFrom[0].targetPath",
        ),
        ("Kustomization", json!({"interval": "1m", "prune": true, "sourceRef": source, "postBuild": {"substitute": {"a": "b"}}}), ""),
        ("Kustomization", json!({"interval": "1m", "prune": "yes", "sourceRef": source}), "spec.prune"),
        ("Receiver", json!({"type": "github", "resources": [{"kind": "GitRepository", "name": "*"}], "secretRef": {"name": "x"}}), ""),
        (
            "Receiver",
            json!({"type": "generic-oidc", "resources": [], "oidcProviders": [{"issuerURL": "https://h", "validations": []}]}),
            "validations has too few",
        ),
        (
            "Alert",
            json!({"eventSources": [{"kind": "HelmRelease", "name": "*"}], "providerRef": {"name": "x"}, "eventSeverity": "warn"}),
            "spec.eventSeverity",
        ),
        ("Provider", json!({"type": "slack", "address": "https://h"}), ""),
        ("Provider", json!({"type": "fax"}), "spec.type"),
    ] {
        let found = verdict(kind, &json!({"metadata": {"name": "x"}, "spec": spec}));
        assert_eq!(found.is_empty(), expect.is_empty(), "{kind} {spec}: {found}");
        assert!(found.contains(expect), "{kind} {spec}: {found} lacks {expect}");
    }
}

#[test]
fn statuses_that_we_write_are_taken() {
    let condition =
        json!({"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    for (kind, status, expect) in [
        ("GitRepository", json!({"observedGeneration": -1}), ""),
        (
            "GitRepository",
            json!({"conditions": [condition], "artifact": {"path": "p", "url": "u", "revision": "main@sha1:0",
            "digest": "sha256:0", "lastUpdateTime": "2026-01-01T00:00:00Z"}}),
            "",
        ),
        ("GitRepository", json!({"artifact": {"path": "p"}}), "status.artifact.digest is missing"),
        ("Kustomization", json!({"conditions": [{"type": "Ready"}]}), "status.conditions[0].reason is missing"),
        ("HelmRelease", json!({"lastAttemptedReleaseAction": "rollback"}), "status.lastAttemptedReleaseAction"),
    ] {
        let found = verdict(kind, &json!({"spec": {}, "status": status}));
        let found: Vec<_> = found.split("; ").filter(|line| line.starts_with("status")).collect();
        assert_eq!(found.is_empty(), expect.is_empty(), "{kind}: {found:?}");
        assert!(expect.is_empty() || found.iter().any(|line| line.contains(expect)), "{found:?}");
    }
}

#[test]
fn every_kind_is_there_once_with_its_names() {
    let names: Vec<String> = all().iter().map(|d| name_of(d).to_owned()).collect();
    assert_eq!(
        names,
        [
            "alerts.notification.toolkit.fluxcd.io",
            "buckets.source.toolkit.fluxcd.io",
            "externalartifacts.source.toolkit.fluxcd.io",
            "gitrepositories.source.toolkit.fluxcd.io",
            "helmcharts.source.toolkit.fluxcd.io",
            "helmreleases.helm.toolkit.fluxcd.io",
            "helmrepositories.source.toolkit.fluxcd.io",
            "kustomizations.kustomize.toolkit.fluxcd.io",
            "ocirepositories.source.toolkit.fluxcd.io",
            "providers.notification.toolkit.fluxcd.io",
            "receivers.notification.toolkit.fluxcd.io",
        ]
    );
}

#[test]
fn file_urls_are_let_in_where_asked_for() {
    let mut definitions = all();
    definitions.iter_mut().for_each(allow_file_urls);
    let changed: Vec<_> = definitions.iter().zip(all()).filter(|(a, b)| **a != *b).map(|(a, _)| name_of(a).to_owned()).collect();
    assert_eq!(changed, ["gitrepositories.source.toolkit.fluxcd.io"]);
    let stamps: std::collections::BTreeSet<_> =
        all().iter().chain(&definitions).map(|d| d["metadata"]["annotations"][CRD_VERSION].to_string()).collect();
    assert_eq!(stamps.len(), 12, "every definition and every variant has a stamp of its own");
}
