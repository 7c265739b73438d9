//! Reading what most objects have: numbers, texts and conditions.

use crate::object::Json;
use jiff::Timestamp;

/// One condition of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    pub(super) since: Option<Timestamp>,
    pub(super) observed: Option<i64>,
}

/// The condition of a type.
pub(super) fn condition<'a>(object: &'a Json, kind: &str) -> Option<Condition<'a>> {
    let list = object.pointer("/status/conditions")?.as_array()?;
    let raw = list.iter().find(|one| text(one, "/type") == kind)?;
    Some(Condition {
        status: text(raw, "/status"),
        reason: text(raw, "/reason"),
        message: text(raw, "/message"),
        since: time(raw, "/lastTransitionTime"),
        observed: raw.get("observedGeneration").and_then(Json::as_i64),
    })
}

impl<'a> Condition<'a> {
    pub(super) fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// The message, or the reason where there is no message.
    pub(super) fn says(&self) -> &'a str {
        if self.message.is_empty() { self.reason } else { self.message }
    }

    /// The reason, or another word where there is none.
    pub(super) fn reason_or(&self, other: &'a str) -> &'a str {
        if self.reason.is_empty() { other } else { self.reason }
    }
}

pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

pub(super) fn number(object: &Json, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Json::as_i64)
}

/// A counter of a status: absent is zero.
pub(super) fn count(object: &Json, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

/// How many replicas are asked for: absent is one.
pub(super) fn wanted(object: &Json) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

pub(super) fn time(object: &Json, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}
