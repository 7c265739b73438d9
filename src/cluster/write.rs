//! Writes: apply, create, replace, patch, delete. Each returns the server's object.

use super::{
    Cluster, Resource,
    error::{ApiError, Kind, Step},
    request::{Call, path},
};
use crate::object::{Json, Manifest, ObjectId};
use crate::plan::mend::{Mended, mend};
use http::Method;
use serde_json::json;

/// How often one object is mended: a field that is not known hides what else is wrong around it.
const MENDS: usize = 32;

/// The name under which the daemon owns fields.
pub const MANAGER: &str = "helmward";

/// What to do with fields that the schema does not know, or that stand twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Drop them and say so in [`Answer::warnings`].
    #[default]
    Warn,
    /// Refuse the object.
    Strict,
    /// Drop them in silence.
    Ignore,
}

impl Validation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "Warn",
            Self::Strict => "Strict",
            Self::Ignore => "Ignore",
        }
    }
}

/// How to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// Field manager.
    pub manager: String,
    /// Take fields from other managers.
    pub force: bool,
    /// Do not store.
    pub dry_run: bool,
    /// What to do with unknown fields.
    pub validation: Validation,
    /// Drop fields that the schema does not have, where the server would refuse the object for them.
    pub drop_unknown: bool,
}

impl Default for Apply {
    fn default() -> Self {
        Self { manager: MANAGER.into(), force: true, dry_run: false, validation: Validation::default(), drop_unknown: false }
    }
}

impl Apply {
    /// As the default, without storing.
    #[must_use]
    pub fn dry_run() -> Self {
        Self { dry_run: true, ..Self::default() }
    }
}

/// How to change a part of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// JSON merge patch (RFC 7386).
    Merge(Json),
    /// JSON patch (RFC 6902), an array of operations.
    Operations(Json),
}

/// What becomes of dependents when an object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// Deleted after it.
    #[default]
    Background,
    /// Deleted before it.
    Foreground,
    /// Left alone.
    Orphan,
}

/// How to delete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delete {
    /// What becomes of dependents.
    pub propagation: Propagation,
    /// Only if the object still has this uid.
    pub uid: Option<String>,
    /// Only if the object still has this resource version.
    pub resource_version: Option<String>,
    /// Do not store.
    pub dry_run: bool,
}

/// The server's answer to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The object as it is now; for a deletion that is complete, the last form or a `Status`.
    pub object: Json,
    /// Whether it was not there before.
    pub created: bool,
    /// Warnings of the server, such as unknown fields or deprecated versions.
    pub warnings: Vec<String>,
    /// What was sent, where that is not what was given: the server refuses it as it is written.
    pub mended: Option<Box<Mended>>,
}

impl Answer {
    /// The object's resource version; empty where the answer has none.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.object.pointer("/metadata/resourceVersion").and_then(Json::as_str).unwrap_or_default()
    }

    /// The object's uid; empty where the answer has none.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.object.pointer("/metadata/uid").and_then(Json::as_str).unwrap_or_default()
    }
}

/// Which object a write is about, and under which path.
struct Target<'a> {
    resource: &'a Resource,
    id: &'a ObjectId,
    subresource: Option<&'a str>,
}

impl Target<'_> {
    fn call(&self, step: Step, method: Method) -> Result<Call, ApiError> {
        let name = (method != Method::POST).then_some(self.id.name.as_str());
        let path = path(self.resource, &self.id.namespace, name, self.subresource, step, &self.id.into())?;
        Ok(Call::new(step, self.id, method, path))
    }
}

