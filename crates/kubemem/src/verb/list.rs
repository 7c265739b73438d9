//! Listing objects: selectors, pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Call, Target, present};
use crate::status::ApiError;
use crate::store::{FieldSelector, LabelSelector, ObjectName};

/// Options of lists and watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) limit: usize,
    pub(crate) continue_token: String,
    pub(crate) resource_version: String,
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Value>>,
    /// `metadata` of the list.
    pub(crate) meta: Value,
}

impl ListOptions {
    pub(crate) fn selects(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }
}

impl Call<'_> {
    /// Everything that the options select, after a name if one is given.
    pub(crate) fn matching<'s>(
        &'s self,
        target: &'s Target,
        options: &'s ListOptions,
        after: Option<ObjectName>,
    ) -> Result<impl Iterator<Item = &'s Arc<Value>> + use<'s>, ApiError> {
        let resource = &target.resource;
        if let Some(path) =
            options.fields.unsupported(&resource.group, &resource.kind, resource.custom.as_ref().map_or(&[], |c| &c.selectable))
        {
            let own = resource.custom.is_some() || FieldSelector::has_own(&resource.group, &resource.kind);
            return Err(ApiError::bad_request(match own {
                true => format!("field label not supported: {path}"),
                false => format!("\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
            }));
        }
        let objects =
            self.store.table(&resource.table()).into_iter().flat_map(move |table| table.list_after(&target.namespace, after.clone()));
        Ok(objects.map(|(_, object)| object).filter(|object| options.selects(object)))
    }

    /// GET of a collection.
    pub(crate) fn list(&self, target: &Target, options: &ListOptions) -> Result<Page, ApiError> {
        let resource = &target.resource;
        let now = self.store.revision();
        if let Some(problem) = unreadable_version(&options.resource_version) {
            return Err(ApiError::bad_request(format!("invalid resource version: {problem}")));
        }
        if let Ok(wanted) = options.resource_version.parse::<u64>()
            && wanted > now
        {
            return Err(ApiError {
                details: Some(
                    json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}),
                ),
                ..ApiError::new(
                    http::StatusCode::GATEWAY_TIMEOUT,
                    "Timeout",
                    format!("Too large resource version: {wanted}, current: {now}"),
                )
            });
        }
        if !options.continue_token.is_empty() && !matches!(options.resource_version.as_str(), "" | "0") {
            return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
        }
        let (revision, after) = match options.continue_token.as_str() {
            "" => (now, None),
            token => {
                let (at, after) =
                    read_token(token).ok_or_else(|| ApiError::bad_request("continue key is not valid: the token cannot be read"))?;
                (at, Some(after))
            }
        };
        let mut found = self.matching(target, options, after)?;
        let mut meta = json!({"resourceVersion": revision.to_string()});
        let limit = if options.limit > 0 { options.limit } else { usize::MAX };
        let items: Vec<Arc<Value>> = found.by_ref().take(limit).cloned().collect();
        let selects = !options.labels.is_empty() || !options.fields.is_empty();
        // what is left is counted only where nothing has to be looked into
        let rest = if selects { found.take(1).count() } else { found.count() };
        if rest > 0 {
            if let Some(last) = items.last() {
                meta["continue"] = write_token(revision, &name_of(last)).into();
            }
            if !selects {
                meta["remainingItemCount"] = rest.into();
            }
        }
        let items = items.iter().map(|object| present(resource, object)).collect();
        Ok(Page { items, meta })
    }
}

/// Why a resource version cannot be read.
pub(crate) fn unreadable_version(text: &str) -> Option<String> {
    let shown = Value::from(text);
    (!text.is_empty() && text.parse::<u64>().is_err())
        .then(|| format!("resourceVersion: Invalid value: {shown}: strconv.ParseUint: parsing {shown}: invalid syntax"))
}

fn name_of(object: &Value) -> ObjectName {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    ObjectName::new(text("namespace"), text("name"))
}

fn write_token(revision: u64, last: &ObjectName) -> String {
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": [last.namespace, last.name]}).to_string())
}

fn read_token(token: &str) -> Option<(u64, ObjectName)> {
    let json: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    Some((json["rv"].as_u64()?, ObjectName::new(json["start"][0].as_str()?, json["start"][1].as_str()?)))
}
