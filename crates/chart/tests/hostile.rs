//! Hostile charts: each ends within its budget, with an error that says what and where, and takes nothing down.
//!
//! Every chart is rendered in a process of its own, whose address space is limited and whose main work runs on a thread
//! with the stack that threads commonly have. What a chart comes to is compared with what is expected of it; where Helm
//! refuses the same chart, the words are Helm's.

// A process of its own for each chart is what bounds its memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]
#![cfg(target_os = "linux")]

mod hostile {
    pub(crate) mod archive;
    pub(crate) mod cases;
}

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helmward_chart::template::{Limits, Stop};
use hostile::cases::{Case, Expect, cases};

/// Set for the child: the case to run.
const CASE: &str = "HELMWARD_HOSTILE_CASE";
/// Set for a run with the limits that renders have by default.
const FULL: &str = "HELMWARD_HOSTILE_FULL";

/// What one process may take. Half of a render's address space is the stack that is reserved for it.
struct Bounds {
    address_space: u64,
    resident: u64,
    time: Duration,
}

fn bounds(full: bool) -> Bounds {
    if full {
        Bounds { address_space: 3 << 30, resident: 2 << 30, time: Duration::from_secs(120) }
    } else {
        Bounds { address_space: 1 << 30, resident: 512 << 20, time: Duration::from_secs(40) }
    }
}

/// Limits that tests have time for: the engine is not optimised in them.
fn limits() -> Limits {
    if std::env::var_os(FULL).is_some() {
        return Limits::default();
    }
    Limits { steps: 220_000, bytes: 5 << 20, items: 1_000_000, text: 3 << 20, values: 100_000, ..Limits::default() }
}

#[test]
fn each_ends_within_its_budget() {
    run_all(false);
}

/// `cargo test --release --test hostile -- --ignored`
#[test]
#[ignore = "takes minutes without optimisation"]
fn each_ends_within_the_default_budget() {
    run_all(true);
}

#[test]
fn there_are_enough_of_them() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases().len(), "names repeat");
    assert!(names.len() >= 40, "{}", names.len());
}

#[test]
fn a_deadline_ends_a_render() {
    let start = Instant::now();
    let deadline = start + Duration::from_millis(200);
    let limits = Limits { steps: u64::MAX, stop: Stop::when(move || Instant::now() > deadline), ..Limits::default() };
    let text = "{{ range 9999999 }}{{ range 9999999 }}{{ upper \"a\" }}{{ end }}{{ end }}";
    let outcome = hostile::cases::render(&[("templates/x.yaml", text)], "", limits);
    let expect = "the render was stopped by its caller: its time is up, or it was cancelled";
    assert!(outcome.as_ref().is_err_and(|e| e.kind == "template/Budget" && e.text.ends_with(expect)), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

fn run_all(full: bool) {
    let cases: Vec<Case> = cases().into_iter().filter(|case| full || !case.slow).collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |n| n.get().min(4)) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = run(case, full) {
                        failures.lock().unwrap().push(format!("{}: {why}", case.name));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn run(case: &Case, full: bool) -> Result<(), String> {
    let bounds = bounds(full);
    let start = Instant::now();
    // The limit is set by the shell, since this crate forbids the unsafe code that a call of setrlimit takes.
    let script = format!(
        "ulimit -c 0; ulimit -v {} && exec \"$0\" child --exact --ignored --nocapture --test-threads=1",
        bounds.address_space >> 10
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).env(CASE, case.name).stdin(Stdio::null());
    if full {
        command.env(FULL, "1");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let id = child.id();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut from: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = from.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let (stdout, stderr) = (read(Box::new(stdout)), read(Box::new(stderr)));
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if start.elapsed() > bounds.time {
            let _ = child.kill();
            return Err(format!("process {id} ran for more than {:?}", bounds.time));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let field = |name: &str| stdout.lines().find_map(|line| line.split_once(name).map(|(_, rest)| rest.replace("\\n", "\n")));
    let (Some(kind), Some(text), Some(resident)) = (field("KIND "), field("TEXT "), field("RESIDENT ")) else {
        let end: String = stderr.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect();
        return Err(format!("the process went down: {end}"));
    };
    if std::env::var_os("HELMWARD_HOSTILE_SHOW").is_some() {
        let start: String = text.chars().take(240).collect();
        let end: String =
            text.chars().skip(240).collect::<Vec<_>>().into_iter().rev().take(160).collect::<Vec<_>>().into_iter().rev().collect();
        println!("{:34} {:>6} ms {resident:>8} kB {kind}: {start} … {end}", case.name, took(&stdout));
    }
    let resident: u64 = resident.trim().parse().map_err(|_| "no figure".to_owned())?;
    if resident << 10 > bounds.resident {
        return Err(format!("took {resident} kB of memory"));
    }
    let expect = case.by_default.as_ref().filter(|_| full).unwrap_or(&case.expect);
    let wanted = match expect {
        Expect::Text(wanted) => kind == "ok" && text == *wanted,
        Expect::Error(want, parts) => kind == *want && parts.iter().all(|part| text.contains(part)),
    };
    let start: String = text.chars().take(400).collect();
    if wanted { Ok(()) } else { Err(format!("gave {kind}: {start} … ({} bytes), expected {expect:?}", text.len())) }
}

fn took(stdout: &str) -> u64 {
    stdout.lines().find_map(|line| line.split_once("TOOK ")?.1.parse().ok()).unwrap_or_default()
}

/// The process of one case; started by [`run`].
#[test]
#[ignore = "run by the others, each case in a process of its own"]
fn child() {
    let Ok(name) = std::env::var(CASE) else { return };
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let begun = Instant::now();
    let work = thread::Builder::new().stack_size(2 << 20).spawn(move || (case.run)(limits())).unwrap();
    let (kind, text) = match work.join().unwrap() {
        Ok(text) => ("ok".to_owned(), text),
        Err(failure) => (failure.kind, failure.text),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    println!("\nKIND {kind}\nTEXT {}\nRESIDENT {resident}\nTOOK {}", text.replace('\n', "\\n"), begun.elapsed().as_millis());
}
