//! Roles and their bindings.

use serde_json::{Value, json};

use super::check::{items, required, selector, subdomain, text};
use super::words::unlisted;
use super::{each, set};
use crate::status::Cause;
use crate::validation::segment_problem;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn default(kind: &str, object: &mut Value) {
    if matches!(kind, "RoleBinding" | "ClusterRoleBinding") {
        set(&mut object["roleRef"], "apiGroup", GROUP.into());
        each(&mut object["subjects"], |subject| {
            if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
                set(subject, "apiGroup", GROUP.into());
            }
        });
    }
}

pub(super) fn validate(kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    match kind {
        "Role" | "ClusterRole" => role(kind == "Role", new, &mut out),
        "RoleBinding" | "ClusterRoleBinding" => binding(kind == "RoleBinding", new, old, &mut out),
        _ => {}
    }
    out
}

fn role(namespaced: bool, new: &Value, out: &mut Vec<Cause>) {
    for (i, rule) in items(&new["rules"]).iter().enumerate() {
        let none = |field: &str| items(&rule[field]).is_empty();
        if none("verbs") {
            out.push(Cause::required(format!("rules[{i}].verbs"), "verbs must contain at least one value"));
        }
        if !none("nonResourceURLs") {
            let mut refuse = |why| out.push(Cause::invalid(format!("rules[{i}].nonResourceURLs"), &rule["nonResourceURLs"], why));
            if namespaced {
                refuse("namespaced rules cannot apply to non-resource URLs");
            }
            if !(none("apiGroups") && none("resources") && none("resourceNames")) {
                refuse("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if none("apiGroups") {
            out.push(Cause::required(format!("rules[{i}].apiGroups"), "resource rules must supply at least one api group"));
        }
        if none("resources") {
            out.push(Cause::required(format!("rules[{i}].resources"), "resource rules must supply at least one resource"));
        }
    }
    if new["aggregationRule"].is_object() {
        let at = "aggregationRule.clusterRoleSelectors";
        let selectors = items(&new["aggregationRule"]["clusterRoleSelectors"]);
        if selectors.is_empty() {
            out.push(Cause::required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
        }
        selectors.iter().enumerate().for_each(|(i, wanted)| selector(&format!("{at}[{i}]"), wanted, out));
    }
}

fn binding(namespaced: bool, new: &Value, old: Option<&Value>, out: &mut Vec<Cause>) {
    let role = &new["roleRef"];
    if old.is_some_and(|old| *role != old["roleRef"]) {
        let shown = json!({"APIGroup": text(&role["apiGroup"]), "Kind": text(&role["kind"]), "Name": text(&role["name"])});
        out.push(Cause::invalid("roleRef", &shown, "cannot change roleRef"));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"])) {
        out.push(unlisted("roleRef.kind", text(&role["kind"]), kinds));
    }
    if required("roleRef.name", &role["name"], out) {
        out.extend(segment_problem(text(&role["name"])).map(|problem| Cause::invalid("roleRef.name", &role["name"], problem)));
    }
    for (i, subject) in items(&new["subjects"]).iter().enumerate() {
        let at = |field: &str| format!("subjects[{i}].{field}");
        let named = required(&at("name"), &subject["name"], out);
        let kind = text(&subject["kind"]);
        let group = match kind {
            "ServiceAccount" => {
                if named {
                    subdomain(&at("name"), &subject["name"], out);
                }
                if !namespaced {
                    required(&at("namespace"), &subject["namespace"], out);
                }
                ""
            }
            "User" | "Group" => GROUP,
            _ => {
                out.push(unlisted(at("kind"), kind, &["ServiceAccount", "User", "Group"]));
                continue;
            }
        };
        if text(&subject["apiGroup"]) != group {
            out.push(unlisted(at("apiGroup"), text(&subject["apiGroup"]), &[group]));
        }
    }
}
