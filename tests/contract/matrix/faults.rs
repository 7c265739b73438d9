//! The fault matrix: each verb of an upgrade with each fault, twice in a row. The upgrade is done or taken back, never stuck; what comes after it
//! proves that. The request log says that every fault was met.

use crate::text::{chart_yaml, namespace, release};
use crate::world::{World, condition};
use kubemem::{Fault, Request, Verb};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the daemon names itself to the API server.
const AGENT: &str = "helmward/";
/// Enough for the pauses between attempts and a request that is never answered.
const LIMIT: Duration = Duration::from_secs(240);
/// So often in a row each fault happens.
const TIMES: u64 = 2;

/// What requests of an upgrade are met.
const REQUESTS: [(&str, Verb, Option<&str>); 9] = [
    ("get", Verb::Get, None),
    ("list what was recorded", Verb::List, Some("secrets")),
    ("watch what is live", Verb::Watch, Some("deployments")),
    ("create a record", Verb::Create, Some("secrets")),
    ("apply a workload", Verb::Apply, Some("deployments")),
    ("apply another object", Verb::Apply, Some("configmaps")),
    ("change a record", Verb::Patch, Some("secrets")),
    ("tell the status", Verb::Patch, Some("helmreleases/status")),
    ("delete what is left over", Verb::Delete, Some("configmaps")),
];

/// Gives a fault its effect.
type With = fn(Fault) -> Fault;

/// What happens to them.
const EFFECTS: [(&str, With); 9] = [
    ("409", |fault| fault.error(409)),
    ("410", |fault| fault.error(410)),
    ("422", |fault| fault.error(422)),
    ("429 with Retry-After", |fault| fault.too_many_requests(1)),
    ("500", |fault| fault.error(500)),
    ("503", |fault| fault.error(503)),
    ("hang", Fault::hang),
    ("connection lost before", Fault::lost_before_commit),
    ("connection lost after", Fault::lost_after_commit),
];

/// What only a watch can do.
const OF_WATCHES: [(&str, With); 2] = [("watch ends", |fault| fault.end_watch(0)), ("watch expires", |fault| fault.expire_watch(0))];

#[derive(Clone)]
struct Case {
    words: String,
    verb: Verb,
    fault: Fault,
}

#[derive(Default)]
struct Tally {
    done: usize,
    taken_back: usize,
    hits: usize,
    slowest: (Duration, String),
    failures: Vec<String>,
}

fn cases() -> VecDeque<Case> {
    let mut out = VecDeque::new();
    for (request, verb, resource) in REQUESTS {
        let extra: &[(&str, With)] = if verb == Verb::Watch { &OF_WATCHES } else { &[] };
        for (effect, with) in EFFECTS.iter().chain(extra) {
            let fault = with(Fault::on(verb).user_agent(AGENT).times(TIMES));
            let fault = resource.map_or(fault.clone(), |resource| fault.clone().resource(resource));
            out.push_back(Case { words: format!("{request}: {effect}"), verb, fault });
        }
    }
    let only = std::env::var("HELMWARD_MATRIX_ONLY").ok();
    out.retain(|case| only.as_ref().is_none_or(|only| case.words.starts_with(only.as_str())));
    out
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/run runs it"]
async fn fault_matrix() {
    if crate::world::real_kubeconfig().is_some() {
        return eprintln!("  skipped: faults are injected into kubemem");
    }
    let started = Instant::now();
    let queue = cases();
    let all = queue.len();
    let (queue, tally) = (Arc::new(Mutex::new(queue)), Arc::new(Mutex::new(Tally::default())));
    let workers: Vec<_> = (0..super::crash::number("HELMWARD_MATRIX_WORKERS", 3))
        .map(|_| tokio::spawn(work(Arc::clone(&queue), Arc::clone(&tally))))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let tally = tally.lock().unwrap();
    eprintln!(
        "  {all} faults in {:.0} s: {} upgrades done, {} taken back, {} stuck or wrong; {} requests were hit; slowest {:.1} s at {}",
        started.elapsed().as_secs_f64(),
        tally.done,
        tally.taken_back,
        tally.failures.len(),
        tally.hits,
        tally.slowest.0.as_secs_f64(),
        tally.slowest.1
    );
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
    assert_eq!(tally.done + tally.taken_back, all);
}

async fn work(queue: Arc<Mutex<VecDeque<Case>>>, tally: Arc<Mutex<Tally>>) {
    let mut here = None;
    loop {
        let Some(case) = queue.lock().unwrap().pop_front() else { return };
        let (mut world, version) = match here.take() {
            Some(found) => found,
            None => begin().await,
        };
        let next = version + 1;
        let started = Instant::now();
        let result = play(&mut world, &case, next).await;
        let mut tally = tally.lock().unwrap();
        match result {
            Ok((done, hits)) => {
                tally.hits += hits;
                *(if done { &mut tally.done } else { &mut tally.taken_back }) += 1;
                if started.elapsed() > tally.slowest.0 {
                    tally.slowest = (started.elapsed(), case.words.clone());
                }
                here = Some((world, next));
            }
            Err(why) => {
                eprintln!("  FAILED {}: {}", case.words, why.lines().next().unwrap_or_default());
                tally.failures.push(format!("{}: {why}", case.words));
            }
        }
    }
}

/// A release of the first version, deployed.
async fn begin() -> (World, u32) {
    let mut world = World::start().await;
    write(&world, 1);
    world.git.write("clusters/demo/web.yaml", &format!("{}{}", namespace("shop"), release("shop", "web", "./charts/web", "")));
    world.git.push("The first version");
    world.start_daemon(&[]).await;
    world.until("the first version deployed", LIMIT, || async { matches!(standing(&world, 1).await, Some(true)).then_some(()) }).await;
    (world, 1)
}

/// A version brings an object of its own, changes one, and leaves that of the version before behind.
fn write(world: &World, version: u32) {
    world.git.write("charts/web/Chart.yaml", &chart_yaml("web", &format!("1.{version}.0")));
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{version: \"{version}\"}}\n");
    world.git.write("charts/web/templates/maps.yaml", &format!("{}---\n{}", map("web"), map(&format!("web-{version}"))));
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {helm.sh/hook: 'pre-upgrade,pre-rollback', helm.sh/hook-delete-policy: before-hook-creation}\n\
        spec:\n  template:\n    spec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: [{name: a, image: 'migrate:1'}]}\n";
    world.git.write("charts/web/templates/hook.yaml", hook);
    world.git.write("charts/web/templates/app.yaml", &crate::text::deployment("web", &format!("registry.example/web:{version}"), ""));
}

