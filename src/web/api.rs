//! The JSON API, version 1: the same reports as on the page.

use super::act::{self, Verb, Wish};
use super::data::Data;
use super::filter::Filter;
use super::page::list::{Query, select};
use super::problem::Problem;
use super::{State, mark, url};
use crate::release::report::Report;
use crate::release::{UnitKey, UnitKind};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Version of the documents.
const VERSION: &str = "helmward.dev/v1";

/// Everything below `/api/v1`.
pub(super) fn router() -> Router<State> {
    let unit = |kind: UnitKind| {
        Router::new().route("/{namespace}/{name}", get(one)).route("/{namespace}/{name}/{verb}", post(action)).layer(Extension(kind))
    };
    Router::new()
        .route("/releases", get(list))
        .nest("/releases", unit(UnitKind::Release))
        .nest("/kustomizations", unit(UnitKind::Bundle))
        .route("/sources", get(sources))
        .route("/version", get(version))
        .fallback(absent)
        .method_not_allowed_fallback(wrong_method)
}

/// Units in one document, the worst first; `q` filters, `limit` and `page` cut.
async fn list(Shared(state): Shared<State>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let raw = query.unwrap_or_default();
    let query = Query::parse(&raw);
    let limit = raw.split('&').find_map(|pair| pair.strip_prefix("limit="));
    let limit: usize = match limit.map(str::parse) {
        None => usize::MAX,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => return Err(Problem::new(StatusCode::BAD_REQUEST, "limit must be a whole number above 0")),
    };
    let filter = Filter::parse(&query.q);
    if !filter.problems.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, filter.problems.join("; ")));
    }
    let data = state.read();
    let units = select(&filter, query.sort, &data);
    let items: Vec<Value> = units.iter().skip((query.page - 1).saturating_mul(limit)).take(limit).map(|r| brief(r)).collect();
    Ok(Json(json!({
        "apiVersion": VERSION,
        "kind": "UnitList",
        "sequence": data.sequence,
        "total": data.units.len(),
        "matched": units.len(),
        "items": items,
    })))
}

/// A unit without what only its own document holds: history, objects, conditions, events, drift of the past.
fn brief(report: &Report) -> Value {
    json!({
        "key": report.key,
        "pill": report.pill,
        "message": report.message,
        "since": report.since,
        "suspended": report.suspended,
        "chart": report.chart,
        "source": report.source,
        "releaseName": report.release_name,
        "targetNamespace": report.target_namespace,
        "revision": report.revision,
        "attempted": report.attempted,
        "driftMode": report.drift_mode,
        "drifted": mark::drifted(report),
        "objects": report.objects.len(),
    })
}

async fn one(
    Shared(state): Shared<State>,
    Extension(kind): Extension<UnitKind>,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let key = UnitKey { kind, namespace, name };
    let report = state.views.unit(&key).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no {key}")))?;
    Ok(Json(to_json(&report)))
}

/// A report as the API gives it: as the type has it, but values in `drift` and `driftHistory` stand as they are
/// (`"desired": 3`), and secrets as `{"hidden": {"bytes": 12, "fingerprint": "a1f3"}}`.
#[must_use]
pub fn to_json(report: &Report) -> Value {
    let mut out = json!(report);
    each_value(&mut out, |value| match value.get_mut("plain") {
        Some(plain) => plain.take(),
        None => value.take(),
    });
    out
}

/// Reads what [`to_json`] wrote.
///
/// # Errors
/// Where it is no report.
pub fn from_json(mut value: Value) -> Result<Report, serde_json::Error> {
    each_value(&mut value, |value| {
        let hidden = value.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("hidden"));
        if hidden { value.take() } else { json!({ "plain": value.take() }) }
    });
    serde_json::from_value(value)
}

fn each_value(report: &mut Value, change: impl Fn(&mut Value) -> Value) {
    for list in ["drift", "driftHistory"] {
        for field in report.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for side in ["desired", "live"] {
                if let Some(value) = field.get_mut(side) {
                    *value = change(value);
                }
            }
        }
    }
}

async fn action(
    Shared(state): Shared<State>,
    Extension(kind): Extension<UnitKind>,
    Path((namespace, name, verb)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|error| Problem::new(error.status(), format!("the body cannot be read: {error}")))?;
    let Some(verb) = Verb::of(&verb) else {
        let words = format!("there is no action `{verb}`; there are reconcile, suspend, resume and rollback");
        return Err(Problem::new(StatusCode::NOT_FOUND, words));
    };
    let wish = wish(&headers, &body)?;
    let key = UnitKey { kind, namespace, name };
    let words = act::act(&state, key.clone(), verb, wish).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"message": words, "unit": format!("/api/v1{}", url::unit(&key))}))).into_response())
}

/// No body, JSON, or a form as `curl -d` sends it.
fn wish(headers: &HeaderMap, body: &[u8]) -> Result<Wish, Problem> {
    if body.is_empty() {
        return Ok(Wish::default());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let read = match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => serde_json::from_slice(body).map_err(|e| e.to_string()),
        "application/x-www-form-urlencoded" => {
            axum::extract::Query::<Wish>::try_from_uri(&form_uri(body)?).map(|query| query.0).map_err(|e| e.to_string())
        }
        _ => return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json or a form")),
    };
    read.map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("the body cannot be read ({error}); known are reason, source and to"))
    })
}

fn form_uri(body: &[u8]) -> Result<Uri, Problem> {
    let text = std::str::from_utf8(body).ok();
    text.and_then(|text| format!("/?{text}").parse().ok()).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the form cannot be read"))
}

async fn sources(Shared(state): Shared<State>) -> Json<Value> {
    let Data { sources, sequence, .. } = state.read();
    let items: Vec<_> = sources.iter().map(AsRef::as_ref).collect();
    Json(json!({"apiVersion": VERSION, "kind": "SourceList", "sequence": sequence, "items": items}))
}

async fn version(Shared(state): Shared<State>) -> Json<Value> {
    let daemon = state.views.daemon();
    Json(json!({"apiVersion": VERSION, "kind": "Version", "version": env!("CARGO_PKG_VERSION"), "daemon": daemon}))
}

async fn absent(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}; see /api/v1/releases and /api/v1/sources", uri.path()))
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take that method: documents are read with GET, actions are sent with POST",
    )
}
