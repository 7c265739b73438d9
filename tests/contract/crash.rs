//! The daemon killed at random moments of the story, with and without its store, and two daemons at once.
//!
//! `HELMWARD_CRASHES` says how often it is killed (6 where it says nothing), `HELMWARD_CRASH_SEED` repeats a run.

use crate::world::{SOON, World, alive, condition, example, fast, ready};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A hook of each upgrade and install, so that one that runs twice is seen.
const HOOK: &str = r#"apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations:
    helm.sh/hook: pre-upgrade,post-install
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
        - name: migrate
          image: registry.example/shop/migrate:1
"#;

/// A generator good enough for moments.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// One step of the story: what is pushed, how long it takes at most without a crash, and what must come of it.
struct Step {
    name: &'static str,
    takes: u64,
    /// Chart version that is deployed in the end; `None` where nothing is.
    version: Option<&'static str>,
    /// Statuses of Helm's records, oldest first.
    records: &'static [&'static str],
}

const STEPS: &[Step] = &[
    Step { name: "01-install", takes: 3500, version: Some("1.0.0"), records: &["deployed"] },
    Step { name: "02-upgrade", takes: 3500, version: Some("1.1.0"), records: &["superseded", "deployed"] },
    Step { name: "03-broken", takes: 8000, version: Some("1.1.0"), records: &["superseded", "superseded", "failed", "deployed"] },
    Step {
        name: "04-fixed",
        takes: 3500,
        version: Some("1.3.0"),
        records: &["superseded", "superseded", "failed", "superseded", "deployed"],
    },
    Step { name: "05-removed", takes: 1500, version: None, records: &[] },
];

/// Whether the cluster came to what a step asks for; else what is missing.
async fn arrived(world: &World, step: &Step) -> Result<(), String> {
    let release = world.release("shop", "web").await;
    let records = world.release_secrets("shop", "web").await;
    let Some(version) = step.version else {
        let left = [("apps/v1", "Deployment", "web"), ("v1", "ConfigMap", "web-config"), ("v1", "Service", "web")];
        for (api_version, kind, name) in left {
            if world.get(api_version, kind, "shop", name).await.is_some() {
                return Err(format!("{kind} {name} is there"));
            }
        }
        return if release.is_some() || !records.is_empty() { Err(format!("records {records:?}")) } else { Ok(()) };
    };
    let Some(release) = release else { return Err("no HelmRelease".into()) };
    let settled = if step.name == "03-broken" {
        condition(&release, "RolledBack").is_some_and(|(status, ..)| status == "True")
    } else {
        ready(&release, version)
    };
    if !settled {
        return Err(format!("Ready is {:?}", condition(&release, "Ready")));
    }
    let image = world.get("apps/v1", "Deployment", "shop", "web").await;
    let image = image.as_ref().and_then(|d| d["spec"]["template"]["spec"]["containers"][0]["image"].as_str()).unwrap_or_default();
    if image.rsplit(':').next() != Some(version) {
        return Err(format!("the Deployment runs {image}"));
    }
    Ok(())
}

