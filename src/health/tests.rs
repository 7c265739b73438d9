use super::*;
use serde_json::json;

fn object(api_version: &str, kind: &str, spec: Json, status: Json) -> Json {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "shop", "generation": 2}, "spec": spec, "status": status})
}

#[track_caller]
fn check_table(api_version: &str, kind: &str, table: &[(Json, Json, &str)]) {
    for (spec, status, want) in table {
        let health = check(Some(&object(api_version, kind, spec.clone(), status.clone())));
        assert_eq!(format!("{} {}: {}", health.state, health.reason, health.message), *want, "{kind} {spec} {status}");
    }
}

fn conditions(list: &[(&str, &str, &str)]) -> Json {
    list.iter()
        .map(|(kind, status, reason)| json!({"type": kind, "status": status, "reason": reason, "message": format!("{reason} said")}))
        .collect()
}

#[test]
fn deployments() {
    let good = conditions(&[("Progressing", "True", "NewReplicaSetAvailable"), ("Available", "True", "")]);
    let status = |all: i64, updated: i64, ready: i64, available: i64, conditions: &Json| json!({"observedGeneration": 2, "replicas": all, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available, "conditions": conditions});
    let three = json!({"replicas": 3, "progressDeadlineSeconds": 600});
    check_table(
        "apps/v1",
        "Deployment",
        &[
            (three.clone(), status(3, 3, 3, 3, &good), "Current Current: 3/3 ready"),
            (three.clone(), json!({}), "InProgress LessReplicas: 0/3 pods made"),
            (
                three.clone(),
                json!({"observedGeneration": 1}),
                "InProgress GenerationNotObserved: its controller has seen generation 1, not 2",
            ),
            (three.clone(), status(3, 1, 3, 3, &good), "InProgress LessUpdated: 1/3 updated"),
            (three.clone(), status(4, 3, 3, 3, &good), "InProgress ExtraPods: 1 old pods still there"),
            (three.clone(), status(3, 3, 3, 2, &good), "InProgress LessAvailable: 2/3 available"),
            (three.clone(), status(3, 3, 2, 3, &good), "InProgress LessReady: 2/3 ready"),
            (
                three.clone(),
                status(3, 3, 3, 3, &conditions(&[("Progressing", "True", "ReplicaSetUpdated"), ("Available", "True", "")])),
                "InProgress ReplicaSetNotAvailable: the new ReplicaSet is not available yet",
            ),
            (json!({"replicas": 3}), status(3, 3, 3, 3, &conditions(&[("Available", "True", "")])), "Current Current: 3/3 ready"),
            (json!({"replicas": 3}), status(3, 3, 3, 3, &conditions(&[])), "InProgress DeploymentNotAvailable: not available yet"),
            (
                three.clone(),
                status(1, 1, 0, 0, &conditions(&[("Progressing", "False", "ProgressDeadlineExceeded")])),
                "Failed ProgressDeadlineExceeded: ProgressDeadlineExceeded said",
            ),
            (json!({"replicas": 3, "paused": true}), status(3, 0, 3, 3, &good), "Current Paused: the rollout is paused"),
            (json!({"replicas": 0, "progressDeadlineSeconds": 600}), status(0, 0, 0, 0, &good), "Current Current: 0/0 ready"),
        ],
    );
}

#[test]
fn stateful_sets() {
    let status = |all: i64, ready: i64, current: i64, updated: i64, revision: &str| json!({"observedGeneration": 2, "replicas": all, "readyReplicas": ready, "currentReplicas": current, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": revision});
    let partition = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    check_table(
        "apps/v1",
        "StatefulSet",
        &[
            (json!({"replicas": 3}), status(3, 3, 3, 3, "a"), "Current Current: 3/3 ready"),
            (json!({}), status(0, 0, 0, 0, "a"), "InProgress LessReplicas: 0/1 pods made"),
            (json!({"replicas": 3}), status(3, 2, 3, 3, "a"), "InProgress LessReady: 2/3 ready"),
            (json!({"replicas": 1}), status(3, 3, 3, 3, "a"), "InProgress ExtraPods: 2 pods too many still there"),
            (json!({"replicas": 3}), status(3, 3, 1, 2, "b"), "InProgress LessCurrent: 2/3 updated"),
            (json!({"replicas": 3}), status(3, 3, 3, 3, "b"), "InProgress RevisionMismatch: 3/3 updated"),
            (partition.clone(), status(3, 3, 3, 0, "b"), "InProgress PartitionRollout: 0/1 updated (partition 2)"),
            (partition, status(3, 3, 2, 1, "b"), "Current Current: 3/3 ready, partitioned rollout: 1 updated (partition 2)"),
            (
                json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}),
                status(3, 0, 3, 0, "b"),
                "Current OnDelete: pods are replaced when they are deleted",
            ),
        ],
    );
}

