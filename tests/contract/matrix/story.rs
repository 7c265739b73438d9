//! The actions of the matrix: what is pushed or done, and what must come of it.

use crate::world::{World, example};
use serde_json::json;

/// A hook of every action, so that one that runs twice is seen.
const HOOK: &str = r#"apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations:
    helm.sh/hook: pre-upgrade,post-install,pre-rollback,pre-delete
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

/// An object that only the broken version has: nothing of it may stay.
const EXTRA: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-extra\ndata: {of: broken}\n";

/// An action, told in the order of a release's life; after the last the first can begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Install,
    Upgrade,
    /// A broken version: it fails, and goes back by itself.
    Rollback,
    /// A hand in the cluster.
    Drift,
    Uninstall,
}

/// What an action must come to.
pub struct End {
    /// Chart version that is live; `None` where nothing is left.
    pub version: Option<&'static str>,
    /// Statuses of Helm's records, oldest first, from revision 1 on.
    pub records: &'static [&'static str],
    /// Runs of the hook that the action takes.
    pub hooks: usize,
}

impl Action {
    pub const ALL: [Self; 5] = [Self::Install, Self::Upgrade, Self::Rollback, Self::Drift, Self::Uninstall];

    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback => "rollback",
            Self::Drift => "drift",
            Self::Uninstall => "uninstall",
        }
    }

    pub fn end(self) -> End {
        const BACK: &[&str] = &["superseded", "superseded", "failed", "deployed"];
        match self {
            Self::Install => End { version: Some("1.0.0"), records: &["deployed"], hooks: 1 },
            Self::Upgrade => End { version: Some("1.1.0"), records: &["superseded", "deployed"], hooks: 1 },
            Self::Rollback => End { version: Some("1.1.0"), records: BACK, hooks: 2 },
            Self::Drift => End { version: Some("1.1.0"), records: BACK, hooks: 0 },
            Self::Uninstall => End { version: None, records: &[], hooks: 1 },
        }
    }

    /// Does what begins the action.
    pub async fn begin(self, world: &World) {
        match self {
            Self::Install => {
                world.git.write("charts/web/templates/migrate.yaml", HOOK);
                world.git.discard("clusters/demo/namespace.yaml");
                world.git.discard("charts/web/templates/extra.yaml");
                push(world, "01-install");
            }
            Self::Upgrade => push(world, "02-upgrade"),
            Self::Rollback => {
                world.git.write("charts/web/templates/extra.yaml", EXTRA);
                push(world, "03-broken");
            }
            Self::Drift => {
                world.kubectl_patch("v1", "ConfigMap", "shop", "web-config", json!({"data": {"greeting": "Go away"}})).await;
            }
            Self::Uninstall => push(world, "05-removed"),
        }
    }
}

fn push(world: &World, step: &str) {
    // Nothing comes by an interval here: what happens is what the action brings.
    world.git.push_step(&example("web", step), &|text| text.replace("interval: 1m", "interval: 1h"));
}
