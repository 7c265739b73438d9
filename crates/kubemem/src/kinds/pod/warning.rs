//! What is accepted in a pod's spec, but not liked.

use serde_json::Value;

use crate::kinds::at::At;
use crate::resource::Resource;
use crate::schema::Quantity;

/// Labels of nodes that have other names today, the version that said so, and the names.
const OLD_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "1.17", "node.kubernetes.io/instance-type"),
];

/// Kinds of volumes that are gone or going.
const OLD_VOLUMES: [(&str, &str, &str); 9] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// What is told of an object that is a pod or makes pods: when it is new, and when what it makes changes.
pub(crate) fn warnings(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<String> {
    let (pods, path) = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") if old.is_none() => (&new["spec"], "spec"),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("batch", "Job") | ("", "ReplicationController") => {
            (&new["spec"]["template"]["spec"], "spec.template.spec")
        }
        ("batch", "CronJob") => (&new["spec"]["jobTemplate"]["spec"]["template"]["spec"], "spec.jobTemplate.spec.template.spec"),
        _ => return Vec::new(),
    };
    let same = old.is_some_and(|old| old["metadata"]["generation"] == new["metadata"]["generation"]);
    if same { Vec::new() } else { of_spec(pods, path) }
}

fn of_spec(spec: &Value, path: &str) -> Vec<String> {
    let spec = &At::new(spec, path);
    let mut out = Vec::new();
    for (label, at) in spec.get("nodeSelector").entries() {
        out.extend(old_label(label).map(|why| format!("{}: {why}", at.path)));
    }
    for constraint in spec.get("topologySpreadConstraints").items() {
        let key = constraint.get("topologyKey");
        out.extend(old_label(key.text()).map(|why| format!("{}: {} is {why}", key.path, key.text())));
        out.extend(no_selector(&constraint));
    }
    for volume in spec.get("volumes").items() {
        let old = OLD_VOLUMES.iter().filter(|(field, ..)| volume.get(field).is_set());
        out.extend(old.map(|(_, shown, why)| format!("{}: {why}", volume.get(shown).path)));
    }
    doubled(&spec.get("hostAliases"), "ip", "duplicate ip", &mut out);
    doubled(&spec.get("imagePullSecrets"), "name", "duplicate name", &mut out);
    for name in spec.get("imagePullSecrets").items().iter().map(|secret| secret.get("name")) {
        out.extend(name.text().is_empty().then(|| format!("{}: invalid empty name \"\"", name.path)));
    }
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers: Vec<At<'_>> = lists.iter().flat_map(|list| spec.get(list).items()).collect();
    for container in &containers {
        fractions(&container.get("resources"), &mut out);
        hidden_variables(&container.get("env"), &mut out);
    }
    let ports: Vec<At<'_>> = containers.iter().flat_map(|container| container.get("ports").items()).collect();
    overlapping_ports(&ports, &mut out);
    for (i, port) in ports.iter().enumerate().filter(|(_, port)| !port.get("name").text().is_empty()) {
        let name = port.get("name");
        if let Some(other) = ports[..i].iter().find(|other| other.get("name").value == name.value) {
            let (at, first) = (&port.path, &other.path);
            out.push(format!(
                "{at}: duplicate port name {} with {first}, services and probes that select ports by name will use {first}",
                name.value
            ));
        }
    }
    let grace = spec.get("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|seconds| seconds < 0) {
        out.push(format!("{}: must be >= 0; negative values are invalid and will be treated as 1", grace.path));
    }
    for pods in ["podAffinity", "podAntiAffinity"].map(|name| spec.get("affinity").get(name)) {
        let required = pods.get("requiredDuringSchedulingIgnoredDuringExecution").items();
        let preferred = pods.get("preferredDuringSchedulingIgnoredDuringExecution").items();
        let terms = required.into_iter().chain(preferred.iter().map(|term| term.get("podAffinityTerm")));
        out.extend(terms.filter_map(|term| no_selector(&term)));
    }
    out
}

/// Without a selector no pod is meant: all are by an empty one.
fn no_selector(term: &At<'_>) -> Option<String> {
    let selector = term.get("labelSelector");
    (!selector.is_set()).then(|| format!("{}: a null labelSelector results in matching no pod", selector.path))
}

fn old_label(label: &str) -> Option<String> {
    let (_, since, now) = OLD_LABELS.iter().find(|(old, ..)| *old == label)?;
    Some(format!("deprecated since v{since}; use \"{now}\" instead"))
}

fn doubled(list: &At<'_>, field: &str, what: &str, out: &mut Vec<String>) {
    let values: Vec<At<'_>> = list.items().iter().map(|item| item.get(field)).collect();
    for (i, value) in values.iter().enumerate() {
        if values[..i].iter().any(|other| other.text() == value.text()) {
            out.push(format!("{}: {what} \"{}\"", value.path, value.text()));
        }
    }
}

/// A byte is not cut into pieces.
fn fractions(resources: &At<'_>, out: &mut Vec<String>) {
    for name in ["memory", "ephemeral-storage"] {
        for side in ["limits", "requests"].map(|side| resources.get(side)) {
            let value = &side.value[name];
            if value.as_str().and_then(Quantity::parse).is_some_and(|quantity| !quantity.is_whole()) {
                out.push(format!("{}[{name}]: fractional byte value {value} is invalid, must be an integer", side.path));
            }
        }
    }
}

fn hidden_variables(env: &At<'_>, out: &mut Vec<String>) {
    let variables = env.items();
    for (i, variable) in variables.iter().enumerate() {
        let (name, value) = (variable.get("name"), variable.get("value"));
        let reference = format!("$({})", name.text());
        let builds_on = !variable.get("valueFrom").is_set() && value.text() != reference && value.text().contains(&reference);
        if variables[..i].iter().any(|other| other.get("name").text() == name.text()) && !builds_on {
            let at = &variable.path;
            out.push(format!("{at}: hides previous definition of \"{}\", which may be dropped when using apply", name.text()));
        }
    }
}

fn overlapping_ports(ports: &[At<'_>], out: &mut Vec<String>) {
    let host = |port: &At<'_>| (port.get("hostIP").text().to_owned(), port.get("hostPort").number().unwrap_or(0));
    for (i, port) in ports.iter().enumerate() {
        let same = |field: &str, other: &At<'_>| other.value[field] == port.value[field];
        for other in ports[..i].iter().filter(|other| same("containerPort", other) && same("protocol", other)) {
            let ((ip, number), (other_ip, other_number)) = (host(port), host(other));
            let what = if (&ip, number) == (&other_ip, other_number) {
                "duplicate"
            } else if number == 0 || other_number == 0 {
                "overlapping"
            } else if number == other_number && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            out.push(format!("{}: {what} port definition with {}", port.path, other.path));
        }
    }
}
