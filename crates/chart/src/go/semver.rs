//! Versions and constraints as Masterminds/semver v3 has them: Helm's chart versions, `semver` and `semverCompare`.
//! Errors have its words.

mod scan;

use super::quote::quote;
use super::{GoError, num};
use scan::Scan;
use std::cmp::Ordering;
use std::fmt;

const MAX_VERSION: usize = 256;
const MAX_CONSTRAINT: usize = 512;
const MAX_GROUPS: usize = 32;

/// sprig's `semverCompare` (semver.go): whether the version satisfies the constraint.
///
/// # Errors
/// Where one of them does not parse.
pub fn compare(constraint: &str, version: &str) -> Result<bool, GoError> {
    Ok(Constraints::parse(constraint)?.check(&Version::parse(version)?))
}

/// A semantic version: Masterminds' `Version` (version.go). Equality counts the metadata and the text that was parsed; use
/// [`Version::compare`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// First number.
    pub major: u64,
    /// Second number.
    pub minor: u64,
    /// Third number.
    pub patch: u64,
    /// What follows `-`.
    pub prerelease: String,
    /// What follows `+`.
    pub metadata: String,
    /// The text that was parsed.
    pub original: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        for (mark, part) in [('-', &self.prerelease), ('+', &self.metadata)] {
            if !part.is_empty() {
                write!(f, "{mark}{part}")?;
            }
        }
        Ok(())
    }
}

