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
    Glob::new(pattern).map(|glob| glob.matches(name))
}

/// A pattern that is read once and held against many names.
#[derive(Debug)]
pub(crate) struct Glob(Vec<Token>);

impl Glob {
    pub(crate) fn new(pattern: &str) -> Result<Self, BadPattern> {
        let pattern: Vec<char> = pattern.chars().collect();
        tokens(&pattern).map(Self)
    }

    /// See [`matches()`]. As in Go only the last star gives way: where each earlier one ended stays.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let tokens = &self.0;
        let (mut token, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            let c = name[at..].chars().next();
            match (tokens.get(token), c) {
                (None, None) => return true,
                (Some(Token::Star), _) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                (Some(one), Some(c)) if one.takes(c) => {
                    token += 1;
                    at += c.len_utf8();
                    continue;
                }
                _ => {}
            }
            let Some((place, from)) = star else { return false };
            match name[from..].chars().next() {
                Some(c) if c != '/' => {
                    star = Some((place, from + c.len_utf8()));
                    (token, at) = (place + 1, from + c.len_utf8());
                }
                _ => return false,
            }
        }
    }
}

#[derive(Debug)]
enum Token {
    Star,
    Any,
    Char(char),
    Class { negate: bool, ranges: Vec<(char, char)> },
}

impl Token {
    /// Whether it stands for this one character.
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Star => false,
            Token::Any => c != '/',
            Token::Char(want) => c == *want,
            Token::Class { negate, ranges } => ranges.iter().any(|(lo, hi)| (*lo..=*hi).contains(&c)) != *negate,
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