#[test]
fn daemon_sets_and_replica_sets() {
    let status = |want: i64, scheduled: i64, updated: i64, available: i64| json!({"observedGeneration": 2, "desiredNumberScheduled": want, "currentNumberScheduled": scheduled, "updatedNumberScheduled": updated, "numberAvailable": available, "numberReady": available});
    check_table(
        "apps/v1",
        "DaemonSet",
        &[
            (json!({}), status(2, 2, 2, 2), "Current Current: 2/2 ready"),
            (json!({}), status(0, 0, 0, 0), "Current Current: 0/0 ready"),
            (json!({}), json!({}), "InProgress NotObserved: its controller has not seen it yet"),
            (json!({}), status(2, 1, 2, 2), "InProgress LessCurrent: 1/2 scheduled"),
            (json!({}), status(2, 2, 1, 2), "InProgress LessUpdated: 1/2 updated"),
            (json!({"updateStrategy": {"type": "OnDelete"}}), status(2, 2, 1, 2), "Current Current: 2/2 ready"),
            (json!({}), status(2, 2, 2, 1), "InProgress LessAvailable: 1/2 available"),
        ],
    );
    let status = |all: i64, ready: i64| json!({"observedGeneration": 2, "replicas": all, "fullyLabeledReplicas": all, "readyReplicas": ready, "availableReplicas": ready});
    check_table(
        "apps/v1",
        "ReplicaSet",
        &[
            (json!({"replicas": 2}), status(2, 2), "Current Current: 2/2 ready"),
            (json!({"replicas": 2}), status(1, 1), "InProgress LessLabelled: 1/2 pods made"),
            (json!({"replicas": 2}), status(2, 1), "InProgress LessAvailable: 1/2 available"),
            (json!({"replicas": 2}), status(3, 3), "InProgress ExtraPods: 1 pods too many still there"),
            (
                json!({"replicas": 2}),
                json!({"conditions": conditions(&[("ReplicaFailure", "True", "FailedCreate")])}),
                "InProgress ReplicaFailure: FailedCreate said",
            ),
        ],
    );
}

#[test]
fn jobs_and_pods() {
    let ended =
        |kind: &str, reason: &str| json!({"startTime": "2026-01-01T00:00:00Z", "conditions": conditions(&[(kind, "True", reason)])});
    check_table(
        "batch/v1",
        "Job",
        &[
            (json!({}), json!({}), "InProgress JobNotStarted: not started yet"),
            (
                json!({"completions": 3}),
                json!({"startTime": "x", "succeeded": 1, "failed": 2}),
                "InProgress JobInProgress: 1/3 completed, 2 attempts failed",
            ),
            (json!({}), ended("Complete", ""), "Current Current: completed"),
            (json!({}), ended("SuccessCriteriaMet", ""), "InProgress JobInProgress: 0/1 completed"),
            (json!({}), ended("Failed", "BackoffLimitExceeded"), "Failed BackoffLimitExceeded: BackoffLimitExceeded said"),
            (json!({}), ended("FailureTarget", "DeadlineExceeded"), "Failed DeadlineExceeded: DeadlineExceeded said"),
            (json!({"suspend": true}), json!({}), "Current Suspended: suspended"),
        ],
    );
    check_table(
        "v1",
        "Pod",
        &[
            (json!({}), json!({"phase": "Running", "conditions": conditions(&[("Ready", "True", "")])}), "Current Current: ready"),
            (
                json!({}),
                json!({"phase": "Running", "conditions": conditions(&[("Ready", "False", "ContainersNotReady")])}),
                "InProgress NotReady: running and not ready",
            ),
            (json!({}), json!({"phase": "Succeeded"}), "Current Current: completed"),
            (json!({}), json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}), "Failed Evicted: low on memory"),
            (
                json!({}),
                json!({"phase": "Pending", "conditions": conditions(&[("PodScheduled", "False", "Unschedulable")])}),
                "InProgress Unschedulable: Unschedulable said",
            ),
            (json!({}), json!({"phase": "Pending"}), "InProgress Pending: containers are being made"),
            (json!({}), json!({}), "InProgress Pending: not seen by a node yet"),
        ],
    );
}

