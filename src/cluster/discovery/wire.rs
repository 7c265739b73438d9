//! The forms of discovery on the wire: aggregated, and one document per group version.

use super::{GroupVersion, Resource};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct GroupList {
    #[serde(default)]
    pub(super) items: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Entry>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    resource: String,
    response_kind: Option<KindRef>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<Sub>,
}

#[derive(Deserialize)]
struct KindRef {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sub {
    subresource: String,
    response_kind: Option<KindRef>,
}

impl Group {
    pub(super) fn versions(self) -> Vec<GroupVersion> {
        let group = self.metadata.name;
        self.versions.into_iter().map(|version| version.flatten(&group)).collect()
    }
}

impl Version {
    fn flatten(self, group: &str) -> GroupVersion {
        let mut other_kinds = Vec::new();
        let mut resources = Vec::new();
        for entry in self.resources {
            other_kinds.extend(entry.subresources.iter().filter_map(|s| Some(s.response_kind.as_ref()?.kind.clone())));
            let Some(kind) = entry.response_kind.map(|k| k.kind).filter(|k| !k.is_empty()) else { continue };
            resources.push(Resource {
                group: group.to_owned(),
                version: self.version.clone(),
                kind,
                plural: entry.resource,
                namespaced: entry.scope == "Namespaced",
                verbs: entry.verbs,
                subresources: entry.subresources.into_iter().map(|s| s.subresource).collect(),
            });
        }
        other_kinds.retain(|kind| !kind.is_empty());
        GroupVersion { group: group.to_owned(), version: self.version, stale: self.freshness == "Stale", resources, other_kinds }
    }
}

/// `APIResourceList`.
#[derive(Deserialize)]
pub(super) struct PlainList {
    #[serde(default)]
    resources: Vec<PlainEntry>,
}

#[derive(Deserialize)]
struct PlainEntry {
    name: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    verbs: Vec<String>,
}

impl PlainList {
    pub(super) fn into_version(self, api_version: &str) -> GroupVersion {
        let mut version = GroupVersion::empty(api_version);
        let mut subresources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self.resources {
            if let Some((plural, sub)) = entry.name.split_once('/') {
                subresources.entry(plural.to_owned()).or_default().push(sub.to_owned());
                version.other_kinds.push(entry.kind);
            } else {
                version.resources.push(Resource {
                    group: version.group.clone(),
                    version: version.version.clone(),
                    kind: entry.kind,
                    plural: entry.name,
                    namespaced: entry.namespaced,
                    verbs: entry.verbs,
                    subresources: Vec::new(),
                });
            }
        }
        for resource in &mut version.resources {
            resource.subresources = subresources.remove(&resource.plural).unwrap_or_default();
        }
        version
    }
}
