//! Protobuf bodies, as kubectl and client-go send them for built-in kinds, read as the JSON that they stand for.

mod message;
mod openapi;
mod wire;

use serde_json::Value;

pub(crate) use message::decode as message;
pub(crate) use openapi::encode as openapi;
use wire::{Content, fields};

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Reads a body: an envelope that names version and kind, and the object in it. `type_of` answers the message of a version and a kind.
pub(crate) fn decode(body: &[u8], type_of: impl Fn(&str, &str) -> Option<String>) -> Result<Value, String> {
    let body = body.strip_prefix(MAGIC).ok_or("the body does not begin as protobuf of Kubernetes does")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in fields(body) {
        match field? {
            (1, Content::Bytes(bytes)) => {
                for part in fields(bytes) {
                    match part? {
                        (1, Content::Bytes(text)) => version = wire::text(text)?,
                        (2, Content::Bytes(text)) => kind = wire::text(text)?,
                        _ => {}
                    }
                }
            }
            (2, Content::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = type_of(&version, &kind).ok_or_else(|| format!("no kind \"{kind}\" is registered for version \"{version}\""))?;
    let mut object = message(&name, raw)?;
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    Ok(object)
}
