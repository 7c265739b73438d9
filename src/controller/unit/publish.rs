//! What others see of a unit: its status (written only when it differs), Kubernetes Events, and the report for the page.

use super::Unit;
use super::{Prepared, Spec};
use crate::api::helm::HelmReleaseStatus;
use crate::api::names;
use crate::api::{Condition, ConditionStatus, ConditionType, Reason, condition};
use crate::controller::context::Context;
use crate::health::{self, HealthState};
use crate::object::{Json, ObjectId};
use crate::plan::{Drift, replicas};
use crate::release::report::{ChartInfo, EventLine, ObjectReport, Pill, Report};
use crate::release::{Outcome, RunAction, Scene, UnitKey, UnitKind, summary};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// A run that takes longer than this is told of.
const SOON: SignedDuration = SignedDuration::from_millis(1500);
/// And again so often, as it goes on.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// Lines of events that are kept for the page.
const EVENTS: usize = 50;

/// Writes the status, where it differs, and publishes the report.
pub(super) async fn publish(ctx: &Context, key: &UnitKey, unit: &mut Unit, spec: &Spec, outcome: &Outcome) {
    let now = Timestamp::now();
    let prepared = unit.prepared.clone();
    let drift = drift_sentence(unit, spec);
    let source_revision = prepared.as_ref().map(|p| p.want.attempt.source_revision.clone()).unwrap_or_default();
    let attempted = attempted(unit, prepared.as_deref());
    let (release, storage) = (spec.release(), spec.storage_namespace());
    let unsupported = spec.unsupported();
    let scene = Scene {
        record: unit.record(),
        outcome,
        generation: spec.generation(),
        release,
        storage_namespace: storage,
        drift: drift.as_deref(),
        drift_detection: spec.detects_drift(),
        tests: spec.tests().is_some(),
        unsupported: &unsupported,
        source_revision: &source_revision,
        attempted: attempted.as_ref(),
        now,
    };
    let (old, new) = match spec {
        Spec::Release(release) => {
            let mut status = summary::helm_release(&release.object.status, &scene);
            handled(&mut status, spec, outcome);
            (json!(release.object.status), json!(status))
        }
        Spec::Bundle(bundle) => (json!(bundle.object.status), json!(summary::kustomization(&bundle.object.status, &scene))),
    };
    let message = summary::sentence(&scene);
    let conditions: Vec<Condition> = serde_json::from_value(new["conditions"].clone()).unwrap_or_default();
    let held_back = held_back(unit, outcome, now);
    if let Some(wait) = held_back {
        ctx.units.queue.add_after(key.clone(), std::time::Duration::try_from(wait).unwrap_or_default());
    } else if old != new
        && let Err(error) = {
            unit.told = Some(now);
            ctx.write_status(key, &old, &new).await
        }
    {
        // Whoever reads the status waits a little longer: the next event of the object itself brings the next pass.
        tracing::warn!(unit = %key, %error, "the status cannot be written; trying again");
        ctx.units.queue.add_after(key.clone(), std::time::Duration::from_secs(1));
    }
    report(ctx, key, unit, spec, Seen { pill: pill(unit, outcome), message, conditions });
}

/// Requests to force and to reset are noted once they were seen, whether their value was that of a request or not, as in Flux.
fn handled(status: &mut HelmReleaseStatus, spec: &Spec, outcome: &Outcome) {
    if !matches!(outcome, Outcome::Running(_)) {
        for (field, key) in [(&mut status.last_handled_force_at, names::FORCE_AT), (&mut status.last_handled_reset_at, names::RESET_AT)] {
            if let Some(token) = spec.annotation(key) {
                *field = Some(token.to_owned());
            }
        }
    }
}

