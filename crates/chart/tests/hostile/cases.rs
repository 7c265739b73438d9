//! The list of hostile charts and what each must come to.

use std::sync::Arc;

use bytes::Bytes;
use helmward_chart::chart::{Chart, LoadLimits, load_archive, load_tree};
use helmward_chart::render::{Input, ReleaseInfo, RenderError, helm_template_capabilities};
use helmward_chart::template::{Keyed, Limits, Place, Time};
use helmward_chart::values;
use serde_json::Map;

use super::archive::{entry, file, pack};

/// A hostile chart.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn Fn(Limits) -> Outcome + Send + Sync>,
    pub(crate) expect: Expect,
    /// What it comes to under the default limits, where that is something else.
    pub(crate) by_default: Option<Expect>,
    /// Takes too long without optimisation: run with the default limits only.
    pub(crate) slow: bool,
}

/// The rendered text, all files after each other, or why there is none.
pub(crate) type Outcome = Result<String, Failure>;

#[derive(Debug)]
pub(crate) struct Failure {
    /// `load`, `values`, `manifest`, `template/` and the kind of its error …
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// What a case must come to.
#[derive(Debug)]
pub(crate) enum Expect {
    /// Renders to this.
    Text(&'static str),
    /// Fails with this kind of error, whose text has these parts.
    Error(&'static str, &'static [&'static str]),
}

type Files<'a> = &'a [(&'a str, &'a str)];

fn failure(kind: &str, text: impl ToString) -> Failure {
    Failure { kind: kind.to_owned(), text: text.to_string() }
}

fn chart(files: Files<'_>) -> Result<Chart, Failure> {
    let mut tree: Vec<(String, Bytes)> = files.iter().map(|(name, text)| ((*name).to_owned(), Bytes::from((*text).to_owned()))).collect();
    if !files.iter().any(|(name, _)| *name == "Chart.yaml") {
        tree.push(("Chart.yaml".to_owned(), Bytes::from_static(b"apiVersion: v2\nname: c\nversion: 1.0.0\n")));
    }
    load_tree(tree, &LoadLimits::default()).map_err(|e| failure("load", e))
}

fn render_chart(chart: &Chart, user: &str, limits: Limits) -> Outcome {
    chart.check_dependencies().map_err(|e| failure("dependencies", e))?;
    let user = if user.is_empty() { Map::new() } else { values::from_yaml(user.as_bytes()).map_err(|e| failure("values", e))? };
    let capabilities = helm_template_capabilities();
    let place = Place { cluster: "k", namespace: "ns", release: "rel", chart: chart.name() };
    let entropy = Arc::new(Keyed::new(b"a key of a test", place));
    let mut input = Input::new(chart, &user, ReleaseInfo::install("rel", "ns"), &capabilities, Time::unix(0, 0), entropy);
    input.limits = limits;
    match helmward_chart::render::render(&input) {
        Ok(rendered) => Ok(rendered.manifests.iter().map(|doc| doc.text.as_str()).collect::<Vec<_>>().join("\n")),
        Err(error) => {
            let kind = match &error {
                RenderError::Template { error, .. } => format!("template/{:?}", error.kind()),
                RenderError::Values(_) => "values".to_owned(),
                RenderError::Manifest { .. } => "manifest".to_owned(),
                RenderError::TooManyDocuments { .. } => "documents".to_owned(),
                other => format!("{other:?}"),
            };
            Err(failure(&kind, error))
        }
    }
}

/// Loads and renders a chart of these files. `Chart.yaml` is there if none is given.
pub(crate) fn render(files: Files<'_>, user: &str, limits: Limits) -> Outcome {
    render_chart(&chart(files)?, user, limits)
}

fn archive(bytes: &[u8], limits: Limits) -> Outcome {
    let chart = load_archive(bytes, &LoadLimits::default()).map_err(|e| failure("load", e))?;
    render_chart(&chart, "", limits)
}

fn case(name: &'static str, run: impl Fn(Limits) -> Outcome + Send + Sync + 'static, expect: Expect) -> Case {
    Case { name, run: Box::new(run), expect, by_default: None, slow: SLOW.contains(&name) }
}

/// A case that is small enough for the default limits.
fn small_enough(case: Case, by_default: Expect) -> Case {
    Case { by_default: Some(by_default), ..case }
}

/// A chart with one template, which is this.
fn template(name: &'static str, text: impl Into<String>, expect: Expect) -> Case {
    let text = text.into();
    case(name, move |limits| render(&[("templates/x.yaml", &text)], "", limits), expect)
}

/// A chart with these values and a template that is their size.
fn default_values(name: &'static str, values: impl Fn() -> String + Send + Sync + 'static, expect: Expect) -> Case {
    case(name, move |limits| render(&[("values.yaml", &values()), ("templates/x.yaml", "n: {{ len .Values.a }}")], "", limits), expect)
}

fn schema(name: &'static str, schema: impl Into<String>, user: impl Into<String>, expect: Expect) -> Case {
    let (schema, user) = (schema.into(), user.into());
    case(name, move |limits| render(&[("values.schema.json", &schema), ("templates/x.yaml", "a: b")], &user, limits), expect)
}

fn packed(name: &'static str, entries: impl Fn() -> Vec<Vec<u8>> + Send + Sync + 'static, expect: Expect) -> Case {
    case(name, move |limits| archive(&pack(&entries()), limits), expect)
}

const SLOW: [&str; 4] = ["archive-of-many-files", "user-values-of-many-nulls", "schema-that-branches", "schema-that-branches-by-depth"];
const CHART: &[u8] = b"apiVersion: v2\nname: c\nversion: 1.0.0\n";
const STEPS: Expect = Expect::Error(
    "template/Budget",
    &["template: c/templates/x.yaml:1:", "executing \"c/templates/x.yaml\" at <", "render budget of ", " steps is used up"],
);
const BYTES: Expect =
    Expect::Error("template/Budget", &["template: c/templates/x.yaml:1:", "executing \"c/templates/x.yaml\" at <", " bytes "]);
const ITEMS: Expect =
    Expect::Error("template/Budget", &["template: c/templates/x.yaml:1:", "a sequence of ", " elements is over the limit of "]);
const NESTED: Expect = Expect::Error("template/Parse", &["parse error at (c/templates/x.yaml:1): max expression depth exceeded"]);

/// Text that builds a list which holds the same list twice, so many levels deep.
fn shared(levels: usize, make: &str) -> String {
    format!("{{{{ $x := list 1 }}}}{{{{ range {levels} }}}}{{{{ $x = {make} }}}}{{{{ end }}}}")
}

/// Every hostile chart.
pub(crate) fn cases() -> Vec<Case> {
    let mut all = recursion();
    all.extend(growth());
    all.extend(patterns());
    all.extend(nesting());
    all.extend(values_files());
    all.extend(schemas());
    all.extend(archives());
    all.extend(trees());
    all
}

fn recursion() -> Vec<Case> {
    const REFERENCE: &[&str] = &[
        "template: c/templates/x.yaml:1:",
        "executing \"c/templates/x.yaml\" at <include \"r\" .>: error calling include: ",
        "rendering template has a nested reference name: r: unable to execute template",
    ];
    vec![
        template(
            "include-of-itself",
            r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#,
            Expect::Error("template/Exec", REFERENCE),
        ),
        template(
            "includes-in-a-circle",
            r#"{{ define "r" }}{{ include "s" . }}{{ end }}{{ define "s" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#,
            Expect::Error("template/Exec", REFERENCE),
        ),
        template(
            "include-through-tpl",
            r#"{{ define "r" }}{{ tpl "{{ include \"r\" . }}" . }}{{ end }}{{ include "r" . }}"#,
            Expect::Error("template/Exec", REFERENCE),
        ),
        template(
            "template-of-itself",
            r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#,
            Expect::Error(
                "template/Budget",
                &["template: c/templates/x.yaml:1:28: executing \"r\" at <{{template \"r\" .}}>: exceeded maximum template depth ("],
            ),
        ),
        template(
            "template-within-blocks",
            r#"{{ define "r" }}{{ if true }}{{ range $i := 1 }}{{ with 1 }}{{ template "r" . }}{{ end }}{{ end }}{{ end }}{{ end }}{{ template "r" . }}"#,
            Expect::Error(
                "template/Budget",
                &["template: c/templates/x.yaml:1:", "executing \"r\" at <", "exceeded maximum template depth ("],
            ),
        ),
        case(
            "tpl-of-itself",
            |limits| render(&[("templates/x.yaml", "{{ tpl .Values.a . }}")], "a: '{{ tpl .Values.a . }}'", limits),
            Expect::Error(
                "template/Budget",
                &[
                    "template: c/templates/x.yaml:1:3:",
                    "bytes of nested errors are left out: ",
                    "at <tpl .Values.a .>: error calling tpl: ",
                    " levels deep",
                ],
            ),
        ),
        case(
            "tpl-of-a-long-text-in-itself",
            |limits| {
                let user = format!("a: '{{{{ tpl .Values.a . }}}}{}'", "x".repeat(20_000));
                render(&[("templates/x.yaml", "{{ tpl .Values.a . }}")], &user, limits)
            },
            Expect::Error("template/Budget", &["template: c/templates/x.yaml:1:3:", "bytes of nested errors are left out: "]),
        ),
        template(
            "cycle-of-maps",
            r#"{{ $x := dict }}{{ $_ := set $x "a" $x }}a: "{{ toYaml $x }}{{ toJson $x }}""#,
            Expect::Text("a: \"\""),
        ),
        template(
            "cycle-with-branches",
            r#"{{ $x := dict }}{{ $_ := set $x "a" $x }}{{ $_ := set $x "b" (list $x $x) }}a: "{{ toYaml $x }}""#,
            Expect::Text("a: \"\""),
        ),
        small_enough(
            template("print-of-a-cycle", r#"{{ $x := dict }}{{ $_ := set $x "a" (list $x $x $x) }}{{ $x }}"#, BYTES),
            Expect::Error("manifest", &["YAML parse error on c/templates/x.yaml", "cannot unmarshal string"]),
        ),
        template(
            "deep-copy-of-a-cycle",
            r#"{{ $x := dict }}{{ $_ := set $x "a" $x }}{{ deepCopy $x }}"#,
            Expect::Error("template/Exec", &["c/templates/x.yaml:1:44", "nested too deeply or contains itself"]),
        ),
        template(
            "values-that-hold-themselves",
            r#"{{ $_ := set .Values "a" .Values }}{{ $_ := merge .Values (dict "b" .Values) }}a: {{ len .Values }}"#,
            Expect::Text("a: 2"),
        ),
    ]
}

fn growth() -> Vec<Case> {
    let mut all = vec![
        template("range-in-range", "{{ range 99999 }}{{ range 99999 }}{{ end }}{{ end }}", STEPS),
        template("range-over-a-huge-number", "{{ range 9999999999 }}a{{ end }}", ITEMS),
        template("until", "{{ range until 2000000000 }}a{{ end }}", ITEMS),
        template("until-step", "{{ range untilStep 0 9000000000000000000 1 }}a{{ end }}", ITEMS),
        template("seq", "{{ seq 1 1 9000000000000000000 }}", ITEMS),
        template("repeat", r#"{{ repeat 2000000000 "aaaaaaaa" }}"#, BYTES),
        template("repeat-of-repeat", r#"{{ $x := "a" }}{{ range 40 }}{{ $x = repeat 10 $x }}{{ end }}"#, BYTES),
        template("doubling-by-printf", r#"{{ $x := "aaaa" }}{{ range 99 }}{{ $x = printf "%s%s" $x $x }}{{ end }}"#, BYTES),
        template("doubling-by-join", r#"{{ $x := "aaaa" }}{{ range 99 }}{{ $x = join $x (list 1 2 3) }}{{ end }}"#, BYTES),
        template("doubling-by-cat", r#"{{ $x := "aaaa" }}{{ range 99 }}{{ $x = cat $x $x }}{{ end }}"#, BYTES),
        template("doubling-by-quote", r#"{{ $x := "\"" }}{{ range 99 }}{{ $x = quote $x }}{{ end }}"#, BYTES),
        template("growing-by-b64enc", r#"{{ $x := "aaaa" }}{{ range 999 }}{{ $x = b64enc $x }}{{ end }}"#, BYTES),
        template("growing-by-html", r#"{{ $x := "<" }}{{ range 99 }}{{ $x = html (print $x $x) }}{{ end }}"#, BYTES),
        template("growing-by-replace", r#"{{ $x := "aa" }}{{ range 99 }}{{ $x = replace "a" $x $x }}{{ end }}"#, BYTES),
        template("growing-by-yaml", r#"{{ $x := "\n" }}{{ range 99 }}{{ $x = toYaml (dict "a" $x "b" $x) | nindent 9 }}{{ end }}"#, BYTES),
        template(
            "many-copies-of-a-text",
            r#"{{ $x := repeat 900000 "a" }}{{ $l := list }}{{ range 99999 }}{{ $l = append $l (upper $x) }}{{ end }}"#,
            BYTES,
        ),
        template("indent", r#"{{ nindent 2000000000 "a" }}"#, BYTES),
        template("width-of-printf", r#"{{ range 99999 }}{{ printf "%999999d" 1 }}{{ end }}"#, BYTES),
        template("random-text", "{{ randAlphaNum 2000000000 }}", BYTES),
        small_enough(
            template("split-into-bytes", r#"{{ splitList "" (repeat 900000 "a") | len }}"#, BYTES),
            Expect::Error("manifest", &["YAML parse error on c/templates/x.yaml", "cannot unmarshal number"]),
        ),
        template("doubling-by-concat", "{{ $x := list 1 }}{{ range 99 }}{{ $x = concat $x $x }}{{ end }}", BYTES),
        template("appending", "{{ $x := list }}{{ range 999999 }}{{ $x = append $x 1 }}{{ end }}", BYTES),
        small_enough(
            template("map-of-many-keys", r#"{{ $x := dict }}{{ range $i := 999999 }}{{ $_ := set $x (toString $i) $i }}{{ end }}"#, STEPS),
            Expect::Text(""),
        ),
        template(
            "ranges-left-at-once",
            r#"{{ $x := dict }}{{ range $i := 9999 }}{{ $_ := set $x (toString $i) $i }}{{ end }}{{ range 999999 }}{{ range $k, $v := $x }}{{ break }}{{ end }}{{ end }}"#,
            STEPS,
        ),
        template("deep-copies", &*(shared(30, "dict \"a\" $x \"b\" $x") + "{{ deepCopy $x | len }}"), BYTES),
        template(
            "merge-of-shared-maps",
            &*("{{ $y := dict }}".to_owned() + &shared(40, "dict \"a\" $x \"b\" $x") + "{{ merge $y (deepCopy $x) | len }}"),
            BYTES,
        ),
        template("slow-keys", r#"{{ range 999 }}{{ derivePassword 1 "long" "a" "b" "c" }}{{ end }}"#, STEPS),
        template("slow-hashes", r#"{{ range 999 }}{{ bcrypt "a" }}{{ end }}"#, STEPS),
        template("many-certificates", r#"{{ range 999 }}{{ $_ := genCA "a" 1 }}{{ end }}"#, STEPS),
        template("documents", r#"{{ range 999999 }}{{ repeat 9999 "\n---\na: 1" }}{{ end }}"#, BYTES),
        case(
            "too-many-documents",
            |limits| render(&[("templates/x.yaml", r#"{{ repeat 110000 "\n---\na: 1" }}"#)], "", limits),
            Expect::Error("documents", &["rendered files have more than 100000 documents, the last of them in c/templates/x.yaml"]),
        ),
    ];
    for (name, function) in [
        ("yaml-of-shared-lists", "toYaml $x"),
        ("json-of-shared-lists", "toJson $x"),
        ("toml-of-shared-lists", "toToml (dict \"a\" $x)"),
        ("print-of-shared-lists", "print $x"),
        ("action-of-shared-lists", "$x"),
        ("quote-of-shared-lists", "quote $x"),
        ("search-in-shared-lists", "has 2 $x"),
    ] {
        all.push(template(name, shared(40, "list $x $x") + "{{ " + function + " }}", STEPS));
    }
    all.push(template(
        "equality-of-shared-lists",
        shared(40, "list $x $x") + "{{ $a := $x }}" + &shared(40, "list $x $x") + "{{ deepEqual $a $x }}",
        STEPS,
    ));
    all
}

fn patterns() -> Vec<Case> {
    vec![
        template(
            "regex-of-repetitions",
            r#"{{ mustRegexMatch "((a{100}){100}){100}" "a" }}"#,
            Expect::Error("template/Exec", &["c/templates/x.yaml:1:3", "error calling mustRegexMatch: error parsing regexp: "]),
        ),
        template(
            "regex-of-groups",
            format!("{{{{ mustRegexMatch `{}a{}` `a` }}}}", "(".repeat(2_000), ")".repeat(2_000)),
            Expect::Error("template/Exec", &["c/templates/x.yaml:1:3", "error calling mustRegexMatch: error parsing regexp: "]),
        ),
        template("regex-that-backtracks", r#"a: {{ mustRegexMatch "^(a+)+$" (print (repeat 30000 "a") "b") }}"#, Expect::Text("a: false")),
        template(
            "regex-on-a-large-text",
            r#"{{ range 999 }}{{ mustRegexMatch "(.*a){90}x" (repeat 900000 "a") }}{{ end }}"#,
            Expect::Error("template/Budget", &["c/templates/x.yaml:1:", "error calling mustRegexMatch: render budget of "]),
        ),
        template(
            "regex-with-many-matches",
            r#"{{ mustRegexFindAll "" (repeat 900000 "a") -1 | len }}"#,
            Expect::Error("template/Budget", &["c/templates/x.yaml:1:", "error calling mustRegexFindAll: render budget of "]),
        ),
        template(
            "regex-that-scans-to-the-end",
            r#"{{ mustRegexReplaceAll "a.*b|a" (repeat 900000 "a") "c" | len }}"#,
            Expect::Error("template/Budget", &["c/templates/x.yaml:1:", "error calling mustRegexReplaceAll: render budget of "]),
        ),
        template("many-regexes", r#"{{ range $i := 99999 }}{{ mustRegexMatch (printf "(a{90}b{90}){9}%d" $i) "a" }}{{ end }}"#, STEPS),
        template("glob-of-braces", format!("a: {{{{ len (.Files.Glob `{}`) }}}}", "{a,".repeat(9_000)), Expect::Text("a: 0")),
        template(
            "version-of-many-ranges",
            r#"a: {{ semverCompare (repeat 100000 ">=1 || ") "1.0.0" }}"#,
            Expect::Error(
                "template/Exec",
                &["c/templates/x.yaml:1:6", "error calling semverCompare: constraint string is too long (max 512 bytes)"],
            ),
        ),
    ]
}

fn nesting() -> Vec<Case> {
    let round = |count: usize| format!("{{{{ {}1{} }}}}", "(".repeat(count), ")".repeat(count));
    vec![
        template("nested-ifs", format!("{}{}", "{{ if true }}".repeat(20_000), "{{ end }}".repeat(20_000)), NESTED),
        template("nested-parentheses", round(100_000), NESTED),
        template("else-ifs", format!("{{{{ if false }}}}{}x{{{{ end }}}}", "{{ else if false }}".repeat(20_000)), NESTED),
        template("nested-blocks", format!("{}{}", "{{ block \"a\" . }}".repeat(20_000), "{{ end }}".repeat(20_000)), NESTED),
        template("long-pipeline", format!("a: {{{{ 1{} }}}}", " | print".repeat(20_000)), Expect::Text("a: 1")),
        template(
            "many-variables",
            format!("{{{{ $b := 1 }}}}{}{}a: {{{{ $b }}}}", "{{$a := 1}}".repeat(20_000), "{{$_ := $b}}".repeat(20_000)),
            Expect::Text("a: 1"),
        ),
        template(
            "many-definitions",
            (0..20_000).map(|i| format!("{{{{define \"{i}\"}}}}a{{{{end}}}}")).collect::<String>() + "a: 1",
            Expect::Text("a: 1"),
        ),
        template(
            "deep-json",
            r#"a: {{ (fromJson (repeat 100000 "[")).Error }}"#,
            Expect::Text("a: invalid character '[' exceeded max depth"),
        ),
        template(
            "deep-yaml",
            r#"a: {{ (fromYaml (repeat 100000 "[")).Error | quote }}"#,
            Expect::Text("a: \"error converting YAML to JSON: yaml: exceeded max depth of 500\""),
        ),
        template(
            "deep-toml",
            r#"a: {{ (fromToml (print "a = " (repeat 100000 "["))).Error | trunc 5 | quote }}"#,
            Expect::Text("a: \"toml:\""),
        ),
        template("deep-lists", "{{ $x := list }}{{ range 20000 }}{{ $x = list $x }}{{ end }}a: {{ len $x }}", Expect::Text("a: 1")),
        template("deep-maps", r#"{{ $x := dict }}{{ range 5000 }}{{ $x = dict "a" $x }}{{ end }}a: {{ len $x }}"#, Expect::Text("a: 1")),
        template(
            "deep-manifest",
            r#"a: {{ repeat 100000 "[" }}"#,
            Expect::Error(
                "manifest",
                &["YAML parse error on c/templates/x.yaml: error converting YAML to JSON: yaml: exceeded max depth of 500"],
            ),
        ),
        template(
            "manifest-of-aliases",
            "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
            Expect::Error(
                "manifest",
                &["YAML parse error on c/templates/x.yaml: error converting YAML to JSON: yaml: document contains excessive aliasing"],
            ),
        ),
    ]
}

fn values_files() -> Vec<Case> {
    let bomb = || {
        let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n".to_owned();
        (1..9).for_each(|i| text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(","))));
        text
    };
    const ALIASES: Expect =
        Expect::Error("load", &["cannot load values.yaml: error converting YAML to JSON: yaml: document contains excessive aliasing"]);
    vec![
        default_values("aliases-of-aliases", bomb, ALIASES),
        default_values(
            "merges-of-merges",
            || {
                let mut text = "a0: &a0 {k: 1}\n".to_owned();
                (1..30).for_each(|i| text.push_str(&format!("a{i}: &a{i}\n  x: {{<<: [*a{0}, *a{0}]}}\n  <<: [*a{0}, *a{0}]\n", i - 1)));
                text
            },
            ALIASES,
        ),
        default_values("aliases-of-a-long-text", || format!("x: &x {}\na: [{}1]\n", "x".repeat(100_000), "*x, ".repeat(300_000)), ALIASES),
        default_values(
            "anchor-within-itself",
            || "a: &a [*a]\n".to_owned(),
            Expect::Error("load", &["cannot load values.yaml: error converting YAML to JSON: yaml: anchor 'a' value contains itself"]),
        ),
        default_values(
            "deep-values",
            || format!("a: {}", "[".repeat(100_000)),
            Expect::Error("load", &["cannot load values.yaml: error converting YAML to JSON: yaml: exceeded max depth of 500"]),
        ),
        default_values(
            "deep-values-in-blocks",
            || "- ".repeat(100_000),
            Expect::Error("load", &["cannot load values.yaml: error converting YAML to JSON: yaml: exceeded max depth of 500"]),
        ),
        default_values(
            "open-keys",
            || format!("a: 1\n{}", "? ".repeat(100_000)),
            Expect::Error("load", &["cannot load values.yaml: error converting YAML to JSON: yaml: line 2: exceeded max depth of 500"]),
        ),
        default_values(
            "values-of-100-mb",
            || format!("a: {}\n", "x".repeat(100_000_000)),
            Expect::Error("load", &["chart file \"values.yaml\" is larger than the maximum file size 5242880"]),
        ),
        case(
            "user-values-of-100-mb",
            |limits| render(&[("templates/x.yaml", "a: {{ .Values.a }}")], &format!("a: {}\n", "x".repeat(100_000_000)), limits),
            Expect::Error("values", &["values are too large: 100000004 bytes are over the limit of 33554432"]),
        ),
        case(
            "user-values-of-many-nulls",
            |limits| render(&[("templates/x.yaml", "a: 1")], &format!("a: [{}1]\n", "~,".repeat(5_000_000)), limits),
            Expect::Error("values", &["yaml: line 1: document has more than 1000000 values"]),
        ),
        case(
            "user-values-printed",
            |limits| {
                render(
                    &[("templates/x.yaml", "{{ range 99 }}{{ $.Values.a }}{{ end }}")],
                    &format!("a: {}\n", "x".repeat(9_000_000)),
                    limits,
                )
            },
            BYTES,
        ),
        case(
            "deep-user-values",
            |limits| render(&[("templates/x.yaml", "a: 1")], &format!("a: {}", "{a: ".repeat(100_000)), limits),
            Expect::Error("values", &["yaml: line 1: exceeded max depth of 500"]),
        ),
    ]
}

fn schemas() -> Vec<Case> {
    let mut branches = "{\"$ref\": \"#/$defs/a0\", \"$defs\": {\"a40\": {\"type\": \"string\"}".to_owned();
    (0..40).for_each(|i| {
        let next = format!("{{\"$ref\": \"#/$defs/a{}\"}}", i + 1);
        branches.push_str(&format!(", \"a{i}\": {{\"allOf\": [{next}, {next}]}}"));
    });
    branches.push_str("}}");
    vec![
        schema(
            "schema-of-itself",
            r##"{"$ref": "#"}"##,
            "a: 1",
            Expect::Error(
                "values",
                &[
                    "values don't meet the specifications of the schema(s) in the following chart(s):\nc:\n- at '': both /$ref and  resolve to \"file:///values.schema.json#\" causing reference cycle\n",
                ],
            ),
        ),
        schema(
            "schema-that-branches",
            branches,
            "a: 1",
            Expect::Error("values", &["following chart(s):\nc:\n- at '': checking the values takes more than 1000000 steps\n"]),
        ),
        schema(
            "schema-that-branches-by-depth",
            r##"{"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}"##,
            format!("{}1{}", "{a: ".repeat(200), "}".repeat(200)),
            Expect::Error("values", &["following chart(s):\nc:\n- at '': checking the values takes more than 1000000 steps\n"]),
        ),
        schema(
            "schema-with-a-slow-pattern",
            r#"{"properties": {"a": {"pattern": "^(a+)+$"}}}"#,
            format!("a: {}b", "a".repeat(30_000)),
            Expect::Error("values", &["does not match pattern"]),
        ),
        schema(
            "schema-with-a-pattern-that-looks-back",
            r#"{"properties": {"a": {"pattern": "^(a+)+\\1$"}}}"#,
            format!("a: {}b", "a".repeat(30_000)),
            Expect::Error("values", &["c:\n"]),
        ),
        schema(
            "deep-schema",
            format!("{}1{}", "{\"not\": ".repeat(5_000), "}".repeat(5_000)),
            "a: 1",
            Expect::Error("values", &["c:\ninvalid character '{' exceeded max depth"]),
        ),
        schema(
            "schema-from-elsewhere",
            r#"{"$ref": "http://169.254.169.254/latest"}"#,
            "a: 1",
            Expect::Error("values", &["schemas are never fetched"]),
        ),
    ]
}

fn archives() -> Vec<Case> {
    let with = |name: &'static str, path: &'static str, expect: Expect| {
        packed(name, move || vec![file("c/Chart.yaml", CHART), file(path, b"a: 1")], expect)
    };
    vec![
        with("archive-that-climbs-out", "c/../../evil.yaml", Expect::Error("load", &["chart illegally references parent directory"])),
        with(
            "archive-that-climbs-to-its-root",
            "c/templates/../..",
            Expect::Error("load", &["chart illegally references parent directory"]),
        ),
        with(
            "archive-of-its-root",
            "c/templates/..",
            Expect::Error("load", &["chart illegally contains content outside the base directory: \"c/templates/..\""]),
        ),
        with("archive-of-an-absolute-path", "c//etc/passwd", Expect::Error("load", &["chart illegally contains absolute paths"])),
        with("archive-with-backslashes", "c\\..\\..\\evil.yaml", Expect::Error("load", &["chart illegally references parent directory"])),
        with("archive-of-a-drive", "c/C:/evil.yaml", Expect::Error("load", &["chart contains illegally named files"])),
        packed(
            "chart-outside-of-a-folder",
            || vec![file("Chart.yaml", CHART)],
            Expect::Error("load", &["chart illegally contains content outside the base directory: \"Chart.yaml\""]),
        ),
        packed(
            "archive-with-a-link",
            || {
                vec![
                    file("c/Chart.yaml", CHART),
                    entry("c/templates/x.yaml", b'2', "/etc/passwd", 0, b""),
                    file("c/templates/y.yaml", b"a: {{ .Files.Get \"templates/x.yaml\" | quote }}"),
                ]
            },
            Expect::Text("a: \"\""),
        ),
        packed(
            "archive-with-a-link-and-a-size",
            || {
                vec![
                    file("c/Chart.yaml", CHART),
                    entry("c/f", b'2', "/etc/passwd", 4096, b""),
                    file("c/templates/y.yaml", b"a: {{ .Files.Get \"f\" | quote }}"),
                ]
            },
            Expect::Text("a: \"\""),
        ),
        packed(
            "archive-that-unpacks-to-much",
            || vec![file("c/Chart.yaml", CHART), file("c/big", &vec![0; 60 << 20])],
            Expect::Error("load", &["decompressed chart is larger than the maximum file size 104857600"]),
        ),
        packed(
            "archive-with-a-large-file",
            || vec![file("c/Chart.yaml", CHART), file("c/big", &noise(6 << 20))],
            Expect::Error("load", &["decompressed chart file \"c/big\" is larger than the maximum file size 5242880"]),
        ),
        packed(
            "archive-of-many-files",
            || {
                let mut entries = vec![file("c/Chart.yaml", CHART)];
                entries.extend((0..21_000u64).map(|i| file(&format!("c/f{i}"), &i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())));
                entries
            },
            Expect::Error("load", &["chart has more than 20000 files"]),
        ),
        packed(
            "archive-with-a-size-that-lies",
            || vec![file("c/Chart.yaml", CHART), entry("c/f", b'0', "", 0o77_777_777_777, b"a")],
            Expect::Error("load", &["unexpected EOF"]),
        ),
        packed(
            "archive-with-a-long-name-that-lies",
            || vec![entry("././@LongLink", b'L', "", 0o77_777_777_777, b"a")],
            Expect::Error("load", &["unexpected EOF"]),
        ),
        packed(
            "archives-in-archives",
            || {
                let mut inner = pack(&[file("c/Chart.yaml", CHART)]);
                for _ in 0..40 {
                    inner = pack(&[file("c/Chart.yaml", CHART), file("c/charts/c.tgz", &inner)]);
                }
                vec![file("c/Chart.yaml", CHART), file("c/charts/c.tgz", &inner)]
            },
            Expect::Error("load", &["error unpacking subchart c.tgz in c: ", "charts are nested deeper than 32"]),
        ),
        packed(
            "bombs-in-an-archive",
            || {
                let bomb = pack(&[file("c/Chart.yaml", CHART), file("c/big", &vec![0; 4 << 20])]);
                let mut entries = vec![file("c/Chart.yaml", CHART)];
                entries.extend((0..200).map(|i| file(&format!("c/charts/c{i}.tgz"), &bomb)));
                entries
            },
            Expect::Error("load", &["error unpacking subchart c", "decompressed chart is larger than the maximum file size 104857600"]),
        ),
        case(
            "archive-cut-short",
            |limits| archive(&pack(&[file("c/Chart.yaml", &noise(90_000))])[..40_000], limits),
            Expect::Error("load", &["unexpected EOF"]),
        ),
        case("archive-that-is-none", |limits| archive(b"#!/bin/sh\nexit 1\n", limits), Expect::Error("load", &["gzip: invalid header"])),
    ]
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(len)
    .collect()
}

fn trees() -> Vec<Case> {
    vec![
        case(
            "chart-within-itself",
            |limits| {
                let names: Vec<String> = (0..40).map(|i| format!("{}Chart.yaml", "charts/c/".repeat(i))).collect();
                let text = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: c, version: 1.0.0, repository: 'file://.'}]\n";
                let files: Vec<_> = names.iter().map(|name| (name.as_str(), text)).collect();
                render(&files, "", limits)
            },
            Expect::Error("load", &["error unpacking subchart c in c: ", "charts are nested deeper than 32"]),
        ),
        case(
            "chart-that-depends-on-itself",
            |limits| {
                let text = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: c, version: 1.0.0, repository: 'file://.'}]\n";
                render(&[("Chart.yaml", text), ("templates/x.yaml", "a: 1")], "", limits)
            },
            Expect::Error("dependencies", &["found in Chart.yaml, but missing in charts/ directory: c"]),
        ),
        case(
            "two-charts-of-one-name",
            |limits| {
                let text = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: d, version: 1.0.0}, {name: e, alias: d, version: 1.0.0}]\n";
                render(&[("Chart.yaml", text)], "", limits)
            },
            Expect::Error("load", &["validation: more than one dependency with name or alias \"d\""]),
        ),
        case(
            "imports-of-a-deep-path",
            |limits| {
                let path = vec!["a"; 400_000].join(".");
                let text = format!(
                    "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{{name: d, version: 1.0.0, import-values: [{{child: x, parent: {path}}}]}}]\n"
                );
                let sub = "apiVersion: v2\nname: d\nversion: 1.0.0\n";
                render(&[("Chart.yaml", &text), ("charts/d/Chart.yaml", sub), ("charts/d/values.yaml", "x: {y: 1}")], "", limits)
            },
            Expect::Error("values", &["import-values of d: the parent's path has more than 500 parts"]),
        ),
        case(
            "many-charts-with-many-values",
            |limits| {
                let names: Vec<String> = (0..2_000).map(|i| format!("d{i}")).collect();
                let list: String = names.iter().map(|name| format!("- {{name: {name}, version: 1.0.0}}\n")).collect();
                let top = format!("apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n{list}");
                let subs: Vec<(String, String)> = names
                    .iter()
                    .map(|name| {
                        (format!("charts/{name}/Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies: []\n"))
                    })
                    .collect();
                let values: String = "global: {x: 1}\n".to_owned() + &(0..20_000).map(|i| format!("k{i}: 1\n")).collect::<String>();
                let mut files: Vec<(&str, &str)> = subs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
                files.push(("Chart.yaml", &top));
                files.push(("values.yaml", &values));
                render(&files, "", limits)
            },
            Expect::Error("values", &["values are too large: merging those of all charts copies more than "]),
        ),
        case(
            "values-doubled-by-imports",
            |limits| {
                let subs: Vec<(String, String)> = (1..30)
                    .flat_map(|i| {
                        let base = "charts/d/".repeat(i);
                        let imports = "import-values: [{child: x, parent: x.a}, {child: x, parent: x.b}]";
                        let chart =
                            format!("apiVersion: v2\nname: d\nversion: 1.0.0\ndependencies: [{{name: d, version: 1.0.0, {imports}}}]\n");
                        [(format!("{base}Chart.yaml"), chart), (format!("{base}values.yaml"), "x: {y: 1}".to_owned())]
                    })
                    .collect();
                let top = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: d, version: 1.0.0, import-values: [{child: x, parent: x.a}, {child: x, parent: x.b}]}]\n";
                let mut files: Vec<(&str, &str)> = subs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
                files.push(("Chart.yaml", top));
                render(&files, "", limits)
            },
            Expect::Error("values", &[" of them after merging those of all charts"]),
        ),
        case(
            "ignore-rules-without-end",
            |limits| {
                let rules = "*a*a*a*a*a*a*a*a*a*b\n".repeat(100_000);
                let names: Vec<String> = (0..9_000).map(|i| format!("f{i}")).collect();
                let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
                files.push((".helmignore", &rules));
                render(&files, "", limits)
            },
            Expect::Error("load", &["chart file \".helmignore\" is too large for 9002 files"]),
        ),
        case(
            "large-template",
            |limits| render(&[("templates/x.yaml", &"{{1}}".repeat(1_040_000))], "", limits),
            Expect::Error("template/Budget", &["template: c/templates/x.yaml:1: file has more than 300000 operands"]),
        ),
    ]
}
