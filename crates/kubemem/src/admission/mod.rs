//! What is done to a write between its being understood and its being stored: limit ranges, quotas, and webhooks as a test scripts them or
//! as the cluster's own configurations name them.

mod configured;
mod limits;
mod quota;
mod webhook;

use serde_json::Value;

pub(crate) use quota::{quotas, usage_of};
pub use webhook::{Response, Webhook, Write};

use crate::status::ApiError;
use crate::verb::{Call, Part, Target};

/// A write as admission sees it.
pub(crate) struct Attempt<'a> {
    pub(crate) write: Write,
    pub(crate) target: &'a Target,
    pub(crate) old: Option<&'a Value>,
    pub(crate) dry_run: bool,
}

/// Changes an object as limit ranges and webhooks ask for; answers the warnings.
pub(crate) fn mutate(call: &Call<'_>, attempt: &Attempt<'_>, object: &mut Value) -> Result<Vec<String>, ApiError> {
    if attempt.target.part != Part::Whole {
        return Ok(Vec::new());
    }
    if attempt.write == Write::Create && attempt.target.resource.is("", "Pod") {
        limits::fill_in(call, &attempt.target.namespace, object);
    }
    configured::check(call, attempt, object, "mutatingwebhookconfigurations")?;
    webhook::mutate(call.webhooks, attempt, object)
}

/// Refuses what limit ranges, webhooks or quotas forbid; answers the warnings.
pub(crate) fn validate(call: &Call<'_>, attempt: &Attempt<'_>, object: &Value) -> Result<Vec<String>, ApiError> {
    if attempt.target.part != Part::Whole {
        return Ok(Vec::new());
    }
    let refuse = |why: String| ApiError::forbidden(&attempt.target.resource, &attempt.target.name, &why);
    if attempt.write != Write::Delete {
        limits::check(call, attempt, object).map_err(refuse)?;
    }
    configured::check(call, attempt, object, "validatingwebhookconfigurations")?;
    let warnings = webhook::validate(call.webhooks, attempt, object)?;
    if attempt.write != Write::Delete {
        quota::check(call, attempt, object).map_err(refuse)?;
    }
    Ok(warnings)
}
