//! Fields of a HelmRelease and what they do: post-renderers, force, suspension, removal, values by path, accounts.

use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};

const CHART: &str = "apiVersion: v2\nname: stall\nversion: 1.0.0\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  labels: {app: stall}\ndata:\n  greeting: {{ .Values.greeting | default \"hello\" | quote }}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: stall}}\n  template:\n    metadata: {labels: {app: stall}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n        - {name: main, image: \"registry.example/stall:1\", env: [{name: A, value: \"1\"}]}\n";
const HOOK: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}-EVENT\n  annotations:\n    helm.sh/hook: EVENT\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: main, image: \"IMAGE\"}]\n";

/// A hook of a chart.
fn hook(event: &str, image: &str) -> String {
    HOOK.replace("EVENT", event).replace("IMAGE", image)
}

/// Writes a chart of these templates.
fn chart(world: &World, version: &str, templates: &[(&str, &str)]) {
    world.git.write("charts/stall/Chart.yaml", &CHART.replace("1.0.0", version));
    for (name, text) in templates {
        world.git.write(&format!("charts/stall/templates/{name}.yaml"), text);
    }
}

/// A namespace and a release of the chart in it.
fn release(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: market\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: stall\n  namespace: market\nspec:\n  interval: 1h\n  timeout: 20s\n\
         \x20 chart:\n    spec:\n      chart: ./charts/stall\n      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n{spec}"
    )
}

async fn stall(world: &World) -> Option<Value> {
    world.release("market", "stall").await
}

async fn is_ready(world: &World, version: &str) -> Value {
    world.until(&format!("{version} is ready"), SOON, || async { stall(world).await.filter(|r| ready(r, version)) }).await
}

/// Asks for a pass, as `flux reconcile` does.
async fn request(world: &World, more: Value) {
    let mut annotations = json!({"reconcile.fluxcd.io/requestedAt": format!("{:?}", std::time::SystemTime::now())});
    annotations.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world
        .kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "market", "stall", json!({"metadata": {"annotations": annotations}}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn post_renderers_change_objects_and_hooks() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG), ("deployment", DEPLOYMENT), ("hook", &hook("pre-upgrade", "registry.example/tool:1"))]);
    let spec = |tag: &str, strategy: &str| {
        release(&format!(
            "{strategy}  postRenderers:\n    - kustomize:\n        patches:\n          - patch: |\n              apiVersion: apps/v1\n              kind: Deployment\n              metadata: {{name: stall}}\n              spec: {{template: {{spec: {{containers: [{{name: main, env: [{{name: B, value: '2'}}]}}]}}}}}}\n\
             \x20         - target: {{kind: ConfigMap, labelSelector: app=stall}}\n            patch: |\n              - {{op: add, path: /data/added, value: '{tag}'}}\n\
             \x20       images:\n          - {{name: registry.example/stall, newTag: '{tag}'}}\n          - {{name: registry.example/tool, newTag: '{tag}'}}\n"
        ))
    };
    world.git.write("clusters/demo/stall.yaml", &spec("2", ""));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    let deployment = world.get("apps/v1", "Deployment", "market", "stall").await.unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/stall:2");
    assert_eq!(container["env"], json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]));
    let config = world.get("v1", "ConfigMap", "market", "stall").await.unwrap();
    assert_eq!(config["data"], json!({"greeting": "hello", "added": "2"}));

    // Another patch is another release, and hooks take part by default.
    let image = async |world: &World| {
        let job = world.get("batch/v1", "Job", "market", "stall-pre-upgrade").await?;
        job["spec"]["template"]["spec"]["containers"][0]["image"].as_str().map(str::to_owned)
    };
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("3", "")), "Other patches");
    world.until("upgraded", SOON, || async { (world.release_secrets("market", "stall").await.len() == 2).then_some(()) }).await;
    is_ready(&world, "1.0.0").await;
    assert_eq!(image(&world).await.as_deref(), Some("registry.example/tool:3"));
    let record = helm_record(&world, 2).await;
    assert!(record["manifest"].as_str().unwrap().contains("added: \"3\""), "Helm's record has what was applied: {}", record["manifest"]);
    assert!(record["hooks"][0]["manifest"].as_str().unwrap().contains("registry.example/tool:3"), "{}", record["hooks"]);

    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("4", "  postRenderStrategy: nohooks\n")), "Without hooks");
    world.until("upgraded again", SOON, || async { (world.release_secrets("market", "stall").await.len() == 3).then_some(()) }).await;
    is_ready(&world, "1.0.0").await;
    assert_eq!(image(&world).await.as_deref(), Some("registry.example/tool:1"));

    // A patch that fits nothing changes nothing, and is named.
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("5", "").replace("{name: stall}", "{name: absent}")), "A wrong patch");
    let message = world
        .until("refused", SOON, || async {
            let release = stall(&world).await?;
            let (status, reason, message) = condition(&release, "Ready")?;
            (status == "False" && reason == "UpgradeFailed").then(|| message.to_owned())
        })
        .await;
    assert!(
        message.contains("spec.postRenderers[0].kustomize.patches[0]: no object of the chart is apps/v1 Deployment absent"),
        "{message}"
    );
    let config = world.get("v1", "ConfigMap", "market", "stall").await.unwrap();
    assert_eq!(config["data"]["added"], "4");
}

