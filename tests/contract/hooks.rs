//! Hooks and Helm tests: in which order, what they leave, and what becomes of a release whose hook or test fails.

use crate::helm::Helm;
use crate::small::{self, Workload, image_of, is_ready, rolled_back};
use crate::world::{SOON, World, condition};
use serde_json::json;
use std::time::Duration;

const TESTING: &str = "  test: {enable: true, timeout: 20s, filters: [{name: gate-slow, exclude: true}]}\n";

fn test(image: &str) -> String {
    small::job("gate-smoke", image, "helm.sh/hook: test")
}

fn slow() -> String {
    small::job("gate-slow", "probe:1.0.0", "helm.sh/hook: test")
}

#[tokio::test(flavor = "multi_thread")]
async fn as16_tests_decide_unless_ignored() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let app = |tag: &str| Workload::deployment("app", &format!("app:{tag}")).text();
    let write = |version: &str, tag: &str, test: String| {
        small::chart(&root, "gate", version, &[("app", app(tag)), ("test", test), ("slow", slow())]);
    };
    // What the pod reads of a Secret and prints is not shown.
    let loud = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: loud\nstringData:\n  token: s3cr3t-canary\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: gate-smoke\n  annotations:\n    helm.sh/hook: test\n\
        \x20   sim.test/log: |\n      asking the shop\n      denied with s3cr3t-canary\nspec:\n  restartPolicy: Never\n  terminationGracePeriodSeconds: 1\n  containers:\n    - name: main\n      image: registry.example/probe:1-fail\n\
        \x20     envFrom: [{secretRef: {name: loud}}]\n";
    write("1.0.0", "1.0.0", test("probe:1.0.0"));
    small::release(&root, "gate", TESTING);
    world.git.push("A release with tests");
    world.start_daemon(&[]).await;
    let release = is_ready(&world, "gate", "1.0.0").await;
    assert_eq!(condition(&release, "Ready").unwrap().1, "TestSucceeded");
    let (status, reason, message) = condition(&release, "TestSuccess").expect("tested");
    assert_eq!((status, reason), ("True", "TestSucceeded"), "{message}");
    assert!(message.contains("gate/gate.v1") && message.contains("1 test hook completed successfully"), "{message}");
    let hooks = &release["status"]["history"][0]["testHooks"];
    assert_eq!(hooks["gate-smoke"]["phase"], "Succeeded", "{hooks}");
    assert!(hooks["gate-smoke"]["lastStarted"].is_string() && hooks["gate-smoke"]["lastCompleted"].is_string(), "{hooks}");
    assert_eq!(hooks["gate-slow"], json!({}), "named, and left out by the filter");
    assert!(world.get("batch/v1", "Job", "gate", "gate-slow").await.is_none(), "never made");

    if let Some(helm) = Helm::find(&world) {
        let seen = helm.json(&["status", "gate", "-n", "gate"]);
        let hooks = seen["hooks"].as_array().unwrap();
        let phase = |name: &str| hooks.iter().find(|h| h["name"] == name).unwrap()["last_run"]["phase"].clone();
        assert_eq!((phase("gate-smoke"), phase("gate-slow")), (json!("Succeeded"), json!("")), "{seen}");
    }

    write("1.1.0", "1.1.0", loud.into());
    world.git.push("A failing test");
    let release = rolled_back(&world, "gate", "1.1.0").await;
    let (status, reason, message) = condition(&release, "TestSuccess").expect("tested");
    assert_eq!((status, reason), ("False", "TestFailed"), "{message}");
    assert!(message.contains("test Pod/gate/gate-smoke failed"), "{message}");
    assert_eq!(condition(&release, "Released").unwrap().0, "True", "as in Flux: released, and then its test failed");
    assert_eq!(condition(&release, "Remediated").unwrap().1, "RollbackSucceeded");
    let history = &release["status"]["history"];
    assert_eq!(history[1]["testHooks"]["gate-smoke"]["phase"], "Failed", "{history}");
    assert_eq!((&history[1]["status"], &history[0]["status"]), (&json!("failed"), &json!("deployed")));
    assert_eq!(image_of(&world, "Deployment", "gate", "app").await, "app:1.0.0");
    if !world.real {
        // Nothing runs on the nodes of the real control plane, so there is no log.
        assert!(message.contains("its log ends: asking the shop | denied with"), "{message}");
    }
    let shown = format!("{release} {} {}", world.daemon().logged(), world.page("/api/v1/releases/gate/gate").await.unwrap());
    assert!(!shown.contains("s3cr3t-canary"), "the secret is nowhere");

    // The same test, ignored: the release stays, and its failed test is told.
    write("1.2.0", "1.2.0", loud.into());
    small::release(&root, "gate", &TESTING.replace("timeout: 20s", "timeout: 20s, ignoreFailures: true"));
    world.git.push("Ignore it");
    let release = is_ready(&world, "gate", "1.2.0").await;
    let (_, reason, message) = condition(&release, "TestSuccess").unwrap();
    assert_eq!(reason, "TestFailed");
    assert!(message.contains("test Pod/gate/gate-smoke failed") && !message.contains("s3cr3t"), "{message}");
    assert_eq!(condition(&release, "Ready").unwrap().1, "UpgradeSucceeded");

    // A rollback passes over a revision whose test failed.
    write("1.3.0", "1.3.0-unready", test("probe:1.0.0"));
    small::release(&root, "gate", TESTING);
    world.git.push("Break it otherwise");
    let release = rolled_back(&world, "gate", "1.3.0").await;
    assert_eq!(release["status"]["history"][0]["chartVersion"], "1.0.0", "not 1.2.0: {}", release["status"]["history"]);
    assert_eq!(image_of(&world, "Deployment", "gate", "app").await, "app:1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn as16_tests_switched_on_later_test_what_is_deployed() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |tag: &str| {
        let app = Workload::deployment("app", "app:1.0.0").text();
        small::chart(&root, "gate", "1.0.0", &[("app", app), ("test", test(tag))]);
    };
    chart("probe:1.0.0");
    small::release(&root, "gate", "");
    world.git.push("Without tests");
    world.start_daemon(&[]).await;
    let release = is_ready(&world, "gate", "1.0.0").await;
    assert!(condition(&release, "TestSuccess").is_none() && release["status"]["history"][0]["testHooks"].is_null());
    small::release(&root, "gate", TESTING);
    world.git.push("With tests");
    let release = world
        .until("tested", SOON, || async {
            let release = world.release("gate", "gate").await?;
            (condition(&release, "TestSuccess")?.0 == "True").then_some(release)
        })
        .await;
    assert_eq!(release["status"]["history"][0]["version"], 1, "no new revision");
    assert_eq!(release["status"]["history"][0]["testHooks"]["gate-smoke"]["phase"], "Succeeded");
    assert_eq!(world.release_secrets("gate", "gate").await.iter().map(|s| s.1.as_str()).collect::<Vec<_>>(), ["deployed"]);
    // The store lost, nothing is tested again.
    let uid = world.get("batch/v1", "Job", "gate", "gate-smoke").await.unwrap()["metadata"]["uid"].clone();
    world.kill_daemon();
    std::fs::remove_dir_all(world.state_dir()).unwrap();
    world.start_daemon(&[]).await;
    world.until("known again", SOON, || async { (world.page("/api/v1/releases/gate/gate").await?["pill"] == "Ready").then_some(()) }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.get("batch/v1", "Job", "gate", "gate-smoke").await.unwrap()["metadata"]["uid"], uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn as16_a_test_that_is_under_way_is_not_run_twice() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let slow = test("probe:1.0.0").replace("template: {spec", "template: {metadata: {annotations: {sim.test/complete-after: 4s}}, spec");
    small::chart(&root, "gate", "1.0.0", &[("app", Workload::deployment("app", "app:1.0.0").text()), ("test", slow)]);
    small::release(&root, "gate", TESTING);
    world.git.push("A slow test");
    world.start_daemon(&[]).await;
    let job = world.until("the test begun", SOON, || async { world.get("batch/v1", "Job", "gate", "gate-smoke").await }).await;
    world.kill_daemon();
    world.start_daemon(&[]).await;
    let release = is_ready(&world, "gate", "1.0.0").await;
    assert_eq!(condition(&release, "Ready").unwrap().1, "TestSucceeded");
    let after = world.get("batch/v1", "Job", "gate", "gate-smoke").await.unwrap();
    assert_eq!(after["metadata"]["uid"], job["metadata"]["uid"]);
    let secrets = world.release_secrets("gate", "gate").await;
    assert_eq!(secrets.iter().map(|s| s.1.as_str()).collect::<Vec<_>>(), ["deployed"], "{secrets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as5_a_failing_hook_leaves_the_workload_untouched() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let hook = "helm.sh/hook: 'pre-install,pre-upgrade'";
    let chart = |version: &str, job_image: &str, hooks: bool| {
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: gate-token, annotations: {{{hook}, helm.sh/hook-weight: '-5'}}}}\nstringData: {{version: '{version}'}}\n"
        );
        let mut files = vec![("app", Workload::deployment("gate", &format!("gate:{version}")).text())];
        if hooks {
            files.extend([("secret", secret), ("job", small::job("gate-migrate", job_image, hook))]);
        }
        small::chart(&root, "gate", version, &files);
    };
    chart("1.0.0", "migrate:1.0.0", true);
    small::release(&root, "gate", "  timeout: 20s\n  driftDetection: {mode: enabled}\n");
    world.git.push("A gateway with hooks");
    let births = small::Births::watch(&world, "gate", &[("v1", "Secret"), ("batch/v1", "Job"), ("apps/v1", "Deployment")]).await;
    world.start_daemon(&[]).await;
    let release = is_ready(&world, "gate", "1.0.0").await;
    let get = async |kind: &str, name: &str| {
        let api = match kind {
            "Secret" => "v1",
            "Job" => "batch/v1",
            _ => "apps/v1",
        };
        world.get(api, kind, "gate", name).await
    };
    world.until("all three seen", SOON, || async { (births.order().len() == 3).then_some(()) }).await;
    assert_eq!(births.order(), ["Secret/gate-token", "Job/gate-migrate", "Deployment/gate"]);
    let ended = get("Job", "gate-migrate").await.unwrap()["status"]["completionTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let before = get("Deployment", "gate").await.unwrap();
    let created = before["metadata"]["creationTimestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(ended <= created, "the Job ended at {ended}, the Deployment was made at {created}");
    let inventory = release["status"]["inventory"]["entries"].to_string();
    assert!(
        inventory.contains("gate_gate_apps_Deployment") && !inventory.contains("gate-migrate") && !inventory.contains("gate-token"),
        "{inventory}"
    );
    let job = get("Job", "gate-migrate").await.unwrap()["metadata"]["uid"].clone();

    chart("1.1.0", "migrate:1.1.0-fail", true);
    world.git.push("A failing migration");
    let release = rolled_back(&world, "gate", "1.1.0").await;
    let message = condition(&release, "Released").unwrap().2;
    assert!(message.contains("hook Job/gate/gate-migrate failed"), "{message}");
    let after = get("Deployment", "gate").await.unwrap();
    assert_eq!((&after["metadata"]["generation"], &after["spec"]), (&before["metadata"]["generation"], &before["spec"]), "untouched");
    let failed = get("Job", "gate-migrate").await.unwrap()["metadata"]["uid"].clone();
    assert_ne!(failed, job, "what the run before left went first");

    // Hooks are not watched over: a hand in one of them is nobody's drift.
    world.kubectl_patch("v1", "Secret", "gate", "gate-token", json!({"stringData": {"version": "by hand"}})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(get("Secret", "gate-token").await.unwrap()["data"]["version"], "YnkgaGFuZA==");

    chart("1.2.0", "migrate:1.2.0", true);
    world.git.push("Mend the migration");
    is_ready(&world, "gate", "1.2.0").await;
    let mended = get("Job", "gate-migrate").await.unwrap()["metadata"]["uid"].clone();
    assert!(mended != failed && get("Secret", "gate-token").await.unwrap()["data"]["version"] != "YnkgaGFuZA==");
    chart("1.3.0", "", false);
    world.git.push("Without hooks");
    is_ready(&world, "gate", "1.3.0").await;
    assert_eq!(get("Job", "gate-migrate").await.unwrap()["metadata"]["uid"], mended, "a hook that left the chart is not pruned");
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_go_as_their_policies_say() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: beacons.gate.example\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: '-10'}\n\
        spec:\n  group: gate.example\n  scope: Namespaced\n  names: {kind: Beacon, plural: beacons, singular: beacon, listKind: BeaconList}\n\
        \x20 versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]\n";
    let beacon = "apiVersion: gate.example/v1\nkind: Beacon\nmetadata: {name: north}\nspec: {light: green}\n";
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\ndata: {a: b}\n";
    let succeeded = small::job("first", "job:1.0.0", "helm.sh/hook: post-install, helm.sh/hook-delete-policy: hook-succeeded");
    small::chart(
        &root,
        "gate",
        "1.0.0",
        &[("crd", crd.into()), ("beacon", beacon.into()), ("kept", kept.into()), ("first", succeeded.clone())],
    );
    small::release(&root, "gate", "  timeout: 20s\n");
    world.git.push("A CRD as a hook");
    world.start_daemon(&[]).await;
    is_ready(&world, "gate", "1.0.0").await;
    assert_eq!(world.get("gate.example/v1", "Beacon", "gate", "north").await.expect("its kind came before it")["spec"]["light"], "green");
    assert!(world.get("batch/v1", "Job", "gate", "first").await.is_none(), "deleted once it had succeeded");

    let failing = small::job("second", "job:1-fail", "helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: hook-failed");
    small::chart(&root, "gate", "1.1.0", &[("beacon", beacon.into()), ("second", failing)]);
    world.git.push("A hook that goes when it fails");
    rolled_back(&world, "gate", "1.1.0").await;
    assert!(world.get("batch/v1", "Job", "gate", "second").await.is_none(), "deleted once it had failed");

    small::chart(&root, "gate", "1.2.0", &[("beacon", beacon.into())]);
    world.git.push("Drop the kept one");
    is_ready(&world, "gate", "1.2.0").await;
    assert!(world.get("v1", "ConfigMap", "gate", "kept").await.is_some(), "kept when it left the chart");
    assert!(world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "beacons.gate.example").await.is_some());
}
