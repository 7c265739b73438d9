//! What lies between the daemon and an API server: every request goes through here, is counted, and can be the last one.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderName, Method, StatusCode, header};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A request of the daemon.
#[derive(Debug, Clone)]
pub struct Seen {
    method: Method,
    path: String,
    dry_run: bool,
    /// Status of the answer, as soon as the API server has begun it; 0 before.
    pub code: u16,
}

impl Seen {
    /// Whether it asks for a lasting change of something that stays: Leases, Events and questions about rights do not count.
    pub fn is_write(&self) -> bool {
        let aside = ["/leases", "/events", "reviews"];
        self.method != Method::GET && !self.dry_run && !aside.iter().any(|part| self.path.contains(part))
    }

    /// Whether it made an object of this plural.
    pub fn made(&self, plural: &str) -> bool {
        self.code == 201 && !self.dry_run && self.path.split('/').any(|part| part == plural)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.method, if self.dry_run { " (dry run)" } else { "" }, self.path)
    }
}

/// Where the connection is cut off: at the nth request, before the API server sees it, or once it has done what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    pub nth: usize,
    pub after: bool,
}

#[derive(Debug, Default)]
struct Log {
    /// How often everything was forgotten: what began before is a request of a daemon that is no more.
    round: usize,
    seen: Vec<Seen>,
    cut: Option<Cut>,
    /// Index of the request that was cut off. Whatever comes later does not reach the API server either.
    struck: Option<usize>,
}

/// A proxy on loopback.
#[derive(Clone)]
pub struct Wire {
    log: Arc<Mutex<Log>>,
    client: kube::Client,
}

impl Wire {
    /// A proxy to the cluster of this client, with the client's rights; its kubeconfig is written to the file.
    pub async fn start(client: kube::Client, kubeconfig: &Path) -> Self {
        let wire = Self { log: Arc::default(), client };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        std::fs::write(kubeconfig, text(listener.local_addr().unwrap())).unwrap();
        let app = axum::Router::new().fallback(pass).with_state(wire.clone());
        drop(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }));
        wire
    }

    /// Forgets what was seen, and cuts the connection there from now on.
    pub fn reset(&self, cut: Option<Cut>) {
        let mut log = self.log();
        *log = Log { round: log.round + 1, cut, ..Log::default() };
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        let mut log = self.log();
        (log.cut, log.struck) = (None, None);
    }

    /// The request that was cut off.
    pub fn struck(&self) -> Option<Seen> {
        let log = self.log();
        log.struck.map(|index| log.seen[index].clone())
    }

    /// The requests since the last reset, in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.log().seen.clone()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; its place in the log, if the API server may see it.
    fn arrive(&self, seen: Seen) -> Option<(usize, usize)> {
        let mut log = self.log();
        log.seen.push(seen);
        let index = log.seen.len() - 1;
        if log.cut == Some(Cut { nth: index + 1, after: false }) {
            log.struck.get_or_insert(index);
        }
        log.struck.is_none().then_some((log.round, index))
    }

    /// Notes an answer; whether the daemon may see it.
    fn answer(&self, (round, index): (usize, usize), code: StatusCode) -> bool {
        let mut log = self.log();
        if log.round != round {
            return true;
        }
        log.seen[index].code = code.as_u16();
        if log.cut == Some(Cut { nth: index + 1, after: true }) {
            log.struck.get_or_insert(index);
        }
        log.struck.is_none()
    }
}

async fn pass(State(wire): State<Wire>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let dry_run = parts.uri.query().is_some_and(|query| query.contains("dryRun="));
    let seen = Seen { method: parts.method.clone(), path: parts.uri.path().to_owned(), dry_run, code: 0 };
    let Some(place) = wire.arrive(seen) else { return std::future::pending().await };
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    for name in HOP {
        parts.headers.remove(name);
    }
    let request = http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
    // What was asked is done whether or not whoever asked is still there.
    let client = wire.client.clone();
    let sent = tokio::spawn(async move { client.send(request).await }).await.unwrap();
    let Ok(answer) = sent else {
        return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap();
    };
    if !wire.answer(place, answer.status()) {
        return std::future::pending().await;
    }
    let (mut parts, body) = answer.into_parts();
    for name in HOP {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::new(body))
}

/// Headers of one connection, and those that the HTTP library sets itself.
const HOP: [HeaderName; 4] = [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

fn text(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: wire\nclusters: [{{name: wire, cluster: {{server: 'http://{address}'}}}}]\n\
         contexts: [{{name: wire, context: {{cluster: wire, user: wire}}}}]\nusers: [{{name: wire, user: {{}}}}]\n"
    )
}
