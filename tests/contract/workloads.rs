//! Workloads: what counts as healthy, what is waited for and how long, who sets replicas, and when pods restart.

use crate::small::{self, Workload, image_of, is_ready, rolled_back};
use crate::world::{SOON, World, condition};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

async fn generations(world: &World, namespace: &str, names: &[(&str, &str)]) -> Vec<i64> {
    let mut out = Vec::new();
    for (kind, name) in names {
        out.push(world.get("apps/v1", kind, namespace, name).await.unwrap()["metadata"]["generation"].as_i64().unwrap());
    }
    out
}

/// Whether a text is in any file below a folder.
fn found_below(folder: &Path, text: &str) -> Option<String> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = found_below(&path, text) {
                return Some(found);
            }
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes())) {
            return Some(path.display().to_string());
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn oo5_pods_restart_once_when_their_external_secret_changes() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let env = ", envFrom: [{secretRef: {name: openops-env}}]";
    let key = ", env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: openops-env, key: token}}}]";
    let mounted = ", volumeMounts: [{name: tmp, mountPath: /tmp}]";
    let chart = |version: &str| {
        let make = |kind: &'static str, name: &'static str, container: &'static str| {
            (name, Workload { kind, name, image: &format!("{name}:1.0.0"), spec: "", container }.text())
        };
        let own = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\nstringData: {a: b}\n".to_owned();
        let config = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: notes}}\ndata: {{version: '{version}'}}\n");
        let except = Workload { kind: "Deployment", name: "except", image: "except:1.0.0", spec: "", container: env }
            .text()
            .replace("  name: except\n", "  name: except\n  annotations: {helmward.dev/restart: disabled}\n");
        small::chart(
            &root,
            "ops",
            version,
            &[
                make("Deployment", "app", env),
                make("Deployment", "engine", key),
                make("StatefulSet", "tables", env),
                make("Deployment", "nginx", mounted),
                make("Deployment", "redis", ", envFrom: [{secretRef: {name: own}}]"),
                ("except", except.replace(mounted, "")),
                ("own", own),
                ("notes", config),
            ],
        );
    };
    chart("1.0.0");
    // nginx mounts an emptyDir; the template above has no volumes, so it is given one here.
    let nginx = root.join("charts/ops/templates/nginx.yaml");
    let with_volume = |text: String| text.replace("containers:", "volumes: [{name: tmp, emptyDir: {}}], containers:");
    std::fs::write(&nginx, with_volume(std::fs::read_to_string(&nginx).unwrap())).unwrap();
    small::release_with(&root, "ops", &[("helmward.dev/restart", "enabled")], "  timeout: 40s\n  driftDetection: {mode: enabled}\n");
    world.git.push("Workloads that read a Secret of somebody else");
    world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}})).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openops-env", "namespace": "ops"},
        "stringData": {"token": "canary-one-1f2e", "other": "x"}});
    world.create(secret).await;
    world.start_daemon(&[]).await;
    is_ready(&world, "ops", "1.0.0").await;
    let all = [
        ("Deployment", "app"),
        ("Deployment", "engine"),
        ("StatefulSet", "tables"),
        ("Deployment", "nginx"),
        ("Deployment", "redis"),
        ("Deployment", "except"),
    ];
    let before = generations(&world, "ops", &all).await;
    // Wait until it is known what the pods read: from then on changes count.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(generations(&world, "ops", &all).await, before, "the first sight of a Secret restarts nothing");

    world.kubectl_patch("v1", "Secret", "ops", "openops-env", json!({"metadata": {"labels": {"team": "a"}}})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(generations(&world, "ops", &all).await, before, "a label restarts nothing");

    let began = Instant::now();
    world.kubectl_patch("v1", "Secret", "ops", "openops-env", json!({"stringData": {"token": "canary-two-3d4c"}})).await;
    let expect: Vec<i64> = before.iter().zip([1, 1, 1, 0, 0, 0]).map(|(g, more)| g + more).collect();
    world.until("those that read it restart", SOON, || async { (generations(&world, "ops", &all).await == expect).then_some(()) }).await;
    eprintln!("    {:.2} s after the change", began.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(generations(&world, "ops", &all).await, expect, "once");
    let app = world.get("apps/v1", "Deployment", "ops", "app").await.unwrap();
    let told = app["spec"]["template"]["metadata"]["annotations"]["helmward.dev/restarted-for"].as_str().expect("a digest");
    assert!(told.starts_with("Secret/openops-env="), "{told}");

    // engine reads one key only.
    world.kubectl_patch("v1", "Secret", "ops", "openops-env", json!({"stringData": {"other": "y"}})).await;
    let expect: Vec<i64> = expect.iter().zip([1, 0, 1, 0, 0, 0]).map(|(g, more)| g + more).collect();
    world
        .until("those that read this key restart", SOON, || async { (generations(&world, "ops", &all).await == expect).then_some(()) })
        .await;

    // It is no drift, and the next upgrade does not take it back: nothing restarts again.
    let page = world
        .until("without drift", SOON, || async {
            let page = world.page("/api/v1/releases/ops/ops").await?;
            (page["pill"] == "Ready").then_some(page)
        })
        .await;
    assert_eq!(page["drift"].as_array().map(Vec::len), Some(0), "{}", page["drift"]);
    assert!(page["events"].to_string().contains("restarts its pods: Secret/ops/openops-env changed"), "{}", page["events"]);
    chart("1.1.0");
    std::fs::write(&nginx, with_volume(std::fs::read_to_string(&nginx).unwrap())).unwrap();
    world.git.push("An upgrade that changes no pod");
    is_ready(&world, "ops", "1.1.0").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(generations(&world, "ops", &all).await, expect);

    // Changed while nobody looked, it restarts them once the daemon is back.
    let log = world.daemon().logged();
    world.kill_daemon();
    world.kubectl_patch("v1", "Secret", "ops", "openops-env", json!({"stringData": {"token": "canary-three-5b6a"}})).await;
    world.start_daemon(&[]).await;
    let expect: Vec<i64> = expect.iter().zip([1, 1, 1, 0, 0, 0]).map(|(g, more)| g + more).collect();
    world.until("restarted after a pause", SOON, || async { (generations(&world, "ops", &all).await == expect).then_some(()) }).await;
    let release = world.release("ops", "ops").await.unwrap();
    let shown = format!("{log}{}{}{release}", world.daemon().logged(), world.page("/api/v1/releases/ops/ops").await.unwrap());
    for canary in ["canary-one-1f2e", "canary-two-3d4c", "canary-three-5b6a", "Y2FuYXJ5"] {
        assert!(!shown.contains(canary), "{canary} is shown");
        assert_eq!(found_below(&world.state_dir(), canary), None, "{canary} is stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oo5_a_change_while_pods_become_healthy_counts() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let env = ", envFrom: [{configMapRef: {name: flags}}]";
    let slow = Workload { container: env, ..Workload::deployment("app", "app:1.0.0") }.text();
    let slow = slow.replace("metadata: {labels: {app: app}}", "metadata: {labels: {app: app}, annotations: {sim.test/ready-after: 6s}}");
    let slow = slow.replace("progressDeadlineSeconds: 3", "progressDeadlineSeconds: 60");
    // Plain manifests can do it, too.
    std::fs::create_dir_all(root.join("plain")).unwrap();
    std::fs::write(root.join("plain/app.yaml"), slow.replace("  name: app\n", "  name: app\n  namespace: ops\n")).unwrap();
    world.git.write(
        "clusters/demo/plain.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: plain\n  namespace: flux-system\n  annotations: {helmward.dev/restart: enabled}\n\
         spec:\n  interval: 10m\n  timeout: 1m\n  path: ./plain\n  prune: true\n  wait: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n",
    );
    world.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}})).await;
    world
        .create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags", "namespace": "ops"}, "data": {"a": "1"}}))
        .await;
    world.git.push("Slow pods");
    world.start_daemon(&[]).await;
    world.until("pods begin", SOON, || async { (!world.list("v1", "Pod", "ops", "app=app").await.is_empty()).then_some(()) }).await;
    world.kubectl_patch("v1", "ConfigMap", "ops", "flags", json!({"data": {"a": "2"}})).await;
    world
        .until("restarted once they are healthy", SOON, || async {
            let live = world.get("apps/v1", "Deployment", "ops", "app").await?;
            live["spec"]["template"]["metadata"]["annotations"]["helmward.dev/restarted-for"].as_str().map(str::to_owned)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oo9_a_load_balancer_is_waited_for_unless_excepted() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, kind: &str, annotations: &str| {
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {{{annotations}}}}}\nspec: {{type: {kind}, selector: {{app: app}}, ports: [{{port: 80}}]}}\n"
        );
        small::chart(
            &root,
            "shop",
            version,
            &[("app", Workload::deployment("app", &format!("app:{version}")).text()), ("service", service)],
        );
    };
    chart("1.0.0", "ClusterIP", "");
    small::release(&root, "shop", "  timeout: 5s\n");
    world.git.push("ClusterIP");
    world.start_daemon(&[]).await;
    is_ready(&world, "shop", "1.0.0").await;
    chart("1.1.0", "LoadBalancer", "");
    world.git.push("LoadBalancer, and nobody gives it an address");
    let release = rolled_back(&world, "shop", "1.1.0").await;
    let message = condition(&release, "Released").unwrap().2;
    assert!(message.contains("Service/web") && message.contains("no load balancer address"), "{message}");
    assert_eq!(world.get("v1", "Service", "shop", "web").await.unwrap()["spec"]["type"], "ClusterIP");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
    chart("1.2.0", "LoadBalancer", "helmward.dev/wait: disabled");
    world.git.push("LoadBalancer that nobody waits for");
    is_ready(&world, "shop", "1.2.0").await;
    assert_eq!(world.get("v1", "Service", "shop", "web").await.unwrap()["spec"]["type"], "LoadBalancer");
    // What had no address before is not waited for: a cluster without load balancers must not undo every upgrade.
    chart("1.3.0", "LoadBalancer", "");
    world.git.push("Without the annotation");
    is_ready(&world, "shop", "1.3.0").await;
    chart("1.4.0-unready", "LoadBalancer", "");
    world.git.push("Broken otherwise");
    rolled_back(&world, "shop", "1.4.0").await;
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.3.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn oo10_a_partition_and_no_replicas_are_ready() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str| {
        let spec = ", replicas: 2, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}";
        let image = format!("app:{version}");
        let set = Workload { kind: "StatefulSet", name: "parts", image: &image, spec, container: "" };
        let none = Workload { kind: "Deployment", name: "none", image: &image, spec: ", replicas: 0", container: "" };
        small::chart(&root, "shop", version, &[("parts", set.text()), ("none", none.text())]);
    };
    chart("1.0.0");
    small::release(&root, "shop", "  timeout: 40s\n");
    world.git.push("A partition, and nothing");
    world.start_daemon(&[]).await;
    is_ready(&world, "shop", "1.0.0").await;
    chart("1.1.0");
    world.git.push("Update one of two");
    is_ready(&world, "shop", "1.1.0").await;
    let set = world.get("apps/v1", "StatefulSet", "shop", "parts").await.unwrap();
    assert_eq!(set["status"]["updatedReplicas"], 1, "{}", set["status"]);
    let pods = world.list("v1", "Pod", "shop", "app=parts").await;
    let mut images: Vec<&str> = pods.iter().map(|p| p["spec"]["containers"][0]["image"].as_str().unwrap()).collect();
    images.sort_unstable();
    assert_eq!(images, ["registry.example/app:1.0.0", "registry.example/app:1.1.0"]);
    let page = world.page("/api/v1/releases/shop/shop").await.unwrap();
    let words: Vec<String> = page["objects"].as_array().unwrap().iter().map(|o| o["health"]["message"].to_string()).collect();
    assert!(words.iter().any(|w| w.contains("partitioned rollout: 1 updated (partition 1)")), "{words:?}");
    assert!(words.iter().any(|w| w.contains("0/0 ready")), "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oo11_an_autoscaler_keeps_its_replicas_and_a_hand_does_not() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let chart = |version: &str, autoscaled: bool| {
        let image = format!("app:{version}");
        let mut files = vec![("app", Workload { spec: ", replicas: 3", ..Workload::deployment("app", &image) }.text())];
        if autoscaled {
            let hpa = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: app}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, minReplicas: 1, \
                maxReplicas: 9, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}\n";
            files.push(("hpa", hpa.to_owned()));
        }
        small::chart(&root, "shop", version, &files);
    };
    let spec = |mode: &str| format!("  timeout: 40s\n  driftDetection: {{mode: {mode}}}\n");
    chart("1.0.0", true);
    small::release(&root, "shop", &spec("enabled"));
    world.git.push("Autoscaled");
    world.start_daemon(&[]).await;
    let replicas = async || world.get("apps/v1", "Deployment", "shop", "app").await.unwrap()["spec"]["replicas"].clone();
    // As the autoscaler does: through the subresource, under the name of its manager.
    let scale = async |to: i64, manager: &str| {
        let params = PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() };
        world
            .api("apps/v1", "Deployment", "shop")
            .patch_scale("app", &params, &Patch::Merge(json!({"spec": {"replicas": to}})))
            .await
            .unwrap();
    };
    is_ready(&world, "shop", "1.0.0").await;
    assert_eq!(replicas().await, 3);
    scale(7, "kube-controller-manager").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(replicas().await, 7, "not drift");
    let page = world.page("/api/v1/releases/shop/shop").await.unwrap();
    let counted: Vec<&Value> = page["drift"].as_array().unwrap().iter().filter(|d| d["policy"] == "correct").collect();
    assert!(counted.is_empty(), "{counted:?}");
    chart("1.1.0", true);
    world.git.push("An upgrade");
    is_ready(&world, "shop", "1.1.0").await;
    assert_eq!((replicas().await, image_of(&world, "Deployment", "shop", "app").await), (json!(7), "app:1.1.0".to_owned()), "no reset");

    // Without an autoscaler it is ours again, and a hand in it is drift.
    chart("1.2.0", false);
    world.git.push("Without the autoscaler");
    is_ready(&world, "shop", "1.2.0").await;
    world.until("ours again", SOON, || async { (replicas().await == 3).then_some(()) }).await;
    scale(5, "kubectl").await;
    world.until("set back", SOON, || async { (replicas().await == 3).then_some(()) }).await;
    small::release(&root, "shop", &spec("warn"));
    world.git.push("Only warn");
    world
        .until("only warned of from now on", SOON, || async {
            let release = world.release("shop", "shop").await?;
            (release["spec"]["driftDetection"]["mode"] == "warn"
                && release["status"]["observedGeneration"] == release["metadata"]["generation"])
                .then_some(())
        })
        .await;
    scale(4, "kubectl").await;
    let drift = world
        .until("drift in the condition", SOON, || async {
            let release = world.release("shop", "shop").await?;
            condition(&release, "Drifted").filter(|c| c.0 == "True").map(|c| c.2.to_owned())
        })
        .await;
    assert!(drift.contains(".spec.replicas"), "{drift}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(replicas().await, 4, "shown, not corrected");
}

