//! What stands in the columns of kinds that run nothing: nodes, volumes, networking, policy, RBAC and the like.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::columns::{NONE, age, containers, labels, span};

/// The cells of an object, in the order of the columns of its kind; `None` for kinds that are not of these.
pub(super) fn cells(kind: &str, object: &Value, now: Timestamp) -> Option<Vec<Value>> {
    let name = object["metadata"]["name"].clone();
    let age_of = |pointer: &str| json!(age(object.pointer(pointer).unwrap_or(&Value::Null), now));
    let age = age_of("/metadata/creationTimestamp");
    let at = |pointer: &str| object.pointer(pointer).unwrap_or(&Value::Null);
    let text = |pointer: &str| json!(at(pointer).as_str().unwrap_or_default());
    let text_or = |pointer: &str, other: &str| json!(at(pointer).as_str().unwrap_or(other));
    let count = |pointer: &str| json!(at(pointer).as_i64().unwrap_or(0));
    let length = |pointer: &str| json!(at(pointer).as_array().map_or(0, Vec::len));
    let flag = |pointer: &str, other: bool| json!(at(pointer).as_bool().unwrap_or(other));
    let annotated = |key: &str| object["metadata"]["annotations"][key] == "true";
    let phase = || if object["metadata"]["deletionTimestamp"].is_string() { json!("Terminating") } else { text("/status/phase") };
    let marked = |default: bool| if default { json!(format!("{} (default)", name.as_str().unwrap_or_default())) } else { name.clone() };
    Some(match kind {
        "Node" => node(object, age),
        "PersistentVolume" => {
            let claim = at("/spec/claimRef");
            let claim = if claim.is_object() { format!("{}/{}", word(&claim["namespace"]), word(&claim["name"])) } else { String::new() };
            let (size, class) = (text("/spec/capacity/storage"), text("/spec/storageClassName"));
            let policy = text("/spec/persistentVolumeReclaimPolicy");
            let attributes = text_or("/spec/volumeAttributesClassName", UNSET);
            let (reason, mode) = (text("/status/reason"), text_or("/spec/volumeMode", UNSET));
            vec![name, size, modes(at("/spec/accessModes")), policy, phase(), json!(claim), class, attributes, reason, age, mode]
        }
        "PersistentVolumeClaim" => {
            let bound = !word(at("/spec/volumeName")).is_empty();
            let (capacity, access) =
                if bound { (text("/status/capacity/storage"), modes(at("/status/accessModes"))) } else { (json!(""), json!("")) };
            let attributes = text_or("/spec/volumeAttributesClassName", UNSET);
            let (class, mode) = (text("/spec/storageClassName"), text_or("/spec/volumeMode", UNSET));
            vec![name, phase(), text("/spec/volumeName"), capacity, access, class, attributes, age, mode]
        }
        "StorageClass" => {
            let default =
                annotated("storageclass.kubernetes.io/is-default-class") || annotated("storageclass.beta.kubernetes.io/is-default-class");
            let policy = text_or("/reclaimPolicy", "Delete");
            let binding = text_or("/volumeBindingMode", "Immediate");
            vec![marked(default), text("/provisioner"), policy, binding, flag("/allowVolumeExpansion", false), age]
        }
        "VolumeAttributesClass" => {
            let default = annotated("storageclass.kubernetes.io/is-default-class");
            vec![marked(default), text("/driverName"), age]
        }
        "VolumeAttachment" => {
            let volume = text("/spec/source/persistentVolumeName");
            vec![name, text("/spec/attacher"), volume, text("/spec/nodeName"), flag("/status/attached", false), age]
        }
        "CSINode" => vec![name, length("/spec/drivers"), age],
        "CSIDriver" => {
            let tokens =
                at("/spec/tokenRequests").as_array().map_or(UNSET.to_owned(), |list| join(list.iter().map(|t| word(&t["audience"])), ","));
            let modes = list_or_none(at("/spec/volumeLifecycleModes"));
            let (attach, info) = (flag("/spec/attachRequired", true), flag("/spec/podInfoOnMount", false));
            vec![
                name,
                attach,
                info,
                flag("/spec/storageCapacity", false),
                json!(tokens),
                flag("/spec/requiresRepublish", false),
                modes,
                age,
            ]
        }
        "PodDisruptionBudget" => {
            let bound = |pointer: &str| match at(pointer) {
                Value::Null => json!("N/A"),
                Value::String(share) => json!(share),
                number => json!(number.to_string()),
            };
            vec![name, bound("/spec/minAvailable"), bound("/spec/maxUnavailable"), count("/status/disruptionsAllowed"), age]
        }
        "HorizontalPodAutoscaler" => {
            let target = format!("{}/{}", word(at("/spec/scaleTargetRef/kind")), word(at("/spec/scaleTargetRef/name")));
            let least = at("/spec/minReplicas").as_i64().map_or(UNSET.to_owned(), |n| n.to_string());
            let most = count("/spec/maxReplicas");
            let replicas = count("/status/currentReplicas");
            vec![name, json!(target), json!(metrics(object)), json!(least), most, replicas, age]
        }
        "Ingress" => {
            let hosts: Vec<&str> = list(at("/spec/rules")).map(|rule| word(&rule["host"])).collect();
            let shown = join(hosts.iter().copied().take(3).filter(|host| !host.is_empty()), ",");
            let shown = match (shown.as_str(), hosts.len()) {
                ("", _) => "*".to_owned(),
                (shown, 0..=3) => shown.to_owned(),
                (shown, all) => format!("{shown} + {} more...", all - 3),
            };
            let ports = if list(at("/spec/tls")).next().is_some() { "80, 443" } else { "80" };
            vec![name, text_or("/spec/ingressClassName", NONE), json!(shown), json!(balanced(object)), json!(ports), age]
        }
        "IngressClass" => {
            let parameters = at("/spec/parameters");
            let group = parameters["apiGroup"].as_str().map(|group| format!(".{group}")).unwrap_or_default();
            let shown = match parameters.is_object() {
                true => format!("{}{group}/{}", word(&parameters["kind"]), word(&parameters["name"])),
                false => NONE.to_owned(),
            };
            vec![marked(annotated("ingressclass.kubernetes.io/is-default-class")), text("/spec/controller"), json!(shown), age]
        }
        "NetworkPolicy" => vec![name, json!(selector(at("/spec/podSelector"))), age],
        "ServiceCIDR" => vec![name, json!(join(list(at("/spec/cidrs")).map(word), ",")), age],
        "IPAddress" => vec![name, json!(parent(at("/spec/parentRef")))],
        "RoleBinding" | "ClusterRoleBinding" => {
            let role = format!("{}/{}", word(at("/roleRef/kind")), word(at("/roleRef/name")));
            let of = |kind: &str| {
                let named = list(at("/subjects")).filter(|subject| subject["kind"] == kind).map(|subject| match kind {
                    "ServiceAccount" => format!("{}/{}", word(&subject["namespace"]), word(&subject["name"])),
                    _ => word(&subject["name"]).to_owned(),
                });
                json!(named.collect::<Vec<_>>().join(", "))
            };
            vec![name, json!(role), age, of("User"), of("Group"), of("ServiceAccount")]
        }
        "ResourceQuota" => {
            let (limits, requests): (Vec<_>, Vec<_>) =
                at("/status/hard").as_object().into_iter().flatten().partition(|(key, _)| key.starts_with("limits."));
            let show = |pairs: Vec<(&String, &Value)>| {
                let used = |key: &str| object["status"]["used"][key].as_str().unwrap_or("0").to_owned();
                json!(pairs.iter().map(|(key, hard)| format!("{key}: {}/{}", used(key), word(hard))).collect::<Vec<_>>().join(", "))
            };
            vec![name, show(requests), show(limits), age]
        }
        "EndpointSlice" => {
            let port = |port: &Value| match port["port"].as_i64() {
                Some(number) => number.to_string(),
                None => port["name"].as_str().unwrap_or("*").to_owned(),
            };
            let ports: Vec<String> = list(at("/ports")).map(port).collect();
            let addresses: Vec<String> =
                list(at("/endpoints")).flat_map(|endpoint| list(&endpoint["addresses"])).map(|address| word(address).to_owned()).collect();
            vec![name, text("/addressType"), json!(some(&ports, UNSET)), json!(some(&addresses, UNSET)), age]
        }
        "Endpoints" => {
            let addresses: Vec<String> = list(at("/subsets")).flat_map(subset).collect();
            vec![name, json!(some(&addresses, NONE)), age]
        }
        "PriorityClass" => vec![name, count("/value"), flag("/globalDefault", false), age, text("/preemptionPolicy")],
        "RuntimeClass" => vec![name, text("/handler"), age],
        "Lease" => vec![name, text("/spec/holderIdentity"), age],
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => vec![name, length("/webhooks"), age],
        "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" => {
            let number = length(if kind.starts_with('M') { "/spec/mutations" } else { "/spec/validations" });
            let parameter = at("/spec/paramKind");
            let shown = match parameter.is_object() {
                true => format!("{}/{}", word(&parameter["apiVersion"]), word(&parameter["kind"])),
                false => UNSET.to_owned(),
            };
            vec![name, number, json!(shown), age]
        }
        "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding" => {
            let reference = at("/spec/paramRef");
            let shown = match reference["name"].as_str() {
                Some(name) => format!("{}/{name}", reference["namespace"].as_str().unwrap_or("*")),
                None => UNSET.to_owned(),
            };
            vec![name, text("/spec/policyName"), json!(shown), age]
        }
        "APIService" => {
            let service = at("/spec/service");
            let shown = match service.is_object() {
                true => format!("{}/{}", word(&service["namespace"]), word(&service["name"])),
                false => "Local".to_owned(),
            };
            let available = list(at("/status/conditions")).find(|condition| condition["type"] == "Available");
            let available = match available.map(|condition| (word(&condition["status"]), word(&condition["reason"]))) {
                None => "Unknown".to_owned(),
                Some(("True", _)) | Some((_, "")) => available.map(|c| word(&c["status"]).to_owned()).unwrap_or_default(),
                Some((status, reason)) => format!("{status} ({reason})"),
            };
            vec![name, json!(shown), json!(available), age]
        }
        "ControllerRevision" => {
            let owner = list(at("/metadata/ownerReferences")).find(|owner| owner["controller"] == true);
            let shown = owner.map_or(NONE.to_owned(), |owner| {
                let group = owner["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| format!(".{group}"));
                format!("{}{}/{}", word(&owner["kind"]).to_lowercase(), group.unwrap_or_default(), word(&owner["name"]))
            });
            vec![name, json!(shown), count("/revision"), age]
        }
        "PodTemplate" => {
            let (containers, images) = containers(at("/template/spec/containers"));
            vec![name, containers, images, json!(labels(at("/template/metadata/labels")))]
        }
        "CertificateSigningRequest" => {
            let has = |kind: &str| list(at("/status/conditions")).any(|condition| condition["type"] == kind);
            let mut status = if has("Denied") {
                "Denied"
            } else if has("Approved") {
                "Approved"
            } else {
                "Pending"
            }
            .to_owned();
            if has("Failed") {
                status.push_str(",Failed");
            }
            if !word(at("/status/certificate")).is_empty() {
                status.push_str(",Issued");
            }
            let wanted = at("/spec/expirationSeconds").as_i64().map_or(NONE.to_owned(), |seconds| span(SignedDuration::from_secs(seconds)));
            vec![name, age, text_or("/spec/signerName", NONE), text("/spec/username"), json!(wanted), json!(status)]
        }
        "ComponentStatus" => {
            let healthy = list(at("/conditions")).find(|condition| condition["type"] == "Healthy");
            let status = healthy.map_or("Unknown", |condition| if condition["status"] == "True" { "Healthy" } else { "Unhealthy" });
            let said = |field: &str| json!(healthy.map_or("", |condition| word(&condition[field])));
            vec![name, json!(status), said("message"), said("error")]
        }
        "FlowSchema" => {
            let dangling = list(at("/status/conditions")).find(|condition| condition["type"] == "Dangling");
            let dangling = json!(dangling.map_or("?", |condition| word(&condition["status"])));
            let level = text("/spec/priorityLevelConfiguration/name");
            vec![name, level, count("/spec/matchingPrecedence"), text_or("/spec/distinguisherMethod/type", NONE), age, dangling]
        }
        "PriorityLevelConfiguration" => {
            let number = |pointer: &str| if at(pointer).is_null() { json!(NONE) } else { at(pointer).clone() };
            let queuing = |field: &str| number(&format!("/spec/limited/limitResponse/queuing/{field}"));
            let shares = number("/spec/limited/nominalConcurrencyShares");
            vec![name, text("/spec/type"), shares, queuing("queues"), queuing("handSize"), queuing("queueLengthLimit"), age]
        }
        "ResourceClaim" => {
            let reserved = list(at("/status/reservedFor")).next().is_some();
            let states = match (object["metadata"]["deletionTimestamp"].is_string(), at("/status/allocation").is_object()) {
                (dying, true) => [dying.then_some("deleted"), Some("allocated"), reserved.then_some("reserved")],
                (true, false) => [Some("deleted"), None, None],
                (false, false) => [Some("pending"), None, None],
            };
            let states: Vec<&str> = states.into_iter().flatten().collect();
            vec![name, json!(states.join(",")), age]
        }
        "ResourceSlice" => {
            vec![name, text("/spec/nodeName"), text("/spec/driver"), text("/spec/pool/name"), age]
        }
        _ => return None,
    })
}

const UNSET: &str = "<unset>";

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn join<'a>(words: impl Iterator<Item = &'a str>, between: &str) -> String {
    words.collect::<Vec<_>>().join(between)
}

