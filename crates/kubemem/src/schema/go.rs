//! What Go's readers say of texts that they cannot read.

/// The layouts of times, and of times with microseconds.
pub(super) const TIME: &str = "2006-01-02T15:04:05Z07:00";

/// Why Go does not read a text as a time of RFC 3339.
pub(super) fn time_problem(text: &str) -> Option<String> {
    const PARTS: [&str; 11] = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05"];
    let fail = |rest: &str, part: &str| Some(format!("parsing time {text:?} as {TIME:?}: cannot parse {rest:?} as {part:?}"));
    let mut rest = text;
    let mut numbers = Vec::new();
    for part in PARTS {
        let number = part.starts_with(|c: char| c.is_ascii_digit());
        let Some((head, tail)) = rest.split_at_checked(part.len()) else { return fail(rest, part) };
        let fits = if number { head.chars().all(|c| c.is_ascii_digit()) } else { head == part };
        if !fits {
            return fail(rest, part);
        }
        numbers.extend(number.then(|| head.parse::<u32>().unwrap_or(0)));
        rest = tail;
    }
    for (name, number, range) in [("month", numbers[1], 1..=12), ("hour", numbers[3], 0..=23), ("minute", numbers[4], 0..=59)] {
        if !range.contains(&number) {
            return Some(format!("parsing time {text:?}: {name} out of range"));
        }
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let zone = rest.as_bytes();
    let offset = zone.len() == 6 && matches!(zone[0], b'+' | b'-') && zone[3] == b':';
    (rest != "Z" && !offset).then(|| fail(rest, "Z07:00")).flatten()
}

/// Why Go does not read a text as a quantity.
pub(super) fn quantity_problem(text: &str) -> &'static str {
    let suffix = text.trim_start_matches(['+', '-']).trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = |c: char| "eEinumkKMGTP+-".contains(c) || c.is_ascii_digit();
    if suffix.len() < text.len() && !suffix.is_empty() && suffix.chars().all(known) {
        "unable to parse quantity's suffix"
    } else {
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_go_says() {
        assert_eq!(time_problem("2026-01-01T00:00:00.123456Z"), None);
        assert_eq!(time_problem("2026-01-01T00:00:00+01:00"), None);
        assert_eq!(
            time_problem("2026-1").as_deref(),
            Some(r#"parsing time "2026-1" as "2006-01-02T15:04:05Z07:00": cannot parse "1" as "01""#)
        );
    }
}
