//! Reading bodies: JSON; YAML and protobuf where the content type says so.

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::json_problem;
use crate::proto;
use crate::schema::gvk_name;
use crate::server::split_version;
use crate::status::{ApiError, unrecognized};

const LIMIT: usize = 3 * 1024 * 1024;

/// Reads a body; `kind` is that of the object which it should be.
pub(super) async fn read(body: Body, content_type: &str, kind: Option<&str>) -> Result<Option<Value>, ApiError> {
    let bytes = body.collect().await.map_err(|e| ApiError::bad_request(format!("the body cannot be read: {e}")))?.to_bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() > LIMIT {
        return Err(ApiError::new(
            http::StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
        ));
    }
    if content_type.contains("protobuf") {
        let type_of = |version: &str, kind: &str| {
            let (group, version) = split_version(version);
            gvk_name(group, version, kind).map(str::to_owned)
        };
        return match proto::decode(&bytes, type_of) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(ApiError::bad_request(error)),
        };
    }
    let plain = content_type.split(';').next().unwrap_or_default().trim();
    if !(plain.is_empty() || plain.contains("json") || plain.contains("yaml")) {
        return Err(ApiError::unsupported_media(
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(_) if content_type.contains("yaml") => match serde_yaml::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                Err(ApiError::bad_request(format!("error decoding YAML: error converting YAML to JSON: yaml: {}", yaml_problem(&error))))
            }
        },
        Err(error) => {
            let text = String::from_utf8_lossy(&bytes);
            let why = json_problem(&bytes).unwrap_or_else(|| error.to_string());
            Err(ApiError::bad_request(if content_type.contains("strategic-merge-patch") {
                why
            } else if content_type.contains("patch") {
                format!("error decoding patch: {why}")
            } else {
                match kind {
                    Some(kind) => return Err(unrecognized(kind, &why, &text)),
                    None => format!("couldn't get version/kind; json parse error: {why}"),
                }
            }))
        }
    }
}

/// What Go's YAML reader says: it counts lines from zero where it parses, and does not tell the first.
fn yaml_problem(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    let scanned = what.contains("in this context") || what.contains("could not find") || what.contains("found character");
    match error.location().map(|at| at.line()).filter(|line| *line > 1) {
        Some(line) => format!("line {}: {what}", if scanned { line } else { line - 1 }),
        None => what.to_owned(),
    }
}
