//! The deepest cause of what is not healthy: from the object down to its pods, their containers and their events.

use super::condition::{condition, count, number, text, time, wanted};
use super::{Health, HealthState};
use crate::object::{Json, ObjectId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One object that is not current, and the deepest cause known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The object of the release.
    pub object: ObjectId,
    /// Its health.
    pub health: Health,
    /// What kind of cause was found.
    pub cause: CauseKind,
    /// When what causes it began, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// One sentence: `Deployment/api 0/3 ready: pod api-7f: ImagePullBackOff app:1.8.0`.
    pub sentence: String,
}

/// Kinds of causes, those first that explain most; they differ in when they are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CauseKind {
    /// The object itself says that it failed (Job, ProgressDeadlineExceeded): final at once.
    Terminal,
    /// An image cannot be pulled: final after the grace.
    ImagePull,
    /// A container crashes again and again: final after the grace.
    CrashLoop,
    /// A container or its volumes cannot be made (missing ConfigMap or Secret, bad command): at the timeout.
    ContainerConfig,
    /// Pods cannot be made (quota, admission): at the timeout.
    CreateRefused,
    /// A pod cannot be scheduled: at the timeout.
    Unschedulable,
    /// Containers run and are not ready: at the timeout.
    NotReady,
    /// Nothing deeper than the object's own status is known: at the timeout.
    Unexplained,
}

/// What may explain the objects of a release.
#[derive(Debug, Clone, Copy, Default)]
pub struct Family<'a> {
    /// ReplicaSets (and other owners between an object and its pods).
    pub owners: &'a [Json],
    /// Pods.
    pub pods: &'a [Json],
    /// Events of the namespaces, `v1` or `events.k8s.io/v1`.
    pub events: &'a [Json],
}

/// Finds the deepest cause of an object that is not current.
#[must_use]
pub fn find(id: &ObjectId, live: Option<&Json>, health: &Health, family: &Family<'_>) -> Finding {
    let deepest = live.and_then(|live| deepest(live, family));
    let terminal = health.state == HealthState::Failed;
    let (cause, since, detail) = match deepest {
        Some(cause) => {
            (if terminal { CauseKind::Terminal } else { cause.kind }, if terminal { health.since } else { cause.since }, Some(cause.detail))
        }
        None if terminal => (CauseKind::Terminal, health.since, None),
        None => (CauseKind::Unexplained, health.since, live.and_then(|live| warning_of(live, family))),
    };
    Finding { object: id.clone(), health: health.clone(), cause, since, sentence: sentence(id, live, health, detail) }
}

fn sentence(id: &ObjectId, live: Option<&Json>, health: &Health, detail: Option<String>) -> String {
    let ready = live.and_then(|live| match id.kind.as_str() {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" => Some((count(live, "/status/readyReplicas"), wanted(live))),
        "DaemonSet" => Some((count(live, "/status/numberReady"), number(live, "/status/desiredNumberScheduled")?)),
        _ => None,
    });
    let name = format!("{}/{}", id.kind, id.name);
    let subject = ready.map_or(name.clone(), |(ready, want)| format!("{name} {ready}/{want} ready"));
    // What the object says of itself is told where it adds to the count of its pods.
    let own = match health.state {
        HealthState::Failed => format!("{}: {}", health.reason, health.message),
        _ => health.message.clone(),
    };
    match detail {
        Some(detail) if health.state == HealthState::Failed => format!("{subject}: {}: {detail}", health.reason),
        Some(detail) => format!("{subject}: {detail}"),
        None => format!("{subject}: {own}"),
    }
}

/// A cause, with what is told of it.
struct Cause {
    kind: CauseKind,
    since: Option<Timestamp>,
    detail: String,
}

fn deepest(live: &Json, family: &Family<'_>) -> Option<Cause> {
    if text(live, "/kind") == "Pod" {
        return of_pod(live, family);
    }
    let owners = newest_owners(live, family);
    let related = |pod: &&Json| owners.iter().any(|owner| owns(owner, pod)) || (owners.len() == 1 && selects(live, pod));
    let pods = family.pods.iter().filter(related).filter(|pod| text(pod, "/metadata/deletionTimestamp").is_empty());
    let of_pods = pods.filter_map(|pod| {
        let cause = of_pod(pod, family)?;
        let name = text(pod, "/metadata/name");
        Some((cause.kind, cause.since, name, Cause { detail: format!("pod {name}: {}", cause.detail), ..cause }))
    });
    let worst = of_pods.min_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2))).map(|(.., cause)| cause);
    let refused = owners.iter().find_map(|owner| refused(owner, family));
    [worst, refused].into_iter().flatten().min_by_key(|cause| cause.kind)
}

/// The object itself and, of what stands between it and its pods, the newest: a rollout is judged by its new pods.
fn newest_owners<'a>(live: &'a Json, family: &Family<'a>) -> Vec<&'a Json> {
    let between = family.owners.iter().filter(|owner| owns(live, owner));
    let revision = |owner: &&Json| {
        let annotations = owner.pointer("/metadata/annotations/deployment.kubernetes.io~1revision");
        let revision = annotations.and_then(Json::as_str).and_then(|text| text.parse::<u64>().ok());
        (revision, time(owner, "/metadata/creationTimestamp"), text(owner, "/metadata/name").to_owned())
    };
    [Some(live), between.max_by_key(revision)].into_iter().flatten().collect()
}

