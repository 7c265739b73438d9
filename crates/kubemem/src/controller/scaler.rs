//! HorizontalPodAutoscalers of a cluster without metrics: they say what they miss, and keep a target within its bounds.

use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Severity, emit};
use super::{MANAGER, Memory, pods};
use crate::server::split_version;
use crate::store::{ObjectName, Place};
use crate::verb::{Call, Part};

const COMPONENT: &str = "horizontal-pod-autoscaler";
const PERIOD: Duration = Duration::from_secs(15);

pub(super) fn reconcile(call: &mut Call<'_>, place: &Place, memory: &mut Memory) -> Option<Duration> {
    let scaler = call.store.at(place)?.clone();
    // one that is new waits a period, too
    if let Some(left) = memory.left(scaler["metadata"]["uid"].as_str().unwrap_or_default(), "new", PERIOD) {
        return Some(left);
    }
    let reference = &scaler["spec"]["scaleTargetRef"];
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let (group, version) = split_version(text("apiVersion"));
    let now = call.clock.text();
    let resource = call.store.registry.by_kind(group, version, text("kind"));
    let at = resource.as_ref().map(|r| Place { table: r.table(), name: ObjectName::new(&place.name.namespace, text("name")) });
    let Some((at, target)) = at.and_then(|at| Some((at.clone(), call.store.at(&at)?.clone()))) else {
        let what = resource.map_or_else(|| text("kind").to_lowercase(), |r| r.qualified());
        let why = format!("{what} \"{}\" not found", text("name"));
        emit(call, &scaler, Severity::Warning, "FailedGetScale", &why, COMPONENT);
        let message = format!("the HPA controller was unable to get the target's current scale: {why}");
        say(call, place, &now, None, &[("AbleToScale", "False", "FailedGetScale", &message)]);
        return Some(PERIOD);
    };
    let found = ("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale");
    let replicas = target["spec"]["replicas"].as_i64().unwrap_or(1);
    let (least, most) = (scaler["spec"]["minReplicas"].as_i64().unwrap_or(1), scaler["spec"]["maxReplicas"].as_i64().unwrap_or(1));
    let wanted = replicas.clamp(least.min(most), most);
    if replicas == 0 && least != 0 {
        let off = ("ScalingActive", "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
        say(call, place, &now, None, &[found, off]);
    } else if wanted != replicas {
        let (side, bound) = if wanted < replicas { ("above", "MaxReplicas") } else { ("below", "MinReplicas") };
        let message = format!("New size: {wanted}; reason: Current number of replicas {side} Spec.{bound}");
        let _ = call.edit(&at, MANAGER, Part::Whole, |target| target["spec"]["replicas"] = wanted.into());
        emit(call, &scaler, Severity::Normal, "SuccessfulRescale", &message, COMPONENT);
        let done = format!("the HPA controller was able to update the target scale to {wanted}");
        let known = count(&target);
        say(call, place, &now, Some((known, wanted)), &[("AbleToScale", "True", "SucceededRescale", &done)]);
        call.edit_status(place, MANAGER, |_, scaler| scaler["status"]["lastScaleTime"] = now.as_str().into());
    } else {
        let metrics: Vec<&Value> = scaler["spec"]["metrics"].as_array().into_iter().flatten().collect();
        let name = metrics.first().and_then(|m| m["resource"]["name"].as_str()).unwrap_or("cpu");
        let why = format!(
            "failed to get {name} utilization: unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        );
        emit(call, &scaler, Severity::Warning, "FailedGetResourceMetric", &why, COMPONENT);
        let all = metrics.len().max(1);
        let message =
            format!("invalid metrics ({all} invalid out of {all}), first error is: failed to get {name} resource metric value: {why}");
        emit(call, &scaler, Severity::Warning, "FailedComputeMetricsReplicas", &message, COMPONENT);
        let message = format!("the HPA was unable to compute the replica count: {why}");
        let known = count(&target);
        say(call, place, &now, Some((known, 0)), &[found, ("ScalingActive", "False", "FailedGetResourceMetric", &message)]);
        call.edit_status(place, MANAGER, |_, scaler| scaler["status"]["currentMetrics"] = vec![json!({"type": ""}); all].into());
    }
    Some(PERIOD)
}

fn count(target: &Value) -> i64 {
    target["status"]["replicas"].as_i64().unwrap_or(0)
}

/// Writes current and desired replicas, and conditions: type, status, reason, message.
fn say(call: &mut Call<'_>, place: &Place, now: &str, replicas: Option<(i64, i64)>, conditions: &[(&str, &str, &str, &str)]) {
    call.edit_status(place, MANAGER, |_, scaler| {
        for (kind, status, reason, message) in conditions {
            pods::set_condition(scaler, now, false, kind, status, reason, message);
        }
        let (current, desired) = replicas.unwrap_or_default();
        scaler["status"]["desiredReplicas"] = desired.into();
        if current > 0 {
            scaler["status"]["currentReplicas"] = current.into();
        }
    });
}
