//! Where a release is: its namespace, its name, and where Helm keeps its records. A release that is to be somewhere else, or of another
//! chart, is uninstalled and installed anew, and that waits for an approval (`docs/design/004-moving-a-release.md`).

use super::{Prepared, Spec, Unit, pass::Ending, prepare, publish, uninstall::uninstall};
use crate::api::helm::{ChartNameChangeStrategy, HelmReleaseStatus};
use crate::api::{Reason, names};
use crate::controller::context::Context;
use crate::release::{Outcome, RevisionStatus, UnitKey, UnitRecord};
use jiff::SignedDuration;
use std::fmt;
use std::sync::Arc;

/// Where a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Namespace of the release.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Namespace of Helm's records.
    pub(super) storage: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.namespace, self.name, self.storage)
    }
}

impl Spec {
    /// Where it wants the release.
    pub(super) fn place(&self) -> Place {
        let (namespace, name) = self.release();
        Place { namespace: namespace.to_owned(), name: name.to_owned(), storage: self.storage_namespace().to_owned() }
    }

    /// The same, with the release somewhere else.
    pub(super) fn at(&self, place: &Place) -> Self {
        let mut spec = self.clone();
        if let Self::Release(release) = &mut spec {
            let release = Arc::make_mut(release);
            release.name.clone_from(&place.name);
            release.object.spec.release_name = Some(place.name.clone());
            release.object.spec.target_namespace = Some(place.namespace.clone());
            release.object.spec.storage_namespace = Some(place.storage.clone());
        }
        spec
    }

    /// Whether a person approved it, by naming it.
    fn approves(&self, what: &str) -> bool {
        self.annotation(names::APPROVE).is_some_and(|given| given.trim() == what)
    }
}

/// Where the release is, as far as anything is remembered of it.
pub(super) fn known(record: Option<&UnitRecord>, spec: &Spec) -> Option<Place> {
    let Spec::Release(release) = spec else { return None };
    let status: &HelmReleaseStatus = &release.object.status;
    let told = status.history.first();
    match record {
        Some(record) => {
            let (storage, name) = record.storage.as_ref()?.split_once('/')?;
            let namespace = record.namespace.clone().or_else(|| told.map(|t| t.namespace.clone()));
            let namespace = namespace.unwrap_or_else(|| spec.release().0.to_owned());
            Some(Place { namespace, name: name.to_owned(), storage: storage.to_owned() })
        }
        None => {
            let storage = status.storage_namespace.clone().filter(|s| !s.is_empty())?;
            let told = told?;
            Some(Place { namespace: told.namespace.clone(), name: told.name.clone(), storage })
        }
    }
}

/// Where the release is, if that is somewhere else than it is wanted. Where nothing of it is left, it is where it is wanted.
pub(super) fn elsewhere(record: &mut UnitRecord, spec: &Spec) -> Option<Place> {
    let wanted = spec.place();
    let gone = record.last().is_none_or(|r| r.status == RevisionStatus::Uninstalled) && record.inventory.is_empty();
    let old = known(Some(record), spec).filter(|old| !gone && *old != wanted);
    if old.is_none() {
        record.storage = Some(format!("{}/{}", wanted.storage, wanted.name));
        record.namespace = Some(wanted.namespace);
    }
    old
}

/// Waits for an approval, or moves the release. `spec` is where it is, `wanted` where it is to be.
pub(super) async fn relocate(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, wanted: &Place) {
    let old = spec.place();
    let what = format!("the release moves from {old} to {wanted} (namespace/name@storage)");
    let ending = match uninstall_if_approved(ctx, key, unit, spec, &what, &wanted.to_string()).await {
        None => {
            let record = unit.record_mut();
            record.storage = Some(format!("{}/{}", wanted.storage, wanted.name));
            record.namespace = Some(wanted.namespace.clone());
            ctx.save(key, unit, true).await;
            ctx.units.wake(key);
            return;
        }
        Some(ending) => ending,
    };
    if let Some(again) = ending.again {
        ctx.units.queue.add_after(key.clone(), std::time::Duration::try_from(again).unwrap_or_default());
    }
    publish::publish(ctx, key, unit, spec, &ending.outcome).await;
}

/// Likewise for a chart of another name, unless the object says that it is upgraded in place. `None`: go on.
pub(super) async fn other_chart(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, prepared: &Prepared) -> Option<Ending> {
    let Spec::Release(release) = spec else { return None };
    let strategy = release.object.spec.upgrade().chart_name_change_strategy.unwrap_or(ChartNameChangeStrategy::Reinstall);
    let last = unit.record().last().filter(|r| r.status != RevisionStatus::Uninstalled)?;
    let (old, new) = (last.chart_name.clone(), prepared.chart_name());
    if strategy == ChartNameChangeStrategy::InPlaceUpdate || old.is_empty() || old == new {
        return None;
    }
    let what = format!("the chart is {new} now, and was {old}; upgrade.chartNameChangeStrategy: InPlaceUpdate would upgrade in place");
    uninstall_if_approved(ctx, key, unit, spec, &what, &format!("chart:{new}")).await
}

/// Uninstalls what is there, once it was approved. `None` when it is gone.
async fn uninstall_if_approved(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, spec: &Spec, what: &str, token: &str) -> Option<Ending> {
    if !spec.approves(token) {
        let objects = unit.record().inventory.len();
        let words = format!(
            "{what}: that uninstalls it with its {objects} objects and installs it anew; nothing is done until it is taken back, or approved with the annotation {}: {token}",
            names::APPROVE
        );
        return Some(Ending::new(Outcome::Stalled(Reason::ReinstallHeld, words)));
    }
    let prepared = match prepare::for_removal(ctx, spec).await {
        Ok(prepared) => prepared,
        Err(error) => {
            return Some(Ending::new(Outcome::Retrying(Reason::UninstallFailed, error.to_string())).again(SignedDuration::from_secs(5)));
        }
    };
    let left = uninstall(ctx, key, unit, &prepared, "uninstalling before it is installed anew").await;
    if left.is_none() {
        let record = unit.record_mut();
        (record.failures, record.quarantine, record.held, record.pinned) = (0, None, None, None);
        ctx.save(key, unit, true).await;
    }
    left
}
