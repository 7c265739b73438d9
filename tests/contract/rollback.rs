//! The way back: of everything that the failed upgrade changed, to a chosen revision, and where the way back is barred too.

use crate::small::{self, Workload, image_of, is_ready, rolled_back};
use crate::world::{SOON, World, condition};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TIMEOUT: &str = "  timeout: 40s\n";

/// The objects that a revision's record in the cluster holds, applied again by dry-run, leave every live object as it is.
async fn as_recorded(world: &World, namespace: &str, name: &str, revision: u32) -> usize {
    let secret =
        world.get("v1", "Secret", namespace, &format!("sh.helm.release.v1.{name}.v{revision}")).await.expect("the record is there");
    let payload = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap()
    };
    let record = helmward_chart::release::decode(&payload).unwrap();
    let mut objects = 0;
    for document in helmward_chart::yaml::documents(record.manifest()) {
        let mut object: Value = helmward_chart::yaml::from_str(document.text).unwrap();
        if object.is_null() {
            continue;
        }
        objects += 1;
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind, of) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let metadata = object["metadata"].as_object_mut().unwrap();
        for (map, key, value) in [
            ("labels", "app.kubernetes.io/managed-by", "Helm"),
            ("labels", "helm.toolkit.fluxcd.io/name", name),
            ("labels", "helm.toolkit.fluxcd.io/namespace", namespace),
            ("annotations", "meta.helm.sh/release-name", name),
            ("annotations", "meta.helm.sh/release-namespace", namespace),
        ] {
            metadata.entry(map).or_insert(json!({}))[key] = json!(value);
        }
        let api = world.api(&api_version, &kind, namespace);
        let params = PatchParams { dry_run: true, ..PatchParams::apply("helmward").force() };
        let mut live = serde_json::to_value(api.get(&of).await.unwrap()).unwrap();
        let mut dry = serde_json::to_value(api.patch(&of, &params, &Patch::Apply(&object)).await.unwrap()).unwrap();
        for side in [&mut live, &mut dry] {
            side.as_object_mut().unwrap().remove("status");
            side["metadata"].as_object_mut().unwrap().remove("resourceVersion");
            side["metadata"]["managedFields"].as_array_mut().unwrap().retain(|f| f["subresource"].is_null());
        }
        assert_eq!(live, dry, "{kind} {of}");
    }
    objects
}

