//! A cluster (kubemem, or the real one that the environment names), a Git server and daemons as processes of their own.

use crate::gitserver::GitServer;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Enough for anything that is not a timeout of the story itself, on a machine with other work to do.
pub const SOON: Duration = Duration::from_secs(90);

pub struct World {
    pub client: kube::Client,
    pub git: GitServer,
    pub dir: tempfile::TempDir,
    /// Whether the control plane is the real one.
    pub real: bool,
    pub kubeconfig: PathBuf,
    /// What the daemon gets instead, where it has rights of its own.
    pub daemon_kubeconfig: Option<PathBuf>,
    daemon: Option<Daemon>,
    memory: Option<kubemem::Server>,
    _apart: Option<Running>,
    /// A real cluster is shared: scenarios take turns.
    #[expect(dead_code, reason = "held until it is dropped")]
    turn: Option<tokio::sync::OwnedMutexGuard<()>>,
}

/// What a world is on.
#[derive(Clone)]
pub enum Cluster {
    /// kubemem in this process, where faults can be injected.
    Here,
    /// kubemem as a process of its own.
    Apart,
    /// The one of this kubeconfig.
    Real(PathBuf),
}

/// A process, killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A daemon, killed when it is dropped.
pub struct Daemon {
    process: Running,
    pub page: String,
    pub metrics: String,
    pub log: PathBuf,
}

impl Daemon {
    /// What it has logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Its exit code, once it has ended by itself.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.0.try_wait().unwrap().map(|s| s.code().unwrap_or(-1))
    }

    /// API requests by method since its start, from its own metrics.
    pub async fn requests(&self) -> std::collections::BTreeMap<String, u64> {
        let mut out = std::collections::BTreeMap::new();
        let Ok(response) = reqwest::Client::new().get(&self.metrics).send().await else { return out };
        let text = String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap();
        for line in text.lines().filter(|l| l.starts_with("rest_client_requests_total{")) {
            let (labels, count) = line.rsplit_once(' ').unwrap();
            let method = labels.split("method=\"").nth(1).and_then(|m| m.split('"').next()).unwrap_or("?");
            *out.entry(method.to_owned()).or_default() += count.parse::<f64>().unwrap() as u64;
        }
        out
    }
}

