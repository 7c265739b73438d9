//! Encrypted connections, under a certificate made for one process.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on a key.
const PATIENCE: Duration = Duration::from_secs(10);

/// A listener whose connections are encrypted before anybody sees them. Clients agree on keys side by side: a slow one holds up nobody.
pub(crate) struct Listener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Listener {
    /// Encrypts what comes in at a listener; also answers the certificate, as PEM.
    pub(crate) fn new(tcp: TcpListener) -> anyhow::Result<(Listener, String)> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        let key = made.signing_key.serialize_der().try_into().map_err(anyhow::Error::msg)?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let address = tcp.local_addr()?;
        let (sender, ready) = mpsc::channel(16);
        tokio::spawn(accept(tcp, acceptor, sender));
        Ok((Listener { ready, address }, made.cert.pem()))
    }
}

async fn accept(tcp: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    while !ready.is_closed() {
        let Ok((stream, peer)) = tcp.accept().await else {
            // out of file descriptors, most likely: some may be free again soon
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (agreed, ready) = (acceptor.accept(stream), ready.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, agreed).await {
                let _ = ready.send((stream, peer)).await;
            }
        });
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
