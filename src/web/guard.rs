//! Who may ask: only somebody on this machine who means this daemon. And the headers that keep a browser strict.

use super::{State, problem};
use axum::extract::Request;
use axum::http::header;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;

/// No inline script or style, nothing from elsewhere, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// On every answer, refusals included.
const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    // With `no-referrer` browsers send forms with `Origin: null`.
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The outermost layer.
pub(super) async fn guard(axum::extract::State(state): axum::extract::State<State>, request: Request, next: Next) -> Response {
    let mut response = match check(request.headers(), request.uri(), request.method().is_safe(), state.port()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => problem::Problem::new(refusal.status, refusal.words).plain(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(*name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    words: String,
}

fn check(headers: &HeaderMap, uri: &Uri, safe: bool, port: Option<u16>) -> Result<(), Refusal> {
    let host = authority(headers, uri)?;
    if !is_loopback(host, port) {
        let at = port.map(|p| format!("http://127.0.0.1:{p}/")).unwrap_or_else(|| "http://127.0.0.1/".into());
        return Err(Refusal {
            status: StatusCode::MISDIRECTED_REQUEST,
            words: format!(
                "this page answers on loopback addresses only, not as `{}`: open {at} (through `kubectl port-forward` or ssh, use the same \
                 port number on both sides)",
                shown(host)
            ),
        });
    }
    if safe { Ok(()) } else { same_origin(headers, host) }
}

/// Whom the request is for. HTTP/2 has it in the address, HTTP/1.1 in one `Host` header.
fn authority<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<&'a str, Refusal> {
    let bad = |words: &str| Refusal { status: StatusCode::BAD_REQUEST, words: words.into() };
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| bad("the Host header is no text")),
        (Some(_), Some(_)) => Err(bad("there is more than one Host header")),
        (None, _) => uri.authority().map(http::uri::Authority::as_str).ok_or_else(|| bad("the Host header is missing")),
    }
}

/// Whether a name can only mean this machine. A name that an attacker's DNS server answers for never is one.
fn is_loopback(host: &str, port: Option<u16>) -> bool {
    let (name, given) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, "")) => (name, None),
            Some((name, rest)) => match rest.strip_prefix(':') {
                Some(port) => (name, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let right_port = match (given, port) {
        (Some(given), Some(port)) => given.parse() == Ok(port),
        (Some(given), None) => given.parse::<u16>().is_ok(),
        (None, Some(port)) => port == 80,
        (None, None) => true,
    };
    let name = name.to_ascii_lowercase();
    let local = name == "localhost" || name.strip_suffix(".localhost").is_some_and(|n| !n.is_empty());
    right_port && (local || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

/// An action must come from our own page, or from no page at all (a command line sends neither header).
fn same_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let refuse = |what: &str| {
        Err(Refusal {
            status: StatusCode::FORBIDDEN,
            words: format!("{what}: actions are taken from this page only; open it and press the button there"),
        })
    };
    if let Some(site) = headers.get("sec-fetch-site") {
        match site.to_str() {
            Ok("same-origin" | "none") => {}
            other => return refuse(&format!("the request comes from another site (Sec-Fetch-Site: {})", shown(other.unwrap_or("?")))),
        }
    }
    for origin in headers.get_all(header::ORIGIN) {
        let text = origin.to_str().unwrap_or("?");
        let own =
            text.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.eq_ignore_ascii_case(host));
        if !own {
            return refuse(&format!("the request comes from `{}`", shown(text)));
        }
    }
    Ok(())
}

/// What a stranger sent, short enough to be repeated.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names() {
        for (host, want) in [
            ("127.0.0.1:9080", true),
            ("127.8.9.1:9080", true),
            ("localhost:9080", true),
            ("LocalHost:9080", true),
            ("demo.localhost:9080", true),
            ("[::1]:9080", true),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("localhost:9080.evil.example", false),
            ("localhost.evil.example:9080", false),
            ("evil.example:9080", false),
            ("127.0.0.1.evil.example:9080", false),
            ("10.0.0.1:9080", false),
            ("[::1", false),
            ("[::1]x:9080", false),
            ("[2001:db8::1]:9080", false),
            (".localhost:9080", false),
            ("user@localhost:9080", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host, Some(9080)), want, "{host}");
        }
        assert!(is_loopback("localhost", Some(80)) && is_loopback("localhost:1", None));
    }

    #[test]
    fn actions_need_their_own_origin() {
        let host = "127.0.0.1:9080";
        for (headers, want) in [
            (vec![], true),
            (vec![("origin", "http://127.0.0.1:9080")], true),
            (vec![("origin", "http://127.0.0.1:9080"), ("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("origin", "http://localhost:9080")], false),
            (vec![("origin", "http://127.0.0.1:3000")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "http://evil.example")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "http://127.0.0.1:9080"), ("sec-fetch-site", "cross-site")], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(same_origin(&map, host).is_ok(), want, "{headers:?}");
        }
    }
}
