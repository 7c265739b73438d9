//! Whether releases that wait for their health are in the way of others: how soon one becomes Ready alone, and how soon beside many that wait.
//!
//! usage: `waiting URL METRICS [WAITING] [ROUNDS]`
//!
//! - URL: a repository with the chart `charts/webapp`
//! - METRICS: where the daemon tells its metrics
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const NAMESPACE: &str = "waiting";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, metrics, ..] = &args[..] else {
        eprintln!("usage: waiting URL METRICS [WAITING] [ROUNDS]");
        std::process::exit(2);
    };
    let number = |index: usize, default: usize| args.get(index).map_or(default, |text| text.parse().unwrap());
    let (waiting, rounds) = (number(2, 500), number(3, 15));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = kube::Client::try_default().await.unwrap();
    for namespace in ["flux-system", NAMESPACE] {
        let _ = create(&client, "v1", "Namespace", json!({"metadata": {"name": namespace}})).await;
    }
    let spec = json!({"interval": "1h", "url": url, "ref": {"branch": "main"}});
    create(
        &client,
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        json!({"metadata": {"name": "charts", "namespace": NAMESPACE}, "spec": spec}),
    )
    .await
    .unwrap();
    let mut bench = Bench { events: watch(&client), client, metrics: metrics.clone() };
    bench.one("warm").await;

    let (alone, _) = bench.rounds("alone", rounds).await;
    let mut expected = HashSet::new();
    for index in 0..waiting {
        let name = format!("slow-{index:03}");
        bench.release(&name, "never-unready").await;
        expected.insert(name);
    }
    while !expected.is_empty() {
        let (_, release) = bench.next().await;
        if condition(&release, "Ready").is_some_and(|(status, _, message)| status == "Unknown" && message.contains("Deployment")) {
            expected.remove(release["metadata"]["name"].as_str().unwrap());
        }
    }
    // What the cluster still does about their pods is not the daemon's.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (beside, [tasks, in_flight, passes]) = bench.rounds(&format!("beside {waiting} that wait"), rounds).await;
    println!("waiting ratio={:.2} alone={alone:.3} beside={beside:.3} tasks={tasks} in-flight={in_flight} passes={passes}", beside / alone);
}

struct Bench {
    client: kube::Client,
    events: mpsc::UnboundedReceiver<(Instant, Value)>,
    metrics: String,
}

impl Bench {
    /// The median of the rounds, in seconds; the most tasks, requests in flight and running passes of the daemon between them.
    async fn rounds(&mut self, what: &str, rounds: usize) -> (f64, [f64; 3]) {
        let (mut times, mut seen) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            times.push(self.one(&format!("quick-{round:02}")).await.as_secs_f64());
            seen.push(self.look().await);
        }
        let slowest = (0..rounds).max_by(|a, b| times[*a].total_cmp(&times[*b])).unwrap_or_default();
        times.sort_by(f64::total_cmp);
        let most = [0, 1, 2].map(|index| seen.iter().map(|row| row[index]).fold(0.0, f64::max));
        println!(
            "waiting {what}: n={rounds} median={:.3} worst={:.3} (round {slowest}); tasks={} in-flight={} passes={}",
            times[rounds / 2],
            times[rounds - 1],
            most[0],
            most[1],
            most[2]
        );
        (times[rounds / 2], most)
    }

    /// A healthy release, from its creation until it is Ready; it is removed again.
    async fn one(&mut self, name: &str) -> Duration {
        let created = Instant::now();
        self.release(name, "").await;
        let ready = loop {
            let (at, release) = self.next().await;
            if release["metadata"]["name"] == name && condition(&release, "Ready").is_some_and(|c| c.0 == "True") {
                break at;
            }
        };
        releases(&self.client).delete(name, &Default::default()).await.unwrap();
        loop {
            let (_, release) = self.next().await;
            if release["metadata"]["name"] == name && release["deleted"] == true {
                break;
            }
        }
        // What the cluster still does about its pods is no part of the next.
        tokio::time::sleep(Duration::from_secs(1)).await;
        ready - created
    }

    async fn release(&self, name: &str, tag: &str) {
        let chart = json!({"spec": {"chart": "./charts/webapp", "sourceRef": {"kind": "GitRepository", "name": "charts"}}});
        let spec = json!({"interval": "1h", "timeout": "1h", "chart": chart, "values": {"image": {"tag": tag}}});
        let object = json!({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec});
        create(&self.client, "helm.toolkit.fluxcd.io/v2", "HelmRelease", object).await.unwrap();
    }

    /// Tasks, requests in flight and running passes of the daemon, as it tells them.
    async fn look(&self) -> [f64; 3] {
        let answer = reqwest::get(&self.metrics).await.unwrap().bytes().await.unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let passes = text.lines().filter(|line| line.starts_with("workqueue_longest_running") && !line.ends_with(" 0.0")).count();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(f64::NAN);
        [value("helmward_tasks "), value("helmward_requests_in_flight "), passes as f64]
    }

    async fn next(&mut self) -> (Instant, Value) {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("something happens").expect("the watch goes on")
    }
}

async fn create(client: &kube::Client, api_version: &str, kind: &str, mut object: Value) -> kube::Result<DynamicObject> {
    (object["apiVersion"], object["kind"]) = (json!(api_version), json!(kind));
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let api = api(client, api_version, kind, &namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await
}

fn api(client: &kube::Client, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let plural = format!("{}s", kind.to_lowercase()).replace("ys", "ies");
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
    if namespace.is_empty() { Api::all_with(client.clone(), &resource) } else { Api::namespaced_with(client.clone(), namespace, &resource) }
}

fn releases(client: &kube::Client) -> Api<DynamicObject> {
    api(client, "helm.toolkit.fluxcd.io/v2", "HelmRelease", NAMESPACE)
}

/// Releases, as they change.
fn watch(client: &kube::Client) -> mpsc::UnboundedReceiver<(Instant, Value)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let api = releases(client);
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
                object["deleted"] = json!(deleted);
                if sender.send((Instant::now(), object)).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// Status, reason and message of a condition.
fn condition<'o>(object: &'o Value, kind: &str) -> Option<(&'o str, &'o str, &'o str)> {
    let found = object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)?;
    Some((found["status"].as_str()?, found["reason"].as_str()?, found["message"].as_str()?))
}
