//! Manifests and charts that scenarios commit, put together from their parts.

use crate::world::World;

pub fn namespace(name: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\n")
}

/// A HelmRelease of a chart in the bootstrapped repository. Its interval is one that no test waits for.
pub fn release(namespace: &str, name: &str, chart: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  interval: 1h\n  timeout: 20s\n{spec}\
         \x20 chart:\n    spec:\n      chart: {chart}\n      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n"
    )
}

/// Likewise, with more fields of `spec.chart.spec`.
pub fn release_with(namespace: &str, name: &str, chart: &str, spec: &str, chart_spec: &str) -> String {
    format!("{}{chart_spec}", release(namespace, name, chart, spec))
}

/// A Kustomization of a folder in the bootstrapped repository.
pub fn bundle(name: &str, path: &str, annotations: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\n{annotations}spec:\n  interval: 1h\n\
         \x20 path: {path}\n  prune: true\n{spec}  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
    )
}

pub fn chart_yaml(name: &str, version: &str) -> String {
    format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: \"1\"\n")
}

/// A Deployment whose pods are ready at once; `container` stands in its only container.
pub fn deployment(name: &str, image: &str, container: &str) -> String {
    // One that is to fail, fails soon; the others have time on a machine that is busy.
    let deadline = if image.ends_with("-unready") { 4 } else { 120 };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: 1\n  progressDeadlineSeconds: {deadline}\n  selector:\n    matchLabels: {{app: {name}}}\n\
         \x20 template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n        - name: app\n          image: {image}\n{container}"
    )
}

/// Runs a command of our own CLI; gives what it printed, and what it said.
pub fn cli(world: &World, args: &[&str]) -> (String, String) {
    let binary = std::env::var("HELMWARD_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_helmward").into());
    let out = std::process::Command::new(binary).args(args).args(["--kubeconfig", world.kubeconfig.to_str().unwrap()]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (printed, said) = (text(out.stdout), text(out.stderr));
    assert!(out.status.success(), "helmward {args:?}: {said}");
    (printed, said)
}
