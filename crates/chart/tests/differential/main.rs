//! This engine beside Helm's own, on templates and values made from a grammar (`grammar.rs`).
//!
//! Without anything it replays the fixtures (`tests/fixtures/differential.jsonl`): what once differed, with Helm's answer. With the
//! oracle it makes new cases, asks both engines, and prints each difference in its smallest form:
//!
//! ```sh
//! (cd crates/chart/oracle && go build -o /tmp/helm-oracle .)   # Go 1.26
//! HELMWARD_ORACLE=/tmp/helm-oracle HELMWARD_CASES=100000 HELMWARD_SEED=1 \
//!     cargo test --release -p helmward-chart --test differential -- --nocapture
//! ```
//!
//! `HELMWARD_CASES` is 2,000 if unset, `HELMWARD_SEED` 1, `HELMWARD_JOBS` 2. The same seed gives the same cases. With
//! `HELMWARD_RECORD=1` the differences found are added to the fixtures, with Helm's answers; with `HELMWARD_TRACE=1` each case is printed
//! before it is tried, for those that end the whole process; with `HELMWARD_KNOWN=1` those that `known.rs` excuses are printed; with
//! `HELMWARD_FAILING=1` those that both engines fail at, and those that Helm answers in several ways.
//!
//! Texts and errors are compared byte for byte. What is random in Helm is not: cases that Helm answers in several ways, addresses of Go
//! objects, and the number of U+FFFD where bytes are no UTF-8 (JSON cannot carry them). Cases that use up a budget of this engine, or
//! that end the oracle, are counted and left out.

// The oracle is a program, and what to try comes from the environment.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

mod arguments;
mod case;
mod grammar;
mod known;
mod oracle;
mod random;
mod shrink;
mod signatures;
mod words;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use case::{Case, Outcome, comparable, ours};
use grammar::{Called, Grammar};
use helmward_chart::Json;
use oracle::Oracle;
use serde_json::json;

/// How many differences are made small: more than that are not looked at one by one.
const SHRUNK: u64 = 400;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v} is no number")))
}

fn fixture_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/differential.jsonl")
}

fn fixtures() -> Vec<(Case, Outcome)> {
    let text = std::fs::read_to_string(fixture_file()).unwrap_or_default();
    text.lines().map(|line| Case::from_json(&serde_json::from_str(line).unwrap())).collect()
}

#[derive(Default)]
struct Counts {
    equal: AtomicU64,
    failing: AtomicU64,
    random: AtomicU64,
    budget: AtomicU64,
    ended: AtomicU64,
    differing: AtomicU64,
    /// The known causes, with how many cases each excused.
    known: Mutex<BTreeMap<&'static str, u64>>,
    /// The calls in cases that are equal.
    functions: Mutex<BTreeMap<&'static str, Calls>>,
}

#[derive(Default)]
struct Calls {
    calls: u64,
    odd: u64,
    answered: u64,
}

impl Counts {
    fn add_calls(&self, calls: &[Called], failing: bool) {
        let mut functions = self.functions.lock().unwrap();
        for call in calls {
            let count = functions.entry(call.name).or_default();
            count.calls += 1;
            count.odd += u64::from(call.odd);
            count.answered += u64::from(!failing);
        }
    }

    /// The functions whose calls are looked at least.
    fn coverage(&self) -> String {
        let functions = self.functions.lock().unwrap();
        let mut rows: Vec<_> = functions.iter().map(|(name, calls)| (calls.answered, calls.odd, calls.calls, name)).collect();
        rows.sort_unstable();
        let row = |(answered, odd, calls, name): &(u64, u64, u64, &&str)| format!("{name} {calls} {odd} {answered}");
        let least: Vec<_> = rows.iter().take(12).map(row).collect();
        format!(
            "{} functions; with the fewest answers (calls, odd ones, those in cases that Helm answers): {}",
            rows.len(),
            least.join(", ")
        )
    }
}

