//! The life of a pod, as its annotations and images wish it.
//!
//! The outcome is the annotation `sim.test/outcome`, else an image ending in `-OUTCOME`, else `ready`; an image tagged
//! `broken` is `unready`. `sim.test/ready-after`, `complete-after`, `fail-after` and `degrade-after` set the times.

use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Severity, emit};
use super::{Memory, pods};
use crate::resource::TableKey;
use crate::schema::Quantity;
use crate::store::{Place, controller_of};
use crate::verb::Call;

const KUBELET: &str = "kubelet";
/// What tells of pods in events.
const REPORTER: &str = "kwok_controller";
const DEGRADED: &str = "sim.test/Degraded";

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ready,
    Unready,
    CrashLoop,
    ImagePull,
    Pending,
    Fail,
    Degrade,
}

impl Outcome {
    fn named(name: &str) -> Option<Outcome> {
        Some(match name {
            "ready" => Outcome::Ready,
            "unready" => Outcome::Unready,
            "crashloop" => Outcome::CrashLoop,
            "imagepull" => Outcome::ImagePull,
            "pending" => Outcome::Pending,
            "fail" => Outcome::Fail,
            "degrade" => Outcome::Degrade,
            _ => return None,
        })
    }

    fn of(pod: &Value) -> Outcome {
        if let Some(name) = annotation(pod, "outcome") {
            return Outcome::named(name).unwrap_or(Outcome::Ready);
        }
        let images = || pod["spec"]["containers"].as_array().into_iter().flatten().filter_map(|c| c["image"].as_str());
        let suffix = images().find_map(|image| Outcome::named(image.rsplit_once('-')?.1));
        suffix.unwrap_or_else(|| if images().any(|image| image.ends_with(":broken")) { Outcome::Unready } else { Outcome::Ready })
    }
}

fn annotation<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    pod["metadata"]["annotations"][format!("sim.test/{name}")].as_str()
}

/// `3s`, `500ms`, `1m30s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| digits + i);
        let unit = match &rest[digits..unit_end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += Duration::try_from_secs_f64(number * unit).ok()?;
        rest = &rest[unit_end..];
    }
    Some(total)
}

fn wait(pod: &Value, name: &str, otherwise: Duration) -> Duration {
    annotation(pod, name).and_then(duration).unwrap_or(otherwise)
}

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let pod = call.store.at(place)?.clone();
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    if pods::is_dying(&pod) {
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
        let limit = wait(&pod, "delete-after", call.options.pod_grace_limit).min(Duration::from_secs(grace));
        if let Some(left) = memory.left(&uid, "dying", limit) {
            return Some(left);
        }
        super::job::untrack(call, &pod);
        let free = call.store.at(place).is_some_and(|pod| pod["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty));
        if free {
            call.finish(place);
        }
        return None;
    }
    if pods::is_over(&pod) {
        return None;
    }
    if pod["spec"]["nodeName"].is_null() {
        schedule(call, place, &pod);
        return None;
    }
    live(call, place, &pod, &uid, memory)
}

/// Gives the pod its node, or says why there is none.
fn schedule(call: &mut Call<'_>, place: &Place, pod: &Value) {
    let node_name = call.options.node.clone();
    let now = call.clock.text();
    if let Some(why) = unschedulable(call, pod, &node_name) {
        let known = pods::condition(pod, "PodScheduled").is_some_and(|c| c["message"] == why.as_str());
        if !known {
            call.edit_status(place, "kube-scheduler", |old, pod| {
                pods::set_condition(pod, &now, false, "PodScheduled", "False", "Unschedulable", &why);
                for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
                    condition["observedGeneration"] = old["metadata"]["generation"].clone();
                }
            });
            emit(call, pod, Severity::Warning, "FailedScheduling", &why, "default-scheduler");
        }
        return;
    }
    call.bind(place, |pod| {
        pod["spec"]["nodeName"] = node_name.as_str().into();
        pods::set_condition(pod, &now, false, "PodScheduled", "True", "", "");
        for condition in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
            condition["lastProbeTime"] = Value::Null;
        }
    });
    let message = format!("Successfully assigned {}/{} to {node_name}", place.name.namespace, place.name.name);
    emit(call, pod, Severity::Normal, "Scheduled", &message, "default-scheduler");
}

