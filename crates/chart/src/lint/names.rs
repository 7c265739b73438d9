//! Names of objects, by kind (`validateMetadataNameFunc` and apimachinery's `validation`).

use crate::go::quote::quote;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// Whether an object of this kind may have this name.
pub(super) fn check(kind: &str, name: &str) -> Result<(), String> {
    let why = match kind.to_lowercase().as_str() {
        "service" => all(name, 63, |n| is_label(n) && n.starts_with(|c: char| c.is_ascii_lowercase()), LABEL_1035),
        "namespace" => all(name, 63, is_label, LABEL),
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        _ => all(name, 253, |n| n.split('.').all(is_label), SUBDOMAIN),
    };
    if why.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = why.iter().map(|why| format!("metadata.name: Invalid value: {}: {why}", quote(name))).collect();
    let shown = if let [one] = &shown[..] { one.clone() } else { format!("[{}]", shown.join(", ")) };
    Err(format!("object name does not conform to Kubernetes naming requirements: {}: {shown}", quote(name)))
}

fn all(name: &str, longest: usize, fits: impl Fn(&str) -> bool, rule: &str) -> Vec<String> {
    let mut out = Vec::new();
    if name.len() > longest {
        out.push(format!("must be no more than {longest} characters"));
    }
    if !fits(name) {
        out.push(rule.to_owned());
    }
    out
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ['/', '%'].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}
