//! A start beside a running system: nothing is written and nothing is called drift before everything was seen.

use crate::text::{chart_yaml, deployment, namespace, release};
use crate::world::{SOON, World, ready};
use kubemem::{Fault, Verb};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const RELEASES: usize = 60;

/// Resource versions of all that the releases are made of, and of what is kept about them.
async fn versions(world: &World) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ] {
        for object in world.list(api_version, kind, "", "").await {
            let metadata = &object["metadata"];
            // What the control plane itself keeps up to date.
            if metadata["namespace"].as_str().is_some_and(|n| n.starts_with("kube-")) {
                continue;
            }
            out.insert(format!("{kind} {} {}", metadata["namespace"], metadata["name"]), metadata["resourceVersion"].clone());
        }
    }
    out
}

/// Resident memory now and at most, in MiB.
fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

#[tokio::test(flavor = "multi_thread")]
async fn as12_a_start_with_sixty_releases_writes_nothing() {
    let mut world = World::start().await;
    world.git.write("charts/app/Chart.yaml", &chart_yaml("app", "1.0.0"));
    world.git.write(
        "charts/app/templates/app.yaml",
        &format!(
            "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}\ndata: {{a: b}}\n",
            deployment("{{ .Release.Name }}", "registry.example/app:1", "")
        ),
    );
    let mut file = namespace("fleet");
    for i in 0..RELEASES {
        let drift = "  driftDetection:\n    mode: enabled\n";
        let object = release("fleet", &format!("app-{i}"), "./charts/app", drift).replace("timeout: 20s", "timeout: 5m");
        file.push_str(&format!("---\n{object}"));
    }
    world.git.write("clusters/demo/fleet.yaml", &file);
    world.git.push("Sixty releases");
    world.start_daemon(&[]).await;
    let all_ready = async || {
        let releases = world.list("helm.toolkit.fluxcd.io/v2", "HelmRelease", "fleet", "").await;
        (releases.len() == RELEASES && releases.iter().all(|r| ready(r, "1.0.0"))).then_some(())
    };
    world.until("sixty releases deployed", Duration::from_secs(150), all_ready).await;

    for kept in [true, false] {
        // What it still had to say is said.
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.kill_daemon();
        if !kept {
            std::fs::remove_dir_all(world.state_dir()).unwrap();
        }
        let before = versions(&world).await;
        assert!(before.len() >= 4 * RELEASES, "{}", before.len());
        if let Some(memory) = world.memory() {
            memory.inject(Fault::any().user_agent("helmward").always().delay(Duration::from_millis(200)));
            memory.take_requests();
        }
        let started = Instant::now();
        world.start_daemon(&[]).await;
        let known = world
            .until("the page knows all of them", SOON, || async {
                let list = world.page("/api/v1/releases?limit=200").await?;
                let items = list["items"].as_array()?;
                for item in items {
                    assert!(item["drifted"].as_u64() == Some(0) && item["pill"] != "Drifted", "drift where there is none: {item}");
                }
                let (now, peak) = memory(world.daemon().pid());
                (items.len() > RELEASES && items.iter().all(|i| i["pill"] == "Ready")).then_some((now, peak))
            })
            .await;
        let took = started.elapsed();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = versions(&world).await;
        let changed: Vec<&String> = after.iter().filter(|(k, v)| before.get(*k) != Some(*v)).map(|(k, _)| k).collect();
        assert!(changed.is_empty() && after.len() == before.len(), "written at a start where nothing changed: {changed:?}");
        for i in 0..RELEASES {
            let page = world.page(&format!("/api/v1/releases/fleet/app-{i}")).await.unwrap();
            assert_eq!(page["driftHistory"].as_array().map(Vec::len), Some(0), "{page}");
        }
        if let Some(memory) = world.memory() {
            let ours: Vec<_> = memory.take_requests().into_iter().filter(|r| r.user_agent.starts_with("helmward")).collect();
            let reads = |verb: Verb| matches!(verb, Verb::Get | Verb::List | Verb::Watch);
            let writes: Vec<String> = ours
                .iter()
                .filter(|r| !reads(r.verb) && r.resource != "leases" && !r.dry_run && r.code < 400)
                .map(|r| format!("{:?} {} {}/{}", r.verb, r.resource, r.namespace, r.name))
                .collect();
            assert!(writes.is_empty(), "{writes:?}");
            eprintln!("  {} requests, {} of them dry runs", ours.len(), ours.iter().filter(|r| r.dry_run).count());
            memory.clear_faults();
        }
        let store = if kept { "kept" } else { "lost" };
        eprintln!("  state {store}: {:.2} s to the first full page, {} MiB resident, {} MiB at most", took.as_secs_f64(), known.0, known.1);
    }
}