impl Version {
    /// Masterminds' `NewVersion` (version.go): takes a `v` in front, one or two numbers, and leading zeros.
    pub fn parse(text: &str) -> Result<Version, GoError> {
        if text.len() > MAX_VERSION {
            return Err(GoError::new(format!("version string is too long (max {MAX_VERSION} bytes)")));
        }
        let parts = Scan::new(text).loose_version().ok_or_else(|| GoError::new("invalid semantic version"))?;
        let segment = |digits: &str| match digits {
            "" => Ok(0),
            digits => num::parse_uint(digits, 10).map_err(|e| GoError::new(format!("error parsing version segment: {e}"))),
        };
        let version = Version {
            major: segment(parts.major)?,
            minor: segment(parts.minor)?,
            patch: segment(parts.patch)?,
            prerelease: parts.prerelease.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        check_prerelease(&version.prerelease)?;
        Ok(version)
    }

    /// Masterminds' `StrictNewVersion` (version.go): three numbers without leading zeros.
    pub fn parse_strict(text: &str) -> Result<Version, GoError> {
        if text.is_empty() {
            return Err(GoError::new("version string empty"));
        }
        if text.len() > MAX_VERSION {
            return Err(GoError::new(format!("version string is too long (max {MAX_VERSION} bytes)")));
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts[..] else {
            return Err(GoError::new("invalid semantic version"));
        };
        let (rest, metadata) = rest.split_once('+').map_or((rest, None), |(rest, m)| (rest, Some(m)));
        if metadata.is_some_and(|m| m.split('.').any(|p| p.is_empty() || !is_identifier(p))) {
            return Err(GoError::new("invalid metadata string"));
        }
        let (patch, prerelease) = rest.split_once('-').map_or((rest, None), |(patch, p)| (patch, Some(p)));
        prerelease.map_or(Ok(()), |p| if p.is_empty() { Err(GoError::new("invalid prerelease string")) } else { check_prerelease(p) })?;
        for part in [major, minor, patch] {
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(GoError::new("invalid characters in version"));
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(GoError::new("version segment starts with 0"));
            }
        }
        Ok(Version {
            major: num::parse_uint(major, 10)?,
            minor: num::parse_uint(minor, 10)?,
            patch: num::parse_uint(patch, 10)?,
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// The order of precedence, as the method `Compare`; metadata does not count.
    pub fn compare(&self, other: &Version) -> Ordering {
        let numbers = |v: &Version| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (a, b) => compare_prerelease(a, b),
        })
    }

    /// The next major version, as the method `IncMajor`.
    pub fn inc_major(&self) -> Version {
        self.next(self.major.wrapping_add(1), 0, 0)
    }

    /// The next minor version, as `IncMinor`.
    pub fn inc_minor(&self) -> Version {
        self.next(self.major, self.minor.wrapping_add(1), 0)
    }

    /// The next patch version, as `IncPatch`: of a pre-release, the release itself.
    pub fn inc_patch(&self) -> Version {
        let step = u64::from(self.prerelease.is_empty());
        self.next(self.major, self.minor, self.patch.wrapping_add(step))
    }

    /// The version with this pre-release, as `SetPrerelease`.
    pub fn with_prerelease(&self, prerelease: &str) -> Result<Version, GoError> {
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        Ok(Version { prerelease: prerelease.to_owned(), ..self.clone() }.renamed(self))
    }

    /// The version with this metadata, as `SetMetadata`.
    pub fn with_metadata(&self, metadata: &str) -> Result<Version, GoError> {
        if !metadata.is_empty() && metadata.split('.').any(|p| p.is_empty() || !is_identifier(p)) {
            return Err(GoError::new("invalid metadata string"));
        }
        Ok(Version { metadata: metadata.to_owned(), ..self.clone() }.renamed(self))
    }

    fn next(&self, major: u64, minor: u64, patch: u64) -> Version {
        Version { major, minor, patch, prerelease: String::new(), metadata: String::new(), original: String::new() }.renamed(self)
    }

    fn renamed(mut self, from: &Version) -> Version {
        let prefix = if from.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{prefix}{self}");
        self
    }
}

fn is_identifier(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_prerelease(text: &str) -> Result<(), GoError> {
    if text.is_empty() {
        return Ok(());
    }
    for part in text.split('.') {
        if part.is_empty() || !is_identifier(part) {
            return Err(GoError::new("invalid prerelease string"));
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(GoError::new("version segment starts with 0"));
        }
    }
    Ok(())
}

fn compare_prerelease(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => compare_part(x.unwrap_or_default(), y.unwrap_or_default()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_part(a: &str, b: &str) -> Ordering {
    match (a, b) {
        _ if a == b => Ordering::Equal,
        ("", _) => Ordering::Less,
        (_, "") => Ordering::Greater,
        _ => match (num::parse_uint(a, 10), num::parse_uint(b, 10)) {
            (Err(_), Err(_)) => a.cmp(b),
            // Numbers come before words.
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Ok(x), Ok(y)) if x > y => Ordering::Greater,
            _ => Ordering::Less,
        },
    }
}

/// What a version must satisfy: groups joined by `||`, each of conditions joined by blank or comma. Masterminds' `Constraints`
/// (constraints.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraints {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    conditions: Vec<Condition>,
    /// Pre-releases are looked at only where the group names one.
    prerelease: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    TildeOrEqual,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    operator: Operator,
    sign: String,
    version: Version,
    original: String,
    /// Some part is missing or a wildcard; which one:
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups =
            self.groups.iter().map(|g| g.conditions.iter().map(|c| format!("{}{}", c.sign, c.original)).collect::<Vec<_>>().join(" "));
        f.write_str(&groups.collect::<Vec<_>>().join(" || "))
    }
}

impl Constraints {
    /// Masterminds' `NewConstraint` (constraints.go). An empty text is an error, as there.
    pub fn parse(text: &str) -> Result<Constraints, GoError> {
        if text.len() > MAX_CONSTRAINT {
            return Err(GoError::new(format!("constraint string is too long (max {MAX_CONSTRAINT} bytes)")));
        }
        let text = rewrite_ranges(text);
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > MAX_GROUPS {
            return Err(GoError::new(format!("too many constraint groups (max {MAX_GROUPS})")));
        }
        let group = |part: &str| {
            let conditions = Scan::new(part).conditions().ok_or_else(|| GoError::new(format!("improper constraint: {}", quote(part))))?;
            let conditions: Vec<Condition> = conditions.into_iter().map(Condition::new).collect::<Result<_, _>>()?;
            Ok(Group { prerelease: conditions.iter().any(|c| !c.version.prerelease.is_empty()), conditions })
        };
        Ok(Constraints { groups: parts.into_iter().map(group).collect::<Result<_, _>>()? })
    }

    /// Whether the version satisfies one group of conditions, as the method `Check`.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.conditions.iter().all(|c| c.check(version, group.prerelease).is_ok()))
    }

    /// As [`Constraints::check`], with all the reasons against the version, as the method `Validate` gives them.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut told = false;
        for group in &self.groups {
            let mut good = true;
            for condition in &group.conditions {
                if !group.prerelease && !version.prerelease.is_empty() {
                    if !told {
                        reasons.push(only_releases(version));
                        told = true;
                    }
                    good = false;
                } else if let Err(reason) = condition.check(version, group.prerelease) {
                    reasons.push(reason);
                    good = false;
                }
            }
            if good {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

/// `1.0 - 2.0` becomes `>= 1.0, <= 2.0 `.
fn rewrite_ranges(text: &str) -> String {
    let mut out = text.to_owned();
    let mut from = 0;
    while let Some(range) = Scan::new(text).range(from) {
        out = out.replacen(range.text, &format!(">= {}, <= {} ", range.from, range.to), 1);
        from = range.end;
    }
    out
}

fn only_releases(version: &Version) -> String {
    format!("{} is a prerelease version and the constraint is only looking for release versions", quote(&version.to_string()))
}

impl Condition {
    fn new(read: scan::Condition<'_>) -> Result<Condition, GoError> {
        let open = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let scan::Parts { major, minor, patch, prerelease, .. } = read.parts;
        let tail = if prerelease.is_empty() { String::new() } else { format!("-{prerelease}") };
        let (version, minor_dirty, patch_dirty) = if open(major) {
            (format!("0.0.0{tail}"), false, false)
        } else if open(minor) {
            (format!("{major}.0.0{tail}"), true, false)
        } else if open(patch) {
            (format!("{major}.{minor}.0{tail}"), false, true)
        } else {
            (read.version.to_owned(), false, false)
        };
        let operator = match read.operator {
            "" | "=" => Operator::TildeOrEqual,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterEqual,
            "<=" | "=<" => Operator::LessEqual,
            "~" | "~>" => Operator::Tilde,
            _ => Operator::Caret,
        };
        let dirty = open(major) || minor_dirty || patch_dirty;
        let version = Version::parse(&version).map_err(|_| GoError::new("constraint parser error"))?;
        Ok(Condition {
            operator,
            sign: read.operator.to_owned(),
            version,
            original: read.version.to_owned(),
            dirty,
            minor_dirty,
            patch_dirty,
        })
    }

    /// The reason, if the version does not satisfy the condition.
    fn check(&self, v: &Version, prerelease: bool) -> Result<(), String> {
        if !v.prerelease.is_empty() && !prerelease {
            return Err(only_releases(v));
        }
        let (version, constraint) = (quote(&v.to_string()), quote(&self.original));
        let answer = |holds: bool, relation: &str| if holds { Ok(()) } else { Err(format!("{version} {relation} {constraint}")) };
        let order = v.compare(&self.version);
        let c = &self.version;
        match self.operator {
            Operator::TildeOrEqual if self.dirty => self.check_tilde(v, answer),
            Operator::TildeOrEqual => answer(order.is_eq(), "is not equal to"),
            Operator::NotEqual => {
                let differs = if !self.dirty {
                    order.is_ne()
                } else if c.major != v.major || c.minor != v.minor && !self.minor_dirty {
                    true
                } else if self.minor_dirty {
                    false
                } else if self.patch_dirty {
                    (!v.prerelease.is_empty() || !c.prerelease.is_empty()) && compare_prerelease(&v.prerelease, &c.prerelease).is_ne()
                } else {
                    c.patch != v.patch || order.is_ne()
                };
                answer(differs, "is equal to")
            }
            Operator::Greater => {
                let greater = if !self.dirty || v.major == c.major && !self.minor_dirty && !self.patch_dirty {
                    order.is_gt()
                } else {
                    // `>11` means from 12 on, `>11.1` from 11.2 on.
                    v.major > c.major || v.major == c.major && !self.minor_dirty && v.minor > c.minor
                };
                answer(greater, "is less than or equal to")
            }
            Operator::Less => answer(order.is_lt(), "is greater than or equal to"),
            Operator::GreaterEqual => answer(order.is_ge(), "is less than"),
            Operator::LessEqual if self.dirty => {
                answer(!(v.major > c.major || v.major == c.major && v.minor > c.minor && !self.minor_dirty), "is greater than")
            }
            Operator::LessEqual => answer(order.is_le(), "is greater than"),
            Operator::Tilde => self.check_tilde(v, answer),
            Operator::Caret => self.check_caret(v, answer),
        }
    }

    fn check_tilde(&self, v: &Version, answer: impl Fn(bool, &str) -> Result<(), String>) -> Result<(), String> {
        let c = &self.version;
        answer(v.compare(c).is_ge(), "is less than")?;
        if (c.major, c.minor, c.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return Ok(());
        }
        answer(v.major == c.major, "does not have same major version as")?;
        answer(v.minor == c.minor || self.minor_dirty, "does not have same major and minor version as")
    }

    fn check_caret(&self, v: &Version, answer: impl Fn(bool, &str) -> Result<(), String>) -> Result<(), String> {
        let c = &self.version;
        answer(v.compare(c).is_ge(), "is less than")?;
        if c.major > 0 || self.minor_dirty {
            return answer(v.major == c.major, "does not have same major version as");
        }
        answer(v.major == 0, "does not have same major version as")?;
        if c.minor > 0 || self.patch_dirty {
            return answer(v.minor == c.minor, "does not have same minor version as")
                .map_err(|e| e + ". Expected minor versions to match when constraint major version is 0");
        }
        answer(v.minor == 0, "does not have same minor version as")?;
        answer(v.patch == c.patch, "does not equal")
            .map_err(|e| e + ". Expect version and constraint to equal when major and minor versions are 0")
    }
}
