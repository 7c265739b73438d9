use super::*;
use serde_json::json;

const CANARY: &str = "c4n4ry-pass";

fn redactor() -> Redactor {
    Redactor::new(b"key")
}

fn check_hidden(object: Json) {
    let text = redactor().object(&object).to_string();
    let encoded = base64::engine::general_purpose::STANDARD.encode(CANARY);
    assert!(!text.contains(CANARY) && !text.contains(&encoded), "{text}");
}

#[test]
fn no_part_of_a_secret_comes_through() {
    let encoded = base64::engine::general_purpose::STANDARD.encode(CANARY);
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": encoded}, "stringData": {"b": CANARY}}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": {"deep": [CANARY]}}}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": CANARY}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"apiVersion": "v1", "kind": "ConfigMap", "x": CANARY}}),
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": [CANARY, 7]}),
        json!({"apiVersion": "broken/", "kind": "Secret", "data": {"a": CANARY}}),
        json!({"kind": "Secret", "data": {"a": CANARY}}),
        json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "data": {"a": CANARY}}]}),
        json!({"apiVersion": "v1", "kind": "SecretList", "items": [{"kind": "Secret", "data": {"a": CANARY}}]}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {LAST_APPLIED: format!("{{\"data\":\"{CANARY}\"}}")}}}),
    ] {
        check_hidden(object);
    }
}

#[test]
fn what_is_no_secret_stays() {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "metadata": {"name": "c", "annotations": {"x": "y"}}});
    assert_eq!(redactor().object(&object), object);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "s"}, "data": {"key": "YQ=="}});
    let shown = redactor().object(&secret);
    assert_eq!(shown["metadata"]["name"], "s");
    assert_eq!(shown["data"]["key"].as_str().map(|text| text.starts_with("(1 B, #")), Some(true), "{shown}");
}

#[test]
fn fingerprints_show_equality_and_need_the_key() {
    let hide = |key: &str, value: &str, base64| Redactor::new(key.as_bytes()).hide(&json!(value), base64);
    assert_eq!(hide("k", "YWJj", true), hide("k", "abc", false), "data and stringData of one value agree");
    assert_eq!(hide("k", "abc", false).bytes, 3);
    assert_ne!(hide("k", "abc", false), hide("k", "abd", false));
    assert_ne!(hide("k", "abc", false), hide("other", "abc", false));
    assert_eq!(hide("k", "abc", false).to_string().len(), "(3 B, #a1f3)".len());
}

#[test]
fn known_secrets_go_from_text_in_every_form() {
    let redactor = redactor().with_secrets(["pa\"ss/word".to_owned(), "on".to_owned(), "pa\"ss/word-long".to_owned()]);
    for leak in ["got pa\"ss/word", "{\"p\":\"pa\\\"ss/word\"}", "pa%22ss%2Fword", "cGEic3Mvd29yZA==", "x pa\"ss/word-long"] {
        let text = redactor.text(leak);
        assert!(!text.contains("ss") && !text.contains("cGEi") && !text.contains("-long"), "{leak} -> {text}");
    }
    assert_eq!(redactor.text("condition"), "condition", "very short strings are left alone");
    let config = json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"url": "db://pa\"ss/word@h"}});
    assert!(!redactor.object(&config).to_string().contains("ss/word"));
}

#[test]
fn values_of_secret_objects_are_known() {
    let secret = json!({"kind": "Secret", "data": {"p": "aHVudGVyMg=="}, "stringData": {"q": "swordfish"}});
    let redactor = redactor().with_secrets_of([&secret]);
    let text = redactor.text("denied: hunter2, swordfish, aHVudGVyMg==");
    assert!(!text.contains("hunter2") && !text.contains("swordfish") && !text.contains("aHVudGVy"), "{text}");
    assert!(!format!("{redactor:?}").contains("hunter2"));
}

#[test]
fn userinfo_goes_from_urls() {
    for (text, want) in [
        ("clone https://bob:tok@git.example/x.git failed", "clone https://***@git.example/x.git failed"),
        ("https://token@h/x and http://a:b@c", "https://***@h/x and http://***@c"),
        ("https://a:p@ss@h/x", "https://***@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("ssh://git:pw@h/x", "ssh://***@h/x"),
        ("https://h/x@y", "https://h/x@y"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("no url", "no url"),
    ] {
        assert_eq!(redactor().text(text), want);
    }
}

#[test]
fn a_value_is_judged_by_its_place() {
    let secret = json!({"kind": "Secret"});
    let at = |text: &str| Pointer::parse(text).expect(text);
    assert!(matches!(redactor().value(&secret, &at("/data/a"), &json!("YQ==")), Shown::Hidden(Hidden { bytes: 1, .. })));
    assert!(matches!(redactor().value(&secret, &at("/data"), &json!(5)), Shown::Hidden(_)));
    assert!(matches!(redactor().value(&secret, &at("/type"), &json!("Opaque")), Shown::Plain(_)));
    assert_eq!(Redactor::reveal_all().value(&secret, &at("/data/a"), &json!("YQ==")), Shown::Plain(json!("YQ==")));
    let Shown::Plain(map) = redactor().value(&secret, &at("/data"), &json!({"a": "YQ=="})) else { panic!("keys are shown") };
    assert!(map["a"].as_str().is_some_and(|text| text.starts_with("(1 B")));
    let annotations = redactor().value(&json!({"kind": "Pod"}), &at("/metadata/annotations"), &json!({LAST_APPLIED: "x"}));
    assert!(!annotations.to_string().contains("\"x\""));
}
