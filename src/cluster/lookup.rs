//! What templates ask by `lookup`, answered from the cluster: rendered without the answer first, then again with it.

use super::{ApiError, Cluster, ListOptions};
use crate::object::{Gvk, Json, ObjectId};
use helmward_chart::template::{Lookup, LookupQuery};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// The answers that one render has; what is not known yet is noted down.
#[derive(Debug, Default)]
pub struct Lookups {
    answers: HashMap<LookupQuery, Option<Json>>,
    new: Mutex<BTreeSet<LookupQuery>>,
}

impl Lookups {
    /// Renders until the templates ask nothing new, at most so often.
    pub const ROUNDS: usize = 6;

    /// Lookups with these answers.
    #[must_use]
    pub fn with(answers: HashMap<LookupQuery, Option<Json>>) -> Self {
        Self { answers, new: Mutex::default() }
    }

    /// What was asked and is not known yet.
    pub fn take_new(&self) -> BTreeSet<LookupQuery> {
        std::mem::take(&mut *self.new.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lookup for Lookups {
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String> {
        if let Some(answer) = self.answers.get(query) {
            return Ok(answer.clone());
        }
        self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(query.clone());
        Ok(None)
    }
}

impl Cluster {
    /// The answer to a lookup: an object, or a list where no name is asked for; `None` where there is none.
    ///
    /// # Errors
    /// Those of the read.
    pub async fn look_up(&self, query: &LookupQuery) -> Result<Option<Json>, ApiError> {
        let gvk = Gvk::new(&query.api_version, &query.kind);
        let Some(resource) = self.discovery().resource(&gvk).await? else { return Ok(None) };
        if query.name.is_empty() {
            let list = self.list(&resource, &ListOptions::labels(&query.namespace, "")).await?;
            let kind = format!("{}List", query.kind);
            return Ok(Some(json!({"apiVersion": query.api_version, "kind": kind, "metadata": {}, "items": list.items})));
        }
        let namespace = if resource.namespaced { query.namespace.as_str() } else { "" };
        self.get_as(&resource, &ObjectId::new(&gvk.group, &gvk.kind, namespace, &query.name)).await
    }
}
