//! Services and endpoints.

use serde_json::{Value, json};

use super::{each, set};
use crate::status::{Cause, CauseType};
use crate::verb::Call;

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
            port["targetPort"] = port["port"].clone();
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
}

/// Gives out addresses and ports.
pub(crate) fn allocate(call: &mut Call<'_>, new: &mut Value, old: Option<&Value>) {
    let kind = new["spec"]["type"].as_str().unwrap_or_default().to_owned();
    let spec = &mut new["spec"];
    if let (Some(old), Some(map)) = (old, spec.as_object_mut()) {
        // what only another type has goes with a change of the type, unless it is changed, too
        let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
        if !outside && map.get("externalTrafficPolicy") == old["spec"].get("externalTrafficPolicy") {
            map.remove("externalTrafficPolicy");
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
        } else if !ports && let Some(map) = port.as_object_mut() {
            map.remove("nodePort");
        }
    });
}

pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let spec = &new["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let headless = spec["clusterIP"] == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        out.push(Cause::required("spec.ports", ""));
    }
    if !matches!(kind, "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName") {
        out.push(super::pod::unsupported("spec.type".into(), kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]));
    }
    if kind == "ExternalName" && spec["externalName"].as_str().unwrap_or_default().is_empty() {
        out.push(Cause::required("spec.externalName", ""));
    }
    for (i, port) in ports.iter().enumerate() {
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            out.push(Cause::invalid(format!("spec.ports[{i}].port"), &number.into(), "must be between 1 and 65535, inclusive"));
        }
        let target = &port["targetPort"];
        if target.as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
            out.push(Cause::invalid(format!("spec.ports[{i}].targetPort"), target, "must be between 1 and 65535, inclusive"));
        }
        if ports.len() > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
            out.push(Cause::required(format!("spec.ports[{i}].name"), ""));
        }
        if ports[..i].iter().any(|p| p["port"] == port["port"] && p["protocol"] == port["protocol"]) {
            let shown = json!({"port": port["port"], "protocol": port["protocol"]});
            out.push(Cause::new(CauseType::Duplicate, format!("spec.ports[{i}]"), format!("Duplicate value: {shown}")));
        }
    }
    if kind != "LoadBalancer" && new["status"]["loadBalancer"]["ingress"].as_array().is_some_and(|list| !list.is_empty()) {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        out.push(Cause::forbidden("status.loadBalancer.ingress", detail));
    }
    let free = spec["clusterIP"] == "None" && spec["selector"].is_null();
    for (i, family) in spec["ipFamilies"].as_array().into_iter().flatten().enumerate() {
        if family == "IPv6" && !free {
            out.push(Cause::invalid(format!("spec.ipFamilies[{i}]"), family, "not configured on this cluster"));
        }
    }
    if let Some(old) = old {
        let was = old["spec"]["clusterIP"].as_str().unwrap_or_default();
        let changes_type = kind == "ExternalName" || old["spec"]["type"] == "ExternalName";
        if !changes_type && !was.is_empty() && spec["clusterIP"] != was {
            out.push(Cause::invalid("spec.clusterIPs[0]", &json!([spec["clusterIP"]]), "may not change once set"));
        }
    }
    out
}