#[test]
fn the_other_built_in_kinds() {
    check_table(
        "v1",
        "PersistentVolumeClaim",
        &[
            (json!({}), json!({"phase": "Bound"}), "Current Current: bound"),
            (json!({}), json!({"phase": "Pending"}), "InProgress NotBound: not bound yet, phase Pending"),
            (json!({}), json!({}), "InProgress NotBound: not bound yet"),
            (json!({}), json!({"phase": "Lost"}), "InProgress Lost: the volume that it is bound to is not there"),
        ],
    );
    check_table(
        "v1",
        "Service",
        &[
            (json!({"type": "ClusterIP"}), json!({}), "Current Current: it is there"),
            (json!({"type": "LoadBalancer"}), json!({}), "InProgress NoClusterIP: no cluster IP assigned yet"),
            (
                json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
                json!({"loadBalancer": {}}),
                "InProgress LoadBalancerPending: no load balancer address assigned yet",
            ),
            (
                json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
                json!({"loadBalancer": {"ingress": [{}]}}),
                "Current Current: load balancer address assigned",
            ),
        ],
    );
    check_table(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &[
            (json!({}), json!({}), "InProgress NotEstablished: not established yet"),
            (
                json!({}),
                json!({"conditions": conditions(&[("Established", "False", "Installing")])}),
                "InProgress Installing: Installing said",
            ),
            (
                json!({}),
                json!({"conditions": conditions(&[("NamesAccepted", "True", ""), ("Established", "True", "")])}),
                "Current Current: established",
            ),
            (
                json!({}),
                json!({"conditions": conditions(&[("NamesAccepted", "False", "PluralConflict")])}),
                "Failed PluralConflict: PluralConflict said",
            ),
        ],
    );
    check_table(
        "apiregistration.k8s.io/v1",
        "APIService",
        &[
            (json!({}), json!({}), "InProgress NotAvailable: not available yet"),
            (
                json!({}),
                json!({"conditions": conditions(&[("Available", "False", "MissingEndpoints")])}),
                "InProgress MissingEndpoints: MissingEndpoints said",
            ),
            (json!({}), json!({"conditions": conditions(&[("Available", "True", "")])}), "Current Current: available"),
        ],
    );
    check_table(
        "v1",
        "Namespace",
        &[
            (json!({}), json!({}), "Current Current: active"),
            (json!({}), json!({"phase": "Terminating"}), "Terminating Terminating: being deleted"),
        ],
    );
    check_table(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        &[
            (json!({}), json!({}), "Current Current: it is there"),
            (
                json!({}),
                json!({"conditions": conditions(&[("ScalingActive", "False", "FailedGetResourceMetric")])}),
                "Current FailedGetResourceMetric: FailedGetResourceMetric said",
            ),
        ],
    );
    check_table(
        "policy/v1",
        "PodDisruptionBudget",
        &[
            (json!({}), json!({"observedGeneration": 2}), "Current Current: it is there"),
            (json!({}), json!({"observedGeneration": 1}), "InProgress GenerationNotObserved: its controller has seen generation 1, not 2"),
        ],
    );
    check_table("v1", "ConfigMap", &[(json!({}), json!({}), "Current Current: it is there")]);
}

