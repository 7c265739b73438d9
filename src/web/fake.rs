//! Reports for tests and for looking at the pages.

use crate::api::condition::{Condition, ConditionStatus, ConditionType};
use crate::api::reason::Reason;
use crate::controller::views::{DaemonReport, Views};
use crate::health::{Health, HealthState};
use crate::object::redact::Hidden;
use crate::object::{Json, ObjectId, Pointer, Shown};
use crate::plan::ownership::{Actor, Operation, Owner};
use crate::plan::{Drift, DriftOp, DriftPolicy};
use crate::release::report::{ChartInfo, DriftEpisode, EpisodeEnd, EventLine, ObjectReport, Pill, Report, SourceInfo, SourceReport};
use crate::release::{Attempt, RevisionMeta, RevisionStatus, RunAction, UnitKey, UnitKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

pub(super) const COMMIT: &str = "main@sha1:9f3c1a2b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8e9f";

/// The moment of all fakes.
pub(super) fn now() -> Timestamp {
    "2026-11-21T12:23:09Z".parse().expect("a time")
}

fn before(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(super) fn key(kind: UnitKind, namespace: &str, name: &str) -> UnitKey {
    UnitKey { kind, namespace: namespace.into(), name: name.into() }
}

pub(super) fn owner(manager: &str, seconds: i64) -> Owner {
    Owner {
        manager: manager.into(),
        operation: Operation::Update,
        subresource: String::new(),
        class: Actor::of(manager),
        time: Some(before(seconds)),
    }
}

pub(super) fn hidden() -> Shown {
    Shown::Hidden(Hidden { bytes: 12, fingerprint: "a1f3".into() })
}

/// A changed field of an object in `team-a`.
pub(super) fn drift(kind: &str, name: &str, path: &str, desired: Json, live: Json) -> Drift {
    let group = if kind == "Deployment" { "apps" } else { "" };
    Drift {
        object: ObjectId::new(group, kind, "team-a", name),
        path: path.into(),
        pointer: Pointer::from_tokens(path.trim_start_matches('.').split('.').filter(|p| !p.is_empty())),
        op: DriftOp::Changed,
        desired: Some(Shown::Plain(desired)),
        live: Some(Shown::Plain(live)),
        owners: vec![owner("kubectl-edit", 2460)],
        suspect: None,
        first_seen: before(2455),
        last_seen: before(5),
        desired_revision: COMMIT.into(),
        policy: DriftPolicy::Correct,
        next: Some(now() + SignedDuration::from_secs(411)),
    }
}

fn attempt(version: &str) -> Attempt {
    let digest = |salt: &str| format!("sha256:{salt}{version}");
    Attempt { source_revision: COMMIT.into(), version: version.into(), content: digest("c"), config: digest("v"), shape: String::new() }
}

pub(super) fn revision(
    number: u32,
    action: RunAction,
    status: RevisionStatus,
    version: &str,
    seconds: i64,
    description: &str,
) -> RevisionMeta {
    RevisionMeta {
        number,
        status,
        action,
        attempt: attempt(version),
        chart_name: "cart".into(),
        app_version: version.into(),
        target: None,
        chart: None,
        digest: String::new(),
        first_deployed: before(90_000),
        started: before(seconds),
        ended: Some(before(seconds) + SignedDuration::from_millis(3420)),
        description: description.into(),
        commit: format!("bob: bump cart to {version}"),
        tests: None,
    }
}

fn object(group: &str, kind: &str, namespace: &str, name: &str, health: Option<Health>, owner: Option<&ObjectId>) -> ObjectReport {
    let api_version = if group.is_empty() { "v1".into() } else { format!("{group}/v1") };
    ObjectReport { id: ObjectId::new(group, kind, namespace, name), api_version, health, owner: owner.cloned() }
}

fn objects(namespace: &str, name: &str, bad: bool) -> Vec<ObjectReport> {
    let well = |words: &str| Some(Health::new(HealthState::Current, "", words));
    let deployment = ObjectId::new("apps", "Deployment", namespace, name);
    let set = ObjectId::new("apps", "ReplicaSet", namespace, &format!("{name}-7f9c4b"));
    let state =
        if bad { Some(Health::new(HealthState::Failed, "ProgressDeadlineExceeded", "0/3 replicas are ready")) } else { well("3/3 ready") };
    let mut out = vec![
        object("apps", "Deployment", namespace, name, state, None),
        object("apps", "ReplicaSet", namespace, &set.name, well("3 replicas"), Some(&deployment)),
    ];
    for pod in ["x2x4v", "p9mzk", "tt8lr"] {
        let state =
            if bad { Some(Health::new(HealthState::Failed, "ImagePullBackOff", "cannot pull shop/app:1.8.0")) } else { well("running") };
        out.push(object("", "Pod", namespace, &format!("{}-{pod}", set.name), state, Some(&set)));
    }
    out.push(object("", "Service", namespace, name, well("has endpoints"), None));
    for n in 0..8 {
        out.push(object("", "ConfigMap", namespace, &format!("{name}-config-{n}"), None, None));
    }
    out.push(object("networking.k8s.io", "Ingress", namespace, name, well("has an address"), None));
    out
}

fn source_info() -> SourceInfo {
    SourceInfo {
        kind: "GitRepository".into(),
        namespace: "flux-system".into(),
        name: "shop".into(),
        url: "https://git.example/acme/shop.git".into(),
        revision: COMMIT.into(),
        subject: "bump cart to 2.4.1".into(),
        author: "bob".into(),
        committed: Some(before(2700)),
        error: None,
    }
}

/// A release with everything that its status stands for.
pub(super) fn report(namespace: &str, name: &str, pill: Pill) -> Report {
    let failed = matches!(pill, Pill::Failed);
    let message = match pill {
        Pill::Failed => format!(
            "upgrade to 1.8.0 failed: Deployment/{name} not ready in 5 m, 0/3 ready: pod {name}-7f9c4b-x2x4v: ImagePullBackOff app:1.8.0; tried again at 12:30:00"
        ),
        Pill::RolledBack => format!("Rolled back to 1.4.2 at 12:03: Deployment/{name} not ready in 5 m; tried again when Git changes"),
        Pill::Drifted => format!("Deployment/{name} .spec.replicas changed by kubectl-edit and 2 more; set back at 12:30:00"),
        Pill::Progressing => format!("upgrading to 2.4.1: waiting for Deployment/{name}: 1/3 replicas are ready"),
        Pill::Suspended => "suspended: debugging the checkout timeouts; resume to follow Git again".into(),
        Pill::Unknown => "not looked at yet".into(),
        Pill::Ready => "chart cart@2.4.1 is deployed".into(),
    };
    let drift = if pill == Pill::Drifted { drifts(namespace, name) } else { Vec::new() };
    let mut history = vec![
        revision(2, RunAction::Upgrade, RevisionStatus::Deployed, "2.4.1", 2640, "upgrade succeeded"),
        revision(1, RunAction::Install, RevisionStatus::Superseded, "2.4.0", 90_000, "install succeeded"),
    ];
    if pill == Pill::RolledBack {
        history = vec![
            revision(5, RunAction::Rollback, RevisionStatus::Deployed, "1.4.2", 1209, "rolled back to revision 3: every object is healthy"),
            revision(
                4,
                RunAction::Upgrade,
                RevisionStatus::Failed,
                "1.5.0",
                1520,
                &format!(
                    "Deployment/{name} not ready in 5 m, 0/3 ready: pod {name}-7f9c4b-x2x4v: CrashLoopBackOff: exit code 1: missing DATABASE_URL"
                ),
            ),
            revision(3, RunAction::Upgrade, RevisionStatus::Superseded, "1.4.2", 86_000, "upgrade succeeded"),
            revision(2, RunAction::Upgrade, RevisionStatus::Superseded, "1.4.1", 430_000, "upgrade succeeded"),
            revision(1, RunAction::Install, RevisionStatus::Superseded, "1.4.0", 990_000, "install succeeded"),
        ];
    }
    let mut ready = Condition::new(
        ConditionType::Ready,
        if pill == Pill::Ready { ConditionStatus::True } else { ConditionStatus::False },
        Reason::UpgradeSucceeded,
        message.clone(),
    );
    ready.last_transition_time = before(2640).into();
    let quarantined = Condition::new(ConditionType::Quarantined, ConditionStatus::True, Reason::Quarantined, "1.5.0 is not tried again");
    let line = |seconds, warning, reason: &str, message: &str| EventLine {
        time: before(seconds),
        warning,
        reason: reason.into(),
        message: message.into(),
    };
    Report {
        key: key(UnitKind::Release, namespace, name),
        pill,
        message,
        since: before(match pill {
            Pill::Failed => 742,
            Pill::RolledBack => 1206,
            Pill::Drifted => 2455,
            Pill::Progressing => 34,
            _ => 180_000,
        }),
        suspended: pill == Pill::Suspended,
        chart: Some(ChartInfo { name: name.into(), version: history[0].attempt.version.clone(), app_version: "2026.11".into() }),
        source: Some(source_info()),
        path: format!("charts/{name}"),
        release_name: name.into(),
        target_namespace: namespace.into(),
        revision: history[0].number,
        attempted: matches!(pill, Pill::Failed | Pill::RolledBack).then(|| "1.5.0".to_owned()),
        drift_mode: "enabled".into(),
        drift_history: if pill == Pill::Drifted { episodes(name) } else { Vec::new() },
        drift,
        objects: objects(namespace, name, failed),
        history,
        rejected: Vec::new(),
        conditions: if pill == Pill::RolledBack { vec![ready, quarantined] } else { vec![ready] },
        events: vec![
            line(
                30,
                failed,
                if failed { "HealthCheckFailed" } else { "DriftDetected" },
                "Deployment/cart .spec.replicas changed by kubectl-edit (person)",
            ),
            line(2636, false, "UpgradeSucceeded", "chart cart@2.4.1 is deployed: 4 objects changed"),
            line(2640, false, "Progressing", "upgrading from 2.4.0 to 2.4.1"),
        ],
        depends_on: vec!["HelmRelease/team-a/postgres".into()],
        next_check: Some(now() + SignedDuration::from_secs(411)),
        unsupported: Vec::new(),
        held: Vec::new(),
    }
}

fn drifts(namespace: &str, name: &str) -> Vec<Drift> {
    let yaml = |level: &str, extra: &str| {
        format!("server:\n  port: 8080\n  timeout: 30s\nlog:\n  level: {level}\n  format: json\n{extra}cache:\n  size: 512\n")
    };
    let of = |drift: Drift| Drift { object: ObjectId { namespace: namespace.into(), ..drift.object.clone() }, ..drift };
    let text = drift(
        "ConfigMap",
        &format!("{name}-config"),
        ".data[\"app.yaml\"]",
        json!(yaml("info", "")),
        json!(yaml("debug", "  colour: true\n")),
    );
    let mut secret = drift("Secret", &format!("{name}-keys"), ".data.token", json!(""), json!(""));
    (secret.desired, secret.live) = (Some(hidden()), Some(Shown::Hidden(Hidden { bytes: 16, fingerprint: "09bc".into() })));
    secret.owners = vec![owner("helm", 7300)];
    let mut gone = drift("Deployment", name, ".metadata.labels[\"app.kubernetes.io/part-of\"]", json!("shop"), json!(null));
    (gone.op, gone.live, gone.owners, gone.suspect) = (DriftOp::Removed, None, Vec::new(), Some(owner("kubectl-label", 600)));
    let mut extra = drift("Deployment", name, ".metadata.annotations[\"autoscaler/last\"]", json!(null), json!("2026-11-21T11:00:00Z"));
    (extra.op, extra.desired, extra.policy, extra.owners) =
        (DriftOp::Extra, None, DriftPolicy::NotOurs, vec![owner("cluster-autoscaler", 900)]);
    let image = drift(
        "Deployment",
        name,
        ".spec.template.spec.containers[name=app].image",
        json!("registry.example/shop/app:1.2"),
        json!("registry.example/shop/app:1.2-hotfix"),
    );
    vec![
        of(drift("Deployment", name, ".spec.replicas", json!(3), json!(5))),
        of(Drift { owners: vec![owner("kubectl-set", 2280)], ..image }),
        of(gone),
        of(text),
        of(secret),
        of(extra),
    ]
}

fn episodes(name: &str) -> Vec<DriftEpisode> {
    let mut first = drift("Deployment", name, ".spec.replicas", json!(3), json!(1));
    first.first_seen = before(90_000);
    vec![
        DriftEpisode { drift: first.clone(), ended: before(89_990), end: EpisodeEnd::Corrected },
        DriftEpisode { drift: Drift { first_seen: before(190_000), ..first }, ended: before(188_000), end: EpisodeEnd::Gone },
    ]
}

pub(super) fn bundle(namespace: &str, name: &str, pill: Pill) -> Report {
    let mut report = report(namespace, name, pill);
    report.key.kind = UnitKind::Bundle;
    report.chart = None;
    report.message = "Applied revision: main@sha1:9f3c1a2".into();
    for revision in &mut report.history {
        revision.chart_name.clear();
    }
    report
}

pub(super) fn source(name: &str, error: Option<&str>) -> SourceReport {
    let info = SourceInfo { name: name.into(), error: error.map(Into::into), ..source_info() };
    SourceReport { ready: error.is_none(), info, suspended: false, checked: Some(before(42)), units: 17 }
}

/// A cluster with `total` units of every status, mostly well.
pub(super) fn views(total: usize) -> Views {
    let views = Views::default();
    views.put_daemon(DaemonReport { cluster: "prod-eu".into(), server_version: "v1.36.1".into(), leading: None, simulated: true });
    let names =
        ["cart", "checkout", "catalog", "payments", "search", "ingress", "frontend", "mailer", "auth", "billing", "reports", "images"];
    for n in 0..total {
        let (team, name) = (format!("team-{}", (b'a' + (n % 7) as u8) as char), names[n % names.len()]);
        let pill = match n {
            0 => Pill::Drifted,
            1 | 2 => Pill::Failed,
            3 => Pill::RolledBack,
            4..7 => Pill::Progressing,
            7..9 => Pill::Suspended,
            n if n % 311 == 0 => Pill::Drifted,
            n if n % 499 == 0 => Pill::Unknown,
            _ => Pill::Ready,
        };
        let name = if n < names.len() { name.to_owned() } else { format!("{name}-{n}") };
        views.put_unit(if n % 9 == 8 { bundle(&team, &name, pill) } else { report(&team, &name, pill) });
    }
    views.put_source(source("shop", None));
    views.put_source(source(
        "platform",
        Some("cannot read https://git.example/acme/platform.git: authentication was refused; check the Secret flux-system/platform-auth"),
    ));
    views
}
