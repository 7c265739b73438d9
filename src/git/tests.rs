//! Mirrors against real repositories, on disk and over smart HTTP.

use super::{
    Credentials, Git, GitErrorClass, GitOptions, Remote, Update,
    commit::{self, Author},
    testserver::{self, Server},
};
use crate::source::{GitRef, Oid, RefFields, Snapshot};
use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

const ADA: Author<'_> = Author { name: "Ada", email: "ada@example.com", seconds: 1_700_000_000 };

fn put(repository: &Path, files: &[(&str, &str)], message: &str) -> Oid {
    commit::init_bare(repository, "main").unwrap();
    commit::commit(repository, "main", files.iter().copied(), ADA, message).unwrap()
}

fn main() -> GitRef {
    GitRef::Branch("main".into())
}

fn names(snapshot: &Snapshot) -> Vec<String> {
    snapshot.names("").unwrap()
}

struct Case {
    dir: tempfile::TempDir,
    server: Server,
    git: Git,
}

impl Case {
    async fn new(options: GitOptions) -> Option<Self> {
        if !testserver::available() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let server = testserver::serve(dir.path()).await;
        let git = Git::new(dir.path().join("mirrors"), options);
        Some(Self { dir, server, git })
    }

    fn repository(&self) -> std::path::PathBuf {
        self.dir.path().join("repo.git")
    }

    fn remote(&self, path: &str) -> Remote {
        let mut remote = Remote::new(&format!("{}{path}", self.server.base), "default").unwrap();
        remote.timeout = Duration::from_secs(20);
        remote
    }

    fn mirror_dir(&self) -> std::path::PathBuf {
        std::fs::read_dir(self.dir.path().join("mirrors")).unwrap().next().unwrap().unwrap().path()
    }
}

#[tokio::test]
async fn local_repositories_are_read_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b.git");
    let first = put(&path, &[("app/a.yaml", "1"), ("b.yaml", "2")], "first\n\nbody");
    commit::tag(&path, "v1.0.0", &first).unwrap();
    let second = commit::amend_files(&path, "main", [("b.yaml", None), ("c.yaml", Some("3"))], ADA, "second").unwrap();
    commit::tag(&path, "v1.1.0", &second).unwrap();
    let git = Git::new(dir.path().join("mirrors"), GitOptions::default());
    for url in [path.display().to_string(), format!("file://{}", path.display().to_string().replace(' ', "%20"))] {
        let mirror = git.mirror(Remote::new(&url, "x").unwrap()).unwrap();
        let fields = |fields| GitRef::from_fields(fields).unwrap();
        let hex = first.to_string();
        for (wanted, revision, files) in [
            (main(), format!("main@sha1:{second}"), vec!["app/a.yaml", "c.yaml"]),
            (GitRef::Head, format!("main@sha1:{second}"), vec!["app/a.yaml", "c.yaml"]),
            (GitRef::Tag("v1.0.0".into()), format!("v1.0.0@sha1:{first}"), vec!["app/a.yaml", "b.yaml"]),
            (GitRef::Semver("1.x".into()), format!("v1.1.0@sha1:{second}"), vec!["app/a.yaml", "c.yaml"]),
            (fields(RefFields { commit: Some(&hex), ..RefFields::default() }), format!("sha1:{first}"), vec!["app/a.yaml", "b.yaml"]),
        ] {
            let resolved = mirror.resolve(&wanted).await.unwrap();
            assert_eq!(resolved.revision.to_string(), revision);
            assert_eq!(names(&mirror.fetch(&resolved, None).await.unwrap()), files);
        }
        let snapshot = mirror.fetch(&mirror.resolve(&GitRef::Tag("v1.0.0".into())).await.unwrap(), None).await.unwrap();
        let info = snapshot.commit().unwrap();
        assert_eq!((info.subject.as_str(), info.author.name.as_str(), info.author.seconds), ("first", "Ada", 1_700_000_000));
        let err = mirror.resolve(&GitRef::from_fields(RefFields::default()).unwrap()).await.unwrap_err();
        assert_eq!(err.class, GitErrorClass::RefNotFound);
        assert!(err.to_string().ends_with("branch \"master\" does not exist; the repository has main; check spec.ref"), "{err}");
    }
    let missing = git.mirror(Remote::new("/nonexistent/x", "x").unwrap()).unwrap().resolve(&main()).await.unwrap_err();
    assert_eq!(
        (missing.class, missing.to_string().as_str()),
        (GitErrorClass::NotFound, "/nonexistent/x: there is no such directory; check the path")
    );
    let plain = git.mirror(Remote::new(&dir.path().display().to_string(), "x").unwrap()).unwrap();
    assert_eq!(plain.resolve(&main()).await.unwrap_err().class, GitErrorClass::NotFound);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests compare with git itself")]
