//! To whom a live object belongs, as Helm's and Flux's labels and annotations say.

use crate::{api::names, object::Json};
use std::fmt;

/// What kubectl calls itself where it makes objects. Edits and patches of others' objects have names of their own.
const BY_HAND: [&str; 4] = ["kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-replace"];

/// For whom objects are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A `HelmRelease`, and the Helm release that it makes.
    HelmRelease {
        /// Namespace of the HelmRelease.
        namespace: String,
        /// Name of the HelmRelease.
        name: String,
        /// Namespace of the Helm release, as `meta.helm.sh/release-namespace` says.
        release_namespace: String,
        /// Name of the Helm release, as `meta.helm.sh/release-name` says.
        release_name: String,
    },
    /// A Helm release without a HelmRelease, as the CLI installs one.
    Release {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// A `Kustomization`.
    Kustomization {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// Somebody with kubectl, as the managed fields say.
    Kubectl {
        /// The field manager.
        manager: String,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelmRelease { namespace, name, .. } => write!(f, "HelmRelease {namespace}/{name}"),
            Self::Release { namespace, name } => write!(f, "the Helm release {namespace}/{name}"),
            Self::Kustomization { namespace, name } => write!(f, "Kustomization {namespace}/{name}"),
            Self::Kubectl { manager } => write!(f, "whoever applied it with kubectl (field manager {manager})"),
        }
    }
}

impl Owner {
    /// Who else owns the live object; `None` where nobody or only we do.
    #[must_use]
    pub fn stranger(&self, live: &Json) -> Option<Owner> {
        owners(live).into_iter().find(|owner| !self.is(owner))
    }

    /// Who applied the live object with kubectl, where nobody else says that it is his. Namespaces are made by hand before anything is
    /// deployed to them, so they are anybody's.
    #[must_use]
    pub fn by_hand(live: &Json) -> Option<Owner> {
        if !owners(live).is_empty() || live.get("kind").and_then(Json::as_str) == Some("Namespace") {
            return None;
        }
        let entries = live.pointer("/metadata/managedFields").and_then(Json::as_array);
        let text = |entry: &Json, key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let own = entries.into_iter().flatten().filter(|entry| text(entry, "subresource").is_empty());
        own.map(|entry| text(entry, "manager"))
            .find(|manager| BY_HAND.contains(&manager.as_str()))
            .map(|manager| Owner::Kubectl { manager })
    }

    fn is(&self, other: &Owner) -> bool {
        match (self, other) {
            (
                Self::HelmRelease { release_namespace, release_name, .. }
                | Self::Release { namespace: release_namespace, name: release_name },
                Self::Release { namespace, name },
            ) => release_namespace == namespace && release_name == name,
            (Self::HelmRelease { namespace, name, .. }, Self::HelmRelease { namespace: n, name: m, .. })
            | (Self::Kustomization { namespace, name }, Self::Kustomization { namespace: n, name: m }) => namespace == n && name == m,
            _ => false,
        }
    }
}

/// Everybody whom labels and annotations name.
fn owners(live: &Json) -> Vec<Owner> {
    let pair = |section: &str, namespace: &str, name: &str| {
        let map = live.get("metadata")?.get(section)?;
        let text = |key: &str| map.get(key).and_then(Json::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        Some((text(namespace)?, text(name)?))
    };
    let mut owners = Vec::new();
    if let Some((namespace, name)) = pair("labels", names::HELM_NAMESPACE, names::HELM_NAME) {
        owners.push(Owner::HelmRelease { namespace, name, release_namespace: String::new(), release_name: String::new() });
    }
    if let Some((namespace, name)) = pair("annotations", names::HELM_RELEASE_NAMESPACE, names::HELM_RELEASE_NAME) {
        owners.push(Owner::Release { namespace, name });
    }
    if let Some((namespace, name)) = pair("labels", names::KUSTOMIZE_NAMESPACE, names::KUSTOMIZE_NAME) {
        owners.push(Owner::Kustomization { namespace, name });
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_kubectl_applied_is_somebodys() {
        let live = |kind: &str, manager: &str, labels: Json| {
            json!({"kind": kind, "metadata": {"labels": labels, "managedFields": [
            {"manager": "kubectl", "operation": "Update", "subresource": "status"}, {"manager": manager, "operation": "Update"}]}})
        };
        let named = |live: Json| Owner::by_hand(&live).map(|owner| owner.to_string());
        let applied = named(live("ConfigMap", "kubectl-client-side-apply", json!({})));
        assert_eq!(applied.as_deref(), Some("whoever applied it with kubectl (field manager kubectl-client-side-apply)"));
        for (kind, manager, labels) in [
            ("ConfigMap", "kubectl-edit", json!({})),
            ("Namespace", "kubectl", json!({})),
            ("ConfigMap", "kubectl", json!({"kustomize.toolkit.fluxcd.io/name": "a", "kustomize.toolkit.fluxcd.io/namespace": "b"})),
        ] {
            assert_eq!(named(live(kind, manager, labels)), None, "{kind} {manager}");
        }
    }

    #[test]
    fn strangers_are_named() {
        let release = Owner::HelmRelease {
            namespace: "flux".into(),
            name: "web".into(),
            release_namespace: "shop".into(),
            release_name: "shop-web".into(),
        };
        let unit = Owner::Kustomization { namespace: "flux".into(), name: "apps".into() };
        let flux_label =
            |name: &str| json!({"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": name, "helm.toolkit.fluxcd.io/namespace": "flux"}}});
        let helm = |name: &str| json!({"metadata": {"annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "shop"}}});
        let kustomize = |name: &str| json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": "flux"}}});
        for (owner, live, stranger) in [
            (&release, json!({"metadata": {"labels": {"app": "web"}}}), None),
            (&release, json!({}), None),
            (&release, flux_label("web"), None),
            (&release, flux_label("other"), Some("HelmRelease flux/other")),
            (&release, helm("shop-web"), None),
            (&release, helm("other"), Some("the Helm release shop/other")),
            (&release, kustomize("apps"), Some("Kustomization flux/apps")),
            (&unit, kustomize("apps"), None),
            (&unit, kustomize("infra"), Some("Kustomization flux/infra")),
            (&unit, helm("shop-web"), Some("the Helm release shop/shop-web")),
        ] {
            assert_eq!(owner.stranger(&live).map(|o| o.to_string()).as_deref(), stranger, "{owner} {live}");
        }
    }
}
