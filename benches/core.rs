//! The pure core: what is decided and compared for each release at each pass.

#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use helmward::object::{Json, Redactor};
use helmward::plan::drift::{self, Mode, Observed, Terms};
use helmward::plan::ignore::Rules;
use helmward::release::{Attempt, Facts, Remedy, RevisionMeta, RevisionStatus, RunAction, Strategy, UnitRecord, Want, decide, observe};
use jiff::Timestamp;
use serde_json::json;
use std::hint::black_box;

fn deployment(image: &str) -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
            "name": "app", "image": image, "ports": [{"containerPort": 80}], "args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "resources": {"requests": {"cpu": "500m", "memory": "64Mi"}}}]}}}})
}

fn comparing(c: &mut Criterion) {
    let (desired, changed) = (deployment("app:1"), deployment("app:2"));
    let rules = Rules::default();
    let redactor = Redactor::new(b"key");
    let terms = Terms { now: Timestamp::UNIX_EPOCH, revision: "1", mode: Mode::Enabled, next: None, rules: &rules, redactor: &redactor };
    for (name, live) in [("same", &desired), ("one field changed", &changed)] {
        let seen = Observed { desired: &desired, applied: &desired, live: Some(live), dry_run: Some(&desired) };
        c.bench_function(&format!("drift/{name}"), |b| b.iter(|| drift::drift(black_box(&seen), &terms)));
    }
}

fn deciding(c: &mut Criterion) {
    let attempt = |version: &str| Attempt { version: version.into(), content: version.into(), ..Attempt::default() };
    let revision = |number: u32| RevisionMeta {
        number,
        status: if number == 5 { RevisionStatus::Deployed } else { RevisionStatus::Superseded },
        action: RunAction::Upgrade,
        attempt: attempt(&format!("1.0.{number}")),
        chart_name: "web".into(),
        app_version: String::new(),
        target: None,
        chart: None,
        digest: String::new(),
        first_deployed: Timestamp::UNIX_EPOCH,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        description: String::new(),
        commit: String::new(),
        tests: None,
    };
    let record = UnitRecord { history: (1..=5).map(revision).collect(), ..UnitRecord::default() };
    for (name, version) in [("settled", "1.0.5"), ("outdated", "1.1.0")] {
        let want = Want {
            attempt: attempt(version),
            strategy: Strategy::ChartVersion,
            install: Remedy::DEFAULT,
            upgrade: Remedy::DEFAULT,
            correct_drift: true,
            tests: false,
        };
        let facts = Facts { record: &record, drifted: Some(0), requested: false, forced: false, now: Timestamp::UNIX_EPOCH };
        c.bench_function(&format!("decide/{name}"), |b| {
            b.iter(|| decide(&observe(black_box(&want), &facts), &want, &record, &[]));
        });
    }
}

criterion_group!(benches, comparing, deciding);
criterion_main!(benches);
