//! Leases of controllers that would reconcile the same objects as we.

use super::{Cluster, Json, ListOptions, SignedDuration, Timestamp, duration, holder, lease_kind};
use crate::cluster::ApiError;
use std::fmt;

/// Controllers of Flux that write what we write. Shards add a suffix to the name of the Lease.
const CONTROLLERS: [&str; 3] = ["helm-controller", "kustomize-controller", "source-controller"];

/// Machines' clocks differ; a Lease counts as live for this much longer than it says.
const SKEW: SignedDuration = SignedDuration::from_secs(10);

/// A live Lease of a Flux controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignLease {
    /// The controller, such as `helm-controller`.
    pub controller: String,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who holds it.
    pub holder: String,
}

impl fmt::Display for ForeignLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flux's {} is at work: Lease {}/{} is held by {}", self.controller, self.namespace, self.name, self.holder)
    }
}

impl Cluster {
    /// Live Leases of Flux's helm-, kustomize- and source-controller in any namespace. While there is one, nothing may be written.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn foreign_leases(&self) -> Result<Vec<ForeignLease>, ApiError> {
        let resource = self.resource(&lease_kind()).await?;
        let leases = self.list(&resource, &ListOptions::default()).await?;
        let now = Timestamp::now();
        Ok(leases.items.iter().filter_map(|lease| foreign(lease, now)).collect())
    }
}

fn foreign(lease: &Json, now: Timestamp) -> Option<ForeignLease> {
    let text = |pointer: &str| lease.pointer(pointer).and_then(Json::as_str);
    let name = text("/metadata/name")?;
    let controller = CONTROLLERS.into_iter().find(|c| name.strip_prefix(c).is_some_and(|rest| rest.starts_with("-leader-election")))?;
    let renewed: Timestamp = text("/spec/renewTime")?.parse().ok()?;
    let valid = SignedDuration::try_from(duration(lease)).ok()? + SKEW;
    (now.duration_since(renewed) <= valid).then_some(())?;
    Some(ForeignLease {
        controller: controller.into(),
        namespace: text("/metadata/namespace")?.into(),
        name: name.into(),
        holder: holder(lease)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn live_leases_of_flux_are_named() {
        let now: Timestamp = "2026-05-05T10:00:30Z".parse().expect("a time");
        let lease = |name: &str, holder: &str, renewed: &str| {
            json!({"metadata": {"name": name, "namespace": "flux-system"},
                   "spec": {"holderIdentity": holder, "leaseDurationSeconds": 35, "renewTime": renewed}})
        };
        for (name, holder, renewed, live) in [
            ("helm-controller-leader-election", "pod-1", "2026-05-05T10:00:00.123456Z", true),
            ("kustomize-controller-leader-election-5f7d", "pod-2", "2026-05-05T10:00:29.000000Z", true),
            ("helm-controller-leader-election", "pod-1", "2026-05-05T09:59:40.000000Z", false),
            ("helm-controller-leader-election", "", "2026-05-05T10:00:29.000000Z", false),
            ("helmward", "pod-1", "2026-05-05T10:00:29.000000Z", false),
            ("my-helm-controller-leader-election", "pod-1", "2026-05-05T10:00:29.000000Z", false),
        ] {
            assert_eq!(foreign(&lease(name, holder, renewed), now).is_some(), live, "{name} {renewed}");
        }
        let found = foreign(&lease("helm-controller-leader-election", "pod-1", "2026-05-05T10:00:29Z"), now).expect("is live");
        assert_eq!(
            found.to_string(),
            "Flux's helm-controller is at work: Lease flux-system/helm-controller-leader-election is held by pod-1"
        );
    }
}
