//! Every row was printed by kubectl v1.36.3 of objects like these; `!` marks what it refuses.

use super::Template;
use crate::object::Json;
use serde_json::json;

fn deployment() -> Json {
    json!({"kind": "Deployment", "metadata": {"name": "d", "generation": 1}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "d"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {"spec": {"containers": [
            {"args": ["a", "b", "c", "d"], "image": "x:1", "name": "c", "ports": [
                {"containerPort": 80, "name": "http", "protocol": "TCP"}, {"containerPort": 443, "name": "https", "protocol": "TCP"}]},
            {"image": "y:2", "name": "s"}]}}},
        "status": {"conditions": [{"status": "True", "type": "Available"}, {"status": "True", "type": "Progressing"}]}})
}

fn list() -> Json {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
        {"kind": "ConfigMap", "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web", "tier": "front"}},
         "data": {"k": "v", "n": "1", "dotted.key": "x y"}},
        {"kind": "ConfigMap", "metadata": {"name": "b", "labels": {"tier": "back"}}, "data": {"k": "w", "n": "10"}}]})
}

/// The containers, for which `C` stands in the rows.
const CONTAINERS: &str = ".spec.template.spec.containers";

#[track_caller]
fn check(object: &Json, rows: &[(&str, &str)]) {
    for (template, want) in rows {
        let template = template.replace(".C", CONTAINERS);
        let got = Template::parse(&template).and_then(|parsed| parsed.print(object));
        match (want.strip_prefix('!'), got) {
            (None, got) => assert_eq!(got.as_deref(), Ok(*want), "{template}"),
            (Some(words), Err(error)) => assert!(error.contains(words), "{template}: {error}"),
            (Some(words), Ok(got)) => panic!("{template}: {got:?} instead of an error about {words:?}"),
        }
    }
}

#[test]
fn paths_print_what_kubectl_prints() {
    check(
        &deployment(),
        &[
            ("{.metadata.name}", "d"),
            (".metadata.name", ".metadata.name"),
            ("{$.metadata.name}", "d"),
            ("{@.metadata.name}", "d"),
            ("{ .metadata.name }", "d"),
            ("n={.metadata.name} r={.spec.replicas}", "n=d r=2"),
            ("{.metadata.name}\\n", "d\\n"),
            ("{.spec.replicas}}", "2}"),
            ("{.metadata.name}{\"\\n\"}", "d\n"),
            ("{\"a\"}{\"b\\tc\"}{'x'}{5}{true}{\"a\\\"b\"}", "ab\tcx5truea\"b"),
            ("{.C[*].name}", "c s"),
            ("{.C.name}", ""),
            ("{.C[0].args[1:3]}", "b c"),
            ("{.C[0].args[-1]}", "d"),
            ("{.C[0].args[-1:]}", "d"),
            ("{.C[0].args[::2]}", "a c"),
            ("{.C[0].args[0,2]}", "a c"),
            ("{.C[:1].name}", "c"),
            ("{.C[-2:].name}", "c s"),
            ("{.nope.deeper}x", "x"),
            ("{.spec.replicas.x}", ""),
            ("{.spec.selector}", "{\"matchLabels\":{\"app\":\"d\"}}"),
            ("{.spec.selector.*}", "{\"app\":\"d\"}"),
            ("{.spec['replicas','selector']}", "2 {\"matchLabels\":{\"app\":\"d\"}}"),
            ("{.metadata.generation}{.spec.strategy.rollingUpdate}", "1{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"}"),
            ("{..containerPort}", "80 443"),
            ("{..ports[*].name}", "http https"),
            ("{.spec..replicas}", "2"),
            ("{.C[*].image} {.metadata..name}", "x:1 y:2 d"),
            (
                "{.C[0].ports}",
                "[{\"containerPort\":80,\"name\":\"http\",\"protocol\":\"TCP\"},{\"containerPort\":443,\"name\":\"https\",\"protocol\":\"TCP\"}]",
            ),
        ],
    );
    check(&json!({"data": {"h": "<a>&\"b\""}}), &[("{.data}", "{\"h\":\"\\u003ca\\u003e\\u0026\\\"b\\\"\"}"), ("{.data.h}", "<a>&\"b\"")]);
}

