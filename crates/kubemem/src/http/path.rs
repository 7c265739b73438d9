//! Which thing a path names.

use crate::resource::Resource;
use crate::server::Core;
use crate::status::ApiError;
use crate::verb::{Part, Target};

/// What a path leads to.
pub(super) enum Route {
    Object(Found),
    Document(Document),
}

/// A resource, an object, or a part of it.
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) subresource: Option<String>,
}

impl Found {
    /// `deployments/status`
    pub(super) fn resource_path(&self) -> String {
        match &self.subresource {
            Some(sub) => format!("{}/{sub}", self.target.resource.plural),
            None => self.target.resource.plural.clone(),
        }
    }
}

/// Paths that are not of objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Document {
    Root,
    Health,
    Version,
    Api,
    Apis,
    Group(String),
    GroupVersion(String, String),
    OpenApiV2,
    OpenApiIndex,
    OpenApi(String),
}

pub(super) fn route(core: &Core, path: &str) -> Result<Route, ApiError> {
    let parts: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let document = match parts.as_slice() {
        [] => Document::Root,
        ["healthz" | "readyz" | "livez", ..] => Document::Health,
        ["version"] => Document::Version,
        ["api"] => Document::Api,
        ["apis"] => Document::Apis,
        ["api", "v1"] => Document::GroupVersion(String::new(), "v1".into()),
        ["apis", group] => Document::Group((*group).to_owned()),
        ["apis", group, version] => Document::GroupVersion((*group).to_owned(), (*version).to_owned()),
        ["openapi", "v2"] => Document::OpenApiV2,
        ["openapi", "v3"] => Document::OpenApiIndex,
        ["openapi", "v3", rest @ ..] => Document::OpenApi(rest.join("/")),
        ["api", version, rest @ ..] => return object(core, "", version, rest),
        ["apis", group, version, rest @ ..] => return object(core, group, version, rest),
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(Route::Document(document))
}

fn object(core: &Core, group: &str, version: &str, rest: &[&str]) -> Result<Route, ApiError> {
    let (namespace, rest) = match rest {
        ["namespaces", namespace, plural, tail @ ..] if !(matches!(*plural, "status" | "finalize") && tail.is_empty()) => {
            (Some(*namespace), [&[*plural], tail].concat())
        }
        rest => (None, rest.to_vec()),
    };
    let (plural, name, subresource) = match rest.as_slice() {
        [plural] => (*plural, "", None),
        [plural, name] => (*plural, *name, None),
        [plural, name, sub @ ..] => (*plural, *name, Some(sub.join("/"))),
        [] => return Err(ApiError::no_such_path()),
    };
    let resource = core.call(|call| call.store.registry.find(group, version, plural)).ok_or_else(ApiError::no_such_path)?;
    if namespace.is_some() != resource.namespaced && (namespace.is_some() || !name.is_empty()) {
        return Err(ApiError::no_such_path());
    }
    if let Some(sub) = &subresource
        && !resource.subresources.contains_key(sub)
    {
        // the server does not know the parts of a custom resource before it has looked at the definition
        return Err(if resource.custom.is_some() { ApiError::not_found(&resource, name) } else { ApiError::no_such_part() });
    }
    let part = part(&resource, subresource.as_deref());
    let target = Target { resource, namespace: namespace.unwrap_or_default().to_owned(), name: name.to_owned(), part };
    Ok(Route::Object(Found { target, subresource }))
}

fn part(_resource: &Resource, subresource: Option<&str>) -> Part {
    match subresource {
        None => Part::Whole,
        Some("status") => Part::Status,
        Some("scale") => Part::Scale,
        Some(_) => Part::Other,
    }
}

/// Undoes percent-encoding.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |b: u8| char::from(b).to_digit(16);
        match (bytes[i], bytes.get(i + 1).copied().and_then(hex), bytes.get(i + 2).copied().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                i += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
