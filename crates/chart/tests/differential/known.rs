//! Differences that are explained and stay: each is in `docs/shortcomings.md`.
//!
//! A rule is as narrow as its cause. Where it can be, it takes out of both answers what differs for that cause alone, and the rest must be
//! the same; otherwise it names how this engine answers, or the functions that must be called.

use super::case::{Case, Outcome};

/// A case with both answers.
struct Difference<'d> {
    case: &'d Case,
    mine: &'d Outcome,
    theirs: &'d Outcome,
}

/// Whether a cause is that of a difference.
type Holds = fn(&Difference<'_>) -> bool;

const RULES: &[(&str, Holds)] = &[
    ("no number of a template is a complex one here", |d| {
        d.fails_here("complex constants are not supported") || text(d.theirs).contains("syntax error scanning complex number")
    }),
    ("templates that call themselves end sooner here, and where depends on the depth", |d| {
        d.fails_here("exceeded maximum template depth (12000)") && text(d.theirs).ends_with("exceeded maximum template depth (100000)")
    }),
    ("`now` prints without the reading of Go's monotonic clock, whose digits vary", |d| d.calls("now") && d.same(without_numbers)),
    ("errors of TOML are worded by another library", |d| d.calls("Toml") && d.same(without_toml_errors)),
    ("errors of TOML are worded by another library, and are no YAML in the same way", |d| {
        d.calls("fromToml") && d.calls("fromYaml") && text(d.mine).contains("Error:toml:") && text(d.theirs).contains("Error:")
    }),
    ("a pattern that is no UTF-8 is refused by Go, and read as U+FFFD here", |d| {
        d.has_bytes() && text(d.theirs).contains("error parsing regexp: invalid UTF-8")
    }),
    ("an inline table of TOML with an empty key takes the place of the list that it is in, in Go's library", |d| {
        d.calls("fromToml") && d.has_empty_key()
    }),
    ("a slice can be cut beyond its length where Go made room for more", |d| {
        d.fails_here("lice: reflect.Value.Slice: slice index out of bounds")
    }),
    ("text that is no UTF-8 is read as U+FFFD where functions look at characters", |d| d.has_bytes() && d.same(without_invalid)),
    ("the length of text with an address, or with a date of `now`, in it", |d| {
        d.calls("len") && d.same(without_numbers) && near(text(d.mine), text(d.theirs))
    }),
    ("a string literal with the escape of a byte that is no UTF-8 has U+FFFD for it", |d| d.escapes_bytes()),
    ("text that is no UTF-8 has another length where it is read as U+FFFD", |d| {
        d.has_bytes() && d.calls("len") && d.same(|text| without_numbers(&without_invalid(text)))
    }),
    ("Go's `Local` is UTC here, and prints as that", |d| d.same(without_location)),
    ("what is empty has an address of its own kind in Go", |d| d.calls("%p") && d.same(without_addresses)),
    ("an address has another length, and lines fold elsewhere", |d| {
        text(d.theirs).contains("0xADDRESS") && d.same(|text| text.replace(|c: char| c.is_whitespace() || c == '\\', ""))
    }),
    ("errors of TOML, counted, cut or hashed", |d| d.calls("fromToml") && OPAQUE.iter().any(|f| d.calls(f)) && d.same(without_words)),
    ("tables of a TOML list are `[]map[string]interface {}` in Go", |d| {
        d.calls("fromToml") && d.same(|text| text.replace("[]map[string]interface {}", "[]interface {}"))
    }),
    ("errors of TOML beside others of these, folded, or in other letters", |d| {
        d.calls("fromToml")
            && d.same(|text| {
                let flat = text.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
                without_toml_errors(&without_location(&without_invalid(&flat)))
            })
    }),
];

/// Functions that make of a text something in which it cannot be seen any more.
const OPAQUE: [&str; 12] = ["len", "sum", "b64enc", "b32enc", "trunc", "substr", "abbrev", "initials", "wrap", "regex", "case", "nospace"];

/// The cause of a difference, where it has a known one.
pub(crate) fn explains(case: &Case, mine: &Outcome, theirs: &Outcome) -> Option<&'static str> {
    let difference = Difference { case, mine, theirs };
    RULES.iter().find(|(_, holds)| holds(&difference)).map(|(cause, _)| *cause)
}

impl Difference<'_> {
    /// Whether a word is in the templates, or in a value that may be one.
    fn calls(&self, word: &str) -> bool {
        self.case.main.contains(word) || self.case.helpers.contains(word)
    }

    /// Whether the case makes text that is no UTF-8.
    fn has_bytes(&self) -> bool {
        ["b64dec", "b32dec", "trunc", "substr", "abbrev", "wrapWith", "splitList", "decryptAES"].iter().any(|f| self.calls(f))
    }

    /// Whether a value or a template has an empty key in a list.
    fn has_empty_key(&self) -> bool {
        let listed = |text: &str| text.contains('[') && ["\"\": ", "\"\" = ", "\\\"\\\" = "].iter().any(|key| text.contains(key));
        self.case.values.iter().any(|(_, value)| listed(value)) || listed(&self.case.main) || listed(&self.case.helpers)
    }

    /// Whether a template has an escape such as `\377` or `\xff`.
    fn escapes_bytes(&self) -> bool {
        let escapes = |text: &str| {
            text.as_bytes().windows(4).any(|w| match w {
                [b'\\', b'2' | b'3', b'0'..=b'7', b'0'..=b'7'] => true,
                [b'\\', b'x', high, low] => matches!(high, b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F') && low.is_ascii_hexdigit(),
                _ => false,
            })
        };
        escapes(&self.case.main) || escapes(&self.case.helpers)
    }

    fn fails_here(&self, words: &str) -> bool {
        matches!(self.mine, Outcome::Error(error) if error.contains(words))
    }

    /// Whether both answers are of one kind, and the same without what differs for the cause.
    fn same(&self, without: fn(&str) -> String) -> bool {
        std::mem::discriminant(self.mine) == std::mem::discriminant(self.theirs) && without(text(self.mine)) == without(text(self.theirs))
    }
}

