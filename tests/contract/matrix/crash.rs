//! The crash matrix: the daemon is killed with SIGKILL at each of its API requests, before the server sees it and after it was done, and at
//! each write of its store; each time with its state directory kept and deleted. Every run must come to the same end by itself.

use super::moment::{self, Moment, Place};
use super::stand::Stand;
use super::story::Action;
use super::verdict;
use super::wire::Seen;
use crate::world::{Cluster, alive};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Enough for the longest pause between two attempts after a crash, the Lease of a daemon that forgot its name among them.
const LIMIT: Duration = Duration::from_secs(240);
/// For how long nothing is written once all is done.
const QUIET: Duration = Duration::from_secs(2);

/// What became of one moment.
struct Played {
    /// Where the daemon was stopped; `None` where the moment never came.
    at: Option<String>,
    /// From the restart to the end.
    took: Duration,
}

/// Which of the moments are tried.
#[derive(Clone, Copy)]
enum Choice {
    /// Every n-th.
    Every(usize),
    /// So many moments of the API of each action, from its beginning to its end, again and again where it has fewer.
    Points(usize),
}

#[derive(Default)]
struct Tally {
    reached: usize,
    slowest: Duration,
    slowest_at: String,
    failures: Vec<String>,
}

type Queues = Arc<Mutex<BTreeMap<Action, VecDeque<Moment>>>>;
type Tallies = Arc<Mutex<BTreeMap<Action, Tally>>>;

