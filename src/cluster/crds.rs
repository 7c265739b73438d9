//! Our own CRDs: created where absent, renewed where we installed them, left alone where somebody else did.

use super::{
    Apply, Cluster, MANAGER, Resource,
    error::{ApiError, Kind, Step},
};
use crate::{
    api::names::CRD_VERSION,
    object::{Gvk, Json, ObjectId},
};
use futures::future::try_join_all;
use std::{fmt, time::Duration};

/// What became of a CRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrdOutcome {
    /// It was not there.
    Created,
    /// It is ours, and was changed.
    Renewed,
    /// It is ours, and is as it should be.
    Unchanged,
    /// Somebody else installed it: left as it is.
    LeftAlone,
}

impl fmt::Display for CrdOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Renewed => "renewed",
            Self::Unchanged => "unchanged",
            Self::LeftAlone => "left as it is",
        })
    }
}

impl Cluster {
    /// Installs CRDs, each with the version of its schemas as annotation, and waits until all, whoever installed them, are established and served. Answers in their order.
    ///
    /// # Errors
    /// The first refusal; or which CRD is not established in time.
    pub async fn install_crds(&self, crds: &[Json], limit: Duration) -> Result<Vec<(String, CrdOutcome)>, ApiError> {
        let resource = self.resource(&crd_kind()).await?;
        let done = try_join_all(crds.iter().map(|crd| self.install_crd(&resource, crd))).await?;
        let names: Vec<String> = done.iter().map(|(name, _)| name.clone()).collect();
        self.wait_established(&names, limit).await?;
        if done.iter().any(|(_, outcome)| matches!(outcome, CrdOutcome::Created | CrdOutcome::Renewed)) {
            // a CRD that somebody else installed may lack a version of ours: that is for its readers to say
            let ours = done.iter().zip(crds).filter(|((_, outcome), _)| *outcome != CrdOutcome::LeftAlone);
            let kinds: Vec<Gvk> = ours.flat_map(|(_, crd)| served(crd)).collect();
            self.discovery().wait_for(&kinds, limit).await?;
        }
        Ok(done)
    }

    /// Waits until CRDs are established.
    ///
    /// # Errors
    /// Where the server does not accept the names of one, or one is not established in time.
    pub async fn wait_established(&self, names: &[String], limit: Duration) -> Result<(), ApiError> {
        let resource = self.resource(&crd_kind()).await?;
        let waits = names.iter().map(|name| async {
            let id = crd_id(name);
            let crd = self.wait_until(&resource, &id, limit, |crd| crd.is_some_and(|crd| judge(crd) != Verdict::Pending)).await?;
            match crd.as_ref().map(judge) {
                Some(Verdict::Refused(words)) => Err(ApiError::local(Step::Watch, &id, Kind::Invalid, words)),
                _ => Ok(()),
            }
        });
        try_join_all(waits).await?;
        Ok(())
    }

    async fn install_crd(&self, resource: &Resource, crd: &Json) -> Result<(String, CrdOutcome), ApiError> {
        let name = crd.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let id = crd_id(&name);
        let before = self.get_metadata(resource, &id).await?;
        if before.as_ref().is_some_and(|live| !is_ours(live)) {
            return Ok((name, CrdOutcome::LeftAlone));
        }
        if before.is_some() && before.as_ref().and_then(version_of) == version_of(crd) {
            return Ok((name, CrdOutcome::Unchanged));
        }
        let answer = self.apply_as(resource, &id, crd, &Apply::default()).await?;
        let version = before.as_ref().and_then(|live| live.pointer("/metadata/resourceVersion")?.as_str());
        let outcome = match version {
            None => CrdOutcome::Created,
            Some(version) if version == answer.resource_version() => CrdOutcome::Unchanged,
            Some(_) => CrdOutcome::Renewed,
        };
        Ok((name, outcome))
    }
}

fn crd_kind() -> Gvk {
    Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition")
}

fn crd_id(name: &str) -> ObjectId {
    ObjectId::new("apiextensions.k8s.io", "CustomResourceDefinition", "", name)
}

fn is_ours(live: &Json) -> bool {
    let managers = live.pointer("/metadata/managedFields").and_then(Json::as_array);
    version_of(live).is_some()
        && managers.is_some_and(|entries| entries.iter().any(|entry| entry.get("manager").and_then(Json::as_str) == Some(MANAGER)))
}

