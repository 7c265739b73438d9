//! What is rendered is what Helm renders: for every way in which the values of one chart are put together, text and errors alike.

use crate::helm::Helm;
use crate::text::{chart_yaml, namespace, release_with};
use crate::world::{SOON, World, condition, ready};
use helmward_chart::{release, yaml};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to put the values together: files of the chart, one after the other, and lines of inline values.
struct Variant {
    name: &'static str,
    files: &'static [&'static str],
    inline: &'static str,
    /// Objects that it has beside the service, or how it fails.
    expect: Result<&'static [&'static str], &'static str>,
}

const VARIANTS: &[Variant] = &[
    Variant {
        name: "default",
        files: &["values.yaml"],
        inline: "",
        expect: Err("execution error at (ops/templates/secret-env.yaml:2:4): ERROR: OPS_ENCRYPTION_KEY is required"),
    },
    Variant { name: "ci", files: &["values.yaml", "values.ci.yaml"], inline: "", expect: Ok(&["Secret/openops-env", "Deployment/app"]) },
    Variant {
        name: "overrides",
        files: &["values.yaml", "values.overrides.yaml"],
        inline: "",
        expect: Ok(&["Secret/openops-env", "Deployment/app", "Ingress/app"]),
    },
    Variant {
        name: "production",
        files: &["values.yaml", "values.production.yaml"],
        inline: "",
        expect: Err("execution error at (ops/templates/secret-env.yaml:2:4): ERROR: OPS_ENCRYPTION_KEY is required"),
    },
    Variant {
        name: "production-overrides",
        files: &["values.yaml", "values.production.yaml", "values.overrides.yaml"],
        inline: "",
        expect: Ok(&["Secret/openops-env", "Deployment/app", "Ingress/app", "PodDisruptionBudget/app"]),
    },
    Variant {
        name: "existing",
        files: &["values.yaml"],
        inline: "    existingSecret: openops-env-existing\n",
        expect: Ok(&["Deployment/app"]),
    },
    Variant {
        name: "scaled",
        files: &["values.yaml", "values.ci.yaml"],
        inline: "    autoscaling:\n      enabled: true\n      metrics: {cpu: 70, memory: 80}\n",
        expect: Ok(&["Secret/openops-env", "Deployment/app", "HorizontalPodAutoscaler/app"]),
    },
    Variant {
        name: "typed",
        files: &["values.yaml", "values.ci.yaml"],
        inline: "    app: {replicas: two}\n",
        expect: Err("- at '/app/replicas': got string, want integer"),
    },
    Variant {
        name: "broken",
        files: &["values.yaml", "values.ci.yaml"],
        inline: "    ingress: {enabled: true}\n",
        expect: Err("at <.Values.ingress.tls.secret>: nil pointer evaluating interface {}.secret"),
    },
];

