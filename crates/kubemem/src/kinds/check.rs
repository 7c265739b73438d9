//! Rules of values that many kinds have: names, addresses, ports, selectors.

use std::net::IpAddr;

use serde_json::Value;

use super::at::At;
use crate::status::Cause;
use crate::validation::{SUBDOMAIN, is_subdomain};

const BAD_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const BAD_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// The text of a value, or none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list, or none.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text that must be there.
pub(super) fn required(at: &str, value: &Value, out: &mut Vec<Cause>) -> bool {
    let there = !text(value).is_empty();
    if !there {
        out.push(Cause::required(at, ""));
    }
    there
}

/// A name as most objects have it, if one is given.
pub(super) fn subdomain(at: &str, value: &Value, out: &mut Vec<Cause>) {
    if value.as_str().is_some_and(|name| !is_subdomain(name)) {
        out.push(Cause::invalid(at, value, SUBDOMAIN));
    }
}

/// A host, which may begin with `*.`.
pub(super) fn host(at: &str, value: &Value, out: &mut Vec<Cause>) {
    match text(value).strip_prefix('*') {
        Some(rest) if rest.strip_prefix('.').is_some_and(is_subdomain) => {}
        Some(_) => out.push(Cause::invalid(at, value, WILDCARD)),
        None => subdomain(at, value, out),
    }
}

/// An address.
pub(super) fn address(at: &str, value: &Value, out: &mut Vec<Cause>) -> Option<IpAddr> {
    let address = text(value).parse().ok();
    if address.is_none() {
        out.push(Cause::invalid(at, value, BAD_IP));
    }
    address
}

/// An address that something outside of one machine and one network can be reached at.
pub(super) fn plain_address(at: &str, value: &Value, address: IpAddr, out: &mut Vec<Cause>) {
    let (link_local, multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] == 0xff02),
    };
    let problem = if address.is_unspecified() {
        format!("may not be unspecified ({})", text(value))
    } else if address.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()
    } else if link_local {
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
    } else if multicast {
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()
    } else {
        return;
    };
    out.push(Cause::invalid(at, value, &problem));
}

/// A network: its first address and the length of its mask.
pub(super) fn network(at: &str, value: &Value, out: &mut Vec<Cause>) -> Option<(IpAddr, u8)> {
    let read = text(value).split_once('/').and_then(|(address, bits)| {
        let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
    });
    if read.is_none() {
        out.push(Cause::invalid(at, value, BAD_CIDR));
    }
    read
}

/// Whether one network has more than all of another.
pub(super) fn strictly_within(inner: (IpAddr, u8), outer: (IpAddr, u8)) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(outer.1)).unwrap_or(0);
    inner.0.is_ipv4() == outer.0.is_ipv4() && inner.1 > outer.1 && number(inner.0) & mask == number(outer.0) & mask
}

/// The number or the name of a port, if one is given.
pub(super) fn port(at: &str, value: &Value, out: &mut Vec<Cause>) {
    if !value.is_null() {
        out.extend(At::new(value, at).port());
    }
}

/// A whole number that is not negative, or a percentage up to 100.
pub(super) fn share(at: &str, value: &Value, out: &mut Vec<Cause>) {
    let Some(given) = value.as_str() else { return };
    let number = given.strip_suffix('%').filter(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    match number.map(|n| n.parse::<u32>().unwrap_or(u32::MAX)) {
        None => out.push(Cause::invalid(at, value, PERCENT)),
        Some(101..) => out.push(Cause::invalid(at, value, "must not be greater than 100%")),
        Some(_) => {}
    }
}

/// A selector of labels, if one is given.
pub(super) fn selector(at: &str, selector: &Value, out: &mut Vec<Cause>) {
    out.extend(At::new(selector, at).selector());
}
