//! What is remembered of a unit: from the store; where that does not know, from release Secrets and status. Losing the store
//! loses nothing that matters.

use super::place;
use super::prepare::{Prepared, What};
use super::render::Turn;
use super::run::{content, failure};
use super::spec::Spec;
use crate::api::helm::TestHookStatus;
use crate::api::{ConditionStatus, ConditionType, condition};
use crate::controller::context::Context;
use crate::object::{Manifest, ObjectId, Origin};
use crate::plan::hook::{Hook, Role};
use crate::release::note::{self, Note};
use crate::release::report::DriftEpisode;
use crate::release::{
    Applied, Attempt, Failure, Fault, Quarantine, RevisionMeta, RevisionStatus, RunAction, TestPhase, TestRun, UnitKey, UnitKind,
    UnitRecord, same,
};
use crate::render::target::{Payload, Target};
use helmward_chart::{release, yaml};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The record of a unit, and what drift was seen before.
pub(super) async fn load(ctx: &Context, key: &UnitKey, spec: &Spec) -> Result<(UnitRecord, VecDeque<DriftEpisode>), String> {
    let kept = ctx.load(key).await;
    // It may be somewhere else than it is wanted now.
    let place = place::known(kept.as_ref().map(|k| &k.record), spec).unwrap_or_else(|| spec.place());
    let spec = &spec.at(&place);
    let storage = format!("{}/{}", place.storage, place.name);
    let placed = |record: UnitRecord| UnitRecord { storage: Some(storage.clone()), namespace: Some(place.namespace.clone()), ..record };
    let episodes = match kept {
        Some(kept) if key.kind != UnitKind::Release || spec.is_elsewhere() || ctx.agrees_with_helm(&storage, &kept.record) => {
            return Ok((placed(kept.record), kept.episodes));
        }
        Some(kept) => {
            tracing::warn!(unit = %key, "Helm's records are not as the store has them; rebuilding from the cluster");
            kept.episodes
        }
        None => VecDeque::new(),
    };
    let record = match spec {
        Spec::Release(_) => from_helm(ctx, spec).await?,
        Spec::Bundle(bundle) => from_kustomization(bundle),
    };
    if !record.history.is_empty() {
        tracing::info!(unit = %key, revisions = record.history.len(), "rebuilt from the cluster");
    }
    Ok((placed(record), episodes))
}

/// From Helm's release Secrets, and from the status for what they do not say.
async fn from_helm(ctx: &Context, spec: &Spec) -> Result<UnitRecord, String> {
    let Spec::Release(release_spec) = spec else { return Ok(UnitRecord::default()) };
    let status = &release_spec.object.status;
    let (_, name) = spec.release();
    let cluster = spec.act(ctx).await.map_err(|e| e.to_string())?;
    let secrets = cluster.releases(spec.storage_namespace(), name).await.map_err(|e| e.to_string())?;
    let mut record =
        UnitRecord { handled: status.last_handled_reconcile_at.clone(), tried: status.last_attempted_generation, ..UnitRecord::default() };
    let mut notes = BTreeMap::new();
    for secret in secrets {
        let release = match release::decode(&secret.payload) {
            Ok(release) => release,
            Err(error) => {
                tracing::warn!(release = name, version = secret.head.version, %error, "a release record cannot be read; passed over");
                continue;
            }
        };
        let snapshot = status.history.iter().find(|s| s.version == i64::from(secret.head.version) && s.name == name);
        let version = release.chart_version().to_owned();
        let last = status.last_attempted_revision.as_deref() == Some(&version);
        let mut meta = RevisionMeta {
            number: secret.head.version,
            status: status_of(&secret.head.status),
            action: match snapshot.and_then(|s| s.action.as_deref()) {
                Some("install") => RunAction::Install,
                Some("rollback") => RunAction::Rollback,
                _ if secret.head.version == 1 => RunAction::Install,
                _ => RunAction::Upgrade,
            },
            attempt: Attempt {
                source_revision: String::new(),
                // What another tool made is not known to be what is wanted, whatever its version says: it is upgraded once.
                version: snapshot.map(|s| s.chart_version.clone()).unwrap_or_default(),
                content: status.last_attempted_revision_digest.clone().filter(|_| last).unwrap_or_default(),
                config: snapshot.map(|s| s.config_digest.clone()).unwrap_or_default(),
                shape: String::new(),
            },
            chart_name: release.chart_name().to_owned(),
            app_version: release.app_version().to_owned(),
            target: None,
            chart: None,
            digest: snapshot.map(|s| s.digest.clone()).unwrap_or_default(),
            first_deployed: time(release.first_deployed()),
            started: time(release.last_deployed()),
            ended: Some(time(release.last_deployed())),
            description: release.description().to_owned(),
            commit: String::new(),
            tests: snapshot.and_then(|s| s.test_hooks.as_ref()).map(tests_of),
        };
        if let Some(note) = secret.note.as_deref().and_then(Note::decode) {
            note.fill(&mut meta);
            notes.insert(meta.number, note);
        }
        record.history.push(meta);
    }
    record.history.sort_by_key(|r| r.number);
    for entry in status.inventory.iter().flat_map(|i| &i.entries) {
        record.inventory.insert(entry.id.clone(), unverified(&entry.id, &entry.v));
    }
    let conditions = &status.conditions;
    let held = condition::find(conditions, ConditionType::Quarantined).filter(|c| c.status == ConditionStatus::True);
    if let (Some(held), Some(version)) = (held, &status.last_attempted_revision) {
        record.quarantine = Some(Quarantine {
            attempt: Attempt {
                source_revision: String::new(),
                version: version.clone(),
                content: status.last_attempted_revision_digest.clone().unwrap_or_default(),
                config: status.last_attempted_config_digest.clone().unwrap_or_default(),
                shape: String::new(),
            },
            message: held.message.clone(),
            since: held.last_transition_time.timestamp(),
            restored: condition::find(conditions, ConditionType::RolledBack).and_then(|_| record.deployed().map(|r| r.number)),
        });
    }
    record.failures = u32::try_from(status.failures).unwrap_or(0);
    note::conclude(&mut record, &notes);
    // A release of the Helm CLI: its objects are those of its manifest. And what was begun after the last good revision may have made
    // objects that no status tells of yet.
    let known = !record.inventory.is_empty();
    let begun = record.history.iter().rev().take_while(|r| r.status.is_pending() || r.status == RevisionStatus::Failed);
    let mut sources: Vec<u32> = begun.filter(|r| notes.contains_key(&r.number)).map(|r| r.number).collect();
    sources.extend(record.deployed().filter(|_| !known).map(|r| r.number));
    if !sources.is_empty() {
        let prepared = super::prepare::for_removal(ctx, spec).await.map_err(|e| e.to_string())?;
        for number in sources {
            let Ok(target) = helm_target(ctx, &prepared, number).await else { continue };
            for manifest in &target.manifests {
                let found = Applied { api_version: manifest.api_version.clone(), ..Applied::default() };
                record.inventory.entry(manifest.id.inventory_id()).or_insert(found);
            }
        }
    }
    Ok(record)
}

