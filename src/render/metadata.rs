//! Namespaces, ownership labels and annotations, common metadata.

use crate::api::{CommonMetadata, names};
use crate::object::{Gvk, Json, Manifest, Origin};
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whether objects of a kind live in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// Objects without a namespace, of a kind that needs one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {object} has no namespace; write metadata.namespace, or spec.targetNamespace in the Kustomization")]
pub struct NoNamespace {
    /// `Deployment/web`.
    pub object: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What is known of the scope of kinds: by the cluster, by definitions that come with the same objects, by Kubernetes itself.
pub struct Scopes<'a> {
    lookup: &'a dyn Fn(&Gvk) -> Option<Scope>,
    declared: BTreeMap<(String, String), Scope>,
}

impl<'a> Scopes<'a> {
    /// With a lookup that asks the cluster's discovery.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&Gvk) -> Option<Scope>) -> Self {
        Self { lookup, declared: BTreeMap::new() }
    }

    /// Takes in the definitions among these objects.
    pub fn declare<'m>(&mut self, manifests: impl IntoIterator<Item = &'m Manifest>) {
        for manifest in manifests.into_iter().filter(|m| m.id.kind == "CustomResourceDefinition") {
            let text = |pointer: &str| manifest.body.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
            let scope = if text("/spec/scope") == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
            self.declared.insert((text("/spec/group"), text("/spec/names/kind")), scope);
        }
    }

    /// The scope of a kind; `None` where nobody knows it.
    #[must_use]
    pub fn of(&self, gvk: &Gvk) -> Option<Scope> {
        (self.lookup)(gvk)
            .or_else(|| self.declared.get(&(gvk.group.clone(), gvk.kind.clone())).copied())
            .or_else(|| builtin(&gvk.group, &gvk.kind))
    }

    /// As [`Scopes::of`]; a kind that nobody knows counts as namespaced, as kustomize and Helm have it.
    #[must_use]
    pub fn is_cluster(&self, gvk: &Gvk) -> bool {
        self.of(gvk) == Some(Scope::Cluster)
    }
}

