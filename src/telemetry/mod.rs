//! Logs, metrics and the health listener. Edge. (Stopgap until the full module lands: same calls.)

use crate::release::report::Report;
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Metrics.
#[derive(Debug, Clone, Default)]
pub struct Metrics;
impl Metrics {
    /// A pass ended.
    pub fn reconciled(&self, _kind: &str, _namespace: &str, _name: &str, _took: Duration) {}
    /// An object is gone.
    pub fn forget(&self, _kind: &str, _namespace: &str, _name: &str) {}
    /// A unit's state.
    pub fn unit(&self, _report: &Report) {}
    /// A rollback.
    pub fn rolled_back(&self, _reason: &str) {}
    /// Lead time.
    pub fn commit_to_ready(&self, _took: SignedDuration) {}
    /// Drift corrected.
    pub fn drift_corrected(&self, _namespace: &str, _name: &str, _fields: usize) {}
    /// Leadership.
    pub fn leading(&self, _leading: bool) {}
}
/// Readiness.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<()>);
/// A handle.
#[derive(Debug)]
pub struct ReadinessHandle(#[expect(dead_code, reason = "held")] Arc<()>);
impl Readiness {
    /// Handle.
    #[must_use]
    pub fn handle(&self, _name: &str) -> ReadinessHandle {
        ReadinessHandle(Arc::clone(&self.0))
    }
    /// Ready.
    #[must_use]
    pub fn ready(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }
}
/// Serves health.
pub async fn serve_health(listener: TcpListener, readiness: Readiness, stop: CancellationToken) {
    let app = axum::Router::new().route("/healthz", axum::routing::get(|| async { "ok" })).route(
        "/readyz",
        axum::routing::get(move || {
            let r = readiness.clone();
            async move { if r.ready() { (http::StatusCode::OK, "ok") } else { (http::StatusCode::SERVICE_UNAVAILABLE, "not ready") } }
        }),
    );
    let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
}
/// Serves metrics.
pub async fn serve_metrics<F>(listener: TcpListener, _metrics: Metrics, _counts: F, stop: CancellationToken)
where
    F: Fn() -> Vec<crate::cluster::RequestCount> + Send + Sync + Clone + 'static,
{
    let app = axum::Router::new().route("/metrics", axum::routing::get(|| async { "" }));
    let _ = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await;
}
