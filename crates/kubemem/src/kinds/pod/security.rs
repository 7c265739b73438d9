//! The rules of security contexts.

use super::volume::descending;
use crate::kinds::at::At;
use crate::kinds::internal;
use crate::status::Cause;

const MAX_ID: i64 = i32::MAX as i64;

/// The context of a pod.
pub(super) fn pod(context: &At<'_>, out: &mut Vec<Cause>) {
    out.extend(["fsGroup", "runAsUser", "runAsGroup"].iter().filter_map(|field| context.get(field).within(0, MAX_ID)));
    out.extend(context.get("supplementalGroups").items().iter().filter_map(|group| group.within(0, MAX_ID)));
    sysctls(&context.get("sysctls"), out);
    out.extend(context.get("fsGroupChangePolicy").one_of(&["Always", "OnRootMismatch"]));
    seccomp(&context.get("seccompProfile"), out);
    out.extend(context.get("supplementalGroupsPolicy").one_of(&["Merge", "Strict"]));
    out.extend(context.get("seLinuxChangePolicy").one_of(&["MountOption", "Recursive"]));
}

/// The context of a container.
pub(super) fn container(context: &At<'_>, out: &mut Vec<Cause>) {
    if !context.is_set() {
        return;
    }
    out.extend(["runAsUser", "runAsGroup"].iter().filter_map(|field| context.get(field).within(0, MAX_ID)));
    out.extend(context.get("procMount").one_of(&["Default", "Unmasked"]));
    seccomp(&context.get("seccompProfile"), out);
    if context.value["allowPrivilegeEscalation"] == false {
        let whole = |detail: &str| Cause::invalid_as(&context.path, &internal::shown("SecurityContext", context.value), detail);
        if context.value["privileged"] == true {
            out.push(whole("cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
        }
        if context.get("capabilities").get("add").items().iter().any(|name| name.text() == "CAP_SYS_ADMIN") {
            out.push(whole("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"));
        }
    }
}

fn seccomp(profile: &At<'_>, out: &mut Vec<Cause>) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.get("type"), profile.get("localhostProfile"));
    match kind.text() {
        "" => out.push(kind.required("type is required when seccompProfile is set")),
        _ => out.extend(kind.one_of(&["Localhost", "RuntimeDefault", "Unconfined"])),
    }
    match (kind.text(), local.is_set()) {
        ("Localhost", false) => out.push(local.required("must be set when seccomp type is Localhost")),
        ("Localhost", true) => out.extend(descending(&local)),
        (_, true) => {
            let shown = internal::shown("SeccompProfile", profile.value);
            out.push(Cause::invalid_as(&local.path, &shown, "can only be set when seccomp type is Localhost"));
        }
        _ => {}
    }
}

fn sysctls(list: &At<'_>, out: &mut Vec<Cause>) {
    let mut names: Vec<&str> = Vec::new();
    for name in list.items().iter().map(|item| item.get("name")) {
        if let Some(cause) = name.need() {
            out.push(cause);
        } else if !is_sysctl(name.text()) {
            out.push(name.invalid(
                r"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
            ));
        } else if names.contains(&name.text()) {
            out.push(name.duplicate());
        }
        names.push(name.text());
    }
}

fn is_sysctl(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let segment = |part: &str| part.chars().all(inner) && edge(part.chars().next()) && edge(part.chars().last());
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}
