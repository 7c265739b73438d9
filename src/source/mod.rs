//! Reference grammar, semver tag selection, snapshots and ignore rules. Pure.
