//! What a custom resource says of itself, read leniently: other controllers write these objects too.

use crate::object::Json;

/// A condition, as much of it as is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// A text in an object; empty where there is none.
pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The condition of a type.
pub(super) fn condition<'a>(object: &'a Json, kind: &str) -> Option<Said<'a>> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|c| c.get("type").and_then(Json::as_str) == Some(kind))?;
    Some(Said { status: text(found, "/status"), reason: text(found, "/reason"), message: text(found, "/message") })
}

/// `Ready`, or what Flux's users see before there is one.
pub(super) fn ready(object: &Json) -> Said<'_> {
    condition(object, "Ready").unwrap_or(Said { status: "Unknown", reason: "", message: "waiting to be reconciled" })
}

/// Since when it has been ready, or not.
pub(super) fn ready_since(object: &Json) -> &str {
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array);
    let found = conditions.and_then(|all| all.iter().find(|c| text(c, "/type") == "Ready"));
    found.map(|c| text(c, "/lastTransitionTime")).unwrap_or_default()
}

pub(super) fn suspended(object: &Json) -> bool {
    object.pointer("/spec/suspend").and_then(Json::as_bool).unwrap_or(false)
}

/// Whether what the status says is about the spec as it stands.
pub(super) fn is_current(object: &Json) -> bool {
    let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
    let observed = object.pointer("/status/observedGeneration").and_then(Json::as_i64);
    generation.is_none() || observed >= generation
}

/// Whether work is under way.
pub(super) fn is_busy(object: &Json) -> bool {
    condition(object, "Reconciling").is_some_and(|c| c.status == "True") || ready(object).status == "Unknown"
}

/// Whether it is ready, at the spec as it stands.
pub(super) fn is_ready(object: &Json) -> bool {
    is_current(object) && ready(object).status == "True"
}

/// Revisions with their long digests cut to what a person reads.
pub(super) fn short(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut digits = String::new();
    let flush = |digits: &mut String, out: &mut String| {
        out.push_str(if digits.len() >= 40 { &digits[..8] } else { digits });
        digits.clear();
    };
    for c in text.chars() {
        if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
            digits.push(c);
        } else {
            flush(&mut digits, &mut out);
            out.push(c);
        }
    }
    flush(&mut digits, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_digests_are_cut() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(short(&format!("main@sha1:{digest}")), "main@sha1:01234567");
        assert_eq!(short(&format!("applied {digest}, then more")), "applied 01234567, then more");
        assert_eq!(short("deadbeef 1.2.3"), "deadbeef 1.2.3");
    }
}
