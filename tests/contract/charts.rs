//! Public charts from Git: deployed by HelmReleases, and the same as what Helm would send.
//!
//! "The same" means: what `helm install --dry-run=server` prints for the same values, applied by server-side dry-run under our
//! manager, leaves each live object exactly as it is, resource version and managed fields included. Helm's manifest lacks the metadata by
//! which an owner is known, which Helm and Flux add as they apply; exactly these keys ([`OWNERSHIP`]) are added before the dry-run.
//!
//! Needs the charts (`HELMWARD_CORPUS`, else `../shared/corpus` beside the repository) and the `helm` binary.

use crate::helm::Helm;
use crate::world::{World, condition};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Labels and annotations that say to whom an object belongs: Helm's are set by Helm's own apply and not printed, Flux's by Flux's.
const OWNERSHIP: [&str; 5] = [
    "app.kubernetes.io/managed-by",
    "helm.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/namespace",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
];

struct Chart {
    name: &'static str,
    /// Folder in the corpus.
    path: &'static str,
    values: &'static str,
    /// Lines of the spec.
    spec: &'static str,
}

const CHARTS: &[Chart] = &[
    // Without a cloud no load balancer ever gets an address.
    Chart {
        name: "ingress-nginx",
        path: "kubernetes+ingress-nginx/charts__ingress-nginx",
        values: "controller:\n  service:\n    type: NodePort\n",
        spec: "",
    },
    Chart {
        name: "prometheus",
        path: "prometheus-community+helm-charts/charts__prometheus",
        values: "server:\n  retention: 3d\n",
        spec: "",
    },
    Chart { name: "nats", path: "nats-io+k8s/helm__charts__nats", values: "config:\n  jetstream:\n    enabled: true\n", spec: "" },
    Chart {
        name: "istiod",
        path: "istio+istio/manifests__charts__istio-control__istio-discovery",
        values: "global:\n  istioNamespace: istiod\n",
        spec: "",
    },
    // No pod here ever serves its aggregated API, so its APIService is not waited for.
    Chart {
        name: "metrics-server",
        path: "kubernetes-sigs+metrics-server/charts__metrics-server",
        values: "args:\n  - --kubelet-insecure-tls\n",
        spec: "  install:\n    disableWait: true\n",
    },
];

fn corpus() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var("HELMWARD_CORPUS").map_or(default, PathBuf::from);
    if !path.join("charts").is_dir() {
        eprintln!("  skipped: {} is not there", path.display());
        return None;
    }
    Some(path.join("charts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn public_charts_are_deployed_as_helm_would() {
    let mut world = World::start().await;
    let (Some(helm), Some(corpus)) = (Helm::find(&world), corpus()) else { return };
    for chart in CHARTS {
        let Chart { name, values, spec, path } = chart;
        world.git.copy(&corpus.join(path), &format!("charts/{name}"));
        let indented: String = values.lines().map(|l| format!("    {l}\n")).collect();
        world.git.write(
            &format!("clusters/demo/{name}.yaml"),
            &format!(
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
                 metadata:\n  name: {name}\n  namespace: {name}\nspec:\n  interval: 10m\n  timeout: 1m\n{spec}  chart:\n    spec:\n      chart: ./charts/{name}\n\
                 \x20     sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n  values:\n{indented}"
            ),
        );
    }
    world.git.push("Deploy public charts");
    world.start_daemon(&[]).await;
    let mut differences = Vec::new();
    for chart in CHARTS {
        let name = chart.name;
        world
            .until(&format!("{name} deployed"), Duration::from_secs(120), || async {
                let release = world.release(name, name).await?;
                let (status, _, message) = condition(&release, "Ready")?;
                assert!(!message.contains("failed"), "{name}: {message}");
                (status == "True").then_some(())
            })
            .await;
        compare(&world, &helm, world.dir.path(), chart, &mut differences).await;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn compare(world: &World, helm: &Helm, home: &Path, chart: &Chart, differences: &mut Vec<String>) {
    let name = chart.name;
    let values = home.join(format!("{name}.yaml"));
    std::fs::write(&values, chart.values).unwrap();
    let folder = world.git.work().join("charts").join(name);
    let printed = helm.json(&["install", name, folder.to_str().unwrap(), "-n", name, "-f", values.to_str().unwrap(), "--dry-run=server"]);
    let mut objects = 0;
    let manifest = printed["manifest"].as_str().unwrap();
    for document in helmward_chart::yaml::documents(manifest) {
        let mut object: Value = helmward_chart::yaml::from_str(document.text).unwrap();
        if object.is_null() {
            continue;
        }
        objects += 1;
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind, of) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let namespaced = world.namespaced(&api_version, &kind).await;
        let namespace = match (namespaced, text("/metadata/namespace")) {
            (false, _) => String::new(),
            (true, given) if given.is_empty() => name.to_owned(),
            (true, given) => given,
        };
        let metadata = object["metadata"].as_object_mut().unwrap();
        for (i, key) in OWNERSHIP.iter().enumerate() {
            let map = metadata.entry(if i < 3 { "labels" } else { "annotations" }).or_insert(json!({}));
            if map.is_null() {
                *map = json!({});
            }
            map[*key] = json!(if i == 0 { "Helm" } else { name });
        }
        let api = world.api(&api_version, &kind, &namespace);
        let live = serde_json::to_value(api.get(&of).await.unwrap_or_else(|e| panic!("{kind} {namespace}/{of}: {e}"))).unwrap();
        let params = PatchParams { dry_run: true, ..PatchParams::apply("helmward").force() };
        let dry = api.patch(&of, &params, &Patch::Apply(&object)).await.unwrap_or_else(|e| panic!("{kind} {namespace}/{of}: {e}"));
        let mut dry = serde_json::to_value(dry).unwrap();
        // A controller may have written the status in between.
        let mut live = live;
        for side in [&mut live, &mut dry] {
            side.as_object_mut().unwrap().remove("status");
            side["metadata"].as_object_mut().unwrap().remove("resourceVersion");
            if let Some(fields) = side["metadata"]["managedFields"].as_array_mut() {
                fields.retain(|f| f["subresource"].is_null());
            }
        }
        if live != dry {
            differences.push(format!("{name}: {kind} {namespace}/{of}:\n  live {live}\n  helm {dry}"));
        }
    }
    let records = world.release_secrets(name, name).await;
    assert_eq!(records.len(), 1, "{records:?}");
    eprintln!("  {name}: {objects} objects are as Helm would send them");
    assert!(objects > 2);
}
