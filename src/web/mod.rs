//! The page, the JSON API and server-sent events; sees read-only views only.
//!
//! - `view`: which page an address means, and the fragments that it is made of; the page and the stream render the same ones
//! - `page`: one file per page
//! - `stream`: server-sent events
//! - `api`: the JSON API; `act`: actions of both
//! - `guard`: Host, Origin and the security headers; `assets`: styles and scripts
//! - `filter`, `when`, `mark`, `url`, `copyable`: what the pages share

mod act;
pub mod api;
mod assets;
mod copyable;
mod data;
#[cfg(test)]
mod fake;
mod filter;
mod guard;
mod mark;
mod page;
mod problem;
mod site;
mod stream;
#[cfg(test)]
mod tests;
mod url;
mod view;
mod when;

use crate::controller::views::{Requests, Views};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::serve::ListenerExt;
use data::Data;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

/// The longest body of an action; a reason and a number fit many times.
const LONGEST_BODY: usize = 16 * 1024;

/// Is told the number of open streams whenever it changes.
pub type Clients = Arc<dyn Fn(usize) + Send + Sync>;

/// What every request sees. Clones share it.
#[derive(Clone)]
pub struct State {
    views: Views,
    requests: Requests,
    clients: Clients,
    open: Arc<AtomicUsize>,
    ring: Arc<stream::Ring>,
    stop: CancellationToken,
    clock: fn() -> Timestamp,
    /// Tells this process from the one before it, whose numbers mean something else.
    boot: Arc<str>,
    port: Option<u16>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("boot", &self.boot).field("port", &self.port).finish_non_exhaustive()
    }
}

impl State {
    /// The state of a page without a port of its own: any port in `Host` will do. Needs a runtime.
    #[must_use]
    pub fn new(views: Views, requests: Requests, clients: Clients, stop: CancellationToken) -> Self {
        let clock: fn() -> Timestamp = Timestamp::now;
        let boot = format!("{:x}", clock().as_millisecond()).into();
        let ring = stream::Ring::follow(&views);
        Self { views, requests, clients, open: Arc::default(), ring, stop, clock, boot, port: None }
    }

    fn with_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    fn port(&self) -> Option<u16> {
        self.port
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn read(&self) -> Data {
        Data::read(&self.views, self.now())
    }

    /// A number of a change as an event's id.
    fn event_id(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.boot)
    }

    /// The number in an event's id; `None` where it is of another process, or none.
    fn event_number(&self, id: &str) -> Option<u64> {
        let (boot, sequence) = id.rsplit_once('-')?;
        sequence.parse().ok().filter(|sequence| boot == &*self.boot && *sequence <= self.views.sequence())
    }

    fn client(&self) -> Client {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        (self.clients)(open);
        Client { state: self.clone() }
    }
}

/// One open stream; it is counted while this lives.
struct Client {
    state: State,
}

impl Drop for Client {
    fn drop(&mut self) {
        let open = self.state.open.fetch_sub(1, Ordering::Relaxed) - 1;
        (self.state.clients)(open);
    }
}

/// Everything that the page answers to.
pub fn router(state: State) -> Router {
    site::router()
        .nest("/api/v1", api::router())
        .route("/events/stream", get(stream::stream))
        .route("/assets/{bundle}/{name}", get(assets::serve))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CompressionLayer::new().gzip(true).zstd(true))
        .layer(axum::middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// Serves until told to stop.
///
/// # Errors
/// Where the listener is not on a loopback address (there is no login yet), or cannot be served.
pub async fn serve(
    listener: tokio::net::TcpListener,
    views: Views,
    requests: Requests,
    clients: Clients,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let words = format!(
            "the page cannot listen on {address}: it has no login yet, so it serves loopback addresses only; use 127.0.0.1:{} and reach it \
             through `kubectl port-forward` or ssh",
            address.port()
        );
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, words));
    }
    let state = State::new(views, requests, clients, stop.clone()).with_port(address.port());
    // Events are small: they must not wait for more.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    axum::serve(listener, router(state)).with_graceful_shutdown(stop.cancelled_owned()).await
}
