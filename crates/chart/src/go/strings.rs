//! String functions with Go's ideas of words and lengths, under the names that sprig gives them: Go's `strings.Title`, goutils
//! (wordutils.go, stringutils.go) and xstrings (convert.go).
//!
//! Where Go counts bytes and may cut a character in two, the result is bytes.

use super::unicode::{is_digit, is_letter, is_lower, is_number, is_punct, is_space, is_title, is_upper, to_lower, to_title, to_upper};

/// `title`, which is Go's `strings.Title`: the first letter of each word in title case; the rest as it is.
pub fn title(text: &str) -> String {
    let separates =
        |c: char| if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { !is_letter(c) && !is_digit(c) && is_space(c) };
    let mut previous = ' ';
    text.chars()
        .map(|c| {
            let first = separates(previous);
            previous = c;
            if first { to_title(c) } else { c }
        })
        .collect()
}

/// `untitle`, which is goutils' `Uncapitalize` (wordutils.go): the first letter of each word in lower case.
pub fn untitle(text: &str) -> String {
    let mut first = true;
    text.chars()
        .map(|c| {
            if is_space(c) {
                first = true;
                c
            } else if std::mem::take(&mut first) {
                to_lower(c)
            } else {
                c
            }
        })
        .collect()
}

/// `swapcase`, which is goutils' `SwapCase` (wordutils.go): a lower case letter at the start of a word gets title case.
pub fn swap_case(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            if is_upper(c) || is_title(c) {
                start = false;
                to_lower(c)
            } else if is_lower(c) {
                if std::mem::take(&mut start) { to_title(c) } else { to_upper(c) }
            } else {
                start = is_space(c);
                c
            }
        })
        .collect()
}

/// `initials`, which is goutils' `Initials` (wordutils.go): the first character of each word. It looks at bytes as if each were a character.
pub fn initials(text: &[u8]) -> String {
    let mut gap = true;
    text.iter()
        .map(|b| char::from(*b))
        .filter(|c| {
            let space = is_space(*c);
            let first = !space && gap;
            gap = space;
            first
        })
        .collect()
}

/// `nospace`, which is goutils' `DeleteWhiteSpace` (stringutils.go). It looks at bytes as if each were a character; a text
/// without such spaces stays whole.
pub fn no_space(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|b| is_space(char::from(*b))) {
        return text.to_vec();
    }
    text.iter().map(|b| char::from(*b)).filter(|c| !is_space(*c)).collect::<String>().into_bytes()
}

/// `abbrev`, which is goutils' `Abbreviate` (stringutils.go): at most so many bytes, `...` in place of the rest. A width below 4
/// leaves the text as it is.
pub fn abbrev(width: i64, text: &[u8]) -> Vec<u8> {
    if width < 4 { text.to_vec() } else { abbreviate(text, 0, width as usize) }
}

/// `abbrevboth`, which is goutils' `AbbreviateFull` (stringutils.go): at most `right` bytes from about `left` on, `...` in place of
/// what is cut off. A width that is too small for that leaves the text as it is.
pub fn abbrev_both(left: i64, right: i64, text: &[u8]) -> Vec<u8> {
    if right < 4 || left > 0 && right < 7 {
        return text.to_vec();
    }
    // A negative offset acts as none.
    abbreviate(text, left.max(0) as usize, right as usize)
}

