//! What a request wants to do, read from its method and path alone: rules are asked before it is known whether the path leads anywhere.

use http::{Method, StatusCode};
use serde_json::json;

use super::User;
use crate::http::percent_decode;
use crate::status::ApiError;

/// Something that a user may be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) verb: String,
    pub(crate) action: Action,
}

/// On what it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Path(String),
    Resource { group: String, resource: String, subresource: String, namespace: String, name: String },
}

impl Access {
    /// Access to objects.
    pub(crate) fn to(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> Access {
        let own = str::to_owned;
        let action = Action::Resource {
            group: own(group),
            resource: own(resource),
            subresource: String::new(),
            namespace: own(namespace),
            name: own(name),
        };
        Access { verb: own(verb), action }
    }

    pub(crate) fn of(method: &Method, path: &str, watch: bool) -> Access {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(percent_decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => return Access { verb: method.as_str().to_lowercase(), action: Action::Path(path.to_owned()) },
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, "status" | "finalize"] | ["namespaces", namespace] => (*namespace, rest),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let part = |i: usize| rest.get(i).copied().unwrap_or_default();
        let verb = match *method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if part(1).is_empty() => "deletecollection",
            Method::DELETE => "delete",
            _ if !part(1).is_empty() => "get",
            _ if watch => "watch",
            _ => "list",
        };
        let mut out = Access::to(verb, group, part(0), namespace, part(1));
        if let Action::Resource { subresource, .. } = &mut out.action {
            *subresource = part(2).to_owned();
        }
        out
    }

    /// The refusal.
    pub(crate) fn refused(&self, user: &User, reason: &str) -> ApiError {
        let (about, scope, details) = match &self.action {
            Action::Path(path) => ("forbidden".to_owned(), format!("path {path:?}"), json!({})),
            Action::Resource { group, resource, subresource, namespace, name } => {
                let qualified = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
                let full = if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
                let place = match namespace.as_str() {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                let mut details = json!({"kind": resource});
                for (field, value) in [("group", group), ("name", name)] {
                    if !value.is_empty() {
                        details[field] = value.as_str().into();
                    }
                }
                let about =
                    if name.is_empty() { format!("{qualified} is forbidden") } else { format!("{qualified} {name:?} is forbidden") };
                (about, format!("resource {full:?} in API group {group:?} {place}"), details)
            }
        };
        let mut message = format!("{about}: User {:?} cannot {} {scope}", user.name, self.verb);
        if !reason.is_empty() {
            message = format!("{message}: {reason}");
        }
        ApiError { details: Some(details), ..ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_without_knowing_kinds() {
        let with = |access: Access, sub: &str| match access.action {
            Action::Resource { group, resource, namespace, name, .. } => {
                Access { action: Action::Resource { group, resource, namespace, name, subresource: sub.into() }, ..access }
            }
            Action::Path(_) => access,
        };
        let path = |verb: &str, path: &str| Access { verb: verb.into(), action: Action::Path(path.into()) };
        for (method, text, watch, want) in [
            (Method::GET, "/api/v1", false, path("get", "/api/v1")),
            (Method::POST, "/apis/apps/v1", false, path("post", "/apis/apps/v1")),
            (Method::GET, "/api/v1/pods", true, Access::to("watch", "", "pods", "", "")),
            (Method::GET, "/api/v1/namespaces/a", false, Access::to("get", "", "namespaces", "a", "a")),
            (Method::PUT, "/api/v1/namespaces/a/finalize", false, with(Access::to("update", "", "namespaces", "a", "a"), "finalize")),
            (Method::GET, "/api/v1/namespaces/a/pods/b/log", false, with(Access::to("get", "", "pods", "a", "b"), "log")),
            (Method::DELETE, "/apis/x.io/v1/namespaces/a/things", false, Access::to("deletecollection", "x.io", "things", "a", "")),
            (Method::PATCH, "/apis/x.io/v1/things/b", false, Access::to("patch", "x.io", "things", "", "b")),
        ] {
            assert_eq!(Access::of(&method, text, watch), want, "{method} {text}");
        }
    }
}