/// One upgrade with a fault: whether it was done, and how many requests were hit.
async fn play(world: &mut World, case: &Case, version: u32) -> Result<(bool, usize), String> {
    memory(world).take_requests();
    memory(world).inject(case.fault.clone());
    write(world, version);
    world.git.push(&case.words);
    if matches!(case.verb, Verb::List | Verb::Watch) {
        // Watches begin with a daemon, and only one that forgot everything asks for what was recorded.
        world.kill_daemon();
        if case.verb == Verb::List {
            std::fs::remove_dir_all(world.state_dir()).map_err(|e| e.to_string())?;
        }
        world.start_daemon(&[]).await;
    }
    let started = Instant::now();
    let done = loop {
        if let Some(done) = standing(world, version).await {
            break done;
        }
        if started.elapsed() > LIMIT {
            let struck: Vec<String> = memory(world).struck().iter().map(name).collect();
            return Err(format!("stuck\n--- hit\n{}\n{}", struck.join("\n"), world.explain().await));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let struck = memory(world).struck();
    memory(world).clear_faults();
    if struck.is_empty() {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for request in memory(world).requests().iter().filter(|r| r.user_agent.starts_with(AGENT)) {
            *seen.entry(format!("{:?} {}", request.verb, request.resource)).or_default() += 1;
        }
        return Err(format!("the fault met no request of {seen:?}"));
    }
    Ok((done, struck.len()))
}

/// Whether the version is deployed (true) or taken back (false), with nothing left of the other; None while neither is so.
async fn standing(world: &World, version: u32) -> Option<bool> {
    let release = world.release("shop", "web").await?;
    let chart = format!("1.{version}.0");
    let said = |kind| condition(&release, kind).is_some_and(|(status, ..)| status == "True");
    if release["status"]["lastAttemptedRevision"] != chart.as_str() {
        return None;
    }
    let done = said("Ready") && release["status"]["history"][0]["chartVersion"] == chart.as_str();
    let back = !said("Ready") && said("RolledBack");
    if !done && !back {
        return None;
    }
    let records = world.release_secrets("shop", "web").await;
    let of = |wanted: &str| records.iter().filter(|(_, status, _)| status.as_str() == wanted).count();
    let pending = records.iter().any(|(_, status, _)| status.starts_with("pending"));
    if pending || of("deployed") != 1 || records.last()?.1 != "deployed" {
        return None;
    }
    // All of one version: its own object and the image, and nothing that only another one has.
    let live = world.get("apps/v1", "Deployment", "shop", "web").await?;
    let image = live.pointer("/spec/template/spec/containers/0/image")?.as_str()?.rsplit(':').next()?.to_owned();
    let mut own = Vec::new();
    for map in world.list("v1", "ConfigMap", "shop", "").await {
        let name = map["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match name.strip_prefix("web-") {
            Some(number) => own.push(number.to_owned()),
            None if name == "web" && map["data"]["version"] != image.as_str() => return None,
            None => {}
        }
    }
    (own == [image.clone()] && (image == version.to_string()) == done).then_some(done)
}

/// The cluster, which is kubemem here.
fn memory(world: &World) -> &kubemem::Server {
    world.memory().expect("this test is about kubemem")
}

/// A request in a few words.
fn name(request: &Request) -> String {
    let dry = if request.dry_run { " (dry run)" } else { "" };
    let what = if request.resource.is_empty() { &request.path } else { &request.resource };
    format!("{:?}{dry} {what} {}/{}", request.verb, request.namespace, request.name)
}