/// A chart with what makes rendering hard: nested `tpl`, sorted keys, `toYaml` of numbers, checksums of other templates.
fn chart(world: &World) {
    let files: &[(&str, &str)] = &[
        ("Chart.yaml", &chart_yaml("ops", "0.6.26")),
        (
            "values.yaml",
            "publicUrl: http://localhost:8080\nencryptionKey: \"\"\nexistingSecret: \"\"\nlimits: {rows: 1000000, ratio: 0.5}\napp: {replicas: 1, image: \"registry.example/app:1\"}\n\
             env:\n  OPS_URL: '{{ .Values.publicUrl }}'\n  OPS_HOST: '{{ tpl .Values.env.OPS_URL . | urlParse | dig \"host\" \"\" }}'\n  A_FIRST: \"yes\"\nhosts: [a.example, b.example]\n\
             ingress: {enabled: false}\npdb: {enabled: false}\nautoscaling: {enabled: false}\n",
        ),
        ("values.ci.yaml", "encryptionKey: \"0123456789abcdef\"\napp: {replicas: 2}\n"),
        (
            "values.production.yaml",
            "publicUrl: https://openops.example.com\nhosts: [c.example]\npdb: {enabled: true}\napp: {replicas: 3}\n",
        ),
        (
            "values.overrides.yaml",
            "encryptionKey: \"fedcba9876543210\"\npublicUrl: http://localhost:8081\ningress: {enabled: true, tls: {secret: certificates}}\nenv: {Z_LAST: \"1e3\"}\n",
        ),
        (
            "values.schema.json",
            r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"app": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}}"#,
        ),
        (
            "templates/_helpers.tpl",
            "{{- define \"ops.env\" -}}\n{{- range $k := keys .Values.env | sortAlpha }}\n{{ $k }}: {{ tpl (tpl (get $.Values.env $k | toString) $) $ | quote }}\n{{- end }}\n{{- end }}\n",
        ),
        (
            "templates/secret-env.yaml",
            "{{- if not .Values.existingSecret }}{{- if not .Values.encryptionKey }}\n{{- fail \"ERROR: OPS_ENCRYPTION_KEY is required\" }}\n{{- end }}\napiVersion: v1\nkind: Secret\nmetadata:\n  name: openops-env\n\
             stringData:\n  OPS_ENCRYPTION_KEY: {{ .Values.encryptionKey | quote }}\n  {{- include \"ops.env\" . | nindent 2 }}\n{{- end }}\n",
        ),
        (
            "templates/app.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\n  annotations:\n    limits: {{ .Values.limits.rows }}-{{ .Values.limits.ratio }}\nspec:\n  {{- if not .Values.autoscaling.enabled }}\n  replicas: {{ .Values.app.replicas }}\n  {{- end }}\n  selector: {matchLabels: {app: app}}\n\
             \x20 template:\n    metadata:\n      labels: {app: app}\n      annotations:\n        checksum/env: {{ include (print $.Template.BasePath \"/secret-env.yaml\") . | sha256sum }}\n        hosts: |\n          {{- toYaml (dict \"hosts\" .Values.hosts \"limits\" .Values.limits) | nindent 10 }}\n\
             \x20   spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n        - name: app\n          image: {{ .Values.app.image }}\n          envFrom:\n            - secretRef: {name: {{ .Values.existingSecret | default \"openops-env\" }}}\n",
        ),
        (
            "templates/service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: app\nspec:\n  selector: {app: app}\n  ports: [{name: {{ (splitList \":\" .Values.publicUrl) | first }}, port: 80}]\n",
        ),
        (
            "templates/ingress.yaml",
            "{{- if .Values.ingress.enabled }}\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: app\nspec:\n  tls: [{secretName: {{ .Values.ingress.tls.secret }}}]\n  rules:\n  {{- range .Values.hosts }}\n\
             \x20   - host: {{ . }}\n      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}\n  {{- end }}\n{{- end }}\n",
        ),
        (
            "templates/pdb.yaml",
            "{{- if .Values.pdb.enabled }}\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: app\nspec:\n  maxUnavailable: 1\n  selector: {matchLabels: {app: app}}\n{{- end }}\n",
        ),
        (
            "templates/hpa.yaml",
            "{{- if .Values.autoscaling.enabled }}\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: app\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}\n  maxReplicas: 3\n  metrics:\n\
             \x20 {{- range $name, $target := .Values.autoscaling.metrics }}\n    - type: Resource\n      resource: {name: {{ $name }}, target: {type: Utilization, averageUtilization: {{ $target }}}}\n  {{- end }}\n{{- end }}\n",
        ),
        ("templates/NOTES.txt", "{{ if ge (int .Values.app.replicas) 2 }}Many{{ else }}One{{ end }} at {{ .Values.publicUrl }}\n"),
    ];
    for (path, text) in files {
        world.git.write(&format!("charts/ops/{path}"), text);
    }
}

