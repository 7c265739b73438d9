//! Ingresses, their classes, and network policies.

use std::net::IpAddr;

use serde_json::Value;

use super::check::{host, items, network, port, required, selector, strictly_within, subdomain, text};
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

pub(crate) fn validate(kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    match kind {
        "Ingress" => ingress(&new["spec"], &mut out),
        "IngressClass" => class(&new["spec"], old, &mut out),
        "NetworkPolicy" => policy(&new["spec"], &mut out),
        _ => {}
    }
    out
}

fn ingress(spec: &Value, out: &mut Vec<Cause>) {
    if items(&spec["rules"]).is_empty() && !spec["defaultBackend"].is_object() {
        out.push(Cause::invalid("spec", &Value::Null, "either `defaultBackend` or `rules` must be specified"));
    }
    subdomain("spec.ingressClassName", &spec["ingressClassName"], out);
    backend(&spec["defaultBackend"], "spec.defaultBackend", out);
    for (i, rule) in items(&spec["rules"]).iter().enumerate() {
        let at = format!("spec.rules[{i}]");
        if text(&rule["host"]).parse::<IpAddr>().is_ok() {
            out.push(Cause::invalid(format!("{at}.host"), &rule["host"], "must be a DNS name, not an IP address"));
        } else if !text(&rule["host"]).is_empty() {
            host(&format!("{at}.host"), &rule["host"], out);
        }
        let paths = items(&rule["http"]["paths"]);
        if rule["http"].is_object() && paths.is_empty() {
            out.push(Cause::required(format!("{at}.http.paths"), ""));
        }
        paths.iter().enumerate().for_each(|(j, path)| ingress_path(&format!("{at}.http.paths[{j}]"), path, out));
    }
    for (i, tls) in items(&spec["tls"]).iter().enumerate() {
        items(&tls["hosts"]).iter().enumerate().for_each(|(j, name)| host(&format!("spec.tls[{i}].hosts[{j}]"), name, out));
        if !text(&tls["secretName"]).is_empty() {
            subdomain(&format!("spec.tls[{i}].secretName"), &tls["secretName"], out);
        }
    }
}

fn ingress_path(at: &str, path: &Value, out: &mut Vec<Cause>) {
    backend(&path["backend"], &format!("{at}.backend"), out);
    let kind = text(&path["pathType"]);
    if kind.is_empty() {
        out.push(Cause::required(format!("{at}.pathType"), "pathType must be specified"));
    }
    let given = text(&path["path"]);
    let strict = matches!(kind, "Exact" | "Prefix");
    let mut refuse = |why: &str| out.push(Cause::invalid(format!("{at}.path"), &given.into(), why));
    if !given.starts_with('/') && (strict || !given.is_empty()) {
        refuse("must be an absolute path");
    }
    if strict {
        for part in ["//", "/./", "/../", "%2f", "%2F"].into_iter().filter(|part| given.contains(part)) {
            refuse(&format!("must not contain '{part}'"));
        }
        for end in ["/..", "/."].into_iter().filter(|end| given.ends_with(end)) {
            refuse(&format!("cannot end with '{end}'"));
        }
    }
    if path["backend"]["service"].is_null() && path["backend"]["resource"].is_null() {
        out.push(Cause::invalid(format!("{at}.backend"), &"".into(), "resource or service backend is required"));
    }
}

fn class(spec: &Value, old: Option<&Value>, out: &mut Vec<Cause>) {
    let at = "spec.controller";
    let given = &spec["controller"];
    if old.is_some_and(|old| old["spec"]["controller"] != *given) {
        return out.push(Cause::invalid(at, given, "field is immutable"));
    }
    if !required(at, given, out) {
        return;
    }
    match text(given).split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            subdomain(at, &domain.into(), out);
            let fits = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
            if !path.chars().all(fits) {
                let detail = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
                out.push(Cause::invalid(at, &path.into(), detail));
            }
        }
        _ => out.push(Cause::invalid(at, given, "must be a domain-prefixed path (such as \"acme.io/foo\")")),
    }
}

fn policy(spec: &Value, out: &mut Vec<Cause>) {
    selector("spec.podSelector", &spec["podSelector"], out);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in items(&spec[direction]).iter().enumerate() {
            let at = format!("spec.{direction}[{i}]");
            for (j, one) in items(&rule["ports"]).iter().enumerate() {
                policy_port(&format!("{at}.ports[{j}]"), one, out);
            }
            for (j, one) in items(&rule[peers]).iter().enumerate() {
                peer(&format!("{at}.{peers}[{j}]"), one, out);
            }
        }
    }
}

fn policy_port(at: &str, one: &Value, out: &mut Vec<Cause>) {
    port(&format!("{at}.port"), &one["port"], out);
    let Some(end) = one["endPort"].as_i64() else { return };
    match one["port"].as_i64() {
        Some(first) if first > end => {
            out.push(Cause::invalid(format!("{at}.endPort"), &one["port"], "must be greater than or equal to `port`"));
        }
        None if one["port"].is_string() => {
            out.push(Cause::invalid(format!("{at}.endPort"), &one["endPort"], "may not be specified when `port` is non-numeric"));
        }
        None => out.push(Cause::invalid(format!("{at}.endPort"), &one["endPort"], "may not be specified when `port` is not specified")),
        _ => {}
    }
    port(&format!("{at}.endPort"), &one["endPort"], out);
}

fn peer(at: &str, peer: &Value, out: &mut Vec<Cause>) {
    let selectors: Vec<&str> = ["podSelector", "namespaceSelector"].into_iter().filter(|name| peer[*name].is_object()).collect();
    let block = &peer["ipBlock"];
    for name in &selectors {
        selector(&format!("{at}.{name}"), &peer[*name], out);
    }
    match (block.is_object(), selectors.is_empty()) {
        (false, true) => out.push(Cause::required(at, "must specify a peer")),
        (true, false) => out.push(Cause::forbidden(at, "may not specify both ipBlock and another peer")),
        _ => {}
    }
    if !block.is_object() || !required(&format!("{at}.ipBlock.cidr"), &block["cidr"], out) {
        return;
    }
    let whole = network(&format!("{at}.ipBlock.cidr"), &block["cidr"], out);
    for (i, except) in items(&block["except"]).iter().enumerate() {
        let at = format!("{at}.ipBlock.except[{i}]");
        if let (Some(part), Some(whole)) = (network(&at, except, out), whole)
            && !strictly_within(part, whole)
        {
            out.push(Cause::invalid(&at, except, "must be a strict subset of `cidr`"));
        }
    }
}
