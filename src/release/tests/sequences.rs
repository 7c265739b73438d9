//! A hundred thousand random sequences of facts: what is wanted changes, runs fail, wait and stumble, the process dies and the store is
//! lost, a person goes back to a revision and resumes, another tool writes to the release. In all of them a pass ends after few decisions,
//! does no kind of action twice, goes back only to what was good or what a person named, and comes to rest once nothing happens any more.
//!
//! A sequence is its seed; a failure prints it, and `play(seed)` repeats it.

use super::super::decide::{Action, Decision, decide, quarantines};
use super::super::note::{Note, conclude};
use super::super::record::*;
use super::super::state::{Facts, observe, same};
use super::{attempt, record, revision, run_of, want};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const SEQUENCES: u64 = 100_000;

/// Decisions of one pass, at most: one of each kind of action, and comparisons between them.
const DECISIONS: usize = 20;

/// xorshift, seeded by a multiplication that spreads neighbouring seeds.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// How runs end.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mood {
    Random,
    AllWell,
    AllFails,
}

/// The shell, in small: `controller::unit::pass` and `run` without a cluster.
struct Toy {
    random: Random,
    mood: Mood,
    record: UnitRecord,
    want: Want,
    /// What Helm's records say besides.
    notes: BTreeMap<u32, Note>,
    /// Revisions that were really good once.
    good: BTreeSet<u32>,
    drifted: Option<usize>,
    requested: bool,
    forced: bool,
    /// The revision that a person asks for.
    named: Option<u32>,
    /// What happened, where it is told.
    told: Option<Vec<String>>,
}

/// How a pass ended.
#[derive(PartialEq, Debug)]
enum End {
    /// Nothing to do, and nothing was done.
    Rests,
    /// Something was done, or is under way.
    Busy,
}

fn any_attempt(random: &mut Random) -> Attempt {
    let (versions, contents, values) = (["1.0.0", "2.0.0", "3.0.0"], ["aa", "bb"], ["x", "y"]);
    let version = versions[random.below(3) as usize];
    let content = format!("{}{}", contents[usize::from(random.one_in(4))], &version[..1]);
    attempt(version, &content, values[usize::from(random.one_in(3))])
}

fn any_remedy(random: &mut Random) -> Remedy {
    let retries = [None, None, Some(0), Some(1), Some(2), Some(-1)][random.below(6) as usize];
    let strategy = if random.one_in(3) { RemedyStrategy::Uninstall } else { RemedyStrategy::Rollback };
    let retry = random.one_in(6).then_some(SignedDuration::from_secs(5));
    Remedy { retries, remedy_last: random.one_in(2), strategy, ignore_tests: random.one_in(4), retry }
}

