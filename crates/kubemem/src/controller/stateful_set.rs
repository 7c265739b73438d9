//! StatefulSets: pods in order, each with its claims; updates from the last to the first.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::bootstrap::create;
use super::event::{Severity, emit};
use super::replica_set::counted;
use super::{MANAGER, pods};
use crate::resource::TableKey;
use crate::store::{Place, controller_reference};
use crate::verb::Call;

const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place) -> Option<Duration> {
    let set = call.store.at(place)?.clone();
    if pods::is_dying(&set) {
        return None;
    }
    let name = place.name.name.clone();
    let revision = format!("{name}-{}", pods::hash(&set["spec"]["template"]));
    record(call, &set, &revision, &json!({"spec": {"template": set["spec"]["template"]}}));
    let replicas = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let first = usize::try_from(set["spec"]["ordinals"]["start"].as_i64().unwrap_or(0)).unwrap_or(0);
    let ordered = set["spec"]["podManagementPolicy"] != "Parallel";
    let min_ready = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
    let mut again = None;
    let all = pods::controlled(call, &set, &pods::table());
    let ordinal =
        |pod: &Value| pod["metadata"]["name"].as_str().and_then(|n| n.rsplit_once('-')).and_then(|(_, n)| n.parse::<usize>().ok());
    let find = |i: usize| all.iter().find(|pod| ordinal(pod) == Some(i));
    let mut blocked = false;
    for i in first..first + replicas {
        match find(i) {
            None => {
                claims(call, &set, i);
                let pod_name = format!("{name}-{i}");
                let made = pods::spawn(call, &set, &set["spec"]["template"], |pod| identify(pod, &set, &pod_name, i, &revision));
                if made.is_err() {
                    again = Some(Duration::from_secs(5));
                }
                blocked = ordered;
            }
            Some(pod) if pods::is_over(pod) && !pods::is_dying(pod) => {
                pods::dismiss(call, &set, pod);
                blocked = ordered;
            }
            Some(pod) => match pods::available(call, pod, min_ready) {
                Ok(()) if !pods::is_dying(pod) => {}
                Err(Some(wait)) => {
                    again = Some(wait);
                    blocked = ordered;
                }
                _ => blocked = ordered,
            },
        }
        if blocked {
            break;
        }
    }
    if !blocked {
        let mut surplus: Vec<&Arc<Value>> = all.iter().filter(|p| ordinal(p).is_none_or(|i| i < first || i >= first + replicas)).collect();
        surplus.sort_by_key(|pod| std::cmp::Reverse(ordinal(pod)));
        let going = surplus.iter().any(|p| pods::is_dying(p));
        for pod in surplus.iter().filter(|p| !pods::is_dying(p)).take(if ordered { usize::from(!going) } else { usize::MAX }) {
            pods::dismiss(call, &set, pod);
        }
    }
    let rolling = set["spec"]["updateStrategy"]["type"] != "OnDelete";
    let partition = usize::try_from(set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0)).unwrap_or(0);
    if rolling && !blocked {
        // the last pod that is not of the new revision goes, if all after it are well; one that is broken blocks for good
        for i in (first.max(partition)..first + replicas).rev() {
            let Some(pod) = find(i) else { break };
            if pods::is_dying(pod) {
                break;
            }
            if pod["metadata"]["labels"][REVISION] != revision.as_str() {
                pods::dismiss(call, &set, pod);
                break;
            }
            if pods::available(call, pod, min_ready).is_err() {
                break;
            }
        }
    }
    status(call, place, &revision, replicas, min_ready);
    again
}

fn identify(pod: &mut Value, set: &Value, name: &str, ordinal: usize, revision: &str) {
    let meta = &mut pod["metadata"];
    if let Some(map) = meta.as_object_mut() {
        map.insert("name".into(), name.into());
    }
    meta["labels"]["statefulset.kubernetes.io/pod-name"] = name.into();
    meta["labels"]["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
    meta["labels"][REVISION] = revision.into();
    let spec = &mut pod["spec"];
    spec["hostname"] = name.into();
    spec["subdomain"] = set["spec"]["serviceName"].clone();
    let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = template["metadata"]["name"].as_str().unwrap_or_default();
        volumes.retain(|v| v["name"] != volume);
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": format!("{volume}-{name}")}}));
    }
    if !volumes.is_empty() {
        spec["volumes"] = volumes.into();
    }
}

