//! The steps of a run. Each is idempotent or finds out by itself what was done, so that a resumed run may repeat the one it was cut off in.

use super::record::RunAction;
use serde::{Deserialize, Serialize};

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Write the record of the new revision as pending.
    Begin,
    /// Bring the CRDs of `crds/` in, as the policy says, and wait until they are established.
    Crds,
    /// Run the hook with this index, and wait for it.
    Hook(usize),
    /// Delete the hooks of this moment that ask for it once all have succeeded. A step of its own: a hook that is known to have run is
    /// never run again because its object is gone.
    CleanHooks {
        /// Those that ran before, or those that ran after.
        before: bool,
    },
    /// Apply the stage with this index.
    Apply(usize),
    /// Wait until what was applied at this stage index is established (namespaces, CRDs).
    Established(usize),
    /// Delete what is no longer wanted.
    Prune,
    /// Wait until all is healthy.
    Healthy,
    /// Run the test with this hook index, and wait for it.
    Test(usize),
    /// Delete the tests that ask for it once all have succeeded.
    CleanTests,
    /// Record the revision as deployed and the one before as superseded.
    Finish,
}

impl Step {
    /// Whether the step writes to objects of the unit: then its intent is stored before.
    #[must_use]
    pub fn writes(self) -> bool {
        !matches!(self, Self::Established(_) | Self::Healthy)
    }
}

/// What the steps depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Stages of the apply; `true` where the next may begin only when its objects are established.
    pub stages: Vec<bool>,
    /// Indexes of the hooks that run before, in order.
    pub before: Vec<usize>,
    /// Indexes of the hooks that run after, in order.
    pub after: Vec<usize>,
    /// Indexes of the tests, in order; `None` where there is no testing.
    pub tests: Option<Vec<usize>>,
    /// Whether there are CRDs in `crds/` that the policy may write.
    pub crds: bool,
    /// Whether health is waited for.
    pub wait: bool,
}

/// The steps of a run, in order: Helm's, with our waits between the stages.
#[must_use]
pub fn steps(action: RunAction, shape: &Shape) -> Vec<Step> {
    let tests = || {
        let list = shape.tests.iter().flatten().map(|&i| Step::Test(i));
        list.chain(shape.tests.iter().map(|_| Step::CleanTests))
    };
    if action == RunAction::Test {
        return tests().chain([Step::Finish]).collect();
    }
    let mut out = vec![Step::Begin];
    if shape.crds && action != RunAction::Uninstall {
        out.push(Step::Crds);
    }
    let hooks = |out: &mut Vec<Step>, list: &[usize], before: bool| {
        out.extend(list.iter().map(|&i| Step::Hook(i)));
        if !list.is_empty() {
            out.push(Step::CleanHooks { before });
        }
    };
    hooks(&mut out, &shape.before, true);
    for (i, &establish) in shape.stages.iter().enumerate() {
        out.push(Step::Apply(i));
        if establish {
            out.push(Step::Established(i));
        }
    }
    out.push(Step::Prune);
    if shape.wait && action != RunAction::Uninstall {
        out.push(Step::Healthy);
    }
    hooks(&mut out, &shape.after, false);
    if matches!(action, RunAction::Install | RunAction::Upgrade) {
        out.extend(tests());
    }
    out.push(Step::Finish);
    out
}