impl Toy {
    fn new(seed: u64, tell: bool) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let wanted = any_attempt(&mut random);
        let want = Want {
            strategy: if random.one_in(2) { Strategy::Revision } else { Strategy::ChartVersion },
            install: any_remedy(&mut random),
            upgrade: any_remedy(&mut random),
            correct_drift: random.one_in(2),
            tests: random.one_in(3),
            ..want(wanted)
        };
        Self {
            random,
            mood: Mood::Random,
            record: record(Vec::new()),
            want,
            notes: BTreeMap::new(),
            good: BTreeSet::new(),
            drifted: None,
            requested: false,
            forced: false,
            named: None,
            told: tell.then(Vec::new),
        }
    }

    /// Something happens between two passes.
    fn event(&mut self) {
        let what = self.random.below(14);
        match what {
            0..=3 => self.want.attempt = any_attempt(&mut self.random),
            4 => self.requested = true,
            5 => (self.requested, self.forced) = (true, true),
            6 => self.drifted = self.drifted.map(|n| n + 1),
            7 => self.named = if self.named.is_some() { None } else { Some(1 + self.random.below(6) as u32) },
            8 => self.foreign(RevisionStatus::PendingUpgrade),
            9 => {
                let status =
                    [RevisionStatus::Deployed, RevisionStatus::Failed, RevisionStatus::Uninstalling][self.random.below(3) as usize];
                self.foreign(status);
            }
            10 => self.lose_the_store(false),
            11 => self.lose_the_store(true),
            12 => self.want.correct_drift = !self.want.correct_drift,
            _ => {}
        }
        if let Some(told) = &mut self.told {
            told.push(format!("event {what}, wanted {} {}, named {:?}", self.want.attempt.content, self.want.attempt.config, self.named));
        }
    }

    /// Another tool writes a revision, and the record is rebuilt from the cluster.
    fn foreign(&mut self, status: RevisionStatus) {
        if self.record.run.is_some() {
            return;
        }
        let number = self.record.next_number();
        if status == RevisionStatus::Deployed {
            self.supersede_deployed();
            self.good.insert(number);
        }
        self.record.history.push(revision(number, status, Attempt::default()));
        self.lose_the_store(false);
    }

    /// The record is rebuilt from Helm's: with our notes, or (`all`) with those lost too.
    fn lose_the_store(&mut self, all: bool) {
        if all {
            self.notes.clear();
        }
        let mut rebuilt = UnitRecord { failures: self.record.failures, ..UnitRecord::default() };
        // The status may or may not have told of the quarantine.
        rebuilt.quarantine = self.record.quarantine.clone().filter(|_| self.random.one_in(2));
        for old in &self.record.history {
            let mut meta = revision(old.number, old.status, Attempt::default());
            meta.description.clone_from(&old.description);
            if let Some(note) = self.notes.get(&old.number) {
                note.fill(&mut meta);
            }
            rebuilt.history.push(meta);
        }
        conclude(&mut rebuilt, &self.notes);
        self.record = rebuilt;
        self.drifted = None;
    }

    fn supersede_deployed(&mut self) {
        for revision in self.record.history.iter_mut().filter(|r| r.status == RevisionStatus::Deployed) {
            revision.status = RevisionStatus::Superseded;
        }
    }

    /// One pass. `Err` is a broken promise.
    fn pass(&mut self) -> Result<End, String> {
        let mut asked = std::mem::take(&mut self.requested);
        let forced = std::mem::take(&mut self.forced);
        if asked {
            self.record.failures = 0;
        }
        if self.by_hand() == Some(()) {
            return Ok(End::Rests);
        }
        let mut done: Vec<Action> = Vec::new();
        let mut kinds = HashSet::new();
        for _ in 0..DECISIONS {
            let facts = Facts {
                record: &self.record,
                drifted: self.drifted,
                requested: asked,
                forced: asked && forced,
                now: Timestamp::UNIX_EPOCH,
            };
            let state = observe(&self.want, &facts);
            let decision = decide(&state, &self.want, &self.record, &done);
            if let Some(told) = &mut self.told {
                told.push(format!("    {state:?} -> {decision:?}"));
            }
            let action = match decision {
                Decision::Finish | Decision::Hold(_) | Decision::Stall(_) => {
                    return Ok(if done.is_empty() { End::Rests } else { End::Busy });
                }
                Decision::Compare => {
                    self.drifted = Some(usize::from(self.mood == Mood::Random && self.random.one_in(4)));
                    continue;
                }
                Decision::Act(action) => action,
            };
            if !kinds.insert(std::mem::discriminant(&action)) {
                return Err(format!("{action:?} twice in a pass"));
            }
            done.push(action.clone());
            asked = false;
            if !self.perform(&action)? {
                return Ok(End::Busy);
            }
        }
        Err(format!("no end after {DECISIONS} decisions"))
    }

    /// A rollback that a person asks for; `Some` where the pass ends with it.
    fn by_hand(&mut self) -> Option<()> {
        if self.named == self.record.pinned || self.record.run.is_some() {
            return None;
        }
        if self.named.is_some_and(|to| self.record.revision(to).is_none()) {
            return Some(());
        }
        self.record.pinned = self.named;
        let to = self.named?;
        if self.record.deployed().is_some_and(|r| r.number == to) {
            return None;
        }
        self.begin(RunAction::Rollback, Some(to));
        None
    }

    /// Whether the pass goes on.
    fn perform(&mut self, action: &Action) -> Result<bool, String> {
        let random = self.mood == Mood::Random;
        match action {
            Action::Install | Action::Upgrade(_) => {
                if random && self.random.one_in(12) {
                    return Ok(false);
                }
                if random && self.random.one_in(12) {
                    // Refused before the first write.
                    self.record.failures += 1;
                    self.record.quarantine = Some(quarantine(self.want.attempt.clone(), None));
                    return Ok(true);
                }
                let action = if matches!(action, Action::Install) { RunAction::Install } else { RunAction::Upgrade };
                self.begin(action, None);
            }
            Action::RollBack { to } => {
                if !self.good.contains(to) && self.named != Some(*to) {
                    return Err(format!("a rollback to revision {to}, which was never good"));
                }
                if self.record.revision(*to).is_none() {
                    return Err(format!("a rollback to revision {to}, which is not there"));
                }
                if random && self.random.one_in(12) {
                    return Ok(false);
                }
                self.begin(RunAction::Rollback, Some(*to));
            }
            Action::Uninstall => {
                let number = self.record.last().map_or(0, |r| r.number);
                self.record.run = Some(run_of(number, RunAction::Uninstall, self.want.attempt.clone()));
            }
            Action::Supersede => {
                let run = self.record.run.take().ok_or("nothing to supersede")?;
                self.mark(run.revision, RevisionStatus::Failed);
            }
            Action::Unlock(number) => {
                self.mark(*number, RevisionStatus::Failed);
                self.record.revision_mut(*number).ok_or("nothing to unlock")?.attempt = Attempt::default();
                self.notes.remove(number);
            }
            Action::Test => {
                let failed = self.mood == Mood::AllFails || random && self.random.one_in(3);
                let ignored = self.want.install.ignore_tests && self.want.upgrade.ignore_tests;
                let last = self.record.history.last_mut().ok_or("nothing to test")?;
                let phase = Some(if failed { TestPhase::Failed } else { TestPhase::Succeeded });
                last.tests = Some([("t".to_owned(), TestRun { phase, ..TestRun::default() })].into());
                if failed && !ignored {
                    last.status = RevisionStatus::Failed;
                    self.good.remove(&last.number);
                    self.record.failures += 1;
                }
            }
            Action::Correct => self.drifted = Some(0),
            Action::Resume => {}
        }
        Ok(self.record.run.is_none() || self.advance())
    }

    fn mark(&mut self, number: u32, status: RevisionStatus) {
        if let Some(found) = self.record.revision_mut(number) {
            found.status = status;
        }
    }

    fn begin(&mut self, action: RunAction, to: Option<u32>) {
        let wanted = match to.and_then(|to| self.record.revision(to)) {
            Some(target) => target.attempt.clone(),
            None => self.want.attempt.clone(),
        };
        if to.is_none() {
            let failed = self.record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback);
            let refused = self.record.quarantine.as_ref().map(|q| &q.attempt);
            if failed.map(|f| &f.attempt).or(refused).is_some_and(|before| !same(before, &wanted)) {
                self.record.failures = 0;
            }
        }
        let number = self.record.next_number();
        let status = match action {
            RunAction::Install => RevisionStatus::PendingInstall,
            RunAction::Rollback => RevisionStatus::PendingRollback,
            _ => RevisionStatus::PendingUpgrade,
        };
        let meta = RevisionMeta { action, ..revision(number, status, wanted.clone()) };
        let run = Run { to, ..run_of(number, action, wanted) };
        self.notes.insert(number, Note::of(&meta, &run, &self.record, &self.want.upgrade));
        self.record.history.push(meta);
        self.record.run = Some(run);
        self.good.remove(&number);
    }

    /// Goes on with the run; whether it came to its end.
    fn advance(&mut self) -> bool {
        let Some(run) = self.record.run.clone() else { return true };
        let outcome = match self.mood {
            Mood::AllWell => 0,
            Mood::AllFails if run.action == RunAction::Uninstall => 0,
            Mood::AllFails => 1,
            Mood::Random => self.random.below(6),
        };
        match outcome {
            0 | 2 => self.end(&run, true),
            // The removal of what failed is tried again until it is done.
            1 if run.action != RunAction::Uninstall => self.end(&run, false),
            // Superseded in Helm's records, the new one still pending: the last write is missing.
            3 if run.action != RunAction::Uninstall => {
                self.supersede_deployed();
                self.lose_the_store(false);
                return false;
            }
            4 => {
                let all = self.random.one_in(2);
                self.lose_the_store(all);
                return false;
            }
            _ => return false,
        }
        true
    }

    fn end(&mut self, run: &Run, well: bool) {
        self.record.run = None;
        self.drifted = None;
        let failed =
            self.record.history.iter().rev().find(|r| r.status == RevisionStatus::Failed && r.action != RunAction::Rollback).cloned();
        match (well, run.action) {
            (_, RunAction::Uninstall) => {
                if self.record.last().is_some_and(|r| r.status == RevisionStatus::Failed) {
                    self.record.quarantine = None;
                    if self.record.last_good().is_some() {
                        self.record.failures = 0;
                    } else if quarantines(&self.want.install, self.record.failures) {
                        self.record.quarantine = failed.map(|f| quarantine(f.attempt, None));
                    }
                }
                self.record.history.clear();
                self.notes.clear();
                self.good.clear();
            }
            (true, action) => {
                self.supersede_deployed();
                self.mark(run.revision, RevisionStatus::Deployed);
                self.good.insert(run.revision);
                if action != RunAction::Rollback {
                    (self.record.failures, self.record.quarantine) = (0, None);
                } else if self.record.pinned.is_none() && quarantines(&self.want.upgrade, self.record.failures) {
                    self.record.quarantine = failed.map(|f| quarantine(f.attempt, Some(run.revision))).or(self.record.quarantine.take());
                }
            }
            (false, action) => {
                self.mark(run.revision, RevisionStatus::Failed);
                self.record.failures += u32::from(action != RunAction::Rollback);
                if action == RunAction::Rollback && self.record.pinned.is_none() {
                    self.record.quarantine = failed.map(|f| quarantine(f.attempt, None)).or(self.record.quarantine.take());
                }
            }
        }
        let surplus = self.record.surplus(5, None);
        self.record.history.retain(|r| !surplus.contains(&r.number));
    }
}