/// Most runs are over before anybody could read that they are under way: that is told of those that take longer, and then not with every
/// pod that moves. For how long it is held back; `None` where it is due.
fn held_back(unit: &Unit, outcome: &Outcome, now: Timestamp) -> Option<SignedDuration> {
    let run = unit.record().run.as_ref().filter(|_| matches!(outcome, Outcome::Running(_)))?;
    let due = match unit.told.filter(|told| *told > run.started) {
        Some(told) => told + AGAIN,
        None => run.started + SOON,
    };
    Some(due.duration_since(now)).filter(|wait| wait.is_positive())
}

/// A spec that cannot be read stalls its object alone.
pub(super) async fn invalid(ctx: &Context, key: &UnitKey, unit: &mut Unit, object: &Json, reason: Reason, error: &str) {
    refused(ctx, key, unit, object, (reason, ConditionType::Stalled), error).await;
}

/// What is remembered of the unit cannot be read now; it is tried again.
pub(super) async fn unreadable(ctx: &Context, key: &UnitKey, unit: &mut Unit, object: &Json, error: &str) {
    let message = format!("could not determine the state of the release: {error}");
    refused(ctx, key, unit, object, (Reason::StateError, ConditionType::Reconciling), &message).await;
}

/// The cluster that it is for cannot be reached; its Secret, or the time, brings the next pass.
pub(super) async fn unreachable(ctx: &Context, key: &UnitKey, unit: &mut Unit, object: &Json, error: &str) {
    refused(ctx, key, unit, object, (Reason::RESTClientError, ConditionType::Reconciling), error).await;
}

/// Not Ready for a reason that comes before any record of the unit.
async fn refused(ctx: &Context, key: &UnitKey, unit: &mut Unit, object: &Json, (reason, with): (Reason, ConditionType), error: &str) {
    let now = Timestamp::now();
    let generation = object.pointer("/metadata/generation").and_then(Json::as_i64).unwrap_or_default();
    let old = object.get("status").cloned().unwrap_or_else(|| json!({}));
    let mut conditions: Vec<Condition> = serde_json::from_value(old["conditions"].clone()).unwrap_or_default();
    for other in [ConditionType::Stalled, ConditionType::Reconciling] {
        condition::remove(&mut conditions, other);
    }
    for (kind, status) in [(ConditionType::Ready, ConditionStatus::False), (with, ConditionStatus::True)] {
        condition::set(&mut conditions, Condition::new(kind, status, reason, error).observed(generation), now.into());
    }
    let mut new = old.clone();
    new["conditions"] = json!(conditions);
    new["observedGeneration"] = json!(generation);
    if new != old
        && ctx.leader.may_write()
        && let Err(error) = ctx.write_status(key, &old, &new).await
    {
        tracing::warn!(unit = %key, %error, "the status cannot be written");
    }
    let since = transition(unit, Pill::Failed, now);
    ctx.views.put_unit(Report { pill: Pill::Failed, message: error.to_owned(), since, conditions, ..blank(key) });
}

/// Another daemon writes, or nothing was looked at yet: what is seen is shown, nothing is done.
pub(super) fn watching(ctx: &Context, key: &UnitKey, unit: &mut Unit, spec: &Spec) {
    let conditions = spec.conditions().to_vec();
    let ready = condition::find(&conditions, ConditionType::Ready);
    let message = ready.map(|c| c.message.clone()).unwrap_or_default();
    let pill = match ready.map(|c| c.status) {
        Some(ConditionStatus::True) => Pill::Ready,
        Some(ConditionStatus::False) => Pill::Failed,
        _ => Pill::Unknown,
    };
    report(ctx, key, unit, spec, Seen { pill, message, conditions });
}

/// Suspended: nothing is written, drift is shown all the same.
pub(super) async fn suspended(ctx: &Context, key: &UnitKey, unit: &mut Unit, spec: &Spec) {
    let why = spec.annotation(names::SUSPEND_REASON).map(|r| format!(": {r}")).unwrap_or_default();
    let drifted = unit.drifted();
    let drift = if drifted > 0 { format!("; {drifted} fields differ") } else { String::new() };
    let message = format!("suspended{why}{drift}; resume to follow Git again");
    report(ctx, key, unit, spec, Seen { pill: Pill::Suspended, message, conditions: spec.conditions().to_vec() });
}