fn unschedulable(call: &Call<'_>, pod: &Value, node_name: &str) -> Option<String> {
    let node = call.store.get(&TableKey::new("", "nodes"), "", node_name)?;
    let labels = &node["metadata"]["labels"];
    let selector = pod["spec"]["nodeSelector"].as_object();
    if selector.into_iter().flatten().any(|(k, v)| labels[k] != *v) {
        return Some(no_node("1 node(s) didn't match Pod's node affinity/selector"));
    }
    let too_much = |resource: &&str| {
        let parse = |v: &Value| v.as_str().and_then(Quantity::parse);
        let Some(room) = parse(&node["status"]["allocatable"][resource]) else { return false };
        let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let mut wanted = containers.filter_map(|c| parse(&c["resources"]["requests"][resource]));
        wanted.any(|wanted| wanted.cmp_value(&room).is_gt())
    };
    let lacking: Vec<String> = ["cpu", "memory"].iter().filter(|r| too_much(r)).map(|r| format!("1 Insufficient {r}")).collect();
    if !lacking.is_empty() {
        return Some(no_node(&lacking.join(", ")));
    }
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() else { continue };
        match call.store.get(&TableKey::new("", "persistentvolumeclaims"), namespace, claim) {
            None => return Some(format!("0/1 nodes are available: persistentvolumeclaim \"{claim}\" not found. not found")),
            Some(found) if found["status"]["phase"] != "Bound" && !super::claim::waits_for_pod(call, found) => {
                return Some("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found".into());
            }
            Some(_) => {}
        }
    }
    None
}

fn no_node(why: &str) -> String {
    format!(
        "0/1 nodes are available: {why}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
}

/// The states of a pod on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Succeeded,
    Unready,
    CrashLoop,
    ImagePull,
    Failed,
    Degraded,
}

fn live(call: &mut Call<'_>, place: &Place, pod: &Value, uid: &str, memory: &mut Memory) -> Option<Duration> {
    let outcome = Outcome::of(pod);
    let ready = pods::condition(pod, "Ready").map(|c| c["status"] == "True");
    let reason = pod["status"]["containerStatuses"].as_array().into_iter().flatten().find_map(|c| c["state"]["waiting"]["reason"].as_str());
    let degraded = pods::condition(pod, DEGRADED).is_some();
    let of_job = controller_of(pod).and_then(|uid| call.store.by_uid(uid)).is_some_and(|owner| owner.table.plural == "jobs");
    let never_restarts = pod["spec"]["restartPolicy"] != "Always";
    let (state, delay) = match outcome {
        Outcome::Ready | Outcome::Degrade if ready != Some(true) && !degraded => (State::Ready, wait(pod, "ready-after", Duration::ZERO)),
        Outcome::Ready if ready == Some(true) && (of_job || never_restarts && annotation(pod, "complete-after").is_some()) => {
            (State::Succeeded, wait(pod, "complete-after", Duration::ZERO))
        }
        Outcome::Degrade if ready == Some(true) => (State::Degraded, wait(pod, "degrade-after", Duration::from_secs(3))),
        Outcome::Unready if ready != Some(false) => (State::Unready, Duration::ZERO),
        Outcome::CrashLoop if reason != Some("CrashLoopBackOff") => (State::CrashLoop, Duration::ZERO),
        Outcome::ImagePull if reason != Some("ImagePullBackOff") => (State::ImagePull, Duration::ZERO),
        Outcome::Fail if never_restarts => (State::Failed, wait(pod, "fail-after", Duration::from_millis(500))),
        _ => return None,
    };
    if let Some(left) = memory.left(uid, &format!("{state:?}"), delay) {
        return Some(left);
    }
    let ip = match pod["status"]["podIP"].as_str() {
        Some(ip) => ip.to_owned(),
        None => call.store.pod_ip(),
    };
    let now = call.clock.text();
    call.edit_status(place, KUBELET, |old, pod| write(&old["spec"], pod, state, &now, &ip));
    let event = match state {
        State::Unready | State::Degraded => Some(("Unhealthy", "Readiness probe failed: simulated")),
        State::CrashLoop => Some(("BackOff", "Back-off restarting failed container")),
        State::ImagePull => Some(("Failed", "Error ImagePullBackOff")),
        State::Ready | State::Succeeded | State::Failed => None,
    };
    if let Some((reason, message)) = event {
        emit(call, pod, Severity::Warning, reason, message, REPORTER);
    }
    // the next stage may have a delay of its own
    Some(Duration::from_millis(1))
}