impl Cluster {
    /// Server-side apply of a manifest. Its namespace must be filled in. What only server-side apply refuses is mended, and said in
    /// [`Answer::mended`].
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn apply(&self, manifest: &Manifest, how: &Apply) -> Result<Answer, ApiError> {
        let resource = self.resource(&manifest.gvk()).await.map_err(|error| about(error, &manifest.id, how))?;
        let mut mended: Option<Box<Mended>> = None;
        for _ in 0..MENDS {
            let body = mended.as_ref().map_or(&manifest.body, |m| &m.body);
            match self.apply_as(&resource, &manifest.id, body, how).await {
                Err(error) if error.kind == Kind::Invalid => {
                    let Some(mut next) = mend(body, &error.message, how.drop_unknown) else { return Err(error) };
                    next.notes.splice(..0, mended.map(|m| m.notes).unwrap_or_default());
                    mended = Some(Box::new(next));
                }
                answer => return answer.map(|answer| Answer { mended, ..answer }),
            }
        }
        let words = format!("it is refused after {MENDS} mends: {}", mended.map(|m| m.notes.join("; ")).unwrap_or_default());
        Err(about(ApiError::local(Step::Apply, &manifest.id, Kind::Invalid, words), &manifest.id, how))
    }

    /// Server-side apply of any JSON object of a known kind.
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn apply_as(&self, resource: &Resource, id: &ObjectId, body: &Json, how: &Apply) -> Result<Answer, ApiError> {
        self.apply_to(&Target { resource, id, subresource: None }, body, how).await
    }

    /// Server-side apply of the status subresource.
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn apply_status(&self, resource: &Resource, id: &ObjectId, body: &Json, how: &Apply) -> Result<Answer, ApiError> {
        self.apply_to(&Target { resource, id, subresource: Some("status") }, body, how).await
    }

    async fn apply_to(&self, target: &Target<'_>, body: &Json, how: &Apply) -> Result<Answer, ApiError> {
        let step = if how.dry_run { Step::DryRun } else { Step::Apply };
        let mut call = target.call(step, Method::PATCH)?;
        call.content_type = "application/apply-patch+yaml";
        call.query.push(("fieldManager", how.manager.clone()));
        call.query.push(("force", how.force.to_string()));
        call.query.push(("fieldValidation", how.validation.as_str().into()));
        if how.dry_run {
            call.query.push(("dryRun", "All".into()));
        }
        self.write(call, body).await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] where it is there, else the server's refusal, or why it could not be asked.
    pub async fn create(&self, resource: &Resource, id: &ObjectId, body: &Json) -> Result<Answer, ApiError> {
        let mut call = Target { resource, id, subresource: None }.call(Step::Create, Method::POST)?;
        call.query.push(("fieldManager", MANAGER.into()));
        self.write(call, body).await
    }

    /// Replaces an object; where the body names a resource version, only if it is still that.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where another write came first, else the server's refusal, or why it could not be asked.
    pub async fn replace(&self, resource: &Resource, id: &ObjectId, body: &Json) -> Result<Answer, ApiError> {
        let mut call = Target { resource, id, subresource: None }.call(Step::Replace, Method::PUT)?;
        call.query.push(("fieldManager", MANAGER.into()));
        self.write(call, body).await
    }

    /// Replaces the status of an object.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where another write came first, else the server's refusal, or why it could not be asked.
    pub async fn replace_status(&self, resource: &Resource, id: &ObjectId, body: &Json) -> Result<Answer, ApiError> {
        let mut call = Target { resource, id, subresource: Some("status") }.call(Step::PatchStatus, Method::PUT)?;
        call.query.push(("fieldManager", MANAGER.into()));
        self.write(call, body).await
    }

    /// Changes a part of an object.
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn patch(&self, resource: &Resource, id: &ObjectId, patch: &Patch) -> Result<Answer, ApiError> {
        self.patch_to(&Target { resource, id, subresource: None }, Step::Patch, patch).await
    }

