//! Ingresses, network policies, endpoints and their slices.

use serde_json::Value;

use super::{each, set};
use crate::status::Cause;

pub(crate) fn default(kind: &str, object: &mut Value) {
    match kind {
        "NetworkPolicy" if object["spec"].is_object() => {
            let spec = &mut object["spec"];
            for rules in ["ingress", "egress"] {
                each(&mut spec[rules], |rule| each(&mut rule["ports"], |port| set(port, "protocol", "TCP".into())));
            }
            if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
                let egress = spec["egress"].as_array().is_some_and(|e| !e.is_empty());
                spec["policyTypes"] = if egress { serde_json::json!(["Ingress", "Egress"]) } else { serde_json::json!(["Ingress"]) };
            }
        }
        "IngressClass" if object["spec"]["parameters"].is_object() => set(&mut object["spec"]["parameters"], "scope", "Cluster".into()),
        "EndpointSlice" => each(&mut object["ports"], |port| {
            set(port, "name", "".into());
            set(port, "protocol", "TCP".into());
        }),
        "Endpoints" => each(&mut object["subsets"], |subset| each(&mut subset["ports"], |port| set(port, "protocol", "TCP".into()))),
        _ => {}
    }
}

/// A backend names its port by name or by number.
fn backend(backend: &Value, at: &str, out: &mut Vec<Cause>) {
    let port = &backend["service"]["port"];
    let number = port["number"].as_i64().unwrap_or(0) != 0;
    let name = !port["name"].as_str().unwrap_or_default().is_empty();
    if number && name {
        out.push(Cause::invalid(at, &"".into(), "cannot set both port name & port number"));
    } else if backend["service"].is_object() && !number && !name {
        out.push(Cause::required(at, "port name or number is required"));
    }
}

pub(crate) fn validate(kind: &str, new: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    if kind == "Ingress" {
        let spec = &new["spec"];
        if spec["rules"].as_array().is_none_or(Vec::is_empty) && !spec["defaultBackend"].is_object() {
            out.push(Cause::invalid("spec", &Value::Null, "either `defaultBackend` or `rules` must be specified"));
        }
        backend(&spec["defaultBackend"], "spec.defaultBackend", &mut out);
        for (i, rule) in spec["rules"].as_array().into_iter().flatten().enumerate() {
            for (j, path) in rule["http"]["paths"].as_array().into_iter().flatten().enumerate() {
                let at = format!("spec.rules[{i}].http.paths[{j}]");
                backend(&path["backend"], &format!("{at}.backend"), &mut out);
                if path["pathType"].as_str().unwrap_or_default().is_empty() {
                    out.push(Cause::required(format!("{at}.pathType"), "pathType must be specified"));
                }
                let text = path["path"].as_str().unwrap_or_default();
                if !text.starts_with('/') && (path["pathType"] == "Exact" || path["pathType"] == "Prefix" || !text.is_empty()) {
                    out.push(Cause::invalid(format!("{at}.path"), &text.into(), "must be an absolute path"));
                }
                if path["backend"]["service"].is_null() && path["backend"]["resource"].is_null() {
                    out.push(Cause::required(format!("{at}.backend"), "resource or service backend is required"));
                }
            }
        }
    }
    out
}
