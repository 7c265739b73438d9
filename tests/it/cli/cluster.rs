//! Commands that go to the API server, on a cluster in memory.

use super::{World, run};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

pub(super) const HELM: &str = "helm.toolkit.fluxcd.io/v2";
pub(super) const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) fn ready(status: &str, message: &str) -> Value {
    json!([{"type": "Ready", "status": status, "reason": "Any", "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}])
}

pub(super) fn snapshot(version: u32, status: &str) -> Value {
    json!({"digest": "sha256:0", "name": "web", "namespace": "shop", "version": version, "status": status, "chartName": "web",
        "chartVersion": format!("1.{version}.0"), "configDigest": "sha256:0", "firstDeployed": "2026-01-01T00:00:00Z",
        "lastDeployed": "2026-01-02T00:00:00Z"})
}

/// A repository, a release and a kustomization in namespace `shop`.
pub(super) fn shop() -> World {
    let world = World::installed();
    world.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
    world.apply(json!({"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": "repo", "namespace": "shop"},
        "spec": {"interval": "1m", "url": "https://git.example/x.git"}}));
    world.apply(json!({"apiVersion": HELM, "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "shop", "finalizers": ["finalizers.fluxcd.io", "keep.example/me"]},
        "spec": {"interval": "1m", "chart": {"spec": {"chart": "./web", "sourceRef": {"kind": "GitRepository", "name": "repo"}}},
            "valuesFrom": [{"kind": "Secret", "name": "values"}]}}));
    world.apply(json!({"apiVersion": KUSTOMIZE, "kind": "Kustomization", "metadata": {"name": "apps", "namespace": "shop"},
        "spec": {"interval": "1m", "prune": true, "path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "repo"}}}));
    world.status(SOURCE, "GitRepository", "repo", json!({"observedGeneration": 1, "conditions": ready("True", "stored"),
        "artifact": {"path": "p", "url": "http://u", "revision": format!("main@sha1:{COMMIT}"), "digest": format!("sha256:{}", "0".repeat(64)),
            "lastUpdateTime": "2026-01-01T00:00:00Z"}}));
    world.status(
        HELM,
        "HelmRelease",
        "web",
        json!({"observedGeneration": 1, "conditions": ready("False", "Deployment/web:\n0/1 ready"),
        "history": [snapshot(3, "deployed"), snapshot(2, "failed"), snapshot(1, "superseded")]}),
    );
    world
}

#[test]
fn an_installation_is_checked_and_removed() {
    let world = World::new();
    world
        .run(&["check", "--pre"])
        .exits(0)
        .prints(&["kubernetes", "will be made", "kubernetes-admin: everything"])
        .tells(&["all checks passed"]);
    let state = |dir: &str| world.run(&["check", "--pre", "--state-dir", dir]);
    state("new/state").exits(0).prints(&["new/state is not there yet, and can be made"]);
    world.file("taken", "");
    state("taken/state").exits(1).prints(&["nothing can be written to taken", "choose another directory with --state-dir"]);
    world.apply(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "applications.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": {"kind": "Application", "plural": "applications"}, "versions": [
            {"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}));
    assert!(!world.run(&["check", "--pre"]).exits(0).out.contains("argo"));
    world.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a", "namespace": "default"}}));
    world.run(&["check", "--pre"]).exits(0).prints(&["argo cd", "1 Applications", "is fought over"]);
    world.run(&["get"]).exits(2).tells(&["does not know the kind GitRepository", "install the definitions with `helmward install`"]);
    world.run(&["install", "--dry-run"]).exits(0).tells(&["would be created", "nothing was written"]);
    assert!(world.object("", "namespaces", "", "flux-system").is_none());
    world.run(&["install"]).exits(0).tells(&["Deployment/flux-system/helmward-controller created", "→ `helmward check"]);
    assert!(world.object("apps", "deployments", "flux-system", "helmward-controller").is_some());
    let check = world.run(&["check", "-o", "json"]).exits(1).json();
    let failed: Vec<&str> =
        check["checks"].as_array().unwrap().iter().filter(|c| c["result"] == "fail").filter_map(|c| c["check"].as_str()).collect();
    assert_eq!(failed, ["daemon"], "the image is simulated, so that nobody takes the Lease");
    world.run(&["uninstall"]).exits(2).tells(&["--yes"]);
    world.run(&["uninstall", "--yes", "--crds"]).exits(0).tells(&["helmward is removed"]);
    assert!(world.object("apps", "deployments", "flux-system", "helmward-controller").is_none());
    assert!(world.object("apiextensions.k8s.io", "customresourcedefinitions", "", "helmreleases.helm.toolkit.fluxcd.io").is_none());
}

#[test]
fn uninstalling_lets_objects_go_and_keeps_workloads() {
    let world = shop();
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "shop"}}));
    world.run(&["uninstall", "--dry-run"]).exits(0).tells(&["HelmRelease/shop/web would be let go", "nothing was written"]);
    world.run(&["uninstall", "-y"]).exits(0).tells(&["HelmRelease/shop/web let go", "1 objects are let go"]);
    let release = world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
    assert_eq!(release["metadata"]["finalizers"], json!(["keep.example/me"]));
    assert!(world.object("", "configmaps", "shop", "kept").is_some());
}

#[test]
fn uninstalling_waits_for_a_living_daemon_and_leaves_flux_its_finalizers() {
    let world = shop();
    let lease = |name: &str, holder: &str| {
        let now = jiff::Timestamp::now();
        world
            .apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": format!("{now:.6}")}}));
    };
    lease("helmward", "laptop_1");
    world.run(&["check"]).exits(0).prints(&["laptop_1 holds the Lease"]);
    world.run(&["uninstall", "--yes"]).exits(2).tells(&["laptop_1 holds the Lease", "stop that daemon"]);
    lease("helmward", "");
    lease("helm-controller-leader-election", "helm-controller-x");
    world.run(&["check"]).exits(1).prints(&["at work: helm-controller", "scale deployment helm-controller --replicas=0"]);
    world.run(&["uninstall", "--yes"]).exits(0).tells(&["the objects are Flux's now"]);
    let release = world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
    assert_eq!(release["metadata"]["finalizers"].as_array().unwrap().len(), 2);
}

#[test]
fn objects_are_listed_as_kubectl_and_flux_do() {
    let world = shop();
    let table = world.run(&["get", "-n", "shop"]).exits(0);
    let want = "\
NAME                 REVISION             SUSPENDED   READY   MESSAGE
gitrepository/repo   main@sha1:01234567   False       True    stored

NAME              REVISION   SUSPENDED   READY   MESSAGE
helmrelease/web   1.3.0      False       False   Deployment/web: 0/1 ready

NAME                 REVISION   SUSPENDED   READY     MESSAGE
kustomization/apps   -          False       Unknown   waiting to be reconciled
";
    assert_eq!(table.out, want);
    let wide = world.run(&["get", "hr", "-A", "-o", "wide", "--no-headers"]).exits(0);
    let row: Vec<&str> = wide.out.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(row[..7], ["shop", "web", "1.3.0", "False", "False", "-", "GitRepository/repo ./web"], "{}", wide.out);
    for (args, code) in [
        (&["get", "gitrepo", "-n", "shop", "--exit-code"][..], 0),
        (&["get", "hr/web", "-n", "shop", "--exit-code"], 1),
        (&["get", "all", "-A", "--exit-code"], 1),
    ] {
        world.run(args).exits(code);
    }
    let names = world.run(&["get", "hr,ks", "-A", "-o", "name"]).exits(0);
    assert_eq!(names.out, "helmrelease.helm.toolkit.fluxcd.io/web\nkustomization.kustomize.toolkit.fluxcd.io/apps\n");
    let one = world.run(&["get", "hr", "web", "-n", "shop", "-o", "json"]).exits(0).json();
    assert_eq!((&one["kind"], &one["metadata"]["managedFields"]), (&json!("HelmRelease"), &Value::Null));
    let list = world.run(&["get", "hr", "-n", "shop", "-o", "json"]).exits(0).json();
    assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("List"), Some(1)));
    world.run(&["get", "hr", "web", "-n", "shop", "-o", "yaml"]).exits(0).prints(&["kind: HelmRelease\n", "  name: web\n"]);
    world.run(&["get", "hr", "-l", "a=b", "-A"]).exits(0).tells(&["no helmreleases in the cluster"]);
    world.run(&["get", "hr"]).exits(0).tells(&["no helmreleases in namespace default", "all namespaces: -A"]);
    world.run(&["get", "hr", "x", "-n", "shop"]).exits(2).tells(&["HelmRelease/shop/x is not there", "`helmward get helmreleases -A`"]);
    let colored = world.run(&["get", "hr", "-n", "shop", "--color", "always"]).exits(0);
    assert!(colored.out.contains("\u{1b}[31mFalse\u{1b}[0m"));
    let plain = run(world.command(&["get", "hr", "-n", "shop"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")).exits(0);
    assert!(!plain.out.contains('\u{1b}'));
}

#[test]
fn requests_are_annotations_that_flux_users_know() {
    let world = shop();
    let release = || world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
    let note = |key: &str| release()["metadata"]["annotations"][key].as_str().map(str::to_owned);
    world.run(&["reconcile", "web", "-n", "shop", "--force"]).exits(0).tells(&["is asked to reconcile", "or wait with --wait"]);
    let token = note("reconcile.fluxcd.io/requestedAt").unwrap();
    assert_eq!((note("reconcile.fluxcd.io/forceAt").as_ref(), note("reconcile.fluxcd.io/resetAt")), (Some(&token), None));
    world.run(&["reconcile", "shop/web", "--with-source"]).exits(0).tells(&["GitRepository/shop/repo is asked"]);
    let repository = world.object("source.toolkit.fluxcd.io", "gitrepositories", "shop", "repo").unwrap();
    assert!(repository["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string());
    world.run(&["suspend", "web", "-n", "shop", "--reason", "freeze"]).exits(0).tells(&["is suspended", "helmward resume"]);
    assert_eq!((&release()["spec"]["suspend"], note("helmward.dev/suspend-reason")), (&json!(true), Some("freeze".into())));
    world.run(&["reconcile", "web", "-n", "shop"]).exits(2).tells(&["is suspended", "`helmward resume"]);
    world.run(&["resume", "hr/web", "-n", "shop"]).exits(0);
    assert_eq!((&release()["spec"]["suspend"], note("helmward.dev/suspend-reason")), (&json!(false), None));
    world.run(&["rollback", "web", "-n", "shop"]).exits(0).tells(&["goes from 3 (web-1.3.0) back to 1 (web-1.1.0)"]);
    assert_eq!(note("helmward.dev/rollback-to").as_deref(), Some("1"));
    world.run(&["rollback", "web", "2", "-n", "shop"]).exits(2).tells(&["revision 2 was never good: it is failed"]);
    world.run(&["rollback", "web", "1", "-n", "shop", "--dry-run=server"]).exits(2).tells(&["revision 1 of web is not stored"]);
    world.run(&["rollback", "ks/apps", "-n", "shop"]).exits(2).tells(&["revert the commit in Git"]);
}

#[test]
fn waiting_ends_well_badly_or_with_3() {
    let world = shop();
    let started = std::time::Instant::now();
    let late = world.run(&["reconcile", "web", "-n", "shop", "--wait", "--timeout", "300ms"]).exits(3);
    late.tells(&["was not done within 300ms: Deployment/web", "is the daemon running?"]);
    assert!(started.elapsed() < Duration::from_secs(20));
    for (status, code, words) in [("True", 0, "is ready: all is well"), ("False", 1, "is not ready: all is well")] {
        let mut child =
            world.command(&["reconcile", "web", "-n", "shop", "--wait"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let before = std::time::Instant::now();
        let asked = || {
            let release = world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
            let token = release["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str().map(str::to_owned);
            token.filter(|t| release["status"]["lastHandledReconcileAt"].as_str() != Some(t))
        };
        let mut last = None;
        // the first token may be that of the run before
        while child.try_wait().unwrap().is_none() && before.elapsed() < Duration::from_secs(20) {
            if let Some(token) = asked()
                && last.as_ref() != Some(&token)
            {
                let status = json!({"observedGeneration": 1, "lastHandledReconcileAt": token, "conditions": ready(status, "all is well")});
                world.status(HELM, "HelmRelease", "web", status);
                last = Some(token);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(words), "{err}");
    }
}

#[test]
fn history_is_that_of_the_status_and_of_helms_secrets() {
    let world = shop();
    world.stored(4, "failed", "2026-01-05T00:00:00.123Z", "");
    let table = world.run(&["history", "web", "-n", "shop"]).exits(0);
    assert_eq!(table.out.lines().count(), 5, "{}", table.out);
    assert!(
        table.out.lines().last().unwrap().starts_with("4          2026-01-05T00:00:00    failed       -        web-1.4.0   7"),
        "{}",
        table.out
    );
    let json = world.run(&["history", "web", "-n", "shop", "-o", "json", "--max", "1"]).exits(0).json();
    assert_eq!(json["revisions"][0]["description"], "description of 4");
    world.run(&["history", "gitrepo/repo", "-n", "shop"]).exits(2).tells(&["GitRepository has no history"]);
    world.run(&["history", "ks/apps", "-n", "shop"]).exits(0).tells(&["has no revision yet"]);
}

#[test]
fn a_directory_is_compared_field_by_field() {
    let world = shop();
    let manifest = |text: &str, password: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf, namespace: shop}}\ndata: {{a: '{text}', b: same}}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {{name: sec, namespace: shop}}\nstringData: {{password: {password}}}\n"
        )
    };
    world.file("repo/.git/config", "");
    world.file("repo/apps/a.yaml", &manifest("one", "s3cr3t-canary-1"));
    world.file("repo/base/b.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n");
    world.file("repo/apps/sub/kustomization.yaml", "resources: [../../base/b.yaml, c.yaml]\n");
    world.file("repo/apps/sub/c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: fresh}\n");
    let diff = |args: &[&str]| world.run(&[&["diff", "--path", "repo/apps"], args].concat());
    let all = diff(&[]).exits(1).tells(&["4 of 4 objects differ"]);
    assert_eq!(
        all.out,
        "+ Namespace/fresh\n+ Secret/shop/sec\n+ ConfigMap/fresh/c  (its namespace comes with this change)\n+ ConfigMap/shop/conf\n"
    );
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": "shop"},
        "data": {"a": "two", "b": "same"}}));
    world.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}));
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "fresh"}}));
    world.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sec", "namespace": "shop"},
        "data": {"password": "czNjcjN0LWNhbmFyeS0w"}}));
    let some =
        diff(&[]).exits(1).prints(&["~ ConfigMap/shop/conf\n    ~ .data.a: two -> one\n", ".data.password: changed (15 B -> 15 B, #"]);
    assert!(!some.out.contains("canary") && !some.err.contains("canary"));
    let unified = diff(&["-o", "unified"]).exits(1).prints(&["-  a: two\n+  a: one\n"]);
    assert!(!unified.out.contains("canary") && !unified.out.contains("czNjcjN0"));
    diff(&["--show-secrets"]).exits(1).prints(&["czNjcjN0"]);
    diff(&["-o", "name"]).exits(1).prints(&["ConfigMap/shop/conf\n", "Secret/shop/sec\n"]);
    let json = diff(&["-o", "json"]).exits(1).json();
    let changed = json["objects"].as_array().unwrap().iter().find(|o| o["object"]["name"] == "conf").unwrap();
    assert_eq!((&changed["action"], &changed["changes"][0]["path"]), (&json!("change"), &json!(".data.a")));
    // for a Kustomization: its metadata comes on top, and what it no longer wants goes
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "shop"}}));
    world.status(
        KUSTOMIZE,
        "Kustomization",
        "apps",
        json!({"inventory": {"entries": [
        {"id": "shop_old__ConfigMap", "v": "v1"}, {"id": "shop_gone__ConfigMap", "v": "v1"}, {"id": "_shop__Namespace", "v": "v1"}]}}),
    );
    diff(&["ks", "apps", "-n", "shop"]).exits(1).prints(&[
        "- ConfigMap/shop/old\n",
        "  Namespace/shop  (no longer wanted, but kept: its kind is not pruned without opt-in)\n",
        "kustomize.toolkit.fluxcd.io/name",
    ]);
    world.file("repo/apps/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf, namespace: shop}\ndata: {a: two}\n");
    world.file("repo/apps/sub/kustomization.yaml", "resources: []\n");
    diff(&[]).exits(0).tells(&["none of 1 objects differ"]);
    world.file("repo/apps/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf, namespace: shop}\ndata: {a: [1]}\n");
    diff(&[]).exits(2).tells(&["ConfigMap/shop/conf", "the API server would refuse this"]);
    world.file("repo/apps/a.yaml", "a: [\n");
    diff(&[]).exits(2).tells(&["apps/a.yaml:"]);
}

