//! The bare client of the benchmark: sends recorded writes again, at the same concurrency, and waits for the same rollouts.
//!
//! It plans nothing, compares nothing and remembers nothing, so that no daemon can deploy the same objects faster than it does: the
//! ratio to it is what a daemon adds to what the cluster itself needs.
//!
//! usage: `bare RECORD GROUP FROM TO RAISE [CONCURRENCY]`
//!
//! - RECORD: lines of the API server's audit log, with the bodies of requests
//! - GROUP: a regular expression; writes in which it finds the same text are sent one after the other, the others beside them
//! - FROM, TO: the chart's version in the record and the one to send, so that every rollout is a real one; the pods' label
//!   `helm.sh/chart` ends in TO once they are the new ones
//! - RAISE: how much higher than recorded the revisions of releases are
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [record, group, from, to, raise, ..] = &args[..] else {
        eprintln!("usage: bare RECORD GROUP FROM TO RAISE [CONCURRENCY]");
        std::process::exit(2);
    };
    let concurrency = args.get(5).map_or(20, |c| c.parse().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = kube::Client::try_default().await.unwrap();
    let groups = read(&std::fs::read_to_string(record).unwrap(), &Regex::new(group).unwrap(), [from, to], raise.parse().unwrap());
    let writes: usize = groups.values().map(Vec::len).sum();
    let rollouts: HashSet<String> = groups.values().flatten().filter_map(Write::rollout).collect();
    let watching = tokio::spawn(watch(client.clone(), rollouts.clone(), to.clone()));
    let begun = Instant::now();
    let refused: usize = futures::stream::iter(groups.into_values())
        .map(|writes| send(client.clone(), writes))
        .buffer_unordered(concurrency)
        .fold(0, |sum, refused| async move { sum + refused })
        .await;
    let sent = begun.elapsed();
    let ready = tokio::time::timeout(Duration::from_secs(600), watching).await.map(Result::unwrap).unwrap_or_default();
    let mut ready: Vec<f64> = ready.into_iter().map(|at| at.saturating_duration_since(begun).as_secs_f64()).collect();
    ready.sort_by(f64::total_cmp);
    let at = |q: f64| ready.get(((ready.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(f64::NAN);
    println!(
        "bare n={} ok={} writes={writes} refused={refused} sent={:.3}s p50={:.3} last={:.3} cpu={:.2}s",
        rollouts.len(),
        ready.len() == rollouts.len(),
        sent.as_secs_f64(),
        at(0.5),
        at(1.0),
        cpu()
    );
}

/// One recorded write, ready to be sent again.
struct Write {
    verb: String,
    uri: String,
    body: Option<Value>,
}

impl Write {
    /// The Deployment that it rolls out, as `namespace/name`.
    fn rollout(&self) -> Option<String> {
        let body = self.body.as_ref().filter(|b| b["kind"] == "Deployment" && self.verb != "delete")?;
        Some(format!("{}/{}", body["metadata"]["namespace"].as_str()?, body["metadata"]["name"].as_str()?))
    }

    fn request(&self) -> http::Request<Vec<u8>> {
        let (method, kind) = match self.verb.as_str() {
            "create" => ("POST", "application/json"),
            "update" => ("PUT", "application/json"),
            "delete" => ("DELETE", "application/json"),
            _ if self.uri.contains("force=") => ("PATCH", "application/apply-patch+yaml"),
            _ => ("PATCH", "application/merge-patch+json"),
        };
        let body = self.body.as_ref().map(|b| serde_json::to_vec(b).unwrap()).unwrap_or_default();
        http::Request::builder().method(method).uri(&self.uri).header("content-type", kind).body(body).unwrap()
    }
}

/// The writes of the daemon by group, in their order, with each revision of a release that much higher than it was.
fn read(log: &str, group: &Regex, [from, to]: [&str; 2], raise: u32) -> BTreeMap<String, Vec<Write>> {
    let revision = Regex::new(r"sh\.helm\.release\.v1\.([a-z0-9.-]+)\.v(\d+)").unwrap();
    let next = |text: &str| {
        let raised = revision.replace_all(text, |found: &regex::Captures<'_>| {
            format!("sh.helm.release.v1.{}.v{}", &found[1], found[2].parse::<u32>().unwrap() + raise)
        });
        raised.replace(from, to)
    };
    let mut out: BTreeMap<String, Vec<Write>> = BTreeMap::new();
    for line in log.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (verb, resource) = (text("/verb"), text("/objectRef/resource"));
        let writes = matches!(verb, "create" | "update" | "patch" | "delete") && !text("/requestURI").contains("dryRun=");
        if !text("/userAgent").starts_with("helmward") || !writes || matches!(resource, "events" | "leases") {
            continue;
        }
        let uri = next(text("/requestURI"));
        let Some(found) = group.find(&uri).map(|m| m.as_str().to_owned()).or_else(|| {
            let body = entry["requestObject"].to_string();
            group.find(&body).map(|m| m.as_str().to_owned())
        }) else {
            continue;
        };
        let body = entry.get("requestObject").map(|object| {
            let mut body: Value = serde_json::from_str(&next(&object.to_string())).unwrap();
            if let Some(labels) = body.pointer_mut("/metadata/labels").filter(|_| resource == "secrets")
                && let Some(number) = labels["version"].as_str().and_then(|v| v.parse::<u32>().ok())
            {
                labels["version"] = json!((number + raise).to_string());
            }
            if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("resourceVersion");
            }
            body
        });
        out.entry(found).or_default().push(Write { verb: verb.to_owned(), uri, body });
    }
    out
}

