//! What is played.

use kube::api::PropagationPolicy;
use serde_json::{Value, json};

/// A story to play in a namespace.
pub(crate) struct Scenario {
    /// Lower case with hyphens: it becomes part of names.
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One step.
pub(crate) enum Step {
    /// Server-side apply.
    Apply(Value),
    /// A merge patch of one object: version, kind, name, patch.
    Merge(&'static str, &'static str, &'static str, Value),
    /// Gives the first pod another outcome.
    Flip(&'static str),
    /// Version, kind, name and what becomes of dependents.
    Delete(&'static str, &'static str, &'static str, Option<PropagationPolicy>),
    /// Waits so many seconds, then notes what there is.
    Look(u64),
}

use Step::{Apply, Delete, Flip, Look, Merge};

const OUTCOMES: [&str; 7] = ["ready", "unready", "crashloop", "imagepull", "pending", "fail", "degrade"];

/// Everything that is played.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |name: &str, steps: Vec<Step>| all.push(Scenario { name: name.to_owned(), steps });
    for outcome in OUTCOMES {
        let image = format!("app:1-{outcome}");
        add(&format!("deployment-{outcome}"), vec![Apply(deployment(&image, json!({}))), Look(8)]);
        add(&format!("statefulset-{outcome}"), vec![Apply(stateful_set(&image, json!({}))), Look(8)]);
        add(&format!("daemonset-{outcome}"), vec![Apply(daemon_set(&image, json!({}))), Look(8)]);
        add(&format!("job-{outcome}"), vec![Apply(job(&image, json!({"backoffLimit": 0}))), Look(8)]);
        add(&format!("pod-{outcome}"), vec![Apply(pod(&image, json!({"restartPolicy": "Never"}))), Look(6)]);
    }
    deployments(&mut add);
    sets(&mut add);
    jobs(&mut add);
    others(&mut add);
    all
}

fn deployments(add: &mut impl FnMut(&str, Vec<Step>)) {
    let good = || Apply(deployment("app:1", json!({})));
    let scale = |n: usize| Merge("apps/v1", "Deployment", "web", json!({"spec": {"replicas": n}}));
    add("rollout", vec![good(), Look(3), Apply(deployment("app:2", json!({}))), Look(5)]);
    add("rollout-broken-undo", vec![good(), Look(3), Apply(deployment("app:2-unready", json!({}))), Look(8), good(), Look(5)]);
    add(
        "rollout-broken-fixed",
        vec![good(), Look(3), Apply(deployment("app:2-imagepull", json!({}))), Look(8), Apply(deployment("app:3", json!({}))), Look(5)],
    );
    add("rollout-recreate", {
        let recreate = |image: &str| Apply(deployment(image, json!({"strategy": {"type": "Recreate"}})));
        vec![recreate("app:1"), Look(3), recreate("app:2"), Look(5)]
    });
    add("rollout-no-surge", {
        let step = |image: &str| Apply(deployment(image, json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}})));
        vec![step("app:1"), Look(3), step("app:2"), Look(5), step("app:3-crashloop"), Look(8)]
    });
    add("rollout-paused", {
        let paused = |image: &str, paused: bool| Apply(deployment(image, json!({"paused": paused})));
        vec![good(), Look(3), paused("app:2", true), Look(3), paused("app:2", false), Look(5)]
    });
    add("rollout-history", {
        let step = |image: &str| Apply(deployment(image, json!({"revisionHistoryLimit": 1})));
        vec![step("app:1"), Look(3), step("app:2"), Look(3), step("app:3"), Look(3), step("app:4"), Look(4)]
    });
    add("rollout-min-ready", vec![Apply(deployment("app:1", json!({"minReadySeconds": 2}))), Look(1), Look(5)]);
    add("scale", vec![good(), Look(3), scale(4), Look(3), scale(1), Look(4), scale(0), Look(4), scale(1), Look(3)]);
    add("scale-broken", vec![Apply(deployment("app:1-unready", json!({}))), Look(8), scale(3), Look(8)]);
    add("flip", vec![good(), Look(3), Flip("unready"), Look(3), Flip("ready"), Look(3), Flip("crashloop"), Look(3)]);
    add("delete-orphan", vec![good(), Look(3), Delete("apps/v1", "Deployment", "web", Some(PropagationPolicy::Orphan)), Look(4)]);
    add(
        "delete-orphan-adopt",
        vec![good(), Look(3), Delete("apps/v1", "Deployment", "web", Some(PropagationPolicy::Orphan)), Look(3), good(), Look(4)],
    );
    add("delete-foreground", vec![good(), Look(3), Delete("apps/v1", "Deployment", "web", Some(PropagationPolicy::Foreground)), Look(5)]);
    add("delete-background", vec![good(), Look(3), Delete("apps/v1", "Deployment", "web", Some(PropagationPolicy::Background)), Look(5)]);
    let with_pod = |spec: Value| Apply(deployment_of(spec, json!({})));
    add(
        "missing-account",
        vec![with_pod(json!({"serviceAccountName": "robot", "containers": [{"name": "app", "image": "app:1"}]})), Look(8)],
    );
    add(
        "missing-account-comes",
        vec![
            with_pod(json!({"serviceAccountName": "robot", "containers": [{"name": "app", "image": "app:1"}]})),
            Look(3),
            Apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})),
            // the controller tries again later and later
            Look(16),
        ],
    );
    add(
        "unsatisfiable-selector",
        vec![with_pod(json!({"nodeSelector": {"disk": "gold"}, "containers": [{"name": "app", "image": "app:1"}]})), Look(8)],
    );
    for (name, requests) in [
        ("too-much-cpu", json!({"cpu": "1000000"})),
        ("too-much-memory", json!({"memory": "900Ti"})),
        ("too-much-of-both", json!({"cpu": "1000000", "memory": "900Ti"})),
    ] {
        add(name, vec![with_pod(json!({"containers": [{"name": "app", "image": "app:1", "resources": {"requests": requests}}]})), Look(8)]);
    }
    add(
        "missing-claim",
        vec![
            with_pod(
                json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}], "containers": [{"name": "app", "image": "app:1"}]}),
            ),
            Look(8),
        ],
    );
    add(
        "quota-exceeded",
        vec![
            Apply(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})),
            Look(1),
            good(),
            Look(8),
        ],
    );
}

