//! Reaching the API server: a kubeconfig file, or the service account of the pod.

use super::{Cluster, discovery::ServerVersion, error::Kind};
use http::{HeaderValue, header};
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Why the cluster cannot be reached, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file cannot be read.
    #[error("read kubeconfig {}: {source}; check the path and its permissions, or leave --kubeconfig out inside a pod", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no kubeconfig, or names something that is not there.
    #[error("kubeconfig {}: {message}; try the file with `kubectl --kubeconfig {} get --raw /version`", path.display(), path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// There is no file and no pod around the process.
    #[error("no kubeconfig is given and this is no pod: {message}; give a kubeconfig with --kubeconfig FILE")]
    NotInCluster {
        /// What is missing.
        message: String,
    },
    /// The TLS material or the credentials cannot be used.
    #[error("prepare the connection to {server}: {message}; check certificates and credentials in {origin}")]
    BadCredentials {
        /// URL of the server.
        server: String,
        /// Where the configuration came from.
        origin: String,
        /// What is wrong.
        message: String,
    },
    /// The server does not answer.
    #[error("the API server {server} (from {origin}) does not answer: {message}; check that it runs and can be reached from here")]
    Unreachable {
        /// URL of the server.
        server: String,
        /// Where the configuration came from.
        origin: String,
        /// What happened.
        message: String,
    },
    /// The server does not know us.
    #[error("the API server {server} refuses the credentials in {origin}: {message}; renew them")]
    Unauthorized {
        /// URL of the server.
        server: String,
        /// Where the configuration came from.
        origin: String,
        /// The server's words.
        message: String,
    },
}

/// How long the first answer may take.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

impl Cluster {
    /// Connects by a kubeconfig file, else by the pod's service account, and asks the server for its version.
    ///
    /// # Errors
    /// Names the file or the server, and the next step.
    pub async fn connect(kubeconfig: Option<&Path>, user_agent: &str) -> Result<(Self, ServerVersion), ConnectError> {
        let (config, origin) = match kubeconfig {
            Some(path) => (from_file(path).await?, path.display().to_string()),
            None => (
                Config::incluster().map_err(|e| ConnectError::NotInCluster { message: super::request::chain(&e) })?,
                "the pod's service account".to_owned(),
            ),
        };
        let server = config.cluster_url.to_string();
        let cluster = Self::from_config(config, user_agent).map_err(|message| ConnectError::BadCredentials {
            server: server.clone(),
            origin: origin.clone(),
            message,
        })?;
        let version = match tokio::time::timeout(FIRST_ANSWER, cluster.discovery().server_version()).await {
            Ok(Ok(version)) => version,
            Ok(Err(error)) if matches!(error.kind, Kind::Unauthorized | Kind::Forbidden) => {
                return Err(ConnectError::Unauthorized { server, origin, message: error.message });
            }
            Ok(Err(error)) => return Err(ConnectError::Unreachable { server, origin, message: error.message }),
            Err(_) => {
                let message = format!("no answer within {} s", FIRST_ANSWER.as_secs());
                return Err(ConnectError::Unreachable { server, origin, message });
            }
        };
        Ok((cluster, version))
    }

    fn from_config(mut config: Config, user_agent: &str) -> Result<Self, String> {
        // the process may hold several TLS users; the first to come installs the one provider that is compiled in
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = HeaderValue::from_str(user_agent).map_err(|_| format!("{user_agent:?} is no user agent"))?;
        config.headers.push((header::USER_AGENT, agent));
        config.connect_timeout = Some(Duration::from_secs(5));
        // requests have a limit of their own and watches notice silence by themselves
        config.read_timeout = None;
        // throttling is answered here, where the server's own word on it is known
        config.default_retry = false;
        let client = kube::Client::try_from(config).map_err(|e| super::request::chain(&e))?;
        Ok(Self::from_client(client))
    }
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let bad = |error: KubeconfigError| match error {
        KubeconfigError::ReadConfig(source, path) => ConnectError::ReadFile { path, source },
        other => ConnectError::BadFile { path: path.to_owned(), message: super::request::chain(&other) },
    };
    // asked first for its own error: kube's reader wraps some of these in words of its own
    tokio::fs::metadata(path).await.map_err(|source| ConnectError::ReadFile { path: path.to_owned(), source })?;
    let owned = path.to_owned();
    let file = tokio::task::spawn_blocking(move || Kubeconfig::read_from(owned))
        .await
        .map_err(|e| ConnectError::BadFile { path: path.to_owned(), message: e.to_string() })?
        .map_err(bad)?;
    if file.current_context.as_deref().unwrap_or_default().is_empty() {
        return Err(ConnectError::BadFile { path: path.to_owned(), message: "it names no current-context".into() });
    }
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(bad)
}
