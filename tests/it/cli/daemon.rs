//! Commands that ask the daemon, against a scripted one.

use super::{Said, helmward, run};
use axum::extract::{Path, Query};
use axum::{Json, Router, routing::get};
use helmward::object::{Json as Tree, ObjectId, Pointer, Shown};
use helmward::plan::{Actor, Drift, DriftOp, DriftPolicy, Operation, Owner};
use helmward::release::report::{Pill, Report};
use helmward::release::{Attempt, RevisionMeta, RevisionStatus, RunAction, UnitKey, UnitKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::HashMap;

struct Daemon {
    url: String,
    home: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

fn drift(path: &str, desired: Tree, live: Tree, policy: DriftPolicy) -> Drift {
    let now = Timestamp::now();
    Drift {
        object: ObjectId::new("apps", "Deployment", "shop", "web"),
        path: path.into(),
        pointer: Pointer::root(),
        op: DriftOp::Changed,
        desired: Some(Shown::Plain(desired)),
        live: Some(Shown::Plain(live)),
        owners: vec![Owner {
            manager: "kubectl-edit".into(),
            operation: Operation::Update,
            subresource: String::new(),
            class: Actor::Person,
            time: Some(now),
        }],
        suspect: None,
        first_seen: now - SignedDuration::from_mins(41),
        last_seen: now,
        desired_revision: "3".into(),
        policy,
        next: None,
    }
}

fn report(name: &str, drift: Vec<Drift>) -> Report {
    let revision = RevisionMeta {
        number: 3,
        status: RevisionStatus::Deployed,
        action: RunAction::Upgrade,
        attempt: Attempt { version: "1.2.0".into(), ..Attempt::default() },
        chart_name: "web".into(),
        app_version: "7".into(),
        target: None,
        chart: None,
        digest: String::new(),
        first_deployed: Timestamp::UNIX_EPOCH,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        description: "Upgrade complete".into(),
        commit: "ann: newer web".into(),
        tests: None,
    };
    Report {
        key: UnitKey { kind: UnitKind::Release, namespace: "shop".into(), name: name.into() },
        pill: if drift.is_empty() { Pill::Ready } else { Pill::Drifted },
        message: String::new(),
        since: Timestamp::UNIX_EPOCH,
        suspended: false,
        chart: None,
        source: None,
        path: String::new(),
        release_name: name.into(),
        target_namespace: "shop".into(),
        revision: 3,
        attempted: None,
        drift_mode: "warn".into(),
        drift,
        drift_history: Vec::new(),
        objects: Vec::new(),
        history: vec![revision],
        rejected: Vec::new(),
        conditions: Vec::new(),
        events: Vec::new(),
        depends_on: Vec::new(),
        next_check: None,
        unsupported: Vec::new(),
        held: Vec::new(),
    }
}

/// Values of fields stand as they are.
fn as_the_api_gives_it(report: &Report) -> Tree {
    let mut out = json!(report);
    for field in out["drift"].as_array_mut().unwrap() {
        for side in ["desired", "live"] {
            field[side] = field[side]["plain"].take();
        }
    }
    out
}

impl Daemon {
    fn start() -> Self {
        let drifted = report(
            "web",
            vec![
                drift(".spec.replicas", json!(3), json!(5), DriftPolicy::Warn),
                drift(".spec.paused", json!(false), json!(true), DriftPolicy::Ignored("ignore[0] `/spec/paused`".into())),
            ],
        );
        let all = [drifted, report("calm", Vec::new())];
        let list = all.clone();
        let app = Router::new()
            .route(
                "/api/v1/releases",
                get(async move |Query(query): Query<HashMap<String, String>>| {
                    let drifted = query.get("q").is_some_and(|q| q == "has:drift");
                    let items: Vec<Tree> = list
                        .iter()
                        .filter(|r| !drifted || r.pill == Pill::Drifted)
                        .map(|r| json!({"key": r.key, "pill": r.pill}))
                        .collect();
                    Json(json!({"kind": "UnitList", "items": items}))
                }),
            )
            .route(
                "/api/v1/releases/{namespace}/{name}",
                get(async move |Path((namespace, name)): Path<(String, String)>| {
                    let found = all.iter().find(|r| r.key.namespace == namespace && r.key.name == name).cloned();
                    found.map(|report| Json(as_the_api_gives_it(&report))).ok_or(http::StatusCode::NOT_FOUND)
                }),
            )
            .route("/api/v1/version", get(async || Json(json!({"version": "9.9.9"}))));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, home: tempfile::tempdir().unwrap(), _runtime: runtime }
    }

    fn run(&self, args: &[&str]) -> Said {
        run(helmward(self.home.path()).env("HELMWARD_SERVER", &self.url).args(args))
    }
}

#[test]
fn drift_says_who_and_since_when() {
    let daemon = Daemon::start();
    let said = daemon.run(&["drift"]).exits(1);
    let want = "HelmRelease/shop/web — 1 field — drift detection warn\n  Deployment/shop/web\n    \
                ~ .spec.replicas: 3 -> 5  by kubectl-edit (person), for 41m, is left as it is\n";
    assert_eq!(said.out, want);
    let table = daemon.run(&["drift", "web", "-o", "table", "--all"]).exits(1);
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("NAMESPACE   NAME   OBJECT") && lines.len() == 3, "{}", table.out);
    assert!(lines[2].ends_with("ignored: ignore[0] `/spec/paused`"), "{}", table.out);
    let json = daemon.run(&["drift", "web", "-n", "shop", "-o", "json"]).exits(1).json();
    assert_eq!(json["items"][0]["fields"][0]["owners"][0]["manager"], "kubectl-edit");
    assert_eq!(daemon.run(&["drift", "-o", "name"]).exits(1).out, "Deployment/shop/web\n");
    daemon.run(&["drift", "calm"]).exits(0).tells(&["no drift in HelmRelease/shop/calm"]);
    daemon.run(&["drift", "-n", "elsewhere"]).exits(0).tells(&["no drift anywhere"]);
    daemon.run(&["drift", "nobody"]).exits(2).tells(&["does not know HelmRelease nobody", "`helmward get all -A`"]);
    daemon.run(&["drift", "gitrepo/x"]).exits(2).tells(&["not GitRepository"]);
}

#[test]
fn the_daemon_tells_more_of_the_history() {
    let daemon = Daemon::start();
    let said = daemon.run(&["history", "web"]).exits(0);
    let row: Vec<&str> = said.out.lines().nth(1).unwrap().split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(row, ["3", "1970-01-01T00:00:00Z", "deployed", "upgrade", "web-1.2.0", "7", "ann: newer web", "Upgrade complete"]);
    daemon.run(&["version"]).exits(0).prints(&["daemon: 9.9.9"]).tells(&["no server version"]);
}
