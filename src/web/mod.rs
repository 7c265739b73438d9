//! The page, the JSON API and server-sent events; sees read-only views only. (Stopgap.)

use crate::controller::views::{Requests, Views};
use crate::release::{UnitKey, UnitKind};
use crate::telemetry::Metrics;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use tokio_util::sync::CancellationToken;

/// Serves.
///
/// # Errors
/// io.
pub async fn serve(
    listener: tokio::net::TcpListener,
    views: Views,
    _requests: Requests,
    _metrics: Metrics,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = axum::Router::new()
        .route(
            "/api/v1/releases/{ns}/{name}",
            axum::routing::get(|State(views): State<Views>, Path((namespace, name)): Path<(String, String)>| async move {
                match views.unit(&UnitKey { kind: UnitKind::Release, namespace, name }) {
                    Some(report) => axum::Json(serde_json::to_value(&*report).unwrap_or_default()).into_response(),
                    None => http::StatusCode::NOT_FOUND.into_response(),
                }
            }),
        )
        .with_state(views);
    axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await
}
