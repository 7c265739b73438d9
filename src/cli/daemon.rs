//! The daemon's own JSON API, for what only the daemon knows.

use super::failure::Failure;
use crate::api::kinds::Kind;
use crate::object::{Json, redact::url_encode};
use crate::release::report::Report;
use crate::release::{UnitKey, UnitKind};
use clap::Args;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Where `helmward run` listens, unless told otherwise.
const DEFAULT: &str = "http://127.0.0.1:9080";
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Debug, Clone)]
pub(super) struct DaemonArgs {
    /// URL of the daemon's page [default: http://127.0.0.1:9080]
    #[arg(long, env = "HELMWARD_SERVER", value_name = "URL")]
    server: Option<String>,
}

impl DaemonArgs {
    /// The daemon, at its usual place unless another is named.
    pub(super) fn daemon(&self) -> Daemon {
        Daemon::at(self.server.as_deref().unwrap_or(DEFAULT))
    }

    /// The daemon, where it was asked for.
    pub(super) fn asked_for(&self) -> Option<Daemon> {
        self.server.as_deref().map(Daemon::at)
    }
}

/// The API of one daemon.
pub(super) struct Daemon {
    url: String,
}

impl Daemon {
    fn at(url: &str) -> Self {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// The report of one unit. Without a namespace, the name must be the only one of its kind.
    pub(super) async fn report(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Result<Report, Failure> {
        let kind = match kind.kind {
            "HelmRelease" => UnitKind::Release,
            "Kustomization" => UnitKind::Bundle,
            other => return Err(Failure::error(format!("the daemon reports releases (hr) and kustomizations (ks), not {other}"))),
        };
        let namespace = match namespace {
            Some(namespace) => namespace.to_owned(),
            None => self.namespace_of(kind, name).await?,
        };
        self.one(&UnitKey { kind, namespace, name: name.to_owned() }).await
    }

    /// The report of one unit.
    pub(super) async fn one(&self, key: &UnitKey) -> Result<Report, Failure> {
        let kind = match key.kind {
            UnitKind::Release => "releases",
            UnitKind::Bundle => "kustomizations",
        };
        let found: Option<Json> = self.get(&format!("/api/v1/{kind}/{}/{}", url_encode(&key.namespace), url_encode(&key.name))).await?;
        let found = found.map(crate::web::api::from_json).transpose().map_err(|e| self.strange(&e.to_string()))?;
        let missing = || {
            Failure::error(format!("the daemon at {} does not know {key}", self.url))
                .hint("`helmward get all -A` shows what is in the cluster; choose the namespace with -n")
        };
        found.filter(|report| report.key == *key).ok_or_else(missing)
    }

    /// The keys of all units that a query finds, as on the page.
    pub(super) async fn keys(&self, query: &str) -> Result<Vec<UnitKey>, Failure> {
        let answer: Json = self.get(&format!("/api/v1/releases?q={}", url_encode(query))).await?.unwrap_or(Json::Null);
        let items = answer.as_array().or_else(|| answer.get("items").and_then(Json::as_array)).cloned();
        let items = items.ok_or_else(|| self.strange("a list of releases is missing"))?;
        items
            .iter()
            .map(|item| {
                let key = item.get("key").unwrap_or(item);
                serde_json::from_value(key.clone()).map_err(|e| self.strange(&e.to_string()))
            })
            .collect()
    }

    async fn namespace_of(&self, kind: UnitKind, name: &str) -> Result<String, Failure> {
        let mut found: Vec<String> =
            self.keys("").await?.into_iter().filter(|key| key.kind == kind && key.name == name).map(|key| key.namespace).collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Failure::error(format!("the daemon at {} does not know {} {name}", self.url, kind.as_str()))
                .hint("`helmward get all -A` shows what is in the cluster")),
            _ => Err(Failure::error(format!("{} {name} is in several namespaces: {}", kind.as_str(), found.join(", ")))
                .hint("choose one with -n")),
        }
    }

    /// What the daemon says of itself; `None` where it does not answer, or does not say.
    pub(super) async fn about(&self) -> Option<Json> {
        self.get("/api/v1/version").await.ok().flatten()
    }

    /// An answer; `None` where there is no such thing.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        let unreachable = |error: reqwest::Error| {
            let words = crate::object::redact::strip_userinfo(&words(&error.without_url()));
            let url = crate::object::redact::strip_userinfo(&self.url);
            Failure::error(format!("the daemon at {url} does not answer: {words}")).hint(
                "start it with `helmward run`; one in the cluster is reached with `kubectl -n flux-system port-forward \
                 deployment/helmward-controller 9080`; name another address with --server",
            )
        };
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(unreachable)?;
        let request = client.get(format!("{}{path}", self.url)).header("Accept", "application/json");
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = response.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            let problem: Option<Json> = serde_json::from_slice(&body).ok();
            let detail = problem.as_ref().and_then(|p| p.get("detail")?.as_str().map(str::to_owned));
            let line =
                detail.unwrap_or_else(|| String::from_utf8_lossy(&body).lines().next().unwrap_or_default().chars().take(200).collect());
            return Err(self.strange(&format!("it answers {status} {line}")));
        }
        serde_json::from_slice(&body).map(Some).map_err(|e| self.strange(&e.to_string()))
    }

    fn strange(&self, why: &str) -> Failure {
        Failure::error(format!("the answer of {} is not that of a Helmward daemon of this version: {why}", self.url))
            .hint("`helmward version` shows both versions; check --server")
    }
}

/// An error with its causes: the first words alone are mostly "error sending request".
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = source.to_string();
        next = source.source();
    }
    text
}