/// The program `kubemem`, once it answers: that of `HELMWARD_KUBEMEM`, or the one that cargo put beside the suite's own build.
async fn kubemem_process(kubeconfig: &Path) -> Running {
    let beside = Path::new(env!("CARGO_BIN_EXE_helmward")).with_file_name("kubemem");
    let binary = std::env::var_os("HELMWARD_KUBEMEM").map_or(beside, PathBuf::from);
    let started = Command::new(&binary).arg("--kubeconfig").arg(kubeconfig).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = Running(started.unwrap_or_else(|e| panic!("{}: {e}; `cargo build -p kubemem` makes it", binary.display())));
    while !kubeconfig.exists() {
        assert!(process.0.try_wait().unwrap().is_none(), "kubemem ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn example(repository: &str, step: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/repos").join(repository).join(step)
}

/// The intervals of the examples are a minute; ten of them would be long to wait for.
pub fn fast(text: &str) -> String {
    text.replace("interval: 1m", "interval: 1s")
}

impl World {
    /// A world without a daemon yet. On a real cluster, what earlier scenarios left is removed first.
    pub async fn start() -> Self {
        let Some(path) = real_kubeconfig() else { return Self::on(Cluster::Here).await };
        static TURN: std::sync::LazyLock<Arc<tokio::sync::Mutex<()>>> = std::sync::LazyLock::new(Arc::default);
        let turn = Arc::clone(&TURN).lock_owned().await;
        Self { turn: Some(turn), ..Self::on(Cluster::Real(path)).await }
    }

    /// Likewise, on a cluster of one's choice that nobody else uses.
    pub async fn on(cluster: Cluster) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig");
        let real = matches!(cluster, Cluster::Real(_));
        let (kubeconfig, memory, apart) = match cluster {
            Cluster::Real(path) => (path, None, None),
            Cluster::Apart => {
                let process = kubemem_process(&path).await;
                (path, None, Some(process))
            }
            Cluster::Here => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let server = kubemem::Server::start();
                std::fs::write(&path, server.kubeconfig(listener.local_addr().unwrap())).unwrap();
                drop(server.serve(listener));
                (path, Some(server), None)
            }
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let key = dir.path().join("store.key");
        std::fs::write(&key, [7_u8; 32]).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let git = GitServer::start(dir.path()).await;
        let world = Self { client, git, dir, real, kubeconfig, daemon_kubeconfig: None, daemon: None, memory, _apart: apart, turn: None };
        if world.real {
            world.clean().await;
        }
        world
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Starts the daemon, bootstrapped from the Git server.
    pub async fn start_daemon(&mut self, extra: &[&str]) {
        self.daemon = Some(self.spawn(&self.state_dir(), extra));
    }

    /// A daemon on a state directory of its own choice.
    pub fn spawn(&self, state: &Path, extra: &[&str]) -> Daemon {
        self.spawn_with(state, extra)
    }

    /// Likewise; `--listen` may be among the arguments.
    pub fn spawn_with(&self, state: &Path, extra: &[&str]) -> Daemon {
        let (page, health, metrics) = (free_port(), free_port(), free_port());
        let listen = if extra.contains(&"--listen") { vec![] } else { vec!["--listen".to_owned(), format!("127.0.0.1:{page}")] };
        let log = self.dir.path().join(format!("daemon-{page}.log"));
        let out = std::fs::File::create(&log).unwrap();
        let binary = std::env::var("HELMWARD_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_helmward").into());
        let child = Command::new(binary)
            .env("HELMWARD_STORE_FAILPOINT", "1")
            .arg("run")
            .args([
                "--kubeconfig",
                self.daemon_kubeconfig.as_ref().unwrap_or(&self.kubeconfig).to_str().unwrap(),
                "--state-dir",
                state.to_str().unwrap(),
            ])
            .args(["--git", &self.git.url, "--branch", "main", "--path", "clusters/demo", "--git-interval", "1s"])
            .args(listen)
            .args(["--health-listen", &format!("127.0.0.1:{health}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}"), "--log-format", "json", "--log-level", "info,helmward=debug"])
            .args(["--store-key-file", self.dir.path().join("store.key").to_str().unwrap()])
            .args(extra)
            .stdout(Stdio::from(out.try_clone().unwrap()))
            .stderr(Stdio::from(out))
            .spawn()
            .unwrap();
        Daemon {
            process: Running(child),
            page: format!("http://127.0.0.1:{page}"),
            metrics: format!("http://127.0.0.1:{metrics}/metrics"),
            log,
        }
    }

    /// Kills the daemon as `kill -9` does.
    pub fn kill_daemon(&mut self) {
        self.daemon = None;
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("the daemon runs")
    }

    /// Replaces the daemon that failures are explained by.
    pub fn adopt_daemon(&mut self, daemon: Daemon) -> Option<Daemon> {
        self.daemon.replace(daemon)
    }

    pub fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let lower = kind.to_lowercase();
        let plural = match lower.as_str() {
            other if other.ends_with('y') => format!("{}ies", &other[..other.len() - 1]),
            other if other.ends_with('s') => format!("{other}es"),
            other => format!("{other}s"),
        };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
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

    /// Whether objects of a kind live in namespaces.
    pub async fn namespaced(&self, api_version: &str, kind: &str) -> bool {
        let path = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let list: Value = self.client.request(request).await.unwrap();
        let found = list["resources"].as_array().unwrap().iter().find(|r| r["kind"] == kind);
        found.unwrap_or_else(|| panic!("{api_version} {kind} is not served"))["namespaced"] == true
    }

    /// A merge patch as `kubectl patch` sends it.
    pub async fn kubectl_patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, patch: Value) {
        let params = PatchParams { field_manager: Some("kubectl-patch".into()), ..PatchParams::default() };
        self.api(api_version, kind, namespace).patch(name, &params, &Patch::Merge(&patch)).await.unwrap();
    }

    /// A JSON patch.
    pub async fn json_patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, operations: Value) {
        let path = format!("{}/{name}?fieldManager=kubectl-patch", self.api(api_version, kind, namespace).resource_url());
        let request = http::Request::patch(path).header("content-type", "application/json-patch+json");
        let _: Value = self.client.request(request.body(operations.to_string().into_bytes()).unwrap()).await.unwrap();
    }

    /// The cluster in memory, where it is that.
    pub fn memory(&self) -> Option<&kubemem::Server> {
        self.memory.as_ref()
    }

    /// Creates objects, as `kubectl create` does.
    pub async fn create(&self, object: Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let api = self.api(&text("/apiVersion"), &text("/kind"), &text("/metadata/namespace"));
        let body: DynamicObject = serde_json::from_value(object).unwrap();
        api.create(&Default::default(), &body).await.unwrap();
    }

    pub async fn delete(&self, api_version: &str, kind: &str, namespace: &str, name: &str) {
        match self.api(api_version, kind, namespace).delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other.unwrap()),
        }
    }

    pub async fn release(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("helm.toolkit.fluxcd.io/v2", "HelmRelease", namespace, name).await
    }

    pub async fn kustomization(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", namespace, name).await
    }

    /// Name, status and resource version of the Secrets of a Helm release, oldest first.
    pub async fn release_secrets(&self, namespace: &str, name: &str) -> Vec<(u32, String, String)> {
        let secrets = self.list("v1", "Secret", namespace, &format!("owner=helm,name={name}")).await;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let one = |s: &Value| {
            let labels = &s["metadata"]["labels"];
            (text(&labels["version"]).parse().unwrap(), text(&labels["status"]), text(&s["metadata"]["resourceVersion"]))
        };
        let mut out: Vec<_> = secrets.iter().map(one).collect();
        out.sort();
        out
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
            let dead = self.daemon.as_ref().is_some_and(|d| !alive(d.pid()));
            if start.elapsed() > limit || dead {
                panic!("not within {limit:?}: {what}\n{}", self.explain().await);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// What is known about why something did not happen.
    pub async fn explain(&self) -> String {
        let mut out = String::new();
        for (api_version, kind) in UNITS {
            for object in self.list(api_version, kind, "", "").await {
                let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let words: Vec<String> =
                    conditions.iter().map(|c| format!("    {} {} {}: {}", c["type"], c["status"], c["reason"], c["message"])).collect();
                let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
                out.push_str(&format!("--- {kind} {namespace}/{name}\n{}\n", words.join("\n")));
            }
        }
        let log = self.daemon.as_ref().map(Daemon::logged).unwrap_or_default();
        let tail: Vec<String> = log.lines().rev().take(25).map(|l| l.chars().take(300).collect()).collect();
        out.push_str(&format!("--- daemon\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")));
        out
    }

    /// The daemon's own view, from its JSON API.
    pub async fn page(&self, path: &str) -> Option<Value> {
        let response = reqwest::Client::new().get(format!("{}{path}", self.daemon().page)).send().await.ok()?;
        response.status().is_success().then_some(())?;
        serde_json::from_slice(&response.bytes().await.ok()?).ok()
    }

    /// Removes what earlier scenarios left in a shared cluster.
    async fn clean(&self) {
        let free = json!({"metadata": {"finalizers": null}});
        let mut kinds: Vec<(String, String)> = UNITS.iter().map(|(a, k)| ((*a).to_owned(), (*k).to_owned())).collect();
        // Custom resources of charts and examples go with their definitions, which go with their groups.
        let crds = self.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "").await;
        let foreign = |crd: &Value| !crd["spec"]["group"].as_str().unwrap_or_default().ends_with("fluxcd.io");
        for crd in crds.iter().filter(|c| foreign(c)) {
            // Whoever would serve finalizers of its objects is gone.
            let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let api_version = format!("{}/{}", text("/spec/group"), text("/spec/versions/0/name"));
            for object in self.list(&api_version, &text("/spec/names/kind"), "", "").await {
                let (namespace, name) =
                    (object["metadata"]["namespace"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap());
                let api = self.api(&api_version, &text("/spec/names/kind"), namespace);
                let _ = api.patch(name, &PatchParams::default(), &Patch::Merge(&free)).await;
            }
            self.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd["metadata"]["name"].as_str().unwrap()).await;
        }
        for (group, kind) in [
            ("apiregistration.k8s.io/v1", "APIService"),
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
            ("networking.k8s.io/v1", "IngressClass"),
        ] {
            let labels =
                if group.starts_with("admission") || group.starts_with("networking") { "" } else { "app.kubernetes.io/managed-by=Helm" };
            for object in self.list(group, kind, "", labels).await {
                self.delete(group, kind, "", object["metadata"]["name"].as_str().unwrap()).await;
            }
        }
        kinds.push(("coordination.k8s.io/v1".into(), "Lease".into()));
        for (api_version, kind) in &kinds {
            for object in self.list(api_version, kind, "", "").await {
                let (namespace, name) = (object["metadata"]["namespace"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
                if kind == "Lease" && namespace != "flux-system" {
                    continue;
                }
                let api = self.api(api_version, kind, namespace);
                let _ = api.patch(name, &PatchParams::default(), &Patch::Merge(&free)).await;
                let _ = api.delete(name, &DeleteParams::default()).await;
            }
        }
        let ours = |n: &str| !(n.starts_with("kube-") || matches!(n, "default" | "flux-system"));
        let namespaces = self.list("v1", "Namespace", "", "").await;
        let names: Vec<&str> = namespaces.iter().filter_map(|n| n["metadata"]["name"].as_str()).filter(|n| ours(n)).collect();
        for namespace in &names {
            for (api_version, kind) in
                [("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job")]
            {
                let api = self.api(api_version, kind, namespace);
                let _ = api.delete_collection(&DeleteParams::background(), &ListParams::default()).await;
            }
            let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
            let _ = self.api("v1", "Pod", namespace).delete_collection(&now, &ListParams::default()).await;
            let _ = self.api("v1", "Namespace", "").delete(namespace, &DeleteParams::default()).await;
        }
        for namespace in &names {
            self.until(&format!("namespace {namespace} of an earlier run gone"), SOON, || async {
                self.get("v1", "Namespace", "", namespace).await.is_none().then_some(())
            })
            .await;
        }
    }
}

const UNITS: [(&str, &str); 3] = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
];

/// Whether a process runs (a zombie does not).
pub fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

/// The kubeconfig of the real control plane, where the environment names one.
pub fn real_kubeconfig() -> Option<PathBuf> {
    std::env::var("HELMWARD_TEST_KUBECONFIG").ok().filter(|p| !p.is_empty()).map(PathBuf::from)
}

/// A condition's status, reason and message.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|c| c["type"] == kind)?;
    Some((found["status"].as_str()?, found["reason"].as_str()?, found["message"].as_str().unwrap_or_default()))
}

/// Whether a release runs this chart version and is Ready for its present spec.
pub fn ready(release: &Value, version: &str) -> bool {
    condition(release, "Ready").is_some_and(|(status, ..)| status == "True")
        && release["status"]["history"][0]["chartVersion"] == version
        && release["status"]["observedGeneration"] == release["metadata"]["generation"]
}
