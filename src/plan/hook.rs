//! Helm hooks as data: when, in which order, and when their objects go.

use super::order;
use crate::object::Manifest;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A hook of a release: an object with the events that it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// The object, with its hook annotations.
    pub manifest: Manifest,
    /// When it runs.
    pub events: Vec<Event>,
    /// Lower runs earlier.
    pub weight: i32,
    /// When its object is deleted.
    pub delete_policies: Vec<DeletePolicy>,
}

/// A moment at which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Before the first object of a first install.
    PreInstall,
    /// After a first install.
    PostInstall,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before a rollback.
    PreRollback,
    /// After a rollback.
    PostRollback,
    /// Before an uninstall.
    PreDelete,
    /// After an uninstall.
    PostDelete,
    /// When the release is tested.
    Test,
}

impl Event {
    /// The name that charts use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::Test => "test",
        }
    }

    /// Reads the name that charts use; `test-success` is the name that Helm 2 had for `test`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When a hook's object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePolicy {
    /// What an earlier run left goes before the hook is made again. The default.
    BeforeHookCreation,
    /// After all hooks of the event have succeeded.
    HookSucceeded,
    /// As soon as it has failed.
    HookFailed,
}

impl DeletePolicy {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "before-hook-creation" => Self::BeforeHookCreation,
            "hook-succeeded" => Self::HookSucceeded,
            "hook-failed" => Self::HookFailed,
            _ => return None,
        })
    }
}

/// The annotation that makes an object a hook.
pub const HOOK: &str = "helm.sh/hook";
/// The annotation with a hook's weight.
pub const WEIGHT: &str = "helm.sh/hook-weight";
/// The annotation with a hook's delete policies.
pub const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// What an object is to a release.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// An ordinary object.
    Object,
    /// A hook.
    Hook(Box<Hook>),
    /// Neither: it asks for an event that does not exist (Helm 2's `crd-install`, a typing error). Helm passes over
    /// it in silence; this is the annotation, so that it can be told.
    UnknownHook(String),
}

impl Hook {
    /// Reads the hook annotations. As in Helm, names are compared in lower case, one unknown event makes the object
    /// neither hook nor object, a weight that is no number is 0, and unknown policies are passed over.
    #[must_use]
    pub fn role_of(manifest: &Manifest) -> Role {
        let Some(asked) = manifest.annotation(HOOK) else { return Role::Object };
        let words = |text: &str| text.split(',').map(|word| word.trim().to_lowercase()).collect::<Vec<_>>();
        let events: Option<Vec<_>> = words(asked).iter().map(|word| Event::parse(word)).collect();
        let Some(events) = events else { return Role::UnknownHook(asked.to_owned()) };
        let policies = words(manifest.annotation(DELETE_POLICY).unwrap_or_default());
        let mut delete_policies: Vec<_> = policies.iter().filter_map(|word| DeletePolicy::parse(word)).collect();
        if delete_policies.is_empty() {
            delete_policies.push(DeletePolicy::BeforeHookCreation);
        }
        let weight = manifest.annotation(WEIGHT).and_then(|text| text.parse().ok()).unwrap_or(0);
        Role::Hook(Box::new(Self { manifest: manifest.clone(), events, weight, delete_policies }))
    }

    /// Whether the hook asks for this deletion. CRDs are never deleted: that would take every object of theirs along.
    #[must_use]
    pub fn deletes(&self, policy: DeletePolicy) -> bool {
        self.manifest.id.kind != "CustomResourceDefinition" && self.delete_policies.contains(&policy)
    }
}

/// The indices of the hooks of one event, in the order in which they run: weight, then name, then kind (install order).
/// Helm's documentation names kind before name; its code does it this way around, and charts were made to work with the code.
#[must_use]
pub fn sequence(hooks: &[Hook], event: Event) -> Vec<usize> {
    let mut found: Vec<usize> = (0..hooks.len()).filter(|n| hooks[*n].events.contains(&event)).collect();
    found.sort_by(|a, b| compare(&hooks[*a], &hooks[*b]));
    found
}

