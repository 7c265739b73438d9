use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn reads_and_writes_the_examples_of_rfc_6901() {
    let tree = json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8});
    for (text, want) in [
        ("/foo", json!(["bar", "baz"])),
        ("/foo/0", json!("bar")),
        ("/", json!(0)),
        ("/a~1b", json!(1)),
        ("/c%d", json!(2)),
        ("/i\\j", json!(5)),
        ("/k\"l", json!(6)),
        ("/ ", json!(7)),
        ("/m~0n", json!(8)),
        ("", tree.clone()),
    ] {
        let pointer = Pointer::parse(text).expect(text);
        assert_eq!(pointer.get(&tree), Some(&want), "{text}");
        assert_eq!(pointer.to_string(), text);
    }
    for absent in ["/foo/2", "/foo/01", "/foo/-", "/foo/+1", "/bar", "/foo/0/x"] {
        assert_eq!(Pointer::parse(absent).expect(absent).get(&tree), None, "{absent}");
    }
    assert_eq!(Pointer::parse("spec"), Err(PointerError::NoSlash("spec".into())));
    for bad in ["/a~", "/a~2", "/~é"] {
        assert_eq!(Pointer::parse(bad), Err(PointerError::BadEscape(bad.into())));
    }
}

#[test]
fn sets_and_removes() {
    let mut tree = json!({"a": [1, 2]});
    for (pointer, could) in [("/b/c", true), ("/a/-", true), ("/a/9", false), ("/a/0", true), ("/a/0/x", false)] {
        assert_eq!(Pointer::parse(pointer).expect(pointer).set(&mut tree, json!("new")), could, "{pointer}");
    }
    assert_eq!(tree, json!({"a": ["new", 2, "new"], "b": {"c": "new"}}));
    for (pointer, want) in [("/a/1", Some(json!(2))), ("/b", Some(json!({"c": "new"}))), ("/x/y", None), ("/a/7", None)] {
        assert_eq!(Pointer::parse(pointer).expect(pointer).remove(&mut tree), want, "{pointer}");
    }
    assert_eq!(tree, json!({"a": ["new", "new"]}));
    assert_eq!(Pointer::root().remove(&mut tree), Some(json!({"a": ["new", "new"]})));
    assert_eq!(tree, Json::Null);
}

#[test]
fn paths_read_well() {
    let field = |name: &str| Step::Field(name.into());
    let keys = |list: &[(&str, &str)]| Step::Keys(list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
    for (steps, want) in [
        (vec![], "."),
        (vec![field("spec"), field("containers"), keys(&[("name", "app")]), field("image")], ".spec.containers[name=app].image"),
        (vec![field("data"), field("app.yaml")], ".data[\"app.yaml\"]"),
        (vec![field("a/b")], ".[\"a/b\"]"),
        (vec![field("ports"), keys(&[("containerPort", "80"), ("protocol", "TCP")])], ".ports[containerPort=80,protocol=TCP]"),
        (vec![field("finalizers"), Step::Value("x/y".into())], ".finalizers[=x/y]"),
        (vec![field("args"), Step::Index(2)], ".args[2]"),
    ] {
        assert_eq!(Path(steps).to_string(), want);
    }
}

proptest! {
    #[test]
    fn text_round_trips(tokens in proptest::collection::vec("[a-z/~0-1é]{0,4}", 0..5)) {
        let pointer = Pointer::from_tokens(tokens);
        prop_assert_eq!(Pointer::parse(&pointer.to_string()), Ok(pointer));
    }

    #[test]
    fn what_was_set_is_there_and_goes(tokens in proptest::collection::vec("[a-z~/]{1,3}", 1..5)) {
        let pointer = Pointer::from_tokens(tokens);
        let mut tree = json!({});
        prop_assert!(pointer.set(&mut tree, json!(7)));
        prop_assert_eq!(pointer.get(&tree), Some(&json!(7)));
        prop_assert_eq!(pointer.remove(&mut tree), Some(json!(7)));
        prop_assert_eq!(pointer.get(&tree), None);
    }
}
