//! How the server behaves with many objects and many watchers: prints times and memory, asserts no times.
//!
//! `cargo bench -p kubemem --bench scale -- [rollouts|watchers|releases] [COUNT]`; without arguments all three, each in
//! a process of its own, so that the memory of one is not counted for the next.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use kubemem::{Options, Server};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const SCENARIOS: [(&str, usize); 3] = [("rollouts", 1_000), ("watchers", 50_000), ("releases", 10_000)];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some(scenario) = args.first() else {
        for (name, _) in SCENARIOS {
            let status = std::process::Command::new(std::env::current_exe().unwrap()).arg(name).status().unwrap();
            assert!(status.success(), "{name} failed");
        }
        return;
    };
    let usual = SCENARIOS.iter().find(|(name, _)| name == scenario).map_or(1_000, |(_, count)| *count);
    let count = args.get(1).and_then(|count| count.parse().ok()).unwrap_or(usual);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match scenario.as_str() {
            "rollouts" => rollouts(count).await,
            "watchers" => watchers(count).await,
            "releases" => releases(count).await,
            other => panic!("no scenario {other}: rollouts, watchers or releases"),
        }
    });
}

/// `count` Deployments of two pods each, applied at once, until the last is available.
async fn rollouts(count: usize) {
    let server = Server::start();
    let router = server.router();
    let start = Instant::now();
    let one = |i: usize| {
        let object = deployment(&format!("web-{i}"), 2, json!({"progressDeadlineSeconds": 4}));
        apply(&router, "/apis/apps/v1/namespaces/default/deployments", object)
    };
    let times = at_once(count, one).await;
    let applied = start.elapsed();
    let available = available_in(&server, count, |i| ("default".into(), format!("web-{i}")), start).await;
    println!("rollouts: {count} Deployments x 2 pods: applied in {applied:.2?}, all available after {available:.2?}");
    println!("  apply while they roll out   {}", spread(times));
    println!("  memory                      {}", memory());
}

/// Looks at one after the other, so that looking takes no time from the server.
async fn available_in(server: &Server, count: usize, place: impl Fn(usize) -> (String, String), start: Instant) -> Duration {
    for i in 0..count {
        let (namespace, name) = place(i);
        loop {
            let object = server.object("apps", "deployments", &namespace, &name).unwrap();
            let said = |reason: &str| object["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["reason"] == reason);
            assert!(!said("ProgressDeadlineExceeded"), "{name} missed its deadline, after {:?}", start.elapsed());
            if said("MinimumReplicasAvailable") && said("NewReplicaSetAvailable") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    start.elapsed()
}

/// `count` objects and 1,000 watches of them.
async fn watchers(count: usize) {
    let server = Server::new(Options { simulate_workloads: false, ..Options::default() });
    let router = server.router();
    let maps = "/api/v1/namespaces/default/configmaps";
    let start = Instant::now();
    let times = at_once(count, |i| apply(&router, maps, config(&format!("map-{i}")))).await;
    println!("watchers: {count} ConfigMaps applied in {:.2?}: {}", start.elapsed(), spread(times));
    println!("  memory                      {}", memory());
    let changes = 200;
    let version = get(&router, maps.to_owned() + "?limit=1").await["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let (ready, mut readies) = tokio::sync::mpsc::channel(1_000);
    let followers: Vec<_> = (0..1_000)
        .map(|_| {
            let (router, ready, path) = (router.clone(), ready.clone(), format!("{maps}?watch=true&resourceVersion={version}"));
            tokio::spawn(async move {
                let mut stream = send(&router, "GET", &path, None).await.into_body().into_data_stream();
                ready.send(()).await.unwrap();
                let mut seen = Vec::with_capacity(changes);
                while seen.len() < changes {
                    let bytes = stream.next().await.unwrap().unwrap();
                    let now = Instant::now();
                    seen.extend(bytes.iter().filter(|b| **b == b'\n').map(|_| now));
                }
                seen
            })
        })
        .collect();
    for _ in 0..1_000 {
        readies.recv().await.unwrap();
    }
    println!("  memory with 1,000 watches   {}", memory());
    let mut sent = Vec::new();
    for i in 0..changes {
        sent.push(Instant::now());
        let patch = json!({"data": {"changed": i.to_string()}});
        send(&router, "PATCH", &format!("{maps}/map-{i}"), Some(("application/merge-patch+json", patch))).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut delays = Vec::new();
    for follower in followers {
        delays.extend(follower.await.unwrap().into_iter().zip(&sent).map(|(seen, sent)| seen - *sent));
    }
    println!("  a change to all watches     {}", spread(delays));
    println!("  memory                      {}", memory());
}

/// `count` releases with all that they make.
async fn releases(count: usize) {
    let server = Server::start();
    let router = server.router();
    apply(&router, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd()).await;
    let namespaces = count.div_ceil(100);
    for i in 0..namespaces {
        apply(&router, "/api/v1/namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("team-{i}")}}))
            .await;
    }
    let start = Instant::now();
    let times = at_once(count, |i| {
        let router = router.clone();
        async move {
            for (path, object) in release(i) {
                let path = path.replace("NAMESPACE", &format!("team-{}", i / 100));
                apply(&router, &path, object).await;
            }
        }
    })
    .await;
    let applied = start.elapsed();
    let available = available_in(&server, count, |i| (format!("team-{}", i / 100), format!("app-{i}")), start).await;
    println!("releases: {count} in {namespaces} namespaces: applied in {applied:.2?}, all available after {available:.2?}");
    println!("  apply of one release        {}", spread(times));
    println!("  memory                      {}", memory());
    let path = |ns: usize| format!("/apis/apps/v1/namespaces/team-{ns}/deployments");
    measure("get", 2_000, |i| get(&router, format!("{}/app-{}", path(i % count / 100), i % count))).await;
    measure("apply, changed", 2_000, |i| {
        let object = deployment(&format!("app-{}", i % count), 1, json!({"minReadySeconds": 1}));
        let router = &router;
        async move { apply(router, &path(i % count / 100), object).await }
    })
    .await;
    measure("list of all Secrets", 10, |_| get(&router, "/api/v1/secrets".into())).await;
    measure("list of all Deployments", 10, |_| get(&router, "/apis/apps/v1/deployments".into())).await;
    measure("list by label", 20, |i| get(&router, format!("/apis/apps/v1/deployments?labelSelector=app%3Dapp-{i}"))).await;
    measure("list of a namespace", 200, |i| get(&router, path(i % namespaces))).await;
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let start = Instant::now();
        let page = get(&router, format!("/apis/apps/v1/deployments?limit=500&continue={token}")).await;
        pages.push(start.elapsed());
        match page["metadata"]["continue"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => break,
        }
    }
    println!("  page of 500                 {}", spread(pages));
    println!("  memory                      {}", memory());
}

fn deployment(name: &str, replicas: usize, more: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "app", "image": "app:1", "ports": [{"name": "http", "containerPort": 8080}],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}]}}}});
    object["spec"].as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    object
}

