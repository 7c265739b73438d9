//! The kinds that the server serves, by group, version and plural: built in ones and those of CRDs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::schema::{Schema, Structural, gvk_schema};

/// One served resource in one version.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) subresources: BTreeMap<String, Subresource>,
    pub(crate) schema: Arc<Schema>,
    pub(crate) custom: Option<Custom>,
}

/// What only custom resources have.
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) structural: Structural,
    /// The schemas of all versions, served or not.
    pub(crate) versions: Arc<BTreeMap<String, Structural>>,
    pub(crate) storage_version: String,
    pub(crate) scale: Option<ScalePaths>,
    /// What is told to whoever uses a deprecated version.
    pub(crate) deprecation: Option<String>,
    pub(crate) columns: Vec<Value>,
    /// fields that selectors may name
    pub(crate) selectable: Vec<String>,
    /// The OpenAPI schema as given.
    pub(crate) document: Value,
}

/// Where a custom resource keeps its scale.
#[derive(Debug)]
pub(crate) struct ScalePaths {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

/// A subresource in discovery.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Subresource {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) group: String,
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) verbs: Vec<String>,
}

/// A group in discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupVersion {
    pub(crate) group: String,
    pub(crate) version: String,
}

/// Objects of one kind are stored once, whatever their version: under group and plural.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableKey {
    pub(crate) group: String,
    pub(crate) plural: String,
}

impl TableKey {
    pub(crate) fn new(group: &str, plural: &str) -> TableKey {
        TableKey { group: group.to_owned(), plural: plural.to_owned() }
    }
}

impl Resource {
    /// `deployments.apps`, `pods`.
    pub(crate) fn qualified(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    pub(crate) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// `apps/v1, Kind=Deployment`.
    pub(crate) fn gvk(&self) -> String {
        format!("{}, Kind={}", if self.group.is_empty() { format!("/{}", self.version) } else { self.api_version() }, self.kind)
    }

    pub(crate) fn table(&self) -> TableKey {
        // events of both groups are one thing
        let group = if self.plural == "events" && self.group == "events.k8s.io" { "" } else { &self.group };
        TableKey::new(group, &self.plural)
    }

    /// What is told to whoever uses a version that will go.
    pub(crate) fn deprecation(&self) -> Option<&str> {
        if self.is("", "Endpoints") {
            return Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
        }
        self.custom.as_ref().and_then(|custom| custom.deprecation.as_deref())
    }

    pub(crate) fn has_status(&self) -> bool {
        self.subresources.contains_key("status")
    }

    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

/// All served resources.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// in the order of discovery
    groups: Vec<(GroupVersion, Vec<Arc<Resource>>)>,
    /// the first version of each
    first: HashMap<TableKey, Arc<Resource>>,
}

#[derive(Deserialize)]
struct GroupEntry {
    group: String,
    version: String,
    resources: Vec<ResourceEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceEntry {
    name: String,
    singular: String,
    kind: String,
    namespaced: bool,
    verbs: Vec<String>,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    subresources: BTreeMap<String, Subresource>,
}

impl Registry {
    pub(crate) fn builtin() -> Registry {
        let entries: Vec<GroupEntry> =
            serde_json::from_str(include_str!("../data/resources.json")).expect("the embedded resources are valid JSON");
        let mut registry = Registry::default();
        for entry in entries {
            let resources = entry.resources.into_iter().map(|r| {
                let schema = gvk_schema(&entry.group, &entry.version, &r.kind).unwrap_or_else(|| Arc::new(Schema::default()));
                Arc::new(Resource {
                    group: entry.group.clone(),
                    version: entry.version.clone(),
                    list_kind: format!("{}List", r.kind),
                    plural: r.name,
                    singular: r.singular,
                    kind: r.kind,
                    namespaced: r.namespaced,
                    verbs: r.verbs,
                    short_names: r.short_names,
                    categories: r.categories,
                    subresources: r.subresources,
                    schema,
                    custom: None,
                })
            });
            let resources = resources.collect();
            registry.groups.push((GroupVersion { group: entry.group.clone(), version: entry.version.clone() }, resources));
        }
        registry.index();
        registry
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.version(group, version)?.iter().find(|r| r.plural == plural).cloned()
    }

