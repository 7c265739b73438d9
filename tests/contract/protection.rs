//! What a commit must not be able to delete by mistake: protected kinds, and more than a commit usually deletes.

use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};
use std::time::Duration;

fn bundle(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\n\
         spec:\n  interval: 1h\n  timeout: 20s\n  path: ./{name}\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
    )
}

async fn applied(world: &World, name: &str, commit: &str) -> Option<Value> {
    let bundle = world.kustomization("flux-system", name).await?;
    let there = bundle["status"]["lastAppliedRevision"].as_str()?.ends_with(commit) && condition(&bundle, "Ready")?.0 == "True";
    there.then_some(bundle)
}

async fn annotate(world: &World, api_version: &str, kind: &str, namespace: &str, name: &str, key: &str, value: &str) {
    world.kubectl_patch(api_version, kind, namespace, name, json!({"metadata": {"annotations": {key: value}}})).await;
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: actors.stage.example\nspec:\n  group: stage.example\n  scope: Namespaced\n\
  \x20 names: {kind: Actor, plural: actors, singular: actor, listKind: ActorList}\n  versions:\n    - name: v1\n      served: true\n      storage: true\n\
  \x20     schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn as8_a_crd_that_leaves_git_is_kept() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/raw.yaml", &bundle("raw"));
    world.git.write("raw/crd.yaml", CRD);
    world.git.write("raw/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\n  namespace: shop\ndata: {a: b}\n");
    world.git.write("raw/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n  namespace: shop\ndata: {a: b}\n");
    let commit = world.git.push("A kind of our own");
    world.start_daemon(&[]).await;
    world.until("applied", SOON, || applied(&world, "raw", &commit)).await;
    for n in 0..27 {
        world.create(json!({"apiVersion": "stage.example/v1", "kind": "Actor", "metadata": {"name": format!("actor-{n:02}"), "namespace": "shop"}})).await;
    }
    let crd = async || world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "actors.stage.example").await;
    let before = crd().await.unwrap()["metadata"]["uid"].clone();

    world.git.discard("raw/crd.yaml");
    world.git.discard("raw/other.yaml");
    let commit = world.git.push("Drop the kind");
    let bundle = world.until("applied without the kind", SOON, || applied(&world, "raw", &commit)).await;
    assert!(world.get("v1", "ConfigMap", "shop", "other").await.is_none(), "what is not protected is pruned");
    for kind in ["Ready", "Held"] {
        let (_, _, message) = condition(&bundle, kind).unwrap_or_else(|| panic!("{kind} is set"));
        assert!(message.contains("actors.stage.example"), "{kind}: {message}");
        assert!(message.contains("protected: 27 objects would be deleted"), "{kind}: {message}");
        assert!(message.contains("helmward.dev/prune"), "{kind} says what to do: {message}");
    }
    let page = world.page("/api/v1/kustomizations/flux-system/raw").await.expect("the page knows it");
    assert_eq!(page["held"][0]["detail"], "protected: 27 objects would be deleted", "{page}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(crd().await.unwrap()["metadata"]["uid"], before, "the CRD is kept");
    assert_eq!(world.list("stage.example/v1", "Actor", "shop", "").await.len(), 27);

    annotate(
        &world,
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "flux-system",
        "raw",
        "helmward.dev/prune",
        "CustomResourceDefinition",
    )
    .await;
    world.until("deleted once it is allowed", SOON, || async { crd().await.is_none().then_some(()) }).await;
    world
        .until("nothing is held any more", SOON, || async {
            let bundle = world.kustomization("flux-system", "raw").await?;
            let kept = bundle["status"]["inventory"].to_string().contains("actors.stage.example");
            (condition(&bundle, "Held").is_none() && !kept).then_some(())
        })
        .await;
}