/// Helm's record of a revision of the release.
async fn helm_record(world: &World, revision: u32) -> Value {
    use base64::Engine as _;
    use std::io::Read as _;
    let secret = world.get("v1", "Secret", "market", &format!("sh.helm.release.v1.stall.v{revision}")).await.expect("it is stored");
    let engine = base64::engine::general_purpose::STANDARD;
    let outer = engine.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let inner = engine.decode(outer).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(inner.as_slice()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Changes a field of the live ConfigMap, as a person does.
async fn tamper(world: &World, value: &str) {
    world.kubectl_patch("v1", "ConfigMap", "market", "stall", json!({"data": {"greeting": value}})).await;
}

async fn greeting(world: &World) -> Value {
    world.get("v1", "ConfigMap", "market", "stall").await.map_or(Value::Null, |map| map["data"]["greeting"].clone())
}

async fn patch_spec(world: &World, spec: Value) {
    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "market", "stall", json!({"spec": spec})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ho15_suspended_means_nothing_is_written() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG)]);
    world.git.write("clusters/demo/stall.yaml", &release("  driftDetection: {mode: enabled}\n"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    patch_spec(&world, json!({"suspend": true})).await;
    world
        .until("the page says that it is suspended", SOON, || async {
            (world.page("/api/v1/releases/market/stall").await?["pill"] == "Suspended").then_some(())
        })
        .await;
    let before = (world.release_secrets("market", "stall").await, stall(&world).await.unwrap()["metadata"]["resourceVersion"].clone());
    tamper(&world, "by hand").await;
    let tampered = world.get("v1", "ConfigMap", "market", "stall").await.unwrap()["metadata"]["resourceVersion"].clone();
    chart(&world, "1.1.0", &[]);
    let commit = world.git.push("Upgrade");
    let page = world
        .until("the page shows both", SOON, || async {
            let page = world.page("/api/v1/releases/market/stall").await?;
            let moved = page["source"]["revision"].as_str()?.ends_with(&commit);
            let drifted = page["drift"].as_array()?.iter().any(|d| d["path"].as_str().is_some_and(|p| p.contains("greeting")));
            (moved && drifted).then_some(page)
        })
        .await;
    assert_eq!(page["pill"], "Suspended");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let after = (world.release_secrets("market", "stall").await, stall(&world).await.unwrap()["metadata"]["resourceVersion"].clone());
    assert_eq!(before, after, "neither Helm's records nor the object were written");
    let live = world.get("v1", "ConfigMap", "market", "stall").await.unwrap();
    assert_eq!((live["data"]["greeting"].as_str(), &live["metadata"]["resourceVersion"]), (Some("by hand"), &tampered));

    patch_spec(&world, json!({"suspend": false})).await;
    is_ready(&world, "1.1.0").await;
    assert_eq!(greeting(&world).await, "hello");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let numbers: Vec<u32> = world.release_secrets("market", "stall").await.iter().map(|(n, ..)| *n).collect();
    assert_eq!(numbers, [1, 2], "one upgrade");
}

#[tokio::test(flavor = "multi_thread")]
async fn ho16_a_hook_that_fails_keeps_what_is_removed() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG), ("hook", &hook("pre-delete", "registry.example/tool:1-fail"))]);
    world.git.write("clusters/demo/stall.yaml", &release("  uninstall: {keepHistory: true}\n"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    // The namespace stays: only the release leaves.
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: market\n";
    world.git.push_file("clusters/demo/stall.yaml", Some(namespace), "Remove");
    let release = world
        .until("the failure is told", SOON, || async {
            let release = stall(&world).await?;
            let (status, reason, _) = condition(&release, "Ready")?;
            (status == "False" && reason == "UninstallFailed").then_some(release)
        })
        .await;
    let (_, _, message) = condition(&release, "Ready").unwrap();
    assert!(message.contains("Job/market/stall-pre-delete") && message.contains("failed"), "{message}");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let release = stall(&world).await.expect("it is kept");
    assert_eq!(release["metadata"]["finalizers"], json!(["finalizers.fluxcd.io"]));
    assert!(!release["metadata"]["deletionTimestamp"].is_null());
    assert_eq!(release["status"]["inventory"]["entries"].as_array().map(Vec::len), Some(1), "{}", release["status"]);
    assert_eq!(greeting(&world).await, "hello", "nothing was deleted");

    patch_spec(&world, json!({"uninstall": {"disableHooks": true}})).await;
    world.until("removed", SOON, || async { stall(&world).await.is_none().then_some(()) }).await;
    assert_eq!(greeting(&world).await, Value::Null);
    let kept = world.release_secrets("market", "stall").await;
    assert_eq!(kept.iter().map(|(n, status, _)| (*n, status.as_str())).collect::<Vec<_>>(), [(1, "uninstalled")], "the history is kept");
}

/// What `--set` makes of texts, seen by a template.
const SEEN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  values: {{ toJson .Values | quote }}\n  kinds: {{ printf \"%s %s %s %s %s\" (kindOf .Values.port) (kindOf .Values.on) (kindOf .Values.ratio) (kindOf .Values.code) (kindOf .Values.text) | quote }}\n";

#[tokio::test(flavor = "multi_thread")]
async fn as13_values_by_path_are_typed_as_helm_sets_them() {
    let mut world = World::start().await;
    // Path, text, and whether it is a literal.
    let table = [
        ("podAnnotations.prometheus\\.io/scrape", "enabled", false),
        ("podAnnotations.prometheus\\.io/port", "8080", false),
        ("port", "8443", false),
        ("on", "true", false),
        ("ratio", "1.5", false),
        ("code", "0123", false),
        ("hosts[1].name", "b.example", false),
        ("gone", "null", false),
        ("text", "a,b={c}", true),
    ];
    chart(&world, "1.0.0", &[("seen", SEEN)]);
    world.git.write("charts/stall/values.yaml", "gone: default\nhosts:\n  - name: a.example\n  - name: x\npodAnnotations: {kept: \"1\"}\n");
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "parts", "namespace": "market"}, "data": {}});
    let mut from = String::from("  valuesFrom:\n");
    for (index, (path, text, literal)) in table.iter().enumerate() {
        map["data"][format!("k{index}")] = json!(text);
        from.push_str(&format!("    - {{kind: ConfigMap, name: parts, valuesKey: k{index}, targetPath: '{path}', literal: {literal}}}\n"));
    }
    // An override by path wins over inline values.
    from.push_str("  values: {port: 1, inline: kept}\n");
    world.git.write("clusters/demo/stall.yaml", &release(&from));
    world.git.write("clusters/demo/parts.yaml", &map.to_string());
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    let live = world.get("v1", "ConfigMap", "market", "stall").await.unwrap();
    let values: Value = serde_json::from_str(live["data"]["values"].as_str().unwrap()).unwrap();
    assert_eq!(
        values,
        json!({"podAnnotations": {"kept": "1", "prometheus.io/scrape": "enabled", "prometheus.io/port": 8080}, "port": 8443, "on": true,
            "ratio": "1.5", "code": "0123", "hosts": [null, {"name": "b.example"}], "text": "a,b={c}", "inline": "kept"})
    );
    assert_eq!(live["data"]["kinds"], "int64 bool string string string");
    let Some(helm) = crate::helm::Helm::find(&world) else { return };
    let (dir, mut args) = (world.git.work().join("charts/stall"), vec!["template".to_owned(), "stall".to_owned()]);
    args.extend([dir.display().to_string(), "-n".into(), "market".into(), "--set".into(), "inline=kept".into()]);
    for (path, text, literal) in table {
        args.extend([if literal { "--set-literal" } else { "--set" }.to_owned(), format!("{path}={text}")]);
    }
    let theirs = helm.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    for key in ["values", "kinds"] {
        let line = format!("  {key}: {}", json!(live["data"][key]));
        assert!(theirs.contains(&line), "{line} is not in\n{theirs}");
    }
}

