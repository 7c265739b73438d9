//! One request to the API server and its answer: paths, headers, counting, patience, and the guard on writes.

use super::{
    Discovery, Resource,
    error::{ApiError, Kind, Retry, Step, Subject},
};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use kube::client::Body;
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tower::service_fn;

/// A handle on one cluster. Cloning is cheap; clones share the connections, the discovery cache and the counters.
#[derive(Clone)]
pub struct Cluster {
    wire: Wire,
    discovery: Discovery,
    /// Whom to act as; the daemon itself where absent.
    user: Option<Arc<str>>,
    gate: Option<WriteGate>,
    /// Whether it is another cluster than the one that the daemon follows.
    remote: bool,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("user", &self.user).field("gated", &self.gate.is_some()).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Takes any kube client: a real one, or one over an in-process router.
    #[must_use]
    pub fn from_client(client: kube::Client) -> Self {
        let wire = Wire::new(client);
        Self { discovery: Discovery::new(wire.clone()), wire, user: None, gate: None, remote: false }
    }

    /// Which kinds the server knows.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The same cluster, acting as a service account (`system:serviceaccount:<namespace>:<name>`).
    ///
    /// # Errors
    /// Where either name is empty: an empty identity must never mean the daemon's own.
    pub fn as_service_account(&self, namespace: &str, name: &str) -> Result<Self, ApiError> {
        if namespace.is_empty() || name.is_empty() {
            let subject = Subject::Other("a service account".into());
            return Err(ApiError::local(Step::Get, subject, Kind::Refused, "the service account to act as has no namespace or no name"));
        }
        Ok(Self { user: Some(format!("system:serviceaccount:{namespace}:{name}").into()), ..self.clone() })
    }

    /// Whether requests are made with the rights of somebody else than the daemon.
    #[must_use]
    pub fn is_impersonating(&self) -> bool {
        self.user.is_some()
    }

    /// Whether it is another cluster than the one that the daemon follows: no watch of ours sees its objects.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// Another cluster, whose writes pass the same gate.
    pub(super) fn beside(&self, client: kube::Client) -> Self {
        Self { gate: self.gate.clone(), remote: true, ..Self::from_client(client) }
    }

    /// The same cluster, whose writes are refused while the gate is closed. Reads and dry-runs pass.
    #[must_use]
    pub fn with_gate(&self, gate: WriteGate) -> Self {
        Self { gate: Some(gate), ..self.clone() }
    }

    /// How many requests were made, by method and status code (`<error>` where nothing was answered).
    #[must_use]
    pub fn request_counts(&self) -> Vec<RequestCount> {
        let counts = self.wire.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((method, code), count)| RequestCount { method: method.clone(), code: code.clone(), count: *count }).collect()
    }

    /// How many requests wait for an answer now; a watch that was answered is none.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.wire.in_flight.load(Ordering::Relaxed)
    }

    /// The namespace of the kubeconfig's context, or the pod's own.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        self.wire.client.default_namespace()
    }

    /// Whom to act as, where not as oneself.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The kube client below, for watches and logs.
    pub(super) fn client(&self) -> kube::Client {
        self.wire.client.clone()
    }

    pub(super) async fn send(&self, mut call: Call) -> Result<Reply, ApiError> {
        call.user.clone_from(&self.user);
        match &self.gate {
            Some(gate) if call.step.writes() => gate.pass(&self.wire, call).await,
            _ => self.wire.send(call).await,
        }
    }
}

/// Says at each write until when writing is allowed; `None` means not now.
///
/// A write that is under way when its time runs out is given up, so that it cannot come after another daemon's.
#[derive(Clone)]
pub struct WriteGate(Arc<dyn Fn() -> Option<Instant> + Send + Sync>);

impl WriteGate {
    /// A gate that asks the function at each write.
    pub fn new(until: impl Fn() -> Option<Instant> + Send + Sync + 'static) -> Self {
        Self(Arc::new(until))
    }

