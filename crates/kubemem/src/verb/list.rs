//! Listing objects: selectors, pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Call, Target, present};
use crate::http::json_problem;
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
    /// Whether the list is to be of that very version.
    pub(crate) exact: bool,
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
        let wanted = options.resource_version.parse::<u64>().ok().filter(|wanted| options.exact && *wanted > 0);
        let (revision, after) = match options.continue_token.as_str() {
            "" => (wanted.unwrap_or(now), None),
            token => {
                let refused = |why| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
                let (at, after) = read_token(token).map_err(refused)?;
                (at, Some(after))
            }
        };
        let then;
        let current = self.matching(target, options, after)?;
        let mut found: Box<dyn Iterator<Item = &Arc<Value>>> = Box::new(current);
        if revision < now && wanted.is_some() {
            let table = self.store.table(&resource.table());
            then = match table.map(|table| table.as_it_was(&target.namespace, revision)) {
                Some(Some(objects)) => objects,
                Some(None) => return Err(ApiError::expired("The resourceVersion for the provided list is too old.")),
                None => Default::default(),
            };
            found = Box::new(then.values().filter(|object| options.selects(object)));
        }
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

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

fn write_token(revision: u64, last: &ObjectName) -> String {
    URL_SAFE_NO_PAD.encode(json!({"v": TOKEN_VERSION, "rv": revision, "start": [last.namespace, last.name]}).to_string())
}

fn read_token(token: &str) -> Result<(u64, ObjectName), String> {
    let good = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let wrong = || token.bytes().position(|c| !good(&c)).unwrap_or(token.len());
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| format!("illegal base64 data at input byte {}", wrong()))?;
    let json: Value = serde_json::from_slice(&bytes).map_err(|e| json_problem(&bytes).unwrap_or_else(|| e.to_string()))?;
    if json["v"] != TOKEN_VERSION {
        return Err(format!("server does not recognize this encoded version {}", Value::from(json["v"].as_str().unwrap_or_default())));
    }
    let revision = json["rv"].as_u64().filter(|rv| *rv > 0);
    let revision = revision.ok_or_else(|| format!("incorrect encoded start resourceVersion (version {TOKEN_VERSION})"))?;
    match (json["start"][0].as_str(), json["start"][1].as_str()) {
        (Some(namespace), Some(name)) => Ok((revision, ObjectName::new(namespace, name))),
        _ => Err(format!("encoded start key empty (version {TOKEN_VERSION})")),
    }
}
