use super::*;
use crate::plan::ignore::Rule;
use serde_json::json;

fn desired() -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
            "name": "app", "image": "app:1", "ports": [{"containerPort": 80}], "args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "resources": {"requests": {"cpu": 0.5, "memory": "64Mi"}}}]}}}})
}

fn recorded(text: &str) -> Json {
    serde_json::from_str(text).expect("recorded JSON")
}

fn live() -> Json {
    recorded(include_str!("../testdata/web-live.json"))
}

fn dry_run() -> Json {
    recorded(include_str!("../testdata/web-dry-run.json"))
}

fn judge(desired: &Json, applied: &Json, live: Option<&Json>, dry_run: Option<&Json>, rules: &[Rule]) -> Vec<String> {
    let rules = Rules::compile(rules).expect("valid rules");
    let now = "2026-11-21T02:00:00Z".parse().expect("a time");
    let redactor = Redactor::new(b"k");
    let terms = Terms { now, revision: "main@1", mode: Mode::Enabled, next: None, rules: &rules, redactor: &redactor };
    let show = |value: &Option<Shown>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    let line = |d: &Drift| {
        let who = d.owners.first().map(ToString::to_string).or_else(|| d.suspect.as_ref().map(|owner| format!("perhaps {owner}")));
        let since = d.since().map_or("?".to_owned(), |time| time.to_string());
        let policy = match &d.policy {
            DriftPolicy::Ignored(rule) => format!(" {rule}"),
            DriftPolicy::NotOurs => " not ours".into(),
            _ => String::new(),
        };
        format!("{} {:?} {} -> {} by {} since {since}{policy}", d.path, d.op, show(&d.desired), show(&d.live), who.unwrap_or_default())
    };
    let seen = Observed { desired, applied, live, dry_run };
    drift(&seen, &terms).iter().map(line).collect()
}

#[test]
fn a_real_deployment_is_judged_field_by_field() {
    let got = judge(&desired(), &desired(), Some(&live()), Some(&dry_run()), &[]);
    insta::assert_snapshot!(got.join("\n"), @r#"
    .metadata.labels Removed {"app":"web"} -> - by perhaps kubectl-patch (person) since 2026-11-21T01:45:44Z
    .spec.replicas Changed 2 -> 4 by kubectl (person) since ?
    .spec.template.spec.containers[name=app].image Changed app:1 -> app:2 by kubectl-set (person) since 2026-11-21T01:45:43Z
    .metadata.annotations.who Extra - -> me by kubectl-annotate (person) since 2026-11-21T01:45:43Z not ours
    .spec.template.spec.containers[name=side] Extra - -> {"image":"s:1","imagePullPolicy":"IfNotPresent","name":"side","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"} by kubectl-patch (person) since 2026-11-21T01:45:44Z not ours
    .spec.template.spec.nodeSelector.x Extra - -> y by kubectl-patch (person) since 2026-11-21T01:45:44Z not ours
    "#);
    assert!(may_have_drifted(&desired(), &live()));
}

#[test]
fn a_corrected_object_has_only_extras() {
    let got = judge(&desired(), &desired(), Some(&dry_run()), Some(&dry_run()), &[]);
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got.iter().all(|line| line.ends_with("not ours")), "{got:?}");
}

#[test]
fn ignored_fields_are_named_with_their_rule() {
    let rule = Rule { paths: vec!["/spec/replicas".into()], target: None };
    let mut applied = desired();
    Rules::compile(std::slice::from_ref(&rule)).expect("valid").strip(&mut applied);
    let mut answer = live();
    answer["metadata"]["labels"] = json!({"app": "web"});
    let got = judge(&desired(), &applied, Some(&live()), Some(&answer), &[rule]);
    assert_eq!(got[0], ".metadata.labels Removed {\"app\":\"web\"} -> - by perhaps kubectl-patch (person) since 2026-11-21T01:45:44Z");
    assert_eq!(got[1], ".spec.replicas Changed 2 -> 4 by kubectl (person) since ? ignore[0] `/spec/replicas`");
}

#[test]
fn excluded_objects_are_left_alone() {
    let whole = Rule { paths: vec![String::new()], target: None };
    assert!(judge(&desired(), &desired(), Some(&live()), Some(&dry_run()), &[whole]).is_empty());
    let mut excluded = live();
    excluded["metadata"]["annotations"][super::super::ignore::DRIFT_DETECTION] = json!("disabled");
    assert!(judge(&desired(), &desired(), Some(&excluded), Some(&dry_run()), &[]).is_empty());
}