fn abbreviate(text: &[u8], offset: usize, width: usize) -> Vec<u8> {
    if text.len() <= width {
        return text.to_vec();
    }
    let kept = width - 3;
    let offset = if text.len() - offset.min(text.len()) < kept { text.len() - kept } else { offset.min(text.len()) };
    if offset <= 4 {
        return [&text[..kept], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + kept < text.len() {
        return [b"...".as_slice(), &abbreviate(&text[offset..], 0, kept)].concat();
    }
    [b"...", &text[text.len() - kept..]].concat()
}

/// `wrap`, which is goutils' `Wrap` (wordutils.go): lines of at most so many bytes; longer words stay whole.
pub fn wrap(width: i64, text: &[u8]) -> Vec<u8> {
    wrap_custom(text, width, b"\n", false)
}

/// `wrapWith`, which is goutils' `WrapCustom` (wordutils.go): the same with a separator of its own, and longer words are cut.
pub fn wrap_with(width: i64, separator: &[u8], text: &[u8]) -> Vec<u8> {
    wrap_custom(text, width, if separator.is_empty() { b"\n" } else { separator }, true)
}

fn wrap_custom(text: &[u8], width: i64, line_break: &[u8], cut: bool) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (taken, next) = match rest[..=width].iter().rposition(|b| *b == b' ') {
            Some(space) => (space, space + 1),
            None if cut => (width, width),
            None => match rest[width..].iter().position(|b| *b == b' ') {
                Some(space) => (width + space, width + space + 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..taken]);
        out.extend_from_slice(line_break);
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    out
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// `camelcase`, which is xstrings' `ToPascalCase` (convert.go): `http_server` becomes `HttpServer`.
pub fn camel_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut current = None;
    let mut upper_run = false;
    // Connectors in front stay.
    for c in chars.by_ref() {
        current = Some(c);
        if !is_connector(c) {
            upper_run = is_upper(c);
            current = Some(to_upper(c));
            break;
        }
        out.push(c);
    }
    let Some(mut current) = current else {
        return out;
    };
    if chars.as_str().is_empty() {
        // xstrings writes a last connector twice.
        out.push(current);
        return out;
    }
    for c in chars {
        let previous = std::mem::replace(&mut current, c);
        if is_connector(c) && is_connector(previous) {
            out.push(previous);
        } else if is_connector(previous) {
            upper_run = is_upper(c);
            current = to_upper(c);
        } else {
            if upper_run {
                if is_upper(c) {
                    current = to_lower(c);
                } else {
                    upper_run = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

/// `snakecase`, which is xstrings' `ToSnakeCase` (convert.go): `HTTP20xOK` becomes `http_20x_ok`.
pub fn snake_case(text: &str) -> String {
    lower_words(text, '_')
}

/// `kebabcase`, which is xstrings' `ToKebabCase` (convert.go): the same with hyphens.
pub fn kebab_case(text: &str) -> String {
    lower_words(text, '-')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

fn lower_words(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Letters | Word::Number) {
                    push_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
                    out.push(connector);
                }
            }
            Word::Connector => push_lower(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind != Word::Letters {
                    // A number belongs to the word before it: `Bld4Floor` has two words.
                    push_lower(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                } else {
                    out.push(connector);
                    push_lower(&mut out, Word::Number, number, connector);
                    while matches!(kind, Word::Letters | Word::Number) {
                        push_lower(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if !matches!(kind, Word::None | Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}

fn push_lower(out: &mut String, kind: Word, word: &str, connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.push_str(word);
        return;
    }
    out.extend(word.chars().map(|c| {
        if is_connector(c) {
            connector
        } else if is_upper(c) {
            to_lower(c)
        } else {
            c
        }
    }));
}

/// A letter that words are made of; CJK characters are not.
fn is_alphabet(c: char) -> bool {
    // As xstrings draws the ranges.
    const CJK: [std::ops::RangeInclusive<char>; 3] = ['\u{3400}'..='\u{4d85}', '\u{4e00}'..='\u{9fcc}', '\u{20000}'..='\u{2b81d}'];
    is_letter(c) && !CJK.iter().any(|range| range.contains(&c))
}

/// What stands for bytes that are no UTF-8.
const INVALID: char = '\u{fffd}';

/// The first character that is valid, with how far it reaches; without one, the text belongs to what was before it.
fn valid(text: &str) -> Option<(char, usize)> {
    text.char_indices().find(|(_, c)| *c != INVALID).map(|(at, c)| (c, at + c.len_utf8()))
}

/// Where the run of characters that fit ends; bytes that are no UTF-8 go with the character behind them.
fn run(text: &str, mut end: usize, fits: fn(char) -> bool) -> usize {
    while end < text.len() {
        match valid(&text[end..]) {
            Some((c, size)) if fits(c) => end += size,
            Some(_) => return end,
            None => return text.len(),
        }
    }
    end
}

/// The kind of the first word, the word, and what follows.
fn next_word(text: &str) -> (Word, &str, &str) {
    let Some((first, size)) = valid(text) else {
        return (Word::None, text, "");
    };
    let (kind, end) = if is_connector(first) {
        (Word::Connector, run(text, size, is_connector))
    } else if is_punct(first) {
        (Word::Punctuation, run(text, size, is_punct))
    } else if is_upper(first) {
        let end = match valid(&text[size..]) {
            Some((second, _)) if is_upper(second) => {
                let end = run(text, size, is_upper);
                // In `HTTPStatus` the last capital begins the next word.
                match valid(&text[end..]) {
                    Some((next, _)) if is_alphabet(next) => {
                        let last = text[..end].char_indices().rev().find(|(_, c)| *c != INVALID).map_or(end, |(i, _)| i);
                        text[..last].trim_end_matches(INVALID).len()
                    }
                    _ => end,
                }
            }
            Some((second, _)) if is_alphabet(second) => run(text, size, |c| is_alphabet(c) && !is_upper(c)),
            _ => size,
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Letters, run(text, size, |c| is_alphabet(c) && !is_upper(c)))
    } else if is_number(first) {
        (Word::Number, run(text, size, is_number))
    } else {
        (Word::Other, run(text, size, |c| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punct(c))))
    };
    (kind, &text[..end], &text[end..])
}
