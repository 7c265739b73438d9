//! Kinds with little of their own: autoscaling, webhooks, classes; and what admission adds to pods.

use serde_json::{Value, json};

use super::check::text;
use super::{access, bounds, each, endpoints, scaling, set};
use crate::status::Cause;

pub(crate) fn default(group: &str, kind: &str, object: &mut Value) {
    match (group, kind) {
        ("rbac.authorization.k8s.io", kind) => access::default(kind, object),
        ("autoscaling", "HorizontalPodAutoscaler") if object["spec"].is_object() => {
            let spec = &mut object["spec"];
            set(spec, "minReplicas", 1.into());
            if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
                spec["metrics"] =
                    json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
            }
            for (side, defaults) in [
                (
                    "scaleUp",
                    json!({"selectPolicy": "Max", "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]}),
                ),
                ("scaleDown", json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]})),
            ] {
                if spec["behavior"].is_object() {
                    let rules = &mut spec["behavior"][side];
                    for (name, value) in defaults.as_object().into_iter().flatten() {
                        set(rules, name, value.clone());
                    }
                }
            }
        }
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            each(&mut object["webhooks"], |hook| {
                set(hook, "failurePolicy", "Fail".into());
                set(hook, "matchPolicy", "Equivalent".into());
                set(hook, "namespaceSelector", json!({}));
                set(hook, "objectSelector", json!({}));
                set(hook, "timeoutSeconds", 10.into());
                if kind == "MutatingWebhookConfiguration" {
                    set(hook, "reinvocationPolicy", "Never".into());
                }
                each(&mut hook["rules"], |rule| set(rule, "scope", "*".into()));
                if hook["clientConfig"]["service"].is_object() {
                    set(&mut hook["clientConfig"]["service"], "port", 443.into());
                }
            });
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy") if object["spec"].is_object() => {
            let spec = &mut object["spec"];
            set(spec, "failurePolicy", "Fail".into());
            if spec["matchConstraints"].is_object() {
                let rules = &mut spec["matchConstraints"];
                set(rules, "matchPolicy", "Equivalent".into());
                set(rules, "namespaceSelector", json!({}));
                set(rules, "objectSelector", json!({}));
                each(&mut rules["resourceRules"], |rule| set(rule, "scope", "*".into()));
            }
        }
        ("storage.k8s.io", "StorageClass") => {
            set(object, "reclaimPolicy", "Delete".into());
            set(object, "volumeBindingMode", "Immediate".into());
        }
        ("storage.k8s.io", "CSIDriver") if object["spec"].is_object() => {
            let spec = &mut object["spec"];
            set(spec, "attachRequired", true.into());
            set(spec, "podInfoOnMount", false.into());
            set(spec, "storageCapacity", false.into());
            set(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType".into());
            set(spec, "volumeLifecycleModes", json!(["Persistent"]));
            set(spec, "requiresRepublish", false.into());
            set(spec, "seLinuxMount", false.into());
        }
        ("scheduling.k8s.io", "PriorityClass") => set(object, "preemptionPolicy", "PreemptLowerPriority".into()),
        ("apiregistration.k8s.io", "APIService") if object["spec"]["service"].is_object() => {
            set(&mut object["spec"]["service"], "port", 443.into());
        }
        ("", "LimitRange") => bounds::default_limits(object),
        _ => {}
    }
}

pub(crate) fn validate(group: &str, kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    match (group, kind) {
        ("rbac.authorization.k8s.io", kind) => access::validate(kind, new, old),
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::validate(&new["spec"]),
        ("policy", "PodDisruptionBudget") => scaling::validate_budget(&new["spec"]),
        ("scheduling.k8s.io", "PriorityClass") => priority_class(new, old),
        ("", "ResourceQuota") => bounds::validate_quota(new),
        ("", "LimitRange") => bounds::validate_limits(new),
        ("", "Endpoints") => endpoints::validate(new),
        ("", "Namespace") => namespace(new),
        ("discovery.k8s.io", "EndpointSlice") => endpoints::validate_slice(new, old),
        _ => Vec::new(),
    }
}