#[tokio::test(flavor = "multi_thread")]
async fn ho4_a_failed_job_is_final_before_the_timeout() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, outcome: &str| {
        let job = small::job(&format!("seed-{}", version.replace('.', "-")), &format!("seed:{version}{outcome}"), "");
        small::chart(&root, "shop", version, &[("app", Workload::deployment("app", &format!("app:{version}")).text()), ("job", job)]);
    };
    chart("1.0.0", "");
    small::release(&root, "shop", "  timeout: 5m\n");
    world.git.push("A Job that is waited for");
    world.start_daemon(&[]).await;
    is_ready(&world, "shop", "1.0.0").await;
    chart("1.1.0", "-fail");
    let began = Instant::now();
    world.git.push("A Job that fails");
    let release = rolled_back(&world, "shop", "1.1.0").await;
    assert!(began.elapsed() < Duration::from_secs(60), "long before the timeout of 5 minutes: {:?}", began.elapsed());
    let message = condition(&release, "Released").unwrap().2;
    assert!(message.contains("Job/seed-1-1-0") && message.contains("BackoffLimitExceeded"), "{message}");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn ho6_a_rollback_that_fails_too_shows_both_errors_and_backs_off() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    // Once a ConfigMap is immutable, the API refuses to take that back: the way forward is barred by pods, the way back by this.
    let chart = |version: &str, tag: &str, config: &str| {
        let config = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\n{config}\n");
        small::chart(&root, "shop", version, &[("app", Workload::deployment("app", tag).text()), ("settings", config)]);
    };
    chart("1.0.0", "app:1.0.0", "data: {colour: green}");
    small::release(&root, "shop", TIMEOUT);
    world.git.push("Good");
    world.start_daemon(&[]).await;
    is_ready(&world, "shop", "1.0.0").await;
    chart("1.1.0", "app:1.1.0-unready", "immutable: true\ndata: {colour: red}");
    world.git.push("No way forward, no way back");
    let both = || async {
        let release = world.release("shop", "shop").await?;
        let (status, reason, message) = condition(&release, "Ready")?;
        (status == "False" && reason == "RollbackFailed" && message.contains("Deployment/app") && message.contains("immutable"))
            .then(|| message.to_owned())
    };
    let message = world.until("both errors shown", SOON, both).await;
    eprintln!("    {message}");
    let release = world.release("shop", "shop").await.unwrap();
    let (status, reason, _) = condition(&release, "Remediated").expect("a remedy was tried");
    assert_eq!((status, reason), ("False", "RollbackFailed"));
    assert_eq!(world.page("/api/v1/releases/shop/shop").await.unwrap()["pill"], "Failed");
    // It is tried again, and not often: 16 s after the first failure, then twice that.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let metrics = reqwest::get(&world.daemon().metrics).await.unwrap();
    let metrics = String::from_utf8(metrics.bytes().await.unwrap().to_vec()).unwrap();
    let failed: Vec<&str> = metrics.lines().filter(|l| l.starts_with("helmward_rollbacks_total{reason=\"failed\"}")).collect();
    assert!(failed.len() == 1 && failed[0].ends_with(" 1"), "one failed rollback so far, and it is counted: {failed:?}");
    let secrets = world.release_secrets("shop", "shop").await;
    assert_eq!(secrets.iter().map(|s| s.1.as_str()).collect::<Vec<_>>(), ["deployed", "failed", "failed"], "{secrets:?}");

    // Somebody clears the way: the next attempt, under the same number, gets through without anybody's word.
    world.delete("v1", "ConfigMap", "shop", "settings").await;
    let release = rolled_back(&world, "shop", "1.1.0").await;
    assert_eq!(condition(&release, "Remediated").unwrap().0, "True");
    let secrets = world.release_secrets("shop", "shop").await;
    assert_eq!(secrets.iter().map(|s| s.1.as_str()).collect::<Vec<_>>(), ["superseded", "failed", "deployed"], "{secrets:?}");
    assert_eq!(world.get("v1", "ConfigMap", "shop", "settings").await.unwrap()["data"]["colour"], "green");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn oo7_what_the_api_refuses_takes_its_whole_commit_back() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, redis: &str, size: &str| {
        let claims = format!(
            ", volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}}}]"
        );
        let postgres = Workload { kind: "StatefulSet", name: "postgres", image: "postgres:16", spec: &claims, container: "" };
        small::chart(&root, "ops", version, &[("postgres", postgres.text()), ("redis", Workload::deployment("redis", redis).text())]);
    };
    chart("1.0.0", "redis:7.0", "20Gi");
    small::release(&root, "ops", TIMEOUT);
    world.git.push("Postgres and redis");
    world.start_daemon(&[]).await;
    is_ready(&world, "ops", "1.0.0").await;
    let claim = world.get("v1", "PersistentVolumeClaim", "ops", "data-postgres-0").await.expect("the StatefulSet made it");
    let set = world.get("apps/v1", "StatefulSet", "ops", "postgres").await.unwrap();

    chart("1.1.0", "redis:7.2", "50Gi");
    world.git.push("A larger volume and a newer redis");
    let release = rolled_back(&world, "ops", "1.1.0").await;
    let message = condition(&release, "Ready").unwrap().2;
    assert!(
        message.contains("StatefulSet/ops/postgres") && message.contains("updates to statefulset spec for fields other than"),
        "{message}"
    );
    assert_eq!(image_of(&world, "Deployment", "ops", "redis").await, "redis:7.0", "changed in the same upgrade, and back");
    let redis = world.get("apps/v1", "Deployment", "ops", "redis").await.unwrap();
    assert!(redis["metadata"]["generation"].as_i64().unwrap() >= 3, "it had been changed: {}", redis["metadata"]["generation"]);
    let after = world.get("v1", "PersistentVolumeClaim", "ops", "data-postgres-0").await.unwrap();
    assert_eq!((&after["metadata"]["uid"], &after["spec"]), (&claim["metadata"]["uid"], &claim["spec"]), "the data is untouched");
    let set_after = world.get("apps/v1", "StatefulSet", "ops", "postgres").await.unwrap();
    assert_eq!(set_after["metadata"]["uid"], set["metadata"]["uid"]);
    as_recorded(&world, "ops", "ops", 3).await;
    let secrets = world.release_secrets("ops", "ops").await;
    world.git.push_file("NOTES.md", Some("nothing\n"), "Elsewhere");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.release_secrets("ops", "ops").await, secrets, "not tried again until the chart changes");
    chart("1.2.0", "redis:7.2", "20Gi");
    world.git.push("The newer redis alone");
    is_ready(&world, "ops", "1.2.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oo14_a_bad_image_takes_back_all_and_the_page_says_which() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, bad: &str| {
        let mut files: Vec<(&str, String)> = ["app", "engine", "tables", "analytics", "nginx", "redis", "worker"]
            .iter()
            .map(|name| {
                let suffix = if matches!(*name, "engine" | "worker") { bad } else { "" };
                (*name, Workload::deployment(name, &format!("{name}:{version}{suffix}")).text())
            })
            .collect();
        let config = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{version: '{version}'}}\n");
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {selector: {app: app}, ports: [{port: 80}]}\n";
        files.extend([("settings", config), ("service", service.to_owned())]);
        small::chart(&root, "ops", version, &files);
    };
    chart("1.0.0", "");
    small::release(&root, "ops", TIMEOUT);
    world.git.push("Seven workloads");
    world.start_daemon(&[]).await;
    is_ready(&world, "ops", "1.0.0").await;
    chart("1.1.0", "-unready");
    world.git.push("Two of them are bad");
    // While it is waited for, the page tells the two from the five.
    let unhealthy = world
        .until("the two named while it is waited for", SOON, || async {
            let page = world.page("/api/v1/releases/ops/ops").await?;
            let bad = |o: &&Value| o["id"]["kind"] == "Deployment" && o["health"]["state"] != "Current";
            let names: Vec<String> =
                page["objects"].as_array()?.iter().filter(bad).map(|o| o["id"]["name"].as_str().unwrap().to_owned()).collect();
            (page["pill"] == "Progressing" && names.len() == 2).then_some(names)
        })
        .await;
    assert_eq!(unhealthy, ["engine", "worker"]);
    let release = rolled_back(&world, "ops", "1.1.0").await;
    let message = condition(&release, "Ready").unwrap().2;
    assert!(
        message.contains("Deployment/engine") && message.contains("Deployment/worker") && !message.contains("Deployment/app"),
        "{message}"
    );
    assert_eq!(as_recorded(&world, "ops", "ops", 1).await, 9, "all objects are as the first revision recorded them");
    // A hand in a field afterwards: the page has both values; the history has both versions.
    world.kubectl_patch("v1", "ConfigMap", "ops", "settings", json!({"data": {"version": "by hand"}})).await;
    let drift = world
        .until("drift on the page", SOON, || async {
            let page = world.page("/api/v1/releases/ops/ops").await?;
            page["drift"].as_array()?.iter().find(|d| d["path"] == ".data.version").cloned()
        })
        .await;
    assert_eq!((&drift["desired"], &drift["live"]), (&json!("1.0.0"), &json!("by hand")), "{drift}");
    let page = world.page("/api/v1/releases/ops/ops").await.unwrap();
    let told: Vec<(&str, &str)> = page["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["attempt"]["version"].as_str().unwrap(), r["status"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("1.0.0", "deployed"), ("1.1.0", "failed"), ("1.0.0", "superseded")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_goes_back_and_stays_until_resumed() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, outcome: &str| {
        small::chart(&root, "shop", version, &[("app", Workload::deployment("app", &format!("app:{version}{outcome}")).text())]);
    };
    small::release(&root, "shop", TIMEOUT);
    for (version, outcome) in [("1.0.0", ""), ("1.1.0", "")] {
        chart(version, outcome);
        world.git.push(version);
        if version == "1.0.0" {
            world.start_daemon(&[]).await;
        }
        is_ready(&world, "shop", version).await;
    }
    chart("1.2.0", "-unready");
    world.git.push("1.2.0");
    rolled_back(&world, "shop", "1.2.0").await;
    let ask = async |to: Value| {
        let annotations = json!({"metadata": {"annotations": {"helmward.dev/rollback-to": to}}});
        world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "shop", annotations).await;
    };
    // Never to a revision that failed, and never to another one in silence.
    ask(json!("3")).await;
    let refused = world
        .until("a failed revision refused", SOON, || async {
            let release = world.release("shop", "shop").await?;
            let (_, reason, message) = condition(&release, "Stalled")?;
            (reason == "MissingRollbackTarget").then(|| message.to_owned())
        })
        .await;
    assert!(refused.contains("revision 3") && refused.contains("good ones are: 1, 2, 4"), "{refused}");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.1.0");
    ask(json!("1")).await;
    let release = world
        .until("rolled back by request", SOON, || async {
            let release = world.release("shop", "shop").await?;
            (condition(&release, "RolledBack")?.0 == "True" && release["status"]["history"][0]["chartVersion"] == "1.0.0")
                .then_some(release)
        })
        .await;
    assert!(condition(&release, "Ready").unwrap().2.contains("revision 1"), "{release}");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
    // Pinned: a newer commit is not deployed.
    chart("1.3.0", "");
    world.git.push("1.3.0");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
    ask(Value::Null).await;
    let release = is_ready(&world, "shop", "1.3.0").await;
    assert!(condition(&release, "RolledBack").is_none());
}