fn claims(call: &mut Call<'_>, set: &Value, ordinal: usize) {
    let meta = &set["metadata"];
    for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let name = format!(
            "{}-{}-{ordinal}",
            template["metadata"]["name"].as_str().unwrap_or_default(),
            meta["name"].as_str().unwrap_or_default()
        );
        let namespace = meta["namespace"].as_str().unwrap_or_default();
        if call.store.get(&TableKey::new("", "persistentvolumeclaims"), namespace, &name).is_some() {
            continue;
        }
        let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        for (k, v) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
            labels.insert(k.clone(), v.clone());
        }
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": template["metadata"]["annotations"]},
            "spec": template["spec"]});
        if create(call, claim, MANAGER).is_ok() {
            let set_name = meta["name"].as_str().unwrap_or_default();
            let message = format!("Create Claim {name} Pod {set_name}-{ordinal} in StatefulSet {set_name} success");
            emit(call, set, Severity::Normal, "SuccessfulCreate", &message, "statefulset-controller");
        }
    }
}

/// Keeps the revision of a template as a ControllerRevision.
pub(super) fn record(call: &mut Call<'_>, owner: &Value, name: &str, data: &Value) {
    let table = TableKey::new("apps", "controllerrevisions");
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default();
    if call.store.get(&table, namespace, name).is_some() {
        return;
    }
    let known = pods::controlled(call, owner, &table);
    let number = known.iter().filter_map(|r| r["revision"].as_i64()).max().unwrap_or(0) + 1;
    let hash = name.rsplit_once('-').map_or(name, |(_, hash)| hash);
    let mut labels = owner["spec"]["template"]["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    let daemons = owner["kind"] == "DaemonSet";
    labels.insert(if daemons { REVISION } else { "controller.kubernetes.io/hash" }.into(), hash.into());
    let annotations = if daemons { owner["metadata"]["annotations"].clone() } else { Value::Null };
    let revision = json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": name, "namespace": namespace,
        "labels": labels, "annotations": annotations, "ownerReferences": [controller_reference(owner)]}, "data": data, "revision": number});
    let _ = create(call, revision, MANAGER);
    let limit = usize::try_from(owner["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10)).unwrap_or(10) + 1;
    let mut known = pods::controlled(call, owner, &table);
    known.sort_by_key(|r| std::cmp::Reverse(r["revision"].as_i64()));
    for old in known.iter().skip(limit) {
        pods::delete(call, &table, old, None);
    }
}

fn status(call: &mut Call<'_>, place: &Place, revision: &str, replicas: usize, min_ready: i64) {
    let Some(set) = call.store.at(place).cloned() else { return };
    let all = pods::controlled(call, &set, &pods::table());
    let active: Vec<&Arc<Value>> = all.iter().filter(|p| !pods::is_dying(p)).collect();
    let updated = active.iter().filter(|p| p["metadata"]["labels"][REVISION] == revision).count();
    let ready = active.iter().filter(|p| pods::is_ready(p)).count();
    let available = active.iter().filter(|p| pods::available(call, p, min_ready).is_ok()).count();
    let before = set["status"]["currentRevision"].as_str().map(str::to_owned);
    let done = updated == replicas && ready == replicas && active.len() == replicas;
    let current = if done { revision.to_owned() } else { before.unwrap_or_else(|| revision.to_owned()) };
    let of_current = active.iter().filter(|p| p["metadata"]["labels"][REVISION] == current.as_str()).count();
    call.edit_status(place, MANAGER, |old, set| {
        let conditions = set["status"]["conditions"].take();
        set["status"] = counted(&[
            ("replicas", active.len(), true),
            ("readyReplicas", ready, false),
            ("availableReplicas", available, true),
            ("updatedReplicas", updated, false),
            ("currentReplicas", of_current, false),
        ]);
        set["status"]["observedGeneration"] = old["metadata"]["generation"].clone();
        set["status"]["currentRevision"] = current.into();
        set["status"]["updateRevision"] = revision.into();
        set["status"]["collisionCount"] = 0.into();
        if conditions.is_array() {
            set["status"]["conditions"] = conditions;
        }
    });
}
