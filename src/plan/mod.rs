//! Stages of operations, field-level differences, field ownership, ignore rules, prune sets. Pure: live objects are arguments.
