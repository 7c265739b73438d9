//! Version ranges over tags, by the rules of the Go library that Flux and Helm use: loose versions (`v1`, `1.2`), ranges with
//! `,` or spaces for *and*, `||` for *or*, `^ ~ = != > >= < <=`, hyphen ranges and `x` wildcards. A pre-release matches
//! only where the range names one.

use std::cmp::Ordering;

/// A parsed range.
#[derive(Debug, Clone)]
pub struct VersionRange {
    /// Any of these groups may hold.
    any: Vec<Group>,
}

/// Bounds that must all hold.
#[derive(Debug, Clone)]
struct Group {
    all: Vec<Bound>,
    /// One of the bounds names a pre-release, so pre-releases may match.
    pre: bool,
}

#[derive(Debug, Clone)]
enum Bound {
    Any,
    Is(Ordering, bool, semver::Version),
    Not(semver::Version, semver::Version),
    Within(semver::Version, semver::Version),
}

/// A range that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version range {range:?} cannot be read at {part:?}; write for example \">=1.2.0 <2.0.0\" or \"1.x\"")]
pub struct VersionRangeError {
    /// The whole range.
    pub range: String,
    /// The part that is wrong.
    pub part: String,
}

impl VersionRange {
    /// Reads a range.
    ///
    /// # Errors
    /// The text is no range.
    pub fn parse(text: &str) -> Result<Self, VersionRangeError> {
        let any = text.split("||").map(|group| parse_group(text, group)).collect::<Result<_, _>>()?;
        Ok(Self { any })
    }

    /// Whether a version is within the range.
    #[must_use]
    pub fn matches(&self, version: &semver::Version) -> bool {
        self.any.iter().any(|group| (group.pre || version.pre.is_empty()) && group.all.iter().all(|bound| bound.holds(version)))
    }

    /// The tag with the highest version within the range. A tag needs three numbers to count as a version; among tags of
    /// equal precedence (they differ in build metadata) the greater text wins.
    pub fn best<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let versions = tags.into_iter().filter(|tag| tag.splitn(3, '.').count() == 3);
        let versions = versions.filter_map(|tag| Some((loose(tag)?.0, tag))).filter(|(version, _)| self.matches(version));
        versions.max_by(|(a, tag_a), (b, tag_b)| a.cmp_precedence(b).then_with(|| tag_a.cmp(tag_b))).map(|(_, tag)| tag)
    }
}

impl Bound {
    fn holds(&self, version: &semver::Version) -> bool {
        let cmp = |to: &semver::Version| version.cmp_precedence(to);
        match self {
            Self::Any => true,
            Self::Is(order, or_equal, to) => cmp(to) == *order || (*or_equal && cmp(to).is_eq()),
            Self::Within(from, below) => cmp(from).is_ge() && cmp(below).is_lt(),
            Self::Not(from, below) => !(cmp(from).is_ge() && cmp(below).is_lt()),
        }
    }
}

fn parse_group(range: &str, text: &str) -> Result<Group, VersionRangeError> {
    let bad = |part: &str| VersionRangeError { range: range.into(), part: part.trim().into() };
    let mut group = Group { all: Vec::new(), pre: false };
    if let Some((from, to)) = text.split_once(" - ") {
        let from = loose(from.trim()).ok_or_else(|| bad(from))?.0;
        let (to, given) = loose(to.trim()).ok_or_else(|| bad(to))?;
        group.pre = !from.pre.is_empty() || !to.pre.is_empty();
        group.all.push(Bound::Is(Ordering::Greater, true, from));
        group.all.push(if given == 3 { Bound::Is(Ordering::Less, true, to) } else { Bound::Is(Ordering::Less, false, next(&to, given)) });
        return Ok(group);
    }
    // an operator may stand apart from its version
    let mut words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let cut = word.find(|c: char| !"=!<>~^".contains(c)).unwrap_or(word.len());
        let (operator, mut version) = word.split_at(cut);
        if version.is_empty() {
            version = words.next().ok_or_else(|| bad(word))?;
        }
        let (bound, pre) = bound(operator, version).ok_or_else(|| bad(word))?;
        group.pre |= pre;
        group.all.push(bound);
    }
    if group.all.is_empty() { Err(bad(text)) } else { Ok(group) }
}

fn bound(operator: &str, text: &str) -> Option<(Bound, bool)> {
    let (version, given) = loose(text)?;
    let pre = !version.pre.is_empty();
    let is = |order, or_equal, version| Bound::Is(order, or_equal, version);
    let bound = match operator {
        _ if given == 0 => match operator {
            "!=" | ">" | "<" => return None,
            _ => Bound::Any,
        },
        "" | "=" if given == 3 => is(Ordering::Equal, true, version),
        "" | "=" | "~" | "~>" => {
            let end = next(&version, given.min(2));
            Bound::Within(version, end)
        }
        "!=" => {
            let end = if given == 3 { after(&version) } else { next(&version, given) };
            Bound::Not(version, end)
        }
        ">" if given < 3 => is(Ordering::Greater, true, next(&version, given)),
        ">" => is(Ordering::Greater, false, version),
        ">=" | "=>" => is(Ordering::Greater, true, version),
        "<" => is(Ordering::Less, false, version),
        "<=" | "=<" if given < 3 => is(Ordering::Less, false, next(&version, given)),
        "<=" | "=<" => is(Ordering::Less, true, version),
        "^" => {
            let end = match (version.major, version.minor) {
                (0, _) if given == 1 => next(&version, 1),
                (0, 0) if given == 3 => next(&version, 3),
                (0, _) => next(&version, 2),
                _ => next(&version, 1),
            };
            Bound::Within(version, end)
        }
        _ => return None,
    };
    Some((bound, pre))
}

