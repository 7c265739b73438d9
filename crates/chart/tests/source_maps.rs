//! Source maps of hand-made charts: the lines expected here were counted in the texts below.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use helmward_chart::chart::{Chart, LoadLimits, load_tree};
use helmward_chart::render::{
    ExplainedLine, Input, Query, ReleaseInfo, TemplateOptions, ValuesSource, explain, explain_all, helm_template_capabilities, render,
    to_template_output, trace,
};
use helmward_chart::template::{NoEntropy, Time};
use helmward_chart::values;
use serde_json::{Map, json};

const CHART_YAML: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fn chart(files: &[(&str, &str)]) -> Chart {
    let tree = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec().into()));
    let own = [("Chart.yaml".to_owned(), CHART_YAML.as_bytes().to_vec().into())];
    let own = own.into_iter().filter(|(name, _)| !files.iter().any(|(there, _)| there == name));
    load_tree(own.chain(tree), &LoadLimits::default()).unwrap()
}

/// All lines, and that tracing changes nothing.
fn lines(chart: &Chart, sources: &[ValuesSource], query: Option<&str>) -> Vec<ExplainedLine> {
    let mut user = Map::new();
    for source in sources {
        values::merge(
            &mut user,
            match source {
                ValuesSource::File { text, .. } => values::from_yaml(text.as_bytes()).unwrap(),
                ValuesSource::Set { values, .. } => values.clone(),
            },
        );
    }
    let capabilities = helm_template_capabilities();
    let release = ReleaseInfo::install("rel", "ns");
    let input = Input::new(chart, &user, release, &capabilities, Time::unix(0, 0), Arc::new(NoEntropy));
    let traced = trace(&input).unwrap();
    assert_eq!(traced.rendered, render(&input).unwrap());
    let options = TemplateOptions::default();
    let lines = match query {
        None => explain_all(&traced, &options, sources).unwrap(),
        Some(query) => explain(&traced, &options, sources, &query.parse::<Query>().unwrap()).unwrap(),
    };
    if query.is_none() {
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        assert_eq!(text, to_template_output(&traced.rendered, &options).unwrap());
    }
    lines
}

/// `text <- place < call … | path=file:line …`; a `~` before a path says that it is not there as it is, a `?` at the end that
/// there may be other values.
fn shown(lines: &[ExplainedLine]) -> Vec<String> {
    let line = |line: &ExplainedLine| {
        let places: Vec<String> = line.places().iter().map(|place| place.to_string().replace("c/templates/", "")).collect();
        let mut out = format!("{} <- {}", line.text, places.join(" < "));
        for value in line.values() {
            let origin = match &value.origin {
                None => "unknown".to_owned(),
                Some(origin) => format!("{}{}", origin.source, origin.line.map_or(String::new(), |line| format!(":{line}"))),
            };
            out.push_str(&format!(" | {}{}={origin}", if value.exact { "" } else { "~" }, value.path));
        }
        out + if line.complete() { "" } else { " ?" }
    };
    lines.iter().filter(|l| !l.parts.is_empty()).map(line).collect()
}

fn one(template: &str, values: &str) -> Vec<String> {
    shown(&lines(&chart(&[("templates/x.yaml", template), ("values.yaml", values)]), &[], None))
}

#[test]
fn text_and_plain_values() {
    let template = "kind: A\nname: {{ .Values.name }}\n\n{{- if .Values.enabled }}\nreplicas: {{ .Values.replicas }}\n{{- end }}\n\
                    release: {{ .Release.Name }}\nboth: \"{{ .Values.name }}-{{ .Values.deep.tag }}\"\n";
    let values = "enabled: true\nname: web\nreplicas: 3\ndeep:\n  # a comment\n  tag: v1\n";
    assert_eq!(
        one(template, values),
        [
            "kind: A <- x.yaml:1",
            "name: web <- x.yaml:2 | name=c/values.yaml:2",
            "replicas: 3 <- x.yaml:5 | replicas=c/values.yaml:3",
            "release: rel <- x.yaml:7",
            "both: \"web-v1\" <- x.yaml:8 | name=c/values.yaml:2 | deep.tag=c/values.yaml:6",
        ]
    );
}

