//! Validation of new and changed objects: metadata here, each kind's own rules in `kinds`.

use serde_json::Value;

use crate::kinds;
use crate::resource::Resource;
use crate::schema::{Structural, evaluate, validate};
use crate::status::{Cause, CauseType};
use crate::verb::Call;

pub(crate) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
pub(crate) const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The rules of a kind, for a new object or for a change of `old`; and what is only to be told.
pub(crate) fn object(call: &Call<'_>, resource: &Resource, new: &Value, old: Option<&Value>) -> (Vec<Cause>, Vec<String>) {
    match &resource.custom {
        Some(custom) => custom_object(&custom.structural, new, old),
        None => (kinds::validate(call, resource, new, old), kinds::warnings(resource, new, old)),
    }
}

fn custom_object(structural: &Structural, new: &Value, old: Option<&Value>) -> (Vec<Cause>, Vec<String>) {
    use CauseType::{Duplicate, NotSupported, Required, TooLong, TooMany, TypeInvalid};
    let mut causes = validate(new, old, &structural.schema);
    if !structural.has_rules {
        return (causes, Vec::new());
    }
    let blocking = |cause: &Cause| matches!(cause.kind, Required | NotSupported | TooLong | TooMany | Duplicate | TypeInvalid);
    if causes.iter().any(blocking) {
        let detail =
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
        causes.push(Cause::invalid("<nil>", &Value::Null, detail));
        return (causes, Vec::new());
    }
    let verdict = evaluate(new, old, &structural.schema);
    causes.extend(verdict.causes);
    (causes, verdict.warnings.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect())
}

/// The rules of `metadata`.
pub(crate) fn metadata(object: &Value, resource: &Resource) -> Vec<Cause> {
    let meta = &object["metadata"];
    let mut out = Vec::new();
    match meta["name"].as_str().unwrap_or_default() {
        "" => out.push(Cause::required("metadata.name", "name or generateName is required")),
        name => {
            let prefix = meta["generateName"].as_str().unwrap_or_default();
            let bad_prefix = (!prefix.is_empty()).then(|| name_problem(resource, prefix.trim_end_matches('-'))).flatten();
            out.extend(bad_prefix.map(|problem| Cause::invalid("metadata.generateName", &prefix.into(), problem)));
            if let Some(problem) = name_problem(resource, name) {
                out.push(Cause::invalid("metadata.name", &name.into(), problem));
            }
        }
    }
    out.extend(common(meta, resource));
    out
}

/// What is accepted in metadata, but not liked.
pub(crate) fn metadata_warnings(new: &Value, old: Option<&Value>, resource: &Resource) -> Vec<String> {
    let before = old.and_then(|old| old["metadata"]["finalizers"].as_array()).cloned().unwrap_or_default();
    let unqualified = |f: &&Value| !f.as_str().is_some_and(|text| text.contains('/') || is_standard_finalizer(text));
    let new = new["metadata"]["finalizers"].as_array().into_iter().flatten();
    new.filter(|f| resource.custom.is_some() && !before.contains(f))
        .filter(unqualified)
        .map(|f| format!("metadata.finalizers: {f}: prefer a domain-qualified finalizer name{} to avoid accidental conflicts with other finalizer writers", if f.as_str().is_some_and(|f| f.contains('.')) { " including a path (/)" } else { "" }))
        .collect()
}

fn is_standard_finalizer(name: &str) -> bool {
    matches!(name, "orphan" | "foregroundDeletion" | "kubernetes")
}

/// The rules of a change of `metadata`.
pub(crate) fn metadata_update(new: &Value, old: &Value, resource: &Resource) -> Vec<Cause> {
    let meta = &new["metadata"];
    let mut out = Vec::new();
    if old["metadata"]["deletionTimestamp"].is_string() {
        let before = old["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let added: Vec<&Value> = meta["finalizers"].as_array().into_iter().flatten().filter(|f| !before.contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("\"{}\"", f.as_str().unwrap_or_default())).collect();
            let shown = format!("[]string{{{}}}", list.join(", "));
            out.push(Cause::forbidden(
                "metadata.finalizers",
                &format!("no new finalizers can be added if the object is being deleted, found new finalizers {shown}"),
            ));
        }
    }
    out.extend(common(meta, resource));
    out
}

fn name_problem(resource: &Resource, name: &str) -> Option<&'static str> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("rbac.authorization.k8s.io", _) | ("events.k8s.io", _) | ("", "Event") => segment_problem(name),
        ("", "Namespace" | "Service") if name.len() > 63 => Some("must be no more than 63 bytes"),
        ("", "Namespace" | "Service") if name.contains('.') => Some("must not contain dots"),
        ("", "Namespace" | "Service") => (!is_label(name)).then_some(LABEL),
        _ if name.len() > 253 => Some("must be no more than 253 characters"),
        _ => (!is_subdomain(name)).then_some(SUBDOMAIN),
    }
}

