//! The steps of the demo. Each is done by the same means that a person has (a commit, a patch, an annotation), and each is believed
//! only when the cluster shows it.

use super::repository::Repository;
use super::{fleet, say};
use crate::api::names;
use crate::cluster::{Apply, Cluster, Patch, Resource};
use crate::object::{Gvk, Json, ObjectId};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A step of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first deployment.
    Deploy,
    /// A good commit.
    Good,
    /// A commit whose pods never become ready.
    Broken,
    /// A field changed by hand.
    Drift,
    /// Suspended, committed, resumed.
    Suspend,
}

/// The demo's cluster and repository.
pub(super) struct Story {
    cluster: Cluster,
    repository: Repository,
    /// Commits so far; each makes a chart version of its own.
    commits: AtomicUsize,
}

impl Story {
    pub(super) fn new(cluster: Cluster, repository: Repository) -> Self {
        Self { cluster, repository, commits: AtomicUsize::new(0) }
    }

    /// Does a step and prints how long it took.
    pub(super) async fn run(&self, step: Step) -> Result<(), String> {
        let start = Instant::now();
        let what = match step {
            Step::Deploy => self.deploy().await,
            Step::Good => self.good().await,
            Step::Broken => self.broken().await,
            Step::Drift => self.drift().await,
            Step::Suspend => self.suspend().await,
        }?;
        say(&format!("  {:>6.2} s  {what}", start.elapsed().as_secs_f64()));
        Ok(())
    }

    async fn deploy(&self) -> Result<String, String> {
        self.until_ready("1.0.0").await?;
        let greeting = self.greeting().await?;
        Ok(format!("deployed: commit -> web 1.0.0 ready, greeting \"{greeting}\""))
    }

    async fn good(&self) -> Result<String, String> {
        let version = self.next_version();
        let greeting = format!("Good to see you ({version})");
        self.repository.commit_chart(&version, &version, &greeting, "Greet warmly")?;
        self.until_ready(&version).await?;
        let live = self.greeting().await?;
        if live != greeting {
            return Err(format!("the ConfigMap greets \"{live}\", not \"{greeting}\""));
        }
        Ok(format!("good commit: web {version} ready, greeting \"{live}\""))
    }

    async fn broken(&self) -> Result<String, String> {
        let (before, greeting) = (self.image().await?, self.greeting().await?);
        let version = self.next_version();
        self.repository.commit_chart(&version, &format!("{version}-unready"), "Nobody will read this", "Try the new front page")?;
        let attempted = version.clone();
        let release = self
            .until_release("the rollback", move |release| {
                release["status"]["lastAttemptedRevision"] == attempted.as_str()
                    && condition(release, "RolledBack").is_some_and(|c| c["status"] == "True")
            })
            .await?;
        let (after, greets) = (self.image().await?, self.greeting().await?);
        if (&before, &greeting) != (&after, &greets) {
            return Err(format!("the cluster runs {after} and greets \"{greets}\" after the rollback"));
        }
        let why = condition(&release, "Quarantined").and_then(|c| c["message"].as_str()).unwrap_or_default().to_owned();
        Ok(format!("broken commit: web {version} rolled back by itself and quarantined\n            {why}"))
    }

    async fn drift(&self) -> Result<String, String> {
        let greeting = self.greeting().await?;
        let id = ObjectId::new("", "ConfigMap", "shop", "web-config");
        let resource = self.resource("v1", "ConfigMap").await?;
        // What `kubectl edit` would do: another manager writes a field of ours.
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": id.name, "namespace": id.namespace}, "data": {"greeting": "Go away"}});
        let by_hand = Apply { manager: "kubectl-edit".into(), ..Apply::default() };
        self.cluster.apply_as(&resource, &id, &body, &by_hand).await.map_err(|e| e.to_string())?;
        let wanted = greeting.clone();
        self.cluster
            .wait_until(&resource, &id, PATIENCE, move |map| map.is_some_and(|m| m["data"]["greeting"] == wanted.as_str()))
            .await
            .map_err(|e| format!("the field was not set back: {e}"))?;
        Ok("drift: kubectl-edit changed ConfigMap/web-config .data.greeting to \"Go away\"; seen and set back".to_owned())
    }

