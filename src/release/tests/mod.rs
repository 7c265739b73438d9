//! Single stories (here), the table of facts, states and decisions (`table`), and random sequences of facts (`sequences`).

mod sequences;
mod table;

use super::decide::quarantines;
use super::record::*;
use super::state::*;
use super::steps::Shape;
use super::{Action, Decision, Step, decide, steps};
use jiff::Timestamp;

fn attempt(version: &str, content: &str, config: &str) -> Attempt {
    Attempt {
        source_revision: format!("main@sha1:{content}"),
        version: version.into(),
        content: content.into(),
        config: config.into(),
        shape: String::new(),
    }
}

fn want(attempt: Attempt) -> Want {
    Want {
        attempt,
        strategy: Strategy::ChartVersion,
        install: Remedy::DEFAULT,
        upgrade: Remedy::DEFAULT,
        correct_drift: false,
        tests: false,
    }
}

fn revision(number: u32, status: RevisionStatus, attempt: Attempt) -> RevisionMeta {
    RevisionMeta {
        number,
        status,
        action: RunAction::Upgrade,
        attempt,
        chart_name: "web".into(),
        app_version: String::new(),
        target: None,
        chart: None,
        digest: String::new(),
        first_deployed: Timestamp::UNIX_EPOCH,
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        description: String::new(),
        commit: String::new(),
        tests: None,
    }
}

fn record(history: Vec<RevisionMeta>) -> UnitRecord {
    UnitRecord { history, ..UnitRecord::default() }
}

fn run_of(revision: u32, action: RunAction, attempt: Attempt) -> Run {
    Run::new(revision, action, attempt, Timestamp::UNIX_EPOCH)
}

fn see(record: &UnitRecord, want: &Want, drifted: Option<usize>) -> State {
    observe(want, &Facts { record, drifted, requested: false, forced: false, now: Timestamp::UNIX_EPOCH })
}

#[test]
fn states() {
    use RevisionStatus::{Deployed, Failed, PendingUpgrade, Superseded, Uninstalled};
    let v1 = attempt("1.0.0", "aa", "x");
    let v1_edited = attempt("1.0.0", "bb", "x");
    let v1_values = attempt("1.0.0", "aa", "y");
    let v2 = attempt("2.0.0", "cc", "x");
    let at = |history| record(history);
    let deployed = at(vec![revision(1, Deployed, v1.clone())]);

    assert_eq!(see(&at(vec![]), &want(v1.clone()), None), State::Absent);
    assert_eq!(see(&at(vec![revision(1, Uninstalled, v1.clone())]), &want(v1.clone()), None), State::Absent);
    assert_eq!(see(&deployed, &want(v1.clone()), None), State::NeedsLive);
    assert_eq!(see(&deployed, &want(v1.clone()), Some(0)), State::Settled);
    assert_eq!(see(&deployed, &want(v1.clone()), Some(2)), State::Drifted(2));
    assert_eq!(see(&deployed, &want(v2.clone()), None), State::Outdated(Cause::Content));
    assert_eq!(see(&deployed, &want(v1_values.clone()), None), State::Outdated(Cause::Values));
    assert_eq!(see(&deployed, &want(v1_edited.clone()), Some(0)), State::Held, "the chart changed, its version did not");
    let by_revision = Want { strategy: Strategy::Revision, ..want(v1_edited) };
    assert_eq!(see(&deployed, &by_revision, Some(0)), State::Outdated(Cause::Content));
    assert_eq!(see(&at(vec![revision(3, PendingUpgrade, v1.clone())]), &want(v1.clone()), None), State::Locked { revision: 3 });
    let failed = at(vec![revision(1, Superseded, v1.clone()), revision(2, Failed, v2.clone())]);
    assert!(matches!(see(&failed, &want(v2.clone()), None), State::Failed { .. }));
    assert_eq!(see(&failed, &want(v1_values), None), State::Outdated(Cause::Content), "something newer is wanted than what failed");

    // After a rollback the deployed content is the old one; only the quarantine keeps the failed one away.
    let mut rolled_back = at(vec![revision(1, Superseded, v1.clone()), revision(2, Failed, v2.clone()), revision(3, Deployed, v1.clone())]);
    assert_eq!(see(&rolled_back, &want(v2.clone()), None), State::Outdated(Cause::Content));
    let quarantine = Quarantine { attempt: v2.clone(), message: "unhealthy".into(), since: Timestamp::UNIX_EPOCH, restored: Some(3) };
    rolled_back.quarantine = Some(quarantine.clone());
    assert_eq!(see(&rolled_back, &want(v2.clone()), None), State::NeedsLive, "what was put back is compared with the cluster too");
    assert_eq!(see(&rolled_back, &want(v2.clone()), Some(0)), State::Quarantined(quarantine.clone()));
    assert_eq!(see(&rolled_back, &want(v2.clone()), Some(1)), State::Quarantined(quarantine.clone()), "drift is shown only");
    let corrected = Want { correct_drift: true, ..want(v2.clone()) };
    assert_eq!(see(&rolled_back, &corrected, Some(1)), State::Drifted(1), "and corrected where that is asked for");
    let fixed_without_bump = attempt("2.0.0", "dd", "x");
    assert_eq!(see(&rolled_back, &want(fixed_without_bump), None), State::Outdated(Cause::Content), "new content lifts a quarantine");
    let asked = Facts { record: &rolled_back, drifted: None, requested: true, forced: false, now: Timestamp::UNIX_EPOCH };
    assert_eq!(observe(&want(v2), &asked), State::Outdated(Cause::Content), "so does a person");
    assert_eq!(see(&rolled_back, &want(v1), Some(0)), State::Settled, "and a revert in Git needs nothing");
}

