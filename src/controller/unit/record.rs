//! Helm's release Secrets: written so that `helm list`, `history`, `get` and `rollback` go on working, three writes a revision.

use super::{Prepared, Unit};
use crate::cluster::{ApiError, Cluster, Kind, LARGEST_PAYLOAD, ReleaseWrite};
use crate::controller::context::Context;
use crate::object::Json;
use crate::release::note::Note;
use crate::release::{RevisionMeta, RevisionStatus, Run, RunAction, UnitKey};
use crate::render::target::Target;
use helmward_chart::release::{self, Release};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// Stores the new revision as pending. One that is there already is ours from before a crash.
pub(super) async fn write_pending(key: &UnitKey, unit: &mut Unit, prepared: &Prepared, target: &Target, run: &Run) -> Result<(), ApiError> {
    let record = unit.record();
    let Some(meta) = record.revision(run.revision) else { return Ok(()) };
    let (_, name) = prepared.spec.release();
    let storage = prepared.spec.storage_namespace();
    let description = match run.action {
        RunAction::Install => "Initial install underway".to_owned(),
        RunAction::Rollback => format!("Rollback to {}", run.to.unwrap_or_default()),
        _ => "Preparing upgrade".to_owned(),
    };
    let last = meta.started.to_string();
    let encoded = compose(prepared, meta, target, meta.status, &description);
    let note = Note::of(meta, run, record, &prepared.want.upgrade).encode();
    let write = ReleaseWrite {
        namespace: storage,
        name,
        version: run.revision,
        status: meta.status.as_str(),
        payload: &encoded,
        labels: &BTreeMap::new(),
        note: Some(&note),
        at: Timestamp::now(),
    };
    match prepared.cluster.create_release(&write).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::AlreadyExists => {
            let there = prepared.cluster.release(storage, name, run.revision).await?;
            let ours = there.and_then(|secret| release::decode(&secret.payload).ok()).is_none_or(|r| r.last_deployed() == last);
            if !ours {
                // Never written over: another client's revision is history too.
                unit.stale = true;
                return Err(error);
            }
            tracing::info!(unit = %key, revision = run.revision, "the revision is stored already: going on with it");
            prepared.cluster.update_release(&write).await.map(|_| ())
        }
        Err(error) => Err(error),
    }
}

/// Parts of a chart that may be left out of a record, the least missed first: `helm rollback` and `helm get` need neither.
const SPARED: [&str; 2] = ["files", "templates"];

/// The record of a revision that we made, encoded; without parts of the chart where it would be too large and the object allows it.
fn compose(prepared: &Prepared, meta: &RevisionMeta, target: &Target, status: RevisionStatus, description: &str) -> Vec<u8> {
    let (namespace, name) = prepared.spec.release();
    let mut payload = target.release.clone().unwrap_or_default();
    last_runs(&mut payload.hooks, meta);
    let (first, last) = (meta.first_deployed.to_string(), meta.started.to_string());
    let encode = |chart: Json| {
        release::encode(&Release::new(release::Parts {
            name,
            namespace,
            version: meta.number,
            status: status.as_str(),
            description,
            first_deployed: &first,
            last_deployed: &last,
            notes: &payload.notes,
            chart,
            config: payload.config.clone(),
            manifest: &payload.manifest,
            hooks: payload.hooks.clone(),
        }))
    };
    let mut encoded = encode(Json::clone(&payload.chart));
    let mut left_out: &[&str] = &[];
    while encoded.len() > LARGEST_PAYLOAD && left_out.len() < SPARED.len() && prepared.spec.extras().trim_record {
        left_out = &SPARED[..=left_out.len()];
        let mut chart = Json::clone(&payload.chart);
        for part in left_out {
            chart[part] = json!([]);
        }
        encoded = encode(chart);
    }
    encoded
}

/// Notes in Helm's records of the tests how they went: `helm status` shows it.
fn last_runs(hooks: &mut Json, meta: &RevisionMeta) {
    for hook in hooks.as_array_mut().into_iter().flatten() {
        let Some(test) = meta.tests.as_ref().and_then(|tests| tests.get(hook["name"].as_str()?)) else { continue };
        let of_test = hook["events"].as_array().is_some_and(|events| events.iter().any(|e| e == "test"));
        if let (true, Some(phase)) = (of_test, test.phase) {
            let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
            hook["last_run"] = json!({"started_at": time(test.started), "completed_at": time(test.completed), "phase": phase.as_str()});
        }
    }
}

