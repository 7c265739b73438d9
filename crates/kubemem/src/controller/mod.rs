//! The control plane's own work: it follows every change and brings the rest of the state in line with it.
//!
//! One task takes work from a queue; each piece of work looks at the state anew and may ask to be called again later.

mod aggregate;
mod bootstrap;
mod budget;
mod claim;
mod crd;
mod cron_job;
mod daemon_set;
mod deployment;
mod event;
mod garbage;
mod job;
mod namespace;
mod node;
mod pod;
mod pods;
mod queue;
mod quota;
mod replica_set;
mod scaler;
mod service;
mod stateful_set;

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) use bootstrap::{bootstrap, restore};
pub(crate) use pod::duration;

use crate::resource::TableKey;
use crate::server::Core;
use crate::store::{ChangeKind, Noticed, Place, controller_of, owners};
use crate::verb::Call;
use queue::Queue;

/// The name that the controllers write under.
const MANAGER: &str = "kube-controller-manager";

/// A piece of work: what to look at, and who does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    task: Task,
    place: Place,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    NamespaceContents,
    NamespaceDefaults,
    Orphan,
    Collect,
    Crd,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Scaler,
    Quota,
    Pod,
    Claim,
    Volume,
    Service,
    Budget,
    Aggregate,
}

/// What controllers remember between looks; nothing here is the truth about an object.
#[derive(Debug, Default)]
struct Memory {
    /// since when an object is in a stage, by uid
    stages: HashMap<String, (String, Duration)>,
    /// the server's clock at the work that is being done
    now: Duration,
}

impl Memory {
    /// How long an object has been in a stage; a new stage starts now.
    fn in_stage(&mut self, uid: &str, stage: &str) -> Duration {
        let now = self.now;
        let entry = self.stages.entry(uid.to_owned()).or_insert_with(|| (stage.to_owned(), now));
        if entry.0 != stage {
            *entry = (stage.to_owned(), now);
        }
        now - entry.1
    }

    /// What is left of a delay that starts with a stage.
    fn left(&mut self, uid: &str, stage: &str, delay: Duration) -> Option<Duration> {
        delay.checked_sub(self.in_stage(uid, stage)).filter(|left| !left.is_zero())
    }
}

/// Follows changes until the server is gone.
pub(crate) async fn run(weak: Weak<Core>, mut noticed: UnboundedReceiver<Noticed>) {
    let mut queue = Queue::default();
    let mut memory = Memory::default();
    loop {
        while let Ok(change) = noticed.try_recv() {
            let Some(core) = weak.upgrade() else { return };
            core.call(|call| follow(call, &change, &mut queue, &mut memory));
        }
        let Some(core) = weak.upgrade() else { return };
        memory.now = core.clock.elapsed();
        queue.ripen(memory.now);
        if let Some(work) = queue.next() {
            let again = core.call(|call| perform(call, &work, &mut memory));
            if let Some(after) = again {
                queue.later(work, memory.now + after.max(Duration::from_millis(1)));
            }
            drop(core);
            tokio::task::yield_now().await;
            continue;
        }
        // idle; the server must be able to end meanwhile
        let clock = core.clock.clone();
        drop(core);
        let change = tokio::select! {
            biased;
            change = noticed.recv() => change,
            () = clock.idle_until(queue.next_time()) => continue,
        };
        let (Some(change), Some(core)) = (change, weak.upgrade()) else { return };
        core.call(|call| follow(call, &change, &mut queue, &mut memory));
    }
}

