//! Newer commits while an older one is waited for: they interrupt the wait at once, and nothing else does.
//!
//! What goes wrong where a wait can be cancelled: fluxcd/helm-controller#1429 (cancelled by what changed nothing, and not ready for ever) and
//! #1557 (a rollback between the cancelled revision and the one that cancelled it).

use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DEPLOYMENT: (&str, &str, &str, &str) = ("apps/v1", "Deployment", "shop", "web");

/// The chart in a version, with pods that turn out as the tag's end says, and a deadline for them that the test can live with.
fn write(world: &World, version: &str, tag: &str, deadline: u32) {
    let step = example("web", "01-install").join("charts/web");
    let text = |file: &str| std::fs::read_to_string(step.join(file)).unwrap();
    world.git.write("charts/web/Chart.yaml", &text("Chart.yaml").replace("version: 1.0.0", &format!("version: {version}")));
    let values: String = text("values.yaml")
        .lines()
        .map(|line| if line.trim_start().starts_with("tag:") { format!("  tag: \"{tag}\"\n") } else { format!("{line}\n") })
        .collect();
    world.git.write("charts/web/values.yaml", &values);
    let deployment =
        text("templates/deployment.yaml").replace("progressDeadlineSeconds: 4", &format!("progressDeadlineSeconds: {deadline}"));
    world.git.write("charts/web/templates/deployment.yaml", &deployment);
}

async fn image(world: &World) -> String {
    let (api_version, kind, namespace, name) = DEPLOYMENT;
    let live = world.get(api_version, kind, namespace, name).await.unwrap_or_default();
    live.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn statuses(world: &World) -> Vec<(u32, String)> {
    world.release_secrets("shop", "web").await.into_iter().map(|(number, status, _)| (number, status)).collect()
}

/// The release in 1.0.0, deployed and ready.
async fn deployed() -> World {
    let mut world = World::start().await;
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("1.0.0 deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_interrupts_a_failing_wait() {
    let world = deployed().await;
    write(&world, "1.1.0", "1.1.0-unready", 600);
    world.git.push("Break it");
    world.until("the broken one applied", SOON, || async { image(&world).await.ends_with("-unready").then_some(()) }).await;
    let progress = async || condition(&world.release("shop", "web").await?, "Ready").map(|(status, ..)| status.to_owned());
    world.until("it waits", SOON, || async { progress().await.filter(|status| status != "True") }).await;
    write(&world, "1.2.0", "1.2.0", 600);
    world.git.push("Mend it");
    let pushed = Instant::now();
    world.until("the fix applied", SOON, || async { image(&world).await.ends_with(":1.2.0").then_some(()) }).await;
    eprintln!("    applied {:.2} s after the push", pushed.elapsed().as_secs_f64());
    world.until("the fix ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.2.0")) }).await;
    let expected = [(1, "superseded"), (2, "failed"), (3, "deployed")].map(|(number, status)| (number, status.to_owned()));
    assert_eq!(statuses(&world).await, expected, "no rollback in between");
    let release = world.release("shop", "web").await.unwrap();
    assert_eq!(release["status"]["history"][0]["version"], 3, "{release}");
    assert!(condition(&release, "RolledBack").is_none_or(|c| c.0 == "False") && condition(&release, "Remediated").is_none(), "{release}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_not_interrupted_by_what_changes_nothing() {
    let mut world = World::start().await;
    // Ready only after some seconds, in which a lot happens.
    write(&world, "1.0.0", "1.0.0", 600);
    let deployment = world.git.work().join("charts/web/templates/deployment.yaml");
    let slow = std::fs::read_to_string(&deployment)
        .unwrap()
        .replace("        checksum/config", "        sim.test/ready-after: 6s\n        checksum/config");
    world.git.copy(&example("web", "01-install").join("clusters"), "clusters");
    world.git.copy(&example("web", "01-install").join("charts"), "charts");
    world.git.write("charts/web/templates/deployment.yaml", &slow);
    world.git.push("Slow to start");
    world.start_daemon(&[]).await;
    world.until("applied", SOON, || async { (!image(&world).await.is_empty()).then_some(()) }).await;
    for round in 0..6 {
        world.git.push_file("docs/notes.md", Some(&format!("round {round}\n")), "Elsewhere in the repository");
        let patch = json!({"metadata": {"annotations": {"shop.example/round": format!("{round}"), "reconcile.fluxcd.io/requestedAt": format!("{round}")}}});
        world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "web", patch.clone()).await;
        world.kubectl_patch("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system", patch).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    world.until("ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    assert_eq!(statuses(&world).await, [(1, "deployed".to_owned())], "one revision, never given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_commits_the_last_one_counts() {
    let world = deployed().await;
    for minor in 1..=12 {
        write(&world, &format!("1.{minor}.0"), &format!("1.{minor}.0-unready"), 600);
        world.git.push("Another one");
    }
    write(&world, "1.13.0", "1.13.0", 600);
    world.git.push("The last one");
    world.until("the last one ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.13.0")) }).await;
    let records = statuses(&world).await;
    let (last, others) = records.split_last().unwrap();
    assert_eq!(last.1, "deployed", "{records:?}");
    assert!(others.iter().all(|(_, status)| status == "failed" || status == "superseded"), "{records:?}");
    assert!(
        !others.iter().any(|(number, status)| *number > 1 && status == "superseded"),
        "nothing was rolled back to in between: {records:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_that_comes_with_the_verdict_is_deployed() {
    let world = deployed().await;
    let mut version = 0;
    // Around the moment at which the deadline of two seconds passes: before it, with it, during the rollback, after it.
    for after in [1_700_u64, 2_000, 2_300, 2_700, 3_500] {
        version += 2;
        let (broken, fixed) = (format!("1.{}.0", version - 1), format!("1.{version}.0"));
        write(&world, &broken, &format!("{broken}-unready"), 2);
        world.git.push("Break it");
        world.until("the broken one applied", SOON, || async { image(&world).await.ends_with("-unready").then_some(()) }).await;
        tokio::time::sleep(Duration::from_millis(after)).await;
        write(&world, &fixed, &fixed, 2);
        world.git.push("Mend it");
        world
            .until(&format!("mended {after} ms after"), SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, &fixed)) })
            .await;
        let records = statuses(&world).await;
        assert_eq!(records.iter().filter(|(_, status)| status == "deployed").count(), 1, "{records:?}");
        assert!(!records.iter().any(|(_, status)| status.starts_with("pending")), "{records:?}");
        assert!(image(&world).await.ends_with(&format!(":{fixed}")));
    }
}