/// Sets the status of a revision: with one request where its content is known here, else with a read before.
async fn settle(
    prepared: &Prepared,
    meta: &RevisionMeta,
    target: Option<&Target>,
    status: RevisionStatus,
    words: &str,
) -> Result<(), ApiError> {
    let (storage, release) = (prepared.spec.storage_namespace(), prepared.spec.release());
    // What another tool made may hold more than we would write.
    let Some(target) = target.filter(|t| t.release.is_some() && meta.target.is_some()) else {
        return change(&prepared.cluster, storage, release.1, meta.number, status, Some(words)).await;
    };
    let encoded = compose(prepared, meta, target, status, words);
    let write = ReleaseWrite {
        namespace: storage,
        name: release.1,
        version: meta.number,
        status: status.as_str(),
        payload: &encoded,
        labels: &BTreeMap::new(),
        note: None,
        at: Timestamp::now(),
    };
    match prepared.cluster.update_release(&write).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Stores the revision before as superseded, deletes what is too old, and stores the new one as deployed.
pub(super) async fn finish(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    target: &Target,
    run: &Run,
) -> Result<(), ApiError> {
    let (_, name) = prepared.spec.release();
    let storage = prepared.spec.storage_namespace();
    if run.action == RunAction::Uninstall {
        for head in prepared.cluster.release_heads(storage, name).await? {
            if !prepared.spec.keeps_history() {
                prepared.cluster.delete_release(storage, name, head.version).await?;
            } else if head.status == RevisionStatus::Deployed.as_str() {
                change(&prepared.cluster, storage, name, head.version, RevisionStatus::Uninstalled, Some("Uninstallation complete"))
                    .await?;
            }
        }
        return Ok(());
    }
    let words = match (run.action, run.to) {
        (RunAction::Install, _) => "Install complete".to_owned(),
        (RunAction::Rollback, Some(to)) => format!("Rollback to {to}"),
        _ => "Upgrade complete".to_owned(),
    };
    if run.action == RunAction::Test {
        if let Some(meta) = unit.record().revision(run.revision) {
            let words = match meta.action {
                RunAction::Install => "Install complete",
                _ => "Upgrade complete",
            };
            settle(prepared, meta, Some(target), RevisionStatus::Deployed, words).await?;
        }
        return Ok(());
    }
    // The new one last, as Helm does: whoever finds it pending, with the store lost, does what is left of this again.
    let deployed = |r: &&RevisionMeta| r.number != run.revision && r.status == RevisionStatus::Deployed;
    for before in unit.record().history.iter().filter(deployed) {
        let words = match before.action {
            RunAction::Install => "Install complete",
            RunAction::Rollback => {
                // Its words name the revision that was restored: they stay as they are.
                change(&prepared.cluster, storage, name, before.number, RevisionStatus::Superseded, None).await?;
                continue;
            }
            _ => "Upgrade complete",
        };
        let stored = super::rebuild::stored_target(ctx, before).await;
        settle(prepared, before, stored.as_deref(), RevisionStatus::Superseded, words).await?;
    }
    for number in unit.record().surplus(prepared.spec.max_history(), Some(run.revision)) {
        prepared.cluster.delete_release(storage, name, number).await?;
    }
    if let Some(meta) = unit.record().revision(run.revision) {
        settle(prepared, meta, Some(target), RevisionStatus::Deployed, &words).await?;
    }
    tracing::debug!(unit = %key, revision = run.revision, "release recorded");
    Ok(())
}

/// Sets the status of one revision in its Secret; one that is gone is no error, there is nothing to mark.
pub(super) async fn set_status(
    prepared: &Prepared,
    key: &UnitKey,
    unit: &Unit,
    revision: u32,
    status: RevisionStatus,
    why: &str,
) -> Result<(), ApiError> {
    let Some((storage, name)) = unit.record().storage.as_deref().and_then(|s| s.split_once('/')) else { return Ok(()) };
    tracing::debug!(unit = %key, revision, status = status.as_str(), "release marked");
    change(&prepared.cluster, storage, name, revision, status, Some(why)).await
}

async fn change(
    cluster: &Cluster,
    storage: &str,
    name: &str,
    version: u32,
    status: RevisionStatus,
    why: Option<&str>,
) -> Result<(), ApiError> {
    let Some(secret) = cluster.release(storage, name, version).await? else { return Ok(()) };
    let mut release = match release::decode(&secret.payload) {
        Ok(release) => release,
        Err(error) => {
            tracing::warn!(release = name, version, %error, "the release record cannot be read; left as it is");
            return Ok(());
        }
    };
    let kept = release.description().to_owned();
    release.set_status(status.as_str(), why.unwrap_or(&kept));
    let encoded = release::encode(&release);
    let write = ReleaseWrite {
        namespace: storage,
        name,
        version,
        status: status.as_str(),
        payload: &encoded,
        labels: &secret.head.labels,
        note: None,
        at: Timestamp::now(),
    };
    match cluster.update_release(&write).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
