//! What went wrong in a call to the Kubernetes API: the step, the object, whose fault it is and when to try again.
//!
//! The judgement is made here, once, from the server's answer. Nothing else in the daemon reads status codes or
//! messages to decide about backoff or quarantine.

use super::redact;
use crate::{
    object::{Json, ObjectId},
    release::Fault,
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// When the same call makes sense again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// With the caller's backoff.
    Soon,
    /// Not before this much time, as the server said.
    After(Duration),
    /// When the object or its inputs change.
    OnChange,
    /// Never: the caller asked for something that cannot be done, or must stop.
    Never,
}

/// What the daemon was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Asking which kinds the server knows.
    Discover,
    /// Reading one object.
    Get,
    /// Reading many objects.
    List,
    /// Following changes.
    Watch,
    /// Creating.
    Create,
    /// Server-side apply.
    Apply,
    /// Server-side apply without storing.
    DryRun,
    /// Changing by merge or JSON patch.
    Patch,
    /// Replacing.
    Replace,
    /// Writing the status subresource.
    PatchStatus,
    /// Deleting.
    Delete,
}

impl Step {
    /// Whether nothing is sent but the question.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Self::Discover | Self::Get | Self::List | Self::Watch)
    }

    /// The verb for messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Apply => "apply",
            Self::DryRun => "dry-run",
            Self::Patch => "patch",
            Self::Replace => "replace",
            Self::PatchStatus => "write status of",
            Self::Delete => "delete",
        }
    }

    /// Whether the step changes what the server stores.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Apply | Self::Patch | Self::Replace | Self::PatchStatus | Self::Delete)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a call was about: one object, or a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One object.
    Object(Box<ObjectId>),
    /// A kind, a path or another thing, in words.
    Other(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => write!(f, "{id}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<ObjectId> for Subject {
    fn from(id: ObjectId) -> Self {
        Self::Object(Box::new(id))
    }
}

impl From<&ObjectId> for Subject {
    fn from(id: &ObjectId) -> Self {
        Self::Object(Box::new(id.clone()))
    }
}

/// One field-level reason that the server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Path of the field, such as `spec.replicas`; may be empty.
    pub field: String,
    /// Machine-readable reason, such as `FieldValueInvalid` or `FieldManagerConflict`.
    pub reason: String,
    /// Words.
    pub message: String,
}

/// What kind of failure it is: the one reading of the server's answer from which all else is derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing was answered: connection refused, reset, timed out.
    Unreachable,
    /// It was waited for in vain.
    TimedOut,
    /// The answer was not understood.
    Garbled,
    /// 401.
    Unauthorized,
    /// 403 by permissions.
    Forbidden,
    /// 403 by a quota.
    QuotaExceeded,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The namespace does not exist.
    NamespaceMissing,
    /// The server does not know the kind (yet).
    KindMissing,
    /// The object does not exist.
    NotFound,
    /// The object exists already.
    AlreadyExists,
    /// Another write came first, a precondition failed, or another manager owns a field.
    Conflict,
    /// An immutable field would change.
    Immutable,
    /// The object breaks its schema or the server's validation.
    Invalid,
    /// An admission webhook or policy said no.
    Denied,
    /// An admission or conversion webhook could not be asked.
    WebhookUnreachable,
    /// A webhook with side effects forbids a dry-run.
    DryRunUnsupported,
    /// Too large for the server.
    TooLarge,
    /// The verb is not served for this kind.
    MethodNotAllowed,
    /// The resource version is too old.
    Expired,
    /// 429.
    TooManyRequests,
    /// 5xx.
    Server,
    /// The daemon refused by itself before asking: a name that is no path segment, an owner that is not ours.
    Refused,
    /// Writing is not allowed now: the Lease is not held.
    NotLeader,
    /// Any other answer.
    Other,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ApiError {
    /// What was being done.
    pub step: Step,
    /// To what.
    pub subject: Subject,
    /// HTTP status; 0 where nothing was answered.
    pub code: u16,
    /// The server's machine-readable reason, such as `Invalid`.
    pub reason: String,
    /// The server's words, without values of Secrets.
    pub message: String,
    /// Field-level reasons, without values of Secrets.
    pub causes: Vec<Cause>,
    /// What kind of failure it is.
    pub kind: Kind,
    /// Whose fault it is.
    pub fault: Fault,
    /// When to try again.
    pub class: Retry,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.step, self.subject, self.message)?;
        match self.kind {
            Kind::KindMissing => f.write_str("; install the CustomResourceDefinition of this kind, or wait until it is there"),
            Kind::NamespaceMissing => f.write_str("; create the namespace, or set createNamespace"),
            Kind::Unauthorized => f.write_str("; check the credentials in the kubeconfig"),
            _ => Ok(()),
        }
    }
}

impl ApiError {
    /// A failure without an answer from the server.
    #[must_use]
    pub fn local(step: Step, subject: impl Into<Subject>, kind: Kind, message: impl Into<String>) -> Self {
        let (fault, class) = verdict(kind, None);
        Self {
            step,
            subject: subject.into(),
            code: 0,
            reason: String::new(),
            message: message.into(),
            causes: Vec::new(),
            kind,
            fault,
            class,
        }
    }