/// The scope of the kinds that every cluster has; `None` for groups that are not Kubernetes' own.
#[must_use]
pub fn builtin(group: &str, kind: &str) -> Option<Scope> {
    let cluster: &[&str] = match group {
        "" => &["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
        "admissionregistration.k8s.io" => &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
        "apiextensions.k8s.io" => &["CustomResourceDefinition"],
        "apiregistration.k8s.io" => &["APIService"],
        "certificates.k8s.io" => &["CertificateSigningRequest", "ClusterTrustBundle"],
        "flowcontrol.apiserver.k8s.io" => &["FlowSchema", "PriorityLevelConfiguration"],
        "internal.apiserver.k8s.io" => &["StorageVersion"],
        "networking.k8s.io" => &["IngressClass", "IPAddress", "ServiceCIDR"],
        "node.k8s.io" => &["RuntimeClass"],
        "policy" => &["PodSecurityPolicy"],
        "rbac.authorization.k8s.io" => &["ClusterRole", "ClusterRoleBinding"],
        "resource.k8s.io" => &["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
        "scheduling.k8s.io" => &["PriorityClass"],
        "storage.k8s.io" => &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
        "storagemigration.k8s.io" => &["StorageVersionMigration"],
        "apps" | "autoscaling" | "batch" | "coordination.k8s.io" | "discovery.k8s.io" | "events.k8s.io" | "extensions" => &[],
        _ => return None,
    };
    Some(if cluster.contains(&kind) { Scope::Cluster } else { Scope::Namespaced })
}

/// Gives namespaced objects without a namespace this one, and takes the namespace from cluster-scoped ones: what Helm does with a
/// release's objects.
pub fn default_namespace(manifests: &mut [Manifest], namespace: &str, scopes: &Scopes<'_>) {
    for manifest in manifests {
        if scopes.is_cluster(&manifest.gvk()) {
            manifest.set_namespace("");
        } else if manifest.id.namespace.is_empty() {
            manifest.set_namespace(namespace);
        }
    }
}

/// Takes the namespace from cluster-scoped objects, and refuses namespaced ones that have none: guessing one would put them somewhere.
///
/// # Errors
/// With the first object that has no namespace.
pub fn require_namespace(manifests: &mut [Manifest], scopes: &Scopes<'_>) -> Result<(), NoNamespace> {
    for manifest in manifests {
        match scopes.of(&manifest.gvk()) {
            Some(Scope::Cluster) => manifest.set_namespace(""),
            Some(Scope::Namespaced) if manifest.id.namespace.is_empty() => {
                return Err(NoNamespace { object: manifest.id.to_string(), origin: manifest.origin.clone() });
            }
            // A kind that is not there yet fails on its own, with a better reason.
            Some(Scope::Namespaced) | None => {}
        }
    }
    Ok(())
}

/// Moves all namespaced objects into one namespace, as kustomize's `namespace` and Flux's `targetNamespace` do. Namespace objects
/// take the name; references to moved ServiceAccounts and Services follow.
pub fn override_namespace(manifests: &mut [Manifest], namespace: &str, scopes: &Scopes<'_>) {
    let moved: BTreeSet<(String, String, String)> = manifests
        .iter()
        .filter(|m| m.id.group.is_empty() && matches!(m.id.kind.as_str(), "ServiceAccount" | "Service"))
        .map(|m| (m.id.kind.clone(), effective(&m.id.namespace).to_owned(), m.id.name.clone()))
        .collect();
    let follows = |kind: &str, reference: &Map<String, Json>| {
        let text = |key: &str| reference.get(key).and_then(Json::as_str).unwrap_or_default();
        moved.contains(&(kind.to_owned(), effective(text("namespace")).to_owned(), text("name").to_owned()))
    };
    for manifest in manifests {
        match (manifest.id.group.as_str(), manifest.id.kind.as_str()) {
            ("", "Namespace") => {
                namespace.clone_into(&mut manifest.id.name);
                manifest.body["metadata"]["name"] = json!(namespace);
            }
            ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
                for subject in objects_at(&mut manifest.body, "/subjects") {
                    let is_account = subject.get("kind").and_then(Json::as_str) == Some("ServiceAccount");
                    let is_default = subject.get("name").and_then(Json::as_str) == Some("default");
                    if is_account && (is_default || follows("ServiceAccount", subject)) {
                        subject.insert("namespace".into(), json!(namespace));
                    }
                }
            }
            ("admissionregistration.k8s.io", _) => {
                for webhook in objects_at(&mut manifest.body, "/webhooks") {
                    let service = webhook.get_mut("clientConfig").and_then(|c| c.get_mut("service")).and_then(Json::as_object_mut);
                    if let Some(service) = service.filter(|service| follows("Service", service)) {
                        service.insert("namespace".into(), json!(namespace));
                    }
                }
            }
            ("apiregistration.k8s.io", "APIService") => set_in(&mut manifest.body, "/spec/service", namespace),
            ("apiextensions.k8s.io", _) => set_in(&mut manifest.body, "/spec/conversion/webhook/clientConfig/service", namespace),
            _ => {}
        }
        if scopes.is_cluster(&manifest.gvk()) {
            manifest.set_namespace("");
        } else {
            manifest.set_namespace(namespace);
        }
    }
}

/// Where an object without a namespace counts to be.
fn effective(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

fn objects_at<'a>(body: &'a mut Json, pointer: &str) -> impl Iterator<Item = &'a mut Map<String, Json>> {
    body.pointer_mut(pointer).and_then(Json::as_array_mut).into_iter().flatten().filter_map(Json::as_object_mut)
}

fn set_in(body: &mut Json, pointer: &str, namespace: &str) {
    if let Some(service) = body.pointer_mut(pointer).and_then(Json::as_object_mut) {
        service.insert("namespace".into(), json!(namespace));
    }
}

