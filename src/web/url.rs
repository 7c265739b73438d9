//! Addresses: escaping, and the paths of units.

use crate::release::{UnitKey, UnitKind};
use std::fmt::Write as _;

/// First segment of a unit's path.
pub(super) fn plural(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Release => "releases",
        UnitKind::Bundle => "kustomizations",
    }
}

/// `/releases/{ns}/{name}` or `/kustomizations/{ns}/{name}`.
pub(super) fn unit(key: &UnitKey) -> String {
    format!("/{}/{}/{}", plural(key.kind), encode(&key.namespace), encode(&key.name))
}

/// The list with a filter.
pub(super) fn list(query: &str) -> String {
    if query.is_empty() { "/releases".into() } else { format!("/releases?q={}", encode(query)) }
}

/// Escapes all but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Undoes [`encode`]; what is no escape stays, what is no UTF-8 becomes a replacement character.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(value) => {
                bytes.push(value);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An address that may stand in a link: http or https, without user and password. All others are shown as text.
pub(super) fn link(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let plain = url.bytes().all(|b| b.is_ascii_graphic());
    if !plain || !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return None;
    }
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (!host.is_empty()).then(|| path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}")))
}

/// The page of a commit, as GitHub, GitLab, Gitea and others have it.
pub(super) fn commit(url: &str, revision: &str) -> Option<String> {
    let base = link(url)?;
    let base = base.trim_end_matches('/').trim_end_matches(".git");
    let id = commit_id(revision)?;
    base.split_once("://")?.1.contains('/').then(|| format!("{base}/commit/{id}"))
}

/// The commit id in `main@sha1:…`.
pub(super) fn commit_id(revision: &str) -> Option<&str> {
    let (_, id) = revision.rsplit_once(':').filter(|(algorithm, _)| algorithm.ends_with("sha1") || algorithm.ends_with("sha256"))?;
    (id.len() >= 7 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

/// A revision for people: `main@9f3c1a2`; versions and tags as they are.
pub(super) fn short_revision(revision: &str) -> String {
    match commit_id(revision) {
        Some(id) => {
            let short = &id[..7];
            match revision.split_once('@') {
                Some((name, _)) => format!("{name}@{short}"),
                None => short.to_owned(),
            }
        }
        None => revision.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_round_trip() {
        for text in ["", "plain", "a b&c=d", "ns/name", "é%41", "100%", "\n;,"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(encode("status:drifted ns:a"), "status%3Adrifted%20ns%3Aa");
    }

    #[test]
    fn only_http_becomes_a_link() {
        for (url, want) in [
            ("https://git.example/a/b.git", Some("https://git.example/a/b.git")),
            ("HTTP://x", Some("HTTP://x")),
            ("https://user:pass@git.example/a", Some("https://git.example/a")),
            ("javascript://x/%0aalert(1)", None),
            ("javascript:alert(1)", None),
            ("ssh://git@host/a", None),
            ("file:///srv/git", None),
            ("https://a b", None),
            ("https://", None),
        ] {
            assert_eq!(link(url).as_deref(), want, "{url}");
        }
    }

    #[test]
    fn revisions_for_people() {
        let id = "9f3c1a2b4c5d6e7f8a9b0c1d2e3f4a5b6c7d8e9f";
        assert_eq!(short_revision(&format!("main@sha1:{id}")), "main@9f3c1a2");
        assert_eq!(short_revision(&format!("sha1:{id}")), "9f3c1a2");
        assert_eq!(short_revision("1.4.2"), "1.4.2");
        let page = commit("https://git.example/a/b.git", &format!("main@sha1:{id}"));
        assert_eq!(page.as_deref(), Some(format!("https://git.example/a/b/commit/{id}").as_str()));
        assert_eq!(commit("file:///srv/git", &format!("main@sha1:{id}")), None);
    }
}
