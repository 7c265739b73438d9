//! The binary as a person meets it: words, exit codes, documents; against a cluster in memory and a scripted daemon.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "the binary is started as its own process")]

mod cluster;
mod daemon;
mod look;
mod offline;
mod parity;

use axum::extract::{Path, Query};
use axum::routing::get;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What a command left behind.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "--- stdout\n{}--- stderr\n{}", self.out, self.err);
        self
    }

    /// Every part stands in stderr.
    #[track_caller]
    pub(crate) fn tells(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in stderr:\n{}", self.err);
        }
        self
    }

    /// Every part stands in stdout.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.out.contains(part), "{part:?} is not in stdout:\n{}", self.out);
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}:\n{}", self.out))
    }
}

/// A command in an environment of its own: no kubeconfig, no home, no colours unless asked for.
pub(crate) fn helmward(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helmward"));
    command.env_clear().env("HOME", home).stdin(Stdio::null()).current_dir(home);
    command
}

pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

const LOG: &str = "/api/v1/namespaces/{namespace}/pods/{pod}/log";

/// The cluster in memory has no containers: what they write is written here, so that each option can be seen.
async fn log(Path((_, pod)): Path<(String, String)>, Query(options): Query<BTreeMap<String, String>>) -> String {
    let container = options.get("container").cloned().unwrap_or_default();
    let rest: Vec<String> = options.iter().filter(|(key, _)| *key != "container").map(|(key, value)| format!("{key}={value}")).collect();
    let kind = if pod.contains("crash") { "panic: out of coffee" } else { "hello" };
    format!("{container} says {kind}\nasked for {}\n", rest.join(" "))
}

/// A cluster in memory on a loopback port, and a home directory with its kubeconfig.
pub(crate) struct World {
    pub(crate) home: tempfile::TempDir,
    pub(crate) server: kubemem::Server,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let home = tempfile::tempdir().expect("a directory");
        let server = runtime.block_on(async {
            let server = kubemem::Server::start();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let app = axum::Router::new().route(LOG, get(log)).fallback_service(server.router());
            tokio::spawn(async move { axum::serve(listener, app).await });
            std::fs::create_dir(home.path().join(".kube")).expect("a directory");
            std::fs::write(home.path().join(".kube/config"), server.kubeconfig(address)).expect("a file");
            server
        });
        Self { home, server, runtime }
    }

    /// With the definitions and the daemon's objects in it.
    pub(crate) fn installed() -> Self {
        let world = Self::new();
        world.run(&["install"]).exits(0);
        world
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = helmward(self.home.path());
        command.args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        run(&mut self.command(args))
    }

    /// Applies an object as a person would.
    #[track_caller]
    pub(crate) fn apply(&self, object: Value) {
        self.runtime.block_on(async { self.server.apply("kubectl-client-side-apply", object).expect("is applied") });
    }

    /// Sets the status of an object, as a controller would.
    pub(crate) fn status(&self, api_version: &str, kind: &str, name: &str, status: Value) {
        use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
        let (group, version) = api_version.split_once('/').expect("a group");
        let plural = if kind == "GitRepository" { "gitrepositories".into() } else { format!("{}s", kind.to_lowercase()) };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
        self.runtime.block_on(async {
            let client = kube::Client::new(self.server.router(), "shop");
            let api: Api<DynamicObject> = Api::namespaced_with(client, "shop", &resource);
            let body = serde_json::json!({ "status": status });
            api.patch_status(name, &PatchParams::default(), &Patch::Merge(&body)).await.expect("has a status");
        });
    }

    /// Stores a revision of the release `shop/web` as Helm does.
    pub(crate) fn stored(&self, version: u32, status: &str, at: &str, manifest: &str) {
        use base64::Engine as _;
        use helmward_chart::release::{Parts, Release, encode};
        let record = Release::new(Parts {
            name: "web",
            namespace: "shop",
            version,
            status,
            description: &format!("description of {version}"),
            first_deployed: at,
            last_deployed: at,
            notes: "",
            chart: serde_json::json!({"metadata": {"name": "web", "version": format!("1.{version}.0"), "appVersion": "7"}}),
            config: serde_json::json!({}),
            manifest,
            hooks: serde_json::json!([]),
        });
        let payload = base64::engine::general_purpose::STANDARD.encode(encode(&record));
        let labels = serde_json::json!({"owner": "helm", "name": "web", "version": version.to_string(), "status": status});
        self.apply(serde_json::json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "data": {"release": payload},
            "metadata": {"name": format!("sh.helm.release.v1.web.v{version}"), "namespace": "shop", "labels": labels}}));
    }

    pub(crate) fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.server.object(group, plural, namespace, name)
    }

    /// Writes a file below the home directory.
    pub(crate) fn file(&self, path: &str, text: &str) -> PathBuf {
        let full = self.home.path().join(path);
        std::fs::create_dir_all(full.parent().expect("has a parent")).expect("a directory");
        std::fs::write(&full, text).expect("a file");
        full
    }
}