async fn written_repositories_satisfy_git() {
    if !testserver::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.git");
    put(&path, &[("a/b/c.yaml", "1"), ("a-b", "2"), ("a.b", "3"), ("a/z", "4")], "first");
    put(&path, &[("a/b/c.yaml", "5")], "second");
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("--git-dir").arg(&path).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["fsck", "--strict"]);
    assert_eq!(
        run(&["log", "--format=%an %ae %at %s", "main"]),
        "Ada ada@example.com 1700000000 second\nAda ada@example.com 1700000000 first\n"
    );
    assert_eq!(run(&["ls-tree", "-r", "--name-only", "main"]), "a/b/c.yaml\n");
    assert_eq!(run(&["ls-tree", "-r", "--name-only", "main~1"]), "a-b\na.b\na/b/c.yaml\na/z\n");
}

#[tokio::test]
async fn smart_http_is_cheap_and_incremental() {
    let Some(case) = Case::new(GitOptions::default()).await else { return };
    let log = || case.server.state.take_log();
    let big: String = (0..20_000).map(|i| format!("line {i}\n")).collect();
    put(&case.repository(), &[("app/a.yaml", "1"), ("big.txt", &big)], "first");
    let mirror = case.git.mirror(case.remote("/repo.git")).unwrap();
    let first = mirror.resolve(&main()).await.unwrap();
    assert_eq!(log(), ["GET /repo.git/info/refs", "POST /repo.git/git-upload-pack"]);
    let before = mirror.fetch(&first, None).await.unwrap();
    assert_eq!(log().len(), 2, "advertisement and pack");
    assert_eq!(before.read("app/a.yaml").unwrap(), "1");
    mirror.fetch(&first, None).await.unwrap();
    assert!(log().is_empty(), "nothing is fetched twice");

    put(&case.repository(), &[("app/a.yaml", "2"), ("big.txt", &big)], "second");
    let Update::New(second, after) = mirror.update(&main(), None, Some(&first.revision)).await.unwrap() else { panic!("no update") };
    assert_eq!(log(), ["GET /repo.git/info/refs", "POST /repo.git/git-upload-pack", "POST /repo.git/git-upload-pack"]);
    assert_eq!((after.read("app/a.yaml").unwrap(), before.read("app/a.yaml").unwrap()), ("2".into(), "1".into()));
    assert_eq!(after.read("big.txt").unwrap(), big.as_bytes());
    let packs = case.mirror_dir().join("1.git/objects/pack");
    let sizes = std::fs::read_dir(&packs).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|x| x == "pack"));
    let mut sizes: Vec<u64> = sizes.map(|entry| entry.metadata().unwrap().len()).collect();
    sizes.sort_unstable();
    assert!(sizes.len() == 2 && sizes[0] < 1000 && sizes[1] > 10_000, "the second pack is only the difference: {sizes:?}");
    assert!(matches!(mirror.update(&main(), None, Some(&second.revision)).await.unwrap(), Update::Unchanged(_)));
    log();

    // a new process finds what is on disk
    let again = Git::new(case.dir.path().join("mirrors"), GitOptions::default()).mirror(case.remote("/repo.git")).unwrap();
    assert_eq!(again.fetch(&first, None).await.unwrap().read("app/a.yaml").unwrap(), "1");
    assert!(log().is_empty());

    // any commit by its id, also an unadvertised one
    let old = put(&case.repository(), &[("x", "x")], "third");
    put(&case.repository(), &[("y", "y")], "fourth");
    let pinned = GitRef::Commit { id: old, branch: None };
    let pinned = again.fetch(&again.resolve(&pinned).await.unwrap(), None).await.unwrap();
    assert_eq!(names(&pinned), ["x"]);
    let missing = GitRef::Commit { id: Oid::from_hex(&"1".repeat(40)).unwrap(), branch: None };
    let err = again.fetch(&again.resolve(&missing).await.unwrap(), None).await.unwrap_err();
    assert_eq!(err.class, GitErrorClass::RefNotFound, "{err}");
}

