//! An operator's chart as they are in the wild: several CRDs in `crds/`, one of them of more than a megabyte, cluster roles that come and go
//! with versions, a webhook configuration whose `caBundle` somebody else fills in. Versions are Git tags.

use crate::gitserver::git;
use crate::world::World;
use serde_json::Value;
use std::fmt::Write as _;

/// The kinds that it brings, besides the huge one.
pub const KINDS: [(&str, &str); 3] = [("keepers", "Keeper"), ("lamps", "Lamp"), ("signals", "Signal")];
pub const GROUP: &str = "lights.example";
/// The kind with the huge schema.
pub const HUGE: (&str, &str) = ("towers", "Tower");

/// A version of the chart.
#[derive(Clone)]
pub struct Version {
    pub number: &'static str,
    /// What made the CRDs: another one is another CRD.
    pub generator: &'static str,
    pub kinds: Vec<(&'static str, &'static str)>,
    /// Fields of every kind's spec.
    pub fields: Vec<&'static str>,
    pub roles: Vec<&'static str>,
    /// Tag of the image.
    pub image: &'static str,
    /// Templates besides.
    pub more: Vec<(&'static str, String)>,
}

impl Version {
    pub fn new(number: &'static str, generator: &'static str) -> Self {
        let kinds = KINDS.iter().copied().chain([HUGE]).collect();
        Self { number, generator, kinds, fields: vec!["color", "range"], roles: vec!["reader"], image: "1.0.0", more: vec![] }
    }

    /// Writes the chart, commits it and tags the commit.
    pub fn push(&self, world: &World) {
        let (git_server, number) = (&world.git, self.number);
        let _ = std::fs::remove_dir_all(git_server.work().join("charts/lights"));
        let write = |path: &str, text: &str| git_server.write(&format!("charts/lights/{path}"), text);
        write("Chart.yaml", &format!("apiVersion: v2\nname: lights\nversion: {number}\nappVersion: {number}\n"));
        write("values.yaml", "greeting: hello\n");
        for (plural, kind) in &self.kinds {
            write(&format!("crds/{plural}.yaml"), &self.crd(plural, kind));
        }
        // Helm and Flux pass over what is no CRD in crds/.
        write("crds/sample.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: not-a-crd\n  namespace: lights\ndata: {a: b}\n");
        write(
            "templates/config.yaml",
            &format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: lights-config\ndata:\n  version: '{number}'\n  greeting: {{{{ .Values.greeting }}}}\n"
            ),
        );
        write(
            "templates/deployment.yaml",
            &format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: lights\nspec:\n  replicas: 1\n  progressDeadlineSeconds: 3\n  selector: {{matchLabels: {{app: lights}}}}\n\
                 \x20 template:\n    metadata: {{labels: {{app: lights}}}}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers: [{{name: lights, image: 'registry.example/lights:{}'}}]\n",
                self.image
            ),
        );
        for role in &self.roles {
            write(
                &format!("templates/{role}.yaml"),
                &format!(
                    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: lights-{role}\nrules:\n  - apiGroups: [{GROUP}]\n    resources: ['*']\n    verbs: [get]\n---\n\
                     apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: lights-{role}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lights-{role}}}\n\
                     subjects: [{{kind: ServiceAccount, name: default, namespace: lights}}]\n"
                ),
            );
        }
        for (path, text) in &self.more {
            write(&format!("templates/{path}"), text);
        }
        git_server.push(&format!("lights {number}"));
        git(git_server.work(), &["tag", "-f", &format!("v{number}")]);
        git(git_server.work(), &["push", "-q", "-f", "origin", &format!("v{number}")]);
    }

    fn crd(&self, plural: &str, kind: &str) -> String {
        let mut properties = String::new();
        for field in &self.fields {
            let _ = writeln!(properties, "                {field}: {{type: string, description: 'The {field} of a {kind}.'}}");
        }
        if plural == HUGE.0 {
            // As schemas with whole pod templates in them are.
            for n in 0..2400 {
                let _ = writeln!(
                    properties,
                    "                part{n:04}: {{type: string, description: '{}'}}",
                    format!("Part {n} of the tower. ").repeat(22)
                );
            }
        }
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: {plural}.{GROUP}\n  annotations:\n    generator.example/version: {}\nspec:\n  group: {GROUP}\n\
             \x20 scope: Namespaced\n  names: {{kind: {kind}, plural: {plural}, singular: {}, listKind: {kind}List}}\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n\
             \x20       openAPIV3Schema:\n          type: object\n          properties:\n            spec:\n              type: object\n              properties:\n{properties}",
            self.generator,
            kind.to_lowercase(),
        )
    }
}

/// The namespace, the source at a tag, and the release. Lines of the spec are indented by two.
pub fn manifests(world: &World, tag: &str, annotations: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: lights\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: lights\n  namespace: lights\nspec:\n\
         \x20 interval: 1h\n  url: {}\n  ref:\n    tag: {tag}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: lights\n  namespace: lights\n{annotations}spec:\n\
         \x20 interval: 1h\n  timeout: 20s\n{spec}  chart:\n    spec:\n      chart: ./charts/lights\n      sourceRef: {{kind: GitRepository, name: lights}}\n",
        world.git.url
    )
}

/// Moves the release to a tag.
pub fn release_at(world: &World, tag: &str, annotations: &str, spec: &str) {
    let text = manifests(world, tag, annotations, spec);
    if std::fs::read_to_string(world.git.work().join("clusters/demo/lights.yaml")).is_ok_and(|old| old == text) {
        return;
    }
    world.git.push_file("clusters/demo/lights.yaml", Some(&text), &format!("lights at {tag}"));
}

/// A live CRD.
pub async fn crd(world: &World, plural: &str) -> Option<Value> {
    world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", &format!("{plural}.{GROUP}")).await
}

pub fn resource_version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// An object of one of the kinds.
pub fn light(kind: &str, name: &str, color: &str) -> Value {
    serde_json::json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {"name": name, "namespace": "lights"}, "spec": {"color": color}})
}
