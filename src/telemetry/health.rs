//! Is this process alive, may it be given work, and what are its numbers: the listeners for probes and scrapes.

use super::Metrics;
use crate::cluster::RequestCount;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    routing::get,
};
use std::{
    collections::BTreeMap,
    fmt::Write,
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The conditions under which this process is ready: it is, when all of them hold or are dropped. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<Conditions>>,
}

/// Why each condition does not hold, or `None`; by name, and by number where names are the same.
type Conditions = BTreeMap<(String, u64), Option<String>>;

/// One condition. Dropping it takes the condition away, so a part that only has to begin drops it when it has begun.
#[derive(Debug)]
pub struct ReadinessHandle {
    readiness: Readiness,
    key: (String, u64),
}

impl Readiness {
    /// No conditions: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that does not hold yet.
    #[must_use]
    pub fn handle(&self, name: &str) -> ReadinessHandle {
        let mut conditions = self.lock();
        let number = conditions.keys().map(|(_, number)| number + 1).max().unwrap_or(0);
        let key = (name.to_owned(), number);
        conditions.insert(key.clone(), Some("not yet".into()));
        drop(conditions);
        ReadinessHandle { readiness: self.clone(), key }
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.lock().values().all(Option::is_none)
    }

    /// One line per condition, as Kubernetes writes them.
    fn report(&self) -> String {
        let mut text = String::new();
        for ((name, _), closed) in &*self.lock() {
            let _ = match closed {
                None => writeln!(text, "[+]{name} ok"),
                Some(why) => writeln!(text, "[-]{name} failed: {why}"),
            };
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadinessHandle {
    /// The condition holds.
    pub fn ready(&self) {
        self.readiness.lock().insert(self.key.clone(), None);
    }

    /// The condition does not hold.
    pub fn not_ready(&self, why: &str) {
        self.readiness.lock().insert(self.key.clone(), Some(why.into()));
    }
}

impl Drop for ReadinessHandle {
    fn drop(&mut self) {
        self.readiness.lock().remove(&self.key);
    }
}

/// `/healthz` and `/readyz`, each with `?verbose`.
pub fn health_router(readiness: Readiness) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(readiness)
}

/// `/metrics`. `counts` tells the requests to the Kubernetes API so far, and how many wait for an answer.
pub fn metrics_router<F>(metrics: Metrics, counts: F) -> Router
where
    F: Fn() -> (Vec<RequestCount>, usize) + Send + Sync + Clone + 'static,
{
    let scrape = move || {
        let (metrics, counts) = (metrics.clone(), counts.clone());
        async move {
            let (counts, in_flight) = counts();
            metrics.requests(counts, in_flight);
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.encode())
        }
    };
    Router::new().route("/metrics", get(scrape))
}

/// Serves the probes until `stop`.
pub async fn serve_health(listener: TcpListener, readiness: Readiness, stop: CancellationToken) {
    if let Err(error) = serve(listener, health_router(readiness), stop).await {
        tracing::error!(%error, "the listener for health checks ended");
    }
}

/// Serves the metrics until `stop`.
pub async fn serve_metrics<F>(listener: TcpListener, metrics: Metrics, counts: F, stop: CancellationToken)
where
    F: Fn() -> (Vec<RequestCount>, usize) + Send + Sync + Clone + 'static,
{
    if let Err(error) = serve(listener, metrics_router(metrics, counts), stop).await {
        tracing::error!(%error, "the listener for metrics ended");
    }
}

/// Serves a router until the token is cancelled; requests that run are answered.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|part| part.split('=').next() == Some("verbose")))
}

async fn healthz(RawQuery(query): RawQuery) -> &'static str {
    // whoever can answer this is alive
    if is_verbose(query.as_deref()) { "[+]ping ok\nhealthz check passed\n" } else { "ok" }
}

async fn readyz(State(readiness): State<Readiness>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let (ready, report) = (readiness.ready(), readiness.report());
    match (ready, is_verbose(query.as_deref())) {
        (true, false) => (StatusCode::OK, "ok".into()),
        (true, true) => (StatusCode::OK, format!("{report}readyz check passed\n")),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, format!("{report}readyz check failed\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::BuildInfo;
    use super::*;
    use axum::{body::to_bytes, extract::Request};
    use tower::ServiceExt;

    async fn ask(router: &Router, path: &str) -> (u16, String) {
        let response = router.clone().oneshot(Request::get(path).body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_is_all_gates() {
        let readiness = Readiness::new();
        let router = health_router(readiness.clone());
        assert_eq!(ask(&router, "/readyz").await, (200, "ok".into()));
        let (store, lease, twin) = (readiness.handle("store"), readiness.handle("lease"), readiness.handle("store"));
        store.ready();
        assert_eq!(ask(&router, "/readyz").await.0, 503);
        lease.not_ready("held by another");
        twin.ready();
        let verbose = ask(&router, "/readyz?verbose").await;
        assert_eq!(verbose, (503, "[-]lease failed: held by another\n[+]store ok\n[+]store ok\nreadyz check failed\n".into()));
        lease.ready();
        assert_eq!(ask(&router, "/readyz?verbose=1").await, (200, "[+]lease ok\n[+]store ok\n[+]store ok\nreadyz check passed\n".into()));
        store.not_ready("closed");
        drop(store);
        assert!(readiness.ready());
        assert_eq!(ask(&router, "/healthz").await, (200, "ok".into()));
        assert_eq!(ask(&router, "/other").await.0, 404);
    }

    #[tokio::test]
    async fn listeners_serve_and_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let metrics = Metrics::new(BuildInfo { version: "1", revision: "abc" });
        let server = tokio::spawn(serve(listener, metrics_router(metrics, || (Vec::new(), 0)), shutdown.clone()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(url).await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        assert!(response.text().await.unwrap().contains("helmward_build_info{version=\"1\",revision=\"abc\"} 1"));
        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
