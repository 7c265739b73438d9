//! Objects that others made, own or write to: taken over only on request, and left alone where the fields are theirs.

use crate::gitserver::git;
use crate::helm::Helm;
use crate::operator::{self, KINDS, Version, manifests, release_at};
use crate::world::{SOON, World, condition, ready};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

async fn at(world: &World, version: &str) -> Value {
    world
        .until(&format!("{version} deployed"), SOON, || async { world.release("lights", "lights").await.filter(|r| ready(r, version)) })
        .await
}

/// Writes as another field manager does: lists are merged by their keys.
async fn write_as(world: &World, manager: &str, api_version: &str, kind: &str, namespace: &str, patch: Value) {
    let params = PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() };
    world.api(api_version, kind, namespace).patch("lights", &params, &Patch::Strategic(patch)).await.unwrap();
}

const HOOK: (&str, &str) = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration");

async fn pods(world: &World, namespace: &str) -> Vec<String> {
    let mut uids: Vec<String> = world
        .list("v1", "Pod", namespace, "")
        .await
        .iter()
        .filter(|p| p["metadata"]["deletionTimestamp"].is_null())
        .map(|p| p["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect();
    uids.sort();
    uids
}

async fn request(world: &World) {
    let now = jiff::Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}});
    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "lights", "lights", patch).await;
    world
        .until("looked at again", SOON, || async {
            (world.release("lights", "lights").await?["status"]["lastHandledReconcileAt"] == now.as_str()).then_some(())
        })
        .await;
}

async fn page(world: &World) -> Value {
    world.page("/api/v1/releases/lights/lights").await.unwrap_or_default()
}

