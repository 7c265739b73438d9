//! Acting as somebody else, by headers: the whole identity is asked for, and each part of it must be allowed.
//!
//! Rules may allow it for certain requests only (`impersonate-on:MODE:VERB` and `impersonate:MODE`), or, as they always
//! could, for all (`impersonate`). A refusal names the first of these that was missing.

use http::HeaderMap;

use super::access::{Access, Action};
use super::rbac::require;
use super::user::{self, ANONYMOUS, AUTHENTICATED, MASTERS, UNAUTHENTICATED, User};
use crate::http::percent_decode;
use crate::status::ApiError;
use crate::verb::Call;

const AUTHENTICATION: &str = "authentication.k8s.io";

/// Whom the headers ask for.
pub(super) fn wanted(headers: &HeaderMap) -> Result<Option<User>, ApiError> {
    let mut out = User::default();
    for (name, value) in headers {
        let Some(what) = name.as_str().strip_prefix("impersonate-") else { continue };
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match (what, what.strip_prefix("extra-")) {
            ("user", _) => out.name = value,
            ("uid", _) => out.uid = value,
            ("group", _) => out.groups.push(value),
            (_, Some(key)) => out.extra.entry(percent_decode(key)).or_default().push(value),
            _ => {}
        }
    }
    match (out.name.is_empty(), out == User::default()) {
        (false, _) => Ok(Some(out)),
        (true, true) => Ok(None),
        (true, false) => Err(ApiError::bad_request(format!("requested {out:?} without impersonating a user name"))),
    }
}

/// A way in which somebody may be impersonated.
enum Mode {
    /// for certain requests, with a name of its own
    Only(&'static str),
    Any,
}

/// The user that a request acts as.
pub(super) fn check(call: &Call<'_>, requestor: &User, wanted: User, access: &Access) -> Result<User, ApiError> {
    let only_name = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
    let account = user::service_account(&wanted.name).is_some();
    let node = node(&wanted.name).is_some();
    let modes = [
        (node && only_name).then_some(Mode::Only("arbitrary-node")),
        (account && only_name).then_some(Mode::Only("serviceaccount")),
        (!node && !account).then_some(Mode::Only("user-info")),
        Some(Mode::Any),
    ];
    let mut refusal = None;
    for mode in modes.into_iter().flatten() {
        match attempt(call, requestor, &wanted, access, &mode) {
            Ok(user) => return Ok(user),
            Err(error) => drop(refusal.get_or_insert(error)),
        }
    }
    Err(refusal.unwrap_or_else(ApiError::method_not_allowed))
}

fn attempt(call: &Call<'_>, requestor: &User, wanted: &User, access: &Access, mode: &Mode) -> Result<User, ApiError> {
    let (verb, group) = match mode {
        Mode::Only(name) => {
            let on = Access { verb: format!("impersonate-on:{name}:{}", access.verb), action: access.action.clone() };
            require(call, requestor, &on)?;
            (format!("impersonate:{name}"), AUTHENTICATION)
        }
        Mode::Any => ("impersonate".to_owned(), ""),
    };
    let constrained = matches!(mode, Mode::Only(_));
    let mut out = wanted.clone();
    let name = match (user::service_account(&wanted.name), node(&wanted.name)) {
        (Some((namespace, name)), _) => {
            if wanted.groups.is_empty() {
                out.groups = User::service_account(namespace, name).groups;
            }
            Access::to(&verb, group, "serviceaccounts", namespace, name)
        }
        (None, Some(node)) if constrained => {
            out.groups = vec!["system:nodes".into()];
            Access::to(&verb, group, "nodes", "", node)
        }
        _ => Access::to(&verb, group, "users", "", &wanted.name),
    };
    require(call, requestor, &name)?;
    if !wanted.uid.is_empty() {
        require(call, requestor, &Access::to(&verb, AUTHENTICATION, "uids", "", &wanted.uid))?;
    }
    for name in &wanted.groups {
        let access = Access::to(&verb, group, "groups", "", name);
        if constrained && name == MASTERS {
            return Err(access.refused(requestor, "impersonating the system:masters group is not allowed"));
        }
        require(call, requestor, &access)?;
    }
    for (key, values) in &wanted.extra {
        for value in values {
            let mut access = Access::to(&verb, AUTHENTICATION, "userextras", "", value);
            if let Action::Resource { subresource, .. } = &mut access.action {
                subresource.clone_from(key);
            }
            require(call, requestor, &access)?;
        }
    }
    let group = if out.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    if !out.is_in(group) && !out.is_in(UNAUTHENTICATED) {
        out.groups.push(group.into());
    }
    Ok(out)
}

fn node(name: &str) -> Option<&str> {
    name.strip_prefix("system:node:").filter(|name| !name.is_empty())
}