/// What came of one case.
enum Verdict {
    Equal { failing: bool },
    Random,
    Budget,
    Ended,
    Known(&'static str, Outcome, Outcome),
    Different(Outcome, Outcome),
}

fn is_budget(outcome: &Outcome) -> bool {
    let words = ["render budget of", "over the limit of", "levels deep"];
    matches!(outcome, Outcome::Error(text) if words.iter().any(|w| text.contains(w)))
}

fn judge(case: &Case, oracle: &mut Oracle) -> Verdict {
    let mine = comparable(&ours(case));
    // Helm has no budgets: it would run until something breaks.
    if is_budget(&mine) {
        return Verdict::Budget;
    }
    let Some(theirs) = oracle.render(case) else { return Verdict::Ended };
    let theirs = comparable(&theirs);
    if mine == theirs {
        return Verdict::Equal { failing: matches!(theirs, Outcome::Error(_)) };
    }
    // Two keys come in the other order every second time.
    let again = if case.main.contains("keys") || case.main.contains("values") || case.helpers.contains("keys") { 30 } else { 8 };
    for _ in 0..again {
        match oracle.render(case).map(|o| comparable(&o)) {
            Some(again) if again == theirs && comparable(&ours(case)) == mine => {}
            Some(_) => return Verdict::Random,
            None => return Verdict::Ended,
        }
    }
    match known::explains(case, &mine, &theirs) {
        Some(cause) => Verdict::Known(cause, mine, theirs),
        None => Verdict::Different(mine, theirs),
    }
}

/// As `judge`, and a difference is one only if it is the same with each of several oracles: Go's addresses, and with them lengths and
/// hashes of texts that hold one, differ from process to process.
fn judge_anew(case: &Case, oracle: &mut Oracle) -> Verdict {
    let verdict = judge(case, oracle);
    if let Verdict::Different(_, theirs) = &verdict {
        for _ in 0..12 {
            oracle.end();
            match oracle.render(case).map(|o| comparable(&o)) {
                Some(again) if again == *theirs => {}
                Some(_) => return Verdict::Random,
                None => return Verdict::Ended,
            }
        }
    }
    verdict
}

fn class(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Text(_) => 0,
        Outcome::Error(_) => 1,
        Outcome::Panic(_) => 2,
    }
}

fn shrunk(case: &Case, mine: &Outcome, theirs: &Outcome, oracle: &mut Oracle) -> Case {
    let same_kind = (class(mine), class(theirs));
    let mut left = 600;
    shrink::shrink(case, |smaller| {
        left -= 1;
        left > 0 && matches!(judge(smaller, oracle), Verdict::Different(a, b) if (class(&a), class(&b)) == same_kind)
    })
}

#[test]
fn cases_that_once_differed_are_answered_as_by_helm() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 10, "the fixtures are gone");
    let wrong: Vec<String> = fixtures
        .iter()
        .filter(|(case, expect)| comparable(&ours(case)) != comparable(expect))
        .map(|(case, expect)| format!("{}\n   helm {expect:?}\n   ours {:?}", case.to_json(expect), ours(case)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), fixtures.len(), wrong.join("\n"));
}

#[test]
fn every_function_has_a_signature() {
    let names: BTreeSet<&str> = signatures::all().iter().map(|s| s.name).collect();
    let missing: Vec<&str> =
        include_str!("../../src/template/tests/functions.txt").split_whitespace().filter(|n| !names.contains(n)).collect();
    assert!(missing.is_empty(), "functions without a signature: {missing:?}");
}

/// Each function comes up with sensible arguments and with odd ones; what takes long is called at all.
#[test]
fn every_function_is_called_with_sensible_and_with_odd_arguments() {
    let grammar = Grammar::new();
    let mut calls: BTreeMap<&str, (u64, u64)> = signatures::all().iter().map(|s| (s.name, (0, 0))).collect();
    for call in (0..10_000).flat_map(|number| grammar.case(1, number).1) {
        let count = calls.entry(call.name).or_default();
        if call.odd { count.1 += 1 } else { count.0 += 1 }
    }
    let takes = |name: &str| signatures::all().iter().any(|s| s.name == name && !s.params.is_empty());
    let slow = |name: &str| signatures::all().iter().any(|s| s.name == name && s.show == signatures::Show::Slow);
    let enough = |name: &str, calm: u64, odd: u64| calm >= 3 && (odd >= 3 || !takes(name)) || slow(name) && calm + odd > 0;
    let rare: Vec<_> = calls.iter().filter(|(name, (calm, odd))| !enough(name, *calm, *odd)).collect();
    assert!(rare.is_empty(), "functions that are hardly called (calm, odd): {rare:?}");
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let grammar = Grammar::new();
    assert_eq!(grammar.case(7, 3), grammar.case(7, 3));
    assert_ne!(grammar.case(7, 3), grammar.case(8, 3));
}

#[test]
fn fixtures_are_what_helm_answers() {
    let Some(mut oracle) = Oracle::from_env() else { return };
    for (case, expect) in fixtures() {
        let answer = oracle.render(&case).map(|o| comparable(&o));
        assert_eq!(answer, Some(comparable(&expect)), "{}", case.to_json(&expect));
    }
}

#[test]
fn helm_knows_the_functions_of_the_grammar() {
    let Some(mut oracle) = Oracle::from_env() else { return };
    for signature in signatures::all() {
        let answer = oracle.ask(&json!({"op": "function", "s": signature.name})).unwrap();
        assert_eq!(answer, json!({"result": "known"}), "{}", signature.name);
    }
}