    /// Until when writing is allowed, if it is allowed now.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        (self.0)().filter(|until| *until > Instant::now())
    }

    async fn pass(&self, wire: &Wire, call: Call) -> Result<Reply, ApiError> {
        let closed = |step, subject| ApiError::local(step, subject, Kind::NotLeader, "the Lease is not held, so nothing is written");
        let Some(mut until) = self.until() else { return Err(closed(call.step, call.subject)) };
        let (step, subject) = (call.step, call.subject.clone());
        let mut sending = std::pin::pin!(wire.send(call));
        loop {
            match tokio::time::timeout_at(until, &mut sending).await {
                Ok(reply) => return reply,
                // renewed meanwhile: go on
                Err(_) => until = self.until().ok_or_else(|| closed(step, subject.clone()))?,
            }
        }
    }
}

impl fmt::Debug for WriteGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteGate(open: {})", self.until().is_some())
    }
}

/// How often one kind of answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestCount {
    /// HTTP method.
    pub method: String,
    /// HTTP status, or `<error>`.
    pub code: String,
    /// How often.
    pub count: u64,
}

type Counts = Arc<Mutex<BTreeMap<(String, String), u64>>>;

/// The connection below a [`Cluster`] and its [`Discovery`].
#[derive(Clone)]
pub(super) struct Wire {
    client: kube::Client,
    counts: Counts,
    in_flight: Arc<AtomicUsize>,
}

/// Counts one more for as long as it lives.
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn begin(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request.
pub(super) struct Call {
    pub(super) step: Step,
    pub(super) subject: Subject,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) accept: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) user: Option<Arc<str>>,
}

impl Call {
    pub(super) fn get(step: Step, subject: impl Into<Subject>, path: String) -> Self {
        Self::new(step, subject, Method::GET, path)
    }

    pub(super) fn new(step: Step, subject: impl Into<Subject>, method: Method, path: String) -> Self {
        Self {
            step,
            subject: subject.into(),
            method,
            path,
            query: Vec::new(),
            accept: "application/json",
            content_type: "application/json",
            body: Vec::new(),
            user: None,
        }
    }

    fn uri(&self) -> String {
        let mut uri = self.path.clone();
        for (i, (key, value)) in self.query.iter().enumerate() {
            uri.push(if i == 0 { '?' } else { '&' });
            uri.push_str(key);
            uri.push('=');
            escape(&mut uri, value);
        }
        uri
    }
}

/// A successful answer.
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) body: Bytes,
    pub(super) warnings: Vec<String>,
}

impl Reply {
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, step: Step, subject: impl Into<Subject>) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body)
            .map_err(|e| ApiError::local(step, subject, Kind::Garbled, format!("the server's answer is not what was asked for: {e}")))
    }
}

/// How long an answer may take; webhooks may use up half a minute of a write.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a throttled request is sent again, and the longest pause before it.
const THROTTLED_TRIES: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Wire {
    fn new(client: kube::Client) -> Self {
        let counts = Counts::default();
        let namespace = client.default_namespace().to_owned();
        let in_flight = Arc::<AtomicUsize>::default();
        let (counting, flying) = (counts.clone(), Arc::clone(&in_flight));
        let service = service_fn(move |request: Request<Body>| {
            let (client, counts, in_flight) = (client.clone(), counting.clone(), InFlight::begin(&flying));
            async move {
                let _in_flight = in_flight;
                let method = request.method().to_string();
                let answer = client.send(request).await;
                let code = answer.as_ref().map_or_else(|_| "<error>".to_owned(), |r| r.status().as_str().to_owned());
                *counts.lock().unwrap_or_else(PoisonError::into_inner).entry((method, code)).or_default() += 1;
                answer
            }
        });
        Self { client: kube::Client::new(service, namespace), counts, in_flight }
    }

    /// Sends a request; a throttled one is sent again as the server says, a read that met a dead connection once more.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.send_once(&call).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            match (error.kind, error.class) {
                // a throttled request was not carried out, so that sending it again is safe for writes too
                (Kind::TooManyRequests, class) if tries < THROTTLED_TRIES => {
                    let pause = if let Retry::After(pause) = class { pause } else { Duration::from_secs(1) };
                    tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                }
                (Kind::Unreachable, _) if tries == 1 && !call.step.writes() => {}
                _ => return Err(error),
            }
        }
    }

    async fn send_once(&self, call: &Call) -> Result<Reply, ApiError> {
        let mut request = Request::builder().method(call.method.clone()).uri(call.uri()).header(header::ACCEPT, call.accept);
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, call.content_type);
        }
        if let Some(user) = &call.user {
            request = request.header("Impersonate-User", user.as_ref());
        }
        let request = request
            .body(Body::from(call.body.clone()))
            .map_err(|e| ApiError::local(call.step, call.subject.clone(), Kind::Refused, format!("no valid request: {e}")))?;
        let limit = if call.step.writes() || call.step == Step::DryRun { WRITE_TIMEOUT } else { READ_TIMEOUT };
        let unreachable = |message: String| ApiError::local(call.step, call.subject.clone(), Kind::Unreachable, message);
        let exchange = async {
            let response = self.client.send(request).await.map_err(|e| unreachable(chain(&e)))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|e| unreachable(chain(&e)))?.to_bytes();
            Ok::<_, ApiError>(Response::from_parts(parts, body))
        };
        let response = tokio::time::timeout(limit, exchange)
            .await
            .map_err(|_| unreachable(format!("the server did not answer within {} s", limit.as_secs())))??;
        let code = response.status().as_u16();
        if !response.status().is_success() {
            let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
            return Err(ApiError::from_answer(call.step, call.subject.clone(), code, response.body(), after));
        }
        let warnings = response.headers().get_all(header::WARNING).iter().filter_map(|v| v.to_str().ok()).filter_map(warning).collect();
        Ok(Reply { code, body: response.into_body(), warnings })
    }
}