fn compare(a: &Hook, b: &Hook) -> Ordering {
    let (ia, ib) = (&a.manifest.id, &b.manifest.id);
    (a.weight.cmp(&b.weight))
        .then_with(|| ia.name.cmp(&ib.name))
        .then_with(|| order::helm_install_rank(&ia.kind).cmp(&order::helm_install_rank(&ib.kind)))
        .then_with(|| ia.kind.cmp(&ib.kind))
        .then_with(|| ia.namespace.cmp(&ib.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Origin;
    use serde_json::json;

    fn object(kind: &str, name: &str, annotations: &[(&str, &str)]) -> Manifest {
        let annotations: serde_json::Map<_, _> = annotations.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        let body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "annotations": annotations}});
        Manifest::new(body, Origin::default()).expect("complete")
    }

    #[test]
    fn annotations_are_read_as_helm_reads_them() {
        type Read = (Vec<Event>, i32, Vec<DeletePolicy>);
        let default = vec![DeletePolicy::BeforeHookCreation];
        type Case<'a> = (&'a [(&'a str, &'a str)], Result<Read, &'a str>);
        let table: Vec<Case<'_>> = vec![
            (&[], Err("object")),
            (&[(WEIGHT, "3")], Err("object")),
            (&[(HOOK, "crd-install")], Err("crd-install")),
            (&[(HOOK, "pre-install, nonsense")], Err("pre-install, nonsense")),
            (&[(HOOK, "pre-install, Post-Upgrade")], Ok((vec![Event::PreInstall, Event::PostUpgrade], 0, default.clone()))),
            (&[(HOOK, "test-success"), (WEIGHT, "-5")], Ok((vec![Event::Test], -5, default))),
            (
                &[(HOOK, "pre-delete"), (WEIGHT, "five"), (DELETE_POLICY, "hook-succeeded,hook-failed,x")],
                Ok((vec![Event::PreDelete], 0, vec![DeletePolicy::HookSucceeded, DeletePolicy::HookFailed])),
            ),
        ];
        for (annotations, want) in table {
            let got = match Hook::role_of(&object("Job", "j", annotations)) {
                Role::Hook(hook) => Ok((hook.events, hook.weight, hook.delete_policies)),
                Role::Object => Err("object".to_owned()),
                Role::UnknownHook(text) => Err(text),
            };
            assert_eq!(got, want.map_err(str::to_owned), "{annotations:?}");
        }
    }

    fn hook(kind: &str, name: &str, weight: &str) -> Hook {
        match Hook::role_of(&object(kind, name, &[(HOOK, "pre-install"), (WEIGHT, weight)])) {
            Role::Hook(hook) => *hook,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn hooks_run_by_weight_then_name_then_kind() {
        let hooks = [
            hook("Job", "b", "0"),
            hook("Job", "a", "0"),
            hook("ServiceAccount", "a", "0"),
            hook("Zoo", "a", "0"),
            hook("ConfigMap", "c", "0"),
            hook("Job", "last", "1"),
            hook("Job", "zz-first", "-1"),
        ];
        let names: Vec<_> = sequence(&hooks, Event::PreInstall).into_iter().map(|n| hooks[n].manifest.id.to_string()).collect();
        assert_eq!(names, ["Job/zz-first", "ServiceAccount/a", "Job/a", "Zoo/a", "Job/b", "ConfigMap/c", "Job/last"]);
        assert!(sequence(&hooks, Event::Test).is_empty());
    }

    #[test]
    fn a_crd_hook_is_never_deleted() {
        assert!(!hook("CustomResourceDefinition", "x", "0").deletes(DeletePolicy::BeforeHookCreation));
        assert!(hook("Job", "x", "0").deletes(DeletePolicy::BeforeHookCreation));
    }
}
