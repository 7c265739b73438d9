//! Smart HTTP for the Git transport: one shared client with live connections, a deadline per operation, credentials that go
//! to their own origin only, and typed failures.

use super::{
    GitError, GitErrorClass, GitUrl, Remote,
    error::chain,
    remote::{Credentials, Tls},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Buf, Bytes};
use gix::{
    error::Error,
    protocol::transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse},
};
use reqwest::{Client, Method, Response, StatusCode, Url, header};
use secrecy::ExposeSecret;
use std::{
    io::{self, BufRead, Read, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, time::Instant};

/// What we call ourselves; servers serve smart HTTP to agents that begin with `git/`.
const AGENT: &str = concat!("git/2.0 (helmward ", env!("CARGO_PKG_VERSION"), ")");

/// What a GET asks for behind the repository's URL.
const ADVERTISEMENT: &str = "/info/refs?service=git-upload-pack";

/// Redirects that are followed for one advertisement.
const MAX_REDIRECTS: usize = 5;
/// How often a request is sent again that never went out.
const UNSENT_RETRIES: u32 = 2;

/// Builds the client of a remote.
pub(super) fn client(remote: &Remote) -> Result<Client, GitError> {
    // rustls wants one provider per process; another part of the program may have been first
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls_error = |what: &str, err: reqwest::Error| {
        GitError::new(GitErrorClass::Tls, format!("{what} cannot be used: {}", remote.scrub(&chain(&err))))
            .hint("check the PEM data in the referenced Secret")
    };
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_keepalive(Duration::from_secs(30))
        .no_proxy();
    let Tls { ca, identity } = &remote.tls;
    if let Some(pem) = ca {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|err| tls_error("the CA certificate", err))?;
        if certificates.is_empty() {
            return Err(GitError::new(GitErrorClass::Tls, "the CA bundle holds no certificate"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(pem) = identity {
        let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes());
        builder = builder.identity(identity.map_err(|err| tls_error("the client certificate", err))?);
    }
    if let Some(proxy) = &remote.proxy {
        let bad = |err: reqwest::Error| GitError::new(GitErrorClass::InvalidUrl, format!("proxy cannot be used: {}", chain(&err)));
        let mut made = reqwest::Proxy::all(&proxy.url).map_err(bad)?;
        if let Some(user) = &proxy.user {
            made = made.basic_auth(user, proxy.password.as_ref().map_or("", ExposeSecret::expose_secret));
        }
        builder = builder.proxy(made);
    }
    builder.build().map_err(|err| tls_error("the TLS configuration", err))
}

/// One conversation with a server. Clones share it.
#[derive(Clone)]
pub(super) struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    runtime: Handle,
    origin: Url,
    authorization: Option<header::HeaderValue>,
    deadline: Instant,
    max_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The first thing that went wrong, with more sense than the transport can keep.
    failure: Option<GitError>,
    redirected: Option<String>,
    received: u64,
}

impl Link {
    pub(super) fn new(client: Client, runtime: Handle, remote: &Remote, max_bytes: u64) -> Result<Self, GitError> {
        let GitUrl::Http(origin) = remote.url.clone() else {
            return Err(GitError::new(GitErrorClass::InvalidUrl, "not an http URL"));
        };
        let text = match &remote.credentials {
            Credentials::None => None,
            Credentials::Basic { user, password } => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()))))
            }
            Credentials::Bearer(token) => Some(format!("Bearer {}", token.expose_secret().trim())),
        };
        let authorization = text.map(|text| header::HeaderValue::from_str(&text)).transpose().map_err(|_| {
            GitError::new(GitErrorClass::Auth, "the credentials hold characters that no HTTP header takes")
                .hint("check the referenced Secret for line breaks")
        })?;
        let authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let deadline = Instant::now() + remote.timeout;
        let state = Mutex::default();
        Ok(Self { shared: Arc::new(Shared { client, runtime, origin, authorization, deadline, max_bytes, state }) })
    }

    /// What really went wrong, if the failure was ours to see.
    pub(super) fn failure(&self) -> Option<GitError> {
        self.state().failure.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the failure and makes an I/O error of it.
    fn fail(&self, err: GitError) -> io::Error {
        let text = err.to_string();
        self.state().failure.get_or_insert(err);
        io::Error::other(text)
    }

    /// Waits for something until the deadline.
    fn wait<T>(&self, what: impl Future<Output = reqwest::Result<T>>) -> Result<T, GitError> {
        let shared = &self.shared;
        match shared.runtime.block_on(tokio::time::timeout_at(shared.deadline, what)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(err)) => Err(classify(&err)),
            Err(_) => Err(GitError::new(GitErrorClass::Timeout, "the server did not answer in time")
                .hint("raise spec.timeout if the repository is large or far away")),
        }
    }

    fn send(&self, method: &Method, url: &Url, headers: &header::HeaderMap, body: &Bytes) -> Result<Response, GitError> {
        let mut request = self.shared.client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(value) = self.shared.authorization.as_ref().filter(|_| same_origin(url, &self.shared.origin)) {
            request = request.header(header::AUTHORIZATION, value.clone());
        }
        if *method == Method::POST {
            request = request.body(body.clone());
        }
        self.wait(async {
            let mut left = UNSENT_RETRIES;
            loop {
                // A body in memory can always be cloned.
                let Some(again) = request.try_clone() else { return request.send().await };
                match again.send().await {
                    Err(err) if left > 0 && unsent(&err) => left -= 1,
                    answer => return answer,
                }
            }
        })
    }

    /// Refuses answers that are no success.
    fn check(&self, response: &Response) -> Result<(), GitError> {
        let status = response.status();
        let authenticated = self.shared.authorization.is_some();
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if authenticated => {
                Err(GitError::new(GitErrorClass::Auth, format!("the server refused the credentials ({status})"))
                    .hint("check that the token is valid and may read this repository"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(GitError::new(GitErrorClass::Auth, format!("the server wants credentials ({status})"))
                    .hint("name a Secret with username and password, or bearerToken, in spec.secretRef"))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(GitError::new(GitErrorClass::NotFound, format!("no repository there ({status})"))
                    .hint("check the URL; some servers answer this for private repositories too, then check the credentials"))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(GitError::new(GitErrorClass::Network, format!("the server asks us to wait ({status})"))),
            _ if status.is_server_error() => Err(GitError::new(GitErrorClass::Network, format!("the server failed ({status})"))),
            _ => Err(GitError::new(GitErrorClass::Protocol, format!("unexpected answer ({status})"))),
        }
    }

    /// Asks for the advertisement, following redirects that keep its form and do not leave TLS.
    fn advertisement(&self, url: &str, headers: &header::HeaderMap) -> Result<Response, GitError> {
        let mut url = parse(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&Method::GET, &url, headers, &Bytes::new())?;
            if !response.status().is_redirection() {
                self.check(&response)?;
                expect_type(&response, "advertisement")?;
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let next = url.join(location).ok().filter(|_| !location.is_empty());
            let next = next.ok_or_else(|| GitError::new(GitErrorClass::Protocol, "the server redirects to nowhere"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(GitError::new(GitErrorClass::Protocol, "the server redirects from https to plain http, which is refused"));
            }
            let Some(base) = next.as_str().strip_suffix(ADVERTISEMENT) else {
                // login pages and the like
                let class = if same_origin(&url, &next) { GitErrorClass::NotFound } else { GitErrorClass::Protocol };
                return Err(GitError::new(class, format!("the server redirects to {}, which is no repository", origin(&next)))
                    .hint("check the URL and, for a private repository, the credentials"));
            };
            self.state().redirected = Some(base.into());
            url = next;
        }
        Err(GitError::new(GitErrorClass::Protocol, "the server redirects too often"))
    }
}

impl Http for Link {
    type Headers = HeaderLines;
    type ResponseBody = Body;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<HeaderLines, Body>> {
        let headers = header_map(headers);
        let response = self.advertisement(url, &headers).map_err(|err| Error::from_error(self.fail(err)))?;
        let exchange = Arc::new(Mutex::new(Exchange { link: self.clone(), state: Progress::Open(response) }));
        Ok(GetResponse { headers: HeaderLines::new(exchange.clone()), body: Body { exchange, chunk: Bytes::new() } })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<HeaderLines, Body, PostBody>> {
        let url = parse(url).map_err(|err| Error::from_error(self.fail(err)))?;
        let state = Progress::Sending { url, headers: header_map(headers), body: Vec::new() };
        let exchange = Arc::new(Mutex::new(Exchange { link: self.clone(), state }));
        Ok(PostResponse {
            post_body: PostBody { exchange: exchange.clone() },
            headers: HeaderLines::new(exchange.clone()),
            body: Body { exchange, chunk: Bytes::new() },
        })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.state().redirected.clone()
    }
}

/// One request and its answer, sent when the answer is first asked for.
struct Exchange {
    link: Link,
    state: Progress,
}

enum Progress {
    Sending { url: Url, headers: header::HeaderMap, body: Vec<u8> },
    Open(Response),
    Done,
}

impl Exchange {
    fn response(&mut self) -> io::Result<Option<&mut Response>> {
        if let Progress::Sending { url, headers, body } = &mut self.state {
            let body = Bytes::from(std::mem::take(body));
            let response = self.link.send(&Method::POST, url, headers, &body);
            let response = response.and_then(|response| {
                self.link.check(&response)?;
                expect_type(&response, "result")?;
                Ok(response)
            });
            match response {
                Ok(response) => self.state = Progress::Open(response),
                Err(err) => {
                    self.state = Progress::Done;
                    return Err(self.link.fail(err));
                }
            }
        }
        Ok(match &mut self.state {
            Progress::Open(response) => Some(response),
            _ => None,
        })
    }

    fn chunk(&mut self) -> io::Result<Bytes> {
        let link = self.link.clone();
        let Some(response) = self.response()? else { return Ok(Bytes::new()) };
        match link.wait(response.chunk()) {
            Ok(Some(chunk)) => {
                let mut state = link.state();
                state.received += chunk.len() as u64;
                if state.received > link.shared.max_bytes {
                    drop(state);
                    let limit = link.shared.max_bytes >> 20;
                    return Err(link.fail(GitError::new(GitErrorClass::Content, format!("the repository sends more than {limit} MiB"))));
                }
                Ok(chunk)
            }
            Ok(None) => {
                self.state = Progress::Done;
                Ok(Bytes::new())
            }
            Err(err) => Err(link.fail(err)),
        }
    }
}

type SharedExchange = Arc<Mutex<Exchange>>;

fn locked(exchange: &SharedExchange) -> std::sync::MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The headers of the answer, a line each.
pub(super) struct HeaderLines {
    exchange: SharedExchange,
    lines: Option<io::Cursor<Vec<u8>>>,
}

impl HeaderLines {
    fn new(exchange: SharedExchange) -> Self {
        Self { exchange, lines: None }
    }

    fn lines(&mut self) -> io::Result<&mut io::Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let mut text = Vec::new();
            if let Some(response) = locked(&self.exchange).response()? {
                for (name, value) in response.headers() {
                    text.extend_from_slice(name.as_str().as_bytes());
                    text.extend_from_slice(b": ");
                    text.extend_from_slice(value.as_bytes());
                    text.push(b'\n');
                }
            }
            self.lines = Some(io::Cursor::new(text));
        }
        Ok(self.lines.as_mut().expect("filled above"))
    }
}

impl Read for HeaderLines {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buf)
    }
}