/// The text of a `Warning: 299 - "text"` header.
fn warning(header: &str) -> Option<String> {
    let text = header.split_once('"')?.1;
    let text = text.strip_suffix('"').unwrap_or(text);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// An error with its sources, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !text.contains(&words) {
            let _ = write!(text, ": {words}");
        }
        next = source.source();
    }
    text
}

/// The path of a kind, an object or a subresource.
///
/// Namespaces and names come from manifests of tenants, so that each must be one path segment.
pub(super) fn path(
    resource: &Resource,
    namespace: &str,
    name: Option<&str>,
    subresource: Option<&str>,
    step: Step,
    subject: &Subject,
) -> Result<String, ApiError> {
    let refuse = |message: String| ApiError::local(step, subject.clone(), Kind::Refused, message);
    let mut path = resource.base_path();
    if resource.namespaced {
        if !namespace.is_empty() {
            path.push_str("/namespaces/");
            segment(&mut path, namespace).map_err(refuse)?;
        } else if name.is_some() {
            return Err(refuse(format!("{} is namespaced, but no namespace is given", resource.kind)));
        }
    }
    path.push('/');
    path.push_str(&resource.plural);
    if let Some(name) = name {
        path.push('/');
        segment(&mut path, name).map_err(refuse)?;
    }
    if let Some(subresource) = subresource {
        path.push('/');
        path.push_str(subresource);
    }
    Ok(path)
}

fn segment(path: &mut String, text: &str) -> Result<(), String> {
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '%']) {
        return Err(format!("{text:?} is no name: it is empty, `.`, `..` or contains `/` or `%`"));
    }
    escape(path, text);
    Ok(())
}

fn escape(to: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployments() -> Resource {
        Resource {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn paths_cannot_be_left() {
        let to = |namespace: &str, name: &str| path(&deployments(), namespace, Some(name), None, Step::Get, &Subject::Other("x".into()));
        assert_eq!(to("shop", "web").expect("fine"), "/apis/apps/v1/namespaces/shop/deployments/web");
        assert_eq!(to("shop", "system:a b?c").expect("fine"), "/apis/apps/v1/namespaces/shop/deployments/system:a%20b%3Fc");
        for (namespace, name) in [("shop", ".."), ("..", "web"), ("shop", "a/b"), ("shop", "%2e%2e"), ("", "web"), ("shop", "")] {
            let error = to(namespace, name).expect_err("must be refused");
            assert_eq!((error.kind, error.class), (Kind::Refused, Retry::OnChange), "{namespace:?} {name:?}");
        }
    }

    #[test]
    fn warnings_are_unquoted() {
        assert_eq!(warning(r#"299 - "unknown field \"spec.a\"""#).as_deref(), Some(r#"unknown field "spec.a""#));
        assert_eq!(warning("nonsense"), None);
    }
}