#[test]
fn custom_resources() {
    check_table(
        "example.com/v1",
        "Widget",
        &[
            (json!({}), json!({}), "Current Current: it is there"),
            (json!({}), json!({"conditions": conditions(&[("Ready", "True", "Good")])}), "Current Current: ready"),
            (json!({}), json!({"conditions": conditions(&[("Ready", "False", "Broken")])}), "InProgress Broken: Broken said"),
            (json!({}), json!({"conditions": conditions(&[("Ready", "Unknown", "Working")])}), "InProgress Working: Working said"),
            (
                json!({}),
                json!({"conditions": conditions(&[("Ready", "True", ""), ("Reconciling", "True", "Busy")])}),
                "InProgress Busy: Busy said",
            ),
            (
                json!({}),
                json!({"conditions": conditions(&[("Ready", "False", ""), ("Stalled", "True", "GaveUp")])}),
                "Failed GaveUp: GaveUp said",
            ),
            (
                json!({}),
                json!({"observedGeneration": 1, "conditions": conditions(&[("Stalled", "True", "GaveUp")])}),
                "InProgress GenerationNotObserved: its controller has seen generation 1, not 2",
            ),
            (
                json!({}),
                json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}),
                "InProgress GenerationNotObserved: its Ready condition is of generation 1, not 2",
            ),
        ],
    );
    let mut dying = object("example.com/v1", "Widget", json!({}), json!({}));
    dying["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(check(Some(&dying)).state, HealthState::Terminating);
    assert_eq!(check(None).state, HealthState::NotFound);
}

#[test]
fn a_whole_is_as_bad_as_its_worst_part() {
    let parts = |states: &[HealthState]| states.iter().map(|state| Health::new(*state, "", "")).collect::<Vec<_>>();
    use HealthState::{Current, Failed, InProgress, NotFound, Terminating, Unknown};
    for (states, want) in [
        (&[][..], Current),
        (&[Current, Current][..], Current),
        (&[Current, InProgress], InProgress),
        (&[Terminating, InProgress], Terminating),
        (&[NotFound, Terminating], NotFound),
        (&[Unknown, Failed, Current], Failed),
    ] {
        assert_eq!(aggregate(&parts(states)), want, "{states:?}");
    }
}

mod causes {
    use super::*;
    use crate::health::cause::Family;
    use jiff::SignedDuration;

    const START: &str = "2026-01-01T10:00:00Z";