/// Text and notes that a release was recorded with.
async fn recorded(world: &World, namespace: &str, name: &str) -> (String, String) {
    let secret = world.get("v1", "Secret", namespace, &format!("sh.helm.release.v1.{name}.v1")).await.expect("the release is recorded");
    let payload = base64(secret["data"]["release"].as_str().unwrap());
    let record = release::decode(&payload).unwrap();
    (record.manifest().to_owned(), record.notes().to_owned())
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// `Kind/name` of each document, sorted.
fn objects(manifest: &str) -> Vec<String> {
    let mut out: Vec<String> = yaml::documents(manifest)
        .iter()
        .map(|d| yaml::from_str(d.text).unwrap())
        .filter(|o: &Value| !o.is_null())
        .map(|o| format!("{}/{}", o["kind"].as_str().unwrap(), o["metadata"]["name"].as_str().unwrap()))
        .collect();
    out.sort();
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn oo2_every_variant_is_rendered_as_helm_renders_it() {
    let mut world = World::start().await;
    chart(&world);
    for variant in VARIANTS {
        let name = variant.name;
        let files: String = variant.files.iter().map(|f| format!("        - charts/ops/{f}\n")).collect();
        let inline = if variant.inline.is_empty() { String::new() } else { format!("  values:\n{}", variant.inline) };
        let spec = format!("  releaseName: ops\n  install:\n    disableWait: true\n{inline}");
        let object = release_with(name, "ops", "./charts/ops", &spec, &format!("      valuesFiles:\n{files}"));
        world.git.write(&format!("clusters/demo/{name}.yaml"), &format!("{}{object}", namespace(name)));
    }
    world.git.push("Every variant");
    world.start_daemon(&[]).await;
    let helm = Helm::find(&world);
    let folder = world.git.work().join("charts/ops");
    for variant in VARIANTS {
        let name = variant.name;
        // As the source controller does it: the files, one over the other, are the chart's values; what is inline comes over them.
        let mut args = vec!["template".to_owned(), "ops".into(), folder.display().to_string(), "-n".into(), name.into()];
        for file in variant.files {
            args.extend(["-f".to_owned(), folder.join(file).display().to_string()]);
        }
        if !variant.inline.is_empty() {
            let path = world.dir.path().join(format!("{name}.yaml"));
            std::fs::write(&path, variant.inline).unwrap();
            args.extend(["-f".to_owned(), path.display().to_string()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        match variant.expect {
            Ok(beside) => {
                world
                    .until(&format!("{name} deployed"), SOON, || async { world.release(name, "ops").await.filter(|r| ready(r, "0.6.26")) })
                    .await;
                let (manifest, notes) = recorded(&world, name, "ops").await;
                let mut expect: Vec<String> = beside.iter().map(|o| (*o).to_owned()).chain(["Service/app".to_owned()]).collect();
                expect.sort();
                assert_eq!(objects(&manifest), expect, "{name}");
                let many = if matches!(name, "overrides" | "existing") { "One at" } else { "Many at" };
                assert!(notes.starts_with(many), "{name}: {notes}");
                // By hand what is easily done wrong, whether or not Helm is there to compare with.
                assert!(manifest.contains("limits: 1e+06-0.5") && manifest.contains("rows: 1000000\n"), "{name}: {manifest}");
                if let Some(helm) = &helm {
                    assert_eq!(manifest.trim(), helm.run(&args).trim(), "{name} is Helm's own rendering");
                }
            }
            Err(words) => {
                let exact = helm.as_ref().map(|helm| {
                    let said = helm.fails(&args);
                    let said =
                        said.trim().trim_start_matches("Error: ").trim_end_matches("\n\nUse --debug flag to render out invalid YAML");
                    said.to_owned()
                });
                let said = world
                    .until(&format!("{name} is refused"), SOON, || async {
                        let release = world.release(name, "ops").await?;
                        let (status, _, message) = condition(&release, "Ready")?;
                        (status == "False" && message.contains(words)).then(|| message.to_owned())
                    })
                    .await;
                if let Some(exact) = exact {
                    assert!(said.contains(&exact), "{name}:\n  Helm says {exact}\n  we say    {said}");
                }
                assert!(world.release_secrets(name, "ops").await.is_empty());
            }
        }
    }
    let live = world.get("v1", "Secret", "production-overrides", "openops-env").await.unwrap();
    let text = |key: &str| String::from_utf8(base64(live["data"][key].as_str().unwrap_or_default())).unwrap();
    assert_eq!((text("OPS_URL").as_str(), text("OPS_HOST").as_str()), ("http://localhost:8081", "localhost:8081"));
    assert_eq!(text("Z_LAST"), "1e3");
}

/// The chart itself, where it is there.
fn openops() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var("HELMWARD_CORPUS").map_or(default, PathBuf::from).join("charts/openops-cloud+helm-chart/chart");
    if !path.is_dir() {
        eprintln!("  skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn oo2_the_openops_chart_is_rendered_as_helm_renders_it() {
    let world = World::start().await;
    let (Some(helm), Some(chart)) = (Helm::find(&world), openops()) else { return };
    let file = |name: &str| chart.join(name).display().to_string();
    let (ci, overrides, production) = (file("values.ci.yaml"), file("values.overrides-example.yaml"), file("values.production.yaml"));
    let hpa = json!({"app": {"autoscaling": {"enabled": true}}, "engine": {"autoscaling": {"enabled": true}}, "serviceMonitor": {"enabled": true}, "externalSecrets": {"enabled": true}});
    let scaled = world.dir.path().join("scaled.yaml");
    std::fs::write(&scaled, hpa.to_string()).unwrap();
    let scaled = scaled.display().to_string();
    let variants: &[(&str, Vec<&str>, bool)] = &[
        ("default", vec![], false),
        ("ci", vec!["-f", &ci], true),
        ("overrides", vec!["-f", &overrides], true),
        ("production", vec!["-f", &production], false),
        ("production and overrides", vec!["-f", &production, "-f", &overrides], true),
        ("overrides and production", vec!["-f", &overrides, "-f", &production], true),
        ("an existing secret", vec!["-f", &production, "--set", "secretEnv.create=false,secretEnv.existingSecret=openops-env"], true),
        ("autoscalers", vec!["-f", &ci, "-f", &scaled], true),
        ("a version that is none", vec!["-f", &ci, "--set", "global.version=v1.2"], false),
        ("a number that is none", vec!["-f", &ci, "--set", "app.replicas=two"], false),
        ("a number of the command line", vec!["-f", &ci, "--set", "app.replicas=3"], false),
    ];
    let binary = std::env::var("HELMWARD_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_helmward").into());
    for (name, with, good) in variants {
        let mut args = vec!["template", "ops", chart.to_str().unwrap(), "-n", "ops"];
        args.extend(with);
        let theirs = helm.output(&args);
        let ours = Command::new(&binary).args(&args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        eprintln!("  {name}: {} bytes{}", theirs.stdout.len(), if theirs.status.success() { "" } else { ", refused" });
        assert_eq!(theirs.status.success(), *good, "{name}: {}", text(&theirs.stderr));
        assert_eq!(ours.status.success(), *good, "{name}: {}", text(&ours.stderr));
        assert_eq!(text(&ours.stdout), text(&theirs.stdout), "{name}");
        let (theirs, ours) = (text(&theirs.stderr), text(&ours.stderr));
        if !good {
            let first = theirs.trim().trim_start_matches("Error: ").trim_end_matches("Use --debug flag to render out invalid YAML").trim();
            assert!(ours.contains(first), "{name}:\n  Helm says {first}\n  we say    {ours}");
        }
    }
}
