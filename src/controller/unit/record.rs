//! Helm's release Secrets: written so that `helm list`, `history`, `get` and `rollback` go on working, three writes a revision.

use super::{Prepared, Unit};
use crate::cluster::{ApiError, Kind, ReleaseWrite, surplus};
use crate::controller::context::Context;
use crate::release::{RevisionStatus, Run, RunAction, UnitKey};
use crate::render::target::Target;
use helmward_chart::release::{self, Release};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Stores the new revision as pending. One that is there already is ours from before a crash.
pub(super) async fn write_pending(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    target: &Target,
    run: &Run,
) -> Result<(), ApiError> {
    let record = unit.record();
    let Some(meta) = record.revision(run.revision) else { return Ok(()) };
    let (namespace, name) = prepared.spec.release();
    let storage = prepared.spec.storage_namespace();
    let description = match run.action {
        RunAction::Install => "Initial install underway".to_owned(),
        RunAction::Rollback => format!("Rollback to {}", run.to.unwrap_or_default()),
        _ => "Preparing upgrade".to_owned(),
    };
    let payload = target.release.clone().unwrap_or_default();
    let (first, last) = (meta.first_deployed.to_string(), meta.started.to_string());
    let release = Release::new(release::Parts {
        name,
        namespace,
        version: run.revision,
        status: meta.status.as_str(),
        description: &description,
        first_deployed: &first,
        last_deployed: &last,
        notes: &payload.notes,
        chart: payload.chart,
        config: payload.config,
        manifest: &payload.manifest,
        hooks: payload.hooks,
    });
    let encoded = release::encode(&release);
    let write = ReleaseWrite {
        namespace: storage,
        name,
        version: run.revision,
        status: meta.status.as_str(),
        payload: &encoded,
        labels: &BTreeMap::new(),
        at: Timestamp::now(),
    };
    match ctx.cluster.create_release(&write).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::AlreadyExists => {
            let there = ctx.cluster.release(storage, name, run.revision).await?;
            let ours = there.and_then(|secret| release::decode(&secret.payload).ok()).is_none_or(|r| r.last_deployed() == last);
            if !ours {
                // Never written over: another client's revision is history too.
                unit.stale = true;
                return Err(error);
            }
            tracing::info!(unit = %key, revision = run.revision, "the revision is stored already: going on with it");
            ctx.cluster.update_release(&write).await.map(|_| ())
        }
        Err(error) => Err(error),
    }
}

/// Stores the revision as deployed, the one before as superseded, and deletes what is too old.
pub(super) async fn finish(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, run: &Run) -> Result<(), ApiError> {
    let (_, name) = prepared.spec.release();
    let storage = prepared.spec.storage_namespace();
    if run.action == RunAction::Uninstall {
        for head in ctx.cluster.release_heads(storage, name).await? {
            if !prepared.spec.keeps_history() {
                ctx.cluster.delete_release(storage, name, head.version).await?;
            } else if head.status == RevisionStatus::Deployed.as_str() {
                change(ctx, storage, name, head.version, RevisionStatus::Uninstalled, "Uninstallation complete").await?;
            }
        }
        return Ok(());
    }
    let words = match (run.action, run.to) {
        (RunAction::Install, _) => "Install complete".to_owned(),
        (RunAction::Rollback, Some(to)) => format!("Rollback to {to}"),
        _ => "Upgrade complete".to_owned(),
    };
    change(ctx, storage, name, run.revision, RevisionStatus::Deployed, &words).await?;
    let before: Vec<u32> = unit
        .record()
        .history
        .iter()
        .filter(|r| r.number != run.revision && r.status == RevisionStatus::Deployed)
        .map(|r| r.number)
        .collect();
    for number in before {
        let words = unit.record().revision(number).map(|r| helm_words(r.action)).unwrap_or_default();
        change(ctx, storage, name, number, RevisionStatus::Superseded, words).await?;
    }
    let keep = prepared.spec.max_history();
    // Only where there can be too many is the list asked for.
    if keep > 0 && unit.record().history.len() > keep as usize {
        for version in surplus(&ctx.cluster.release_heads(storage, name).await?, keep) {
            ctx.cluster.delete_release(storage, name, version).await?;
        }
    }
    tracing::debug!(unit = %key, revision = run.revision, "release recorded");
    Ok(())
}

fn helm_words(action: RunAction) -> &'static str {
    match action {
        RunAction::Install => "Install complete",
        _ => "Upgrade complete",
    }
}

/// Sets the status of one revision in its Secret; one that is gone is no error, there is nothing to mark.
pub(super) async fn set_status(
    ctx: &Context,
    key: &UnitKey,
    unit: &Unit,
    revision: u32,
    status: RevisionStatus,
    why: &str,
) -> Result<(), ApiError> {
    let Some((storage, name)) = unit.record().storage.as_deref().and_then(|s| s.split_once('/')) else { return Ok(()) };
    tracing::debug!(unit = %key, revision, status = status.as_str(), "release marked");
    change(ctx, storage, name, revision, status, why).await
}

async fn change(ctx: &Context, storage: &str, name: &str, version: u32, status: RevisionStatus, why: &str) -> Result<(), ApiError> {
    let Some(secret) = ctx.cluster.release(storage, name, version).await? else { return Ok(()) };
    let mut release = match release::decode(&secret.payload) {
        Ok(release) => release,
        Err(error) => {
            tracing::warn!(release = name, version, %error, "the release record cannot be read; left as it is");
            return Ok(());
        }
    };
    release.set_status(status.as_str(), why);
    let encoded = release::encode(&release);
    let write = ReleaseWrite {
        namespace: storage,
        name,
        version,
        status: status.as_str(),
        payload: &encoded,
        labels: &secret.head.labels,
        at: Timestamp::now(),
    };
    match ctx.cluster.update_release(&write).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
