//! CRDs of charts: before the release, by policy, kept when the release goes, and back with a rollback.

use crate::operator::{self, GROUP, HUGE, KINDS, Version, light, release_at, resource_version};
use crate::world::{SOON, World, condition, ready};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const REPLACE: &str = "  upgrade:\n    crds: CreateReplace\n";

async fn at(world: &World, version: &str) -> Value {
    world
        .until(&format!("{version} deployed"), SOON, || async { world.release("lights", "lights").await.filter(|r| ready(r, version)) })
        .await
}

/// Every CRD of the group by its plural.
async fn crds(world: &World) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for (plural, _) in KINDS.iter().copied().chain([HUGE, ("buoys", "Buoy")]) {
        if let Some(live) = operator::crd(world, plural).await {
            out.insert(plural.to_owned(), live);
        }
    }
    out
}

async fn versions(world: &World) -> BTreeMap<String, u64> {
    crds(world).await.iter().map(|(plural, live)| (plural.clone(), resource_version(live))).collect()
}

fn generator(crd: &Value) -> &str {
    crd["metadata"]["annotations"]["generator.example/version"].as_str().unwrap()
}

fn established(crd: &Value) -> bool {
    condition(crd, "Established").is_some_and(|(status, ..)| status == "True")
}

#[tokio::test(flavor = "multi_thread")]
async fn ks1_crds_before_the_release() {
    let mut world = World::start().await;
    let mut new = Version::new("1.0.0", "v0.17.2");
    new.kinds.push(("buoys", "Buoy"));
    new.image = "1.0.1";
    Version::new("0.3.0", "v0.14.0").push(&world);
    new.push(&world);
    release_at(&world, "v0.3.0", "", REPLACE);
    world.start_daemon(&[]).await;
    at(&world, "0.3.0").await;
    let before = crds(&world).await;
    assert_eq!(before.len(), 4);
    assert!(before.values().all(|crd| generator(crd) == "v0.14.0"));
    assert!(world.get("v1", "ConfigMap", "lights", "not-a-crd").await.is_none(), "what is no CRD in crds/ is passed over");

    release_at(&world, "v1.0.0", "", REPLACE);
    at(&world, "1.0.0").await;
    let after = crds(&world).await;
    assert_eq!(after.len(), 5, "the new one is there too");
    let config = world.get("v1", "ConfigMap", "lights", "lights-config").await.unwrap();
    assert_eq!(config["data"]["version"], "1.0.0");
    for (plural, live) in &after {
        assert_eq!(generator(live), "v0.17.2", "{plural}");
        assert!(established(live), "{plural}");
        assert!(live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].is_null(), "{plural}");
        assert!(resource_version(live) < resource_version(&config), "{plural} came before the first changed namespaced object");
        let managers: Vec<&Value> =
            live["metadata"]["managedFields"].as_array().unwrap().iter().filter(|m| m["subresource"].is_null()).collect();
        assert!(managers.iter().all(|m| m["manager"] == "helmward" && m["operation"] == "Apply"), "{plural}: {managers:?}");
    }
    let size = after[HUGE.0].to_string().len();
    assert!(size > 1_100_000, "{size} B");
    // A pod of the new version came after the CRDs, too.
    let deployment = world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap();
    assert!(deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().ends_with("1.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ks2_skip_and_create_change_nothing_that_is_there() {
    let mut world = World::start().await;
    let mut new = Version::new("1.0.0", "v0.17.2");
    new.kinds.push(("buoys", "Buoy"));
    let same = Version { number: "2.0.0", image: "2.0.0", ..new.clone() };
    for version in [&Version::new("0.3.0", "v0.14.0"), &new, &same] {
        version.push(&world);
    }
    release_at(&world, "v0.3.0", "", "  upgrade:\n    crds: Skip\n");
    world.start_daemon(&[]).await;
    at(&world, "0.3.0").await;
    let before = crds(&world).await;

    release_at(&world, "v1.0.0", "", "  upgrade:\n    crds: Skip\n");
    at(&world, "1.0.0").await;
    assert_eq!(crds(&world).await, before, "byte-identical under Skip");

    // Back and forth again, under Create: only the absent one comes.
    release_at(&world, "v0.3.0", "", "  upgrade:\n    crds: Skip\n");
    at(&world, "0.3.0").await;
    assert_eq!(crds(&world).await, before);
    release_at(&world, "v1.0.0", "", "  upgrade:\n    crds: Create\n");
    at(&world, "1.0.0").await;
    let mut created = crds(&world).await;
    let buoys = created.remove("buoys").expect("the absent one was made");
    assert!(established(&buoys) && generator(&buoys) == "v0.17.2");
    assert_eq!(created, before, "the others are as they were under Create");

    // What was held is brought in as soon as the policy allows it, without a new version.
    release_at(&world, "v1.0.0", "", REPLACE);
    world
        .until("held CRDs replaced", SOON, || async { crds(&world).await.values().all(|c| generator(c) == "v0.17.2").then_some(()) })
        .await;
    world
        .until("nothing is held any more", SOON, || async {
            let release = world.release("lights", "lights").await?;
            (condition(&release, "Held").is_none() && ready(&release, "1.0.0")).then_some(())
        })
        .await;
    let replaced = versions(&world).await;
    release_at(&world, "v2.0.0", "", REPLACE);
    at(&world, "2.0.0").await;
    assert_eq!(versions(&world).await, replaced, "the same CRDs are not written again");
}

/// Cluster roles and bindings of the release.
async fn roles(world: &World) -> Vec<String> {
    let mut out = Vec::new();
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        for object in world.list("rbac.authorization.k8s.io/v1", kind, "", "helm.toolkit.fluxcd.io/name=lights").await {
            out.push(format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap()));
        }
    }
    out.sort();
    out
}