/// Why a name cannot be a part of a path.
pub(crate) fn segment_problem(name: &str) -> Option<&'static str> {
    match name {
        "." => Some("may not be '.'"),
        ".." => Some("may not be '..'"),
        _ if name.contains('/') => Some("may not contain '/'"),
        _ => name.contains('%').then_some("may not contain '%'"),
    }
}

pub(crate) fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

pub(crate) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !part.is_empty() && part.chars().all(inner) && !part.starts_with('-') && !part.ends_with('-')
        })
}

fn is_name_part(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && edge(text.chars().next())
        && edge(text.chars().last())
}

/// Why a qualified name is refused.
pub(crate) fn key_problems(key: &str) -> Vec<String> {
    let mut out = Vec::new();
    if key.matches('/').count() > 1 {
        return vec![format!(
            "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
            QUALIFIED.trim_start_matches("name part ")
        )];
    }
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            if prefix.is_empty() {
                out.push("prefix part must be non-empty".to_owned());
            } else if !is_subdomain(&prefix.to_lowercase()) || prefix.to_lowercase() != prefix {
                out.push(format!("prefix part {SUBDOMAIN}"));
            }
            name
        }
    };
    if name.is_empty() {
        out.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        out.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name_part(name) {
        out.push(QUALIFIED.to_owned());
    }
    out
}

/// Why a label key is refused.
pub(crate) fn label_key_problem(key: &str) -> Option<String> {
    key_problems(key).into_iter().next()
}

/// Why the value of a label is refused.
pub(crate) fn label_value_problem(value: &str) -> Option<&'static str> {
    if value.len() > 63 {
        return Some("must be no more than 63 bytes");
    }
    (!value.is_empty() && !is_name_part(value)).then_some(LABEL_VALUE)
}

/// The rules of labels, wherever they are.
pub(crate) fn labels(labels: &Value, at: &str) -> Vec<Cause> {
    let mut out = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        out.extend(key_problems(key).into_iter().map(|p| Cause::invalid(at, &key.as_str().into(), &p)));
        if let Some(problem) = label_value_problem(value.as_str().unwrap_or_default()) {
            out.push(Cause::invalid(at, value, problem));
        }
    }
    out
}

/// The fields of an object that are there, in an order of their own.
fn in_order(object: &Value, fields: &[&str]) -> String {
    let shown: Vec<String> = fields.iter().filter(|f| !object[**f].is_null()).map(|f| format!("\"{f}\":{}", object[*f])).collect();
    format!("{{{}}}", shown.join(","))
}

fn common(meta: &Value, resource: &Resource) -> Vec<Cause> {
    let mut out = labels(&meta["labels"], "metadata.labels");
    let mut size = 0;
    for (key, value) in meta["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        let keys = key_problems(&key.to_lowercase());
        out.extend(keys.into_iter().map(|p| Cause::invalid("metadata.annotations", &key.as_str().into(), &p)));
    }
    if size > 256 * 1024 {
        out.push(Cause::new(CauseType::TooLong, "metadata.annotations", "Too long: may not be more than 262144 bytes"));
    }
    let owners = meta["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    for owner in owners {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let what = if field == "apiVersion" { "version must not be empty" } else { "must not be empty" };
                out.push(Cause::invalid(format!("metadata.ownerReferences.{field}"), &"".into(), what));
            }
        }
        if owner["kind"] == "Event" && owner["apiVersion"] == "v1" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            out.push(Cause::invalid("metadata.ownerReferences", owner, detail));
        }
    }
    let controllers: Vec<&Value> = owners.iter().filter(|owner| owner["controller"] == true).collect();
    if let [first, .., last] = controllers[..] {
        let shown =
            |owner: &Value| format!("{}/{}", owner["kind"].as_str().unwrap_or_default(), owner["name"].as_str().unwrap_or_default());
        let fields = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
        let list: Vec<String> = owners.iter().map(|owner| in_order(owner, &fields)).collect();
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            shown(first),
            shown(last)
        );
        out.push(Cause::invalid_as("metadata.ownerReferences", &format!("[{}]", list.join(",")), &detail));
    }
    let finalizers = meta["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
    if ["orphan", "foregroundDeletion"].iter().all(|name| finalizers.iter().any(|f| f == name)) {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        out.push(Cause::invalid("metadata.finalizers", &meta["finalizers"], detail));
    }
    for (i, finalizer) in finalizers.iter().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        let problems = key_problems(text);
        if !problems.is_empty() {
            out.extend(problems.iter().map(|problem| Cause::invalid("metadata.finalizers", finalizer, problem)));
        }
        let strict = resource.custom.is_none() && resource.group != "apiextensions.k8s.io";
        if strict && !text.contains('/') && !is_standard_finalizer(text) {
            out.push(Cause::invalid(
                format!("metadata.finalizers[{i}]"),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    out
}
