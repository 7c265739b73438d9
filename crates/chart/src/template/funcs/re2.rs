//! Go's regular expressions, compiled by the regex crate's engines: the same automata, other defaults.

use std::sync::Arc;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax::Config;

use crate::template::cache::{Compiled, ParseCache};

/// Bytes that one compiled pattern may take, as a bound on its size: the first that holds.
const SIZES: [usize; 4] = [16 << 10, 128 << 10, 1 << 20, 4 << 20];
/// Bytes of the cache in which an automaton works.
const WORKSPACE: usize = 512 << 10;

/// Compiles a pattern, or takes it from the cache. One for a subject of ASCII alone knows no other characters: that is
/// a fraction of the work.
pub(super) fn compile(pattern: &str, subject: &[u8], cache: &ParseCache) -> Result<Compiled, String> {
    let ascii = pattern.is_ascii() && subject.is_ascii();
    cache.regex(pattern, ascii, || {
        super::re2_syntax::check(pattern).map_err(|reason| format!("error parsing regexp: {reason}"))?;
        let translated = translate(pattern);
        if ascii && let Ok(regex) = build(&translated, SIZES[0], Config::new().unicode(false).utf8(false)) {
            return Ok((Arc::new(regex), SIZES[0]));
        }
        let mut tries = SIZES.iter().map(|size| (*size, build(&translated, *size, Config::new())));
        let mut built = tries.next();
        while let Some((_, Err(error))) = &built
            && error.size_limit().is_some()
        {
            match tries.next() {
                None => return Err(format!("error parsing regexp: {}", too_large(pattern))),
                next => built = next,
            }
        }
        match built {
            Some((size, Ok(regex))) => Ok((Arc::new(regex), size)),
            // What Go takes and the crate does not: groups of one name.
            Some((_, Err(error))) => {
                let message = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
                Err(format!("error parsing regexp: {}", message.rsplit("error: ").next().unwrap_or(&message).trim()))
            }
            None => Err("error parsing regexp: internal error".to_owned()),
        }
    })
}

/// Most patterns search a few short texts once: the engines that are costly to build are left out, and an automaton is built as
/// far as a search needs it.
fn build(pattern: &str, size: usize, syntax: Config) -> Result<Regex, Box<BuildError>> {
    let config = Regex::config().dfa(false).onepass(false).nfa_size_limit(Some(size)).hybrid_cache_capacity(WORKSPACE);
    Ok(Regex::builder().configure(config).syntax(syntax).build(pattern)?)
}

/// Go refuses repetitions that come to more than a thousand, and names the outermost.
fn too_large(pattern: &str) -> String {
    let shown: String = pattern.chars().take(1_000).collect();
    let repetition = pattern.rfind('{').and_then(|from| Some(&pattern[from..=from + pattern[from..].find('}')?]));
    repetition.map_or_else(|| format!("expression too large: `{shown}`"), |shown| format!("invalid repeat count: `{shown}`"))
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
                Some(digit @ '0'..='7') => octal(digit, &mut chars, &mut out),
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
            '(' if !class && chars.next_if_eq(&'?').is_some() => flags(&mut chars, &mut out),
            '{' if !class && !repetition(chars.clone()) => out.push_str("\\{"),
            c => out.push(c),
        }
    }
    out
}

/// What follows `(?`. Go lets the last of equal flags win, and there may be none; the crate wants each once.
fn flags(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let (mut on, mut off, mut negative) = (String::new(), String::new(), false);
    while let Some(c) = chars.next_if(|c| "imsU-".contains(*c)) {
        if c == '-' {
            negative = true;
            continue;
        }
        on.retain(|flag| flag != c);
        off.retain(|flag| flag != c);
        if negative { off.push(c) } else { on.push(c) }
    }
    out.push_str("(?");
    out.push_str(&on);
    if !off.is_empty() {
        out.push('-');
        out.push_str(&off);
    }
    if on.is_empty() && off.is_empty() && chars.peek() == Some(&')') {
        out.push(':');
    }
}

/// An octal escape of up to three digits.
fn octal(first: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut code = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        if let Some(digit) = chars.next_if(|c| c.is_digit(8)) {
            code = code * 8 + digit.to_digit(8).unwrap_or(0);
        }
    }
    out.push_str(&format!("\\x{{{code:x}}}"));
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
    let rest: String = chars.collect();
    let Some((body, _)) = rest.split_once('}') else { return false };
    let (least, most) = body.split_once(',').unwrap_or((body, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let plain = |text: &str| digits(text) && (text.len() < 2 || !text.starts_with('0'));
    !least.is_empty() && plain(least) && plain(most)
}
