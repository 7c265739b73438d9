//! CustomResourceDefinitions, and whether every kind is served.

use super::super::{Prepared, Unit, publish};
use super::{Done, Scene, StepResult, backup, content, failure, surroundings};
use crate::api::helm::CrdsPolicy;
use crate::api::{Reason, names};
use crate::cluster::{ApiError, Apply, Cluster, Kind, ListOptions};
use crate::controller::context::Context;
use crate::object::{Gvk, Json, Manifest, ObjectId, Redactor, Shown};
use crate::plan::{Change, Held, Hold, diff::diff, drift::quiet};
use crate::release::{Failure, Run, RunAction, UnitKey};
use crate::render::target::{Target, digest};
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// CRDs that are looked at or written at the same time: each may be larger than a megabyte.
const CONCURRENCY: usize = 4;
/// So long a worker waits for CRDs to be served before it does something else meanwhile: most are within a fraction of it.
const MOMENT: Duration = Duration::from_millis(400);
/// No worker waits longer at a time.
const LONGEST_MOMENT: Duration = Duration::from_secs(10);
/// After so long a CRD that is not served is told of as a failure. It is tried again all the same.
const LIMIT: SignedDuration = SignedDuration::from_secs(60);
/// Field changes of one CRD that are kept for the page, and how long each may be.
const CHANGES: usize = 40;
const LONGEST: usize = 400;

/// Whether CRDs are anything to a run.
pub(super) fn concerned(unit: &Unit, prepared: &Prepared, target: &Target, run: &Run) -> bool {
    match run.action {
        RunAction::Uninstall | RunAction::Test => false,
        RunAction::Rollback => prepared.spec.extras().crd_rollback && backup::is_there(unit, run),
        _ => !target.crds.is_empty(),
    }
}

impl Scene<'_> {
    /// Brings the CRDs of `crds/` in: absent ones are made, different ones replaced only where the policy says so. In a rollback, those that
    /// were replaced since come back as they were.
    pub(super) async fn crds(&self, unit: &mut Unit) -> StepResult {
        if self.run.action == RunAction::Rollback {
            return backup::restore(self, unit).await;
        }
        let policy = self.prepared.spec.policy(self.run.action).crds;
        // Where it waits, everything was written.
        if self.run.waiting_since.is_none() {
            let holds = bring_in(self.ctx, self.key, unit, self.prepared, self.run.revision, self.target, policy).await?;
            hold(self.ctx, self.key, unit, holds);
        }
        if policy == CrdsPolicy::Skip { Ok(Done::Yes) } else { self.established(self.target.crds.iter()).await }
    }

    /// Waits until CRDs are served. Most are at once; a worker is not held for others.
    pub(super) async fn established(&self, crds: impl Iterator<Item = &Manifest>) -> StepResult {
        let crds: Vec<&Manifest> = crds.filter(|m| m.id.kind == "CustomResourceDefinition").collect();
        if crds.is_empty() {
            return Ok(Done::Yes);
        }
        // A server that takes longer to answer gets longer: what has waited for a while may wait as long again.
        let waited = Duration::try_from(self.waited()).unwrap_or_default();
        match served(&self.prepared.cluster, &crds, waited.clamp(MOMENT, LONGEST_MOMENT)).await {
            Ok(()) => Ok(Done::Yes),
            Err(error) if error.kind == Kind::TimedOut && self.waited() < LIMIT => Ok(Done::Wait {
                until: Timestamp::now() + SignedDuration::from_millis(500),
                what: format!("{} CustomResourceDefinitions to be established: {error}", crds.len()),
            }),
            Err(error) => Err(failure(&error)),
        }
    }
}

async fn served(cluster: &Cluster, crds: &[&Manifest], limit: Duration) -> Result<(), ApiError> {
    let names: Vec<String> = crds.iter().map(|m| m.id.name.clone()).collect();
    cluster.wait_established(&names, limit).await?;
    let kinds: Vec<Gvk> = crds.iter().flat_map(|crd| kinds_of(crd)).collect();
    cluster.discovery().wait_for(&kinds, limit).await.map(drop)
}

/// A CRD beside the live one.
enum Look {
    Absent,
    Same,
    Differs {
        live: Json,
        changes: Vec<Change>,
    },
    /// The API server would refuse it.
    Refused(ApiError),
}