#[tokio::test]
async fn mirrors_are_renewed_beside() {
    let Some(case) = Case::new(GitOptions { max_packs: 3, ..GitOptions::default() }).await else { return };
    let mirror = case.git.mirror(case.remote("/repo.git")).unwrap();
    let mut held = Vec::new();
    for round in 0..8 {
        put(&case.repository(), &[("a", &format!("{round}"))], "next");
        held.push(mirror.fetch(&mirror.resolve(&main()).await.unwrap(), None).await.unwrap());
    }
    for (round, snapshot) in held.iter().enumerate() {
        assert_eq!(snapshot.read("a").unwrap(), round.to_string().as_bytes(), "old snapshots stay readable");
    }
    let generations = || std::fs::read_dir(case.mirror_dir()).unwrap().count();
    assert_eq!(generations(), 3);
    held.drain(..7);
    assert_eq!(generations(), 1, "a generation goes with its last reader");
    case.git.forget(mirror.remote()).await;
    assert_eq!(held[0].read("a").unwrap(), "7");
}

#[tokio::test]
async fn damaged_mirrors_are_replaced() {
    let Some(case) = Case::new(GitOptions::default()).await else { return };
    put(&case.repository(), &[("a", "1"), ("d/b", "2")], "first");
    let fresh = || Git::new(case.dir.path().join("mirrors"), GitOptions::default()).mirror(case.remote("/repo.git")).unwrap();
    let wanted = fresh().resolve(&main()).await.unwrap();
    fresh().fetch(&wanted, None).await.unwrap();
    for damage in ["overwrite", "delete", "truncate", "litter"] {
        let pack_dir = std::fs::read_dir(case.mirror_dir()).unwrap().flatten().map(|e| e.path().join("objects/pack"));
        let pack_dir = pack_dir.filter(|path| !path.to_string_lossy().contains("broken")).find(|path| path.exists()).unwrap();
        for entry in std::fs::read_dir(&pack_dir).unwrap().flatten() {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
            match damage {
                "overwrite" => std::fs::write(entry.path(), vec![7; 4096]).unwrap(),
                "delete" => std::fs::remove_file(entry.path()).unwrap(),
                "truncate" => std::fs::write(entry.path(), b"").unwrap(),
                _ => {
                    std::fs::write(pack_dir.join(".tmpX"), b"half").unwrap();
                    std::fs::write(pack_dir.join("../../shallow.lock"), b"").unwrap();
                }
            }
        }
        let snapshot = fresh().fetch(&wanted, None).await.unwrap_or_else(|err| panic!("{damage}: {err}"));
        assert_eq!(names(&snapshot), ["a", "d/b"], "{damage}");
    }
    // the litter of a killed process is in nobody's way
    put(&case.repository(), &[("new", "3")], "second");
    let mirror = fresh();
    let next = mirror.fetch(&mirror.resolve(&main()).await.unwrap(), None).await.unwrap();
    assert_eq!(names(&next), ["new"]);
    assert!(case.mirror_dir().join("1.git").exists(), "the fetch went into the same generation");
}

