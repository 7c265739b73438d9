//! Several operators in one repository: each follows what is its own.

use crate::text::{chart_yaml, deployment, namespace, release_with};
use crate::world::{SOON, World, ready};
use serde_json::Value;
use std::time::Duration;

const OPERATORS: [&str; 3] = ["health-check", "label-enforcer", "budget-guard"];

fn chart(world: &World, name: &str, version: &str, image: &str) {
    let folder = format!("operators/{name}/helm/{name}");
    world.git.write(&format!("{folder}/Chart.yaml"), &chart_yaml(name, version));
    world.git.write(&format!("{folder}/templates/app.yaml"), &deployment(name, image, ""));
    world.git.write(
        &format!("{folder}/templates/settings.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-settings\ndata:\n  watch: {{ .Values.watchNamespace | default \"all\" | quote }}\n",
    );
}

/// Resource versions of all that a release has, its records included.
async fn versions(world: &World, name: &str) -> Value {
    let version = |o: Option<Value>| o.expect("it is live")["metadata"]["resourceVersion"].clone();
    serde_json::json!([
        version(world.get("apps/v1", "Deployment", "prophet", name).await),
        version(world.get("v1", "ConfigMap", "prophet", &format!("{name}-settings")).await),
        world.release_secrets("prophet", name).await.iter().map(|(n, status, v)| format!("{n} {status} {v}")).collect::<Vec<_>>(),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn pr3_a_commit_concerns_those_whose_chart_it_changes() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/namespace.yaml", &namespace("prophet"));
    for name in OPERATORS {
        chart(&world, name, "0.1.0", "registry.example/operator:1");
        // A change of the content counts, whatever the version says.
        let object = release_with("prophet", name, &format!("operators/{name}/helm/{name}"), "", "      reconcileStrategy: Revision\n");
        world.git.write(&format!("clusters/demo/{name}.yaml"), &object);
    }
    let first = world.git.push("Three operators");
    world.start_daemon(&[]).await;
    let at = |commit: &str| format!("0.1.0+{}", &commit[..12]);
    for name in OPERATORS {
        world
            .until(&format!("{name} deployed"), SOON, || async { world.release("prophet", name).await.filter(|r| ready(r, &at(&first))) })
            .await;
    }
    let mut before = Vec::new();
    for name in OPERATORS {
        before.push(versions(&world, name).await);
    }

    chart(&world, "label-enforcer", "0.1.0", "registry.example/operator:2");
    let second = world.git.push("Change the label enforcer");
    world
        .until("the one is upgraded", SOON, || async {
            world.release("prophet", "label-enforcer").await.filter(|r| ready(r, &at(&second)))
        })
        .await;
    // The others have seen the commit, too.
    world.git.push_file("README.md", Some("Three operators\n"), "Say what this is");
    tokio::time::sleep(Duration::from_secs(3)).await;
    for (name, before) in OPERATORS.iter().zip(before) {
        let now = versions(&world, name).await;
        if *name == "label-enforcer" {
            let statuses: Vec<&str> = now[2].as_array().unwrap().iter().map(|r| r.as_str().unwrap().split(' ').nth(1).unwrap()).collect();
            assert_eq!(statuses, ["superseded", "deployed"]);
            assert_eq!(now[1], before[1], "even of this one only what changed was written");
        } else {
            assert_eq!(now, before, "{name} was not touched");
            let release = world.release("prophet", name).await.unwrap();
            assert!(ready(&release, &at(&first)), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pr1_the_handbooks_release_is_taken_as_it_stands() {
    let mut world = World::start().await;
    chart(&world, "label-enforcer", "0.1.0", "registry.example/label-enforcer:{{ .Values.image.tag }}");
    world.git.write(
        "clusters/demo/source.yaml",
        &format!(
            "{}apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: prophet\n  namespace: prophet-operators\nspec:\n  interval: 1s\n  url: {}\n  ref:\n    branch: main\n",
            namespace("prophet-operators"),
            world.git.url
        ),
    );
    world.git.write(
        "clusters/demo/release.yaml",
        r#"apiVersion: helm.toolkit.fluxcd.io/v2beta1
kind: HelmRelease
metadata:
  name: prophet-label-enforcer
  namespace: prophet-operators
spec:
  interval: 5m
  chart:
    spec:
      chart: operators/label-enforcer/helm/label-enforcer
      version: "1.0.0"
      sourceRef:
        kind: GitRepository
        name: prophet
  values:
    image:
      tag: v1.0.0
    watchNamespace: default
"#,
    );
    world.git.push("As the handbook has it");
    world.start_daemon(&[]).await;
    let (namespace, name) = ("prophet-operators", "prophet-label-enforcer");
    let release =
        world.until("released from the path", SOON, || async { world.release(namespace, name).await.filter(|r| ready(r, "0.1.0")) }).await;
    assert_eq!(release["apiVersion"], "helm.toolkit.fluxcd.io/v2", "converted");
    let live = world.get("apps/v1", "Deployment", namespace, "label-enforcer").await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/label-enforcer:v1.0.0");
    let settings = world.get("v1", "ConfigMap", namespace, &format!("{name}-settings")).await.unwrap();
    assert_eq!(settings["data"]["watch"], "default");

    // Said once, although the object is read again with every commit.
    world.git.push_file("README.md", Some("Operators\n"), "Say what this is");
    world.git.push_file(
        "clusters/demo/more.yaml",
        Some("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n  namespace: prophet-operators\n"),
        "More",
    );
    world.until("the next commit is applied", SOON, || async { world.get("v1", "ConfigMap", namespace, "more").await }).await;
    let told = |events: &[Value], words: &str| -> Vec<String> {
        let about = events.iter().filter(|e| e["message"].as_str().is_some_and(|m| m.contains(words)));
        about.map(|e| format!("{} {} {}", e["type"], e["involvedObject"]["kind"], e["message"])).collect()
    };
    let uid = world.kustomization("flux-system", "flux-system").await.unwrap()["metadata"]["uid"].clone();
    let mut events = world.list("v1", "Event", "flux-system", "").await;
    events.retain(|e| e["involvedObject"]["uid"] == uid);
    events.extend(world.list("v1", "Event", namespace, "").await);
    let version = told(&events, "spec.chart.spec.version");
    assert_eq!(version.len(), 1, "one event about the version that has no effect: {version:?}");
    assert!(version[0].contains("Warning") && version[0].contains("1.0.0") && version[0].contains(name), "{version:?}");
    assert_eq!(told(&events, "v2beta1").len(), 1, "one about the old version of the API: {events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pr10_a_new_version_that_changes_nothing() {
    let mut world = World::start().await;
    world.git.write("clusters/demo/namespace.yaml", &namespace("prophet"));
    let name = "health-check";
    chart(&world, name, "1.0.0", "registry.example/operator:1");
    world
        .git
        .write(&format!("clusters/demo/{name}.yaml"), &release_with("prophet", name, &format!("operators/{name}/helm/{name}"), "", ""));
    world.git.push("An operator");
    world.start_daemon(&[]).await;
    world.until("1.0.0 deployed", SOON, || async { world.release("prophet", name).await.filter(|r| ready(r, "1.0.0")) }).await;
    let before = versions(&world, name).await;
    chart(&world, name, "1.0.1", "registry.example/operator:1");
    world.git.push("A new version of the chart");
    let release =
        world.until("1.0.1 deployed", SOON, || async { world.release("prophet", name).await.filter(|r| ready(r, "1.0.1")) }).await;
    let after = versions(&world, name).await;
    assert_eq!((&before[0], &before[1]), (&after[0], &after[1]), "no object was written");
    let history: Vec<(&Value, &Value, &Value)> =
        release["status"]["history"].as_array().unwrap().iter().map(|h| (&h["version"], &h["chartVersion"], &h["appVersion"])).collect();
    let (one, two) = (Value::from(1), Value::from(2));
    assert_eq!(history, [(&two, &"1.0.1".into(), &"1".into()), (&one, &"1.0.0".into(), &"1".into())]);
}
