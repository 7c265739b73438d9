use super::*;
use proptest::prelude::*;
use serde_json::json;

fn lines(live: &Json, desired: &Json, keys: &ListKeys) -> Vec<String> {
    let redactor = Redactor::new(b"k");
    diff(live, desired, keys).iter().map(|change| format!("{} @{}", change.shown(desired, &redactor), change.pointer)).collect()
}

fn check(live: Json, desired: Json, want: &[&str]) {
    assert_eq!(lines(&live, &desired, &ListKeys::default()), want, "{live} -> {desired}");
}

#[test]
fn fields_differ_or_not() {
    check(json!({"a": 1, "b": {"c": 2}}), json!({"a": 1.0, "b": {"c": 2}, "n": null}), &[]);
    check(json!({"n": null}), json!({}), &[]);
    check(
        json!({"a": 9_007_199_254_740_993_u64}),
        json!({"a": 9_007_199_254_740_992_u64}),
        &["~ .a: 9007199254740993 -> 9007199254740992 @/a"],
    );
    check(json!({"spec": {"replicas": 5}}), json!({"spec": {"replicas": 3}}), &["~ .spec.replicas: 5 -> 3 @/spec/replicas"]);
    check(
        json!({"a": {"b/c": 1}}),
        json!({"a": {"d.e": {"f": "x"}}}),
        &["- .a[\"b/c\"]: 1 @/a/b~1c", "+ .a[\"d.e\"]: {\"f\":\"x\"} @/a/d.e"],
    );
    check(json!({"a": {"b": 1}}), json!({"a": "text"}), &["~ .a: {\"b\":1} -> text @/a"]);
    check(json!({"a": ""}), json!({"a": "x\ny"}), &["~ .a: \"\" -> (2 lines) @/a"]);
    check(json!({}), json!({"a": null, "e": {}}), &["+ .e: {} @/e"]);
}

#[test]
fn list_items_are_matched() {
    let named = |list: &[(&str, &str)]| json!({"c": list.iter().map(|(n, i)| json!({"name": n, "image": i})).collect::<Vec<_>>()});
    check(
        named(&[("side", "s"), ("app", "1")]),
        named(&[("app", "2")]),
        &["~ .c[name=app].image: 1 -> 2 @/c/1/image", "- .c[name=side]: {\"image\":\"s\",\"name\":\"side\"} @/c/0"],
    );
    check(
        named(&[("a", "1"), ("b", "1")]),
        named(&[("b", "1"), ("a", "1")]),
        &[
            "~ .c: [{\"image\":\"1\",\"name\":\"a\"},{\"image\":\"1\",\"name\":\"b\"}] -> [{\"image\":\"1\",\"name\":\"b\"},{\"image\":\"1\",\"name\":\"a\"}] @/c",
        ],
    );
    check(
        json!({"p": [{"containerPort": 80}]}),
        json!({"p": [{"containerPort": 80, "protocol": "TCP"}]}),
        &["+ .p[containerPort=80,protocol=TCP].protocol: TCP @/p/0/protocol"],
    );
    check(
        json!({"p": [{"containerPort": 53, "protocol": "UDP"}]}),
        json!({"p": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]}),
        &["+ .p[containerPort=53,protocol=TCP]: {\"containerPort\":53} @/p/1"],
    );
    check(json!({"args": ["a", "b"]}), json!({"args": ["a", "c"]}), &["~ .args[1]: b -> c @/args/1"]);
    check(json!({"args": ["a"]}), json!({"args": ["a", "c"]}), &["~ .args: [\"a\"] -> [\"a\",\"c\"] @/args"]);
    check(
        json!({"c": [{"name": "x", "v": 1}, {"name": "x", "v": 2}]}),
        json!({"c": [{"name": "x", "v": 1}, {"name": "x", "v": 3}]}),
        &["~ .c[1].v: 2 -> 3 @/c/1/v"],
    );
}

#[test]
fn managed_fields_tell_the_keys() {
    let fields = json!({"f:l": {"k:{\"id\":1}": {".": {}, "f:id": {}}}, "f:s": {"v:\"x\"": {}}});
    let object = json!({"metadata": {"managedFields": [{"manager": "m", "operation": "Apply", "fieldsV1": fields}]}});
    let keys = crate::plan::ownership::Ownership::of(&object).list_keys();
    let live = json!({"l": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}], "s": ["x", "y"]});
    let desired = json!({"l": [{"id": 2, "v": "b"}, {"id": 1, "v": "A"}], "s": ["z", "x"]});
    assert_eq!(lines(&live, &desired, &keys), ["~ .l[id=1].v: a -> A @/l/0/v", "- .s[=y]: y @/s/1", "+ .s[=z]: z @/s/0"]);
}

#[test]
fn secrets_do_not_come_through() {
    let secret = |data: &str| json!({"kind": "Secret", "data": {"p": data}});
    let (live, desired) = (secret("aHVudGVyMTI="), secret("aHVudGVyMTIzNDU2"));
    let got = lines(&live, &desired, &ListKeys::default());
    assert!(got[0].starts_with("~ .data.p: changed (8 B -> 12 B, #"), "{got:?}");
    assert!(!format!("{:?}", diff(&live, &desired, &ListKeys::default())).contains("aHVu"));
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3..3i64).prop_map(Json::from),
        "[a-c]{0,2}".prop_map(Json::from)
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map("[a-c]|name", inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(a in tree()) {
        prop_assert_eq!(diff(&a, &a, &ListKeys::default()), vec![]);
        prop_assert!(same(&a, &a));
    }

    #[test]
    fn differing_trees_have_a_difference(a in tree(), b in tree()) {
        prop_assert_eq!(diff(&a, &b, &ListKeys::default()).is_empty(), same(&a, &b));
        prop_assert_eq!(same(&a, &b), same(&b, &a));
    }

    #[test]
    fn pointers_name_the_values(a in tree(), b in tree()) {
        for change in diff(&a, &b, &ListKeys::default()) {
            if let Some(live) = &change.live {
                prop_assert_eq!(change.pointer.get(&a), Some(live));
            } else if let Some(last) = change.desired.as_ref() {
                prop_assert!(!last.is_null());
            }
        }
    }
}
