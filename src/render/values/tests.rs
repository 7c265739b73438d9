use super::*;
use serde_json::json;

fn store(objects: &[(&str, &str, &str, &str)]) -> BTreeMap<(String, String), Data> {
    let mut out: BTreeMap<_, Data> = BTreeMap::new();
    for (kind, name, key, content) in objects {
        out.entry(((*kind).to_owned(), (*name).to_owned())).or_default().insert((*key).to_owned(), content.as_bytes().to_vec());
    }
    out
}

fn run(objects: &[(&str, &str, &str, &str)], references: Json, inline: Option<Json>) -> Result<Json, String> {
    let store = store(objects);
    let references: Vec<ValuesReference> = serde_json::from_value(references).expect("references");
    compose("apps", &references, |kind, name| store.get(&(kind.to_string(), name.to_owned())), inline.as_ref()).map_err(|e| e.to_string())
}

/// Compared as numbers, whether float or not.
fn assert_values(found: Json, expect: Json) {
    assert_eq!(with_floats(found), with_floats(expect));
}

#[test]
fn merges_in_order_then_inline_then_target_paths() {
    let objects = [
        ("ConfigMap", "values", "values.yaml", "flat: value\nnested:\n  configuration: [one, two, three]\n  keep: 1\n"),
        ("Secret", "values", "values.yaml", "flat:\n  nested: value\nonly: secret\n"),
        ("Secret", "values", "key", "value"),
        ("Secret", "values", "number", "8080"),
        ("Secret", "values", "quoted", "\"true\""),
        ("ConfigMap", "values", "app.yml", "endpoints: [a,b]\n"),
        ("ConfigMap", "values", "empty", ""),
    ];
    for (references, inline, expect) in [
        (json!([]), None, json!({})),
        (
            json!([{"kind": "ConfigMap", "name": "values"}, {"kind": "Secret", "name": "values"}]),
            Some(json!({"other": "x"})),
            json!({"flat": {"nested": "value"}, "nested": {"configuration": ["one", "two", "three"], "keep": 1}, "only": "secret", "other": "x"}),
        ),
        (
            json!([{"kind": "Secret", "name": "values"}, {"kind": "ConfigMap", "name": "values"}]),
            Some(json!({"nested": {"configuration": ["x"]}})),
            json!({"flat": "value", "nested": {"configuration": ["x"], "keep": 1}, "only": "secret"}),
        ),
        // A target path goes before everything, wherever it stands.
        (
            json!([{"kind": "Secret", "name": "values", "valuesKey": "key", "targetPath": "nested.configuration[0]"}, {"kind": "ConfigMap", "name": "values"}]),
            Some(json!({"nested": {"configuration": ["list", "item"]}})),
            json!({"flat": "value", "nested": {"configuration": ["value", "item"], "keep": 1}}),
        ),
        (
            json!([{"kind": "Secret", "name": "values", "valuesKey": "key", "targetPath": "flat"}]),
            Some(json!({"flat": "inline"})),
            json!({"flat": "value"}),
        ),
        (
            json!([{"kind": "Secret", "name": "values", "valuesKey": "number", "targetPath": "a"}, {"kind": "Secret", "name": "values", "valuesKey": "quoted", "targetPath": "b"}]),
            None,
            json!({"a": 8080, "b": "true"}),
        ),
        (
            json!([{"kind": "Secret", "name": "values", "valuesKey": "number", "targetPath": "a", "literal": true}]),
            None,
            json!({"a": "8080"}),
        ),
        (
            json!([{"kind": "ConfigMap", "name": "values", "valuesKey": "app.yml", "targetPath": r"files.app\.yml", "literal": true}]),
            None,
            json!({"files": {"app.yml": "endpoints: [a,b]\n"}}),
        ),
        (json!([{"kind": "ConfigMap", "name": "values", "valuesKey": "empty"}]), None, json!({})),
        (
            json!([{"kind": "ConfigMap", "name": "gone", "optional": true}, {"kind": "Secret", "name": "values", "valuesKey": "gone", "optional": true}]),
            None,
            json!({}),
        ),
        // Nulls stay: they delete defaults of the chart later.
        (
            json!([{"kind": "ConfigMap", "name": "values"}]),
            Some(json!({"nested": {"keep": null}, "flat": null})),
            json!({"flat": null, "nested": {"configuration": ["one", "two", "three"], "keep": null}}),
        ),
    ] {
        let found = run(&objects, references.clone(), inline).unwrap_or_else(|e| panic!("{references}: {e}"));
        assert_values(found, expect);
    }
}

#[test]
fn numbers_of_documents_are_floats_and_of_target_paths_integers() {
    let objects = [("ConfigMap", "v", "values.yaml", "a: 1\n"), ("ConfigMap", "v", "n", "2")];
    let references = json!([{"kind": "ConfigMap", "name": "v"}, {"kind": "ConfigMap", "name": "v", "valuesKey": "n", "targetPath": "b"}]);
    let found = run(&objects, references, Some(json!({"c": 3}))).expect("values");
    assert!(found["a"].is_f64() && found["b"].is_i64() && found["c"].is_f64(), "{found}");
}

