//! Values: from files of the repository in their order, and what waits for a Secret that is not there yet.

use crate::text::{chart_yaml, deployment, namespace, release, release_with};
use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const FILE: &str = "clusters/demo/ops.yaml";

/// A release of a chart that shows its values, from these files of the repository.
fn ops(files: &[&str], more: &str, spec: &str) -> String {
    let files: String = files.iter().map(|f| format!("        - {f}\n")).collect();
    format!("{}{}", namespace("shop"), release_with("shop", "ops", "./charts/ops", spec, &format!("      valuesFiles:\n{files}{more}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn oo1_values_files_in_their_order() {
    let mut world = World::start().await;
    world.git.write("charts/ops/Chart.yaml", &chart_yaml("ops", "0.6.26"));
    world.git.write(
        "charts/ops/templates/shown.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shown\ndata:\n  values: {{ .Values | toJson | quote }}\n  has: {{ hasKey .Values \"inline\" | quote }}\n  extra: {{ .Values.extra | default \"gone\" | quote }}\n\
         {{- if hasPrefix \"https:\" .Values.publicUrl }}\n  redirect: \"on\"\n{{- end }}\n",
    );
    world.git.write(
        "charts/ops/values.yaml",
        "publicUrl: http://localhost:8080\nreplicas: 1\nextra: something\ninline: something\nhosts: [one, two]\ntables:\n  storage: 10Gi\n  backup: weekly\n  class: slow\n",
    );
    world.git.write(
        "charts/ops/values.production.yaml",
        "publicUrl: https://openops.example.com\nreplicas: 3\nhosts: [three]\ntables:\n  storage: 50Gi\n  backup: daily\n",
    );
    world.git.write("overrides.yaml", "publicUrl: http://localhost:8081\nextra: null\ntables:\n  backup: null\n");
    world.git.write("regions/eu.yaml", "region: eu\ntables:\n  class: fast\n");
    let order = ["charts/ops/values.yaml", "charts/ops/values.production.yaml", "overrides.yaml", "regions/eu.yaml"];
    let (revision, inline) =
        ("      reconcileStrategy: Revision\n", "  values:\n    region: {zone: a}\n    hosts: [four]\n    inline: null\n");
    world.git.write(FILE, &ops(&order, revision, inline));
    let commit = world.git.push("Four files");
    world.start_daemon(&[]).await;
    let shown = async |what: &str, check: &dyn Fn(&Value, &Value) -> bool| {
        world
            .until(what, SOON, || async {
                let map = world.get("v1", "ConfigMap", "shop", "shown").await?;
                let values: Value = serde_json::from_str(map["data"]["values"].as_str()?).ok()?;
                check(&values, &map["data"]).then_some((values, map["data"].clone()))
            })
            .await
    };
    let (values, data) = shown("deployed", &|v, _| v["publicUrl"] == "http://localhost:8081").await;
    assert_eq!((&values["replicas"], &values["tables"]["storage"]), (&json!(3), &json!("50Gi")), "of the last file that has it");
    assert_eq!((&values["tables"]["class"], &values["hosts"]), (&json!("fast"), &json!(["four"])), "lists are replaced, not merged");
    assert_eq!(values["region"], json!({"zone": "a"}), "what is inline comes last");
    assert_eq!((&data["extra"], &data["redirect"]), (&json!("gone"), &Value::Null), "a null takes a key away");
    assert!(values["tables"]["backup"].is_null() && data["has"] == "false", "{values}");
    let version = format!("0.6.26+{}", &commit[..12]);
    world.until("ready", SOON, || async { world.release("shop", "ops").await.filter(|r| ready(r, &version)) }).await;

    // The other way round the other file wins, although no file and nothing else changed.
    let swapped = ["charts/ops/values.yaml", "overrides.yaml", "charts/ops/values.production.yaml", "regions/eu.yaml"];
    world.git.push_file(FILE, Some(&ops(&swapped, revision, inline)), "Swap two files");
    let (values, data) = shown("swapped", &|v, _| v["publicUrl"] == "https://openops.example.com").await;
    assert_eq!((&data["redirect"], &values["tables"]["backup"]), (&json!("on"), &json!("daily")));
    world.git.push_file(FILE, Some(&ops(&swapped, revision, "")), "Nothing inline");
    let (values, _) = shown("without what was inline", &|v, _| v["region"] == "eu").await;
    assert_eq!((&values["hosts"], &values["region"]), (&json!(["three"]), &json!("eu")));

    // A file that is not there is an error, unless that is allowed.
    let missing = ["charts/ops/values.yaml", "regions/moon.yaml", "overrides.yaml"];
    world.git.push_file(FILE, Some(&ops(&missing, revision, "")), "A region that is not there");
    world
        .until("the missing file is named", SOON, || async {
            let release = world.release("shop", "ops").await?;
            let (status, reason, message) = condition(&release, "Ready")?;
            (status == "False" && reason == "ArtifactFailed" && message.contains("regions/moon.yaml")).then(|| eprintln!("    {message}"))
        })
        .await;
    let map = world.get("v1", "ConfigMap", "shop", "shown").await.unwrap();
    assert_eq!(map["data"]["redirect"], "on", "nothing was applied");
    world.git.push_file(FILE, Some(&ops(&missing, &format!("{revision}      ignoreMissingValuesFiles: true\n"), "")), "It may be missing");
    shown("without it", &|v, _| v["publicUrl"] == "http://localhost:8081" && v["region"].is_null()).await;
}

/// Says of every pod what the kubelet says while a Secret is missing; and that it runs, once it is there.
async fn kubelet(world: &World, missing: Option<&str>) {
    for pod in world.list("v1", "Pod", "shop", "app=app").await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let api = world.api("v1", "Pod", "shop");
        let status = match missing {
            Some(secret) => json!({"status": {"phase": "Pending", "containerStatuses": [{
                "name": "app", "image": "registry.example/app:1-pending", "imageID": "", "ready": false, "restartCount": 0, "started": false,
                "state": {"waiting": {"reason": "CreateContainerConfigError", "message": format!("secret \"{secret}\" not found")}},
            }]}}),
            None => json!({"metadata": {"annotations": {"sim.test/outcome": "ready"}}}),
        };
        let patch = kube::api::Patch::Merge(&status);
        let params = kube::api::PatchParams::default();
        match missing {
            Some(_) => drop(api.patch_status(name, &params, &patch).await.unwrap()),
            None => drop(api.patch(name, &params, &patch).await.unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oo6_an_existing_secret_that_is_missing() {
    let mut world = World::start().await;
    world.git.write("charts/ops/Chart.yaml", &chart_yaml("ops", "0.6.26"));
    world.git.write(
        "charts/ops/templates/app.yaml",
        &deployment(
            "app",
            "registry.example/app:1-pending",
            "          envFrom:\n            - secretRef: {name: {{ .Values.existingSecret }}}\n",
        )
        .replace("progressDeadlineSeconds: 120", "progressDeadlineSeconds: 600"),
    );
    // Both ways in which a release needs a Secret of somebody else: for its pods, and for its values.
    world.git.write(
        "clusters/demo/ops.yaml",
        &format!("{}{}", namespace("shop"), release("shop", "ops", "./charts/ops", "  values:\n    existingSecret: openops-env\n"))
            .replace("timeout: 20s", "timeout: 2m"),
    );
    world.git.write("charts/plain/Chart.yaml", &chart_yaml("plain", "1.0.0"));
    world.git.write(
        "charts/plain/templates/shown.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\ndata:\n  greeting: {{ .Values.greeting }}\n",
    );
    world.git.write(
        "clusters/demo/plain.yaml",
        &release("shop", "plain", "./charts/plain", "  valuesFrom:\n    - kind: Secret\n      name: openops-values\n"),
    );
    world.git.push("Needs Secrets");
    world.start_daemon(&[]).await;
    world
        .until("the Secret of the values is named", SOON, || async {
            let release = world.release("shop", "plain").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status == "False" && message.contains("openops-values")).then(|| eprintln!("    {message}"))
        })
        .await;
    let named = Instant::now();
    world.until("a pod waits", SOON, || async { (!world.list("v1", "Pod", "shop", "app=app").await.is_empty()).then_some(()) }).await;
    kubelet(&world, Some("openops-env")).await;
    world
        .until("the Secret of the pods is named", SOON, || async {
            let release = world.release("shop", "ops").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status != "True" && message.contains("openops-env")).then(|| eprintln!("    {message}"))
        })
        .await;
    assert!(world.get("v1", "ConfigMap", "shop", "plain").await.is_none());

    // By then it is looked for so seldom that only its event brings the release on in time.
    tokio::time::sleep(Duration::from_secs(34).saturating_sub(named.elapsed())).await;
    for name in ["openops-env", "openops-values"] {
        world
            .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "stringData": {"values.yaml": "greeting: hello\n"}}))
            .await;
    }
    kubelet(&world, None).await;
    let seconds = Duration::from_secs(10);
    world.until("the pods' Secret came", seconds, || async { world.release("shop", "ops").await.filter(|r| ready(r, "0.6.26")) }).await;
    world.until("the values' Secret came", seconds, || async { world.release("shop", "plain").await.filter(|r| ready(r, "1.0.0")) }).await;
    assert_eq!(world.release_secrets("shop", "ops").await.len(), 1, "no second attempt was needed");
}