#[test]
fn a_chart_is_compared_with_its_release() {
    let world = shop();
    world.file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.4.0\n");
    world.file(
        "web/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  token: {{ .Values.token }}\n  found: {{ (lookup \"v1\" \"ConfigMap\" \"shop\" \"web\").data.extra | quote }}\n",
    );
    world.run(&["diff", "--path", "web"]).exits(2).tells(&["`helmward diff NAME --path web`"]);
    world.run(&["diff", "web", "-n", "shop", "--path", "web"]).exits(2).tells(&["values", "does not exist"]);
    world.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values", "namespace": "shop"},
        "stringData": {"values.yaml": "token: s3cr3t-canary"}}));
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"},
        "data": {"token": "other", "found": "x", "extra": "looked-up"}}));
    let said = world.run(&["diff", "web", "-n", "shop", "--path", "web"]).exits(1);
    let said = said.prints(&["~ ConfigMap/shop/web\n", ".data.found: x -> looked-up", "meta.helm.sh/release-name"]);
    assert!(!said.out.contains("canary"), "{}", said.out);
}

#[test]
fn versions_are_told_of_all_three() {
    let world = World::new();
    let said = world.run(&["version", "-o", "json", "--server", "127.0.0.1:9"]).exits(0).tells(&["no daemon version"]);
    assert_eq!(said.json(), json!({"client": env!("CARGO_PKG_VERSION"), "server": "v1.36.3"}));
    assert_eq!(world.run(&["version", "--client"]).exits(0).out, format!("client: {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_rollback_is_previewed() {
    let world = shop();
    let map = |text: &str| {
        format!("---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a: {text}\n")
    };
    for (version, status, text) in [(1, "superseded", "old"), (3, "deployed", "new")] {
        let extra = "---\n# Source: web/templates/b.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: added\n";
        let manifest = map(text) + if version == 3 { extra } else { "" };
        world.stored(version, status, "2026-01-01T00:00:00Z", &manifest);
    }
    for (name, data) in [("web", json!({"a": "new"})), ("added", json!({}))] {
        let metadata = json!({"name": name, "namespace": "shop"});
        world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}));
    }
    world.apply(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values", "namespace": "shop"}, "data": {"values.yaml": "e30="}}),
    );
    let said = world.run(&["rollback", "web", "-n", "shop", "--dry-run=server"]).exits(1);
    said.prints(&["- ConfigMap/shop/added\n", "~ ConfigMap/shop/web\n    ~ .data.a: new -> old\n"])
        .tells(&["would go from 3 (web-1.3.0) to 1 (web-1.1.0); nothing was written"]);
    let release = world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
    assert_eq!(release["metadata"]["annotations"]["helmward.dev/rollback-to"], Value::Null);
}

#[test]
fn the_daemon_stops_at_a_signal() {
    let world = World::new();
    for (signal, code) in [("TERM", 0), ("INT", 130)] {
        let state = format!("state-{signal}");
        let args = [
            "run",
            "--log-format",
            "json",
            "--state-dir",
            &state,
            "--listen",
            "127.0.0.1:0",
            "--health-listen",
            "",
            "--metrics-listen",
            "",
        ];
        let mut child = world.command(&args).stderr(Stdio::null()).spawn().unwrap();
        let identity = world.home.path().join(&state).join("identity");
        let before = std::time::Instant::now();
        // the identity is written when the cluster has answered and signals are listened to
        while !identity.exists() && before.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let sent = std::process::Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success() && identity.exists());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}