fn quarantine(attempt: Attempt, restored: Option<u32>) -> Quarantine {
    Quarantine { attempt, message: String::new(), since: Timestamp::UNIX_EPOCH, restored }
}

/// Plays one sequence; the number of passes. `Err` is the broken promise with all that led to it.
fn play(seed: u64) -> Result<usize, String> {
    let mut toy = Toy::new(seed, false);
    toy.play().map_err(|_| {
        // Once more, told: that is most of the work, and needed for the broken ones only.
        let mut toy = Toy::new(seed, true);
        let why = toy.play().err().unwrap_or_default();
        format!("seed {seed}: {why} ({:?})\n{:?}\n{}", toy.mood, toy.want, toy.told.unwrap_or_default().join("\n"))
    })
}

impl Toy {
    fn play(&mut self) -> Result<usize, String> {
        let events = self.random.below(7) + 1;
        for _ in 0..events {
            self.pass()?;
            self.event();
        }
        // From here on nothing happens but what it does itself, and all goes well, or nothing does.
        self.mood = if self.random.one_in(2) { Mood::AllWell } else { Mood::AllFails };
        let for_ever = |remedy: Remedy| remedy.retries == Some(-1) || remedy.retry.is_some();
        let endless = self.mood == Mood::AllFails && (for_ever(self.want.install) || for_ever(self.want.upgrade));
        for passes in 1..=16 {
            if self.pass()? == End::Rests {
                return match self.pass()? {
                    End::Rests => Ok(events as usize + passes + 1),
                    End::Busy => Err("it rested and went on without a reason".into()),
                };
            }
        }
        // A rollback that fails is tried again, after a pause that grows.
        let stranded = self.record.last().is_some_and(|r| r.status == RevisionStatus::Failed && r.action == RunAction::Rollback);
        if endless || stranded && self.mood == Mood::AllFails { Ok(events as usize + 16) } else { Err("it never rests".into()) }
    }
}

#[test]
fn a_hundred_thousand_sequences_end_well() {
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) as u64;
    let results: Vec<Result<usize, String>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || (1..=SEQUENCES).filter(|seed| seed % workers == worker).try_fold(0, |sum, seed| Ok(sum + play(seed)?)))
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().expect("a worker ends")).collect()
    });
    let mut passes = 0;
    for result in results {
        passes += result.unwrap_or_else(|why: String| panic!("{why}"));
    }
    println!("{SEQUENCES} sequences, {passes} passes");
}
