//! The `format` of texts in schemas of custom resources.

use base64::Engine as _;
use regex::Regex;

/// Whether a text has a format; unknown formats accept everything.
pub(super) fn fits(format: &str, text: &str) -> bool {
    let matches = |pattern: &str| Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "duration" => matches(r"^[+-]?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d|w))+$") || text == "0",
        "byte" => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
        "uuid" => matches("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(ip, bits)| ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok()),
        "email" => matches(r"^[^@\s]+@[^@\s]+$"),
        "hostname" => matches(r"^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?\.?)+$"),
        "uri" => text.contains(':') && !text.starts_with(':') || text.starts_with('/'),
        _ => true,
    }
}
