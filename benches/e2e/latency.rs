//! How soon the daemon acts, from outside: medians of ROUNDS, each moment taken from a watch of the API server.
//!
//! usage: `latency WORK BARE URL [ROUNDS]`
//!
//! - WORK: a work tree with the chart `charts/webapp`, whose `origin` is BARE; the chart is changed and pushed
//! - BARE: the repository as a path, which the daemon watches
//! - URL: the same repository over smart HTTP, which the daemon is asked to look at by `requestedAt`
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const NAMESPACE: &str = "latency";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const RELEASE: &str = "lat";
/// A label that the chart sets to its appVersion, `1.0.0`.
const LABEL: &str = "app.kubernetes.io/version";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [work, bare, url, ..] = &args[..] else {
        eprintln!("usage: latency WORK BARE URL [ROUNDS]");
        std::process::exit(2);
    };
    let rounds = args.get(3).map_or(10, |r| r.parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = kube::Client::try_default().await.unwrap();
    let mut bench = Bench { events: watch(&client).await, client, work: work.into(), version: 1000 };
    bench.soon_unready();
    for namespace in ["flux-system", NAMESPACE] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let _ = bench.api("v1", "Namespace", "").create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await;
    }
    for (place, url) in [("local repository watched", format!("file://{bare}")), ("smart HTTP, requestedAt", url.clone())] {
        let source = if place.starts_with("local") { "local" } else { "remote" };
        bench.begin(source, &url).await;
        let (mut live, mut ready) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let pushed = bench.change("").await;
            bench.ask(source).await;
            let version = bench.version;
            live.push(bench.config(&format!("c{version}")).await - pushed);
            ready.push(bench.ready(version).await - pushed);
        }
        print(&format!("commit to live, {place}"), live);
        print(&format!("commit to Ready, {place}"), ready);
        if source == "local" {
            bench.fixes(rounds).await;
            bench.failures(rounds).await;
            bench.drift(rounds).await;
        }
        bench.end(source).await;
    }
}

struct Bench {
    client: kube::Client,
    events: mpsc::UnboundedReceiver<(Instant, Value)>,
    work: PathBuf,
    version: u32,
}

impl Bench {
    /// A fix pushed while a broken upgrade is waited for.
    async fn fixes(&mut self, rounds: usize) {
        let mut times = Vec::new();
        for _ in 0..rounds {
            self.change("broken-pending").await;
            self.image("broken-pending").await;
            let pushed = self.change("").await;
            times.push(self.image("").await - pushed);
            let version = self.version;
            self.ready(version).await;
        }
        print("fix pushed during a failing wait, to applied", times);
    }

    /// A failure of health, to the previous revision live again.
    async fn failures(&mut self, rounds: usize) {
        let mut times = Vec::new();
        for _ in 0..rounds {
            self.change("broken-unready").await;
            let visible = self
                .until(|o| o["kind"] == "Deployment" && condition(o, "Progressing") == Some(("False", "ProgressDeadlineExceeded")))
                .await;
            times.push(self.image("").await - visible);
            self.until(|o| o["kind"] == "HelmRelease" && condition(o, "RolledBack").is_some_and(|c| c.0 == "True")).await;
            self.change("").await;
            let version = self.version;
            self.ready(version).await;
        }
        print("failed health, to the previous revision live", times);
    }

    /// A field changed by hand: to the condition that shows it, and, where it is corrected, to the old value.
    async fn drift(&mut self, rounds: usize) {
        let version = self.version;
        self.detect("warn").await;
        let mut times = Vec::new();
        for _ in 0..rounds {
            let edited = self.by_hand("ConfigMap", "by-hand").await;
            times.push(self.until(|o| drifted(o) == Some(true)).await - edited);
            self.by_hand("ConfigMap", "1.0.0").await;
            self.until(|o| drifted(o) == Some(false)).await;
        }
        print("drift of a field, to shown", times);
        self.detect("enabled").await;
        self.ready(version).await;
        let mut times = Vec::new();
        // Three corrections of an object in ten minutes are a fight, from which correction backs off.
        for kind in ["ConfigMap", "Service", "ServiceAccount", "Deployment"].into_iter().cycle().take(rounds.min(12)) {
            let edited = self.by_hand(kind, "by-hand").await;
            times.push(self.until(|o| o["kind"] == kind && o["metadata"]["labels"][LABEL] == "1.0.0").await - edited);
        }
        print("drift of a field, to corrected", times);
    }