#[test]
fn functions_that_keep_a_text_and_those_that_do_not() {
    let template = "a: {{ .Values.name | quote }}\nb: {{ .Values.nope | default .Values.name | trunc 63 | trimSuffix \"-\" }}\n\
                    c: {{ printf \"%s-%v\" .Release.Name .Values.num }}\nd: {{ .Values.name | upper }}\ne: {{ .Values.name | b64enc | quote }}\n\
                    f: {{ .Values.name | trunc 2 }}\ng: {{ $x := .Values.num }}{{ $x }}\nh: {{ default 5 .Values.num | int }}\n\
                    i: {{ add .Values.num 1 }}\nj: {{ get (dict \"k\" .Values.num) \"k\" }}\nk: {{ ternary .Values.name \"x\" .Values.enabled }}\n";
    assert_eq!(
        one(template, "name: web\nnum: 7\nenabled: true\n"),
        [
            "a: \"web\" <- x.yaml:1 | name=c/values.yaml:1",
            "b: web <- x.yaml:2 | name=c/values.yaml:1",
            "c: rel-7 <- x.yaml:3 | num=c/values.yaml:2",
            "d: WEB <- x.yaml:4 | ~name=c/values.yaml:1",
            "e: \"d2Vi\" <- x.yaml:5 | ~name=c/values.yaml:1",
            "f: we <- x.yaml:6 | ~name=c/values.yaml:1",
            "g: 7 <- x.yaml:7 | num=c/values.yaml:2",
            "h: 7 <- x.yaml:8 | num=c/values.yaml:2",
            "i: 8 <- x.yaml:9 | ~num=c/values.yaml:2",
            "j: 7 <- x.yaml:10 | num=c/values.yaml:2",
            "k: web <- x.yaml:11 | name=c/values.yaml:1",
        ]
    );
}

#[test]
fn includes_and_templates_give_their_own_lines() {
    let helpers = "{{- define \"labels\" -}}\napp: {{ .Values.name }}\n{{ include \"more\" . }}\n{{- end }}\n{{- define \"more\" }}tier: web{{ end }}\n";
    let template = "kind: A\nlabels:\n  {{- include \"labels\" . | nindent 2 }}\nother:\n  {{ template \"more\" . }}\n";
    let chart = chart(&[("templates/x.yaml", template), ("templates/_h.tpl", helpers), ("values.yaml", "name: web\n")]);
    assert_eq!(
        shown(&lines(&chart, &[], None)),
        [
            "kind: A <- x.yaml:1",
            "labels: <- x.yaml:2",
            "  app: web <- _h.tpl:2 < x.yaml:3 | name=c/values.yaml:1",
            "  tier: web <- _h.tpl:5 < _h.tpl:3 < x.yaml:3",
            "other: <- x.yaml:4",
            "  tier: web <- _h.tpl:5 < x.yaml:5",
        ]
    );
}

#[test]
fn trees_written_by_to_yaml() {
    let template =
        "spec:\n  {{- toYaml .Values.spec | nindent 2 }}\n{{- with .Values.list }}\nlist: {{ toYaml . | nindent 2 }}\n{{- end }}\n";
    let values = "list:\n- a\n- k: 1\n  l: two\nspec:\n  cpu: 1\n  text: |\n    x\n    y\n  none: {}\n  on: \"yes\"\n";
    assert_eq!(
        one(template, values),
        [
            "spec: <- x.yaml:1",
            "  cpu: 1 <- x.yaml:2 | spec.cpu=c/values.yaml:6",
            "  none: {} <- x.yaml:2 | spec.none=c/values.yaml:10",
            "  text: | <- x.yaml:2 | spec.text=c/values.yaml:7",
            "    x <- x.yaml:2 | spec.text=c/values.yaml:7",
            "    y <- x.yaml:2 | spec.text=c/values.yaml:7",
            "  \"true\": \"yes\" <- x.yaml:2 | spec.true=c/values.yaml:11",
            "list:  <- x.yaml:4",
            "  - a <- x.yaml:4 | list[0]=c/values.yaml:2",
            "  - k: 1 <- x.yaml:4 | list[1].k=c/values.yaml:3",
            "    l: two <- x.yaml:4 | list[1].l=c/values.yaml:4",
        ]
    );
}