    async fn suspend(&self) -> Result<String, String> {
        self.patch_release(json!({"spec": {"suspend": true}})).await?;
        let before = self.greeting().await?;
        let version = self.next_version();
        let greeting = format!("Good to see you again ({version})");
        let commit = self.repository.commit_chart(&version, &version, &greeting, "Change while suspended")?;
        let source = ObjectId::new(names::SOURCE_GROUP, "GitRepository", "flux-system", "flux-system");
        let repositories = self.resource(names::SOURCE_V1, "GitRepository").await?;
        self.cluster
            .wait_until(&repositories, &source, PATIENCE, move |s| {
                s.is_some_and(|s| s["status"]["artifact"]["revision"].as_str().is_some_and(|r| r.contains(&commit)))
            })
            .await
            .map_err(|e| format!("the commit was not seen: {e}"))?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if self.greeting().await? != before {
            return Err("the suspended release was changed".into());
        }
        self.patch_release(json!({"spec": {"suspend": null}})).await?;
        self.until_ready(&version).await?;
        Ok(format!("suspend: a commit changed nothing while suspended; resumed: web {version} ready"))
    }

    /// Waits until the releases of `--releases` are ready.
    pub(super) async fn fleet(&self, count: usize) -> Result<(), String> {
        let start = Instant::now();
        let resource = self.resource(names::HELM_V2, "HelmRelease").await?;
        for index in 0..count {
            let id = ObjectId::new(names::HELM_GROUP, "HelmRelease", &format!("team-{:02}", index % 20), &fleet::name(index));
            self.cluster
                .wait_until(&resource, &id, Duration::from_secs(600), |r| {
                    r.is_some_and(|r| condition(r, "Ready").is_some_and(|c| c["status"] == "True"))
                })
                .await
                .map_err(|e| format!("{id} did not become ready: {e}"))?;
        }
        say(&format!("  {:>6.2} s  {count} more releases ready", start.elapsed().as_secs_f64()));
        Ok(())
    }

    fn next_version(&self) -> String {
        format!("1.{}.0", self.commits.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn resource(&self, api_version: &str, kind: &str) -> Result<Arc<Resource>, String> {
        // The daemon installs its CRDs while this asks.
        let gvk = Gvk::new(api_version, kind);
        let served = self.cluster.discovery().wait_for(std::slice::from_ref(&gvk), PATIENCE).await.map_err(|e| e.to_string())?;
        served.resource(&gvk).ok_or_else(|| format!("{gvk} is not served"))
    }

    async fn until_release(&self, what: &str, done: impl Fn(&Json) -> bool + Send + Sync) -> Result<Json, String> {
        let resource = self.resource(names::HELM_V2, "HelmRelease").await?;
        let id = release_id();
        let found = self.cluster.wait_until(&resource, &id, PATIENCE, |r| r.is_some_and(&done)).await;
        let found = found.map_err(|e| format!("{what} did not happen within {} s: {e}", PATIENCE.as_secs()))?;
        Ok(found.unwrap_or_default())
    }

    async fn until_ready(&self, version: &str) -> Result<(), String> {
        let ready = |release: &Json| {
            let (status, generation) = (&release["status"], &release["metadata"]["generation"]);
            condition(release, "Ready").is_some_and(|c| c["status"] == "True")
                && status["history"][0]["chartVersion"] == version
                && &status["observedGeneration"] == generation
        };
        self.until_release(&format!("web {version}"), ready).await.map(drop)
    }

    async fn patch_release(&self, body: Json) -> Result<(), String> {
        let resource = self.resource(names::HELM_V2, "HelmRelease").await?;
        self.cluster.patch(&resource, &release_id(), &Patch::Merge(body)).await.map(drop).map_err(|e| e.to_string())
    }

    async fn field(&self, group: &str, kind: &str, name: &str, pointer: &str) -> Result<String, String> {
        let object = self.cluster.get(&ObjectId::new(group, kind, "shop", name)).await.map_err(|e| e.to_string())?;
        let value = object.as_ref().and_then(|o| o.pointer(pointer)).and_then(Json::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("{kind}/shop/{name} has no {pointer}"))
    }

    async fn greeting(&self) -> Result<String, String> {
        self.field("", "ConfigMap", "web-config", "/data/greeting").await
    }

    async fn image(&self) -> Result<String, String> {
        self.field("apps", "Deployment", "web", "/spec/template/spec/containers/0/image").await
    }
}

fn release_id() -> ObjectId {
    ObjectId::new(names::HELM_GROUP, "HelmRelease", "shop", "web")
}

fn condition<'a>(object: &'a Json, kind: &str) -> Option<&'a Json> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}