impl BufRead for HeaderLines {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The body of the answer.
pub(super) struct Body {
    exchange: SharedExchange,
    chunk: Bytes,
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() {
            self.chunk = locked(&self.exchange).chunk()?;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount);
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buf.len());
        buf[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

/// Collects what is to be posted; requests are small.
pub(super) struct PostBody {
    exchange: SharedExchange,
}

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut locked(&self.exchange).state {
            Progress::Sending { body, .. } => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            _ => Err(io::Error::other("the request is already sent")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parse(url: &str) -> Result<Url, GitError> {
    Url::parse(url).map_err(|err| GitError::new(GitErrorClass::InvalidUrl, format!("repository URL cannot be read: {err}")))
}

fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> header::HeaderMap {
    let parsed = lines.into_iter().filter_map(|line| {
        let (name, value) = line.as_ref().split_once(':')?;
        Some((name.parse::<header::HeaderName>().ok()?, value.trim().parse().ok()?))
    });
    // the client has its own agent
    parsed.filter(|(name, _)| name != header::USER_AGENT).collect()
}

fn same_origin(a: &Url, b: &Url) -> bool {
    (a.scheme(), a.host_str(), a.port_or_known_default()) == (b.scheme(), b.host_str(), b.port_or_known_default())
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn expect_type(response: &Response, kind: &str) -> Result<(), GitError> {
    let want = format!("application/x-git-upload-pack-{kind}");
    let got = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    if got.split(';').next().is_some_and(|got| got.trim().eq_ignore_ascii_case(&want)) {
        return Ok(());
    }
    Err(GitError::new(GitErrorClass::Protocol, format!("the server does not speak Git there (it answers {got:?})"))
        .hint("check that the URL is that of the repository, not of its web page"))
}

/// Whether a connection ended before the request went out on it, which also hides why (a server that refuses our certificate does that).
fn unsent(err: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(err);
    while let Some(inner) = source {
        if inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        source = inner.source();
    }
    chain(err).contains("connection was not ready")
}

/// Finds out what a failed request failed of.
fn classify(err: &reqwest::Error) -> GitError {
    let text = chain(err);
    let lower = text.to_ascii_lowercase();
    let about = |class, message: String| GitError::new(class, message);
    if err.is_timeout() || lower.contains("timed out") {
        return about(GitErrorClass::Timeout, "the server did not answer in time".into())
            .hint("check that it can be reached from here, or raise spec.timeout");
    }
    if let Some(tls) = tls_cause(err) {
        let hint = match tls {
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer | rustls::CertificateError::Other(_) | rustls::CertificateError::BadSignature,
            ) => "put the authority's certificate as ca.crt into the Secret of spec.secretRef",
            rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port; check the scheme and the port of the URL",
            _ => "check the server's certificate and the host name in the URL",
        };
        return about(GitErrorClass::Tls, format!("no trusted TLS connection: {}", cause(&text))).hint(hint);
    }
    if unsent(err) && err.url().is_some_and(|url| url.scheme() == "https") {
        return about(GitErrorClass::Tls, "the server closed the connection right after the handshake".into())
            .hint("it may demand a client certificate: put tls.crt and tls.key into the Secret of spec.secretRef");
    }
    if lower.contains("dns") || lower.contains("lookup") {
        return about(GitErrorClass::Network, "the host name cannot be resolved".into()).hint("check the host in the URL");
    }
    about(GitErrorClass::Network, format!("the server cannot be reached: {}", cause(&text)))
}

/// The TLS error among the causes.
fn tls_cause<'a>(err: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = err.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    // I/O errors show what is below the error that they wrap, not that error itself
    let wrapped = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.and_then(|inner| tls_cause(inner)).or_else(|| err.source().and_then(tls_cause))
}

/// The part of a chain of causes behind the words that only name the request.
fn cause(text: &str) -> &str {
    text.split_once("): ").map_or(text, |(_, cause)| cause)
}
