//! Where a server is reached, as a kubeconfig.

use std::net::SocketAddr;

use base64::Engine as _;
use serde_json::json;

/// How clients come to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port.
    pub url: String,
    /// The certificate to trust, as PEM.
    pub certificate: Option<String>,
    /// The bearer token to send.
    pub token: Option<String>,
}

impl Endpoint {
    /// A server without encryption and credentials.
    pub fn plain(address: SocketAddr) -> Endpoint {
        Endpoint { url: format!("http://{address}"), certificate: None, token: None }
    }

    /// A kubeconfig whose only context leads here.
    pub fn kubeconfig(&self) -> String {
        let mut cluster = json!({"server": self.url});
        if let Some(pem) = &self.certificate {
            cluster["certificate-authority-data"] = base64::engine::general_purpose::STANDARD.encode(pem).into();
        }
        let user = self.token.as_ref().map_or_else(|| json!({}), |token| json!({"token": token}));
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "kubemem",
            "clusters": [{"name": "kubemem", "cluster": cluster}],
            "contexts": [{"name": "kubemem", "context": {"cluster": "kubemem", "user": "kubemem", "namespace": "default"}}],
            "users": [{"name": "kubemem", "user": user}]})
        .to_string()
    }
}
