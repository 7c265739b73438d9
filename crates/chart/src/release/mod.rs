//! The release record as Helm 3 stores it in Secrets: JSON, compressed by gzip, in base64 (storage/driver/util.go).
//!
//! The record is kept as the JSON tree that it is, so that fields that this version does not know survive a change of status.
//! Times are RFC 3339 texts; the empty one is Go's zero time.

mod order;

use crate::Json;
use crate::chart::{Chart, File};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::{Read, Write};

/// The largest record that is decompressed, in bytes. Helm's own limit is the Secret's 1 MiB of compressed text.
const LARGEST: u64 = 64 << 20;

/// A release record: Helm's `release.Release` (release/release.go).
#[derive(Debug, Clone, PartialEq)]
pub struct Release(Json);

/// Parts of a new record: the fields of Helm's `release.Release` (release/release.go) and `release.Info` (release/info.go). Times
/// are RFC 3339 texts.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    /// Release name.
    pub name: &'a str,
    /// Release namespace.
    pub namespace: &'a str,
    /// Revision number, from 1.
    pub version: u32,
    /// Status in Helm's words (release/status.go), such as `deployed`.
    pub status: &'a str,
    /// One sentence.
    pub description: &'a str,
    /// When the release was first deployed.
    pub first_deployed: &'a str,
    /// When this revision was.
    pub last_deployed: &'a str,
    /// Rendered notes.
    pub notes: &'a str,
    /// The chart as [`chart_record`] has it.
    pub chart: Json,
    /// Values given by the user; null for none.
    pub config: Json,
    /// All manifests that are no hooks as one text.
    pub manifest: &'a str,
    /// A list of hooks with the names in JSON of Helm's `release.Hook` (release/hook.go); null for none.
    pub hooks: Json,
}

/// Why a record cannot be read: the places at which Helm's `decodeRelease` (storage/driver/util.go) fails, in words of our own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is no base64.
    #[error("the release record is no base64: {0}")]
    Base64(String),
    /// The bytes cannot be decompressed, or are too many.
    #[error("the release record cannot be decompressed: {0}")]
    Gzip(String),
    /// The text is no release.
    #[error("the release record is no release: {0}")]
    Json(String),
}

/// A chart as Helm records it: its own files, not those of its sub-charts, with the names in JSON of Helm's `chart.Chart`
/// (chart/chart.go).
#[must_use]
pub fn chart_record(chart: &Chart) -> Json {
    let files = |list: &[File]| -> Vec<Json> { list.iter().map(|f| json!({"name": f.name, "data": STANDARD.encode(&f.data)})).collect() };
    json!({
        "metadata": chart.metadata(),
        "lock": chart.lock(),
        "templates": files(chart.templates()),
        "values": chart.values(),
        "schema": chart.schema().map(|s| STANDARD.encode(s)),
        "files": files(chart.files()),
    })
}

/// The text that the Secret holds under its key `release` (the Secret's own base64 comes on top). Helm's
/// `encodeRelease` (storage/driver/util.go).
#[must_use]
pub fn encode(release: &Release) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = gzip.write_all(order::text(&release.0).as_bytes());
    STANDARD.encode(gzip.finish().unwrap_or_default()).into_bytes()
}

/// Reads what the Secret holds under its key `release`. Records without gzip's mark are taken for plain JSON, as old ones are.
/// Helm's `decodeRelease` (storage/driver/util.go).
///
/// # Errors
/// Where the text is no release record, or an unreasonably large one.
pub fn decode(text: &[u8]) -> Result<Release, DecodeError> {
    let bytes = STANDARD.decode(text.trim_ascii()).map_err(|e| DecodeError::Base64(e.to_string()))?;
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b, 0x08]) {
        let mut limited = GzDecoder::new(bytes.as_slice()).take(LARGEST + 1);
        limited.read_to_end(&mut plain).map_err(|e| DecodeError::Gzip(e.to_string()))?;
        if plain.len() as u64 > LARGEST {
            return Err(DecodeError::Gzip(format!("it is larger than {LARGEST} bytes")));
        }
    } else {
        plain = bytes;
    }
    let json: Json = serde_json::from_slice(&plain).map_err(|e| DecodeError::Json(e.to_string()))?;
    if json.get("name").and_then(Json::as_str).is_none_or(str::is_empty) {
        return Err(DecodeError::Json("it has no name".into()));
    }
    Ok(Release(json))
}

