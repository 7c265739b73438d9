//! JSON patch, merge patch and strategic merge patch.

use serde_json::{Value, json};

use super::{Answer, Call, Target, WriteOptions, present};
use crate::fields::show;
use crate::patch::{json_patch, merge_patch, strategic};
use crate::status::{ApiError, Cause};

/// The kind of a patch, from its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    pub(crate) fn of(content_type: &str) -> Option<PatchKind> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(PatchKind::Json),
            "application/merge-patch+json" => Some(PatchKind::Merge),
            "application/strategic-merge-patch+json" => Some(PatchKind::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+json" => Some(PatchKind::Apply),
            _ => None,
        }
    }
}

impl Call<'_> {
    /// PATCH of any kind.
    pub(crate) fn patch(&mut self, target: &Target, kind: PatchKind, patch: Value, options: &WriteOptions) -> Result<Answer, ApiError> {
        let resource = &target.resource;
        if kind == PatchKind::Apply {
            return self.apply(target, patch, options);
        }
        if kind == PatchKind::Strategic && resource.custom.is_some() {
            return Err(ApiError::unsupported_media(
                "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            ));
        }
        let stored = self.store.at(&target.place()).cloned().ok_or_else(|| ApiError::not_found(resource, &target.name))?;
        let old = present(resource, &stored);
        let mut new = show((*old).clone());
        match kind {
            PatchKind::Json => {
                json_patch(&mut new, operations(&patch)?).ok_or_else(rejected)?;
            }
            PatchKind::Merge => {
                if !patch.is_object() {
                    return Err(undecodable(&patch, "map[string]interface {}"));
                }
                merge_patch(&mut new, &patch);
            }
            PatchKind::Strategic | PatchKind::Apply => {
                if !patch.is_object() {
                    let was = crate::schema::json_type(&patch);
                    let why = format!("json: cannot unmarshal {was} into Go value of type map[string]interface {{}}");
                    return Err(ApiError::bad_request(why));
                }
                new = strategic(Some(&new), &patch, &resource.schema)
                    .map_err(|why| ApiError { reason: "", ..ApiError::internal(why) })?
                    .unwrap_or(Value::Null);
            }
        }
        let shown = new.to_string();
        let (mut new, warnings) = self.read_object(target, new, options).map_err(|error| unreadable(error, &shown))?;
        self.check_identity(target, &mut new)?;
        let answer = self.replace(target, &old, new, options, None).map_err(|error| error.warned(warnings.clone()))?;
        Ok(answer.warned_first(warnings))
    }
}

/// What cannot be read after a patch is an invalid patch.
fn unreadable(error: ApiError, object: &str) -> ApiError {
    let Some((_, why)) = error.message.split_once(" cannot be handled as a ") else { return error };
    let why = why.split_once(": ").map_or(why, |(_, why)| why);
    let cause = Cause::invalid("patch", &object.into(), why);
    ApiError {
        message: format!(" \"\" is invalid: patch: {}", cause.message),
        ..ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "")
    }
    .with_causes(&[cause])
}

/// The operations of a JSON patch.
pub(super) fn operations(patch: &Value) -> Result<&Vec<Value>, ApiError> {
    patch.as_array().ok_or_else(|| undecodable(patch, "[]handlers.jsonPatchOp"))
}

/// A body of the wrong type.
fn undecodable(patch: &Value, wanted: &str) -> ApiError {
    let was = crate::schema::json_type(patch);
    ApiError::bad_request(format!("error decoding patch: json: cannot unmarshal {was} into Go value of type {wanted}"))
}

pub(super) fn rejected() -> ApiError {
    ApiError {
        details: Some(json!({})),
        ..ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "the server rejected our request due to an error in our request")
    }
}