/// A Secret that cannot be changed, and who reads it.
const SEALED: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}\nimmutable: true\nstringData:\n  key: {{ .Values.key | quote }}\n";

#[tokio::test(flavor = "multi_thread")]
async fn oo8_an_immutable_secret_is_refused_or_replaced() {
    let mut world = World::start().await;
    let reader = DEPLOYMENT.replace(
        "metadata: {labels: {app: stall}}\n    spec",
        "metadata: {labels: {app: stall}, annotations: {checksum/secret: \"{{ sha256sum .Values.key }}\"}}\n    spec",
    );
    chart(&world, "1.0.0", &[("secret", SEALED), ("deployment", &reader)]);
    world.git.write("clusters/demo/stall.yaml", &release("  values: {key: first}\n"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    let secret = async || world.get("v1", "Secret", "market", "stall").await.unwrap();
    let checksum = async || {
        let live = world.get("apps/v1", "Deployment", "market", "stall").await.unwrap();
        live["spec"]["template"]["metadata"]["annotations"]["checksum/secret"].clone()
    };
    let (before, sum) = (secret().await, checksum().await);

    world.git.push_file("clusters/demo/stall.yaml", Some(&release("  values: {key: second}\n")), "Another key");
    let message = world
        .until("refused and rolled back", SOON, || async {
            let release = stall(&world).await?;
            (condition(&release, "RolledBack")?.0 == "True").then(|| condition(&release, "Ready").unwrap().2.to_owned())
        })
        .await;
    assert!(message.contains("Secret/market/stall") && message.contains("immutable"), "the server's words: {message}");
    assert!(!message.contains("second"), "{message}");
    assert_eq!((&secret().await["data"], checksum().await), (&before["data"], sum.clone()), "all of it is as before");
    assert_eq!(secret().await["metadata"]["uid"], before["metadata"]["uid"]);

    world.git.push_file("clusters/demo/stall.yaml", Some(&release("  upgrade: {force: true}\n  values: {key: second}\n")), "By force");
    world
        .until("replaced", SOON, || async {
            let now = world.get("v1", "Secret", "market", "stall").await?;
            (now["metadata"]["uid"] != before["metadata"]["uid"]).then_some(())
        })
        .await;
    is_ready(&world, "1.0.0").await;
    assert_ne!(secret().await["data"], before["data"]);
    assert_ne!(checksum().await, sum, "whoever reads it is restarted");
}

/// A Job that makes what the values list.
const BUCKETS: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}-buckets\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: main, image: \"registry.example/mc:1\", args: {{ toJson .Values.buckets }}}]\n";

#[tokio::test(flavor = "multi_thread")]
async fn as14_a_changed_job_is_refused_or_made_again() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG), ("buckets", BUCKETS)]);
    let spec = |more: &str, buckets: &str| release(&format!("{more}  values: {{greeting: {buckets}, buckets: [{buckets}]}}\n"));
    world.git.write("clusters/demo/stall.yaml", &spec("", "a"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    let job = async || world.get("batch/v1", "Job", "market", "stall-buckets").await.unwrap();
    let before = job().await;
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("", "b")), "Another bucket");
    let message = world
        .until("refused and rolled back", SOON, || async {
            let release = stall(&world).await?;
            (condition(&release, "RolledBack")?.0 == "True").then(|| condition(&release, "Ready").unwrap().2.to_owned())
        })
        .await;
    assert!(message.contains("Job/market/stall-buckets") && message.contains("immutable"), "{message}");
    assert_eq!(job().await["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(greeting(&world).await, "a", "what was changed already is as before");

    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("  upgrade: {force: true}\n", "b")), "By force");
    world
        .until("made again", SOON, || async {
            let now = world.get("batch/v1", "Job", "market", "stall-buckets").await?;
            (now["metadata"]["uid"] != before["metadata"]["uid"]).then_some(())
        })
        .await;
    is_ready(&world, "1.0.0").await;
    assert_eq!(job().await["spec"]["template"]["spec"]["containers"][0]["args"], json!(["b"]));
    assert_eq!(greeting(&world).await, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_moves_waits_for_an_approval() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG)]);
    world.git.write("clusters/demo/stall.yaml", &release(""));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    world.git.push_file("clusters/demo/stall.yaml", Some(&release("  releaseName: kiosk\n")), "Another name");
    let held = async |world: &World, what: &str| {
        let message = world
            .until(what, SOON, || async {
                let release = stall(world).await?;
                let (status, reason, message) = condition(&release, "Ready")?;
                (status == "False" && reason == "ReinstallHeld").then(|| message.to_owned())
            })
            .await;
        assert!(message.contains("the release moves from market/stall@market to market/kiosk@market"), "{message}");
    };
    held(&world, "held").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(greeting(&world).await, "hello", "nothing was removed");
    assert!(world.release_secrets("market", "kiosk").await.is_empty(), "nothing was installed");

    // It is held without the store, too.
    world.kill_daemon();
    std::fs::remove_dir_all(world.state_dir()).unwrap();
    world.start_daemon(&[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    held(&world, "still held").await;
    assert_eq!(greeting(&world).await, "hello");
    assert!(world.release_secrets("market", "kiosk").await.is_empty());

    request(&world, json!({"helmward.dev/approve": "market/kiosk@market"})).await;
    let release = world
        .until("moved", SOON, || async {
            stall(&world).await.filter(|r| ready(r, "1.0.0") && r["status"]["history"][0]["name"] == "kiosk")
        })
        .await;
    assert_eq!(release["status"]["history"].as_array().map(Vec::len), Some(1), "{}", release["status"]["history"]);
    assert_eq!(greeting(&world).await, Value::Null, "the old one is gone");
    assert!(world.release_secrets("market", "stall").await.is_empty());
    assert_eq!(world.get("v1", "ConfigMap", "market", "kiosk").await.unwrap()["data"]["greeting"], "hello");

    // A chart of another name likewise, unless it is upgraded in place.
    world.git.write("charts/stall/Chart.yaml", &CHART.replace("name: stall", "name: booth").replace("1.0.0", "2.0.0"));
    world.git.push("Another chart");
    world
        .until("the other chart is held", SOON, || async {
            let release = stall(&world).await?;
            let (_, reason, message) = condition(&release, "Ready")?;
            (reason == "ReinstallHeld" && message.contains("the chart is booth now, and was stall")).then_some(())
        })
        .await;
    patch_spec(&world, json!({"upgrade": {"chartNameChangeStrategy": "InPlaceUpdate"}})).await;
    world.until("upgraded in place", SOON, || async { (world.release_secrets("market", "kiosk").await.len() == 2).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_force_and_to_reset_are_noted() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG)]);
    world.git.write("clusters/demo/stall.yaml", &release(""));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    // Not the value of a request: noted, and nothing else.
    request(&world, json!({"reconcile.fluxcd.io/forceAt": "other"})).await;
    let noted = async |field: &str, value: &str| {
        world
            .until(&format!("{field} is {value}"), SOON, || async {
                let release = stall(&world).await?;
                (release["status"][field] == value && ready(&release, "1.0.0")).then_some(())
            })
            .await;
    };
    noted("lastHandledForceAt", "other").await;
    assert_eq!(world.release_secrets("market", "stall").await.len(), 1);
    request(
        &world,
        json!({"reconcile.fluxcd.io/requestedAt": "t1", "reconcile.fluxcd.io/forceAt": "t1", "reconcile.fluxcd.io/resetAt": "t1"}),
    )
    .await;
    noted("lastHandledForceAt", "t1").await;
    noted("lastHandledResetAt", "t1").await;
    noted("lastHandledReconcileAt", "t1").await;
    assert_eq!(world.release_secrets("market", "stall").await.len(), 2, "forced once");
    request(&world, json!({"reconcile.fluxcd.io/requestedAt": "t2"})).await;
    noted("lastHandledReconcileAt", "t2").await;
    assert_eq!(world.release_secrets("market", "stall").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_again_and_not_undone_where_asked() {
    let mut world = World::start().await;
    chart(
        &world,
        "1.0.0",
        &[("config", CONFIG), ("buckets", &BUCKETS.replace("mc:1", "mc:{{ .Values.tag }}").replace("-buckets", "-{{ .Values.tag }}"))],
    );
    let spec = |tag: &str| {
        release(&format!(
            "  upgrade:\n    strategy: {{name: RetryOnFailure, retryInterval: 3s}}\n    remediation: {{retries: 0, remediateLastFailure: true}}\n  values: {{greeting: {tag}, tag: {tag}, buckets: []}}\n"
        ))
    };
    world.git.write("clusters/demo/stall.yaml", &spec("one"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("two-fail")), "A Job that fails");
    let history = world
        .until("it was tried twice", SOON, || async {
            let secrets = world.release_secrets("market", "stall").await;
            (secrets.len() >= 3 && secrets[2].1 == "failed").then_some(secrets)
        })
        .await;
    assert_eq!(history.iter().map(|(_, status, _)| status.as_str()).take(3).collect::<Vec<_>>(), ["deployed", "failed", "failed"]);
    assert_eq!(greeting(&world).await, "two-fail", "what failed is not undone");
    let made = |n: usize| {
        let (world, name) = (&world, format!("sh.helm.release.v1.stall.v{n}"));
        async move {
            let secret = world.get("v1", "Secret", "market", &name).await.unwrap();
            secret["metadata"]["creationTimestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
        }
    };
    assert!(made(3).await.duration_since(made(2).await).as_secs() >= 2, "after the interval");
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("three")), "Mended");
    world.until("mended", SOON, || async { stall(&world).await.filter(|r| ready(r, "1.0.0")) }).await;
    assert_eq!(greeting(&world).await, "three");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_leads_to_another_cluster() {
    let mut world = World::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = kubemem::Server::start();
    let kubeconfig = server.kubeconfig(listener.local_addr().unwrap());
    drop(server.serve(listener));
    let there = |group: &str, plural: &str, name: &str| server.object(group, plural, "market", name);
    chart(&world, "1.0.0", &[("config", CONFIG), ("deployment", DEPLOYMENT), ("hook", &hook("pre-install", "registry.example/tool:1"))]);
    let spec = release("  install: {createNamespace: true}\n  driftDetection: {mode: enabled}\n  kubeConfig: {secretRef: {name: away}}\n")
        .replace("interval: 1h", "interval: 1s");
    world.git.write("clusters/demo/stall.yaml", &spec);
    world.git.push("Install");
    world.start_daemon(&[]).await;
    let told = async |part: &str| {
        world
            .until(part, SOON, || async {
                let release = stall(&world).await?;
                let (status, reason, message) = condition(&release, "Ready")?;
                (status == "False" && reason == "RESTClientError" && message.contains(part)).then_some(())
            })
            .await;
    };
    told("Secret market/away does not exist").await;
    let secret = |text: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "away", "namespace": "market"}, "stringData": {"value": text}});
    let mut bad: Value = serde_json::from_str(&kubeconfig).unwrap();
    bad["users"][0]["user"] =
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": ["-c", "touch pwned"]}});
    world.create(secret(&bad.to_string())).await;
    told("users[kubemem].user.exec may not be used").await;

    world.kubectl_patch("v1", "Secret", "market", "away", json!({"stringData": {"value": kubeconfig}})).await;
    is_ready(&world, "1.0.0").await;
    assert!(there("", "configmaps", "stall").is_some() && there("", "secrets", "sh.helm.release.v1.stall.v1").is_some());
    assert!(world.get("v1", "ConfigMap", "market", "stall").await.is_none(), "nothing of it is here");
    assert!(world.release_secrets("market", "stall").await.is_empty());

    // Drift is seen at the interval.
    let mut live = there("", "configmaps", "stall").unwrap();
    live["data"]["greeting"] = json!("by hand");
    live["metadata"].as_object_mut().unwrap().remove("managedFields");
    server.apply("somebody", live).unwrap();
    world.until("corrected", SOON, || async { (there("", "configmaps", "stall")?["data"]["greeting"] == "hello").then_some(()) }).await;
    chart(&world, "1.1.0", &[]);
    world.git.push("Upgrade");
    is_ready(&world, "1.1.0").await;
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: market\n";
    world.git.push_file("clusters/demo/stall.yaml", Some(namespace), "Remove");
    world.until("removed", SOON, || async { stall(&world).await.is_none().then_some(()) }).await;
    assert!(there("", "configmaps", "stall").is_none() && there("", "secrets", "sh.helm.release.v1.stall.v2").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upgrade_is_uninstalled_where_asked() {
    let mut world = World::start().await;
    chart(&world, "1.0.0", &[("config", CONFIG), ("hook", &hook("pre-upgrade", "registry.example/tool:1-fail"))]);
    let spec = |word: &str| {
        release(&format!(
            "  upgrade:\n    remediation: {{retries: 1, strategy: uninstall, remediateLastFailure: true}}\n  values: {{greeting: {word}}}\n"
        ))
    };
    world.git.write("clusters/demo/stall.yaml", &spec("one"));
    world.git.push("Install");
    world.start_daemon(&[]).await;
    is_ready(&world, "1.0.0").await;
    let uid = async || world.get("v1", "ConfigMap", "market", "stall").await.map(|map| map["metadata"]["uid"].clone());
    let before = uid().await.expect("it is live");
    world.git.push_file("clusters/demo/stall.yaml", Some(&spec("two")), "The hook fails");
    world.until("installed anew", SOON, || async { (greeting(&world).await == "two").then_some(()) }).await;
    let release = is_ready(&world, "1.0.0").await;
    assert_ne!(uid().await, Some(before), "it was made again");
    assert_eq!(release["status"]["history"][0]["action"], "install", "{}", release["status"]["history"]);
    assert_eq!(release["status"]["history"].as_array().map(Vec::len), Some(1));
}
