//! Is this process alive, may it be given work, and what are its numbers: the listeners for probes and scrapes.

use super::Metrics;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::IntoResponse,
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

/// The conditions under which this process is ready: all of its gates are open. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    gates: Arc<Mutex<BTreeMap<(String, u64), Option<String>>>>,
}

/// One condition. Dropping it takes the condition away.
#[derive(Debug)]
pub struct Gate {
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
    pub fn gate(&self, name: &str) -> Gate {
        let mut gates = self.lock();
        let number = gates.keys().map(|(_, number)| number + 1).max().unwrap_or(0);
        let key = (name.to_owned(), number);
        gates.insert(key.clone(), Some("not yet".into()));
        Gate { readiness: self.clone(), key }
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
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

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, u64), Option<String>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// The condition holds.
    pub fn ready(&self) {
        self.readiness.lock().insert(self.key.clone(), None);
    }

    /// The condition does not hold.
    pub fn not_ready(&self, why: &str) {
        self.readiness.lock().insert(self.key.clone(), Some(why.into()));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.readiness.lock().remove(&self.key);
    }
}

/// `/healthz` and `/readyz`, each with `?verbose`.
#[must_use]
pub fn health_router(readiness: Readiness) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(readiness)
}

/// `/metrics`.
#[must_use]
pub fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(metrics)
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
    let (ready, report) = (readiness.is_ready(), readiness.report());
    match (ready, is_verbose(query.as_deref())) {
        (true, false) => (StatusCode::OK, "ok".into()),
        (true, true) => (StatusCode::OK, format!("{report}readyz check passed\n")),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, format!("{report}readyz check failed\n")),
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.encode())
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
        let (store, lease, twin) = (readiness.gate("store"), readiness.gate("lease"), readiness.gate("store"));
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
        assert!(readiness.is_ready());
        assert_eq!(ask(&router, "/healthz").await, (200, "ok".into()));
        assert_eq!(ask(&router, "/other").await.0, 404);
    }

    #[tokio::test]
    async fn listeners_serve_and_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let metrics = Metrics::new(BuildInfo { version: "1", revision: "abc" });
        let server = tokio::spawn(serve(listener, metrics_router(metrics), shutdown.clone()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(url).await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        assert!(response.text().await.unwrap().contains("helmward_build_info{version=\"1\",revision=\"abc\"} 1"));
        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
