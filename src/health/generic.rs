//! What holds for every kind, and all that is known of custom resources: conditions and generations.

use super::condition::{condition, number, text};
use super::{Health, HealthState};
use crate::object::Json;

/// What is looked at before the rules of a kind: deletion, an unseen generation, and the conditions by which any
/// controller may say that it works on the object or has given up.
pub(super) fn before_all(live: &Json) -> Option<Health> {
    if !text(live, "/metadata/deletionTimestamp").is_empty() {
        return Some(Health::new(HealthState::Terminating, "Terminating", "being deleted"));
    }
    if let (Some(generation), Some(observed)) = (number(live, "/metadata/generation"), number(live, "/status/observedGeneration"))
        && generation != observed
    {
        let message = format!("its controller has seen generation {observed}, not {generation}");
        return Some(Health::in_progress("GenerationNotObserved", message));
    }
    if let Some(reconciling) = condition(live, "Reconciling").filter(super::condition::Condition::is_true) {
        return Some(Health::in_progress(reconciling.reason_or("Reconciling"), reconciling.says()).since(reconciling.since));
    }
    let stalled = condition(live, "Stalled").filter(super::condition::Condition::is_true)?;
    Some(Health::failed(stalled.reason_or("Stalled"), stalled.says()).since(stalled.since))
}

/// A kind without rules of its own: its `Ready` condition decides, and without one it is current.
pub(super) fn check(live: &Json) -> Health {
    let Some(ready) = condition(live, "Ready") else { return Health::current("it is there") };
    if let (Some(generation), Some(observed)) = (number(live, "/metadata/generation"), ready.observed)
        && observed < generation
    {
        return Health::in_progress("GenerationNotObserved", format!("its Ready condition is of generation {observed}, not {generation}"));
    }
    match ready.status {
        "True" => Health::current("ready"),
        _ => Health::in_progress(ready.reason_or("NotReady"), ready.says()).since(ready.since),
    }
}

/// Autoscalers are current whether or not they can scale: metrics mostly come after the pods. The reason says it.
pub(super) fn check_autoscaler(live: &Json) -> Health {
    for kind in ["AbleToScale", "ScalingActive"] {
        if let Some(condition) = condition(live, kind).filter(|condition| condition.status == "False") {
            return Health { reason: condition.reason_or(kind).into(), ..Health::current(condition.says()) };
        }
    }
    Health::current("it is there")
}
