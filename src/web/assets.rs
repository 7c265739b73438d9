//! Styles, scripts and the icon. Their address holds a hash of all of them, so that they may be kept for ever, and so that
//! modules find each other by relative names.

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// Read from the folder in debug builds, part of the binary in release builds.
#[derive(RustEmbed)]
#[folder = "src/web/assets/"]
pub(super) struct Assets;

/// Hash of all assets. Debug builds read the folder each time, so that an edited file has a new address at once.
fn bundle() -> String {
    if cfg!(debug_assertions) {
        return hash();
    }
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(hash).clone()
}

fn hash() -> String {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let mut all = Sha256::new();
    for name in names {
        if let Some(file) = Assets::get(&name) {
            all.update(name.as_bytes());
            all.update(file.metadata.sha256_hash());
        }
    }
    all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The address of a file.
pub(super) fn href(name: &str) -> String {
    format!("/assets/{}/{name}", bundle())
}

/// Serves a file. A page of an older build gets the present file, not to be kept.
pub(super) async fn serve(Path((wanted, name)): Path<(String, String)>) -> Response {
    let Some(file) = Assets::get(&name) else { return (StatusCode::NOT_FOUND, "there is no such file\n").into_response() };
    let kind = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let keep = if wanted == bundle() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static(keep))];
    (headers, file.data).into_response()
}

/// Names of all files.
#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    Assets::iter().map(|name| name.into_owned()).collect()
}
