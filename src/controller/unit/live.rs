//! The unit and the live cluster: applying one object, comparing all of them, drift and its correction, the verdict on health.

use super::run::{failure, surroundings};
use super::{Prepared, Unit, publish};
use crate::api::Reason;
use crate::cluster::{ApiError, Apply, Kind};
use crate::controller::context::Context;
use crate::controller::objects::units_of;
use crate::health::{self, Exprs, Health, HealthState, Patience, Verdict, cause::Family};
use crate::object::{Json, Manifest, ObjectId};
use crate::plan::replicas::Autoscaled;
use crate::plan::{Drift, DriftPolicy, drift};
use crate::release::report::{DriftEpisode, EpisodeEnd};
use crate::release::{Applied, Failure, Fault, UnitKey};
use crate::render::target::{Target, digest};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Dry-runs of one unit that are under way at the same time.
const CONCURRENCY: usize = 8;
/// So many corrections of one object in [`FIGHT_WINDOW`] are a fight.
const FIGHT: usize = 3;
const FIGHT_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Episodes that are kept for the page.
const EPISODES: usize = 200;
/// So often pods are looked at while something is not healthy.
const LOOK: SignedDuration = SignedDuration::from_millis(1500);
/// How long an image that cannot be pulled or a crash loop may last before the verdict is final.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Whether an object is in the cluster as we last wrote or verified it, with what is wanted now: then nothing is sent.
pub(super) fn as_verified(ctx: &Context, prepared: &Prepared, manifest: &Manifest, known: &Applied) -> bool {
    !prepared.cluster.is_remote()
        && known.digest == digest(&manifest.body)
        && ctx.hub.get(&manifest.id).is_some_and(|live| live.resource_version == known.resource_version && live.uid == known.uid)
}

/// What is remembered of an object that was applied.
pub(super) fn applied(manifest: &Manifest, uid: String, resource_version: String) -> Applied {
    Applied { uid, resource_version, digest: digest(&manifest.body), api_version: manifest.api_version.clone() }
}

/// Whose replicas an autoscaler sets: one of the target, or one that somebody else made, as KEDA does. One of the unit that the target lacks is
/// about to go.
pub(super) fn autoscaled(ctx: &Context, target: &Target, prepared: &Prepared) -> Autoscaled {
    let live = if !prepared.cluster.is_remote() && target.manifests.iter().any(|m| m.body.pointer("/spec/replicas").is_some()) {
        ctx.autoscalers()
    } else {
        Vec::new()
    };
    let unit = prepared.spec.key();
    let others = live.iter().filter(|live| units_of(live).all(|owner| owner != unit)).map(|live| &*live.body);
    Autoscaled::by(target.manifests.iter().map(|m| &m.body).chain(others))
}

/// What is sent of a manifest: without the fields that rules leave to others, and without replicas that an autoscaler has taken over, for
/// which the live object must be looked at.
pub(super) async fn sendable(prepared: &Prepared, manifest: &Manifest, autoscaled: &Autoscaled) -> Result<Manifest, ApiError> {
    let mut out = prepared.spec.without_ignored(manifest);
    if autoscaled.targets(&manifest.id) && out.body.pointer("/spec/replicas").is_some() {
        let live = prepared.cluster.get_live(manifest).await?;
        autoscaled.strip(&manifest.id, &mut out.body, live.as_ref());
    }
    Ok(out)
}

/// What a comparison came to.
pub(super) enum Compared {
    /// Every object was compared.
    All,
    /// A watch has not seen all objects yet; its event wakes the unit.
    Waiting,
    /// The cluster did not answer.
    Failed(String),
    /// What was deployed is not known any more, so nothing can be compared with it.
    Unknown(String),
}

