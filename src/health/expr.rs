//! Health of kinds by the expressions of users: `spec.healthCheckExprs`, as Flux has it (its RFC 0009).

use super::cel::Expression;
use super::condition::{condition, number, text};
use super::{Health, HealthState, check};
use crate::api::HealthCheckExpr;
use crate::object::{Gvk, Json};
use std::sync::Arc;

/// The expressions of one unit.
#[derive(Debug, Clone, Default)]
pub struct Exprs {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    group: String,
    /// Every kind of the group where absent.
    kind: Option<String>,
    in_progress: Option<Arc<Expression>>,
    failed: Option<Arc<Expression>>,
    current: Arc<Expression>,
}

impl Exprs {
    /// Reads `spec.healthCheckExprs`.
    ///
    /// # Errors
    /// The path of the first expression that cannot be read, why, and what to do.
    pub fn compile(list: &[HealthCheckExpr]) -> Result<Self, String> {
        let rules = list.iter().enumerate().map(|(index, given)| {
            let read = |field: &str, text: &str| {
                Expression::parse(text, None)
                    .map_err(|why| format!("spec.healthCheckExprs[{index}].{field} cannot be used: {why}; correct the expression"))
            };
            let optional = |field: &str, text: &Option<String>| match text.as_deref().filter(|text| !text.is_empty()) {
                Some(text) => read(field, text).map(Some),
                None => Ok(None),
            };
            Ok(Rule {
                group: Gvk::new(&given.api_version, "").group,
                kind: given.kind.clone().filter(|kind| !kind.is_empty()),
                current: read("current", &given.current)?,
                in_progress: optional("inProgress", &given.in_progress)?,
                failed: optional("failed", &given.failed)?,
            })
        });
        Ok(Self { rules: rules.collect::<Result<_, String>>()? })
    }

    fn rule(&self, group: &str, kind: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.group == group && rule.kind.as_deref().is_none_or(|k| k == kind))
    }

    /// Whether an expression judges this kind: then the whole object is needed.
    #[must_use]
    pub fn cover(&self, group: &str, kind: &str) -> bool {
        self.rule(group, kind).is_some()
    }

    /// The health of a live object: by its expressions where its kind has some, else by the rules of its kind.
    #[must_use]
    pub fn check(&self, live: Option<&Json>) -> Health {
        let Some(object) = live else { return check(None) };
        let gvk = Gvk::new(text(object, "/apiVersion"), text(object, "/kind"));
        match self.rule(&gvk.group, &gvk.kind) {
            Some(rule) => rule.check(object),
            None => check(live),
        }
    }
}

impl Rule {
    fn check(&self, live: &Json) -> Health {
        if !text(live, "/metadata/deletionTimestamp").is_empty() {
            return Health::new(HealthState::Terminating, "Terminating", "being deleted");
        }
        if let (Some(generation), Some(observed)) = (number(live, "/metadata/generation"), number(live, "/status/observedGeneration"))
            && generation != observed
        {
            let message = format!("its controller has seen generation {observed}, not {generation}");
            return Health::in_progress("GenerationNotObserved", message);
        }
        // The order that Flux documents.
        for (field, expression) in
            [("inProgress", self.in_progress.as_ref()), ("failed", self.failed.as_ref()), ("current", Some(&self.current))]
        {
            let Some(expression) = expression else { continue };
            match expression.holds(|name| live.get(name)) {
                Ok(false) => {}
                Ok(true) => return self.found(field, live),
                // As Flux does: whatever cannot be evaluated passes nothing, and may be evaluated once the status is there.
                Err(why) => {
                    let message = format!("its expression `{field}` cannot be evaluated: {why}");
                    return Health::new(HealthState::Unknown, "ExpressionFailed", message);
                }
            }
        }
        Health::in_progress("InProgress", says(live).unwrap_or_else(|| "none of its expressions holds yet".into()))
    }

    fn found(&self, field: &str, live: &Json) -> Health {
        match field {
            "current" => Health::current("its expression `current` holds"),
            "failed" => {
                let message = says(live).unwrap_or_else(|| "its expression `failed` holds".into());
                Health::failed("Failed", message)
            }
            _ => Health::in_progress("InProgress", says(live).unwrap_or_else(|| "its expression `inProgress` holds".into())),
        }
    }
}

