//! Mail and web addresses as Helm's linter takes them (`govalidator.IsEmail`, `IsURL`, `IsRequestURL`).

/// `user@host.tld`; the host's last part begins and ends with a letter.
pub(super) fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let wide = |c: char| matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{ffef}');
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || wide(c);
    let quoted = user.len() > 2 && user.starts_with('"') && user.ends_with('"');
    let user_fits = quoted || user.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let host = host.strip_suffix('.').unwrap_or(host);
    let letter = |c: char| c.is_ascii_alphabetic() || wide(c);
    let end = |c: char| letter(c) || c.is_ascii_digit();
    let inner = |c: char| end(c) || matches!(c, '-' | '_' | '~');
    let label = |part: &str, end: &dyn Fn(char) -> bool| part.starts_with(end) && part.ends_with(end) && part.chars().all(inner);
    let Some((before, last)) = host.rsplit_once('.') else { return false };
    user_fits && before.split('.').all(|part| label(part, &end)) && label(last, &letter)
}

/// A whole address, or one without its scheme.
pub(super) fn is_url(text: &str) -> bool {
    if text.chars().count() >= 2083 || text.len() <= 3 || text.starts_with('.') || text.chars().any(char::is_whitespace) {
        return false;
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => {
            if !["ftp", "tcp", "udp", "ws", "wss", "http", "https"].contains(&scheme) {
                return false;
            }
            rest
        }
        None => text,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let (host, port) = host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let port_fits = port.is_none_or(|port| (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit()));
    let host = host.strip_suffix('.').unwrap_or(host);
    let scheme = text.contains("://");
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let label = |part: &str| !part.is_empty() && part.chars().all(inner) && !part.starts_with(['-', '_']) && !part.ends_with(['-', '_']);
    port_fits && (scheme || host.contains('.') || text.contains(':')) && host.split('.').all(label)
}

/// An address with a scheme (`url.ParseRequestURI`).
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_fits || text.bytes().any(|b| b < b' ' || b == 0x7f) || !escapes_fit(rest) {
        return false;
    }
    let Some(authority) = rest.strip_prefix("//") else { return rest.starts_with('/') || !rest.is_empty() };
    let host = authority.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let bare = |c: char| !matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '#');
    let port = if host.starts_with('[') { host.rsplit_once("]:").map(|(_, p)| p) } else { host.split_once(':').map(|(_, p)| p) };
    host.chars().all(bare) && port.is_none_or(|port| port.chars().all(|c| c.is_ascii_digit()))
}

/// Every `%` begins an escape.
fn escapes_fit(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default().as_bytes();
    let hex = |at: usize| path.get(at).is_some_and(u8::is_ascii_hexdigit);
    path.iter().enumerate().filter(|(_, b)| **b == b'%').all(|(at, _)| hex(at + 1) && hex(at + 2))
}
