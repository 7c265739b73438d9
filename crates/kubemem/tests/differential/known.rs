//! Answers that are known to differ, with the cause; `docs/shortcomings.md` sums the causes up.

/// Sequence, steps, cause.
pub(crate) const KNOWN: &[(&str, &[usize], &str)] = &[
    ("the same field twice", &[0], "not every warning is given"),
    ("the same field twice", &[1], "not all rules of this kind are known"),
    ("an empty list in a network policy", &[1], "an empty list counts as a change of the spec on a real server"),
    ("changes of claims", &[1, 2, 4], "a refusal shows no diff"),
    ("cron jobs", &[4], "not all rules of this kind are known"),
    ("more of services", &[12], "defaults and managed fields of this kind differ in places"),
    ("scale", &[2, 7], "defaults and managed fields of this kind differ in places"),
    ("scale", &[8, 9], "not all rules of this kind are known"),
    ("volumes", &[6], "a refusal shows no diff"),
    ("volumes", &[7], "defaults and managed fields of this kind differ in places"),
    ("a rule with a message expression", &[0], "CEL rules are not checked by type and cost"),
    ("a rule with a message expression", &[1, 2], "follows from a step before"),
];

/// Answers of a real server that depend on its age or on chance: not a difference, whatever they are.
pub(crate) const BY_CHANCE: &[(&str, &[usize], &str)] =
    &[("a watch of an old version", &[0], "a server younger than the first compaction of its history still has the version")];