#[test]
fn a_running_wait_is_superseded_but_a_rollback_is_finished() {
    let run = |action| run_of(2, action, attempt("2.0.0", "cc", "x"));
    for (action, superseded) in [(RunAction::Upgrade, true), (RunAction::Install, true), (RunAction::Rollback, false)] {
        let record = UnitRecord { run: Some(run(action)), ..UnitRecord::default() };
        assert_eq!(see(&record, &want(attempt("3.0.0", "dd", "x")), None), State::Running { superseded }, "{action:?}");
    }
}

#[test]
fn failures_are_answered() {
    use RevisionStatus::{Failed, Superseded};
    let (v1, v2) = (attempt("1.0.0", "aa", "x"), attempt("2.0.0", "cc", "x"));
    let upgrade = record(vec![revision(1, Superseded, v1.clone()), revision(2, Failed, v2.clone())]);
    let install = record(vec![revision(1, Failed, v2.clone())]);
    let answer = |record: &UnitRecord, want: &Want, failures: u32| {
        let record = UnitRecord { failures, ..record.clone() };
        decide(&see(&record, want, None), want, &record, &[])
    };
    let retry = |retries, remedy_last, strategy| Remedy { retries: Some(retries), remedy_last, strategy, ignore_tests: false, retry: None };

    let plain = want(v2.clone());
    assert_eq!(answer(&upgrade, &plain, 1), Decision::Act(Action::RollBack { to: 1 }));
    assert!(matches!(answer(&install, &plain, 1), Decision::Stall(_)), "a failed first install is kept");
    let flux = Want { upgrade: retry(2, false, RemedyStrategy::Rollback), ..plain.clone() };
    assert_eq!(answer(&upgrade, &flux, 1), Decision::Act(Action::RollBack { to: 1 }));
    assert!(matches!(answer(&upgrade, &flux, 3), Decision::Stall(_)), "the third failure is left as it is");
    let again = Remedy { retry: Some(jiff::SignedDuration::from_secs(5)), ..retry(0, true, RemedyStrategy::Rollback) };
    for record in [&upgrade, &install] {
        let again = Want { install: again, upgrade: again, ..plain.clone() };
        assert_eq!(answer(record, &again, 9), Decision::Act(Action::Upgrade(Cause::Retried)), "tried again, however often");
    }
    let uninstall = Want { upgrade: retry(0, true, RemedyStrategy::Uninstall), ..plain.clone() };
    assert_eq!(answer(&upgrade, &uninstall, 1), Decision::Act(Action::Uninstall));
    let install_retries = Want { install: retry(1, false, RemedyStrategy::Rollback), ..plain };
    assert_eq!(answer(&install, &install_retries, 1), Decision::Act(Action::Uninstall));
    assert!(matches!(answer(&install, &install_retries, 2), Decision::Stall(_)));
    assert!(quarantines(&Remedy::DEFAULT, 1));
    assert!(!quarantines(&retry(2, false, RemedyStrategy::Rollback), 2));
    assert!(quarantines(&retry(2, false, RemedyStrategy::Rollback), 3));
    assert!(!quarantines(&retry(-1, false, RemedyStrategy::Rollback), 99));
}

