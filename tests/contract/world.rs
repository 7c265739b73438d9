//! A cluster (kubemem, or the real one that the environment names), a Git server and the daemon as its own process.

use crate::gitserver::GitServer;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct World {
    pub client: kube::Client,
    pub git: GitServer,
    pub dir: tempfile::TempDir,
    pub real: bool,
    kubeconfig: PathBuf,
    daemon: Option<Daemon>,
    _memory: Option<Box<dyn std::any::Any + Send>>,
}

pub struct Daemon {
    child: Child,
    pub page: String,
    pub metrics: String,
    pub log: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn example(repository: &str, step: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/repos").join(repository).join(step)
}

impl World {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (kubeconfig, memory, real): (_, Option<Box<dyn std::any::Any + Send>>, _) = match std::env::var("HELMWARD_TEST_KUBECONFIG") {
            Ok(path) if !path.is_empty() => (PathBuf::from(path), None, true),
            _ => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let server = kubemem::Server::start(listener).await.unwrap();
                let path = dir.path().join("kubeconfig");
                std::fs::write(&path, kubemem::kubeconfig(address)).unwrap();
                (path, Some(Box::new(server)), false)
            }
        };
        let config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let git = GitServer::start(dir.path()).await;
        let world = Self { client, git, dir, real, kubeconfig, daemon: None, _memory: memory };
        if real {
            world.clean().await;
        }
        world
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Starts the daemon, bootstrapped from the Git server, and waits until it is ready.
    pub async fn start_daemon(&mut self, extra: &[&str]) {
        let (page, health, metrics) = (free_port(), free_port(), free_port());
        let log = self.dir.path().join(format!("daemon-{page}.log"));
        let out = std::fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_helmward"))
            .arg("run")
            .args(["--kubeconfig", self.kubeconfig.to_str().unwrap(), "--state-dir", self.state_dir().to_str().unwrap()])
            .args(["--git", &self.git.url, "--branch", "main", "--path", "clusters/demo", "--git-interval", "1s"])
            .args(["--listen", &format!("127.0.0.1:{page}"), "--health-listen", &format!("127.0.0.1:{health}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}"), "--log-format", "json"])
            .args(["--store-key-file", self.dir.path().join("store.key").to_str().unwrap()])
            .args(extra)
            .stdout(Stdio::from(out.try_clone().unwrap()))
            .stderr(Stdio::from(out))
            .spawn()
            .unwrap();
        self.daemon =
            Some(Daemon { child, page: format!("http://127.0.0.1:{page}"), metrics: format!("http://127.0.0.1:{metrics}/metrics"), log });
    }

    /// Kills the daemon as `kill -9` does.
    pub fn kill_daemon(&mut self) {
        self.daemon = None;
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("the daemon runs")
    }

    pub fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = match kind {
            "GitRepository" => "gitrepositories".to_owned(),
            other => format!("{}s", other.to_lowercase()),
        };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &resource);
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    pub async fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        match self.api(api_version, kind, namespace).get_opt(name).await {
            Ok(object) => object.map(|o| serde_json::to_value(o).unwrap()),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("get {kind} {namespace}/{name}: {error}"),
        }
    }

    pub async fn list(&self, api_version: &str, kind: &str, namespace: &str, labels: &str) -> Vec<Value> {
        let list = self.api(api_version, kind, namespace).list(&ListParams::default().labels(labels)).await;
        list.map(|l| l.items.into_iter().map(|o| serde_json::to_value(o).unwrap()).collect()).unwrap_or_default()
    }

    /// A merge patch as `kubectl patch` sends it.
    pub async fn kubectl_patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, patch: Value) {
        let params = PatchParams { field_manager: Some("kubectl-patch".into()), ..PatchParams::default() };
        self.api(api_version, kind, namespace).patch(name, &params, &Patch::Merge(&patch)).await.unwrap();
    }

    pub async fn release(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("helm.toolkit.fluxcd.io/v2", "HelmRelease", namespace, name).await
    }

    /// Waits until `check` gives something; on a timeout, fails with what was waited for and the end of the daemon's log.
    pub async fn until<T, F, Fut>(&self, what: &str, limit: Duration, mut check: F) -> T
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Option<T>>,
    {
        let start = Instant::now();
        loop {
            if let Some(found) = check().await {
                eprintln!("  {what}: {:.2} s", start.elapsed().as_secs_f64());
                return found;
            }
            if start.elapsed() > limit {
                let log = self.daemon.as_ref().map(|d| std::fs::read_to_string(&d.log).unwrap_or_default()).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(40).collect();
                panic!("not within {limit:?}: {what}\n--- daemon\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// The daemon's own view, from its JSON API.
    pub async fn page(&self, path: &str) -> Option<Value> {
        let response = reqwest::Client::new().get(format!("{}{path}", self.daemon().page)).send().await.ok()?;
        response.status().is_success().then_some(())?;
        serde_json::from_slice(&response.bytes().await.ok()?).ok()
    }

    /// Removes what an earlier scenario left in a shared cluster.
    async fn clean(&self) {
        for (api_version, kind) in [
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
            ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        ] {
            for object in self.list(api_version, kind, "", "").await {
                let name = object["metadata"]["name"].as_str().unwrap();
                let api = self.api(api_version, kind, object["metadata"]["namespace"].as_str().unwrap());
                let free = serde_json::json!({"metadata": {"finalizers": null}});
                let _ = api.patch(name, &PatchParams::default(), &Patch::Merge(&free)).await;
                let _ = api.delete(name, &Default::default()).await;
            }
        }
        for namespace in ["shop", "harbour", "staging", "production"] {
            for kind in ["Deployment"] {
                for object in self.list("apps/v1", kind, namespace, "").await {
                    let _ = self
                        .api("apps/v1", kind, namespace)
                        .delete(object["metadata"]["name"].as_str().unwrap(), &Default::default())
                        .await;
                }
            }
            let _ = self.api("v1", "Namespace", "").delete(namespace, &Default::default()).await;
        }
        for namespace in ["shop", "harbour", "staging", "production"] {
            self.until(&format!("namespace {namespace} of an earlier run gone"), Duration::from_secs(60), || async {
                self.get("v1", "Namespace", "", namespace).await.is_none().then_some(())
            })
            .await;
        }
    }
}

/// A condition's status and reason.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|c| c["type"] == kind)?;
    Some((found["status"].as_str()?, found["reason"].as_str()?, found["message"].as_str().unwrap_or_default()))
}
