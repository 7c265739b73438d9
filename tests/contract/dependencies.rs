//! Order between releases, and between a release and objects of any kind: what waits, what goes first, what is blocked, what is missing.

use crate::pieces::{DEPLOYMENT, bundle, chart, definition, namespace, place_in_time, release, set_status};
use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const HELM: (&str, &str) = ("helm.toolkit.fluxcd.io/v2", "HelmRelease");
const ACTOR: (&str, &str) = ("asya.sh/v1alpha1", "AsyncActor");
const FINALIZER: &str = "asya.sh/finalizer";
const ACTOR_TEMPLATE: &str =
    "apiVersion: asya.sh/v1alpha1\nkind: AsyncActor\nmetadata:\n  name: {{ .Release.Name }}\n  finalizers: [asya.sh/finalizer]\nspec: {}\n";

/// Status and message of a release's Ready condition.
async fn says(world: &World, namespace: &str, name: &str) -> Option<(String, String)> {
    let release = world.release(namespace, name).await?;
    condition(&release, "Ready").map(|(status, _, message)| (status.to_owned(), message.to_owned()))
}

async fn until_says(world: &World, namespace: &str, name: &str, words: &str) -> String {
    world
        .until(&format!("{name}: {words}"), SOON, || async {
            says(world, namespace, name).await.map(|s| s.1).filter(|m| m.contains(words))
        })
        .await
}

async fn until_ready(world: &World, namespace: &str, name: &str, version: &str) {
    world.until(&format!("{name} ready"), SOON, || async { world.release(namespace, name).await.filter(|r| ready(r, version)) }).await;
}

