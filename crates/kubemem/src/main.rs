//! A Kubernetes API in memory as a process of its own: `kubemem --kubeconfig FILE`, then `kubectl --kubeconfig FILE get pods`.

#![allow(clippy::print_stderr)]

mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use kubemem::{Endpoint, Faults, Options, Server, User};
use tokio::net::TcpListener;

/// A Kubernetes API in memory, for tests and demos
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen at; port 0 is one that is free
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// File to write the kubeconfig of the administrator to, once requests are answered
    #[arg(long, default_value = "kubemem.kubeconfig", value_name = "FILE")]
    kubeconfig: PathBuf,
    /// File to keep the state in; without, it ends with the process
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Encrypt, with a certificate made at start. Only then does kubectl send tokens, and only then is somebody without one anonymous instead of the administrator
    #[arg(long)]
    tls: bool,
    /// File of bearer tokens, one `TOKEN,USER,UID,"GROUP,GROUP"` per line, as kube-apiserver takes it
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Script of faults to inject, in YAML: `- {verb: apply, kind: Deployment, nth: 2, error: 429, retryAfter: 5}`. Those that hit nothing are named at the end
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Let objects lie there: no pods run, no workload progresses
    #[arg(long)]
    no_workloads: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut options = Options { simulate_workloads: !args.no_workloads, ..Options::default() };
    if let Some(file) = &args.tokens {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the tokens in {}", file.display()))?;
        options.tokens = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(token)
            .collect::<Option<_>>()
            .with_context(|| format!("{}: each line must be TOKEN,USER,UID or TOKEN,USER,UID,\"GROUP,GROUP\"", file.display()))?;
    }
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen at {}", args.listen))?;
    let address = listener.local_addr()?;
    let admin = format!("{:032x}", rand_token());
    if args.tls {
        options.without_credentials = User::anonymous();
        options.tokens.push((admin.clone(), User::admin()));
    }
    let server = match &args.state {
        Some(file) => Server::open(options, file).with_context(|| format!("cannot use the state in {}", file.display()))?,
        None => Server::new(options),
    };
    if let Some(file) = &args.faults {
        let script = std::fs::read_to_string(file).with_context(|| format!("cannot read the faults in {}", file.display()))?;
        server.inject_all(Faults::parse(&script).with_context(|| format!("cannot use the faults in {}", file.display()))?);
    }
    let (serving, endpoint) = if args.tls {
        let (listener, certificate) = tls::Listener::new(listener)?;
        let endpoint = Endpoint { url: format!("https://{address}"), certificate: Some(certificate), token: Some(admin) };
        (server.serve(listener), endpoint)
    } else {
        (server.serve(listener), Endpoint::plain(address))
    };
    write_secret(&args.kubeconfig, &endpoint.kubeconfig()).with_context(|| format!("cannot write {}", args.kubeconfig.display()))?;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        ended = serving => ended??,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    for fault in server.unhit() {
        eprintln!("hit nothing: {fault}");
    }
    Ok(())
}

/// Writes a file that holds credentials: for its owner only, and whole at once for whoever waits for it.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let part = path.with_extension("part");
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?.write_all(text.as_bytes())?;
    std::fs::rename(part, path)
}

/// A number that nobody guesses.
fn rand_token() -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || u128::from(RandomState::new().hash_one("token"));
    half() << 64 | half()
}

/// A line of a file of tokens.
fn token(line: &str) -> Option<(String, User)> {
    let mut parts = line.trim().splitn(4, ',');
    let (token, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let groups: Vec<&str> = parts.next().map(|groups| groups.trim_matches('"').split(',').collect()).unwrap_or_default();
    (!token.is_empty() && !name.is_empty()).then(|| (token.to_owned(), User { uid: uid.to_owned(), ..User::named(name, &groups) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tokens() {
        let jane = User { uid: "7".into(), ..User::named("jane", &["a", "b"]) };
        assert_eq!(token("secret,jane,7,\"a,b\""), Some(("secret".to_owned(), jane)));
        assert_eq!(token("secret,jane,"), Some(("secret".to_owned(), User::named("jane", &[]))));
        assert_eq!(token("secret,jane"), None);
    }
}
