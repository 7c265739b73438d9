//! Why something is not ready, to be read at once: the object, its condition, its last warning, the last lines of the container that fails.

use super::events::time;
use super::household::Household;
use super::logs::last_lines;
use super::output::Console;
use super::session::Session;
use super::status::{short, text};
use crate::health::cause::Finding;
use crate::object::{Json, ObjectId};
use std::collections::BTreeMap;

/// Objects that are explained; whoever wants to know of more asks `helmward tree`.
const MOST: usize = 3;
/// Lines of a log.
const LINES: u64 = 10;

/// Why one object is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Explanation {
    finding: Finding,
    /// Its condition that does not hold, as `Available=False (MinimumReplicasUnavailable): …`.
    condition: Option<String>,
    /// Its last warning, or that of its pods.
    warning: Option<String>,
    container: Option<Container>,
}

/// A container that fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Container {
    pod: ObjectId,
    name: String,
    /// It ended, and the next round has not begun.
    previous: bool,
    restarts: i64,
}

/// The worst objects of a household, each explained.
pub(super) fn explain(house: &Household) -> Vec<Explanation> {
    house.findings().into_iter().take(MOST).map(|finding| one(house, finding)).collect()
}

fn one(house: &Household, finding: Finding) -> Explanation {
    let live = house.objects.iter().find(|member| member.id == finding.object).and_then(|member| member.live.as_ref().ok()?.as_ref());
    let lone = Household { objects: house.objects.iter().filter(|m| m.id == finding.object).cloned().collect(), ..house.clone() };
    let pods = lone.members_pods();
    let warnings = house.events.iter().filter(|event| text(event, "/type") == "Warning");
    let about = |event: &&Json, object: &Json| text(event, "/involvedObject/uid") == text(object, "/metadata/uid");
    let mine = warnings.filter(|event| live.into_iter().chain(pods.iter().copied()).any(|object| about(event, object)));
    let last = mine.max_by_key(|event| time(event));
    let warning = last.map(|event| {
        let object = format!("{}/{}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name"));
        format!("{} {object}: {}", text(event, "/reason"), short(text(event, "/message").trim()))
    });
    let container = pods.iter().find_map(|pod| failing(pod));
    Explanation { condition: live.and_then(failing_condition), warning, container, finding }
}

/// The first condition that says no.
fn failing_condition(object: &Json) -> Option<String> {
    const BAD_WHEN_TRUE: [&str; 3] = ["ReplicaFailure", "Failed", "Stalled"];
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let fails = |c: &&Json| (text(c, "/status") == "True") == BAD_WHEN_TRUE.contains(&text(c, "/type"));
    let found = conditions.iter().find(fails)?;
    let (kind, status, reason) = (text(found, "/type"), text(found, "/status"), text(found, "/reason"));
    let message = short(text(found, "/message").trim());
    let words = if message.is_empty() { String::new() } else { format!(": {message}") };
    Some(if reason.is_empty() { format!("{kind}={status}{words}") } else { format!("{kind}={status} ({reason}){words}") })
}

/// The container that keeps a pod from being ready, if its log can tell why.
fn failing(pod: &Json) -> Option<Container> {
    let list = |place: &str| pod.pointer(place).and_then(Json::as_array).into_iter().flatten();
    let statuses = list("/status/initContainerStatuses").chain(list("/status/containerStatuses"));
    let container = |status: &Json| {
        let restarts = status.get("restartCount").and_then(Json::as_i64).unwrap_or_default();
        let ended = status.pointer("/state/terminated/exitCode").and_then(Json::as_i64).is_some_and(|code| code != 0);
        let unready = status.pointer("/state/running").is_some() && status.get("ready").and_then(Json::as_bool) == Some(false);
        let crashing = text(status, "/state/waiting/reason") == "CrashLoopBackOff";
        (ended || unready || crashing).then(|| Container {
            pod: ObjectId::new("", "Pod", text(pod, "/metadata/namespace"), text(pod, "/metadata/name")),
            name: text(status, "/name").to_owned(),
            previous: crashing,
            restarts,
        })
    };
    statuses.filter_map(container).next()
}

/// The last lines of a container, or why they cannot be read.
type Log = Result<Vec<String>, String>;

