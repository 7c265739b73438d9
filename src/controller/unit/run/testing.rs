//! Helm tests: hooks that run once the release is deployed and healthy.

use super::super::Unit;
use super::{Done, Scene, StepResult};
use crate::api::helm::TestFilter;
use crate::plan::hook::{Event, Hook, sequence};
use crate::release::{Fault, RunAction, TestPhase, TestRun};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The indexes of the tests that run, in order: those that a filter names, or all, without those that a filter excludes.
pub(super) fn chosen(hooks: &[Hook], filters: &[TestFilter]) -> Vec<usize> {
    let named = |name: &str, exclude: bool| filters.iter().any(|f| f.exclude == exclude && f.name == name);
    let all = filters.iter().all(|f| f.exclude);
    let runs = |index: &usize| {
        let name = &hooks[*index].manifest.id.name;
        !named(name, true) && (all || named(name, false))
    };
    sequence(hooks, Event::Test).into_iter().filter(runs).collect()
}

impl Scene<'_> {
    /// Runs one test. As in Helm, those after one that failed do not run.
    pub(super) async fn test(&self, unit: &mut Unit, index: usize) -> StepResult {
        if self.tests(unit).values().any(|test| test.phase == Some(TestPhase::Failed)) {
            return Ok(Done::Yes);
        }
        let name = &self.target.hooks[index].manifest.id.name;
        let test = self.tests(unit).entry(name.clone()).or_default();
        if test.phase.is_none() {
            *test = TestRun { started: Some(Timestamp::now()), phase: Some(TestPhase::Running), ..TestRun::default() };
        }
        let timeout = self.prepared.spec.policy(RunAction::Test).timeout;
        let result = self.run_hook(unit, index, "test", timeout, self.shape.tests.as_deref().unwrap_or_default()).await;
        let phase = match &result {
            Ok(Done::Yes) => TestPhase::Succeeded,
            Err(failure) if failure.fault == Fault::Content => TestPhase::Failed,
            _ => return result,
        };
        let test = self.tests(unit).entry(name.clone()).or_default();
        (test.completed, test.phase) = (Some(Timestamp::now()), Some(phase));
        test.message = result.as_ref().err().map(|failure| failure.message.clone()).unwrap_or_default();
        match result {
            Err(failure) if self.ignores(unit) => {
                tracing::warn!(unit = %self.key, "{}; ignored as the spec says", failure.message);
                Ok(Done::Yes)
            }
            other => other,
        }
    }

    /// All tests have run: those that ask for it are deleted. A chart without tests counts as tested.
    pub(super) async fn tested(&self, unit: &mut Unit) -> StepResult {
        if !self.tests(unit).values().any(|test| test.phase == Some(TestPhase::Failed)) {
            self.clean_hooks(self.shape.tests.as_deref().unwrap_or_default()).await?;
        }
        Ok(Done::Yes)
    }

    fn ignores(&self, unit: &Unit) -> bool {
        let install = unit.record().revision(self.run.revision).is_some_and(|r| r.action == RunAction::Install);
        let want = &self.prepared.want;
        if install { want.install.ignore_tests } else { want.upgrade.ignore_tests }
    }

    /// What is noted of the tests of this revision; those that are left out are named too.
    fn tests<'u>(&self, unit: &'u mut Unit) -> &'u mut BTreeMap<String, TestRun> {
        let all = || sequence(&self.target.hooks, Event::Test).into_iter().map(|i| self.target.hooks[i].manifest.id.name.clone());
        let revision = unit.record_mut().revision_mut(self.run.revision).expect("a run has its revision in the history");
        revision.tests.get_or_insert_with(|| all().map(|name| (name, TestRun::default())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Manifest, Origin};
    use crate::plan::hook::Role;
    use serde_json::json;

    #[test]
    fn filters_choose_as_helms_do() {
        let hook = |name: &str| {
            let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": {"helm.sh/hook": "test"}}});
            match Hook::role_of(&Manifest::new(body, Origin::default()).expect("complete")) {
                Role::Hook(hook) => *hook,
                other => panic!("{other:?}"),
            }
        };
        let hooks = [hook("a"), hook("b"), hook("c")];
        for (filters, expect) in [
            (vec![], vec!["a", "b", "c"]),
            (vec![("b", false)], vec!["b"]),
            (vec![("b", true)], vec!["a", "c"]),
            (vec![("a", false), ("b", false), ("b", true)], vec!["a"]),
            (vec![("nobody", false)], vec![]),
            (vec![("nobody", true)], vec!["a", "b", "c"]),
        ] {
            let list: Vec<TestFilter> =
                filters.iter().map(|(name, exclude)| TestFilter { name: (*name).into(), exclude: *exclude }).collect();
            let names: Vec<&str> = chosen(&hooks, &list).into_iter().map(|i| hooks[i].manifest.id.name.as_str()).collect();
            assert_eq!(names, expect, "{filters:?}");
        }
    }
}
