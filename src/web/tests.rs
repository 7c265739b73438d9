use super::fake;
use super::*;
use crate::controller::views::{DaemonReport, Request};
use crate::release::report::Pill;
use crate::release::{UnitKey, UnitKind};
use axum::body::Body;
use axum::http::{self, HeaderMap, Method, StatusCode};
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tower::ServiceExt;

mod html;
mod pages;
mod stream;

const HOST: &str = "127.0.0.1:9080";

/// A page with a cluster behind it, without a network.
struct Site {
    router: Router,
    views: Views,
    requests: mpsc::Receiver<(Request, tokio::sync::oneshot::Sender<Result<String, String>>)>,
    open: Arc<AtomicUsize>,
    stop: CancellationToken,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Site {
    fn new(views: Views) -> Self {
        let (sender, requests) = mpsc::channel(8);
        let (open, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let seen = Arc::clone(&open);
        let clients: Clients = Arc::new(move |n| seen.store(n, Ordering::SeqCst));
        let mut state = State::new(views.clone(), sender, clients, stop.clone()).with_port(9080);
        state.clock = fake::now;
        Self { router: router(state), views, requests, open, stop }
    }

    async fn send(&self, request: http::Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).expect("a request");
        request.headers_mut().insert("host", http::HeaderValue::from_static(HOST));
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    async fn page(&self, path: &str) -> html::Node {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        html::parse(&answer.body)
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    async fn form(&self, path: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:9080")];
        self.ask(Method::POST, path, &headers, body).await
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status.as_u16());
        problem
    }
}

/// Serves rich fakes until interrupted, to look at: `cargo test --lib web::tests::preview -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "serves until it is stopped"]
async fn preview() {
    let views = fake::views(1000);
    let (sender, mut requests) = mpsc::channel::<(Request, tokio::sync::oneshot::Sender<Result<String, String>>)>(8);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9099").await.expect("a free port");
    eprintln!("http://{}", listener.local_addr().expect("an address"));
    let changing = views.clone();
    tokio::spawn(async move {
        let mut n = 0_usize;
        loop {
            tokio::select! {
                Some((request, answer)) = requests.recv() => drop(answer.send(Ok(format!("asked for: {request:?}")))),
                () = tokio::time::sleep(Duration::from_secs(2)) => {
                    n += 1;
                    let mut report = fake::report("team-e", "search", if n.is_multiple_of(2) { Pill::Progressing } else { Pill::Ready });
                    report.since = jiff::Timestamp::now();
                    changing.put_unit(report);
                }
            }
        }
    });
    let state = State {
        clock: if std::option_env!("HELMWARD_REAL_TIME").is_some() { Timestamp::now } else { fake::now },
        ..State::new(views, sender, Arc::new(|_| ()), CancellationToken::new())
    };
    axum::serve(listener, router(state)).await.expect("serves");
}
