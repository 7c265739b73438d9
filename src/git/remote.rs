//! Where a repository is and how to get in: URLs, credentials, certificates, proxies.

use super::{GitError, GitErrorClass};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::{fmt, path::PathBuf, time::Duration};

/// A repository to follow.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it is.
    pub url: GitUrl,
    /// Who may share the fetched objects: mirrors are kept per scope (the namespace of the source), so that nobody reads by
    /// commit id what only somebody else's credentials could fetch.
    pub scope: String,
    /// How to get in.
    pub credentials: Credentials,
    /// Certificates.
    pub tls: Tls,
    /// A proxy; none is taken from the environment.
    pub proxy: Option<Proxy>,
    /// The time for one operation.
    pub timeout: Duration,
}

impl Remote {
    /// A repository without credentials, with Flux's timeout of 60 s.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str, scope: &str) -> Result<Self, GitError> {
        let (url, credentials) = GitUrl::parse(url)?;
        let timeout = Duration::from_secs(60);
        Ok(Self { url, scope: scope.into(), credentials, tls: Tls::default(), proxy: None, timeout })
    }

    /// With credentials; those in the URL give way.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The directory name of the mirror.
    pub(super) fn key(&self) -> String {
        let sum = Sha256::digest(format!("{}\0{}", self.scope, self.url));
        sum.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Takes everything secret out of a text.
    pub(super) fn scrub(&self, text: &str) -> String {
        let secrets: Vec<&str> = match &self.credentials {
            Credentials::None => Vec::new(),
            Credentials::Basic { password, .. } => vec![password.expose_secret()],
            Credentials::Bearer(token) => vec![token.expose_secret()],
        };
        let proxy = self.proxy.as_ref().and_then(|proxy| proxy.password.as_ref()).map(ExposeSecret::expose_secret);
        let mut text = text.to_owned();
        for secret in secrets.into_iter().chain(proxy).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "[redacted]");
        }
        text
    }
}

/// A usable URL, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GitUrl {
    /// Smart HTTP, with or without TLS.
    Http(Url),
    /// A repository on this machine.
    Local(PathBuf),
}

impl GitUrl {
    /// Reads a URL or an absolute path. Credentials inside are taken out.
    ///
    /// # Errors
    /// The URL has a scheme that is not served, or cannot be read.
    pub fn parse(text: &str) -> Result<(Self, Credentials), GitError> {
        let text = text.trim();
        let bad = |message: String| GitError::new(GitErrorClass::InvalidUrl, message);
        if text.starts_with('/') {
            return Ok((Self::Local(text.into()), Credentials::None));
        }
        if !text.contains("://") {
            // the short form user@host:path is ssh; anything in it may be private, so it is not repeated
            let ssh = text.contains('@') && text.contains(':');
            let what = if ssh { "an ssh address".to_owned() } else { format!("{text:?}") };
            return Err(
                bad(format!("{what} is no usable repository URL")).hint("write https://HOST/PATH, file:///PATH or an absolute path")
            );
        }
        let mut url = Url::parse(text).map_err(|err| bad(format!("repository URL cannot be read: {err}")))?;
        match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| bad(format!("{text:?} names no local path")))?;
                Ok((Self::Local(path), Credentials::None))
            }
            "https" | "http" => {
                if url.host_str().is_none_or(str::is_empty) {
                    return Err(bad("repository URL has no host".into()));
                }
                let decode = |text: &str| percent_decode(text);
                let credentials = match (url.username(), url.password()) {
                    ("", None) => Credentials::None,
                    (user, password) => Credentials::basic(&decode(user), &decode(password.unwrap_or_default())),
                };
                // both calls fail only for URLs without a host
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_fragment(None);
                Ok((Self::Http(url), credentials))
            }
            "ssh" => Err(bad("repository URL has the scheme ssh, which is not supported yet".into())
                .hint("use the https URL of the repository with a token in spec.secretRef")),
            other => Err(bad(format!("repository URL has the unknown scheme {other:?}")).hint("use https, http or file")),
        }
    }

    /// The local path, for repositories on this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<&std::path::Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Http(_) => None,
        }
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => write!(f, "{url}"),
            Self::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How to get in. Prints without its secrets.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// User and password, or user and token.
    Basic {
        /// User.
        user: String,
        /// Password or token.
        password: SecretString,
    },
    /// A bearer token.
    Bearer(SecretString),
}

impl Credentials {
    /// User and password.
    #[must_use]
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic { user: user.into(), password: password.into() }
    }

    /// A bearer token.
    #[must_use]
    pub fn bearer(token: &str) -> Self {
        Self::Bearer(token.into())
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Certificates in PEM.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities trusted beside the system's.
    pub ca: Option<Vec<u8>>,
    /// Our certificate and its key, one after the other.
    pub identity: Option<SecretString>,
}

/// A proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its URL.
    pub url: String,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[i], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (text, shown) in [
            ("https://git.example/a/b.git", "https://git.example/a/b.git"),
            (" http://localhost:3000/x ", "http://localhost:3000/x"),
            ("https://me:s%40cret@git.example/a", "https://git.example/a"),
            ("file:///srv/git/a%20b.git", "/srv/git/a b.git"),
            ("/srv/git/a.git", "/srv/git/a.git"),
        ] {
            assert_eq!(GitUrl::parse(text).unwrap().0.to_string(), shown);
        }
        for bad in ["", "a/b", "git@host:a/b", "ssh://git@host/a", "ftp://host/a", "https://", "file://host/a", "https:///a:b@"] {
            let err = GitUrl::parse(bad).map(|(url, _)| panic!("{url}")).unwrap_err();
            assert_eq!(err.class, GitErrorClass::InvalidUrl, "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let remote = Remote::new("https://me:s%40cret@git.example/a", "team").unwrap();
        assert!(!format!("{remote:?}").contains("s@cret") && !format!("{remote:?}").contains("s%40cret"));
        assert_eq!(remote.scrub("failed with s@cret in it"), "failed with [redacted] in it");
        assert_eq!(remote.key().len(), 32);
        assert_ne!(remote.key(), Remote { scope: "other".into(), ..remote.clone() }.key());
        assert_eq!(remote.key(), remote.with_credentials(Credentials::bearer("x")).key());
    }
}