/// The version of the schemas, on CRDs that are ours.
fn version_of(crd: &Json) -> Option<&str> {
    crd.get("metadata")?.get("annotations")?.get(CRD_VERSION)?.as_str()
}

/// Kinds that a CRD serves.
fn served(crd: &Json) -> Vec<Gvk> {
    let text = |pointer: &str| crd.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let versions = crd.pointer("/spec/versions").and_then(Json::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served").and_then(Json::as_bool) == Some(true))
        .filter_map(|version| version.get("name")?.as_str())
        .map(|version| Gvk { group: text("/spec/group").into(), version: version.into(), kind: text("/spec/names/kind").into() })
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pending,
    Established,
    Refused(String),
}

fn judge(crd: &Json) -> Verdict {
    let conditions = crd.pointer("/status/conditions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |condition: &Json, key: &str| condition.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let of = |kind: &str| conditions.iter().find(|c| text(c, "type") == kind);
    if of("Established").is_some_and(|c| text(c, "status") == "True") {
        return Verdict::Established;
    }
    match of("NamesAccepted") {
        Some(c) if text(c, "status") == "False" => Verdict::Refused(format!("its names are not accepted: {}", text(c, "message"))),
        _ => Verdict::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::real;
    use super::*;
    use crate::cluster::Delete;
    use serde_json::json;

    fn crd(plural: &str, kind: &str, group: &str) -> Json {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
               "metadata": {"name": format!("{plural}.{group}"), "annotations": {CRD_VERSION: "1"}},
               "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                        "versions": [{"name": "v1", "served": true, "storage": true,
                                      "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
    }

    #[test]
    fn verdicts() {
        let with = |conditions: Json| judge(&json!({"status": {"conditions": conditions}}));
        assert_eq!(judge(&json!({})), Verdict::Pending);
        assert_eq!(
            with(json!([{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}])),
            Verdict::Established
        );
        let refused =
            with(json!([{"type": "NamesAccepted", "status": "False", "message": "taken"}, {"type": "Established", "status": "False"}]));
        assert_eq!(refused, Verdict::Refused("its names are not accepted: taken".into()));
    }

    #[tokio::test]
    async fn a_real_server_gets_what_it_lacks() {
        let Some(cluster) = real("crds::a_real_server_gets_what_it_lacks").await else { return };
        let limit = Duration::from_secs(20);
        let resource = cluster.resource(&crd_kind()).await.expect("is served");
        let mut ours = crd("widgets", "Widget", "crds.helmward.dev");
        let theirs = crd("gadgets", "Gadget", "crds.helmward.dev");
        for one in [&ours, &theirs] {
            let id = crd_id(one["metadata"]["name"].as_str().expect("has a name"));
            cluster.delete(&resource, &id, &Delete::default()).await.expect("deletes");
            cluster.wait_until(&resource, &id, limit, |crd| crd.is_none()).await.expect("goes");
        }
        let foreign = Apply { manager: "kubectl".into(), ..Apply::default() };
        let theirs_id = crd_id("gadgets.crds.helmward.dev");
        let before = cluster.apply_as(&resource, &theirs_id, &theirs, &foreign).await.expect("applies");
        cluster.wait_established(&["gadgets.crds.helmward.dev".to_owned()], limit).await.expect("is established");
        let before = cluster.get_as(&resource, &theirs_id).await.expect("reads").unwrap_or(before.object);
        let mut changed = theirs.clone();
        changed["spec"]["names"]["shortNames"] = json!(["gd"]);
        let outcomes = async |crds: &[Json]| {
            let done = cluster.install_crds(crds, limit).await.expect("installs");
            done.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&[ours.clone(), changed.clone()]).await, [CrdOutcome::Created, CrdOutcome::LeftAlone]);
        assert!(cluster.discovery().cached().expect("filled").resource(&Gvk::new("crds.helmward.dev/v1", "Widget")).is_some());
        assert_eq!(outcomes(&[ours.clone(), changed.clone()]).await, [CrdOutcome::Unchanged, CrdOutcome::LeftAlone]);
        ours["spec"]["names"]["shortNames"] = json!(["wd"]);
        ours["metadata"]["annotations"][CRD_VERSION] = json!("2");
        assert_eq!(outcomes(&[ours.clone(), changed]).await, [CrdOutcome::Renewed, CrdOutcome::LeftAlone]);
        let after = cluster.get_as(&resource, &theirs_id).await.expect("reads").expect("is there");
        assert_eq!(after["spec"], before["spec"]);
    }
}