#[test]
fn ranges_over_lists_and_maps() {
    let template = "{{- range $k, $v := .Values.labels }}\n{{ $k }}: {{ $v | quote }}\n{{- end }}\n{{- range .Values.ports }}\n- {{ .port }}\n{{- end }}\n\
                    {{- range $i, $n := .Values.numbers }}\nn{{ $i }}: {{ $n }}\n{{- end }}\n";
    // one document that is a mapping is needed, so the list stands under a key
    let template = template.replace("- {{ .port }}", "p{{ .port }}: {{ .name }}");
    assert_eq!(
        one(&template, "labels:\n  a: x\n  b: z\nports:\n- port: 80\n  name: http\n- {port: 443, name: https}\nnumbers: [4, 5]\n"),
        [
            "a: \"x\" <- x.yaml:2 | labels.a=c/values.yaml:2",
            "b: \"z\" <- x.yaml:2 | labels.b=c/values.yaml:3",
            "p80: http <- x.yaml:5 | ports[0].port=c/values.yaml:5 | ports[0].name=c/values.yaml:6",
            "p443: https <- x.yaml:5 | ports[1].port=c/values.yaml:7 | ports[1].name=c/values.yaml:7",
            "n0: 4 <- x.yaml:8 | numbers[0]=c/values.yaml:8",
            "n1: 5 <- x.yaml:8 | numbers[1]=c/values.yaml:8",
        ]
    );
}

#[test]
fn texts_of_tpl_come_from_the_value_that_holds_them() {
    let template = "kind: A\na: {{ tpl .Values.text . }}\nb: {{ tpl \"{{ .Values.name }}-x\" . }}\n{{ tpl (toYaml .Values.tree) . }}\n";
    let values = "name: web\ntext: \"{{ .Values.name }}.example.org\"\ntree:\n  host: \"{{ .Release.Name }}\"\n  plain: p\n";
    assert_eq!(
        one(template, values),
        [
            "kind: A <- x.yaml:1",
            "a: web.example.org <- x.yaml:2 | name=c/values.yaml:1 | text=c/values.yaml:2",
            "b: web-x <- x.yaml:3 | name=c/values.yaml:1",
            "host: 'rel' <- x.yaml:4 | tree.host=c/values.yaml:4",
            "plain: p <- x.yaml:4 | tree.plain=c/values.yaml:5",
        ]
    );
}

#[test]
fn the_source_that_won_is_named() {
    let template =
        "a: {{ .Values.a }}\nb: {{ .Values.m.b }}\nc: {{ .Values.m.c }}\nd: {{ .Values.m.d }}\ne: {{ .Values.list | join \",\" }}\n";
    let chart = chart(&[("templates/x.yaml", template), ("values.yaml", "a: 1\nm:\n  b: 1\n  c: 1\n  d: 1\nlist: [1]\n")]);
    let file = |name: &str, text: &str| ValuesSource::File { name: name.to_owned(), text: text.to_owned() };
    let Some(set) = json!({"m": {"d": 4}}).as_object().cloned() else { panic!("a mapping") };
    let sources = [
        file("one.yaml", "# first\nm:\n  b: 2\n  c: 2\n"),
        file("two.yaml", "list:\n- x\n- z\nm: {c: 3}\n"),
        ValuesSource::Set { name: "--set m.d=4".to_owned(), values: set },
    ];
    assert_eq!(
        shown(&lines(&chart, &sources, None)),
        [
            "a: 1 <- x.yaml:1 | a=c/values.yaml:1",
            "b: 2 <- x.yaml:2 | m.b=one.yaml:3",
            "c: 3 <- x.yaml:3 | m.c=two.yaml:4",
            "d: 4 <- x.yaml:4 | m.d=--set m.d=4",
            "e: x,z <- x.yaml:5 | list[0]=two.yaml:2 | list[1]=two.yaml:3",
        ]
    );
    let found = lines(&chart, &sources, Some("3"));
    assert_eq!(found.len(), 1);
    assert_eq!(shown(&found), ["a: 1 <- x.yaml:1 | a=c/values.yaml:1"]);
}