    async fn detect(&self, mode: &str) {
        self.patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", RELEASE, json!({"spec": {"driftDetection": {"mode": mode}}})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// Sets a label of an object as `kubectl edit` does.
    async fn by_hand(&mut self, kind: &str, value: &str) -> Instant {
        let params = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
        let patch = json!({"metadata": {"labels": {LABEL: value}}});
        while self.events.try_recv().is_ok() {}
        let api = self.api(if kind == "Deployment" { "apps/v1" } else { "v1" }, kind, NAMESPACE);
        api.patch(&format!("{RELEASE}-webapp"), &params, &Patch::Merge(&patch)).await.unwrap();
        Instant::now()
    }

    fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let plural = if kind.ends_with('y') {
            format!("{}ies", &kind.to_lowercase()[..kind.len() - 1])
        } else {
            format!("{}s", kind.to_lowercase())
        };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    async fn patch(&self, api_version: &str, kind: &str, name: &str, patch: Value) {
        self.api(api_version, kind, NAMESPACE).patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }

    /// The source and its release, deployed.
    async fn begin(&mut self, source: &str, url: &str) {
        let repository = json!({"apiVersion": SOURCE, "kind": "GitRepository", "metadata": {"name": source, "namespace": NAMESPACE},
            "spec": {"interval": "1h", "url": url, "ref": {"branch": "main"}}});
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": RELEASE, "namespace": NAMESPACE},
            "spec": {"interval": "1h", "timeout": "1m", "driftDetection": {"mode": "enabled"},
                "chart": {"spec": {"chart": "./charts/webapp", "sourceRef": {"kind": "GitRepository", "name": source}}}}});
        for (api_version, kind, object) in [(SOURCE, "GitRepository", repository), ("helm.toolkit.fluxcd.io/v2", "HelmRelease", release)] {
            let api = self.api(api_version, kind, NAMESPACE);
            api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        }
        self.change("").await;
        self.ask(source).await;
        let version = self.version;
        self.ready(version).await;
    }

    async fn end(&mut self, source: &str) {
        self.api("helm.toolkit.fluxcd.io/v2", "HelmRelease", NAMESPACE).delete(RELEASE, &Default::default()).await.unwrap();
        self.until(|o| o["kind"] == "HelmRelease" && o["deleted"] == true).await;
        self.api(SOURCE, "GitRepository", NAMESPACE).delete(source, &Default::default()).await.unwrap();
    }

    /// Asks for a look at a source that cannot be watched.
    async fn ask(&self, source: &str) {
        if source == "remote" {
            let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": format!("{:?}", Instant::now())}}});
            self.api(SOURCE, "GitRepository", NAMESPACE).patch(source, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        }
    }

    /// Gives the chart a new version, and the pods an image that turns out so; when it was pushed.
    async fn change(&mut self, outcome: &str) -> Instant {
        self.version += 1;
        let version = self.version;
        self.edit("Chart.yaml", "version:", &format!("version: 0.1.{version}"));
        self.edit("templates/configmap.yaml", "  chartRev:", &format!("  chartRev: \"c{version}\""));
        self.edit("values.yaml", "  tag:", &format!("  tag: \"{outcome}\""));
        for args in [&["add", "-A"][..], &["commit", "-q", "-m", "change"], &["push", "-q", "origin", "main"]] {
            assert!(Command::new("git").current_dir(&self.work).args(args).status().unwrap().success());
        }
        // What happened before says nothing of this change.
        while self.events.try_recv().is_ok() {}
        Instant::now()
    }

    fn file(&self, file: &str) -> PathBuf {
        self.work.join("charts/webapp").join(Path::new(file))
    }

    fn edit(&self, file: &str, start: &str, line: &str) {
        let text = std::fs::read_to_string(self.file(file)).unwrap();
        let lines: Vec<&str> = text.lines().map(|l| if l.starts_with(start) { line } else { l }).collect();
        std::fs::write(self.file(file), lines.join("\n") + "\n").unwrap();
    }

    /// Makes the failure of a rollout show after two seconds.
    fn soon_unready(&self) {
        let file = self.file("templates/deployment.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        if !text.contains("progressDeadlineSeconds") {
            std::fs::write(&file, text.replacen("\nspec:\n", "\nspec:\n  progressDeadlineSeconds: 2\n", 1)).unwrap();
        }
    }

    async fn config(&mut self, revision: &str) -> Instant {
        self.until(|o| o["kind"] == "ConfigMap" && o["data"]["chartRev"] == revision).await
    }

    /// Until the Deployment has the image that turns out so; the good one has no such tag.
    async fn image(&mut self, outcome: &str) -> Instant {
        self.until(|o| {
            let image = o.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default();
            o["kind"] == "Deployment" && if outcome.is_empty() { !image.contains("broken") } else { image.ends_with(outcome) }
        })
        .await
    }

    async fn ready(&mut self, version: u32) -> Instant {
        self.until(|o| {
            let newest = &o["status"]["history"][0];
            o["kind"] == "HelmRelease"
                && newest["chartVersion"] == format!("0.1.{version}")
                && newest["status"] == "deployed"
                && o["status"]["observedGeneration"] == o["metadata"]["generation"]
                && condition(o, "Ready").is_some_and(|c| c.0 == "True")
        })
        .await
    }

    /// When the first event came that passes.
    async fn until(&mut self, passes: impl Fn(&Value) -> bool) -> Instant {
        let found = async {
            loop {
                let (at, object) = self.events.recv().await.expect("the watch goes on");
                if passes(&object) {
                    return at;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it happens within a minute")
    }
}

/// Events of the kinds that tell, as they arrive.
async fn watch(client: &kube::Client) -> mpsc::UnboundedReceiver<(Instant, Value)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let kinds = [
        ("", "v1", "ConfigMap", "configmaps"),
        ("", "v1", "Service", "services"),
        ("", "v1", "ServiceAccount", "serviceaccounts"),
        ("apps", "v1", "Deployment", "deployments"),
        ("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
    ];
    for (group, version, kind, plural) in kinds {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let (api, sender) = (Api::<DynamicObject>::namespaced_with(client.clone(), NAMESPACE, &resource), sender.clone());
        tokio::spawn(async move {
            let mut from = "0".to_owned();
            loop {
                let Ok(mut events) = api.watch(&WatchParams::default(), &from).await.map(Box::pin) else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                while let Some(Ok(event)) = events.next().await {
                    let (object, deleted) = match event {
                        WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                        WatchEvent::Deleted(object) => (object, true),
                        _ => continue,
                    };
                    from = object.metadata.resource_version.clone().unwrap_or_default();
                    let mut object = serde_json::to_value(object).unwrap();
                    object["kind"] = json!(kind);
                    object["deleted"] = json!(deleted);
                    if sender.send((Instant::now(), object)).is_err() {
                        return;
                    }
                }
            }
        });
    }
    receiver
}

/// What a release says of drift; None for other objects.
fn drifted(object: &Value) -> Option<bool> {
    (object["kind"] == "HelmRelease").then(|| condition(object, "Drifted").is_some_and(|c| c.0 == "True"))
}

fn condition<'o>(object: &'o Value, kind: &str) -> Option<(&'o str, &'o str)> {
    let found = object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)?;
    Some((found["status"].as_str()?, found["reason"].as_str()?))
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!(
        "latency {:<60} n={} median={:.3} worst={:.3}",
        what,
        times.len(),
        times[times.len() / 2].as_secs_f64(),
        times.last().unwrap().as_secs_f64()
    );
}
