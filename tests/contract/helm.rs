//! The Helm CLI reads what the daemon wrote, and the daemon takes over what the Helm CLI installed.
//!
//! Needs the `helm` binary: `HELMWARD_HELM`, else `~/.cache/helmward/helm/helm`. Without it nothing is tested, and that is said.

use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// The Helm CLI against one cluster.
pub struct Helm {
    binary: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Helm {
    /// `None` where there is no binary.
    pub fn find(world: &World) -> Option<Self> {
        let default = || PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/helmward/helm/helm");
        let binary = std::env::var("HELMWARD_HELM").map_or_else(|_| default(), PathBuf::from);
        if !binary.exists() {
            eprintln!("  skipped: {} is not there", binary.display());
            return None;
        }
        Some(Self { binary, kubeconfig: world.kubeconfig.clone(), home: world.dir.path().join("home") })
    }

    /// Runs a command; its standard output.
    pub fn run(&self, args: &[&str]) -> String {
        let out = Command::new(&self.binary)
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.home.join("helm-cache"))
            .env("HELM_CONFIG_HOME", self.home.join("helm-config"))
            .env("HELM_DATA_HOME", self.home.join("helm-data"))
            .output()
            .unwrap();
        assert!(out.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.extend(["-o", "json"]);
        serde_json::from_str(&self.run(&all)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_reads_what_was_written() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    for (step, version) in [("01-install", "1.0.0"), ("02-upgrade", "1.1.0")] {
        world.git.push_step(&example("web", step), &fast);
        if step == "01-install" {
            world.start_daemon(&[]).await;
        }
        world
            .until(&format!("{version} deployed"), SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, version)) })
            .await;
    }
    let list = helm.json(&["list", "-A"]);
    let web = list.as_array().unwrap().iter().find(|r| r["name"] == "web").expect("helm list knows the release");
    for (key, value) in [("namespace", "shop"), ("revision", "2"), ("status", "deployed"), ("chart", "web-1.1.0")] {
        assert_eq!(web[key], value, "{key} of {web}");
    }
    let history = helm.json(&["history", "web", "-n", "shop"]);
    let told: Vec<(i64, &str, &str, &str)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|h| {
            (
                h["revision"].as_i64().unwrap(),
                h["status"].as_str().unwrap(),
                h["chart"].as_str().unwrap(),
                h["description"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(1, "superseded", "web-1.0.0", "Install complete"), (2, "deployed", "web-1.1.0", "Upgrade complete")]);
    assert_eq!(helm.json(&["get", "values", "web", "-n", "shop"]), json!({"replicas": 2}));
    assert_eq!(helm.json(&["get", "values", "web", "-n", "shop", "--all"])["greeting"], "Good to see you");
    let chart = world.git.work().join("charts/web");
    let template = helm.run(&["template", "web", chart.to_str().unwrap(), "-n", "shop", "--set", "replicas=2"]);
    assert_eq!(
        helm.run(&["get", "manifest", "web", "-n", "shop"]).trim(),
        template.trim(),
        "the recorded manifest is Helm's own rendering"
    );
    let notes = helm.run(&["get", "notes", "web", "-n", "shop"]);
    assert!(notes.contains("NOTES:") && notes.len() > 20, "{notes}");
    assert_eq!(helm.json(&["status", "web", "-n", "shop"])["info"]["status"], "deployed");
}

async fn pods(world: &World) -> Vec<String> {
    let mut uids: Vec<String> = world
        .list("v1", "Pod", "shop", "")
        .await
        .iter()
        .filter(|p| p["metadata"]["deletionTimestamp"].is_null())
        .map(|p| p["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect();
    uids.sort();
    uids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_helm_installed_is_adopted_without_a_restart() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    // The chart has one field more than its next version.
    let motto = |text: &str| text.replace("\ndata:\n", "\ndata:\n  motto: Fair prices\n");
    world.git.push_step(&example("web", "01-install"), &|text: &str| {
        fast(&if text.contains("kind: ConfigMap") { motto(text) } else { text.to_owned() })
    });
    let chart = world.git.work().join("charts/web");
    helm.run(&["install", "web", chart.to_str().unwrap(), "-n", "shop", "--create-namespace", "--set", "replicas=2", "--wait"]);
    let before = (pods(&world).await, world.get("apps/v1", "Deployment", "shop", "web").await.unwrap());
    assert_eq!(before.0.len(), 2);
    assert_eq!(world.get("v1", "ConfigMap", "shop", "web-config").await.unwrap()["data"]["motto"], "Fair prices");

    world.start_daemon(&[]).await;
    world.until("adopted and ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    let after = world.get("apps/v1", "Deployment", "shop", "web").await.unwrap();
    assert_eq!(pods(&world).await, before.0, "no pod was restarted");
    assert_eq!(before.1["spec"], after["spec"]);
    assert_eq!(before.1["metadata"]["uid"], after["metadata"]["uid"]);
    let managers: Vec<&str> = after["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["subresource"].is_null())
        .filter_map(|m| m["manager"].as_str())
        .collect();
    assert!(managers.contains(&"helmward") && !managers.contains(&"helm"), "its fields are ours now: {managers:?}");
    let records = world.release_secrets("shop", "web").await;
    assert_eq!(records.last().map(|(_, status, _)| status.as_str()), Some("deployed"), "{records:?}");

    // A field that leaves Git leaves the cluster, although Helm put it there.
    world.git.copy(&example("web", "01-install/charts/web/templates"), "charts/web/templates");
    world.git.push_step(&example("web", "02-upgrade"), &fast);
    world.until("1.1.0 deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.1.0")) }).await;
    let config = world.get("v1", "ConfigMap", "shop", "web-config").await.unwrap();
    assert!(config["data"]["motto"].is_null(), "the field that Git no longer has is gone: {}", config["data"]);
    assert_eq!(helm.json(&["history", "web", "-n", "shop"]).as_array().unwrap().last().unwrap()["chart"], "web-1.1.0");
    assert!(condition(&world.release("shop", "web").await.unwrap(), "Ready").is_some());
}
