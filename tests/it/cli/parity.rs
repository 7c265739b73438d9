//! `template` and `lint` beside the Helm that they stand in for: the same charts, the same flags, and stdout, stderr, exit
//! code and written files must be equal to the byte.
//!
//! Needs the `helm` binary: `HELMWARD_HELM`, else `~/.cache/helmward/helm/helm`. Without it nothing is tested, and that is said.

use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Charts and values: `web` is right and has a bit of everything; each other one has something wrong with it.
const FILES: &[(&str, &str)] = &[
    (
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.2.0\nappVersion: \"3\"\ndependencies:\n- {name: sub, version: 0.1.0, condition: sub.enabled}\n",
    ),
    ("web/values.yaml", "a: 1\nl: [p, {x: q}]\nm: {k: v, n: 5}\nsub: {enabled: true}\n"),
    ("web/templates/_h.tpl", "{{ define \"n\" }}{{ .Release.Name }}-x{{ end }}"),
    (
        "web/templates/cm.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include \"n\" . }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  v: |-\n    {{- .Values | toYaml | nindent 4 }}\n  up: \"{{ .Release.IsUpgrade }} {{ .Release.IsInstall }}\"\n  kv: {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Minor }}\n  has: \"{{ .Capabilities.APIVersions.Has \"x/v1\" }} {{ .Capabilities.APIVersions.Has \"y/v1\" }}\"\n  helm: {{ .Capabilities.HelmVersion.Version }}\n---\nkind: Foo\napiVersion: a/v1\nmetadata: {name: foo}\n\n\n---\nkind: ValidatingWebhookConfiguration\napiVersion: a/v1\nmetadata: {name: vw}\n",
    ),
    (
        "web/templates/b.yaml",
        "kind: Service\napiVersion: v1\nmetadata:\n  name: svc\n---\nkind: Bar\napiVersion: a/v1\nmetadata: {name: bar}\n",
    ),
    (
        "web/templates/hook.yaml",
        "kind: Job\napiVersion: batch/v1\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: pre-install}\n---\nkind: MutatingWebhookConfiguration\napiVersion: a/v1\nmetadata: {name: mw}\n",
    ),
    ("web/templates/test.yaml", "kind: Pod\napiVersion: v1\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n"),
    ("web/templates/unk.yaml", "kind: Pod\napiVersion: v1\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: nope}\n"),
    ("web/templates/NOTES.txt", "hello\n"),
    ("web/crds/c.yaml", "kind: CustomResourceDefinition\n"),
    ("web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.1.0\n"),
    ("web/charts/sub/values.yaml", "z: 1\n"),
    ("web/charts/sub/templates/s.yaml", "kind: Secret\napiVersion: v1\nmetadata:\n  name: s\nz: {{ .Values.z }}\n"),
    ("bad/Chart.yaml", "apiVersion: v2\nname: bad\nversion: 1.2.0\n"),
    ("bad/templates/x.yaml", "a: [\n"),
    ("bad/templates/y.yaml", "b: 1\n"),
    ("fail/Chart.yaml", "apiVersion: v2\nname: fail\nversion: 1.2.0\n"),
    ("fail/templates/x.yaml", "a: {{ required \"give it\" .Values.z }}\n{{ if .Values.f }}{{ fail \"on purpose\" }}{{ end }}\n"),
    ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.0\ntype: library\n"),
    ("dep/Chart.yaml", "apiVersion: v2\nname: dep\nversion: 1.2.0\ndeprecated: true\n"),
    ("dep/templates/x.yaml", "kind: A\n"),
    (
        "miss/Chart.yaml",
        "apiVersion: v2\nname: miss\nversion: 1.2.0\ndependencies: [{name: q, version: 1.0.0, repository: \"https://x.invalid\"}]\n",
    ),
    ("kv/Chart.yaml", "apiVersion: v2\nname: kv\nversion: 1.2.0\nkubeVersion: \">=2.0.0\"\n"),
    ("sch/Chart.yaml", "apiVersion: v2\nname: sch\nversion: 1.2.0\n"),
    ("sch/values.yaml", "p: x\n"),
    ("sch/values.schema.json", "{\"properties\": {\"p\": {\"type\": \"integer\"}}, \"required\": [\"q\"]}"),
    ("sch/templates/x.yaml", "kind: A\n"),
    ("bent/Chart.yaml", "apiVersion: v2\nname: [web\nversion: 1.0.0\n"),
    ("warn/Chart.yaml", "apiVersion: v2\nname: warn\nversion: 1.2.0\n"),
    ("warn/values.yaml", "a: {b: 1}\n"),
    ("warn/templates/x.yaml", "kind: A\n"),
    ("v.yaml", "a: 2\nm: {n: 6}\n"),
    ("v2.yaml", "m: {n: 7, o: 8}\na: null\n"),
    ("bad.yaml", "a: [\nb: 1\n"),
    ("list.yaml", "[1]\n"),
    ("text", "x,y={z}\n"),
    ("empty.yaml", ""),
    ("sq/v,1.yaml", "a: 9\n"),
    ("garbage.tgz", "hello"),
    (
        "l1/Chart.yaml",
        "apiVersion: v1\nname: l1\nversion: 0.0.0\ntype: application\nicon: nope\nmaintainers: [{name: a, email: bad}, {email: x}]\nsources: [\"x\"]\ndependencies: [{name: q}]\n",
    ),
    ("l1/values.yaml", "a: [\n"),
    ("l1/templates/x.yaml", "  kind: Deployment\n  apiVersion: extensions/v1beta1\n  metadata: {name: Bad_Name}\n"),
    ("l2/Chart.yaml", "apiVersion: v3\nname: a/b\nversion: x\nappVersion: 1\nmaintainers: [{name: a, url: \"x y\"}]\n"),
    (
        "l3/Chart.yaml",
        "apiVersion: v2\nname: l3\nversion: 1.0.0\nappVersion: 1.2\nicon: https://x.example/i.png\nmaintainers: [{name: a, email: a@b.example, url: https://b.example}]\nsources: [https://b.example/c]\n",
    ),
    ("l3/values.yaml", "a: 1\n"),
    (
        "l3/templates/a.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: A.b}\n---\nkind: Service\napiVersion: v1\nmetadata: {name: 1a}\n---\nkind: List\napiVersion: v1\nmetadata: {name: z}\nitems: [{metadata: {annotations: {helm.sh/resource-policy: keep}}}]\n---\nkind: Role\napiVersion: v1\nmetadata: {name: \"a/b%\"}\n---\nkind: Namespace\nmetadata: {name: \"-\"}\n",
    ),
    ("l3/templates/b.json", "{\"kind\": \"X\"}"),
    ("l3/templates/c.yaml", "{\"kind\": \"X\", \"metadata\": {\"name\": \"x\"}}\n"),
    ("l3/templates/d.yaml", "# {{ .Release.Time }}\nannotations:\n  \"helm.sh/hook\": crd-install\n"),
    ("l3/templates/e.yaml", "{{ required \"need z\" .Values.z }}{{ fail \"oh\" }}"),
    ("l3/templates/z.yaml", "kind: A\nmetadata: {name: [x]}\n"),
    ("l4/Chart.yaml", "apiVersion: v2\nname: l4\nversion: 1.0.0\n"),
    ("l4/templates/x.yaml", "a: 1\n b: 2\n"),
    ("l5/Chart.yaml", "apiVersion: v2\nname: l5\nversion: 1.0.0\n"),
    ("l5/templates/x.yaml", "a: {{ .Values.x.y }}\n"),
    ("l6/Chart.yaml", "apiVersion: v2\nname: l6\nversion: 1.0.0\n"),
    ("l6/templates", ""),
    ("l7/Chart.yaml", "apiVersion: v2\nname: l7\nversion: 1.0.0\n"),
    ("l7/templates/x.yaml", "--- foo\na: b\n"),
    ("l9/Chart.yaml", ""),
];

