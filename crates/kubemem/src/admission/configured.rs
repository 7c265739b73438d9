//! Admission webhooks as the cluster's own configurations name them. Nobody is asked: one that could be reached allows, and one that
//! could not refuses the write where its `failurePolicy` is `Fail`.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::{Attempt, Write};
use crate::resource::TableKey;
use crate::status::ApiError;
use crate::store::labels_match;
use crate::verb::Call;

/// How long a webhook on this machine may take to accept a connection.
const PATIENCE: Duration = Duration::from_millis(200);

/// Fails where a webhook of a configuration must be asked about the write and cannot be.
pub(super) fn check(call: &Call<'_>, attempt: &Attempt<'_>, object: &Value, configurations: &str) -> Result<(), ApiError> {
    // nobody may lock the cluster by a webhook about webhooks
    if attempt.target.resource.group == "admissionregistration.k8s.io" {
        return Ok(());
    }
    for configuration in call.store.list(&TableKey::new("admissionregistration.k8s.io", configurations), "") {
        for hook in configuration["webhooks"].as_array().into_iter().flatten() {
            if hook["failurePolicy"] == "Ignore" || !is_asked(call, attempt, object, hook) {
                continue;
            }
            let name = hook["name"].as_str().unwrap_or_default();
            let effects = hook["sideEffects"].as_str().unwrap_or_default();
            if attempt.dry_run && !matches!(effects, "None" | "NoneOnDryRun") {
                return Err(ApiError::bad_request(format!("admission webhook {name:?} does not support dry run")));
            }
            if let Some(why) = unreachable(call, hook) {
                let message = format!("Internal error occurred: failed calling webhook {name:?}: failed to call webhook: {why}");
                return Err(ApiError::internal(message));
            }
        }
    }
    Ok(())
}

fn is_asked(call: &Call<'_>, attempt: &Attempt<'_>, object: &Value, hook: &Value) -> bool {
    let resource = &attempt.target.resource;
    let operation = match attempt.write {
        Write::Create => "CREATE",
        Write::Update => "UPDATE",
        Write::Delete => "DELETE",
    };
    let lists = |rule: &Value, field: &str, wanted: &str| {
        rule[field].as_array().is_some_and(|list| list.iter().filter_map(Value::as_str).any(|one| one == "*" || one == wanted))
    };
    let scoped = |rule: &Value| match rule["scope"].as_str() {
        Some("Namespaced") => resource.namespaced,
        Some("Cluster") => !resource.namespaced,
        _ => true,
    };
    let rules = hook["rules"].as_array();
    let ruled = rules.into_iter().flatten().any(|rule| {
        let plural = lists(rule, "resources", &resource.plural) || lists(rule, "resources", "*/*");
        plural
            && lists(rule, "operations", operation)
            && lists(rule, "apiGroups", &resource.group)
            && lists(rule, "apiVersions", &resource.version)
            && scoped(rule)
    });
    let namespace = call.store.get(&TableKey::new("", "namespaces"), "", &attempt.target.namespace);
    let selects = |selector: &Value, labels: &Value| selector.is_null() || labels_match(selector, labels);
    ruled
        && selects(&hook["objectSelector"], &object["metadata"]["labels"])
        && namespace.is_none_or(|namespace| selects(&hook["namespaceSelector"], &namespace["metadata"]["labels"]))
}

/// Why a webhook cannot be reached, if it cannot.
fn unreachable(call: &Call<'_>, hook: &Value) -> Option<String> {
    let (config, timeout) = (&hook["clientConfig"], hook["timeoutSeconds"].as_u64().unwrap_or(10));
    if let Some(url) = config["url"].as_str() {
        // only what may run on this machine can be looked for
        let address: SocketAddr = url.strip_prefix("https://")?.split('/').next()?.parse().ok()?;
        if !address.ip().is_loopback() || TcpStream::connect_timeout(&address, PATIENCE).is_ok() {
            return None;
        }
        return Some(format!("Post \"{url}?timeout={timeout}s\": dial tcp {address}: connect: connection refused"));
    }
    let service = &config["service"];
    let text = |field: &str| service[field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let port = service["port"].as_u64().unwrap_or(443);
    let post = format!("Post \"https://{name}.{namespace}.svc:{port}{}?timeout={timeout}s\"", text("path"));
    if call.store.get(&TableKey::new("", "services"), namespace, name).is_none() {
        return Some(format!("{post}: service \"{name}\" not found"));
    }
    let endpoints = call.store.get(&TableKey::new("", "endpoints"), namespace, name);
    let subsets = endpoints.and_then(|endpoints| endpoints["subsets"].as_array());
    let ready = subsets.into_iter().flatten().any(|subset| subset["addresses"].as_array().is_some_and(|list| !list.is_empty()));
    (!ready).then(|| format!("{post}: no endpoints available for service \"{name}\""))
}