#[test]
fn without_a_dry_run_no_drift_is_claimed() {
    let got = judge(&desired(), &desired(), Some(&live()), None, &[]);
    assert!(got.len() == 3 && got.iter().all(|line| line.ends_with("not ours")), "{got:?}");
}

#[test]
fn a_gone_object_is_drift() {
    assert_eq!(judge(&desired(), &desired(), None, None, &[]), [". Removed - -> - by  since ?"]);
}

fn config_map(data: Json, managers: &[(&str, &str, Json)]) -> Json {
    let entries: Vec<_> = managers
        .iter()
        .map(|(manager, operation, fields)| json!({"manager": manager, "operation": operation, "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": fields}}))
        .collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n", "resourceVersion": "1", "managedFields": entries}, "data": data})
}

#[test]
fn what_we_own_and_no_longer_want_is_drift_and_status_noise_is_not() {
    let want = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "1"}});
    let live = config_map(json!({"a": "1", "old": "x"}), &[("helmward", "Apply", json!({"f:a": {}, "f:old": {}}))]);
    let mut answer = config_map(json!({"a": "1"}), &[("helmward", "Apply", json!({"f:a": {}}))]);
    answer["metadata"]["resourceVersion"] = json!("2");
    answer["status"] = json!({"x": 1});
    let got = judge(&want, &want, Some(&live), Some(&answer), &[]);
    assert_eq!(got, [".data.old Extra - -> x by helmward (us) since 2026-01-01T00:00:00Z"]);
    assert!(may_have_drifted(&want, &live));
    assert!(!may_have_drifted(&want, &answer));
}

#[test]
fn what_a_webhook_changes_in_the_dry_run_is_no_drift() {
    let want = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "1"}});
    let live = config_map(json!({"a": "1", "injected": "x"}), &[("helmward", "Apply", json!({"f:a": {}}))]);
    let answer = config_map(json!({"a": "1", "injected": "y"}), &[("helmward", "Apply", json!({"f:a": {}}))]);
    assert!(judge(&want, &want, Some(&live), Some(&answer), &[]).is_empty());
}

#[test]
fn secret_values_are_not_told() {
    let secret = |data: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"p": data}});
    let got = judge(&secret("aHVudGVyMg=="), &secret("aHVudGVyMg=="), Some(&secret("aGFja2Vk")), Some(&secret("aHVudGVyMg==")), &[]);
    assert!(got.len() == 1 && !got[0].contains("aHV") && !got[0].contains("aGF") && got[0].contains("(7 B, #"), "{got:?}");
}

#[test]
fn first_seen_is_kept_while_a_difference_lasts() {
    let make = |pointer: &str, at: &str| Drift {
        object: ObjectId::new("", "ConfigMap", "n", "c"),
        path: pointer.into(),
        pointer: Pointer::parse(pointer).expect("valid"),
        op: DriftOp::Changed,
        desired: None,
        live: None,
        owners: vec![],
        suspect: None,
        first_seen: at.parse().expect("a time"),
        last_seen: at.parse().expect("a time"),
        desired_revision: String::new(),
        policy: DriftPolicy::Warn,
        next: None,
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let got = carry_on(&[make("/a", old)], vec![make("/a", new), make("/b", new)]);
    assert_eq!(
        got.iter().map(|d| (d.first_seen.to_string(), d.last_seen.to_string())).collect::<Vec<_>>(),
        [(old.into(), new.into()), (new.into(), new.into())]
    );
}

#[test]
fn a_key_added_to_an_atomic_map_of_ours_is_drift() {
    let pod = |selector: Json| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeSelector": selector}});
    let owned_by = |mut object: Json, manager: &str, operation: &str| {
        object["metadata"]["managedFields"] =
            json!([{"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {"f:nodeSelector": {}}}}]);
        object
    };
    let want = pod(json!({"a": "b"}));
    let live = owned_by(pod(json!({"a": "b", "x": "y"})), "kubectl-patch", "Update");
    let answer = owned_by(want.clone(), "helmward", "Apply");
    let got = judge(&want, &want, Some(&live), Some(&answer), &[]);
    assert_eq!(got, [".spec.nodeSelector.x Extra - -> y by kubectl-patch (person) since ?"]);
}
