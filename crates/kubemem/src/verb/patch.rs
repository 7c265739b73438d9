//! JSON patch, merge patch and strategic merge patch.

use serde_json::{Value, json};

use super::{Answer, Call, Part, Target, WriteOptions, present};
use crate::fields::show;
use crate::patch::{merge_patch, strategic};
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
                let operations: json_patch::Patch =
                    serde_json::from_value(patch).map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
                json_patch::patch(&mut new, &operations).map_err(|_| rejected())?;
            }
            PatchKind::Merge => {
                if !patch.is_object() {
                    return Err(ApiError::bad_request("error decoding patch: the patch must be an object"));
                }
                merge_patch(&mut new, &patch);
            }
            PatchKind::Strategic | PatchKind::Apply => {
                new = strategic(Some(&new), &patch, &resource.schema).map_err(ApiError::bad_request)?.unwrap_or(Value::Null);
            }
        }
        let shown = new.to_string();
        let (mut new, warnings) = self.read_object(target, new, options).map_err(|error| strict(error, &shown))?;
        if new["metadata"]["name"] != old["metadata"]["name"] {
            let cause = Cause::invalid("metadata.name", &new["metadata"]["name"], "field is immutable");
            if target.part == Part::Whole {
                return Err(ApiError::invalid(resource, &target.name, &[cause]));
            }
            new["metadata"]["name"] = old["metadata"]["name"].clone();
        }
        let answer = self.replace(target, &old, new, options, None)?;
        Ok(answer.warned_first(warnings))
    }
}

/// What strict decoding refuses is, in a patch, an invalid patch.
fn strict(error: ApiError, object: &str) -> ApiError {
    let Some((_, why)) = error.message.split_once("strict decoding error: ") else { return error };
    let cause = Cause::invalid("patch", &object.into(), &format!("strict decoding error: {why}"));
    ApiError {
        message: format!(" \"\" is invalid: patch: {}", cause.message),
        ..ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "")
    }
    .with_causes(&[cause])
}

fn rejected() -> ApiError {
    ApiError {
        details: Some(json!({})),
        ..ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "the server rejected our request due to an error in our request")
    }
}
