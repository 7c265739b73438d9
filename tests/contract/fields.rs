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