    /// The resource of a kind, in a version.
    pub(crate) fn by_kind(&self, group: &str, version: &str, kind: &str) -> Option<Arc<Resource>> {
        self.version(group, version)?.iter().find(|r| r.kind == kind).cloned()
    }

    /// A resource in whatever version is listed first.
    pub(crate) fn any_version(&self, table: &TableKey) -> Option<Arc<Resource>> {
        self.first.get(table).cloned()
    }

    pub(crate) fn version(&self, group: &str, version: &str) -> Option<&[Arc<Resource>]> {
        self.groups.iter().find(|(gv, _)| gv.group == group && gv.version == version).map(|(_, rs)| rs.as_slice())
    }

    pub(crate) fn groups(&self) -> &[(GroupVersion, Vec<Arc<Resource>>)] {
        &self.groups
    }

    /// Every resource once, in its first version.
    pub(crate) fn tables(&self) -> BTreeMap<TableKey, Arc<Resource>> {
        let mut out = BTreeMap::new();
        for resource in self.groups.iter().flat_map(|(_, rs)| rs) {
            out.entry(resource.table()).or_insert_with(|| resource.clone());
        }
        out
    }

    fn index(&mut self) {
        self.first.clear();
        for resource in self.groups.iter().flat_map(|(_, rs)| rs) {
            self.first.entry(TableKey::new(&resource.group, &resource.plural)).or_insert_with(|| resource.clone());
        }
    }

    /// Takes away the versions of a custom resource.
    pub(crate) fn remove(&mut self, group: &str, plural: &str) {
        for (gv, resources) in &mut self.groups {
            if gv.group == group {
                resources.retain(|r| r.plural != plural || r.custom.is_none());
            }
        }
        self.groups.retain(|(_, resources)| !resources.is_empty());
        self.index();
    }

    /// Adds one version of a custom resource; versions of a group are kept in the order of their maturity.
    pub(crate) fn add(&mut self, resource: Resource) {
        self.insert(resource);
        self.index();
    }

    fn insert(&mut self, resource: Resource) {
        let gv = GroupVersion { group: resource.group.clone(), version: resource.version.clone() };
        let resource = Arc::new(resource);
        if let Some((_, resources)) = self.groups.iter_mut().find(|(known, _)| *known == gv) {
            resources.push(resource);
            resources.sort_by(|a, b| a.plural.cmp(&b.plural));
            return;
        }
        let same: Vec<usize> = (0..self.groups.len()).filter(|i| self.groups[*i].0.group == gv.group).collect();
        let at = match same.iter().find(|i| maturity(&self.groups[**i].0.version) < maturity(&gv.version)) {
            Some(i) => *i,
            None => match same.last() {
                Some(last) => last + 1,
                None => {
                    let builtin = self.groups.iter().filter(|(_, rs)| rs.iter().any(|r| r.custom.is_none())).count();
                    let custom = self.groups[builtin..].iter().take_while(|(known, _)| known.group < gv.group).count();
                    builtin + custom
                }
            },
        };
        self.groups.insert(at, (gv, vec![resource]));
    }
}

/// Orders versions as Kubernetes does: `v2` > `v1` > `v1beta2` > `v1alpha1` > anything else.
pub(crate) fn maturity(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse::<u32>() else { return (0, 0, 0) };
    let tail = &rest[digits..];
    let minor = |prefix: &str| tail.strip_prefix(prefix).and_then(|n| n.parse::<u32>().ok());
    match (tail, minor("beta"), minor("alpha")) {
        ("", _, _) => (3, major, 0),
        (_, Some(n), _) => (2, major, n),
        (_, _, Some(n)) => (1, major, n),
        _ => (0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_order() {
        let mut versions = ["v1alpha1", "v1", "v2beta1", "foo", "v2", "v1beta2"];
        versions.sort_by_key(|v| std::cmp::Reverse(maturity(v)));
        assert_eq!(versions, ["v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]);
    }

    #[test]
    fn builtin_kinds_have_schemas() {
        for (_, resource) in Registry::builtin().tables() {
            if resource.verbs.iter().any(|v| v == "watch") {
                assert!(matches!(resource.schema.kind, crate::schema::Kind::Map(_)), "{} has no schema", resource.qualified());
            }
        }
    }
}
