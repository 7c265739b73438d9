//! CronJobs: a Job at each time of their schedule, by the server's clock in UTC.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use cron::Schedule;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::bootstrap::create;
use super::event::{Severity, emit};
use super::{MANAGER, pods};
use crate::clock::seconds;
use crate::resource::TableKey;
use crate::store::{Place, controller_reference};
use crate::verb::Call;

const COMPONENT: &str = "cronjob-controller";

fn jobs() -> TableKey {
    TableKey::new("batch", "jobs")
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let cron = call.store.at(place)?.clone();
    if pods::is_dying(&cron) {
        return None;
    }
    let mut children = pods::controlled(call, &cron, &jobs());
    children.sort_by_key(|job| job["metadata"]["name"].as_str().map(str::to_owned));
    look_at_active(call, place, &cron, &children);
    forget_old(call, &cron, &children);
    if cron["spec"]["suspend"] == true {
        return None;
    }
    let times = Times::parse(cron["spec"]["schedule"].as_str().unwrap_or_default())?;
    let now = call.clock.now();
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let last = time(&cron["status"]["lastScheduleTime"]).or_else(|| time(&cron["metadata"]["creationTimestamp"]))?;
    let deadline = cron["spec"]["startingDeadlineSeconds"].as_i64();
    // of several times that passed only the last counts
    let mut due = None;
    let mut next = times.after(last)?;
    while next <= now {
        due = Some(next);
        next = times.after(next)?;
    }
    if let Some(at) = due.filter(|at| deadline.is_none_or(|d| now.duration_since(*at).as_secs() <= d)) {
        start(call, place, &cron, &children, at);
    }
    let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    Some(wait.max(Duration::from_millis(1)))
}

fn start(call: &mut Call<'_>, place: &Place, cron: &Value, children: &[Arc<Value>], at: Timestamp) {
    let active: Vec<&Arc<Value>> = children.iter().filter(|job| outcome(job).is_none()).collect();
    match cron["spec"]["concurrencyPolicy"].as_str() {
        Some("Forbid") if !active.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            return emit(call, cron, Severity::Normal, "JobAlreadyActive", message, COMPONENT);
        }
        Some("Replace") => active.iter().for_each(|job| drop_job(call, cron, job)),
        _ => {}
    }
    let name = format!("{}-{}", place.name.name, at.as_second() / 60);
    let template = &cron["spec"]["jobTemplate"];
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": place.name.namespace,
        "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
        "ownerReferences": [controller_reference(cron)]}, "spec": template["spec"]});
    job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] = seconds(at).into();
    match create(call, job, MANAGER) {
        Ok(job) => {
            emit(call, cron, Severity::Normal, "SuccessfulCreate", &format!("Created job {name}"), COMPONENT);
            call.edit_status(place, MANAGER, |_, cron| {
                let reference = json!({"apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": place.name.namespace,
                    "uid": job["metadata"]["uid"], "resourceVersion": job["metadata"]["resourceVersion"]});
                let mut active = cron["status"]["active"].as_array().cloned().unwrap_or_default();
                active.push(reference);
                cron["status"]["active"] = active.into();
                cron["status"]["lastScheduleTime"] = seconds(at).into();
            });
        }
        Err(why) => emit(call, cron, Severity::Warning, "FailedCreate", &format!("Error creating job: {why}"), COMPONENT),
    }
}

/// `Complete` or `Failed`, once it is.
fn outcome(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"].into_iter().find(|kind| pods::condition(job, kind).is_some_and(|c| c["status"] == "True"))
}

