//! Things that are created but never kept: access reviews, tokens, evictions, the finalization of namespaces.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::path::Found;
use super::{Incoming, answer};
use crate::server::Core;
use crate::status::ApiError;
use crate::verb::{DeleteOptions, Part};

pub(super) fn answer(core: &Arc<Core>, incoming: &Incoming, found: &Found) -> Result<Option<Response>, ApiError> {
    let resource = &found.target.resource;
    if incoming.method == Method::PUT && resource.is("", "Namespace") && found.subresource.as_deref() == Some("finalize") {
        let finalizers = incoming.body.as_ref().map(|b| b["spec"]["finalizers"].clone()).unwrap_or_default();
        let done = core.call(|call| -> Result<Value, ApiError> {
            let object = call.get(&found.target)?;
            let place = found.target.place();
            call.edit(&place, "finalizer", Part::Whole, |o| o["spec"]["finalizers"] = finalizers)?;
            Ok((*object).clone())
        })?;
        return Ok(Some(answer::json(StatusCode::OK, &done)));
    }
    if incoming.method != Method::POST {
        return Ok(None);
    }
    let body = incoming.body.clone().unwrap_or_else(|| json!({}));
    let with = |status: Value| {
        let mut out = body.clone();
        out["kind"] = resource.kind.as_str().into();
        out["apiVersion"] = resource.api_version().into();
        out["status"] = status;
        Some(answer::json(StatusCode::CREATED, &out))
    };
    Ok(match (resource.kind.as_str(), found.subresource.as_deref()) {
        ("SubjectAccessReview" | "SelfSubjectAccessReview" | "LocalSubjectAccessReview", None) => {
            with(json!({"allowed": true, "reason": "every review is allowed"}))
        }
        ("SelfSubjectRulesReview", None) => {
            with(json!({"incomplete": false, "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}))
        }
        ("SelfSubjectReview", None) => {
            with(json!({"userInfo": {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}}))
        }
        ("TokenReview", None) => {
            with(json!({"authenticated": true, "user": {"username": "kubernetes-admin", "groups": ["system:masters"]}}))
        }
        ("ServiceAccount", Some("token")) => {
            core.call(|call| call.get(&found.target))?;
            let seconds = body["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
            let now = core.clock.now();
            let until = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now);
            let token = core.call(|call| call.store.suffix(40));
            let mut out = body.clone();
            out["kind"] = "TokenRequest".into();
            out["apiVersion"] = "authentication.k8s.io/v1".into();
            out["status"] = json!({"token": token, "expirationTimestamp": crate::clock::seconds(until)});
            Some(answer::json(StatusCode::CREATED, &out))
        }
        ("Pod", Some("eviction")) => {
            let options = DeleteOptions::read(&body["deleteOptions"])?;
            let target = crate::verb::Target { part: Part::Whole, ..found.target.clone() };
            core.call(|call| call.delete(&target, &options))?;
            Some(answer::json(
                StatusCode::CREATED,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
            ))
        }
        ("Pod" | "Binding", Some("binding") | None) if resource.kind == "Binding" || found.subresource.is_some() => {
            return Err(ApiError::method_not_allowed());
        }
        _ => None,
    })
}