/// Puts labels and annotations on every object, over those of the same name.
pub fn common(manifests: &mut [Manifest], metadata: &CommonMetadata) {
    for manifest in manifests {
        for (key, value) in &metadata.labels {
            put(manifest, "labels", key, value);
        }
        for (key, value) in &metadata.annotations {
            put(manifest, "annotations", key, value);
        }
    }
}

/// Marks the objects of a Kustomization as Flux does. After [`common`], so that ownership holds.
pub fn own_by_kustomization(manifests: &mut [Manifest], name: &str, namespace: &str) {
    for manifest in manifests {
        put(manifest, "labels", names::KUSTOMIZE_NAME, name);
        put(manifest, "labels", names::KUSTOMIZE_NAMESPACE, namespace);
    }
}

/// Marks the objects and hooks of a HelmRelease as Flux does: part of the release's manifest as Helm stores it. After [`common`],
/// so that ownership holds.
pub fn own_by_helm_release(manifests: &mut [Manifest], name: &str, namespace: &str) {
    for manifest in manifests {
        put(manifest, "labels", names::HELM_NAME, name);
        put(manifest, "labels", names::HELM_NAMESPACE, namespace);
    }
}

/// Marks the objects of a Helm release as Helm does when it applies them: no part of the stored manifest, and not for hooks or CRDs
/// of `crds/`.
pub fn own_by_helm(manifests: &mut [Manifest], release: &str, namespace: &str) {
    for manifest in manifests {
        put(manifest, "labels", names::MANAGED_BY, names::MANAGED_BY_HELM);
        put(manifest, "annotations", names::HELM_RELEASE_NAME, release);
        put(manifest, "annotations", names::HELM_RELEASE_NAMESPACE, namespace);
    }
}