/// Every Job of the hook that was ever seen, by the run that made it.
#[derive(Clone, Default)]
struct Hooks(Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Hooks {
    fn watch(&self, world: &World) -> tokio::task::JoinHandle<()> {
        let (api, seen) = (world.api("batch/v1", "Job", "shop"), self.clone());
        tokio::spawn(async move {
            loop {
                if let Ok(list) = api.list(&Default::default()).await {
                    for job in list.items.into_iter().map(|j| serde_json::to_value(j).unwrap()) {
                        let run = job["metadata"]["annotations"]["helmward.dev/run"].as_str().unwrap_or("none").to_owned();
                        let uid = job["metadata"]["uid"].as_str().unwrap().to_owned();
                        seen.0.lock().unwrap().entry(run).or_default().insert(uid);
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_always_converges() {
    let crashes = number("HELMWARD_CRASHES", 6);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("HELMWARD_CRASH_SEED", u64::from(now.subsec_nanos()) | 1);
    eprintln!("  {crashes} crashes, HELMWARD_CRASH_SEED={seed}");
    let mut random = Random(seed | 1);
    let mut world = World::start().await;
    let hooks = Hooks::default();
    let watcher = hooks.watch(&world);
    let mut slowest = Duration::ZERO;
    for crash in 0..usize::try_from(crashes).unwrap() {
        let step = &STEPS[crash % STEPS.len()];
        // Every third crash takes the journal along; then what it knew is found out from the cluster.
        let lose_store = crash % 3 == 2;
        if crash.is_multiple_of(STEPS.len()) {
            world.git.write("charts/web/templates/migrate.yaml", HOOK);
            world.git.discard("clusters/demo/namespace.yaml");
        }
        world.git.push_step(&example("web", step.name), &fast);
        if crash == 0 {
            world.start_daemon(&[]).await;
        }
        let moment = random.below(step.takes);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        world.kill_daemon();
        if lose_store {
            let _ = std::fs::remove_dir_all(world.state_dir());
        }
        let restarted = Instant::now();
        world.start_daemon(&[]).await;
        let what = format!("crash {crash} at {moment} ms of {}{}", step.name, if lose_store { ", store lost" } else { "" });
        world.until(&what, SOON, || async { arrived(&world, step).await.ok() }).await;
        slowest = slowest.max(restarted.elapsed());
        // Nothing more happens once it has converged, and every record is as it should be.
        tokio::time::sleep(Duration::from_secs(2)).await;
        if let Err(missing) = arrived(&world, step).await {
            panic!("{what}: it did not stay: {missing}\n{}", world.explain().await);
        }
        check_records(&world, step, lose_store, &what).await;
    }
    watcher.abort();
    for (run, uids) in hooks.0.lock().unwrap().iter() {
        assert_eq!(uids.len(), 1, "the hook of run {run} was made {} times", uids.len());
    }
    eprintln!("  slowest convergence after a crash: {:.1} s", slowest.as_secs_f64());
}

async fn check_records(world: &World, step: &Step, lost: bool, what: &str) {
    let records = world.release_secrets("shop", "web").await;
    let statuses: Vec<&str> = records.iter().map(|(_, status, _)| status.as_str()).collect();
    let numbers: Vec<u32> = records.iter().map(|(number, ..)| *number).collect();
    if step.version.is_none() {
        return assert!(records.is_empty(), "{what}: {records:?}");
    }
    assert!(!statuses.iter().any(|s| s.starts_with("pending")), "{what}: nothing is pending: {records:?}");
    assert_eq!(statuses.last(), Some(&"deployed"), "{what}: {records:?}");
    assert_eq!(statuses.iter().filter(|s| **s == "deployed").count(), 1, "{what}: {records:?}");
    let first = numbers[0];
    assert_eq!(numbers, (first..first + u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(), "{what}: each number once");
    if !lost && first == 1 && records.len() <= step.records.len() {
        assert_eq!(statuses, step.records, "{what}: no revision more or less than the story has");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_daemons_one_writes_and_the_other_takes_over() {
    let mut world = World::start().await;
    world.git.push_step(&example("web", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world.until("1.0.0 deployed", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.0.0")) }).await;

    let second = world.spawn(&world.dir.path().join("state-2"), &[]);
    world.until("the second waits", SOON, || async { second.logged().contains("holds the Lease and writes").then_some(()) }).await;
    world.git.push_step(&example("web", "02-upgrade"), &fast);
    world.until("1.1.0 deployed by the first", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.1.0")) }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let writes: BTreeMap<String, u64> = second.requests().await.into_iter().filter(|(method, _)| method != "GET").collect();
    assert!(writes.is_empty(), "the second writes nothing while it waits: {writes:?}");

    // Killed in the middle of an upgrade: the second goes on with it once the Lease has expired.
    world.git.push_step(&example("web", "04-fixed"), &fast);
    world.until("a third revision begun", SOON, || async { (world.release_secrets("shop", "web").await.len() == 3).then_some(()) }).await;
    let first = world.adopt_daemon(second).expect("the first ran");
    let pid = first.pid();
    drop(first);
    assert!(!alive(pid));
    world.until("the second writes", SOON, || async { world.daemon().logged().contains("this daemon writes").then_some(()) }).await;
    world.until("1.3.0 deployed by the second", SOON, || async { world.release("shop", "web").await.filter(|r| ready(r, "1.3.0")) }).await;
    let records = world.release_secrets("shop", "web").await;
    assert!(records.iter().all(|(_, status, _)| !status.starts_with("pending")), "{records:?}");

    // The first comes back with a store that is behind: it waits, and when its turn comes it does nothing twice.
    let back = world.spawn(&world.state_dir(), &[]);
    world.until("the first waits in turn", SOON, || async { back.logged().contains("holds the Lease and writes").then_some(()) }).await;
    drop(world.adopt_daemon(back).expect("the second ran"));
    world
        .until("the first leads and knows what the second did", SOON, || async {
            let page = world.page("/api/v1/releases/shop/web").await?;
            let newest: &Value = &page["history"][0];
            (page["pill"] == "Ready" && newest["attempt"]["version"] == "1.3.0").then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.release_secrets("shop", "web").await, records, "no revision was made or changed");
}
