//! Versions and constraints as Masterminds/semver reads them.

use std::cmp::Ordering;

use crate::go::num;
use crate::go::quote::quote;

/// A version: up to three numbers, a pre-release and metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) pre: String,
    pub(super) metadata: String,
    pub(super) original: String,
}

const INVALID: &str = "invalid semantic version";

impl Version {
    /// `NewVersion`: a leading v and missing parts are fine.
    pub(super) fn parse(text: &str) -> Result<Version, String> {
        if text.len() > 256 {
            return Err("version string is too long (max 256 bytes)".to_owned());
        }
        let parts = Parts::scan(text, |b| b.is_ascii_digit()).ok_or(INVALID)?;
        if parts.rest != "" {
            return Err(INVALID.to_owned());
        }
        let number = |text: &str| match text {
            "" => Ok(0),
            digits => num::parse_uint(digits, 10).map_err(|err| format!("error parsing version segment: {err}")),
        };
        let version = Version {
            major: number(parts.major)?,
            minor: number(parts.minor)?,
            patch: number(parts.patch)?,
            pre: parts.pre.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        let zero = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
        if !version.pre.is_empty() && version.pre.split('.').any(zero) {
            return Err("version segment starts with 0".to_owned());
        }
        Ok(version)
    }

    pub(super) fn compare(&self, other: &Version) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_pre(&self.pre, &other.pre),
            }
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => (x, y),
        };
        let order = match (num::parse_uint(x, 10), num::parse_uint(y, 10)) {
            _ if x == y => Ordering::Equal,
            (Ok(x), Ok(y)) if x > y => Ordering::Greater,
            (Ok(_), Ok(_)) => Ordering::Less,
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The pieces of something that looks like a version, and what follows it.
struct Parts<'t> {
    major: &'t str,
    minor: &'t str,
    patch: &'t str,
    pre: &'t str,
    metadata: &'t str,
    rest: &'t str,
}

impl<'t> Parts<'t> {
    /// The longest version at the start of the text; `digit` says what its numbers are made of.
    fn scan(text: &'t str, digit: fn(u8) -> bool) -> Option<Parts<'t>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let run = |text: &'t str| text.split_at(text.bytes().take_while(|b| digit(*b)).count());
        let (major, mut rest) = run(text);
        if major.is_empty() {
            return None;
        }
        let mut further = || match rest.strip_prefix('.').map(run) {
            Some((part, after)) if !part.is_empty() => {
                rest = after;
                part
            }
            _ => "",
        };
        let minor = further();
        let patch = if minor.is_empty() { "" } else { further() };
        let mut tail = |mark: char| match rest.strip_prefix(mark).map(identifiers) {
            Some((part, after)) if !part.is_empty() => {
                rest = after;
                part
            }
            _ => "",
        };
        let pre = tail('-');
        let metadata = tail('+');
        Some(Parts { major, minor, patch, pre, metadata, rest })
    }
}

/// Dot-separated identifiers at the start of a text.
fn identifiers(text: &str) -> (&str, &str) {
    let mut end = 0;
    loop {
        let from = if end == 0 { 0 } else { end + 1 };
        let part = text[from..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        if part == 0 {
            return text.split_at(end);
        }
        end = from + part;
        if !text[end..].starts_with('.') {
            return text.split_at(end);
        }
    }
}

/// Groups of comparisons, of which one must hold whole.
pub(super) struct Constraint {
    groups: Vec<Vec<Comparison>>,
}

struct Comparison {
    op: Op,
    version: Version,
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Default,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

const OPS: &[(&str, Op)] = &[
    ("!=", Op::NotEqual),
    (">=", Op::GreaterEqual),
    ("=>", Op::GreaterEqual),
    ("<=", Op::LessEqual),
    ("=<", Op::LessEqual),
    ("~>", Op::Tilde),
    ("=", Op::Default),
    (">", Op::Greater),
    ("<", Op::Less),
    ("~", Op::Tilde),
    ("^", Op::Caret),
    ("", Op::Default),
];

fn version_digit(b: u8) -> bool {
    b.is_ascii_digit() || matches!(b, b'|' | b'x' | b'X' | b'*')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

impl Constraint {
    pub(super) fn parse(text: &str) -> Result<Constraint, String> {
        if text.len() > 512 {
            return Err("constraint string is too long (max 512 bytes)".to_owned());
        }
        let text = rewrite_ranges(text);
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > 32 {
            return Err("too many constraint groups (max 32)".to_owned());
        }
        let groups = parts.into_iter().map(group).collect::<Result<_, _>>()?;
        Ok(Constraint { groups })
    }

    pub(super) fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let pre = group.iter().any(|comparison| !comparison.version.pre.is_empty());
            group.iter().all(|comparison| comparison.check(version, pre))
        })
    }
}

/// `1.2 - 1.4` is a range.
fn rewrite_ranges(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    'scan: while !rest.is_empty() {
        for (at, _) in rest.char_indices() {
            if let Some((low, high, len)) = range_at(&rest[at..]) {
                out.push_str(&rest[..at]);
                out.push_str(&format!(">= {low}, <= {high} "));
                rest = &rest[at + len..];
                continue 'scan;
            }
        }
        break;
    }
    out.push_str(rest);
    out
}

