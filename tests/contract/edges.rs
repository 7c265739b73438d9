//! What happens beside the main story: order, suspension, removal with volumes, lost sources, finalizers, plain manifests that fail.

use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::{Value, json};
use std::time::Duration;

const FLUX_SOURCE: &str = "      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n";

fn release(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  interval: 1m\n  timeout: 30s\n\
         \x20 chart:\n    spec:\n      chart: ./charts/web\n{FLUX_SOURCE}{spec}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_come_first_and_suspended_releases_stay() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/front.yaml", &release("front", "  dependsOn:\n    - name: web\n"));
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("front deployed", SOON, || async { world.release("shop", "front").await.filter(|r| ready(r, "1.0.0")) }).await;
    let began = async |name: &str| {
        let release = world.release("shop", name).await.unwrap();
        let moment = |v: &Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let secret = world.list("v1", "Secret", "shop", &format!("owner=helm,name={name}")).await;
        (moment(&secret[0]["metadata"]["creationTimestamp"]), release)
    };
    let (web, release) = began("web").await;
    assert!(web <= began("front").await.0, "the dependency came first");
    assert!(ready(&release, "1.0.0"));

    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "front", json!({"spec": {"suspend": true}})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.git.push_step(&example("web", "02-upgrade"), &fast);
    world.until("web upgraded", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.1.0")) }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.release_secrets("shop", "front").await.len(), 1, "the suspended release stays as it is");
    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "front", json!({"spec": {"suspend": false}})).await;
    world.until("front follows once resumed", SOON, || async { world.release("shop", "front").await.filter(|r| ready(r, "1.1.0")) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_release_leaves_its_volumes_and_comes_back() {
    let mut world = World::start().await;
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {{ .Release.Name }}-data\nspec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Mi\n";
    world.git.write("charts/web/templates/claim.yaml", claim);
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    let uid = world.get("v1", "PersistentVolumeClaim", "shop", "web-data").await.expect("it is live")["metadata"]["uid"].clone();

    world.delete("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "web").await;
    world
        .until("uninstalled", SOON, || async {
            let gone = world.get("apps/v1", "Deployment", "shop", "web").await.is_none();
            (gone && world.release_secrets("shop", "web").await.iter().all(|(n, ..)| *n == 1)).then_some(())
        })
        .await;
    // It is still in Git, so it comes back; its data was never touched.
    world.until("deployed again", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    let claim = world.get("v1", "PersistentVolumeClaim", "shop", "web-data").await.expect("it is kept");
    assert_eq!(claim["metadata"]["uid"], uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_manifests_that_fail_go_back_too() {
    let mut world = World::start().await;
    let deployment = |tag: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: plain\n  namespace: shop\nspec:\n  replicas: 1\n  progressDeadlineSeconds: 3\n\
             \x20 selector: {{matchLabels: {{app: plain}}}}\n  template:\n    metadata: {{labels: {{app: plain}}}}\n    spec:\n      terminationGracePeriodSeconds: 1\n\
             \x20     containers: [{{name: plain, image: 'registry.example/plain:{tag}'}}]\n"
        )
    };
    world.git.write(
        "clusters/demo/plain.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: plain\n  namespace: flux-system\n\
         spec:\n  interval: 1s\n  timeout: 20s\n  path: ./plain\n  prune: true\n  wait: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n",
    );
    world.git.write("plain/deployment.yaml", &deployment("1.0.0"));
    world.git.write(
        "plain/held.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: held\n  namespace: shop\n  finalizers: [harbour.example/hold]\ndata: {a: b}\n",
    );
    let good = world.git.push("Plain manifests");
    world.start_daemon(&[]).await;
    let applied = |k: &Value, commit: &str| k["status"]["lastAppliedRevision"].as_str().is_some_and(|r| r.ends_with(commit));
    world
        .until("applied and healthy", SOON, || async {
            let bundle = world.kustomization("flux-system", "plain").await?;
            (condition(&bundle, "Ready")?.0 == "True" && applied(&bundle, &good)).then_some(())
        })
        .await;

    world.git.push_file("plain/deployment.yaml", Some(&deployment("2.0.0-unready")), "Break it");
    world
        .until("rolled back", SOON, || async {
            let bundle = world.kustomization("flux-system", "plain").await?;
            (condition(&bundle, "RolledBack")?.0 == "True").then(|| eprintln!("    {}", condition(&bundle, "Ready").unwrap().2))
        })
        .await;
    let image = async || {
        let live = world.get("apps/v1", "Deployment", "shop", "plain").await.unwrap();
        (live["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned(), live["metadata"]["generation"].clone())
    };
    let after = image().await;
    assert_eq!(after.0, "registry.example/plain:1.0.0");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(image().await, after, "quarantined: no second attempt");

    // A prune that a finalizer holds up is waited for, not given up, and ends when the finalizer goes.
    world.git.write("plain/deployment.yaml", &deployment("3.0.0"));
    world.git.discard("plain/held.yaml");
    world.git.push("Mend it, drop the held one");
    world
        .until("its deletion asked for", SOON, || async {
            let held = world.get("v1", "ConfigMap", "shop", "held").await?;
            (!held["metadata"]["deletionTimestamp"].is_null()).then_some(())
        })
        .await;
    world.kubectl_patch("v1", "ConfigMap", "shop", "held", json!({"metadata": {"finalizers": null}})).await;
    world
        .until("mended", SOON, || async {
            let bundle = world.kustomization("flux-system", "plain").await?;
            (condition(&bundle, "Ready")?.0 == "True" && world.get("v1", "ConfigMap", "shop", "held").await.is_none()).then_some(())
        })
        .await;
    assert_eq!(image().await.0, "registry.example/plain:3.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_gone_removes_nothing() {
    let mut world = World::start().await;
    world.git.write(
        "clusters/demo/other.yaml",
        &format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: other\n  namespace: shop\nspec:\n  interval: 1s\n  url: {}\n  ref:\n    branch: main\n---\n{}",
            world.git.url,
            release("away", "").replace("name: flux-system\n        namespace: flux-system", "name: other\n        namespace: shop")
        ),
    );
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("deployed", SOON, || async { world.release("shop", "away").await.filter(|r| ready(r, "1.0.0")) }).await;
    let before = world.release_secrets("shop", "away").await;
    world
        .kubectl_patch(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "shop",
            "other",
            json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}),
        )
        .await;
    world.git.push_file(
        "clusters/demo/other.yaml",
        Some(&release("away", "").replace("name: flux-system\n        namespace: flux-system", "name: other\n        namespace: shop")),
        "Drop the source",
    );
    world
        .until("the release says that its source is gone", SOON, || async {
            let gone = world.get("source.toolkit.fluxcd.io/v1", "GitRepository", "shop", "other").await.is_none();
            let release = world.release("shop", "away").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (gone && status == "False" && message.contains("does not exist")).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(world.get("apps/v1", "Deployment", "shop", "away").await.is_some(), "what it deployed stays");
    assert_eq!(world.release_secrets("shop", "away").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_from_the_cluster_are_followed_at_once() {
    let mut world = World::start().await;
    let values = |greeting: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: front-values\n  namespace: shop\ndata:\n  values.yaml: |\n    greeting: {greeting}\n"
        )
    };
    let from = "  valuesFrom:\n    - kind: ConfigMap\n      name: front-values\n";
    // An interval that no test waits for.
    world.git.write("clusters/demo/front.yaml", &release("front", from).replace("interval: 1m", "interval: 1h"));
    world.git.write("clusters/demo/values.yaml", &values("one"));
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    let greeting = async || world.get("v1", "ConfigMap", "shop", "front-config").await.map(|map| map["data"]["greeting"].clone());
    world.until("deployed", SOON, || async { greeting().await.filter(|text| text == "one") }).await;
    world.until("ready", SOON, || async { world.release("shop", "front").await.filter(|r| ready(r, "1.0.0")) }).await;
    world.git.push_file("clusters/demo/values.yaml", Some(&values("two")), "other values");
    world.until("upgraded", SOON, || async { greeting().await.filter(|text| text == "two") }).await;
    assert_eq!(world.release_secrets("shop", "front").await.len(), 2, "one upgrade");
}
