//! The Helm CLI reads what the daemon wrote, and the daemon takes over what the Helm CLI installed.
//!
//! Needs the `helm` binary: `HELMWARD_HELM`, else `~/.cache/helmward/helm/helm`. Without it nothing is tested, and that is said.

use crate::text::{chart_yaml, deployment, namespace, release};
use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// The Helm CLI against one cluster.
pub struct Helm {
    binary: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Helm {
    /// `None` where there is no binary.
    pub fn find(world: &World) -> Option<Self> {
        let default = || PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/helmward/helm/helm");
        let binary = std::env::var("HELMWARD_HELM").map_or_else(|_| default(), PathBuf::from);
        if !binary.exists() {
            eprintln!("  skipped: {} is not there", binary.display());
            return None;
        }
        Some(Self { binary, kubeconfig: world.kubeconfig.clone(), home: world.dir.path().join("home") })
    }

    /// Runs a command; its standard output.
    pub fn run(&self, args: &[&str]) -> String {
        let out = self.command(args).output().unwrap();
        assert!(out.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Runs a command that must fail; what it said.
    pub fn fails(&self, args: &[&str]) -> String {
        let out = self.command(args).output().unwrap();
        assert!(!out.status.success(), "helm {args:?} should fail");
        String::from_utf8(out.stderr).unwrap()
    }

    /// Runs a command, however it ends.
    pub fn output(&self, args: &[&str]) -> std::process::Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", self.home.join("helm-cache"))
            .env("HELM_CONFIG_HOME", self.home.join("helm-config"))
            .env("HELM_DATA_HOME", self.home.join("helm-data"));
        command
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.extend(["-o", "json"]);
        serde_json::from_str(&self.run(&all)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_reads_what_was_written() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    for (step, version) in [("01-install", "1.0.0"), ("02-upgrade", "1.1.0")] {
        world.git.push_step(&example("web", step), &fast);
        if step == "01-install" {
            world.start_daemon(&[]).await;
        }
        world
            .until(&format!("{version} deployed"), SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, version)) })
            .await;
    }
    let list = helm.json(&["list", "-A"]);
    let web = list.as_array().unwrap().iter().find(|r| r["name"] == "web").expect("helm list knows the release");
    for (key, value) in [("namespace", "shop"), ("revision", "2"), ("status", "deployed"), ("chart", "web-1.1.0")] {
        assert_eq!(web[key], value, "{key} of {web}");
    }
    let history = helm.json(&["history", "web", "-n", "shop"]);
    let told: Vec<(i64, &str, &str, &str)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|h| {
            (
                h["revision"].as_i64().unwrap(),
                h["status"].as_str().unwrap(),
                h["chart"].as_str().unwrap(),
                h["description"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(1, "superseded", "web-1.0.0", "Install complete"), (2, "deployed", "web-1.1.0", "Upgrade complete")]);
    assert_eq!(helm.json(&["get", "values", "web", "-n", "shop"]), json!({"replicas": 2}));
    assert_eq!(helm.json(&["get", "values", "web", "-n", "shop", "--all"])["greeting"], "Good to see you");
    let chart = world.git.work().join("charts/web");
    let template = helm.run(&["template", "web", chart.to_str().unwrap(), "-n", "shop", "--set", "replicas=2"]);
    assert_eq!(
        helm.run(&["get", "manifest", "web", "-n", "shop"]).trim(),
        template.trim(),
        "the recorded manifest is Helm's own rendering"
    );
    let notes = helm.run(&["get", "notes", "web", "-n", "shop"]);
    assert!(notes.contains("NOTES:") && notes.len() > 20, "{notes}");
    assert_eq!(helm.json(&["status", "web", "-n", "shop"])["info"]["status"], "deployed");
}

async fn pods(world: &World) -> Vec<String> {
    let mut uids: Vec<String> = world
        .list("v1", "Pod", "shop", "")
        .await
        .iter()
        .filter(|p| p["metadata"]["deletionTimestamp"].is_null())
        .map(|p| p["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect();
    uids.sort();
    uids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_helm_installed_is_adopted_without_a_restart() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    // The chart has one field more than its next version.
    let motto = |text: &str| text.replace("\ndata:\n", "\ndata:\n  motto: Fair prices\n");
    world.git.push_step(&example("web", "01-install"), &|text: &str| {
        fast(&if text.contains("kind: ConfigMap") { motto(text) } else { text.to_owned() })
    });
    let chart = world.git.work().join("charts/web");
    helm.run(&["install", "web", chart.to_str().unwrap(), "-n", "shop", "--create-namespace", "--set", "replicas=2", "--wait"]);
    let before = (pods(&world).await, world.get("apps/v1", "Deployment", "shop", "web").await.unwrap());
    assert_eq!(before.0.len(), 2);
    assert_eq!(world.get("v1", "ConfigMap", "shop", "web-config").await.unwrap()["data"]["motto"], "Fair prices");

    world.start_daemon(&[]).await;
    world.until("adopted and ready", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    let after = world.get("apps/v1", "Deployment", "shop", "web").await.unwrap();
    assert_eq!(pods(&world).await, before.0, "no pod was restarted");
    assert_eq!(before.1["spec"], after["spec"]);
    assert_eq!(before.1["metadata"]["uid"], after["metadata"]["uid"]);
    let managers: Vec<&str> = after["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["subresource"].is_null())
        .filter_map(|m| m["manager"].as_str())
        .collect();
    assert!(managers.contains(&"helmward") && !managers.contains(&"helm"), "its fields are ours now: {managers:?}");
    let records = world.release_secrets("shop", "web").await;
    assert_eq!(records.last().map(|(_, status, _)| status.as_str()), Some("deployed"), "{records:?}");

    // A field that leaves Git leaves the cluster, although Helm put it there.
    world.git.copy(&example("web", "01-install/charts/web/templates"), "charts/web/templates");
    world.git.push_step(&example("web", "02-upgrade"), &fast);
    world.until("1.1.0 deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.1.0")) }).await;
    let config = world.get("v1", "ConfigMap", "shop", "web-config").await.unwrap();
    assert!(config["data"]["motto"].is_null(), "the field that Git no longer has is gone: {}", config["data"]);
    assert_eq!(helm.json(&["history", "web", "-n", "shop"]).as_array().unwrap().last().unwrap()["chart"], "web-1.1.0");
    assert!(condition(&world.release("shop", "web").await.unwrap(), "Ready").is_some());
}

/// What Helm tells of a release after each kind of action, and that it can go on with it: a release of its own for each, since the last
/// command removes it.
#[tokio::test(flavor = "multi_thread")]
async fn helm_goes_on_after_each_action() {
    let world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    let names = ["installed", "upgraded", "restored"];
    let chart = |version: &str, tag: &str| {
        let folder = "charts/app";
        world.git.write(&format!("{folder}/Chart.yaml"), &chart_yaml("app", version));
        world.git.write(&format!("{folder}/values.yaml"), "greeting: hello\n");
        let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}-prepare\n  annotations: {helm.sh/hook: 'pre-install,pre-upgrade,pre-rollback', helm.sh/hook-delete-policy: 'before-hook-creation'}\n\
                    spec:\n  template:\n    spec: {restartPolicy: Never, containers: [{name: a, image: registry.example/prepare:1}]}\n";
        world.git.write(&format!("{folder}/templates/hook.yaml"), hook);
        let app = deployment("{{ .Release.Name }}", &format!("registry.example/app:{tag}"), "");
        let map = format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}\ndata:\n  version: v{version}\n  greeting: {{{{ .Values.greeting }}}}\n"
        );
        world.git.write(&format!("{folder}/templates/app.yaml"), &format!("{app}{map}"));
        world.git.write(&format!("{folder}/templates/NOTES.txt"), "This is {{ .Release.Name }} {{ .Chart.Version }}\n");
    };
    let objects = |suspended: &[&str]| {
        let one = |name: &&str| {
            let suspend = if suspended.contains(name) { "  suspend: true\n" } else { "" };
            release("fleet", name, "./charts/app", &format!("{suspend}  values:\n    greeting: good day\n"))
        };
        format!("{}{}", namespace("fleet"), names.iter().map(one).collect::<Vec<_>>().join("---\n"))
    };
    let file = "clusters/demo/fleet.yaml";
    let deployed = async |name: &str, version: &str| {
        world
            .until(&format!("{name} {version}"), SOON, || async { world.release("fleet", name).await.filter(|r| ready(r, version)) })
            .await;
    };
    let suspended = async |name: &str| {
        world
            .until(&format!("{name} suspended"), SOON, || async {
                (world.release("fleet", name).await?["spec"]["suspend"] == true).then_some(())
            })
            .await;
    };
    chart("1.0.0", "1");
    world.git.write(file, &objects(&[]));
    world.git.push("Three releases");
    let daemon = world.spawn(&world.state_dir(), &[]);
    for name in names {
        deployed(name, "1.0.0").await;
    }
    world.git.push_file(file, Some(&objects(&["installed"])), "The first stays as it was installed");
    suspended("installed").await;
    chart("1.1.0", "2");
    world.git.push("An upgrade");
    for name in ["upgraded", "restored"] {
        deployed(name, "1.1.0").await;
    }
    world.git.push_file(file, Some(&objects(&["installed", "upgraded"])), "The second stays as it was upgraded");
    suspended("upgraded").await;
    chart("1.2.0", "3-unready");
    world.git.push("One that fails");
    world
        .until("rolled back", SOON, || async {
            let release = world.release("fleet", "restored").await?;
            (condition(&release, "RolledBack")?.0 == "True").then_some(())
        })
        .await;
    world.git.push_file(file, Some(&objects(&names)), "The third stays as it was restored");
    suspended("restored").await;
    drop(daemon);

