//! Failures as the API server answers them: the `Status` object.

use http::StatusCode;
use serde_json::{Value, json};

use crate::resource::Resource;

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// What there was to tell of the request before it was refused.
    pub(crate) warnings: Vec<String>,
}

/// One entry of `details.causes`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) kind: CauseType,
    pub(crate) field: String,
    pub(crate) message: String,
}

/// The reason of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseType {
    Required,
    Invalid,
    TypeInvalid,
    NotSupported,
    Duplicate,
    NotFound,
    Forbidden,
    TooLong,
    TooMany,
    Conflict,
    NamespaceTerminating,
}

impl CauseType {
    fn as_str(self) -> &'static str {
        match self {
            CauseType::Required => "FieldValueRequired",
            CauseType::Invalid => "FieldValueInvalid",
            CauseType::TypeInvalid => "FieldValueTypeInvalid",
            CauseType::NotSupported => "FieldValueNotSupported",
            CauseType::NotFound => "FieldValueNotFound",
            CauseType::Duplicate => "FieldValueDuplicate",
            CauseType::Forbidden => "FieldValueForbidden",
            CauseType::TooLong => "FieldValueTooLong",
            CauseType::TooMany => "FieldValueTooMany",
            CauseType::Conflict => "FieldManagerConflict",
            CauseType::NamespaceTerminating => "NamespaceTerminating",
        }
    }
}

impl Cause {
    pub(crate) fn new(kind: CauseType, field: impl Into<String>, message: impl Into<String>) -> Cause {
        Cause { kind, field: field.into(), message: message.into() }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Cause {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Cause::new(CauseType::Required, field, message)
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Cause {
        Cause::invalid_as(field, &value.to_string(), detail)
    }

    /// The same, where the value is shown in another way than in its JSON.
    pub(crate) fn invalid_as(field: impl Into<String>, shown: &str, detail: &str) -> Cause {
        Cause::new(CauseType::Invalid, field, format!("Invalid value: {shown}: {detail}"))
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Cause {
        Cause::new(CauseType::Forbidden, field, format!("Forbidden: {detail}"))
    }

    fn json(&self) -> Value {
        json!({"reason": self.kind.as_str(), "message": self.message, "field": self.field})
    }
}

impl ApiError {
    pub(crate) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, reason, message: message.into(), details: None, warnings: Vec::new() }
    }

    fn about(code: StatusCode, reason: &'static str, message: String, resource: &Resource, name: &str) -> ApiError {
        ApiError { details: Some(details(resource, name)), ..ApiError::new(code, reason, message) }
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        ApiError::about(StatusCode::NOT_FOUND, "NotFound", message, resource, name)
    }

    /// A part that a resource does not have.
    pub(crate) fn no_such_part() -> ApiError {
        ApiError { details: Some(json!({})), ..ApiError::no_such_path() }
    }

    /// A path that no resource serves.
    pub(crate) fn no_such_path() -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    /// Whether no resource serves the path: the server's router answers that, in plain text.
    pub(crate) fn is_no_such_path(&self) -> bool {
        *self == ApiError::no_such_path()
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        ApiError::about(StatusCode::CONFLICT, "AlreadyExists", message, resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> ApiError {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        ApiError::about(StatusCode::CONFLICT, "Conflict", message, resource, name)
    }

    pub(crate) fn modified(resource: &Resource, name: &str) -> ApiError {
        ApiError::conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again")
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> ApiError {
        let message = format!("{} \"{name}\" is forbidden: {why}", resource.qualified());
        ApiError::about(StatusCode::FORBIDDEN, "Forbidden", message, resource, name)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(crate) fn method_not_allowed() -> ApiError {
        ApiError {
            details: Some(json!({})),
            ..ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        }
    }

    pub(crate) fn expired(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::GONE, "Expired", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    pub(crate) fn unsupported_media(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// 422 with its causes.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> ApiError {
        let list = told(causes);
        let kind = match resource.group.as_str() {
            "" => resource.kind.clone(),
            group => format!("{}.{group}", resource.kind),
        };
        let mut details = json!({"kind": resource.kind, "causes": causes.iter().map(Cause::json).collect::<Vec<_>>()});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !resource.group.is_empty() {
            details["group"] = resource.group.as_str().into();
        }
        let message = format!("{kind} \"{name}\" is invalid: {list}");
        ApiError { details: Some(details), ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message) }
    }

    /// 409 of server-side apply.
    pub(crate) fn apply_conflict(causes: &[Cause], message: String) -> ApiError {
        ApiError::new(StatusCode::CONFLICT, "Conflict", message).with_causes(causes)
    }

    /// With what there was to warn of while the request was read.
    pub(crate) fn warned(self, warnings: Vec<String>) -> ApiError {
        ApiError { warnings, ..self }
    }

    pub(crate) fn with_causes(mut self, causes: &[Cause]) -> ApiError {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["causes"] = causes.iter().map(Cause::json).collect();
        self
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut out = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            out["details"] = details.clone();
        }
        if self.reason.is_empty()
            && let Some(map) = out.as_object_mut()
        {
            map.remove("reason");
        }
        out
    }
}

/// Causes in a message: one as it is, several in brackets.
fn told(causes: &[Cause]) -> String {
    let shown: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    match shown.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn details(resource: &Resource, name: &str) -> Value {
    let mut out = json!({"kind": resource.plural});
    if !name.is_empty() {
        out["name"] = name.into();
    }
    if !resource.group.is_empty() {
        out["group"] = resource.group.as_str().into();
    }
    out
}

/// Options of a request that are refused.
pub(crate) fn invalid_options(kind: &str, causes: &[Cause]) -> ApiError {
    ApiError {
        details: Some(json!({"group": "meta.k8s.io", "kind": kind})),
        ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", format!("{kind}.meta.k8s.io \"\" is invalid: {}", told(causes)))
    }
    .with_causes(causes)
}

/// A body that does not say its kind; it is shown in short, and in hexadecimal if it is no object.
pub(crate) fn unrecognized(kind: &str, why: &str, body: &str) -> ApiError {
    const SHOWN: usize = 30;
    let start = body.as_bytes().get(..SHOWN).unwrap_or(body.as_bytes());
    let shown = if body.starts_with('{') {
        String::from_utf8_lossy(start).into_owned()
    } else {
        start.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let more = if body.len() > SHOWN { " ..." } else { "" };
    ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {why} ({shown}{more})"
    ))
}

/// What Go's scheme says of a kind that it does not have.
pub(crate) fn unregistered(kind: &str, version: &str) -> String {
    format!("no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\"")
}

/// The answer to a delete that removed the object.
pub(crate) fn deleted(resource: &Resource, name: &str, uid: &Value) -> Value {
    let mut details = details(resource, name);
    details["uid"] = uid.clone();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
