//! The columns that the server gives the built-in kinds in a table, as `kubectl get` shows them. Names, types and priorities are those that
//! kube-apiserver 1.36 answers; priority 1 is for `-o wide`. What stands in them is here for what runs, else in `cells.rs`.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cells;

/// Name, type, priority.
pub(super) type Column = (String, String, i64);

pub(super) const NONE: &str = "<none>";

/// The columns of a built-in kind, the name's among them; `None` where it has the columns that every kind has.
pub(super) fn of(group: &str, kind: &str) -> Option<&'static [Column]> {
    static COLUMNS: OnceLock<HashMap<String, Vec<Column>>> = OnceLock::new();
    let columns =
        COLUMNS.get_or_init(|| serde_json::from_str(include_str!("../../data/columns.json")).expect("the embedded columns are valid JSON"));
    columns.get(&format!("{group}/{kind}")).map(Vec::as_slice)
}

/// What stands in the columns of an object, in the order of [`of`].
pub(super) fn cells(kind: &str, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let age = json!(age(&object["metadata"]["creationTimestamp"], now));
    let count = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let text = |pointer: &str| or_none(object.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let size = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
    let template = if kind == "CronJob" { "/spec/jobTemplate/spec" } else { "/spec" };
    let (containers, images) = containers(object.pointer(&format!("{template}/template/spec/containers")).unwrap_or(&Value::Null));
    let selector = || labels(object.pointer("/spec/selector/matchLabels").unwrap_or(&Value::Null));
    let ready = |wanted: i64| json!(format!("{}/{wanted}", count("/status/readyReplicas")));
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    match kind {
        "Pod" => pod(object, now),
        "Service" => vec![
            name,
            text("/spec/type"),
            text("/spec/clusterIP"),
            json!(external(object)),
            json!(ports(object)),
            age,
            json!(labels(&object["spec"]["selector"])),
        ],
        "ConfigMap" => vec![name, json!(size("data") + size("binaryData")), age],
        "Secret" => vec![name, text("/type"), json!(size("data")), age],
        "Namespace" => vec![name, text("/status/phase"), age],
        "ServiceAccount" => vec![name, age],
        "Event" => event(object, now),
        "Deployment" => vec![
            name,
            ready(replicas),
            json!(count("/status/updatedReplicas")),
            json!(count("/status/availableReplicas")),
            age,
            containers,
            images,
            json!(selector()),
        ],
        "ReplicaSet" | "ReplicationController" => vec![
            name,
            json!(replicas),
            json!(count("/status/replicas")),
            json!(count("/status/readyReplicas")),
            age,
            containers,
            images,
            json!(if kind == "ReplicaSet" { selector() } else { labels(&object["spec"]["selector"]) }),
        ],
        "StatefulSet" => vec![name, ready(replicas), age, containers, images],
        "DaemonSet" => vec![
            name,
            json!(count("/status/desiredNumberScheduled")),
            json!(count("/status/currentNumberScheduled")),
            json!(count("/status/numberReady")),
            json!(count("/status/updatedNumberScheduled")),
            json!(count("/status/numberAvailable")),
            json!(labels(object.pointer("/spec/template/spec/nodeSelector").unwrap_or(&Value::Null))),
            age,
            containers,
            images,
            json!(selector()),
        ],
        "Job" => {
            let wanted = match (object.pointer("/spec/completions").and_then(Value::as_i64), count("/spec/parallelism")) {
                (Some(wanted), _) => wanted.to_string(),
                (None, 2..) => format!("1 of {}", count("/spec/parallelism")),
                (None, _) => "1".to_owned(),
            };
            let completions = json!(format!("{}/{wanted}", count("/status/succeeded")));
            vec![name, json!(job(object)), completions, json!(took(object, now)), age, containers, images, json!(selector())]
        }
        "CronJob" => {
            let last = &object["status"]["lastScheduleTime"];
            let last = if last.is_null() { NONE.to_owned() } else { self::age(last, now) };
            let active = object.pointer("/status/active").and_then(Value::as_array).map_or(0, Vec::len);
            let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false);
            let suspended = json!(if suspended { "True" } else { "False" });
            let (schedule, zone) = (text("/spec/schedule"), text("/spec/timeZone"));
            vec![name, schedule, zone, suspended, json!(active), json!(last), age, containers, images, json!(NONE)]
        }
        _ => cells::cells(kind, object, now).unwrap_or_else(|| vec![name, age]),
    }
}