    /// Reads an answer with an error status. `retry_after` is the header of that name.
    #[must_use]
    pub fn from_answer(step: Step, subject: impl Into<Subject>, code: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let subject = subject.into();
        let status: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
        let text = |pointer: &str| status.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let is_status = status.get("kind").and_then(Json::as_str) == Some("Status");
        let reason = if is_status { text("/reason") } else { String::new() };
        let message = if is_status { text("/message") } else { plain(body, code) };
        let causes: Vec<Cause> =
            status.pointer("/details/causes").and_then(Json::as_array).map(|causes| causes.iter().map(cause).collect()).unwrap_or_default();
        let seconds = retry_after.or_else(|| status.pointer("/details/retryAfterSeconds").and_then(Json::as_u64)).filter(|s| *s > 0);
        let about = text("/details/kind");
        let kind = Said { code, reason: &reason, message: &message, causes: &causes, is_status, about: &about }.kind(&subject);
        let (fault, class) = verdict(kind, seconds.map(Duration::from_secs));
        // a webhook's own 403 is a matter of permissions or of a policy's mood; its 400 and 422 are verdicts on the fields
        let fault = if kind == Kind::Denied && code == 403 { Fault::Surroundings } else { fault };
        let class = if kind == Kind::Denied && code == 403 { Retry::Soon } else { class };
        // only what is written has content that could be judged
        let (fault, class) = if fault == Fault::Content && step.reads() { (Fault::Surroundings, Retry::Soon) } else { (fault, class) };
        let mut error = Self { step, subject, code, reason, message, causes, kind, fault, class };
        if error.is_about_a_secret() {
            error.message = redact::quoted_values(&error.message);
            for cause in &mut error.causes {
                cause.message = redact::quoted_values(&cause.message);
            }
        }
        error
    }

    /// Takes the values that `sent` holds, if it is a Secret or a patch of one, out of the server's words.
    #[must_use]
    pub fn without_values_of(mut self, sent: &Json) -> Self {
        if self.is_about_a_secret() || sent.get("kind").and_then(Json::as_str) == Some("Secret") {
            let values = redact::secret_values(sent);
            self.message = redact::mask(&self.message, &values);
            for cause in &mut self.causes {
                cause.message = redact::mask(&cause.message, &values);
            }
        }
        self
    }

    fn is_about_a_secret(&self) -> bool {
        matches!(&self.subject, Subject::Object(id) if id.group.is_empty() && id.kind == "Secret")
    }

    /// Whether the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// Whether an immutable field stood in the way, so that only deleting and creating the object would help.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.kind == Kind::Immutable
    }

    /// Whether it is about the content, which quarantines.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.fault == Fault::Content
    }
}

fn cause(value: &Json) -> Cause {
    let text = |key: &str| value.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    Cause { field: text("field"), reason: text("reason"), message: text("message") }
}

/// Words of an answer that is no `Status`, as proxies give them.
fn plain(body: &[u8], code: u16) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.lines().next().unwrap_or_default().trim().chars().take(200).collect();
    if line.is_empty() { format!("the server answered {code} without a word") } else { line }
}

/// The server's answer, taken apart.
struct Said<'a> {
    code: u16,
    reason: &'a str,
    message: &'a str,
    causes: &'a [Cause],
    /// Whether it is a `Status`; proxies answer otherwise.
    is_status: bool,
    /// The kind (in truth the resource) that the server's words are about.
    about: &'a str,
}

impl Said<'_> {
    fn kind(&self, subject: &Subject) -> Kind {
        let caused = |wanted: &str| self.causes.iter().any(|cause| cause.reason == wanted);
        let says = |wanted: &str| self.message.contains(wanted);
        if says("does not support dry run") {
            return Kind::DryRunUnsupported;
        }
        if says("failed calling webhook") || says("conversion webhook") || says("failed to call webhook") {
            return Kind::WebhookUnreachable;
        }
        if says("request is too large") || says("Too long: may not be more than") && says("annotations") {
            return Kind::TooLarge;
        }
        // the server answers 500 where an applied object does not fit its schema
        if says("failed to create typed patch object") || says("unable to convert unstructured object") {
            return Kind::Invalid;
        }
        if caused("NamespaceTerminating") || says("because it is being terminated") {
            return Kind::NamespaceTerminating;
        }
        if (says("admission webhook") || says("ValidatingAdmissionPolicy")) && says("denied") {
            return Kind::Denied;
        }
        match self.code {
            400 => Kind::Invalid,
            401 => Kind::Unauthorized,
            403 if says("exceeded quota") => Kind::QuotaExceeded,
            403 => Kind::Forbidden,
            404 if !self.is_status || says("could not find the requested resource") || says("no matches for kind") => Kind::KindMissing,
            404 if self.about == "namespaces" && !matches!(subject, Subject::Object(id) if id.kind == "Namespace") => {
                Kind::NamespaceMissing
            }
            404 => Kind::NotFound,
            405 => Kind::MethodNotAllowed,
            409 if self.reason == "AlreadyExists" => Kind::AlreadyExists,
            409 => Kind::Conflict,
            410 => Kind::Expired,
            413 => Kind::TooLarge,
            422 if says("field is immutable") || says("is immutable") || says("updates to statefulset spec for fields other than") => {
                Kind::Immutable
            }
            422 if says("may not change once set") || says("spec is immutable after creation") => Kind::Immutable,
            422 => Kind::Invalid,
            429 => Kind::TooManyRequests,
            500.. => Kind::Server,
            _ => Kind::Other,
        }
    }
}

fn verdict(kind: Kind, after: Option<Duration>) -> (Fault, Retry) {
    match kind {
        Kind::Immutable | Kind::Invalid | Kind::Denied | Kind::TooLarge | Kind::MethodNotAllowed => (Fault::Content, Retry::OnChange),
        Kind::Refused => (Fault::Content, Retry::OnChange),
        Kind::NotLeader => (Fault::Surroundings, Retry::Never),
        _ => (Fault::Surroundings, after.map_or(Retry::Soon, Retry::After)),
    }
}

#[cfg(test)]
mod tests;
