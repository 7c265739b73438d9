//! Admission webhooks without a server behind them: what they would answer is given by a test.

use serde_json::Value;

use super::Attempt;
use crate::patch::json_patch;
use crate::status::ApiError;
use http::StatusCode;

/// An admission webhook, the writes that it is asked about, and what it answers.
///
/// ```
/// use kubemem::{Webhook, Write};
/// let webhook = Webhook::named("images.example.com").on(Write::Create).kind("Pod").denies("the image is not signed");
/// ```
#[derive(Clone, Debug)]
pub struct Webhook {
    name: String,
    writes: Vec<Write>,
    kind: Option<String>,
    namespace: Option<String>,
    object: Option<String>,
    side_effects: bool,
    response: Response,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// An object comes into being.
    Create,
    /// An object changes, by whatever verb.
    Update,
    /// An object goes.
    Delete,
}

/// What a webhook answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// Refused, for this reason.
    Deny(String),
    /// Allowed, with a warning to the client.
    Warn(String),
    /// Allowed, after a JSON patch.
    Patch(Value),
    /// It cannot be reached, for this reason, and the write fails for that.
    Unreachable(String),
}

impl Webhook {
    /// A webhook that is asked about every write, and warns of it until it is told what to answer.
    pub fn named(name: &str) -> Webhook {
        Webhook {
            name: name.to_owned(),
            writes: Vec::new(),
            kind: None,
            namespace: None,
            object: None,
            side_effects: false,
            response: Response::Warn(format!("{name} was asked")),
        }
    }

    /// Only for writes of this sort; several may be named.
    pub fn on(mut self, write: Write) -> Webhook {
        self.writes.push(write);
        self
    }

    /// Only for objects of this kind.
    pub fn kind(self, kind: &str) -> Webhook {
        Webhook { kind: Some(kind.to_owned()), ..self }
    }

    /// Only for objects in this namespace.
    pub fn namespace(self, namespace: &str) -> Webhook {
        Webhook { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Only for the object of this name.
    pub fn object(self, name: &str) -> Webhook {
        Webhook { object: Some(name.to_owned()), ..self }
    }

    /// It has side effects: dry runs that come to it fail.
    pub fn side_effects(self) -> Webhook {
        Webhook { side_effects: true, ..self }
    }

    /// Refuses with 403.
    pub fn denies(self, reason: &str) -> Webhook {
        self.answers(Response::Deny(reason.to_owned()))
    }

    /// Warns.
    pub fn warns(self, text: &str) -> Webhook {
        self.answers(Response::Warn(text.to_owned()))
    }

    /// Changes the object by a JSON patch.
    pub fn patches(self, patch: Value) -> Webhook {
        self.answers(Response::Patch(patch))
    }

    /// Answers this.
    pub fn answers(self, response: Response) -> Webhook {
        Webhook { response, ..self }
    }

    fn is_asked(&self, attempt: &Attempt<'_>) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        (self.writes.is_empty() || self.writes.contains(&attempt.write))
            && same(&self.kind, &attempt.target.resource.kind)
            && same(&self.namespace, &attempt.target.namespace)
            && same(&self.object, &attempt.target.name)
    }

    fn internal(&self, why: String) -> ApiError {
        ApiError::internal(format!("Internal error occurred: failed calling webhook {:?}: {why}", self.name))
    }
}

fn asked<'a>(webhooks: &'a [Webhook], attempt: &Attempt<'_>, patching: bool) -> Result<Vec<&'a Webhook>, ApiError> {
    let chosen: Vec<&Webhook> =
        webhooks.iter().filter(|webhook| matches!(webhook.response, Response::Patch(_)) == patching && webhook.is_asked(attempt)).collect();
    match chosen.iter().find(|webhook| attempt.dry_run && webhook.side_effects) {
        Some(webhook) => Err(ApiError::bad_request(format!("admission webhook {:?} does not support dry run", webhook.name))),
        None => Ok(chosen),
    }
}

/// Has those webhooks change an object that do.
pub(super) fn mutate(webhooks: &[Webhook], attempt: &Attempt<'_>, object: &mut Value) -> Result<Vec<String>, ApiError> {
    for webhook in asked(webhooks, attempt, true)? {
        let Response::Patch(patch) = &webhook.response else { continue };
        let operations = patch.as_array().map_or(&[][..], Vec::as_slice);
        json_patch(object, operations).ok_or_else(|| webhook.internal("its patch cannot be applied".to_owned()))?;
    }
    Ok(Vec::new())
}

/// Asks the other webhooks.
pub(super) fn validate(webhooks: &[Webhook], attempt: &Attempt<'_>, _object: &Value) -> Result<Vec<String>, ApiError> {
    let mut warnings = Vec::new();
    for webhook in asked(webhooks, attempt, false)? {
        match &webhook.response {
            Response::Deny(reason) => {
                let message = format!("admission webhook {:?} denied the request: {reason}", webhook.name);
                return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
            }
            Response::Unreachable(why) => return Err(webhook.internal(format!("failed to call webhook: {why}"))),
            Response::Warn(text) => warnings.push(text.clone()),
            Response::Patch(_) => {}
        }
    }
    Ok(warnings)
}