/// What an object says of itself: its error or message, the message of a condition that is not as it should be, or its phase.
fn says(live: &Json) -> Option<String> {
    const OWN: &[&str] = &["/status/errorMessage", "/status/error/message", "/status/error", "/status/failureMessage", "/status/message"];
    let own = OWN.iter().map(|pointer| text(live, pointer)).find(|words| !words.trim().is_empty());
    let of_condition = || {
        let bad = ["Failed", "Error", "Degraded", "Stalled"].iter().filter_map(|kind| condition(live, kind)).find(|c| c.is_true());
        let unready = || ["Ready", "Available", "Healthy", "Synced"].iter().filter_map(|kind| condition(live, kind)).find(|c| !c.is_true());
        bad.or_else(unready).map(|c| c.says())
    };
    let of_phase =
        || [text(live, "/status/reason"), text(live, "/status/phase"), text(live, "/status/state")].into_iter().find(|w| !w.is_empty());
    let words = own.or_else(of_condition).filter(|words| !words.is_empty()).or_else(of_phase)?;
    Some(words.trim().chars().take(500).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exprs(rule: Json) -> Result<Exprs, String> {
        Exprs::compile(&serde_json::from_value::<Vec<HealthCheckExpr>>(json!([rule])).expect("a list"))
    }

    #[test]
    fn the_order_is_in_progress_failed_current() {
        let exprs =
            exprs(json!({"apiVersion": "harbour.example/v1alpha1", "kind": "Berth", "inProgress": "status.phase in ['Pending', 'Both']",
            "failed": "status.phase in ['Failed', 'Both']", "current": "status.phase == 'Complete' && status.health == 'Healthy'"}))
            .expect("reads");
        let berth =
            |status: Json| json!({"apiVersion": "harbour.example/v1", "kind": "Berth", "metadata": {"generation": 2}, "status": status});
        for (status, state, message) in [
            (json!({"phase": "Pending"}), HealthState::InProgress, "Pending"),
            (json!({"phase": "Both"}), HealthState::InProgress, "Both"),
            (json!({"phase": "Failed", "errorMessage": "no image"}), HealthState::Failed, "no image"),
            (
                json!({"phase": "Failed", "conditions": [{"type": "Ready", "status": "False", "message": "no quota"}]}),
                HealthState::Failed,
                "no quota",
            ),
            (json!({"phase": "Complete", "health": "Healthy"}), HealthState::Current, "its expression `current` holds"),
            (json!({"phase": "Complete", "health": "Sick"}), HealthState::InProgress, "Complete"),
            (
                json!({"phase": "Complete"}),
                HealthState::Unknown,
                "its expression `current` cannot be evaluated: there is no field `health`",
            ),
            (json!({}), HealthState::Unknown, "its expression `inProgress` cannot be evaluated: there is no field `phase`"),
            (
                json!({"phase": "Complete", "health": "Healthy", "observedGeneration": 1}),
                HealthState::InProgress,
                "its controller has seen generation 1, not 2",
            ),
        ] {
            let health = exprs.check(Some(&berth(status.clone())));
            assert_eq!((health.state, health.message.as_str()), (state, message), "{status}");
        }
        let other = json!({"apiVersion": "harbour.example/v1", "kind": "Crane"});
        assert_eq!(exprs.check(Some(&other)).state, HealthState::Current, "another kind is none of it");
        assert_eq!(exprs.check(None).state, HealthState::NotFound);
        assert!(exprs.cover("harbour.example", "Berth") && !exprs.cover("", "Berth"));
    }

    #[test]
    fn errors_name_the_path() {
        let error = exprs(json!({"apiVersion": "a/v1", "kind": "B", "current": "status.phase =="})).expect_err("no expression");
        assert!(
            error.starts_with("spec.healthCheckExprs[0].current cannot be used: ") && error.ends_with("; correct the expression"),
            "{error}"
        );
        let error = exprs(json!({"apiVersion": "a/v1", "kind": "B", "current": "true", "inProgress": "a.replace('b', 'c') == ''"}))
            .expect_err("none");
        assert!(error.starts_with("spec.healthCheckExprs[0].inProgress cannot be used: the function `replace` is not offered"), "{error}");
    }
}
