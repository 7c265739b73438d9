use super::*;

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
    files.iter().map(|(path, content)| ((*path).to_owned(), Bytes::copy_from_slice(content.as_bytes()))).collect()
}

fn nobody(_: &Gvk) -> Option<Scope> {
    None
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: x}}\n")
}

fn run(files: &[(&str, &str)], directory: &str) -> Result<Vec<String>, String> {
    let built = build(&tree(files), directory, None, &nobody).map_err(|e| e.to_string())?;
    Ok(built.manifests.iter().map(|m| format!("{} {}", m.id, m.origin)).collect())
}

#[test]
fn all_yaml_below_a_directory_without_a_kustomization_file() {
    let files = [
        ("apps/b.yml", &*map("b")),
        ("apps/a.yaml", &*format!("# a comment\n\n---\n{}---\n# nothing\n---\n\n# web\n{}", map("a1"), map("a2"))),
        ("apps/deep/er/c.yaml", &*map("c")),
        ("apps/notes.txt", "not a manifest"),
        ("apps/dashboard.json", "{\"panels\": []}"),
        ("apps/base/kustomization.yaml", "resources: [one.yaml]"),
        ("apps/base/one.yaml", &*map("one")),
        ("apps/base/two.yaml", &*map("two")),
        ("apps/base/nested/kustomization.yaml", "resources: [nothing.yaml]"),
        ("appsx/d.yaml", &*map("d")),
        ("other/e.yaml", "not: a manifest"),
    ];
    assert_eq!(
        run(&files, "./apps/").expect("builds"),
        [
            "ConfigMap/x/a1 apps/a.yaml:4",
            "ConfigMap/x/a2 apps/a.yaml:12",
            "ConfigMap/x/b apps/b.yml:1",
            "ConfigMap/x/one apps/base/one.yaml:1",
            "ConfigMap/x/c apps/deep/er/c.yaml:1",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn resources_and_namespace_of_a_kustomization_file() {
    let files = [
        (
            "k/kustomization.yml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: outer\nresources:\n- a.yaml\n- ../base\n- list.json\npatches: []\n",
        ),
        ("k/a.yaml", &*map("a")),
        ("k/list.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}"#),
        ("k/unlisted.yaml", &*map("unlisted")),
        ("base/Kustomization", "namespace: inner\nresources: [./b.yaml, sub/]\n"),
        ("base/b.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: some}\n"),
        ("base/sub/kustomization.yaml", "resources: [role.yaml]\n"),
        ("base/sub/role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"),
    ];
    assert_eq!(
        run(&files, "k").expect("builds"),
        [
            "ConfigMap/outer/a k/a.yaml:1",
            "Namespace/outer base/b.yaml:1",
            "ClusterRole/r base/sub/role.yaml:1",
            "ConfigMap/outer/j k/list.json:1"
        ]
        .map(str::to_owned)
    );
    let inner = run(&files, "base").expect("builds");
    assert_eq!(inner[0], "Namespace/inner base/b.yaml:1");
    let moved = build(&tree(&files), "k", Some("target"), &nobody).expect("builds");
    assert_eq!(moved.manifests[0].id.namespace, "target");
}

#[test]
fn lists_are_taken_apart() {
    let file = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a, namespace: x}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b, namespace: x}\n---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: c, namespace: x}\n---\napiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: d, namespace: x}\n";
    assert_eq!(
        run(&[("a.yaml", file)], "").expect("builds"),
        ["ConfigMap/x/a a.yaml:4", "Secret/x/b a.yaml:7", "ConfigMap/x/c a.yaml:14", "AllowList/x/d a.yaml:16"].map(str::to_owned)
    );
}

