//! The rules of probes and lifecycle hooks.

use crate::kinds::at::At;
use crate::status::Cause;

/// The probes of a container.
pub(super) fn probes(container: &At<'_>, grace: Option<i64>, out: &mut Vec<Cause>) {
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.get(name);
        if !probe.is_set() {
            continue;
        }
        handler(&probe, grace, out);
        let numbers = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
        out.extend(numbers.iter().filter_map(|field| probe.get(field).not_negative()));
        let own_grace = probe.get("terminationGracePeriodSeconds");
        if own_grace.number().is_some_and(|seconds| seconds <= 0) {
            out.push(own_grace.invalid("must be greater than 0"));
        }
        let threshold = probe.get("successThreshold");
        if name == "readinessProbe" {
            out.extend(own_grace.is_set().then(|| own_grace.invalid("must not be set for readinessProbes")));
        } else if threshold.number() != Some(1) {
            out.push(threshold.invalid("must be 1"));
        }
    }
}

/// What a container does when it starts and before it stops.
pub(super) fn lifecycle(lifecycle: &At<'_>, grace: Option<i64>, out: &mut Vec<Cause>) {
    for hook in ["postStart", "preStop"].map(|name| lifecycle.get(name)) {
        if hook.is_set() {
            handler(&hook, grace, out);
        }
    }
}

fn handler(handler: &At<'_>, grace: Option<i64>, out: &mut Vec<Cause>) {
    let mut found = 0;
    for name in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let action = handler.get(name);
        if !action.is_set() {
            continue;
        }
        found += 1;
        if found > 1 {
            out.push(action.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        match name {
            "exec" => {
                let command = action.get("command");
                out.extend(command.items().is_empty().then(|| command.required("")));
            }
            "httpGet" => {
                out.extend(action.get("path").need());
                out.extend(action.get("port").port());
                out.extend(action.get("scheme").one_of(&["HTTP", "HTTPS"]));
                for header in action.get("httpHeaders").items() {
                    let name = At { path: action.get("httpHeaders").path, ..header.get("name") };
                    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
                    if name.text().is_empty() || !name.text().chars().all(fine) {
                        out.push(name.invalid("a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"));
                    }
                }
            }
            "sleep" => {
                let seconds = action.get("seconds").number().unwrap_or(0);
                if let Some(grace) = grace.filter(|grace| seconds < 0 || seconds > *grace) {
                    let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                    out.push(Cause::invalid(&action.path, &seconds.into(), &detail));
                }
            }
            _ => out.extend(action.get("port").port()),
        }
    }
    if found == 0 {
        out.push(handler.required("must specify a handler type"));
    }
}