/// Which work a change calls for.
fn follow(call: &mut Call<'_>, change: &Noticed, queue: &mut Queue, memory: &mut Memory) {
    let simulate = call.options.simulate_workloads;
    let place = &change.place;
    let mut add = |task: Task, place: Place| queue.now(Work { task, place });
    let object = &change.object;
    let gone = change.kind == ChangeKind::Deleted;
    let dying = object["metadata"]["deletionTimestamp"].is_string();
    if gone {
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            memory.stages.remove(uid);
            for dependent in call.store.dependents(uid) {
                add(Task::Collect, dependent);
            }
        }
        for uid in owners(object) {
            if let Some(owner) = call.store.by_uid(&uid) {
                add(Task::Orphan, owner.clone());
            }
        }
        let namespace = &place.name.namespace;
        let namespace = Place { table: TableKey::new("", "namespaces"), name: crate::store::ObjectName::new("", namespace) };
        if call.store.at(&namespace).is_some_and(|ns| ns["metadata"]["deletionTimestamp"].is_string()) {
            add(Task::NamespaceContents, namespace);
        }
        if let Some(crd) = crd::of_table(call, &place.table) {
            add(Task::Crd, crd);
        }
    } else {
        let owned = &object["metadata"]["ownerReferences"];
        if !owned.is_null() && change.previous.as_ref().is_none_or(|old| old["metadata"]["ownerReferences"] != *owned) {
            add(Task::Collect, place.clone());
        }
        if dying {
            add(Task::Orphan, place.clone());
        }
    }
    quota::of_namespace(call, &place.name.namespace).into_iter().for_each(|quota| add(Task::Quota, quota));
    match (place.table.group.as_str(), place.table.plural.as_str()) {
        ("", "namespaces") if !gone => {
            add(Task::NamespaceContents, place.clone());
            add(Task::NamespaceDefaults, place.clone());
        }
        ("", "serviceaccounts" | "configmaps") if gone => {
            add(Task::NamespaceDefaults, namespace::place(&place.name.namespace));
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => add(Task::Crd, place.clone()),
        ("rbac.authorization.k8s.io", "clusterroles") => {
            let selecting = aggregate::selecting(call, object, change.previous.as_deref());
            selecting.into_iter().for_each(|role| add(Task::Aggregate, role));
        }
        _ => {}
    }
    if !simulate {
        return;
    }
    match (place.table.group.as_str(), place.table.plural.as_str()) {
        ("apps", "deployments") => add(Task::Deployment, place.clone()),
        ("apps", "replicasets") => {
            add(Task::ReplicaSet, place.clone());
            owner_work(call, object, &mut add);
        }
        ("apps", "statefulsets") => add(Task::StatefulSet, place.clone()),
        ("apps", "daemonsets") => add(Task::DaemonSet, place.clone()),
        ("batch", "jobs") => {
            add(Task::Job, place.clone());
            owner_work(call, object, &mut add);
        }
        ("batch", "cronjobs") => add(Task::CronJob, place.clone()),
        ("autoscaling", "horizontalpodautoscalers") if change.kind == ChangeKind::Added => add(Task::Scaler, place.clone()),
        ("", "persistentvolumeclaims") => {
            add(Task::Claim, place.clone());
            for pod in pods::waiting_for_claim(call, &place.name.namespace, &place.name.name) {
                add(Task::Pod, pod);
            }
        }
        ("", "persistentvolumes") => add(Task::Volume, place.clone()),
        ("policy", "poddisruptionbudgets") => add(Task::Budget, place.clone()),
        ("", "services") => add(Task::Service, place.clone()),
        ("", "serviceaccounts") if change.kind == ChangeKind::Added => {
            for work in [
                ("apps", "replicasets", Task::ReplicaSet),
                ("apps", "statefulsets", Task::StatefulSet),
                ("apps", "daemonsets", Task::DaemonSet),
                ("batch", "jobs", Task::Job),
            ] {
                let table = TableKey::new(work.0, work.1);
                for object in call.store.list(&table, &place.name.namespace) {
                    add(work.2, pods::place_of(&table, &object));
                }
            }
        }
        ("", "pods") => {
            add(Task::Pod, place.clone());
            owner_work(call, object, &mut add);
            let readiness = |pod: &Value| {
                (
                    pods::is_ready(pod),
                    pod["status"]["podIP"].clone(),
                    pod["metadata"]["labels"].clone(),
                    pod["metadata"]["deletionTimestamp"].is_string(),
                )
            };
            let changed = gone || change.previous.as_ref().is_none_or(|old| readiness(old) != readiness(object));
            if changed {
                for service in service::selecting(call, &place.name.namespace, object, change.previous.as_deref()) {
                    add(Task::Service, service);
                }
                for budget in budget::selecting(call, &place.name.namespace, object) {
                    add(Task::Budget, budget);
                }
            }
        }
        _ => {}
    }
}

/// Work for the controller of an object.
fn owner_work(call: &Call<'_>, object: &Value, add: &mut impl FnMut(Task, Place)) {
    let Some(owner) = controller_of(object).and_then(|uid| call.store.by_uid(uid)) else { return };
    let task = match owner.table.plural.as_str() {
        "deployments" => Task::Deployment,
        "replicasets" => Task::ReplicaSet,
        "statefulsets" => Task::StatefulSet,
        "daemonsets" => Task::DaemonSet,
        "jobs" => Task::Job,
        "cronjobs" => Task::CronJob,
        _ => return,
    };
    add(task, owner.clone());
}

/// Does a piece of work; answers when to look again, if anything else does not lead there.
fn perform(call: &mut Call<'_>, work: &Work, memory: &mut Memory) -> Option<Duration> {
    let place = &work.place;
    match work.task {
        Task::NamespaceContents => namespace::contents(call, place, memory),
        Task::NamespaceDefaults => namespace::defaults(call, place),
        Task::Orphan => garbage::dying(call, place),
        Task::Collect => garbage::collect(call, place),
        Task::Crd => crd::reconcile(call, place, memory),
        Task::Deployment => deployment::reconcile(call, place, memory),
        Task::ReplicaSet => replica_set::reconcile(call, place, memory),
        Task::StatefulSet => stateful_set::reconcile(call, place),
        Task::DaemonSet => daemon_set::reconcile(call, place),
        Task::Job => job::reconcile(call, place, memory),
        Task::CronJob => cron_job::reconcile(call, place),
        Task::Scaler => scaler::reconcile(call, place, memory),
        Task::Quota => quota::reconcile(call, place),
        Task::Pod => pod::reconcile(call, place, memory),
        Task::Claim => claim::reconcile(call, place),
        Task::Volume => claim::volume(call, place),
        Task::Aggregate => aggregate::reconcile(call, place),
        Task::Budget => budget::reconcile(call, place),
        Task::Service => service::reconcile(call, place),
    }
}