#[test]
fn errors_name_file_line_and_what_to_do() {
    let good = map("a");
    for (files, directory, expect) in [
        (vec![], "gone", "directory `gone` is not in the source; correct spec.path"),
        (vec![("a.yaml", &*good)], "../x", "spec.path: `../x` lies outside of the source"),
        (vec![("a.yaml", &*good), ("b/c.yaml", &*good)], "", "ConfigMap/x/a stands twice: at a.yaml:1 and at b/c.yaml:1; remove one"),
        (vec![("k/a.yaml", "a: 1\n---\nkind: X\n")], "k", "k/a.yaml:1: the document has no apiVersion; add it"),
        (vec![("k/a.yaml", "---\n- 1\n")], "k", "k/a.yaml:2: the document is not a mapping"),
        (vec![("k/a.yaml", &*format!("{good}---\na: [\nb: c\n"))], "k", "k/a.yaml:"),
        (
            vec![("k/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: p.yaml}]")],
            "k",
            "k/kustomization.yaml: `patches` is not served yet",
        ),
        (vec![("k/kustomization.yaml", "namePrefix: x-\n")], "k", "`namePrefix` is not served yet"),
        (vec![("k/kustomization.yaml", "kind: Component\n")], "k", "kind \"Component\" is not served yet"),
        (
            vec![("k/kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n")],
            "k",
            "apiVersion is not kustomize's",
        ),
        (vec![("k/kustomization.yaml", "resources: a.yaml\n")], "k", "resources is no list"),
        (
            vec![("k/kustomization.yaml", "resources: [gone.yaml]\n")],
            "k",
            "k/kustomization.yaml: resource `gone.yaml` is not in the source",
        ),
        (vec![("k/kustomization.yaml", "resources: [../../x]\n")], "k", "`../../x` lies outside of the source"),
        (vec![("k/kustomization.yaml", "resources: [/etc/passwd]\n")], "k", "`/etc/passwd` lies outside of the source"),
        (vec![("k/kustomization.yaml", "resources: [\"https://example.com/x.yaml\"]\n")], "k", "is a remote one"),
        (vec![("k/kustomization.yaml", "resources: [sub]\n"), ("k/sub/a.yaml", &*good)], "k", "directory `sub` has no kustomization.yaml"),
        (vec![("k/kustomization.yaml", "resources: [../k]\n")], "k", "leads back to a directory"),
        (
            vec![("k/kustomization.yaml", "resources: [../l]\n"), ("l/kustomization.yaml", "resources: [../k]\n")],
            "k",
            "l/kustomization.yaml: resource `../k` leads back",
        ),
        (vec![("k/kustomization.yaml", ""), ("k/kustomization.yml", "")], "k", "has both kustomization.yaml and kustomization.yml"),
        (
            vec![("k/s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nsops: {mac: x}\n")],
            "k",
            "k/s.yaml:1: Secret/s is encrypted with SOPS",
        ),
    ] {
        let error = run(&files, directory).expect_err(expect);
        assert!(error.contains(expect), "{error}\n  lacks {expect}");
    }
}

#[test]
fn flux_itself_is_left_out_by_name() {
    let labelled = |kind: &str, api: &str, name: &str| {
        format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system, labels: {{app.kubernetes.io/part-of: flux}}}}\n---\n"
        )
    };
    let file = [
        labelled("Namespace", "v1", "flux-system"),
        labelled("Deployment", "apps/v1", "source-controller"),
        labelled("CustomResourceDefinition", "apiextensions.k8s.io/v1", "buckets.source.toolkit.fluxcd.io"),
        labelled("GitRepository", "source.toolkit.fluxcd.io/v1", "flux-system"),
    ]
    .concat();
    let built = build(&tree(&[("f.yaml", &file)]), "", None, &nobody).expect("builds");
    assert_eq!(built.manifests.iter().map(|m| m.id.kind.as_str()).collect::<Vec<_>>(), ["Namespace", "GitRepository"]);
    assert_eq!(
        built.skipped.iter().map(|s| s.id.name.as_str()).collect::<Vec<_>>(),
        ["source-controller", "buckets.source.toolkit.fluxcd.io"]
    );
}

#[test]
fn older_helm_releases_are_converted_and_noted() {
    let file = "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, chart: {spec: {chart: ./web, version: 1.x, sourceRef: {kind: GitRepository, name: r}}}}\n";
    let built = build(&tree(&[("r.yaml", file)]), "", None, &nobody).expect("builds");
    assert_eq!(built.manifests[0].api_version, "helm.toolkit.fluxcd.io/v2");
    assert_eq!(built.notes.len(), 2);
    assert!(built.notes[0].starts_with("r.yaml:1: HelmRelease/apps/web: apiVersion: helm.toolkit.fluxcd.io/v2beta1"), "{:?}", built.notes);
}

#[test]
fn files_for_kustomize_only_are_left_out_and_definitions_of_the_same_commit_are_known() {
    let files = [
        ("k/kustomization.yaml", "namespace: ns\nresources: [a.yaml]\n"),
        (
            "k/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: l, annotations: {config.kubernetes.io/local-config: 'true'}}\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec: {group: example.com, scope: Cluster, names: {kind: Gadget}}\n---\napiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g}\n---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n",
        ),
    ];
    assert_eq!(
        run(&files, "k").expect("builds"),
        ["CustomResourceDefinition/x k/a.yaml:5", "Gadget/g k/a.yaml:10", "Widget/ns/w k/a.yaml:14"].map(str::to_owned)
    );
}

#[test]
fn an_empty_root_is_no_error_and_an_empty_kustomization_neither() {
    assert_eq!(run(&[], ""), Ok(vec![]));
    assert_eq!(run(&[("k/kustomization.yaml", "resources: []\n")], "k"), Ok(vec![]));
    assert_eq!(run(&[("k/README.md", "nothing")], "k"), Ok(vec![]));
}
