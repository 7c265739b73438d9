//! The rules of a pod's spec, in a pod or in a template.

use serde_json::Value;

use super::container::{self, Surroundings, trimmed_image};
use super::{placement, security, volume};
use crate::kinds::at::At;
use crate::status::Cause;
use crate::validation;

/// The rules of a pod's spec; a StatefulSet's claims are volumes, too.
pub(super) fn validate_spec(spec: &Value, at: &str, claims: &[&str], out: &mut Vec<Cause>) {
    let in_pod = at == "spec";
    let spec = &At::new(spec, at);
    let mut volumes = volume::all(&spec.get("volumes"), out);
    volumes.extend(claims);
    let grace = spec.get("terminationGracePeriodSeconds").number();
    container::all(spec, &Surroundings { volumes, grace }, out);
    if spec.value["hostNetwork"] == true {
        host_network(spec, in_pod, out);
    }
    let policy = spec.get("restartPolicy");
    out.extend(policy.need().or_else(|| policy.one_of(&["Always", "OnFailure", "Never"])));
    let dns = spec.get("dnsPolicy");
    out.extend(dns.need().or_else(|| dns.one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])));
    out.extend(validation::labels(spec.get("nodeSelector").value, &spec.get("nodeSelector").path));
    security::pod(&spec.get("securityContext"), out);
    placement::affinity(&spec.get("affinity"), out);
    let config = spec.get("dnsConfig");
    if dns.text() == "None" && !config.is_set() {
        out.push(config.required("must provide `dnsConfig` when `dnsPolicy` is None"));
    } else if dns.text() == "None" && config.get("nameservers").items().is_empty() {
        out.push(config.get("nameservers").required("must provide at least one DNS nameserver when `dnsPolicy` is None"));
    }
    out.extend(spec.get("readinessGates").items().iter().flat_map(|gate| gate.get("conditionType").label_key()));
    placement::spreading(&spec.get("topologySpreadConstraints"), out);
    let given = |field: &str| Some(spec.get(field)).filter(|field| !field.text().is_empty());
    out.extend(given("serviceAccountName").and_then(|name| name.dns_subdomain()));
    out.extend(given("nodeName").and_then(|name| name.dns_subdomain()));
    out.extend(spec.get("activeDeadlineSeconds").within(1, i64::from(i32::MAX)));
    out.extend(["hostname", "subdomain"].into_iter().filter_map(given).filter_map(|name| name.dns_label()));
    placement::tolerations(&spec.get("tolerations"), out);
    out.extend(["priorityClassName", "runtimeClassName"].into_iter().filter_map(given).filter_map(|name| name.dns_subdomain()));
    out.extend(spec.get("preemptionPolicy").one_of(&["PreemptLowerPriority", "Never"]));
    if in_pod {
        for list in ["containers", "initContainers"] {
            spec.get(list).items().iter().for_each(|container| trimmed_image(container, out));
        }
    }
}

/// The rules of a pod's template.
pub(crate) fn validate_template(template: &Value, at: &str, claims: &[&str], out: &mut Vec<Cause>) {
    out.extend(validation::labels(&template["metadata"]["labels"], &format!("{at}.labels")));
    validate_spec(&template["spec"], &format!("{at}.spec"), claims, out);
    let ephemeral = At::new(&template["spec"]["ephemeralContainers"], &format!("{at}.spec.ephemeralContainers"));
    if !ephemeral.items().is_empty() {
        out.push(ephemeral.forbidden("ephemeral containers not allowed in pod template"));
    }
}

fn host_network(spec: &At<'_>, in_pod: bool, out: &mut Vec<Cause>) {
    for port in spec.get("containers").items().iter().flat_map(|container| container.get("ports").items()) {
        let (host, number) = (port.get("hostPort"), port.get("containerPort"));
        let given = host.number().unwrap_or(0);
        if (in_pod || given != 0) && Some(given) != number.number() {
            out.push(Cause::invalid(&host.path, &given.into(), "must match `containerPort` when `hostNetwork` is true"));
        }
    }
}
