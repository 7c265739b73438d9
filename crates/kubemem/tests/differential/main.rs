//! The same sequences of requests to kubemem and to a real kube-apiserver: equal answers are asked for.
//!
//! `KUBEMEM_REAL_KUBECONFIG=… cargo test -p kubemem --test differential -- --nocapture` with the kubeconfig of a throwaway cluster
//! (an API server with its controller manager; no nodes are needed). Without it nothing is compared. `KUBEMEM_ONLY=text`
//! plays the sequences whose group or name has the text in it, and `KUBEMEM_SHOW=1` prints both answers of each step.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

mod generated;
mod known;
mod normal;
mod sequence;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use known::{BY_CHANCE, KNOWN};
use normal::{Normal, differences};
use sequence::Sequence;
use server::Run;

/// How many sequences are under way at once.
const PARALLEL: usize = 12;

macro_rules! cases {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("cases/", $name, ".yaml")))),*] };
}

fn sequences() -> Vec<Sequence> {
    let files = cases!["apply", "patch", "create", "update", "delete", "list", "watch", "kinds", "custom", "rules"];
    let mut all: Vec<Sequence> = files.iter().flat_map(|(group, text)| Sequence::read_all(group, text)).collect();
    all.extend(generated::sequences());
    all
}

async fn real(kubeconfig: &str) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// What is compared of an answer: what controllers write to it in their own time is left out.
fn seen(answer: &Value, normal: &Normal) -> Value {
    let mut answer = normal.value(answer, "");
    if answer.get("body").is_some() || answer.get("events").is_some() {
        answer.as_object_mut().unwrap().remove("text");
    }
    without_controllers(&mut answer);
    answer
}

fn without_controllers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // Kubernetes' own sentences are not copied
            for column in map.get_mut("columnDefinitions").and_then(Value::as_array_mut).into_iter().flatten() {
                column["description"].take();
            }
            if let Some(entries) = map.get_mut("managedFields").and_then(Value::as_array_mut) {
                entries.retain(|entry| entry["manager"] != "kube-controller-manager" && entry["manager"] != "kube-scheduler");
            }
            let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
            if matches!(
                kind.as_str(),
                "Deployment"
                    | "ReplicaSet"
                    | "StatefulSet"
                    | "DaemonSet"
                    | "Job"
                    | "CronJob"
                    | "HorizontalPodAutoscaler"
                    | "PodDisruptionBudget"
                    | "ResourceQuota"
                    | "PersistentVolumeClaim"
                    | "PersistentVolume"
                    | "ReplicationController"
            ) {
                map.remove("status");
            }
            if kind == "Deployment" {
                // who wrote the first annotation is a matter of who was faster
                for entry in map.get_mut("metadata").and_then(|m| m["managedFields"].as_array_mut()).into_iter().flatten() {
                    if let Some(set) = entry.pointer_mut("/fieldsV1/f:metadata/f:annotations").and_then(Value::as_object_mut) {
                        set.remove(".");
                    }
                }
            }
            if let Some(annotations) = map.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("deployment.kubernetes.io/revision");
            }
            if map.get("annotations").is_some_and(|a| a.as_object().is_some_and(|a| a.is_empty())) {
                map.remove("annotations");
            }
            map.values_mut().for_each(without_controllers);
        }
        Value::Array(items) => items.iter_mut().for_each(without_controllers),
        _ => {}
    }
}

struct Compared {
    sequence: Sequence,
    /// By step.
    found: BTreeMap<usize, Vec<String>>,
}

async fn compare(real: &Client, ours: &Client, id: String, sequence: Sequence, normal: Arc<Normal>) -> Compared {
    let (theirs, mine) = tokio::join!(Run::play(real, &id, &sequence), Run::play(ours, &id, &sequence));
    let mut found = BTreeMap::new();
    for (i, (a, b)) in theirs.iter().zip(&mine).enumerate() {
        let (a, b) = (masked(&seen(a, &normal), &id), masked(&seen(b, &normal), &id));
        if std::env::var("KUBEMEM_SHOW").is_ok() {
            println!("--- {} {i}\nreal {a}\nours {b}", sequence.name);
        }
        let by_chance = BY_CHANCE.iter().any(|(name, steps, _)| *name == sequence.name && steps.contains(&i));
        let out = if by_chance { Vec::new() } else { told(&a, &b) };
        if !out.is_empty() {
            found.insert(i, out);
        }
    }
    Compared { sequence, found }
}

