//! CRDs and the objects of their kinds as they were before a replace: kept in the store, and brought back by a rollback where asked for.

use super::super::{Prepared, Unit, publish};
use super::{Done, Scene, StepResult, crds::objects_of, failure, surroundings};
use crate::api::Reason;
use crate::cluster::{Apply, Cluster, ListOptions};
use crate::controller::context::Context;
use crate::object::{Json, Manifest, ObjectId, Origin};
use crate::plan::{diff::same, drift::quiet};
use crate::release::{Failure, Run, UnitKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was there before a replace. Kept encrypted, as everything in the store's content is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Backup {
    /// CRDs.
    crds: Vec<Json>,
    /// Objects of their kinds.
    objects: Vec<Json>,
}

/// Keeps CRDs that the run of a revision is about to replace, and the objects of their kinds. What an earlier pass of the same run kept stays:
/// it is what was there before the first write.
pub(super) async fn keep(
    ctx: &Context,
    key: &UnitKey,
    unit: &mut Unit,
    prepared: &Prepared,
    revision: u32,
    replaced: Vec<Json>,
) -> Result<(), Failure> {
    let mut backup = read(ctx, unit, revision).await.unwrap_or_default();
    let known: BTreeSet<String> = backup.crds.iter().map(name).collect();
    for crd in replaced.into_iter().filter(|crd| !known.contains(&name(crd))) {
        match objects_of(&prepared.cluster, &crd, &ListOptions::default()).await {
            Ok(objects) => backup.objects.extend(objects.iter().map(quiet)),
            // Without them a rollback that was asked for could lose data, so that waits; nobody else is kept waiting.
            Err(error) if prepared.spec.extras().crd_rollback => return Err(failure(&error)),
            Err(error) => {
                tracing::warn!(unit = %key, crd = name(&crd), %error, "the objects of the CRD cannot be read, so they are not kept")
            }
        }
        backup.crds.push(quiet(&crd));
    }
    let id = ctx.put_json(&backup).await.map_err(|e| surroundings(format!("the CRDs cannot be kept before they are replaced: {e}")))?;
    let record = unit.record_mut();
    record.backups.insert(revision, id);
    let history: BTreeSet<u32> = record.history.iter().map(|r| r.number).collect();
    record.backups.retain(|number, _| history.contains(number));
    ctx.save(key, unit, true).await;
    Ok(())
}

/// Whether CRDs were replaced since the revision that a rollback goes back to.
pub(super) fn is_there(unit: &Unit, run: &Run) -> bool {
    unit.record().backups.range(run.to.unwrap_or(0) + 1..).next().is_some()
}

/// Brings the CRDs back that were replaced since the revision that a rollback goes back to, then the objects of their kinds that are gone or
/// differ. Objects of the release itself come with its stages.
pub(super) async fn restore(scene: &Scene<'_>, unit: &mut Unit) -> StepResult {
    let since = scene.run.to.unwrap_or(0) + 1;
    let revisions: Vec<u32> = unit.record().backups.range(since..).map(|(number, _)| *number).collect();
    let (mut crds, mut objects): (Vec<Manifest>, Vec<Manifest>) = (Vec::new(), Vec::new());
    // The oldest of them is what was there at the revision that is wanted.
    for revision in revisions {
        let Some(backup) = read(scene.ctx, unit, revision).await else {
            let message = format!("the CRDs that revision {revision} replaced are not in the store any more: they stay as they are");
            publish::event(scene.ctx, scene.key, unit, true, Reason::CRDHeld, &message);
            continue;
        };
        for (list, found) in [(&mut crds, backup.crds), (&mut objects, backup.objects)] {
            for body in found {
                if let Ok(manifest) = Manifest::new(body, Origin::default())
                    && !list.iter().any(|known| known.id == manifest.id)
                {
                    list.push(manifest);
                }
            }
        }
    }
    if scene.run.waiting_since.is_none() {
        for crd in &crds {
            let live = scene.prepared.cluster.get(&crd.id).await.map_err(|e| failure(&e))?;
            if live.is_none_or(|live| !same(&live["spec"], &crd.body["spec"])) {
                scene.prepared.cluster.apply(crd, &Apply::default()).await.map_err(|e| failure(&e))?;
            }
        }
    }
    if let waits @ Done::Wait { .. } = scene.established(crds.iter()).await? {
        return Ok(waits);
    }
    let own: BTreeSet<&ObjectId> = scene.target.manifests.iter().map(|m| &m.id).collect();
    let mut back = 0;
    for object in objects.iter().filter(|object| !own.contains(&object.id)) {
        back += usize::from(put_back(&scene.prepared.cluster, object).await?);
    }
    let names: Vec<&str> = crds.iter().map(|crd| crd.id.name.as_str()).collect();
    let message = format!("CRDs taken back with the release: {}; {back} objects of their kinds restored", names.join(", "));
    publish::event(scene.ctx, scene.key, unit, true, Reason::RolledBack, &message);
    Ok(Done::Yes)
}

/// Puts one object back, where it is gone or another one; says whether it was.
async fn put_back(cluster: &Cluster, object: &Manifest) -> Result<bool, Failure> {
    let resource = cluster.resource(&object.gvk()).await.map_err(|e| failure(&e))?;
    let live = cluster.get_as(&resource, &object.id).await.map_err(|e| failure(&e))?;
    let Some(live) = live else {
        cluster.create(&resource, &object.id, &object.body).await.map_err(|e| failure(&e))?;
        return Ok(true);
    };
    if same(&quiet(&live), &quiet(&object.body)) {
        return Ok(false);
    }
    let mut body = object.body.clone();
    body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
    // Whoever wrote its status meant what is there now.
    if let Some(status) = live.get("status") {
        body["status"] = status.clone();
    }
    cluster.replace(&resource, &object.id, &body).await.map_err(|e| failure(&e))?;
    Ok(true)
}

async fn read(ctx: &Context, unit: &Unit, revision: u32) -> Option<Backup> {
    ctx.get_json(unit.record().backups.get(&revision)?).await
}

fn name(crd: &Json) -> String {
    crd.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default().to_owned()
}