#[test]
fn filters_and_ranges_print_what_kubectl_prints() {
    check(
        &deployment(),
        &[
            ("{.C[?(@.name==\"s\")].image}", "y:2"),
            ("{.C[?(@.name=='s')].name}", "s"),
            ("{.C[?(\"s\"==@.name)].name}", "s"),
            ("{.C[?(@.name!=\"s\")].image}", "x:1"),
            ("{.C[?(@.name>\"d\")].name}", "s"),
            ("{.C[?(@.args)].name}", "c"),
            ("{.C[?(@.nope==\"x\")].name}", ""),
            ("{.C[?(@.ports[0].name==\"http\")].name}", "c"),
            ("{.C[?(@.image==\"x:1\")]..name}", "c http https"),
            ("{.C[0].ports[?(@.containerPort>100)].name}", "https"),
            ("{.C[0].ports[?(@.containerPort<=80)].name}", "http"),
            ("{.C[0].args[?(@ == \"b\")]}", "b"),
            ("{.status.conditions[?(@.type==\"Available\")].status}", "True"),
            ("{range .C[*]}{.name}{\"\\t\"}{.image}{\"\\n\"}{end}", "c\tx:1\ns\ty:2\n"),
            ("{range .C[*]}{.name}{range .ports[*]} {.name}{end};{end}", "c http https;s;"),
            ("{range .status.conditions[*]}{@.type}={@.status} {end}", "Available=True Progressing=True "),
            ("{range .C[*]}{.name}", "cs"),
            ("{range .metadata.name}<{@}>{end}", "<d>"),
            ("{range .C[0].args}{@}{end}", "[\"a\",\"b\",\"c\",\"d\"]"),
        ],
    );
    check(
        &list(),
        &[
            ("{.items[*].metadata.name}", "a b"),
            ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"),
            ("{.items[*].metadata.labels.app\\.kubernetes\\.io/name}", "web"),
            ("{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}", "web"),
            ("{.items[0].data['dotted\\.key']}", "x y"),
            ("{range .items[*]}{.metadata.name}:{.data.k} {end}", "a:v b:w "),
            ("{range .items[*]}[{range .data.*}{@},{end}]{end}", "[x y,v,1,][w,10,]"),
            ("{range .items[?(@.metadata.labels.tier==\"back\")]}{.metadata.name}{end}", "b"),
            ("{.items[*]['metadata.name','kind']}", "a b ConfigMap ConfigMap"),
            ("{..name}", "a b"),
            ("{range .items[*].metadata}{.name}{\"\\n\"}{end}{.kind}", "a\nb\nList"),
        ],
    );
}

#[test]
fn what_kubectl_refuses_is_refused() {
    check(
        &deployment(),
        &[
            ("{metadata.name}", "!{.metadata.name}"),
            ("{foo bar}", "!`foo bar` is not understood"),
            ("{", "!not closed"),
            ("a{.a", "!at character 2"),
            ("{.a[}", "!`[` is not closed"),
            ("{end}", "!without a `{range …}`"),
            ("{.spec[\"replicas\"]}", "![\"replicas\"] is not understood"),
            ("{.C[a]}", "![a] is not understood"),
            ("{.C[?(@.name==\"s\")}", "!not closed"),
            ("{.C[?(@.name==s)].name}", "!texts stand in quotes"),
            ("{.C[?(@.name=\"s\")].name}", "!in a filter"),
            ("{.C[?(@.name==\"s\"||@.name==\"c\")].name}", "!neither && nor ||"),
            ("{.C[0].args[9]}", "!index 9 is out of bounds: the list has 4 items"),
            ("{.C[0].args[0:9]}", "!index 8 is out of bounds"),
            ("{.C[-3:].name}", "!out of bounds"),
            ("{.C[1:0]}", "!greater than"),
            ("{.metadata.name[0]}", "!a text is no list"),
            ("{[0]}", "!a mapping is no list"),
            ("{.C[?(@.ports[*].name==\"https\")].name}", "!one value with one value"),
            ("{.C[0].ports[?(@.containerPort==\"80\")].name}", "!80 and 80 cannot be compared"),
            ("{.C[0].ports[?(@.containerPort==80.0)].name}", "!cannot be compared"),
        ],
    );
}