#[test]
fn the_key_of_a_mapping_of_two_sources_is_of_neither() {
    let template = "{{- range $k, $v := .Values.m }}\n{{ $k }}: x\n{{- end }}\n";
    let chart = chart(&[("templates/x.yaml", template), ("values.yaml", "m:\n  both: {a: 1}\n  own: {a: 1}\n")]);
    let sources = [ValuesSource::File { name: "f.yaml".to_owned(), text: "m:\n  both:\n    c: 2\n  given: {b: 1}\n".to_owned() }];
    assert_eq!(
        shown(&lines(&chart, &sources, None)),
        ["both: x <- x.yaml:2 | m.both=unknown", "given: x <- x.yaml:2 | m.given=f.yaml:4", "own: x <- x.yaml:2 | m.own=c/values.yaml:3"]
    );
}

#[test]
fn sub_charts_globals_libraries_and_imports() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n- {name: s, version: 1.0.0, alias: t, import-values: [data]}\n- {name: l, version: 1.0.0}\n",
        ),
        ("values.yaml", "global:\n  reg: r1\nt:\n  over: parent\n"),
        ("templates/x.yaml", "kind: A\nimported: {{ .Values.got }}\nreg: {{ .Values.global.reg }}\n"),
        ("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
        ("charts/s/values.yaml", "over: own\nplain: own\nglobal:\n  reg: r2\n  low: z\nexports:\n  data:\n    got: it\n"),
        (
            "charts/s/templates/s.yaml",
            "kind: B\nover: {{ .Values.over }}\nplain: {{ .Values.plain }}\nreg: {{ .Values.global.reg }}\nlow: {{ .Values.global.low }}\n{{ include \"l.x\" . }}\n",
        ),
        ("charts/l/Chart.yaml", "apiVersion: v2\nname: l\nversion: 1.0.0\ntype: library\n"),
        ("charts/l/templates/_l.tpl", "{{ define \"l.x\" -}}\nlib: {{ .Values.plain }}\n{{- end }}\n"),
    ];
    let s = "c/charts/t/templates/s.yaml";
    let sub = "c/charts/t/values.yaml";
    assert_eq!(
        shown(&lines(&chart(&files), &[], None)),
        [
            "kind: A <- x.yaml:1".to_owned(),
            format!("imported: it <- x.yaml:2 | got={sub}:8"),
            "reg: r1 <- x.yaml:3 | global.reg=c/values.yaml:2".to_owned(),
            format!("kind: B <- {s}:1"),
            format!("over: parent <- {s}:2 | t.over=c/values.yaml:4"),
            format!("plain: own <- {s}:3 | t.plain={sub}:2"),
            format!("reg: r1 <- {s}:4 | t.global.reg=c/values.yaml:2"),
            format!("low: z <- {s}:5 | t.global.low={sub}:5"),
            format!("lib: own <- c/charts/l/templates/_l.tpl:2 < {s}:6 | t.plain={sub}:2"),
        ]
    );
}

