//! CustomResourceDefinitions, and whether every kind is served.

use super::{Done, Scene, StepResult, failure, surroundings};
use crate::api::helm::CrdsPolicy;
use crate::cluster::{Apply, Cluster};
use crate::object::{Gvk, Json, Manifest};
use crate::release::Failure;
use crate::render::target::Target;
use std::collections::{BTreeMap, BTreeSet};

impl Scene<'_> {
    /// Brings the CRDs of `crds/` in: absent ones are made, present ones replaced only where the policy says so.
    pub(super) async fn crds(&self) -> StepResult {
        let replace = self.prepared.spec.policy(self.run.action).crds == CrdsPolicy::CreateReplace;
        for crd in &self.target.crds {
            if replace || self.prepared.cluster.get(&crd.id).await.map_err(|e| failure(&e))?.is_none() {
                self.prepared.cluster.apply(crd, &Apply::default()).await.map_err(|e| failure(&e))?;
            }
        }
        self.established(self.target.crds.iter()).await
    }

    /// Waits until CRDs are served.
    pub(super) async fn established(&self, crds: impl Iterator<Item = &Manifest>) -> StepResult {
        let crds: Vec<&Manifest> = crds.filter(|m| m.id.kind == "CustomResourceDefinition").collect();
        let names: Vec<String> = crds.iter().map(|m| m.id.name.clone()).collect();
        let kinds: Vec<Gvk> = crds.into_iter().flat_map(kinds_of).collect();
        let limit = std::time::Duration::from_secs(20);
        self.prepared.cluster.wait_established(&names, limit).await.map_err(|e| failure(&e))?;
        self.prepared.cluster.discovery().wait_for(&kinds, limit).await.map_err(|e| failure(&e))?;
        Ok(Done::Yes)
    }
}

/// Every kind of the target is served, or its CRD comes with it; checked before the first write.
pub(super) async fn reachable(cluster: &Cluster, target: &Target) -> Result<(), Failure> {
    let coming: BTreeSet<(String, String)> = target
        .crds
        .iter()
        .chain(target.manifests.iter().chain(target.hooks.iter().map(|h| &h.manifest)).filter(|m| m.id.kind == "CustomResourceDefinition"))
        .flat_map(kinds_of)
        .map(|gvk| (gvk.group, gvk.kind))
        .collect();
    let mut missing = BTreeMap::new();
    for manifest in &target.manifests {
        let gvk = manifest.gvk();
        if coming.contains(&(gvk.group.clone(), gvk.kind.clone())) {
            continue;
        }
        match cluster.discovery().resource(&gvk).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(missing.insert(gvk.to_string(), manifest.origin.to_string())),
            Err(error) => return Err(failure(&error)),
        }
    }
    match missing.iter().next() {
        None => Ok(()),
        Some((kind, origin)) => Err(surroundings(format!(
            "the cluster does not know {kind} ({origin}); nothing was written, it goes on when the CustomResourceDefinition is there"
        ))),
    }
}

/// The kinds that a CRD serves.
fn kinds_of(crd: &Manifest) -> Vec<Gvk> {
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
