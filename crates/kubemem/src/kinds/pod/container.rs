//! The rules of containers: names, ports, environment, resources.

use super::handler::{lifecycle, probes};
use super::security;
use super::volume::mounts;
use crate::kinds::at::At;
use crate::schema::Quantity;
use crate::status::Cause;

/// What a container is judged by.
pub(super) struct Surroundings<'a> {
    /// The volumes that can be mounted.
    pub(super) volumes: Vec<&'a str>,
    /// Seconds that the pod has to end.
    pub(super) grace: Option<i64>,
}

/// The containers of a spec, of all kinds.
pub(super) fn all(spec: &At<'_>, around: &Surroundings<'_>, out: &mut Vec<Cause>) {
    let list = spec.get("containers");
    let containers = list.items();
    if containers.is_empty() {
        out.push(list.required(""));
    }
    let mut names: Vec<&str> = Vec::new();
    for container in &containers {
        common(container, around, out);
        let name = container.get("name");
        out.extend(names.contains(&name.text()).then(|| name.duplicate()));
        names.push(name.text());
        lifecycle(&container.get("lifecycle"), around.grace, out);
        probes(container, around.grace, out);
        restart_policy(container, out);
    }
    host_ports(&containers, out);
    for container in spec.get("initContainers").items() {
        common(&container, around, out);
        restart_policy(&container, out);
        let name = container.get("name");
        if names.contains(&name.text()) {
            out.push(name.duplicate());
        } else if !name.text().is_empty() {
            names.push(name.text());
        }
        host_ports(std::slice::from_ref(&container), out);
        if container.value["restartPolicy"] == "Always" {
            lifecycle(&container.get("lifecycle"), around.grace, out);
            probes(&container, around.grace, out);
            continue;
        }
        let not_here = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"].map(|field| container.get(field));
        let detail = "may not be set for init containers without restartPolicy=Always";
        out.extend(not_here.iter().filter(|field| field.is_set()).map(|field| field.forbidden(detail)));
    }
    let regular = names.clone();
    for container in spec.get("ephemeralContainers").items() {
        common(&container, around, out);
        trimmed_image(&container, out);
        let (name, target) = (container.get("name"), container.get("targetContainerName"));
        out.extend(names.contains(&name.text()).then(|| name.duplicate()));
        names.push(name.text());
        if !target.text().is_empty() && !regular.contains(&target.text()) {
            out.push(target.not_found());
        }
    }
}

/// What only pods are checked for, and not their templates.
pub(super) fn trimmed_image(container: &At<'_>, out: &mut Vec<Cause>) {
    let image = container.get("image");
    if image.text() != image.text().trim() {
        out.push(image.invalid("must not have leading or trailing whitespace"));
    }
}

fn common(container: &At<'_>, around: &Surroundings<'_>, out: &mut Vec<Cause>) {
    let name = container.get("name");
    out.extend(name.need().or_else(|| name.dns_label()));
    out.extend(container.get("image").need());
    let policy = container.get("terminationMessagePolicy");
    out.extend(policy.need().or_else(|| policy.one_of(&["File", "FallbackToLogsOnError"])));
    ports(&container.get("ports"), out);
    container.get("env").items().iter().for_each(|env| variable(env, out));
    let sources = container.get("envFrom");
    sources.items().iter().for_each(|source| variables_from(&sources, source, out));
    mounts(container, &around.volumes, out);
    let policy = container.get("imagePullPolicy");
    out.extend(policy.need().or_else(|| policy.one_of(&["Always", "IfNotPresent", "Never"])));
    resources(&container.get("resources"), out);
    security::container(&container.get("securityContext"), out);
}

fn restart_policy(container: &At<'_>, out: &mut Vec<Cause>) {
    let policy = container.get("restartPolicy");
    if policy.is_set() && !["Always", "Never", "OnFailure"].contains(&policy.text()) {
        out.push(policy.unsupported(&["Always", "Never", "OnFailure"]));
    }
}

fn ports(ports: &At<'_>, out: &mut Vec<Cause>) {
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.text().is_empty() {
            let problems = name.port_name();
            if problems.is_empty() && names.contains(&name.text()) {
                out.push(name.duplicate());
            } else if problems.is_empty() {
                names.push(name.text());
            }
            out.extend(problems);
        }
        let number = port.get("containerPort");
        match number.number().unwrap_or(0) {
            0 => out.push(number.required("")),
            _ => out.extend(number.port()),
        }
        let host = port.get("hostPort");
        if host.number().unwrap_or(0) != 0 {
            out.extend(host.port());
        }
        let protocol = port.get("protocol");
        out.extend(protocol.need().or_else(|| protocol.one_of(&["SCTP", "TCP", "UDP"])));
    }
}

