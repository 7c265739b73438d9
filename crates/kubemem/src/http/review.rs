//! Questions that are answered and never kept: may somebody do something, whose is a token, who am I; and new tokens.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::Incoming;
use super::path::Found;
use crate::auth::{self, AUDIENCE, Access, Action, Grant, Identified, User};
use crate::resource::TableKey;
use crate::status::{ApiError, Cause};
use crate::verb::Call;

/// Answers a review, if that is what is created.
pub(super) fn answer(call: &mut Call<'_>, incoming: &Incoming, found: &Found) -> Result<Option<Value>, ApiError> {
    let resource = &found.target.resource;
    let body = incoming.body.clone().unwrap_or_else(|| json!({}));
    let me = &incoming.user;
    let status = match (resource.kind.as_str(), found.subresource.as_deref()) {
        ("SubjectAccessReview", None) => access(call, &subject(&body), &body, None)?,
        ("LocalSubjectAccessReview", None) => access(call, &subject(&body), &body, Some(&found.target.namespace))?,
        ("SelfSubjectAccessReview", None) => access(call, me, &body, None)?,
        ("SelfSubjectReview", None) => json!({"userInfo": me.json()}),
        ("TokenReview", None) => token_review(call, &body),
        ("SelfSubjectRulesReview", None) => {
            let namespace = body["spec"]["namespace"].as_str().unwrap_or_default();
            if namespace.is_empty() {
                return Err(ApiError::bad_request("no namespace on request"));
            }
            let mut out = shell(found, json!({}));
            out["spec"] = json!({});
            out["status"] = rules(call, me, namespace);
            return Ok(Some(out));
        }
        ("ServiceAccount", Some("token")) => return token_request(call, found, body).map(Some),
        _ => return Ok(None),
    };
    let mut out = shell(found, body);
    if resource.kind == "SelfSubjectReview" {
        out["metadata"]["creationTimestamp"] = call.clock.text().into();
    }
    out["status"] = status;
    Ok(Some(out))
}

fn shell(found: &Found, mut body: Value) -> Value {
    body["kind"] = found.target.resource.kind.as_str().into();
    body["apiVersion"] = found.target.resource.api_version().into();
    if !body["metadata"].is_object() {
        body["metadata"] = json!({});
    }
    body
}

/// The user that a review is about.
fn subject(body: &Value) -> Arc<User> {
    let spec = &body["spec"];
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    Arc::new(User {
        name: text("user"),
        uid: text("uid"),
        groups: serde_json::from_value(spec["groups"].clone()).unwrap_or_default(),
        extra: serde_json::from_value(spec["extra"].clone()).unwrap_or_default(),
    })
}

fn access(call: &Call<'_>, user: &User, body: &Value, only_in: Option<&str>) -> Result<Value, ApiError> {
    let spec = &body["spec"];
    let (object, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if object.is_object() == path.is_object() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(invalid("spec.resourceAttributes", &Value::Null, detail));
    }
    if user.name.is_empty() && user.groups.is_empty() {
        return Err(invalid("spec.user", &"".into(), "at least one of user or group must be specified"));
    }
    let wanted = if object.is_object() {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        if only_in.is_some_and(|namespace| namespace != text("namespace")) {
            return Err(invalid("spec.resourceAttributes.namespace", &text("namespace").into(), "must match metadata.namespace"));
        }
        let mut out = Access::to(text("verb"), text("group"), text("resource"), text("namespace"), text("name"));
        if let Action::Resource { subresource, .. } = &mut out.action {
            *subresource = text("subresource").to_owned();
        }
        out
    } else {
        let text = |field: &str| path[field].as_str().unwrap_or_default().to_owned();
        Access { verb: text("verb"), action: Action::Path(text("path")) }
    };
    let verdict = auth::authorize(call, user, &wanted);
    let mut out = json!({"allowed": verdict.allowed});
    if !verdict.reason.is_empty() {
        out["reason"] = verdict.reason.into();
    }
    Ok(out)
}