/// Whether `child` names `parent` as its owner. Uids decide where both sides have one.
fn owns(parent: &Json, child: &Json) -> bool {
    let refs = child.pointer("/metadata/ownerReferences").and_then(Json::as_array).into_iter().flatten();
    let uid = text(parent, "/metadata/uid");
    let same_place = text(parent, "/metadata/namespace") == text(child, "/metadata/namespace");
    same_place
        && refs.into_iter().any(|owner| {
            let known = text(owner, "/uid");
            if uid.is_empty() || known.is_empty() {
                text(owner, "/kind") == text(parent, "/kind") && text(owner, "/name") == text(parent, "/metadata/name")
            } else {
                uid == known
            }
        })
}

/// Whether the object's selector names the pod: all that is left to go by where the ReplicaSets are not known.
fn selects(object: &Json, pod: &Json) -> bool {
    let Some(wanted) = object.pointer("/spec/selector/matchLabels").and_then(Json::as_object) else { return false };
    let labels = pod.pointer("/metadata/labels");
    !wanted.is_empty()
        && text(object, "/metadata/namespace") == text(pod, "/metadata/namespace")
        && wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// Why pods of this owner cannot be made, if they cannot.
fn refused(owner: &Json, family: &Family<'_>) -> Option<Cause> {
    if let Some(condition) = condition(owner, "ReplicaFailure").filter(super::condition::Condition::is_true) {
        let detail = format!("{}: {}", condition.reason_or("ReplicaFailure"), condition.says());
        return Some(Cause { kind: CauseKind::CreateRefused, since: condition.since, detail });
    }
    // An event stays for an hour after what it tells of; once every pod is there it says nothing any more.
    if count(owner, "/status/replicas") >= wanted(owner) && matches!(text(owner, "/kind"), "Deployment" | "ReplicaSet" | "StatefulSet") {
        return None;
    }
    let event = latest_event(owner, family, &["FailedCreate"])?;
    Some(Cause { kind: CauseKind::CreateRefused, since: event_time(event), detail: format!("FailedCreate: {}", event_text(event)) })
}

const IMAGE_REASONS: &[&str] =
    &["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"];
const CONFIG_REASONS: &[&str] =
    &["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError", "PreCreateHookError", "PostStartHookError"];
const VOLUME_EVENTS: &[&str] = &["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume"];

fn of_pod(pod: &Json, family: &Family<'_>) -> Option<Cause> {
    let began = time(pod, "/status/startTime").or_else(|| time(pod, "/metadata/creationTimestamp"));
    match text(pod, "/status/phase") {
        "Succeeded" => return None,
        "Failed" => {
            let detail = failed_containers(pod).unwrap_or_else(|| pod_says(pod));
            return Some(Cause { kind: CauseKind::NotReady, since: began, detail });
        }
        _ => {}
    }
    let of_containers = containers(pod).filter_map(|status| of_container(pod, status, family));
    if let Some((kind, detail)) = of_containers.min_by_key(|(kind, _)| *kind) {
        return Some(Cause { kind, since: began, detail });
    }
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False") {
        let detail = format!("FailedScheduling: {}", scheduled.says());
        return Some(Cause { kind: CauseKind::Unschedulable, since: scheduled.since, detail });
    }
    if text(pod, "/status/phase") == "Pending"
        && let Some(event) = latest_event(pod, family, VOLUME_EVENTS)
    {
        let detail = format!("{}: {}", text(event, "/reason"), event_text(event));
        return Some(Cause { kind: CauseKind::ContainerConfig, since: began, detail });
    }
    if condition(pod, "Ready").is_some_and(|ready| ready.is_true()) {
        return None;
    }
    let gate = condition(pod, "Ready").filter(|ready| ready.reason == "ReadinessGatesNotReady").map(|ready| ready.says().to_owned());
    let waiting = if text(pod, "/status/phase") == "Pending" { "its containers are being made" } else { "not ready" };
    Some(Cause { kind: CauseKind::NotReady, since: began, detail: gate.unwrap_or_else(|| waiting.to_owned()) })
}

/// Statuses of init containers, then of containers: what runs first is looked at first.
fn containers(pod: &Json) -> impl Iterator<Item = &Json> {
    let list = |field: &str| pod.pointer(&format!("/status/{field}")).and_then(Json::as_array).into_iter().flatten();
    list("initContainerStatuses").chain(list("containerStatuses"))
}