fn config(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}},
        "data": {"settings.yaml": "key: value\n".repeat(40)}})
}

fn crd() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "releases.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "releases", "kind": "Release"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn release(i: usize) -> Vec<(&'static str, Value)> {
    let name = format!("app-{i}");
    let meta = || json!({"name": name, "labels": {"app": name}});
    let record = "0123456789abcdef".repeat(256);
    vec![
        (
            "/apis/example.com/v1/namespaces/NAMESPACE/releases",
            json!({"apiVersion": "example.com/v1", "kind": "Release", "metadata": meta(), "spec": {"interval": "10m",
                "chart": {"spec": {"chart": "app", "version": "1.2.3", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}},
                "values": {"replicas": 1, "image": {"repository": "app", "tag": "1"}}}}),
        ),
        ("/api/v1/namespaces/NAMESPACE/serviceaccounts", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta()})),
        ("/api/v1/namespaces/NAMESPACE/configmaps", config(&name)),
        (
            "/api/v1/namespaces/NAMESPACE/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta(),
                "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
        ),
        ("/apis/apps/v1/namespaces/NAMESPACE/deployments", deployment(&name, 1, json!({}))),
        (
            "/api/v1/namespaces/NAMESPACE/secrets",
            json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": {"name": format!("sh.helm.release.v1.{name}.v1")},
                "stringData": {"release": record}}),
        ),
    ]
}

async fn send(router: &Router, method: &str, path: &str, body: Option<(&str, Value)>) -> http::Response<Body> {
    let mut request = http::Request::builder().method(method).uri(path);
    let mut bytes = Vec::new();
    if let Some((content_type, body)) = &body {
        request = request.header("content-type", *content_type);
        bytes = serde_json::to_vec(body).unwrap();
    }
    let response = router.clone().oneshot(request.body(Body::from(bytes)).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    response
}

/// Answers with the raw bytes read, so that reading them is counted and parsing them is not.
async fn get(router: &Router, path: String) -> Value {
    let bytes = send(router, "GET", &path, None).await.into_body().collect().await.unwrap().to_bytes();
    // the metadata of a list stands before its items
    let head = bytes.windows(10).position(|w| w == b",\"items\":[").map(|at| [&bytes[..at], b"}"].concat());
    head.map(|head| serde_json::from_slice(&head).unwrap()).unwrap_or_default()
}

async fn apply(router: &Router, collection: &str, object: Value) {
    let path = format!("{collection}/{}?fieldManager=bench&force=true", object["metadata"]["name"].as_str().unwrap());
    let response = send(router, "PATCH", &path, Some(("application/apply-patch+yaml", object))).await;
    response.into_body().collect().await.unwrap();
}

/// Does something `count` times, 64 at a time; answers how long each took.
async fn at_once<F: Future<Output = ()>>(count: usize, work: impl Fn(usize) -> F) -> Vec<Duration> {
    futures::stream::iter(0..count)
        .map(|i| {
            let work = work(i);
            async move {
                let start = Instant::now();
                work.await;
                start.elapsed()
            }
        })
        .buffer_unordered(64)
        .collect()
        .await
}

async fn measure<T, F: Future<Output = T>>(what: &str, count: usize, work: impl Fn(usize) -> F) {
    let mut times = Vec::new();
    for i in 0..count {
        let start = Instant::now();
        work(i).await;
        times.push(start.elapsed());
    }
    println!("  {what:<27} {}", spread(times));
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    format!("p50 {:>9.2?}  p99 {:>9.2?}  max {:>9.2?}", at(50), at(99), times[times.len() - 1])
}

/// Resident memory, now and at most.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
    };
    format!("{} MiB, at most {} MiB", field("VmRSS:"), field("VmHWM:"))
}