    type Row = (i64, &'static str, &'static str, &'static str);
    let first: Row = (1, "superseded", "app-1.0.0", "Install complete");
    let expect: [(&str, Vec<Row>); 3] = [
        ("installed", vec![(1, "deployed", "app-1.0.0", "Install complete")]),
        ("upgraded", vec![first, (2, "deployed", "app-1.1.0", "Upgrade complete")]),
        (
            "restored",
            vec![
                first,
                (2, "superseded", "app-1.1.0", "Upgrade complete"),
                (3, "failed", "app-1.2.0", "not healthy"),
                (4, "deployed", "app-1.1.0", "Rollback to 2"),
            ],
        ),
    ];
    for (name, rows) in expect {
        let last = rows.last().unwrap();
        let (number, version) = (last.0, last.2.trim_start_matches("app-"));
        let on = |command: &[&'static str]| -> Vec<String> {
            let words = command.iter().map(|w| (*w).to_owned());
            words.chain([name.to_owned(), "-n".into(), "fleet".into()]).collect()
        };
        let run = |command: &[&'static str]| helm.run(&on(command).iter().map(String::as_str).collect::<Vec<_>>());
        let json = |command: &[&'static str]| helm.json(&on(command).iter().map(String::as_str).collect::<Vec<_>>());
        let history = json(&["history"]);
        let told: Vec<(i64, &str, &str, &str)> = history
            .as_array()
            .unwrap()
            .iter()
            .map(|h| {
                (
                    h["revision"].as_i64().unwrap(),
                    h["status"].as_str().unwrap(),
                    h["chart"].as_str().unwrap(),
                    h["description"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(told.len(), rows.len(), "{told:?}");
        for (told, row) in told.iter().zip(&rows) {
            assert!((told.0, told.1, told.2) == (row.0, row.1, row.2) && told.3.starts_with(row.3), "{name}: {told:?} is not {row:?}");
        }
        let status = json(&["status"]);
        assert_eq!((&status["info"]["status"], &status["version"]), (&json!("deployed"), &json!(number)), "{name}");
        assert!(run(&["status"]).contains("STATUS: deployed"));
        assert_eq!(json(&["get", "values"]), json!({"greeting": "good day"}));
        assert!(run(&["get", "manifest"]).contains(&format!("version: v{version}\n")), "{name}");
        assert_eq!(run(&["get", "notes"]).trim(), format!("NOTES:\nThis is {name} {version}"));
        assert!(run(&["get", "hooks"]).contains(&format!("name: {name}-prepare")), "{name}");
        assert!(run(&["get", "all"]).contains("COMPUTED VALUES:"));
        assert_eq!(json(&["get", "metadata"])["version"], version);

        // Helm goes back to the first, and forward to what we wrote.
        let map = async || world.get("v1", "ConfigMap", "fleet", name).await.unwrap()["data"]["version"].clone();
        let to = |n: i64| helm.run(&["rollback", name, &n.to_string(), "-n", "fleet", "--wait", "--timeout", "60s"]);
        to(1);
        assert_eq!(map().await, "v1.0.0", "{name}");
        to(number);
        assert_eq!(map().await, format!("v{version}"), "{name}");
        let history = json(&["history"]);
        assert_eq!(history.as_array().unwrap().last().unwrap()["description"], format!("Rollback to {number}"));
        let folder = world.git.work().join("charts/app");
        world.git.write(
            "charts/app/templates/app.yaml",
            &std::fs::read_to_string(folder.join("templates/app.yaml")).unwrap().replace("3-unready", "4"),
        );
        helm.run(&["upgrade", name, folder.to_str().unwrap(), "-n", "fleet", "--reuse-values", "--wait", "--timeout", "60s"]);
        assert_eq!(map().await, "v1.2.0");
        assert!(run(&["uninstall", "--wait"]).contains("uninstalled"));
        assert!(world.get("apps/v1", "Deployment", "fleet", name).await.is_none(), "{name} is gone");
        assert!(world.get("v1", "ConfigMap", "fleet", name).await.is_none());
        assert!(world.release_secrets("fleet", name).await.is_empty());
    }
}

/// Passwords and certificates that a chart draws by chance are not drawn again by whoever takes its release over.
#[tokio::test(flavor = "multi_thread")]
async fn adopted_secrets_stay() {
    let world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    let secret = |name: &str, data: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{data}---\n");
    let templates = [
        // Kept by the chart itself.
        "{{- $old := lookup \"v1\" \"Secret\" .Release.Namespace \"kept\" }}\n{{- $password := randAlphaNum 24 | b64enc }}\n{{- if $old }}{{- $password = index $old.data \"password\" }}{{- end }}\n".to_owned()
            + &secret("kept", "data:\n  password: {{ $password }}\n"),
        // Drawn anew at each render.
        secret("drawn", "data:\n  password: {{ randAlphaNum 24 | b64enc }}\n  user: {{ .Values.user | b64enc }}\n"),
        secret("written", "stringData:\n  id: {{ uuidv4 | quote }}\n  url: \"postgres://{{ randAlphaNum 8 }}@{{ .Values.user }}\"\n"),
        "{{- $ca := genCA \"ca\" 365 }}\n".to_owned() + &secret("certificate", "type: kubernetes.io/tls\ndata:\n  tls.crt: {{ $ca.Cert | b64enc }}\n  tls.key: {{ $ca.Key | b64enc }}\n"),
    ];
    let app = |image: &str| {
        let text = deployment("app", image, "");
        let sum = "    metadata:\n      annotations:\n        drawn: {{ randAlphaNum 8 | sha256sum }}\n";
        text.replace("    metadata:\n      labels", &format!("{sum}      labels"))
    };
    world.git.write("charts/vault/Chart.yaml", &chart_yaml("vault", "1.0.0"));
    world.git.write("charts/vault/values.yaml", "user: ada\n");
    world.git.write("charts/vault/templates/secrets.yaml", &templates.concat());
    world.git.write("charts/vault/templates/app.yaml", &app("registry.example/app:1"));
    world.git.write("clusters/demo/vault.yaml", &format!("{}{}", namespace("shop"), release("shop", "vault", "./charts/vault", "")));
    world.git.push("A vault");
    let chart = world.git.work().join("charts/vault");
    helm.run(&["install", "vault", chart.to_str().unwrap(), "-n", "shop", "--create-namespace", "--wait"]);
    let data = async || {
        let mut all = Vec::new();
        for name in ["kept", "drawn", "written", "certificate"] {
            let secret = world.get("v1", "Secret", "shop", name).await.unwrap();
            assert!(secret["data"].as_object().is_some_and(|d| !d.is_empty()), "{secret}");
            all.push((name, secret["type"].clone(), secret["data"].clone()));
        }
        all
    };
    let (before, running) = (data().await, pods(&world).await);

    let daemon = world.spawn(&world.state_dir(), &[]);
    let owned =
        async || world.get("v1", "Secret", "shop", "drawn").await.unwrap()["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] == "vault";
    world.until("adopted and ready", SOON, || async { world.release("shop", "vault").await.filter(|r| ready(r, "1.0.0")) }).await;
    assert!(owned().await, "the Secrets are ours now");
    assert_eq!(data().await, before, "every Secret is what Helm made it");
    assert_eq!(pods(&world).await, running, "no pod was restarted for something drawn anew");

    // And so it stays: at the next upgrade, by which another value changes, and once everything remembered is lost.
    world.git.write("charts/vault/Chart.yaml", &chart_yaml("vault", "1.1.0"));
    world.git.write("charts/vault/values.yaml", "user: grace\n");
    world.git.push("Another user");
    world.until("upgraded", SOON, || async { world.release("shop", "vault").await.filter(|r| ready(r, "1.1.0")) }).await;
    let after = data().await;
    assert_eq!(after[1].2["user"], "Z3JhY2U=");
    for (i, key) in [(0, "password"), (1, "password"), (2, "id"), (3, "tls.crt"), (3, "tls.key")] {
        assert_eq!(after[i].2[key], before[i].2[key], "{} {key}", after[i].0);
    }
    drop(daemon);
    std::fs::remove_dir_all(world.state_dir()).unwrap();
    let _daemon = world.spawn(&world.state_dir(), &[]);
    world.git.write("charts/vault/Chart.yaml", &chart_yaml("vault", "1.2.0"));
    world.git.write("charts/vault/values.yaml", "user: ada\n");
    world.git.push("The user from before");
    world.until("upgraded without the store", SOON, || async { world.release("shop", "vault").await.filter(|r| ready(r, "1.2.0")) }).await;
    let last = data().await;
    for (i, key) in [(0, "password"), (1, "password"), (1, "user"), (2, "id"), (3, "tls.crt"), (3, "tls.key")] {
        assert_eq!(last[i].2[key], before[i].2[key], "{} {key}", last[i].0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_refused_or_trimmed() {
    let mut world = World::start().await;
    // Two megabytes that no compression makes smaller than one.
    let mut state = 42_u64;
    let letters: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + u8::try_from((state >> 40) % 94).unwrap())
    })
    .take(2 << 20)
    .collect();
    world.git.write("charts/large/files/noise.txt", &letters);
    world.git.write("charts/large/Chart.yaml", &chart_yaml("large", "1.0.0"));
    world.git.write("charts/large/templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\ndata: {a: b}\n");
    let object = format!("{}{}", namespace("shop"), release("shop", "large", "./charts/large", ""));
    world.git.write("clusters/demo/large.yaml", &object);
    world.git.push("A chart with a large file");
    world.start_daemon(&[]).await;
    let said = world
        .until("refused by name", SOON, || async {
            let release = world.release("shop", "large").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status == "False" && message.contains("helmward.dev/trim-record")).then(|| message.to_owned())
        })
        .await;
    assert!(said.contains("a Secret holds 1048576"), "{said}");
    assert!(world.get("v1", "ConfigMap", "shop", "large").await.is_none(), "nothing was applied");
    let trimmed =
        object.replace("  name: large\n  namespace", "  name: large\n  annotations: {helmward.dev/trim-record: enabled}\n  namespace");
    world.git.push_file("clusters/demo/large.yaml", Some(&trimmed), "Without the chart's files");
    world.until("stored without them", SOON, || async { world.release("shop", "large").await.filter(|r| ready(r, "1.0.0")) }).await;
    let Some(helm) = Helm::find(&world) else { return };
    assert!(helm.run(&["get", "manifest", "large", "-n", "shop"]).contains("name: large"));
    let history: Value = serde_json::from_str(&helm.run(&["history", "large", "-n", "shop", "-o", "json"])).unwrap();
    assert_eq!(history.as_array().unwrap().last().unwrap()["status"], "deployed", "{history}");
}
