//! Go's regular expressions, compiled by the regex crate: the same automata, other defaults.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use regex::{Regex, RegexBuilder};

/// Compiled patterns that are kept.
const CACHE: usize = 1_024;
/// Bytes that one compiled pattern may take.
const SIZE: usize = 4 << 20;

static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// Compiles a pattern, or takes it from the cache.
pub(crate) fn compile(pattern: &str) -> Result<Arc<Regex>, String> {
    if let Some(regex) = COMPILED.lock().ok().and_then(|cache| cache.get(pattern).cloned()) {
        return Ok(regex);
    }
    let built = RegexBuilder::new(&translate(pattern)).size_limit(SIZE).build();
    let regex = Arc::new(built.map_err(|err| format!("error parsing regexp: {}", reason(pattern, &err.to_string())))?);
    if let Ok(mut cache) = COMPILED.lock() {
        if cache.len() >= CACHE {
            cache.clear();
        }
        cache.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}

/// Go's words for the common mistakes; for others those of the regex crate.
fn reason(pattern: &str, message: &str) -> String {
    let last = message.rsplit("error: ").next().unwrap_or(message).trim();
    let from = |c: char| pattern.rfind(c).map_or(pattern, |at| &pattern[at..]);
    match last {
        "unclosed group" => format!("missing closing ): `{pattern}`"),
        "unopened group" => format!("unexpected ): `{pattern}`"),
        "unclosed character class" => format!("missing closing ]: `{}`", from('[')),
        text if text.starts_with("look-around") => {
            let at = pattern.find("(?=").or(pattern.find("(?!")).or(pattern.find("(?<")).unwrap_or(0);
            let shown: String = pattern[at..].chars().take(3).collect();
            format!("invalid or unsupported Perl syntax: `{shown}`")
        }
        "repetition operator missing expression" => {
            let shown: String = pattern.chars().filter(|c| "*+?{".contains(*c)).take(1).collect();
            format!("missing argument to repetition operator: `{shown}`")
        }
        text if text.starts_with("invalid repetition count range") => {
            let shown = pattern.find('{').and_then(|at| Some(&pattern[at..=at + pattern[at..].find('}')?]));
            format!("invalid repeat count: `{}`", shown.unwrap_or(pattern))
        }
        text => text.replace('\n', " "),
    }
}

/// The pattern in the words of the regex crate: Go's classes are of ASCII, and its brackets know no nesting.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Q') if !class => literal(&mut chars, &mut out),
                Some(kind) => escape(kind, class, &mut out),
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            ']' => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            '{' if !class && !repetition(chars.clone()) => out.push_str("\\{"),
            c => out.push(c),
        }
    }
    out
}

fn literal(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&regex::escape(&c.to_string()));
    }
}

fn escape(kind: char, class: bool, out: &mut String) {
    let ascii = match kind {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\x0c\\r ]",
        'S' => "[^\\t\\n\\x0c\\r ]",
        'b' if !class => "(?-u:\\b)",
        'B' if !class => "(?-u:\\B)",
        '<' => "<",
        '>' => ">",
        kind => {
            out.push('\\');
            out.push(kind);
            return;
        }
    };
    out.push_str(ascii);
}

/// Whether what follows a brace is a repetition; else the brace stands for itself.
fn repetition(chars: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let body: String = chars.take_while(|c| *c != '}').collect();
    let (least, most) = body.split_once(',').unwrap_or((&body, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}
