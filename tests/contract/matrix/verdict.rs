//! Whether a cluster has come to what an action must come to: objects, Helm's records, history, hooks.

use super::story::{Action, End};
use super::wire::Seen;
use crate::world::{World, condition};
use base64::Engine as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// Ok, or what is missing.
pub async fn settled(world: &World, action: Action) -> Result<(), String> {
    let End { version, records, .. } = action.end();
    if world.get("v1", "ConfigMap", "shop", "web-extra").await.is_some() {
        return Err("ConfigMap web-extra of the broken version is there".into());
    }
    let secrets = world.release_secrets("shop", "web").await;
    let release = world.release("shop", "web").await;
    let Some(version) = version else {
        let left = [("apps/v1", "Deployment", "web"), ("v1", "ConfigMap", "web-config"), ("v1", "Service", "web")];
        for (api_version, kind, name) in left {
            if world.get(api_version, kind, "shop", name).await.is_some() {
                return Err(format!("{kind} {name} is there"));
            }
        }
        return if release.is_some() || !secrets.is_empty() {
            Err(format!("the HelmRelease or records are there: {secrets:?}"))
        } else {
            Ok(())
        };
    };
    let Some(release) = release else { return Err("no HelmRelease".into()) };
    let ready = condition(&release, "Ready");
    let back = matches!(action, Action::Rollback | Action::Drift);
    let told = if back { condition(&release, "RolledBack").is_some_and(|c| c.0 == "True") } else { ready.is_some_and(|c| c.0 == "True") };
    if !told || release["status"]["observedGeneration"] != release["metadata"]["generation"] {
        return Err(format!("Ready is {ready:?}"));
    }
    if !back && release["status"]["history"][0]["chartVersion"] != version {
        return Err(format!("the history begins with {}", release["status"]["history"][0]["chartVersion"]));
    }
    let statuses: Vec<&str> = secrets.iter().map(|(_, status, _)| status.as_str()).collect();
    let numbers: Vec<u32> = secrets.iter().map(|(number, ..)| *number).collect();
    let expected: Vec<u32> = (1..=u32::try_from(records.len()).unwrap()).collect();
    if statuses != records || numbers != expected {
        return Err(format!("records {numbers:?} {statuses:?}, expected {records:?}"));
    }
    let told: Vec<(u64, String)> = release["status"]["history"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| (s["version"].as_u64().unwrap_or(0), s["status"].as_str().unwrap_or_default().to_owned()))
        .rev()
        .collect();
    let held: Vec<(u64, String)> = secrets.iter().map(|(number, status, _)| (u64::from(*number), status.clone())).collect();
    if told != held {
        return Err(format!("the status tells of {told:?}, Helm of {held:?}"));
    }
    let last = secrets.last().map_or(0, |s| s.0);
    let differing = differences(world, version, last).await;
    if differing.is_empty() { Ok(()) } else { Err(differing.join("; ")) }
}

/// What a server-side dry-run of the rendered objects, as Helm's record of the deployed revision has them, would change.
async fn differences(world: &World, version: &str, revision: u32) -> Vec<String> {
    let mut out = Vec::new();
    let Some(secret) = world.get("v1", "Secret", "shop", &format!("sh.helm.release.v1.web.v{revision}")).await else {
        return vec!["the record is gone".into()];
    };
    let payload = base64::engine::general_purpose::STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let record = helmward_chart::release::decode(&payload).unwrap();
    if record.chart_version() != version {
        out.push(format!("the record is of {}", record.chart_version()));
    }
    let mut objects = 0;
    for document in helmward_chart::yaml::documents(record.manifest()) {
        let object: Value = helmward_chart::yaml::from_str(document.text).unwrap();
        if object.is_null() {
            continue;
        }
        objects += 1;
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let Some(live) = world.get(&api_version, &kind, "shop", &name).await else {
            out.push(format!("{kind} {name} is not there"));
            continue;
        };
        let mut body = object.clone();
        // Owned by the daemon too, but not part of what Helm records.
        for key in ["labels", "annotations"] {
            let ours = live["metadata"][key].as_object().cloned().unwrap_or_default();
            for (name, value) in ours.into_iter().filter(|(name, _)| OWNERSHIP.contains(&name.as_str())) {
                body["metadata"][key][name] = value;
            }
        }
        let params = PatchParams { dry_run: true, ..PatchParams::apply("helmward").force() };
        let dry = match world.api(&api_version, &kind, "shop").patch(&name, &params, &Patch::Apply(&body)).await {
            Ok(dry) => serde_json::to_value(dry).unwrap(),
            Err(error) => {
                out.push(format!("{kind} {name}: {error}"));
                continue;
            }
        };
        if compared(live.clone()) != compared(dry.clone()) {
            out.push(format!("{kind} {name} differs: live {}, rendered {}", compared(live), compared(dry)));
        }
    }
    if objects < 3 {
        out.push(format!("only {objects} objects are rendered"));
    }
    out
}

const OWNERSHIP: [&str; 5] = [
    "app.kubernetes.io/managed-by",
    "helm.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/namespace",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
];

fn compared(mut object: Value) -> Value {
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("resourceVersion");
    if let Some(fields) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        // A controller's status, and the one second of resolution of the times.
        fields.retain(|f| f["subresource"].is_null());
        fields.iter_mut().for_each(|f| f["time"] = json!(null));
    }
    object
}

/// How often the hook was run: Jobs that these requests made.
pub fn hook_runs(requests: &[Seen]) -> usize {
    requests.iter().filter(|seen| seen.made("jobs")).count()
}