fn tests_of(hooks: &BTreeMap<String, TestHookStatus>) -> BTreeMap<String, TestRun> {
    let of = |hook: &TestHookStatus| TestRun {
        started: hook.last_started.as_ref().map(|t| t.timestamp()),
        completed: hook.last_completed.as_ref().map(|t| t.timestamp()),
        phase: hook.phase.as_deref().and_then(TestPhase::parse),
        message: String::new(),
    };
    hooks.iter().map(|(name, hook)| (name.clone(), of(hook))).collect()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn status_of(word: &str) -> RevisionStatus {
    use RevisionStatus::{Deployed, Failed, PendingInstall, PendingRollback, PendingUpgrade, Superseded, Uninstalled, Uninstalling};
    let all = [PendingInstall, PendingUpgrade, PendingRollback, Deployed, Superseded, Failed, Uninstalling, Uninstalled];
    all.into_iter().find(|s| s.as_str() == word).unwrap_or(Failed)
}

/// From the status of a Kustomization: which revision was applied, and what of it there is.
fn from_kustomization(bundle: &super::spec::BundleSpec) -> UnitRecord {
    let status = &bundle.object.status;
    let mut record = UnitRecord { handled: status.last_handled_reconcile_at.clone(), ..UnitRecord::default() };
    for entry in status.inventory.iter().flat_map(|i| &i.entries) {
        record.inventory.insert(entry.id.clone(), unverified(&entry.id, &entry.v));
    }
    if let Some(revision) = &status.last_applied_revision {
        let at =
            condition::find(&status.conditions, ConditionType::Ready).map_or(Timestamp::UNIX_EPOCH, |c| c.last_transition_time.timestamp());
        record.history.push(RevisionMeta {
            number: 1,
            status: RevisionStatus::Deployed,
            action: RunAction::Install,
            attempt: Attempt { source_revision: revision.clone(), version: revision.clone(), ..Attempt::default() },
            chart_name: String::new(),
            app_version: String::new(),
            target: None,
            chart: None,
            digest: String::new(),
            first_deployed: at,
            started: at,
            ended: Some(at),
            description: "rebuilt from the status".into(),
            commit: String::new(),
            tests: None,
        });
    }
    let held = condition::find(&status.conditions, ConditionType::Quarantined).filter(|c| c.status == ConditionStatus::True);
    if let (Some(held), Some(revision)) = (held, &status.last_attempted_revision) {
        let restored = condition::find(&status.conditions, ConditionType::RolledBack).and_then(|_| record.deployed().map(|r| r.number));
        record.quarantine = Some(Quarantine {
            attempt: Attempt { source_revision: revision.clone(), version: revision.clone(), ..Attempt::default() },
            message: held.message.clone(),
            since: held.last_transition_time.timestamp(),
            restored,
        });
    }
    record
}

fn unverified(id: &str, version: &str) -> Applied {
    let group = ObjectId::from_inventory_id(id).map(|id| id.group).unwrap_or_default();
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Applied { api_version, ..Applied::default() }
}

/// The target of a revision: from the store, from what is wanted now where that is the same, from Helm's record.
pub(super) async fn target(ctx: &Context, record: &UnitRecord, prepared: &Prepared, number: u32) -> Result<Arc<Target>, Failure> {
    let Some(revision) = record.revision(number) else { return Err(content(format!("revision {number} is not in the history"))) };
    if let Some(target) = stored_target(ctx, revision).await {
        return Ok(target);
    }
    let (want, have) = (&prepared.want.attempt, &revision.attempt);
    match &prepared.what {
        What::Objects(target) if have.version == want.version || have.content == want.content => Ok(Arc::clone(target)),
        What::Chart { .. } => {
            let mut target = helm_target(ctx, prepared, number).await?;
            if revision.status.is_pending() && revision.action != RunAction::Rollback && same(have, want) {
                // Cut off, and the store lost: Helm's record knows no CRDs, the chart does.
                let turn = Turn { action: revision.action, number, before: None };
                target.crds = prepared.render(ctx, &prepared.spec.key(), turn).await?.0.crds;
            }
            Ok(Arc::new(target))
        }
        _ => Err(content(format!("the objects of revision {number} ({}) are not known any more", have.version))),
    }
}

/// The target of what is to be removed: as the store has it, else as Helm recorded it. Empty where neither knows.
pub(super) async fn last_target(ctx: &Context, prepared: &Prepared, last: &RevisionMeta) -> Result<Arc<Target>, Failure> {
    if let Some(target) = stored_target(ctx, last).await {
        return Ok(target);
    }
    if prepared.spec.kind() != UnitKind::Release {
        return Ok(Arc::default());
    }
    match helm_target(ctx, prepared, last.number).await {
        Ok(target) => Ok(Arc::new(target)),
        Err(failure) if failure.fault == Fault::Surroundings => Err(failure),
        Err(failure) => {
            tracing::warn!(unit = %prepared.spec.key(), error = %failure.message, "removed without its hooks");
            Ok(Arc::default())
        }
    }
}

/// The target as the store has it.
pub(super) async fn stored_target(ctx: &Context, revision: &RevisionMeta) -> Option<Arc<Target>> {
    let target = ctx.get_target(revision.target.as_deref()?, revision.chart.as_deref()).await?;
    // A target that is not what was deployed is worse than none.
    if !revision.digest.is_empty() && target.digest() != revision.digest {
        tracing::error!(revision = revision.number, "the stored target does not have the digest that was recorded; not used");
        return None;
    }
    Some(Arc::new(target))
}

/// The target as Helm recorded it.
async fn helm_target(ctx: &Context, prepared: &Prepared, number: u32) -> Result<Target, Failure> {
    let (_, name) = prepared.spec.release();
    let storage = prepared.spec.storage_namespace();
    let secret = prepared.cluster.release(storage, name, number).await.map_err(|e| failure(&e))?;
    let secret = secret.ok_or_else(|| content(format!("revision {number} of release {storage}/{name} is stored nowhere any more")))?;
    let unreadable = |e: String| content(format!("the record of revision {number} of release {storage}/{name} cannot be read: {e}"));
    let release = release::decode(&secret.payload).map_err(|e| unreadable(e.to_string()))?;
    let mut target = Target {
        release: Some(Payload {
            chart: Arc::new(release.chart().clone()),
            config: release.config().clone(),
            manifest: release.manifest().to_owned(),
            hooks: release.hooks().clone(),
            notes: release.notes().to_owned(),
        }),
        ..Target::default()
    };
    let documents = |text: &str, file: String| -> Result<Vec<Manifest>, Failure> {
        let mut out = Vec::new();
        for document in yaml::documents(text) {
            let body = yaml::from_str(document.text).map_err(|e| unreadable(e.to_string()))?;
            if !body.is_null() {
                let origin = Origin { file: file.clone(), line: document.line as usize };
                out.push(Manifest::new(body, origin).map_err(|e| unreadable(e.to_string()))?);
            }
        }
        Ok(out)
    };
    target.manifests = documents(release.manifest(), format!("release {name}.v{number}"))?;
    for hook in release.hook_manifests() {
        for manifest in documents(hook, format!("hook of release {name}.v{number}"))? {
            if let Role::Hook(hook) = Hook::role_of(&manifest) {
                target.hooks.push(*hook);
            }
        }
    }
    let Spec::Release(spec) = &prepared.spec else { return Ok(target) };
    ctx.place_release(&prepared.cluster, &spec.object, &mut target).await.map_err(|e| failure(&e))?;
    Ok(target)
}
