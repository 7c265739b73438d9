//! Characters as Go's `unicode` package (letter.go, graphic.go, digit.go, tables.go) classifies them.
//!
//! Rust's own tables follow a newer Unicode version and other definitions (`is_alphabetic` includes marks), so Go's are kept beside.

use super::tables;

fn within(table: &[(u32, u32)], c: char) -> bool {
    let c = c as u32;
    table
        .binary_search_by(|&(lo, hi)| {
            if hi < c {
                std::cmp::Ordering::Less
            } else if lo > c {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_ok()
}

fn mapped(table: &[(u32, u32)], c: char) -> Option<char> {
    let found = table.binary_search_by_key(&(c as u32), |&(from, _)| from).ok()?;
    char::from_u32(table[found].1)
}

/// `strconv.IsPrint` (strconv/quote.go): letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() { (' '..='~').contains(&c) } else { within(tables::PRINT, c) }
}

/// `unicode.IsLetter`.
pub fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { within(tables::LETTER, c) }
}

/// `unicode.IsDigit`.
pub fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { within(tables::DIGIT, c) }
}

/// `unicode.IsUpper`.
pub fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { within(tables::UPPER, c) }
}

/// `unicode.IsLower`.
pub fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { within(tables::LOWER, c) }
}

/// `unicode.IsPunct`.
pub fn is_punct(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
    } else {
        within(tables::PUNCT, c)
    }
}

/// `unicode.IsNumber`.
pub fn is_number(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { within(tables::NUMBER, c) }
}

/// `unicode.IsTitle`: letters such as `ǅ`.
pub fn is_title(c: char) -> bool {
    is_letter(c) && !is_upper(c) && !is_lower(c) && to_lower(c) != c
}

/// `unicode.IsSpace`.
pub fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// `unicode.ToUpper`: one character for one, so `ß` stays.
pub fn to_upper(c: char) -> char {
    if c.is_ascii() { c.to_ascii_uppercase() } else { mapped(tables::TO_UPPER, c).unwrap_or(c) }
}

/// `unicode.ToLower`.
pub fn to_lower(c: char) -> char {
    if c.is_ascii() { c.to_ascii_lowercase() } else { mapped(tables::TO_LOWER, c).unwrap_or(c) }
}

/// `unicode.ToTitle`.
pub fn to_title(c: char) -> char {
    if c.is_ascii() { c.to_ascii_uppercase() } else { mapped(tables::TO_TITLE, c).unwrap_or_else(|| to_upper(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_go() {
        for (c, print, letter, digit) in [
            ('a', true, true, false),
            (' ', true, false, false),
            ('\u{a0}', false, false, false),
            ('\u{ad}', false, false, false),
            ('é', true, true, false),
            ('٣', true, false, true),
            ('\u{301}', true, false, false),
            ('😀', true, false, false),
            ('\u{7f}', false, false, false),
        ] {
            assert_eq!((is_print(c), is_letter(c), is_digit(c)), (print, letter, digit), "{c:?}");
        }
        assert_eq!((to_upper('ß'), to_title('ǆ'), to_upper('ǆ'), to_lower('İ')), ('ß', 'ǅ', 'Ǆ', 'i'));
    }
}
