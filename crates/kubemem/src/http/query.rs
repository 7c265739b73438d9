//! Options in the query.

use http::Method;
use serde_json::{Value, json};

use super::path::decode;
use crate::status::{ApiError, Cause, CauseType, invalid_options};
use crate::store::{FieldSelector, LabelSelector};
use crate::verb::{ListOptions, PatchKind, Validation, WriteOptions};

/// A query, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) text: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Query {
        let plain = |part: &str| decode(&part.replace('+', " "));
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (plain(name), plain(value))
            })
            .collect();
        Query { text: text.to_owned(), pairs }
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.one(name).is_some_and(|v| matches!(v, "" | "1" | "t" | "T" | "true" | "True" | "TRUE"))
    }

    /// The options of a write, checked as the server checks those of each verb.
    pub(super) fn write_options(&self, user_agent: &str, method: &Method, content_type: &str) -> Result<WriteOptions, ApiError> {
        let kind = match *method {
            Method::POST => "CreateOptions",
            Method::PUT => "UpdateOptions",
            _ => "PatchOptions",
        };
        let patch = (*method == Method::PATCH).then(|| PatchKind::of(content_type)).flatten();
        let given = self.one("fieldManager").unwrap_or_default();
        let mut causes = Vec::new();
        let dry_run: Vec<&str> = self.all("dryRun").into_iter().filter(|v| !v.is_empty()).collect();
        if dry_run.iter().any(|v| *v != "All") {
            let detail = format!("Unsupported value: {}: supported values: \"All\"", json!(dry_run));
            causes.push(Cause::new(CauseType::NotSupported, "dryRun", detail));
        }
        // server-side apply has no default manager
        if patch == Some(PatchKind::Apply) && given.is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        } else if patch.is_some_and(|p| p != PatchKind::Apply) && self.one("force").is_some() {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        if given.len() > 128 {
            causes.push(Cause::new(CauseType::TooLong, "fieldManager", "Too long: may not be more than 128 bytes"));
        }
        if let Some((at, c)) = given.char_indices().find(|(_, c)| c.is_control()) {
            causes.push(Cause::invalid("fieldManager", &given.into(), &format!("invalid character U+{:04X} (at position {at})", c as u32)));
        }
        let validation = match self.one("fieldValidation") {
            Some("Strict") => Validation::Strict,
            Some("Ignore") => Validation::Ignore,
            Some("Warn" | "") | None => Validation::Warn,
            Some(other) => {
                let detail = format!("Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
                causes.push(Cause::new(CauseType::NotSupported, "fieldValidation", detail));
                Validation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(invalid_options(kind, &causes));
        }
        let from_agent = || user_agent.split('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(128).collect();
        let manager = if given.is_empty() { from_agent() } else { given.to_owned() };
        Ok(WriteOptions {
            manager,
            dry_run: !dry_run.is_empty(),
            validation,
            force: self.flag("force"),
            by_patch: patch.is_some(),
            user: None,
        })
    }

    pub(super) fn list_options(&self) -> Result<ListOptions, ApiError> {
        let (version, matching) = (self.one("resourceVersion").unwrap_or_default(), self.one("resourceVersionMatch").unwrap_or_default());
        let mut causes = Vec::new();
        let initial = self.one("sendInitialEvents").is_some();
        let mut forbid = |field: &str, why: &str| causes.push(Cause::forbidden(field, why));
        if self.flag("watch") {
            if !initial && !matching.is_empty() {
                forbid("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
            } else if initial && matching != "NotOlderThan" {
                forbid("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
                if !matching.is_empty() {
                    let shown = format!("Unsupported value: \"{matching}\": supported values: \"NotOlderThan\"");
                    causes.push(Cause::new(CauseType::NotSupported, "resourceVersionMatch", shown));
                }
            }
        } else if initial {
            forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
        } else if !matching.is_empty() {
            if version.is_empty() {
                forbid("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
            } else if self.one("continue").is_some_and(|c| !c.is_empty()) {
                forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
            } else if matching == "Exact" && version == "0" {
                forbid("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                let shown = format!("Unsupported value: \"{matching}\": supported values: \"Exact\", \"NotOlderThan\", \"\"");
                causes.push(Cause::new(CauseType::NotSupported, "resourceVersionMatch", shown));
            }
        }
        if !causes.is_empty() {
            return Err(invalid_options("ListOptions", &causes));
        }
        self.number("timeoutSeconds")?;
        Ok(ListOptions {
            labels: LabelSelector::parse(self.one("labelSelector").unwrap_or_default()).map_err(ApiError::bad_request)?,
            fields: FieldSelector::parse(self.one("fieldSelector").unwrap_or_default()).map_err(ApiError::bad_request)?,
            limit: usize::try_from(self.number("limit")?.unwrap_or(0)).unwrap_or(0),
            continue_token: self.one("continue").unwrap_or_default().to_owned(),
            resource_version: version.to_owned(),
            exact: matching == "Exact" || matching.is_empty() && !matches!(self.one("limit"), None | Some("" | "0")),
        })
    }

    /// A number, which Go must be able to read.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let unreadable = |text: &str| ApiError::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"));
        self.one(name).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(|_| unreadable(text))).transpose()
    }

    /// Delete options may come in the query as well as in the body.
    pub(super) fn merge_delete(&self, body: &mut Value) -> Result<(), ApiError> {
        if !body.is_object() {
            *body = json!({});
        }
        if let Some(policy) = self.one("propagationPolicy") {
            body["propagationPolicy"] = policy.into();
        }
        if let Some(grace) = self.number("gracePeriodSeconds")? {
            body["gracePeriodSeconds"] = grace.into();
        }
        let dry_run = self.all("dryRun");
        if !dry_run.is_empty() {
            body["dryRun"] = json!(dry_run);
        }
        Ok(())
    }
}
