//! A rendered target: everything that a revision puts into the cluster. It is stored whole, so that a rollback needs no source.

use crate::object::{Json, Manifest};
use crate::plan::hook::Hook;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a revision puts into the cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Objects, with namespaces and ownership metadata filled in, in the order in which they are applied.
    pub manifests: Vec<Manifest>,
    /// Helm hooks, filled in likewise.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// CRDs of the chart's `crds/` folder, as they are.
    #[serde(default)]
    pub crds: Vec<Manifest>,
    /// What Helm's release record needs besides; absent for bundles.
    #[serde(default)]
    pub release: Option<Payload>,
}

/// The part of a target that only Helm's release record needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// The chart as Helm records it: shared by all releases of it, and so kept apart from the target.
    #[serde(skip)]
    pub chart: Arc<Json>,
    /// The values given by the user.
    pub config: Json,
    /// All manifests as one text, as Helm prints them.
    pub manifest: String,
    /// The hooks as Helm records them.
    pub hooks: Json,
    /// The rendered notes.
    pub notes: String,
}

impl Target {
    /// Digest of the objects, `sha256:<hex>`: equal where a new revision would change nothing.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for manifest in self.manifests.iter().chain(&self.crds).chain(self.hooks.iter().map(|h| &h.manifest)) {
            hash.update(digest(&manifest.body));
        }
        format!("sha256:{}", hex(&hash.finalize()))
    }
}

/// Digest of one document, over its canonical JSON (keys sorted).
#[must_use]
pub fn digest(body: &Json) -> String {
    hex(&Sha256::digest(canonical(body).as_bytes()))
}

/// JSON with sorted keys, whatever order the map keeps.
fn canonical(value: &Json) -> String {
    fn write(value: &Json, out: &mut String) {
        match value {
            Json::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                out.push('{');
                for key in keys {
                    out.push_str(&Json::String(key.clone()).to_string());
                    out.push(':');
                    write(&map[key], out);
                    out.push(',');
                }
                out.push('}');
            }
            Json::Array(items) => {
                out.push('[');
                for item in items {
                    write(item, out);
                    out.push(',');
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_digest_does_not_depend_on_key_order() {
        let a: Json = serde_json::from_str(r#"{"a": 1, "b": {"x": [1, 2], "y": null}}"#).expect("json");
        let b: Json = serde_json::from_str(r#"{"b": {"y": null, "x": [1, 2]}, "a": 1}"#).expect("json");
        assert_eq!(digest(&a), digest(&b));
        assert_ne!(digest(&a), digest(&json!({"a": 1, "b": {"x": [2, 1], "y": null}})));
        assert_ne!(digest(&json!(["a", "b"])), digest(&json!(["a,\"b"])));
    }
}