/// Compares with the cluster what may differ: after a start every object whose version is not the one last verified, later those
/// that an event named. Costs one read and one dry-run for each, and nothing for the rest.
pub(super) async fn compare(ctx: &Context, unit: &mut Unit, prepared: &Prepared) -> Compared {
    let number = unit.record().deployed().map_or(0, |r| r.number);
    let target = match &unit.deployed {
        Some((n, target)) if *n == number => std::sync::Arc::clone(target),
        _ => match super::rebuild::target(ctx, unit.record(), prepared, number).await {
            Ok(target) => {
                let target = std::sync::Arc::new(Target { release: None, ..std::sync::Arc::unwrap_or_clone(target) });
                unit.deployed = Some((number, std::sync::Arc::clone(&target)));
                target
            }
            Err(failure) if failure.fault == Fault::Content => return Compared::Unknown(failure.message),
            Err(failure) => return Compared::Failed(failure.message),
        },
    };
    let remote = prepared.cluster.is_remote();
    if !remote {
        ctx.watch_objects(prepared.spec.kind(), &target.manifests, prepared.spec.exprs());
    }
    if !unit.compared {
        if !remote && !ctx.watches_synced(prepared.spec.kind(), &target.manifests) {
            return Compared::Waiting;
        }
        unit.suspects.extend(target.manifests.iter().map(|m| m.id.clone()));
    }
    let suspects = std::mem::take(&mut unit.suspects);
    let work: Vec<Manifest> = target
        .manifests
        .iter()
        .filter(|m| suspects.contains(&m.id))
        .filter(|m| !unit.record().inventory.get(&m.id.inventory_id()).is_some_and(|known| as_verified(ctx, prepared, m, known)))
        .cloned()
        .collect();
    let revision = unit.record().deployed().map(|r| r.attempt.version.clone()).unwrap_or_default();
    let autoscaled = autoscaled(ctx, &target, prepared);
    let results: Vec<(Manifest, Result<Look, ApiError>)> = stream::iter(work)
        .map(|manifest| {
            let (revision, autoscaled) = (&revision, &autoscaled);
            async move {
                let look = look_at(ctx, prepared, &manifest, revision, autoscaled).await;
                (manifest, look)
            }
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let mut failed = None;
    for (manifest, result) in results {
        match result {
            Ok(look) => {
                unit.refused.remove(&manifest.id);
                let drifted = look.drift.iter().any(Drift::counts);
                take(unit, &manifest.id, look.drift, EpisodeEnd::Gone);
                if let Some(version) = look.version.filter(|_| !drifted) {
                    let known = Applied { digest: digest(&manifest.body), api_version: manifest.api_version.clone(), ..version };
                    unit.record_mut().inventory.insert(manifest.id.inventory_id(), known);
                }
            }
            Err(error) if error.is_content() => drop(unit.refused.insert(manifest.id.clone(), format!("{error} ({})", manifest.origin))),
            // What a webhook with side effects forbids to look at beforehand is no drift.
            Err(error) if error.kind == Kind::DryRunUnsupported => {}
            Err(error) => {
                unit.suspects.insert(manifest.id.clone());
                failed = Some(error.to_string());
            }
        }
    }
    // Objects that were drifted and are wanted no more.
    let wanted: BTreeSet<&ObjectId> = target.manifests.iter().map(|m| &m.id).collect();
    unit.drift.retain(|id, _| wanted.contains(id));
    unit.refused.retain(|id, _| wanted.contains(id));
    match failed {
        Some(error) => Compared::Failed(error),
        None => {
            unit.compared = true;
            Compared::All
        }
    }
}

/// One object, looked at.
struct Look {
    drift: Vec<Drift>,
    /// Version and uid of the live object; `None` where it is gone.
    version: Option<Applied>,
}

async fn look_at(
    ctx: &Context,
    prepared: &Prepared,
    manifest: &Manifest,
    revision: &str,
    autoscaled: &Autoscaled,
) -> Result<Look, ApiError> {
    let mut applied = prepared.spec.without_ignored(manifest);
    let terms = drift::Terms {
        now: Timestamp::now(),
        revision,
        mode: prepared.spec.drift_mode(),
        next: None,
        rules: prepared.spec.rules(),
        redactor: &ctx.redactor,
    };
    let live = prepared.cluster.get(&manifest.id).await?;
    autoscaled.strip(&manifest.id, &mut applied.body, live.as_ref());
    let seen = drift::Observed { desired: &manifest.body, applied: &applied.body, live: None, dry_run: None };
    let Some(live) = live else {
        return Ok(Look { drift: drift::drift(&seen, &terms), version: None });
    };
    let how = Apply { dry_run: true, ..prepared.spec.applies(ctx) };
    let dry = prepared.cluster.apply(&applied, &how).await?;
    // What cannot be sent as it is written is not desired as it is written either.
    let seen = match &dry.mended {
        Some(mended) => drift::Observed { desired: &mended.body, applied: &mended.body, ..seen },
        None => seen,
    };
    let drift = drift::drift(&drift::Observed { live: Some(&live), dry_run: Some(&dry.object), ..seen }, &terms);
    let text = |pointer: &str| live.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let version = Applied {
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        digest: String::new(),
        api_version: String::new(),
    };
    Ok(Look { drift, version: Some(version) })
}

/// Takes the differences of one object in: those seen before keep their first time, those that are no more end.
fn take(unit: &mut Unit, id: &ObjectId, found: Vec<Drift>, end: EpisodeEnd) {
    let before = unit.drift.remove(id).unwrap_or_default();
    let now = Timestamp::now();
    let found = drift::carry_on(&before, found);
    for old in before {
        if old.counts() && !found.iter().any(|new| new.pointer == old.pointer) {
            unit.episodes.push_front(DriftEpisode { drift: old, ended: now, end });
        }
    }
    unit.episodes.truncate(EPISODES);
    if !found.is_empty() {
        unit.drift.insert(id.clone(), found);
    }
}

/// Sets drifted objects back to what is wanted. Three corrections of one object in ten minutes are a fight: then it is left, and said.
pub(super) async fn correct(ctx: &Context, key: &UnitKey, unit: &mut Unit, prepared: &Prepared) -> Result<(), Failure> {
    let Some((_, target)) = unit.deployed.clone() else { return Err(surroundings("the deployed objects are not known".into())) };
    let now = Timestamp::now();
    let autoscaled = autoscaled(ctx, &target, prepared);
    let ids: Vec<ObjectId> = unit.drift.iter().filter(|(_, d)| d.iter().any(Drift::counts)).map(|(id, _)| id.clone()).collect();
    for id in ids {
        let Some(manifest) = target.manifests.iter().find(|m| m.id == id) else { continue };
        let fields: Vec<Drift> = unit.drift.get(&id).cloned().unwrap_or_default().into_iter().filter(Drift::counts).collect();
        let who =
            fields.iter().find_map(|d| d.owners.first().or(d.suspect.as_ref())).map_or_else(|| "somebody".to_owned(), ToString::to_string);
        let times = unit.corrections.entry(id.clone()).or_default();
        times.retain(|at| now.duration_since(*at) < FIGHT_WINDOW);
        if times.len() >= FIGHT {
            let message =
                format!("{id} was corrected {} times in ten minutes and {who} keeps changing it: left as it is for now", times.len());
            for drift in unit.drift.get_mut(&id).into_iter().flatten().filter(|d| d.counts()) {
                drift.policy = DriftPolicy::Ignored(message.clone());
            }
            publish::event(ctx, key, unit, true, Reason::DriftFight, &message);
            continue;
        }
        times.push_back(now);
        let body = sendable(prepared, manifest, &autoscaled).await.map_err(|e| failure(&e))?;
        let answer = prepared.cluster.apply(&body, &prepared.spec.applies(ctx)).await.map_err(|e| failure(&e))?;
        let known = applied(manifest, answer.uid().to_owned(), answer.resource_version().to_owned());
        unit.record_mut().inventory.insert(id.inventory_id(), known);
        let paths: Vec<&str> = fields.iter().map(|d| d.path.as_str()).take(5).collect();
        let message = format!("{id}: {who} had changed {}; corrected", paths.join(", "));
        take(unit, &id, Vec::new(), EpisodeEnd::Corrected);
        ctx.metrics.drift_corrected(&key.namespace, &key.name, fields.len());
        publish::event(ctx, key, unit, true, Reason::DriftCorrected, &message);
    }
    ctx.save(key, unit, false).await;
    Ok(())
}

/// Looks at drift without writing, for suspended units.
pub(super) async fn look(ctx: &Context, unit: &mut Unit, spec: &super::Spec) {
    if unit.record().run.is_some() || unit.record().deployed().is_none() {
        return;
    }
    let prepared = match unit.prepared.clone() {
        Some(prepared) => prepared,
        None => match super::prepare::for_removal(ctx, spec).await {
            Ok(prepared) => std::sync::Arc::new(prepared),
            Err(error) => return tracing::warn!(unit = %spec.key(), %error, "cannot be compared while suspended"),
        },
    };
    if let Compared::Failed(error) = compare(ctx, unit, &prepared).await {
        tracing::debug!(unit = %spec.key(), %error, "cannot be compared while suspended");
    }
}

/// How long what had failed before a run wrote anything may go on saying so: its controller has yet to look at what is new.
const EXCUSED: SignedDuration = SignedDuration::from_secs(20);

/// An object as the watch has it, or as it was read; or why nothing of it is known.
enum Known {
    Watched(std::sync::Arc<crate::cluster::Live>),
    Read(Json),
    /// It is not there.
    Absent,
    /// It cannot be looked at.
    Hidden(String),
}

impl Known {
    fn body(&self) -> Option<&Json> {
        match self {
            Self::Watched(live) => Some(&live.body),
            Self::Read(body) => Some(body),
            Self::Absent | Self::Hidden(_) => None,
        }
    }

    fn resource_version(&self) -> &str {
        self.body().and_then(|body| body.pointer("/metadata/resourceVersion")).and_then(Json::as_str).unwrap_or_default()
    }
}

/// The health of each object, as the unit's spec has it judged.
struct Judge<'a> {
    exprs: &'a Exprs,
    /// Why objects cannot be looked at.
    hidden: HashMap<&'a ObjectId, &'a str>,
    /// Objects that had failed before, and still only say so.
    excused: HashSet<&'a ObjectId>,
}

impl Judge<'_> {
    fn check(&self, id: &ObjectId, live: Option<&Json>) -> Health {
        if let Some(why) = self.hidden.get(id) {
            return Health::new(HealthState::Unknown, "Hidden", *why);
        }
        let health = self.exprs.check(live);
        if health.state == HealthState::Failed && self.excused.contains(id) {
            return Health { state: HealthState::InProgress, message: format!("{} (since before this change)", health.message), ..health };
        }
        health
    }
}