/// Lines of arguments as a shell takes them; `<FILE` at the end is stdin.
const LINES: &str = r##"
template web
template x web
template x web -n ns
template x web -nns
template -n=ns x web
template x web --namespace ns --namespace other
template web --include-crds
template web --include-crds --skip-crds
template web --include-crds=false
template web --include-crds=maybe
template web -f v.yaml
template web -f v.yaml -f v2.yaml
template web -f v.yaml,v2.yaml
template web --values=v2.yaml --values v.yaml
template web -f "sq/v,1.yaml"
template web -f '"sq/v,1.yaml"'
template web -f '"sq'
template web -f 'a"b'
template web -f bad.yaml
template web -f list.yaml
template web -f empty.yaml
template web -f nope.yaml
template web -f web
template web -f - <v.yaml
template web --set a=2,m.k=w,m.new.deep=1
template web --set l[1].x=z,l[3]=w
template web --set l={a,b,1}
template web --set m=null
template web --set m.k=null,sub=null
template web --set a
template web --set a,b=1
template web --set a.b=1
template web --set l.b=1
template web --set m[0]=1
template web --set a[0=1
template web --set a[-1]=1
template web --set a[99999]=1
template web --set a[x]=1
template web --set a={b
template web --set 'a=b\,c'
template web --set 'a\.b=c'
template web --set a=1.5,b=1e3,c=0x10,d=007,e=TRUE,f=-3
template web --set ''
template web --set a= --set =b
template web --set a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g=1
template web --set-string a=1,b=true,m.n=null
template web --set-string a.b=1
template web --set-file f=text
template web --set-file f=nope
template web --set-file f
template web --set-json 'a={"k":[1,2.5,"x"]},b=null,c=1'
template web --set-json 'a={'
template web --set-json '{"a":1}'
template web --set-json 'l[1].x=[1]'
template web --set-literal 'a=x,y={z}\1'
template web --set-literal a
template web --set-literal m.k=1 --set m.k=2 --set-string m.k=3 --set-json m.k=4 -f v.yaml
template web --set-json m.k=4 --set m.k=2
template web --set-file a=text --set-string a=3
template web -s templates/cm.yaml
template web -s templates/b.yaml -s templates/cm.yaml
template web --show-only charts/sub/templates/s.yaml
template web --show-only templates/*
template web --show-only charts/*/templates/*
template web -s nope
template web -s templates/_h.tpl
template web -s templates/NOTES.txt
template web -s templates/test.yaml --no-hooks
template web -s templates/cm.yaml,templates/b.yaml
template web -s crds/c.yaml --include-crds
template web --kube-version 1.30
template web --kube-version v1.29.3-gke.1
template web --kube-version x
template web --kube-version 1
template web --kube-version ''
template web -a x/v1 -a y/v1
template web --api-versions x/v1,y/v1
template web -ax/v1
template web --is-upgrade
template web --no-hooks
template web --no-hooks --no-hooks=false
template web --skip-tests
template web --name-template 'a-{{ "X" | lower }}'
template web --name-template 'a-{{ upper "x" }}'
template web --name-template '{{ fo'
template web --name-template '{{ fo }}'
template web --name-template '{{ fail "x" }}'
template web --name-template ''
template x web --name-template y
template x web -g
template web -g
template web --generate-name
template x web y z
template X web
template a_b web
template xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx web
template nope
template x ./nope
template x /nope
template x stable/nope
template x ../cmp/web
template x web/
template x web/../web
template
template --frob
template web -z
template web -gz
template web -n
template web --set
template web ---x
template web --=x
template bad
template fail
template fail --set z=1
template fail --set z=1,f=1
template lib
template dep
template miss
template kv
template kv --kube-version 2.1
template sch
template sch --set p=1,q=2
template sch --skip-schema-validation
template bent
template warn
template warn --set a=1
template warn --set a.b.c=1
template warn-1.2.0.tgz
template x garbage.tgz
template x v.yaml
template x text
template web --output-dir out
template web --output-dir out --include-crds --release-name
template x web --output-dir out --release-name --no-hooks
template web --output-dir out -s templates/b.yaml
template web --output-dir text
template web --release-name
template web --dry-run
template web --dry-run=server
template web --dry-run=x
template web --dry-run client
template web --labels a=b
template web --labels a
template web --devel --version 1.0.0 --wait --atomic --timeout 5m --create-namespace
template web --repo https://x.invalid
template web --dependency-update
template web --hide-notes --render-subchart-notes --disable-openapi-validation
template web --kube-context none
template web --post-renderer ''
lint web
lint web bad
lint bad
lint fail
lint --strict fail
lint lib
lint dep
lint miss
lint kv
lint sch
lint sch --skip-schema-validation
lint sch --set p=1,q=2
lint bent
lint warn
lint warn --set a=1
lint --quiet warn
lint --quiet bad
lint --quiet warn bad
lint --with-subcharts web
lint --with-subcharts web/ --quiet
lint nope
lint nope web
lint warn-1.2.0.tgz
lint garbage.tgz
lint nope.tgz
lint l1
lint l1 --strict
lint l2
lint l3
lint l3 --kube-version 1.25
lint l3 --kube-version 1.15
lint l3 --kube-version x
lint l4
lint l5
lint l5 --set x.y=1
lint l6
lint l7
lint l8
lint l9
lint --frob
lint web --set a
lint web -f nope.yaml
lint web -f v.yaml --set-json 'l=[1]'
lint web -n ns
lint text
lint
"##;

fn helm() -> Option<PathBuf> {
    let default = || PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/helmward/helm/helm");
    let binary = std::env::var("HELMWARD_HELM").map_or_else(|_| default(), PathBuf::from);
    binary.exists().then_some(binary)
}

/// What one run left: exit code, stdout, stderr, files below `out`.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    code: Option<i32>,
    out: String,
    err: String,
    files: BTreeMap<PathBuf, String>,
}

fn run(binary: &Path, line: &str, top: &Path) -> Left {
    let _ = fs::remove_dir_all(top.join("out"));
    let (line, stdin) = line.split_once(" <").map_or((line, None), |(line, file)| (line, Some(file)));
    let stdin = stdin.map_or_else(Stdio::null, |file| fs::File::open(top.join(file)).unwrap().into());
    let mut command = Command::new(binary);
    command.args(words(line)).current_dir(top).env_clear().env("HOME", top.join("home")).stdin(stdin);
    let output = command.output().expect("the binary starts");
    // the one name that must differ
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("text");
        text.replace("\"helm template\"", "\"helmward template\"").replace("Usage:  helm ", "Usage:  helmward ")
    };
    let mut files = BTreeMap::new();
    walk(&top.join("out"), &mut files);
    Left { code: output.status.code(), out: text(output.stdout), err: text(output.stderr), files }
}

fn walk(directory: &Path, out: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, out);
        } else {
            out.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
}

/// The words of a line: blanks part them, quotes keep them, a backslash makes the next character plain outside of quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut plain) = (Vec::new(), None::<String>, None, false);
    for c in line.chars() {
        match quote {
            _ if plain => {
                word.get_or_insert_default().push(c);
                plain = false;
            }
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c == '\\' => plain = true,
            None if c == ' ' => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn lay_out(top: &Path) {
    for (path, text) in FILES {
        let file = top.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::create_dir_all(top.join("l8/Chart.yaml")).unwrap();
    std::os::unix::fs::symlink("../v.yaml", top.join("warn/link.yaml")).unwrap();
}

#[test]
fn flags_do_what_they_do_in_helm() {
    let Some(helm) = helm() else {
        println!("skipped: no helm binary; set HELMWARD_HELM");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let top = home.path();
    lay_out(top);
    let packed = Command::new(&helm).args(["package", "warn"]).current_dir(top).env("HOME", top).output().unwrap();
    assert!(packed.status.success());
    let ours = Path::new(env!("CARGO_BIN_EXE_helmward"));
    let lines: Vec<&str> = LINES.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 150);
    let wrong: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let (want, got) = (run(&helm, line, top), run(ours, line, top));
            (want != got).then(|| format!("{line}\n  helm {want:?}\n  ours {got:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// Where Helm 3 and 4 differ: white space between documents, kinds of webhooks, versions, whole objects, words of nested errors.
const LINES_OF_4: &[&str] = &[
    "template x web -n ns",
    "template web --no-hooks",
    "template web --kube-version 1.30",
    "template web -s templates/cm.yaml -s templates/b.yaml",
    "template web --set-json '{\"a\":{\"b\":[1]}}'",
    "template web --set-json '{\"a\":'",
    "template web --set a.b=1",
    "template web --include-crds --skip-tests --output-dir out",
    "template warn --set a.b.c=1",
    "template bad",
    "template fail",
    "template fail --set z=1,f=1",
    "template l5",
    "template dep",
    "template miss",
    "template sch",
];

/// Needs Helm v4.2.4, named by `HELMWARD_HELM4`.
/// Charts whose objects are unknown to a cluster, or there already.
const TO_VALIDATE: &[(&str, &str)] = &[
    (
        "new",
        "v: {{ .Capabilities.KubeVersion }}\nhas: {{ .Capabilities.APIVersions.Has \"apps/v1/Deployment\" }}\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: new}\n",
    ),
    ("foreign", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: foreign}\n"),
    ("own", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: own}\n"),
    ("other", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: other, namespace: default}\n"),
    ("kind", "kind: Foo\napiVersion: x/v1\nmetadata: {name: a}\n"),
    (
        "kinds",
        "kind: Foo\napiVersion: x/v1\nmetadata: {name: a, namespace: b}\n---\nkind: Bar\napiVersion: apps/v1\nmetadata: {name: c}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: foreign}\n",
    ),
    ("cluster", "kind: Namespace\napiVersion: v1\nmetadata: {name: default}\n"),
    ("nowhere", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: nowhere}\ndata: [1]\n"),
];

#[test]
fn validate_does_what_it_does_in_helm() {
    let Some(helm) = helm() else {
        println!("skipped: no helm binary; set HELMWARD_HELM");
        return;
    };
    let world = super::World::new();
    let object = |name: &str, labels, annotations| {
        let metadata = json!({"name": name, "namespace": "default", "labels": labels, "annotations": annotations});
        world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    };
    let of = |release: &str| json!({"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "default"});
    object("foreign", json!({}), json!({}));
    object("own", json!({"app.kubernetes.io/managed-by": "Helm"}), of("r"));
    object("other", json!({"app.kubernetes.io/managed-by": "Helm"}), of("s"));
    for (chart, template) in TO_VALIDATE {
        let top = world.home.path().join(chart);
        fs::create_dir_all(top.join("templates")).unwrap();
        fs::write(top.join("Chart.yaml"), format!("apiVersion: v2\nname: {chart}\nversion: 1.0.0\n")).unwrap();
        fs::write(top.join("templates/x.yaml"), template).unwrap();
        for flags in ["", " --is-upgrade", " -n other"] {
            let line = format!("template r {chart} --validate --kubeconfig .kube/config{flags}");
            let (want, got) =
                (run(&helm, &line, world.home.path()), run(Path::new(env!("CARGO_BIN_EXE_helmward")), &line, world.home.path()));
            assert_eq!(got, want, "{line}");
        }
    }
}

#[test]
fn helm_compat_4_does_what_helm_4_does() {
    let Some(helm) = std::env::var_os("HELMWARD_HELM4").map(PathBuf::from) else {
        println!("skipped: no helm 4 binary; set HELMWARD_HELM4");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    lay_out(home.path());
    let ours = Path::new(env!("CARGO_BIN_EXE_helmward"));
    for line in LINES_OF_4 {
        let (want, got) = (run(&helm, line, home.path()), run(ours, &format!("{line} --helm-compat 4"), home.path()));
        assert_eq!(got, want, "{line}");
    }
}
