//! Conditions as `metav1.Condition`, and the rules by which they change.

use super::reason::Reason;
use super::strings::words;
use super::time::Time;
use serde::{Deserialize, Serialize};

/// One condition of a status. Type and reason are text here, because objects also carry conditions of other writers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, such as `Ready`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// The generation of the object that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed.
    pub last_transition_time: Time,
    /// One word for programs.
    pub reason: String,
    /// Words for people.
    #[serde(default)]
    pub message: String,
}

words! {
    /// The status of a condition.
    pub enum ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not hold.
        False = "False",
        /// Not known yet.
        Unknown = "Unknown",
    }
}

words! {
    /// The conditions that we write.
    pub enum ConditionType {
        /// The summary of all others.
        Ready = "Ready",
        /// Work towards the desired state is under way; present only while true.
        Reconciling = "Reconciling",
        /// No progress without a change by a person; present only while true.
        Stalled = "Stalled",
        /// The last applied objects are healthy (Kustomization).
        Healthy = "Healthy",
        /// The last install, upgrade or test against the desired state.
        Released = "Released",
        /// The last test.
        TestSuccess = "TestSuccess",
        /// The last rollback or uninstall after a failure.
        Remediated = "Remediated",
        /// The cluster runs an older revision than Git asks for, on purpose; present only while true.
        RolledBack = "RolledBack",
        /// Live objects differ from what was applied.
        Drifted = "Drifted",
        /// The failed pair of source revision and values is not tried again; present only while true.
        Quarantined = "Quarantined",
        /// The spec uses fields that are not honoured yet; present only while true.
        UnsupportedFields = "UnsupportedFields",
        /// A commit deletes more than its budget and waits for an approval; present only while true.
        ApprovalRequired = "ApprovalRequired",
        /// Objects are left as they are on purpose, such as CRDs by policy; present only while true.
        Held = "Held",
        /// An artifact of the source is stored.
        ArtifactInStorage = "ArtifactInStorage",
        /// The stored artifact is older than the source; present only while true.
        ArtifactOutdated = "ArtifactOutdated",
        /// The signature of the source was checked.
        SourceVerified = "SourceVerified",
        /// The source cannot be read; present only while true.
        FetchFailed = "FetchFailed",
        /// The artifact cannot be built; present only while true.
        BuildFailed = "BuildFailed",
        /// The artifact cannot be stored; present only while true.
        StorageOperationFailed = "StorageOperationFailed",
    }
}

/// The longest message that the API server takes, in bytes of ours (it counts characters, so this is on the safe side).
const MESSAGE_LIMIT: usize = 32_768;

impl Condition {
    /// A condition that is not in a status yet: [`set`] gives it its time and generation.
    #[must_use]
    pub fn new(kind: ConditionType, status: ConditionStatus, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind: kind.as_str().into(),
            status,
            observed_generation: None,
            last_transition_time: Time::default(),
            reason: reason.as_str().into(),
            message: message.into(),
        }
    }

    /// With the generation that was judged.
    #[must_use]
    pub fn observed(mut self, generation: i64) -> Self {
        self.observed_generation = Some(generation);
        self
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(&self, kind: ConditionType) -> bool {
        self.kind == kind.as_str()
    }

    /// The reason, where it is one of ours.
    #[must_use]
    pub fn known_reason(&self) -> Option<Reason> {
        Reason::from_word(&self.reason)
    }
}

/// Puts a condition in. `lastTransitionTime` moves only when the status changes; conditions stay ordered (Ready first,
/// then Reconciling and Stalled, then by name). Returns whether anything changed, so that an equal status is never written again.
pub fn set(conditions: &mut Vec<Condition>, mut condition: Condition, now: Time) -> bool {
    trim(&mut condition.message);
    match conditions.iter_mut().find(|old| old.kind == condition.kind) {
        Some(old) => {
            condition.last_transition_time = if old.status == condition.status { old.last_transition_time } else { now };
            if *old == condition {
                return false;
            }
            *old = condition;
        }
        None => {
            condition.last_transition_time = now;
            conditions.push(condition);
        }
    }
    conditions.sort_by(|a, b| rank(&a.kind).cmp(&rank(&b.kind)).then_with(|| a.kind.cmp(&b.kind)));
    true
}