    fn deployment() -> Json {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop", "uid": "d", "generation": 1},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "api"}}}, "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 0}})
    }

    fn replica_set(name: &str, revision: &str) -> Json {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": "shop", "uid": name,
            "annotations": {"deployment.kubernetes.io/revision": revision}, "ownerReferences": [{"kind": "Deployment", "name": "api", "uid": "d"}]},
            "spec": {"replicas": 3}, "status": {"replicas": 3}})
    }

    fn pod(name: &str, owner: &str, status: Json) -> Json {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": "api"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": owner, "uid": owner}]},
            "spec": {"containers": [{"name": "app", "image": "app:1.8.0"}], "initContainers": [{"name": "init", "image": "init:1"}]}, "status": {"startTime": START}});
        for (key, value) in status.as_object().expect("an object") {
            pod["status"][key] = value.clone();
        }
        pod
    }

    fn waiting(reason: &str, message: &str) -> Json {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        json!({"phase": "Pending", "containerStatuses": [{"name": "app", "state": state, "restartCount": 4, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]})
    }

    fn event(kind: &str, name: &str, reason: &str, message: &str) -> Json {
        json!({"type": "Warning", "reason": reason, "message": message, "involvedObject": {"kind": kind, "name": name, "namespace": "shop"}, "lastTimestamp": START})
    }

    fn id(kind: &str) -> ObjectId {
        ObjectId::new(if kind == "Job" { "batch" } else { "apps" }, kind, "shop", "api")
    }

    #[track_caller]
    fn cause_of(pods: &[Json], owners: &[Json], events: &[Json], live: &Json) -> (CauseKind, String) {
        let kind = live["kind"].as_str().expect("a kind");
        let finding = cause::find(&id(kind), Some(live), &check(Some(live)), &Family { owners, pods, events });
        (finding.cause, finding.sentence)
    }

    #[test]
    fn causes_are_found_in_the_newest_pods() {
        let owners = [replica_set("api-old", "1"), replica_set("api-new", "2")];
        let ready = json!({"phase": "Running", "conditions": conditions(&[("Ready", "True", "")])});
        let unready = json!({"phase": "Running", "conditions": conditions(&[("Ready", "False", "")]), "containerStatuses": [{"name": "app", "ready": false, "restartCount": 0, "state": {"running": {}}}]});
        let unschedulable = json!({"phase": "Pending", "conditions": conditions(&[("PodScheduled", "False", "Unschedulable")])});
        let ended = json!({"phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 2, "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]});
        let init = json!({"phase": "Pending", "initContainerStatuses": [{"name": "init", "state": {"waiting": {"reason": "ErrImagePull"}}}], "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]});
        let pull = waiting("ImagePullBackOff", "");
        for (status, events, kind, want) in [
            (pull.clone(), vec![], CauseKind::ImagePull, "ImagePullBackOff app:1.8.0"),
            (init, vec![], CauseKind::ImagePull, "ErrImagePull init:1"),
            (
                waiting("CrashLoopBackOff", ""),
                vec![],
                CauseKind::CrashLoop,
                "CrashLoopBackOff in container app (exit code 1: Error), 4 restarts",
            ),
            (ended, vec![], CauseKind::CrashLoop, "container app ended (exit code 137: OOMKilled), 2 restarts"),
            (
                waiting("CreateContainerConfigError", "secret \"db\" not found"),
                vec![],
                CauseKind::ContainerConfig,
                "CreateContainerConfigError in container app: secret \"db\" not found",
            ),
            (unschedulable, vec![], CauseKind::Unschedulable, "FailedScheduling: Unschedulable said"),
            (
                json!({"phase": "Pending"}),
                vec![event("Pod", "api-new-1", "FailedMount", "secret \"tls\" not found")],
                CauseKind::ContainerConfig,
                "FailedMount: secret \"tls\" not found",
            ),
            (unready.clone(), vec![], CauseKind::NotReady, "container app is not ready"),
            (
                unready,
                vec![event("Pod", "api-new-1", "Unhealthy", "Readiness probe failed: 503"), event("Pod", "other", "Unhealthy", "no")],
                CauseKind::NotReady,
                "container app is not ready: Readiness probe failed: 503",
            ),
        ] {
            let pods = [
                pod("api-new-0", "api-new", ready.clone()),
                pod("api-old-0", "api-old", pull.clone()),
                pod("api-new-1", "api-new", status),
            ];
            let want = (kind, format!("Deployment/api 0/3 ready: pod api-new-1: {want}"));
            assert_eq!(cause_of(&pods, &owners, &events, &deployment()), want);
        }
    }

    #[test]
    fn refused_pods_and_silent_objects_are_explained() {
        let owners = |status: Json| {
            let mut owner = replica_set("api-new", "2");
            owner["status"] = status;
            [owner]
        };
        let quota = "pods \"api-\" is forbidden: exceeded quota: small";
        let refused = json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": quota}]});
        let want = (CauseKind::CreateRefused, format!("Deployment/api 0/3 ready: FailedCreate: {quota}"));
        assert_eq!(cause_of(&[], &owners(refused), &[], &deployment()), want);
        let told = event("ReplicaSet", "api-new", "FailedCreate", quota);
        assert_eq!(cause_of(&[], &owners(json!({"replicas": 1})), std::slice::from_ref(&told), &deployment()), want);
        let stale = cause_of(&[], &owners(json!({"replicas": 3})), &[told], &deployment());
        assert_eq!(stale, (CauseKind::Unexplained, "Deployment/api 0/3 ready: 0/3 available".into()));
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "api", "namespace": "shop"}, "status": {"phase": "Pending"}});
        let event = event("PersistentVolumeClaim", "api", "ProvisioningFailed", "no such class");
        assert_eq!(
            cause_of(&[], &[], &[event], &claim),
            (CauseKind::Unexplained, "PersistentVolumeClaim/api: ProvisioningFailed: no such class".into())
        );
    }

    #[test]
    fn without_replica_sets_the_selector_finds_the_pods() {
        let pods = [pod("api-1", "api-new", waiting("ImagePullBackOff", ""))];
        assert_eq!(cause_of(&pods, &[], &[], &deployment()).0, CauseKind::ImagePull);
    }

    fn judge_at(live: &Json, pods: &[Json], seconds: i64) -> Verdict {
        let since: Timestamp = START.parse().expect("a time");
        let now = since.checked_add(SignedDuration::from_secs(seconds)).expect("in range");
        let owners = [replica_set("api-new", "2")];
        let family = Family { owners: &owners, pods, events: &[] };
        judge(&[(id(live["kind"].as_str().expect("a kind")), Some(live))], &family, since, now, &Patience::default())
    }

    fn brief(verdict: &Verdict) -> String {
        let start: Timestamp = START.parse().expect("a time");
        match verdict {
            Verdict::Healthy => "healthy".into(),
            Verdict::Waiting { until, .. } => format!("waiting until {}", until.duration_since(start).as_secs()),
            Verdict::Failed { because, timed_out } => format!("failed {:?} {timed_out}", because[0].cause),
        }
    }

    #[test]
    fn causes_are_final_in_their_time() {
        let pods = |status: Json| vec![pod("api-1", "api-new", status)];
        let mut exceeded = deployment();
        let deadline =
            |at: &str| json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": at}]);
        exceeded["status"]["conditions"] = deadline("2026-01-01T10:00:05Z");
        let mut stale = deployment();
        stale["status"]["conditions"] = deadline("2026-01-01T09:00:00Z");
        let mut healthy = deployment();
        healthy["status"] = json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3, "conditions": conditions(&[("Available", "True", "")])});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "api", "namespace": "shop"}, "status": {"conditions": [
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m", "lastTransitionTime": "2026-01-01T09:00:00Z"}]}});
        let mut late = pod("api-1", "api-new", waiting("ImagePullBackOff", ""));
        late["status"]["startTime"] = json!("2026-01-01T10:00:30Z");
        for (live, pods, seconds, want) in [
            (&healthy, vec![], 0, "healthy"),
            (&deployment(), vec![], 10, "waiting until 300"),
            (&deployment(), vec![], 300, "failed Unexplained true"),
            (&deployment(), pods(waiting("ImagePullBackOff", "")), 10, "waiting until 60"),
            (&deployment(), pods(waiting("ImagePullBackOff", "")), 60, "failed ImagePull false"),
            (&deployment(), pods(waiting("CrashLoopBackOff", "")), 61, "failed CrashLoop false"),
            (&deployment(), pods(waiting("CreateContainerConfigError", "")), 61, "waiting until 300"),
            (&deployment(), vec![late], 61, "waiting until 90"),
            (&exceeded, vec![], 10, "failed Terminal false"),
            (&stale, vec![], 10, "waiting until 300"),
            (&job, vec![], 0, "failed Terminal false"),
        ] {
            assert_eq!(brief(&judge_at(live, &pods, seconds)), want, "{seconds} {live}");
        }
    }

    #[test]
    fn the_final_cause_is_told_first() {
        let since: Timestamp = START.parse().expect("a time");
        let (deployment, job) = (
            deployment(),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "api", "namespace": "shop"},
            "status": {"conditions": conditions(&[("Failed", "True", "BackoffLimitExceeded")])}}),
        );
        let job_pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api-x", "namespace": "shop", "ownerReferences": [{"kind": "Job", "name": "api"}]},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 2, "message": "log\nno such table\n"}}}]}});
        let pods = [pod("api-1", "api-new", waiting("ImagePullBackOff", "")), job_pod];
        let owners = [replica_set("api-new", "2")];
        let objects = [(id("Deployment"), Some(&deployment)), (id("Job"), Some(&job)), (ObjectId::new("", "Secret", "shop", "s"), None)];
        let verdict = judge(&objects, &Family { owners: &owners, pods: &pods, events: &[] }, since, since, &Patience::default());
        let Verdict::Failed { because, timed_out: false } = verdict else { panic!("{verdict:?}") };
        let sentences: Vec<_> = because.iter().map(|finding| finding.sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "Job/api: BackoffLimitExceeded: pod api-x: container migrate failed (exit code 2: no such table)",
                "Deployment/api 0/3 ready: pod api-1: ImagePullBackOff app:1.8.0",
                "Secret/s: not in the cluster",
            ]
        );
    }
}
