//! Options in the query.

use serde_json::{Value, json};

use super::path::decode;
use crate::status::{ApiError, Cause, CauseType};
use crate::store::{FieldSelector, LabelSelector};
use crate::verb::{ListOptions, Validation, WriteOptions};

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

    fn dry_run(&self) -> Result<bool, ApiError> {
        let all = self.all("dryRun");
        match all.iter().find(|v| **v != "All" && !v.is_empty()) {
            Some(other) => Err(ApiError::new(
                http::StatusCode::UNPROCESSABLE_ENTITY,
                "Invalid",
                format!("PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"{other}\"]: supported values: \"All\""),
            )),
            None => Ok(all.contains(&"All")),
        }
    }

    pub(super) fn write_options(&self, user_agent: &str) -> Result<WriteOptions, ApiError> {
        let manager = self.one("fieldManager").unwrap_or_default();
        let from_agent = || user_agent.split('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(128).collect();
        // server-side apply has no default manager
        let manager = if manager.is_empty() && self.one("force").is_none() { from_agent() } else { manager.to_owned() };
        Ok(WriteOptions {
            manager,
            dry_run: self.dry_run()?,
            validation: match self.one("fieldValidation") {
                Some("Strict") => Validation::Strict,
                Some("Ignore") => Validation::Ignore,
                _ => Validation::Warn,
            },
            force: self.flag("force"),
            user: None,
        })
    }

    pub(super) fn list_options(&self) -> Result<ListOptions, ApiError> {
        Ok(ListOptions {
            labels: LabelSelector::parse(self.one("labelSelector").unwrap_or_default()).map_err(ApiError::bad_request)?,
            fields: FieldSelector::parse(self.one("fieldSelector").unwrap_or_default()).map_err(ApiError::bad_request)?,
            limit: self.one("limit").and_then(|n| n.parse().ok()).unwrap_or(0),
            continue_token: self.one("continue").unwrap_or_default().to_owned(),
            resource_version: self.one("resourceVersion").unwrap_or_default().to_owned(),
            version_match: self.one("resourceVersionMatch").unwrap_or_default().to_owned(),
        })
    }

    /// Delete options may come in the query as well as in the body.
    pub(super) fn merge_delete(&self, body: &mut Value) {
        if !body.is_object() {
            *body = json!({});
        }
        if let Some(policy) = self.one("propagationPolicy") {
            body["propagationPolicy"] = policy.into();
        }
        if let Some(grace) = self.one("gracePeriodSeconds").and_then(|g| g.parse::<i64>().ok()) {
            body["gracePeriodSeconds"] = grace.into();
        }
        if self.all("dryRun").contains(&"All") {
            body["dryRun"] = json!(["All"]);
        }
    }
}

/// Apply without a manager.
pub(super) fn manager_required() -> ApiError {
    let cause = Cause::new(CauseType::Required, "fieldManager", "Required value: is required for apply patch");
    ApiError {
        code: http::StatusCode::UNPROCESSABLE_ENTITY,
        reason: "Invalid",
        message: "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch".into(),
        details: Some(json!({"group": "meta.k8s.io", "kind": "PatchOptions"})),
    }
    .with_causes(&[cause])
}
