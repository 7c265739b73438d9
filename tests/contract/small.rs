//! Small charts that a scenario writes for itself into the work tree of its repository, and the objects in them.

use crate::world::{SOON, World, condition, ready};
use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Writes a chart for the next commit, in place of what was there under its name.
pub fn chart(root: &Path, name: &str, version: &str, templates: &[(&str, String)]) {
    let folder = root.join("charts").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    std::fs::write(folder.join("Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: {version}\n")).unwrap();
    for (file, text) in templates {
        std::fs::write(folder.join("templates").join(format!("{file}.yaml")), text).unwrap();
    }
}

/// Writes a release of the chart of its name, in the namespace of its name. `spec` are further lines of its spec, `annotations` likewise.
pub fn release_with(root: &Path, name: &str, annotations: &[(&str, &str)], spec: &str) {
    let annotations: String = annotations.iter().map(|(key, value)| format!("    {key}: '{value}'\n")).collect();
    let annotations = if annotations.is_empty() { annotations } else { format!("  annotations:\n{annotations}") };
    std::fs::create_dir_all(root.join("clusters/demo")).unwrap();
    std::fs::write(
        root.join(format!("clusters/demo/{name}.yaml")),
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n\
             \x20 namespace: {name}\n{annotations}spec:\n  interval: 10m\n  chart:\n    spec:\n      chart: ./charts/{name}\n      sourceRef:\n        kind: GitRepository\n\
             \x20       name: flux-system\n        namespace: flux-system\n{spec}"
        ),
    )
    .unwrap();
}

pub fn release(root: &Path, name: &str, spec: &str) {
    release_with(root, name, &[], spec);
}

/// A Deployment, StatefulSet or DaemonSet of one container. `metadata`, `spec` and `pod` are further lines in flow style.
pub struct Workload<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub image: &'a str,
    /// Further fields of `spec`, such as `, replicas: 2`.
    pub spec: &'a str,
    /// Further fields of the container.
    pub container: &'a str,
}

impl Workload<'_> {
    pub fn deployment<'a>(name: &'a str, image: &'a str) -> Workload<'a> {
        Workload { kind: "Deployment", name, image, spec: "", container: "" }
    }

    pub fn text(&self) -> String {
        let Self { kind, name, image, spec, container } = self;
        let own = match *kind {
            "Deployment" => ", progressDeadlineSeconds: 3",
            "StatefulSet" => ", serviceName: none",
            _ => "",
        };
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec: {{selector: {{matchLabels: {{app: {name}}}}}{own}{spec}, template: {{metadata: {{labels: {{app: {name}}}}}, \
             spec: {{terminationGracePeriodSeconds: 1, containers: [{{name: main, image: 'registry.example/{image}'{container}}}]}}}}}}\n"
        )
    }
}

/// A Job, with its annotations in flow style.
pub fn job(name: &str, image: &str, annotations: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec: {{backoffLimit: 0, template: {{spec: {{restartPolicy: Never, \
         terminationGracePeriodSeconds: 1, containers: [{{name: main, image: 'registry.example/{image}'}}]}}}}}}\n"
    )
}

/// Watches kinds in a namespace, and notes at which revision of the cluster each object came to be.
pub struct Births(Arc<Mutex<Vec<(u64, String)>>>);

impl Births {
    pub async fn watch(world: &World, namespace: &str, kinds: &[(&str, &str)]) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        for (api_version, kind) in kinds {
            let api = world.api(api_version, kind, namespace);
            let from = api.list(&Default::default()).await.unwrap().metadata.resource_version.unwrap();
            let (seen, kind) = (Arc::clone(&seen), (*kind).to_owned());
            tokio::spawn(async move {
                let mut events = api.watch(&Default::default(), &from).await.unwrap().boxed();
                while let Some(Ok(event)) = events.next().await {
                    if let WatchEvent::Added(object) = event {
                        let revision = object.metadata.resource_version.unwrap().parse().unwrap();
                        seen.lock().unwrap().push((revision, format!("{kind}/{}", object.metadata.name.unwrap())));
                    }
                }
            });
        }
        Self(seen)
    }

    /// The objects whose name is not a secret of Helm's, in the order in which they came to be.
    pub fn order(&self) -> Vec<String> {
        let mut seen = self.0.lock().unwrap().clone();
        seen.sort_unstable();
        seen.into_iter().map(|(_, name)| name).filter(|name| !name.starts_with("Secret/sh.helm.release")).collect()
    }
}

pub async fn is_ready(world: &World, name: &str, version: &str) -> Value {
    let what = format!("{name} {version} ready");
    world.until(&what, SOON, || async { world.release(name, name).await.filter(|r| ready(r, version)) }).await
}

/// Waits until the release was rolled back from `version`.
pub async fn rolled_back(world: &World, name: &str, version: &str) -> Value {
    world
        .until(&format!("{name} {version} rolled back"), SOON, || async {
            let release = world.release(name, name).await?;
            let (status, _, message) = condition(&release, "RolledBack")?;
            (status == "True" && message.contains(version)).then_some(release)
        })
        .await
}

pub fn image(workload: &Value) -> &str {
    workload["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default().trim_start_matches("registry.example/")
}

pub async fn image_of(world: &World, kind: &str, namespace: &str, name: &str) -> String {
    let live = world.get("apps/v1", kind, namespace, name).await.unwrap_or_else(|| panic!("{kind} {name} is live"));
    image(&live).to_owned()
}
