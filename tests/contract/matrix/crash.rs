//! The crash matrix: the daemon is killed with SIGKILL at each of its API requests, before the server sees it and after it was done, and at
//! each write of its store; each time with its state directory kept and deleted. Every run must come to the same end by itself.

use super::moment::{self, Moment, Place, Trap, memory};
use super::story::Action;
use super::verdict;
use crate::world::{World, alive};
use std::collections::{BTreeMap, VecDeque};
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
    run(number("HELMWARD_MATRIX_EVERY", 7)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes: .ci/long runs it"]
async fn crash_matrix() {
    run(number("HELMWARD_MATRIX_EVERY", 1)).await;
}

async fn run(every: usize) {
    if crate::world::real_kubeconfig().is_some() {
        return eprintln!("  skipped: the crash matrix stops requests inside kubemem");
    }
    let started = Instant::now();
    let (counts, queues) = reference(every).await;
    let tallies = Tallies::default();
    let workers: Vec<_> =
        (0..number("HELMWARD_MATRIX_WORKERS", 3)).map(|_| tokio::spawn(work(Arc::clone(&queues), Arc::clone(&tallies)))).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let tallies = tallies.lock().unwrap();
    let (mut points, mut failures) = (0, Vec::new());
    for (action, tally) in tallies.iter() {
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
}

/// The story without a crash: how many requests and moments of the store each action has.
async fn reference(every: usize) -> (BTreeMap<Action, (u64, u64)>, Queues) {
    let only = std::env::var("HELMWARD_MATRIX_ONLY").ok();
    let mut world = begin().await;
    let (mut counts, mut queues) = (BTreeMap::new(), BTreeMap::new());
    for action in Action::ALL {
        moment::count_store(&world);
        action.begin(&world).await;
        if let Err(missing) = converge(&mut world, action).await {
            panic!("{} without a crash: {missing}", action.name());
        }
        let requests = memory(&world).requests().iter().filter(|r| r.user_agent.starts_with(moment::AGENT)).count() as u64;
        let store = moment::store_moments(&world);
        let moments = moment::all(requests, store);
        // An odd stride, so that before and after, kept and lost all have their turn.
        let chosen = moments.into_iter().enumerate().filter(|(i, _)| i.is_multiple_of(every | 1)).map(|(_, moment)| moment);
        let chosen = chosen.filter(|m| only.as_ref().is_none_or(|only| *only == format!("{}/{m}", action.name())));
        queues.insert(action, chosen.collect::<VecDeque<_>>());
        counts.insert(action, (requests, store));
    }
    (counts, Arc::new(Mutex::new(queues)))
}

async fn begin() -> World {
    let mut world = World::start().await;
    world.git.write("clusters/demo/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n");
    world.git.push("An empty shop");
    world.start_daemon(&[]).await;
    while world.get("v1", "Namespace", "", "shop").await.is_none() {
        revive(&mut world).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = quiet(&world).await;
    world
}

/// Tells the story again and again, each action with the next moment of its queue, until all queues are empty.
async fn work(queues: Queues, tallies: Tallies) {
    let mut world = None;
    while queues.lock().unwrap().values().any(|queue| !queue.is_empty()) {
        let mut here = match world.take() {
            Some(world) => world,
            None => begin().await,
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
            world = Some(here);
        }
    }
}

/// One action, cut off at a moment.
async fn play(world: &mut World, action: Action, moment: Option<Moment>) -> Result<Played, String> {
    let place = moment.map_or(Place::Store { nth: u64::MAX }, |m| m.place);
    let at = {
        let trap = Trap::set(world, place);
        action.begin(world).await;
        until_sprung(world, &trap, action).await?
    };
    let restarted = Instant::now();
    if at.is_some() {
        world.kill_daemon();
        if moment.is_some_and(|m| m.lost) {
            std::fs::remove_dir_all(world.state_dir()).map_err(|e| e.to_string())?;
        }
        world.start_daemon(&[]).await;
    }
    let words = |why: String| format!("{}: {why}", at.as_deref().unwrap_or("not stopped"));
    if let Err(why) = converge(world, action).await {
        let made: Vec<String> = verdict::writes(&memory(world).requests());
        return Err(words(format!("{why}\n--- writes\n{}\n{}", made.join("\n"), world.explain().await)));
    }
    let took = restarted.elapsed().saturating_sub(QUIET);
    let runs = verdict::hook_runs(&memory(world).requests());
    if runs != action.end().hooks {
        return Err(words(format!("the hook was run {runs} times, {} were needed", action.end().hooks)));
    }
    Ok(Played { at, took })
}

/// Waits until the daemon hangs where it was to, or has done all without ever coming there.
async fn until_sprung(world: &World, trap: &Trap<'_>, action: Action) -> Result<Option<String>, String> {
    let start = Instant::now();
    let mut looked = Instant::now();
    loop {
        if let Some(at) = trap.sprung() {
            return Ok(Some(at));
        }
        if looked.elapsed() > Duration::from_secs(1) {
            if verdict::settled(world, action).await.is_ok() && quiet(world).await.is_ok() {
                return Ok(trap.sprung());
            }
            looked = Instant::now();
        }
        if start.elapsed() > LIMIT {
            return Err(format!("neither stopped nor done\n{}", world.explain().await));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for the end of the action, and that it stays.
async fn converge(world: &mut World, action: Action) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match verdict::settled(world, action).await {
            Ok(()) => break,
            Err(missing) if start.elapsed() > LIMIT => return Err(missing),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        revive(world).await?;
    }
    quiet(world).await?;
    verdict::settled(world, action).await.map_err(|missing| format!("it did not stay: {missing}"))
}

/// Starts a daemon that ended by itself again, as whatever supervises it does: another test took its port, or it lost its Lease while it
/// started. One that panicked is a failure.
async fn revive(world: &mut World) -> Result<(), String> {
    if alive(world.daemon().pid()) {
        return Ok(());
    }
    let last = world.daemon().logged();
    if last.contains("panicked") || !last.lines().any(|line| line.starts_with("error: ")) {
        return Err(format!("the daemon ended by itself\n{last}"));
    }
    world.start_daemon(&[]).await;
    Ok(())
}

/// Waits until nothing has been written for a while.
async fn quiet(world: &World) -> Result<(), String> {
    let start = Instant::now();
    let (mut seen, mut since) = (0, Instant::now());
    while since.elapsed() < QUIET {
        let writes = verdict::writes(&memory(world).requests());
        if writes.len() != seen {
            (seen, since) = (writes.len(), Instant::now());
        }
        if start.elapsed() > LIMIT {
            return Err(format!("it never rests: {:?}", writes.iter().rev().take(5).collect::<Vec<_>>()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