fn list_or_none(value: &Value) -> Value {
    let joined = join(list(value).map(word), ",");
    json!(if joined.is_empty() { NONE.to_owned() } else { joined })
}

/// Three of many.
fn some(all: &[String], none: &str) -> String {
    match all.len() {
        0 => none.to_owned(),
        1..=3 => all.join(","),
        many => format!("{} + {} more...", all[..3].join(","), many - 3),
    }
}

fn node(node: &Value, age: Value) -> Vec<Value> {
    let mut status: Vec<&str> = list(&node["status"]["conditions"])
        .filter(|condition| condition["type"] == "Ready")
        .map(|condition| if condition["status"] == "True" { "Ready" } else { "NotReady" })
        .collect();
    if status.is_empty() {
        status.push("Unknown");
    }
    if node["spec"]["unschedulable"] == true {
        status.push("SchedulingDisabled");
    }
    let roles: BTreeSet<&str> = node["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None => (key == "kubernetes.io/role").then(|| word(value)),
        })
        .filter(|role| !role.is_empty())
        .collect();
    let roles = if roles.is_empty() { NONE.to_owned() } else { join(roles.into_iter(), ",") };
    let address = |kind: &str| {
        let found = list(&node["status"]["addresses"]).find(|address| address["type"] == kind);
        json!(found.map_or(NONE, |address| word(&address["address"])))
    };
    let info = |field: &str| word(&node["status"]["nodeInfo"][field]);
    let known = |field: &str| if info(field).is_empty() { "<unknown>".to_owned() } else { info(field).to_owned() };
    let mut kernel = known("kernelVersion");
    if !info("architecture").is_empty() {
        kernel = format!("{kernel} ({})", info("architecture"));
    }
    let head = [node["metadata"]["name"].clone(), json!(status.join(",")), json!(roles), age, json!(info("kubeletVersion"))];
    let wide =
        [address("InternalIP"), address("ExternalIP"), json!(known("osImage")), json!(kernel), json!(known("containerRuntimeVersion"))];
    head.into_iter().chain(wide).collect()
}