#[test]
fn what_is_deployed_is_tested_once() {
    use RevisionStatus::{Deployed, Failed, Superseded};
    let (v1, v2, v3) = (attempt("1.0.0", "aa", "x"), attempt("2.0.0", "cc", "x"), attempt("3.0.0", "dd", "x"));
    let with = |phase: Option<TestPhase>, revision: RevisionMeta| RevisionMeta {
        tests: Some([("t".to_owned(), TestRun { phase, ..TestRun::default() })].into()),
        ..revision
    };
    let testing = Want { tests: true, ..want(v2.clone()) };
    let ignoring = Want { upgrade: Remedy { ignore_tests: true, ..Remedy::DEFAULT }, ..testing.clone() };
    let last = |last: RevisionMeta| record(vec![revision(1, Superseded, v1.clone()), last]);
    let (passed, failed) = (Some(TestPhase::Succeeded), Some(TestPhase::Failed));
    let deployed = revision(2, Deployed, v2.clone());
    for (name, record, want, expect) in [
        ("never tested", last(deployed.clone()), &testing, State::Untested),
        ("without tests", last(RevisionMeta { tests: Some([].into()), ..deployed.clone() }), &testing, State::Settled),
        ("passed", last(with(passed, deployed.clone())), &testing, State::Settled),
        ("left out", last(with(None, deployed.clone())), &testing, State::Settled),
        ("failed and ignored", last(with(failed, deployed.clone())), &ignoring, State::Settled),
        ("ignored no more", last(with(failed, deployed.clone())), &testing, State::Untested),
        ("rolled back to", last(RevisionMeta { action: RunAction::Rollback, ..deployed.clone() }), &testing, State::Settled),
        ("not asked for", last(deployed.clone()), &want(v2.clone()), State::Settled),
    ] {
        assert_eq!(see(&record, want, Some(0)), expect, "{name}");
    }
    assert_eq!(decide(&State::Untested, &testing, &last(deployed.clone()), &[]), Decision::Act(Action::Test));
    // The way back passes over a revision whose test failed, unless that is ignored.
    let mut record = last(with(failed, RevisionMeta { status: Superseded, ..deployed }));
    record.history.push(revision(3, Failed, v3.clone()));
    for (want, to) in [(&testing, 1), (&ignoring, 2)] {
        let want = Want { attempt: v3.clone(), ..want.clone() };
        assert_eq!(decide(&see(&record, &want, None), &want, &record, &[]), Decision::Act(Action::RollBack { to }));
    }
}

#[test]
fn a_rollback_that_failed_is_tried_again() {
    use RevisionStatus::{Failed, Superseded};
    let (v1, v2) = (attempt("1.0.0", "aa", "x"), attempt("2.0.0", "cc", "x"));
    let rollback = RevisionMeta { action: RunAction::Rollback, ..revision(3, Failed, v1.clone()) };
    let mut stranded = record(vec![revision(1, Superseded, v1), revision(2, Failed, v2.clone()), rollback]);
    stranded.quarantine = Some(Quarantine { attempt: v2.clone(), message: "both".into(), since: Timestamp::UNIX_EPOCH, restored: None });
    let want2 = want(v2);
    let state = see(&stranded, &want2, None);
    assert_eq!(state, State::Failed { action: RunAction::Rollback, message: "both".into() });
    assert_eq!(decide(&state, &want2, &stranded, &[]), Decision::Act(Action::RollBack { to: 1 }));
    // Something newer is tried at once.
    let newer = want(attempt("3.0.0", "dd", "x"));
    assert_eq!(see(&stranded, &newer, None), State::Outdated(Cause::Content));
    // One that a person asked for, too; and never to a revision that was not good.
    (stranded.quarantine, stranded.pinned) = (None, Some(1));
    assert_eq!(decide(&see(&stranded, &want2, None), &want2, &stranded, &[]), Decision::Act(Action::RollBack { to: 1 }));
    stranded.pinned = Some(2);
    assert!(matches!(decide(&see(&stranded, &want2, None), &want2, &stranded, &[]), Decision::Stall(_)));
}

#[test]
fn the_order_of_steps_is_helms() {
    let shape = Shape { stages: vec![true, false], before: vec![0], after: vec![1], tests: Some(vec![2]), crds: true, wait: true };
    use Step::{Apply, Begin, CleanHooks, CleanTests, Crds, Established, Finish, Healthy, Hook, Prune, Test};
    assert_eq!(
        steps(RunAction::Upgrade, &shape),
        [
            Begin,
            Crds,
            Hook(0),
            CleanHooks { before: true },
            Apply(0),
            Established(0),
            Apply(1),
            Prune,
            Healthy,
            Hook(1),
            CleanHooks { before: false },
            Test(2),
            CleanTests,
            Finish
        ]
    );
    assert_eq!(steps(RunAction::Test, &shape), [Test(2), CleanTests, Finish]);
    assert!(!steps(RunAction::Rollback, &shape).contains(&Test(2)), "what was good is not tested again");
    let none = Shape::default();
    assert_eq!(steps(RunAction::Uninstall, &none), [Begin, Prune, Finish]);
}