/// The refusal of a review; its kind is not named, as a server does not name it either.
fn invalid(field: &str, value: &Value, detail: &str) -> ApiError {
    let cause = Cause::invalid(field, value, detail);
    let message = format!(".authorization.k8s.io \"\" is invalid: {field}: {}", cause.message);
    let details = Some(json!({"group": "authorization.k8s.io"}));
    ApiError { details, ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message) }.with_causes(&[cause])
}

fn rules(call: &Call<'_>, user: &User, namespace: &str) -> Value {
    let mut own = auth::rules_of(call, user, namespace);
    let mut all: Vec<Value> = Vec::new();
    if user.is_master() {
        all.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        all.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    all.extend(own.rules.drain(..).map(|(rule, _)| rule));
    let having = |field: &str| all.iter().filter(|rule| rule[field].as_array().is_some_and(|list| !list.is_empty())).collect::<Vec<_>>();
    let mut out = json!({"resourceRules": having("resources"), "nonResourceRules": having("nonResourceURLs"), "incomplete": false});
    if !own.errors.is_empty() {
        out["evaluationError"] = own.errors.join(", ").into();
    }
    out
}

fn token_review(call: &Call<'_>, body: &Value) -> Value {
    match auth::by_token(call, body["spec"]["token"].as_str().unwrap_or_default()) {
        Identified::User(user) => json!({"authenticated": true, "user": user.json(), "audiences": [AUDIENCE]}),
        Identified::Nobody(why) => json!({"user": {}, "error": why}),
    }
}

fn token_request(call: &mut Call<'_>, found: &Found, body: Value) -> Result<Value, ApiError> {
    const SHORTEST: i64 = 600;
    let account = call.get(&found.target)?;
    let spec = &body["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds < SHORTEST {
        let cause = Cause::invalid("spec.expirationSeconds", &seconds.into(), "may not specify a duration less than 10 minutes");
        let error = ApiError {
            details: Some(json!({"group": "authentication.k8s.io", "kind": "TokenRequest"})),
            message: format!("TokenRequest.authentication.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message),
            ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "")
        };
        return Err(error.with_causes(&[cause]));
    }
    let mut audiences: Vec<String> = serde_json::from_value(spec["audiences"].clone()).unwrap_or_default();
    if audiences.is_empty() {
        audiences.push(AUDIENCE.into());
    }
    let bound = bound(call, found, &spec["boundObjectRef"])?;
    let now = call.clock.now();
    let until = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now);
    let token = auth::mint(call, &Grant { account: &account, audiences: audiences.clone(), seconds, bound });
    let meta = &account["metadata"];
    Ok(json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"], "creationTimestamp": call.clock.text()},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec["boundObjectRef"]},
        "status": {"token": token, "expirationTimestamp": crate::clock::seconds(until)}}))
}

/// The object that a token is bound to: kind, name and uid.
fn bound(call: &Call<'_>, found: &Found, reference: &Value) -> Result<Option<(String, String, String)>, ApiError> {
    let (Some(kind), Some(name)) = (reference["kind"].as_str(), reference["name"].as_str()) else { return Ok(None) };
    let plural = match kind {
        "Pod" => "pods",
        "Secret" => "secrets",
        other => return Err(ApiError::bad_request(format!("cannot bind token for service account to object of type {other}"))),
    };
    let table = TableKey::new("", plural);
    let object = call.store.get(&table, &found.target.namespace, name);
    let Some(object) = object else {
        return Err(match call.store.registry.any_version(&table) {
            Some(resource) => ApiError::not_found(&resource, name),
            None => ApiError::no_such_path(),
        });
    };
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    if reference["uid"].as_str().is_some_and(|given| !given.is_empty() && given != uid) {
        let given = reference["uid"].as_str().unwrap_or_default();
        return Err(ApiError::conflict(
            &found.target.resource,
            &found.target.name,
            &format!(
                "the UID in the bound object reference ({given}) does not match the UID in record. The object might have been deleted and then recreated"
            ),
        ));
    }
    Ok(Some((kind.to_owned(), name.to_owned(), uid.to_owned())))
}