#[tokio::test(flavor = "multi_thread")]
async fn oo15_claims_stay_when_the_release_goes() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    let claims =
        ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]";
    let postgres = Workload { kind: "StatefulSet", name: "postgres", image: "postgres:16", spec: claims, container: "" }.text();
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: tables-data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n";
    small::chart(&root, "ops", "1.0.0", &[("postgres", postgres), ("claim", claim.into())]);
    small::release(&root, "ops", "  timeout: 40s\n");
    world.git.push("Data");
    world.start_daemon(&[]).await;
    is_ready(&world, "ops", "1.0.0").await;
    let names = ["data-postgres-0", "tables-data"];
    let mut uids = Vec::new();
    for name in names {
        uids.push(world.get("v1", "PersistentVolumeClaim", "ops", name).await.unwrap()["metadata"]["uid"].clone());
    }
    let text = std::fs::read_to_string(root.join("clusters/demo/ops.yaml")).unwrap();
    std::fs::write(root.join("clusters/demo/ops.yaml"), text.split("---").next().unwrap()).unwrap();
    world.git.push("Without the release");
    world
        .until("workloads pruned", SOON, || async {
            let gone =
                world.release("ops", "ops").await.is_none() && world.get("apps/v1", "StatefulSet", "ops", "postgres").await.is_none();
            gone.then_some(())
        })
        .await;
    for (name, uid) in names.iter().zip(uids) {
        let claim = world.get("v1", "PersistentVolumeClaim", "ops", name).await.unwrap_or_else(|| panic!("{name} stays"));
        assert_eq!((&claim["metadata"]["uid"], &claim["metadata"]["deletionTimestamp"]), (&uid, &Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pr13_an_image_that_cannot_be_pulled_is_named_before_the_timeout() {
    let mut world = World::start().await;
    let root = world.git.work().to_path_buf();
    // No deadline of the Deployment's own before the timeout of the release.
    let chart = |tag: &str, version: &str| {
        let app = Workload::deployment("app", tag).text().replace("progressDeadlineSeconds: 3", "progressDeadlineSeconds: 600");
        small::chart(&root, "shop", version, &[("app", app)]);
    };
    chart("app:1.0.0", "1.0.0");
    small::release(&root, "shop", "  timeout: 15s\n");
    world.git.push("Good");
    world.start_daemon(&[]).await;
    is_ready(&world, "shop", "1.0.0").await;
    chart("app:1.1.0-imagepull", "1.1.0");
    let began = Instant::now();
    world.git.push("An image that is not there");
    let words = world
        .until("the image named while it is waited for", SOON, || async {
            let release = world.release("shop", "shop").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status == "Unknown" && message.contains("ImagePullBackOff")).then(|| message.to_owned())
        })
        .await;
    assert!(words.contains("registry.example/app:1.1.0-imagepull"), "{words}");
    assert!(began.elapsed() < Duration::from_secs(15), "before the timeout: {:?}", began.elapsed());
    let release = rolled_back(&world, "shop", "1.1.0").await;
    let message = condition(&release, "Ready").unwrap().2;
    assert!(message.contains("ImagePullBackOff") && message.contains("app:1.1.0-imagepull"), "{message}");
    assert_eq!(image_of(&world, "Deployment", "shop", "app").await, "app:1.0.0");
}