pub(super) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/run runs it"]
async fn crash_matrix_sampled() {
    on_kubemem(7).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes: .ci/long runs it"]
async fn crash_matrix() {
    on_kubemem(1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes: .ci/long runs it"]
async fn crash_matrix_on_real_clusters() {
    let clusters = std::env::var("HELMWARD_MATRIX_KUBECONFIGS").unwrap_or_default();
    let clusters: Vec<Cluster> =
        clusters.split(':').filter(|path| !path.is_empty()).map(|path| Cluster::Real(PathBuf::from(path))).collect();
    assert!(!clusters.is_empty(), "HELMWARD_MATRIX_KUBECONFIGS names no control plane");
    let points = number("HELMWARD_MATRIX_POINTS", 32);
    for (action, tally) in run(clusters, Choice::Points(points)).await {
        assert!(tally.reached + 2 >= points, "{}: only {} moments were reached", action.name(), tally.reached);
    }
}

async fn on_kubemem(every: usize) {
    let clusters = (0..number("HELMWARD_MATRIX_WORKERS", 3)).map(|_| Cluster::Apart).collect();
    run(clusters, Choice::Every(number("HELMWARD_MATRIX_EVERY", every))).await;
}

async fn run(clusters: Vec<Cluster>, choice: Choice) -> BTreeMap<Action, Tally> {
    let started = Instant::now();
    let (first, counts, queues) = reference(clusters[0].clone(), choice).await;
    let mut first = Some(first);
    let tallies = Tallies::default();
    let begin = |cluster| tokio::spawn(work(first.take(), cluster, Arc::clone(&queues), Arc::clone(&tallies)));
    let workers: Vec<_> = clusters.into_iter().map(begin).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let tallies = std::mem::take(&mut *tallies.lock().unwrap());
    let (mut points, mut failures) = (0, Vec::new());
    for (action, tally) in &tallies {
        let (requests, store) = counts[action];
        eprintln!(
            "  {}: {requests} requests and {store} moments of the store; {} moments reached, {} failed; slowest {:.1} s at {}",
            action.name(),
            tally.reached,
            tally.failures.len(),
            tally.slowest.as_secs_f64(),
            tally.slowest_at
        );
        points += tally.reached;
        failures.extend(tally.failures.iter().cloned());
    }
    eprintln!("  {points} crashes in {:.0} s, {} failures", started.elapsed().as_secs_f64(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(points > 0, "nothing was tried");
    tallies
}

/// The story without a crash: how many requests and moments of the store each action has.
async fn reference(cluster: Cluster, choice: Choice) -> (Stand, BTreeMap<Action, (usize, u64)>, Queues) {
    let only = std::env::var("HELMWARD_MATRIX_ONLY").ok();
    let mut stand = begin(cluster).await;
    let (mut counts, mut queues) = (BTreeMap::new(), BTreeMap::new());
    for action in Action::ALL {
        moment::set(&stand, None);
        action.begin(&stand.world).await;
        if let Err(missing) = converge(&mut stand, action).await {
            panic!("{} without a crash: {missing}", action.name());
        }
        let counted = (stand.wire.seen().len(), moment::store_moments(&stand));
        let moments: Vec<Moment> = match choice {
            // An odd stride, so that before and after, kept and lost all have their turn.
            Choice::Every(every) => moment::all(counted.0, counted.1).into_iter().step_by(every | 1).collect(),
            Choice::Points(points) => {
                let all = moment::all(counted.0, 0);
                (0..points).map(|i| if all.len() > points { all[i * all.len() / points] } else { all[i % all.len()] }).collect()
            }
        };
        let chosen = moments.into_iter().filter(|m| only.as_ref().is_none_or(|only| *only == format!("{}/{m}", action.name())));
        queues.insert(action, chosen.collect::<VecDeque<_>>());
        counts.insert(action, counted);
    }
    (stand, counts, Arc::new(Mutex::new(queues)))
}

async fn begin(cluster: Cluster) -> Stand {
    let mut stand = Stand::start(cluster).await;
    stand.world.git.write("clusters/demo/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n");
    stand.world.git.push("An empty shop");
    stand.world.start_daemon(&[]).await;
    while stand.world.get("v1", "Namespace", "", "shop").await.is_none() {
        revive(&mut stand).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = quiet(&stand).await;
    stand
}

/// Tells the story again and again, each action with the next moment of its queue, until all queues are empty.
async fn work(mut stand: Option<Stand>, cluster: Cluster, queues: Queues, tallies: Tallies) {
    while queues.lock().unwrap().values().any(|queue| !queue.is_empty()) {
        let mut here = match stand.take() {
            Some(stand) => stand,
            None => begin(cluster.clone()).await,
        };
        let mut broken = false;
        for action in Action::ALL {
            let next = queues.lock().unwrap().get_mut(&action).and_then(VecDeque::pop_front);
            let played = play(&mut here, action, next).await;
            let mut tallies = tallies.lock().unwrap();
            let tally = tallies.entry(action).or_default();
            match played {
                Ok(Played { at: Some(at), took }) => {
                    tally.reached += 1;
                    if took > tally.slowest {
                        (tally.slowest, tally.slowest_at) = (took, format!("{} ({at})", next.expect("it was stopped somewhere")));
                    }
                }
                Ok(_) => {}
                Err(why) => {
                    let at = next.map_or_else(|| "without a crash".to_owned(), |m| m.to_string());
                    eprintln!("  FAILED {}/{at}: {}", action.name(), why.lines().next().unwrap_or_default());
                    tally.failures.push(format!("{}/{at}: {why}", action.name()));
                    broken = true;
                }
            }
            if broken {
                break;
            }
        }
        if !broken {
            stand = Some(here);
        }
    }
}

/// One action, cut off at a moment.
async fn play(stand: &mut Stand, action: Action, moment: Option<Moment>) -> Result<Played, String> {
    let place = moment.map(|m| m.place);
    moment::set(stand, place);
    action.begin(&stand.world).await;
    let at = until_sprung(stand, place, action).await?;
    let restarted = Instant::now();
    if at.is_some() {
        stand.world.kill_daemon();
        moment::lift(stand);
        if moment.is_some_and(|m| m.lost) {
            std::fs::remove_dir_all(stand.world.state_dir()).map_err(|e| e.to_string())?;
        }
        stand.world.start_daemon(&[]).await;
    }
    let words = |why: String| format!("{}: {why}", at.as_deref().unwrap_or("not stopped"));
    if let Err(why) = converge(stand, action).await {
        let made: Vec<String> = writes(stand).iter().map(ToString::to_string).collect();
        return Err(words(format!("{why}\n--- writes\n{}\n{}", made.join("\n"), stand.world.explain().await)));
    }
    let took = restarted.elapsed().saturating_sub(QUIET);
    let runs = verdict::hook_runs(&stand.wire.seen());
    if runs != action.end().hooks {
        return Err(words(format!("the hook was run {runs} times, {} were needed", action.end().hooks)));
    }
    Ok(Played { at, took })
}

/// Waits until the daemon hangs where it was to, or has done all without ever coming there.
async fn until_sprung(stand: &Stand, place: Option<Place>, action: Action) -> Result<Option<String>, String> {
    let start = Instant::now();
    let mut looked = Instant::now();
    loop {
        if let Some(at) = moment::sprung(stand, place) {
            return Ok(Some(at));
        }
        if looked.elapsed() > Duration::from_secs(1) {
            if verdict::settled(&stand.world, action).await.is_ok() && quiet(stand).await.is_ok() {
                return Ok(moment::sprung(stand, place));
            }
            looked = Instant::now();
        }
        if start.elapsed() > LIMIT {
            return Err(format!("neither stopped nor done\n{}", stand.world.explain().await));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for the end of the action, and that it stays.
async fn converge(stand: &mut Stand, action: Action) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match verdict::settled(&stand.world, action).await {
            Ok(()) => break,
            Err(missing) if start.elapsed() > LIMIT => return Err(missing),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        revive(stand).await?;
    }
    quiet(stand).await?;
    verdict::settled(&stand.world, action).await.map_err(|missing| format!("it did not stay: {missing}"))
}

/// Starts a daemon that ended by itself again, as whatever supervises it does: another test took its port, or it lost its Lease while it
/// started. One that panicked is a failure.
async fn revive(stand: &mut Stand) -> Result<(), String> {
    if alive(stand.world.daemon().pid()) {
        return Ok(());
    }
    let last = stand.world.daemon().logged();
    if last.contains("panicked") || !last.lines().any(|line| line.starts_with("error: ")) {
        return Err(format!("the daemon ended by itself\n{last}"));
    }
    stand.world.start_daemon(&[]).await;
    Ok(())
}

/// Waits until nothing has been written for a while.
async fn quiet(stand: &Stand) -> Result<(), String> {
    let start = Instant::now();
    let (mut seen, mut since) = (0, Instant::now());
    while since.elapsed() < QUIET {
        let writes = writes(stand);
        if writes.len() != seen {
            (seen, since) = (writes.len(), Instant::now());
        }
        if start.elapsed() > LIMIT {
            return Err(format!("it never rests: {:?}", writes.iter().rev().take(5).map(ToString::to_string).collect::<Vec<_>>()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

fn writes(stand: &Stand) -> Vec<Seen> {
    stand.wire.seen().into_iter().filter(Seen::is_write).collect()
}