/// The highest priority that a class of a user may have.
const HIGHEST: i64 = 1_000_000_000;

fn priority_class(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let name = text(&new["metadata"]["name"]);
    let known = matches!(name, "system-node-critical" | "system-cluster-critical");
    if let Some(old) = old {
        if new["value"] != old["value"] {
            out.push(Cause::forbidden("value", "may not be changed in an update."));
        }
        if new["preemptionPolicy"] != old["preemptionPolicy"] {
            out.push(Cause::invalid("preemptionPolicy", &new["preemptionPolicy"], "field is immutable"));
        }
        return out;
    }
    if name.starts_with("system-") && !known {
        let detail = format!(
            "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a known system priority class"
        );
        out.push(Cause::forbidden("metadata.name", &detail));
    } else if !known && new["value"].as_i64().is_some_and(|value| value > HIGHEST) {
        out.push(Cause::forbidden("value", &format!("maximum allowed value of a user defined priority is {HIGHEST}")));
    }
    out
}

fn namespace(new: &Value) -> Vec<Cause> {
    let (wanted, is) = if new["metadata"]["deletionTimestamp"].is_null() { ("Active", "") } else { ("Terminating", "not ") };
    let phase = &new["status"]["phase"];
    let detail = format!("may only be '{wanted}' if `deletionTimestamp` is {is}empty");
    if text(phase) == wanted || is.is_empty() && phase.is_null() {
        return Vec::new();
    }
    vec![Cause::invalid("status.Phase", phase, &detail)]
}

/// The fields of a coordinated election are not on by default: what is given in them is not kept.
pub(crate) fn drop_election(lease: &mut Value) {
    if let Some(spec) = lease["spec"].as_object_mut() {
        spec.retain(|name, _| !matches!(name.as_str(), "strategy" | "preferredHolder"));
    }
}

/// What admission adds to a new pod.
pub(crate) fn admit_pod(pod: &mut Value, token_suffix: Option<&str>) {
    let spec = &mut pod["spec"];
    if let Some(suffix) = token_suffix {
        const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
        let name = format!("kube-api-access-{suffix}");
        let mut mounted = false;
        for list in ["initContainers", "containers"] {
            each(&mut spec[list], |container| {
                let mut mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
                if !mounts.iter().any(|m| m["mountPath"] == PATH) {
                    mounted = true;
                    mounts.push(json!({"name": name, "readOnly": true, "mountPath": PATH}));
                    container["volumeMounts"] = mounts.into();
                }
            });
            if spec[list].is_null()
                && let Some(map) = spec.as_object_mut()
            {
                map.remove(list);
            }
        }
        if mounted {
            let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
            volumes.push(json!({"name": name, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}}));
            spec["volumes"] = volumes.into();
        }
    }
    set(spec, "serviceAccountName", "default".into());
    let account = spec["serviceAccountName"].clone();
    set(spec, "serviceAccount", account);
    set(spec, "preemptionPolicy", "PreemptLowerPriority".into());
    set(spec, "priority", 0.into());
    admit_tolerations(spec);
}

/// A pod stays for a while on a node that is lost.
pub(crate) fn admit_tolerations(spec: &mut Value) {
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !tolerations.iter().any(|t| t["key"] == key) {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    spec["tolerations"] = tolerations.into();
}

/// The quality-of-service class of a pod.
pub(crate) fn qos(spec: &Value) -> &'static str {
    let containers = || spec["containers"].as_array().into_iter().flatten().chain(spec["initContainers"].as_array().into_iter().flatten());
    // only these count
    let none = |c: &Value, side: &str| ["cpu", "memory"].iter().all(|name| c["resources"][side][*name].is_null());
    if containers().all(|c| none(c, "limits") && none(c, "requests")) {
        return "BestEffort";
    }
    let guaranteed = containers().all(|c| {
        let limits = &c["resources"]["limits"];
        ["cpu", "memory"].iter().all(|r| limits[*r].is_string() && c["resources"]["requests"][*r] == limits[*r])
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}