/// Brings CRDs in as far as the policy allows, each only where something of it would change; what is left is the answer. What is replaced is
/// kept before the first write, with the objects of its kinds.
async fn bring_in(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    revision: u32,
    target: &Target,
    policy: CrdsPolicy,
) -> Result<Vec<Held>, Failure> {
    let own: BTreeSet<&ObjectId> = target.manifests.iter().map(|m| &m.id).collect();
    let how = &prepared.spec.applies(ctx);
    let mut concerned = target.crds.clone();
    concerned.retain(|crd| worth_a_look(unit, crd, policy));
    let looks: Vec<(Manifest, Result<Look, ApiError>)> = stream::iter(concerned)
        .map(|crd| async move {
            let look = look(&prepared.cluster, &crd, how, &ctx.redactor).await;
            (crd, look)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let (mut holds, mut writes, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    for (crd, look) in looks {
        let held = Held::new(crd.id.clone(), Hold::CrdSkipped);
        match (look, policy) {
            (Ok(Look::Same), _) => {}
            (Ok(Look::Absent), CrdsPolicy::Skip) if own.contains(&crd.id) => {}
            (Ok(Look::Absent), CrdsPolicy::Skip) => holds.push(Held { detail: "it is absent".into(), ..held }),
            (Ok(Look::Absent), _) => writes.push(crd),
            (Ok(Look::Differs { live, .. }), CrdsPolicy::CreateReplace) => {
                replaced.push(live);
                writes.push(crd);
            }
            (Ok(Look::Differs { .. } | Look::Refused(_)), _) if own.contains(&crd.id) => {}
            (Ok(Look::Differs { changes, .. }), _) => holds.push(Held { changes, ..held }),
            (Ok(Look::Refused(error)) | Err(error), CrdsPolicy::CreateReplace) => return Err(failure(&error)),
            (Ok(Look::Refused(error)), _) => holds.push(Held { detail: error.to_string(), ..held }),
            // Who may not even look has nothing to change, and the policy wants nothing changed.
            (Err(error), CrdsPolicy::Skip) => tracing::debug!(object = %crd.id, %error, "it cannot be seen whether the CRD differs"),
            (Err(error), _) => return Err(failure(&error)),
        }
    }
    if !replaced.is_empty() {
        backup::keep(ctx, key, unit, prepared, revision, replaced).await?;
    }
    let results: Vec<Result<_, ApiError>> = stream::iter(writes)
        .map(|crd| async move { prepared.cluster.apply(&crd, how).await })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    results.into_iter().collect::<Result<Vec<_>, _>>().map_err(|e| failure(&e))?;
    Ok(holds)
}

/// A CRD that is as in the revision before was looked at then; where it may not be written, there is nothing new to say of it.
fn worth_a_look(unit: &Unit, crd: &Manifest, policy: CrdsPolicy) -> bool {
    let known = unit
        .deployed
        .as_ref()
        .is_some_and(|(_, deployed)| deployed.crds.iter().any(|old| old.id == crd.id && digest(&old.body) == digest(&crd.body)));
    let held = unit.record().holds.iter().any(|held| held.id == crd.id && held.why == Hold::CrdSkipped);
    policy != CrdsPolicy::Skip || !known || held
}

async fn look(cluster: &Cluster, crd: &Manifest, how: &Apply, redactor: &Redactor) -> Result<Look, ApiError> {
    let Some(live) = cluster.get(&crd.id).await? else { return Ok(Look::Absent) };
    let dry = match cluster.apply(crd, &Apply { dry_run: true, ..how.clone() }).await {
        Ok(answer) => answer.object,
        Err(error) if error.is_content() => return Ok(Look::Refused(error)),
        Err(error) => return Err(error),
    };
    let found = diff(&quiet(&live), &quiet(&dry), &Default::default());
    if found.is_empty() {
        return Ok(Look::Same);
    }
    let changes = found.iter().take(CHANGES).map(|change| shortened(change.shown(&dry, redactor))).collect();
    Ok(Look::Differs { live, changes })
}

/// A whole schema is nothing to read in a list of changes.
fn shortened(mut change: Change) -> Change {
    for side in [&mut change.desired, &mut change.live] {
        if let Some(Shown::Plain(value)) = side
            && value.to_string().len() > LONGEST
        {
            *side = Some(Shown::Plain(Json::String(format!("({} B)", value.to_string().len()))));
        }
    }
    change
}

/// Notes which CRDs are left as they are; what is new of it is an event.
fn hold(ctx: &Context, key: &UnitKey, unit: &mut Unit, holds: Vec<Held>) {
    let record = unit.record_mut();
    let (known, mut others): (Vec<Held>, Vec<Held>) =
        std::mem::take(&mut record.holds).into_iter().partition(|h| h.why == Hold::CrdSkipped);
    others.splice(0..0, holds.iter().cloned());
    record.holds = others;
    for held in holds.iter().filter(|held| !known.contains(held)) {
        publish::event(ctx, key, unit, true, Reason::CRDHeld, &crate::release::held::words(held));
    }
}

/// CRDs that were held, and that the policy allows by now.
pub(super) async fn late(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    number: u32,
    target: &Target,
) -> Result<(), Failure> {
    let policy = prepared.spec.policy(RunAction::Upgrade).crds;
    let held: BTreeSet<ObjectId> = unit.record().holds.iter().filter(|h| h.why == Hold::CrdSkipped).map(|h| h.id.clone()).collect();
    if held.is_empty() || policy == CrdsPolicy::Skip {
        return Ok(());
    }
    let holds = bring_in(ctx, key, unit, prepared, number, target, policy).await?;
    let still: BTreeSet<&ObjectId> = holds.iter().map(|h| &h.id).collect();
    let done: Vec<&str> = held.iter().filter(|id| !still.contains(id)).map(|id| id.name.as_str()).collect();
    if !done.is_empty() {
        let message = format!("CRDs that were held by policy are as the chart has them now: {}", done.join(", "));
        publish::event(ctx, key, unit, false, Reason::UpgradeSucceeded, &message);
    }
    hold(ctx, key, unit, holds);
    Ok(())
}

/// Every kind of the target is served, or its CRD comes with it; and no CRD comes twice. Checked before the first write.
pub(super) async fn reachable(prepared: &Prepared, action: RunAction, target: &Target) -> Result<(), Failure> {
    let skip = prepared.spec.policy(action).crds == CrdsPolicy::Skip;
    let brought: &[Manifest] = if skip { &[] } else { &target.crds };
    let kinds = |crds: &mut dyn Iterator<Item = &Manifest>| -> BTreeSet<(String, String)> {
        crds.flat_map(kinds_of).map(|gvk| (gvk.group, gvk.kind)).collect()
    };
    let own = target.manifests.iter().chain(target.hooks.iter().map(|h| &h.manifest));
    let coming = kinds(&mut brought.iter().chain(own.filter(|m| m.id.kind == "CustomResourceDefinition")));
    let mut missing = BTreeMap::new();
    for manifest in &target.manifests {
        let gvk = manifest.gvk();
        if coming.contains(&(gvk.group.clone(), gvk.kind.clone())) {
            continue;
        }
        match prepared.cluster.discovery().resource(&gvk).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(missing.insert(gvk.to_string(), (manifest.origin.to_string(), gvk))),
            Err(error) => return Err(failure(&error)),
        }
    }
    if let Some((kind, (origin, gvk))) = missing.first_key_value() {
        let skipped = kinds(&mut target.crds.iter()).contains(&(gvk.group.clone(), gvk.kind.clone()));
        let policy = if action == RunAction::Install { "install.crds" } else { "upgrade.crds" };
        let hint = if skipped { format!(" (the chart has it in crds/, and {policy} is Skip: set it to Create)") } else { String::new() };
        return Err(surroundings(format!(
            "the cluster does not know {kind} ({origin}); nothing was written, it goes on when the CustomResourceDefinition is there{hint}"
        )));
    }
    twice(prepared, action, brought, target).await
}

/// A CRD in `crds/` and in the templates: as Helm does, its own is refused that nobody marked as the release's.
async fn twice(prepared: &Prepared, action: RunAction, brought: &[Manifest], target: &Target) -> Result<(), Failure> {
    if prepared.spec.adopts() {
        return Ok(());
    }
    let (namespace, name) = prepared.spec.release();
    for crd in brought {
        let Some(again) = target.manifests.iter().find(|m| m.id == crd.id) else { continue };
        let live = prepared.cluster.get(&crd.id).await.map_err(|e| failure(&e))?;
        let says = |key: &str| live.as_ref().and_then(|l| l.pointer("/metadata/annotations")?.get(key)?.as_str());
        if says(names::HELM_RELEASE_NAME) == Some(name) && says(names::HELM_RELEASE_NAMESPACE) == Some(namespace) {
            continue;
        }
        let word = if action == RunAction::Install { "install" } else { "upgrade" };
        return Err(content(format!(
            "{} comes twice, from {} and from {}: the one of crds/ does not belong to the release (it lacks the label {}: {} and the annotation {}), so that \
             of the templates cannot be imported into it; nothing was written. Set {word}.crds: Skip, or the annotation {}: enabled",
            crd.id,
            crd.origin,
            again.origin,
            names::MANAGED_BY,
            names::MANAGED_BY_HELM,
            names::HELM_RELEASE_NAME,
            names::ADOPT,
        )));
    }
    Ok(())
}

/// All objects of the kind that a CRD defines.
pub(super) async fn objects_of(cluster: &Cluster, crd: &Json, options: &ListOptions) -> Result<Vec<Json>, ApiError> {
    let text = |pointer: &str| crd.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    match cluster.discovery().preferred(text("/spec/group"), text("/spec/names/kind")).await? {
        Some(kind) => Ok(cluster.list(&kind, options).await?.items),
        None => Ok(Vec::new()),
    }
}

/// The kinds that a CRD serves.
pub(super) fn kinds_of(crd: &Manifest) -> Vec<Gvk> {
    let text = |pointer: &str| crd.body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let versions = crd.body.pointer("/spec/versions").and_then(Json::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|v| v["served"] == true)
        .filter_map(|v| v["name"].as_str())
        .map(|version| Gvk { group: text("/spec/group"), version: version.into(), kind: text("/spec/names/kind") })
        .collect()
}
