//! File patterns as `.Files.Glob` reads them: `*` and `?` stop at a slash, `**` does not.

use regex::Regex;

/// A compiled pattern. One that is malformed matches everything, as in Helm.
pub(crate) struct Glob(Option<Regex>);

impl Glob {
    pub(crate) fn new(pattern: &str) -> Glob {
        let translated = translate(pattern);
        Glob(translated.and_then(|text| Regex::new(&format!("(?s)^(?:{text})$")).ok()))
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(path))
    }
}

/// The pattern as a regular expression; None where it is malformed.
fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut alternatives = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                let deep = chars.next_if_eq(&'*').is_some();
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(if deep { ".*" } else { "[^/]*" });
            }
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                loop {
                    match chars.next()? {
                        ']' => break,
                        '-' => out.push('-'),
                        '\\' => out.push_str(&escape(chars.next()?)),
                        c => out.push_str(&escape(c)),
                    }
                }
                out.push(']');
            }
            '{' => {
                alternatives += 1;
                out.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                out.push(')');
            }
            ',' if alternatives > 0 => out.push('|'),
            '\\' => out.push_str(&escape(chars.next()?)),
            c => out.push_str(&escape(c)),
        }
    }
    if alternatives > 0 {
        // alternatives without an end match nothing
        return Some("[^\\s\\S]".to_owned());
    }
    Some(out)
}

fn escape(c: char) -> String {
    if c == '-' { "\\-".to_owned() } else { regex::escape(&c.to_string()) }
}