#[tokio::test]
async fn failures_have_a_class_and_a_hint() {
    let Some(case) = Case::new(GitOptions::default()).await else { return };
    put(&case.repository(), &[("a", "1")], "first");
    let state = &case.server.state;
    let ask = |remote: Remote| {
        let git = case.git.clone();
        async move { git.mirror(remote).unwrap().resolve(&main()).await.map(|found| found.revision).unwrap_err() }
    };
    for (path, class, text) in [
        ("/none.git", GitErrorClass::NotFound, "no repository there (404 Not Found)"),
        ("/page", GitErrorClass::Protocol, "does not speak Git there (it answers \"text/html\")"),
    ] {
        let err = ask(case.remote(path)).await;
        assert_eq!(err.class, class, "{err}");
        assert!(err.to_string().starts_with(&format!("{}{path}: ", case.server.base)) && err.to_string().contains(text), "{err}");
        assert!(err.hint.is_some());
    }
    let secret = "s3cr3t-t0ken";
    for (status, credentials, class, text) in [
        (401, Credentials::None, GitErrorClass::Auth, "the server wants credentials"),
        (403, Credentials::basic("me", secret), GitErrorClass::Auth, "the server refused the credentials"),
        (500, Credentials::None, GitErrorClass::Network, "the server failed (500 Internal Server Error)"),
        (429, Credentials::None, GitErrorClass::Network, "asks us to wait"),
        (418, Credentials::None, GitErrorClass::Protocol, "unexpected answer"),
    ] {
        state.status.store(status, Ordering::Relaxed);
        let err = ask(case.remote("/repo.git").with_credentials(credentials)).await;
        assert!(err.class == class && err.to_string().contains(text), "{err:?}");
        assert!(!format!("{err:?}{err}").contains(secret));
    }
    state.status.store(0, Ordering::Relaxed);
    state.delay.store(5_000, Ordering::Relaxed);
    let started = Instant::now();
    let err = ask(Remote { timeout: Duration::from_millis(200), ..case.remote("/repo.git") }).await;
    assert!(err.class == GitErrorClass::Timeout && started.elapsed() < Duration::from_secs(3), "{err}");
    state.delay.store(0, Ordering::Relaxed);

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let err = ask(Remote::new(&format!("http://{closed}/x"), "x").unwrap()).await;
    assert!(err.class == GitErrorClass::Network && err.to_string().contains("cannot be reached"), "{err}");
    let err = ask(Remote::new(&case.server.base.replace("http:", "https:"), "x").unwrap()).await;
    assert_eq!(err.class, GitErrorClass::Tls, "{err}");
    let err = ask(Remote::new("http://no-such-host.invalid/x", "x").unwrap()).await;
    assert_eq!(err.class, GitErrorClass::Network, "{err}");
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let Some(case) = Case::new(GitOptions::default()).await else { return };
    put(&case.repository(), &[("a", "1")], "first");
    let state = &case.server.state;
    let log = || state.take_log();
    for (credentials, header) in
        [(Credentials::basic("me", "pässword"), "Basic bWU6cMOkc3N3b3Jk"), (Credentials::bearer("tok"), "Bearer tok")]
    {
        *state.wanted.lock().unwrap() = Some(header.into());
        let mirror = case.git.mirror(case.remote("/repo.git").with_credentials(credentials.clone())).unwrap();
        let resolved = mirror.resolve(&main()).await.unwrap();
        mirror.fetch(&resolved, None).await.unwrap();
        assert!(log().iter().all(|line| line.ends_with("+auth")));
        // the same origin: redirects keep credentials, and the rest of the conversation goes to the new place
        *state.moved_to.lock().unwrap() = Some(String::new());
        let moved = case.git.mirror(case.remote("/old/repo.git").with_credentials(credentials)).unwrap();
        moved.resolve(&main()).await.unwrap();
        assert_eq!(log(), ["GET /old/repo.git/info/refs +auth", "GET /repo.git/info/refs +auth", "POST /repo.git/git-upload-pack +auth"]);
    }
    // another origin: no credentials
    *state.wanted.lock().unwrap() = None;
    let other = testserver::serve(case.dir.path()).await;
    *state.moved_to.lock().unwrap() = Some(other.base.clone());
    let moved = case.git.mirror(case.remote("/old/repo.git").with_credentials(Credentials::basic("me", "x"))).unwrap();
    let resolved = moved.resolve(&main()).await.unwrap();
    assert_eq!(moved.fetch(&resolved, None).await.unwrap().read("a").unwrap(), "1");
    assert_eq!(other.state.take_log().iter().filter(|line| line.contains("+auth")).count(), 0);
    // loops end
    *state.moved_to.lock().unwrap() = Some("/old".into());
    let err = moved.resolve(&main()).await.unwrap_err();
    assert!(err.to_string().contains("redirects too often"), "{err}");
}