/// The differences of two answers; where one is a refusal and the other is not, both are told in short.
fn told(real: &Value, ours: &Value) -> Vec<String> {
    let short = |answer: &Value| format!("{} {}", answer["code"], answer["body"]["message"]);
    let mut out = Vec::new();
    if real["code"] != ours["code"] {
        out.push(format!("real {}\n  ours {}", short(real), short(ours)));
    } else {
        differences(real, ours, "", &mut out);
    }
    out
}

/// The run's own name is shown as `ID`, so that reports of two runs are alike.
fn masked(value: &Value, id: &str) -> Value {
    serde_json::from_str(&value.to_string().replace(id, "ID")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_as_a_real_server_does() {
    let Ok(kubeconfig) = std::env::var("KUBEMEM_REAL_KUBECONFIG") else {
        println!("nothing compared: KUBEMEM_REAL_KUBECONFIG does not name a cluster");
        return;
    };
    let only = std::env::var("KUBEMEM_ONLY").unwrap_or_default();
    let real = real(&kubeconfig).await;
    let server = kubemem::Server::new(kubemem::Options { simulate_workloads: false, ..kubemem::Options::default() });
    let ours = Client::new(server.router(), "default");
    let normal = Arc::new(Normal::new());
    let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() % 1_000_000_000;
    let chosen: Vec<Sequence> = sequences().into_iter().filter(|s| s.group.contains(&only) || s.name.contains(&only)).collect();
    let results: Vec<Compared> = futures::stream::iter(chosen.into_iter().enumerate())
        .map(|(n, sequence)| {
            let (real, ours, normal) = (&real, &ours, normal.clone());
            async move {
                let first = compare(real, ours, format!("d{run}-{n}a"), sequence.clone(), normal.clone()).await;
                // the control plane is a busy place: what differs must differ twice
                if first.found.is_empty() || std::env::var("KUBEMEM_ONCE").is_ok() {
                    first
                } else {
                    compare(real, ours, format!("d{run}-{n}b"), sequence, normal).await
                }
            }
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    report(&results, only.is_empty());
}

fn report(results: &[Compared], all: bool) {
    let mut groups: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut problems = Vec::new();
    for Compared { sequence, found } in results {
        let counts = groups.entry(&sequence.group).or_default();
        counts[0] += usize::from(found.is_empty());
        counts[1] += 1;
        counts[2] += sequence.steps.len() - found.len();
        counts[3] += sequence.steps.len();
        for (at, step) in sequence.steps.iter().enumerate() {
            let known = KNOWN.iter().find(|(name, steps, _)| *name == sequence.name && steps.contains(&at));
            match (found.get(&at), known) {
                (Some(found), None) => {
                    let found: Vec<String> = found.iter().map(|f| f.chars().take(1500).collect()).collect();
                    let (group, name, body) = (&sequence.group, &sequence.name, step.body.to_string());
                    let text = found.join("\n  ");
                    problems.push(format!("{group}: {name} [{at}] {:?} {} {body:.160}\n  {text}", step.verb, step.path));
                }
                (None, Some((name, _, why))) => problems.push(format!("{name} [{at}] does not differ any more: {why}")),
                _ => {}
            }
        }
    }
    println!("{}", problems.join("\n"));
    let rate = |same: usize, of: usize| format!("{same:5} of {of:5} {:5.1} %", 100.0 * same as f64 / of.max(1) as f64);
    let line = |name: &str, c: [usize; 4]| println!("{name:10} sequences {}   answers {}", rate(c[0], c[1]), rate(c[2], c[3]));
    groups.iter().for_each(|(group, counts)| line(group, *counts));
    line("all", groups.values().fold([0; 4], |sum, c| std::array::from_fn(|i| sum[i] + c[i])));
    for (name, ..) in KNOWN.iter().filter(|(name, ..)| all && !results.iter().any(|r| r.sequence.name == *name)) {
        problems.push(format!("{name} is known to differ, and is not there"));
    }
    assert!(problems.is_empty(), "{} differences that are not known", problems.len());
}