/// Sends the writes of one group; how many were refused.
async fn send(client: kube::Client, writes: Vec<Write>) -> usize {
    let mut refused = 0;
    for write in writes {
        if let Err(error) = client.request_text(write.request()).await {
            if refused == 0 {
                eprintln!("{} {}: {error}", write.verb, write.uri);
            }
            refused += 1;
        }
    }
    refused
}

/// When each rollout was complete.
async fn watch(client: kube::Client, mut wanted: HashSet<String>, version: String) -> Vec<Instant> {
    let api: Api<Deployment> = Api::all(client);
    let mut times = Vec::new();
    while !wanted.is_empty() {
        let list = api.list(&ListParams::default()).await.unwrap();
        let mut note = |deployment: &Deployment| {
            let name = format!(
                "{}/{}",
                deployment.metadata.namespace.as_deref().unwrap_or_default(),
                deployment.metadata.name.as_deref().unwrap_or_default()
            );
            if complete(deployment, &version) && wanted.remove(&name) {
                times.push(Instant::now());
            }
            wanted.is_empty()
        };
        let mut done = list.items.iter().any(&mut note);
        let from = list.metadata.resource_version.unwrap_or_default();
        let mut events = std::pin::pin!(api.watch(&WatchParams::default(), &from).await.unwrap());
        while !done && let Some(Ok(event)) = events.next().await {
            if let WatchEvent::Added(deployment) | WatchEvent::Modified(deployment) = event {
                done = note(&deployment);
            }
        }
    }
    times
}

/// Whether the new pods, and only they, are there and available.
fn complete(deployment: &Deployment, version: &str) -> bool {
    let object = serde_json::to_value(deployment).unwrap();
    let (spec, status) = (&object["spec"], &object["status"]);
    let new = spec.pointer("/template/metadata/labels/helm.sh~1chart").and_then(Value::as_str).is_some_and(|l| l.ends_with(version));
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let replicas = spec["replicas"].as_i64().unwrap_or(1);
    new && number(&status["observedGeneration"]) >= number(&object["metadata"]["generation"])
        && [&status["replicas"], &status["updatedReplicas"], &status["availableReplicas"]].into_iter().all(|n| number(n) == replicas)
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|f| f.parse().unwrap_or(0.0)).collect();
    fields.get(11).zip(fields.get(12)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}