    /// Writes a whole status over the one last seen, as one merge patch that holds only what differs; `None` where nothing
    /// does. Where a resource version is given, only if the object is still that.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where another write came first, else the server's refusal, or why it could not be asked.
    pub async fn write_status(
        &self,
        resource: &Resource,
        id: &ObjectId,
        seen: &Json,
        wanted: &Json,
        resource_version: Option<&str>,
    ) -> Result<Option<Answer>, ApiError> {
        match merge_diff(seen, wanted) {
            Some(difference) => self.patch_status(resource, id, &difference, resource_version).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sets `status` by merge patch; where a resource version is given, only if the object is still that.
    /// Absent keys are kept by a merge patch: write `null` for those that must go.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where another write came first, else the server's refusal, or why it could not be asked.
    pub async fn patch_status(
        &self,
        resource: &Resource,
        id: &ObjectId,
        status: &Json,
        resource_version: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let mut body = json!({ "status": status });
        if let Some(version) = resource_version {
            body["metadata"] = json!({ "resourceVersion": version });
        }
        self.patch_to(&Target { resource, id, subresource: Some("status") }, Step::PatchStatus, &Patch::Merge(body)).await
    }

    async fn patch_to(&self, target: &Target<'_>, step: Step, patch: &Patch) -> Result<Answer, ApiError> {
        let mut call = target.call(step, Method::PATCH)?;
        call.query.push(("fieldManager", MANAGER.into()));
        let body = match patch {
            Patch::Merge(body) => {
                call.content_type = "application/merge-patch+json";
                body
            }
            Patch::Operations(body) => {
                call.content_type = "application/json-patch+json";
                body
            }
        };
        self.write(call, body).await
    }

    /// Deletes an object; `None` where it was not there. A finalizer may keep it for a while yet.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where a precondition failed, else the server's refusal, or why it could not be asked.
    pub async fn delete(&self, resource: &Resource, id: &ObjectId, how: &Delete) -> Result<Option<Answer>, ApiError> {
        let mut call = Target { resource, id, subresource: None }.call(Step::Delete, Method::DELETE)?;
        let policy = match how.propagation {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
            Propagation::Orphan => "Orphan",
        };
        let mut body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy });
        if how.uid.is_some() || how.resource_version.is_some() {
            body["preconditions"] = json!({ "uid": how.uid, "resourceVersion": how.resource_version });
        }
        if how.dry_run {
            call.step = Step::DryRun;
            body["dryRun"] = json!(["All"]);
        }
        match self.write(call, &body).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() || error.kind == Kind::NamespaceMissing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object in the version that the server prefers. What is gone is no error, with its kind or without.
    ///
    /// # Errors
    /// As [`Cluster::delete`].
    pub async fn delete_by_id(&self, id: &ObjectId, how: &Delete) -> Result<(), ApiError> {
        let Some(resource) = self.discovery().preferred(&id.group, &id.kind).await? else { return Ok(()) };
        self.delete(&resource, id, how).await.map(drop)
    }

    async fn write(&self, mut call: Call, body: &Json) -> Result<Answer, ApiError> {
        let (step, subject) = (call.step, call.subject.clone());
        call.body = serde_json::to_vec(body)
            .map_err(|e| ApiError::local(step, subject.clone(), Kind::Refused, format!("the object is no JSON: {e}")))?;
        let reply = self.send(call).await.map_err(|error| error.without_values_of(body))?;
        Ok(Answer { object: reply.json(step, subject)?, created: reply.code == 201, warnings: reply.warnings, mended: None })
    }
}

/// The merge patch that makes `wanted` of `seen`, absent keys included; `None` where they are equal.
fn merge_diff(seen: &Json, wanted: &Json) -> Option<Json> {
    if seen == wanted {
        return None;
    }
    let (Some(old), Some(new)) = (seen.as_object(), wanted.as_object()) else { return Some(wanted.clone()) };
    let mut patch = serde_json::Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => {
                if let Some(difference) = merge_diff(before, value) {
                    patch.insert(key.clone(), difference);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Json::Null);
    }
    Some(Json::Object(patch))
}

/// Says of a kind's absence which object asked for it.
fn about(mut error: ApiError, id: &ObjectId, how: &Apply) -> ApiError {
    error.step = if how.dry_run { Step::DryRun } else { Step::Apply };
    error.subject = id.into();
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_patch_holds_what_differs() {
        for (seen, wanted, patch) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!(null), json!({"a": 1}), Some(json!({"a": 1}))),
            (json!({"a": 1, "b": 2}), json!({"b": 3}), Some(json!({"a": null, "b": 3}))),
            (json!({"a": {"x": 1, "y": 2}, "l": [1, 2]}), json!({"a": {"x": 1}, "l": [1]}), Some(json!({"a": {"y": null}, "l": [1]}))),
        ] {
            assert_eq!(merge_diff(&seen, &wanted), patch, "{seen} to {wanted}");
        }
    }
}