/// A chart with a StatefulSet and a claim of its own.
fn tables(world: &World, annotations: &str) -> String {
    let chart = |path: &str, text: &str| world.git.write(&format!("charts/tables/{path}"), text);
    chart("Chart.yaml", "apiVersion: v2\nname: tables\nversion: 1.0.0\n");
    chart(
        "templates/claim.yaml",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: tables-data-pvc\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Mi}}\n",
    );
    chart(
        "templates/set.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: tables\nspec:\n  clusterIP: None\n  selector: {app: tables}\n  ports: [{port: 80}]\n---\n\
         apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: tables\nspec:\n  serviceName: tables\n  selector: {matchLabels: {app: tables}}\n  template:\n    metadata: {labels: {app: tables}}\n\
         \x20   spec:\n      terminationGracePeriodSeconds: 1\n      containers: [{name: tables, image: 'registry.example/tables:1.0.0'}]\n\
         \x20 volumeClaimTemplates:\n    - metadata: {name: data}\n      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n",
    );
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: tables\n  namespace: shop\n{annotations}spec:\n  interval: 1h\n  timeout: 30s\n  install: {{disableWait: true}}\n\
         \x20 chart:\n    spec:\n      chart: ./charts/tables\n      sourceRef: {{kind: GitRepository, name: flux-system, namespace: flux-system}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn oo15_claims_go_only_where_that_is_allowed() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n");
    let text = tables(&world, "");
    world.git.write("clusters/demo/tables.yaml", &text);
    world.git.push("Tables");
    world.start_daemon(&[]).await;
    let claim = async |name: &str| world.get("v1", "PersistentVolumeClaim", "shop", name).await.map(|c| c["metadata"]["uid"].clone());
    let gone = async || {
        let release = world.release("shop", "tables").await.is_none();
        (release && world.get("apps/v1", "StatefulSet", "shop", "tables").await.is_none()).then_some(())
    };
    world.until("deployed", SOON, || async { world.release("shop", "tables").await.filter(|r| ready(r, "1.0.0")) }).await;
    let sets = world.until("the claim of the StatefulSet", SOON, || claim("data-tables-0")).await;
    let own = claim("tables-data-pvc").await.expect("it is of the chart");

    world.git.push_file("clusters/demo/tables.yaml", None, "Remove the tables");
    world.until("workloads gone", SOON, gone).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(claim("data-tables-0").await, Some(sets.clone()));
    assert_eq!(claim("tables-data-pvc").await, Some(own.clone()), "no commit deletes data without being told so");

    // Again, and this time it may.
    world.git.push_file(
        "clusters/demo/tables.yaml",
        Some(&tables(&world, "  annotations:\n    helmward.dev/prune: PersistentVolumeClaim\n")),
        "Tables again",
    );
    world.until("deployed again", SOON, || async { world.release("shop", "tables").await.filter(|r| ready(r, "1.0.0")) }).await;
    assert_eq!(claim("tables-data-pvc").await, Some(own), "it was taken as it was");
    world.git.push_file("clusters/demo/tables.yaml", None, "Remove them for good");
    world.until("workloads gone again", SOON, gone).await;
    world.until("the claim of the chart gone", SOON, || async { claim("tables-data-pvc").await.is_none().then_some(()) }).await;
    assert_eq!(claim("data-tables-0").await, Some(sets), "that of the StatefulSet never was ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_deletes_too_much_waits_for_an_approval() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/many.yaml", &bundle("many"));
    let config = |n: usize, value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: many-{n:02}\n  namespace: shop\ndata: {{value: {value}}}\n")
    };
    for n in 0..30 {
        world.git.write(&format!("many/{n:02}.yaml"), &config(n, "one"));
    }
    let commit = world.git.push("Thirty");
    world.start_daemon(&[]).await;
    world.until("applied", SOON, || applied(&world, "many", &commit)).await;
    let count = async || {
        let all = world.list("v1", "ConfigMap", "shop", "kustomize.toolkit.fluxcd.io/name=many").await;
        (all.len(), all.iter().filter(|c| c["data"]["value"] == "two").count())
    };
    assert_eq!(count().await, (30, 0));

    for n in 0..25 {
        world.git.discard(&format!("many/{n:02}.yaml"));
    }
    world.git.write("many/29.yaml", &config(29, "two"));
    let held = world.git.push("Delete most of them");
    let bundle = world
        .until("held", SOON, || async {
            let bundle = world.kustomization("flux-system", "many").await?;
            condition(&bundle, "ApprovalRequired").is_some().then_some(bundle)
        })
        .await;
    let (status, reason, message) = condition(&bundle, "Ready").unwrap();
    assert_eq!((status, reason), ("False", "DeletionBudgetExceeded"), "{message}");
    for words in ["would delete 25 of 30 objects", "budget of 20", "nothing was changed", "helmward.dev/approve", &held] {
        assert!(message.contains(words), "{words}: {message}");
    }
    assert!(world.page("/api/v1/kustomizations/flux-system/many").await.unwrap()["events"].to_string().contains("DeletionBudgetExceeded"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(count().await, (30, 0), "nothing of the commit was done");

    // An approval of another commit is none; a commit elsewhere does not void the right one.
    let key = "helmward.dev/approve";
    annotate(&world, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "many", key, &commit).await;
    let elsewhere = world.git.push_file("NOTES.md", Some("elsewhere\n"), "Elsewhere");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count().await, (30, 0));
    annotate(&world, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "many", key, &held).await;
    let bundle = world.until("approved", SOON, || applied(&world, "many", &elsewhere)).await;
    assert_eq!(count().await, (5, 1));
    assert!(condition(&bundle, "ApprovalRequired").is_none());
}
