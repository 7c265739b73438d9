//! ConfigMaps and Secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::set;
use crate::http::json_problem;
use crate::status::{Cause, CauseType};

const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

pub(crate) fn default_secret(object: &mut Value) {
    set(object, "type", "Opaque".into());
    if let Some(plain) = object.as_object_mut().and_then(|map| map.remove("stringData")) {
        if !object["data"].is_object() && plain.as_object().is_some_and(|p| !p.is_empty()) {
            object["data"] = json!({});
        }
        for (name, value) in plain.as_object().into_iter().flatten() {
            object["data"][name] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
        }
    }
}

pub(crate) fn validate(kind: &str, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut out = Vec::new();
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (name, value) in new[field].as_object().into_iter().flatten() {
            let encoded = value.as_str().unwrap_or_default();
            size += if kind == "Secret" || field == "binaryData" { encoded.len() / 4 * 3 } else { encoded.len() };
            if name.is_empty() || name.len() > 253 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                out.push(Cause::invalid(format!("{field}[{name}]"), &name.as_str().into(), KEY));
            }
            let upwards = match name.as_str() {
                "." => "must not be '.'",
                ".." => "must not be '..'",
                _ if name.starts_with("..") => "must not start with '..'",
                _ => "",
            };
            if !upwards.is_empty() {
                out.push(Cause::invalid(format!("{field}[{name}]"), &name.as_str().into(), upwards));
            }
            if field == "binaryData" && new["data"].get(name).is_some() {
                out.push(Cause::invalid(format!("data[{name}]"), &name.as_str().into(), "duplicate of key present in binaryData"));
            }
        }
    }
    if size > 1_048_576 {
        let field = if kind == "Secret" { "data" } else { "" };
        out.push(Cause::new(CauseType::TooLong, field, "Too long: may not be more than 1048576 bytes"));
    }
    if kind == "Secret" {
        let needed: &[&str] = match new["type"].as_str().unwrap_or_default() {
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/basic-auth" if ["username", "password"].iter().all(|key| new["data"].get(*key).is_none()) => {
                &["username", "password"]
            }
            _ => &[],
        };
        for key in needed.iter().filter(|key| new["data"].get(**key).is_none()) {
            out.push(Cause::required(format!("data[{key}]"), ""));
        }
        if let "kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson" = new["type"].as_str().unwrap_or_default() {
            for key in needed {
                let plain = new["data"][*key].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
                let given = new["data"].get(*key).is_some();
                if let Some(problem) = json_problem(&plain).filter(|_| given) {
                    out.push(Cause::invalid(format!("data[{key}]"), &"<secret contents redacted>".into(), &problem));
                }
            }
        }
        let account = "kubernetes.io/service-account.name";
        if new["type"] == "kubernetes.io/service-account-token"
            && new["metadata"]["annotations"][account].as_str().is_none_or(str::is_empty)
        {
            out.push(Cause::required(format!("metadata.annotations[{account}]"), ""));
        }
    }
    if let Some(old) = old {
        if old["immutable"] == true {
            if new["immutable"] != true {
                out.push(Cause::forbidden("immutable", "field is immutable when `immutable` is set"));
            }
            for field in ["data", "binaryData"] {
                if new[field] != old[field] {
                    out.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
                }
            }
        }
        if kind == "Secret" && new["type"] != old["type"] {
            out.push(Cause::invalid("type", &new["type"], "field is immutable"));
        }
    }
    out
}