/// How long ago a time was, in the two largest units that matter: `90s`, `3m20s`, `5h`, `2d4h`.
pub(super) fn age(time: &Value, now: Timestamp) -> String {
    let Some(time) = time.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return "<unknown>".into() };
    span(now.duration_since(time))
}

pub(super) fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let two = |big: i64, unit: &str, small: i64, rest: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{rest}") }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".into(),
        -1 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { NONE } else { text })
}

pub(super) fn labels(map: &Value) -> String {
    let pairs: Vec<String> =
        map.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if pairs.is_empty() { NONE.into() } else { pairs.join(",") }
}

/// Names and images of containers.
pub(super) fn containers(list: &Value) -> (Value, Value) {
    let of = |field: &str| {
        let all: Vec<&str> = list.as_array().into_iter().flatten().filter_map(|container| container[field].as_str()).collect();
        json!(all.join(","))
    };
    (of("name"), of("image"))
}

/// How a job is, in one word.
fn job(job: &Value) -> &'static str {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    let has = |kind: &str| conditions.into_iter().flatten().any(|condition| condition["type"] == kind && condition["status"] == "True");
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if job["metadata"]["deletionTimestamp"].is_string() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

/// How long a job took, or has taken so far.
fn took(job: &Value, now: Timestamp) -> String {
    let time = |field: &str| job["status"][field].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    time("startTime").map(|start| span(time("completionTime").unwrap_or(now).duration_since(start))).unwrap_or_default()
}

/// Where a service is reached from outside.
fn external(service: &Value) -> String {
    let given: Vec<&str> =
        service.pointer("/spec/externalIPs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let balanced = cells::balanced(service);
    match service["spec"]["type"].as_str().unwrap_or_default() {
        "ExternalName" => service["spec"]["externalName"].as_str().unwrap_or_default().to_owned(),
        "LoadBalancer" if given.is_empty() && balanced.is_empty() => "<pending>".to_owned(),
        "LoadBalancer" => [balanced.as_str()].into_iter().filter(|text| !text.is_empty()).chain(given).collect::<Vec<_>>().join(","),
        _ if given.is_empty() => NONE.to_owned(),
        _ => given.join(","),
    }
}

fn ports(service: &Value) -> String {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
    let all: Vec<String> = ports
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_i64() {
                Some(node) => format!("{}:{node}/{protocol}", port["port"]),
                None => format!("{}/{protocol}", port["port"]),
            }
        })
        .collect();
    if all.is_empty() { NONE.into() } else { all.join(",") }
}

