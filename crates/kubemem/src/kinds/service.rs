//! Services and endpoints.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{address, items, network, plain_address, port, required, subdomain, text};
use super::{each, set};
use crate::status::{Cause, CauseType};
use crate::validation::{LABEL, is_label, labels};
use crate::verb::Call;

/// The first half of every address of a service.
const RANGE: [u8; 2] = [10, 96];

pub(crate) fn default_service(object: &mut Value) {
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    let spec = &mut object["spec"];
    set(spec, "sessionAffinity", "None".into());
    if spec["sessionAffinity"] == "ClientIP" && spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].is_null() {
        spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": 10800}});
    }
    if spec["sessionAffinity"] == "None" {
        spec["sessionAffinityConfig"] = Value::Null;
    }
    set(spec, "type", "ClusterIP".into());
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    each(&mut spec["ports"], |port| {
        set(port, "protocol", "TCP".into());
        if matches!(&port["targetPort"], Value::Null) || port["targetPort"] == 0 || port["targetPort"] == "" {
            port["targetPort"] = port["port"].as_i64().unwrap_or(0).into();
        }
    });
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set(spec, "externalTrafficPolicy", "Cluster".into());
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        set(spec, "internalTrafficPolicy", "Cluster".into());
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true.into());
    }
    each(&mut object["status"]["loadBalancer"]["ingress"], |ingress| {
        if !text(&ingress["ip"]).is_empty() {
            set(ingress, "ipMode", "VIP".into());
        }
    });
}

/// Gives out addresses and ports.
pub(crate) fn allocate(call: &mut Call<'_>, new: &mut Value, old: Option<&Value>) {
    let kind = new["spec"]["type"].as_str().unwrap_or_default().to_owned();
    let spec = &mut new["spec"];
    if kind == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local" {
        if let Some(old) = old {
            let before = old["spec"]["healthCheckNodePort"].clone();
            set(spec, "healthCheckNodePort", before);
        }
        if spec["healthCheckNodePort"].as_i64().unwrap_or(0) == 0 {
            spec["healthCheckNodePort"] = call.store.node_port().into();
        }
    }
    if let (Some(old), Some(map)) = (old, spec.as_object_mut()) {
        // what only another type has goes with a change of the type, unless it is changed, too
        let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
        if !outside && map.get("externalTrafficPolicy") == old["spec"].get("externalTrafficPolicy") {
            map.remove("externalTrafficPolicy");
        }
        if kind != "LoadBalancer" && old["spec"]["type"] == "LoadBalancer" {
            for field in ["allocateLoadBalancerNodePorts", "healthCheckNodePort", "loadBalancerClass"] {
                if map.get(field) == old["spec"].get(field) {
                    map.remove(field);
                }
            }
        }
        if kind == "ExternalName" && map.get("internalTrafficPolicy") == old["spec"].get("internalTrafficPolicy") {
            map.remove("internalTrafficPolicy");
        }
    }
    if kind == "ExternalName" {
        if let Some(map) = spec.as_object_mut()
            && old.is_some_and(|o| o["spec"]["type"] != "ExternalName")
        {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                map.remove(field);
            }
        }
        return;
    }
    if let Some(old) = old.filter(|o| o["spec"]["type"] != "ExternalName") {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[field].is_null() || spec[field] == "" {
                spec[field] = old["spec"][field].clone();
            }
        }
        // node ports stay with their ports
        let before = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
        each(&mut spec["ports"], |port| {
            if port["nodePort"].is_null()
                && let Some(same) = before.iter().find(|p| p["port"] == port["port"] && p["protocol"] == port["protocol"])
            {
                port["nodePort"] = same["nodePort"].clone();
            }
        });
    }
    if spec["clusterIP"].is_null() || spec["clusterIP"] == "" {
        spec["clusterIP"] = match spec["clusterIPs"][0].as_str() {
            Some(given) => given.into(),
            None => call.store.service_ip().into(),
        };
    }
    if spec["clusterIPs"].is_null() {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
    set(spec, "ipFamilies", json!(["IPv4"]));
    let selectorless = spec["selector"].is_null();
    let headless = spec["clusterIP"] == "None";
    set(spec, "ipFamilyPolicy", if headless && selectorless { "RequireDualStack" } else { "SingleStack" }.into());
    if headless && selectorless && spec["ipFamilies"] == json!(["IPv4"]) {
        spec["ipFamilies"] = json!(["IPv4", "IPv6"]);
    }
    let ports = kind == "NodePort" || kind == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false;
    each(&mut spec["ports"], |port| {
        if ports && port["nodePort"].as_i64().unwrap_or(0) == 0 {
            port["nodePort"] = call.store.node_port().into();
        } else if !ports
            && old.is_some()
            && let Some(map) = port.as_object_mut()
        {
            map.remove("nodePort");
        }
    });
}

/// After a change of the type, what a balancer reported is gone.
pub(crate) fn forget_balancer(new: &mut Value) {
    if new["spec"]["type"] != "LoadBalancer" && new["status"]["loadBalancer"]["ingress"].is_array() {
        new["status"]["loadBalancer"] = json!({});
    }
}

pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    let kind = text(&spec["type"]);
    let headless = spec["clusterIP"] == "None";
    if items(&spec["ports"]).is_empty() && !headless && kind != "ExternalName" {
        out.push(Cause::required("spec.ports", ""));
    }
    if !matches!(kind, "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName") {
        out.push(super::pod::unsupported("spec.type".into(), kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]));
    }
    if kind == "ExternalName" && required("spec.externalName", &spec["externalName"], &mut out) {
        let name = text(&spec["externalName"]);
        subdomain("spec.externalName", &name.strip_suffix('.').unwrap_or(name).into(), &mut out);
    }
    out.extend(labels(&spec["selector"], "spec.selector"));
    ports(spec, &mut out);
    outside(spec, &mut out);
    if kind != "LoadBalancer" && !items(&new["status"]["loadBalancer"]["ingress"]).is_empty() {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        out.push(Cause::forbidden("status.loadBalancer.ingress", detail));
    }
    let free = headless && spec["selector"].is_null();
    for (i, family) in items(&spec["ipFamilies"]).iter().enumerate() {
        if family == "IPv6" && !free {
            out.push(Cause::invalid(format!("spec.ipFamilies[{i}]"), family, "not configured on this cluster"));
        }
    }
    if spec["ipFamilyPolicy"] == "RequireDualStack" && !free {
        let detail = "this cluster is not configured for dual-stack services";
        out.push(Cause::invalid("spec.ipFamilyPolicy", &spec["ipFamilyPolicy"], detail));
    }
    match old {
        Some(old) => {
            let was = text(&old["spec"]["clusterIP"]);
            let changes_type = kind == "ExternalName" || old["spec"]["type"] == "ExternalName";
            if !changes_type && !was.is_empty() && spec["clusterIP"] != was {
                out.push(Cause::invalid("spec.clusterIPs[0]", &json!([spec["clusterIP"]]), "may not change once set"));
            }
        }
        None => addresses(spec, &mut out),
    }
    out
}

/// Addresses that a client asks for.
fn addresses(spec: &Value, out: &mut Vec<Cause>) {
    let kind = text(&spec["type"]);
    let asked = items(&spec["clusterIPs"]);
    if kind == "ExternalName" && !text(&spec["clusterIP"]).is_empty() {
        out.push(Cause::forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
    }
    let Some(first) = asked.first() else { return };
    if *first != spec["clusterIP"] {
        return out.push(Cause::invalid("spec.clusterIPs", &spec["clusterIPs"], "first value must match `clusterIP`"));
    }
    if first == "None" {
        if matches!(kind, "NodePort" | "LoadBalancer") {
            let detail = format!("may not be set to 'None' for {kind} services");
            out.push(Cause::invalid("spec.clusterIPs[0]", first, &detail));
        }
        return;
    }
    match address("spec.clusterIPs[0]", first, out) {
        Some(IpAddr::V4(ip)) if ip.octets()[..2] != RANGE => {
            let detail = format!("failed to allocate IP {ip}: the provided network does not match the current range");
            out.push(Cause::invalid("spec.clusterIPs", &spec["clusterIPs"], &detail));
        }
        Some(IpAddr::V6(_)) => {
            out.push(Cause::invalid("spec.clusterIPs[0]", &spec["clusterIPs"], "IPv6 is not configured on this cluster"));
        }
        _ => {}
    }
}

fn ports(spec: &Value, out: &mut Vec<Cause>) {
    let ports = items(&spec["ports"]);
    for (i, one) in ports.iter().enumerate() {
        let at = |field: &str| format!("spec.ports[{i}].{field}");
        port(&at("port"), &one["port"].as_i64().unwrap_or(0).into(), out);
        port(&at("targetPort"), &one["targetPort"], out);
        let name = text(&one["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                out.push(Cause::required(at("name"), ""));
            }
        } else if !is_label(name) {
            out.push(Cause::invalid(at("name"), &one["name"], LABEL));
        } else if ports[..i].iter().any(|other| other["name"] == name) {
            out.push(Cause::new(CauseType::Duplicate, at("name"), format!("Duplicate value: {}", one["name"])));
        }
        if ports[..i].iter().any(|other| other["port"] == one["port"] && other["protocol"] == one["protocol"]) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                one["protocol"], one["port"]
            );
            out.push(Cause::new(CauseType::Duplicate, format!("spec.ports[{i}]"), format!("Duplicate value: {shown}")));
        }
        let Some(node) = one["nodePort"].as_i64().filter(|number| *number != 0) else { continue };
        if spec["type"] == "ClusterIP" {
            out.push(Cause::forbidden(at("nodePort"), "may not be used when `type` is 'ClusterIP'"));
        } else if !(30000..=32767).contains(&node) {
            let detail = "provided port is not in the valid range. The range of valid ports is 30000-32767";
            out.push(Cause::invalid(at("nodePort"), &one["nodePort"], detail));
        }
    }
}

/// How a service is reached from outside.
fn outside(spec: &Value, out: &mut Vec<Cause>) {
    let kind = text(&spec["type"]);
    let addresses = items(&spec["externalIPs"]);
    for (i, given) in addresses.iter().enumerate() {
        let at = format!("spec.externalIPs[{i}]");
        if let Some(ip) = address(&at, given, out) {
            plain_address(&at, given, ip, out);
        }
    }
    let reached = matches!(kind, "NodePort" | "LoadBalancer") || kind == "ClusterIP" && !addresses.is_empty();
    let policy = &spec["externalTrafficPolicy"];
    if !text(policy).is_empty() && !reached {
        out.push(Cause::invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services"));
    }
    let ranges = items(&spec["loadBalancerSourceRanges"]);
    if !ranges.is_empty() && kind != "LoadBalancer" {
        out.push(Cause::forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"));
    } else {
        ranges.iter().enumerate().for_each(|(i, range)| {
            network(&format!("spec.LoadBalancerSourceRanges[{i}]"), range, out);
        });
    }
}