/// The objects of a kind as they were at each of their changes, by a watch from here on.
fn record(world: &World, (api_version, kind): (&str, &str), namespace: &str) -> std::sync::Arc<std::sync::Mutex<Vec<Value>>> {
    use futures::StreamExt;
    let api = world.api(api_version, kind, namespace);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&seen);
    tokio::spawn(async move {
        let mut events = std::pin::pin!(kube::runtime::watcher(api, Default::default()));
        while let Some(event) = events.next().await {
            use kube::runtime::watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
            match event {
                Ok(Apply(object) | InitApply(object) | Delete(object)) => log.lock().unwrap().push(serde_json::to_value(object).unwrap()),
                Ok(Init | InitDone) | Err(_) => {}
            }
        }
    });
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn ho7_dependencies_come_first_and_circles_are_named() {
    let mut world = World::start().await;
    chart(&world, "app", "1.0.0", &[("templates/app.yaml", DEPLOYMENT)]);
    world.git.write("clusters/demo/a.yaml", &namespace("shop"));
    world.git.push("A namespace");
    world.start_daemon(&[]).await;
    world.until("the namespace", SOON, || world.get("v1", "Namespace", "", "shop")).await;
    let releases = record(&world, HELM, "shop");
    let secrets = record(&world, ("v1", "Secret"), "shop");

    let on = |name: &str| format!("  dependsOn:\n    - name: {name}\n");
    let annotated = |to: &str| format!("  annotations:\n    helmward.dev/depends-on: {to}\n");
    let mut text = release("shop", "a", "app", &annotated("helm.toolkit.fluxcd.io/HelmRelease/shop/b"), "");
    text += &release("shop", "b", "app", "", &on("c"));
    text += &release("shop", "c", "app", "", "");
    // A circle through both sorts of edges, one of which leads through a Kustomization.
    text += &release("shop", "left", "app", "", &on("right"));
    text += &release("shop", "right", "app", &annotated("kustomize.toolkit.fluxcd.io/Kustomization/flux-system/below"), "");
    text += &bundle("below", "./plain", "").replacen(
        "  namespace: flux-system\n",
        &format!("  namespace: flux-system\n{}", annotated("helm.toolkit.fluxcd.io/HelmRelease/shop/left")),
        1,
    );
    text += &release("shop", "unrelated", "app", "", "");
    world.git.write("plain/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-below, namespace: shop}\n");
    world.git.write("clusters/demo/apps.yaml", &text);
    world.git.push("All at once, in reverse order");
    for name in ["a", "b", "c", "unrelated"] {
        until_ready(&world, "shop", name, "1.0.0").await;
    }
    let first_ready = |name: &str| {
        let log = releases.lock().unwrap();
        log.iter()
            .find(|r| r["metadata"]["name"] == name && condition(r, "Ready").is_some_and(|c| c.0 == "True"))
            .map(place_in_time)
            .unwrap()
    };
    let first_write = |name: &str| {
        let log = secrets.lock().unwrap();
        log.iter()
            .find(|s| s["metadata"]["labels"]["name"] == name && s["metadata"]["labels"]["owner"] == "helm")
            .map(place_in_time)
            .unwrap()
    };
    assert!(first_ready("c") < first_write("b"), "b began after c was ready");
    assert!(first_ready("b") < first_write("a"), "a began after b was ready");

    let circle = ["HelmRelease/shop/left", "HelmRelease/shop/right", "Kustomization/flux-system/below"];
    for name in ["left", "right"] {
        let message = until_says(&world, "shop", name, "in a circle").await;
        assert!(circle.iter().all(|member| message.contains(member)), "{message}");
        assert!(world.release_secrets("shop", name).await.is_empty() && world.get("apps/v1", "Deployment", "shop", name).await.is_none());
    }
    let below = world.kustomization("flux-system", "below").await.expect("it is there");
    let (status, reason, message) = condition(&below, "Ready").expect("a condition");
    assert!(status == "False" && reason == "DependencyNotReady" && circle.iter().all(|m| message.contains(m)), "{message}");
    assert!(world.get("v1", "ConfigMap", "shop", "of-below").await.is_none(), "nothing of it is applied");
    // Broken, it goes on by itself.
    world.git.write("clusters/demo/apps.yaml", &text.replacen(&on("right"), "", 1));
    world.git.push("Break the circle");
    for name in ["left", "right"] {
        until_ready(&world, "shop", name, "1.0.0").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_of_any_kind_wake_who_waits_for_them() {
    let mut world = World::start().await;
    chart(&world, "app", "1.0.0", &[("templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n")]);
    let on = |to: &str| format!("  annotations:\n    helmward.dev/depends-on: {to}\n");
    let expression = "  dependsOn:\n    - name: by-map\n      readyExpr: dep.metadata.labels['gate'] == 'open' && self.metadata.name == 'by-expression'\n";
    let all = [
        ("by-map", on("core/ConfigMap/gates/gate"), ""),
        ("by-deployment", on("apps/Deployment/gates/gate"), ""),
        ("by-kind", on("gates.example/Gate/gates/gate"), ""),
        ("by-expression", String::new(), expression),
    ];
    let text: String = all.iter().map(|(name, metadata, spec)| release("shop", name, "app", metadata, spec)).collect();
    world.git.write("clusters/demo/apps.yaml", &(namespace("shop") + &text));
    world.git.push("Who waits");
    world.start_daemon(&[]).await;
    until_says(&world, "shop", "by-map", "dependency ConfigMap/gates/gate does not exist: namespace gates does not exist").await;
    until_says(&world, "shop", "by-deployment", "dependency Deployment/gates/gate does not exist").await;
    until_says(&world, "shop", "by-kind", "dependency Gate/gates/gate does not exist: the cluster does not know its kind").await;
    until_says(&world, "shop", "by-expression", "its readyExpr cannot be evaluated: there is no field").await;

    let soon = async |name: &str, since: Instant| {
        until_ready(&world, "shop", name, "1.0.0").await;
        assert!(since.elapsed() < Duration::from_secs(10), "{name}: by its event, not by an interval");
    };
    world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gates"}})).await;
    let since = Instant::now();
    world.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate", "namespace": "gates"}})).await;
    soon("by-map", since).await;

    world
        .create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gate", "namespace": "gates"}, "spec": {
            "selector": {"matchLabels": {"app": "gate"}}, "template": {"metadata": {"labels": {"app": "gate"}}, "spec": {"terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "registry.example/gate:1.0.0-unready"}]}}}}))
        .await;
    until_says(&world, "shop", "by-deployment", "dependency Deployment/gates/gate is not ready").await;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "registry.example/gate:1.0.1"}]}}}});
    let since = Instant::now();
    world.kubectl_patch("apps/v1", "Deployment", "gates", "gate", image).await;
    soon("by-deployment", since).await;

    let gate: Value = serde_json::to_value(serde_yaml::from_str::<Value>(&definition("gates.example", "Gate")).unwrap()).unwrap();
    world.create(gate).await;
    let there = || async {
        let object =
            json!({"apiVersion": "gates.example/v1alpha1", "kind": "Gate", "metadata": {"name": "gate", "namespace": "gates"}, "spec": {}});
        let body = serde_json::from_value(object).unwrap();
        world.api("gates.example/v1alpha1", "Gate", "gates").create(&Default::default(), &body).await.ok().map(drop)
    };
    world.until("the kind is served", SOON, there).await;
    until_ready(&world, "shop", "by-kind", "1.0.0").await;

    let since = Instant::now();
    world.kubectl_patch(HELM.0, HELM.1, "shop", "by-map", json!({"metadata": {"labels": {"gate": "open"}}})).await;
    soon("by-expression", since).await;
}