/// What was found while something was waited for, with the logs as they were then: after a rollback the pods that failed are gone.
#[derive(Default)]
pub(super) struct Witness {
    seen: Vec<Explanation>,
    logs: BTreeMap<Container, Log>,
}

impl Witness {
    /// Looks at a unit; says in one line what it waits for.
    pub(super) async fn look(&mut self, session: &Session, unit: Json) -> Option<String> {
        let house = Household::read(session, unit, false).await;
        let seen = explain(&house);
        let first = seen.first().map(|explanation| explanation.finding.sentence.clone());
        for container in seen.iter().filter_map(|explanation| explanation.container.clone()) {
            if !self.logs.get(&container).is_some_and(|log| log.as_ref().is_ok_and(|lines| !lines.is_empty())) {
                let lines = last_lines(session, &container.pod, &container.name, container.previous, LINES).await;
                self.logs.insert(container, lines.map_err(|failure| failure.message));
            }
        }
        if !seen.is_empty() {
            self.seen = seen;
        }
        first
    }

    /// Tells what was seen last.
    pub(super) fn tell(&self, console: &Console) {
        for explanation in &self.seen {
            for line in lines(explanation, |container| self.logs.get(container)) {
                console.detail(&line);
            }
        }
    }
}

fn lines<'a>(explanation: &Explanation, log: impl Fn(&Container) -> Option<&'a Log>) -> Vec<String> {
    let mut out = vec![format!("✗ {}", explanation.finding.sentence)];
    out.extend(explanation.condition.iter().map(|text| format!("    condition  {text}")));
    out.extend(explanation.warning.iter().map(|text| format!("    event      {text}")));
    if let Some(container) = &explanation.container {
        let round = if container.previous { ", before its last restart" } else { "" };
        let place = format!("{} container {}{round}", container.pod, container.name);
        match log(container) {
            Some(Ok(lines)) if !lines.is_empty() => {
                out.push(format!("    log        {place}:"));
                out.extend(lines.iter().map(|line| format!("      | {line}")));
            }
            Some(Err(why)) => out.push(format!("    log        {place}: {why}")),
            _ => out.push(format!("    log        {place}: nothing was written")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::household::Member;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_crash_is_told_with_condition_event_and_log() {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "d"},
            "spec": {"replicas": 1}, "status": {"conditions": [
                {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
                {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "too few"}]}});
        let set = json!({"kind": "ReplicaSet", "metadata": {"name": "web-1", "namespace": "shop", "uid": "r", "ownerReferences": [{"uid": "d"}]}});
        let pod = json!({"kind": "Pod", "metadata": {"name": "web-1-x", "namespace": "shop", "uid": "p", "ownerReferences": [{"uid": "r"}]},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "app", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        let event = |uid: &str, at: &str, kind: &str, message: &str| {
            json!({"type": kind, "reason": "BackOff", "message": message, "lastTimestamp": at,
                "involvedObject": {"kind": "Pod", "name": "web-1-x", "uid": uid}})
        };
        let house = Household {
            objects: vec![Member { id: ObjectId::new("apps", "Deployment", "shop", "web"), live: Ok(Some(deployment)), household: None }],
            owners: vec![set],
            pods: vec![pod],
            events: vec![
                event("p", "2026-01-01T00:00:02Z", "Warning", "restarting"),
                event("p", "2026-01-01T00:00:01Z", "Warning", "earlier"),
                event("p", "2026-01-01T00:00:03Z", "Normal", "pulled"),
                event("other", "2026-01-01T00:00:04Z", "Warning", "another's"),
            ],
            ..Household::default()
        };
        let explained = explain(&house);
        let log: Log = Ok(vec!["one".to_owned(), "two".to_owned()]);
        let told = lines(&explained[0], |_| Some(&log));
        assert!(told[0].starts_with("✗ Deployment/web 0/1 ready: pod web-1-x: CrashLoopBackOff in container app, 3 restarts"), "{told:#?}");
        assert_eq!(
            told[1..],
            [
                "    condition  Available=False (MinimumReplicasUnavailable): too few",
                "    event      BackOff Pod/web-1-x: restarting",
                "    log        Pod/shop/web-1-x container app, before its last restart:",
                "      | one",
                "      | two",
            ]
        );
        assert!(lines(&explained[0], |_| None).concat().contains("nothing was written"));
    }
}
