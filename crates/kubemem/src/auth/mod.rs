//! Who a request comes from, and whether they may: authentication, impersonation, RBAC over the roles and bindings that are there.

mod access;
mod authenticate;
mod escalation;
mod impersonate;
mod rbac;
mod token;
mod user;

use std::sync::Arc;

use http::{HeaderMap, Method};

pub(crate) use access::{Access, Action};
pub(crate) use authenticate::{Identified, by_token};
pub(crate) use escalation::check as check_escalation;
pub(crate) use rbac::{authorize, rules_of};
pub(crate) use token::{AUDIENCE, Grant, mint};
pub use user::User;

use crate::status::ApiError;
use crate::verb::Call;

/// Lets a request in as a user, or refuses it.
pub(crate) fn gate(call: &Call<'_>, headers: &HeaderMap, method: &Method, path: &str, watch: bool) -> Result<Arc<User>, ApiError> {
    let access = Access::of(method, path, watch);
    let user = authenticate::user(call, headers)?;
    let user = match impersonate::wanted(headers)? {
        Some(wanted) => impersonate::check(call, &user, wanted, &access)?,
        None => user,
    };
    rbac::require(call, &user, &access)?;
    Ok(Arc::new(user))
}
