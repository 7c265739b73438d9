//! The last lines that a failed hook wrote, as they may be shown.

use super::Scene;
use crate::cluster::{ListOptions, LogOptions};
use crate::object::{Gvk, Json, ObjectId};
use crate::plan::references;
use futures::StreamExt;

/// So many of the last lines are shown,
const LINES: u64 = 10;
/// each at most so long (characters),
const WIDTH: usize = 200;
/// and nobody waits longer for them.
const WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

impl Scene<'_> {
    /// The last lines of a Pod, or of the newest failed pod of a Job, as the end of a sentence; empty where there are none to be had.
    /// What the pod knows of Secrets is taken out; where it is not known what it knows, nothing is shown.
    pub(super) async fn last_words(&self, id: &ObjectId, live: &Json) -> String {
        match tokio::time::timeout(WITHIN, self.lines(id, live)).await {
            Ok(Some(lines)) if !lines.is_empty() => format!("; its log ends: {}", lines.join(" | ")),
            _ => String::new(),
        }
    }

    async fn lines(&self, id: &ObjectId, live: &Json) -> Option<Vec<String>> {
        let pod = if id.kind == "Pod" { live.clone() } else { self.newest_pod(id).await? };
        let mut secrets: Vec<Json> = Vec::new();
        for reference in references::of_pod(pod.get("spec")?, &id.namespace).into_iter().filter(|r| r.id.kind == "Secret") {
            secrets.extend(self.prepared.cluster.get(&reference.id).await.ok()?);
        }
        for input in self.prepared.spec.inputs().into_iter().filter(|input| input.kind == "Secret") {
            secrets.extend(self.prepared.cluster.get(&input).await.ok()?);
        }
        let own = self.target.manifests.iter().chain(self.target.hooks.iter().map(|h| &h.manifest)).map(|m| &m.body);
        let redactor = self.ctx.redactor.clone().with_secrets_of(own.chain(&secrets));
        let name = pod.pointer("/metadata/name")?.as_str()?;
        let pod_id = ObjectId::new("", "Pod", &id.namespace, name);
        let options = LogOptions { container: failed_container(&pod)?, tail: Some(LINES), ..LogOptions::default() };
        let lines = self.prepared.cluster.logs(&pod_id, &options).await.ok()?;
        let lines: Vec<String> =
            lines.take_while(|l| std::future::ready(l.is_ok())).filter_map(|l| std::future::ready(l.ok())).collect().await;
        // Taken out of the whole first: a secret may go over several lines.
        let clean = redactor.text(&lines.join("\n"));
        Some(clean.lines().map(|line| line.chars().take(WIDTH).collect::<String>().trim().to_owned()).filter(|l| !l.is_empty()).collect())
    }

    async fn newest_pod(&self, job: &ObjectId) -> Option<Json> {
        let resource = self.prepared.cluster.resource(&Gvk::new("v1", "Pod")).await.ok()?;
        let options = ListOptions::labels(&job.namespace, &format!("batch.kubernetes.io/job-name={}", job.name));
        let pods = self.prepared.cluster.list(&resource, &options).await.ok()?.items;
        let text = |pod: &Json, pointer: &str| pod.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        pods.into_iter().max_by_key(|pod| (text(pod, "/status/phase") == "Failed", text(pod, "/metadata/creationTimestamp")))
    }
}

/// The container that failed, or the first.
fn failed_container(pod: &Json) -> Option<String> {
    let statuses = |list: &str| pod.pointer(&format!("/status/{list}")).and_then(Json::as_array).into_iter().flatten();
    let failed = statuses("initContainerStatuses")
        .chain(statuses("containerStatuses"))
        .find(|s| s.pointer("/state/terminated/exitCode").and_then(Json::as_i64).is_some_and(|code| code != 0));
    let name = failed.and_then(|s| s["name"].as_str()).or_else(|| pod.pointer("/spec/containers/0/name")?.as_str());
    name.map(str::to_owned)
}
