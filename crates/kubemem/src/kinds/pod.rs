//! Pods and pod templates.

use serde_json::{Value, json};

use super::{each, set};
use crate::schema::Quantity;
use crate::status::{Cause, CauseType};

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
    each(&mut container["env"], |env| field_ref(&mut env["valueFrom"]));
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

fn field_ref(source: &mut Value) {
    if source["fieldRef"].is_object() {
        set(&mut source["fieldRef"], "apiVersion", "v1".into());
    }
}

fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains('@') {
        return false;
    }
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn default_volume(volume: &mut Value) {
    let sources = volume.as_object().map_or(0, |map| map.iter().filter(|(k, v)| *k != "name" && !v.is_null()).count());
    if sources == 0 {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let inner = &mut volume[source];
        if inner.is_object() {
            set(inner, "defaultMode", 420.into());
            each(&mut inner["items"], |item| {
                if item["fieldRef"].is_object() {
                    set(&mut item["fieldRef"], "apiVersion", "v1".into());
                }
            });
            each(&mut inner["sources"], |source| {
                if source["serviceAccountToken"].is_object() {
                    set(&mut source["serviceAccountToken"], "expirationSeconds", 3600.into());
                }
                if source["downwardAPI"].is_object() {
                    each(&mut source["downwardAPI"]["items"], field_ref);
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

/// The rules of a pod's spec.
pub(crate) fn validate_spec(spec: &Value, at: &str, out: &mut Vec<Cause>) {
    validate_spec_with(spec, at, &[], out);
}

/// The rules of a pod's spec that gets more volumes: those of a StatefulSet's claims.
pub(crate) fn validate_spec_with(spec: &Value, at: &str, claims: &[&str], out: &mut Vec<Cause>) {
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let volumes: Vec<&str> = spec["volumes"].as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).collect();
    for (i, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let name = volume["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            out.push(Cause::required(format!("{at}.volumes[{i}].name"), ""));
        } else if !crate::validation::is_label(name) {
            out.push(Cause::invalid(format!("{at}.volumes[{i}].name"), &name.into(), crate::validation::LABEL));
        } else if volumes[..i.min(volumes.len())].contains(&name) {
            out.push(Cause::new(CauseType::Duplicate, format!("{at}.volumes[{i}].name"), format!("Duplicate value: \"{name}\"")));
        }
    }
    let mounted: Vec<&str> = volumes.iter().chain(claims).copied().collect();
    if containers.is_empty() {
        out.push(Cause::required(format!("{at}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for list in ["initContainers", "containers"] {
        for (i, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let at = format!("{at}.{list}[{i}]");
            let name = container["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                out.push(Cause::required(format!("{at}.name"), ""));
            } else if !crate::validation::is_label(name) {
                out.push(Cause::invalid(format!("{at}.name"), &name.into(), crate::validation::LABEL));
            } else if names.contains(&name) {
                out.push(Cause::new(CauseType::Duplicate, format!("{at}.name"), format!("Duplicate value: \"{name}\"")));
            }
            names.push(name);
            validate_container(container, &at, &mounted, out);
        }
    }
    let policy = spec["restartPolicy"].as_str().unwrap_or_default();
    if !matches!(policy, "Always" | "OnFailure" | "Never") {
        out.push(unsupported(format!("{at}.restartPolicy"), policy, &["Always", "OnFailure", "Never"]));
    }
}

fn validate_container(container: &Value, at: &str, volumes: &[&str], out: &mut Vec<Cause>) {
    if container["image"].as_str().unwrap_or_default().is_empty() {
        out.push(Cause::required(format!("{at}.image"), ""));
    }
    for (i, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let number = port["containerPort"].as_i64().unwrap_or(0);
        if number == 0 {
            out.push(Cause::required(format!("{at}.ports[{i}].containerPort"), ""));
        } else if !(1..=65535).contains(&number) {
            out.push(Cause::invalid(format!("{at}.ports[{i}].containerPort"), &number.into(), "must be between 1 and 65535, inclusive"));
        }
    }
    for (i, env) in container["env"].as_array().into_iter().flatten().enumerate() {
        if env["name"].as_str().unwrap_or_default().is_empty() {
            out.push(Cause::required(format!("{at}.env[{i}].name"), ""));
        }
        if !env["value"].as_str().unwrap_or_default().is_empty() && env["valueFrom"].is_object() {
            out.push(Cause::invalid(format!("{at}.env[{i}].valueFrom"), &"".into(), "may not be specified when `value` is not empty"));
        }
    }
    for (i, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            out.push(Cause::required(format!("{at}.volumeMounts[{i}].name"), ""));
        } else if !volumes.contains(&name) {
            out.push(Cause::new(CauseType::NotFound, format!("{at}.volumeMounts[{i}].name"), format!("Not found: \"{name}\"")));
        }
        if mount["mountPath"].as_str().unwrap_or_default().is_empty() {
            out.push(Cause::required(format!("{at}.volumeMounts[{i}].mountPath"), ""));
        }
    }
    let policy = container["imagePullPolicy"].as_str().unwrap_or_default();
    if !matches!(policy, "Always" | "IfNotPresent" | "Never") {
        out.push(unsupported(format!("{at}.imagePullPolicy"), policy, &["Always", "IfNotPresent", "Never"]));
    }
    let limits = &container["resources"]["limits"];
    for (name, request) in container["resources"]["requests"].as_object().into_iter().flatten() {
        let parse = |v: &Value| v.as_str().and_then(Quantity::parse);
        if let (Some(request_value), Some(limit)) = (parse(request), parse(&limits[name]))
            && request_value.cmp_value(&limit).is_gt()
        {
            let detail = format!("must be less than or equal to {name} limit of {}", limits[name].as_str().unwrap_or_default());
            out.push(Cause::invalid(format!("{at}.resources.requests"), request, &detail));
        }
    }
}

/// 422 for a value outside of its enumeration.
pub(crate) fn unsupported(field: String, value: &str, allowed: &[&str]) -> Cause {
    let mut allowed: Vec<String> = allowed.iter().map(|a| format!("\"{a}\"")).collect();
    allowed.sort();
    let detail = format!("Unsupported value: \"{value}\": supported values: {}", allowed.join(", "));
    if value.is_empty() { Cause::required(field, "") } else { Cause::new(CauseType::NotSupported, field, detail) }
}
