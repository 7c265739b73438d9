//! What is wrong in a commit is refused before it does harm, in the words of whoever refuses it, with the place; what is right beside it
//! goes on, and the commit that mends it is deployed at once.

use crate::helm::Helm;
use crate::text::{bundle, chart_yaml, cli, deployment, namespace, release};
use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};
use std::time::Duration;

/// A recovery that no interval brings: those are an hour long.
const AT_ONCE: Duration = Duration::from_secs(20);

/// The message of `Ready=False`, once it holds all these words.
async fn says(world: &World, namespace: &str, name: &str, words: &[&str]) -> Value {
    world
        .until(&format!("{name} says {words:?}"), SOON, || async {
            let release = world.release(namespace, name).await?;
            let (status, reason, message) = condition(&release, "Ready")?;
            let all = format!("{reason}: {message}");
            (status == "False" && words.iter().all(|w| all.contains(w))).then(|| eprintln!("    {all}"))?;
            Some(release)
        })
        .await
}

async fn deployed(world: &World, namespace: &str, name: &str, version: &str) -> Value {
    world
        .until(&format!("{name} {version} deployed"), SOON, || async { world.release(namespace, name).await.filter(|r| ready(r, version)) })
        .await
}

/// The operator's chart: it refuses values that do not go together.
fn operator(world: &World) {
    world.git.write("charts/stager/Chart.yaml", &chart_yaml("stager", "1.0.0"));
    world.git.write(
        "charts/stager/values.yaml",
        "replicas: 1\nleaderElection: true\npdb:\n  enabled: false\n  minAvailable: 1\nmonitoring:\n  enabled: false\n",
    );
    let container = "          args: [--leader-elect={{ .Values.leaderElection }}]\n";
    let guard = "{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection) }}\n\
                 {{- fail \"Leader election must be enabled when replicas > 1, else two operators act at the same time\" }}\n{{- end }}\n";
    let affinity = "{{- if gt (int .Values.replicas) 1 }}\n      affinity:\n        podAntiAffinity:\n          preferredDuringSchedulingIgnoredDuringExecution:\n\
                    \x20           - weight: 1\n              podAffinityTerm:\n                topologyKey: kubernetes.io/hostname\n                labelSelector: {matchLabels: {app: stager}}\n{{- end }}\n";
    let text = deployment("stager", "registry.example/stager:1", container).replace("replicas: 1", "replicas: {{ .Values.replicas }}");
    world.git.write("charts/stager/templates/deployment.yaml", &format!("{guard}{text}{affinity}"));
    world.git.write(
        "charts/stager/templates/pdb.yaml",
        "{{- if .Values.pdb.enabled }}\n{{- if ge (int .Values.pdb.minAvailable) (int .Values.replicas) }}\n{{- fail \"minAvailable must be less than replicas\" }}\n{{- end }}\n\
         apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: stager\nspec:\n  minAvailable: {{ .Values.pdb.minAvailable }}\n  selector:\n    matchLabels: {app: stager}\n{{- end }}\n",
    );
    world.git.write(
        "charts/stager/templates/monitor.yaml",
        "{{- if .Values.monitoring.enabled }}\napiVersion: monitoring.harbour.example/v1\nkind: ServiceMonitor\nmetadata:\n  name: stager\nspec:\n  port: metrics\n{{- end }}\n",
    );
}

fn stager(values: &str) -> String {
    let indented: String = values.lines().map(|l| format!("    {l}\n")).collect();
    format!("{}{}", namespace("ops"), release("ops", "stager", "./charts/stager", &format!("  values:\n{indented}")))
}