fn text(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Text(text) | Outcome::Error(text) | Outcome::Panic(text) => text,
    }
}

/// With UTC for `Local`: its name, its fields, and the address of it.
fn without_location(text: &str) -> String {
    let mut out = text.replace("time.Local", "time.UTC").replace("time.local", "time.utc");
    let field = "(*time.Location=";
    let mut from = 0;
    while let Some(start) = out[from..].find(field).map(|n| from + n + field.len()) {
        let end = out[start..].find(')').map_or(out.len(), |n| start + n);
        out.replace_range(start..end, "");
        from = start;
    }
    let mut from = 0;
    while let Some(end) = out[from..].find('}').map(|n| from + n) {
        let start = out[..end].trim_end_matches(|c: char| c.is_ascii_hexdigit()).len();
        let padded = out[..start].trim_end().len();
        from = end + 1;
        if padded < start && start < end {
            out.replace_range(padded..end, " 0");
            from = padded + 3;
        }
    }
    out
}

/// `0x` without the digits behind it.
fn without_addresses(text: &str) -> String {
    let text = text.replace("0xADDRESS", "0x").replace(" <nil>}", " 0x}");
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("0x");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

/// Each run of letters, digits and signs of base64 is one `x`.
fn without_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "+/=".contains(c) => out.push_str(if out.ends_with('x') { "" } else { "x" }),
            c => out.push(c),
        }
    }
    out
}

/// Each run of digits is one `0`.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('0') => {}
            '0'..='9' => out.push('0'),
            c => out.push(c),
        }
    }
    out
}

/// Whether each number is near its counterpart, or has but a digit or two that differ.
fn near(a: &str, b: &str) -> bool {
    let numbers =
        |text: &str| -> Vec<String> { text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).map(str::to_owned).collect() };
    let close = |a: &str, b: &str| {
        let value = |n: &str| n.parse().unwrap_or(u64::MAX);
        let differing = a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count();
        value(a).abs_diff(value(b)) <= 32 || a.len() == b.len() && differing <= 2
    };
    let (a, b) = (numbers(a), numbers(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| close(a, b))
}

/// Without U+FFFD and the escapes of it and of single bytes.
fn without_invalid(text: &str) -> String {
    let mut out = text.replace(['\u{fffd}'], "").replace("\\ufffd", "").replace("%EF%BF%BD", "").replace("\\xef\\xbf\\xbd", "");
    while let Some(at) = out.find("\\x") {
        let end = out[at..].char_indices().nth(4).map_or(out.len(), |(n, _)| at + n);
        out.replace_range(at..end, "");
    }
    out
}

/// What follows `toml: ` is left out, up to what ends the text in a map, in JSON, in YAML and in a URL.
fn without_toml_errors(text: &str) -> String {
    let quoted = ["or '']''", "or ']'", "`]`", "`]]`", "or+%27%5D%27", "%60%5D%60", "%60%5D%5D%60"];
    let text = quoted.iter().fold(text.to_owned(), |text, quoted| text.replace(quoted, ""));
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = ["toml: ", "toml%3A+"].iter().filter_map(|start| rest.find(start)).min() {
        out.push_str(&rest[..at]);
        let error = &rest[at..];
        // YAML folds a long line, and indents what follows.
        let line = error.match_indices('\n').map(|(at, _)| at).find(|at| !error[at + 1..].starts_with("  "));
        let end = ["]", "\"}", "%5D"].iter().filter_map(|end| error.find(end)).chain(line).min().unwrap_or(error.len());
        rest = &error[end..];
        out.push_str("TOML");
    }
    out + rest
}

#[test]
fn only_what_a_cause_explains_is_excused() {
    let case = |main: &str| Case { main: main.to_owned(), helpers: String::new(), values: Vec::new() };
    let output = |text: &str| Outcome::Text(text.to_owned());
    let cause = |main: &str, mine: &str, theirs: &str| explains(&case(main), &output(mine), &output(theirs)).is_some();
    assert!(cause("now", "2026 x", "2027 x") && !cause("now", "2026 x", "2026 y") && !cause("", "1", "2"));
    assert!(cause("fromToml", "[toml: a] b", "[toml: c] b") && !cause("fromToml", "[toml: a] b", "[toml: c] d"));
    assert!(cause("fromToml", "E: 'toml: a `]`'\nb", "E: 'toml: or '']''\n  c'\nb"));
    assert!(cause("b64dec", "a\u{fffd}", "a\\xff") && !cause("b64dec", "a\u{fffd}", "b"));
}
