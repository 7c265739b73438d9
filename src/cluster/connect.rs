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

/// How a person, or the daemon, gets to a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Kubeconfig files, merged as kubectl merges them: what an earlier one says holds. None means the pod's service account.
    pub files: Vec<PathBuf>,
    /// The context to use instead of the current one.
    pub context: Option<String>,
    /// The user to act as.
    pub act_as: Option<String>,
}

/// A cluster that has answered.
#[derive(Debug)]
pub struct Connected {
    /// The handle.
    pub cluster: Cluster,
    /// The server's version.
    pub version: ServerVersion,
    /// What the kubeconfig calls the cluster; `in-cluster` in a pod.
    pub name: String,
    /// URL of the server.
    pub server: String,
}

/// How long the first answer may take.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

impl Cluster {
    /// Connects by a kubeconfig file, else by the pod's service account, and asks the server for its version.
    ///
    /// # Errors
    /// Names the file or the server, and the next step.
    pub async fn connect(kubeconfig: Option<&Path>, user_agent: &str) -> Result<(Self, ServerVersion), ConnectError> {
        let files = kubeconfig.map(Path::to_owned).into_iter().collect();
        let connected = Self::connect_by(&Access { files, ..Access::default() }, user_agent).await?;
        Ok((connected.cluster, connected.version))
    }

    /// Connects as [`Access`] says, and asks the server for its version.
    ///
    /// # Errors
    /// Names the file or the server, and the next step.
    pub async fn connect_by(access: &Access, user_agent: &str) -> Result<Connected, ConnectError> {
        let (mut config, origin, name) = if access.files.is_empty() {
            let config = Config::incluster().map_err(|e| ConnectError::NotInCluster { message: super::request::chain(&e) })?;
            (config, "the pod's service account".to_owned(), "in-cluster".to_owned())
        } else {
            from_files(access).await?
        };
        if access.act_as.is_some() {
            config.auth_info.impersonate.clone_from(&access.act_as);
        }
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
        Ok(Connected { cluster, version, name, server })
    }

    /// The namespace of the context that [`Access`] means, without asking any server; `None` where there is no usable file.
    pub async fn namespace_of(access: &Access) -> Option<String> {
        if access.files.is_empty() {
            return None;
        }
        from_files(access).await.ok().map(|(config, ..)| config.default_namespace)
    }

    fn from_config(config: Config, user_agent: &str) -> Result<Self, String> {
        let client = kube::Client::try_from(prepare(config, user_agent)?).map_err(|e| super::request::chain(&e))?;
        Ok(Self::from_client(client))
    }
}

/// The manners of our clients.
pub(super) fn prepare(mut config: Config, user_agent: &str) -> Result<Config, String> {
    // the process may hold several TLS users; the first to come installs the one provider that is compiled in
    let _ = rustls::crypto::ring::default_provider().install_default();
    let agent = HeaderValue::from_str(user_agent).map_err(|_| format!("{user_agent:?} is no user agent"))?;
    config.headers.push((header::USER_AGENT, agent));
    config.connect_timeout = Some(Duration::from_secs(5));
    // requests have a limit of their own and watches notice silence by themselves
    config.read_timeout = None;
    // throttling is answered here, where the server's own word on it is known
    config.default_retry = false;
    Ok(config)
}

async fn from_files(access: &Access) -> Result<(Config, String, String), ConnectError> {
    let (mut merged, mut last) = (Kubeconfig::default(), PathBuf::new());
    for path in &access.files {
        // of a list, files that are not there yet are passed over, as kubectl does
        let absent = tokio::fs::metadata(path).await.is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if absent && access.files.len() > 1 {
            continue;
        }
        let file = read(path).await?;
        merged = merged.merge(file).map_err(|e| bad(path, e))?;
        last.clone_from(path);
    }
    if last.as_os_str().is_empty() {
        let path = access.files.first().cloned().unwrap_or_default();
        return Err(ConnectError::ReadFile { path, source: std::io::ErrorKind::NotFound.into() });
    }
    let wanted = access.context.as_deref().or(merged.current_context.as_deref()).filter(|name| !name.is_empty());
    let Some(wanted) = wanted else {
        return Err(ConnectError::BadFile { path: last, message: "it names no current-context; choose one with --context".into() });
    };
    let Some(context) = merged.contexts.iter().find(|named| named.name == wanted) else {
        let known: Vec<&str> = merged.contexts.iter().map(|named| named.name.as_str()).collect();
        let message = format!("it has no context {wanted:?}; it has {}", if known.is_empty() { "none".into() } else { known.join(", ") });
        return Err(ConnectError::BadFile { path: last, message });
    };
    let name = context.context.as_ref().map_or_else(String::new, |context| context.cluster.clone());
    let options = KubeConfigOptions { context: Some(wanted.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(merged, &options).await.map_err(|e| bad(&last, e))?;
    let origin = access.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Ok((config, origin, name))
}

async fn read(path: &Path) -> Result<Kubeconfig, ConnectError> {
    // asked first for its own error: kube's reader wraps some of these in words of its own
    tokio::fs::metadata(path).await.map_err(|source| ConnectError::ReadFile { path: path.to_owned(), source })?;
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || Kubeconfig::read_from(owned))
        .await
        .map_err(|e| ConnectError::BadFile { path: path.to_owned(), message: e.to_string() })?
        .map_err(|e| bad(path, e))
}

fn bad(path: &Path, error: KubeconfigError) -> ConnectError {
    match error {
        KubeconfigError::ReadConfig(source, path) => ConnectError::ReadFile { path, source },
        other => {
            // the lines after the first repeat the file, which may hold credentials
            let words = super::request::chain(&other);
            let message = words.lines().next().unwrap_or_default().trim_end_matches([':', ' ']).to_owned();
            ConnectError::BadFile { path: path.to_owned(), message }
        }
    }
}
