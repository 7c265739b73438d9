//! Writing answers: whole objects, metadata only, or a table, as the Accept header asks.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::table;
use crate::clock::Clock;
use crate::fault::Refusal;
use crate::fields::{Bare, Shown};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::verb::{Answer, Page};

/// The form in which objects are asked for.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Whole,
    Metadata,
    Table(Clock, Included),
}

/// What the rows of a table carry beside their cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Included {
    #[default]
    Metadata,
    Object,
    Nothing,
}

impl Included {
    fn of(name: &str) -> Result<Included, ApiError> {
        match name {
            "" | "Metadata" => Ok(Included::Metadata),
            "Object" => Ok(Included::Object),
            "None" => Ok(Included::Nothing),
            other => Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

impl Shape {
    /// The first form in the Accept header that the server can write; refused where it can write none of them.
    pub(super) fn of(accept: &str, include: &str, clock: &Clock) -> Result<Shape, ApiError> {
        for option in accept.split(',') {
            let mut params = option.split(';').map(str::trim);
            if !matches!(params.next(), Some("application/json" | "*/*" | "application/*" | "")) {
                continue;
            }
            match params.find_map(|p| p.strip_prefix("as=")) {
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Shape::Metadata),
                Some("Table") => return Ok(Shape::Table(clock.clone(), Included::of(include)?)),
                Some(_) => {}
                None => return Ok(Shape::Whole),
            }
        }
        // kinds of lists that only discovery and OpenAPI know are asked for in the same way
        let unknown = |option: &str| option.contains("protobuf") && !option.contains("openapi") && !option.contains("as=");
        if accept.split(',').all(unknown) { Err(not_acceptable()) } else { Ok(Shape::Whole) }
    }

    /// One object in this form.
    pub(super) fn item(&self, resource: &Resource, object: &Arc<Value>) -> Arc<Value> {
        match self {
            Shape::Whole => object.clone(),
            Shape::Metadata => Arc::new(metadata(object)),
            Shape::Table(clock, include) => {
                let meta = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                Arc::new(table::write(resource, std::slice::from_ref(object), &meta, clock.now(), *include))
            }
        }
    }
}

fn metadata(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

pub(super) fn json(code: StatusCode, body: &Value) -> Response {
    let mut bytes = serde_json::to_vec(&Shown(body)).unwrap_or_default();
    bytes.push(b'\n');
    respond(code, "application/json", Body::from(bytes))
}

pub(super) fn respond(code: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(super) fn error(error: &ApiError) -> Response {
    if error.is_no_such_path() {
        return respond(error.code, "text/plain; charset=utf-8", Body::from("404 page not found\n"));
    }
    let mut response = json(error.code, &error.body());
    if error.code == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    for warning in &error.warnings {
        warn(&mut response, warning);
    }
    response
}

/// What a fault refuses with.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = match (refusal.reason.as_str(), code.as_u16()) {
        ("", 401) => "Unauthorized",
        ("", 403) => "Forbidden",
        ("", 404) => "NotFound",
        ("", 409) => "Conflict",
        ("", 410) => "Expired",
        ("", 422) => "Invalid",
        ("", 429) => "TooManyRequests",
        ("", 500) => "InternalError",
        ("", 503) => "ServiceUnavailable",
        ("", 504) => "Timeout",
        (given, _) => given,
    };
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": refusal.message, "reason": reason, "code": code.as_u16()});
    if let Some(seconds) = refusal.retry_after {
        body["details"] = json!({"retryAfterSeconds": seconds});
    }
    let mut response = json(code, &body);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The refusal of a client that reads nothing that is written here.
fn not_acceptable() -> ApiError {
    ApiError {
        details: Some(json!({})),
        ..ApiError::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", "406: Not Acceptable\n\nAvailable representations: application/json")
    }
}

/// An answer that breaks off before it begins.
pub(super) fn broken() -> Response {
    respond(StatusCode::OK, "application/json", Body::from_stream(futures::stream::iter([lost()])))
}

/// An answer of which half arrives.
pub(super) async fn cut(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let half = bytes.slice(..bytes.len() / 2);
    Response::from_parts(parts, Body::from_stream(futures::stream::iter([Ok(half), lost()])))
}

fn lost() -> std::io::Result<Bytes> {
    Err(std::io::Error::other("injected fault: connection lost"))
}

pub(super) fn written(resource: &Resource, answer: &Answer, shape: &Shape) -> Response {
    object(answer.code, resource, &answer.object, &answer.warnings, shape)
}

pub(super) fn object(code: StatusCode, resource: &Resource, object: &Arc<Value>, warnings: &[String], shape: &Shape) -> Response {
    let shape = if object["kind"] == "Status" { &Shape::Whole } else { shape };
    let mut response = json(code, &shape.item(resource, object));
    for warning in warnings {
        warn(&mut response, warning);
    }
    response
}

pub(super) fn warn(response: &mut Response, warning: &str) {
    let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
        response.headers_mut().append(header::WARNING, value);
    }
}

pub(super) fn list(resource: &Resource, page: &Page, shape: &Shape) -> Response {
    if let Shape::Table(clock, include) = shape {
        return json(StatusCode::OK, &table::write(resource, &page.items, &page.meta, clock.now(), *include));
    }
    let (kind, version) = match shape {
        Shape::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        _ => (resource.list_kind.clone(), resource.api_version()),
    };
    if matches!(shape, Shape::Metadata) && page.items.is_empty() {
        return json(StatusCode::OK, &json!({"kind": kind, "apiVersion": version, "metadata": page.meta, "items": null}));
    }
    // items of built-in kinds do not repeat what the list says; lists of custom resources always say how they go on
    let bare = matches!(shape, Shape::Whole) && resource.custom.is_none();
    let mut meta = page.meta.clone();
    if matches!(shape, Shape::Whole) && resource.custom.is_some() && meta["continue"].is_null() {
        meta["continue"] = "".into();
    }
    // written piece by piece: lists may be long
    let head = json!({"kind": kind, "apiVersion": version, "metadata": meta});
    let mut out = serde_json::to_vec(&head).unwrap_or_default();
    out.pop();
    out.extend_from_slice(b",\"items\":[");
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let item = shape.item(resource, item);
        let _ = match bare {
            true => serde_json::to_writer(&mut out, &Bare(&item)),
            false => serde_json::to_writer(&mut out, &Shown(&item)),
        };
    }
    out.extend_from_slice(b"]}\n");
    respond(StatusCode::OK, "application/json", Body::from(out))
}