const WEBHOOK: &str = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: lights\n  labels: {app.kubernetes.io/managed-by: kustomize}\n\
webhooks:\n  - name: check.lights.example\n    admissionReviewVersions: [v1]\n    sideEffects: None\n    failurePolicy: Ignore\n    clientConfig: {url: 'https://lights.example/check'}\n\
\x20   rules: [{apiGroups: [nothing.lights.example], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]\n";

#[tokio::test(flavor = "multi_thread")]
async fn ks10_an_injected_bundle_is_no_drift_and_an_edit_is() {
    let mut world = World::start().await;
    let mut version = Version::new("1.0.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.more = vec![("webhook.yaml", WEBHOOK.into())];
    version.push(&world);
    // The upgrade writes the configuration, too: what is not written survives anyway.
    let more = vec![("webhook.yaml", WEBHOOK.replace("failurePolicy: Ignore", "failurePolicy: Ignore\n    timeoutSeconds: 5"))];
    Version { number: "1.1.0", image: "1.1.0", more, ..version }.push(&world);
    let warn = "  driftDetection: {mode: warn}\n";
    release_at(&world, "v1.0.0", "", warn);
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    let hook = async || world.get("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "lights").await.unwrap();
    let live = hook().await;
    assert_eq!(live["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm", "Helm's label comes before the chart's");
    // A certificate that nobody has the key of: the API server reads it.
    let bundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJkVENDQVJ1Z0F3SUJBZ0lVVXdLVWZnOTBseXVNc0djb2NEVXMzQkhLT2RJd0NnWUlLb1pJemowRUF3SXcKRHpFTk1Bc0dBMVVFQXd3RWRHVnpkREFnRncweU5qRXhNakV4T0RBek5URmFHQTh5TVRJMk1UQXlPREU0TURNMQpNVm93RHpFTk1Bc0dBMVVFQXd3RWRHVnpkREJaTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEEwSUFCQTZmCnQ1Nm9FOWl1NEptZ3FvRXRXNXBseUJXeGZNaFduVzEraTUzVGhaek13WUFoS3ptT1ZHREJqZWxLdXozQnZsbW0KM0Jiam1OSk5aK1NmWVE0eHh2T2pVekJSTUIwR0ExVWREZ1FXQkJUSXE1VElRWlJaTWRTYkJwd2JpUkN2cDJvWAp6ekFmQmdOVkhTTUVHREFXZ0JUSXE1VElRWlJaTWRTYkJwd2JpUkN2cDJvWHp6QVBCZ05WSFJNQkFmOEVCVEFECkFRSC9NQW9HQ0NxR1NNNDlCQU1DQTBnQU1FVUNJUURIczNCQTFKSTdTRkpYbGNTVURBMzBHQUhITXJFRDQ1OU8Kd2RUOGZrcXhCQUlnVXp6YWdGSXc5MTVGSU5lZW5OMWtmOWlnR2lNQnp1Z0tob3pvbndxNmMwbz0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
    let injected = json!({"webhooks": [{"name": "check.lights.example", "clientConfig": {"caBundle": bundle}}]});
    write_as(&world, "cert-manager-cainjector", HOOK.0, HOOK.1, "", injected).await;
    let has = |live: &Value| live["webhooks"][0]["clientConfig"]["caBundle"] == bundle;
    let quiet = |page: &Value| page["drift"].as_array().is_some_and(|d| d.iter().all(|d| d["policy"] == "extra" || d["op"] == "extra"));
    request(&world).await;
    let page_now = page(&world).await;
    assert!(page_now["pill"] == "Ready" && quiet(&page_now), "{}", page_now["drift"]);
    assert!(has(&hook().await), "it survives a reconcile");
    release_at(&world, "v1.1.0", "", warn);
    at(&world, "1.1.0").await;
    let live = hook().await;
    assert_eq!(live["webhooks"][0]["timeoutSeconds"], 5, "the upgrade wrote it");
    assert!(has(&live), "it survives an upgrade");

    let edit = json!({"webhooks": [{"name": "check.lights.example", "failurePolicy": "Fail"}]});
    write_as(&world, "kubectl-edit", HOOK.0, HOOK.1, "", edit).await;
    let drift = world
        .until("the edit is drift", SOON, || async {
            let page = page(&world).await;
            page["drift"].as_array()?.iter().find(|d| d["path"].as_str().is_some_and(|p| p.ends_with(".failurePolicy"))).cloned()
        })
        .await;
    assert_eq!((&drift["desired"], &drift["live"]), (&json!("Ignore"), &json!("Fail")), "{drift}");
    assert_eq!(drift["owners"][0]["manager"], "kubectl-edit", "{drift}");
    assert_eq!(hook().await["webhooks"][0]["failurePolicy"], "Fail", "under warn it is only shown");
    release_at(&world, "v1.1.0", "", "  driftDetection: {mode: enabled}\n");
    world.until("corrected", SOON, || async { (hook().await["webhooks"][0]["failurePolicy"] == "Ignore").then_some(()) }).await;
    assert!(has(&hook().await), "and the bundle is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn pr7_what_others_add_stays_and_what_they_change_is_drift() {
    let mut world = World::start().await;
    let mut version = Version::new("1.0.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.push(&world);
    // The upgrade writes the Deployment, and a label is nothing that its pods see: what is not written keeps everything anyway.
    let text = std::fs::read_to_string(world.git.work().join("charts/lights/templates/deployment.yaml")).unwrap();
    let more = text.replacen("  name: lights\n", "  name: lights\n  labels: {lights.example/version: 1.1.0}\n", 1);
    Version { number: "1.1.0", more: vec![("deployment.yaml", more)], ..version }.push(&world);
    let spec = "  driftDetection: {mode: warn}\n";
    release_at(&world, "v1.0.0", "", spec);
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    let add = json!({"metadata": {"labels": {"team": "harbour"}, "annotations": {"enforcer.example/checked": "yes"}},
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}});
    write_as(&world, "label-enforcer", "apps/v1", "Deployment", "lights", add).await;
    let settled = async || {
        world
            .until("rolled out", SOON, || async {
                let live = world.get("apps/v1", "Deployment", "lights", "lights").await?;
                let done = live["status"]["observedGeneration"] == live["metadata"]["generation"]
                    && live["status"]["updatedReplicas"] == 1
                    && live["status"]["readyReplicas"] == 1
                    && live["status"]["replicas"] == 1;
                done.then_some(live)
            })
            .await
    };
    let before = settled().await;
    request(&world).await;
    let shown = page(&world).await;
    assert_eq!(shown["pill"], "Ready", "{}", shown["drift"]);
    assert!(condition(&world.release("lights", "lights").await.unwrap(), "Drifted").is_none_or(|(status, ..)| status == "False"));

    release_at(&world, "v1.1.0", "", spec);
    at(&world, "1.1.0").await;
    let after = settled().await;
    assert_eq!(after["metadata"]["labels"]["lights.example/version"], "1.1.0", "the upgrade wrote it");
    assert_eq!(after["metadata"]["labels"]["team"], "harbour");
    assert_eq!(after["metadata"]["annotations"]["enforcer.example/checked"], "yes");
    assert_eq!(after["spec"]["template"], before["spec"]["template"], "restartedAt is not removed");
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"], "so the rollout is not restarted");

    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "lights", "image": "registry.example/lights:6.6.6"}]}}}});
    write_as(&world, "label-enforcer", "apps/v1", "Deployment", "lights", change).await;
    let drift = world
        .until("another image is drift", SOON, || async {
            let page = page(&world).await;
            page["drift"].as_array()?.iter().find(|d| d["path"].as_str().is_some_and(|p| p.ends_with(".image"))).cloned()
        })
        .await;
    assert_eq!(
        (&drift["live"], &drift["owners"][0]["manager"]),
        (&json!("registry.example/lights:6.6.6"), &json!("label-enforcer")),
        "{drift}"
    );
}

