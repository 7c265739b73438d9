//! Go's path functions, as chart names, archive members and ignore rules meet them.

/// The pattern is malformed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadPattern;

impl std::fmt::Display for BadPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("syntax error in pattern")
    }
}

/// The last part of a path.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

/// The shortest path that means the same.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Whether the whole of `name` matches: `*` and `?` stay within a part, `[a-z]` and `[^a]` are classes,
/// a backslash takes the next character as it is.
pub(crate) fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let tokens = tokens(&pattern)?;
    let name: Vec<char> = name.chars().collect();
    // Positions in the pattern that the name so far can have reached.
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    pass_stars(&tokens, &mut reached);
    for c in name {
        let mut next = vec![false; tokens.len() + 1];
        for (i, token) in tokens.iter().enumerate().filter(|(i, _)| reached[*i]) {
            match token {
                Token::Star if c != '/' => next[i] = true,
                Token::Star => {}
                Token::Any => next[i + 1] |= c != '/',
                Token::Char(want) => next[i + 1] |= c == *want,
                Token::Class { negate, ranges } => {
                    next[i + 1] |= ranges.iter().any(|(lo, hi)| (*lo..=*hi).contains(&c)) != *negate;
                }
            }
        }
        pass_stars(&tokens, &mut next);
        reached = next;
    }
    Ok(reached[tokens.len()])
}

enum Token {
    Star,
    Any,
    Char(char),
    Class { negate: bool, ranges: Vec<(char, char)> },
}

fn pass_stars(tokens: &[Token], reached: &mut [bool]) {
    for (i, token) in tokens.iter().enumerate() {
        if reached[i] && matches!(token, Token::Star) {
            reached[i + 1] = true;
        }
    }
}

fn tokens(pattern: &[char]) -> Result<Vec<Token>, BadPattern> {
    let mut out = Vec::new();
    let mut rest = pattern.iter().copied().peekable();
    while let Some(c) = rest.next() {
        out.push(match c {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Char(rest.next().ok_or(BadPattern)?),
            '[' => {
                let negate = rest.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
                    let lo = class_char(&mut rest)?;
                    let hi = if rest.next_if_eq(&'-').is_some() { class_char(&mut rest)? } else { lo };
                    ranges.push((lo, hi));
                }
                Token::Class { negate, ranges }
            }
            c => Token::Char(c),
        });
    }
    Ok(out)
}

fn class_char(rest: &mut impl Iterator<Item = char>) -> Result<char, BadPattern> {
    match rest.next() {
        None | Some('-' | ']') => Err(BadPattern),
        Some('\\') => rest.next().ok_or(BadPattern),
        Some(c) => Ok(c),
    }
}
