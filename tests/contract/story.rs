//! The main job: commit → deployed → broken → rolled back → drift seen and corrected → fixed → removed, and the store lost on the way.

use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::json;
use std::time::Duration;

async fn greeting(world: &World) -> Option<String> {
    let config = world.get("v1", "ConfigMap", "shop", "web-config").await?;
    config["data"]["greeting"].as_str().map(str::to_owned)
}

async fn image(world: &World) -> Option<String> {
    let deployment = world.get("apps/v1", "Deployment", "shop", "web").await?;
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_broken_rolled_back_drift_fixed_removed() {
    tell(&mut World::start().await, &[]).await;
}

/// The whole story, with further arguments for the daemon.
pub async fn tell(world: &mut World, extra: &[&str]) {
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(extra).await;

    let release = world
        .until("chart 1.0.0 deployed and ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) })
        .await;
    assert_eq!(greeting(world).await.as_deref(), Some("Welcome"));
    let deployment = world.get("apps/v1", "Deployment", "shop", "web").await.expect("the Deployment is live");
    assert_eq!(deployment["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"], "web");
    assert_eq!(deployment["metadata"]["annotations"]["meta.helm.sh/release-name"], "web");
    assert_eq!(release["metadata"]["finalizers"], json!(["finalizers.fluxcd.io"]));

    world.git.push_step(&example("web", "02-upgrade"), &fast);
    world
        .until("chart 1.1.0 deployed and ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.1.0")) })
        .await;
    assert_eq!(greeting(world).await.as_deref(), Some("Good to see you"));

    // A commit whose pods never become ready: the whole release goes back.
    let broken = world.git.push_step(&example("web", "03-broken"), &fast);
    let release = world
        .until("chart 1.2.0 rolled back", SOON, || async {
            world.release("shop", "web").await.filter(|r| condition(r, "RolledBack").is_some_and(|(status, ..)| status == "True"))
        })
        .await;
    let (status, reason, message) = condition(&release, "Ready").expect("Ready is set");
    assert_eq!((status, reason), ("False", "RollbackSucceeded"), "{message}");
    assert!(message.contains("1.2.0") && message.contains("1.1.0"), "both versions are named: {message}");
    assert!(message.contains("Deployment"), "the failing object is named: {message}");
    assert_eq!(image(world).await.as_deref(), Some("registry.example/shop/web:1.1.0"));
    let secrets = world.release_secrets("shop", "web").await;
    let statuses: Vec<&str> = secrets.iter().map(|(_, status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["superseded", "superseded", "failed", "deployed"], "{secrets:?}");

    // Quarantined: ten intervals later there was no second attempt. Commits elsewhere in the repository lift nothing.
    world.git.push_file("NOTES.md", Some("nothing to deploy\n"), "Write notes");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.release_secrets("shop", "web").await, secrets, "no revision was made or changed");
    let source = world.get("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system").await.expect("it is live");
    assert!(!source["status"]["artifact"]["revision"].as_str().unwrap().contains(&broken), "the source went on");

    // A hand in the cluster: seen with its manager, put right.
    world.kubectl_patch("v1", "ConfigMap", "shop", "web-config", json!({"data": {"greeting": "Go away"}})).await;
    world.until("drift corrected", SOON, || async { (greeting(world).await.as_deref() == Some("Good to see you")).then_some(()) }).await;
    let episode = world
        .until("drift on the page with its manager", SOON, || async {
            let page = world.page("/api/v1/releases/shop/web").await?;
            let drift = page["driftHistory"].as_array()?.iter().find(|d| d["path"] == ".data.greeting")?.clone();
            Some(drift)
        })
        .await;
    assert_eq!(episode["owners"][0]["manager"], "kubectl-patch", "{episode}");
    assert_eq!((&episode["desired"], &episode["live"]), (&json!("Good to see you"), &json!("Go away")));

    // The next good commit is deployed at once.
    world.git.push_step(&example("web", "04-fixed"), &fast);
    world
        .until("chart 1.3.0 deployed and ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.3.0")) })
        .await;

    // The store lost: nothing is installed again, and nothing is written.
    world.kill_daemon();
    std::fs::remove_dir_all(world.state_dir()).expect("the state directory is there");
    let before = (world.release_secrets("shop", "web").await, world.get("apps/v1", "Deployment", "shop", "web").await.expect("it is live"));
    world.start_daemon(extra).await;
    world
        .until("the page knows the release again", SOON, || async {
            let page = world.page("/api/v1/releases/shop/web").await?;
            (page["pill"] == "Ready" && page["revision"] == 5).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = (world.release_secrets("shop", "web").await, world.get("apps/v1", "Deployment", "shop", "web").await.expect("it is live"));
    assert_eq!(before.0, after.0, "no revision was made or changed");
    assert_eq!(before.1["metadata"]["generation"], after.1["metadata"]["generation"]);

    // The file goes, and so do the objects.
    world.git.push_step(&example("web", "05-removed"), &fast);
    world
        .until("objects gone with their file", SOON, || async {
            let gone = world.release("shop", "web").await.is_none() && world.get("apps/v1", "Deployment", "shop", "web").await.is_none();
            (gone && greeting(world).await.is_none()).then_some(())
        })
        .await;
    assert!(world.get("v1", "Namespace", "", "shop").await.is_some(), "the namespace is still in Git");
}
