//! A smart HTTP server over `git http-backend` for tests, with switches for everything that goes wrong.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode, header},
};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncWriteExt;

/// A running server; it ends with the runtime.
pub(super) struct Server {
    pub(super) base: String,
    pub(super) state: Arc<Switches>,
}

#[derive(Default)]
pub(super) struct Switches {
    root: PathBuf,
    /// `Authorization` that is wanted.
    pub(super) wanted: Mutex<Option<String>>,
    /// Answer everything with this status, 0 for none.
    pub(super) status: AtomicU16,
    /// Milliseconds before each answer.
    pub(super) delay: AtomicUsize,
    /// Requests so far: method and path, with a mark if credentials came along.
    pub(super) log: Mutex<Vec<String>>,
    /// Redirect paths that begin with `/old` here.
    pub(super) moved_to: Mutex<Option<String>>,
}

impl Switches {
    pub(super) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

/// Whether this machine can serve Git; says so where it cannot.
#[expect(clippy::disallowed_methods, reason = "a test server runs git")]
pub(super) fn available() -> bool {
    let mut command = std::process::Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    // without a request it answers with a CGI status, which is enough to know that it is there
    let found = command.output().is_ok_and(|output| output.stdout.starts_with(b"Status:"));
    if !found {
        #[allow(clippy::print_stderr, reason = "a skipped test says why")]
        {
            eprintln!("skipped: git http-backend is not installed");
        }
    }
    found
}

pub(super) async fn serve(root: &Path) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::new(Switches { root: root.into(), ..Switches::default() });
    let router = Router::new().fallback(handle).with_state(state.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { base, state }
}

#[expect(clippy::disallowed_methods, reason = "a test server runs git")]
async fn handle(State(state): State<Arc<Switches>>, request: Request) -> Response<Body> {
    let status = |code: StatusCode| Response::builder().status(code).body(Body::empty()).unwrap();
    let (parts, body) = request.into_parts();
    let authorization = parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let mark = if authorization.is_some() { " +auth" } else { "" };
    state.log.lock().unwrap().push(format!("{} {}{mark}", parts.method, parts.uri.path()));
    tokio::time::sleep(Duration::from_millis(state.delay.load(Ordering::Relaxed) as u64)).await;
    match state.status.load(Ordering::Relaxed) {
        0 => {}
        code => return status(StatusCode::from_u16(code).unwrap()),
    }
    let moved = state.moved_to.lock().unwrap().clone();
    if let (Some(to), Some(rest)) = (moved, parts.uri.path().strip_prefix("/old")) {
        let to = format!("{to}{rest}?{}", parts.uri.query().unwrap_or_default());
        return Response::builder().status(StatusCode::MOVED_PERMANENTLY).header(header::LOCATION, to).body(Body::empty()).unwrap();
    }
    if parts.uri.path().starts_with("/page") {
        return Response::builder().header(header::CONTENT_TYPE, "text/html").body(Body::from("<html>")).unwrap();
    }
    let wanted = state.wanted.lock().unwrap().clone();
    if wanted.is_some() && authorization != wanted {
        return status(StatusCode::UNAUTHORIZED);
    }
    let header = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_PROJECT_ROOT", &state.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", percent_free(parts.uri.path()))
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();
    let cut = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..cut]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = if name == "Status" { response.status(value[..3].parse::<u16>().unwrap()) } else { response.header(name, value) };
    }
    response.body(Body::from(output[cut + 4..].to_vec())).unwrap()
}

fn percent_free(path: &str) -> String {
    path.replace("%20", " ")
}
