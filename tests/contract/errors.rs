//! What goes wrong says so once, names the thing and the next step, and stops nothing else.

use crate::world::{SOON, World, condition, example, fast, free_port, ready};
use serde_json::{Value, json};
use std::time::Duration;

/// A HelmRelease beside the example's, with some of its own.
fn release(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: shop\nspec:\n  interval: 1m\n  timeout: 20s\n{spec}"
    )
}

fn chart(path: &str) -> String {
    format!(
        "  chart:\n    spec:\n      chart: {path}\n      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n"
    )
}

fn bundle(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\nspec:\n  interval: 1m\n  prune: true\n\
         \x20 sourceRef:\n    kind: GitRepository\n    name: flux-system\n{spec}"
    )
}

async fn says(world: &World, object: (&str, &str, &str, &str), kind: &str, words: &[&str]) {
    let (api_version, object_kind, namespace, name) = object;
    world
        .until(&format!("{object_kind} {name} says {words:?}"), SOON, || async {
            let object: Value = world.get(api_version, object_kind, namespace, name).await?;
            let (_, reason, message) = condition(&object, kind)?;
            let all = format!("{reason}: {message}");
            words.iter().all(|w| all.contains(w)).then(|| eprintln!("    {all}"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_is_told_once_where_it_belongs() {
    const HELM: &str = "helm.toolkit.fluxcd.io/v2";
    const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
    let mut world = World::start().await;
    let nowhere = format!("http://127.0.0.1:{}/nothing.git", free_port());
    let files = [
        (
            "url.yaml",
            format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: nowhere\n  namespace: shop\nspec:\n  interval: 1m\n  url: {nowhere}\n"
            ),
        ),
        ("path.yaml", bundle("no-path", "  path: ./no/such/folder\n")),
        ("patches.yaml", bundle("patched", "  path: ./charts\n  patches:\n    - patch: '[]'\n")),
        ("chart.yaml", release("no-chart", &chart("./charts/none"))),
        ("template.yaml", release("template", &chart("./charts/bad"))),
        ("blocked.yaml", release("blocked", &format!("{}  upgrade:\n    preserveValues: true\n", chart("./charts/web")))),
        (
            "source.yaml",
            release(
                "no-source",
                &chart("./charts/web").replace("name: flux-system\n        namespace", "name: missing\n        namespace"),
            ),
        ),
        ("values.yaml", release("no-values", &format!("{}  valuesFrom:\n    - kind: Secret\n      name: absent\n", chart("./charts/web")))),
        ("unknown.yaml", release("unknown", &format!("{}  intervall: 5m\n", chart("./charts/web")))),
    ];
    for (file, text) in files {
        world.git.write(&format!("clusters/demo/{file}"), &text);
    }
    world.git.write("charts/bad/Chart.yaml", "apiVersion: v2\nname: bad\nversion: 0.1.0\n");
    world.git.write("charts/bad/templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.a.b }}\n");
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    says(&world, ("source.toolkit.fluxcd.io/v1", "GitRepository", "shop", "nowhere"), "Ready", &[&nowhere]).await;
    says(&world, (KUSTOMIZE, "Kustomization", "flux-system", "no-path"), "Ready", &["BuildFailed", "no/such/folder", "flux-system"]).await;
    says(&world, (KUSTOMIZE, "Kustomization", "flux-system", "patched"), "Stalled", &["UnsupportedField", "spec.patches"]).await;
    says(&world, (HELM, "HelmRelease", "shop", "no-chart"), "Ready", &["ArtifactFailed", "charts/none"]).await;
    says(&world, (HELM, "HelmRelease", "shop", "template"), "Ready", &["templates/config.yaml:4:18"]).await;
    says(&world, (HELM, "HelmRelease", "shop", "blocked"), "Stalled", &["UnsupportedField", "spec.upgrade.preserveValues"]).await;
    says(&world, (HELM, "HelmRelease", "shop", "no-source"), "Ready", &["GitRepository", "missing", "does not exist"]).await;
    says(&world, (HELM, "HelmRelease", "shop", "no-values"), "Ready", &["Secret", "absent"]).await;
    world
        .until("the unknown field is an event", SOON, || async {
            let events = world.list("v1", "Event", "flux-system", "").await;
            events.into_iter().find(|e| e["message"].as_str().is_some_and(|m| m.contains("intervall")))
        })
        .await;
    // None of them is in another's way.
    world.until("the good one is deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    for absent in ["blocked", "template", "no-values"] {
        assert!(world.release_secrets("shop", absent).await.is_empty(), "nothing of {absent} was applied");
        assert!(world.get("apps/v1", "Deployment", "shop", absent).await.is_none());
    }

    // What was missing comes, and nobody has to ask.
    world
        .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "absent", "namespace": "shop"}, "stringData": {"values.yaml": "greeting: Here at last\n"}}))
        .await;
    world
        .until("healed by the Secret", Duration::from_secs(10), || async {
            world.release("shop", "no-values").await.filter(|r| ready(r, "1.0.0"))
        })
        .await;
    world.kubectl_patch("v1", "Secret", "shop", "absent", json!({"stringData": {"values.yaml": "greeting: Changed\n"}})).await;
    world
        .until("the Secret's change is deployed", Duration::from_secs(10), || async {
            let config = world.get("v1", "ConfigMap", "shop", "no-values-config").await?;
            (config["data"]["greeting"] == "Changed").then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_cannot_start_says_why() {
    let mut world = World::start().await;
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("1.0.0 deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;

    let taken = world.daemon().page.trim_start_matches("http://").to_owned();
    let cases = [
        ("a locked state directory", world.state_dir(), vec![], vec![world.state_dir().display().to_string()]),
        ("a taken port", world.dir.path().join("other"), vec!["--listen", taken.as_str()], vec![taken.clone(), "--listen".into()]),
    ];
    for (what, state, extra, words) in cases {
        let mut daemon = world.spawn_with(&state, &extra);
        world.until(&format!("{what} ends it"), SOON, || std::future::ready(daemon.ended().filter(|code| *code != 0))).await;
        let log = daemon.logged();
        assert!(words.iter().all(|w| log.contains(w)), "{what}: {log}");
        eprintln!("    {}", log.lines().last().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_live_flux_nothing_is_written() {
    let mut world = World::start().await;
    world.git.push_step(&example("web", "01-install"), &fast);
    if world.get("v1", "Namespace", "", "flux-system").await.is_none() {
        world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})).await;
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    world
        .create(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "helm-controller-leader-election", "namespace": "flux-system"},
            "spec": {"holderIdentity": "helm-controller-abc", "leaseDurationSeconds": 15, "renewTime": now, "acquireTime": now},
        }))
        .await;
    world.start_daemon(&[]).await;
    world.until("it names Flux's Lease", SOON, || async { world.daemon().logged().contains("helm-controller").then_some(()) }).await;
    assert!(world.kustomization("flux-system", "flux-system").await.is_none(), "nothing is written");
    world.delete("coordination.k8s.io/v1", "Lease", "flux-system", "helm-controller-leader-election").await;
    world.until("it goes on by itself", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
}
