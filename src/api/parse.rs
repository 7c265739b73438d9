//! JSON objects to typed ones, with errors that name the field.

use super::checks::{self, Violation};
use super::error::ApiError;
use super::helm::HelmRelease;
use super::kustomization::Kustomization;
use super::meta::{Object, ObjectMeta, Resource};
use super::source::GitRepository;
use crate::object::Json;
use serde::de::DeserializeOwned;

/// Reads a GitRepository.
///
/// # Errors
/// Where a field is missing, of the wrong type or outside of its bounds.
pub fn parse_git_repository(object: &Json) -> Result<GitRepository, ApiError> {
    parse(object)
}

/// Reads a HelmRelease of the current version; older ones go through [`convert`](super::convert) first.
///
/// # Errors
/// Where a field is missing, of the wrong type or outside of its bounds.
pub fn parse_helm_release(object: &Json) -> Result<HelmRelease, ApiError> {
    parse(object)
}

/// Reads a Kustomization.
///
/// # Errors
/// Where a field is missing, of the wrong type or outside of its bounds.
pub fn parse_kustomization(object: &Json) -> Result<Kustomization, ApiError> {
    parse(object)
}

/// Everything that is wrong with the spec of an object of one of our kinds: bounds, patterns, enums, and the rules between
/// fields. Unknown fields are no violation; [`unsupported`](super::unsupported) names them.
#[must_use]
pub fn violations(object: &Json) -> Vec<ApiError> {
    let subject = subject(object);
    checks::spec(object).into_iter().map(|v| error(&subject, v)).collect()
}

fn parse<S>(object: &Json) -> Result<Object<S>, ApiError>
where
    S: Resource + DeserializeOwned,
    S::Status: DeserializeOwned,
{
    let subject = subject(object);
    let fail = |path: &str, problem: String, advice: &str| {
        Err(ApiError { object: subject.clone(), path: path.into(), problem, advice: advice.into() })
    };
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    if text("kind") != S::KIND {
        return fail("kind", format!("is `{}` where {} is expected", text("kind"), S::KIND), "give the object to whoever serves that kind");
    }
    if text("apiVersion") != S::API_VERSION {
        return fail("apiVersion", format!("is `{}`", text("apiVersion")), &format!("write {}", S::API_VERSION));
    }
    let metadata: ObjectMeta = part(&subject, "metadata", without_nulls(object.get("metadata")))?;
    if metadata.name.is_empty() {
        return fail("metadata.name", "is missing".into(), "add it");
    }
    if let Some(violation) = checks::spec(object).into_iter().next() {
        return Err(error(&subject, violation));
    }
    let spec = part(&subject, "spec", without_nulls(object.get("spec")))?;
    let status = status(object.get("status"));
    Ok(Object { metadata, spec, status })
}

/// `HelmRelease apps/web`.
fn subject(object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let kind = text("/kind").unwrap_or("object");
    let name = text("/metadata/name").unwrap_or("without a name");
    match text("/metadata/namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

fn error(subject: &str, violation: Violation) -> ApiError {
    ApiError { object: subject.into(), path: violation.path, problem: violation.problem, advice: violation.advice }
}

fn part<T: DeserializeOwned>(subject: &str, root: &str, json: Json) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(json).map_err(|e| {
        let inner = e.path().to_string();
        let path = if inner == "." { root.to_owned() } else { format!("{root}.{inner}") };
        ApiError { object: subject.into(), path, problem: format!("cannot be read: {}", e.inner()), advice: "correct the field".into() }
    })
}

/// A status never makes an object unusable: a part that cannot be read is left out, and written anew in time.
fn status<T: DeserializeOwned + Default>(json: Option<&Json>) -> T {
    let mut json = without_nulls(json);
    loop {
        match serde_path_to_error::deserialize::<_, T>(&json) {
            Ok(status) => return status,
            Err(e) => {
                let key = match e.path().iter().next() {
                    Some(serde_path_to_error::Segment::Map { key }) => key.clone(),
                    _ => return T::default(),
                };
                if json.as_object_mut().and_then(|map| map.remove(&key)).is_none() {
                    return T::default();
                }
            }
        }
    }
}

/// A field with `null` is a field that is not given, as for the API server. Values keep theirs: there a `null` deletes.
pub(super) fn without_nulls(json: Option<&Json>) -> Json {
    fn clean(json: &Json) -> Json {
        match json {
            Json::Object(map) => Json::Object(map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), clean(v))).collect()),
            Json::Array(list) => Json::Array(list.iter().map(clean).collect()),
            other => other.clone(),
        }
    }
    match json {
        Some(Json::Object(map)) => Json::Object(
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), if k == "values" { v.clone() } else { clean(v) })).collect(),
        ),
        Some(Json::Null) | None => Json::Object(serde_json::Map::new()),
        Some(other) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd::schema_of;
    use crate::object::Gvk;
    use serde::Serialize;
    use serde_json::json;

    /// A value with every field of a schema.
    fn full(name: &str, schema: &Json) -> Json {
        if let Some(words) = schema["enum"].as_array() {
            return words[0].clone();
        }
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "date-time" => json!("2026-03-01T10:00:00Z"),
            Some("string") if pattern.contains("(ms|s|m") || name.ends_with("Duration") => json!("1m0s"),
            Some("string") => json!("x"),
            Some("boolean") => json!(true),
            Some("integer") => json!(7),
            Some("array") => json!([full(name, &schema["items"])]),
            Some("object") => match (schema["properties"].as_object(), schema.get("additionalProperties")) {
                (Some(properties), _) => Json::Object(properties.iter().map(|(k, s)| (k.clone(), full(k, s))).collect()),
                (None, Some(values)) => json!({"k": full(name, values)}),
                (None, None) => json!({}),
            },
            _ => json!({"k": [1, null]}),
        }
    }

    fn check<S>()
    where
        S: Resource + Serialize + DeserializeOwned,
        S::Status: Serialize + DeserializeOwned,
    {
        let schema = schema_of(&Gvk::new(S::API_VERSION, S::KIND).group, S::KIND).expect("a kind of ours");
        let spec = full("", &schema["properties"]["spec"]);
        let typed: S = serde_path_to_error::deserialize(&spec).unwrap_or_else(|e| panic!("{} spec {}: {e}", S::KIND, e.path()));
        assert_eq!(serde_json::to_value(typed).expect("writes"), spec, "{} has lost a field", S::KIND);
        let seen = full("", &schema["properties"]["status"]);
        let typed: S::Status = serde_path_to_error::deserialize(&seen).unwrap_or_else(|e| panic!("{} status {}: {e}", S::KIND, e.path()));
        assert_eq!(serde_json::to_value(typed).expect("writes"), seen, "{} has lost a field of its status", S::KIND);
    }

    #[test]
    fn the_types_have_every_field_of_the_definitions() {
        check::<crate::api::GitRepositorySpec>();
        check::<crate::api::HelmReleaseSpec>();
        check::<crate::api::KustomizationSpec>();
    }
}