fn of_container(pod: &Json, status: &Json, family: &Family<'_>) -> Option<(CauseKind, String)> {
    let name = text(status, "/name");
    let (reason, message) = (text(status, "/state/waiting/reason"), text(status, "/state/waiting/message"));
    if IMAGE_REASONS.contains(&reason) {
        return Some((CauseKind::ImagePull, format!("{reason} {}", image(pod, status))));
    }
    if CONFIG_REASONS.contains(&reason) {
        return Some((CauseKind::ContainerConfig, format!("{reason} in container {name}: {message}")));
    }
    let restarts = count(status, "/restartCount");
    if reason == "CrashLoopBackOff" {
        let detail = format!("CrashLoopBackOff in container {name}{}, {restarts} restarts", ended(status, "/lastState/terminated"));
        return Some((CauseKind::CrashLoop, detail));
    }
    if number(status, "/state/terminated/exitCode").is_some_and(|code| code != 0) {
        // Between two rounds of a crash loop a container is just ended.
        return Some((CauseKind::CrashLoop, format!("container {name} ended{}, {restarts} restarts", ended(status, "/state/terminated"))));
    }
    let running = status.pointer("/state/running").is_some() && status.get("ready").and_then(Json::as_bool) == Some(false);
    if !running || is_init(pod, name) {
        return None;
    }
    let crashed = if restarts > 0 { format!("{}, {restarts} restarts", ended(status, "/lastState/terminated")) } else { String::new() };
    let probe = latest_event(pod, family, &["Unhealthy"]).map(|event| format!(": {}", event_text(event))).unwrap_or_default();
    Some((CauseKind::NotReady, format!("container {name} is not ready{crashed}{probe}")))
}

fn is_init(pod: &Json, name: &str) -> bool {
    let list = pod.pointer("/spec/initContainers").and_then(Json::as_array).into_iter().flatten();
    list.into_iter().any(|container| text(container, "/name") == name)
}

/// The image as the spec names it; a status may hold a digest or what the node resolved.
fn image(pod: &Json, status: &Json) -> String {
    let name = text(status, "/name");
    let all = ["initContainers", "containers"]
        .into_iter()
        .filter_map(|field| pod.pointer(&format!("/spec/{field}")).and_then(Json::as_array))
        .flatten();
    let asked = all.into_iter().find(|container| text(container, "/name") == name).map(|container| text(container, "/image"));
    asked.filter(|image| !image.is_empty()).unwrap_or_else(|| text(status, "/image")).to_owned()
}

/// ` (exit code 1: Error)`, with the last line of the message where there is one.
fn ended(status: &Json, pointer: &str) -> String {
    let Some(end) = status.pointer(pointer) else { return String::new() };
    let message = text(end, "/message").trim().lines().last().unwrap_or_default();
    let why = if message.is_empty() { text(end, "/reason") } else { message };
    let code = number(end, "/exitCode").unwrap_or_default();
    if why.is_empty() { format!(" (exit code {code})") } else { format!(" (exit code {code}: {why})") }
}

fn failed_containers(pod: &Json) -> Option<String> {
    let failed = |status: &&Json| number(status, "/state/terminated/exitCode").is_some_and(|code| code != 0);
    containers(pod).find(failed).map(|status| format!("container {} failed{}", text(status, "/name"), ended(status, "/state/terminated")))
}

fn pod_says(pod: &Json) -> String {
    let (reason, message) = (text(pod, "/status/reason"), text(pod, "/status/message"));
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (false, true) => reason.to_owned(),
        (true, false) => message.to_owned(),
        (true, true) => "failed".to_owned(),
    }
}

/// The last warning about an object, for kinds of which nothing deeper is known.
fn warning_of(live: &Json, family: &Family<'_>) -> Option<String> {
    let event = latest_event(live, family, &[])?;
    Some(format!("{}: {}", text(event, "/reason"), event_text(event)))
}

/// The latest warning about an object with one of these reasons (any, where none is given).
fn latest_event<'a>(object: &Json, family: &Family<'a>, reasons: &[&str]) -> Option<&'a Json> {
    let about = |event: &&Json| {
        let target = event.get("involvedObject").or_else(|| event.get("regarding")).unwrap_or(&Json::Null);
        let (uid, known) = (text(object, "/metadata/uid"), text(target, "/uid"));
        let named = text(target, "/kind") == text(object, "/kind")
            && text(target, "/name") == text(object, "/metadata/name")
            && text(target, "/namespace") == text(object, "/metadata/namespace");
        // A pod of the same name may have been there before: where both uids are known, they decide.
        if uid.is_empty() || known.is_empty() { named } else { uid == known }
    };
    let reason = |event: &&Json| reasons.is_empty() || reasons.contains(&text(event, "/reason"));
    let warnings = family.events.iter().filter(|event| text(event, "/type") == "Warning");
    warnings
        .filter(about)
        .filter(reason)
        .max_by(|a, b| (event_time(a), text(a, "/metadata/name")).cmp(&(event_time(b), text(b, "/metadata/name"))))
}

fn event_time(event: &Json) -> Option<Timestamp> {
    ["/lastTimestamp", "/series/lastObservedTime", "/deprecatedLastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .into_iter()
        .find_map(|pointer| time(event, pointer))
}

fn event_text(event: &Json) -> &str {
    let message = text(event, "/message");
    if message.is_empty() { text(event, "/note") } else { message }.trim()
}