/// Access modes by their letters.
fn modes(modes: &Value) -> Value {
    let letters = [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    json!(join(letters.iter().filter(|(mode, _)| list(modes).any(|own| own == mode)).map(|(_, short)| *short), ","))
}

/// The addresses that a load balancer gave.
pub(super) fn balanced(object: &Value) -> String {
    let ingress = list(&object["status"]["loadBalancer"]["ingress"]);
    let addresses: BTreeSet<&str> = ingress
        .map(|point| point["ip"].as_str().unwrap_or_else(|| word(&point["hostname"])))
        .filter(|address| !address.is_empty())
        .collect();
    join(addresses.into_iter(), ",")
}

/// A label selector in one line.
fn selector(selector: &Value) -> String {
    let mut parts: Vec<String> =
        selector["matchLabels"].as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", word(value))).collect();
    for expression in list(&selector["matchExpressions"]) {
        let key = word(&expression["key"]);
        let values = || join(list(&expression["values"]).map(word).collect::<BTreeSet<_>>().into_iter(), ",");
        parts.push(match word(&expression["operator"]) {
            "In" => format!("{key} in ({})", values()),
            "NotIn" => format!("{key} notin ({})", values()),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    if parts.is_empty() { NONE.to_owned() } else { parts.join(",") }
}

fn parent(reference: &Value) -> String {
    if !reference.is_object() {
        return NONE.to_owned();
    }
    let group = word(&reference["group"]);
    let kind = if group.is_empty() { word(&reference["resource"]).to_owned() } else { format!("{}.{group}", word(&reference["resource"])) };
    match word(&reference["namespace"]) {
        "" => format!("{kind}/{}", word(&reference["name"])),
        namespace => format!("{kind}/{namespace}/{}", word(&reference["name"])),
    }
}

fn subset(subset: &Value) -> Vec<String> {
    let addresses = || list(&subset["addresses"]).map(|address| word(&address["ip"]));
    let ports: Vec<i64> = list(&subset["ports"]).filter_map(|port| port["port"].as_i64()).collect();
    if ports.is_empty() {
        return addresses().map(str::to_owned).collect();
    }
    ports.iter().flat_map(|port| addresses().map(move |address| format!("{address}:{port}"))).collect()
}

/// Metrics of an autoscaler: what is measured, against what is wanted.
fn metrics(object: &Value) -> String {
    let current = |i: usize, kind: &str, field: &str| {
        let value = &object["status"]["currentMetrics"][i][kind]["current"][field];
        value
            .as_i64()
            .map(|percent| format!("{percent}%"))
            .or_else(|| value.as_str().map(str::to_owned))
            .unwrap_or_else(|| "<unknown>".into())
    };
    let all: Vec<String> = list(&object["spec"]["metrics"])
        .enumerate()
        .map(|(i, metric)| {
            let (kind, named) = match word(&metric["type"]) {
                "Resource" => ("resource", true),
                "ContainerResource" => ("containerResource", true),
                "Pods" => ("pods", false),
                "Object" => ("object", false),
                _ => ("external", false),
            };
            let target = &metric[kind]["target"];
            let head = if named { format!("{}: ", word(&metric[kind]["name"])) } else { String::new() };
            match (target["averageValue"].as_str(), target["averageUtilization"].as_i64()) {
                (Some(wanted), _) => {
                    let tail = if matches!(kind, "object" | "external") { " (avg)" } else { "" };
                    format!("{head}{}/{wanted}{tail}", current(i, kind, "averageValue"))
                }
                (None, Some(percent)) => format!("{head}{}/{percent}%", current(i, kind, "averageUtilization")),
                (None, None) if named => format!("{head}{}/<auto>", current(i, kind, "averageUtilization")),
                (None, None) => format!("{head}{}/{}", current(i, kind, "value"), word(&target["value"])),
            }
        })
        .collect();
    match all.len() {
        0 => NONE.to_owned(),
        1..=2 => all.join(", "),
        many => format!("{} + {} more...", all[..2].join(", "), many - 2),
    }
}