const FILE: &str = "clusters/demo/stager.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn ks5_values_that_do_not_go_together() {
    let mut world = World::start().await;
    operator(&world);
    world.git.write(FILE, &stager("leaderElection: true\n"));
    world.git.push("Deploy the operator");
    world.start_daemon(&[]).await;
    deployed(&world, "ops", "stager", "1.0.0").await;
    let live = async || {
        let deployment = world.get("apps/v1", "Deployment", "ops", "stager").await.unwrap();
        (world.release_secrets("ops", "stager").await, deployment["metadata"]["generation"].clone(), deployment["spec"].clone())
    };
    let before = live().await;

    world.git.push_file(FILE, Some(&stager("replicas: 2\nleaderElection: false\n")), "Two, without a leader");
    let exact = "execution error at (stager/templates/deployment.yaml:2:4): Leader election must be enabled when replicas > 1, else two operators act at the same time";
    if let Some(helm) = Helm::find(&world) {
        let chart = world.git.work().join("charts/stager");
        let said = helm.fails(&["template", "stager", chart.to_str().unwrap(), "--set", "replicas=2,leaderElection=false"]);
        assert!(said.contains(exact), "what Helm says: {said}");
    }
    says(&world, "ops", "stager", &["UpgradeFailed", exact, "1.0.0"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(live().await, before, "the release was not touched");

    world.git.push_file(FILE, Some(&stager("replicas: 2\nleaderElection: true\n")), "Two, with a leader");
    world
        .until("deployed at once", AT_ONCE, || async {
            let live = world.get("apps/v1", "Deployment", "ops", "stager").await?;
            let release = world.release("ops", "stager").await?;
            (live["spec"]["replicas"] == 2 && condition(&release, "Ready")?.0 == "True").then_some(())
        })
        .await;
    let numbers: Vec<u32> = world.release_secrets("ops", "stager").await.iter().map(|(n, ..)| *n).collect();
    assert_eq!(numbers, [1, 2], "no number was burnt");
}

#[tokio::test(flavor = "multi_thread")]
async fn ks6_budgets_and_monitors_follow_the_values() {
    let mut world = World::start().await;
    operator(&world);
    world.git.write(
        "clusters/demo/monitors.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: servicemonitors.monitoring.harbour.example\nspec:\n  group: monitoring.harbour.example\n\
         \x20 scope: Namespaced\n  names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor, listKind: ServiceMonitorList}\n  versions:\n    - name: v1\n      served: true\n\
         \x20     storage: true\n      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n",
    );
    world.git.write(FILE, &stager("pdb:\n  enabled: true\n"));
    world.git.push("A budget that no drain can keep");
    world.start_daemon(&[]).await;
    let exact = "execution error at (stager/templates/pdb.yaml:3:4): minAvailable must be less than replicas";
    says(&world, "ops", "stager", &["InstallFailed", exact]).await;
    assert!(world.release_secrets("ops", "stager").await.is_empty());
    assert!(world.get("apps/v1", "Deployment", "ops", "stager").await.is_none(), "nothing was written");

    let monitor = async || world.get("monitoring.harbour.example/v1", "ServiceMonitor", "ops", "stager").await.is_some();
    world.git.push_file(FILE, Some(&stager("replicas: 2\npdb:\n  enabled: true\n")), "Two of them");
    deployed(&world, "ops", "stager", "1.0.0").await;
    let live = world.get("apps/v1", "Deployment", "ops", "stager").await.unwrap();
    assert!(live["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"].is_object(), "{live}");
    assert!(world.get("policy/v1", "PodDisruptionBudget", "ops", "stager").await.is_some());
    assert!(!monitor().await, "nobody asked for a monitor");
    world.git.push_file(FILE, Some(&stager("replicas: 2\nmonitoring:\n  enabled: true\n")), "Watch it, without the budget");
    world.until("the monitor is there", SOON, || async { monitor().await.then_some(()) }).await;
    world
        .until("the budget is gone", SOON, || async {
            world.get("policy/v1", "PodDisruptionBudget", "ops", "stager").await.is_none().then_some(())
        })
        .await;
    world.git.push_file(FILE, Some(&stager("replicas: 2\n")), "Watch it no more");
    world.until("the monitor is gone", SOON, || async { (!monitor().await).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oo3_a_schema_error_burns_no_revision() {
    let mut world = World::start().await;
    world.git.write("charts/ops/Chart.yaml", &chart_yaml("ops", "0.6.26"));
    world.git.write("charts/ops/values.yaml", "global:\n  version: \"0.6.26\"\napp:\n  replicas: 1\n");
    world.git.write(
        "charts/ops/values.schema.json",
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"global": {"type": "object", "properties": {"version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"}}}, "app": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}}"#,
    );
    let text = deployment("app", "registry.example/app:{{ .Values.global.version }}", "")
        .replace("replicas: 1", "replicas: {{ .Values.app.replicas }}");
    world.git.write("charts/ops/templates/app.yaml", &text);
    let file = "clusters/demo/ops.yaml";
    let ops = |values: &str| format!("{}{}", namespace("shop"), release("shop", "ops", "./charts/ops", &format!("  values:\n{values}")));
    world.git.write(file, &ops("    app:\n      replicas: 1\n"));
    world.git.push("Deploy");
    world.start_daemon(&[]).await;
    deployed(&world, "shop", "ops", "0.6.26").await;
    let live = async || {
        let deployment = world.get("apps/v1", "Deployment", "shop", "app").await.unwrap();
        (world.release_secrets("shop", "ops").await, deployment["metadata"]["generation"].clone())
    };
    let before = live().await;

    let cases = [
        (
            "    global:\n      version: v1.2\n",
            "global.version=v1.2",
            "- at '/global/version': 'v1.2' does not match pattern '^[0-9]+\\\\.[0-9]+\\\\.[0-9]+$'",
        ),
        ("    app:\n      replicas: two\n", "app.replicas=two", "- at '/app/replicas': got string, want integer"),
    ];
    for (values, set, exact) in cases {
        world.git.push_file(file, Some(&ops(values)), &format!("Break {set}"));
        let mut words = "values don't meet the specifications of the schema(s) in the following chart(s)".to_owned();
        if let Some(helm) = Helm::find(&world) {
            let chart = world.git.work().join("charts/ops");
            let said = helm.fails(&["template", "ops", chart.to_str().unwrap(), "--set", set]);
            words = said.trim().trim_start_matches("Error: ").to_owned();
            assert!(words.contains(exact), "what Helm says: {words}");
        }
        says(&world, "shop", "ops", &["UpgradeFailed", &words, exact]).await;
        // In the history that the daemon shows, on its page, and for whoever asks the cluster alone.
        let row = world
            .until("a rejected row", SOON, || async {
                let page = world.page("/api/v1/releases/shop/ops").await?;
                page["rejected"].as_array()?.first().filter(|r| r["message"].as_str().is_some_and(|m| m.contains(exact))).cloned()
            })
            .await;
        assert_eq!(row["action"], "upgrade");
        assert!(row["commit"].as_str().unwrap().contains(&format!("Break {set}")), "{row}");
        let html = reqwest::get(format!("{}/releases/shop/ops/history", world.daemon().page)).await.unwrap().text().await.unwrap();
        assert!(html.contains("rejected") && html.contains("Nothing was written"), "{html}");
        let server = world.daemon().page.clone();
        for args in
            [vec!["history", "ops", "-n", "shop", "-o", "json"], vec!["history", "ops", "-n", "shop", "-o", "json", "--server", &server]]
        {
            let (printed, _) = cli(&world, &args);
            let history: Value = serde_json::from_str(&printed).unwrap();
            let rows = history["revisions"].as_array().unwrap();
            assert_eq!(rows[0]["revision"], 1, "{rows:?}");
            let last = rows.last().unwrap();
            assert_eq!((&last["revision"], &last["status"]), (&Value::Null, &json!("rejected")), "{args:?}: {rows:?}");
            assert!(last["description"].as_str().unwrap().contains(exact), "{last}");
        }
        assert_eq!(live().await, before, "nothing was applied");
    }

    world.git.push_file(file, Some(&ops("    app:\n      replicas: 2\n")), "Mend it");
    world
        .until("deployed at once", AT_ONCE, || async {
            (world.get("apps/v1", "Deployment", "shop", "app").await?["spec"]["replicas"] == 2).then_some(())
        })
        .await;
    deployed(&world, "shop", "ops", "0.6.26").await;
    let numbers: Vec<u32> = world.release_secrets("shop", "ops").await.iter().map(|(n, ..)| *n).collect();
    assert_eq!(numbers, [1, 2], "no number was burnt");
    let page = world.page("/api/v1/releases/shop/ops").await.unwrap();
    assert_eq!(page["rejected"].as_array().unwrap().len(), 2, "what was rejected stays in the history");
}

#[tokio::test(flavor = "multi_thread")]
async fn pr5_a_chart_that_does_not_render_and_a_folder_that_is_none() {
    let mut world = World::start().await;
    let guard = "operators/budget-guard/helm/budget-guard";
    world.git.write(&format!("{guard}/Chart.yaml"), &chart_yaml("budget-guard", "0.1.0"));
    world.git.write(&format!("{guard}/values.yaml"), "controllerManager:\n  replicas: 1\n");
    let image = "{{ .Values.controllerManager.manager.image.repository }}";
    world.git.write(
        &format!("{guard}/templates/budget-guard.yaml"),
        &format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: budget-guard\n---\n{}", deployment("budget-guard", image, "")),
    );
    world.git.write("operators/cost-alert/helm/cost-alert/crds/note.yaml", "# to be written\n");
    world.git.write("operators/health-check/helm/health-check/Chart.yaml", &chart_yaml("health-check", "0.1.0"));
    world
        .git
        .write("operators/health-check/helm/health-check/templates/app.yaml", &deployment("health-check", "registry.example/check:1", ""));
    let file = |name: &str| format!("clusters/demo/{name}.yaml");
    world.git.write(&file("namespace"), &namespace("prophet"));
    for name in ["budget-guard", "cost-alert", "health-check"] {
        world.git.write(&file(name), &release("prophet", name, &format!("operators/{name}/helm/{name}"), ""));
    }
    world.git.push("Three operators");
    world.start_daemon(&[]).await;
    let pid = world.daemon().pid();

    let exact = "template: budget-guard/templates/budget-guard.yaml:22:26: executing \"budget-guard/templates/budget-guard.yaml\" at <.Values.controllerManager.manager.image.repository>: nil pointer evaluating interface {}.image";
    let mut words = exact.to_owned();
    if let Some(helm) = Helm::find(&world) {
        let said = helm.fails(&["template", "budget-guard", world.git.work().join(guard).to_str().unwrap()]);
        let line = said.lines().find(|l| l.contains("nil pointer")).expect("Helm refuses it too");
        words = line.trim_start_matches("Error: ").split(" (").next().unwrap_or(line).trim().to_owned();
    }
    eprintln!("    {words}");
    says(
        &world,
        "prophet",
        "budget-guard",
        &["InstallFailed", "budget-guard/templates/budget-guard.yaml:22:", "nil pointer evaluating interface {}.", &words],
    )
    .await;
    says(&world, "prophet", "cost-alert", &["ArtifactFailed", "operators/cost-alert/helm/cost-alert", "Chart.yaml", "missing"]).await;
    deployed(&world, "prophet", "health-check", "0.1.0").await;
    assert!(world.get("v1", "ServiceAccount", "prophet", "budget-guard").await.is_none(), "no object of it was written");
    for name in ["budget-guard", "cost-alert"] {
        assert!(world.release_secrets("prophet", name).await.is_empty());
    }

    world
        .git
        .write(&format!("{guard}/values.yaml"), "controllerManager:\n  manager:\n    image:\n      repository: registry.example/guard:1\n");
    world.git.write("operators/cost-alert/helm/cost-alert/Chart.yaml", &chart_yaml("cost-alert", "0.1.0"));
    world.git.write("operators/cost-alert/helm/cost-alert/templates/app.yaml", &deployment("cost-alert", "registry.example/cost:1", ""));
    world.git.push("Mend both");
    for name in ["budget-guard", "cost-alert"] {
        world
            .until(&format!("{name} deployed at once"), AT_ONCE, || async {
                world.release("prophet", name).await.filter(|r| ready(r, "0.1.0"))
            })
            .await;
    }
    assert_eq!(world.daemon().pid(), pid, "without a restart");
}

/// A kind whose schema has no `type` under `workload`.
const ACTORS: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: asyncactors.asya.example\nspec:\n  group: asya.example\n  scope: Namespaced\n\
     \x20 names: {kind: AsyncActor, plural: asyncactors, singular: asyncactor, listKind: AsyncActorList}\n  versions:\n    - name: v1alpha1\n      served: true\n      storage: true\n      schema:\n\
     \x20       openAPIV3Schema:\n          type: object\n          properties:\n            spec:\n              type: object\n              properties:\n                transport: {type: string}\n\
     \x20               workload:\n                  type: object\n                  properties:\n                    image: {type: string}\n";

fn actor(workload: &str) -> String {
    format!(
        "# An actor as the handbook has it.\napiVersion: asya.example/v1alpha1\nkind: AsyncActor\nmetadata:\n  name: hello\n  namespace: asya\nspec:\n  transport: rabbitmq\n  workload:\n{workload}"
    )
}

const TYPED: &str = "    type: Deployment\n    image: registry.example/hello:1\n";
const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: asya\ndata: {level: LEVEL}\n";

fn actors(annotation: &str) -> String {
    let annotation = if annotation.is_empty() { String::new() } else { format!("  annotations: {{{annotation}}}\n") };
    format!("{}{}", namespace("asya"), bundle("actors", "./actors", &annotation, "").replace("interval: 1h", "interval: 1s"))
}

async fn actor_setting(world: &World) -> Option<String> {
    world.get("v1", "ConfigMap", "asya", "settings").await?["data"]["level"].as_str().map(str::to_owned)
}

async fn bundle_says(world: &World, words: &[&str]) {
    world
        .until(&format!("the bundle says {words:?}"), SOON, || async {
            let bundle = world.kustomization("flux-system", "actors").await?;
            let (status, reason, message) = condition(&bundle, "Ready")?;
            let all = format!("{reason}: {message}");
            (status == "False" && words.iter().all(|w| all.contains(w))).then(|| eprintln!("    {all}"))
        })
        .await;
}

async fn bundle_ready(world: &World, commit: &str) {
    world
        .until("the bundle is ready at the commit", SOON, || async {
            let bundle = world.kustomization("flux-system", "actors").await?;
            let at = bundle["status"]["lastAppliedRevision"].as_str()?.ends_with(commit);
            (at && condition(&bundle, "Ready")?.0 == "True").then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as3_a_field_that_the_kind_does_not_have_strict() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/crd.yaml", ACTORS);
    world.git.write("clusters/demo/actors.yaml", &actors(""));
    world.git.write("actors/hello.yaml", &actor("    image: registry.example/hello:1\n"));
    world.git.write("actors/settings.yaml", &SETTINGS.replace("LEVEL", "one"));
    let good = world.git.push("An actor");
    world.start_daemon(&[]).await;
    bundle_ready(&world, &good).await;

    // By default all of it or nothing: what was applied beside it goes back.
    let refusal = [".spec.workload.type: field not declared in schema", "actors/hello.yaml:2", "AsyncActor"];
    world.git.write("actors/hello.yaml", &actor(TYPED));
    world.git.write("actors/settings.yaml", &SETTINGS.replace("LEVEL", "two"));
    world.git.push("A type that the kind does not have");
    bundle_says(&world, &refusal).await;
    world.until("the rest went back", SOON, || async { (actor_setting(&world).await.as_deref() == Some("one")).then_some(()) }).await;

    // With `skip` the rest of the commit is applied, and the refusal is told all the same. That word is enough to try it again.
    world.git.push_file("clusters/demo/actors.yaml", Some(&actors("helmward.dev/on-refusal: skip")), "Go on with the rest");
    world.until("the rest is applied", SOON, || async { (actor_setting(&world).await.as_deref() == Some("two")).then_some(()) }).await;
    bundle_says(&world, &["applied but for what the API refuses", refusal[0], refusal[1]]).await;
    let more = world.git.push_file("actors/settings.yaml", Some(&SETTINGS.replace("LEVEL", "three")), "More of the rest");
    world.until("the rest goes on", SOON, || async { (actor_setting(&world).await.as_deref() == Some("three")).then_some(()) }).await;
    // To its end: a run that is cut off would be refused again.
    world
        .until("the rest is through", SOON, || async {
            let bundle = world.kustomization("flux-system", "actors").await?;
            bundle["status"]["lastAppliedRevision"].as_str()?.ends_with(&more).then_some(())
        })
        .await;
    bundle_says(&world, &["applied but for what the API refuses", refusal[0], refusal[1]]).await;
    let hello = world.get("asya.example/v1alpha1", "AsyncActor", "asya", "hello").await.expect("the one before stays");
    assert_eq!(hello["spec"], json!({"transport": "rabbitmq", "workload": {"image": "registry.example/hello:1"}}));
    let version = hello["metadata"]["resourceVersion"].clone();
    // The same after a restart, which remembers nothing of what was refused.
    world.kill_daemon();
    world.start_daemon(&[]).await;
    let request = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "after the restart"}}});
    world.kubectl_patch("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "actors", request).await;
    // Until then the condition is that of the daemon before.
    world
        .until("looked at again", SOON, || async {
            let bundle = world.kustomization("flux-system", "actors").await?;
            (bundle["status"]["lastHandledReconcileAt"] == "after the restart").then_some(())
        })
        .await;
    bundle_says(&world, &refusal).await;
    assert_eq!(actor_setting(&world).await.as_deref(), Some("three"));

    world.git.write("actors/hello.yaml", &actor("    image: registry.example/hello:2\n"));
    let mended = world.git.push("Mend it");
    bundle_ready(&world, &mended).await;
    let hello = world.get("asya.example/v1alpha1", "AsyncActor", "asya", "hello").await.unwrap();
    assert_eq!(hello["spec"]["workload"]["image"], "registry.example/hello:2");
    assert_ne!(hello["metadata"]["resourceVersion"], version);
}

