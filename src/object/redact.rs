//! What may be shown: secrets leave the core only as sizes and fingerprints.
//!
//! Every value that reaches a page, an event, a log line or a plan's text goes through a [`Redactor`] first, and
//! comes out as [`Shown`], which cannot print what was hidden because it no longer holds it.

use super::{Json, pointer::Pointer};
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;

/// A value as it may be shown to anyone who may see the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// Not secret, or a tree whose secret leaves were replaced.
    Plain(Json),
    /// Secret; only its size and a fingerprint are left.
    Hidden(Hidden),
}

/// What is left of a secret value: equality can be seen, the value cannot be guessed without the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hidden {
    /// Size in bytes, after base64 where the field holds base64.
    pub bytes: usize,
    /// Four hexadecimal digits of a keyed hash.
    pub fingerprint: String,
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} B, #{})", self.bytes, self.fingerprint)
    }
}

/// Strings bare, everything else as compact JSON, secrets as `(12 B, #a1f3)`.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(Json::String(text)) => f.write_str(text),
            Self::Plain(value) => write!(f, "{value}"),
            Self::Hidden(hidden) => write!(f, "{hidden}"),
        }
    }
}

/// Knows which places and which strings are secret, and how to fingerprint them.
#[derive(Clone)]
pub struct Redactor {
    key: Vec<u8>,
    secrets: Vec<String>,
    reveal: bool,
}

/// Never prints the key or the known secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} known secrets)", self.secrets.len())
    }
}

/// Shorter strings are not searched for in text: replacing every `on` or `80` would hide everything and protect nothing.
pub const SHORTEST_KNOWN_SECRET: usize = 4;

