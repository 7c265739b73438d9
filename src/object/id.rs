//! Object identities: stable across API versions, printable, and in the form that Flux's inventory uses.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Group, version and kind of an object. The core group is the empty string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gvk {
    /// API group; empty for the core group.
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// Splits `apiVersion` (`v1` or `apps/v1`) and joins it with a kind.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// `apiVersion` as manifests write it.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// Identity of an object in a cluster; the API version is no part of it, so that a version change is no new object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// Builds an identity from its parts.
    #[must_use]
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// The inventory form `<namespace>_<name>_<group>_<kind>`; colons of RBAC names are written as `__`,
    /// as Flux's inventories do (cli-utils `object.ObjMetadata`).
    #[must_use]
    pub fn inventory_id(&self) -> String {
        let name = if self.group == "rbac.authorization.k8s.io" { self.name.replace(':', "__") } else { self.name.clone() };
        format!("{}_{}_{}_{}", self.namespace, name, self.group, self.kind)
    }

    /// Reads the inventory form; `None` where it does not have four parts.
    #[must_use]
    pub fn from_inventory_id(text: &str) -> Option<Self> {
        let (namespace, rest) = text.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        let name = if group == "rbac.authorization.k8s.io" { name.replace("__", ":") } else { name.to_owned() };
        (!name.is_empty() && !kind.is_empty()).then(|| Self::new(group, kind, namespace, &name))
    }
}

/// `Deployment/shop/web`, or `Namespace/shop` for cluster-scoped objects.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_ids_round_trip() {
        for id in [
            ObjectId::new("apps", "Deployment", "shop", "web"),
            ObjectId::new("", "Namespace", "", "shop"),
            ObjectId::new("rbac.authorization.k8s.io", "ClusterRole", "", "system:web"),
        ] {
            assert_eq!(ObjectId::from_inventory_id(&id.inventory_id()), Some(id));
        }
        assert_eq!(
            ObjectId::new("rbac.authorization.k8s.io", "ClusterRole", "", "a:b").inventory_id(),
            "_a__b_rbac.authorization.k8s.io_ClusterRole"
        );
        assert_eq!(ObjectId::from_inventory_id("nonsense"), None);
    }
}
