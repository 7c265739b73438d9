use super::*;
use serde_json::{Map, json};

const KINDS: [(&str, &str, &[Row]); 3] = [
    ("source.toolkit.fluxcd.io/v1", "GitRepository", GIT_REPOSITORY),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", HELM_RELEASE),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", KUSTOMIZATION),
];

fn schema(api_version: &str, kind: &str) -> &'static Json {
    &schema_of(&Gvk::new(api_version, kind).group, kind).expect("a kind of ours")["properties"]["spec"]
}

/// A value that says something for every field, as unusual as the schema allows.
fn full(schema: &Json) -> Json {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().rev().find(|w| schema.get("default") != Some(w)).expect("two words").clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!("ssh://x"),
        Some("boolean") => json!(true),
        Some("integer") => json!(7),
        Some("array") => json!([full(&schema["items"])]),
        Some("object") => match schema["properties"].as_object() {
            Some(properties) => properties.iter().map(|(k, s)| (k.clone(), full(s))).collect::<Map<_, _>>().into(),
            None => json!({"k": "v"}),
        },
        _ => json!({"k": "v"}),
    }
}

fn leaves(value: &Json, shown: &str, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(k, v)| leaves(v, &join(shown, k), &join(path, k), out)),
        Json::Array(items) => leaves(&items[0], &format!("{shown}[0]"), &format!("{path}[]"), out),
        _ => out.push((shown.to_owned(), path.to_owned())),
    }
}

fn covers(row: &str, path: &str) -> bool {
    path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[test]
fn every_field_is_honoured_or_named() {
    for (api_version, kind, table) in KINDS {
        let spec = full(schema(api_version, kind));
        let named = unsupported_fields(&json!({"apiVersion": api_version, "kind": kind, "spec": spec}));
        let mut all = Vec::new();
        leaves(&spec, "spec", "", &mut all);
        assert!(all.len() > 20, "{kind}");
        for (shown, path) in all {
            let row = table.iter().find(|(row, _)| covers(row, &path)).map(|(_, honour)| honour);
            let is_named = named.iter().any(|n| covers(&n.path, &shown));
            // Whether a conditional row is named is up to the value; the table below tests those.
            let right = matches!(row, Some(If(..) | Rather(..))) || is_named != matches!(row, Some(Yes | Noted(_)));
            assert!(right, "{kind} {shown}: named {is_named}");
        }
    }
}

#[test]
fn every_row_is_a_field() {
    for (api_version, kind, table) in KINDS {
        for (row, _) in table {
            let mut at = schema(api_version, kind);
            for part in row.split('.') {
                let name = part.trim_end_matches("[]");
                at = &at["properties"][name];
                if part.ends_with("[]") {
                    at = &at["items"];
                }
                assert!(at.is_object(), "{kind} has no {row}");
            }
        }
    }
}

#[test]
fn names_what_is_not_honoured_and_only_that() {
    let chart = json!({"spec": {"chart": "web", "version": "*", "sourceRef": {"kind": "GitRepository", "name": "r"}}});
    for (kind, spec, expect) in [
        (1, json!({"interval": "1m", "chart": chart}), vec![]),
        (1, json!({"test": {"enable": false}, "install": {"replace": false, "remediation": {"retries": 3}}}), vec![]),
        (
            1,
            json!({"test": {"enable": true}, "upgrade": {"force": true, "strategy": {"name": "RetryOnFailure"}}, "rollback": {"force": true}}),
            vec![],
        ),
        (
            1,
            json!({"install": {"serverSideApply": false}}),
            vec!["spec.install.serverSideApply (objects are always applied by the server, which knows every manager of a field)"],
        ),
        (
            1,
            json!({"kubeConfig": {"configMapRef": {"name": "a"}}}),
            vec![
                "spec.kubeConfig.configMapRef (kubeconfigs without a Secret need identities of cloud providers, which are not served yet; use secretRef)",
            ],
        ),
        (1, json!({"dependsOn": [{"name": "a"}, {"name": "b", "readyExpr": "true"}]}), vec![]),
        (
            1,
            json!({"chart": {"metadata": {"labels": {"a": "b"}}, "spec": {"sourceRef": {"kind": "Bucket"}}}}),
            vec!["spec.chart.spec.sourceRef.kind (only GitRepository is served yet)"],
        ),
        (2, json!({"force": false, "prune": true, "deletionPolicy": "Orphan"}), vec![]),
        (
            2,
            json!({"force": true, "deletionPolicy": "WaitForTermination"}),
            vec![
                "spec.deletionPolicy (WaitForTermination is not served yet)",
                "spec.force (the annotation kustomize.toolkit.fluxcd.io/force on an object is served)",
            ],
        ),
        (
            0,
            json!({"url": "ssh://git@h/r", "timeout": "60s", "recurseSubmodules": true, "include": []}),
            vec!["spec.recurseSubmodules (submodules are not fetched yet)", "spec.url (ssh is not served yet)"],
        ),
        (0, json!({"url": "https://h/r", "provider": "generic", "ref": {"semver": ">=1"}}), vec![]),
    ] {
        let (api_version, kind, _) = KINDS[kind];
        let mut named = unsupported(&json!({"apiVersion": api_version, "kind": kind, "spec": spec}));
        named.sort();
        assert_eq!(named, expect, "{spec}");
    }
}

#[test]
fn what_would_do_something_else_blocks() {
    let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "spec": {"force": true, "decryption": {"provider": "sops"}}});
    let mut blocking: Vec<_> = unsupported_fields(&object).into_iter().map(|u| (u.path, u.blocking)).collect();
    blocking.sort();
    assert_eq!(blocking, [("spec.decryption".to_owned(), true), ("spec.force".to_owned(), false)]);
}

#[test]
fn unknown_fields_are_named_with_a_guess() {
    let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "spec": {"intervall": "1m", "values": {"anything": 1}, "zzz": 1, "valuesFrom": [{"kind": "Secret", "valueKey": "a"}]}});
    let mut found = unknown_fields(&object);
    found.sort();
    assert_eq!(found, ["spec.intervall (did you mean interval?)", "spec.valuesFrom[0].valueKey (did you mean valuesKey?)", "spec.zzz"]);
}

/// Flux's own definitions where they are at hand, else the ones that we install.
#[test]
fn no_field_of_flux_is_missing_from_the_tables() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/api/flux-crds");
    for (file, api_version, kind) in [
        ("helm.toolkit.fluxcd.io_helmreleases.yaml", "helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io_kustomizations.yaml", "kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("source.toolkit.fluxcd.io_gitrepositories.yaml", "source.toolkit.fluxcd.io/v1", "GitRepository"),
    ] {
        let theirs = std::fs::read_to_string(directory.join(file)).ok().map(|text| {
            let crd = helmward_chart::yaml::from_str(&text).expect("a definition");
            let version = api_version.rsplit('/').next().expect("a version");
            let versions = crd["spec"]["versions"].as_array().expect("versions");
            let found = versions.iter().find(|v| v["name"] == version).unwrap_or_else(|| panic!("{file} has no {version}"));
            found["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
        });
        let spec = theirs.unwrap_or_else(|| schema(api_version, kind).clone());
        assert_eq!(lacking(kind, &spec), Some(vec![]), "{kind}: honour them, or refuse them by name in tables.rs");
        // It would be seen.
        let mut more = spec;
        more["properties"]["brandNew"] = json!({"type": "object", "properties": {"field": {"type": "string"}}});
        assert_eq!(lacking(kind, &more), Some(vec!["brandNew.field".to_owned()]));
    }
}
