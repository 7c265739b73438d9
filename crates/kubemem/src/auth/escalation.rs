//! Nobody gives away what they do not have: the check of new and changed roles and bindings.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::User;
use super::access::Access;
use super::rbac::{GROUP, authorize, list, path_covers, role_rules, rules_of};
use crate::status::ApiError;
use crate::verb::{Call, Target};

/// Refuses a role or a binding that would give more than its author may do.
pub(crate) fn check(call: &Call<'_>, user: &User, target: &Target, old: Option<&Value>, new: &Value) -> Result<(), ApiError> {
    if target.resource.group != GROUP || user.is_master() {
        return Ok(());
    }
    let refuse = |why: &str| ApiError::forbidden(&target.resource, new["metadata"]["name"].as_str().unwrap_or_default(), why);
    let may =
        |verb: &str, plural: &str, name: &str| authorize(call, user, &Access::to(verb, GROUP, plural, &target.namespace, name)).allowed;
    if old.is_some_and(|old| without_housekeeping(old) == without_housekeeping(new)) {
        return Ok(());
    }
    // what is being created has no name yet as far as rules go
    let own_name = if old.is_some() { target.name.as_str() } else { "" };
    let rules = match target.resource.kind.as_str() {
        kind @ ("Role" | "ClusterRole") => {
            if may("escalate", &target.resource.plural, own_name) {
                return Ok(());
            }
            if kind == "ClusterRole" && (new["aggregationRule"].is_object() || old.is_some_and(|old| old["aggregationRule"].is_object())) {
                covered(call, user, "", &everything())
                    .map_err(|_| refuse("must have cluster-admin privileges to use an aggregationRule"))?;
            }
            new["rules"].as_array().cloned().unwrap_or_default()
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            let reference = &new["roleRef"];
            let plural = if reference["kind"] == "Role" { "roles" } else { "clusterroles" };
            if may("bind", plural, reference["name"].as_str().unwrap_or_default()) {
                return Ok(());
            }
            role_rules(call, reference, &target.namespace).map_err(|error| not_found(reference, error))?
        }
        _ => return Ok(()),
    };
    covered(call, user, &target.namespace, &rules).map_err(|why| refuse(&why))
}

/// A binding to a role that is not there is answered as a read of the role.
fn not_found(reference: &Value, message: String) -> ApiError {
    let kind = if reference["kind"] == "Role" { "roles" } else { "clusterroles" };
    let details = json!({"name": reference["name"], "group": GROUP, "kind": kind});
    ApiError { details: Some(details), ..ApiError::new(http::StatusCode::NOT_FOUND, "NotFound", message) }
}

/// The rules of somebody who may do everything.
fn everything() -> [Value; 2] {
    [json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}), json!({"verbs": ["*"], "nonResourceURLs": ["*"]})]
}

/// An object without the fields by which it is kept or collected.
fn without_housekeeping(object: &Value) -> Value {
    let mut out = object.clone();
    if let Some(meta) = out["metadata"].as_object_mut() {
        meta.retain(|field, _| !matches!(field.as_str(), "ownerReferences" | "finalizers" | "managedFields" | "resourceVersion"));
    }
    out
}

/// One verb on one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grain {
    verb: String,
    on: On,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    Path(String),
    Resource { group: String, resource: String, name: Option<String> },
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    list(value).filter_map(|text| text.as_str().map(str::to_owned))
}

fn grains(rule: &Value) -> Vec<Grain> {
    let names: Vec<Option<String>> = match texts(&rule["resourceNames"]).map(Some).collect::<Vec<_>>() {
        none if none.is_empty() => vec![None],
        names => names,
    };
    let mut out = Vec::new();
    for group in texts(&rule["apiGroups"]) {
        for resource in texts(&rule["resources"]) {
            for verb in texts(&rule["verbs"]) {
                for name in names.clone() {
                    out.push(Grain { verb: verb.clone(), on: On::Resource { group: group.clone(), resource: resource.clone(), name } });
                }
            }
        }
    }
    for path in texts(&rule["nonResourceURLs"]) {
        out.extend(texts(&rule["verbs"]).map(|verb| Grain { verb, on: On::Path(path.clone()) }));
    }
    out
}

fn covers(rule: &Value, grain: &Grain) -> bool {
    let has = |field: &str, wanted: &str| list(&rule[field]).any(|own| own == "*" || own == wanted);
    let exactly = |field: &str, wanted: &str| list(&rule[field]).any(|own| own == wanted);
    has("verbs", &grain.verb)
        && match &grain.on {
            On::Path(path) => list(&rule["nonResourceURLs"]).filter_map(Value::as_str).any(|own| path_covers(own, path)),
            On::Resource { group, resource, name } => {
                let sub = resource.split_once('/').is_some_and(|(_, sub)| exactly("resources", &format!("*/{sub}")));
                let unnamed = list(&rule["resourceNames"]).next().is_none();
                has("apiGroups", group)
                    && (has("resources", resource) || sub)
                    && (unnamed || name.as_deref().is_some_and(|name| exactly("resourceNames", name)))
            }
        }
}

/// Whether a user's rules cover some; else the message that says which are missing.
fn covered(call: &Call<'_>, user: &User, namespace: &str, wanted: &[Value]) -> Result<(), String> {
    let own = rules_of(call, user, namespace);
    let missing: Vec<Grain> =
        wanted.iter().flat_map(grains).filter(|grain| !own.rules.iter().any(|(rule, _)| covers(rule, grain))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups),
        describe(&missing).into_iter().collect::<Vec<_>>().join("\n")
    );
    if !own.errors.is_empty() {
        message.push_str(&format!("; resolution errors: [{}]", super::rbac::aggregate(&own.errors)));
    }
    Err(message)
}

/// Lines of what is missing; verbs on the same resource stand together.
fn describe(missing: &[Grain]) -> BTreeSet<String> {
    let mut resources: Vec<(&On, Vec<String>)> = Vec::new();
    let mut out = BTreeSet::new();
    for grain in missing {
        match &grain.on {
            On::Path(path) => drop(out.insert(format!("{{NonResourceURLs:[{path:?}], Verbs:[{:?}]}}", grain.verb))),
            on => match resources.iter_mut().find(|(known, _)| *known == on) {
                Some((_, verbs)) => verbs.push(grain.verb.clone()),
                None => resources.push((on, vec![grain.verb.clone()])),
            },
        }
    }
    for (on, verbs) in resources {
        if let On::Resource { group, resource, name } = on {
            let name = name.as_ref().map(|name| format!(", ResourceNames:[{name:?}]")).unwrap_or_default();
            out.insert(format!("{{APIGroups:[{group:?}], Resources:[{resource:?}]{name}, Verbs:{}}}", quoted(&verbs)));
        }
    }
    out
}

/// A list of texts as Go writes it: `["a" "b"]`.
fn quoted(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" "))
}