/// Says of what does not belong to the unit that it is missing, and where it should be.
async fn name_missing(prepared: &Prepared, unit: &Unit, mut verdict: Verdict) -> Verdict {
    let (Verdict::Waiting { on: findings, .. } | Verdict::Failed { because: findings, .. }) = &mut verdict else { return verdict };
    for finding in findings.iter_mut().filter(|f| f.health.state == HealthState::NotFound) {
        let id = &finding.object;
        if unit.record().inventory.contains_key(&id.inventory_id()) {
            continue;
        }
        let place = if id.namespace.is_empty() { String::new() } else { format!("{}/", id.namespace) };
        let why = super::depend::no_namespace(&prepared.cluster, id).await.map(|why| format!(": {why}")).unwrap_or_default();
        finding.sentence = format!("missing {} {place}{}{why}", id.kind, id.name);
    }
    verdict
}

/// The verdict on the health of some objects, with the deepest cause found. Pods are watched only from here on.
pub(super) async fn verdict(
    ctx: &Context,
    prepared: &Prepared,
    key: &UnitKey,
    unit: &mut Unit,
    ids: &[ObjectId],
    since: Timestamp,
    now: Timestamp,
    timeout: SignedDuration,
) -> Verdict {
    let mut objects: Vec<(ObjectId, Known)> = Vec::with_capacity(ids.len());
    for id in ids {
        let known = unit.record().inventory.get(&id.inventory_id());
        // The daemon's watches see more than a tenant may: what the unit did not apply is read with its own rights.
        let watched = !prepared.cluster.is_remote() && (known.is_some() || !prepared.cluster.is_impersonating());
        let live = if watched { ctx.hub.get(id) } else { None };
        // The watch may be behind our own write: then the object is not what we wait for yet.
        let fresh = live.filter(|live| known.is_none_or(|k| !older(&live.resource_version, &k.resource_version)));
        let object = match fresh {
            Some(live) => Known::Watched(live),
            None => match prepared.cluster.get(id).await {
                Ok(Some(object)) => Known::Read(object),
                Ok(None) => Known::Absent,
                Err(error) if error.kind == Kind::KindMissing => Known::Absent,
                Err(error) => Known::Hidden(error.to_string()),
            },
        };
        objects.push((id.clone(), object));
    }
    let exprs = prepared.spec.exprs();
    if since == now {
        let failed =
            objects.iter().filter(|(id, known)| exprs.cover(&id.group, &id.kind) && exprs.check(known.body()).state == HealthState::Failed);
        unit.failed_before = failed.map(|(id, known)| (id.clone(), known.resource_version().to_owned())).collect();
    }
    let excused = |(id, known): &&(ObjectId, Known)| {
        now < since + EXCUSED && unit.failed_before.get(id).is_some_and(|version| *version == known.resource_version())
    };
    let judge = Judge {
        exprs,
        hidden: objects
            .iter()
            .filter_map(|(id, known)| if let Known::Hidden(why) = known { Some((id, why.as_str())) } else { None })
            .collect(),
        excused: objects.iter().filter(excused).map(|(id, _)| id).collect(),
    };
    let check = |id: &ObjectId, live: Option<&Json>| judge.check(id, live);
    let seen: Vec<(ObjectId, Option<&Json>)> = objects.iter().map(|(id, object)| (id.clone(), object.body())).collect();
    let patience = Patience { timeout, grace: GRACE };
    // Pods only tell why something is not healthy. There are many of them, and most waits are short: they are looked at once it takes
    // longer, and then not more often than anybody could read it.
    match health::judge_by(check, &seen, &Family::default(), since, now, &patience) {
        Verdict::Healthy => {
            unit.judged = None;
            return Verdict::Healthy;
        }
        Verdict::Waiting { on, until } => {
            let (next, last) = match unit.judged.take().filter(|(at, _)| *at >= since) {
                Some((at, verdict)) => (at + LOOK, Some((at, verdict))),
                None => (since + LOOK, None),
            };
            if now < next {
                let verdict = match &last {
                    Some((_, Verdict::Waiting { on: explained, .. })) => Verdict::Waiting { on: explained.clone(), until: until.min(next) },
                    _ => Verdict::Waiting { on, until: until.min(next) },
                };
                unit.judged = last;
                return name_missing(prepared, unit, verdict).await;
            }
        }
        Verdict::Failed { .. } => {}
    }
    if prepared.cluster.is_remote() {
        // Pods of another cluster are not watched.
        let verdict = health::judge(&seen, &Family::default(), since, now, &patience);
        unit.judged = Some((now, verdict.clone()));
        return verdict;
    }
    // Only now is it worth knowing why: pods are many, and nobody asks for those of healthy releases.
    let namespaces: HashSet<String> = ids.iter().map(|id| id.namespace.clone()).filter(|n| !n.is_empty()).collect();
    if unit.workloads.is_empty() {
        unit.workloads = namespaces.iter().flat_map(|n| ctx.hub.ensure_workloads(n)).collect();
        // What is explained at once would otherwise be explained without its pods.
        let settled = futures::future::join_all(unit.workloads.iter().map(crate::cluster::WatchHandle::settled));
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), settled).await;
    }
    ctx.units.wait_in(key, &namespaces);
    let (owners, pods, events) = ctx.workloads(&seen.iter().filter_map(|(_, object)| *object).collect::<Vec<_>>());
    let verdict = health::judge_by(check, &seen, &Family { owners: &owners, pods: &pods, events: &events }, since, now, &patience);
    let verdict = name_missing(prepared, unit, verdict).await;
    unit.judged = Some((now, verdict.clone()));
    verdict
}

/// Whether a resource version is older than another one. They are opaque to most, but ordered numbers by the API's contract since 1.35,
/// and were before.
fn older(a: &str, b: &str) -> bool {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a < b,
        _ => false,
    }
}