fn pod(pod: &Value, now: Timestamp) -> Vec<Value> {
    let list = |pointer: &str| pod.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let statuses: Vec<&Value> = list("/status/containerStatuses").collect();
    let ready = statuses.iter().filter(|status| status["ready"] == true).count();
    let restarts: i64 = statuses.iter().filter_map(|status| status["restartCount"].as_i64()).sum();
    let last = statuses.iter().filter_map(|status| status.pointer("/lastState/terminated/finishedAt")).max_by_key(|at| at.to_string());
    let restarts = match last.filter(|_| restarts > 0) {
        Some(at) => format!("{restarts} ({} ago)", age(at, now)),
        None => restarts.to_string(),
    };
    let gates: Vec<&Value> = list("/spec/readinessGates").collect();
    let met = |gate: &&&Value| {
        list("/status/conditions").any(|condition| condition["type"] == gate["conditionType"] && condition["status"] == "True")
    };
    let gates = if gates.is_empty() { NONE.to_owned() } else { format!("{}/{}", gates.iter().filter(met).count(), gates.len()) };
    let text = |pointer: &str| or_none(pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    vec![
        pod["metadata"]["name"].clone(),
        json!(format!("{ready}/{}", list("/spec/containers").count())),
        json!(reason(pod, &statuses)),
        json!(restarts),
        json!(age(&pod["metadata"]["creationTimestamp"], now)),
        text("/status/podIP"),
        text("/spec/nodeName"),
        text("/status/nominatedNodeName"),
        json!(gates),
    ]
}

/// One word for how a pod is: its phase, or what a container waits for or ended of.
fn reason(pod: &Value, statuses: &[&Value]) -> String {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".into();
    }
    let word = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let phase = word(&pod["status"]["reason"]).or_else(|| word(&pod["status"]["phase"])).unwrap_or_else(|| "Unknown".into());
    let mut reason = phase;
    let mut running = false;
    for status in statuses.iter().rev() {
        let (waiting, terminated) = (&status["state"]["waiting"], &status["state"]["terminated"]);
        if let Some(why) = word(&waiting["reason"]) {
            reason = why;
        } else if let Some(why) = word(&terminated["reason"]) {
            reason = why;
        } else if terminated.is_object() {
            reason = match terminated["signal"].as_i64().filter(|signal| *signal != 0) {
                Some(signal) => format!("Signal:{signal}"),
                None => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
            };
        } else if status["ready"] == true && status["state"]["running"].is_object() {
            running = true;
        }
    }
    // One that has ended beside one that runs is told by the one that runs.
    if reason == "Completed" && running { "Running".into() } else { reason }
}

fn event(event: &Value, now: Timestamp) -> Vec<Value> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let time = |field: &str| if event[field].is_null() { &event["eventTime"] } else { &event[field] };
    let component = text("/source/component");
    let component = if component.is_empty() { text("/reportingComponent") } else { component };
    let host = text("/source/host");
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    vec![
        json!(age(time("lastTimestamp"), now)),
        json!(text("/type")),
        json!(text("/reason")),
        json!(format!("{}/{}", text("/involvedObject/kind").to_lowercase(), text("/involvedObject/name"))),
        json!(text("/involvedObject/fieldPath")),
        json!(source),
        json!(text("/message").trim()),
        json!(age(time("firstTimestamp"), now)),
        json!(event["count"].as_i64().unwrap_or(1)),
        event["metadata"]["name"].clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_as_kubectl_writes_them() {
        for (seconds, want) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (3600, "60m"),
            (10_860, "3h1m"),
            (28_800, "8h"),
            (180_000, "2d2h"),
            (691_200, "8d"),
            (94_694_400, "3y1d"),
            (315_360_000, "10y"),
        ] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn a_pod_is_told_by_its_containers() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().expect("a time");
        let pod = json!({"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n", "containers": [{}, {}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [
                {"ready": true, "restartCount": 0, "state": {"running": {}}},
                {"ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:40Z"}}}]}});
        assert_eq!(
            json!(cells("Pod", &pod, now)),
            json!(["a", "1/2", "CrashLoopBackOff", "3 (20s ago)", "60s", "10.0.0.1", "n", "<none>", "<none>"])
        );
    }

    #[test]
    fn every_column_has_its_cell() {
        let object = json!({"metadata": {"name": "a"}});
        for (_, resource) in crate::resource::Registry::builtin().tables() {
            if let Some(columns) = of(&resource.group, &resource.kind) {
                assert_eq!(columns.len(), cells(&resource.kind, &object, Timestamp::UNIX_EPOCH).len(), "{}", resource.qualified());
            }
        }
    }
}
