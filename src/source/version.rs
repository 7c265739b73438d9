//! Version ranges over tags, by the rules of Masterminds/semver, which Flux and Helm use.

use helmward_chart::go::semver::{Constraints, Version};

/// A parsed range.
#[derive(Debug, Clone)]
pub struct VersionRange {
    constraints: Constraints,
}

/// A range that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version range {range:?} cannot be read: {why}; write for example \">=1.2.0 <2.0.0\" or \"1.x\"")]
pub struct VersionRangeError {
    /// The range.
    pub range: String,
    /// Why.
    pub why: String,
}

impl VersionRange {
    /// Reads a range.
    ///
    /// # Errors
    /// The text is no range.
    pub fn parse(text: &str) -> Result<Self, VersionRangeError> {
        let constraints = Constraints::parse(text);
        let constraints = constraints.map_err(|err| VersionRangeError { range: text.into(), why: err.to_string() })?;
        Ok(Self { constraints })
    }

    /// Whether a version is within the range.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.constraints.check(version)
    }

    /// The tag with the highest version within the range. A tag needs three numbers to count as a version, as in Flux; of
    /// tags that differ in build metadata only, the greater text wins.
    pub fn best<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let tags = tags.into_iter().filter(|tag| tag.splitn(3, '.').count() == 3);
        let versions = tags.filter_map(|tag| Some((Version::parse(tag).ok()?, tag))).filter(|(version, _)| self.matches(version));
        versions.max_by(|(a, tag_a), (b, tag_b)| a.compare(b).then_with(|| tag_a.cmp(tag_b))).map(|(_, tag)| tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for bad in ["", "abc", ">=", "1.2.3.4", ">= 1.0 ||", "==1.0.0", "1.-2"] {
            assert!(VersionRange::parse(bad).is_err(), "{bad:?}");
        }
    }
}