/// Something else than a mapping is left for the API server to refuse.
fn put(manifest: &mut Manifest, map: &str, key: &str, value: &str) {
    let Some(metadata) = manifest.body.get_mut("metadata").and_then(Json::as_object_mut) else { return };
    let entry = metadata.entry(map).or_insert(Json::Null);
    if entry.is_null() {
        *entry = json!({});
    }
    if let Some(entries) = entry.as_object_mut() {
        entries.insert(key.into(), json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(body: Json) -> Manifest {
        Manifest::new(body, Origin { file: "a.yaml".into(), line: 3 }).expect("a manifest")
    }

    fn simple(api_version: &str, kind: &str, name: &str, namespace: &str) -> Manifest {
        let mut manifest = manifest(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}));
        manifest.set_namespace(namespace);
        manifest
    }

    fn nobody(_: &Gvk) -> Option<Scope> {
        None
    }

    #[test]
    fn scopes_are_asked_of_the_cluster_then_of_definitions_then_of_kubernetes() {
        let lookup = |gvk: &Gvk| (gvk.kind == "Widget").then_some(Scope::Namespaced);
        let mut scopes = Scopes::new(&lookup);
        let definition = |kind: &str| {
            manifest(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "x"},
                "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": kind}}}))
        };
        scopes.declare(&[definition("Gadget"), definition("Widget")]);
        for (api_version, kind, expect) in [
            ("example.com/v1", "Gadget", Some(Scope::Cluster)),
            ("example.com/v1", "Widget", Some(Scope::Namespaced)),
            ("example.com/v1", "Other", None),
            ("v1", "Namespace", Some(Scope::Cluster)),
            ("v1", "Pod", Some(Scope::Namespaced)),
            ("rbac.authorization.k8s.io/v1", "ClusterRole", Some(Scope::Cluster)),
            ("rbac.authorization.k8s.io/v1", "Role", Some(Scope::Namespaced)),
            ("apps/v1", "Deployment", Some(Scope::Namespaced)),
        ] {
            assert_eq!(scopes.of(&Gvk::new(api_version, kind)), expect, "{kind}");
        }
    }

    #[test]
    fn namespaces_are_filled_in_taken_away_or_missed() {
        let scopes = Scopes::new(&nobody);
        let all = || {
            vec![
                simple("v1", "Service", "a", ""),
                simple("v1", "Service", "b", "other"),
                simple("rbac.authorization.k8s.io/v1", "ClusterRole", "c", "stray"),
                simple("example.com/v1", "Thing", "d", ""),
            ]
        };
        let mut release = all();
        default_namespace(&mut release, "shop", &scopes);
        assert_eq!(release.iter().map(|m| m.id.namespace.as_str()).collect::<Vec<_>>(), ["shop", "other", "", "shop"]);
        assert_eq!(release[2].body["metadata"].get("namespace"), None);

        let mut plain = all();
        let error = require_namespace(&mut plain, &scopes).expect_err("one has no namespace");
        assert_eq!(
            error.to_string(),
            "a.yaml:3: Service/a has no namespace; write metadata.namespace, or spec.targetNamespace in the Kustomization"
        );
        plain[0].set_namespace("shop");
        assert_eq!(require_namespace(&mut plain, &scopes), Ok(()));
    }

    #[test]
    fn references_follow_moved_objects() {
        let mut all = vec![
            simple("v1", "Namespace", "old", ""),
            simple("v1", "ServiceAccount", "robot", "old"),
            simple("v1", "Service", "hook", "old"),
            manifest(
                json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "subjects": [
                {"kind": "ServiceAccount", "name": "robot", "namespace": "old"},
                {"kind": "ServiceAccount", "name": "robot", "namespace": "elsewhere"},
                {"kind": "ServiceAccount", "name": "default", "namespace": "any"},
                {"kind": "User", "name": "robot"}]}),
            ),
            manifest(
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"},
                "webhooks": [{"clientConfig": {"service": {"name": "hook", "namespace": "old"}}}, {"clientConfig": {"service": {"name": "far", "namespace": "old"}}}]}),
            ),
            manifest(
                json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "s"}, "spec": {"service": {"name": "x", "namespace": "old"}}}),
            ),
        ];
        override_namespace(&mut all, "new", &Scopes::new(&nobody));
        assert_eq!(all[0].id.name, "new");
        assert_eq!(all.iter().map(|m| m.id.namespace.as_str()).collect::<Vec<_>>(), ["", "new", "new", "", "", ""]);
        let subjects = all[3].body["subjects"].as_array().expect("a list");
        assert_eq!(subjects.iter().map(|s| s["namespace"].as_str().unwrap_or("-")).collect::<Vec<_>>(), ["new", "elsewhere", "new", "-"]);
        assert_eq!(all[4].body["webhooks"][0]["clientConfig"]["service"]["namespace"], "new");
        assert_eq!(all[4].body["webhooks"][1]["clientConfig"]["service"]["namespace"], "old");
        assert_eq!(all[5].body["spec"]["service"]["namespace"], "new");
    }

    #[test]
    fn ownership_goes_over_common_metadata() {
        let common_metadata: CommonMetadata =
            serde_json::from_value(json!({"labels": {"team": "a", "helm.toolkit.fluxcd.io/name": "other"}, "annotations": {"note": "x"}}))
                .expect("metadata");
        let mut all = vec![
            simple("v1", "Service", "a", "shop"),
            manifest(
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b", "labels": null, "annotations": {"note": "y", "keep": "z"}}}),
            ),
        ];
        common(&mut all, &common_metadata);
        own_by_helm_release(&mut all, "web", "apps");
        assert_eq!(
            all[0].body["metadata"]["labels"],
            json!({"team": "a", "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "apps"})
        );
        assert_eq!(all[1].body["metadata"]["annotations"], json!({"note": "x", "keep": "z"}));
        own_by_helm(&mut all, "web", "shop");
        assert_eq!(all[1].label("app.kubernetes.io/managed-by"), Some("Helm"));
        assert_eq!(all[1].annotation("meta.helm.sh/release-name"), Some("web"));
        assert_eq!(all[1].annotation("meta.helm.sh/release-namespace"), Some("shop"));
        own_by_kustomization(&mut all, "apps", "flux-system");
        assert_eq!(all[0].label("kustomize.toolkit.fluxcd.io/name"), Some("apps"));
        assert_eq!(all[0].label("kustomize.toolkit.fluxcd.io/namespace"), Some("flux-system"));
    }
}