/// An Event for `kubectl`, and a line for the page.
pub(super) fn event(ctx: &Context, key: &UnitKey, unit: &mut Unit, warning: bool, reason: Reason, message: &str) {
    unit.events.push_front(EventLine { time: Timestamp::now(), warning, reason: reason.as_str().into(), message: message.to_owned() });
    unit.events.truncate(EVENTS);
    let revision = unit.prepared.as_ref().map(|p| p.want.attempt.version.clone()).unwrap_or_default();
    ctx.publish_event(key, warning, reason, message, &revision);
}

struct Seen {
    pill: Pill,
    message: String,
    conditions: Vec<Condition>,
}

fn report(ctx: &Context, key: &UnitKey, unit: &mut Unit, spec: &Spec, seen: Seen) {
    let now = Timestamp::now();
    let since = transition(unit, seen.pill, now);
    let prepared = unit.prepared.clone();
    let record = unit.record.clone().unwrap_or_default();
    let deployed = record.deployed();
    let chart = deployed.filter(|d| !d.chart_name.is_empty()).map(|d| ChartInfo {
        name: d.chart_name.clone(),
        version: d.attempt.version.clone(),
        app_version: d.app_version.clone(),
    });
    let attempted =
        attempted(unit, prepared.as_deref()).filter(|a| deployed.is_none_or(|d| d.attempt.version != a.version)).map(|a| a.version);
    let mut drift: Vec<Drift> = unit.drift.values().flatten().cloned().collect();
    drift.sort_by(|a, b| (!a.counts(), &a.object, &a.path).cmp(&(!b.counts(), &b.object, &b.path)));
    let (_, release_name) = spec.release();
    let report = Report {
        key: key.clone(),
        pill: seen.pill,
        message: seen.message,
        since,
        suspended: spec.suspended(),
        chart,
        source: ctx.sources.info(&spec.source()),
        path: spec.path().to_owned(),
        release_name: release_name.to_owned(),
        target_namespace: spec.target_namespace().to_owned(),
        revision: deployed.map_or(0, |d| d.number),
        attempted,
        drift_mode: spec.drift_word().to_owned(),
        drift,
        drift_history: unit.episodes.iter().cloned().collect(),
        objects: objects(ctx, spec, &record),
        history: record.history.iter().rev().cloned().collect(),
        rejected: record.rejected.iter().rev().cloned().collect(),
        conditions: seen.conditions,
        events: unit.events.iter().cloned().collect(),
        depends_on: spec
            .depends_on()
            .iter()
            .map(ToString::to_string)
            .chain(spec.depends_on_any().iter().map(ToString::to_string))
            .collect(),
        next_check: unit.next_full,
        unsupported: spec.unsupported(),
        held: record.holds.clone(),
    };
    ctx.metrics.unit(&report);
    ctx.views.put_unit(report);
}

fn blank(key: &UnitKey) -> Report {
    Report {
        key: key.clone(),
        pill: Pill::Unknown,
        message: String::new(),
        since: Timestamp::now(),
        suspended: false,
        chart: None,
        source: None,
        path: String::new(),
        release_name: key.name.clone(),
        target_namespace: key.namespace.clone(),
        revision: 0,
        attempted: None,
        drift_mode: String::new(),
        drift: Vec::new(),
        drift_history: Vec::new(),
        objects: Vec::new(),
        history: Vec::new(),
        rejected: Vec::new(),
        conditions: Vec::new(),
        events: Vec::new(),
        depends_on: Vec::new(),
        next_check: None,
        unsupported: Vec::new(),
        held: Vec::new(),
    }
}

