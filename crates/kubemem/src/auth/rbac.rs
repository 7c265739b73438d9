//! Rules: which a user has by roles and bindings, and what they allow.

use serde_json::Value;

use super::access::{Access, Action};
use super::{User, user};
use crate::resource::TableKey;
use crate::status::ApiError;
use crate::verb::Call;

pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// An answer to whether somebody may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    pub(crate) reason: String,
}

/// The rules of a user in a namespace, and what could not be resolved on the way.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// each with the binding that gives it
    pub(crate) rules: Vec<(Value, String)>,
    pub(crate) errors: Vec<String>,
}

/// Refuses what no rule allows.
pub(super) fn require(call: &Call<'_>, user: &User, access: &Access) -> Result<(), ApiError> {
    let verdict = authorize(call, user, access);
    if verdict.allowed { Ok(()) } else { Err(access.refused(user, &verdict.reason)) }
}

/// Whether a user may do something.
pub(crate) fn authorize(call: &Call<'_>, user: &User, access: &Access) -> Verdict {
    if user.is_master() {
        return Verdict { allowed: true, reason: String::new() };
    }
    let namespace = match &access.action {
        Action::Resource { namespace, .. } => namespace.as_str(),
        Action::Path(_) => "",
    };
    let found = rules_of(call, user, namespace);
    match found.rules.iter().find(|(rule, _)| allows(rule, access)) {
        Some((_, source)) => Verdict { allowed: true, reason: format!("RBAC: allowed by {source}") },
        None if found.errors.is_empty() => Verdict::default(),
        None => Verdict { allowed: false, reason: format!("RBAC: {}", aggregate(&found.errors)) },
    }
}

/// Several errors in one line.
pub(super) fn aggregate(errors: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for error in errors {
        if !unique.contains(&error.as_str()) {
            unique.push(error);
        }
    }
    match unique.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// The rules that apply to a user in a namespace, or cluster-wide where it is empty.
pub(crate) fn rules_of(call: &Call<'_>, user: &User, namespace: &str) -> Rules {
    let mut out = Rules::default();
    let mut add = |kind: &str, plural: &str, namespace: &str| {
        let Some(table) = call.store.table(&TableKey::new(GROUP, plural)) else { return };
        for (name, binding) in table.list(namespace) {
            let Some(subject) = list(&binding["subjects"]).find(|subject| is(user, subject, namespace)) else { continue };
            match role_rules(call, &binding["roleRef"], namespace) {
                Err(error) => out.errors.push(error),
                Ok(rules) => {
                    let own = if namespace.is_empty() { name.name.clone() } else { format!("{}/{namespace}", name.name) };
                    let text = |field: &str| binding["roleRef"][field].as_str().unwrap_or_default();
                    let source = format!("{kind} {own:?} of {} {:?} to {}", text("kind"), text("name"), describe(subject, namespace));
                    out.rules.extend(rules.into_iter().map(|rule| (rule, source.clone())));
                }
            }
        }
    };
    add("ClusterRoleBinding", "clusterrolebindings", "");
    if !namespace.is_empty() {
        add("RoleBinding", "rolebindings", namespace);
    }
    out
}

/// The rules of the role that a binding refers to.
pub(super) fn role_rules(call: &Call<'_>, reference: &Value, namespace: &str) -> Result<Vec<Value>, String> {
    let name = reference["name"].as_str().unwrap_or_default();
    let (plural, singular, place) = match reference["kind"].as_str() {
        Some("ClusterRole") => ("clusterroles", "clusterrole", ""),
        Some("Role") => ("roles", "role", namespace),
        other => return Err(format!("unsupported role reference kind: {:?}", other.unwrap_or_default())),
    };
    let role = call.store.get(&TableKey::new(GROUP, plural), place, name);
    let role = role.ok_or_else(|| format!("{singular}.{GROUP} {name:?} not found"))?;
    Ok(role["rules"].as_array().cloned().unwrap_or_default())
}

fn is(user: &User, subject: &Value, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.is_in(name),
        Some("ServiceAccount") => {
            let place = subject["namespace"].as_str().filter(|place| !place.is_empty()).unwrap_or(namespace);
            user::service_account(&user.name) == Some((place, name))
        }
        _ => false,
    }
}

fn describe(subject: &Value, namespace: &str) -> String {
    let text = |field: &str| subject[field].as_str().unwrap_or_default();
    match text("kind") {
        kind @ "ServiceAccount" => {
            let place = if text("namespace").is_empty() { namespace } else { text("namespace") };
            format!("{kind} {:?}", format!("{}/{place}", text("name")))
        }
        kind => format!("{kind} {:?}", text("name")),
    }
}

/// The items of a list, if it is one.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn allows(rule: &Value, access: &Access) -> bool {
    let has = |field: &str, wanted: &str| list(&rule[field]).any(|own| own == wanted);
    if !has("verbs", "*") && !has("verbs", &access.verb) {
        return false;
    }
    match &access.action {
        Action::Path(path) => list(&rule["nonResourceURLs"]).filter_map(Value::as_str).any(|own| path_covers(own, path)),
        Action::Resource { group, resource, subresource, name, .. } => {
            let full = if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
            let named = list(&rule["resourceNames"]).next().is_none() || has("resourceNames", name);
            (has("apiGroups", "*") || has("apiGroups", group))
                && (has("resources", "*")
                    || has("resources", &full)
                    || !subresource.is_empty() && has("resources", &format!("*/{subresource}")))
                && named
        }
    }
}

/// Whether a path of a rule covers a path.
pub(super) fn path_covers(own: &str, path: &str) -> bool {
    own == "*" || own == path || own.ends_with('*') && path.starts_with(own.trim_end_matches('*'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_and_what_they_allow() {
        let get = |resource: &str, sub: &str, name: &str| {
            let mut access = Access::to("get", "", resource, "a", name);
            if let Action::Resource { subresource, .. } = &mut access.action {
                *subresource = sub.into();
            }
            access
        };
        let rule = |resources: &[&str], names: &[&str]| json!({"verbs": ["get"], "apiGroups": [""], "resources": resources, "resourceNames": names});
        for (rule, access, want) in [
            (rule(&["pods"], &[]), get("pods", "", "x"), true),
            (rule(&["pods"], &[]), get("pods", "log", "x"), false),
            (rule(&["*/log"], &[]), get("pods", "log", "x"), true),
            (rule(&["*"], &[]), get("pods", "log", "x"), true),
            (rule(&["pods"], &["x"]), get("pods", "", "x"), true),
            (rule(&["pods"], &["x"]), get("pods", "", "y"), false),
            (rule(&["pods"], &["x"]), get("pods", "", ""), false),
            (rule(&["pods"], &[]), Access::to("list", "", "pods", "a", ""), false),
            (rule(&["pods"], &[]), Access::to("get", "apps", "pods", "a", ""), false),
        ] {
            assert_eq!(allows(&rule, &access), want, "{rule} {access:?}");
        }
        let paths = json!({"verbs": ["*"], "nonResourceURLs": ["/api", "/healthz/*"]});
        for (path, want) in [("/api", true), ("/api/v1", false), ("/healthz/etcd", true), ("/healthz", false)] {
            assert_eq!(allows(&paths, &Access { verb: "get".into(), action: Action::Path(path.into()) }), want, "{path}");
        }
    }
}
