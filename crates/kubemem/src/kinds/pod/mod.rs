//! Pods and pod templates.

use serde_json::{Value, json};

use super::{each, set};
use crate::status::{Cause, CauseType};

mod container;
mod handler;
mod placement;
mod security;
mod spec;
mod update;
mod volume;
mod warning;

pub(crate) use spec::validate_template;
pub(crate) use update::validate;
pub(crate) use warning::warnings;

/// Defaults of a pod itself.
pub(crate) fn default_pod(pod: &mut Value) {
    // the address is the first of the addresses, whichever of both is given
    let (one, all) = (pod["status"]["podIP"].clone(), pod["status"]["podIPs"][0]["ip"].clone());
    match (one.as_str().filter(|ip| !ip.is_empty()), all.as_str()) {
        (Some(one), all) if all != Some(one) => pod["status"]["podIPs"] = json!([{"ip": one}]),
        (None, Some(first)) => pod["status"]["podIP"] = first.into(),
        _ => {}
    }
    let spec = &mut pod["spec"];
    if !spec.is_object() {
        *spec = json!({});
    }
    set(spec, "enableServiceLinks", true.into());
    if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
        spec["terminationGracePeriodSeconds"] = 1.into();
    }
    for list in ["containers", "initContainers"] {
        each(&mut spec[list], |container| {
            let limits = container["resources"]["limits"].clone();
            for (name, limit) in limits.as_object().into_iter().flatten() {
                set(&mut container["resources"]["requests"], name, limit.clone());
            }
        });
        if spec["hostNetwork"] == true {
            each(&mut spec[list], |container| {
                each(&mut container["ports"], |port| {
                    let number = port["containerPort"].clone();
                    set(port, "hostPort", number);
                });
            });
        }
    }
    default_spec(spec);
}

/// Defaults of a pod's spec, in a pod or in a template.
pub(crate) fn default_spec(spec: &mut Value) {
    if !spec.is_object() {
        *spec = json!({});
    }
    set(spec, "dnsPolicy", "ClusterFirst".into());
    set(spec, "restartPolicy", "Always".into());
    set(spec, "securityContext", json!({}));
    set(spec, "terminationGracePeriodSeconds", 30.into());
    set(spec, "schedulerName", "default-scheduler".into());
    // the old and the new name of one field
    let account =
        [&spec["serviceAccountName"], &spec["serviceAccount"]].into_iter().find(|v| v.as_str().is_some_and(|s| !s.is_empty())).cloned();
    if let Some(account) = account {
        spec["serviceAccountName"] = account.clone();
        spec["serviceAccount"] = account;
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(&mut spec[list], default_container);
    }
    each(&mut spec["volumes"], default_volume);
}

fn default_container(container: &mut Value) {
    if let Some(image) = container["image"].as_str().filter(|i| !i.is_empty()) {
        let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
        set(container, "imagePullPolicy", policy.into());
    } else if container["imagePullPolicy"].is_null() {
        container["imagePullPolicy"] = "Always".into();
    }
    set(container, "terminationMessagePath", "/dev/termination-log".into());
    set(container, "terminationMessagePolicy", "File".into());
    each(&mut container["ports"], |port| {
        set(port, "protocol", "TCP".into());
    });
    each(&mut container["env"], |env| source(&mut env["valueFrom"]));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = &mut container[probe];
        if probe.is_object() {
            set(probe, "timeoutSeconds", 1.into());
            set(probe, "periodSeconds", 10.into());
            set(probe, "successThreshold", 1.into());
            set(probe, "failureThreshold", 3.into());
            handler(probe);
        }
    }
    for hook in ["postStart", "preStop"] {
        if container["lifecycle"][hook].is_object() {
            handler(&mut container["lifecycle"][hook]);
        }
    }
}

fn handler(probe: &mut Value) {
    let get = &mut probe["httpGet"];
    if get.is_object() {
        set(get, "path", "/".into());
        set(get, "scheme", "HTTP".into());
    }
    let grpc = &mut probe["grpc"];
    if grpc.is_object() {
        set(grpc, "service", "".into());
    }
}

/// Where a variable or a file comes from: a field of the pod, or a resource of a container.
fn source(source: &mut Value) {
    if source["fieldRef"].is_object() {
        set(&mut source["fieldRef"], "apiVersion", "v1".into());
    }
    if source["resourceFieldRef"].is_object() {
        set(&mut source["resourceFieldRef"], "divisor", "0".into());
    }
}

fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    // what is no reference to an image has no tag at all
    let readable = !image.contains(char::is_whitespace) && !name.starts_with(|c: char| c.is_ascii_uppercase());
    if name.contains('@') || !readable {
        return false;
    }
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn default_volume(volume: &mut Value) {
    let sources = volume.as_object().map_or(0, |map| map.iter().filter(|(k, v)| *k != "name" && !v.is_null()).count());
    if sources == 0 {
        volume["emptyDir"] = json!({});
    }
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
        let inner = &mut volume[kind];
        if inner.is_object() {
            set(inner, "defaultMode", 420.into());
            each(&mut inner["items"], source);
            each(&mut inner["sources"], |part| {
                if part["serviceAccountToken"].is_object() {
                    set(&mut part["serviceAccountToken"], "expirationSeconds", 3600.into());
                }
                if part["downwardAPI"].is_object() {
                    each(&mut part["downwardAPI"]["items"], source);
                }
            });
        }
    }
    if volume["hostPath"].is_object() {
        set(&mut volume["hostPath"], "type", "".into());
    }
    if volume["ephemeral"]["volumeClaimTemplate"]["spec"].is_object() {
        set(&mut volume["ephemeral"]["volumeClaimTemplate"]["spec"], "volumeMode", "Filesystem".into());
    }
}

/// 422 for a value outside of its enumeration.
pub(crate) fn unsupported(field: String, value: &str, allowed: &[&str]) -> Cause {
    let allowed: Vec<String> = allowed.iter().map(|a| format!("\"{a}\"")).collect();
    let detail = format!("Unsupported value: \"{value}\": supported values: {}", allowed.join(", "));
    if value.is_empty() { Cause::required(field, "") } else { Cause::new(CauseType::NotSupported, field, detail) }
}
