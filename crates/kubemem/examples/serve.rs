//! Serves an empty cluster for kubectl: `cargo run -p kubemem --example serve -- 127.0.0.1:0 KUBECONFIG`.

use std::error::Error;
use std::net::SocketAddr;

use kubemem::Server;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address: SocketAddr = args.next().unwrap_or_else(|| "127.0.0.1:0".into()).parse()?;
    let file = args.next().unwrap_or_else(|| "kubemem.kubeconfig".into());
    let listener = TcpListener::bind(address).await?;
    let server = Server::start();
    std::fs::write(file, server.kubeconfig(listener.local_addr()?))?;
    server.serve(listener).await??;
    Ok(())
}
