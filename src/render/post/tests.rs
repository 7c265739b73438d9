use super::*;
use crate::api::helm::KustomizeRenderer;
use crate::object::Origin;

/// Made with kustomize 5.7.1 from the same objects and the same patches; `expect` is null where it refuses.
const CASES: &str = include_str!("testdata/kustomize.json");

fn manifest(body: &Json) -> Manifest {
    Manifest::new(body.clone(), Origin::default()).expect("a manifest")
}

fn renderers(kustomize: Json, strategy: Option<PostRenderStrategy>) -> Result<PostRenderers, PostError> {
    let kustomize: KustomizeRenderer = serde_json::from_value(kustomize).expect("patches and images");
    PostRenderers::compile(&[PostRenderer { kustomize: Some(kustomize) }], strategy)
}

fn apply(objects: &[Json], kustomize: Json) -> Result<Vec<Json>, PostError> {
    let changed = renderers(kustomize, None)?.apply(objects.iter().map(manifest).collect(), Vec::new())?;
    Ok(changed.objects.into_iter().map(|m| m.body).collect())
}

#[test]
fn as_kustomize_does_it() {
    let cases: Vec<Json> = serde_json::from_str(CASES).expect("cases");
    assert!(cases.len() >= 25);
    let mut wrong = Vec::new();
    for case in &cases {
        let objects = case["objects"].as_array().expect("objects");
        let ours = apply(objects, case["kustomize"].clone());
        let want = case["expect"].as_array().cloned();
        // Its command line sorts by kind; only the order inside of objects is compared.
        let sorted = |list: &Vec<Json>| {
            let mut list = list.clone();
            list.sort_by_key(|o| format!("{} {}", o["kind"], o["metadata"]["name"]));
            list
        };
        if ours.as_ref().ok().map(sorted) != want.as_ref().map(sorted) {
            wrong.push(format!("{}\n  ours {}\n  want {}", case["name"], json!(ours.map_err(|e| e.to_string())), json!(want)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_name_the_patch_the_object_and_the_field() {
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1,
        "template": {"spec": {"containers": [{"name": "a"}]}}}});
    let merge = |spec: &str| json!({"patches": [{"patch": format!("spec: {spec}"), "target": {"kind": "Deployment"}}]});
    for (kustomize, want) in [
        (
            merge("{replicas: [1]}"),
            "spec.postRenderers[0].kustomize.patches[0]: it does not fit Deployment/web (): spec.replicas is a plain value, and the patch has a list for it",
        ),
        (
            merge("{template: {spec: {containers: [{image: x}]}}}"),
            "spec.template.spec.containers[0] has no name, by which this list is merged",
        ),
        (merge("{$retainKeys: [a]}"), "spec.$retainKeys: kustomize does not know this directive"),
        (merge("{$patch: away}"), "$patch is \"away\"; it can be merge, replace or delete"),
        (json!({"patches": [{"patch": ""}]}), "the patch is empty"),
        (json!({"patches": [{"patch": "a: [", "target": {"kind": "X"}}]}), "the patch is no YAML"),
        (json!({"patches": [{"patch": "just text", "target": {"kind": "X"}}]}), "neither an object (strategic merge) nor a list"),
        (json!({"patches": [{"patch": "- {op: jump, path: /a}", "target": {"kind": "X"}}]}), "no list of JSON 6902 operations"),
        (json!({"patches": [{"patch": "spec: {}"}]}), "without a target the patch must have apiVersion, kind and metadata.name"),
        (json!({"patches": [{"patch": "a: 1\n---\nb: 1", "target": {"kind": "X"}}]}), "several strategic merge patches"),
        (json!({"patches": [{"patch": "a: 1", "target": {"kind": "["}}]}), "patches[0]: target.kind: `[`"),
        (json!({"images": [{"name": "a("}]}), "spec.postRenderers[0].kustomize.images[0].name: `a(` is no regular expression"),
    ] {
        let error = apply(std::slice::from_ref(&web), kustomize.clone()).expect_err(&kustomize.to_string()).to_string();
        assert!(error.contains(want), "{error}\n  instead of {want}");
    }
}

#[test]
fn hooks_take_part_as_the_strategy_says() {
    let object = |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let patch = json!({"patches": [{"patch": "metadata: {labels: {x: on-all}}", "target": {"kind": "ServiceAccount"}}]});
    for (strategy, want) in
        [(None, (2, 0, true)), (Some(PostRenderStrategy::Separate), (1, 1, true)), (Some(PostRenderStrategy::NoHooks), (1, 1, false))]
    {
        let renderers = renderers(patch.clone(), strategy).expect("valid");
        let changed = renderers.apply(vec![manifest(&object("a"))], vec![manifest(&object("hook"))]).expect("it fits");
        let hook = changed.objects.iter().chain(&changed.hooks).find(|m| m.id.name == "hook").expect("it is there");
        assert_eq!((changed.objects.len(), changed.hooks.len(), hook.label("x").is_some()), want, "{strategy:?}");
        assert!(changed.objects[0].label("x").is_some());
    }
}

#[test]
fn a_target_that_meets_nothing_is_told() {
    let renderers = renderers(json!({"patches": [{"patch": "a: 1", "target": {"kind": "Nothing"}}]}), None).expect("valid");
    let changed = renderers.apply(Vec::new(), Vec::new()).expect("it fits");
    assert_eq!(changed.notes, ["spec.postRenderers[0].kustomize.patches[0]: its target matches no object"]);
}

#[test]
fn post_renderers_run_one_after_another() {
    let web =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}});
    let list: Vec<PostRenderer> = serde_json::from_value(json!([
        {"kustomize": {"images": [{"name": "a", "newName": "b"}]}},
        {"kustomize": {"patches": [{"patch": "spec: {containers: [{name: a, args: [x]}]}", "target": {"kind": "Pod"}}], "images": [{"name": "b", "newTag": "2"}]}},
    ])).expect("post-renderers");
    let changed = PostRenderers::compile(&list, None).expect("valid").apply(vec![manifest(&web)], Vec::new()).expect("it fits");
    assert_eq!(changed.objects[0].body["spec"]["containers"], json!([{"name": "a", "image": "b:2", "args": ["x"]}]));
}

/// Here kustomize loses the patch's item without a word; the API server's own strategic merge takes the port for that of its number.
#[test]
fn a_port_without_protocol_is_that_of_its_number() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81, "protocol": "TCP"}]}]}});
    let patch = json!({"patches": [{"patch": "spec: {containers: [{name: a, ports: [{containerPort: 80, name: http}]}]}", "target": {"kind": "Pod"}}]});
    let out = apply(&[pod], patch).expect("it fits");
    let want = json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}, {"containerPort": 81, "protocol": "TCP"}]);
    assert_eq!(out[0]["spec"]["containers"][0]["ports"], want);
}