/// Takes a condition out; whether it was there.
pub fn remove(conditions: &mut Vec<Condition>, kind: ConditionType) -> bool {
    let before = conditions.len();
    conditions.retain(|c| !c.is(kind));
    conditions.len() != before
}

/// The condition of this type.
#[must_use]
pub fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|c| c.is(kind))
}

/// Whether the condition is there and true.
#[must_use]
pub fn is_true(conditions: &[Condition], kind: ConditionType) -> bool {
    find(conditions, kind).is_some_and(|c| c.status == ConditionStatus::True)
}

/// Whether a dependent may go on: Ready is True and was judged at this generation.
#[must_use]
pub fn is_ready(conditions: &[Condition], observed_generation: Option<i64>, generation: Option<i64>) -> bool {
    is_true(conditions, ConditionType::Ready)
        && observed_generation.unwrap_or(-1) == generation.unwrap_or(observed_generation.unwrap_or(-1))
}

fn rank(kind: &str) -> usize {
    [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled].iter().position(|k| k.as_str() == kind).unwrap_or(3)
}

fn trim(message: &mut String) {
    if message.len() > MESSAGE_LIMIT {
        let mut end = MESSAGE_LIMIT - 3;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push_str("...");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: ConditionStatus, message: &str) -> Condition {
        Condition::new(ConditionType::Ready, status, Reason::ReconciliationSucceeded, message).observed(1)
    }

    #[test]
    fn the_time_moves_only_with_the_status() {
        let mut list = Vec::new();
        let at = Time::from_unix;
        for (status, message, now, changed, time) in [
            (ConditionStatus::False, "a", 10, true, 10),
            (ConditionStatus::False, "a", 20, false, 10),
            (ConditionStatus::False, "b", 30, true, 10),
            (ConditionStatus::True, "b", 40, true, 40),
            (ConditionStatus::Unknown, "b", 50, true, 50),
        ] {
            assert_eq!(set(&mut list, ready(status, message), at(now)), changed, "{message} at {now}");
            assert_eq!(list.len(), 1);
            assert_eq!(list[0].last_transition_time, at(time));
        }
        assert!(set(&mut list, ready(ConditionStatus::Unknown, "b").observed(2), at(60)), "a new generation is a change");
        assert_eq!(list[0].last_transition_time, at(50));
    }

    #[test]
    fn ready_stands_first() {
        let mut list = Vec::new();
        for kind in
            [ConditionType::Released, ConditionType::Drifted, ConditionType::Stalled, ConditionType::Reconciling, ConditionType::Ready]
        {
            set(&mut list, Condition::new(kind, ConditionStatus::True, Reason::Progressing, ""), Time::from_unix(1));
        }
        let order: Vec<_> = list.iter().map(|c| c.kind.as_str()).collect();
        assert_eq!(order, ["Ready", "Reconciling", "Stalled", "Drifted", "Released"]);
        assert!(remove(&mut list, ConditionType::Stalled) && !remove(&mut list, ConditionType::Stalled));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let mut list = Vec::new();
        set(&mut list, ready(ConditionStatus::True, &"ä".repeat(20_000)), Time::default());
        assert!(list[0].message.len() <= MESSAGE_LIMIT && list[0].message.ends_with("ä..."));
    }

    #[test]
    fn readiness_needs_the_current_generation() {
        let list = vec![ready(ConditionStatus::True, "")];
        for (observed, generation, expect) in
            [(Some(1), Some(1), true), (Some(1), Some(2), false), (None, Some(1), false), (Some(3), None, true), (None, None, true)]
        {
            assert_eq!(is_ready(&list, observed, generation), expect, "{observed:?} {generation:?}");
        }
        assert!(!is_ready(&[], Some(1), Some(1)));
    }

    #[test]
    fn reads_and_writes_the_wire_form() {
        let json = serde_json::json!({"type": "Ready", "status": "True", "observedGeneration": 3,
            "lastTransitionTime": "2026-03-01T10:00:00Z", "reason": "UpgradeSucceeded", "message": "done"});
        let condition: Condition = serde_json::from_value(json.clone()).expect("reads");
        assert!(condition.is(ConditionType::Ready));
        assert_eq!(condition.known_reason(), Some(Reason::UpgradeSucceeded));
        assert_eq!(serde_json::to_value(condition).expect("writes"), json);
    }
}
