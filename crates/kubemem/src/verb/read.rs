//! Reading one object, and reading what a client sent.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Target, Validation, WriteOptions};
use crate::kinds;
use crate::resource::Resource;
use crate::schema::{decode, json_type, object_meta, write_zeros};
use crate::status::{ApiError, Cause, unrecognized, unregistered};

/// An object in the version that was asked for.
pub(crate) fn present(resource: &Resource, object: &Arc<Value>) -> Arc<Value> {
    if resource.plural == "events" && resource.group == "events.k8s.io" && object["apiVersion"] == "v1" {
        return Arc::new(kinds::event::to_events_group(object));
    }
    match &resource.custom {
        Some(custom) => kinds::conversion::read(resource, custom, object),
        None => object.clone(),
    }
}

/// What Go calls the type that it reads version and kind into.
const TYPE_META: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

impl Call<'_> {
    pub(crate) fn get(&self, target: &Target) -> Result<Arc<Value>, ApiError> {
        self.store
            .at(&target.place())
            .map(|object| present(&target.resource, object))
            .ok_or_else(|| ApiError::not_found(&target.resource, &target.name))
    }

    /// Reads the object of a request as the server understands it: checked, pruned, defaulted.
    pub(super) fn read_object(&self, target: &Target, mut value: Value, options: &WriteOptions) -> Result<(Value, Vec<String>), ApiError> {
        let resource = &target.resource;
        if !value.is_object() {
            let why = format!("json: cannot unmarshal {} into Go value of type {TYPE_META}", json_type(&value));
            return Err(unrecognized(&resource.kind, &why, &value.to_string()));
        }
        if let Some((field, wrong)) = ["apiVersion", "kind"].iter().map(|f| (f, &value[*f])).find(|(_, v)| !v.is_string() && !v.is_null()) {
            let why = format!("json: cannot unmarshal {} into Go struct field .{field} of type string", json_type(wrong));
            return Err(unrecognized(&resource.kind, &why, &value.to_string()));
        }
        self.check_kind(resource, &mut value)?;
        let refuse = |what: &str| {
            let version = &resource.version;
            ApiError::bad_request(format!("{} in version \"{version}\" cannot be handled as a {}: {what}", resource.kind, resource.kind))
        };
        let (value, unknown) = if let Some(custom) = &resource.custom {
            shorten(&mut value);
            let meta = decode(value["metadata"].take(), &object_meta(), "ObjectMeta");
            if let Some(error) = meta.error {
                return Err(refuse(&error));
            }
            value["metadata"] = if meta.value.is_null() { json!({}) } else { meta.value };
            let mut unknown: Vec<String> = meta.unknown.into_iter().map(|path| format!("metadata.{path}")).collect();
            unknown.extend(custom.structural.prune(&mut value));
            custom.structural.default(&mut value);
            (value, unknown)
        } else {
            let decoded = decode(value, &resource.schema, &resource.kind);
            if let Some(error) = decoded.error {
                return Err(refuse(&error));
            }
            let mut value = decoded.value;
            if !value["metadata"].is_object() {
                value["metadata"] = json!({});
            }
            kinds::default(resource, &mut value);
            write_zeros(&mut value, &resource.schema);
            (value, decoded.unknown)
        };
        let shown: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
        match options.validation {
            Validation::Strict if !shown.is_empty() => Err(refuse(&format!("strict decoding error: {}", shown.join(", ")))),
            Validation::Warn => Ok((value, shown)),
            _ => Ok((value, Vec::new())),
        }
    }

    fn check_kind(&self, resource: &Resource, value: &mut Value) -> Result<(), ApiError> {
        let own = resource.api_version();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        let version = value["apiVersion"].as_str().unwrap_or_default().to_owned();
        if kind.is_empty() && version.is_empty() && resource.custom.is_none() {
            value["kind"] = resource.kind.as_str().into();
            value["apiVersion"] = own.into();
            return Ok(());
        }
        if resource.custom.is_some() && version == own && kind != resource.kind {
            let name = value["metadata"]["name"].as_str().unwrap_or_default();
            let cause = Cause::invalid("kind", &kind.as_str().into(), &format!("must be {}", resource.kind));
            return Err(ApiError {
                message: format!("{kind}.{} \"{name}\" is invalid: kind: {}", resource.group, cause.message),
                details: Some(json!({"name": name, "group": resource.group, "kind": kind})),
                ..ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "")
            }
            .with_causes(&[cause]));
        }
        if version != own && kind == resource.kind && resource.custom.is_some() {
            return Err(ApiError::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({own})"
            )));
        }
        if kind != resource.kind || version != own {
            let short = value_version(&version);
            let (group, of) = version.split_once('/').unwrap_or(("", &version));
            let other = self.store.registry.by_kind(group, of, &kind).filter(|other| other.custom.is_none());
            let why = if let Some(problem) = other.as_ref().and_then(|other| decode(value.clone(), &other.schema, &kind).error) {
                // it is read before it is found to be of another kind
                problem
            } else if other.is_some() {
                let internal = if resource.group.is_empty() { "core" } else { &resource.group };
                format!("converting ({short}.{kind}) to ({internal}.{}): unknown conversion", resource.kind)
            } else {
                unregistered(&kind, &version)
            };
            return Err(ApiError::bad_request(format!("{kind} in version \"{short}\" cannot be handled as a {}: {why}", resource.kind)));
        }
        Ok(())
    }
}

/// Whole numbers in the shortest spelling, as Go writes them.
fn shorten(value: &mut Value) {
    match value {
        Value::Number(n) if n.is_f64() => {
            if let Some(whole) = n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15) {
                *value = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(map) => map.values_mut().for_each(shorten),
        _ => {}
    }
}

fn value_version(api_version: &str) -> &str {
    api_version.rsplit('/').next().unwrap_or(api_version)
}