/// A range at the start of the text: its ends, and the bytes that it takes.
fn range_at(text: &str) -> Option<(&str, &str, usize)> {
    let trimmed = text.trim_start_matches(is_space);
    let first = Parts::scan(trimmed, version_digit)?;
    let low = &trimmed[..trimmed.len() - first.rest.len()];
    let gap = first.rest.trim_start_matches(is_space);
    if gap.len() == first.rest.len() {
        return None;
    }
    let after = gap.strip_prefix('-')?;
    let high_text = after.trim_start_matches(is_space);
    if high_text.len() == after.len() {
        return None;
    }
    let second = Parts::scan(high_text, version_digit)?;
    let high = &high_text[..high_text.len() - second.rest.len()];
    Some((low, high, text.len() - second.rest.trim_start_matches(is_space).len()))
}

/// Comparisons separated by spaces or commas, all of which must hold.
fn group(text: &str) -> Result<Vec<Comparison>, String> {
    let improper = || format!("improper constraint: {}", quote(text));
    let mut comparisons = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    loop {
        let (op_text, op) = OPS.iter().find(|(op_text, _)| rest.starts_with(op_text)).copied().ok_or_else(improper)?;
        let operand = rest[op_text.len()..].trim_start_matches(is_space);
        let parts = Parts::scan(operand, version_digit).ok_or_else(improper)?;
        comparisons.push(Comparison::new(op, &parts)?);
        let tail = parts.rest.trim_start_matches(is_space);
        if tail.is_empty() {
            return Ok(comparisons);
        }
        rest = match tail.strip_prefix(',') {
            Some(tail) => tail.trim_start_matches(is_space),
            None if tail.len() < parts.rest.len() => tail,
            None => return Err(improper()),
        };
    }
}

impl Comparison {
    fn new(op: Op, parts: &Parts<'_>) -> Result<Comparison, String> {
        let x = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let pre = if parts.pre.is_empty() { String::new() } else { format!("-{}", parts.pre) };
        let (text, minor_dirty, patch_dirty, dirty) = if x(parts.major) {
            (format!("0.0.0{pre}"), false, false, true)
        } else if x(parts.minor) {
            (format!("{}.0.0{pre}", parts.major), true, false, true)
        } else if x(parts.patch) {
            (format!("{}.{}.0{pre}", parts.major, parts.minor), false, true, true)
        } else {
            let metadata = if parts.metadata.is_empty() { String::new() } else { format!("+{}", parts.metadata) };
            (format!("{}.{}.{}{pre}{metadata}", parts.major, parts.minor, parts.patch), false, false, false)
        };
        let version = Version::parse(&text).map_err(|_| "constraint parser error".to_owned())?;
        Ok(Comparison { op, version, dirty, minor_dirty, patch_dirty })
    }

    fn check(&self, v: &Version, include_pre: bool) -> bool {
        if !v.pre.is_empty() && !include_pre {
            return false;
        }
        let c = &self.version;
        let order = v.compare(c);
        match self.op {
            Op::Default if self.dirty => self.tilde(v),
            Op::Default => order == Ordering::Equal,
            Op::NotEqual => self.not_equal(v),
            Op::Greater if !self.dirty => order == Ordering::Greater,
            Op::Greater => {
                if v.major != c.major {
                    v.major > c.major
                } else if self.minor_dirty {
                    false
                } else if self.patch_dirty {
                    v.minor > c.minor
                } else {
                    order == Ordering::Greater
                }
            }
            Op::Less => order == Ordering::Less,
            Op::GreaterEqual => order != Ordering::Less,
            Op::LessEqual if !self.dirty => order != Ordering::Greater,
            Op::LessEqual => v.major <= c.major && !(v.major == c.major && v.minor > c.minor && !self.minor_dirty),
            Op::Tilde => self.tilde(v),
            Op::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.dirty {
            return v.compare(c) != Ordering::Equal;
        }
        if c.major != v.major {
            return true;
        }
        if c.minor != v.minor && !self.minor_dirty {
            return true;
        }
        if self.minor_dirty {
            return false;
        }
        if c.patch != v.patch && !self.patch_dirty {
            return true;
        }
        if self.patch_dirty {
            return (!v.pre.is_empty() || !c.pre.is_empty()) && compare_pre(&v.pre, &c.pre) != Ordering::Equal;
        }
        v.compare(c) != Ordering::Equal
    }

    fn tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.compare(c) == Ordering::Less {
            return false;
        }
        if (c.major, c.minor, c.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        v.major == c.major && (v.minor == c.minor || self.minor_dirty)
    }

    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.compare(c) == Ordering::Less {
            return false;
        }
        if c.major > 0 || self.minor_dirty {
            return v.major == c.major;
        }
        if v.major > 0 {
            return false;
        }
        if c.minor > 0 || self.patch_dirty {
            return v.minor == c.minor;
        }
        v.minor == 0 && c.patch == v.patch
    }
}
