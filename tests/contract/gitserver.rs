//! Git over smart HTTP on loopback, by git's own `http-backend`, and a work tree whose commits come from an example's steps.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

/// A bare repository, served over HTTP.
pub struct GitServer {
    pub url: String,
    work: PathBuf,
    _serve: tokio::task::JoinHandle<()>,
}

impl GitServer {
    pub async fn start(root: &Path) -> Self {
        let bare = root.join("repo.git");
        let work = root.join("work");
        git(root, &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(root, &["init", "-q", "-b", "main", work.to_str().unwrap()]);
        git(&work, &["remote", "add", "origin", bare.to_str().unwrap()]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/repo.git", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(Backend { root: root.to_path_buf(), known: Arc::default() });
        let serve = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, work, _serve: serve }
    }

    /// Lays an example's step over the work tree, after `edit` has changed each file's text, commits and pushes. Gives the commit id.
    pub fn push_step(&self, step: &Path, edit: &dyn Fn(&str) -> String) -> String {
        let mut folders = vec![step.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let relative = path.strip_prefix(step).unwrap();
                if matches!(relative.to_str(), Some("COMMIT" | "REMOVED")) {
                    continue;
                }
                let to = self.work.join(relative);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, edit(&std::fs::read_to_string(&path).unwrap())).unwrap();
            }
        }
        if let Ok(removed) = std::fs::read_to_string(step.join("REMOVED")) {
            for path in removed.lines().filter(|l| !l.is_empty()) {
                std::fs::remove_file(self.work.join(path)).unwrap();
            }
        }
        self.push(std::fs::read_to_string(step.join("COMMIT")).unwrap().trim())
    }

    /// Writes one file (or removes it, with `None`), commits and pushes. Gives the commit id.
    pub fn push_file(&self, path: &str, text: Option<&str>, message: &str) -> String {
        let to = self.work.join(path);
        match text {
            Some(text) => {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, text).unwrap();
            }
            None => std::fs::remove_file(to).unwrap(),
        }
        self.push(message)
    }

    /// The work tree.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Writes a file for the next commit.
    pub fn write(&self, path: &str, text: &str) {
        let to = self.work.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text).unwrap();
    }

    /// Removes a file for the next commit, where it is there.
    pub fn discard(&self, path: &str) {
        let _ = std::fs::remove_file(self.work.join(path));
    }

    /// Copies a folder for the next commit.
    pub fn copy(&self, from: &Path, to: &str) {
        let mut folders = vec![from.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let to = self.work.join(to).join(path.strip_prefix(from).unwrap());
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(&path, to).unwrap();
            }
        }
    }

    /// Commits what was written and pushes it. Gives the commit id.
    pub fn push(&self, message: &str) -> String {
        git(&self.work, &["add", "-A", "-f"]);
        git(&self.work, &["commit", "-q", "-m", message]);
        git(&self.work, &["push", "-q", "origin", "main"]);
        git(&self.work, &["rev-parse", "HEAD"])
    }
}

pub fn git(dir: &Path, args: &[&str]) -> String {
    let out = std::process::Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@shop.example", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is installed");
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// `git http-backend` as a CGI program. A request that was made before, with the references as they were, gets the same answer: on a
/// fast clock a process for each poll would be most of the work.
#[derive(Clone)]
struct Backend {
    root: PathBuf,
    known: Arc<Mutex<HashMap<Asked, Vec<u8>>>>,
}

/// All that an answer depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    method: String,
    path: String,
    query: String,
    content_type: String,
    content_encoding: String,
    protocol: String,
    body: Vec<u8>,
    references: String,
}

async fn answer(State(backend): State<Backend>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        protocol: header("git-protocol"),
        body: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
        references: references(&backend.root.join("repo.git")),
    };
    let known = backend.known.lock().unwrap().get(&asked).cloned();
    let out = match known {
        Some(out) => out,
        None => {
            let out = backend.run(&asked).await;
            backend.known.lock().unwrap().insert(asked, out.clone());
            out
        }
    };
    let split = out.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(out.len().saturating_sub(4));
    let mut response = Response::new(Body::from(out[split + 4..].to_vec()));
    for line in String::from_utf8_lossy(&out[..split]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = StatusCode::from_bytes(&value.as_bytes()[..3]).unwrap();
        } else {
            response.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
    }
    response
}

impl Backend {
    async fn run(&self, asked: &Asked) -> Vec<u8> {
        let mut child = tokio::process::Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", &asked.method)
            .env("PATH_INFO", &asked.path)
            .env("QUERY_STRING", &asked.query)
            .env("CONTENT_TYPE", &asked.content_type)
            .env("HTTP_CONTENT_ENCODING", &asked.content_encoding)
            .env("GIT_PROTOCOL", &asked.protocol)
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("git http-backend starts");
        let mut stdin = child.stdin.take().unwrap();
        let body = asked.body.clone();
        tokio::spawn(async move {
            let _ = stdin.write_all(&body).await;
        });
        child.wait_with_output().await.unwrap().stdout
    }
}

/// The branches and tags of a bare repository, each with its commit.
fn references(bare: &Path) -> String {
    let mut out = std::fs::read_to_string(bare.join("packed-refs")).unwrap_or_default();
    let mut folders = vec![bare.join("refs")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                out += &format!("{} {}", path.display(), std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    out
}