async fn lenient(annotation: &str, flags: &[&str]) {
    let mut world = World::start().await;
    world.git.write("clusters/demo/crd.yaml", ACTORS);
    world.git.write("clusters/demo/actors.yaml", &actors(annotation));
    world.git.write("actors/hello.yaml", &actor(TYPED));
    world.git.write("actors/settings.yaml", &SETTINGS.replace("LEVEL", "one"));
    let commit = world.git.push("An actor with a type");
    world.start_daemon(flags).await;
    bundle_ready(&world, &commit).await;
    let hello = async || world.get("asya.example/v1alpha1", "AsyncActor", "asya", "hello").await.expect("it is applied");
    assert_eq!(hello().await["spec"], json!({"transport": "rabbitmq", "workload": {"image": "registry.example/hello:1"}}));
    let version = hello().await["metadata"]["resourceVersion"].clone();

    // Ten intervals, each of which looks at everything again.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(hello().await["metadata"]["resourceVersion"], version, "it was not written again");
    let page = world.page("/api/v1/kustomizations/flux-system/actors").await.expect("the page knows the bundle");
    assert_eq!((page["drift"].as_array().map(Vec::len), page["driftHistory"].as_array().map(Vec::len)), (Some(0), Some(0)), "{page}");
    let events = world.list("v1", "Event", "flux-system", "").await;
    let uid = world.kustomization("flux-system", "actors").await.unwrap()["metadata"]["uid"].clone();
    let told: Vec<(&Value, &Value)> = events
        .iter()
        .filter(|e| e["involvedObject"]["uid"] == uid)
        .filter(|e| e["message"].as_str().is_some_and(|m| m.contains(".spec.workload.type")))
        .map(|e| (&e["message"], &e["type"]))
        .collect();
    assert_eq!(told.len(), 1, "one warning: {told:?}");
    assert!(told[0].0.as_str().unwrap().contains("actors/hello.yaml:2"), "{told:?}");
    assert_eq!(told[0].1, "Warning");
    // A hand on a field that we do apply is drift as ever.
    world.kubectl_patch("asya.example/v1alpha1", "AsyncActor", "asya", "hello", json!({"spec": {"transport": "sqs"}})).await;
    world.until("corrected", SOON, || async { (hello().await["spec"]["transport"] == "rabbitmq").then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as3_a_field_that_the_kind_does_not_have_lenient_by_annotation() {
    lenient("helmward.dev/unknown-fields: drop", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as3_a_field_that_the_kind_does_not_have_lenient_by_flag() {
    lenient("", &["--unknown-fields=drop"]).await;
}

/// The variable `V` stands there twice, as charts with a list of extra variables make it.
fn twice(image: &str, last: &str) -> String {
    let env = format!(
        "          env:\n            - {{name: V, value: \"1\"}}\n            - {{name: W, value: \"$(V)\"}}\n            - {{name: V, value: \"{last}\"}}\n"
    );
    deployment("crew", image, &env)
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_a_variable_that_is_given_twice() {
    let mut world = World::start().await;
    world.git.write("charts/crew/Chart.yaml", &chart_yaml("crew", "1.0.0"));
    world.git.write("charts/crew/templates/crew.yaml", &twice("registry.example/crew:1", "2"));
    let drift = "  driftDetection:\n    mode: enabled\n";
    world.git.write("clusters/demo/crew.yaml", &format!("{}{}", namespace("asya"), release("asya", "crew", "./charts/crew", drift)));
    world.git.push("A crew");
    world.start_daemon(&[]).await;
    deployed(&world, "asya", "crew", "1.0.0").await;
    let env = async || {
        world.get("apps/v1", "Deployment", "asya", "crew").await.unwrap()["spec"]["template"]["spec"]["containers"][0]["env"].clone()
    };
    let counts = |last: &str| json!([{"name": "V", "value": last}, {"name": "W", "value": "$(V)"}]);
    assert_eq!(env().await, counts("2"), "the last one counts, as the kubelet reads the list");
    let warned = async || {
        let events = world.list("v1", "Event", "asya", "").await;
        events.iter().filter(|e| e["message"].as_str().is_some_and(|m| m.contains("[name=\"V\"] is given 2 times"))).count()
    };
    world.until("it is told once", SOON, || async { (warned().await == 1).then_some(()) }).await;

    // Drift: none by itself, and what a hand changes is seen and corrected.
    let generation = async || world.get("apps/v1", "Deployment", "asya", "crew").await.unwrap()["metadata"]["generation"].clone();
    let before = generation().await;
    world.kubectl_patch("v1", "Namespace", "", "asya", json!({"metadata": {"labels": {"a": "b"}}})).await;
    world
        .kubectl_patch(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "asya",
            "crew",
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}),
        )
        .await;
    world
        .until("looked at again", SOON, || async {
            (world.release("asya", "crew").await?["status"]["lastHandledReconcileAt"] == "now").then_some(())
        })
        .await;
    assert_eq!(generation().await, before);
    let page = world.page("/api/v1/releases/asya/crew").await.unwrap();
    assert_eq!((page["pill"].as_str(), page["drift"].as_array().map(Vec::len)), (Some("Ready"), Some(0)), "{page}");
    let path = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "by hand"}]);
    world.json_patch("apps/v1", "Deployment", "asya", "crew", path).await;
    world.until("corrected", SOON, || async { (env().await == counts("2")).then_some(()) }).await;

    // An upgrade that fails goes back to a revision that has it twice.
    world.git.write("charts/crew/Chart.yaml", &chart_yaml("crew", "2.0.0"));
    world.git.write("charts/crew/templates/crew.yaml", &twice("registry.example/crew:2-unready", "3"));
    world.git.push("A crew that never comes up");
    world
        .until("rolled back", SOON, || async {
            let release = world.release("asya", "crew").await?;
            (condition(&release, "RolledBack")?.0 == "True").then_some(())
        })
        .await;
    assert_eq!(env().await, counts("2"));
    world.git.write("charts/crew/Chart.yaml", &chart_yaml("crew", "3.0.0"));
    world.git.write("charts/crew/templates/crew.yaml", &twice("registry.example/crew:3", "4"));
    world.git.push("A crew that does");
    deployed(&world, "asya", "crew", "3.0.0").await;
    assert_eq!(env().await, counts("4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_what_helm_installed_with_a_variable_given_twice_is_adopted() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    world.git.write("charts/crew/Chart.yaml", &chart_yaml("crew", "1.0.0"));
    world.git.write("charts/crew/templates/crew.yaml", &twice("registry.example/crew:1", "2"));
    world.git.write("clusters/demo/crew.yaml", &format!("{}{}", namespace("asya"), release("asya", "crew", "./charts/crew", "")));
    world.git.push("A crew");
    let chart = world.git.work().join("charts/crew");
    helm.run(&["install", "crew", chart.to_str().unwrap(), "-n", "asya", "--create-namespace", "--wait"]);
    let both = world.get("apps/v1", "Deployment", "asya", "crew").await.unwrap();
    assert_eq!(both["spec"]["template"]["spec"]["containers"][0]["env"].as_array().map(Vec::len), Some(3), "Helm sends both");
    world.start_daemon(&[]).await;
    let env = async || {
        world.get("apps/v1", "Deployment", "asya", "crew").await.unwrap()["spec"]["template"]["spec"]["containers"][0]["env"].clone()
    };
    deployed(&world, "asya", "crew", "1.0.0").await;
    assert_eq!(env().await, json!([{"name": "V", "value": "2"}, {"name": "W", "value": "$(V)"}]));
}
