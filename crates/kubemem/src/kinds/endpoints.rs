//! Endpoints and their slices.

use serde_json::Value;

use super::check::{address, items, plain_address, port, required, subdomain, text};
use super::{each, set};
use crate::status::{Cause, CauseType};

pub(super) fn default(kind: &str, object: &mut Value) {
    match kind {
        "EndpointSlice" => each(&mut object["ports"], |port| {
            set(port, "name", "".into());
            set(port, "protocol", "TCP".into());
        }),
        "Endpoints" => each(&mut object["subsets"], |subset| each(&mut subset["ports"], |port| set(port, "protocol", "TCP".into()))),
        _ => {}
    }
}

pub(super) fn validate(new: &Value) -> Vec<Cause> {
    let mut out = Vec::new();
    for (i, subset) in items(&new["subsets"]).iter().enumerate() {
        let at = format!("subsets[{i}]");
        if ["addresses", "notReadyAddresses"].iter().all(|list| items(&subset[*list]).is_empty()) {
            out.push(Cause::required(&at, "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (j, given) in items(&subset[list]).iter().enumerate() {
                let at = format!("{at}.{list}[{j}].ip");
                match address(&at, &given["ip"], &mut out) {
                    Some(ip) => plain_address(&at, &given["ip"], ip, &mut out),
                    None => out.push(Cause::invalid(&at, &given["ip"], "must be a valid IP address")),
                }
            }
        }
        let ports = items(&subset["ports"]);
        for (j, one) in ports.iter().enumerate() {
            let at = format!("{at}.ports[{j}]");
            if ports.len() > 1 {
                required(&format!("{at}.name"), &one["name"], &mut out);
            }
            port(&format!("{at}.port"), &one["port"], &mut out);
        }
    }
    out
}

pub(super) fn validate_slice(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let kind = text(&new["addressType"]);
    if old.is_some_and(|old| old["addressType"] != new["addressType"]) {
        out.push(Cause::invalid("addressType", &new["addressType"], "field is immutable"));
        return out;
    }
    required("addressType", &new["addressType"], &mut out);
    for (i, endpoint) in items(&new["endpoints"]).iter().enumerate() {
        let all = format!("endpoints[{i}].addresses");
        if items(&endpoint["addresses"]).is_empty() {
            out.push(Cause::required(&all, "must contain at least 1 address"));
        }
        for (j, given) in items(&endpoint["addresses"]).iter().enumerate() {
            let at = format!("{all}[{j}]");
            match kind {
                "IPv4" | "IPv6" => {
                    let Some(ip) = address(&at, given, &mut out) else { continue };
                    plain_address(&at, given, ip, &mut out);
                    if ip.is_ipv4() != (kind == "IPv4") {
                        out.push(Cause::invalid(&all, given, &format!("must be an {kind} address")));
                    }
                }
                "FQDN" => subdomain(&at, given, &mut out),
                _ => {}
            }
        }
    }
    let ports = items(&new["ports"]);
    for (i, one) in ports.iter().enumerate() {
        if ports[..i].iter().any(|other| other["name"] == one["name"]) {
            out.push(Cause::new(CauseType::Duplicate, format!("ports[{i}].name"), format!("Duplicate value: {}", one["name"])));
        }
    }
    out
}

/// What is not liked in a slice.
pub(super) fn warnings(new: &Value, old: Option<&Value>) -> Option<String> {
    (old.is_none() && new["addressType"] == "FQDN").then(|| "spec.addressType: FQDN endpoints are deprecated".to_owned())
}