fn inventory(release: &Value) -> Vec<String> {
    release["status"]["inventory"]["entries"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ks3_pruned_roles_return_with_the_rollback() {
    let mut world = World::start().await;
    let mut old = Version::new("1.0.0-rc4", "v0.17.2");
    old.roles = vec!["reader", "keeper"];
    old.more = vec![(
        "extra.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: lights-extra\nrules: []\n".into(),
    )];
    old.push(&world);
    Version::new("2.0.0", "v0.17.2").push(&world);
    release_at(&world, "v1.0.0-rc4", "", "");
    world.start_daemon(&[]).await;
    let first = inventory(&at(&world, "1.0.0-rc4").await);
    let all = roles(&world).await;
    assert_eq!(all.len(), 5, "{all:?}");

    release_at(&world, "v2.0.0", "", "");
    at(&world, "2.0.0").await;
    assert_eq!(roles(&world).await, ["ClusterRole/lights-reader", "ClusterRoleBinding/lights-reader"], "two roles and a binding went");

    let annotate = json!({"metadata": {"annotations": {"helmward.dev/rollback-to": "1"}}});
    world.kubectl_patch("helm.toolkit.fluxcd.io/v2", "HelmRelease", "lights", "lights", annotate).await;
    let release = world
        .until("rolled back", SOON, || async {
            let release = world.release("lights", "lights").await?;
            (release["status"]["history"][0]["action"] == "rollback" && release["status"]["history"][0]["status"] == "deployed")
                .then_some(release)
        })
        .await;
    assert_eq!(roles(&world).await, all, "they are back");
    assert_eq!(inventory(&release), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn ks4_a_failed_upgrade_takes_its_crds_back() {
    let mut world = World::start().await;
    Version::new("1.0.0", "v0.17.2").push(&world);
    let mut broken = Version::new("2.0.0", "v0.18.0");
    broken.image = "2.0.0-unready";
    // The new schema knows no color: it goes from what is written meanwhile.
    broken.fields = vec!["range"];
    broken.push(&world);
    let annotations = "  annotations:\n    helmward.dev/crd-rollback: enabled\n";
    let spec = "  upgrade:\n    crds: CreateReplace\n    timeout: 8s\n";
    release_at(&world, "v1.0.0", annotations, spec);
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    let before = crds(&world).await;
    world.create(light("Lamp", "red", "red")).await;
    world.create(light("Lamp", "green", "green")).await;

    release_at(&world, "v2.0.0", annotations, spec);
    world
        .until("the CRDs of 2.0.0", SOON, || async { (generator(&operator::crd(&world, "lamps").await?) == "v0.18.0").then_some(()) })
        .await;
    world
        .until("a color lost to the new schema", SOON, || async {
            let touch = json!({"metadata": {"annotations": {"example.org/touched": jiff::Timestamp::now().to_string()}}});
            world.kubectl_patch(&format!("{GROUP}/v1"), "Lamp", "lights", "red", touch).await;
            let lamp = world.get(&format!("{GROUP}/v1"), "Lamp", "lights", "red").await?;
            lamp["spec"]["color"].is_null().then_some(())
        })
        .await;
    world.delete(&format!("{GROUP}/v1"), "Lamp", "lights", "green").await;
    let release = world
        .until("rolled back", SOON, || async {
            world.release("lights", "lights").await.filter(|r| condition(r, "RolledBack").is_some_and(|(status, ..)| status == "True"))
        })
        .await;
    let (status, _, message) = condition(&release, "Ready").unwrap();
    assert!(status == "False" && message.contains("2.0.0"), "{message}");
    let history: Vec<(&str, &str)> = release["status"]["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| (h["action"].as_str().unwrap(), h["status"].as_str().unwrap()))
        .collect();
    assert_eq!(history, [("rollback", "deployed"), ("upgrade", "failed"), ("install", "superseded")]);
    let after = crds(&world).await;
    for (plural, old) in &before {
        assert_eq!(after[plural]["spec"], old["spec"], "{plural} is as it was");
        assert_eq!(generator(&after[plural]), "v0.17.2");
    }
    for color in ["red", "green"] {
        let lamp = world.get(&format!("{GROUP}/v1"), "Lamp", "lights", color).await.unwrap_or_else(|| panic!("{color} is back"));
        assert_eq!(lamp["spec"]["color"], color);
    }
    let events = world.page("/api/v1/releases/lights/lights").await.unwrap()["events"].to_string();
    assert!(events.contains("CRDs taken back with the release"), "{events}");
    let metrics = reqwest::get(&world.daemon().metrics).await.unwrap().bytes().await.unwrap();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    let counted = metrics.lines().find(|l| l.contains("rollbacks_total") && l.contains("health")).expect("it is counted");
    assert!(counted.ends_with(" 1"), "{counted}");

    let (secrets, versions) = (world.release_secrets("lights", "lights").await, versions(&world).await);
    world.git.push_file("NOTES.md", Some("elsewhere\n"), "Elsewhere");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((world.release_secrets("lights", "lights").await, self::versions(&world).await), (secrets, versions), "no second attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn ks7_a_missing_kind_is_named_and_awaited() {
    let mut world = World::start().await;
    let mut version = Version::new("1.0.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    let monitor = "apiVersion: monitors.example/v1\nkind: Gauge\nmetadata:\n  name: lights\nspec: {every: 30s}\n";
    version.more = vec![("gauge.yaml", monitor.into())];
    version.push(&world);
    release_at(&world, "v1.0.0", "", "");
    world.start_daemon(&[]).await;
    let said = world
        .until("the missing kind is named", SOON, || async {
            let release = world.release("lights", "lights").await?;
            let (status, _, message) = condition(&release, "Ready")?;
            (status == "False" && message.contains("monitors.example/v1") && message.contains("Gauge")).then(|| message.to_owned())
        })
        .await;
    assert!(said.contains("templates/gauge.yaml"), "{said}");
    for (api, kind, namespace, name) in [
        ("apps/v1", "Deployment", "lights", "lights"),
        ("v1", "ConfigMap", "lights", "lights-config"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "", "lights-reader"),
    ] {
        assert!(world.get(api, kind, namespace, name).await.is_none(), "{kind} {name} was not applied");
    }
    assert!(operator::crd(&world, "keepers").await.is_none() && world.release_secrets("lights", "lights").await.is_empty());

    world
        .create(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gauges.monitors.example"},
            "spec": {"group": "monitors.example", "scope": "Namespaced", "names": {"kind": "Gauge", "plural": "gauges", "singular": "gauge", "listKind": "GaugeList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}))
        .await;
    at(&world, "1.0.0").await;
    assert_eq!(world.get("monitors.example/v1", "Gauge", "lights", "lights").await.unwrap()["spec"]["every"], "30s");
}

#[tokio::test(flavor = "multi_thread")]
async fn ks14_crds_and_their_objects_outlive_the_release() {
    let mut world = World::start().await;
    Version::new("1.0.0", "v0.17.2").push(&world);
    release_at(&world, "v1.0.0", "", "  uninstall: {keepHistory: true}\n");
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    for name in ["a", "b"] {
        world.create(light("Lamp", name, "red")).await;
    }
    let before = versions(&world).await;
    let text = std::fs::read_to_string(world.git.work().join("clusters/demo/lights.yaml")).unwrap();
    let without = text.rsplit_once("---\n").unwrap().0;
    world.git.push_file("clusters/demo/lights.yaml", Some(without), "Remove the release");
    world
        .until("the release is gone with its objects", SOON, || async {
            let gone = world.release("lights", "lights").await.is_none()
                && world.get("apps/v1", "Deployment", "lights", "lights").await.is_none()
                && roles(&world).await.is_empty();
            gone.then_some(())
        })
        .await;
    assert_eq!(versions(&world).await, before, "the CRDs are there, untouched");
    for name in ["a", "b"] {
        assert_eq!(world.get(&format!("{GROUP}/v1"), "Lamp", "lights", name).await.unwrap()["spec"]["color"], "red");
    }
    // Helm reads the history that is kept.
    let statuses: Vec<String> = world.release_secrets("lights", "lights").await.into_iter().map(|(_, status, _)| status).collect();
    assert_eq!(statuses, ["uninstalled"]);
    if let Some(helm) = crate::helm::Helm::find(&world) {
        let history = helm.json(&["history", "lights", "-n", "lights"]);
        assert_eq!((&history[0]["status"], &history[0]["chart"]), (&json!("uninstalled"), &json!("lights-1.0.0")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pr4_a_held_crd_change_is_shown_with_its_diff() {
    let mut world = World::start().await;
    let mut old = Version::new("1.0.0", "v0.17.2");
    old.kinds = vec![KINDS[1]];
    let mut new = Version { number: "1.1.0", generator: "v0.18.0", image: "1.1.0", ..old.clone() };
    new.fields.push("height");
    old.push(&world);
    new.push(&world);
    release_at(&world, "v1.0.0", "", "");
    world.start_daemon(&[]).await;
    at(&world, "1.0.0").await;
    let before = versions(&world).await;
    release_at(&world, "v1.1.0", "", "");
    let release = at(&world, "1.1.0").await;
    assert_eq!(versions(&world).await, before, "the CRD is untouched");
    let image =
        world.get("apps/v1", "Deployment", "lights", "lights").await.unwrap()["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image, "registry.example/lights:1.1.0", "the release is upgraded");
    for kind in ["Ready", "Held"] {
        let (status, reason, message) = condition(&release, kind).unwrap_or_else(|| panic!("{kind} is set"));
        assert_eq!(status, "True", "{kind} {reason}");
        assert!(message.contains("CRD change held by policy: lamps.lights.example (~ "), "{kind}: {message}");
        assert!(message.contains("v0.17.2 -> v0.18.0") && message.contains("set upgrade.crds: CreateReplace"), "{kind}: {message}");
    }
    assert_eq!(condition(&release, "Held").unwrap().1, "CRDHeld");
    let page = world.page("/api/v1/releases/lights/lights").await.unwrap();
    let changes = page["held"][0]["changes"].as_array().unwrap();
    assert_eq!(page["held"][0]["id"]["name"], "lamps.lights.example");
    assert!(
        changes.iter().any(|c| c["path"].as_str().unwrap().ends_with(".properties.height") && c["op"] == "added"),
        "the field is in the diff: {changes:?}"
    );
    assert!(page["events"].to_string().contains("CRDHeld"), "{}", page["events"]);
    let html = reqwest::get(format!("{}/releases/lights/lights", world.daemon().page)).await.unwrap().bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&html).contains("Held back on purpose"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pr6_a_crd_in_crds_and_in_templates_is_refused_as_by_helm() {
    let mut world = World::start().await;
    let mut version = Version::new("0.1.0", "v0.17.2");
    version.kinds = vec![KINDS[0]];
    version.push(&world);
    let twice = std::fs::read_to_string(world.git.work().join("charts/lights/crds/keepers.yaml")).unwrap();
    version.more = vec![("crd.yaml", twice)];
    version.push(&world);
    release_at(&world, "v0.1.0", "", "");
    world.start_daemon(&[]).await;
    let said = world
        .until("refused", SOON, || async {
            let release = world.release("lights", "lights").await?;
            let (status, reason, message) = condition(&release, "Ready")?;
            (status == "False" && reason == "InstallFailed").then(|| message.to_owned())
        })
        .await;
    for words in ["keepers.lights.example", "crds/keepers.yaml", "templates/crd.yaml", "app.kubernetes.io/managed-by", "install.crds: Skip"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(operator::crd(&world, "keepers").await.is_none() && world.get("apps/v1", "Deployment", "lights", "lights").await.is_none());
    release_at(&world, "v0.1.0", "", "  install:\n    crds: Skip\n");
    at(&world, "0.1.0").await;
    let crd = operator::crd(&world, "keepers").await.unwrap();
    assert_eq!(crd["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm");
}