#[tokio::test]
async fn empty_repositories_and_ignore_rules() {
    let Some(case) = Case::new(GitOptions::default()).await else { return };
    commit::init_bare(&case.repository(), "main").unwrap();
    let mirror = case.git.mirror(case.remote("/repo.git")).unwrap();
    for wanted in [main(), GitRef::Head] {
        let err = mirror.resolve(&wanted).await.unwrap_err();
        assert!(err.class == GitErrorClass::RefNotFound && err.to_string().ends_with("push a first commit"), "{err}");
    }
    put(&case.repository(), &[("a.yaml", ""), ("b.md", ""), (".gitignore", ""), ("c.png", "")], "first");
    let resolved = mirror.resolve(&GitRef::Head).await.unwrap();
    assert_eq!(names(&mirror.fetch(&resolved, None).await.unwrap()), ["a.yaml", "b.md"]);
    assert_eq!(names(&mirror.fetch(&resolved, Some("*.md")).await.unwrap()), ["a.yaml", "c.png"]);
}

/// Answers one request after the other over TLS with 401; enough to know that the connection was trusted.
fn tls_server(config: rustls::ServerConfig) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = std::sync::Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = stream.get_mut().write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
        }
    });
    port
}

#[tokio::test]
async fn certificates_are_checked() {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
    use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let issue = |usage: ExtendedKeyUsagePurpose| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (server, server_key) = issue(ExtendedKeyUsagePurpose::ServerAuth);
    let (ours, our_key) = issue(ExtendedKeyUsagePurpose::ClientAuth);
    let provider = || std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = || ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let chain = || (vec![server.der().clone()], PrivateKeyDer::try_from(server_key.serialize_der()).unwrap());
    let open = tls_server(builder().with_no_client_auth().with_single_cert(chain().0, chain().1).unwrap());
    let mut roots = RootCertStore::empty();
    roots.add(authority_certificate.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(std::sync::Arc::new(roots), provider()).build().unwrap();
    let closed = tls_server(builder().with_client_cert_verifier(verifier).with_single_cert(chain().0, chain().1).unwrap());

    let dir = tempfile::tempdir().unwrap();
    let git = Git::new(dir.path(), GitOptions::default());
    let (ca, identity) = (authority_certificate.pem(), format!("{}{}", ours.pem(), our_key.serialize_pem()));
    for (host, port, with_ca, with_identity, class) in [
        ("localhost", open, false, false, GitErrorClass::Tls),
        ("localhost", open, true, false, GitErrorClass::Auth),
        ("127.0.0.1", open, true, false, GitErrorClass::Tls),
        ("localhost", closed, true, false, GitErrorClass::Tls),
        ("localhost", closed, true, true, GitErrorClass::Auth),
    ] {
        let mut remote = Remote::new(&format!("https://{host}:{port}/x"), "x").unwrap();
        remote.tls.ca = with_ca.then(|| ca.clone().into_bytes());
        remote.tls.identity = with_identity.then(|| identity.clone().into());
        let err = git.mirror(remote).unwrap().resolve(&main()).await.unwrap_err();
        assert_eq!(err.class, class, "{host}: {err}");
        assert!(err.hint.is_some(), "{err:?}");
    }
}