fn sets(add: &mut impl FnMut(&str, Vec<Step>)) {
    let claims = json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]});
    let scale = |n: usize| Merge("apps/v1", "StatefulSet", "db", json!({"spec": {"replicas": n}}));
    add("statefulset-rollout", vec![Apply(stateful_set("app:1", json!({}))), Look(4), Apply(stateful_set("app:2", json!({}))), Look(8)]);
    add(
        "statefulset-rollout-broken",
        vec![
            Apply(stateful_set("app:1", json!({}))),
            Look(4),
            Apply(stateful_set("app:2-unready", json!({}))),
            Look(8),
            Apply(stateful_set("app:1", json!({}))),
            Look(8),
        ],
    );
    add("statefulset-claims", vec![Apply(stateful_set("app:1", claims)), Look(5), scale(1), Look(5)]);
    add(
        "statefulset-scale",
        vec![Apply(stateful_set("app:1", json!({}))), Look(4), scale(4), Look(6), scale(1), Look(8), scale(0), Look(5)],
    );
    add("statefulset-parallel", vec![Apply(stateful_set("app:1-unready", json!({"podManagementPolicy": "Parallel"}))), Look(5)]);
    add(
        "statefulset-delete",
        vec![
            Apply(stateful_set("app:1", json!({}))),
            Look(4),
            Delete("apps/v1", "StatefulSet", "db", Some(PropagationPolicy::Background)),
            Look(5),
        ],
    );
    add(
        "daemonset-rollout",
        vec![
            Apply(daemon_set("app:1", json!({}))),
            Look(3),
            Apply(daemon_set("app:2", json!({}))),
            Look(5),
            Apply(daemon_set("app:3-unready", json!({}))),
            Look(5),
        ],
    );
    add(
        "daemonset-nowhere",
        vec![
            Apply(daemon_set(
                "app:1",
                json!({"template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"nodeSelector": {"disk": "gold"}, "containers": [{"name": "app", "image": "app:1"}]}}}),
            )),
            Look(4),
        ],
    );
}

fn jobs(add: &mut impl FnMut(&str, Vec<Step>)) {
    add("job-retries", vec![Apply(job("app:1-fail", json!({"backoffLimit": 1}))), Look(5), Look(20)]);
    add("job-completions", vec![Apply(job("app:1", json!({"completions": 3, "parallelism": 2}))), Look(6)]);
    add("job-indexed", vec![Apply(job("app:1", json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed"}))), Look(6)]);
    add("job-deadline", vec![Apply(job("app:1-unready", json!({"activeDeadlineSeconds": 2}))), Look(8)]);
    add("job-ttl", vec![Apply(job("app:1", json!({"ttlSecondsAfterFinished": 3}))), Look(2), Look(8)]);
    add(
        "job-suspended",
        vec![
            Apply(job("app:1", json!({"suspend": true}))),
            Look(3),
            Merge("batch/v1", "Job", "work", json!({"spec": {"suspend": false}})),
            Look(5),
        ],
    );
    add(
        "job-delete",
        vec![
            Apply(job("app:1-unready", json!({}))),
            Look(3),
            Delete("batch/v1", "Job", "work", Some(PropagationPolicy::Background)),
            Look(5),
        ],
    );
    add(
        "job-missing-account",
        vec![
            Apply(
                json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {"template": {"spec": {"serviceAccountName": "robot", "restartPolicy": "Never", "containers": [{"name": "app", "image": "app:1"}]}}}}),
            ),
            Look(4),
        ],
    );
    let cron = |suspend: bool| {
        Apply(
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": {"schedule": "* * * * *", "suspend": suspend, "successfulJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app:1"}]}}}}}}),
        )
    };
    // two runs at least, whatever the second at the start, of which the last is kept
    add("cronjob", vec![cron(false), Look(1), Look(130)]);
    add("cronjob-suspended", vec![cron(true), Look(70)]);
}

fn others(add: &mut impl FnMut(&str, Vec<Step>)) {
    let claim =
        |spec: Value| Apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}));
    let size = |class: Option<&str>| json!({"accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}});
    add("claim", vec![claim(size(Some("kwok-volume"))), Look(3), Delete("v1", "PersistentVolumeClaim", "data", None), Look(3)]);
    add(
        "claim-default-class",
        vec![claim(json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})), Look(3)],
    );
    add("claim-no-such-class", vec![claim(size(Some("gold"))), Look(3)]);
    add("claim-without-class", vec![claim(size(Some(""))), Look(3)]);
    add(
        "claim-in-use",
        vec![
            claim(size(Some("kwok-volume"))),
            Look(3),
            Apply(pod("app:1", json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}))),
            Look(3),
            Delete("v1", "PersistentVolumeClaim", "data", None),
            Look(3),
            Delete("v1", "Pod", "one", None),
            Look(4),
        ],
    );
    let service = |spec: Value| {
        Apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"team": "a"}}, "spec": spec}))
    };
    let ports = || json!({"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
    add("service", vec![service(ports()), Look(2), Apply(deployment("app:1", json!({}))), Look(4), Flip("unready"), Look(3)]);
    add("service-unready", vec![service(ports()), Apply(deployment("app:1-unready", json!({}))), Look(2)]);
    add(
        "service-headless",
        vec![
            service(json!({"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]})),
            Apply(deployment("app:1", json!({}))),
            Look(4),
        ],
    );
    add(
        "service-publishes-unready",
        vec![
            service(json!({"publishNotReadyAddresses": true, "selector": {"app": "web"}, "ports": [{"port": 80}]})),
            Apply(deployment("app:1-unready", json!({}))),
            Look(2),
        ],
    );
    add("service-without-selector", vec![service(json!({"ports": [{"port": 80}]})), Look(3)]);
    add(
        "service-goes",
        vec![service(ports()), Apply(deployment("app:1", json!({}))), Look(3), Delete("v1", "Service", "web", None), Look(3)],
    );
    let scaler = |target: &str| {
        Apply(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "minReplicas": 1, "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}}))
    };
    add("scaler", vec![Apply(deployment("app:1", json!({}))), scaler("web"), Look(20)]);
    add("scaler-without-target", vec![scaler("nobody"), Look(18)]);
    add("scaler-of-zero", vec![Apply(deployment("app:1", json!({"replicas": 0}))), scaler("web"), Look(18)]);
    add("scaler-above", vec![Apply(deployment("app:1", json!({"replicas": 5}))), scaler("web"), Look(20)]);
    let budget =
        |spec: Value| Apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}));
    let web = || json!({"matchLabels": {"app": "web"}});
    add(
        "budget",
        vec![
            budget(json!({"minAvailable": 1, "selector": web()})),
            Look(2),
            Apply(deployment("app:1", json!({}))),
            Look(4),
            Flip("unready"),
            Look(3),
        ],
    );
    add(
        "budget-unavailable",
        vec![budget(json!({"maxUnavailable": "50%", "selector": web()})), Apply(deployment("app:1", json!({"replicas": 3}))), Look(4)],
    );
    add(
        "budget-of-bare-pods",
        vec![budget(json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "one"}}})), Apply(pod("app:1", json!({}))), Look(4)],
    );
    add(
        "quota",
        vec![
            Apply(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "limits"}, "spec": {"hard": {
            "pods": "10", "requests.cpu": "4", "requests.memory": "4Gi", "limits.cpu": "8", "count/deployments.apps": "5", "services": "5", "configmaps": "10",
            "secrets": "10", "persistentvolumeclaims": "4", "requests.storage": "10Gi", "services.nodeports": "1"}}})),
            Look(2),
            Apply(deployment_of(
                json!({"containers": [{"name": "app", "image": "app:1", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": "1"}}}]}),
                json!({}),
            )),
            claim(size(Some("kwok-volume"))),
            service(json!({"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]})),
            Look(8),
            Delete("apps/v1", "Deployment", "web", Some(PropagationPolicy::Background)),
            Look(12),
        ],
    );
}

fn deployment(image: &str, more: Value) -> Value {
    let mut object = deployment_of(json!({"containers": [{"name": "app", "image": image, "ports": [{"containerPort": 8080}]}]}), more);
    object["metadata"]["labels"] = json!({"team": "a"});
    object
}

fn deployment_of(pod: Value, more: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "progressDeadlineSeconds": 4,
        "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": quick(pod)}}});
    extend(&mut object, more);
    object
}

fn stateful_set(image: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"replicas": 2, "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}}, "template": {"metadata": {"labels": {"app": "db"}}, "spec": quick(json!({"containers": [{"name": "app", "image": image}]}))}}});
    extend(&mut object, more);
    object
}

fn daemon_set(image: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {
        "selector": {"matchLabels": {"app": "agent"}}, "template": {"metadata": {"labels": {"app": "agent"}}, "spec": quick(json!({"containers": [{"name": "app", "image": image}]}))}}});
    extend(&mut object, more);
    object
}

fn job(image: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {
        "template": {"spec": quick(json!({"restartPolicy": "Never", "containers": [{"name": "app", "image": image}]}))}}});
    extend(&mut object, more);
    object
}

fn pod(image: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "labels": {"app": "one"}},
        "spec": quick(json!({"containers": [{"name": "app", "image": image}]}))});
    extend(&mut object, more);
    object
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(spec), Value::Object(more)) = (object["spec"].as_object_mut(), more) {
        spec.extend(more);
    }
}

/// Pods that go as soon as they are deleted.
fn quick(mut pod: Value) -> Value {
    pod["terminationGracePeriodSeconds"] = 1.into();
    pod
}
