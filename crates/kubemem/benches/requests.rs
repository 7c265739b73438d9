//! Single requests through the router, without a socket.

#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kubemem::Server;
use serde_json::json;

fn requests(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Paused deployments: no controller has anything to do.
    let deployment = |name: &str, image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "paused": true, "replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image, "ports": [{"containerPort": 80}]}]}}}})
    };
    let (_server, api) = runtime.block_on(async {
        let server = Server::start();
        let api: Api<Deployment> = Api::default_namespaced(Client::new(server.router(), "default"));
        for n in 0..500 {
            let name = format!("web-{n}");
            api.patch(&name, &PatchParams::apply("bench").force(), &Patch::Apply(&deployment(&name, "app:0"))).await.unwrap();
        }
        (server, api)
    });
    let apply = |params: PatchParams, image: String| {
        let api = &api;
        async move { api.patch("web-7", &params, &Patch::Apply(&deployment("web-7", &image))).await.unwrap() }
    };
    c.bench_function("get", |b| b.iter(|| runtime.block_on(api.get("web-7")).unwrap()));
    c.bench_function("list 500", |b| b.iter(|| runtime.block_on(api.list(&ListParams::default())).unwrap()));
    c.bench_function("apply, unchanged", |b| {
        b.iter(|| runtime.block_on(apply(PatchParams::apply("bench").force(), "app:0".into())));
    });
    let mut n = 0;
    c.bench_function("apply, changed", |b| {
        b.iter(|| {
            n += 1;
            runtime.block_on(apply(PatchParams::apply("bench").force(), format!("app:{n}")))
        });
    });
    c.bench_function("apply, dry run", |b| {
        b.iter(|| runtime.block_on(apply(PatchParams::apply("bench").force().dry_run(), "app:x".into())));
    });
}

criterion_group!(benches, requests);
criterion_main!(benches);