impl Release {
    /// A new record of these parts.
    #[must_use]
    pub fn new(parts: Parts<'_>) -> Self {
        let object_or = |value: Json, empty: Json| if value.is_null() { empty } else { value };
        Self(json!({
            "name": parts.name,
            "info": {
                "first_deployed": parts.first_deployed,
                "last_deployed": parts.last_deployed,
                "deleted": "",
                "description": parts.description,
                "status": parts.status,
                "notes": parts.notes,
            },
            "chart": object_or(parts.chart, json!({})),
            "config": object_or(parts.config, json!({})),
            "manifest": parts.manifest,
            "hooks": object_or(parts.hooks, json!([])),
            "version": parts.version,
            "namespace": parts.namespace,
        }))
    }

    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    /// Sets the status and the sentence beside it: Helm's `SetStatus` (release/release.go). An empty sentence leaves the old one.
    pub fn set_status(&mut self, status: &str, description: &str) {
        if let Some(info) = self.0.get_mut("info").and_then(Json::as_object_mut) {
            info.insert("status".into(), status.into());
            if !description.is_empty() {
                info.insert("description".into(), description.into());
            }
        }
    }

    /// Status in Helm's words (release/status.go).
    #[must_use]
    pub fn status(&self) -> &str {
        self.text("/info/status")
    }

    /// Release name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("/name")
    }

    /// Chart name.
    #[must_use]
    pub fn chart_name(&self) -> &str {
        self.text("/chart/metadata/name")
    }

    /// Chart version.
    #[must_use]
    pub fn chart_version(&self) -> &str {
        self.text("/chart/metadata/version")
    }

    /// Application version.
    #[must_use]
    pub fn app_version(&self) -> &str {
        self.text("/chart/metadata/appVersion")
    }

    /// When the release was first deployed.
    #[must_use]
    pub fn first_deployed(&self) -> &str {
        self.text("/info/first_deployed")
    }

    /// When this revision was.
    #[must_use]
    pub fn last_deployed(&self) -> &str {
        self.text("/info/last_deployed")
    }

    /// One sentence on the revision.
    #[must_use]
    pub fn description(&self) -> &str {
        self.text("/info/description")
    }

    /// Rendered notes.
    #[must_use]
    pub fn notes(&self) -> &str {
        self.text("/info/notes")
    }

    /// All manifests as one text.
    #[must_use]
    pub fn manifest(&self) -> &str {
        self.text("/manifest")
    }

    /// The chart as Helm records it.
    #[must_use]
    pub fn chart(&self) -> &Json {
        self.0.get("chart").unwrap_or(&Json::Null)
    }

    /// Values given by the user; none are an empty object, which Helm leaves out of the record.
    #[must_use]
    pub fn config(&self) -> &Json {
        static NONE: std::sync::LazyLock<Json> = std::sync::LazyLock::new(|| json!({}));
        self.0.get("config").unwrap_or(&NONE)
    }

    /// The hooks as Helm records them.
    #[must_use]
    pub fn hooks(&self) -> &Json {
        self.0.get("hooks").unwrap_or(&Json::Null)
    }

    /// The manifest of each hook.
    pub fn hook_manifests(&self) -> impl Iterator<Item = &str> {
        self.hooks().as_array().into_iter().flatten().filter_map(|hook| hook.get("manifest")?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release::new(Parts {
            name: "web",
            namespace: "shop",
            version: 3,
            status: "pending-upgrade",
            description: "Preparing upgrade",
            first_deployed: "2026-01-02T03:04:05.123456789Z",
            last_deployed: "2026-01-03T03:04:05Z",
            notes: "",
            chart: json!({"metadata": {"name": "web", "version": "1.2.0", "appVersion": "2"}}),
            config: Json::Null,
            manifest: "---\nkind: Service\n",
            hooks: json!([{"name": "j", "manifest": "kind: Job\n"}]),
        })
    }

    #[test]
    fn records_survive_a_round_trip_with_what_they_do_not_know() {
        let mut release = release();
        release.0["custom"] = json!({"a": 1});
        let mut again = decode(&encode(&release)).expect("our own text");
        assert_eq!(encode(&again), encode(&release));
        again.set_status("deployed", "Upgrade complete");
        assert_eq!((again.status(), again.description(), again.chart_version()), ("deployed", "Upgrade complete", "1.2.0"));
        assert_eq!(again.0["custom"], json!({"a": 1}));
        assert_eq!(again.config(), &json!({}));
        assert_eq!(again.hook_manifests().collect::<Vec<_>>(), ["kind: Job\n"]);
    }

    #[test]
    fn other_texts_are_refused() {
        assert!(matches!(decode(b"%%%"), Err(DecodeError::Base64(_))));
        assert!(matches!(decode(STANDARD.encode("{}").as_bytes()), Err(DecodeError::Json(_))));
        assert!(matches!(decode(STANDARD.encode([0x1f, 0x8b, 0x08, 1, 2]).as_bytes()), Err(DecodeError::Gzip(_))));
    }
}