/// The annotation in which `kubectl apply` keeps a whole copy of the object, Secret data included.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Redactor {
    /// A redactor whose fingerprints are keyed with `key`, which should be random and live as long as the process.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self { key: key.to_vec(), secrets: Vec::new(), reveal: false }
    }

    /// Shows everything; for a person's own command line, with that person's own rights.
    #[must_use]
    pub fn reveal_all() -> Self {
        Self { key: Vec::new(), secrets: Vec::new(), reveal: true }
    }

    /// Also hides these strings wherever they surface, as they are, in base64, JSON-escaped and URL-encoded.
    #[must_use]
    pub fn with_secrets(mut self, secrets: impl IntoIterator<Item = String>) -> Self {
        for secret in secrets {
            let escaped = Json::from(secret.as_str()).to_string();
            let forms = [
                base64::engine::general_purpose::STANDARD.encode(&secret),
                escaped[1..escaped.len() - 1].to_owned(),
                url_encode(&secret),
                secret.trim().to_owned(),
                secret,
            ];
            self.secrets.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST_KNOWN_SECRET));
        }
        // Longest first, so that a secret inside another one leaves no rest behind.
        self.secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.secrets.dedup();
        self
    }

    /// Also hides every string of a tree: values that came out of a Secret, wherever a template put them.
    #[must_use]
    pub fn with_secret_tree(self, tree: &Json) -> Self {
        fn collect(tree: &Json, found: &mut Vec<String>) {
            match tree {
                Json::String(text) => found.push(text.clone()),
                Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
                Json::Object(map) => map.values().for_each(|item| collect(item, found)),
                Json::Null | Json::Bool(_) | Json::Number(_) => {}
            }
        }
        let mut found = Vec::new();
        collect(tree, &mut found);
        self.with_secrets(found)
    }

    /// Takes every value of these Secret objects as known.
    #[must_use]
    pub fn with_secrets_of<'a>(self, objects: impl IntoIterator<Item = &'a Json>) -> Self {
        let mut found = Vec::new();
        for object in objects.into_iter().filter(|object| is_secret(object)) {
            for field in ["data", "stringData"] {
                let values = object.get(field).and_then(Json::as_object).into_iter().flat_map(|map| map.values());
                for text in values.filter_map(Json::as_str) {
                    if field == "data"
                        && let Some(text) = decode(text).and_then(|bytes| String::from_utf8(bytes).ok())
                    {
                        found.push(text);
                    }
                    found.push(text.to_owned());
                }
            }
        }
        self.with_secrets(found)
    }

    /// A copy of an object (or a List of them) that may be shown.
    #[must_use]
    pub fn object(&self, object: &Json) -> Json {
        match self.value(object, &Pointer::root(), object) {
            Shown::Plain(tree) => tree,
            Shown::Hidden(hidden) => Json::from(hidden.to_string()),
        }
    }

    /// The value at `pointer` of `object` as it may be shown. `object` is asked only whether it is a Secret.
    #[must_use]
    pub fn value(&self, object: &Json, pointer: &Pointer, value: &Json) -> Shown {
        if self.reveal {
            return Shown::Plain(value.clone());
        }
        self.shown(is_secret(object), pointer.tokens(), value)
    }

    /// Error or log text with known secrets and the userinfo of URLs taken out.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if self.reveal {
            return text.to_owned();
        }
        strip_userinfo(&self.scrub(text))
    }

    /// Size and fingerprint of a value; base64 is read first where `base64` says that the field holds it.
    #[must_use]
    pub fn hide(&self, value: &Json, base64: bool) -> Hidden {
        let bytes = match value {
            Json::String(text) if base64 => decode(text).unwrap_or_else(|| text.clone().into_bytes()),
            Json::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        };
        Hidden { bytes: bytes.len(), fingerprint: self.fingerprint(&bytes) }
    }

    fn fingerprint(&self, bytes: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(bytes);
        let sum = mac.finalize().into_bytes();
        format!("{:02x}{:02x}", sum[0], sum[1])
    }

    fn shown(&self, secret: bool, at: &[String], value: &Json) -> Shown {
        match place(secret, at) {
            Place::Secret { base64 } => Shown::Hidden(self.hide(value, base64)),
            // A whole data map: the keys are no secret, the values are; anything but a map is hidden whole.
            Place::SecretMap if !value.is_object() => Shown::Hidden(self.hide(value, false)),
            Place::SecretMap | Place::Open => Shown::Plain(self.tree(secret, at, value)),
        }
    }

    fn tree(&self, secret: bool, at: &[String], value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.scrub(text)),
            Json::Array(items) => items.iter().enumerate().map(|(n, item)| self.inside(secret, at, &n.to_string(), item)).collect(),
            Json::Object(map) => Json::Object(map.iter().map(|(key, item)| (key.clone(), self.inside(secret, at, key, item))).collect()),
            other => other.clone(),
        }
    }

    fn inside(&self, secret: bool, at: &[String], token: &str, value: &Json) -> Json {
        // Objects inside a List (or any other wrapper) are judged as documents of their own; nothing inside a Secret is.
        let fresh = !secret && (is_secret(value) || value.get("kind").is_some() && value.get("apiVersion").is_some());
        let (secret, at) = if fresh { (is_secret(value), Vec::new()) } else { (secret, [at, &[token.to_owned()]].concat()) };
        match self.shown(secret, &at, value) {
            Shown::Plain(tree) => tree,
            Shown::Hidden(hidden) => Json::from(hidden.to_string()),
        }
    }

    fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                let mark = Hidden { bytes: secret.len(), fingerprint: self.fingerprint(secret.as_bytes()) };
                text = text.replace(secret.as_str(), &mark.to_string());
            }
        }
        text
    }
}

enum Place {
    Open,
    SecretMap,
    Secret { base64: bool },
}

fn place(secret: bool, at: &[String]) -> Place {
    match at {
        [a, b, c] if a == "metadata" && b == "annotations" && c == LAST_APPLIED => Place::Secret { base64: false },
        [field] if secret && (field == "data" || field == "stringData") => Place::SecretMap,
        [field, ..] if secret && field == "data" => Place::Secret { base64: true },
        [field, ..] if secret && field == "stringData" => Place::Secret { base64: false },
        _ => Place::Open,
    }
}

/// Whether a document is a Secret. The version is not asked for: an invalid object can hold a real password.
#[must_use]
pub fn is_secret(object: &Json) -> bool {
    object.get("kind").and_then(Json::as_str) == Some("Secret")
}

/// Takes `user:password@` out of every URL in a text; `git@` alone is a name that everyone knows and stays.
#[must_use]
pub fn strip_userinfo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end =
            tail.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')).unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(sign) if &tail[..sign] != "git" => {
                out.push_str("***");
                rest = &tail[sign..];
            }
            _ => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(compact).ok()
}

/// Text for a part of a URL: all but unreserved characters as `%XX`.
#[must_use]
pub fn url_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