/// The reference kubectl.
fn kubectl(world: &World, args: &[&str]) -> Option<String> {
    let default = std::path::PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/helmward/controlplane/kubectl");
    let binary = std::env::var("HELMWARD_KUBECTL").map_or(default, std::path::PathBuf::from);
    if !binary.exists() {
        eprintln!("  skipped: {} is not there", binary.display());
        return None;
    }
    let out = Command::new(&binary).args(args).env("KUBECONFIG", &world.kubeconfig).env("HOME", world.dir.path()).output().unwrap();
    assert!(out.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn pr8_what_kubectl_applied_is_taken_over_on_request_only() {
    let mut world = World::start().await;
    let mut version = Version::new("1.0.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.push(&world);
    let chart = world.git.work().join("charts/lights/templates");
    let text = |name: &str| {
        std::fs::read_to_string(chart.join(name)).unwrap().replace("metadata:\n  name:", "metadata:\n  namespace: lights\n  name:")
    };
    // As somebody applied it once, with one field more.
    let by_hand = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: lights\n---\n{}---\n{}  left: over\n",
        text("deployment.yaml"),
        text("config.yaml").replace("{{ .Values.greeting }}", "hello")
    );
    let file = world.dir.path().join("by-hand.yaml");
    std::fs::write(&file, by_hand).unwrap();
    if kubectl(&world, &["apply", "-f", file.to_str().unwrap()]).is_none() {
        return;
    }
    world
        .until("its pod runs", SOON, || async {
            let live = world.get("apps/v1", "Deployment", "lights", "lights").await?;
            (live["status"]["readyReplicas"] == 1).then_some(())
        })
        .await;
    let (deployment, running) = (world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap(), pods(&world, "lights").await);
    release_at(&world, "v1.0.0", "", "");
    world.start_daemon(&[]).await;
    let said = world
        .until("refused", SOON, || async {
            let release = world.release("lights", "lights").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status == "False" && message.contains("belongs to")).then(|| message.to_owned())
        })
        .await;
    assert!(said.contains("lights") && said.contains("kubectl-client-side-apply") && said.contains("helmward.dev/adopt"), "{said}");
    let live = world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap();
    assert_eq!((&live["spec"], &live["metadata"]["labels"]), (&deployment["spec"], &deployment["metadata"]["labels"]), "untouched");

    release_at(&world, "v1.0.0", "  annotations:\n    helmward.dev/adopt: enabled\n", "");
    at(&world, "1.0.0").await;
    let live = world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap();
    assert_eq!(live["metadata"]["uid"], deployment["metadata"]["uid"]);
    assert_eq!(live["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"], "lights");
    assert_eq!(live["spec"], deployment["spec"]);
    assert_eq!(pods(&world, "lights").await, running, "no pod was restarted");
    let config = world.get("v1", "ConfigMap", "lights", "lights-config").await.unwrap();
    assert!(config["data"]["left"].is_null(), "what Git does not have is gone: {}", config["data"]);
    for object in [&live, &config] {
        assert!(object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].is_null());
        let managers = object["metadata"]["managedFields"].as_array().unwrap().iter().filter(|m| m["subresource"].is_null());
        assert!(managers.clone().any(|m| m["manager"] == "helmward"));
        assert!(managers.clone().all(|m| m["manager"] != "kubectl-client-side-apply"), "{}", object["metadata"]["managedFields"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pr9_a_release_of_the_helm_cli_goes_on() {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    let deployment = |probe: &str, version: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: lights\nspec:\n  replicas: 1\n  selector: {{matchLabels: {{app: lights}}}}\n  template:\n    metadata: {{labels: {{app: lights}}}}\n\
             \x20   spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n        - name: lights\n          image: 'registry.example/lights:{{{{ .Values.tag }}}}'\n{probe}          env: [{{name: VERSION, value: '{version}'}}]\n"
        )
    };
    let push = |world: &World, number: &str, probe: &str| {
        let write = |path: &str, text: &str| world.git.write(&format!("charts/lights/{path}"), text);
        write("Chart.yaml", &format!("apiVersion: v2\nname: lights\nversion: {number}\n"));
        write("values.yaml", "tag: 1.0.0\n");
        write("templates/deployment.yaml", &deployment(probe, number));
        world.git.push(&format!("lights {number}"));
        git(world.git.work(), &["tag", &format!("v{number}")]);
        git(world.git.work(), &["push", "-q", "origin", &format!("v{number}")]);
    };
    push(&world, "1.0.0", "          livenessProbe: {exec: {command: ['true']}, periodSeconds: 30}\n");
    let chart = world.git.work().join("charts/lights");
    // Client-side, as releases of Helm 3 are: their fields belong to its Update manager.
    let mut args = vec!["install", "lights", chart.to_str().unwrap(), "-n", "lights", "--create-namespace", "--set", "tag=1.2.3", "--wait"];
    if helm.run(&["version", "--short"]).starts_with("v4") {
        args.push("--server-side=false");
    }
    helm.run(&args);
    let live = async |world: &World| world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap();
    let before = (live(&world).await, pods(&world, "lights").await);
    let manager = before.0["metadata"]["managedFields"].as_array().unwrap().iter().find(|m| m["manager"] == "helm").expect("Helm wrote it");
    assert_eq!(manager["operation"], "Update");
    assert!(!before.0["spec"]["template"]["spec"]["containers"][0]["livenessProbe"].is_null());

    let values = "  values: {tag: 1.2.3}\n";
    release_at(&world, "v1.0.0", "", values);
    world.start_daemon(&[]).await;
    let release = at(&world, "1.0.0").await;
    assert_eq!(release["status"]["history"][0]["version"], 2, "its history goes on: {}", release["status"]["history"]);
    let after = live(&world).await;
    assert_eq!(after["metadata"]["uid"], before.0["metadata"]["uid"]);
    assert_eq!((&after["spec"], pods(&world, "lights").await), (&before.0["spec"], before.1), "not installed again, no pod restarted");

    push(&world, "1.1.0", "");
    release_at(&world, "v1.1.0", "", values);
    at(&world, "1.1.0").await;
    let container = live(&world).await["spec"]["template"]["spec"]["containers"][0].clone();
    assert!(container["livenessProbe"].is_null(), "a field that leaves Git leaves the cluster: {container}");
    assert_eq!(container["image"], "registry.example/lights:1.2.3");

    let history = helm.json(&["history", "lights", "-n", "lights"]);
    let told: Vec<(i64, &str)> =
        history.as_array().unwrap().iter().map(|h| (h["revision"].as_i64().unwrap(), h["status"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "superseded"), (2, "superseded"), (3, "deployed")]);
    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "lights", "lights", json!({"spec": {"suspend": true}})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    helm.run(&["rollback", "lights", "2", "-n", "lights"]);
    let container = live(&world).await["spec"]["template"]["spec"]["containers"][0].clone();
    assert!(!container["livenessProbe"].is_null(), "helm rollback works on what was written: {container}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as1_crds_through_a_link_and_no_link_out() {
    use std::os::unix::fs::symlink;
    let mut world = World::start().await;
    let mut version = Version::new("1.0.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.push(&world);
    let charts = world.git.work().join("charts");
    // The CRDs are where they are generated, and the chart has a link to them.
    std::fs::create_dir_all(world.git.work().join("src/config")).unwrap();
    std::fs::rename(charts.join("lights/crds"), world.git.work().join("src/config/crd")).unwrap();
    symlink("../../src/config/crd", charts.join("lights/crds")).unwrap();
    for (name, target) in [("outside", "../../../../../../etc"), ("absolute", "/etc"), ("circle", "crds")] {
        git(world.git.work(), &["rm", "-r", "-q", "--cached", "--ignore-unmatch", "nothing"]);
        let to = charts.join(name);
        std::fs::create_dir_all(to.join("templates")).unwrap();
        std::fs::write(to.join("Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n")).unwrap();
        // Objects of their own: else they would be refused for those of the first.
        let config = std::fs::read_to_string(charts.join("lights/templates/config.yaml")).unwrap();
        std::fs::write(to.join("templates/config.yaml"), config.replace("lights-config", &format!("{name}-config"))).unwrap();
        std::fs::write(to.join("values.yaml"), "greeting: hi\n").unwrap();
        symlink(target, to.join("crds")).unwrap();
    }
    let mut text = manifests(&world, "v1.0.0", "", "").replace("tag: v1.0.0", "branch: main");
    let release = text.rsplit_once("---\n").unwrap().1.to_owned();
    for name in ["outside", "absolute", "circle"] {
        text += &format!(
            "---\n{}",
            release
                .replace("name: lights\n  namespace", &format!("name: {name}\n  namespace"))
                .replace("./charts/lights", &format!("./charts/{name}"))
        );
    }
    world.git.push_file("clusters/demo/lights.yaml", Some(&text), "Links");
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    assert!(operator::crd(&world, "keepers").await.is_some(), "installed through the link");
    for name in ["outside", "absolute", "circle"] {
        let said = world
            .until(&format!("{name} refused"), SOON, || async {
                let release = world.release("lights", name).await?;
                let (status, _, message) = condition(&release, "Ready")?;
                (status == "False").then(|| message.to_owned())
            })
            .await;
        assert!(said.contains(&format!("charts/{name}/crds")), "the link is named: {said}");
        assert!(world.release_secrets("lights", name).await.is_empty());
        eprintln!("    {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as9_the_second_owner_of_cluster_objects_is_refused() {
    let mut world = World::start().await;
    let mut version = Version::new("0.1.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.push(&world);
    release_at(&world, "v0.1.0", "", "");
    world.start_daemon(&["--target-namespaces=.,lights-*"]).await;
    at(&world, "0.1.0").await;
    let role = async || world.get("rbac.authorization.k8s.io/v1", "ClusterRole", "", "lights-reader").await.unwrap();
    let (before, crd) = (role().await, operator::crd(&world, "keepers").await.unwrap());

    let other = manifests(&world, "v0.1.0", "", "")
        .replace("namespace: lights", "namespace: second")
        .replace("name: lights\n---", "name: second\n---");
    let away = other
        .rsplit_once("---\n")
        .unwrap()
        .1
        .replace("name: lights\n  namespace", "name: away\n  namespace")
        .replace("  timeout: 20s\n", "  timeout: 20s\n  targetNamespace: elsewhere\n");
    world.git.push_file("clusters/demo/second.yaml", Some(&format!("{other}---\n{away}")), "Once more");
    let refused = async |name: &'static str, words: &'static str| {
        world
            .until(&format!("{name} refused"), SOON, || async {
                let release = world.release("second", name).await?;
                let (status, reason, message) = condition(&release, "Ready")?;
                (status == "False" && message.contains(words)).then(|| (reason.to_owned(), message.to_owned()))
            })
            .await
    };
    let (_, said) = refused("lights", "belongs to").await;
    assert!(said.contains("ClusterRole") && said.contains("HelmRelease lights/lights"), "the owner is named: {said}");
    let (reason, said) = refused("away", "elsewhere").await;
    assert_eq!(reason, "AccessDenied", "{said}");
    assert!(said.contains("--target-namespaces"), "{said}");
    assert!(
        world.get("v1", "Namespace", "", "elsewhere").await.is_none()
            && world.release_secrets("elsewhere", "elsewhere-away").await.is_empty()
    );
    assert_eq!(role().await, before, "the first is undisturbed");
    assert_eq!(operator::crd(&world, "keepers").await.unwrap(), crd);
    assert!(ready(&world.release("lights", "lights").await.unwrap(), "0.1.0"));
}