/// The first version beyond those that share the first `given` numbers.
fn next(version: &semver::Version, given: usize) -> semver::Version {
    match given {
        1 => semver::Version::new(version.major.saturating_add(1), 0, 0),
        2 => semver::Version::new(version.major, version.minor.saturating_add(1), 0),
        _ => semver::Version::new(version.major, version.minor, version.patch.saturating_add(1)),
    }
}

/// The least version that comes after a full one.
fn after(version: &semver::Version) -> semver::Version {
    let mut after = version.clone();
    if after.pre.is_empty() {
        after = next(&after, 3);
        after.pre = semver::Prerelease::new("0").expect("a valid pre-release");
    } else {
        after.pre = semver::Prerelease::new(&format!("{}.0", after.pre)).unwrap_or(semver::Prerelease::EMPTY);
    }
    after
}

/// Reads a loose version; answers it with how many of its three numbers are given (wildcards are not).
fn loose(text: &str) -> Option<(semver::Version, usize)> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, ""), |(text, build)| (text, build));
    let (numbers, pre) = text.split_once('-').map_or((text, ""), |(numbers, pre)| (numbers, pre));
    let mut parsed = [0_u64; 3];
    let (mut given, mut wild, mut count) = (0, false, 0);
    for part in numbers.split('.') {
        count += 1;
        if matches!(part, "x" | "X" | "*") {
            wild = true;
        } else if !wild && count <= 3 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            parsed[given] = part.parse().ok()?;
            given += 1;
        } else if !wild || part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    if count > 3 {
        return None;
    }
    let mut version = semver::Version::new(parsed[0], parsed[1], parsed[2]);
    version.pre = semver::Prerelease::new(pre).ok()?;
    version.build = semver::BuildMetadata::new(build).ok()?;
    Some((version, given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold() {
        for (range, yes, no) in [
            ("*", "0.0.1 1.2.3", "1.0.0-rc.1"),
            (">=1.0.0", "1.0.0 2.3.4", "0.9.9 1.1.0-rc.1"),
            (">=1.0.0-0", "1.0.0 1.1.0-rc.1 1.0.0-0", "0.9.9"),
            (">=1.0.0 <2.0.0", "1.0.0 1.9.9", "2.0.0 0.1.0"),
            (">= 1.0.0, < 2.0.0", "1.0.0 1.9.9", "2.0.0"),
            ("1.x", "1.0.0 1.9.9", "2.0.0 0.9.0"),
            ("1.2", "1.2.0 1.2.9", "1.3.0"),
            ("1", "1.2.0", "2.0.0"),
            ("1.2.3", "1.2.3", "1.2.4"),
            ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
            ("~1", "1.0.0 1.9.0", "2.0.0"),
            ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
            ("^0.2.3", "0.2.3 0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("^0", "0.0.1 0.9.9", "1.0.0"),
            ("!=1.2.3", "1.2.4", "1.2.3"),
            ("!=1.2", "1.3.0", "1.2.3"),
            (">1.2", "1.3.0", "1.2.9"),
            ("<=1.2", "1.2.9", "1.3.0"),
            ("1.0.0 - 2.0.0", "1.0.0 1.5.0 2.0.0", "2.0.1"),
            ("1.0.0 - 2", "2.9.9", "3.0.0"),
            ("<1.0.0 || >=2.0.0", "0.5.0 2.0.0", "1.5.0"),
            ("v1.2.x", "1.2.9", "1.3.0"),
        ] {
            let parsed = VersionRange::parse(range).unwrap();
            let version = |text: &str| semver::Version::parse(text).unwrap();
            yes.split(' ').for_each(|v| assert!(parsed.matches(&version(v)), "{v} should be in {range}"));
            no.split(' ').for_each(|v| assert!(!parsed.matches(&version(v)), "{v} should not be in {range}"));
        }
        for bad in ["", "abc", ">=", "1.2.3.4", ">= 1.0 ||", "==1.0.0", "1.-2"] {
            assert!(VersionRange::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_best_tag_wins() {
        let tags = ["v1.0.0", "1.2.0", "v1.10.0", "v2.0.0-rc.1", "v2.0.0", "nightly", "v3", "9.9", "1.2.0+b", "1.2.0+a"];
        for (range, best) in [
            ("*", Some("v2.0.0")),
            ("1.x", Some("v1.10.0")),
            ("~1.2", Some("1.2.0+b")),
            (">=2.0.0-0 <2.0.0", Some("v2.0.0-rc.1")),
            (">4", None),
        ] {
            assert_eq!(VersionRange::parse(range).unwrap().best(tags), best, "{range}");
        }
    }
}