/// Jobs that have ended are active no more.
fn look_at_active(call: &mut Call<'_>, place: &Place, cron: &Value, children: &[Arc<Value>]) {
    let mut still = Vec::new();
    let mut success = None;
    let listed = cron["status"]["active"].as_array();
    for reference in listed.into_iter().flatten() {
        match children.iter().find(|job| job["metadata"]["uid"] == reference["uid"]).map(|job| (job, outcome(job))) {
            Some((_, None)) => still.push(reference.clone()),
            Some((job, Some(how))) => {
                let message = format!("Saw completed job: {}, condition: {how}", job["metadata"]["name"].as_str().unwrap_or_default());
                emit(call, cron, Severity::Normal, "SawCompletedJob", &message, COMPONENT);
                success = (how == "Complete").then(|| job["status"]["completionTime"].clone()).or(success);
            }
            None => {}
        }
    }
    call.edit_status(place, MANAGER, |_, cron| {
        if let Some(time) = success {
            cron["status"]["lastSuccessfulTime"] = time;
        }
        if still.is_empty() {
            if let Some(status) = cron["status"].as_object_mut() {
                status.remove("active");
            }
        } else {
            cron["status"]["active"] = still.into();
        }
    });
}

fn forget_old(call: &mut Call<'_>, cron: &Value, children: &[Arc<Value>]) {
    for (how, field, usual) in [("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1)] {
        let limit = usize::try_from(cron["spec"][field].as_u64().unwrap_or(usual)).unwrap_or(usize::MAX);
        let ended: Vec<_> = children.iter().filter(|job| outcome(job) == Some(how) && !pods::is_dying(job)).collect();
        for job in ended.iter().take(ended.len().saturating_sub(limit)) {
            drop_job(call, cron, job);
        }
    }
}

fn drop_job(call: &mut Call<'_>, cron: &Value, job: &Value) {
    pods::delete(call, &jobs(), job, None);
    let message = format!("Deleted job {}", job["metadata"]["name"].as_str().unwrap_or_default());
    emit(call, cron, Severity::Normal, "SuccessfulDelete", &message, COMPONENT);
}

/// The times of a schedule; two where days of the month and of the week are given, each of which counts.
struct Times(Vec<Schedule>);

impl Times {
    fn parse(text: &str) -> Option<Times> {
        if text.starts_with('@') {
            return Some(Times(vec![text.parse().ok()?]));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let any = |field: &str| field.starts_with(['*', '?']);
        let weekday = named_days(weekday);
        let read = |day: &str, weekday: &str| format!("0 {minute} {hour} {day} {month} {weekday}").parse().ok();
        Some(Times(if any(day) || any(&weekday) { vec![read(day, &weekday)?] } else { vec![read(day, "*")?, read("*", &weekday)?] }))
    }

    fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let time = DateTime::from_timestamp(time.as_second(), 0)?;
        let next = self.0.iter().filter_map(|schedule| schedule.after(&time).next()).min()?;
        Timestamp::from_second(next.timestamp()).ok()
    }
}

/// Cron counts the days of the week from Sunday, 0 (or 7); the library from Sunday, 1: each day is named.
fn named_days(field: &str) -> String {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let parts = field.split(',').map(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        match (from.parse::<usize>(), to.parse::<usize>(), step.parse::<usize>()) {
            (Ok(from), Ok(to), Ok(step)) if from <= to && to <= 7 && step > 0 => {
                (from..=to).step_by(step).map(|day| DAYS[day % 7]).collect::<Vec<_>>().join(",")
            }
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let after = |schedule: &str, time: &str| {
            let time = time.parse().expect("a time");
            Times::parse(schedule).and_then(|times| times.after(time)).map(seconds)
        };
        // the first of January 2026 is a Thursday
        for (schedule, expected) in [
            ("* * * * *", "2026-01-01T00:01:00Z"),
            ("*/15 3 * * *", "2026-01-01T03:00:00Z"),
            ("0 0 * * 0", "2026-01-04T00:00:00Z"),
            ("0 0 * * 7", "2026-01-04T00:00:00Z"),
            ("0 0 * * 1-5", "2026-01-02T00:00:00Z"),
            ("0 0 * * MON", "2026-01-05T00:00:00Z"),
            ("0 0 10 * 6", "2026-01-03T00:00:00Z"),
            ("@monthly", "2026-02-01T00:00:00Z"),
        ] {
            assert_eq!(after(schedule, "2026-01-01T00:00:00Z").as_deref(), Some(expected), "{schedule}");
        }
        assert_eq!(after("x * * * *", "2026-01-01T00:00:00Z"), None);
    }
}
