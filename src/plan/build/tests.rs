use super::*;
use crate::object::Origin;
use crate::plan::hook::Role;
use proptest::prelude::*;
use serde_json::json;

fn manifest(body: Json) -> Manifest {
    Manifest::new(body, Origin::default()).expect("complete")
}

fn object(api_version: &str, kind: &str, name: &str) -> Manifest {
    manifest(json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "data": {"a": "1"}}))
}

fn hook(kind: &str, name: &str, annotations: Json) -> Hook {
    let group = if kind == "Job" { "batch/v1" } else { "v1" };
    let body = json!({"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "shop", "annotations": annotations}});
    match Hook::role_of(&manifest(body)) {
        Role::Hook(hook) => *hook,
        other => panic!("{other:?}"),
    }
}

struct Case {
    run: Run,
    previous: Vec<Manifest>,
    inventory: BTreeSet<ObjectId>,
    desired: Vec<Manifest>,
    crds: Vec<Manifest>,
    hooks: Vec<Hook>,
    live: BTreeMap<ObjectId, Live>,
    policy: Policy,
}

impl Default for Case {
    fn default() -> Self {
        let policy = Policy { wait: true, ..Policy::default() };
        Self {
            run: Run::Upgrade,
            previous: vec![],
            inventory: BTreeSet::new(),
            desired: vec![],
            crds: vec![],
            hooks: vec![],
            live: BTreeMap::new(),
            policy,
        }
    }
}

impl Case {
    fn plan(&self) -> Plan {
        let subject = ObjectId::new("helm.toolkit.fluxcd.io", "HelmRelease", "shop", "web");
        let inputs = Inputs {
            run: self.run,
            subject: &subject,
            previous: &self.previous,
            inventory: &self.inventory,
            desired: &self.desired,
            crds: &self.crds,
            hooks: &self.hooks,
            live: &self.live,
        };
        plan(&inputs, &self.policy, &Redactor::new(b"k"))
    }
}

fn as_verified(list: &[Manifest]) -> BTreeMap<ObjectId, Live> {
    list.iter().map(|manifest| (manifest.id.clone(), Live::AsVerified)).collect()
}

#[test]
fn a_first_install_goes_through_all_stages() {
    let mut webhook = object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hook");
    webhook.body["webhooks"] = json!([{"clientConfig": {"service": {"name": "web", "namespace": "shop"}}}]);
    let desired = vec![
        webhook,
        object("example.com/v1", "Widget", "w"),
        object("apps/v1", "Deployment", "web"),
        object("v1", "Service", "web"),
        object("v1", "ConfigMap", "b"),
        object("v1", "ConfigMap", "a"),
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "gadgets"),
        object("scheduling.k8s.io/v1", "PriorityClass", "high"),
    ];
    let hooks = vec![
        hook(
            "Job",
            "migrate",
            json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "hook-succeeded,before-hook-creation"}),
        ),
        hook("ConfigMap", "early", json!({"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "-5"})),
        hook("Job", "smoke", json!({"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-failed"})),
        hook("Pod", "test", json!({"helm.sh/hook": "test"})),
    ];
    let live = desired.iter().map(|manifest| (manifest.id.clone(), Live::Absent)).collect();
    let policy = Policy { create_namespace: Some("shop".into()), crds: CrdPolicy::Create, wait: true, ..Policy::default() };
    let crds = vec![object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets")];
    let case = Case { run: Run::Install, desired, hooks, live, policy, crds, ..Case::default() };
    insta::assert_snapshot!(case.plan(), @r"
    plan: 10 to create, 0 to change, 0 to delete, 0 unchanged, 3 hooks to run
    1. namespaces and definitions
       + Namespace/shop (not there)
    2. record what is about to be done
       # HelmRelease/shop/web (record)
    3. namespaces and definitions
       + CustomResourceDefinition/shop/widgets (live state unknown)
    4. wait until definitions are served
       … CustomResourceDefinition/shop/widgets (needed next)
    5. pre-install hook
       - ConfigMap/shop/early (hook's delete policy)
       > ConfigMap/shop/early (hook)
    6. pre-install hook
       - Job/shop/migrate (hook's delete policy)
       > Job/shop/migrate (hook)
       … Job/shop/migrate (hook)
    7. pre-install hook
       - Job/shop/migrate (hook's delete policy)
    8. namespaces and definitions
       + CustomResourceDefinition/shop/gadgets (not there)
    9. wait until definitions are served
       … CustomResourceDefinition/shop/gadgets (needed next)
    10. cluster-wide classes and policy
       + PriorityClass/shop/high (not there)
    11. objects
       + ConfigMap/shop/a (not there)
       + ConfigMap/shop/b (not there)
       + Service/shop/web (not there)
       + Deployment/shop/web (not there)
    12. custom resources
       + Widget/shop/w (not there)
    13. wait until webhooks can answer
       … Service/shop/web (needed next)
    14. webhooks and API services
       + ValidatingWebhookConfiguration/shop/hook (not there)
    15. wait until healthy
       … CustomResourceDefinition/shop/gadgets (health)
       … Service/shop/web (health)
       … Deployment/shop/web (health)
       … Widget/shop/w (health)
    16. post-install hook
       > Job/shop/smoke (hook)
       … Job/shop/smoke (hook)
    17. record the result
       # HelmRelease/shop/web (record)
    ");
}

#[test]
fn only_what_differs_is_sent() {
    let previous = vec![
        object("v1", "ConfigMap", "same"),
        object("v1", "ConfigMap", "edited"),
        object("v1", "ConfigMap", "gone"),
        object("v1", "Namespace", "old"),
    ];
    let mut desired = previous[..2].to_vec();
    desired[1].body["data"] = json!({"a": "2", "b": "3"});
    desired.push(object("v1", "Secret", "new"));
    let mut live = as_verified(&previous);
    live.insert(desired[2].id.clone(), Live::Absent);
    let case = Case { previous, desired, live, ..Case::default() };
    insta::assert_snapshot!(case.plan(), @r"
    plan: 1 to create, 1 to change, 1 to delete, 1 unchanged, 0 hooks to run
    1. record what is about to be done
       # HelmRelease/shop/web (record)
    2. objects
       + Secret/shop/new (not there)
       ~ ConfigMap/shop/edited (edited in the source)
           ~ .data.a: 1 -> 2
           + .data.b: 3
       = ConfigMap/shop/same (as desired)
    3. delete what is no longer desired
       - ConfigMap/shop/gone (no longer desired)
    4. record the result
       # HelmRelease/shop/web (record)
    left alone: Namespace/shop/old (its kind is not pruned without opt-in)
    ");
}

#[test]
fn each_state_of_a_live_object_has_its_answer() {
    let one = object("v1", "ConfigMap", "c");
    let mut new = one.clone();
    new.body["data"]["a"] = json!("2");
    let seen = |data: Json, dry_run: Option<Json>, ours| {
        let body = |data: Json| json!({"kind": "ConfigMap", "metadata": {"name": "c", "resourceVersion": "9"}, "data": data});
        Live::Seen { live: body(data), dry_run: dry_run.map(body), ours }
    };
    let (a1, a2, a9) = (json!({"a": "1"}), json!({"a": "2"}), json!({"a": "9", "x": "y"}));
    let (created, change) = (Action::Create, Action::Change);
    let old = Some(&one);
    for (previous, desired, live, want, changes) in [
        (old, &one, Some(Live::AsVerified), (Action::Unchanged, Reason::AsVerified), 0),
        (old, &new, Some(Live::AsVerified), (change, Reason::Edited), 1),
        (None, &one, Some(Live::AsVerified), (change, Reason::Unverified), 0),
        (old, &one, Some(Live::Absent), (created, Reason::NotThere), 0),
        (old, &one, None, (change, Reason::Unverified), 0),
        (old, &new, None, (change, Reason::Edited), 1),
        (None, &one, None, (created, Reason::Unverified), 0),
        (old, &one, Some(seen(a1.clone(), Some(a1.clone()), true)), (Action::Unchanged, Reason::AsVerified), 0),
        (old, &one, Some(seen(a9.clone(), Some(a1.clone()), true)), (change, Reason::Drifted), 2),
        (old, &new, Some(seen(a1.clone(), Some(a2.clone()), true)), (change, Reason::Edited), 1),
        (old, &new, Some(seen(a2.clone(), Some(a2), true)), (Action::Unchanged, Reason::AsVerified), 0),
        (None, &one, Some(seen(a1.clone(), Some(a1), false)), (change, Reason::Adopted), 0),
        (old, &one, Some(seen(a9, None, true)), (change, Reason::Unverified), 3),
    ] {
        let live_map = live.clone().map(|live| (one.id.clone(), live)).into_iter().collect();
        let case =
            Case { previous: previous.cloned().into_iter().collect(), desired: vec![desired.clone()], live: live_map, ..Case::default() };
        let plan = case.plan();
        let op = plan.stages.iter().find(|stage| stage.kind == StageKind::Workloads).map(|stage| &stage.ops[0]).expect("one operation");
        assert_eq!(((op.action, op.reason), op.changes.len()), (want, changes), "{live:?}: {:?}", op.changes);
    }
}

#[test]
fn uninstalls_delete_in_reverse_and_keep_what_asks_for_it() {
    let mut kept = object("v1", "Secret", "kept");
    kept.body["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    let previous =
        vec![object("v1", "ConfigMap", "c"), object("apps/v1", "Deployment", "web"), object("v1", "PersistentVolumeClaim", "data"), kept];
    let hooks = vec![hook("Job", "bye", json!({"helm.sh/hook": "pre-delete"}))];
    let desired = previous.clone();
    let case = Case { run: Run::Uninstall, previous, desired, hooks, ..Case::default() };
    insta::assert_snapshot!(case.plan(), @r"
    plan: 0 to create, 0 to change, 2 to delete, 0 unchanged, 1 hooks to run
    1. record what is about to be done
       # HelmRelease/shop/web (record)
    2. pre-delete hook
       - Job/shop/bye (hook's delete policy)
       > Job/shop/bye (hook)
       … Job/shop/bye (hook)
    3. delete what is no longer desired
       - Deployment/shop/web (no longer desired)
       - ConfigMap/shop/c (no longer desired)
    4. record the result
       # HelmRelease/shop/web (record)
    left alone: PersistentVolumeClaim/shop/data (its kind is not pruned without opt-in)
    left alone: Secret/shop/kept (helm.sh/resource-policy: keep)
    ");
}

#[test]
fn a_correction_runs_no_hooks_and_records_nothing() {
    let desired = vec![object("v1", "ConfigMap", "c")];
    let hooks = vec![hook("Job", "j", json!({"helm.sh/hook": "pre-upgrade"}))];
    let previous = vec![object("v1", "ConfigMap", "c"), object("v1", "ConfigMap", "d")];
    let kinds = |run| -> Vec<StageKind> {
        let case = Case { run, desired: desired.clone(), hooks: hooks.clone(), previous: previous.clone(), ..Case::default() };
        case.plan().stages.iter().map(|stage| stage.kind).collect()
    };
    assert_eq!(kinds(Run::Correct), [StageKind::Workloads]);
    assert_eq!(kinds(Run::Bundle), [StageKind::RecordIntent, StageKind::Workloads, StageKind::Prune, StageKind::Record]);
}

#[test]
fn crds_of_the_folder_follow_their_policy() {
    let crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets");
    let seen = |data: Json| Live::Seen { live: json!({"data": data}), dry_run: Some(json!({"data": {"a": "1"}})), ours: true };
    for (policy, live, action, held) in [
        (CrdPolicy::Skip, Live::Absent, None, 1),
        (CrdPolicy::Skip, seen(json!({"a": "0"})), None, 1),
        (CrdPolicy::Skip, seen(json!({"a": "1"})), Some(Action::Unchanged), 0),
        (CrdPolicy::Create, Live::Absent, Some(Action::Create), 0),
        (CrdPolicy::Create, seen(json!({"a": "0"})), None, 1),
        (CrdPolicy::CreateReplace, seen(json!({"a": "0"})), Some(Action::Change), 0),
    ] {
        let live = [(crd.id.clone(), live)].into();
        let case = Case { crds: vec![crd.clone()], live, policy: Policy { crds: policy, ..Policy::default() }, ..Case::default() };
        let plan = case.plan();
        let ops: Vec<_> = plan.stages.iter().filter(|stage| stage.kind == StageKind::Foundations).flat_map(|stage| &stage.ops).collect();
        assert_eq!((ops.first().map(|op| op.action), plan.held.len()), (action, held), "{policy:?}");
        let waits = plan.stages.iter().any(|stage| stage.kind == StageKind::WaitFoundations);
        assert_eq!(waits, matches!(action, Some(Action::Create | Action::Change)));
    }
}

#[test]
fn annotations_leave_objects_alone() {
    let annotated = |key: &str, value: &str| {
        let mut manifest = object("v1", "ConfigMap", "c");
        manifest.body["metadata"]["annotations"] = json!({format!("kustomize.toolkit.fluxcd.io/{key}"): value});
        manifest
    };
    for (manifest, live, want) in [
        (annotated("reconcile", "disabled"), Live::Absent, Some(Hold::ReconcileDisabled)),
        (annotated("ssa", "Ignore"), Live::Absent, Some(Hold::ReconcileDisabled)),
        (annotated("ssa", "IfNotPresent"), Live::AsVerified, Some(Hold::OnlyIfNotPresent)),
        (annotated("ssa", "IfNotPresent"), Live::Absent, None),
        (annotated("ssa", "Merge"), Live::Absent, None),
    ] {
        let live = [(manifest.id.clone(), live)].into();
        let plan = Case { run: Run::Bundle, desired: vec![manifest], live, ..Case::default() }.plan();
        assert_eq!(plan.held.first().map(|held| held.why), want, "{plan}");
    }
}

#[test]
fn too_many_deletions_ask_first() {
    let previous: Vec<_> = (0..30).map(|n| object("v1", "ConfigMap", &format!("c{n:02}"))).collect();
    let case = Case { desired: previous[..5].to_vec(), previous, ..Case::default() };
    let plan = case.plan();
    assert_eq!(
        plan.approval.as_ref().map(ToString::to_string),
        Some("needs approval: would delete 25 of 30 objects, the budget is 20".into())
    );
    let approved = Case { policy: Policy { prune: PrunePolicy { approved: true, ..PrunePolicy::default() }, ..Policy::default() }, ..case };
    assert_eq!(approved.plan().approval, None);
    assert_eq!(approved.plan().counts().delete, 25);
}

#[test]
fn no_secret_is_in_a_plan() {
    let secret = |value: &str| {
        manifest(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "stringData": {"p": value}}))
    };
    let case = Case { previous: vec![secret("canary-old")], desired: vec![secret("canary-new")], ..Case::default() };
    let plan = case.plan();
    let text = format!("{plan}{plan:?}{}", serde_json::to_string(&plan).expect("json"));
    assert!(!text.contains("canary") && text.contains(".stringData.p: changed (10 B -> 10 B, #"), "{text}");
}

proptest! {
    #[test]
    fn the_order_of_the_input_does_not_matter(mut names in proptest::collection::vec(("(ConfigMap|Secret|Service|Widget)", "[a-c]"), 0..8), seed in any::<u64>()) {
        names.sort();
        names.dedup();
        let desired: Vec<_> = names.iter().map(|(kind, name)| object("v1", kind, name)).collect();
        let mut shuffled = desired.clone();
        let len = shuffled.len().max(1);
        shuffled.rotate_left(usize::try_from(seed % 7).expect("small") % len);
        let text = |desired: Vec<Manifest>| Case { desired, ..Case::default() }.plan().to_string();
        prop_assert_eq!(text(desired.clone()), text(shuffled));
        let plan = Case { previous: desired.clone(), live: as_verified(&desired), desired, ..Case::default() }.plan();
        prop_assert!(plan.writes_nothing());
        let round: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("json")).expect("plan");
        prop_assert_eq!(round, plan);
    }
}