/// The operator and the actors that it serves.
fn operator_and_actors(world: &World) {
    chart(
        world,
        "operator",
        "1.0.0",
        &[("crds/actors.yaml", &definition("asya.sh", "AsyncActor")), ("templates/operator.yaml", DEPLOYMENT)],
    );
    chart(world, "actors", "1.0.0", &[("templates/actor.yaml", ACTOR_TEMPLATE)]);
}

/// Waits until an actor is asked to go, sees that its operator stays as long as it is there, and serves its finalizer.
async fn serve(world: &World, actor: &str) {
    let going = || async {
        let actor = world.get(ACTOR.0, ACTOR.1, "asya", actor).await?;
        actor["metadata"]["deletionTimestamp"].is_string().then_some(())
    };
    world.until("the actor is asked to go", SOON, going).await;
    for _ in 0..6 {
        let operator = world.get("apps/v1", "Deployment", "asya", "operator").await.expect("the operator is there");
        assert!(operator["metadata"]["deletionTimestamp"].is_null(), "the operator stays as long as actors are there");
        assert!(world.release("asya", "operator").await.is_some());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.kubectl_patch(ACTOR.0, ACTOR.1, "asya", actor, json!({"metadata": {"finalizers": null}})).await;
}

async fn until_gone(world: &World, (api_version, kind): (&str, &str), name: &str) {
    world
        .until(&format!("{kind} {name} gone"), SOON, || async { world.get(api_version, kind, "asya", name).await.is_none().then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as7_actors_go_before_their_operator() {
    let mut world = World::start().await;
    operator_and_actors(&world);
    world.git.write("clusters/demo/a.yaml", &namespace("asya"));
    let both =
        release("asya", "operator", "operator", "", "") + &release("asya", "actors", "actors", "", "  dependsOn:\n    - name: operator\n");
    world.git.write("clusters/demo/both.yaml", &both);
    world.git.push("Operator and actors");
    world.start_daemon(&[]).await;
    until_ready(&world, "asya", "actors", "1.0.0").await;

    world.git.discard("clusters/demo/both.yaml");
    world.git.push("Remove both");
    serve(&world, "actors").await;
    until_gone(&world, HELM, "actors").await;
    until_gone(&world, ("apps/v1", "Deployment"), "operator").await;
    until_gone(&world, HELM, "operator").await;
    assert!(
        world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "asyncactors.asya.sh").await.is_some(),
        "definitions stay"
    );

    // The operator is gone already: nobody serves the finalizer, and nobody forces it.
    world.git.write("clusters/demo/both.yaml", &release("asya", "actors", "actors", "", ""));
    world.git.push("Actors without an operator");
    until_ready(&world, "asya", "actors", "1.0.0").await;
    world.git.discard("clusters/demo/both.yaml");
    world.git.push("Remove them");
    let message = until_says(&world, "asya", "actors", "blocked by asya.sh/finalizer on AsyncActor/asya/actors").await;
    assert!(message.contains("nothing is forced"), "{message}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let actor = world.get(ACTOR.0, ACTOR.1, "asya", "actors").await.expect("it is still there");
    assert_eq!(actor["metadata"]["finalizers"], json!([FINALIZER]));
    world.kubectl_patch(ACTOR.0, ACTOR.1, "asya", "actors", json!({"metadata": {"finalizers": null}})).await;
    until_gone(&world, HELM, "actors").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as7_resources_of_one_kustomization_go_before_what_serves_them() {
    let mut world = World::start().await;
    operator_and_actors(&world);
    world.git.write("clusters/demo/a.yaml", &namespace("asya"));
    world.git.write("clusters/demo/stack.yaml", &bundle("stack", "./stack", ""));
    world.git.write("stack/definition.yaml", &definition("asya.sh", "AsyncActor"));
    world.git.write("stack/operator.yaml", &release("asya", "operator", "operator", "", ""));
    let actor = "apiVersion: asya.sh/v1alpha1\nkind: AsyncActor\nmetadata: {name: raw, namespace: asya, finalizers: [asya.sh/finalizer]}\nspec: {}\n";
    world.git.write("stack/actor.yaml", actor);
    world.git.push("A stack");
    world.start_daemon(&[]).await;
    until_ready(&world, "asya", "operator", "1.0.0").await;
    world.until("the actor", SOON, || world.get(ACTOR.0, ACTOR.1, "asya", "raw")).await;
    let settled = || async {
        let stack = world.kustomization("flux-system", "stack").await?;
        (condition(&stack, "Ready")?.0 == "True").then_some(())
    };
    world.until("the stack is ready", SOON, settled).await;

    // Pruned by a commit.
    world.git.discard("stack/operator.yaml");
    world.git.discard("stack/actor.yaml");
    world.git.push("Remove operator and actor");
    serve(&world, "raw").await;
    until_gone(&world, HELM, "operator").await;
    until_gone(&world, ("apps/v1", "Deployment"), "operator").await;

    // Removed with the Kustomization itself.
    world.git.write("stack/operator.yaml", &release("asya", "operator", "operator", "", ""));
    world.git.write("stack/actor.yaml", actor);
    world.git.push("Bring them back");
    until_ready(&world, "asya", "operator", "1.0.0").await;
    world.until("the actor again", SOON, || world.get(ACTOR.0, ACTOR.1, "asya", "raw")).await;
    world.until("the stack is ready again", SOON, settled).await;
    world.git.discard("clusters/demo/stack.yaml");
    world.git.push("Remove the stack");
    serve(&world, "raw").await;
    until_gone(&world, HELM, "operator").await;
    world.until("the stack is gone", SOON, || async { world.kustomization("flux-system", "stack").await.is_none().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as10_what_is_outside_of_a_release_counts_for_its_health() {
    let mut world = World::start().await;
    chart(&world, "app", "1.0.0", &[("templates/app.yaml", DEPLOYMENT)]);
    world.git.write("clusters/demo/app.yaml", &(namespace("shop") + &release("shop", "app", "app", "", "")));
    world.git.push("Without a check");
    world.start_daemon(&[]).await;
    until_ready(&world, "shop", "app", "1.0.0").await;

    let checked = |timeout: &str| {
        let check = "  annotations:\n    helmward.dev/health-checks: core/ConfigMap/asya/asya-runtime\n";
        namespace("shop") + &release("shop", "app", "app", check, &format!("  timeout: {timeout}\n"))
    };
    // The check comes before the chart: two objects see one commit at two moments.
    let with_timeout = async |timeout: &str| {
        world.git.push_file("clusters/demo/app.yaml", Some(&checked(timeout)), "A check that nothing fulfils");
        let seen = || async {
            let app = world.release("shop", "app").await?;
            let annotated = app["metadata"]["annotations"]["helmward.dev/health-checks"].is_string();
            (annotated
                && app["spec"]["timeout"].as_str()?.starts_with(timeout)
                && app["status"]["observedGeneration"] == app["metadata"]["generation"])
                .then_some(())
        };
        world.until("the check is seen", SOON, seen).await;
    };
    with_timeout("6s").await;
    chart(&world, "app", "1.1.0", &[]);
    world.git.push("A new version");
    until_says(&world, "shop", "app", "waiting for missing ConfigMap asya/asya-runtime: namespace asya does not exist").await;
    let rolled_back = || async {
        let app = world.release("shop", "app").await?;
        let (status, _, message) = condition(&app, "Ready")?;
        let missing = status == "False" && message.contains("missing ConfigMap asya/asya-runtime");
        (missing && condition(&app, "RolledBack")?.0 == "True").then(|| message.to_owned())
    };
    let message = world.until("rolled back", SOON, rolled_back).await;
    assert!(message.contains("namespace asya does not exist"), "{message}");
    let live = world.get("apps/v1", "Deployment", "shop", "app").await.expect("it is live");
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/main:1.0.0");

    world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "asya"}})).await;
    with_timeout("1m").await;
    chart(&world, "app", "1.2.0", &[]);
    world.git.push("Try again");
    let message = until_says(&world, "shop", "app", "waiting for missing ConfigMap asya/asya-runtime").await;
    assert!(!message.contains("namespace asya does not exist"), "{message}");
    let since = Instant::now();
    world.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asya-runtime", "namespace": "asya"}})).await;
    until_ready(&world, "shop", "app", "1.2.0").await;
    assert!(since.elapsed() < Duration::from_secs(10), "its event is waited for: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn as6_napping_is_healthy_and_autoscaling_is_no_drift() {
    let mut world = World::start().await;
    operator_and_actors(&world);
    world.git.write("clusters/demo/a.yaml", &namespace("asya"));
    let exprs = "  dependsOn:\n    - name: operator\n  healthCheckExprs:\n    - apiVersion: asya.sh/v1alpha1\n      kind: AsyncActor\n      current: status.status in ['Running', 'Napping']\n\
        \x20     failed: status.status == 'Degraded' || status.status.endsWith('Error')\n";
    // The operator's chart asks for one copy, by number.
    chart(
        &world,
        "operator",
        "1.0.0",
        &[("templates/operator.yaml", &DEPLOYMENT.replace("spec:\n  selector", "spec:\n  replicas: 1\n  selector"))],
    );
    let drift = "  driftDetection: {mode: enabled}\n";
    let both = release("asya", "operator", "operator", "", drift) + &release("asya", "actors", "actors", "", exprs);
    world.git.write("clusters/demo/both.yaml", &both);
    world.git.push("An actor that naps");
    world.start_daemon(&[]).await;
    world.until("the actor", SOON, || world.get(ACTOR.0, ACTOR.1, "asya", "actors")).await;
    set_status(&world, ACTOR, "asya", "actors", json!({"status": "Creating"})).await;
    until_says(&world, "asya", "actors", "waiting for AsyncActor/actors").await;
    set_status(&world, ACTOR, "asya", "actors", json!({"status": "Napping"})).await;
    until_ready(&world, "asya", "actors", "1.0.0").await;

    // KEDA makes an autoscaler for the operator, which nobody has asked for in Git, and that scales it.
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "operator"});
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
    world
        .create(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "keda-hpa-operator", "namespace": "asya"},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9, "metrics": [cpu]}}))
        .await;
    let params = kube::api::PatchParams { field_manager: Some("kube-controller-manager".into()), ..Default::default() };
    let three = kube::api::Patch::Merge(json!({"spec": {"replicas": 3}}));
    world.api("apps/v1", "Deployment", "asya").patch_scale("operator", &params, &three).await.unwrap();
    let shown = || async {
        let page = world.page("/api/v1/releases/asya/operator").await?;
        let child = page["objects"].as_array()?.iter().find(|o| o["id"]["name"] == "keda-hpa-operator")?.clone();
        (child["owner"]["kind"] == "Deployment" && child["owner"]["name"] == "operator").then_some(())
    };
    world.until("the autoscaler is shown below what it scales", SOON, shown).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let operator = world.get("apps/v1", "Deployment", "asya", "operator").await.expect("it is live");
    assert_eq!(operator["spec"]["replicas"], 3, "nobody sets it back");
    let release = world.release("asya", "operator").await.expect("it is there");
    assert!(condition(&release, "Drifted").is_none_or(|c| c.0 == "False"), "{release}");
    world.kubectl_patch(ACTOR.0, ACTOR.1, "asya", "actors", json!({"metadata": {"finalizers": null}})).await;
}