#[test]
fn new_cases_are_answered_as_by_helm() {
    if Oracle::from_env().is_none() {
        return;
    }
    let (cases, seed, jobs) = (number("HELMWARD_CASES", 2_000), number("HELMWARD_SEED", 1), number("HELMWARD_JOBS", 2));
    let (next, counts, found) = (AtomicU64::new(0), Counts::default(), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| run(&next, cases, seed, &counts, &found));
        }
    });
    let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{cases} cases of seed {seed}: {} equal ({} of them fail), {} random in Helm, {} over a budget, {} ended the oracle, {} known, {} differ",
        n(&counts.equal),
        n(&counts.failing),
        n(&counts.random),
        n(&counts.budget),
        n(&counts.ended),
        counts.known.lock().unwrap().values().sum::<u64>(),
        n(&counts.differing)
    );
    println!("{}", counts.coverage());
    for (cause, count) in counts.known.lock().unwrap().iter() {
        println!("{count:6} excused: {cause}");
    }
    let mut smallest: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for (case, mine, theirs) in found.into_inner().unwrap() {
        let line = case.to_json(&theirs).to_string();
        let shown = format!("{line}\n   helm {theirs:?}\n   ours {mine:?}");
        smallest.entry(line).or_insert((0, shown)).0 += 1;
    }
    let mut report: Vec<_> = smallest.into_iter().collect();
    report.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.len().cmp(&b.0.len())));
    let mut text = String::new();
    for (_, (count, shown)) in &report {
        writeln!(text, "{count} x {shown}").unwrap();
    }
    println!("{text}");
    if std::env::var("HELMWARD_RECORD").is_ok() {
        record(report.iter().map(|(line, _)| line));
    }
    assert_eq!(n(&counts.differing), 0, "cases differ");
}

fn run(next: &AtomicU64, cases: u64, seed: u64, counts: &Counts, found: &Mutex<Vec<(Case, Outcome, Outcome)>>) {
    let grammar = Grammar::new();
    let mut oracle = Oracle::from_env().unwrap();
    let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= cases {
            return;
        }
        if number > 0 && number.is_multiple_of(10_000) {
            println!("{number} cases, {} differ", counts.differing.load(Ordering::Relaxed));
        }
        let (case, calls) = grammar.case(seed, number);
        if std::env::var("HELMWARD_TRACE").is_ok() {
            println!("case {number}: {}", case.to_json(&Outcome::Text(String::new())));
        }
        match judge_anew(&case, &mut oracle) {
            Verdict::Equal { failing } => {
                add(&counts.equal);
                if failing && std::env::var("HELMWARD_FAILING").is_ok() {
                    println!("FAIL {} {:?} {}", calls.iter().any(|c| c.odd), comparable(&ours(&case)), case.main);
                }
                if failing {
                    add(&counts.failing);
                }
                counts.add_calls(&calls, failing);
            }
            Verdict::Random => {
                add(&counts.random);
                if std::env::var("HELMWARD_FAILING").is_ok() {
                    println!("RANDOM {:?} {:?} {:?}", case.main, comparable(&ours(&case)), oracle.render(&case));
                }
            }
            Verdict::Budget => drop(add(&counts.budget)),
            Verdict::Known(cause, mine, theirs) => {
                *counts.known.lock().unwrap().entry(cause).or_default() += 1;
                if std::env::var("HELMWARD_KNOWN").is_ok() {
                    println!("case {number}, {cause}\n   {}\n   helm {theirs:?}\n   ours {mine:?}", case.to_json(&theirs));
                }
            }
            Verdict::Ended => {
                add(&counts.ended);
                println!("case {number} of seed {seed} ended the oracle");
            }
            Verdict::Different(mine, theirs) => {
                if add(&counts.differing) < SHRUNK {
                    let small = shrunk(&case, &mine, &theirs, &mut oracle);
                    // A difference that comes and goes is shown as it was met.
                    found.lock().unwrap().push(match judge_anew(&small, &mut oracle) {
                        Verdict::Different(mine, theirs) => (small, mine, theirs),
                        _ => (case, mine, theirs),
                    });
                }
            }
        }
    }
}

/// Adds cases to the fixtures; those that are there already stay.
fn record<'l>(lines: impl Iterator<Item = &'l String>) {
    let mut text = std::fs::read_to_string(fixture_file()).unwrap_or_default();
    let known: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    for line in lines.filter(|line| !known.contains(*line)) {
        text.push_str(line);
        text.push('\n');
    }
    std::fs::write(fixture_file(), text).unwrap();
}

/// A shrunk case must be no larger, and still show what it is kept for.
#[test]
fn cases_shrink_to_what_matters() {
    let values = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    let main = "x {{ if .Values.a }}{{ add 1 (len \"a b\") (mul 2 3) | quote }}{{ end }} y".to_owned();
    let case = Case { main, helpers: "{{ define \"d\" }}{{ end }}".to_owned(), values };
    let small = shrink::shrink(&case, |c| c.main.contains("mul 2"));
    assert_eq!(small.to_json(&Outcome::Text(String::new())), json!({"t": "mul 2", "out": ""}));
    let _: Json = case.files();
}