#[test]
fn errors_name_the_object_the_key_and_the_entry() {
    let objects = [
        ("ConfigMap", "bad", "values.yaml", "\ninvalid"),
        ("ConfigMap", "bad", "list", "[1]"),
        ("ConfigMap", "bad", "broken", "a: [\n"),
        ("ConfigMap", "bad", "brokers", "a:1,b:2"),
        ("Secret", "bad", "values.yaml", "a: b\nhunter2: [x\n"),
        ("Secret", "bad", "scalar", "hunter2"),
        ("Secret", "bad", "brokers", "hunter2,hunter2"),
    ];
    for (reference, expect) in [
        (
            json!({"kind": "Secret", "name": "gone"}),
            "Secret apps/gone of spec.valuesFrom[0] does not exist; create it, or set optional: true there",
        ),
        (json!({"kind": "ConfigMap", "name": "bad", "valuesKey": "x"}), "ConfigMap apps/bad of spec.valuesFrom[0] has no key `x`; add it"),
        (json!({"kind": "ConfigMap", "name": "bad"}), "key `values.yaml` is no YAML mapping (it is a single value)"),
        (
            json!({"kind": "ConfigMap", "name": "bad", "valuesKey": "list", "optional": true}),
            "key `list` is no YAML mapping (it is a list)",
        ),
        (json!({"kind": "ConfigMap", "name": "bad", "valuesKey": "broken"}), "line 1"),
        (
            json!({"kind": "ConfigMap", "name": "bad", "valuesKey": "brokers", "targetPath": "k"}),
            "key `brokers` cannot be put at `k`: key \"b:2\" has no value",
        ),
        (json!({"kind": "Secret", "name": "bad"}), "key `values.yaml` is no YAML mapping (see its line"),
        (json!({"kind": "Secret", "name": "bad", "valuesKey": "scalar"}), "is no YAML mapping"),
        (json!({"kind": "Secret", "name": "bad", "valuesKey": "brokers", "targetPath": "k"}), "grammar of --set"),
    ] {
        let error = run(&objects, json!([reference]), None).expect_err("an error");
        assert!(error.contains(expect), "{error}\n  lacks {expect}");
        assert!(!error.contains("hunter2"), "content of a Secret is told: {error}");
    }
}

#[test]
fn absence_is_no_verdict_on_the_content() {
    let references: Vec<ValuesReference> = serde_json::from_value(json!([{"kind": "Secret", "name": "gone"}])).expect("references");
    let error = compose("apps", &references, |_, _| None, None).expect_err("absent");
    assert!(error.is_absence());
    assert_eq!(error.reference().map(|r| r.name.as_str()), Some("gone"));
}

#[test]
fn files_take_the_place_of_the_charts_own() {
    let read = |path: &str| match path {
        "charts/web/values.yaml" => Some(b"a: 1\nb: {c: 1, d: 2}\n".to_vec()),
        "charts/web/prod.yaml" => Some(b"b: {c: 9}\n".to_vec()),
        "bad.yaml" => Some(b"[]".to_vec()),
        _ => None,
    };
    let run = |files: &[&str], ignore| {
        let files: Vec<String> = files.iter().map(|f| (*f).to_owned()).collect();
        from_files(&files, ignore, read).map_err(|e| e.to_string())
    };
    assert_eq!(run(&[], false), Ok(None));
    let merged = run(&["./charts/web/values.yaml", "/charts/x/../web/prod.yaml"], false).expect("values").expect("given");
    assert_values(merged, json!({"a": 1, "b": {"c": 9, "d": 2}}));
    assert_eq!(run(&["gone.yaml"], true), Ok(Some(json!({}))));
    for (file, expect) in [
        ("gone.yaml", "`gone.yaml` is not in the source"),
        ("../x.yaml", "lies outside"),
        ("bad.yaml", "`bad.yaml` is no YAML mapping: it is a list"),
    ] {
        assert!(run(&[file], false).expect_err("an error").contains(expect), "{file}");
    }
}

/// The digests are those that Flux computes for the same values.
#[test]
fn digests_are_those_of_flux() {
    for (values, expect) in [
        (json!({}), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (json!(null), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            json!({"replicas": 3.0, "image": {"tag": "latest", "repository": "nginx"},
                "ports": [{"protocol": "TCP", "port": 8080}, {"port": 9090, "protocol": "UDP"}]}),
            "sha256:fcdc2b0de1581a3633ada4afee3f918f6eaa5b5ab38c3fef03d5b48d3f85d9f6",
        ),
        (
            json!({"replicas": 3, "test": {"632bd80235a05f4192aefade": "value1", "632bd80ddf416cf32fd50679": "value2",
                "632bd817c559818a52307da2": "value3", "632bd82398e71231a98004b6": "value4"}}),
            "sha256:8a980fcbeadd6f05818f07e8aec14070c22250ca3d96af1fcd5f93b3e85b4d70",
        ),
    ] {
        assert_eq!(digest(&values), expect, "{values}");
    }
    assert_eq!(digest(&json!({"a": 1})), digest(&json!({"a": 1.0})));
    assert_ne!(digest(&json!({"a": 1})), digest(&json!({"a": "1"})));
}

proptest::proptest! {
    #[test]
    fn no_path_leaves_the_root(path in r"(\.|\.\.|a|b|/){0,12}") {
        if let Some(path) = inside(&path) {
            proptest::prop_assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".." && part != "."), "{}", path);
        }
    }
}
