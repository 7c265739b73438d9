//! Small charts, definitions and releases that scenarios are made of.

use crate::world::World;
use kube::api::{Patch, PatchParams};
use serde_json::Value;

const SOURCE: &str = "      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n";

/// A namespace, as a manifest.
pub fn namespace(name: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\n")
}

/// A HelmRelease of the chart of the same folder name, with an interval that no test waits for. `metadata` and `spec` are further lines.
pub fn release(namespace: &str, name: &str, chart: &str, metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: {namespace}\n{metadata}spec:\n  interval: 1h\n\
         \x20 chart:\n    spec:\n      chart: ./charts/{chart}\n{SOURCE}{spec}---\n"
    )
}

/// A Kustomization of a folder, likewise.
pub fn bundle(name: &str, path: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\nspec:\n  interval: 1h\n  retryInterval: 1h\n\
         \x20 path: {path}\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n{spec}---\n"
    )
}

/// Writes a chart for the next commit.
pub fn chart(world: &World, name: &str, version: &str, templates: &[(&str, &str)]) {
    world.git.write(&format!("charts/{name}/Chart.yaml"), &format!("apiVersion: v2\nname: {name}\nversion: {version}\n"));
    for (file, text) in templates {
        world.git.write(&format!("charts/{name}/{file}"), text);
    }
}

/// A template with a Deployment of the release's name.
pub const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  selector: {matchLabels: {app: {{ .Release.Name }}}}\n\
    \x20 template:\n    metadata: {labels: {app: {{ .Release.Name }}}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers: [{name: main, image: 'registry.example/main:{{ .Chart.Version }}'}]\n";

/// The definition of a namespaced kind whose objects may hold anything.
pub fn definition(group: &str, kind: &str) -> String {
    let lower = kind.to_lowercase();
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: {lower}s.{group}\nspec:\n  group: {group}\n  scope: Namespaced\n\
         \x20 names: {{kind: {kind}, listKind: {kind}List, plural: {lower}s, singular: {lower}}}\n  versions:\n    - name: v1alpha1\n      served: true\n      storage: true\n\
         \x20     subresources: {{status: {{}}}}\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n\
         \x20           spec: {{type: object, x-kubernetes-preserve-unknown-fields: true}}\n\
         \x20           status: {{type: object, x-kubernetes-preserve-unknown-fields: true}}\n"
    )
}

/// Sets the status of an object, as its operator would.
pub async fn set_status(world: &World, (api_version, kind): (&str, &str), namespace: &str, name: &str, status: Value) {
    let patch = serde_json::json!({"status": status});
    world.api(api_version, kind, namespace).patch_status(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

/// The number that an object's last write has among all writes of the cluster.
pub fn place_in_time(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}