#[test]
fn what_a_template_changed_is_not_claimed() {
    let template = "{{- $_ := set .Values \"num\" 9 }}\n{{- $_ := set .Values.m \"s\" \"new\" }}\na: {{ .Values.num }}\nb: {{ .Values.m.s }}\n\
                    c: {{ (merge (dict \"x\" \"\") .Values.m).x }}\nd: {{ (mergeOverwrite (deepCopy .Values.m) (dict \"z\" 5)).z }}\n\
                    e: {{ (\"k: v\" | fromYaml).k }}\nf: {{ (toYaml .Values.m | fromYaml).x }}\n";
    assert_eq!(
        one(template, "num: 1\nm:\n  s: old\n  x: \"1\"\n  z: 2\n"),
        [
            "a: 9 <- x.yaml:3",
            "b: new <- x.yaml:4",
            "c: 1 <- x.yaml:5 | m.x=c/values.yaml:4",
            "d: 5 <- x.yaml:6",
            "e: v <- x.yaml:7",
            "f: 1 <- x.yaml:8 | m.x=c/values.yaml:4",
        ]
    );
}

#[test]
fn a_text_that_several_places_share_is_of_none_of_them() {
    let helpers = "{{ define \"name\" }}{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix \"-\" }}{{ end }}";
    let chart = chart(&[
        ("templates/_h.tpl", helpers),
        ("templates/a.yaml", "a: {{ include \"name\" . }}\n"),
        ("templates/b.yaml", "\nb: {{ include \"name\" . }}\n{{- $d := dict }}{{ $_ := set $d \"v\" .Chart.Name }}\nv: {{ $d.v }}\n"),
        ("values.yaml", "nameOverride: \"\"\n"),
    ]);
    assert_eq!(shown(&lines(&chart, &[], None)), ["a: c <- a.yaml:1", "b: c <- b.yaml:2", "v: c <- b.yaml:4"]);
    let inner: Vec<String> = lines(&chart, &[], None).iter().filter_map(|l| Some(l.parts.get(1)?.places.last()?.to_string())).collect();
    assert_eq!(inner, ["c/templates/a.yaml:1", "c/templates/b.yaml:2"]);
}

#[test]
fn documents_keep_their_lines_when_they_are_sorted_and_hooks_put_last() {
    let template = "# a comment\n---\nkind: Deployment\nmetadata:\n  name: d.x\nspec: {{ .Values.num }}\n---\n\nkind: Job\nmetadata:\n  name: j\n  \
                    annotations: {helm.sh/hook: pre-install}\n---\nkind: Namespace\nmetadata:\n  name: first\n  annotations:\n    \"a.b/c\": x\n    d: |\n      1\n      2\n";
    let chart = chart(&[("templates/x.yaml", template), ("values.yaml", "num: 1\n")]);
    let found = shown(&lines(&chart, &[], None));
    assert_eq!(found[0], "kind: Namespace <- x.yaml:14");
    assert!(found.contains(&"spec: 1 <- x.yaml:6 | num=c/values.yaml:1".to_owned()), "{found:?}");
    assert_eq!(found.iter().rposition(|l| l.starts_with("kind: Job <- x.yaml:9")), Some(found.len() - 4));
    let ask = |query: &str| shown(&lines(&chart, &[], Some(query)));
    assert_eq!(ask("deployment/d.x.spec"), ["spec: 1 <- x.yaml:6 | num=c/values.yaml:1"]);
    assert_eq!(ask("Namespace/first.metadata.annotations[\"a.b/c\"]"), ["    \"a.b/c\": x <- x.yaml:18"]);
    assert_eq!(ask("Namespace/first.metadata.annotations.d").len(), 3);
    assert_eq!(ask("Job/j").len(), 4);
    for (query, words) in [("Pod/x", "Deployment/d.x"), ("Job/j.spec", "there is kind, metadata"), ("999", "there is no line 999")] {
        let capabilities = helm_template_capabilities();
        let user = Map::new();
        let release = ReleaseInfo::install("rel", "ns");
        let traced = trace(&Input::new(&chart, &user, release, &capabilities, Time::unix(0, 0), Arc::new(NoEntropy))).unwrap();
        let error = explain(&traced, &TemplateOptions::default(), &[], &query.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    for wrong in ["", "x", "/x", "A/", "A/b.", "A/b[1"] {
        assert!(wrong.parse::<Query>().is_err(), "{wrong}");
    }
}