fn host_ports(containers: &[At<'_>], out: &mut Vec<Cause>) {
    let mut taken: Vec<String> = Vec::new();
    for port in containers.iter().flat_map(|container| container.get("ports").items()) {
        let Some(number) = port.get("hostPort").number().filter(|n| *n != 0) else { continue };
        let name = format!("{}/{}/{number}", port.get("protocol").text(), port.get("hostIP").text());
        if taken.contains(&name) {
            out.push(At { value: &name.as_str().into(), path: port.get("hostPort").path }.duplicate());
        } else {
            taken.push(name);
        }
    }
}

fn variable(env: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(env.get("name").need());
    let source = env.get("valueFrom");
    if !source.is_set() {
        return;
    }
    let mut sources = 0;
    let mut each = |name: &str, check: &dyn Fn(&At<'_>) -> Vec<Cause>| {
        let inner = source.get(name);
        if inner.is_set() {
            sources += 1;
            out.extend(check(&inner));
        }
    };
    each("fieldRef", &|field| field_ref(field, &ENV_FIELDS));
    each("resourceFieldRef", &|field| resource_field(field, false));
    for name in ["configMapKeyRef", "secretKeyRef", "fileKeyRef"] {
        each(name, &|reference| reference.get("key").need().into_iter().collect());
    }
    let whole = |detail| Cause::invalid(&source.path, &"".into(), detail);
    if sources == 0 {
        out.push(whole("must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
    } else if !env.get("value").text().is_empty() {
        out.push(whole("may not be specified when `value` is not empty"));
    } else if sources > 1 {
        out.push(whole("may not have more than one field specified at a time"));
    }
}

fn variables_from(list: &At<'_>, source: &At<'_>, out: &mut Vec<Cause>) {
    let references = ["configMapRef", "secretRef"].map(|name| source.get(name));
    let set: Vec<&At<'_>> = references.iter().filter(|reference| reference.is_set()).collect();
    for name in set.iter().map(|reference| reference.get("name")) {
        out.extend(name.need().or_else(|| name.dns_subdomain()));
    }
    let whole = |detail| Cause::invalid(&list.path, &"".into(), detail);
    match set.len() {
        0 => out.push(whole("must specify one of: `configMapRef` or `secretRef`")),
        1 => {}
        _ => out.push(whole("may not have more than one field specified at a time")),
    }
}

const FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
pub(super) const FILE_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// A field of the pod that its containers can read.
pub(super) fn field_ref(reference: &At<'_>, allowed: &[&str]) -> Vec<Cause> {
    let path = reference.get("fieldPath");
    if let Some(cause) = reference.get("apiVersion").need().or_else(|| path.need()) {
        return vec![cause];
    }
    let not_converted = |why: String| vec![path.invalid(&format!("error converting fieldPath: {why}"))];
    if reference.get("apiVersion").text() != "v1" {
        return not_converted(format!("unsupported pod version: {}", reference.get("apiVersion").text()));
    }
    let text = path.text();
    if let Some((map, key)) = text.strip_suffix("']").and_then(|text| text.split_once("['")) {
        return match map {
            "metadata.annotations" => At { value: &key.to_lowercase().into(), path: reference.path.clone() }.label_key(),
            "metadata.labels" => At { value: &key.into(), path: reference.path.clone() }.label_key(),
            _ => not_converted(format!("field label does not support subscript: {text}")),
        };
    }
    match text {
        "spec.host" => Vec::new(),
        _ if !FIELDS.contains(&text) => not_converted(format!("field label not supported: {text}")),
        _ => path.one_of(allowed).into_iter().collect(),
    }
}

const RESOURCE_FIELDS: [&str; 6] =
    ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];

/// A resource of a container that it can read.
pub(super) fn resource_field(reference: &At<'_>, in_file: bool) -> Vec<Cause> {
    let (container, resource) = (reference.get("containerName"), reference.get("resource"));
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| resource.text().starts_with(prefix));
    let cause = container.need().filter(|_| in_file).or_else(|| resource.need());
    cause.or_else(|| resource.one_of(&RESOURCE_FIELDS).filter(|_| !huge)).into_iter().collect()
}

fn resources(resources: &At<'_>, out: &mut Vec<Cause>) {
    let (limits, requests) = (resources.get("limits"), resources.get("requests"));
    for (name, quantity) in limits.entries() {
        resource(name, &quantity, out);
    }
    for (name, quantity) in requests.entries() {
        resource(name, &quantity, out);
        let limit = limits.get(name);
        let order = |a: Quantity, b: Quantity| a.cmp_value(&b);
        let Some(order) = parsed(&quantity).zip(parsed(&limit)).map(|(request, limit)| order(request, limit)) else {
            if !may_overcommit(name) && !limit.is_set() {
                out.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            continue;
        };
        let whole = |relation: &str| {
            let detail = format!("must be {relation} {name} limit of {}", limit.text());
            Cause::invalid(&requests.path, quantity.value, &detail)
        };
        if order.is_ne() && !may_overcommit(name) {
            out.push(whole("equal to"));
        } else if order.is_gt() {
            out.push(whole("less than or equal to"));
        }
    }
}

fn parsed(quantity: &At<'_>) -> Option<Quantity> {
    Quantity::parse(quantity.text())
}

/// Whether a resource is one of Kubernetes itself.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether more of a resource may be used than was asked for.
fn may_overcommit(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

fn resource(name: &str, quantity: &At<'_>, out: &mut Vec<Cause>) {
    let named = name.into();
    let key = At { value: &named, path: quantity.path.clone() };
    let problems = key.label_key();
    let (standard, bad_name) = (matches!(name, "cpu" | "memory" | "ephemeral-storage"), !problems.is_empty());
    out.extend(problems);
    if !name.contains('/') && !standard && !name.starts_with("hugepages-") {
        out.extend((!bad_name).then(|| key.invalid("must be a standard resource type or fully qualified")));
        out.push(key.invalid("must be a standard resource for containers"));
    }
    let Some(value) = parsed(quantity) else { return };
    if value.cmp_value(&Quantity::ZERO).is_lt() {
        out.push(quantity.invalid("must be greater than or equal to 0"));
    }
    if !is_native(name) && !value.is_whole() {
        out.push(quantity.invalid("must be an integer"));
    }
}