/// Writes the whole status of a pod in a state.
fn write(spec: &Value, pod: &mut Value, state: State, now: &str, ip: &str) {
    let ready = state == State::Ready;
    let phase = match state {
        State::Ready | State::Unready | State::CrashLoop | State::Degraded => "Running",
        State::ImagePull => "Pending",
        State::Succeeded => "Succeeded",
        State::Failed => "Failed",
    };
    let yes = |b: bool| if b { "True" } else { "False" };
    let (reason, message) = if ready { ("", "") } else { ("ContainersNotReady", "containers with unready status") };
    pods::set_condition(pod, now, false, "PodReadyToStartContainers", "True", "", "");
    pods::set_condition(pod, now, false, "Initialized", "True", "", "");
    pods::set_condition(pod, now, false, "Ready", yes(ready), reason, message);
    pods::set_condition(pod, now, false, "ContainersReady", yes(ready), reason, message);
    if state == State::Degraded {
        pods::set_condition(pod, now, false, DEGRADED, "True", "", "");
    }
    let ended = |code: i64, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}});
    let statuses: Vec<Value> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            let image = container["image"].as_str().unwrap_or_default();
            let (now_state, last, restarts) = match state {
                State::Ready | State::Unready | State::Degraded => (json!({"running": {"startedAt": now}}), json!({}), 0),
                State::Succeeded => (ended(0, "Completed"), json!({}), 0),
                State::Failed => (ended(1, "Error"), json!({}), 0),
                State::CrashLoop => (
                    json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}),
                    ended(1, "Error"),
                    5,
                ),
                State::ImagePull => (
                    json!({"waiting": {"reason": "ImagePullBackOff", "message": format!("Back-off pulling image \"{image}\"")}}),
                    json!({}),
                    0,
                ),
            };
            json!({"name": container["name"], "image": image, "imageID": "", "ready": ready, "started": ready, "restartCount": restarts,
                "state": now_state, "lastState": last})
        })
        .collect();
    let inits: Vec<Value> = spec["initContainers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            json!({"name": c["name"], "image": c["image"], "imageID": "", "ready": true, "restartCount": 0,
                "state": ended(0, "Completed"), "lastState": {}})
        })
        .collect();
    let status = &mut pod["status"];
    status["phase"] = phase.into();
    status["podIP"] = ip.into();
    status["podIPs"] = json!([{"ip": ip}]);
    if status["startTime"].is_null() {
        status["startTime"] = now.into();
    }
    status["containerStatuses"] = statuses.into();
    if !inits.is_empty() {
        status["initContainerStatuses"] = inits.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes() {
        let pod = |image: &str, annotation: Option<&str>| {
            let mut pod = json!({"metadata": {}, "spec": {"containers": [{"image": image}]}});
            if let Some(outcome) = annotation {
                pod["metadata"]["annotations"] = json!({"sim.test/outcome": outcome});
            }
            Outcome::of(&pod)
        };
        for (image, annotation, expect) in [
            ("app:1.0", None, Outcome::Ready),
            ("app:1.0-crashloop", None, Outcome::CrashLoop),
            ("app:broken", None, Outcome::Unready),
            ("my-app:1.0", None, Outcome::Ready),
            ("app:1.0-crashloop", Some("ready"), Outcome::Ready),
            ("app:1.0", Some("imagepull"), Outcome::ImagePull),
        ] {
            assert_eq!(pod(image, annotation), expect, "{image} {annotation:?}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("3s"), Some(Duration::from_secs(3)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("x"), None);
    }
}