fn transition(unit: &mut Unit, pill: Pill, now: Timestamp) -> Timestamp {
    match unit.pill {
        Some((old, since)) if old == pill => since,
        _ => {
            unit.pill = Some((pill, now));
            now
        }
    }
}

fn pill(unit: &Unit, outcome: &Outcome) -> Pill {
    match outcome {
        Outcome::Settled if unit.drifted() > 0 => Pill::Drifted,
        Outcome::Settled => Pill::Ready,
        Outcome::Running(_) => Pill::Progressing,
        Outcome::Quarantined(_) if unit.record().quarantine.as_ref().is_some_and(|q| q.restored.is_some()) => Pill::RolledBack,
        Outcome::Pinned(_) => Pill::RolledBack,
        // It does not go on by itself.
        Outcome::Waiting(Reason::DeletionBudgetExceeded, _) => Pill::Failed,
        Outcome::Waiting(..) => Pill::Progressing,
        Outcome::Retrying(..) | Outcome::Stalled(..) | Outcome::Quarantined(_) => Pill::Failed,
    }
}

/// What was attempted last: by a run, or before it could begin.
fn attempted(unit: &Unit, prepared: Option<&Prepared>) -> Option<crate::release::Attempt> {
    let record = unit.record.as_ref()?;
    if let Some(quarantine) = &record.quarantine {
        return Some(quarantine.attempt.clone());
    }
    let last = record.history.iter().rev().find(|r| r.action != RunAction::Rollback).map(|r| r.attempt.clone());
    match (last, prepared) {
        // A pass that settled without a run observed what is wanted; its source revision is the newer one.
        (Some(mut last), Some(p)) if last.content == p.want.attempt.content && last.config == p.want.attempt.config => {
            last.source_revision.clone_from(&p.want.attempt.source_revision);
            Some(last)
        }
        (last, _) => last,
    }
}

fn drift_sentence(unit: &Unit, spec: &Spec) -> Option<String> {
    if spec.kind() == UnitKind::Release && !spec.detects_drift() {
        return None;
    }
    let fields: Vec<&Drift> = unit.drift.values().flatten().filter(|d| d.counts()).collect();
    let first = fields.first()?;
    let who = first.owners.first().or(first.suspect.as_ref()).map(|o| format!(" by {o}")).unwrap_or_default();
    let more = if fields.len() > 1 { format!(" and {} more", fields.len() - 1) } else { String::new() };
    Some(format!("{} {} changed{who}{more}", first.object, first.path))
}

/// The objects of a unit with their health, the worst first.
fn objects(ctx: &Context, spec: &Spec, record: &crate::release::UnitRecord) -> Vec<ObjectReport> {
    let mut out: Vec<ObjectReport> = record
        .objects()
        .map(|(id, applied)| {
            let health = ctx
                .hub
                .get(&id)
                .filter(|_| !spec.is_elsewhere() && health::takes_time(&id))
                .map(|live| spec.exprs().check(Some(&live.body)));
            ObjectReport { id, api_version: applied.api_version.clone(), health, owner: None }
        })
        .collect();
    // Autoscalers that others made for them (KEDA, say) are shown below what they scale.
    let known: std::collections::HashSet<ObjectId> = out.iter().map(|o| o.id.clone()).collect();
    for live in ctx.autoscalers().into_iter().filter(|_| !spec.is_elsewhere()) {
        if let Some(owner) = replicas::target(&live.body).filter(|owner| known.contains(owner) && !known.contains(&live.id)) {
            let health = Some(health::check(Some(&live.body)));
            out.push(ObjectReport { id: live.id.clone(), api_version: "autoscaling/v2".into(), health, owner: Some(owner) });
        }
    }
    let bad = |o: &ObjectReport| std::cmp::Reverse(o.health.as_ref().map_or(HealthState::Current, |h| h.state));
    out.sort_by(|a, b| bad(a).cmp(&bad(b)).then_with(|| a.id.cmp(&b.id)));
    out
}
