//! Go's `net/url`: parsing and printing.

use std::net::Ipv6Addr;

use crate::go::quote::quote;

/// A parsed URL, its parts unescaped.
#[derive(Default)]
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) opaque: String,
    pub(super) user: Option<User>,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) fragment: String,
}

/// The user before the host.
pub(super) struct User {
    name: String,
    password: Option<String>,
}

/// Where text stands decides which characters may stand there as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// `url.Parse`, with its errors.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = parse_before(before).map_err(|err| format!("parse {}: {err}", quote(before)))?;
    url.fragment = unescape(fragment, Place::Fragment).map_err(|err| format!("parse {}: {err}", quote(text)))?;
    Ok(url)
}

fn parse_before(text: &str) -> Result<Url, String> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text == "*" {
        return Ok(Url { path: "*".to_owned(), ..Url::default() });
    }
    let (scheme, rest) = scheme(text)?;
    let mut url = Url { scheme: scheme.to_ascii_lowercase(), ..Url::default() };
    let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    url.query = query.to_owned();
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    if (!url.scheme.is_empty() || !rest.starts_with("///")) && rest.starts_with("//") {
        let (authority, path) = rest[2..].split_at(rest[2..].find('/').unwrap_or(rest.len() - 2));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        url.host = parse_host(&url.scheme, host)?;
        url.user = user.map(parse_user).transpose()?;
        rest = path;
    }
    url.path = unescape(rest, Place::Path)?;
    Ok(url)
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_user(text: &str) -> Result<User, String> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (text, None),
    };
    let name = unescape(name, Place::User)?;
    let password = password.map(|password| unescape(password, Place::User)).transpose()?;
    Ok(User { name, password })
}

fn parse_host(scheme: &str, host: &str) -> Result<String, String> {
    let port_error = |port: &str| format!("invalid port {} after host", quote(port));
    match host.rfind('[') {
        Some(0) => {
            let close = host.rfind(']').ok_or("missing ']' in host")?;
            let port = &host[close + 1..];
            if !valid_port(port) {
                return Err(port_error(port));
            }
            let name = &host[1..close];
            let name = match name.find("%25") {
                Some(zone) => unescape(&name[..zone], Place::Host)? + &unescape(&name[zone..], Place::Zone)?,
                None => unescape(name, Place::Host)?,
            };
            let address = name.split('%').next().unwrap_or_default();
            if address.parse::<Ipv6Addr>().is_err() {
                if address.parse::<std::net::Ipv4Addr>().is_ok() {
                    return Err("invalid IP-literal".to_owned());
                }
                return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(&name)));
            }
            return Ok(format!("[{name}]{port}"));
        }
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let (Some(first), Some(last)) = (host.find(':'), host.rfind(':')) {
        let strict = matches!(scheme, "http" | "https");
        let port = &host[if strict { first } else { last }..];
        if !valid_port(port) {
            return Err(port_error(port));
        }
    }
    unescape(host, Place::Host)
}

fn valid_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn may_stand(b: u8, place: Place) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return true;
    }
    match place {
        Place::Path => b"$&+,/:;=@".contains(&b),
        Place::Host | Place::Zone => b"!$&'()*+,;=:[]<>\"".contains(&b),
        Place::User => b"$&+,;=".contains(&b),
        Place::Fragment => b"$&+,/:;=?@!()*".contains(&b),
    }
}

fn unescape(text: &str, place: Place) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        if b != b'%' {
            if matches!(place, Place::Host | Place::Zone) && b < 0x80 && !may_stand(b, place) {
                return Err(format!("invalid character {} in host name", quote(&char::from(b).to_string())));
            }
            out.push(b);
            i += 1;
            continue;
        }
        let invalid = |len: usize| {
            let end = (i + len).min(bytes.len());
            format!("invalid URL escape {}", quote(&String::from_utf8_lossy(&bytes[i..end])))
        };
        let digits = text.get(i + 1..i + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(|| invalid(3))?;
        let percent = &bytes[i..i + 3] == b"%25";
        if place == Place::Host && value < 0x80 && !percent {
            return Err(invalid(3));
        }
        if place == Place::Zone && !percent && value != b' ' && !may_stand(value, Place::Host) {
            return Err(invalid(3));
        }
        out.push(value);
        i += 3;
    }
    Ok(crate::template::print::lossy(out))
}

fn escape(text: &str, place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if may_stand(b, place) { out.push(char::from(b)) } else { out.push_str(&format!("%{b:02X}")) }
    }
    out
}

impl Url {
    /// The host without its port and brackets.
    pub(super) fn hostname(&self) -> &str {
        let mut host = self.host.as_str();
        if let Some(colon) = host.rfind(':').filter(|colon| valid_port(&host[*colon..])) {
            host = &host[..colon];
        }
        host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
    }
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&escape(&self.name, Place::User))?;
        match &self.password {
            Some(password) => write!(f, ":{}", escape(password, Place::User)),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if !self.opaque.is_empty() {
            out.push_str(&self.opaque);
        } else {
            if (!self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some())
                && (!self.host.is_empty() || !self.path.is_empty() || self.user.is_some())
            {
                out.push_str("//");
                if let Some(user) = &self.user {
                    out.push_str(&format!("{user}@"));
                }
                out.push_str(&escape(&self.host, Place::Host));
            }
            let path = if self.path == "*" { "*".to_owned() } else { escape(&self.path, Place::Path) };
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        }
        if !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&escape(&self.fragment, Place::Fragment));
        }
        f.write_str(&out)
    }
}
