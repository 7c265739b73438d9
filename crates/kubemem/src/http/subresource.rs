//! Subresources that are neither a part of their object nor kept: evictions, the finalization of namespaces, logs.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::path::Found;
use super::{Incoming, answer};
use crate::status::ApiError;
use crate::verb::{Call, DeleteOptions, Part, Target};

pub(super) fn answer(call: &mut Call<'_>, incoming: &Incoming, found: &Found) -> Result<Option<Response>, ApiError> {
    let resource = &found.target.resource;
    let body = || incoming.body.clone().unwrap_or_default();
    Ok(match (&incoming.method, resource.kind.as_str(), found.subresource.as_deref()) {
        (&Method::PUT, "Namespace", Some("finalize")) => {
            let finalizers = body()["spec"]["finalizers"].clone();
            let object = call.get(&found.target)?;
            call.edit(&found.target.place(), "finalizer", Part::Whole, |o| o["spec"]["finalizers"] = finalizers)?;
            Some(answer::json(StatusCode::OK, &object))
        }
        (&Method::POST, "Pod", Some("eviction")) => {
            let options = DeleteOptions::read(&body()["deleteOptions"])?;
            let target = Target { part: Part::Whole, ..found.target.clone() };
            call.delete(&target, &options)?;
            let done: Value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
            Some(answer::json(StatusCode::CREATED, &done))
        }
        (_, "Pod", Some(sub @ ("exec" | "attach" | "portforward" | "proxy"))) | (_, "Service" | "Node", Some(sub @ "proxy")) => {
            let message = format!("{}/{sub} is not simulated: no process and no network is behind it", resource.plural);
            return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "", message));
        }
        (&Method::POST, "Pod", Some(_)) | (&Method::POST, "Binding", _) => return Err(ApiError::method_not_allowed()),
        _ => None,
    })
}
