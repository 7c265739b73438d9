//! Loading and rendering the charts of this repository, YAML, and the record of a release.

#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::release::{self, Parts, Release};
use helmward_chart::render::{Input, ReleaseInfo, helm_template_capabilities, render};
use helmward_chart::template::{CallSite, Entropy, Time};
use helmward_chart::{values, yaml};
use serde_json::{Map, json};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

struct Zeroes;

impl Entropy for Zeroes {
    fn fill(&self, _: &CallSite, out: &mut [u8]) {
        out.fill(0);
    }
}

fn tree(root: &Path, below: &str, out: &mut Vec<(String, Bytes)>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = if below.is_empty() { String::new() } else { format!("{below}/") } + entry.file_name().to_str().unwrap();
        if entry.file_type().unwrap().is_dir() {
            tree(root, &path, out);
        } else {
            out.push((path, std::fs::read(entry.path()).unwrap().into()));
        }
    }
}

fn files(chart: &str) -> Vec<(String, Bytes)> {
    let mut out = Vec::new();
    tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(chart), "", &mut out);
    out
}

/// A chart of four objects, and the daemon's own with its CRDs.
const CHARTS: [(&str, &str); 2] = [("web", "examples/repos/web/01-install/charts/web"), ("helmward", "charts/helmward")];

fn charts(c: &mut Criterion) {
    let capabilities = helm_template_capabilities();
    for (name, path) in CHARTS {
        let files = files(path);
        c.bench_function(&format!("load/{name}"), |b| b.iter(|| load_tree(black_box(files.clone()), &LoadLimits::default()).unwrap()));
        let chart: Chart = load_tree(files, &LoadLimits::default()).unwrap();
        let given: Map<_, _> = values::from_yaml(b"{}").unwrap();
        let time = Time::unix(0, 0);
        let input = Input::new(&chart, &given, ReleaseInfo::install("web", "shop"), &capabilities, time, Arc::new(Zeroes));
        c.bench_function(&format!("render/{name}"), |b| b.iter(|| render(black_box(&input)).unwrap()));
    }
}

fn documents(c: &mut Criterion) {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/helmward/crds/helmreleases.helm.toolkit.fluxcd.io.yaml"),
    )
    .unwrap();
    let parsed = yaml::from_str(&text).unwrap();
    let mut group = c.benchmark_group("yaml");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read a CRD", |b| b.iter(|| yaml::from_str(black_box(&text)).unwrap()));
    group.bench_function("write a CRD", |b| b.iter(|| yaml::to_string(black_box(&parsed))));
    group.finish();
}

fn records(c: &mut Criterion) {
    let manifest = "---\n# Source: web/templates/configmap.yaml\napiVersion: v1\nkind: ConfigMap\n".repeat(60);
    let record = || {
        Release::new(Parts {
            name: "web",
            namespace: "shop",
            version: 3,
            status: "deployed",
            description: "Upgrade complete",
            first_deployed: "2026-01-01T00:00:00Z",
            last_deployed: "2026-01-02T00:00:00Z",
            notes: "",
            chart: json!({"metadata": {"name": "web", "version": "1.0.0"}, "templates": [], "values": {}}),
            config: json!({"replicas": 2}),
            manifest: &manifest,
            hooks: json!([]),
        })
    };
    let encoded = release::encode(&record());
    c.bench_function("record/encode", |b| b.iter(|| release::encode(black_box(&record()))));
    c.bench_function("record/decode", |b| b.iter(|| release::decode(black_box(&encoded)).unwrap()));
}

criterion_group!(benches, charts, documents, records);
criterion_main!(benches);
